package agreement

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"entente/errs"
	"entente/label"
	"entente/party"
)

// Finding is one rule evaluated.
type Finding struct {
	Rule    string     `json:"rule"`              // "agreements 9", "labels T3", "separation of duties"
	Article string     `json:"article,omitempty"` // "EXERCISE Art. 4"; "" where the text has none
	Outcome Outcome    `json:"outcome"`
	Code    errs.Code  `json:"code,omitempty"` // of what stops it, or needs a person
	Text    label.Text `json:"text"`           // what is so
	Change  label.Text `json:"change"`         // what would change the answer
	Source  string     `json:"source"`         // where the article stands
	Grade   string     `json:"grade"`          // how the article is known
}

// Said is what a refusal says in both languages: the error's own fields hold English, and an edge that speaks another language
// finds the same particulars here, with errors.As. It adds nothing to the text of the error that wraps it.
type Said struct {
	Text   label.Text // why
	Change label.Text // what would change the answer; empty where nothing particular would
}

func (*Said) Error() string { return "" }

// Decision is an answer with its reasons.
type Decision struct {
	Outcome  Outcome   `json:"outcome"`
	Targets  []Target  `json:"targets,omitempty"` // the receiver's markings; empty where the label may not be mapped
	Findings []Finding `json:"findings"`          // every rule, always all, always in the same order
}

// Refusal returns nil unless the outcome is Deny, and then a Refused error with the code, rule and article of the first
// finding that denies.
func (d *Decision) Refusal() error {
	if d.Outcome != Deny {
		return nil
	}
	for i := range d.Findings {
		if f := &d.Findings[i]; f.Outcome == Deny {
			return &errs.Error{Kind: errs.Refused, Code: f.Code, Op: "agreement.decide", Rule: f.Rule, Article: f.Article, Reason: f.Text.EN, Next: f.Change.EN,
				Err: &Said{f.Text, f.Change}}
		}
	}
	return &errs.Error{Kind: errs.Refused, Code: "agreement.none", Op: "agreement.decide", Reason: "nothing was asked"}
}

// Explain answers as [Compiled.Decide] does and says why: every rule in the fixed order, with article, text, what would
// change the answer, source and grade.
func (c *Compiled) Explain(q *Question) *Decision {
	if q == nil {
		return &Decision{}
	}
	var f facts
	c.look(q, &f)
	d := &Decision{Outcome: Allow, Findings: make([]Finding, ruleCount)}
	w := writer{c: c, q: q, f: &f}
	w.buf.Grow(6 << 10)
	var spans [ruleCount][4]span
	mapped := true
	for r := range ruleCount {
		k := c.judge(r, q, &f)
		v := &causes[k]
		d.Outcome = min(d.Outcome, v.outcome)
		mapped = mapped && (v.outcome != Deny || r < ruleLabel || r > ruleChoice)
		article := c.grounds(r, &f)
		d.Findings[r] = Finding{Rule: ruleNames[r], Article: article.cite, Outcome: v.outcome, Code: v.code, Source: article.source, Grade: article.grade}
		for i := range spans[r] {
			spans[r][i] = w.write(c.said[k][i], i%2 == 1)
		}
	}
	all := w.buf.String() // one allocation holds the text of all findings
	for r := range ruleCount {
		s := &spans[r]
		d.Findings[r].Text = label.Text{EN: s[0].of(all), JA: s[1].of(all)}
		d.Findings[r].Change = label.Text{EN: s[2].of(all), JA: s[3].of(all)}
	}
	if mapped && f.level >= 0 {
		d.Targets, _ = c.targets(&q.Label, &f)
	}
	return d
}

// grounds returns the article of the term that decided, else that of the rule.
func (c *Compiled) grounds(r rule, f *facts) citation {
	if f.article != 0 {
		return c.cited(f.article)
	}
	return c.cited(c.fixed[r])
}

// refusal is a finding as an error.
func (c *Compiled) refusal(r rule, k cause, q *Question, f *facts) error {
	v := &causes[k]
	w := writer{c: c, q: q, f: f}
	var spans [4]span
	for i := range spans {
		spans[i] = w.write(c.said[k][i], i%2 == 1)
	}
	all := w.buf.String()
	said := &Said{label.Text{EN: spans[0].of(all), JA: spans[1].of(all)}, label.Text{EN: spans[2].of(all), JA: spans[3].of(all)}}
	return &errs.Error{Kind: errs.Refused, Code: v.code, Op: "agreement.decide", Rule: ruleNames[r], Article: c.grounds(r, f).cite,
		Reason: said.Text.EN, Next: said.Change.EN, Err: said}
}

// span is a text that needs no filling in, or where a filled one stands in the writer's buffer.
type span struct {
	fixed    string
	from, to int
}

func (s span) of(all string) string {
	if s.fixed != "" {
		return s.fixed
	}
	return all[s.from:s.to]
}

// writer fills in the words in braces.
type writer struct {
	c   *Compiled
	q   *Question
	f   *facts
	buf strings.Builder
}

func (w *writer) write(text string, ja bool) span {
	i := strings.IndexByte(text, '{')
	if i < 0 {
		return span{fixed: text}
	}
	from := w.buf.Len()
	for ; i >= 0; i = strings.IndexByte(text, '{') {
		n := i + strings.IndexByte(text[i:], '}')
		if n < i { // words of the agreement may hold a brace of their own
			break
		}
		w.buf.WriteString(text[:i])
		w.word(text[i+1:n], ja)
		text = text[n+1:]
	}
	w.buf.WriteString(text)
	return span{from: from, to: w.buf.Len()}
}

func (w *writer) word(name string, ja bool) {
	q, f := w.q, w.f
	switch name {
	case "from":
		w.party(q.From, ja)
	case "to":
		w.party(q.To, ja)
	case "originator":
		w.party(q.Label.Originator, ja)
	case "release":
		w.parties(q.Label.Release)
	case "author":
		w.shown(string(q.Author))
	case "reader":
		w.shown(string(q.Reader))
	case "purpose":
		w.shown(q.Purpose)
	case "means":
		w.shown(string(q.Means))
	case "at":
		w.time(q.At.UnixMilli())
	case "why":
		w.add(string(errs.CodeOf(f.bad)))
	case "role":
		w.text(roleName(f.role), ja)
	default:
		w.aboutLabel(name, ja)
	}
}

func (w *writer) aboutLabel(name string, ja bool) {
	q, f := w.q, w.f
	switch name {
	case "level":
		w.level(q.Label.Level, ja)
	case "ceiling":
		w.text(f.giver.levels[f.dir.ceiling], ja)
	case "targets":
		w.text(f.dir.rows[f.level].targets, ja)
	case "decider":
		w.text(roleName(f.dir.rows[f.level].term.Decider), ja)
	case "designation":
		w.text(f.giver.designations[f.designation].name, ja)
	case "duty":
		k := f.giver.designations[f.designation].caveat
		w.text(label.Text{EN: k.TextEN, JA: k.TextJA}, ja)
	case "office":
		w.shown(q.Delegation.Office)
	case "instrument":
		w.shown(q.Delegation.Instrument)
	case "dceiling":
		w.level(label.LevelID(q.Delegation.Ceiling), ja)
	case "dfrom":
		w.time(q.Delegation.From)
	case "duntil":
		w.time(q.Delegation.Until)
	}
}

func (w *writer) add(s string) { w.buf.WriteString(s) }

func (w *writer) text(t label.Text, ja bool) {
	if ja {
		w.add(t.JA)
	} else {
		w.add(t.EN)
	}
}

func (w *writer) time(ms int64) {
	var b [32]byte
	w.buf.Write(time.UnixMilli(ms).UTC().AppendFormat(b[:0], "2006-01-02 15:04Z"))
}

func (w *writer) party(p party.Party, ja bool) {
	if i := w.c.place(p); i >= 0 {
		w.text(w.c.sides[i].name, ja)
	} else {
		w.shown(string(p))
	}
}

func (w *writer) parties(list []party.Party) {
	for i, p := range list {
		w.add(separator(i))
		w.shown(string(p))
	}
}

func (w *writer) level(id label.LevelID, ja bool) {
	if w.f.giver != nil {
		if i, ok := w.f.giver.policy.LevelIndex(id); ok {
			w.text(w.f.giver.levels[i], ja)
			return
		}
	}
	w.shown(string(id))
}

// shown writes what came with the question, if it is short and printable; else a question mark. It may have come from a
// peer or a file.
func (w *writer) shown(s string) {
	printable := s != "" && len(s) <= 128 && utf8.ValidString(s)
	for _, r := range s {
		if r < ' ' || r >= 0x7f && !unicode.IsPrint(r) {
			printable = false
		}
	}
	if !printable {
		s = "?"
	}
	w.add(s)
}

func roleName(r party.Role) label.Text {
	switch r {
	case party.RoleReleaseOfficer:
		return label.Text{EN: "release officer", JA: "提供担当官"}
	case party.RoleRegistryOfficer:
		return label.Text{EN: "registry officer", JA: "登録担当官"}
	case party.RoleAuthor:
		return label.Text{EN: "drafter", JA: "起案者"}
	case party.RoleReader:
		return label.Text{EN: "reader", JA: "閲覧者"}
	case party.RoleAuditor:
		return label.Text{EN: "auditor", JA: "監査担当官"}
	case party.RoleKeyCustodian:
		return label.Text{EN: "key custodian", JA: "鍵管理者"}
	case party.RoleNode:
		return label.Text{EN: "node", JA: "装置"}
	}
	return label.Text{EN: "unknown role", JA: "不明な職務"}
}
