package guard

import (
	"bytes"
	"crypto/sha512"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"entente/errs"
)

func TestSoundVersionPasses(t *testing.T) {
	d := sound()
	act, version := d.bytes()
	c, err := d.tables(t).Check(act, version, d.want)
	if err != nil {
		t.Fatal(err)
	}
	// Written out, because acts carry its digest: a change of this text is a change of the format.
	tables, blank := d.tables(t).Digest(), c.TermsDigest()
	want := fmt.Sprintf("entente-guard-verdict/1\ntables %x\nterms %x\nversion %x\nmeans network\npass read\npass intent\npass digest\npass match\npass force\n"+
		"pass decision\npass form\npass numbers\npass labels\npass rows\npass banner\npass manifest\npass handling\npass text\n", tables, blank, sha512.Sum384(version))
	if c.Verdict() != want {
		t.Errorf("the verdict is\n%s, want\n%s", c.Verdict(), want)
	}
	if blank != sha512.Sum384(act) {
		t.Error("with the guard's field all zero, the digest of the terms is that of their bytes")
	}
	if c.Digest() != sha512.Sum384(version) || c.VerdictDigest() != sha512.Sum384([]byte(c.Verdict())) || !c.At().Equal(now) || c.Opaque() {
		t.Error("the clearance does not carry what was judged")
	}
}

// The verdict goes into the act and the act is what leaves: both must be found again from the bytes alone.
func TestVerdictIsFoundAgain(t *testing.T) {
	d := sound()
	act, version := d.bytes()
	c, err := d.tables(t).Check(act, version, d.want)
	if err != nil {
		t.Fatal(err)
	}
	if code := errs.CodeOf(c.Covers(act, version)); code != "guard.verdict" {
		t.Errorf("an act without its verdict: code %q", code)
	}
	sum := c.VerdictDigest()
	d.a[8] = sum[:]
	final := enc(d.a)
	if err := c.Covers(final, version); err != nil {
		t.Error(err)
	}
	later := d.want
	later.At = now.Add(90 * time.Minute)
	again, err := d.tables(t).Check(final, version, later)
	if err != nil {
		t.Fatal(err)
	}
	if again.VerdictDigest() != sum || again.TermsDigest() != c.TermsDigest() {
		t.Error("the same bytes gave another verdict at another time")
	}
	d.a[8] = salt48(1)
	if _, err := d.tables(t).Check(enc(d.a), version, d.want); errs.CodeOf(err) != "guard.verdict" {
		t.Errorf("a verdict of somebody else: %v", err)
	}
	d.a[8], d.a[6] = sum[:], 2
	if code := errs.CodeOf(c.Covers(enc(d.a), version)); code != "guard.terms" {
		t.Errorf("two copies instead of one: code %q", code)
	}
	if code := errs.CodeOf(c.Covers(final, append(bytes.Clone(version), 0))); code != "guard.digest" {
		t.Errorf("other bytes: code %q", code)
	}
}

// Each row spoils one thing; everything that depends on it is computed anew, so that only the named check can notice.
var tampering = []struct {
	name  string
	code  errs.Code
	spoil func(*dispatch)
}{
	{"sender is no party", "guard.party", func(d *dispatch) { d.want.From = "AUS" }},
	{"receiver is no party", "guard.party", func(d *dispatch) { d.want.To = "AUS" }},
	{"to itself", "guard.party", func(d *dispatch) { d.want.To, d.v[7] = "NZL", "NZL" }},
	{"version says another receiver", "guard.party", func(d *dispatch) { d.v[7] = "AUS" }},
	{"version says another sender", "guard.party", func(d *dispatch) { d.v[5] = "JPN" }},
	{"node of another realm", "guard.realm", func(d *dispatch) { d.want.Realm = "live" }},
	{"node and version of another realm", "guard.realm", func(d *dispatch) { d.want.Realm, d.v[4] = "exercise:tui", "exercise:tui" }},
	{"version of another realm", "guard.realm", func(d *dispatch) { d.v[4] = "exercise:tui" }},
	{"does not say exercise", "guard.exercise", func(d *dispatch) { d.v[18] = false }},
	{"purpose not in scope", "guard.purpose", func(d *dispatch) { d.want.Purpose, d.v[10], d.a[4] = "trade", "trade", "trade" }},
	{"version for another purpose", "guard.purpose", func(d *dispatch) { d.v[10] = "dprk-sanctions" }},
	{"terms for another purpose", "guard.purpose", func(d *dispatch) { d.a[4] = "dprk-sanctions" }},
	{"means not agreed", "guard.means", func(d *dispatch) { d.want.Means = "fax" }},
	{"no time given", "guard.time", func(d *dispatch) { d.want.At = time.Time{} }},
	{"version without a time", "guard.time", func(d *dispatch) { d.v[8] = 0 }},
	{"version from the future", "guard.time", func(d *dispatch) { d.v[8] = int(now.UnixMilli()) + 1 }},
	{"size differs", "guard.size", func(d *dispatch) { d.a[10] = 1 }},
	{"digest differs", "guard.digest", func(d *dispatch) { d.a[2] = salt48(1) }},
	{"portion count differs", "guard.portions", func(d *dispatch) { d.a[11] = 3 }},
	{"nothing of the original", "guard.portions", func(d *dispatch) { d.portions[0][5] = "gist" }},
	{"manifest digest differs", "guard.manifest.digest", func(d *dispatch) { d.a[7] = salt48(1) }},
	{"another release in the version", "guard.release", func(d *dispatch) { d.v[2] = bytes.Repeat([]byte{8}, 16) }},
	{"another release in the terms", "guard.release", func(d *dispatch) { d.a[1] = bytes.Repeat([]byte{8}, 16) }},
	{"release of zeros", "guard.release", func(d *dispatch) {
		d.want.Release, d.v[2], d.a[1] = [16]byte{}, make([]byte, 16), make([]byte, 16)
	}},
	{"precedence differs", "guard.precedence", func(d *dispatch) { d.a[5] = "FLASH" }},
	{"precedence unknown", "guard.precedence", func(d *dispatch) { d.v[9], d.a[5] = "URGENT", "URGENT" }},
	{"more copies", "guard.copies", func(d *dispatch) { d.a[6] = 2 }},
	{"a thousand copies", "guard.copies", func(d *dispatch) { d.a[6], d.want.Copies = 1000, 1000 }},
	{"no copies", "guard.copies", func(d *dispatch) { d.a[6], d.want.Copies = 0, 0 }},
	{"not yet in force", "guard.in-force", func(d *dispatch) { d.want.At = time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC); d.v[8] = 1 }},
	{"no longer in force", "guard.in-force", func(d *dispatch) { d.want.At = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) }},
	{"no evidence of entry into force", "guard.in-force", edit(`"EXERCISE notes"`, `" "`)},
	{"no start date", "guard.in-force", edit(`in_force_from = "2026-01-01T00:00:00Z"`, `in_force_from = ""`)},
	{"no end date", "guard.in-force", edit(`until = "2027-01-01T00:00:00Z"`, `until = ""`)},
	{"root unset", "guard.root", edit(strings.Repeat("cd", 48), "")},
	{"root of the other unset", "guard.root", edit(strings.Repeat("ab", 48), "")},
	{"root of zeros", "guard.root", edit(strings.Repeat("cd", 48), strings.Repeat("00", 48))},
	{"dispatch not in the closed list", "guard.statement", edit(`"release.dispatch/1"`, `"custody.receipt/1"`)},
	{"authority of the other side", "guard.author", func(d *dispatch) { d.v[6] = "JPN/jmod" }},
	{"authority nobody named", "guard.author", func(d *dispatch) { d.v[6] = "NZL/mfat" }},
	{"authority that is a prefix", "guard.author", func(d *dispatch) { d.v[6] = "NZL/nzd" }},
	{"author lapsed", "guard.author", func(d *dispatch) { d.want.At = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC) }},
	{"nobody decided", "guard.decision", func(d *dispatch) { d.a[9] = make([]byte, 48) }},
	{"format version unknown", "guard.version.unknown", func(d *dispatch) { d.v[1] = 2 }},
	{"reference of another channel", "guard.reference", func(d *dispatch) { d.v[3] = "NZL-AUS/2026/0007" }},
	{"reference that tells the serial", "guard.reference", func(d *dispatch) { d.v[3] = "ENT-EX-NZL-0009" }},
	{"reference of another year", "guard.reference", func(d *dispatch) { d.v[3] = "NZL-JPN/2025/0007" }},
	{"reference with a digit more", "guard.reference", func(d *dispatch) { d.v[3] = "NZL-JPN/2026/00071" }},
	{"reference numbered 0", "guard.reference", func(d *dispatch) { d.v[3] = "NZL-JPN/2026/0000" }},
	{"kind of report unknown", "guard.kind", func(d *dispatch) { d.v[12] = "SIGINT" }},
	{"language unknown", "guard.language", func(d *dispatch) { d.v[11] = "fr" }},
	{"numbering with a gap", "guard.number", func(d *dispatch) { d.portions[1][1], d.portions[0][6] = 3, []any{2} }},
	{"title numbered", "guard.number", func(d *dispatch) { d.title[1] = 1 }},
	{"header field as a portion", "guard.portion.kind", func(d *dispatch) { d.portions[1][5] = "header" }},
	{"title is a paragraph", "guard.portion.kind", func(d *dispatch) { d.title[5] = "paragraph" }},
	{"title travels with something", "guard.portion.kind", func(d *dispatch) { d.title[6] = []any{1} }},
	{"travels with the title", "guard.with", func(d *dispatch) { d.portions[0][6] = []any{0} }},
	{"travels with one portion twice", "guard.with", func(d *dispatch) { d.portions[0][6] = []any{2, 2} }},
	{"travels with nothing shown", "guard.with", func(d *dispatch) { d.portions[0][6] = []any{3} }},
	{"travels with itself", "guard.with", func(d *dispatch) { d.portions[0][6] = []any{1} }},
	{"label of another policy", "guard.label.policy", label(0, 1, jpnOID)},
	{"level unknown", "guard.label.level", label(0, 2, "nzl.x")},
	{"level obsolete", "guard.label.obsolete", label(0, 2, "nzl.old")},
	{"information of a third party", "guard.label.originator", label(0, 5, "AUS")},
	{"release set unsorted", "guard.label.order", label(0, 4, []any{"NZL", "JPN"})},
	{"designation repeated", "guard.label.order", label(1, 3, []any{"nzl.accountable", "nzl.accountable"})},
	{"release set without the receiver", "guard.label.release", label(0, 4, []any{"AUS", "NZL"})},
	{"release set without the sender", "guard.label.release", label(0, 4, []any{"AUS", "JPN"})},
	{"release set with a word", "guard.label.release", label(0, 4, []any{"FVEY", "JPN", "NZL"})},
	{"release set empty", "guard.version.malformed", label(0, 4, []any{})},
	{"empty list of designations", "guard.version.malformed", label(0, 3, []any{})},
	{"designation unknown", "guard.label.designation", label(1, 3, []any{"nzl.x"})},
	{"designation without a marking", "guard.label.designation", label(1, 3, []any{"nzl.compartment"})},
	{"release list as a designation", "guard.label.designation", label(1, 3, []any{"nzl.relto"})},
	{"national only", "guard.label.national-only", label(1, 3, []any{"nzl.nzeo"})},
	{"designation at the wrong level", "guard.label.contradiction", label(1, 3, []any{"nzl.accountable", "nzl.needs"})},
	{"designation without its companion", "guard.label.contradiction", label(0, 3, []any{"nzl.needs"})},
	{"designations that exclude each other", "guard.label.contradiction", label(0, 3, []any{"nzl.accountable", "nzl.embargo", "nzl.needs"})},
	{"implied designation missing", "guard.label.implied", label(0, 2, "nzl.ts")},
	{"designation implied by another missing", "guard.label.implied", label(0, 3, []any{"nzl.brings"})},
	{"designation without a caveat row", "guard.label.caveat", label(0, 3, []any{"nzl.narrow"})},
	{"informative designation that the agreement refuses", "guard.label.caveat", func(d *dispatch) {
		edit(`"nzl.nzeo"`, `"nzl.embargo"`)(d)
		label(0, 3, []any{"nzl.embargo"})(d)
	}},
	{"designation the agreement refuses", "guard.label.caveat", edit(`"carry"`, `"refuse"`)},
	{"no row for the level", "guard.row", label(1, 2, "nzl.r")},
	{"no row for the title's level", "guard.row", func(d *dispatch) { d.title[2] = nzLabel("nzl.u") }},
	{"row without a target", "guard.row", edit(`["jpn.hi"]`, `[]`)},
	{"above the ceiling", "guard.ceiling", edit(`level = "nzl.s"`+"\n"+`article = 5`, `level = "nzl.c"`+"\n"+`article = 5`)},
	{"not ordered with the ceiling", "guard.ceiling", label(1, 2, "nzl.sen")},
	{"no ceiling in this direction", "guard.ceiling", edit("[[ceiling]]\nfrom = \"NZL\"\nto = \"JPN\"\nlevel = \"nzl.s\"", "[[ceiling]]\nfrom = \"JPN\"\nto = \"NZL\"\nlevel = \"jpn.hi\"")},
	{"banner too low", "guard.banner", func(d *dispatch) {
		d.v[13], d.a[3] = nzLabel("nzl.c", "nzl.accountable"), nzLabel("nzl.c", "nzl.accountable")
	}},
	{"banner lacks a designation", "guard.banner", func(d *dispatch) { d.v[13], d.a[3] = nzLabel("nzl.s"), nzLabel("nzl.s") }},
	{"banner releases further", "guard.banner", func(d *dispatch) {
		wide := nzLabel("nzl.s", "nzl.accountable")
		wide[4] = []any{"AUS", "JPN", "NZL"}
		d.v[13], d.a[3] = wide, wide
	}},
	{"banner in the terms differs", "guard.banner", func(d *dispatch) { d.a[3] = nzLabel("nzl.c", "nzl.accountable") }},
	{"manifest of a telling size", "guard.manifest.size", func(d *dispatch) { d.decoys = 5 }},
	{"manifest with a duplicate", "guard.manifest.order", func(d *dispatch) {
		d.bytes()
		d.v[16].([]any)[5] = d.v[16].([]any)[4]
		d.reset()
	}},
	{"portion outside the manifest", "guard.manifest.member", func(d *dispatch) {
		d.bytes()
		d.reset()
		d.portions[0][3] = "Something else."
	}},
	{"title outside the manifest", "guard.manifest.member", func(d *dispatch) {
		d.bytes()
		d.reset()
		d.title[2] = nzLabel("nzl.s")
	}},
	{"salt of zeros", "guard.salt", func(d *dispatch) { d.portions[0][4] = salt(0) }},
	{"salt used twice", "guard.salt", func(d *dispatch) { d.portions[0][4] = salt(1) }},
	{"handling text that is not the agreement's", "guard.handling", func(d *dispatch) { d.v[17].([]any)[1].(m)[2] = "Anything." }},
	{"handling text under another article", "guard.handling", func(d *dispatch) { d.v[17].([]any)[1].(m)[1] = "Art. 6" }},
	{"handling text twice", "guard.handling", func(d *dispatch) { d.v[17] = append(d.v[17].([]any), d.v[17].([]any)[1]) }},
	{"duty of a designation missing", "guard.handling", func(d *dispatch) { delete(d.v, 17) }},
	{"empty text", "guard.text.form", text("")},
	{"text between spaces", "guard.text.form", text(" Text.")},
	{"long title", "guard.text.form", func(d *dispatch) { d.title[3] = strings.Repeat("x", 513) }},
	{"line break", "guard.text.character", text("One.\nTwo.")},
	{"bidirectional override", "guard.text.character", text("One \u202etwo")},
	{"zero-width space", "guard.text.character", text("NZ\u200bEO")},
	{"combining mark", "guard.text.character", text("N\u0338ZEO")},
	{"no-break space", "guard.text.character", text("JPN\u00a0ONLY")},
	{"Cyrillic letters in a Latin word", "guard.text.character", text("NZЕO")},
	{"mathematical letters", "guard.text.character", text("𝐍𝐙𝐄𝐎")},
	{"replacement character", "guard.text.character", text("One \ufffd two")},
	{"circled secret", "guard.text.character", text("㊙ 報告")},
	{"radical for a letter", "guard.text.character", text("国内限り⼈")},
	{"NZEO", "guard.text.national-only", text("This part is nzeo.")},
	{"NZEO full-width", "guard.text.national-only", text("本項はNZEOとする。")},
	{"spelt out", "guard.text.national-only", text("New Zealand eyes-only matter.")},
	{"JPN ONLY", "guard.text.national-only", text("This is JPN_ONLY.")},
	{"国内限り", "guard.text.national-only", text("国内限りとする。")},
	{"国内限り with a katakana letter and a space", "guard.text.national-only", text("国内 限リとする。")},
	{"word of a policy file", "guard.text.national-only", text("For the Kauri Party.")},
	{"Japanese word of a policy file", "guard.text.national-only", text("カウリ限定である。")},
	{"a department's own mark", "guard.text.national-only", text("Held at MFAT USE ONLY desks.")},
	{"EVENT REFS", "guard.text.header", text("See event refs above.")},
	{"参照事象", "guard.text.header", text("参照事象のとおり。")},
	{"OVERALL MARKING", "guard.text.header", text("The overall  marking is high.")},
	{"全体区分", "guard.text.header", text("全体区分は極秘。")},
	{"SOURCE GRADING as a header", "guard.text.header", text("SOURCE GRADING: B2")},
	{"header line", "guard.text.header", text("- **件名 / SUBJECT:** x")},
	{"release list of the original", "guard.text.header", text("It was (S//REL TO NZL, JPN).")},
	{"mark at the start", "guard.text.mark", text("(S) It was.")},
	{"Japanese mark at the start", "guard.text.mark", text("1. (極秘//提供可) 概要。")},
	{"word in the title", "guard.text.national-only", func(d *dispatch) { d.title[3] = "Tankers (NZEO)" }},
	{"terms with an unknown field", "guard.terms.malformed", func(d *dispatch) { d.a[12] = 1 }},
	{"terms with a field missing", "guard.terms.malformed", func(d *dispatch) { d.bytes(); delete(d.a, 9); d.v = m{} }},
	{"version with an unknown field", "guard.version.malformed", func(d *dispatch) { d.v[19] = 1 }},
	{"unlabelled portion", "guard.version.malformed", func(d *dispatch) { delete(d.portions[0], 2) }},
	{"unlabelled title", "guard.version.malformed", func(d *dispatch) { delete(d.title, 2) }},
	{"too large", "guard.version.malformed", func(d *dispatch) {
		for i := range 5 {
			d.portions = append(d.portions, m{1: i + 3, 2: nzLabel("nzl.c"), 3: strings.Repeat("x ", 7000), 4: salt(byte(i + 50)), 5: "gist"})
		}
		d.a[10] = 60 << 10
	}},
}

func edit(old, new string) func(*dispatch) {
	return func(d *dispatch) {
		if !strings.Contains(d.agreement, old) {
			panic("the fixture has no " + old)
		}
		d.agreement = strings.Replace(d.agreement, old, new, 1)
	}
}

func label(portion int, key uint64, v any) func(*dispatch) {
	return func(d *dispatch) { d.portions[portion][2].(m)[key] = v }
}

func text(s string) func(*dispatch) { return func(d *dispatch) { d.portions[1][3] = s } }

// reset forgets what depends on the version's bytes, but keeps the manifest.
func (d *dispatch) reset() {
	for _, k := range []uint64{2, 7, 10, 11} {
		delete(d.a, k)
	}
	delete(d.v, 14)
	delete(d.v, 15)
}

func TestEveryTamperingIsRefusedByItsCheck(t *testing.T) {
	for _, tc := range tampering {
		t.Run(tc.name, func(t *testing.T) {
			d := sound()
			tc.spoil(d)
			var act, version []byte
			if len(d.v) == 0 {
				act = enc(d.a)
			} else {
				act, version = d.bytes()
			}
			c, err := d.tables(t).Check(act, version, d.want)
			if c != nil || errs.CodeOf(err) != tc.code {
				t.Fatalf("cleared %v, error %v, want %s", c != nil, err, tc.code)
			}
			var e *errs.Error
			if errors.As(err, &e); e.Kind == errs.Internal || e.Subject == "" || e.Reason == "" || e.Kind == errs.Refused && (e.Rule == "" || e.Next == "") {
				t.Errorf("the refusal does not say what, why, by which rule and what next: %+v", e)
			}
			for _, s := range []string{"NZEO", "nzl", "Tanker", "Four", "国"} {
				if strings.Contains(err.Error(), s) {
					t.Errorf("the error quotes content: %v", err)
				}
			}
		})
	}
}

// Every code that the sources can return must be in one of the tables of this package's tests.
func TestEveryCodeIsTested(t *testing.T) {
	tested := map[string]bool{}
	tests, _ := filepath.Glob("*_test.go")
	sources, _ := filepath.Glob("*.go")
	code := regexp.MustCompile(`"(guard\.[a-z.-]+)"`)
	ops := []string{"guard.check", "guard.read", "guard.opaque"}
	for _, f := range tests {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range code.FindAllStringSubmatch(string(b), -1) {
			tested[m[1]] = true
		}
	}
	for _, f := range sources {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range code.FindAllStringSubmatch(string(b), -1) {
			if !tested[m[1]] && !slices.Contains(ops, m[1]) {
				t.Errorf("%s returns %s, which no test provokes", f, m[1])
			}
		}
	}
}
