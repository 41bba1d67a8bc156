package release

import (
	"crypto/sha512"
	"slices"

	"entente/errs"
	"entente/label"
	"entente/statement"
)

// DispatchTerms are the terms of a release.dispatch/1 act: what the recipient, and anybody who later checks, can hold
// the sender to without seeing a word of the version.
type DispatchTerms struct {
	Release    [16]byte             `cbor:"1,keyasint"`
	Digest     [sha512.Size384]byte `cbor:"2,keyasint"`  // SHA-384 of the encoded version
	Banner     label.Label          `cbor:"3,keyasint"`  //
	Purpose    string               `cbor:"4,keyasint"`  //
	Precedence string               `cbor:"5,keyasint"`  //
	Copies     uint64               `cbor:"6,keyasint"`  // 1 to 999
	Manifest   [sha512.Size384]byte `cbor:"7,keyasint"`  // ManifestDigest
	Guard      [sha512.Size384]byte `cbor:"8,keyasint"`  // digest of the guard's verdict; zero until the guard has cleared
	Decision   [sha512.Size384]byte `cbor:"9,keyasint"`  // Approval.Decision: what was decided, on what ground
	Size       uint64               `cbor:"10,keyasint"` // bytes of the encoded version
	Portions   uint64               `cbor:"11,keyasint"` // portions shown, without the title
}

const maxCopies = 999

// Check says whether t is well formed, so that DispatchTerms are statement.Terms. Code release.dispatch.terms.
func (t *DispatchTerms) Check() error {
	zero := [sha512.Size384]byte{}
	if t.Release == [16]byte{} || t.Digest == zero || t.Manifest == zero || t.Decision == zero || t.Copies == 0 || t.Copies > maxCopies ||
		t.Size == 0 || t.Size > MaxVersion || t.Portions == 0 || t.Portions > maxParagraphs+maxGists ||
		!slices.Contains(Precedences, t.Precedence) || !validPurpose(t.Purpose) || t.Banner.Policy == "" || len(t.Banner.Release) == 0 {
		return &errs.Error{Kind: errs.Invalid, Code: "release.dispatch.terms", Op: "release.dispatch", Reason: "a term is missing or out of bounds"}
	}
	return nil
}

// Encode returns the one encoding of t, for Act.Terms.
func (t *DispatchTerms) Encode() ([]byte, error) { return statement.EncodeTerms(t) }

// DecodeDispatchTerms decodes strictly and checks.
func DecodeDispatchTerms(b []byte) (*DispatchTerms, error) {
	t := new(DispatchTerms)
	if err := statement.DecodeTerms(b, t); err != nil {
		return nil, err
	}
	return t, nil
}

// Terms makes the terms of a dispatch of v. Guard and Decision are the caller's to fill.
func (v *Version) Terms(copies uint64) (*DispatchTerms, error) {
	b, err := v.Encode()
	if err != nil {
		return nil, err
	}
	return &DispatchTerms{Release: v.Release, Digest: Digest(b), Banner: v.Banner, Purpose: v.Purpose, Precedence: v.Precedence,
		Copies: copies, Manifest: ManifestDigest(v.Manifest), Size: uint64(len(b)), Portions: uint64(len(v.Portions))}, nil
}
