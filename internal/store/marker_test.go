package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"entente/errs"
	"entente/internal/store"
	"entente/internal/store/storetest"
)

// signing returns a node that has signed heads at the given sizes of its journal, and its configuration.
func signing(t *testing.T, sizes ...uint64) (*store.Store, store.Config) {
	t.Helper()
	cfg := config(t.TempDir())
	cfg.MarkerPath = filepath.Join(t.TempDir(), "marker")
	s := open(t, cfg)
	storetest.Want(t, s.CheckMarker(ctx), "")
	for _, size := range sizes {
		sign(t, s, size, 'x')
	}
	return s, cfg
}

func sign(t *testing.T, s *store.Store, size uint64, leaf byte) {
	t.Helper()
	storetest.Do(t, s, func(tx *store.Tx) error {
		j, err := tx.EnsureJournal(storetest.Origin(1), store.KindChannel, true)
		for err == nil && j.Size < size {
			err = tx.AppendLeaves(j, [][]byte{{leaf, byte(j.Size)}})
		}
		if err != nil {
			return err
		}
		return tx.PutCheckpoint(j, size, append(j.Checkpoint().Text(), "\nlines\n"...))
	})
}

func marker(t *testing.T, cfg store.Config) string {
	t.Helper()
	b, err := os.ReadFile(cfg.MarkerPath)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheMarkerKnowsAHeadBeforeAnybodyElse(t *testing.T) {
	s, cfg := signing(t, 3)
	if m := marker(t, cfg); !strings.Contains(m, `"size":3,`) || strings.Count(m, "\n") != 1 || !strings.HasPrefix(m, `{"origin":"entente/exercise:storetest/`) {
		t.Errorf("marker %q", m)
	}
	sign(t, s, 3, 'x')                            // the same head again
	storetest.Do(t, s, func(tx *store.Tx) error { // nothing signed: the marker may stay behind
		j, err := tx.Journal(storetest.Origin(1).String())
		if err != nil {
			return err
		}
		return tx.AppendLeaves(j, [][]byte{{1}})
	})
	if m := marker(t, cfg); !strings.Contains(m, `"size":3,`) {
		t.Errorf("marker %q", m)
	}
	storetest.Want(t, s.CheckMarker(ctx), "")
	if m := marker(t, cfg); !strings.Contains(m, `"size":4,`) {
		t.Errorf("a marker that was behind and agrees is not advanced: %q", m)
	}
	// Another's checkpoint is not ours to answer for.
	j := storetest.Made(t, s, storetest.Origin(2), false, 2)
	storetest.Do(t, s, func(tx *store.Tx) error { return tx.PutCheckpoint(j, 2, nil) })
	if m := marker(t, cfg); strings.Count(m, "\n") != 1 {
		t.Errorf("marker %q", m)
	}
	if err := s.AdvanceMarker(ctx); err != nil || strings.Count(marker(t, cfg), "\n") != 2 {
		t.Error(err, marker(t, cfg))
	}
}

func TestARestoredBackupIsNoticed(t *testing.T) {
	s, cfg := signing(t, 3)
	backup := copyDir(t, cfg.Dir)
	sign(t, s, 300, 'x')
	s.Close()
	current := marker(t, cfg)

	old := cfg
	old.Dir = backup
	restored := open(t, old)
	err := restored.CheckMarker(ctx)
	storetest.Want(t, err, "store.marker.older")
	if errs.KindOf(err) != errs.Conflict || marker(t, cfg) != current {
		t.Error("a refused check must leave the marker", err)
	}
	// It went on from the backup: as long as before, but another past.
	storetest.Do(t, restored, func(tx *store.Tx) error {
		j, err := tx.Journal(storetest.Origin(1).String())
		for err == nil && j.Size < 400 {
			err = tx.AppendLeaves(j, [][]byte{{'y', byte(j.Size)}})
		}
		return err
	})
	storetest.Want(t, restored.CheckMarker(ctx), "store.marker.contradicts")

	again := open(t, cfg)
	storetest.Want(t, again.CheckMarker(ctx), "")

	empty := config(t.TempDir()) // the data directory was lost altogether
	empty.MarkerPath = cfg.MarkerPath
	storetest.Want(t, open(t, empty).CheckMarker(ctx), "store.marker.older")
}

func TestAMarkerThatIsNotWhatWasWrittenIsRefused(t *testing.T) {
	s, cfg := signing(t, 3)
	good := marker(t, cfg)
	for _, bad := range []string{"", "{", "[]", good + "x", good[:len(good)-1], strings.Replace(good, `,"size":3`, "", 1), strings.Replace(good, `"root":"`, `"root":"00`, 1),
		strings.Replace(good, `{`, `{"more":1,`, 1), strings.Replace(good, `"size":3`, `"size":3.0`, 1), strings.Replace(good, `"size":3`, `"size":-3`, 1),
		strings.Replace(good, "entente/", "entante/", 1), strings.ToUpper(good)} {
		if err := os.WriteFile(cfg.MarkerPath, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		storetest.Want(t, s.CheckMarker(ctx), "store.marker.malformed")
	}
	if err := os.Remove(cfg.MarkerPath); err != nil {
		t.Fatal(err)
	}
	storetest.Want(t, s.CheckMarker(ctx), "store.marker.missing")
	if _, err := os.Stat(cfg.MarkerPath); err == nil {
		t.Error("a missing marker was made anew though heads are signed")
	}
}

func TestAHeadThatTheMarkerCannotKnowIsNotAnswered(t *testing.T) {
	s, cfg := signing(t, 3)
	if err := os.RemoveAll(filepath.Dir(cfg.MarkerPath)); err != nil {
		t.Fatal(err)
	}
	err := s.Do(ctx, func(tx *store.Tx) error {
		j, err := tx.Journal(storetest.Origin(1).String())
		if err != nil {
			return err
		}
		return tx.PutCheckpoint(j, 2, []byte("note"))
	})
	storetest.Want(t, err, "store.marker.write")
	storetest.Do(t, s, func(tx *store.Tx) error { return tx.PutDoc("a", "b", "", 0, nil) }) // the rest goes on
}

func FuzzMarker(f *testing.F) {
	line := `{"origin":"` + storetest.Origin(1).String() + `","size":3,"root":"` + strings.Repeat("0a", 32) + `"}` + "\n"
	for _, seed := range []string{"", "{}\n", line, line + line, line[:len(line)-1], "\n" + line, `{"origin":1}`, strings.Replace(line, "3", "18446744073709551615", 1)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		again, err := store.ParseMarker(b)
		if err == nil && string(again) != string(b) {
			t.Errorf("two spellings: %q and %q", b, again)
		}
		if err != nil && errs.CodeOf(err) != "store.marker.malformed" {
			t.Error(err)
		}
	})
}
