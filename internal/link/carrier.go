package link

import (
	"context"
	"crypto/ecdh"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
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
)

// Transport posts one bundle to a partner's node and returns the answer, empty if none was due.
type Transport interface {
	Post(ctx context.Context, addr string, pin peer.Pin, raw []byte) ([]byte, error)
}

// Config is what a Carrier needs; every field is required.
type Config struct {
	Store        *store.Store
	Book         *channel.Book
	Transport    Transport
	Author       party.Author
	Realm        party.Realm
	Root         seal.PublicKey
	KeyStatement seal.Signed
	Keys         *seal.KeyStatement
	Signing      *seal.SigningKey
	Cosigning    *seal.SigningKey
	KEM          exchange.KEMKeys
	LinkKey      *ecdh.PrivateKey
	Random       io.Reader
	Clock        func() time.Time
	Logger       *slog.Logger
	Budget       int          // bytes of one bundle, for exchange.Build
	Hold         func() error // nil, or why this node may sign nothing now
	Precedence   func(typ string, act []byte) exchange.Precedence
	Rollback     func(code errs.Code) // told that a partner showed a head this node does not remember: sign nothing more
	Room         func() error         // nil, or why nothing more is taken in from partners: a disk almost full
}

// Carrier carries bundles. It is safe for concurrent use; bundles of one channel are taken one at a time, and no lock is held while one
// is under way.
type Carrier struct {
	cfg Config

	mu      sync.RWMutex
	routes  []*route
	pins    map[peer.Pin]bool
	refused noteLimits
	wake    chan struct{}
	behind  atomic.Bool // the marker outside the database does not know a checkpoint that is stored
}

// New returns a carrier with the routes that the store knows.
func New(ctx context.Context, cfg Config) (*Carrier, error) {
	c := &Carrier{cfg: cfg, wake: make(chan struct{}, 1)}
	return c, c.Reload(ctx)
}

// Reload makes the routes anew from pairings and channels; routes that stay keep their lock and their history.
func (c *Carrier) Reload(ctx context.Context) error {
	var partners []*Partner
	if err := c.cfg.Store.View(ctx, func(tx *store.Tx) (err error) { partners, err = Partners(tx); return }); err != nil {
		return err
	}
	var routes []*route
	pins := map[peer.Pin]bool{}
	for _, p := range partners {
		if !p.Confirmed {
			continue
		}
		ks, err := seal.OpenKeyStatement(p.Card.Root, p.Card.Keys)
		if err != nil {
			return err
		}
		pins[peer.Pin(ks.TLS)] = true
		secret, err := seal.LinkKeys(c.cfg.LinkKey, ks.LinkKey, c.cfg.Realm, c.cfg.Root.Fingerprint(), p.Fingerprint())
		if err != nil {
			return err
		}
		for _, ch := range c.cfg.Book.All() {
			// The agreement embeds the roots: a pairing with another root is another partner, whatever its name.
			if ch.Peer == ks.Author && rootOf(ch, p.Card.Author.Party()) == p.Fingerprint() {
				l := c.newLink(ch, ks, secret)
				if err := l.Check(); err != nil {
					// Keys of another suite than the agreement names, above all: nothing can be carried, and the rest of the node lives.
					c.cfg.Logger.Error("channel not carried", "peer", string(ch.Peer), "code", errs.CodeOf(err), "err", err)
					continue
				}
				routes = append(routes, &route{channel: ch, partner: p, pin: peer.Pin(ks.TLS), lock: make(chan struct{}, 1), syncing: new(idle), link: l})
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, r := range routes {
		for _, have := range c.routes {
			if have.channel.Digest == r.channel.Digest && have.pin == r.pin {
				r.lock, r.syncing, r.contact, r.sentReceipts = have.lock, have.syncing, have.contact, have.sentReceipts
				routes[i] = r
			}
		}
	}
	c.routes, c.pins = routes, pins
	return nil
}

func rootOf(ch *channel.Channel, p party.Party) party.Fingerprint {
	for _, side := range ch.Agreement.Parties() {
		if side.ID == p && side.RootSet {
			return side.Root
		}
	}
	return party.Fingerprint{}
}

func (c *Carrier) newLink(ch *channel.Channel, ks *seal.KeyStatement, secret seal.LinkSecret) *exchange.Link {
	return &exchange.Link{
		Realm: c.cfg.Realm, Channel: ch.Digest, Suite: ch.Suite, Self: ch.Self, Peer: ch.Peer, Readers: ch.Readers,
		OutID: secret.LinkID(ch.Digest, ch.Self, ch.Peer), InID: secret.LinkID(ch.Digest, ch.Peer, ch.Self),
		OutKey: secret.HMACKey(ch.Digest, ch.Self, ch.Peer), InKey: secret.HMACKey(ch.Digest, ch.Peer, ch.Self),
		SelfSigning: c.cfg.Keys.Signing, SelfEpoch: ch.Own.Epoch,
		PeerKEM: ks.KEM[0], PeerSigning: ks.Signing, PeerCosigning: ks.Cosigning, PeerEpoch: ch.Theirs.Epoch, Limits: ch.Limits(),
	}
}

// Known reports whether a TLS key belongs to a confirmed partner.
func (c *Carrier) Known(pin peer.Pin) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.pins[pin]
}

// Wake tells the sending loop that there is something to send.
func (c *Carrier) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Woken is what the sending loop waits on.
func (c *Carrier) Woken() <-chan struct{} { return c.wake }

// Contact says when a partner was last reached and how the last attempt failed.
func (c *Carrier) Contact(a party.Author) (at time.Time, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, r := range c.routes {
		if r.channel.Peer == a {
			return r.contact.at, r.contact.err
		}
	}
	return time.Time{}, nil
}

func (c *Carrier) contacted(r *route, err error) {
	now := c.cfg.Clock() // before the lock: whose clock it is may take its time
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.contact.err = err; err == nil {
		r.contact.at = now
	}
}

func (c *Carrier) byLinkID(id [16]byte) *route {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, r := range c.routes {
		if r.link.InID == id {
			return r
		}
	}
	return nil
}

// Routes lists the channels that can be carried, by digest.
func (c *Carrier) Routes() []*channel.Channel {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var out []*channel.Channel
	for _, r := range c.routes {
		out = append(out, r.channel)
	}
	return out
}

// Channel returns the channel that a prefix of its digest names; with "" the only one there is.
func (c *Carrier) Channel(prefix string) (*channel.Channel, error) {
	r, err := c.find(prefix)
	if err != nil {
		return nil, err
	}
	return r.channel, nil
}

// find returns the route of a channel; with "" the only one there is. Prefixes of the digest suffice.
func (c *Carrier) find(prefix string) (*route, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	var found []*route
	for _, r := range c.routes {
		if strings.HasPrefix(hexDigest(r.channel.Digest), prefix) {
			found = append(found, r)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return nil, &errs.Error{Kind: errs.NotFound, Code: "link.channel", Op: "link.find", Subject: prefix,
		Reason: "no single channel with a confirmed partner matches", Next: "see entente status; name the channel with --channel"}
}

// enter takes the route's lock: one bundle of a channel at a time, so that what is examined is what is still there when it
// is persisted.
func (r *route) enter(ctx context.Context) error {
	select {
	case r.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &errs.Error{Kind: errs.Unavailable, Code: "link.busy", Op: "link.enter", Err: ctx.Err()}
	}
}

func (r *route) leave() { <-r.lock }

// noteLimits bounds how many refusals are journaled: a flood must not fill the disk. Strangers, who cost nothing to be, have one
// allowance, and each channel its own, so that a flood of the one does not keep tampering with the other out of the record. What
// is left out is counted in the next entry of the same allowance.
type noteLimits struct {
	mu sync.Mutex
	of map[[48]byte]*noteLimit // by channel; zero for strangers
}

type noteLimit struct {
	at      time.Time
	tokens  float64
	skipped uint64
}

const (
	refusalBurst     = 60          // entries at once
	strangersRefill  = time.Minute // then one more in this time: some 1,500 a day
	channelsRefill   = 6 * time.Second
	refusalAllowance = 4096 // allowances kept; more channels than that share that of strangers
)

func (n *noteLimits) allow(id [48]byte, now time.Time) (ok bool, skipped uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.of == nil {
		n.of = map[[48]byte]*noteLimit{}
	}
	l := n.of[id]
	if l == nil && len(n.of) >= refusalAllowance {
		id = [48]byte{}
		l = n.of[id]
	}
	if l == nil {
		l = &noteLimit{at: now, tokens: refusalBurst}
		n.of[id] = l
	}
	refill := channelsRefill
	if id == [48]byte{} {
		refill = strangersRefill
	}
	if passed := now.Sub(l.at); passed > 0 {
		l.tokens, l.at = min(refusalBurst, l.tokens+passed.Seconds()/refill.Seconds()), now
	}
	if l.tokens < 1 {
		l.skipped++
		return false, 0
	}
	l.tokens--
	skipped, l.skipped = l.skipped, 0
	return true, skipped
}

// Refuse records that something from outside was refused, in the national journal of the channel or, where none is known, of
// administration. It never fails the caller: what was refused stays refused.
func (c *Carrier) Refuse(ch *channel.Channel, event string, err error) {
	var id [48]byte
	if ch != nil {
		id = ch.Digest
	}
	ok, skipped := c.refused.allow(id, c.cfg.Clock())
	if !ok {
		return
	}
	code, note := errs.CodeOf(err), statement.NationalTerms{Event: event, Outcome: statement.OutcomeRefused}
	note.Code = string(code)
	if skipped > 0 {
		note.Subject = "and " + strconv.FormatUint(skipped, 10) + " left out before this one"
	}
	c.cfg.Logger.Warn("refused", "event", event, "code", code, "left_out", skipped)
	derr := c.cfg.Store.Do(context.Background(), func(tx *store.Tx) error {
		return c.cfg.Book.Note(tx, ch, c.cfg.Book.NodeBy(), note, nil)
	})
	if derr != nil {
		c.cfg.Logger.Error("refusal not recorded", "code", errs.CodeOf(derr))
	}
}
