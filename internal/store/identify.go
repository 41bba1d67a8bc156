package store

import (
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha512"
	"errors"

	"entente/errs"
	"entente/seal"
)

// What the meta table says: realm, the salt from which the wrapping key is derived, and a box that only the right
// storage key opens.
const (
	wrapInfo = "entente/store/wrap/1\x00"
	proof    = "entente/store/key-proof/1"
)

// identify writes what the database is, once, or compares it: another realm or another storage key is refused.
func (s *Store) identify() error {
	c := s.w.conn
	var realm, salt, box []byte
	known, err := c.row(qMeta, []any{"realm"}, &realm)
	if err != nil {
		return err
	}
	if !known {
		salt = make([]byte, 32)
		rand.Read(salt)
		if err := s.deriveWrap(salt); err != nil {
			return err
		}
		box = s.wrap.Seal(nil, []byte(proof), nil)
		// One transaction: a database has all three or none, and none is a database not yet used.
		err := func() error {
			if _, err := c.exec(qBeginWrite); err != nil {
				return err
			}
			for name, value := range map[string][]byte{"realm": []byte(s.cfg.Realm), "salt": salt, "proof": box} {
				if _, err := c.exec(qPutMeta, name, value); err != nil {
					return err
				}
			}
			_, err := c.exec(qCommit)
			return err
		}()
		return err
	}
	if string(realm) != string(s.cfg.Realm) {
		return refuse(errs.Refused, "store.realm", "store.open", string(realm), "the database belongs to another realm")
	}
	_, err1 := c.row(qMeta, []any{"salt"}, &salt)
	_, err2 := c.row(qMeta, []any{"proof"}, &box)
	_, err3 := c.row(qLastKey, nil, &s.w.lastKey)
	if err := errors.Join(err1, err2, err3, s.deriveWrap(salt)); err != nil {
		return err
	}
	if _, err := s.wrap.Open(nil, []byte(proof), box); err != nil {
		return &errs.Error{Kind: errs.Refused, Code: "store.key", Op: "store.open", Reason: "the storage key is not the one of this database", Err: err}
	}
	return nil
}

// deriveWrap derives the key that wraps item keys: HKDF-SHA-384 of the storage key, a salt of this database and the
// realm, so that no two databases wrap under the same key even if somebody gives them the same storage key.
func (s *Store) deriveWrap(salt []byte) error {
	k, err := hkdf.Key(sha512.New384, s.cfg.Key[:], salt, wrapInfo+string(s.cfg.Realm), 32)
	if err != nil {
		return err
	}
	s.wrap = seal.NewItemCipher([32]byte(k))
	clear(k)
	clear(s.cfg.Key[:])
	return nil
}

func (tx *Tx) meta(name string) ([]byte, error) {
	var v []byte
	ok, err := tx.row(qMeta, []any{name}, &v)
	if err == nil && !ok {
		err = refuse(errs.Integrity, "store.corrupt", "store.open", name, "the database does not say what it is")
	}
	return v, err
}

// item names what a box or a wrapped key belongs to; it is authenticated with both, so that no row can be put in the
// place of another.
type item []byte

func bodyItem(buf []byte, j int64, index uint64, kind BodyKind) item {
	buf = append(buf[:0], 'b', byte(kind))
	for _, n := range [2]uint64{uint64(j), index} {
		buf = append(buf, byte(n>>56), byte(n>>48), byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return buf
}

func docItem(buf []byte, kind, id string) item {
	buf = append(append(buf[:0], 'd'), kind...)
	return append(append(buf, 0), id...)
}

// scratch holds buffers that the writer reuses from item to item.
type scratch struct {
	item, plain, box, wrapped []byte
	keys                      [64 * 32]byte // random bytes for the next item keys, drawn together
	used                      int           // of keys
}

// key returns a fresh item key.
func (b *scratch) key() (k [32]byte) {
	if b.used == 0 || b.used == len(b.keys) {
		rand.Read(b.keys[:])
		b.used = 0
	}
	next := b.keys[b.used : b.used+32]
	copy(k[:], next)
	clear(next)
	b.used += 32
	return k
}

// sealItem encrypts plain, given in parts, under a fresh key. The box and the wrapped key are valid until the next call.
func (w *writer) sealItem(wrap *seal.ItemCipher, it item, plain ...[]byte) (box, wrapped []byte) {
	b := &w.scratch
	b.plain = b.plain[:0]
	for _, p := range plain {
		b.plain = append(b.plain, p...)
	}
	k := b.key()
	b.box = seal.NewItemCipher(k).Seal(b.box[:0], it, b.plain)
	b.wrapped = wrap.Seal(b.wrapped[:0], it, k[:])
	clear(k[:])
	clear(b.plain)
	return b.box, b.wrapped
}

// openItem decrypts a box. Codes: store.key.absent without keys, store.item for bytes that are not what was put.
func (tx *Tx) openItem(it item, box, wrapped []byte) ([]byte, error) {
	if tx.s.wrap == nil {
		return nil, refuse(errs.Withheld, "store.key.absent", "store.read", "", "opened without the storage key")
	}
	k, err := tx.s.wrap.Open(nil, it, wrapped)
	if err == nil && len(k) != 32 {
		err = refuse(errs.Integrity, "store.item", "store.read", "", "a wrapped key has the wrong size")
	}
	if err == nil {
		var plain []byte
		if plain, err = seal.OpenItem([32]byte(k), it, box); err == nil {
			return plain, nil
		}
	}
	return nil, &errs.Error{Kind: errs.Integrity, Code: "store.item", Op: "store.read", Reason: "an item does not open: its row was altered", Err: err}
}
