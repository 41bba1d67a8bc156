package release

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"entente/errs"
	"entente/label"
	"entente/party"
	"entente/wire"
)

// MaxVersion is the largest encoded release version, in bytes: it fits the 64 KiB of a statement's content.
const MaxVersion = 60 << 10

// Version is a release version: the final bytes, and the only thing that leaves. It is built anew from releasable
// portions; nothing of the report's header is in it.
type Version struct {
	Version    uint64                 `cbor:"1,keyasint"` // 1
	Release    [16]byte               `cbor:"2,keyasint"` // random, made when the version is built
	Reference  string                 `cbor:"3,keyasint"` // "NZL-JPN/2026/0007": numbered per channel, unrelated to the serial
	Realm      party.Realm            `cbor:"4,keyasint"`
	From       party.Party            `cbor:"5,keyasint"`
	Authority  party.Authority        `cbor:"6,keyasint"`
	To         party.Party            `cbor:"7,keyasint"`
	Time       int64                  `cbor:"8,keyasint"`  // Unix milliseconds UTC
	Precedence string                 `cbor:"9,keyasint"`  // see Precedences
	Purpose    string                 `cbor:"10,keyasint"` // one the agreement names
	Language   string                 `cbor:"11,keyasint"` // of the texts: "en" or "ja"
	Kind       string                 `cbor:"12,keyasint"` // see Types
	Banner     label.Label            `cbor:"13,keyasint"` // join of the title and every portion
	Title      Disclosed              `cbor:"14,keyasint"` // number 0
	Portions   []Disclosed            `cbor:"15,keyasint"` // numbered from 1
	Manifest   [][sha512.Size384]byte `cbor:"16,keyasint"` // commitments to all portions, shown and withheld, and decoys; ascending
	Handling   []Handling             `cbor:"17,keyasint,omitempty"`
	Exercise   bool                   `cbor:"18,keyasint"` // equals Realm.Exercise()
}

// Disclosed is a portion that is shown.
type Disclosed struct {
	Number uint64      `cbor:"1,keyasint"` // position in this version; 0 for the title
	Label  label.Label `cbor:"2,keyasint"`
	Text   string      `cbor:"3,keyasint"`
	Salt   [32]byte    `cbor:"4,keyasint"`           // opens the commitment; fresh per recipient
	Kind   Kind        `cbor:"5,keyasint"`           // title, paragraph or gist
	With   []uint64    `cbor:"6,keyasint,omitempty"` // numbers it may not be shown without, ascending
}

// Handling is one line on how the version is to be handled, with the article that says so.
type Handling struct {
	Article string `cbor:"1,keyasint"` // "EXERCISE Art. 6"
	EN      string `cbor:"2,keyasint"`
	JA      string `cbor:"3,keyasint"`
}

func versionError(code errs.Code, subject, reason string) error {
	return &errs.Error{Kind: errs.Invalid, Code: "release.version." + code, Op: "release.version", Subject: subject, Reason: reason}
}

// committed is what a commitment covers. A nil label stands for an unmarked header field.
type committed struct {
	Label *label.Label `cbor:"1,keyasint"`
	Text  string       `cbor:"2,keyasint"`
	Kind  Kind         `cbor:"3,keyasint"`
}

// commit is SHA-384("entente/portion/1" ‖ 0 ‖ salt ‖ uint64 length ‖ CBOR{1: label, 2: text, 3: kind}).
func commit(salt [32]byte, l *label.Label, text string, kind Kind) [sha512.Size384]byte {
	b := wire.MustMarshal(committed{l, text, kind})
	h := sha512.New384()
	h.Write([]byte("entente/portion/1\x00"))
	h.Write(salt[:])
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
	h.Write(b)
	return [sha512.Size384]byte(h.Sum(nil))
}

// Commitment is the manifest entry that d opens.
func (d *Disclosed) Commitment() [sha512.Size384]byte {
	return commit(d.Salt, &d.Label, d.Text, d.Kind)
}

// ManifestDigest is SHA-384("entente/manifest/1" ‖ 0 ‖ uint64 count ‖ commitments): what the register of the
// originator and the terms of the dispatch hold.
func ManifestDigest(m [][sha512.Size384]byte) [sha512.Size384]byte {
	h := sha512.New384()
	h.Write([]byte("entente/manifest/1\x00"))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(m))))
	for i := range m {
		h.Write(m[i][:])
	}
	return [sha512.Size384]byte(h.Sum(nil))
}

// Encode returns the one encoding of v, after checking all that DecodeVersion checks.
func (v *Version) Encode() ([]byte, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	b, err := wire.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxVersion {
		return nil, versionError("size", "version", "larger than 60 KiB")
	}
	return b, nil
}

// DecodeVersion decodes and checks everything that can be checked without policies and an agreement: form, numbering,
// texts, and that every disclosed portion opens a manifest entry. Errors are of the wire room or have code
// release.version.*.
func DecodeVersion(b []byte) (*Version, error) {
	v := new(Version)
	if err := wire.Unmarshal(b, MaxVersion, v); err != nil {
		return nil, err
	}
	if err := v.check(); err != nil {
		return nil, err
	}
	return v, nil
}

// Digest is SHA-384 over the encoding of v.
func Digest(encoded []byte) [sha512.Size384]byte { return sha512.Sum384(encoded) }

func (v *Version) check() error {
	realm := v.Realm.Valid()
	for _, f := range []struct {
		name string
		ok   bool
	}{
		{"version", v.Version == 1},
		{"release", v.Release != [16]byte{}},
		{"realm", realm},
		{"exercise", realm && v.Exercise == v.Realm.Exercise()},
		{"from", v.From.Valid()},
		{"to", v.To.Valid() && v.To != v.From},
		{"authority", validAuthority(v.Authority, v.From)},
		{"time", v.Time > 0 && v.Time < 1<<43}, // before the year 2248
		{"reference", validReference(v.Reference, v.From, v.To, v.Time)},
		{"precedence", slices.Contains(Precedences, v.Precedence)},
		{"purpose", validPurpose(v.Purpose)},
		{"language", v.Language == "en" || v.Language == "ja"},
		{"kind", slices.Contains(Types, v.Kind)},
	} {
		if !f.ok {
			return versionError("field", f.name, "missing, or not a value this field can have")
		}
	}
	if len(v.Portions) == 0 || len(v.Portions) > maxParagraphs+maxGists {
		return versionError("portions", "portions", "a version shows 1 to 136 portions")
	}
	if len(v.Handling) > 16 {
		return versionError("handling", "handling", "too many lines")
	}
	for _, h := range v.Handling {
		if checkText(h.Article, 64) != "" || checkText(h.EN, 1024) != "" || checkText(h.JA, 1024) != "" {
			return versionError("handling", "handling", "a line is malformed")
		}
	}
	if err := v.checkManifest(); err != nil {
		return err
	}
	return v.checkPortions()
}

func (v *Version) checkManifest() error {
	if !manifestSize(len(v.Manifest)) {
		return versionError("manifest", "manifest", "a manifest has 64, 128 or 256 entries")
	}
	for i := 1; i < len(v.Manifest); i++ {
		if bytes.Compare(v.Manifest[i-1][:], v.Manifest[i][:]) >= 0 {
			return versionError("manifest", "manifest", "entries are not in ascending order")
		}
	}
	return nil
}

func (v *Version) checkPortions() error {
	salts := map[[32]byte]bool{{}: true}
	paragraphs := 0
	for i := -1; i < len(v.Portions); i++ {
		d, subject, max := &v.Title, "title", maxTitle
		if i >= 0 {
			d, subject, max = &v.Portions[i], "portion "+strconv.Itoa(i+1), maxText
		}
		switch {
		case d.Number != uint64(i+1):
			return versionError("number", subject, "portions are not numbered 1, 2, 3")
		case (d.Kind == KindTitle) != (i < 0) || d.Kind != KindTitle && d.Kind != KindParagraph && d.Kind != KindGist:
			return versionError("kind", subject, "not a kind that can be shown here")
		case salts[d.Salt]:
			return versionError("salt", subject, "a salt is zero or used twice")
		case d.Label.Policy != v.Banner.Policy || d.Label.Originator != v.From || v.Banner.Originator != v.From:
			return versionError("label", subject, "not a label of the sender's policy and information")
		case !slices.Contains(d.Label.Release, v.From) || !slices.Contains(d.Label.Release, v.To):
			return versionError("label", subject, "not releasable to the recipient")
		case i < 0 && len(d.With) != 0:
			return versionError("with", subject, "a title travels with everything")
		}
		if d.Kind == KindParagraph {
			paragraphs++
		}
		if code := sheetText(d.Text, max); code != "" {
			return versionError("text", subject, findingTexts[code].EN)
		}
		for j, w := range d.With {
			if w == 0 || w > uint64(len(v.Portions)) || w == d.Number || j > 0 && w <= d.With[j-1] {
				return versionError("with", subject, "names a portion that is not shown, itself, or out of order")
			}
		}
		if c := d.Commitment(); !inManifest(v.Manifest, c) {
			return &errs.Error{Kind: errs.Integrity, Code: "release.version.manifest", Op: "release.version", Subject: subject,
				Reason: "opens no entry of the manifest"}
		}
		salts[d.Salt] = true
	}
	if paragraphs == 0 {
		return versionError("portions", "portions", "shows no paragraph of the original")
	}
	return nil
}

func inManifest(m [][sha512.Size384]byte, c [sha512.Size384]byte) bool {
	_, ok := slices.BinarySearchFunc(m, c, func(a, b [sha512.Size384]byte) int { return bytes.Compare(a[:], b[:]) })
	return ok
}

func validAuthority(a party.Authority, p party.Party) bool {
	_, err := party.ParseAuthority(string(a))
	return err == nil && a.Party() == p
}

// Reference makes the reference of the n-th release from one party to another in a year.
func Reference(from, to party.Party, year, n int) string {
	return fmt.Sprintf("%s-%s/%04d/%04d", from, to, year, n)
}

func validReference(s string, from, to party.Party, ms int64) bool {
	rest, ok := strings.CutPrefix(s, string(from)+"-"+string(to)+"/")
	if !ok || len(rest) != 9 {
		return false
	}
	year, err1 := strconv.Atoi(rest[:4])
	n, err2 := strconv.Atoi(rest[5:])
	return err1 == nil && err2 == nil && year == time.UnixMilli(ms).UTC().Year() && n > 0 && s == Reference(from, to, year, n)
}
