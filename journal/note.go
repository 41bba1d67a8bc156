package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"entente/errs"
	"entente/seal"
)

// Signer is a key that signs checkpoints or cosignatures. *seal.SigningKey is one; a key in hardware may be another.
type Signer interface {
	Public() seal.PublicKey
	SignNoteEd25519(text []byte) []byte
	SignMLDSA(context string, msg []byte) ([]byte, error)
}

// Signature types of C2SP signed-note. C2SP has none for ML-DSA-87; 0xff followed by a longer identifier is the form
// it sets aside for that. The identifiers end with a zero byte, so that no identifier is the beginning of another.
const (
	typeEd25519     = "\x01"
	typeCosignature = "\x04"
	typeMLDSA       = "\xffentente/checkpoint/ml-dsa-87/1\x00"
	typeMLDSACosign = "\xffentente/cosignature/ml-dsa-87/1\x00"
)

// Contexts of the ML-DSA-87 signatures (FIPS 204 section 5.2); the suite and the key id follow.
const (
	contextCheckpoint  = "entente/checkpoint/1"
	contextCosignature = "entente/cosignature/1"
)

// context binds what the signed text does not say: the suite of the agreement, and both halves of the key.
func context(label string, suite seal.Suite, pub seal.PublicKey) (string, error) {
	if _, err := seal.ParseSuite(string(suite)); err != nil {
		return "", err
	}
	id := pub.ID()
	return label + "/" + string(suite) + "/" + hex.EncodeToString(id[:]), nil
}

// keyID is the first 4 bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key), C2SP signed-note: an identifier, no
// fingerprint. A colliding key fails at the signature.
func keyID(name, typ string, pub []byte) (id [4]byte) {
	h := sha256.New()
	h.Write([]byte(name + "\n" + typ))
	h.Write(pub)
	copy(id[:], h.Sum(nil))
	return id
}

// vkey is a verifier key of C2SP signed-note: <name>+<key id>+base64(type ‖ public key).
func vkey(name, typ string, pub []byte) string {
	id := keyID(name, typ, pub)
	return name + "+" + hex.EncodeToString(id[:]) + "+" + encode64(append([]byte(typ), pub...))
}

// VerifierKey returns the Ed25519 key of a journal in the form that third-party log tools take. They verify that line
// only; an Entente node needs both.
func VerifierKey(o Origin, pub seal.PublicKey) string {
	return vkey(o.String(), typeEd25519, pub.Ed25519)
}

// CosignerKey returns the Ed25519 key of a cosigner in the form that third-party log tools take.
func CosignerKey(name string, pub seal.PublicKey) string {
	return vkey(name, typeCosignature, pub.Ed25519)
}

// signBoth makes both signatures: Ed25519 over text, ML-DSA-87 over msg under the context of label.
func signBoth(k Signer, suite seal.Suite, label string, text, msg []byte) (classical, quantum []byte, err error) {
	ctx, err := context(label, suite, k.Public())
	if err != nil {
		return nil, nil, err
	}
	if quantum, err = k.SignMLDSA(ctx, msg); err != nil {
		return nil, nil, err
	}
	if classical = k.SignNoteEd25519(text); len(classical) == 0 {
		return nil, nil, &errs.Error{Kind: errs.Unavailable, Code: "journal.sign", Op: "journal.sign", Reason: "the key made no Ed25519 signature"}
	}
	return classical, quantum, nil
}

// line is one signature line: "— <name> base64(key id ‖ signature)\n".
type line struct {
	name string
	id   [4]byte
	sig  []byte
	raw  []byte // the whole line
}

const dash = "— " // U+2014, space

func appendLine(b []byte, name, typ string, pub []byte, sig ...[]byte) []byte {
	id := keyID(name, typ, pub)
	return append(b, dash+name+" "+encode64(append(id[:], bytes.Join(sig, nil)...))+"\n"...)
}

// is reports whether l claims to be by the key; nothing is verified by it.
func (l line) is(name, typ string, pub []byte) bool {
	return l.name == name && l.id == keyID(name, typ, pub)
}

// validName reports whether s may name a key: 1 to 255 printable ASCII characters, no space, no plus sign. C2SP
// signed-note allows more; nothing of ours needs it, and look-alikes are kept out.
func validName(s string) bool {
	return len(s) >= 1 && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '+' })
}

// parseLines reads signature lines, at most max and at least one, each in its one spelling.
func parseLines(b []byte, max int) ([]line, bool) {
	var lines []line
	for len(b) > 0 {
		raw, rest, ok := bytes.Cut(b, []byte("\n"))
		body, ok2 := strings.CutPrefix(string(raw), dash)
		name, text, ok3 := strings.Cut(body, " ")
		sig, ok4 := decode64(text)
		if !ok || !ok2 || !ok3 || !ok4 || len(sig) < 5 || !validName(name) || len(lines) == max {
			return nil, false
		}
		lines, b = append(lines, line{name: name, id: [4]byte(sig), sig: sig[4:], raw: b[:len(raw)+1]}), rest
	}
	return lines, len(lines) > 0
}

// splitNote divides a signed note into its text, with the final newline, and its signature lines.
func splitNote(note []byte, maxLines int) (text []byte, lines []line, ok bool) {
	i := bytes.LastIndex(note, []byte("\n\n"))
	if i < 0 {
		return nil, nil, false
	}
	lines, ok = parseLines(note[i+2:], maxLines)
	return note[:i+1], lines, ok
}

// signature wraps a failed verification: which of the two lines, and of which note.
func signature(code errs.Code, op, subject, reason string, err error) error {
	return &errs.Error{Kind: errs.Integrity, Code: code, Op: op, Subject: subject, Reason: reason, Err: err}
}
