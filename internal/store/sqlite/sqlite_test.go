package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	lib "modernc.org/sqlite/lib"
)

var ctx = context.Background()

func fresh(t *testing.T) (*DB, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "with space?&%23.db")
	d, err := Open(path, 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	if err := d.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	return d, path
}

func TestPragmasHold(t *testing.T) {
	d, _ := fresh(t)
	for _, write := range []bool{true, false} {
		c, err := d.Conn(ctx, write)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1",
			"wal_autocheckpoint": "0", "busy_timeout": "1000", "query_only": map[bool]string{true: "0", false: "1"}[write]} {
			var got string
			if err := c.QueryRowContext(ctx, "pragma "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("writer %v: %s = %s, %v; want %s", write, pragma, got, err, want)
			}
		}
		if _, err := c.ExecContext(ctx, "insert into meta values ('a', x'00')"); (err == nil) != write {
			t.Errorf("writer %v may write: %v", write, err)
		}
	}
}

func TestOnlyItsOwnerReadsTheFiles(t *testing.T) {
	_, path := fresh(t)
	for _, p := range []string{path, path + "-wal"} {
		if st, err := os.Stat(p); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", filepath.Base(p), st, err)
		}
	}
}

func TestReopenIsQuickAndALaterSchemaIsRefused(t *testing.T) {
	d, path := fresh(t)
	d.Close()
	start := time.Now()
	d, err := Open(path, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	t.Logf("reopened in %v", time.Since(start))
	if ok, err := d.Current(ctx); !ok || err != nil {
		t.Error(ok, err)
	}
	if _, err := d.db.ExecContext(ctx, "insert into goose_db_version (version_id, is_applied) values (99, 1)"); err != nil {
		t.Fatal(err)
	}
	if err := d.Migrate(ctx); err != ErrNewer {
		t.Errorf("a later schema gives %v", err)
	}
}

func TestVersionIsThatOfTheLastMigration(t *testing.T) {
	names, err := embedded.ReadDir("migrations")
	if err != nil || len(names) != Version || !strings.HasPrefix(names[len(names)-1].Name(), "0000"+string('0'+rune(Version))) {
		t.Errorf("%d migrations, version %d, %v", len(names), Version, err)
	}
}

func TestCheckpointEmptiesTheLogUnlessAReaderHoldsIt(t *testing.T) {
	d, path := fresh(t)
	w, err := d.Conn(ctx, true)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	r, err := d.Conn(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := Backlog(ctx, w); n == 0 || err != nil {
		t.Fatalf("backlog %d, %v after the migrations", n, err)
	}
	for _, q := range []string{BeginRead, "select * from meta"} {
		if _, err := r.ExecContext(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.ExecContext(ctx, "insert into meta values ('a', x'00')"); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if done, err := Checkpoint(ctx, w, Truncate); done || err != nil || time.Since(start) > 500*time.Millisecond {
		t.Errorf("under a reader: complete %v, %v, after %v", done, err, time.Since(start))
	}
	if _, err := r.ExecContext(ctx, "rollback"); err != nil {
		t.Fatal(err)
	}
	if done, err := Checkpoint(ctx, w, Truncate); !done || err != nil {
		t.Errorf("complete %v, %v", done, err)
	}
	if st, err := os.Stat(path + "-wal"); err != nil || st.Size() != 0 {
		t.Errorf("the log has %d bytes, %v", st.Size(), err)
	}
	if n, err := Backlog(ctx, w); n != 0 || err != nil {
		t.Errorf("backlog %d, %v", n, err)
	}
}

func TestReadOnlyLeavesNoTrace(t *testing.T) {
	d, path := fresh(t)
	d.Close()
	if _, err := OpenReadOnly(path+"x", 1); err == nil {
		t.Error("opened a file that is not there")
	}
	ro, err := OpenReadOnly(path, 2)
	if err != nil {
		t.Fatal(err)
	}
	c, err := ro.Conn(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	if findings, err := Check(ctx, c); err != nil || len(findings) != 0 {
		t.Error(findings, err)
	}
	if _, err := c.ExecContext(ctx, "delete from meta"); err == nil {
		t.Error("a read-only database was written")
	}
	names, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(names) != 1 {
		t.Errorf("files after reading: %v, %v", names, err)
	}
	c.Close()
	ro.Close()
}

func TestClassesOfFailures(t *testing.T) {
	for code, want := range map[int]Class{
		lib.SQLITE_OK: None, lib.SQLITE_ERROR: Other, lib.SQLITE_TOOBIG: Other, lib.SQLITE_NOMEM: Other, lib.SQLITE_IOERR_NOMEM: Other,
		lib.SQLITE_CONSTRAINT_UNIQUE: Constraint, lib.SQLITE_CONSTRAINT_FOREIGNKEY: Constraint,
		lib.SQLITE_BUSY: Busy, lib.SQLITE_BUSY_SNAPSHOT: Busy, lib.SQLITE_LOCKED: Busy, lib.SQLITE_FULL: Full,
		lib.SQLITE_IOERR: IO, lib.SQLITE_IOERR_FSYNC: IO, lib.SQLITE_IOERR_DIR_FSYNC: IO, lib.SQLITE_IOERR_WRITE: IO,
		lib.SQLITE_IOERR_TRUNCATE: IO, lib.SQLITE_IOERR_SHMMAP: IO, lib.SQLITE_CANTOPEN: IO,
		lib.SQLITE_CORRUPT: Corrupt, lib.SQLITE_CORRUPT_INDEX: Corrupt, lib.SQLITE_NOTADB: Corrupt,
		lib.SQLITE_READONLY: ReadOnly, lib.SQLITE_READONLY_DBMOVED: ReadOnly,
	} {
		if got := classOf(code); got != want {
			t.Errorf("code %d is class %d, want %d", code, got, want)
		}
	}
	d, _ := fresh(t)
	_, err := d.db.ExecContext(ctx, "insert into leaf values (7, 0, x'00')")
	if Classify(err) != Constraint {
		t.Errorf("a leaf of no journal: %v", err)
	}
	if Classify(context.Canceled) != Other || Classify(nil) != None {
		t.Error("foreign errors")
	}
}
