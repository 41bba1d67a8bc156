package storetest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"entente/errs"
	"entente/internal/store"
	"entente/seal"
)

func bodies(t *testing.T, s *store.Store) {
	j := Made(t, s, Origin(1), true, 4)
	salt := [32]byte{1, 2}
	put := func(i uint64, kind store.BodyKind, state store.BodyState, b string, code errs.Code) {
		t.Helper()
		Want(t, s.Do(ctx, func(tx *store.Tx) error { return tx.PutBody(j, i, kind, state, salt, []byte(b)) }), code)
	}
	look := func(i uint64, kind store.BodyKind, state store.BodyState, b string) {
		t.Helper()
		view(t, s, func(tx *store.Tx) error {
			got, err := tx.Body(j, i, kind)
			if err != nil || got.State != state || string(got.Bytes) != b || got.Size != uint64(len(b)) || b != "" && got.Salt != salt {
				t.Errorf("%+v, %v", got, err)
			}
			if st, err := tx.BodyState(j, i, kind); st != state || err != nil {
				t.Error(st, err)
			}
			return nil
		})
	}
	put(0, store.Act, store.Present, "act", "")
	put(0, store.Content, store.Later, "", "")
	look(0, store.Act, store.Present, "act")
	look(0, store.Content, store.Later, "")
	put(0, store.Content, store.Bad, "", "")
	look(0, store.Content, store.Bad, "")
	put(0, store.Content, store.Present, "content", "")
	look(0, store.Content, store.Present, "content")
	put(0, store.Content, store.Present, "content", "") // the same again
	put(0, store.Content, store.Present, "another", "store.body.differs")
	put(0, store.Content, store.Later, "", "")
	put(0, store.Content, store.Bad, "", "")
	put(0, store.Content, store.Destroyed, "", "store.body.differs")
	look(0, store.Content, store.Present, "content")
	put(0, store.Content, store.Withdrawn, "", "")
	look(0, store.Content, store.Withdrawn, "content")
	put(4, store.Act, store.Present, "a", "store.leaf.unknown")
	put(1, 3, store.Present, "a", "store.body")
	put(1, store.Act, 6, "a", "store.body")
	put(1, store.Act, store.Present, "", "")
	view(t, s, func(tx *store.Tx) error {
		_, err := tx.Body(j, 3, store.Act)
		Want(t, err, "store.body.unknown")
		if st, err := tx.BodyState(j, 3, store.Act); st != 0 || err != nil {
			t.Error(st, err)
		}
		// A range is what its bodies are one by one, all of them or none.
		acts, err := tx.Bodies(j, 0, 2, store.Act)
		if err != nil || len(acts) != 2 || string(acts[0].Bytes) != "act" || acts[0].Salt != salt || acts[1].State != store.Present || acts[1].Size != 0 {
			t.Errorf("%+v, %v", acts, err)
		}
		sizes, err := tx.BodySizes(j, 0, 1, store.Content)
		if err != nil || len(sizes) != 1 || sizes[0].State != store.Withdrawn || sizes[0].Size != 7 || sizes[0].Bytes != nil {
			t.Errorf("%+v, %v", sizes, err)
		}
		for _, to := range []uint64{2, 3} {
			_, err = tx.BodySizes(j, 0, to, store.Content)
			Want(t, err, "store.body.unknown")
		}
		_, err = tx.Bodies(j, 1, 4, store.Act)
		Want(t, err, "store.body.unknown")
		return nil
	})
}

// recall: what is kept in one unit of work follows what it writes, and ends with it.
func recall(t *testing.T, s *store.Store) {
	made := 0
	read := func(tx *store.Tx) int {
		n, err := store.Recall(tx, "post", "all", func() (int, error) {
			made++
			docs, err := tx.Docs("post", "", store.First, "", 10)
			return len(docs), err
		})
		if err != nil {
			t.Error(err)
		}
		return n
	}
	Do(t, s, func(tx *store.Tx) error {
		for want := range 3 {
			if n := read(tx) + read(tx); n != 2*want {
				t.Errorf("%d of %d documents", n, 2*want)
			}
			if err := tx.PutDoc("post", string(rune('a'+want)), "", 0, nil); err != nil {
				return err
			}
		}
		return errors.Join(tx.PutDoc("other", "x", "", 0, nil), tx.DeleteDoc("post", "a"))
	})
	view(t, s, func(tx *store.Tx) error {
		if n := read(tx); n != 2 {
			t.Error(n)
		}
		return nil
	})
	if made != 4 {
		t.Error("made", made, "times")
	}
}

func destroyedBodies(t *testing.T, s *store.Store) {
	j := Made(t, s, Origin(1), true, 2)
	Do(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.PutBody(j, 0, store.Content, store.Present, [32]byte{1}, []byte("secret")),
			tx.PutBody(j, 1, store.Content, store.Withdrawn, [32]byte{}, nil))
	})
	s.Do(ctx, func(tx *store.Tx) error { return errors.Join(tx.DestroyBody(j, 0, store.Content), errors.New("no")) })
	view(t, s, func(tx *store.Tx) error {
		if b, err := tx.Body(j, 0, store.Content); err != nil || string(b.Bytes) != "secret" {
			t.Error("an undone destruction destroyed", b, err)
		}
		return nil
	})
	for range 2 { // again is no error
		Do(t, s, func(tx *store.Tx) error { return tx.DestroyBody(j, 0, store.Content) })
	}
	for i := range uint64(2) {
		Want(t, s.Do(ctx, func(tx *store.Tx) error {
			return tx.PutBody(j, i, store.Content, store.Present, [32]byte{1}, []byte("secret"))
		}), "store.body.gone")
	}
	Want(t, s.Do(ctx, func(tx *store.Tx) error { return tx.DestroyBody(j, 1, store.Act) }), "store.body.unknown")
	view(t, s, func(tx *store.Tx) error {
		if b, err := tx.Body(j, 0, store.Content); err != nil || b.State != store.Destroyed || b.Bytes != nil || b.Salt != [32]byte{} || b.Size != 0 {
			t.Error(b, err)
		}
		if l, err := tx.Leaf(j, 0); err != nil || len(l) == 0 {
			t.Error("the leaf must stay", err)
		}
		return nil
	})
}

func completeness(t *testing.T, s *store.Store) {
	j := Made(t, s, Origin(1), false, 6)
	states := [][2]store.BodyState{{store.Present, store.Present}, {store.Present, store.Destroyed}, {store.Present, store.Later},
		{store.Withdrawn, store.Withdrawn}, {store.Bad, store.Present}, {store.Present, 0}}
	Do(t, s, func(tx *store.Tx) error {
		for i, st := range states {
			for k, state := range st {
				if state == 0 {
					continue
				}
				if err := tx.PutBody(j, uint64(i), store.BodyKind(k+1), state, [32]byte{}, make([]byte, 100)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	view(t, s, func(tx *store.Tx) error {
		if r, err := tx.Complete(j, 0, 6); err != nil || !slices.Equal(r, [][2]uint64{{0, 2}, {3, 4}}) {
			t.Error(r, err)
		}
		if n, b, err := tx.Unheld(j); err != nil || n != 2 || b != 2*(3+100) {
			t.Errorf("%d statements of %d bytes, %v", n, b, err)
		}
		if r, err := tx.UnsentHeld(j, "me"); err != nil || !slices.Equal(r, [][2]uint64{{0, 2}, {3, 4}}) {
			t.Error(r, err)
		}
		if b, err := tx.UnheldBy(j, "me"); err != nil || b != 600 {
			t.Error(b, err)
		}
		return nil
	})
	Do(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.PutHeld(j, "me", [][2]uint64{{0, 1}}, []byte("signed")), tx.PutBody(j, 2, store.Content, store.Present, [32]byte{}, nil))
	})
	view(t, s, func(tx *store.Tx) error {
		if r, err := tx.UnsentHeld(j, "me"); err != nil || !slices.Equal(r, [][2]uint64{{1, 4}}) {
			t.Error(r, err)
		}
		if b, err := tx.UnheldBy(j, "me"); err != nil || b != 400 {
			t.Error(b, err)
		}
		return nil
	})
}

func nothing(io.Writer) error { return nil }

func blob(n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func objects(t *testing.T, s *store.Store) {
	b := blob(5*seal.LeafSize + 17)
	tree := seal.NewTree()
	tree.Write(b)
	root, size := tree.Root(), int64(len(b))
	part := func(i uint64) store.Part {
		proof, err := tree.Proof(i)
		if err != nil {
			t.Fatal(err)
		}
		return store.Part{Index: i, Data: b[i*seal.LeafSize : min(size, int64(i+1)*seal.LeafSize)], Proof: proof}
	}
	look := func(missing [][2]uint64) {
		t.Helper()
		view(t, s, func(tx *store.Tx) error {
			o, err := tx.Object(root)
			if err != nil || !slices.Equal(o.Missing, missing) || (len(missing) == 0) != (o.State == store.ObjectComplete) || o.Size != size {
				t.Errorf("%+v, %v", o, err)
			}
			return nil
		})
	}
	bad := part(1)
	bad.Data = slices.Clone(bad.Data)
	bad.Data[0] ^= 1
	if _, err := s.PutParts(ctx, root, size, []store.Part{bad}); errs.KindOf(err) != errs.Integrity {
		t.Error("a part that does not belong:", err)
	}
	_, err := s.PutParts(ctx, root, size, nil)
	Want(t, err, "store.object.size")
	for _, step := range []struct {
		parts   []store.Part
		missing [][2]uint64
	}{{[]store.Part{part(5)}, [][2]uint64{{0, 5}}}, {[]store.Part{part(2), part(5)}, [][2]uint64{{0, 2}, {3, 5}}},
		{[]store.Part{part(0), part(1), part(4)}, [][2]uint64{{3, 4}}}, {[]store.Part{part(3)}, nil}, {[]store.Part{part(3)}, nil}} {
		done, err := s.PutParts(ctx, root, size, step.parts)
		if err != nil || done != (step.missing == nil) {
			t.Errorf("done %v, %v", done, err)
		}
		look(step.missing)
	}
	read := func(root [48]byte, want []byte) {
		t.Helper()
		f, o, err := s.OpenObject(ctx, root)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, want) || o.Size != int64(len(want)) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	read(root, b)

	whole := blob(100_000)
	root2, n, err := s.StageObject(func(w io.Writer) error { _, err := w.Write(whole); return err })
	if err != nil || n != int64(len(whole)) {
		t.Fatal(n, err)
	}
	_, _, err = s.OpenObject(ctx, root2)
	Want(t, err, "store.object.unknown") // no row yet
	Want(t, s.Do(ctx, func(tx *store.Tx) error { return tx.PutObject(root2, n+1) }), "store.object.missing")
	Do(t, s, func(tx *store.Tx) error { return tx.PutObject(root2, n) })
	read(root2, whole)
	broken := errors.New("the source broke")
	if _, _, err := s.StageObject(func(w io.Writer) error { w.Write(whole); return broken }); err != broken {
		t.Error(err)
	}
}

func destroyedObject(t *testing.T, s *store.Store) {
	b := blob(70_000)
	stage := func() ([48]byte, int64) {
		root, n, err := s.StageObject(func(w io.Writer) error { _, err := w.Write(b); return err })
		if err != nil {
			t.Fatal(err)
		}
		return root, n
	}
	root, n := stage()
	Want(t, s.Do(ctx, func(tx *store.Tx) error { return tx.DestroyObject(root) }), "store.object.unknown")
	Do(t, s, func(tx *store.Tx) error { return tx.PutObject(root, n) })
	s.Do(ctx, func(tx *store.Tx) error { return errors.Join(tx.DestroyObject(root), errors.New("no")) })
	f, _, err := s.OpenObject(ctx, root)
	if err != nil {
		t.Fatal("an undone destruction destroyed:", err)
	}
	f.Close()
	for range 2 {
		Do(t, s, func(tx *store.Tx) error { return tx.DestroyObject(root) })
	}
	_, _, err = s.OpenObject(ctx, root)
	Want(t, err, "store.object.missing")
	root, n = stage()
	Want(t, s.Do(ctx, func(tx *store.Tx) error { return tx.PutObject(root, n) }), "store.object.gone")
}
