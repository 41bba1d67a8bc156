package exchange

import (
	"strconv"

	"entente/errs"
	"entente/journal"
	"entente/seal"
	"entente/statement"
)

func (x *exam) journals() error {
	for i := range x.b.Journals {
		if err := x.journal(&x.b.Journals[i]); err != nil {
			return err
		}
	}
	return nil
}

func (x *exam) refusePart(v *view, kind errs.Kind, code errs.Code, subject, reason string, note []byte) {
	x.step.Refused = append(x.step.Refused, Refusal{Author: v.author, Epoch: v.epoch, Note: note,
		Err: &errs.Error{Kind: kind, Code: code, Op: "exchange.journal", Subject: subject, Reason: reason}})
}

// journal takes one part: its checkpoint, its leaves, its bodies. It is the state machine of C2SP tlog-witness, with
// the leaves themselves in place of a consistency proof.
func (x *exam) journal(p *JournalPart) error {
	bad := func(kind errs.Kind, code errs.Code, reason string, err error) error {
		return &errs.Error{Kind: kind, Code: code, Op: "exchange.journal", Subject: string(p.Author), Reason: reason, Err: err}
	}
	if p.Author == x.l.Self || !x.l.reader(p.Author) {
		return bad(errs.Refused, "exchange.part.author", "not the journal of another author of this channel", nil)
	}
	v, err := x.view(p.Author, p.Epoch)
	if err != nil {
		return err
	}
	switch peer := p.Author == x.l.Peer; {
	case v.pos.Closed || peer && p.Epoch < x.l.PeerEpoch:
		x.refusePart(v, errs.Refused, "exchange.epoch.old", "", "the author has opened a later epoch", nil)
		return nil
	case v.unknown || peer && p.Epoch > x.l.PeerEpoch:
		x.refusePart(v, errs.Refused, "exchange.epoch.unknown", "", "an epoch that this node does not know", nil)
		return nil
	}
	c, err := journal.Open(p.Checkpoint, x.l.origin(p.Author, p.Epoch), v.key, x.l.Suite)
	if err != nil {
		return bad(errs.Integrity, "exchange.part.checkpoint", "the checkpoint is not signed by its author", err)
	}
	size := uint64(c.Size)
	if size != p.From+uint64(len(p.Leaves)) {
		return bad(errs.Invalid, "exchange.part.size", "the checkpoint is not of the size that the leaves end at", nil)
	}
	if p.From > v.pos.Size {
		x.refusePart(v, errs.Conflict, "exchange.gap", strconv.FormatUint(v.pos.Size, 10),
			"leaves are missing before these; the subject is the size known here", nil)
		return nil
	}
	if size <= v.pos.Size {
		root, err := v.rootAt(size)
		if err != nil {
			return err
		}
		if root != c.Root {
			return x.contradiction(v, p.Checkpoint)
		}
		return x.bodies(v, p, nil)
	}
	if err := v.openTree(); err != nil {
		return err
	}
	old := v.tree.Clone()
	hashes := make([]journal.Hash, 0, size-v.pos.Size)
	for _, leaf := range p.Leaves[v.pos.Size-p.From:] {
		h := journal.LeafHash(leaf)
		v.tree.Append(h)
		hashes = append(hashes, h)
	}
	if v.tree.Root() != c.Root {
		v.tree.Restore(old)
		x.refusePart(v, errs.Integrity, "exchange.journal.root", "",
			"the signed head does not continue what is held: a defect of the sender, or another history", p.Checkpoint)
		return x.rewritten(v, p, c)
	}
	if err := x.bodies(v, p, hashes); err != nil {
		return err
	}
	if v.pos.Size != size { // refused
		v.tree.Restore(old)
		return nil
	}
	v.pos.Note = p.Checkpoint
	return x.heardOf(v)
}

// rewritten looks whether the part brings, under its signed head, other leaves than are held: then the two heads are
// evidence. If it does not overlap what is held, only its author could prove which it is.
func (x *exam) rewritten(v *view, p *JournalPart, c journal.Checkpoint) error {
	if p.From == v.pos.Size {
		return nil
	}
	other, err := x.r.Tree(v.author, v.epoch, p.From)
	if err != nil {
		return err
	}
	for _, leaf := range p.Leaves {
		other.Append(journal.LeafHash(leaf))
	}
	if other.Root() != c.Root {
		return nil
	}
	return x.prove(other, v.pos.Note, p.Checkpoint)
}

// heardOf compares heads that others had shown with the leaves that now reach them.
func (x *exam) heardOf(v *view) error {
	for _, note := range v.pos.Ahead {
		c, err := stored(note)
		if err != nil {
			return err
		}
		if uint64(c.Size) > v.pos.Size {
			continue
		}
		if root, err := v.rootAt(uint64(c.Size)); err != nil {
			return err
		} else if root != c.Root {
			if err := x.contradiction(v, note); err != nil {
				return err
			}
		}
	}
	return nil
}

// bodies opens what belongs to the leaves, and accepts the part or refuses it whole. hashes are those of the new
// leaves; entries below them are resent or late.
func (x *exam) bodies(v *view, p *JournalPart, hashes []journal.Hash) error {
	size := v.pos.Size
	run := v.pos.Run
	found := &Step{} // violations and unknowns, dropped if the part is refused
	fresh := make([]entry, len(hashes))
	for i := range fresh {
		at := size - p.From + uint64(i)
		e := &fresh[i]
		e.Index, e.LeafHash, e.raw = size+uint64(i), hashes[i], p.Leaves[at]
		x.open(v, e, &p.Acts[at], &p.Contents[at], found)
		if code := x.follow(v, e, &run, found); code != "" {
			x.refusePart(v, errs.Quota, "exchange.quota", string(code), "over a limit of the agreement; nothing was stored", nil)
			return nil
		}
	}
	late, err := x.late(v, p, found)
	if err != nil {
		return err
	}
	ok, err := x.within(v, fresh, late)
	if err != nil || !ok {
		return err
	}
	if len(fresh)+len(late) == 0 {
		return nil
	}
	a := x.advance(v)
	a.Run = run
	for i := range late {
		a.Late = append(a.Late, late[i].Body)
		a.Recheck = a.Recheck || late[i].Statement != nil
	}
	if len(fresh) > 0 {
		a.Leaves, a.Checkpoint, a.Tree = p.Leaves[size-p.From:], p.Checkpoint, v.tree
		a.Size, a.Root = size+uint64(len(fresh)), v.tree.Root()
		a.Bodies = make([]Body, len(fresh))
		for i := range fresh {
			a.Bodies[i] = fresh[i].Body
		}
		v.pos.Size, v.pos.Root, v.pos.Run = a.Size, a.Root, run
	}
	for _, list := range [][]entry{fresh, late} {
		for i := range list {
			x.candidate(v, &list[i])
		}
	}
	x.step.Violations = append(x.step.Violations, found.Violations...)
	x.step.Unknown = append(x.step.Unknown, found.Unknown...)
	return nil
}

// within checks the limits that need the database: statements of a thread, bytes not held. It records a refusal and
// returns false; then nothing of the part has been counted.
func (x *exam) within(v *view, fresh, late []entry) (bool, error) {
	var threads []statement.Thread
	counts := make(map[statement.Thread]uint64)
	count := func(list []entry) {
		for i := range list {
			if s := list[i].Statement; s != nil {
				if counts[s.Act.Thread]++; counts[s.Act.Thread] == 1 {
					threads = append(threads, s.Act.Thread)
				}
			}
		}
	}
	count(fresh)
	count(late)
	if len(threads) > 0 {
		views, err := x.r.Threads(threads)
		if err != nil {
			return false, err
		}
		for i, t := range threads {
			if views[i].Statements+x.threads[t]+counts[t] > x.l.Limits.Thread {
				x.refusePart(v, errs.Quota, "exchange.quota", "thread", "over a limit of the agreement; nothing was stored", nil)
				return false, nil
			}
		}
	}
	unheld := uint64(0)
	for _, list := range [][]entry{fresh, late} {
		for i := range list {
			if e := &list[i]; e.ActState != Present || e.ContentState != Present || len(e.leaf.Objects) > 0 {
				unheld += e.bytes
			}
		}
	}
	if ok, err := x.room(unheld); err != nil || !ok {
		if err == nil {
			x.refusePart(v, errs.Quota, "exchange.quota", "unheld", "over a limit of the agreement; nothing was stored", nil)
		}
		return false, err
	}
	for t, n := range counts {
		x.threads[t] += n
	}
	return true, nil
}

// room reports whether n more bytes may be stored that are not held, and counts them if so.
func (x *exam) room(n uint64) (bool, error) {
	if n == 0 {
		return true, nil
	}
	if !x.asked {
		var err error
		if x.unheld, err = x.r.Unheld(); err != nil {
			return false, err
		}
		x.asked = true
	}
	if x.unheld+n > x.l.Limits.Unheld {
		return false, nil
	}
	x.unheld += n
	return true, nil
}

// leavesOf returns the number of leaves of an object's tree.
func leavesOf(size uint64) uint64 { return (size + seal.LeafSize - 1) / seal.LeafSize }
