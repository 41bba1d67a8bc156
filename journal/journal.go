// Package journal is the Merkle log in which an author's statements are counted, proved and witnessed.
//
// A journal knows bytes and hashes, never meaning. Its leaves are entries of at most [MaxEntry] bytes; the tree over
// them is that of RFC 6962 section 2.1 with SHA-256, stored as C2SP tlog-tiles; its head is published as a C2SP
// tlog-checkpoint in a signed note. Third-party log tools read all of it as it stands. What is ours, and fixed byte
// by byte in doc/formats/journal.md, is the ML-DSA-87 signature beside every Ed25519 one: BOTH must verify, always.
//
// # Use
//
//   - [Tree] appends, and proves inclusion and consistency: [OpenTree], [Tree.Append], [Tree.Root], [Tree.Clone].
//   - [Sign] and [Open] make and read a checkpoint; [Cosign] and [OpenCosignature] a reader's countersignature.
//   - [Known.Advance] is the witness: may this checkpoint replace the one cosigned last?
//   - [Equivocation] is the transferable proof that an author signed two heads that contradict.
//   - [Proof] is one .tlog-proof file: that an entry is in a journal, checked by anybody, offline.
//   - [TilesAt], [TilePath], [EntryPath] and [EncodeEntries] lay out an export that other tools can
//     read; [VerifierKey] and [CosignerKey] are the keys in their form.
//   - [EpochLink] ties the first entry of a new epoch to the head of the one it replaces.
//
// # What holds after a crash
//
// The package keeps nothing. A Tree is a cache of the tiles the caller stored; after a crash OpenTree with the
// committed size gives the tree of exactly the committed leaves, and uncommitted leaves never were. The caller
// stores [Tree.Dirty] in the transaction that stores the leaves, and signs a checkpoint only over committed leaves.
// [Known.Advance] is pure: the caller compares and persists in one transaction, and cosigns after it committed.
//
// # What is promised
//
// Everything decoded here may be hostile: sizes are capped first, each value has one spelling, nothing panics. A tile
// that does not hash to its place in the tree is refused (journal.tile.corrupt) before any proof is made from it.
// The *held* receipt, which alone acknowledges a transmission, is not a cosignature and not made here: see exchange.
package journal

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"entente/errs"
)

const (
	// MaxEntry is the largest entry, in bytes, that a tlog-tiles entry bundle can carry.
	MaxEntry = 1<<16 - 1
	// TileWidth is the number of hashes in a full tile, and of entries in a full bundle.
	TileWidth = 256
	// MaxPath is the most hashes an inclusion or consistency proof can have (tlog-witness, add-checkpoint).
	MaxPath = 63

	hashSize = sha256.Size
	tileSize = TileWidth * hashSize
)

// Hash is a node of the tree: SHA-256.
type Hash [hashSize]byte

// String returns h in lower-case hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// EmptyRoot is the root of the tree without leaves: SHA-256 of nothing (RFC 6962 section 2.1).
func EmptyRoot() Hash { return sha256.Sum256(nil) }

// LeafHash is SHA-256(0x00 ‖ leaf), RFC 6962 section 2.1. It does not allocate for leaves up to 1 KiB.
func LeafHash(leaf []byte) Hash {
	var buf [1 + 1024]byte
	if len(leaf) < len(buf) {
		return sha256.Sum256(buf[:1+copy(buf[1:], leaf)])
	}
	return sha256.Sum256(append([]byte{0}, leaf...))
}

// nodeHash is SHA-256(0x01 ‖ left ‖ right), RFC 6962 section 2.1.
func nodeHash(left, right Hash) Hash {
	var buf [1 + 2*hashSize]byte
	buf[0] = 1
	copy(buf[1:], left[:])
	copy(buf[1+hashSize:], right[:])
	return sha256.Sum256(buf[:])
}

func invalid(code errs.Code, op, reason string) error {
	return &errs.Error{Kind: errs.Invalid, Code: code, Op: op, Reason: reason}
}

func integrity(code errs.Code, op, subject, reason string) error {
	return &errs.Error{Kind: errs.Integrity, Code: code, Op: op, Subject: subject, Reason: reason}
}

// encode64 and decode64 are RFC 4648 section 4 with padding. The decoder accepts one spelling: canonical trailing
// bits and no line breaks inside (the standard decoder skips those).
func encode64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func decode64(s string) ([]byte, bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil && base64.StdEncoding.EncodedLen(len(b)) == len(s)
}

func decodeHash(s string) (h Hash, ok bool) {
	b, ok := decode64(s)
	if !ok || len(b) != len(h) {
		return h, false
	}
	return Hash(b), true
}
