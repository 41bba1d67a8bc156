package journal

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"entente/seal"
)

// MaxCosignature is the largest pair of cosignature lines, in bytes, that OpenCosignature reads.
const MaxCosignature = 8 << 10

// A cosignature says, under C2SP tlog-cosignature and the statement that the agreement adds for this key: of the
// journal named by the origin, this is the largest consistent tree that the cosigner had seen at that time, and its
// leaves are durable with the cosigner. It says nothing of contents: that is the *held* receipt.

// checkName refuses a cosigner name that is no key name or could be taken for an origin. Code journal.cosignature.name.
func checkName(name, op string) error {
	if !validName(name) || strings.HasPrefix(name, "entente/") {
		return invalid("journal.cosignature.name", op, "a cosigner's name is printable ASCII without spaces or +, and no origin")
	}
	return nil
}

// cosignedText is the Ed25519 message of C2SP tlog-cosignature v1.
func cosignedText(c Checkpoint, seconds uint64) []byte {
	return append([]byte("cosignature/v1\ntime "+strconv.FormatUint(seconds, 10)+"\n"), c.Text()...)
}

// cosignedMessage is the ML-DSA-87 message. It has the fields of the ML-DSA-44 message of C2SP tlog-cosignature, under
// a label of our own: unlike the Ed25519 message it names the cosigner.
func cosignedMessage(name string, c Checkpoint, seconds uint64) []byte {
	origin := c.Origin.String()
	b := append([]byte("entente/cosignature/1\n\x00"), byte(len(name)))
	b = binary.BigEndian.AppendUint64(append(b, name...), seconds)
	b = append(append(b, byte(len(origin))), origin...)
	b = binary.BigEndian.AppendUint64(b, 0) // start: the tree, not a subtree
	b = binary.BigEndian.AppendUint64(b, uint64(c.Size))
	return append(b, c.Root[:]...)
}

// Cosign returns the two cosignature lines of checkpoint c, whose signed note the caller has opened, at a time in
// whole seconds. Cosign only what [Known.Advance] allowed and the caller has committed. The lines may be appended to
// the note; a reader of C2SP notes verifies the Ed25519 line. Codes journal.cosignature.name, .note, .time.
func Cosign(k Signer, name string, suite seal.Suite, c Checkpoint, note []byte, at time.Time) ([]byte, error) {
	const op = "journal.cosign"
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := checkName(name, op); err != nil {
		return nil, err
	}
	if text, _, ok := splitNote(note, 2); !ok || !bytes.Equal(text, c.Text()) {
		return nil, invalid("journal.cosignature.note", op, "the note is not a signed note of this checkpoint")
	}
	if at.Unix() <= 0 {
		return nil, invalid("journal.cosignature.time", op, "a cosignature needs a time after 1970")
	}
	pub, seconds := k.Public(), uint64(at.Unix())
	ed, mldsa, err := signBoth(k, suite, contextCosignature, cosignedText(c, seconds), cosignedMessage(name, c, seconds))
	if err != nil {
		return nil, err
	}
	stamp := binary.BigEndian.AppendUint64(nil, seconds)
	lines := appendLine(nil, name, typeCosignature, pub.Ed25519, stamp, ed)
	return appendLine(lines, name, typeMLDSACosign, pub.MLDSA87, stamp, mldsa), nil
}

// OpenCosignature reads what Cosign writes: exactly two lines of the named cosigner over checkpoint c, with one time,
// both verified under pub. It returns that time, which is the cosigner's claim. Codes journal.cosignature.malformed,
// .name, .time (not a time, or the lines disagree), .ed25519 and .mldsa (that line is missing, made by another key, or
// does not verify).
func OpenCosignature(lines []byte, name string, pub seal.PublicKey, suite seal.Suite, c Checkpoint) (time.Time, error) {
	const op = "journal.open-cosignature"
	if err := checkName(name, op); err != nil {
		return time.Time{}, err
	}
	if err := c.Check(); err != nil {
		return time.Time{}, err
	}
	if len(lines) > MaxCosignature {
		return time.Time{}, invalid("journal.cosignature.malformed", op, "larger than two cosignature lines can be")
	}
	l, ok := parseLines(lines, 2)
	if !ok {
		return time.Time{}, invalid("journal.cosignature.malformed", op, "not two signature lines")
	}
	ctx, err := context(contextCosignature, suite, pub)
	if err != nil {
		return time.Time{}, err
	}
	if !l[0].is(name, typeCosignature, pub.Ed25519) || len(l[0].sig) < 8 {
		return time.Time{}, signature("journal.cosignature.ed25519", op, name, "the first line is not of the cosigner's Ed25519 key", nil)
	}
	if len(l) < 2 || !l[1].is(name, typeMLDSACosign, pub.MLDSA87) || len(l[1].sig) < 8 {
		return time.Time{}, signature("journal.cosignature.mldsa", op, name, "there is no second line of the cosigner's ML-DSA-87 key", nil)
	}
	seconds := binary.BigEndian.Uint64(l[0].sig)
	if seconds == 0 || seconds > 1<<63-1 || binary.BigEndian.Uint64(l[1].sig) != seconds {
		return time.Time{}, signature("journal.cosignature.time", op, name, "no time, or the two lines give different times", nil)
	}
	if err := pub.VerifyNoteEd25519(cosignedText(c, seconds), l[0].sig[8:]); err != nil {
		return time.Time{}, signature("journal.cosignature.ed25519", op, name, "the Ed25519 cosignature does not verify", err)
	}
	if err := pub.VerifyMLDSA(ctx, cosignedMessage(name, c, seconds), l[1].sig[8:]); err != nil {
		return time.Time{}, signature("journal.cosignature.mldsa", op, name, "the ML-DSA-87 cosignature does not verify", err)
	}
	return time.Unix(int64(seconds), 0).UTC(), nil
}
