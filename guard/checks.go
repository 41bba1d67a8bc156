package guard

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"entente/errs"
)

// judgement is one run of the checks.
type judgement struct {
	t    *Tables
	want Terms
	act  act
	v    version
	raw  []byte
}

// checks lists every check in the order it runs, with the rule it holds and what a person does when it refuses. Names are
// part of the verdict: append only, never reuse.
var checks = []struct {
	name, rule, next string
	run              func(*judgement) *failure
}{
	{"intent", "agreements 4, 5", "ask for what the agreement covers", (*judgement).intent},
	{"digest", "final bytes", "let nothing leave; build the version anew", (*judgement).digests},
	{"match", "final bytes", "build the version anew from what was decided", (*judgement).match},
	{"force", "agreements 1, 2, 15", "nothing new leaves until the agreement stands", (*judgement).force},
	{"decision", "agreements 7", "have a release officer decide", (*judgement).decision},
	{"form", "release form", "build the version anew", (*judgement).form},
	{"numbers", "release form", "build the version anew", (*judgement).numbers},
	{"labels", "labels R3, R14, T1, T3, T5", "correct the marks in the original, or withhold the portion", (*judgement).labels},
	{"rows", "labels T4; agreements 9", "withhold the portion, or agree a row", (*judgement).rows},
	{"banner", "labels R4, R5, R7, R13", "build the version anew", (*judgement).banner},
	{"manifest", "portion manifest", "build the version anew", (*judgement).manifest},
	{"handling", "labels T5", "build the version anew from the agreement in force", (*judgement).handling},
	{"text", "labels R14", "write the text anew, or withhold the portion", (*judgement).text},
}

// kind is the class of a failure: bytes that contradict each other are something else than a rule that says no.
func (f *failure) kind() errs.Kind {
	switch f.code {
	case "guard.digest", "guard.size", "guard.manifest.digest", "guard.manifest.member":
		return errs.Integrity
	}
	return errs.Refused
}

var (
	kinds       = []string{"SPOTREP", "INTREP", "INTSUM"}
	precedences = []string{"FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE"}
	languages   = []string{"en", "ja"}
	buckets     = []int{64, 128, 256} // sizes of a manifest, so that its size tells nothing
	refShape    = regexp.MustCompile(`^[A-Z]{3,4}-[A-Z]{3,4}/[0-9]{4}/[0-9]{4}$`)
)

// intent holds what the node wants against the agreement.
func (c *judgement) intent() *failure {
	w, t := c.want, c.t
	from, to := t.parties[w.From], t.parties[w.To]
	switch {
	case from.policy == nil || to.policy == nil || w.From == w.To:
		return &failure{"guard.party", "parties", "", "not two parties to this agreement"}
	case w.Realm != t.realm:
		return &failure{"guard.realm", "realm", "", "the agreement is of another realm"}
	case !slices.Contains(t.purposes, w.Purpose):
		return &failure{"guard.purpose", "purpose", t.scope, "not a purpose of this agreement"}
	case !slices.Contains(t.means, w.Means):
		return &failure{"guard.means", "means", t.transit, "not a means of this agreement"}
	}
	return nil
}

// digests holds the terms of the act against the bytes.
func (c *judgement) digests() *failure {
	switch {
	case c.act.size != uint64(len(c.raw)):
		return &failure{"guard.size", "version", "", "not of the size in the terms"}
	case c.act.digest != sha512.Sum384(c.raw):
		return &failure{"guard.digest", "version", "", "not the bytes whose digest is in the terms"}
	case c.act.portions != uint64(len(c.v.portions)):
		return &failure{"guard.portions", "version", "", "not as many portions as the terms say"}
	}
	h := sha512.New384()
	h.Write([]byte("entente/manifest/1\x00"))
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(c.v.manifest))))
	for i := range c.v.manifest {
		h.Write(c.v.manifest[i][:])
	}
	if [48]byte(h.Sum(nil)) != c.act.manifest {
		return &failure{"guard.manifest.digest", "manifest", "", "not the manifest whose digest is in the terms"}
	}
	return nil
}

// match holds act, version and intent against each other.
func (c *judgement) match() *failure {
	w, a, v := c.want, &c.act, &c.v
	switch {
	case v.release != w.Release || a.release != w.Release || w.Release == [16]byte{}:
		return &failure{"guard.release", "release", "", "another release than intended"}
	case v.from != w.From || v.to != w.To:
		return &failure{"guard.party", "version", "", "between other parties than intended"}
	case v.purpose != w.Purpose || a.purpose != w.Purpose:
		return &failure{"guard.purpose", "version", c.t.scope, "for another purpose than intended"}
	case v.preced != a.preced:
		return &failure{"guard.precedence", "version", "", "of another precedence than the terms say"}
	case a.copies != w.Copies || a.copies == 0 || a.copies > 999:
		return &failure{"guard.copies", "terms", "", "another number of copies than intended, none, or more than 999"}
	case v.realm != w.Realm:
		return &failure{"guard.realm", "version", "", "of another realm than the node"}
	case v.exercise != (v.realm != "live"):
		return &failure{"guard.exercise", "version", "", "does not say rightly whether it is an exercise"}
	case v.time == 0 || int64(v.time) > w.At.UnixMilli():
		return &failure{"guard.time", "version", "", "has no time, or one that has not come"}
	}
	return nil
}

func (c *judgement) force() *failure {
	if f := c.t.inForce(c.want.From, c.want.To, c.want.At); f != nil {
		return f
	}
	if c.raw == nil { // an attachment names no authority of its own
		return nil
	}
	if !strings.HasPrefix(c.v.authority, c.want.From+"/") {
		return &failure{"guard.author", "authority", "", "not an authority of the sender"}
	}
	return c.t.speaks(c.v.authority, c.want.At)
}

func (c *judgement) decision() *failure {
	if c.act.decision == [48]byte{} {
		return &failure{"guard.decision", "terms", "", "no person's decision stands behind this"}
	}
	return nil
}

func (c *judgement) form() *failure {
	v := &c.v
	year := time.UnixMilli(int64(v.time)).UTC().Year()
	switch {
	case v.version != 1:
		return &failure{"guard.version.unknown", "version", "", "a version of the format that is not known"}
	case !refShape.MatchString(v.reference) || !strings.HasPrefix(v.reference, fmt.Sprintf("%s-%s/%04d/", v.from, v.to, year)) || strings.HasSuffix(v.reference, "/0000"):
		return &failure{"guard.reference", "reference", "", "not a reference of this channel and year"}
	case !slices.Contains(kinds, v.kind):
		return &failure{"guard.kind", "kind", "", "not a kind of report that can be released"}
	case !slices.Contains(precedences, v.preced):
		return &failure{"guard.precedence", "precedence", "", "an unknown precedence"}
	case !slices.Contains(languages, v.language):
		return &failure{"guard.language", "language", "", "neither en nor ja"}
	}
	return nil
}

// each runs f on the title and on every portion.
func (c *judgement) each(f func(subject string, d *disclosed) *failure) *failure {
	if bad := f("title", &c.v.title); bad != nil {
		return bad
	}
	for i := range c.v.portions {
		if bad := f(fmt.Sprintf("portion %d", i+1), &c.v.portions[i]); bad != nil {
			return bad
		}
	}
	return nil
}

func (c *judgement) numbers() *failure {
	n := uint64(len(c.v.portions))
	next, paragraphs := uint64(0), 0
	bad := c.each(func(subject string, d *disclosed) *failure {
		if d.number != next {
			return &failure{"guard.number", subject, "", "portions are not numbered from 1 without a gap, behind a title numbered 0"}
		}
		if title := next == 0; title != (d.kind == "title") || !title && d.kind != "paragraph" && d.kind != "gist" || title && len(d.with) > 0 {
			return &failure{"guard.portion.kind", subject, "", "not a kind of portion that can stand here"}
		}
		if d.kind == "paragraph" {
			paragraphs++
		}
		for i, w := range d.with {
			if w == 0 || w > n || w == d.number || i > 0 && w <= d.with[i-1] {
				return &failure{"guard.with", subject, "", "travels with a portion that is not shown, itself, or out of order"}
			}
		}
		next++
		return nil
	})
	if bad == nil && paragraphs == 0 {
		return &failure{"guard.portions", "version", "", "shows no paragraph of the original"}
	}
	return bad
}

// eachMark runs f on the labels of the title, of every portion and of the banner.
func (c *judgement) eachMark(f func(subject string, m *mark) *failure) *failure {
	if bad := c.each(func(subject string, d *disclosed) *failure { return f(subject, &d.label) }); bad != nil {
		return bad
	}
	return f("banner", &c.v.banner)
}

func (c *judgement) labels() *failure { return c.eachMark(c.policyAllows) }

func (c *judgement) rows() *failure { return c.eachMark(c.agreementAllows) }

// policyAllows refuses a label that by the sender's own policy may not go to the receiver.
func (c *judgement) policyAllows(subject string, m *mark) *failure {
	if code, why := c.t.parties[c.want.From].policy.check(m, c.want.To); code != "" {
		return &failure{code, subject, c.t.released, why}
	}
	return nil
}

// agreementAllows refuses a label that the agreement does not carry over in this direction.
func (c *judgement) agreementAllows(subject string, m *mark) *failure {
	for _, id := range m.designations {
		cv, ok := c.t.caveats[id]
		if informs := !ok && c.t.parties[c.want.From].policy.designations[id].informs; !cv.carry && !informs { // labels T5, T7
			return &failure{"guard.label.caveat", subject, cv.text.article, "a designation whose duty the agreement does not carry over"}
		}
	}
	top, ok := c.t.ceilings[way{from: c.want.From, to: c.want.To}]
	if !ok || !c.t.parties[c.want.From].policy.up[m.level][top.level] {
		return &failure{"guard.ceiling", subject, top.article, "above the highest level of this direction"}
	}
	if !c.t.rows[way{c.want.From, c.want.To, m.level}] {
		return &failure{"guard.row", subject, c.t.table, "the level has no counterpart in this direction and is not exchanged"}
	}
	return nil
}

func (c *judgement) banner() *failure {
	marks := []*mark{&c.v.title.label}
	for i := range c.v.portions {
		marks = append(marks, &c.v.portions[i].label)
	}
	j, ok := c.t.parties[c.want.From].policy.join(marks)
	if !ok || !j.equal(&c.v.banner) {
		return &failure{"guard.banner", "banner", "", "not the join of the title and the portions"}
	}
	if !bytes.Equal(c.v.banner.raw, c.act.banner.raw) {
		return &failure{"guard.banner", "terms", "", "the terms and the version have different banners"}
	}
	return nil
}

func (c *judgement) manifest() *failure {
	m := c.v.manifest
	if !slices.Contains(buckets, len(m)) {
		return &failure{"guard.manifest.size", "manifest", "", "not padded to 64, 128 or 256 entries"}
	}
	for i := 1; i < len(m); i++ {
		if bytes.Compare(m[i-1][:], m[i][:]) >= 0 {
			return &failure{"guard.manifest.order", "manifest", "", "entries repeat or are not in ascending order"}
		}
	}
	salts := map[[32]byte]bool{{}: true}
	return c.each(func(subject string, d *disclosed) *failure {
		if salts[d.salt] {
			return &failure{"guard.salt", subject, "", "a salt is zero or used twice"}
		}
		salts[d.salt] = true
		if !slices.Contains(m, d.commitment()) {
			return &failure{"guard.manifest.member", subject, "", "is not part of the manifest"}
		}
		return nil
	})
}

// handling holds the texts that come with the version against the agreement: nothing but its own words, and the duty of
// every designation that stands in a label.
func (c *judgement) handling() *failure {
	for i, h := range c.v.handling {
		quoted := c.t.articles[h.article] == h
		for _, cv := range c.t.caveats {
			quoted = quoted || cv.text == h
		}
		if !quoted || slices.Contains(c.v.handling[:i], h) {
			return &failure{"guard.handling", "handling", "", "a text that is not the agreement's, or stands twice"}
		}
	}
	for _, id := range c.v.banner.designations { // the banner is the union of all
		if cv, ok := c.t.caveats[id]; ok && !slices.Contains(c.v.handling, cv.text) {
			return &failure{"guard.handling", "handling", cv.text.article, "the duty of a designation is missing"}
		}
	}
	return nil
}

const maxTitle = 512

func (c *judgement) text() *failure {
	return c.each(func(subject string, d *disclosed) *failure {
		if d.text == "" || subject == "title" && len(d.text) > maxTitle || strings.Trim(d.text, " ") != d.text {
			return &failure{"guard.text.form", subject, "", "empty, too long, or between spaces"}
		}
		if code, why := c.t.scan(d.text); code != "" {
			return &failure{code, subject, "", why}
		}
		return nil
	})
}
