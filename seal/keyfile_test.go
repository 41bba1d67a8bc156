package seal

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"entente/errs"
	"entente/party"

	"pgregory.net/rapid"
)

var passphrase = []byte("正しい 馬 battery staple")

func TestKeyFileTampering(t *testing.T) {
	file := string(must(LockKeyFile(passphrase, MinIterations, exercise, "node", []byte("the secret"))))
	lines := strings.Split(file, "\n")
	line := func(i int, s string) string {
		c := append([]string(nil), lines...)
		c[i] = s
		return strings.Join(c, "\n")
	}
	altered := func(i, at int) string { // one hexadecimal or base64 digit for another
		b := []byte(lines[i])
		if b[at] == 'a' {
			b[at] = 'b'
		} else {
			b[at] = 'a'
		}
		return line(i, string(b))
	}
	for name, tc := range map[string]struct {
		pass, file string
		realm      party.Realm
		kind       string
		code       errs.Code
	}{
		"nothing":              {string(passphrase), file, exercise, "node", ""},
		"wrong passphrase":     {"wrong", file, exercise, "node", "seal.keyfile.passphrase"},
		"no passphrase":        {"", file, exercise, "node", "seal.keyfile.input"},
		"endless passphrase":   {strings.Repeat("x", 1025), file, exercise, "node", "seal.keyfile.input"},
		"wanted for live":      {string(passphrase), file, party.Live, "node", "seal.keyfile.realm"},
		"wanted as root":       {string(passphrase), file, exercise, "root", "seal.keyfile.kind"},
		"other magic":          {string(passphrase), line(0, "entente key file 2"), exercise, "node", "seal.keyfile.version"},
		"kind altered":         {string(passphrase), line(1, "kind: root"), exercise, "node", "seal.keyfile.kind"},
		"kind forged":          {string(passphrase), line(1, "kind: root"), exercise, "root", "seal.keyfile.integrity"},
		"realm altered":        {string(passphrase), line(2, "realm: live"), exercise, "node", "seal.keyfile.realm"},
		"realm forged":         {string(passphrase), line(2, "realm: live"), party.Live, "node", "seal.keyfile.integrity"},
		"unknown kdf":          {string(passphrase), line(3, "kdf: scrypt"), exercise, "node", "seal.keyfile.kdf"},
		"fewer iterations":     {string(passphrase), line(4, "iterations: 999"), exercise, "node", "seal.keyfile.iterations"},
		"iterations altered":   {string(passphrase), line(4, "iterations: 1001"), exercise, "node", "seal.keyfile.passphrase"},
		"iterations endless":   {string(passphrase), line(4, "iterations: 10000001"), exercise, "node", "seal.keyfile.iterations"},
		"iterations negative":  {string(passphrase), line(4, "iterations: -1000"), exercise, "node", "seal.keyfile.iterations"},
		"iterations respelled": {string(passphrase), line(4, "iterations: +1000"), exercise, "node", "seal.keyfile.malformed"},
		"iterations overflow":  {string(passphrase), line(4, "iterations: 99999999999999999999"), exercise, "node", "seal.keyfile.malformed"},
		"salt altered":         {string(passphrase), altered(5, 10), exercise, "node", "seal.keyfile.passphrase"},
		"salt shortened":       {string(passphrase), line(5, lines[5][:len(lines[5])-2]), exercise, "node", "seal.keyfile.malformed"},
		"salt in capitals":     {string(passphrase), line(5, "salt: "+strings.Repeat("AA", 32)), exercise, "node", "seal.keyfile.malformed"},
		"check altered":        {string(passphrase), altered(6, 10), exercise, "node", "seal.keyfile.passphrase"},
		"check removed":        {string(passphrase), line(6, "check: "), exercise, "node", "seal.keyfile.malformed"},
		"unknown cipher":       {string(passphrase), line(7, "cipher: none"), exercise, "node", "seal.keyfile.cipher"},
		"box altered":          {string(passphrase), altered(8, 30), exercise, "node", "seal.keyfile.integrity"},
		"box emptied":          {string(passphrase), line(8, "box: "), exercise, "node", "seal.keyfile.integrity"},
		"box not base64":       {string(passphrase), line(8, "box: *"), exercise, "node", "seal.keyfile.malformed"},
		"box respelled":        {string(passphrase), line(8, lines[8]+"\r"), exercise, "node", "seal.keyfile.malformed"},
		"line added":           {string(passphrase), file + "\n", exercise, "node", "seal.keyfile.malformed"},
		"last newline missing": {string(passphrase), file[:len(file)-1], exercise, "node", "seal.keyfile.malformed"},
		"lines exchanged":      {string(passphrase), strings.Join(append([]string{lines[0], lines[2], lines[1]}, lines[3:]...), "\n"), exercise, "node", "seal.keyfile.malformed"},
		"field renamed":        {string(passphrase), line(1, "Kind: node"), exercise, "node", "seal.keyfile.malformed"},
		"empty":                {string(passphrase), "", exercise, "node", "seal.keyfile.version"},
		"oversized":            {string(passphrase), strings.Repeat("x", maxKeyFile+1), exercise, "node", "seal.keyfile.size"},
	} {
		t.Run(name, func(t *testing.T) {
			secret, err := UnlockKeyFile([]byte(tc.pass), []byte(tc.file), tc.realm, tc.kind)
			want(t, err, tc.code)
			if (err == nil) != (string(secret) == "the secret") {
				t.Errorf("secret %q", secret)
			}
		})
	}
}

func TestKeyFileHeaderCanBeRead(t *testing.T) {
	file := string(must(LockKeyFile(passphrase, MinIterations, exercise, "node", []byte("the secret"))))
	if want := "entente key file 1\nkind: node\nrealm: exercise:tasman\nkdf: pbkdf2-hmac-sha-512\niterations: 1000\nsalt: "; !strings.HasPrefix(file, want) {
		t.Errorf("the header reads\n%s", file)
	}
	if strings.Contains(file, "the secret") || file == string(must(LockKeyFile(passphrase, MinIterations, exercise, "node", []byte("the secret")))) {
		t.Error("the secret is in clear, or two files are equal")
	}
}

func TestKeyFileIsNotMadeWrong(t *testing.T) {
	for name, tc := range map[string]struct {
		pass       []byte
		iterations int
		realm      party.Realm
		kind       string
		secret     []byte
		code       errs.Code
	}{
		"no passphrase":       {nil, 1000, exercise, "node", []byte("s"), "seal.keyfile.input"},
		"too few iterations":  {passphrase, 999, exercise, "node", []byte("s"), "seal.keyfile.iterations"},
		"too many iterations": {passphrase, MaxIterations + 1, exercise, "node", []byte("s"), "seal.keyfile.iterations"},
		"unknown realm":       {passphrase, 1000, "practice", "node", []byte("s"), "seal.keyfile.input"},
		"kind with newline":   {passphrase, 1000, exercise, "no\nde", []byte("s"), "seal.keyfile.input"},
		"no kind":             {passphrase, 1000, exercise, "", []byte("s"), "seal.keyfile.input"},
		"no secret":           {passphrase, 1000, exercise, "node", nil, "seal.keyfile.input"},
		"secret too large":    {passphrase, 1000, exercise, "node", make([]byte, maxKeySecret+1), "seal.keyfile.input"},
	} {
		_, err := LockKeyFile(tc.pass, tc.iterations, tc.realm, tc.kind, tc.secret)
		if errs.CodeOf(err) != tc.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if largest := must(LockKeyFile(passphrase, 1000, exercise, "node", make([]byte, maxKeySecret))); len(largest) > maxKeyFile {
		t.Error("the largest key file is refused by its own reader")
	}
}

func TestKeyFileRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pass := rapid.SliceOfN(rapid.Byte(), 1, 64).Draw(t, "passphrase")
		secret := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "secret")
		file := must(LockKeyFile(pass, MinIterations, exercise, "node", secret))
		if got, err := UnlockKeyFile(pass, file, exercise, "node"); err != nil || !bytes.Equal(got, secret) {
			t.Fatalf("%x, %v", got, err)
		}
	})
}

func nodeSecrets() *NodeSecrets {
	s := &NodeSecrets{Version: 1, Suite: Hybrid, Signing: named("signing").Seed(), Cosigning: named("cosigning").Seed(),
		KEM: [][]byte{must(namedKEM(Hybrid, "kem 2").Bytes()), must(namedKEM(Hybrid, "kem 1").Bytes())},
		TLS: []byte("PKCS #8 of a TLS key"), Link: namedLink("link").Bytes()}
	copy(s.Storage[:], "storage key of thirty-two bytes.")
	return s
}

func TestNodeSecretsFieldByField(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*NodeSecrets)
		code   errs.Code
	}{
		"nothing":                 {func(s *NodeSecrets) {}, ""},
		"version":                 {func(s *NodeSecrets) { s.Version = 2 }, "seal.secrets.version"},
		"suite unknown":           {func(s *NodeSecrets) { s.Suite = "none" }, "seal.secrets.suite"},
		"suite other":             {func(s *NodeSecrets) { s.Suite = CNSA }, "seal.secrets.kem"},
		"signing unset":           {func(s *NodeSecrets) { s.Signing = [64]byte{} }, "seal.secrets.signing"},
		"cosigning half unset":    {func(s *NodeSecrets) { clear(s.Cosigning[32:]) }, "seal.secrets.signing"},
		"cosigning is signing":    {func(s *NodeSecrets) { s.Cosigning = s.Signing }, "seal.secrets.signing"},
		"a seed for both schemes": {func(s *NodeSecrets) { copy(s.Signing[32:], s.Signing[:32]) }, "seal.secrets.signing"},
		"no KEM":                  {func(s *NodeSecrets) { s.KEM = nil }, "seal.secrets.kem"},
		"too many KEM":            {func(s *NodeSecrets) { s.KEM = make([][]byte, 9) }, "seal.secrets.kem"},
		"KEM short":               {func(s *NodeSecrets) { s.KEM[1] = s.KEM[1][1:] }, "seal.secrets.kem"},
		"KEM twice":               {func(s *NodeSecrets) { s.KEM[1] = s.KEM[0] }, "seal.secrets.kem"},
		"no TLS":                  {func(s *NodeSecrets) { s.TLS = nil }, "seal.secrets.tls"},
		"TLS too large":           {func(s *NodeSecrets) { s.TLS = make([]byte, 4097) }, "seal.secrets.tls"},
		"link missing":            {func(s *NodeSecrets) { s.Link = nil }, "seal.secrets.link"},
		"link zero":               {func(s *NodeSecrets) { s.Link = make([]byte, 48) }, "seal.secrets.link"},
		"storage unset":           {func(s *NodeSecrets) { s.Storage = [32]byte{} }, "seal.secrets.storage"},
	} {
		t.Run(name, func(t *testing.T) {
			s := nodeSecrets()
			tc.change(s)
			want(t, s.Check(), tc.code)
			_, err := s.Encode()
			want(t, err, tc.code)
		})
	}
}

func TestNodeSecretsThroughAKeyFile(t *testing.T) {
	for _, suite := range suites {
		tls := []byte("PKCS #8")
		s := must(NewNodeSecrets(suite, tls))
		file := must(LockKeyFile(passphrase, MinIterations, party.Live, "node", must(s.Encode())))
		back := must(DecodeNodeSecrets(must(UnlockKeyFile(passphrase, file, party.Live, "node"))))
		a, b := must(s.Keys()), must(back.Keys())
		back.Destroy()
		left := bytes.Join([][]byte{back.Signing[:], back.Cosigning[:], back.Storage[:], back.Link, back.TLS, back.KEM[0]}, nil)
		if len(bytes.Trim(left, "\x00")) > 0 {
			t.Error("destroyed secrets are still there")
		}
		if !a.Signing.Public().Equal(b.Signing.Public()) || !a.Cosigning.Public().Equal(b.Cosigning.Public()) ||
			!a.Link.Equal(b.Link) || string(b.TLS()) != "PKCS #8" {
			t.Error("other keys came back")
		}
		box := must(SealTo(a.KEM[0].Public(), []byte("info"), []byte("m")))
		if m, err := b.Open(a.KEM[0].ID(), []byte("info"), box); err != nil || string(m) != "m" {
			t.Errorf("%s, %v", m, err)
		}
		_, err := b.Open(KeyID{}, []byte("info"), box)
		want(t, err, "seal.kem.unknown")
		if m, err := b.Storage.Open(nil, nil, a.Storage.Seal(nil, nil, []byte("row"))); err != nil || string(m) != "row" {
			t.Errorf("%s, %v", m, err)
		}
		b.Destroy()
		if _, err := b.Signing.Sign("c", nil); errs.CodeOf(err) != "seal.key.destroyed" {
			t.Error("a destroyed node still signs")
		}
	}
	_, err := NewNodeSecrets("none", []byte("x"))
	want(t, err, "seal.suite")
	_, err = NewNodeSecrets(Hybrid, nil)
	want(t, err, "seal.secrets.tls")
}

func TestNodeSecretsErrorsQuoteNothing(t *testing.T) {
	raw := must(nodeSecrets().Encode())
	for i := range raw {
		if i%7 != 0 && i > 40 {
			continue
		}
		if _, err := DecodeNodeSecrets(flip(raw, i)); err != nil && (strings.Contains(err.Error(), "PKCS") || strings.Contains(fmt.Sprintf("%#v", err), "thirty")) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
}

func FuzzUnlockKeyFile(f *testing.F) {
	good := must(LockKeyFile(passphrase, MinIterations, exercise, "node", []byte("the secret")))
	f.Add(good)
	f.Add(bytes.Replace(good, []byte("iterations: 1000"), []byte("iterations: 01000"), 1))
	f.Fuzz(func(t *testing.T, raw []byte) {
		k, err := parseKeyFile(string(raw), exercise, "node")
		if err == nil && k.text() != string(raw) {
			t.Fatal("two spellings of one file")
		}
		if err == nil && k.iterations <= 2*MinIterations {
			UnlockKeyFile(passphrase, raw, exercise, "node")
		}
	})
}

func FuzzDecodeNodeSecrets(f *testing.F) {
	f.Add(must(nodeSecrets().Encode()))
	f.Add([]byte{0xa0})
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := DecodeNodeSecrets(raw)
		if err != nil {
			return
		}
		if b, err := s.Encode(); err != nil || !bytes.Equal(b, raw) {
			t.Fatal("two encodings of one value")
		}
	})
}
