package statement

import (
	"crypto/sha512"
	"encoding/binary"
	"sort"

	"entente/errs"
	"entente/party"
	"entente/wire"
)

// Ref names a statement that is answered. The leaf hash binds the exact statement, so that an answer can only be made
// by somebody who had it.
type Ref struct {
	Author party.Author `cbor:"1,keyasint"`
	ID     ID           `cbor:"2,keyasint"`
	Leaf   [32]byte     `cbor:"3,keyasint"` // RFC 6962 leaf hash
}

// Seen says how much of another author's journal this author had verified: leaves 0 to Size-1 of Epoch, and every
// earlier epoch.
type Seen struct {
	_      struct{} `cbor:",toarray"`
	Author party.Author
	Epoch  uint64
	Size   uint64
}

// covers reports whether s includes leaf index of epoch.
func (s Seen) covers(epoch, index uint64) bool {
	return s.Epoch > epoch || s.Epoch == epoch && s.Size > index
}

// Kinds of proof that a person made an act. The agreement says which each act needs.
const (
	ProofNode    = "node-attested" // the node vouches for the session; no data
	ProofPasskey = "passkey"       // WebAuthn assertion over Act.ProofDigest
	ProofDevice  = "device"        // signature of an enrolled device key over Act.ProofDigest
	ProofCard    = "card"          // signature of a card over Act.ProofDigest
)

// Proof shows that the officer named in By made the act.
type Proof struct {
	Kind string `cbor:"1,keyasint"`
	Data []byte `cbor:"2,keyasint,omitempty"`
}

// By is who acts: an office and a pseudonymous officer, never a name.
type By struct {
	Authority  party.Authority `cbor:"1,keyasint"`
	Role       party.Role      `cbor:"2,keyasint"`
	Handle     party.Handle    `cbor:"3,keyasint"`           // zero for the node itself, and only for it
	Delegation string          `cbor:"4,keyasint,omitempty"` // id of the delegation acted under
	Proof      Proof           `cbor:"5,keyasint"`
}

// Rules names what the statement is judged by: the terms in force and the version of the rules that fold it.
type Rules struct {
	Terms   [48]byte `cbor:"1,keyasint"` // digest of the agreement's text
	Version string   `cbor:"2,keyasint"` // "release/1"
}

// Act is all that state may depend on.
type Act struct {
	Version uint64       `cbor:"1,keyasint"` // 1
	ID      ID           `cbor:"2,keyasint"`
	Channel [48]byte     `cbor:"3,keyasint"`
	Author  party.Author `cbor:"4,keyasint"`
	Epoch   uint64       `cbor:"5,keyasint"`
	Type    TypeName     `cbor:"6,keyasint"`
	Thread  Thread       `cbor:"7,keyasint"`
	Answers []Ref        `cbor:"8,keyasint,omitempty"` // each once; the first is the one chiefly answered
	Seen    []Seen       `cbor:"9,keyasint,omitempty"` // sorted by author, each once, never the own author
	Time    int64        `cbor:"10,keyasint"`          // the author's claim, Unix milliseconds UTC
	By      By           `cbor:"11,keyasint"`
	Rules   Rules        `cbor:"12,keyasint"`
	Terms   []byte       `cbor:"13,keyasint,omitempty"` // deterministic CBOR of the type's own terms
}

func invalid(code errs.Code, reason string) error {
	return &errs.Error{Kind: errs.Invalid, Code: code, Op: "statement.check", Reason: reason}
}

// Check says whether a is well formed. It does not say whether its author may make it: that is the agreement's and the
// fold's business. Codes: statement.act.{version,id,channel,author,type,thread,answers,seen,time,by,proof,rules}.
func (a *Act) Check() error {
	switch {
	case a.Version != Version:
		return invalid("statement.act.version", "unknown version of the act format")
	case a.ID == ID{}:
		return invalid("statement.act.id", "the statement has no id")
	case a.Channel == [48]byte{}:
		return invalid("statement.act.channel", "the channel is not set")
	case !a.Author.Valid():
		return invalid("statement.act.author", "the author is not PARTY/authority/node")
	case !a.Type.Valid():
		return invalid("statement.act.type", `the type is not "word.word/N"`)
	case a.Thread == Thread{}:
		return invalid("statement.act.thread", "the statement belongs to no thread")
	case a.Time <= 0 || a.Time > MaxTime:
		return invalid("statement.act.time", "the time is not between 1970 and 9999")
	case !rulesVersion(a.Rules.Version):
		return invalid("statement.act.rules", `the rules version is not "word/N"`)
	}
	if len(a.Answers) > MaxAnswers {
		return invalid("statement.act.answers", "more answers than an act may give")
	}
	for i, r := range a.Answers {
		if !r.Author.Valid() || r.ID == (ID{}) {
			return invalid("statement.act.answers", "an answered statement is not named")
		}
		for _, other := range a.Answers[:i] {
			if r.Leaf == other.Leaf || r.Author == other.Author && r.ID == other.ID {
				return invalid("statement.act.answers", "a statement is answered twice")
			}
		}
	}
	if err := checkSeen(a.Author, a.Seen); err != nil {
		return err
	}
	return a.By.check(a.Author)
}

func checkSeen(own party.Author, seen []Seen) error {
	if len(seen) > MaxSeen {
		return invalid("statement.act.seen", "more authors seen than a channel may have")
	}
	for i, s := range seen {
		switch {
		case !s.Author.Valid() || s.Author == own:
			return invalid("statement.act.seen", "seen names other authors only")
		case i > 0 && seen[i-1].Author >= s.Author:
			return invalid("statement.act.seen", "seen is not sorted by author, each once")
		case s.Size == 0:
			return invalid("statement.act.seen", "an author of whom nothing was seen is left out")
		}
	}
	return nil
}

func (b *By) check(author party.Author) error {
	if _, err := party.ParseAuthority(string(b.Authority)); err != nil || b.Authority.Party() != author.Party() {
		return invalid("statement.act.by", "the authority is not one of the author's party")
	}
	if !b.Role.Valid() || (b.Role == party.RoleNode) != (b.Handle == party.Handle{}) {
		return invalid("statement.act.by", "the role is unknown, or a person without handle, or a node with one")
	}
	if b.Delegation != "" && !token(b.Delegation) {
		return invalid("statement.act.by", "the delegation id is malformed")
	}
	switch b.Proof.Kind {
	case ProofNode:
		if len(b.Proof.Data) != 0 {
			return invalid("statement.act.proof", "a node's attestation has no data")
		}
	case ProofPasskey, ProofDevice, ProofCard:
		if len(b.Proof.Data) == 0 || len(b.Proof.Data) > MaxProof {
			return invalid("statement.act.proof", "a proof by key has data, within its limit")
		}
	default:
		return invalid("statement.act.proof", "unknown kind of proof")
	}
	return nil
}

// Encode checks a and returns its one encoding. Code statement.act.size if it is longer than MaxBody.
func (a *Act) Encode() ([]byte, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	return encode("statement.act", a, MaxBody)
}

// DecodeAct decodes and checks an act. Codes as Check, and statement.act.{size,malformed}.
func DecodeAct(b []byte) (*Act, error) {
	a := new(Act)
	if err := decode("statement.act", b, MaxBody, a); err != nil {
		return nil, err
	}
	if err := a.Check(); err != nil {
		return nil, err
	}
	return a, nil
}

// ProofDigest is what a person's key signs: the act without the proof's data, and the commitment to the content, so
// that neither can be exchanged after the person agreed. content is Commit(ContentCommit, salt, bytes).
func (a *Act) ProofDigest(content [48]byte) ([48]byte, error) {
	bare := *a
	bare.By.Proof.Data = nil
	b, err := wire.Marshal(&bare)
	if err != nil {
		return [48]byte{}, err
	}
	h := sha512.New384()
	h.Write([]byte("entente/proof/1\x00"))
	h.Write(content[:])
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
	h.Write(b)
	return [48]byte(h.Sum(nil)), nil
}

// Sees reports whether a's author had verified leaf index of another author's epoch.
func (a *Act) Sees(author party.Author, epoch, index uint64) bool {
	i := sort.Search(len(a.Seen), func(i int) bool { return a.Seen[i].Author >= author })
	return i < len(a.Seen) && a.Seen[i].Author == author && a.Seen[i].covers(epoch, index)
}

// encode returns the encoding of v if it is at most max bytes; code + ".size" otherwise.
func encode(code errs.Code, v any, max int) ([]byte, error) {
	b, err := wire.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(b) > max {
		return nil, &errs.Error{Kind: errs.Invalid, Code: code + ".size", Op: "statement.encode", Reason: "longer than the limit"}
	}
	return b, nil
}

// decode reads b strictly. The version is looked at before the rest, because the rest of another version is not ours
// to judge.
func decode(code errs.Code, b []byte, max int, v any) error {
	if n, ok := peekVersion(b); ok && n != Version && len(b) <= max {
		return &errs.Error{Kind: errs.Invalid, Code: code + ".version", Op: "statement.decode",
			Reason: "a version this program does not know", Next: "update this program"}
	}
	return decodeStrict(code, b, max, v)
}

func decodeStrict(code errs.Code, b []byte, max int, v any) error {
	if len(b) > max {
		return &errs.Error{Kind: errs.Invalid, Code: code + ".size", Op: "statement.decode", Reason: "longer than the limit"}
	}
	if err := wire.Unmarshal(b, max, v); err != nil {
		return &errs.Error{Kind: errs.Invalid, Code: code + ".malformed", Op: "statement.decode", Err: err}
	}
	return nil
}

// peekVersion reads key 1 of a deterministic CBOR map, which is its first entry, if it is an unsigned integer.
func peekVersion(b []byte) (uint64, bool) {
	if len(b) < 3 || b[0] < 0xa1 || b[0] > 0xb7 || b[1] != 1 {
		return 0, false
	}
	switch n := b[2]; {
	case n < 24:
		return uint64(n), true
	case n == 24 && len(b) > 3 && b[3] >= 24:
		return uint64(b[3]), true
	}
	return 0, false
}
