package store_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"entente/errs"
	"entente/internal/store"
	"entente/internal/store/storetest"
)

func refuses(t *testing.T, cfg store.Config, code errs.Code) {
	t.Helper()
	s, err := store.Open(cfg)
	storetest.Want(t, err, code)
	if err == nil {
		s.Close()
	}
}

func TestOpenRefusesWhatItCannotTrust(t *testing.T) {
	good := config(t.TempDir())
	change := func(f func(*store.Config)) store.Config { c := good; f(&c); return c }
	missing := filepath.Join(good.Dir, "none")
	refuses(t, change(func(c *store.Config) { c.MustExist = true }), "store.missing")
	refuses(t, change(func(c *store.Config) { c.Dir = missing; c.MustExist = true }), "store.missing")
	if _, err := os.Stat(missing); err == nil {
		t.Error("a refused open made a directory")
	}
	s := open(t, good)
	refuses(t, good, "store.locked")
	storetest.Do(t, s, func(*store.Tx) error { return nil })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	refuses(t, change(func(c *store.Config) { c.Key[5] ^= 1 }), "store.key")
	refuses(t, change(func(c *store.Config) { c.Key = [32]byte{} }), "store.key.unset")
	refuses(t, change(func(c *store.Config) { c.Realm = "live" }), "store.realm")
	refuses(t, change(func(c *store.Config) { c.Realm = "practice" }), "store.config")
	refuses(t, change(func(c *store.Config) { c.Clock = nil }), "store.config")
	refuses(t, change(func(c *store.Config) { c.Dir = "" }), "store.config")

	start := time.Now()
	s = open(t, change(func(c *store.Config) { c.MustExist = true }))
	if d := time.Since(start); d > 100*time.Millisecond {
		t.Logf("reopening took %v", d) // 2 ms on an idle machine
	}
	if s.Realm() != good.Realm {
		t.Error(s.Realm())
	}
	storetest.Do(t, s, func(tx *store.Tx) error {
		return tx.Exec("insert into goose_db_version (version_id, is_applied) values (99, 1)")
	})
	s.Close()
	refuses(t, good, "store.version")
	_, err := store.OpenReadOnly(good.Dir)
	storetest.Want(t, err, "store.version")
}

func TestAClosedStoreRefuses(t *testing.T) {
	s := open(t, config(t.TempDir()))
	s.Close()
	storetest.Want(t, s.Do(ctx, func(*store.Tx) error { return nil }), "store.closed")
	storetest.Want(t, s.View(ctx, func(*store.Tx) error { return nil }), "store.closed")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestAnAuditorReadsWhatIsPlainAndNothingElse(t *testing.T) {
	cfg := config(t.TempDir())
	s := open(t, cfg)
	var size uint64
	storetest.Made(t, s, storetest.Origin(1), true, 0)
	storetest.Do(t, s, func(tx *store.Tx) error {
		j, err := tx.Journal(storetest.Origin(1).String())
		if err != nil {
			return err
		}
		for n := range uint64(5) {
			if err := storetest.Say(t, j.Origin, n, 1).Put(tx, j); err != nil {
				return err
			}
		}
		size = j.Size
		return errors.Join(tx.PutCheckpoint(j, 5, []byte("note")), tx.PutCosignature(j, "w", 5, j.Root, []byte("lines"), 1),
			tx.PutHeld(j, "JPN", [][2]uint64{{0, 5}}, []byte("receipt")), tx.PutPublic("agreement", "a", []byte("text")), tx.PutDoc("draft", "a", "", 0, []byte("x")))
	})
	look := func(when string) {
		r, err := store.OpenReadOnly(cfg.Dir)
		if err != nil {
			t.Fatal(when, err)
		}
		defer r.Close()
		if r.Realm() != cfg.Realm {
			t.Error(r.Realm())
		}
		err = r.View(ctx, func(tx *store.Tx) error {
			js, err := tx.Journals("")
			if err != nil || len(js) != 1 || js[0].Size != size {
				t.Fatal(when, js, err)
			}
			j := js[0]
			_, err1 := tx.Leaves(j, 0, 5)
			_, err2 := tx.Tree(j)
			_, err3 := tx.LatestCheckpoint(j)
			cosigned, err4 := tx.Cosignatures(j)
			receipts, err5 := tx.Receipts(j)
			pub, err6 := tx.Public("agreement", "a")
			said, err7 := tx.Thread(j.Origin.Channel, storetest.Say(t, j.Origin, 0, 1).Thread)
			if err := errors.Join(err1, err2, err3, err4, err5, err6, err7); err != nil || len(cosigned) != 1 || len(receipts) != 1 || string(pub) != "text" || len(said) != 5 {
				t.Error(when, err)
			}
			_, err = tx.Body(j, 0, store.Act)
			storetest.Want(t, err, "store.key.absent")
			_, err = tx.Doc("draft", "a")
			storetest.Want(t, err, "store.key.absent")
			return nil
		})
		if err != nil {
			t.Error(when, err)
		}
		if problems, err := r.Integrity(ctx); err != nil || len(problems) != 0 {
			t.Error(when, problems, err)
		}
		storetest.Want(t, r.Do(ctx, func(*store.Tx) error { return nil }), "store.read-only")
		_, _, err = r.StageObject(func(io.Writer) error { return nil })
		storetest.Want(t, err, "store.read-only")
	}
	look("beside a running node")
	s.Close()
	before, _ := os.ReadDir(cfg.Dir)
	look("afterwards")
	if after, _ := os.ReadDir(cfg.Dir); len(before) != len(after) {
		t.Error("reading left files behind", before, after)
	}
	_, err := store.OpenReadOnly(t.TempDir())
	storetest.Want(t, err, "store.missing")
}

func TestAStoreLivesInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := config(t.TempDir())
		for range 2 {
			s, err := store.Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			storetest.Made(t, s, storetest.Origin(1), true, 0)
			results := make(chan error)
			for i := range 50 {
				go func() {
					time.Sleep(time.Duration(i%5) * time.Second)
					results <- s.Do(ctx, func(tx *store.Tx) error {
						if tx.Now().Before(start) || tx.Now().Sub(start) > 5*time.Second {
							t.Error("the clock of the bubble does not reach the unit of work")
						}
						j, err := tx.Journal(storetest.Origin(1).String())
						if err != nil {
							return err
						}
						return storetest.Say(t, j.Origin, j.Size, 1).Put(tx, j)
					})
				}()
			}
			for range 50 {
				if err := <-results; err != nil {
					t.Error(err)
				}
			}
			synctest.Wait() // hangs if anything of the store is not durably blocked when idle
			if err := s.View(ctx, func(tx *store.Tx) error { _, err := tx.Journals(""); return err }); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}) // and fails here if a goroutine outlives Close
}

func TestNothingReadableReachesTheDisk(t *testing.T) {
	cfg := config(t.TempDir())
	var log bytes.Buffer
	cfg.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s := open(t, cfg)
	j := storetest.Made(t, s, storetest.Origin(1), true, 1)
	secret := "KAURI BRIDGE DEPTH 41"
	storetest.Do(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.PutBody(j, 0, store.Content, store.Present, [32]byte([]byte(strings.Repeat("SALT", 8))), []byte(secret)),
			tx.PutDoc("draft", "a", "open", 0, []byte(secret)))
	})
	onDisk := func(what []byte) (files []string) {
		filepath.WalkDir(cfg.Dir, func(path string, d os.DirEntry, err error) error {
			if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, what) {
				files = append(files, d.Name())
			}
			return nil
		})
		return files
	}
	for _, what := range []string{secret, "SALTSALT"} {
		if files := onDisk([]byte(what)); files != nil {
			t.Errorf("%q is readable in %v", what, files)
		}
	}
	// A destroyed item: neither its wrapped key nor its ciphertext is anywhere, the write-ahead log included.
	var key, box []byte
	fetch := func(tx *store.Tx) error { return tx.Fetch(&key, &box) }
	storetest.Do(t, s, fetch)
	if onDisk(key) == nil || onDisk(box) == nil {
		t.Fatal("the test looks for the wrong thing")
	}
	storetest.Do(t, s, func(tx *store.Tx) error { return tx.DestroyBody(j, 0, store.Content) })
	if files := append(onDisk(key), onDisk(box)...); files != nil {
		t.Errorf("a destroyed item is still in %v", files)
	}
	// Under a long view the log cannot be emptied at once; it is, after the view.
	storetest.Do(t, s, func(tx *store.Tx) error {
		return errors.Join(tx.PutBody(j, 0, store.Act, store.Present, [32]byte{}, []byte(secret)), fetch(tx))
	})
	if err := s.View(ctx, func(tx *store.Tx) error {
		if _, err := tx.Journals(""); err != nil {
			return err
		}
		return s.Do(ctx, func(tx *store.Tx) error { return tx.DestroyBody(j, 0, store.Act) })
	}); err != nil {
		t.Fatal(err)
	}
	storetest.Do(t, s, func(*store.Tx) error { return nil })
	if files := append(onDisk(key), onDisk(box)...); files != nil {
		t.Errorf("after the view a destroyed item is still in %v", files)
	}
	if strings.Contains(log.String(), "KAURI") {
		t.Error("content reached the log")
	}
}

func TestRowsCannotBeSwapped(t *testing.T) {
	s := open(t, config(t.TempDir()))
	j := storetest.Made(t, s, storetest.Origin(1), true, 2)
	for _, tamper := range []string{
		"update body set idx = 1 where kind = 1",
		"update body set kind = 3 - kind",
		"update item_key set wrapped = (select wrapped from item_key k where k.id <> item_key.id order by id limit 1)",
		"update doc set id = 'b'",
		"update body set box = substr(box, 1, 10)",
		"update doc set box = zeroblob(40)",
	} {
		undo := errors.New("undo")
		err := s.Do(ctx, func(tx *store.Tx) error {
			if err := errors.Join(tx.PutBody(j, 0, store.Act, store.Present, [32]byte{}, []byte("act")), tx.PutDoc("draft", "a", "", 0, []byte("doc")), tx.Exec(tamper)); err != nil {
				return err
			}
			opened := 0
			for i := range uint64(2) {
				for k := store.Act; k <= store.Content; k++ {
					if b, err := tx.Body(j, i, k); err == nil && b.Bytes != nil {
						opened++
					}
				}
			}
			docs, err := tx.Docs("draft", "", store.First, "", 9)
			if opened += len(docs); opened > 1 || opened == 1 && err != nil && !errs.HasCode(err, "store.item") {
				t.Errorf("%s: %d items open, %v", tamper, opened, err)
			}
			return undo
		})
		if err != undo {
			t.Errorf("%s: %v", tamper, err)
		}
	}
}
