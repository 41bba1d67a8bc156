package seal

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"
	"testing/iotest"

	"entente/errs"

	"pgregory.net/rapid"
)

var (
	objectKey = [32]byte(bytes.Repeat([]byte{42}, 32))
	binding   = []byte("channel digest")
)

// container encrypts n patterned bytes.
func container(n int) ([]byte, Object) {
	var b bytes.Buffer
	o := must(EncryptObject(&b, bytes.NewReader(pattern(n)), objectKey, binding))
	return b.Bytes(), o
}

// described is the honest description of altered bytes: what a sender who lies about nothing but the content would send.
func described(b []byte) Object {
	tree := NewTree()
	tree.Write(b)
	o, _ := NewObject(tree.Root(), tree.Size())
	return o
}

func TestObjectRoundTripAroundEveryBoundary(t *testing.T) {
	for _, n := range []int{0, 1, LeafSize, segmentPlain - 1, segmentPlain, segmentPlain + 1, 2 * segmentPlain, 2*segmentPlain + 1, 5*segmentPlain - 3} {
		b, o := container(n)
		if o != described(b) || o.Plain != int64(n) || o.Size != int64(len(b)) || o.Check() != nil {
			t.Fatalf("%d bytes are described as %+v", n, o)
		}
		if o != must(NewObject(o.Root, o.Size)) {
			t.Errorf("%d bytes: the description does not follow from root and size", n)
		}
		var out bytes.Buffer
		if err := DecryptObject(&out, bytes.NewReader(b), objectKey, binding, o); err != nil || !bytes.Equal(out.Bytes(), pattern(n)) {
			t.Fatalf("%d bytes do not come back: %v", n, err)
		}
		if got, err := objectParams.decryptAll(objectKey[:], binding, b); err != nil || !bytes.Equal(got, pattern(n)) {
			t.Errorf("%d bytes: not plain FLOE with 1 MiB segments: %v", n, err)
		}
	}
}

func TestObjectRandomAccess(t *testing.T) {
	n := 3*segmentPlain + 5
	b, o := container(n)
	tree := NewTree()
	tree.Write(b)
	for name, known := range map[string]*Tree{"after reading all": nil, "with kept leaves": must(NewTreeFromLeaves(o.Size, tree.LeafHashes()))} {
		t.Run(name, func(t *testing.T) {
			r := must(OpenObject(bytes.NewReader(b), objectKey, binding, o, known))
			for _, i := range []uint64{3, 1, 0, 2, 1} {
				got, err := r.Segment([]byte("head"), i)
				if part := pattern(n)[i*segmentPlain : min((i+1)*segmentPlain, uint64(n))]; err != nil || !bytes.Equal(got[4:], part) {
					t.Fatalf("segment %d: %v", i, err)
				}
			}
			_, err := r.Segment(nil, 4)
			want(t, err, "seal.object.index")
		})
	}
	other := NewTree()
	other.Write(flip(b, 0))
	_, err := OpenObject(bytes.NewReader(b), objectKey, binding, o, other)
	want(t, err, "seal.object.root")
}

func TestObjectTampering(t *testing.T) {
	b, o := container(2*segmentPlain + 500)
	seg := func(i int) []byte {
		return b[floeHeaderSize+i*SegmentSize : min(floeHeaderSize+(i+1)*SegmentSize, len(b))]
	}
	head := b[:floeHeaderSize]
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	other, _ := container(2*segmentPlain + 500)
	unmarked := bytes.Clone(seg(2))
	copy(unmarked, []byte{0xff, 0xff, 0xff, 0xff})
	marked := bytes.Clone(seg(1))
	copy(marked, []byte{0, 0x10, 0, 0})
	at := func(i, off int) int { return floeHeaderSize + i*SegmentSize + off }
	for name, tc := range map[string]struct {
		b []byte
		// The first is the code when the description is the sender's true one, the second when it was made to fit.
		code, inside errs.Code
	}{
		"nothing":                     {b, "", ""},
		"AEAD parameter":              {flip(b, 0), "seal.object.root", "seal.object.header"},
		"KDF parameter":               {flip(b, 1), "seal.object.root", "seal.object.header"},
		"segment length parameter":    {flip(b, 5), "seal.object.root", "seal.object.header"},
		"IV length parameter":         {flip(b, 9), "seal.object.root", "seal.object.header"},
		"IV":                          {flip(b, 10), "seal.object.root", "seal.object.header"},
		"header tag":                  {flip(b, 73), "seal.object.root", "seal.object.header"},
		"length field of a segment":   {flip(b, at(0, 3)), "seal.object.root", "seal.object.segment"},
		"nonce of a segment":          {flip(b, at(1, 4)), "seal.object.root", "seal.object.segment"},
		"content of a segment":        {flip(b, at(1, 5000)), "seal.object.root", "seal.object.segment"},
		"tag of a segment":            {flip(b, at(1, SegmentSize-1)), "seal.object.root", "seal.object.segment"},
		"length field of the last":    {flip(b, at(2, 3)), "seal.object.root", "seal.object.segment"},
		"tag of the last":             {flip(b, len(b)-1), "seal.object.root", "seal.object.segment"},
		"last not marked as such":     {join(head, seg(0), seg(1), unmarked), "seal.object.root", "seal.object.segment"},
		"two segments exchanged":      {join(head, seg(1), seg(0), seg(2)), "seal.object.root", "seal.object.segment"},
		"a segment twice":             {join(head, seg(0), seg(0), seg(1), seg(2)), "seal.object.extended", "seal.object.segment"},
		"a segment for another":       {join(head, seg(0), seg(0), seg(2)), "seal.object.root", "seal.object.segment"},
		"a segment left out":          {join(head, seg(1), seg(2)), "seal.object.truncated", "seal.object.segment"},
		"last left out":               {join(head, seg(0), seg(1)), "seal.object.truncated", "seal.object.segment"},
		"last left out, end marked":   {join(head, seg(0), marked), "seal.object.truncated", "seal.object.segment"},
		"last twice":                  {join(b, seg(2)), "seal.object.extended", "seal.object.segment"},
		"truncated by a byte":         {b[:len(b)-1], "seal.object.truncated", "seal.object.segment"},
		"extended by a byte":          {append(bytes.Clone(b), 0), "seal.object.extended", "seal.object.segment"},
		"only the header":             {head, "seal.object.truncated", "seal.object.size"},
		"empty":                       {nil, "seal.object.truncated", "seal.object.size"},
		"header of another container": {join(other[:floeHeaderSize], b[floeHeaderSize:]), "seal.object.root", "seal.object.segment"},
		"segment of another":          {join(b[:at(1, 0)], other[at(1, 0):at(2, 0)], seg(2)), "seal.object.root", "seal.object.segment"},
	} {
		t.Run(name, func(t *testing.T) {
			out := &bytes.Buffer{}
			want(t, DecryptObject(out, bytes.NewReader(tc.b), objectKey, binding, o), tc.code)
			if tc.code != "" && out.Len() > 0 {
				t.Error("plaintext came out before the tree was verified")
			}
			want(t, DecryptObject(io.Discard, bytes.NewReader(tc.b), objectKey, binding, described(tc.b)), tc.inside)
		})
	}
	key := objectKey
	key[0] ^= 1
	want(t, DecryptObject(io.Discard, bytes.NewReader(b), key, binding, o), "seal.object.header")
	want(t, DecryptObject(io.Discard, bytes.NewReader(b), objectKey, []byte("another channel"), o), "seal.object.header")
}

func TestObjectDescriptionTampering(t *testing.T) {
	b, o := container(segmentPlain + 500)
	for name, tc := range map[string]struct {
		change func(*Object)
		code   errs.Code
	}{
		"root":             {func(o *Object) { o.Root[47] ^= 1 }, "seal.object.root"},
		"plaintext size":   {func(o *Object) { o.Plain++ }, "seal.object.size"},
		"leaves":           {func(o *Object) { o.Leaves++ }, "seal.object.size"},
		"size":             {func(o *Object) { o.Size++ }, "seal.object.size"},
		"all sizes, up":    {func(o *Object) { *o, _ = NewObject(o.Root, o.Size+1) }, "seal.object.truncated"},
		"all sizes, down":  {func(o *Object) { *o, _ = NewObject(o.Root, o.Size-1) }, "seal.object.extended"},
		"negative":         {func(o *Object) { *o, _ = NewObject(o.Root, -1) }, "seal.object.size"},
		"largest integer":  {func(o *Object) { *o, _ = NewObject(o.Root, math.MaxInt64) }, "seal.object.size"},
		"smallest integer": {func(o *Object) { *o, _ = NewObject(o.Root, math.MinInt64) }, "seal.object.size"},
		"zero value":       {func(o *Object) { *o = Object{} }, "seal.object.size"},
	} {
		t.Run(name, func(t *testing.T) {
			c := o
			tc.change(&c)
			want(t, DecryptObject(io.Discard, bytes.NewReader(b), objectKey, binding, c), tc.code)
		})
	}
	for size, ok := range map[int64]bool{
		floeHeaderSize + segmentExtra - 1: false, floeHeaderSize + segmentExtra: true, floeHeaderSize + SegmentSize: true,
		floeHeaderSize + SegmentSize + 1: false, floeHeaderSize + SegmentSize + segmentExtra: false,
		floeHeaderSize + SegmentSize + segmentExtra + 1: true, MaxObject: true, MaxObject + 1: false,
	} {
		if _, err := NewObject([48]byte{}, size); (err == nil) != ok {
			t.Errorf("a container of %d bytes: %v", size, err)
		}
	}
}

// changing is a source whose bytes change after they were read once.
type changing struct {
	*bytes.Reader
	b     []byte
	reads int
}

func (c *changing) ReadAt(p []byte, at int64) (int, error) {
	if c.reads++; c.reads > 3 {
		c.b[200] ^= 1
	}
	return c.Reader.ReadAt(p, at)
}

func TestObjectThatChangesAfterVerification(t *testing.T) {
	b, o := container(1000)
	r := must(OpenObject(bytes.NewReader(b), objectKey, binding, o, nil))
	b[200] ^= 1
	_, err := r.Segment(nil, 0)
	want(t, err, "seal.object.leaf")
	b[200] ^= 1
	want(t, DecryptObject(io.Discard, &changing{bytes.NewReader(b), b, 0}, objectKey, binding, o), "seal.object.leaf")
}

type failingWriter int

func (w *failingWriter) Write(p []byte) (int, error) {
	if *w--; *w < 0 {
		return 0, errors.New("disk full")
	}
	return len(p), nil
}

type failingReaderAt struct{}

func (failingReaderAt) ReadAt([]byte, int64) (int, error) { return 0, errors.New("disk gone") }

func TestObjectFailuresOfDisk(t *testing.T) {
	for i := range failingWriter(2) {
		w := i
		_, err := EncryptObject(&w, bytes.NewReader(pattern(10)), objectKey, binding)
		want(t, err, "seal.object.write")
	}
	for name, src := range map[string]io.Reader{
		"broken off":     iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(pattern(10)))),
		"unexpected end": io.MultiReader(bytes.NewReader(pattern(10)), iotest.ErrReader(io.ErrUnexpectedEOF)),
		"idle for ever":  readerFunc(func([]byte) (int, error) { return 0, nil }),
	} {
		_, err := EncryptObject(io.Discard, src, objectKey, binding)
		if errs.CodeOf(err) != "seal.object.read" || errs.KindOf(err) != errs.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	b, o := container(10)
	want(t, DecryptObject(new(failingWriter), bytes.NewReader(b), objectKey, binding, o), "seal.object.write")
	want(t, DecryptObject(io.Discard, failingReaderAt{}, objectKey, binding, o), "seal.object.read")
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestObjectRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 300_000).Draw(t, "size")
		key, bind := NewDataKey(), rapid.SliceOf(rapid.Byte()).Draw(t, "binding")
		var b, out bytes.Buffer
		o := must(EncryptObject(&b, iotest.HalfReader(bytes.NewReader(pattern(n))), key, bind))
		if err := DecryptObject(&out, bytes.NewReader(b.Bytes()), key, bind, o); err != nil || !bytes.Equal(out.Bytes(), pattern(n)) {
			t.Fatal(err)
		}
		i := rapid.IntRange(0, b.Len()-1).Draw(t, "altered")
		if DecryptObject(io.Discard, bytes.NewReader(flip(b.Bytes(), i)), key, bind, described(flip(b.Bytes(), i))) == nil {
			t.Fatalf("byte %d may be altered", i)
		}
	})
}

func FuzzDecryptObject(f *testing.F) {
	b, _ := container(100)
	f.Add(b)
	f.Add(b[:floeHeaderSize])
	f.Fuzz(func(t *testing.T, raw []byte) {
		o := described(raw)
		var out bytes.Buffer
		if err := DecryptObject(&out, bytes.NewReader(raw), objectKey, binding, o); err == nil && int64(out.Len()) != o.Plain {
			t.Fatal("not as long as described")
		}
	})
}

func FuzzFLOEHeader(f *testing.F) {
	_, header := objectParams.start(objectKey[:], binding)
	f.Add(header)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := objectParams.resume(objectKey[:], binding, raw); err == nil && len(raw) != floeHeaderSize {
			t.Fatal("accepted a header of another size")
		}
	})
}
