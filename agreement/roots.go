package agreement

import (
	"bytes"

	"entente/errs"
	"entente/party"
)

// WithRoots returns the text with the given parties' root fingerprints written into their empty root lines. Nothing else
// changes, byte for byte. Each party must be in the text, its root unset, and its fingerprint not zero; parties that are
// not given stay unset. The agreement itself does not change: parse the new text. Codes agreement.unknown,
// agreement.root.
func (a *Agreement) WithRoots(roots map[party.Party]party.Fingerprint) ([]byte, error) {
	var out bytes.Buffer
	done, written := 0, 0
	for i, p := range a.f.Party {
		fp, ok := roots[p.ID]
		if !ok {
			continue
		}
		m, stands := a.marks[at("party", i, "root")]
		if p.Root.set || !stands || fp == (party.Fingerprint{}) {
			return nil, &errs.Error{Kind: errs.Conflict, Code: "agreement.root", Op: "agreement.roots", Subject: string(p.ID),
				Reason: "the text has no empty root line for the party, or the fingerprint is empty", Next: `start from a text in which its line is root = ""`}
		}
		out.Write(a.text[written:m.from])
		out.WriteString(`"` + fp.String() + `"`)
		written = m.to
		done++
	}
	if done != len(roots) {
		return nil, &errs.Error{Kind: errs.Refused, Code: unknown, Op: "agreement.roots", Reason: "a root was given for somebody who is not a party, or for a party that stands twice"}
	}
	out.Write(a.text[written:])
	return out.Bytes(), nil
}
