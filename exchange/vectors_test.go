package exchange

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"entente/errs"
	"entente/party"
	"entente/seal"
	"entente/statement"
	"entente/wire"
)

var update = flag.Bool("update", false, "write the published vectors anew; a change of existing ones is a change of the format")

const vectorDir = "../vectors/exchange"

// file is the form of every vector file.
type file[T any] struct {
	Cases []T `json:"cases"`
}

// publish writes cases if -update is given, and returns what is published.
func publish[T any](t *testing.T, name string, cases []T) []T {
	t.Helper()
	path := filepath.Join(vectorDir, name)
	if *update {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetIndent("", " ")
		e.SetEscapeHTML(false)
		if err := e.Encode(file[T]{cases}); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(vectorDir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f file[T]
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	return f.Cases
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// bundleVector is a sealed bundle with everything that opens and verifies it. Sealing and signing are randomised: a second
// implementation opens these bytes and comes to the same plain bytes and receipts.
type bundleVector struct {
	Suite         seal.Suite   `json:"suite"`
	Realm         party.Realm  `json:"realm"`
	Channel       string       `json:"channel"`
	From          party.Author `json:"from"`
	To            party.Author `json:"to"`
	Epoch         uint64       `json:"sender_epoch"`
	LinkID        string       `json:"link_id"`
	LinkKey       string       `json:"link_key"`
	KEMPrivate    string       `json:"recipient_kem_private"`
	SigningSeed   string       `json:"sender_signing_seed"`
	CosigningSeed string       `json:"sender_cosigning_seed"`
	OwnSeed       string       `json:"recipient_signing_seed"`
	Info          string       `json:"hpke_info"`
	Bundle        string       `json:"bundle"`
	Plain         string       `json:"plain"`
	Held          Ranges       `json:"newly_held"`           // entries of the sender's journal that the recipient then holds
	PeerHeld      Ranges       `json:"held_by_sender"`       // entries of the recipient's journal that the bundle receipts
	Cosigned      uint64       `json:"cosigned_by_sender"`   // size of the recipient's journal that the bundle cosigns
	OwnStatements []string     `json:"recipient_leaves"`     // the recipient's own journal, so that receipts can be checked
	Heads         int          `json:"heads_of_recipient"`   // heads of the recipient's journal that the bundle shows
	DigestThreads []string     `json:"state_digest_threads"` //
}

func makeBundleVector(t *testing.T, suite seal.Suite) bundleVector {
	ka, kb := makeKeys(t, suite, 50), makeKeys(t, suite, 60)
	la, lb := pair(suite, ka, kb)
	a, b := newNode(t, la, ka), newNode(t, lb, kb)
	a.say("EXERCISE question", Routine)
	_, raw := a.build(MaxBudget)
	b.receive(raw)
	b.say("EXERCISE answer", Flash, 70)
	b.digests[statement.Thread{7}] = [48]byte{7}
	bundle, raw := b.build(MaxBudget)
	kem, err := ka.kem.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	h := hex.EncodeToString
	s, c, o := kb.signing.Seed(), kb.cosigning.Seed(), ka.signing.Seed()
	return bundleVector{Suite: suite, Realm: lb.Realm, Channel: h(lb.Channel[:]), From: jp, To: nz, Epoch: lb.SelfEpoch, LinkID: h(lb.OutID[:]),
		LinkKey: h(lb.OutKey[:]), KEMPrivate: h(kem), SigningSeed: h(s[:]), CosigningSeed: h(c[:]), OwnSeed: h(o[:]),
		Info: h(info(lb, true, lb.SelfEpoch, lb.PeerKEM.ID(), raw)), Bundle: h(raw), Plain: h(wire.MustMarshal(bundle)), Held: Ranges{{0, 1}},
		PeerHeld: Ranges{{0, 1}}, Cosigned: 1, OwnStatements: []string{h(a.own().entries[0].leaf)}, Heads: 1, DigestThreads: []string{statement.Thread{7}.String()}}
}

func TestBundleVectors(t *testing.T) {
	var made []bundleVector
	if *update {
		made = []bundleVector{makeBundleVector(t, seal.Hybrid), makeBundleVector(t, seal.CNSA)}
	}
	vectors := publish(t, "bundles.json", made)
	if len(vectors) != 2 {
		t.Fatalf("%d vectors", len(vectors))
	}
	for _, v := range vectors {
		key := func(s string) *seal.SigningKey { return seal.NewSigningKey([64]byte(unhex(t, s))) }
		kem, err := seal.KEMFromBytes(v.Suite, unhex(t, v.KEMPrivate))
		if err != nil {
			t.Fatal(err)
		}
		sender := keys{key(v.SigningSeed), key(v.CosigningSeed), kem}
		own := keys{key(v.OwnSeed), key(v.OwnSeed), kem}
		l, _ := pair(v.Suite, own, sender)
		l.Realm, l.Channel, l.PeerEpoch = v.Realm, [48]byte(unhex(t, v.Channel)), v.Epoch
		l.InID, l.InKey = [16]byte(unhex(t, v.LinkID)), LinkKey(unhex(t, v.LinkKey))
		n := newNode(t, l, own)
		for _, leaf := range v.OwnStatements {
			n.append(kept{leaf: unhex(t, leaf)})
		}
		raw := unhex(t, v.Bundle)
		if got := info(l, false, v.Epoch, kem.ID(), raw); hex.EncodeToString(got) != v.Info {
			t.Errorf("%s: another HPKE info", v.Suite)
		}
		b, err := Unpack(l, KEMKeys{kem}, raw)
		if err != nil {
			t.Fatalf("%s: %v", v.Suite, err)
		}
		if plain, err := b.Encode(); err != nil || hex.EncodeToString(plain) != v.Plain {
			t.Errorf("%s: another plain bundle: %v", v.Suite, err)
		}
		s, err := Examine(l, b, reader{n}, start)
		if got := outcome(s, err); got != "" {
			t.Fatalf("%s: %s", v.Suite, got)
		}
		if !reflect.DeepEqual(s.Journals[0].NewlyHeld, v.Held) || !reflect.DeepEqual(s.HeldByPeer[0].Receipt.Ranges, v.PeerHeld) ||
			s.Cosigned[0].Size != v.Cosigned || s.PeerHas != v.Cosigned || len(b.Heads) != v.Heads || s.Digests[0].Thread.String() != v.DigestThreads[0] {
			t.Errorf("%s: other receipts", v.Suite)
		}
	}
}

type receiptVector struct {
	Realm         party.Realm `json:"realm"`
	Suite         seal.Suite  `json:"suite"`
	CosigningSeed string      `json:"cosigning_seed"`
	Payload       string      `json:"payload"`
	Context       string      `json:"context"`
	Signed        string      `json:"signed"`
	Ranges        Ranges      `json:"ranges"`
}

func TestReceiptVectors(t *testing.T) {
	var made []receiptVector
	if *update {
		a, _ := two(t)
		for _, r := range []Ranges{{{0, 1}}, {{0, 300}, {301, 302}, {1 << 32, 1<<32 + 5}}} {
			s, err := SignHeld(a.keys.cosigning, a.l, jp, 1, r, start)
			if err != nil {
				t.Fatal(err)
			}
			p, err := DecodeHeld(s.Payload)
			if err != nil {
				t.Fatal(err)
			}
			seed := a.keys.cosigning.Seed()
			made = append(made, receiptVector{a.l.Realm, a.l.Suite, hex.EncodeToString(seed[:]), hex.EncodeToString(s.Payload),
				heldContext(a.l.Suite, a.l.Realm, p, s.Key), hex.EncodeToString(s.Encode()), r})
		}
	}
	vectors := publish(t, "receipts.json", made)
	if len(vectors) != 2 {
		t.Fatalf("%d vectors", len(vectors))
	}
	for _, v := range vectors {
		s, err := seal.DecodeSigned(unhex(t, v.Signed))
		if err != nil {
			t.Fatal(err)
		}
		pub := seal.NewSigningKey([64]byte(unhex(t, v.CosigningSeed))).Public()
		r, err := OpenHeld(s, v.Suite, v.Realm, pub)
		if err != nil || !reflect.DeepEqual(r.Ranges, v.Ranges) || heldContext(v.Suite, v.Realm, r, pub.ID()) != v.Context || hex.EncodeToString(s.Payload) != v.Payload {
			t.Errorf("%v: %v", v.Ranges, err)
		}
	}
}

type refusedVector struct {
	Name string    `json:"name"`
	Hex  string    `json:"hex"` // a bundle before sealing, or a held receipt's payload
	Kind string    `json:"kind"`
	Code errs.Code `json:"error,omitempty"`
}

func TestRefusedVectors(t *testing.T) {
	bare := func(change func(*Bundle)) []byte {
		b := &Bundle{Version: 1, ID: [16]byte{1}, Channel: [48]byte{2}, From: jp, To: nz, Time: 1}
		change(b)
		return wire.MustMarshal(b)
	}
	part := func(change func(*JournalPart)) []byte {
		return bare(func(b *Bundle) {
			p := JournalPart{Author: jp, Epoch: 1, From: 1, Leaves: [][]byte{{0xa0}}, Acts: []Slot{{State: Later}}, Contents: []Slot{{State: Later}}, Checkpoint: []byte("note"),
				Bodies: []LateBody{{Index: 0, Content: &Slot{State: Withdrawn}}}}
			change(&p)
			b.Journals = []JournalPart{p}
		})
	}
	held := func(change func(*HeldReceipt)) []byte {
		r := &HeldReceipt{Version: 1, Channel: [48]byte{1}, Holder: nz, Author: jp, Epoch: 1, Ranges: Ranges{{0, 1}}, Time: 1}
		change(r)
		return wire.MustMarshal(r)
	}
	good := bare(func(*Bundle) {})
	var made []refusedVector
	for _, c := range []struct {
		name, kind string
		b          []byte
	}{
		{"accepted: a bundle of nothing", "bundle", good},
		{"accepted: a part with a late body", "bundle", part(func(*JournalPart) {})},
		{"accepted: a receipt", "held", held(func(*HeldReceipt) {})},
		{"nothing", "bundle", nil},
		{"one byte more", "bundle", append(bytes.Clone(good), 0)},
		{"an empty list spelled out", "bundle", append(append([]byte{good[0] + 1}, good[1:]...), 7, 0x80)},
		{"null for a list", "bundle", append(append([]byte{good[0] + 1}, good[1:]...), 7, 0xf6)},
		{"an unknown field", "bundle", append(append([]byte{good[0] + 1}, good[1:]...), 0x18, 99, 0)},
		{"another version", "bundle", bare(func(b *Bundle) { b.Version = 2 })},
		{"no id", "bundle", bare(func(b *Bundle) { b.ID = [16]byte{} })},
		{"no channel", "bundle", bare(func(b *Bundle) { b.Channel = [48]byte{} })},
		{"no sender", "bundle", bare(func(b *Bundle) { b.From = "" })},
		{"to itself", "bundle", bare(func(b *Bundle) { b.To = b.From })},
		{"no time", "bundle", bare(func(b *Bundle) { b.Time = 0 })},
		{"an act missing", "bundle", part(func(p *JournalPart) { p.Acts = nil })},
		{"an empty leaf", "bundle", part(func(p *JournalPart) { p.Leaves[0] = []byte{} })},
		{"no checkpoint", "bundle", part(func(p *JournalPart) { p.Checkpoint = []byte{} })},
		{"a slot in no known state", "bundle", part(func(p *JournalPart) { p.Acts[0].State = 5 })},
		{"a present slot without salt", "bundle", part(func(p *JournalPart) { p.Acts[0] = Slot{State: Present, Bytes: []byte{1}} })},
		{"a later slot with bytes", "bundle", part(func(p *JournalPart) { p.Acts[0].Bytes = []byte{1} })},
		{"a late body not below the leaves", "bundle", part(func(p *JournalPart) { p.Bodies[0].Index = 1 })},
		{"a late body of nothing", "bundle", part(func(p *JournalPart) { p.Bodies[0].Content = nil })},
		{"an object part beyond its object", "bundle", bare(func(b *Bundle) { b.Objects = []ObjectPart{{Root: [48]byte{1}, Size: 1, Index: 1, Data: []byte{1}}} })},
		{"a cosignature of nothing", "bundle", bare(func(b *Bundle) { b.Cosignatures = []Cosignature{{Author: nz, Epoch: 1, Lines: []byte("x")}} })},
		{"an empty head", "bundle", bare(func(b *Bundle) { b.Heads = [][]byte{{}} })},
		{"digests not sorted", "bundle", bare(func(b *Bundle) {
			b.Digests = []StateDigest{{statement.Thread{2}, [48]byte{1}}, {statement.Thread{1}, [48]byte{1}}}
		})},
		{"a want of nothing", "bundle", bare(func(b *Bundle) { b.Wants = []Want{{Root: [48]byte{1}, Missing: Ranges{{1, 1}}}} })},
		{"a receipt of another version", "held", held(func(r *HeldReceipt) { r.Version = 2 })},
		{"a receipt for oneself", "held", held(func(r *HeldReceipt) { r.Holder = jp })},
		{"a receipt of touching ranges", "held", held(func(r *HeldReceipt) { r.Ranges = Ranges{{0, 1}, {1, 2}} })},
		{"a receipt without time", "held", held(func(r *HeldReceipt) { r.Time = 0 })},
	} {
		made = append(made, refusedVector{c.name, hex.EncodeToString(c.b), c.kind, codeOf(c.kind, c.b)})
	}
	vectors := publish(t, "refused.json", made)
	if !reflect.DeepEqual(made, vectors) {
		t.Error("refused.json is not what this package computes")
	}
	for _, v := range vectors {
		if accepted := len(v.Name) > 9 && v.Name[:9] == "accepted:"; accepted != (v.Code == "") || codeOf(v.Kind, unhex(t, v.Hex)) != v.Code {
			t.Errorf("%s: %q", v.Name, v.Code)
		}
	}
}

func codeOf(kind string, b []byte) errs.Code {
	var err error
	if kind == "held" {
		_, err = DecodeHeld(b)
	} else {
		_, err = DecodeBundle(b)
	}
	return errs.CodeOf(err)
}
