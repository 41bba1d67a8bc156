// Package link moves bundles between this node's store and its partners' nodes: pairing, sending, receiving, receipts.
//
// # Use
//
// [New] a [Carrier]. [Carrier.Card] is what a partner needs to pair; [Carrier.Add] and [Carrier.Confirm] take the partner's.
// [Carrier.Receive] answers a bundle that came over the network, [Carrier.Open] one that was carried as a file, [Carrier.Pack]
// writes one, [Carrier.Sync] exchanges with one partner until nothing is left to say. Everything that decides is in package
// exchange; this package fetches, persists, signs and sends.
//
// # What holds after a crash
//
// A bundle is examined, persisted in one transaction, and only then cosigned and receipted; the receipts are stored before they
// are sent. Dying before the commit: the bundle never arrived, and the partner sends again. Dying after it: the next bundle
// finds everything here and is receipted then. What this node sends is rebuilt each time from what the partner has
// cosigned, so that a lost answer costs one repetition.
package link

import (
	"bytes"
	"context"
	"encoding/hex"
	"strings"
	"sync/atomic"
	"time"

	"entente/errs"
	"entente/exchange"
	"entente/internal/channel"
	"entente/internal/peer"
	"entente/internal/store"
	"entente/party"
	"entente/seal"
	"entente/statement"
	"entente/wire"
)

// MaxCard caps a card, in bytes: a key statement, a root key and an address.
const MaxCard = 64 << 10

// Card is what two nodes hand each other to pair. Nothing on it is secret; what makes it trustworthy is that both sides
// read the same words aloud, which bind the two root keys.
type Card struct {
	Version uint64         `cbor:"1,keyasint"` // 1
	Realm   party.Realm    `cbor:"2,keyasint"`
	Author  party.Author   `cbor:"3,keyasint"`
	Root    seal.PublicKey `cbor:"4,keyasint"`
	Keys    seal.Signed    `cbor:"5,keyasint"`           // key statement, signed by Root
	Address string         `cbor:"6,keyasint,omitempty"` // host:port; a hint, bound by nothing
}

// Partner is a paired node, or one whose words are not confirmed yet.
type Partner struct {
	Card      Card   `cbor:"1,keyasint"`
	Address   string `cbor:"2,keyasint"`
	Confirmed bool   `cbor:"3,keyasint"`
}

// Fingerprint is the partner's root.
func (p *Partner) Fingerprint() party.Fingerprint { return p.Card.Root.Fingerprint() }

const (
	docPartner = "partner"
	// publicKeys is the kind under which root key and key statement lie in the public table, for verification without keys.
	publicKeys = "keys"
)

// PublicKeys is the entry of the public table: an author's root and its key statement.
type PublicKeys struct {
	Root      seal.PublicKey `cbor:"1,keyasint"`
	Statement seal.Signed    `cbor:"2,keyasint"`
}

// PutKeys stores an author's public keys where an auditor finds them.
func PutKeys(tx *store.Tx, author party.Author, root seal.PublicKey, s seal.Signed) error {
	return tx.PutPublic(publicKeys, hex.EncodeToString([]byte(author)), wire.MustMarshal(&PublicKeys{root, s}))
}

// KeysIn lists the public keys in a store, by author.
func KeysIn(tx *store.Tx) (map[party.Author]PublicKeys, error) {
	all, err := tx.Publics(publicKeys)
	if err != nil {
		return nil, err
	}
	out := map[party.Author]PublicKeys{}
	for id, raw := range all {
		name, err := hex.DecodeString(id)
		if err != nil {
			return nil, &errs.Error{Kind: errs.Integrity, Code: "link.keys", Op: "link.keys", Err: err}
		}
		var k PublicKeys
		if err := wire.Unmarshal(raw, MaxCard, &k); err != nil {
			return nil, err
		}
		out[party.Author(name)] = k
	}
	return out, nil
}

// Encode returns the card's bytes.
func (c *Card) Encode() []byte { return wire.MustMarshal(c) }

// ReadCard reads a card strictly and checks that its root signed its key statement, for the author and realm it names. Codes
// wire.*, link.card and those of seal.OpenKeyStatement.
func ReadCard(raw []byte) (*Card, *seal.KeyStatement, error) {
	c := new(Card)
	if err := wire.Unmarshal(raw, MaxCard, c); err != nil {
		return nil, nil, err
	}
	if err := c.Root.Check(); err != nil {
		return nil, nil, err
	}
	ks, err := seal.OpenKeyStatement(c.Root, c.Keys)
	if err != nil {
		return nil, nil, err
	}
	if c.Version != 1 || ks.Author != c.Author || ks.Realm != c.Realm || !validAddress(c.Address) {
		return nil, nil, &errs.Error{Kind: errs.Invalid, Code: "link.card", Op: "link.card", Reason: "the card contradicts its key statement",
			Next: "ask the partner for a fresh card"}
	}
	return c, ks, nil
}

// validAddress says whether s can stand as host:port in the one place where it is used, and nowhere else.
func validAddress(s string) bool {
	return len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("/?#@\\", r) })
}

// Card returns this node's card, to be called at address.
func (c *Carrier) Card(address string) *Card {
	return &Card{Version: 1, Realm: c.cfg.Realm, Author: c.cfg.Author, Root: c.cfg.Root, Keys: c.cfg.KeyStatement, Address: address}
}

func hexDigest(d [48]byte) string { return hex.EncodeToString(d[:]) }

func partnerID(a party.Author) string { return hex.EncodeToString([]byte(a)) }

// Add takes a partner's card and returns the words to read aloud. The partner counts for nothing until Confirm. A card that
// replaces a confirmed partner's root is refused: that is a new pairing and needs both sides' custodians.
func (c *Carrier) Add(ctx context.Context, by statement.By, raw []byte, address string) (*Partner, []string, error) {
	card, ks, err := ReadCard(raw)
	if err != nil {
		return nil, nil, err
	}
	now := c.cfg.Clock().UnixMilli()
	switch {
	case now < ks.From || now >= ks.Until:
		return nil, nil, &errs.Error{Kind: errs.Refused, Code: "link.keys.date", Op: "link.add", Subject: string(card.Author), Rule: "key statement",
			Reason: "its key statement is not in force now", Next: "ask the partner for a fresh card; check both clocks"}
	case !validAddress(address):
		return nil, nil, &errs.Error{Kind: errs.Invalid, Code: "link.address", Op: "link.add", Reason: "not an address", Next: "give it as HOST:PORT"}
	case card.Realm != c.cfg.Realm:
		return nil, nil, &errs.Error{Kind: errs.Refused, Code: "link.realm", Op: "link.add", Subject: string(card.Author),
			Reason: "the card is of realm " + string(card.Realm) + ", this node of " + string(c.cfg.Realm), Next: "pair nodes of one realm"}
	case card.Author.Party() == c.cfg.Author.Party():
		return nil, nil, &errs.Error{Kind: errs.Refused, Code: "link.self", Op: "link.add", Subject: string(card.Author), Reason: "the card is of the own party", Next: "take the card that the partner handed over"}
	}
	if address == "" {
		address = card.Address
	}
	p := &Partner{Card: *card, Address: address}
	err = c.cfg.Store.Do(ctx, func(tx *store.Tx) error {
		if have, err := partner(tx, card.Author); err != nil {
			return err
		} else if have != nil && have.Confirmed && have.Fingerprint() != p.Fingerprint() {
			return &errs.Error{Kind: errs.Refused, Code: "link.root", Op: "link.add", Subject: string(card.Author),
				Reason: "this partner is paired with another root", Next: "a change of root needs a new pairing by both custodians and a new agreement"}
		} else if have != nil && have.Confirmed {
			// An older card is genuine too, and its keys may be known to others by now. What was signed under the keys in use could also
			// not be verified under others.
			if !bytes.Equal(have.Card.Keys.Payload, card.Keys.Payload) {
				return &errs.Error{Kind: errs.Refused, Code: "link.keys", Op: "link.add", Subject: string(card.Author), Rule: "key statement",
					Reason: "this partner is paired with other keys of the same root", Next: "taking new keys of a paired partner is not part of this version"}
			}
			p.Confirmed = true
		}
		if err := c.putPartner(tx, p); err != nil {
			return err
		}
		f := p.Fingerprint()
		return c.cfg.Book.Note(tx, nil, by, statement.NationalTerms{Event: "pair", Subject: "card " + string(card.Author), Outcome: statement.OutcomeDone, Digest: f[:]}, nil)
	})
	if err != nil {
		return nil, nil, err
	}
	if p.Confirmed { // a new address takes effect
		if err := c.Reload(ctx); err != nil {
			return nil, nil, err
		}
	}
	return p, party.PairingWords(c.cfg.Realm, c.cfg.Root.Fingerprint(), p.Fingerprint()), nil
}

// Confirm pairs with an author whose card was added, if words are what both sides should have read. Wrong words are recorded
// and refused, code link.words: somebody stands between the two.
func (c *Carrier) Confirm(ctx context.Context, by statement.By, author party.Author, words string) (*Partner, error) {
	var p *Partner
	wrong := false
	err := c.cfg.Store.Do(ctx, func(tx *store.Tx) (err error) {
		if p, err = partner(tx, author); err != nil {
			return err
		}
		if p == nil {
			return &errs.Error{Kind: errs.NotFound, Code: "link.partner", Op: "link.confirm", Subject: string(author), Reason: "no card of this partner was read here", Next: "read the partner's card first: entente pair add"}
		}
		want := strings.Join(party.PairingWords(c.cfg.Realm, c.cfg.Root.Fingerprint(), p.Fingerprint()), " ")
		note := statement.NationalTerms{Event: "pair", Subject: "confirm " + string(author), Outcome: statement.OutcomeDone}
		if wrong = strings.ToUpper(strings.Join(strings.Fields(words), " ")) != want; wrong {
			note.Outcome, note.Code = statement.OutcomeRefused, "link.words"
			return c.cfg.Book.Note(tx, nil, by, note, nil)
		}
		p.Confirmed = true
		if err := c.putPartner(tx, p); err != nil {
			return err
		}
		if err := PutKeys(tx, author, p.Card.Root, p.Card.Keys); err != nil {
			return err
		}
		return c.cfg.Book.Note(tx, nil, by, note, nil)
	})
	if err != nil {
		return nil, err
	}
	if wrong {
		return nil, &errs.Error{Kind: errs.Refused, Code: "link.words", Op: "link.confirm", Subject: string(author),
			Reason: "these are not the words for this pair of roots", Next: "read them again; if they still differ, a card was exchanged on the way: do not pair"}
	}
	return p, c.Reload(ctx)
}

func (c *Carrier) putPartner(tx *store.Tx, p *Partner) error {
	state := "pending"
	if p.Confirmed {
		state = "confirmed"
	}
	return tx.PutDoc(docPartner, partnerID(p.Card.Author), state, 0, wire.MustMarshal(p))
}

func partner(tx *store.Tx, a party.Author) (*Partner, error) {
	d, err := tx.Doc(docPartner, partnerID(a))
	if errs.KindOf(err) == errs.NotFound && err != nil {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	p := new(Partner)
	return p, wire.Unmarshal(d.Plain, 2*MaxCard, p)
}

// Partners lists all pairings, confirmed or not.
func Partners(tx *store.Tx) ([]*Partner, error) {
	docs, err := tx.Docs(docPartner, "", store.First, "", 256)
	if err != nil {
		return nil, err
	}
	var out []*Partner
	for _, d := range docs {
		p := new(Partner)
		if err := wire.Unmarshal(d.Plain, 2*MaxCard, p); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// route is everything needed to talk to one confirmed partner on one channel.
type route struct {
	channel *channel.Channel
	partner *Partner
	pin     peer.Pin
	link    *exchange.Link
	lock    chan struct{} // capacity 1: see enter
	syncing *idle         // SyncIdle is at it
	contact contact       // under Carrier.mu

	sentReceipts [48]byte // under lock: the receipts that the partner was last sent
}

// idle is whether SyncIdle runs on a route, and whether it was called again meanwhile.
type idle struct{ running, again atomic.Bool }

func (i *idle) begin() bool {
	if i.running.CompareAndSwap(false, true) {
		return true
	}
	i.again.Store(true) // what there is to say now may have come too late for the exchange that runs
	return i.running.CompareAndSwap(false, true)
}

// end reports whether begin was refused meanwhile.
func (i *idle) end() bool {
	i.running.Store(false)
	return i.again.Swap(false)
}

// contact remembers how the last attempt went; it is for people and is lost at a restart.
type contact struct {
	at  time.Time
	err error
}
