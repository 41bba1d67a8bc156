package office_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"entente/errs"
	"entente/examples/exercise"
	"entente/internal/api"
	"entente/internal/node"
	"entente/internal/office"
	"entente/internal/peer"
	"entente/seal"

	"log/slog"
)

// Two nodes that have paired and loaded the exercise agreement are made once; every test works on a copy of their directories.
const realm = "exercise:whio"

var (
	passphrase     = []byte("EXERCISE passphrase of the nodes")
	rootPassphrase = []byte("EXERCISE passphrase of the roots")
	begin          = time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
)

// sideName is a party's node.
type sideName struct{ party, author, ceiling, addr string }

var (
	nzl = sideName{"NZL", "NZL/nzdf/node-1", "nzl.s", "nzl.test:1"}
	jpn = sideName{"JPN", "JPN/jmod/node-1", "jpn.gokuhi", "jpn.test:1"}
)

// handClock is a clock that a test moves.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *handClock) move(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.now = c.now.Add(d) }

// road is the network between the nodes of a test: it calls the other node, and lets a test look at or change what passes.
type road struct {
	mu     sync.Mutex
	nodes  map[string]*node.Node
	tamper func(to string, raw []byte) []byte // nil: nothing is changed; returning nil loses the bundle
	passed [][]byte
}

// Post implements link.Transport.
func (r *road) Post(ctx context.Context, addr string, _ peer.Pin, raw []byte) ([]byte, error) {
	r.mu.Lock()
	n, tamper := r.nodes[addr], r.tamper
	r.mu.Unlock()
	raw = bytes.Clone(raw)
	if tamper != nil {
		raw = tamper(addr, raw)
	}
	if n == nil || raw == nil {
		return nil, &errs.Error{Kind: errs.Unavailable, Code: "peer.unreachable", Op: "test.post"}
	}
	r.mu.Lock()
	r.passed = append(r.passed, bytes.Clone(raw))
	r.mu.Unlock()
	return n.Carrier().Receive(ctx, raw)
}

func (r *road) set(f func(to string, raw []byte) []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tamper = f
}

// one is an open node of a test.
type one struct {
	sideName
	*node.Node
	dir string
}

func (o *one) as(post string) *api.Client { return api.InProcess(o.Handler(), post) }

// call runs an operation that must succeed.
func call[Resp any](t *testing.T, o *one, post, op string, req any) *Resp {
	t.Helper()
	resp := new(Resp)
	if err := o.as(post).Call(t.Context(), op, req, resp); err != nil {
		t.Fatalf("%s %s as %s: %v", o.party, op, post, err)
	}
	return resp
}

// refused runs an operation that must be refused with a code, and noted.
func refused(t *testing.T, o *one, post, op string, req any, want errs.Code) {
	t.Helper()
	before := o.entries(t)
	err := o.as(post).Call(t.Context(), op, req, nil)
	if !errs.HasCode(err, want) {
		t.Errorf("%s %s as %q: %v, want %s", o.party, op, post, err, want)
		return
	}
	f := api.FailureOf(err)
	if f.Next == "" {
		t.Errorf("%s %s: %s says no next step", o.party, op, want)
	}
	if o.count(t, string(f.Code)) == before[string(f.Code)] {
		t.Errorf("%s %s: %s is in no national journal", o.party, op, f.Code)
	}
}

// entries counts the codes of the entries of all national journals.
func (o *one) entries(t *testing.T) map[string]int {
	t.Helper()
	all := call[office.JournalView](t, o, "auditor", "journal.show", office.JournalReq{})
	out := map[string]int{}
	for _, j := range all.Journals {
		if o.channelJournal(j.Origin, all) {
			continue
		}
		for from, more := uint64(0), true; more; {
			page := call[office.JournalView](t, o, "auditor", "journal.show", office.JournalReq{Origin: j.Origin, From: from, Limit: 100})
			for _, e := range page.Entries {
				out[e.Code]++
			}
			from, more = page.Next, page.Next != 0
		}
	}
	return out
}

// channelJournal: the first two are of the channel, own and the partner's; the rest never leaves.
func (o *one) channelJournal(origin string, all *office.JournalView) bool {
	for _, j := range all.Journals {
		if strings.Contains(j.Origin, jpn.author) != strings.Contains(o.author, jpn.author) { // the partner's
			channel := strings.Split(j.Origin, "/")[2]
			return strings.Contains(origin, channel)
		}
	}
	return false
}

func (o *one) count(t *testing.T, code string) int { t.Helper(); return o.entries(t)[code] }

// world is two nodes on one road.
type world struct {
	clock    *handClock
	road     *road
	nzl, jpn *one
}

func open(t *testing.T, name sideName, dir string, clock *handClock, r *road) *one {
	t.Helper()
	n, err := node.Open(context.Background(), node.Config{Dir: dir, Passphrase: passphrase, Version: "test", Clock: clock, Transport: r,
		Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.nodes[name.addr] = n
	r.mu.Unlock()
	return &one{name, n, dir}
}

// reopen closes a node and opens its directory again, as a restart does.
func (w *world) reopen(t *testing.T, o *one) *one {
	t.Helper()
	if err := o.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, o.sideName, o.dir, w.clock, w.road)
	t.Cleanup(func() { again.Close() })
	return again
}

var template = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "entente-pair-")
	if err != nil {
		return "", err
	}
	return dir, nil
})

var templateMade sync.Once

func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", "8") // they wait for the disk, not for the processor
	code := m.Run()
	if dir, err := template(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// raise makes two nodes, paired under an agreement of this text.
func raise(t *testing.T, dir string, text []byte) {
	t.Helper()
	clock, r := &handClock{now: begin}, &road{nodes: map[string]*node.Node{}}
	var sides []*one
	for _, s := range []sideName{nzl, jpn} {
		_, err := node.Init(node.InitConfig{Dir: filepath.Join(dir, s.party), Realm: realm, Author: s.author, Ceiling: s.ceiling, Listen: "127.0.0.1:0", Advertise: s.addr,
			Suite: "hybrid", Passphrase: passphrase, RootPassphrase: rootPassphrase, Version: "test", KDF: seal.MinIterations, Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		o := open(t, s, filepath.Join(dir, s.party), clock, r)
		defer o.Close()
		call[office.Staff](t, o, "", "staff.load", office.StaffReq{File: exercise.Staff(s.party)})
		sides = append(sides, o)
	}
	words := map[*one]string{}
	for i, o := range sides {
		card := call[office.Blob](t, sides[1-i], "key-custodian", "pair.card", office.Empty{})
		words[o] = strings.Join(call[office.PairView](t, o, "key-custodian", "pair.add", office.PairReq{Card: card.Bytes}).Words, " ")
	}
	for i, o := range sides {
		call[office.PairView](t, o, "key-custodian", "pair.confirm", office.PairConfirmReq{Author: sides[1-i].author, Words: words[o]})
	}
	pkg := call[office.Blob](t, sides[0], "key-custodian", "agreement.prepare", office.Blob{Bytes: text}).Bytes
	for _, o := range sides {
		pkg = sign(t, o.dir, pkg)
	}
	for _, o := range sides {
		call[office.AgreementView](t, o, "key-custodian", "agreement.load", office.Blob{Bytes: pkg})
	}
}

// sign adds the signature of a directory's root.
func sign(t *testing.T, dir string, pkg []byte) []byte {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(dir, node.RootKeyPath))
	if err != nil {
		t.Fatal(err)
	}
	out, err := office.SignAgreement(pkg, key, rootPassphrase)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// copied returns a fresh copy of the template.
func copied(t *testing.T) string {
	t.Helper()
	dir, err := template()
	if err != nil {
		t.Fatal(err)
	}
	templateMade.Do(func() { raise(t, dir, exercise.Agreement()) })
	out := t.TempDir()
	copyTree(t, dir, out)
	return out
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			if err := os.MkdirAll(target, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// newWorld opens both nodes.
func newWorld(t *testing.T) *world {
	t.Helper()
	dir := copied(t)
	w := &world{clock: &handClock{now: begin.Add(time.Hour)}, road: &road{nodes: map[string]*node.Node{}}}
	w.nzl = open(t, nzl, filepath.Join(dir, "NZL"), w.clock, w.road)
	w.jpn = open(t, jpn, filepath.Join(dir, "JPN"), w.clock, w.road)
	t.Cleanup(func() { w.nzl.Close(); w.jpn.Close() })
	return w
}

// alone opens the New Zealand node and leaves the other one to an attacker: see takeOver.
func alone(t *testing.T) *world {
	t.Helper()
	dir := copied(t)
	w := &world{clock: &handClock{now: begin.Add(time.Hour)}, road: &road{nodes: map[string]*node.Node{}}}
	w.nzl, w.jpn = open(t, nzl, filepath.Join(dir, "NZL"), w.clock, w.road), &one{jpn, nil, filepath.Join(dir, "JPN")}
	t.Cleanup(func() { w.nzl.Close() })
	return w
}

// report returns an exercise report of a party.
func report(name string) exercise.Report {
	for _, r := range exercise.Reports() {
		if r.Name == name {
			return r
		}
	}
	panic("no report " + name)
}

// propose and approve bring a report on its way; its dispatch goes with the next exchange.
func (w *world) release(t *testing.T, o *one, name string) *office.ReleaseView {
	t.Helper()
	r := report(name)
	to := "JPN"
	if o.party == "JPN" {
		to = "NZL"
	}
	v := call[office.ReleaseView](t, o, "analyst", "release.propose", office.ReportReq{Report: r.Report, Sheet: r.Sheet, To: to})
	return call[office.ReleaseView](t, o, "release-officer", "release.approve", office.ReleaseReq{ID: v.ID})
}

func (w *world) sync(t *testing.T, o *one) string {
	t.Helper()
	return call[office.SyncView](t, o, "", "sync", office.Empty{}).Error
}

// queue returns what waits at a node, by state.
func (o *one) queue(t *testing.T) (queued, quarantined []office.EntryView) {
	t.Helper()
	for _, e := range call[office.Register](t, o, "registry-officer", "registry.queue", office.ListReq{}).Entries {
		if e.State == "queued" {
			queued = append(queued, e)
		} else {
			quarantined = append(quarantined, e)
		}
	}
	return queued, quarantined
}

func staffOf(party string) []byte { return exercise.Staff(party) }

func openNode(dir string, clock *handClock) (*node.Node, error) {
	return node.Open(context.Background(), node.Config{Dir: dir, Passphrase: passphrase, Version: "test", Clock: clock, Transport: &road{}, Logger: slog.New(slog.DiscardHandler)})
}
