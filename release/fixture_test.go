package release

import (
	"crypto/sha512"
	"encoding/binary"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/label"
	"entente/party"

	exercise "entente/examples/exercise"
)

var update = flag.Bool("update", false, "write golden files anew")

var (
	realm                       = party.Realm("exercise:whio")
	decided                     = time.Date(2026, 11, 24, 15, 3, 0, 0, time.UTC)
	nodes                       = map[party.Party]party.Author{"NZL": "NZL/nzdf/node-1", "JPN": "JPN/jmod/node-1"}
	drafter, officer, custodian = party.Handle{1}, party.Handle{2}, party.Handle{3}
)

// stream is a deterministic source of bytes.
type stream struct {
	seed string
	n    uint64
	buf  []byte
}

func (s *stream) Read(p []byte) (int, error) {
	for len(s.buf) < len(p) {
		h := sha512.Sum512(binary.BigEndian.AppendUint64([]byte(s.seed), s.n))
		s.n++
		s.buf = append(s.buf, h[:]...)
	}
	n := copy(p, s.buf)
	s.buf = s.buf[n:]
	return n, nil
}

// bench is what the tests share: the exercise agreement, as if signed, and its policies.
type bench struct {
	set    *label.Set
	terms  *agreement.Compiled
	events map[string]bool
}

func newBench(t testing.TB) *bench {
	t.Helper()
	set, err := label.ExercisePolicies()
	if err != nil {
		t.Fatal(err)
	}
	a, err := agreement.Parse(exercise.Agreement())
	if err != nil {
		t.Fatal(err)
	}
	text, err := a.WithRoots(map[party.Party]party.Fingerprint{"NZL": {1}, "JPN": {2}})
	if err != nil {
		t.Fatal(err)
	}
	if a, err = agreement.Parse(text); err != nil {
		t.Fatal(err)
	}
	c, err := a.Compile(set)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{set: set, terms: c.AsIfSigned(), events: map[string]bool{}}
	raw, err := os.ReadFile("../examples/exercise/events.json")
	if err != nil {
		t.Fatal(err)
	}
	var events []struct{ ID string }
	if err := json.Unmarshal(raw, &events); err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		b.events[e.ID] = true
	}
	return b
}

func (b *bench) reading(from party.Party) Reading {
	p, _ := b.set.Owned(from)
	return Reading{Set: b.set, Policy: p.OID(), Originator: from, Realm: realm, Event: func(id string) bool { return b.events[id] }}
}

// draft is one exercise report with all that is needed to release it.
type draft struct {
	exercise.Report
	from, to party.Party
	r        *Report
	findings []Finding
	sh       *Sheet
}

func (b *bench) drafts(t testing.TB) []*draft {
	t.Helper()
	var out []*draft
	for _, e := range exercise.Reports() {
		d := &draft{Report: e, from: party.Party(e.From), to: "JPN"}
		if d.from == "JPN" {
			d.to = "NZL"
		}
		d.r, d.findings = ParseReport(e.Report, b.reading(d.from))
		sh, err := ParseSheet(e.Sheet)
		if err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		d.sh = sh
		out = append(out, d)
	}
	return out
}

func (b *bench) draft(t testing.TB, name string) *draft {
	ds := b.drafts(t)
	return ds[slices.IndexFunc(ds, func(d *draft) bool { return d.Name == name })]
}

// preparation asks as the analyst does: no release officer yet.
func (b *bench) preparation(d *draft) Preparation {
	return Preparation{Terms: b.terms, Report: d.r, Sheet: d.sh, Findings: d.findings, Question: agreement.Question{
		From: d.from, To: d.to, Author: nodes[d.from], Reader: nodes[d.to], Means: party.MeansNetwork, At: decided, Draft: true, Drafter: drafter}}
}

func (b *bench) meta(d *draft, n int) Meta {
	return Meta{Terms: b.terms, Authority: nodes[d.from].Authority(), Reference: Reference(d.from, d.to, 2026, n), Time: decided}
}

func (b *bench) build(t testing.TB, d *draft, seed string) (*Plan, *Version, *Original) {
	t.Helper()
	p := Prepare(b.preparation(d))
	v, o, err := Build(p, b.meta(d, 7), &stream{seed: seed})
	if err != nil {
		t.Fatalf("%s: %v", d.Name, err)
	}
	return p, v, o
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs from what was read and accepted; look at it, then run with -update\n%s", name, got)
	}
}

func wantCode(t *testing.T, err error, code errs.Code) {
	t.Helper()
	if !errs.HasCode(err, code) {
		t.Errorf("code %q (%v), want %q", errs.CodeOf(err), err, code)
	}
}
