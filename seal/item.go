package seal

import (
	"crypto/aes"
	"crypto/cipher"

	"entente/errs"
)

// ItemOverhead is how many bytes sealing adds to an item: nonce 12, tag 16.
const ItemOverhead = 28

// ItemCipher encrypts rows at rest under one key with AES-256-GCM and random nonces. A box is nonce ‖ ciphertext ‖ tag.
// One key may seal at most 2^32 items (SP 800-38D section 8.3); keys per item, wrapped by a storage key, stay far below.
// It is safe for concurrent use.
type ItemCipher struct {
	hidden
	aead veiled[cipher.AEAD]
}

// NewItemCipher prepares key. Keep the result: preparing costs about as much as sealing 2 KiB.
func NewItemCipher(key [32]byte) *ItemCipher { return &ItemCipher{aead: veil(newGCM(key[:]))} }

// newGCM returns AES-256-GCM with nonces that the module draws itself, the only form allowed under fips140=only.
func newGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only for a key that is not 32 bytes
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for a block that is not AES
	}
	return aead
}

// Seal appends the box of plain to dst. Aad must name the row and column that the box belongs to; it is not stored.
// With room in dst for len(plain)+ItemOverhead it allocates nothing. Dst must not overlap plain or aad.
func (c *ItemCipher) Seal(dst, aad, plain []byte) []byte { return c.aead().Seal(dst, nil, plain, aad) }

// Open appends the content of box to dst, if it was sealed under this key with this aad. Errors have code seal.item and
// do not say why. Dst must not overlap box or aad.
func (c *ItemCipher) Open(dst, aad, box []byte) ([]byte, error) {
	out, err := c.aead().Open(dst, nil, box, aad)
	if err != nil {
		return nil, fail(errs.Integrity, "seal.item", "seal.open", "item", "not sealed under this key for this place")
	}
	return out, nil
}

// SealItem is NewItemCipher(key).Seal for a key used once.
func SealItem(key [32]byte, aad, plain []byte) []byte {
	return NewItemCipher(key).Seal(make([]byte, 0, len(plain)+ItemOverhead), aad, plain)
}

// OpenItem is NewItemCipher(key).Open for a key used once.
func OpenItem(key [32]byte, aad, box []byte) ([]byte, error) {
	if len(box) < ItemOverhead {
		return NewItemCipher(key).Open(nil, aad, nil)
	}
	return NewItemCipher(key).Open(make([]byte, 0, len(box)-ItemOverhead), aad, box)
}
