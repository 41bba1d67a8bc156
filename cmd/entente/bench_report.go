package main

import (
	"crypto/rand"
	"crypto/sha512"
	"fmt"
	"strings"
	"time"

	"entente/errs"
	"entente/internal/office"
	"entente/release"
)

// Words of made-up reports: public, meaningless, and no marking.
var benchWords = strings.Fields("the vessel was seen near the line at noon and held its course for an hour before it turned to the north where a second " +
	"ship of the same class waited without lights until both moved east at slow speed")

// benchReport makes report number n with filler bytes of releasable text in four paragraphs, beside one withheld paragraph, and its
// sheet. Every report differs.
func benchReport(n, filler int) (*office.ReportReq, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# EXERCISE EXERCISE EXERCISE — markings are fictitious; content is made up\n\n"+
		"- **REPORT:** SPOTREP\n- **SERIAL:** ENT-EX-NZL-%04d\n- **FROM:** NZ Exercise Cell (notional)\n- **TO:** JPN Exercise Cell (notional)\n"+
		"- **DTG:** 080200Z DEC 25\n- **PRECEDENCE:** ROUTINE\n- **OVERALL MARKING:** SECRET//NZEO (contains portions REL TO NZL, JPN)\n"+
		"- **SUBJECT:** Report %d of a measurement\n- **SOURCE GRADING:** A2 (made up)\n- **LANGUAGE:** en\n- **EVENT REFS:**\n  - `nz-deploy-202511-p8a`\n\n---\n\n", n%10000, n)
	for p := 1; p <= 4; p++ {
		fmt.Fprintf(&b, "**%d. (%s//REL TO NZL, JPN)** Item %d: %s.\n\n", p, []string{"S", "C"}[p%2], n, benchText(n+p, filler/4))
	}
	b.WriteString("**5. (S//NZEO)** This paragraph stays at home.\n\n---\n\n**EXERCISE EXERCISE EXERCISE — markings are fictitious; content is made up**\n")
	report := b.String()
	sheet := fmt.Sprintf("format = \"entente-release-sheet/1\"\nreport = \"ENT-EX-NZL-%04d\"\ndigest = \"%x\"\nto = \"JPN\"\nkind = \"SPOTREP\"\n"+
		"precedence = \"ROUTINE\"\npurpose = \"dprk-sanctions\"\nlanguage = \"en\"\n\n[title]\nmark = \"C//REL TO NZL, JPN\"\ntext = \"Measurement %d\"\n\n"+
		"[[travels_with]]\nportion = \"4\"\nwith = [\"3\"]\n", n%10000, sha512.Sum384([]byte(report)), n)
	return &office.ReportReq{Report: []byte(report), Sheet: []byte(sheet), To: "JPN"}, nil
}

func benchText(seed, size int) string {
	var b strings.Builder
	for i := seed; b.Len() < size; i += 7 {
		b.WriteString(benchWords[i%len(benchWords)])
		b.WriteByte(' ')
	}
	return strings.TrimSpace(b.String()[:max(size, 1)])
}

// fitReport finds how much text makes a release version of about size bytes, and returns the version's exact size.
func fitReport(size int) (filler, exact int, err error) {
	terms, set, err := benchTerms()
	if err != nil {
		return 0, 0, err
	}
	q, err := benchQuestion(set, time.Now())
	if err != nil {
		return 0, 0, err
	}
	q.Draft = true
	filler = size
	for range 3 {
		req, err := benchReport(1, filler)
		if err != nil {
			return 0, 0, err
		}
		report, findings := release.ParseReport(req.Report, release.Reading{Set: set, Policy: q.Label.Policy, Originator: "NZL", Realm: "exercise:whio"})
		sheet, err := release.ParseSheet(req.Sheet)
		if err != nil {
			return 0, 0, err
		}
		plan := release.Prepare(release.Preparation{Terms: terms, Report: report, Sheet: sheet, Findings: findings, Question: *q})
		if err := plan.Refusal(); err != nil {
			return 0, 0, err
		}
		v, _, err := release.Build(plan, release.Meta{Terms: terms, Authority: "NZL/nzdf", Reference: release.Reference("NZL", "JPN", time.Now().Year(), 1), Time: time.Now()}, rand.Reader)
		if err != nil {
			return 0, 0, err
		}
		raw, err := v.Encode()
		if err != nil {
			return 0, 0, err
		}
		if exact = len(raw); exact == size {
			break
		}
		if filler += size - exact; filler < 64 {
			return 0, 0, &errs.Error{Kind: errs.Usage, Code: "bench.flags", Op: "bench.exchange", Reason: "a version with its labels and commitments is larger than that", Next: "raise --size"}
		}
	}
	return filler, exact, nil
}
