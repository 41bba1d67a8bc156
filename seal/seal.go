// Package seal is the cryptography of Entente: it signs, seals to a recipient, encrypts objects and items, and keeps
// keys in a file. Every other room asks this one; none touches a cipher itself.
//
// # What to use
//
//   - [SigningKey] and [PublicKey]: dual signatures, Ed25519 and ML-DSA-87. One verifies only if both do.
//   - [Signed]: a signed payload that travels on its own, such as a key statement or a receipt.
//   - [SealTo] and [KEMPrivate.Open]: HPKE to one recipient, bound to its place by [Info].
//   - [KeyStatement], [NextKeyStatement]: the offline root introduces, rotates and revokes the keys of a node.
//   - [LinkKeys]: the keys of the outer header's HMAC, from the two nodes' static P-384 keys.
//   - [EncryptObject], [DecryptObject], [OpenObject]: payload containers. [Tree], [VerifyLeaf]: resume by 64 KiB parts.
//   - [ItemCipher]: rows at rest. [LockKeyFile], [NodeSecrets]: a node's own keys at rest.
//
// Formats are in doc/formats/seal.md, vectors in vectors/seal.
//
// # Suites
//
// A suite is named by the agreement, bound into every HPKE info, and never negotiated. Both use HKDF-SHA384 and
// AES-256-GCM (RFC 9180) and the same two signatures; they differ in the key encapsulation (draft-ietf-hpke-pq):
// MLKEM1024-P384 in hybrid, ML-KEM-1024 alone in cnsa.
//
// # What is promised
//
// Everything runs under GODEBUG=fips140=on. ML-DSA comes from filippo.io/mldsa, which is outside the validated module.
// AES-GCM nonces are always random and always chosen by the cryptographic module (NewGCMWithRandomNonce), never by a
// caller: for this reason this room takes randomness from the operating system and not as an argument. Nothing else in
// it depends on time, disk or order of calls, and it holds no state that a crash could lose.
//
// Types that hold a secret print and log as [secret] whatever the verb. All but [NodeSecrets] also keep it from fmt where
// fmt can't call methods, in an unexported field of somebody's struct; keep NodeSecrets out of such. Errors carry no secret and no plaintext, and do not say why a decryption failed. Go cannot promise that no copy of a
// secret stays in memory; what is reachable is cleared by the Destroy methods and after use.
package seal

import (
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"log/slog"

	"entente/errs"
)

// Suite names the fixed set of algorithms that an agreement chose.
type Suite string

// The suites. Their numbers, used in fixed headers, are in [Suite.Number].
const (
	Hybrid Suite = "hybrid" // key encapsulation MLKEM1024-P384
	CNSA   Suite = "cnsa"   // key encapsulation ML-KEM-1024
)

// ParseSuite checks s. Errors have code seal.suite.
func ParseSuite(s string) (Suite, error) {
	if u := Suite(s); u.Valid() {
		return u, nil
	}
	return "", fail(errs.Invalid, "seal.suite", "seal.parse", "suite", `a suite is "hybrid" or "cnsa"`)
}

// SuiteNumbered returns the suite with number n, or an error with code seal.suite.
func SuiteNumbered(n uint8) (Suite, error) {
	switch n {
	case 1:
		return Hybrid, nil
	case 2:
		return CNSA, nil
	}
	return "", fail(errs.Invalid, "seal.suite", "seal.parse", "suite number", "a suite is 1 (hybrid) or 2 (cnsa)")
}

// Valid reports whether s is a known suite.
func (s Suite) Valid() bool { return s == Hybrid || s == CNSA }

// Number returns the one-byte form of s, 1 or 2, or 0 for an unknown suite.
func (s Suite) Number() uint8 {
	switch s {
	case Hybrid:
		return 1
	case CNSA:
		return 2
	}
	return 0
}

// kem returns the encapsulation of s, or nil.
func (s Suite) kem() hpke.KEM {
	switch s {
	case Hybrid:
		return hpke.MLKEM1024P384()
	case CNSA:
		return hpke.MLKEM1024()
	}
	return nil
}

// KeyID names a public key: the first 16 bytes of SHA-384 over a domain and the key's encoding. It finds a key; it is
// no proof of one, so what is found is always compared or verified.
type KeyID [16]byte

// String returns k in lower-case hexadecimal.
func (k KeyID) String() string { return hex.EncodeToString(k[:]) }

func keyID(encoding []byte) (id KeyID) {
	d := digest("entente/key-id/1", encoding)
	copy(id[:], d[:])
	return id
}

// digest is SHA-384 over a NUL-terminated domain and b.
func digest(domain string, b []byte) (d [sha512.Size384]byte) {
	h := sha512.New384()
	h.Write([]byte(domain))
	h.Write([]byte{0})
	h.Write(b)
	h.Sum(d[:0])
	return d
}

// NewDataKey returns a fresh random AES-256 key, for one object or one item.
func NewDataKey() (key [32]byte) {
	rand.Read(key[:]) // never fails: crypto/rand stops the process if the system has no randomness
	return key
}

// expand is HKDF-Expand with SHA-384 (RFC 5869 section 2.3). Every length asked for is a constant of this package.
func expand(prk, info []byte, n int) []byte {
	b, err := hkdf.Expand(sha512.New384, prk, string(info), n)
	if err != nil {
		panic(err) // a length over 255 blocks: a defect found by the first test
	}
	return b
}

func fail(kind errs.Kind, code errs.Code, op, subject, reason string) error {
	return &errs.Error{Kind: kind, Code: code, Op: op, Subject: subject, Reason: reason}
}

// hidden, embedded in a type that holds a secret, makes every way of printing it print [secret].
type hidden struct{}

const secretText = "[secret]"

func (hidden) String() string               { return secretText }
func (hidden) GoString() string             { return secretText }
func (hidden) Format(f fmt.State, _ rune)   { fmt.Fprint(f, secretText) }
func (hidden) LogValue() slog.Value         { return slog.StringValue(secretText) }
func (hidden) MarshalJSON() ([]byte, error) { return []byte(`"` + secretText + `"`), nil }

// veiled holds a value that fmt must not reach by reflection: it prints a function as an address, whatever the verb.
type veiled[T any] func() T

func veil[T any](v T) veiled[T] { return func() T { return v } }
