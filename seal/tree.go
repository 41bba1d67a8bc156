package seal

import (
	"crypto/sha512"
	"encoding/binary"
	"hash"
	"runtime"
	"slices"
	"sync"

	"entente/errs"
)

// LeafSize is how many bytes of ciphertext one leaf of a [Tree] covers; the last leaf covers the rest.
const LeafSize = 64 << 10

// Tree commits to a byte string in leaves of 64 KiB, each of which can be checked alone and in any order. It has the
// shape of RFC 6962 section 2.1 with SHA-384 and these hashes, where ‖ joins and numbers are 8 bytes, big endian:
//
//	leaf i = SHA-384(0x00 ‖ i ‖ bytes)
//	node   = SHA-384(0x01 ‖ left ‖ right)
//	root   = SHA-384("entente/object/1\x00" ‖ size ‖ number of leaves ‖ head)
//
// so the root also binds every index, the count and the length of the last leaf. The zero value is not usable; see
// NewTree. A Tree is for one goroutine, and hashes large writes on every core.
type Tree struct {
	leaves  [][48]byte
	size    int64
	partial *leafHasher // the leaf being filled, if size%LeafSize != 0
	closed  bool
	levels  [][][48]byte // levels[0] is all leaves; nil after a write
}

// NewTree returns the tree of no bytes.
func NewTree() *Tree { return &Tree{partial: newLeafHasher()} }

// NewTreeFromLeaves returns the tree whose leaf hashes were kept from an earlier one ([Tree.LeafHashes]). Nothing can be
// written to it. Compare its Root before use. Errors have code seal.tree.shape.
func NewTreeFromLeaves(size int64, leaves [][48]byte) (*Tree, error) {
	if size < 0 || uint64(len(leaves)) != leafCount(size) {
		return nil, fail(errs.Invalid, "seal.tree.shape", "seal.tree", "tree", "leaves and size do not agree")
	}
	return &Tree{leaves: leaves, size: size, closed: true, levels: levelsOf(leaves)}, nil
}

func leafCount(size int64) uint64 {
	n := uint64(size) / LeafSize
	if size%LeafSize != 0 {
		n++
	}
	return n
}

// leafHasher hashes leaves one after another without allocating.
type leafHasher struct {
	hash.Hash
	head [9]byte
	sum  [48]byte
}

func newLeafHasher() *leafHasher { return &leafHasher{Hash: sha512.New384()} }

// start begins leaf i; its bytes are then written.
func (l *leafHasher) start(i uint64) {
	binary.BigEndian.PutUint64(l.head[1:], i)
	l.Reset()
	l.Write(l.head[:])
}

// done returns the hash of the leaf as far as it was written.
func (l *leafHasher) done() [48]byte {
	l.Sum(l.sum[:0])
	return l.sum
}

func (l *leafHasher) leaf(i uint64, b []byte) [48]byte {
	l.start(i)
	l.Write(b)
	return l.done()
}

func nodeHash(l, r *[48]byte) [48]byte {
	var b [1 + 2*48]byte
	b[0] = 1
	copy(b[1:], l[:])
	copy(b[49:], r[:])
	return sha512.Sum384(b[:])
}

func rootHash(size int64, leaves uint64, head [48]byte) [48]byte {
	b := binary.BigEndian.AppendUint64([]byte("entente/object/1\x00"), uint64(size))
	b = binary.BigEndian.AppendUint64(b, leaves)
	return sha512.Sum384(append(b, head[:]...))
}

// Write adds p. It fails only on a tree made from leaves, with code seal.tree.closed.
func (t *Tree) Write(p []byte) (int, error) {
	if t.closed {
		return 0, fail(errs.Internal, "seal.tree.closed", "seal.tree", "tree", "made from leaves, so nothing can follow")
	}
	n := len(p)
	t.levels = nil
	if fill := int(t.size % LeafSize); fill != 0 {
		part := p[:min(len(p), LeafSize-fill)]
		t.partial.Write(part)
		t.size += int64(len(part))
		p = p[len(part):]
		if t.size%LeafSize == 0 {
			t.leaves = append(t.leaves, t.partial.done())
		}
	}
	if whole := len(p) / LeafSize; whole > 0 {
		t.hashLeaves(p[:whole*LeafSize], whole)
		p = p[whole*LeafSize:]
	}
	if len(p) > 0 {
		t.partial.start(uint64(len(t.leaves)))
		t.partial.Write(p)
		t.size += int64(len(p))
	}
	return n, nil
}

// hashLeaves hashes n whole leaves, on as many cores as help.
func (t *Tree) hashLeaves(p []byte, n int) {
	first := len(t.leaves)
	t.leaves = append(t.leaves, make([][48]byte, n)...)
	out := t.leaves[first:]
	t.size += int64(len(p))
	inParallel(n, 4, func() func(i int) {
		h := newLeafHasher()
		return func(i int) { out[i] = h.leaf(uint64(first+i), p[i*LeafSize:(i+1)*LeafSize]) }
	})
}

// inParallel calls a worker's function for every i below n, in runs of at least grain on as many goroutines as there
// are cores, and returns when all are done. Worker makes what one goroutine keeps to itself.
func inParallel(n, grain int, worker func() func(i int)) {
	per := max(grain, (n+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for start := 0; start < n; start += per {
		run := func() {
			do := worker()
			for i := start; i < min(start+per, n); i++ {
				do(i)
			}
		}
		if start+per >= n { // the last run needs no goroutine of its own
			run()
		} else {
			wg.Go(run)
		}
	}
	wg.Wait()
}

// Size returns how many bytes were written.
func (t *Tree) Size() int64 { return t.size }

// Leaves returns the number of leaves, the last of them perhaps short.
func (t *Tree) Leaves() uint64 { return leafCount(t.size) }

// LeafHashes returns all leaf hashes, 48 bytes for each 64 KiB: enough to check any part again later.
func (t *Tree) LeafHashes() [][48]byte { return slices.Clone(t.all()[0]) }

// Root returns the commitment to everything written so far.
func (t *Tree) Root() [48]byte {
	levels := t.all()
	top := levels[len(levels)-1]
	if len(top) == 0 {
		return rootHash(0, 0, sha512.Sum384(nil))
	}
	return rootHash(t.size, t.Leaves(), top[0])
}

// Proof returns the sibling hashes that prove leaf i to VerifyLeaf, lowest first. Errors have code seal.tree.index.
func (t *Tree) Proof(i uint64) ([][48]byte, error) {
	if i >= t.Leaves() {
		return nil, fail(errs.NotFound, "seal.tree.index", "seal.tree", "leaf", "beyond the last leaf")
	}
	var proof [][48]byte
	for _, level := range t.all() {
		if s := i ^ 1; s < uint64(len(level)) {
			proof = append(proof, level[s])
		}
		i >>= 1
	}
	return proof, nil
}

func (t *Tree) all() [][][48]byte {
	if t.levels == nil {
		leaves := t.leaves
		if t.size%LeafSize != 0 {
			leaves = append(slices.Clip(leaves), t.partial.done())
		}
		t.levels = levelsOf(leaves)
	}
	return t.levels
}

// levelsOf pairs hashes upwards; an odd last one rises unchanged, which gives the tree of RFC 6962.
func levelsOf(level [][48]byte) [][][48]byte {
	levels := [][][48]byte{level}
	for len(level) > 1 {
		up := make([][48]byte, 0, (len(level)+1)/2)
		for i := 0; i+1 < len(level); i += 2 {
			up = append(up, nodeHash(&level[i], &level[i+1]))
		}
		if len(level)%2 == 1 {
			up = append(up, level[len(level)-1])
		}
		level = up
		levels = append(levels, level)
	}
	return levels
}

// VerifyLeaf checks that leaf is leaf i of the byte string of size bytes, in the given number of leaves, that root
// commits to. It needs no other leaf. Errors have kind Integrity and code
// seal.tree.{shape,index,length,proof}.
func VerifyLeaf(root [48]byte, leaves uint64, size int64, i uint64, leaf []byte, proof [][48]byte) error {
	bad := func(part errs.Code, reason string) error {
		return fail(errs.Integrity, "seal.tree."+part, "seal.tree", "leaf", reason)
	}
	if size <= 0 || leaves != leafCount(size) {
		return bad("shape", "leaves and size do not agree")
	}
	if i >= leaves {
		return bad("index", "beyond the last leaf")
	}
	want := int64(LeafSize)
	if i == leaves-1 {
		want = size - int64(i)*LeafSize
	}
	if int64(len(leaf)) != want {
		return bad("length", "not the length of this leaf")
	}
	head := newLeafHasher().leaf(i, leaf)
	for n := leaves; n > 1; n = (n + 1) / 2 {
		if i^1 < n {
			if len(proof) == 0 {
				return bad("proof", "the proof is too short")
			}
			if i&1 == 0 {
				head = nodeHash(&head, &proof[0])
			} else {
				head = nodeHash(&proof[0], &head)
			}
			proof = proof[1:]
		}
		i >>= 1
	}
	if len(proof) != 0 {
		return bad("proof", "the proof is too long")
	}
	if rootHash(size, leaves, head) != root {
		return bad("proof", "these bytes are not what the root commits to")
	}
	return nil
}
