package journal

import (
	"fmt"
	"math/bits"

	"entente/errs"
)

// levels is how many tile levels a tree of fewer than 2^63 leaves can have.
const levels = 8

// TileReader returns the stored tile n of a level: the concatenated hashes of the nodes 256n, 256n+1, ... at height
// 8·level, as many as exist, at most 256. The Tree does not change what it is given.
type TileReader interface {
	ReadTile(level int, n int64) ([]byte, error)
}

// Tree is a journal's Merkle tree: it appends in memory and proves over stored tiles. It keeps the right edge (one
// partial tile per level, at most 8 KiB each) and the roots of the complete subtrees, so that an append costs one or
// two hashes and no allocation except a new tile every 256 leaves, and the root costs at most one hash per level.
//
// A Tree is not safe for concurrent use. A tree that is never flushed keeps all its tiles and needs no reader.
type Tree struct {
	size    int64
	flushed int64               // size when Flushed was last called
	peaks   [63]Hash            // peaks[k]: root of the complete subtree of 2^k leaves, for each bit k set in size
	edge    [levels][]byte      // the partial tile of each level; bytes below its length never change
	full    []Tile              // completed since Flushed, in order
	cache   [levels]*cachedTile // last full tile looked into, per level
	tiles   TileReader
}

// Tile is a stored run of hashes: Level and N as in [TileReader]. Its bytes never change; a wider tile replaces it.
type Tile struct {
	Level  int
	N      int64
	Hashes []byte
}

// Width returns the number of hashes in t, 1 to 256.
func (t Tile) Width() int { return len(t.Hashes) / hashSize }

// cachedTile holds every node of a full tile as a heap: nodes[1] is its root, nodes[256+i] its hash i.
type cachedTile struct {
	n     int64
	nodes [2 * TileWidth]Hash
}

type noTiles struct{}

func (noTiles) ReadTile(level int, n int64) ([]byte, error) {
	return nil, &errs.Error{Kind: errs.NotFound, Code: "journal.tile.missing", Op: "journal.tile", Subject: TilePath(level, n, TileWidth),
		Reason: "this tree has no stored tiles"}
}

// OpenTree returns the tree of the first size leaves, reading its right edge from r; r may be nil when size is 0. It
// reads at most one tile per level. The caller compares Root with a checkpoint it trusts: until then the edge is what
// the disk says. Codes: journal.tile.read, journal.tile.corrupt, journal.size.
func OpenTree(size int64, r TileReader) (*Tree, error) {
	if size < 0 {
		return nil, invalid("journal.size", "journal.open-tree", "a size is not negative")
	}
	if r == nil {
		r = noTiles{}
	}
	t := &Tree{size: size, flushed: size, tiles: r}
	for l := range levels {
		w := int(size >> (8 * l) & (TileWidth - 1))
		if w == 0 {
			continue
		}
		b, err := t.read(l, size>>(8*l)>>8, w)
		if err != nil {
			return nil, err
		}
		t.edge[l] = append(make([]byte, 0, tileSize), b...)
		for at, k := 0, 7; k >= 0; k-- {
			if w>>k&1 == 1 {
				t.peaks[8*l+k] = foldHashes(b[at*hashSize : (at+1<<k)*hashSize])
				at += 1 << k
			}
		}
	}
	return t, nil
}

// Size returns the number of leaves.
func (t *Tree) Size() int64 { return t.size }

// Append adds a leaf and returns its index. It cannot fail and does not touch stored tiles.
func (t *Tree) Append(h Hash) int64 {
	index := t.size
	for k := 0; ; k++ {
		if k%8 == 0 {
			t.push(k/8, h)
		}
		if index>>k&1 == 0 {
			t.peaks[k] = h
			break
		}
		h = nodeHash(t.peaks[k], h)
	}
	t.size++
	return index
}

// push adds a hash to the edge tile of a level. Clones share the bytes before their length and own none after it, so
// writing in place is safe exactly while there is capacity.
func (t *Tree) push(level int, h Hash) {
	e := t.edge[level]
	if cap(e)-len(e) < hashSize {
		e = append(make([]byte, 0, tileSize), e...)
	}
	e = append(e, h[:]...)
	if len(e) == tileSize {
		t.full = append(t.full, Tile{Level: level, N: t.size >> (8 * (level + 1)), Hashes: e})
		e = nil
	}
	t.edge[level] = e
}

// Root returns the root of the whole tree; [EmptyRoot] when there are no leaves.
func (t *Tree) Root() Hash {
	if t.size == 0 {
		return EmptyRoot()
	}
	k := bits.TrailingZeros64(uint64(t.size))
	root := t.peaks[k]
	for k++; t.size>>k != 0; k++ {
		if t.size>>k&1 == 1 {
			root = nodeHash(t.peaks[k], root)
		}
	}
	return root
}

// Dirty returns the tiles that changed since Flushed (or OpenTree), in an order in which storing them never leaves a
// gap. Store them in the transaction that stores the leaves.
func (t *Tree) Dirty() []Tile {
	dirty := append(make([]Tile, 0, len(t.full)+levels), t.full...)
	for l, e := range t.edge {
		if len(e) > 0 && t.size>>(8*l) != t.flushed>>(8*l) {
			dirty = append(dirty, Tile{Level: l, N: t.size >> (8 * l) >> 8, Hashes: e[:len(e):len(e)]})
		}
	}
	return dirty
}

// Flushed tells the tree that the tiles Dirty returned are committed. Call it after the commit, never before: if the
// process dies in between, OpenTree starts from what was committed.
func (t *Tree) Flushed() {
	if _, memory := t.tiles.(noTiles); !memory {
		t.full, t.flushed = nil, t.size
	}
}

// Clone returns a savepoint: about 2.5 KiB copied, the tiles shared. Keep appending to t; when the act is refused,
// t.Restore(savepoint) forgets what was appended since.
func (t *Tree) Clone() *Tree {
	c := *t
	for l, e := range c.edge {
		c.edge[l] = e[:len(e):len(e)]
	}
	c.full = t.full[:len(t.full):len(t.full)]
	return &c
}

// Restore makes t the tree that savepoint holds. The savepoint may be used again.
func (t *Tree) Restore(savepoint *Tree) { *t = *savepoint.Clone() }

// read returns the first width hashes of a stored tile.
func (t *Tree) read(level int, n int64, width int) ([]byte, error) {
	b, err := t.tiles.ReadTile(level, n)
	if err != nil {
		return nil, &errs.Error{Kind: errs.KindOf(err), Code: "journal.tile.read", Op: "journal.tile", Subject: TilePath(level, n, width), Err: err}
	}
	if len(b)%hashSize != 0 || len(b) < width*hashSize || len(b) > tileSize {
		return nil, integrity("journal.tile.corrupt", "journal.tile", TilePath(level, n, width),
			fmt.Sprintf("%d bytes where %d hashes are needed", len(b), width))
	}
	return b[:width*hashSize], nil
}

// node returns the root of the complete subtree of 2^height leaves that starts at leaf i·2^height.
func (t *Tree) node(height int, i int64) (Hash, error) {
	if t.size>>height&1 == 1 && i == t.size>>height-1 {
		return t.peaks[height], nil
	}
	level, r := height/8, height%8
	first := i << r // index of its first hash among the hashes of the tile level
	n, at := first>>8, int(first&(TileWidth-1))
	if n == t.size>>(8*level)>>8 {
		return foldHashes(t.edge[level][at*hashSize : (at+1<<r)*hashSize]), nil
	}
	c, err := t.fullTile(level, n)
	if err != nil {
		return Hash{}, err
	}
	return c.nodes[TileWidth>>r+at>>r], nil
}

// fullTile returns a complete tile, read once and checked against the level above it, and so, level by level, against
// the edge from which Root is computed: a damaged or altered tile never becomes a proof.
func (t *Tree) fullTile(level int, n int64) (*cachedTile, error) {
	if c := t.cache[level]; c != nil && c.n == n {
		return c, nil
	}
	var b []byte
	for i := len(t.full) - 1; i >= 0 && b == nil; i-- {
		if t.full[i].Level == level && t.full[i].N == n {
			b = t.full[i].Hashes
		}
	}
	if b == nil {
		var err error
		if b, err = t.read(level, n, TileWidth); err != nil {
			return nil, err
		}
	}
	c := &cachedTile{n: n}
	for i := range TileWidth {
		c.nodes[TileWidth+i] = Hash(b[i*hashSize:])
	}
	for i := TileWidth - 1; i > 0; i-- {
		c.nodes[i] = nodeHash(c.nodes[2*i], c.nodes[2*i+1])
	}
	want, err := t.node(8*(level+1), n)
	if err != nil {
		return nil, err
	}
	if c.nodes[1] != want {
		return nil, integrity("journal.tile.corrupt", "journal.tile", TilePath(level, n, TileWidth), "does not hash to its place in the tree")
	}
	t.cache[level] = c
	return c, nil
}

// foldHashes returns the root over a power of two of concatenated hashes.
func foldHashes(b []byte) Hash {
	if len(b) == hashSize {
		return Hash(b)
	}
	half := len(b) / 2
	return nodeHash(foldHashes(b[:half]), foldHashes(b[half:]))
}
