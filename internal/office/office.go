// Package office is what people do at a node: one operation per act, each one unit of work with its record in the national
// journal.
//
// # Use
//
// [New] an [Office] and [Office.Register] its operations on the operator interface. Each operation looks up the person by
// alias, asks the pure rooms, writes through package channel, and notes the outcome; allowed and denied acts leave an entry
// alike. An operation that is denied commits its entry and nothing else.
//
// # What holds after a crash
//
// An act and its record are one transaction: after a crash both are there or neither. A release that was approved and not yet
// dispatched is dispatched after the restart, after the second checker has looked again; one that was stopped is not.
package office

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/guard"
	"entente/internal/channel"
	"entente/internal/identity"
	"entente/internal/link"
	"entente/internal/store"
	"entente/label"
	"entente/party"
	"entente/release"
	"entente/statement"
	"entente/wire"
)

// Config is what an Office needs; every field is required.
type Config struct {
	Store   *store.Store
	Book    *channel.Book
	Carrier *link.Carrier
	Set     *label.Set
	Policy  *label.Policy                                 // of the own party
	Author  party.Author                                  //
	Realm   party.Realm                                   //
	Ceiling label.LevelID                                 // highest level this node may hold
	Handles [32]byte                                      // secret that handles are derived under
	Tables  func(*channel.Channel) (*guard.Tables, error) // the second checker's own tables for a channel
	Verify  agreement.Verifier
	Random  io.Reader
	Clock   func() time.Time
	Hold    func() error                                   // nil, or why this node may sign nothing now
	Checks  func(ctx context.Context, lang string) []Check // what the node itself can say to the doctor
	Address func() string                                  // where partners reach this node
	Event   func(id string) bool                           // whether an event reference is known
	Version string
	Logger  *slog.Logger
}

// Office does what people ask.
type Office struct{ cfg Config }

// New returns an office.
func New(cfg Config) *Office { return &Office{cfg: cfg} }

// Kinds of document in the store.
const (
	docPerson      = "person"
	docDelegation  = "delegation"
	docRelease     = "release"
	docReleaseText = "release-text"
	docInbound     = "inbound"
)

// signing is "ready", or the code of what holds signatures back.
func (o *Office) signing() string {
	if err := o.cfg.Hold(); err != nil {
		return string(errs.CodeOf(err))
	}
	return "ready"
}

func refused(code errs.Code, op, subject, rule, article, reason, next string) *errs.Error {
	return &errs.Error{Kind: errs.Refused, Code: code, Op: op, Subject: subject, Rule: rule, Article: article, Reason: reason, Next: next}
}

// act runs fn as one unit of work. A refusal that fn returns first is committed with the entry that fn noted, and then
// returned; a failure that fn returns second undoes everything.
func (o *Office) act(ctx context.Context, fn func(tx *store.Tx) (refusal, failure error)) error {
	var refusal error
	err := o.cfg.Store.Do(ctx, func(tx *store.Tx) (err error) {
		refusal, err = fn(tx)
		return err
	})
	var u *undone
	if errors.As(err, &u) && refusing(errs.KindOf(u.why)) {
		err = o.cfg.Store.Do(ctx, func(tx *store.Tx) error {
			return o.note(tx, u.c, u.by, u.event, u.subject, statement.OutcomeDeny, u.why, nil)
		})
		refusal = u.why
	}
	if err != nil {
		return err
	}
	return refusal
}

// refusing says whether an error of this kind means that a rule or the input said no, rather than that this node failed.
func refusing(k errs.Kind) bool {
	switch k {
	case errs.Refused, errs.Invalid, errs.NotFound, errs.Conflict, errs.Quota, errs.Withheld:
		return true
	}
	return false
}

// undone is a refusal found after something was written: act undoes that, and then notes the refusal in a unit of work of its own.
type undone struct {
	c              *channel.Channel
	by             statement.By
	event, subject string
	why            error
}

func (u *undone) Error() string { return u.why.Error() }

func (u *undone) Unwrap() error { return u.why }

// deny notes a refusal in the national journal and hands it back as act's first result.
func (o *Office) deny(tx *store.Tx, c *channel.Channel, by statement.By, event, subject string, why error) (refusal, failure error) {
	return why, o.note(tx, c, by, event, subject, statement.OutcomeDeny, why, nil)
}

func (o *Office) note(tx *store.Tx, c *channel.Channel, by statement.By, event, subject, outcome string, why error, digest []byte) error {
	n := statement.NationalTerms{Event: event, Subject: subject, Outcome: outcome, Digest: digest}
	if why != nil {
		f := failureFields(why)
		n.Code, n.Rule, n.Article = f[0], f[1], f[2]
	}
	return o.cfg.Book.Note(tx, c, by, n, nil)
}

// failureFields are code, rule and article of the outermost errors that have them.
func failureFields(err error) (f [3]string) {
	for cur := err; cur != nil; {
		e, ok := cur.(*errs.Error)
		if !ok {
			break
		}
		for i, s := range []string{string(e.Code), e.Rule, e.Article} {
			if f[i] == "" {
				f[i] = s
			}
		}
		cur = e.Err
	}
	return f
}

// maxStaff bounds posts, and delegations, that a node ever knew: a file names some hundreds (identity.MaxPosts), and what it no longer
// names is kept without roles.
const maxStaff = 1 << 14

// persons reads the staff; there are few.
func (o *Office) persons(tx *store.Tx) ([]party.Person, error) {
	all, err := staffDocs[party.Person](tx, docPerson)
	return slices.Clone(all), err
}

// staffDocs reads all documents of a kind that a staff file makes, once in a unit of work.
func staffDocs[T any](tx *store.Tx, kind string) ([]T, error) {
	return store.Recall(tx, kind, "all", func() ([]T, error) {
		docs, err := tx.Docs(kind, "", store.First, "", maxStaff)
		if err != nil {
			return nil, err
		}
		out := make([]T, len(docs))
		for i, d := range docs {
			if err := wire.Unmarshal(d.Plain, identity.MaxStaffFile, &out[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	})
}

// who finds the person who acts and checks the role. Refusals are noted by the caller's act; an unknown alias is noted as the
// node's own entry, because there is nobody to name.
func (o *Office) who(tx *store.Tx, alias string, role party.Role, op string) (*party.Person, error) {
	return o.whoever(tx, alias, op, role)
}

// whoever is who for an act that several roles may do.
func (o *Office) whoever(tx *store.Tx, alias, op string, roles ...party.Role) (*party.Person, error) {
	if alias == "" {
		return nil, refused("identity.missing", op, "", "", "", "an act needs a person", "say who acts: --post POST")
	}
	all, err := o.persons(tx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Alias != alias {
			continue
		}
		words := make([]string, len(roles))
		for n, r := range roles {
			if all[i].Has(r) {
				return &all[i], nil
			}
			words[n] = string(r)
		}
		return &all[i], refused("identity.role", op, alias, "separation of duties", "", "this post does not hold the role "+strings.Join(words, " or "),
			"ask a post that holds it; see entente staff list")
	}
	return nil, refused("identity.unknown", op, "", "", "", "no such post at this node", "see entente staff list")
}

func (o *Office) named(tx *store.Tx, alias string) (*party.Person, error) {
	all, err := o.persons(tx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Alias == alias {
			return &all[i], nil
		}
	}
	return nil, refused("identity.unknown", "office.named", "", "", "", "no such post at this node", "see entente staff list")
}

// by is a person acting in a role on a channel; with a nil channel, in administration.
func (o *Office) by(c *channel.Channel, p *party.Person, role party.Role, delegation string) statement.By {
	if p == nil {
		return o.cfg.Book.NodeBy()
	}
	digest := o.cfg.Book.Admin().Channel
	if c != nil {
		digest = c.Digest
	}
	return statement.By{Authority: o.cfg.Author.Authority(), Role: role, Handle: identity.Handle(o.cfg.Handles, digest, p.ID),
		Delegation: delegation, Proof: statement.Proof{Kind: statement.ProofNode}}
}

func (o *Office) handle(c *channel.Channel, p *party.Person) party.Handle {
	return identity.Handle(o.cfg.Handles, c.Digest, p.ID)
}

// custodian is the handle of a key custodian on a channel, for separation of duties.
func (o *Office) custodian(tx *store.Tx, c *channel.Channel) (party.Handle, error) {
	all, err := o.persons(tx)
	if err != nil {
		return party.Handle{}, err
	}
	for i := range all {
		if all[i].Has(party.RoleKeyCustodian) {
			return o.handle(c, &all[i]), nil
		}
	}
	return party.Handle{}, refused("identity.custodian", "office.custodian", "", "separation of duties", "", "this node has no key custodian", "load a staff file that names one")
}

// unknown notes that somebody asked for something that is not here, in administration, and refuses with why. Guessing at ids
// leaves a trace like every other refusal.
func (o *Office) unknown(tx *store.Tx, as, event, subject string, why error) (refusal, failure error) {
	if k := errs.KindOf(why); k != errs.NotFound && k != errs.Invalid {
		return nil, why
	}
	by := o.cfg.Book.NodeBy()
	if p, err := o.named(tx, as); err == nil {
		for _, r := range p.Roles {
			by = o.by(nil, p, r, "")
			break
		}
	}
	return o.deny(tx, nil, by, event, idLike(subject), why)
}

// idLike returns what a person typed if it has the form of an id, and else nothing: the journal holds ids, never content.
func idLike(s string) string {
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '/' && r != ':' {
			return ""
		}
	}
	return s[:min(len(s), 200)]
}

// asRole runs fn for the person alias in a role, and notes a person who may not as event.
func (o *Office) asRole(tx *store.Tx, c *channel.Channel, alias string, role party.Role, event string, fn func(p *party.Person, by statement.By) (refusal, failure error)) (refusal, failure error) {
	p, err := o.who(tx, alias, role, "office."+event)
	if err != nil {
		if errs.KindOf(err) != errs.Refused {
			return nil, err
		}
		by := o.cfg.Book.NodeBy()
		if p != nil {
			by = o.by(c, p, role, "")
		}
		return o.deny(tx, c, by, event, "", err)
	}
	by := o.by(c, p, role, "")
	if refusal, failure = fn(p, by); failure != nil && refusing(errs.KindOf(failure)) {
		return nil, &undone{c, by, event, "", failure}
	}
	return refusal, failure
}

func hex48(d [48]byte) string { return hex.EncodeToString(d[:]) }

func moment(ms int64) Moment {
	if ms == 0 {
		return Moment{}
	}
	t := time.UnixMilli(ms).UTC()
	return Moment{DTG: release.DTG(t), UTC: t.Format(time.RFC3339)}
}

func momentPtr(ms int64) *Moment {
	if ms == 0 {
		return nil
	}
	m := moment(ms)
	return &m
}

func pick(t label.Text, lang string) string {
	if lang == "ja" && t.JA != "" {
		return t.JA
	}
	return t.EN
}

// pageDocs is how many documents are read at one time: they may hold a report each.
const pageDocs = 256

// find returns the one document of a kind whose id is, or starts with, what a person typed.
func find(tx *store.Tx, kind, typed string, code errs.Code, next string) (*store.Doc, error) {
	reason := "no such id"
	if len(typed) >= 4 && strings.Trim(typed, "0123456789abcdef") == "" {
		ids, err := tx.DocIDs(kind, typed, 2)
		if err != nil {
			return nil, err
		}
		if len(ids) == 1 || len(ids) > 1 && ids[0] == typed {
			return tx.Doc(kind, ids[0])
		}
		if len(ids) > 1 {
			reason = "several ids start like this"
		}
	}
	return nil, &errs.Error{Kind: errs.NotFound, Code: code, Op: "office.find", Subject: channel.Clip(typed), Reason: reason, Next: next}
}
