package seal

import (
	"bytes"
	"crypto/ecdh"
	"slices"
	"strconv"
	"time"

	"entente/errs"
	"entente/party"
	"entente/wire"
)

const (
	// KeyStatementContext is the signature context under which a root signs.
	KeyStatementContext = "entente/key-statement/1"
	// MaxKeyStatement is the largest encoding of a statement, in bytes.
	MaxKeyStatement = 32 << 10

	maxKEMs    = 8   // rotated every 30 days, alive until all sealed to them is held
	maxRevoked = 256 // a list only grows; 256 is 20 years of monthly loss
)

// KeyStatement is how an offline root introduces and revokes the keys of one node. The statement with the highest
// serial is the one in force; what it doesn't name is not a key of the node. Older signatures stay verifiable with the
// statement that was in force when the partner cosigned them.
type KeyStatement struct {
	Version   uint64       `cbor:"1,keyasint"`            // 1
	Realm     party.Realm  `cbor:"2,keyasint"`            //
	Author    party.Author `cbor:"3,keyasint"`            // the node the keys belong to
	Serial    uint64       `cbor:"4,keyasint"`            // from 1, increasing
	From      int64        `cbor:"5,keyasint"`            // in force from, Unix milliseconds UTC
	Until     int64        `cbor:"6,keyasint"`            // lapses at, Unix milliseconds UTC
	Suite     Suite        `cbor:"7,keyasint"`            // of every key in KEM
	Signing   PublicKey    `cbor:"8,keyasint"`            // checkpoints and receipts
	Cosigning PublicKey    `cbor:"9,keyasint"`            // cosignatures, and nothing else
	KEM       []KEMPublic  `cbor:"10,keyasint"`           // 1 to 8, newest first: seal to the first
	TLS       [48]byte     `cbor:"11,keyasint"`           // SHA-384 of the TLS key's SubjectPublicKeyInfo
	LinkKey   []byte       `cbor:"12,keyasint"`           // P-384 public key, uncompressed, 97 bytes
	Previous  [48]byte     `cbor:"13,keyasint"`           // Digest of the statement before, or zero: see NextKeyStatement
	Revoked   []KeyID      `cbor:"14,keyasint,omitempty"` // at most 256, ascending; never shrinks
}

// Digest is what the next statement's Previous names: SHA-384("entente/key-statement/1\x00" ‖ encoding).
func (ks *KeyStatement) Digest() [48]byte {
	return digest("entente/key-statement/1", wire.MustMarshal(ks))
}

// InForce reports whether ks is in force at t: From ≤ t < Until. It does not know of later statements.
func (ks *KeyStatement) InForce(t time.Time) bool {
	ms := t.UnixMilli()
	return ks.From <= ms && ms < ks.Until
}

// HasKEM reports whether ks introduces the encapsulation key id.
func (ks *KeyStatement) HasKEM(id KeyID) bool {
	return slices.ContainsFunc(ks.KEM, func(k KEMPublic) bool { return k.ID() == id })
}

// Check holds ks to the format. Errors have code seal.keys.{version,realm,author,serial,validity,suite,signing,kem,tls,
// link,previous,revoked}.
func (ks *KeyStatement) Check() error {
	bad := func(part errs.Code, reason string) error {
		return fail(errs.Invalid, "seal.keys."+part, "seal.keys", "key statement", reason)
	}
	switch {
	case ks.Version != 1:
		return bad("version", "unknown version")
	case !ks.Realm.Valid():
		return bad("realm", "not a realm")
	case !ks.Author.Valid():
		return bad("author", "not an author")
	case ks.Serial == 0:
		return bad("serial", "serials count from 1")
	case ks.From <= 0 || ks.Until <= ks.From:
		return bad("validity", "it lapses before it is in force")
	case !ks.Suite.Valid():
		return bad("suite", "unknown suite")
	case ks.Signing.Check() != nil || ks.Cosigning.Check() != nil:
		return bad("signing", "a signing or cosigning key is malformed")
	case bytes.Equal(ks.Signing.Ed25519, ks.Cosigning.Ed25519) || bytes.Equal(ks.Signing.MLDSA87, ks.Cosigning.MLDSA87):
		return bad("signing", "an Ed25519 cosignature does not name the cosigner, so the two keys must differ in both halves")
	case len(ks.KEM) == 0 || len(ks.KEM) > maxKEMs:
		return bad("kem", "not 1 to 8 encapsulation keys")
	case ks.TLS == [48]byte{}:
		return bad("tls", "no TLS key")
	case ks.Serial == 1 && ks.Previous != [48]byte{}:
		return bad("previous", "the first statement has none before it")
	case len(ks.Revoked) > maxRevoked:
		return bad("revoked", "more than 256 revoked keys")
	}
	for i, k := range ks.KEM {
		if k.Suite != ks.Suite || k.Check() != nil {
			return bad("kem", "an encapsulation key is malformed or of another suite")
		}
		if slices.ContainsFunc(ks.KEM[:i], func(o KEMPublic) bool { return bytes.Equal(o.Bytes, k.Bytes) }) {
			return bad("kem", "an encapsulation key stands twice")
		}
	}
	if _, err := linkPublic(ks.LinkKey); err != nil {
		return bad("link", "not an uncompressed P-384 point")
	}
	for i, id := range ks.Revoked {
		if i > 0 && bytes.Compare(ks.Revoked[i-1][:], id[:]) >= 0 {
			return bad("revoked", "revoked keys are not strictly ascending")
		}
	}
	for _, id := range ks.ids() {
		if slices.Contains(ks.Revoked, id) {
			return bad("revoked", "a key is introduced and revoked at once")
		}
	}
	return nil
}

// ids returns the names of every key that can be revoked by name. The TLS and link keys are revoked by replacing them.
func (ks *KeyStatement) ids() []KeyID {
	ids := []KeyID{ks.Signing.ID(), ks.Cosigning.ID()}
	for _, k := range ks.KEM {
		ids = append(ids, k.ID())
	}
	return ids
}

// Encode returns the deterministic CBOR of ks, after Check.
func (ks *KeyStatement) Encode() ([]byte, error) {
	if err := ks.Check(); err != nil {
		return nil, err
	}
	return wire.Marshal(ks)
}

// DecodeKeyStatement reads what Encode wrote, strictly, and checks it. It proves nothing: use OpenKeyStatement.
func DecodeKeyStatement(b []byte) (*KeyStatement, error) {
	var ks KeyStatement
	if err := wire.Unmarshal(b, MaxKeyStatement, &ks); err != nil {
		return nil, err
	}
	if err := ks.Check(); err != nil {
		return nil, err
	}
	return &ks, nil
}

// SignKeyStatement signs ks with the root. It refuses what OpenKeyStatement would refuse.
func SignKeyStatement(root *SigningKey, ks *KeyStatement) (Signed, error) {
	b, err := ks.Encode()
	if err != nil {
		return Signed{}, err
	}
	if err := ks.apartFrom(root.Public()); err != nil {
		return Signed{}, err
	}
	return SignPayload(root, KeyStatementContext, b)
}

// OpenKeyStatement verifies s with the root that the agreement embeds and decodes it. It is enough for the first
// statement seen of a node; for a later one use NextKeyStatement. Errors have a code of [Signed.Open], Check or package
// wire, or seal.keys.root when the root is used as a node key.
func OpenKeyStatement(root PublicKey, s Signed) (*KeyStatement, error) {
	b, err := s.Open(root, KeyStatementContext)
	if err != nil {
		return nil, err
	}
	ks, err := DecodeKeyStatement(b)
	if err != nil {
		return nil, err
	}
	return ks, ks.apartFrom(root)
}

// apartFrom refuses a root that is also a key of the node: an offline key is not offline then.
func (ks *KeyStatement) apartFrom(root PublicKey) error {
	for _, k := range []PublicKey{ks.Signing, ks.Cosigning} {
		if bytes.Equal(k.Ed25519, root.Ed25519) || bytes.Equal(k.MLDSA87, root.MLDSA87) {
			return fail(errs.Refused, "seal.keys.root", "seal.keys", "key statement", "the root is also a key of the node")
		}
	}
	return nil
}

// NextKeyStatement decides whether s may replace have, the statement now in force for its author, and returns it.
//
// The root's signature is always required, the serial must rise, realm, author and suite stay, and a revoked key
// never returns: Revoked must contain all that have revoked. Beyond that there are two ways:
//
//   - Rotation: Previous is have's digest and Serial the one after. Keys may stay, so that one can be rotated at a time.
//     That the node itself agrees is shown by the checkpoint of its journal that covers the statement, signed with the
//     old key, and that it holds the new key by the first checkpoint signed with that.
//   - Loss: Previous is zero and the root speaks alone. Nothing of have counts any more, so no key of it may be named
//     again: signing, cosigning, encapsulation, TLS or link, in either half.
//
// The same statement once more is a no-op; another one with the same serial shows that the root equivocated.
//
// Errors have kind Refused and code seal.rotation.{realm,author,suite,serial,fork,revoked,chain,reused}, or are those of
// OpenKeyStatement. The caller stores the result in the transaction that obeys it; s itself is the evidence to keep.
func NextKeyStatement(root PublicKey, have *KeyStatement, s Signed) (*KeyStatement, error) {
	next, err := OpenKeyStatement(root, s)
	if err != nil {
		return nil, err
	}
	refuse := func(part errs.Code, reason, do string) (*KeyStatement, error) {
		return nil, &errs.Error{Kind: errs.Refused, Code: "seal.rotation." + part, Op: "seal.keys.next",
			Subject: "serial " + strconv.FormatUint(next.Serial, 10), Reason: reason, Next: do}
	}
	switch {
	case next.Realm != have.Realm:
		return refuse("realm", "it belongs to another realm", "")
	case next.Author != have.Author:
		return refuse("author", "it belongs to another author", "")
	case next.Suite != have.Suite:
		return refuse("suite", "a change of suite is a change of the agreement", "")
	case next.Serial < have.Serial:
		return refuse("serial", "older than the statement in force", "")
	case next.Serial == have.Serial && next.Digest() == have.Digest():
		return have, nil
	case next.Serial == have.Serial:
		return refuse("fork", "the root signed another statement with this serial", "keep both as evidence and call the other party")
	}
	for _, id := range have.Revoked {
		if !slices.Contains(next.Revoked, id) {
			return refuse("revoked", "it leaves out a key that was revoked before", "list every key ever revoked")
		}
	}
	switch {
	case next.Previous == have.Digest() && next.Serial == have.Serial+1:
		return next, nil
	case next.Previous != [48]byte{}:
		return refuse("chain", "it does not follow the statement in force", "ask for the statements in between")
	case next.shares(have):
		return refuse("reused", "a statement that does not follow the one in force may keep no key of it",
			"make every key anew, or sign a statement that follows the one in force")
	}
	return next, nil
}

// shares reports whether ks names any key of o, in whole or in half.
func (ks *KeyStatement) shares(o *KeyStatement) bool {
	for _, a := range []PublicKey{ks.Signing, ks.Cosigning} {
		for _, b := range []PublicKey{o.Signing, o.Cosigning} {
			if bytes.Equal(a.Ed25519, b.Ed25519) || bytes.Equal(a.MLDSA87, b.MLDSA87) {
				return true
			}
		}
	}
	for _, k := range ks.KEM {
		if o.HasKEM(k.ID()) {
			return true
		}
	}
	return ks.TLS == o.TLS || bytes.Equal(ks.LinkKey, o.LinkKey)
}

func linkPublic(b []byte) (*ecdh.PublicKey, error) {
	if len(b) != pointSize || b[0] != 4 {
		return nil, fail(errs.Invalid, "seal.link.key", "seal.link", "link key", "not an uncompressed P-384 point")
	}
	k, err := ecdh.P384().NewPublicKey(b)
	if err != nil {
		return nil, fail(errs.Invalid, "seal.link.key", "seal.link", "link key", "not a point on P-384")
	}
	return k, nil
}
