package exchange

import (
	"cmp"
	"slices"
	"time"

	"entente/errs"
	"entente/seal"
	"entente/statement"
)

// Precedence says which of two contents goes first over a link that cannot carry both.
type Precedence uint8

// Precedences, lowest first. The zero value counts as Routine.
const (
	Routine   Precedence = 1
	Priority  Precedence = 2
	Immediate Precedence = 3
	Flash     Precedence = 4
)

// ParsePrecedence reads the word that String writes. Errors have code exchange.precedence.
func ParsePrecedence(s string) (Precedence, error) {
	for p := Routine; p <= Flash; p++ {
		if p.String() == s {
			return p, nil
		}
	}
	return 0, &errs.Error{Kind: errs.Invalid, Code: "exchange.precedence", Op: "exchange.parse",
		Reason: "a precedence is FLASH, IMMEDIATE, PRIORITY or ROUTINE"}
}

// String returns the word of p.
func (p Precedence) String() string {
	switch p {
	case Flash:
		return "FLASH"
	case Immediate:
		return "IMMEDIATE"
	case Priority:
		return "PRIORITY"
	}
	return "ROUTINE"
}

// Outbox shows Build what there is to send to one peer: committed rows only, one consistent state for the length of a
// call.
type Outbox interface {
	// Outgoing returns where the own journal stands with this peer.
	Outgoing() (Outgoing, error)
	// Entries returns entries from to to-1 of the own journal.
	Entries(from, to uint64) ([]Entry, error)
	// Unheld returns entries below Outgoing.PeerSize that are not in the peer's last Step.PeerHolds and whose content is
	// Present, most urgent first, then by index, at most limit.
	Unheld(limit int) ([]Entry, error)
	// Content returns the content slot of an entry whose Entry.Content is Present.
	Content(index uint64) (Slot, error)
	// Checkpoint returns the signed note of the own journal at size, which is at most Outgoing.Size; one that was made is
	// used again. It is stored before it is returned: a note that left and was forgotten is a fork waiting to happen.
	Checkpoint(size uint64) ([]byte, error)
	// ObjectPart returns one leaf of an object with its proof, or NotFound if the object is no longer here.
	ObjectPart(root [48]byte, leaf uint64) (ObjectPart, error)
	// Receipts returns what is due to the peer whatever else is sent.
	Receipts() (Receipts, error)
}

// Outgoing is where the own journal stands with one peer.
type Outgoing struct {
	Size     uint64
	PeerSize uint64 // what the peer last said it has: Step.PeerHas
	Wants    []Want // what it last said it lacks of objects
}

// Entry is one entry of the own journal as far as Build must know it to choose.
type Entry struct {
	Index       uint64
	Leaf        []byte
	Act         Slot
	Content     SlotState
	ContentSize int        // bytes, if Present
	Precedence  Precedence // of its content and objects
	Objects     []ObjectRef
}

// ObjectRef is an object of an entry.
type ObjectRef struct {
	Root [48]byte
	Size uint64 // bytes of ciphertext
}

// Receipts are what a node owes a peer. Every bundle carries all of them, the latest of each kind: the peer sends again what
// they do not show, and a restored peer learns from the heads what it had signed.
type Receipts struct {
	Cosignatures []Cosignature // of the peer's journal: of its latest head here
	Held         []seal.Signed // for the peer's journal
	Heads        [][]byte      // the latest note known of every other author, the peer first of all
	Digests      []StateDigest
	Wants        []Want
}

const (
	entriesAtOnce = 256     // entries asked of the Outbox in one call
	lateAtOnce    = 4096    // late bodies considered for one bundle
	slotCost      = 48      // bytes of a slot beside its bytes
	entryCost     = 16      // bytes of a leaf beside its bytes, and of an empty content slot
	partCost      = 4 << 10 // bytes of an object part beside its data
)

// candidate is a body or object that could go into the bundle.
type candidate struct {
	entry   *Entry
	late    bool // below what the peer has: act and content go as a LateBody
	content bool // the content still has to go
	sent    bool // its content is in this bundle
}

func (c *candidate) urgency() Precedence { return max(c.entry.Precedence, Routine) }

// builder is one bundle being filled.
type builder struct {
	v      Outbox
	out    Outgoing
	bundle *Bundle
	part   JournalPart
	left   int  // bytes of the budget that are left
	taken  bool // a content or part is in: the next goes only if it fits
	wants  map[[48]byte]Ranges
	parts  map[[48]byte]bool // objects looked at
}

// Build returns the bundle that is due to the peer: receipts, entries since what it has, contents and objects it does
// not hold, within budget bytes (see FrameBudget; at least MinBudget). Leaves and acts go first, so that what is said is
// known early, but leave a quarter of the budget to what is carried; then, one precedence after the other, contents, those
// left out of earlier bundles included, and parts of objects. One entry, and one content, always go, however small the
// budget. What does not fit is marked Later and goes in a later bundle: when [Bundle.Empty] reports true, or
// [Bundle.ReceiptsOnly] and the receipts were sent before, there is nothing more to send.
//
// id is 16 random bytes. Errors are those of v, and of a checkpoint or receipt that does not fit.
func Build(l *Link, v Outbox, budget int, now time.Time, id [16]byte) (*Bundle, error) {
	out, err := v.Outgoing()
	if err != nil {
		return nil, err
	}
	r, err := v.Receipts()
	if err != nil {
		return nil, err
	}
	b := &builder{v: v, out: out, left: min(max(budget, MinBudget), MaxBudget) - 1<<10,
		wants: make(map[[48]byte]Ranges), parts: make(map[[48]byte]bool),
		bundle: &Bundle{Version: Version, ID: id, Channel: l.Channel, From: l.Self, To: l.Peer, Time: now.UnixMilli(),
			Cosignatures: r.Cosignatures, Held: r.Held, Heads: r.Heads, Digests: r.Digests, Wants: r.Wants},
		part: JournalPart{Author: l.Self, Epoch: l.SelfEpoch, From: out.PeerSize}}
	for _, w := range out.Wants {
		b.wants[w.Root] = w.Missing
	}
	b.left -= r.cost()
	waiting, err := b.late()
	if err != nil {
		return nil, err
	}
	fresh, err := b.fresh()
	if err != nil {
		return nil, err
	}
	waiting = append(waiting, fresh...)
	slices.SortStableFunc(waiting, func(x, y *candidate) int {
		return cmp.Or(cmp.Compare(y.urgency(), x.urgency()), cmp.Compare(x.entry.Index, y.entry.Index))
	})
	for from, to := 0, 0; from < len(waiting); from = to {
		for to = from; to < len(waiting) && waiting[to].urgency() == waiting[from].urgency(); {
			to++
		}
		if err := b.contents(waiting[from:to]); err != nil {
			return nil, err
		}
		if err := b.objects(waiting[from:to]); err != nil {
			return nil, err
		}
	}
	if len(b.part.Leaves)+len(b.part.Bodies) > 0 {
		slices.SortFunc(b.part.Bodies, func(x, y LateBody) int { return cmp.Compare(x.Index, y.Index) })
		if b.part.Checkpoint, err = v.Checkpoint(b.part.From + uint64(len(b.part.Leaves))); err != nil {
			return nil, err
		}
		b.bundle.Journals = []JournalPart{b.part}
	}
	return b.bundle, b.bundle.Check()
}

func (r *Receipts) cost() (n int) {
	for i := range r.Cosignatures {
		n += len(r.Cosignatures[i].Lines) + 128
	}
	for i := range r.Held {
		n += len(r.Held[i].Payload) + len(r.Held[i].Sig.Ed25519) + len(r.Held[i].Sig.MLDSA87) + 64
	}
	for _, h := range r.Heads {
		n += len(h) + 4
	}
	for i := range r.Wants {
		n += 64 + 24*len(r.Wants[i].Missing)
	}
	return n + 80*len(r.Digests) + 8<<10 // a checkpoint
}

// late finds entries that the peer has and does not hold.
func (b *builder) late() (list []*candidate, err error) {
	entries, err := b.v.Unheld(lateAtOnce)
	if err != nil {
		return nil, err
	}
	for i := range entries[:min(len(entries), lateAtOnce)] {
		if e := &entries[i]; e.Index < b.out.PeerSize && e.Content == Present {
			list = append(list, &candidate{entry: e, late: true, content: !b.known(e)})
		}
	}
	return list, nil
}

// known reports whether the peer said that it lacks only parts of objects of e: then it has act and content.
func (b *builder) known(e *Entry) bool {
	for _, o := range e.Objects {
		if _, ok := b.wants[o.Root]; ok {
			return true
		}
	}
	return false
}

// fresh adds leaves and acts of new entries; their contents are candidates.
func (b *builder) fresh() (list []*candidate, err error) {
	room := b.left - b.left/4
	for from := b.out.PeerSize; from < b.out.Size && len(b.part.Leaves) < MaxEntries-lateAtOnce; from += entriesAtOnce {
		entries, err := b.v.Entries(from, min(from+entriesAtOnce, b.out.Size))
		if err != nil {
			return nil, err
		}
		for i := range entries {
			e := &entries[i]
			cost := len(e.Leaf) + len(e.Act.Bytes) + slotCost + entryCost
			if cost > room && len(b.part.Leaves) > 0 {
				return list, nil
			}
			room, b.left = room-cost, b.left-cost
			content := Slot{State: e.Content}
			if e.Content == Present {
				content.State = Later
				list = append(list, &candidate{entry: e, content: true})
			}
			b.part.Leaves = append(b.part.Leaves, e.Leaf)
			b.part.Acts = append(b.part.Acts, e.Act)
			b.part.Contents = append(b.part.Contents, content)
		}
	}
	return list, nil
}

// contents adds contents while they fit, most urgent first; the first always goes.
func (b *builder) contents(list []*candidate) error {
	for _, c := range list {
		if !c.content {
			continue
		}
		cost := c.entry.ContentSize + slotCost
		if c.late {
			cost += len(c.entry.Act.Bytes) + slotCost + entryCost
		}
		if cost > b.left && b.taken {
			continue
		}
		content := Slot{State: c.entry.Content}
		if content.State == Present {
			var err error
			if content, err = b.v.Content(c.entry.Index); err != nil {
				return err
			}
		}
		if c.late {
			act := c.entry.Act
			b.part.Bodies = append(b.part.Bodies, LateBody{Index: c.entry.Index, Act: &act, Content: &content})
		} else {
			b.part.Contents[c.entry.Index-b.part.From] = content
		}
		c.sent, b.taken = true, true
		b.left -= cost
	}
	return nil
}

// objects adds parts of objects whose content the peer has or gets with this bundle, while they fit.
func (b *builder) objects(list []*candidate) error {
	for _, c := range list {
		if !c.sent && c.content {
			continue
		}
		for _, o := range c.entry.Objects {
			missing, wanted := b.wants[o.Root]
			if b.parts[o.Root] || !wanted && !c.sent {
				continue // the peer has this one and lacks another object of the entry
			}
			if b.parts[o.Root] = true; !wanted {
				missing = Ranges{{0, leavesOf(o.Size)}}
			}
			if done, err := b.object(o, missing); err != nil || done {
				return err
			}
		}
	}
	return nil
}

// object adds missing leaves of o and reports whether the budget is spent.
func (b *builder) object(o ObjectRef, missing Ranges) (done bool, err error) {
	for _, r := range missing {
		for i := r[0]; i < min(r[1], leavesOf(o.Size)); i++ {
			size := min(o.Size-i*seal.LeafSize, seal.LeafSize)
			if b.left < int(size)+partCost && b.taken || len(b.bundle.Objects) == MaxParts {
				return true, nil
			}
			p, err := b.v.ObjectPart(o.Root, i)
			if errs.KindOf(err) == errs.NotFound && err != nil {
				return false, nil // destroyed meanwhile; the others go on
			}
			if err != nil {
				return false, err
			}
			b.bundle.Objects, b.taken = append(b.bundle.Objects, p), true
			b.left -= len(p.Data) + partCost
		}
	}
	return false, nil
}

// Wanted returns what to say is missing of an object, for Receipts: nil if nothing is.
func Wanted(root [48]byte, size uint64, have Ranges) *Want {
	if size == 0 || size > statement.MaxObject {
		return nil
	}
	if gaps := have.Gaps(0, leavesOf(size)); len(gaps) > 0 {
		return &Want{Root: root, Missing: gaps.first(MaxWantRanges)}
	}
	return nil
}
