package statement

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"entente/errs"
	"entente/party"
	"entente/wire"
)

var update = flag.Bool("update", false, "write the published vectors anew; a change of existing ones is a change of the format")

const vectorDir = "../vectors/statement"

// checkVectors compares what this package computes with the published file, byte by byte.
func checkVectors(t *testing.T, name string, cases any) {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]any{"cases": cases}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(vectorDir, name)
	if *update {
		if err := os.MkdirAll(vectorDir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(published, b.Bytes()) {
		t.Errorf("%s is not what this package computes", name)
	}
}

func place3(a party.Author, epoch, n uint64) string { return fmt.Sprintf("%s/%d/%d", a, epoch, n) }

type statementVector struct {
	Name        string `json:"name"`
	Act         string `json:"act"`
	ActSalt     string `json:"act_salt"`
	Content     string `json:"content"`
	ContentSalt string `json:"content_salt"`
	Leaf        string `json:"leaf"`
	LeafHash    string `json:"leaf_hash"`
	ProofDigest string `json:"proof_digest"`
}

func nodeAct(name TypeName, terms Terms) *Act {
	b, err := EncodeTerms(terms)
	if err != nil {
		panic(err)
	}
	return &Act{Version: 1, ID: filled[ID](0x11), Channel: filled[[48]byte](0x22), Author: jp, Type: name, Thread: filled[Thread](0x33), Time: 1,
		By: By{Authority: "JPN/jmod", Role: party.RoleNode, Proof: Proof{Kind: ProofNode}}, Rules: Rules{Version: "channel/1"}, Terms: b}
}

func TestStatementVectors(t *testing.T) {
	bare := sampleAct()
	bare.Answers, bare.Seen, bare.Terms, bare.By.Delegation, bare.By.Proof = nil, nil, nil, "", Proof{Kind: ProofNode}
	bare.Type = "un.known/77"
	var out []statementVector
	for _, c := range []struct {
		name    string
		act     *Act
		content *Content
	}{
		{"every field set", sampleAct(), sampleContent()},
		{"every optional field left out, type unknown", bare, &Content{Version: 1}},
		{"genesis", nodeAct(Genesis, &GenesisTerms{Agreement: filled[[48]byte](1), Realm: "exercise:whio", Readers: []party.Author{jp, nz}, Epoch: 0,
			KeyStatement: []byte{0xa0}}), &Content{Version: 1}},
		{"keys", nodeAct(Keys, &KeyTerms{Statement: []byte{0xa0}}), &Content{Version: 1}},
		{"delegation", nodeAct(Delegated, &DelegationTerms{party.Delegation{ID: "jmod-1", Authority: "JPN/jmod", Office: "文書管理者", Holder: filled[party.Handle](1),
			Role: party.RoleRegistryOfficer, Ceiling: "jpn.gokuhi", From: 1, Until: 2, Instrument: "EXERCISE letter"}}), &Content{Version: 1}},
		{"anchor", nodeAct(Anchor, &AnchorTerms{Heads: []AnchorHead{{Origin: "entente/exercise:whio/00/JPN/jmod/node-1/0", Size: 3, Root: filled[[32]byte](1)}}}),
			&Content{Version: 1}},
		{"entry of a national journal", nodeAct(National("view"), &NationalTerms{Event: "view", Subject: "JPN-EX-2026-0001", Outcome: OutcomeDeny,
			Code: "custody.clearance", Rule: "access 3", Article: "EXERCISE Art. 6"}), &Content{Version: 1}},
	} {
		leaf, act, content, err := Make(c.act, c.content, filled[[32]byte](0xa1), filled[[32]byte](0xc1))
		if err != nil {
			t.Fatal(c.name, err)
		}
		proof, err := c.act.ProofDigest(Commit(ContentCommit, content.Salt, content.Bytes))
		if err != nil {
			t.Fatal(err)
		}
		h := hex.EncodeToString
		hash := leafHash(leaf)
		out = append(out, statementVector{c.name, h(act.Bytes), h(act.Salt[:]), h(content.Bytes), h(content.Salt[:]), h(leaf), h(hash[:]), h(proof[:])})
	}
	checkVectors(t, "statements.json", out)
}

type refusedVector struct {
	Name string    `json:"name"`
	Kind string    `json:"kind"` // act, content or leaf
	Hex  string    `json:"hex"`
	Code errs.Code `json:"error"`
}

func TestRefusedVectors(t *testing.T) {
	decode := map[string]func([]byte) error{
		"act":     func(b []byte) error { _, err := DecodeAct(b); return err },
		"content": func(b []byte) error { _, err := DecodeContent(b); return err },
		"leaf":    func(b []byte) error { _, err := DecodeLeaf(b); return err },
	}
	act, content := wire.MustMarshal(sampleAct()), wire.MustMarshal(sampleContent())
	leaf, _, _, err := Make(sampleAct(), sampleContent(), filled[[32]byte](1), filled[[32]byte](2))
	if err != nil {
		t.Fatal(err)
	}
	changed := func(do func(*Act)) []byte { a := sampleAct(); do(a); return wire.MustMarshal(a) }
	var out []refusedVector
	for _, c := range []struct {
		name, kind string
		b          []byte
	}{
		{"act: nothing", "act", nil},
		{"act: one byte short", "act", act[:len(act)-1]},
		{"act: one byte more", "act", append(bytes.Clone(act), 0)},
		{"act: version in two bytes", "act", append([]byte{act[0], 1, 0x18}, act[2:]...)},
		{"act: another version", "act", append([]byte{act[0], 1, 2}, act[3:]...)},
		{"act: null for terms left out", "act", append(bytes.Replace(changed(func(a *Act) { a.Terms = nil }), []byte{0xac}, []byte{0xad}, 1), 13, 0xf6)},
		{"act: seen not sorted", "act", changed(func(a *Act) { a.Seen[0], a.Seen[1] = a.Seen[1], a.Seen[0] })},
		{"act: seen names its own author", "act", changed(func(a *Act) { a.Seen[1].Author = nz })},
		{"act: an answer twice", "act", changed(func(a *Act) { a.Answers = append(a.Answers, a.Answers[0]) })},
		{"act: time zero", "act", changed(func(a *Act) { a.Time = 0 })},
		{"act: type without version", "act", changed(func(a *Act) { a.Type = "release.dispatch" })},
		{"act: a person of another party", "act", changed(func(a *Act) { a.By.Authority = "JPN/jmod" })},
		{"act: unknown proof", "act", changed(func(a *Act) { a.By.Proof.Kind = "none" })},
		{"content: a tag", "content", append([]byte{0xc1}, content...)},
		{"content: unknown field", "content", []byte{0xa2, 1, 1, 4, 0}},
		{"content: floating version", "content", []byte{0xa1, 1, 0xf9, 0x3c, 0}},
		{"content: indefinite length", "content", []byte{0xbf, 1, 1, 0xff}},
		{"leaf: no commitments", "leaf", []byte{0xa1, 1, 1}},
		{"leaf: one commitment twice", "leaf", wire.MustMarshal(&Leaf{Version: 1, Act: filled[[48]byte](1), Content: filled[[48]byte](1)})},
		{"leaf: an act", "leaf", act},
		{"leaf: larger than the cap", "leaf", append(leaf, make([]byte, MaxLeaf)...)},
	} {
		code := errs.CodeOf(decode[c.kind](c.b))
		if !strings.HasPrefix(string(code), "statement."+c.kind+".") {
			t.Errorf("%s: code %q", c.name, code)
		}
		out = append(out, refusedVector{c.name, c.kind, hex.EncodeToString(c.b), code})
	}
	checkVectors(t, "refused.json", out)
}

type orderVector struct {
	Name       string           `json:"name"`
	Statements []orderStatement `json:"statements"`
	Ordered    []string         `json:"ordered"` // leaf hashes
	Pending    []string         `json:"pending"`
	Violations []string         `json:"violations"` // "code author/epoch/index"
}

type orderStatement struct {
	Author  party.Author `json:"author"`
	Epoch   uint64       `json:"epoch"`
	Index   uint64       `json:"index"`
	Leaf    string       `json:"leaf_hash"`
	ID      string       `json:"id"`
	Seen    []string     `json:"seen"`    // "author/epoch/size"
	Answers []string     `json:"answers"` // leaf hashes
}

func TestOrderVectors(t *testing.T) {
	lists := func(stmts []*Statement) []string {
		out := []string{}
		for _, s := range stmts {
			out = append(out, hex.EncodeToString(s.LeafHash[:]))
		}
		return out
	}
	var out []orderVector
	for _, c := range []struct {
		name  string
		build func(w *world) []*Statement
	}{
		{"two authors, a question and its answers", func(w *world) []*Statement {
			q := w.say(nz, nil)
			w.say(nz, nil)
			a := w.say(jp, map[party.Author]uint64{nz: 1}, q)
			w.say(jp, nil)
			w.say(nz, map[party.Author]uint64{jp: 1}, a, q)
			return w.all()
		}},
		{"the question is not held", func(w *world) []*Statement {
			q := w.say(nz, nil)
			a := w.say(jp, map[party.Author]uint64{nz: 1}, q)
			w.say(jp, nil)
			w.say(nz, map[party.Author]uint64{jp: 1}, a)
			return w.all()[1:]
		}},
		{"each claims to have seen the other", func(w *world) []*Statement {
			w.say(nz, map[party.Author]uint64{jp: 1})
			w.say(jp, map[party.Author]uint64{nz: 1})
			w.say(jp, nil)
			return w.all()
		}},
		{"an answer to what was not seen, and an id used twice", func(w *world) []*Statement {
			q := w.say(nz, nil)
			w.say(jp, nil, q)
			w.say(jp, nil).Act.ID = w.said[jp][0].Act.ID
			return w.all()
		}},
	} {
		w := newWorld(nz, jp)
		all := c.build(w)
		ordered, pending, bad := Order(all)
		v := orderVector{Name: c.name, Ordered: lists(ordered), Pending: lists(pending), Violations: []string{}}
		for _, x := range bad {
			v.Violations = append(v.Violations, string(x.Code)+" "+place3(x.Author, x.Epoch, x.Index))
		}
		for _, s := range all {
			o := orderStatement{Author: s.Act.Author, Epoch: s.Act.Epoch, Index: s.Index, Leaf: hex.EncodeToString(s.LeafHash[:]), ID: s.Act.ID.String(), Seen: []string{}, Answers: []string{}}
			for _, x := range s.Act.Seen {
				o.Seen = append(o.Seen, place3(x.Author, x.Epoch, x.Size))
			}
			for _, r := range s.Act.Answers {
				o.Answers = append(o.Answers, hex.EncodeToString(r.Leaf[:]))
			}
			v.Statements = append(v.Statements, o)
		}
		out = append(out, v)
	}
	checkVectors(t, "order.json", out)
}

type channelVector struct {
	Agreement string         `json:"agreement"`
	Readers   []party.Author `json:"readers"`
	Digest    string         `json:"digest"`
}

func TestChannelVectors(t *testing.T) {
	var out []channelVector
	for i, readers := range [][]party.Author{{jp, nz}, {nz, jp}, {au, jp, nz}} {
		agreement := filled[[48]byte](byte(i / 2))
		d := ChannelDigest(agreement, readers)
		out = append(out, channelVector{hex.EncodeToString(agreement[:]), readers, hex.EncodeToString(d[:])})
	}
	checkVectors(t, "channels.json", out)
}
