package label

import (
	"strings"
	"testing"

	"entente/errs"
	"entente/party"
)

func TestExercisePoliciesSaySoAndListWhatIsUnset(t *testing.T) {
	s := exercise(t)
	for owner, unset := range map[party.Party]string{"NZL": "nzl.deptuse (official)", "JPN": "order[1] (unverified)"} {
		p, ok := s.Owned(owner)
		if !ok || !p.Exercise() || !strings.HasPrefix(p.Name().EN, "EXERCISE") || !strings.Contains(p.Name().JA, "演習") || p.Digest() == ([48]byte{}) {
			t.Errorf("%s: %+v %v", owner, p, ok)
			continue
		}
		if all := strings.Join(p.Unset(), "\n"); !strings.Contains(all, unset) {
			t.Errorf("%s: %s is not listed as unset in\n%s", owner, unset, all)
		}
		for _, l := range p.Levels() {
			if !l.Grade.Set() || l.Source == "" {
				t.Errorf("%s has grade %q and source %q", l.ID, l.Grade, l.Source)
			}
		}
	}
	if _, ok := s.Owned("AUS"); ok {
		t.Error("a policy of Australia appeared")
	}
	p, _ := s.Owned("NZL")
	if _, err := NewSet(p, p); errs.CodeOf(err) != "label.policy.duplicate" {
		t.Error("one OID twice was accepted")
	}
}

// Each case is the New Zealand file with one thing changed.
func TestPolicyFilesAreReadStrictly(t *testing.T) {
	file := string(ExercisePolicyFiles()[1])
	edit := func(old, new string) string {
		if !strings.Contains(file, old) {
			t.Fatalf("the file no longer holds %s", old)
		}
		return strings.Replace(file, old, new, 1)
	}
	const owner = `"owner": "NZL",`
	for name, tc := range map[string]struct {
		file string
		code errs.Code
	}{
		"as it is":                    {file, ""},
		"empty":                       {"", "label.policy.json"},
		"truncated":                   {file[:len(file)/2], "label.policy.json"},
		"something after it":          {file + "{}", "label.policy.json"},
		"a comment after it":          {file + "//", "label.policy.json"},
		"too large":                   {file + strings.Repeat(" ", MaxPolicy), "label.policy.size"},
		"not UTF-8":                   {edit("SECRET", "SEC\xffRET"), "label.policy.json"},
		"half a surrogate":            {edit("SECRET", `SEC\ud800RET`), "label.policy.value"},
		"escaped control character":   {edit("SECRET", `SEC\u0000RET`), "label.policy.value"},
		"bidirectional control":       {edit("SECRET", "SEC\u202eRET"), "label.policy.value"},
		"unknown field":               {edit(owner, owner+`"color": "red",`), "label.policy.json"},
		"duplicate key":               {edit(owner, owner+owner), "label.policy.field"},
		"key in other case":           {edit(owner, owner+`"Owner": "JPN",`), "label.policy.field"},
		"key that folds to another":   {edit(owner, owner+`"ver\u017fion": 9,`), "label.policy.field"},
		"null for a list":             {edit(`"order": [`, `"order": null, "families": [`), "label.policy.field"},
		"deep nesting":                {strings.Repeat("[", 100), "label.policy.json"},
		"other format":                {edit("entente-policy/1", "entente-policy/2"), "label.policy.field"},
		"other arc":                   {edit("2.25.656", "1.2.656"), "label.policy.field"},
		"version zero":                {edit(`"version": 1`, `"version": 0`), "label.policy.field"},
		"exercise not stated":         {edit(`"exercise": true,`, ""), "label.policy.field"},
		"exercise values in earnest":  {edit(`"exercise": true,`, `"exercise": false,`), "label.policy.value"},
		"a name that does not say so": {edit("EXERCISE New", "New"), "label.policy.value"},
		"unknown grade":               {edit(`"official"`, `"rumour"`), "label.policy.value"},
		"value without source":        {edit(`"value": "IN-CONFIDENCE", "source": "https://www.protectivesecurity.govt.nz/classification/overview"`, `"value": "IN-CONFIDENCE", "source": null`), "label.policy.value"},
		"full-width word":             {edit(`"value": "IN-CONFIDENCE"`, `"value": "ＩN-CONFIDENCE"`), "label.policy.value"},
		"word edged with a space":     {edit(`"value": "IN-CONFIDENCE"`, `"value": " IN-CONFIDENCE"`), "label.policy.value"},
		"word with a bracket":         {edit(`"value": "Sen"`, `"value": "Sen)"`), "label.policy.word"},
		"word with a separator":       {edit(`"value": "Sen"`, `"value": "Sen//NZEO"`), "label.policy.word"},
		"one portion word twice":      {edit(`"value": "Sen"`, `"value": "S"`), "label.policy.word"},
		"one designation word twice": {edit(`"value": "EMBARGOED FOR RELEASE", "source": "https://github.com/trquinn76/classification", "grade": "official"},
        "ja": {"value": null, "source": null, "grade": "not found"}
      },
      "marking": {
        "en": {"value": "EMBARGOED FOR RELEASE"`, `"value": "EMBARGOED FOR RELEASE", "source": "https://github.com/trquinn76/classification", "grade": "official"},
        "ja": {"value": null, "source": null, "grade": "not found"}
      },
      "marking": {
        "en": {"value": "NZEO"`), "label.policy.word"},
		"level of another owner":    {edit(`"id": "nzl.sen"`, `"id": "jpn.sen"`), "label.policy.field"},
		"level twice":               {edit(`"id": "nzl.sen"`, `"id": "nzl.ic"`), "label.policy.field"},
		"unknown family":            {edit(`"family": "unmarked"`, `"family": "other"`), "label.policy.field"},
		"obsolete not stated":       {edit(`"obsolete": false,`, ""), "label.policy.field"},
		"national-only not stated":  {edit(`"national_only": true,`, ""), "label.policy.designation"},
		"unknown kind":              {edit(`"kind": "restrictive"`, `"kind": "advisory"`), "label.policy.designation"},
		"cycle":                     {edit(`["nzl.s", "nzl.ts"]]`, `["nzl.s", "nzl.ts"], ["nzl.ts", "nzl.u"]]`), "label.policy.order"},
		"level below itself":        {edit(`["nzl.s", "nzl.ts"]]`, `["nzl.s", "nzl.s"]]`), "label.policy.order"},
		"order of an unknown level": {edit(`["nzl.s", "nzl.ts"]]`, `["nzl.s", "nzl.x"]]`), "label.policy.order"},
		"incomparable yet chained":  {edit(`["nzl.s", "nzl.ts"]]`, `["nzl.s", "nzl.ts"], ["nzl.sen", "nzl.r"]]`), "label.policy.order"},
		"upper bounds, none least":  {edit(`["nzl.s", "nzl.ts"]]`, `["nzl.sen", "nzl.s"], ["nzl.sen", "nzl.ts"], ["nzl.c", "nzl.ts"]]`), "label.policy.order"},
		"implies the unknown":       {edit(`"implies": ["nzl.accountable"]`, `"implies": ["nzl.x"]`), "label.policy.designation"},
		"implies what is unset":     {edit(`"implies": ["nzl.accountable"]`, `"implies": ["nzl.deptuse"]`), "label.policy.designation"},
		"implies a release":         {edit(`"implies": ["nzl.accountable"]`, `"implies": ["nzl.relto"]`), "label.policy.release"},
		"excludes the unknown":      {edit(`"excludes": ["nzl.relto"]`, `"excludes": ["nzl.x"]`), "label.policy.designation"},
		"stands low but not high":   {edit(`"requires": {"levels": []`, `"requires": {"levels": ["nzl.c"]`), "label.policy.designation"},
		"no release list":           {edit(`"designation": "nzl.relto"`, `"designation": "nzl.nzeo"`), "label.policy.release"},
		"other separator":           {edit(`"separator": ", "`, `"separator": "/"`), "label.policy.release"},
		"foreign name of the owner": {edit(`"party": "JPN"`, `"party": "NZL"`), "label.policy.word"},
	} {
		p, err := ParsePolicy([]byte(tc.file))
		if errs.CodeOf(err) != tc.code || (err == nil) != (p != nil) {
			t.Errorf("%s: %v, want %q", name, err, tc.code)
		}
	}
}

// "Unset" is not "absent": the level exists, is listed, and refuses.
func TestAnUnverifiedLevelRefuses(t *testing.T) {
	file := string(ExercisePolicyFiles()[1])
	i := strings.Index(file, `"id": "nzl.s"`)
	j := i + strings.Index(file[i:], `"obsolete": false`)
	file = file[:j] + strings.Replace(file[j:], `"grade": "official"`, `"grade": "unverified"`, 1)
	p, err := ParsePolicy([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	s, _ := NewSet(p)
	if _, err := s.ParsePortion(nzl, "S"); errs.CodeOf(err) != "label.mark.word" {
		t.Errorf("its mark was read: %v", err)
	}
	if err := s.Check(Label{Policy: nzl, Level: "nzl.s", Release: []party.Party{"NZL"}, Originator: "NZL"}); errs.CodeOf(err) != "label.level.unset" {
		t.Errorf("its label passed: %v", err)
	}
	if !p.Leq("nzl.c", "nzl.ts") || p.Leq("nzl.c", "nzl.s") {
		t.Error("an unset level must leave the order of the others as it is and take no part in it")
	}
}
