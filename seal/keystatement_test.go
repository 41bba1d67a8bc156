package seal

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"entente/errs"
	"entente/wire"

	"pgregory.net/rapid"
)

var root = named("root")

// followed returns a rotation of ks that keeps every key.
func followed(ks *KeyStatement) *KeyStatement {
	next := *ks
	next.Serial, next.Previous = ks.Serial+1, ks.Digest()
	return &next
}

func TestKeyStatementOpensUnderItsRootOnly(t *testing.T) {
	ks := firstStatement("")
	s := must(SignKeyStatement(root, ks))
	got := must(OpenKeyStatement(root.Public(), must(DecodeSigned(s.Encode()))))
	if got.Digest() != ks.Digest() || got.Author != author || !got.HasKEM(ks.KEM[1].ID()) || got.HasKEM(KeyID{}) {
		t.Error("another statement came back")
	}
	_, err := OpenKeyStatement(named("another root").Public(), s)
	want(t, err, "seal.signed.key")
	_, err = OpenKeyStatement(root.Public(), must(SignPayload(root, "entente/receipt/1", s.Payload)))
	want(t, err, "seal.signature")
	_, err = OpenKeyStatement(root.Public(), must(SignPayload(root, KeyStatementContext, []byte{0xa0})))
	want(t, err, "wire.not-deterministic")
	if !ks.InForce(time.UnixMilli(ks.From)) || ks.InForce(time.UnixMilli(ks.Until)) || ks.InForce(time.UnixMilli(ks.From-1)) {
		t.Error("in force outside From ≤ t < Until")
	}
}

// Every byte of a signed statement is covered, whichever field it belongs to.
func TestKeyStatementAnyByteAltered(t *testing.T) {
	raw := must(SignKeyStatement(root, firstStatement(""))).Encode()
	rapid.Check(t, func(t *rapid.T) {
		i := rapid.IntRange(0, len(raw)-1).Draw(t, "byte")
		s, err := DecodeSigned(flip(raw, i))
		if err == nil {
			_, err = OpenKeyStatement(root.Public(), s)
		}
		if err == nil {
			t.Fatalf("byte %d may be altered", i)
		}
	})
}

func TestKeyStatementFieldByField(t *testing.T) {
	ids := func(n int) (ids []KeyID) {
		for i := range n {
			ids = append(ids, KeyID{byte(i >> 8), byte(i)})
		}
		return ids
	}
	for name, tc := range map[string]struct {
		change func(*KeyStatement)
		code   errs.Code
	}{
		"nothing":                 {func(k *KeyStatement) {}, ""},
		"most revoked":            {func(k *KeyStatement) { k.Revoked = ids(256) }, ""},
		"version 0":               {func(k *KeyStatement) { k.Version = 0 }, "seal.keys.version"},
		"version 2":               {func(k *KeyStatement) { k.Version = 2 }, "seal.keys.version"},
		"unknown realm":           {func(k *KeyStatement) { k.Realm = "practice" }, "seal.keys.realm"},
		"author not one":          {func(k *KeyStatement) { k.Author = "NZL" }, "seal.keys.author"},
		"serial 0":                {func(k *KeyStatement) { k.Serial = 0 }, "seal.keys.serial"},
		"no start":                {func(k *KeyStatement) { k.From = 0 }, "seal.keys.validity"},
		"ends at its start":       {func(k *KeyStatement) { k.Until = k.From }, "seal.keys.validity"},
		"ends before":             {func(k *KeyStatement) { k.Until = -1 }, "seal.keys.validity"},
		"unknown suite":           {func(k *KeyStatement) { k.Suite = "none" }, "seal.keys.suite"},
		"other suite than KEM":    {func(k *KeyStatement) { k.Suite = CNSA }, "seal.keys.kem"},
		"signing key short":       {func(k *KeyStatement) { k.Signing.MLDSA87 = k.Signing.MLDSA87[1:] }, "seal.keys.signing"},
		"signing key weak":        {func(k *KeyStatement) { k.Signing.Ed25519 = make([]byte, 32) }, "seal.keys.signing"},
		"cosigning key missing":   {func(k *KeyStatement) { k.Cosigning = PublicKey{} }, "seal.keys.signing"},
		"one key for both":        {func(k *KeyStatement) { k.Cosigning = k.Signing }, "seal.keys.signing"},
		"Ed25519 half for both":   {func(k *KeyStatement) { k.Cosigning.Ed25519 = k.Signing.Ed25519 }, "seal.keys.signing"},
		"ML-DSA half for both":    {func(k *KeyStatement) { k.Cosigning.MLDSA87 = k.Signing.MLDSA87 }, "seal.keys.signing"},
		"no KEM":                  {func(k *KeyStatement) { k.KEM = nil }, "seal.keys.kem"},
		"nine KEM":                {func(k *KeyStatement) { k.KEM = slices.Repeat(k.KEM[:1], 9) }, "seal.keys.kem"},
		"a KEM twice":             {func(k *KeyStatement) { k.KEM = slices.Repeat(k.KEM[:1], 2) }, "seal.keys.kem"},
		"KEM not a key":           {func(k *KeyStatement) { k.KEM = []KEMPublic{{Hybrid, make([]byte, 1665)}} }, "seal.keys.kem"},
		"no TLS key":              {func(k *KeyStatement) { k.TLS = [48]byte{} }, "seal.keys.tls"},
		"no link key":             {func(k *KeyStatement) { k.LinkKey = nil }, "seal.keys.link"},
		"link key off the curve":  {func(k *KeyStatement) { k.LinkKey = flip(k.LinkKey, 96) }, "seal.keys.link"},
		"first has a previous":    {func(k *KeyStatement) { k.Previous[0] = 1 }, "seal.keys.previous"},
		"revoked twice":           {func(k *KeyStatement) { k.Revoked = []KeyID{{1}, {1}} }, "seal.keys.revoked"},
		"revoked out of order":    {func(k *KeyStatement) { k.Revoked = []KeyID{{2}, {1}} }, "seal.keys.revoked"},
		"too many revoked":        {func(k *KeyStatement) { k.Revoked = ids(257) }, "seal.keys.revoked"},
		"signing key revoked":     {func(k *KeyStatement) { k.Revoked = []KeyID{k.Signing.ID()} }, "seal.keys.revoked"},
		"cosigning key revoked":   {func(k *KeyStatement) { k.Revoked = []KeyID{k.Cosigning.ID()} }, "seal.keys.revoked"},
		"KEM revoked":             {func(k *KeyStatement) { k.Revoked = []KeyID{k.KEM[1].ID()} }, "seal.keys.revoked"},
		"root signs for the node": {func(k *KeyStatement) { k.Signing = root.Public() }, "seal.keys.root"},
		"root's half cosigns":     {func(k *KeyStatement) { k.Cosigning.MLDSA87 = root.Public().MLDSA87 }, "seal.keys.root"},
	} {
		t.Run(name, func(t *testing.T) {
			ks := firstStatement("")
			tc.change(ks)
			_, err := SignKeyStatement(root, ks)
			want(t, err, tc.code)
			if b := wire.MustMarshal(ks); tc.code != "" && len(b) <= MaxPayload { // a root that signs it all the same
				_, err = OpenKeyStatement(root.Public(), must(SignPayload(root, KeyStatementContext, b)))
				want(t, err, tc.code)
			}
		})
	}
}

func TestLargestKeyStatementFits(t *testing.T) {
	ks := firstStatement("")
	ks.KEM, ks.Serial, ks.Previous = nil, 1<<63, [48]byte{1}
	for i := range 8 {
		ks.KEM = append(ks.KEM, namedKEM(Hybrid, string(rune('a'+i))).Public())
	}
	for i := range 256 {
		ks.Revoked = append(ks.Revoked, KeyID{byte(i), 1})
	}
	b := must(ks.Encode())
	if _, err := DecodeKeyStatement(b); err != nil || len(b) > MaxKeyStatement {
		t.Errorf("%d bytes: %v", len(b), err)
	}
	if s := must(SignKeyStatement(root, ks)); len(s.Encode()) > MaxSigned {
		t.Error("does not fit its envelope")
	}
}

func TestRotation(t *testing.T) {
	have := firstStatement("")
	have.Revoked = []KeyID{{1}, {9}}
	fresh := firstStatement("fresh ")
	lost := *fresh
	lost.Serial, lost.Revoked = 7, have.Revoked
	for name, tc := range map[string]struct {
		next func() *KeyStatement
		code errs.Code
	}{
		"same keys, longer": {func() *KeyStatement { k := followed(have); k.Until++; return k }, ""},
		"new KEM in front": {func() *KeyStatement {
			k := followed(have)
			k.KEM = []KEMPublic{fresh.KEM[0], k.KEM[0]}
			return k
		}, ""},
		"new signing key, old one revoked": {func() *KeyStatement {
			k := followed(have)
			k.Signing = fresh.Signing
			k.Revoked = sorted(append(slices.Clone(k.Revoked), have.Signing.ID()))
			return k
		}, ""},
		"after loss":              {func() *KeyStatement { return &lost }, ""},
		"after loss, next serial": {func() *KeyStatement { k := lost; k.Serial = 2; return &k }, ""},
		"other realm":             {func() *KeyStatement { k := followed(have); k.Realm = "live"; return k }, "seal.rotation.realm"},
		"other author":            {func() *KeyStatement { k := followed(have); k.Author = reader; return k }, "seal.rotation.author"},
		"other suite": {func() *KeyStatement {
			k := followed(have)
			k.Suite, k.KEM = CNSA, []KEMPublic{namedKEM(CNSA, "x").Public()}
			return k
		}, "seal.rotation.suite"},
		"another with this serial":       {func() *KeyStatement { k := *have; k.Until++; return &k }, "seal.rotation.fork"},
		"serial skipped":                 {func() *KeyStatement { k := followed(have); k.Serial++; return k }, "seal.rotation.chain"},
		"follows another":                {func() *KeyStatement { k := followed(have); k.Previous[0] ^= 1; return k }, "seal.rotation.chain"},
		"revoked key left out":           {func() *KeyStatement { k := followed(have); k.Revoked = []KeyID{{1}}; return k }, "seal.rotation.revoked"},
		"revoked forgotten after loss":   {func() *KeyStatement { k := lost; k.Revoked = nil; return &k }, "seal.rotation.revoked"},
		"unchained, signing key kept":    {func() *KeyStatement { k := lost; k.Signing = have.Signing; return &k }, "seal.rotation.reused"},
		"unchained, half of a key kept":  {func() *KeyStatement { k := lost; k.Signing.MLDSA87 = have.Signing.MLDSA87; return &k }, "seal.rotation.reused"},
		"unchained, cosigning now signs": {func() *KeyStatement { k := lost; k.Signing = have.Cosigning; return &k }, "seal.rotation.reused"},
		"unchained, cosigning key kept":  {func() *KeyStatement { k := lost; k.Cosigning = have.Cosigning; return &k }, "seal.rotation.reused"},
		"unchained, KEM kept":            {func() *KeyStatement { k := lost; k.KEM = have.KEM[1:]; return &k }, "seal.rotation.reused"},
		"unchained, TLS key kept":        {func() *KeyStatement { k := lost; k.TLS = have.TLS; return &k }, "seal.rotation.reused"},
		"unchained, link key kept":       {func() *KeyStatement { k := lost; k.LinkKey = have.LinkKey; return &k }, "seal.rotation.reused"},
	} {
		t.Run(name, func(t *testing.T) {
			next := tc.next()
			got, err := NextKeyStatement(root.Public(), have, must(SignKeyStatement(root, next)))
			want(t, err, tc.code)
			if (got != nil) != (tc.code == "") || got != nil && got.Digest() != next.Digest() {
				t.Error("not the statement that was offered")
			}
			if err != nil && errs.KindOf(err) != errs.Refused {
				t.Errorf("kind %v", errs.KindOf(err))
			}
		})
	}
	if got, err := NextKeyStatement(root.Public(), have, must(SignKeyStatement(root, have))); got != have || err != nil {
		t.Errorf("the same once more: %v", err)
	}
	_, err := NextKeyStatement(root.Public(), followed(have), must(SignKeyStatement(root, have)))
	want(t, err, "seal.rotation.serial")
	_, err = NextKeyStatement(root.Public(), have, must(SignPayload(named("signing"), KeyStatementContext, must(followed(have).Encode()))))
	want(t, err, "seal.signed.key")

	// A key that was revoked cannot come back, by itself or with its revocation dropped.
	revoked := followed(have)
	revoked.Signing, revoked.Revoked = fresh.Signing, sorted(append(slices.Clone(have.Revoked), have.Signing.ID()))
	back := followed(revoked)
	back.Signing = have.Signing
	_, err = SignKeyStatement(root, back)
	want(t, err, "seal.keys.revoked")
	back.Revoked = have.Revoked
	_, err = NextKeyStatement(root.Public(), revoked, must(SignKeyStatement(root, back)))
	want(t, err, "seal.rotation.revoked")
}

func sorted(ids []KeyID) []KeyID {
	slices.SortFunc(ids, func(a, b KeyID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

func FuzzDecodeKeyStatement(f *testing.F) {
	f.Add(must(firstStatement("").Encode()))
	f.Add(must(followed(firstStatement("")).Encode()))
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		ks, err := DecodeKeyStatement(raw)
		if err != nil {
			return
		}
		if b, err := ks.Encode(); err != nil || !bytes.Equal(b, raw) {
			t.Fatal("two encodings of one value")
		}
	})
}
