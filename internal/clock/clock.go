// Package clock is where a node gets its time, and where it notices that the time went backwards.
//
// Rooms at the module root never read a clock: time is an argument. The node reads it from a [Clock] once per act and
// hands the same value to everything the act touches. Use [Real] in a running node. Tests that need hours to pass in
// a moment use testing/synctest with Real (the time package is virtual inside a bubble) or a Clock of their own.
//
// A journal's time never decreases, whatever the machine's clock does: the store keeps the highest time it committed.
// [Forward] makes decisions keep to the same rule. [Watch] is the warning beside it: it tells an operator that the clock
// was set back, while a node runs or between two runs, so that nobody reads deadlines from a wrong clock. It decides
// nothing by itself.
package clock

import (
	"sync"
	"time"

	"entente/errs"
)

// Clock tells the time, in UTC and whole milliseconds, the unit of every time Entente writes.
type Clock interface{ Now() time.Time }

// Real is the machine's clock.
type Real struct{}

// Now returns the present time in UTC, cut to the millisecond, so that what is stored equals what was decided on. The
// monotonic part of the reading is dropped with it.
func (Real) Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// Forward is a clock that never goes back: while the one beneath it stands before the newest time it told, it tells that time
// again. A node decides by it, so that a clock that was set back neither puts a lapsed delegation in force again nor
// lets an act bear another time than the one it was judged at. It is safe for concurrent use.
type Forward struct {
	under Clock

	mu   sync.Mutex
	last time.Time
}

// NewForward returns a clock over under that starts no earlier than last, the newest time this node is known to have recorded;
// the zero time means a node without a past.
func NewForward(under Clock, last time.Time) *Forward { return &Forward{under: under, last: last} }

// Now returns the time of the clock beneath, or the newest time told before, whichever is later.
func (f *Forward) Now() time.Time {
	now := f.under.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if now.Before(f.last) {
		return f.last
	}
	f.last = now
	return now
}

// Raise makes last the least that Now tells. A node that finds newer records than it knew of when it started raises to them.
func (f *Forward) Raise(last time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last.After(f.last) {
		f.last = last
	}
}

// Tolerance is how far a clock may step back unnoticed: time daemons correct a running clock by less than this.
const Tolerance = 2 * time.Second

// Watch compares the wall clock with the monotonic clock, which only ever runs forward. It is safe for concurrent use.
type Watch struct {
	start time.Time // carries a monotonic reading; only used as the zero of elapsed time

	mu      sync.Mutex
	wall    time.Time     // the last wall time found in order
	elapsed time.Duration // monotonic time at that moment
}

// NewWatch starts a watch. last is the newest time this node is known to have recorded, from its store; the zero time
// means a node without a past. If the process dies nothing is lost: the next watch starts from the store again.
func NewWatch(last time.Time) *Watch { return &Watch{start: time.Now(), wall: last} }

// Observe judges the wall time now. If it is more than [Tolerance] before where the last good reading and the time that
// really passed since then say it must be, Observe fails with Kind Unavailable and code clock.set-back, and goes on
// failing until the clock is right again or [Watch.Accept] is called. A clock that jumps ahead is believed: that cannot be told
// from a machine that slept.
func (w *Watch) Observe(now time.Time) error {
	elapsed := time.Since(w.start)
	w.mu.Lock()
	defer w.mu.Unlock()
	if must := w.wall.Add(elapsed - w.elapsed); !w.wall.IsZero() && now.Before(must.Add(-Tolerance)) {
		return &errs.Error{Kind: errs.Unavailable, Code: "clock.set-back", Op: "clock.observe",
			Subject: must.Sub(now).Round(time.Second).String(),
			Reason:  "the clock stands before a time this node has already recorded",
			Next:    "set the machine's clock right; deadlines shown until then are wrong"}
	}
	w.wall, w.elapsed = now, elapsed
	return nil
}

// Accept takes now as right. It is for a named person's recorded act, after a clock that ran ahead was corrected.
func (w *Watch) Accept(now time.Time) {
	elapsed := time.Since(w.start)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wall, w.elapsed = now, elapsed
}
