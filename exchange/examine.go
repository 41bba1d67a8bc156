package exchange

import (
	"bytes"
	"slices"
	"time"

	"entente/errs"
	"entente/journal"
	"entente/party"
	"entente/statement"
)

// Step is what a bundle changes, all verified. The caller persists all of it in one transaction, over the same state
// that the Reader showed; then it cosigns each Advance that has new leaves and signs what is held; then it answers.
// Slices share memory with the bundle.
type Step struct {
	Journals   []Advance
	Objects    []ObjectPart // verified parts that were not here, sorted by root and index
	Complete   [][48]byte   // objects of which every part is here with these
	Cosigned   []Cosigned   // new cosignatures of the own journal
	HeldByPeer []HeldByPeer // new held receipts for the own journal
	Heads      []Head       // heads of others larger than what is held: keep them, and show them as Position.Ahead
	Wants      []Want       // what the peer lacks of objects; replaces what it said before
	// PeerHas and PeerHolds are how much of the own journal the peer says, in this bundle, that it has and holds: where to
	// send from. They replace what it said before, 0 included. Less than it once confirmed means that it lost data (or that
	// this is an old bundle, and the next says more). What it ever confirmed is proven by Cosigned and HeldByPeer alone.
	PeerHas   uint64
	PeerHolds Ranges

	Digests     []StateDigest // of threads not settled here yet: keep, and compare when they are
	Differences []Difference  // of threads settled here to another state: the difference list

	Equivocation *journal.Equivocation // two heads of one author that contradict: keep as evidence, freeze
	OwnHeadAhead *OwnHead              // this node signed more than it remembers: sign nothing more, see OwnHead

	Violations []statement.Violation // broken rules: kept, shown, not obeyed
	Unknown    []Unknown             // types and versions this binary does not know: kept, their threads wait
	Refused    []Refusal             // journals and objects of which nothing was stored, and why

	Duplicate bool // the bundle brought nothing that was not here: there is nothing to persist
	AnswerDue bool // the bundle calls for receipts, new or again
}

// Shown returns what the peer says of its copy of the own journal, to be kept for the next bundle in Position.Shown.
func (s *Step) Shown() Shown { return Shown{s.PeerHas, s.PeerHolds, s.Wants} }

// Advance is what a bundle adds to one journal. With no Leaves it only brings bodies of entries that were here.
type Advance struct {
	Author party.Author
	Epoch  uint64
	From   uint64   // index of the first new leaf: the size before
	Leaves [][]byte // the new leaves
	Bodies []Body   // one for each new leaf
	Late   []Body   // of entries below From, by index

	Checkpoint []byte // signed note of Size, to keep as Position.Note and to cosign; nil if there are no new leaves
	Size       uint64
	Root       journal.Hash
	Tree       *journal.Tree // of Size leaves; its Dirty tiles are to be stored. nil if there are no new leaves

	Held      Ranges // all that is held now, to be receipted: SignHeld
	NewlyHeld Ranges // what was not held before
	Run       Run
	Recheck   bool // a late act was opened: flags of later entries depend on it, so run Tail.Follow over the journal anew
}

// Body is what came of one entry.
type Body struct {
	Index        uint64
	LeafHash     [32]byte
	ActState     SlotState // Present: Act matches its commitment. Bad: something else came
	ContentState SlotState
	Act          statement.Body // set if ActState is Present
	Content      statement.Body // set if ContentState is Present
	Statement    *statement.Statement
	Flagged      bool // it breaks a rule of the journal (Step.Violations): keep it out of every fold
}

// Unknown is something well committed to that this binary cannot read. It is kept and witnessed.
type Unknown struct {
	Place  Place
	Thread statement.Thread   // zero if the act could not be read
	Type   statement.TypeName // empty if the act could not be read
	Code   errs.Code          // exchange.unknown.{type,act,content,leaf}
}

// Refusal says why nothing was stored of a journal, of a receipt (Author is this node), or of an object (Author is
// empty). Codes: exchange.gap (the subject is the size known here), exchange.quota, exchange.epoch.{old,unknown},
// exchange.journal.root, exchange.cosignature.{epoch,size,root}, exchange.held.{epoch,range},
// exchange.object.{unknown,size}.
type Refusal struct {
	Author party.Author
	Epoch  uint64
	Root   [48]byte // of an object
	Err    *errs.Error
	Note   []byte // for exchange.journal.root: the signed head that does not continue what is held. Keep it
}

// Difference is one line of the difference list: both sides call the thread settled, at different states.
type Difference struct {
	Thread       statement.Thread
	Ours, Theirs [48]byte
}

// exam is one examination.
type exam struct {
	l     *Link
	b     *Bundle
	r     Reader
	now   time.Time
	step  *Step
	views map[journalKey]*view

	unheld  uint64 // bytes not held, once asked: those of the database and those this bundle adds
	asked   bool
	wanted  map[[48]byte]uint64         // sizes of objects named by contents of this bundle
	objects map[[48]byte]*object        // objects looked at
	threads map[statement.Thread]uint64 // statements this bundle adds, by thread
	ready   []ready                     // entries that may be held by now
	proven  *uint64                     // see ownProven
	shows   bool                        // what the peer shows of its copy of the own journal is news
}

// Examine verifies bundle b, opened by Unpack with link l, against what r shows, and returns what to persist. It is
// pure: it changes nothing and calls nothing but r. now bounds quotas and is no judge of the sender's clock.
//
// An error means that the bundle is forged or malformed, or that r failed: nothing of it may be stored, and nothing is
// to be answered. Codes beside r's: exchange.part.{author,checkpoint,size}, exchange.cosignature.{author,signature},
// exchange.held, exchange.held.{channel,holder,author,signature}, exchange.head.{malformed,origin,author,signature},
// exchange.object.proof. What an honest sender can run into (a gap, a limit, a changed epoch, a restored recipient) is in
// Step.Refused instead, so that it does not hide the heads beside it.
//
// Violations have codes exchange.body.mismatch (a body is not what its leaf commits to; not held), statement.act.* and
// statement.content.* and statement.leaf.* (it is, and is malformed; held, since nothing better can come),
// exchange.act.{author,epoch,channel,national} (it is said in the wrong place), exchange.seen.{author,ahead} (it claims to
// have seen what cannot be), exchange.object.limit (an object that can never be held) and those of statement.Tail.Follow.
func Examine(l *Link, b *Bundle, r Reader, now time.Time) (*Step, error) {
	x := &exam{l: l, b: b, r: r, now: now, step: &Step{AnswerDue: !b.ReceiptsOnly()}, views: map[journalKey]*view{},
		wanted: map[[48]byte]uint64{}, objects: map[[48]byte]*object{}, threads: map[statement.Thread]uint64{}}
	for _, part := range []func() error{x.receipts, x.journals, x.heads, x.parts, x.hold, x.digests} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	s := x.step
	news := len(s.Journals) + len(s.Objects) + len(s.Cosigned) + len(s.HeldByPeer) + len(s.Heads) + len(s.Digests)
	s.Duplicate = news+len(s.Differences)+len(s.Refused) == 0 && s.Equivocation == nil && s.OwnHeadAhead == nil && !x.shows
	return s, nil
}

// today is the day of this examination, in days since 1970.
func (x *exam) today() int64 { return x.now.UnixMilli() / dayMillis }

// advance returns the Advance of a journal in this step, made if need be.
func (x *exam) advance(v *view) *Advance {
	for i := range x.step.Journals {
		if a := &x.step.Journals[i]; a.Author == v.author && a.Epoch == v.epoch {
			return a
		}
	}
	x.step.Journals = append(x.step.Journals, Advance{Author: v.author, Epoch: v.epoch, From: v.pos.Size, Size: v.pos.Size,
		Root: v.pos.Root, Held: v.pos.Held, Run: v.pos.Run})
	return &x.step.Journals[len(x.step.Journals)-1]
}

// digests compares settled states. A digest of a thread that is not settled here is kept for later.
func (x *exam) digests() error {
	if len(x.b.Digests) == 0 {
		return nil
	}
	threads := make([]statement.Thread, len(x.b.Digests))
	for i, d := range x.b.Digests {
		threads[i] = d.Thread
	}
	views, err := x.r.Threads(threads)
	if err != nil {
		return err
	}
	for i, d := range x.b.Digests {
		switch {
		case !views[i].Settled && views[i].Theirs == d.Digest:
		case !views[i].Settled:
			x.step.Digests = append(x.step.Digests, d)
		case views[i].Digest != d.Digest:
			x.step.Differences = append(x.step.Differences, Difference{Thread: d.Thread, Ours: views[i].Digest, Theirs: d.Digest})
		}
	}
	return nil
}

// Head is a verified head of another author's journal that is larger than what is held.
type Head struct {
	Author party.Author
	Epoch  uint64
	Size   uint64
	Root   journal.Hash
	Note   []byte
}

// OwnHead is a head that this node's key signed and this node does not have: it is larger than the own journal, or
// contradicts it. Either the node was restored from a backup, or a second node has its key. It must sign nothing more
// until people have opened a new epoch, or found that the database shown to Examine was not the latest.
type OwnHead struct {
	Epoch       uint64
	Size        uint64
	Root        journal.Hash
	Note        []byte
	Contradicts bool // not larger: another root at a size the own journal has
}

func (x *exam) heads() error {
	for _, note := range x.b.Heads {
		if err := x.head(note); err != nil {
			return err
		}
	}
	return nil
}

func (x *exam) head(note []byte) error {
	bad := func(kind errs.Kind, code errs.Code, reason string, err error) error {
		return &errs.Error{Kind: kind, Code: code, Op: "exchange.head", Reason: reason, Err: err}
	}
	line, _, _ := bytes.Cut(note, []byte("\n"))
	o, err := journal.ParseOrigin(string(line))
	if err != nil {
		return bad(errs.Invalid, "exchange.head.malformed", "a head does not begin with an origin", err)
	}
	if o.Realm != x.l.Realm || o.Channel != x.l.Channel {
		return bad(errs.Refused, "exchange.head.origin", "a head of another realm or channel", nil)
	}
	if !x.l.reader(o.Author) {
		return bad(errs.Refused, "exchange.head.author", "a head of somebody who is no author of this channel", nil)
	}
	v, err := x.view(o.Author, o.Epoch)
	if err != nil {
		return err
	}
	own := o.Author == x.l.Self
	if v.unknown && !(own && o.Epoch > x.l.SelfEpoch) {
		x.refusePart(v, errs.Refused, "exchange.epoch.unknown", "", "an epoch that this node does not know", nil)
		return nil
	}
	if bytes.Equal(note, v.pos.Note) { // verified when it was stored
		return nil
	}
	c, err := journal.Open(note, o, v.key, x.l.Suite)
	if err != nil {
		return bad(errs.Integrity, "exchange.head.signature", "a head is not signed by its author", err)
	}
	size := uint64(c.Size)
	if v.unknown || size > v.pos.Size {
		return x.headAhead(v, own, c, note)
	}
	root, err := v.rootAt(size)
	if err != nil {
		return err
	}
	if root != c.Root {
		if own {
			x.ownHead(v, c, note, true)
		}
		return x.contradiction(v, note)
	}
	return nil
}

// headAhead takes a verified head larger than what is held.
func (x *exam) headAhead(v *view, own bool, c journal.Checkpoint, note []byte) error {
	if own {
		x.ownHead(v, c, note, false)
		return nil
	}
	for _, other := range v.pos.Ahead {
		if e, err := journal.NewEquivocation(other, note); err == nil {
			x.evidence(e)
			return nil
		} else if sameHead(other, note) {
			return nil
		}
	}
	v.pos.Ahead = append(slices.Clip(v.pos.Ahead), note)
	x.step.Heads = append(x.step.Heads, Head{Author: v.author, Epoch: v.epoch, Size: uint64(c.Size), Root: c.Root, Note: note})
	return nil
}

// stored reads the checkpoint of a note that was verified when it was stored, perhaps under a key replaced since.
func stored(note []byte) (journal.Checkpoint, error) {
	i := bytes.Index(note, []byte("\n\n"))
	return journal.ParseCheckpoint(note[:i+1])
}

// sameHead reports whether two signed notes are of the same checkpoint. Signatures are hedged, so notes of one checkpoint
// may differ.
func sameHead(a, b []byte) bool {
	textA, _, okA := bytes.Cut(a, []byte("\n\n"))
	textB, _, okB := bytes.Cut(b, []byte("\n\n"))
	return okA && okB && bytes.Equal(textA, textB)
}

// ownHead keeps the worst sign of a rollback: the largest head.
func (x *exam) ownHead(v *view, c journal.Checkpoint, note []byte, contradicts bool) {
	if h := x.step.OwnHeadAhead; h == nil || v.epoch > h.Epoch || v.epoch == h.Epoch && uint64(c.Size) > h.Size {
		x.step.OwnHeadAhead = &OwnHead{Epoch: v.epoch, Size: uint64(c.Size), Root: c.Root, Note: note, Contradicts: contradicts}
	}
}

// contradiction makes evidence of a verified note that contradicts the journal as held, against the note of its largest
// head. Without such a note (only the own journal can be unsigned) there is nothing to prove with.
func (x *exam) contradiction(v *view, note []byte) error {
	if v.pos.Note == nil {
		return nil
	}
	if err := v.openTree(); err != nil {
		return err
	}
	return x.prove(v.tree, v.pos.Note, note)
}

// prove makes evidence of two verified notes, the larger of which is of tree, if they contradict.
func (x *exam) prove(tree *journal.Tree, a, b []byte) error {
	e, err := tree.Equivocation(a, b)
	if err != nil && errs.KindOf(err) != errs.Integrity {
		return err
	}
	if err == nil {
		x.evidence(e)
	}
	return nil
}

// evidence keeps the first equivocation: one is enough to freeze.
func (x *exam) evidence(e *journal.Equivocation) {
	if x.step.Equivocation == nil {
		x.step.Equivocation = e
	}
}
