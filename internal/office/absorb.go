package office

import (
	"encoding/hex"
	"time"

	"entente/agreement"
	"entente/custody"
	"entente/errs"
	"entente/internal/channel"
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

// Absorb is what this side's rooms do with a statement, own or a partner's, in the transaction that stores it. A partner's
// statement can only open a task here: a queue entry, an incident, a note. It returns an error only where storing failed.
func (o *Office) Absorb(tx *store.Tx, c *channel.Channel, st *statement.Statement) error {
	own := st.Act.Author == c.Self
	switch st.Act.Type {
	case statement.Genesis:
		if !own {
			return o.absorbGenesis(tx, c, st)
		}
	case statement.Delegated:
		if !own {
			return o.absorbDelegation(tx, c, st)
		}
	case statement.Dispatch:
		if !own {
			return o.absorbDispatch(tx, c, st)
		}
	case statement.RegistryReceipt, statement.Incident:
		if !own {
			return o.absorbAnswer(tx, c, st)
		}
	}
	return nil
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
	case g.Agreement != want || g.Realm != o.cfg.Realm || len(g.Readers) != len(c.Readers) || g.Epoch != c.Theirs.Epoch:
		return o.violation(tx, c, st, refused("channel.genesis", "office.absorb", "", "", "", "the partner's genesis names another agreement, realm, readers or epoch", "compare the agreement with the partner"))
	}
	if _, err := seal.DecodeSigned(g.KeyStatement); err != nil {
		return o.violation(tx, c, st, err)
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
	return tx.PutDoc(docPartnerDelegation, partnerDelegationID(c, d.Delegation.ID), "", st.Act.Time, wire.MustMarshal(&d))
}

func partnerDelegationID(c *channel.Channel, id string) string {
	d := channel.Fingerprint("entente/partner-delegation/1", c.Digest[:], []byte(id))
	return hex.EncodeToString(d[:16])
}

// partnerDelegation returns a delegation the partner published, or nil.
func (o *Office) partnerDelegation(tx *store.Tx, c *channel.Channel, id string) (*party.Delegation, error) {
	d, err := tx.Doc(docPartnerDelegation, partnerDelegationID(c, id))
	if errs.KindOf(err) == errs.NotFound && err != nil {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var t statement.DelegationTerms
	return &t.Delegation, wire.Unmarshal(d.Plain, statement.MaxBody, &t)
}

// absorbDispatch puts a partner's dispatch into the registry queue, unread, or into quarantine with a notice to the sender.
func (o *Office) absorbDispatch(tx *store.Tx, c *channel.Channel, st *statement.Statement) error {
	sent, err := custody.DecodeConsignment(st.Act.Terms)
	if err != nil {
		return o.violation(tx, c, st, err)
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
	if err != nil && errs.KindOf(err) == errs.Refused {
		return nil // a node that may sign nothing still keeps what it received
	}
	return err
}

// inspect says what is wrong with a dispatch. Nobody reads it: only form, labels and the sender's authority are judged.
func (o *Office) inspect(tx *store.Tx, c *channel.Channel, st *statement.Statement, r *inbound) (problem, failure error) {
	if st.Content == nil {
		return &errs.Error{Kind: errs.Integrity, Code: "custody.content.missing", Op: "office.inspect", Reason: "the version did not arrive with the dispatch"}, nil
	}
	v, err := release.DecodeVersion(st.Content.Narrative)
	if err != nil {
		return err, nil
	}
	r.Reference = v.Reference
	t, err := release.DecodeDispatchTerms(st.Act.Terms)
	if err != nil {
		return err, nil
	}
	if err := release.CheckReceived(v, t, release.Receiving{Terms: c.Rules, Author: c.Peer, Reader: c.Self, Means: party.MeansNetwork, At: tx.Now()}); err != nil {
		return err, nil
	}
	d, err := o.partnerDelegation(tx, c, st.Act.By.Delegation)
	if err != nil {
		return nil, err
	}
	return c.Rules.Delegated(d, agreement.Use{Author: c.Peer, Role: party.RoleReleaseOfficer, Holder: st.Act.By.Handle, Label: t.Banner,
		To: o.cfg.Author.Party(), Means: party.MeansNetwork, At: time.UnixMilli(st.Act.Time)}), nil
}

// absorbAnswer takes a partner's registry receipt or incident for something this side sent, as far as the fold obeys it.
func (o *Office) absorbAnswer(tx *store.Tx, c *channel.Channel, st *statement.Statement) error {
	d, err := tx.Doc(docRelease, hex.EncodeToString(st.Act.Thread[:]))
	if errs.KindOf(err) == errs.NotFound && err != nil {
		return o.violation(tx, c, st, &errs.Error{Kind: errs.Refused, Code: "custody.thread", Op: "office.absorb", Reason: "it answers nothing this side sent"})
	} else if err != nil {
		return err
	}
	r, err := decodeRelease(d)
	if err != nil {
		return err
	}
	thread, err := o.cfg.Book.Thread(tx, c, st.Act.Thread)
	if err != nil {
		return err
	}
	folded, bad := release.Fold(statement.Rules{Terms: c.Agreement.Digest(), Version: release.RulesVersion}, thread, tx.Now())
	for _, b := range bad {
		if b.Author == st.Act.Author && b.Index == st.Index {
			return o.violation(tx, c, st, &errs.Error{Kind: errs.Refused, Code: b.Code, Op: "release.fold", Reason: b.Reason})
		}
	}
	state := d.State
	switch {
	case folded.Status == release.StatusRegistered && st.Act.Type == statement.RegistryReceipt:
		t, err := custody.DecodeReceipt(st.Act.Terms)
		if err != nil {
			return o.violation(tx, c, st, err)
		}
		sent, err := custody.DecodeConsignment(r.Terms)
		if err != nil {
			return err
		}
		if err := custody.CheckReceipt(c.Rules, sent, t, c.Partner()); err != nil {
			return o.violation(tx, c, st, err)
		}
		state, r.Control, r.Own = stateRegistered, t.Control, &t.Own
	case folded.Status == release.StatusIncident:
		state = stateQuarantined
	}
	return putRelease(tx, r, state)
}
