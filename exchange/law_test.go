package exchange

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"entente/errs"
	"entente/journal"
	"entente/party"
	"entente/seal"
	"entente/statement"
	"entente/wire"

	"pgregory.net/rapid"
)

// A set of indices, kept the plain way.
func TestRangesAreASet(t *testing.T) {
	const universe = 40
	draw := func(t *rapid.T) (Ranges, [universe]bool) {
		var r Ranges
		var set [universe]bool
		for range rapid.IntRange(0, 8).Draw(t, "ranges") {
			from := rapid.Uint64Range(0, universe-1).Draw(t, "from")
			to := rapid.Uint64Range(0, universe).Draw(t, "to")
			before := slices.Clone(r)
			if to == from+1 && rapid.Bool().Draw(t, "push") {
				own := slices.Clone(r)
				own.push(from)
				r = own
			} else if next := r.Add(from, to); !reflect.DeepEqual(before, slices.Clone(r)) {
				t.Fatal("Add changed its receiver")
			} else {
				r = next
			}
			for i := from; i < to; i++ {
				set[i] = true
			}
		}
		return r, set
	}
	list := func(r Ranges) (set [universe]bool) {
		for _, x := range r {
			for i := x[0]; i < x[1]; i++ {
				set[i] = true
			}
		}
		return set
	}
	rapid.Check(t, func(t *rapid.T) {
		r, set := draw(t)
		s, other := draw(t)
		n, covers := uint64(0), true
		var both [universe]bool
		for i := range set {
			if r.Contains(uint64(i)) != set[i] {
				t.Fatalf("%v and %d", r, i)
			}
			if set[i] {
				n++
			}
			both[i], covers = set[i] || other[i], covers && (set[i] || !other[i])
		}
		if !r.Valid() || r.Count() != n || list(r.Union(s)) != both || r.Covers(s) != covers {
			t.Fatalf("%v and %v", r, s)
		}
		gaps := r.Gaps(5, 30)
		for i := range set {
			if in := i >= 5 && i < 30 && !set[i]; gaps.Contains(uint64(i)) != in || len(gaps) > 0 && !gaps.Valid() {
				t.Fatalf("gaps of %v: %v", r, gaps)
			}
		}
	})
	for _, bad := range []Ranges{{{1, 1}}, {{2, 1}}, {{3, 4}, {1, 2}}, {{1, 2}, {2, 3}}, {{1, 5}, {4, 6}}} {
		if bad.Valid() {
			t.Errorf("%v is taken as valid", bad)
		}
	}
}

// A third author's journal passed on by the peer is verified under its own key, and receipts for it are made as for any other.
func TestAThirdAuthorsJournalMayBePassedOn(t *testing.T) {
	a, b := two(t)
	keys := makeKeys(t, seal.CNSA, 40)
	l := *b.l
	l.Self, l.SelfSigning = au, keys.signing.Public()
	third := newNode(t, &l, keys)
	third.say("from a third", Routine)
	out, _ := third.build(MaxBudget)
	pass := func() []byte {
		x, _ := b.build(MaxBudget)
		return lie(b.l, x, func(x *Bundle) { x.Journals = out.Journals })
	}
	if _, err := a.examine(pass()); errs.CodeOf(err) != "exchange.part.author" {
		t.Errorf("a stranger's journal: %v", err)
	}
	a.l.Readers = []party.Author{au, jp, nz}
	if got := outcome(a.examine(pass())); got != "refused exchange.epoch.unknown" {
		t.Errorf("an author whose keys are not known: %s", got)
	}
	a.journals[journalKey{au, 1}] = newJournal(t)
	a.journals[journalKey{au, 1}].pos.Signing = b.keys.signing.Public()
	if _, err := a.examine(pass()); errs.CodeOf(err) != "exchange.part.checkpoint" {
		t.Errorf("under another key: %v", err)
	}
	a.journals[journalKey{au, 1}].pos.Signing = keys.signing.Public()
	if s := a.receive(pass()); outcome(s, nil) != "" || !a.journals[journalKey{au, 1}].pos.Held.Contains(0) {
		t.Error(outcome(s, nil))
	}
	a.journals[journalKey{au, 1}].pos.Closed = true
	if got := outcome(a.examine(pass())); got != "refused exchange.epoch.old" {
		t.Errorf("a closed epoch: %s", got)
	}
}

// A damaged database must not become a verdict on the partner.
func TestAReaderThatFailsEndsTheExamination(t *testing.T) {
	a, b := two(t)
	b.say("one", Routine)
	a.receive(bring(b, 0))
	b.say("two", Routine)
	raw := bring(b, 1)
	wrong := newJournal(t).tree
	wrong.Append(journal.Hash{7})
	a.peers().tree = wrong
	if _, err := a.examine(raw); errs.CodeOf(err) != "exchange.store.tree" {
		t.Errorf("a tree of another root was used: %v", err)
	}
	wrong.Append(journal.Hash{8})
	if x, err := Unpack(a.l, KEMKeys{a.keys.kem}, raw); err != nil {
		t.Fatal(err)
	} else if _, err := Examine(a.l, x, oneTree{reader{a}, wrong}, a.now); errs.CodeOf(err) != "exchange.store.tree" {
		t.Errorf("a tree of another size was used: %v", err)
	}
}

type oneTree struct {
	reader
	tree *journal.Tree
}

func (r oneTree) Tree(party.Author, uint64, uint64) (*journal.Tree, error) { return r.tree, nil }

func TestABundleCannotSwellInMemory(t *testing.T) {
	many := append([]byte{0xa1, 0x07, 0x9a, 0, 0x10, 0, 0}, bytes.Repeat([]byte{0xa0}, 1<<20)...) // a million empty journals in a megabyte
	if _, err := DecodeBundle(many); errs.CodeOf(err) != "exchange.bundle.malformed" {
		t.Error(err)
	}
	for _, raw := range [][]byte{{0x5f}, {0x1c}, {0x58}, {0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {0x42, 1}, {0x9f, 0xff}} {
		if bounded(raw) {
			t.Errorf("%x is taken as items of definite length", raw)
		}
	}
	if !bounded(bytes.Repeat([]byte{0xa0}, maxItems)) || bounded(bytes.Repeat([]byte{0xa0}, maxItems+1)) {
		t.Error("the number of items is not bounded where it should be")
	}
	_, b := two(t)
	for range 50 {
		b.say("x", Routine)
	}
	x, _ := b.build(MaxBudget)
	if !bounded(wire.MustMarshal(x)) {
		t.Error("an honest bundle is refused")
	}
	part := x.Journals[0]
	part.Leaves = make([][]byte, MaxEntries+1)
	part.Acts, part.Contents = make([]Slot, MaxEntries+1), make([]Slot, MaxEntries+1)
	x.Journals[0] = part
	if errs.CodeOf(x.Check()) != "exchange.bundle.count" {
		t.Error("more entries than allowed are taken")
	}
}

func TestTheFullestBundleIsWithinItsLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 30 MB")
	}
	a, b := two(t)
	a.l.Limits.Unheld = 1 << 40
	for range 700 {
		b.say(strings.Repeat("x", 60<<10), Routine)
	}
	_, raw := b.build(1 << 40)
	if len(raw) > MaxBundle || len(raw) < MaxBundle*9/10 {
		t.Errorf("%d bytes", len(raw))
	}
	s := a.receive(raw)
	if a.peers().pos.Size != 700 || outcome(s, nil) != "" {
		t.Error(outcome(s, nil))
	}
}

func seeds(f *testing.F) (a, b *node, bundle *Bundle) {
	a, b = two(f)
	b.say("first", Routine, 100)
	a.say("second", Routine)
	_, raw := a.build(MaxBudget)
	b.receive(raw)
	bundle, _ = b.build(MaxBudget)
	return a, b, bundle
}

func FuzzDecodeBundle(f *testing.F) {
	_, _, bundle := seeds(f)
	f.Add(wire.MustMarshal(bundle))
	f.Add(wire.MustMarshal(&Bundle{Version: 1, ID: [16]byte{1}, Channel: [48]byte{1}, From: nz, To: jp, Time: 1, Wants: []Want{{[48]byte{1}, Ranges{{1, 2}}}}}))
	f.Add([]byte{0xa1, 7, 0x81, 0xa0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := DecodeBundle(raw)
		if err != nil {
			if errs.CodeOf(err) == "" {
				t.Fatal("an error without a code")
			}
			return
		}
		if again, err := b.Encode(); err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("two encodings of one bundle: %v", err)
		}
	})
}

// FuzzExamine gives Examine whatever decodes: an authenticated peer may say anything.
func FuzzExamine(f *testing.F) {
	a, b, bundle := seeds(f)
	raw := wire.MustMarshal(bundle)
	f.Add(raw, 0, byte(0))
	f.Add(raw, 400, byte(1))
	f.Fuzz(func(t *testing.T, raw []byte, at int, flip byte) {
		raw = bytes.Clone(raw)
		if at >= 0 && at < len(raw) {
			raw[at] ^= flip
		}
		x, err := DecodeBundle(raw)
		if err != nil || x.Channel != a.l.Channel || x.From != b.l.Self || x.To != a.l.Self {
			return
		}
		s, err := Examine(a.l, x, reader{a}, start)
		if err == nil && s == nil || err != nil && errs.CodeOf(err) == "" {
			t.Fatal(err)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	a, b, bundle := seeds(f)
	raw, err := Pack(b.l, bundle)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:HeaderSize])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := Unpack(a.l, KEMKeys{a.keys.kem}, raw); err != nil && !strings.HasPrefix(string(errs.CodeOf(err)), "exchange.bundle.") {
			t.Fatal(err)
		}
	})
}

func FuzzDecodeHeld(f *testing.F) {
	f.Add(wire.MustMarshal(&HeldReceipt{Version: 1, Channel: [48]byte{1}, Holder: nz, Author: jp, Epoch: 1, Ranges: Ranges{{0, 5}, {7, 9}}, Time: 1}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if r, err := DecodeHeld(raw); err == nil && !bytes.Equal(wire.MustMarshal(r), raw) {
			t.Fatal("two encodings of one receipt")
		}
	})
}

// One exchange of a batch of 4 KiB statements, both nodes, without a database: sealing, checkpoint, examination, receipts.
func BenchmarkExchange(b *testing.B) {
	for name, suite := range map[string]seal.Suite{"hybrid": seal.Hybrid, "cnsa": seal.CNSA} {
		b.Run(name, func(b *testing.B) {
			const batch = 200
			ka, kb := makeKeys(b, suite, 10), makeKeys(b, suite, 20)
			la, lb := pair(suite, ka, kb)
			text := strings.Repeat("x", 4<<10)
			for b.Loop() {
				b.StopTimer()
				from, to := newNode(b, la, ka), newNode(b, lb, kb)
				for range batch {
					from.say(text, Routine)
				}
				threads := views{reader{to}}
				b.StartTimer()
				_, raw := from.build(MaxBudget)
				x, err := Unpack(to.l, KEMKeys{to.keys.kem}, raw)
				to.must(err)
				s, err := Examine(to.l, x, threads, to.now)
				to.must(err)
				to.commit(s)
				_, raw = to.build(MaxBudget)
				from.receive(raw)
				if !from.own().pos.PeerHeld.Covers(Ranges{{0, batch}}) {
					b.Fatal("not receipted")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*batch), "µs/statement")
		})
	}
}

// views answers Threads as an index would.
type views struct{ reader }

func (views) Threads(threads []statement.Thread) ([]ThreadView, error) {
	return make([]ThreadView, len(threads)), nil
}
