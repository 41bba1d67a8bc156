package store

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"entente/errs"
	"entente/internal/store/sqlite"
)

// act is one closure on its way through the writer. The writer writes err and panicked before it closes done.
type act struct {
	ctx      context.Context
	fn       func(*Tx) error
	alone    bool // takes a transaction of its own
	done     chan struct{}
	err      error
	panicked *Panic
}

// Panic is what Do panics with when its closure did: the same value, with the stack of the closure.
type Panic struct {
	Value any
	Stack []byte
}

func (p *Panic) Error() string { return fmt.Sprintf("%v\n\n%s", p.Value, p.Stack) }

// writer is the state of the writer goroutine: the one connection that writes, and what it remembers between acts.
// Nobody else touches it while the goroutine runs.
type writer struct {
	conn    *conn
	heads   map[int64]*head // journals by id, with their trees; a cache of the database as it is in this transaction
	origins map[string]*head
	lastKey int64 // greatest id of item_key ever given
	scratch scratch
	since   int // acts since the size of the write-ahead log was asked for

	// Of the group.
	touched []*head  // changed since the last commit: forgotten when the group fails
	broken  error    // the transaction is lost: no act of the group happened
	erased  bool     // a key was erased: the log must be emptied. Kept until that succeeded
	after   []func() // run after the commit

	// Of the act.
	tx     *Tx
	undo   []undo
	signed bool // an own checkpoint was put: the marker must be advanced before the answer
}

// Do runs fn in a transaction and returns after it is committed and synced, or refused and undone. The error of fn
// comes back as it is. Codes of the store itself: store.cancelled, store.closed, store.read-only, store.disk-full,
// store.busy (all Unavailable: nothing happened), store.fsync, store.corrupt, store.medium (Fatal).
func (s *Store) Do(ctx context.Context, fn func(*Tx) error) error {
	return s.submit(&act{ctx: ctx, fn: fn})
}

func (s *Store) submit(a *act) error {
	if s.w == nil {
		return refuse(errs.Refused, "store.read-only", "store.do", "", "the directory was opened to read only")
	}
	if err := s.failed(); err != nil {
		return err
	}
	if a.ctx.Err() != nil {
		return cancelled(a.ctx)
	}
	a.done = make(chan struct{})
	select {
	case <-s.closing:
		return errClosed()
	default:
	}
	select {
	case s.acts <- a:
	case <-a.ctx.Done():
		return cancelled(a.ctx)
	case <-s.closing:
		return errClosed()
	}
	// From here the outcome is awaited whatever the context says: the caller must learn whether the act happened.
	<-a.done
	if a.panicked != nil {
		panic(a.panicked)
	}
	return a.err
}

func cancelled(ctx context.Context) error {
	return &errs.Error{Kind: errs.Unavailable, Code: "store.cancelled", Op: "store", Reason: "nothing was done", Err: context.Cause(ctx)}
}

// write is the writer goroutine. There is no delay to fill a group: what queued while the group before was committed
// is the next group.
func (s *Store) write() {
	var next *act // took its place in the queue, but must run alone
	group := make([]*act, 0, s.cfg.GroupMax)
	clean := false
	defer func() {
		if clean {
			close(s.stopped)
			return
		}
		// A closure ended the goroutine (runtime.Goexit, as t.Fatal does). Its group is lost; the store is not.
		s.abandon(&errs.Error{Kind: errs.Internal, Code: "store.act.exit", Op: "store.do", Reason: "an act of the group ended its goroutine"})
		s.answer(group)
		if next != nil {
			next.err = s.w.broken
			close(next.done)
		}
		go s.write()
	}()
	for {
		group = group[:0]
		if next != nil {
			group, next = append(group, next), nil
		} else {
			select {
			case a := <-s.acts:
				group = append(group, a)
			case <-s.closing:
				clean = true
				return
			}
		}
	more:
		for !group[0].alone && len(group) < s.cfg.GroupMax {
			select {
			case a := <-s.acts:
				if a.alone {
					next = a
					break more
				}
				group = append(group, a)
			default:
				break more
			}
		}
		s.commit(group)
		if s.failed() == nil {
			s.settle()
		}
		s.answer(group)
		if s.failed() == nil {
			s.tidy(group)
		}
	}
}

// answer tells the callers. The group is on the disk, or did not happen.
func (s *Store) answer(group []*act) {
	for _, a := range group {
		if s.w.broken != nil && a.err == nil {
			a.err = s.w.broken
		}
		close(a.done)
	}
}

// commit runs a group in one transaction. Afterwards either w.broken is nil and every act without an error is synced,
// or nothing of the group happened.
func (s *Store) commit(group []*act) {
	w := s.w
	w.broken, w.after = s.failed(), w.after[:0]
	if w.broken != nil {
		return
	}
	if _, err := w.conn.exec(qBeginWrite); err != nil {
		s.abandon(s.meaning(err))
		return
	}
	var marks []*act
	for _, a := range group {
		if a.ctx.Err() != nil {
			a.err = cancelled(a.ctx)
			continue
		}
		s.run(a)
		if w.broken != nil {
			s.abandon(w.broken)
			return
		}
		if a.err == nil && w.signed {
			marks = append(marks, a)
		}
	}
	if err := w.flush(); err != nil {
		s.abandon(s.meaning(err))
		return
	}
	// Before this line nothing of the group exists; once it returned, all of it does, whatever happens next.
	if _, err := w.conn.exec(qCommit); err != nil {
		s.abandon(s.meaning(err))
		return
	}
	for _, h := range w.touched {
		h.committed()
	}
	w.touched = w.touched[:0]
	if len(marks) > 0 {
		// A signed checkpoint is on the disk, but nobody has been told: if the process dies here, the marker is behind,
		// which the next start sees and mends. The other way round a lost checkpoint would look like a rollback.
		if err := s.writeMarker(); err != nil {
			for _, a := range marks {
				a.err = err
			}
		}
	}
}

// run runs one act inside a savepoint and undoes it when it fails.
func (s *Store) run(a *act) {
	w := s.w
	for i := range w.undo {
		w.undo[i].h.saved = false
	}
	clear(w.undo)
	w.undo, w.signed = w.undo[:0], false
	erased, after := w.erased, len(w.after)
	tx := &Tx{s: s, c: w.conn, w: w, now: s.cfg.Clock()}
	w.tx = tx
	if _, err := w.conn.exec(qSavepoint); err != nil {
		w.broken = s.meaning(err)
		return
	}
	func() {
		defer func() {
			tx.over = true
			if v := recover(); v != nil {
				a.panicked = &Panic{Value: v, Stack: debug.Stack()}
				a.err = refuse(errs.Internal, "store.act.panic", "store.do", "", "the act panicked")
			}
		}()
		a.err = a.fn(tx)
	}()
	if a.err == nil {
		a.err = tx.err // a method failed and the closure looked away: what it left behind is undone too
	}
	if w.broken != nil {
		return
	}
	if a.err != nil {
		w.restore()
		w.erased, w.after = erased, w.after[:after]
		if _, err := w.conn.exec(qRollbackTo); err != nil {
			w.broken = s.meaning(err)
			return
		}
	}
	if _, err := w.conn.exec(qRelease); err != nil {
		w.broken = s.meaning(err)
	}
}

// abandon undoes the group after err. When err is Fatal the store is finished.
func (s *Store) abandon(err error) {
	w := s.w
	w.broken = err
	w.forget()
	w.after = w.after[:0]
	// The engine may have rolled back on its own; then this fails and says nothing. If it failed otherwise, the next
	// begin fails inside the old transaction, which is Fatal.
	_, _ = w.conn.exec(qRollback)
	if errs.KindOf(err) == errs.Fatal {
		s.fail(err)
	}
}

// fail makes err the answer to everything from now on.
func (s *Store) fail(err error) {
	e := err.(*errs.Error)
	if s.fatal.CompareAndSwap(nil, e) {
		s.log.Error("durable storage failed: the node must stop", "code", string(e.Code))
		if s.cfg.OnFatal != nil {
			go s.cfg.OnFatal(e)
		}
	}
}

// meaning says what a failure of the engine is to the caller of Do.
func (s *Store) meaning(err error) error {
	e := &errs.Error{Op: "store.do", Err: err}
	switch sqlite.Classify(err) {
	case sqlite.Full:
		e.Kind, e.Code, e.Reason, e.Next = errs.Unavailable, "store.disk-full", "the disk is full; nothing was done", "free space, then try again"
	case sqlite.Busy:
		e.Kind, e.Code, e.Reason = errs.Unavailable, "store.busy", "another program holds the database"
	case sqlite.IO:
		e.Kind, e.Code, e.Reason, e.Next = errs.Fatal, "store.fsync", "writing or syncing failed; what the disk holds is unknown",
			"stop, examine the disk, and start again: what was acknowledged is read back"
	case sqlite.Corrupt:
		e.Kind, e.Code, e.Reason, e.Next = errs.Fatal, "store.corrupt", "the database file is not what was written", "restore from a backup; a new epoch follows"
	case sqlite.ReadOnly:
		e.Kind, e.Code, e.Reason = errs.Fatal, "store.medium", "the database file cannot be written"
	default:
		e.Kind, e.Code = errs.Fatal, "store.engine"
	}
	return e
}

// settle does, after a commit and before the answer, what the acts promised: erased keys leave the log too, and files
// of erased objects go.
func (s *Store) settle() {
	w := s.w
	for _, f := range w.after {
		f()
	}
	w.after = w.after[:0]
	if w.erased {
		s.checkpoint(sqlite.Truncate)
	}
}

// tidy bounds the write-ahead log and the cache of heads, while nobody waits for an answer.
func (s *Store) tidy(group []*act) {
	w := s.w
	if len(w.heads) > maxHeads {
		clear(w.heads)
		clear(w.origins)
	}
	if w.since += len(group); w.since < walActs && !group[0].alone {
		return
	}
	w.since = 0
	if pages, err := sqlite.Backlog(context.Background(), w.conn.sql); err != nil {
		s.checkpointFailed(err)
	} else if pages >= walPages {
		s.checkpoint(sqlite.Passive)
	}
}

func (s *Store) checkpoint(m sqlite.Mode) {
	start := time.Now()
	complete, err := sqlite.Checkpoint(context.Background(), s.w.conn.sql, m)
	if err != nil {
		s.checkpointFailed(err)
		return
	}
	if m == sqlite.Truncate && complete {
		s.w.erased = false
	}
	s.log.Debug("write-ahead log copied", "mode", string(m), "complete", complete, "took", time.Since(start))
}

// checkpointFailed: the log still has everything, so a full disk harms nothing yet; a failed sync ends the store.
func (s *Store) checkpointFailed(err error) {
	if e := s.meaning(err); errs.KindOf(e) == errs.Fatal {
		s.fail(e)
	} else {
		s.log.Warn("the write-ahead log could not be copied into the database", "code", string(errs.CodeOf(e)))
	}
}
