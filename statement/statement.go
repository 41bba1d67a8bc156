// Package statement is the vocabulary in which authors of a channel speak to each other: what a statement says (its
// act), what it carries (its content), what the journal keeps of it for ever (its leaf), and in what order readers
// take the statements of several authors.
//
// # Use
//
// An author fills an [Act] and a [Content], draws two random 32-byte salts and calls [Make]: it returns the leaf for
// the journal and the two bodies that travel beside it. A reader decodes the leaf with [DecodeLeaf], opens the bodies
// against it with [OpenAct] and [OpenContent], and gives the statements it holds to [Order] before it folds them into
// state. Terms of an act's type are deterministic CBOR of a struct that has a Check method: [EncodeTerms] and
// [DecodeTerms].
//
// # What is promised
//
// Every value has one encoding (package wire), every decoder is strict, checks its size cap first and never panics.
// A leaf tells nothing of what was said: it holds salted commitments. A body that opens against its leaf is the body
// its author committed to. [Order] is a pure function of the set it is given: the order of arrival, duplicates and the
// side that computes it make no difference, and it never favours a party.
//
// Types and versions this binary does not know are well formed all the same ([Known] tells): such a statement is kept
// and witnessed, and its thread waits. The package does no I/O; randomness and time are arguments.
//
// The format is doc/formats/statement.md, with vectors in vectors/statement.
package statement

import (
	"encoding/hex"

	"entente/errs"
	"entente/party"
)

// ID names a statement: 16 random bytes made at draft, unique per author. The same id with other bytes is an error.
type ID [16]byte

// Thread names one matter (a release, a request, an incident): 16 random bytes made by whoever opens it.
type Thread [16]byte

// String returns id in lower-case hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// String returns t in lower-case hexadecimal.
func (t Thread) String() string { return hex.EncodeToString(t[:]) }

// ParseID reads the form that String writes. Errors have code statement.id.
func ParseID(s string) (id ID, err error) { return parse16(s) }

// ParseThread reads the form that String writes. Errors have code statement.id.
func ParseThread(s string) (t Thread, err error) { return parse16(s) }

func parse16(s string) (v [16]byte, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(v) || hex.EncodeToString(b) != s {
		return v, &errs.Error{Kind: errs.Invalid, Code: "statement.id", Op: "statement.parse",
			Reason: "a statement or thread id is 32 lower-case hexadecimal digits"}
	}
	return [16]byte(b), nil
}

// Statement is a statement as a reader holds it: where it stands in its author's journal, and what of it is opened.
// Act.Author and Act.Epoch say which journal.
type Statement struct {
	Index    uint64   // leaf number in the journal, from 0
	LeafHash [32]byte // RFC 6962 leaf hash, SHA-256(0x00 ‖ leaf)
	Act      *Act     // nil if not held: such a statement takes no part in any order
	Content  *Content // nil if not held, withdrawn or destroyed: state never depends on it
}

// Violation is a rule that a statement breaks. The statement is kept and shown to both sides, and not obeyed.
type Violation struct {
	Author party.Author `cbor:"1,keyasint" json:"author"`
	Epoch  uint64       `cbor:"2,keyasint" json:"epoch"`
	Index  uint64       `cbor:"3,keyasint" json:"index"`
	Thread Thread       `cbor:"4,keyasint" json:"-"` // zero when the act could not be opened
	Code   errs.Code    `cbor:"5,keyasint" json:"code"`
	Reason string       `cbor:"6,keyasint" json:"reason"` // one sentence, no content
}

// violation reports that s breaks the rule named by code.
func violation(s *Statement, code errs.Code, reason string) Violation {
	return Violation{Author: s.Act.Author, Epoch: s.Act.Epoch, Index: s.Index, Thread: s.Act.Thread, Code: code, Reason: reason}
}
