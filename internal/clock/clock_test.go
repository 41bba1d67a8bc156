package clock

import (
	"testing"
	"testing/synctest"
	"time"

	"entente/errs"
)

func TestRealIsUTCInWholeMilliseconds(t *testing.T) {
	now := Real{}.Now()
	if now.Location() != time.UTC || now.Nanosecond()%int(time.Millisecond) != 0 {
		t.Errorf("%v is not UTC in whole milliseconds", now)
	}
	if !now.Equal(time.UnixMilli(now.UnixMilli())) {
		t.Error("a time written as milliseconds and read again is another time")
	}
}

func TestRealIsVirtualInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := Real{}.Now()
		time.Sleep(time.Hour) // virtual
		if d := (Real{}).Now().Sub(a); d != time.Hour {
			t.Errorf("an hour took %v", d)
		}
	})
}

func TestWatchNoticesAClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := NewWatch(time.Time{})
		start := time.Now()
		ok := func(now time.Time, want errs.Code) {
			t.Helper()
			if got := errs.CodeOf(w.Observe(now)); got != want {
				t.Errorf("at %v: code %q, want %q", now.Sub(start), got, want)
			}
		}
		ok(start, "")
		time.Sleep(time.Hour)
		ok(start.Add(time.Hour-Tolerance), "")                 // a time daemon's correction
		ok(start.Add(time.Hour-3*Tolerance), "clock.set-back") // less than an hour can have passed
		time.Sleep(time.Hour)
		ok(start.Add(time.Hour+time.Minute), "clock.set-back") // still an hour behind, though later than the last reading
		ok(start.Add(2*time.Hour), "")                         // set right
		ok(start.Add(50*time.Hour), "")                        // ahead: the machine may have slept
		ok(start.Add(2*time.Hour), "clock.set-back")
		w.Accept(start.Add(2 * time.Hour)) // a person says which one was wrong
		ok(start.Add(2*time.Hour), "")
	})
}

func TestWatchKnowsWhatTheStoreRecorded(t *testing.T) {
	recorded := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	if c := errs.CodeOf(NewWatch(recorded).Observe(recorded.Add(-time.Minute))); c != "clock.set-back" {
		t.Errorf("code %q: a node started before its own past must say so", c)
	}
	if err := NewWatch(recorded).Observe(recorded); err != nil {
		t.Error(err)
	}
}

// set is a clock that a test sets.
type set struct{ now time.Time }

func (s *set) Now() time.Time { return s.now }

func TestForwardNeverGoesBack(t *testing.T) {
	recorded := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	under := &set{recorded.Add(-time.Hour)}
	f := NewForward(under, recorded)
	told := func(want time.Duration) {
		t.Helper()
		if got := f.Now().Sub(recorded); got != want {
			t.Errorf("told %v after the newest record, want %v", got, want)
		}
	}
	told(0) // started before its own past
	under.now = recorded.Add(time.Minute)
	told(time.Minute)
	under.now = recorded.Add(-24 * time.Hour) // set back while it runs
	told(time.Minute)
	f.Raise(recorded.Add(time.Hour))
	told(time.Hour)
	f.Raise(recorded) // less than is known: no effect
	told(time.Hour)
	under.now = recorded.Add(2 * time.Hour)
	told(2 * time.Hour)
}
