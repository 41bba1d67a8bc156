package custody

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"entente/errs"
	"entente/release"
	"entente/statement"
	"entente/wire"
)

var update = flag.Bool("update", false, "write golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s changed; run with -update and read the difference\n%s", name, got)
	}
}

// A vector that fails means that the change is wrong: partners hold these bytes.
func TestTermsHaveOneEncoding(t *testing.T) {
	c := terms(t)
	s := sent(t, c, "S//REL TO NZL, JPN")
	incident := &IncidentTerms{Release: s.Release, Code: "custody.contents", Digest: s.Digest, At: noon.UnixMilli()}
	var lines strings.Builder
	for _, v := range []struct {
		name  string
		terms statement.Terms
	}{{"receipt", accepted(t, c)}, {"incident", incident}, {"dispatch", &s}} {
		b, err := statement.EncodeTerms(v.terms)
		if err != nil {
			t.Fatal(err)
		}
		lines.WriteString(v.name + " " + hex.EncodeToString(b) + "\n")
	}
	golden(t, "terms.golden", lines.String())
	b, _ := incident.Encode()
	if got, err := DecodeIncident(b); err != nil || *got != *incident {
		t.Errorf("%+v %v", got, err)
	}
	b, _ = accepted(t, c).Encode()
	if got, err := DecodeReceipt(b); err != nil || got.Control != "JPN-EX-2026-0001" {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := DecodeReceipt(append(b, 0)); errs.CodeOf(err) != "statement.terms.malformed" {
		t.Errorf("a trailing byte: %v", err)
	}
}

// The receiving side reads the list as the sending side writes it, key by key.
func TestAListReadsAsItWasWritten(t *testing.T) {
	s := sent(t, terms(t), "S//REL TO NZL, JPN")
	d := release.DispatchTerms{Release: s.Release, Digest: s.Digest, Banner: s.Banner, Purpose: s.Purpose, Precedence: s.Precedence, Copies: s.Copies, Manifest: s.Manifest,
		Guard: [48]byte{3}, Decision: s.Decision, Size: s.Size, Portions: s.Portions}
	b, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeConsignment(b)
	if err != nil || !bytes.Equal(wire.MustMarshal(got), b) || got.Digest != d.Digest || got.Portions != d.Portions {
		t.Errorf("%+v %v", got, err)
	}
}

func TestTermsThatSayTooLittleAreRefused(t *testing.T) {
	c := terms(t)
	for name, change := range map[string]func(*ReceiptTerms){
		"no release":                func(r *ReceiptTerms) { r.Release = [16]byte{} },
		"no digest":                 func(r *ReceiptTerms) { r.Dispatch = [48]byte{} },
		"no control number":         func(r *ReceiptTerms) { r.Control = "" },
		"copy zero":                 func(r *ReceiptTerms) { r.Copy = 0 },
		"copy beyond the last":      func(r *ReceiptTerms) { r.Copy = r.Of + 1 },
		"no own marking":            func(r *ReceiptTerms) { r.Own.Level = "" },
		"no release set":            func(r *ReceiptTerms) { r.Own.Release = nil },
		"no originator":             func(r *ReceiptTerms) { r.Originator = "" },
		"another on the marking":    func(r *ReceiptTerms) { r.Own.Originator = "JPN" },
		"own information":           func(r *ReceiptTerms) { r.Originator, r.Own.Originator = "JPN", "JPN" },
		"registered before it came": func(r *ReceiptTerms) { r.Received = r.Registered + 1 },
		"no time":                   func(r *ReceiptTerms) { r.Received = 0 },
		"after the year 9999":       func(r *ReceiptTerms) { r.Registered = statement.MaxTime + 1 },
	} {
		r := *accepted(t, c)
		change(&r)
		if _, err := r.Encode(); errs.CodeOf(err) != "custody.terms.receipt" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, i := range map[string]IncidentTerms{
		"no code":       {At: 1},
		"code in caps":  {Code: "Custody.Contents", At: 1},
		"code of prose": {Code: "it was open", At: 1},
		"code too long": {Code: strings.Repeat("x", 65), At: 1},
		"no time":       {Code: "custody.contents"},
	} {
		if _, err := i.Encode(); errs.CodeOf(err) != "custody.terms.incident" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDecodeTerms(f *testing.F) {
	c := terms(f)
	s := sent(f, c, "S//REL TO NZL, JPN")
	for _, v := range []statement.Terms{accepted(f, c), &IncidentTerms{Code: "custody.contents", At: 1}, &s} {
		b, err := statement.EncodeTerms(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if r, err := DecodeReceipt(raw); err == nil && !bytes.Equal(wire.MustMarshal(r), raw) {
			t.Fatal("two encodings of one receipt")
		}
		if r, err := DecodeIncident(raw); err == nil && !bytes.Equal(wire.MustMarshal(r), raw) {
			t.Fatal("two encodings of one incident")
		}
		if r, err := DecodeConsignment(raw); err == nil && !bytes.Equal(wire.MustMarshal(r), raw) {
			t.Fatal("two encodings of one list")
		}
	})
}
