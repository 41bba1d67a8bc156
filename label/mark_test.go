package label

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"entente/errs"
)

var update = flag.Bool("update", false, "write golden files")

// Every mark the exercise reports bear, in the one rendering it must have.
var reportMarks = []string{"S//REL TO NZL, JPN", "R//REL TO NZL, JPN", "C//REL TO NZL, JPN", "S//NZEO", "R//NZEO", "C//NZEO", "U",
	"jp:極秘//REL TO NZL", "jp:秘//REL TO NZL", "jp:極秘", "jp:秘", "jp:S//JPN ONLY", "jp:S//REL TO NZL", "jp:C//REL TO NZL", "jp:U"}

func TestReportMarksReadAndWriteBack(t *testing.T) {
	s := exercise(t)
	for _, m := range reportMarks {
		text := strings.TrimPrefix(m, "jp:")
		lang := "en"
		if text[0] > 0x7F {
			lang = "ja"
		}
		if got := s.Portion(mark(t, s, m), lang); got != text {
			t.Errorf("%s renders as %s", text, got)
		}
	}
}

func TestBannersOfReports(t *testing.T) {
	s := exercise(t)
	for line, want := range map[string]struct{ oid, mark, comment string }{
		"SECRET//NZEO (contains portions REL TO NZL, JPN)":         {nzl, "S//NZEO", "contains portions REL TO NZL, JPN"},
		"CONFIDENTIAL//NZEO (contains portions REL TO NZL, JPN)":   {nzl, "C//NZEO", "contains portions REL TO NZL, JPN"},
		"SECRET//NZEO (text below the tear line REL TO NZL, JPN)":  {nzl, "S//NZEO", "text below the tear line REL TO NZL, JPN"},
		"SECRET//REL TO NZL, JPN":                                  {nzl, "S//REL TO NZL, JPN", ""},
		"SECRET (REL TO NZL, JPN)":                                 {nzl, "S", "REL TO NZL, JPN"}, // a comment, never a release
		"極秘(一部 REL TO NZL)":                                        {jpn, "jp:極秘", "一部 REL TO NZL"},
		"極秘（一部 REL TO NZL）":                                        {jpn, "jp:極秘", "一部 REL TO NZL"},
		"極秘(切取り線以下は REL TO NZL)":                                   {jpn, "jp:極秘", "切取り線以下は REL TO NZL"},
		"SECRET//JPN ONLY (contains portions REL TO NZL)":          {jpn, "jp:S//JPN ONLY", "contains portions REL TO NZL"},
		"ニュージーランド政府 / 極秘//特定秘密//REL TO NZL":                        {jpn, "jp://NZL 極秘//特定秘密", ""},
		"AUS / 秘//REL TO AUS":                                      {jpn, "jp://AUS 秘", ""},
		"Government of Japan / SECRET//REL TO NZL, JPN (extracts)": {nzl, "//JPN S", "extracts"},
		"極秘//特別防衛秘密":                                               {jpn, "jp:極秘//特別防衛秘密", ""},
	} {
		l, comment, err := s.ParseBanner(want.oid, line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if w := mark(t, s, want.mark); !l.Equal(&w) || comment != want.comment {
			t.Errorf("%s: %+v, comment %q", line, l, comment)
		}
	}
	for line, code := range map[string]errs.Code{
		"":                             "label.mark.size",
		"S":                            "label.mark.word", // a portion word is no banner
		"SECRET (a) (b)":               "label.banner.comment",
		"SECRET (":                     "label.banner.comment",
		"SECRET ()":                    "label.banner.comment",
		"SECRET (a）":                   "label.banner.comment",
		"SECRET (a) //REL TO NZL, JPN": "label.banner.comment",
		"SECRET (a\x7f)":               "label.banner.comment",
		"SECRET (\u202eNPJ)":           "label.banner.comment",
		"SECRET  (two spaces)":         "label.mark.word",
		"(only a comment)":             "label.mark.size",
		"Japan of Government / SECRET": "label.mark.origin",
		"NZL / SECRET":                 "label.mark.origin",
		"SECRET / SECRET":              "label.mark.origin",
		"極秘":                           "label.mark.character",
		"SECRET " + strings.Repeat("x", MaxBanner): "label.mark.size",
	} {
		if _, _, err := s.ParseBanner(nzl, line); errs.CodeOf(err) != code {
			t.Errorf("%q: %v, want %s", line, err, code)
		}
	}
}

func TestAMarkHasOneSpelling(t *testing.T) {
	s := exercise(t)
	for m, code := range map[string]errs.Code{
		"":                                    "label.mark.size",
		strings.Repeat("S", MaxMark+1):        "label.mark.size",
		"s":                                   "label.mark.character",
		"SECRET":                              "label.mark.word", // a banner word is no portion mark
		"X":                                   "label.mark.word",
		"S ":                                  "label.mark.word",
		" S":                                  "label.mark.word",
		"S/REL TO NZL, JPN":                   "label.mark.word",
		"S//":                                 "label.mark.word",
		"S//REL TO":                           "label.mark.word",
		"S//NOFORN":                           "label.mark.word",
		"S//REL TO ":                          "label.mark.release",
		"S//REL TO NZL":                       "label.mark.release", // written without a list
		"S//REL TO JPN, NZL":                  "label.mark.release", // owner first
		"S//REL TO JPN":                       "label.mark.release",
		"S//REL TO NZL, JPN, AUS":             "label.mark.release", // then alphabetical
		"S//REL TO NZL, JPN, JPN":             "label.mark.release",
		"S//REL TO NZL,JPN":                   "label.mark.release",
		"S//REL TO NZL, JPN,":                 "label.mark.release",
		"S//REL TO NZL, FVEY":                 "label.mark.release", // communities are expanded, never named
		"S//REL TO NZL, JPN//REL TO NZL, JPN": "label.mark.order",
		"S//REL TO NZL, JPN//NZEO":            "label.mark.order",
		"S//NZEO//NZEO":                       "label.mark.order",
		"S//EMBARGOED FOR RELEASE//NZEO":      "label.mark.order",
		"S//NZEO//REL TO NZL, JPN":            "label.contradiction",
		"S//NZEO//REL TO NZL":                 "label.mark.release",
		"//NZL S":                             "label.mark.origin",
		"//JP S":                              "label.mark.origin",
		"//JPN":                               "label.mark.word",
		"//JPN S//REL TO NZL, AUS":            "label.mark.release", // the originator is not listed
		"//JPN S//NZEO":                       "label.contradiction",
		"jp:極秘//REL TO JPN, NZL":              "label.mark.release", // the originator is implied and never listed
		"jp:極秘//REL TO NZL, AUS":              "label.mark.release",
		"jp:秘//特定秘密":                          "label.contradiction",
		"jp:極秘//特定秘密//特別防衛秘密": "label.contradiction",
		"jp:極秘//取扱注意":         "label.mark.character", // unverified, so unset
	} {
		oid := nzl
		if j, ok := strings.CutPrefix(m, "jp:"); ok {
			oid, m = jpn, j
		}
		if l, err := s.ParsePortion(oid, m); errs.CodeOf(err) != code {
			if len(m) > 40 {
				m = m[:40]
			}
			t.Errorf("%q: %+v %v, want %s", m, l, err, code)
		}
	}
	if _, err := s.ParsePortion("2.25.1", "S"); errs.CodeOf(err) != "label.policy" {
		t.Errorf("unknown policy: %v", err)
	}
}

// Look-alikes are refused with the reason, never folded into the word they imitate.
func TestLookAlikesAreRefused(t *testing.T) {
	s := exercise(t)
	for m, reason := range map[string]string{
		"Ｓ":                       "full-width",
		"S//REL TO NZL，JPN":       "full-width",
		"S//REL TO NZL,\u00a0JPN": "space other than",
		"S//REL TO NZL,\u3000JPN": "space other than",
		"S\u0301":                 "combining",
		"S\u200b":                 "invisible format",
		"S\u202e//REL TO NZL":     "bidirectional",
		"S\n":                     "control",
		"\u0405":                  "Greek or Cyrillic", // Cyrillic dze
		"Ⓢ":                       "compatibility",
		"㊙":                       "compatibility",
		"𝐒":                       "compatibility",
		"\xff":                    "UTF-8",
		"必":                       "no word of the policy",
	} {
		_, err := s.ParsePortion(nzl, m)
		if errs.CodeOf(err) != "label.mark.character" || !strings.Contains(err.Error(), reason) {
			t.Errorf("%+q: %v, want %s", m, err, reason)
		}
	}
	if _, err := s.ParsePortion(jpn, "\uf9e9"); errs.CodeOf(err) != "label.mark.character" {
		t.Errorf("a compatibility ideograph: %v", err)
	}
}

func TestAnUnknownLabelRendersAsAWarningThatIsNoMark(t *testing.T) {
	s := exercise(t)
	for _, lang := range []string{"en", "ja"} {
		for _, got := range []string{s.Portion(Label{Policy: nzl}, lang), s.Banner(Label{}, lang)} {
			if got == "" {
				t.Error("an unknown label rendered as nothing")
			}
			for _, oid := range []string{nzl, jpn} {
				if _, _, err := s.ParseBanner(oid, got); err == nil {
					t.Errorf("%s reads as a marking", got)
				}
			}
		}
	}
}

func TestRenderingGolden(t *testing.T) {
	s := exercise(t)
	marks := append([]string{"TS//REL TO NZL, AUS, JPN", "Sen", "IC", "S//ACCOUNTABLE MATERIAL//EMBARGOED FOR RELEASE", "//JPN S", "//AUS R//REL TO NZL, AUS, JPN",
		"jp:極秘//特定秘密//REL TO NZL", "jp:秘//特別防衛秘密", "jp:秘//重要経済安保情報", "jp:機密", "jp://NZL 極秘//特定秘密//REL TO NZL", "jp://NZL C"}, reportMarks...)
	var b strings.Builder
	for _, m := range marks {
		l := mark(t, s, m)
		b.WriteString(m + "\n")
		for _, lang := range []string{"en", "ja"} {
			b.WriteString("  " + lang + "  (" + s.Portion(l, lang) + ")  " + s.Banner(l, lang) + "\n")
		}
	}
	path := filepath.Join("testdata", "markings.golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("rendering changed; run with -update and read the difference\n%s", b.String())
	}
}
