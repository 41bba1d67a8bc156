package release

import (
	"fmt"
	"strings"

	"entente/agreement"
	"entente/errs"
	"entente/label"
)

var previewWords = map[string]label.Text{
	"head":     {EN: "PREVIEW FOR THE ORIGINATOR: NOT FOR RELEASE", JA: "発信者用の確認画面 - 提供禁止"},
	"as":       {EN: "As %s would see it: %d of %d paragraphs, %d written anew", JA: "%sから見た内容:全%[3]d項のうち%[2]d項、新たに記載したもの%[4]d件"},
	"nothing":  {EN: "Nothing can be built from this:", JA: "この内容では提供版を作成できない:"},
	"withheld": {EN: "Withheld, and why", JA: "示さないもの及びその理由"},
	"header":   {EN: "Header fields, none of which travels: ", JA: "標題部(いずれも提供しない):"},
	"change":   {EN: "  To change this: ", JA: "  これを変えるには:"},
	"gists":    {EN: "Written anew", JA: "新たに記載したもの"},
	"gist":     {EN: "%s, from %s: %s", JA: "%s(%sによる):%s"},
	"notes":    {EN: "Notes", JA: "確認事項"},
	"remarks":  {EN: "Remarks of the originator", JA: "発信者の付記"},
	"missing":  {EN: "The other portion is %s.", JA: "その項は%s。"},
}

// Preview renders, for the originator and the release officer, the version "as the recipient would see it" and below it
// what the recipient will not see and why, rule by rule. It bears the marking of the whole report and must be handled
// under it. v is nil if the plan refuses; then it says why.
func Preview(p *Plan, v *Version, r Rendering) string {
	var b strings.Builder
	w := func(key string) string { return previewWords[key].In(r.Lang) }
	set := r.Terms.Policies()
	top, err := set.Join(p.Report.Overall, p.Report.Rollup) // the higher of what the report says and what its paragraphs come to
	banner := set.Banner(top, r.Lang)
	if err != nil {
		banner = set.Banner(label.Label{}, r.Lang) // the warning that a marking is unreadable
	}
	if r.Terms.Agreement().Realm().Exercise() {
		fmt.Fprintln(&b, strip)
	}
	fmt.Fprintf(&b, "%s\n%s\n\n", banner, w("head"))
	var paragraphs, shown, gists int
	for i := range p.Items {
		switch it := &p.Items[i]; {
		case it.Kind == KindParagraph:
			paragraphs++
			if it.Shown {
				shown++
			}
		case it.Kind == KindGist && it.Shown:
			gists++
		}
	}
	fmt.Fprintf(&b, w("as")+"\n", p.To, shown, paragraphs, gists)
	if v != nil {
		b.WriteString("\n" + quoteLines(Text(v, r)))
	} else {
		fmt.Fprintf(&b, "\n%s\n", w("nothing"))
		p.findings(&b, r, Refuse)
	}
	fmt.Fprintf(&b, "\n%s\n", w("withheld"))
	var header []string
	for i := range p.Items {
		it := &p.Items[i]
		if it.Kind == KindHeader {
			header = append(header, headerName(it.ID).In(r.Lang))
			continue
		}
		if !it.Shown {
			r.why(&b, it)
		}
	}
	fmt.Fprintf(&b, "- %s%s\n", w("header"), strings.Join(header, separator(r.Lang)))
	if gists > 0 {
		fmt.Fprintf(&b, "\n%s\n", w("gists"))
		for i := range p.Items {
			if it := &p.Items[i]; it.Kind == KindGist && it.Shown {
				fmt.Fprintf(&b, "- "+w("gist")+"\n", it.ID, strings.Join(names(it.GistOf, r.Lang), separator(r.Lang)), it.Reason)
			}
		}
	}
	fmt.Fprintf(&b, "\n%s\n", w("notes"))
	p.findings(&b, r, Note)
	if len(p.Sheet.Remarks) > 0 {
		fmt.Fprintf(&b, "\n%s\n", w("remarks"))
		for _, s := range p.Sheet.Remarks {
			fmt.Fprintf(&b, "- %s\n", s)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", banner)
	if r.Terms.Agreement().Realm().Exercise() {
		fmt.Fprintln(&b, strip)
	}
	return b.String()
}

// why writes the first rule that denies an item, with its article and what would change it, or the other reason.
func (r Rendering) why(b *strings.Builder, it *Item) {
	mark := it.Mark
	if mark == "" {
		mark = "-"
	}
	fmt.Fprintf(b, "- %s (%s): ", it.ID, mark)
	if it.Code == "release.decision.deny" {
		said := map[string]bool{}
		for i := range it.Decision.Findings {
			f := &it.Decision.Findings[i]
			// The choice among targets cannot be judged where there is no row: said once, by the row.
			if text := f.Text.In(r.Lang); f.Outcome != agreement.Deny || said[text] || f.Rule == "agreements 10" && len(said) > 0 {
				continue
			} else {
				said[text] = true
			}
			if len(said) == 1 {
				fmt.Fprintf(b, "%s%s\n%s%s\n", f.Text.In(r.Lang), ground(f.Rule, f.Article), previewWords["change"].In(r.Lang), f.Change.In(r.Lang))
			} else {
				fmt.Fprintf(b, "  %s%s\n", f.Text.In(r.Lang), ground(f.Rule, f.Article))
			}
		}
		return
	}
	fmt.Fprint(b, findingText(it.Code).In(r.Lang))
	if it.Missing != "" {
		fmt.Fprintf(b, " "+previewWords["missing"].In(r.Lang), it.Missing)
	}
	fmt.Fprintln(b)
}

func headerName(id string) label.Text {
	for _, h := range headerKeys {
		if h.id == id {
			return label.Text{EN: strings.ToLower(h.en), JA: h.ja}
		}
	}
	return label.Text{EN: id, JA: id}
}

// names writes portion ids for people: header fields by their names.
func names(ids []string, lang string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = headerName(id).In(lang)
	}
	return out
}

func separator(lang string) string {
	if lang == "ja" {
		return "、"
	}
	return ", "
}

func ground(rule, article string) string {
	if article == "" {
		return " [" + rule + "]"
	}
	return " [" + rule + ", " + article + "]"
}

func (p *Plan) findings(b *strings.Builder, r Rendering, sev Severity) {
	for _, f := range p.Findings {
		if f.Severity != sev {
			continue
		}
		where := ""
		if f.Portion != "" {
			where = f.Portion + ": "
		}
		fmt.Fprintf(b, "- %s%s (%s)\n", where, f.Text.In(r.Lang), f.Code)
	}
}

// quoteLines sets the version off from what stands around it.
func quoteLines(s string) string {
	var b strings.Builder
	for _, l := range strings.Split(strings.TrimSuffix(s, "\n"), "\n") {
		b.WriteString(strings.TrimRight("| "+l, " ") + "\n")
	}
	return b.String()
}

func findingText(code errs.Code) label.Text { return finding(code, Note, "", 0).Text }
