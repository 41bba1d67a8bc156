package release

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// refers looks for words before it asks the expression; it must say what the expression alone would say.
func TestRefersSaysWhatTheExpressionSays(t *testing.T) {
	part := rapid.SampledFrom([]string{"see ", "para", "Para. ", "PARAS ", "paragraph ", "paragraphs", "Portion ", "portions ", "port 3", "7", " 12", "第", "第３項", "第 四 項", "三項", "§", "¶ 4", " ", "x", "．", "pa", "é"})
	found := 0
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(part, 0, 6).Draw(t, "parts"), "")
		want := reference.MatchString(s)
		if want {
			found++
		}
		if got := refers(s); got != want {
			t.Fatalf("refers(%q) = %v", s, got)
		}
	})
	if found == 0 {
		t.Error("no text referred to anything")
	}
}

func TestPlainRuneAsksTheTablesWhereItMust(t *testing.T) {
	for r := rune(0x7f); r <= unicode.MaxRune; r++ {
		if r >= 0x3041 && r <= 0x9fef && plainRune(r) && r != '\u3000' && (!unicode.IsGraphic(r) || unicode.Is(unicode.Zs, r)) {
			t.Fatalf("%U is taken for plain", r)
		}
	}
}
