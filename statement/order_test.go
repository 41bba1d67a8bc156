package statement

import (
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"entente/errs"
	"entente/party"

	"pgregory.net/rapid"
)

// world is a channel in which honest authors speak: each sees some of what the others had said, and answers some of it.
type world struct {
	authors []party.Author
	said    map[party.Author][]*Statement
	seen    map[party.Author]map[party.Author]uint64
	n       int
}

func newWorld(authors ...party.Author) *world {
	w := &world{authors: authors, said: map[party.Author][]*Statement{}, seen: map[party.Author]map[party.Author]uint64{}}
	for _, a := range authors {
		w.seen[a] = map[party.Author]uint64{}
	}
	return w
}

// say makes a speak after having seen what seen gives, by author; answers are statements it has seen.
func (w *world) say(a party.Author, seen map[party.Author]uint64, answers ...*Statement) *Statement {
	w.n++
	act := &Act{Author: a, Epoch: 1, Thread: filled[Thread](1), Time: int64(w.n)}
	id := sha256.Sum256(fmt.Append(nil, "id", w.n))
	act.ID = ID(id[:16])
	for _, other := range slices.Sorted(slices.Values(w.authors)) {
		if n := max(seen[other], w.seen[a][other]); other != a && n > 0 {
			w.seen[a][other] = n
			act.Seen = append(act.Seen, Seen{Author: other, Epoch: 1, Size: n})
		}
	}
	for _, s := range answers {
		act.Answers = append(act.Answers, Ref{Author: s.Act.Author, ID: s.Act.ID, Leaf: s.LeafHash})
	}
	s := &Statement{Index: uint64(len(w.said[a])), LeafHash: sha256.Sum256(fmt.Append(nil, w.n, a)), Act: act}
	w.said[a] = append(w.said[a], s)
	return s
}

func (w *world) all() (out []*Statement) {
	for _, a := range w.authors {
		out = append(out, w.said[a]...)
	}
	return out
}

func honest(t *rapid.T) *world {
	w := newWorld(nz, jp, au)
	for range rapid.IntRange(0, 40).Draw(t, "statements") {
		a := rapid.SampledFrom(w.authors).Draw(t, "author")
		seen := map[party.Author]uint64{}
		var answers []*Statement
		for _, other := range w.authors {
			n := uint64(len(w.said[other]))
			if other != a && n > w.seen[a][other] {
				seen[other] = rapid.Uint64Range(w.seen[a][other], n).Draw(t, "seen")
			}
			limit := max(seen[other], w.seen[a][other])
			if other == a {
				limit = n
			}
			if limit > 0 && rapid.IntRange(0, 2).Draw(t, "answer?") == 0 {
				answers = append(answers, w.said[other][rapid.Uint64Range(0, limit-1).Draw(t, "answered")])
			}
		}
		w.say(a, seen, answers...)
	}
	return w
}

// damaged is honest, with lies: seen of the future, ids used twice, answers to nothing, two statements at one place.
func damaged(t *rapid.T) []*Statement {
	all := honest(t).all()
	for i := range all {
		switch s := all[i]; rapid.IntRange(0, 12).Draw(t, "lie") {
		case 0:
			for j := range s.Act.Seen {
				s.Act.Seen[j].Size += rapid.Uint64Range(1, 30).Draw(t, "future")
			}
		case 1:
			s.Act.ID = all[0].Act.ID
		case 2:
			s.Act.Answers = append(s.Act.Answers, Ref{Author: jp, ID: filled[ID](9), Leaf: all[rapid.IntRange(0, len(all)-1).Draw(t, "target")].LeafHash})
		case 3:
			twin := *s
			twin.LeafHash[0] ^= 1
			all = append(all, &twin)
		case 4:
			s.Act.Answers = append(s.Act.Answers, Ref{Author: jp, ID: filled[ID](9), Leaf: filled[[32]byte](byte(i))})
		}
	}
	return all
}

func TestOrderIsAFunctionOfTheSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := damaged(t)
		o1, p1, v1 := Order(all)
		mixed := rapid.Permutation(append(slices.Clone(all), rapid.SliceOfN(rapid.SampledFrom(append(all, nil)), 0, 10).Draw(t, "twice")...)).Draw(t, "arrival")
		o2, p2, v2 := Order(mixed)
		if !reflect.DeepEqual(o1, o2) || !reflect.DeepEqual(p1, p2) || !reflect.DeepEqual(v1, v2) {
			t.Fatal("the order of arrival shows")
		}
		flagged := map[string]bool{}
		for _, v := range v1 {
			if v.Code != "statement.order.cycle" {
				flagged[fmt.Sprint(v.Author, v.Epoch, v.Index)] = true
			}
		}
		left := map[*Statement]int{}
		for _, s := range slices.Concat(o1, p1) {
			left[s]++
		}
		for _, s := range all {
			if want := map[bool]int{true: 0, false: 1}[flagged[fmt.Sprint(s.Act.Author, s.Act.Epoch, s.Index)]]; left[s] != want {
				t.Fatalf("%s %d comes %d times, want %d", s.Act.Author, s.Index, left[s], want)
			}
		}
	})
}

func TestOrderKeepsWhatHappenedBefore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := honest(t)
		ordered, pending, bad := Order(rapid.Permutation(w.all()).Draw(t, "arrival"))
		if len(pending) != 0 || len(bad) != 0 || len(ordered) != len(w.all()) {
			t.Fatalf("an honest channel: %d pending, violations %v", len(pending), bad)
		}
		for i, s := range ordered {
			for _, later := range ordered[i+1:] {
				if Before(later, s) {
					t.Fatal("a statement comes before one it had seen")
				}
			}
		}
		// Whoever holds a prefix of every journal takes the statements both hold in an order that happens-before allows.
		var part []*Statement
		for _, a := range w.authors {
			part = append(part, w.said[a][:rapid.IntRange(0, len(w.said[a])).Draw(t, "held")]...)
		}
		ordered, pending, bad = Order(part)
		if len(bad) != 0 || len(ordered)+len(pending) != len(part) {
			t.Fatalf("a prefix: %v", bad)
		}
		held := map[[32]byte]bool{}
		for _, s := range ordered {
			for _, r := range s.Act.Answers {
				if !held[r.Leaf] {
					t.Fatal("an answer comes before what it answers")
				}
			}
			held[s.LeafHash] = true
		}
	})
}

func TestWhatAnswersAMissingStatementWaits(t *testing.T) {
	w := newWorld(nz, jp)
	first := w.say(nz, nil)
	reply := w.say(jp, map[party.Author]uint64{nz: 1}, first)
	other := w.say(jp, nil)
	thanks := w.say(nz, map[party.Author]uint64{jp: 1}, reply)
	ordered, pending, bad := Order([]*Statement{thanks, other, reply})
	if len(bad) != 0 || !reflect.DeepEqual(ordered, []*Statement{other}) || !reflect.DeepEqual(pending, []*Statement{reply, thanks}) {
		t.Errorf("ordered %d, pending %d, violations %v", len(ordered), len(pending), bad)
	}
	if got := Pending([]*Statement{thanks, other, reply, first}); len(got) != 0 {
		t.Errorf("%d wait though everything is held", len(got))
	}
}

func codes(bad []Violation) (out []string) {
	for _, v := range bad {
		out = append(out, fmt.Sprintf("%s %s/%d", v.Code, v.Author.Party(), v.Index))
	}
	slices.Sort(out)
	return out
}

func TestEveryLieIsNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		build func(w *world) []*Statement
		want  []string
		taken int
	}{
		"each claims to have seen the other": {func(w *world) []*Statement {
			w.say(nz, map[party.Author]uint64{jp: 1})
			w.say(jp, map[party.Author]uint64{nz: 1})
			return w.all()
		}, []string{"statement.order.cycle JPN/0", "statement.order.cycle NZL/0"}, 2},
		"three in a ring, one outside": {func(w *world) []*Statement {
			w.authors = append(w.authors, "GBR/mod/n")
			w.seen["GBR/mod/n"] = map[party.Author]uint64{}
			w.say(nz, map[party.Author]uint64{jp: 1})
			w.say(jp, map[party.Author]uint64{au: 1})
			w.say(au, map[party.Author]uint64{nz: 1})
			w.say("GBR/mod/n", map[party.Author]uint64{nz: 1})
			return w.all()
		}, []string{"statement.order.cycle AUS/0", "statement.order.cycle JPN/0", "statement.order.cycle NZL/0"}, 4},
		"seen of all future": {func(w *world) []*Statement {
			w.say(nz, map[party.Author]uint64{jp: 1 << 60})
			w.say(jp, nil)
			w.say(jp, map[party.Author]uint64{nz: 1})
			w.say(jp, nil)
			return w.all()
		}, []string{"statement.order.cycle JPN/1", "statement.order.cycle NZL/0"}, 4},
		"an answer to what was not seen": {func(w *world) []*Statement {
			w.say(jp, nil, w.say(nz, nil))
			return w.all()
		}, []string{"statement.answer.unseen JPN/0"}, 1},
		"an answer with another id": {func(w *world) []*Statement {
			s := w.say(jp, map[party.Author]uint64{nz: 1}, w.say(nz, nil))
			s.Act.Answers[0].ID[0]++
			return w.all()
		}, []string{"statement.answer.mismatch JPN/0"}, 1},
		"an id used twice": {func(w *world) []*Statement {
			w.say(nz, nil).Act.ID = filled[ID](5)
			w.say(jp, nil).Act.ID = filled[ID](5) // another author's ids are its own
			w.say(nz, nil).Act.ID = filled[ID](5)
			return w.all()
		}, []string{"statement.id.reused NZL/1"}, 2},
		"two at one place": {func(w *world) []*Statement {
			twin := *w.say(nz, nil)
			twin.LeafHash[0]++
			return append(w.all(), &twin)
		}, []string{"statement.order.fork NZL/0", "statement.order.fork NZL/0"}, 0},
	} {
		ordered, pending, bad := Order(tc.build(newWorld(nz, jp, au)))
		if !reflect.DeepEqual(codes(bad), tc.want) || len(ordered) != tc.taken || len(pending) != 0 {
			t.Errorf("%s: %v, %d taken, %d pending", name, codes(bad), len(ordered), len(pending))
		}
	}
}

// A false seen must not make a statement of the other side disappear or come later than it honestly does.
func TestContradictingClaimsCountAsConcurrent(t *testing.T) {
	w := newWorld(nz, jp)
	liar := w.say(nz, map[party.Author]uint64{jp: 1})
	victim := w.say(jp, map[party.Author]uint64{nz: 1})
	if !Concurrent(liar, victim) || Concurrent(liar, liar) {
		t.Error("the claims do not cancel")
	}
	next := w.say(jp, nil)
	if Concurrent(liar, next) || !Before(liar, next) {
		t.Error("an honest later statement is not after")
	}
}

func TestNothingHeldMeansNothingOrdered(t *testing.T) {
	ordered, pending, bad := Order([]*Statement{nil, {Index: 3}})
	if len(ordered)+len(pending)+len(bad) != 0 {
		t.Error("a statement without act took part")
	}
}

func TestALongThreadIsOrderedQuickly(t *testing.T) {
	w := newWorld(nz, jp)
	for i := range uint64(MaxThread / 2) { // every pair is a cycle: the worst case
		w.say(nz, map[party.Author]uint64{jp: i + 1})
		w.say(jp, map[party.Author]uint64{nz: i + 1})
	}
	ordered, _, bad := Order(w.all())
	if len(ordered) != MaxThread || len(bad) != MaxThread {
		t.Errorf("%d ordered, %d flagged", len(ordered), len(bad))
	}
	for _, v := range bad {
		if v.Code != errs.Code("statement.order.cycle") {
			t.Fatal(v)
		}
	}
}
