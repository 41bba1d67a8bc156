package storetest

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"entente/errs"
	"entente/internal/store"
)

// blocked runs fn while the writer is busy with another act, so that everything fn queues forms one group.
func blocked(t *testing.T, s *store.Store, fn func()) {
	t.Helper()
	started, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Do(ctx, func(*store.Tx) error { close(started); <-release; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-started
	fn()
	for range 100 { // let what fn started reach the queue
		runtime.Gosched()
	}
	close(release)
	wg.Wait()
}

func refusedAct(t *testing.T, s *store.Store) {
	refusal := errors.New("no")
	var wg sync.WaitGroup
	blocked(t, s, func() {
		for i := range 50 {
			wg.Go(func() {
				err := s.Do(ctx, func(tx *store.Tx) error {
					if err := tx.PutDoc("draft", string(rune('a'+i)), "open", int64(i), []byte("text")); err != nil {
						return err
					}
					if i%3 == 0 {
						return refusal
					}
					return nil
				})
				if (i%3 == 0) != (err == refusal) || i%3 != 0 && err != nil {
					t.Errorf("act %d: %v", i, err)
				}
			})
		}
	})
	wg.Wait()
	view(t, s, func(tx *store.Tx) error {
		all, err := tx.Docs("draft", "", store.First, "", 100)
		if len(all) != 50-17 {
			t.Errorf("%d docs", len(all))
		}
		for _, d := range all {
			if d.Sort%3 == 0 {
				t.Errorf("the refused act %d left its doc", d.Sort)
			}
		}
		return err
	})
}

func answeredTogether(t *testing.T, s *store.Store) {
	var wg sync.WaitGroup
	blocked(t, s, func() {
		for i := range 20 {
			wg.Go(func() {
				id := string(rune('a' + i))
				if err := s.Do(ctx, func(tx *store.Tx) error {
					for range 20 { // time for whoever was answered too early in this group to look
						runtime.Gosched()
					}
					return tx.PutDoc("draft", id, "", 0, nil)
				}); err != nil {
					t.Error(err)
				}
				// Another connection sees only what is committed.
				if err := s.View(ctx, func(tx *store.Tx) error { _, err := tx.Doc("draft", id); return err }); err != nil {
					t.Error("answered before the commit:", err)
				}
			})
		}
	})
	wg.Wait()
}

func panickingAct(t *testing.T, s *store.Store) {
	func() {
		defer func() {
			if p, ok := recover().(*store.Panic); !ok || p.Value != "defect" || len(p.Stack) == 0 {
				t.Errorf("recovered %v", p)
			}
		}()
		s.Do(ctx, func(tx *store.Tx) error {
			tx.Counter("n")
			panic("defect")
		})
	}()
	n := uint64(0)
	Do(t, s, func(tx *store.Tx) (err error) { n, err = tx.Counter("n"); return err })
	if n != 1 {
		t.Errorf("the counter is at %d", n)
	}
	func() {
		defer func() {
			if recover() != "defect" {
				t.Error("a panicking view did not panic")
			}
		}()
		s.View(ctx, func(*store.Tx) error { panic("defect") })
	}()
	for range 20 {
		view(t, s, func(*store.Tx) error { return nil })
	}
}

func exitingAct(t *testing.T, s *store.Store) {
	Want(t, s.Do(ctx, func(tx *store.Tx) error {
		tx.Counter("n")
		runtime.Goexit()
		return nil
	}), "store.act.exit")
	Do(t, s, func(tx *store.Tx) error {
		if n, err := tx.Counter("n"); n != 1 || err != nil {
			t.Error(n, err)
		}
		return nil
	})
}

func doomedAct(t *testing.T, s *store.Store) {
	j := Made(t, s, Origin(1), true, 1)
	err := s.Do(ctx, func(tx *store.Tx) error {
		if err := tx.PutDoc("draft", "a", "open", 0, nil); err != nil {
			return err
		}
		ghost := *j
		ghost.ID, ghost.Size = j.ID, 0
		stale := tx.AppendLeaves(&ghost, [][]byte{{1}})
		Want(t, stale, "store.journal.moved")
		tx.IndexStatement(j.Origin.Channel, j, 0, [16]byte{1}, [16]byte{1}, "a/1")
		tx.IndexStatement(j.Origin.Channel, j, 0, [16]byte{2}, [16]byte{1}, "a/1") // two entries for one leaf
		return nil
	})
	Want(t, err, "store.statement")
	view(t, s, func(tx *store.Tx) error {
		_, err := tx.Doc("draft", "a")
		Want(t, err, "store.doc.unknown")
		return nil
	})
}

func deadTx(t *testing.T, s *store.Store) {
	var kept *store.Tx
	Do(t, s, func(tx *store.Tx) error { kept = tx; return nil })
	_, err := kept.Counter("n")
	Want(t, err, "store.tx.over")
	view(t, s, func(tx *store.Tx) error {
		kept = tx
		_, err := tx.Counter("n")
		Want(t, err, "store.tx.view")
		Want(t, tx.PutDoc("a", "b", "", 0, nil), "store.tx.view")
		return nil
	})
	_, err = kept.Doc("a", "b")
	Want(t, err, "store.tx.over")
}

func cancelledContexts(t *testing.T, s *store.Store) {
	j := Made(t, s, Origin(1), true, 2000)
	var wg sync.WaitGroup
	for i := range 400 {
		c, cancel := context.WithCancel(ctx)
		if i%5 == 0 {
			cancel()
		}
		wg.Go(func() {
			ran := false
			var err error
			if i%2 == 0 {
				err = s.Do(c, func(tx *store.Tx) error { ran = true; _, err := tx.Counter("n"); return err })
				if (err == nil) != ran {
					t.Errorf("ran %v, %v", ran, err)
				}
			} else {
				err = s.View(c, func(tx *store.Tx) error { _, err := tx.Leaves(j, 0, j.Size); return err })
			}
			if err != nil && (errs.CodeOf(err) != "store.cancelled" || !errors.Is(err, context.Canceled) || errs.KindOf(err) != errs.Unavailable) {
				t.Errorf("act %d: %v", i, err)
			}
		})
		wg.Go(cancel)
	}
	wg.Wait()
	Do(t, s, func(tx *store.Tx) error { _, err := tx.Counter("n"); return err })
	for range 8 {
		view(t, s, func(tx *store.Tx) error { _, err := tx.Leaves(j, 0, j.Size); return err })
	}
}

func snapshot(t *testing.T, s *store.Store) {
	Do(t, s, func(tx *store.Tx) error { return tx.PutPublic("k", "a", []byte{1}) })
	view(t, s, func(tx *store.Tx) error {
		now := tx.Now()
		if b, err := tx.Public("k", "a"); err != nil || b[0] != 1 {
			t.Error(b, err)
		}
		Do(t, s, func(tx *store.Tx) error { return tx.PutPublic("k", "a", []byte{2}) }) // another's act
		if b, err := tx.Public("k", "a"); err != nil || b[0] != 1 {
			t.Error("the view saw a later act", b, err)
		}
		if !now.Equal(tx.Now()) || now.After(time.Now().Add(time.Hour*24*365*100)) {
			t.Error("the time moved")
		}
		return nil
	})
	view(t, s, func(tx *store.Tx) error {
		if b, err := tx.Public("k", "a"); err != nil || b[0] != 2 {
			t.Error("an answered act is not seen", b, err)
		}
		return nil
	})
}

func counters(t *testing.T, s *store.Store) {
	for want := uint64(1); want < 4; want++ {
		s.Do(ctx, func(tx *store.Tx) error { tx.Counter("a"); return errors.New("no") })
		Do(t, s, func(tx *store.Tx) error {
			if n, err := tx.Counter("a"); n != want || err != nil {
				t.Error(n, err, want)
			}
			return nil
		})
	}
}

func bundles(t *testing.T, s *store.Store) {
	see := func(id byte, want bool) {
		t.Helper()
		Do(t, s, func(tx *store.Tx) error {
			if seen, err := tx.SeenBundle([16]byte{id}); seen != want || err != nil {
				t.Errorf("bundle %d seen %v, %v", id, seen, err)
			}
			return nil
		})
	}
	see(1, false)
	see(1, true)
	see(2, false)
	see(1, true)
	s.Do(ctx, func(tx *store.Tx) error { tx.SeenBundle([16]byte{3}); return errors.New("the import was refused") })
	see(3, false)
}

func docs(t *testing.T, s *store.Store) {
	Do(t, s, func(tx *store.Tx) error {
		for i := range 10 {
			if err := tx.PutDoc("draft", string(rune('a'+i)), []string{"open", "shut"}[i%2], int64(i/3), []byte{byte(i)}); err != nil {
				return err
			}
		}
		return tx.PutDoc("person", "a", "open", 0, nil)
	})
	view(t, s, func(tx *store.Tx) error {
		page := func(state string) (ids string) {
			for at := (store.Doc{Sort: store.First}); ; {
				ds, err := tx.Docs("draft", state, at.Sort, at.ID, 3)
				if err != nil {
					t.Fatal(err)
				}
				for _, d := range ds {
					ids += d.ID
					if d.Plain[0] != d.ID[0]-'a' {
						t.Errorf("doc %s has another's bytes", d.ID)
					}
				}
				if len(ds) < 3 {
					return ids
				}
				at = ds[2]
			}
		}
		if a, b, c := page(""), page("open"), page("shut"); a != "abcdefghij" || b != "acegi" || c != "bdfhj" {
			t.Errorf("pages %q %q %q", a, b, c)
		}
		return nil
	})
	Do(t, s, func(tx *store.Tx) error { return tx.PutDoc("draft", "c", "shut", -5, []byte("new")) })
	Do(t, s, func(tx *store.Tx) error { return tx.DeleteDoc("draft", "a") })
	Want(t, s.Do(ctx, func(tx *store.Tx) error { return tx.DeleteDoc("draft", "a") }), "store.doc.unknown")
	Want(t, s.Do(ctx, func(tx *store.Tx) error { return tx.PutDoc("", "a", "", 0, nil) }), "store.doc")
	view(t, s, func(tx *store.Tx) error {
		ds, err := tx.Docs("draft", "shut", store.First, "", 1)
		if err != nil || len(ds) != 1 || ds[0].ID != "c" || string(ds[0].Plain) != "new" {
			t.Error(ds, err)
		}
		d, err := tx.Doc("person", "a")
		if err != nil || len(d.Plain) != 0 || d.State != "open" {
			t.Error(d, err)
		}
		_, err = tx.Doc("draft", "a")
		Want(t, err, "store.doc.unknown")
		return nil
	})
}

func public(t *testing.T, s *store.Store) {
	Do(t, s, func(tx *store.Tx) error {
		if err := tx.PutPublic("key", "NZL", []byte("one")); err != nil {
			return err
		}
		if err := tx.PutPublic("key", "JPN", nil); err != nil {
			return err
		}
		return tx.PutPublic("key", "NZL", []byte("two"))
	})
	view(t, s, func(tx *store.Tx) error {
		all, err := tx.Publics("key")
		if err != nil || len(all) != 2 || string(all["NZL"]) != "two" || len(all["JPN"]) != 0 {
			t.Error(all, err)
		}
		_, err = tx.Public("key", "AUS")
		Want(t, err, "store.public.unknown")
		return nil
	})
}
