package release

import (
	"bytes"
	"strings"
	"testing"

	"entente/errs"

	exercise "entente/examples/exercise"
)

func TestASheetIsReadStrictly(t *testing.T) {
	const gist = "[[gist]]\nid = \"G1\"\nmark = \"S\"\nplace = \"last\"\ngist_of = [\"2\"]\nreason = \"r\"\ntext = \"New.\"\n"
	const with = "[[travels_with]]\nportion = \"1\"\nwith = [\"2\"]\n"
	base := string(sheetFor([]byte("x"), "NZL", "S", gist+with))
	edit := func(old, new string) string {
		if !strings.Contains(base, old) {
			t.Fatalf("no %q", old)
		}
		return strings.Replace(base, old, new, 1)
	}
	for name, tc := range map[string]struct {
		raw  string
		code errs.Code
	}{
		"as written":                    {base, ""},
		"empty":                         {"", "release.sheet.size"},
		"too large":                     {strings.Repeat("#", MaxSheet+1), "release.sheet.size"},
		"not UTF-8":                     {base + "# \xff", "release.sheet.malformed"},
		"not TOML":                      {"= = =", "release.sheet.malformed"},
		"unknown key":                   {edit("kind =", "release = true\nkind ="), "release.sheet.malformed"},
		"key twice":                     {edit("kind =", "to = \"JPN\"\nkind ="), "release.sheet.malformed"},
		"other format":                  {edit("sheet/1", "sheet/2"), "release.sheet.format"},
		"no serial":                     {edit(`report = "ENT-EX-NZL-0099"`, `report = ""`), "release.sheet.field"},
		"digest in capitals":            {edit(`digest = "`, `digest = "A`), "release.sheet.field"},
		"recipient not a party":         {edit(`to = "JPN"`, `to = "Japan"`), "release.sheet.field"},
		"kind unknown":                  {edit("INTREP", "MEMO"), "release.sheet.field"},
		"precedence unknown":            {edit("ROUTINE", "SOON"), "release.sheet.field"},
		"purpose not a word":            {edit("regional-activity", "Regional activity"), "release.sheet.field"},
		"language unknown":              {edit(`language = "en"`, `language = "fr"`), "release.sheet.field"},
		"title without mark":            {edit(`mark = "S"`, `mark = ""`), "release.sheet.field"},
		"title empty":                   {edit("A title", ""), "release.text.empty"},
		"title with hidden text":        {edit("A title", "A\u200btitle"), "release.text.character"},
		"title too long":                {edit("A title", strings.Repeat("a", maxTitle+1)), "release.text.long"},
		"title naming paragraph":        {edit("A title", "On paragraph 3"), "release.text.reference"},
		"title naming 第3項":              {edit("A title", "第3項について"), "release.text.reference"},
		"title naming it in full width": {edit("A title", "第\uff13項について"), "release.text.reference"},
		"gist id":                       {edit(`id = "G1"`, `id = "1"`), "release.sheet.field"},
		"gist id twice":                 {base + gist, "release.sheet.field"},
		"gist nowhere":                  {edit(`place = "last"`, `place = "middle"`), "release.sheet.field"},
		"gist of nothing":               {edit(`gist_of = ["2"]`, `gist_of = []`), "release.sheet.field"},
		"gist without reason":           {edit(`reason = "r"`, `reason = ""`), "release.sheet.field"},
		"gist empty":                    {edit("New.", ""), "release.text.empty"},
		"with itself":                   {edit(`with = ["2"]`, `with = ["1"]`), "release.sheet.companions"},
		"with nobody":                   {edit(`with = ["2"]`, `with = []`), "release.sheet.companions"},
		"companion twice":               {edit(`with = ["2"]`, `with = ["2", "2"]`), "release.sheet.companions"},
		"declared twice":                {base + with, "release.sheet.companions"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseSheet([]byte(tc.raw))
			if got := errs.CodeOf(err); got != tc.code {
				t.Errorf("code %q (%v), want %q", got, err, tc.code)
			}
		})
	}
}

func TestASheetsErrorDoesNotRepeatTheSheet(t *testing.T) {
	_, err := ParseSheet([]byte("secret-word = [ = very secret text"))
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

func FuzzParseSheet(f *testing.F) {
	for _, r := range exercise.Reports() {
		f.Add(r.Sheet)
	}
	f.Add([]byte("[[gist]]\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := ParseSheet(raw)
		if err == nil && (s.check() != nil || !bytes.Contains(raw, []byte("entente-release-sheet/1"))) {
			t.Fatal("a sheet was taken that is none")
		}
	})
}
