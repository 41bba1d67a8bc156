package store

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash"
	"math"
	"os"
	"slices"
	"strings"

	"entente/errs"
	"entente/internal/store/sqlite"
	"entente/journal"
	"entente/statement"
)

// page bounds the rows read at one time while a whole journal is gone through.
const page = 1024

// RebuildReport says what a rebuild found. Before and After differ when something derived was damaged, and is mended.
type RebuildReport struct {
	Before, After                [48]byte
	Journals, Leaves, Statements int
}

// Rebuild remakes everything derived, in one transaction: tiles, roots and sizes from the leaves, the index of
// statements from the acts that are here (an act that was destroyed keeps its entry, which nothing else can tell). It
// stops, and changes nothing, when the leaves contradict what was signed. Codes: store.rebuild.lost (leaves are missing),
// store.rebuild.contradicts (leaves do not lead to a signed root).
func (s *Store) Rebuild(ctx context.Context) (*RebuildReport, error) {
	var r RebuildReport
	return &r, s.submit(&act{ctx: ctx, alone: true, fn: func(tx *Tx) (err error) {
		forget := func() { clear(tx.w.heads); clear(tx.w.origins) }
		defer forget()
		if r.Before, err = tx.digest(); err != nil {
			return err
		}
		all, err := tx.Journals("")
		if err != nil {
			return err
		}
		for _, j := range all {
			if err := tx.rebuildTree(j, &r); err != nil {
				return err
			}
			forget() // the rows changed under the cache
			if err := tx.rebuildIndex(j, &r); err != nil {
				return err
			}
			r.Journals++
		}
		r.After, err = tx.digest()
		return err
	}})
}

func (tx *Tx) rebuildTree(j *Journal, r *RebuildReport) error {
	signed, err := tx.signedHeads(j)
	if err != nil {
		return err
	}
	if _, err := tx.exec(qEraseTiles, j.ID); err != nil {
		return err
	}
	t, err := journal.OpenTree(0, tileReader{tx.w, tx, j.ID})
	if err != nil {
		return err
	}
	for more := true; more; {
		from := t.Size()
		var i int64
		var b []byte
		gap := false
		err := tx.rows(qLeaves, []any{j.ID, from, from + page}, func() error {
			gap = gap || t.Append(journal.LeafHash(b)) != i
			return nil
		}, &i, &b)
		if err != nil {
			return err
		}
		if gap {
			return refuse(errs.Integrity, "store.rebuild.lost", "store.rebuild", j.Origin.String(), "a leaf is missing in the middle")
		}
		for _, tile := range t.Dirty() {
			if _, err := tx.exec(qPutTile, j.ID, int64(tile.Level), tile.N, tile.Hashes); err != nil {
				return err
			}
		}
		t.Flushed()
		more = t.Size()-from == page
	}
	var n, last int64
	if _, err := tx.row(qCountLeaves, []any{j.ID}, &n, &last); err != nil {
		return err
	}
	if n != t.Size() {
		return refuse(errs.Integrity, "store.rebuild.lost", "store.rebuild", j.Origin.String(), "leaves are missing in the middle")
	}
	for _, c := range signed {
		if c.Size > t.Size() {
			return refuse(errs.Integrity, "store.rebuild.lost", "store.rebuild", j.Origin.String(), fmt.Sprintf("a head of %d leaves is signed, %d are left", c.Size, n))
		}
		if root, err := t.RootAt(c.Size); err != nil {
			return err
		} else if root != c.Root {
			return refuse(errs.Integrity, "store.rebuild.contradicts", "store.rebuild", j.Origin.String(), "the leaves do not lead to a root that is signed")
		}
	}
	root := t.Root()
	r.Leaves += int(n)
	_, err = tx.exec(qSetJournal, j.ID, n, root[:], j.LastTime, flag(j.Frozen))
	return err
}

// signedHeads returns the heads of j that somebody signed and that are stored.
func (tx *Tx) signedHeads(j *Journal) (heads []journal.Checkpoint, err error) {
	cosigned, err := tx.Cosignatures(j)
	if err != nil {
		return nil, err
	}
	for _, c := range cosigned {
		heads = append(heads, journal.Checkpoint{Size: int64(c.Size), Root: c.Root})
	}
	latest, err := tx.LatestCheckpoint(j)
	if errs.HasCode(err, "store.checkpoint.unknown") {
		return heads, nil
	} else if err != nil {
		return nil, err
	}
	text, _, _ := bytes.Cut(latest.Note, []byte("\n\n"))
	c, err := journal.ParseCheckpoint(append(slices.Clone(text), '\n'))
	if err != nil {
		return nil, &errs.Error{Kind: errs.Integrity, Code: "store.corrupt", Op: "store.rebuild", Subject: j.Origin.String(), Err: err}
	}
	return append(heads, c), nil
}

// rebuildIndex indexes every act that is here and can be read. An act of an unknown version keeps what is there.
func (tx *Tx) rebuildIndex(j *Journal, r *RebuildReport) error {
	type found struct {
		index        int64
		box, wrapped []byte
	}
	for next := int64(0); ; {
		var acts []found
		var f found
		if err := tx.rows(qPresentActs, []any{j.ID, next, int64(page)}, func() error { acts = append(acts, f); return nil }, &f.index, &f.box, &f.wrapped); err != nil {
			return err
		}
		for _, f := range acts {
			plain, err := tx.openItem(bodyItem(nil, j.ID, uint64(f.index), Act), f.box, f.wrapped)
			if err != nil {
				return err
			}
			if len(plain) < 32 {
				return refuse(errs.Integrity, "store.item", "store.rebuild", j.Origin.String(), "an act is shorter than its salt")
			}
			a, err := statement.DecodeAct(plain[32:])
			if err != nil {
				continue
			}
			if _, err := tx.exec(qEraseStatement, j.ID, f.index); err != nil {
				return err
			}
			if err := tx.IndexStatement(a.Channel, j, uint64(f.index), a.ID, a.Thread, string(a.Type)); err != nil {
				return err
			}
			r.Statements++
		}
		if len(acts) < page {
			return nil
		}
		next = acts[len(acts)-1].index + 1
	}
}

// StateDigest returns a digest of everything derived: heads, tiles and index. Two databases with the same leaves and
// acts have the same, whatever the order in which they came.
func (s *Store) StateDigest(ctx context.Context) (d [48]byte, err error) {
	err = s.View(ctx, func(tx *Tx) (err error) {
		d, err = tx.digest()
		return err
	})
	return d, err
}

func (tx *Tx) digest() (d [48]byte, err error) {
	h := sha512.New384()
	field(h, []byte("entente/store/state/1"))
	all, err := tx.Journals("")
	if err != nil {
		return d, err
	}
	slices.SortFunc(all, func(a, b *Journal) int { return strings.Compare(a.Origin.String(), b.Origin.String()) })
	for _, j := range all {
		field(h, []byte(j.Origin.String()), number(j.Size), j.Root[:])
		var level, n int64
		var b []byte
		if err := tx.rows(qTiles, []any{j.ID}, func() error { field(h, number(uint64(level)), number(uint64(n)), b); return nil }, &level, &n, &b); err != nil {
			return d, err
		}
		var r entry
		if err := tx.rows(qStatements, []any{j.ID, int64(0), int64(math.MaxInt64)}, func() error {
			e := r.entry()
			field(h, number(e.Index), e.Channel[:], e.ID[:], e.Thread[:], []byte(e.Type))
			return nil
		}, r.dest()...); err != nil {
			return d, err
		}
	}
	return [48]byte(h.Sum(nil)), nil
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// field hashes fields behind their lengths, so that no two lists hash alike.
func field(h hash.Hash, fields ...[]byte) {
	for _, f := range fields {
		h.Write(number(uint64(len(f))))
		h.Write(f)
	}
}

// Problem is one finding of [Store.Integrity].
type Problem struct {
	Code    errs.Code
	Subject string
	Reason  string
}

// Integrity examines the database without changing it: the file, references between rows, every leaf against the tiles
// and roots, keys of every item, files of every object. It costs about a microsecond a leaf. An empty list is health;
// an error says that the examination itself failed.
func (s *Store) Integrity(ctx context.Context) (found []Problem, err error) {
	add := func(code errs.Code, subject, reason string) { found = append(found, Problem{code, subject, reason}) }
	err = s.View(ctx, func(tx *Tx) error {
		lines, err := sqlite.Check(context.Background(), tx.c.sql)
		if err != nil {
			return readFailed(err)
		}
		for _, l := range lines {
			add("store.corrupt", "database", l)
		}
		var orphans int64
		if _, err := tx.row(qOrphans, nil, &orphans); err != nil {
			return err
		}
		if orphans > 0 {
			add("store.item", "database", fmt.Sprintf("%d items have no key", orphans))
		}
		all, err := tx.Journals("")
		if err != nil {
			return err
		}
		for _, j := range all {
			if err := tx.examine(j); errs.KindOf(err) == errs.Integrity || errs.KindOf(err) == errs.NotFound {
				add(errs.CodeOf(err), j.Origin.String(), err.Error())
			} else if err != nil {
				return err
			}
		}
		var raw []byte
		var size int64
		return tx.rows(qObjectsInState, []any{int64(ObjectComplete)}, func() error {
			if st, err := os.Stat(s.objectPath([48]byte(raw))); err != nil || st.Size() != size {
				add("store.object.missing", fmt.Sprintf("%x", raw), "the file is not there in its full size")
			}
			return nil
		}, &raw, &size)
	})
	return found, err
}

// examine makes the root anew from every leaf, and proves one leaf of each stored tile, which checks that tile against
// the one above it.
func (tx *Tx) examine(j *Journal) error {
	corrupt := func(reason string) error {
		return refuse(errs.Integrity, "store.corrupt", "store.integrity", j.Origin.String(), reason)
	}
	var n, last int64
	if _, err := tx.row(qCountLeaves, []any{j.ID}, &n, &last); err != nil {
		return err
	}
	if uint64(n) != j.Size || last != n-1 {
		return corrupt("the number of leaves is not the size of the journal")
	}
	stored, err := tx.Tree(j)
	if err != nil {
		return err
	}
	again, err := journal.OpenTree(0, tileReader{tx: tx, journal: j.ID})
	if err != nil {
		return err
	}
	for from := int64(0); from < n; from += journal.TileWidth {
		if _, err := stored.ProveInclusion(from, n); err != nil {
			return err
		}
		leaves, err := tx.Leaves(j, uint64(from), uint64(min(from+journal.TileWidth, n)))
		if err != nil {
			return err
		}
		for _, l := range leaves {
			again.Append(journal.LeafHash(l))
		}
		again.Flushed() // keeps no more than the right edge
	}
	if again.Root() != j.Root {
		return corrupt("the leaves do not lead to the root")
	}
	return nil
}
