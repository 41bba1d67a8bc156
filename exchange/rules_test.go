package exchange

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"entente/errs"
	"entente/journal"
	"entente/statement"
	"entente/wire"
)

func TestOverALimitNothingIsStoredNorCosigned(t *testing.T) {
	for name, tc := range map[string]struct {
		limit   func(*Limits)
		say     func(b *node)
		subject string
	}{
		"leaf": {func(m *Limits) { m.Leaf = 100 }, func(b *node) { b.say("x", Routine) }, "leaf"},
		"body": {func(m *Limits) { m.Body = 1000 }, func(b *node) { b.say(strings.Repeat("x", 1000), Routine) }, "body"},
		"answers": {func(m *Limits) { m.Answers = 1 }, func(b *node) {
			s1, s2 := b.say("x", Routine), b.say("y", Routine)
			act, content := b.draft("z")
			act.Answers = []statement.Ref{{Author: jp, ID: s1.Act.ID, Leaf: s1.LeafHash}, {Author: jp, ID: s2.Act.ID, Leaf: s2.LeafHash}}
			b.write(act, content, Routine)
		}, "answers"},
		"thread": {func(m *Limits) { m.Thread = 2 }, func(b *node) {
			for range 3 {
				act, content := b.draft("x")
				act.Thread = statement.Thread{1}
				b.write(act, content, Routine)
			}
		}, "thread"},
		"per day": {func(m *Limits) { m.PerDay = 2 }, func(b *node) { b.say("1", Routine); b.say("2", Routine); b.say("3", Routine) }, "per-day"},
		"unheld":  {func(m *Limits) { m.Unheld = 100 }, func(b *node) { b.say("x", Routine, 50) }, "unheld"},
	} {
		a, b := two(t)
		tc.say(b)
		raw := bring(b, 0)
		limits := a.l.Limits
		tc.limit(&a.l.Limits)
		s := a.receive(raw)
		if got := outcome(s, nil); !strings.HasPrefix(got, "refused exchange.") || s.Refused[0].Err.Code != "exchange.quota" || s.Refused[0].Err.Subject != tc.subject ||
			s.Refused[0].Err.Kind != errs.Quota {
			t.Errorf("%s: %s", name, got)
		}
		if len(s.Journals)+len(s.Objects)+len(a.cosigned) != 0 || a.peers().pos.Size != 0 {
			t.Errorf("%s: something was stored", name)
		}
		a.l.Limits = limits
		if s := a.receive(raw); outcome(s, nil) != "" || a.peers().pos.Size == 0 {
			t.Errorf("%s: within the limit it is refused: %s", name, outcome(s, nil))
		}
	}
}

func TestABacklogOfManyDaysIsNotADaysFlood(t *testing.T) {
	a, b := two(t)
	a.l.Limits.PerDay = 3
	b.now = start.Add(-10 * 24 * time.Hour)
	for range 10 {
		b.now = b.now.Add(24 * time.Hour)
		b.say("1", Routine)
		b.say("2", Routine)
		b.say("3", Routine)
	}
	if s := a.receive(bring(b, 0)); outcome(s, nil) != "" || a.peers().pos.Size != 30 {
		t.Errorf("ten days of three: %s", outcome(s, nil))
	}
	b.say("4", Routine)
	if s := a.receive(bring(b, 30)); outcome(s, nil) != "refused exchange.quota" {
		t.Errorf("a fourth today: %s", outcome(s, nil))
	}
	long := twin(b)
	for i := range 10 { // a past that nobody can check makes no room either
		long.now = start.Add(-time.Duration(100-i) * 24 * time.Hour)
		long.say("long ago", Routine)
	}
	fresh, _ := two(t)
	fresh.l.Limits.PerDay = 3
	if s := fresh.receive(bring(long, 0)); outcome(s, nil) != "refused exchange.quota" {
		t.Errorf("ten statements of long ago: %s", outcome(s, nil))
	}
	b.now = b.now.Add(50 * 24 * time.Hour) // a clock that runs ahead makes no room
	b.own().entries, b.own().tree = b.own().entries[:30], newJournal(t).tree
	for _, k := range b.own().entries {
		b.own().tree.Append(journal.LeafHash(k.leaf))
	}
	b.own().pos.Size, b.own().notes = 30, map[uint64][]byte{}
	b.say("from the future", Routine)
	if s := a.receive(bring(b, 30)); outcome(s, nil) != "refused exchange.quota" {
		t.Errorf("a statement from the future: %s", outcome(s, nil))
	}
}

// One unreadable body never delays what follows it, and comes right when the right one comes.
func TestABadBodyDelaysNothing(t *testing.T) {
	a, b := two(t)
	for i := range 4 {
		b.say(fmt.Sprint("text ", i), Routine)
	}
	out, raw := b.build(MaxBudget)
	s := a.receive(lie(b.l, out, func(x *Bundle) {
		x.Journals[0].Contents[1].Bytes[0]++
		x.Journals[0].Acts[2].Salt[0]++
	}))
	if got := outcome(s, nil); got != "violation exchange.body.mismatch" || len(s.Violations) != 2 || s.Violations[0].Index != 1 || s.Violations[1].Index != 2 {
		t.Fatal(got, s.Violations)
	}
	if pos := a.peers().pos; pos.Size != 4 || !reflect.DeepEqual(pos.Held, Ranges{{0, 1}, {3, 4}}) || len(a.cosigned) != 1 || a.cosigned[0].Size != 4 {
		t.Fatalf("size %d, held %v", pos.Size, pos.Held)
	}
	if len(a.statements()) != 3 {
		t.Error("a statement whose content is bad is still said; one whose act is bad is not")
	}
	if s := a.receive(lie(b.l, out, func(x *Bundle) { x.Journals[0].Contents[1].Bytes[0]++ })); len(s.Violations) != 0 || s.Duplicate {
		t.Errorf("the same bad content is reported again: %v", s.Violations)
	}
	s = a.receive(raw)
	if pos := a.peers().pos; !reflect.DeepEqual(pos.Held, Ranges{{0, 4}}) || len(s.Journals) != 1 || !reflect.DeepEqual(s.Journals[0].NewlyHeld, Ranges{{1, 2}}) {
		t.Errorf("held %v after the right bodies came", pos.Held)
	}
	if a.peers().pos.Size != 4 || len(a.statements()) != 4 || s.Journals[0].Checkpoint != nil {
		t.Error("resent leaves were taken as new")
	}
	if s := a.receive(raw); !s.Duplicate || !s.AnswerDue {
		t.Error("the same again is not a duplicate to be receipted")
	}
}

func TestALateActAsksForTheFlagsAgain(t *testing.T) {
	a, b := two(t)
	b.say("x", Routine)
	b.say("y", Routine)
	out, raw := b.build(MaxBudget)
	a.receive(lie(b.l, out, func(x *Bundle) { x.Journals[0].Acts[0].Salt[0]++ }))
	if s := a.receive(raw); len(s.Journals) != 1 || !s.Journals[0].Recheck || len(s.Journals[0].Late) != 1 || s.Journals[0].Late[0].Statement == nil {
		t.Errorf("%+v", s.Journals)
	}
}

// What is committed to and malformed or unknown is kept and receipted: nothing better can come.
func TestWhatCannotBeReadIsKept(t *testing.T) {
	encode := func(v any) []byte { return wire.MustMarshal(v) }
	for name, tc := range map[string]struct {
		change        func(n *node, act *statement.Act) (actBytes, contentBytes []byte)
		want          string
		held, flagged bool
		read          bool
	}{
		"unknown type": {func(n *node, act *statement.Act) ([]byte, []byte) {
			act.Type = "barter.offer/1"
			return encode(act), encode(&statement.Content{Version: 1})
		}, "unknown exchange.unknown.type", true, false, true},
		"unknown version of the type": {func(n *node, act *statement.Act) ([]byte, []byte) {
			act.Type = "release.dispatch/2"
			return encode(act), encode(&statement.Content{Version: 1})
		}, "unknown exchange.unknown.type", true, false, true},
		"unknown version of the act": {func(n *node, act *statement.Act) ([]byte, []byte) {
			act.Version = 2
			return encode(act), encode(&statement.Content{Version: 1})
		}, "unknown exchange.unknown.act", true, false, false},
		"unknown version of the content": {func(n *node, act *statement.Act) ([]byte, []byte) {
			return encode(act), []byte{0xa1, 1, 2}
		}, "unknown exchange.unknown.content", true, false, true},
		"malformed act": {func(n *node, act *statement.Act) ([]byte, []byte) {
			return []byte{0xa0}, encode(&statement.Content{Version: 1})
		}, "violation statement.act.version", true, true, false},
		"act without a thread": {func(n *node, act *statement.Act) ([]byte, []byte) {
			act.Thread = statement.Thread{}
			return encode(act), encode(&statement.Content{Version: 1})
		}, "violation statement.act.thread", true, true, false},
		"malformed content": {func(n *node, act *statement.Act) ([]byte, []byte) {
			return encode(act), []byte{0}
		}, "violation statement.content.malformed", true, false, true},
		"said in another channel": {func(n *node, act *statement.Act) ([]byte, []byte) {
			act.Channel[0]++
			return encode(act), encode(&statement.Content{Version: 1})
		}, "violation exchange.act.channel", true, true, true},
		"said in another epoch": {func(n *node, act *statement.Act) ([]byte, []byte) {
			act.Epoch++
			return encode(act), encode(&statement.Content{Version: 1})
		}, "violation exchange.act.epoch", true, true, true},
		"said for another author": {func(n *node, act *statement.Act) ([]byte, []byte) {
			act.Author, act.By.Authority, act.Seen = nz, "NZL/nzdf", nil
			return encode(act), encode(&statement.Content{Version: 1})
		}, "violation exchange.act.author", true, true, true},
		"a national entry": {func(n *node, act *statement.Act) ([]byte, []byte) {
			act.Type = statement.National("view")
			return encode(act), encode(&statement.Content{Version: 1})
		}, "violation exchange.act.national", true, true, true},
		"seen of a stranger": {func(n *node, act *statement.Act) ([]byte, []byte) {
			act.Seen = []statement.Seen{{Author: au, Epoch: 1, Size: 1}}
			return encode(act), encode(&statement.Content{Version: 1})
		}, "violation exchange.seen.author, violation statement.seen.decreasing", true, true, true},
		"seen of what is not said yet": {func(n *node, act *statement.Act) ([]byte, []byte) {
			act.Seen = []statement.Seen{{Author: nz, Epoch: 1, Size: 1}}
			return encode(act), encode(&statement.Content{Version: 1})
		}, "violation exchange.seen.ahead, violation statement.seen.decreasing", true, true, true},
	} {
		a, b := two(t)
		act, _ := b.draft("")
		k := kept{actState: Present, contState: Present}
		k.act, k.cont = statement.Body{Salt: b.rand32()}, statement.Body{Salt: b.rand32()}
		k.act.Bytes, k.cont.Bytes = tc.change(b, act)
		k.leaf = encode(&statement.Leaf{Version: 1, Act: statement.Commit(statement.ActCommit, k.act.Salt, k.act.Bytes),
			Content: statement.Commit(statement.ContentCommit, k.cont.Salt, k.cont.Bytes)})
		b.append(k)
		b.say("what follows", Routine)
		s := a.receive(bring(b, 0))
		body := s.Journals[0].Bodies[0]
		if got := outcome(s, nil); got != tc.want && !(name == "malformed act" && got == "violation statement.act.malformed") {
			t.Errorf("%s: %s", name, got)
		}
		if a.peers().pos.Held.Contains(0) != tc.held || body.Flagged != tc.flagged || (body.Statement != nil) != tc.read {
			t.Errorf("%s: held %v, flagged %v, read %v", name, a.peers().pos.Held.Contains(0), body.Flagged, body.Statement != nil)
		}
		if !a.peers().pos.Held.Contains(1) || a.cosigned[0].Size != 2 {
			t.Errorf("%s: what follows was delayed", name)
		}
		if b.receive(func() []byte { _, raw := a.build(MaxBudget); return raw }()); b.own().pos.PeerSize != 2 {
			t.Errorf("%s: it was not witnessed", name)
		}
	}
}

func TestALeafThatCannotBeReadIsKept(t *testing.T) {
	for name, tc := range map[string]struct {
		leaf []byte
		want string
	}{
		"unknown version": {[]byte{0xa1, 1, 2}, "unknown exchange.unknown.leaf"},
		"malformed":       {[]byte("not CBOR"), "violation statement.leaf.malformed"},
	} {
		a, b := two(t)
		good := b.say("x", Routine)
		k := b.own().entries[good.Index]
		k.leaf = tc.leaf
		b.append(k)
		b.say("y", Routine)
		s := a.receive(bring(b, 0))
		if got := outcome(s, nil); got != tc.want || a.peers().pos.Size != 3 || !reflect.DeepEqual(a.peers().pos.Held, Ranges{{0, 1}, {2, 3}}) {
			t.Errorf("%s: %s, held %v", name, got, a.peers().pos.Held)
		}
		b.receive(func() []byte { _, raw := a.build(MaxBudget); return raw }())
		if s := a.receive(func() []byte { _, raw := b.build(MaxBudget); return raw }()); len(s.Violations)+len(s.Unknown) != 0 || !s.Duplicate {
			t.Errorf("%s: reported again: %s", name, outcome(s, nil))
		}
	}
}

func TestTimeAndSeenThatFallBackAreFlaggedAndKept(t *testing.T) {
	a, b := two(t)
	a.say("from a", Routine)
	talk(a, b, MaxBudget)
	b.say("seen one of a", Routine)
	back, content := b.draft("earlier, and has seen nothing")
	back.Time, back.Seen = back.Time-1, nil
	b.write(back, content, Routine)
	b.say("in order again", Routine)
	s := a.receive(bring(b, 0))
	if got := outcome(s, nil); got != "violation statement.seen.decreasing, violation statement.time.decreasing" || s.Violations[0].Index != 1 || s.Violations[0].Thread != back.Thread {
		t.Error(got, s.Violations)
	}
	if !a.peers().pos.Held.Covers(Ranges{{0, 3}}) || a.cosigned[0].Size != 3 {
		t.Error("not kept and cosigned")
	}
	flags := []bool{}
	for _, x := range s.Journals[0].Bodies {
		flags = append(flags, x.Flagged)
	}
	if !slices.Equal(flags, []bool{false, true, false}) {
		t.Errorf("flagged %v", flags)
	}
	b.say("next bundle", Routine)
	if s := a.receive(bring(b, 3)); outcome(s, nil) != "" {
		t.Errorf("the run does not go on: %s", outcome(s, nil))
	}
}
