package measure

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"time"

	"entente/internal/store/sqlite"
	"entente/seal"

	"golang.org/x/mod/sumdb/tlog"
)

// Names of rows that others are compared with.
const (
	Fsync       = "fsync, 4 KiB append"
	PlainSingle = "peer: SQLite, one row of 4 KiB a commit"
)

// Calibrate measures the machine: a synced append, the digest and the encapsulation everything rests on, and the peers.
//
// The first peer is a plain SQLite table with the store's own driver and pragmas that commits one row of 4 KiB at a time, and a
// hundred at a time: what a program would get that kept the same bytes without journals, signatures or encryption. The
// second is the Merkle log of golang.org/x/mod/sumdb/tlog, appending records of 4 KiB in memory. Files are made below dir
// and removed again; each row takes about d.
func Calibrate(dir string, d time.Duration) ([]Row, error) {
	dir, err := os.MkdirTemp(dir, "entente-calibrate-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	block := make([]byte, 4<<10)
	rand.Read(block)
	var rows []Row
	for _, step := range []func(string, []byte, time.Duration) ([]Row, error){fsync, primitives, plain, log} {
		more, err := step(dir, block, d)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// times is how often something that takes about a disk's sync is done in d.
func times(d time.Duration) int { return max(50, int(d/(500*time.Microsecond))) }

func fsync(dir string, block []byte, d time.Duration) (rows []Row, err error) {
	f, err := os.OpenFile(filepath.Join(dir, "append"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	r, err := Each(Fsync, times(d), func(int) error {
		if _, err := f.Write(block); err != nil {
			return err
		}
		return f.Sync()
	})
	return []Row{r}, err
}

func primitives(_ string, block []byte, d time.Duration) ([]Row, error) {
	large := make([]byte, 1<<20)
	k, err := seal.GenerateKEM(seal.Hybrid)
	if err != nil {
		return nil, err
	}
	pub, info := k.Public(), []byte("bench")
	box, err := seal.SealTo(pub, info, block)
	if err != nil {
		return nil, err
	}
	var rows []Row
	for _, p := range []struct {
		name string
		size int64
		fn   func() error
	}{
		{"SHA-384, 4 KiB", int64(len(block)), func() error { sha512.Sum384(block); return nil }},
		{"SHA-384, 1 MiB", int64(len(large)), func() error { sha512.Sum384(large); return nil }},
		{"HPKE hybrid seal, 4 KiB", 0, func() error { _, err := seal.SealTo(pub, info, block); return err }},
		{"HPKE hybrid open, 4 KiB", 0, func() error { _, err := k.Open(info, box); return err }},
	} {
		r, err := Time(p.name, p.size, d, p.fn)
		if err != nil {
			return nil, err
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func plain(dir string, block []byte, d time.Duration) (rows []Row, err error) {
	ctx := context.Background()
	db, err := sqlite.Open(filepath.Join(dir, "plain.db"), 1)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	c, err := db.Conn(ctx, true)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if _, err := c.ExecContext(ctx, "create table item (id integer primary key, bytes blob not null)"); err != nil {
		return nil, err
	}
	put, err := c.PrepareContext(ctx, "insert into item (bytes) values ($1)")
	if err != nil {
		return nil, err
	}
	defer put.Close()
	for _, batch := range []int{1, 100} {
		name := PlainSingle
		if batch > 1 {
			name = "peer: SQLite, 100 rows of 4 KiB a commit"
		}
		r, err := Each(name, times(d)/min(batch, 10), func(int) error { return insert(ctx, c, put, block, batch) })
		if err != nil {
			return nil, err
		}
		r.RatePerS *= float64(batch) // rows
		rows = append(rows, r)
		if _, err := sqlite.Checkpoint(ctx, c, sqlite.Truncate); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func insert(ctx context.Context, c *sql.Conn, put *sql.Stmt, block []byte, n int) error {
	if _, err := c.ExecContext(ctx, sqlite.BeginWrite); err != nil {
		return err
	}
	for range n {
		if _, err := put.ExecContext(ctx, block); err != nil {
			return err
		}
	}
	_, err := c.ExecContext(ctx, "commit")
	return err
}

// hashes is a log's stored hashes in memory.
type hashes []tlog.Hash

func (h hashes) ReadHashes(at []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(at))
	for i, x := range at {
		out[i] = h[x]
	}
	return out, nil
}

func log(_ string, block []byte, d time.Duration) ([]Row, error) {
	var stored hashes
	n := int64(0)
	r, err := Time("peer: x/mod tlog, append of 4 KiB in memory", 0, d, func() error {
		more, err := tlog.StoredHashes(n, block, stored)
		stored, n = append(stored, more...), n+1
		return err
	})
	return []Row{r}, err
}
