package store_test

import (
	"os"
	"testing"
	"time"

	"entente/internal/store"
	"entente/internal/store/storetest"
)

func config(dir string) store.Config {
	return store.Config{Dir: dir, Realm: storetest.Realm, Key: [32]byte{1, 2, 3}, Clock: time.Now}
}

func open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	s, err := store.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestMain(m *testing.M) {
	if os.Getenv("STORE_CHILD") != "" {
		child()
		return
	}
	m.Run()
}

func TestSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) *store.Store { return open(t, config(t.TempDir())) })
}
