package agreement

import (
	"crypto/sha512"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"entente/label"
	"entente/party"
)

// The tests work on the exercise agreement that ships, with two invented roots filled in.

var (
	noon     = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	nzlRoot  = party.Fingerprint(sha512.Sum384([]byte("nzl root")))
	jpnRoot  = party.Fingerprint(sha512.Sum384([]byte("jpn root")))
	drafter  = party.Handle{1}
	officer  = party.Handle{2}
	keys     = party.Handle{3}
	registry = party.Handle{4}
)

func exerciseText(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("../examples/exercise/agreement.toml")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func policies(t testing.TB) *label.Set {
	t.Helper()
	s, err := label.ExercisePolicies()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func parsed(t testing.TB, text string) *Agreement {
	t.Helper()
	a, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func rooted(t testing.TB) string {
	t.Helper()
	text, err := parsed(t, exerciseText(t)).WithRoots(map[party.Party]party.Fingerprint{"NZL": nzlRoot, "JPN": jpnRoot})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// edit replaces exactly one occurrence.
func edit(t testing.TB, text, old, new string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q stands %d times in the text", old, strings.Count(text, old))
	}
	return strings.Replace(text, old, new, 1)
}

func compiled(t testing.TB, text string) *Compiled {
	t.Helper()
	c, err := parsed(t, text).Compile(policies(t))
	if err != nil {
		t.Fatal(err)
	}
	return c.AsIfSigned()
}

// failer is what a test and a property have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func labelled(t failer, s *label.Set, owner party.Party, m string) label.Label {
	t.Helper()
	p, ok := s.Owned(owner)
	if !ok {
		t.Fatalf("no policy of %s", owner)
	}
	l, err := s.ParsePortion(p.OID(), m)
	if err != nil {
		t.Fatalf("%s: %v", m, err)
	}
	return l
}

// released is a question that is allowed: NZL SECRET to Japan, everything in order.
func released(t testing.TB, s *label.Set) *Question {
	t.Helper()
	return &Question{From: "NZL", To: "JPN", Author: "NZL/nzdf/node-1", Reader: "JPN/jmod/node-1", Label: labelled(t, s, "NZL", "C//REL TO NZL, JPN"),
		Purpose: "dprk-sanctions", Means: party.MeansNetwork, At: noon, Drafter: drafter, Releaser: officer, Custodian: keys,
		Delegation: &party.Delegation{ID: "nzl-1", Authority: "NZL/nzdf", Office: "EXERCISE disclosure officer", Holder: officer, Role: party.RoleReleaseOfficer,
			Ceiling: "nzl.s", Recipients: []party.Party{"JPN"}, Means: []party.Means{party.MeansNetwork, party.MeansCourier},
			From: noon.AddDate(0, -6, 0).UnixMilli(), Until: noon.AddDate(1, 0, 0).UnixMilli(), Instrument: "EXERCISE letter 1"}}
}

// verifier takes a signature that is the word "signed by" and the key, and a key that hashes to the fingerprint.
func verifier(fp party.Fingerprint, rootKey []byte, context string, msg, sig []byte) error {
	if party.Fingerprint(sha512.Sum384(rootKey)) != fp || string(sig) != "signed by "+string(rootKey)+" under "+context {
		return errors.New("no")
	}
	return nil
}

func signature(p party.Party, key string) PartySignature {
	return PartySignature{p, []byte(key), []byte("signed by " + key + " under entente/agreement/1/exercise:whio")}
}
