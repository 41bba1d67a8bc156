package release

import (
	"bytes"
	"fmt"
	"testing"
)

// The golden files were read line by line against report and sheet: nothing withheld shows, no caveat of what is shown
// is lost, titles and banners are made anew. Read them again before accepting a change.
func TestTheTwelveReportsAsThePartnerSeesThem(t *testing.T) {
	b := newBench(t)
	var digests bytes.Buffer
	for _, d := range b.drafts(t) {
		t.Run(d.Name, func(t *testing.T) {
			p, v, _ := b.build(t, d, d.Name)
			for _, lang := range []string{"en", "ja"} {
				r := Rendering{Terms: b.terms, Lang: lang}
				golden(t, d.Name+"."+lang+".txt", []byte(Text(v, r)))
				if d.Name == "R02" || d.Name == "R10" {
					golden(t, d.Name+".preview."+lang+".txt", []byte(Preview(p, v, r)))
				}
			}
			enc, err := v.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if d.Name == "R08" { // one whole vector, for readers in other languages
				golden(t, "R08.cbor", enc)
			}
			fmt.Fprintf(&digests, "%s %d %x\n", d.Name, len(enc), Digest(enc))
		})
	}
	golden(t, "digests.txt", digests.Bytes())
}
