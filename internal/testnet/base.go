package testnet

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"entente/agreement"
	"entente/examples/exercise"
	"entente/exchange"
	"entente/guard"
	"entente/internal/link"
	"entente/internal/node"
	"entente/internal/office"
	"entente/label"
	"entente/party"
	"entente/seal"
	"entente/statement"
)

const (
	realm    = party.Realm("exercise:whio")
	nodeKind = "node" // kind of keys/node.key
)

// epoch is the time of the exercise at which simulations begin, unless a script says otherwise.
var epoch = time.Date(2026, 6, 1, 6, 0, 0, 0, time.UTC)

// site is a node that was initialised, paired and brought under the agreement once. Every run starts from a copy of its
// directory.
type site struct {
	author              party.Author
	ceiling             string
	address             string
	dir                 string
	passphrase, rootPhr []byte
	secrets             *seal.NodeSecrets
	keys                *seal.NodeKeys
	statement           *seal.KeyStatement
	root                seal.PublicKey
}

func (s *site) party() party.Party { return s.author.Party() }

// channelInfo is an agreement between sites, as the watchers need it.
type channelInfo struct {
	digest  [48]byte
	suite   seal.Suite
	readers []party.Author
	rules   *agreement.Compiled
	tables  *guard.Tables
}

// Base is a set of nodes made once for a whole test process: making keys, pairing and signing cost more than many runs.
type Base struct {
	dir     string
	sites   []*site
	channel *channelInfo // one now; a map by agreement when there are more sites
}

// fixed is a clock that stands still.
type fixed time.Time

func (f fixed) Now() time.Time { return time.Time(f) }

// noTransport refuses: while a base is made nothing is exchanged, so that every run begins with the first bundle.
type noTransport struct{ link.Transport }

// Prepare makes the nodes of the exercise under dir: staff loaded, paired, one agreement signed by both parties and loaded
// by both nodes. Nothing has been exchanged yet. Call it outside a bubble.
func Prepare(ctx context.Context, dir string) (*Base, error) {
	b := &Base{dir: dir, sites: []*site{
		{author: "NZL/nzdf/node-1", ceiling: "nzl.s", address: "nzl.test:443"},
		{author: "JPN/jmod/node-1", ceiling: "jpn.gokuhi", address: "jpn.test:443"},
	}}
	var nodes []*node.Node
	defer func() {
		for _, n := range nodes {
			n.Close()
		}
	}()
	for _, s := range b.sites {
		s.dir = filepath.Join(dir, strings.ToLower(string(s.party())))
		s.passphrase, s.rootPhr = []byte("passphrase of the node "+s.address), []byte("passphrase of the root "+s.address)
		if _, err := node.Init(node.InitConfig{Dir: s.dir, Realm: string(realm), Author: string(s.author), Ceiling: s.ceiling, Listen: s.address, Suite: "hybrid",
			Passphrase: s.passphrase, RootPassphrase: s.rootPhr, KDF: seal.MinIterations, Clock: fixed(epoch)}); err != nil {
			return nil, err
		}
		if err := s.unlock(); err != nil {
			return nil, err
		}
		n, err := node.Open(ctx, node.Config{Dir: s.dir, Passphrase: s.passphrase, Clock: fixed(epoch), Transport: noTransport{}})
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
		if _, err := n.Office().LoadStaff(ctx, "", &office.StaffReq{File: exercise.Staff(string(s.party()))}); err != nil {
			return nil, err
		}
	}
	if err := b.pair(ctx, nodes); err != nil {
		return nil, err
	}
	return b, b.agree(ctx, nodes)
}

// unlock reads the node's keys, so that watchers can open what is sent to it.
func (s *site) unlock() error {
	file, err := os.ReadFile(filepath.Join(s.dir, "keys", "node.key"))
	if err != nil {
		return err
	}
	secret, err := seal.UnlockKeyFile(s.passphrase, file, realm, nodeKind)
	if err != nil {
		return err
	}
	if s.secrets, err = seal.DecodeNodeSecrets(secret); err != nil {
		return err
	}
	if s.keys, err = s.secrets.Keys(); err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(s.dir, "keys", "card"))
	if err != nil {
		return err
	}
	card, ks, err := link.ReadCard(raw)
	if err == nil {
		s.statement, s.root = ks, card.Root
	}
	return err
}

// pair makes every site a confirmed partner of every other.
func (b *Base) pair(ctx context.Context, nodes []*node.Node) error {
	for i := range nodes {
		for k := range nodes {
			if i == k {
				continue
			}
			card, err := nodes[k].Office().PairCard(ctx, "key-custodian", &office.Empty{})
			if err != nil {
				return err
			}
			v, err := nodes[i].Office().PairAdd(ctx, "key-custodian", &office.PairReq{Card: card.Bytes})
			if err != nil {
				return err
			}
			words := strings.Join(v.Words, " ")
			if _, err := nodes[i].Office().PairConfirm(ctx, "key-custodian", &office.PairConfirmReq{Author: v.Author, Words: words}); err != nil {
				return err
			}
		}
	}
	return nil
}

// agree has both roots sign the exercise agreement and both nodes load it.
func (b *Base) agree(ctx context.Context, nodes []*node.Node) error {
	text, err := nodes[0].Office().PrepareAgreement(ctx, "key-custodian", &office.Blob{Bytes: exercise.Agreement()})
	if err != nil {
		return err
	}
	pkg := text.Bytes
	for _, s := range b.sites {
		key, err := os.ReadFile(filepath.Join(s.dir, node.RootKeyPath))
		if err != nil {
			return err
		}
		if pkg, err = office.SignAgreement(pkg, key, s.rootPhr); err != nil {
			return err
		}
	}
	for _, n := range nodes {
		if _, err := n.Office().NoteSigned(ctx, "key-custodian", &office.Blob{Bytes: pkg}); err != nil {
			return err
		}
		if _, err := n.Office().LoadAgreement(ctx, "key-custodian", &office.Blob{Bytes: pkg}); err != nil {
			return err
		}
	}
	p, err := agreement.DecodePackage(pkg)
	if err != nil {
		return err
	}
	set, err := label.ExercisePolicies()
	if err != nil {
		return err
	}
	rules, err := p.Compile(set, epoch, office.VerifyRoot)
	if err != nil {
		return err
	}
	a := rules.Agreement()
	c := &channelInfo{rules: rules, readers: a.Authors(epoch)}
	if c.suite, err = seal.ParseSuite(a.Suite()); err != nil {
		return err
	}
	if c.tables, err = guard.Load(a.Text(), label.ExercisePolicyFiles()...); err != nil {
		return err
	}
	c.digest = statement.ChannelDigest(a.Digest(), c.readers)
	b.channel = c
	return nil
}

// link is the link from self to peer as package exchange needs it, with keys that only self has.
func (b *Base) link(self, peer *site) (*exchange.Link, error) {
	secret, err := seal.LinkKeys(self.keys.Link, peer.statement.LinkKey, realm, self.root.Fingerprint(), peer.root.Fingerprint())
	if err != nil {
		return nil, err
	}
	c := b.channel
	return &exchange.Link{Realm: realm, Channel: c.digest, Suite: c.suite, Self: self.author, Peer: peer.author, Readers: c.readers,
		OutID: secret.LinkID(c.digest, self.author, peer.author), InID: secret.LinkID(c.digest, peer.author, self.author),
		OutKey: secret.HMACKey(c.digest, self.author, peer.author), InKey: secret.HMACKey(c.digest, peer.author, self.author),
		SelfSigning: self.statement.Signing, SelfEpoch: 1, PeerKEM: peer.statement.KEM[0], PeerSigning: peer.statement.Signing,
		PeerCosigning: peer.statement.Cosigning, PeerEpoch: 1, Limits: exchange.DefaultLimits()}, nil
}
