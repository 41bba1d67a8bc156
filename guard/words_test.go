package guard

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// The word lists and tables are read rune by rune with a short way for ASCII. Here is the long way for everything; both must agree
// on every text.
func TestShortWayForASCIIFindsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(rapid.OneOf(rapid.StringN(0, 8, -1), rapid.StringMatching(`[ -~]{0,8}`),
			rapid.SampledFrom([]string{"a\u0430", "\u0430a", "\u3000", "-", "_", "\u2014", "\t", "\x7f", "\u00a0", "\u30ab", "\uff21", "ſ", "ı"})), 0, 12).Draw(t, "parts"), "")
		if got, want := fold(s), foldSlowly(s); got != want {
			t.Fatalf("fold(%q) = %q, want %q", s, got, want)
		}
		if got, want := readable(s), readableSlowly(s); got != want {
			t.Fatalf("readable(%q) = %q, want %q", s, got, want)
		}
	})
}

func foldSlowly(s string) string {
	var b strings.Builder
	space := false
	for _, r := range s {
		switch {
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

func readableSlowly(s string) string {
	previous := rune(0)
	for _, r := range s {
		switch {
		case r == ' ' || r == '\u3000':
		case unicode.Is(unicode.Z, r):
			return "a space that is not an ordinary one"
		case unicode.Is(unicode.M, r):
			return "a combining mark or variation selector"
		case r == unicode.ReplacementChar || !unicode.IsGraphic(r):
			return "a character that controls, breaks or reorders the text, is invisible, or has no agreed shape"
		case unicode.Is(lookAlikes, r):
			return "a character that stands for another"
		}
		if mixed(previous, r) {
			return "letters of two alphabets in one word"
		}
		previous = r
	}
	return ""
}
