package store

import (
	"math"

	"entente/errs"
)

// Doc is a small encrypted document: a draft, a proposal, a register entry, a person, a link. Kind, ID, State and Sort
// are stored in the clear and indexed, so they carry no content: short codes, random ids, times, numbers.
type Doc struct {
	Kind  string
	ID    string
	State string
	Sort  int64
	Plain []byte
}

// First comes before every doc: Docs(kind, state, First, "", limit) is the first page.
const First int64 = math.MinInt64

// Last comes after every doc: DocsBefore(kind, state, Last, "", limit) is the last page.
const Last int64 = math.MaxInt64

// PutDoc stores a document in the place of any of the same kind and id. Each version has a key of its own; that of the
// version before is overwritten. Code store.doc for one without kind or id, or larger than 16 MiB.
func (tx *Tx) PutDoc(kind, id, state string, sort int64, plain []byte) error {
	if err := tx.writable(); err != nil {
		return err
	}
	if kind == "" || id == "" || len(kind) > 64 || len(id) > 256 || len(plain) > maxItem {
		return refuse(errs.Invalid, "store.doc", "store.doc", kind, "a doc needs a short kind and id, and has at most 16 MiB")
	}
	tx.forget(kind)
	w := tx.w
	w.scratch.item = docItem(w.scratch.item, kind, id)
	box, wrapped := w.sealItem(tx.s.wrap, w.scratch.item, plain)
	w.lastKey++
	var key int64
	if _, err := tx.row(qPutDoc, []any{kind, id, state, sort, w.lastKey, box}, &key); err != nil {
		return err
	}
	q := qPutKey
	if key != w.lastKey {
		q = qReplaceKey
	}
	_, err := tx.exec(q, key, wrapped)
	return err
}

// docRow is where a row is scanned to.
type docRow struct {
	d            Doc
	box, wrapped []byte
}

func (r *docRow) dest() []any {
	return []any{&r.d.Kind, &r.d.ID, &r.d.State, &r.d.Sort, &r.box, &r.wrapped}
}

func (tx *Tx) openDoc(r *docRow) (Doc, error) {
	plain, err := tx.openItem(docItem(nil, r.d.Kind, r.d.ID), r.box, r.wrapped)
	r.d.Plain = plain
	return r.d, err
}

// Doc returns one document. Code store.doc.unknown.
func (tx *Tx) Doc(kind, id string) (*Doc, error) {
	var r docRow
	ok, err := tx.row(qDoc, []any{kind, id}, r.dest()...)
	if err == nil && !ok {
		err = refuse(errs.NotFound, "store.doc.unknown", "store.doc", kind, "there is no such document")
	}
	if err != nil {
		return nil, err
	}
	d, err := tx.openDoc(&r)
	if err != nil {
		return nil, err
	}
	return &d, nil
}

// Docs returns up to limit documents of a kind, in one state or in all when state is "", ordered by sort and id, that
// come after (afterSort, afterID): the last of the page before, or (First, "").
func (tx *Tx) Docs(kind, state string, afterSort int64, afterID string, limit int) ([]Doc, error) {
	q, args := qDocs, []any{kind, afterSort, afterID, int64(limit)}
	if state != "" {
		q, args = qDocsInState, append(args, state)
	}
	return tx.docs(q, args)
}

// DocsBefore is Docs in the opposite order, of those that come before (beforeSort, beforeID): (Last, "") is the last page.
func (tx *Tx) DocsBefore(kind, state string, beforeSort int64, beforeID string, limit int) ([]Doc, error) {
	q, args := qDocsBefore, []any{kind, beforeSort, beforeID, int64(limit)}
	if state != "" {
		q, args = qDocsBeforeInState, append(args, state)
	}
	return tx.docs(q, args)
}

// DocIDs returns up to limit ids of a kind that start with prefix, in order, without opening the documents.
func (tx *Tx) DocIDs(kind, prefix string, limit int) (all []string, err error) {
	var id string
	err = tx.rows(qDocIDs, []any{kind, prefix, prefix + "\x7f", int64(limit)}, func() error { all = append(all, id); return nil }, &id)
	return all, err
}

// CountDocs returns how many documents of a kind are in a state.
func (tx *Tx) CountDocs(kind, state string) (n int, err error) {
	_, err = tx.row(qCountDocs, []any{kind, state}, &n)
	return n, err
}

func (tx *Tx) docs(q query, args []any) (all []Doc, err error) {
	var r docRow
	err = tx.rows(q, args, func() error {
		d, err := tx.openDoc(&r)
		if err == nil {
			all = append(all, d)
		}
		return err
	}, r.dest()...)
	return all, err
}

// DeleteDoc erases a document and its key, as DestroyBody does. Code store.doc.unknown.
func (tx *Tx) DeleteDoc(kind, id string) error {
	if err := tx.writable(); err != nil {
		return err
	}
	var key int64
	ok, err := tx.row(qDocKey, []any{kind, id}, &key)
	if err == nil && !ok {
		err = refuse(errs.NotFound, "store.doc.unknown", "store.doc", kind, "there is no such document")
	}
	if err != nil {
		return err
	}
	tx.forget(kind)
	if _, err := tx.exec(qEraseDoc, kind, id); err != nil {
		return err
	}
	return tx.eraseKey(key)
}

// PutPublic stores, in the clear, what an auditor needs without keys: an agreement package, a key statement. Never
// anything that the agreement or policy would not hand to that auditor.
func (tx *Tx) PutPublic(kind, id string, b []byte) error {
	_, err := tx.exec(qPutPublic, kind, id, nonNil(b))
	return err
}

// nonNil makes an empty column of an empty slice; nil would be NULL.
func nonNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Public returns what PutPublic stored. Code store.public.unknown.
func (tx *Tx) Public(kind, id string) (b []byte, err error) {
	ok, err := tx.row(qPublic, []any{kind, id}, &b)
	if err == nil && !ok {
		err = refuse(errs.NotFound, "store.public.unknown", "store.public", kind, "there is no such public document")
	}
	return b, err
}

// Publics returns all public documents of a kind, by id.
func (tx *Tx) Publics(kind string) (map[string][]byte, error) {
	all := map[string][]byte{}
	var id string
	var b []byte
	err := tx.rows(qPublics, []any{kind}, func() error { all[id] = b; return nil }, &id, &b)
	return all, err
}
