package statement

import (
	"strings"

	"entente/party"
)

// Terms are the machine-readable part of one type of act. Rooms declare theirs; the encoding is that of package wire.
type Terms interface {
	Check() error // well formed; says nothing about authority
}

// EncodeTerms checks t and returns its one encoding for Act.Terms.
func EncodeTerms(t Terms) ([]byte, error) {
	if err := t.Check(); err != nil {
		return nil, err
	}
	return encode("statement.terms", t, MaxBody)
}

// DecodeTerms decodes b into t, a pointer to the terms of the act's type, and checks it. Codes:
// statement.terms.{size,malformed} and those of t.Check.
func DecodeTerms(b []byte, t Terms) error {
	if len(b) == 0 {
		return invalid("statement.terms.malformed", "the act has no terms")
	}
	if err := decodeStrict("statement.terms", b, MaxBody, t); err != nil {
		return err
	}
	return t.Check()
}

// GenesisTerms open a journal: its first leaf says what it is for, who may read it and with which keys it is written.
type GenesisTerms struct {
	Agreement    [48]byte       `cbor:"1,keyasint"` // digest of the agreement's text
	Realm        party.Realm    `cbor:"2,keyasint"`
	Readers      []party.Author `cbor:"3,keyasint"`           // all reading authors of the channel, sorted
	Epoch        uint64         `cbor:"4,keyasint"`           // of this journal
	KeyStatement []byte         `cbor:"5,keyasint"`           // the signed key statement, as package seal encodes it
	Previous     []byte         `cbor:"6,keyasint,omitempty"` // of a new epoch: journal.EpochLink, encoded
}

// Check says whether g is well formed. Code statement.terms.genesis.
func (g *GenesisTerms) Check() error {
	ok := g.Agreement != [48]byte{} && g.Realm.Valid() && len(g.Readers) > 0 && len(g.Readers) <= MaxSeen+1 &&
		len(g.KeyStatement) > 0
	for i, r := range g.Readers {
		ok = ok && r.Valid() && (i == 0 || g.Readers[i-1] < r)
	}
	if !ok {
		return invalid("statement.terms.genesis", "agreement, realm, sorted readers and key statement are all needed")
	}
	return nil
}

// KeyTerms publish the node's keys: a key statement signed by the party's root.
type KeyTerms struct {
	Statement []byte `cbor:"1,keyasint"` // the signed key statement, as package seal encodes it
}

// Check says whether k is well formed. Code statement.terms.keys.
func (k *KeyTerms) Check() error {
	if len(k.Statement) == 0 {
		return invalid("statement.terms.keys", "the key statement is missing")
	}
	return nil
}

// DelegationTerms tell the partner who may act, so that it can check each act by itself.
type DelegationTerms struct {
	Delegation party.Delegation `cbor:"1,keyasint"`
}

// Check says whether the delegation is complete. Code statement.terms.delegation.
func (d *DelegationTerms) Check() error {
	g := &d.Delegation
	_, err := party.ParseAuthority(string(g.Authority))
	ok := err == nil && token(g.ID) && field(g.Office) && g.Office != "" && g.Holder != party.Handle{} &&
		g.Role.Valid() && g.Role != party.RoleNode && token(g.Ceiling) && field(g.Instrument) && g.From > 0 && g.From < g.Until && g.Until <= MaxTime
	for i, r := range g.Recipients {
		ok = ok && r.Valid() && (i == 0 || g.Recipients[i-1] < r)
	}
	ok = ok && len(g.Means) <= 2
	for i, m := range g.Means {
		ok = ok && (m == party.MeansNetwork || m == party.MeansCourier) && (i == 0 || g.Means[i-1] != m)
	}
	for i, x := range g.Designated {
		ok = ok && token(x) && (i == 0 || g.Designated[i-1] < x)
	}
	if !ok {
		return invalid("statement.terms.delegation", "the delegation is incomplete, or a list in it is not sorted")
	}
	return nil
}

// AnchorTerms commit to the heads of the author's national journals, so that their owner cannot rewrite them either.
type AnchorTerms struct {
	Heads []AnchorHead `cbor:"1,keyasint"` // sorted by origin
}

// AnchorHead is one head: an origin line, a size and a root.
type AnchorHead struct {
	Origin string   `cbor:"1,keyasint"`
	Size   uint64   `cbor:"2,keyasint"`
	Root   [32]byte `cbor:"3,keyasint"`
}

// Check says whether a is well formed. Code statement.terms.anchor.
func (a *AnchorTerms) Check() error {
	ok := len(a.Heads) > 0 && len(a.Heads) <= MaxAnchors
	for i, h := range a.Heads {
		ok = ok && strings.HasPrefix(h.Origin, "entente/") && field(h.Origin) && (i == 0 || a.Heads[i-1].Origin < h.Origin)
	}
	if !ok {
		return invalid("statement.terms.anchor", "an anchor names one to 64 heads, sorted by origin")
	}
	return nil
}

// Outcomes of a national journal's entry.
const (
	OutcomeAllow   = "allow"   // a decision that permits
	OutcomeDeny    = "deny"    // a decision that does not
	OutcomeDone    = "done"    // an act that took place
	OutcomeRefused = "refused" // an act that did not
)

// NationalTerms are an entry of a national journal: what was attempted on what, with which outcome and on what ground.
// Subjects are ids, digests and codes, never content and never a name.
type NationalTerms struct {
	Event   string `cbor:"1,keyasint"` // the word of the type, "view" for national.view/1
	Subject string `cbor:"2,keyasint"`
	Outcome string `cbor:"3,keyasint"`
	Code    string `cbor:"4,keyasint"` // error code of a denial or refusal, else empty
	Rule    string `cbor:"5,keyasint"`
	Article string `cbor:"6,keyasint"`
	Digest  []byte `cbor:"7,keyasint,omitempty"` // of what was acted on, 32 or 48 bytes
}

// Check says whether n is well formed. Code statement.terms.national.
func (n *NationalTerms) Check() error {
	refused := n.Outcome == OutcomeDeny || n.Outcome == OutcomeRefused
	if !word(n.Event) || !refused && n.Outcome != OutcomeAllow && n.Outcome != OutcomeDone || refused && n.Code == "" ||
		!field(n.Subject) || !field(n.Code) || !field(n.Rule) || !field(n.Article) ||
		len(n.Digest) != 0 && len(n.Digest) != 32 && len(n.Digest) != 48 {
		return invalid("statement.terms.national", "event, outcome and, for a refusal, its code are needed, within limits")
	}
	return nil
}

// field reports whether s is at most MaxField bytes without control characters. Encoding is checked by package wire.
func field(s string) bool {
	for _, r := range s {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return false
		}
	}
	return len(s) <= MaxField
}
