package seal

import (
	"crypto/ecdh"
	"crypto/rand"
	"testing"

	"entente/errs"
	"entente/party"

	"pgregory.net/rapid"
)

func TestBothEndsDeriveTheSameLink(t *testing.T) {
	a, b := namedLink("a"), namedLink("b")
	fa, fb := named("root a").Public().Fingerprint(), named("root b").Public().Fingerprint()
	derive := func(k *ecdh.PrivateKey, peer *ecdh.PrivateKey, realm party.Realm, x, y party.Fingerprint) LinkSecret {
		return must(LinkKeys(k, peer.PublicKey().Bytes(), realm, x, y))
	}
	l := derive(a, b, exercise, fa, fb)
	for name, same := range map[string]LinkSecret{
		"other end":              derive(b, a, exercise, fa, fb),
		"fingerprints exchanged": derive(a, b, exercise, fb, fa),
	} {
		if same.HMACKey(channel, author, reader) != l.HMACKey(channel, author, reader) ||
			same.LinkID(channel, author, reader) != l.LinkID(channel, author, reader) {
			t.Errorf("%s: another link", name)
		}
	}
	for name, other := range map[string]LinkSecret{
		"another realm": derive(a, b, party.Live, fa, fb),
		"another root":  derive(a, b, exercise, fa, named("root c").Public().Fingerprint()),
		"another key":   derive(a, namedLink("c"), exercise, fa, fb),
	} {
		if other.HMACKey(channel, author, reader) == l.HMACKey(channel, author, reader) ||
			other.LinkID(channel, author, reader) == l.LinkID(channel, author, reader) {
			t.Errorf("%s: the same link", name)
		}
	}
	if l.HMACKey(channel, author, reader) == l.HMACKey(channel, reader, author) ||
		l.LinkID(channel, author, reader) == l.LinkID(channel, reader, author) ||
		l.HMACKey(channel, author, reader) == l.HMACKey([48]byte{}, author, reader) ||
		l.LinkID(channel, author, reader) == l.LinkID([48]byte{}, author, reader) {
		t.Error("direction or channel is not bound")
	}
	before := l.HMACKey(channel, author, reader)
	copied := l
	l.Destroy()
	if copied.HMACKey(channel, author, reader) == before {
		t.Error("a destroyed secret still derives its key")
	}
}

func TestLinkRefusals(t *testing.T) {
	a, peer := namedLink("a"), namedLink("b").PublicKey().Bytes()
	fa, fb := party.Fingerprint{1}, party.Fingerprint{2}
	compressed := append([]byte{2 + peer[96]&1}, peer[1:49]...)
	for name, tc := range map[string]struct {
		priv   *ecdh.PrivateKey
		peer   []byte
		realm  party.Realm
		fa, fb party.Fingerprint
		code   errs.Code
	}{
		"no own key":          {nil, peer, exercise, fa, fb, "seal.link.key"},
		"own key of P-256":    {must(ecdh.P256().GenerateKey(rand.Reader)), peer, exercise, fa, fb, "seal.link.key"},
		"no peer key":         {a, nil, exercise, fa, fb, "seal.link.key"},
		"peer compressed":     {a, compressed, exercise, fa, fb, "seal.link.key"},
		"peer off the curve":  {a, flip(peer, 96), exercise, fa, fb, "seal.link.key"},
		"peer at infinity":    {a, []byte{0}, exercise, fa, fb, "seal.link.key"},
		"unknown realm":       {a, peer, "practice", fa, fb, "seal.link.realm"},
		"reflected key":       {a, a.PublicKey().Bytes(), exercise, fa, fb, "seal.link.self"},
		"one root both sides": {a, peer, exercise, fa, fa, "seal.link.self"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := LinkKeys(tc.priv, tc.peer, tc.realm, tc.fa, tc.fb)
			want(t, err, tc.code)
		})
	}
}

func TestLinkAgreesForRandomKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := namedLink(rapid.String().Draw(t, "a")+"a"), namedLink(rapid.String().Draw(t, "b")+"b")
		fa, fb := party.Fingerprint{1}, party.Fingerprint{2}
		x := must(LinkKeys(a, b.PublicKey().Bytes(), exercise, fa, fb))
		y := must(LinkKeys(b, a.PublicKey().Bytes(), exercise, fb, fa))
		if x.HMACKey(channel, author, reader) != y.HMACKey(channel, author, reader) {
			t.Fatal("the ends disagree")
		}
	})
}
