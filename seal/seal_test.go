package seal

import (
	"bytes"
	"context"
	"crypto/fips140"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"entente/party"
)

// TestCore is one round trip of everything, short enough to be run again in the FIPS 140-3 modes.
func TestCore(t *testing.T) {
	if mode := os.Getenv("SEAL_TEST_FIPS"); mode != "" && (!fips140.Enabled() || fips140.Enforced() != (mode == "only")) {
		t.Fatalf("not in the mode asked for: %s", mode)
	}
	rootKey := must(GenerateSigningKey())
	for _, suite := range suites {
		secrets := must(NewNodeSecrets(suite, []byte("PKCS #8")))
		file := must(LockKeyFile(passphrase, MinIterations, exercise, "node", must(secrets.Encode())))
		keys := must(must(DecodeNodeSecrets(must(UnlockKeyFile(passphrase, file, exercise, "node")))).Keys())
		ks := &KeyStatement{Version: 1, Realm: exercise, Author: author, Serial: 1, From: 1, Until: 2, Suite: suite,
			Signing: keys.Signing.Public(), Cosigning: keys.Cosigning.Public(), KEM: []KEMPublic{keys.KEM[0].Public()},
			TLS: [48]byte{1}, LinkKey: keys.Link.PublicKey().Bytes()}
		got := must(OpenKeyStatement(rootKey.Public(), must(SignKeyStatement(rootKey, ks))))

		info := Info("entente/test/1", suite, exercise, channel, author, reader, 1, got.KEM[0].ID(), nil)
		if b, err := keys.Open(got.KEM[0].ID(), info, must(SealTo(got.KEM[0], info, []byte("bundle")))); err != nil || string(b) != "bundle" {
			t.Errorf("sealing: %v", err)
		}
		peer := must(must(NewNodeSecrets(suite, []byte("PKCS #8"))).Keys())
		a := must(LinkKeys(peer.Link, got.LinkKey, exercise, party.Fingerprint{1}, party.Fingerprint{2}))
		b := must(LinkKeys(keys.Link, peer.Link.PublicKey().Bytes(), exercise, party.Fingerprint{2}, party.Fingerprint{1}))
		if a.HMACKey(channel, author, reader) != b.HMACKey(channel, author, reader) {
			t.Error("the link differs at its ends")
		}
		text := []byte("note\n")
		want(t, got.Signing.VerifyNoteEd25519(text, keys.Signing.SignNoteEd25519(text)), "")
		if row, err := keys.Storage.Open(nil, nil, keys.Storage.Seal(nil, nil, []byte("row"))); err != nil || string(row) != "row" {
			t.Errorf("item: %v", err)
		}
	}
	var b, out bytes.Buffer
	o := must(EncryptObject(&b, bytes.NewReader(pattern(2_000_000)), objectKey, binding))
	if err := DecryptObject(&out, bytes.NewReader(b.Bytes()), objectKey, binding, o); err != nil || !bytes.Equal(out.Bytes(), pattern(2_000_000)) {
		t.Errorf("object: %v", err)
	}
}

// TestFIPS runs TestCore in a process of its own, because the mode is fixed when a process starts.
func TestFIPS(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"on", "only"} {
		t.Run(mode, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, exe, "-test.run=^TestCore$", "-test.count=1")
			cmd.Env = append(os.Environ(), "GODEBUG=fips140="+mode, "SEAL_TEST_FIPS="+mode)
			if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS")) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// TestSecretsDoNotPrint tries every verb, every logger and every nesting on every type that holds a secret.
func TestSecretsDoNotPrint(t *testing.T) {
	s := nodeSecrets()
	keys := must(s.Keys())
	link := must(LinkKeys(namedLink("a"), namedLink("b").PublicKey().Bytes(), exercise, party.Fingerprint{1}, party.Fingerprint{2}))
	b, o := container(10)
	r := must(OpenObject(bytes.NewReader(b), objectKey, binding, o, nil))
	traces := [][]byte{s.Signing[:6], s.Signing[32:38], s.Storage[:6], s.KEM[0][:6], s.Link[1:7], link.key()[:6], r.floe().message[:6], s.TLS[:6]}
	for name, v := range map[string]any{
		"NodeSecrets": *s, "*NodeSecrets": s, "*NodeKeys": keys, "*SigningKey": keys.Signing, "SigningKey": *keys.Signing,
		"*KEMPrivate": keys.KEM[0], "LinkSecret": link, "*LinkSecret": &link, "*ItemCipher": keys.Storage, "*ObjectReader": r,
		"link in a struct": struct{ l LinkSecret }{link}, "key in a struct": struct{ k *SigningKey }{keys.Signing},
		"KEM in a struct": struct{ k *KEMPrivate }{keys.KEM[0]}, "node keys in a struct": struct{ k *NodeKeys }{keys},
		"cipher in a struct": struct{ c *ItemCipher }{keys.Storage}, "reader in a struct": struct{ r *ObjectReader }{r},
		"keys in a slice":  []*SigningKey{keys.Signing},
		"secrets in a map": map[string]*NodeSecrets{"x": s}, "exported in a struct": struct{ L LinkSecret }{link},
	} {
		var logged bytes.Buffer
		slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "v", v)
		j, _ := json.Marshal(v)
		text := logged.String() + string(j)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d"} {
			text += fmt.Sprintf(verb, v) + "\n"
		}
		for _, secret := range traces {
			if len(bytes.Trim(secret, "\x00")) == 0 {
				t.Fatal("the trace is not a secret")
			}
			for _, form := range []string{"%x", "%X", "%d", "%s", "%#v"} {
				if leak := strings.Trim(fmt.Sprintf(form, secret), "[]byte{}"); strings.Contains(text, leak) {
					t.Errorf("%s prints a secret (%s)", name, form)
				}
			}
		}
		if !strings.Contains(name, "in a") && (!strings.Contains(text, secretText) || fmt.Sprint(v) != secretText) {
			t.Errorf("%s prints %s", name, fmt.Sprint(v))
		}
	}
}
