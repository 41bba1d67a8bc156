package agreement

import (
	"slices"
	"time"

	"entente/label"
	"entente/party"
)

// Question asks whether one labelled thing, a portion or a whole, may go from one party to another. Everything in it is
// checked; what is missing is a reason to refuse.
type Question struct {
	From, To       party.Party       // who gives, who receives
	Author, Reader party.Author      // whose journal says so, and who reads it
	Label          label.Label       // the originator's label
	Purpose        string            // one of the agreement's purposes
	Means          party.Means       // how it travels
	At             time.Time         // when
	Delegation     *party.Delegation // under which the release officer acts
	Drafter        party.Handle      // who wrote it
	Releaser       party.Handle      // who decides that it leaves; holds the delegation
	Custodian      party.Handle      // who holds the node's keys
	Draft          bool              // asked before a release officer has it: who decides is then "needs a person", not a refusal
}

// Outcome is an answer. The zero value denies.
type Outcome uint8

const (
	Deny        Outcome = 0 // the agreement does not permit it, or something is unset, unknown or malformed
	NeedsPerson Outcome = 1 // permitted; a named person still decides something, which the findings state
	Allow       Outcome = 2 // permitted as asked
)

// String returns the stable name of o.
func (o Outcome) String() string {
	switch o {
	case Allow:
		return "allow"
	case NeedsPerson:
		return "needs-person"
	}
	return "deny"
}

// MarshalText writes the stable name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// rule is a place in the fixed order in which every question is judged. The order is that of the references: the agreement,
// who and for what, the label before any mapping, the mapping, the officer.
type rule int

const (
	ruleParties rule = iota
	ruleUnset
	ruleSigned
	ruleInForce
	ruleAuthors
	rulePurpose
	ruleMeans
	ruleSuite
	ruleLabel
	ruleOriginator
	ruleRelease
	ruleNational
	ruleDesignation
	ruleCeiling
	ruleRow
	ruleChoice
	ruleOffice
	ruleExtent
	ruleRecipient
	ruleCarriage
	ruleDuties
	ruleCount
)

// ruleNames are how the rules are cited. "agreements n" and "labels Tn" number the rules that the project derives from
// published agreements and label standards (doc/formats/agreement.md, section 5); the rest have names.
var ruleNames = [ruleCount]string{"agreements 1", "agreements 8", "agreements 4", "labels T2", "agreements 3", "agreements 2", "agreements 26", "agreements 27",
	"labels T1", "agreements 32", "labels T3", "agreements 17", "labels T5", "labels T4", "agreements 9", "agreements 10",
	"agreements 31", "delegation level", "delegation recipient", "delegation means", "separation of duties"}

// facts are what several rules need to know of a question.
type facts struct {
	from, to    int        // places in sides, -1 for no party
	giver       *side      // nil where from is -1 or has no policy
	dir         *direction // nil unless both are parties
	level       int        // in the giver's policy; -1 if the label may not be read
	foreign     bool       // the label is not in the giver's policy
	bad         error      // why the label may not be read
	designation int        // the one that decides, in the giver's policy
	role        party.Role // in which the holder of the delegation acts
	draft       bool
	article     int // of the term that decided, where it is not the rule's own
}

// Decide returns the answer alone: the least favourable outcome of all rules. It does not allocate, unless the label is
// malformed. [Compiled.Explain] never differs from it.
func (c *Compiled) Decide(q *Question) Outcome {
	if q == nil {
		return Deny
	}
	var f facts
	c.look(q, &f)
	answer := Allow
	for r := range ruleCount {
		o := causes[c.judge(r, q, &f)].outcome
		if o == Deny {
			return Deny
		}
		answer = min(answer, o)
	}
	return answer
}

func (c *Compiled) place(p party.Party) int {
	for i := range c.sides {
		if c.sides[i].id == p && p != "" {
			return i
		}
	}
	return -1
}

func (c *Compiled) look(q *Question, f *facts) {
	*f = facts{from: c.place(q.From), to: c.place(q.To), level: -1, designation: -1, role: party.RoleReleaseOfficer, draft: q.Draft}
	if f.from < 0 || c.sides[f.from].policy == nil {
		return
	}
	f.giver = &c.sides[f.from]
	if f.to >= 0 && f.to != f.from {
		f.dir = &c.dirs[f.from*len(c.sides)+f.to]
	}
	if f.foreign = q.Label.Policy != f.giver.policy.OID(); f.foreign {
		return
	}
	if f.bad = c.set.Check(q.Label); f.bad == nil {
		f.level, _ = f.giver.policy.LevelIndex(q.Label.Level)
	}
}

// judge evaluates one rule and returns why it came out as it did.
func (c *Compiled) judge(r rule, q *Question, f *facts) cause {
	f.article, f.designation = 0, -1
	switch r {
	case ruleParties:
		return pick(f.from >= 0 && f.to >= 0 && f.from != f.to, partiesOK, partiesNone)
	case ruleUnset:
		return pick(len(c.unset) == 0, unsetOK, unsetTerm)
	case ruleSigned:
		return [...]cause{notExamined: signedNot, supposed: signedSupposed, verified: signedOK}[c.proof]
	case ruleInForce:
		return c.inForce(q.At.UnixMilli())
	case ruleAuthors:
		return c.authors(q, f)
	case rulePurpose:
		return pick(slices.Contains(c.a.f.Scope.Purposes, q.Purpose), purposeOK, purposeOther)
	case ruleMeans:
		return pick(slices.Contains(c.a.f.Transmission.Means, q.Means), meansOK, meansOther)
	case ruleSuite:
		return pick(c.a.f.Suite != "", suiteOK, suiteUnset)
	case ruleLabel:
		if f.giver == nil {
			return notJudged
		}
		return pick(f.foreign, labelForeign, pick(f.level >= 0, labelOK, labelBad))
	case ruleOffice, ruleExtent, ruleRecipient, ruleCarriage:
		return c.delegation(r, q, f)
	case ruleDuties:
		return duties(q)
	}
	if f.level < 0 || f.dir == nil {
		return notJudged
	}
	return c.judgeLabel(r, q, f)
}

// judgeLabel evaluates the rules that need a label that may be read and a direction.
func (c *Compiled) judgeLabel(r rule, q *Question, f *facts) cause {
	d, p := f.dir, f.giver.policy
	switch r {
	case ruleOriginator:
		if q.Label.Originator == q.From {
			return originatorOK
		}
		return pick(c.a.f.ThirdParty.Rule == "originator-consent", originatorConsent, originatorNever)
	case ruleRelease:
		return pick(q.Label.ReleasedTo(q.To), releaseOK, releaseOther)
	case ruleNational:
		for _, id := range q.Label.Designations {
			if i, ok := p.DesignationIndex(id); !ok || f.giver.designations[i].national {
				f.designation = i
				return nationalOnly
			}
		}
		return nationalOK
	case ruleDesignation:
		return c.designations(q, f)
	case ruleCeiling:
		f.article = d.ceilingArticle
		if d.ceiling < 0 {
			return ceilingUnset
		}
		return pick(p.LeqIndex(f.level, d.ceiling), ceilingOK, ceilingAbove)
	case ruleRow, ruleChoice:
		f.article = d.rowArticle
		t := d.rows[f.level].term
		if t == nil {
			return pick(r == ruleRow, rowNone, notJudged)
		}
		if f.article = t.Article; r == ruleRow {
			return rowOK
		}
		return pick(len(t.Targets) == 1, choiceOne, choiceSeveral)
	}
	return notJudged
}

func (c *Compiled) inForce(now int64) cause {
	e := &c.a.f.Entry
	switch {
	case e.From == 0 || e.Until == 0 || e.Evidence == "":
		return forceUnset
	case now < int64(e.From):
		return forceNotYet
	case now >= int64(e.Until):
		return forceEnded
	}
	return forceOK
}

func (c *Compiled) authors(q *Question, f *facts) cause {
	writes, reads := false, false
	for i := range c.a.f.Author {
		if w := &c.a.f.Author[i]; w.covers(q.At.UnixMilli()) {
			if w.ID == q.Author {
				writes, f.article = true, w.Article
			}
			reads = reads || w.ID == q.Reader
		} else if f.article == 0 {
			f.article = w.Article
		}
	}
	switch {
	case !writes || q.Author.Party() != q.From:
		return authorOther
	case !reads || q.Reader.Party() != q.To:
		return readerOther
	}
	return authorsOK
}

// designations judges what stands beside the level (labels T5, T7): informative words travel as text; what narrows
// handling travels only where the agreement carries its duty. The first that stops it decides.
func (c *Compiled) designations(q *Question, f *facts) cause {
	answer := designationNone
	for _, id := range q.Label.Designations {
		i, ok := f.giver.policy.DesignationIndex(id)
		if !ok {
			return notJudged
		}
		u := &f.giver.designations[i]
		if u.carried || u.kind == label.Informative && (u.caveat == nil || u.caveat.Action != actionRefuse) {
			if u.carried {
				answer, f.designation, f.article = designationCarried, i, u.caveat.Article
			}
			continue
		}
		f.designation, f.article = i, 0
		if u.national {
			return nationalOnly
		}
		if u.caveat == nil || u.caveat.Action != actionRefuse {
			return designationSilent
		}
		f.article = u.caveat.Article
		return designationRefused
	}
	return answer
}

// delegation judges the authority of whoever acts. A registry officer releases nothing, so recipients and means are not
// asked of one.
func (c *Compiled) delegation(r rule, q *Question, f *facts) cause {
	d := q.Delegation
	if d == nil {
		return pick(f.draft, delegationDraft, pick(r == ruleOffice, delegationMissing, delegationNone))
	}
	releases := f.role == party.RoleReleaseOfficer
	switch r {
	case ruleOffice:
		switch {
		case d.Role != f.role || d.Authority != q.Author.Authority() || d.Authority.Party() != q.From:
			return delegationRole
		case d.Holder == party.Handle{} || d.Holder != q.Releaser:
			return delegationHolder
		case !d.InForce(q.At):
			return delegationLapsed
		}
		return delegationOK
	case ruleRecipient:
		return pick(!releases, delegationNotAsked, pick(d.Allows(q.To), recipientOK, recipientOther))
	case ruleCarriage:
		return pick(!releases, delegationNotAsked, pick(d.AllowsMeans(q.Means), carriageOK, carriageOther))
	}
	if f.level < 0 {
		return notJudged
	}
	if !f.giver.policy.Leq(q.Label.Level, label.LevelID(d.Ceiling)) {
		return extentLevel
	}
	for _, id := range q.Label.Designations {
		if i, ok := f.giver.policy.DesignationIndex(id); !ok || f.giver.designations[i].kind == label.Restrictive && !slices.Contains(d.Designated, id) {
			f.designation = i
			return extentDesignation
		}
	}
	return extentOK
}

// duties judges that three different persons draft, release and hold the keys.
func duties(q *Question) cause {
	var none party.Handle
	d, r, k := q.Drafter, q.Releaser, q.Custodian
	switch {
	case d == r && d != none || r == k && r != none || d == k && d != none:
		return dutiesSame
	case d != none && r != none && k != none:
		return dutiesOK
	}
	return pick(q.Draft, dutiesDraft, dutiesUnknown)
}

func pick(yes bool, a, b cause) cause {
	if yes {
		return a
	}
	return b
}

// Use is what a delegation is to be used for, outside a release: accepting material into a register, above all.
type Use struct {
	Author party.Author // the own node
	Role   party.Role   // in which the holder acts; a release officer's delegation is also held to To and Means
	Holder party.Handle // who acts
	Label  label.Label  // in the own policy: what is handled
	To     party.Party
	Means  party.Means
	At     time.Time
}

// Delegated refuses what the delegation does not cover. Codes: agreement.delegation.missing, .role (another role or
// authority), .holder, .lapsed, .narrow (level or designation), .recipient, .means; agreement.label where the label may
// not be read; agreement.none where the author's party is not one of the agreement's.
func (c *Compiled) Delegated(d *party.Delegation, u Use) error {
	q := &Question{From: u.Author.Party(), To: u.To, Author: u.Author, Label: u.Label, Means: u.Means, At: u.At, Delegation: d, Releaser: u.Holder}
	var f facts
	c.look(q, &f)
	f.role = u.Role
	if f.giver == nil {
		return c.refusal(ruleParties, partiesNone, q, &f)
	}
	for _, r := range [...]rule{ruleOffice, ruleLabel, ruleExtent, ruleRecipient, ruleCarriage} {
		if k := c.judge(r, q, &f); causes[k].outcome != Allow {
			return c.refusal(r, k, q, &f)
		}
	}
	return nil
}
