// Package testnet runs several nodes in one process and tries to make them lose, contradict or give away something.
//
// # Use
//
// [Prepare] makes the nodes once: keys, staff, pairing, an agreement signed by all. [Base.Run], called inside a
// testing/synctest bubble, copies them, plays the script of a seed and returns what went wrong and the story of the run.
// The nodes are real: node.Open with the real store, real cryptography and real files; what is simulated is what comes to a
// node through node.Config: clock, randomness and transport. Time is the bubble's: an hour of waiting costs nothing.
//
// # What a seed decides
//
// The [Script]: what people do and when, how clocks stand, what the network does to the nth bundle in each direction, who
// crashes after how many of its steps, what a courier carries, what a stranger or a lying partner sends. Two things are
// not the seed's: the bytes of keys and signatures, and the order of goroutines that run at one moment of virtual time.
// Runs of one seed therefore tell nearly always the same story.
//
// # What a crash is
//
// At a tap (reading clock or randomness, sending, answering) the files are copied as the system has them, also in the
// middle of a transaction, and the process goes on unseen: nothing it sends leaves, nothing it answers counts. The next life
// starts on the copy, sometimes with any part of what the log got between that tap and the next, cut off or zeroed, as when
// the power fails during a sync. So it covers: a process that dies between any two steps, a torn last write, a commit that
// nobody heard of, and a crash during recovery. It does not cover a sync that was never asked for: in a copy of files there
// is no difference between written and synced. Package store watches its own system calls for that.
//
// # What is checked
//
// While it runs: every bundle, at the moment it leaves, is opened and held against the sender's disk (a receipt covers
// what is there; a checkpoint is stored and marked before it leaves; nobody sends what is not his to say); every disk is held, before
// a node starts on it, against everything the node ever told anybody; heads on the wire never contradict each other; no
// node waits for the network to take a bundle in; what must be refused is refused. At the end, after a quiet: see check.go.
package testnet

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"entente/exchange"
	"entente/internal/peer"
)

// World is one run.
type World struct {
	base      *Base
	dir       string
	script    *Script
	hosts     []*host
	byAddress map[string]*host
	links     map[[2]*host]*exchange.Link
	net       *network
	began     time.Time
	group     sync.WaitGroup // what goes on in the background
	break_    Break

	mu       sync.Mutex
	notes    map[string]map[uint64][32]byte // heads seen on the wire: roots by origin and size
	story    []string
	problems []string
	promised []promise
	counts   map[string]int
}

// Result is what a run comes to.
type Result struct {
	Script   *Script
	Problems []string       // what is wrong; none in a good run
	Story    []string       // what happened, by virtual time
	Counts   map[string]int // how often things happened, to see that a run was worth it
}

// String is what a person needs to find the defect: script, story, problems.
func (r *Result) String() string {
	return fmt.Sprintf("%s\n%s\n\n%d problems:\n%s", r.Script, strings.Join(r.Story, "\n"), len(r.Problems), strings.Join(r.Problems, "\n"))
}

func (w *World) stream(names ...string) *rand.Rand { return stream(w.script.Seed, names...) }

// now is the true time of the exercise.
func (w *World) now() time.Time { return w.script.Start.Add(time.Since(w.began)) }

// tell adds a line to the story.
func (w *World) tell(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.story = append(w.story, fmt.Sprintf("%9.3fs ", time.Since(w.began).Seconds())+fmt.Sprintf(format, args...))
}

// problem records that a promise was broken. The run goes on: what follows may say more.
func (w *World) problem(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	w.tell("PROBLEM %s", s)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.problems = append(w.problems, s)
}

func (w *World) count(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[what]++
}

func (w *World) background(fn func()) { w.group.Go(fn) }

// logger puts a node's warnings into the story.
func (w *World) logger(h *host) *slog.Logger {
	return slog.New(slog.NewTextHandler(logWriter{w, h}, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

type logWriter struct {
	w *World
	h *host
}

func (l logWriter) Write(p []byte) (int, error) {
	l.w.tell("%s says: %s", l.h.site.party(), strings.TrimSpace(string(p)))
	return len(p), nil
}

// Break weakens the simulated machine itself, to see that the checks notice.
type Break struct {
	ForgetfulDisk bool // a crash leaves an older disk than it must: syncs that did nothing
}

// Run plays the script of a seed in dir, which is empty, and checks the end. It must be called in a synctest bubble.
func (b *Base) Run(dir string, seed uint64, weaken Break) *Result {
	return b.Play(dir, NewScript(seed, len(b.sites)), weaken)
}

// Play plays a script.
func (b *Base) Play(dir string, s *Script, weaken Break) *Result {
	w := &World{base: b, dir: dir, script: s, byAddress: map[string]*host{}, links: map[[2]*host]*exchange.Link{}, began: time.Now(), break_: weaken,
		notes: map[string]map[uint64][32]byte{}, counts: map[string]int{}}
	w.net = &network{w: w, weather: s.Weather, cut: map[[2]*host]int{}, lies: map[[2]*host][]string{}, fates: map[[2]*host]*rand.Rand{}, last: time.Now()}
	defer func() { // whatever went wrong, nothing goes on
		for _, h := range w.hosts {
			if l := h.current(); l != nil {
				h.off()
				l.end(nil, false)
			}
		}
		w.group.Wait()
	}()
	result := func() *Result {
		return &Result{Script: s, Problems: w.problems, Story: w.story, Counts: w.counts}
	}
	for i, site := range b.sites {
		h := &host{w: w, site: site, pin: peer.Pin(site.statement.TLS), ops: make(chan struct{}, 1), skew: s.Skews[i], promised: newPromises(),
			torn: w.stream("torn", string(site.party()))}
		var seed [32]byte
		copy(seed[:], fmt.Sprintf("random %d %s", s.Seed, site.party()))
		h.random = rand.NewChaCha8(seed)
		w.hosts, w.byAddress[site.address] = append(w.hosts, h), h
	}
	for _, x := range w.hosts {
		for _, y := range w.hosts {
			if x == y {
				continue
			}
			l, err := b.link(x.site, y.site)
			if err != nil {
				w.problem("%v", err)
				return result()
			}
			w.links[[2]*host{x, y}] = l
		}
	}
	for i, h := range w.hosts {
		im, err := take(h.site.dir)
		if err != nil {
			w.problem("%v", err)
			return result()
		}
		time.Sleep(time.Duration(i+1) * 137 * time.Millisecond) // no two machines tick together
		h.start(im, 0)
		if h.current() == nil {
			return result()
		}
	}
	for i := range s.Events {
		e := s.Events[i]
		w.background(func() {
			time.Sleep(time.Until(w.began.Add(e.At)))
			w.do(e, w.stream("event", fmt.Sprint(i)))
		})
	}
	w.group.Wait()
	w.settle()
	w.group.Wait()
	w.check()
	return result()
}

// do is one event of the script.
func (w *World) do(e Event, r *rand.Rand) {
	w.tell("* %s", e)
	h, p := w.hosts[e.Host], w.hosts[e.Peer]
	switch e.Do {
	case "propose":
		h.propose(p, e.N, e.How == "heavy")
	case "approve":
		h.approve(e.Long)
	case "accept":
		h.accept()
	case "stop":
		h.stop()
	case "misdeed":
		h.misdeeds(p)
	case "open":
		h.read()
	case "rebuild":
		h.rebuild()
	case "partition":
		if e.How == "both" {
			w.background(func() { w.net.partition(p, h, e.Long) })
		}
		w.net.partition(h, p, e.Long)
	case "weather":
		w.net.setWeather(e.Weather)
	case "crash":
		h.crash(e.N, e.How == "at work", e.Long, e.Again)
	case "restart":
		h.restart(e.Long)
	case "clock":
		h.setClock(e.Long)
	case "garbage":
		w.net.garbage(h, e.N, e.How, r)
	case "forge":
		w.net.forge(h, p, e.How)
	case "courier":
		w.net.carry(h, p, e.Long, e.N)
	default:
		panic("no such event: " + e.Do)
	}
}

// settle ends all trouble and lets people finish their work, until nothing is said any more.
func (w *World) settle() {
	w.net.setWeather(calm)
	w.tell("all links work and the weather is calm")
	if w.script.Days { // everybody goes home; when they come back, clocks are right and everything begins anew
		var disks []image
		for _, h := range w.hosts {
			h.ops <- struct{}{}
			disks = append(disks, h.halt())
		}
		time.Sleep(60 * time.Hour)
		for i, h := range w.hosts {
			h.setClock(0)
			if disks[i] != nil {
				h.start(disks[i], 0)
			}
			<-h.ops
		}
		w.tell("two and a half days later: everybody is back")
	} else {
		for _, h := range w.hosts { // clocks are set right, unless they ran ahead
			h.setClock(h.ahead())
		}
	}
	for range 8 {
		w.quiet()
		left := 0
		for _, h := range w.hosts {
			left += h.finish()
		}
		if left == 0 {
			w.quiet()
			return
		}
	}
	w.problem("people never come to an end of their work")
}

// quiet waits until nothing is under way.
func (w *World) quiet() {
	const silence, most = 12 * time.Second, 5 * time.Minute
	for began := time.Now(); ; time.Sleep(time.Second) {
		if w.net.quietFor() >= silence && time.Since(began) >= silence {
			return
		}
		if time.Since(began) > most {
			w.problem("bundles are still sent %v after the last trouble", most)
			return
		}
	}
}

// Home is a directory in memory where the system has one: these disks are written often and kept never.
func Home() (string, error) {
	if st, err := os.Stat("/dev/shm"); err == nil && st.IsDir() {
		if dir, err := os.MkdirTemp("/dev/shm", "entente-testnet-"); err == nil {
			return dir, nil
		}
	}
	return os.MkdirTemp("", "entente-testnet-")
}
