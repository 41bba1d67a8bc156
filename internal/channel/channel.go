// Package channel knows the channels of a node: for each agreement in the store what it says, who reads, which journals
// carry it, and how statements are written into and read out of those journals within a unit of work.
//
// # Use
//
// [Open] loads what the store holds. [Book.Add] opens the channel of an agreement that every party signed: it makes the
// own journal with its genesis, and the national journal beside it. [Book.Say] makes a statement that leaves, [Book.Note]
// an entry of a national journal that never does; both run inside the caller's transaction, so that an act and its record are
// committed together or not at all. [Book.Take] absorbs what a partner said. [Book.Thread] reads a thread back.
//
// # What holds after a crash
//
// Everything is in the transaction of the caller. A process that dies before the commit has said nothing; the random
// ids and salts that were drawn are never used again. The list of open channels in memory is rebuilt by Open.
package channel

import (
	"crypto/sha512"
	"io"
	"slices"
	"sync"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/exchange"
	"entente/internal/store"
	"entente/journal"
	"entente/label"
	"entente/party"
	"entente/seal"
	"entente/statement"
)

// Config is what a Book needs; every field is required.
type Config struct {
	Author party.Author
	Realm  party.Realm
	Set    *label.Set
	Random io.Reader                   // salts and ids
	Verify agreement.Verifier          // signatures of agreements
	Keys   func() (seal.Signed, error) // the node's key statement, for genesis
	Hold   func() error                // nil, or why this node may sign nothing now
	// Absorb is what rooms do with statements of one author that come together, own or a partner's, in the order of their journal.
	Absorb func(*store.Tx, *Channel, []*statement.Statement) error
}

// Channel is one open channel. Its fields are immutable; a new epoch makes a new Channel.
type Channel struct {
	Digest    [48]byte
	Package   *agreement.Package
	Agreement *agreement.Agreement
	Rules     *agreement.Compiled
	Suite     seal.Suite
	Self      party.Author
	Peer      party.Author
	Readers   []party.Author
	Own       journal.Origin // this node's journal
	Theirs    journal.Origin // the partner's journal
	National  journal.Origin // this side's record of what it decided and did here; never leaves
}

// Limits are what both parties signed that a receiver enforces, and therefore a sender keeps to.
func (c *Channel) Limits() exchange.Limits {
	l := c.Agreement.Limits()
	if l.Leaf == 0 || l.Body == 0 {
		return exchange.DefaultLimits()
	}
	return exchange.Limits{Leaf: int(l.Leaf), Body: int(l.Body), Answers: int(l.Answers), Thread: l.Thread, PerDay: l.PerDay, Unheld: l.UnheldBytes}
}

// Partner is the other party.
func (c *Channel) Partner() party.Party { return c.Peer.Party() }

// Book holds the open channels of a node. It is safe for concurrent use.
type Book struct {
	cfg   Config
	admin journal.Origin

	mu       sync.RWMutex
	channels []*Channel // sorted by digest
}

// publicAgreement is the kind under which signed packages lie in the store's public table: an auditor needs them without keys.
const publicAgreement = "agreement"

// Kinds of journal in the store.
const (
	KindChannel  = "channel"
	KindNational = "national"
	KindAdmin    = "admin"
)

// Fingerprint is SHA-384 over a domain and parts, each ended by a NUL: for ids that both ends of nothing else share.
func Fingerprint(domain string, parts ...[]byte) [48]byte {
	h := sha512.New384()
	h.Write([]byte(domain + "\x00"))
	for _, p := range parts {
		h.Write(p)
		h.Write([]byte{0})
	}
	return [48]byte(h.Sum(nil))
}

// NationalDigest names the national journal of a channel: SHA-384("entente/national/1" 0x00 channel 0x00 author 0x00).
func NationalDigest(channel [48]byte, author party.Author) [48]byte {
	return Fingerprint("entente/national/1", channel[:], []byte(author))
}

// AdminDigest names a node's journal of administration: SHA-384("entente/admin/1" 0x00 realm 0x00 author 0x00).
func AdminDigest(realm party.Realm, author party.Author) [48]byte {
	return Fingerprint("entente/admin/1", []byte(realm), []byte(author))
}

// Open loads the channels that the store holds, and makes the journal of administration if this is the first time.
func Open(tx *store.Tx, cfg Config) (*Book, error) {
	b := &Book{cfg: cfg, admin: journal.Origin{Realm: cfg.Realm, Channel: AdminDigest(cfg.Realm, cfg.Author), Author: cfg.Author, Epoch: 1}}
	if _, err := tx.EnsureJournal(b.admin, KindAdmin, true); err != nil {
		return nil, err
	}
	packages, err := tx.Publics(publicAgreement)
	if err != nil {
		return nil, err
	}
	for id, p := range packages {
		c, err := b.compile(p, tx.Now(), id)
		if err != nil {
			return nil, err
		}
		b.channels = append(b.channels, c)
	}
	b.sort()
	return b, nil
}

func (b *Book) sort() {
	slices.SortFunc(b.channels, func(x, y *Channel) int { return slices.Compare(x.Digest[:], y.Digest[:]) })
}

// compile reads a package and works out the channel it opens, or opened under id when that is set. Every party must have signed.
func (b *Book) compile(raw []byte, now time.Time, id string) (*Channel, error) {
	pkg, err := agreement.DecodePackage(raw)
	if err != nil {
		return nil, err
	}
	rules, err := pkg.Compile(b.cfg.Set, now, b.cfg.Verify)
	if err != nil {
		return nil, err
	}
	a := rules.Agreement()
	if a.Realm() != b.cfg.Realm {
		return nil, &errs.Error{Kind: errs.Refused, Code: "channel.realm", Op: "channel.open", Subject: a.ID(),
			Reason: "the agreement is of realm " + string(a.Realm()) + ", this node of " + string(b.cfg.Realm), Next: "load it into a node of its realm"}
	}
	suite, err := seal.ParseSuite(a.Suite())
	if err != nil {
		return nil, err
	}
	readers := a.Authors(now)
	if id != "" {
		readers = b.readersOf(a, id)
	}
	i := slices.Index(readers, b.cfg.Author)
	if i < 0 || len(readers) != 2 {
		return nil, &errs.Error{Kind: errs.Refused, Code: "channel.readers", Op: "channel.open", Subject: a.ID(), Rule: "agreements 3",
			Reason: "this node is not one of two authors that act under the agreement now", Next: "ask the parties to notify their authors"}
	}
	c := &Channel{Package: pkg, Agreement: a, Rules: rules, Suite: suite, Self: b.cfg.Author, Peer: readers[1-i], Readers: readers}
	c.Digest = statement.ChannelDigest(a.Digest(), readers)
	c.Own = journal.Origin{Realm: b.cfg.Realm, Channel: c.Digest, Author: c.Self, Epoch: 1}
	c.Theirs = journal.Origin{Realm: b.cfg.Realm, Channel: c.Digest, Author: c.Peer, Epoch: 1}
	c.National = journal.Origin{Realm: b.cfg.Realm, Channel: NationalDigest(c.Digest, c.Self), Author: c.Self, Epoch: 1}
	return c, nil
}

// readersOf finds who reads a channel that was opened. They were the authors of that day and stay the readers: a channel whose
// agreement has ended, or whose parties have named other authors since, must still open, or nothing held under it could be
// read or answered for.
func (b *Book) readersOf(a *agreement.Agreement, id string) []party.Author {
	for _, other := range a.Named() {
		readers := []party.Author{b.cfg.Author, other}
		slices.Sort(readers)
		if other != b.cfg.Author && publicID(statement.ChannelDigest(a.Digest(), readers)) == id {
			return readers
		}
	}
	return nil
}

// Check reads a package as Add would and returns its channel without opening it.
func (b *Book) Check(raw []byte, now time.Time) (*Channel, error) { return b.compile(raw, now, "") }

// Add opens the channel of a package: its journals, and the genesis that names the agreement, the readers and the keys. It is
// a no-op for a channel that is open. The caller calls Publish after the commit.
func (b *Book) Add(tx *store.Tx, raw []byte) (*Channel, error) {
	c, err := b.compile(raw, tx.Now(), "")
	if err != nil {
		return nil, err
	}
	if err := tx.PutPublic(publicAgreement, publicID(c.Digest), raw); err != nil {
		return nil, err
	}
	for _, j := range []struct {
		origin journal.Origin
		kind   string
		own    bool
	}{{c.Own, KindChannel, true}, {c.Theirs, KindChannel, false}, {c.National, KindNational, true}} {
		if _, err := tx.EnsureJournal(j.origin, j.kind, j.own); err != nil {
			return nil, err
		}
	}
	own, err := tx.Journal(c.Own.String())
	if err != nil || own.Size > 0 {
		return c, err
	}
	keys, err := b.cfg.Keys()
	if err != nil {
		return nil, err
	}
	_, err = b.Say(tx, c, Saying{Type: statement.Genesis, By: b.NodeBy(), Terms: &statement.GenesisTerms{
		Agreement: c.Agreement.Digest(), Realm: b.cfg.Realm, Readers: c.Readers, Epoch: c.Own.Epoch, KeyStatement: keys.Encode()}})
	return c, err
}

// Publish makes a channel visible to Get and All. Call it only after the transaction of Add is committed.
func (b *Book) Publish(c *Channel) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, have := range b.channels {
		if have.Digest == c.Digest {
			b.channels[i] = c
			return
		}
	}
	b.channels = append(b.channels, c)
	b.sort()
}

// All returns the open channels in order of digest.
func (b *Book) All() []*Channel {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Clone(b.channels)
}

// Get returns the channel with the digest, or nil.
func (b *Book) Get(digest [48]byte) *Channel {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, c := range b.channels {
		if c.Digest == digest {
			return c
		}
	}
	return nil
}

// To returns the channel to a party. With none open it refuses, code agreement.none.
func (b *Book) To(p party.Party) (*Channel, error) {
	for _, c := range b.All() {
		if c.Partner() == p {
			return c, nil
		}
	}
	return nil, &errs.Error{Kind: errs.Refused, Code: "agreement.none", Op: "channel.to", Subject: string(p), Rule: "agreements 1",
		Reason: "no agreement with this party is loaded", Next: "without an agreement in force nothing can be exchanged; load one with entente agreement load"}
}

// Admin is the origin of the journal of administration.
func (b *Book) Admin() journal.Origin { return b.admin }

// NodeBy is the node acting for itself: genesis, anchors, notices.
func (b *Book) NodeBy() statement.By {
	return statement.By{Authority: b.cfg.Author.Authority(), Role: party.RoleNode, Proof: statement.Proof{Kind: statement.ProofNode}}
}

// Packages returns the signed agreement packages in a store, which need no keys to be read.
func Packages(tx *store.Tx) (map[string][]byte, error) { return tx.Publics(publicAgreement) }
