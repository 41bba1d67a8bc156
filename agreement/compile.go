package agreement

import (
	"fmt"
	"strings"
	"time"

	"entente/errs"
	"entente/label"
	"entente/party"
)

// Compiled is an agreement as tables that decide. It is immutable and safe for concurrent use.
type Compiled struct {
	a        *Agreement
	set      *label.Set
	proof    proof
	standing *Standing // of the package; nil for a bare text
	unset    []Problem // what keeps everything from being decided
	sides    []side
	dirs     []direction           // dirs[from*len(sides)+to]
	cites    map[int]citation      // by number of article
	none     citation              // what is cited where no article stands
	fixed    [ruleCount]int        // the article of each rule whose article does not depend on the question
	said     [causeCount][4]string // what causes say, in English and Japanese, and what would change it, with the agreement's own words filled in
}

// proof is what is known of the signatures.
type proof uint8

const (
	notExamined proof = iota // a bare text: nothing shows that anybody signed
	supposed                 // asked "as if signed"
	verified                 // every party's signature was verified
)

type citation struct {
	cite, source, grade string
}

// side is a party with its policy, and what happens to each designation of that policy.
type side struct {
	id           party.Party
	name         label.Text
	policy       *label.Policy
	levels       []label.Text // of each level, as people read it
	designations []duty       // by label.Policy.DesignationIndex
}

// duty is what the agreement says about a designation.
type duty struct {
	kind     label.Kind
	national bool
	carried  bool
	caveat   *caveatTerm // nil where the agreement is silent
	name     label.Text
}

// direction is what one party may give to another.
type direction struct {
	ceiling        int // level index in the giver's policy; -1 for none
	ceilingArticle int
	rows           []row // by level index in the giver's policy
	rowArticle     int   // of the table, cited where a level has no row
}

// row is what a level answers to; without targets there is none.
type row struct {
	term    *rowTerm
	targets label.Text // as people read them
}

// Compile makes the tables that decide. A text with unset terms compiles and refuses what needs them; any other problem
// of [Agreement.Check] is an error with that problem's code, naming its line. Nothing shows that anybody signed a bare
// text, so that everything is denied: use [Package.Compile] where something may leave.
func (a *Agreement) Compile(s *label.Set) (*Compiled, error) {
	if s == nil {
		return nil, &errs.Error{Kind: errs.Invalid, Code: unknown, Op: "agreement.compile", Reason: "no policies are given"}
	}
	c := &Compiled{a: a, set: s, cites: make(map[int]citation)}
	for _, p := range a.Check(s) {
		switch {
		case p.Code != unset:
			return nil, &errs.Error{Kind: errs.Refused, Code: p.Code, Op: "agreement.compile", Subject: fmt.Sprintf("line %d, %s", p.Line, p.Term),
				Article: p.Article, Reason: p.Text.EN, Next: "correct the text; it is not fit to be signed"}
		case !p.local:
			c.unset = append(c.unset, p)
		}
	}
	c.articles()
	for i := range a.f.Party {
		c.addSide(&a.f.Party[i])
	}
	c.dirs = make([]direction, len(c.sides)*len(c.sides))
	for f := range c.sides {
		for t := range c.sides {
			c.direct(f, t)
		}
	}
	c.word()
	return c, nil
}

// Compile verifies the signatures and makes the tables that decide. Every party must have signed
// (agreement.unsigned, agreement.signed-by-one). An agreement that is not yet, or no longer, in force at now
// compiles: each question carries its own time, and duties on what is held outlast the end.
func (p *Package) Compile(s *label.Set, now time.Time, v Verifier) (*Compiled, error) {
	a, err := p.Agreement()
	if err != nil {
		return nil, err
	}
	standing := p.standing(a, v)
	if st := &standing.found; len(st.Missing) > 0 || len(st.Signed) == 0 {
		return nil, standing.At(now).Err()
	}
	c, err := a.Compile(s)
	if err != nil {
		return nil, err
	}
	c.proof, c.standing = verified, standing
	return c, nil
}

// Standing is what was found of the package that was compiled; nil for a bare text.
func (c *Compiled) Standing() *Standing { return c.standing }

// AsIfSigned returns tables that answer as if every party had signed the text, for editors and tests that ask what a
// text would allow. Its findings say so. Never use it where something may leave.
func (c *Compiled) AsIfSigned() *Compiled {
	d := *c
	if d.proof == notExamined {
		d.proof = supposed
	}
	return &d
}

// word fills in the words of the agreement, so that only those of a question are left for [Compiled.Explain].
func (c *Compiled) word() {
	f := &c.a.f
	var purposes, means, missing string
	for i, p := range f.Scope.Purposes {
		purposes += separator(i) + p
	}
	for i, m := range f.Transmission.Means {
		means += separator(i) + string(m)
	}
	for i, p := range c.unset {
		if i == 3 {
			missing += fmt.Sprintf(" (+%d)", len(c.unset)-i)
			break
		}
		missing += fmt.Sprintf("%s%s (line %d)", separator(i), p.Term, p.Line)
	}
	words := strings.NewReplacer("{purposes}", purposes, "{allmeans}", means, "{unset}", missing, "{suite}", f.Suite, "{evidence}", f.Entry.Evidence,
		"{begin}", stamp(int64(f.Entry.From)), "{end}", stamp(int64(f.Entry.Until)))
	for k := range causes {
		v := &causes[k]
		for i, text := range [...]string{v.en, v.ja, v.changeEN, v.changeJA} {
			c.said[k][i] = words.Replace(text)
		}
	}
}

// Agreement returns the text that was compiled.
func (c *Compiled) Agreement() *Agreement { return c.a }

// Policies returns the policies it was compiled with.
func (c *Compiled) Policies() *label.Set { return c.set }

func separator(i int) string {
	if i == 0 {
		return ""
	}
	return ", "
}

func (c *Compiled) articles() {
	for _, t := range c.a.f.Article {
		c.cites[t.N] = citation{c.a.Cite(t.N), t.Source, string(t.Grade)}
	}
	c.none = citation{"", "no article of the text", string(label.NotFound)}
	f := &c.a.f
	c.fixed = [ruleCount]int{ruleParties: f.Entry.Article, ruleUnset: f.Entry.Article, ruleSigned: f.Entry.Article, ruleInForce: f.Entry.Article,
		rulePurpose: f.Scope.Article, ruleMeans: f.Transmission.Article, ruleSuite: f.Transmission.Article, ruleLabel: f.Marking.Article,
		ruleOriginator: f.ThirdParty.Article, ruleRelease: f.Release.Article, ruleNational: f.Release.Article, ruleDesignation: f.Release.Article, ruleOffice: f.Delegation.Article, ruleExtent: f.Delegation.Article,
		ruleRecipient: f.Delegation.Article, ruleCarriage: f.Delegation.Article, ruleDuties: f.Duties.Article}
}

// cited returns what grounds a rule, or the empty citation.
func (c *Compiled) cited(article int) citation {
	if k, ok := c.cites[article]; ok {
		return k
	}
	return c.none
}

func (c *Compiled) addSide(t *partyTerm) {
	s := side{id: t.ID, name: label.Text{EN: t.NameEN, JA: t.NameJA}}
	s.policy, _ = c.set.Policy(t.Policy) // nil only where the term is unset, and then everything is refused
	if s.policy == nil {
		c.sides = append(c.sides, s)
		return
	}
	for _, l := range s.policy.Levels() {
		s.levels = append(s.levels, label.Text{EN: l.Marking.In("en") + " (" + string(l.ID) + ")", JA: l.Marking.In("ja") + "(" + string(l.ID) + ")"})
	}
	for _, d := range s.policy.Designations() {
		u := duty{kind: d.Kind, national: d.NationalOnly, name: label.Text{EN: d.ID, JA: d.ID}}
		if m := d.Marking; m != (label.Text{}) {
			u.name = label.Text{EN: m.In("en") + " (" + d.ID + ")", JA: m.In("ja") + "(" + d.ID + ")"}
		}
		for i := range c.a.f.Caveat {
			if k := &c.a.f.Caveat[i]; k.Designation == d.ID {
				u.caveat = k
				u.carried = k.Action == actionCarry && k.TextEN != "" && k.TextJA != ""
			}
		}
		s.designations = append(s.designations, u)
	}
	c.sides = append(c.sides, s)
}

func (c *Compiled) direct(from, to int) {
	d := &c.dirs[from*len(c.sides)+to]
	d.ceiling = -1
	giver, taker := &c.sides[from], &c.sides[to]
	if giver.policy == nil || taker.policy == nil || from == to {
		return
	}
	f := &c.a.f
	for i := range f.Ceiling {
		if k := &f.Ceiling[i]; k.From == giver.id && k.To == taker.id {
			d.ceilingArticle = k.Article
			if l, ok := giver.policy.LevelIndex(k.Level); ok {
				d.ceiling = l
			}
		}
	}
	d.rows = make([]row, len(giver.policy.Levels()))
	for i := range f.Row {
		t := &f.Row[i]
		if d.rowArticle == 0 {
			d.rowArticle = t.Article
		}
		l, ok := giver.policy.LevelIndex(t.Level)
		if t.From != giver.id || t.To != taker.id || !ok || len(t.Targets) == 0 || len(t.Targets) > 1 && (t.Default == "" || t.Decider == "") {
			continue
		}
		d.rows[l] = row{term: t, targets: taker.describe(t.Targets)}
	}
}

// describe writes targets as people read them.
func (s *side) describe(targets []string) (out label.Text) {
	for i, t := range targets {
		level, designations := splitTarget(t)
		l, _ := s.policy.LevelIndex(level)
		en, ja := s.levels[l].EN, s.levels[l].JA
		for _, id := range designations {
			d, _ := s.policy.DesignationIndex(id)
			en, ja = en+" + "+s.designations[d].name.EN, ja+"+"+s.designations[d].name.JA
		}
		if i > 0 {
			en, ja = " or "+en, "又は"+ja
		}
		out.EN, out.JA = out.EN+en, out.JA+ja
	}
	return out
}
