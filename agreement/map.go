package agreement

import (
	"entente/label"
	"entente/party"
)

// Target is a marking of the receiver that answers to an originator's label. It is added beside the originator's label and
// never replaces it (agreements 11, labels T9).
type Target struct {
	ID        string      `json:"id"`                // as the agreement writes it, "jpn.gokuhi+jpn.tokutei"
	Label     label.Label `json:"label"`             // in the receiver's policy; originator and release set are the original's
	Marking   label.Text  `json:"marking"`           // originating government and corresponding level (labels T8)
	Default   bool        `json:"default"`           // what the agreement proposes
	Meanwhile bool        `json:"meanwhile"`         // the strictest candidate: how it is handled until somebody has chosen
	Decider   party.Role  `json:"decider,omitempty"` // whose recorded choice among several is needed; "" for a single target
	Handling  []Handling  `json:"handling,omitempty"`
	Article   string      `json:"article"`
}

// Handling is the duty of a designation that the receiver's policy has no word for, carried as text (labels T5).
type Handling struct {
	Designation string     `json:"designation"`
	Text        label.Text `json:"text"`
	Article     string     `json:"article"`
}

// Map returns the markings of party `to` that answer to an originator's label, in the order of the row. The label must be
// well formed and in the policy of its originator, the originator a party and the release set must name `to`, all of
// which is checked before anything is mapped; then designations, ceiling and row (labels T1, T3 to T8). More than one
// target means that the Decider of `to` chooses. It fails with the first rule that refuses: agreement.none,
// agreement.label, agreement.third-party, agreement.release-set, agreement.national-only, agreement.designation,
// agreement.ceiling, agreement.row. Whether anything may be sent is another question: [Compiled.Decide].
func (c *Compiled) Map(l label.Label, to party.Party) ([]Target, error) {
	q := &Question{From: l.Originator, To: to, Label: l}
	var f facts
	c.look(q, &f)
	for _, r := range [...]rule{ruleParties, ruleLabel, ruleOriginator, ruleRelease, ruleNational, ruleDesignation, ruleCeiling, ruleRow} {
		if k := c.judge(r, q, &f); causes[k].outcome != Allow {
			return nil, c.refusal(r, k, q, &f)
		}
	}
	return c.targets(&l, &f)
}

// targets builds the receiver's labels; every rule on the label has allowed it.
func (c *Compiled) targets(l *label.Label, f *facts) ([]Target, error) {
	t := f.dir.rows[f.level].term
	out := make([]Target, len(t.Targets))
	labels := make([]label.Label, len(t.Targets))
	taker := &c.sides[f.to]
	handling := c.handling(l, f)
	for i, id := range t.Targets {
		own, err := compose(c.set, taker.policy.OID(), id, l.Release, l.Originator)
		if err != nil {
			return nil, err
		}
		level, _ := taker.policy.Level(own.Level)
		labels[i] = own
		out[i] = Target{ID: id, Label: own, Default: len(t.Targets) == 1 || id == t.Default, Handling: handling, Article: c.cited(t.Article).cite,
			Marking: label.Text{EN: f.giver.name.EN + " / " + level.Marking.In("en"), JA: f.giver.name.JA + " / " + level.Marking.In("ja")}}
		for _, d := range own.Designations {
			n, _ := taker.policy.DesignationIndex(d)
			m := taker.policy.Designations()[n].Marking
			out[i].Marking.EN, out[i].Marking.JA = out[i].Marking.EN+" "+m.In("en"), out[i].Marking.JA+" "+m.In("ja")
		}
		if len(t.Targets) > 1 {
			out[i].Decider = t.Decider
		}
	}
	if i := strictest(c.set, labels); i >= 0 {
		out[i].Meanwhile = true
	}
	return out, nil
}

func (c *Compiled) handling(l *label.Label, f *facts) (out []Handling) {
	for _, id := range l.Designations {
		if i, ok := f.giver.policy.DesignationIndex(id); ok && f.giver.designations[i].carried {
			k := f.giver.designations[i].caveat
			out = append(out, Handling{id, label.Text{EN: k.TextEN, JA: k.TextJA}, c.cited(k.Article).cite})
		}
	}
	return out
}
