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
}

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
	for _, r := range s.Refused {
		t.Findings = append(t.Findings, string(r.Err.Code))
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
	step, err := c.examine(ctx, r, b)
	if err != nil {
		return nil, err
	}
	taken := describe(b, step)
	if !step.Duplicate {
		if err := c.cfg.Store.Do(ctx, func(tx *store.Tx) error { return c.persist(tx, r, step) }); err != nil {
			c.Refuse(r.channel, "bundle", err)
			return nil, err
		}
	}
	// The step is durable from here. Dying now costs the receipts one round: the partner sends again and is receipted then.
	if step.OwnHeadAhead != nil {
		c.cfg.Rollback("exchange.own-head-ahead")
	}
	if step.AnswerDue {
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
		if err := tx.PutDoc(docEvidence, "own-head", "own", int64(o.Size), o.Note); err != nil {
			return err
		}
		if err := note("rollback", "own head", "exchange.own-head-ahead", nil); err != nil {
			return err
		}
	}
	return nil
}

const docEvidence = "evidence"

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
	for _, bodies := range [][]exchange.Body{a.Bodies, a.Late} {
		for i := range bodies {
			b := &bodies[i]
			if err := tx.PutBody(j, b.Index, store.Act, store.BodyState(b.ActState), b.Act.Salt, b.Act.Bytes); err != nil {
				return err
			}
			if err := tx.PutBody(j, b.Index, store.Content, store.BodyState(b.ContentState), b.Content.Salt, b.Content.Bytes); err != nil {
				return err
			}
			if b.Statement == nil || b.Statement.Act == nil {
				continue
			}
			act := b.Statement.Act
			if err := tx.IndexStatement(ch.Digest, j, b.Index, act.ID, act.Thread, string(act.Type)); err != nil {
				return err
			}
			if act.Time > j.LastTime {
				if err := tx.SetLastTime(j, act.Time); err != nil {
					return err
				}
			}
			if b.Flagged {
				continue // kept and shown, never obeyed
			}
			if err := c.cfg.Book.Take(tx, ch, b.Statement); err != nil {
				return err
			}
		}
	}
	run := a.Run
	if a.Recheck {
		// An act that came late moves what later acts are judged against: walk the journal anew.
		if run.Tail, err = tail(tx, j); err != nil {
			return err
		}
	}
	return putStanding(tx, j.Origin, standing{Run: run, Held: a.Held})
}

// tail is where time and seen of a journal stand, from its first act on.
func tail(tx *store.Tx, j *store.Journal) (t statement.Tail, err error) {
	for i := uint64(0); i < j.Size; i++ {
		st, err := channel.Read(tx, j, i)
		if err != nil {
			return t, err
		}
		if st.Act != nil {
			t, _ = t.Follow(st.Act)
		}
	}
	return t, nil
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
