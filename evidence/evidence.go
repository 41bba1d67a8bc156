// Package evidence is what one party can show to a third: a file that proves, offline and without keys, that an author
// said something under an agreement, that the partner cosigned it, and that the partner says it holds it.
//
// # Use
//
// Fill a [File] and [File.Encode] it; give the bytes to anybody; [Decode] and [File.Verify] there. Whether acts and
// contents are included is the exporter's choice: without them the file proves that something was said, witnessed
// and held, and not what.
//
// # What is proved, and what is not
//
// Each finding says one thing that was checked. Proved are signatures, commitments, inclusion, cosignature and receipt,
// down from the root keys whose fingerprints both parties embedded in the agreement. Not proved are the author's
// clock (bounded only by the cosignature's), the truth of a report, the legal effect of the agreement, and that an
// officer rather than the node acted where the proof kind is node-attested. [Report.NotShown] says so every time.
//
// The file is deterministic CBOR (package wire); its format is doc/formats/evidence.md. Nothing is fetched and no clock is read.
package evidence

import (
	"entente/errs"
	"entente/party"
	"entente/seal"
	"entente/wire"
)

// MaxFile caps an evidence file, in bytes; MaxItems the statements in one.
const (
	MaxFile  = 64 << 20
	MaxItems = 4096
)

// File is the evidence.
type File struct {
	Version   uint64      `cbor:"1,keyasint"` // 1
	Realm     party.Realm `cbor:"2,keyasint"`
	Channel   [48]byte    `cbor:"3,keyasint"`
	Agreement []byte      `cbor:"4,keyasint"` // the package both parties signed
	Keys      []Keys      `cbor:"5,keyasint"` // one for each reader of the channel, in order of author
	Items     []Item      `cbor:"6,keyasint"`
}

// Keys are an author's keys as its root introduced them.
type Keys struct {
	Root      seal.PublicKey `cbor:"1,keyasint"`
	Statement seal.Signed    `cbor:"2,keyasint"`
}

// Item is one statement.
type Item struct {
	Origin  string        `cbor:"1,keyasint"`
	Leaf    []byte        `cbor:"2,keyasint"`
	Proof   []byte        `cbor:"3,keyasint"`           // C2SP tlog-proof with the partner's cosignature
	Held    []seal.Signed `cbor:"4,keyasint,omitempty"` // receipts that cover it
	Act     *Opened       `cbor:"5,keyasint,omitempty"`
	Content *Opened       `cbor:"6,keyasint,omitempty"`
}

// Opened is a body with the salt of its commitment.
type Opened struct {
	Salt  [32]byte `cbor:"1,keyasint"`
	Bytes []byte   `cbor:"2,keyasint"`
}

// Encode checks sizes and returns the file.
func (f *File) Encode() ([]byte, error) {
	b, err := wire.Marshal(f)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxFile || len(f.Items) > MaxItems {
		return nil, &errs.Error{Kind: errs.Invalid, Code: "evidence.size", Op: "evidence.encode", Next: "export fewer statements at a time"}
	}
	return b, nil
}

// Decode reads a file strictly. It verifies nothing: call Verify. Codes wire.* and evidence.malformed.
func Decode(b []byte) (*File, error) {
	f := new(File)
	if err := wire.Unmarshal(b, MaxFile, f); err != nil {
		return nil, err
	}
	if f.Version != 1 || len(f.Items) == 0 || len(f.Items) > MaxItems || len(f.Keys) == 0 || len(f.Keys) > MaxItems || !f.Realm.Valid() {
		return nil, &errs.Error{Kind: errs.Invalid, Code: "evidence.malformed", Op: "evidence.decode"}
	}
	return f, nil
}
