package journal

import (
	"bytes"
	"crypto/sha512"

	"entente/errs"
	"entente/seal"
	"entente/wire"
)

// MaxEquivocation is the largest evidence, in bytes, that DecodeEquivocation reads.
const MaxEquivocation = 2*MaxNote + 4<<10

// Equivocation is transferable evidence that an author signed two heads of one journal that contradict. Anybody with
// the author's public key can check it, from these bytes alone. Both observers of the same two notes make the same
// evidence: A has the smaller size, or at equal sizes the smaller root.
//
// At equal sizes the two roots are the contradiction. Otherwise Other is the root that the tree of B has at A's size
// and Path proves it; the contradiction is that A has another.
type Equivocation struct {
	A, B  []byte // signed notes
	Other Hash   // zero at equal sizes
	Path  []Hash // consistency proof from (A's size, Other) to B; may be empty
}

type wireEquivocation struct {
	Version uint64 `cbor:"1,keyasint"` // 1
	A       []byte `cbor:"2,keyasint"`
	B       []byte `cbor:"3,keyasint"`
	Other   []byte `cbor:"4,keyasint,omitempty"`
	Path    []Hash `cbor:"5,keyasint,omitempty"`
}

// NewEquivocation makes evidence of two notes of the same size. It verifies no signature. Code
// journal.equivocation.none when they do not contradict.
func NewEquivocation(a, b []byte) (*Equivocation, error) {
	ca, cb, err := heads(a, b)
	if err != nil {
		return nil, err
	}
	if ca.Size != cb.Size {
		return nil, none("the sizes differ: only the leaves can show a contradiction")
	}
	if bytes.Compare(ca.Root[:], cb.Root[:]) > 0 {
		a, b = b, a
	}
	return (&Equivocation{A: bytes.Clone(a), B: bytes.Clone(b)}).checked()
}

// Equivocation makes evidence of two notes, of which the larger commits to leaves of t and the smaller contradicts
// them. It verifies no signature. Codes journal.equivocation.none when the notes do not contradict or the larger is not
// of this tree, and journal.size when it is beyond it.
func (t *Tree) Equivocation(a, b []byte) (*Equivocation, error) {
	ca, cb, err := heads(a, b)
	if err != nil {
		return nil, err
	}
	if ca.Size == cb.Size {
		return NewEquivocation(a, b)
	}
	if ca.Size > cb.Size {
		a, b, ca, cb = b, a, cb, ca
	}
	e := &Equivocation{A: bytes.Clone(a), B: bytes.Clone(b)}
	if e.Other, err = t.RootAt(ca.Size); err != nil {
		return nil, err
	}
	if e.Path, err = t.ProveConsistency(ca.Size, cb.Size); err != nil {
		return nil, err
	}
	return e.checked()
}

func heads(a, b []byte) (ca, cb Checkpoint, err error) {
	for _, h := range []struct {
		note []byte
		c    *Checkpoint
	}{{a, &ca}, {b, &cb}} {
		text, _, ok := splitNote(h.note, 2)
		if !ok || len(h.note) > MaxNote {
			return ca, cb, invalid("journal.equivocation.malformed", "journal.equivocation", "not a signed checkpoint")
		}
		if *h.c, err = ParseCheckpoint(text); err != nil {
			return ca, cb, err
		}
	}
	if ca.Origin != cb.Origin {
		return ca, cb, none("the notes are of different journals")
	}
	return ca, cb, nil
}

func none(reason string) error {
	return &errs.Error{Kind: errs.Integrity, Code: "journal.equivocation.none", Op: "journal.equivocation", Reason: reason}
}

// check reports whether the two notes contradict, if both are signed.
func (e *Equivocation) check() error {
	a, b, err := heads(e.A, e.B)
	if err != nil {
		return err
	}
	if a.Size == b.Size {
		if c := bytes.Compare(a.Root[:], b.Root[:]); c == 0 || e.Other != (Hash{}) || len(e.Path) != 0 {
			return none("two notes of one size and root, or a proof where none is needed")
		} else if c > 0 {
			return invalid("journal.equivocation.malformed", "journal.equivocation", "the notes are not in order")
		}
		return nil
	}
	if a.Size > b.Size {
		return invalid("journal.equivocation.malformed", "journal.equivocation", "the notes are not in order")
	}
	if a.Root == e.Other {
		return none("the smaller head is a prefix of the larger")
	}
	if err := VerifyConsistency(a.Size, e.Other, b.Size, b.Root, e.Path); err != nil {
		return &errs.Error{Kind: errs.Integrity, Code: "journal.equivocation.none", Op: "journal.equivocation",
			Reason: "the larger head is not shown to have another root at the smaller size", Err: err}
	}
	return nil
}

func (e *Equivocation) checked() (*Equivocation, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	return e, nil
}

// Checkpoints returns the two heads. They are claims until Verify returned nil.
func (e *Equivocation) Checkpoints() (a, b Checkpoint, err error) { return heads(e.A, e.B) }

// Verify checks that the notes contradict and that both lines of both verify under pub, the author's key. The caller
// checks that the origin, from Checkpoints, is the one the key belongs to. Codes journal.equivocation.*,
// journal.checkpoint.*.
func (e *Equivocation) Verify(pub seal.PublicKey, suite seal.Suite) error {
	return e.VerifyKeys(pub, pub, suite)
}

// VerifyKeys is Verify for an author that changed its key between the two notes.
func (e *Equivocation) VerifyKeys(pubA, pubB seal.PublicKey, suite seal.Suite) error {
	if err := e.check(); err != nil {
		return err
	}
	a, _, err := e.Checkpoints()
	if err != nil {
		return err
	}
	if _, err := Open(e.A, a.Origin, pubA, suite); err != nil {
		return err
	}
	_, err = Open(e.B, a.Origin, pubB, suite)
	return err
}

// Encode returns the deterministic CBOR of e. Codes as Verify's, without signatures.
func (e *Equivocation) Encode() ([]byte, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	w := wireEquivocation{Version: 1, A: e.A, B: e.B, Path: e.Path}
	if e.Other != (Hash{}) {
		w.Other = e.Other[:]
	}
	return wire.Marshal(w)
}

// DecodeEquivocation reads what Encode writes and checks that the notes contradict; Verify checks the signatures.
// Codes journal.equivocation.malformed, .none.
func DecodeEquivocation(b []byte) (*Equivocation, error) {
	var w wireEquivocation
	if err := wire.Unmarshal(b, MaxEquivocation, &w); err != nil {
		return nil, &errs.Error{Kind: errs.Invalid, Code: "journal.equivocation.malformed", Op: "journal.decode-equivocation", Err: err}
	}
	e := &Equivocation{A: w.A, B: w.B, Path: w.Path}
	if w.Version != 1 || len(w.Other) != 0 && len(w.Other) != hashSize || len(w.Path) > MaxPath {
		return nil, invalid("journal.equivocation.malformed", "journal.decode-equivocation", "unknown version, or a field of the wrong size")
	}
	copy(e.Other[:], w.Other)
	if again, err := e.Encode(); err != nil || !bytes.Equal(again, b) {
		if err == nil {
			err = invalid("journal.equivocation.malformed", "journal.decode-equivocation", "not the one encoding of this evidence")
		}
		return nil, err
	}
	return e, nil
}

// Digest identifies the evidence: SHA-384 of its encoding. What lifts a freeze names it. Codes as Encode's.
func (e *Equivocation) Digest() ([48]byte, error) {
	b, err := e.Encode()
	if err != nil {
		return [48]byte{}, err
	}
	return sha512.Sum384(b), nil
}
