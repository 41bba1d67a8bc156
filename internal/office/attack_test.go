package office_test

import (
	"bytes"
	"context"
	"crypto/sha512"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"entente/custody"
	"entente/errs"
	"entente/examples/exercise"
	"entente/exchange"
	"entente/internal/node"
	"entente/internal/office"
	"entente/journal"
	"entente/label"
	"entente/party"
	"entente/release"
	"entente/seal"
	"entente/statement"
	"entente/wire"
)

// What a partner's officer may not do is checked again on this side. Every one of these dispatches is kept, none can be accepted, each is
// in the record by name, and the partner is told.
func TestADispatchThatBreaksARuleGoesToQuarantine(t *testing.T) {
	t.Parallel()
	nobody := party.Handle{9}
	for name, tc := range map[string]struct {
		version func(*release.Version)
		terms   func(*release.DispatchTerms)
		edit    func(*says)
		code    errs.Code
	}{
		"no delegation":            {edit: func(s *says) { s.by.Delegation = "" }, code: "agreement.delegation.missing"},
		"a delegation never shown": {edit: func(s *says) { s.by.Delegation = "other" }, code: "agreement.delegation.missing"},
		"another's delegation":     {edit: func(s *says) { s.by.Handle = nobody }, code: "agreement.delegation.holder"},
		"a registry officer's delegation": {edit: func(s *says) { s.by.Delegation = "hostile-registry" },
			code: "agreement.delegation.role"},
		"a lapsed delegation":                    {edit: func(s *says) { s.by.Delegation = "hostile-lapsed" }, code: "agreement.delegation.lapsed"},
		"an author in the officer's place":       {edit: func(s *says) { s.by.Role = party.RoleAuthor }, code: "release.fold.role"},
		"another authority":                      {edit: func(s *says) { s.by.Authority = "JPN/other" }, code: "channel.authority"},
		"a proof that nobody can verify here":    {edit: func(s *says) { s.by.Proof = statement.Proof{Kind: statement.ProofPasskey, Data: []byte{1}} }, code: "channel.proof.unverified"},
		"a proof that the agreement has not":     {edit: func(s *says) { s.by.Proof = statement.Proof{Kind: statement.ProofCard, Data: []byte{1}} }, code: "channel.statement.closed"},
		"other terms":                            {edit: func(s *says) { s.edit = func(a *statement.Act) { a.Rules.Terms[0] ^= 1 } }, code: "channel.rules"},
		"rules of another version":               {edit: func(s *says) { s.version = "release/9" }, code: "channel.rules"},
		"other bytes than listed":                {terms: func(x *release.DispatchTerms) { x.Digest[0] ^= 1 }, code: "release.received.digest"},
		"another banner than listed":             {terms: func(x *release.DispatchTerms) { x.Banner.Level = "jpn.hi" }, code: "release.received.banner"},
		"another purpose than listed":            {terms: func(x *release.DispatchTerms) { x.Purpose = "other" }, code: "release.received.terms"},
		"another release than listed":            {version: nil, terms: func(x *release.DispatchTerms) { x.Manifest[0] ^= 1 }, code: "release.received.manifest"},
		"another realm":                          {version: func(v *release.Version) { v.Realm = "exercise:other" }, code: "release.received.realm"},
		"live material in an exercise":           {version: func(v *release.Version) { v.Realm, v.Exercise = "live", false }, code: "release.received.realm"},
		"an exercise that does not say so":       {version: func(v *release.Version) { v.Exercise = false }, code: "release.version.field"},
		"for another party":                      {version: func(v *release.Version) { v.To, v.Reference = "AUS", strings.Replace(v.Reference, "NZL", "AUS", 1) }, code: "release.version.label"},
		"a banner below what is shown":           {version: func(v *release.Version) { v.Banner.Level = "jpn.u" }, code: "release.received.banner"},
		"an unknown level":                       {version: func(v *release.Version) { v.Portions[0].Label.Level = "jpn.none" }, code: "release.version.manifest"},
		"a text that was never committed to":     {version: func(v *release.Version) { v.Portions[0].Text += "." }, code: "release.version.manifest"},
		"a portion shown without its companions": {version: func(v *release.Version) { v.Portions = v.Portions[:1]; v.Portions[0].With = []uint64{7} }, code: "release.version.with"},
		"a handling line of its own making":      {version: func(v *release.Version) { v.Handling = nil }, code: "release.received.handling"},
		"bytes that are no version":              {edit: func(s *says) { s.narrative = []byte{0xff, 1, 2} }, code: "wire.malformed"},
		"no content at all":                      {edit: func(s *says) { s.narrative = nil }, code: "wire.malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := alone(t)
			h := takeOver(t, w)
			h.dispatch(tc.version, tc.terms, tc.edit)
			h.send()
			queued, quarantined := w.nzl.queue(t)
			if len(queued) != 0 || len(quarantined) != 1 || quarantined[0].Code != string(tc.code) {
				t.Fatalf("queued %d, quarantined %+v, want %s", len(queued), quarantined, tc.code)
			}
			h.noted(tc.code)
			if quarantined[0].Reference != "" || quarantined[0].Own != "" {
				t.Errorf("the register shows of it %+v", quarantined[0])
			}
			refused(t, w.nzl, "registry-officer", "registry.accept", office.AcceptReq{ID: quarantined[0].ID, Marking: "nzl.s", Holder: "reader"}, "custody.state")
			// The incident is on its way to the partner: what the answer brought is more than a receipt.
			b, err := h.post(h.bundle(len(h.leaves)))
			if err != nil || b == nil && h.seen == 0 {
				t.Errorf("the partner was told nothing: %v", err)
			}
		})
	}
}

func TestAGenuineDispatchIsQueued(t *testing.T) {
	t.Parallel()
	w := alone(t)
	h := takeOver(t, w)
	h.dispatch(nil, nil, nil)
	h.send()
	if queued, quarantined := w.nzl.queue(t); len(queued) != 1 || len(quarantined) != 0 {
		t.Fatalf("queued %d, quarantined %+v", len(queued), quarantined)
	}
}

// A matter that is said in another's thread, or twice, is kept and shown and changes nothing.
func TestADispatchInAnothersThreadOrASecondOneIsAViolation(t *testing.T) {
	t.Parallel()
	w := alone(t)
	h := takeOver(t, w)
	h.dispatch(nil, nil, func(s *says) { s.thread = statement.Thread{7} })
	h.send()
	h.noted("custody.thread")
	first := h.dispatch(nil, nil, nil)
	h.say(says{typ: statement.Dispatch, version: release.RulesVersion, thread: first.Act.Thread, raw: first.Act.Terms, narrative: first.Content.Narrative, by: first.Act.By})
	h.send()
	h.noted("custody.second")
	if queued, quarantined := w.nzl.queue(t); len(queued) != 1 || len(quarantined) != 0 {
		t.Errorf("queued %d, quarantined %d", len(queued), len(quarantined))
	}
}

// A content that does not fit the first bundle comes with the next: it must be waited for, and then queued once.
func TestAContentThatComesLaterIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := alone(t)
	h := takeOver(t, w)
	st := h.dispatch(nil, nil, nil)
	content := h.contents[st.Index]
	for _, state := range []exchange.SlotState{exchange.Later} {
		h.contents[st.Index] = exchange.Slot{State: state}
		h.send()
		if queued, quarantined := w.nzl.queue(t); len(queued)+len(quarantined) != 0 {
			t.Fatalf("without its content: queued %d, quarantined %+v", len(queued), quarantined)
		}
	}
	late := func(c exchange.Slot) *exchange.Bundle {
		b := h.bundle(len(h.leaves))
		b.Journals = []exchange.JournalPart{{Author: h.author, Epoch: 1, From: uint64(len(h.leaves)), Checkpoint: h.head(int64(len(h.leaves))),
			Bodies: []exchange.LateBody{{Index: st.Index, Content: &c}}}}
		return b
	}
	bad := content
	bad.Bytes = bytes.Clone(bad.Bytes)
	bad.Bytes[5] ^= 1
	if _, err := h.post(late(bad)); err != nil {
		t.Fatal(err)
	}
	h.noted("exchange.body.mismatch")
	for range 2 { // the second time is a repetition
		if _, err := h.post(late(content)); err != nil {
			t.Fatal(err)
		}
	}
	queued, quarantined := w.nzl.queue(t)
	if len(queued) != 1 || len(quarantined) != 0 {
		t.Fatalf("queued %d, quarantined %+v", len(queued), quarantined)
	}
}

// More reports than one bundle carries, between honest nodes.
func TestManyReportsBeyondOneBundleAllArrive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lost := 0
	w.road.set(func(to string, raw []byte) []byte { // the first try is lost on the way, and nothing with it
		if lost++; lost == 1 {
			return nil
		}
		return raw
	})
	for _, name := range []string{"R02", "R04", "R05"} {
		w.release(t, w.nzl, name)
	}
	w.sync(t, w.nzl)
	if e := w.sync(t, w.nzl); e != "" {
		t.Fatal(e)
	}
	if queued, quarantined := w.jpn.queue(t); len(queued) != 3 || len(quarantined) != 0 {
		t.Errorf("queued %d, quarantined %+v", len(queued), quarantined)
	}
}

// Only the partner's registry officer, with a delegation, takes an item in charge; everything else is a violation, and the release
// stays as it was.
func TestAReceiptThatIsNotOfThePartnersRegistryIsNotObeyed(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		edit func(*says, *custody.ReceiptTerms)
		code errs.Code
	}{
		"another role": {func(s *says, _ *custody.ReceiptTerms) { s.by.Role = party.RoleReader }, "release.fold.role"},
		"the node itself": {func(s *says, _ *custody.ReceiptTerms) {
			s.by.Role, s.by.Handle, s.by.Delegation = party.RoleNode, party.Handle{}, ""
		}, "release.fold.role"},
		"no delegation":         {func(s *says, _ *custody.ReceiptTerms) { s.by.Delegation = "" }, "agreement.delegation.missing"},
		"another's delegation":  {func(s *says, _ *custody.ReceiptTerms) { s.by.Handle = party.Handle{9} }, "agreement.delegation.holder"},
		"a release officer's":   {func(s *says, _ *custody.ReceiptTerms) { s.by.Delegation = "hostile-release" }, "agreement.delegation.role"},
		"another authority":     {func(s *says, _ *custody.ReceiptTerms) { s.by.Authority = "JPN/other" }, "channel.authority"},
		"other bytes":           {func(_ *says, t *custody.ReceiptTerms) { t.Dispatch[0] ^= 1 }, "custody.receipt.digest"},
		"another release":       {func(_ *says, t *custody.ReceiptTerms) { t.Release[0] ^= 1 }, "custody.receipt.release"},
		"a register of a third": {func(_ *says, t *custody.ReceiptTerms) { t.Control = "AUS-EX-2026-0001" }, "custody.receipt.control"},
		"more copies than sent": {func(_ *says, t *custody.ReceiptTerms) { t.Of = 2 }, "custody.receipt.copy"},
		"a lower marking":       {func(_ *says, t *custody.ReceiptTerms) { t.Own.Level = "jpn.hi" }, "custody.marking"},
		"terms that are none":   {func(s *says, t *custody.ReceiptTerms) { t.Intact, t.Control = false, "x" }, "custody.terms.receipt"},
		"it answers nothing":    {func(s *says, _ *custody.ReceiptTerms) { s.answers = nil }, "release.fold.answer"},
		"a proof nobody can check": {func(s *says, _ *custody.ReceiptTerms) {
			s.by.Proof = statement.Proof{Kind: statement.ProofDevice, Data: []byte{1}}
		}, "channel.proof.unverified"},
		"other terms":            {func(s *says, _ *custody.ReceiptTerms) { s.edit = func(a *statement.Act) { a.Rules.Terms[0] ^= 1 } }, "channel.rules"},
		"of what was never sent": {func(s *says, _ *custody.ReceiptTerms) { s.thread = statement.Thread{5} }, "custody.thread"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := alone(t)
			h := takeOver(t, w)
			v := w.release(t, w.nzl, "R04")
			d := h.dispatched(h.send())
			h.receipt(d, tc.edit)
			h.send()
			h.noted(tc.code)
			got := call[office.ReleaseView](t, w.nzl, "release-officer", "release.show", office.ReleaseReq{ID: v.ID})
			if got.State == "registered" || got.Control != "" {
				t.Errorf("the release is %s under %q", got.State, got.Control)
			}
		})
	}
}

func TestAGenuineReceiptIsObeyedAndASecondIsNot(t *testing.T) {
	t.Parallel()
	w := alone(t)
	h := takeOver(t, w)
	v := w.release(t, w.nzl, "R04")
	d := h.dispatched(h.send())
	h.receipt(d, nil)
	h.receipt(d, func(_ *says, t *custody.ReceiptTerms) { t.Control = "JPN-EX-2026-0002" })
	h.send()
	h.noted("release.fold.second")
	got := call[office.ReleaseView](t, w.nzl, "release-officer", "release.show", office.ReleaseReq{ID: v.ID})
	if got.State != "registered" || got.Control != "JPN-EX-2026-0001" {
		t.Errorf("the release is %s under %q", got.State, got.Control)
	}
}

// An act that names the victim as its author would, if it were folded, contradict the victim's own dispatch.
func TestAnActInTheVictimsNameIsKeptOutOfEveryFold(t *testing.T) {
	t.Parallel()
	w := alone(t)
	h := takeOver(t, w)
	v := w.release(t, w.nzl, "R04")
	d := h.dispatched(h.send())
	h.say(says{typ: statement.Dispatch, version: release.RulesVersion, thread: d.Act.Thread, raw: d.Act.Terms, by: statement.By{Authority: "NZL/nzdf", Role: party.RoleReleaseOfficer, Handle: party.Handle{1}},
		edit: func(a *statement.Act) { a.Author, a.Seen = h.link.Peer, nil }})
	h.send()
	h.noted("exchange.act.author")
	h.receipt(d, nil)
	h.send()
	got := call[office.ReleaseView](t, w.nzl, "release-officer", "release.show", office.ReleaseReq{ID: v.ID})
	if got.State != "registered" {
		t.Errorf("a forged act kept the receipt from being obeyed: %s", got.State)
	}
}

// A clock of the partner set back does not bring a delegation into force again: it has seen what was said here after the lapse.
func TestABackdatedDispatchIsJudgedByWhatItHasSeen(t *testing.T) {
	t.Parallel()
	w := alone(t)
	h := takeOver(t, w)
	d := h.delegation("short", party.RoleReleaseOfficer, h.officer)
	d.Until = h.w.clock.Now().Add(time.Hour).UnixMilli()
	h.say(says{typ: statement.Delegated, terms: &statement.DelegationTerms{Delegation: d}})
	inForce := h.w.clock.Now().UnixMilli()
	h.send()
	w.clock.move(2 * time.Hour)
	w.release(t, w.nzl, "R04")
	h.dispatched(h.send()) // seen, after the lapse
	h.dispatch(nil, nil, func(s *says) {
		s.by.Delegation, s.edit = "short", func(a *statement.Act) {
			a.Time, a.Seen = inForce, []statement.Seen{{Author: h.link.Peer, Epoch: 1, Size: h.seen}}
		}
	})
	h.send()
	if _, quarantined := w.nzl.queue(t); len(quarantined) != 1 || quarantined[0].Code != "agreement.delegation.lapsed" {
		t.Errorf("quarantined %+v", quarantined)
	}
}

// An unknown type is no violation: it is kept, witnessed, and suspends its thread. A matter that is suspended is not accepted.
func TestAnUnknownTypeSuspendsItsThread(t *testing.T) {
	t.Parallel()
	w := alone(t)
	h := takeOver(t, w)
	d := h.dispatch(nil, nil, nil)
	h.say(says{typ: "release.withdrawal/1", thread: d.Act.Thread, raw: []byte{0xa0}})
	b := h.send()
	h.noted("exchange.unknown.type")
	if len(b.Cosignatures) != 1 || b.Cosignatures[0].Size != uint64(len(h.leaves)) {
		t.Errorf("it was not witnessed: %+v", b.Cosignatures)
	}
	queued, _ := w.nzl.queue(t)
	if len(queued) != 1 {
		t.Fatalf("%d queued", len(queued))
	}
	refused(t, w.nzl, "registry-officer", "registry.accept", office.AcceptReq{ID: queued[0].ID, Marking: queued[0].Choices[0].Targets, Holder: "reader"}, "custody.thread")
}

// What nobody can read is kept and must not keep an auditor from reading the rest.
func TestAnAuditorReadsPastWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := alone(t)
	h := takeOver(t, w)
	garbage := func(act, content []byte) {
		actBody, contentBody := statement.Body{Salt: [32]byte{1}, Bytes: act}, statement.Body{Salt: [32]byte{2}, Bytes: content}
		leaf := &statement.Leaf{Version: 1, Act: statement.Commit(statement.ActCommit, actBody.Salt, act), Content: statement.Commit(statement.ContentCommit, contentBody.Salt, content)}
		raw, err := leaf.Encode()
		if err != nil {
			t.Fatal(err)
		}
		h.append(raw, exchange.PresentSlot(actBody), exchange.PresentSlot(contentBody))
	}
	good := wire.MustMarshal(&statement.Content{Version: 1})
	garbage([]byte{0xff}, good)
	garbage([]byte{0xa1, 1, 2}, []byte{0xff})
	h.append([]byte("no leaf at all"), exchange.Slot{State: exchange.Later}, exchange.Slot{State: exchange.Later})
	// A content whose objects are not those of its leaf is committed to all the same.
	st := h.dispatch(nil, nil, nil)
	object := wire.MustMarshal(&statement.Content{Version: 1, Narrative: st.Content.Narrative, Objects: []statement.ObjectKey{{Root: [48]byte{1}, Size: 100, Key: [32]byte{1}, MediaType: "text/plain"}}})
	garbage(wire.MustMarshal(st.Act), object)
	h.send()
	origin := journal.Origin{Realm: realm, Channel: h.link.Channel, Author: h.author, Epoch: 1}
	page := call[office.JournalView](t, w.nzl, "auditor", "journal.show", office.JournalReq{Origin: origin.String(), Limit: 100})
	if len(page.Entries) != len(h.leaves) {
		t.Errorf("%d of %d entries shown", len(page.Entries), len(h.leaves))
	}
	if queued, _ := w.nzl.queue(t); len(queued) != 1 {
		t.Errorf("%d queued: what is read beside it must go on", len(queued))
	}
	call[office.Rebuilt](t, w.nzl, "", "rebuild", office.Empty{})
}

// A partner that floods has the limits both signed, and what is beyond them is neither stored nor cosigned.
func TestAFloodStopsAtTheLimitsBothSigned(t *testing.T) {
	t.Parallel()
	w := alone(t)
	h := takeOver(t, w)
	d := h.delegation("many", party.RoleReader, party.Handle{3})
	for i := range 2000 {
		d.ID = fmt.Sprintf("many-%d", i)
		h.say(says{typ: statement.Delegated, terms: &statement.DelegationTerms{Delegation: d}})
	}
	if _, err := h.post(h.bundle(0)); errs.CodeOf(err) != "exchange.quota" || errs.KindOf(err) != errs.Quota {
		t.Errorf("2,003 statements on one day: %v", err)
	}
	h.noted("exchange.quota")
	if n := status(t, w.nzl).Theirs.Size; n != 0 {
		t.Errorf("%d statements are stored", n)
	}
}

// Hundreds of incidents in one thread are one state.
func TestManyIncidentsAreAbsorbedInOneGo(t *testing.T) {
	t.Parallel()
	w := alone(t)
	h := takeOver(t, w)
	v := w.release(t, w.nzl, "R04")
	d := h.dispatched(h.send())
	for range 300 {
		h.say(says{typ: statement.Incident, version: release.RulesVersion, thread: d.Act.Thread, answers: []statement.Ref{{Author: d.Act.Author, ID: d.Act.ID, Leaf: d.LeafHash}},
			terms: &custody.IncidentTerms{Release: [16]byte(d.Act.Thread), Code: "custody.infected", At: h.w.clock.Now().UnixMilli()}})
	}
	h.send()
	got := call[office.ReleaseView](t, w.nzl, "release-officer", "release.show", office.ReleaseReq{ID: v.ID})
	if got.State != "quarantined" {
		t.Errorf("the release is %s", got.State)
	}
}

func status(t *testing.T, o *one) office.ChannelStatus {
	t.Helper()
	return call[office.Status](t, o, "", "status", office.Empty{}).Channels[0]
}

// Two heads that contradict freeze what the partner can do harm with: releases and receipts stop here, incidents do not.
func TestEquivocationFreezesReleasesAndNotIncidents(t *testing.T) {
	t.Parallel()
	w := alone(t)
	h := takeOver(t, w)
	h.dispatch(nil, nil, nil)
	h.send()
	size := int64(len(h.leaves))
	b := h.bundle(len(h.leaves))
	b.Heads = [][]byte{h.sign(size, journal.Hash{1}, 1)} // another root at the same size
	if _, err := h.post(b); err != nil {
		t.Fatal(err)
	}
	h.noted("exchange.equivocation")
	if !status(t, w.nzl).Theirs.Frozen {
		t.Fatal("not frozen")
	}
	before := w.nzl.count(t, "exchange.equivocation")
	for range 3 {
		b.ID = [16]byte{1, before2(t)}
		if _, err := h.post(b); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.nzl.count(t, "exchange.equivocation"); n != before {
		t.Errorf("shown again it is noted again: %d entries", n)
	}
	r := report("R04")
	v := call[office.ReleaseView](t, w.nzl, "analyst", "release.propose", office.ReportReq{Report: r.Report, Sheet: r.Sheet, To: "JPN"})
	refused(t, w.nzl, "release-officer", "release.approve", office.ReleaseReq{ID: v.ID}, "channel.frozen")
	queued, _ := w.nzl.queue(t)
	refused(t, w.nzl, "registry-officer", "registry.accept", office.AcceptReq{ID: queued[0].ID, Marking: queued[0].Choices[0].Targets, Holder: "reader"}, "channel.frozen")
	own := status(t, w.nzl).Own.Size
	h.dispatch(nil, nil, func(s *says) { s.by.Delegation = "" })
	h.send()
	if status(t, w.nzl).Own.Size != own+1 {
		t.Error("the incident was not said: a freeze must not silence it")
	}
	for _, o := range []*one{w.reopen(t, w.nzl)} {
		if !status(t, o).Theirs.Frozen {
			t.Error("a restart lifted the freeze")
		}
	}
}

func before2(t *testing.T) byte { return byte(len(t.Name())) }

// A head of its own that the node does not know: it signs nothing any more, now and after every restart, and takes in what comes.
func TestANodeThatMeetsItsOwnFutureSignsNothing(t *testing.T) {
	t.Parallel()
	w := alone(t)
	h := takeOver(t, w)
	own, _, _ := readNode(t, w.nzl.dir)
	c := w.nzl.Carrier().Routes()[0]
	future, err := journal.Sign(own.Signing, "hybrid", journal.Checkpoint{Origin: c.Own, Size: 1000, Root: journal.Hash{1}})
	if err != nil {
		t.Fatal(err)
	}
	h.dispatch(nil, nil, nil)
	b := h.bundle(0)
	b.Heads = [][]byte{future}
	answer, err := h.post(b)
	if err != nil {
		t.Fatal(err)
	}
	if answer != nil && (len(answer.Cosignatures) > 0 || len(answer.Held) > 0 || len(answer.Journals) > 0) {
		t.Errorf("it signed: %+v", answer)
	}
	h.noted("exchange.own-head-ahead")
	check := func(o *one) {
		t.Helper()
		if s := call[office.Status](t, o, "", "status", office.Empty{}); s.Signing != "exchange.own-head-ahead" {
			t.Errorf("signing is %q", s.Signing)
		}
		if queued, _ := o.queue(t); len(queued) != 1 {
			t.Errorf("%d queued: it must take in what comes", len(queued))
		}
		r := report("R04")
		v := call[office.ReleaseView](t, o, "analyst", "release.propose", office.ReportReq{Report: r.Report, Sheet: r.Sheet, To: "JPN"})
		refused(t, o, "release-officer", "release.approve", office.ReleaseReq{ID: v.ID}, "exchange.own-head-ahead")
		own := status(t, o).Own.Size
		if e := w.sync(t, o); strings.Contains(e, "hold") {
			t.Error(e)
		}
		if status(t, o).Own.Size != own {
			t.Error("it said something")
		}
	}
	check(w.nzl)
	n := w.nzl.count(t, "exchange.own-head-ahead")
	if _, err := h.post(b); err != nil {
		t.Fatal(err)
	}
	if again := w.nzl.count(t, "exchange.own-head-ahead"); again != n {
		t.Errorf("the same head is noted %d times", again)
	}
	again := w.reopen(t, w.nzl)
	h.victim = again
	check(again)
	h.dispatch(nil, nil, nil)
	if answer, err = h.post(h.bundle(0)); err != nil || answer != nil && len(answer.Cosignatures)+len(answer.Held) > 0 {
		t.Errorf("after the restart: %+v, %v", answer, err)
	}
	if queued, _ := again.queue(t); len(queued) != 2 {
		t.Errorf("after the restart %d are queued", len(queued))
	}
}

// An older copy of the directory with the marker where it was: the node reads and receives, and signs nothing.
func TestADatabaseOlderThanItsMarkerSignsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := t.TempDir()
	if err := w.nzl.Close(); err != nil {
		t.Fatal(err)
	}
	copyTree(t, w.nzl.dir, old)
	w.nzl = open(t, nzl, w.nzl.dir, w.clock, w.road)
	w.release(t, w.nzl, "R04")
	if e := w.sync(t, w.nzl); e != "" {
		t.Fatal(e)
	}
	if err := w.nzl.Close(); err != nil {
		t.Fatal(err)
	}
	copyFile(t, w.nzl.dir+"/marker", old+"/marker")
	o := open(t, nzl, old, w.clock, w.road)
	t.Cleanup(func() { o.Close() })
	if s := call[office.Status](t, o, "", "status", office.Empty{}); s.Signing != "store.marker.older" {
		t.Fatalf("signing is %q", s.Signing)
	}
	r := report("R05")
	v := call[office.ReleaseView](t, o, "analyst", "release.propose", office.ReportReq{Report: r.Report, Sheet: r.Sheet, To: "JPN"})
	refused(t, o, "release-officer", "release.approve", office.ReleaseReq{ID: v.ID}, "store.marker.older")
	w.release(t, w.jpn, "R01")
	w.sync(t, w.jpn)
	if queued, _ := o.queue(t); len(queued) != 1 {
		t.Errorf("%d queued: it must go on receiving", len(queued))
	}
	if got := status(t, o).Theirs.Witnessed; got != 0 {
		t.Errorf("it cosigned %d statements", got)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	dir := t.TempDir()
	copyTree(t, from, dir+"/f")
	copyTree(t, dir+"/f", to)
}

// Between approval and dispatch an officer may lose the post, or a delegation lapse.
func TestADelegationIsAskedAgainAtDispatch(t *testing.T) {
	t.Parallel()
	for name, between := range map[string]func(t *testing.T, w *world){
		"the delegation is taken back": func(t *testing.T, w *world) { w.staff(t, `id = "nzl-release-1"`, `id = "nzl-release-9"`) },
		"the post loses its role": func(t *testing.T, w *world) {
			w.staff(t, `post = "release-officer"`, `post = "watch-officer"`, `alias = "release-officer"`, `alias = "gone"`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := report("R04")
			v := call[office.ReleaseView](t, w.nzl, "analyst", "release.propose", office.ReportReq{Report: r.Report, Sheet: r.Sheet, To: "JPN"})
			call[office.ReleaseView](t, w.nzl, "release-officer", "release.approve", office.ReleaseReq{ID: v.ID, Hold: 3600})
			between(t, w)
			w.clock.move(2 * time.Hour)
			w.sync(t, w.nzl)
			for _, x := range call[office.ReleaseList](t, w.nzl, "analyst", "release.list", office.ListReq{}).Releases {
				if x.ID == v.ID && x.State != "stopped" {
					t.Errorf("the release is %s", x.State)
				}
			}
			if queued, quarantined := w.jpn.queue(t); len(queued)+len(quarantined) != 0 {
				t.Error("it left")
			}
		})
	}
}

// staff loads the exercise's staff file of New Zealand with replacements.
func (w *world) staff(t *testing.T, replace ...string) {
	t.Helper()
	text := string(staffOf("NZL"))
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(text, replace[i]) {
			t.Fatalf("%s is not in the file", replace[i])
		}
		text = strings.Replace(text, replace[i], replace[i+1], 1)
	}
	call[office.Staff](t, w.nzl, "key-custodian", "staff.load", office.StaffReq{File: []byte(text)})
}

// A delegation that is taken back is told to the partner, and counts there at once; one that comes back counts again.
func TestThePartnerLearnsThatADelegationWasTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := status(t, w.nzl).Own.Size
	w.staff(t, `id = "nzl-release-1"`, `id = "nzl-release-9"`)
	if n := status(t, w.nzl).Own.Size; n != before+2 {
		t.Errorf("%d statements were made: one delegation is new, and one has ended", n-before)
	}
	w.staff(t, `id = "nzl-release-1"`, `id = "nzl-release-9"`)
	if n := status(t, w.nzl).Own.Size; n != before+2 {
		t.Error("what was told is told again")
	}
	w.sync(t, w.nzl)
	w.clock.move(time.Minute)
	w.staff(t, `id = "nzl-release-1"`, `id = "nzl-release-1"`)
	w.release(t, w.nzl, "R04")
	w.sync(t, w.nzl)
	if queued, quarantined := w.jpn.queue(t); len(queued) != 1 {
		t.Errorf("queued %d, quarantined %+v", len(queued), quarantined)
	}
}

func TestAnApprovalCannotBeHeldPastTheVerdict(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := report("R04")
	v := call[office.ReleaseView](t, w.nzl, "analyst", "release.propose", office.ReportReq{Report: r.Report, Sheet: r.Sheet, To: "JPN"})
	for _, hold := range []int{-1, 86401, 10_000_000_000, 1 << 62} { // the third overflows nanoseconds
		refused(t, w.nzl, "release-officer", "release.approve", office.ReleaseReq{ID: v.ID, Hold: hold}, "release.hold")
	}
}

// A refused draft commits its entry and nothing else: the references have no gaps.
func TestARefusedDraftTakesNoNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := report("R04")
	refused(t, w.nzl, "analyst", "release.propose", office.ReportReq{Report: bytes.Replace(r.Report, []byte("(S//REL TO NZL, JPN)"), []byte("(XX//REL TO NZL, JPN)"), 1), Sheet: r.Sheet, To: "JPN"}, "label.mark.word")
	v := call[office.ReleaseView](t, w.nzl, "analyst", "release.propose", office.ReportReq{Report: r.Report, Sheet: r.Sheet, To: "JPN"})
	if v.Reference != "NZL-JPN/2026/0001" {
		t.Errorf("the first release is %s", v.Reference)
	}
}

// An auditor proves without reading; contents are opened by clearance alone.
func TestEvidenceWithContentsNeedsAClearance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.release(t, w.nzl, "R04")
	w.sync(t, w.nzl)
	call[office.Blob](t, w.nzl, "auditor", "journal.proof", office.ProofReq{Release: v.ID})
	refused(t, w.nzl, "auditor", "journal.proof", office.ProofReq{Release: v.ID, Open: true}, "evidence.clearance")
	queued, _ := w.jpn.queue(t)
	if len(queued) != 1 {
		t.Fatal("nothing arrived")
	}
	theirs := status(t, w.jpn).Theirs
	for i := range theirs.Size {
		err := w.jpn.as("auditor").Call(t.Context(), "journal.proof", office.ProofReq{Origin: theirs.Origin, Index: i, Open: true}, nil)
		if err != nil && !errs.HasCode(err, "evidence.unregistered") {
			t.Error(err)
		} else if err != nil {
			return
		}
	}
	t.Error("what nobody accepted was taken out in full")
}

// What the agreement, or the officer's delegation, does not let be carried is not packed into a file.
func TestCarryingIsAMeansOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release(t, w.nzl, "R04")
	call[office.BundleView](t, w.nzl, "registry-officer", "bundle.pack", office.BundleReq{})
	w.staff(t, `means = ["network", "courier"]`, `means = ["network"]`)
	refused(t, w.nzl, "registry-officer", "bundle.pack", office.BundleReq{}, "agreement.delegation.means")
}

// The labels of a partner's dispatch are checked one by one, with fresh commitments, so that nothing but the label is wrong.
func TestALabelThatCannotBeReadHereGoesToQuarantine(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		edit func(*label.Label)
		code errs.Code
	}{
		"unknown level":        {func(l *label.Label) { l.Level = "jpn.none" }, "agreement.label"},
		"unknown policy":       {func(l *label.Label) { l.Policy = "2.25.1" }, "release.version.label"},
		"unknown designation":  {func(l *label.Label) { l.Designations = []string{"jpn.none"} }, "agreement.label"},
		"national only":        {func(l *label.Label) { l.Designations = []string{"jpn.only"} }, "agreement.label"},
		"without release set":  {func(l *label.Label) { l.Release = []party.Party{"JPN"} }, "release.version.label"},
		"originated elsewhere": {func(l *label.Label) { l.Originator = "AUS" }, "release.version.label"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := alone(t)
			h := takeOver(t, w)
			h.dispatch(func(v *release.Version) {
				p := &v.Portions[0]
				was := p.Commitment()
				tc.edit(&p.Label)
				now := p.Commitment()
				v.Manifest = slices.DeleteFunc(v.Manifest, func(x [48]byte) bool { return x == was })
				v.Manifest = append(v.Manifest, now)
				slices.SortFunc(v.Manifest, func(a, b [48]byte) int { return bytes.Compare(a[:], b[:]) })
			}, func(x *release.DispatchTerms) {}, func(s *says) {
				v := new(release.Version)
				if err := wire.Unmarshal(s.narrative, 1<<20, v); err != nil {
					t.Fatal(err)
				}
				terms := new(release.DispatchTerms)
				if err := wire.Unmarshal(s.raw, 1<<20, terms); err != nil {
					t.Fatal(err)
				}
				terms.Manifest = release.ManifestDigest(v.Manifest)
				s.raw = wire.MustMarshal(terms)
			})
			h.send()
			queued, quarantined := w.nzl.queue(t)
			if len(queued) != 0 || len(quarantined) != 1 {
				t.Fatalf("queued %d, quarantined %+v", len(queued), quarantined)
			}
			if got := quarantined[0].Code; !strings.HasPrefix(got, string(tc.code)) && !strings.HasPrefix(got, "label.") {
				t.Errorf("code %s, want %s", got, tc.code)
			}
			h.noted(errs.Code(quarantined[0].Code))
		})
	}
}

// Two processes on one directory.
func TestASecondNodeOnOneDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := openNode(w.nzl.dir, w.clock)
	if errs.CodeOf(err) != "store.locked" {
		t.Errorf("%v", err)
	}
}

// A clock that was set back is noticed, and nothing is decided by it.
func TestAClockSetBackDecidesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.clock.move(20 * 365 * 24 * time.Hour / 4) // past the end of the agreement
	r := report("R04")
	refused(t, w.nzl, "analyst", "release.propose", office.ReportReq{Report: r.Report, Sheet: r.Sheet, To: "JPN"}, "agreement.ended")
	w.clock.move(-4 * 365 * 24 * time.Hour)
	again := w.reopen(t, w.nzl)
	refused(t, again, "analyst", "release.propose", office.ReportReq{Report: r.Report, Sheet: r.Sheet, To: "JPN"}, "agreement.ended")
	if again.count(t, "clock.set-back") == 0 {
		t.Error("clock.set-back is in no national journal")
	}
	d := call[office.Doctor](t, again, "", "doctor", office.Empty{})
	if !slices.ContainsFunc(d.Checks, func(c office.Check) bool { return c.Name == "clock" && strings.Contains(c.Detail, "clock.set-back") }) {
		t.Errorf("the doctor does not say it: %+v", d.Checks)
	}
}

// A node whose agreement has ended opens, and what it holds under it is still read and answered for.
func TestANodeOpensAfterItsAgreementEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release(t, w.nzl, "R04")
	w.sync(t, w.nzl)
	queued, _ := w.jpn.queue(t)
	e := call[office.EntryView](t, w.jpn, "registry-officer", "registry.accept", office.AcceptReq{ID: queued[0].ID, Marking: "jpn.gokuhi", Holder: "reader"})
	call[office.OpenView](t, w.jpn, "reader", "open", office.OpenReq{Control: e.Control, Purpose: e.Purpose})
	w.clock.move(5 * 365 * 24 * time.Hour) // agreement and authors' periods are over
	again := w.reopen(t, w.jpn)
	if s := status(t, again); s.State != "ended" || s.Own.Size == 0 {
		t.Errorf("%+v", s)
	}
}

// Input that would not fit an entry must not keep its own refusal out of the record.
func TestOddInputIsNotedLikeAnyOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, control := range []string{"x\ny", strings.Repeat("あ", 2000), "\x00\x1b[31m", ""} {
		refused(t, w.nzl, "reader", "open", office.OpenReq{Control: control, Purpose: "p"}, "custody.control.unknown")
	}
	for _, id := range []string{"", "%", "____", "zzzz", strings.Repeat("a", 5000)} {
		refused(t, w.nzl, "release-officer", "release.approve", office.ReleaseReq{ID: id}, "release.unknown")
	}
}

func TestNothingIsReadWithoutAPost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.release(t, w.nzl, "R04")
	for _, post := range []string{"", "nobody", "auditor", "liaison", "key-custodian"} {
		for op, req := range map[string]any{"release.show": office.ReleaseReq{ID: v.ID}, "registry.queue": office.ListReq{}, "registry.list": office.ListReq{},
			"release.approve": office.ReleaseReq{ID: v.ID}, "release.stop": office.ReleaseReq{ID: v.ID}} {
			if err := w.nzl.as(post).Call(t.Context(), op, req, nil); errs.KindOf(err) != errs.Refused {
				t.Errorf("%s as %q: %v", op, post, err)
			}
		}
	}
}

// A node keeps to the limits itself: what the partner would refuse for good is not said. What a freeze stops leaves room for what it never
// stops.
func TestANodeStopsBeforeThePartnerWouldRefuseItForGood(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	raise(t, dir, bytes.Replace(exercise.Agreement(), []byte("per_day = 2000"), []byte("per_day = 16"), 1))
	w := &world{clock: &handClock{now: begin.Add(time.Hour)}, road: &road{nodes: map[string]*node.Node{}}}
	w.nzl, w.jpn = open(t, nzl, dir+"/NZL", w.clock, w.road), open(t, jpn, dir+"/JPN", w.clock, w.road)
	t.Cleanup(func() { w.nzl.Close(); w.jpn.Close() })
	w.sync(t, w.nzl)
	r := report("R04")
	sent := 0
	for {
		v := call[office.ReleaseView](t, w.nzl, "analyst", "release.propose", office.ReportReq{Report: r.Report, Sheet: r.Sheet, To: "JPN"})
		err := w.nzl.as("release-officer").Call(t.Context(), "release.approve", office.ReleaseReq{ID: v.ID}, nil)
		if err == nil {
			if sent++; sent > 16 {
				t.Fatal("there is no end to it")
			}
			continue
		}
		if errs.CodeOf(err) != "channel.quota" || errs.KindOf(err) != errs.Quota {
			t.Fatal(err)
		}
		break
	}
	if w.nzl.count(t, "channel.quota") == 0 {
		t.Error("channel.quota is in no national journal")
	}
	if n := status(t, w.nzl).Own.Size; n != 14 {
		t.Errorf("%d statements were said; 14 of 16 are for releases", n)
	}
	if e := w.sync(t, w.nzl); e != "" {
		t.Fatal(e)
	}
	if queued, _ := w.jpn.queue(t); len(queued) != sent {
		t.Errorf("%d of %d arrived", len(queued), sent)
	}
	w.staff(t, `instrument = "EXERCISE delegation letter 1"`, `instrument = "EXERCISE delegation letter 1a"`) // may still be said
	if n := status(t, w.nzl).Own.Size; n != 15 {
		t.Errorf("%d statements: a delegation must still go", n)
	}
	w.clock.move(24 * time.Hour)
	w.sync(t, w.nzl)
	w.sync(t, w.nzl)
	if queued, _ := w.jpn.queue(t); len(queued) != sent+1 {
		t.Errorf("the next day %d of %d arrived", len(queued), sent+1)
	}
}

// Numbers, ids and addresses of a card that would reach further than a host and a port, and keys that are not the partner's now.
func TestAPairingIsNotChangedByAnOlderOrAnotherCard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	card := call[office.Blob](t, w.jpn, "key-custodian", "pair.card", office.Empty{}).Bytes
	for _, address := range []string{"host:1/path", "user@host:1", "host:1?x", "host:1\n", "ho st:1", strings.Repeat("a", 256), "\x00"} {
		refused(t, w.nzl, "key-custodian", "pair.add", office.PairReq{Card: card, Address: address}, "link.address")
	}
	for name, raw := range map[string][]byte{"nothing": nil, "cut": card[:len(card)-1], "more": append(slices.Clone(card), 0)} {
		if err := w.nzl.as("key-custodian").Call(t.Context(), "pair.add", office.PairReq{Card: raw}, nil); errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	call[office.PairView](t, w.nzl, "key-custodian", "pair.add", office.PairReq{Card: card, Address: "elsewhere:2"}) // a new address of the same keys
	other := t.TempDir()
	raise(t, other, exercise.Agreement())
	_, foreign, _ := readNode(t, other+"/JPN")
	refused(t, w.nzl, "key-custodian", "pair.add", office.PairReq{Card: foreign.Encode()}, "link.root")
	own := call[office.Blob](t, w.nzl, "key-custodian", "pair.card", office.Empty{}).Bytes
	refused(t, w.nzl, "key-custodian", "pair.add", office.PairReq{Card: own}, "link.self")
	refused(t, w.nzl, "key-custodian", "pair.confirm", office.PairConfirmReq{Author: jpn.author, Words: "ALFA BRAVO"}, "link.words")
	refused(t, w.nzl, "analyst", "pair.add", office.PairReq{Card: card}, "identity.role")
	w.clock.move(3 * 365 * 24 * time.Hour)
	refused(t, w.nzl, "key-custodian", "pair.add", office.PairReq{Card: card}, "link.keys.date")
}

// New keys of the same root, or old ones that leaked: genuine, and not those in use.
func TestOtherKeysOfThePairedRootAreRefused(t *testing.T) {
	t.Parallel()
	w := alone(t)
	_, card, ks := readNode(t, w.jpn.dir)
	file, err := os.ReadFile(w.jpn.dir + "/" + node.RootKeyPath)
	if err != nil {
		t.Fatal(err)
	}
	root, err := office.UnlockRoot(file, rootPassphrase, realm)
	if err != nil {
		t.Fatal(err)
	}
	ks.Serial, ks.Previous, ks.TLS = 2, [48]byte{1}, [48]byte{2}
	if card.Keys, err = seal.SignKeyStatement(root, ks); err != nil {
		t.Fatal(err)
	}
	refused(t, w.nzl, "key-custodian", "pair.add", office.PairReq{Card: card.Encode()}, "link.keys")
}

// A package that is not whole, or not in force, opens nothing.
func TestAnAgreementThatIsNotWholeOpensNoChannel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text := exercise.Agreement()
	later := bytes.Replace(text, []byte(`version = 1`), []byte(`version = 2`), 1)
	prepared := call[office.Blob](t, w.nzl, "key-custodian", "agreement.prepare", office.Blob{Bytes: later}).Bytes
	one := sign(t, w.nzl.dir, prepared)
	refused(t, w.nzl, "key-custodian", "agreement.load", office.Blob{Bytes: text}, "agreement.unsigned")
	refused(t, w.nzl, "key-custodian", "agreement.load", office.Blob{Bytes: one}, "agreement.signed-by-one")
	both := sign(t, w.jpn.dir, one)
	altered := bytes.Replace(both, []byte("per_day = 2000"), []byte("per_day = 2001"), 1)
	if err := w.nzl.as("key-custodian").Call(t.Context(), "agreement.load", office.Blob{Bytes: altered}, nil); errs.KindOf(err) != errs.Refused {
		t.Errorf("altered after signing: %v", err)
	}
	ended := bytes.Replace(later, []byte(`until = "2031-01-01T00:00:00Z"`), []byte(`until = "2026-02-01T00:00:00Z"`), 1)
	ended = sign(t, w.jpn.dir, sign(t, w.nzl.dir, call[office.Blob](t, w.nzl, "key-custodian", "agreement.prepare", office.Blob{Bytes: ended}).Bytes))
	refused(t, w.nzl, "key-custodian", "agreement.load", office.Blob{Bytes: ended}, "agreement.ended")
	if n := len(call[office.Status](t, w.nzl, "", "status", office.Empty{}).Channels); n != 1 {
		t.Errorf("%d channels are open", n)
	}
}

// A partner that takes a bundle and never answers must not hold up what is due here.
func TestAPartnerThatNeverAnswersHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stuck, free := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(stuck) })
	w.road.set(func(string, []byte) []byte { once(); <-free; return nil })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.nzl.Work(ctx) }()
	<-stuck
	r := report("R04")
	v := call[office.ReleaseView](t, w.nzl, "analyst", "release.propose", office.ReportReq{Report: r.Report, Sheet: r.Sheet, To: "JPN"})
	call[office.ReleaseView](t, w.nzl, "release-officer", "release.approve", office.ReleaseReq{ID: v.ID, Hold: 60})
	w.clock.move(2 * time.Minute)
	state := ""
	for i := 0; i < 300 && state != "dispatched"; i++ {
		w.nzl.Carrier().Wake()
		for _, x := range call[office.ReleaseList](t, w.nzl, "release-officer", "release.list", office.ListReq{}).Releases {
			state = x.State
		}
	}
	if state != "dispatched" {
		t.Errorf("while a partner does not answer, the release stays %s", state)
	}
	cancel()
	close(free)
	<-done
}

// Only the node's own account reaches its socket, from the first moment on and wherever the directory lies.
func TestTheOperatorsSocketIsPrivate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := os.Chmod(w.nzl.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	ready := make(chan struct{})
	go func() { done <- w.nzl.Serve(ctx, func(string) { close(ready) }) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatal(err)
	}
	for _, name := range []string{node.SocketName, "entente.db", "marker", "lock", "keys/node.key", "keys/root.key", "node.toml"} {
		info, err := os.Stat(w.nzl.dir + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode&0o077 != 0 {
			t.Errorf("%s has mode %o", name, mode)
		}
	}
	d := call[office.Doctor](t, w.nzl, "", "doctor", office.Empty{})
	if !slices.ContainsFunc(d.Checks, func(c office.Check) bool { return c.Name == "permissions" && c.State != "ok" }) {
		t.Error("the doctor does not see a directory that others can look into")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Whatever text somebody hands in as an agreement or a package, it is read or refused, and only what both roots signed counts.
func FuzzReadAgreement(f *testing.F) {
	f.Add(exercise.Agreement())
	f.Add([]byte{0xa1, 1, 0x40})
	f.Add([]byte{0xa2, 1, 0x41, 'x', 2, 0x80})
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := office.InspectAgreement(raw, begin)
		if err != nil {
			return
		}
		if len(v.SignedBy) != 0 || v.State != "unsigned" {
			t.Errorf("nobody signed anything, and it is %s by %v", v.State, v.SignedBy)
		}
	})
}

// What the partner would refuse for its size is not said: the journal could never go past it.
func TestAStatementLargerThanTheLimitIsNotSaid(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	raise(t, dir, bytes.Replace(exercise.Agreement(), []byte("body = 65536"), []byte("body = 13000"), 1))
	w := &world{clock: &handClock{now: begin.Add(time.Hour)}, road: &road{nodes: map[string]*node.Node{}}}
	w.nzl, w.jpn = open(t, nzl, dir+"/NZL", w.clock, w.road), open(t, jpn, dir+"/JPN", w.clock, w.road)
	t.Cleanup(func() { w.nzl.Close(); w.jpn.Close() })
	r := report("R04")
	long := bytes.Replace(r.Report, []byte("**4. (S//REL TO NZL, JPN)** "), []byte("**4. (S//REL TO NZL, JPN)** "+strings.Repeat("Ships. ", 1100)), 1)
	digest := func(b []byte) []byte { return fmt.Appendf(nil, "%x", sha512.Sum384(b)) }
	sheet := bytes.Replace(r.Sheet, digest(r.Report), digest(long), 1)
	v := call[office.ReleaseView](t, w.nzl, "analyst", "release.propose", office.ReportReq{Report: long, Sheet: sheet, To: "JPN"})
	refused(t, w.nzl, "release-officer", "release.approve", office.ReleaseReq{ID: v.ID}, "channel.limit")
	if e := w.sync(t, w.nzl); e != "" {
		t.Error(e)
	}
	for _, x := range call[office.ReleaseList](t, w.nzl, "release-officer", "release.list", office.ListReq{}).Releases {
		if x.State != "stopped" {
			t.Errorf("the release is %s", x.State)
		}
	}
	w.sync(t, w.jpn) // the channel still works in both directions
	if s := status(t, w.jpn); s.Theirs.Size == 0 || s.Own.Witnessed != s.Own.Size {
		t.Errorf("%+v", s)
	}
}

// Exercise and live never meet, nor two exercises; and an agreement names one suite, which both nodes' keys must be of.
func TestRealmsAndSuitesDoNotMix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	dir := t.TempDir()
	if _, err := node.Init(node.InitConfig{Dir: dir, Realm: "exercise:other", Author: jpn.author, Ceiling: jpn.ceiling, Listen: "127.0.0.1:0", Suite: "hybrid", Passphrase: passphrase,
		RootPassphrase: rootPassphrase, KDF: seal.MinIterations, Clock: w.clock}); err != nil {
		t.Fatal(err)
	}
	card, err := os.ReadFile(dir + "/keys/card")
	if err != nil {
		t.Fatal(err)
	}
	refused(t, w.nzl, "key-custodian", "pair.add", office.PairReq{Card: card}, "link.realm")
	if _, err := node.Init(node.InitConfig{Dir: t.TempDir(), Realm: "live", Author: jpn.author, Ceiling: jpn.ceiling, Listen: "127.0.0.1:0", Suite: "hybrid", Passphrase: passphrase,
		RootPassphrase: rootPassphrase, Clock: w.clock}); errs.CodeOf(err) != "node.realm.policy" {
		t.Errorf("an exercise policy in live: %v", err)
	}
	// The directory of one realm does not open as another.
	settings, err := os.ReadFile(dir + "/node.toml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/node.toml", bytes.Replace(settings, []byte("exercise:other"), []byte("exercise:whio"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openNode(dir, w.clock); errs.CodeOf(err) != "seal.keyfile.realm" {
		t.Errorf("another realm in node.toml: %v", err)
	}
	suite := bytes.Replace(exercise.Agreement(), []byte(`suite = "hybrid"`), []byte(`suite = "cnsa"`), 1)
	pkg := sign(t, w.jpn.dir, sign(t, w.nzl.dir, call[office.Blob](t, w.nzl, "key-custodian", "agreement.prepare", office.Blob{Bytes: suite}).Bytes))
	refused(t, w.nzl, "key-custodian", "agreement.load", office.Blob{Bytes: pkg}, "link.suite")
	if e := w.sync(t, w.nzl); e != "" {
		t.Error(e)
	}
}

// A genesis that names other keys than the partner is paired with is kept and noted.
func TestAGenesisOfOtherKeysIsNoted(t *testing.T) {
	t.Parallel()
	w := alone(t)
	h := takeOver(t, w)
	h.leaves, h.acts, h.contents = nil, nil, nil
	h.tree, _ = journal.OpenTree(0, nil)
	_, foreign, _ := readNode(t, w.nzl.dir)
	h.say(says{typ: statement.Genesis, terms: &statement.GenesisTerms{Agreement: h.terms, Realm: realm, Readers: h.link.Readers, Epoch: 1, KeyStatement: foreign.Keys.Encode()}})
	h.say(says{typ: statement.Genesis, terms: &statement.GenesisTerms{Agreement: h.terms, Realm: realm, Readers: h.link.Readers, Epoch: 1, KeyStatement: h.signed.Encode()}})
	h.send()
	h.noted("channel.genesis.keys")
	h.noted("channel.genesis")
}
