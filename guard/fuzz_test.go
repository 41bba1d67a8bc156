package guard

import (
	"bytes"
	"crypto/sha512"
	"strings"
	"testing"
)

// Whatever the bytes of the version, Check does not panic and never clears a word that stays at home. The terms are made to
// fit the bytes, so that the checks behind the digest are reached.
func FuzzCheck(f *testing.F) {
	d := sound()
	_, version := d.bytes()
	f.Add(version)
	for _, tc := range tampering {
		x := sound()
		if tc.spoil(x); len(x.v) > 0 {
			_, b := x.bytes()
			f.Add(b)
		}
	}
	tab := d.tables(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		v, bad := readVersion(b)
		x := sound()
		if bad == "" {
			manifest := []any{}
			for i := range v.manifest {
				manifest = append(manifest, v.manifest[i][:])
			}
			x.v[16], x.a[3], x.a[11] = manifest, spelled(v.banner.raw), len(v.portions)
		}
		sum := sha512.Sum384(b)
		x.a[2], x.a[10] = sum[:], len(b)
		terms, _ := x.bytes()
		c, err := tab.Check(terms, b, d.want)
		if (c == nil) == (err == nil) {
			t.Fatal("neither cleared nor refused")
		}
		if c == nil {
			return
		}
		for _, p := range append(v.portions, v.title) {
			if strings.Contains(strings.ToUpper(p.text), "NZEO") || strings.Contains(p.text, "国内限り") {
				t.Fatalf("cleared %q", p.text)
			}
		}
	})
}

func FuzzTOML(f *testing.F) {
	f.Add([]byte(agreementText))
	f.Add([]byte("[[a]]\nb = [\"x\", \"y\"]\n# c\n[d]\ne = 1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, line, bad := readTOML(b)
		if bad != "" && line < 0 || bad == "" && doc.top == nil {
			t.Fatal("neither read nor refused")
		}
	})
}

func FuzzPolicy(f *testing.F) {
	f.Add(mustJSON(nzlPolicy()))
	f.Add(mustJSON(jpnPolicy()))
	f.Add([]byte(`{"format":"entente-policy/1","levels":[null]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := readPolicy(b, "exercise:whio"); (p == nil) == (err == nil) {
			t.Fatal("neither read nor refused")
		}
	})
}

// What the reader accepts as a label is written back to the same bytes: there is no second spelling.
func FuzzCBOR(f *testing.F) {
	f.Add(enc(nzLabel("nzl.s", "nzl.accountable")))
	f.Add(enc(nzLabel("nzl.c")))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := &cbor{b: b}
		l := c.mark()
		if c.end(); c.bad != "" {
			return
		}
		back := m{1: l.policy, 2: l.level, 4: anys(l.release), 5: l.originator}
		if l.designations != nil {
			back[3] = anys(l.designations)
		}
		if !bytes.Equal(enc(back), b) {
			t.Fatalf("%x is a second spelling of %x", b, enc(back))
		}
	})
}

func anys(s []string) []any {
	out := []any{}
	for _, x := range s {
		out = append(out, x)
	}
	return out
}
