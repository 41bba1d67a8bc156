package statement

import "strings"

// ObjectKey is how a reader opens an object: the root of the SHA-384 tree over its ciphertext, its size, and the data
// key under which it is sealed. It stands in the content, so that it dies with it.
type ObjectKey struct {
	Root      [48]byte `cbor:"1,keyasint"`
	Size      uint64   `cbor:"2,keyasint"` // ciphertext, in bytes
	Key       [32]byte `cbor:"3,keyasint"`
	MediaType string   `cbor:"4,keyasint"` // "application/pdf"; a claim, never trusted
}

// Content is what a statement carries for people: text and objects. No state depends on it and it can be destroyed.
type Content struct {
	Version   uint64      `cbor:"1,keyasint"` // 1
	Narrative []byte      `cbor:"2,keyasint,omitempty"`
	Objects   []ObjectKey `cbor:"3,keyasint,omitempty"` // the roots of the leaf, in the same order
}

// Check says whether c is well formed. Codes: statement.content.{version,objects,size}.
func (c *Content) Check() error {
	if c.Version != Version {
		return invalid("statement.content.version", "unknown version of the content format")
	}
	if len(c.Objects) > MaxObjects {
		return invalid("statement.content.objects", "more objects than a statement may carry")
	}
	for i := range c.Objects {
		o := &c.Objects[i]
		major, minor, ok := strings.Cut(o.MediaType, "/")
		switch {
		case o.Root == [48]byte{} || o.Key == [32]byte{}:
			return invalid("statement.content.objects", "an object has no root or no key")
		case o.Size == 0 || o.Size > MaxObject:
			return invalid("statement.content.objects", "the size of an object is zero or above the limit")
		case !ok || !token(o.MediaType) || major == "" || minor == "" || strings.Contains(minor, "/"):
			return invalid("statement.content.objects", "the media type of an object is malformed")
		}
		for j := range i {
			if c.Objects[j].Root == o.Root || c.Objects[j].Key == o.Key {
				return invalid("statement.content.objects", "an object or a data key is used twice")
			}
		}
	}
	return nil
}

// Encode checks c and returns its one encoding. Code statement.content.size if it is longer than MaxBody.
func (c *Content) Encode() ([]byte, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	return encode("statement.content", c, MaxBody)
}

// DecodeContent decodes and checks a content. Codes as Check, and statement.content.{size,malformed}.
func DecodeContent(b []byte) (*Content, error) {
	c := new(Content)
	if err := decode("statement.content", b, MaxBody, c); err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	return c, nil
}
