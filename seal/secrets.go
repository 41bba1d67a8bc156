package seal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"

	"entente/errs"
	"entente/wire"
)

const (
	maxNodeSecrets = 16 << 10
	maxPKCS8       = 4 << 10
)

// NodeSecrets is everything that a node must keep to go on being itself, as it stands in its key file (kind "node").
// The root is not among it. Whoever has it is the node: encode it only into [LockKeyFile].
type NodeSecrets struct {
	hidden
	Version   uint64   `cbor:"1,keyasint"` // 1
	Suite     Suite    `cbor:"2,keyasint"` // of every key in KEM
	Signing   [64]byte `cbor:"3,keyasint"` // seeds, see NewSigningKey
	Cosigning [64]byte `cbor:"4,keyasint"`
	KEM       [][]byte `cbor:"5,keyasint"` // 1 to 8, newest first, see KEMFromBytes
	TLS       []byte   `cbor:"6,keyasint"` // PKCS #8, at most 4 KiB; opaque here
	Link      []byte   `cbor:"7,keyasint"` // P-384 private key, 48 bytes
	Storage   [32]byte `cbor:"8,keyasint"` // wraps the item keys of the database
}

// NewNodeSecrets makes every key anew but the TLS key, which is given as PKCS #8. Errors are those of Check.
func NewNodeSecrets(suite Suite, tls []byte) (*NodeSecrets, error) {
	kem, err := GenerateKEM(suite)
	if err != nil {
		return nil, err
	}
	seed, err := kem.Bytes()
	if err != nil {
		return nil, err
	}
	link, err := ecdh.P384().GenerateKey(rand.Reader)
	if err != nil {
		return nil, &errs.Error{Kind: errs.Internal, Code: "seal.link.generate", Op: "seal.secrets", Err: err}
	}
	s := &NodeSecrets{Version: 1, Suite: suite, KEM: [][]byte{seed}, TLS: bytes.Clone(tls), Link: link.Bytes(), Storage: NewDataKey()}
	rand.Read(s.Signing[:])
	rand.Read(s.Cosigning[:])
	return s, s.Check()
}

// Check refuses what no node could use: unset, malformed or doubled keys. Errors have code
// seal.secrets.{version,suite,signing,kem,tls,link,storage}.
func (s *NodeSecrets) Check() error { _, err := s.Keys(); return err }

// NodeKeys is NodeSecrets ready for use. It is safe for concurrent use until Destroy.
type NodeKeys struct {
	hidden
	Signing, Cosigning *SigningKey
	KEM                []*KEMPrivate // newest first
	Link               *ecdh.PrivateKey
	Storage            *ItemCipher

	tls veiled[[]byte]
}

// TLS returns the private key of the transport, PKCS #8. The caller must not change its bytes.
func (k *NodeKeys) TLS() []byte { return k.tls() }

// Keys checks s and makes its keys. Errors are those of Check.
func (s *NodeSecrets) Keys() (*NodeKeys, error) {
	bad := func(part errs.Code, reason string) (*NodeKeys, error) {
		return nil, fail(errs.Invalid, "seal.secrets."+part, "seal.secrets", "node secrets", reason)
	}
	var unset [32]byte
	half := func(b [64]byte, i int) [32]byte { return [32]byte(b[i*32:]) }
	switch {
	case s.Version != 1:
		return bad("version", "unknown version")
	case !s.Suite.Valid():
		return bad("suite", "unknown suite")
	case half(s.Signing, 0) == half(s.Cosigning, 0) || half(s.Signing, 1) == half(s.Cosigning, 1) ||
		half(s.Signing, 0) == half(s.Signing, 1) || half(s.Cosigning, 0) == half(s.Cosigning, 1) ||
		half(s.Signing, 0) == unset || half(s.Signing, 1) == unset || half(s.Cosigning, 0) == unset || half(s.Cosigning, 1) == unset:
		return bad("signing", "the four signing seeds are not set and different")
	case len(s.KEM) == 0 || len(s.KEM) > maxKEMs:
		return bad("kem", "not 1 to 8 decapsulation keys")
	case len(s.TLS) == 0 || len(s.TLS) > maxPKCS8:
		return bad("tls", "not 1 to 4096 bytes")
	case s.Storage == unset:
		return bad("storage", "the storage key is not set")
	}
	k := &NodeKeys{Signing: NewSigningKey(s.Signing), Cosigning: NewSigningKey(s.Cosigning), tls: veil(bytes.Clone(s.TLS)),
		Storage: NewItemCipher(s.Storage)}
	seen := map[KeyID]bool{}
	for _, b := range s.KEM {
		kem, err := KEMFromBytes(s.Suite, b)
		if err != nil || seen[kem.ID()] {
			return bad("kem", "a decapsulation key is malformed or stands twice")
		}
		seen[kem.ID()] = true
		k.KEM = append(k.KEM, kem)
	}
	var err error
	if k.Link, err = ecdh.P384().NewPrivateKey(s.Link); err != nil {
		return bad("link", "not a P-384 private key")
	}
	return k, nil
}

// Open decrypts what was sealed to the node's key id. Errors have code seal.kem.unknown (not held, perhaps destroyed)
// or seal.open.
func (k *NodeKeys) Open(id KeyID, info, sealed []byte) ([]byte, error) {
	for _, kem := range k.KEM {
		if kem.ID() == id {
			return kem.Open(info, sealed)
		}
	}
	return nil, fail(errs.NotFound, "seal.kem.unknown", "seal.open", id.String(), "this node holds no such key")
}

// Destroy clears what Go lets us clear of the signing keys.
func (k *NodeKeys) Destroy() { k.Signing.Destroy(); k.Cosigning.Destroy() }

// Encode returns the deterministic CBOR of s, after Check. Clear it after use.
func (s *NodeSecrets) Encode() ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	return wire.Marshal(s)
}

// DecodeNodeSecrets reads what Encode wrote, strictly, and checks it. Errors are those of Check or have the code of
// package wire; they never quote a byte of it.
func DecodeNodeSecrets(b []byte) (*NodeSecrets, error) {
	var s NodeSecrets
	if err := wire.Unmarshal(b, maxNodeSecrets, &s); err != nil {
		// The decoder's own words may quote what it could not read.
		return nil, fail(errs.Invalid, errs.CodeOf(err), "seal.secrets", "node secrets", "not the encoding of node secrets")
	}
	if err := s.Check(); err != nil {
		return nil, err
	}
	return &s, nil
}

// Destroy clears every secret in s. Keys made from it are not touched.
func (s *NodeSecrets) Destroy() {
	for _, b := range s.KEM {
		clear(b)
	}
	clear(s.TLS)
	clear(s.Link)
	clear(s.Signing[:])
	clear(s.Cosigning[:])
	clear(s.Storage[:])
}
