package release

import (
	"crypto/sha512"
	"slices"
	"strconv"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/party"
	"entente/wire"
)

// ApproveRequest is a release officer's decision that a version leaves.
type ApproveRequest struct {
	Preparation               // with the officer's question: delegation, drafter, releaser, custodian, means, time; not a draft
	Version     *Version      // final bytes; what the officer saw
	Original    *Original     // its high-side record
	Officer     *party.Person // who decides
	Copies      uint64
}

// Approval is the decision, ready to be recorded and dispatched. Nothing has happened yet: the caller records it in the
// national journal in the same transaction as the act, or there is no approval.
type Approval struct {
	Terms      DispatchTerms // of the act; Guard is still zero
	Releaser   party.Handle
	Delegation string // id
	At         time.Time
	Findings   []agreement.Finding // on the banner: every rule, for the record
}

func notApproved(code errs.Code, rule, reason, next string) error {
	return &errs.Error{Kind: errs.Refused, Code: "release.approve." + code, Op: "release.approve", Rule: rule, Reason: reason, Next: next}
}

// Approve checks a release officer's decision against everything again, on the final bytes: the officer's role, duties,
// briefing, agency and clearance; that the one who drafted, the one who releases and the one who holds the keys are
// three; the delegation; every portion under the agreement at this time; that the version shows what the report and
// sheet allow to be shown now and nothing else, word for word; and that the record opens its manifest. It stores
// nothing. Codes: release.approve.{incomplete,draft,role,briefing,agency,clearance,copies,time,changed}, the plan's, the
// agreement's (agreement.duties…, agreement.delegation.…, agreement.row …), party.duties, release.proof.
func Approve(rq ApproveRequest) (*Approval, error) {
	q, v := rq.Question, rq.Version
	if err := rq.officer(); err != nil {
		return nil, err
	}
	// The whole is asked first, so that a narrow or lapsed delegation is named as such.
	q.Label, q.Purpose = v.Banner, v.Purpose
	d := rq.Terms.Explain(&q)
	if err := d.Refusal(); err != nil {
		return nil, err
	}
	plan := Prepare(rq.Preparation)
	if err := plan.Refusal(); err != nil {
		return nil, err
	}
	if err := rq.unchanged(plan); err != nil {
		return nil, err
	}
	if err := rq.Original.Verify(rq.Report, rq.Sheet, rq.Terms.Policies(), v); err != nil {
		return nil, err
	}
	t, err := v.Terms(rq.Copies)
	if err != nil {
		return nil, err
	}
	t.Decision = decisionDigest(plan, t.Digest, q.Releaser, q.Delegation.ID, q.At)
	return &Approval{Terms: *t, Releaser: q.Releaser, Delegation: q.Delegation.ID, At: q.At, Findings: d.Findings}, t.Check()
}

func (rq *ApproveRequest) officer() error {
	o, v := rq.Officer, rq.Version
	if v == nil || rq.Original == nil || rq.Report == nil || rq.Sheet == nil {
		return notApproved("incomplete", "", "report, sheet, version and record are all needed", "")
	}
	if o == nil || !o.Has(party.RoleReleaseOfficer) {
		return notApproved("role", "separation of duties", "the person is not a release officer", "ask a release officer")
	}
	if err := o.CheckDuties(); err != nil {
		return err
	}
	if _, err := v.Encode(); err != nil {
		return err
	}
	switch {
	case rq.Question.Draft:
		return notApproved("draft", "agreements 31", "a draft's question approves nothing", "ask as the release officer, with a delegation")
	case !o.Briefed:
		return notApproved("briefing", "agreements 21", "the officer has not acknowledged the briefing", "acknowledge the briefing first")
	case o.Agency != v.Authority || o.Agency != rq.Question.Author.Authority() || v.From != rq.Question.From || v.To != rq.Question.To:
		return notApproved("agency", "agreements 3", "the officer acts for another authority than the version, or for other parties", "")
	case rq.Copies == 0 || rq.Copies > maxCopies:
		return notApproved("copies", "agreements 24", "not 1 to 999 copies", "")
	case v.Time > rq.Question.At.UnixMilli():
		return notApproved("time", "", "the version is dated after the decision", "build the version anew")
	}
	if ok, f := rq.Terms.Policies().Admit(o, v.Banner, rq.Question.At); !ok {
		reason := "the officer may not see what is to be released"
		for i := range f {
			if !f[i].OK {
				reason = f[i].Text.EN
				break
			}
		}
		return notApproved("clearance", "agreements 21", reason, "ask an officer who is cleared")
	}
	return nil
}

// unchanged holds the version against what the plan shows now: the same portions, marks, words and companions in the
// same order, and nothing of the sheet's header that differs.
func (rq *ApproveRequest) unchanged(p *Plan) error {
	changed := func(subject string) error {
		return &errs.Error{Kind: errs.Refused, Code: "release.approve.changed", Op: "release.approve", Subject: subject,
			Reason: "the version does not show what may be shown now", Next: "build the version anew and look at it again"}
	}
	v, shown := rq.Version, p.Shown()
	if len(shown) != len(v.Portions)+1 || v.Precedence != p.Sheet.Precedence || v.Purpose != p.Sheet.Purpose || v.Kind != p.Sheet.Kind ||
		v.Language != p.Sheet.Language || v.Realm != rq.Terms.Agreement().Realm() {
		return changed("version")
	}
	number := map[string]uint64{}
	for i, it := range shown {
		number[it.ID] = uint64(i)
	}
	for i, it := range shown {
		d, with := &v.Title, []uint64(nil)
		if i > 0 {
			d = &v.Portions[i-1]
		}
		for _, w := range it.With {
			with = append(with, number[w])
		}
		slices.Sort(with)
		if d.Kind != it.Kind || d.Text != it.Text || !d.Label.Equal(it.Label) || !slices.Equal(d.With, with) {
			return changed("portion " + strconv.Itoa(i))
		}
	}
	want, err := HandlingOf(rq.Terms, v.Banner, v.To)
	if err != nil {
		return err
	}
	if !slices.Equal(want, v.Handling) {
		return changed("handling")
	}
	return nil
}

// decisionDigest binds what was decided on every portion to the bytes, the officer, the delegation and the time.
func decisionDigest(p *Plan, version [sha512.Size384]byte, by party.Handle, delegation string, at time.Time) [sha512.Size384]byte {
	type decided struct {
		_          struct{} `cbor:",toarray"`
		Plan       [sha512.Size384]byte
		Version    [sha512.Size384]byte
		By         party.Handle
		Delegation string
		At         int64
	}
	b := wire.MustMarshal(decided{Plan: p.DecisionDigest(), Version: version, By: by, Delegation: delegation, At: at.UnixMilli()})
	return sha512.Sum384(append([]byte("entente/approval/1\x00"), b...))
}
