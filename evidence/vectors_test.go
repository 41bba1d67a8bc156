package evidence

import (
	"bytes"
	"crypto/ecdh"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/exchange"
	"entente/journal"
	"entente/party"
	"entente/seal"
	"entente/statement"
	"entente/wire"
)

var update = flag.Bool("update", false, "write the published vectors anew; a change of existing ones is a change of the format")

const vectorFile = "../vectors/evidence/evidence.json"

// evidenceVectors is the published file: one good piece of evidence, what it says, and edits of its bytes that must be refused.
// Signatures are randomised, so the bytes are an input: a second implementation verifies them and comes to the same.
type evidenceVectors struct {
	File      string           `json:"file"`
	Agreement string           `json:"agreement_digest"`
	Channel   string           `json:"channel"`
	Realm     party.Realm      `json:"realm"`
	Suite     seal.Suite       `json:"suite"`
	Roots     []vectorRoot     `json:"roots"`
	Items     []vectorItem     `json:"items"`
	Edits     []vectorEdit     `json:"edits"`     // each made alone; code is that of the first finding that fails
	Malformed []vectorOversize `json:"malformed"` // not read at all
}

type vectorRoot struct {
	Party       party.Party  `json:"party"`
	Author      party.Author `json:"author"`
	Fingerprint string       `json:"fingerprint"`
}

type vectorItem struct {
	Origin     string             `json:"origin"`
	Index      int64              `json:"index"`
	Size       int64              `json:"size"`
	Root       string             `json:"root"`
	CosignedBy party.Author       `json:"cosigned_by"`
	CosignedAt int64              `json:"cosigned_at"`
	Held       bool               `json:"held"`
	Type       statement.TypeName `json:"type,omitempty"`
	Content    string             `json:"content,omitempty"`
}

type vectorEdit struct {
	Name string    `json:"name"`
	At   int       `json:"at"` // offset in bytes
	Was  string    `json:"was"`
	Is   string    `json:"is"`
	Code errs.Code `json:"error"`
}

type vectorOversize struct {
	Name   string    `json:"name"`
	Append string    `json:"append,omitempty"` // to the good bytes
	Cut    int       `json:"cut,omitempty"`    // so many bytes from their end
	Code   errs.Code `json:"error"`
}

// verifyRoot is what every verifier of evidence does with a signature of an agreement.
func verifyRoot(fingerprint party.Fingerprint, rootKey []byte, context string, msg, sig []byte) error {
	root, err := seal.DecodePublicKey(rootKey)
	if err != nil {
		return err
	}
	if root.Fingerprint() != fingerprint {
		return bad("evidence.root", "another root than the text names")
	}
	var s seal.Signature
	if err := wire.Unmarshal(sig, 8<<10, &s); err != nil {
		return err
	}
	return root.Verify(context, msg, s)
}

func TestEvidenceVectors(t *testing.T) {
	if *update {
		b, err := json.MarshalIndent(makeVectors(t), "", " ")
		if err == nil {
			err = os.MkdirAll(filepath.Dir(vectorFile), 0o755)
		}
		if err == nil {
			err = os.WriteFile(vectorFile, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var v evidenceVectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	good, err := hex.DecodeString(v.File)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Decode(good)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := f.Encode(); err != nil || !bytes.Equal(again, good) {
		t.Errorf("encoded again it is another file: %v", err)
	}
	if r := f.Verify(verifyRoot); !r.OK {
		t.Errorf("the good file: %+v", r.Lines)
	}
	if got := describe(t, f); got != render(t, &v) {
		t.Errorf("it says\n%s\nand the vector says\n%s", got, render(t, &v))
	}
	for _, e := range v.Edits {
		was, is := unhex(t, e.Was), unhex(t, e.Is)
		if !bytes.Equal(good[e.At:e.At+len(was)], was) || len(is) != len(was) {
			t.Errorf("%s: the edit does not fit", e.Name)
			continue
		}
		edited := bytes.Clone(good)
		copy(edited[e.At:], is)
		if got := firstCode(edited); got != e.Code {
			t.Errorf("%s: %q, want %q", e.Name, got, e.Code)
		}
	}
	for _, m := range v.Malformed {
		raw := append(bytes.Clone(good[:len(good)-m.Cut]), unhex(t, m.Append)...)
		if _, err := Decode(raw); errs.CodeOf(err) != m.Code {
			t.Errorf("%s: %v, want %s", m.Name, err, m.Code)
		}
	}
}

// firstCode is the code of the first finding that fails, or of the refusal to read.
func firstCode(raw []byte) errs.Code {
	f, err := Decode(raw)
	if err != nil {
		return errs.CodeOf(err)
	}
	for _, l := range f.Verify(verifyRoot).Lines {
		if !l.OK {
			return errs.Code(l.Code)
		}
	}
	return ""
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// describe says what a file shows, in the words of the vectors.
func describe(t *testing.T, f *File) string {
	t.Helper()
	pkg, err := agreement.DecodePackage(f.Agreement)
	if err != nil {
		t.Fatal(err)
	}
	a, err := pkg.Agreement()
	if err != nil {
		t.Fatal(err)
	}
	v := &evidenceVectors{Agreement: hexOf(a.Digest()), Channel: hexOf(f.Channel), Realm: f.Realm, Suite: seal.Suite(a.Suite())}
	for _, k := range f.Keys {
		ks, err := seal.OpenKeyStatement(k.Root, k.Statement)
		if err != nil {
			t.Fatal(err)
		}
		v.Roots = append(v.Roots, vectorRoot{ks.Author.Party(), ks.Author, k.Root.Fingerprint().String()})
	}
	for i, it := range f.Items {
		p, err := journal.ParseProof(it.Proof)
		if err != nil {
			t.Fatal(err)
		}
		author, reader := f.Keys[i%2], f.Keys[1-i%2]
		ak, err := seal.OpenKeyStatement(author.Root, author.Statement)
		if err != nil {
			t.Fatal(err)
		}
		rk, err := seal.OpenKeyStatement(reader.Root, reader.Statement)
		if err != nil {
			t.Fatal(err)
		}
		origin, err := journal.ParseOrigin(it.Origin)
		if err != nil {
			t.Fatal(err)
		}
		proven, err := p.Verify(journal.LeafHash(it.Leaf), origin, ak.Signing, v.Suite, journal.Witness{Name: journal.WitnessName(rk.Author), Key: rk.Cosigning})
		if err != nil {
			t.Fatal(err)
		}
		item := vectorItem{Origin: it.Origin, Index: p.Index, Size: proven.Checkpoint.Size, Root: hexOf([32]byte(proven.Checkpoint.Root)),
			CosignedBy: rk.Author, CosignedAt: proven.Cosigned[0].UnixMilli(), Held: len(it.Held) > 0}
		leaf, err := statement.DecodeLeaf(it.Leaf)
		if err != nil {
			t.Fatal(err)
		}
		if it.Act != nil {
			act, err := statement.OpenAct(&leaf, statement.Body{Salt: it.Act.Salt, Bytes: it.Act.Bytes})
			if err != nil {
				t.Fatal(err)
			}
			item.Type = act.Type
		}
		if it.Content != nil {
			c, err := statement.OpenContent(&leaf, statement.Body{Salt: it.Content.Salt, Bytes: it.Content.Bytes})
			if err != nil {
				t.Fatal(err)
			}
			item.Content = string(c.Narrative)
		}
		v.Items = append(v.Items, item)
	}
	return render(t, v)
}

func render(t *testing.T, v *evidenceVectors) string {
	t.Helper()
	w := *v
	w.File, w.Edits, w.Malformed = "", nil, nil
	b, err := json.MarshalIndent(&w, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// vectorSide is one party with keys made from its name.
type vectorSide struct {
	author             party.Author
	root, sign, cosign *seal.SigningKey
	keys               Keys
}

func makeSide(t *testing.T, author party.Author, realm party.Realm) *vectorSide {
	t.Helper()
	named := func(what string) [64]byte { return sha512.Sum512([]byte("vector " + what + " of " + string(author))) }
	s := &vectorSide{author: author, root: seal.NewSigningKey(named("root")), sign: seal.NewSigningKey(named("signing")), cosign: seal.NewSigningKey(named("cosigning"))}
	kemSeed, linkSeed := named("kem"), named("link")
	kem, err := seal.KEMFromBytes(seal.Hybrid, kemSeed[:32])
	if err != nil {
		t.Fatal(err)
	}
	linkSeed[0] = 0 // below the order of P-384
	link, err := ecdh.P384().NewPrivateKey(linkSeed[:48])
	if err != nil {
		t.Fatal(err)
	}
	ks := &seal.KeyStatement{Version: 1, Realm: realm, Author: author, Serial: 1, From: 1767225600000, Until: 1830297600000, Suite: seal.Hybrid,
		Signing: s.sign.Public(), Cosigning: s.cosign.Public(), KEM: []seal.KEMPublic{kem.Public()}, TLS: sha512.Sum384([]byte("vector tls of " + author)), LinkKey: link.PublicKey().Bytes()}
	signed, err := seal.SignKeyStatement(s.root, ks)
	if err != nil {
		t.Fatal(err)
	}
	s.keys = Keys{Root: s.root.Public(), Statement: signed}
	return s
}

// makePackage is an agreement of the parties of some authors, signed by each party's root, the first of its authors'.
func makePackage(t *testing.T, named []*vectorSide) *agreement.Package {
	t.Helper()
	text := `format = "entente-agreement/1"
id = "exercise-vector"
realm = "exercise:vector"
version = 1
suite = "hybrid"
[title]
en = "EXERCISE agreement of the test vectors"
ja = "演習用協定(試験ベクタ)"
`
	roots := map[party.Party]*vectorSide{}
	for _, s := range named {
		if p := s.author.Party(); roots[p] == nil {
			roots[p] = s
			text += fmt.Sprintf("[[party]]\nid = \"%s\"\nroot = \"%s\"\n", p, s.root.Public().Fingerprint())
		}
	}
	for _, s := range named {
		text += fmt.Sprintf("[[author]]\nid = \"%s\"\nfrom = \"2026-01-01T00:00:00Z\"\nuntil = \"2028-01-01T00:00:00Z\"\n", s.author)
	}
	pkg := &agreement.Package{Text: []byte(text)}
	a, err := pkg.Agreement()
	if err != nil {
		t.Fatal(err)
	}
	for p, s := range roots {
		sig, err := s.root.Sign(a.SigningContext(), pkg.Text)
		if err != nil {
			t.Fatal(err)
		}
		pkg.Add(agreement.PartySignature{Party: p, Root: s.root.Public().Encode(), Sig: wire.MustMarshal(&sig)})
	}
	return pkg
}

const vectorRealm party.Realm = "exercise:vector"

// makeFile makes evidence of one statement of each of the readers of a channel, cosigned by all others; the first with content and a
// held receipt of the reader behind it.
func makeFile(t *testing.T, pkg *agreement.Package, readers []*vectorSide) *File {
	t.Helper()
	a, err := pkg.Agreement()
	if err != nil {
		t.Fatal(err)
	}
	f := &File{Version: 1, Realm: vectorRealm}
	var authors []party.Author
	for _, s := range readers {
		authors, f.Keys = append(authors, s.author), append(f.Keys, s.keys)
	}
	f.Channel = statement.ChannelDigest(a.Digest(), authors)
	if f.Agreement, err = pkg.Encode(); err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1795500000000)
	for i, s := range readers {
		origin := journal.Origin{Realm: vectorRealm, Channel: f.Channel, Author: s.author, Epoch: 1}
		tree, err := journal.OpenTree(0, nil)
		if err != nil {
			t.Fatal(err)
		}
		tree.Append(journal.LeafHash([]byte("a leaf of which this evidence shows nothing")))
		act := &statement.Act{Version: 1, ID: statement.ID{byte(i + 1)}, Channel: f.Channel, Author: s.author, Epoch: 1, Type: statement.Anchor, Thread: statement.Thread{byte(i + 1)},
			Time: at.UnixMilli(), By: statement.By{Authority: s.author.Authority(), Role: party.RoleNode, Proof: statement.Proof{Kind: statement.ProofNode}},
			Rules: statement.Rules{Terms: a.Digest(), Version: "channel/1"}}
		if act.Terms, err = statement.EncodeTerms(&statement.AnchorTerms{Heads: []statement.AnchorHead{{Origin: origin.String(), Size: 1, Root: [32]byte{1}}}}); err != nil {
			t.Fatal(err)
		}
		leaf, actBody, contentBody, err := statement.Make(act, &statement.Content{Version: 1, Narrative: []byte("EXERCISE narrative of a test vector")}, [32]byte{1, byte(i)}, [32]byte{2, byte(i)})
		if err != nil {
			t.Fatal(err)
		}
		tree.Append(journal.LeafHash(leaf))
		cp := journal.Checkpoint{Origin: origin, Size: tree.Size(), Root: tree.Root()}
		note, err := journal.Sign(s.sign, seal.Hybrid, cp)
		if err != nil {
			t.Fatal(err)
		}
		var lines []byte
		for _, r := range readers {
			if r == s {
				continue
			}
			pair, err := journal.Cosign(r.cosign, journal.WitnessName(r.author), seal.Hybrid, cp, note, at.Add(time.Minute))
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, pair...)
		}
		path, err := tree.ProveInclusion(1, 2)
		if err != nil {
			t.Fatal(err)
		}
		item := Item{Origin: origin.String(), Leaf: leaf, Act: &Opened{Salt: actBody.Salt, Bytes: actBody.Bytes}}
		if item.Proof, err = (&journal.Proof{Index: 1, Path: path, Checkpoint: note, Cosignatures: lines}).Encode(); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			item.Content = &Opened{Salt: contentBody.Salt, Bytes: contentBody.Bytes}
			if len(readers) > 1 {
				item.Held = []seal.Signed{makeHeld(t, f, readers[1], readers[1], s.author, 2)}
			}
		}
		f.Items = append(f.Items, item)
	}
	return f
}

// makeHeld is a held receipt for the first size statements, in the name of holder, signed by signer.
func makeHeld(t *testing.T, f *File, signer, holder *vectorSide, author party.Author, size uint64) seal.Signed {
	t.Helper()
	held, err := exchange.SignHeld(signer.cosign, &exchange.Link{Realm: vectorRealm, Channel: f.Channel, Suite: seal.Hybrid, Self: holder.author}, author, 1, exchange.Ranges{{0, size}},
		time.UnixMilli(1795500060000))
	if err != nil {
		t.Fatal(err)
	}
	return held
}

// makeVectors makes the file: two parties, one statement of each, the first with content, the second with its act alone.
func makeVectors(t *testing.T) *evidenceVectors {
	jp, nz := makeSide(t, "JPN/jmod/node-1", vectorRealm), makeSide(t, "NZL/nzdf/node-1", vectorRealm)
	pkg := makePackage(t, []*vectorSide{jp, nz})
	f := makeFile(t, pkg, []*vectorSide{jp, nz})
	raw, err := f.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var v evidenceVectors
	if err := json.Unmarshal([]byte(describe(t, f)), &v); err != nil {
		t.Fatal(err)
	}
	v.File = hex.EncodeToString(raw)
	// edit replaces b, found behind an anchor, by one bit less of it.
	edit := func(name string, anchor, b, is []byte) {
		from := bytes.Index(raw, anchor)
		at := bytes.Index(raw[max(from, 0):], b)
		if from < 0 || at < 0 {
			t.Fatalf("%s: not found", name)
		}
		if is == nil {
			is = bytes.Clone(b)
			is[len(is)-1] ^= 1
		}
		e := vectorEdit{Name: name, At: from + at, Was: hex.EncodeToString(b), Is: hex.EncodeToString(is)}
		edited := bytes.Clone(raw)
		copy(edited[e.At:], is)
		if e.Code = firstCode(edited); e.Code == "" {
			t.Fatalf("%s: nothing noticed", name)
		}
		v.Edits = append(v.Edits, e)
	}
	first, second := &f.Items[0], &f.Items[1]
	edit("another version", []byte{0xa6, 0x01}, []byte{0x01, 0x01}, []byte{0x01, 0x02})
	edit("another realm", []byte{0xa6}, []byte("exercise:vector"), []byte("exercise:vectos"))
	edit("another channel", []byte{0x03, 0x58, 0x30}, f.Channel[:], nil)
	edit("another word in the agreement", []byte("[title]"), []byte("EXERCISE agreement"), []byte("EXERCISE Agreement"))
	edit("a signature of the agreement", pkg.Signatures[1].Sig[:64], pkg.Signatures[1].Sig[3:67], nil)
	edit("another suite in the agreement", []byte(`version = 1`), []byte(`suite = "hybrid"`), []byte(`suite = "hybrix"`))
	edit("another root", nz.keys.Root.Ed25519, nz.keys.Root.Ed25519, nil)
	edit("key statement altered", nz.keys.Statement.Payload, nz.keys.Statement.Payload[40:60], nil)
	edit("a statement of another author", []byte(first.Origin), []byte("JPN/jmod/node-1"), []byte("JPN/jmod/node-2"))
	edit("leaf altered", first.Leaf, first.Leaf, nil)
	edit("index altered", first.Proof[:40], []byte("index 1"), []byte("index 0"))
	edit("checkpoint line altered", first.Proof[:40], []byte("— "+first.Origin+" "), []byte("— "+first.Origin[:len(first.Origin)-1]+"2 "))
	edit("cosignature of another name", first.Proof[:40], []byte("— entente-witness/NZL/nzdf/node-1"), []byte("— entente-witness/NZL/nzdf/node-2"))
	edit("held receipt altered", first.Held[0].Payload, first.Held[0].Payload, nil)
	edit("act altered", first.Act.Bytes, first.Act.Bytes[len(first.Act.Bytes)-20:], nil)
	edit("salt of the content altered", first.Content.Salt[:], first.Content.Salt[:], nil)
	edit("content altered", first.Content.Bytes, []byte("narrative"), []byte("Narrative"))
	edit("act of another statement", second.Act.Salt[:], second.Act.Salt[:], first.Act.Salt[:])
	for _, m := range []vectorOversize{{Name: "a byte more", Append: "00"}, {Name: "a byte less", Cut: 1}, {Name: "nothing", Cut: len(raw)}} {
		_, err := Decode(append(bytes.Clone(raw[:len(raw)-m.Cut]), unhex(t, m.Append)...))
		if m.Code = errs.CodeOf(err); m.Code == "" {
			t.Fatalf("%s: nothing noticed", m.Name)
		}
		v.Malformed = append(v.Malformed, m)
	}
	return &v
}
