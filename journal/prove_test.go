package journal

import (
	"slices"
	"testing"

	"entente/errs"

	"pgregory.net/rapid"
)

func TestEverySmallTreeAgreesWithAnIndependentOne(t *testing.T) {
	tree, _, o := newTree(t, 40)
	for n := range int64(41) {
		for m := range n + 1 {
			agree(t, tree, o, m, m, n)
		}
	}
}

func TestAnySizeAgreesWithAnIndependentTree(t *testing.T) {
	const size = 256*256 + 256 + 77
	tree, _, o := newTree(t, size)
	edges := []int64{0, 1, 255, 256, 257, 511, 512, 65535, 65536, 65537, 65792, size - 1, size}
	for _, n := range edges {
		for _, m := range edges {
			agree(t, tree, o, min(m, max(n-1, 0)), m, n)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.Int64Range(0, size).Draw(rt, "n")
		m := rapid.Int64Range(0, n).Draw(rt, "m")
		i := rapid.Int64Range(0, max(0, n-1)).Draw(rt, "i")
		agree(rt, tree, o, i, m, n)
	})
	if _, err := tree.RootAt(size + 1); !errs.HasCode(err, "journal.size") {
		t.Errorf("root above the size: %v", err)
	}
	for _, bad := range [][2]int64{{-1, 5}, {5, 5}, {0, size + 1}, {0, 0}} {
		if _, err := tree.ProveInclusion(bad[0], bad[1]); !errs.HasCode(err, "journal.size") {
			t.Errorf("inclusion of %v: %v", bad, err)
		}
	}
	for _, bad := range [][2]int64{{-1, 5}, {6, 5}, {0, size + 1}} {
		if _, err := tree.ProveConsistency(bad[0], bad[1]); !errs.HasCode(err, "journal.size") {
			t.Errorf("consistency of %v: %v", bad, err)
		}
	}
}

func TestAProofIsGoodForOneClaimOnly(t *testing.T) {
	const size = 600
	tree, _, _ := newTree(t, size)
	root := tree.Root()
	p, _ := tree.ProveInclusion(0, size)
	if inner := nodeHash(LeafHash(leaf(0)), LeafHash(leaf(1))); VerifyInclusion(inner, 0, size, root, p[1:]) == nil {
		t.Error("an inner node passes for a leaf")
	}
	rapid.Check(t, func(rt *rapid.T) {
		i := rapid.Int64Range(0, size-1).Draw(rt, "i")
		m := rapid.Int64Range(1, size-1).Draw(rt, "m")
		bit := rapid.IntRange(0, 255).Draw(rt, "bit")
		flip := func(h Hash) Hash { h[bit/8] ^= 1 << (bit % 8); return h }
		in, _ := tree.ProveInclusion(i, size)
		con, _ := tree.ProveConsistency(m, size)
		rootM, _ := tree.RootAt(m)
		h := LeafHash(leaf(i))
		at := rapid.IntRange(0, len(in)-1).Draw(rt, "at")
		at2 := rapid.IntRange(0, len(con)-1).Draw(rt, "at2")
		altered := func(p []Hash, at int) []Hash { q := slices.Clone(p); q[at] = flip(q[at]); return q }
		other := (i + 1 + rapid.Int64Range(0, size-2).Draw(rt, "other")) % size
		for name, err := range map[string]error{
			"leaf":           VerifyInclusion(flip(h), i, size, root, in),
			"root":           VerifyInclusion(h, i, size, flip(root), in),
			"index":          VerifyInclusion(h, other, size, root, in),
			"hash":           VerifyInclusion(h, i, size, root, altered(in, at)),
			"short":          VerifyInclusion(h, i, size, root, in[1:]),
			"long":           VerifyInclusion(h, i, size, root, append(slices.Clone(in), h)),
			"below":          VerifyInclusion(h, -1, size, root, in),
			"above":          VerifyInclusion(h, size, size, root, in),
			"old root":       VerifyConsistency(m, flip(rootM), size, root, con),
			"new root":       VerifyConsistency(m, rootM, size, flip(root), con),
			"old hash":       VerifyConsistency(m, rootM, size, root, altered(con, at2)),
			"old short":      VerifyConsistency(m, rootM, size, root, con[1:]),
			"old none":       VerifyConsistency(m, rootM, size, root, nil),
			"old long":       VerifyConsistency(m, rootM, size, root, append(slices.Clone(con), h)),
			"old above":      VerifyConsistency(size+1, rootM, size, root, con),
			"same, longer":   VerifyConsistency(size, root, size, root, con),
			"same, another":  VerifyConsistency(size, flip(root), size, root, nil),
			"empty, proof":   VerifyConsistency(0, EmptyRoot(), size, root, con),
			"empty, root":    VerifyConsistency(0, flip(EmptyRoot()), size, root, nil),
			"64 hashes":      VerifyConsistency(m, rootM, size, root, make([]Hash, 64)),
			"64 hashes path": VerifyInclusion(h, i, size, root, make([]Hash, 64)),
		} {
			if err == nil {
				rt.Fatalf("%s altered, and the proof still verifies", name)
			}
		}
	})
}
