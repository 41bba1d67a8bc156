package agreement

import (
	"cmp"
	"slices"
	"strings"

	"entente/errs"
	"entente/label"
	"entente/party"
)

// Problem is a term that is unset, contradictory or unsourced.
type Problem struct {
	Line    int        // in the text, from 1; 0 where the whole table is missing
	Code    errs.Code  // see [Agreement.Check]
	Term    string     // path of the term, such as "row[2].targets", tables counted from 0
	Article string     // citation, where the term has one
	Text    label.Text // what is wrong
	local   bool       // stops only the row, ceiling, caveat or author it stands in
}

// Check lists every problem of the text, in order of line. Codes:
//
//	agreement.unset          a term has no value: what needs it is refused
//	agreement.unsourced      a term names no article of the text, or an article whose grade may not be acted on
//	agreement.duplicate      the same thing is stated twice
//	agreement.unknown        a party, policy, level or designation that nothing defines
//	agreement.contradiction  two terms cannot both hold
//	agreement.exercise       an exercise that does not say so, or exercise matter in a live text
//
// s holds the parties' policies; with nil, what needs them is not checked. A text with unset terms compiles and refuses;
// one with any other problem does not compile.
func (a *Agreement) Check(s *label.Set) []Problem {
	c := &checker{a: a, f: &a.f, set: s}
	c.head()
	c.parties()
	c.authors()
	c.articles()
	c.terms()
	c.ceilings()
	c.caveats()
	c.rows()
	slices.SortStableFunc(c.found, func(x, y Problem) int { return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Term, y.Term)) })
	return c.found
}

type checker struct {
	a     *Agreement
	f     *file
	set   *label.Set
	found []Problem
}

const (
	unset         = "agreement.unset"
	unsourced     = "agreement.unsourced"
	duplicate     = "agreement.duplicate"
	unknown       = "agreement.unknown"
	contradiction = "agreement.contradiction"
	exercise      = "agreement.exercise"
)

// add records a problem at a path; a term that is absent is reported at its table.
func (c *checker) add(code errs.Code, path string, article int, en, ja string) *Problem {
	m, ok := c.a.marks[path]
	if i := strings.LastIndexByte(path, '.'); !ok && i > 0 {
		m = c.a.marks[path[:i]]
	}
	c.found = append(c.found, Problem{Line: m.line, Code: code, Term: path, Article: c.a.Cite(article), Text: label.Text{EN: en, JA: ja}})
	return &c.found[len(c.found)-1]
}

func (c *checker) unset(path string, article int, missing bool) {
	if missing {
		c.add(unset, path, article, path+" is not set; what depends on it is refused.", path+"は未設定。これに依拠するものは拒否する。")
	}
}

// unsetHere is unset for a term that stops only its own table.
func (c *checker) unsetHere(path string, article int, missing bool) {
	if missing {
		c.unset(path, article, true)
		c.found[len(c.found)-1].local = true
	}
}

// sourced holds a term to an article of the text that may be acted on.
func (c *checker) sourced(path string, n int) {
	art, ok := c.a.Article(n)
	switch {
	case n == 0:
		c.add(unsourced, path, 0, path+" names no article.", path+"に条文の定めがない。")
	case !ok:
		c.add(unsourced, path, 0, path+" names an article that the text does not have.", path+"が示す条文は存在しない。")
	case !c.acts(art.Grade):
		c.add(unsourced, path, n, path+" rests on an article whose grade may not be acted on.", path+"が依拠する条文は、根拠の等級が不十分。")
	}
}

// acts reports whether a term of this grade may be acted on: treaty text or an official publication; in an exercise, the
// exercise's own text.
func (c *checker) acts(g label.Grade) bool {
	return g == label.Treaty || g == label.Official || g == label.Exercise && c.f.Realm.Exercise()
}

func (c *checker) head() {
	f := c.f
	c.unset("version", 0, f.Version == 0)
	c.unset("suite", f.Transmission.Article, f.Suite == "")
	c.unset("title.en", 0, f.Title.EN == "")
	c.unset("title.ja", 0, f.Title.JA == "")
	c.exercise("title.en", f.Title.EN)
	c.exercise("title.ja", f.Title.JA)
	e := &f.Entry
	c.unset("entry.in_force_from", e.Article, e.From == 0)
	c.unset("entry.until", e.Article, e.Until == 0)
	c.unset("entry.evidence", e.Article, e.Evidence == "")
	c.exercise("entry.evidence", e.Evidence)
	c.sourced("entry.article", e.Article)
	if e.From != 0 && e.Until != 0 && e.Until <= e.From {
		c.add(contradiction, "entry.until", e.Article, "The end is not after the entry into force.", "終了の日が効力発生の日より後でない。")
	}
}

// exercise holds the text of an exercise to saying so, and a live one to not using exercise matter.
func (c *checker) exercise(path, text string) {
	marked := strings.Contains(text, "EXERCISE") || strings.Contains(text, "演習")
	if text == "" || marked == c.f.Realm.Exercise() {
		return
	}
	if marked {
		c.add(exercise, path, 0, path+" is exercise matter in a live text.", path+"は実運用の文書にある演習の記載。")
	} else {
		c.add(exercise, path, 0, path+" must say EXERCISE.", path+"に「演習」の表示がない。")
	}
}

func (c *checker) parties() {
	f := c.f
	if len(f.Party) < 2 {
		c.add(unset, "party", 0, "An agreement has at least two parties.", "協定には二以上の当事者を要する。")
	}
	for i, p := range f.Party {
		c.unset(at("party", i, "id"), 0, p.ID == "")
		c.unset(at("party", i, "name_en"), 0, p.NameEN == "")
		c.unset(at("party", i, "name_ja"), 0, p.NameJA == "")
		c.unset(at("party", i, "policy"), 0, p.Policy == "")
		c.unset(at("party", i, "root"), f.Entry.Article, !p.Root.set)
		for _, other := range f.Party[:i] {
			if other.ID == p.ID && p.ID != "" {
				c.add(duplicate, at("party", i, "id"), 0, "The party stands twice.", "同一の当事者が二度記載されている。")
			}
			if other.Root.set && other.Root == p.Root {
				c.add(contradiction, at("party", i, "root"), 0, "Two parties have one root.", "二の当事者の根鍵が同一である。")
			}
			if other.Policy == p.Policy && p.Policy != "" {
				c.add(contradiction, at("party", i, "policy"), 0, "Two parties have one marking policy.", "二の当事者の秘区分規程が同一である。")
			}
		}
		if c.set == nil || p.Policy == "" {
			continue
		}
		policy, ok := c.set.Policy(p.Policy)
		switch {
		case !ok:
			c.add(unknown, at("party", i, "policy"), 0, "No policy with this OID is loaded.", "この識別子の秘区分規程がない。")
		case policy.Owner() != p.ID:
			c.add(contradiction, at("party", i, "policy"), 0, "The policy belongs to another party.", "秘区分規程が他の当事者のものである。")
		case policy.Exercise() && !f.Realm.Exercise():
			c.add(exercise, at("party", i, "policy"), 0, "An exercise policy in a live text.", "実運用の文書にある演習用の秘区分規程。")
		}
	}
}

func (c *checker) side(id party.Party) *partyTerm {
	for i := range c.f.Party {
		if c.f.Party[i].ID == id && id != "" {
			return &c.f.Party[i]
		}
	}
	return nil
}

// policy returns the policy of a party, or nil if it cannot be checked.
func (c *checker) policy(id party.Party) *label.Policy {
	if p := c.side(id); p != nil && c.set != nil {
		if policy, ok := c.set.Policy(p.Policy); ok && policy.Owner() == id {
			return policy
		}
	}
	return nil
}

func (c *checker) known(path string, id party.Party) {
	if id != "" && c.side(id) == nil {
		c.add(unknown, path, 0, "Not a party to this agreement.", "本協定の当事者でない。")
	}
}

func (c *checker) authors() {
	acts := make(map[party.Party]bool)
	for i, w := range c.f.Author {
		c.unsetHere(at("author", i, "id"), w.Article, w.ID == "")
		c.unsetHere(at("author", i, "from"), w.Article, w.From == 0)
		c.unsetHere(at("author", i, "until"), w.Article, w.Until == 0)
		c.sourced(at("author", i, "article"), w.Article)
		c.exercise(at("author", i, "note"), w.Note)
		c.known(at("author", i, "id"), w.ID.Party())
		if w.From != 0 && w.Until != 0 && w.Until <= w.From {
			c.add(contradiction, at("author", i, "until"), w.Article, "The author stops before it starts.", "終期が始期より後でない。")
		}
		for _, o := range c.f.Author[:i] {
			if o.ID == w.ID && w.ID != "" && o.From < w.Until && w.From < o.Until {
				c.add(duplicate, at("author", i, "id"), w.Article, "The author's periods overlap.", "同一の送受信者の期間が重複している。")
			}
		}
		acts[w.ID.Party()] = true
	}
	for i, p := range c.f.Party {
		if p.ID != "" && !acts[p.ID] {
			c.add(unset, at("party", i, "id"), 0, "No author acts for the party.", "当事者のために行動する送受信者の定めがない。")
		}
	}
}

func (c *checker) articles() {
	for i, t := range c.f.Article {
		c.unset(at("article", i, "n"), 0, t.N == 0)
		c.unset(at("article", i, "title_en"), t.N, t.TitleEN == "")
		c.unset(at("article", i, "title_ja"), t.N, t.TitleJA == "")
		c.unset(at("article", i, "summary_en"), t.N, t.SummaryEN == "")
		c.unset(at("article", i, "summary_ja"), t.N, t.SummaryJA == "")
		c.exercise(at("article", i, "title_en"), t.TitleEN)
		c.exercise(at("article", i, "title_ja"), t.TitleJA)
		if t.Source == "" || t.Grade == "" {
			c.add(unsourced, at("article", i, "source"), t.N, "The article has no source or no grade.", "条文の出典又は根拠の等級がない。")
		}
		// An exercise invents its text; resting it on a treaty would make the exercise cite law that does not say this.
		if t.Grade != "" && (t.Grade == label.Exercise) != c.f.Realm.Exercise() {
			c.add(exercise, at("article", i, "grade"), t.N, "The grade of an article is \"exercise\" in an exercise and nowhere else.", "条文の等級「exercise」は演習においてのみ用いる。")
		}
		for _, o := range c.f.Article[:i] {
			if o.N == t.N && t.N != 0 {
				c.add(duplicate, at("article", i, "n"), t.N, "The article stands twice.", "同一番号の条文が二度記載されている。")
			}
		}
	}
}

// terms checks the terms that stand alone.
func (c *checker) terms() {
	f := c.f
	c.unset("scope.purposes", f.Scope.Article, len(f.Scope.Purposes) == 0)
	c.sourced("scope.article", f.Scope.Article)
	c.repeated("scope.purposes", f.Scope.Article, f.Scope.Purposes)
	c.unset("transmission.means", f.Transmission.Article, len(f.Transmission.Means) == 0)
	c.sourced("transmission.article", f.Transmission.Article)
	means := make([]string, len(f.Transmission.Means))
	for i, m := range f.Transmission.Means {
		means[i] = string(m)
	}
	c.repeated("transmission.means", f.Transmission.Article, means)
	for _, t := range []struct {
		path    string
		article int
	}{{"release", f.Release.Article}, {"delegation", f.Delegation.Article}, {"duties", f.Duties.Article}, {"third_party", f.ThirdParty.Article}, {"marking", f.Marking.Article},
		{"access", f.Access.Article}, {"receipt", f.Receipt.Article}, {"destruction", f.Destruction.Article}, {"limits", f.Limits.Article}} {
		c.sourced(t.path+".article", t.article)
	}
	c.unset("third_party.rule", f.ThirdParty.Article, f.ThirdParty.Rule == "")
	c.unset("destruction.rule", f.Destruction.Article, f.Destruction.Rule == "")
	r := &f.Receipt
	c.unset("receipt.ack_hours", r.Article, r.AckHours == 0)
	c.unset("receipt.registry_hours", r.Article, r.RegistryHours == 0)
	if r.AckHours > maxHours || r.RegistryHours > maxHours || r.RegistryHours != 0 && r.RegistryHours < r.AckHours {
		c.add(contradiction, "receipt.registry_hours", r.Article, "Registration cannot be due before transmission is acknowledged, nor later than a year.",
			"登録の期限は、伝達の受領の期限より後で、一年以内でなければならない。")
	}
	l := &f.Limits
	for _, t := range []struct {
		key      string
		n, above uint64
	}{{"leaf", l.Leaf, 1 << 10}, {"body", l.Body, 64 << 10}, {"answers", l.Answers, 16}, {"thread", l.Thread, 4096}, {"per_day", l.PerDay, 1 << 20},
		{"unheld_bytes", l.UnheldBytes, 1 << 40}} {
		c.unset("limits."+t.key, l.Article, t.n == 0)
		if t.n > t.above {
			c.add(contradiction, "limits."+t.key, l.Article, "Above what the format allows; an agreement may only tighten.", "形式の上限を超える。協定はこれを厳しくすることのみできる。")
		}
	}
	c.unset("statement", 0, len(f.Statement) == 0)
	for i, s := range f.Statement {
		c.unsetHere(at("statement", i, "type"), s.Article, s.Type == "")
		c.unsetHere(at("statement", i, "proof"), s.Article, s.Proof == "")
		c.sourced(at("statement", i, "article"), s.Article)
		for _, o := range f.Statement[:i] {
			if o.Type == s.Type && s.Type != "" {
				c.add(duplicate, at("statement", i, "type"), s.Article, "The type stands twice.", "同一の種類が二度記載されている。")
			}
		}
	}
}

const maxHours = 366 * 24

func (c *checker) repeated(path string, article int, list []string) {
	for i, s := range list {
		if slices.Contains(list[:i], s) {
			c.add(duplicate, path, article, "The same value stands twice.", "同一の値が二度記載されている。")
			return
		}
	}
}
