package testnet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"entente/errs"
	"entente/internal/peer"
)

// postTimeout is how long a node waits for an answer, as an HTTP client does.
const postTimeout = 8 * time.Second

// Weather is how the network treats what is sent, until it changes. Probabilities are from 0 to 1, each for one direction.
type Weather struct {
	Loss  float64       // a bundle or an answer is lost
	Twice float64       // a bundle arrives a second time, later
	Late  float64       // a bundle arrives when its sender no longer waits: after what is sent next
	Delay time.Duration // the longest of an ordinary delay
}

// network is everything between the hosts. What happens to the nth bundle in a direction depends on the seed and n alone.
type network struct {
	w *World

	mu      sync.Mutex
	weather Weather
	cut     map[[2]*host]int      // how many partitions cut a direction now
	lies    map[[2]*host][]string // what is made of the next bundles in a direction that have something to change
	fates   map[[2]*host]*rand.Rand
	seen    []parcel  // everything sent, oldest first
	last    time.Time // when something was last under way
}

// parcel is one bundle that was on the wire.
type parcel struct {
	from, to *host
	raw      []byte
}

type fate struct {
	lost, answerLost   bool
	delay, answerDelay time.Duration
	again              time.Duration // a second arrival after this; 0: none
	late               bool
	lateness           time.Duration
}

func (n *network) draw(from, to *host) fate {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.fates[[2]*host{from, to}]
	if r == nil {
		r = n.w.stream("fate", string(from.site.party()), string(to.site.party()))
		n.fates[[2]*host{from, to}] = r
	}
	delay := func(most time.Duration) time.Duration {
		return time.Microsecond + time.Duration(r.Int64N(int64(most)+1))
	}
	// Every draw is made, so that the next bundle's fate does not depend on this one's.
	f := fate{lost: r.Float64() < n.weather.Loss, answerLost: r.Float64() < n.weather.Loss, delay: delay(n.weather.Delay), answerDelay: delay(n.weather.Delay)}
	twice, again := r.Float64(), delay([]time.Duration{30 * time.Millisecond, 20 * time.Second}[r.IntN(2)])
	late, lateness := r.Float64(), delay(30*time.Second)
	if twice < n.weather.Twice {
		f.again = again
	}
	if late < n.weather.Late {
		f.late, f.lateness = true, postTimeout+lateness
	}
	return f
}

func (n *network) isCut(from, to *host) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cut[[2]*host{from, to}] > 0
}

// partition cuts a direction for so long.
func (n *network) partition(from, to *host, long time.Duration) {
	n.change(from, to, 1)
	time.Sleep(long)
	n.change(from, to, -1)
}

func (n *network) change(from, to *host, by int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut[[2]*host{from, to}] += by
}

func (n *network) setWeather(w Weather) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.weather = w
}

// carried remembers what was on the wire, for replays, and that the network is not quiet.
func (n *network) carried(p parcel) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen = append(n.seen, p)
	n.last = time.Now()
}

// quietFor is how long nothing has been sent.
func (n *network) quietFor() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return time.Since(n.last)
}

// captured returns one of the parcels sent to a host so far, or false.
func (n *network) captured(to *host, which int) (parcel, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []parcel
	for _, p := range n.seen {
		if p.to == to {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return parcel{}, false
	}
	return all[which%len(all)], true
}

func unreachable(addr string) error {
	return &errs.Error{Kind: errs.Unavailable, Code: "peer.unreachable", Op: "peer.post", Subject: addr}
}

// Post implements link.Transport: it is what the node's HTTP client would be.
func (l *life) Post(ctx context.Context, addr string, pin peer.Pin, raw []byte) ([]byte, error) {
	w := l.h.w
	to := w.byAddress[addr]
	l.tap()
	what := ""
	if to == nil || to.pin != pin || !l.attest(func() { what = w.watchSent(l, to, raw) }) {
		return nil, unreachable(addr)
	}
	n := w.net
	f := n.draw(l.h, to)
	w.tell("%s -> %s %s%s", l.h.site.party(), to.site.party(), what, f)
	type result struct {
		answer []byte
		err    error
	}
	got := make(chan result, 1)
	wait, done := context.WithTimeout(ctx, postTimeout)
	defer done()
	if f.again > 0 {
		w.background(func() {
			time.Sleep(f.again)
			if !n.isCut(l.h, to) {
				w.tell("%s -> %s again", l.h.site.party(), to.site.party())
				to.receive(context.Background(), l.h, raw)
			}
		})
	}
	w.background(func() {
		serve := wait // the server sees that its client went away
		if f.late {
			time.Sleep(f.lateness)
			serve = context.Background()
		}
		time.Sleep(f.delay)
		if f.lost || n.isCut(l.h, to) {
			return
		}
		if lie := n.lie(l.h, to, raw); lie != nil {
			to.receive(serve, l.h, lie) // before the truth, or instead of it
			if f.delay%2 == 0 {
				return
			}
		}
		answer, err := to.receive(serve, l.h, raw)
		time.Sleep(f.answerDelay)
		if f.answerLost || n.isCut(to, l.h) || errs.HasCode(err, "testnet.unknown") {
			return
		}
		if lie := n.lie(to, l.h, answer); lie != nil {
			answer = lie
		}
		got <- result{answer, err}
	})
	select {
	case r := <-got:
		if errs.HasCode(r.err, "testnet.down") {
			return nil, unreachable(addr)
		} else if r.err != nil {
			return nil, &errs.Error{Kind: errs.KindOf(r.err), Code: errs.CodeOf(r.err), Op: "peer.post", Subject: "the partner's node"}
		}
		return r.answer, nil
	case <-wait.Done():
		return nil, unreachable(addr)
	}
}

func (f fate) String() string {
	s := ""
	if f.lost {
		s += " lost"
	}
	if f.answerLost {
		s += " answer-lost"
	}
	if f.late {
		s += " late"
	}
	if f.again > 0 {
		s += " twice"
	}
	return s
}

// receive hands bytes that came over the network to the node, as its HTTPS server does.
func (h *host) receive(ctx context.Context, from *host, raw []byte) ([]byte, error) {
	l := h.enter()
	if l == nil {
		return nil, errDown
	}
	defer l.leave()
	if !l.node.Carrier().Known(from.pin) {
		return nil, &errs.Error{Kind: errs.Refused, Code: "peer.unknown", Op: "peer.serve"}
	}
	began := time.Now()
	answer, err := l.node.Carrier().Receive(ctx, raw)
	h.w.watchPatience(h, time.Since(began))
	return answer, h.answered(l, from, answer, err)
}

// answered is the moment at which an answer leaves the node, if it still lives.
func (h *host) answered(l *life, to *host, answer []byte, err error) error {
	l.tap()
	what := ""
	if !l.attest(func() {
		if len(answer) > 0 {
			what = h.w.watchSent(l, to, answer)
		}
	}) {
		return errUnknown
	}
	if what != "" {
		h.w.tell("%s => %s %s", h.site.party(), to.site.party(), what)
	}
	if k := errs.KindOf(err); err != nil && (k == errs.Internal || k == errs.Fatal) {
		h.w.problem("%s: receiving: %v", h.site.party(), err)
	}
	return err
}

// carry takes a bundle on a medium from one host to another and the answer back: packed now, opened much later, perhaps twice, perhaps
// never.
func (n *network) carry(from, to *host, under time.Duration, copies int) {
	raw, err := from.pack(to)
	if err != nil {
		return
	}
	for i := range copies {
		time.Sleep(under)
		answer, err := to.open(from, raw)
		n.w.count("bundles carried")
		n.w.tell("courier %s -> %s copy %d opened: %v", from.site.party(), to.site.party(), i+1, errs.CodeOf(err))
		if err == nil && len(answer) > 0 {
			time.Sleep(under)
			_, err := from.open(to, answer)
			n.w.tell("courier %s -> %s answer opened: %v", to.site.party(), from.site.party(), errs.CodeOf(err))
		}
	}
}

func (h *host) pack(to *host) ([]byte, error) {
	l := h.enter()
	if l == nil {
		return nil, errDown
	}
	defer l.leave()
	raw, _, _, err := l.node.Carrier().Pack(context.Background(), fmt.Sprintf("%x", h.w.base.channel.digest))
	return raw, h.answered(l, to, raw, err)
}

func (h *host) open(from *host, raw []byte) ([]byte, error) {
	l := h.enter()
	if l == nil {
		return nil, errDown
	}
	defer l.leave()
	_, answer, err := l.node.Carrier().Open(context.Background(), raw, false)
	return answer, h.answered(l, from, answer, err)
}

// garbage hands the host one of the bundles it was sent, damaged.
func (n *network) garbage(to *host, which int, how string, r *rand.Rand) {
	p, ok := n.captured(to, which)
	if !ok {
		return
	}
	raw, from, refused := append([]byte(nil), p.raw...), p.from, true
	switch how {
	case "flip":
		for range 1 + r.IntN(3) {
			raw[r.IntN(len(raw))] ^= byte(1 + r.IntN(255))
		}
		if string(raw) == string(p.raw) {
			return
		}
	case "truncate":
		raw = raw[:r.IntN(len(raw))]
	case "lengthen":
		raw = append(raw, make([]byte, 1+r.IntN(100))...)
	case "splice": // the head of one, the body of another
		if q, _ := n.captured(to, which+1); string(q.raw) != string(p.raw) {
			raw = append(raw[:len(raw)/2], q.raw[len(q.raw)/2:]...)
		} else {
			return
		}
	case "reflect": // back to where it came from
		from, to = to, p.from
	case "replay":
		refused = false
	case "noise":
		for i := range raw {
			raw[i] = byte(r.Uint32())
		}
	}
	var err error
	if r.IntN(2) == 0 {
		_, err = to.receive(context.Background(), from, raw)
	} else {
		_, err = to.open(from, raw)
	}
	n.w.tell("garbage (%s) to %s: %v", how, to.site.party(), errs.CodeOf(err))
	n.w.count("garbage sent")
	if err == nil && refused {
		n.w.problem("%s took a bundle that was damaged (%s)", to.site.party(), how)
	}
}

var damages = []string{"flip", "truncate", "lengthen", "splice", "reflect", "replay", "replay", "noise"}
