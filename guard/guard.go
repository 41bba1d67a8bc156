// Package guard is the second checker: it judges the final bytes of a release version once more, knowing nothing of the
// code that made them.
//
// It imports the standard library and errs, and nothing else of this module: it has its own CBOR reader, its own reader
// of the agreement file, its own policy reader, its own join and its own word lists. A defect in the rooms that decide
// and build would have to be made a second time here to let something out. Where the two disagree, nothing leaves.
//
// # Use
//
// [Load] reads the agreement (the text both parties signed) and their policies. [Tables.Check] takes the terms of the
// dispatch act and the version, as bytes, and what the node means to do, and returns a [Cleared]: the only thing an
// outbox accepts. Ask [Cleared.Covers] that the act and the version about to leave are the ones that were judged, and
// [Tables.Still] at each dispatch whether the terms still hold. [Tables.Opaque] clears an attachment whose content the
// guard cannot read, and says so.
//
// # What is promised
//
// Deny on anything unknown: a field, a key in the agreement or policy files, a level, a grade, a character. The checks run
// in one order (doc/formats/guard.md); the first that fails is named by its code, and nothing of the content is in the
// error. Check is a pure function: same tables, bytes and terms give the same verdict, on any machine and
// at any later time, so that an auditor can repeat it. A Cleared lives in memory only; if the process dies it is gone,
// and the version must be judged again.
//
// The guard is no content filter: it finds words and marks left in by mistake, not what an author hides on purpose.
package guard

import (
	"crypto/sha512"
	"fmt"
	"io"
	"strings"
	"time"

	"entente/errs"
)

// Terms is what the node means to do. Every field must be set.
type Terms struct {
	From, To string // parties
	Purpose  string
	Means    string    // "network" or "courier", as the agreement lists them
	At       time.Time // now
	Realm    string    // of the node: "live" or "exercise:<name>"
	Release  [16]byte
	Copies   uint64
}

// MaxAge is how long a clearance can be used. It is shorter than any change of agreement, delegation or author takes
// effect unnoticed, and long enough for a link that is down over night.
const MaxAge = 24 * time.Hour

// Cleared says that the guard let one set of bytes pass, under one set of terms, at one time. Only this package makes
// one; the zero value clears nothing.
type Cleared struct {
	version   [48]byte // of the version, or of the opaque object
	terms     [48]byte
	tables    [48]byte
	verdict   string
	at        time.Time
	from, to  string
	authority string
	opaque    bool
}

// Digest returns the SHA-384 of the version that was judged.
func (c *Cleared) Digest() [48]byte { return c.version }

// TermsDigest returns the SHA-384 of the dispatch terms that were judged, with the guard's own field (key 8) all zero.
func (c *Cleared) TermsDigest() [48]byte { return c.terms }

// VerdictDigest returns the SHA-384 of [Cleared.Verdict]: what the dispatch act carries in its key 8.
func (c *Cleared) VerdictDigest() [48]byte { return sha512.Sum384([]byte(c.verdict)) }

// Verdict returns the itemised verdict: what was judged, against what, and the checks passed, one per line. It holds digests
// and names of checks only.
func (c *Cleared) Verdict() string { return c.verdict }

// At returns when the verdict was given.
func (c *Cleared) At() time.Time { return c.at }

// Opaque reports that the guard saw no content.
func (c *Cleared) Opaque() bool { return c.opaque }

// Covers refuses unless actTerms and version are what c was given for, and the act carries the verdict. Ask it of the
// exact bytes that go into the statement. Codes guard.not-cleared, guard.opaque, guard.terms.malformed, guard.terms,
// guard.digest, guard.verdict.
func (c *Cleared) Covers(actTerms, version []byte) error {
	a, bad := readAct(actTerms)
	switch {
	case c == nil || c.at.IsZero():
		return refuse("guard.not-cleared", "version", "", "the guard has not judged this", "have it judged")
	case c.opaque:
		return refuse("guard.opaque", "version", "", "an opaque clearance is for attachments only", "have the version itself judged")
	case bad != "":
		return invalid("guard.terms.malformed", "terms", bad)
	case sha512.Sum384(a.canonical) != c.terms:
		return integrity("guard.terms", "terms", "not the terms that were judged")
	case sha512.Sum384(version) != c.version:
		return integrity("guard.digest", "version", "not the bytes that were judged")
	case a.guard != c.VerdictDigest():
		return integrity("guard.verdict", "terms", "the act does not carry this verdict")
	}
	return nil
}

// Check judges a release version and the terms of its dispatch act. Key 8 of the terms, the guard's own, is either all
// zero (the verdict is to be filled in: [Cleared.VerdictDigest]) or the verdict that this Check comes to. The error is an
// *errs.Error with code guard.<what>; doc/formats/guard.md lists them.
func (t *Tables) Check(actTerms, version []byte, want Terms) (*Cleared, error) {
	c := &judgement{t: t, want: want, raw: version}
	var bad string
	if c.act, bad = readAct(actTerms); bad != "" {
		return nil, invalid("guard.terms.malformed", "terms", bad)
	}
	if c.v, bad = readVersion(version); bad != "" {
		return nil, invalid("guard.version.malformed", "version", bad)
	}
	var verdict strings.Builder
	out := &Cleared{version: sha512.Sum384(version), terms: sha512.Sum384(c.act.canonical), tables: t.digest, at: want.At,
		from: want.From, to: want.To, authority: c.v.authority}
	fmt.Fprintf(&verdict, "entente-guard-verdict/1\ntables %x\nterms %x\nversion %x\nmeans %s\npass read\n", t.digest, out.terms, out.version, want.Means)
	for _, check := range checks {
		if f := check.run(c); f != nil {
			return nil, &errs.Error{Kind: f.kind(), Code: f.code, Op: "guard.check", Subject: f.subject, Rule: check.rule, Article: f.article,
				Reason: f.reason, Next: check.next}
		}
		verdict.WriteString("pass " + check.name + "\n")
	}
	out.verdict = verdict.String()
	if c.act.guard != [48]byte{} && c.act.guard != out.VerdictDigest() {
		return nil, integrity("guard.verdict", "terms", "the act carries another verdict than the guard comes to")
	}
	return out, nil
}

// Still refuses a clearance whose terms no longer hold: another agreement or policy is in use, the agreement or its author is
// not in force now, the clearance is older than [MaxAge], or the clock stands before it. Codes guard.not-cleared,
// guard.tables, guard.clock, guard.stale, guard.in-force, guard.root, guard.statement, guard.author.
func (t *Tables) Still(c *Cleared, now time.Time) error {
	again := "have the version judged again"
	switch {
	case c == nil || c.at.IsZero():
		return refuse("guard.not-cleared", "version", "", "the guard has not judged this", "have it judged")
	case c.tables != t.digest:
		return refuse("guard.tables", "version", "", "judged under another agreement or policy", again)
	case now.Before(c.at):
		return refuse("guard.clock", "version", "", "the clock stands before the time of the verdict", "set the clock right")
	case now.Sub(c.at) > MaxAge:
		return refuse("guard.stale", "version", "", "the verdict is older than 24 hours", again)
	}
	f := t.inForce(c.from, c.to, now)
	if f == nil && !c.opaque {
		f = t.speaks(c.authority, now)
	}
	if f != nil {
		return refuse(f.code, f.subject, f.article, f.reason, "nothing new leaves; what is already held stays under its duties")
	}
	return nil
}

// Opaque clears an attachment that the guard cannot read. It checks the label (deterministic CBOR, as in a version) by the
// same rules as a portion's, that object is exactly size bytes with the SHA-384 digest, and the terms that do not depend on
// content; copies and release are not compared with anything. The verdict says that no content was seen: a person must
// have looked. Codes guard.label.malformed, guard.label.*, guard.size, guard.digest, guard.unreadable, and those of the terms.
func (t *Tables) Opaque(label []byte, object io.Reader, size uint64, digest [48]byte, want Terms) (*Cleared, error) {
	r := &cbor{b: label}
	m := r.mark()
	if r.end(); r.bad != "" {
		return nil, invalid("guard.label.malformed", "attachment", r.bad)
	}
	c := &judgement{t: t, want: want}
	for _, run := range []func() *failure{c.intent, c.force, func() *failure { return c.policyAllows("attachment", &m) },
		func() *failure { return c.agreementAllows("attachment", &m) }} {
		if f := run(); f != nil {
			return nil, refuse(f.code, f.subject, f.article, f.reason, "")
		}
	}
	h := sha512.New384()
	n, err := io.Copy(h, io.LimitReader(object, int64(min(size, 1<<62))+1))
	switch {
	case err != nil:
		return nil, &errs.Error{Kind: errs.Unavailable, Code: "guard.unreadable", Op: "guard.opaque", Subject: "attachment", Err: err}
	case uint64(n) != size:
		return nil, integrity("guard.size", "attachment", "not of the size stated")
	case [48]byte(h.Sum(nil)) != digest:
		return nil, integrity("guard.digest", "attachment", "not the bytes stated")
	}
	verdict := fmt.Sprintf("entente-guard-verdict/1\ntables %x\nobject %x\nlabel %x\nmeans %s\npass intent\npass force\npass labels\npass rows\ncontent not seen\n",
		t.digest, digest, sha512.Sum384(label), want.Means)
	return &Cleared{version: digest, tables: t.digest, verdict: verdict, at: want.At, from: want.From, to: want.To, opaque: true}, nil
}

// Digest identifies the agreement and policies in use.
func (t *Tables) Digest() [48]byte { return t.digest }

func refuse(code errs.Code, subject, article, reason, next string) error {
	return &errs.Error{Kind: errs.Refused, Code: code, Op: "guard.check", Subject: subject, Article: article, Reason: reason, Next: next}
}

func invalid(code errs.Code, subject, reason string) error {
	return &errs.Error{Kind: errs.Invalid, Code: code, Op: "guard.read", Subject: subject, Reason: reason}
}

func integrity(code errs.Code, subject, reason string) error {
	return &errs.Error{Kind: errs.Integrity, Code: code, Op: "guard.check", Subject: subject, Reason: reason, Next: "let nothing leave; find out what changed the bytes"}
}
