package testnet

import (
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"entente/examples/exercise"
	"entente/exchange"
)

// Script is what happens in one run. It is a pure function of the seed and the number of sites.
type Script struct {
	Seed    uint64
	Start   time.Time
	Skews   []time.Duration // of each site's clock at the start
	Slow    time.Duration   // the longest that one step of a node takes
	Budget  int             // bytes of one bundle; 0: the node's own
	Weather Weather         // at the start
	Events  []Event         // by time
	Days    bool            // at the end all machines are off for days before the last quiet; clocks are then right
	Crash   bool            // the last stop is a crash
}

// Event is one thing that happens.
type Event struct {
	At      time.Duration
	Do      string
	Host    int           // index of the site
	Peer    int           // of the other one, where there are two
	N       int           // taps, copies, a choice: what Do needs
	Again   int           // a second crash, at this tap after the restart; 0: none
	Long    time.Duration // downtime, hold, step of the clock
	How     string
	Weather Weather
}

func (e Event) String() string {
	s := fmt.Sprintf("%9.3fs %-9s %d", e.At.Seconds(), e.Do, e.Host)
	if e.Peer != e.Host {
		s += fmt.Sprintf("->%d", e.Peer)
	}
	if e.How != "" {
		s += " " + e.How
	}
	if e.N != 0 {
		s += fmt.Sprintf(" n=%d", e.N)
	}
	if e.Again != 0 {
		s += fmt.Sprintf(" again=%d", e.Again)
	}
	if e.Long != 0 {
		s += " " + e.Long.String()
	}
	if e.Weather != (Weather{}) {
		s += fmt.Sprintf(" %+v", e.Weather)
	}
	return s
}

func (s *Script) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: from %s, clocks %v, slow %v, budget %d, weather %+v, days %v, crash at the end %v\n", s.Seed, s.Start.Format(time.RFC3339), s.Skews, s.Slow, s.Budget, s.Weather, s.Days, s.Crash)
	for _, e := range s.Events {
		b.WriteString(e.String() + "\n")
	}
	return b.String()
}

// stream returns a source of choices of its own for each purpose, so that one more draw here changes nothing there.
func stream(seed uint64, names ...string) *rand.Rand {
	d := sha512.Sum512([]byte(fmt.Sprintf("entente/testnet/1\x00%d\x00%s", seed, strings.Join(names, "\x00"))))
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(d[:8]), binary.BigEndian.Uint64(d[8:16])))
}

// Length of the part of a run in which things happen.
const length = 80 * time.Second

// NewScript makes the script of a seed for so many sites.
func NewScript(seed uint64, sites int) *Script {
	r := stream(seed, "script")
	pick := func(list ...time.Duration) time.Duration { return list[r.IntN(len(list))] }
	chance := func(p float64) bool { return r.Float64() < p }
	s := &Script{Seed: seed, Start: epoch, Slow: pick(0, 2*time.Millisecond, 20*time.Millisecond, 100*time.Millisecond), Days: chance(0.25), Crash: chance(0.5), Weather: weather(r)}
	if chance(0.1) {
		s.Start = time.Date(2026, 12, 31, 23, 59, 20, 0, time.UTC) // the registers begin anew
	}
	heavy := chance(0.2)
	if heavy {
		s.Budget = exchange.MinBudget
	}
	for range sites {
		s.Skews = append(s.Skews, pick(0, 0, 300*time.Millisecond, -45*time.Second, 90*time.Second, 2*time.Hour, -26*time.Hour))
	}
	at := func(from, to float64) time.Duration { // never two at one moment
		return time.Duration((from + r.Float64()*(to-from)) * float64(length))
	}
	add := func(e Event) { s.Events = append(s.Events, e) }
	site := func() (int, int) { // one and another
		h := r.IntN(sites)
		return h, (h + 1 + r.IntN(sites-1)) % sites
	}
	both := func(e Event) Event { e.Host, e.Peer = site(); return e }
	one := func(e Event) Event { e.Host, _ = site(); e.Peer = e.Host; return e }

	// Work: some reports, decided and registered now and then.
	for i := range 2 + r.IntN(3) {
		e := both(Event{At: at(0.02, 0.6), Do: "propose", N: r.IntN(12)})
		if heavy && i > 0 {
			e = s.Events[0] // all from one side, so that they do not fit one bundle
			e.At, e.N = at(0.02, 0.3), r.IntN(12)
		}
		if heavy {
			e.How = "heavy"
		}
		add(e)
	}
	for h := range sites {
		for range 2 {
			add(Event{At: at(0.1, 0.8), Do: "approve", Host: h, Peer: h, Long: pick(0, 0, 0, 3*time.Second, 15*time.Second)})
		}
		for range 2 {
			add(Event{At: at(0.2, 0.95), Do: "accept", Host: h, Peer: h})
		}
	}
	if chance(0.3) {
		add(one(Event{At: at(0.1, 0.7), Do: "stop"}))
	}
	if chance(0.4) {
		add(one(Event{At: at(0.2, 0.9), Do: "misdeed"}))
	}
	if chance(0.3) {
		add(one(Event{At: at(0.5, 0.95), Do: "open"}))
	}
	work := len(s.Events)
	// Trouble.
	for range 1 + r.IntN(3) {
		add(both(Event{At: at(0, 0.9), Do: "partition", Long: time.Duration(2+r.IntN(30)) * time.Second, How: []string{"there", "both"}[r.IntN(2)]}))
	}
	for range r.IntN(4) {
		e := one(Event{At: at(0.02, 0.95), Do: "crash", N: 1 + r.IntN(40), Long: time.Duration(r.IntN(15_000)) * time.Millisecond})
		if w := s.Events[r.IntN(work)]; chance(0.7) { // in the middle of it, or of what follows
			e.Host, e.Peer, e.At = w.Host, w.Host, w.At-time.Microsecond
			if chance(0.3) {
				e.Host, e.Peer = w.Peer, w.Peer
			}
		}
		if chance(0.75) {
			e.How, e.N = "at work", 1+r.IntN(15)
		}
		if chance(0.2) {
			e.Again = 1 + r.IntN(12)
		}
		add(e)
	}
	if chance(0.3) {
		add(one(Event{At: at(0.1, 0.9), Do: "restart", Long: time.Duration(r.IntN(10_000)) * time.Millisecond}))
	}
	for range r.IntN(3) {
		add(one(Event{At: at(0.05, 0.95), Do: "clock", Long: pick(-time.Second, -40*time.Second, time.Minute, 25*time.Hour, -2*time.Hour)}))
	}
	for range 1 + r.IntN(2) {
		add(Event{At: at(0.1, 0.9), Do: "weather", Weather: weather(r)})
	}
	for range 1 + r.IntN(3) {
		add(one(Event{At: at(0.2, 1), Do: "garbage", N: r.IntN(1000), How: damages[r.IntN(len(damages))]}))
	}
	for range r.IntN(3) {
		add(both(Event{At: at(0, 0.8), Do: "forge", How: forgeries[r.IntN(len(forgeries))]}))
	}
	for range r.IntN(3) {
		add(both(Event{At: at(0.05, 0.9), Do: "courier", N: 1 + r.IntN(2), Long: time.Duration(1+r.IntN(40)) * time.Second}))
	}
	if chance(0.15) {
		add(one(Event{At: at(0.3, 0.9), Do: "rebuild"}))
	}
	slices.SortStableFunc(s.Events, func(a, b Event) int { return int(a.At - b.At) })
	return s
}

func weather(r *rand.Rand) Weather {
	pick := func(list ...float64) float64 { return list[r.IntN(len(list))] }
	return Weather{Loss: pick(0, 0, 0.1, 0.3, 0.6), Twice: pick(0, 0.1, 0.4), Late: pick(0, 0.1, 0.3),
		Delay: time.Duration(pick(1, 20, 300, 4000) * float64(time.Millisecond))}
}

// calm is the weather in which everything must come to rest.
var calm = Weather{Delay: 30 * time.Millisecond}

var releasable = regexp.MustCompile(`(?m)^\*\*(\d+)\. \(([^)]*//REL TO [^)]*)\)`)

// report returns a report of the exercise that comes from a party, and its sheet. A heavy one has further paragraphs, so that its version comes
// near the largest that fits a statement.
func report(from string, n int, heavy bool) (raw, sheet []byte) {
	var own []exercise.Report
	for _, r := range exercise.Reports() {
		if r.From == from {
			own = append(own, r)
		}
	}
	r := own[n%len(own)]
	if !heavy {
		return r.Report, r.Sheet
	}
	text := string(r.Report)
	numbers := regexp.MustCompile(`(?m)^\*\*(\d+)\. `).FindAllStringSubmatch(text, -1)
	mark := releasable.FindStringSubmatch(text)
	last := numbers[len(numbers)-1][1]
	at := strings.LastIndex(text, "\n---\n")
	k, _ := strconv.Atoi(last)
	for i := range 6 {
		more := fmt.Sprintf("\n**%d. (%s)** %s\n", k+1+i, mark[2], strings.TrimSpace(strings.Repeat("EXERCISE filler of no meaning. ", 220)))
		text = text[:at] + more + text[at:]
		at += len(more)
	}
	digest := sha512.Sum384([]byte(text))
	old := regexp.MustCompile(`(?m)^digest = "[0-9a-f]{96}"$`)
	return []byte(text), old.ReplaceAll(r.Sheet, []byte(`digest = "`+hex.EncodeToString(digest[:])+`"`))
}
