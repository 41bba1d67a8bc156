package store_test

import (
	"sync"
	"testing"

	"entente/internal/store"
	"entente/internal/store/storetest"

	"golang.org/x/sys/unix"
)

// BenchmarkStatement is one statement as a node writes it: leaf, act of 4 KiB in all, content, index. Group is how many
// writers wait at one time, and so about how many acts share a commit.
func BenchmarkStatement(b *testing.B) {
	for _, group := range []struct {
		name string
		n    int
	}{{"alone", 1}, {"group=100", 100}, {"group=500", 500}} {
		b.Run(group.name, func(b *testing.B) {
			s := open(b, config(b.TempDir()))
			o := storetest.Origin(1)
			if err := s.Do(ctx, func(tx *store.Tx) error { _, err := tx.EnsureJournal(o, store.KindChannel, true); return err }); err != nil {
				b.Fatal(err)
			}
			said := storetest.Say(b, o, 1, 1)
			said.Content.Bytes = make([]byte, 3<<10)
			one := func() {
				err := s.Do(ctx, func(tx *store.Tx) error {
					j, err := tx.Journal(o.String())
					if err != nil {
						return err
					}
					mine := said
					mine.ID[15], mine.ID[14], mine.ID[13] = byte(j.Size), byte(j.Size>>8), byte(j.Size>>16)
					mine.Thread[15], mine.Thread[14] = byte(j.Size>>3), byte(j.Size>>11)
					return mine.Put(tx, j)
				})
				if err != nil {
					b.Error(err)
				}
			}
			work := make(chan struct{})
			var wg sync.WaitGroup
			for range group.n {
				wg.Go(func() {
					for range work {
						one()
					}
				})
			}
			b.ReportAllocs()
			from, n := cpu(), 0
			for b.Loop() {
				work <- struct{}{}
				n++
			}
			close(work)
			wg.Wait()
			b.ReportMetric((cpu()-from)/float64(n), "cpu-µs/op")
		})
	}
}

// cpu returns the microseconds of processor time this process has used.
func cpu() float64 {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e3
}

func BenchmarkReopen(b *testing.B) {
	cfg := config(b.TempDir())
	for b.Loop() {
		s, err := store.Open(cfg)
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}

func BenchmarkView(b *testing.B) {
	s := open(b, config(b.TempDir()))
	o := storetest.Origin(1)
	err := s.Do(ctx, func(tx *store.Tx) error {
		j, err := tx.EnsureJournal(o, store.KindChannel, true)
		for i := uint64(0); i < 1000 && err == nil; i++ {
			err = storetest.Say(b, o, i, i).Put(tx, j)
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := uint64(0); b.Loop(); i++ {
		err := s.View(ctx, func(tx *store.Tx) error {
			j, err := tx.Journal(o.String())
			if err != nil {
				return err
			}
			_, err = tx.Body(j, i%1000, store.Content)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
