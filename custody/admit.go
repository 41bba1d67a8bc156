package custody

import (
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/label"
	"entente/party"
)

// Grant is a need-to-know: a named officer lets one person see one item for one purpose, between two dates.
type Grant struct {
	Control string       `cbor:"1,keyasint" json:"control"`
	Person  party.Handle `cbor:"2,keyasint" json:"-"`
	By      party.Handle `cbor:"3,keyasint" json:"-"`
	Purpose string       `cbor:"4,keyasint" json:"purpose"`
	From    int64        `cbor:"5,keyasint" json:"from_ms"`  // Unix milliseconds UTC
	Until   int64        `cbor:"6,keyasint" json:"until_ms"` //
}

// AccessRequest asks whether a person may open an entry now.
type AccessRequest struct {
	Person  *party.Person
	Entry   *Entry
	Purpose string          // for which it is to be used
	Grants  []Grant         // what officers granted; others' grants are passed over
	State   agreement.State // of the agreement, from its package and signatures
	At      time.Time
}

// Admit decides whether the person may open the entry. Every rule is evaluated, in this order, each finding with rule and
// article: the agreement was in force (agreements 4; its end takes nothing back, 6), the entry is registered with own
// marking and originator (13), clearance, designations and release set against the own marking ([label.Set.Admit]; 19, 21),
// role, briefing (19), need-to-know granted by somebody else (19, 20), purpose (35). The outcome is Allow or Deny.
func Admit(q AccessRequest, c *agreement.Compiled) (agreement.Outcome, []agreement.Finding) {
	access, marking, _, _, _ := c.Agreement().Citations()
	d := decision{c: c, outcome: agreement.Allow}
	e, who := q.Entry, q.Person
	if e == nil || who == nil {
		d.rule("agreements 20", access, "custody.access.request", false, label.Text{}, label.Text{EN: "nobody asks, or for nothing", JA: "申請者又は対象が特定されていない"},
			label.Text{EN: "name a person and an entry", JA: "閲覧者及び登録品を特定する"})
		return d.outcome, d.findings
	}
	d.rule("agreements 4, 6", "", "custody.access.agreement", (q.State == agreement.InForce || q.State == agreement.Ended) && e.Agreement == c.Agreement().Digest(),
		label.Text{EN: "it came under this agreement, which is or was in force", JA: "効力を有する又は有していた本協定に基づき受領したもの"},
		label.Text{EN: "this agreement is not in force, or it came under another", JA: "本協定が発効していないか、他の協定に基づき受領したもの"},
		label.Text{EN: "bring the agreement into force, or ask under the one it came under", JA: "協定を発効させるか、受領の根拠となった協定に基づき申請する"})
	d.rule("agreements 13", marking, "custody.access.entry", e.State == Registered && e.Control != "" && e.Own.Originator == e.Original.Originator && e.Own.Originator.Valid(),
		label.Text{EN: "registered, with own marking and the originator's name", JA: "登録済みで、自国の表示及び作成元の名称がある"},
		label.Text{EN: "not registered, or without own marking and originator", JA: "未登録であるか、自国の表示又は作成元の名称を欠く"},
		label.Text{EN: "a registry officer accepts it first", JA: "登録担当官がまず受領登録を行う"})
	_, cleared := c.Policies().Admit(who, e.Own, q.At)
	for _, f := range cleared {
		d.rule(f.Rule, access, f.Code, f.OK, f.Text, f.Text, remedy(f.Code))
	}
	d.rule("agreements 20", access, "custody.access.role", who.Has(party.RoleReader),
		label.Text{EN: "acts as a reader", JA: "閲覧者として行為する"},
		label.Text{EN: "does not hold the role of a reader; no rank, post or other role gives access", JA: "閲覧者の役割がない。階級、官職その他の役割のみでは閲覧できない"},
		label.Text{EN: "a person with the role of a reader asks", JA: "閲覧者の役割を有する者が申請する"})
	d.rule("agreements 19", access, "custody.access.briefing", who.Briefed,
		label.Text{EN: "has acknowledged the briefing", JA: "教育を受領済み"}, label.Text{EN: "has not acknowledged the briefing", JA: "教育を受領していない"},
		label.Text{EN: "acknowledge the briefing", JA: "教育を受領する"})
	granted, purpose := false, false
	for _, g := range q.Grants {
		if ms := q.At.UnixMilli(); g.Control == e.Control && e.Control != "" && g.Person == who.ID && g.By != (party.Handle{}) && g.By != who.ID && g.From <= ms && ms < g.Until {
			granted, purpose = true, purpose || g.Purpose == q.Purpose
		}
	}
	d.rule("agreements 19", access, "custody.access.need", granted,
		label.Text{EN: "a named officer granted the need-to-know", JA: "指定された職員が必要性を認定済み"},
		label.Text{EN: "no officer granted a need-to-know that holds now", JA: "現在有効な必要性の認定がない"},
		label.Text{EN: "a named officer, not the reader, grants it for this item", JA: "閲覧者以外の指定された職員が本件について認定する"})
	d.rule("agreements 35", access, "custody.access.purpose", purpose && q.Purpose != "" && q.Purpose == e.Purpose,
		label.Text{EN: "the purpose is the one for which it was given", JA: "提供の目的と合致する"},
		label.Text{EN: "the purpose is not the one for which it was given and the need-to-know was granted", JA: "提供の目的又は認定の目的と合致しない"},
		label.Text{EN: "use it for its purpose, or ask the originator's consent", JA: "提供の目的に使用するか、作成元の同意を求める"})
	return d.outcome, d.findings
}

// decision gathers findings; one that denies denies the whole.
type decision struct {
	c        *agreement.Compiled
	outcome  agreement.Outcome
	findings []agreement.Finding
}

func (d *decision) rule(name, article string, code errs.Code, ok bool, met, unmet, change label.Text) {
	f := agreement.Finding{Rule: name, Article: article, Outcome: agreement.Allow, Text: met}
	if !ok {
		f.Outcome, f.Code, f.Text, f.Change, d.outcome = agreement.Deny, code, unmet, change, agreement.Deny
	}
	for _, a := range d.c.Agreement().Articles() {
		if article != "" && d.c.Agreement().Cite(a.N) == article {
			f.Source, f.Grade = a.Source, string(a.Grade)
		}
	}
	d.findings = append(d.findings, f)
}

// remedy says what would change a finding of package label.
func remedy(code errs.Code) label.Text {
	switch code {
	case "label.admit.clearance":
		return label.Text{EN: "the present agency issues a clearance", JA: "現所属機関が適格性を確認する"}
	case "label.admit.level", "label.admit.designation":
		return label.Text{EN: "a clearance that covers the marking", JA: "当該表示を含む適格性確認を受ける"}
	case "label.admit.nationality", "label.admit.party":
		return label.Text{EN: "only the originator widens the release set", JA: "提供先を広げられるのは作成元のみ"}
	case "label.admit.label":
		return label.Text{EN: "a registry officer marks it", JA: "登録担当官が表示を付す"}
	}
	return label.Text{}
}
