package journal

import (
	"testing"

	"entente/seal"
)

func benchTree(b *testing.B, n int64) *Tree {
	tiles := memTiles{}
	tree, _ := OpenTree(0, tiles)
	for i := range n {
		tree.Append(Hash{byte(i), byte(i >> 8), byte(i >> 16)})
	}
	tiles.commit(tree)
	return tree
}

func BenchmarkAppend(b *testing.B) {
	tree, _ := OpenTree(0, memTiles{})
	entry := make([]byte, 200)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%256 == 0 {
			tree.Flushed()
		}
		tree.Append(LeafHash(entry))
	}
}

func BenchmarkCloneAndRestore(b *testing.B) {
	tree := benchTree(b, 1<<16+77)
	b.ReportAllocs()
	for b.Loop() {
		s := tree.Clone()
		tree.Append(Hash{})
		tree.Restore(s)
	}
}

func BenchmarkSavepoint(b *testing.B) { // an act that is not refused
	tree := benchTree(b, 77)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%256 == 0 {
			tree.Flushed()
		}
		_ = tree.Clone()
		tree.Append(Hash{})
	}
}

func BenchmarkRoot(b *testing.B) {
	tree := benchTree(b, 1<<16-1)
	for b.Loop() {
		tree.Root()
	}
}

func BenchmarkProveInclusion(b *testing.B) {
	const size = 1<<18 + 12345
	tree := benchTree(b, size)
	b.Run("neighbours", func(b *testing.B) {
		for i := int64(0); b.Loop(); i++ {
			tree.ProveInclusion(i%size, size)
		}
	})
	b.Run("anywhere", func(b *testing.B) {
		for i := int64(0); b.Loop(); i += 7919 {
			tree.ProveInclusion(i%size, size)
		}
	})
}

func BenchmarkProveConsistency(b *testing.B) {
	const size = 1<<18 + 12345
	tree := benchTree(b, size)
	for b.Loop() {
		tree.ProveConsistency(size-100, size)
	}
}

func BenchmarkVerifyInclusion(b *testing.B) {
	tree := benchTree(b, 1<<16+77)
	path, _ := tree.ProveInclusion(5, tree.Size())
	root := tree.Root()
	b.ReportAllocs()
	for b.Loop() {
		VerifyInclusion(Hash{5}, 5, tree.Size(), root, path)
	}
}

// Signing and opening a checkpoint with both lines, and the share of Ed25519 alone.
func BenchmarkNote(b *testing.B) {
	k, c := testKey(1), testCheckpoint()
	n := signed(b, k, c)
	text, l, _ := splitNote(n, 2)
	w := testKey(3)
	lines := mustCosign(b, w, c, n)
	for name, f := range map[string]func(){
		"sign":              func() { Sign(k, seal.Hybrid, c) },
		"sign/ed25519-only": func() { k.SignNoteEd25519(text) },
		"open":              func() { Open(n, c.Origin, k.Public(), seal.Hybrid) },
		"open/ed25519-only": func() { k.Public().VerifyNoteEd25519(text, l[0].sig) },
		"cosign":            func() { mustCosign(b, w, c, n) },
		"open-cosignature":  func() { OpenCosignature(lines, WitnessName("JPN/mod/node-1"), w.Public(), seal.Hybrid, c) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}
