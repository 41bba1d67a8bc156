// Package wire is the one encoding profile of every signed or exchanged byte in Entente: deterministic CBOR.
//
// The profile is RFC 8949 section 4.2.1 (core deterministic encoding) narrowed further: definite lengths only, no
// tags, no floating point, no duplicate map keys, integer map keys, valid UTF-8 text, no trailing bytes, no unknown
// fields, at most 8 levels of nesting. Each value has exactly one encoding, so a digest of the bytes is a digest of
// the value.
//
// Declare wire structs with keyasint tags (`cbor:"1,keyasint"`), or toarray for small fixed tuples. Rules for change:
// a key number never moves and never changes meaning; a new field is optional (`omitempty`) and gets the next number;
// a test vector that fails means the change is wrong, not the vector.
//
// [Unmarshal] checks the size cap before it looks at a byte, decodes strictly and then encodes again and compares,
// so that no second spelling of a value is ever accepted. It never panics on hostile input and allocates at most
// a small multiple of the cap.
package wire

import (
	"bytes"

	"entente/errs"

	"github.com/fxamacker/cbor/v2"
)

var enc, dec = modes()

func modes() (cbor.EncMode, cbor.DecMode) {
	eo := cbor.CoreDetEncOptions()
	eo.TagsMd = cbor.TagsForbidden
	em, err := eo.EncMode()
	if err != nil {
		panic(err) // options are constants: a failure is a defect found by the first test
	}
	dm, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		UTF8:              cbor.UTF8RejectInvalid,
		MaxNestedLevels:   8,
		MaxArrayElements:  1 << 20,
		MaxMapPairs:       1 << 12,
		IntDec:            cbor.IntDecConvertNone,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return em, dm
}

// Marshal returns the one encoding of v.
func Marshal(v any) ([]byte, error) {
	b, err := enc.Marshal(v)
	if err != nil {
		return nil, &errs.Error{Kind: errs.Internal, Code: "wire.encode", Op: "wire.marshal", Err: err}
	}
	return b, nil
}

// MustMarshal is Marshal for values whose types are known to encode; it panics on a defect of the program.
func MustMarshal(v any) []byte {
	b, err := Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// Unmarshal decodes data, at most max bytes, into v. It fails with Kind Invalid and code wire.size, wire.malformed or
// wire.not-deterministic.
func Unmarshal(data []byte, max int, v any) error {
	if len(data) > max {
		return &errs.Error{Kind: errs.Invalid, Code: "wire.size", Op: "wire.unmarshal", Reason: "larger than the cap for its kind"}
	}
	if err := dec.Unmarshal(data, v); err != nil {
		return &errs.Error{Kind: errs.Invalid, Code: "wire.malformed", Op: "wire.unmarshal", Err: err}
	}
	again, err := enc.Marshal(v)
	if err != nil || !bytes.Equal(again, data) {
		return &errs.Error{Kind: errs.Invalid, Code: "wire.not-deterministic", Op: "wire.unmarshal",
			Reason: "not the one deterministic encoding of its value"}
	}
	return nil
}
