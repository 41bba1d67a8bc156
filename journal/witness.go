package journal

import (
	"strconv"

	"entente/errs"
)

// Known is what a witness keeps of one journal: the head it cosigned last. The zero value is a journal never seen.
type Known struct {
	Size int64
	Root Hash
}

// Advance decides whether checkpoint c, already opened, may take the place of k: the state machine of C2SP tlog-witness
// (add-checkpoint). old is the size from which the sender's proof starts. The caller reads k and persists the result
// in ONE transaction, and cosigns after its commit; compared in one and stored in another, a slower request would
// roll the journal back. If the process dies before the commit, nothing was cosigned.
//
// Codes, with the status that C2SP gives them:
//
//	journal.witness.request  400  old is negative or above the new size
//	journal.witness.stale    409  old is not the size known; the subject is that size
//	journal.witness.fork     409  same size, another root: make an [Equivocation] of the two notes, and freeze
//	journal.witness.proof    422  the proof does not verify: a defect, or a fork to be shown with [Tree.Equivocation]
func (k Known) Advance(old int64, c Checkpoint, proof []Hash) (Known, error) {
	refuse := func(kind errs.Kind, code errs.Code, reason string, err error) (Known, error) {
		return k, &errs.Error{Kind: kind, Code: code, Op: "journal.witness", Subject: strconv.FormatInt(k.Size, 10), Reason: reason, Err: err}
	}
	if err := c.Check(); err != nil {
		return k, err
	}
	if old < 0 || old > c.Size {
		return refuse(errs.Invalid, "journal.witness.request", "the old size is negative or above the new size", nil)
	}
	if old != k.Size {
		return refuse(errs.Conflict, "journal.witness.stale", "the old size is not the size known here", nil)
	}
	root := k.Root
	if k.Size == 0 {
		root = EmptyRoot()
	}
	if c.Size == k.Size && c.Root != root {
		return refuse(errs.Integrity, "journal.witness.fork", "another root was cosigned for this size", nil)
	}
	if err := VerifyConsistency(k.Size, root, c.Size, c.Root, proof); err != nil {
		return refuse(errs.Integrity, "journal.witness.proof", "the new head is not shown to continue the one cosigned", err)
	}
	return Known{Size: c.Size, Root: c.Root}, nil
}
