package office_test

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"entente/agreement"
	"entente/custody"
	"entente/errs"
	"entente/exchange"
	"entente/internal/link"
	"entente/journal"
	"entente/party"
	"entente/release"
	"entente/seal"
	"entente/statement"
	"entente/wire"
)

// hostile is a partner's node in the hands of an attacker: it has the keys of the real one, and says what it likes.
type hostile struct {
	t        *testing.T
	w        *world
	victim   *one
	link     *exchange.Link
	keys     *seal.NodeKeys
	kem      exchange.KEMKeys
	author   party.Author
	terms    [48]byte // digest of the agreement
	signed   seal.Signed
	tree     *journal.Tree
	leaves   [][]byte
	acts     []exchange.Slot
	contents []exchange.Slot
	seen     uint64 // of the victim's journal
	officer  party.Handle
	registry party.Handle
}

func random[T ~[16]byte | ~[32]byte | ~[48]byte]() (x T) {
	switch p := any(&x).(type) {
	case *[16]byte:
		rand.Read(p[:])
	case *[32]byte:
		rand.Read(p[:])
	case *[48]byte:
		rand.Read(p[:])
	case *party.Handle:
		rand.Read(p[:])
	case *statement.ID:
		rand.Read(p[:])
	case *statement.Thread:
		rand.Read(p[:])
	}
	return x
}

// readNode reads the keys and the card in a node's directory.
func readNode(t *testing.T, dir string) (*seal.NodeKeys, *link.Card, *seal.KeyStatement) {
	t.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, "keys", name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	secret, err := seal.UnlockKeyFile(passphrase, read("node.key"), realm, "node")
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := seal.DecodeNodeSecrets(secret)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := secrets.Keys()
	if err != nil {
		t.Fatal(err)
	}
	card, ks, err := link.ReadCard(read("card"))
	if err != nil {
		t.Fatal(err)
	}
	return keys, card, ks
}

// takeOver makes the attacker of a world out of the Japanese node, before that has exchanged anything. Its first statements are what an
// honest node says first: genesis, and the delegations of a release and a registry officer.
func takeOver(t *testing.T, w *world) *hostile {
	t.Helper()
	keys, card, ks := readNode(t, w.jpn.dir)
	_, peerCard, peerKeys := readNode(t, w.nzl.dir)
	c := w.nzl.Carrier().Routes()[0]
	secret, err := seal.LinkKeys(keys.Link, peerKeys.LinkKey, realm, card.Root.Fingerprint(), peerCard.Root.Fingerprint())
	if err != nil {
		t.Fatal(err)
	}
	self, peer := party.Author(jpn.author), party.Author(nzl.author)
	h := &hostile{t: t, w: w, victim: w.nzl, keys: keys, kem: keys.KEM, author: self, terms: c.Agreement.Digest(), signed: card.Keys,
		officer: random[party.Handle](), registry: random[party.Handle]()}
	h.link = &exchange.Link{Realm: realm, Channel: c.Digest, Suite: seal.Hybrid, Self: self, Peer: peer, Readers: c.Readers,
		OutID: secret.LinkID(c.Digest, self, peer), InID: secret.LinkID(c.Digest, peer, self), OutKey: secret.HMACKey(c.Digest, self, peer), InKey: secret.HMACKey(c.Digest, peer, self),
		SelfSigning: ks.Signing, SelfEpoch: 1, PeerKEM: peerKeys.KEM[0], PeerSigning: peerKeys.Signing, PeerCosigning: peerKeys.Cosigning, PeerEpoch: 1, Limits: c.Limits()}
	if err := h.link.Check(); err != nil {
		t.Fatal(err)
	}
	if h.tree, err = journal.OpenTree(0, nil); err != nil {
		t.Fatal(err)
	}
	h.say(says{typ: statement.Genesis, terms: &statement.GenesisTerms{Agreement: h.terms, Realm: realm, Readers: c.Readers, Epoch: 1, KeyStatement: card.Keys.Encode()}})
	lapsed := h.delegation("hostile-lapsed", party.RoleReleaseOfficer, h.officer)
	lapsed.From, lapsed.Until = lapsed.From-1000, lapsed.From
	for _, d := range []party.Delegation{lapsed, h.delegation("hostile-release", party.RoleReleaseOfficer, h.officer), h.delegation("hostile-registry", party.RoleRegistryOfficer, h.registry)} {
		h.say(says{typ: statement.Delegated, terms: &statement.DelegationTerms{Delegation: d}})
	}
	return h
}

func (h *hostile) delegation(id string, role party.Role, holder party.Handle) party.Delegation {
	return party.Delegation{ID: id, Authority: h.author.Authority(), Office: "office", Holder: holder, Role: role, Ceiling: "jpn.gokuhi", Recipients: []party.Party{"NZL"},
		Means: []party.Means{party.MeansNetwork}, From: begin.UnixMilli() - 1000, Until: begin.AddDate(1, 0, 0).UnixMilli(), Instrument: "letter"}
}

// says is a statement to be made; edit has the last word on its act.
type says struct {
	typ       statement.TypeName
	version   string
	thread    statement.Thread
	terms     statement.Terms
	raw       []byte // terms as they are
	narrative []byte
	answers   []statement.Ref
	by        statement.By
	edit      func(*statement.Act)
}

// say appends a statement to the attacker's journal.
func (h *hostile) say(s says) *statement.Statement {
	h.t.Helper()
	if s.by.Role == "" {
		s.by = statement.By{Role: party.RoleNode}
	}
	if s.by.Authority == "" {
		s.by.Authority = h.author.Authority()
	}
	if s.by.Proof.Kind == "" {
		s.by.Proof.Kind = statement.ProofNode
	}
	if s.version == "" {
		s.version = "channel/1"
	}
	act := &statement.Act{Version: 1, ID: random[statement.ID](), Channel: h.link.Channel, Author: h.author, Epoch: 1, Type: s.typ, Thread: s.thread, Answers: s.answers,
		Time: h.w.clock.Now().UnixMilli(), By: s.by, Rules: statement.Rules{Terms: h.terms, Version: s.version}, Terms: s.raw}
	if s.thread == (statement.Thread{}) {
		act.Thread = statement.Thread(act.ID)
	}
	if h.seen > 0 {
		act.Seen = []statement.Seen{{Author: h.link.Peer, Epoch: 1, Size: h.seen}}
	}
	if s.terms != nil {
		act.Terms = wire.MustMarshal(s.terms)
	}
	if s.edit != nil {
		s.edit(act)
	}
	content := &statement.Content{Version: 1, Narrative: s.narrative}
	leaf, actBody, contentBody, err := statement.Make(act, content, random[[32]byte](), random[[32]byte]())
	if err != nil {
		h.t.Fatal(err)
	}
	h.append(leaf, exchange.PresentSlot(actBody), exchange.PresentSlot(contentBody))
	return &statement.Statement{Index: uint64(len(h.leaves) - 1), LeafHash: journal.LeafHash(leaf), Act: act, Content: content}
}

func (h *hostile) append(leaf []byte, act, content exchange.Slot) {
	h.tree.Append(journal.LeafHash(leaf))
	h.leaves, h.acts, h.contents = append(h.leaves, leaf), append(h.acts, act), append(h.contents, content)
}

// head signs the attacker's journal at a size.
func (h *hostile) head(size int64) []byte {
	h.t.Helper()
	root, err := h.tree.RootAt(size)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.sign(size, root, 1)
}

func (h *hostile) sign(size int64, root journal.Hash, epoch uint64) []byte {
	h.t.Helper()
	note, err := journal.Sign(h.keys.Signing, seal.Hybrid, journal.Checkpoint{Origin: journal.Origin{Realm: realm, Channel: h.link.Channel, Author: h.author, Epoch: epoch}, Size: size, Root: root})
	if err != nil {
		h.t.Fatal(err)
	}
	return note
}

// bundle is what an honest node would send from an index on.
func (h *hostile) bundle(from int) *exchange.Bundle {
	h.t.Helper()
	b := &exchange.Bundle{Version: 1, ID: random[[16]byte](), Channel: h.link.Channel, From: h.link.Self, To: h.link.Peer, Time: h.w.clock.Now().UnixMilli()}
	if from < len(h.leaves) {
		b.Journals = []exchange.JournalPart{{Author: h.author, Epoch: 1, From: uint64(from), Leaves: h.leaves[from:], Acts: h.acts[from:], Contents: h.contents[from:],
			Checkpoint: h.head(int64(len(h.leaves)))}}
	}
	return b
}

// post seals a bundle and hands it to the victim. It returns the victim's answer, opened.
func (h *hostile) post(b *exchange.Bundle) (*exchange.Bundle, error) {
	h.t.Helper()
	raw, err := exchange.Pack(h.link, b)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.deliver(raw)
}

func (h *hostile) deliver(raw []byte) (*exchange.Bundle, error) {
	h.t.Helper()
	answer, err := h.victim.Carrier().Receive(context.Background(), raw)
	if err != nil || answer == nil {
		return nil, err
	}
	b, err := exchange.Unpack(h.link, h.kem, answer)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, j := range b.Journals {
		h.seen = max(h.seen, j.From+uint64(len(j.Leaves)))
	}
	return b, nil
}

// send posts everything that is not sent yet, and must be taken.
func (h *hostile) send() *exchange.Bundle {
	h.t.Helper()
	b, err := h.post(h.bundle(0))
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

// genuine is the version and the list of a dispatch as an honest node makes them, with a fresh release id.
func (h *hostile) genuine() (*release.Version, *release.DispatchTerms) {
	h.t.Helper()
	c := h.w.nzl.Carrier().Routes()[0]
	reader := release.Reading{Set: c.Rules.Policies(), Originator: "JPN", Realm: realm}
	policy, ok := c.Rules.Policies().Owned("JPN")
	if !ok {
		h.t.Fatal("no policy")
	}
	reader.Policy = policy.OID()
	r := report("R01")
	parsed, findings := release.ParseReport(r.Report, reader)
	if parsed == nil {
		h.t.Fatal(findings)
	}
	sheet, err := release.ParseSheet(r.Sheet)
	if err != nil {
		h.t.Fatal(err)
	}
	plan := release.Prepare(release.Preparation{Terms: c.Rules, Report: parsed, Sheet: sheet, Findings: findings, Question: agreement.Question{From: "JPN", To: "NZL",
		Author: h.author, Reader: h.link.Peer, Means: party.MeansNetwork, At: h.w.clock.Now(), Draft: true}})
	v, _, err := release.Build(plan, release.Meta{Terms: c.Rules, Authority: h.author.Authority(), Reference: release.Reference("JPN", "NZL", 2026, 1), Time: h.w.clock.Now()}, rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	t, err := v.Terms(1)
	if err != nil {
		h.t.Fatal(err)
	}
	t.Guard, t.Decision = [48]byte{1}, [48]byte{2}
	return v, t
}

// dispatch says a dispatch of a genuine version, after edits of its version, its list and its statement.
func (h *hostile) dispatch(editVersion func(*release.Version), editTerms func(*release.DispatchTerms), edit func(*says)) *statement.Statement {
	h.t.Helper()
	v, terms := h.genuine()
	if editVersion != nil {
		editVersion(v)
	}
	raw := wire.MustMarshal(v)
	terms.Digest, terms.Size, terms.Banner, terms.Release = release.Digest(raw), uint64(len(raw)), v.Banner, v.Release
	if editTerms != nil {
		editTerms(terms)
	}
	s := says{typ: statement.Dispatch, version: release.RulesVersion, thread: statement.Thread(v.Release), raw: wire.MustMarshal(terms), narrative: raw,
		by: statement.By{Role: party.RoleReleaseOfficer, Handle: h.officer, Delegation: "hostile-release"}}
	if edit != nil {
		edit(&s)
	}
	return h.say(s)
}

// receipt says a registry receipt of a release of the victim's.
func (h *hostile) receipt(d *statement.Statement, edit func(*says, *custody.ReceiptTerms)) *statement.Statement {
	h.t.Helper()
	sent, err := custody.DecodeConsignment(d.Act.Terms)
	if err != nil {
		h.t.Fatal(err)
	}
	targets, err := h.w.nzl.Carrier().Routes()[0].Rules.Map(sent.Banner, "JPN")
	if err != nil {
		h.t.Fatal(err)
	}
	now := h.w.clock.Now().UnixMilli()
	terms := &custody.ReceiptTerms{Release: sent.Release, Dispatch: sent.Digest, Control: "JPN-EX-2026-0001", Copy: 1, Of: sent.Copies, Own: targets[0].Label, Originator: "NZL",
		Received: now, Registered: now, Intact: true}
	s := says{typ: statement.RegistryReceipt, version: release.RulesVersion, thread: d.Act.Thread, answers: []statement.Ref{{Author: d.Act.Author, ID: d.Act.ID, Leaf: d.LeafHash}},
		by: statement.By{Role: party.RoleRegistryOfficer, Handle: h.registry, Delegation: "hostile-registry"}}
	if edit != nil {
		edit(&s, terms)
	}
	s.raw = wire.MustMarshal(terms)
	return h.say(s)
}

// dispatched reads the victim's dispatch out of its answer.
func (h *hostile) dispatched(b *exchange.Bundle) *statement.Statement {
	h.t.Helper()
	for _, p := range b.Journals {
		for i, raw := range p.Leaves {
			leaf, err := statement.DecodeLeaf(raw)
			if err != nil {
				h.t.Fatal(err)
			}
			if p.Acts[i].State != exchange.Present {
				continue
			}
			act, err := statement.OpenAct(&leaf, statement.Body{Salt: [32]byte(p.Acts[i].Salt), Bytes: p.Acts[i].Bytes})
			if err != nil {
				h.t.Fatal(err)
			}
			if act.Type == statement.Dispatch {
				return &statement.Statement{Index: p.From + uint64(i), LeafHash: journal.LeafHash(raw), Act: act}
			}
		}
	}
	h.t.Fatal("the answer brings no dispatch")
	return nil
}

// noted fails unless the victim has an entry with this code.
func (h *hostile) noted(code errs.Code) {
	h.t.Helper()
	if all := h.victim.entries(h.t); all[string(code)] == 0 {
		h.t.Errorf("%s is in no national journal: %v", code, all)
	}
}
