package main

import (
	"crypto/ed25519"
	"encoding/base64"
	bigendian "encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"entente/internal/link"
	"entente/internal/office"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// An exported journal is for tools that know nothing of Entente: here those of the Go checksum database, which read its checkpoint as
// a signed note and its tiles as a transparency log.
func TestOthersToolsVerifyAnExportedJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := makePair(dir, "agreed"); err != nil {
		t.Fatal(err)
	}
	shift, err := shiftTo(exerciseTime)
	if err != nil {
		t.Fatal(err)
	}
	c := command{dir, shift}
	do := func(side, post string, args ...string) string {
		t.Helper()
		out, err := c.run(side, post, args...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	var v office.ReleaseView
	if err := json.Unmarshal([]byte(do("nzl", "analyst", "--json", "release", "propose", "../../examples/exercise/reports/R02-intsum-en-operation-whio.md", "--to", "JPN")), &v); err != nil {
		t.Fatal(err)
	}
	do("nzl", "release-officer", "release", "approve", v.ID, "--hold", "0")
	do("nzl", "", "bundle", "pack", "-o", filepath.Join(dir, "there"))
	do("jpn", "", "bundle", "open", filepath.Join(dir, "there"), "-o", filepath.Join(dir, "back"))
	do("nzl", "", "bundle", "open", filepath.Join(dir, "back"))
	do("nzl", "", "bundle", "pack", "-o", filepath.Join(dir, "again"))
	do("jpn", "", "bundle", "open", filepath.Join(dir, "again"))
	var list office.JournalView
	if err := json.Unmarshal([]byte(do("jpn", "auditor", "--json", "journal", "show")), &list); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for i, j := range list.Journals {
		if j.Size == 0 || j.Witnessed == 0 {
			continue // a national journal: it never leaves
		}
		checked++
		out := filepath.Join(dir, fmt.Sprintf("export-%d", i))
		do("jpn", "auditor", "journal", "export", j.Origin, "-o", out)
		side, _, _ := strings.Cut(strings.ToLower(j.Author), "/")
		verifyExport(t, out, j, signingKey(t, filepath.Join(dir, side, "keys", "card")))
	}
	if checked != 2 {
		t.Errorf("%d journals were checked, want both authors'", checked)
	}
}

// signingKey is the Ed25519 half of a node's signing key, from its card.
func signingKey(t *testing.T, card string) ed25519.PublicKey {
	t.Helper()
	raw, err := os.ReadFile(card)
	if err != nil {
		t.Fatal(err)
	}
	_, ks, err := link.ReadCard(raw)
	if err != nil {
		t.Fatal(err)
	}
	return ed25519.PublicKey(ks.Signing.Ed25519)
}

func verifyExport(t *testing.T, dir string, j office.JournalStatus, key ed25519.PublicKey) {
	t.Helper()
	read := func(name string) []byte {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	text, err := note.NewEd25519VerifierKey(j.Origin, key)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(text)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := note.Open(read("checkpoint"), note.VerifierList(verifier))
	if err != nil {
		t.Fatalf("the checkpoint is no signed note: %v", err)
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 4 || lines[0] != j.Origin {
		t.Fatalf("checkpoint: %q", signed.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		t.Fatal("root:", lines[2], err)
	}
	head := tlog.Tree{N: size, Hash: tlog.Hash(root)}
	hashes := tlog.TileHashReader(head, tileFiles{read})
	leaves := entries(t, read, size)
	for i, leaf := range leaves {
		proof, err := tlog.ProveRecord(size, int64(i), hashes)
		if err != nil {
			t.Fatalf("leaf %d: %v", i, err)
		}
		if err := tlog.CheckRecord(proof, size, head.Hash, int64(i), tlog.RecordHash(leaf)); err != nil {
			t.Errorf("leaf %d is not in the tree: %v", i, err)
		}
		if tlog.CheckRecord(proof, size, head.Hash, int64(i), tlog.RecordHash(append(leaf, 0))) == nil {
			t.Errorf("leaf %d may be any", i)
		}
	}
	for n := int64(1); n < size; n++ {
		proof, err := tlog.ProveTree(size, n, hashes)
		if err != nil {
			t.Fatal(err)
		}
		older, err := tlog.TreeHash(n, hashes)
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckTree(proof, size, head.Hash, n, older); err != nil {
			t.Errorf("the tree of %d did not grow out of that of %d: %v", size, n, err)
		}
	}
	// Any bent tile or head is noticed by the same tools.
	bent := tlog.TileHashReader(head, tileFiles{func(name string) []byte {
		b := append([]byte(nil), read(name)...)
		b[len(b)-1] ^= 1
		return b
	}})
	if _, err := tlog.ProveRecord(size, 0, bent); err == nil {
		t.Error("a bent tile went unnoticed")
	}
	checkpoint := strings.Replace(string(read("checkpoint")), "\n"+lines[1]+"\n", "\n9"+lines[1]+"\n", 1)
	if _, err := note.Open([]byte(checkpoint), note.VerifierList(verifier)); err == nil {
		t.Error("a changed checkpoint still opens")
	}
}

// tileFiles reads tiles by the paths of C2SP tlog-tiles, of height 8.
type tileFiles struct{ read func(string) []byte }

func (tileFiles) Height() int                     { return 8 }
func (tileFiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (f tileFiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var out [][]byte
	for _, t := range tiles {
		out = append(out, f.read(strings.Replace(t.Path(), "tile/8/", "tile/", 1)))
	}
	return out, nil
}

// entries reads the leaves out of the entry bundles: each has its length before it, in two bytes.
func entries(t *testing.T, read func(string) []byte, size int64) (all [][]byte) {
	t.Helper()
	name := "tile/entries/000"
	if size < 256 {
		name += fmt.Sprintf(".p/%d", size)
	}
	for b := read(name); len(b) > 0; {
		n := int(bigendian.BigEndian.Uint16(b)) + 2
		all = append(all, b[2:n:n])
		b = b[n:]
	}
	if int64(len(all)) != min(size, 256) {
		t.Fatalf("%d entries of %d", len(all), size)
	}
	return all
}
