package release

import (
	"bytes"
	"crypto/sha512"
	"slices"

	"entente/errs"
	"entente/label"
	"entente/party"
	"entente/wire"
)

// The manifest has one of three sizes, whatever was withheld: with up to 64 portions in all, and that is every report
// of ordinary length, the size is the same for all versions.
var manifestSizes = [...]int{64, 128, 256}

func manifestSize(n int) bool { return slices.Contains(manifestSizes[:], n) }

// MaxOriginal is the largest encoded Original, in bytes.
const MaxOriginal = 64 << 10

// Original is the high-side record of one release version: which manifest entry is which. It holds salts and
// provenance but no text; with the registered report and sheet it opens every entry, and shows that nothing else is
// behind the manifest. It never leaves.
type Original struct {
	Version  uint64               `cbor:"1,keyasint"` // 1
	Release  [16]byte             `cbor:"2,keyasint"`
	To       party.Party          `cbor:"3,keyasint"`
	Report   [sha512.Size384]byte `cbor:"4,keyasint"` // digest of the registered report
	Sheet    [sha512.Size384]byte `cbor:"5,keyasint"` // digest of the registered sheet
	Portions []OriginalPortion    `cbor:"6,keyasint"` // title, header fields, paragraphs, gists
	Decoys   [][32]byte           `cbor:"7,keyasint"` // seeds of the decoys: proof that they are decoys
	Manifest [sha512.Size384]byte `cbor:"8,keyasint"` // ManifestDigest
}

// OriginalPortion is the record of one portion.
type OriginalPortion struct {
	ID     string   `cbor:"1,keyasint"`
	Salt   [32]byte `cbor:"2,keyasint"`
	Shown  uint64   `cbor:"3,keyasint,omitempty"` // number in the version + 1 (the title is 1); 0: withheld
	GistOf []string `cbor:"4,keyasint,omitempty"`
	Code   string   `cbor:"5,keyasint,omitempty"` // why it was withheld
}

// decoy is a manifest entry behind which there is nothing: a digest of a seed under a domain of its own.
func decoy(seed [32]byte) [sha512.Size384]byte {
	return sha512.Sum384(append([]byte("entente/decoy/1\x00"), seed[:]...))
}

// Encode returns the one encoding of o.
func (o *Original) Encode() ([]byte, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	return wire.Marshal(o)
}

// DecodeOriginal decodes strictly. Errors are of the wire room or have code release.original.malformed.
func DecodeOriginal(b []byte) (*Original, error) {
	o := new(Original)
	if err := wire.Unmarshal(b, MaxOriginal, o); err != nil {
		return nil, err
	}
	return o, o.check()
}

func (o *Original) check() error {
	bad := &errs.Error{Kind: errs.Invalid, Code: "release.original.malformed", Op: "release.original"}
	if o.Version != 1 || o.Release == [16]byte{} || !o.To.Valid() || !manifestSize(len(o.Portions)+len(o.Decoys)) {
		return bad
	}
	ids, salts := map[string]bool{"": true}, map[[32]byte]bool{{}: true}
	for i := range o.Portions {
		p := &o.Portions[i]
		if ids[p.ID] || salts[p.Salt] || len(p.ID) > 16 || p.Shown > uint64(len(o.Portions)) || (p.Shown == 0) != (p.Code != "") {
			return bad
		}
		ids[p.ID], salts[p.Salt] = true, true
	}
	for _, s := range o.Decoys {
		if salts[s] {
			return bad
		}
		salts[s] = true
	}
	return nil
}

func proofError(subject, reason string) error {
	return &errs.Error{Kind: errs.Integrity, Code: "release.proof", Op: "release.proof", Subject: subject, Reason: reason}
}

// VerifyPart proves that v is part of what the originator registered: registered is the manifest digest in the
// originator's register (and in the signed terms of the dispatch). Every disclosed portion must open an entry of a
// manifest with that digest. Anyone who holds v can do it; nothing withheld is needed. Code release.proof or
// release.version.*.
func VerifyPart(registered [sha512.Size384]byte, v *Version) error {
	if err := v.check(); err != nil { // includes: every disclosed portion opens an entry
		return err
	}
	if ManifestDigest(v.Manifest) != registered {
		return proofError("manifest", "not the manifest that was registered")
	}
	return nil
}

// Verify opens the whole manifest on the high side: every entry of v's manifest is a portion of this report or sheet
// or a decoy, and every portion shown is, word for word, the one recorded. Code release.proof.
func (o *Original) Verify(r *Report, sh *Sheet, set *label.Set, v *Version) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.Report != r.Digest || o.Sheet != sh.Bytes || o.Release != v.Release || o.To != v.To {
		return proofError("original", "of another report, sheet or release")
	}
	if err := VerifyPart(o.Manifest, v); err != nil {
		return err
	}
	all, err := candidates(r, sh, set)
	if err != nil {
		return err
	}
	if len(all) != len(o.Portions) {
		return proofError("original", "does not record every portion")
	}
	entries, shown := make([][sha512.Size384]byte, 0, len(v.Manifest)), 0
	for i := range all {
		p, rec := &all[i].Portion, &o.Portions[i]
		if p.ID != rec.ID || !slices.Equal(all[i].GistOf, rec.GistOf) {
			return proofError(p.ID, "recorded as another portion")
		}
		c := commit(rec.Salt, p.Label, p.Text, p.Kind)
		entries = append(entries, c)
		if rec.Shown == 0 {
			continue
		}
		shown++
		d := &v.Title
		if n := int(rec.Shown) - 1; n > len(v.Portions) {
			return proofError(p.ID, "recorded as shown, and is not")
		} else if n > 0 {
			d = &v.Portions[n-1]
		}
		if d.Commitment() != c {
			return proofError(p.ID, "shown otherwise than recorded")
		}
	}
	for _, s := range o.Decoys {
		entries = append(entries, decoy(s))
	}
	slices.SortFunc(entries, func(a, b [sha512.Size384]byte) int { return bytes.Compare(a[:], b[:]) })
	if shown != len(v.Portions)+1 || !slices.Equal(entries, v.Manifest) {
		return proofError("manifest", "holds an entry that is neither a portion nor a decoy")
	}
	return nil
}
