package store

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"entente/errs"
	"entente/internal/store/sqlite"
	"entente/seal"
	"entente/statement"

	"golang.org/x/sys/unix"
)

// ObjectState is what this node has of an object.
type ObjectState uint8

const (
	ObjectPartial   ObjectState = 1
	ObjectComplete  ObjectState = 2
	ObjectErasing   ObjectState = 3 // recorded as destroyed; the file goes after the commit, or at the next start
	ObjectDestroyed ObjectState = 4
)

// Object is a sealed container in the directory of objects, named by the root of the SHA-384 tree over its ciphertext.
// Its data key is in the content that refers to it.
type Object struct {
	Root    [48]byte
	Size    int64 // bytes of ciphertext
	State   ObjectState
	Parts   uint64      // parts of 64 KiB held
	Missing [][2]uint64 // parts not held, half open; nil once complete
}

// Part is one leaf of an object's tree, with its proof.
type Part struct {
	Index uint64
	Data  []byte
	Proof [][48]byte
}

// The directory objects/ has one folder per first byte of the root, and incoming/ for what is not complete:
// <root>.part, <random>.tmp, and <root>.staged while a complete file may still lack its row.
func (s *Store) objectDir() string { return filepath.Join(s.cfg.Dir, "objects", "incoming") }

func (s *Store) objectPath(root [48]byte) string {
	name := hex.EncodeToString(root[:])
	return filepath.Join(s.cfg.Dir, "objects", name[:2], name)
}

func (s *Store) incoming(root [48]byte, suffix string) string {
	return filepath.Join(s.objectDir(), hex.EncodeToString(root[:])+suffix)
}

// StageObject makes an object of what write writes: a temporary file, synced, renamed to its root, the directory
// synced. The object exists for the node when an act calls [Tx.PutObject]; if the process dies before, the next start
// removes the file. Codes: store.disk-full, store.fsync.
func (s *Store) StageObject(write func(io.Writer) error) (root [48]byte, size int64, err error) {
	if err := s.mayWriteFiles(); err != nil {
		return root, 0, err
	}
	f, err := os.CreateTemp(s.objectDir(), "*.tmp")
	if err != nil {
		return root, 0, s.fileFailed(err)
	}
	defer os.Remove(f.Name()) // after the rename there is nothing of this name
	defer f.Close()
	tree := seal.NewTree()
	out := &fileWriter{f: f}
	if err := write(io.MultiWriter(tree, out)); err != nil {
		if out.err != nil {
			return root, 0, s.fileFailed(out.err)
		}
		return root, 0, err
	}
	root, size = tree.Root(), tree.Size()
	err = f.Sync()
	if err == nil {
		err = os.WriteFile(s.incoming(root, ".staged"), nil, 0o600)
	}
	if err == nil {
		err = s.publish(f.Name(), root)
	}
	if err != nil {
		return root, 0, s.fileFailed(err)
	}
	return root, size, nil
}

// fileWriter remembers its own failure, to tell it from one of whoever writes.
type fileWriter struct {
	f   *os.File
	err error
}

func (w *fileWriter) Write(p []byte) (n int, err error) {
	n, err = w.f.Write(p)
	if err != nil {
		w.err = err
	}
	return n, err
}

// publish gives a synced file its final name, durably.
func (s *Store) publish(from string, root [48]byte) error {
	to := s.objectPath(root)
	dir := filepath.Dir(to)
	if err := os.Mkdir(dir, 0o700); err == nil {
		err = sqlite.SyncDir(filepath.Dir(dir))
		if err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		if _, e := os.Stat(to); !errors.Is(err, fs.ErrNotExist) || e != nil {
			return err
		} // somebody else completed the same object: the same bytes
	}
	return errors.Join(sqlite.SyncDir(dir), sqlite.SyncDir(s.objectDir()))
}

// PutObject records a staged object. The file is checked to be there. Codes: store.object.missing; store.object.gone
// for one that was destroyed here.
func (tx *Tx) PutObject(root [48]byte, size int64) error {
	if err := tx.writable(); err != nil {
		return err
	}
	if st, err := os.Stat(tx.s.objectPath(root)); err != nil || st.Size() != size {
		return &errs.Error{Kind: errs.NotFound, Code: "store.object.missing", Op: "store.object", Reason: "stage the object before its row", Err: err}
	}
	o, err := tx.object(root)
	if err == nil && o == nil {
		_, err = tx.exec(qPutObject, root[:], size, int64(ObjectComplete), int64(leafCount(size)), []byte{})
	} else if err == nil && o.State == ObjectPartial {
		_, err = tx.exec(qSetObject, root[:], int64(ObjectComplete), int64(leafCount(size)), []byte{})
	} else if err == nil && o.State != ObjectComplete {
		return refuse(errs.Conflict, "store.object.gone", "store.object", "", "the object was destroyed here")
	}
	if err == nil {
		staged, part := tx.s.incoming(root, ".staged"), tx.s.incoming(root, ".part")
		tx.w.after = append(tx.w.after, func() { os.Remove(staged); os.Remove(part) })
	}
	return err
}

// PutParts stores parts of an object that is arriving: each verified against the root, written, synced together, then
// recorded. It reports whether the object is complete. Codes: seal.* for a part that does not belong; store.object.size,
// store.object.gone, store.disk-full, store.fsync.
func (s *Store) PutParts(ctx context.Context, root [48]byte, size int64, parts []Part) (complete bool, err error) {
	if err := s.mayWriteFiles(); err != nil {
		return false, err
	}
	if size <= 0 || size > statement.MaxObject || len(parts) == 0 {
		return false, refuse(errs.Invalid, "store.object.size", "store.object", "", "no parts, or not a size an object can have")
	}
	n := leafCount(size)
	for _, p := range parts {
		if err := seal.VerifyLeaf(root, n, size, p.Index, p.Data, p.Proof); err != nil {
			return false, err
		}
	}
	// The row comes first, so that the next start knows the file; it claims no part yet.
	var o *Object
	err = s.Do(ctx, func(tx *Tx) (err error) {
		if _, err = tx.exec(qPutObject, root[:], size, int64(ObjectPartial), int64(0), make([]byte, (n+7)/8)); err != nil {
			return err
		}
		if o, err = tx.object(root); err == nil && o.Size != size {
			return refuse(errs.Conflict, "store.object.size", "store.object", "", "the object is known with another size")
		} else if err == nil && o.State > ObjectComplete {
			return refuse(errs.Conflict, "store.object.gone", "store.object", "", "the object was destroyed here")
		}
		return err
	})
	if err != nil || o.State == ObjectComplete {
		return err == nil, err
	}
	if err := s.writeParts(root, parts); err != nil {
		return false, s.fileFailed(err)
	}
	full := false
	err = s.Do(ctx, func(tx *Tx) error {
		var err error
		full, err = tx.markParts(root, n, parts)
		return err
	})
	if err != nil || !full {
		return false, err
	}
	return true, s.completeObject(ctx, root, size)
}

// writeParts writes parts at their place. If the process dies here, nothing says that they are held.
func (s *Store) writeParts(root [48]byte, parts []Part) error {
	f, err := os.OpenFile(s.incoming(root, ".part"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range parts {
		if _, err := f.WriteAt(p.Data, int64(p.Index)*seal.LeafSize); err != nil {
			return err
		}
	}
	return errors.Join(f.Sync(), sqlite.SyncDir(s.objectDir()))
}

func (tx *Tx) markParts(root [48]byte, n uint64, parts []Part) (full bool, err error) {
	var size, state, held int64
	var bitmap []byte
	ok, err := tx.row(qObject, []any{root[:]}, &size, &state, &held, &bitmap)
	if err != nil {
		return false, err
	}
	if !ok || ObjectState(state) > ObjectComplete {
		return false, refuse(errs.Conflict, "store.object.gone", "store.object", "", "the object was destroyed here")
	}
	if ObjectState(state) == ObjectComplete || uint64(len(bitmap)) != (n+7)/8 {
		return ObjectState(state) == ObjectComplete, nil
	}
	for _, p := range parts {
		if bit := byte(1) << (p.Index % 8); bitmap[p.Index/8]&bit == 0 {
			bitmap[p.Index/8] |= bit
			held++
		}
	}
	_, err = tx.exec(qSetObject, root[:], state, held, bitmap)
	return uint64(held) == n, err
}

// completeObject renames a file whose parts are all synced and recorded. If the process dies before the row says so,
// the next start does it again.
func (s *Store) completeObject(ctx context.Context, root [48]byte, size int64) error {
	if err := s.publish(s.incoming(root, ".part"), root); err != nil {
		return s.fileFailed(err)
	}
	return s.Do(ctx, func(tx *Tx) error { return tx.PutObject(root, size) })
}

func leafCount(size int64) uint64 { return uint64(max(1, (size+seal.LeafSize-1)/seal.LeafSize)) }

// object returns nil for an unknown object.
func (tx *Tx) object(root [48]byte) (*Object, error) {
	var state, held int64
	var bitmap []byte
	o := &Object{Root: root}
	ok, err := tx.row(qObject, []any{root[:]}, &o.Size, &state, &held, &bitmap)
	if err != nil || !ok {
		return nil, err
	}
	o.State, o.Parts = ObjectState(state), uint64(held)
	if o.State == ObjectPartial {
		for i := range leafCount(o.Size) {
			if i/8 < uint64(len(bitmap)) && bitmap[i/8]>>(i%8)&1 == 1 {
				continue
			}
			if k := len(o.Missing); k > 0 && o.Missing[k-1][1] == i {
				o.Missing[k-1][1]++
			} else {
				o.Missing = append(o.Missing, [2]uint64{i, i + 1})
			}
		}
	}
	return o, nil
}

// Object says what is here of an object. Code store.object.unknown.
func (tx *Tx) Object(root [48]byte) (*Object, error) {
	o, err := tx.object(root)
	if err == nil && o == nil {
		err = refuse(errs.NotFound, "store.object.unknown", "store.object", "", "the object is not known here")
	}
	return o, err
}

// OpenObject opens the ciphertext of a complete object to read; the caller closes it, and verifies what it reads
// against the root. Codes: store.object.unknown, store.object.missing.
func (s *Store) OpenObject(ctx context.Context, root [48]byte) (f *os.File, o *Object, err error) {
	err = s.View(ctx, func(tx *Tx) error {
		o, err = tx.Object(root)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if o.State == ObjectComplete {
		if f, err = os.Open(s.objectPath(root)); err == nil {
			return f, o, nil
		}
	}
	return nil, nil, &errs.Error{Kind: errs.NotFound, Code: "store.object.missing", Op: "store.object", Reason: "the object is not complete here", Err: err}
}

// DestroyObject records that an object is destroyed and, after the commit, removes its file. A crash in between is
// finished at the next start. Its row stays. Code store.object.unknown.
func (tx *Tx) DestroyObject(root [48]byte) error {
	if err := tx.writable(); err != nil {
		return err
	}
	o, err := tx.Object(root)
	if err != nil || o.State > ObjectComplete {
		return err
	}
	s := tx.s
	tx.w.after = append(tx.w.after, func() {
		if err := s.removeObject(root); err != nil {
			s.log.Warn("an object could not be removed; the next start tries again", "root", hex.EncodeToString(root[:]), "err", err)
		}
	})
	_, err = tx.exec(qSetObject, root[:], int64(ObjectErasing), int64(0), []byte{})
	return err
}

func (s *Store) removeObject(root [48]byte) (err error) {
	for _, path := range []string{s.objectPath(root), s.incoming(root, ".part"), s.incoming(root, ".staged")} {
		if e := os.Remove(path); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// sweepObjects finishes, at the start, what a crash left of objects: complete ones get their name, destroyed ones and
// staged ones without a row lose their file.
func (s *Store) sweepObjects() error {
	names, err := os.ReadDir(s.objectDir())
	if err != nil {
		return err
	}
	c := s.w.conn
	for _, e := range names {
		stem, suffix, _ := strings.Cut(e.Name(), ".")
		raw, err := hex.DecodeString(stem)
		if err != nil || len(raw) != 48 {
			if err := os.Remove(filepath.Join(s.objectDir(), e.Name())); err != nil {
				return err
			}
			continue
		}
		root := [48]byte(raw)
		var size, state, held int64
		var bitmap []byte
		known, err := c.row(qObject, []any{raw}, &size, &state, &held, &bitmap)
		switch {
		case err != nil:
			return err
		case !known || ObjectState(state) > ObjectComplete:
			err = s.removeObject(root)
		case suffix == "staged" || ObjectState(state) == ObjectComplete:
			err = os.Remove(filepath.Join(s.objectDir(), e.Name()))
		case uint64(held) == leafCount(size):
			if err = s.publish(s.incoming(root, ".part"), root); err == nil {
				_, err = c.exec(qSetObject, raw, int64(ObjectComplete), held, []byte{})
			}
		}
		if err != nil {
			return err
		}
	}
	var raw []byte
	var size int64
	var erase [][48]byte
	if err := c.rows(qObjectsInState, []any{int64(ObjectErasing)}, func() error { erase = append(erase, [48]byte(raw)); return nil }, &raw, &size); err != nil {
		return err
	}
	for _, root := range erase {
		if err := s.removeObject(root); err != nil {
			return err
		}
		if _, err := c.exec(qSetObject, root[:], int64(ObjectDestroyed), int64(0), []byte{}); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) mayWriteFiles() error {
	if s.w == nil {
		return refuse(errs.Refused, "store.read-only", "store.object", "", "the directory was opened to read only")
	}
	return s.failed()
}

// fileFailed says what a failure of the directory of objects means: a full disk passes, anything else ends the store,
// because after a failed write or sync nobody knows what the disk holds.
func (s *Store) fileFailed(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return &errs.Error{Kind: errs.Unavailable, Code: "store.disk-full", Op: "store.object", Reason: "the disk is full", Next: "free space, then try again", Err: err}
	}
	e := &errs.Error{Kind: errs.Fatal, Code: "store.fsync", Op: "store.object", Reason: "writing or syncing a file failed", Err: err}
	s.fail(e)
	return e
}
