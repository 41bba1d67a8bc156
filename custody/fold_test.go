package custody

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/party"
	"entente/statement"

	"pgregory.net/rapid"
)

const (
	nz  party.Author = "NZL/nzdf/node-1"
	jp  party.Author = "JPN/jmod/node-1"
	jp2 party.Author = "JPN/jmod/node-2"
	au  party.Author = "AUS/dod/node-1"
)

// thread builds statements of one release thread; each names what it answers and has seen.
type thread struct {
	t     testing.TB
	c     *agreement.Compiled
	next  map[party.Author]uint64
	stmts []*statement.Statement
	n     byte
}

func newThread(t testing.TB, c *agreement.Compiled) *thread {
	return &thread{t: t, c: c, next: map[party.Author]uint64{}}
}

func (h *thread) say(author party.Author, typ statement.TypeName, terms []byte, answers ...*statement.Statement) *statement.Statement {
	h.n++
	role := map[statement.TypeName]party.Role{statement.Dispatch: party.RoleReleaseOfficer, statement.RegistryReceipt: party.RoleRegistryOfficer}[typ]
	if role == "" {
		role = party.RoleNode
	}
	a := &statement.Act{Version: 1, ID: statement.ID{h.n}, Author: author, Epoch: 1, Type: typ, Thread: statement.Thread{9}, Time: noon.UnixMilli(),
		By: statement.By{Authority: author.Authority(), Role: role}, Rules: statement.Rules{Terms: h.c.Agreement().Digest(), Version: RulesVersion}, Terms: terms}
	for _, s := range answers {
		a.Answers = append(a.Answers, statement.Ref{Author: s.Act.Author, ID: s.Act.ID, Leaf: s.LeafHash})
		if s.Act.Author != author {
			a.Seen = append(a.Seen, statement.Seen{Author: s.Act.Author, Epoch: 1, Size: s.Index + 1})
		}
	}
	slices.SortFunc(a.Seen, func(x, y statement.Seen) int { return bytes.Compare([]byte(x.Author), []byte(y.Author)) })
	s := &statement.Statement{Index: h.next[author], LeafHash: [32]byte{h.n * 37}, Act: a}
	h.next[author]++
	h.stmts = append(h.stmts, s)
	return s
}

func (h *thread) encode(t statement.Terms) []byte {
	b, err := statement.EncodeTerms(t)
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

func (h *thread) dispatch() *statement.Statement {
	s := sent(h.t, h.c, "S//REL TO NZL, JPN")
	return h.say(nz, statement.Dispatch, h.encode(&s))
}

func (h *thread) receipt(author party.Author, change func(*ReceiptTerms), answers ...*statement.Statement) *statement.Statement {
	r := *accepted(h.t, h.c)
	if change != nil {
		change(&r)
	}
	return h.say(author, statement.RegistryReceipt, h.encode(&r), answers...)
}

func (h *thread) incident(author party.Author, release byte, answers ...*statement.Statement) *statement.Statement {
	return h.say(author, statement.Incident, h.encode(&IncidentTerms{Release: [16]byte{release}, Code: "custody.contents", At: 1}), answers...)
}

func (h *thread) fold() (State, []statement.Violation) {
	return Fold(statement.Rules{Terms: h.c.Agreement().Digest(), Version: RulesVersion}, h.stmts, noon.Add(time.Hour))
}

func renumber(r *ReceiptTerms) { r.Control = "JPN-EX-2026-0002" }

func TestCustodyOfAThread(t *testing.T) {
	c := terms(t)
	for name, tc := range map[string]struct {
		build    func(*thread)
		status   Status
		holdings int
		codes    string
	}{
		"nothing":                             {func(h *thread) {}, StatusNone, 0, ""},
		"sent":                                {func(h *thread) { h.dispatch() }, StatusSent, 0, ""},
		"registered":                          {func(h *thread) { h.receipt(jp, nil, h.dispatch()) }, StatusRegistered, 1, ""},
		"registered, said again":              {func(h *thread) { d := h.dispatch(); h.receipt(jp, nil, d); h.receipt(jp, nil, d) }, StatusRegistered, 1, ""},
		"two nodes of one party, the same":    {func(h *thread) { d := h.dispatch(); h.receipt(jp, nil, d); h.receipt(jp2, nil, d) }, StatusRegistered, 1, ""},
		"two nodes of one party, differing":   {func(h *thread) { d := h.dispatch(); h.receipt(jp, nil, d); h.receipt(jp2, renumber, d) }, StatusContested, 0, ""},
		"a second receipt in other terms":     {func(h *thread) { d := h.dispatch(); h.receipt(jp, nil, d); h.receipt(jp, renumber, d) }, StatusRegistered, 1, "custody.fold.second"},
		"a second receipt that saw the first": {func(h *thread) { d := h.dispatch(); r := h.receipt(jp, nil, d); h.receipt(jp2, renumber, d, r) }, StatusRegistered, 1, "custody.fold.second"},
		"of a party not named":                {func(h *thread) { h.receipt(au, func(r *ReceiptTerms) { r.Control = "AUS-EX-2026-0001" }, h.dispatch()) }, StatusSent, 0, "custody.fold.recipient"},
		"of the sender":                       {func(h *thread) { h.receipt(nz, nil, h.dispatch()) }, StatusSent, 0, "custody.fold.recipient"},
		"that answers nothing":                {func(h *thread) { h.dispatch(); h.receipt(jp, nil) }, StatusSent, 0, "custody.fold.answer"},
		"without a dispatch":                  {func(h *thread) { h.receipt(jp, nil) }, StatusNone, 0, "custody.fold.answer"},
		"of other bytes":                      {func(h *thread) { h.receipt(jp, func(r *ReceiptTerms) { r.Dispatch[0]++ }, h.dispatch()) }, StatusSent, 0, "custody.receipt.digest"},
		"with another's number":               {func(h *thread) { h.receipt(jp, func(r *ReceiptTerms) { r.Control = "AUS-EX-2026-0001" }, h.dispatch()) }, StatusSent, 0, "custody.receipt.control"},
		"terms not readable":                  {func(h *thread) { h.say(jp, statement.RegistryReceipt, []byte{0xa0}, h.dispatch()) }, StatusSent, 0, "custody.fold.terms"},
		"an incident":                         {func(h *thread) { h.incident(jp, 7, h.dispatch()) }, StatusIncident, 0, ""},
		"an incident stays":                   {func(h *thread) { d := h.dispatch(); h.incident(jp, 7, d); h.receipt(jp, nil, d) }, StatusIncident, 1, ""},
		"an incident about nothing known":     {func(h *thread) { h.dispatch(); h.incident(jp, 0) }, StatusIncident, 0, ""},
		"an incident about another release":   {func(h *thread) { h.incident(jp, 8, h.dispatch()) }, StatusSent, 0, "custody.fold.release"},
		"a second dispatch": {func(h *thread) {
			d := h.dispatch()
			s := sent(t, c, "S//REL TO NZL, JPN")
			s.Copies = 2
			h.say(nz, statement.Dispatch, h.encode(&s))
			h.receipt(jp, nil, d)
		}, StatusRegistered, 1, "custody.fold.second"},
		"two dispatches at once": {func(h *thread) {
			d := h.dispatch()
			s := sent(t, c, "S//REL TO NZL, JPN")
			h.say("NZL/nzdf/node-2", statement.Dispatch, h.encode(&Consignment{s.Release, s.Digest, s.Banner, s.Purpose, s.Precedence, 2, s.Manifest, s.Guard, s.Decision, s.Size, s.Portions}))
			h.receipt(jp, nil, d)
		}, StatusContested, 0, ""},
		"another type":    {func(h *thread) { h.dispatch(); h.say(nz, statement.Anchor, nil) }, StatusSent, 0, "custody.fold.type"},
		"a type to come":  {func(h *thread) { h.receipt(jp, nil, h.dispatch()); h.say(nz, "custody.receipt/2", nil) }, StatusSuspended, 1, ""},
		"rules to come":   {func(h *thread) { h.dispatch().Act.Rules.Version = "custody/2" }, StatusSuspended, 0, ""},
		"other terms":     {func(h *thread) { h.dispatch().Act.Rules.Terms[0]++ }, StatusNone, 0, "custody.fold.rules"},
		"in another role": {func(h *thread) { h.receipt(jp, nil, h.dispatch()).Act.By.Role = party.RoleReader }, StatusSent, 0, "custody.fold.role"},
	} {
		h := newThread(t, c)
		tc.build(h)
		st, bad := h.fold()
		var codes string
		for _, v := range bad {
			codes += string(v.Code)
		}
		if st.Status != tc.status || len(st.Holdings) != tc.holdings || codes != tc.codes {
			t.Errorf("%s: %s with %d holdings, violations %q; want %s, %d, %q", name, st.Status, len(st.Holdings), codes, tc.status, tc.holdings, tc.codes)
		}
		if (st.Waiting == time.Hour) != (st.Sent != nil && len(st.Holdings) == 0) {
			t.Errorf("%s: waits %v", name, st.Waiting)
		}
	}
	h := newThread(t, c)
	d := h.dispatch()
	h.receipt(jp, nil, d)
	h.stmts = h.stmts[1:] // the dispatch has not arrived yet
	if st, bad := h.fold(); st.Status != StatusNone || st.Pending != 1 || len(bad) != 0 {
		t.Errorf("a receipt before its dispatch: %+v %v", st, bad)
	}
}

// Whatever the statements are, their order of arrival and duplicates change neither state nor violations.
func TestFoldDependsOnTheSetAlone(t *testing.T) {
	c := terms(t)
	seen := map[Status]bool{}
	rapid.Check(t, func(rt *rapid.T) {
		h := newThread(t, c)
		authors := []party.Author{nz, jp, jp2, au}
		for range rapid.IntRange(1, 8).Draw(rt, "statements") {
			author := rapid.SampledFrom(authors).Draw(rt, "author")
			var answers []*statement.Statement
			if len(h.stmts) > 0 && rapid.IntRange(0, 3).Draw(rt, "answers") > 0 {
				answers = append(answers, h.stmts[0])
				if s := rapid.SampledFrom(h.stmts).Draw(rt, "too"); s != h.stmts[0] && s.Act.Author != h.stmts[0].Act.Author {
					answers = append(answers, s)
				}
			}
			change := rapid.SampledFrom([]func(*ReceiptTerms){nil, nil, renumber, func(r *ReceiptTerms) { r.Release[0]++ }}).Draw(rt, "change")
			switch rapid.IntRange(0, 5).Draw(rt, "type") {
			case 0:
				h.dispatch()
			case 1:
				h.incident(author, rapid.SampledFrom([]byte{0, 7, 8}).Draw(rt, "of"), answers...)
			case 2:
				h.say(author, rapid.SampledFrom([]statement.TypeName{statement.Anchor, "custody.receipt/2"}).Draw(rt, "other"), nil, answers...)
			default:
				h.receipt(author, change, answers...)
			}
		}
		st, bad := h.fold()
		seen[st.Status] = true
		h.stmts = rapid.Permutation(append(slices.Clone(h.stmts), h.stmts[:rapid.IntRange(0, len(h.stmts)).Draw(rt, "duplicates")]...)).Draw(rt, "arrival")
		again, bad2 := h.fold()
		if st.Digest() != again.Digest() || st.Pending != again.Pending || st.Waiting != again.Waiting || fmt.Sprint(bad) != fmt.Sprint(bad2) {
			rt.Fatalf("%+v %v\nagainst %+v %v", st, bad, again, bad2)
		}
		for _, x := range st.Holdings {
			if x.Party != x.Author.Party() || x.Receipt.Release != st.Sent.Release || x.Party == st.From.Party() {
				rt.Fatalf("holds what nobody sent it: %+v", x)
			}
		}
	})
	for _, want := range []Status{StatusSent, StatusRegistered, StatusIncident, StatusSuspended} {
		if !seen[want] {
			t.Errorf("no thread came to %s: the law was not tested there", want)
		}
	}
}

// Each recipient of an agreement of many takes its own copy in charge, and the state lists them by party.
func TestSeveralRecipients(t *testing.T) {
	c := terms(t)
	h := newThread(t, c)
	s := sent(t, c, "S//REL TO NZL, AUS, JPN")
	s.Copies = 2
	d := h.say(nz, statement.Dispatch, h.encode(&s))
	h.receipt(jp, func(r *ReceiptTerms) { r.Of = 2 }, d)
	h.receipt(au, func(r *ReceiptTerms) { r.Of, r.Copy, r.Control = 2, 2, "AUS-EX-2026-0009" }, d)
	for range 20 { // a map must not show through
		if st, bad := h.fold(); len(bad) != 0 || len(st.Holdings) != 2 || st.Holdings[0].Party != "AUS" || st.Holdings[1].Receipt.Copy != 1 {
			t.Fatalf("%+v %v", st, bad)
		}
	}
}

// More statements never make custody less restrictive: an incident or a contest is not undone by what one side adds.
func TestAnIncidentIsNotUndone(t *testing.T) {
	c := terms(t)
	h := newThread(t, c)
	d := h.dispatch()
	h.incident(jp, 7, d)
	for _, author := range []party.Author{nz, jp, au} {
		h.receipt(author, nil, d)
		h.incident(author, 8, d)
		if st, _ := h.fold(); st.Status != StatusIncident {
			t.Errorf("after %s spoke: %s", author, st.Status)
		}
	}
	if st, _ := h.fold(); len(st.Incidents) != 1 || errs.Code(st.Incidents[0].Incident.Code) != "custody.contents" {
		t.Errorf("%+v", st.Incidents)
	}
}
