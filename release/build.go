package release

import (
	"bytes"
	"crypto/sha512"
	"io"
	"slices"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/label"
	"entente/party"
)

// Meta is what a version needs beside the plan.
type Meta struct {
	Terms     *agreement.Compiled
	Authority party.Authority // for which the sender acts
	Reference string          // see [Reference]
	Time      time.Time
}

// Build makes the release version that a plan allows, and the high-side record of it. Release id, salts and decoys are
// drawn from random, 16 + 32 bytes per portion and decoy; they are fresh for every version, so that two recipients
// cannot compare what they hold. Nothing is stored: a version that the caller does not record was never made.
// The version is encoded and checked before it is returned. Codes: those of the plan's findings, release.build.random,
// release.build.portions, release.version.*, and those of label.Set.JoinAll.
func Build(p *Plan, m Meta, random io.Reader) (*Version, *Original, error) {
	if err := p.Refusal(); err != nil {
		return nil, nil, err
	}
	draw := func(b []byte) error {
		if _, err := io.ReadFull(random, b); err != nil {
			return &errs.Error{Kind: errs.Unavailable, Code: "release.build.random", Op: "release.build", Err: err}
		}
		return nil
	}
	size := slices.IndexFunc(manifestSizes[:], func(n int) bool { return n >= len(p.Items) })
	if size < 0 {
		return nil, nil, &errs.Error{Kind: errs.Refused, Code: "release.build.portions", Op: "release.build",
			Reason: "more portions than the largest manifest holds", Next: "split the report"}
	}
	v := &Version{Version: 1, Reference: m.Reference, Realm: m.Terms.Agreement().Realm(), From: p.From, Authority: m.Authority, To: p.To,
		Time: m.Time.UnixMilli(), Precedence: p.Sheet.Precedence, Purpose: p.Sheet.Purpose, Language: p.Sheet.Language,
		Kind: p.Sheet.Kind, Exercise: m.Terms.Agreement().Realm().Exercise()}
	o := &Original{Version: 1, To: p.To, Report: p.Report.Digest, Sheet: p.Sheet.Bytes}
	if err := draw(v.Release[:]); err != nil {
		return nil, nil, err
	}
	o.Release = v.Release
	shown := p.Shown()
	number := map[string]uint64{}
	for i, it := range shown { // the title is first
		number[it.ID] = uint64(i)
	}
	salts := map[string][32]byte{}
	for i := range p.Items {
		it := &p.Items[i]
		rec := OriginalPortion{ID: it.ID, GistOf: it.GistOf, Code: string(it.Code)}
		if err := draw(rec.Salt[:]); err != nil {
			return nil, nil, err
		}
		if it.Shown {
			rec.Shown = number[it.ID] + 1
		}
		salts[it.ID] = rec.Salt
		v.Manifest = append(v.Manifest, commit(rec.Salt, it.Label, it.Text, it.Kind))
		o.Portions = append(o.Portions, rec)
	}
	for len(v.Manifest) < manifestSizes[size] {
		var seed [32]byte
		if err := draw(seed[:]); err != nil {
			return nil, nil, err
		}
		v.Manifest = append(v.Manifest, decoy(seed))
		o.Decoys = append(o.Decoys, seed)
	}
	slices.SortFunc(v.Manifest, func(a, b [sha512.Size384]byte) int { return bytes.Compare(a[:], b[:]) })
	o.Manifest = ManifestDigest(v.Manifest)
	labels := make([]label.Label, 0, len(shown))
	for i, it := range shown {
		d := Disclosed{Number: uint64(i), Label: *it.Label, Text: it.Text, Salt: salts[it.ID], Kind: it.Kind}
		for _, w := range it.With {
			d.With = append(d.With, number[w])
		}
		slices.Sort(d.With)
		labels = append(labels, d.Label)
		if i == 0 {
			v.Title = d
		} else {
			v.Portions = append(v.Portions, d)
		}
	}
	banner, _, err := m.Terms.Policies().JoinAll(labels)
	if err != nil {
		return nil, nil, err
	}
	v.Banner = banner
	if v.Handling, err = HandlingOf(m.Terms, banner, v.To); err != nil {
		return nil, nil, err
	}
	if _, err := v.Encode(); err != nil {
		return nil, nil, err
	}
	return v, o, o.check()
}
