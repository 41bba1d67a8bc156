package store

import (
	"entente/errs"
)

// Checkpoint is a stored signed note.
type Checkpoint struct {
	Size uint64
	Note []byte
}

// Cosignature is what a cosigner signed about a head of a journal.
type Cosignature struct {
	Cosigner string
	Size     uint64
	Root     [32]byte
	Lines    []byte
	At       int64 // Unix milliseconds UTC
}

// PutCheckpoint stores a signed note over the first size leaves, which are stored. A note of that size that is there
// stays: signatures are randomised, the head is the same. For an own journal the marker outside the database is
// advanced before Do returns; if that fails the note is stored but must not leave (store.marker.write). Code
// store.checkpoint for a size that is not reached.
func (tx *Tx) PutCheckpoint(j *Journal, size uint64, note []byte) error {
	if err := tx.writable(); err != nil {
		return err
	}
	h, err := tx.head(j.ID)
	if err != nil {
		return err
	}
	if size > h.Size {
		return refuse(errs.Conflict, "store.checkpoint", "store.checkpoint", h.Origin.String(), "the checkpoint is ahead of the stored leaves")
	}
	tx.w.signed = tx.w.signed || h.Own
	_, err = tx.exec(qPutCheckpoint, j.ID, int64(size), nonNil(note))
	return err
}

func (tx *Tx) checkpoint(q query, args ...any) (*Checkpoint, error) {
	var size int64
	var c Checkpoint
	ok, err := tx.row(q, args, &size, &c.Note)
	if err == nil && !ok {
		err = refuse(errs.NotFound, "store.checkpoint.unknown", "store.checkpoint", "", "there is no such checkpoint")
	}
	if err != nil {
		return nil, err
	}
	c.Size = uint64(size)
	return &c, nil
}

// LatestCheckpoint returns the checkpoint of the greatest size. Code store.checkpoint.unknown.
func (tx *Tx) LatestCheckpoint(j *Journal) (*Checkpoint, error) {
	return tx.checkpoint(qLatestCheckpoint, j.ID)
}

// CheckpointAt returns the checkpoint of exactly this size. Code store.checkpoint.unknown.
func (tx *Tx) CheckpointAt(j *Journal, size uint64) (*Checkpoint, error) {
	return tx.checkpoint(qCheckpointAt, j.ID, int64(size))
}

// Checkpoints returns up to limit checkpoints of sizes above after, smallest first.
func (tx *Tx) Checkpoints(j *Journal, after uint64, limit int) (all []Checkpoint, err error) {
	var size int64
	var note []byte
	err = tx.rows(qCheckpoints, []any{j.ID, int64(after), int64(limit)}, func() error {
		all = append(all, Checkpoint{uint64(size), note})
		return nil
	}, &size, &note)
	return all, err
}

// PutCosignature stores what cosigner signed about the head of j at size. Codes: store.checkpoint for a size that is
// not reached; store.cosignature when the cosigner is on record with another root of that size.
func (tx *Tx) PutCosignature(j *Journal, cosigner string, size uint64, root [32]byte, lines []byte, at int64) error {
	if err := tx.writable(); err != nil {
		return err
	}
	h, err := tx.head(j.ID)
	if err != nil {
		return err
	}
	if size > h.Size {
		return refuse(errs.Conflict, "store.checkpoint", "store.cosignature", h.Origin.String(), "the cosignature is ahead of the stored leaves")
	}
	n, err := tx.exec(qPutCosignature, j.ID, cosigner, int64(size), root[:], nonNil(lines), at)
	if err == nil && n == 0 {
		err = refuse(errs.Conflict, "store.cosignature", "store.cosignature", h.Origin.String(), "the cosigner signed another root of this size")
	}
	return err
}

// cosignature is where a row is scanned to.
type cosignature struct {
	c    Cosignature
	size int64
	root []byte
}

func (r *cosignature) dest() []any {
	return []any{&r.c.Cosigner, &r.size, &r.root, &r.c.Lines, &r.c.At}
}

func (r *cosignature) value() Cosignature {
	r.c.Size = uint64(r.size)
	copy(r.c.Root[:], r.root)
	return r.c
}

// LatestCosignature returns the cosigner's cosignature of the greatest size. Code store.cosignature.unknown.
func (tx *Tx) LatestCosignature(j *Journal, cosigner string) (*Cosignature, error) {
	var r cosignature
	ok, err := tx.row(qLatestCosignature, []any{j.ID, cosigner}, r.dest()...)
	if err == nil && !ok {
		err = refuse(errs.NotFound, "store.cosignature.unknown", "store.cosignature", j.Origin.String(), "the cosigner has signed nothing here")
	}
	if err != nil {
		return nil, err
	}
	c := r.value()
	return &c, nil
}

// CosignedSize returns the greatest size that cosigner signed; 0 for none.
func (tx *Tx) CosignedSize(j *Journal, cosigner string) (uint64, error) {
	var size int64
	_, err := tx.row(qCosignedSize, []any{j.ID, cosigner}, &size)
	return uint64(size), err
}

// Cosignatures returns all cosignatures of j, by cosigner and size.
func (tx *Tx) Cosignatures(j *Journal) (all []Cosignature, err error) {
	var r cosignature
	err = tx.rows(qCosignatures, []any{j.ID}, func() error { all = append(all, r.value()); return nil }, r.dest()...)
	return all, err
}

// Receipt is a signed statement of a holder, as it came.
type Receipt struct {
	Holder string
	At     int64 // when it was stored, Unix milliseconds UTC
	Signed []byte
}

// PutHeld stores a signed held receipt of holder for ranges of j, half open, and merges them into what is known. The
// caller has verified it, or made it. Code store.held for a range that is empty, reversed or beyond the journal.
func (tx *Tx) PutHeld(j *Journal, holder string, ranges [][2]uint64, signed []byte) error {
	if err := tx.writable(); err != nil {
		return err
	}
	h, err := tx.head(j.ID)
	if err != nil {
		return err
	}
	for _, r := range ranges {
		if r[0] >= r[1] || r[1] > h.Size {
			return refuse(errs.Invalid, "store.held", "store.held", h.Origin.String(), "a range is empty, reversed or beyond the journal")
		}
	}
	if _, err := tx.exec(qPutReceipt, j.ID, holder, tx.now.UnixMilli(), nonNil(signed)); err != nil {
		return err
	}
	for _, r := range ranges {
		lo, hi := int64(r[0]), int64(r[1])
		old, err := tx.ranges(qTouchingRanges, j.ID, holder, lo, hi)
		if err != nil {
			return err
		}
		for _, o := range old {
			lo, hi = min(lo, int64(o[0])), max(hi, int64(o[1]))
			if _, err := tx.exec(qEraseRange, j.ID, holder, int64(o[0])); err != nil {
				return err
			}
		}
		if _, err := tx.exec(qPutRange, j.ID, holder, lo, hi); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) ranges(q query, args ...any) (all [][2]uint64, err error) {
	var lo, hi int64
	err = tx.rows(q, args, func() error { all = append(all, [2]uint64{uint64(lo), uint64(hi)}); return nil }, &lo, &hi)
	return all, err
}

// HeldRanges returns what holder has given receipts for: half open, in order, disjoint, never touching.
func (tx *Tx) HeldRanges(j *Journal, holder string) ([][2]uint64, error) {
	return tx.ranges(qRanges, j.ID, holder)
}

// Receipts returns every held receipt for j as it was signed, oldest first.
func (tx *Tx) Receipts(j *Journal) (all []Receipt, err error) {
	var r Receipt
	err = tx.rows(qReceipts, []any{j.ID}, func() error { all = append(all, r); return nil }, &r.Holder, &r.At, &r.Signed)
	return all, err
}

// LatestReceipt returns the held receipt for j that was stored last of one holder; nil if there is none.
func (tx *Tx) LatestReceipt(j *Journal, holder string) (*Receipt, error) {
	r := new(Receipt)
	ok, err := tx.row(qLatestReceipt, []any{j.ID, holder}, &r.Holder, &r.At, &r.Signed)
	if err != nil || !ok {
		return nil, err
	}
	return r, nil
}

// gaps returns the ranges of j for which holder gave no receipt.
func (tx *Tx) gaps(j *Journal, holder string) (gaps [][2]uint64, err error) {
	h, err := tx.head(j.ID)
	if err != nil {
		return nil, err
	}
	held, err := tx.HeldRanges(j, holder)
	at := uint64(0)
	for _, r := range append(held, [2]uint64{h.Size, h.Size}) {
		if at < r[0] {
			gaps = append(gaps, [2]uint64{at, r[0]})
		}
		at = r[1]
	}
	return gaps, err
}

// UnsentHeld returns the ranges of j that are complete here and for which holder, this node, has made no receipt yet:
// the receipts that are due.
func (tx *Tx) UnsentHeld(j *Journal, holder string) (due [][2]uint64, err error) {
	gaps, err := tx.gaps(j, holder)
	for _, g := range gaps {
		r, err := tx.Complete(j, g[0], g[1])
		if err != nil {
			return nil, err
		}
		due = append(due, r...)
	}
	return due, err
}
