// Package store is the one unit of work of a node: everything a node must not forget goes through it, in transactions.
//
// # Use
//
// [Open] a directory, then [Store.Do] to change and [Store.View] to read. Both hand a [Tx] to a closure:
//
//	err := s.Do(ctx, func(tx *store.Tx) error {
//		j, err := tx.Journal(origin)
//		if err != nil {
//			return err
//		}
//		if err := tx.AppendLeaves(j, [][]byte{leaf}); err != nil {
//			return err
//		}
//		return tx.PutBody(j, j.Size-1, store.Act, store.Present, salt, act)
//	})
//
// A closure is one act. It has no effect outside the transaction: it sends nothing, answers nobody and changes nothing
// in memory, because it may yet be undone. It does not call Do or View itself, nor keep the Tx. It runs on the store's
// goroutine, so it computes little: sign and encrypt to partners outside.
//
// # What is promised
//
//   - When Do returns nil, the act is on the disk and survives a crash of process, system and power. When it returns an
//     error that is not Fatal, nothing of it happened. An act whose context ends before it began is not run; once begun it is finished.
//   - Acts are committed in groups, one sync for all that queued while the group before was being synced. A refused act
//     is undone alone; the others of its group stand. Nobody is answered before the commit.
//   - When the disk is full, the acts of the group fail with Kind Unavailable (store.disk-full) and the store goes on.
//     When writing or syncing fails, nobody knows what the disk holds: the acts fail with Kind Fatal (store.fsync),
//     Config.OnFatal is called once, and the store refuses everything until the process starts again. Only then, of
//     acts that failed with Kind Fatal, is it known which happened: whole groups, never parts.
//   - A journal's leaves, tiles, size and root change in one transaction. [Store.Rebuild] remakes what is derived.
//   - Acts, contents and docs are encrypted, each under a key of its own; keys are wrapped under Config.Key in one
//     table. Erasing the key row destroys the item, and the write-ahead log is emptied after it. What is plain is so by
//     design: leaves, checkpoints, cosignatures, receipts, statement ids and types, public documents.
//   - One process per directory. One realm and one storage key per database.
//   - A marker outside the database remembers the greatest heads ever signed, so that a restored backup is noticed
//     ([Store.CheckMarker]). It is on disk before anybody is told that an own checkpoint is stored.
//
// # Layout
//
// DIR/lock, DIR/entente.db (SQLite, write-ahead log), DIR/objects/ (sealed containers, named by their root).
// SQL is written once, for any engine, in queries.go; package sqlite has what only SQLite needs.
package store

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"entente/errs"
	"entente/internal/store/sqlite"
	"entente/party"
	"entente/seal"

	"golang.org/x/sys/unix"
)

// Limits of the store; each with its reason.
const (
	// DefaultGroup bounds the acts of one commit: beyond it the sync is no longer what costs, and one failure fails more.
	DefaultGroup = 512
	// readers bounds the views at one time: reading is CPU-bound in memory, more would only queue there.
	readers = 4
	// walActs is how many acts may pass before the size of the write-ahead log is asked for again, which costs as much
	// as writing one of them.
	walActs = 64
	// walPages starts a checkpoint of the write-ahead log, in pages of 4 KiB: 4 MiB to replay after a crash.
	walPages = 1000
	// maxHeads bounds the journals whose right edge is kept in memory, some 20 KiB each.
	maxHeads = 1024
	// seenBundles is how many bundle ids are remembered to notice a duplicate.
	seenBundles = 1 << 16
)

const databaseName = "entente.db"

// Config says what to open. Dir, Realm, Key and Clock are required.
type Config struct {
	Dir        string           // data directory; made when it is not there, unless MustExist
	Realm      party.Realm      // of the database; another realm is refused
	Key        [32]byte         // storage key: wraps the key of every item
	Clock      func() time.Time // read once per unit of work
	OnFatal    func(error)      // called once, on a goroutine of its own, after durable storage failed; may be nil
	GroupMax   int              // most acts in one commit; 0 is DefaultGroup
	Logger     *slog.Logger     // what an operator should know; nil is silence. Never content
	MustExist  bool             // refuse to make a database, so that a mistyped path cannot start a second journal
	MarkerPath string           // file that remembers signed heads, on another medium; "" keeps none
}

// Store is an open data directory. Its methods may be called from any goroutine, but not from inside a closure.
type Store struct {
	cfg  Config
	log  *slog.Logger
	db   *sqlite.DB
	lock *os.File // nil when read only
	wrap *seal.ItemCipher

	// To the writer goroutine, which alone owns w. acts is unbuffered: an act that was not taken has not begun.
	acts    chan *act
	w       *writer
	closing chan struct{}
	stopped chan struct{}

	slots  chan *conn // one per reader; nil: not opened yet
	fatal  atomic.Pointer[errs.Error]
	close  sync.Once
	closed error
}

func refuse(kind errs.Kind, code errs.Code, op, subject, reason string) *errs.Error {
	return &errs.Error{Kind: kind, Code: code, Op: op, Subject: subject, Reason: reason}
}

// Open opens or makes the data directory. It finishes what a crash left half done: uncommitted rows vanish, objects to
// be erased are erased, temporary files removed. Codes: store.config, store.key.unset, store.missing, store.locked,
// store.realm, store.key, store.version, store.open.
func Open(cfg Config) (*Store, error) {
	switch {
	case cfg.Dir == "" || !cfg.Realm.Valid() || cfg.Clock == nil || cfg.GroupMax < 0:
		return nil, refuse(errs.Invalid, "store.config", "store.open", "", "directory, realm and clock are required")
	case cfg.Key == [32]byte{}:
		return nil, refuse(errs.Invalid, "store.key.unset", "store.open", "", "the storage key is not set")
	}
	if cfg.GroupMax == 0 {
		cfg.GroupMax = DefaultGroup
	}
	s := newStore(cfg)
	path := filepath.Join(cfg.Dir, databaseName)
	if cfg.MustExist {
		if _, err := os.Stat(path); err != nil {
			return nil, &errs.Error{Kind: errs.NotFound, Code: "store.missing", Op: "store.open", Reason: "there is no database in this directory",
				Next: "check the path, or run init to make a new node", Err: err}
		}
	}
	if err := os.MkdirAll(s.objectDir(), 0o700); err != nil {
		return nil, openFailed(err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s.lock = lock
	if err := s.start(path); err != nil {
		err = openFailed(errors.Join(err, s.release()))
		return nil, err
	}
	return s, nil
}

// OpenReadOnly opens a data directory, or a copy of one, without keys and without writing: to verify offline what is
// plain by design. Acts, contents and docs answer with Kind Withheld (store.key.absent); Do is refused. A running node
// is not disturbed. Codes: store.missing, store.version, store.open.
func OpenReadOnly(dir string) (*Store, error) {
	s := newStore(Config{Dir: dir, Clock: time.Now})
	db, err := sqlite.OpenReadOnly(filepath.Join(dir, databaseName), readers)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &errs.Error{Kind: errs.NotFound, Code: "store.missing", Op: "store.open", Reason: "there is no database in this directory", Err: err}
	} else if err != nil {
		return nil, openFailed(err)
	}
	s.db = db
	err = func() error {
		if ok, err := db.Current(context.Background()); err != nil {
			return err
		} else if !ok {
			return refuse(errs.Refused, "store.version", "store.open", "", "the database has another schema version than this program")
		}
		return s.View(context.Background(), func(tx *Tx) error {
			realm, err := tx.meta("realm")
			s.cfg.Realm = party.Realm(realm)
			return err
		})
	}()
	if err != nil {
		return nil, openFailed(errors.Join(err, s.Close()))
	}
	return s, nil
}

func newStore(cfg Config) *Store {
	s := &Store{cfg: cfg, log: cfg.Logger, acts: make(chan *act), closing: make(chan struct{}), stopped: make(chan struct{}),
		slots: make(chan *conn, readers)}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	for range readers {
		s.slots <- nil
	}
	return s
}

func openFailed(err error) error {
	if errs.CodeOf(err) != "" {
		return err
	}
	return &errs.Error{Kind: errs.Unavailable, Code: "store.open", Op: "store.open", Err: err}
}

// lockDir takes the lock that keeps a second process, or a second Open, out. The system drops it with the process.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, openFailed(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, &errs.Error{Kind: errs.Unavailable, Code: "store.locked", Op: "store.open", Reason: "another process has this directory open",
			Next: "stop it first; two nodes with one key would contradict each other", Err: err}
	}
	return f, nil
}

// start opens the database under the lock and starts the writer.
func (s *Store) start(path string) error {
	ctx := context.Background()
	db, err := sqlite.Open(path, 1+readers)
	if err != nil {
		return err
	}
	s.db = db
	if err := db.Migrate(ctx); errors.Is(err, sqlite.ErrNewer) {
		return &errs.Error{Kind: errs.Refused, Code: "store.version", Op: "store.open", Next: "use the program that wrote it, or a later one", Err: err}
	} else if err != nil {
		return err
	}
	c, err := db.Conn(ctx, true)
	if err != nil {
		return err
	}
	s.w = &writer{conn: &conn{sql: c}, heads: map[int64]*head{}, origins: map[string]*head{}}
	if err := s.identify(); err != nil {
		return err
	}
	// If the process died between erasing a key and emptying the log, the log is emptied now.
	complete, err := sqlite.Checkpoint(ctx, c, sqlite.Truncate)
	if err != nil {
		return err
	}
	s.w.erased = !complete // an auditor reads along: after him
	if err := s.sweepObjects(); err != nil {
		return err
	}
	go s.write()
	return nil
}

// Realm returns the realm of the database.
func (s *Store) Realm() party.Realm { return s.cfg.Realm }

// Close lets the running group and views finish, empties the write-ahead log, and gives the directory free. Acts that
// have not begun fail with store.closed. Calling it again returns the same.
func (s *Store) Close() error {
	s.close.Do(func() { s.closed = s.shut() })
	return s.closed
}

func (s *Store) shut() error {
	close(s.closing)
	if s.w != nil {
		<-s.stopped
	}
	return s.release()
}

// release closes what is open, in the order in which it depends on each other.
func (s *Store) release() (err error) {
	for range readers {
		if c := <-s.slots; c != nil {
			err = errors.Join(err, c.close())
		}
	}
	if s.w != nil {
		err = errors.Join(err, s.w.conn.close())
	}
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}

// failed returns the failure after which the store refuses everything, or nil.
func (s *Store) failed() error {
	if e := s.fatal.Load(); e != nil {
		return e
	}
	return nil
}

func errClosed() error {
	return refuse(errs.Unavailable, "store.closed", "store", "", "the store is closed")
}
