package exchange

import (
	"slices"

	"entente/errs"
	"entente/journal"
	"entente/party"
	"entente/seal"
	"entente/statement"
)

// Reader shows Examine the committed state of this node, one consistent state for the length of a call. An error other
// than kind NotFound ends the examination and nothing is concluded from the bundle.
type Reader interface {
	// Journal returns what is held of an author's journal. NotFound means that this epoch is not known here; a known one of
	// which nothing is held yet has size 0.
	Journal(a party.Author, epoch uint64) (Position, error)
	// Tree returns the tree of the first size leaves, at most Position.Size: journal.OpenTree over the stored tiles, or a
	// clone. It becomes Examine's own: leaves are appended to it.
	Tree(a party.Author, epoch, size uint64) (*journal.Tree, error)
	// Entry returns what is stored of an entry below Position.Size.
	Entry(a party.Author, epoch, index uint64) (Stored, error)
	// Object returns what is stored of an object. NotFound means that no content held here names it.
	Object(root [48]byte) (Object, error)
	// Threads returns one view for each thread, in order.
	Threads(threads []statement.Thread) ([]ThreadView, error)
	// Unheld returns how many bytes are stored of the peer's bodies and objects that are not held: bodies of entries
	// outside Position.Held, and parts of objects that are not complete.
	Unheld() (uint64, error)
}

// Position is what a node holds of one journal, its own or another's.
type Position struct {
	Signing seal.PublicKey // verifies its checkpoints; for Self and Peer that of the Link is used
	Closed  bool           // a later epoch of the author is open: nothing is appended any more
	Size    uint64
	Root    journal.Hash
	Note    []byte   // the signed checkpoint of the largest size up to Size; nil if there is none
	Held    Ranges   // entries of which act, content and objects are durable here and match
	Run     Run      // where the checks along the journal stand
	Ahead   [][]byte // signed notes of sizes above Size that others showed: Step.Heads of earlier bundles

	PeerSize uint64 // own journal only: largest size the peer cosigned
	PeerHeld Ranges // own journal only: what the peer receipted as held
	Shown    *Shown // own journal only: Step.Shown of the bundle before; nil if the caller does not keep it
}

// Shown is what the peer said last of its copy of the own journal: where to send from. It is no proof.
type Shown struct {
	Has   uint64 `cbor:"1,keyasint"`
	Holds Ranges `cbor:"2,keyasint,omitempty"`
	Wants []Want `cbor:"3,keyasint,omitempty"`
}

func (s Shown) equal(t Shown) bool {
	return s.Has == t.Has && slices.Equal(s.Holds, t.Holds) &&
		slices.EqualFunc(s.Wants, t.Wants, func(a, b Want) bool { return a.Root == b.Root && slices.Equal(a.Missing, b.Missing) })
}

// Stored is what is stored of one entry.
type Stored struct {
	Leaf    []byte
	Act     SlotState // Present if durable and matching, else why not
	Content SlotState
}

// Object is what is stored of one object that a content held here names.
type Object struct {
	Size    uint64  // bytes of ciphertext, as the content says
	Have    Ranges  // leaves of its tree that are durable here
	Waiting []Place // entries not held that name it
}

// Place is the place of an entry.
type Place struct {
	Author party.Author
	Epoch  uint64
	Index  uint64
}

// ThreadView is what a node knows of a thread.
type ThreadView struct {
	Statements uint64   // of all authors
	Settled    bool     // the state is settled here, and Digest is its digest
	Digest     [48]byte //
	Theirs     [48]byte // the peer's digest, kept from Step.Digests; zero if there is none
}

// Run is where the checks along one journal stand after its last leaf. Store it with the journal; the zero Run stands
// before the first leaf.
type Run struct {
	Tail  statement.Tail `cbor:"1,keyasint"`
	Day   int64          `cbor:"2,keyasint"` // day counted, in days since 1970
	Count uint64         `cbor:"3,keyasint"` // statements of that day
}

const (
	dayMillis  = 24 * 60 * 60 * 1000
	backlogMax = 31 // days of a journal's past that count as days of their own: what a link that was cut may catch up with
)

// count adds a statement said at time ms and reports whether it is within perDay. A day is the author's own, so that a
// backlog after an outage is not refused; but never after today, nor long before, so that it cannot be made up.
func (r *Run) count(ms, today int64, perDay uint64) bool {
	day := min(max(ms/dayMillis, today-backlogMax), today)
	if day > r.Day {
		r.Day, r.Count = day, 0
	}
	r.Count++
	return r.Count <= perDay
}

// view is a journal as this examination sees it: what the Reader showed and what the bundle added.
type view struct {
	x       *exam
	author  party.Author
	epoch   uint64
	key     seal.PublicKey
	pos     Position
	tree    *journal.Tree // nil until needed
	unknown bool          // this epoch is not known here
}

type journalKey struct {
	author party.Author
	epoch  uint64
}

// view returns the view of a journal; it asks the Reader once.
func (x *exam) view(a party.Author, epoch uint64) (*view, error) {
	k := journalKey{a, epoch}
	if v := x.views[k]; v != nil {
		return v, nil
	}
	pos, err := x.r.Journal(a, epoch)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return nil, err
	}
	v := &view{x: x, author: a, epoch: epoch, pos: pos, key: pos.Signing, unknown: err != nil}
	switch a {
	case x.l.Self:
		v.key = x.l.SelfSigning
	case x.l.Peer:
		v.key = x.l.PeerSigning
	}
	x.views[k] = v
	return v, nil
}

// openTree fetches the tree and compares it with the root that goes with it: from here on it is our own.
func (v *view) openTree() error {
	if v.tree != nil {
		return nil
	}
	t, err := v.x.r.Tree(v.author, v.epoch, v.pos.Size)
	if err != nil {
		return err
	}
	if uint64(t.Size()) != v.pos.Size || v.pos.Size > 0 && t.Root() != v.pos.Root {
		return &errs.Error{Kind: errs.Integrity, Code: "exchange.store.tree", Op: "exchange.examine", Subject: string(v.author),
			Reason: "the stored tree is not the one that was stored"}
	}
	v.tree = t
	return nil
}

// rootAt returns the root of the first n leaves, n at most the size.
func (v *view) rootAt(n uint64) (journal.Hash, error) {
	if n == v.pos.Size && n > 0 {
		return v.pos.Root, nil
	}
	if err := v.openTree(); err != nil {
		return journal.Hash{}, err
	}
	return v.tree.RootAt(int64(n))
}
