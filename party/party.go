// Package party names who takes part: parties to an agreement, their authorities, the authors that write journals
// for them, the roles people hold, and the delegations and clearances under which people act.
//
// All ids are typed strings or byte arrays with one spelling each, checked by the Parse functions; a value of an id
// type that did not come from a Parse function or a checked decoder must be checked with Valid before it is used.
// The package does no I/O and knows no keys: key material is in package seal.
//
// Names of staff never appear here. A person is a random [Handle], stable per channel, so that a partner can check
// that two acts were done by different people and nothing more.
package party

import (
	"crypto/sha512"
	"encoding/base32"
	"encoding/hex"
	"strings"
	"time"

	"entente/errs"
)

// Party is a side of an agreement: three capital letters (ISO 3166-1 alpha-3), or NATO.
type Party string

// Authority is an office of a party, "NZL/nzdf": the party, a slash, and a lower-case name.
type Authority string

// Author writes one journal per channel: "NZL/nzdf/node-1", an authority, a slash, and a lower-case node name.
type Author string

// Realm separates what must never mix: "live" or "exercise:<name>". It is part of genesis, journal origins, key files,
// encapsulation info and signature contexts.
type Realm string

// Live is the one realm that is not an exercise.
const Live Realm = "live"

// Handle is a pseudonymous officer: 16 random bytes, stable per channel.
type Handle [16]byte

// Fingerprint identifies a party's root: SHA-384 over the root's public keys.
type Fingerprint [sha512.Size384]byte

func invalid(code errs.Code, subject, reason string) error {
	return &errs.Error{Kind: errs.Invalid, Code: code, Op: "party.parse", Subject: subject, Reason: reason}
}

func lowerName(s string) bool {
	if len(s) == 0 || len(s) > 32 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' && i > 0 && i < len(s)-1) {
			return false
		}
	}
	return true
}

// Valid reports whether p has the one spelling of a party.
func (p Party) Valid() bool {
	if p == "NATO" {
		return true
	}
	if len(p) != 3 {
		return false
	}
	for i := range len(p) {
		if p[i] < 'A' || p[i] > 'Z' {
			return false
		}
	}
	return true
}

// ParseParty checks s. Errors have code party.id.
func ParseParty(s string) (Party, error) {
	if p := Party(s); p.Valid() {
		return p, nil
	}
	return "", invalid("party.id", "party", "a party is three capital letters, such as NZL, or NATO")
}

// ParseAuthority checks s. Errors have code party.authority.
func ParseAuthority(s string) (Authority, error) {
	p, name, ok := strings.Cut(s, "/")
	if ok && Party(p).Valid() && lowerName(name) {
		return Authority(s), nil
	}
	return "", invalid("party.authority", "authority", "an authority is PARTY/name, such as NZL/nzdf")
}

// Party returns the side the authority belongs to.
func (a Authority) Party() Party { p, _, _ := strings.Cut(string(a), "/"); return Party(p) }

// ParseAuthor checks s. Errors have code party.author.
func ParseAuthor(s string) (Author, error) {
	i := strings.LastIndexByte(s, '/')
	if i > 0 && lowerName(s[i+1:]) {
		if _, err := ParseAuthority(s[:i]); err == nil {
			return Author(s), nil
		}
	}
	return "", invalid("party.author", "author", "an author is PARTY/authority/node, such as NZL/nzdf/node-1")
}

// Valid reports whether a has the one spelling of an author.
func (a Author) Valid() bool { _, err := ParseAuthor(string(a)); return err == nil }

// Authority returns the office the author writes for.
func (a Author) Authority() Authority {
	if i := strings.LastIndexByte(string(a), '/'); i > 0 {
		return Authority(a[:i])
	}
	return ""
}

// Party returns the side the author writes for.
func (a Author) Party() Party { return a.Authority().Party() }

// ParseRealm checks s. Errors have code party.realm.
func ParseRealm(s string) (Realm, error) {
	if s == string(Live) {
		return Live, nil
	}
	if name, ok := strings.CutPrefix(s, "exercise:"); ok && lowerName(name) {
		return Realm(s), nil
	}
	return "", invalid("party.realm", "realm", `a realm is "live" or "exercise:<name>"`)
}

// Valid reports whether r has the one spelling of a realm.
func (r Realm) Valid() bool { _, err := ParseRealm(string(r)); return err == nil }

// Exercise reports whether r is an exercise; everything shown in it says so.
func (r Realm) Exercise() bool { return r != Live }

// String returns h in lower-case hexadecimal.
func (h Handle) String() string { return hex.EncodeToString(h[:]) }

// ParseHandle reads the form that String writes. Errors have code party.handle.
func ParseHandle(s string) (h Handle, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) || hex.EncodeToString(b) != s {
		return h, invalid("party.handle", "handle", "a handle is 32 lower-case hexadecimal digits")
	}
	copy(h[:], b)
	return h, nil
}

// String returns f in lower-case hexadecimal.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// ParseFingerprint reads the form that String writes. Errors have code party.fingerprint.
func ParseFingerprint(s string) (f Fingerprint, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(f) || hex.EncodeToString(b) != s {
		return f, invalid("party.fingerprint", "fingerprint", "a root fingerprint is 96 lower-case hexadecimal digits")
	}
	copy(f[:], b)
	return f, nil
}

// spelling is the ICAO/ITU radiotelephony alphabet and digits, one word per base-32 symbol: every officer of either
// nation already reads it aloud.
var spelling = map[byte]string{
	'A': "ALFA", 'B': "BRAVO", 'C': "CHARLIE", 'D': "DELTA", 'E': "ECHO", 'F': "FOXTROT", 'G': "GOLF", 'H': "HOTEL",
	'I': "INDIA", 'J': "JULIETT", 'K': "KILO", 'L': "LIMA", 'M': "MIKE", 'N': "NOVEMBER", 'O': "OSCAR", 'P': "PAPA",
	'Q': "QUEBEC", 'R': "ROMEO", 'S': "SIERRA", 'T': "TANGO", 'U': "UNIFORM", 'V': "VICTOR", 'W': "WHISKEY",
	'X': "X-RAY", 'Y': "YANKEE", 'Z': "ZULU", '2': "TWO", '3': "THREE", '4': "FOUR", '5': "FIVE", '6': "SIX", '7': "SEVEN",
}

// PairingWords returns the 24 words (120 bits) that both sides read aloud when they pair. They depend on both roots
// and the realm, and are the same whichever side computes them.
func PairingWords(realm Realm, a, b Fingerprint) []string {
	if strings.Compare(string(a[:]), string(b[:])) > 0 {
		a, b = b, a
	}
	h := sha512.New384()
	h.Write([]byte("entente/pairing-words/1\x00" + string(realm) + "\x00"))
	h.Write(a[:])
	h.Write(b[:])
	text := base32.StdEncoding.EncodeToString(h.Sum(nil))[:24]
	words := make([]string, len(text))
	for i := range len(text) {
		words[i] = spelling[text[i]]
	}
	return words
}

// Role is what a person may be asked to do at a node. One person may hold several, within separation of duties.
type Role string

// The closed list of roles.
const (
	RoleAuthor          Role = "author"           // drafts reports and marks portions
	RoleReleaseOfficer  Role = "release-officer"  // decides that a version leaves
	RoleRegistryOfficer Role = "registry-officer" // accepts partner material into the register
	RoleReader          Role = "reader"           // opens registered material within clearance and need-to-know
	RoleAuditor         Role = "auditor"          // reads journals and exports evidence
	RoleKeyCustodian    Role = "key-custodian"    // pairs, signs agreements, handles root keys
	RoleNode            Role = "node"             // the node itself: genesis, anchors, quarantine notices
)

// Valid reports whether r is in the closed list.
func (r Role) Valid() bool {
	switch r {
	case RoleAuthor, RoleReleaseOfficer, RoleRegistryOfficer, RoleReader, RoleAuditor, RoleKeyCustodian, RoleNode:
		return true
	}
	return false
}

// Incompatible names pairs of roles that one person may never hold at one node: who writes, who releases and who holds
// the keys are different people (separation of duties).
func Incompatible(a, b Role) bool {
	duty := func(r Role) int {
		switch r {
		case RoleAuthor:
			return 1
		case RoleReleaseOfficer:
			return 2
		case RoleKeyCustodian:
			return 3
		}
		return 0
	}
	return duty(a) != 0 && duty(b) != 0 && duty(a) != duty(b)
}

// Means is a way of transmission that a delegation may allow.
type Means string

const (
	MeansNetwork Means = "network" // node to node over a link
	MeansCourier Means = "courier" // a bundle carried as a file
)

// Delegation is a dated authority to act, chained to an authority that the agreement names. A signature counts only
// under a delegation that is in force and wide enough. It travels to the partner as a statement, so that the partner
// checks it too.
type Delegation struct {
	ID         string    `cbor:"1,keyasint" json:"id" toml:"id"`                                                   // unique per authority, lower-case
	Authority  Authority `cbor:"2,keyasint" json:"authority" toml:"authority"`                                     // who delegates
	Office     string    `cbor:"3,keyasint" json:"office" toml:"office"`                                           // post that holds it, never a person's name
	Holder     Handle    `cbor:"4,keyasint" json:"-" toml:"-"`                                                     // who holds the post now
	Role       Role      `cbor:"5,keyasint" json:"role" toml:"role"`                                               //
	Ceiling    string    `cbor:"6,keyasint" json:"ceiling" toml:"ceiling"`                                         // highest level id of the own policy
	Designated []string  `cbor:"7,keyasint,omitempty" json:"designations,omitempty" toml:"designations,omitempty"` // designation ids it may handle
	Recipients []Party   `cbor:"8,keyasint,omitempty" json:"recipients,omitempty" toml:"recipients,omitempty"`     // to whom it may release; empty is none
	Means      []Means   `cbor:"9,keyasint,omitempty" json:"means,omitempty" toml:"means,omitempty"`               //
	From       int64     `cbor:"10,keyasint" json:"from_ms" toml:"-"`                                              // in force from, Unix milliseconds UTC
	Until      int64     `cbor:"11,keyasint" json:"until_ms" toml:"-"`                                             // lapses at, Unix milliseconds UTC
	Instrument string    `cbor:"12,keyasint" json:"instrument" toml:"instrument"`                                  // the letter or order that grants it
}

// InForce reports whether d is in force at t: From ≤ t < Until.
func (d *Delegation) InForce(t time.Time) bool {
	ms := t.UnixMilli()
	return d.From <= ms && ms < d.Until
}

// Allows reports whether d names recipient p. An empty list names nobody.
func (d *Delegation) Allows(p Party) bool {
	for _, r := range d.Recipients {
		if r == p {
			return true
		}
	}
	return false
}

// AllowsMeans reports whether d names the means m. An empty list names none.
func (d *Delegation) AllowsMeans(m Means) bool {
	for _, x := range d.Means {
		if x == m {
			return true
		}
	}
	return false
}

// Clearance is a person's standing permission to see levels of one policy. It is bound to the agency that issued it:
// a person who moves to another agency has none until it is issued again there.
type Clearance struct {
	Policy       string    `cbor:"1,keyasint" json:"policy"`                           // policy OID
	Levels       []string  `cbor:"2,keyasint" json:"levels"`                           // level ids, listed one by one; not a maximum
	Designations []string  `cbor:"3,keyasint,omitempty" json:"designations,omitempty"` // restrictive designation ids held
	Issuer       Authority `cbor:"4,keyasint" json:"issuer"`                           //
	From         int64     `cbor:"5,keyasint" json:"from_ms"`                          // Unix milliseconds UTC
	Until        int64     `cbor:"6,keyasint" json:"until_ms"`                         //
}

// Person is what a node knows of somebody who acts at it. Name and contact stay in a separate, erasable table of the
// node; here a person is a random id.
type Person struct {
	ID          Handle      `cbor:"1,keyasint" json:"-"`
	Alias       string      `cbor:"2,keyasint" json:"alias"` // how the command line calls the post, e.g. "release-officer"
	Agency      Authority   `cbor:"3,keyasint" json:"agency"`
	Nationality Party       `cbor:"4,keyasint" json:"nationality"`
	Roles       []Role      `cbor:"5,keyasint" json:"roles"`
	Clearances  []Clearance `cbor:"6,keyasint,omitempty" json:"clearances,omitempty"`
	Briefed     bool        `cbor:"7,keyasint" json:"briefed"` // has acknowledged the duty briefing
}

// Has reports whether p holds role r.
func (p *Person) Has(r Role) bool {
	for _, x := range p.Roles {
		if x == r {
			return true
		}
	}
	return false
}

// CheckDuties refuses a person whose roles break separation of duties. Code party.duties.
func (p *Person) CheckDuties() error {
	for i, a := range p.Roles {
		if !a.Valid() || a == RoleNode {
			return &errs.Error{Kind: errs.Invalid, Code: "party.role", Op: "party.check", Subject: p.Alias, Reason: "unknown role"}
		}
		for _, b := range p.Roles[i+1:] {
			if Incompatible(a, b) {
				return &errs.Error{Kind: errs.Refused, Code: "party.duties", Op: "party.check", Subject: p.Alias,
					Rule:   "separation of duties",
					Reason: "one person cannot be both " + string(a) + " and " + string(b),
					Next:   "give one of the two roles to another person"}
			}
		}
	}
	return nil
}
