package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"entente/internal/store"
	"entente/internal/store/storetest"
)

// filesOpen returns the files under dir that this process has open.
func filesOpen(t *testing.T, dir string) (names []string) {
	t.Helper()
	const self = "/proc/self/fd"
	all, err := os.ReadDir(self)
	if err != nil {
		t.Skip("open files can be listed only where there is /proc")
	}
	for _, e := range all {
		if to, err := os.Readlink(filepath.Join(self, e.Name())); err == nil && strings.HasPrefix(to, dir+"/") {
			names = append(names, to)
		}
	}
	return names
}

func TestAClosedStoreLeavesNoFileOpen(t *testing.T) {
	cfg := config(t.TempDir())
	s, err := store.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Made(t, s, storetest.Origin(1), true, 3)
	r, err := store.OpenReadOnly(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []*store.Store{s, r} {
		if err := x.View(ctx, func(tx *store.Tx) error { _, err := tx.Journals(""); return err }); err != nil {
			t.Error(err)
		}
	}
	if len(filesOpen(t, cfg.Dir)) == 0 {
		t.Fatal("an open store has no file open: the test sees nothing")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left := filesOpen(t, cfg.Dir); len(left) > 0 {
		t.Errorf("still open: %v", left)
	}
}

func TestAReaderBesideARunningNodeSeesWhatIsCommittedAfterItCame(t *testing.T) {
	cfg := config(t.TempDir())
	s, err := store.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	storetest.Made(t, s, storetest.Origin(1), true, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, cfg) // with an empty log
	r, err := store.OpenReadOnly(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	size := func() (n uint64) {
		t.Helper()
		if err := r.View(ctx, func(tx *store.Tx) error {
			j, err := tx.Journal(storetest.Origin(1).String())
			if err == nil {
				n = j.Size
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := size(); n != 3 {
		t.Errorf("%d leaves", n)
	}
	storetest.Do(t, s, func(tx *store.Tx) error {
		j, err := tx.Journal(storetest.Origin(1).String())
		if err != nil {
			return err
		}
		return tx.AppendLeaves(j, [][]byte{{9}})
	})
	if n := size(); n != 4 {
		t.Errorf("%d leaves, 4 are committed", n)
	}
}
