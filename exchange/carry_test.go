package exchange

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"entente/errs"
	"entente/party"
	"entente/seal"
	"entente/statement"
)

func TestPrecedenceDecidesWhatGoesFirst(t *testing.T) {
	a, b := two(t)
	for i := range 6 {
		b.say(strings.Repeat("r", 60<<10), Routine)
		if i == 4 {
			b.say(strings.Repeat("f", 60<<10), Flash)
			b.say("x", Immediate, 70<<10)
		}
	}
	out, raw := b.build(MinBudget)
	got := out.Journals[0]
	if len(raw) > MinBudget+8<<10 {
		t.Errorf("%d bytes for a budget of %d", len(raw), MinBudget)
	}
	if len(got.Leaves) != 8 {
		t.Fatalf("%d of 8 leaves and acts went", len(got.Leaves))
	}
	var states []SlotState
	for i := range got.Contents {
		states = append(states, got.Contents[i].State)
	}
	if !slices.Equal(states, []SlotState{Later, Later, Later, Later, Later, Present, Present, Later}) || len(out.Objects) != 0 {
		t.Errorf("contents %v, %d parts", states, len(out.Objects))
	}
	s := a.receive(raw)
	if !reflect.DeepEqual(s.Journals[0].Held, Ranges{{5, 6}}) || a.peers().pos.Size != 8 {
		t.Errorf("held %v", s.Journals[0].Held)
	}
	var order []uint64
	for i := 0; !b.own().pos.PeerHeld.Covers(Ranges{{0, 8}}); i++ {
		_, raw := a.build(MinBudget)
		b.receive(raw)
		_, raw = b.build(MinBudget)
		for _, j := range a.receive(raw).Journals {
			for _, r := range j.NewlyHeld {
				order = append(order, r[0])
			}
		}
		if i > 20 {
			t.Fatal("it does not end")
		}
	}
	if !slices.Equal(order, []uint64{6, 0, 1, 2, 3, 4, 7}) {
		t.Errorf("arrived in order %v, not the object of the more urgent one first, then as said", order)
	}
}

func TestPartsOfObjectsComeInAnyOrder(t *testing.T) {
	a, b := two(t)
	b.say("with objects", Routine, 5*64<<10+1, 10)
	out, _ := b.build(MaxBudget)
	for i := range out.Objects {
		raw := lie(b.l, out, func(x *Bundle) {
			x.Objects = []ObjectPart{out.Objects[len(out.Objects)-1-i]}
			if i > 0 {
				x.Journals = nil
			}
		})
		s := a.receive(raw)
		last := i == len(out.Objects)-1
		if outcome(s, nil) != "" || len(s.Objects) != 1 || a.peers().pos.Held.Contains(0) != last || last && !reflect.DeepEqual(s.Journals[0].NewlyHeld, Ranges{{0, 1}}) {
			t.Fatalf("part %d: %s, held %v", i, outcome(s, nil), a.peers().pos.Held)
		}
		if s := a.receive(raw); !s.Duplicate {
			t.Errorf("part %d is new twice", i)
		}
	}
	if r, _ := a.Receipts(); len(r.Wants) != 0 {
		t.Errorf("still wants %v", r.Wants)
	}
}

func TestAnObjectThatArrivedIsNotSentAgain(t *testing.T) {
	a, b := two(t)
	b.say("two objects", Routine, 64<<10, 3*64<<10)
	small, large := b.own().entries[0].objects[0].Root, b.own().entries[0].objects[1].Root
	out, _ := b.build(MaxBudget)
	a.receive(lie(b.l, out, func(x *Bundle) {
		x.Objects = slices.DeleteFunc(x.Objects, func(p ObjectPart) bool { return p.Root == large && p.Index != 1 })
	}))
	_, raw := a.build(MaxBudget)
	b.receive(raw)
	out, raw = b.build(MaxBudget)
	if len(out.Journals) != 0 || len(out.Objects) != 2 || slices.ContainsFunc(out.Objects, func(p ObjectPart) bool { return p.Root == small }) {
		t.Errorf("%d journals and %d parts for two missing parts", len(out.Journals), len(out.Objects))
	}
	if a.receive(raw); !a.peers().pos.Held.Contains(0) {
		t.Error("not held")
	}
}

func TestABacklogLargerThanAFrameGoesInFrames(t *testing.T) {
	a, b := two(t)
	for range 600 {
		b.say("x", Routine)
	}
	for frames := 1; ; frames++ {
		out, raw := b.build(MinBudget)
		if out.ReceiptsOnly() {
			break
		}
		if len(raw) > MinBudget+4<<10 || frames > 10 {
			t.Fatalf("frame %d has %d bytes", frames, len(raw))
		}
		a.receive(raw)
		_, raw = a.build(MinBudget)
		b.receive(raw)
		if frames == 1 && (a.peers().pos.Size == 0 || a.peers().pos.Size == 600) {
			t.Fatalf("the first frame brings %d of 600", a.peers().pos.Size)
		}
	}
	converged(t, a, b)
}

func TestAnObjectGoesOnWhereItStopped(t *testing.T) {
	a, b := two(t)
	b.say("large", Routine, 20*64<<10)
	sent := 0
	for round := 0; !b.own().pos.PeerHeld.Contains(0); round++ {
		out, raw := b.build(MinBudget + 2*(64<<10+partCost))
		if sent += len(out.Objects); len(out.Objects) == 0 || round > 0 && len(out.Journals) != 0 {
			t.Fatalf("round %d brings %d parts and %d journals", round, len(out.Objects), len(out.Journals))
		}
		a.receive(raw)
		_, raw = a.build(MaxBudget)
		b.receive(raw)
	}
	if sent != 20 {
		t.Errorf("%d parts were sent for 20", sent)
	}
}

func TestAnObjectThatCanNeverBeHeldIsFlagged(t *testing.T) {
	a, b := two(t)
	a.l.Limits.Unheld = 100 << 10
	b.say("too large", Routine, 200<<10)
	s := a.receive(bring(b, 0))
	if got := outcome(s, nil); got != "refused exchange.quota, violation exchange.object.limit" || a.peers().pos.Size != 1 {
		t.Error(got)
	}
	if len(s.Objects) != 2 { // 64 KiB and the 8 KiB of the end fit
		t.Errorf("%d parts stored", len(s.Objects))
	}
}

func TestReceiptsAreNeverAnsweredAndSayNothingTwice(t *testing.T) {
	a, b := two(t)
	b.say("x", Routine)
	_, raw := b.build(MaxBudget)
	if s := a.receive(raw); !s.AnswerDue || s.Duplicate {
		t.Error("a statement calls for receipts")
	}
	out, raw := a.build(MaxBudget)
	if !out.ReceiptsOnly() || out.Empty() {
		t.Error("the answer is receipts")
	}
	if s := b.receive(raw); s.AnswerDue || s.Duplicate || len(s.Cosigned) != 1 || len(s.HeldByPeer) != 1 || !s.Cosigned[0].At.Equal(start.Truncate(time.Second)) {
		t.Errorf("%+v", s)
	}
	if s := b.receive(raw); s.AnswerDue || !s.Duplicate {
		t.Error("the same receipts are no news")
	}
	fresh := twin(b)
	if out, _ := fresh.build(MaxBudget); !out.Empty() {
		t.Error("a node with nothing to say says something")
	}
}

func TestAStateThatDiffersIsListed(t *testing.T) {
	a, b := two(t)
	one, two, three := statement.Thread{1}, statement.Thread{2}, statement.Thread{3}
	a.digests = map[statement.Thread][48]byte{one: {1}, two: {2}}
	b.digests = map[statement.Thread][48]byte{one: {1}, two: {9}, three: {3}}
	_, raw := b.build(MaxBudget)
	s := a.receive(raw)
	if !reflect.DeepEqual(s.Differences, []Difference{{two, [48]byte{2}, [48]byte{9}}}) || !reflect.DeepEqual(s.Digests, []StateDigest{{three, [48]byte{3}}}) || s.AnswerDue {
		t.Errorf("differences %v, kept %v", s.Differences, s.Digests)
	}
}

func TestALinkIsCompleteOrRefused(t *testing.T) {
	a, _ := two(t)
	for name, change := range map[string]func(*Link){
		"realm": func(l *Link) { l.Realm = "" }, "channel": func(l *Link) { l.Channel = [48]byte{} }, "suite": func(l *Link) { l.Suite = "" },
		"self": func(l *Link) { l.Self = "" }, "peer": func(l *Link) { l.Peer = l.Self }, "readers": func(l *Link) { l.Readers = l.Readers[:1] },
		"link ids": func(l *Link) { l.OutID = l.InID }, "link keys": func(l *Link) { l.OutKey = LinkKey{} }, "suite of the key": func(l *Link) { l.Suite = seal.Hybrid },
		"encapsulation key": func(l *Link) { l.PeerKEM.Bytes = nil }, "own key": func(l *Link) { l.SelfSigning = seal.PublicKey{} },
		"signing key": func(l *Link) { l.PeerSigning = seal.PublicKey{} }, "cosigning key": func(l *Link) { l.PeerCosigning = seal.PublicKey{} },
	} {
		l := *a.l
		change(&l)
		if got := errs.CodeOf(l.Check()); got != "exchange.link" {
			t.Errorf("%s: %q", name, got)
		}
	}
	l := *a.l
	for name, change := range map[string]func(*Limits){"leaf": func(m *Limits) { m.Leaf = 0 }, "body": func(m *Limits) { m.Body = 1 << 20 },
		"answers": func(m *Limits) { m.Answers = 17 }, "thread": func(m *Limits) { m.Thread = 0 }, "day": func(m *Limits) { m.PerDay = 0 }, "unheld": func(m *Limits) { m.Unheld = 0 }} {
		l.Limits = DefaultLimits()
		change(&l.Limits)
		if got := errs.CodeOf(l.Check()); got != "exchange.limits" {
			t.Errorf("limit %s: %q", name, got)
		}
	}
	text := fmt.Sprintf("%v %+v %#v %s %x", *a.l, *a.l, *a.l, a.l.OutKey, a.l.InKey)
	if strings.Contains(text, "3, 3, 3") || strings.Contains(text, "3 3 3") || strings.Contains(text, "030303") {
		t.Error("a link key was printed")
	}
}

func TestAFrameKeepsToItsTime(t *testing.T) {
	for rate, want := range map[uint64]int{0: MaxBudget, 1: MinBudget, 9600: MinBudget, 1 << 20: 256 << 10, 1 << 40: MaxBudget, 1 << 63: MaxBudget} {
		if got := FrameBudget(rate); got != want {
			t.Errorf("%d bit/s: %d, want %d", rate, got, want)
		}
	}
	for _, p := range []Precedence{Routine, Priority, Immediate, Flash} {
		if got, err := ParsePrecedence(p.String()); err != nil || got != p {
			t.Errorf("%s: %v", p, err)
		}
	}
	if _, err := ParsePrecedence("urgent"); errs.CodeOf(err) != "exchange.precedence" {
		t.Error(err)
	}
}

func TestPackSendsOnlyWhatBelongsToTheLink(t *testing.T) {
	a, b := two(t)
	out, _ := a.build(MaxBudget)
	for want, change := range map[errs.Code]func(*Bundle){
		"exchange.bundle.channel": func(x *Bundle) { x.Channel[0]++ }, "exchange.bundle.sender": func(x *Bundle) { x.From = jp },
		"exchange.bundle.recipient": func(x *Bundle) { x.To = au }, "exchange.bundle.id": func(x *Bundle) { x.ID = [16]byte{} },
	} {
		x := *out
		change(&x)
		if _, err := Pack(a.l, &x); errs.CodeOf(err) != want {
			t.Errorf("%s: %v", want, err)
		}
	}
	raw, err := Pack(a.l, out)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := PeekLink(raw); err != nil || id != b.l.InID {
		t.Error(err)
	}
	if name := FileName(out.ID); !strings.HasSuffix(name, CourierSuffix) || strings.ContainsAny(name, "/\\ ") {
		t.Errorf("file name %q", name)
	}
	carried, err := Unpack(b.l, KEMKeys{a.keys.kem, b.keys.kem}, bytes.Clone(raw))
	if err != nil || !reflect.DeepEqual(carried, out) {
		t.Errorf("the bundle came out different: %v", err)
	}
}

func TestWhatThePeerShowsIsNewsWhenItChanges(t *testing.T) {
	a, b := two(t)
	b.say("with an object", Routine, 100<<10)
	talk(a, b, MaxBudget)
	was := b.own().pos
	say := func(change func(*Bundle)) *Step {
		out, _ := a.build(MaxBudget)
		s, err := b.examine(lie(a.l, out, change))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	wants := func(x *Bundle) { x.Wants = []Want{{Root: [48]byte{1}, Missing: Ranges{{0, 1}}}} }
	none := func(x *Bundle) { x.Cosignatures, x.Held = nil, nil }
	if !say(func(*Bundle) {}).Duplicate || say(wants).Duplicate || say(none).Duplicate {
		t.Error("only what changes is news")
	}
	lost := say(none)
	b.commit(lost)
	if b.own().pos.PeerSize != was.PeerSize || b.peerHas != 0 || !say(none).Duplicate || say(func(*Bundle) {}).Duplicate {
		t.Error("a loss is kept until the peer shows more")
	}
	if s, err := Examine(b.l, &Bundle{}, withoutShown{reader{b}}, start); err != nil || s.Duplicate {
		t.Error("a caller that keeps nothing of it is still told of a loss")
	}
}

type withoutShown struct{ reader }

func (r withoutShown) Journal(a party.Author, epoch uint64) (Position, error) {
	p, err := r.reader.Journal(a, epoch)
	p.Shown = nil
	return p, err
}
