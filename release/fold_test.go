package release

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"entente/errs"
	"entente/label"
	"entente/party"
	"entente/statement"

	"pgregory.net/rapid"
)

var inForce = statement.Rules{Terms: [48]byte{1}, Version: RulesVersion}

// say makes a statement of author at index; answers are seen.
func say(author party.Author, index uint64, typ statement.TypeName, role party.Role, terms []byte, answers ...*statement.Statement) *statement.Statement {
	a := &statement.Act{Version: 1, ID: statement.ID{byte(index) + 1, author[0]}, Channel: [48]byte{1}, Author: author, Type: typ, Thread: statement.Thread{7},
		Time: decided.UnixMilli() + int64(index), By: statement.By{Authority: author.Authority(), Role: role, Handle: party.Handle{1}, Proof: statement.Proof{Kind: statement.ProofNode}},
		Rules: inForce, Terms: terms}
	for _, s := range answers {
		a.Answers = append(a.Answers, statement.Ref{Author: s.Act.Author, ID: s.Act.ID, Leaf: s.LeafHash})
		if s.Act.Author != author {
			a.Seen = []statement.Seen{{Author: s.Act.Author, Size: s.Index + 1}}
		}
	}
	return &statement.Statement{Index: index, LeafHash: [32]byte{author[0], byte(index) + 1}, Act: a}
}

func someTerms(t interface{ Fatal(...any) }, n byte) []byte {
	b, err := (&DispatchTerms{Release: [16]byte{n}, Digest: [48]byte{n}, Banner: label.Label{Policy: "2.25.1", Level: "nzl.s", Release: []party.Party{"JPN", "NZL"}, Originator: "NZL"},
		Purpose: "regional-activity", Precedence: "ROUTINE", Copies: 1, Manifest: [48]byte{n}, Decision: [48]byte{n}, Size: 100, Portions: 1}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	nzl, jpn, jpn2 = party.Author("NZL/nzdf/node-1"), party.Author("JPN/jmod/node-1"), party.Author("QQQ/jmod/node-2")
)

func TestTheLifeOfARelease(t *testing.T) {
	d := say(nzl, 0, statement.Dispatch, party.RoleReleaseOfficer, someTerms(t, 1))
	receipt := say(jpn, 0, statement.RegistryReceipt, party.RoleRegistryOfficer, []byte{0xa0}, d)
	incident := say(jpn, 1, statement.Incident, party.RoleNode, []byte{0xa0}, d)
	for _, tc := range []struct {
		name string
		said []*statement.Statement
		want Status
	}{
		{"nothing said", nil, StatusNone},
		{"dispatched", []*statement.Statement{d}, StatusDispatched},
		{"registered", []*statement.Statement{d, receipt}, StatusRegistered},
		{"an incident outweighs the receipt", []*statement.Statement{d, receipt, incident}, StatusIncident},
		{"a receipt before its dispatch is held waits", []*statement.Statement{receipt}, StatusNone},
	} {
		st, bad := Fold(inForce, tc.said, decided.Add(time.Hour))
		if st.Status != tc.want || len(bad) != 0 {
			t.Errorf("%s: %s %v", tc.name, st.Status, bad)
		}
	}
	st, _ := Fold(inForce, []*statement.Statement{d}, decided.Add(time.Hour))
	if st.Waiting != time.Hour || st.Terms.Release != [16]byte{1} || st.Dispatch.Leaf != d.LeafHash {
		t.Errorf("%+v", st)
	}
	later, _ := Fold(inForce, []*statement.Statement{d}, decided.Add(2*time.Hour))
	if later.Digest() != st.Digest() {
		t.Error("time alone changed the digest of the state")
	}
	if st, _ := Fold(inForce, []*statement.Statement{receipt}, decided); st.Pending != 1 {
		t.Error("the waiting receipt is not counted")
	}
	if st, _ := Fold(inForce, []*statement.Statement{d, receipt}, decided); st.Waiting != 0 || len(st.Receipts) != 1 {
		t.Errorf("%+v", st)
	}
}

func TestWhatBreaksARuleIsReportedAndNotObeyed(t *testing.T) {
	d := say(nzl, 0, statement.Dispatch, party.RoleReleaseOfficer, someTerms(t, 1))
	receipt := func(author party.Author, n uint64, change func(*statement.Statement)) *statement.Statement {
		s := say(author, n, statement.RegistryReceipt, party.RoleRegistryOfficer, []byte{0xa0}, d)
		if change != nil {
			change(s)
		}
		return s
	}
	for name, tc := range map[string]struct {
		said []*statement.Statement
		code errs.Code
		want Status
	}{
		"dispatch by an author":   {[]*statement.Statement{say(nzl, 0, statement.Dispatch, party.RoleAuthor, someTerms(t, 1))}, "release.fold.role", StatusNone},
		"dispatch without terms":  {[]*statement.Statement{say(nzl, 0, statement.Dispatch, party.RoleReleaseOfficer, nil)}, "release.fold.terms", StatusNone},
		"dispatch after dispatch": {[]*statement.Statement{d, say(nzl, 1, statement.Dispatch, party.RoleReleaseOfficer, someTerms(t, 2))}, "release.fold.second", StatusDispatched},
		"receipt by a reader":     {[]*statement.Statement{d, receipt(jpn, 0, func(s *statement.Statement) { s.Act.By.Role = party.RoleReader })}, "release.fold.role", StatusDispatched},
		"receipt by the sender":   {[]*statement.Statement{d, receipt(nzl, 1, nil)}, "release.fold.answer", StatusDispatched},
		"receipt of nothing":      {[]*statement.Statement{d, say(jpn, 0, statement.RegistryReceipt, party.RoleRegistryOfficer, nil)}, "release.fold.answer", StatusDispatched},
		"second receipt":          {[]*statement.Statement{d, receipt(jpn, 0, nil), receipt(jpn, 1, nil)}, "release.fold.second", StatusRegistered},
		"incident about nothing":  {[]*statement.Statement{d, say(jpn, 0, statement.Incident, party.RoleNode, nil)}, "release.fold.answer", StatusDispatched},
		"other terms in force":    {[]*statement.Statement{d, receipt(jpn, 0, func(s *statement.Statement) { s.Act.Rules.Terms = [48]byte{9} })}, "release.fold.rules", StatusDispatched},
		"an anchor":               {[]*statement.Statement{d, say(jpn, 0, statement.Anchor, party.RoleNode, nil)}, "release.fold.type", StatusDispatched},
	} {
		t.Run(name, func(t *testing.T) {
			st, bad := Fold(inForce, tc.said, decided)
			if st.Status != tc.want {
				t.Errorf("%s, want %s", st.Status, tc.want)
			}
			if len(bad) != 1 || bad[0].Code != tc.code {
				t.Errorf("%v, want %s", bad, tc.code)
			}
		})
	}
}

func TestTheUnknownSuspendsAndIsNoViolation(t *testing.T) {
	d := say(nzl, 0, statement.Dispatch, party.RoleReleaseOfficer, someTerms(t, 1))
	newType := say(jpn, 0, "release.withdrawal/1", party.RoleReleaseOfficer, nil, d)
	newRules := say(jpn, 0, statement.RegistryReceipt, party.RoleRegistryOfficer, nil, d)
	newRules.Act.Rules.Version = "release/2"
	for _, s := range []*statement.Statement{newType, newRules} {
		if st, bad := Fold(inForce, []*statement.Statement{d, s}, decided); st.Status != StatusSuspended || len(bad) != 0 {
			t.Errorf("%s: %s %v", s.Act.Type, st.Status, bad)
		}
	}
}

func TestTwoDispatchesAtOnceFavourNobody(t *testing.T) {
	d := say(nzl, 0, statement.Dispatch, party.RoleReleaseOfficer, someTerms(t, 1))
	e := say(jpn, 0, statement.Dispatch, party.RoleReleaseOfficer, someTerms(t, 2))
	st, bad := Fold(inForce, []*statement.Statement{d, e}, decided)
	if st.Status != StatusContested || st.Terms != nil || len(bad) != 0 {
		t.Errorf("%+v %v", st, bad)
	}
}

func TestTheOrderOfArrivalMakesNoDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var said []*statement.Statement
		next := map[party.Author]uint64{}
		for range rapid.IntRange(1, 7).Draw(t, "statements") {
			author := rapid.SampledFrom([]party.Author{nzl, jpn, jpn2}).Draw(t, "author")
			typ := rapid.SampledFrom([]statement.TypeName{statement.Dispatch, statement.RegistryReceipt, statement.Incident, statement.Anchor}).Draw(t, "type")
			role := rapid.SampledFrom([]party.Role{party.RoleReleaseOfficer, party.RoleRegistryOfficer}).Draw(t, "role")
			var answered []*statement.Statement
			if len(said) > 0 && rapid.Bool().Draw(t, "answers") {
				answered = append(answered, rapid.SampledFrom(said).Draw(t, "answered"))
			}
			said = append(said, say(author, next[author], typ, role, someTerms(t, byte(len(said)+1)), answered...))
			next[author]++
		}
		st, bad := Fold(inForce, said, decided)
		shuffled := rapid.Permutation(said).Draw(t, "arrival")
		shuffled = append(shuffled, said[0])
		again, badAgain := Fold(inForce, shuffled, decided)
		key := func(v []statement.Violation) []statement.Violation {
			v = slices.Clone(v)
			slices.SortFunc(v, func(a, b statement.Violation) int {
				return int(a.Index)*10 + int(a.Author[0]) - int(b.Index)*10 - int(b.Author[0])
			})
			return v
		}
		if st.Digest() != again.Digest() || st.Status != again.Status || !reflect.DeepEqual(key(bad), key(badAgain)) {
			t.Fatalf("%+v\n%+v\n%v\n%v", st, again, bad, badAgain)
		}
	})
}
