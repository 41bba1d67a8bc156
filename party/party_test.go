package party

import (
	"strings"
	"testing"
	"time"

	"entente/errs"
)

func TestIdsHaveOneSpelling(t *testing.T) {
	for _, s := range []string{"NZL/nzdf/node-1", "JPN/jmod/node-2", "NATO/hq/n"} {
		a, err := ParseAuthor(s)
		if err != nil || string(a) != s || !strings.HasPrefix(s, string(a.Authority())+"/") || a.Party() != Party(strings.Split(s, "/")[0]) {
			t.Errorf("%s: %v %v", s, a, err)
		}
	}
	for _, s := range []string{"", "NZL", "NZL/nzdf", "nzl/nzdf/node-1", "NZL/NZDF/node-1", "NZL/nzdf/", "NZL//x", "NZL/a/b/c",
		"NZL/nzdf/-x", "NZL/nzdf/x-", "NZL/nz df/x", "NZL/nzdf/" + strings.Repeat("x", 33), "NZLX/nzdf/x", "NZL/nzdf/x\n"} {
		if _, err := ParseAuthor(s); errs.CodeOf(err) != "party.author" {
			t.Errorf("%q was taken as an author", s)
		}
	}
	for s, ok := range map[string]bool{"live": true, "exercise:whio": true, "exercise:": false, "Exercise:x": false, "exercise:a b": false, "": false} {
		if _, err := ParseRealm(s); (err == nil) != ok {
			t.Errorf("realm %q: %v", s, err)
		}
	}
}

func TestPairingWordsAreSymmetricAndBoundToTheRealm(t *testing.T) {
	a, b := Fingerprint{1}, Fingerprint{2}
	w := strings.Join(PairingWords("exercise:x", a, b), " ")
	if w != strings.Join(PairingWords("exercise:x", b, a), " ") {
		t.Error("the two sides would read different words")
	}
	if w == strings.Join(PairingWords("live", a, b), " ") || w == strings.Join(PairingWords("exercise:x", a, Fingerprint{3}), " ") {
		t.Error("words do not bind realm and roots")
	}
	if n := len(strings.Fields(w)); n != 24 {
		t.Errorf("%d words", n)
	}
}

func TestDelegationNamesNobodyByDefault(t *testing.T) {
	d := &Delegation{From: 1000, Until: 2000}
	if d.Allows("JPN") || d.AllowsMeans(MeansNetwork) {
		t.Error("an empty list allowed something")
	}
	for ms, want := range map[int64]bool{999: false, 1000: true, 1999: true, 2000: false} {
		if d.InForce(time.UnixMilli(ms)) != want {
			t.Errorf("in force at %d: want %v", ms, want)
		}
	}
}

func TestAuthorReleaserAndCustodianAreDifferentPeople(t *testing.T) {
	for _, tc := range []struct {
		roles []Role
		code  errs.Code
	}{
		{[]Role{RoleAuthor, RoleReader}, ""},
		{[]Role{RoleReader, RoleAuditor, RoleRegistryOfficer}, ""},
		{[]Role{RoleAuthor, RoleReleaseOfficer}, "party.duties"},
		{[]Role{RoleReader, RoleKeyCustodian, RoleReleaseOfficer}, "party.duties"},
		{[]Role{RoleAuthor, RoleKeyCustodian}, "party.duties"},
		{[]Role{RoleNode}, "party.role"},
		{[]Role{"admin"}, "party.role"},
	} {
		p := &Person{Alias: "x", Roles: tc.roles}
		if got := errs.CodeOf(p.CheckDuties()); got != tc.code {
			t.Errorf("%v: %q, want %q", tc.roles, got, tc.code)
		}
	}
}
