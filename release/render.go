package release

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"entente/agreement"
	"entente/label"
	"entente/party"
)

// Rendering is what a version is shown with.
type Rendering struct {
	Terms *agreement.Compiled // for marks, names and corresponding levels
	Lang  string              // "en" or "ja", of everything but the originator's own text
}

// words of a rendered version.
var words = map[string]label.Text{
	"reference":  {EN: "Reference", JA: "参照番号"},
	"dtg":        {EN: "Date-time group", JA: "日時群"},
	"from":       {EN: "From", JA: "発信"},
	"to":         {EN: "To", JA: "宛先"},
	"precedence": {EN: "Precedence", JA: "優先度"},
	"purpose":    {EN: "Purpose", JA: "目的"},
	"levels":     {EN: "Levels", JA: "区分の対応"},
	"handling":   {EN: "Handling", JA: "取扱い"},
	"SPOTREP":    {EN: "SPOTREP", JA: "SPOTREP(速報)"},
	"INTREP":     {EN: "INTREP", JA: "INTREP(情報報告)"},
	"INTSUM":     {EN: "INTSUM", JA: "INTSUM(情報要約)"},
	"gist":       {EN: "[written by the originator for this version]", JA: "[提供のため発信者が新たに記載]"},
	"with":       {EN: "[not to be shown without %s]", JA: "[%sと併せてのみ示すこと]"},
	"or":         {EN: " or ", JA: " または "},
}

// strip is written in both languages, because readers of both nations see it.
const strip = "EXERCISE EXERCISE EXERCISE / 演習 演習 演習"

// Text renders a version as plain text: exercise strip and banner at top and bottom, header made anew, every portion
// with its mark, handling lines with their articles. Marks are never translated: a word that the policy does not have
// in a language stays in the other. v must have come from DecodeVersion or Build.
func Text(v *Version, r Rendering) string {
	var b strings.Builder
	frame := func(first, second string) {
		for _, s := range []string{first, second} {
			if s != "" {
				b.WriteString(s + "\n")
			}
		}
	}
	say := func(word, s string) { fmt.Fprintf(&b, "%s: %s\n", words[word].In(r.Lang), s) }
	exercise := ""
	if v.Exercise {
		exercise = strip
	}
	banner := r.Terms.Policies().Banner(v.Banner, r.Lang)
	frame(exercise, banner)
	b.WriteString("\n" + words[v.Kind].In(r.Lang) + "\n")
	say("reference", v.Reference)
	say("dtg", DTG(time.UnixMilli(v.Time)))
	say("from", r.side(v.From)+" ("+string(v.Authority)+")")
	say("to", r.side(v.To))
	say("precedence", v.Precedence)
	say("purpose", v.Purpose)
	say("levels", r.levels(v))
	fmt.Fprintf(&b, "\n(%s) %s\n", r.Terms.Policies().Portion(v.Title.Label, r.Lang), v.Title.Text)
	for i := range v.Portions {
		d := &v.Portions[i]
		fmt.Fprintf(&b, "\n%d. (%s) %s", d.Number, r.Terms.Policies().Portion(d.Label, r.Lang), d.Text)
		if d.Kind == KindGist {
			b.WriteString(" " + words["gist"].In(r.Lang))
		}
		if len(d.With) > 0 {
			fmt.Fprintf(&b, " "+words["with"].In(r.Lang), numbers(d.With, r.Lang))
		}
		b.WriteString("\n")
	}
	if len(v.Handling) > 0 {
		b.WriteString("\n" + words["handling"].In(r.Lang) + "\n")
		for _, h := range v.Handling {
			fmt.Fprintf(&b, "- %s (%s)\n", label.Text{EN: h.EN, JA: h.JA}.In(r.Lang), h.Article)
		}
	}
	b.WriteString("\n")
	frame(banner, exercise)
	return b.String()
}

func numbers(n []uint64, lang string) string {
	s := make([]string, len(n))
	for i := range n {
		s[i] = strconv.FormatUint(n[i], 10)
	}
	return strings.Join(s, separator(lang))
}

// side names a party as the agreement does.
func (r Rendering) side(p party.Party) string {
	for _, s := range r.Terms.Agreement().Parties() {
		if s.ID == p {
			return s.Name.In(r.Lang)
		}
	}
	return string(p)
}

// both writes a marking in every language its policy has, so that no reader has to guess which word is meant.
func both(t label.Text) string {
	if t.JA == "" || t.EN == "" || t.JA == t.EN {
		return t.In("en")
	}
	return t.JA + "/" + t.EN
}

// levels names the level of the banner in the words of both nations, with the article that makes them correspond.
func (r Rendering) levels(v *Version) string {
	name := func(l label.Label) string {
		p, ok := r.Terms.Policies().Policy(l.Policy)
		if !ok {
			return "?"
		}
		level, _ := p.Level(l.Level)
		s := string(p.Owner()) + " " + both(level.Marking)
		for _, id := range l.Designations {
			if i, ok := p.DesignationIndex(id); ok {
				s += " + " + both(p.Designations()[i].Marking)
			}
		}
		return s
	}
	s := name(v.Banner) + " = "
	targets, err := r.Terms.Map(v.Banner, v.To)
	if err != nil {
		return s + "?"
	}
	for i, t := range targets {
		if i > 0 {
			s += words["or"].In(r.Lang)
		}
		s += name(t.Label)
	}
	return s + " (" + targets[0].Article + ")"
}
