package release

import (
	"bytes"
	"crypto/sha512"
	"slices"
	"time"

	"entente/errs"
	"entente/party"
	"entente/statement"
	"entente/wire"
)

// RulesVersion names the rules by which a release thread is folded.
const RulesVersion = "release/1"

// Status of a release thread, from the least to the most restrictive view of it.
type Status string

// The statuses.
const (
	StatusNone       Status = "none"       // no dispatch that counts
	StatusDispatched Status = "dispatched" // the version left; nobody has registered it
	StatusRegistered Status = "registered" // a registry officer of the recipient took it in charge
	StatusIncident   Status = "incident"   // somebody reported an incident; stays so whatever else is said
	StatusContested  Status = "contested"  // two dispatches, neither before the other: until a joint statement
	StatusSuspended  Status = "suspended"  // a statement of a type or version this program does not know
)

// State is what the statements of one release thread come to. It is a pure function of the set of statements and asOf.
type State struct {
	Status    Status         `cbor:"1,keyasint"`
	Terms     *DispatchTerms `cbor:"2,keyasint"` // of the dispatch that counts, or nil
	Dispatch  Mention        `cbor:"3,keyasint"`
	Receipts  []Mention      `cbor:"4,keyasint"` // registry receipts by leaf: one per party, unless two of its nodes spoke at once
	Incidents []Mention      `cbor:"5,keyasint"` // by leaf
	Pending   int            `cbor:"-"`          // statements whose answers are not held yet
	Waiting   time.Duration  `cbor:"-"`          // at asOf, how long a dispatch has had no registry receipt; else 0
}

// Mention names a statement that the state rests on, with its own terms still encoded: custody reads those of a receipt.
type Mention struct {
	Author party.Author `cbor:"1,keyasint"`
	Leaf   [32]byte     `cbor:"2,keyasint"`
	Time   int64        `cbor:"3,keyasint"` // the author's claim, Unix milliseconds UTC
	Terms  []byte       `cbor:"4,keyasint"`
}

// Digest is SHA-384 over the encoding of the state without what time alone changes: two nodes with the same statements
// have the same digest.
func (s *State) Digest() [sha512.Size384]byte {
	return sha512.Sum384(append([]byte("entente/release-state/1\x00"), wire.MustMarshal(s)...))
}

// Fold derives the state of one release thread under rules: the terms in force and RulesVersion. Order of arrival and
// duplicates make no difference. A statement that breaks a rule is reported and not obeyed:
//   - release.fold.rules: judged by other terms than those in force
//   - release.fold.type: a type that has no place in a release thread
//   - release.fold.role: made in another role than its type needs
//   - release.fold.terms: a dispatch whose terms cannot be read
//   - release.fold.second: a dispatch after another, or a second receipt of the same party
//   - release.fold.answer: a receipt or incident that does not answer the dispatch, or a receipt of the dispatcher
func Fold(rules statement.Rules, stmts []*statement.Statement, asOf time.Time) (State, []statement.Violation) {
	ordered, pending, bad := statement.Order(stmts)
	st := State{Status: StatusNone, Pending: len(pending)}
	blame := func(s *statement.Statement, code errs.Code, reason string) {
		bad = append(bad, statement.Violation{Author: s.Act.Author, Epoch: s.Act.Epoch, Index: s.Index, Thread: s.Act.Thread, Code: code, Reason: reason})
	}
	suspended := false
	var dispatches, receipts, incidents []*statement.Statement
	terms := map[*statement.Statement]*DispatchTerms{}
	for _, s := range ordered {
		role := party.RoleRegistryOfficer
		switch a := s.Act; {
		case !statement.Known(a.Type) || a.Rules.Version != RulesVersion && a.Rules.Version != "custody/1":
			suspended = true
			continue
		case a.Rules.Terms != rules.Terms:
			blame(s, "release.fold.rules", "names other terms than those in force")
			continue
		case a.Type == statement.Dispatch:
			t, err := DecodeDispatchTerms(a.Terms)
			if err != nil {
				blame(s, "release.fold.terms", "the terms of the dispatch cannot be read")
				continue
			}
			role, terms[s], dispatches = party.RoleReleaseOfficer, t, append(dispatches, s)
		case a.Type == statement.RegistryReceipt:
			receipts = append(receipts, s)
		case a.Type == statement.Incident:
			incidents = append(incidents, s)
			continue // whoever sees something says so: a node in quarantine too
		default:
			blame(s, "release.fold.type", "a type that has no place in a release thread")
			continue
		}
		if s.Act.By.Role != role {
			blame(s, "release.fold.role", "made in another role than this type needs")
			dispatches, receipts = without(dispatches, s), without(receipts, s)
		}
	}
	first, contested := firstDispatch(dispatches)
	for _, d := range dispatches {
		if !contested && d != first {
			blame(d, "release.fold.second", "a dispatch after another in one thread")
		}
	}
	if first != nil && !contested {
		st.Status, st.Terms, st.Dispatch = StatusDispatched, terms[first], mention(first)
	}
	var kept []*statement.Statement
	for _, s := range receipts {
		who := s.Act.Author.Party()
		switch {
		case contested: // no dispatch to answer until a joint statement
		case first == nil || !answers(s, first) || who == first.Act.Author.Party():
			blame(s, "release.fold.answer", "does not answer the dispatch of another party")
		case slices.ContainsFunc(kept, func(k *statement.Statement) bool {
			return k.Act.Author.Party() == who && statement.Before(k, s) && !statement.Before(s, k)
		}):
			blame(s, "release.fold.second", "a second receipt of the same party")
		default:
			kept = append(kept, s)
			st.Receipts = append(st.Receipts, mention(s))
			st.Status = StatusRegistered
		}
	}
	for _, s := range incidents {
		if !contested && (first == nil || !answers(s, first)) {
			blame(s, "release.fold.answer", "does not answer the dispatch")
			continue
		}
		st.Incidents = append(st.Incidents, mention(s))
	}
	switch {
	case suspended:
		st.Status = StatusSuspended
	case contested:
		st.Status = StatusContested
	case len(st.Incidents) > 0:
		st.Status = StatusIncident
	}
	for _, m := range [][]Mention{st.Receipts, st.Incidents} {
		slices.SortFunc(m, func(a, b Mention) int { return bytes.Compare(a.Leaf[:], b.Leaf[:]) })
	}
	if st.Status == StatusDispatched {
		st.Waiting = max(0, asOf.Sub(time.UnixMilli(st.Dispatch.Time)))
	}
	return st, bad
}

// firstDispatch returns the dispatch that is before all others; contested if there are several and none is.
func firstDispatch(d []*statement.Statement) (first *statement.Statement, contested bool) {
	for _, s := range d {
		if !slices.ContainsFunc(d, func(o *statement.Statement) bool {
			return o != s && (!statement.Before(s, o) || statement.Before(o, s))
		}) {
			return s, false
		}
	}
	return nil, len(d) > 0
}

func answers(s, d *statement.Statement) bool {
	return slices.ContainsFunc(s.Act.Answers, func(r statement.Ref) bool { return r.Leaf == d.LeafHash })
}

func without(list []*statement.Statement, s *statement.Statement) []*statement.Statement {
	return slices.DeleteFunc(list, func(x *statement.Statement) bool { return x == s })
}

func mention(s *statement.Statement) Mention {
	return Mention{Author: s.Act.Author, Leaf: s.LeafHash, Time: s.Act.Time, Terms: s.Act.Terms}
}
