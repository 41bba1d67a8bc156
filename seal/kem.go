package seal

import (
	"bytes"
	"crypto/hpke"

	"entente/errs"
	"entente/party"
	"entente/wire"
)

// Sizes in bytes: ML-KEM-1024 keys and ciphertexts are 1568 (FIPS 203 table 3), an uncompressed P-384 point 97.
const (
	mlkemSize = 1568
	pointSize = 97
	tagSize   = 16
)

// keySize returns the size of a public key of s, which is also the size of an encapsulation.
func (s Suite) keySize() int {
	if s == Hybrid {
		return mlkemSize + pointSize
	}
	return mlkemSize
}

// Overhead returns how many bytes SealTo adds under s: encapsulation and AEAD tag.
func (s Suite) Overhead() int { return s.keySize() + tagSize }

// KEMPublic is an encapsulation key: what others seal to. A value from outside must pass Check before it is stored.
type KEMPublic struct {
	Suite Suite  `cbor:"1,keyasint"`
	Bytes []byte `cbor:"2,keyasint"` // 1665 bytes (hybrid) or 1568 (cnsa), draft-ietf-hpke-pq
}

// ID returns the short name of p: the first 16 bytes of SHA-384("entente/key-id/1\x00" ‖ encoding).
func (p KEMPublic) ID() KeyID { return keyID(wire.MustMarshal(p)) }

// Check refuses an unknown suite, a wrong size, a point off the curve and unreduced coefficients. Code seal.kem.key.
func (p KEMPublic) Check() error { _, err := p.parse(); return err }

func (p KEMPublic) parse() (hpke.PublicKey, error) {
	if !p.Suite.Valid() || len(p.Bytes) != p.Suite.keySize() {
		return nil, fail(errs.Invalid, "seal.kem.key", "seal.kem", "encapsulation key", "unknown suite or wrong size")
	}
	k, err := p.Suite.kem().NewPublicKey(p.Bytes)
	if err != nil {
		return nil, fail(errs.Invalid, "seal.kem.key", "seal.kem", "encapsulation key", "not a key of its suite")
	}
	return k, nil
}

// KEMPrivate opens what was sealed to its public half. It is safe for concurrent use.
type KEMPrivate struct {
	hidden
	key veiled[hpke.PrivateKey]
	pub KEMPublic
	id  KeyID
}

// GenerateKEM returns a new random key. Errors have code seal.suite.
func GenerateKEM(suite Suite) (*KEMPrivate, error) {
	if _, err := ParseSuite(string(suite)); err != nil {
		return nil, err
	}
	k, err := suite.kem().GenerateKey()
	if err != nil {
		return nil, &errs.Error{Kind: errs.Internal, Code: "seal.kem.generate", Op: "seal.kem", Err: err}
	}
	return newKEM(suite, k), nil
}

// KEMFromBytes returns the key whose Bytes are b: a seed of 32 bytes (hybrid) or 64 bytes (cnsa). Errors have code
// seal.suite or seal.kem.key.
func KEMFromBytes(suite Suite, b []byte) (*KEMPrivate, error) {
	if _, err := ParseSuite(string(suite)); err != nil {
		return nil, err
	}
	k, err := suite.kem().NewPrivateKey(b)
	if err != nil {
		return nil, fail(errs.Invalid, "seal.kem.key", "seal.kem", "decapsulation key", "not a key of its suite")
	}
	return newKEM(suite, k), nil
}

func newKEM(suite Suite, k hpke.PrivateKey) *KEMPrivate {
	pub := KEMPublic{Suite: suite, Bytes: k.PublicKey().Bytes()}
	return &KEMPrivate{key: veil(k), pub: pub, id: pub.ID()}
}

// Public returns the public half. The caller must not change its bytes.
func (k *KEMPrivate) Public() KEMPublic { return k.pub }

// ID returns the id of the public half.
func (k *KEMPrivate) ID() KeyID { return k.id }

// Bytes returns a copy of the secret, for a key file.
func (k *KEMPrivate) Bytes() ([]byte, error) {
	b, err := k.key().Bytes()
	if err != nil {
		return nil, fail(errs.Internal, "seal.kem.bytes", "seal.kem", "decapsulation key", "its seed is not available")
	}
	return bytes.Clone(b), nil
}

// SealTo encrypts plaintext to pub (HPKE base mode, single shot) and returns encapsulation ‖ ciphertext, longer than
// plaintext by [Suite.Overhead]. Info binds the place it is for; make it with [Info]; an empty info is refused. It does
// not prove who sealed. Errors have code seal.kem.key or seal.info.
func SealTo(pub KEMPublic, info, plaintext []byte) ([]byte, error) {
	k, err := pub.parse()
	if err != nil {
		return nil, err
	}
	if len(info) == 0 {
		return nil, fail(errs.Invalid, "seal.info", "seal.seal", "info", "nothing may be sealed without binding its place")
	}
	b, err := hpke.Seal(k, hpke.HKDFSHA384(), hpke.AES256GCM(), info, plaintext)
	if err != nil {
		return nil, &errs.Error{Kind: errs.Internal, Code: "seal.seal", Op: "seal.seal", Err: err}
	}
	return b, nil
}

// Open decrypts what SealTo made for this key and info. Errors have code seal.open and do not say why.
func (k *KEMPrivate) Open(info, sealed []byte) ([]byte, error) {
	if len(sealed) >= k.pub.Suite.Overhead() && len(info) > 0 {
		if b, err := hpke.Open(k.key(), hpke.HKDFSHA384(), hpke.AES256GCM(), info, sealed); err == nil {
			return b, nil
		}
	}
	return nil, fail(errs.Integrity, "seal.open", "seal.open", k.id.String(), "not sealed to this key for this place")
}

// Info returns the bytes that bind a sealing or a signature to its one place, as a deterministic CBOR array of nine:
// label (what is sealed, with a version, such as "entente/bundle/1"), suite, realm, channel digest, sending and
// receiving author, the sender's epoch, the id of the key used, and extra (such as a header in clear). Anything that
// differs makes Open or Verify fail.
func Info(label string, suite Suite, realm party.Realm, channel [48]byte, from, to party.Author, epoch uint64,
	key KeyID, extra []byte) []byte {
	if extra == nil {
		extra = []byte{} // one spelling of nothing
	}
	return wire.MustMarshal(struct {
		_       struct{} `cbor:",toarray"`
		Label   string
		Suite   Suite
		Realm   party.Realm
		Channel [48]byte
		From    party.Author
		To      party.Author
		Epoch   uint64
		Key     KeyID
		Extra   []byte
	}{Label: label, Suite: suite, Realm: realm, Channel: channel, From: from, To: to, Epoch: epoch, Key: key, Extra: extra})
}
