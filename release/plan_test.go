package release

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"entente/agreement"
	"entente/errs"
	"entente/party"

	"pgregory.net/rapid"
)

// sheetFor writes the sheet of a paper as its originator would, so that tests can vary single lines of it.
func sheetFor(raw []byte, from party.Party, titleMark, rest string) []byte {
	to, serial := "JPN", "ENT-EX-"+string(from)+"-0099"
	if from == "JPN" {
		to = "NZL"
	}
	d := Digest(raw)
	return []byte(fmt.Sprintf(`format = "entente-release-sheet/1"
report = %q
digest = %q
to = %q
kind = "INTREP"
precedence = "ROUTINE"
purpose = "regional-activity"
language = "en"
[title]
mark = %q
text = "A title"
%s`, serial, hex.EncodeToString(d[:]), to, titleMark, rest))
}

func (b *bench) paperDraft(t interface{ Fatal(...any) }, p paper, rest string) *draft {
	raw := p.bytes()
	d := &draft{from: p.from, to: "JPN"}
	titleMark := "C//REL TO NZL, JPN"
	if p.from == "JPN" {
		d.to, titleMark = "NZL", "秘//REL TO NZL"
	}
	rd := b.reading(p.from)
	rd.Event = nil
	d.r, d.findings = ParseReport(raw, rd)
	sh, err := ParseSheet(sheetFor(raw, p.from, titleMark, rest))
	if err != nil {
		t.Fatal(err)
	}
	d.sh = sh
	return d
}

func state(p *Plan, id string) string {
	it := p.find(id)
	if it == nil {
		return "absent"
	}
	if it.Shown {
		return "shown"
	}
	return string(it.Code)
}

func TestAPortionIsWithheldWithItsCompanionTransitively(t *testing.T) {
	b := newBench(t)
	const ok, no = "S//REL TO NZL, JPN", "S//NZEO"
	d := b.paperDraft(t, paper{from: "NZL", overall: "SECRET//NZEO", paras: []para{{ok, "A."}, {ok, "B."}, {ok, "C."}, {no, "D."}, {ok, "E."}, {ok, "F."}}}, `
[[travels_with]]
portion = "1"
with = ["2"]
[[travels_with]]
portion = "2"
with = ["3"]
[[travels_with]]
portion = "3"
with = ["4"]
[[travels_with]]
portion = "5"
with = ["6"]
[[travels_with]]
portion = "6"
with = ["5"]
`)
	p := Prepare(b.preparation(d))
	for id, want := range map[string]string{"1": "release.travels-with", "2": "release.travels-with", "3": "release.travels-with",
		"4": "release.decision.deny", "5": "shown", "6": "shown", "subject": "release.header.withheld", "title": "shown"} {
		if got := state(p, id); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
	if p.find("3").Missing != "4" || p.find("1").Missing != "2" {
		t.Error("the missing companion is not named")
	}
}

func TestWhatTheAgreementDoesNotCarryIsWithheld(t *testing.T) {
	b := newBench(t)
	for mark, want := range map[string]string{"S//REL TO NZL, JPN": "shown", "C//REL TO NZL, JPN": "shown", "R//REL TO NZL, JPN": "agreement.row",
		"U//REL TO NZL, JPN": "agreement.row", "U": "agreement.release-set", "S": "agreement.release-set", "S//NZEO": "agreement.release-set",
		"TS//REL TO NZL, JPN": "agreement.ceiling"} {
		d := b.paperDraft(t, paper{from: "NZL", overall: "TOP SECRET//NZEO", paras: []para{{"C//REL TO NZL, JPN", "A."}, {mark, "B."}}}, "")
		it := Prepare(b.preparation(d)).find("2")
		if it.Shown != (want == "shown") {
			t.Errorf("(%s) shown: %v", mark, it.Shown)
		}
		if !it.Shown && !slices.ContainsFunc(it.Decision.Findings, func(f agreement.Finding) bool { return f.Code == errs.Code(want) }) {
			t.Errorf("(%s) is not refused with %s", mark, want)
		}
	}
}

func TestAPlanRefusesWhatDoesNotFit(t *testing.T) {
	b := newBench(t)
	base := paper{from: "NZL", overall: "SECRET//NZEO", paras: []para{{"S//REL TO NZL, JPN", "Open words."},
		{"S//NZEO", "These are the very words of a secret that stays at home."}, {"R//REL TO NZL, JPN", "These words are releasable but have no row at all."}}}
	gist := func(id, of, mark, text string) string {
		return fmt.Sprintf("[[gist]]\nid = %q\nmark = %q\nplace = \"last\"\ngist_of = [%q]\nreason = \"r\"\ntext = %q\n", id, mark, of, text)
	}
	const ok = "S//REL TO NZL, JPN"
	for name, tc := range map[string]struct {
		paper  paper
		rest   string
		change func(*Preparation)
		code   errs.Code
		sev    Severity
	}{
		"nothing wrong":           {base, "", nil, "", Note},
		"sheet of other bytes":    {base, "", func(p *Preparation) { p.Report.Digest[0]++ }, "release.sheet.other", Refuse},
		"sheet of another serial": {base, "", func(p *Preparation) { p.Report.Serial = "ENT-EX-NZL-0001" }, "release.sheet.other", Refuse},
		"another recipient":       {base, "", func(p *Preparation) { p.Question.To = "AUS" }, "release.sheet.recipient", Refuse},
		"another purpose":         {base, "", func(p *Preparation) { p.Question.Purpose = "missile-launches" }, "release.sheet.purpose", Refuse},
		"refused report": {base, "", func(p *Preparation) {
			p.Findings = append(p.Findings, finding("release.portion.unmarked", Refuse, "2", 9))
		}, "release.portion.unmarked", Refuse},
		"companion that is not there":     {base, "[[travels_with]]\nportion = \"1\"\nwith = [\"9\"]\n", nil, "release.sheet.portion", Refuse},
		"companion in the header":         {base, "[[travels_with]]\nportion = \"1\"\nwith = [\"grading\"]\n", nil, "release.sheet.portion", Refuse},
		"gist of nothing":                 {base, gist("G1", "9", ok, "New."), nil, "release.sheet.portion", Refuse},
		"gist with a mark that is none":   {base, gist("G1", "2", "Q//REL TO NZL, JPN", "New."), nil, "label.mark.word", Refuse},
		"gist in the words of a secret":   {base, gist("G1", "2", ok, "Note: the very words of a secret that stays at home."), nil, "release.sheet.quotes", Refuse},
		"gist in the words of no row":     {base, gist("G1", "3", ok, "Note: words are releasable but have no row at all."), nil, "release.sheet.repeats", Note},
		"gist of what stays at home":      {base, gist("G1", "2", ok, "New."), nil, "release.gist.lifted", Note},
		"gist below its source":           {base, gist("G1", "1", "C//REL TO NZL, JPN", "New."), nil, "release.gist.lowered", Note},
		"nothing left":                    {paper{from: "NZL", overall: "SECRET//NZEO", paras: []para{{"S//NZEO", "A."}}}, gist("G1", "grading", ok, "New."), nil, "release.empty", Refuse},
		"a paragraph named by its number": {paper{from: "NZL", overall: "SECRET", paras: []para{{ok, "See paragraph 3."}}}, "", nil, "release.empty", Refuse},
	} {
		t.Run(name, func(t *testing.T) {
			in := b.preparation(b.paperDraft(t, tc.paper, tc.rest))
			if tc.change != nil {
				tc.change(&in)
			}
			p := Prepare(in)
			if (p.Refusal() != nil) != (tc.sev == Refuse) {
				t.Errorf("refusal: %v", p.Refusal())
			}
			if tc.code != "" && !slices.ContainsFunc(p.Findings, func(f Finding) bool { return f.Code == tc.code && f.Severity == tc.sev }) {
				t.Errorf("found %v, want %s", codes(p.Findings), tc.code)
			}
			if tc.sev == Refuse {
				if _, _, err := Build(p, b.meta(&draft{from: "NZL", to: "JPN"}, 1), &stream{}); err == nil {
					t.Error("a refused plan was built")
				}
				if !strings.Contains(Preview(p, nil, Rendering{Terms: b.terms, Lang: "en"}), "Nothing can be built") {
					t.Error("the preview does not say that nothing can be built")
				}
			}
		})
	}
}

// A caller that forgets the findings, or brings a report that ParseReport did not read, gets nothing out.
func TestARefusedReportStaysRefused(t *testing.T) {
	b := newBench(t)
	d := b.paperDraft(t, paper{from: "NZL", overall: "SECRET", paras: []para{{"S//REL TO NZL, JPN", "A."}}, raw: []string{"**2. Lead.** B."}}, "")
	in := b.preparation(d)
	in.Findings = nil
	wantCode(t, Prepare(in).Refusal(), "release.portion.unmarked")
	d = b.draft(t, "R04")
	in = b.preparation(d)
	in.Report = &Report{Digest: d.r.Digest, Policy: d.r.Policy, Originator: d.r.Originator, Serial: d.r.Serial, Portions: d.r.Portions}
	wantCode(t, Prepare(in).Refusal(), "release.report.structure")
}

func TestATitleThatMayNotGoStopsTheRelease(t *testing.T) {
	b := newBench(t)
	d := b.paperDraft(t, paper{from: "NZL", overall: "SECRET", paras: []para{{"S//REL TO NZL, JPN", "A."}}}, "")
	d.sh.Title.Mark = "S//NZEO"
	wantCode(t, Prepare(b.preparation(d)).Refusal(), "release.title.withheld")
}

var marks = []string{"S//REL TO NZL, JPN", "C//REL TO NZL, JPN", "R//REL TO NZL, JPN", "S//NZEO", "C//NZEO", "S", "U"}

// drawDraft makes a report with random marks and a random sheet.
func drawDraft(t *rapid.T, b *bench) *draft {
	n := rapid.IntRange(1, 9).Draw(t, "paragraphs")
	p := paper{from: "NZL", overall: "SECRET//NZEO"}
	for i := range n {
		p.paras = append(p.paras, para{rapid.SampledFrom(marks).Draw(t, "mark"), fmt.Sprintf("Text %c.", 'a'+i)})
	}
	gists := rapid.IntRange(0, 3).Draw(t, "gists")
	ids, rest := []string{}, ""
	for i := range n {
		ids = append(ids, fmt.Sprint(i+1))
	}
	for i := range gists {
		id := fmt.Sprintf("G%d", i+1)
		rest += fmt.Sprintf("[[gist]]\nid = %q\nmark = %q\nplace = %q\ngist_of = [\"1\"]\nreason = \"r\"\ntext = \"Gist %c.\"\n", id,
			rapid.SampledFrom(marks).Draw(t, "gist mark"), rapid.SampledFrom([]string{"first", "last"}).Draw(t, "place"), 'a'+i)
		ids = append(ids, id)
	}
	for _, id := range ids {
		with := rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 0, min(3, len(ids)), rapid.ID[string]).Draw(t, "with")
		with = slices.DeleteFunc(with, func(w string) bool { return w == id })
		if len(with) > 0 {
			rest += fmt.Sprintf("[[travels_with]]\nportion = %q\nwith = [\"%s\"]\n", id, strings.Join(with, `", "`))
		}
	}
	return b.paperDraft(t, p, rest)
}

func TestWhatIsShownIsAllowedAndClosedAndNoLessThanThat(t *testing.T) {
	b := newBench(t)
	rapid.Check(t, func(t *rapid.T) {
		in := b.preparation(drawDraft(t, b))
		p := Prepare(in)
		shown := func(id string) bool { return p.find(id).Shown }
		for i := range p.Items {
			it := &p.Items[i]
			if it.Kind == KindHeader && it.Shown {
				t.Fatal("a header field is shown")
			}
			if it.Shown {
				q := in.Question
				q.Label, q.Purpose = *it.Label, in.Sheet.Purpose
				if it.Decision.Outcome == agreement.Deny || in.Terms.Decide(&q) == agreement.Deny {
					t.Fatalf("%s is shown and denied", it.ID)
				}
				for _, w := range it.With {
					if !shown(w) {
						t.Fatalf("%s is shown without %s", it.ID, w)
					}
				}
			} else if it.Code == "release.travels-with" && shown(it.Missing) {
				t.Fatalf("%s is withheld for want of %s, which is shown", it.ID, it.Missing)
			} else if it.Code == "" {
				t.Fatalf("%s is withheld without reason", it.ID)
			}
		}
		if p.Refusal() != nil {
			return
		}
		v, o, err := Build(p, b.meta(&draft{from: "NZL", to: "JPN"}, 1), &stream{seed: rapid.String().Draw(t, "seed")})
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Portions)+1 != len(p.Shown()) || len(v.Manifest) != 64 {
			t.Fatal("the version does not show what was planned, or its manifest tells something")
		}
		for i := range v.Portions {
			if d := &v.Portions[i]; d.Number != uint64(i+1) || len(d.With) != len(p.Shown()[i+1].With) {
				t.Fatalf("portion %d is numbered %d with %v", i+1, d.Number, d.With)
			}
		}
		enc, err := v.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeVersion(enc)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := back.Encode()
		if !bytes.Equal(enc, again) {
			t.Fatal("two encodings of one version")
		}
		if err := o.Verify(p.Report, p.Sheet, b.set, back); err != nil {
			t.Fatal(err)
		}
	})
}

// With the same portions shown, the manifest and the size of the version are the same however much was withheld.
func TestTheVersionDoesNotTellHowMuchWasWithheld(t *testing.T) {
	b := newBench(t)
	var sizes, counts []int
	for _, withheld := range []int{0, 1, 5, 20, 40} {
		p := paper{from: "NZL", overall: "SECRET//NZEO", paras: []para{{"S//REL TO NZL, JPN", "A."}}}
		for i := range withheld {
			p.paras = append(p.paras, para{"S//NZEO", fmt.Sprintf("Withheld %d.", i)})
		}
		_, v, _ := b.build(t, b.paperDraft(t, p, ""), "x")
		enc, _ := v.Encode()
		sizes, counts = append(sizes, len(enc)), append(counts, len(v.Manifest))
	}
	for i := range sizes {
		if sizes[i] != sizes[0] || counts[i] != counts[0] {
			t.Fatalf("sizes %v, manifests %v", sizes, counts)
		}
	}
}

func TestTwoVersionsOfOneReportCannotBeCompared(t *testing.T) {
	b := newBench(t)
	d := b.draft(t, "R08")
	_, v, _ := b.build(t, d, "one")
	_, w, _ := b.build(t, d, "two")
	for _, c := range v.Manifest {
		if inManifest(w.Manifest, c) {
			t.Fatal("a commitment stands in both")
		}
	}
	if v.Release == w.Release {
		t.Fatal("one release id")
	}
}

func TestWithoutRandomnessNothingIsBuilt(t *testing.T) {
	b := newBench(t)
	d := b.draft(t, "R08")
	_, _, err := Build(Prepare(b.preparation(d)), b.meta(d, 1), strings.NewReader("too short"))
	wantCode(t, err, "release.build.random")
}
