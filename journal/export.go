package journal

import (
	"encoding/binary"
	"fmt"
	"iter"
	"strconv"
	"strings"
)

// An export is a directory of a C2SP tlog-tiles log: "checkpoint" (the signed note), "tile/<level>/<n>[.p/<width>]"
// and "tile/entries/<n>[.p/<width>]". A partial tile belongs to the size of the exported checkpoint.

// TileRef names a tile of an export: its width is below 256 only at the right edge.
type TileRef struct {
	Level int
	N     int64
	Width int
}

// Path returns the place of the tile in an export.
func (r TileRef) Path() string { return TilePath(r.Level, r.N, r.Width) }

// TilesAt yields every tile of a tree of size leaves, level by level. The entry bundles are those of level 0, by
// [EntryPath].
func TilesAt(size int64) iter.Seq[TileRef] {
	return func(yield func(TileRef) bool) {
		for l := 0; l < levels && size>>(8*l) > 0; l++ {
			hashes := size >> (8 * l)
			for n := range hashes >> 8 {
				if !yield(TileRef{Level: l, N: n, Width: TileWidth}) {
					return
				}
			}
			if w := int(hashes & (TileWidth - 1)); w > 0 && !yield(TileRef{Level: l, N: hashes >> 8, Width: w}) {
				return
			}
		}
	}
}

// TilePath returns the path of tile n of a level (C2SP tlog-tiles, Merkle Tree); width 256 is a full tile.
func TilePath(level int, n int64, width int) string { return tilePath(strconv.Itoa(level), n, width) }

// EntryPath returns the path of entry bundle n (C2SP tlog-tiles, Log entries); width 256 is a full bundle.
func EntryPath(n int64, width int) string { return tilePath("entries", n, width) }

func tilePath(kind string, n int64, width int) string {
	digits := fmt.Sprintf("%03d", n)
	if pad := len(digits) % 3; pad > 0 {
		digits = strings.Repeat("0", 3-pad) + digits
	}
	var b strings.Builder
	b.WriteString("tile/" + kind)
	for ; digits != ""; digits = digits[3:] {
		b.WriteByte('/')
		if len(digits) > 3 {
			b.WriteByte('x')
		}
		b.WriteString(digits[:3])
	}
	if width < TileWidth {
		b.WriteString(".p/" + strconv.Itoa(width))
	}
	return b.String()
}

// EncodeEntries returns an entry bundle: 1 to 256 entries, each behind its length in two bytes, big-endian (C2SP
// tlog-tiles, Log entries). Code journal.entries.
func EncodeEntries(entries [][]byte) ([]byte, error) {
	if len(entries) == 0 || len(entries) > TileWidth {
		return nil, invalid("journal.entries", "journal.encode-entries", "a bundle has 1 to 256 entries")
	}
	var b []byte
	for _, e := range entries {
		if len(e) > MaxEntry {
			return nil, invalid("journal.entries", "journal.encode-entries", "an entry has at most 65535 bytes")
		}
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(e))), e...)
	}
	return b, nil
}

// DecodeEntries reads a bundle of exactly width entries. The entries share b's memory. Code journal.entries.
func DecodeEntries(b []byte, width int) ([][]byte, error) {
	if width < 1 || width > TileWidth {
		return nil, invalid("journal.entries", "journal.decode-entries", "a bundle has 1 to 256 entries")
	}
	entries := make([][]byte, 0, width)
	for range width {
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return nil, invalid("journal.entries", "journal.decode-entries", "the bundle ends inside an entry")
		}
		end := 2 + int(binary.BigEndian.Uint16(b))
		entries, b = append(entries, b[2:end:end]), b[end:]
	}
	if len(b) != 0 {
		return nil, invalid("journal.entries", "journal.decode-entries", "bytes after the last entry")
	}
	return entries, nil
}
