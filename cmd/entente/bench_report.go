package main

import (
	"crypto/rand"
	"crypto/sha512"
	"fmt"
	"strings"
	"time"

	"entente/internal/office"
	"entente/release"
)

// Words of made-up reports: public, meaningless, and no marking.
var benchWords = strings.Fields("the vessel was seen near the line at noon and held its course for an hour before it turned to the north where a second " +
	"ship of the same class waited without lights until both moved east at slow speed")

// minReport is the least size of a report: its header and its marks, with a few words in each paragraph.
const minReport = 1200

// benchReport makes report number n of size bytes as drafted, four paragraphs of it releasable and one not, and its sheet. Every
// report differs.
func benchReport(n, size int) *office.ReportReq {
	report := benchDraft(n, 0)
	report = benchDraft(n, max(size-len(report), 0))
	sheet := fmt.Sprintf("format = \"entente-release-sheet/1\"\nreport = \"ENT-EX-NZL-%04d\"\ndigest = \"%x\"\nto = \"JPN\"\nkind = \"SPOTREP\"\n"+
		"precedence = \"ROUTINE\"\npurpose = \"dprk-sanctions\"\nlanguage = \"en\"\n\n[title]\nmark = \"C//REL TO NZL, JPN\"\ntext = \"Measurement %d\"\n\n"+
		"[[travels_with]]\nportion = \"4\"\nwith = [\"3\"]\n", n%10000, sha512.Sum384([]byte(report)), n)
	return &office.ReportReq{Report: []byte(report), Sheet: []byte(sheet), To: "JPN"}
}

// benchDraft is the text of a report with filler bytes beside what every one has.
func benchDraft(n, filler int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# EXERCISE EXERCISE EXERCISE — markings are fictitious; content is made up\n\n"+
		"- **REPORT:** SPOTREP\n- **SERIAL:** ENT-EX-NZL-%04d\n- **FROM:** NZ Exercise Cell (notional)\n- **TO:** JPN Exercise Cell (notional)\n"+
		"- **DTG:** 080200Z DEC 25\n- **PRECEDENCE:** ROUTINE\n- **OVERALL MARKING:** SECRET//NZEO (contains portions REL TO NZL, JPN)\n"+
		"- **SUBJECT:** Report %d of a measurement\n- **SOURCE GRADING:** A2 (made up)\n- **LANGUAGE:** en\n- **EVENT REFS:**\n  - `nz-deploy-202511-p8a`\n\n---\n\n", n%10000, n)
	for p := range 4 {
		fmt.Fprintf(&b, "**%d. (%s//REL TO NZL, JPN)** Item %d: %s.\n\n", p+1, []string{"C", "S"}[p%2], n, benchText(n+p, (filler+p)/4))
	}
	b.WriteString("**5. (S//NZEO)** This paragraph stays at home.\n\n---\n\n**EXERCISE EXERCISE EXERCISE — markings are fictitious; content is made up**\n")
	return b.String()
}

// benchText is size bytes of words.
func benchText(seed, size int) string {
	var b strings.Builder
	for i := seed; b.Len() < size; i += 7 {
		b.WriteString(benchWords[i%len(benchWords)])
		b.WriteByte(' ')
	}
	return b.String()[:max(size-1, 0)] + "x"
}

// benchVersion returns the size of the release version that a report of the given size becomes.
func benchVersion(size int) (int, error) {
	terms, set, err := benchTerms()
	if err != nil {
		return 0, err
	}
	q, err := benchQuestion(set, time.Now())
	if err != nil {
		return 0, err
	}
	q.Draft = true
	req := benchReport(1, size)
	report, findings := release.ParseReport(req.Report, release.Reading{Set: set, Policy: q.Label.Policy, Originator: "NZL", Realm: "exercise:whio"})
	sheet, err := release.ParseSheet(req.Sheet)
	if err != nil {
		return 0, err
	}
	plan := release.Prepare(release.Preparation{Terms: terms, Report: report, Sheet: sheet, Findings: findings, Question: *q})
	if err := plan.Refusal(); err != nil {
		return 0, err
	}
	v, _, err := release.Build(plan, release.Meta{Terms: terms, Authority: "NZL/nzdf", Reference: release.Reference("NZL", "JPN", time.Now().Year(), 1), Time: time.Now()}, rand.Reader)
	if err != nil {
		return 0, err
	}
	raw, err := v.Encode()
	return len(raw), err
}
