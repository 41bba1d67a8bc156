package seal

import (
	"entente/errs"
	"entente/wire"
)

// MaxPayload is the largest payload of a Signed, in bytes; MaxSigned the largest encoding of one.
const (
	MaxPayload = 64 << 10
	MaxSigned  = MaxPayload + 8<<10
)

// Signed is a payload that proves on its own who signed it. What the payload means is fixed by the context under which
// it was signed, so a receipt can never be shown as a key statement.
type Signed struct {
	Payload []byte    `cbor:"1,keyasint"` // 1 to MaxPayload bytes
	Key     KeyID     `cbor:"2,keyasint"` // who claims to have signed
	Sig     Signature `cbor:"3,keyasint"`
}

// SignPayload signs payload under context. Errors have code seal.signed.size or those of [SigningKey.Sign].
func SignPayload(k *SigningKey, context string, payload []byte) (Signed, error) {
	if len(payload) == 0 || len(payload) > MaxPayload {
		return Signed{}, fail(errs.Invalid, "seal.signed.size", "seal.sign", "payload", "empty or over 64 KiB")
	}
	sig, err := k.Sign(context, payload)
	if err != nil {
		return Signed{}, err
	}
	return Signed{Payload: payload, Key: k.Public().ID(), Sig: sig}, nil
}

// Open returns the payload if pub signed it under context. Errors have code seal.signed.size, seal.signed.key (signed
// by another key), or those of [PublicKey.Verify]. The payload is not copied.
func (s Signed) Open(pub PublicKey, context string) ([]byte, error) {
	if len(s.Payload) == 0 || len(s.Payload) > MaxPayload {
		return nil, fail(errs.Invalid, "seal.signed.size", "seal.open", "payload", "empty or over 64 KiB")
	}
	if s.Key != pub.ID() {
		return nil, fail(errs.Integrity, "seal.signed.key", "seal.open", s.Key.String(), "not the key expected here")
	}
	if err := pub.Verify(context, s.Payload, s.Sig); err != nil {
		return nil, err
	}
	return s.Payload, nil
}

// Encode returns the deterministic CBOR of s.
func (s Signed) Encode() []byte { return wire.MustMarshal(s) }

// DecodeSigned reads what Encode wrote, strictly, and checks sizes. It verifies nothing: call Open. Errors have code
// seal.signed.size or one of package wire.
func DecodeSigned(b []byte) (Signed, error) {
	var s Signed
	if err := wire.Unmarshal(b, MaxSigned, &s); err != nil {
		return Signed{}, err
	}
	if len(s.Payload) == 0 || len(s.Payload) > MaxPayload ||
		len(s.Sig.Ed25519) != ed25519SigSize || len(s.Sig.MLDSA87) != mldsaSigSize {
		return Signed{}, fail(errs.Invalid, "seal.signed.size", "seal.decode", "signed payload", "a part has the wrong size")
	}
	return s, nil
}
