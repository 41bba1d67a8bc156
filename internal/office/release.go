package office

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/guard"
	"entente/internal/api"
	"entente/internal/channel"
	"entente/internal/store"
	"entente/party"
	"entente/release"
	"entente/statement"
)

// draft is a report read and planned for one partner.
type draft struct {
	channel  *channel.Channel
	report   *release.Report
	sheet    *release.Sheet
	findings []release.Finding
	plan     *release.Plan
	prep     release.Preparation
	problem  error // what keeps it from being proposed; nil if nothing
}

// read reads a report and its sheet and asks the agreement about every portion, as a draft: who decides is still open.
func (o *Office) read(req *ReportReq, author party.Handle, at time.Time) (*draft, error) {
	if all := o.cfg.Book.All(); req.To == "" && len(all) == 1 {
		req.To = string(all[0].Partner())
	}
	to, err := party.ParseParty(req.To)
	if err != nil {
		return nil, err
	}
	d := &draft{}
	if d.channel, err = o.cfg.Book.To(to); err != nil {
		return nil, err
	}
	for _, c := range o.cfg.Book.All() { // of several agreements with a party, one that is in force
		if c.Partner() == to && o.mayOnChannel(d.channel, at) != nil {
			d.channel = c
		}
	}
	if err := o.mayOnChannel(d.channel, at); err != nil {
		return nil, err
	}
	d.report, d.findings = release.ParseReport(req.Report, release.Reading{Set: o.cfg.Set, Policy: o.cfg.Policy.OID(),
		Originator: o.cfg.Author.Party(), Realm: o.cfg.Realm, Event: o.cfg.Event})
	if d.report == nil {
		return nil, refusal(d.findings)
	}
	if len(req.Sheet) == 0 {
		return nil, refused("release.sheet.missing", "office.report", d.report.Serial, "labels R14", "",
			"the report has no release sheet: a new title with its own mark, a purpose, and what travels with what", "write the sheet; see doc/overview.md")
	}
	if d.sheet, err = release.ParseSheet(req.Sheet); err != nil {
		return nil, err
	}
	d.prep = release.Preparation{Terms: d.channel.Rules, Report: d.report, Sheet: d.sheet, Findings: d.findings,
		Question: agreement.Question{From: o.cfg.Author.Party(), To: to, Author: d.channel.Self, Reader: d.channel.Peer, Means: party.MeansNetwork,
			At: at, Drafter: author, Draft: true}}
	d.plan = release.Prepare(d.prep)
	if release.Refusing(d.plan.Findings) {
		d.problem = becauseOfTitle(d.plan, refusal(d.plan.Findings))
	}
	if d.problem == nil {
		d.problem = o.underCeiling(d.report)
	}
	return d, nil
}

// underCeiling refuses what this domain may not hold, drafted here or not.
func (o *Office) underCeiling(r *release.Report) error {
	if o.cfg.Policy.Leq(r.Rollup.Level, o.cfg.Ceiling) {
		return nil
	}
	return refused("node.ceiling", "office.report", r.Serial, "domain ceiling", "", "the report is above the ceiling of this node's domain",
		"handle it in a domain accredited for its level")
}

// becauseOfTitle says by which rule of the agreement the title may not go, where that is what refuses: it is often what keeps
// everything else back too, such as a purpose that the agreement does not list.
func becauseOfTitle(plan *release.Plan, problem error) error {
	if code := errs.CodeOf(problem); code != "release.title.withheld" && code != "release.empty" {
		return problem
	}
	for i := range plan.Items {
		it := &plan.Items[i]
		if it.Kind != release.KindTitle || it.Decision == nil {
			continue
		}
		if why := (*errs.Error)(nil); errors.As(it.Decision.Refusal(), &why) {
			return &errs.Error{Kind: errs.Refused, Code: errs.CodeOf(problem), Op: "office.report", Subject: "title", Rule: why.Rule, Article: why.Article, Reason: why.Reason, Next: why.Next, Err: why}
		}
	}
	return problem
}

// findingRule names the rule behind a finding of package release.
func findingRule(code errs.Code) string {
	for _, r := range [][2]string{{"release.banner.", "labels R13"}, {"release.tearline.", "labels R3"}, {"release.portion.", "labels R14"}, {"release.header.", "labels R14"},
		{"release.sheet.", "labels R14"}, {"release.title.", "labels R14"}, {"release.gist.", "labels R14"}, {"label.", "labels R1"}} {
		if strings.HasPrefix(string(code), r[0]) {
			return r[1]
		}
	}
	return "form of a report"
}

func refusal(findings []release.Finding) error {
	for _, f := range findings {
		if f.Severity == release.Refuse {
			where := f.Portion
			if f.Line > 0 {
				where = strings.TrimSpace(fmt.Sprintf("%s line %d", where, f.Line))
			}
			e := refused(f.Code, "office.report", where, findingRule(f.Code), "", f.Text.EN, "correct the report or its sheet and check it again: entente report check")
			e.Err = &agreement.Said{Text: f.Text}
			return e
		}
	}
	return refused("release.report", "office.report", "", "", "", "the report cannot be read", "check its form")
}

// CheckReport says where a report breaks a rule and what a partner would receive. Nothing is stored.
func (o *Office) CheckReport(ctx context.Context, as string, req *ReportReq) (*ReportView, error) {
	var out *ReportView
	err := o.act(ctx, func(tx *store.Tx) (error, error) {
		return o.asRole(tx, nil, as, party.RoleAuthor, "draft", func(p *party.Person, by statement.By) (error, error) {
			d, err := o.read(req, p.ID, tx.Now())
			if err != nil {
				return o.denyDraft(tx, by, err)
			}
			out = o.viewDraft(d, req.Lang)
			if d.problem != nil { // shown in full, and noted like every refusal
				f := api.FailureOf(d.problem)
				out.Problem = &f
				_, failure := o.denyDraft(tx, by, d.problem)
				return nil, failure
			} else {
				v, _, err := release.Build(d.plan, o.meta(d, release.Reference(o.cfg.Author.Party(), d.plan.To, tx.Now().UTC().Year(), 1), tx.Now()), o.cfg.Random)
				if err != nil {
					return o.denyDraft(tx, by, err)
				}
				v.Reference = "PREVIEW" // a look takes no number; this version is shown and never encoded
				out.Preview = release.Text(v, release.Rendering{Terms: d.channel.Rules, Lang: req.Lang})
			}
			return nil, nil
		})
	})
	return out, err
}

// denyDraft notes a draft that was refused; defects of the input are refusals like any other.
func (o *Office) denyDraft(tx *store.Tx, by statement.By, why error) (error, error) {
	switch errs.KindOf(why) {
	case errs.Refused, errs.Invalid, errs.NotFound, errs.Conflict:
		return o.deny(tx, nil, by, "draft", "", why)
	}
	return nil, why
}

func (o *Office) meta(d *draft, reference string, at time.Time) release.Meta {
	return release.Meta{Terms: d.channel.Rules, Authority: o.cfg.Author.Authority(), Reference: reference, Time: at}
}

func (o *Office) viewDraft(d *draft, lang string) *ReportView {
	v := &ReportView{Realm: string(o.cfg.Realm), Serial: d.report.Serial, OK: d.problem == nil, Banner: o.cfg.Set.Banner(d.report.Rollup, lang), Findings: []FindingView{}, Portions: []PortionView{}}
	for _, f := range d.plan.Findings {
		outcome := "note"
		if f.Severity == release.Refuse {
			outcome = "refuse"
		}
		v.Findings = append(v.Findings, FindingView{Code: string(f.Code), Outcome: outcome, Portion: f.Portion, Line: f.Line, Text: pick(f.Text, lang)})
	}
	if d.problem != nil && !release.Refusing(d.plan.Findings) {
		f := failureFields(d.problem)
		v.Findings = append(v.Findings, FindingView{Code: f[0], Rule: f[1], Article: f[2], Outcome: "refuse", Text: d.problem.Error()})
	}
	v.Portions, v.Disclosed, v.Withheld = viewPortions(d.plan, lang)
	return v
}

func viewPortions(plan *release.Plan, lang string) (out []PortionView, shown, withheld int) {
	number := map[string]int{}
	for i, it := range plan.Shown() {
		number[it.ID] = i
	}
	for i := range plan.Items {
		it := &plan.Items[i]
		p := PortionView{ID: it.ID, Mark: it.Mark, Shown: it.Shown, Number: number[it.ID], Code: string(it.Code)}
		if it.Shown {
			shown++
		} else {
			withheld++
			p.Reason = withheldReason(it, lang)
		}
		if it.Decision != nil {
			for _, f := range it.Decision.Findings {
				if !it.Shown && f.Outcome == agreement.Deny && p.Rule == "" {
					p.Rule, p.Article, p.Reason = f.Rule, f.Article, pick(f.Text, lang)
				}
				p.Rules = append(p.Rules, viewRule(f, lang))
			}
		}
		out = append(out, p)
	}
	return out, shown, withheld
}

func withheldReason(it *release.Item, lang string) string {
	ja := lang == "ja"
	switch {
	case it.Missing != "" && ja:
		return "共に示すべき " + it.Missing + " を示せない"
	case it.Missing != "":
		return "travels with " + it.Missing + ", which cannot be shown"
	case it.Label == nil && ja:
		return "標記がないため提供しない"
	case it.Label == nil:
		return "unmarked: nothing of the header travels"
	}
	return string(it.Code)
}

func viewRule(f agreement.Finding, lang string) FindingView {
	return FindingView{Rule: f.Rule, Article: f.Article, Outcome: f.Outcome.String(), Code: string(f.Code), Text: pick(f.Text, lang), Change: pick(f.Change, lang)}
}

// Propose registers a report as original and keeps its release version for a release officer. Nothing leaves.
func (o *Office) Propose(ctx context.Context, as string, req *ReportReq) (*ReleaseView, error) {
	var out *ReleaseView
	err := o.act(ctx, func(tx *store.Tx) (error, error) {
		return o.asRole(tx, nil, as, party.RoleAuthor, "draft", func(p *party.Person, by statement.By) (error, error) {
			d, err := o.read(req, party.Handle{}, tx.Now())
			if err == nil {
				err = d.problem
			}
			if err != nil {
				return o.denyDraft(tx, by, err)
			}
			reference := func(n int) string {
				return release.Reference(o.cfg.Author.Party(), d.plan.To, tx.Now().UTC().Year(), n)
			}
			v, original, err := release.Build(d.plan, o.meta(d, reference(1), tx.Now()), o.cfg.Random)
			if err != nil {
				return o.denyDraft(tx, by, err)
			}
			// The number is taken last: a draft that is refused commits its entry and leaves no gap in the references.
			n, err := tx.Counter(fmt.Sprintf("reference/%x/%d", d.channel.Digest[:8], tx.Now().UTC().Year()))
			if err != nil {
				return nil, err
			}
			v.Reference = reference(int(n))
			r := &releaseRecord{ID: v.Release, Channel: d.channel.Digest, Serial: d.report.Serial, releaseText: releaseText{Report: req.Report, Sheet: req.Sheet},
				Author: p.ID, Drafter: o.handle(d.channel, p), Proposed: tx.Now().UnixMilli()}
			if r.Version, err = v.Encode(); err != nil {
				return nil, err
			}
			if r.Original, err = original.Encode(); err != nil {
				return nil, err
			}
			_, shown, withheld := viewPortions(d.plan, "en")
			r.Disclosed, r.Withheld = uint64(shown), uint64(withheld)
			if err := putRelease(tx, r, stateProposed); err != nil {
				return nil, err
			}
			// The manifest's digest in the national journal is what later proves that the version is part of the original.
			if err := o.note(tx, d.channel, o.by(d.channel, p, party.RoleAuthor, ""), "draft", hex.EncodeToString(r.ID[:]), statement.OutcomeDone, nil, original.Manifest[:]); err != nil {
				return nil, err
			}
			decision := d.plan.DecisionDigest()
			if err := o.note(tx, d.channel, o.cfg.Book.NodeBy(), "decision", hex.EncodeToString(r.ID[:]), statement.OutcomeAllow, nil, decision[:]); err != nil {
				return nil, err
			}
			out, err = o.viewRelease(tx, r, stateProposed, req.Lang)
			return nil, err
		})
	})
	return out, err
}

// question is the release officer's question about a record.
func (o *Office) question(tx *store.Tx, c *channel.Channel, r *releaseRecord, p *party.Person) (agreement.Question, error) {
	custodian, err := o.custodian(tx, c)
	if err != nil {
		return agreement.Question{}, err
	}
	d, err := o.delegationOf(tx, c, p, party.RoleReleaseOfficer, tx.Now())
	return agreement.Question{From: o.cfg.Author.Party(), To: c.Partner(), Author: c.Self, Reader: c.Peer, Means: party.MeansNetwork, At: tx.Now(),
		Delegation: d, Drafter: r.Drafter, Releaser: o.handle(c, p), Custodian: custodian}, err
}

// reread reads a stored record again, as the officer sees it.
func (o *Office) reread(r *releaseRecord, c *channel.Channel, q agreement.Question) (release.Preparation, *release.Version, *release.Original, error) {
	report, findings := release.ParseReport(r.Report, release.Reading{Set: o.cfg.Set, Policy: o.cfg.Policy.OID(), Originator: o.cfg.Author.Party(),
		Realm: o.cfg.Realm, Event: o.cfg.Event})
	prep := release.Preparation{Terms: c.Rules, Report: report, Question: q, Findings: findings}
	if report == nil {
		return prep, nil, nil, refusal(findings)
	}
	var err error
	if prep.Sheet, err = release.ParseSheet(r.Sheet); err != nil {
		return prep, nil, nil, err
	}
	v, err := release.DecodeVersion(r.Version)
	if err != nil {
		return prep, nil, nil, err
	}
	original, err := release.DecodeOriginal(r.Original)
	return prep, v, original, err
}

// Approve decides that a proposed version leaves. After req.Hold seconds, in which it can be stopped, the node dispatches it.
func (o *Office) Approve(ctx context.Context, as string, req *ReleaseReq) (*ReleaseView, error) {
	var out *ReleaseView
	err := o.act(ctx, func(tx *store.Tx) (error, error) {
		r, state, err := findRelease(tx, req.ID)
		if err != nil {
			return o.unknown(tx, as, "approval", req.ID, err)
		}
		id, c := hex.EncodeToString(r.ID[:]), o.cfg.Book.Get(r.Channel)
		p, err := o.named(tx, as)
		if err != nil {
			return o.deny(tx, c, o.cfg.Book.NodeBy(), "approval", id, err)
		}
		if err := o.cfg.Hold(); err != nil {
			return o.deny(tx, c, o.by(c, p, party.RoleReleaseOfficer, ""), "approval", id, err)
		}
		by := o.by(c, p, party.RoleReleaseOfficer, "")
		if state != stateProposed {
			return o.deny(tx, c, by, "approval", id, refused("release.state", "office.approve", id, "agreements 31", o.cite(c, "agreements 31"), "the release is "+state+", not proposed; each release has one recorded decision",
				"propose it anew if it should leave after all"))
		}
		if req.Hold < 0 || time.Duration(req.Hold) > guard.MaxAge/time.Second {
			return o.deny(tx, c, by, "approval", id, &errs.Error{Kind: errs.Invalid, Code: "release.hold", Op: "office.approve", Subject: id,
				Reason: "a hold is 0 to 86400 seconds: after that the second checker's verdict is stale", Next: "approve it with a shorter hold, or later"})
		}
		approval, err := o.approve(tx, c, r, p)
		if err != nil {
			return o.deny(tx, c, by, "approval", id, err)
		}
		by.Delegation = approval.Delegation
		cleared, err := o.clear(c, r, &approval.Terms, tx.Now())
		if err != nil {
			return o.deny(tx, c, by, "approval", id, err)
		}
		approval.Terms.Guard = cleared.VerdictDigest()
		if r.Terms, err = approval.Terms.Encode(); err != nil {
			return nil, err
		}
		r.Approver, r.By, r.Approved = p.ID, &by, tx.Now().UnixMilli()
		r.NotBefore = tx.Now().UnixMilli()
		if req.Hold > 0 { // at a full second, so that what was approved together leaves together
			r.NotBefore = tx.Now().Add(time.Duration(req.Hold)*time.Second + time.Second - 1).Truncate(time.Second).UnixMilli()
		}
		if err := o.note(tx, c, by, "approval", id, statement.OutcomeAllow, nil, approval.Terms.Decision[:]); err != nil {
			return nil, err
		}
		var late error // approved, and cannot leave now: the approval stands, and the dispatch loop tries and decides
		if state = stateApproved; req.Hold <= 0 {
			switch late = o.dispatch(tx, c, r); {
			case late == nil:
				state = stateDispatched
			case !waits(late) && errs.KindOf(late) != errs.Refused && errs.KindOf(late) != errs.Integrity:
				return nil, late
			default:
				if err := o.note(tx, c, o.cfg.Book.NodeBy(), "dispatch", id, statement.OutcomeRefused, late, nil); err != nil {
					return nil, err
				}
			}
		}
		if err := putRelease(tx, r, state); err != nil {
			return nil, err
		}
		out, err = o.viewRelease(tx, r, state, req.Lang)
		return late, err
	})
	if err == nil {
		o.cfg.Carrier.Wake()
	}
	return out, err
}

// cite returns the article that grounds a rule in c's agreement; the empty question is judged by every rule.
func (o *Office) cite(c *channel.Channel, rule string) string {
	for _, f := range c.Rules.Explain(&agreement.Question{}).Findings {
		if f.Rule == rule {
			return f.Article
		}
	}
	return ""
}

// approve asks every rule again, for this officer, on the final bytes.
func (o *Office) approve(tx *store.Tx, c *channel.Channel, r *releaseRecord, p *party.Person) (*release.Approval, error) {
	q, err := o.question(tx, c, r, p)
	if err != nil {
		return nil, err
	}
	prep, v, original, err := o.reread(r, c, q)
	if err != nil {
		return nil, err
	}
	// A missing or lapsed delegation is the agreement's own refusal, with its article; it is asked before the officer's role, so
	// that whoever tries without a delegation learns what the agreement demands.
	whole := q
	whole.Label, whole.Purpose = v.Banner, v.Purpose
	if err := c.Rules.Explain(&whole).Refusal(); err != nil {
		return nil, err
	}
	return release.Approve(release.ApproveRequest{Preparation: prep, Version: v, Original: original, Officer: p, Copies: 1})
}

// clear has the second checker look at the final bytes.
func (o *Office) clear(c *channel.Channel, r *releaseRecord, t *release.DispatchTerms, at time.Time) (*guard.Cleared, error) {
	tables, err := o.cfg.Tables(c)
	if err != nil {
		return nil, err
	}
	raw, err := t.Encode()
	if err != nil {
		return nil, err
	}
	return tables.Check(raw, r.Version, guard.Terms{From: string(o.cfg.Author.Party()), To: string(c.Partner()), Purpose: t.Purpose,
		Means: string(party.MeansNetwork), At: at, Realm: string(o.cfg.Realm), Release: t.Release, Copies: t.Copies})
}

// dispatch says release.dispatch/1. It is the only way out for a version: the agreement must be in force now, the second checker
// must clear the very bytes again, and what it cleared must be what is said.
func (o *Office) dispatch(tx *store.Tx, c *channel.Channel, r *releaseRecord) error {
	if err := o.mayOnChannel(c, tx.Now()); err != nil {
		return err
	}
	terms, err := release.DecodeDispatchTerms(r.Terms)
	if err != nil {
		return err
	}
	if err := o.stillDelegated(tx, c, r, terms); err != nil {
		return err
	}
	tables, err := o.cfg.Tables(c)
	if err != nil {
		return err
	}
	unfilled := *terms
	unfilled.Guard = [48]byte{}
	cleared, err := o.clear(c, r, &unfilled, time.UnixMilli(r.Approved))
	if err != nil {
		return err
	}
	if err := tables.Still(cleared, tx.Now()); err != nil {
		return err
	}
	if err := cleared.Covers(r.Terms, r.Version); err != nil {
		return err
	}
	st, err := o.cfg.Book.Say(tx, c, channel.Saying{ID: statement.ID(r.ID), Type: statement.Dispatch, Version: release.RulesVersion,
		Thread: statement.Thread(r.ID), By: *r.By, Terms: terms, Narrative: r.Version})
	if err != nil {
		return err
	}
	if !bytes.Equal(st.Act.Terms, r.Terms) || !bytes.Equal(st.Content.Narrative, r.Version) { // undoes the whole act
		return &errs.Error{Kind: errs.Internal, Code: "release.said", Op: "office.dispatch", Reason: "what was said is not what the second checker cleared"}
	}
	r.Dispatched, r.Index = tx.Now().UnixMilli(), st.Index
	return o.note(tx, c, *r.By, "dispatch", hex.EncodeToString(r.ID[:]), statement.OutcomeDone, nil, terms.Digest[:])
}

// stillDelegated asks again, at the moment of dispatch, whether the officer who approved still is one, and whether the delegation still
// covers it: between approval and dispatch it may have lapsed or been taken back.
func (o *Office) stillDelegated(tx *store.Tx, c *channel.Channel, r *releaseRecord, t *release.DispatchTerms) error {
	persons, err := o.persons(tx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(persons, func(p party.Person) bool { return p.ID == r.Approver })
	if i < 0 || !persons[i].Has(party.RoleReleaseOfficer) {
		return refused("release.officer", "office.dispatch", "", "agreements 31", o.cite(c, "agreements 31"), "who approved it is no release officer any more", "let a release officer propose and approve it anew")
	}
	all, err := o.delegations(tx)
	if err != nil {
		return err
	}
	var d *party.Delegation
	for _, x := range all {
		if x.Body.ID == r.By.Delegation && x.Post == persons[i].Alias {
			if d, err = o.heldBy(tx, c, x); err != nil {
				return err
			}
		}
	}
	return c.Rules.Delegated(d, agreement.Use{Author: c.Self, Role: party.RoleReleaseOfficer, Holder: r.By.Handle, Label: t.Banner, To: c.Partner(),
		Means: party.MeansNetwork, At: tx.Now()})
}

const (
	dispatchAtOnce = 64          // releases looked at in one unit of work: an exchange under way waits for it to end
	dispatchRetry  = time.Minute // what cannot leave now, by no fault of its own, is tried again after this
)

// waits says whether a refusal to dispatch is of the channel or the day and not of the release: then its approval stands.
func waits(err error) bool {
	return errs.HasCode(err, "channel.frozen") || errs.KindOf(err) == errs.Quota
}

// DispatchDue dispatches what was approved and whose hold has passed. A release that the second checker, the agreement or its officer's
// delegation now refuses is stopped and noted; one that the channel cannot take now waits behind the others. It returns how
// many were dispatched and when the next is due (zero: none).
func (o *Office) DispatchDue(ctx context.Context) (n int, next time.Time, err error) {
	if o.cfg.Hold() != nil {
		return 0, time.Time{}, nil // what was approved waits: whether it left before is not known here
	}
	err = o.act(ctx, func(tx *store.Tx) (error, error) {
		docs, err := tx.Docs(docRelease, stateApproved, store.First, "", dispatchAtOnce)
		if err != nil {
			return nil, err
		}
		if len(docs) == dispatchAtOnce {
			next = tx.Now() // there may be more
		}
		for i := range docs {
			if docs[i].Sort > tx.Now().UnixMilli() {
				next = time.UnixMilli(docs[i].Sort)
				break
			}
			r, err := openRelease(tx, &docs[i])
			if err != nil {
				return nil, err
			}
			c := o.cfg.Book.Get(r.Channel)
			state := stateDispatched
			switch err := o.dispatch(tx, c, r); {
			case err == nil:
				n++
			case waits(err):
				state, r.NotBefore = stateApproved, tx.Now().Add(dispatchRetry).UnixMilli()
			case errs.KindOf(err) != errs.Refused && errs.KindOf(err) != errs.Integrity:
				return nil, err
			default:
				state = stateStopped
				if err := o.note(tx, c, o.cfg.Book.NodeBy(), "dispatch", docs[i].ID, statement.OutcomeRefused, err, nil); err != nil {
					return nil, err
				}
			}
			if err := putRelease(tx, r, state); err != nil {
				return nil, err
			}
		}
		return nil, nil
	})
	return n, next, err
}

// Stop stops a release that has not been dispatched.
func (o *Office) Stop(ctx context.Context, as string, req *ReleaseReq) (*ReleaseView, error) {
	var out *ReleaseView
	err := o.act(ctx, func(tx *store.Tx) (error, error) {
		r, state, err := findRelease(tx, req.ID)
		if err != nil {
			return o.unknown(tx, as, "stop", req.ID, err)
		}
		id, c := hex.EncodeToString(r.ID[:]), o.cfg.Book.Get(r.Channel)
		return o.asRole(tx, c, as, party.RoleReleaseOfficer, "stop", func(p *party.Person, by statement.By) (error, error) {
			if state != stateProposed && state != stateApproved {
				return o.deny(tx, c, by, "stop", id, refused("release.state", "office.stop", id, "agreements 31", o.cite(c, "agreements 31"), "the release is "+state+" and cannot be stopped",
					"what was dispatched can only be withdrawn, which the partner acknowledges"))
			}
			if err := putRelease(tx, r, stateStopped); err != nil {
				return nil, err
			}
			if err := o.cfg.Book.Note(tx, c, by, statement.NationalTerms{Event: "stop", Subject: id, Outcome: statement.OutcomeDone}, []byte(req.Reason)); err != nil {
				return nil, err
			}
			out, err = o.viewRelease(tx, r, stateStopped, req.Lang)
			return nil, err
		})
	})
	return out, err
}

// ShowRelease shows a release to those who decide on it: the final version, every rule, what is withheld.
func (o *Office) ShowRelease(ctx context.Context, as string, req *ReleaseReq) (*ReleaseView, error) {
	var out *ReleaseView
	err := o.act(ctx, func(tx *store.Tx) (error, error) {
		r, state, err := findRelease(tx, req.ID)
		if err != nil {
			return o.unknown(tx, as, "view", req.ID, err)
		}
		id, c := hex.EncodeToString(r.ID[:]), o.cfg.Book.Get(r.Channel)
		p, err := o.who(tx, as, party.RoleReleaseOfficer, "office.show")
		if err != nil && p != nil && p.ID == r.Author {
			err = nil // authors may see what became of their own
		}
		by := o.by(c, p, party.RoleReleaseOfficer, "")
		if err != nil {
			return o.deny(tx, c, by, "view", id, err)
		}
		q, err := o.question(tx, c, r, p)
		if err != nil {
			return nil, &undone{c, by, "view", id, err}
		}
		prep, v, _, err := o.reread(r, c, q)
		if err != nil {
			return nil, err
		}
		if err := o.cleared(p, v.Banner, "office.show", "release.view.clearance", id, tx.Now(), "let an officer who is cleared look at it"); err != nil {
			return o.deny(tx, c, by, "view", id, err)
		}
		if out, err = o.viewRelease(tx, r, state, req.Lang); err != nil {
			return nil, err
		}
		q.Label, q.Purpose = v.Banner, v.Purpose
		for _, f := range c.Rules.Explain(&q).Findings {
			out.Findings = append(out.Findings, viewRule(f, req.Lang))
		}
		prep.Question.Draft = true
		out.Portions, _, _ = viewPortions(release.Prepare(prep), req.Lang)
		out.Preview = release.Text(v, release.Rendering{Terms: c.Rules, Lang: req.Lang})
		return nil, o.note(tx, c, by, "view", id, statement.OutcomeAllow, nil, nil)
	})
	return out, err
}
