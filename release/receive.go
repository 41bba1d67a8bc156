package release

import (
	"slices"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/label"
	"entente/party"
)

// Receiving is what CheckReceived holds a version against.
type Receiving struct {
	Terms  *agreement.Compiled
	Author party.Author // who dispatched it, from the act
	Reader party.Author // the own node
	Means  party.Means  // how it came
	At     time.Time    // when it is judged
}

func received(kind errs.Kind, code errs.Code, subject, reason string) error {
	return &errs.Error{Kind: kind, Code: "release.received." + code, Op: "release.receive", Subject: subject, Reason: reason}
}

// CheckReceived checks, on the receiving side, everything about a version that can be checked without the sender: it is
// the one that was dispatched, between these parties in this realm, every portion may be given to the recipient under the
// agreement, the banner is the join of what is shown, and the handling lines are the agreement's own. Whether the
// sender's officer held a delegation is asked of agreement.Compiled.Delegated, with the delegation the sender published.
// Errors have code release.version.* or release.received.*, or are the agreement's refusal of the first portion.
func CheckReceived(v *Version, t *DispatchTerms, in Receiving) error {
	b, err := v.Encode()
	if err != nil {
		return err
	}
	if err := t.Check(); err != nil {
		return err
	}
	return checkReceived(v, b, t, in)
}

// ReadReceived decodes what arrived and checks it as CheckReceived does, each thing once: the encoding that is decoded
// is the only one there is. What could be decoded is returned beside the error.
func ReadReceived(version, terms []byte, in Receiving) (*Version, *DispatchTerms, error) {
	v, err := DecodeVersion(version)
	if err != nil {
		return nil, nil, err
	}
	t, err := DecodeDispatchTerms(terms)
	if err != nil {
		return v, nil, err
	}
	return v, t, checkReceived(v, version, t, in)
}

// checkReceived checks what Encode and DispatchTerms.Check, or decoding, do not.
func checkReceived(v *Version, b []byte, t *DispatchTerms, in Receiving) error {
	switch {
	case t.Size != uint64(len(b)) || t.Digest != Digest(b):
		return received(errs.Integrity, "digest", "version", "not the bytes that were dispatched")
	case t.Release != v.Release:
		return received(errs.Integrity, "release", "version", "of another release than the dispatch says")
	case t.Manifest != ManifestDigest(v.Manifest):
		return received(errs.Integrity, "manifest", "version", "another manifest than the dispatch says")
	case !t.Banner.Equal(&v.Banner):
		return received(errs.Integrity, "banner", "terms", "another banner than the dispatch says")
	case t.Purpose != v.Purpose || t.Precedence != v.Precedence || t.Portions != uint64(len(v.Portions)):
		return received(errs.Integrity, "terms", "terms", "another purpose, precedence or number of portions than the dispatch says")
	case v.Realm != in.Terms.Agreement().Realm():
		return received(errs.Refused, "realm", "version", "of another realm than the agreement")
	case v.From != in.Author.Party() || v.To != in.Reader.Party():
		return received(errs.Refused, "party", "version", "not from the party that dispatched it to this one")
	}
	labels := []label.Label{v.Title.Label}
	for i := range v.Portions {
		labels = append(labels, v.Portions[i].Label)
	}
	banner, _, err := in.Terms.Policies().JoinAll(labels)
	if err != nil {
		return err
	}
	if !banner.Equal(&v.Banner) {
		return received(errs.Refused, "banner", "banner", "not the join of what is shown")
	}
	for _, l := range labels {
		// As a draft: who decided at the sender's is asked of the delegation, which this question does not hold.
		q := &agreement.Question{From: v.From, To: v.To, Author: in.Author, Reader: in.Reader, Label: l, Purpose: v.Purpose,
			Means: in.Means, At: in.At, Draft: true}
		if in.Terms.Decide(q) == agreement.Deny {
			return in.Terms.Explain(q).Refusal()
		}
	}
	want, err := HandlingOf(in.Terms, v.Banner, v.To)
	if err != nil {
		return err
	}
	if !slices.Equal(want, v.Handling) {
		return received(errs.Refused, "handling", "handling", "not the agreement's own texts")
	}
	return nil
}
