package office

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"time"

	"entente/errs"
	"entente/internal/channel"
	"entente/internal/identity"
	"entente/internal/store"
	"entente/party"
	"entente/statement"
	"entente/wire"
)

// LoadStaff replaces posts and delegations by those of a staff file. The first load at a new node acts as the node itself; later
// ones need the key custodian. Persons keep their ids by alias, so that handles stay stable.
func (o *Office) LoadStaff(ctx context.Context, as string, req *StaffReq) (*Staff, error) {
	var out *Staff
	err := o.act(ctx, func(tx *store.Tx) (error, error) {
		have, err := o.persons(tx)
		if err != nil {
			return nil, err
		}
		by := o.cfg.Book.NodeBy()
		if len(have) > 0 {
			p, err := o.who(tx, as, party.RoleKeyCustodian, "office.staff")
			if err != nil && !refusing(errs.KindOf(err)) {
				return nil, err
			} else if err != nil {
				return o.deny(tx, nil, o.by(nil, p, party.RoleKeyCustodian, ""), "staff", "load", err)
			}
			by = o.by(nil, p, party.RoleKeyCustodian, "")
		}
		staff, err := identity.ParseStaff(req.File, o.cfg.Author.Authority(), o.cfg.Policy.OID(), o.newPerson)
		if err != nil {
			return o.deny(tx, nil, by, "staff", "load", err)
		}
		if !slices.ContainsFunc(staff.Persons, func(p party.Person) bool { return p.Has(party.RoleKeyCustodian) }) {
			return o.deny(tx, nil, by, "staff", "load", refused("identity.custodian", "office.staff", "", "separation of duties", "",
				"the file names no key custodian: nobody could load another one", "name a post with the role key-custodian"))
		}
		for i := range staff.Persons {
			p := &staff.Persons[i]
			for _, old := range have {
				if old.Alias == p.Alias {
					p.ID = old.ID
				}
			}
			if err := tx.PutDoc(docPerson, p.ID.String(), "", 0, wire.MustMarshal(p)); err != nil {
				return nil, err
			}
		}
		for _, d := range staff.Delegations {
			if err := tx.PutDoc(docDelegation, delegationID(d.Body.ID), "", 0, wire.MustMarshal(&d)); err != nil {
				return nil, err
			}
		}
		if err := o.retire(tx, have, staff); err != nil {
			return nil, err
		}
		for _, c := range o.cfg.Book.All() {
			if err := o.publishDelegations(tx, c); err != nil {
				return nil, &undone{nil, by, "staff", "load", err}
			}
		}
		digest := sha512.Sum384(req.File)
		if err := o.note(tx, nil, by, "staff", "load", statement.OutcomeDone, nil, digest[:]); err != nil {
			return nil, err
		}
		out, err = o.staff(tx)
		return nil, err
	})
	if err == nil {
		o.cfg.Carrier.Wake()
	}
	return out, err
}

// retire takes what a staff file no longer names out of force: delegations go, and posts lose roles and clearances. The posts
// themselves stay, so that what they did can still be read and a post that comes back keeps its handles.
func (o *Office) retire(tx *store.Tx, have []party.Person, staff *identity.Staff) error {
	for i := range have {
		p := &have[i]
		if slices.ContainsFunc(staff.Persons, func(q party.Person) bool { return q.Alias == p.Alias }) {
			continue
		}
		p.Roles, p.Clearances, p.Briefed = nil, nil, false
		if err := tx.PutDoc(docPerson, p.ID.String(), "", 0, wire.MustMarshal(p)); err != nil {
			return err
		}
	}
	docs, err := tx.Docs(docDelegation, "", store.First, "", maxStaff)
	if err != nil {
		return err
	}
	for _, d := range docs {
		if !slices.ContainsFunc(staff.Delegations, func(x identity.Delegation) bool { return delegationID(x.Body.ID) == d.ID }) {
			if err := tx.DeleteDoc(docDelegation, d.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *Office) newPerson() (h party.Handle) {
	if _, err := io.ReadFull(o.cfg.Random, h[:]); err != nil {
		panic(err) // the operating system has no randomness: nothing this process does can be trusted
	}
	return h
}

// delegationID hides the id, which is text of the nation's own, from the plain columns of the store.
func delegationID(id string) string {
	h := sha512.Sum384([]byte(id))
	return hex.EncodeToString(h[:16])
}

func (o *Office) delegations(tx *store.Tx) ([]identity.Delegation, error) {
	return staffDocs[identity.Delegation](tx, docDelegation)
}

// docTold is what a partner was last told of one delegation; its state is the channel's.
const docTold = "told"

func toldState(c *channel.Channel) string { return hex.EncodeToString(c.Digest[:16]) }

// publishDelegations tells the partner of c who may act: what is new or changed since it was last told, and that what is no longer here
// has ended. What cannot be said now (a hold, a full day) is said with the next anchor.
func (o *Office) publishDelegations(tx *store.Tx, c *channel.Channel) error {
	all, err := o.delegations(tx)
	if err != nil {
		return err
	}
	here := map[string]bool{}
	for _, d := range all {
		body, err := o.heldBy(tx, c, d)
		if err != nil {
			return err
		}
		id := channel.Fingerprint("entente/told/1", c.Digest[:], []byte(body.ID))
		here[hex.EncodeToString(id[:16])] = true
		if err := o.tell(tx, c, hex.EncodeToString(id[:16]), body); err != nil {
			return err
		}
	}
	told, err := tx.Docs(docTold, toldState(c), store.First, "", maxStaff)
	if err != nil {
		return err
	}
	for _, d := range told {
		var t statement.DelegationTerms
		if err := wire.Unmarshal(d.Plain, statement.MaxBody, &t); err != nil {
			return err
		}
		now := tx.Now().UnixMilli()
		if here[d.ID] || t.Delegation.Until <= now {
			continue
		}
		t.Delegation.From, t.Delegation.Until = min(t.Delegation.From, now-1), now
		if err := o.tell(tx, c, d.ID, &t.Delegation); err != nil {
			return err
		}
	}
	return nil
}

// tell says one delegation, unless the partner was told the same last.
func (o *Office) tell(tx *store.Tx, c *channel.Channel, id string, body *party.Delegation) error {
	terms := &statement.DelegationTerms{Delegation: *body}
	raw := wire.MustMarshal(terms)
	if d, err := tx.Doc(docTold, id); err == nil && bytes.Equal(d.Plain, raw) {
		return nil
	} else if err != nil && errs.KindOf(err) != errs.NotFound {
		return err
	}
	_, err := o.cfg.Book.Say(tx, c, channel.Saying{Type: statement.Delegated, By: o.cfg.Book.NodeBy(), Terms: terms})
	if k := errs.KindOf(err); err != nil && (k == errs.Refused || k == errs.Quota) {
		return nil
	} else if err != nil {
		return err
	}
	return tx.PutDoc(docTold, id, toldState(c), 0, raw)
}

// heldBy is a delegation as it reads on one channel: with the holder's handle there.
func (o *Office) heldBy(tx *store.Tx, c *channel.Channel, d identity.Delegation) (*party.Delegation, error) {
	p, err := o.named(tx, d.Post)
	if err != nil {
		return nil, err
	}
	body := d.Body
	body.Holder = o.handle(c, p)
	return &body, nil
}

// delegationOf picks the delegation under which a post acts in a role: the one in force, else the one that lapsed last, so that
// the refusal can name it; nil if there is none.
func (o *Office) delegationOf(tx *store.Tx, c *channel.Channel, p *party.Person, role party.Role, at time.Time) (*party.Delegation, error) {
	all, err := o.delegations(tx)
	if err != nil {
		return nil, err
	}
	var best *party.Delegation
	for _, d := range all {
		if d.Post != p.Alias || d.Body.Role != role {
			continue
		}
		body, err := o.heldBy(tx, c, d)
		if err != nil {
			return nil, err
		}
		if best == nil || body.InForce(at) && !best.InForce(at) || body.InForce(at) == best.InForce(at) && body.Until > best.Until {
			best = body
		}
	}
	return best, nil
}

// ListStaff lists posts and delegations.
func (o *Office) ListStaff(ctx context.Context, _ string, _ *Empty) (out *Staff, err error) {
	err = o.cfg.Store.View(ctx, func(tx *store.Tx) error { out, err = o.staff(tx); return err })
	return out, err
}

func (o *Office) staff(tx *store.Tx) (*Staff, error) {
	out := &Staff{Posts: []Post{}, Delegations: []DelegationView{}}
	persons, err := o.persons(tx)
	if err != nil {
		return nil, err
	}
	for _, p := range persons {
		if len(p.Roles) == 0 {
			continue // retired
		}
		v := Post{Alias: p.Alias, Agency: string(p.Agency), Nationality: string(p.Nationality)}
		for _, r := range p.Roles {
			v.Roles = append(v.Roles, string(r))
		}
		for _, c := range p.Clearances {
			v.Levels = append(v.Levels, c.Levels...)
			v.Until = moment(c.Until).UTC
		}
		out.Posts = append(out.Posts, v)
	}
	all, err := o.delegations(tx)
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		v := DelegationView{ID: d.Body.ID, Post: d.Post, Office: d.Body.Office, Role: string(d.Body.Role), Ceiling: d.Body.Ceiling,
			From: moment(d.Body.From).UTC, Until: moment(d.Body.Until).UTC, Instrument: d.Body.Instrument, InForce: d.Body.InForce(tx.Now())}
		for _, r := range d.Body.Recipients {
			v.Recipients = append(v.Recipients, string(r))
		}
		for _, m := range d.Body.Means {
			v.Means = append(v.Means, string(m))
		}
		out.Delegations = append(out.Delegations, v)
	}
	sortStaff(out)
	return out, nil
}

func sortStaff(s *Staff) {
	slices.SortFunc(s.Posts, func(a, b Post) int { return strings.Compare(a.Alias, b.Alias) })
	slices.SortFunc(s.Delegations, func(a, b DelegationView) int { return strings.Compare(a.ID, b.ID) })
}
