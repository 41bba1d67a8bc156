package office

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"entente/custody"
	"entente/errs"
	"entente/exchange"
	"entente/internal/channel"
	"entente/internal/store"
	"entente/party"
	"entente/release"
	"entente/statement"
)

// docRegister holds the last control number given: the next one follows it, so that the series has no gaps.
const docRegister = "register"

// docControl leads from a control number to its item.
const docControl = "control"

func controlID(control string) string {
	d := channel.Fingerprint("entente/control/1", []byte(control))
	return hex.EncodeToString(d[:16])
}

// grantLife is how long a need-to-know grant holds before an officer looks at it again.
const grantLife = 365 * 24 * time.Hour

// findInbound returns the record whose release id starts with typed.
func findInbound(tx *store.Tx, typed string) (*inbound, string, error) {
	d, err := find(tx, docInbound, typed, "custody.unknown", "see entente registry queue")
	if err != nil {
		return nil, "", err
	}
	r, err := decodeInbound(d)
	return r, d.State, err
}

// line is a record as an entry of the register, with its holder's alias.
func (o *Office) line(persons []party.Person, c *channel.Channel, r *inbound) (custody.Entry, error) {
	e := o.entry(c, r, nil)
	if !r.Registered {
		return e, nil
	}
	holder := r.Holder.String()
	for _, p := range persons {
		if p.ID == r.Holder {
			holder = p.Alias
		}
	}
	return e, e.Register(&r.Receipt, holder)
}

func (o *Office) viewEntry(c *channel.Channel, r *inbound, e custody.Entry, lang string) EntryView {
	v := EntryView{ID: hex.EncodeToString(r.Sent.Release[:]), Control: e.Control, Copy: e.Copy, Of: e.Of, From: string(e.From), Reference: e.Reference,
		Received: moment(e.Received), Registered: momentPtr(e.Registered), Original: o.cfg.Set.Banner(e.Original, lang), Holder: e.Holder,
		State: string(e.State), Code: string(e.Code), Precedence: r.Sent.Precedence, Portions: r.Sent.Portions, Intact: e.State != custody.Quarantined, Purpose: e.Purpose}
	if e.State == custody.Registered {
		v.Own = o.ownMarking(e)
	}
	if e.State == custody.Queued {
		targets, err := c.Rules.Map(r.Sent.Banner, o.cfg.Author.Party())
		if err != nil {
			v.Code = string(errs.CodeOf(err))
		}
		for _, t := range targets {
			v.Choices = append(v.Choices, ChoiceView{Marking: pick(t.Marking, lang), Targets: t.ID, Article: t.Article, Default: t.Default})
		}
	}
	return v
}

// ownMarking is the own marking in the nation's own words first, then in English where they differ: whoever handles the item must
// know it as it stands on paper here.
func (o *Office) ownMarking(e custody.Entry) string {
	ja, en := o.cfg.Set.Banner(e.Own, "ja"), o.cfg.Set.Banner(e.Own, "en")
	if ja == en || o.cfg.Author.Party() != "JPN" {
		return en
	}
	return ja + " (" + en + ")"
}

// list collects entries in a state, at most limit, in their order.
func (o *Office) list(tx *store.Tx, state custody.EntryState, lang string, limit int) ([]EntryView, []custody.Entry, error) {
	persons, err := o.persons(tx)
	if err != nil {
		return nil, nil, err
	}
	views, entries := []EntryView{}, []custody.Entry{}
	sort, id := store.First, ""
	for len(entries) < limit {
		page := min(pageDocs, limit-len(entries))
		docs, err := tx.Docs(docInbound, string(state), sort, id, page)
		if err != nil {
			return nil, nil, err
		}
		for i := range docs {
			r, err := decodeInbound(&docs[i])
			if err != nil {
				return nil, nil, err
			}
			c := o.cfg.Book.Get(r.Channel)
			e, err := o.line(persons, c, r)
			if err != nil {
				return nil, nil, err
			}
			views, entries = append(views, o.viewEntry(c, r, e, lang)), append(entries, e)
			sort, id = docs[i].Sort, docs[i].ID
		}
		if len(docs) < page {
			break
		}
	}
	return views, entries, nil
}

const (
	queueShown    = 1000    // of the queue and of quarantine, the oldest each: how many wait, partners decide; Register.More counts the rest
	registerShown = 1 << 20 // of the register: everything, which people here let in one by one
)

// urgency orders what waits: FLASH before IMMEDIATE, PRIORITY and ROUTINE.
func urgency(word string) int {
	p, err := exchange.ParsePrecedence(word)
	if err != nil {
		return 0
	}
	return int(p)
}

// Queue shows what has arrived and waits, unread. Quarantined items are shown with the reason and no content.
func (o *Office) Queue(ctx context.Context, as string, req *ListReq) (*Register, error) {
	out := &Register{Realm: string(o.cfg.Realm)}
	err := o.act(ctx, func(tx *store.Tx) (error, error) {
		return o.asRole(tx, nil, as, party.RoleRegistryOfficer, "queue", func(*party.Person, statement.By) (error, error) {
			out.Entries = []EntryView{}
			for _, state := range []custody.EntryState{custody.Queued, custody.Quarantined} {
				views, _, err := o.list(tx, state, req.Lang, queueShown)
				if err != nil {
					return nil, err
				}
				n, err := tx.CountDocs(docInbound, string(state))
				if err != nil {
					return nil, err
				}
				slices.SortStableFunc(views, func(a, b EntryView) int { return urgency(b.Precedence) - urgency(a.Precedence) })
				out.Entries, out.More = append(out.Entries, views...), out.More+n-len(views)
			}
			return nil, nil
		})
	})
	return out, err
}

// ListRegister shows the register, as data and as it prints. Looking at it is itself noted.
func (o *Office) ListRegister(ctx context.Context, as string, req *ListReq) (*Register, error) {
	out := &Register{Realm: string(o.cfg.Realm)}
	err := o.act(ctx, func(tx *store.Tx) (error, error) {
		return o.asRole(tx, nil, as, party.RoleRegistryOfficer, "register", func(_ *party.Person, by statement.By) (error, error) {
			views, entries, err := o.list(tx, custody.Registered, req.Lang, registerShown)
			if err != nil {
				return nil, err
			}
			out.Entries = views
			out.Text, err = custody.Print(entries, custody.Printing{Set: o.cfg.Set, Policy: o.cfg.Policy.OID(), Realm: o.cfg.Realm, At: tx.Now(), Lang: req.Lang, By: as})
			if err != nil {
				return nil, err
			}
			return nil, o.note(tx, nil, by, "register", "", statement.OutcomeAllow, nil, nil)
		})
	})
	return out, err
}

// Accept takes an item of the queue in charge: contents against the list, own marking, control number, holder, receipt.
func (o *Office) Accept(ctx context.Context, as string, req *AcceptReq) (*EntryView, error) {
	var out *EntryView
	err := o.act(ctx, func(tx *store.Tx) (error, error) {
		r, state, err := findInbound(tx, req.ID)
		if err != nil {
			return o.unknown(tx, as, "accept", req.ID, err)
		}
		id, c := hex.EncodeToString(r.Sent.Release[:]), o.cfg.Book.Get(r.Channel)
		return o.asRole(tx, c, as, party.RoleRegistryOfficer, "accept", func(p *party.Person, by statement.By) (error, error) {
			if state != string(custody.Queued) {
				return o.deny(tx, c, by, "accept", id, refused("custody.state", "office.accept", id, "", "", "the item is "+state+", not queued", "see entente registry queue"))
			}
			holder, err := o.named(tx, req.Holder)
			if err != nil {
				return o.deny(tx, c, by, "accept", id, err)
			}
			if !holder.Has(party.RoleReader) {
				return o.deny(tx, c, by, "accept", id, refused("custody.holder", "office.accept", req.Holder, "agreements 19", "", "the post is no reader", "give the item to a post that may read"))
			}
			terms, st, err := o.accept(tx, c, r, p, req.Marking)
			if err != nil {
				if k := errs.KindOf(err); !refusing(k) && k != errs.Integrity {
					return nil, err
				}
				return o.deny(tx, c, by, "accept", id, err)
			}
			d, err := o.delegationOf(tx, c, p, party.RoleRegistryOfficer, tx.Now())
			if err != nil {
				return nil, err
			}
			by.Delegation = d.ID
			if _, err := o.cfg.Book.Say(tx, c, channel.Saying{Type: statement.RegistryReceipt, Version: release.RulesVersion, Thread: st.Act.Thread,
				Answers: []statement.Ref{channel.Ref(st)}, By: by, Terms: terms}); errs.KindOf(err) == errs.Refused && err != nil {
				return o.deny(tx, c, by, "accept", id, err) // said nothing: a freeze, or a node that may sign nothing
			} else if err != nil {
				return nil, err
			}
			if err := tx.PutDoc(docRegister, "last", "", 0, []byte(terms.Control)); err != nil {
				return nil, err
			}
			n, err := tx.Counter("registered")
			if err != nil {
				return nil, err
			}
			r.Receipt, r.Registered, r.Holder, r.Number = *terms, true, holder.ID, n
			r.Grants = []custody.Grant{{Control: terms.Control, Person: holder.ID, By: p.ID, Purpose: r.Sent.Purpose, From: terms.Registered,
				Until: tx.Now().Add(grantLife).UnixMilli()}}
			if err := putInbound(tx, r, custody.Registered); err != nil {
				return nil, err
			}
			if err := tx.PutDoc(docControl, controlID(terms.Control), "", 0, r.Sent.Release[:]); err != nil {
				return nil, err
			}
			if err := o.note(tx, c, by, "accept", id, statement.OutcomeDone, nil, terms.Dispatch[:]); err != nil {
				return nil, err
			}
			// The need-to-know grant is an act of its own in the record: this officer, this holder, this item.
			if err := o.note(tx, c, by, "grant", id+" "+o.handle(c, holder).String(), statement.OutcomeDone, nil, nil); err != nil {
				return nil, err
			}
			persons, err := o.persons(tx)
			if err != nil {
				return nil, err
			}
			e, err := o.line(persons, c, r)
			if err != nil {
				return nil, err
			}
			v := o.viewEntry(c, r, e, req.Lang)
			out = &v
			return nil, nil
		})
	})
	if err == nil {
		o.cfg.Carrier.Wake()
	}
	return out, err
}

// standing refuses a dispatch that its thread no longer bears out: contested, an incident, suspended by something this node cannot
// read, or already receipted.
func (o *Office) standing(tx *store.Tx, c *channel.Channel, st *statement.Statement) error {
	thread, err := o.cfg.Book.Thread(tx, c, st.Act.Thread)
	if err != nil {
		return err
	}
	folded, _ := release.Fold(statement.Rules{Terms: c.Agreement.Digest(), Version: release.RulesVersion}, thread, tx.Now())
	if folded.Status == release.StatusDispatched && folded.Dispatch.Leaf == st.LeafHash {
		return nil
	}
	return refused("custody.thread", "office.accept", string(folded.Status), "release/1", "", "the matter does not stand as a dispatch that waits for its receipt",
		"look at its statements: entente journal show; ask the originator")
}

// accept asks the register's rules about the bytes at hand.
func (o *Office) accept(tx *store.Tx, c *channel.Channel, r *inbound, p *party.Person, choice string) (*custody.ReceiptTerms, *statement.Statement, error) {
	j, err := tx.Journal(c.Theirs.String())
	if err != nil {
		return nil, nil, err
	}
	st, err := channel.Read(tx, j, r.Index)
	if err != nil {
		return nil, nil, err
	}
	if st.Act == nil || st.Content == nil {
		return nil, nil, &errs.Error{Kind: errs.Integrity, Code: "custody.contents", Op: "office.accept", Subject: "content", Rule: "agreements 29",
			Reason: "the contents are no longer here", Next: "notify the originator"}
	}
	if err := o.standing(tx, c, st); err != nil {
		return nil, nil, err
	}
	v, err := release.DecodeVersion(st.Content.Narrative)
	if err != nil {
		return nil, nil, err
	}
	found := custody.Found{Release: v.Release, Digest: release.Digest(st.Content.Narrative), Size: uint64(len(st.Content.Narrative)), Portions: uint64(len(v.Portions)), Original: v.Banner}
	d, err := o.delegationOf(tx, c, p, party.RoleRegistryOfficer, tx.Now())
	if err != nil {
		return nil, nil, err
	}
	last := ""
	if d, err := tx.Doc(docRegister, "last"); err == nil {
		last = string(d.Plain)
	} else if errs.KindOf(err) != errs.NotFound {
		return nil, nil, err
	}
	number, err := custody.NextControl(o.cfg.Author.Party(), o.cfg.Realm, tx.Now().UTC().Year(), last)
	if err != nil {
		return nil, nil, err
	}
	terms, err := custody.Accept(custody.AcceptRequest{Author: c.Self, Sender: c.Partner(), Sent: r.Sent, Found: found, Choice: choice, Officer: o.handle(c, p),
		Delegation: d, Control: number, Copy: 1, Received: time.UnixMilli(r.Received), Now: tx.Now()}, c.Rules)
	return terms, st, err
}
