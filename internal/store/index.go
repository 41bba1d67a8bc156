package store

import (
	"entente/errs"
)

// Entry is a statement in the index.
type Entry struct {
	Journal int64
	Index   uint64
	Channel [48]byte
	ID      [16]byte
	Thread  [16]byte
	Type    string
}

// IndexStatement records what the statement at index is, so that it is found by id and by thread. In an own journal an
// id is used once (store.statement.duplicate); in another's the lowest index has it, and the repetition, which breaks
// the rules, stays findable by thread and index. The same entry again is a no-op.
func (tx *Tx) IndexStatement(channel [48]byte, j *Journal, index uint64, id, thread [16]byte, typ string) error {
	if err := tx.writable(); err != nil {
		return err
	}
	h, err := tx.head(j.ID)
	if err != nil {
		return err
	}
	if index >= h.Size {
		return refuse(errs.NotFound, "store.leaf.unknown", "store.index", h.Origin.String(), "the journal has no such leaf")
	}
	c := h.channel
	if channel != h.Origin.Channel {
		if c, err = tx.channel(channel, true); err != nil {
			return err
		}
	}
	n, err := tx.exec(qPutStatement, j.ID, int64(index), c, thread[:], id[:], int64(0), typ)
	if n > 0 || err != nil {
		return err
	}
	first, err := tx.Statement(j, id)
	switch {
	case err != nil:
		return err
	case *first == Entry{Journal: j.ID, Index: index, Channel: channel, ID: id, Thread: thread, Type: typ}:
		return nil
	case h.Own:
		return refuse(errs.Conflict, "store.statement.duplicate", "store.index", h.Origin.String(), "the id names another statement")
	}
	// The journal's order decides who keeps the id, not the order of arrival.
	copy := int64(index) + 1
	if index < first.Index {
		if _, err := tx.exec(qCopyStatement, j.ID, int64(first.Index), int64(first.Index)+1); err != nil {
			return err
		}
		copy = 0
	}
	_, err = tx.exec(qPutStatement, j.ID, int64(index), c, thread[:], id[:], copy, typ)
	return err
}

// entry is where a row of the index is scanned to.
type entry struct {
	e                   Entry
	index               int64
	channel, id, thread []byte
}

func (r *entry) dest() []any {
	return []any{&r.e.Journal, &r.index, &r.channel, &r.id, &r.thread, &r.e.Type}
}

func (r *entry) entry() Entry {
	r.e.Index = uint64(r.index)
	copy(r.e.Channel[:], r.channel)
	copy(r.e.ID[:], r.id)
	copy(r.e.Thread[:], r.thread)
	return r.e
}

func (tx *Tx) entries(q query, args ...any) (all []Entry, err error) {
	var r entry
	err = tx.rows(q, args, func() error { all = append(all, r.entry()); return nil }, r.dest()...)
	return all, err
}

// Statement finds the statement of an id in one journal. Code store.statement.unknown.
func (tx *Tx) Statement(j *Journal, id [16]byte) (*Entry, error) {
	var r entry
	ok, err := tx.row(qStatementByID, []any{j.ID, id[:]}, r.dest()...)
	if err == nil && !ok {
		err = refuse(errs.NotFound, "store.statement.unknown", "store.index", j.Origin.String(), "the journal has no statement of this id")
	}
	if err != nil {
		return nil, err
	}
	e := r.entry()
	return &e, nil
}

// Statements returns the index entries of j with from ≤ index < to, in order. A leaf whose act was never here has none.
func (tx *Tx) Statements(j *Journal, from, to uint64) ([]Entry, error) {
	return tx.entries(qStatements, j.ID, int64(from), int64(to))
}

// Thread returns the statements of a thread in a channel, of all journals, ordered by journal and index. Any other
// order is the business of package statement.
func (tx *Tx) Thread(channel [48]byte, thread [16]byte) ([]Entry, error) {
	c, err := tx.channel(channel, false)
	if c == 0 || err != nil {
		return nil, err
	}
	return tx.entries(qThread, c, thread[:])
}

// ThreadCount returns how many statements a thread has, to be compared with the agreement's limit.
func (tx *Tx) ThreadCount(channel [48]byte, thread [16]byte) (n int, err error) {
	c, err := tx.channel(channel, false)
	if c == 0 || err != nil {
		return 0, err
	}
	_, err = tx.row(qCountThread, []any{c, thread[:]}, &n)
	return n, err
}
