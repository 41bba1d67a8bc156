package seal

import (
	"bytes"
	"crypto/ecdh"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"entente/errs"
	"entente/party"
	"entente/vectors"
	"entente/wire"
)

var update = flag.Bool("update", false, "write the published vectors anew instead of checking them")

// vector keeps one file of vectors/seal: v is filled from it, or by fill and written under -update.
func vector[T any](t *testing.T, name string, fill func() *T) *T {
	t.Helper()
	if *update {
		b, err := json.MarshalIndent(fill(), "", " ")
		if err == nil {
			err = os.WriteFile(filepath.Join("..", "vectors", "seal", name), append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b, err := vectors.Files.ReadFile("seal/" + name)
	if *update { // what is embedded is older
		b, err = os.ReadFile(filepath.Join("..", "vectors", "seal", name))
	}
	if err != nil {
		t.Fatal(err)
	}
	v := new(T)
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
	return v
}

func same(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s is %.80x, the vector says %.80x", what, got, want)
	}
}

type signatureVector struct {
	Seed        hexBytes `json:"seed"`
	PublicKey   hexBytes `json:"public_key"` // deterministic CBOR
	KeyID       hexBytes `json:"key_id"`
	Fingerprint hexBytes `json:"fingerprint"`
	Cases       []struct {
		Name    string    `json:"name"`
		Context string    `json:"context"`
		Message hexBytes  `json:"message"`
		Ed25519 hexBytes  `json:"ed25519"`
		MLDSA87 hexBytes  `json:"mldsa87"`
		Error   errs.Code `json:"error,omitempty"`
	} `json:"cases"`
	Signed hexBytes `json:"signed"` // the first case as a Signed, deterministic CBOR
}

func TestVectorSignature(t *testing.T) {
	v := vector(t, "signature.json", func() *signatureVector {
		k := named("vector signer")
		seed := k.Seed()
		id, fp := k.Public().ID(), k.Public().Fingerprint()
		v := &signatureVector{Seed: seed[:], PublicKey: k.Public().Encode(), KeyID: id[:], Fingerprint: fp[:]}
		msg := []byte("a message of Entente")
		good := must(k.Sign("entente/vector/1", msg))
		v.Signed = Signed{Payload: msg, Key: id, Sig: good}.Encode()
		add := func(name, context string, msg []byte, sig Signature, code errs.Code) {
			v.Cases = append(v.Cases, struct {
				Name    string    `json:"name"`
				Context string    `json:"context"`
				Message hexBytes  `json:"message"`
				Ed25519 hexBytes  `json:"ed25519"`
				MLDSA87 hexBytes  `json:"mldsa87"`
				Error   errs.Code `json:"error,omitempty"`
			}{name, context, msg, sig.Ed25519, sig.MLDSA87, code})
		}
		add("both verify", "entente/vector/1", msg, good, "")
		add("empty message", "entente/vector/1", nil, must(k.Sign("entente/vector/1", nil)), "")
		add("other context", "entente/vector/2", msg, good, "seal.signature")
		add("Ed25519 made over the bare message, as for a note", "entente/vector/1", msg,
			Signature{k.SignNoteEd25519(msg), good.MLDSA87}, "seal.signature")
		add("Ed25519 missing", "entente/vector/1", msg, Signature{nil, good.MLDSA87}, "seal.signature")
		add("ML-DSA-87 missing", "entente/vector/1", msg, Signature{good.Ed25519, nil}, "seal.signature")
		add("empty context", "", msg, good, "seal.context")
		return v
	})
	k := NewSigningKey([64]byte(v.Seed))
	id, fp := k.Public().ID(), k.Public().Fingerprint()
	same(t, "public key", k.Public().Encode(), v.PublicKey)
	same(t, "key id", id[:], v.KeyID)
	same(t, "fingerprint", fp[:], v.Fingerprint)
	for _, tc := range v.Cases {
		t.Run(tc.Name, func(t *testing.T) {
			want(t, k.Public().Verify(tc.Context, tc.Message, Signature{tc.Ed25519, tc.MLDSA87}), tc.Error)
			if tc.Error == "" { // Ed25519 is deterministic
				same(t, "Ed25519", must(k.Sign(tc.Context, tc.Message)).Ed25519, tc.Ed25519)
			}
		})
	}
	payload, err := must(DecodeSigned(v.Signed)).Open(k.Public(), v.Cases[0].Context)
	want(t, err, "")
	same(t, "payload", payload, v.Cases[0].Message)
}

type sealVector struct {
	Cases []sealCase `json:"cases"`
}

type sealCase struct {
	Suite     Suite        `json:"suite"`
	Private   hexBytes     `json:"private"`
	Public    hexBytes     `json:"public"`
	KeyID     hexBytes     `json:"key_id"`
	Label     string       `json:"label"`
	Realm     party.Realm  `json:"realm"`
	Channel   hexBytes     `json:"channel"`
	From      party.Author `json:"from"`
	To        party.Author `json:"to"`
	Epoch     uint64       `json:"epoch"`
	Extra     hexBytes     `json:"extra"`
	Info      hexBytes     `json:"info"`
	Context   string       `json:"context"` // signature context with the same label and info
	Sealed    hexBytes     `json:"sealed"`
	Plaintext hexBytes     `json:"plaintext"`
}

func TestVectorSeal(t *testing.T) {
	v := vector(t, "seal.json", func() *sealVector {
		v := &sealVector{}
		for i, suite := range suites {
			k := namedKEM(suite, "vector kem")
			id := k.ID()
			c := sealCase{Suite: suite, Private: must(k.Bytes()), Public: k.Public().Bytes, KeyID: id[:], Label: "entente/vector/1",
				Realm: exercise, Channel: channel[:], From: author, To: reader, Epoch: 7, Plaintext: []byte("plaintext of Entente")}
			if i == 0 {
				c.Extra = []byte("header")
			}
			c.Info = Info(c.Label, suite, c.Realm, channel, c.From, c.To, c.Epoch, id, c.Extra)
			c.Context, c.Sealed = Context(c.Label, c.Info), must(SealTo(k.Public(), c.Info, c.Plaintext))
			v.Cases = append(v.Cases, c)
		}
		return v
	})
	for _, tc := range v.Cases {
		t.Run(string(tc.Suite), func(t *testing.T) {
			k := must(KEMFromBytes(tc.Suite, tc.Private))
			id := k.ID()
			same(t, "public key", k.Public().Bytes, tc.Public)
			same(t, "key id", id[:], tc.KeyID)
			info := Info(tc.Label, tc.Suite, tc.Realm, [48]byte(tc.Channel), tc.From, tc.To, tc.Epoch, id, tc.Extra)
			same(t, "info", info, tc.Info)
			if got := Context(tc.Label, info); got != tc.Context {
				t.Errorf("context %q", got)
			}
			plain, err := k.Open(info, tc.Sealed)
			want(t, err, "")
			same(t, "plaintext", plain, tc.Plaintext)
		})
	}
}

type keyStatementVector struct {
	RootSeed   hexBytes `json:"root_seed"`
	Statements []struct {
		Name   string    `json:"name"`
		Signed hexBytes  `json:"signed"` // deterministic CBOR
		Digest hexBytes  `json:"digest"`
		After  int       `json:"after"` // index of the statement in force before, or -1
		Error  errs.Code `json:"error,omitempty"`
	} `json:"statements"`
}

func TestVectorKeyStatement(t *testing.T) {
	v := vector(t, "keystatement.json", func() *keyStatementVector {
		v := &keyStatementVector{}
		k := named("vector root")
		seed := k.Seed()
		v.RootSeed = seed[:]
		add := func(name string, ks *KeyStatement, after int, code errs.Code) {
			d := ks.Digest()
			v.Statements = append(v.Statements, struct {
				Name   string    `json:"name"`
				Signed hexBytes  `json:"signed"`
				Digest hexBytes  `json:"digest"`
				After  int       `json:"after"`
				Error  errs.Code `json:"error,omitempty"`
			}{name, must(SignPayload(k, KeyStatementContext, wire.MustMarshal(ks))).Encode(), d[:], after, code})
		}
		first := firstStatement("vector ")
		rotated := followed(first)
		rotated.KEM = []KEMPublic{namedKEM(Hybrid, "vector kem 3").Public()}
		rotated.Revoked = sorted([]KeyID{first.KEM[0].ID(), first.KEM[1].ID()})
		skipped := followed(rotated)
		skipped.Serial++
		back := followed(rotated)
		back.KEM, back.Revoked = first.KEM, nil
		lost := firstStatement("vector fresh ")
		lost.Serial, lost.Revoked = 9, rotated.Revoked
		kept := *lost
		kept.LinkKey = rotated.LinkKey
		add("first", first, -1, "")
		add("rotation: one new encapsulation key, the old ones revoked", rotated, 0, "")
		add("the root alone, after loss", lost, 1, "")
		add("older than the one in force", first, 1, "seal.rotation.serial")
		add("does not follow", skipped, 1, "seal.rotation.chain")
		add("a revoked key comes back", back, 1, "seal.rotation.revoked")
		add("after loss, but the link key stays", &kept, 1, "seal.rotation.reused")
		return v
	})
	rootKey := NewSigningKey([64]byte(v.RootSeed)).Public()
	for _, tc := range v.Statements {
		t.Run(tc.Name, func(t *testing.T) {
			s := must(DecodeSigned(tc.Signed))
			ks := must(OpenKeyStatement(rootKey, s))
			d := ks.Digest()
			same(t, "digest", d[:], tc.Digest)
			if tc.After >= 0 {
				have := must(OpenKeyStatement(rootKey, must(DecodeSigned(v.Statements[tc.After].Signed))))
				_, err := NextKeyStatement(rootKey, have, s)
				want(t, err, tc.Error)
			}
		})
	}
}

type linkVector struct {
	PrivateA     hexBytes     `json:"private_a"`
	PrivateB     hexBytes     `json:"private_b"`
	PublicA      hexBytes     `json:"public_a"`
	PublicB      hexBytes     `json:"public_b"`
	FingerprintA hexBytes     `json:"fingerprint_a"`
	FingerprintB hexBytes     `json:"fingerprint_b"`
	Realm        party.Realm  `json:"realm"`
	Channel      hexBytes     `json:"channel"`
	From         party.Author `json:"from"`
	To           party.Author `json:"to"`
	Secret       hexBytes     `json:"secret"`
	HMACKey      hexBytes     `json:"hmac_key"`
	LinkID       hexBytes     `json:"link_id"`
}

func TestVectorLink(t *testing.T) {
	v := vector(t, "link.json", func() *linkVector {
		a, b := namedLink("vector link a"), namedLink("vector link b")
		fa, fb := named("vector root a").Public().Fingerprint(), named("vector root b").Public().Fingerprint()
		l := must(LinkKeys(a, b.PublicKey().Bytes(), exercise, fa, fb))
		key, id := l.HMACKey(channel, author, reader), l.LinkID(channel, author, reader)
		return &linkVector{a.Bytes(), b.Bytes(), a.PublicKey().Bytes(), b.PublicKey().Bytes(), fa[:], fb[:], exercise,
			channel[:], author, reader, l.key()[:], key[:], id[:]}
	})
	for _, side := range [][2]hexBytes{{v.PrivateA, v.PublicB}, {v.PrivateB, v.PublicA}} {
		priv := must(ecdh.P384().NewPrivateKey(side[0]))
		l := must(LinkKeys(priv, side[1], v.Realm, party.Fingerprint(v.FingerprintA), party.Fingerprint(v.FingerprintB)))
		key, id := l.HMACKey([48]byte(v.Channel), v.From, v.To), l.LinkID([48]byte(v.Channel), v.From, v.To)
		same(t, "secret", l.key()[:], v.Secret)
		same(t, "HMAC key", key[:], v.HMACKey)
		same(t, "link id", id[:], v.LinkID)
	}
}

type objectVector struct {
	Key        hexBytes   `json:"key"`
	Binding    hexBytes   `json:"binding"`
	Containers []objCase  `json:"containers"`
	Trees      []treeCase `json:"trees"`
}

type objCase struct {
	Name       string    `json:"name"`
	Container  hexBytes  `json:"container"`
	Root       hexBytes  `json:"root"`
	Plaintext  hexBytes  `json:"plaintext"`
	MessageKey hexBytes  `json:"message_key,omitempty"`
	FirstKey   hexBytes  `json:"first_segment_key,omitempty"`
	SecondKey  hexBytes  `json:"key_from_segment_2_to_20,omitempty"`
	Error      errs.Code `json:"error,omitempty"`
}

// treeCase is a tree over bytes of which byte i is i mod 251.
type treeCase struct {
	Size   int64      `json:"size"`
	Leaves uint64     `json:"leaves"`
	Root   hexBytes   `json:"root"`
	Index  uint64     `json:"index"`
	Leaf   hexBytes   `json:"leaf_hash"`
	Proof  []hexBytes `json:"proof"`
}

func (f *floe) dek(pos uint64) []byte {
	return f.kdf(f.message, f.iv, f.aad, "DEK:"+string(segmentAAD(pos>>f.rotation<<f.rotation, false)[:8]), 32)
}

func TestVectorObject(t *testing.T) {
	v := vector(t, "object.json", func() *objectVector {
		v := &objectVector{Key: objectKey[:], Binding: binding}
		add := func(name string, b, plain []byte, code errs.Code) {
			o := described(b)
			c := objCase{Name: name, Container: b, Root: o.Root[:], Plaintext: plain, Error: code}
			if code == "" {
				f := must(objectParams.resume(objectKey[:], binding, b[:floeHeaderSize]))
				c.MessageKey, c.FirstKey, c.SecondKey = f.message, f.dek(0), f.dek(1<<20)
			}
			v.Containers = append(v.Containers, c)
		}
		for _, n := range []int{0, 1, 300} {
			b, _ := container(n)
			add("one segment", b, pattern(n), "")
		}
		b, _ := container(40)
		add("header tag altered", flip(b, 42), nil, "seal.object.header")
		add("segment tag altered", flip(b, len(b)-1), nil, "seal.object.segment")
		unmarked := append(append(bytes.Clone(b[:floeHeaderSize]), 0xff, 0xff, 0xff, 0xff), b[floeHeaderSize+4:]...)
		add("last segment not marked", unmarked, nil, "seal.object.segment")
		for _, c := range []struct{ size, index int }{{1, 0}, {LeafSize, 0}, {LeafSize + 1, 1}, {5*LeafSize + 17, 4}, {5*LeafSize + 17, 5}, {16 * LeafSize, 9}} {
			tree := NewTree()
			tree.Write(pattern(c.size))
			root, leaf := tree.Root(), tree.LeafHashes()[c.index]
			tc := treeCase{Size: tree.Size(), Leaves: tree.Leaves(), Root: root[:], Index: uint64(c.index), Leaf: leaf[:], Proof: []hexBytes{}}
			for _, p := range must(tree.Proof(tc.Index)) {
				tc.Proof = append(tc.Proof, p[:])
			}
			v.Trees = append(v.Trees, tc)
		}
		return v
	})
	for _, tc := range v.Containers {
		var out bytes.Buffer
		o, err := NewObject([48]byte(tc.Root), int64(len(tc.Container)))
		want(t, err, "")
		want(t, DecryptObject(&out, bytes.NewReader(tc.Container), [32]byte(v.Key), v.Binding, o), tc.Error)
		if tc.Error == "" {
			same(t, "plaintext", out.Bytes(), tc.Plaintext)
			f := must(objectParams.resume(v.Key, v.Binding, tc.Container[:floeHeaderSize]))
			same(t, "message key", f.message, tc.MessageKey)
			same(t, "first segment key", f.dek(1<<20-1), tc.FirstKey)
			same(t, "second segment key", f.dek(1<<20), tc.SecondKey)
		}
	}
	for _, tc := range v.Trees {
		b := pattern(int(tc.Size))
		tree := NewTree()
		tree.Write(b)
		root, leaf := tree.Root(), tree.LeafHashes()[tc.Index]
		same(t, "root", root[:], tc.Root)
		same(t, "leaf hash", leaf[:], tc.Leaf)
		var proof [][48]byte
		for _, p := range tc.Proof {
			proof = append(proof, [48]byte(p))
		}
		if got := must(tree.Proof(tc.Index)); !slices.Equal(got, proof) {
			t.Errorf("proof of leaf %d of %d differs", tc.Index, tc.Leaves)
		}
		want(t, VerifyLeaf([48]byte(tc.Root), tc.Leaves, tc.Size, tc.Index, split(b)[tc.Index], proof), "")
	}
}

type restVector struct {
	Passphrase string      `json:"passphrase"`
	Realm      party.Realm `json:"realm"`
	Kind       string      `json:"kind"`
	File       string      `json:"file"`
	Secrets    hexBytes    `json:"secrets"` // node secrets, deterministic CBOR: what the file holds
	ItemKey    hexBytes    `json:"item_key"`
	ItemAAD    hexBytes    `json:"item_aad"`
	ItemBox    hexBytes    `json:"item_box"`
	Item       hexBytes    `json:"item"`
}

func TestVectorAtRest(t *testing.T) {
	v := vector(t, "rest.json", func() *restVector {
		s := must(nodeSecrets().Encode())
		file := must(LockKeyFile(passphrase, 10_000, exercise, "node", s))
		return &restVector{string(passphrase), exercise, "node", string(file), s, objectKey[:], []byte("row 1"),
			SealItem(objectKey, []byte("row 1"), []byte("content")), []byte("content")}
	})
	secret, err := UnlockKeyFile([]byte(v.Passphrase), []byte(v.File), v.Realm, v.Kind)
	want(t, err, "")
	same(t, "secret", secret, v.Secrets)
	same(t, "node secrets", must(must(DecodeNodeSecrets(v.Secrets)).Encode()), v.Secrets)
	item, err := OpenItem([32]byte(v.ItemKey), v.ItemAAD, v.ItemBox)
	want(t, err, "")
	same(t, "item", item, v.Item)
}
