package journal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"entente/errs"
	"entente/party"
	"entente/seal"
)

var update = flag.Bool("update", false, "write the published vectors anew; a change of existing ones is a change of the format")

const vectorDir = "../vectors/journal"

// vectors reads a published file into v, lets compute set in v everything that follows from the rest, and compares
// byte by byte. Signatures are hedged, so they are inputs: compute makes them only when told to.
func vectors[V any](t *testing.T, name string, compute func(v *V, sign bool)) {
	t.Helper()
	path := filepath.Join(vectorDir, name)
	published, err := os.ReadFile(path)
	if err != nil && !*update {
		t.Fatal(err)
	}
	var v V
	if err == nil {
		if err := json.Unmarshal(published, &v); err != nil {
			t.Fatal(err)
		}
	}
	compute(&v, err != nil)
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if !bytes.Equal(published, b.Bytes()) {
		t.Errorf("%s is not what this package computes", name)
	}
}

func TestOriginVectors(t *testing.T) {
	type good struct {
		Realm   string `json:"realm"`
		Channel string `json:"channel"`
		Author  string `json:"author"`
		Epoch   uint64 `json:"epoch"`
		Line    string `json:"line"`
		Witness string `json:"witness_name"`
	}
	type file struct {
		Valid   []good   `json:"valid"`
		Refused []string `json:"refused"`
	}
	line := testOrigin().String()
	vectors(t, "origins.json", func(v *file, _ bool) {
		*v = file{Refused: []string{"", "entente", strings.TrimSuffix(line, "/1"), strings.TrimSuffix(line, "1") + "01", line + "/", line + " ",
			strings.Replace(line, "0a0b", "0A0B", 1), strings.Replace(line, "0a0b", "0a", 1), strings.Replace(line, "NZL", "nzl", 1),
			strings.Replace(line, "exercise:", "", 1), strings.Replace(line, "/1", "/18446744073709551616", 1)}}
		for _, o := range []Origin{testOrigin(), {Realm: "live", Author: "JPN/mod/node-1"}, {Realm: "exercise:a", Author: "NATO/shape/n", Epoch: 1<<64 - 1}} {
			v.Valid = append(v.Valid, good{string(o.Realm), hex.EncodeToString(o.Channel[:]), string(o.Author), o.Epoch, o.String(), WitnessName(o.Author)})
		}
		for _, g := range v.Valid {
			if o, err := ParseOrigin(g.Line); err != nil || o.Author != party.Author(g.Author) || o.Epoch != g.Epoch {
				t.Errorf("%s: %v", g.Line, err)
			}
		}
		for _, s := range v.Refused {
			if _, err := ParseOrigin(s); err == nil {
				t.Errorf("%q was read", s)
			}
		}
	})
}

func hexes(hs []Hash) []string {
	out := make([]string, len(hs))
	for i, h := range hs {
		out[i] = h.String()
	}
	return out
}

func TestTreeVectors(t *testing.T) {
	type root struct {
		Size int64  `json:"size"`
		Root string `json:"root"`
	}
	type inclusion struct {
		Index int64    `json:"index"`
		Size  int64    `json:"size"`
		Leaf  string   `json:"leaf_hash"`
		Path  []string `json:"path"`
	}
	type consistency struct {
		Old  int64    `json:"old"`
		Size int64    `json:"size"`
		Path []string `json:"path"`
	}
	type file struct {
		Entries     string        `json:"entries"`
		Roots       []root        `json:"roots"`
		Inclusion   []inclusion   `json:"inclusion"`
		Consistency []consistency `json:"consistency"`
		Tiles       []string      `json:"tiles_at_70000_from_273"`
	}
	tree, _, _ := newTree(t, 70000)
	vectors(t, "tree.json", func(v *file, _ bool) {
		*v = file{Entries: "entry i is the ASCII text \"entry \" and i in decimal, i from 0"}
		for _, n := range []int64{0, 1, 2, 3, 4, 7, 8, 255, 256, 257, 300, 65535, 65536, 65537, 70000} {
			h, err := tree.RootAt(n)
			if err != nil {
				t.Fatal(err)
			}
			v.Roots = append(v.Roots, root{n, h.String()})
		}
		for _, x := range [][2]int64{{0, 1}, {0, 2}, {1, 3}, {2, 3}, {6, 7}, {123, 300}, {256, 257}, {65536, 70000}} {
			p, err := tree.ProveInclusion(x[0], x[1])
			if err != nil {
				t.Fatal(err)
			}
			v.Inclusion = append(v.Inclusion, inclusion{x[0], x[1], LeafHash(leaf(x[0])).String(), hexes(p)})
		}
		for _, x := range [][2]int64{{0, 7}, {7, 7}, {1, 2}, {3, 7}, {4, 8}, {6, 8}, {256, 300}, {255, 65537}, {65537, 70000}} {
			p, err := tree.ProveConsistency(x[0], x[1])
			if err != nil {
				t.Fatal(err)
			}
			v.Consistency = append(v.Consistency, consistency{x[0], x[1], hexes(p)})
		}
		i := 0
		for r := range TilesAt(70000) {
			if i++; i > 273 {
				v.Tiles = append(v.Tiles, r.Path())
			}
		}
	})
}

// edit makes a bad value from a good one: the lines with these numbers, in this order, then one replacement.
type edit struct {
	Name    string `json:"name"`
	Lines   []int  `json:"lines"`
	Find    string `json:"find,omitempty"`
	Replace string `json:"replace,omitempty"`
	Code    string `json:"code"`
}

func (e edit) apply(good string) []byte {
	l, out := strings.SplitAfter(good, "\n"), ""
	for _, i := range e.Lines {
		out += l[i]
	}
	return []byte(strings.Replace(out, e.Find, e.Replace, 1))
}

type keyVector struct {
	Ed25519 string `json:"ed25519"`
	MLDSA87 string `json:"ml_dsa_87"`
	ID      string `json:"id"`
}

func publicVector(k *seal.SigningKey) keyVector {
	p := k.Public()
	id := p.ID()
	return keyVector{hex.EncodeToString(p.Ed25519), hex.EncodeToString(p.MLDSA87), hex.EncodeToString(id[:])}
}

func hexID(id [4]byte) string { return hex.EncodeToString(id[:]) }

func TestCheckpointVectors(t *testing.T) {
	type file struct {
		Key       keyVector `json:"key"`
		Suite     string    `json:"suite"`
		Origin    string    `json:"origin"`
		Size      int64     `json:"size"`
		Root      string    `json:"root"`
		Text      string    `json:"text"`
		Ed25519ID string    `json:"ed25519_line_key_id"`
		MLDSAID   string    `json:"ml_dsa_87_line_key_id"`
		Context   string    `json:"ml_dsa_87_context"`
		Verifier  string    `json:"verifier_key"`
		Note      string    `json:"note"`
		Refused   []edit    `json:"refused"`
	}
	k, c := testKey(1), testCheckpoint()
	pub, name := k.Public(), c.Origin.String()
	vectors(t, "checkpoint.json", func(v *file, sign bool) {
		if sign {
			v.Note = string(signed(t, k, c))
		}
		ctx, _ := context(contextCheckpoint, seal.Hybrid, pub)
		*v = file{publicVector(k), "hybrid", name, c.Size, c.Root.String(), string(c.Text()), hexID(keyID(name, typeEd25519, pub.Ed25519)),
			hexID(keyID(name, typeMLDSA, pub.MLDSA87)), ctx, VerifierKey(c.Origin, pub), v.Note, []edit{
				{"origin stripped", []int{1, 2, 3, 4, 5}, "", "", "journal.checkpoint.malformed"},
				{"extension line", []int{0, 1, 2, 3, 4, 5}, "\n\n", "\nextension\n\n", "journal.checkpoint.malformed"},
				{"size with a leading zero", []int{0, 1, 2, 3, 4, 5}, "\n70000\n", "\n070000\n", "journal.checkpoint.malformed"},
				{"carriage return", []int{0, 1, 2, 3, 4, 5}, "\n70000\n", "\r\n70000\n", "journal.checkpoint.malformed"},
				{"a third signature line", []int{0, 1, 2, 3, 4, 4, 5}, "", "", "journal.checkpoint.malformed"},
				{"origin of another epoch", []int{0, 1, 2, 3, 4, 5}, "/1\n", "/2\n", "journal.checkpoint.origin"},
				{"size altered", []int{0, 1, 2, 3, 4, 5}, "\n70000\n", "\n70001\n", "journal.checkpoint.ed25519"},
				{"Ed25519 line stripped", []int{0, 1, 2, 3, 5}, "", "", "journal.checkpoint.ed25519"},
				{"lines swapped", []int{0, 1, 2, 3, 5, 4}, "", "", "journal.checkpoint.ed25519"},
				{"ML-DSA-87 line stripped", []int{0, 1, 2, 3, 4}, "", "", "journal.checkpoint.mldsa"},
				{"Ed25519 line twice", []int{0, 1, 2, 3, 4, 4}, "", "", "journal.checkpoint.mldsa"},
			}}
		if got, err := Open([]byte(v.Note), c.Origin, pub, seal.Hybrid); err != nil || got != c {
			t.Errorf("the published note does not open: %v", err)
		}
		for _, e := range v.Refused {
			if _, err := Open(e.apply(v.Note), c.Origin, pub, seal.Hybrid); errs.CodeOf(err) != errs.Code(e.Code) {
				t.Errorf("%s: %v", e.Name, err)
			}
		}
	})
}

func TestCosignatureVectors(t *testing.T) {
	type file struct {
		Key       keyVector `json:"key"`
		Suite     string    `json:"suite"`
		Name      string    `json:"name"`
		Origin    string    `json:"origin"`
		Size      int64     `json:"size"`
		Root      string    `json:"root"`
		Time      int64     `json:"time"`
		Ed25519ID string    `json:"ed25519_line_key_id"`
		MLDSAID   string    `json:"ml_dsa_87_line_key_id"`
		Text      string    `json:"ed25519_message"`
		Message   string    `json:"ml_dsa_87_message"`
		Context   string    `json:"ml_dsa_87_context"`
		Cosigner  string    `json:"cosigner_key"`
		Lines     string    `json:"lines"`
		Refused   []edit    `json:"refused"`
	}
	w, c, at := testKey(3), testCheckpoint(), uint64(testTime.Unix())
	pub, name := w.Public(), WitnessName("JPN/mod/node-1")
	vectors(t, "cosignature.json", func(v *file, sign bool) {
		if sign {
			v.Lines = string(mustCosign(t, w, c, signed(t, testKey(1), c)))
		}
		ctx, _ := context(contextCosignature, seal.Hybrid, pub)
		*v = file{publicVector(w), "hybrid", name, c.Origin.String(), c.Size, c.Root.String(), int64(at), hexID(keyID(name, typeCosignature, pub.Ed25519)),
			hexID(keyID(name, typeMLDSACosign, pub.MLDSA87)), string(cosignedText(c, at)), hex.EncodeToString(cosignedMessage(name, c, at)), ctx,
			CosignerKey(name, pub), v.Lines, []edit{
				{"Ed25519 line stripped", []int{1}, "", "", "journal.cosignature.ed25519"},
				{"ML-DSA-87 line stripped", []int{0}, "", "", "journal.cosignature.mldsa"},
				{"lines swapped", []int{1, 0}, "", "", "journal.cosignature.ed25519"},
				{"a line twice", []int{0, 0, 1}, "", "", "journal.cosignature.malformed"},
				{"name altered", []int{0, 1}, "JPN", "AUS", "journal.cosignature.ed25519"},
			}}
		if got, err := OpenCosignature([]byte(v.Lines), name, pub, seal.Hybrid, c); err != nil || !got.Equal(testTime) {
			t.Errorf("the published cosignature does not open: %v", err)
		}
		for _, e := range v.Refused {
			if _, err := OpenCosignature(e.apply(v.Lines), name, pub, seal.Hybrid, c); errs.CodeOf(err) != errs.Code(e.Code) {
				t.Errorf("%s: %v", e.Name, err)
			}
		}
	})
}

// The keys are those of checkpoint.json and cosignature.json.
func TestEvidenceAndProofVectors(t *testing.T) {
	type evidence struct {
		Name     string `json:"name"`
		Evidence string `json:"evidence"`
		Digest   string `json:"digest"`
	}
	l := newLiar(t)
	vectors(t, "equivocation.json", func(v *[]evidence, sign bool) {
		if sign {
			same, _ := NewEquivocation(l.head(t, l.a, 310), l.head(t, l.b, 310))
			longer, _ := l.b.Equivocation(l.head(t, l.a, 310), l.head(t, l.b, 350))
			for i, e := range []*Equivocation{same, longer} {
				b, _ := e.Encode()
				*v = append(*v, evidence{Name: []string{"same size", "rewritten past"}[i], Evidence: hex.EncodeToString(b)})
			}
		}
		for i, x := range *v {
			b, _ := hex.DecodeString(x.Evidence)
			e, err := DecodeEquivocation(b)
			if err == nil {
				err = e.Verify(l.key.Public(), seal.Hybrid)
			}
			if err != nil {
				t.Fatalf("%s: %v", x.Name, err)
			}
			d, _ := e.Digest()
			(*v)[i].Digest = hex.EncodeToString(d[:])
		}
	})
	type proof struct {
		LeafHash string   `json:"leaf_hash"`
		File     string   `json:"file"`
		Cosigned []int64  `json:"cosigned_unix_seconds"`
		Witness  []string `json:"witness_names"`
	}
	x := newProof(t)
	vectors(t, "proof.json", func(v *proof, sign bool) {
		if sign {
			b, err := x.p.Encode()
			if err != nil {
				t.Fatal(err)
			}
			v.File = string(b)
		}
		p, err := ParseProof([]byte(v.File))
		if err != nil {
			t.Fatal(err)
		}
		got, err := p.Verify(x.leaf, x.c.Origin, x.key.Public(), seal.Hybrid, x.by)
		if err != nil {
			t.Fatal(err)
		}
		*v = proof{x.leaf.String(), v.File, []int64{got.Cosigned[0].Unix()}, []string{x.by.Name}}
	})
}

func TestExportAndEpochVectors(t *testing.T) {
	type path struct {
		Level int    `json:"level"` // -1: entries
		N     int64  `json:"n"`
		Width int    `json:"width"`
		Path  string `json:"path"`
	}
	type link struct {
		Previous string `json:"previous"`
		Size     int64  `json:"size"`
		Root     string `json:"root"`
		Encoded  string `json:"encoded"`
	}
	type file struct {
		Paths   []path   `json:"paths"`
		Entries []string `json:"entries"`
		Bundle  string   `json:"bundle"`
		Epoch   link     `json:"epoch_link"`
	}
	vectors(t, "export.json", func(v *file, _ bool) {
		*v = file{}
		for _, p := range []path{{Level: 0, N: 0, Width: 256}, {Level: 0, N: 273, Width: 112}, {Level: 1, N: 1234067, Width: 256}, {Level: -1, N: 1000, Width: 1}} {
			if p.Path = EntryPath(p.N, p.Width); p.Level >= 0 {
				p.Path = TilePath(p.Level, p.N, p.Width)
			}
			v.Paths = append(v.Paths, p)
		}
		entries := [][]byte{leaf(0), {}, leaf(2)}
		b, err := EncodeEntries(entries)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			v.Entries = append(v.Entries, hex.EncodeToString(e))
		}
		v.Bundle = hex.EncodeToString(b)
		l := EpochLink{Previous: testOrigin(), Size: 70000, Root: testCheckpoint().Root}
		if b, err = l.Encode(); err != nil {
			t.Fatal(err)
		}
		v.Epoch = link{l.Previous.String(), l.Size, l.Root.String(), hex.EncodeToString(b)}
	})
}
