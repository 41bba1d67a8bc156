package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"os"
	"path/filepath"
	"time"

	"entente/errs"
	"entente/internal/clock"
	"entente/internal/link"
	"entente/internal/office"
	"entente/internal/peer"
	"entente/label"
	"entente/seal"

	"github.com/pelletier/go-toml/v2"
)

// InitConfig says what node to make. Everything but Advertise, Marker, KDF and Clock is required.
type InitConfig struct {
	Dir, Realm, Author, Ceiling, Listen, Advertise, Suite, Marker string
	Passphrase, RootPassphrase                                    []byte
	Version                                                       string
	KDF                                                           int         // iterations; 0 is seal.DefaultIterations
	Clock                                                         clock.Clock // nil is clock.Real
}

// Made is what Init made.
type Made struct {
	Author      string `json:"author"`
	Realm       string `json:"realm"`
	Dir         string `json:"dir"`
	Fingerprint string `json:"root_fingerprint"`
}

// keyLife is how long a key statement is in force. Encapsulation keys are meant to be rotated every 30 days; the statement is
// longer so that a node that is off for months can still be talked to.
const keyLife = 2 * 365 * 24 * time.Hour

// Init makes a node directory. It refuses a directory that already holds a node.
func Init(cfg InitConfig) (*Made, error) {
	set, err := label.ExercisePolicies()
	if err != nil {
		return nil, err
	}
	marker := cfg.Marker
	if marker == "" {
		marker = "marker"
	}
	s := &Settings{Format: "entente-node/1", Realm: cfg.Realm, Author: cfg.Author, Ceiling: cfg.Ceiling, Listen: cfg.Listen, Advertise: cfg.Advertise,
		Marker: marker, Suite: cfg.Suite}
	c, err := s.check(set)
	if err != nil {
		return nil, err
	}
	suite, err := seal.ParseSuite(cfg.Suite)
	if err != nil {
		return nil, err
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.Real{}
	}
	if cfg.KDF == 0 {
		cfg.KDF = seal.DefaultIterations
	}
	if cfg.KDF < seal.DefaultIterations && !c.realm.Exercise() {
		return nil, &errs.Error{Kind: errs.Refused, Code: "node.kdf", Op: "node.init", Rule: "SP 800-132 section 5.2",
			Reason: "fewer iterations protect the keys of a live realm too little", Next: "leave the number of iterations out"}
	}
	if string(cfg.Passphrase) == string(cfg.RootPassphrase) {
		return nil, &errs.Error{Kind: errs.Refused, Code: "node.passphrase", Op: "node.init", Rule: "separation of duties",
			Reason: "root and node have the same passphrase", Next: "the root key belongs to the key custodian alone: give it a passphrase of its own"}
	}
	if _, err := os.Stat(filepath.Join(cfg.Dir, settingsName)); !errors.Is(err, os.ErrNotExist) {
		return nil, &errs.Error{Kind: errs.Conflict, Code: "node.exists", Op: "node.init", Subject: cfg.Dir, Reason: "there is a node in this directory already",
			Next: "choose an empty directory; a node's keys are never made twice"}
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, "keys"), 0o700); err != nil {
		return nil, initFailed(err)
	}
	root, err := seal.GenerateSigningKey()
	if err != nil {
		return nil, err
	}
	tlsKey, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		return nil, initFailed(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(tlsKey)
	if err != nil {
		return nil, initFailed(err)
	}
	secrets, err := seal.NewNodeSecrets(suite, der)
	if err != nil {
		return nil, err
	}
	keys, err := secrets.Keys()
	if err != nil {
		return nil, err
	}
	pin, err := peer.PinOf(tlsKey.Public())
	if err != nil {
		return nil, err
	}
	// Dated from the day before, so that a partner whose clock is behind does not refuse the first card.
	from := cfg.Clock.Now().Add(-24 * time.Hour)
	statement := &seal.KeyStatement{Version: 1, Realm: c.realm, Author: c.author, Serial: 1, From: from.UnixMilli(), Until: from.Add(keyLife).UnixMilli(),
		Suite: suite, Signing: keys.Signing.Public(), Cosigning: keys.Cosigning.Public(), KEM: []seal.KEMPublic{keys.KEM[0].Public()},
		TLS: [48]byte(pin), LinkKey: keys.Link.PublicKey().Bytes()}
	signed, err := seal.SignKeyStatement(root, statement)
	if err != nil {
		return nil, err
	}
	seed := root.Seed()
	rootFile, err := seal.LockKeyFile(cfg.RootPassphrase, cfg.KDF, c.realm, office.RootKind, seed[:])
	if err != nil {
		return nil, err
	}
	encoded, err := secrets.Encode()
	if err != nil {
		return nil, err
	}
	nodeFile, err := seal.LockKeyFile(cfg.Passphrase, cfg.KDF, c.realm, nodeKind, encoded)
	if err != nil {
		return nil, err
	}
	card := (&link.Card{Version: 1, Realm: c.realm, Author: c.author, Root: root.Public(), Keys: signed}).Encode()
	settings, err := toml.Marshal(s)
	if err != nil {
		return nil, initFailed(err)
	}
	for _, f := range []struct {
		path string
		b    []byte
	}{{RootKeyPath, rootFile}, {nodeKeyPath, nodeFile}, {cardPath, card}, {settingsName, settings}} { // settings last: they make it a node
		if err := writeSynced(filepath.Join(cfg.Dir, f.path), f.b); err != nil {
			return nil, err
		}
	}
	return &Made{Author: cfg.Author, Realm: cfg.Realm, Dir: cfg.Dir, Fingerprint: root.Public().Fingerprint().String()}, nil
}

func initFailed(err error) error {
	return &errs.Error{Kind: errs.Unavailable, Code: "node.init", Op: "node.init", Err: err}
}

// writeSynced writes a file that must not exist and syncs it and its directory.
func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return initFailed(err)
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		var d *os.File
		if d, err = os.Open(filepath.Dir(path)); err == nil {
			err = errors.Join(d.Sync(), d.Close())
		}
	}
	if err != nil {
		return initFailed(err)
	}
	return nil
}
