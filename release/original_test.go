package release

import (
	"bytes"
	"slices"
	"testing"
)

func TestAVersionIsProvablyPartOfTheRegisteredOriginal(t *testing.T) {
	b := newBench(t)
	for _, d := range b.drafts(t) {
		_, v, o := b.build(t, d, d.Name)
		if err := VerifyPart(o.Manifest, v); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
		if err := o.Verify(d.r, d.sh, b.set, v); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
		if n := 1 + len(d.r.Portions) + len(d.sh.Gists); len(o.Portions) != n || len(o.Decoys) != 64-n {
			t.Errorf("%s: %d portions and %d decoys recorded, of %d", d.Name, len(o.Portions), len(o.Decoys), n)
		}
	}
}

func TestAProofOfSomethingElseFails(t *testing.T) {
	b := newBench(t)
	d := b.draft(t, "R04")
	for name, change := range map[string]func(*Report, *Sheet, *Version, *Original){
		"another registered manifest": func(_ *Report, _ *Sheet, _ *Version, o *Original) { o.Manifest[0]++ },
		"another report":              func(r *Report, _ *Sheet, _ *Version, _ *Original) { r.Digest[0]++ },
		"another sheet":               func(_ *Report, s *Sheet, _ *Version, _ *Original) { s.Bytes[0]++ },
		"withheld text altered":       func(r *Report, _ *Sheet, _ *Version, _ *Original) { r.Find("1").Text += "." },
		"header value altered":        func(r *Report, _ *Sheet, _ *Version, _ *Original) { r.Find("subject").Text += "." },
		"shown text altered":          func(_ *Report, _ *Sheet, v *Version, _ *Original) { v.Portions[0].Text += "."; rehash(v) },
		"gist altered in the sheet":   func(_ *Report, s *Sheet, _ *Version, _ *Original) { s.Gists[0].Text += "." },
		"provenance altered":          func(_ *Report, s *Sheet, _ *Version, _ *Original) { s.Gists[0].GistOf = []string{"1"} },
		"decoy with another seed":     func(_ *Report, _ *Sheet, _ *Version, o *Original) { o.Decoys[0][0]++ },
		"decoy passed off":            func(_ *Report, _ *Sheet, _ *Version, o *Original) { o.Decoys = o.Decoys[1:] },
		"shown passed off as other":   func(_ *Report, _ *Sheet, _ *Version, o *Original) { swapShown(o, "4", "5") },
		"shown passed off as withheld": func(_ *Report, _ *Sheet, _ *Version, o *Original) {
			i := slices.IndexFunc(o.Portions, func(p OriginalPortion) bool { return p.ID == "4" })
			o.Portions[i].Shown, o.Portions[i].Code = 0, "release.decision.deny"
		},
		"one portion not recorded": func(_ *Report, s *Sheet, _ *Version, _ *Original) { s.Gists = s.Gists[:1] },
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := ParseReport(d.Report.Report, b.reading(d.from))
			sh, err := ParseSheet(d.Report.Sheet)
			if err != nil {
				t.Fatal(err)
			}
			_, v, o := b.build(t, d, "R04")
			change(r, sh, v, o)
			if err := o.Verify(r, sh, b.set, v); err == nil {
				t.Error("proved")
			}
		})
	}
}

func swapShown(o *Original, a, b string) {
	i := slices.IndexFunc(o.Portions, func(p OriginalPortion) bool { return p.ID == a })
	j := slices.IndexFunc(o.Portions, func(p OriginalPortion) bool { return p.ID == b })
	o.Portions[i].Shown, o.Portions[j].Shown = o.Portions[j].Shown, o.Portions[i].Shown
}

// The record holds no text: it can be kept where the report may not be.
func TestTheRecordHoldsNoText(t *testing.T) {
	b := newBench(t)
	for _, d := range b.drafts(t) {
		_, _, o := b.build(t, d, d.Name)
		enc, err := o.Encode()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range d.r.Portions {
			for _, w := range windows(p.Text, 8) {
				if slices.Contains([]string{"subject", "events"}, p.ID) || p.Kind == KindParagraph {
					if bytes.Contains(enc, []byte(w)) {
						t.Fatalf("%s: %q", d.Name, w)
					}
				}
			}
		}
	}
}
