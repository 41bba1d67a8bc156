package identity

import (
	"strings"
	"testing"

	"entente/errs"
	"entente/examples/exercise"
	"entente/party"
)

func ids() func() party.Handle {
	var n byte
	return func() party.Handle { n++; return party.Handle{n} }
}

func TestTheExerciseStaffIsSound(t *testing.T) {
	for p, authority := range map[string]party.Authority{"NZL": "NZL/nzdf", "JPN": "JPN/jmod"} {
		s, err := ParseStaff(exercise.Staff(p), authority, "2.25.1", ids())
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Persons) < 7 || len(s.Delegations) != 3 {
			t.Errorf("%s: %d posts, %d delegations", p, len(s.Persons), len(s.Delegations))
		}
	}
}

func TestWhatAStaffFileMayNotSay(t *testing.T) {
	good := string(exercise.Staff("NZL"))
	for name, tc := range map[string]struct {
		old, new string
		code     errs.Code
	}{
		"another format":             {"entente-staff/1", "entente-staff/2", "identity.staff"},
		"an unknown key":             {"briefed = true", "brief = true", "identity.staff"},
		"an alias used twice":        {`alias = "liaison"`, `alias = "reader"`, "identity.staff"},
		"an unknown role":            {`roles = ["auditor"]`, `roles = ["root"]`, "party.role"},
		"author and releaser in one": {`roles = ["author", "reader"]`, `roles = ["author", "release-officer"]`, "party.duties"},
		"a delegation without role":  {`post = "release-officer"`, `post = "auditor"`, "identity.staff"},
		"no instrument":              {`instrument = "EXERCISE delegation letter 1"`, `instrument = ""`, "identity.staff"},
		"a date that is none":        {`from = "2025-01-01T00:00:00Z"`, `from = "yesterday"`, "identity.staff"},
		"unknown means":              {`means = ["network", "courier"]`, `means = ["pigeon"]`, "identity.staff"},
	} {
		if !strings.Contains(good, tc.old) {
			t.Fatalf("%s: the exercise file no longer has %q", name, tc.old)
		}
		_, err := ParseStaff([]byte(strings.Replace(good, tc.old, tc.new, 1)), "NZL/nzdf", "2.25.1", ids())
		if errs.CodeOf(err) != tc.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHandlesAreStablePerChannelOnly(t *testing.T) {
	secret, other := [32]byte{1}, [32]byte{2}
	a := Handle(secret, [48]byte{1}, party.Handle{9})
	if a != Handle(secret, [48]byte{1}, party.Handle{9}) {
		t.Error("not stable")
	}
	if a == Handle(secret, [48]byte{2}, party.Handle{9}) || a == Handle(other, [48]byte{1}, party.Handle{9}) || a == Handle(secret, [48]byte{1}, party.Handle{8}) {
		t.Error("linkable across channels, nodes or people")
	}
}
