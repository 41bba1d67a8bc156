package exchange

import (
	"time"

	"entente/errs"
	"entente/seal"
	"entente/statement"
)

// Limits of the format. They bound memory and time before any agreement is known.
const (
	// MaxBundle is the largest bundle, in bytes with header and sealing. A bundle is read into memory whole, and some four
	// times its size is needed to decode it.
	MaxBundle = 16 << 20
	// MaxEntries bounds new and late entries of one bundle together. It leaves 1 KiB for each.
	MaxEntries = 16 << 10
	// MaxJournals bounds the journals, heads, cosignatures and held receipts of a bundle: one for each author of a
	// channel, each of which costs a signature check.
	MaxJournals = statement.MaxSeen + 1
	// MaxParts bounds the object parts of a bundle: what fits.
	MaxParts = MaxBundle / seal.LeafSize
	// MaxDigests bounds the state digests of a bundle.
	MaxDigests = 4096
	// MaxWants bounds the objects a receiver says it lacks, and MaxWantRanges the ranges for each. What does not fit is
	// said next time.
	MaxWants, MaxWantRanges = 64, 64
	// MaxRanges bounds the ranges of a held receipt, so that it fits a signed payload. A receiver with more holes leaves
	// out the last.
	MaxRanges = 1024
	// MaxSize bounds the size of a journal, so that indices can be added without overflow.
	MaxSize = 1 << 62

	maxItems = 1 << 19 // CBOR items of a bundle: what MaxEntries and the rest can need, so that decoding cannot swell
	maxPath  = 64      // hashes of an object part's proof
)

const (
	// FrameTime is how long one frame may occupy a link: what is more urgent waits at most this long.
	FrameTime = 2 * time.Second
	// MinBudget is the smallest budget that Build keeps to, in bytes: receipts, a checkpoint, and one content or one part
	// of an object of the largest size.
	MinBudget = 128 << 10
	// MaxBudget is the largest: a full bundle less header and sealing.
	MaxBudget = MaxBundle - 4<<10
)

// FrameBudget returns the budget for Build on a link of the given rate, in bits per second; 0 is a link without a known
// rate. On links slower than some 500 kbit/s a frame can last longer than FrameTime: signatures alone are 24 KiB.
func FrameBudget(bitsPerSecond uint64) int {
	if bitsPerSecond == 0 || bitsPerSecond > 8*MaxBudget {
		return MaxBudget
	}
	return min(max(int(bitsPerSecond/8*uint64(FrameTime/time.Second)), MinBudget), MaxBudget)
}

// Limits are the terms of an agreement that a receiver enforces: beyond them it neither stores nor cosigns. Both sides
// signed them, so a sender that keeps them is never stopped.
type Limits struct {
	Leaf    int    // bytes of a leaf
	Body    int    // bytes of an act, and of a content
	Answers int    // answers of an act
	Thread  uint64 // statements of a thread, of all authors
	PerDay  uint64 // statements of an author a day (UTC, by their own time)
	Unheld  uint64 // bytes stored of bodies and objects that are not held yet
}

// DefaultLimits are the limits of an agreement that names none.
func DefaultLimits() Limits {
	return Limits{Leaf: statement.MaxLeaf, Body: statement.MaxBody, Answers: statement.MaxAnswers, Thread: statement.MaxThread,
		PerDay: 1 << 20, Unheld: 4 << 30}
}

func (m Limits) check() error {
	if m.Leaf <= 0 || m.Leaf > statement.MaxLeaf || m.Body <= 0 || m.Body > statement.MaxBody ||
		m.Answers < 0 || m.Answers > statement.MaxAnswers || m.Thread == 0 || m.Thread > statement.MaxThread ||
		m.PerDay == 0 || m.Unheld == 0 {
		return &errs.Error{Kind: errs.Invalid, Code: "exchange.limits", Op: "exchange.link",
			Reason: "a limit is not set, or above that of the format"}
	}
	return nil
}
