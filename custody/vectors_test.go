package custody

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"entente/errs"
	"entente/party"
	"entente/statement"
	"entente/wire"
)

const vectorDir = "../vectors/custody"

// vectors reads a published file, or writes what the package computes under -update, and compares the two.
func vectors[V any](t *testing.T, name string, computed V) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	if err := e.Encode(computed); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(vectorDir, name)
	if *update {
		if err := os.MkdirAll(vectorDir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(published, b.Bytes()) {
		t.Errorf("%s is not what this package computes: partners hold these bytes", name)
	}
}

type termsVector struct {
	Name  string             `json:"name"`
	Type  statement.TypeName `json:"type"`
	Value any                `json:"value,omitempty"` // field by field, in the order of the keys
	Hex   string             `json:"hex"`
	Error errs.Code          `json:"error,omitempty"`
}

func TestTermsVectors(t *testing.T) {
	c := terms(t)
	s := sent(t, c, "S//REL TO NZL, JPN")
	r := accepted(t, c)
	alone := *r
	alone.Intact, alone.Own.Designations = false, nil
	i := &IncidentTerms{Release: s.Release, Code: "custody.contents", Digest: s.Digest, At: noon.UnixMilli()}
	unread := &IncidentTerms{Code: "exchange.body.mismatch", At: 1}
	h := hex.EncodeToString
	receipt := func(r *ReceiptTerms) any {
		return []any{h(r.Release[:]), h(r.Dispatch[:]), r.Control, r.Copy, r.Of, r.Own, r.Originator, r.Received, r.Registered, r.Intact}
	}
	incident := func(i *IncidentTerms) any { return []any{h(i.Release[:]), i.Code, h(i.Digest[:]), i.At} }
	decode := func(typ statement.TypeName, b []byte) error {
		if typ == statement.RegistryReceipt {
			_, err := DecodeReceipt(b)
			return err
		}
		_, err := DecodeIncident(b)
		return err
	}
	var cases []termsVector
	add := func(name string, typ statement.TypeName, value any, b []byte) {
		v := termsVector{name, typ, value, h(b), errs.CodeOf(decode(typ, b))}
		if (v.Error == "") != (value != nil) {
			t.Errorf("%s: %q", name, v.Error)
		}
		cases = append(cases, v)
	}
	add("receipt", statement.RegistryReceipt, receipt(r), wire.MustMarshal(r))
	add("receipt, not intact", statement.RegistryReceipt, receipt(&alone), wire.MustMarshal(&alone))
	add("incident", statement.Incident, incident(i), wire.MustMarshal(i))
	add("incident about what could not be read", statement.Incident, incident(unread), wire.MustMarshal(unread))
	for _, x := range []struct {
		name   string
		change func(*ReceiptTerms)
	}{
		{"no digest", func(r *ReceiptTerms) { r.Dispatch = [48]byte{} }},
		{"copy 2 of 1", func(r *ReceiptTerms) { r.Copy = 2 }},
		{"own information", func(r *ReceiptTerms) { r.Originator, r.Own.Originator = "JPN", "JPN" }},
		{"registered before it came", func(r *ReceiptTerms) { r.Received = r.Registered + 1 }},
		{"number of no register", func(r *ReceiptTerms) { r.Control = "JPN-EX-2026-1" }},
		{"another originator on the own marking", func(r *ReceiptTerms) { r.Own.Originator = "AUS" }},
	} {
		changed := *r
		x.change(&changed)
		add(x.name, statement.RegistryReceipt, nil, wire.MustMarshal(&changed))
	}
	good := wire.MustMarshal(r)
	add("a byte more", statement.RegistryReceipt, nil, append(bytes.Clone(good), 0))
	add("a byte less", statement.RegistryReceipt, nil, good[:len(good)-1])
	add("code of prose", statement.Incident, nil, wire.MustMarshal(&IncidentTerms{Code: "it was open", At: 1}))
	vectors(t, "terms.json", map[string]any{"cases": cases})
}

func TestControlNumberVectors(t *testing.T) {
	type next struct {
		Party party.Party `json:"party"`
		Realm party.Realm `json:"realm"`
		Year  int         `json:"year"`
		Last  string      `json:"last"`
		Next  string      `json:"next,omitempty"`
		Error errs.Code   `json:"error,omitempty"`
	}
	cases := []next{
		{Party: "JPN", Realm: "exercise:whio", Year: 2026}, {Party: "JPN", Realm: "exercise:whio", Year: 2026, Last: "JPN-EX-2026-0001"},
		{Party: "NZL", Realm: "live", Year: 2026, Last: "NZL-2026-9999"}, {Party: "NZL", Realm: "live", Year: 2027, Last: "NZL-2026-10000"},
		{Party: "NATO", Realm: "live", Year: 2026}, {Party: "NZL", Realm: "live", Year: 2026, Last: "NZL-2026-999999"},
		{Party: "NZL", Realm: "live", Year: 2026, Last: "NZL-EX-2026-0001"}, {Party: "NZL", Realm: "live", Year: 2026, Last: "JPN-2026-0001"},
		{Party: "NZL", Realm: "live", Year: 2026, Last: "NZL-2027-0001"}, {Party: "NZL", Realm: "live", Year: 2026, Last: "NZL-2026-01"},
		{Party: "NZL", Realm: "live", Year: 1999},
	}
	for i := range cases {
		c := &cases[i]
		var err error
		c.Next, err = NextControl(c.Party, c.Realm, c.Year, c.Last)
		c.Error = errs.CodeOf(err)
	}
	vectors(t, "control.json", map[string]any{"cases": cases})
}
