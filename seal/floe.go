package seal

import (
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"sync"

	"entente/errs"
)

// The container is FLOE as C2SP publishes it (c2sp.org/FLOE: AEAD AES-GCM-256, KDF HKDF-EXPAND-SHA-384, IV of 32
// bytes) with an encrypted segment length of 1 MiB. Entente uses its random-access functions, which by themselves do
// not notice missing, doubled or extra segments; object.go adds the tree that does.
const (
	floeIVSize     = 32
	floeTagSize    = 32
	floeHeaderSize = 10 + floeIVSize + floeTagSize
	segmentExtra   = 4 + 12 + 16 // length, nonce, tag
	notFinal       = 0xffffffff  // in the length field of every segment but the last
)

// floeParams are the parameters of FLOE that can vary: tests use short segments and a quick rotation.
type floeParams struct {
	segment  uint32 // ENC_SEG_LEN, bytes of ciphertext
	rotation uint   // log2 of the number of segments under one AES key
}

var objectParams = floeParams{segment: SegmentSize, rotation: 20}

func (p floeParams) plain() int { return int(p.segment) - segmentExtra }

// encode is PARAM_ENCODE: AEAD 0, KDF 0, segment length, IV length.
func (p floeParams) encode() []byte {
	b := binary.BigEndian.AppendUint32([]byte{0, 0}, p.segment)
	return binary.BigEndian.AppendUint32(b, floeIVSize)
}

// kdf is FLOE_KDF.
func (p floeParams) kdf(key, iv, aad []byte, purpose string, n int) []byte {
	info := append(p.encode(), iv...)
	info = append(info, purpose...)
	return expand(key, append(info, aad...), n)
}

// floe is the state of one container: its message key and the AES key now in use. It is safe for concurrent use.
type floe struct {
	floeParams
	iv, aad, message []byte

	mu   sync.Mutex
	mask uint64 // first segment of aead's range
	aead cipher.AEAD
}

// start makes a new container and its header.
func (p floeParams) start(key, aad []byte) (*floe, []byte) {
	header := append(p.encode(), make([]byte, floeIVSize)...)
	iv := header[10:]
	rand.Read(iv)
	header = append(header, p.kdf(key, iv, aad, "HEADER_TAG:", floeTagSize)...)
	return p.state(key, iv, aad), header
}

// resume opens a container by its header. Errors have code seal.object.header.
func (p floeParams) resume(key, aad, header []byte) (*floe, error) {
	if len(header) != floeHeaderSize || string(header[:10]) != string(p.encode()) {
		return nil, fail(errs.Integrity, "seal.object.header", "seal.object", "header", "not the parameters of this format")
	}
	iv, tag := header[10:10+floeIVSize], header[10+floeIVSize:]
	if subtle.ConstantTimeCompare(tag, p.kdf(key, iv, aad, "HEADER_TAG:", floeTagSize)) != 1 {
		return nil, fail(errs.Integrity, "seal.object.header", "seal.object", "header", "not made with this key for this place")
	}
	return p.state(key, iv, aad), nil
}

func (p floeParams) state(key, iv, aad []byte) *floe {
	f := &floe{floeParams: p, iv: append([]byte(nil), iv...), aad: append([]byte(nil), aad...)}
	f.message = p.kdf(key, iv, aad, "MESSAGE_KEY:", 48)
	return f
}

// cipher is DERIVE_KEY, with the last key cached.
func (f *floe) cipher(pos uint64) cipher.AEAD {
	mask := pos >> f.rotation << f.rotation
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.aead == nil || f.mask != mask {
		purpose := string(binary.BigEndian.AppendUint64([]byte("DEK:"), mask))
		key := f.kdf(f.message, f.iv, f.aad, purpose, 32)
		f.aead, f.mask = newGCM(key), mask
		clear(key)
	}
	return f.aead
}

// segmentAAD is what a segment's tag covers besides its bytes: position and final flag.
func segmentAAD(pos uint64, final bool) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 9), pos)
	if final {
		return append(b, 1)
	}
	return append(b, 0)
}

// seal appends segment pos to dst. Unless final, plain must have the full length.
func (f *floe) seal(dst, plain []byte, pos uint64, final bool) []byte {
	length := uint32(notFinal)
	if final {
		length = uint32(len(plain) + segmentExtra)
	}
	dst = binary.BigEndian.AppendUint32(dst, length)
	return f.cipher(pos).Seal(dst, nil, plain, segmentAAD(pos, final))
}

// open appends the content of segment pos to dst. Errors have code seal.object.segment.
func (f *floe) open(dst, segment []byte, pos uint64, final bool) ([]byte, error) {
	length, full := uint32(notFinal), len(segment) == int(f.segment)
	if final {
		length, full = uint32(len(segment)), len(segment) >= segmentExtra && len(segment) <= int(f.segment)
	}
	if !full || binary.BigEndian.Uint32(segment) != length {
		return nil, fail(errs.Integrity, "seal.object.segment", "seal.object", "segment", "not the length of this segment")
	}
	out, err := f.cipher(pos).Open(dst, nil, segment[4:], segmentAAD(pos, final))
	if err != nil {
		return nil, fail(errs.Integrity, "seal.object.segment", "seal.object", "segment", "does not decrypt at this place")
	}
	return out, nil
}
