package storetest

import (
	"bytes"
	"errors"
	"testing"

	"entente/errs"
	"entente/internal/store"
	"entente/journal"

	"pgregory.net/rapid"
)

func journals(t *testing.T, s *store.Store) {
	j := Made(t, s, Origin(1), true, 3)
	if !j.Own || j.Kind != store.KindChannel || j.Size != 3 || j.Origin != Origin(1) {
		t.Errorf("%+v", j)
	}
	again := func(o journal.Origin, kind string, own bool, code errs.Code) {
		t.Helper()
		Want(t, s.Do(ctx, func(tx *store.Tx) error { _, err := tx.EnsureJournal(o, kind, own); return err }), code)
	}
	other := Origin(2)
	other.Realm = "live"
	again(Origin(1), store.KindChannel, true, "")
	again(Origin(1), store.KindChannel, false, "store.journal.kind")
	again(Origin(1), store.KindAdmin, true, "store.journal.kind")
	again(Origin(2), "diary", true, "store.journal.kind")
	again(other, store.KindChannel, true, "store.realm")
	Do(t, s, func(tx *store.Tx) error {
		_, err := tx.EnsureJournal(Origin(2), store.KindAdmin, true)
		return err
	})
	// Made and refused in one act: it is not there, for the writer neither.
	s.Do(ctx, func(tx *store.Tx) error {
		j, err := tx.EnsureJournal(Origin(3), store.KindChannel, true)
		if err == nil {
			err = tx.AppendLeaves(j, [][]byte{{1}})
		}
		return errors.Join(err, errors.New("no"))
	})
	look := func(tx *store.Tx) error {
		_, err := tx.Journal(Origin(3).String())
		Want(t, err, "store.journal.unknown")
		for kind, want := range map[string]int{"": 2, store.KindChannel: 1, store.KindAdmin: 1, store.KindNational: 0} {
			if all, err := tx.Journals(kind); err != nil || len(all) != want {
				t.Errorf("%d journals of kind %q, %v", len(all), kind, err)
			}
		}
		j, err := tx.Journal(Origin(1).String())
		if err != nil || j.Size != 3 {
			t.Error(j, err)
		}
		return nil
	}
	Do(t, s, look)
	view(t, s, look)
}

// reference computes what a journal of these leaves is, without any store.
func reference(leaves [][]byte) journal.Hash {
	t, _ := journal.OpenTree(0, nil)
	for _, l := range leaves {
		t.Append(journal.LeafHash(l))
	}
	return t.Root()
}

// check compares a journal with its leaves: size, root, every leaf, and proofs made from stored tiles.
func check(t *testing.T, tx *store.Tx, o journal.Origin, leaves [][]byte) {
	t.Helper()
	j, err := tx.Journal(o.String())
	if err != nil {
		t.Fatal(err)
	}
	if j.Size != uint64(len(leaves)) || j.Root != reference(leaves) {
		t.Fatalf("size %d, want %d, or another root", j.Size, len(leaves))
	}
	got, err := tx.Leaves(j, 0, j.Size)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := tx.Tree(j)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range leaves {
		if !bytes.Equal(got[i], l) {
			t.Fatalf("leaf %d is another", i)
		}
		if i%97 != 0 && i != len(leaves)-1 {
			continue
		}
		path, err := tree.ProveInclusion(int64(i), int64(j.Size))
		if err != nil {
			t.Fatal(err)
		}
		if err := journal.VerifyInclusion(journal.LeafHash(l), int64(i), int64(j.Size), j.Root, path); err != nil {
			t.Fatal(err)
		}
	}
	_, err = tx.Leaf(j, j.Size)
	Want(t, err, "store.leaf.unknown")
	_, err = tx.Leaves(j, 0, j.Size+1)
	Want(t, err, "store.leaf.unknown")
}

func appends(t *testing.T, s *store.Store) {
	a, b := Made(t, s, Origin(1), true, 0), Made(t, s, Origin(2), false, 0)
	var inA, inB [][]byte
	for _, n := range []int{1, 1, 254, 1, 600, 3} {
		Do(t, s, func(tx *store.Tx) error {
			var more [][]byte
			for i := range n {
				more = append(more, []byte{byte(len(inA)), byte(len(inA) >> 8), byte(i), byte(i >> 8), byte(n)})
			}
			inA, inB = append(inA, more...), append(inB, more[0])
			if err := tx.AppendLeaves(a, more); err != nil {
				return err
			}
			if err := tx.AppendLeaves(b, more[:1]); err != nil {
				return err
			}
			check(t, tx, Origin(1), inA)
			return nil
		})
		view(t, s, func(tx *store.Tx) error { check(t, tx, Origin(1), inA); check(t, tx, Origin(2), inB); return nil })
	}
	stale := *a
	stale.Size--
	Want(t, s.Do(ctx, func(tx *store.Tx) error { return tx.AppendLeaves(&stale, [][]byte{{1}}) }), "store.journal.moved")
	Want(t, s.Do(ctx, func(tx *store.Tx) error { return tx.AppendLeaves(a, [][]byte{{1}, {}}) }), "store.leaf")
	Want(t, s.Do(ctx, func(tx *store.Tx) error { return tx.AppendLeaves(a, [][]byte{make([]byte, 1<<16)}) }), "store.leaf")
	view(t, s, func(tx *store.Tx) error { check(t, tx, Origin(1), inA); return nil })
}

func undoneAppend(t *testing.T, s *store.Store) {
	Made(t, s, Origin(1), true, 0)
	var leaves [][]byte
	twin, _ := journal.OpenTree(0, nil)
	refusal := errors.New("no")
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 4).Draw(r, "acts") {
			n, refused := rapid.IntRange(1, 300).Draw(r, "leaves"), rapid.Bool().Draw(r, "refused")
			var more [][]byte
			for i := range n {
				more = append(more, []byte{byte(i), byte(len(leaves)), byte(len(leaves) >> 8), byte(len(leaves) >> 16)})
			}
			err := s.Do(ctx, func(tx *store.Tx) error {
				j, err := tx.Journal(Origin(1).String())
				if err != nil {
					return err
				}
				if err := tx.AppendLeaves(j, more); err != nil || !refused {
					return err
				}
				return refusal
			})
			if refused != (err == refusal) || !refused && err != nil {
				t.Fatal(err)
			}
			for i := 0; i < n && !refused; i++ {
				leaves = append(leaves, more[i])
				twin.Append(journal.LeafHash(more[i]))
			}
		}
		view(t, s, func(tx *store.Tx) error {
			if j, err := tx.Journal(Origin(1).String()); err != nil || j.Size != uint64(len(leaves)) || j.Root != twin.Root() {
				t.Fatal(j, err)
			}
			return nil
		})
	})
	look := func(tx *store.Tx) error { check(t, tx, Origin(1), leaves); return nil }
	Do(t, s, look)
	view(t, s, look)
}

func timeAndFreeze(t *testing.T, s *store.Store) {
	j := Made(t, s, Origin(1), false, 1)
	Do(t, s, func(tx *store.Tx) error { return errors.Join(tx.SetLastTime(j, 10), tx.SetLastTime(j, 10)) })
	Want(t, s.Do(ctx, func(tx *store.Tx) error { return tx.SetLastTime(j, 9) }), "store.journal.time")
	s.Do(ctx, func(tx *store.Tx) error { return errors.Join(tx.Freeze(j), tx.SetLastTime(j, 99), errors.New("no")) })
	look := func(frozen bool, last int64) {
		t.Helper()
		for _, in := range []func(func(*store.Tx) error) error{
			func(f func(*store.Tx) error) error { return s.View(ctx, f) }, func(f func(*store.Tx) error) error { return s.Do(ctx, f) }} {
			if err := in(func(tx *store.Tx) error {
				j, err := tx.Journal(Origin(1).String())
				if err == nil && (j.Frozen != frozen || j.LastTime != last) {
					t.Errorf("frozen %v, time %d", j.Frozen, j.LastTime)
				}
				return err
			}); err != nil {
				t.Error(err)
			}
		}
	}
	look(false, 10)
	Do(t, s, func(tx *store.Tx) error { return tx.Freeze(j) })
	look(true, 10)
}

func index(t *testing.T, s *store.Store) {
	a, b := Made(t, s, Origin(1), true, 5), Made(t, s, Origin(2), false, 5)
	c := a.Origin.Channel
	put := func(j *store.Journal, i uint64, id, thread byte) error {
		return s.Do(ctx, func(tx *store.Tx) error {
			return tx.IndexStatement(c, j, i, [16]byte{id}, [16]byte{thread}, "release.dispatch/1")
		})
	}
	for _, x := range []struct {
		j          *store.Journal
		i          uint64
		id, thread byte
		code       errs.Code
	}{{a, 0, 1, 7, ""}, {b, 1, 2, 7, ""}, {a, 2, 3, 7, ""}, {a, 1, 4, 8, ""}, {a, 0, 1, 7, ""}, {a, 3, 1, 7, "store.statement.duplicate"},
		{a, 0, 1, 8, "store.statement.duplicate"}, {a, 5, 9, 7, "store.leaf.unknown"}} {
		Want(t, put(x.j, x.i, x.id, x.thread), x.code)
	}
	view(t, s, func(tx *store.Tx) error {
		e, err := tx.Statement(a, [16]byte{3})
		if err != nil || *e != (store.Entry{Journal: a.ID, Index: 2, Channel: c, ID: [16]byte{3}, Thread: [16]byte{7}, Type: "release.dispatch/1"}) {
			t.Errorf("%+v %v", e, err)
		}
		_, err = tx.Statement(b, [16]byte{3})
		Want(t, err, "store.statement.unknown")
		all, err := tx.Thread(c, [16]byte{7})
		if err != nil || len(all) != 3 || all[0].Index != 0 || all[1].Index != 2 || all[2].Journal != b.ID {
			t.Errorf("%+v %v", all, err)
		}
		for thread, want := range map[byte]int{7: 3, 8: 1, 9: 0} {
			if n, err := tx.ThreadCount(c, [16]byte{thread}); n != want || err != nil {
				t.Errorf("thread %d has %d, %v", thread, n, err)
			}
		}
		if n, err := tx.ThreadCount([48]byte{9}, [16]byte{7}); n != 0 || err != nil {
			t.Error("an unknown channel has statements", n, err)
		}
		if all, err := tx.Statements(a, 1, 3); err != nil || len(all) != 2 || all[0].ID != [16]byte{4} {
			t.Error(all, err)
		}
		return nil
	})
}

func repeatedID(t *testing.T, s *store.Store) {
	for n, order := range [][]uint64{{0, 1, 2}, {2, 1, 0}, {1, 2, 0}} {
		j := Made(t, s, Origin(uint64(n)), false, 3)
		for _, i := range order {
			Do(t, s, func(tx *store.Tx) error {
				return tx.IndexStatement(j.Origin.Channel, j, i, [16]byte{1}, [16]byte{byte(i)}, "a.b/1")
			})
		}
		view(t, s, func(tx *store.Tx) error {
			if e, err := tx.Statement(j, [16]byte{1}); err != nil || e.Index != 0 {
				t.Errorf("in the order %v the id names %+v, %v", order, e, err)
			}
			if all, err := tx.Statements(j, 0, 3); err != nil || len(all) != 3 {
				t.Error(all, err)
			}
			return nil
		})
	}
}

func checkpoints(t *testing.T, s *store.Store) {
	j := Made(t, s, Origin(1), true, 8)
	view(t, s, func(tx *store.Tx) error {
		_, err := tx.LatestCheckpoint(j)
		Want(t, err, "store.checkpoint.unknown")
		_, err = tx.LatestCosignature(j, "w")
		Want(t, err, "store.cosignature.unknown")
		if n, err := tx.CosignedSize(j, "w"); n != 0 || err != nil {
			t.Error(n, err)
		}
		return nil
	})
	Do(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.PutCheckpoint(j, 3, []byte("three")), tx.PutCheckpoint(j, 8, []byte("eight")), tx.PutCheckpoint(j, 3, []byte("again")),
			tx.PutCosignature(j, "w", 3, [32]byte{3}, []byte("w3"), 33), tx.PutCosignature(j, "w", 8, [32]byte{8}, []byte("w8"), 88),
			tx.PutCosignature(j, "x", 3, [32]byte{3}, []byte("x3"), 1), tx.PutCosignature(j, "w", 3, [32]byte{3}, []byte("w3 later"), 34))
	})
	Want(t, s.Do(ctx, func(tx *store.Tx) error { return tx.PutCheckpoint(j, 9, nil) }), "store.checkpoint")
	Want(t, s.Do(ctx, func(tx *store.Tx) error { return tx.PutCosignature(j, "w", 9, [32]byte{}, nil, 0) }), "store.checkpoint")
	Want(t, s.Do(ctx, func(tx *store.Tx) error { return tx.PutCosignature(j, "w", 8, [32]byte{9}, []byte("fork"), 0) }), "store.cosignature")
	view(t, s, func(tx *store.Tx) error {
		if c, err := tx.LatestCheckpoint(j); err != nil || c.Size != 8 || string(c.Note) != "eight" {
			t.Error(c, err)
		}
		if c, err := tx.CheckpointAt(j, 3); err != nil || string(c.Note) != "three" {
			t.Error(c, err)
		}
		_, err := tx.CheckpointAt(j, 4)
		Want(t, err, "store.checkpoint.unknown")
		if all, err := tx.Checkpoints(j, 3, 5); err != nil || len(all) != 1 || all[0].Size != 8 {
			t.Error(all, err)
		}
		if n, err := tx.CosignedSize(j, "w"); n != 8 || err != nil {
			t.Error(n, err)
		}
		all, err := tx.Cosignatures(j)
		if err != nil || len(all) != 3 || string(all[0].Lines) != "w3 later" || all[1].Root != [32]byte{8} || all[1].At != 88 || all[2].Cosigner != "x" {
			t.Errorf("%+v %v", all, err)
		}
		return nil
	})
}

func held(t *testing.T, s *store.Store) {
	const size = 200
	j := Made(t, s, Origin(1), true, size)
	var want [size]bool
	puts := 0
	rapid.Check(t, func(r *rapid.T) {
		lo := rapid.IntRange(0, size-1).Draw(r, "lo")
		hi := rapid.IntRange(lo+1, min(size, lo+20)).Draw(r, "hi")
		Do(t, s, func(tx *store.Tx) error {
			return tx.PutHeld(j, "JPN", [][2]uint64{{uint64(lo), uint64(hi)}}, []byte{byte(lo)})
		})
		puts++
		for i := lo; i < hi; i++ {
			want[i] = true
		}
		view(t, s, func(tx *store.Tx) error {
			ranges, err := tx.HeldRanges(j, "JPN")
			var got [size]bool
			last := uint64(0)
			for n, x := range ranges {
				if x[0] >= x[1] || n > 0 && x[0] <= last {
					t.Fatalf("ranges %v", ranges)
				}
				last = x[1]
				for i := x[0]; i < x[1]; i++ {
					got[i] = true
				}
			}
			if got != want {
				t.Fatalf("ranges %v", ranges)
			}
			return err
		})
	})
	for _, bad := range [][2]uint64{{3, 3}, {4, 3}, {0, size + 1}} {
		Want(t, s.Do(ctx, func(tx *store.Tx) error { return tx.PutHeld(j, "JPN", [][2]uint64{{0, 1}, bad}, nil) }), "store.held")
	}
	view(t, s, func(tx *store.Tx) error {
		if all, err := tx.Receipts(j); err != nil || len(all) != puts || all[0].Holder != "JPN" {
			t.Error(len(all), puts, err)
		}
		if all, err := tx.Receipts(j); err == nil {
			if last, err := tx.LatestReceipt(j, "JPN"); err != nil || last == nil || string(last.Signed) != string(all[len(all)-1].Signed) {
				t.Error("the latest receipt is", last, err)
			}
		}
		if none, err := tx.LatestReceipt(j, "AUS"); none != nil || err != nil {
			t.Error(none, err)
		}
		if none, err := tx.HeldRanges(j, "AUS"); len(none) != 0 || err != nil {
			t.Error(none, err)
		}
		return nil
	})
}

func rebuild(t *testing.T, s *store.Store) {
	said(t, s, 300)
	before, err := s.StateDigest(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Rebuild(ctx)
	if err != nil || r.Before != before || r.After != before || r.Leaves != 600 || r.Journals != 2 || r.Statements != 600 {
		t.Errorf("%+v, %v", r, err)
	}
	said(t, s, 10) // the store goes on from what was rebuilt
	problems, err := s.Integrity(ctx)
	if err != nil || len(problems) != 0 {
		t.Error(problems, err)
	}
}

// said says n more statements in each of two journals, one act per statement.
func said(t *testing.T, s *store.Store, n int) {
	t.Helper()
	for k := range uint64(2) {
		Made(t, s, Origin(k), k == 0, 0)
		Do(t, s, func(tx *store.Tx) error {
			j, err := tx.Journal(Origin(k).String())
			for i := 0; i < n && err == nil; i++ {
				err = Say(t, Origin(k), j.Size, uint64(i%7)).Put(tx, j)
			}
			return err
		})
	}
}

func integrity(t *testing.T, s *store.Store) {
	said(t, s, 260)
	if _, _, err := s.StageObject(nothing); err != nil {
		t.Fatal(err)
	}
	problems, err := s.Integrity(ctx)
	if err != nil || len(problems) != 0 {
		t.Error(problems, err)
	}
}

func digest(t *testing.T, s *store.Store) {
	d0, err := s.StateDigest(ctx)
	if err != nil {
		t.Fatal(err)
	}
	said(t, s, 3)
	d1, _ := s.StateDigest(ctx)
	again, _ := s.StateDigest(ctx)
	if d0 == d1 || d1 != again {
		t.Error("the digest does not follow the state")
	}
	Do(t, s, func(tx *store.Tx) error { return tx.PutDoc("draft", "a", "", 0, nil) })
	if d, _ := s.StateDigest(ctx); d != d1 {
		t.Error("a doc is not derived")
	}
}
