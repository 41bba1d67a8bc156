package exchange

import (
	"slices"
	"sort"
)

// Ranges is a set of indices: half-open [from, to), sorted, neither empty nor touching. The zero value is the empty
// set. Exported methods never change their receiver.
type Ranges [][2]uint64

// Valid reports whether r has the one spelling of its set.
func (r Ranges) Valid() bool {
	for i, x := range r {
		if x[0] >= x[1] || i > 0 && r[i-1][1] >= x[0] {
			return false
		}
	}
	return true
}

// Contains reports whether i is in r.
func (r Ranges) Contains(i uint64) bool {
	n := sort.Search(len(r), func(k int) bool { return r[k][1] > i })
	return n < len(r) && r[n][0] <= i
}

// Add returns r with [from, to) in it.
func (r Ranges) Add(from, to uint64) Ranges {
	if from >= to {
		return r
	}
	first := sort.Search(len(r), func(k int) bool { return r[k][1] >= from })
	last := first
	for last < len(r) && r[last][0] <= to {
		from, to = min(from, r[last][0]), max(to, r[last][1])
		last++
	}
	out := make(Ranges, 0, len(r)+1)
	return append(append(append(out, r[:first]...), [2]uint64{from, to}), r[last:]...)
}

// push adds i to ranges that nobody else holds, in place if it follows the last.
func (r *Ranges) push(i uint64) {
	if n := len(*r); n > 0 && (*r)[n-1][1] == i {
		(*r)[n-1][1]++
	} else {
		*r = r.Add(i, i+1)
	}
}

// Union returns what is in r or in s.
func (r Ranges) Union(s Ranges) Ranges {
	for _, x := range s {
		r = r.Add(x[0], x[1])
	}
	return r
}

// Covers reports whether everything in s is in r.
func (r Ranges) Covers(s Ranges) bool {
	for _, x := range s {
		if n := sort.Search(len(r), func(k int) bool { return r[k][1] > x[0] }); n == len(r) || r[n][0] > x[0] || r[n][1] < x[1] {
			return false
		}
	}
	return true
}

// Gaps returns what of [from, to) is not in r.
func (r Ranges) Gaps(from, to uint64) (gaps Ranges) {
	for _, x := range r {
		if x[0] >= to {
			break
		}
		if from < x[0] {
			gaps = append(gaps, [2]uint64{from, x[0]})
		}
		from = max(from, x[1])
	}
	if from < to {
		gaps = append(gaps, [2]uint64{from, to})
	}
	return gaps
}

// Count returns how many indices are in r.
func (r Ranges) Count() (n uint64) {
	for _, x := range r {
		n += x[1] - x[0]
	}
	return n
}

// first returns the first n ranges of r.
func (r Ranges) first(n int) Ranges { return slices.Clip(r[:min(n, len(r))]) }
