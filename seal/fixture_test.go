package seal

import (
	"crypto/ecdh"
	"crypto/sha512"
	"encoding/json"
	"os"
	"sync"
	"testing"

	"entente/errs"
	"entente/party"
)

const (
	exercise = party.Realm("exercise:tasman")
	author   = party.Author("NZL/nzdf/node-1")
	reader   = party.Author("JPN/mod/node-1")
)

var channel = sha512.Sum384([]byte("channel"))

// named returns the fixed key of a name; equal names give equal keys.
func named(name string) *SigningKey {
	k, _ := namedKeys.LoadOrStore(name, sync.OnceValue(func() *SigningKey { return NewSigningKey(sha512.Sum512([]byte(name))) }))
	return k.(func() *SigningKey)()
}

var namedKeys sync.Map

func namedKEM(suite Suite, name string) *KEMPrivate {
	seed := sha512.Sum512([]byte(name))
	b := seed[:]
	if suite == Hybrid {
		b = seed[:32]
	}
	k, err := KEMFromBytes(suite, b)
	if err != nil {
		panic(err)
	}
	return k
}

func namedLink(name string) *ecdh.PrivateKey {
	seed := sha512.Sum384([]byte(name))
	seed[0] = 0 // below the order of the curve
	k, err := ecdh.P384().NewPrivateKey(seed[:])
	if err != nil {
		panic(err)
	}
	return k
}

// firstStatement is a statement that nothing is wrong with, naming keys that begin with prefix.
func firstStatement(prefix string) *KeyStatement {
	return &KeyStatement{Version: 1, Realm: exercise, Author: author, Serial: 1, From: 1_780_000_000_000, Until: 1_790_000_000_000,
		Suite: Hybrid, Signing: named(prefix + "signing").Public(), Cosigning: named(prefix + "cosigning").Public(),
		KEM: []KEMPublic{namedKEM(Hybrid, prefix+"kem 2").Public(), namedKEM(Hybrid, prefix+"kem 1").Public()},
		TLS: sha512.Sum384([]byte(prefix + "tls")), LinkKey: namedLink(prefix + "link").PublicKey().Bytes()}
}

func want(t *testing.T, err error, code errs.Code) {
	t.Helper()
	if (err == nil) != (code == "") || errs.CodeOf(err) != code {
		t.Errorf("error %v, want code %q", err, code)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func flip(b []byte, i int) []byte {
	c := append([]byte(nil), b...)
	c[i] ^= 1
	return c
}

func readJSON(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}
