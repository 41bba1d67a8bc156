package testnet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"entente/errs"
	"entente/internal/node"
	"entente/internal/office"
	"entente/internal/peer"
)

// host is the machine of one site: it has a disk and a clock, and runs one life of the node after another.
type host struct {
	w    *World
	site *site
	pin  peer.Pin
	ops  chan struct{} // capacity 1: starting, stopping and crashing, one at a time
	runs int

	mu   sync.Mutex
	life *life // nil while the machine is off
	skew time.Duration

	randomMu sync.Mutex
	random   *rand.ChaCha8 // ids and salts
	torn     *rand.Rand    // how crashes end; only under ops
	promised promises
}

// life is one run of the node's process, from its start to its end or crash. Whatever it does after its crash is not
// seen by anybody.
type life struct {
	h    *host
	dir  string
	node *node.Node
	stop context.CancelFunc // of loop
	done chan struct{}      // closed when loop ended

	mu      sync.Mutex
	armed   int  // taps until it crashes; 0: not armed
	working bool // only taps while a call is inside count
	inside  int  // calls
	dead    bool
	closing bool
	busy    sync.WaitGroup // calls inside
	died    chan struct{}  // closed at the crash
	atDeath image          // the disk at the crash
	pace    *rand.Rand     // virtual time that its steps take
}

// errDown means that nothing was asked: the machine is off. errUnknown means that the process died before it answered.
var (
	errDown    = &errs.Error{Kind: errs.Unavailable, Code: "testnet.down", Op: "testnet", Reason: "the machine is off"}
	errUnknown = &errs.Error{Kind: errs.Unavailable, Code: "testnet.unknown", Op: "testnet", Reason: "the process died before it answered"}
)

// enter counts a call into the node, so that the process is not ended under it.
func (h *host) enter() *life {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := h.life
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing || l.dead {
		return nil
	}
	l.busy.Add(1)
	l.inside++
	return l
}

func (l *life) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inside--
	l.busy.Done()
}

// attest runs look at a moment at which the node is alive, and cannot die before look is done: what look sees on the disk
// is there at any later crash. It reports whether the node was alive.
func (l *life) attest(look func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.dead {
		look()
	}
	return !l.dead
}

func (l *life) isDead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// tap is a point in the node's work at which it may crash and at which time may pass: reading clock or randomness, and
// wherever something leaves it. Between two taps nobody outside learns anything.
func (l *life) tap() {
	l.mu.Lock()
	var pause time.Duration
	switch {
	case l.dead:
	case l.armed > 1 && (l.inside > 0 || !l.working):
		l.armed--
	case l.armed == 1 && (l.inside > 0 || !l.working):
		l.dieLocked()
	default:
		if slow := l.h.w.script.Slow; slow > 0 {
			pause = time.Duration(l.pace.Int64N(int64(slow)))
		}
	}
	l.mu.Unlock()
	if pause > 0 {
		time.Sleep(pause)
	}
}

func (l *life) picture() image {
	im, err := take(l.dir)
	if err != nil {
		l.h.w.problem("%s: the disk cannot be read: %v", l.h.site.party(), err)
	}
	return im
}

func (l *life) dieLocked() {
	l.dead = true
	l.atDeath = l.picture()
	close(l.died)
}

func (l *life) die() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.dead {
		l.dieLocked()
	}
}

// Now is the machine's clock.
func (l *life) Now() time.Time {
	l.tap()
	return l.h.now()
}

func (h *host) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.w.now().Add(h.skew).UTC().Truncate(time.Millisecond)
}

// Read is the machine's randomness for ids and salts: from the seed, so that a run can be repeated. Keys and signatures
// use the system's, which changes bytes and no size or order.
func (l *life) Read(p []byte) (int, error) {
	l.tap()
	l.h.randomMu.Lock()
	defer l.h.randomMu.Unlock()
	return l.h.random.Read(p)
}

// start begins a life on the disk im, and another after each crash at the start. armed is the tap at which it crashes.
func (h *host) start(im image, armed int) {
	for {
		h.runs++
		l := &life{h: h, dir: filepath.Join(h.w.dir, fmt.Sprintf("%s.%d", h.site.party(), h.runs)), armed: armed, died: make(chan struct{}), done: make(chan struct{}),
			pace: h.w.stream("pace", string(h.site.party()), fmt.Sprint(h.runs))}
		if err := im.write(l.dir); err != nil {
			h.w.problem("%s: the disk cannot be written: %v", h.site.party(), err)
			return
		}
		h.w.watchRestart(h, im)
		n, err := node.Open(context.Background(), node.Config{Dir: l.dir, Passphrase: h.site.passphrase, Version: "testnet", Clock: l, Random: l, Transport: l,
			Logger: h.w.logger(h), Budget: h.w.script.Budget, Fatal: func(err error) { h.w.problem("%s: durable storage failed: %v", h.site.party(), err) }})
		if err != nil {
			h.w.problem("%s: the node does not start: %v", h.site.party(), err)
			return
		}
		l.node = n
		if l.isDead() {
			h.w.tell("%s crashes while it starts", h.site.party())
			im, armed = l.end(h.torn, true), 0
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		l.stop = cancel
		go func() {
			defer close(l.done)
			n.Work(ctx)
		}()
		h.mu.Lock()
		h.life = l
		h.mu.Unlock()
		return
	}
}

// end ends a life and returns the disk that it leaves.
func (l *life) end(r *rand.Rand, crash bool) image {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	if l.stop != nil {
		l.stop()
		<-l.done
	}
	l.busy.Wait()
	var after image // whatever it did since its crash was heard by nobody: as if it had crashed later
	if crash {
		after = l.picture()
	}
	if err := l.node.Close(); err != nil && !crash {
		l.h.w.problem("%s: the node does not close: %v", l.h.site.party(), err)
	}
	var im image
	how := "stopped in order"
	if crash {
		im, how = tear(l.atDeath, after, r)
	} else {
		im = l.picture()
	}
	l.h.w.tell("%s: disk kept: %s", l.h.site.party(), how)
	l.h.w.count("disks " + how)
	os.RemoveAll(l.dir)
	return im
}

// crash kills the node's process after so many more of its steps, or when it has none for a while, and starts it again
// on what its disk held. again is the step of the new life at which that one crashes too; 0: it does not.
func (h *host) crash(after int, working bool, down time.Duration, again int) {
	h.ops <- struct{}{}
	defer func() { <-h.ops }()
	l := h.current()
	if l == nil {
		return
	}
	l.arm(after, working)
	for {
		select {
		case <-l.died:
		case <-time.After(20 * time.Second):
			l.die()
		}
		h.w.tell("%s crashes", h.site.party())
		h.off()
		im := l.end(h.torn, true)
		time.Sleep(down)
		h.start(im, again)
		h.w.tell("%s is up again", h.site.party())
		if l, again = h.current(), 0; l == nil || !l.isArmed() {
			return
		}
	}
}

func (l *life) arm(after int, working bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.armed, l.working = max(after, 1), working
}

func (l *life) isArmed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.armed > 0
}

// restart stops the node in order and starts it again.
func (h *host) restart(down time.Duration) {
	h.ops <- struct{}{}
	defer func() { <-h.ops }()
	if im := h.halt(); im != nil {
		time.Sleep(down)
		h.start(im, 0)
		h.w.tell("%s is up again", h.site.party())
	}
}

// halt stops the node in order and returns its disk. The caller holds ops.
func (h *host) halt() image {
	l := h.current()
	if l == nil {
		return nil
	}
	h.off()
	return l.end(nil, false)
}

func (h *host) current() *life {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.life
}

func (h *host) off() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.life = nil
}

// setClock moves the machine's clock.
func (h *host) setClock(skew time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.skew = skew
}

// ask runs one operation of the node's people. errDown and errUnknown are the machine's answers, all others the node's;
// after nil or a refusal of the node, the act and its record are promised.
func (h *host) ask(op func(ctx context.Context, o *office.Office) error) error {
	l := h.enter()
	if l == nil {
		return errDown
	}
	defer l.leave()
	err := op(context.Background(), l.node.Office())
	l.tap()
	if !l.attest(func() { h.w.watchAnswer(l) }) {
		return errUnknown
	}
	if k := errs.KindOf(err); err != nil && (k == errs.Internal || k == errs.Fatal) {
		h.w.problem("%s: %v", h.site.party(), err)
	}
	return err
}
