// Package node is the only place that knows everything: it makes a node directory, opens it, connects the rooms, serves, and
// stops. Nothing here decides; a missing dependency is a refusing one, never nil.
//
// # The directory
//
//	node.toml        settings; Settings is their documentation
//	keys/root.key    the party's root, under its own passphrase; made to be moved to a safe
//	keys/node.key    the node's keys, under the node's passphrase
//	keys/card        root public key and key statement, public
//	entente.db, objects/, lock   the store
//	marker           highest heads ever signed; put it on another disk with init --marker
//	node.sock        operator interface, while the node runs
//
// # What holds after a crash
//
// Init writes node.toml last: a directory without it is not a node, and init may be run again after it is removed. Open finishes
// what the store left; a release that was approved is dispatched when its time has come.
package node

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"

	"entente/errs"
	"entente/label"
	"entente/party"

	"github.com/pelletier/go-toml/v2"
)

// Names in the node directory.
const (
	SocketName   = "node.sock"
	RootKeyPath  = "keys/root.key"
	nodeKeyPath  = "keys/node.key"
	cardPath     = "keys/card"
	settingsName = "node.toml"
	nodeKind     = "node"
)

// Settings is node.toml. Unknown keys are refused; every key is required unless it says otherwise.
type Settings struct {
	Format    string `toml:"format"`              // "entente-node/1"
	Realm     string `toml:"realm"`               // "live" or "exercise:<name>"; never changes
	Author    string `toml:"author"`              // PARTY/authority/node; never changes
	Policy    string `toml:"policy"`              // OID of the own party's marking policy
	Ceiling   string `toml:"ceiling"`             // highest level id this node's domain may hold
	Listen    string `toml:"listen"`              // address to accept partners on; port 0 takes any free one
	Advertise string `toml:"advertise,omitempty"` // address partners call, if another than the listening one
	Marker    string `toml:"marker"`              // file outside the database, absolute, or relative to the node directory
	Suite     string `toml:"suite"`               // of the node's keys: "hybrid" or "cnsa"
}

func badSettings(subject, reason string) error {
	return &errs.Error{Kind: errs.Invalid, Code: "node.settings", Op: "node.open", Subject: subject, Reason: reason, Next: "correct " + settingsName}
}

func readSettings(dir string) (*Settings, error) {
	raw, err := os.ReadFile(filepath.Join(dir, settingsName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, &errs.Error{Kind: errs.NotFound, Code: "node.missing", Op: "node.open", Subject: dir, Reason: "this is not a node directory",
			Next: "name one with --dir or ENTENTE_DIR, or make one with entente init"}
	} else if err != nil {
		return nil, &errs.Error{Kind: errs.Unavailable, Code: "node.settings", Op: "node.open", Err: err}
	}
	if len(raw) > 64<<10 {
		return nil, badSettings("file", "larger than 64 KiB")
	}
	s := new(Settings)
	d := toml.NewDecoder(bytes.NewReader(raw)).DisallowUnknownFields()
	if err := d.Decode(s); err != nil {
		return nil, badSettings("file", err.Error())
	}
	return s, nil
}

// checked is Settings with every id parsed and the policy found.
type checked struct {
	*Settings
	realm   party.Realm
	author  party.Author
	policy  *label.Policy
	ceiling label.LevelID
}

func (s *Settings) check(set *label.Set) (*checked, error) {
	c := &checked{Settings: s, ceiling: label.LevelID(s.Ceiling)}
	var err error
	if s.Format != "entente-node/1" {
		return nil, badSettings("format", `format must be "entente-node/1"`)
	}
	if c.realm, err = party.ParseRealm(s.Realm); err != nil {
		return nil, err
	}
	if c.author, err = party.ParseAuthor(s.Author); err != nil {
		return nil, err
	}
	if s.Policy == "" {
		if c.policy, _ = set.Owned(c.author.Party()); c.policy != nil {
			s.Policy = c.policy.OID()
		}
	} else {
		c.policy, _ = set.Policy(s.Policy)
	}
	if c.policy == nil || c.policy.Owner() != c.author.Party() {
		return nil, &errs.Error{Kind: errs.Refused, Code: "node.policy", Op: "node.open", Subject: string(c.author.Party()), Rule: "agreements 8",
			Reason: "no marking policy of this party is loaded", Next: "this version carries the exercise policies of JPN and NZL"}
	}
	if !c.policy.Exercise() && c.realm.Exercise() || c.policy.Exercise() && !c.realm.Exercise() {
		return nil, &errs.Error{Kind: errs.Refused, Code: "node.realm.policy", Op: "node.open", Subject: string(c.realm),
			Reason: "an exercise policy belongs to an exercise realm, and only there", Next: "use a realm exercise:<name>; live policies are not part of this version"}
	}
	if _, ok := c.policy.Level(c.ceiling); !ok {
		return nil, &errs.Error{Kind: errs.Refused, Code: "node.ceiling.level", Op: "node.open", Subject: s.Ceiling, Reason: "the ceiling is not a level of the own policy",
			Next: "name one of its level ids, such as " + string(c.policy.Levels()[0].ID)}
	}
	return c, nil
}
