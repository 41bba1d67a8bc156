package exchange

import (
	"slices"
	"time"

	"entente/errs"
	"entente/journal"
	"entente/party"
	"entente/seal"
	"entente/statement"
	"entente/wire"
)

// HeldReceipt is the transmission acknowledgement: of the entries in Ranges, act and content, and every object they
// name, are durable with Holder, opened, and match the leaves. It is cumulative: the latest receipt says all that
// earlier ones did, so that a lost one costs nothing. It stays true of the past after a content is destroyed.
type HeldReceipt struct {
	Version uint64       `cbor:"1,keyasint"` // 1
	Channel [48]byte     `cbor:"2,keyasint"`
	Holder  party.Author `cbor:"3,keyasint"` // who holds
	Author  party.Author `cbor:"4,keyasint"` // whose journal
	Epoch   uint64       `cbor:"5,keyasint"`
	Ranges  Ranges       `cbor:"6,keyasint"`
	Time    int64        `cbor:"7,keyasint"` // the holder's claim, Unix milliseconds UTC
}

// Check says whether r is well formed. Code exchange.held.
func (r *HeldReceipt) Check() error {
	if r.Version != 1 || r.Channel == [48]byte{} || !r.Holder.Valid() || !r.Author.Valid() || r.Holder == r.Author ||
		len(r.Ranges) == 0 || len(r.Ranges) > MaxRanges || !r.Ranges.Valid() || r.Ranges[len(r.Ranges)-1][1] > MaxSize ||
		r.Time <= 0 || r.Time > statement.MaxTime {
		return invalid("exchange.held", "version, channel, holder, author, ranges and time are all needed, and ranges sorted")
	}
	return nil
}

// DecodeHeld decodes and checks the payload of a held receipt. Code exchange.held.
func DecodeHeld(b []byte) (*HeldReceipt, error) {
	r := new(HeldReceipt)
	if err := wire.Unmarshal(b, seal.MaxPayload, r); err != nil {
		return nil, &errs.Error{Kind: errs.Invalid, Code: "exchange.held", Op: "exchange.decode", Err: err}
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	return r, nil
}

// heldContext binds what the payload does not say: realm, suite and key.
func heldContext(suite seal.Suite, realm party.Realm, r *HeldReceipt, key seal.KeyID) string {
	const label = "entente/held/1"
	return seal.Context(label, seal.Info(label, suite, realm, r.Channel, r.Holder, r.Author, r.Epoch, key, nil))
}

// SignHeld signs a receipt for entries of another author's journal with the node's cosigning key. Sign only what the
// caller has committed. held may have more than MaxRanges ranges: the first are signed, the rest when holes have
// closed. Code exchange.held if nothing is held.
func SignHeld(k *seal.SigningKey, l *Link, author party.Author, epoch uint64, held Ranges, at time.Time) (seal.Signed,
	error) {
	r := &HeldReceipt{Version: 1, Channel: l.Channel, Holder: l.Self, Author: author, Epoch: epoch,
		Ranges: held.first(MaxRanges), Time: at.UnixMilli()}
	if err := r.Check(); err != nil {
		return seal.Signed{}, err
	}
	return seal.SignPayload(k, heldContext(l.Suite, l.Realm, r, k.Public().ID()), wire.MustMarshal(r))
}

// OpenHeld verifies a held receipt under the holder's cosigning key. Anybody who knows that key can: it is the
// sender's proof of transmission. Codes exchange.held, exchange.held.signature.
func OpenHeld(s seal.Signed, suite seal.Suite, realm party.Realm, cosigning seal.PublicKey) (*HeldReceipt, error) {
	r, err := DecodeHeld(s.Payload)
	if err != nil {
		return nil, err
	}
	if _, err := s.Open(cosigning, heldContext(suite, realm, r, cosigning.ID())); err != nil {
		return nil, &errs.Error{Kind: errs.Integrity, Code: "exchange.held.signature", Op: "exchange.receipt",
			Subject: string(r.Holder), Reason: "the held receipt is not signed by its holder", Err: err}
	}
	return r, nil
}

// Cosigned is a verified cosignature of the own journal.
type Cosigned struct {
	Cosignature
	At time.Time // the cosigner's claim
}

// HeldByPeer is a verified held receipt for the own journal. Signed is what to keep as proof.
type HeldByPeer struct {
	Receipt HeldReceipt
	Signed  seal.Signed
}

func (x *exam) receipts() error {
	own, err := x.view(x.l.Self, x.l.SelfEpoch)
	if err != nil {
		return err
	}
	before := own.pos
	for i := range x.b.Cosignatures {
		if err := x.cosignature(own, &x.b.Cosignatures[i]); err != nil {
			return err
		}
	}
	for _, s := range x.b.Held {
		if err := x.held(own, s); err != nil {
			return err
		}
	}
	x.step.Wants = x.b.Wants
	if shown := x.step.Shown(); before.Shown != nil {
		x.shows = !shown.equal(*before.Shown)
	} else {
		x.shows = shown.Has < before.PeerSize || !shown.Holds.Covers(before.PeerHeld) || len(shown.Wants) > 0
	}
	return nil
}

// refuseReceipt records a receipt that does not fit the own journal. It is no error: after a restore honest receipts do not
// fit, and the heads beside them must be seen. It proves nothing either; a head signed by this node would.
func (x *exam) refuseReceipt(epoch uint64, code errs.Code, reason string) {
	x.step.Refused = append(x.step.Refused, Refusal{Author: x.l.Self, Epoch: epoch,
		Err: &errs.Error{Kind: errs.Conflict, Code: code, Op: "exchange.receipt", Subject: string(x.l.Peer), Reason: reason}})
}

// cosignature takes one countersignature of the own journal, if it says more than was known.
func (x *exam) cosignature(own *view, c *Cosignature) error {
	switch {
	case c.Author != x.l.Self:
		return &errs.Error{Kind: errs.Refused, Code: "exchange.cosignature.author", Op: "exchange.receipt",
			Reason: "a cosignature of somebody else's journal"}
	case c.Epoch != x.l.SelfEpoch:
		x.refuseReceipt(c.Epoch, "exchange.cosignature.epoch", "a cosignature of another epoch")
		return nil
	case c.Size > own.pos.Size:
		x.refuseReceipt(c.Epoch, "exchange.cosignature.size", "a cosignature of more than this journal has")
		return nil
	}
	if x.step.PeerHas = max(x.step.PeerHas, c.Size); c.Size <= own.pos.PeerSize {
		return nil // proves nothing new, whoever made it
	}
	root, err := own.rootAt(c.Size)
	if err != nil {
		return err
	}
	if c.Root != root {
		x.refuseReceipt(c.Epoch, "exchange.cosignature.root", "a cosignature of another journal than this node wrote")
		return nil
	}
	head := journal.Checkpoint{Origin: x.l.origin(c.Author, c.Epoch), Size: int64(c.Size), Root: c.Root}
	at, err := journal.OpenCosignature(c.Lines, journal.WitnessName(x.l.Peer), x.l.PeerCosigning, x.l.Suite, head)
	if err != nil {
		return &errs.Error{Kind: errs.Integrity, Code: "exchange.cosignature.signature", Op: "exchange.receipt",
			Subject: string(x.l.Peer), Reason: "the cosignature does not verify", Err: err}
	}
	own.pos.PeerSize = c.Size
	x.step.Cosigned = append(x.step.Cosigned, Cosigned{*c, at})
	return nil
}

// held takes one held receipt for the own journal, if it says more than was known.
func (x *exam) held(own *view, s seal.Signed) error {
	r, err := DecodeHeld(s.Payload)
	if err != nil {
		return err
	}
	bad := func(code errs.Code, reason string) error {
		return &errs.Error{Kind: errs.Refused, Code: code, Op: "exchange.receipt", Subject: string(r.Holder), Reason: reason}
	}
	switch {
	case r.Channel != x.l.Channel:
		return bad("exchange.held.channel", "a held receipt of another channel")
	case r.Holder != x.l.Peer:
		return bad("exchange.held.holder", "a held receipt of somebody else")
	case r.Author != x.l.Self:
		return bad("exchange.held.author", "a held receipt for somebody else's journal")
	case r.Epoch != x.l.SelfEpoch:
		x.refuseReceipt(r.Epoch, "exchange.held.epoch", "a held receipt of another epoch")
		return nil
	case r.Ranges[len(r.Ranges)-1][1] > own.pos.Size:
		x.refuseReceipt(r.Epoch, "exchange.held.range", "a held receipt for more than this journal has")
		return nil
	}
	if x.step.PeerHolds = x.step.PeerHolds.Union(r.Ranges); own.pos.PeerHeld.Covers(r.Ranges) {
		return nil // proves nothing new, whoever made it
	}
	if _, err := OpenHeld(s, x.l.Suite, x.l.Realm, x.l.PeerCosigning); err != nil {
		return err
	}
	own.pos.PeerHeld = own.pos.PeerHeld.Union(r.Ranges)
	x.step.HeldByPeer = append(x.step.HeldByPeer, HeldByPeer{Receipt: *r, Signed: s})
	return nil
}

// reader reports whether a is an author of the channel.
func (l *Link) reader(a party.Author) bool { return slices.Contains(l.Readers, a) }
