package office

import (
	"context"
	"encoding/hex"
	"fmt"

	"entente/agreement"
	"entente/custody"
	"entente/errs"
	"entente/internal/channel"
	"entente/internal/store"
	"entente/party"
	"entente/release"
	"entente/statement"
)

// Open shows a registered item to a person who may see it: cleared, granted need-to-know, for a purpose it was given for. Every
// attempt is in the national journal, allowed or not; the text is returned only with the entry committed.
func (o *Office) Open(ctx context.Context, as string, req *OpenReq) (*OpenView, error) {
	var out *OpenView
	err := o.act(ctx, func(tx *store.Tx) (error, error) {
		r, err := o.byControl(tx, req.Control)
		if err != nil {
			return o.unknown(tx, as, "view", req.Control, err)
		}
		id, c := hex.EncodeToString(r.Sent.Release[:]), o.cfg.Book.Get(r.Channel)
		return o.asRole(tx, c, as, party.RoleReader, "view", func(p *party.Person, by statement.By) (error, error) {
			persons, err := o.persons(tx)
			if err != nil {
				return nil, err
			}
			e, err := o.line(persons, c, r)
			if err != nil {
				return nil, err
			}
			outcome, findings := custody.Admit(custody.AccessRequest{Person: p, Entry: &e, Purpose: req.Purpose, Grants: r.Grants,
				State: c.Rules.Standing().At(tx.Now()).State, At: tx.Now()}, c.Rules)
			view := &OpenView{Control: req.Control}
			for _, f := range findings {
				view.Findings = append(view.Findings, viewRule(f, req.Lang))
			}
			if outcome != agreement.Allow {
				return o.deny(tx, c, by, "view", id, denied(req.Control, findings))
			}
			j, err := tx.Journal(c.Theirs.String())
			if err != nil {
				return nil, err
			}
			st, err := channel.Read(tx, j, r.Index)
			if err != nil {
				return nil, err
			}
			if st.Content == nil {
				return o.deny(tx, c, by, "view", id, &errs.Error{Kind: errs.Withheld, Code: "custody.gone", Op: "office.open", Subject: req.Control, Reason: "the content is no longer held",
					Next: "its register entry and receipts remain: entente registry list"})
			}
			v, err := release.DecodeVersion(st.Content.Narrative)
			if err != nil {
				return nil, err
			}
			view.Own, view.Original = o.ownMarking(e), o.cfg.Set.Banner(e.Original, req.Lang)
			view.Text = o.cover(&e, view, req.Lang, release.Text(v, release.Rendering{Terms: c.Rules, Lang: req.Lang}))
			out = view
			return nil, o.note(tx, c, by, "view", id, statement.OutcomeAllow, nil, r.Sent.Digest[:])
		})
	})
	return out, err
}

// denied is the refusal of an access decision: the first rule that said no.
func denied(control string, findings []agreement.Finding) error {
	e := refused("custody.access", "office.open", control, "", "", "access is denied", "ask the registry officer for the item, or the release officer for its purpose")
	for _, f := range findings {
		if f.Outcome == agreement.Deny {
			e.Rule, e.Article, e.Reason = f.Rule, f.Article, f.Text.EN
			if f.Change.EN != "" {
				e.Next = f.Change.EN
			}
			e.Err = &errs.Error{Kind: errs.Refused, Code: f.Code, Err: &agreement.Said{Text: f.Text, Change: f.Change}}
			break
		}
	}
	return e
}

// cover puts this side's own marking and register data above and below what the originator wrote. The original marking stays where
// it is, in the originator's words.
func (o *Office) cover(e *custody.Entry, v *OpenView, lang, text string) string {
	at := moment(e.Registered).DTG
	head := fmt.Sprintf("Own marking: %s\nControl number: %s  Copy %d of %d  Registered: %s\n", v.Own, e.Control, e.Copy, e.Of, at)
	if lang == "ja" {
		head = fmt.Sprintf("自国の表示: %s\n管理番号: %s  写し %d部のうち第%d号  登録: %s\n", v.Own, e.Control, e.Of, e.Copy, at)
	}
	return head + "\n" + text + "\n" + head
}

func (o *Office) byControl(tx *store.Tx, control string) (*inbound, error) {
	if p, err := tx.Doc(docControl, controlID(control)); err == nil {
		d, err := tx.Doc(docInbound, hex.EncodeToString(p.Plain))
		if err != nil {
			return nil, err
		}
		return decodeInbound(d)
	} else if errs.KindOf(err) != errs.NotFound {
		return nil, err
	}
	return nil, &errs.Error{Kind: errs.NotFound, Code: "custody.control.unknown", Op: "office.open", Subject: control, Reason: "no such control number in this register",
		Next: "see entente registry list"}
}
