package node

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"entente/errs"
	"entente/exchange"
	"entente/guard"
	"entente/internal/api"
	"entente/internal/channel"
	"entente/internal/clock"
	"entente/internal/limits"
	"entente/internal/link"
	"entente/internal/office"
	"entente/internal/peer"
	"entente/internal/store"
	"entente/label"
	"entente/party"
	"entente/release"
	"entente/seal"
	"entente/statement"

	"golang.org/x/sys/unix"
)

// Config says which node to open. Dir and Passphrase are required; the rest has a real default and is replaced by simulations.
type Config struct {
	Dir        string
	Passphrase []byte
	Version    string
	Clock      clock.Clock    // clock.Real
	Random     io.Reader      // the operating system's
	Transport  link.Transport // HTTPS
	Budget     int            // bytes of one bundle; 0 is bundleBudget
	Logger     *slog.Logger   // warnings to standard error
	Fatal      func(error)    // told once when durable storage failed; default: nothing more than refusing everything
}

// Node is an open node.
type Node struct {
	cfg      Config
	set      *checked
	secrets  *seal.NodeSecrets
	keys     *seal.NodeKeys
	card     *link.Card
	store    *store.Store
	book     *channel.Book
	carrier  *link.Carrier
	office   *office.Office
	mux      *api.Mux
	client   *peer.Client
	tlsKey   *ecdsa.PrivateKey
	policies [][]byte
	time     *clock.Forward // what decisions go by
	watch    *clock.Watch   // tells when the machine's clock was set back

	hold    atomic.Pointer[errs.Error] // why nothing may be signed; nil: ready
	failed  chan error                 // durable storage failed
	mu      sync.Mutex
	tables  map[[48]byte]*guard.Tables
	address string
}

// Open unlocks and opens the node in cfg.Dir. It takes the directory's lock: two processes never share one.
func Open(ctx context.Context, cfg Config) (_ *Node, err error) {
	if cfg.Clock == nil {
		cfg.Clock = clock.Real{}
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Budget == 0 {
		cfg.Budget = bundleBudget
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	n := &Node{cfg: cfg, tables: map[[48]byte]*guard.Tables{}, failed: make(chan error, 1), policies: label.ExercisePolicyFiles(),
		time: clock.NewForward(cfg.Clock, time.Time{})}
	set, err := label.ExercisePolicies()
	if err != nil {
		return nil, err
	}
	settings, err := readSettings(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if n.set, err = settings.check(set); err != nil {
		return nil, err
	}
	if err := n.unlock(); err != nil {
		return nil, err
	}
	marker := settings.Marker
	if !filepath.IsAbs(marker) {
		marker = filepath.Join(cfg.Dir, marker)
	}
	n.store, err = store.Open(store.Config{Dir: cfg.Dir, Realm: n.set.realm, Key: n.secrets.Storage, Clock: n.time.Now, MarkerPath: marker, Logger: cfg.Logger,
		OnFatal: func(err error) {
			select {
			case n.failed <- err:
			default:
			}
			if cfg.Fatal != nil {
				cfg.Fatal(err)
			}
		}})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			n.store.Close()
		}
	}()
	n.checkMarker(ctx)
	if err := n.connect(ctx, set); err != nil {
		return nil, err
	}
	if err := n.checkClock(ctx); err != nil {
		return nil, err
	}
	return n, nil
}

// checkClock finds the newest time this node recorded. Decisions go on from there whatever the machine's clock says; a clock that
// stands before it is noted, because every deadline shown would be wrong.
func (n *Node) checkClock(ctx context.Context) error {
	var newest int64
	err := n.store.View(ctx, func(tx *store.Tx) error {
		for _, kind := range []string{store.KindChannel, store.KindNational, store.KindAdmin} {
			all, err := tx.Journals(kind)
			if err != nil {
				return err
			}
			for _, j := range all {
				if j.Own { // a partner's clock is its own affair
					newest = max(newest, j.LastTime)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	last := time.Time{}
	if newest > 0 {
		last = time.UnixMilli(newest).UTC()
	}
	n.time.Raise(last)
	n.watch = clock.NewWatch(last)
	if err := n.watch.Observe(n.cfg.Clock.Now()); err != nil {
		n.carrier.Refuse(nil, "clock", err)
	}
	return nil
}

// unlock opens the key file and reads the card.
func (n *Node) unlock() error {
	file, err := os.ReadFile(filepath.Join(n.cfg.Dir, nodeKeyPath))
	if err != nil {
		return &errs.Error{Kind: errs.NotFound, Code: "node.keys", Op: "node.open", Err: err, Next: "restore keys/node.key from its backup"}
	}
	secret, err := seal.UnlockKeyFile(n.cfg.Passphrase, file, n.set.realm, nodeKind)
	n.cfg.Passphrase = nil // needed once; the caller's copy is the caller's
	if err != nil {
		return err
	}
	defer clear(secret)
	if n.secrets, err = seal.DecodeNodeSecrets(secret); err != nil {
		return err
	}
	if n.keys, err = n.secrets.Keys(); err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(n.cfg.Dir, cardPath))
	if err != nil {
		return &errs.Error{Kind: errs.NotFound, Code: "node.keys", Op: "node.open", Err: err, Next: "restore keys/card from its backup"}
	}
	card, ks, err := link.ReadCard(raw)
	if err != nil {
		return err
	}
	if card.Author != n.set.author || card.Realm != n.set.realm || !ks.Signing.Equal(n.keys.Signing.Public()) {
		return &errs.Error{Kind: errs.Integrity, Code: "node.card", Op: "node.open", Reason: "keys/card does not belong to keys/node.key or node.toml",
			Next: "restore the keys directory as a whole"}
	}
	n.card = card
	key, err := x509.ParsePKCS8PrivateKey(n.keys.TLS())
	if err != nil {
		return &errs.Error{Kind: errs.Integrity, Code: "node.keys", Op: "node.open", Err: err}
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return &errs.Error{Kind: errs.Integrity, Code: "node.keys", Op: "node.open", Reason: "the transport key is not an EC key"}
	}
	n.tlsKey = ec
	return nil
}

// checkMarker compares database and marker, and looks whether a partner ever showed a head that this node does not know. If anything
// disagrees the node opens, reads and receives, and signs nothing.
func (n *Node) checkMarker(ctx context.Context) {
	err := n.store.CheckMarker(ctx)
	if err == nil {
		var ahead bool
		if err = n.store.View(ctx, func(tx *store.Tx) (err error) { ahead, err = link.OwnHeadAhead(tx); return }); err == nil && ahead {
			err = &errs.Error{Kind: errs.Refused, Code: "exchange.own-head-ahead", Op: "node.open", Reason: "a partner showed a head of this node that it does not know"}
		}
	}
	if err == nil {
		return
	}
	n.rollback(errs.CodeOf(err))
	n.cfg.Logger.Error("nothing will be signed", "code", errs.CodeOf(err), "err", err)
}

// room refuses what partners send while the disk is almost full: what is left is for this side's own acts. A file system that does
// not say how much is free is taken to have enough; a full one fails the act that finds it.
func (n *Node) room() error {
	free, ok := freeBytes(n.cfg.Dir)
	if !ok || free >= limits.DiskHeadroom {
		return nil
	}
	return &errs.Error{Kind: errs.Unavailable, Code: "node.disk", Op: "node.receive", Reason: fmt.Sprintf("%d MiB are free on this disk; nothing more is taken in from partners", free>>20),
		Next: "free space; partners send again, nothing is lost"}
}

// rollback holds every signature back: this node may have signed more than it remembers.
func (n *Node) rollback(code errs.Code) {
	n.hold.CompareAndSwap(nil, &errs.Error{Kind: errs.Refused, Code: code, Op: "node.sign", Rule: "restored or cloned node",
		Reason: "this database is older than what this node has signed; signing now could contradict it",
		Next:   "do not continue on this copy. Find the newest database; without it a new epoch signed by both roots is the way on"})
}

func (n *Node) held() error {
	if e := n.hold.Load(); e != nil {
		return e
	}
	return nil
}

// guardTables reads the second checker's tables for a channel, from the text that was signed and the policy files. They are kept:
// reading them again gives the same.
func (n *Node) guardTables(c *channel.Channel) (*guard.Tables, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if t := n.tables[c.Digest]; t != nil {
		return t, nil
	}
	t, err := guard.Load(c.Agreement.Text(), n.policies...)
	if err == nil {
		n.tables[c.Digest] = t
	}
	return t, err
}

// connect builds every room over the open store.
func (n *Node) connect(ctx context.Context, set *label.Set) error {
	absorb := func(tx *store.Tx, c *channel.Channel, said []*statement.Statement) error {
		return n.office.Absorb(tx, c, said)
	}
	err := n.store.Do(ctx, func(tx *store.Tx) (err error) {
		if err := link.PutKeys(tx, n.set.author, n.card.Root, n.card.Keys); err != nil {
			return err
		}
		n.book, err = channel.Open(tx, channel.Config{Author: n.set.author, Realm: n.set.realm, Set: set, Random: n.cfg.Random, Verify: office.VerifyRoot,
			Keys: func() (seal.Signed, error) { return n.card.Keys, nil }, Hold: n.held, Absorb: absorb})
		return err
	})
	if err != nil {
		return err
	}
	n.client = peer.NewClient(peer.ClientConfig{Key: n.tlsKey, MaxBody: limits.PeerBody, Timeout: limits.PeerExchange})
	transport := n.cfg.Transport
	if transport == nil {
		transport = n.client
	}
	ks, err := seal.OpenKeyStatement(n.card.Root, n.card.Keys)
	if err != nil {
		return err
	}
	n.carrier, err = link.New(ctx, link.Config{Store: n.store, Book: n.book, Transport: transport, Author: n.set.author, Realm: n.set.realm, Root: n.card.Root,
		KeyStatement: n.card.Keys, Keys: ks, Signing: n.keys.Signing, Cosigning: n.keys.Cosigning, KEM: exchange.KEMKeys(n.keys.KEM), LinkKey: n.keys.Link,
		Random: n.cfg.Random, Clock: n.time.Now, Logger: n.cfg.Logger, Budget: n.cfg.Budget, Hold: n.held, Precedence: precedence, Rollback: n.rollback,
		Room: n.room})
	if err != nil {
		return err
	}
	n.office = office.New(office.Config{Store: n.store, Book: n.book, Carrier: n.carrier, Set: set, Policy: n.set.policy, Author: n.set.author, Realm: n.set.realm,
		Ceiling: n.set.ceiling, Handles: n.secrets.Storage, Tables: n.guardTables, Verify: office.VerifyRoot, Random: n.cfg.Random, Clock: n.time.Now,
		Hold: n.held, Checks: n.checks, Address: n.Address, Event: nil, Version: n.cfg.Version, Logger: n.cfg.Logger})
	n.mux = &api.Mux{}
	n.office.Register(n.mux)
	return nil
}

// bundleBudget is the size of one bundle on a link of unknown rate, in bytes: some hundred reports, opened in memory at both ends.
const bundleBudget = 4 << 20

// precedence reads the precedence of a dispatch from its terms; everything else is short and serves what is urgent.
func precedence(typ string, act []byte) exchange.Precedence {
	if typ != string(statement.Dispatch) {
		return exchange.Immediate
	}
	a, err := statement.DecodeAct(act)
	if err != nil {
		return exchange.Routine
	}
	t, err := release.DecodeDispatchTerms(a.Terms)
	if err != nil {
		return exchange.Routine
	}
	p, err := exchange.ParsePrecedence(t.Precedence)
	if err != nil {
		return exchange.Routine
	}
	return p
}

// Author is who this node writes as.
func (n *Node) Author() string { return string(n.set.author) }

// Party is the party it belongs to.
func (n *Node) Party() party.Party { return n.set.author.Party() }

// Handler is the operator interface.
func (n *Node) Handler() http.Handler { return n.mux }

// Carrier carries bundles for tests and simulations.
func (n *Node) Carrier() *link.Carrier { return n.carrier }

// Office is what people do here.
func (n *Node) Office() *office.Office { return n.office }

// Address is where partners reach this node, as far as it knows; "" if it does not listen yet and takes any free port.
func (n *Node) Address() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.set.Advertise != "" {
		return n.set.Advertise
	}
	if n.address != "" {
		return n.address
	}
	if strings.HasSuffix(n.set.Listen, ":0") {
		return "" // any free port, and none is open now
	}
	return n.set.Listen
}

// Close stops the node and gives the directory back.
func (n *Node) Close() error {
	n.client.Close()
	return n.store.Close()
}

// Serve accepts partners and the node's own people until ctx ends, and calls ready once it does. It returns the failure that stopped
// it: after a failed write or sync nobody knows what the disk holds, and the process must end.
func (n *Node) Serve(ctx context.Context, ready func(addr string)) error {
	server, err := peer.NewServer(peer.ServerConfig{Key: n.tlsKey, Known: n.carrier.Known, Receiver: n.carrier, MaxBody: limits.PeerBody, Logger: n.cfg.Logger,
		Timeout: limits.PeerExchange, Concurrent: limits.PeerConcurrent, PerPeer: limits.PeerConcurrentEach, Connections: limits.PeerConnections, Rate: limits.PeerRate,
		Refused: func(code errs.Code) {
			n.carrier.Refuse(nil, "peer", &errs.Error{Kind: errs.Refused, Code: code})
		}})
	if err != nil {
		return err
	}
	outer, err := net.Listen("tcp", n.set.Listen)
	if err != nil {
		return &errs.Error{Kind: errs.Unavailable, Code: "node.listen", Op: "node.serve", Subject: n.set.Listen, Err: err, Next: "another process may have the address; change listen in node.toml"}
	}
	n.mu.Lock()
	n.address = outer.Addr().String()
	n.mu.Unlock()
	socket := filepath.Join(n.cfg.Dir, SocketName)
	os.Remove(socket) // left by a killed process; the lock proves that no other node is here
	inner, err := listenPrivate(socket)
	if err != nil {
		outer.Close()
		return err
	}
	places := make(chan struct{}, limits.OperatorConcurrent)
	operators := &http.Server{ReadHeaderTimeout: limits.HeaderTime, ReadTimeout: limits.OperatorTime, WriteTimeout: limits.OperatorTime, IdleTimeout: limits.IdleTime,
		MaxHeaderBytes: limits.HeaderBytes, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case places <- struct{}{}:
				defer func() { <-places }()
				n.mux.ServeHTTP(w, r)
			case <-r.Context().Done():
			}
		})}
	run, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 3)
	go func() { ended <- server.Serve(outer) }()
	go func() {
		if err := operators.Serve(inner); err != http.ErrServerClosed {
			ended <- &errs.Error{Kind: errs.Unavailable, Code: "node.socket", Op: "node.serve", Err: err}
		}
	}()
	loop := make(chan struct{})
	go func() { defer close(loop); n.Work(run) }()
	ready(n.address)
	select {
	case <-ctx.Done():
		err = nil
	case err = <-ended:
	case err = <-n.failed:
	}
	cancel()
	stop, done := context.WithTimeout(context.Background(), 5*time.Second)
	defer done()
	server.Shutdown(stop)
	operators.Shutdown(stop)
	<-loop
	os.Remove(socket)
	return err
}

// listenPrivate opens the operators' socket so that only the node's own account can use it, from the first moment on.
func listenPrivate(path string) (net.Listener, error) {
	old := unix.Umask(0o177) // of the whole process: what else is made meanwhile is no more open for it
	l, err := net.Listen("unix", path)
	unix.Umask(old)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return nil, &errs.Error{Kind: errs.Unavailable, Code: "node.socket", Op: "node.serve", Subject: path, Err: err,
			Next: "a socket path must be short (about 100 bytes); use a shorter node directory"}
	}
	return l, nil
}

// retryAfter is how soon a link that failed is tried again, and how often a quiet one is looked at.
const retryAfter = 5 * time.Second

// Work dispatches what is due and exchanges with partners whenever there is something to say, until ctx ends. Serve does it beside
// listening; a simulation calls it alone.
func (n *Node) Work(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var exchanges sync.WaitGroup
	defer exchanges.Wait() // they end with ctx
	behind := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.carrier.Woken():
		case <-timer.C:
		}
		wait := retryAfter
		if err := n.watch.Observe(n.cfg.Clock.Now()); err != nil && !behind {
			behind = true
			n.carrier.Refuse(nil, "clock", err)
		} else if err == nil {
			behind = false
		}
		if err := n.office.Anchor(ctx); err != nil && ctx.Err() == nil {
			n.cfg.Logger.Warn("anchor", "code", errs.CodeOf(err), "err", err)
		}
		if _, next, err := n.office.DispatchDue(ctx); err != nil && ctx.Err() == nil {
			n.cfg.Logger.Warn("dispatch", "code", errs.CodeOf(err), "err", err)
		} else if !next.IsZero() {
			wait = min(wait, max(next.Sub(n.time.Now()), 0))
		}
		// A partner that does not answer must not hold up the others, nor what is due here.
		exchanges.Go(func() {
			if _, err := n.carrier.SyncIdle(ctx); err != nil && ctx.Err() == nil {
				n.cfg.Logger.Info("exchange", "code", errs.CodeOf(err))
			}
		})
		timer.Reset(wait)
	}
}
