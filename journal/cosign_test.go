package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"entente/errs"
	"entente/seal"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"
)

var testTime = time.Unix(1795000000, 0).UTC()

func mustCosign(t testing.TB, k *seal.SigningKey, c Checkpoint, n []byte) []byte {
	t.Helper()
	b, err := Cosign(k, WitnessName("JPN/mod/node-1"), seal.Hybrid, c, n, testTime)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestACosignatureIsReadByAnIndependentReader(t *testing.T) {
	k, w, c := testKey(1), testKey(3), testCheckpoint()
	name := WitnessName("JPN/mod/node-1")
	n := signed(t, k, c)
	lines := mustCosign(t, w, c, n)
	if at, err := OpenCosignature(lines, name, w.Public(), seal.Hybrid, c); err != nil || !at.Equal(testTime) {
		t.Fatalf("open: %v %v", at, err)
	}
	// C2SP tlog-cosignature, Ed25519 signed message; and ours from doc/formats/journal.md.
	ed := verifier{name, "\x04", w.Public().Ed25519, func(msg, sig []byte) bool {
		text := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(sig), msg)
		return w.Public().VerifyNoteEd25519([]byte(text), sig[8:]) == nil
	}}
	ml := verifier{name, "\xffentente/cosignature/ml-dsa-87/1\x00", w.Public().MLDSA87, func(_, sig []byte) bool {
		o := c.Origin.String()
		var b bytes.Buffer
		fmt.Fprintf(&b, "entente/cosignature/1\n\x00%c%s", len(name), name)
		b.Write(sig[:8])
		fmt.Fprintf(&b, "%s%s", string([]byte{byte(len(o))}), o)
		binary.Write(&b, binary.BigEndian, []uint64{0, uint64(c.Size)})
		b.Write(c.Root[:])
		id := w.Public().ID()
		return w.Public().VerifyMLDSA("entente/cosignature/1/hybrid/"+hex.EncodeToString(id[:]), b.Bytes(), sig[8:]) == nil
	}}
	got, err := note.Open(append(bytes.Clone(n), lines...), note.VerifierList(ed, ml))
	if err != nil || len(got.Sigs) != 2 {
		t.Fatalf("x/mod: %v", err)
	}
	if want := fmt.Sprintf("%s+%08x+", name, ed.KeyHash()); !strings.HasPrefix(CosignerKey(name, w.Public()), want) {
		t.Errorf("cosigner key %s", CosignerKey(name, w.Public()))
	}
}

func TestATamperedCosignatureIsRefused(t *testing.T) {
	k, w, c := testKey(1), testKey(3), testCheckpoint()
	name := WitnessName("JPN/mod/node-1")
	n := signed(t, k, c)
	p := parts(mustCosign(t, w, c, n))
	later, err := Cosign(w, name, seal.Hybrid, c, n, testTime.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	pl := parts(later)
	po := parts(mustCosign(t, testKey(4), c, n))
	log := parts(n)[4:]
	stamp := func(l string, f func(uint64) uint64) string {
		i := strings.LastIndex(l, " ") + 1
		b, _ := decode64(strings.TrimSuffix(l[i:], "\n"))
		binary.BigEndian.PutUint64(b[4:], f(binary.BigEndian.Uint64(b[4:])))
		return l[:i] + encode64(b) + "\n"
	}
	to := func(v uint64) func(uint64) uint64 { return func(uint64) uint64 { return v } }
	at := strings.LastIndex(p[1], " ")
	const malformed, edCode, mlCode, timeCode = "journal.cosignature.malformed", "journal.cosignature.ed25519", "journal.cosignature.mldsa", "journal.cosignature.time"
	for label, x := range map[string]struct {
		lines string
		code  errs.Code
	}{
		"nothing":               {"", malformed},
		"ed25519 stripped":      {p[1], edCode},
		"mldsa stripped":        {p[0], mlCode},
		"swapped":               {p[1] + p[0], edCode},
		"ed25519 twice":         {p[0] + p[0], mlCode},
		"a line added":          {p[0] + p[1] + p[1], malformed},
		"name, ed25519":         {strings.Replace(p[0], "mod", "mof", 1) + p[1], edCode},
		"name, mldsa":           {p[0] + strings.Replace(p[1], "mod", "mof", 1), mlCode},
		"ed25519 key id":        {swapCase(p[0], strings.LastIndex(p[0], " ")+1) + p[1], edCode},
		"ed25519 signature":     {swapCase(p[0], len(p[0])-8) + p[1], edCode},
		"mldsa key id":          {p[0] + swapCase(p[1], at+1), mlCode},
		"mldsa signature":       {p[0] + swapCase(p[1], len(p[1])-8), mlCode},
		"times differ":          {p[0] + pl[1], timeCode},
		"times differ, other":   {pl[0] + p[1], timeCode},
		"time later in both":    {stamp(p[0], func(v uint64) uint64 { return v + 1 }) + stamp(p[1], func(v uint64) uint64 { return v + 1 }), edCode},
		"time zero":             {stamp(p[0], to(0)) + stamp(p[1], to(0)), timeCode},
		"time 2^63":             {stamp(p[0], to(1<<63)) + stamp(p[1], to(1<<63)), timeCode},
		"time with mldsa moved": {pl[0] + stamp(p[1], func(v uint64) uint64 { return v + 1 }), mlCode},
		"another key":           {po[0] + po[1], edCode},
		"mldsa of another":      {p[0] + po[1], mlCode},
		"the log's lines":       {log[0] + log[1], edCode},
		"no time in ed25519":    {"— " + name + " " + encode64(append(idOf(name, typeCosignature, w.Public().Ed25519), 1, 2)) + "\n" + p[1], edCode},
		"no time in mldsa":      {p[0] + "— " + name + " " + encode64(append(idOf(name, typeMLDSACosign, w.Public().MLDSA87), 1, 2)) + "\n", mlCode},
		"CRLF":                  {strings.ReplaceAll(p[0]+p[1], "\n", "\r\n"), malformed},
		"no final newline":      {strings.TrimSuffix(p[0]+p[1], "\n"), malformed},
		"empty line":            {p[0] + p[1] + "\n", malformed},
		"oversized":             {p[0] + "— " + name + " " + encode64(append(idOf(name, typeMLDSACosign, w.Public().MLDSA87), make([]byte, MaxCosignature)...)) + "\n", malformed},
	} {
		if _, err := OpenCosignature([]byte(x.lines), name, w.Public(), seal.Hybrid, c); errs.CodeOf(err) != x.code {
			t.Errorf("%s: got %q want %q", label, errs.CodeOf(err), x.code)
		}
	}
	good := []byte(p[0] + p[1])
	for label, alter := range map[string]func(*Checkpoint){
		"realm": func(c *Checkpoint) { c.Origin.Realm = "live" }, "channel": func(c *Checkpoint) { c.Origin.Channel[0]++ },
		"author": func(c *Checkpoint) { c.Origin.Author = "NZL/nzdf/node-2" }, "epoch": func(c *Checkpoint) { c.Origin.Epoch++ },
		"size": func(c *Checkpoint) { c.Size++ }, "root": func(c *Checkpoint) { c.Root[0]++ },
	} {
		x := c
		alter(&x)
		if _, err := OpenCosignature(good, name, w.Public(), seal.Hybrid, x); !errs.HasCode(err, edCode) {
			t.Errorf("%s of the checkpoint altered: %v", label, err)
		}
		// Not by the Ed25519 line alone: ML-DSA-87 binds each of them too.
		id := w.Public().ID()
		l, _ := parseLines(good, 2)
		if w.Public().VerifyMLDSA(contextCosignature+"/hybrid/"+hex.EncodeToString(id[:]), cosignedMessage(name, x, uint64(testTime.Unix())), l[1].sig[8:]) == nil {
			t.Errorf("%s is not bound by the ML-DSA-87 line", label)
		}
	}
	if _, err := OpenCosignature(good, name, w.Public(), seal.CNSA, c); !errs.HasCode(err, mlCode) {
		t.Errorf("another suite: %v", err)
	}
	if _, err := OpenCosignature(good, c.Origin.String(), w.Public(), seal.Hybrid, c); !errs.HasCode(err, "journal.cosignature.name") {
		t.Errorf("an origin as name: %v", err)
	}
	// One Ed25519 key under two names: only the ML-DSA-87 line tells them apart.
	renamed := appendLine(nil, "b", typeCosignature, w.Public().Ed25519, mustLine(t, p[0]).sig)
	renamed = appendLine(renamed, "b", typeMLDSACosign, w.Public().MLDSA87, mustLine(t, p[1]).sig)
	if _, err := OpenCosignature(renamed, "b", w.Public(), seal.Hybrid, c); !errs.HasCode(err, mlCode) {
		t.Errorf("renamed: %v", err)
	}
}

func idOf(name, typ string, pub []byte) []byte { id := keyID(name, typ, pub); return id[:] }

func mustLine(t *testing.T, s string) line {
	l, ok := parseLines([]byte(s), 1)
	if !ok {
		t.Fatal("not a line")
	}
	return l[0]
}

func TestOnlyWhatWasOpenedIsCosigned(t *testing.T) {
	k, c := testKey(3), testCheckpoint()
	name := WitnessName("JPN/mod/node-1")
	n := signed(t, testKey(1), c)
	larger := c
	larger.Size++
	for label, err := range map[errs.Code]error{
		"journal.cosignature.note":     second(Cosign(k, name, seal.Hybrid, larger, n, testTime)),
		"journal.cosignature.name":     second(Cosign(k, "a b", seal.Hybrid, c, n, testTime)),
		"journal.cosignature.time":     second(Cosign(k, name, seal.Hybrid, c, n, time.Unix(0, 0))),
		"journal.checkpoint.malformed": second(Cosign(k, name, seal.Hybrid, Checkpoint{}, n, testTime)),
		"seal.suite":                   second(Cosign(k, name, "none", c, n, testTime)),
	} {
		if !errs.HasCode(err, label) {
			t.Errorf("want %s, got %v", label, err)
		}
	}
	if _, err := Cosign(k, name, seal.Hybrid, c, c.Text(), testTime); !errs.HasCode(err, "journal.cosignature.note") {
		t.Errorf("an unsigned text: %v", err)
	}
}

func second(_ []byte, err error) error { return err }

// The witness of C2SP tlog-witness, status by status.
func TestWitnessStateMachine(t *testing.T) {
	tree, _, _ := newTree(t, 600)
	o := testOrigin()
	at := func(n int64) Checkpoint {
		root, err := tree.RootAt(n)
		if err != nil {
			t.Fatal(err)
		}
		return Checkpoint{Origin: o, Size: n, Root: root}
	}
	known := func(n int64) Known { c := at(n); return Known{Size: c.Size, Root: c.Root} }
	proof := func(m, n int64) []Hash { p, _ := tree.ProveConsistency(m, n); return p }
	forked := at(300)
	forked.Root[0]++
	for name, x := range map[string]struct {
		k     Known
		old   int64
		c     Checkpoint
		proof []Hash
		code  errs.Code
	}{
		"first":                   {Known{}, 0, at(300), nil, ""},
		"first, empty":            {Known{}, 0, at(0), nil, ""},
		"first, with a proof":     {Known{}, 0, at(300), proof(1, 300), "journal.witness.proof"},
		"next":                    {known(300), 300, at(600), proof(300, 600), ""},
		"next, from an empty one": {known(0), 0, at(1), nil, ""},
		"again":                   {known(300), 300, at(300), nil, ""},
		"again, with a proof":     {known(300), 300, at(300), proof(1, 300), "journal.witness.proof"},
		"stale":                   {known(300), 200, at(600), proof(200, 600), "journal.witness.stale"},
		"from the start":          {known(300), 0, at(600), nil, "journal.witness.stale"},
		"ahead of us":             {known(300), 400, at(600), proof(400, 600), "journal.witness.stale"},
		"older":                   {known(300), 200, at(200), nil, "journal.witness.stale"},
		"backwards":               {known(300), 300, at(200), nil, "journal.witness.request"},
		"negative":                {known(300), -1, at(300), nil, "journal.witness.request"},
		"fork":                    {known(300), 300, forked, nil, "journal.witness.fork"},
		"no proof":                {known(300), 300, at(600), nil, "journal.witness.proof"},
		"proof of another size":   {known(300), 300, at(600), proof(299, 600), "journal.witness.proof"},
		"rewritten past":          {Known{300, forked.Root}, 300, at(600), proof(300, 600), "journal.witness.proof"},
		"64 hashes":               {known(300), 300, at(600), make([]Hash, 64), "journal.witness.proof"},
		"impossible":              {known(300), 300, Checkpoint{Origin: o, Size: -1}, nil, "journal.checkpoint.malformed"},
	} {
		got, err := x.k.Advance(x.old, x.c, x.proof)
		if errs.CodeOf(err) != x.code {
			t.Errorf("%s: got %q want %q", name, errs.CodeOf(err), x.code)
		}
		if want := (Known{x.c.Size, x.c.Root}); err == nil && got != want || err != nil && got != x.k {
			t.Errorf("%s: state %v", name, got)
		}
	}
	_, err := known(300).Advance(0, at(600), nil)
	if !strings.Contains(err.Error(), ": 300: ") {
		t.Errorf("a stale request is not told the size: %v", err)
	}
}

// However requests come, a witness never goes back and never holds a head off the one line.
func TestAWitnessNeverGoesBack(t *testing.T) {
	tree, _, _ := newTree(t, 300)
	fork := tree.Clone()
	for range 40 {
		tree.Append(LeafHash([]byte("a")))
		fork.Append(LeafHash([]byte("b")))
	}
	rapid.Check(t, func(rt *rapid.T) {
		var k Known
		for range 12 {
			src := rapid.SampledFrom([]*Tree{tree, tree, fork}).Draw(rt, "tree")
			n := rapid.Int64Range(0, 340).Draw(rt, "n")
			m := k.Size
			if rapid.Bool().Draw(rt, "guess") {
				m = rapid.Int64Range(0, n).Draw(rt, "m")
			}
			p, _ := src.ProveConsistency(min(m, n), n)
			root, _ := src.RootAt(n)
			next, err := k.Advance(m, Checkpoint{Origin: testOrigin(), Size: n, Root: root}, p)
			if next.Size < k.Size {
				rt.Fatal("went back")
			}
			if err == nil {
				a, _ := tree.RootAt(next.Size)
				b, _ := fork.RootAt(next.Size)
				prevOnA, _ := tree.RootAt(k.Size)
				prevOnB, _ := fork.RootAt(k.Size)
				if k.Size > 0 && !(next.Root == a && k.Root == prevOnA || next.Root == b && k.Root == prevOnB) {
					rt.Fatal("crossed from one line to the other")
				}
			}
			k = next
		}
	})
}
