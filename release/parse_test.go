package release

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"entente/errs"
	"entente/party"

	exercise "entente/examples/exercise"
)

func TestTheTwelveReportsReadWithoutRefusal(t *testing.T) {
	b := newBench(t)
	for _, d := range b.drafts(t) {
		for _, f := range d.findings {
			if f.Severity == Refuse || f.Code != "release.header.unmarked" {
				t.Errorf("%s line %d: %s", d.Name, f.Line, f.Code)
			}
		}
		if d.r.Serial == "" || d.r.Type == "" || d.r.DTG.IsZero() || len(d.r.Events) == 0 || d.r.Language == "" || d.r.Find("grading").Kind != KindHeader {
			t.Errorf("%s: header not read: %+v", d.Name, d.r)
		}
		if !d.r.Rollup.Equal(&d.r.Overall) {
			t.Errorf("%s: rolls up to %v, marked %v", d.Name, d.r.Rollup, d.r.Overall)
		}
		if want := d.Name == "R03" || d.Name == "R04"; (len(d.r.TearLines) == 1) != want {
			t.Errorf("%s: %d tear lines", d.Name, len(d.r.TearLines))
		}
	}
}

func TestTextsAreTheReportsOwnCharacters(t *testing.T) {
	b := newBench(t)
	d := b.draft(t, "R09")
	if got := d.r.Find("2").Text; !strings.HasPrefix(got, "Second Thomas Shoal. On 5 March") {
		t.Errorf("%q", got)
	}
	d = b.draft(t, "R01")
	if got := d.r.Find("1").Text; !strings.HasPrefix(got, "概要。 12月16日昼") || d.r.Find("1").Mark != "秘//REL TO NZL" {
		t.Errorf("%q", got)
	}
	for _, d := range b.drafts(t) {
		for _, p := range d.r.Portions {
			if p.Kind == KindParagraph && !strings.Contains(strings.ReplaceAll(string(d.Report.Report), "**", ""), p.Text) {
				t.Errorf("%s %s: changed", d.Name, p.ID)
			}
		}
	}
}

func TestEveryBrokenRuleIsSaid(t *testing.T) {
	b := newBench(t)
	ok := paper{from: "NZL", overall: "SECRET", paras: []para{{"S//REL TO NZL, JPN", "One."}, {"S", "Two."}}}
	with := func(change func(*paper)) []byte {
		p := ok
		p.header = map[string]string{}
		change(&p)
		return p.bytes()
	}
	head := func(k, v string) []byte { return with(func(p *paper) { p.header[k] = v }) }
	body := func(overall string, lines ...string) []byte {
		return with(func(p *paper) { p.overall, p.paras, p.raw = overall, nil, lines })
	}
	edit := func(old, new string) []byte { return bytes.Replace(ok.bytes(), []byte(old), []byte(new), 1) }
	known := func(string) bool { return true }
	for name, tc := range map[string]struct {
		raw  []byte
		code errs.Code
		sev  Severity
	}{
		"empty":                   {nil, "release.report.size", Refuse},
		"too large":               {bytes.Repeat([]byte("a"), MaxReport+1), "release.report.size", Refuse},
		"not UTF-8":               {[]byte("# \xff"), "release.text.encoding", Refuse},
		"not NFC":                 {edit("One.", "e\u0301."), "release.text.normalisation", Refuse},
		"bidirectional control":   {edit("One.", "O\u202ene."), "release.text.character", Refuse},
		"zero width":              {edit("One.", "O\u200bne."), "release.text.character", Refuse},
		"tab":                     {edit("One.", "O\tne."), "release.text.character", Refuse},
		"carriage return":         {edit("One.\n", "One.\r\n"), "release.text.character", Refuse},
		"no-break space":          {edit("One.", "O\u00a0ne."), "release.text.character", Refuse},
		"tag character":           {edit("One.", "O\U000e0041ne."), "release.text.character", Refuse},
		"no exercise line above":  {edit("# EXERCISE EXERCISE EXERCISE", "# REPORT"), "release.report.exercise", Refuse},
		"no exercise line below":  {bytes.Replace(ok.bytes(), []byte("\n**EXERCISE EXERCISE EXERCISE — markings are fictitious; content is public**"), nil, 1), "release.report.exercise", Refuse},
		"text after the end":      {append(ok.bytes(), "more\n"...), "release.report.structure", Refuse},
		"no second rule":          {edit("Two.\n\n---", "Two.\n"), "release.report.structure", Refuse},
		"no paragraph":            {body("SECRET"), "release.report.empty", Refuse},
		"header field missing":    {head("grading", "-"), "release.header.missing", Refuse},
		"header field twice":      {edit("- **LANGUAGE:** en", "- **LANGUAGE:** en\n- **LANGUAGE:** en"), "release.header.duplicate", Refuse},
		"header field unknown":    {edit("- **LANGUAGE:**", "- **DISTRIBUTION:**"), "release.header.unknown", Refuse},
		"header without marks":    {ok.bytes(), "release.header.unmarked", Note},
		"unknown type":            {head("type", "REPORT"), "release.type", Refuse},
		"update zero":             {head("type", "INTREP (UPDATE 0)"), "release.type", Refuse},
		"serial of the other":     {head("serial", "ENT-EX-JPN-0001"), "release.serial", Refuse},
		"serial too short":        {head("serial", "ENT-EX-NZL-1"), "release.serial", Refuse},
		"dtg of 31 February":      {head("dtg", "310000Z FEB 26"), "release.dtg", Refuse},
		"dtg in another zone":     {head("dtg", "010000M JAN 26"), "release.dtg", Refuse},
		"precedence unknown":      {head("precedence", "URGENT"), "release.precedence", Refuse},
		"language unknown":        {head("language", "fr"), "release.language", Refuse},
		"overall unreadable":      {head("overall", "VERY SECRET"), "release.banner.unreadable", Refuse},
		"overall too low":         {head("overall", "CONFIDENTIAL"), "release.banner.low", Refuse},
		"overall too wide":        {head("overall", "SECRET//REL TO NZL, JPN"), "release.banner.low", Refuse},
		"overall too high":        {head("overall", "TOP SECRET"), "release.banner.high", Note},
		"event malformed":         {with(func(p *paper) { p.events = []string{"Ev 2"} }), "release.event.form", Refuse},
		"event twice":             {with(func(p *paper) { p.events = []string{"ev-1"} }), "release.event.form", Refuse},
		"event unknown":           {with(func(p *paper) { p.events = []string{"ev-9"} }), "release.event.unknown", Note},
		"paragraph without mark":  {body("SECRET", "**1. Lead.** Text."), "release.portion.unmarked", Refuse},
		"paragraph without head":  {body("SECRET", "**1. (S)** A.", "Loose text."), "release.portion.unmarked", Refuse},
		"wrapped paragraph":       {edit("One.", "One\nand more."), "release.portion.unmarked", Refuse},
		"number left out":         {body("SECRET", "**1. (S)** A.", "**3. (S)** B."), "release.portion.order", Refuse},
		"number twice":            {body("SECRET", "**1. (S)** A.", "**1. (S)** B."), "release.portion.order", Refuse},
		"unknown level":           {body("SECRET", "**1. (X)** A."), "label.mark.word", Refuse},
		"contradiction":           {body("SECRET", "**1. (S//NZEO//REL TO NZL, JPN)** A."), "label.contradiction", Refuse},
		"empty paragraph":         {body("SECRET", "**1. (S)**"), "release.text.empty", Refuse},
		"tear line not met":       {body("SECRET", "---- TEAR LINE: text below is REL TO NZL, JPN ----", "**1. (S)** A.", "---- END OF TEAR LINE TEXT ----"), "release.tearline.unmet", Refuse},
		"tear line open":          {body("SECRET//REL TO NZL, JPN", "---- TEAR LINE: text below is REL TO NZL, JPN ----", "**1. (S//REL TO NZL, JPN)** A."), "release.tearline.unclosed", Refuse},
		"tear line in another":    {body("SECRET", "---- TEAR LINE: text below is REL TO NZL ----", "---- TEAR LINE: text below is REL TO NZL ----", "**1. (S)** A.", "---- END OF TEAR LINE TEXT ----"), "release.tearline.nested", Refuse},
		"tear line not begun":     {body("SECRET", "**1. (S)** A.", "---- END OF TEAR LINE TEXT ----"), "release.tearline.nested", Refuse},
		"tear line to nobody":     {body("SECRET", "---- TEAR LINE ----", "**1. (S)** A."), "release.tearline.claim", Refuse},
		"tear line to a stranger": {body("SECRET", "---- TEAR LINE: text below is REL TO NZL, Japan ----", "**1. (S)** A."), "release.tearline.claim", Refuse},
	} {
		t.Run(name, func(t *testing.T) {
			rd := b.reading("NZL")
			rd.Event = func(id string) bool { return id == "ev-1" && known(id) }
			_, found := ParseReport(tc.raw, rd)
			if !slices.ContainsFunc(found, func(f Finding) bool { return f.Code == tc.code && f.Severity == tc.sev }) {
				t.Errorf("found %v, want %s", codes(found), tc.code)
			}
			if tc.sev == Refuse && !Refusing(found) {
				t.Error("does not refuse")
			}
			for _, f := range found {
				if f.Text.EN == "" || f.Text.JA == "" || f.Text.EN == string(f.Code) && !strings.HasPrefix(string(f.Code), "label.") {
					t.Errorf("%s has no text in both languages", f.Code)
				}
			}
		})
	}
}

func codes(f []Finding) (out []errs.Code) {
	for i := range f {
		out = append(out, f[i].Code)
	}
	return out
}

func TestAnExerciseReportIsRefusedInALiveRealm(t *testing.T) {
	b := newBench(t)
	for _, d := range b.drafts(t) {
		rd := b.reading(d.from)
		rd.Realm = party.Live
		if _, f := ParseReport(d.Report.Report, rd); !slices.Contains(codes(f), "release.report.exercise") {
			t.Errorf("%s was read in a live realm", d.Name)
		}
	}
}

func FuzzParseReport(f *testing.F) {
	b := newBench(f)
	for _, r := range exercise.Reports() {
		f.Add(r.Report)
	}
	f.Add(paper{from: "NZL", overall: "SECRET", paras: []para{{"S", "A."}}}.bytes())
	f.Add([]byte("- **EVENT REFS\n  - `")) // once read past its end
	rd := b.reading("NZL")
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, found := ParseReport(raw, rd)
		if r == nil {
			if !Refusing(found) {
				t.Fatal("nothing read and nothing refused")
			}
			return
		}
		for _, p := range r.Portions {
			if p.Kind == KindParagraph && p.Label == nil && !Refusing(found) {
				t.Fatal("an unmarked paragraph was taken")
			}
			if p.Kind == KindHeader && p.Label != nil {
				t.Fatal("a header field got a label")
			}
		}
	})
}
