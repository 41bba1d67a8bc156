// Package exchange is what travels between two nodes of a channel, and what each makes of it: the bundle, its outer
// header and sealing, the inbox and the outbox. It knows no agreement and no business room; it moves journals, bodies,
// objects and receipts, and judges only what both sides must judge alike.
//
// # Use
//
// A sender calls [Build] (what is due to this peer, within a budget) and [Pack] (sealed bytes). The bytes are POSTed, or
// written to a file and carried, or pushed through a diode: they are the same bytes. A receiver finds the link with
// [PeekLink], opens with [Unpack], and asks [Examine] what to do. Examine is pure: it verifies everything against what
// a [Reader] shows of the database and returns a [Step], all of which the caller persists in ONE transaction. After the
// commit, never before, the caller cosigns the new checkpoints ([journal.Cosign]), signs what is newly held
// ([SignHeld]), stores both, and if [Step.AnswerDue] sends them back in a bundle of its own.
//
// # What holds after a crash
//
// The package keeps nothing. If the process dies before the Step is committed, the bundle never arrived: no receipt was
// signed, so the sender still has everything and sends again. If it dies after the commit and before the receipts are
// stored, the same bundle, or the next, finds everything there ([Step.Duplicate]) and the receipts are signed then. The
// Reader must show one consistent state of the database and the Step must be committed over exactly that state: the
// comparison and the write are one atomic step, or a slower bundle would roll a witness back (C2SP tlog-witness).
//
// # What is promised
//
// Bytes are hostile until proven otherwise, and stay so after: size cap, HMAC, decryption, strict decoding, signatures,
// in that order. Nothing is stored or cosigned of a journal whose checkpoint does not verify, leaves a gap, goes over a
// limit or does not continue what is held. A body that does not open delays nothing that follows it. Two heads that
// contradict become evidence. A bundle of receipts only is never answered, so two nodes never chatter. Lost, doubled
// and reordered bundles lead to the same state as none.
//
// The format is doc/formats/exchange.md, with vectors in vectors/exchange.
package exchange

import (
	"fmt"
	"log/slog"
	"slices"

	"entente/errs"
	"entente/journal"
	"entente/party"
	"entente/seal"
)

// LinkKey is an HMAC-SHA-384 key for the outer header. It prints as [secret].
type LinkKey [48]byte

// Format hides the key whatever the verb.
func (LinkKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[secret]") }

// LogValue hides the key from logs.
func (LinkKey) LogValue() slog.Value { return slog.StringValue("[secret]") }

// MarshalJSON hides the key from dumps.
func (LinkKey) MarshalJSON() ([]byte, error) { return []byte(`"[secret]"`), nil }

// Link is everything two nodes fixed about one channel between them: by pairing, by the agreement and by key
// statements. A node has one Link for each peer of each channel and makes a new one when keys or epochs change.
type Link struct {
	Realm   party.Realm
	Channel [48]byte
	Suite   seal.Suite
	Self    party.Author
	Peer    party.Author
	Readers []party.Author // all authors of the channel, with Self and Peer

	OutID, InID   [16]byte // link ids in the headers this side writes and reads: seal.LinkSecret.LinkID
	OutKey, InKey LinkKey  // HMAC keys likewise: seal.LinkSecret.HMACKey

	SelfSigning   seal.PublicKey // verifies checkpoints of the own journal, also those that the peer shows
	SelfEpoch     uint64
	PeerKEM       seal.KEMPublic // newest encapsulation key of the peer
	PeerSigning   seal.PublicKey // verifies checkpoints of the peer's journal
	PeerCosigning seal.PublicKey // verifies the peer's cosignatures and held receipts
	PeerEpoch     uint64
	Limits        Limits // from the agreement
}

// Check refuses a link that is not complete. Code exchange.link.
func (l *Link) Check() error {
	bad := func(reason string, err error) error {
		return &errs.Error{Kind: errs.Invalid, Code: "exchange.link", Op: "exchange.link", Subject: string(l.Peer),
			Reason: reason, Err: err}
	}
	switch {
	case !l.Realm.Valid() || l.Channel == [48]byte{} || !l.Suite.Valid():
		return bad("realm, channel or suite is not set", nil)
	case !l.Self.Valid() || !l.Peer.Valid() || l.Self == l.Peer:
		return bad("a link joins two authors", nil)
	case !slices.Contains(l.Readers, l.Self) || !slices.Contains(l.Readers, l.Peer):
		return bad("both ends must be readers of the channel", nil)
	case l.OutID == l.InID || l.OutKey == l.InKey || l.OutKey == LinkKey{} || l.InKey == LinkKey{}:
		return bad("link ids and keys are not set, or the same in both directions", nil)
	case l.PeerKEM.Suite != l.Suite:
		return bad("the encapsulation key is of another suite", nil)
	}
	if err := l.PeerKEM.Check(); err != nil {
		return bad("the encapsulation key of the peer is malformed", err)
	}
	for _, k := range []seal.PublicKey{l.SelfSigning, l.PeerSigning, l.PeerCosigning} {
		if err := k.Check(); err != nil {
			return bad("a signature key is malformed", err)
		}
	}
	return l.Limits.check()
}

// origin returns the origin of an author's journal in this channel.
func (l *Link) origin(a party.Author, epoch uint64) journal.Origin {
	return journal.Origin{Realm: l.Realm, Channel: l.Channel, Author: a, Epoch: epoch}
}
