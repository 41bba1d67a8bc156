package statement

import (
	"crypto/sha512"
	"slices"

	"entente/party"
)

// ChannelDigest names a channel: SHA-384("entente/channel/1" 0x00 ‖ agreement ‖ each reader, sorted, followed by 0x00).
// agreement is the digest of the agreement's text; the order of readers given makes no difference.
func ChannelDigest(agreement [48]byte, readers []party.Author) [48]byte {
	sorted := slices.Sorted(slices.Values(readers))
	h := sha512.New384()
	h.Write([]byte("entente/channel/1\x00"))
	h.Write(agreement[:])
	for _, r := range sorted {
		h.Write([]byte(r))
		h.Write([]byte{0})
	}
	return [48]byte(h.Sum(nil))
}
