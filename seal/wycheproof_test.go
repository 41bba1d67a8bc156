package seal

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/mlkem"
	"crypto/sha512"
	"encoding/json"
	"io/fs"
	"slices"
	"testing"

	"filippo.io/mldsa"
	"github.com/c2sp/wycheproof"
)

// The primitives come from elsewhere; these tests run Wycheproof's vectors through the types of this package, so that a
// wrong size, a swapped argument or a skipped check shows.

// attempt is the union of the fields of all Wycheproof tests used here.
type attempt struct {
	ID                                                                                  int `json:"tcId"`
	Comment, Result                                                                     string
	Flags                                                                               []string
	Msg                                                                                 *hexBytes
	Ctx, Sig, Seed, Ek, C, K, Key, IV, AAD, Ct, Tag, Ikm, Salt, Info, Okm, DK, Password hexBytes
	Public, Private, Shared                                                             hexBytes
	Size, IterationCount                                                                int
}

type attempts struct {
	PrivateSeed              hexBytes
	PublicKey                json.RawMessage
	IVSize, KeySize, TagSize int
	Tests                    []attempt
}

func (a attempts) publicKey(t *testing.T) (b hexBytes) {
	if json.Unmarshal(a.PublicKey, &b) != nil {
		var key struct{ Pk hexBytes }
		if err := json.Unmarshal(a.PublicKey, &key); err != nil {
			t.Fatal(err)
		}
		b = key.Pk
	}
	return b
}

func wycheproofFile(t *testing.T, name string, run func(t *testing.T, g attempts, a attempt) (used bool)) {
	raw, err := fs.ReadFile(wycheproof.TestVectors, name+"_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ TestGroups []attempts }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	used := 0
	for _, g := range file.TestGroups {
		for _, a := range g.Tests {
			if run(t, g, a) {
				used++
			}
			if t.Failed() {
				t.Fatalf("%s, test %d (%s)", name, a.ID, a.Comment)
			}
		}
	}
	if t.Logf("%s: %d tests", name, used); used < 20 {
		t.Errorf("%s: only %d tests apply", name, used)
	}
}

func TestWycheproof(t *testing.T) {
	t.Run("ml-dsa-87 signing", func(t *testing.T) {
		t.Parallel()
		wycheproofFile(t, "mldsa_87_sign_seed", func(t *testing.T, g attempts, a attempt) bool {
			if a.Msg == nil || len(g.PrivateSeed) != 32 { // only for a signer of digests; not a seed of ours
				return false
			}
			k := NewSigningKey([64]byte(slices.Concat(make([]byte, 32), g.PrivateSeed)))
			if pub := g.publicKey(t); len(pub) > 0 && !bytes.Equal(k.Public().MLDSA87, pub) {
				t.Error("the seed gives another public key")
			}
			sig, err := k.key().ml.SignDeterministic(*a.Msg, &mldsa.Options{Context: string(a.Ctx)})
			if a.Result == "invalid" {
				if err == nil {
					t.Error("signed under an invalid context")
				}
				return true
			}
			if !slices.Contains(a.Flags, "Randomized") && !bytes.Equal(sig, a.Sig) {
				t.Error("another signature")
			}
			if !k.Public().verifyMLDSA(string(a.Ctx), *a.Msg, a.Sig) {
				t.Error("does not verify")
			}
			return true
		})
	})
	t.Run("ml-dsa-87 verification", func(t *testing.T) {
		t.Parallel()
		wycheproofFile(t, "mldsa_87_verify", func(t *testing.T, g attempts, a attempt) bool {
			p := PublicKey{Ed25519: named("signer").Public().Ed25519, MLDSA87: g.publicKey(t)}
			ok := a.Msg != nil && p.Check() == nil && p.verifyMLDSA(string(a.Ctx), *a.Msg, a.Sig)
			if ok != (a.Result == "valid") {
				t.Errorf("verifies: %v", ok)
			}
			return true
		})
	})
	t.Run("ed25519", func(t *testing.T) {
		t.Parallel()
		wycheproofFile(t, "ed25519", func(t *testing.T, g attempts, a attempt) bool {
			p := PublicKey{Ed25519: g.publicKey(t), MLDSA87: named("signer").Public().MLDSA87}
			if err := p.VerifyNoteEd25519(*a.Msg, a.Sig); (err == nil) != (a.Result == "valid") {
				t.Error(err)
			}
			return true
		})
	})
	t.Run("ml-kem-1024", func(t *testing.T) {
		t.Parallel()
		wycheproofFile(t, "mlkem_1024", func(t *testing.T, g attempts, a attempt) bool {
			k, err := KEMFromBytes(CNSA, a.Seed)
			if err == nil && len(a.Ek) > 0 && !bytes.Equal(k.Public().Bytes, a.Ek) {
				t.Error("the seed gives another public key")
			}
			if err != nil {
				if a.Result == "valid" {
					t.Error(err)
				}
				return true
			}
			d, err := mlkem.NewDecapsulationKey1024(must(k.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			shared, err := d.Decapsulate(a.C)
			if (err == nil) != (a.Result == "valid") || err == nil && !bytes.Equal(shared, a.K) {
				t.Errorf("decapsulates to %x, %v", shared, err)
			}
			if err != nil { // what cannot be decapsulated cannot be opened either
				_, err = k.Open([]byte("info"), append(a.C, make([]byte, 40)...))
				want(t, err, "seal.open")
			}
			return true
		})
	})
	t.Run("ml-kem-1024 key generation", func(t *testing.T) {
		t.Parallel()
		wycheproofFile(t, "mlkem_1024_keygen_seed", func(t *testing.T, g attempts, a attempt) bool {
			if !bytes.Equal(must(KEMFromBytes(CNSA, a.Seed)).Public().Bytes, a.Ek) {
				t.Error("another public key")
			}
			return true
		})
	})
	t.Run("ml-kem-1024 keys to encapsulate to", func(t *testing.T) {
		t.Parallel()
		wycheproofFile(t, "mlkem_1024_encaps", func(t *testing.T, g attempts, a attempt) bool {
			if err := (KEMPublic{CNSA, a.Ek}).Check(); (err == nil) != (a.Result == "valid") {
				t.Error(err)
			}
			return true
		})
	})
	t.Run("aes-256-gcm", func(t *testing.T) {
		t.Parallel()
		wycheproofFile(t, "aes_gcm", func(t *testing.T, g attempts, a attempt) bool {
			if g.KeySize != 256 || g.IVSize != 96 || g.TagSize != 128 {
				return false
			}
			got, err := OpenItem([32]byte(a.Key), a.AAD, slices.Concat(a.IV, a.Ct, a.Tag))
			if (err == nil) != (a.Result == "valid") || err == nil && !bytes.Equal(got, *a.Msg) {
				t.Errorf("opens to %x, %v", got, err)
			}
			return true
		})
	})
	t.Run("hkdf-sha-384", func(t *testing.T) {
		t.Parallel()
		wycheproofFile(t, "hkdf_sha384", func(t *testing.T, g attempts, a attempt) bool {
			if a.Size > 255*48 { // every length asked for here is a constant
				return false
			}
			prk := must(hkdf.Extract(sha512.New384, a.Ikm, a.Salt))
			if got := expand(prk, a.Info, a.Size); !bytes.Equal(got, a.Okm) {
				t.Errorf("expands to %x", got)
			}
			return true
		})
	})
	t.Run("pbkdf2-hmac-sha-512", func(t *testing.T) {
		t.Parallel()
		wycheproofFile(t, "pbkdf2_hmacsha512", func(t *testing.T, g attempts, a attempt) bool {
			if len(a.DK) > 64 || testing.Short() && a.IterationCount > 4096 {
				return false
			}
			key, check, err := (&keyFile{salt: a.Salt, iterations: a.IterationCount}).derive(a.Password)
			if err != nil || !bytes.HasPrefix(append(key[:], check...), a.DK) {
				t.Errorf("derives %x, %v", key, err)
			}
			return true
		})
	})
	t.Run("ecdh secp384r1", func(t *testing.T) {
		t.Parallel()
		wycheproofFile(t, "ecdh_secp384r1_ecpoint", func(t *testing.T, g attempts, a attempt) bool {
			if testing.Short() && a.ID%4 != 0 && a.Result == "valid" {
				return false
			}
			pub, err := linkPublic(a.Public)
			if a.Result == "invalid" || len(a.Public) != pointSize {
				want(t, err, "seal.link.key") // compressed points too: one spelling
				return true
			}
			priv := slices.Concat(make([]byte, 48), a.Private)
			k, err2 := ecdh.P384().NewPrivateKey(priv[len(priv)-48:])
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			if shared, err := k.ECDH(pub); err != nil || !bytes.Equal(shared, a.Shared) {
				t.Errorf("agrees on %x, %v", shared, err)
			}
			return true
		})
	})
}
