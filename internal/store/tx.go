package store

import (
	"context"
	"time"

	"entente/errs"
	"entente/internal/store/sqlite"
)

// Tx is one unit of work. It belongs to the closure it was given to, and is dead when that returns.
//
// A method that fails with anything but NotFound, Conflict, Refused, Invalid or Withheld dooms the act: Do undoes it
// even if the closure returns nil.
type Tx struct {
	s    *Store
	c    *conn
	w    *writer         // nil in a View
	ctx  context.Context // of a View
	now  time.Time
	err  error // the failure that doomed the act
	over bool
	memo map[recalled]any // what Recall keeps
}

// recalled names something that is kept for the length of the unit of work.
type recalled struct{ kind, key string }

// Recall returns what make returned for this kind and key before in this unit of work, or asks make. What was made from
// docs of a kind is forgotten when one of the kind is written, so that the unit of work always sees its own changes; other kinds must
// be names of what cannot change while it runs. Callers share what is returned and must not change it. A failure is not kept.
func Recall[T any](tx *Tx, kind, key string, make func() (T, error)) (T, error) {
	at := recalled{kind, key}
	if x, ok := tx.memo[at].(T); ok {
		return x, tx.usable()
	}
	x, err := make()
	if err == nil {
		if tx.memo == nil {
			tx.memo = map[recalled]any{}
		}
		tx.memo[at] = x
	}
	return x, err
}

func (tx *Tx) forget(kind string) {
	for at := range tx.memo {
		if at.kind == kind {
			delete(tx.memo, at)
		}
	}
}

// Now is the time of the unit of work: it does not move while the closure runs.
func (tx *Tx) Now() time.Time { return tx.now }

// View runs fn on a consistent snapshot: what other acts commit meanwhile is not seen. Views run beside each other and
// beside Do. A view whose context ends fails at its next statement. Codes: store.cancelled, store.closed, store.read.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error {
	if err := s.failed(); err != nil {
		return err
	}
	select {
	case <-s.closing:
		return errClosed()
	default:
	}
	var c *conn
	select {
	case c = <-s.slots:
	case <-ctx.Done():
		return cancelled(ctx)
	case <-s.closing:
		return errClosed()
	}
	// The slot goes back even if fn panics, and empty when the connection is not to be trusted.
	trusted := false
	defer func() {
		if !trusted && c != nil {
			c.close()
			c = nil
		}
		s.slots <- c
	}()
	if c == nil {
		sc, err := s.db.Conn(context.Background(), false)
		if err != nil {
			return readFailed(err)
		}
		c = &conn{sql: sc}
	}
	tx := &Tx{s: s, c: c, ctx: ctx, now: s.cfg.Clock()}
	if _, err := c.exec(qBeginRead); err != nil {
		return readFailed(err)
	}
	defer func() {
		tx.over = true
		_, err := c.exec(qRollback)
		trusted = err == nil && tx.err == nil
	}()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.err
}

func readFailed(err error) error {
	e := &errs.Error{Kind: errs.Unavailable, Code: "store.read", Op: "store.view", Err: err}
	if sqlite.Classify(err) == sqlite.Corrupt {
		e.Kind, e.Code = errs.Integrity, "store.corrupt"
	}
	return e
}

// usable says whether tx may run a statement.
func (tx *Tx) usable() error {
	switch {
	case tx.over:
		return refuse(errs.Internal, "store.tx.over", "store", "", "the unit of work is over")
	case tx.err != nil:
		return tx.err
	case tx.ctx != nil && tx.ctx.Err() != nil:
		return cancelled(tx.ctx)
	}
	return nil
}

// writable says whether tx may change anything.
func (tx *Tx) writable() error {
	if err := tx.usable(); err != nil {
		return err
	}
	if tx.w == nil {
		return refuse(errs.Internal, "store.tx.view", "store", "", "a view changes nothing")
	}
	return nil
}

// doom records a failure of the engine: the act cannot succeed any more, and with some failures its whole group cannot.
func (tx *Tx) doom(err error) error {
	if tx.w == nil {
		tx.err = readFailed(err)
		return tx.err
	}
	switch sqlite.Classify(err) {
	case sqlite.Constraint, sqlite.Other:
		// Only the statement was undone. Had the engine lost the transaction, undoing the act fails and ends the group.
		tx.err = &errs.Error{Kind: errs.Internal, Code: "store.statement", Op: "store.do", Err: err}
	default:
		tx.err = tx.s.meaning(err)
		tx.w.broken = tx.err
	}
	return tx.err
}

func (tx *Tx) exec(q query, args ...any) (int64, error) {
	if err := tx.writable(); err != nil {
		return 0, err
	}
	n, err := tx.c.exec(q, args...)
	if err != nil {
		return 0, tx.doom(err)
	}
	return n, nil
}

func (tx *Tx) row(q query, args []any, dest ...any) (bool, error) {
	if err := tx.usable(); err != nil {
		return false, err
	}
	ok, err := tx.c.row(q, args, dest...)
	if err != nil {
		return false, tx.doom(err)
	}
	return ok, nil
}

// rows calls each for every row. each must run no statement: the engine would restart one that is still open.
func (tx *Tx) rows(q query, args []any, each func() error, dest ...any) error {
	if err := tx.usable(); err != nil {
		return err
	}
	var stop error
	err := tx.c.rows(q, args, func() error {
		if stop = tx.usable(); stop == nil {
			stop = each()
		}
		return stop
	}, dest...)
	if stop != nil {
		return stop
	}
	if err != nil {
		return tx.doom(err)
	}
	return nil
}

// Counter adds one to the named number and returns it. The first is 1. An act that is refused takes no number.
func (tx *Tx) Counter(name string) (uint64, error) {
	if err := tx.writable(); err != nil {
		return 0, err
	}
	var n int64
	_, err := tx.row(qCount, []any{name}, &n)
	return uint64(n), err
}

// SeenBundle records a bundle id and reports whether it was among the last 65,536 recorded.
func (tx *Tx) SeenBundle(id [16]byte) (bool, error) {
	var slot int64
	if seen, err := tx.row(qBundle, []any{id[:]}, &slot); seen || err != nil {
		return seen, err
	}
	n, err := tx.Counter("bundle")
	if err == nil {
		_, err = tx.exec(qPutBundle, int64(n%seenBundles), id[:])
	}
	return false, err
}
