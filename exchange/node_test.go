package exchange

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"entente/errs"
	"entente/journal"
	"entente/party"
	"entente/seal"
	"entente/statement"
)

const (
	nz = party.Author("NZL/nzdf/node-1")
	jp = party.Author("JPN/jmod/node-1")
	au = party.Author("AUS/adf/node-1")
)

var start = time.UnixMilli(1795500000000)

// keys of a node, made from a seed byte so that vectors can be checked.
type keys struct {
	signing, cosigning *seal.SigningKey
	kem                *seal.KEMPrivate
}

func makeKeys(t testing.TB, suite seal.Suite, seed byte) keys {
	t.Helper()
	fill := func(b byte) (s [64]byte) {
		for i := range s {
			s[i] = b + byte(i/32)*100
		}
		return s
	}
	n := map[seal.Suite]int{seal.Hybrid: 32, seal.CNSA: 64}[suite]
	s := fill(seed + 2)
	kem, err := seal.KEMFromBytes(suite, s[:n])
	if err != nil {
		t.Fatal(err)
	}
	return keys{seal.NewSigningKey(fill(seed)), seal.NewSigningKey(fill(seed + 1)), kem}
}

// pair returns the two ends of one link.
func pair(suite seal.Suite, a, b keys) (ab, ba *Link) {
	id := func(n byte) (v [16]byte) { return [16]byte(bytes.Repeat([]byte{n}, 16)) }
	key := func(n byte) (v LinkKey) { return LinkKey(bytes.Repeat([]byte{n}, 48)) }
	readers := []party.Author{jp, nz}
	ab = &Link{Realm: "exercise:whio", Channel: statement.ChannelDigest([48]byte{1}, readers), Suite: suite, Self: nz, Peer: jp, Readers: readers,
		OutID: id(1), InID: id(2), OutKey: key(3), InKey: key(4), SelfSigning: a.signing.Public(), SelfEpoch: 1, PeerKEM: b.kem.Public(),
		PeerSigning: b.signing.Public(), PeerCosigning: b.cosigning.Public(), PeerEpoch: 1, Limits: DefaultLimits()}
	other := *ab
	ba = &other
	ba.Self, ba.Peer, ba.OutID, ba.InID, ba.OutKey, ba.InKey = jp, nz, ab.InID, ab.OutID, ab.InKey, ab.OutKey
	ba.SelfSigning, ba.PeerKEM, ba.PeerSigning, ba.PeerCosigning = b.signing.Public(), a.kem.Public(), a.signing.Public(), a.cosigning.Public()
	return ab, ba
}

// kept is an entry as a node keeps it.
type kept struct {
	leaf       []byte
	act, cont  statement.Body
	actState   SlotState
	contState  SlotState
	stmt       *statement.Statement
	precedence Precedence
	objects    []ObjectRef
	flagged    bool
}

type keptJournal struct {
	entries []kept
	tree    *journal.Tree
	notes   map[uint64][]byte
	pos     Position
}

type keptObject struct {
	size  uint64
	parts map[uint64]ObjectPart
}

// node keeps everything in memory: a Reader and an Outbox for one peer.
type node struct {
	t         testing.TB
	keys      keys
	l         *Link
	journals  map[journalKey]*keptJournal
	objects   map[[48]byte]*keptObject
	digests   map[statement.Thread][48]byte // settled here
	wants     []Want
	peerHas   uint64
	peerHolds Ranges
	cosigned  []Cosignature
	heldSig   []seal.Signed
	now       time.Time
	random    *rand.Rand
	ids       int
}

func newNode(t testing.TB, l *Link, k keys) *node {
	n := &node{t: t, keys: k, l: l, journals: map[journalKey]*keptJournal{}, objects: map[[48]byte]*keptObject{}, now: start,
		digests: map[statement.Thread][48]byte{}, random: rand.New(rand.NewPCG(1, uint64(l.Self[0])))}
	for a, epoch := range map[party.Author]uint64{l.Self: l.SelfEpoch, l.Peer: l.PeerEpoch} {
		n.journals[journalKey{a, epoch}] = newJournal(t)
	}
	return n
}

func newJournal(t testing.TB) *keptJournal {
	tree, err := journal.OpenTree(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &keptJournal{tree: tree, notes: map[uint64][]byte{}, pos: Position{Root: journal.EmptyRoot()}}
}

func (n *node) own() *keptJournal   { return n.journals[journalKey{n.l.Self, n.l.SelfEpoch}] }
func (n *node) peers() *keptJournal { return n.journals[journalKey{n.l.Peer, n.l.PeerEpoch}] }

func (n *node) must(err error) {
	if err != nil {
		n.t.Helper()
		n.t.Fatal(err)
	}
}

func (n *node) rand16() (v [16]byte) {
	n.ids++
	sum := sha256.Sum256(fmt.Append(nil, n.l.Self, n.ids))
	return [16]byte(sum[:])
}

func (n *node) rand32() [32]byte {
	a, b := n.rand16(), n.rand16()
	return [32]byte(append(a[:], b[:]...))
}

// draft returns an act and a content that n may say now.
func (n *node) draft(narrative string) (*statement.Act, *statement.Content) {
	act := &statement.Act{Version: 1, ID: n.rand16(), Channel: n.l.Channel, Author: n.l.Self, Epoch: n.l.SelfEpoch, Type: statement.Dispatch,
		Thread: n.rand16(), Time: n.now.UnixMilli(), Rules: statement.Rules{Version: "release/1"},
		By: statement.By{Authority: n.l.Self.Authority(), Role: party.RoleReleaseOfficer, Handle: n.rand16(), Proof: statement.Proof{Kind: statement.ProofNode}}}
	if size := n.peers().pos.Size; size > 0 {
		act.Seen = []statement.Seen{{Author: n.l.Peer, Epoch: n.l.PeerEpoch, Size: size}}
	}
	return act, &statement.Content{Version: 1, Narrative: []byte(narrative)}
}

// say writes a statement into the own journal.
func (n *node) say(narrative string, p Precedence, objectSizes ...int) *statement.Statement {
	act, content := n.draft(narrative)
	return n.write(act, content, p, objectSizes...)
}

func (n *node) write(act *statement.Act, content *statement.Content, p Precedence, objectSizes ...int) *statement.Statement {
	var refs []ObjectRef
	for _, size := range objectSizes {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(n.random.Uint32())
		}
		tree := seal.NewTree()
		tree.Write(data)
		o := &keptObject{size: uint64(size), parts: map[uint64]ObjectPart{}}
		for i := range tree.Leaves() {
			proof, err := tree.Proof(i)
			n.must(err)
			o.parts[i] = ObjectPart{Root: tree.Root(), Size: o.size, Index: i, Data: data[i*seal.LeafSize : min((i+1)*seal.LeafSize, o.size)], Proof: proof}
		}
		n.objects[tree.Root()] = o
		refs = append(refs, ObjectRef{tree.Root(), o.size})
		content.Objects = append(content.Objects, statement.ObjectKey{Root: tree.Root(), Size: o.size, Key: n.rand32(), MediaType: "application/pdf"})
	}
	leaf, ab, cb, err := statement.Make(act, content, n.rand32(), n.rand32())
	n.must(err)
	s := &statement.Statement{Index: n.own().pos.Size, LeafHash: journal.LeafHash(leaf), Act: act, Content: content}
	n.append(kept{leaf: leaf, act: ab, cont: cb, actState: Present, contState: Present, stmt: s, precedence: p, objects: refs})
	return s
}

func (n *node) append(k kept) {
	j := n.own()
	j.entries = append(j.entries, k)
	j.tree.Append(journal.LeafHash(k.leaf))
	j.pos.Size, j.pos.Root = uint64(j.tree.Size()), j.tree.Root()
}

// The Reader.

func (n *node) Journal(a party.Author, epoch uint64) (Position, error) {
	if j := n.journals[journalKey{a, epoch}]; j != nil {
		pos := j.pos
		if a == n.l.Self {
			pos.Shown = &Shown{n.peerHas, n.peerHolds, n.wants}
		}
		return pos, nil
	}
	return Position{}, &errs.Error{Kind: errs.NotFound}
}

func (n *node) Tree(a party.Author, epoch, size uint64) (*journal.Tree, error) {
	j := n.journals[journalKey{a, epoch}]
	if size == uint64(j.tree.Size()) {
		return j.tree.Clone(), nil
	}
	t := newJournal(n.t).tree
	for _, k := range j.entries[:size] {
		t.Append(journal.LeafHash(k.leaf))
	}
	return t, nil
}

func (n *node) Entry(a party.Author, epoch, i uint64) (Stored, error) {
	k := &n.journals[journalKey{a, epoch}].entries[i]
	return Stored{Leaf: k.leaf, Act: k.actState, Content: k.contState}, nil
}

func (n *node) Object(root [48]byte) (Object, error) {
	var out Object
	for key, j := range n.journals {
		for i := range j.entries {
			for _, o := range j.entries[i].objects {
				if o.Root != root {
					continue
				}
				out.Size = o.Size
				if !j.pos.Held.Contains(uint64(i)) {
					out.Waiting = append(out.Waiting, Place{key.author, key.epoch, uint64(i)})
				}
			}
		}
	}
	if out.Size == 0 {
		return out, &errs.Error{Kind: errs.NotFound}
	}
	if o := n.objects[root]; o != nil {
		for i := range o.parts {
			out.Have = out.Have.Add(i, i+1)
		}
	}
	return out, nil
}

func (n *node) Threads(threads []statement.Thread) ([]ThreadView, error) {
	out := make([]ThreadView, len(threads))
	for i, t := range threads {
		for _, s := range n.statements() {
			if s.Act.Thread == t {
				out[i].Statements++
			}
		}
		out[i].Digest, out[i].Settled = n.digests[t]
	}
	return out, nil
}

// reader is the Reader of a node: its method Unheld is not that of the Outbox.
type reader struct{ *node }

func (r reader) Unheld() (uint64, error) {
	n := uint64(0)
	j := r.peers()
	for i := range j.entries {
		if !j.pos.Held.Contains(uint64(i)) {
			n += uint64(len(j.entries[i].act.Bytes) + len(j.entries[i].cont.Bytes))
		}
	}
	return n, nil
}

// build makes and packs what is due to the peer.
func (n *node) build(budget int) (*Bundle, []byte) {
	n.t.Helper()
	b, err := Build(n.l, n, budget, n.now, n.rand16())
	n.must(err)
	raw, err := Pack(n.l, b)
	n.must(err)
	return b, raw
}

// receive opens, examines and commits raw, and returns what it changed.
func (n *node) receive(raw []byte) *Step {
	n.t.Helper()
	s, err := n.examine(raw)
	n.must(err)
	n.commit(s)
	return s
}

func (n *node) examine(raw []byte) (*Step, error) {
	b, err := Unpack(n.l, KEMKeys{n.keys.kem}, raw)
	if err != nil {
		return nil, err
	}
	return Examine(n.l, b, reader{n}, n.now)
}

// commit persists a step and, only then, makes the receipts.
func (n *node) commit(s *Step) {
	n.t.Helper()
	for _, p := range s.Objects {
		o := n.objects[p.Root]
		if o == nil {
			o = &keptObject{size: p.Size, parts: map[uint64]ObjectPart{}}
			n.objects[p.Root] = o
		}
		o.parts[p.Index] = p
	}
	for i := range s.Journals {
		a := &s.Journals[i]
		j := n.journals[journalKey{a.Author, a.Epoch}]
		if uint64(len(j.entries)) != a.From || len(a.Bodies) != len(a.Leaves) {
			n.t.Fatalf("step does not follow: %d entries, from %d", len(j.entries), a.From)
		}
		for k, b := range a.Bodies {
			e := kept{leaf: a.Leaves[k]}
			e.take(&b)
			j.entries = append(j.entries, e)
		}
		for _, b := range a.Late {
			j.entries[b.Index].take(&b)
		}
		j.pos.Held, j.pos.Run = a.Held, a.Run
		if len(a.Leaves) > 0 {
			j.tree, j.pos.Size, j.pos.Root, j.pos.Note = a.Tree, a.Size, a.Root, a.Checkpoint
			c := journal.Checkpoint{Origin: n.l.origin(a.Author, a.Epoch), Size: int64(a.Size), Root: a.Root}
			lines, err := journal.Cosign(n.keys.cosigning, journal.WitnessName(n.l.Self), n.l.Suite, c, a.Checkpoint, n.now)
			n.must(err)
			n.cosigned = []Cosignature{{Author: a.Author, Epoch: a.Epoch, Size: a.Size, Root: a.Root, Lines: lines}}
		}
		if len(a.NewlyHeld) > 0 {
			signed, err := SignHeld(n.keys.cosigning, n.l, a.Author, a.Epoch, a.Held, n.now)
			n.must(err)
			n.heldSig = []seal.Signed{signed}
		}
	}
	own := n.own()
	for _, c := range s.Cosigned {
		own.pos.PeerSize = c.Size
	}
	for _, h := range s.HeldByPeer {
		own.pos.PeerHeld = own.pos.PeerHeld.Union(h.Receipt.Ranges)
	}
	for _, h := range s.Heads {
		j := n.journals[journalKey{h.Author, h.Epoch}]
		j.pos.Ahead = append(j.pos.Ahead, h.Note)
	}
	n.wants, n.peerHas, n.peerHolds = s.Wants, s.PeerHas, s.PeerHolds
}

// take stores what came of an entry.
func (k *kept) take(b *Body) {
	k.actState, k.contState = b.ActState, b.ContentState
	if b.Act.Bytes != nil {
		k.act = b.Act
	}
	if b.Content.Bytes != nil {
		k.cont = b.Content
		if c, err := statement.DecodeContent(b.Content.Bytes); err == nil {
			k.objects = nil
			for _, o := range c.Objects {
				k.objects = append(k.objects, ObjectRef{o.Root, o.Size})
			}
		}
	}
	if b.Statement != nil {
		k.stmt = b.Statement
	}
	k.flagged = k.flagged || b.Flagged
}

// statements returns every statement n can read, of all journals.
func (n *node) statements() (out []*statement.Statement) {
	for _, j := range n.journals {
		for i := range j.entries {
			if s := j.entries[i].stmt; s != nil && !j.entries[i].flagged {
				out = append(out, s)
			}
		}
	}
	return out
}

// two returns two nodes that are paired.
func two(t testing.TB) (a, b *node) {
	ka, kb := makeKeys(t, seal.CNSA, 10), makeKeys(t, seal.CNSA, 20)
	la, lb := pair(seal.CNSA, ka, kb)
	return newNode(t, la, ka), newNode(t, lb, kb)
}

// talk exchanges bundles without loss until neither side has anything to say.
func talk(a, b *node, budget int) (bundles int) {
	a.t.Helper()
	for quiet := 0; quiet < 2; bundles++ {
		if bundles > 400 {
			a.t.Fatal("the nodes do not come to rest")
		}
		out, raw := a.build(budget)
		s := b.receive(raw)
		if quiet++; !out.ReceiptsOnly() || !s.Duplicate {
			quiet = 0
		}
		if s.AnswerDue != !out.ReceiptsOnly() {
			a.t.Fatal("receipts must never be answered, and everything else must")
		}
		a, b = b, a
	}
	return bundles
}
