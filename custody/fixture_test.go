package custody

import (
	"crypto/sha512"
	"testing"
	"time"

	"entente/agreement"
	"entente/examples/exercise"
	"entente/label"
	"entente/party"
	"entente/statement"
)

// The tests work on the exercise agreement that ships, seen from Japan: New Zealand sends, Japan registers.

var (
	noon    = time.Date(2026, 11, 24, 3, 12, 0, 0, time.UTC)
	officer = party.Handle{4}
	reader  = party.Handle{5}
	version = sha512.Sum384([]byte("the version"))
)

func terms(t testing.TB) *agreement.Compiled {
	t.Helper()
	draft, err := agreement.Parse(exercise.Agreement())
	if err != nil {
		t.Fatal(err)
	}
	text, err := draft.WithRoots(map[party.Party]party.Fingerprint{"NZL": {1}, "JPN": {2}})
	if err != nil {
		t.Fatal(err)
	}
	a, err := agreement.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	set, err := label.ExercisePolicies()
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Compile(set)
	if err != nil {
		t.Fatal(err)
	}
	return c.AsIfSigned()
}

func marked(t testing.TB, c *agreement.Compiled, owner party.Party, mark string) label.Label {
	t.Helper()
	p, ok := c.Policies().Owned(owner)
	if !ok {
		t.Fatalf("no policy of %s", owner)
	}
	l, err := c.Policies().ParsePortion(p.OID(), mark)
	if err != nil {
		t.Fatalf("%s: %v", mark, err)
	}
	return l
}

func sent(t testing.TB, c *agreement.Compiled, mark string) Consignment {
	t.Helper()
	return Consignment{Release: [16]byte{7}, Digest: version, Banner: marked(t, c, "NZL", mark), Purpose: "dprk-sanctions", Precedence: "ROUTINE", Copies: 1,
		Manifest: [48]byte{1}, Decision: [48]byte{2}, Size: 900, Portions: 5}
}

func delegation() *party.Delegation {
	return &party.Delegation{ID: "jpn-registry-1", Authority: "JPN/jmod", Office: "EXERCISE registry", Holder: officer, Role: party.RoleRegistryOfficer,
		Ceiling: "jpn.gokuhi", From: noon.AddDate(-1, 0, 0).UnixMilli(), Until: noon.AddDate(1, 0, 0).UnixMilli(), Instrument: "EXERCISE letter 3"}
}

// request is one that is accepted: SECRET for Japan, marked 極秘.
func request(t testing.TB, c *agreement.Compiled, mark, choice string) AcceptRequest {
	t.Helper()
	s := sent(t, c, mark)
	return AcceptRequest{Author: "JPN/jmod/node-1", Sender: "NZL", Sent: s, Choice: choice, Officer: officer, Delegation: delegation(), Control: "JPN-EX-2026-0001", Copy: 1,
		Found:    Found{Release: s.Release, Digest: s.Digest, Size: s.Size, Portions: s.Portions, Original: s.Banner},
		Received: noon.Add(-time.Hour), Now: noon}
}

func accepted(t testing.TB, c *agreement.Compiled) *ReceiptTerms {
	t.Helper()
	r, err := Accept(request(t, c, "S//REL TO NZL, JPN", "jpn.gokuhi"), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func arrival(t testing.TB, c *agreement.Compiled, mark string) Arrival {
	t.Helper()
	return Arrival{Author: "JPN/jmod/node-1", Sender: "NZL", Sent: sent(t, c, mark), Thread: statement.Thread{9}, Reference: "NZL-JPN/2026/0007",
		Received: noon.Add(-time.Hour), Ceiling: "jpn.gokuhi"}
}
