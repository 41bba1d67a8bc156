// Package custody is the register of what a partner gave: what came, under which control number, how it is marked here,
// who holds it, and who may see it.
//
// # Use
//
// A dispatch that arrives is judged by [Queue], unread: it stands in the queue with the strictest marking it may get, or
// in quarantine, from where nothing opens it. A registry officer checks the contents against the list and chooses the own
// marking; [Accept] decides whether that may stand and returns the terms of the receipt, a custody.receipt/1 statement.
// [Entry.Register] then makes the queue's entry a registered one. [Admit] decides who may open a registered entry, with
// every rule and its article. [Print] writes the register as a person signs it off. [Fold] derives the state of a thread
// from the statements of all authors, and [CheckReceipt] is how an originator checks the marking its information got.
//
// # What is promised
//
// The original label is never changed: the own marking stands beside it, is computed from it alone through the agreement,
// and names the originator (agreements 11 to 13). Nothing is accepted, and no marking is chosen, without an officer's
// delegation in force. Of several corresponding markings none is taken by default; until an officer has chosen, the
// strictest applies. A receipt is what the fold keeps or contests, never overwrites.
//
// The package does no I/O and holds no clock and no state; numbers, times and persons are arguments. If the process dies
// between a decision and its record, the decision was not made: only the statement in the journal counts. Decisions
// return errors with codes custody.*, or those of package agreement where the agreement refuses. Fold is a pure function
// of the set of statements: order of arrival and duplicates make no difference.
package custody

import (
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/label"
	"entente/party"
	"entente/statement"
)

// RulesVersion names the rules by which the custody side of a thread is folded.
const RulesVersion = "custody/1"

// EntryState is where an item stands in the register.
type EntryState string

// The states. A queued item waits for a registry officer; a quarantined one is opened by nobody.
const (
	Queued      EntryState = "queued"
	Registered  EntryState = "registered"
	Quarantined EntryState = "quarantined"
)

// Entry is one line of the register.
type Entry struct {
	Control    string           `json:"control,omitempty"` // control number; "" until registered
	Copy       uint64           `json:"copy"`              // copy n …
	Of         uint64           `json:"of"`                // … of m
	From       party.Party      `json:"from"`
	Reference  string           `json:"reference,omitempty"` // the sender's; not shown for what is in quarantine
	Purpose    string           `json:"purpose"`             // for which it was given, and no other
	Received   int64            `json:"received_ms"`         // Unix milliseconds UTC
	Registered int64            `json:"registered_ms,omitempty"`
	Original   label.Label      `json:"original"`         // as the originator marked it
	Own        label.Label      `json:"own"`              // own marking beside it; for a queued entry the strictest it may get; zero in quarantine
	Holder     string           `json:"holder,omitempty"` // alias or handle of who holds it; never a name
	State      EntryState       `json:"state"`
	Code       errs.Code        `json:"code,omitempty"` // why it is in quarantine
	Thread     statement.Thread `json:"-"`
	Release    [16]byte         `json:"-"`
	Digest     [48]byte         `json:"-"` // of the version, as dispatched
	Agreement  [48]byte         `json:"-"` // digest of the agreement under which it came
}

// Arrival is a dispatch as it arrived, before anybody has read what it carries.
type Arrival struct {
	Author    party.Author // the own node
	Sender    party.Party  // party of the dispatch's author
	Sent      Consignment  // terms of the dispatch
	Thread    statement.Thread
	Reference string
	Received  time.Time
	Ceiling   label.LevelID // of the own domain, in the own policy
	Problem   error         // what the caller found wrong with the bytes: malformed, infected, not what was dispatched
}

// Queue puts an arrival into the queue or, with the reason in Code, into quarantine. It goes to quarantine if the bytes
// have a problem, if the agreement gives the label no marking here (agreement.*), or if a marking it may get is above the
// ceiling of the own domain (custody.ceiling).
func Queue(c *agreement.Compiled, a Arrival) Entry {
	e := Entry{Copy: 1, Of: a.Sent.Copies, From: a.Sender, Reference: a.Reference, Purpose: a.Sent.Purpose, Received: a.Received.UnixMilli(),
		Original: a.Sent.Banner, State: Queued, Thread: a.Thread, Release: a.Sent.Release, Digest: a.Sent.Digest, Agreement: c.Agreement().Digest()}
	targets, err := mapped(c, &a.Sent, a.Sender, a.Author.Party())
	if a.Problem != nil {
		err = a.Problem
	}
	if err == nil {
		err = meanwhile(c, targets, a.Ceiling, &e)
	}
	if err != nil {
		e.State, e.Reference, e.Own = Quarantined, "", label.Label{}
		if e.Code = errs.CodeOf(err); e.Code == "" {
			e.Code = "custody.problem"
		}
	}
	return e
}

// meanwhile marks e with the strictest of the targets, all of which must lie under the ceiling.
func meanwhile(c *agreement.Compiled, targets []agreement.Target, ceiling label.LevelID, e *Entry) error {
	found := false
	for _, t := range targets {
		p, ok := c.Policies().Policy(t.Label.Policy)
		if !ok || !p.Leq(t.Label.Level, ceiling) {
			return &errs.Error{Kind: errs.Refused, Code: "custody.ceiling", Op: "custody.queue", Rule: "domain ceiling", Article: t.Article,
				Reason: "a marking it may get here is above the ceiling of this domain", Next: "ask the originator to send it to a domain accredited for it"}
		}
		if t.Meanwhile {
			e.Own, found = t.Label, true
		}
	}
	if !found {
		return &errs.Error{Kind: errs.Refused, Code: "custody.marking", Op: "custody.queue", Rule: "labels T4", Reason: "no marking is the strictest of those it may get"}
	}
	return nil
}

// mapped returns the own markings that answer to what was sent. The originator must be the sender: what came from a third
// party through the sender is outside this agreement.
func mapped(c *agreement.Compiled, sent *Consignment, sender, own party.Party) ([]agreement.Target, error) {
	if sent.Banner.Originator != sender {
		return nil, &errs.Error{Kind: errs.Refused, Code: "custody.originator", Op: "custody.map", Rule: "agreements 11, 32",
			Reason: "the sender is not the originator of what it sent", Next: "ask the sender for the originator's consent"}
	}
	targets, err := c.Map(sent.Banner, own)
	if err == nil && len(targets) == 0 {
		err = &errs.Error{Kind: errs.Refused, Code: "custody.marking", Op: "custody.map", Rule: "agreements 9", Reason: "no own marking answers to it"}
	}
	return targets, err
}

// Incident returns the terms of the notice to the originator about an entry in quarantine.
func (e *Entry) Incident(at time.Time) *IncidentTerms {
	return &IncidentTerms{Release: e.Release, Code: string(e.Code), Digest: e.Digest, At: at.UnixMilli()}
}

// Register makes a queued entry a registered one, with the terms of the receipt that [Accept] returned. Codes:
// custody.state for an entry that does not wait in the queue, custody.contents for the receipt of another item.
func (e *Entry) Register(t *ReceiptTerms, holder string) error {
	if e.State != Queued {
		return &errs.Error{Kind: errs.Conflict, Code: "custody.state", Op: "custody.register", Subject: string(e.State), Reason: "only what waits in the queue is registered"}
	}
	if err := t.Check(); err != nil {
		return err
	}
	if t.Release != e.Release || t.Dispatch != e.Digest || t.Originator != e.Original.Originator || t.Of != e.Of {
		return &errs.Error{Kind: errs.Conflict, Code: "custody.contents", Op: "custody.register", Reason: "the receipt is of another item"}
	}
	e.Control, e.Copy, e.Own, e.Received, e.Registered, e.Holder, e.State = t.Control, t.Copy, t.Own, t.Received, t.Registered, holder, Registered
	return nil
}
