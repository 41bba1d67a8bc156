package label

import "strings"

// unreadable stands where a label cannot be rendered. It is no mark of any policy, so nothing reads it as one.
var unreadable = Text{EN: "MARKING UNREADABLE - DO NOT OPEN", JA: "表示判読不能 - 開封禁止"}

// Portion renders a label as the mark of a portion, without brackets, in the words of lang ("en" or "ja"); a word that
// the policy does not have in lang stays in the other language, because a marking is never translated here. Reading it
// back with ParsePortion gives the same label. A label that does not pass Check renders as a warning that is no mark.
func (s *Set) Portion(l Label, lang string) string {
	p, level, mask, err := s.open(&l)
	if err != nil {
		return unreadable.In(lang)
	}
	var b strings.Builder
	if l.Originator != p.owner {
		b.WriteString("//" + string(l.Originator) + " ")
	}
	word := p.levels[level].Portion.In(lang)
	if word == "" { // only words in "also"
		word = p.levels[level].Portions[0]
	}
	p.write(&b, p.portionWords, word, level, mask, &l, lang)
	return b.String()
}

// Banner renders a label as the marking of a whole text, as Portion does for a portion. The originator of another
// party's information is named before the level (agreements 13).
func (s *Set) Banner(l Label, lang string) string {
	p, level, mask, err := s.open(&l)
	if err != nil {
		return unreadable.In(lang)
	}
	var b strings.Builder
	if l.Originator != p.owner {
		name := p.foreign[l.Originator].In(lang)
		if name == "" {
			name = string(l.Originator)
		}
		b.WriteString(name + " / ")
	}
	p.write(&b, p.bannerWords, p.levels[level].Marking.In(lang), level, mask, &l, lang)
	return b.String()
}

func (p *Policy) write(b *strings.Builder, words map[string]uint64, word string, level int, mask uint64, l *Label, lang string) {
	b.WriteString(word)
	understood := p.closed(level, 0) // comes with the level and is left out
	if c := words[word]; c&(c-1) != 0 {
		understood = 0 // unless it tells levels of one word apart
	}
	for _, d := range p.written {
		if mask>>d&1 == 0 || understood>>d&1 != 0 {
			continue
		}
		b.WriteString("//" + p.desigs[d].Marking.In(lang))
	}
	if len(l.Release) == 1 {
		return
	}
	b.WriteString("//" + p.release.prefix)
	sep := ""
	if p.release.ownerListed {
		b.WriteString(string(p.owner))
		sep = p.release.separator
	}
	for _, r := range l.Release {
		if r != p.owner {
			b.WriteString(sep + string(r))
			sep = p.release.separator
		}
	}
}
