package exchange

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"

	"entente/errs"
	"entente/seal"
)

// The outer header, all that a stranger sees, in fixed places:
//
//	 0  4 bytes  "ENTB"
//	 4  1 byte   version, 1
//	 5  1 byte   suite, seal.Suite.Number
//	 6 16 bytes  link id
//	22 16 bytes  id of the encapsulation key sealed to
//	38  8 bytes  length of what follows the header, big endian
//	46 48 bytes  HMAC-SHA-384 under the link key, over bytes 0 to 45 and what follows the header
const (
	magic      = "ENTB"
	macAt      = 46
	HeaderSize = macAt + sha512.Size384 // bytes
)

// CourierSuffix ends the name of a bundle in a file.
const CourierSuffix = ".entb"

// FileName returns the name under which a bundle is written to be carried: its id and CourierSuffix. The bytes are those
// that would be POSTed. Nothing may be concluded from the name of a file that arrives.
func FileName(id [16]byte) string { return "entente-" + hex.EncodeToString(id[:]) + CourierSuffix }

func refuse(kind errs.Kind, code errs.Code, reason string) error {
	return &errs.Error{Kind: kind, Code: code, Op: "exchange.open", Reason: reason}
}

// PeekLink returns the link id of a bundle, to find its Link. It looks at sizes and the first 22 bytes; what it returns
// is a claim until Unpack has checked the HMAC. Codes: exchange.bundle.{oversized,truncated,magic}.
func PeekLink(raw []byte) (id [16]byte, err error) {
	switch {
	case len(raw) > MaxBundle:
		return id, refuse(errs.Invalid, "exchange.bundle.oversized", "larger than a bundle may be")
	case len(raw) < HeaderSize:
		return id, refuse(errs.Invalid, "exchange.bundle.truncated", "shorter than its header")
	case string(raw[:4]) != magic:
		return id, refuse(errs.Invalid, "exchange.bundle.magic", "not a bundle")
	}
	return [16]byte(raw[6:22]), nil
}

func mac(key LinkKey, raw []byte) []byte {
	h := hmac.New(sha512.New384, key[:])
	h.Write(raw[:macAt])
	h.Write(raw[HeaderSize:])
	return h.Sum(nil)
}

// info binds the sealing to its place: the clear header is in it, so that nothing in it can be changed even by somebody
// who has the link key.
func info(l *Link, out bool, epoch uint64, key seal.KeyID, header []byte) []byte {
	from, to := l.Peer, l.Self
	if out {
		from, to = l.Self, l.Peer
	}
	return seal.Info("entente/bundle/1", l.Suite, l.Realm, l.Channel, from, to, epoch, key, header[:macAt])
}

// Pack seals b to the peer and puts the header before it. The result is what travels; two packings of one bundle
// differ. Codes: exchange.bundle.{channel,sender,recipient} if b is not of this link, and those of Encode.
func Pack(l *Link, b *Bundle) ([]byte, error) {
	switch {
	case b.Channel != l.Channel:
		return nil, invalid("exchange.bundle.channel", "the bundle is of another channel")
	case b.From != l.Self:
		return nil, invalid("exchange.bundle.sender", "the bundle is not from this node")
	case b.To != l.Peer:
		return nil, invalid("exchange.bundle.recipient", "the bundle is not for this peer")
	}
	plain, err := b.Encode()
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	key := l.PeerKEM.ID()
	raw := make([]byte, HeaderSize, HeaderSize+l.Suite.Overhead()+len(plain))
	copy(raw, magic)
	raw[4], raw[5] = Version, l.Suite.Number()
	copy(raw[6:], l.OutID[:])
	copy(raw[22:], key[:])
	binary.BigEndian.PutUint64(raw[38:], uint64(l.Suite.Overhead()+len(plain)))
	sealed, err := seal.SealTo(l.PeerKEM, info(l, true, l.SelfEpoch, key, raw), plain)
	if err != nil {
		return nil, err
	}
	raw = append(raw, sealed...)
	copy(raw[macAt:], mac(l.OutKey, raw))
	return raw, nil
}

// Decapsulator opens what was sealed to one of the node's encapsulation keys. It fails with kind NotFound for a key it
// does not have, or no longer, and with another kind if the bytes do not open.
type Decapsulator interface {
	Decapsulate(key seal.KeyID, info, sealed []byte) ([]byte, error)
}

// KEMKeys are encapsulation keys held in memory, newest first.
type KEMKeys []*seal.KEMPrivate

// Decapsulate implements Decapsulator.
func (k KEMKeys) Decapsulate(key seal.KeyID, info, sealed []byte) ([]byte, error) {
	for _, x := range k {
		if x.ID() == key {
			return x.Open(info, sealed)
		}
	}
	return nil, &errs.Error{Kind: errs.NotFound, Code: "exchange.key", Op: "exchange.open", Subject: key.String(),
		Reason: "no such encapsulation key"}
}

// Unpack opens a bundle of link l. The order is fixed: sizes, HMAC, then the rest of the header, decryption, strict
// decoding, and whether the bundle is of this channel, from the peer and for this node. Before the HMAC holds nothing
// is touched but sizes. What it returns is what the peer's node sealed; nothing in it is verified yet: see Examine.
//
// Codes: exchange.bundle.{oversized,truncated,magic,mac,version,suite,key,epoch,sealed,malformed,channel,sender,recipient}.
// Truncated also stands for bytes cut off or added on the way, as media do; mac for everything else that was changed,
// and for another link. Epoch means that the peer seals for the epoch before or after the one known of it.
func Unpack(l *Link, keys Decapsulator, raw []byte) (*Bundle, error) {
	id, err := PeekLink(raw)
	if err != nil {
		return nil, err
	}
	if binary.BigEndian.Uint64(raw[38:]) != uint64(len(raw)-HeaderSize) {
		return nil, refuse(errs.Invalid, "exchange.bundle.truncated", "not of the length its header says")
	}
	if sum := mac(l.InKey, raw); id != l.InID || !hmac.Equal(sum, raw[macAt:HeaderSize]) {
		return nil, refuse(errs.Integrity, "exchange.bundle.mac", "not made by the peer of this link, or changed on the way")
	}
	if raw[4] != Version {
		return nil, refuse(errs.Invalid, "exchange.bundle.version", "unknown version of the header")
	}
	if raw[5] != l.Suite.Number() {
		return nil, refuse(errs.Refused, "exchange.bundle.suite", "not the suite that the agreement names")
	}
	plain, err := open(l, keys, raw)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	b, err := DecodeBundle(plain)
	switch {
	case err != nil:
		return nil, err
	case b.Channel != l.Channel:
		return nil, refuse(errs.Refused, "exchange.bundle.channel", "the bundle is of another channel")
	case b.From != l.Peer:
		return nil, refuse(errs.Refused, "exchange.bundle.sender", "the bundle is not from the peer of this link")
	case b.To != l.Self:
		return nil, refuse(errs.Refused, "exchange.bundle.recipient", "the bundle is not for this node")
	}
	return b, nil
}

func open(l *Link, keys Decapsulator, raw []byte) ([]byte, error) {
	key := seal.KeyID(raw[22:38])
	try := func(epoch uint64) ([]byte, error) {
		return keys.Decapsulate(key, info(l, false, epoch, key, raw), raw[HeaderSize:])
	}
	plain, err := try(l.PeerEpoch)
	if err == nil {
		return plain, nil
	}
	if errs.KindOf(err) == errs.NotFound {
		return nil, &errs.Error{Kind: errs.Unavailable, Code: "exchange.bundle.key", Op: "exchange.open",
			Reason: "sealed to an encapsulation key that this node does not have, or no longer",
			Next:   "the sender must seal again to a current key", Err: err}
	}
	// The HMAC holds, so this is the peer, and worth the work to say what is wrong.
	for _, epoch := range []uint64{l.PeerEpoch - 1, l.PeerEpoch + 1} {
		if plain, err := try(epoch); err == nil {
			clear(plain)
			return nil, &errs.Error{Kind: errs.Refused, Code: "exchange.bundle.epoch", Op: "exchange.open",
				Reason: "sealed in another epoch of the peer than the one known here",
				Next:   "an older epoch is a restored node; a newer one must first be accepted by both roots"}
		}
	}
	return nil, refuse(errs.Integrity, "exchange.bundle.sealed", "does not open for this link and epoch")
}
