package guard

import (
	"crypto/sha512"
	"encoding/binary"
)

const (
	maxActTerms = 4 << 10  // bytes of release.dispatch/1 terms; a full one is under 1 KiB
	maxVersion  = 60 << 10 // bytes of a release version, so that it fits the content of one statement (64 KiB)
	maxPortions = 256
	maxNames    = 64 // designations or parties in one label
	maxText     = 16 << 10
)

// mark is a label as it stands in the bytes, with those bytes.
type mark struct {
	policy, level string
	designations  []string
	release       []string
	originator    string
	raw           []byte
}

// act is the terms of a release.dispatch/1 act.
type act struct {
	release   [16]byte
	digest    [48]byte
	banner    mark
	purpose   string
	preced    string
	copies    uint64
	manifest  [48]byte
	guard     [48]byte
	guardAt   int // offset of the 48 bytes of guard, to blank them
	decision  [48]byte
	size      uint64
	portions  uint64
	canonical []byte // the act with guard blanked
}

// disclosed is one portion, or the title, of a version.
type disclosed struct {
	number uint64
	label  mark
	text   string
	salt   [32]byte
	kind   string
	with   []uint64
}

// version is a release version.
type version struct {
	version         uint64
	release         [16]byte
	reference       string
	realm           string
	from, authority string
	to              string
	time            uint64
	preced, purpose string
	language, kind  string
	banner          mark
	title           disclosed
	portions        []disclosed
	manifest        [][48]byte
	handling        []handling
	exercise        bool
}

// handling is a text of the agreement that the version carries with it.
type handling struct{ article, en, ja string }

func (c *cbor) names() (out []string) {
	c.list(1, maxNames, func() { out = append(out, c.text(64)) })
	return out
}

func (c *cbor) mark() (m mark) {
	m.raw = c.raw(func() {
		c.fields([]uint64{1, 2, 4, 5}, func(key uint64) bool {
			switch key {
			case 1:
				m.policy = c.text(128)
			case 2:
				m.level = c.text(64)
			case 3:
				m.designations = c.names()
			case 4:
				m.release = c.names()
			case 5:
				m.originator = c.text(16)
			default:
				return false
			}
			return true
		})
	})
	return m
}

func (c *cbor) disclosed() (d disclosed) {
	c.fields([]uint64{1, 2, 3, 4, 5}, func(key uint64) bool {
		switch key {
		case 1:
			d.number = c.number(maxPortions)
		case 2:
			d.label = c.mark()
		case 3:
			d.text = c.text(maxText)
		case 4:
			c.fixed(d.salt[:])
		case 5:
			d.kind = c.text(16)
		case 6:
			c.list(1, maxPortions, func() { d.with = append(d.with, c.number(maxPortions)) })
		default:
			return false
		}
		return true
	})
	return d
}

// readAct reads dispatch terms, at most 4 KiB; bad says why it could not.
func readAct(b []byte) (a act, bad string) {
	if len(b) > maxActTerms {
		return a, "larger than 4 KiB"
	}
	c := &cbor{b: b}
	c.fields([]uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, func(key uint64) bool {
		switch key {
		case 1:
			c.fixed(a.release[:])
		case 2:
			c.fixed(a.digest[:])
		case 3:
			a.banner = c.mark()
		case 4:
			a.purpose = c.text(64)
		case 5:
			a.preced = c.text(16)
		case 6:
			a.copies = c.number(1 << 16)
		case 7:
			c.fixed(a.manifest[:])
		case 8:
			c.fixed(a.guard[:])
			a.guardAt = c.off - len(a.guard)
		case 9:
			c.fixed(a.decision[:])
		case 10:
			a.size = c.number(maxVersion)
		case 11:
			a.portions = c.number(maxPortions)
		default:
			return false
		}
		return true
	})
	c.end()
	if c.bad == "" {
		a.canonical = append([]byte(nil), b...)
		clear(a.canonical[a.guardAt : a.guardAt+len(a.guard)])
	}
	return a, c.bad
}

// readVersion reads a release version, at most 60 KiB; bad says why it could not.
func readVersion(b []byte) (v version, bad string) {
	if len(b) > maxVersion {
		return v, "larger than 60 KiB"
	}
	c := &cbor{b: b}
	c.fields([]uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18}, func(key uint64) bool {
		switch key {
		case 1:
			v.version = c.number(1 << 32)
		case 2:
			c.fixed(v.release[:])
		case 3:
			v.reference = c.text(128)
		case 4:
			v.realm = c.text(64)
		case 5:
			v.from = c.text(16)
		case 6:
			v.authority = c.text(64)
		case 7:
			v.to = c.text(16)
		case 8:
			v.time = c.number(1 << 52)
		case 9:
			v.preced = c.text(16)
		case 10:
			v.purpose = c.text(64)
		case 11:
			v.language = c.text(8)
		case 12:
			v.kind = c.text(32)
		case 13:
			v.banner = c.mark()
		case 14:
			v.title = c.disclosed()
		case 15:
			c.list(1, maxPortions, func() { v.portions = append(v.portions, c.disclosed()) })
		case 16:
			c.list(1, 4*maxPortions, func() {
				v.manifest = append(v.manifest, [48]byte{})
				c.fixed(v.manifest[len(v.manifest)-1][:])
			})
		case 17:
			c.list(1, maxNames, func() { v.handling = append(v.handling, c.handling()) })
		case 18:
			v.exercise = c.boolean()
		default:
			return false
		}
		return true
	})
	c.end()
	return v, c.bad
}

func (c *cbor) handling() (h handling) {
	c.fields([]uint64{1, 2, 3}, func(key uint64) bool {
		switch key {
		case 1:
			h.article = c.text(64)
		case 2:
			h.en = c.text(2 << 10)
		case 3:
			h.ja = c.text(2 << 10)
		default:
			return false
		}
		return true
	})
	return h
}

// commitment computes what the manifest must hold for d, from its bytes alone.
func (d *disclosed) commitment() (sum [48]byte) {
	body := appendHead(nil, majorMap, 3)
	body = append(appendHead(body, majorUint, 1), d.label.raw...)
	body = append(appendHead(appendHead(body, majorUint, 2), majorText, uint64(len(d.text))), d.text...)
	body = append(appendHead(appendHead(body, majorUint, 3), majorText, uint64(len(d.kind))), d.kind...)
	h := sha512.New384()
	h.Write([]byte("entente/portion/1\x00"))
	h.Write(d.salt[:])
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(body)))
	h.Write(n[:])
	h.Write(body)
	h.Sum(sum[:0])
	return sum
}
