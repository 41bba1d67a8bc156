package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"entente/errs"
	"entente/seal"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

func testKey(n byte) *seal.SigningKey {
	return seal.NewSigningKey([64]byte(bytes.Repeat([]byte{n}, 64)))
}

func testCheckpoint() Checkpoint {
	return Checkpoint{Origin: testOrigin(), Size: 70000, Root: LeafHash([]byte("root"))}
}

func signed(t testing.TB, k *seal.SigningKey, c Checkpoint) []byte {
	t.Helper()
	n, err := Sign(k, seal.Hybrid, c)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestCheckpointTextIsReadByAnIndependentReader(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := Checkpoint{Origin: drawOrigin(rt), Size: rapid.Int64Range(1, 1<<62).Draw(rt, "size"), Root: LeafHash(nil)}
		got, err := ParseCheckpoint(c.Text())
		if err != nil || got != c {
			rt.Fatalf("%q: %v", c.Text(), err)
		}
		theirs := bytes.Replace(c.Text(), []byte(c.Origin.String()), []byte("go.sum database tree"), 1) // the one origin x/mod reads
		tree, err := tlog.ParseTree(theirs)
		if err != nil || tree.N != c.Size || Hash(tree.Hash) != c.Root {
			rt.Fatalf("x/mod reads %v %v", tree, err)
		}
	})
}

func TestCheckpointTextHasOneSpelling(t *testing.T) {
	good := string(testCheckpoint().Text())
	line := strings.SplitAfter(good, "\n")
	for name, bad := range map[string]string{
		"empty":             "",
		"no origin":         line[1] + line[2],
		"no size":           line[0] + line[2],
		"no root":           line[0] + line[1],
		"no final newline":  strings.TrimSuffix(good, "\n"),
		"CRLF":              strings.ReplaceAll(good, "\n", "\r\n"),
		"CRLF at the end":   strings.TrimSuffix(good, "\n") + "\r\n",
		"extension line":    good + "extension\n",
		"empty extension":   good + "\n",
		"leading zero":      strings.Replace(good, "70000", "070000", 1),
		"plus sign":         strings.Replace(good, "70000", "+70000", 1),
		"negative":          strings.Replace(good, "70000", "-70000", 1),
		"hexadecimal":       strings.Replace(good, "70000", "0x7000", 1),
		"size 2^63":         strings.Replace(good, "70000", "9223372036854775808", 1),
		"space":             strings.Replace(good, "70000", "70000 ", 1),
		"size of no leaves": strings.Replace(good, "70000", "0", 1),
		"short root":        line[0] + line[1] + encode64(make([]byte, 31)) + "\n",
		"long root":         line[0] + line[1] + encode64(make([]byte, 33)) + "\n",
		"no padding":        strings.Replace(good, "=", "", 1),
		"slack bits":        line[0] + line[1] + strings.Repeat("A", 42) + "B=\n",
		"twice":             good + good,
		"a byte order mark": "\ufeff" + good,
		"another log":       "example.com/log\n" + line[1] + line[2],
	} {
		if _, err := ParseCheckpoint([]byte(bad)); !errs.HasCode(err, "journal.checkpoint.malformed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty := Checkpoint{Origin: testOrigin(), Root: EmptyRoot()}
	if got, err := ParseCheckpoint(empty.Text()); err != nil || got != empty {
		t.Errorf("the empty journal: %v", err)
	}
}

func TestANoteOpensWithIndependentReaders(t *testing.T) {
	k, c := testKey(1), testCheckpoint()
	n := signed(t, k, c)
	if got, err := Open(n, c.Origin, k.Public(), seal.Hybrid); err != nil || got != c {
		t.Fatalf("open: %v", err)
	}
	v, err := note.NewVerifier(VerifierKey(c.Origin, k.Public()))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := note.Open(n, note.VerifierList(v))
	if err != nil || len(theirs.Sigs) != 1 || len(theirs.UnverifiedSigs) != 1 || theirs.Text != string(c.Text()) {
		t.Fatalf("x/mod: %v %+v", err, theirs)
	}
	want, err := note.NewEd25519VerifierKey(c.Origin.String(), k.Public().Ed25519)
	if err != nil || want != VerifierKey(c.Origin, k.Public()) {
		t.Errorf("verifier key %s, want %s", VerifierKey(c.Origin, k.Public()), want)
	}
	// The second line, by a verifier written from doc/formats/journal.md.
	id := k.Public().ID()
	both := note.VerifierList(v, verifier{c.Origin.String(), "\xffentente/checkpoint/ml-dsa-87/1\x00", k.Public().MLDSA87, func(msg, sig []byte) bool {
		return k.Public().VerifyMLDSA("entente/checkpoint/1/hybrid/"+hex.EncodeToString(id[:]), msg, sig) == nil
	}})
	if theirs, err := note.Open(n, both); err != nil || len(theirs.Sigs) != 2 {
		t.Errorf("x/mod with both: %v", err)
	}
}

// verifier lets x/mod verify signature types that it does not know.
type verifier struct {
	name, typ string
	key       []byte
	verify    func(msg, sig []byte) bool
}

func (v verifier) Name() string { return v.name }
func (v verifier) KeyHash() uint32 {
	id := keyID(v.name, v.typ, v.key)
	return binary.BigEndian.Uint32(id[:])
}
func (v verifier) Verify(msg, sig []byte) bool { return v.verify(msg, sig) }

// parts of a signed note: three lines of text, an empty one, two signatures; each with its newline.
func parts(n []byte) []string {
	l := strings.SplitAfter(string(n), "\n")
	return l[:len(l)-1]
}

func swapCase(s string, at int) string {
	b := []byte(s)
	if b[at] == 'A' {
		b[at] = 'B'
	} else {
		b[at] = 'A'
	}
	return string(b)
}

func TestATamperedNoteIsRefused(t *testing.T) {
	k, other, c := testKey(1), testKey(2), testCheckpoint()
	n := signed(t, k, c)
	p := parts(n)
	ed, ml := p[4], p[5]
	elsewhere := c
	elsewhere.Origin.Epoch++
	pe := parts(signed(t, k, elsewhere))
	larger := c
	larger.Size++
	pl := parts(signed(t, k, larger))
	po := parts(signed(t, other, c))
	pw := parts(mustCosign(t, testKey(3), c, n))
	cnsa, err := Sign(k, seal.CNSA, c)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Join(p[:4], "")
	const malformed, origin, edCode, mlCode = "journal.checkpoint.malformed", "journal.checkpoint.origin", "journal.checkpoint.ed25519", "journal.checkpoint.mldsa"
	cut := func(s string, i int) string { return s[:i] + s[i+4:] }
	for name, x := range map[string]struct {
		note string
		code errs.Code
	}{
		"nothing":                     {"", malformed},
		"no text":                     {ed + ml, malformed},
		"no signatures":               {body, malformed},
		"no empty line":               {p[0] + p[1] + p[2] + ed + ml, malformed},
		"origin stripped":             {p[1] + p[2] + p[3] + ed + ml, malformed},
		"size stripped":               {p[0] + p[2] + p[3] + ed + ml, malformed},
		"root stripped":               {p[0] + p[1] + p[3] + ed + ml, malformed},
		"ed25519 stripped":            {body + ml, edCode},
		"mldsa stripped":              {body + ed, mlCode},
		"order swapped":               {body + ml + ed, edCode},
		"ed25519 twice":               {body + ed + ed, mlCode},
		"mldsa twice":                 {body + ml + ml, malformed},
		"ed25519 twice and mldsa":     {body + ed + ed + ml, malformed},
		"mldsa added":                 {body + ed + ml + ml, malformed},
		"a cosignature added":         {body + ed + ml + pw[0], malformed},
		"origin of another journal":   {strings.Join(pe, ""), origin},
		"origin altered":              {strings.Replace(string(n), "/1\n", "/2\n", 1), origin},
		"origin altered, all of it":   {strings.ReplaceAll(string(n), "node-1", "node-2"), origin},
		"key name altered":            {body + strings.Replace(ed, "node-1", "node-2", 1) + ml, edCode},
		"key name altered, mldsa":     {body + ed + strings.Replace(ml, "node-1", "node-2", 1), mlCode},
		"size altered":                {strings.Replace(string(n), "70000", "70001", 1), edCode},
		"size leading zero":           {strings.Replace(string(n), "70000", "070000", 1), malformed},
		"root altered":                {strings.Join(p[:2], "") + swapCase(p[2], 3) + p[3] + ed + ml, edCode},
		"extension line":              {strings.Join(p[:3], "") + "x\n" + p[3] + ed + ml, malformed},
		"CRLF":                        {strings.ReplaceAll(string(n), "\n", "\r\n"), malformed},
		"CR in base64":                {strings.TrimSuffix(string(n), "\n") + "\r\n", malformed},
		"no final newline":            {strings.TrimSuffix(string(n), "\n"), malformed},
		"trailing line":               {string(n) + "\n", malformed},
		"trailing text":               {string(n) + "x", malformed},
		"hyphen for dash":             {strings.Replace(string(n), "—", "-", 1), malformed},
		"two spaces":                  {strings.Replace(string(n), "— ", "—  ", 1), malformed},
		"ed25519 key id":              {body + swapCase(ed, strings.LastIndex(ed, " ")+1) + ml, edCode},
		"ed25519 signature":           {body + swapCase(ed, strings.LastIndex(ed, " ")+20) + ml, edCode},
		"ed25519 signature shortened": {body + cut(ed, strings.LastIndex(ed, " ")+20) + ml, edCode},
		"ed25519 of the larger":       {body + pl[4] + ml, edCode},
		"ed25519 of another key":      {body + po[4] + ml, edCode},
		"mldsa key id":                {body + ed + swapCase(ml, strings.LastIndex(ml, " ")+1), mlCode},
		"mldsa signature":             {body + ed + swapCase(ml, strings.LastIndex(ml, " ")+20), mlCode},
		"mldsa signature's end":       {body + ed + swapCase(ml, len(ml)-4), mlCode},
		"mldsa signature shortened":   {body + ed + cut(ml, strings.LastIndex(ml, " ")+20), mlCode},
		"mldsa of the larger":         {body + ed + pl[5], mlCode},
		"mldsa of another key":        {body + ed + po[5], mlCode},
		"mldsa of the other suite":    {body + ed + parts(cnsa)[5], mlCode},
		"both of another key":         {body + po[4] + po[5], edCode},
		"a cosignature as ed25519":    {body + strings.Replace(pw[0], WitnessName("JPN/mod/node-1"), c.Origin.String(), 1) + ml, edCode},
		"empty signature":             {body + "— " + c.Origin.String() + " \n" + ml, malformed},
		"key id alone":                {body + strings.Fields(ed)[0] + " " + c.Origin.String() + " AAAAAA==\n" + ml, malformed},
		"oversized":                   {string(n) + strings.Repeat("x", MaxNote), malformed},
	} {
		got, err := Open([]byte(x.note), c.Origin, k.Public(), seal.Hybrid)
		if errs.CodeOf(err) != x.code {
			t.Errorf("%s: got %q want %q", name, errs.CodeOf(err), x.code)
		}
		if err == nil || got != (Checkpoint{}) {
			t.Errorf("%s: opened", name)
		}
	}
	if _, err := Open(n, c.Origin, k.Public(), seal.CNSA); !errs.HasCode(err, mlCode) {
		t.Errorf("another suite: %v", err)
	}
	if _, err := Open(n, c.Origin, k.Public(), "none"); err == nil {
		t.Error("an unknown suite opened a note")
	}
	if _, err := Open(n, c.Origin, seal.PublicKey{}, seal.Hybrid); err == nil {
		t.Error("no key opened a note")
	}
	mixed := seal.PublicKey{Ed25519: k.Public().Ed25519, MLDSA87: other.Public().MLDSA87}
	if _, err := Open([]byte(body+ed+po[5]), c.Origin, mixed, seal.Hybrid); !errs.HasCode(err, mlCode) {
		t.Errorf("halves of two keys: %v", err)
	}
}

func TestAnyAlteredByteOfANoteIsRefused(t *testing.T) {
	k, c := testKey(1), testCheckpoint()
	n := signed(t, k, c)
	rapid.Check(t, func(rt *rapid.T) {
		x := bytes.Clone(n)
		x[rapid.IntRange(0, len(x)-1).Draw(rt, "at")] ^= byte(rapid.IntRange(1, 255).Draw(rt, "bits"))
		if _, err := Open(x, c.Origin, k.Public(), seal.Hybrid); err == nil {
			rt.Fatal("opened")
		}
	})
}

func TestWhatCannotBeIsNotSigned(t *testing.T) {
	k := testKey(1)
	for name, c := range map[string]Checkpoint{
		"no origin": {Size: 1}, "negative": {Origin: testOrigin(), Size: -1}, "empty with a root": {Origin: testOrigin()},
	} {
		if _, err := Sign(k, seal.Hybrid, c); !errs.HasCode(err, "journal.checkpoint.malformed") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Sign(k, "none", testCheckpoint()); err == nil {
		t.Error("signed in an unknown suite")
	}
	if _, err := Sign(mute{k}, seal.Hybrid, testCheckpoint()); !errs.HasCode(err, "journal.sign") {
		t.Errorf("a key that gives no Ed25519 signature: %v", err)
	}
}

// mute is a key that fails without an error.
type mute struct{ *seal.SigningKey }

func (mute) SignNoteEd25519([]byte) []byte { return nil }
