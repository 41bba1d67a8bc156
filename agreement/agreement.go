// Package agreement is an agreement between sovereign parties as data, and the decisions that follow from it.
//
// An agreement is one TOML text. The exact bytes are what the parties sign; nothing is ever re-serialised. Who takes
// part, from when to when, for which purposes, up to which level, which level answers to which, what a node may state and
// with which proof: all of it stands in the text, each term with the article that grounds it. doc/formats/agreement.md
// is the reference, examples/exercise/agreement.toml an example.
//
// # Use
//
// [Parse] reads a text and refuses what is malformed, naming line and column. [Agreement.Check] lists what is unset,
// contradictory or unsourced. [Agreement.WithRoots] fills in the parties' root fingerprints after pairing, byte for byte,
// so that the text can be signed. A [Package] is the text with the signatures; [Package.Status] says where it stands at a
// time, and [Package.Compile] makes the tables that decide, once every party's signature verifies.
//
// Ask [Compiled.Decide] for an answer and [Compiled.Explain] for the same answer with every rule, its article, why, and
// what would change it, in English and Japanese. [Compiled.Map] gives the receiver's markings for a label,
// [Compiled.Delegated] checks a delegation alone.
//
// # What an answer means
//
// [Deny] is the zero value of [Outcome] and the answer to anything unset, unknown or malformed. [Allow] says that the
// agreement permits what was asked; a release officer has still decided it, because the question carries the officer's
// delegation. [NeedsPerson] is not a refusal: the same is permitted, and a named person still has something to decide,
// which the findings state: the receiver's choice among several corresponding markings, or, where the question is asked
// for a draft, the release officer's decision.
//
// A portion is decided on its own label. That a banner may be sent does not mean that each portion below it may: a level
// without a row (say, RESTRICTED) is not exchangeable, although the SECRET above it is.
//
// # What is promised
//
// The package does no I/O and holds no clock, key or state; it knows signatures only through a [Verifier]. Decide and
// Explain evaluate the same rules in the same order and never disagree. A [Compiled] is immutable and safe for concurrent
// use. Compiled from a bare text it denies everything, because nothing shows that anybody signed; see
// [Compiled.AsIfSigned]. Codes and rule names are stable. A citation prints the number of an article that the text has
// and marks an exercise as one ("EXERCISE Art. 4"); where the text has no article, nothing is cited.
package agreement

import (
	"slices"
	"strconv"
	"time"

	"entente/label"
	"entente/party"
)

// Format is the first line of every agreement text.
const Format = "entente-agreement/1"

// MaxText is the largest text that is read, in bytes.
const MaxText = 256 << 10

// Agreement is one parsed text. It is immutable.
type Agreement struct {
	text   []byte
	digest [48]byte
	marks  map[string]mark // path of a term to where it stands
	f      file
}

// Side is a party as the agreement names it.
type Side struct {
	ID      party.Party
	Name    label.Text
	Policy  string            // OID of its marking policy
	Root    party.Fingerprint // of its root key
	RootSet bool              // false until pairing filled the root in; then everything is refused
}

// Article is one numbered article.
type Article struct {
	N       int
	Title   label.Text
	Summary label.Text
	Source  string // where the text stands
	Grade   label.Grade
}

// Limits bind both parties: beyond them a receiver neither stores nor cosigns.
type Limits struct {
	Leaf        uint64 // bytes of a leaf
	Body        uint64 // bytes of an act or of a content
	Answers     uint64 // statements one statement answers
	Thread      uint64 // statements in a thread
	PerDay      uint64 // statements per author and day
	UnheldBytes uint64 // bytes of an author that the reader has not acknowledged as held
}

// Text returns the exact bytes that are signed. The caller must not change them.
func (a *Agreement) Text() []byte { return a.text }

// Digest returns the SHA-384 of the text; genesis embeds it and the channel is derived from it.
func (a *Agreement) Digest() [48]byte { return a.digest }

// ID returns the agreement's short name.
func (a *Agreement) ID() string { return a.f.ID }

// Version returns the version of the text, counted by its parties.
func (a *Agreement) Version() uint64 { return a.f.Version }

// Realm returns the realm in which the agreement holds.
func (a *Agreement) Realm() party.Realm { return a.f.Realm }

// Suite returns the cryptographic suite the parties approved, "hybrid" or "cnsa"; "" is unset.
func (a *Agreement) Suite() string { return a.f.Suite }

// Title returns the agreement's title.
func (a *Agreement) Title() label.Text { return a.f.Title }

// Parties returns the parties in the order of the text.
func (a *Agreement) Parties() []Side {
	out := make([]Side, len(a.f.Party))
	for i, p := range a.f.Party {
		out[i] = Side{p.ID, label.Text{EN: p.NameEN, JA: p.NameJA}, p.Policy, p.Root.fp, p.Root.set}
	}
	return out
}

// Articles returns all articles in the order of the text.
func (a *Agreement) Articles() []Article {
	out := make([]Article, len(a.f.Article))
	for i := range a.f.Article {
		out[i] = a.f.Article[i].article()
	}
	return out
}

// Article returns article n.
func (a *Agreement) Article(n int) (Article, bool) {
	for i := range a.f.Article {
		if a.f.Article[i].N == n {
			return a.f.Article[i].article(), true
		}
	}
	return Article{}, false
}

// Cite returns the citation of article n, "EXERCISE Art. 4" in an exercise and "Art. 4" otherwise, or "" if the text has
// no such article.
func (a *Agreement) Cite(n int) string {
	if _, ok := a.Article(n); !ok {
		return ""
	}
	if a.f.Realm.Exercise() {
		return "EXERCISE Art. " + strconv.Itoa(n)
	}
	return "Art. " + strconv.Itoa(n)
}

// Authors returns, sorted, the authors that act for a party at the time.
func (a *Agreement) Authors(at time.Time) []party.Author {
	var out []party.Author
	for i := range a.f.Author {
		if w := &a.f.Author[i]; w.covers(at.UnixMilli()) {
			out = append(out, w.ID)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Named returns, sorted, every author that the text names, for whatever time: who may ever have been a reader.
func (a *Agreement) Named() []party.Author {
	var out []party.Author
	for i := range a.f.Author {
		out = append(out, a.f.Author[i].ID)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Purposes returns the purposes for which information may be given.
func (a *Agreement) Purposes() []string { return slices.Clone(a.f.Scope.Purposes) }

// Means returns the ways of transmission.
func (a *Agreement) Means() []party.Means { return slices.Clone(a.f.Transmission.Means) }

// Limits returns the limits of quantity; a zero is unset and refuses.
func (a *Agreement) Limits() Limits {
	l := a.f.Limits
	return Limits{l.Leaf, l.Body, l.Answers, l.Thread, l.PerDay, l.UnheldBytes}
}

// Receipts returns after how long a transmission acknowledgement and a registry receipt are overdue; zero is unset.
func (a *Agreement) Receipts() (acknowledgement, registry time.Duration) {
	return time.Duration(a.f.Receipt.AckHours) * time.Hour, time.Duration(a.f.Receipt.RegistryHours) * time.Hour
}

// Destruction returns the rule of destruction, "national", "notify" or "consent"; "" is unset.
func (a *Agreement) Destruction() string { return a.f.Destruction.Rule }

// ThirdParty returns the rule of onward release, "never" or "originator-consent"; "" is unset.
func (a *Agreement) ThirdParty() string { return a.f.ThirdParty.Rule }

// Citations returns the articles that ground duties outside a release: access, marking on receipt, receipts, destruction
// and limits.
func (a *Agreement) Citations() (access, marking, receipt, destruction, limits string) {
	return a.Cite(a.f.Access.Article), a.Cite(a.f.Marking.Article), a.Cite(a.f.Receipt.Article),
		a.Cite(a.f.Destruction.Article), a.Cite(a.f.Limits.Article)
}

// StatementAllowed reports whether a statement of this type may leave a node with this kind of proof, and the article
// that says so. The list is closed. A stronger proof than the one required is accepted: a passkey or an enrolled device
// where the node's word is enough, never one in place of the other.
func (a *Agreement) StatementAllowed(typ, proof string) (article string, ok bool) {
	for _, s := range a.f.Statement {
		if s.Type == typ && s.Proof != "" {
			known := proof == proofNode || proof == proofPasskey || proof == proofDevice
			return a.Cite(s.Article), known && (proof == s.Proof || s.Proof == proofNode)
		}
	}
	return "", false
}

const (
	proofNode    = "node-attested"
	proofPasskey = "passkey"
	proofDevice  = "device"
)
