package evidence

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/journal"
	"entente/seal"
	"entente/statement"
	"entente/wire"
)

// fields lists the leaves of a type as paths of names.
func fields(t reflect.Type, path string, out map[string]bool) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8 {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		out[path] = true
		return
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.IsExported() {
			fields(f.Type, strings.TrimPrefix(path+"."+f.Name, "."), out)
		}
	}
}

// Whoever hands over a file can change every field of it. Each change is refused by name; a field that is not here has no test.
func TestEachFieldOfAnEvidenceFileIsChecked(t *testing.T) {
	jp, nz := makeSide(t, "JPN/jmod/node-1", vectorRealm), makeSide(t, "NZL/nzdf/node-1", vectorRealm)
	pkg := makePackage(t, []*vectorSide{jp, nz})
	good := makeFile(t, pkg, []*vectorSide{jp, nz})
	raw, err := good.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if code := firstCode(raw); code != "" {
		t.Fatal(code)
	}
	flip := func(b []byte) { b[len(b)/2] ^= 1 }
	tests := map[string]struct {
		edit func(*File)
		code errs.Code
	}{
		"Version":                    {func(f *File) { f.Version = 2 }, "evidence.malformed"},
		"Realm":                      {func(f *File) { f.Realm = "live" }, "evidence.realm"},
		"Channel":                    {func(f *File) { flip(f.Channel[:]) }, "evidence.channel"},
		"Agreement":                  {func(f *File) { f.Agreement[len(f.Agreement)-9] ^= 1 }, "evidence.unsigned"},
		"Keys.Root.Ed25519":          {func(f *File) { flip(f.Keys[0].Root.Ed25519) }, "seal.signed.key"},
		"Keys.Root.MLDSA87":          {func(f *File) { f.Keys[0].Root.MLDSA87 = f.Keys[1].Root.MLDSA87 }, "seal.signed.key"},
		"Keys.Statement.Payload":     {func(f *File) { flip(f.Keys[0].Statement.Payload) }, "seal.signature"},
		"Keys.Statement.Key":         {func(f *File) { flip(f.Keys[0].Statement.Key[:]) }, "seal.signed.key"},
		"Keys.Statement.Sig.Ed25519": {func(f *File) { flip(f.Keys[0].Statement.Sig.Ed25519) }, "seal.signature"},
		"Keys.Statement.Sig.MLDSA87": {func(f *File) { flip(f.Keys[0].Statement.Sig.MLDSA87) }, "seal.signature"},
		"Items.Origin":               {func(f *File) { f.Items[0].Origin = strings.TrimSuffix(f.Items[0].Origin, "1") + "2" }, "journal.checkpoint.origin"},
		"Items.Leaf":                 {func(f *File) { flip(f.Items[0].Leaf) }, "journal.proof.inclusion"},
		"Items.Proof": {func(f *File) {
			f.Items[0].Proof = bytes.Replace(f.Items[0].Proof, []byte("index 1"), []byte("index 0"), 1)
		}, "journal.proof.inclusion"},
		"Items.Held.Payload":             {func(f *File) { flip(f.Items[0].Held[0].Payload) }, "exchange.held.signature"},
		"Items.Held.Key":                 {func(f *File) { flip(f.Items[0].Held[0].Key[:]) }, "exchange.held.signature"},
		"Items.Held.Sig.Ed25519":         {func(f *File) { flip(f.Items[0].Held[0].Sig.Ed25519) }, "exchange.held.signature"},
		"Items.Held.Sig.MLDSA87":         {func(f *File) { flip(f.Items[0].Held[0].Sig.MLDSA87) }, "exchange.held.signature"},
		"Items.Act.Salt":                 {func(f *File) { flip(f.Items[0].Act.Salt[:]) }, "statement.commitment.act"},
		"Items.Act.Bytes":                {func(f *File) { flip(f.Items[0].Act.Bytes) }, "statement.commitment.act"},
		"Items.Content.Salt":             {func(f *File) { flip(f.Items[0].Content.Salt[:]) }, "statement.commitment.content"},
		"Items.Content.Bytes":            {func(f *File) { flip(f.Items[0].Content.Bytes) }, "statement.commitment.content"},
		"no items":                       {func(f *File) { f.Items = nil }, "evidence.malformed"},
		"no keys":                        {func(f *File) { f.Keys = nil }, "evidence.malformed"},
		"an impossible realm":            {func(f *File) { f.Realm = "x" }, "evidence.malformed"},
		"too many items":                 {func(f *File) { f.Items = slices.Repeat(f.Items[1:], MaxItems+1) }, "evidence.malformed"},
		"act of the other statement":     {func(f *File) { f.Items[1].Act = f.Items[0].Act }, "statement.commitment.act"},
		"items of each other's journals": {func(f *File) { f.Items[0].Origin = f.Items[1].Origin }, "journal.checkpoint.origin"},
	}
	all := map[string]bool{}
	fields(reflect.TypeFor[File](), "", all)
	for name := range all {
		if _, ok := tests[name]; !ok {
			t.Errorf("no test changes %s", name)
		}
	}
	for name, tc := range tests {
		f, err := Decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		tc.edit(f)
		if code := firstCode(wire.MustMarshal(f)); code != tc.code {
			t.Errorf("%s: %q, want %q", name, code, tc.code)
		}
	}
}

// What one side could make up alone, with every signature of its own genuine.
func TestEvidenceThatOneSideMadeUp(t *testing.T) {
	jp, nz := makeSide(t, "JPN/jmod/node-1", vectorRealm), makeSide(t, "NZL/nzdf/node-1", vectorRealm)
	nz2 := makeSide(t, "NZL/nzdf/node-2", vectorRealm)
	au := makeSide(t, "AUS/adf/node-1", vectorRealm)
	// A second node of New Zealand, introduced by the root that the agreement names.
	introduce := func(s *vectorSide, root *vectorSide) {
		ks, err := seal.OpenKeyStatement(s.root.Public(), s.keys.Statement)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := seal.SignKeyStatement(root.root, ks)
		if err != nil {
			t.Fatal(err)
		}
		s.root, s.keys = root.root, Keys{Root: root.root.Public(), Statement: signed}
	}
	introduce(nz2, nz)
	two := makePackage(t, []*vectorSide{jp, nz})
	three := makePackage(t, []*vectorSide{au, jp, nz})
	doubled := makePackage(t, []*vectorSide{jp, nz, nz2})
	alone := func(pkg *agreement.Package, readers ...*vectorSide) *File { return makeFile(t, pkg, readers) }
	for name, tc := range map[string]struct {
		file *File
		code errs.Code
	}{
		"a channel that only its author reads":         {alone(two, nz), "evidence.readers"},
		"a second node of its own as the witness":      {alone(two, nz, nz2), "evidence.author"},
		"two nodes that the agreement names, one side": {alone(doubled, nz, nz2), "evidence.readers"},
		"a witness that the agreement does not name":   {alone(two, au, nz), "evidence.root"},
		"the same author twice":                        {edited(alone(two, jp, nz), func(f *File) { f.Keys = append(f.Keys, f.Keys[1]) }), "evidence.keys"},
		"keys in another order":                        {edited(alone(two, jp, nz), func(f *File) { slices.Reverse(f.Keys) }), "evidence.keys"},
		"the partner left out of the keys":             {edited(alone(two, jp, nz), func(f *File) { f.Keys = f.Keys[1:] }), "evidence.readers"},
		"the cosigner left out": {edited(alone(two, jp, nz), func(f *File) {
			p, err := journal.ParseProof(f.Items[1].Proof)
			if err != nil {
				t.Fatal(err)
			}
			p.Cosignatures = nil
			f.Items[1].Proof, _ = p.Encode()
		}), "journal.cosignature.missing"},
		"one of two cosigners left out": {edited(alone(three, au, jp, nz), func(f *File) {
			p, err := journal.ParseProof(f.Items[2].Proof)
			if err != nil {
				t.Fatal(err)
			}
			lines := bytes.SplitAfter(p.Cosignatures, []byte("\n"))
			p.Cosignatures = bytes.Join(lines[:2], nil)
			f.Items[2].Proof, _ = p.Encode()
		}), "journal.cosignature.missing"},
		"a held receipt of the author": {edited(alone(two, jp, nz), func(f *File) { f.Items[0].Held = []seal.Signed{makeHeld(t, f, jp, nz, jp.author, 2)} }),
			"exchange.held.signature"},
		"a held receipt of the other journal": {edited(alone(two, jp, nz), func(f *File) { f.Items[1].Held = f.Items[0].Held }), "evidence.held"},
		"a held receipt of what came before":  {edited(alone(two, jp, nz), func(f *File) { f.Items[0].Held = []seal.Signed{makeHeld(t, f, nz, nz, jp.author, 1)} }), "evidence.held"},
		"a held receipt of a stranger":        {edited(alone(two, jp, nz), func(f *File) { f.Items[0].Held = []seal.Signed{makeHeld(t, f, au, au, jp.author, 2)} }), "evidence.held"},
		"statements of another agreement": {edited(alone(two, jp, nz), func(f *File) {
			other := alone(three, jp, nz)
			f.Items = other.Items
		}), "evidence.origin"},
		"an agreement that one side signed": {edited(alone(two, jp, nz), func(f *File) {
			p, err := agreement.DecodePackage(f.Agreement)
			if err != nil {
				t.Fatal(err)
			}
			p.Signatures = p.Signatures[1:]
			if f.Agreement, err = p.Encode(); err != nil {
				t.Fatal(err)
			}
		}), "evidence.unsigned"},
	} {
		if code := firstCode(wire.MustMarshal(tc.file)); code != tc.code {
			t.Errorf("%s: %q, want %q", name, code, tc.code)
		}
	}
	for name, f := range map[string]*File{"an agreement of more parties": alone(three, jp, nz), "a channel of three": alone(three, au, jp, nz), "two of one side and one of the other": alone(doubled, jp, nz, nz2)} {
		if code := firstCode(wire.MustMarshal(f)); code != "" {
			t.Errorf("%s: %s", name, code)
		}
	}
}

func edited(f *File, edit func(*File)) *File { edit(f); return f }

// An act made under other terms is none under this agreement, although everything about it is signed.
func TestAnActUnderOtherTermsIsNotShownAsOneOfThis(t *testing.T) {
	jp, nz := makeSide(t, "JPN/jmod/node-1", vectorRealm), makeSide(t, "NZL/nzdf/node-1", vectorRealm)
	f := makeFile(t, makePackage(t, []*vectorSide{jp, nz}), []*vectorSide{jp, nz})
	it := &f.Items[0]
	act, err := statement.DecodeAct(it.Act.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	act.Rules.Terms[0] ^= 1
	leaf, body, _, err := statement.Make(act, &statement.Content{Version: 1}, [32]byte{1}, [32]byte{2})
	if err != nil {
		t.Fatal(err)
	}
	origin := journal.Origin{Realm: vectorRealm, Channel: f.Channel, Author: jp.author, Epoch: 1}
	cp := journal.Checkpoint{Origin: origin, Size: 1, Root: journal.LeafHash(leaf)}
	note, err := journal.Sign(jp.sign, seal.Hybrid, cp)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := journal.Cosign(nz.cosign, journal.WitnessName(nz.author), seal.Hybrid, cp, note, unixTime)
	if err != nil {
		t.Fatal(err)
	}
	it.Leaf, it.Act, it.Content, it.Held = leaf, &Opened{body.Salt, body.Bytes}, nil, nil
	if it.Proof, err = (&journal.Proof{Index: 0, Checkpoint: note, Cosignatures: lines}).Encode(); err != nil {
		t.Fatal(err)
	}
	if code := firstCode(wire.MustMarshal(f)); code != "evidence.terms" {
		t.Errorf("%q", code)
	}
}

// A report that is not good says so in one place, whatever else it says.
func TestOneBadFindingMakesTheWholeBad(t *testing.T) {
	jp, nz := makeSide(t, "JPN/jmod/node-1", vectorRealm), makeSide(t, "NZL/nzdf/node-1", vectorRealm)
	f := makeFile(t, makePackage(t, []*vectorSide{jp, nz}), []*vectorSide{jp, nz})
	f.Items[1].Act.Salt[0] ^= 1
	r := f.Verify(verifyRoot)
	if r.OK || !slices.ContainsFunc(r.Lines, func(x Finding) bool { return !x.OK }) || len(r.NotShown) < 5 {
		t.Errorf("%+v", r)
	}
}

func FuzzDecode(f *testing.F) {
	good := seedFile(f)
	published, err := Decode(good)
	if err != nil {
		f.Fatal(err)
	}
	signed := map[string]bool{}
	for _, it := range published.Items {
		signed[string(it.Leaf)] = true
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte{0xa6, 1, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		x, err := Decode(raw)
		if err != nil {
			return
		}
		if again, err := x.Encode(); err != nil || !bytes.Equal(again, raw) {
			t.Error("two encodings of one file")
		}
		// Nothing but the published statements was ever signed by anybody: what is found good shows those.
		if r := x.Verify(verifyRoot); r.OK {
			for _, it := range x.Items {
				if !signed[string(it.Leaf)] {
					t.Errorf("a statement that nobody signed is proved: %+v", r.Lines)
				}
			}
		}
	})
}

var unixTime = time.UnixMilli(1795500060000)

// seedFile is the published file.
func seedFile(f *testing.F) []byte {
	f.Helper()
	b, err := os.ReadFile(vectorFile)
	if err != nil {
		f.Fatal(err)
	}
	var v evidenceVectors
	if err := json.Unmarshal(b, &v); err != nil {
		f.Fatal(err)
	}
	raw, err := hex.DecodeString(v.File)
	if err != nil {
		f.Fatal(err)
	}
	return raw
}
