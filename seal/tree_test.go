package seal

import (
	"crypto/sha512"
	"encoding/binary"
	"testing"

	"entente/errs"

	"pgregory.net/rapid"
)

// pattern is n bytes that repeat nowhere near a leaf: byte i is i mod 251, as in the published vectors.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i % 251)
	}
	return b
}

// definition is the tree as RFC 6962 section 2.1 defines it, split top down: written apart from the code under test.
func definition(b []byte, first uint64, leaves [][]byte) [48]byte {
	if len(leaves) == 1 {
		in := binary.BigEndian.AppendUint64([]byte{0}, first)
		return sha512.Sum384(append(in, leaves[0]...))
	}
	k := 1
	for k*2 < len(leaves) {
		k *= 2
	}
	l, r := definition(nil, first, leaves[:k]), definition(nil, first+uint64(k), leaves[k:])
	return sha512.Sum384(append(append([]byte{1}, l[:]...), r[:]...))
}

func split(b []byte) (leaves [][]byte) {
	for len(b) > LeafSize {
		leaves, b = append(leaves, b[:LeafSize]), b[LeafSize:]
	}
	return append(leaves, b)
}

func TestTreeIsItsDefinition(t *testing.T) {
	for _, size := range []int{1, LeafSize - 1, LeafSize, LeafSize + 1, 2 * LeafSize, 3*LeafSize + 7, 7 * LeafSize, 9*LeafSize + 1, 16 * LeafSize} {
		b := pattern(size)
		tree := NewTree()
		tree.Write(b)
		leaves := split(b)
		head := definition(b, 0, leaves)
		in := binary.BigEndian.AppendUint64([]byte("entente/object/1\x00"), uint64(size))
		in = binary.BigEndian.AppendUint64(in, uint64(len(leaves)))
		if want := sha512.Sum384(append(in, head[:]...)); tree.Root() != want || tree.Leaves() != uint64(len(leaves)) {
			t.Errorf("%d bytes: root %x, want %x", size, tree.Root(), want)
		}
	}
}

func TestTreeGrowsAnyhowAndEveryLeafProves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := pattern(rapid.IntRange(1, 20*LeafSize).Draw(t, "size"))
		tree, rest := NewTree(), b
		for len(rest) > 0 {
			n := rapid.IntRange(1, len(rest)).Draw(t, "write")
			tree.Write(rest[:n])
			rest = rest[n:]
			if rapid.Bool().Draw(t, "look") {
				tree.Root()
			}
		}
		whole := NewTree()
		whole.Write(b)
		if tree.Root() != whole.Root() || tree.Size() != int64(len(b)) {
			t.Fatal("the root depends on how the bytes arrived")
		}
		again := must(NewTreeFromLeaves(tree.Size(), tree.LeafHashes()))
		if again.Root() != tree.Root() {
			t.Fatal("kept leaf hashes give another root")
		}
		i := rapid.Uint64Range(0, tree.Leaves()-1).Draw(t, "leaf")
		proof, leaf := must(again.Proof(i)), split(b)[i]
		if err := VerifyLeaf(tree.Root(), tree.Leaves(), tree.Size(), i, leaf, proof); err != nil {
			t.Fatal(err)
		}
		if j := rapid.Uint64Range(0, tree.Leaves()-1).Draw(t, "other"); j != i &&
			VerifyLeaf(tree.Root(), tree.Leaves(), tree.Size(), j, leaf, proof) == nil {
			t.Fatal("a leaf proves at another place")
		}
	})
}

func TestVerifyLeafTampering(t *testing.T) {
	b := pattern(4*LeafSize + 100)
	tree := NewTree()
	tree.Write(b)
	leaves, root, size := split(b), tree.Root(), tree.Size()
	proof := must(tree.Proof(1))
	altered := func(i int) [][48]byte {
		p := append([][48]byte(nil), proof...)
		p[i][0] ^= 1
		return p
	}
	for name, tc := range map[string]struct {
		leaves uint64
		size   int64
		i      uint64
		leaf   []byte
		proof  [][48]byte
		code   errs.Code
	}{
		"nothing":               {5, size, 1, leaves[1], proof, ""},
		"leaf altered":          {5, size, 1, flip(leaves[1], LeafSize-1), proof, "seal.tree.proof"},
		"leaf of another index": {5, size, 1, leaves[2], proof, "seal.tree.proof"},
		"index of another leaf": {5, size, 0, leaves[1], proof, "seal.tree.proof"},
		"index beyond":          {5, size, 5, leaves[1], proof, "seal.tree.index"},
		"leaf short":            {5, size, 1, leaves[1][1:], proof, "seal.tree.length"},
		"leaf long":             {5, size, 1, append([]byte{0}, leaves[1]...), proof, "seal.tree.length"},
		"lowest hash altered":   {5, size, 1, leaves[1], altered(0), "seal.tree.proof"},
		"highest hash altered":  {5, size, 1, leaves[1], altered(2), "seal.tree.proof"},
		"proof short":           {5, size, 1, leaves[1], proof[:2], "seal.tree.proof"},
		"proof long":            {5, size, 1, leaves[1], append(proof[:3:3], root), "seal.tree.proof"},
		"no proof":              {5, size, 1, leaves[1], nil, "seal.tree.proof"},
		"size altered":          {5, size + 1, 1, leaves[1], proof, "seal.tree.proof"},
		"count altered":         {4, size, 1, leaves[1], proof, "seal.tree.shape"},
		"truncated to 4 leaves": {4, 4 * LeafSize, 1, leaves[1], proof, "seal.tree.proof"},
		"extended to 6 leaves":  {6, 6 * LeafSize, 1, leaves[1], proof, "seal.tree.proof"},
		"size negative":         {5, -1, 1, leaves[1], proof, "seal.tree.shape"},
		"nothing at all":        {0, 0, 0, nil, nil, "seal.tree.shape"},
	} {
		t.Run(name, func(t *testing.T) {
			err := VerifyLeaf(root, tc.leaves, tc.size, tc.i, tc.leaf, tc.proof)
			want(t, err, tc.code)
		})
	}
	last := must(tree.Proof(4))
	want(t, VerifyLeaf(root, 5, size, 4, leaves[4], last), "")
	want(t, VerifyLeaf(root, 5, size, 4, append(leaves[4:5:5][0], 0), last), "seal.tree.length")
	want(t, VerifyLeaf([48]byte{}, 5, size, 4, leaves[4], last), "seal.tree.proof")
}

func TestTreeEdges(t *testing.T) {
	empty := NewTree()
	head := sha512.Sum384(nil)
	if empty.Leaves() != 0 || len(empty.LeafHashes()) != 0 ||
		empty.Root() != sha512.Sum384(append(append([]byte("entente/object/1\x00"), make([]byte, 16)...), head[:]...)) {
		t.Error("the empty tree is wrong")
	}
	_, err := empty.Proof(0)
	want(t, err, "seal.tree.index")
	_, err = NewTreeFromLeaves(LeafSize+1, make([][48]byte, 1))
	want(t, err, "seal.tree.shape")
	_, err = NewTreeFromLeaves(-1, nil)
	want(t, err, "seal.tree.shape")
	_, err = must(NewTreeFromLeaves(5, make([][48]byte, 1))).Write([]byte("x"))
	want(t, err, "seal.tree.closed")
}
