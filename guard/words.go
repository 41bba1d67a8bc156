package guard

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"entente/errs"
)

// homeWords say that something stays at home, whatever the policy files hold. They are compared as fold leaves them.
var homeWords = []string{
	"NZEO", "NEW ZEALAND EYES ONLY", "NZ EYES ONLY", "EYES ONLY", "AUSTEO", "AGAO", "NOFORN", "JPN ONLY", "JAPAN ONLY",
	"国内限り", "部内限り", "省内限り", "特別防衛秘密",
}

// originalWords belong to the header or the marks of the original report, which never travel.
var originalWords = []string{"EVENT REFS", "参照事象", "OVERALL MARKING", "全体区分", "//REL", "// REL"}

// headerLine is a header field as reports write it: perhaps as a list item and in bold, the key in capitals (or both
// keys), and a colon. gradingLine is one that may stand anywhere; a sentence such as "Source grading: B2." is not one.
var (
	headerLine = regexp.MustCompile(`^\s*(?:[-*]\s+)?\**\s*(?:\p{Han}+\s*/\s*)?` +
		`(?:REPORT|SERIAL|FROM|TO|DTG|PRECEDENCE|SUBJECT|LANGUAGE)\s*[::]`)
	gradingLine = regexp.MustCompile(`\bSOURCE GRADING\s*[::]`)
)

// officeMark is a department's own mark, "MFAT USE ONLY"; in small letters the words are ordinary prose.
var officeMark = regexp.MustCompile(`\b[A-Z]{2,} USE ONLY\b`)

// leadingMark is a portion mark left at the start of a text: "(S)", "(極秘//...)", "1. (R//". The new mark is built
// from the label, never typed.
var leadingMark = regexp.MustCompile(`^\s*\**\s*(?:[0-9]+\.\s*)?[((](?:U|R|C|S|TS|IC|Sen|秘|極秘|機密|特定秘密)(?:[))]|\s*//)`)

// lookAlikes are characters that stand for others: radicals, compatibility ideographs, circled, squared and mathematical
// letters, invisible fillers. Full-width forms and circled digits are ordinary Japanese text and stay.
var lookAlikes = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x115f, Hi: 0x1160, Stride: 1}, {Lo: 0x249c, Hi: 0x24e9, Stride: 1}, {Lo: 0x2e80, Hi: 0x2fdf, Stride: 1},
		{Lo: 0x3164, Hi: 0x3164, Stride: 1}, {Lo: 0x3280, Hi: 0x32b0, Stride: 1}, {Lo: 0xf900, Hi: 0xfaff, Stride: 1}, {Lo: 0xffa0, Hi: 0xffa0, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0x1d400, Hi: 0x1d7ff, Stride: 1}, {Lo: 0x1f100, Hi: 0x1f2ff, Stride: 1}, {Lo: 0x2f800, Hi: 0x2fa1f, Stride: 1}},
}

// readable says why a text cannot be shown to two nations as it is, or "". A text with hidden, reordering or look-alike
// characters would also slip past the word lists, so it goes first.
func readable(s string) string {
	previous := rune(0)
	for _, r := range s {
		switch {
		case r >= ' ' && r <= '~' || r == '\u3000': // nearly every character: none of the tables below has one
		case unicode.Is(unicode.Z, r):
			return "a space that is not an ordinary one"
		case unicode.Is(unicode.M, r):
			return "a combining mark or variation selector"
		case r == unicode.ReplacementChar || !unicode.IsGraphic(r):
			return "a character that controls, breaks or reorders the text, is invisible, or has no agreed shape"
		case unicode.Is(lookAlikes, r):
			return "a character that stands for another"
		}
		if (previous > '~' || r > '~') && mixed(previous, r) {
			return "letters of two alphabets in one word"
		}
		previous = r
	}
	return ""
}

// mixed reports whether a and b stand in one word and are of alphabets whose letters look alike.
func mixed(a, b rune) bool {
	latin := func(r rune) bool { return unicode.Is(unicode.Latin, r) }
	twin := func(r rune) bool {
		return unicode.In(r, unicode.Cyrillic, unicode.Greek, unicode.Armenian, unicode.Cherokee, unicode.Lisu, unicode.Coptic)
	}
	return latin(a) && twin(b) || twin(a) && latin(b)
}

// fold brings a text to the form words are searched in: full-width forms as ASCII, katakana as hiragana, capitals, and any
// run of spaces, hyphens and underscores as one space.
func fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range s {
		switch {
		case r > ' ' && r < utf8.RuneSelf && r != '-' && r != '_': // as the general case does, at a tenth of its cost
			if space && b.Len() > 0 {
				b.WriteByte(' ')
			}
			if space = false; r >= 'a' && r <= 'z' {
				r -= 'a' - 'A'
			}
			b.WriteByte(byte(r))
			continue
		case r >= 0xff01 && r <= 0xff5e:
			r -= 0xfee0
		case r >= 0x30a1 && r <= 0x30f6:
			r -= 0x60
		}
		if unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || r == '_' {
			space = true
			continue
		}
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteRune(unicode.ToUpper(r))
	}
	return b.String()
}

// wordList is words by their first byte.
type wordList [256][]string

// in reports whether one of the words stands in s.
func (l *wordList) in(s string) bool {
	for i := range len(s) {
		for _, w := range l[s[i]] {
			if strings.HasPrefix(s[i:], w) {
				return true
			}
		}
	}
	return false
}

// lists sorts words for searching: all of them, and those that are found also where spaces part them.
func lists(words []string) (all, joined *wordList) {
	all, joined = new(wordList), new(wordList)
	for _, w := range words {
		if w == "" { // a policy's word that is nothing but spaces and hyphens: it stands in every text
			for i := range all {
				all[i] = append(all[i], w)
			}
			continue
		}
		all[w[0]] = append(all[w[0]], w)
		if w[0] >= utf8.RuneSelf {
			joined[w[0]] = append(joined[w[0]], w)
		}
	}
	return all, joined
}

// homeList folds the guard's own words and those of the policies. Words with a blank to fill in are left to officeMark.
func homeList(policies []*policy) (out []string) {
	words := slices.Clone(homeWords)
	for _, p := range policies {
		words = append(words, p.words...)
	}
	for _, w := range words {
		if !strings.ContainsAny(w, "[<") {
			out = append(out, fold(w))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// scan says what in a text must not leave, or "".
func (t *Tables) scan(s string) (code errs.Code, why string) {
	if why := readable(s); why != "" {
		return "guard.text.character", why
	}
	f := fold(s)
	if t.words.in(f) || t.joined.in(strings.ReplaceAll(f, " ", "")) { // spaces part no Japanese words
		return "guard.text.national-only", "a word that says the information stays at home"
	}
	for _, w := range originalWords {
		if strings.Contains(f, w) {
			return "guard.text.header", "a header key or release list of the original"
		}
	}
	switch { // the expressions that may match anywhere are slow: a word each must have is looked for first
	case strings.Contains(s, " USE ONLY") && officeMark.MatchString(s):
		return "guard.text.national-only", "a department's own mark"
	case headerLine.MatchString(s) || strings.Contains(s, "SOURCE GRADING") && gradingLine.MatchString(s):
		return "guard.text.header", "a header line of the original"
	case leadingMark.MatchString(s):
		return "guard.text.mark", "a mark of the original at the start of the text"
	}
	return "", ""
}
