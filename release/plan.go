package release

import (
	"crypto/sha512"
	"encoding/hex"
	"slices"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/label"
	"entente/party"
	"entente/wire"
)

// Preparation is what Prepare works on.
type Preparation struct {
	Terms    *agreement.Compiled
	Report   *Report
	Sheet    *Sheet
	Question agreement.Question // base of every portion's question. Label is filled in, and Purpose from the sheet
	Findings []Finding          // further ones to heed; those of ParseReport are in the report itself
}

// Plan says of every portion whether the recipient will see it, and why.
type Plan struct {
	Report   *Report
	Sheet    *Sheet
	From, To party.Party
	At       time.Time
	Items    []Item    // title, header fields, paragraphs, gists
	Findings []Finding // of the report, of the sheet, and of the two together
}

// Item is one portion of a plan.
type Item struct {
	Portion
	GistOf   []string            // of a gist: what it is written from; high-side only
	Reason   string              // of a gist: why; high-side only
	Place    string              // of a gist: "first" or "last"
	With     []string            // companions it travels with
	Shown    bool                //
	Code     errs.Code           // why it is withheld; "" if it is shown
	Missing  string              // for release.travels-with: the companion that cannot be shown
	Decision *agreement.Decision // on its own label, every rule; nil for what has no label
}

// candidates lists everything that could be shown, or is committed to: title, header fields, paragraphs, gists.
func candidates(r *Report, sh *Sheet, set *label.Set) ([]Item, error) {
	written := func(id string, kind Kind, mark, text string) (Item, error) {
		l, err := set.ParsePortion(r.Policy, mark)
		if err != nil {
			return Item{}, &errs.Error{Kind: errs.Invalid, Code: markCode(err), Op: "release.sheet", Subject: id, Reason: "the mark cannot be read"}
		}
		return Item{Portion: Portion{ID: id, Kind: kind, Mark: mark, Label: &l, Text: text}}, nil
	}
	title, err := written("title", KindTitle, sh.Title.Mark, sh.Title.Text)
	if err != nil {
		return nil, err
	}
	items := append(make([]Item, 0, 1+len(r.Portions)+len(sh.Gists)), title)
	for _, p := range r.Portions {
		items = append(items, Item{Portion: p})
	}
	for _, g := range sh.Gists {
		it, err := written(g.ID, KindGist, g.Mark, g.Text)
		if err != nil {
			return nil, err
		}
		it.GistOf, it.Reason, it.Place = g.GistOf, g.Reason, g.Place
		items = append(items, it)
	}
	for i := range items {
		if items[i].Kind != KindHeader {
			items[i].With = sh.companions(items[i].ID)
		}
	}
	return items, nil
}

// Prepare decides every portion on its own label and then withholds, transitively, whatever may not be shown without a
// portion that is withheld. What is shown is the largest set that the agreement allows and that is closed under
// travels_with. The plan must not be built if it refuses; see [Plan.Refusal].
func Prepare(in Preparation) *Plan {
	q := in.Question
	p := &Plan{Report: in.Report, Sheet: in.Sheet, From: q.From, To: q.To, At: q.At, Findings: slices.Clone(in.Report.findings)}
	for _, f := range in.Findings {
		if !slices.Contains(p.Findings, f) {
			p.Findings = append(p.Findings, f)
		}
	}
	say := func(code errs.Code, sev Severity, portion string, line int) {
		p.Findings = append(p.Findings, finding(code, sev, portion, line))
	}
	if !in.Report.read {
		say("release.report.structure", Refuse, "", 0)
	}
	if in.Sheet.Report != in.Report.Serial || in.Sheet.Digest != hex.EncodeToString(in.Report.Digest[:]) {
		say("release.sheet.other", Refuse, "", 0)
	}
	if in.Sheet.To != q.To || in.Report.Originator != q.From {
		say("release.sheet.recipient", Refuse, "", 0)
	}
	if q.Purpose != "" && q.Purpose != in.Sheet.Purpose {
		say("release.sheet.purpose", Refuse, "", 0)
	}
	q.Purpose = in.Sheet.Purpose
	items, err := candidates(in.Report, in.Sheet, in.Terms.Policies())
	if err != nil {
		say(errs.CodeOf(err), Refuse, err.(*errs.Error).Subject, 0)
		return p
	}
	p.Items = items
	for i := range p.Items {
		p.decide(&p.Items[i], in.Terms, q)
	}
	p.names(say)
	p.close()
	p.inspect(in.Terms.Policies(), say)
	if t := p.find("title"); !t.Shown {
		say("release.title.withheld", Refuse, "title", 0)
	}
	if !slices.ContainsFunc(p.Items, func(it Item) bool { return it.Shown && it.Kind == KindParagraph }) {
		say("release.empty", Refuse, "", 0)
	}
	return p
}

func (p *Plan) decide(it *Item, terms *agreement.Compiled, q agreement.Question) {
	switch {
	case it.Kind == KindHeader:
		it.Code = "release.header.withheld"
	case it.Label == nil:
		it.Code = "release.portion.unmarked"
	default:
		q.Label = *it.Label
		it.Decision = terms.Explain(&q)
		switch {
		case it.Decision.Outcome == agreement.Deny:
			it.Code = "release.decision.deny"
		case it.Kind == KindParagraph && refers(it.Text):
			it.Code = "release.text.reference" // it would name a withheld paragraph, or the wrong one
		default:
			it.Shown = true
		}
	}
}

// names checks that the sheet speaks of portions that exist: companions are paragraphs or gists, gists are written from
// paragraphs or header fields.
func (p *Plan) names(say func(errs.Code, Severity, string, int)) {
	travels := func(id string) bool {
		it := p.find(id)
		return it != nil && (it.Kind == KindParagraph || it.Kind == KindGist)
	}
	for _, c := range p.Sheet.TravelsWith {
		if !travels(c.Portion) || slices.ContainsFunc(c.With, func(id string) bool { return !travels(id) }) {
			say("release.sheet.portion", Refuse, c.Portion, 0)
		}
	}
	for _, g := range p.Sheet.Gists {
		for _, id := range g.GistOf {
			if it := p.find(id); it == nil || it.Kind != KindParagraph && it.Kind != KindHeader {
				say("release.sheet.portion", Refuse, g.ID, 0)
			}
		}
	}
}

// close withholds until nothing shown lacks a companion. Each pass withholds at least one portion, so it ends.
func (p *Plan) close() {
	for changed := true; changed; {
		changed = false
		for i := range p.Items {
			it := &p.Items[i]
			for _, w := range it.With {
				if c := p.find(w); it.Shown && (c == nil || !c.Shown) {
					it.Shown, it.Code, it.Missing, changed = false, "release.travels-with", w, true
				}
			}
		}
	}
}

// inspect looks at what the originator wrote anew: it must not carry the words of what is withheld, and where it lowers
// or lifts a mark the release officer is told.
func (p *Plan) inspect(set *label.Set, say func(errs.Code, Severity, string, int)) {
	var open []string
	for i := range p.Items {
		if it := &p.Items[i]; it.Shown && it.Kind == KindParagraph {
			open = append(open, it.Text)
		}
	}
	for i := range p.Items {
		it := &p.Items[i]
		if !it.Shown || it.Kind != KindTitle && it.Kind != KindGist {
			continue
		}
		for j := range p.Items {
			hidden := &p.Items[j]
			if hidden.Shown || hidden.Kind == KindTitle || hidden.Kind == KindGist || hidden.ID == "events" || !quotes(it.Text, hidden.Text, open) {
				continue
			}
			if hidden.Label != nil && hidden.Label.ReleasedTo(p.To) {
				say("release.sheet.repeats", Note, it.ID, 0)
			} else {
				say("release.sheet.quotes", Refuse, it.ID, 0)
			}
		}
		for _, id := range it.GistOf {
			src := p.find(id)
			if src == nil || src.Label == nil {
				continue
			}
			if !src.Label.ReleasedTo(p.To) {
				say("release.gist.lifted", Note, it.ID, 0)
			} else if !set.Leq(*src.Label, *it.Label) {
				say("release.gist.lowered", Note, it.ID, 0)
			}
		}
	}
}

func (p *Plan) find(id string) *Item {
	for i := range p.Items {
		if p.Items[i].ID == id {
			return &p.Items[i]
		}
	}
	return nil
}

// Refusal is nil if a version can be built from the plan, else why not.
func (p *Plan) Refusal() error { return refusal("release.prepare", p.Findings) }

// Shown lists the items that the recipient will see, in the order of the version: the title, gists placed first,
// paragraphs, gists placed last.
func (p *Plan) Shown() []*Item {
	out := []*Item{}
	for _, want := range []func(*Item) bool{
		func(it *Item) bool { return it.Kind == KindTitle },
		func(it *Item) bool { return it.Kind == KindGist && it.Place == "first" },
		func(it *Item) bool { return it.Kind == KindParagraph },
		func(it *Item) bool { return it.Kind == KindGist && it.Place != "first" },
	} {
		for i := range p.Items {
			if it := &p.Items[i]; it.Shown && want(it) {
				out = append(out, it)
			}
		}
	}
	return out
}

// DecisionDigest is SHA-384 over what was decided on every portion: id, shown or why not, and each rule with its article
// and outcome. It goes into the national journal and the terms of the dispatch.
func (p *Plan) DecisionDigest() [sha512.Size384]byte {
	type ruling struct {
		_       struct{} `cbor:",toarray"`
		Rule    string
		Article string
		Outcome uint8
	}
	type verdict struct {
		_       struct{} `cbor:",toarray"`
		ID      string
		Shown   bool
		Code    string
		Rulings []ruling
	}
	all := make([]verdict, 0, len(p.Items))
	for i := range p.Items {
		it := &p.Items[i]
		v := verdict{ID: it.ID, Shown: it.Shown, Code: string(it.Code)}
		if it.Decision != nil {
			for _, f := range it.Decision.Findings {
				v.Rulings = append(v.Rulings, ruling{Rule: f.Rule, Article: f.Article, Outcome: uint8(f.Outcome)})
			}
		}
		all = append(all, v)
	}
	b := wire.MustMarshal(all)
	return sha512.Sum384(append([]byte("entente/release-decision/1\x00"), b...))
}
