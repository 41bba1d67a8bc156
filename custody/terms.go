package custody

import (
	"strings"

	"entente/errs"
	"entente/label"
	"entente/party"
	"entente/statement"
)

// Consignment is the list that comes with a dispatch: the terms of release.dispatch/1 as the receiving side reads them.
// It is declared here once more, key by key, because a receiver must be able to read a list without the room that writes
// one.
type Consignment struct {
	Release    [16]byte    `cbor:"1,keyasint"`
	Digest     [48]byte    `cbor:"2,keyasint"`  // SHA-384 of the version's bytes
	Banner     label.Label `cbor:"3,keyasint"`  // the originator's label of the whole
	Purpose    string      `cbor:"4,keyasint"`  //
	Precedence string      `cbor:"5,keyasint"`  //
	Copies     uint64      `cbor:"6,keyasint"`  // 1 to 999
	Manifest   [48]byte    `cbor:"7,keyasint"`  //
	Guard      [48]byte    `cbor:"8,keyasint"`  //
	Decision   [48]byte    `cbor:"9,keyasint"`  //
	Size       uint64      `cbor:"10,keyasint"` // bytes of the version
	Portions   uint64      `cbor:"11,keyasint"` // portions shown, without the title
}

// ReceiptTerms are the terms of custody.receipt/1: a registry officer has taken the item in charge.
type ReceiptTerms struct {
	Release    [16]byte    `cbor:"1,keyasint"`
	Dispatch   [48]byte    `cbor:"2,keyasint"`  // digest of the version that was dispatched
	Control    string      `cbor:"3,keyasint"`  // the receiver's control number
	Copy       uint64      `cbor:"4,keyasint"`  // copy n …
	Of         uint64      `cbor:"5,keyasint"`  // … of m
	Own        label.Label `cbor:"6,keyasint"`  // own marking, beside the original
	Originator party.Party `cbor:"7,keyasint"`  // whose name stands on it
	Received   int64       `cbor:"8,keyasint"`  // Unix milliseconds UTC
	Registered int64       `cbor:"9,keyasint"`  // Unix milliseconds UTC
	Intact     bool        `cbor:"10,keyasint"` // contents matched the list
}

// IncidentTerms are the terms of custody.incident/1: something arrived that must not have, or not so.
type IncidentTerms struct {
	Release [16]byte `cbor:"1,keyasint"` // zero if it could not be told
	Code    string   `cbor:"2,keyasint"` // what it is, a code of package errs
	Digest  [48]byte `cbor:"3,keyasint"` // of what arrived
	At      int64    `cbor:"4,keyasint"` // Unix milliseconds UTC
}

const maxCopies = 999

func badTerms(code errs.Code, reason string) error {
	return &errs.Error{Kind: errs.Invalid, Code: code, Op: "custody.terms", Reason: reason}
}

// Check says whether the list is complete. Code custody.terms.dispatch.
func (s *Consignment) Check() error {
	zero := [48]byte{}
	if s.Release == [16]byte{} || s.Digest == zero || s.Manifest == zero || s.Decision == zero || s.Copies == 0 || s.Copies > maxCopies ||
		s.Size == 0 || s.Size > statement.MaxBody || s.Portions == 0 || s.Purpose == "" || s.Banner.Policy == "" || len(s.Banner.Release) == 0 {
		return badTerms("custody.terms.dispatch", "the list is incomplete")
	}
	return nil
}

// Check says whether t is well formed; whether it is right, [CheckReceipt] says. Code custody.terms.receipt.
func (t *ReceiptTerms) Check() error {
	owner, _, _, _, ok := parseControl(t.Control)
	switch {
	case t.Release == [16]byte{} || t.Dispatch == [48]byte{}:
		return badTerms("custody.terms.receipt", "it does not say what was received")
	case !ok || t.Copy == 0 || t.Copy > t.Of || t.Of > maxCopies:
		return badTerms("custody.terms.receipt", "control number or copy number is malformed")
	case !t.Originator.Valid() || t.Own.Originator != t.Originator || t.Own.Policy == "" || t.Own.Level == "" || len(t.Own.Release) == 0 || t.Originator == owner:
		return badTerms("custody.terms.receipt", "own marking or the originator's name is missing")
	case t.Received <= 0 || t.Received > t.Registered || t.Registered > statement.MaxTime:
		return badTerms("custody.terms.receipt", "it was registered before it was received, or at no time")
	}
	return nil
}

// Check says whether t is well formed. Code custody.terms.incident.
func (t *IncidentTerms) Check() error {
	if t.Code == "" || len(t.Code) > statement.MaxName || strings.Trim(t.Code, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || t.At <= 0 || t.At > statement.MaxTime {
		return badTerms("custody.terms.incident", "code or time is malformed")
	}
	return nil
}

// Encode returns the one encoding of t, for Act.Terms.
func (t *ReceiptTerms) Encode() ([]byte, error) { return statement.EncodeTerms(t) }

// Encode returns the one encoding of t, for Act.Terms.
func (t *IncidentTerms) Encode() ([]byte, error) { return statement.EncodeTerms(t) }

// DecodeConsignment decodes the terms of a dispatch, strictly, and checks them.
func DecodeConsignment(b []byte) (*Consignment, error) {
	s := new(Consignment)
	if err := statement.DecodeTerms(b, s); err != nil {
		return nil, err
	}
	return s, nil
}

// DecodeReceipt decodes the terms of a receipt, strictly, and checks them.
func DecodeReceipt(b []byte) (*ReceiptTerms, error) {
	t := new(ReceiptTerms)
	if err := statement.DecodeTerms(b, t); err != nil {
		return nil, err
	}
	return t, nil
}

// DecodeIncident decodes the terms of an incident, strictly, and checks them.
func DecodeIncident(b []byte) (*IncidentTerms, error) {
	t := new(IncidentTerms)
	if err := statement.DecodeTerms(b, t); err != nil {
		return nil, err
	}
	return t, nil
}
