package seal

import (
	"bytes"
	"crypto/hpke"
	"testing"

	"entente/errs"
	"entente/party"

	"pgregory.net/rapid"
)

var suites = []Suite{Hybrid, CNSA}

func TestSuites(t *testing.T) {
	for i, s := range suites {
		if p, err := ParseSuite(string(s)); p != s || err != nil {
			t.Errorf("parse %s: %v", s, err)
		}
		if n, err := SuiteNumbered(uint8(i + 1)); n != s || err != nil || s.Number() != uint8(i+1) {
			t.Errorf("number of %s is %d", s, s.Number())
		}
	}
	for _, s := range []string{"", "Hybrid", "hybrid ", "none"} {
		_, err := ParseSuite(s)
		want(t, err, "seal.suite")
		_, err = GenerateKEM(Suite(s))
		want(t, err, "seal.suite")
		_, err = KEMFromBytes(Suite(s), make([]byte, 32))
		want(t, err, "seal.suite")
		if Suite(s).Number() != 0 {
			t.Errorf("%q has a number", s)
		}
	}
	for _, n := range []uint8{0, 3, 255} {
		_, err := SuiteNumbered(n)
		want(t, err, "seal.suite")
	}
}

func TestSealedOpensOnlyForItsKeyAndPlace(t *testing.T) {
	for _, suite := range suites {
		t.Run(string(suite), func(t *testing.T) {
			k := must(GenerateKEM(suite))
			info := Info("entente/test/1", suite, exercise, channel, author, reader, 1, k.ID(), nil)
			box := must(SealTo(k.Public(), info, []byte("plaintext")))
			if len(box) != len("plaintext")+suite.Overhead() {
				t.Errorf("box of %d bytes, overhead %d", len(box), suite.Overhead())
			}
			if b, err := must(KEMFromBytes(suite, must(k.Bytes()))).Open(info, box); err != nil || string(b) != "plaintext" {
				t.Fatalf("%q, %v", b, err)
			}
			for name, tc := range map[string]struct {
				k         *KEMPrivate
				info, box []byte
			}{
				"encapsulation altered": {k, info, flip(box, 0)},
				"point altered":         {k, info, flip(box, suite.Overhead()-17)},
				"ciphertext altered":    {k, info, flip(box, suite.Overhead()-16)},
				"tag altered":           {k, info, flip(box, len(box)-1)},
				"truncated":             {k, info, box[:len(box)-1]},
				"only encapsulation":    {k, info, box[:suite.Overhead()-16]},
				"extended":              {k, info, append(bytes.Clone(box), 0)},
				"empty":                 {k, info, nil},
				"another place":         {k, flip(info, 5), box},
				"no place":              {k, nil, box},
				"another key":           {must(GenerateKEM(suite)), info, box},
			} {
				t.Run(name, func(t *testing.T) {
					_, err := tc.k.Open(tc.info, tc.box)
					want(t, err, "seal.open")
				})
			}
			_, err := SealTo(k.Public(), nil, []byte("x"))
			want(t, err, "seal.info")
			placeless := must(hpke.Seal(must(k.Public().parse()), hpke.HKDFSHA384(), hpke.AES256GCM(), nil, []byte("x")))
			_, err = k.Open(nil, placeless)
			want(t, err, "seal.open")
		})
	}
	hybrid, cnsa := must(GenerateKEM(Hybrid)), must(GenerateKEM(CNSA))
	_, err := cnsa.Open([]byte("i"), must(SealTo(hybrid.Public(), []byte("i"), nil)))
	want(t, err, "seal.open")
}

func TestMalformedEncapsulationKeys(t *testing.T) {
	h, c := namedKEM(Hybrid, "k").Public(), namedKEM(CNSA, "k").Public()
	unreduced := bytes.Clone(c.Bytes)
	unreduced[0], unreduced[1] = 0xff, 0xff
	for name, p := range map[string]KEMPublic{
		"zero value":             {},
		"unknown suite":          {"none", h.Bytes},
		"key of the other suite": {CNSA, h.Bytes},
		"short":                  {Hybrid, h.Bytes[1:]},
		"long":                   {CNSA, append(bytes.Clone(c.Bytes), 0)},
		"point off the curve":    {Hybrid, flip(h.Bytes, len(h.Bytes)-1)},
		"coefficient unreduced":  {CNSA, unreduced},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, p.Check(), "seal.kem.key")
			_, err := SealTo(p, []byte("info"), nil)
			want(t, err, "seal.kem.key")
		})
	}
	for _, n := range []int{0, 31, 33, 64} {
		_, err := KEMFromBytes(Hybrid, make([]byte, n))
		want(t, err, "seal.kem.key")
	}
	_, err := KEMFromBytes(CNSA, make([]byte, 32))
	want(t, err, "seal.kem.key")
	if h.ID() == namedKEM(Hybrid, "other").ID() || h.ID() == c.ID() {
		t.Error("ids do not follow keys")
	}
}

func TestInfoBindsEveryField(t *testing.T) {
	type place struct {
		label    string
		suite    Suite
		realm    party.Realm
		channel  [48]byte
		from, to party.Author
		epoch    uint64
		key      KeyID
		extra    []byte
	}
	info := func(p place) string {
		return string(Info(p.label, p.suite, p.realm, p.channel, p.from, p.to, p.epoch, p.key, p.extra))
	}
	base := place{"entente/test/1", Hybrid, exercise, channel, author, reader, 1, KeyID{1}, []byte("extra")}
	seen := map[string]string{info(base): "base"}
	for name, change := range map[string]func(*place){
		"label":         func(p *place) { p.label = "entente/test/2" },
		"suite":         func(p *place) { p.suite = CNSA },
		"realm":         func(p *place) { p.realm = party.Live },
		"channel":       func(p *place) { p.channel[47] ^= 1 },
		"from":          func(p *place) { p.from = "NZL/nzdf/node-2" },
		"to":            func(p *place) { p.to = "JPN/mod/node-2" },
		"direction":     func(p *place) { p.from, p.to = p.to, p.from },
		"epoch":         func(p *place) { p.epoch = 2 },
		"key":           func(p *place) { p.key[0] = 2 },
		"extra":         func(p *place) { p.extra = []byte("Extra") },
		"extra missing": func(p *place) { p.extra = nil },
	} {
		p := base
		change(&p)
		if other, dup := seen[info(p)]; dup {
			t.Errorf("%s changes nothing against %s", name, other)
		}
		seen[info(p)] = name
	}
	empty := base
	empty.extra = []byte{}
	if seen[info(empty)] != "extra missing" {
		t.Error("nothing has two spellings")
	}
}

func TestSealRoundTrip(t *testing.T) {
	for _, suite := range suites {
		k := must(GenerateKEM(suite))
		rapid.Check(t, func(t *rapid.T) {
			info := rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "info")
			plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
			got, err := k.Open(info, must(SealTo(k.Public(), info, plain)))
			if err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("%x, %v", got, err)
			}
		})
	}
}

func FuzzOpen(f *testing.F) {
	k := namedKEM(CNSA, "fuzz")
	f.Add(must(SealTo(k.Public(), []byte("info"), []byte("plain"))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := k.Open([]byte("info"), flip(append(raw, 0), len(raw))); err != nil && errs.CodeOf(err) != "seal.open" {
			t.Fatal(err)
		}
	})
}
