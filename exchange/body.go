package exchange

import (
	"entente/errs"
	"entente/journal"
	"entente/statement"
)

// entry is one entry being opened.
type entry struct {
	Body
	raw    []byte
	leaf   statement.Leaf
	naming []statement.ObjectKey // of its content, if that came now
	bytes  uint64                // of the bodies that came now
}

// late opens what comes for entries that are here: late bodies, and slots of resent leaves, if it is still missing.
func (x *exam) late(v *view, p *JournalPart, found *Step) (out []entry, err error) {
	add := func(index uint64, act, content *Slot) error {
		if v.pos.Held.Contains(index) {
			return nil
		}
		stored, err := x.r.Entry(v.author, v.epoch, index)
		if err != nil {
			return err
		}
		if !news(stored.Act, act) {
			act = nil
		}
		if !news(stored.Content, content) {
			content = nil
		}
		if act == nil && content == nil {
			return nil
		}
		came := &Step{}
		e := entry{raw: stored.Leaf}
		e.Index, e.LeafHash, e.ActState, e.ContentState = index, journal.LeafHash(stored.Leaf), stored.Act, stored.Content
		x.open(v, &e, act, content, came)
		if e.ActState != stored.Act || e.ContentState != stored.Content { // else it is as bad as before, and was said
			out = append(out, e)
			found.Violations, found.Unknown = append(found.Violations, came.Violations...), append(found.Unknown, came.Unknown...)
		}
		return nil
	}
	for i := range p.Bodies {
		if b := &p.Bodies[i]; b.Index < v.pos.Size {
			if err := add(b.Index, b.Act, b.Content); err != nil {
				return nil, err
			}
		}
	}
	for i := range p.Leaves {
		if at := p.From + uint64(i); at < v.pos.Size {
			if err := add(at, &p.Acts[i], &p.Contents[i]); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// news reports whether slot can tell more than what is stored: nothing replaces what is present.
func news(stored SlotState, slot *Slot) bool {
	return slot != nil && stored != Present && (slot.State == Present || slot.State != stored && slot.State != Later)
}

// open decodes leaf and bodies of e; nil slots are left as they are. Whatever is wrong with them becomes a violation or an
// unknown and delays nothing.
func (x *exam) open(v *view, e *entry, act, content *Slot, found *Step) {
	place := Place{v.author, v.epoch, e.Index}
	var s *statement.Statement
	flag := func(code errs.Code, reason string) {
		w := statement.Violation{Author: v.author, Epoch: v.epoch, Index: e.Index, Code: code, Reason: reason}
		if s != nil {
			w.Thread = s.Act.Thread
		}
		found.Violations = append(found.Violations, w)
	}
	leaf, err := statement.DecodeLeaf(e.raw)
	if err != nil {
		// Nothing can be matched against a leaf that cannot be read; its bodies are not kept.
		if code := errs.CodeOf(err); code == "statement.leaf.version" {
			found.Unknown = append(found.Unknown, Unknown{Place: place, Code: "exchange.unknown.leaf"})
		} else {
			flag(code, "the leaf is malformed")
		}
		e.Flagged = true
		e.ActState, e.ContentState = Later, Later
		return
	}
	e.leaf = leaf
	if act != nil {
		if e.ActState = act.State; act.State == Present {
			a, err := statement.OpenAct(&leaf, act.body())
			switch code := errs.CodeOf(err); {
			case err == nil:
				s = &statement.Statement{Index: e.Index, LeafHash: e.LeafHash, Act: a}
				e.Statement = s
				x.judge(v, e, a, found, flag)
			case code == "statement.commitment.act":
				e.ActState = Bad
				flag("exchange.body.mismatch", "the act is not what the leaf commits to")
			case code == "statement.act.version":
				found.Unknown = append(found.Unknown, Unknown{Place: place, Code: "exchange.unknown.act"})
			default:
				e.Flagged = true
				flag(code, "the act is malformed")
			}
			if e.ActState == Present {
				e.Act = act.body()
				e.bytes += uint64(len(act.Bytes))
			}
		}
	}
	if content == nil {
		return
	}
	if e.ContentState = content.State; content.State != Present {
		return
	}
	c, err := statement.OpenContent(&leaf, content.body())
	switch code := errs.CodeOf(err); {
	case err == nil:
		e.naming = c.Objects
		if s != nil {
			s.Content = c
		}
		for _, o := range c.Objects {
			if o.Size > x.l.Limits.Unheld {
				flag("exchange.object.limit", "an object is larger than the agreement lets be stored")
			}
		}
	case code == "statement.commitment.content":
		e.ContentState = Bad
		flag("exchange.body.mismatch", "the content is not what the leaf commits to")
		return
	case code == "statement.content.version":
		found.Unknown = append(found.Unknown, Unknown{Place: place, Code: "exchange.unknown.content"})
	default:
		flag(code, "the content is malformed")
	}
	e.Content = content.body()
	e.bytes += uint64(len(content.Bytes))
}

// judge checks what an opened act says of its place and of other journals, as far as both sides must judge alike.
func (x *exam) judge(v *view, e *entry, a *statement.Act, found *Step, flag func(errs.Code, string)) {
	bad := func(code errs.Code, reason string) {
		e.Flagged = true
		flag(code, reason)
	}
	if a.Author != v.author {
		bad("exchange.act.author", "the act names another author than the journal it is in")
	}
	if a.Epoch != v.epoch {
		bad("exchange.act.epoch", "the act names another epoch than the journal it is in")
	}
	if a.Channel != x.l.Channel {
		bad("exchange.act.channel", "the act names another channel")
	}
	if a.Type.National() {
		bad("exchange.act.national", "an entry of a national journal must never leave its node")
	}
	for _, s := range a.Seen {
		if !x.l.reader(s.Author) {
			bad("exchange.seen.author", "the act claims to have seen somebody who is no author of this channel")
		} else if s.Author == x.l.Self {
			own, err := x.view(x.l.Self, x.l.SelfEpoch)
			if err == nil && (s.Epoch > x.l.SelfEpoch || s.Epoch == x.l.SelfEpoch && s.Size > own.pos.Size && s.Size > x.ownProven()) {
				bad("exchange.seen.ahead", "the act claims to have seen more of this node's journal than there is")
			}
		}
	}
	if !statement.Known(a.Type) {
		place := Place{v.author, v.epoch, e.Index}
		found.Unknown = append(found.Unknown, Unknown{Place: place, Thread: a.Thread, Type: a.Type, Code: "exchange.unknown.type"})
	}
}

// ownProven returns the largest size of the own journal that a head in the bundle proves. It is more than there is at a node that was
// restored: then a partner that has seen more than there is tells the truth.
func (x *exam) ownProven() uint64 {
	if x.proven != nil {
		return *x.proven
	}
	x.proven = new(uint64)
	for _, note := range x.b.Heads {
		if c, err := journal.Open(note, x.l.origin(x.l.Self, x.l.SelfEpoch), x.l.SelfSigning, x.l.Suite); err == nil {
			*x.proven = max(*x.proven, uint64(c.Size))
		}
	}
	return *x.proven
}

// follow runs the checks along the journal for a new entry and returns the limit it goes over, or "". Every act that opens
// counts, flagged or not: what is flagged after it must not depend on more than the journal.
func (x *exam) follow(v *view, e *entry, run *Run, found *Step) errs.Code {
	limits, ms := x.l.Limits, int64(0)
	if len(e.raw) > limits.Leaf {
		return "leaf"
	}
	if len(e.Act.Bytes) > limits.Body || len(e.Content.Bytes) > limits.Body {
		return "body"
	}
	if e.Statement != nil {
		a := e.Statement.Act
		if ms = a.Time; len(a.Answers) > limits.Answers {
			return "answers"
		}
		next, codes := run.Tail.Follow(a)
		for _, code := range codes {
			e.Flagged = true
			found.Violations = append(found.Violations, statement.Violation{Author: v.author, Epoch: v.epoch, Index: e.Index,
				Thread: a.Thread, Code: code, Reason: "time and seen of a journal never decrease"})
		}
		run.Tail = next
	}
	if !run.count(ms, x.today(), limits.PerDay) {
		return "per-day"
	}
	return ""
}
