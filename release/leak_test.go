package release

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// shownParagraphs is what each partner may see, decided by reading the reports: written here a second time so that a
// wrong decision cannot pass by being decided wrongly twice.
var shownParagraphs = map[string]string{
	"R01": "1 2 3 5", "R02": "2 3", "R03": "5 6 7", "R04": "4 5 6", "R05": "2 3 6", "R06": "1 2 4 5",
	"R07": "1 2 3 4 5 6 8", "R08": "1 2", "R09": "2 3 5", "R10": "1 2 3 4 7", "R11": "2 3", "R12": "1 2 3 4 7",
}

func TestExactlyTheReleasableParagraphsAreShown(t *testing.T) {
	b := newBench(t)
	for _, d := range b.drafts(t) {
		var got []string
		for _, it := range Prepare(b.preparation(d)).Shown() {
			if it.Kind == KindParagraph {
				got = append(got, it.ID)
			}
		}
		if want := shownParagraphs[d.Name]; strings.Join(got, " ") != want {
			t.Errorf("%s shows %v, want %s", d.Name, got, want)
		}
	}
}

func windows(s string, n int) (out []string) {
	r := []rune(s)
	for i := 0; i+n <= len(r); i++ {
		out = append(out, string(r[i:i+n]))
	}
	return out
}

// No run of twelve characters of a withheld paragraph or of any header value stands in the bytes that leave, unless it
// also stands in a paragraph that is shown or in the agreement, or the originator wrote it anew in the sheet.
func TestNoWordsOfTheWithheldLeave(t *testing.T) {
	b := newBench(t)
	for _, d := range b.drafts(t) {
		_, v, _ := b.build(t, d, d.Name)
		enc, err := v.Encode()
		if err != nil {
			t.Fatal(err)
		}
		shown := strings.Fields(shownParagraphs[d.Name])
		allowed := d.sh.Title.Text
		for _, g := range d.sh.Gists {
			allowed += "\n" + g.Text
		}
		for _, h := range v.Handling { // the agreement's own words, known to both parties
			allowed += "\n" + h.EN + "\n" + h.JA
		}
		for _, p := range d.r.Portions {
			if slices.Contains(shown, p.ID) {
				allowed += "\n" + p.Text
			}
		}
		count := 0
		for _, p := range d.r.Portions {
			if slices.Contains(shown, p.ID) {
				continue
			}
			for _, w := range windows(p.Text, 12) {
				count++
				if bytes.Contains(enc, []byte(w)) && !strings.Contains(allowed, w) {
					t.Errorf("%s: %q of withheld %s left", d.Name, w, p.ID)
				}
			}
		}
		if count < 100 {
			t.Errorf("%s: only %d windows compared", d.Name, count)
		}
		for _, never := range []string{d.r.Serial, "ENT-EX-", d.r.Find("subject").Text, d.r.Find("from").Text, "NZEO", "JPN ONLY", "REL TO",
			"sts-", "scs-", "dr-20", "am-20", d.r.Find("dtg").Text} {
			if bytes.Contains(enc, []byte(never)) {
				t.Errorf("%s: %q left", d.Name, never)
			}
		}
	}
}

// What tells of the sheet's inner side, reasons, provenance, remarks and ids, stays at home too.
func TestTheSheetsInnerSideStaysAtHome(t *testing.T) {
	b := newBench(t)
	for _, d := range b.drafts(t) {
		_, v, _ := b.build(t, d, d.Name)
		enc, _ := v.Encode()
		out := Text(v, Rendering{Terms: b.terms, Lang: v.Language})
		inner := slices.Clone(d.sh.Remarks)
		for _, g := range d.sh.Gists {
			inner = append(inner, g.Reason)
		}
		for _, s := range inner {
			for _, w := range windows(s, 30) {
				if bytes.Contains(enc, []byte(w)) || strings.Contains(out, w) {
					t.Errorf("%s: %q left", d.Name, w)
				}
			}
		}
		for i := range v.Portions {
			if k := v.Portions[i].Kind; k != KindParagraph && k != KindGist {
				t.Errorf("%s: a %s is shown", d.Name, k)
			}
		}
	}
}
