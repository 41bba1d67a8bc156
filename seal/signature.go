package seal

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"strings"

	"entente/errs"
	"entente/party"
	"entente/wire"

	"filippo.io/mldsa"
)

// Sizes in bytes (RFC 8032, FIPS 204 table 2).
const (
	ed25519KeySize = ed25519.PublicKeySize
	ed25519SigSize = ed25519.SignatureSize
	mldsaKeySize   = mldsa.MLDSA87PublicKeySize
	mldsaSigSize   = mldsa.MLDSA87SignatureSize

	maxPublicKey = ed25519KeySize + mldsaKeySize + 16
	maxContext   = 255 // FIPS 204 section 5.2
)

// PublicKey is what verifies dual signatures. A value from outside must pass Check before it is stored.
type PublicKey struct {
	Ed25519 []byte `cbor:"1,keyasint"` // 32 bytes
	MLDSA87 []byte `cbor:"2,keyasint"` // 2592 bytes
}

// Signature is both signatures over one message. Neither half means anything alone.
type Signature struct {
	Ed25519 []byte `cbor:"1,keyasint"` // 64 bytes
	MLDSA87 []byte `cbor:"2,keyasint"` // 4627 bytes
}

// smallOrder lists the encodings of the points of order 1, 2, 4 and 8 of edwards25519 and their non-canonical
// spellings, sign bit cleared. Under such a key one signature fits many messages, so its holder could deny them.
var smallOrder = [...]string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

// Check refuses a key of the wrong size and an Ed25519 key of small order. Errors have code seal.key.
func (p PublicKey) Check() error {
	if len(p.Ed25519) != ed25519KeySize || len(p.MLDSA87) != mldsaKeySize {
		return fail(errs.Invalid, "seal.key", "seal.key", "public key", "not 32 bytes of Ed25519 and 2592 bytes of ML-DSA-87")
	}
	y := bytes.Clone(p.Ed25519)
	y[31] &= 0x7f
	enc := hex.EncodeToString(y)
	for _, s := range smallOrder {
		if enc == s {
			return fail(errs.Invalid, "seal.key", "seal.key", "public key", "Ed25519 key of small order")
		}
	}
	return nil
}

// Encode returns the deterministic CBOR of p, the bytes that ids and fingerprints cover.
func (p PublicKey) Encode() []byte { return wire.MustMarshal(p) }

// DecodePublicKey reads what Encode wrote, strictly, and checks it. Errors have code seal.key or one of package wire.
func DecodePublicKey(b []byte) (PublicKey, error) {
	var p PublicKey
	if err := wire.Unmarshal(b, maxPublicKey, &p); err != nil {
		return PublicKey{}, err
	}
	if err := p.Check(); err != nil {
		return PublicKey{}, err
	}
	return p, nil
}

// ID returns the short name of p: the first 16 bytes of SHA-384("entente/key-id/1\x00" ‖ encoding).
func (p PublicKey) ID() KeyID { return keyID(p.Encode()) }

// Fingerprint returns the full name of p as a root: SHA-384("entente/root/1\x00" ‖ encoding). It is what two parties
// compare aloud when they pair, and what an agreement embeds.
func (p PublicKey) Fingerprint() party.Fingerprint {
	return party.Fingerprint(digest("entente/root/1", p.Encode()))
}

// Equal reports whether p and q are the same key.
func (p PublicKey) Equal(q PublicKey) bool {
	return bytes.Equal(p.Ed25519, q.Ed25519) && bytes.Equal(p.MLDSA87, q.MLDSA87)
}

// Verify checks both signatures over msg under context. Both are always computed; unless both hold, the error has code
// seal.signature and names the half that failed. A malformed key has code seal.key, a malformed context seal.context.
func (p PublicKey) Verify(context string, msg []byte, sig Signature) error {
	if err := checkContext(context); err != nil {
		return err
	}
	if err := p.Check(); err != nil {
		return err
	}
	classical := p.verifyEd25519(framed(context, msg), sig.Ed25519)
	quantum := p.verifyMLDSA(context, msg, sig.MLDSA87)
	switch {
	case !classical && !quantum:
		return fail(errs.Integrity, "seal.signature", "seal.verify", "both signatures", "neither verifies")
	case !classical:
		return fail(errs.Integrity, "seal.signature", "seal.verify", "ed25519", "only one of the two signatures verifies")
	case !quantum:
		return fail(errs.Integrity, "seal.signature", "seal.verify", "ml-dsa-87", "only one of the two signatures verifies")
	}
	return nil
}

// VerifyNoteEd25519 checks the Ed25519 half alone over text exactly, as a signed note has it (C2SP signed-note, type
// 0x01). The caller must also require the ML-DSA half. Errors have code seal.signature or seal.key.
func (p PublicKey) VerifyNoteEd25519(text, sig []byte) error {
	if err := p.Check(); err != nil {
		return err
	}
	if !p.verifyEd25519(text, sig) {
		return fail(errs.Integrity, "seal.signature", "seal.verify", "ed25519", "does not verify")
	}
	return nil
}

// VerifyMLDSA checks the ML-DSA-87 half alone. The caller must also require the Ed25519 half. Errors have code
// seal.signature, seal.key or seal.context.
func (p PublicKey) VerifyMLDSA(context string, msg, sig []byte) error {
	if err := checkContext(context); err != nil {
		return err
	}
	if err := p.Check(); err != nil {
		return err
	}
	if !p.verifyMLDSA(context, msg, sig) {
		return fail(errs.Integrity, "seal.signature", "seal.verify", "ml-dsa-87", "does not verify")
	}
	return nil
}

func (p PublicKey) verifyEd25519(msg, sig []byte) bool {
	return len(sig) == ed25519SigSize && ed25519.Verify(p.Ed25519, msg, sig)
}

func (p PublicKey) verifyMLDSA(context string, msg, sig []byte) bool {
	if len(sig) != mldsaSigSize {
		return false
	}
	pk, err := mldsa.NewPublicKey(mldsa.MLDSA87(), p.MLDSA87)
	return err == nil && mldsa.Verify(pk, msg, sig, &mldsa.Options{Context: context}) == nil
}

// framed is what the Ed25519 half signs: a message under a context starts with a zero byte, which no note text does.
func framed(context string, msg []byte) []byte {
	b := make([]byte, 0, len("\x00entente\x00")+len(context)+1+len(msg))
	b = append(b, "\x00entente\x00"...)
	b = append(b, context...)
	b = append(b, 0)
	return append(b, msg...)
}

// checkContext holds contexts to 1 to 255 bytes without NUL, so that framed has one reading.
func checkContext(context string) error {
	if context == "" || len(context) > maxContext || strings.IndexByte(context, 0) >= 0 {
		return fail(errs.Invalid, "seal.context", "seal.context", "signature context", "not 1 to 255 bytes without NUL")
	}
	return nil
}

// Context returns a signature context that binds everything in info, as [Info] makes it: label, a space, and SHA-384
// of info in hexadecimal. Label is at most 158 bytes.
func Context(label string, info []byte) string {
	d := digest("entente/context/1", info)
	return label + " " + hex.EncodeToString(d[:])
}

// SigningKey makes dual signatures. It is safe for concurrent use until Destroy.
type SigningKey struct {
	hidden
	key veiled[*signingKeys]
	pub PublicKey
}

// signingKeys is both private keys, or nothing after Destroy.
type signingKeys struct {
	ed ed25519.PrivateKey
	ml *mldsa.PrivateKey
}

// GenerateSigningKey returns a new random key.
func GenerateSigningKey() (*SigningKey, error) {
	var seed [64]byte
	rand.Read(seed[:])
	defer clear(seed[:])
	return NewSigningKey(seed), nil
}

// NewSigningKey returns the key with the given seed: 32 bytes of Ed25519 (RFC 8032), 32 bytes of ML-DSA-87 (FIPS 204 ξ).
// The seed must be random; the two halves must be independent.
func NewSigningKey(seed [64]byte) *SigningKey {
	ml, err := mldsa.NewPrivateKey(mldsa.MLDSA87(), seed[32:])
	if err != nil {
		panic(err) // only for a seed that is not 32 bytes
	}
	ed := ed25519.NewKeyFromSeed(seed[:32])
	return &SigningKey{key: veil(&signingKeys{ed, ml}),
		pub: PublicKey{Ed25519: bytes.Clone(ed[32:]), MLDSA87: ml.PublicKey().Bytes()}}
}

// Seed returns a copy of the seed, for a key file. It is zero after Destroy.
func (k *SigningKey) Seed() (seed [64]byte) {
	if key := k.key(); key.ml != nil {
		copy(seed[:32], key.ed.Seed())
		copy(seed[32:], key.ml.Bytes())
	}
	return seed
}

// Public returns the public half. The caller must not change its bytes.
func (k *SigningKey) Public() PublicKey { return k.pub }

// Sign signs msg under context with both keys. The ML-DSA half is hedged, so two signatures of one message differ.
// Errors have code seal.context or seal.key.destroyed.
func (k *SigningKey) Sign(context string, msg []byte) (Signature, error) {
	quantum, err := k.SignMLDSA(context, msg)
	if err != nil {
		return Signature{}, err
	}
	return Signature{Ed25519: ed25519.Sign(k.key().ed, framed(context, msg)), MLDSA87: quantum}, nil
}

// SignNoteEd25519 signs text exactly with the Ed25519 half, for the type 0x01 line of a signed note. Text must be a
// note text; nothing else may be signed bare. It returns nil after Destroy.
func (k *SigningKey) SignNoteEd25519(text []byte) []byte {
	key := k.key()
	if key.ml == nil {
		return nil
	}
	return ed25519.Sign(key.ed, text)
}

// SignMLDSA signs msg under context with the ML-DSA-87 half alone (pure ML-DSA, never a pre-hash variant).
func (k *SigningKey) SignMLDSA(context string, msg []byte) ([]byte, error) {
	if err := checkContext(context); err != nil {
		return nil, err
	}
	key := k.key()
	if key.ml == nil {
		return nil, fail(errs.Unavailable, "seal.key.destroyed", "seal.sign", "signing key", "the key was destroyed in memory")
	}
	sig, err := key.ml.Sign(nil, msg, &mldsa.Options{Context: context})
	if err != nil {
		return nil, &errs.Error{Kind: errs.Internal, Code: "seal.sign", Op: "seal.sign", Err: err}
	}
	return sig, nil
}

// Destroy clears what Go lets us clear; afterwards nothing can be signed. No other method may run at the same time.
func (k *SigningKey) Destroy() {
	key := k.key()
	clear(key.ed)
	key.ml = nil
}
