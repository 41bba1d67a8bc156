package journal

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"entente/errs"
	"entente/seal"

	"pgregory.net/rapid"
)

type proofCase struct {
	key, witness *seal.SigningKey
	c            Checkpoint
	p            *Proof
	leaf         Hash
	by           Witness
}

func newProof(t testing.TB) proofCase {
	tree, _ := OpenTree(0, nil)
	for i := range int64(300) {
		tree.Append(LeafHash(leaf(i)))
	}
	x := proofCase{key: testKey(1), witness: testKey(3), c: Checkpoint{Origin: testOrigin(), Size: 300, Root: tree.Root()}, leaf: LeafHash(leaf(123))}
	path, err := tree.ProveInclusion(123, 300)
	if err != nil {
		t.Fatal(err)
	}
	n := signed(t, x.key, x.c)
	x.p = &Proof{Extra: leaf(123), Index: 123, Path: path, Checkpoint: n, Cosignatures: mustCosign(t, x.witness, x.c, n)}
	x.by = Witness{Name: WitnessName("JPN/mod/node-1"), Key: x.witness.Public()}
	return x
}

func TestAProofFileProvesOfflineWithWitnesses(t *testing.T) {
	x := newProof(t)
	b, err := x.p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	p, err := ParseProof(b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Verify(LeafHash(p.Extra), x.c.Origin, x.key.Public(), seal.Hybrid, x.by)
	if err != nil || got.Checkpoint != x.c || !slices.Equal(got.Cosigned, append(got.Cosigned[:0:0], testTime)) {
		t.Fatalf("%+v %v", got, err)
	}
	if _, err := p.Verify(x.leaf, x.c.Origin, x.key.Public(), seal.Hybrid); err != nil {
		t.Errorf("without witnesses: %v", err)
	}
	bare := &Proof{Index: 123, Path: x.p.Path, Checkpoint: x.p.Checkpoint}
	if b, err := bare.Encode(); err != nil || bytes.Contains(b, []byte("extra")) {
		t.Errorf("without extra: %v", err)
	}
	if _, err := bare.Verify(x.leaf, x.c.Origin, x.key.Public(), seal.Hybrid, x.by); !errs.HasCode(err, "journal.cosignature.missing") {
		t.Errorf("a demanded witness is missing: %v", err)
	}
	single := &Proof{Checkpoint: signed(t, x.key, Checkpoint{Origin: testOrigin(), Size: 1, Root: x.leaf})}
	if b, err = single.Encode(); err == nil {
		p, err = ParseProof(b)
	}
	if err != nil || len(p.Path) != 0 {
		t.Fatalf("a journal of one entry: %v", err)
	}
	if _, err := p.Verify(x.leaf, testOrigin(), x.key.Public(), seal.Hybrid); err != nil {
		t.Errorf("a journal of one entry: %v", err)
	}
	stranger := appendLine(bytes.Clone(x.p.Cosignatures), "witness.example/w1", typeCosignature, testKey(5).Public().Ed25519, make([]byte, 72))
	third := &Proof{Index: 123, Path: x.p.Path, Checkpoint: x.p.Checkpoint, Cosignatures: stranger}
	if b, err = third.Encode(); err != nil {
		t.Fatal(err)
	}
	if p, err = ParseProof(b); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Verify(x.leaf, x.c.Origin, x.key.Public(), seal.Hybrid, x.by); err != nil {
		t.Errorf("with a stranger's cosignature: %v", err)
	}
}

func TestATamperedProofFileIsRefused(t *testing.T) {
	x := newProof(t)
	b, err := x.p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s := string(b)
	l := strings.SplitAfter(s, "\n") // header, extra, index, nine hashes, empty, origin, size, root, empty, 2 + 2 lines
	if len(l) != 3+9+1+4+4+1 {
		t.Fatalf("%d lines", len(l))
	}
	without := func(i, n int) string { return strings.Join(slices.Delete(slices.Clone(l), i, i+n), "") }
	swap := func(i, j int) string {
		c := slices.Clone(l)
		c[i], c[j] = c[j], c[i]
		return strings.Join(c, "")
	}
	const file, inclusion = "journal.prooffile.malformed", "journal.proof.inclusion"
	for name, c := range map[string]struct {
		file string
		code errs.Code
	}{
		"as made":                 {s, ""},
		"extra stripped":          {without(1, 1), ""},
		"extra altered":           {strings.Replace(s, l[1], "extra AAAA\n", 1), ""}, // not authenticated: T7
		"header stripped":         {without(0, 1), file},
		"another version":         {strings.Replace(s, "proof@v1", "proof@v2", 1), file},
		"CRLF":                    {strings.ReplaceAll(s, "\n", "\r\n"), file},
		"extra twice":             {strings.Replace(s, l[1], l[1]+l[1], 1), file},
		"extra empty":             {strings.Replace(s, l[1], "extra \n", 1), file},
		"extra not base64":        {strings.Replace(s, l[1], "extra *\n", 1), file},
		"extra behind index":      {swap(1, 2), file},
		"index stripped":          {without(2, 1), file},
		"index leading zero":      {strings.Replace(s, "index 123", "index 0123", 1), file},
		"index negative":          {strings.Replace(s, "index 123", "index -1", 1), file},
		"index twice":             {strings.Replace(s, "index 123\n", "index 123\nindex 123\n", 1), file},
		"index of a neighbour":    {strings.Replace(s, "index 123", "index 122", 1), inclusion},
		"index outside":           {strings.Replace(s, "index 123", "index 300", 1), inclusion},
		"path hash stripped":      {without(3, 1), inclusion},
		"path hash twice":         {strings.Replace(s, l[3], l[3]+l[3], 1), inclusion},
		"path swapped":            {swap(3, 4), inclusion},
		"path altered":            {strings.Replace(s, l[5], swapCase(l[5], 5), 1), inclusion},
		"path of 31 bytes":        {strings.Replace(s, l[5], encode64(make([]byte, 31))+"\n", 1), file},
		"path without padding":    {strings.Replace(s, l[5], strings.TrimSuffix(l[5], "=\n")+"\n", 1), file},
		"path of 64 hashes":       {strings.Replace(s, l[3], strings.Repeat(l[3], 56), 1), file},
		"no empty line":           {without(12, 1), file},
		"two empty lines":         {strings.Replace(s, l[11], l[11]+"\n", 1), "journal.checkpoint.malformed"},
		"no checkpoint":           {strings.Join(l[:13], ""), file},
		"checkpoint unsigned":     {strings.Join(l[:17], ""), file},
		"author's line stripped":  {without(17, 1), "journal.checkpoint.ed25519"},
		"author's mldsa stripped": {without(18, 1), "journal.checkpoint.mldsa"},
		"witness in front":        {swap(17, 19), "journal.checkpoint.ed25519"},
		"witness stripped":        {without(19, 2), "journal.cosignature.missing"},
		"witness ed25519 gone":    {without(19, 1), "journal.cosignature.ed25519"},
		"witness mldsa gone":      {without(20, 1), "journal.cosignature.mldsa"},
		"witness line twice":      {s + l[20], "journal.cosignature.malformed"},
		"witness altered":         {strings.Replace(s, l[19], swapCase(l[19], len(l[19])-8), 1), "journal.cosignature.ed25519"},
		"size altered":            {strings.Replace(s, "\n300\n", "\n301\n", 1), "journal.checkpoint.ed25519"},
		"35 lines":                {s + strings.Repeat(l[19], 31), file},
		"no final newline":        {strings.TrimSuffix(s, "\n"), file},
		"one line":                {strings.Join(l[:18], ""), file},
		"cut in the path":         {strings.Join(l[:5], ""), file},
		"cut in a line":           {s[:300], file},
		"oversized":               {string(appendLine([]byte(s), "a", "", nil, make([]byte, MaxProof))), file},
	} {
		p, err := ParseProof([]byte(c.file))
		if err == nil {
			_, err = p.Verify(x.leaf, x.c.Origin, x.key.Public(), seal.Hybrid, x.by)
		}
		if errs.CodeOf(err) != c.code {
			t.Errorf("%s: got %q want %q (%v)", name, errs.CodeOf(err), c.code, err)
		}
	}
	for name, err := range map[string]error{
		"another leaf":    verifyErr(x.p.Verify(LeafHash(leaf(124)), x.c.Origin, x.key.Public(), seal.Hybrid, x.by)),
		"another key":     verifyErr(x.p.Verify(x.leaf, x.c.Origin, testKey(2).Public(), seal.Hybrid, x.by)),
		"another suite":   verifyErr(x.p.Verify(x.leaf, x.c.Origin, x.key.Public(), seal.CNSA, x.by)),
		"another witness": verifyErr(x.p.Verify(x.leaf, x.c.Origin, x.key.Public(), seal.Hybrid, Witness{x.by.Name, testKey(2).Public()})),
		"second witness":  verifyErr(x.p.Verify(x.leaf, x.c.Origin, x.key.Public(), seal.Hybrid, x.by, Witness{"other", testKey(2).Public()})),
	} {
		if err == nil {
			t.Errorf("%s: verified", name)
		}
	}
	mixed := &Proof{Index: 123, Path: x.p.Path, Checkpoint: slices.Concat(x.p.Checkpoint, x.p.Cosignatures)}
	if _, err := mixed.Encode(); !errs.HasCode(err, file) {
		t.Errorf("cosignatures in the checkpoint: %v", err)
	}
	if _, err := (&Proof{Extra: make([]byte, MaxEntry+1), Checkpoint: x.p.Checkpoint}).Encode(); !errs.HasCode(err, file) {
		t.Errorf("extra too long: %v", err)
	}
}

func verifyErr(_ Proven, err error) error { return err }

func TestProofFilesHaveOneSpelling(t *testing.T) {
	x := newProof(t)
	rapid.Check(t, func(rt *rapid.T) {
		p := &Proof{Index: rapid.Int64Range(0, 1<<62).Draw(rt, "index"), Checkpoint: x.p.Checkpoint,
			Extra: rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(rt, "extra"), Path: make([]Hash, rapid.IntRange(0, 63).Draw(rt, "hashes"))}
		if rapid.Bool().Draw(rt, "cosigned") {
			p.Cosignatures = x.p.Cosignatures
		}
		b, err := p.Encode()
		if err != nil {
			rt.Fatal(err)
		}
		q, err := ParseProof(b)
		if err != nil || q.Index != p.Index || !bytes.Equal(q.Extra, p.Extra) || !slices.Equal(q.Path, p.Path) ||
			!bytes.Equal(q.Checkpoint, p.Checkpoint) || !bytes.Equal(q.Cosignatures, p.Cosignatures) {
			rt.Fatalf("round trip: %v", err)
		}
	})
}
