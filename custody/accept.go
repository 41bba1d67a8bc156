package custody

import (
	"errors"
	"strings"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/label"
	"entente/party"
)

// Found is what a registry officer finds when the contents are held against the list.
type Found struct {
	Release  [16]byte
	Digest   [48]byte // SHA-384 of the bytes at hand
	Size     uint64
	Portions uint64
	Original label.Label // banner of the version
}

// AcceptRequest is a registry officer's decision to take an item in charge.
type AcceptRequest struct {
	Author     party.Author // the own node, which will state the receipt
	Sender     party.Party  // party of the dispatch's author
	Sent       Consignment  // the list: terms of the dispatch
	Found      Found        // what was found
	Choice     string       // id of the own marking, "jpn.gokuhi+jpn.tokutei"; may be "" where the agreement gives only one
	Officer    party.Handle // who decides
	Delegation *party.Delegation
	Control    string // from [NextControl]
	Copy       uint64 // 1 to Sent.Copies
	Received   time.Time
	Now        time.Time
}

// Accept decides whether the item may be registered as asked and returns the terms of the receipt. Checked in this order:
//
//   - contents against the list: custody.contents, the subject says what differs
//   - the own markings that answer to the original label: agreement.*, custody.originator
//   - the officer's choice: custody.choice.required where there are several and none is named; custody.marking for one
//     that is not among them. The refusal lists them with the article
//   - the officer's delegation, in force, as registry officer, up to the own marking: custody.delegation, with the code of
//     package agreement beneath
//   - control number, copy and times: custody.control, custody.copy, custody.time
//
// It does not ask whether the agreement is still in force: what was sent under it is kept under it (agreements 6).
func Accept(q AcceptRequest, c *agreement.Compiled) (*ReceiptTerms, error) {
	if err := q.contents(); err != nil {
		return nil, err
	}
	own := q.Author.Party()
	targets, err := mapped(c, &q.Sent, q.Sender, own)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(targets, q.Choice)
	if err != nil {
		return nil, err
	}
	use := agreement.Use{Author: q.Author, Role: party.RoleRegistryOfficer, Holder: q.Officer, Label: chosen.Label, At: q.Now}
	if err := delegated(c, q.Delegation, use); err != nil {
		return nil, err
	}
	refused := func(code errs.Code, reason, next string) error {
		return &errs.Error{Kind: errs.Refused, Code: code, Op: "custody.accept", Rule: "agreements 36", Reason: reason, Next: next}
	}
	switch p, exercise, year, _, ok := parseControl(q.Control); {
	case !ok || p != own || exercise != c.Agreement().Realm().Exercise() || year != q.Now.UTC().Year():
		return nil, refused("custody.control", "the control number is not one of this register and year", "take the next number of the register")
	case q.Copy == 0 || q.Copy > q.Sent.Copies:
		return nil, refused("custody.copy", "no such copy was sent", "number the copy as the list does")
	case q.Received.UnixMilli() <= 0 || q.Now.Before(q.Received):
		return nil, refused("custody.time", "it would be registered before it was received", "check the node's clock")
	}
	t := &ReceiptTerms{Release: q.Sent.Release, Dispatch: q.Sent.Digest, Control: q.Control, Copy: q.Copy, Of: q.Sent.Copies, Own: chosen.Label,
		Originator: q.Sent.Banner.Originator, Received: q.Received.UnixMilli(), Registered: q.Now.UnixMilli(), Intact: true}
	return t, t.Check()
}

// contents holds what was found against the list.
func (q *AcceptRequest) contents() error {
	if err := q.Sent.Check(); err != nil {
		return err
	}
	s, f, differs := &q.Sent, &q.Found, ""
	switch {
	case f.Release != s.Release:
		differs = "release"
	case f.Portions != s.Portions:
		differs = "portions"
	case f.Size != s.Size:
		differs = "size"
	case f.Digest != s.Digest:
		differs = "digest"
	case !f.Original.Equal(&s.Banner):
		differs = "banner"
	default:
		return nil
	}
	return &errs.Error{Kind: errs.Integrity, Code: "custody.contents", Op: "custody.accept", Subject: differs, Rule: "agreements 29",
		Reason: "what is at hand is not what the list says", Next: "do not register it; put it into quarantine and notify the originator"}
}

// choose returns the target that the officer named. There is no default: a marking is chosen by a person or it is the
// only one.
func choose(targets []agreement.Target, choice string) (*agreement.Target, error) {
	ids := make([]string, len(targets))
	for i := range targets {
		if ids[i] = targets[i].ID; ids[i] == choice || choice == "" && len(targets) == 1 {
			return &targets[i], nil
		}
	}
	e := &errs.Error{Kind: errs.Refused, Code: "custody.marking", Op: "custody.accept", Rule: "agreements 12, 14", Article: targets[0].Article,
		Subject: "own marking", Reason: "the agreement does not give this marking to what was sent", Next: "choose one of: " + strings.Join(ids, ", ")}
	if choice == "" {
		e.Code, e.Rule, e.Reason = "custody.choice.required", "agreements 10, labels T4", "more than one marking corresponds, and only a person may choose"
	}
	return nil, e
}

func delegated(c *agreement.Compiled, d *party.Delegation, use agreement.Use) error {
	err := c.Delegated(d, use)
	if err == nil {
		return nil
	}
	e := &errs.Error{Kind: errs.Refused, Code: "custody.delegation", Op: "custody.accept", Subject: "registry officer", Rule: "agreements 10",
		Next: "let an officer with a delegation for this marking accept it", Err: err}
	if why := (*errs.Error)(nil); errors.As(err, &why) {
		e.Article = why.Article
	}
	return e
}

// CheckReceipt is the originator's check of a partner's receipt: it is of what was sent, names the originator, and the
// partner's own marking is one that the agreement gives. Codes: custody.receipt.release, .digest, .copy, .originator,
// .control, custody.marking, agreement.*.
func CheckReceipt(c *agreement.Compiled, sent *Consignment, t *ReceiptTerms, by party.Party) error {
	if err := t.Check(); err != nil {
		return err
	}
	if code, reason := t.against(sent, by); code != "" {
		return &errs.Error{Kind: errs.Integrity, Code: code, Op: "custody.receipt", Rule: "agreements 13", Reason: reason}
	}
	targets, err := c.Map(sent.Banner, by)
	if err != nil {
		return err
	}
	for i := range targets {
		if targets[i].Label.Equal(&t.Own) {
			return nil
		}
	}
	return &errs.Error{Kind: errs.Refused, Code: "custody.marking", Op: "custody.receipt", Rule: "agreements 12, 14", Article: targets[0].Article,
		Reason: "the receiver marked it as the agreement does not allow", Next: "ask the receiver to correct its marking"}
}

// against says in what a receipt contradicts the dispatch, as far as that shows without an agreement; "" if in nothing.
func (t *ReceiptTerms) against(sent *Consignment, by party.Party) (errs.Code, string) {
	owner, _, _, _, _ := parseControl(t.Control)
	switch {
	case t.Release != sent.Release:
		return "custody.receipt.release", "a receipt of another release"
	case t.Dispatch != sent.Digest:
		return "custody.receipt.digest", "a receipt of other bytes than were dispatched"
	case t.Of != sent.Copies:
		return "custody.receipt.copy", "a receipt of another number of copies than were sent"
	case t.Originator != sent.Banner.Originator:
		return "custody.receipt.originator", "a receipt that names another originator"
	case owner != by:
		return "custody.receipt.control", "a control number of another party's register"
	}
	return "", ""
}
