// Package label says how information is marked and what follows from a mark: national policies as data, levels that
// form a partial order, designations, explicit release sets, and the algebra over them.
//
// # Use
//
// Load policies with [ParsePolicy] and put them in a [Set]; [ExercisePolicies] gives the two that ship. Read marks with
// [Set.ParsePortion] and [Set.ParseBanner], build a label with [Set.Compose], write marks with [Set.Portion] and
// [Set.Banner]. Every label that comes from a file or a peer goes through [Set.Check] before anything is concluded from
// it. Roll portions up with [Set.JoinAll]. Ask whether a person may see with [Set.Admit].
//
// # What a label is
//
// Policy, level, designations, release set, originator. The release set is always explicit: a mark without a release
// list releases to its originator alone (ADatP-4774 says nothing about an absent permissive category, and its decision
// rule then lets everybody pass; here nobody does). A label of another party's information under the own policy has that
// party as originator, and then both are in the release set.
//
// Join is (least upper bound of levels, union of designations, intersection of release sets) and nothing else. It is
// commutative, associative, idempotent and monotone, where it exists; it does not exist across policies or originators,
// for levels without a common upper bound (no tie rule is invented) and for designations that exclude each other: those
// stop for a person.
//
// # What is promised
//
// Nothing here widens. Unknown means refused: a level, designation, word, character or field that the policy does not
// state. Values graded "unverified" or "not found" are unset, listed by [Policy.Unset], and never matched. The package
// does no I/O, keeps no state and holds no clock. A [Policy] and a [Set] are immutable and safe for concurrent use;
// Leq, Lub and a successful Check do not allocate.
//
// A mark has one spelling: upper and lower case, order, spaces and separators count. Full-width and compatibility
// forms, combining marks, control and bidirectional characters are refused, never folded.
//
// # Policy files
//
// JSON, at most 256 KiB, format "entente-policy/1"; the files in policies/ are the example. Every value is an object
// {"value", "source", "grade"}; grade is one of "treaty text", "official", "news", "exercise", "unverified", "not found".
// "exercise" values fill gaps and are allowed only where the file says "exercise": true. Unknown fields, duplicate keys,
// a missing field that would widen if it were guessed, cycles, pairs said to be incomparable that a chain joins, and
// orders in which two levels have upper bounds but no least one are refused.
package label

import (
	"slices"

	"entente/errs"
	"entente/party"
)

// Text is one sentence or name in both languages of the product.
type Text struct {
	EN string `cbor:"1,keyasint" json:"en" toml:"en"`
	JA string `cbor:"2,keyasint" json:"ja" toml:"ja"`
}

// In returns the text in lang ("en" or "ja"), or the other language where that one is empty.
func (t Text) In(lang string) string {
	if lang == "ja" && t.JA != "" || t.EN == "" {
		return t.JA
	}
	return t.EN
}

// Label is the marking of one portion or one whole text. Its slices are sorted, ascending, without repetition; treat it
// as a value and never write into its slices. A label that did not come from this package must pass [Set.Check] first.
type Label struct {
	Policy       string        `cbor:"1,keyasint" json:"policy"`                           // OID of the policy, "2.25.…"
	Level        LevelID       `cbor:"2,keyasint" json:"level"`                            //
	Designations []string      `cbor:"3,keyasint,omitempty" json:"designations,omitempty"` // ids, closed under what level and designations imply
	Release      []party.Party `cbor:"4,keyasint" json:"release"`                          // who may have it; never empty, always with the originator
	Originator   party.Party   `cbor:"5,keyasint" json:"originator"`                       // whose information it is
}

// ReleasedTo reports whether p is in the release set.
func (l *Label) ReleasedTo(p party.Party) bool { return slices.Contains(l.Release, p) }

// Equal reports whether two labels say the same.
func (l *Label) Equal(o *Label) bool {
	return l.Policy == o.Policy && l.Level == o.Level && l.Originator == o.Originator &&
		slices.Equal(l.Designations, o.Designations) && slices.Equal(l.Release, o.Release)
}

// maxRelease bounds a release set: no agreement or community of states comes near it.
const maxRelease = 64

// Set is the policies a node knows, by OID.
type Set struct{ policies map[string]*Policy }

// NewSet makes a set. Two policies of one OID are refused (label.policy.duplicate).
func NewSet(policies ...*Policy) (*Set, error) {
	s := &Set{policies: make(map[string]*Policy, len(policies))}
	for _, p := range policies {
		if p == nil || s.policies[p.oid] != nil {
			return nil, &errs.Error{Kind: errs.Conflict, Code: "label.policy.duplicate", Op: "label.set", Reason: "two policies with one OID, or none"}
		}
		s.policies[p.oid] = p
	}
	return s, nil
}

// Policy returns the policy with this OID.
func (s *Set) Policy(oid string) (*Policy, bool) { p, ok := s.policies[oid]; return p, ok }

// Owned returns the one policy of a party; false if there is none or more than one.
func (s *Set) Owned(owner party.Party) (found *Policy, ok bool) {
	for _, p := range s.policies {
		if p.owner == owner {
			if found != nil {
				return nil, false
			}
			found = p
		}
	}
	return found, found != nil
}

// Check refuses a label from which nothing may be concluded. Codes: label.policy, label.level, label.level.unset,
// label.designation, label.designation.unset, label.implied, label.contradiction, label.release, label.originator,
// label.order.
func (s *Set) Check(l Label) error {
	_, _, _, err := s.open(&l)
	return err
}

// open checks l and returns what the algebra works on: its policy, level index and designations as bits.
func (s *Set) open(l *Label) (p *Policy, level int, mask uint64, err error) {
	p, ok := s.policies[l.Policy]
	if !ok {
		return nil, 0, 0, refuse("label.policy", "labels §11 (1)", "no policy with this OID is loaded")
	}
	level, mask, err = p.check(l)
	return p, level, mask, err
}

func refuse(code errs.Code, rule, reason string) error {
	return &errs.Error{Kind: errs.Refused, Code: code, Op: "label.check", Rule: rule, Reason: reason}
}

func (p *Policy) check(l *Label) (level int, mask uint64, err error) {
	level, ok := p.LevelIndex(l.Level)
	if !ok {
		return 0, 0, refuse("label.level", "labels R4", "the policy has no such level")
	}
	if p.unsetLevels>>level&1 != 0 {
		return 0, 0, refuse("label.level.unset", "agreements 8", "the level rests on unverified data and is unset")
	}
	for i, id := range l.Designations {
		d, ok := p.DesignationIndex(id)
		switch {
		case !ok || p.desigs[d].Kind == Permissive: // a permissive value is a release list, and that stands in Release
			return 0, 0, refuse("label.designation", "labels R5", "the policy has no such designation")
		case p.unsetDesigs>>d&1 != 0:
			return 0, 0, refuse("label.designation.unset", "agreements 8", "the designation has no verified marking and is unset")
		case i > 0 && l.Designations[i-1] >= id:
			return 0, 0, refuse("label.order", "", "designations are not sorted or one is repeated")
		}
		mask |= 1 << d
	}
	if p.closed(level, mask) != mask {
		return 0, 0, refuse("label.implied", "labels R12", "a designation implied by the level or by another is missing")
	}
	if !p.consistent(level, mask) {
		return 0, 0, refuse("label.contradiction", "labels R12", "a designation excludes another, or cannot stand at this level")
	}
	return level, mask, p.checkRelease(l, mask)
}

func (p *Policy) checkRelease(l *Label, mask uint64) error {
	if !l.Originator.Valid() {
		return refuse("label.originator", "agreements 11", "the originator is not a party")
	}
	if len(l.Release) == 0 || len(l.Release) > maxRelease {
		return refuse("label.release", "labels R3", "the release set must be explicit, and at most 64 parties")
	}
	owner, originator := false, false
	for i, r := range l.Release {
		if !r.Valid() {
			return refuse("label.release", "labels R3", "the release set names something that is no party")
		}
		if i > 0 && l.Release[i-1] >= r {
			return refuse("label.order", "", "the release set is not sorted or a party is repeated")
		}
		owner = owner || r == p.owner
		originator = originator || r == l.Originator
	}
	if !owner || !originator {
		return refuse("label.release", "labels R3", "the release set lacks the originator or the owner of the policy")
	}
	if mask&p.national != 0 && (len(l.Release) != 1 || l.Originator != p.owner) {
		return refuse("label.contradiction", "labels R3", "a national-only designation beside a release to others")
	}
	return nil
}

// Compose builds a label in its one form: sorted, without repetition, with everything implied, the originator and the
// owner of the policy added to the release set. It fails as [Set.Check] does, and with label.level.obsolete for a level
// that may be read but no longer written.
func (s *Set) Compose(policyOID string, level LevelID, designations []string, release []party.Party, originator party.Party) (Label, error) {
	p, ok := s.policies[policyOID]
	if !ok {
		return Label{}, refuse("label.policy", "labels §11 (1)", "no policy with this OID is loaded")
	}
	i, ok := p.LevelIndex(level)
	if !ok {
		return Label{}, refuse("label.level", "labels R4", "the policy has no such level")
	}
	if p.levels[i].Obsolete {
		return Label{}, refuse("label.level.obsolete", "labels §13 (25)", "an obsolete level is read, never written")
	}
	var mask uint64
	for _, id := range designations {
		d, ok := p.DesignationIndex(id)
		if !ok {
			return Label{}, refuse("label.designation", "labels R5", "the policy has no such designation")
		}
		mask |= 1 << d
	}
	return p.compose(i, mask, release, originator)
}

func (p *Policy) compose(level int, mask uint64, release []party.Party, originator party.Party) (Label, error) {
	set := append(slices.Clone(release), p.owner, originator)
	slices.Sort(set)
	l := Label{Policy: p.oid, Level: p.levels[level].ID, Designations: p.ids(p.closed(level, mask)), Release: slices.Compact(set), Originator: originator}
	if _, _, err := p.check(&l); err != nil {
		return Label{}, err
	}
	return l, nil
}
