package store_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"entente/errs"
	"entente/internal/store"
	"entente/internal/store/sqlite"
	"entente/internal/store/storetest"
	"entente/seal"
)

func TestAFullDiskFailsTheGroupAndPasses(t *testing.T) {
	cfg := config(t.TempDir())
	fatal := false
	cfg.OnFatal = func(error) { fatal = true }
	s := open(t, cfg)
	j := storetest.Made(t, s, storetest.Origin(1), true, 3)
	limit := func(pages int) {
		t.Helper()
		storetest.Do(t, s, func(tx *store.Tx) error { return tx.Exec(fmt.Sprintf("pragma max_page_count(%d)", pages)) })
	}
	limit(1) // the engine never goes below what is used
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() { s.Do(ctx, func(*store.Tx) error { close(started); <-release; return nil }) })
	<-started
	refusal := errors.New("no")
	for i := range 30 { // together they do not fit, though some alone would
		wg.Go(func() {
			err := s.Do(ctx, func(tx *store.Tx) error {
				if i == 7 {
					return refusal
				}
				j, err := tx.Journal(storetest.Origin(1).String())
				if err == nil {
					err = tx.AppendLeaves(j, [][]byte{{9}})
				}
				if err == nil {
					err = tx.PutDoc("d", fmt.Sprint(i), "", 0, make([]byte, 100_000))
				}
				return err
			})
			if err == refusal && i == 7 {
				return
			}
			if errs.KindOf(err) != errs.Unavailable || errs.CodeOf(err) != "store.disk-full" {
				t.Errorf("act %d: %v", i, err)
			}
		})
	}
	close(release)
	wg.Wait()
	look := func(size uint64, docs int) {
		t.Helper()
		if err := s.View(ctx, func(tx *store.Tx) error {
			j, err1 := tx.Journal(storetest.Origin(1).String())
			all, err2 := tx.Docs("d", "", store.First, "", 99)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			if j.Size != size || len(all) != docs {
				t.Errorf("%d leaves, %d docs", j.Size, len(all))
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	}
	look(3, 0)
	limit(1 << 30)
	storetest.Do(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.AppendLeaves(j, [][]byte{{9}}), tx.PutDoc("d", "a", "", 0, make([]byte, 100_000)))
	})
	look(4, 1)
	if problems, err := s.Integrity(ctx); err != nil || len(problems) != 0 || fatal {
		t.Error(problems, err, fatal)
	}
}

func TestAForeignLockPassesWithoutHarm(t *testing.T) {
	t.Parallel() // it waits a second for the lock
	cfg := config(t.TempDir())
	s := open(t, cfg)
	db, err := sqlite.Open(filepath.Join(cfg.Dir, "entente.db"), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c, err := db.Conn(ctx, true)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	count := func(tx *store.Tx) error { _, err := tx.Counter("n"); return err }
	for _, q := range []string{sqlite.BeginWrite, "insert into counter values ('foreign', 1)"} {
		if _, err := c.ExecContext(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	err = s.Do(ctx, count)
	if errs.KindOf(err) != errs.Unavailable || errs.CodeOf(err) != "store.busy" {
		t.Error(err)
	}
	if _, err := c.ExecContext(ctx, "rollback"); err != nil {
		t.Fatal(err)
	}
	storetest.Do(t, s, count)
}

// copyDir copies what a crash would leave, except the lock and the shared memory, which die with the process.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	os.Remove(filepath.Join(to, "lock"))
	os.Remove(filepath.Join(to, "entente.db-shm"))
	return to
}

func TestEveryCrashImageHoldsExactlyWhatWasCommitted(t *testing.T) {
	cfg := config(t.TempDir())
	cfg.GroupMax = 1
	s := open(t, cfg)
	var acknowledged []string
	images := map[string][]string{} // directory: what had been acknowledged when it was taken
	for i := range 6 {
		var id string
		storetest.Do(t, s, func(tx *store.Tx) (err error) {
			if id, err = step(tx, 0); err == nil { // in the middle of a transaction that may never commit
				images[copyDir(t, cfg.Dir)] = append([]string(nil), acknowledged...)
			}
			return err
		})
		acknowledged = append(acknowledged, id)
		if i == 3 {
			if done, err := s.Checkpoint(); !done || err != nil {
				t.Fatal(done, err)
			}
		}
	}
	last := copyDir(t, cfg.Dir)
	s.Close()
	for dir, ack := range images {
		if n := verify(t, dir, ack); n != len(ack) {
			t.Errorf("%d steps where %d were committed", n, len(ack))
		}
	}
	// A write that was torn anywhere: what is whole stays, what is not never was.
	wal := filepath.Join(last, "entente.db-wal")
	st, err := os.Stat(wal)
	if err != nil || st.Size() == 0 {
		t.Fatal(st, err)
	}
	seen := map[int]bool{}
	for cut := st.Size(); cut >= 0; cut -= st.Size()/12 + 1 {
		dir := copyDir(t, last)
		if err := os.Truncate(filepath.Join(dir, "entente.db-wal"), cut); err != nil {
			t.Fatal(err)
		}
		seen[verify(t, dir, acknowledged[:4])] = true // four were in the database file, past any tearing of the log
	}
	if !seen[4] || !seen[6] {
		t.Errorf("the cuts left %v steps", seen)
	}
}

func TestAnObjectThatACrashInterruptedIsFinishedOrForgotten(t *testing.T) {
	cfg := config(t.TempDir())
	s := open(t, cfg)
	write := func(b string) ([48]byte, int64) {
		root, n, err := s.StageObject(func(w io.Writer) error { _, err := io.WriteString(w, b); return err })
		if err != nil {
			t.Fatal(err)
		}
		return root, n
	}
	kept, n := write("kept")
	storetest.Do(t, s, func(tx *store.Tx) error { return tx.PutObject(kept, n) })
	orphan, _ := write("never recorded")
	gone, n := write("gone")
	storetest.Do(t, s, func(tx *store.Tx) error { return tx.PutObject(gone, n) })
	var file string // comes back as if the process had died before it was removed
	filepath.WalkDir(filepath.Join(cfg.Dir, "objects"), func(path string, d os.DirEntry, err error) error {
		if strings.HasPrefix(d.Name(), fmt.Sprintf("%x", gone[:])) {
			file = path
		}
		return nil
	})
	storetest.Do(t, s, func(tx *store.Tx) error { return tx.DestroyObject(gone) })
	b := make([]byte, seal.LeafSize+1)
	tree := seal.NewTree()
	tree.Write(b)
	part := func(i uint64) store.Part {
		proof, _ := tree.Proof(i)
		return store.Part{Index: i, Data: b[i*seal.LeafSize : min(len(b), int(i+1)*seal.LeafSize)], Proof: proof}
	}
	if done, err := s.PutParts(ctx, tree.Root(), tree.Size(), []store.Part{part(1)}); done || err != nil {
		t.Fatal(done, err)
	}
	s.Close()
	for path, b := range map[string]string{file: "gone", filepath.Join(cfg.Dir, "objects", "incoming", "123.tmp"): "half"} {
		if err := os.WriteFile(path, []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		s = open(t, cfg)
		var names []string
		filepath.WalkDir(filepath.Join(cfg.Dir, "objects"), func(path string, d os.DirEntry, err error) error {
			if !d.IsDir() {
				names = append(names, d.Name())
			}
			return nil
		})
		root := tree.Root()
		if want := []string{fmt.Sprintf("%x", kept[:]), fmt.Sprintf("%x.part", root[:])}; len(names) != 2 || !strings.Contains(strings.Join(names, " "), want[0]) ||
			!strings.Contains(strings.Join(names, " "), want[1]) {
			t.Errorf("files %v", names)
		}
		if err := s.View(ctx, func(tx *store.Tx) error {
			if o, err := tx.Object(gone); err != nil || o.State != store.ObjectDestroyed {
				t.Error(o, err)
			}
			_, err := tx.Object(orphan)
			storetest.Want(t, err, "store.object.unknown")
			return nil
		}); err != nil {
			t.Error(err)
		}
		s.Close()
	}
	s = open(t, cfg)
	if done, err := s.PutParts(ctx, tree.Root(), tree.Size(), []store.Part{part(0)}); !done || err != nil {
		t.Error("the transfer does not resume:", done, err)
	}
	f, _, err := s.OpenObject(ctx, tree.Root())
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestDamageIsFoundAndWhatIsDerivedIsMended(t *testing.T) {
	const noKeys = "pragma foreign_keys(off); "
	for name, c := range map[string]struct {
		sql     string
		problem errs.Code // what Integrity says first; "" where it cannot know
		derived bool      // a rebuild mends it
		refusal errs.Code // of a rebuild that must not touch it
	}{
		"a lost tile":        {"delete from tile where level = 0 and n = 0", "journal.tile.read", true, ""},
		"a changed tile":     {"update tile set hashes = zeroblob(8192) where level = 0 and n = 0", "journal.tile.corrupt", true, ""},
		"a changed root":     {"update journal set root = zeroblob(32)", "store.corrupt", true, ""},
		"a wrong size":       {"update journal set size = size - 1", "store.corrupt", true, ""},
		"a lost index":       {"delete from statement", "", true, ""},
		"a lost key":         {"delete from item_key where id = 3", "store.item", false, ""},
		"a changed leaf":     {"update leaf set bytes = x'00' where idx = 17", "store.corrupt", false, "store.rebuild.contradicts"},
		"a lost last leaf":   {noKeys + "delete from leaf where idx = 299", "store.corrupt", false, "store.rebuild.lost"},
		"a lost middle leaf": {noKeys + "delete from leaf where idx = 100", "store.corrupt", false, "store.rebuild.lost"},
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, config(t.TempDir()))
			o := storetest.Origin(1)
			storetest.Made(t, s, o, true, 0)
			storetest.Do(t, s, func(tx *store.Tx) error {
				j, err := tx.Journal(o.String())
				for i := uint64(0); i < 300 && err == nil; i++ {
					said := storetest.Say(t, o, i, 1)
					if err = tx.AppendLeaves(j, [][]byte{said.Leaf}); err == nil && i > 290 {
						err = errors.Join(tx.PutBody(j, i, store.Act, store.Present, said.Act.Salt, said.Act.Bytes),
							tx.IndexStatement(o.Channel, j, i, said.ID, said.Thread, string(said.Type)))
					}
				}
				if err != nil {
					return err
				}
				// Only the text of a note is looked at here; signatures are the business of whoever put it.
				return tx.PutCheckpoint(j, j.Size, append(j.Checkpoint().Text(), "\nlines\n"...))
			})
			before, err := s.StateDigest(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Damage(c.sql); err != nil {
				t.Fatal(err)
			}
			problems, err := s.Integrity(ctx)
			if err != nil || (len(problems) == 0) != (c.problem == "") || c.problem != "" && problems[0].Code != c.problem {
				t.Errorf("problems %+v, %v", problems, err)
			}
			r, err := s.Rebuild(ctx)
			storetest.Want(t, err, c.refusal)
			if c.refusal != "" || err != nil {
				return
			}
			if r.After != before || (r.Before != before) != c.derived {
				t.Errorf("before the damage %x, damaged %x, mended %x", before[:4], r.Before[:4], r.After[:4])
			}
			if after, err := s.StateDigest(ctx); err != nil || after != before {
				t.Error("the mended store is another", err)
			}
			storetest.Do(t, s, func(tx *store.Tx) error {
				j, err := tx.Journal(o.String())
				if err != nil {
					return err
				}
				return tx.AppendLeaves(j, [][]byte{{1}})
			})
		})
	}
}
