package custody

import (
	"bytes"
	"crypto/sha512"
	"maps"
	"slices"
	"time"

	"entente/errs"
	"entente/party"
	"entente/statement"
	"entente/wire"
)

// Status of the custody of one release thread.
type Status string

// The statuses.
const (
	StatusNone       Status = "none"       // no dispatch that counts
	StatusSent       Status = "sent"       // dispatched; no registry receipt
	StatusRegistered Status = "registered" // a recipient has taken it in charge
	StatusIncident   Status = "incident"   // somebody reported an incident; stays so whatever else is said
	StatusContested  Status = "contested"  // statements that contradict, neither before the other: until a joint statement
	StatusSuspended  Status = "suspended"  // a type or a rules version this program does not know
)

// Holding is what one recipient took in charge.
type Holding struct {
	Party   party.Party  `cbor:"1,keyasint"`
	Author  party.Author `cbor:"2,keyasint"`
	Leaf    [32]byte     `cbor:"3,keyasint"` // of the receipt; where it was said more than once in the same terms, the first in statement.Order
	Receipt ReceiptTerms `cbor:"4,keyasint"`
}

// Reported is an incident that somebody stated.
type Reported struct {
	Author   party.Author  `cbor:"1,keyasint"`
	Leaf     [32]byte      `cbor:"2,keyasint"`
	Incident IncidentTerms `cbor:"3,keyasint"`
}

// State is the custody side of one release thread.
type State struct {
	Status    Status        `cbor:"1,keyasint"`
	Sent      *Consignment  `cbor:"2,keyasint"` // of the dispatch that counts, or nil
	From      party.Author  `cbor:"3,keyasint"` // its author
	Leaf      [32]byte      `cbor:"4,keyasint"` // its leaf
	Holdings  []Holding     `cbor:"5,keyasint"` // by party
	Contested []party.Party `cbor:"6,keyasint"` // recipients whose receipts contradict each other, sorted
	Incidents []Reported    `cbor:"7,keyasint"` // by leaf
	Pending   int           `cbor:"-"`          // statements whose answers are not held yet
	Waiting   time.Duration `cbor:"-"`          // at asOf, how long it has been sent without any receipt; else 0
}

// Digest is SHA-384 over the encoding of the state without what time and arrival alone change.
func (s *State) Digest() [48]byte {
	return sha512.Sum384(append([]byte("entente/custody-state/1\x00"), wire.MustMarshal(s)...))
}

// Fold derives the custody of one release thread under rules: the terms in force and RulesVersion. Order of arrival and
// duplicates make no difference. A statement that breaks a rule is reported and not obeyed:
//   - custody.fold.rules: judged by other terms than those in force
//   - custody.fold.type: a type that has no place in a release thread
//   - custody.fold.role: a dispatch or receipt made in another role than its type needs
//   - custody.fold.terms: terms that cannot be read
//   - custody.fold.second: another dispatch, or a recipient's other receipt, after one that counts
//   - custody.fold.recipient: a receipt of a party to whom the dispatch was not released, or of the sender
//   - custody.fold.answer: a receipt that does not answer the dispatch
//   - custody.receipt.*: a receipt that contradicts the dispatch, as [CheckReceipt] says
//   - custody.fold.release: an incident about another release
//
// Said again in the same terms, a statement changes nothing. Two in other terms, neither before the other, are contested
// and neither is obeyed. Whether the own marking is one the agreement gives is a question to the agreement: CheckReceipt.
func Fold(rules statement.Rules, stmts []*statement.Statement, asOf time.Time) (State, []statement.Violation) {
	ordered, pending, bad := statement.Order(stmts)
	f := folder{rules: rules, bad: bad, state: State{Status: StatusNone, Pending: len(pending)}, sent: map[*statement.Statement]*Consignment{},
		received: map[*statement.Statement]*ReceiptTerms{}}
	f.sort(ordered)
	counts, contested := f.settle(f.dispatches, "a dispatch after another in one thread")
	if len(counts) > 0 {
		first := counts[0]
		f.state.Status, f.state.Sent, f.state.From, f.state.Leaf = StatusSent, f.sent[first], first.Act.Author, first.LeafHash
	}
	if !contested { // else there is nothing a receipt could be of, until a joint statement
		f.receive(counts)
	}
	f.report()
	st := &f.state
	if st.Status == StatusSent {
		st.Waiting = max(0, asOf.Sub(time.UnixMilli(counts[0].Act.Time)))
	}
	switch {
	case f.suspended:
		st.Status = StatusSuspended
	case contested || len(st.Contested) > 0:
		st.Status = StatusContested
	case len(st.Incidents) > 0:
		st.Status = StatusIncident
	}
	return *st, f.bad
}

// folder is one fold at work.
type folder struct {
	rules      statement.Rules
	state      State
	bad        []statement.Violation
	suspended  bool
	dispatches []*statement.Statement
	receipts   []*statement.Statement
	incidents  []Reported
	origin     []*statement.Statement // of incidents, in step
	sent       map[*statement.Statement]*Consignment
	received   map[*statement.Statement]*ReceiptTerms
}

func (f *folder) blame(s *statement.Statement, code errs.Code, reason string) {
	f.bad = append(f.bad, statement.Violation{Author: s.Act.Author, Epoch: s.Act.Epoch, Index: s.Index, Thread: s.Act.Thread, Code: code, Reason: reason})
}

// sort reads every statement on its own and keeps what can be read, by type.
func (f *folder) sort(ordered []*statement.Statement) {
	for _, s := range ordered {
		a := s.Act
		if !statement.Known(a.Type) || a.Rules.Version != RulesVersion && a.Rules.Version != "release/1" {
			f.suspended = true
			continue
		}
		if a.Rules.Terms != f.rules.Terms {
			f.blame(s, "custody.fold.rules", "names other terms than those in force")
			continue
		}
		var err error
		role := party.RoleRegistryOfficer
		switch a.Type {
		case statement.Dispatch:
			role = party.RoleReleaseOfficer
			f.sent[s], err = DecodeConsignment(a.Terms)
		case statement.RegistryReceipt:
			f.received[s], err = DecodeReceipt(a.Terms)
		case statement.Incident:
			var t *IncidentTerms
			if t, err = DecodeIncident(a.Terms); err == nil { // whoever sees something says so, in whatever role
				f.incidents, f.origin = append(f.incidents, Reported{a.Author, s.LeafHash, *t}), append(f.origin, s)
				continue
			}
		default:
			f.blame(s, "custody.fold.type", "a type that has no place in a release thread")
			continue
		}
		switch {
		case err != nil:
			f.blame(s, "custody.fold.terms", "its terms cannot be read")
		case a.By.Role != role:
			f.blame(s, "custody.fold.role", "made in another role than its type needs")
		case a.Type == statement.Dispatch:
			f.dispatches = append(f.dispatches, s)
		default:
			f.receipts = append(f.receipts, s)
		}
	}
}

// settle picks, of statements that exclude each other, those that count: the earliest ones, if they say the same, in
// statement.Order. Later ones that say something else are blamed. If the earliest differ, none counts and the matter is
// contested: which side said it first nobody can tell, and no tie favours a side.
func (f *folder) settle(list []*statement.Statement, reason string) (counts []*statement.Statement, contested bool) {
	before := func(a, b *statement.Statement) bool { return statement.Before(a, b) && !statement.Before(b, a) }
	for _, s := range list {
		if !slices.ContainsFunc(list, func(o *statement.Statement) bool { return o != s && before(o, s) }) {
			counts = append(counts, s)
		}
	}
	for _, s := range counts {
		contested = contested || !bytes.Equal(s.Act.Terms, counts[0].Act.Terms) || s.Act.Author.Party() != counts[0].Act.Author.Party()
	}
	for _, s := range list {
		if !slices.ContainsFunc(counts, func(o *statement.Statement) bool {
			return bytes.Equal(o.Act.Terms, s.Act.Terms) && o.Act.Author.Party() == s.Act.Author.Party()
		}) {
			f.blame(s, "custody.fold.second", reason)
		}
	}
	if contested {
		return nil, true
	}
	return counts, false
}

// receive holds receipts against the dispatch that counts.
func (f *folder) receive(dispatch []*statement.Statement) {
	byParty := map[party.Party][]*statement.Statement{}
	for _, s := range f.receipts {
		who := s.Act.Author.Party()
		answers := slices.ContainsFunc(s.Act.Answers, func(r statement.Ref) bool {
			return slices.ContainsFunc(dispatch, func(d *statement.Statement) bool { return d.LeafHash == r.Leaf })
		})
		switch {
		case len(dispatch) == 0 || !answers:
			f.blame(s, "custody.fold.answer", "does not answer the dispatch")
		case who == f.state.From.Party() || !f.state.Sent.Banner.ReleasedTo(who):
			f.blame(s, "custody.fold.recipient", "a receipt of a party that is not the recipient")
		default:
			if code, reason := f.received[s].against(f.state.Sent, who); code != "" {
				f.blame(s, code, reason)
				continue
			}
			byParty[who] = append(byParty[who], s)
		}
	}
	for _, who := range slices.Sorted(maps.Keys(byParty)) { // each party for itself
		counts, contested := f.settle(byParty[who], "a second receipt of one recipient, in other terms")
		if contested {
			f.state.Contested = append(f.state.Contested, who)
			continue
		}
		f.state.Status = StatusRegistered
		f.state.Holdings = append(f.state.Holdings, Holding{who, counts[0].Act.Author, counts[0].LeafHash, *f.received[counts[0]]})
	}
}

// report keeps the incidents of this release.
func (f *folder) report() {
	for i, r := range f.incidents {
		if f.state.Sent != nil && r.Incident.Release != f.state.Sent.Release && r.Incident.Release != [16]byte{} {
			f.blame(f.origin[i], "custody.fold.release", "an incident about another release")
			continue
		}
		f.state.Incidents = append(f.state.Incidents, r)
	}
	slices.SortFunc(f.state.Incidents, func(a, b Reported) int { return bytes.Compare(a.Leaf[:], b.Leaf[:]) })
}
