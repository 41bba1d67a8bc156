package release

import (
	"entente/errs"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// What one text may hold. Sizes are bytes of UTF-8.
const (
	maxTitle = 512
	maxText  = 8 << 10
)

// plainRune reports whether r may stand in a text that people of two nations are to read the same way. Refused are
// control characters, every format character (bidirectional controls, zero-width and tag characters, byte order
// marks), variation selectors, private use, unassigned code points, and spaces other than U+0020 and U+3000: they
// hide text, reorder it, or carry what no reader sees.
func plainRune(r rune) bool {
	switch {
	case r == ' ' || r == '\u3000':
		return true
	case r < ' ' || r == 0x7f || r == unicode.ReplacementChar:
		return false
	case r < 0x7f || r >= 0x3041 && r <= 0x3096 || r >= 0x30a1 && r <= 0x30fa || r >= 0x4e00 && r <= 0x9fef:
		return true // ASCII, and the kana and ideographs of ordinary Japanese, without asking the tables
	case r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0100 && r <= 0xe01ef || r == 0x034f || r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0xffa0:
		return false // variation selectors, grapheme joiner, Hangul fillers
	}
	return unicode.IsGraphic(r) && !unicode.Is(unicode.Zs, r)
}

// checkText says why s cannot be shown as it is: "" if it can, else the code of the problem.
func checkText(s string, max int) errs.Code {
	switch {
	case len(s) == 0:
		return "release.text.empty"
	case len(s) > max:
		return "release.text.long"
	case !utf8.ValidString(s):
		return "release.text.encoding"
	case !norm.NFC.IsNormalString(s):
		return "release.text.normalisation"
	case s[0] == ' ' || s[len(s)-1] == ' ':
		return "release.text.space"
	}
	for _, r := range s {
		if !plainRune(r) {
			return "release.text.character"
		}
	}
	return ""
}

// window is the shortest run of text that counts as quoted: 36 bytes are 12 Japanese characters or about six English
// words. Shorter runs are names and set phrases.
const window = 36

// quotes reports the first run of at least window bytes that s shares with hidden and that occurs in none of open.
func quotes(s, hidden string, open []string) bool {
	for i := 0; i+window <= len(s); i++ {
		if !utf8.RuneStart(s[i]) {
			continue
		}
		end := i + window
		for end < len(s) && !utf8.RuneStart(s[end]) {
			end++
		}
		run := s[i:end]
		if strings.Contains(hidden, run) && !slices.ContainsFunc(open, func(o string) bool { return strings.Contains(o, run) }) {
			return true
		}
	}
	return false
}
