package journal

import (
	"bytes"
	"testing"

	"entente/seal"
)

// Whatever is read is written back byte for byte, and nothing panics.

func FuzzParseOrigin(f *testing.F) {
	f.Add(testOrigin().String())
	f.Add("entente/live/" + testOrigin().String())
	f.Fuzz(func(t *testing.T, s string) {
		if o, err := ParseOrigin(s); err == nil && o.String() != s {
			t.Fatalf("%q is read as %q", s, o)
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add(testCheckpoint().Text())
	f.Add([]byte("\n\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ParseCheckpoint(b); err == nil && !bytes.Equal(c.Text(), b) {
			t.Fatalf("%q is read as %q", b, c.Text())
		}
	})
}

func FuzzOpen(f *testing.F) {
	k, c := testKey(1), testCheckpoint()
	good := signed(f, k, c)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte("\n\n— a AAAAAAA=\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		// Both signatures are hedged or unique: nothing but the note itself opens.
		if _, err := Open(b, c.Origin, k.Public(), seal.Hybrid); err == nil && !bytes.HasPrefix(b, append(c.Text(), '\n')) {
			t.Fatal("another text opened")
		}
	})
}

func FuzzOpenCosignature(f *testing.F) {
	w, c := testKey(3), testCheckpoint()
	name := WitnessName("JPN/mod/node-1")
	f.Add(mustCosign(f, w, c, signed(f, testKey(1), c)))
	f.Add([]byte("— " + name + " AAAAAAA=\n— " + name + " AAAAAAA=\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if at, err := OpenCosignature(b, name, w.Public(), seal.Hybrid, c); err == nil && !at.Equal(testTime) {
			t.Fatalf("another time: %v", at)
		}
	})
}

func FuzzParseProof(f *testing.F) {
	x := newProof(f)
	b, err := x.p.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(proofHeader + "index 0\n\n\n\n— a AAAAAAA=\n— a AAAAAAA=\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParseProof(b)
		if err != nil {
			return
		}
		if again, err := p.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("not written back: %v", err)
		}
		_, _ = p.Verify(x.leaf, x.c.Origin, x.key.Public(), seal.Hybrid, x.by)
	})
}

func FuzzDecodeEquivocation(f *testing.F) {
	k, c := testKey(1), testCheckpoint()
	d := c
	d.Root[0]++
	e, err := NewEquivocation(signed(f, k, c), signed(f, k, d))
	if err != nil {
		f.Fatal(err)
	}
	b, err := e.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{0xa3, 1, 1, 2, 0x40, 3, 0x40})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := DecodeEquivocation(b)
		if err != nil {
			return
		}
		if again, err := e.Encode(); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("not written back: %v", err)
		}
		_ = e.Verify(k.Public(), seal.Hybrid)
	})
}

func FuzzDecodeEpochLink(f *testing.F) {
	b, err := EpochLink{Previous: testOrigin(), Size: 1}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := DecodeEpochLink(b); err == nil {
			if again, err := l.Encode(); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("not written back: %v", err)
			}
		}
	})
}

func FuzzDecodeEntries(f *testing.F) {
	f.Add([]byte{0, 1, 7, 0, 0}, 2)
	f.Add([]byte{0xff, 0xff}, 1)
	f.Fuzz(func(t *testing.T, b []byte, width int) {
		if out, err := DecodeEntries(b, width); err == nil {
			if again, err := EncodeEntries(out); err != nil || !bytes.Equal(again, b) || len(out) != width {
				t.Fatalf("not written back: %v", err)
			}
		}
	})
}

// A proof of any shape is refused or verifies; a consistency proof that verifies never links a root to two pasts.
func FuzzVerify(f *testing.F) {
	f.Add(int64(3), int64(7), make([]byte, 96))
	f.Add(int64(1<<62), int64(1<<63-1), make([]byte, 63*32))
	f.Fuzz(func(t *testing.T, m, n int64, b []byte) {
		var path []Hash
		for ; len(b) >= 32; b = b[32:] {
			path = append(path, Hash(b))
		}
		root := LeafHash([]byte("root"))
		if VerifyInclusion(root, m, n, Hash{1}, path) == nil {
			t.Fatal("a path to a root that nobody made")
		}
		if m != n && m != 0 && VerifyConsistency(m, root, n, Hash{1}, path) == nil {
			t.Fatal("a path to a root that nobody made")
		}
	})
}
