package link

import (
	"crypto/ecdh"
	"crypto/rand"
	"testing"
	"time"

	"entente/errs"
	"entente/seal"
)

// A stranger's flood has an allowance of its own: it neither fills the disk nor keeps tampering with a channel out of the record.
func TestAFloodOfStrangersLeavesRoomForTheRecordOfAChannel(t *testing.T) {
	var n noteLimits
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	written, counted := 0, uint64(0)
	for range 24 * 60 * 60 { // a day, ten a second
		for range 10 {
			if ok, skipped := n.allow([48]byte{}, now); ok {
				written, counted = written+1, counted+skipped
			}
		}
		now = now.Add(time.Second)
	}
	if written < refusalBurst || written > refusalBurst+24*60+1 {
		t.Errorf("%d entries of strangers in a day", written)
	}
	if ok, skipped := n.allow([48]byte{1}, now); !ok || skipped != 0 {
		t.Error("the flood kept a channel's refusal out of the record")
	}
	if ok, skipped := n.allow([48]byte{}, now.Add(time.Hour)); !ok || counted+skipped != 864000-uint64(written) {
		t.Errorf("what was left out is not counted: %v, %d of %d", ok, counted+skipped, 864000-written)
	}
	n.allow([48]byte{}, now.Add(-time.Hour)) // a clock set back gives nothing
}

func TestAllowancesAreBounded(t *testing.T) {
	var n noteLimits
	now := time.Now()
	for i := range 3 * refusalAllowance {
		n.allow([48]byte{byte(i), byte(i >> 8), 1}, now)
	}
	if len(n.of) > refusalAllowance+1 {
		t.Errorf("%d are kept", len(n.of))
	}
}

// newCard is a card as a node hands it over.
func newCard(t testing.TB, edit func(*seal.KeyStatement)) *Card {
	t.Helper()
	root, err := seal.GenerateSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	ks := keysOf(t)
	if edit != nil {
		edit(ks)
	}
	signed, err := seal.SignKeyStatement(root, ks)
	if err != nil {
		t.Fatal(err)
	}
	return &Card{Version: 1, Realm: ks.Realm, Author: ks.Author, Root: root.Public(), Keys: signed, Address: "nzl.test:1"}
}

func keysOf(t testing.TB) *seal.KeyStatement {
	t.Helper()
	signing, err := seal.GenerateSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	cosigning, err := seal.GenerateSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	kem, err := seal.GenerateKEM(seal.Hybrid)
	if err != nil {
		t.Fatal(err)
	}
	link, err := ecdh.P384().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &seal.KeyStatement{Version: 1, Realm: "exercise:test", Author: "NZL/nzdf/node-1", Serial: 1, From: 1, Until: 1 << 42, Suite: seal.Hybrid, Signing: signing.Public(),
		Cosigning: cosigning.Public(), KEM: []seal.KEMPublic{kem.Public()}, TLS: [48]byte{1}, LinkKey: link.PublicKey().Bytes()}
}

func TestEachFieldOfACardIsCheckedAgainstItsSignature(t *testing.T) {
	if _, _, err := ReadCard(newCard(t, nil).Encode()); err != nil {
		t.Fatal(err)
	}
	other := newCard(t, nil)
	for name, tc := range map[string]struct {
		edit func(*Card)
		code errs.Code
	}{
		"version":         {func(c *Card) { c.Version = 2 }, "link.card"},
		"realm":           {func(c *Card) { c.Realm = "live" }, "link.card"},
		"author":          {func(c *Card) { c.Author = "NZL/nzdf/node-2" }, "link.card"},
		"root":            {func(c *Card) { c.Root = other.Root }, "seal.signed.key"},
		"half a root":     {func(c *Card) { c.Root.MLDSA87 = other.Root.MLDSA87 }, "seal.signed.key"},
		"another's keys":  {func(c *Card) { c.Keys = other.Keys }, "seal.signed.key"},
		"the signature":   {func(c *Card) { c.Keys.Sig.Ed25519[0] ^= 1 }, "seal.signature"},
		"the other half":  {func(c *Card) { c.Keys.Sig.MLDSA87[0] ^= 1 }, "seal.signature"},
		"the statement":   {func(c *Card) { c.Keys.Payload[len(c.Keys.Payload)-1] ^= 1 }, "seal.signature"},
		"a path":          {func(c *Card) { c.Address = "host:1/x" }, "link.card"},
		"a user":          {func(c *Card) { c.Address = "u@host:1" }, "link.card"},
		"a line":          {func(c *Card) { c.Address = "host:1\r\nX: y" }, "link.card"},
		"another script":  {func(c *Card) { c.Address = "hоst:1" }, "link.card"},
		"a long address":  {func(c *Card) { c.Address = string(make([]byte, 256)) }, "link.card"},
		"a key cut short": {func(c *Card) { c.Root.Ed25519 = c.Root.Ed25519[:31] }, "seal.key"},
	} {
		c := newCard(t, nil)
		tc.edit(c)
		if _, _, err := ReadCard(c.Encode()); errs.CodeOf(err) != tc.code {
			t.Errorf("%s: %v, want %s", name, err, tc.code)
		}
	}
}

func FuzzReadCard(f *testing.F) {
	good := newCard(f, nil).Encode()
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, ks, err := ReadCard(raw)
		if err != nil {
			return
		}
		if string(c.Encode()) != string(raw) || ks.Author != c.Author || ks.Realm != c.Realm || !validAddress(c.Address) {
			t.Error("a card that contradicts itself was read")
		}
	})
}
