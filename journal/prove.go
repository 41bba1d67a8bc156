package journal

import (
	"fmt"
	"math/bits"
)

// RootAt returns the root of the first n leaves. Codes: journal.size, journal.tile.*.
func (t *Tree) RootAt(n int64) (Hash, error) {
	switch {
	case n < 0 || n > t.size:
		return Hash{}, t.outside("journal.root", n)
	case n == 0:
		return EmptyRoot(), nil
	case n == t.size:
		return t.Root(), nil
	}
	return t.rangeRoot(0, n)
}

// ProveInclusion proves that leaf i is in the tree of the first n leaves (RFC 6962 section 2.1.1): the siblings from
// the leaf upwards. Codes: journal.size, journal.tile.*.
func (t *Tree) ProveInclusion(i, n int64) ([]Hash, error) {
	if i < 0 || i >= n || n > t.size {
		return nil, t.outside("journal.prove-inclusion", i)
	}
	path := make([]Hash, 0, bits.Len64(uint64(n-1)))
	return t.inclusion(path, i, 0, n)
}

func (t *Tree) inclusion(path []Hash, i, lo, hi int64) ([]Hash, error) {
	if hi-lo == 1 {
		return path, nil
	}
	mid := lo + split(hi-lo)
	if i < mid {
		return t.sibling(mid, hi)(t.inclusion(path, i, lo, mid))
	}
	return t.sibling(lo, mid)(t.inclusion(path, i, mid, hi))
}

// ProveConsistency proves that the tree of the first m leaves is a prefix of that of the first n (RFC 6962 section
// 2.1.2). The proof is empty when m is 0 or n. Codes: journal.size, journal.tile.*.
func (t *Tree) ProveConsistency(m, n int64) ([]Hash, error) {
	if m < 0 || m > n || n > t.size {
		return nil, t.outside("journal.prove-consistency", m)
	}
	if m == 0 || m == n {
		return nil, nil
	}
	path := make([]Hash, 0, 1+bits.Len64(uint64(n-1)))
	return t.consistency(path, m, 0, n, true)
}

// consistency is SUBPROOF of RFC 6962 over the leaves lo to hi: whole says that the old tree's root covers the range
// on its own, so that it needs no hash when it is complete.
func (t *Tree) consistency(path []Hash, m, lo, hi int64, whole bool) ([]Hash, error) {
	if m == hi {
		if whole {
			return path, nil
		}
		return t.sibling(lo, hi)(path, nil)
	}
	mid := lo + split(hi-lo)
	if m <= mid {
		return t.sibling(mid, hi)(t.consistency(path, m, lo, mid, whole))
	}
	return t.sibling(lo, mid)(t.consistency(path, m, mid, hi, false))
}

// sibling returns a function that adds the root of the leaves lo to hi to a proof.
func (t *Tree) sibling(lo, hi int64) func([]Hash, error) ([]Hash, error) {
	return func(path []Hash, err error) ([]Hash, error) {
		if err != nil {
			return nil, err
		}
		h, err := t.rangeRoot(lo, hi)
		if err != nil {
			return nil, err
		}
		return append(path, h), nil
	}
}

// rangeRoot returns MTH(D[lo:hi]) for a range that the recursion of RFC 6962 visits: lo is a multiple of the smallest
// power of two that is at least hi-lo.
func (t *Tree) rangeRoot(lo, hi int64) (Hash, error) {
	if n := hi - lo; n&(n-1) == 0 {
		k := bits.TrailingZeros64(uint64(n))
		return t.node(k, lo>>k)
	}
	mid := lo + split(hi-lo)
	left, err := t.rangeRoot(lo, mid)
	if err != nil {
		return Hash{}, err
	}
	right, err := t.rangeRoot(mid, hi)
	return nodeHash(left, right), err
}

// split returns the largest power of two smaller than n, for n > 1.
func split(n int64) int64 { return 1 << (bits.Len64(uint64(n-1)) - 1) }

func (t *Tree) outside(op string, at int64) error {
	return invalid("journal.size", op, fmt.Sprintf("%d is outside the range asked of a journal of %d leaves", at, t.size))
}

// VerifyInclusion checks that leaf i, of hash leaf, is in the tree of n leaves with the given root (RFC 9162 section
// 2.1.3.2). Code journal.proof.inclusion.
func VerifyInclusion(leaf Hash, i, n int64, root Hash, proof []Hash) error {
	fail := func(reason string) error {
		return integrity("journal.proof.inclusion", "journal.verify-inclusion", "", reason)
	}
	if i < 0 || i >= n {
		return fail("the index is not in the tree")
	}
	fn, sn, r := i, n-1, leaf
	for _, p := range proof {
		if sn == 0 {
			return fail("the proof has too many hashes")
		}
		if fn&1 == 1 || fn == sn {
			r = nodeHash(p, r)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			r = nodeHash(r, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 || r != root {
		return fail("the proof does not lead to the root")
	}
	return nil
}

// VerifyConsistency checks that the tree of m leaves with root rootM is a prefix of the tree of n leaves with root
// rootN (RFC 9162 section 2.1.4.2). From m = 0 the proof is empty, rootM is [EmptyRoot] and any rootN follows. Code
// journal.proof.consistency.
func VerifyConsistency(m int64, rootM Hash, n int64, rootN Hash, proof []Hash) error {
	fail := func(reason string) error {
		return integrity("journal.proof.consistency", "journal.verify-consistency", "", reason)
	}
	if m < 0 || m > n {
		return fail("the old size is above the new")
	}
	if m == 0 || m == n {
		if len(proof) != 0 {
			return fail("the proof must be empty")
		}
		if m == 0 && rootM != EmptyRoot() || m == n && rootM != rootN {
			return fail("the roots differ")
		}
		return nil
	}
	fn, sn := m-1, n-1
	for fn&1 == 1 {
		fn, sn = fn>>1, sn>>1
	}
	fr := rootM
	if m&(m-1) != 0 { // else the old root is itself the first node
		if len(proof) == 0 {
			return fail("the proof has too few hashes")
		}
		fr, proof = proof[0], proof[1:]
	}
	sr := fr
	for _, p := range proof {
		if sn == 0 {
			return fail("the proof has too many hashes")
		}
		if fn&1 == 1 || fn == sn {
			fr, sr = nodeHash(p, fr), nodeHash(p, sr)
			for fn&1 == 0 && fn != 0 {
				fn, sn = fn>>1, sn>>1
			}
		} else {
			sr = nodeHash(sr, p)
		}
		fn, sn = fn>>1, sn>>1
	}
	if sn != 0 || fr != rootM || sr != rootN {
		return fail("the proof does not lead to both roots")
	}
	return nil
}
