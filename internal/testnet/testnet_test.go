package testnet

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
)

var seeds = flag.Int("seeds", 20, "how many seeds TestSeeds runs; ENTENTE_SEEDS says the same")

var base *Base

func TestMain(m *testing.M) {
	flag.Parse()
	if n, err := strconv.Atoi(os.Getenv("ENTENTE_SEEDS")); err == nil {
		*seeds = n
	}
	home, err := Home()
	if err == nil {
		base, err = Prepare(context.Background(), filepath.Join(home, "base"))
	}
	if err != nil {
		fmt.Println("the nodes cannot be prepared:", err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(home)
	os.Exit(status)
}

// play runs one seed and returns what it comes to.
func play(t *testing.T, s *Script, weaken Break) (r *Result) {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(base.dir), "run-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	synctest.Test(t, func(*testing.T) { r = base.Play(dir, s, weaken) })
	return r
}

func TestSeeds(t *testing.T) {
	var mu sync.Mutex
	total := map[string]int{}
	t.Cleanup(func() {
		for _, what := range slices.Sorted(maps.Keys(total)) {
			t.Logf("%6d %s", total[what], what)
		}
	})
	for seed := range *seeds {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			t.Parallel()
			r := play(t, NewScript(uint64(seed), len(base.sites)), Break{})
			if len(r.Problems) > 0 {
				t.Errorf("seed %d; again with: go test ./internal/testnet -run 'TestSeeds/^%d$' -seeds %d\n%s", seed, seed, seed+1, r)
			}
			mu.Lock()
			defer mu.Unlock()
			for what, n := range r.Counts {
				total[what] += n
			}
		})
	}
}
