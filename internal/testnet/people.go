package testnet

import (
	"context"
	"slices"
	"strings"
	"time"

	"entente/errs"
	"entente/internal/office"
)

// promise is an act that a node acknowledged: what its journals must say for ever.
type promise struct {
	host     *host
	event    string // of the national journal
	subject  string
	outcome  string
	dispatch bool // and the release is in the own channel journal
	stopped  bool // and it never will be
	control  string
}

func (w *World) promise(p promise) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.promised = append(w.promised, p)
}

// expected judges an answer: an act that went through, one that the machine left open, or a refusal that this situation
// may bring. Anything else is a problem.
func (h *host) expected(what string, err error, may ...errs.Code) (done bool) {
	h.w.tell("%s %s: %s", h.site.party(), what, answer(err))
	switch verb, _, _ := strings.Cut(what, " "); {
	case errs.HasCode(err, errUnknown.Code):
		h.w.count("answers lost with the process")
	case err == nil:
		h.w.count(verb)
	}
	if err == nil {
		return true
	}
	for _, c := range append(may, "testnet.down", "testnet.unknown") {
		if errs.HasCode(err, c) {
			return false
		}
	}
	h.w.problem("%s %s: %v", h.site.party(), what, err)
	return false
}

func answer(err error) string {
	if err == nil {
		return "done"
	}
	return string(errs.CodeOf(err))
}

func (h *host) propose(to *host, n int, heavy bool) {
	raw, sheet := report(string(h.site.party()), n, heavy)
	var v *office.ReleaseView
	err := h.ask(func(ctx context.Context, o *office.Office) (err error) {
		v, err = o.Propose(ctx, "analyst", &office.ReportReq{Report: raw, Sheet: sheet, To: string(to.site.party())})
		return err
	})
	if h.expected("proposes", err) {
		h.w.promise(promise{host: h, event: "draft", subject: v.ID, outcome: "done"})
		h.w.promise(promise{host: h, event: "decision", subject: v.ID, outcome: "allow"})
	}
}

// releases lists the own releases in a state.
func (h *host) releases(state string) []office.ReleaseView {
	var l *office.ReleaseList
	err := h.ask(func(ctx context.Context, o *office.Office) (err error) {
		l, err = o.ListReleases(ctx, "release-officer", &office.ListReq{State: state})
		return err
	})
	if err != nil {
		if errs.CodeOf(err) != errDown.Code && errs.CodeOf(err) != errUnknown.Code {
			h.w.problem("%s lists releases: %v", h.site.party(), err)
		}
		return nil
	}
	return l.Releases
}

// approve has the release officer approve everything proposed, to leave after hold.
func (h *host) approve(hold time.Duration) {
	for _, r := range h.releases("proposed") {
		err := h.ask(func(ctx context.Context, o *office.Office) error {
			_, err := o.Approve(ctx, "release-officer", &office.ReleaseReq{ID: r.ID, Hold: int(hold / time.Second)})
			return err
		})
		// A clock that was set back may stand before the draft.
		if h.expected("approves "+r.ID[:4], err, "release.state", "release.approve.time") {
			h.w.promise(promise{host: h, event: "approval", subject: r.ID, outcome: "allow", dispatch: hold == 0})
		}
	}
}

// stop has the release officer stop the first release that has not left.
func (h *host) stop() {
	waiting := append(h.releases("approved"), h.releases("proposed")...)
	if len(waiting) == 0 {
		return
	}
	r := waiting[0]
	err := h.ask(func(ctx context.Context, o *office.Office) error {
		_, err := o.Stop(ctx, "release-officer", &office.ReleaseReq{ID: r.ID, Reason: "EXERCISE"})
		return err
	})
	if h.expected("stops "+r.ID[:4], err, "release.state") {
		h.w.promise(promise{host: h, event: "stop", subject: r.ID, outcome: "done", stopped: true})
	}
}

// queue lists what waits for the registry officer.
func (h *host) queue() []office.EntryView {
	var q *office.Register
	err := h.ask(func(ctx context.Context, o *office.Office) (err error) {
		q, err = o.Queue(ctx, "registry-officer", &office.ListReq{})
		return err
	})
	if err != nil {
		if errs.CodeOf(err) != errDown.Code && errs.CodeOf(err) != errUnknown.Code {
			h.w.problem("%s looks at the queue: %v", h.site.party(), err)
		}
		return nil
	}
	return q.Entries
}

// accept has the registry officer take everything in the queue in charge.
func (h *host) accept() {
	for _, e := range h.queue() {
		if e.State != "queued" {
			continue
		}
		marking := ""
		for _, c := range e.Choices {
			if len(e.Choices) > 1 && c.Default {
				marking = c.Targets
			}
		}
		var v *office.EntryView
		err := h.ask(func(ctx context.Context, o *office.Office) (err error) {
			v, err = o.Accept(ctx, "registry-officer", &office.AcceptReq{ID: e.ID, Marking: marking, Holder: "reader"})
			return err
		})
		// A clock that was set back may stand before the arrival, or in the year before the last number.
		if h.expected("accepts "+e.ID[:4], err, "custody.state", "custody.time", "custody.control") {
			h.w.promise(promise{host: h, event: "accept", subject: e.ID, outcome: "done", control: v.Control})
		}
	}
}

// misdeeds are what people may not do. Each must be refused, and recorded.
func (h *host) misdeeds(to *host) {
	refused := func(what string, err error) bool {
		if err == nil {
			h.w.problem("%s %s: nobody refused it", h.site.party(), what)
		}
		h.w.tell("%s %s: %s", h.site.party(), what, answer(err))
		return refusal(err)
	}
	for _, r := range h.releases("proposed") {
		err := h.ask(func(ctx context.Context, o *office.Office) error {
			_, err := o.Approve(ctx, "analyst", &office.ReleaseReq{ID: r.ID})
			return err
		})
		if refused("approves "+r.ID[:4]+" as its author", err) {
			h.w.promise(promise{host: h, event: "approval", subject: r.ID, outcome: "deny"})
		}
	}
	for _, e := range h.queue() {
		err := h.ask(func(ctx context.Context, o *office.Office) error {
			_, err := o.Accept(ctx, "registry-officer", &office.AcceptReq{ID: e.ID, Marking: "nzl.u", Holder: "reader"})
			return err
		})
		if refused("accepts "+e.ID[:4]+" under a lower marking", err) {
			h.w.promise(promise{host: h, event: "accept", subject: e.ID, outcome: "deny"})
		}
	}
	raw, sheet := report(string(h.site.party()), 0, false)
	refused("proposes to a stranger", h.ask(func(ctx context.Context, o *office.Office) error {
		_, err := o.Propose(ctx, "analyst", &office.ReportReq{Report: raw, Sheet: sheet, To: "AUS"})
		return err
	}))
}

// read has the reader open everything registered.
func (h *host) read() {
	var list *office.Register
	err := h.ask(func(ctx context.Context, o *office.Office) (err error) {
		list, err = o.ListRegister(ctx, "registry-officer", &office.ListReq{})
		return err
	})
	if err != nil {
		return
	}
	for _, e := range list.Entries {
		err := h.ask(func(ctx context.Context, o *office.Office) error {
			_, err := o.Open(ctx, "reader", &office.OpenReq{Control: e.Control, Purpose: e.Purpose})
			return err
		})
		// A grant is from the moment of registration: not before it, where the clock was set back.
		if h.expected("opens "+e.Control, err, "custody.access") {
			h.w.promise(promise{host: h, event: "view", subject: e.ID, outcome: "allow"})
		}
	}
}

func (h *host) rebuild() {
	h.expected("rebuilds", h.ask(func(ctx context.Context, o *office.Office) error {
		_, err := o.Rebuild(ctx, "", &office.Empty{})
		return err
	}))
}

// finish has people do what is left, and returns how much there was.
func (h *host) finish() int {
	left := len(h.releases("proposed")) + len(h.releases("approved"))
	h.approve(0)
	for _, e := range h.queue() {
		if e.State == "queued" {
			left++
		}
	}
	h.accept()
	return left
}

// ahead is how far the machine's clock ever ran ahead.
func (h *host) ahead() time.Duration {
	most := h.w.script.Skews[slices.Index(h.w.hosts, h)]
	for _, e := range h.w.script.Events {
		if e.Do == "clock" && h.w.hosts[e.Host] == h {
			most = max(most, e.Long)
		}
	}
	return max(most, 0)
}
