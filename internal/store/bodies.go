package store

import (
	"entente/errs"
)

// BodyKind is which half of a statement.
type BodyKind uint8

const (
	Act     BodyKind = 1 // all that state may depend on
	Content BodyKind = 2 // narrative and keys of objects
)

// BodyState is what this node has of a body. The first four are the slot states of a bundle.
type BodyState uint8

const (
	Present   BodyState = 1 // here, and matches its commitment
	Later     BodyState = 2 // announced, not here yet
	Withdrawn BodyState = 3 // its author withdrew it; bytes that were here stay until a person destroys them
	Destroyed BodyState = 4 // key and ciphertext are gone; leaf and proofs stay
	Bad       BodyState = 5 // what came did not match; not held
)

// maxItem bounds a body or a doc, in bytes: larger things are objects.
const maxItem = 16 << 20

// Body is one half of a statement as stored.
type Body struct {
	State BodyState
	Salt  [32]byte // zero without bytes
	Bytes []byte   // nil unless Present, or Withdrawn after it was here
	Size  uint64   // of Bytes
}

// PutBody stores a body of leaf index: encrypted when state is Present, as a bare state otherwise (salt and b are then
// not used). Put both kinds of every statement, Later where nothing is here: receipts and quotas count them.
//
// The same body again is a no-op. Later and Bad give way to any state, Present gives way to Withdrawn alone, and what
// is Withdrawn or Destroyed does not come back. Codes: store.body for an unknown kind or state or too many bytes;
// store.body.differs for other bytes in the place of present ones; store.body.gone for bytes where there shall be none.
func (tx *Tx) PutBody(j *Journal, index uint64, kind BodyKind, state BodyState, salt [32]byte, b []byte) error {
	if err := tx.writable(); err != nil {
		return err
	}
	if kind != Act && kind != Content || state < Present || state > Bad || len(b) > maxItem {
		return refuse(errs.Invalid, "store.body", "store.body", j.Origin.String(), "unknown kind or state, or too large")
	}
	if h, err := tx.head(j.ID); err != nil {
		return err
	} else if index >= h.Size {
		return refuse(errs.NotFound, "store.leaf.unknown", "store.body", j.Origin.String(), "the journal has no such leaf")
	}
	var key, size int64
	var box, wrapped []byte
	if state == Present {
		tx.w.lastKey++
		key, size = tx.w.lastKey, int64(len(b))
		tx.w.scratch.item = bodyItem(tx.w.scratch.item, j.ID, index, kind)
		box, wrapped = tx.w.sealItem(tx.s.wrap, tx.w.scratch.item, salt[:], b)
	}
	n, err := tx.exec(qPutBody, j.ID, int64(index), int64(kind), int64(state), size, key, box)
	if err != nil {
		return err
	}
	if n == 0 {
		if replace, err := tx.mayReplace(j, index, kind, state, salt, b); !replace || err != nil {
			return err
		}
		if _, err := tx.exec(qSetBody, j.ID, int64(index), int64(kind), int64(state), size, key, box); err != nil {
			return err
		}
	}
	if key != 0 {
		_, err = tx.exec(qPutKey, key, wrapped)
	}
	return err
}

// mayReplace decides on a body that is there already: replace its row, or nothing more to do.
func (tx *Tx) mayReplace(j *Journal, index uint64, kind BodyKind, state BodyState, salt [32]byte, b []byte) (bool, error) {
	have, err := tx.Body(j, index, kind)
	if err != nil {
		return false, err
	}
	switch {
	case have.State == Later || have.State == Bad:
		return state != have.State, nil
	case state == Later || state == Bad || state == have.State && state != Present:
		return false, nil // nothing new
	case have.State == Present && state == Present:
		if have.Salt == salt && string(have.Bytes) == string(b) {
			return false, nil
		}
		return false, refuse(errs.Conflict, "store.body.differs", "store.body", j.Origin.String(), "another body is stored for this leaf")
	case have.State == Present && state == Withdrawn:
		return false, tx.mark(j, index, kind, Withdrawn)
	case state == Present:
		return false, refuse(errs.Conflict, "store.body.gone", "store.body", j.Origin.String(), "this body was withdrawn or destroyed")
	}
	// Destroyed over Present or Withdrawn: only DestroyBody erases. A slot in a bundle must never.
	return false, refuse(errs.Conflict, "store.body.differs", "store.body", j.Origin.String(), "only DestroyBody destroys what is here")
}

// mark changes the state of a body and keeps its bytes.
func (tx *Tx) mark(j *Journal, index uint64, kind BodyKind, state BodyState) error {
	_, err := tx.exec(qMarkBody, j.ID, int64(index), int64(kind), int64(state))
	return err
}

// Body returns a body. A state without bytes is no error. Codes: store.body.unknown; store.item when the row was
// altered; store.key.absent when opened without the storage key.
func (tx *Tx) Body(j *Journal, index uint64, kind BodyKind) (*Body, error) {
	var state, size, key int64
	var box, wrapped []byte
	ok, err := tx.row(qBody, []any{j.ID, int64(index), int64(kind)}, &state, &size, &key, &box, &wrapped)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errNoBody(j)
	}
	b := &Body{State: BodyState(state), Size: uint64(size)}
	if key == 0 {
		return b, nil
	}
	return b, tx.openBody(b, j, index, kind, box, wrapped)
}

func (tx *Tx) openBody(b *Body, j *Journal, index uint64, kind BodyKind, box, wrapped []byte) error {
	var buf [32]byte
	plain, err := tx.openItem(bodyItem(buf[:0], j.ID, index, kind), box, wrapped)
	if err == nil && len(plain) < len(b.Salt) {
		err = refuse(errs.Integrity, "store.item", "store.read", j.Origin.String(), "a body is shorter than its salt")
	}
	if err != nil {
		return err
	}
	b.Salt, b.Bytes = [32]byte(plain), plain[len(b.Salt):]
	return nil
}

// Bodies returns the bodies of one kind of all leaves with from ≤ index < to, as Body would one by one. Code
// store.body.unknown when one was never announced.
func (tx *Tx) Bodies(j *Journal, from, to uint64, kind BodyKind) ([]Body, error) {
	all := make([]Body, 0, to-min(from, to))
	var index, state, size, key int64
	var box, wrapped []byte
	err := tx.rows(qBodies, []any{j.ID, int64(from), int64(to), int64(kind)}, func() error {
		if uint64(index) != from+uint64(len(all)) {
			return errNoBody(j)
		}
		all = append(all, Body{State: BodyState(state), Size: uint64(size)})
		if key == 0 {
			return nil
		}
		return tx.openBody(&all[len(all)-1], j, uint64(index), kind, box, wrapped)
	}, &index, &state, &size, &key, &box, &wrapped)
	if err == nil && from+uint64(len(all)) < to {
		err = errNoBody(j)
	}
	return all, err
}

// BodySizes is Bodies without opening any: state and size alone.
func (tx *Tx) BodySizes(j *Journal, from, to uint64, kind BodyKind) ([]Body, error) {
	all := make([]Body, 0, to-min(from, to))
	var index, state, size int64
	err := tx.rows(qBodyStates, []any{j.ID, int64(from), int64(to), int64(kind)}, func() error {
		if uint64(index) != from+uint64(len(all)) {
			return errNoBody(j)
		}
		all = append(all, Body{State: BodyState(state), Size: uint64(size)})
		return nil
	}, &index, &state, &size)
	if err == nil && from+uint64(len(all)) < to {
		err = errNoBody(j)
	}
	return all, err
}

func errNoBody(j *Journal) error {
	return refuse(errs.NotFound, "store.body.unknown", "store.body", j.Origin.String(), "no such body was ever announced")
}

// BodyState returns the state of a body without opening it; 0 when it was never announced.
func (tx *Tx) BodyState(j *Journal, index uint64, kind BodyKind) (BodyState, error) {
	var state, size, key int64
	_, err := tx.row(qBodyState, []any{j.ID, int64(index), int64(kind)}, &state, &size, &key)
	return BodyState(state), err
}

// DestroyBody erases the key and the ciphertext of a body, salt included, and records that it is destroyed. When Do
// returns they are gone from the database file and, unless a long view is open, from its log; then soon after. The
// caller has recorded who ordered it. It may be called again. Code store.body.unknown.
func (tx *Tx) DestroyBody(j *Journal, index uint64, kind BodyKind) error {
	if err := tx.writable(); err != nil {
		return err
	}
	var state, size, key int64
	ok, err := tx.row(qBodyState, []any{j.ID, int64(index), int64(kind)}, &state, &size, &key)
	if err != nil {
		return err
	}
	if !ok {
		return refuse(errs.NotFound, "store.body.unknown", "store.destroy", j.Origin.String(), "no such body was ever announced")
	}
	if _, err := tx.exec(qSetBody, j.ID, int64(index), int64(kind), int64(Destroyed), int64(0), int64(0), nil); err != nil {
		return err
	}
	return tx.eraseKey(key)
}

// eraseKey destroys the item that the key belongs to, for good.
func (tx *Tx) eraseKey(key int64) error {
	if key == 0 {
		return nil
	}
	tx.w.erased = true
	_, err := tx.exec(qEraseKey, key)
	return err
}

// Complete returns the ranges, half open, of the indexes from ≤ index < to whose act and content are both here for good:
// present, withdrawn or destroyed. Complete is what a held receipt may claim.
func (tx *Tx) Complete(j *Journal, from, to uint64) (ranges [][2]uint64, err error) {
	var i int64
	err = tx.rows(qComplete, []any{j.ID, int64(from), int64(to)}, func() error {
		if n := len(ranges); n > 0 && ranges[n-1][1] == uint64(i) {
			ranges[n-1][1]++
		} else {
			ranges = append(ranges, [2]uint64{uint64(i), uint64(i) + 1})
		}
		return nil
	}, &i)
	return ranges, err
}

// Unheld returns how many statements of j are not complete here, and how many bytes this node stores for them (leaves
// and what is here of their bodies): what an agreement's limit on unheld bytes bounds.
func (tx *Tx) Unheld(j *Journal) (statements, bytes uint64, err error) {
	var n, sum int64
	_, err = tx.row(qUnheld, []any{j.ID}, &n, &sum)
	return uint64(n), uint64(sum), err
}

// UnheldBy returns how many bytes of bodies here the holder has given no receipt for.
func (tx *Tx) UnheldBy(j *Journal, holder string) (bytes uint64, err error) {
	gaps, err := tx.gaps(j, holder)
	for _, g := range gaps {
		var sum int64
		if _, err := tx.row(qSizes, []any{j.ID, int64(g[0]), int64(g[1])}, &sum); err != nil {
			return 0, err
		}
		bytes += uint64(sum)
	}
	return bytes, err
}
