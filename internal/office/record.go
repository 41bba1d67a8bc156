package office

import (
	"context"
	"encoding/hex"
	"time"

	"entente/errs"
	"entente/internal/channel"
	"entente/internal/store"
	"entente/label"
	"entente/party"
	"entente/release"
	"entente/statement"
	"entente/wire"
)

// releaseRecord is one release as its own side keeps it: what was drafted, what would leave, who decided. It is encrypted at
// rest and never leaves.
type releaseRecord struct {
	ID         [16]byte      `cbor:"1,keyasint"` // release id, and thread of its statements
	Channel    [48]byte      `cbor:"2,keyasint"`
	Serial     string        `cbor:"3,keyasint"` // of the original, high-side only
	Author     party.Handle  `cbor:"8,keyasint"` // person id of the drafter, local
	Drafter    party.Handle  `cbor:"9,keyasint"` // the drafter's handle on the channel
	Proposed   int64         `cbor:"10,keyasint"`
	Terms      []byte        `cbor:"11,keyasint,omitempty"` // approved dispatch terms, guard digest filled in
	Approver   party.Handle  `cbor:"12,keyasint,omitempty"` // person id, local
	By         *statement.By `cbor:"13,keyasint,omitempty"` // the releaser as the statement names them
	Approved   int64         `cbor:"14,keyasint,omitempty"`
	NotBefore  int64         `cbor:"15,keyasint,omitempty"` // dispatch after this moment
	Dispatched int64         `cbor:"16,keyasint,omitempty"`
	Index      uint64        `cbor:"17,keyasint,omitempty"` // of the dispatch in the own journal
	Control    string        `cbor:"18,keyasint,omitempty"` // the partner's control number
	Own        *label.Label  `cbor:"19,keyasint,omitempty"` // the partner's own marking
	Disclosed  uint64        `cbor:"20,keyasint"`
	Withheld   uint64        `cbor:"21,keyasint"`

	releaseText `cbor:"-"`
	stored      bool // the text is in the store
}

// releaseText is what of a release never changes: it is stored once, beside the record, which is stored again with every
// decision.
type releaseText struct {
	Report   []byte `cbor:"1,keyasint"` // as drafted
	Sheet    []byte `cbor:"2,keyasint"` //
	Version  []byte `cbor:"3,keyasint"` // final bytes
	Original []byte `cbor:"4,keyasint"` // high-side record of the version
}

// States of a release record. What the partner's receipts add (witnessed, held) is derived when shown.
const (
	stateProposed    = "proposed"
	stateApproved    = "approved"
	stateStopped     = "stopped"
	stateDispatched  = "dispatched"
	stateRegistered  = "registered"
	stateQuarantined = "quarantined"
)

const maxRecord = 1 << 20

func putRelease(tx *store.Tx, r *releaseRecord, state string) error {
	sort := r.Proposed
	if state == stateApproved {
		sort = r.NotBefore // the dispatch loop takes them in order of time
	}
	id := hex.EncodeToString(r.ID[:])
	if !r.stored {
		if err := tx.PutDoc(docReleaseText, id, "", 0, wire.MustMarshal(&r.releaseText)); err != nil {
			return err
		}
		r.stored = true
	}
	return tx.PutDoc(docRelease, id, state, sort, wire.MustMarshal(r))
}

// decodeRelease reads a record without its text.
func decodeRelease(d *store.Doc) (*releaseRecord, error) {
	r := &releaseRecord{stored: true}
	return r, wire.Unmarshal(d.Plain, maxRecord, r)
}

// openRelease reads a record with its text.
func openRelease(tx *store.Tx, d *store.Doc) (*releaseRecord, error) {
	r, err := decodeRelease(d)
	if err != nil {
		return nil, err
	}
	text, err := tx.Doc(docReleaseText, d.ID)
	if err != nil {
		return nil, err
	}
	return r, wire.Unmarshal(text.Plain, maxRecord, &r.releaseText)
}

// findRelease returns the record whose id starts with typed.
func findRelease(tx *store.Tx, typed string) (*releaseRecord, string, error) {
	d, err := find(tx, docRelease, typed, "release.unknown", "see entente release list")
	if err != nil {
		return nil, "", err
	}
	r, err := openRelease(tx, d)
	return r, d.State, err
}

// viewRelease shows a record, with how far the partner's receipts say it has come.
func (o *Office) viewRelease(tx *store.Tx, r *releaseRecord, state, lang string) (*ReleaseView, error) {
	c := o.cfg.Book.Get(r.Channel)
	if c == nil {
		return nil, &errs.Error{Kind: errs.NotFound, Code: "channel.unknown", Op: "office.release"}
	}
	v, err := release.DecodeVersion(r.Version)
	if err != nil {
		return nil, err
	}
	out := &ReleaseView{Realm: string(o.cfg.Realm), ID: hex.EncodeToString(r.ID[:]), Reference: v.Reference, State: state, To: string(v.To), Title: v.Title.Text,
		Banner: o.cfg.Set.Banner(v.Banner, lang), Precedence: v.Precedence, Disclosed: int(r.Disclosed), Withheld: int(r.Withheld),
		Proposed: moment(r.Proposed), Dispatched: momentPtr(r.Dispatched), Control: r.Control, Serial: r.Serial}
	if state == stateApproved {
		out.Dispatch = momentPtr(r.NotBefore)
	}
	if r.Own != nil {
		out.OwnMarking = o.cfg.Set.Banner(*r.Own, lang)
	}
	persons, err := o.persons(tx)
	if err != nil {
		return nil, err
	}
	for _, p := range persons {
		switch p.ID {
		case r.Author:
			out.Author = p.Alias
		case r.Approver:
			out.Approver = p.Alias
		}
	}
	if state == stateDispatched {
		own, err := tx.Journal(c.Own.String())
		if err != nil {
			return nil, err
		}
		witnessed, held, err := o.receipts(tx, c, own)
		if err != nil {
			return nil, err
		}
		switch {
		case held.Contains(r.Index):
			out.State = "held"
		case r.Index < witnessed:
			out.State = "witnessed"
		}
	}
	return out, nil
}

// ListReleases lists releases, newest first, at most 100, to those who make, decide or audit them: titles are content.
func (o *Office) ListReleases(ctx context.Context, as string, req *ListReq) (*ReleaseList, error) {
	out := &ReleaseList{Realm: string(o.cfg.Realm), Releases: []ReleaseView{}}
	var refusal error
	err := o.cfg.Store.View(ctx, func(tx *store.Tx) error {
		if _, refusal = o.whoever(tx, as, "office.list", party.RoleAuthor, party.RoleReleaseOfficer, party.RoleAuditor); refusal != nil {
			return nil
		}
		kept := req.State
		if kept == "witnessed" || kept == "held" { // derived when shown
			kept = stateDispatched
		}
		sort, id := store.Last, ""
		for {
			docs, err := tx.DocsBefore(docRelease, kept, sort, id, 100)
			if err != nil {
				return err
			}
			for i := range docs {
				r, err := openRelease(tx, &docs[i])
				if err != nil {
					return err
				}
				v, err := o.viewRelease(tx, r, docs[i].State, req.Lang)
				if err != nil {
					return err
				}
				if req.State == "" || req.State == v.State {
					if out.Releases = append(out.Releases, *v); len(out.Releases) == 100 {
						return nil
					}
				}
				sort, id = docs[i].Sort, docs[i].ID
			}
			if len(docs) < 100 {
				return nil
			}
		}
	})
	if err == nil && refusal != nil {
		return nil, o.noteRefusal(ctx, o.cfg.Book.NodeBy(), "view", "releases", refusal)
	}
	return out, err
}

// mayOnChannel refuses new sendings unless the agreement is in force now.
func (o *Office) mayOnChannel(c *channel.Channel, at time.Time) error {
	return c.Rules.Standing().Err(at)
}
