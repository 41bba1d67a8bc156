package store

import (
	"slices"

	"entente/errs"
	"entente/journal"
)

// Kinds of journal.
const (
	KindChannel  = "channel"  // of one author in one channel; travels to its readers
	KindNational = "national" // of this node, about one channel; never leaves
	KindAdmin    = "admin"    // of this node, about itself; never leaves
)

// maxLeaf bounds a leaf, in bytes: what a C2SP entry can carry. Agreements set far lower limits.
const maxLeaf = journal.MaxEntry

// Journal is the row of a journal as the unit of work sees it.
type Journal struct {
	ID       int64
	Origin   journal.Origin
	Kind     string
	Own      bool     // this node is its author
	Size     uint64   // leaves
	Root     [32]byte // of the first Size leaves
	LastTime int64    // greatest time of its acts, Unix milliseconds UTC; 0 for none
	Frozen   bool     // its author contradicted himself; there is no way back but a new epoch
}

// Checkpoint returns the head of j.
func (j *Journal) Checkpoint() journal.Checkpoint {
	return journal.Checkpoint{Origin: j.Origin, Size: int64(j.Size), Root: j.Root}
}

// head is a journal in the writer's memory, with the right edge of its tree.
type head struct {
	Journal
	channel int64         // interned digest of Origin.Channel
	tree    *journal.Tree // nil until it is needed
	touched bool          // in writer.touched
	saved   bool          // in writer.undo
}

// undo is what a head was before the act.
type undo struct {
	h       *head
	was     Journal
	tree    *journal.Tree
	created bool
}

func (h *head) committed() {
	h.touched = false
	if h.tree != nil {
		h.tree.Flushed()
	}
}

// edit returns the head of j, saved so that the act can be undone.
func (tx *Tx) edit(j *Journal) (*head, error) {
	if err := tx.writable(); err != nil {
		return nil, err
	}
	h, err := tx.head(j.ID)
	if err == nil {
		tx.w.save(h, false)
	}
	return h, err
}

func (w *writer) save(h *head, created bool) {
	if !h.touched {
		h.touched = true
		w.touched = append(w.touched, h)
	}
	if h.saved {
		return
	}
	h.saved = true
	u := undo{h: h, was: h.Journal, created: created}
	if h.tree != nil {
		u.tree = h.tree.Clone()
	}
	w.undo = append(w.undo, u)
}

// restore undoes the act in memory, as the engine undoes it on disk.
func (w *writer) restore() {
	for _, u := range w.undo {
		switch {
		case u.created:
			w.drop(u.h)
			w.touched = slices.DeleteFunc(w.touched, func(h *head) bool { return h == u.h })
		case u.tree == nil:
			u.h.Journal, u.h.tree = u.was, nil
		default:
			u.h.Journal = u.was
			u.h.tree.Restore(u.tree)
		}
	}
}

// forget drops every head the group touched: the next act reads it from disk.
func (w *writer) forget() {
	for _, h := range w.touched {
		w.drop(h)
	}
	w.touched = w.touched[:0]
}

func (w *writer) drop(h *head) {
	delete(w.heads, h.ID)
	delete(w.origins, h.Origin.String())
}

// flush writes, before the commit, the tiles and heads that the acts of the group changed: once each, however many
// acts there were.
func (w *writer) flush() error {
	for _, h := range w.touched {
		if h.tree != nil {
			for _, t := range h.tree.Dirty() {
				if _, err := w.conn.exec(qPutTile, h.ID, int64(t.Level), t.N, t.Hashes); err != nil {
					return err
				}
			}
		}
		if _, err := w.conn.exec(qSetJournal, h.ID, int64(h.Size), h.Root[:], h.LastTime, flag(h.Frozen)); err != nil {
			return err
		}
	}
	return nil
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// journalRow is where a row of the journal table is scanned to.
type journalRow struct {
	id, channel, own, size, last, frozen int64
	origin, kind                         string
	root                                 []byte
}

func (r *journalRow) dest() []any {
	return []any{&r.id, &r.origin, &r.channel, &r.kind, &r.own, &r.size, &r.root, &r.last, &r.frozen}
}

func (r *journalRow) head() (*head, error) {
	o, err := journal.ParseOrigin(r.origin)
	if err != nil || len(r.root) != 32 || r.size < 0 {
		return nil, &errs.Error{Kind: errs.Integrity, Code: "store.corrupt", Op: "store.journal", Subject: r.origin, Err: err}
	}
	return &head{channel: r.channel, Journal: Journal{ID: r.id, Origin: o, Kind: r.kind, Own: r.own == 1, Size: uint64(r.size),
		Root: [32]byte(r.root), LastTime: r.last, Frozen: r.frozen == 1}}, nil
}

func (tx *Tx) load(q query, key any) (*head, error) {
	var r journalRow
	ok, err := tx.row(q, []any{key}, r.dest()...)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, refuse(errs.NotFound, "store.journal.unknown", "store.journal", "", "there is no such journal")
	}
	h, err := r.head()
	if err == nil && tx.w != nil {
		tx.w.heads[h.ID], tx.w.origins[r.origin] = h, h
	}
	return h, err
}

func (tx *Tx) head(id int64) (*head, error) {
	if tx.w != nil {
		if h := tx.w.heads[id]; h != nil {
			return h, tx.usable()
		}
	}
	return tx.load(qJournalByID, id)
}

// Journal returns the journal of an origin line. Code store.journal.unknown.
func (tx *Tx) Journal(origin string) (*Journal, error) {
	if err := tx.usable(); err != nil {
		return nil, err
	}
	h := (*head)(nil)
	if tx.w != nil {
		h = tx.w.origins[origin]
	}
	if h == nil {
		var err error
		if h, err = tx.load(qJournalByOrigin, origin); err != nil {
			return nil, err
		}
	}
	j := h.Journal
	return &j, nil
}

// EnsureJournal returns the journal of an origin, made empty if it is not there. Codes: store.realm; store.journal.kind
// when it is there with another kind or owner.
func (tx *Tx) EnsureJournal(origin journal.Origin, kind string, own bool) (*Journal, error) {
	if err := tx.writable(); err != nil {
		return nil, err
	}
	if err := origin.Check(); err != nil {
		return nil, err
	}
	if origin.Realm != tx.s.cfg.Realm {
		return nil, refuse(errs.Refused, "store.realm", "store.journal", string(origin.Realm), "the journal belongs to another realm")
	}
	line := origin.String()
	j, err := tx.Journal(line)
	switch {
	case err == nil && (j.Kind != kind || j.Own != own):
		return nil, refuse(errs.Conflict, "store.journal.kind", "store.journal", line, "the journal is known with another kind or owner")
	case err == nil:
		return j, nil
	case !errs.HasCode(err, "store.journal.unknown"):
		return nil, err
	case kind != KindChannel && kind != KindNational && kind != KindAdmin:
		return nil, refuse(errs.Invalid, "store.journal.kind", "store.journal", line, "a journal is of kind channel, national or admin")
	}
	channel, err := tx.channel(origin.Channel, true)
	if err != nil {
		return nil, err
	}
	h := &head{channel: channel, Journal: Journal{Origin: origin, Kind: kind, Own: own, Root: journal.EmptyRoot()}}
	if _, err := tx.row(qPutJournal, []any{line, channel, kind, flag(own), h.Root[:]}, &h.ID); err != nil {
		return nil, err
	}
	tx.w.heads[h.ID], tx.w.origins[line] = h, h
	tx.w.save(h, true)
	nj := h.Journal
	return &nj, nil
}

// channel returns the number of a channel digest; 0 when it has none and make is false.
func (tx *Tx) channel(digest [48]byte, make bool) (id int64, err error) {
	ok, err := tx.row(qChannel, []any{digest[:]}, &id)
	if err == nil && !ok && make {
		_, err = tx.row(qPutChannel, []any{digest[:]}, &id)
	}
	return id, err
}

// Journals returns the journals of a kind, or all when kind is "", oldest first.
func (tx *Tx) Journals(kind string) (all []*Journal, err error) {
	var r journalRow
	q, args := qJournals, []any(nil)
	if kind != "" {
		q, args = qJournalsOfKind, []any{kind}
	}
	err = tx.rows(q, args, func() error {
		h, err := r.head()
		if err == nil {
			all = append(all, &h.Journal)
		}
		return err
	}, r.dest()...)
	if tx.w != nil { // the writer's memory is ahead of the rows until the group is flushed
		for i, j := range all {
			if h := tx.w.heads[j.ID]; h != nil {
				now := h.Journal
				all[i] = &now
			}
		}
	}
	return all, err
}

// AppendLeaves appends leaves and brings j to the new size and root. It compares first: a j that is not the present
// head is refused, so that what was verified against it is still true. Codes: store.journal.moved, store.leaf.
func (tx *Tx) AppendLeaves(j *Journal, leaves [][]byte) error {
	for _, l := range leaves {
		if len(l) == 0 || len(l) > maxLeaf {
			return refuse(errs.Invalid, "store.leaf", "store.append", j.Origin.String(), "a leaf has 1 to 65535 bytes")
		}
	}
	h, err := tx.edit(j)
	if err != nil {
		return err
	}
	if h.Size != j.Size {
		return refuse(errs.Conflict, "store.journal.moved", "store.append", h.Origin.String(), "the journal has grown since it was read")
	}
	if err := tx.open(h); err != nil {
		return err
	}
	for _, l := range leaves {
		if _, err := tx.exec(qPutLeaf, h.ID, h.tree.Append(journal.LeafHash(l)), l); err != nil {
			return err
		}
	}
	h.Size, h.Root = uint64(h.tree.Size()), h.tree.Root()
	j.Size, j.Root = h.Size, h.Root
	return nil
}

// open reads the right edge of a journal and compares it with the root of its row. Code store.corrupt.
func (tx *Tx) open(h *head) error {
	if h.tree != nil {
		return nil
	}
	t, err := journal.OpenTree(int64(h.Size), tileReader{tx.w, tx, h.ID})
	if err == nil && t.Root() != h.Root {
		err = refuse(errs.Integrity, "store.corrupt", "store.journal", h.Origin.String(), "the tiles do not lead to the root of the journal")
	}
	if err == nil {
		h.tree = t
	}
	return err
}

// tileReader reads stored tiles. A tree in the writer's memory outlives the unit of work that opened it, and reads
// through the one that runs now.
type tileReader struct {
	w       *writer
	tx      *Tx
	journal int64
}

func (r tileReader) ReadTile(level int, n int64) (b []byte, err error) {
	tx := r.tx
	if r.w != nil {
		tx = r.w.tx
	}
	ok, err := tx.row(qTile, []any{r.journal, int64(level), n}, &b)
	if err == nil && !ok {
		err = refuse(errs.Integrity, "store.corrupt", "store.tile", "", "a tile is missing; rebuild remakes it")
	}
	return b, err
}

// Tree returns the tree of j to prove with, as the unit of work sees it. It is good until the closure returns; what is
// appended to it is lost.
func (tx *Tx) Tree(j *Journal) (*journal.Tree, error) {
	h, err := tx.head(j.ID)
	if err != nil {
		return nil, err
	}
	if err := tx.open(h); err != nil {
		return nil, err
	}
	return h.tree.Clone(), nil
}

// Leaf returns one leaf. Code store.leaf.unknown.
func (tx *Tx) Leaf(j *Journal, index uint64) (b []byte, err error) {
	ok, err := tx.row(qLeaf, []any{j.ID, int64(index)}, &b)
	if err == nil && !ok {
		err = refuse(errs.NotFound, "store.leaf.unknown", "store.leaf", j.Origin.String(), "the journal has no such leaf")
	}
	return b, err
}

// Leaves returns the leaves from ≤ index < to, all of them or an error. Code store.leaf.unknown.
func (tx *Tx) Leaves(j *Journal, from, to uint64) ([][]byte, error) {
	if from > to {
		return nil, refuse(errs.Invalid, "store.leaf.unknown", "store.leaf", j.Origin.String(), "the range ends before it begins")
	}
	var all [][]byte
	var i int64
	var b []byte
	err := tx.rows(qLeaves, []any{j.ID, int64(from), int64(to)}, func() error { all = append(all, b); return nil }, &i, &b)
	if err == nil && uint64(len(all)) != to-from {
		err = refuse(errs.NotFound, "store.leaf.unknown", "store.leaf", j.Origin.String(), "the journal has no such leaves")
	}
	return all, err
}

// SetLastTime raises the time of j, Unix milliseconds UTC. Code store.journal.time for one that is before it.
func (tx *Tx) SetLastTime(j *Journal, at int64) error {
	h, err := tx.edit(j)
	if err != nil {
		return err
	}
	if at < h.LastTime {
		return refuse(errs.Conflict, "store.journal.time", "store.journal", h.Origin.String(), "a journal's time never decreases")
	}
	h.LastTime, j.LastTime = at, at
	return nil
}

// Freeze marks j: its author contradicted himself. Nothing here lifts it; a new epoch has a journal of its own.
func (tx *Tx) Freeze(j *Journal) error {
	h, err := tx.edit(j)
	if err == nil {
		h.Frozen, j.Frozen = true, true
	}
	return err
}
