package statement

import (
	"strings"

	"entente/errs"
)

// TypeName is what a statement does and the version of its terms: "word.word/N", such as "release.dispatch/1".
// Words are lower-case letters with single inner hyphens; N is a positive number without leading zeros. A new version is a
// new type: the terms of a published one never change.
type TypeName string

// Types of channel journals.
const (
	Genesis         TypeName = "channel.genesis/1"      // first leaf of every journal: GenesisTerms
	Keys            TypeName = "key.statement/1"        // the node's keys, signed by the root: KeyTerms
	Delegated       TypeName = "authority.delegation/1" // who may act: DelegationTerms
	Anchor          TypeName = "journal.anchor/1"       // heads of the national journals: AnchorTerms
	Dispatch        TypeName = "release.dispatch/1"     // a release version leaves: terms in package release
	RegistryReceipt TypeName = "custody.receipt/1"      // a registry officer took it in charge: terms in package custody
	Incident        TypeName = "custody.incident/1"     // something arrived that must not have: terms in package custody
)

// National returns the type of a national journal's entry, "national.<event>/1". Such an entry never leaves its node.
func National(event string) TypeName { return TypeName("national." + event + "/1") }

// Known reports whether this binary understands type t in its version. An unknown type is kept and witnessed and its
// thread is suspended; it is not a violation.
func Known(t TypeName) bool {
	switch t {
	case Genesis, Keys, Delegated, Anchor, Dispatch, RegistryReceipt, Incident:
		return true
	}
	return t.National() && strings.HasSuffix(string(t), "/1")
}

// National reports whether t belongs in a national journal.
func (t TypeName) National() bool { return strings.HasPrefix(string(t), "national.") && t.Valid() }

// Valid reports whether t has the one spelling of a type name.
func (t TypeName) Valid() bool {
	name, version, ok := strings.Cut(string(t), "/")
	a, b, dot := strings.Cut(name, ".")
	return ok && dot && len(t) <= MaxName && word(a) && word(b) && number(version)
}

// ParseType checks s. Errors have code statement.type.
func ParseType(s string) (TypeName, error) {
	if t := TypeName(s); t.Valid() {
		return t, nil
	}
	return "", &errs.Error{Kind: errs.Invalid, Code: "statement.type", Op: "statement.parse",
		Reason: `a type is "word.word/N", such as release.dispatch/1`}
}

// word reports whether s is lower-case letters with single inner hyphens.
func word(s string) bool {
	for i := range len(s) {
		inner := i > 0 && i < len(s)-1 && s[i-1] != '-'
		if !(s[i] >= 'a' && s[i] <= 'z' || s[i] == '-' && inner) {
			return false
		}
	}
	return s != ""
}

// number reports whether s is 1 to 9999 without leading zeros.
func number(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) <= 4 && s[0] != '0'
}

// rulesVersion reports whether s is "word/N", such as "release/1".
func rulesVersion(s string) bool {
	w, n, ok := strings.Cut(s, "/")
	return ok && len(s) <= MaxName && word(w) && number(n)
}

// token reports whether s is 1 to MaxName visible ASCII characters without capitals.
func token(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] >= 'A' && s[i] <= 'Z' {
			return false
		}
	}
	return s != "" && len(s) <= MaxName
}
