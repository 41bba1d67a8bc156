package link

import (
	"context"
	"io"
	"slices"

	"entente/errs"
	"entente/exchange"
	"entente/internal/channel"
	"entente/internal/store"
	"entente/journal"
	"entente/statement"
	"entente/wire"
)

// Taken says what a bundle brought.
type Taken struct {
	From       string
	Statements int // entries in the bundle
	New        int // entries that were not here
	Receipts   int // cosignatures and held receipts in it
	Duplicate  bool
	AnswerDue  bool
	Findings   []string // codes of what was kept but flagged, or refused in part

	refused error // what was refused in part, first
}

// Refusal is why something in the bundle was not taken, or nil. What is beside it was.
func (t *Taken) Refusal() error { return t.refused }

// Receive takes a bundle that came over the network and returns the answer, empty if none is due. Every refusal is in the
// national journal before it is returned.
func (c *Carrier) Receive(ctx context.Context, raw []byte) ([]byte, error) {
	r, b, err := c.unpack(raw)
	if err != nil {
		return nil, err
	}
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	defer r.leave()
	taken, err := c.take(ctx, r, b)
	if err != nil {
		return nil, err
	}
	c.contacted(r, nil)
	if !taken.AnswerDue {
		return nil, nil
	}
	answer, _, err := c.build(ctx, r)
	if err == nil && answer == nil {
		err = taken.refused // nothing else tells the sender that, and from where, it must send again
	}
	if err != nil || answer == nil {
		return nil, err
	}
	return exchange.Pack(r.link, answer)
}

// unpack finds the route of raw bytes and opens them. Strangers' bytes get no further than their header.
func (c *Carrier) unpack(raw []byte) (*route, *exchange.Bundle, error) {
	id, err := exchange.PeekLink(raw)
	if err != nil {
		c.Refuse(nil, "bundle", err)
		return nil, nil, err
	}
	r := c.byLinkID(id)
	if r == nil {
		err := &errs.Error{Kind: errs.Refused, Code: "link.unknown", Op: "link.receive", Reason: "the bundle belongs to no link of this node: an unpaired node, another channel or another realm",
			Next: "pair with the node and load the agreement; or ask the partner which channel it sent on"}
		c.Refuse(nil, "bundle", err)
		return nil, nil, err
	}
	b, err := exchange.Unpack(r.link, c.cfg.KEM, raw)
	if err != nil {
		c.Refuse(r.channel, "bundle", err)
		return nil, nil, err
	}
	return r, b, nil
}

// Open takes a bundle that was carried as a file. A dry run checks everything and changes nothing.
func (c *Carrier) Open(ctx context.Context, raw []byte, dryRun bool) (*Taken, []byte, error) {
	r, b, err := c.unpack(raw)
	if err != nil {
		return nil, nil, err
	}
	if err := r.enter(ctx); err != nil {
		return nil, nil, err
	}
	defer r.leave()
	if dryRun {
		step, err := c.examine(ctx, r, b)
		if err != nil {
			return nil, nil, err
		}
		return describe(b, step), nil, nil
	}
	taken, err := c.take(ctx, r, b)
	if err != nil || !taken.AnswerDue {
		return taken, nil, err
	}
	answer, _, err := c.build(ctx, r)
	if err != nil || answer == nil {
		return taken, nil, err
	}
	packed, err := exchange.Pack(r.link, answer)
	return taken, packed, err
}

func (c *Carrier) examine(ctx context.Context, r *route, b *exchange.Bundle) (step *exchange.Step, err error) {
	err = c.cfg.Store.View(ctx, func(tx *store.Tx) error {
		step, err = exchange.Examine(r.link, b, reader{tx, r.channel}, tx.Now())
		return err
	})
	if err != nil {
		c.Refuse(r.channel, "bundle", err)
	}
	return step, err
}

func describe(b *exchange.Bundle, s *exchange.Step) *Taken {
	t := &Taken{From: string(b.From), Receipts: len(b.Cosignatures) + len(b.Held), Duplicate: s.Duplicate, AnswerDue: s.AnswerDue}
	for _, j := range b.Journals {
		t.Statements += len(j.Leaves)
	}
	for _, a := range s.Journals {
		t.New += len(a.Leaves)
	}
	for _, v := range s.Violations {
		t.Findings = append(t.Findings, string(v.Code))
	}
	for _, u := range s.Unknown {
		t.Findings = append(t.Findings, string(u.Code))
	}
	for i, r := range s.Refused {
		if t.Findings = append(t.Findings, string(r.Err.Code)); i == 0 {
			t.refused = r.Err
		}
		if r.Err.Code == exchangeGap { // the one that sending again mends
			t.refused = r.Err
		}
	}
	if s.Equivocation != nil {
		t.Findings = append(t.Findings, "exchange.equivocation")
	}
	if s.OwnHeadAhead != nil {
		t.Findings = append(t.Findings, "exchange.own-head-ahead")
	}
	slices.Sort(t.Findings)
	t.Findings = slices.Compact(t.Findings)
	return t
}

// take examines an opened bundle, persists what it brings in one transaction, and then signs for it. The route's lock is held.
func (c *Carrier) take(ctx context.Context, r *route, b *exchange.Bundle) (*Taken, error) {
	if err := c.cfg.Room(); err != nil {
		c.Refuse(r.channel, "bundle", err)
		return nil, err
	}
	step, err := c.examine(ctx, r, b)
	if err != nil {
		return nil, err
	}
	taken := describe(b, step)
	if step.OwnHeadAhead != nil {
		// Before anything is stored, because storing may fail: what this key signed and this node does not know forbids signing now.
		// After a restart the evidence that persist keeps says it again.
		c.cfg.Rollback(ownHeadAhead)
	}
	if !step.Duplicate {
		if err := c.cfg.Store.Do(ctx, func(tx *store.Tx) error { return c.persist(tx, r, step) }); err != nil {
			c.Refuse(r.channel, "bundle", err)
			return nil, err
		}
	}
	// The step is durable from here. Dying now costs the receipts one round: the partner sends again and is receipted then.
	if step.AnswerDue && c.cfg.Hold() == nil {
		if err := c.receipt(ctx, r); err != nil {
			return nil, err
		}
	}
	for _, x := range step.Refused { // in part: receipts and heads beside it were taken
		c.Refuse(r.channel, "bundle", x.Err)
	}
	if len(step.Refused) > 0 && taken.New == 0 && len(step.Journals) == 0 && taken.Receipts == 0 {
		return nil, step.Refused[0].Err
	}
	return taken, nil
}

// persist writes a step. All of it commits or none.
func (c *Carrier) persist(tx *store.Tx, r *route, step *exchange.Step) error {
	ch := r.channel
	rd := reader{tx, ch}
	for i := range step.Journals {
		if err := c.advance(tx, r, &step.Journals[i]); err != nil {
			return err
		}
	}
	own, err := tx.Journal(ch.Own.String())
	if err != nil {
		return err
	}
	for _, x := range step.Cosigned {
		if err := tx.PutCosignature(own, journal.WitnessName(ch.Peer), x.Size, x.Root, x.Lines, x.At.UnixMilli()); err != nil {
			return err
		}
	}
	for _, h := range step.HeldByPeer {
		if err := tx.PutHeld(own, string(h.Receipt.Holder), h.Receipt.Ranges, h.Signed.Encode()); err != nil {
			return err
		}
	}
	for _, x := range step.Refused {
		if x.Note == nil {
			continue
		}
		// A signed head that does not continue what is held: its author can be asked about it. One is enough, and a flood keeps one.
		if err := tx.PutDoc(docEvidence, "head-"+standingID(ch.Theirs)[:32], "refused-head", tx.Now().UnixMilli(), x.Note); err != nil {
			return err
		}
	}
	for _, h := range step.Heads {
		if h.Author == ch.Peer {
			if err := tx.PutDoc(docAhead, standingID(ch.Theirs), "", int64(h.Size), h.Note); err != nil {
				return err
			}
		}
	}
	shown := step.Shown()
	if err := tx.PutDoc(docShown, standingID(ch.Own), "", 0, wire.MustMarshal(&shown)); err != nil {
		return err
	}
	note := func(event, subject string, code errs.Code, detail []byte) error {
		return c.cfg.Book.Note(tx, ch, c.cfg.Book.NodeBy(), statement.NationalTerms{Event: event, Subject: subject, Outcome: statement.OutcomeRefused, Code: string(code)}, detail)
	}
	for _, v := range step.Violations {
		if err := note("violation", string(v.Author), v.Code, nil); err != nil {
			return err
		}
	}
	for _, u := range step.Unknown {
		if err := note("unknown", string(u.Type), u.Code, nil); err != nil {
			return err
		}
	}
	if e := step.Equivocation; e != nil {
		if err := c.freeze(tx, rd, e, note); err != nil {
			return err
		}
	}
	if o := step.OwnHeadAhead; o != nil {
		return c.keepOwnHead(tx, ch.Own, o, note)
	}
	return nil
}

const (
	exchangeGap  = errs.Code("exchange.gap")
	docEvidence  = "evidence"
	stateOwnHead = "own-head" // of docEvidence: heads that the own key signed and this node did not know
	ownHeadAhead = errs.Code("exchange.own-head-ahead")
)

// keepOwnHead keeps the largest head of the own journal that a partner showed and this node did not know. A partner shows it with
// every bundle; it is noted when it is new.
func (c *Carrier) keepOwnHead(tx *store.Tx, own journal.Origin, o *exchange.OwnHead, note func(string, string, errs.Code, []byte) error) error {
	id := "own-" + standingID(own)[:32]
	if d, err := tx.Doc(docEvidence, id); err == nil && d.Sort >= int64(o.Size) {
		return nil
	} else if err != nil && errs.KindOf(err) != errs.NotFound {
		return err
	}
	if err := tx.PutDoc(docEvidence, id, stateOwnHead, int64(o.Size), o.Note); err != nil {
		return err
	}
	return note("rollback", "own head", ownHeadAhead, o.Note)
}

// OwnHeadAhead says, from what the store kept, whether a partner once showed a head of this node's own that the node does not
// know: then it signs nothing, before and after every restart. Nothing here forgets such a head.
func OwnHeadAhead(tx *store.Tx) (bool, error) {
	all, err := tx.Docs(docEvidence, stateOwnHead, store.First, "", 1)
	return len(all) > 0, err
}

// freeze keeps two heads that contradict and freezes their author's journal: releases stop on this channel, incidents do not.
func (c *Carrier) freeze(tx *store.Tx, rd reader, e *journal.Equivocation, note func(string, string, errs.Code, []byte) error) error {
	a, _, err := e.Checkpoints()
	if err != nil {
		return err
	}
	raw, err := e.Encode()
	if err != nil {
		return err
	}
	j, err := rd.journal(a.Origin.Author, a.Origin.Epoch)
	if err != nil {
		return err
	}
	if j.Frozen {
		return nil
	}
	digest, err := e.Digest()
	if err != nil {
		return err
	}
	if err := tx.PutDoc(docEvidence, hexDigest(digest), "equivocation", tx.Now().UnixMilli(), raw); err != nil {
		return err
	}
	if err := tx.Freeze(j); err != nil {
		return err
	}
	return note("equivocation", string(a.Origin.Author), "exchange.equivocation", raw)
}

// advance appends a partner's new leaves with their bodies, and lets the rooms absorb what could be read.
func (c *Carrier) advance(tx *store.Tx, r *route, a *exchange.Advance) error {
	ch := r.channel
	j, err := reader{tx, ch}.journal(a.Author, a.Epoch)
	if err != nil {
		return err
	}
	if j.Size != a.From && len(a.Leaves) > 0 {
		// Something else moved this journal since it was examined: examine again rather than witness twice.
		return &errs.Error{Kind: errs.Unavailable, Code: "link.moved", Op: "link.persist", Subject: string(a.Author)}
	}
	if len(a.Leaves) > 0 {
		if err := tx.AppendLeaves(j, a.Leaves); err != nil {
			return err
		}
		if err := tx.PutCheckpoint(j, a.Size, a.Checkpoint); err != nil {
			return err
		}
	}
	var said []*statement.Statement // what is to be obeyed
	for i := range a.Bodies {
		st, err := c.putBodies(tx, ch, j, &a.Bodies[i])
		if err != nil {
			return err
		}
		if st != nil {
			said = append(said, st)
		}
	}
	run := a.Run
	for i := range a.Late {
		b := &a.Late[i]
		st, err := c.putBodies(tx, ch, j, b)
		if err != nil {
			return err
		}
		// The tail is the highest time and seen of all acts, in whatever order they come.
		if b.Statement != nil && b.Statement.Act != nil {
			run.Tail, _ = run.Tail.Follow(b.Statement.Act)
			if st != nil {
				if st, err = c.lateAct(tx, ch, j, st); err != nil {
					return err
				}
			}
		} else if b.Content.Bytes != nil {
			if st, err = lateContent(tx, j, b.Index); err != nil {
				return err
			}
		}
		if st != nil {
			said = append(said, st)
		}
	}
	if err := c.cfg.Book.Take(tx, ch, said); err != nil {
		return err
	}
	return putStanding(tx, j.Origin, standing{Run: run, Held: a.Held})
}

// putBodies stores what came of one entry and returns its statement if it is to be obeyed.
func (c *Carrier) putBodies(tx *store.Tx, ch *channel.Channel, j *store.Journal, b *exchange.Body) (*statement.Statement, error) {
	for _, x := range []struct {
		kind  store.BodyKind
		state exchange.SlotState
		body  statement.Body
	}{{store.Act, b.ActState, b.Act}, {store.Content, b.ContentState, b.Content}} {
		if x.state == exchange.Present && x.body.Bytes == nil {
			continue // here before; only the other half came
		}
		if err := tx.PutBody(j, b.Index, x.kind, store.BodyState(x.state), x.body.Salt, x.body.Bytes); err != nil {
			return nil, err
		}
	}
	if b.Flagged { // kept and shown, never obeyed
		if err := channel.Flag(tx, j, b.Index); err != nil {
			return nil, err
		}
	}
	if b.Statement == nil || b.Statement.Act == nil {
		return nil, nil
	}
	act := b.Statement.Act
	if err := tx.IndexStatement(ch.Digest, j, b.Index, act.ID, act.Thread, string(act.Type)); err != nil {
		return nil, err
	}
	if act.Time > j.LastTime {
		if err := tx.SetLastTime(j, act.Time); err != nil {
			return nil, err
		}
	}
	if b.Flagged {
		return nil, nil
	}
	return b.Statement, nil
}

// lookBack bounds how far lateAct looks for the act before a late one: senders never leave out acts, so it is the next one.
const lookBack = 64

// lateAct judges an act that came after acts behind it: it must not fall behind the act before it. It returns the statement with its
// content, if that was here already, or nil if it is flagged.
func (c *Carrier) lateAct(tx *store.Tx, ch *channel.Channel, j *store.Journal, st *statement.Statement) (*statement.Statement, error) {
	for i := st.Index; i > 0 && st.Index-i < lookBack; i-- {
		before, err := channel.Read(tx, j, i-1)
		if err != nil {
			return nil, err
		}
		flagged, err := channel.Flagged(tx, j, i-1)
		if err != nil {
			return nil, err
		}
		if before.Act == nil || flagged {
			continue
		}
		if _, codes := (statement.Tail{Time: before.Act.Time, Seen: before.Act.Seen}).Follow(st.Act); len(codes) > 0 {
			if err := channel.Flag(tx, j, st.Index); err != nil {
				return nil, err
			}
			return nil, c.cfg.Book.Note(tx, ch, c.cfg.Book.NodeBy(), statement.NationalTerms{Event: "violation", Subject: string(st.Act.Author),
				Outcome: statement.OutcomeRefused, Code: string(codes[0])}, nil)
		}
		break
	}
	return channel.Read(tx, j, st.Index)
}

// lateContent returns a statement whose content came after its act, if it is to be obeyed and waited for that content.
func lateContent(tx *store.Tx, j *store.Journal, index uint64) (*statement.Statement, error) {
	flagged, err := channel.Flagged(tx, j, index)
	if err != nil || flagged {
		return nil, err
	}
	st, err := channel.Read(tx, j, index)
	if err != nil || st.Act == nil || !channel.NeedsContent(st.Act.Type) {
		return nil, err
	}
	return st, nil
}

// receipt cosigns the partner's head and signs for what is held, and stores both before anybody is told.
func (c *Carrier) receipt(ctx context.Context, r *route) error {
	ch, witness := r.channel, journal.WitnessName(r.channel.Self)
	var head journal.Checkpoint
	var note []byte
	var held exchange.Ranges
	var cosign, sign bool
	err := c.cfg.Store.View(ctx, func(tx *store.Tx) error {
		j, err := tx.Journal(ch.Theirs.String())
		if err != nil || j.Size == 0 || j.Frozen {
			return err
		}
		cp, err := tx.LatestCheckpoint(j)
		if err != nil {
			return err
		}
		if cp.Size != j.Size {
			return &errs.Error{Kind: errs.Integrity, Code: "link.checkpoint", Op: "link.receipt", Reason: "the journal is longer than its checkpoint"}
		}
		head, note = j.Checkpoint(), cp.Note
		done, err := tx.CosignedSize(j, witness)
		if err != nil {
			return err
		}
		st, err := getStanding(tx, ch.Theirs)
		if err != nil {
			return err
		}
		have, err := tx.HeldRanges(j, string(ch.Self))
		if err != nil {
			return err
		}
		held, cosign, sign = st.Held, done < j.Size, len(st.Held) > 0 && !exchange.Ranges(have).Covers(st.Held)
		return nil
	})
	if err != nil || !cosign && !sign {
		return err
	}
	if c.cfg.Hold() != nil {
		return nil // what came is kept; a node that may have forgotten what it cosigned cosigns nothing
	}
	now := c.cfg.Clock()
	var lines []byte
	if cosign {
		if lines, err = journal.Cosign(c.cfg.Cosigning, witness, ch.Suite, head, note, now); err != nil {
			return err
		}
	}
	var receipt []byte
	if sign {
		signed, err := exchange.SignHeld(c.cfg.Cosigning, r.link, ch.Peer, ch.Theirs.Epoch, held, now)
		if err != nil {
			return err
		}
		receipt = signed.Encode()
	}
	return c.cfg.Store.Do(ctx, func(tx *store.Tx) error {
		j, err := tx.Journal(ch.Theirs.String())
		if err != nil {
			return err
		}
		if cosign {
			if err := tx.PutCosignature(j, witness, uint64(head.Size), head.Root, lines, now.UnixMilli()); err != nil {
				return err
			}
		}
		if sign {
			return tx.PutHeld(j, string(ch.Self), held, receipt)
		}
		return nil
	})
}

func (c *Carrier) random16() (id [16]byte, err error) {
	_, err = io.ReadFull(c.cfg.Random, id[:])
	return id, err
}
