package guard

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// cbor reads deterministic CBOR (RFC 8949 section 4.2.1) from b against a layout that the caller knows: the caller asks
// for the item it expects and any other item, or any other spelling of that item, is a failure that sticks. There is
// no way to skip an item, so nesting is bounded by the layout and not by the input.
type cbor struct {
	b   []byte
	off int
	bad string // why reading failed; "" while all is well
}

// CBOR major types that the layouts use. Negative numbers, tags, floats, null and indefinite lengths have no place.
const (
	majorUint  = 0
	majorBytes = 2
	majorText  = 3
	majorArray = 4
	majorMap   = 5
)

func (c *cbor) fail(why string) {
	if c.bad == "" {
		c.bad = why
	}
}

// head reads the head of an item of the given major type and returns its argument.
func (c *cbor) head(major byte) uint64 {
	if c.bad != "" {
		return 0
	}
	if c.off >= len(c.b) {
		c.fail("ends too early")
		return 0
	}
	first := c.b[c.off]
	if first>>5 != major {
		c.fail("an item is of another type than the layout says")
		return 0
	}
	info := first & 31
	if info < 24 {
		c.off++
		return uint64(info)
	}
	if info > 27 {
		c.fail("indefinite or reserved length")
		return 0
	}
	n := 1 << (info - 24)
	if len(c.b)-c.off-1 < n {
		c.fail("ends too early")
		return 0
	}
	var wide [8]byte
	copy(wide[8-n:], c.b[c.off+1:c.off+1+n])
	arg := binary.BigEndian.Uint64(wide[:])
	if least := [4]uint64{24, 1 << 8, 1 << 16, 1 << 32}[info-24]; arg < least {
		c.fail("a number is not in its shortest form")
		return 0
	}
	c.off += 1 + n
	return arg
}

// take returns the next n bytes, without copying.
func (c *cbor) take(n uint64) []byte {
	if c.bad != "" {
		return nil
	}
	if n > uint64(len(c.b)-c.off) {
		c.fail("ends too early")
		return nil
	}
	s := c.b[c.off : c.off+int(n)]
	c.off += int(n)
	return s
}

// number reads an unsigned integer of at most max.
func (c *cbor) number(max uint64) uint64 {
	n := c.head(majorUint)
	if n > max {
		c.fail("a number is too large")
		return 0
	}
	return n
}

// text reads valid UTF-8 of at most max bytes.
func (c *cbor) text(max uint64) string {
	n := c.head(majorText)
	if n > max {
		c.fail("a text is too long")
		return ""
	}
	s := c.take(n)
	if !utf8.Valid(s) {
		c.fail("a text is not UTF-8")
		return ""
	}
	return string(s)
}

// fixed reads a byte string of exactly len(into) bytes.
func (c *cbor) fixed(into []byte) {
	n := c.head(majorBytes)
	if c.bad == "" && n != uint64(len(into)) {
		c.fail("a byte string has the wrong length")
		return
	}
	copy(into, c.take(n))
}

// boolean reads true or false.
func (c *cbor) boolean() bool {
	b := c.take(1)
	if c.bad != "" {
		return false
	}
	if b[0] != 0xf4 && b[0] != 0xf5 {
		c.fail("an item is of another type than the layout says")
	}
	return b[0] == 0xf5
}

// list reads an array of min to max items, each by one call of read. An optional list that is there is never empty.
func (c *cbor) list(min, max uint64, read func()) {
	n := c.head(majorArray)
	if n < min || n > max {
		c.fail("a list is empty or too long")
	}
	for ; n > 0 && c.bad == ""; n-- {
		read()
	}
}

// fields reads a map whose keys are unsigned integers in rising order, each value by one call of read, which returns false
// for a key it does not know. need lists the keys that must be there.
func (c *cbor) fields(need []uint64, read func(key uint64) bool) {
	n := c.head(majorMap)
	var seen uint64
	for last, i := uint64(0), uint64(0); i < n && c.bad == ""; i++ {
		key := c.number(63)
		switch {
		case c.bad != "":
		case i > 0 && key <= last:
			c.fail("map keys are repeated or out of order")
		case !read(key):
			c.fail("an unknown field")
		}
		last, seen = key, seen|1<<key
	}
	for _, k := range need {
		if c.bad == "" && seen&(1<<k) == 0 {
			c.fail("a field is missing")
		}
	}
}

// raw runs read and returns the exact bytes it consumed.
func (c *cbor) raw(read func()) []byte {
	from := c.off
	read()
	return bytes.Clone(c.b[from:c.off])
}

// end refuses trailing bytes.
func (c *cbor) end() {
	if c.off != len(c.b) {
		c.fail("trailing bytes")
	}
}

// appendHead appends the head of an item: the only thing the guard ever encodes, to compute commitments.
func appendHead(b []byte, major byte, n uint64) []byte {
	m := major << 5
	switch {
	case n < 24:
		return append(b, m|byte(n))
	case n < 1<<8:
		return append(b, m|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, m|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, m|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, m|27), n)
}
