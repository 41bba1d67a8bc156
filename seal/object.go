package seal

import (
	"errors"
	"io"
	"runtime"
	"sync"

	"entente/errs"
)

const (
	// SegmentSize is how many bytes of ciphertext a full segment of a container has: its plaintext is 32 less.
	SegmentSize = 1 << 20

	// MaxObject is the largest container, in bytes of ciphertext: 2^40 segments, the limit of FLOE.
	MaxObject = floeHeaderSize + SegmentSize<<40

	segmentPlain = SegmentSize - segmentExtra
)

// Object describes a container from outside: what may be known of it without its key. Root is what a journal leaf holds.
type Object struct {
	Root   [48]byte // of the [Tree] over the whole container, header included
	Size   int64    // bytes of ciphertext
	Plain  int64    // bytes of plaintext
	Leaves uint64   // of the tree
}

// NewObject returns the description of a container of size bytes; the other figures follow from it. Errors have code
// seal.object.size.
func NewObject(root [48]byte, size int64) (Object, error) {
	o := Object{Root: root, Size: size, Leaves: leafCount(max(size, 0))}
	o.Plain = size - floeHeaderSize - segmentExtra*int64(o.Segments())
	return o, o.Check()
}

// Check refuses a size that no container has and figures that do not follow from it. Code seal.object.size.
func (o Object) Check() error {
	last := (o.Size - floeHeaderSize) % SegmentSize
	if o.Size < floeHeaderSize+segmentExtra || o.Size > MaxObject || last > 0 && last < segmentExtra ||
		last == segmentExtra && o.Segments() > 1 || o.Leaves != leafCount(o.Size) ||
		o.Plain != o.Size-floeHeaderSize-segmentExtra*int64(o.Segments()) {
		return fail(errs.Invalid, "seal.object.size", "seal.object", "object", "not the size of a container")
	}
	return nil
}

// Segments returns the number of segments, each of which can be decrypted alone.
func (o Object) Segments() uint64 {
	return uint64((o.Size - floeHeaderSize + SegmentSize - 1) / SegmentSize)
}

// bounds returns where segment i lies in the container.
func (o Object) bounds(i uint64) (from, to int64) {
	from = floeHeaderSize + int64(i)*SegmentSize
	return from, min(from+SegmentSize, o.Size)
}

// EncryptObject reads src to its end and writes its container to dst, on every core, in about 2 MiB of memory per core.
//
// The key must be fresh ([NewDataKey]) for each object and channel: to destroy it is to destroy the object. Binding says
// which place the object belongs to, such as the channel digest; whoever decrypts must give the same. Two encryptions of
// one plaintext have nothing in common. What dst holds after an error is useless. Errors have code
// seal.object.{read,write}.
func EncryptObject(dst io.Writer, src io.Reader, key [32]byte, binding []byte) (Object, error) {
	f, header := objectParams.start(key[:], binding)
	defer clear(f.message)
	tree := NewTree()
	emit := func(b []byte) error {
		tree.Write(b)
		if _, err := dst.Write(b); err != nil {
			return &errs.Error{Kind: errs.Unavailable, Code: "seal.object.write", Op: "seal.object", Err: err}
		}
		return nil
	}
	if err := emit(header); err != nil {
		return Object{}, err
	}
	// One byte is read beyond the batch, because the last segment is marked and only the end of src tells which it is.
	batch := runtime.GOMAXPROCS(0)
	plain, have, out := make([]byte, 64<<10), 0, []byte(nil)
	defer func() { clear(plain) }()
	for pos, end := uint64(0), false; !end; {
		for {
			n, eof, err := fill(src, plain[have:])
			if err != nil {
				return Object{}, err
			}
			have += n
			if end = eof; end || len(plain) == batch*segmentPlain+1 {
				break
			}
			more := make([]byte, min(4*len(plain), batch*segmentPlain+1))
			copy(more, plain)
			clear(plain)
			plain = more
		}
		n, rest := batch, 1
		if end {
			n, rest = max(1, (have+segmentPlain-1)/segmentPlain), 0
		}
		size := have - rest + n*segmentExtra
		if cap(out) < size {
			out = make([]byte, size)
		}
		inParallel(n, 1, func() func(int) {
			return func(i int) {
				part := plain[i*segmentPlain : min((i+1)*segmentPlain, have-rest)]
				room := out[i*SegmentSize : i*SegmentSize : min((i+1)*SegmentSize, size)]
				f.seal(room, part, pos+uint64(i), end && i == n-1)
			}
		})
		if err := emit(out[:size]); err != nil {
			return Object{}, err
		}
		pos += uint64(n)
		have = copy(plain, plain[have-rest:have])
	}
	return NewObject(tree.Root(), tree.Size())
}

// fill reads until p is full or src says io.EOF. Any other error, io.ErrUnexpectedEOF too, is one: a source that broke
// off must never look like one that ended.
func fill(src io.Reader, p []byte) (n int, eof bool, err error) {
	for idle := 0; n < len(p); {
		k, err := src.Read(p[n:])
		n += k
		switch {
		case err == io.EOF:
			return n, true, nil
		case err == nil && k == 0 && idle < 100:
			idle++
			continue
		case err == nil && k == 0:
			err = io.ErrNoProgress
		}
		if err != nil {
			return n, false, &errs.Error{Kind: errs.Unavailable, Code: "seal.object.read", Op: "seal.object", Err: err}
		}
		idle = 0
	}
	return n, false, nil
}

// DecryptObject writes the plaintext of the container in src to dst. The whole tree is verified before the first byte
// is decrypted, and each part again as it is read, so a file that changes in between is refused. What dst holds after
// an error must be thrown away. Errors are those of [OpenObject] and [ObjectReader.Segment], or seal.object.write.
func DecryptObject(dst io.Writer, src io.ReaderAt, key [32]byte, binding []byte, o Object) error {
	r, err := OpenObject(src, key, binding, o, nil)
	if err != nil {
		return err
	}
	batch := runtime.GOMAXPROCS(0)
	parts, failed := make([][]byte, batch), make([]error, batch)
	defer func() {
		for _, p := range parts {
			clear(p[:cap(p)])
		}
	}()
	for pos := uint64(0); pos < o.Segments(); pos += uint64(batch) {
		n := int(min(uint64(batch), o.Segments()-pos))
		inParallel(n, 1, func() func(int) {
			return func(i int) { parts[i], failed[i] = r.Segment(parts[i][:0], pos+uint64(i)) }
		})
		for i := range n {
			if failed[i] != nil {
				return failed[i]
			}
			if _, err := dst.Write(parts[i]); err != nil {
				return &errs.Error{Kind: errs.Unavailable, Code: "seal.object.write", Op: "seal.object", Err: err}
			}
		}
	}
	return nil
}

// ObjectReader decrypts single segments of a container. It is safe for concurrent use if its source is.
type ObjectReader struct {
	hidden
	src    io.ReaderAt
	o      Object
	floe   veiled[*floe]
	leaves [][48]byte
	bufs   sync.Pool // of *[]byte, ciphertext
}

// OpenObject verifies that src holds the container o describes, exactly, and returns a reader of its segments. With
// known nil it reads everything once; with the tree kept from an earlier verification it reads one leaf, and everything
// later is compared with that. Errors have kind Integrity and code seal.object.{truncated,extended,root,leaf,header},
// or are Invalid with seal.object.size, or Unavailable with seal.object.read.
func OpenObject(src io.ReaderAt, key [32]byte, binding []byte, o Object, known *Tree) (*ObjectReader, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if n, err := src.ReadAt(make([]byte, 1), o.Size); n > 0 {
		return nil, fail(errs.Integrity, "seal.object.extended", "seal.object", "object", "longer than described")
	} else if err != io.EOF {
		return nil, &errs.Error{Kind: errs.Unavailable, Code: "seal.object.read", Op: "seal.object", Err: err}
	}
	if known == nil {
		known = NewTree()
		buf := make([]byte, min(o.Size, int64(runtime.GOMAXPROCS(0))*SegmentSize))
		for at := int64(0); at < o.Size; {
			part := buf[:min(int64(len(buf)), o.Size-at)]
			if err := readAt(src, part, at); err != nil {
				return nil, err
			}
			known.Write(part)
			at += int64(len(part))
		}
	}
	if known.Size() != o.Size || known.Root() != o.Root {
		return nil, fail(errs.Integrity, "seal.object.root", "seal.object", "object", "not the bytes that were committed to")
	}
	r := &ObjectReader{src: src, o: o, leaves: known.LeafHashes()}
	header, err := r.verified(nil, 0, floeHeaderSize)
	if err != nil {
		return nil, err
	}
	f, err := objectParams.resume(key[:], binding, header)
	if err != nil {
		return nil, err
	}
	r.floe = veil(f)
	return r, nil
}

// Segment appends the plaintext of segment i to dst, after comparing the leaves it lies in with the verified tree.
// Segments other than the last have SegmentSize-32 bytes of plaintext. Errors have kind Integrity and code
// seal.object.{truncated,leaf,segment}, or NotFound with seal.object.index, or Unavailable with seal.object.read.
func (r *ObjectReader) Segment(dst []byte, i uint64) ([]byte, error) {
	if i >= r.o.Segments() {
		return nil, fail(errs.NotFound, "seal.object.index", "seal.object", "segment", "beyond the last segment")
	}
	from, to := r.o.bounds(i)
	buf, _ := r.bufs.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
		*buf = make([]byte, min(SegmentSize+2*LeafSize, r.o.Size))
	}
	defer r.bufs.Put(buf)
	b, err := r.verified(*buf, from, to)
	if err != nil {
		return nil, err
	}
	if cap(dst)-len(dst) < len(b) {
		dst = append(make([]byte, 0, len(dst)+len(b)), dst...)
	}
	return r.floe().open(dst, b, i, i == r.o.Segments()-1)
}

// verified returns the bytes [from, to) of the container, from leaves whose hashes were checked on these very bytes. It
// reads into buf if that is large enough.
func (r *ObjectReader) verified(buf []byte, from, to int64) ([]byte, error) {
	first, start := uint64(from/LeafSize), from/LeafSize*LeafSize
	n := min((to+LeafSize-1)/LeafSize*LeafSize, r.o.Size) - start
	if int64(cap(buf)) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if err := readAt(r.src, buf, start); err != nil {
		return nil, err
	}
	h := newLeafHasher()
	for i, b := first, buf; len(b) > 0; i++ {
		leaf := b[:min(len(b), LeafSize)]
		if h.leaf(i, leaf) != r.leaves[i] {
			return nil, fail(errs.Integrity, "seal.object.leaf", "seal.object", "object", "changed since it was verified")
		}
		b = b[len(leaf):]
	}
	return buf[from-start : to-start], nil
}

func readAt(src io.ReaderAt, p []byte, at int64) error {
	n, err := src.ReadAt(p, at)
	switch {
	case n == len(p):
		return nil
	case errors.Is(err, io.EOF):
		return fail(errs.Integrity, "seal.object.truncated", "seal.object", "object", "shorter than described")
	}
	return &errs.Error{Kind: errs.Unavailable, Code: "seal.object.read", Op: "seal.object", Err: err}
}
