package office

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"entente/agreement"
	"entente/custody"
	"entente/errs"
	"entente/internal/channel"
	"entente/internal/link"
	"entente/internal/store"
	"entente/party"
	"entente/release"
	"entente/seal"
	"entente/statement"
	"entente/wire"
)

// inbound is one dispatch of a partner as the register keeps it: from queued to registered. The text itself stays where it
// arrived, in the content of the partner's statement.
type inbound struct {
	Channel    [48]byte             `cbor:"1,keyasint"`
	Index      uint64               `cbor:"2,keyasint"` // of the dispatch in the partner's journal
	Sent       custody.Consignment  `cbor:"3,keyasint"` // the list
	Reference  string               `cbor:"4,keyasint,omitempty"`
	Received   int64                `cbor:"5,keyasint"`
	Code       string               `cbor:"6,keyasint,omitempty"` // quarantined: why
	Receipt    custody.ReceiptTerms `cbor:"7,keyasint,omitempty"` // once registered
	Holder     party.Handle         `cbor:"8,keyasint,omitempty"` // person id, local
	Number     uint64               `cbor:"9,keyasint,omitempty"` // order of registration
	Registered bool                 `cbor:"10,keyasint,omitempty"`
	Grants     []custody.Grant      `cbor:"11,keyasint,omitempty"` // need-to-know; person ids are local
}

// entry is the register's line for an inbound record.
func (o *Office) entry(c *channel.Channel, r *inbound, problem error) custody.Entry {
	if r.Code != "" && problem == nil {
		problem = &errs.Error{Kind: errs.Refused, Code: errs.Code(r.Code)}
	}
	return custody.Queue(c.Rules, custody.Arrival{Author: c.Self, Sender: c.Partner(), Sent: r.Sent, Thread: statement.Thread(r.Sent.Release),
		Reference: r.Reference, Received: time.UnixMilli(r.Received), Ceiling: o.cfg.Ceiling, Problem: problem})
}

func putInbound(tx *store.Tx, r *inbound, state custody.EntryState) error {
	sort := r.Received
	if state == custody.Registered {
		sort = int64(r.Number)
	}
	return tx.PutDoc(docInbound, hex.EncodeToString(r.Sent.Release[:]), string(state), sort, wire.MustMarshal(r))
}

func decodeInbound(d *store.Doc) (*inbound, error) {
	r := new(inbound)
	return r, wire.Unmarshal(d.Plain, maxRecord, r)
}

// Absorb is what this side's rooms do with statements of one author, own or a partner's, in the transaction that stores them. A
// partner's statement can only open a task here: a queue entry, an incident, a note. It returns an error only where storing failed.
func (o *Office) Absorb(tx *store.Tx, c *channel.Channel, said []*statement.Statement) error {
	var threads []statement.Thread // that are answered, each folded once, however much a partner says in it
	answers := map[statement.Thread][]*statement.Statement{}
	for _, st := range said {
		if st.Act.Author == c.Self || !statement.Known(st.Act.Type) { // an unknown type suspends its thread and breaks no rule
			continue
		}
		why := o.acceptable(c, st.Act)
		if why != nil && st.Act.Type != statement.Dispatch {
			if err := o.violation(tx, c, st, why); err != nil {
				return err
			}
			continue
		}
		var err error
		switch st.Act.Type {
		case statement.Genesis:
			err = o.absorbGenesis(tx, c, st)
		case statement.Delegated:
			err = o.absorbDelegation(tx, c, st)
		case statement.Dispatch:
			err = o.absorbDispatch(tx, c, st, why)
		case statement.RegistryReceipt, statement.Incident:
			t := st.Act.Thread
			if answers[t] == nil {
				threads = append(threads, t)
			}
			answers[t] = append(answers[t], st)
		}
		if err != nil {
			return err
		}
	}
	for _, t := range threads {
		if err := o.absorbAnswers(tx, c, t, answers[t]); err != nil {
			return err
		}
	}
	return nil
}

// acceptable says why a partner's act is not one that the agreement lets be said: outside the closed list or with another proof
// than it demands, under other terms, for another authority than the author's. A proof that this node cannot verify proves nothing.
func (o *Office) acceptable(c *channel.Channel, a *statement.Act) error {
	article, ok := c.Agreement.StatementAllowed(string(a.Type), a.By.Proof.Kind)
	switch {
	case !ok:
		return refused("channel.statement.closed", "office.absorb", string(a.Type), "agreements 31", article, "the agreement's closed list does not allow this statement with this proof", "")
	case a.By.Proof.Kind != statement.ProofNode:
		return refused("channel.proof.unverified", "office.absorb", string(a.Type), "agreements 31", article, "this node cannot verify such a proof", "")
	case a.Rules.Terms != c.Agreement.Digest():
		return refused("channel.rules", "office.absorb", string(a.Type), "agreements 4", "", "it names other terms than those in force on this channel", "")
	case a.By.Authority != a.Author.Authority():
		return refused("channel.authority", "office.absorb", string(a.By.Authority), "agreements 3", "", "an authority for which its author does not write", "")
	}
	return nil
}

// saidAt is when a partner's act was made, as far as others than its author can tell: not before the newest statement of this side
// that it has seen, and not after now. Between these its own claim stands, so that a clock that is a little wrong harms
// nothing, and one set back does not bring a lapsed delegation into force again.
func (o *Office) saidAt(tx *store.Tx, c *channel.Channel, a *statement.Act) (time.Time, error) {
	at := a.Time
	for _, s := range a.Seen {
		if s.Author != c.Self || s.Epoch != c.Own.Epoch || s.Size == 0 {
			continue
		}
		// What a batch has seen is mostly the same.
		seen, err := store.Recall(tx, "seen", hex48(c.Digest)+strconv.FormatUint(s.Size, 10), func() (int64, error) {
			own, err := tx.Journal(c.Own.String())
			if err != nil {
				return 0, err
			}
			if own.Size == 0 { // a restored node has less than was seen of it
				return 0, nil
			}
			st, err := channel.Read(tx, own, min(s.Size, own.Size)-1)
			if err != nil || st.Act == nil {
				return 0, err
			}
			return st.Act.Time, nil
		})
		if err != nil {
			return time.Time{}, err
		}
		at = max(at, seen)
	}
	return time.UnixMilli(min(at, tx.Now().UnixMilli())), nil
}

// violation notes that a partner's statement breaks a rule of this channel. It is kept, shown, and never obeyed.
func (o *Office) violation(tx *store.Tx, c *channel.Channel, st *statement.Statement, why error) error {
	id := hex.EncodeToString(st.Act.ID[:])
	return o.note(tx, c, o.cfg.Book.NodeBy(), "violation", id, statement.OutcomeRefused, why, st.LeafHash[:])
}

// absorbGenesis compares a partner's genesis with what this side knows: the same agreement, realm, readers and keys.
func (o *Office) absorbGenesis(tx *store.Tx, c *channel.Channel, st *statement.Statement) error {
	var g statement.GenesisTerms
	if err := statement.DecodeTerms(st.Act.Terms, &g); err != nil {
		return o.violation(tx, c, st, err)
	}
	want := c.Agreement.Digest()
	switch {
	case st.Index != 0:
		return o.violation(tx, c, st, refused("channel.genesis", "office.absorb", "", "", "", "a genesis that opens nothing", ""))
	case g.Agreement != want || g.Realm != o.cfg.Realm || !slices.Equal(g.Readers, c.Readers) || g.Epoch != c.Theirs.Epoch:
		return o.violation(tx, c, st, refused("channel.genesis", "office.absorb", "", "", "", "the partner's genesis names another agreement, realm, readers or epoch", "compare the agreement with the partner"))
	}
	s, err := seal.DecodeSigned(g.KeyStatement)
	if err != nil {
		return o.violation(tx, c, st, err)
	}
	keys, err := link.KeysIn(tx)
	if err != nil {
		return err
	}
	if !bytes.Equal(s.Payload, keys[c.Peer].Statement.Payload) {
		return o.violation(tx, c, st, refused("channel.genesis.keys", "office.absorb", "", "", "", "the partner's genesis names other keys than it is paired with", "ask the partner which keys its node has"))
	}
	return nil
}

const docPartnerDelegation = "partner-delegation"

// absorbDelegation remembers who may act for the partner, so that this side checks each act by itself.
func (o *Office) absorbDelegation(tx *store.Tx, c *channel.Channel, st *statement.Statement) error {
	var d statement.DelegationTerms
	if err := statement.DecodeTerms(st.Act.Terms, &d); err != nil {
		return o.violation(tx, c, st, err)
	}
	if d.Delegation.Authority != c.Peer.Authority() {
		return o.violation(tx, c, st, refused("channel.delegation", "office.absorb", "", "agreements 3", "", "a delegation by another authority than the author's", ""))
	}
	id := partnerDelegationID(c, d.Delegation.ID)
	if have, err := tx.Doc(docPartnerDelegation, id); err == nil && have.Sort > int64(st.Index) {
		return nil // a later word on this delegation came first
	} else if err != nil && errs.KindOf(err) != errs.NotFound {
		return err
	}
	return tx.PutDoc(docPartnerDelegation, id, "", int64(st.Index), wire.MustMarshal(&d))
}

func partnerDelegationID(c *channel.Channel, id string) string {
	d := channel.Fingerprint("entente/partner-delegation/1", c.Digest[:], []byte(id))
	return hex.EncodeToString(d[:16])
}

// partnerDelegation returns a delegation the partner published, or nil.
func (o *Office) partnerDelegation(tx *store.Tx, c *channel.Channel, id string) (*party.Delegation, error) {
	at := partnerDelegationID(c, id)
	return store.Recall(tx, docPartnerDelegation, at, func() (*party.Delegation, error) {
		d, err := tx.Doc(docPartnerDelegation, at)
		if errs.KindOf(err) == errs.NotFound && err != nil {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		var t statement.DelegationTerms
		return &t.Delegation, wire.Unmarshal(d.Plain, statement.MaxBody, &t)
	})
}

// absorbDispatch puts a partner's dispatch into the registry queue, unread, or into quarantine with a notice to the sender. why is what
// is wrong with its act, or nil. While its content is still to come it waits, and is absorbed when that is here.
func (o *Office) absorbDispatch(tx *store.Tx, c *channel.Channel, st *statement.Statement, why error) error {
	sent, err := custody.DecodeConsignment(st.Act.Terms)
	if err != nil {
		return o.violation(tx, c, st, err)
	}
	if statement.Thread(sent.Release) != st.Act.Thread {
		return o.violation(tx, c, st, refused("custody.thread", "office.absorb", "", "release/1", "", "a dispatch in the thread of another release", ""))
	}
	if st.Content == nil {
		theirs, err := tx.Journal(c.Theirs.String())
		if err != nil {
			return err
		}
		state, err := tx.BodyState(theirs, st.Index, store.Content)
		if err != nil {
			return err
		}
		if state == store.Later || state == store.Bad { // it is sent, or sent again, until it is held
			return nil
		}
	}
	id := hex.EncodeToString(sent.Release[:])
	if _, err := tx.Doc(docInbound, id); err == nil {
		return o.violation(tx, c, st, &errs.Error{Kind: errs.Conflict, Code: "custody.second", Op: "office.absorb", Reason: "a second dispatch of one release"})
	} else if errs.KindOf(err) != errs.NotFound {
		return err
	}
	r := &inbound{Channel: c.Digest, Index: st.Index, Sent: *sent, Received: tx.Now().UnixMilli()}
	problem, failure := o.inspect(tx, c, st, r)
	if failure != nil {
		return failure
	}
	if why != nil {
		problem = why
	}
	e := o.entry(c, r, problem)
	if e.State == custody.Queued {
		return putInbound(tx, r, custody.Queued)
	}
	r.Code, r.Reference = string(e.Code), ""
	if err := putInbound(tx, r, custody.Quarantined); err != nil {
		return err
	}
	if problem == nil {
		problem = &errs.Error{Kind: errs.Refused, Code: e.Code}
	}
	if err := o.note(tx, c, o.cfg.Book.NodeBy(), "quarantine", id, statement.OutcomeRefused, problem, sent.Digest[:]); err != nil {
		return err
	}
	// The incident is told to the originator in the same transaction: there is no moment in which only one side knows.
	_, err = o.cfg.Book.Say(tx, c, channel.Saying{Type: statement.Incident, Version: release.RulesVersion, Thread: st.Act.Thread, Answers: []statement.Ref{channel.Ref(st)},
		By: o.cfg.Book.NodeBy(), Terms: e.Incident(tx.Now())})
	if k := errs.KindOf(err); err != nil && (k == errs.Refused || k == errs.Quota) {
		return nil // a node that may sign nothing, or nothing more today, still keeps what it received; the entry above says so
	}
	return err
}

// inspect says what is wrong with a dispatch. Nobody reads it: only form, labels and the sender's authority are judged.
func (o *Office) inspect(tx *store.Tx, c *channel.Channel, st *statement.Statement, r *inbound) (problem, failure error) {
	if st.Content == nil {
		return &errs.Error{Kind: errs.Integrity, Code: "custody.content.missing", Op: "office.inspect", Reason: "the version did not arrive with the dispatch"}, nil
	}
	v, t, err := release.ReadReceived(st.Content.Narrative, st.Act.Terms, release.Receiving{Terms: c.Rules, Author: c.Peer, Reader: c.Self, Means: party.MeansNetwork, At: tx.Now()})
	if v != nil {
		r.Reference = v.Reference
	}
	if err != nil {
		return err, nil
	}
	if st.Act.Rules.Version != release.RulesVersion {
		return refused("channel.rules", "office.inspect", st.Act.Rules.Version, "release/1", "", "made by rules that this node does not know", "bring the node up to date"), nil
	}
	if st.Act.By.Role != party.RoleReleaseOfficer {
		return refused("release.fold.role", "office.inspect", string(st.Act.By.Role), "separation of duties", "", "a dispatch by somebody who is no release officer", ""), nil
	}
	return o.delegatedBy(tx, c, st.Act, agreement.Use{Author: c.Peer, Role: party.RoleReleaseOfficer, Holder: st.Act.By.Handle, Label: t.Banner,
		To: o.cfg.Author.Party(), Means: party.MeansNetwork})
}

// delegatedBy says whether the delegation that a partner's act names was published, is its maker's, and covered the use when it
// was made.
func (o *Office) delegatedBy(tx *store.Tx, c *channel.Channel, a *statement.Act, use agreement.Use) (problem, failure error) {
	d, err := o.partnerDelegation(tx, c, a.By.Delegation)
	if err != nil {
		return nil, err
	}
	if use.At, err = o.saidAt(tx, c, a); err != nil {
		return nil, err
	}
	return c.Rules.Delegated(d, use), nil
}

// absorbAnswers takes a partner's registry receipts and incidents for something this side sent, as far as the fold obeys them.
func (o *Office) absorbAnswers(tx *store.Tx, c *channel.Channel, t statement.Thread, said []*statement.Statement) error {
	d, err := tx.Doc(docRelease, hex.EncodeToString(t[:]))
	if errs.KindOf(err) == errs.NotFound && err != nil {
		for _, st := range said {
			if err := o.violation(tx, c, st, &errs.Error{Kind: errs.Refused, Code: "custody.thread", Op: "office.absorb", Reason: "it answers nothing this side sent"}); err != nil {
				return err
			}
		}
		return nil
	} else if err != nil {
		return err
	}
	r, err := decodeRelease(d)
	if err != nil {
		return err
	}
	thread, err := o.cfg.Book.Thread(tx, c, t)
	if err != nil {
		return err
	}
	folded, bad := release.Fold(statement.Rules{Terms: c.Agreement.Digest(), Version: release.RulesVersion}, thread, tx.Now())
	state := d.State
	for _, st := range said {
		why, failure := o.answer(tx, c, r, st, &folded, bad)
		if failure != nil {
			return failure
		}
		if why != nil {
			if err := o.violation(tx, c, st, why); err != nil {
				return err
			}
			continue
		}
		switch {
		case folded.Status == release.StatusIncident:
			state = stateQuarantined
		case folded.Status == release.StatusRegistered && st.Act.Type == statement.RegistryReceipt:
			receipt, err := custody.DecodeReceipt(st.Act.Terms)
			if err != nil {
				return err
			}
			state, r.Control, r.Own = stateRegistered, receipt.Control, &receipt.Own
		}
	}
	return putRelease(tx, r, state)
}

// answer says why an answer to a release is not obeyed: the fold blames it, it is not a receipt of what was sent under a marking that the
// agreement gives, or its maker held no delegation as registry officer.
func (o *Office) answer(tx *store.Tx, c *channel.Channel, r *releaseRecord, st *statement.Statement, folded *release.State, bad []statement.Violation) (why, failure error) {
	for _, b := range bad {
		if b.Author == st.Act.Author && b.Epoch == st.Act.Epoch && b.Index == st.Index {
			return &errs.Error{Kind: errs.Refused, Code: b.Code, Op: "release.fold", Reason: b.Reason}, nil
		}
	}
	if st.Act.Type != statement.RegistryReceipt {
		return nil, nil
	}
	t, err := custody.DecodeReceipt(st.Act.Terms)
	if err != nil {
		return err, nil
	}
	sent, err := custody.DecodeConsignment(r.Terms)
	if err != nil {
		return nil, err
	}
	if err := custody.CheckReceipt(c.Rules, sent, t, c.Partner()); err != nil {
		return err, nil
	}
	return o.delegatedBy(tx, c, st.Act, agreement.Use{Author: c.Peer, Role: party.RoleRegistryOfficer, Holder: st.Act.By.Handle, Label: t.Own})
}
