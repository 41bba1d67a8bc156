package journal

import (
	"bytes"
	"strconv"
	"strings"

	"entente/errs"
	"entente/seal"
)

// MaxNote is the largest signed checkpoint, in bytes, that Open reads. With both lines it has about 6.8 KiB.
const MaxNote = 8 << 10

// Checkpoint is the head of a journal: its first Size leaves have this Root.
type Checkpoint struct {
	Origin Origin
	Size   int64
	Root   Hash
}

// Text returns the three lines of C2SP tlog-checkpoint: origin, size, root. There are never extension lines: one of
// the cosignature forms would not cover them.
func (c Checkpoint) Text() []byte {
	return []byte(c.Origin.String() + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + encode64(c.Root[:]) + "\n")
}

// Check reports a checkpoint that cannot be: an invalid origin, a negative size, or no leaves and another root than
// [EmptyRoot]. Code journal.checkpoint.malformed.
func (c Checkpoint) Check() error {
	if err := c.Origin.Check(); err != nil {
		return &errs.Error{Kind: errs.Invalid, Code: "journal.checkpoint.malformed", Op: "journal.check", Err: err}
	}
	if c.Size < 0 || c.Size == 0 && c.Root != EmptyRoot() {
		return invalid("journal.checkpoint.malformed", "journal.check", "the size is negative, or zero with the root of a tree that has leaves")
	}
	return nil
}

// ParseCheckpoint reads exactly what Text writes: three lines, no leading zeros, no extension lines. It verifies no
// signature. Code journal.checkpoint.malformed.
func ParseCheckpoint(text []byte) (Checkpoint, error) {
	malformed := func(reason string, err error) (Checkpoint, error) {
		return Checkpoint{}, &errs.Error{Kind: errs.Invalid, Code: "journal.checkpoint.malformed", Op: "journal.parse-checkpoint", Reason: reason, Err: err}
	}
	if len(text) > MaxNote {
		return malformed("larger than a checkpoint can be", nil)
	}
	part := strings.Split(string(text), "\n")
	if len(part) != 4 || part[3] != "" {
		return malformed("a checkpoint has three lines: origin, size and root", nil)
	}
	var c Checkpoint
	var err error
	if c.Origin, err = ParseOrigin(part[0]); err != nil {
		return malformed("", err)
	}
	size, ok := parseDecimal(part[1])
	root, ok2 := decodeHash(part[2])
	if !ok || !ok2 {
		return malformed("the size is not a decimal number, or the root not 32 bytes in base64", nil)
	}
	c.Size, c.Root = size, root
	if err := c.Check(); err != nil {
		return Checkpoint{}, err
	}
	return c, nil
}

// parseDecimal reads a number from 0 to 2^63-1 without sign or leading zeros.
func parseDecimal(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == s
}

// Sign returns the signed note of c: its text, an empty line, an Ed25519 line that any reader of C2SP notes verifies,
// and an ML-DSA-87 line of ours over the same text, both named by the origin. Sign only a head whose leaves are
// committed, and store the note before it leaves: two signed heads that contradict can never be taken back.
func Sign(k Signer, suite seal.Suite, c Checkpoint) ([]byte, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	pub, text, name := k.Public(), c.Text(), c.Origin.String()
	ed, mldsa, err := signBoth(k, suite, contextCheckpoint, text, text)
	if err != nil {
		return nil, err
	}
	note := appendLine(append(bytes.Clone(text), '\n'), name, typeEd25519, pub.Ed25519, ed)
	return appendLine(note, name, typeMLDSA, pub.MLDSA87, mldsa), nil
}

// Open reads a signed checkpoint of the journal want. The note must have exactly the two lines that Sign writes, in
// that order, and both must verify under pub: one line stripped is a downgrade, one added is something nobody signed.
// Codes journal.checkpoint.malformed, .origin (another journal), .ed25519 and .mldsa (that line is missing, made by
// another key, or does not verify).
func Open(note []byte, want Origin, pub seal.PublicKey, suite seal.Suite) (Checkpoint, error) {
	const op = "journal.open"
	if len(note) > MaxNote {
		return Checkpoint{}, invalid("journal.checkpoint.malformed", op, "larger than a signed checkpoint can be")
	}
	text, lines, ok := splitNote(note, 2)
	if !ok {
		return Checkpoint{}, invalid("journal.checkpoint.malformed", op, "not a text, an empty line and at most two signature lines")
	}
	c, err := ParseCheckpoint(text)
	if err != nil {
		return Checkpoint{}, err
	}
	name := want.String()
	if c.Origin != want {
		return Checkpoint{}, &errs.Error{Kind: errs.Refused, Code: "journal.checkpoint.origin", Op: op, Subject: name, Reason: "the checkpoint is of another journal"}
	}
	ctx, err := context(contextCheckpoint, suite, pub)
	if err != nil {
		return Checkpoint{}, err
	}
	if !lines[0].is(name, typeEd25519, pub.Ed25519) {
		return Checkpoint{}, signature("journal.checkpoint.ed25519", op, name, "the first signature line is not of the author's Ed25519 key", nil)
	}
	if len(lines) < 2 || !lines[1].is(name, typeMLDSA, pub.MLDSA87) {
		return Checkpoint{}, signature("journal.checkpoint.mldsa", op, name, "there is no second signature line of the author's ML-DSA-87 key", nil)
	}
	if err := pub.VerifyNoteEd25519(text, lines[0].sig); err != nil {
		return Checkpoint{}, signature("journal.checkpoint.ed25519", op, name, "the Ed25519 signature does not verify", err)
	}
	if err := pub.VerifyMLDSA(ctx, text, lines[1].sig); err != nil {
		return Checkpoint{}, signature("journal.checkpoint.mldsa", op, name, "the ML-DSA-87 signature does not verify", err)
	}
	return c, nil
}
