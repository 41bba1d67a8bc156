// Package sqlite opens the embedded database of a node: driver, pragmas, migrations, checkpoints of the write-ahead
// log, and what an error of the engine means. It knows no table; package store owns the statements, which are written
// so that another engine can run them, and calls this package for everything that only SQLite has.
//
// # Use
//
// [Open] for a node, [OpenReadOnly] for an auditor. [DB.Conn] gives connections that stay with their owner, because
// transactions and prepared statements belong to a connection. [Classify] says what a failure means.
//
// # What is promised
//
// The journal mode is WAL and every commit is synced (synchronous=FULL): when COMMIT returns, the transaction
// survives a crash of process, system and power, as far as the disk tells the truth. Freed content is overwritten with
// zeros (secure_delete); copies in the write-ahead log go with [Truncate]. The engine never checkpoints on its own:
// its automatic checkpoint would swallow a failed sync, so the owner calls [Checkpoint] and sees the error.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // the driver, registered as "sqlite"
)

// The statements that open a transaction. Reads take their snapshot with the first statement after BeginRead.
const (
	BeginWrite = "begin immediate"
	BeginRead  = "begin deferred"
)

// Limits of the engine's working memory and waiting; each with its reason.
const (
	busyTimeout = "1000"   // ms; only a foreign process can hold a lock, and it must not stall a node for long
	writerCache = "-32768" // KiB; the random index pages of a group of 512 acts over a million statements
	readerCache = "-8192"  // KiB
	walLimit    = "67108864"
)

// DB is an open database.
type DB struct{ db *sql.DB }

// Open opens or creates the database file at path, readable by its owner only, for at most conns connections. The
// caller holds a lock that keeps every other writer out.
func Open(path string, conns int) (*DB, error) {
	// The engine gives the write-ahead log the mode of the database file, so the mode is decided here.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(f.Close(), SyncDir(filepath.Dir(path))); err != nil {
		return nil, err
	}
	return open(path, conns, url.Values{"_pragma": {
		"busy_timeout(" + busyTimeout + ")",
		"journal_mode(wal)",
		"synchronous(full)",
		"foreign_keys(on)",
		"secure_delete(on)",
		"wal_autocheckpoint(0)",
		"journal_size_limit(" + walLimit + ")",
		"cache_size(" + readerCache + ")",
		"temp_store(memory)",
		"trusted_schema(off)",
		"cell_size_check(on)",
	}, "_defensive": {"1"}})
}

// OpenReadOnly opens an existing database file without ever writing to it. Where no write-ahead log lies beside the
// file, or an empty one that nobody uses, nothing is written to the directory either, so that evidence on a read-only
// medium can be examined.
func OpenReadOnly(path string, conns int) (*DB, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	q := url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(" + busyTimeout + ")", "query_only(on)", "trusted_schema(off)",
		"cell_size_check(on)", "temp_store(memory)"}}
	if st, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) || err == nil && st.Size() == 0 {
		// A log that is empty now will not stay so where its index lies beside it: somebody has the database open.
		if _, err := os.Stat(path + "-shm"); errors.Is(err, fs.ErrNotExist) {
			q.Set("immutable", "1")
		}
	}
	return open(path, conns, q)
}

func open(path string, conns int, q url.Values) (*DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(abs), RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	return &DB{db: db}, nil
}

// Conn returns a connection of its own. A reader's refuses to write.
func (d *DB) Conn(ctx context.Context, write bool) (*sql.Conn, error) {
	c, err := d.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	// From now on a connection given back is closed: its owner gives it back only when it is not to be trusted.
	d.db.SetMaxIdleConns(0)
	pragma := "pragma query_only(on)"
	if write {
		pragma = "pragma cache_size(" + writerCache + ")"
	}
	if _, err := c.ExecContext(ctx, pragma); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close closes the database. Connections must have been closed before; the engine then empties the write-ahead log.
func (d *DB) Close() error { return d.db.Close() }

// A Mode of checkpoint.
type Mode string

const (
	// Passive copies what it can from the write-ahead log to the database and syncs both; it waits for nobody.
	Passive Mode = "passive"
	// Truncate does all of that and cuts the log to nothing, so that no erased byte remains in it. It is Busy while a
	// reader is open.
	Truncate Mode = "truncate"
	// measure only tells sizes.
	measure Mode = "noop"
)

// Checkpoint runs a checkpoint on a writer's connection, outside a transaction. complete is false when readers kept
// part of the log in use; that is no error, try again later.
func Checkpoint(ctx context.Context, c *sql.Conn, m Mode) (complete bool, err error) {
	if m == Truncate { // never stall the node behind a long reader
		if _, err := c.ExecContext(ctx, "pragma busy_timeout(0)"); err != nil {
			return false, err
		}
		defer func() {
			_, e := c.ExecContext(ctx, "pragma busy_timeout("+busyTimeout+")")
			err = errors.Join(err, e)
		}()
	}
	busy, log, done, err := checkpoint(ctx, c, m)
	return busy == 0 && log == done, err
}

// Backlog returns how many pages of the write-ahead log are not in the database yet.
func Backlog(ctx context.Context, c *sql.Conn) (pages int64, err error) {
	_, log, done, err := checkpoint(ctx, c, measure)
	return log - done, err
}

func checkpoint(ctx context.Context, c *sql.Conn, m Mode) (busy, log, done int64, err error) {
	err = c.QueryRowContext(ctx, "pragma wal_checkpoint("+string(m)+")").Scan(&busy, &log, &done)
	return
}

// Check asks the engine whether the file is sound and every reference resolves. It returns one line per finding,
// naming tables and pages, never content.
func Check(ctx context.Context, c *sql.Conn) (findings []string, err error) {
	collect := func(query string, dest []any, line func() string) error {
		rows, err := c.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(dest...); err != nil {
				return err
			}
			if s := line(); s != "ok" {
				findings = append(findings, s)
			}
		}
		return rows.Err()
	}
	var s, table, parent string
	var row, key any
	if err := collect("pragma quick_check(100)", []any{&s}, func() string { return s }); err != nil {
		return nil, err
	}
	if err := collect("pragma foreign_key_check", []any{&table, &row, &parent, &key}, func() string {
		return "a row of " + table + " refers to no row of " + parent
	}); err != nil {
		return nil, err
	}
	return findings, nil
}

// SyncDir makes the names in a directory durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
