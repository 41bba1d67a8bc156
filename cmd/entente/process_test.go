package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"entente/examples/exercise"
	"entente/internal/api"
	"entente/internal/link"
	"entente/internal/node"
	"entente/internal/office"
	"entente/internal/peer"
)

// What is here needs real processes: the binary as it is built, its lock, its socket, its death.

// built is the binary, made once; TestMain removes it.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func realBinary(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("left out: the go command is not on PATH, so the binary cannot be built")
	}
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "entente-binary-"); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(built.dir, "entente"), ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "entente")
}

// inExercise leaves out what needs the machine's own clock when that stands outside the exercise's dates.
func inExercise(t *testing.T) {
	t.Helper()
	if now := time.Now().UTC(); now.Year() < 2026 || now.Year() > 2028 || now.YearDay() < 3 && now.Year() == 2026 {
		t.Skipf("left out: the exercise's delegations hold from 2026 to 2028, and this machine's date is %s", now.Format(time.DateOnly))
	}
}

// world is two nodes in directories of their own, at the machine's time, that know each other's address.
type world struct {
	*testing.T
	dir, binary string
	command     command
	running     map[string]*process
}

func newWorld(t *testing.T) *world {
	t.Helper()
	inExercise(t)
	w := &world{T: t, dir: t.TempDir(), binary: realBinary(t), running: map[string]*process{}}
	w.command = command{dir: w.dir}
	if err := makePairAt(w.dir, "agreed", 0); err != nil {
		t.Fatal(err)
	}
	for _, side := range sides {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(w.path(side), "node.toml")
		b, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(path, regexp.MustCompile(`(?m)^listen = .*$`).ReplaceAll(b, []byte("listen = '"+l.Addr().String()+"'")), 0o600)
		}
		if err = errors.Join(err, l.Close()); err != nil {
			t.Fatal(err)
		}
		w.do(side, "", "pair", "card", "-o", w.path(side+".card2"))
	}
	w.do("nzl", "key-custodian", "pair", "add", w.path("jpn.card2"))
	w.do("jpn", "key-custodian", "pair", "add", w.path("nzl.card2"))
	t.Cleanup(func() {
		for _, p := range w.running {
			syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
			<-p.ended
		}
	})
	return w
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

// do runs the command line in this process; it must succeed.
func (w *world) do(side, post string, args ...string) string {
	w.Helper()
	out, err := w.command.run(side, post, args...)
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// entente runs the binary on a node and returns its exit status and what it said.
func (w *world) entente(side, post string, args ...string) (status int, stdout, stderr string) {
	cmd := exec.Command(w.binary, args...)
	cmd.Env = w.environment(side, post)
	var out, told bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &told
	cmd.Run()
	return cmd.ProcessState.ExitCode(), out.String(), told.String()
}

func (w *world) environment(side, post string) []string {
	return []string{"ENTENTE_DIR=" + w.path(side), "ENTENTE_POST=" + post, "ENTENTE_PASSPHRASE_FILE=" + w.path(".pass"), "HOME=/no-home", "PATH=" + os.Getenv("PATH")}
}

// process is a node that serves.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended and everything it said was read
	mu    sync.Mutex
	said  strings.Builder
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// serve starts a node, under another program if one is named, and returns when it is ready.
func (w *world) serve(side string, under ...string) *process {
	w.Helper()
	line := append(under, w.binary, "serve")
	p := &process{cmd: exec.Command(line[0], line[1:]...), ended: make(chan struct{})}
	p.cmd.Env = w.environment(side, "")
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true} // a group of its own, to be ended as one
	talk, err := p.cmd.StderrPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		w.Fatal(err)
	}
	ready := make(chan struct{})
	go func() {
		sc := bufio.NewScanner(talk)
		for sc.Scan() {
			p.mu.Lock()
			p.said.WriteString(sc.Text() + "\n")
			p.mu.Unlock()
			if strings.HasPrefix(sc.Text(), "ready: ") {
				close(ready)
			}
		}
		p.cmd.Wait()
		close(p.ended)
	}()
	w.running[side] = p
	select {
	case <-ready:
	case <-p.ended:
		w.Fatalf("%s did not start: %s", side, p.text())
	case <-time.After(time.Minute):
		w.Fatalf("%s is not ready after a minute: %s", side, p.text())
	}
	return p
}

// end signals a node and returns its exit status.
func (w *world) end(side string, sig os.Signal) int {
	w.Helper()
	p := w.running[side]
	p.cmd.Process.Signal(sig)
	return w.await(side)
}

// await waits until a node has ended and returns its exit status.
func (w *world) await(side string) int {
	w.Helper()
	p := w.running[side]
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		p.cmd.Process.Signal(syscall.SIGQUIT) // prints where it stands
		<-p.ended
		w.Fatalf("%s did not end: %s", side, p.text())
	}
	delete(w.running, side)
	return p.cmd.ProcessState.ExitCode()
}

// address is where a side accepts partners, and pin the key it shows them.
func (w *world) address(side string) string {
	b, err := os.ReadFile(filepath.Join(w.path(side), "node.toml"))
	if err != nil {
		w.Fatal(err)
	}
	return string(regexp.MustCompile(`(?m)^listen = '(.*)'$`).FindSubmatch(b)[1])
}

func (w *world) pin(side string) peer.Pin {
	raw, err := os.ReadFile(filepath.Join(w.path(side), "keys", "card"))
	if err != nil {
		w.Fatal(err)
	}
	_, ks, err := link.ReadCard(raw)
	if err != nil {
		w.Fatal(err)
	}
	return peer.Pin(ks.TLS)
}

func (w *world) client(side, post string) *api.Client {
	return api.Dial(filepath.Join(w.path(side), node.SocketName), post)
}

// sync exchanges from both sides until nothing is left to say.
func (w *world) sync() {
	w.Helper()
	for range 2 {
		for _, side := range sides {
			var v office.SyncView
			if err := w.client(side, "").Call(context.Background(), "sync", office.Empty{}, &v); err != nil || v.Problem != nil {
				w.Fatalf("%s: %v %+v", side, err, v.Problem)
			}
		}
	}
}

func (w *world) report(from string) office.ReportReq {
	to := map[string]string{"nzl": "JPN", "jpn": "NZL"}[from]
	for _, r := range exercise.Reports() {
		if strings.EqualFold(r.From, from) {
			return office.ReportReq{Report: r.Report, Sheet: r.Sheet, To: to}
		}
	}
	w.Fatal("no report")
	return office.ReportReq{}
}

func TestServingNodesExchangeByThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, side := range sides {
		w.serve(side)
	}
	var v office.ReleaseView
	req := w.report("nzl")
	if err := w.client("nzl", "analyst").Call(t.Context(), "release.propose", req, &v); err != nil {
		t.Fatal(err)
	}
	// Through the socket, the command line needs no passphrase: the running node acts.
	cmd := exec.Command(w.binary, "--no-input", "--dir", w.path("nzl"), "--post", "release-officer", "release", "approve", v.ID, "--hold", "0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	w.sync()
	if status, out, told := w.entente("jpn", "registry-officer", "registry", "queue"); status != 0 || !strings.Contains(out, v.ID) {
		t.Fatalf("status %d: %s%s", status, out, told)
	}
	if status, out, _ := w.entente("nzl", "release-officer", "release", "list", "--state", "held"); status != 0 || !strings.Contains(out, v.ID[:12]) {
		t.Errorf("not held: %s", out)
	}
	if status, out, _ := w.entente("jpn", "", "doctor"); status != 0 || !strings.Contains(out, "overall: ok") {
		t.Errorf("doctor: status %d: %s", status, out)
	}
	// A stranger at the door is refused before anything of theirs is read, and that is noted.
	key, err := ecdsa.GenerateKey(elliptic.P384(), crand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger := peer.NewClient(peer.ClientConfig{Key: key, MaxBody: 1 << 20, Timeout: time.Minute})
	defer stranger.Close()
	if _, err := stranger.Post(t.Context(), w.address("jpn"), w.pin("jpn"), []byte("ENTB")); err == nil {
		t.Error("a stranger was answered")
	}
	found := &national{map[string]uint64{}, map[string]int{}}
	if err := found.read(w.client("jpn", "auditor")); err != nil {
		t.Fatal(err)
	}
	if found.codes["peer.unknown"] == 0 {
		t.Errorf("the stranger is not in the national journal: %v", found.codes)
	}
	// An auditor verifies the directory of a running node and does not disturb it.
	if status, out, _ := w.entente("nzl", "", "verify", w.path("nzl")); status != 0 || !strings.HasSuffix(out, "verified\n") {
		t.Errorf("verify: status %d: %s", status, out)
	}
	for _, side := range sides {
		if status := w.end(side, syscall.SIGTERM); status != 0 {
			t.Errorf("%s ended with %d", side, status)
		}
		if _, err := os.Stat(filepath.Join(w.path(side), node.SocketName)); err == nil {
			t.Errorf("%s left its socket behind", side)
		}
	}
}

func TestOneDirectoryIsOneProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.serve("nzl")
	status, _, told := w.entente("nzl", "", "serve")
	if status != 6 || !strings.Contains(told, "store.locked") || !strings.Contains(told, "\n  next ") {
		t.Errorf("a second node on one directory: status %d: %s", status, told)
	}
	if status, _, told := w.entente("nzl", "", "init", "--realm", "exercise:whio", "--author", "NZL/nzdf/node-1", "--ceiling", "nzl.s"); status == 0 {
		t.Errorf("init over a running node: %s", told)
	}
	// Without the socket the command line would open the directory itself, and the lock keeps it out.
	if err := os.Rename(filepath.Join(w.path("nzl"), node.SocketName), w.path("aside")); err != nil {
		t.Fatal(err)
	}
	if status, out, told := w.entente("nzl", "", "status", "--json"); status != 6 || !strings.Contains(told, "store.locked") || !json.Valid([]byte(out)) {
		t.Errorf("beside a running node: status %d: %s", status, told)
	}
	// A killed node leaves its socket; whoever comes next goes on without it.
	if err := os.Rename(w.path("aside"), filepath.Join(w.path("nzl"), node.SocketName)); err != nil {
		t.Fatal(err)
	}
	w.end("nzl", syscall.SIGKILL)
	if status, _, told := w.entente("nzl", "", "status"); status != 0 {
		t.Errorf("after a kill: status %d: %s", status, told)
	}
	w.serve("nzl")
	if status := w.end("nzl", os.Interrupt); status != 0 {
		t.Errorf("ended with %d", status)
	}
}

func TestAFullDiskStopsActsAndNotTheNode(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("left out: a small file system needs root to be mounted")
	}
	w := newWorld(t)
	small := t.TempDir()
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=24m,mode=0700"); err != nil {
		t.Skipf("left out: no small file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(small, syscall.MNT_DETACH) })
	if err := errors.Join(copyTree(w.path("nzl"), filepath.Join(small, "nzl")), os.RemoveAll(w.path("nzl")), os.Symlink(filepath.Join(small, "nzl"), w.path("nzl"))); err != nil {
		t.Fatal(err)
	}
	w.serve("nzl")
	filler, err := os.Create(filepath.Join(small, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	for size := 1 << 20; size > 0; size /= 2 {
		for block := make([]byte, size); ; {
			if _, err := filler.Write(block); err != nil {
				break
			}
		}
	}
	filler.Close()
	propose := func() error {
		return w.client("nzl", "analyst").Call(t.Context(), "release.propose", w.report("nzl"), nil)
	}
	for i := 0; ; i++ { // the log has room of its own for a while
		if err = propose(); err != nil || i > 2000 {
			break
		}
	}
	if f := api.FailureOf(err).In("en"); f.Code != "store.disk-full" || f.Next == "" {
		t.Fatalf("with a full disk: %+v", f)
	}
	if status, _, told := w.entente("nzl", "key-custodian", "staff", "load", "../../examples/exercise/staff-nzl.toml"); status != 6 || !strings.Contains(told, "store.disk-full") || !strings.Contains(told, "\n  next ") {
		t.Errorf("status %d: %s", status, told)
	}
	if status, out, told := w.entente("nzl", "", "doctor"); status != 1 || !strings.Contains(out, "failure  disk") {
		t.Errorf("doctor, status %d: %s%s", status, out, told)
	}
	if status, _, told := w.entente("nzl", "", "status"); status != 0 {
		t.Errorf("the node does not answer: %s", told)
	}
	if err := os.Remove(filler.Name()); err != nil {
		t.Fatal(err)
	}
	if err := propose(); err != nil {
		t.Errorf("with space again: %v", err)
	}
	if status := w.end("nzl", syscall.SIGTERM); status != 0 {
		t.Errorf("ended with %d", status)
	}
}

func TestAFailingDiskStopsTheNode(t *testing.T) {
	t.Parallel()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("left out: strace is missing, which makes system calls fail")
	}
	// Each thread's first syncs succeed, so that the node starts; then every one fails.
	under := []string{strace, "-f", "-o", os.DevNull, "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO:when=12+"}
	if err := exec.Command(under[0], append(under[1:], "true")...).Run(); err != nil {
		t.Skipf("left out: strace may not trace here: %v", err)
	}
	w := newWorld(t)
	p := w.serve("nzl", under...)
	for n := 0; err == nil && n < 2000; n++ {
		err = w.client("nzl", "analyst").Call(t.Context(), "release.propose", w.report("nzl"), nil)
	}
	// The act that could not be synced says so; if another one met the failure first, the node is gone already.
	switch f := api.FailureOf(err).In("en"); f.Code {
	case "store.fsync":
		if exitStatus(err) != 7 || f.Kind != "fatal" || f.Reason == "" || f.Next == "" {
			t.Errorf("an act that cannot be synced: %+v", f)
		}
	case "api.interrupted", "api.unreachable":
	default:
		t.Errorf("with every sync failing: %+v", f)
	}
	if status := w.await("nzl"); status != 7 || !strings.Contains(p.text(), "store.fsync") || !strings.Contains(p.text(), "\n  next ") {
		t.Errorf("the node ended with %d and said: %s", status, p.text())
	}
	// What was acknowledged is read back, and the node goes on.
	w.serve("nzl")
	if status, out, told := w.entente("nzl", "", "doctor"); status != 0 {
		t.Errorf("after the restart: %s%s", out, told)
	}
	if status := w.end("nzl", syscall.SIGTERM); status != 0 {
		t.Errorf("ended with %d", status)
	}
}
