package agreement

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"entente/errs"
	"entente/wire"
)

func TestStatusSaysWhereAnAgreementStandsAndWhy(t *testing.T) {
	text := rooted(t)
	nzl, jpn := signature("NZL", "nzl root"), signature("JPN", "jpn root")
	forged, live := nzl, nzl
	forged.Root = []byte("another root")
	live.Sig = []byte("signed by nzl root under entente/agreement/1/live")
	day := func(s string) time.Time { d, _ := time.Parse(time.DateOnly, s); return d }
	undated := edit(t, text, `in_force_from = "2026-01-01T00:00:00Z"`, `in_force_from = ""`)
	endless := edit(t, text, "until = \"2031-01-01T00:00:00Z\"\nevidence", "until = \"\"\nevidence")
	unproven := edit(t, text, `evidence = "EXERCISE exchange of notes WHIO/1, invented"`, `evidence = ""`)
	loose := edit(t, text, "n = 12\n", "n = 40\n")
	for name, tc := range map[string]struct {
		text   string
		sigs   []PartySignature
		at     time.Time
		state  State
		err    errs.Code
		reason errs.Code
	}{
		"draft without roots":      {exerciseText(t), nil, noon, Unsigned, "agreement.unsigned", "agreement.unset"},
		"signed without roots":     {exerciseText(t), []PartySignature{jpn, nzl}, noon, Unsigned, "agreement.unsigned", "agreement.signature"},
		"nobody signed":            {text, nil, noon, Unsigned, "agreement.unsigned", "agreement.unsigned"},
		"one side":                 {text, []PartySignature{nzl}, noon, SignedByOne, "agreement.signed-by-one", "agreement.unsigned"},
		"one side and a forgery":   {text, []PartySignature{jpn, forged}, noon, SignedByOne, "agreement.signed-by-one", "agreement.signature"},
		"signed for another realm": {text, []PartySignature{jpn, live}, noon, SignedByOne, "agreement.signed-by-one", "agreement.signature"},
		"no day":                   {undated, []PartySignature{jpn, nzl}, noon, Signed, "agreement.not-in-force", "agreement.unset"},
		"no end":                   {endless, []PartySignature{jpn, nzl}, noon, Signed, "agreement.not-in-force", "agreement.unset"},
		"no evidence":              {unproven, []PartySignature{jpn, nzl}, noon, Signed, "agreement.not-in-force", "agreement.unset"},
		"a term without source":    {loose, []PartySignature{jpn, nzl}, noon, Signed, "agreement.not-in-force", "agreement.unsourced"},
		"the day before":           {text, []PartySignature{jpn, nzl}, day("2025-12-31"), Signed, "agreement.not-in-force", "agreement.not-in-force"},
		"the first day":            {text, []PartySignature{jpn, nzl}, day("2026-01-01"), InForce, "", "agreement.in-force"},
		"the last moment":          {text, []PartySignature{jpn, nzl}, day("2031-01-01").Add(-time.Millisecond), InForce, "", "agreement.in-force"},
		"the end":                  {text, []PartySignature{jpn, nzl}, day("2031-01-01"), Ended, "agreement.ended", "agreement.ended"},
		"not an agreement":         {"format = 1", nil, noon, Unsigned, "agreement.unsigned", "agreement.syntax"},
	} {
		p := &Package{Text: []byte(tc.text), Signatures: tc.sigs}
		st := p.Status(tc.at, verifier)
		if st.State != tc.state || errs.CodeOf(st.Err()) != tc.err {
			t.Errorf("%s: %v %v, want %v %s", name, st.State, st.Err(), tc.state, tc.err)
		}
		found := false
		for _, r := range st.Reasons {
			found = found || r.Code == tc.reason
			if r.Text.EN == "" || r.Text.JA == "" {
				t.Errorf("%s: a reason without words: %v", name, r)
			}
		}
		if !found {
			t.Errorf("%s: no reason %s in %v", name, tc.reason, st.Reasons)
		}
		if p.Status(tc.at, nil).State != Unsigned {
			t.Errorf("%s: signed although nothing could be verified", name)
		}
	}
}

func TestOnlyASignedPackageDecides(t *testing.T) {
	s := policies(t)
	q := released(t, s)
	text := rooted(t)
	bare, err := parsed(t, text).Compile(s)
	if err != nil || bare.Decide(q) != Deny {
		t.Fatalf("a bare text decided: %v", err)
	}
	p := &Package{Text: []byte(text)}
	for _, code := range []errs.Code{"agreement.unsigned", "agreement.signed-by-one"} {
		if _, err := p.Compile(s, noon, verifier); errs.CodeOf(err) != code {
			t.Errorf("%v, want %s", err, code)
		}
		if p.Add(signature("NZL", "nzl root")); code == "agreement.signed-by-one" {
			p.Add(signature("JPN", "jpn root"))
		}
	}
	c, err := p.Compile(s, noon, verifier)
	if err != nil || c.Decide(q) != Allow {
		t.Fatalf("signed by both, and denied: %v", err)
	}
	q.At = noon.AddDate(10, 0, 0)
	if c, err := p.Compile(s, q.At, verifier); err != nil || c.Decide(q) != Deny {
		t.Errorf("after its end: %v", err)
	}
}

func TestPackageRoundTrip(t *testing.T) {
	p := &Package{Text: []byte(rooted(t))}
	p.Add(signature("NZL", "nzl root"))
	p.Add(signature("JPN", "another"))
	p.Add(signature("JPN", "jpn root")) // replaces
	b, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	q, err := DecodePackage(b)
	if err != nil || !bytes.Equal(q.Text, p.Text) || q.Status(noon, verifier).State != InForce {
		t.Fatalf("%v", err)
	}
	a, _ := q.Agreement()
	if a.SigningContext() != "entente/agreement/1/exercise:whio" {
		t.Error(a.SigningContext())
	}
	stranger := &Package{Text: p.Text, Signatures: []PartySignature{signature("AUS", "aus root")}}
	unsorted := &Package{Text: p.Text, Signatures: []PartySignature{p.Signatures[1], p.Signatures[0]}}
	twice := &Package{Text: p.Text, Signatures: []PartySignature{p.Signatures[0], p.Signatures[0]}}
	empty := &Package{Text: p.Text, Signatures: []PartySignature{{Party: "JPN"}}}
	large := &Package{Text: p.Text, Signatures: []PartySignature{{"JPN", make([]byte, maxSigned+1), []byte{1}}}}
	for name, bad := range map[string]*Package{"stranger": stranger, "unsorted": unsorted, "twice": twice, "empty": empty, "large": large} {
		if _, err := bad.Encode(); errs.CodeOf(err) != "agreement.package" {
			t.Errorf("%s encodes: %v", name, err)
		}
		if _, err := DecodePackage(wire.MustMarshal(bad)); errs.CodeOf(err) != "agreement.package" {
			t.Errorf("%s decodes: %v", name, err)
		}
	}
	for name, raw := range map[string][]byte{"trailing": append(bytes.Clone(b), 0), "cut": b[:len(b)-1], "nothing": nil, "huge": make([]byte, MaxPackage+1)} {
		if _, err := DecodePackage(raw); errs.KindOf(err) != errs.Invalid || !strings.HasPrefix(string(errs.CodeOf(err)), "wire.") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecodePackage(f *testing.F) {
	text, err := os.ReadFile("../examples/exercise/agreement.toml")
	if err != nil {
		f.Fatal(err)
	}
	small := []byte("format = \"entente-agreement/1\"\nid = \"a\"\nrealm = \"live\"\n[[party]]\nid = \"JPN\"\n")
	f.Add(wire.MustMarshal(&Package{Text: text}))
	f.Add(wire.MustMarshal(&Package{Text: small, Signatures: []PartySignature{signature("JPN", "jpn root")}}))
	f.Add([]byte{0xa1, 1, 0x40})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := DecodePackage(b)
		if err != nil {
			return
		}
		again, err := p.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("decodes and does not encode to the same bytes: %v", err)
		}
		if st := p.Status(noon, verifier); st.State == InForce {
			t.Fatal(fmt.Sprint("a fuzzed package is in force: ", st))
		}
	})
}
