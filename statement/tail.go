package statement

import (
	"slices"

	"entente/errs"
	"entente/party"
)

// Tail is what the next act of one journal is checked against: the highest time and seen of the acts before it. The
// zero Tail stands before the first.
type Tail struct {
	Time int64  `cbor:"1,keyasint"`
	Seen []Seen `cbor:"2,keyasint,omitempty"`
}

// Follow checks that a's time and seen do not fall behind t, and returns the tail after a. An act that falls behind is
// kept, flagged and not obeyed, and does not lower the tail: what comes after it is judged as if it had not been.
// Codes: statement.time.decreasing, statement.seen.decreasing.
func (t Tail) Follow(a *Act) (next Tail, codes []errs.Code) {
	next = Tail{Time: max(t.Time, a.Time), Seen: a.Seen}
	if a.Time < t.Time {
		codes = append(codes, "statement.time.decreasing")
	}
	for _, s := range t.Seen {
		if s.Size > 0 && !a.Sees(s.Author, s.Epoch, s.Size-1) {
			next.Seen = join(t.Seen, a.Seen)
			return next, append(codes, "statement.seen.decreasing")
		}
	}
	return next, codes
}

// join returns the higher of two seen for every author.
func join(a, b []Seen) []Seen {
	out := slices.Concat(a, b)
	slices.SortFunc(out, func(x, y Seen) int {
		switch {
		case x.Author != y.Author && x.Author < y.Author:
			return -1
		case x.Author != y.Author:
			return 1
		case x.Epoch != y.Epoch && x.Epoch > y.Epoch || x.Epoch == y.Epoch && x.Size > y.Size:
			return -1
		case x.Epoch == y.Epoch && x.Size == y.Size:
			return 0
		}
		return 1
	})
	return slices.CompactFunc(out, func(x, y Seen) bool { return x.Author == y.Author })
}

// Settled reports whether the state of a thread is settled: every reader of the channel other than a statement's own
// author has seen it. seen[r] is the highest seen of reader r's journal up to, and without, its first act that is not
// held or not known, because what stands there might belong to the thread. A thread with no statement is not settled.
func Settled(thread []*Statement, readers []party.Author, seen map[party.Author][]Seen) bool {
	for _, s := range thread {
		if s == nil || s.Act == nil {
			return false
		}
		for _, r := range readers {
			view := Act{Seen: seen[r]}
			if r != s.Act.Author && !view.Sees(s.Act.Author, s.Act.Epoch, s.Index) {
				return false
			}
		}
	}
	return len(thread) > 0
}
