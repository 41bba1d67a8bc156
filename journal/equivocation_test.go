package journal

import (
	"bytes"
	"testing"

	"entente/errs"
	"entente/seal"
	"entente/wire"

	"pgregory.net/rapid"
)

// liar is an author that shows two continuations of one journal.
type liar struct {
	key  *seal.SigningKey
	a, b *Tree
}

func newLiar(t *testing.T) liar {
	a, _, _ := newTree(t, 300)
	l := liar{key: testKey(1), a: a, b: a.Clone()}
	for range 60 {
		l.a.Append(LeafHash([]byte("to one reader")))
		l.b.Append(LeafHash([]byte("to the other")))
	}
	return l
}

func (l liar) head(t testing.TB, tree *Tree, n int64) []byte {
	root, err := tree.RootAt(n)
	if err != nil {
		t.Fatal(err)
	}
	return signed(t, l.key, Checkpoint{Origin: testOrigin(), Size: n, Root: root})
}

func TestTwoHeadsThatContradictAreTransferableProof(t *testing.T) {
	l := newLiar(t)
	for name, make := range map[string]func() (*Equivocation, error){
		"same size": func() (*Equivocation, error) { return NewEquivocation(l.head(t, l.a, 310), l.head(t, l.b, 310)) },
		"longer":    func() (*Equivocation, error) { return l.b.Equivocation(l.head(t, l.a, 310), l.head(t, l.b, 350)) },
		"shorter":   func() (*Equivocation, error) { return l.b.Equivocation(l.head(t, l.b, 350), l.head(t, l.a, 310)) },
		"power of two": func() (*Equivocation, error) {
			z := liar{l.key, &Tree{tiles: noTiles{}}, &Tree{tiles: noTiles{}}}
			for i := range byte(9) {
				z.a.Append(LeafHash([]byte{i}))
				z.b.Append(LeafHash([]byte{i, i}))
			}
			return z.b.Equivocation(z.head(t, z.a, 8), z.head(t, z.b, 9))
		},
	} {
		e, err := make()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeEquivocation(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := got.Verify(l.key.Public(), seal.Hybrid); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if x, y, err := got.Checkpoints(); err != nil || x.Origin != testOrigin() || x.Size > y.Size {
			t.Errorf("%s: %v %v %v", name, x, y, err)
		}
		if err := got.Verify(testKey(2).Public(), seal.Hybrid); !errs.HasCode(err, "journal.checkpoint.ed25519") {
			t.Errorf("%s: another key: %v", name, err)
		}
		if err := got.VerifyKeys(l.key.Public(), testKey(2).Public(), seal.Hybrid); err == nil {
			t.Errorf("%s: another key for the second note was accepted", name)
		}
	}
}

func TestBothObserversMakeTheSameEvidence(t *testing.T) {
	l := newLiar(t)
	a, b := l.head(t, l.a, 310), l.head(t, l.b, 310)
	x, err := NewEquivocation(a, b)
	y, err2 := NewEquivocation(b, a)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	dx, _ := x.Digest()
	if dy, err := y.Digest(); err != nil || dx != dy {
		t.Error("two observers of the same notes make different evidence")
	}
}

func TestAnHonestAuthorIsNotAccused(t *testing.T) {
	l := newLiar(t)
	rapid.Check(t, func(rt *rapid.T) {
		m, n := rapid.Int64Range(0, 360).Draw(rt, "m"), rapid.Int64Range(0, 360).Draw(rt, "n")
		if _, err := l.a.Equivocation(l.head(t, l.a, m), l.head(t, l.a, n)); !errs.HasCode(err, "journal.equivocation.none") {
			rt.Fatalf("%d and %d: %v", m, n, err)
		}
	})
	// The tree must be the one the larger head commits to.
	if _, err := l.a.Equivocation(l.head(t, l.a, 310), l.head(t, l.b, 350)); !errs.HasCode(err, "journal.equivocation.none") {
		t.Errorf("with the wrong tree: %v", err)
	}
	other := Checkpoint{Origin: testOrigin(), Size: 310, Root: LeafHash(nil)}
	other.Origin.Epoch++
	if _, err := NewEquivocation(l.head(t, l.a, 310), signed(t, l.key, other)); !errs.HasCode(err, "journal.equivocation.none") {
		t.Errorf("heads of two epochs: %v", err)
	}
	large := appendLine(append(Checkpoint{Origin: testOrigin(), Size: 310, Root: LeafHash(nil)}.Text(), '\n'), "a", typeEd25519, nil, make([]byte, MaxNote))
	if _, err := NewEquivocation(large, l.head(t, l.a, 310)); !errs.HasCode(err, "journal.equivocation.malformed") {
		t.Errorf("a large note: %v", err)
	}
	if _, err := NewEquivocation(l.head(t, l.a, 310), l.head(t, l.b, 350)); !errs.HasCode(err, "journal.equivocation.none") {
		t.Errorf("two sizes without leaves: %v", err)
	}
	if _, err := NewEquivocation([]byte("x"), l.head(t, l.a, 1)); !errs.HasCode(err, "journal.equivocation.malformed") {
		t.Errorf("not a note: %v", err)
	}
}

func TestTamperedEvidenceIsRefused(t *testing.T) {
	l := newLiar(t)
	e, err := l.b.Equivocation(l.head(t, l.a, 310), l.head(t, l.b, 350))
	if err != nil {
		t.Fatal(err)
	}
	same, err := NewEquivocation(l.head(t, l.a, 310), l.head(t, l.b, 310))
	if err != nil {
		t.Fatal(err)
	}
	honest := l.head(t, l.b, 310)
	forged := signed(t, testKey(2), Checkpoint{Origin: testOrigin(), Size: 310, Root: LeafHash(nil)})
	prefix, _ := l.b.RootAt(310)
	const none, malformed, ed = "journal.equivocation.none", "journal.equivocation.malformed", "journal.checkpoint.ed25519"
	for name, x := range map[string]struct {
		e    Equivocation
		code errs.Code
	}{
		"as made":              {*e, ""},
		"a honest prefix":      {Equivocation{honest, e.B, prefix, e.Path}, none},
		"other altered":        {Equivocation{e.A, e.B, LeafHash(nil), e.Path}, none},
		"path shortened":       {Equivocation{e.A, e.B, e.Other, e.Path[1:]}, none},
		"no path":              {Equivocation{e.A, e.B, e.Other, nil}, none},
		"path altered":         {Equivocation{e.A, e.B, e.Other, append([]Hash{{1}}, e.Path[1:]...)}, none},
		"swapped":              {Equivocation{e.B, e.A, e.Other, e.Path}, malformed},
		"one note twice":       {Equivocation{A: e.A, B: e.A}, none},
		"same size, swapped":   {Equivocation{A: same.B, B: same.A}, malformed},
		"same size and a path": {Equivocation{same.A, same.B, Hash{}, e.Path}, none},
		"same size and a root": {Equivocation{same.A, same.B, e.Other, nil}, none},
		"note forged":          {Equivocation{forged, e.B, e.Other, e.Path}, ed},
		"note missing":         {Equivocation{nil, e.B, e.Other, e.Path}, malformed},
		"line stripped":        {Equivocation{e.A[:bytes.LastIndex(e.A, []byte("—"))], e.B, e.Other, e.Path}, "journal.checkpoint.mldsa"},
		"other line altered":   {Equivocation{e.A, []byte(swapCase(string(e.B), len(e.B)-30)), e.Other, e.Path}, "journal.checkpoint.mldsa"},
	} {
		if err := x.e.Verify(l.key.Public(), seal.Hybrid); errs.CodeOf(err) != x.code {
			t.Errorf("%s: got %q want %q", name, errs.CodeOf(err), x.code)
		}
		if _, err := x.e.Encode(); (x.code == none || x.code == malformed) && errs.CodeOf(err) != x.code {
			t.Errorf("%s: encoded: %v", name, err)
		}
	}
	w := wireEquivocation{Version: 1, A: same.A, B: same.B}
	for name, alter := range map[string]func(*wireEquivocation){
		"version": func(w *wireEquivocation) { w.Version = 2 }, "zero root spelt out": func(w *wireEquivocation) { w.Other = make([]byte, 32) },
		"short root": func(w *wireEquivocation) { w.Other = []byte{1} }, "64 hashes": func(w *wireEquivocation) { w.Path = make([]Hash, 64) },
		"large note": func(w *wireEquivocation) { w.A = make([]byte, MaxEquivocation) },
	} {
		x := w
		alter(&x)
		if _, err := DecodeEquivocation(wire.MustMarshal(x)); err == nil {
			t.Errorf("%s: decoded", name)
		}
	}
}
