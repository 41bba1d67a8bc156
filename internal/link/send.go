package link

import (
	"context"
	"errors"
	"slices"
	"sync"

	"entente/errs"
	"entente/exchange"
	"entente/internal/channel"
	"entente/internal/store"
	"entente/journal"
	"entente/seal"
	"entente/statement"
	"entente/wire"
)

// outbox shows package exchange what there is to send on one route, in one transaction. A checkpoint that has to be made is
// collected in fresh and stored by the caller before the bundle is sealed.
type outbox struct {
	c     *Carrier
	tx    *store.Tx
	r     *route
	own   *store.Journal
	fresh *freshNote
}

type freshNote struct {
	size uint64
	note []byte
}

// Outgoing implements exchange.Outbox.
func (o *outbox) Outgoing() (exchange.Outgoing, error) {
	out := exchange.Outgoing{Size: o.own.Size}
	if o.c.cfg.Hold() != nil {
		// Nothing is signed now: what was signed before may go, and nothing after it.
		cp, err := o.tx.LatestCheckpoint(o.own)
		if errs.KindOf(err) == errs.NotFound && err != nil {
			return exchange.Outgoing{}, nil
		} else if err != nil {
			return out, err
		}
		out.Size = cp.Size
	}
	shown, ok, err := getShown(o.tx, o.own.Origin)
	if err != nil {
		return out, err
	}
	if !ok { // not heard from since this was kept: what it cosigned is the best guess
		out.PeerSize, err = o.tx.CosignedSize(o.own, journal.WitnessName(o.r.channel.Peer))
		return out, err
	}
	out.PeerSize, out.Wants = min(shown.Has, out.Size), shown.Wants
	return out, nil
}

// Unheld implements exchange.Outbox.
func (o *outbox) Unheld(limit int) ([]exchange.Entry, error) {
	out, err := o.Outgoing()
	if err != nil {
		return nil, err
	}
	shown, _, err := getShown(o.tx, o.own.Origin)
	if err != nil {
		return nil, err
	}
	var list []exchange.Entry
	for _, gap := range shown.Holds.Gaps(0, out.PeerSize) {
		for from := gap[0]; from < gap[1] && len(list) < limit; from += 256 {
			entries, err := o.Entries(from, min(gap[1], from+256))
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				if e.Content == exchange.Present {
					list = append(list, e)
				}
			}
		}
	}
	slices.SortStableFunc(list, func(x, y exchange.Entry) int { return int(y.Precedence) - int(x.Precedence) })
	return list[:min(limit, len(list))], nil
}

// Entries implements exchange.Outbox.
func (o *outbox) Entries(from, to uint64) ([]exchange.Entry, error) {
	leaves, err := o.tx.Leaves(o.own, from, to)
	if err != nil {
		return nil, err
	}
	index, err := o.tx.Statements(o.own, from, to)
	if err != nil {
		return nil, err
	}
	types := make(map[uint64]string, len(index))
	for _, e := range index {
		types[e.Index] = e.Type
	}
	acts, err := o.tx.Bodies(o.own, from, to, store.Act)
	if err != nil {
		return nil, err
	}
	contents, err := o.tx.BodySizes(o.own, from, to, store.Content)
	if err != nil {
		return nil, err
	}
	out := make([]exchange.Entry, len(leaves))
	for i, leaf := range leaves {
		at := from + uint64(i)
		out[i] = exchange.Entry{Index: at, Leaf: leaf, Act: slot(&acts[i]), Content: exchange.SlotState(contents[i].State), ContentSize: int(contents[i].Size),
			Precedence: o.c.precedence(types[at], &acts[i])}
	}
	return out, nil
}

func slot(b *store.Body) exchange.Slot {
	if b.State == store.Present {
		return exchange.PresentSlot(statement.Body{Salt: b.Salt, Bytes: b.Bytes})
	}
	return exchange.Slot{State: exchange.SlotState(b.State)}
}

// precedence reads the word that a dispatch carries in its terms; everything else is short and goes first.
func (c *Carrier) precedence(typ string, act *store.Body) exchange.Precedence {
	if c.cfg.Precedence == nil || act.State != store.Present {
		return exchange.Immediate
	}
	return c.cfg.Precedence(typ, act.Bytes)
}

// Content implements exchange.Outbox.
func (o *outbox) Content(index uint64) (exchange.Slot, error) {
	b, err := o.tx.Body(o.own, index, store.Content)
	if err != nil {
		return exchange.Slot{}, err
	}
	return slot(b), nil
}

// Checkpoint implements exchange.Outbox.
func (o *outbox) Checkpoint(size uint64) ([]byte, error) {
	if cp, err := o.tx.CheckpointAt(o.own, size); err == nil {
		return cp.Note, nil
	} else if errs.KindOf(err) != errs.NotFound {
		return nil, err
	}
	if err := o.c.cfg.Hold(); err != nil {
		return nil, err // no signature over a head that may contradict one already given
	}
	t, err := o.tx.Tree(o.own)
	if err != nil {
		return nil, err
	}
	root, err := t.RootAt(int64(size))
	if err != nil {
		return nil, err
	}
	note, err := journal.Sign(o.c.cfg.Signing, o.r.channel.Suite, journal.Checkpoint{Origin: o.own.Origin, Size: int64(size), Root: root})
	if err != nil {
		return nil, err
	}
	o.fresh = &freshNote{size, note}
	return note, nil
}

// ObjectPart implements exchange.Outbox. No command attaches objects yet.
func (o *outbox) ObjectPart(root [48]byte, leaf uint64) (exchange.ObjectPart, error) {
	return exchange.ObjectPart{}, &errs.Error{Kind: errs.NotFound, Code: "link.object", Op: "link.send"}
}

// Receipts implements exchange.Outbox.
func (o *outbox) Receipts() (exchange.Receipts, error) {
	var out exchange.Receipts
	ch := o.r.channel
	theirs, err := o.tx.Journal(ch.Theirs.String())
	if err != nil || theirs.Size == 0 {
		return out, err
	}
	cp, err := o.tx.LatestCheckpoint(theirs)
	if err != nil {
		return out, err
	}
	out.Heads = [][]byte{cp.Note}
	if cos, err := o.tx.LatestCosignature(theirs, journal.WitnessName(ch.Self)); err == nil {
		out.Cosignatures = []exchange.Cosignature{{Author: ch.Peer, Epoch: ch.Theirs.Epoch, Size: cos.Size, Root: cos.Root, Lines: cos.Lines}}
	} else if errs.KindOf(err) != errs.NotFound {
		return out, err
	}
	held, err := o.tx.LatestReceipt(theirs, string(ch.Self)) // cumulative: the latest is enough
	if err != nil || held == nil {
		return out, err
	}
	s, err := seal.DecodeSigned(held.Signed)
	out.Held = []seal.Signed{s}
	return out, err
}

// build makes the bundle that is due on a route, or nil if nothing is, and the number of own statements in it. A checkpoint made
// for it is stored, and the marker outside the database moved, before build returns. The route's lock is held.
func (c *Carrier) build(ctx context.Context, r *route) (*exchange.Bundle, int, error) {
	id, err := c.random16()
	if err != nil {
		return nil, 0, err
	}
	if c.behind.Load() { // a stored checkpoint must not leave before the marker knows it
		if err := c.cfg.Store.AdvanceMarker(ctx); err != nil {
			return nil, 0, err
		}
		c.behind.Store(false)
	}
	var b *exchange.Bundle
	var fresh *freshNote
	err = c.cfg.Store.View(ctx, func(tx *store.Tx) error {
		own, err := tx.Journal(r.channel.Own.String())
		if err != nil {
			return err
		}
		o := &outbox{c: c, tx: tx, r: r, own: own}
		b, err = exchange.Build(r.link, o, c.cfg.Budget, tx.Now(), id)
		fresh = o.fresh
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	if fresh != nil {
		err := c.cfg.Store.Do(ctx, func(tx *store.Tx) error {
			own, err := tx.Journal(r.channel.Own.String())
			if err != nil {
				return err
			}
			return tx.PutCheckpoint(own, fresh.size, fresh.note)
		})
		if errs.HasCode(err, "store.marker.write") {
			c.behind.Store(true)
		}
		if err != nil {
			return nil, 0, err
		}
	}
	if b.Empty() {
		return nil, 0, nil
	}
	n := 0
	for _, p := range b.Journals {
		n += len(p.Leaves)
	}
	return b, n, nil
}

// Pack seals what the partner of a channel has not confirmed into bytes to be carried. Nothing is marked as sent: only the
// partner's receipts count.
func (c *Carrier) Pack(ctx context.Context, prefix string) (raw []byte, statements, receipts int, err error) {
	return c.PackShown(ctx, prefix, func(*exchange.Bundle) {})
}

// PackShown is Pack that shows what it packs to somebody who decides whether the bytes may be handed out.
func (c *Carrier) PackShown(ctx context.Context, prefix string, show func(*exchange.Bundle)) (raw []byte, statements, receipts int, err error) {
	r, err := c.find(prefix)
	if err != nil {
		return nil, 0, 0, err
	}
	if err := r.enter(ctx); err != nil {
		return nil, 0, 0, err
	}
	defer r.leave()
	b, n, err := c.build(ctx, r)
	if err != nil {
		return nil, 0, 0, err
	}
	if b == nil {
		return nil, 0, 0, &errs.Error{Kind: errs.NotFound, Code: "link.nothing", Op: "link.pack", Reason: "the partner has confirmed everything; there is nothing to carry"}
	}
	show(b)
	raw, err = exchange.Pack(r.link, b)
	return raw, n, len(b.Cosignatures) + len(b.Held), err
}

// Synced says what an exchange did.
type Synced struct{ Rounds, Sent, Received int }

// maxRounds bounds one Sync; what is left goes with the next.
const maxRounds = 64

// Sync exchanges with every partner until neither side has anything to say. It tries all beside each other, so that one that does
// not answer keeps nobody waiting but the caller, and joins their failures.
func (c *Carrier) Sync(ctx context.Context) (Synced, error) {
	return c.syncAll(ctx, func(*route) bool { return true }, func(*route) {})
}

// SyncIdle is Sync for a loop: it passes over partners with whom an earlier SyncIdle is still busy.
func (c *Carrier) SyncIdle(ctx context.Context) (Synced, error) {
	return c.syncAll(ctx, func(r *route) bool { return r.syncing.begin() }, func(r *route) {
		if r.syncing.end() {
			c.Wake()
		}
	})
}

func (c *Carrier) syncAll(ctx context.Context, begin func(*route) bool, end func(*route)) (Synced, error) {
	c.mu.RLock()
	routes := append([]*route(nil), c.routes...)
	c.mu.RUnlock()
	var wait sync.WaitGroup
	done, failed := make([]Synced, len(routes)), make([]error, len(routes))
	for i, r := range routes {
		if !begin(r) {
			continue
		}
		wait.Go(func() {
			defer end(r)
			done[i], failed[i] = c.sync(ctx, r)
			c.contacted(r, failed[i])
		})
	}
	wait.Wait()
	var total Synced
	for _, s := range done {
		total.Rounds, total.Sent, total.Received = total.Rounds+s.Rounds, total.Sent+s.Sent, total.Received+s.Received
	}
	return total, errors.Join(failed...)
}

// SyncChannel exchanges with the partner of one channel.
func (c *Carrier) SyncChannel(ctx context.Context, ch *channel.Channel) (Synced, error) {
	r, err := c.find(hexDigest(ch.Digest))
	if err != nil {
		return Synced{}, err
	}
	s, err := c.sync(ctx, r)
	c.contacted(r, err)
	return s, err
}

func (c *Carrier) sync(ctx context.Context, r *route) (s Synced, err error) {
	for s.Rounds < maxRounds {
		more, sent, received, err := c.round(ctx, r)
		if err != nil {
			return s, err
		}
		s.Sent, s.Received = s.Sent+sent, s.Received+received
		if sent+received > 0 || more {
			s.Rounds++
		}
		if !more {
			return s, nil
		}
	}
	return s, nil
}

// round sends one bundle and takes its answer. more says that another round would bring something. The route's lock is not held
// while the bundle is under way: two nodes that send to each other at once would wait for each other for ever.
func (c *Carrier) round(ctx context.Context, r *route) (more bool, sent, received int, err error) {
	raw, stamp, only, sent, err := c.due(ctx, r)
	if err != nil || raw == nil {
		return false, 0, 0, err
	}
	answer, err := c.cfg.Transport.Post(ctx, r.partner.Address, r.pin, raw)
	if errs.HasCode(err, exchangeGap) {
		// It has less than it once showed, and nothing to show: it was restored. It gets everything again, if that was not just tried.
		if again, ferr := c.sendFromTheStart(ctx, r); again || ferr != nil {
			return again, 0, 0, ferr
		}
	}
	if err != nil {
		return false, 0, 0, err
	}
	if err := r.enter(ctx); err != nil {
		return false, sent, 0, err
	}
	defer r.leave()
	r.sentReceipts = stamp
	if only || len(answer) == 0 {
		return false, sent, 0, nil
	}
	ar, b, err := c.unpack(answer)
	if err != nil {
		return false, sent, 0, err
	}
	if ar.channel.Digest != r.channel.Digest {
		err := &errs.Error{Kind: errs.Refused, Code: "link.answer", Op: "link.sync", Reason: "the answer belongs to another channel"}
		c.Refuse(r.channel, "bundle", err)
		return false, sent, 0, err
	}
	taken, err := c.take(ctx, r, b)
	if err != nil {
		return false, sent, 0, err
	}
	return taken.AnswerDue || !taken.Duplicate, sent, taken.New, nil // late bodies count like statements: there may be more
}

// sendFromTheStart forgets what the partner showed it has, and reports whether that was anything.
func (c *Carrier) sendFromTheStart(ctx context.Context, r *route) (again bool, err error) {
	if err := r.enter(ctx); err != nil {
		return false, err
	}
	defer r.leave()
	err = c.cfg.Store.Do(ctx, func(tx *store.Tx) error {
		shown, ok, err := getShown(tx, r.channel.Own)
		if again = err == nil && (!ok || shown.Has > 0); !again {
			return err
		}
		return tx.PutDoc(docShown, standingID(r.channel.Own), "", 0, wire.MustMarshal(&exchange.Shown{}))
	})
	return again && err == nil, err
}

// due seals what is due on a route; raw is nil if nothing is, or only receipts that the partner was sent before: repeating them for
// ever would be chatter.
func (c *Carrier) due(ctx context.Context, r *route) (raw []byte, stamp [48]byte, only bool, sent int, err error) {
	if err := r.enter(ctx); err != nil {
		return nil, stamp, false, 0, err
	}
	defer r.leave()
	b, sent, err := c.build(ctx, r)
	if err != nil || b == nil {
		return nil, stamp, false, 0, err
	}
	stamp, only = receiptStamp(b), b.ReceiptsOnly()
	if only && stamp == r.sentReceipts {
		return nil, stamp, true, 0, nil
	}
	raw, err = exchange.Pack(r.link, b)
	return raw, stamp, only, sent, err
}

// receiptStamp tells whether two bundles carry the same receipts.
func receiptStamp(b *exchange.Bundle) [48]byte {
	parts := make([][]byte, 0, 4)
	for _, x := range b.Cosignatures {
		parts = append(parts, x.Lines)
	}
	for _, x := range b.Held {
		parts = append(parts, x.Sig.Ed25519)
	}
	parts = append(parts, b.Heads...)
	return channel.Fingerprint("entente/receipts-sent/1", parts...)
}
