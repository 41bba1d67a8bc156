// Package errs is the one vocabulary of failure in Entente.
//
// Every error that reaches a person or a peer is an [*Error]: a kind (what class of failure, closed and
// append-only), a code (a stable dotted name of exactly what happened, such as "exchange.bundle.truncated"),
// the operation and its subject, and, for a refusal, the rule that refused, the article that grounds the rule and
// what to do next. Causes are wrapped in Err and found by errors.Is and errors.As as usual.
//
// # Use
//
// Build errors as literals: return &errs.Error{Kind: errs.Refused, Code: "release.unmarked", Rule: "labels R14",
// Article: "EXERCISE Art. 4", Subject: "paragraph 3", Next: "mark the paragraph"}. Ask with [KindOf], [CodeOf] and
// [HasCode]. Never compare error text.
//
// # What is promised
//
// Kinds keep their number and name for ever, because they cross the wire and the exit status; codes are never
// reused for another meaning. Error text carries no secret and no content of a report: subjects are ids, field
// names, paragraph numbers and sizes.
//
// Mapping to an exit status, an HTTP status or a translated sentence is done once per edge, never here.
package errs

import (
	"errors"
	"strings"
)

// Kind is the class of a failure. The numbers are wire values: append only.
type Kind uint8

const (
	Internal    Kind = 0  // a defect of this program; nothing the caller did
	Invalid     Kind = 1  // malformed input: a decoder, a flag or a file said no
	Refused     Kind = 2  // well formed, but a rule of agreement, policy or delegation says no
	NotFound    Kind = 3  // no such thing, or none the caller may know of
	Conflict    Kind = 4  // contradicts what is already recorded
	Withheld    Kind = 5  // exists, and is deliberately not shown
	Unavailable Kind = 6  // cannot be done now; trying again later is right
	Quota       Kind = 7  // a limit both parties signed is exhausted
	Integrity   Kind = 8  // bytes do not match what was signed or committed to
	Fatal       Kind = 9  // durable storage failed: the process must stop and say so
	Usage       Kind = 10 // the command line was wrong
)

var kindNames = [...]string{"internal", "invalid", "refused", "not-found", "conflict", "withheld", "unavailable",
	"quota", "integrity", "fatal", "usage"}

// String returns the stable name of k.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "internal"
}

// Code names exactly one thing that can go wrong, as dotted lower-case words: "room.subject.problem".
type Code string

// Error is a failure with everything a person needs to act on it. Empty fields are left out of the text.
type Error struct {
	Kind    Kind
	Code    Code
	Op      string // what was attempted, e.g. "release.approve"
	Subject string // to what: an id, a field, "paragraph 3". Never content
	Rule    string // the rule that refused, e.g. "agreements rule 9"
	Article string // what grounds the rule, e.g. "EXERCISE Art. 5"
	Reason  string // one sentence: why
	Next    string // one sentence: what to do next
	Err     error  // cause
}

// Error renders the failure on one line, for logs and stderr: op: subject: code: reason (rule, article); cause.
func (e *Error) Error() string {
	var b strings.Builder
	part := func(sep, s string) {
		if s == "" {
			return
		}
		if b.Len() > 0 {
			b.WriteString(sep)
		}
		b.WriteString(s)
	}
	part("", e.Op)
	part(": ", e.Subject)
	part(": ", string(e.Code))
	part(": ", e.Reason)
	if e.Rule != "" || e.Article != "" {
		b.WriteString(" (")
		b.WriteString(e.Rule)
		if e.Rule != "" && e.Article != "" {
			b.WriteString(", ")
		}
		b.WriteString(e.Article)
		b.WriteString(")")
	}
	if e.Err != nil {
		part(": ", e.Err.Error())
	}
	if b.Len() == 0 {
		return e.Kind.String()
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the outermost *Error in err's chain, or Internal for any other non-nil error.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the code of the outermost *Error in err's chain that has one, or "".
func CodeOf(err error) Code {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Code != "" {
			return e.Code
		}
		err = e.Err
	}
	return ""
}

// HasCode reports whether any *Error in err's chain carries code.
func HasCode(err error, code Code) bool {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return false
		}
		if e.Code == code {
			return true
		}
		err = e.Err
	}
	return false
}
