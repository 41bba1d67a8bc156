package main

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"entente/internal/api"
	"entente/internal/office"
)

// TestKilledNodesLoseNothing kills one of two nodes that propose, approve, exchange and register, at random moments, again and again. In
// the end everything that was answered is there on both sides, and both directories verify. ENTENTE_KILL_ROUNDS says how often.
func TestKilledNodesLoseNothing(t *testing.T) {
	t.Parallel()
	rounds := 5
	if n, err := strconv.Atoi(os.Getenv("ENTENTE_KILL_ROUNDS")); err == nil {
		rounds = n
	}
	seed := uint64(time.Now().UnixNano())
	if n, err := strconv.ParseUint(os.Getenv("ENTENTE_KILL_SEED"), 10, 64); err == nil {
		seed = n
	}
	t.Logf("%d rounds, ENTENTE_KILL_SEED=%d", rounds, seed)
	random := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t)
	for _, side := range sides {
		w.serve(side)
	}
	ctx, stop := context.WithCancel(t.Context())
	var workers sync.WaitGroup
	all := &answered{approved: map[string]string{}, registered: map[string]string{}}
	for _, side := range sides {
		workers.Go(func() { w.keepReleasing(ctx, side, all) })
		workers.Go(func() { w.keepRegistering(ctx, side, all) })
	}
	for range rounds {
		side := sides[random.IntN(2)]
		<-time.After(time.Duration(random.IntN(250)) * time.Millisecond) // the random moment
		w.end(side, syscall.SIGKILL)
		w.serve(side)
	}
	stop()
	workers.Wait()
	w.sync()

	approved, registered := all.count()
	t.Logf("answered: %d approvals, %d registrations", approved, registered)
	if approved == 0 {
		t.Fatal("nothing was approved between the kills: the test shows nothing")
	}
	for _, side := range sides {
		other := map[string]string{"nzl": "jpn", "jpn": "nzl"}[side]
		sent, arrived := map[string]string{}, map[string]bool{}
		var list office.ReleaseList
		if err := w.client(side, "release-officer").Call(t.Context(), "release.list", office.ListReq{}, &list); err != nil {
			t.Fatal(err)
		}
		for _, r := range list.Releases {
			sent[r.ID] = r.State
		}
		for _, op := range []string{"registry.queue", "registry.list"} {
			var reg office.Register
			if err := w.client(other, "registry-officer").Call(t.Context(), op, office.ListReq{}, &reg); err != nil {
				t.Fatal(err)
			}
			for _, e := range reg.Entries {
				arrived[e.ID] = true
				if number, ok := all.registered[e.ID]; ok && e.Control != number {
					t.Errorf("%s: the registration of %s as %s was answered, and is %q now", other, e.ID, number, e.Control)
				}
			}
		}
		for id, who := range all.approved {
			// The list shows the newest hundred; what is older has long been settled.
			if who == side && (len(list.Releases) < 100 && sent[id] != "held" && sent[id] != "registered" || !arrived[id]) {
				t.Errorf("%s: the approval of %s was answered; it is %q here and arrived there: %v", side, id, sent[id], arrived[id])
			}
		}
		var st office.Status
		if err := w.client(side, "").Call(t.Context(), "status", office.Empty{}, &st); err != nil {
			t.Fatal(err)
		}
		if c := st.Channels[0]; st.Signing != "ready" || c.Own.Frozen || c.Theirs.Frozen || c.Own.Witnessed != c.Own.Size || c.Own.Held != c.Own.Size {
			t.Errorf("%s: signing %s, own journal %+v", side, st.Signing, c.Own)
		}
	}
	for _, side := range sides {
		if status := w.end(side, syscall.SIGTERM); status != 0 {
			t.Errorf("%s ended with %d", side, status)
		}
		if status, out, told := w.entente(side, "", "verify", w.path(side)); status != 0 {
			t.Errorf("%s does not verify: %s%s", side, out, told)
		}
		if status, out, told := w.entente(side, "", "rebuild"); status != 0 {
			t.Errorf("%s cannot be rebuilt: %s%s", side, out, told)
		}
	}
}

// answered is what the nodes said they had done.
type answered struct {
	sync.Mutex
	approved   map[string]string // release id -> side
	registered map[string]string // release id -> control number
}

func (a *answered) count() (approved, registered int) {
	a.Lock()
	defer a.Unlock()
	return len(a.approved), len(a.registered)
}

// keepReleasing proposes and approves until ctx ends. A call that fails was not answered, and counts for nothing.
func (w *world) keepReleasing(ctx context.Context, side string, all *answered) {
	req := w.report(side)
	for ctx.Err() == nil {
		var v office.ReleaseView
		if err := w.client(side, "analyst").Call(ctx, "release.propose", req, &v); err != nil {
			w.unexpected(err)
			continue
		}
		if err := w.client(side, "release-officer").Call(ctx, "release.approve", office.ReleaseReq{ID: v.ID}, &v); err != nil {
			w.unexpected(err)
			continue
		}
		all.Lock()
		all.approved[v.ID] = side
		all.Unlock()
	}
}

// keepRegistering accepts whatever waits.
func (w *world) keepRegistering(ctx context.Context, side string, all *answered) {
	for ctx.Err() == nil {
		var q office.Register
		if err := w.client(side, "registry-officer").Call(ctx, "registry.queue", office.ListReq{}, &q); err != nil {
			w.unexpected(err)
			continue
		}
		for _, e := range q.Entries[:min(len(q.Entries), 4)] {
			if e.State != "queued" {
				w.Errorf("%s: %s is %s (%s)", side, e.ID, e.State, e.Code)
				continue
			}
			var v office.EntryView
			marking := ""
			if len(e.Choices) > 1 {
				marking = e.Choices[0].Targets
			}
			if err := w.client(side, "registry-officer").Call(ctx, "registry.accept", office.AcceptReq{ID: e.ID, Marking: marking, Holder: "reader"}, &v); err != nil {
				w.unexpected(err)
				break
			}
			all.Lock()
			all.registered[e.ID] = v.Control
			all.Unlock()
		}
	}
}

// unexpected reports a failure that a killed node does not explain, and lets the machine breathe.
func (w *world) unexpected(err error) {
	switch f := api.FailureOf(err); f.Code {
	case "api.unreachable", "api.interrupted", "store.closed", "store.cancelled":
	default:
		w.Errorf("%s: %v", f.Code, err)
	}
	<-time.After(5 * time.Millisecond)
}
