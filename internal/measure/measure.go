// Package measure times what a node does and what its machine can do, so that a figure never stands alone: beside every
// rate of Entente stand, from the same run, the rates of the disk, of the primitives and of a named peer. On a shared or
// throttled machine the ratios still mean something when the figures do not.
//
// # Use
//
// [Time] measures a function, [Each] a function whose every call matters, [Calibrate] the machine. [Usage] and
// [Meter] read what a running process has used. Nothing here is part of a node; only the command line's bench uses it.
package measure

import (
	"cmp"
	"runtime"
	"slices"
	"time"
)

// Row is one figure. What does not apply is left out.
type Row struct {
	Name        string   `json:"name"`
	NsPerOp     float64  `json:"ns_per_op,omitempty"` // median of the samples
	BestNs      float64  `json:"best_ns,omitempty"`   // fastest sample
	RatePerS    float64  `json:"rate_per_s,omitempty"`
	GBPerS      float64  `json:"gb_per_s,omitempty"` // 10⁹ bytes a second
	P50Ms       float64  `json:"p50_ms,omitempty"`
	P99Ms       float64  `json:"p99_ms,omitempty"`
	AllocsPerOp *float64 `json:"allocs_per_op,omitempty"`
	BytesPerOp  *float64 `json:"alloc_bytes_per_op,omitempty"`
}

// samples is how many are taken of a function: enough for a median that a neighbour's burst does not move.
const samples = 15

// Time runs fn for about d and returns the median of its time. size is how many bytes one call works on, 0 if that says
// nothing. An error of fn ends it.
func Time(name string, size int64, d time.Duration, fn func() error) (Row, error) {
	r := Row{Name: name}
	run := func(n int) (time.Duration, error) {
		start := time.Now()
		for range n {
			if err := fn(); err != nil {
				return 0, err
			}
		}
		return time.Since(start), nil
	}
	n := 1
	for {
		took, err := run(n)
		if err != nil {
			return r, err
		}
		if took >= d/samples || n >= 1<<30 {
			break
		}
		n = max(n+1, min(n*8, int(float64(n)*1.2*float64(d/samples)/float64(max(took, 1)))))
	}
	var before, after runtime.MemStats
	ns := make([]float64, samples)
	runtime.ReadMemStats(&before)
	for i := range ns {
		took, err := run(n)
		if err != nil {
			return r, err
		}
		ns[i] = float64(took.Nanoseconds()) / float64(n)
	}
	runtime.ReadMemStats(&after)
	slices.Sort(ns)
	r.NsPerOp, r.BestNs = ns[samples/2], ns[0]
	r.RatePerS = 1e9 / r.NsPerOp
	if size > 0 {
		r.GBPerS = float64(size) / r.NsPerOp
	}
	calls := float64(n * samples)
	allocs, bytes := float64(after.Mallocs-before.Mallocs)/calls, float64(after.TotalAlloc-before.TotalAlloc)/calls
	if allocs < 0.01 { // of the runtime, not of fn
		allocs, bytes = 0, 0
	}
	r.AllocsPerOp, r.BytesPerOp = &allocs, &bytes
	return r, nil
}

// Each calls fn n times and times every call.
func Each(name string, n int, fn func(i int) error) (Row, error) {
	all := make([]time.Duration, n)
	start := time.Now()
	for i := range all {
		from := time.Now()
		if err := fn(i); err != nil {
			return Row{Name: name}, err
		}
		all[i] = time.Since(from)
	}
	r := Row{Name: name, RatePerS: float64(n) / time.Since(start).Seconds()}
	r.P50Ms, r.P99Ms = Ms(Quantile(all, 0.5)), Ms(Quantile(all, 0.99))
	return r, nil
}

// Quantile returns the q-quantile of a list, which it sorts; zero for an empty one.
func Quantile[T cmp.Ordered](list []T, q float64) (x T) {
	slices.Sort(list)
	if len(list) > 0 {
		x = list[min(int(q*float64(len(list))), len(list)-1)]
	}
	return x
}

// Ms is d in milliseconds.
func Ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
