package exchange

import (
	"fmt"
	"slices"
	"testing"

	"entente/journal"
	"entente/party"
	"entente/seal"
	"entente/wire"
)

// twin is a second node with the keys and link of n and nothing else: a clone, or a liar.
func twin(n *node) *node { return newNode(n.t, n.l, n.keys) }

// bring makes n's whole journal from index from into a bundle for the peer.
func bring(n *node, from uint64) []byte {
	n.peerHas = from
	_, raw := n.build(MaxBudget)
	return raw
}

func TestTwoHistoriesBecomeEvidence(t *testing.T) {
	for name, tc := range map[string]struct {
		said, from int // what the twin says, and from where it tells
		held       int // what a held of the true history
	}{
		"same size":                       {1, 0, 1},
		"shorter":                         {1, 0, 3},
		"longer, told from the start":     {4, 0, 2},
		"longer, told from a shared past": {5, 2, 4},
	} {
		a, b := two(t)
		other := twin(b)
		for i := range tc.held {
			b.say(fmt.Sprint("true ", i), Routine)
		}
		for i := range tc.said {
			if i < tc.from {
				other.append(b.own().entries[i])
			} else {
				other.say(fmt.Sprint("other ", i), Routine)
			}
		}
		a.receive(bring(b, 0))
		before := a.peers().pos
		s := a.receive(bring(other, uint64(tc.from)))
		if s.Equivocation == nil || s.Equivocation.Verify(b.keys.signing.Public(), b.l.Suite) != nil {
			t.Errorf("%s: no evidence that a stranger can check: %s", name, outcome(s, nil))
			continue
		}
		if after := a.peers().pos; after.Size != before.Size || after.Root != before.Root || len(s.Journals) != 0 {
			t.Errorf("%s: something of the second history was taken", name)
		}
	}
}

func TestAnUnprovableForkIsRefusedAndItsHeadKept(t *testing.T) {
	a, b := two(t)
	other := twin(b)
	b.say("true", Routine)
	other.say("other", Routine)
	other.say("on top of the other", Routine)
	a.receive(bring(b, 0))
	raw := bring(other, 1)
	s := a.receive(raw)
	if got := outcome(s, nil); got != "refused exchange.journal.root" || a.peers().pos.Size != 1 {
		t.Fatal(got)
	}
	if _, err := journal.Open(s.Refused[0].Note, a.l.origin(jp, 1), b.keys.signing.Public(), a.l.Suite); err != nil {
		t.Errorf("the signed head was not kept: %v", err)
	}
}

// Forks shown to different readers meet when a third author passes on the heads it knows.
func TestHeadsOfOthersAreCompared(t *testing.T) {
	a, b := two(t)
	third := makeKeys(t, seal.CNSA, 30)
	a.l.Readers = []party.Author{au, jp, nz}
	aus := newJournal(t)
	aus.pos.Signing = third.signing.Public()
	a.journals[journalKey{au, 1}] = aus
	sign := func(size int64, root byte) []byte {
		note, err := journal.Sign(third.signing, a.l.Suite, journal.Checkpoint{Origin: a.l.origin(au, 1), Size: size, Root: journal.Hash{root}})
		if err != nil {
			t.Fatal(err)
		}
		return note
	}
	show := func(notes ...[]byte) *Step {
		out, _ := b.build(MaxBudget)
		return a.receive(lie(b.l, out, func(x *Bundle) { x.Heads = notes }))
	}
	first := sign(5, 1)
	if s := show(first); len(s.Heads) != 1 || s.Heads[0].Size != 5 || outcome(s, nil) != "" {
		t.Fatalf("the head was not kept: %+v", s.Heads)
	}
	if s := show(first); len(s.Heads) != 0 || !s.Duplicate {
		t.Error("a head was kept twice")
	}
	if s := show(sign(5, 1), sign(7, 9)); len(s.Heads) != 1 || s.Heads[0].Size != 7 {
		t.Error("the same head under new signatures is not new, a larger one is")
	}
	s := show(sign(5, 2))
	if s.Equivocation == nil || s.Equivocation.Verify(third.signing.Public(), a.l.Suite) != nil {
		t.Error("two heads of one size and two roots are no evidence")
	}
	if s := show(sign(6, 1), sign(6, 2)); s.Equivocation == nil {
		t.Error("two heads in one bundle are not compared")
	}
}

// A head heard of earlier is compared when the journal itself gets there.
func TestAHeadHeardOfIsComparedLater(t *testing.T) {
	for name, lies := range map[string]bool{"honest": false, "lying": true} {
		a, b := two(t)
		for i := range 4 {
			b.say(fmt.Sprint(i), Routine)
		}
		root, err := b.own().tree.RootAt(3)
		if err != nil {
			t.Fatal(err)
		}
		if lies {
			root[0]++
		}
		note, err := journal.Sign(b.keys.signing, b.l.Suite, journal.Checkpoint{Origin: b.l.origin(jp, 1), Size: 3, Root: root})
		if err != nil {
			t.Fatal(err)
		}
		empty := &Bundle{Version: 1, ID: [16]byte{1}, Channel: b.l.Channel, From: jp, To: nz, Time: 1, Heads: [][]byte{note}}
		if s := a.receive(sealRaw(b.l, wire.MustMarshal(empty))); len(s.Heads) != 1 {
			t.Fatal("the head was not kept")
		}
		s := a.receive(bring(b, 0))
		if (s.Equivocation != nil) != lies || a.peers().pos.Size != 4 {
			t.Errorf("%s: %s", name, outcome(s, nil))
		}
		if lies && s.Equivocation.Verify(b.keys.signing.Public(), b.l.Suite) != nil {
			t.Error("the evidence does not verify")
		}
	}
}

func TestARestoredNodeLearnsThatItSignedMore(t *testing.T) {
	a, b := two(t)
	a.say("one", Routine)
	b.say("from b", Routine)
	talk(a, b, MaxBudget)
	snapshot := twin(a)
	for _, k := range a.own().entries {
		snapshot.append(k)
	}
	a.say("two", Routine)
	b.say("also from b", Routine)
	talk(a, b, MaxBudget)
	b.say("third from b", Routine)

	_, raw := b.build(MaxBudget)
	s := snapshot.receive(raw)
	if s.OwnHeadAhead == nil || s.OwnHeadAhead.Size != 2 || s.OwnHeadAhead.Contradicts {
		t.Fatalf("not told: %s", outcome(s, nil))
	}
	if got := outcome(s, nil); got != "own head 2 contradicts false, refused exchange.cosignature.size, refused exchange.gap, refused exchange.held.range" {
		t.Errorf("what the restored node sees: %s", got)
	}
	if !s.AnswerDue {
		t.Error("the partner must learn what is known here")
	}
	// Had it written before it asked, it would see that it contradicted itself.
	snapshot.say("two, in another way", Routine)
	if _, err := snapshot.Checkpoint(2); err != nil {
		t.Fatal(err)
	}
	s = snapshot.receive(raw)
	if s.OwnHeadAhead == nil || !s.OwnHeadAhead.Contradicts || s.Equivocation == nil || s.Equivocation.Verify(a.keys.signing.Public(), a.l.Suite) != nil {
		t.Errorf("it does not see the fork: %s", outcome(s, nil))
	}
	// And the partner, shown the second history, has the same evidence.
	if s := b.receive(bring(snapshot, 0)); s.Equivocation == nil {
		t.Errorf("the partner does not see the fork: %s", outcome(s, nil))
	}
}

func TestAHeadOfALaterEpochOfOneselfIsASignToo(t *testing.T) {
	a, b := two(t)
	note, err := journal.Sign(a.keys.signing, a.l.Suite, journal.Checkpoint{Origin: a.l.origin(nz, 2), Size: 1, Root: journal.Hash{1}})
	if err != nil {
		t.Fatal(err)
	}
	x := &Bundle{Version: 1, ID: [16]byte{1}, Channel: b.l.Channel, From: jp, To: nz, Time: 1, Heads: [][]byte{note}}
	if s := a.receive(sealRaw(b.l, wire.MustMarshal(x))); s.OwnHeadAhead == nil || s.OwnHeadAhead.Epoch != 2 {
		t.Error(outcome(s, nil))
	}
}

func TestAPeerThatLostItsCopyGetsItAgain(t *testing.T) {
	a, b := two(t)
	for i := range 5 {
		a.say(fmt.Sprint(i), Routine, 100)
	}
	talk(a, b, MaxBudget)
	lost := twin(b) // restored from a backup that had two entries of a's journal
	part, _ := Build(a.l, a, MaxBudget, a.now, [16]byte{1})
	if !part.ReceiptsOnly() {
		t.Fatal("there is still something to send")
	}
	first := twin(a)
	for _, k := range a.own().entries[:2] {
		first.append(k)
	}
	first.objects = a.objects
	lost.receive(bring(first, 0))
	_, raw := lost.build(MaxBudget)
	s := a.receive(raw)
	if s.PeerHas != 2 || !slices.Equal(s.PeerHolds, Ranges{{0, 2}}) || s.Duplicate {
		t.Fatalf("the peer shows %d and %v", s.PeerHas, s.PeerHolds)
	}
	if pos := a.own().pos; pos.PeerSize != 5 || !pos.PeerHeld.Covers(Ranges{{0, 5}}) {
		t.Error("what the peer once confirmed is forgotten")
	}
	_, raw = a.build(MaxBudget)
	lost.receive(raw)
	if got := lost.peers().pos; got.Size != 5 || !got.Held.Covers(Ranges{{0, 5}}) {
		t.Errorf("it has %d and holds %v", got.Size, got.Held)
	}
}

func TestARepeatedReceiptCountsOnce(t *testing.T) {
	a, b := two(t)
	a.say("x", Routine)
	_, raw := a.build(MaxBudget)
	b.receive(raw)
	out, _ := b.build(MaxBudget)
	s := a.receive(lie(b.l, out, func(x *Bundle) {
		x.Cosignatures, x.Held = append(x.Cosignatures, x.Cosignatures...), append(x.Held, x.Held...)
	}))
	if len(s.Cosigned) != 1 || len(s.HeldByPeer) != 1 {
		t.Errorf("%d cosignatures and %d receipts", len(s.Cosigned), len(s.HeldByPeer))
	}
}

func TestAGapIsRefusedAndNamed(t *testing.T) {
	a, b := two(t)
	for i := range 3 {
		b.say(fmt.Sprint(i), Routine)
	}
	s := a.receive(bring(b, 2))
	if got := outcome(s, nil); got != "refused exchange.gap" || s.Refused[0].Err.Subject != "0" || len(s.Journals) != 0 || a.peers().pos.Size != 0 {
		t.Errorf("%s, subject %q", got, s.Refused[0].Err.Subject)
	}
	a.receive(bring(b, 0))
	if a.peers().pos.Size != 3 {
		t.Error("the whole was not taken")
	}
}
