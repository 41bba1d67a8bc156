package seal

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"entente/errs"
	"entente/party"
)

// Iterations of PBKDF2. The floor is that of SP 800-132 section 5.2; the ceiling keeps a hostile file from holding the
// processor for more than some seconds.
const (
	DefaultIterations = 600_000
	MinIterations     = 1_000
	MaxIterations     = 10_000_000

	maxPassphrase = 1 << 10
	maxKeySecret  = 32 << 10
	maxKeyFile    = 64 << 10
)

// The values of a version 1 header. A new scheme gets a new name; an old file stays readable by its own.
const (
	keyFileMagic  = "entente key file 1"
	keyFileKDF    = "pbkdf2-hmac-sha-512"
	keyFileCipher = "aes-256-gcm"
)

// keyFile is the text form of a key file: a header that a person can read, and a box. All of the header is the AAD of
// the box. Check is half of the KDF's output; it tells a wrong passphrase from a damaged file, and commits the file to
// one passphrase, which AES-GCM alone does not.
type keyFile struct {
	kind        string
	realm       party.Realm
	iterations  int
	salt, check []byte // 32 bytes each
	box         []byte
}

// keyFileFields are the lines of a key file after the first, in order.
var keyFileFields = [...]string{"kind", "realm", "kdf", "iterations", "salt", "check", "cipher", "box"}

func (k *keyFile) header() string {
	values := [...]string{k.kind, string(k.realm), keyFileKDF, strconv.Itoa(k.iterations), hex.EncodeToString(k.salt),
		hex.EncodeToString(k.check), keyFileCipher}
	var b strings.Builder
	b.WriteString(keyFileMagic + "\n")
	for i, v := range values {
		b.WriteString(keyFileFields[i] + ": " + v + "\n")
	}
	return b.String()
}

func (k *keyFile) text() string {
	return k.header() + "box: " + base64.StdEncoding.EncodeToString(k.box) + "\n"
}

func keyFileFailure(kind errs.Kind, part errs.Code, reason string) error {
	return fail(kind, "seal.keyfile."+part, "seal.keyfile", "key file", reason)
}

// derive runs the KDF: 32 bytes of key, 32 bytes of check.
func (k *keyFile) derive(passphrase []byte) (key [32]byte, check []byte, err error) {
	b, err := pbkdf2.Key(sha512.New, string(passphrase), k.salt, k.iterations, 64)
	if err != nil {
		return key, nil, &errs.Error{Kind: errs.Internal, Code: "seal.keyfile.derive", Op: "seal.keyfile", Err: err}
	}
	copy(key[:], b)
	clear(b[:32])
	return key, b[32:], nil
}

func checkKeyFile(passphrase []byte, iterations int, realm party.Realm, kind string) error {
	switch {
	case len(passphrase) == 0 || len(passphrase) > maxPassphrase:
		return keyFileFailure(errs.Invalid, "input", "a passphrase has 1 to 1024 bytes")
	case iterations < MinIterations || iterations > MaxIterations:
		return keyFileFailure(errs.Refused, "iterations", "not between 1000 and 10000000 iterations")
	case !realm.Valid():
		return keyFileFailure(errs.Invalid, "input", "not a realm")
	case !keyKind(kind):
		return keyFileFailure(errs.Invalid, "input", "a kind is 1 to 32 lower-case letters")
	}
	return nil
}

func keyKind(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz") == ""
}

// LockKeyFile returns the text of a file that holds secret, at most 32 KiB, under passphrase. Realm and kind (what the
// secret is, such as "node" or "root") stand in it and are bound. The passphrase is taken byte for byte: bring typed
// text to NFC first. Use [DefaultIterations] unless there is a reason. Write the file, sync it and its directory, and
// only then use the keys. Errors have code seal.keyfile.{input,iterations}.
func LockKeyFile(passphrase []byte, iterations int, realm party.Realm, kind string, secret []byte) ([]byte, error) {
	if err := checkKeyFile(passphrase, iterations, realm, kind); err != nil {
		return nil, err
	}
	if len(secret) == 0 || len(secret) > maxKeySecret {
		return nil, keyFileFailure(errs.Invalid, "input", "a secret has 1 to 32768 bytes")
	}
	k := &keyFile{kind: kind, realm: realm, iterations: iterations, salt: make([]byte, 32)}
	rand.Read(k.salt)
	key, check, err := k.derive(passphrase)
	if err != nil {
		return nil, err
	}
	defer clear(key[:])
	k.check = check
	k.box = SealItem(key, []byte(k.header()), secret)
	return []byte(k.text()), nil
}

// UnlockKeyFile returns the secret of a file made by LockKeyFile for this realm and kind. Nothing is derived before the
// whole header is accepted. Errors have code seal.keyfile.{input,size,malformed,version,kind,realm,kdf,iterations,
// cipher,passphrase,integrity}; passphrase means that it, the salt or the iterations are not those of the file, integrity that
// the passphrase is right and the rest was altered.
func UnlockKeyFile(passphrase, file []byte, realm party.Realm, kind string) ([]byte, error) {
	if len(file) > maxKeyFile {
		return nil, keyFileFailure(errs.Invalid, "size", "larger than any key file")
	}
	k, err := parseKeyFile(string(file), realm, kind)
	if err != nil {
		return nil, err
	}
	if err := checkKeyFile(passphrase, k.iterations, k.realm, k.kind); err != nil {
		return nil, err
	}
	key, check, err := k.derive(passphrase)
	if err != nil {
		return nil, err
	}
	defer clear(key[:])
	if subtle.ConstantTimeCompare(check, k.check) != 1 {
		return nil, keyFileFailure(errs.Refused, "passphrase", "wrong passphrase, or the header was altered")
	}
	secret, err := OpenItem(key, []byte(k.header()), k.box)
	if err != nil {
		return nil, keyFileFailure(errs.Integrity, "integrity", "the file was altered or damaged")
	}
	return secret, nil
}

// parseKeyFile reads exactly what text writes, for the wanted realm and kind.
func parseKeyFile(text string, realm party.Realm, kind string) (*keyFile, error) {
	lines := strings.Split(text, "\n")
	if lines[0] != keyFileMagic {
		return nil, keyFileFailure(errs.Invalid, "version", "not a key file of version 1")
	}
	if len(lines) != len(keyFileFields)+2 {
		return nil, keyFileFailure(errs.Invalid, "malformed", "not the lines of a key file")
	}
	values := make(map[string]string, len(keyFileFields))
	for i, field := range keyFileFields {
		v, ok := strings.CutPrefix(lines[i+1], field+": ")
		if !ok {
			return nil, keyFileFailure(errs.Invalid, "malformed", "no line "+field+" at its place")
		}
		values[field] = v
	}
	k := &keyFile{kind: values["kind"], realm: party.Realm(values["realm"])}
	switch {
	case k.kind != kind:
		return nil, keyFileFailure(errs.Refused, "kind", "it holds another kind of key")
	case k.realm != realm:
		return nil, keyFileFailure(errs.Refused, "realm", "it belongs to another realm")
	case values["kdf"] != keyFileKDF:
		return nil, keyFileFailure(errs.Invalid, "kdf", "unknown key derivation")
	case values["cipher"] != keyFileCipher:
		return nil, keyFileFailure(errs.Invalid, "cipher", "unknown cipher")
	}
	var e [4]error
	k.iterations, e[0] = strconv.Atoi(values["iterations"])
	k.salt, e[1] = hex.DecodeString(values["salt"])
	k.check, e[2] = hex.DecodeString(values["check"])
	k.box, e[3] = base64.StdEncoding.DecodeString(values["box"])
	if e != [4]error{} || len(k.salt) != 32 || len(k.check) != 32 || k.text() != text {
		return nil, keyFileFailure(errs.Invalid, "malformed", "a value is not in its one spelling")
	}
	return k, nil
}
