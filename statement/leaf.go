package statement

import (
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"

	"entente/errs"
)

// Leaf is what the journal keeps of a statement for ever: commitments and roots, nothing readable. The salts are in
// the bodies, so that nobody can test a guess of the content against a leaf.
type Leaf struct {
	Version uint64     `cbor:"1,keyasint"` // 1
	Act     [48]byte   `cbor:"2,keyasint"` // Commit(ActCommit, salt, act)
	Content [48]byte   `cbor:"3,keyasint"` // Commit(ContentCommit, salt, content)
	Objects [][48]byte `cbor:"4,keyasint,omitempty"`
}

// Check says whether l is well formed. Codes: statement.leaf.{version,commitment,objects}.
func (l *Leaf) Check() error {
	switch {
	case l.Version != Version:
		return invalid("statement.leaf.version", "unknown version of the leaf format")
	case l.Act == [48]byte{} || l.Content == [48]byte{} || l.Act == l.Content:
		return invalid("statement.leaf.commitment", "a commitment is missing or used twice")
	case len(l.Objects) > MaxObjects:
		return invalid("statement.leaf.objects", "more objects than a statement may carry")
	}
	for i, r := range l.Objects {
		if r == [48]byte{} {
			return invalid("statement.leaf.objects", "an object has no root")
		}
		for _, other := range l.Objects[:i] {
			if r == other {
				return invalid("statement.leaf.objects", "an object is named twice")
			}
		}
	}
	return nil
}

// Encode checks l and returns its one encoding, the bytes that the journal hashes.
func (l *Leaf) Encode() ([]byte, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	return encode("statement.leaf", l, MaxLeaf)
}

// DecodeLeaf decodes and checks a leaf. Codes as Check, and statement.leaf.{size,malformed}.
func DecodeLeaf(b []byte) (Leaf, error) {
	var l Leaf
	if err := decode("statement.leaf", b, MaxLeaf, &l); err != nil {
		return Leaf{}, err
	}
	if err := l.Check(); err != nil {
		return Leaf{}, err
	}
	return l, nil
}

// CommitKind separates the two commitments of a leaf, so that an act can never be shown as a content.
type CommitKind uint8

// The two kinds.
const (
	ActCommit     CommitKind = 1
	ContentCommit CommitKind = 2
)

// commitDomain is the first input of each commitment.
var commitDomain = [...]string{ActCommit: "entente/commit/act/1\x00", ContentCommit: "entente/commit/content/1\x00"}

// Commit returns SHA-384(domain ‖ salt ‖ length as 8 bytes big endian ‖ bytes). It hides b as long as salt, 32 random
// bytes used once, is not known, and binds b as long as SHA-384 is collision resistant.
func Commit(kind CommitKind, salt [32]byte, b []byte) [48]byte {
	h := sha512.New384()
	var head [64]byte
	n := copy(head[:], commitDomain[kind])
	n += copy(head[n:], salt[:])
	h.Write(binary.BigEndian.AppendUint64(head[:n], uint64(len(b))))
	h.Write(b)
	var sum [48]byte
	h.Sum(sum[:0])
	return sum
}

// Body is an encoded act or content with the salt of its commitment. It travels beside the leaf and is stored
// encrypted; who destroys it destroys the salt too.
type Body struct {
	Salt  [32]byte
	Bytes []byte
}

// Make encodes a statement: the leaf for the journal and the bodies that travel beside it. Salts come from the
// caller's random source and are never used again; a zero or repeated salt is refused with code statement.salt.
// Nothing is stored: what is not committed by the caller was never said.
func Make(act *Act, content *Content, saltAct, saltContent [32]byte) (leaf []byte, actBody, contentBody Body, err error) {
	if saltAct == saltContent || saltAct == [32]byte{} || saltContent == [32]byte{} {
		return nil, Body{}, Body{}, &errs.Error{Kind: errs.Internal, Code: "statement.salt", Op: "statement.make",
			Reason: "salts are not random"}
	}
	actBody.Salt, contentBody.Salt = saltAct, saltContent
	if actBody.Bytes, err = act.Encode(); err != nil {
		return nil, Body{}, Body{}, err
	}
	if contentBody.Bytes, err = content.Encode(); err != nil {
		return nil, Body{}, Body{}, err
	}
	l := Leaf{Version: Version, Act: Commit(ActCommit, saltAct, actBody.Bytes),
		Content: Commit(ContentCommit, saltContent, contentBody.Bytes)}
	for i := range content.Objects {
		l.Objects = append(l.Objects, content.Objects[i].Root)
	}
	if leaf, err = l.Encode(); err != nil {
		return nil, Body{}, Body{}, err
	}
	return leaf, actBody, contentBody, nil
}

func mismatch(code errs.Code, reason string) error {
	return &errs.Error{Kind: errs.Integrity, Code: code, Op: "statement.match", Reason: reason}
}

// OpenAct returns the act that l commits to. Codes: statement.commitment.act if b is not what the author committed to,
// and those of DecodeAct if it is, but is not a well-formed act.
func OpenAct(l *Leaf, b Body) (*Act, error) {
	if c := Commit(ActCommit, b.Salt, b.Bytes); subtle.ConstantTimeCompare(c[:], l.Act[:]) != 1 {
		return nil, mismatch("statement.commitment.act", "the act is not the one committed to")
	}
	return DecodeAct(b.Bytes)
}

// OpenContent returns the content that l commits to. Codes: statement.commitment.content if b is not what the author
// committed to, statement.commitment.objects if its objects are not those of the leaf, and those of DecodeContent.
func OpenContent(l *Leaf, b Body) (*Content, error) {
	if c := Commit(ContentCommit, b.Salt, b.Bytes); subtle.ConstantTimeCompare(c[:], l.Content[:]) != 1 {
		return nil, mismatch("statement.commitment.content", "the content is not the one committed to")
	}
	c, err := DecodeContent(b.Bytes)
	if err != nil {
		return nil, err
	}
	same := len(c.Objects) == len(l.Objects)
	for i := 0; same && i < len(l.Objects); i++ {
		same = c.Objects[i].Root == l.Objects[i]
	}
	if !same {
		return nil, mismatch("statement.commitment.objects", "the objects are not those of the leaf")
	}
	return c, nil
}

// Match says whether both bodies are those that l commits to and are well formed. Codes as OpenAct and OpenContent.
func Match(l Leaf, act, content Body) error {
	if _, err := OpenAct(&l, act); err != nil {
		return err
	}
	_, err := OpenContent(&l, content)
	return err
}
