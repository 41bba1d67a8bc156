package api

import (
	"strings"
	"testing"
	"unicode"

	"entente/errs"
)

func TestEveryFailureSaysWhatToDoNextInBothLanguages(t *testing.T) {
	for k := errs.Internal; k <= errs.Usage; k++ {
		f := Failure{Kind: k.String(), Code: "no.such.code", Reason: "so"}
		if f.In("en").Next == "" || f.In("en").Reason != "so" {
			t.Errorf("%s: %+v", k, f.In("en"))
		}
		if ja := f.In("ja"); !japanese(ja.Reason) || !japanese(ja.Next) || ja.Cause != "so" {
			t.Errorf("%s in Japanese: %+v", k, ja)
		}
	}
	for code, w := range sentences {
		if !japanese(w.jaWhy) || !japanese(w.jaNext) {
			t.Errorf("%s is not said in Japanese", code)
		}
		if !strings.HasSuffix(w.jaWhy, "。") {
			t.Errorf("%s: a Japanese sentence ends with its mark", code)
		}
	}
}

func TestTheErrorsOwnWordsComeFirst(t *testing.T) {
	f := Failure{Kind: "refused", Code: "exchange.bundle.truncated", Next: "own words"}
	if f.In("en").Next != "own words" {
		t.Error("the error's own next step was replaced")
	}
	if got := (Failure{Kind: "invalid", Code: "exchange.bundle.magic"}).In("en").Next; !strings.Contains(got, "pack it again") {
		t.Errorf("a code without words of its own takes those of its family, not %q", got)
	}
}

func japanese(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) })
}
