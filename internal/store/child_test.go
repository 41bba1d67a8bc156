package store_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"entente/errs"
	"entente/internal/store"
	"entente/internal/store/storetest"

	"golang.org/x/sys/unix"
)

var ctx = context.Background()

// child is what the test binary does when it is started again to be killed: it opens the store in STORE_CHILD, writes
// from several goroutines, and prints a line for every act that was acknowledged. STORE_FSIZE limits the size of files,
// so that writing fails.
func child() {
	cfg := config(os.Getenv("STORE_CHILD"))
	dead := make(chan error, 2)
	cfg.OnFatal = func(err error) { dead <- err }
	s, err := store.Open(cfg)
	if err != nil {
		fmt.Println("open", err)
		os.Exit(1)
	}
	if n, err := strconv.ParseUint(os.Getenv("STORE_FSIZE"), 10, 64); err == nil {
		signal.Ignore(syscall.SIGXFSZ)
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: n}); err != nil {
			fmt.Println("rlimit", err)
		}
	}
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for {
				var id string
				err := s.Do(ctx, func(tx *store.Tx) (err error) { id, err = step(tx, w); return err })
				if err != nil {
					if errs.KindOf(err) == errs.Fatal {
						return
					}
					fmt.Println("error", err)
					return
				}
				fmt.Println("done", id) // one write: whole lines, even of a killed process
			}
		})
	}
	wg.Wait()
	select {
	case err = <-dead:
	case <-time.After(5 * time.Second):
	}
	fmt.Println("fatal", errs.KindOf(err), errs.CodeOf(err))
	for _, err := range []error{s.Do(ctx, func(*store.Tx) error { return nil }), s.View(ctx, func(*store.Tx) error { return nil })} {
		fmt.Println("after", errs.CodeOf(err))
	}
	fmt.Println("calls", 1+len(dead))
}

// step is one act: a doc, a leaf and a counter that agree with each other in every state a crash can leave.
func step(tx *store.Tx, worker int) (string, error) {
	j, err := tx.EnsureJournal(storetest.Origin(1), store.KindChannel, true)
	if err != nil {
		return "", err
	}
	n, err := tx.Counter("step")
	if err != nil {
		return "", err
	}
	id := fmt.Sprintf("%d-%d", worker, n)
	if err := tx.AppendLeaves(j, [][]byte{[]byte(id)}); err != nil {
		return "", err
	}
	if err := tx.PutBody(j, j.Size-1, store.Act, store.Present, [32]byte{1}, make([]byte, 500)); err != nil {
		return "", err
	}
	return id, tx.PutDoc("step", id, "", int64(n), []byte(id))
}

// verify opens what a crash left and checks that every acknowledged step is there, whole, and nothing half.
func verify(t *testing.T, dir string, acknowledged []string) (steps int) {
	t.Helper()
	s := open(t, config(dir))
	defer s.Close()
	err := s.View(ctx, func(tx *store.Tx) error {
		j, err := tx.Journal(storetest.Origin(1).String())
		if errs.HasCode(err, "store.journal.unknown") && len(acknowledged) == 0 {
			return nil
		} else if err != nil {
			return err
		}
		leaves, err := tx.Leaves(j, 0, j.Size)
		if err != nil {
			return err
		}
		for i, l := range leaves {
			d, err := tx.Doc("step", string(l))
			if err != nil || string(d.Plain) != string(l) || d.Sort != int64(i+1) {
				t.Errorf("leaf %d: doc %v, %v", i, d, err)
			}
			if b, err := tx.Body(j, uint64(i), store.Act); err != nil || len(b.Bytes) != 500 {
				t.Errorf("leaf %d: body %v", i, err)
			}
		}
		for _, id := range acknowledged {
			if _, err := tx.Doc("step", id); err != nil {
				t.Errorf("acknowledged step %s: %v", id, err)
			}
		}
		all, err := tx.Docs("step", "", store.First, "", 1<<20)
		if len(all) != len(leaves) {
			t.Errorf("%d docs, %d leaves", len(all), len(leaves))
		}
		steps = len(leaves)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := s.Integrity(ctx); err != nil || len(problems) != 0 {
		t.Fatal(problems, err)
	}
	return steps
}

// run starts the test binary as a child, wrapped in the given command, and hands over each line it prints.
func run(t *testing.T, dir string, env []string, wrap []string, line func(*exec.Cmd, string)) {
	t.Helper()
	args := append(wrap, os.Args[0], "-test.run=^$")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(append(os.Environ(), "STORE_CHILD="+dir), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for sc := bufio.NewScanner(out); sc.Scan(); {
		line(cmd, sc.Text())
	}
	cmd.Wait() // killed, or gone by itself; its lines say which
}

func TestEveryAcknowledgedActSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	var acknowledged []string
	for round := range 5 {
		n := 0
		run(t, dir, nil, nil, func(cmd *exec.Cmd, line string) {
			id, ok := strings.CutPrefix(line, "done ")
			if !ok {
				t.Error(line)
			}
			acknowledged = append(acknowledged, id)
			if n++; n == 20+37*round {
				cmd.Process.Kill()
			}
		})
		t.Logf("round %d: %d acknowledged so far, %d found", round, len(acknowledged), verify(t, dir, acknowledged))
	}
}

// broken checks a child whose disk failed: it said so once and took no more, and what it had acknowledged is there.
func broken(t *testing.T, env, wrap []string) {
	t.Helper()
	dir := t.TempDir()
	var acknowledged, said []string
	run(t, dir, env, wrap, func(cmd *exec.Cmd, line string) {
		if id, ok := strings.CutPrefix(line, "done "); ok {
			if acknowledged = append(acknowledged, id); len(acknowledged) == 100_000 {
				t.Error("the fault never came")
				cmd.Process.Kill()
			}
		} else {
			said = append(said, line)
		}
	})
	if !slices.Equal(said, []string{"fatal fatal store.fsync", "after store.fsync", "after store.fsync", "calls 1"}) {
		t.Errorf("the child said %q", said)
	}
	t.Logf("%d acknowledged before the fault, %d found", len(acknowledged), verify(t, dir, acknowledged))
}

func TestAFailedWriteStopsTheStore(t *testing.T) {
	broken(t, []string{"STORE_FSIZE=2000000"}, nil)
}

func TestAFailedSyncStopsTheStore(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed: no way to make a sync fail")
	}
	if out, err := exec.Command(strace, "-e", "trace=fsync", "true").CombinedOutput(); err != nil {
		t.Skipf("strace may not trace here: %v: %s", err, out)
	}
	// The calls are counted per thread, and the writer moves between threads: from the fortieth on, all fail;
	// opening takes fewer.
	broken(t, nil, []string{strace, "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=40+"})
}
