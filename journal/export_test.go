package journal

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"entente/errs"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// exported reads an export directory held in memory the way x/mod's client does, at paths without its height element.
type exported map[string][]byte

func (e exported) Height() int                     { return 8 }
func (e exported) SaveTiles([]tlog.Tile, [][]byte) {}
func (e exported) ReadTiles(ts []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, tile := range ts {
		b, ok := e[strings.Replace(tile.Path(), "tile/8/", "tile/", 1)]
		if !ok {
			return nil, &errs.Error{Kind: errs.NotFound, Code: "test.tile", Subject: tile.Path()}
		}
		out = append(out, b)
	}
	return out, nil
}

func export(t interface{ Fatal(...any) }, size int64, r TileReader) exported {
	e := exported{}
	for ref := range TilesAt(size) {
		b, err := r.ReadTile(ref.Level, ref.N)
		if err != nil {
			t.Fatal(err)
		}
		e[ref.Path()] = b[:ref.Width*hashSize]
	}
	return e
}

func TestAnExportIsReadByAnIndependentTileClient(t *testing.T) {
	const size = 256*256 + 300
	tree, tiles, _ := newTree(t, size)
	for _, n := range []int64{1, 2, 255, 256, 257, 512, 65536, 65793, size} {
		root, err := tree.RootAt(n)
		if err != nil {
			t.Fatal(err)
		}
		r := tlog.TileHashReader(tlog.Tree{N: n, Hash: tlog.Hash(root)}, export(t, n, tiles))
		for _, i := range []int64{0, n / 2, n - 1} {
			p, err := tlog.ProveRecord(n, i, r) // verifies every tile it reads against the root
			if err != nil {
				t.Fatalf("size %d: %v", n, err)
			}
			if err := VerifyInclusion(LeafHash(leaf(i)), i, n, root, hashes(p)); err != nil {
				t.Fatalf("leaf %d of %d: %v", i, n, err)
			}
		}
	}
}

func TestTilesAtTheSizeOfTheSpecification(t *testing.T) {
	count, partial := map[int]int{}, []string{}
	for r := range TilesAt(70000) { // the example of C2SP tlog-tiles, Partial Tiles
		count[r.Level]++
		if r.Width < TileWidth {
			partial = append(partial, r.Path())
		}
	}
	if count[0] != 274 || count[1] != 2 || count[2] != 1 || len(count) != 3 {
		t.Errorf("tiles per level: %v", count)
	}
	if want := []string{"tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"}; !slices.Equal(partial, want) {
		t.Errorf("got %v want %v", partial, want)
	}
	for range TilesAt(0) {
		t.Error("an empty journal has no tiles")
	}
	for range TilesAt(70000) {
		break
	}
}

func TestPathsAreThoseOfTheSpecification(t *testing.T) {
	for want, got := range map[string]string{
		"tile/0/x001/x234/067":       TilePath(0, 1234067, 256),
		"tile/63/000":                TilePath(63, 0, 256),
		"tile/1/999.p/1":             TilePath(1, 999, 1),
		"tile/0/x001/000.p/255":      TilePath(0, 1000, 255),
		"tile/entries/x001/x234/067": EntryPath(1234067, 256),
		"tile/entries/000.p/7":       EntryPath(0, 7),
	} {
		if got != want {
			t.Errorf("got %s want %s", got, want)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		n, l, w := rapid.Int64Range(0, 1<<55).Draw(rt, "n"), rapid.IntRange(0, 7).Draw(rt, "l"), rapid.IntRange(1, 256).Draw(rt, "w")
		want := strings.Replace(tlog.Tile{H: 8, L: l, N: n, W: w}.Path(), "tile/8/", "tile/", 1)
		if got := TilePath(l, n, w); got != want {
			rt.Fatalf("got %s want %s", got, want)
		}
	})
}

func TestEntryBundles(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 40), 1, 256).Draw(rt, "entries")
		b, err := EncodeEntries(in)
		if err != nil {
			rt.Fatal(err)
		}
		out, err := DecodeEntries(b, len(in))
		if err != nil || !slices.EqualFunc(in, out, bytes.Equal) {
			rt.Fatalf("round trip: %v", err)
		}
		if _, err := DecodeEntries(b, len(in)+1); err == nil {
			rt.Fatal("one entry too many was read")
		}
		if _, err := DecodeEntries(b, len(in)-1); err == nil {
			rt.Fatal("an entry was left over")
		}
	})
	big := make([]byte, MaxEntry)
	if b, err := EncodeEntries([][]byte{big}); err != nil || len(b) != 2+MaxEntry {
		t.Errorf("the largest entry: %v", err)
	}
	for name, in := range map[string][][]byte{"none": {}, "257": make([][]byte, 257), "65536 bytes": {append(big, 0)}} {
		if _, err := EncodeEntries(in); !errs.HasCode(err, "journal.entries") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, b := range map[string][]byte{"empty": {}, "half a length": {0}, "cut": {0, 2, 1}, "trailing": {0, 1, 1, 9}} {
		if _, err := DecodeEntries(b, 1); !errs.HasCode(err, "journal.entries") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, width := range []int{-1, 0, 257} {
		if _, err := DecodeEntries(make([]byte, 2*max(width, 0)), width); !errs.HasCode(err, "journal.entries") {
			t.Errorf("a bundle of %d entries: %v", width, err)
		}
	}
}
