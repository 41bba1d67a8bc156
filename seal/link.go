package seal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/sha512"

	"entente/errs"
	"entente/party"
	"entente/wire"
)

// LinkSecret is what two nodes share since they paired. It guards the outer header of bundles, so that bytes from
// strangers are dropped before anything is parsed. It is no proof of origin and no confidentiality: a signature and a
// seal inside give those. The zero value is unusable.
type LinkSecret struct {
	hidden
	key veiled[*[48]byte]
}

// LinkKeys derives the secret from this node's static P-384 key and the peer's, as its key statement names it: ECDH
// (SP 800-56A section 6.2.2, static unified), then HKDF-SHA384 over the realm, both roots' fingerprints and both
// public keys, in an order that doesn't depend on the side. Errors have code seal.link.{key,self,realm}.
func LinkKeys(priv *ecdh.PrivateKey, peerPub []byte, realm party.Realm, a, b party.Fingerprint) (LinkSecret, error) {
	if priv == nil || priv.Curve() != ecdh.P384() {
		return LinkSecret{}, fail(errs.Invalid, "seal.link.key", "seal.link", "own link key", "not a P-384 key")
	}
	peer, err := linkPublic(peerPub)
	if err != nil {
		return LinkSecret{}, err
	}
	if !realm.Valid() {
		return LinkSecret{}, fail(errs.Invalid, "seal.link.realm", "seal.link", "realm", "not a realm")
	}
	own := priv.PublicKey().Bytes()
	if bytes.Equal(own, peerPub) || a == b {
		return LinkSecret{}, fail(errs.Refused, "seal.link.self", "seal.link", "link", "both ends are the same")
	}
	shared, err := priv.ECDH(peer)
	if err != nil {
		return LinkSecret{}, fail(errs.Invalid, "seal.link.key", "seal.link", "link key", "no shared secret")
	}
	defer clear(shared)
	prk, err := hkdf.Extract(sha512.New384, shared, []byte("entente/link/1"))
	if err != nil {
		return LinkSecret{}, &errs.Error{Kind: errs.Internal, Code: "seal.link.derive", Op: "seal.link", Err: err}
	}
	defer clear(prk)
	if bytes.Compare(a[:], b[:]) > 0 {
		a, b = b, a
	}
	if bytes.Compare(own, peerPub) > 0 {
		own, peerPub = peerPub, own
	}
	info := wire.MustMarshal(struct {
		_          struct{} `cbor:",toarray"`
		Domain     string
		Realm      party.Realm
		A, B       party.Fingerprint
		KeyA, KeyB []byte
	}{Domain: "entente/link-secret/1", Realm: realm, A: a, B: b, KeyA: own, KeyB: peerPub})
	secret := expand(prk, info, 48)
	defer clear(secret)
	return LinkSecret{key: veil((*[48]byte)(bytes.Clone(secret)))}, nil
}

// HMACKey returns the HMAC-SHA-384 key for bundles from one author to another on a channel.
func (l LinkSecret) HMACKey(channel [48]byte, from, to party.Author) (key [48]byte) {
	copy(key[:], l.derive("entente/link-mac/1", channel, from, to, len(key)))
	return key
}

// LinkID returns the id that bundles from one author to another on a channel carry in clear: equal on both sides,
// random to anybody else, and different per direction and channel.
func (l LinkSecret) LinkID(channel [48]byte, from, to party.Author) (id [16]byte) {
	copy(id[:], l.derive("entente/link-id/1", channel, from, to, len(id)))
	return id
}

func (l LinkSecret) derive(domain string, channel [48]byte, from, to party.Author, n int) []byte {
	return expand(l.key()[:], wire.MustMarshal(struct {
		_        struct{} `cbor:",toarray"`
		Domain   string
		Channel  [48]byte
		From, To party.Author
	}{Domain: domain, Channel: channel, From: from, To: to}), n)
}

// Destroy clears the secret; every copy of l shares it.
func (l LinkSecret) Destroy() { clear(l.key()[:]) }
