package release

import (
	"slices"

	"entente/agreement"
	"entente/label"
	"entente/party"
)

// HandlingOf lists what the agreement says on how a version under this banner is handled: the duty of every designation
// that is carried as text, then the articles on purpose, third parties, marking on receipt, access, receipts and
// destruction. Every line is the agreement's own text with its own number; an article that the agreement does not have
// gives no line.
func HandlingOf(terms *agreement.Compiled, banner label.Label, to party.Party) ([]Handling, error) {
	targets, err := terms.Map(banner, to)
	if err != nil {
		return nil, err
	}
	var out []Handling
	add := func(h Handling) {
		if h.Article != "" && h.EN != "" && h.JA != "" && !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	for _, h := range targets[0].Handling {
		add(Handling{Article: h.Article, EN: h.Text.EN, JA: h.Text.JA})
	}
	cited := map[string]string{} // by rule; the empty question is judged by every rule and allowed by none
	for _, f := range terms.Explain(&agreement.Question{}).Findings {
		cited[f.Rule] = f.Article
	}
	a := terms.Agreement()
	byCite := map[string]agreement.Article{}
	for _, art := range a.Articles() {
		byCite[a.Cite(art.N)] = art
	}
	access, marking, receipt, destruction, _ := a.Citations()
	for _, cite := range []string{cited["agreements 2"], cited["agreements 32"], marking, access, receipt, destruction} {
		if art, ok := byCite[cite]; ok {
			add(Handling{Article: cite, EN: art.Summary.EN, JA: art.Summary.JA})
		}
	}
	return out, nil
}
