package journal

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"entente/errs"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// memTiles is a store of tiles in memory: what a database would hold.
type memTiles map[string][]byte

func (m memTiles) ReadTile(level int, n int64) ([]byte, error) {
	if b, ok := m[TilePath(level, n, TileWidth)]; ok {
		return b, nil
	}
	return nil, &errs.Error{Kind: errs.NotFound, Code: "test.tile"}
}

func (m memTiles) commit(t *Tree) {
	for _, d := range t.Dirty() {
		m[TilePath(d.Level, d.N, TileWidth)] = d.Hashes
	}
	t.Flushed()
}

// oracle is the tree of x/mod, which keeps every node: an implementation that shares nothing with ours.
type oracle []tlog.Hash

func (o oracle) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = o[x]
	}
	return out, nil
}

func leaf(i int64) []byte { return fmt.Appendf(nil, "entry %d", i) }

func grow(t *testing.T, n int64, tree *Tree, o *oracle) {
	t.Helper()
	for i := tree.Size(); i < n; i++ {
		tree.Append(LeafHash(leaf(i)))
		hs, err := tlog.StoredHashes(i, leaf(i), *o)
		if err != nil {
			t.Fatal(err)
		}
		*o = append(*o, hs...)
	}
}

// newTree returns a stored tree of n leaves and its oracle.
func newTree(t *testing.T, n int64) (*Tree, memTiles, oracle) {
	t.Helper()
	tiles, o := memTiles{}, oracle{}
	tree, err := OpenTree(0, tiles)
	if err != nil {
		t.Fatal(err)
	}
	grow(t, n, tree, &o)
	tiles.commit(tree)
	return tree, tiles, o
}

func hashes[H ~[32]byte](in []H) []Hash {
	out := make([]Hash, len(in))
	for i, h := range in {
		out[i] = Hash(h)
	}
	return out
}

func theirs(in []Hash) (out []tlog.Hash) {
	for _, h := range in {
		out = append(out, tlog.Hash(h))
	}
	return out
}

// agree compares root, inclusion and consistency at (i, m, n) with the oracle, both ways round.
func agree(t interface{ Fatalf(string, ...any) }, tree *Tree, o oracle, i, m, n int64) {
	root, err := tree.RootAt(n)
	want, err2 := tlog.TreeHash(n, o)
	if n == 0 {
		want, err2 = tlog.Hash(EmptyRoot()), nil // x/mod has no empty tree
	}
	if err != nil || err2 != nil || root != Hash(want) {
		t.Fatalf("root at %d: %v %v: got %v", n, err, err2, root)
	}
	if i < n {
		path, err := tree.ProveInclusion(i, n)
		want, err2 := tlog.ProveRecord(n, i, o)
		if err != nil || err2 != nil || !slices.Equal(path, hashes(want)) {
			t.Fatalf("inclusion of %d in %d differs: %v %v", i, n, err, err2)
		}
		h := LeafHash(leaf(i))
		if err := tlog.CheckRecord(theirs(path), n, tlog.Hash(root), i, tlog.Hash(h)); err != nil {
			t.Fatalf("x/mod refuses inclusion of %d in %d: %v", i, n, err)
		}
		if err := VerifyInclusion(h, i, n, root, path); err != nil {
			t.Fatalf("inclusion of %d in %d: %v", i, n, err)
		}
	}
	if m > n {
		return
	}
	rootM, err := tree.RootAt(m)
	if err != nil {
		t.Fatalf("root at %d: %v", m, err)
	}
	path, err := tree.ProveConsistency(m, n)
	if err != nil {
		t.Fatalf("consistency %d to %d: %v", m, n, err)
	}
	if err := VerifyConsistency(m, rootM, n, root, path); err != nil {
		t.Fatalf("consistency %d to %d: %v", m, n, err)
	}
	if m > 0 {
		want, err := tlog.ProveTree(n, m, o)
		if err != nil || !slices.Equal(path, hashes(want)) {
			t.Fatalf("consistency %d to %d differs: %v", m, n, err)
		}
	}
}

// A tree is what was appended and not taken back, however it was cloned, restored, stored and opened again.
func TestTreeIsWhatWasAppendedAndKept(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tiles := memTiles{}
		tree, _ := OpenTree(0, tiles)
		type save struct {
			tree *Tree
			keep []Hash
		}
		var kept, stored []Hash
		var saves []save
		next := byte(0)
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"append", "append", "clone", "restore", "commit", "reopen"}).Draw(rt, "step") {
			case "append":
				for range rapid.SampledFrom([]int{1, 2, 60, 255, 256, 257}).Draw(rt, "n") {
					next++
					h := LeafHash([]byte{next, byte(len(kept)), byte(len(kept) >> 8)})
					if at := tree.Append(h); at != int64(len(kept)) {
						rt.Fatalf("appended at %d, want %d", at, len(kept))
					}
					kept = append(kept[:len(kept):len(kept)], h)
				}
			case "clone":
				saves = append(saves, save{tree.Clone(), kept})
			case "restore":
				if len(saves) > 0 {
					s := saves[rapid.IntRange(0, len(saves)-1).Draw(rt, "which")]
					tree.Restore(s.tree)
					kept = s.keep
				}
			case "commit":
				tiles.commit(tree)
				saves, stored = nil, kept // a savepoint does not outlive its transaction
			case "reopen":
				var err error
				if tree, err = OpenTree(int64(len(stored)), tiles); err != nil {
					rt.Fatal(err)
				}
				saves, kept = nil, stored
			}
			var o oracle
			for i, h := range kept {
				hs, _ := tlog.StoredHashesForRecordHash(int64(i), tlog.Hash(h), o)
				o = append(o, hs...)
			}
			want := EmptyRoot()
			if len(kept) > 0 {
				h, _ := tlog.TreeHash(int64(len(kept)), o)
				want = Hash(h)
			}
			if tree.Size() != int64(len(kept)) || tree.Root() != want {
				rt.Fatalf("size %d root %v, want %d %v", tree.Size(), tree.Root(), len(kept), want)
			}
			for _, s := range saves {
				if s.tree.Size() != int64(len(s.keep)) {
					rt.Fatal("a savepoint moved")
				}
			}
			if n := int64(len(kept)); n > 0 {
				i := rapid.Int64Range(0, n-1).Draw(rt, "i")
				path, err := tree.ProveInclusion(i, n)
				if err != nil || VerifyInclusion(kept[i], i, n, want, path) != nil {
					rt.Fatalf("inclusion of %d in %d: %v", i, n, err)
				}
			}
		}
	})
}

// Savepoints share bytes with the tree and with each other; whoever appends after a fork of histories, none sees another.
func TestSavepointsAreIndependent(t *testing.T) {
	add := func(tree *Tree, tag byte, n int) {
		for i := range n {
			tree.Append(LeafHash([]byte{tag, byte(i), byte(i >> 8)}))
		}
	}
	plain := func(parts ...any) *Tree {
		tree, _ := OpenTree(0, nil)
		for i := 0; i < len(parts); i += 2 {
			add(tree, parts[i].(byte), parts[i+1].(int))
		}
		return tree
	}
	for _, n := range []int{10, 300, 700} { // within a tile, over one boundary, over several
		tree := plain(byte('a'), 700)
		first := tree.Clone()
		add(tree, 'b', n)
		second := tree.Clone()
		tree.Restore(first)
		add(tree, 'c', n)
		third := tree.Clone()
		add(third, 'd', n)
		tree.Restore(third)
		add(third, 'e', n)
		add(tree, 'f', n)
		for name, x := range map[string]struct{ got, want *Tree }{
			"first":  {first, plain(byte('a'), 700)},
			"second": {second, plain(byte('a'), 700, byte('b'), n)},
			"third":  {third, plain(byte('a'), 700, byte('c'), n, byte('d'), n, byte('e'), n)},
			"tree":   {tree, plain(byte('a'), 700, byte('c'), n, byte('d'), n, byte('f'), n)},
		} {
			if x.got.Root() != x.want.Root() {
				t.Errorf("%d appended: %s has another root", n, name)
			}
			for i := range x.want.Size() {
				p, err := x.got.ProveInclusion(i, x.want.Size())
				if q, _ := x.want.ProveInclusion(i, x.want.Size()); err != nil || !slices.Equal(p, q) {
					t.Fatalf("%d appended: %s: leaf %d: %v", n, name, i, err)
				}
			}
		}
	}
}

func TestDirtyIsWhatChangedSinceTheLastCommit(t *testing.T) {
	tree, tiles, o := newTree(t, 300)
	if d := tree.Dirty(); len(d) != 0 {
		t.Fatalf("%d dirty tiles after a commit", len(d))
	}
	grow(t, 301, tree, &o)
	var got []string
	for _, d := range tree.Dirty() {
		got = append(got, TilePath(d.Level, d.N, d.Width()))
	}
	if want := []string{"tile/0/001.p/45"}; !slices.Equal(got, want) {
		t.Errorf("got %v want %v", got, want)
	}
	grow(t, 513, tree, &o)
	got = nil
	for _, d := range tree.Dirty() {
		got = append(got, TilePath(d.Level, d.N, d.Width()))
	}
	if want := []string{"tile/0/001", "tile/0/002.p/1", "tile/1/000.p/2"}; !slices.Equal(got, want) {
		t.Errorf("got %v want %v", got, want)
	}
	tiles.commit(tree)
	again, err := OpenTree(513, tiles)
	if err != nil || again.Root() != tree.Root() {
		t.Fatalf("reopened: %v", err)
	}
}

func TestATreeWithoutAStoreKeepsItsTiles(t *testing.T) {
	tree, err := OpenTree(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	var o oracle
	grow(t, 700, tree, &o)
	tree.Flushed()
	agree(t, tree, o, 3, 300, 700)
	if _, err := OpenTree(5, nil); !errs.HasCode(err, "journal.tile.read") {
		t.Errorf("five leaves and no store: %v", err)
	}
	if _, err := OpenTree(-1, nil); !errs.HasCode(err, "journal.size") {
		t.Errorf("negative size: %v", err)
	}
}

// A damaged disk gives an error, never a proof.
func TestADamagedTileIsRefused(t *testing.T) {
	const size = 3*256 + 9
	tree, tiles, _ := newTree(t, size)
	root := tree.Root()
	open := func(m memTiles) *Tree {
		tr, err := OpenTree(size, m)
		if err != nil {
			t.Fatal(err)
		}
		return tr
	}
	damaged := func(path string, f func([]byte) []byte) memTiles {
		m := memTiles{}
		for k, v := range tiles {
			m[k] = v
		}
		if b := f(bytes.Clone(m[path])); b == nil {
			delete(m, path)
		} else {
			m[path] = b
		}
		return m
	}
	flip := func(at int) func([]byte) []byte { return func(b []byte) []byte { b[at] ^= 1; return b } }
	for _, at := range []int{0, 31, 4096, tileSize - 1} {
		if _, err := open(damaged("tile/0/001", flip(at))).ProveInclusion(300, size); !errs.HasCode(err, "journal.tile.corrupt") {
			t.Errorf("byte %d flipped: %v", at, err)
		}
	}
	if _, err := open(damaged("tile/0/001", func(b []byte) []byte { return b[:tileSize-32] })).ProveConsistency(300, size); !errs.HasCode(err, "journal.tile.corrupt") {
		t.Errorf("short tile: %v", err)
	}
	if _, err := open(damaged("tile/0/001", func([]byte) []byte { return nil })).RootAt(300); !errs.HasCode(err, "test.tile") {
		t.Errorf("missing tile: %v", err)
	}
	for name, f := range map[string]func([]byte) []byte{
		"short": func(b []byte) []byte { return b[:32] }, "ragged": func(b []byte) []byte { return append(b, 0) },
		"long": func(b []byte) []byte { return make([]byte, tileSize+32) },
	} {
		if _, err := OpenTree(size, damaged("tile/0/003", f)); !errs.HasCode(err, "journal.tile.corrupt") {
			t.Errorf("%s edge tile: %v", name, err)
		}
	}
	if open(damaged("tile/1/000", flip(0))).Root() == root {
		t.Error("the edge was altered and the root is the same")
	}
	if got := open(damaged("tile/0/003", func(b []byte) []byte { return append(b, b[:64]...) })).Root(); got != root {
		t.Error("a wider stored tile must be cut to the size opened")
	}
}

func TestAppendAndLeafHashDoNotAllocate(t *testing.T) {
	tree, _ := OpenTree(0, nil)
	entry := make([]byte, 1024)
	if n := testing.AllocsPerRun(2000, func() { tree.Append(LeafHash(entry)) }); n != 0 {
		t.Errorf("%v allocations an append", n)
	}
	if n := testing.AllocsPerRun(100, func() { _ = tree.Root() }); n != 0 {
		t.Errorf("%v allocations a root", n)
	}
	if a, b := LeafHash(entry), LeafHash(make([]byte, 1025)); a == b || a != Hash(tlog.RecordHash(entry)) || b != Hash(tlog.RecordHash(make([]byte, 1025))) {
		t.Error("leaf hash is not RFC 6962's")
	}
}
