package testnet

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"entente/agreement"
	"entente/custody"
	"entente/exchange"
	"entente/guard"
	"entente/internal/channel"
	"entente/internal/office"
	"entente/internal/store"
	"entente/journal"
	"entente/party"
	"entente/release"
	"entente/statement"
)

// side is everything that one party's disk says at the end, read without the node.
type side struct {
	host     *host
	own      chapter
	theirs   map[*host]chapter
	national chapter
	admin    chapter
}

// chapter is one journal as read back.
type chapter struct {
	origin     string
	leaves     [][]byte
	statements []*statement.Statement
	tree       *journal.Tree
	frozen     bool
	cosigned   map[string]uint64
	held       map[string]exchange.Ranges
}

// entry is one line of a national journal.
type entry struct {
	by    statement.By
	terms statement.NationalTerms
}

// check stops every node and holds what the disks say, one party's alone and all together, against the promises of the
// architecture:
//
//   - nothing acknowledged is lost: every act that a person got an answer to is in the author's journals, and in the reader's copy
//   - no signed head is contradicted: every head ever seen on the wire is one of the final journals
//   - equal settled state: the copies are equal leaf by leaf, both sides opened everything, cosigned and receipted all of it, and both
//     folds of every thread give equal states on both sides, without a violation
//   - no release without rule, person, guard and record: see released
//   - the national journals are those that the anchors commit to
//   - the directory of each side verifies offline, without keys
func (w *World) check() {
	w.proofs()
	var sides []*side
	for _, h := range w.hosts {
		h.ops <- struct{}{}
		l := h.current()
		if l == nil {
			w.problem("%s is not up at the end", h.site.party())
			continue
		}
		if w.script.Crash {
			l.die()
		}
		h.off()
		im := l.end(h.torn, w.script.Crash)
		dir := filepath.Join(w.dir, "end-"+string(h.site.party()))
		if err := im.write(dir); err != nil {
			w.problem("%v", err)
			continue
		}
		w.keeps(h, dir)
		v, err := office.VerifyDirectory(context.Background(), dir)
		if err != nil {
			w.problem("%s: the directory cannot be verified: %v", h.site.party(), err)
		} else {
			for _, f := range v.Lines {
				if !f.OK {
					w.problem("%s: the directory does not verify: %s", h.site.party(), f.Text)
				}
			}
		}
		s, err := w.read(h, dir)
		if err != nil {
			w.problem("%s: the disk cannot be read: %v", h.site.party(), err)
			continue
		}
		sides = append(sides, s)
	}
	if len(sides) < len(w.hosts) {
		return
	}
	for _, s := range sides {
		w.recorded(s)
		w.anchored(s)
		w.released(s)
		w.registered(s)
		w.notedHeads(s.own)
		for _, other := range sides {
			if other != s {
				w.copied(s, other)
				w.folded(s, other)
			}
		}
	}
}

// read reads a side's disk with its storage key.
func (w *World) read(h *host, dir string) (*side, error) {
	st, err := store.Open(store.Config{Dir: dir, Realm: realm, Key: h.site.secrets.Storage, Clock: h.now, MarkerPath: filepath.Join(dir, markerFile), MustExist: true})
	if err != nil {
		return nil, err
	}
	defer st.Close()
	if err := st.CheckMarker(context.Background()); err != nil {
		return nil, err
	}
	s := &side{host: h, theirs: map[*host]chapter{}}
	err = st.View(context.Background(), func(tx *store.Tx) (err error) {
		if s.own, err = readChapter(tx, w.origin(h.site.author)); err != nil {
			return err
		}
		for _, other := range w.hosts {
			if other != h {
				if s.theirs[other], err = readChapter(tx, w.origin(other.site.author)); err != nil {
					return err
				}
			}
		}
		at := func(digest [48]byte) journal.Origin {
			return journal.Origin{Realm: realm, Channel: digest, Author: h.site.author, Epoch: 1}
		}
		if s.national, err = readChapter(tx, at(channel.NationalDigest(w.base.channel.digest, h.site.author))); err != nil {
			return err
		}
		s.admin, err = readChapter(tx, at(channel.AdminDigest(realm, h.site.author)))
		return err
	})
	return s, err
}

func readChapter(tx *store.Tx, o journal.Origin) (c chapter, err error) {
	c = chapter{origin: o.String(), cosigned: map[string]uint64{}, held: map[string]exchange.Ranges{}}
	j, err := tx.Journal(c.origin)
	if err != nil {
		return c, err
	}
	c.frozen = j.Frozen
	if c.leaves, err = tx.Leaves(j, 0, j.Size); err != nil {
		return c, err
	}
	if c.tree, err = journal.OpenTree(0, nil); err != nil {
		return c, err
	}
	for i, l := range c.leaves {
		c.tree.Append(journal.LeafHash(l))
		st, err := channel.Read(tx, j, uint64(i))
		if err != nil {
			return c, err
		}
		if st.Act == nil || st.Content == nil {
			return c, fmt.Errorf("%s: act or content of %d is not there", c.origin, i)
		}
		c.statements = append(c.statements, st)
	}
	if root := [32]byte(c.tree.Root()); j.Size > 0 && root != j.Root {
		return c, fmt.Errorf("%s: the leaves do not lead to the root", c.origin)
	}
	all, err := tx.Cosignatures(j)
	if err != nil {
		return c, err
	}
	for _, x := range all {
		c.cosigned[x.Cosigner] = max(c.cosigned[x.Cosigner], x.Size)
	}
	receipts, err := tx.Receipts(j)
	if err != nil {
		return c, err
	}
	for _, x := range receipts {
		if c.held[x.Holder], err = tx.HeldRanges(j, x.Holder); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *chapter) entries() (out []entry) {
	for _, s := range c.statements {
		var n statement.NationalTerms
		if statement.DecodeTerms(s.Act.Terms, &n) == nil {
			out = append(out, entry{s.Act.By, n})
		}
	}
	return out
}

// find returns the entries about a subject.
func find(list []entry, event, subject, outcome string) (out []entry) {
	for _, e := range list {
		if e.terms.Event == event && e.terms.Subject == subject && e.terms.Outcome == outcome {
			out = append(out, e)
		}
	}
	return out
}

// copied: what one side wrote is with the other, leaf by leaf, opened, cosigned and receipted; both know it.
func (w *World) copied(author, reader *side) {
	a, r := author.own, reader.theirs[author.host]
	name := fmt.Sprintf("journal of %s", author.host.site.party())
	if len(a.leaves) != len(r.leaves) {
		w.problem("%s: %d leaves, the reader has %d", name, len(a.leaves), len(r.leaves))
		return
	}
	for i := range a.leaves {
		if !bytes.Equal(a.leaves[i], r.leaves[i]) {
			w.problem("%s: leaf %d differs with the reader", name, i)
			return
		}
	}
	size := uint64(len(a.leaves))
	witness, holder := journal.WitnessName(reader.host.site.author), string(reader.host.site.author)
	for who, c := range map[string]chapter{"author": a, "reader": r} {
		if c.frozen {
			w.problem("%s is frozen at its %s", name, who)
		}
		if got := c.cosigned[witness]; got != size {
			w.problem("%s: the %s has a cosignature of %d of %d", name, who, got, size)
		}
		if got := c.held[holder]; !got.Covers(exchange.Ranges{{0, size}}) {
			w.problem("%s: the %s has receipts for %v of %d", name, who, got, size)
		}
	}
}

// notedHeads: every head of a journal that was ever on the wire is a head of the journal as it is.
func (w *World) notedHeads(c chapter) {
	w.mu.Lock()
	seen := maps.Clone(w.notes[c.origin])
	w.mu.Unlock()
	for size, root := range seen {
		if size > uint64(len(c.leaves)) {
			w.problem("%s: a head of %d was seen, the journal has %d", c.origin, size, len(c.leaves))
		} else if got, err := c.tree.RootAt(int64(size)); err != nil || [32]byte(got) != root {
			w.problem("%s: a head of %d was seen that the journal contradicts (%v)", c.origin, size, err)
		}
	}
}

// threads are a side's statements by thread.
func (s *side) threads() map[statement.Thread][]*statement.Statement {
	out := map[statement.Thread][]*statement.Statement{}
	add := func(c chapter) {
		for _, st := range c.statements {
			out[st.Act.Thread] = append(out[st.Act.Thread], st)
		}
	}
	add(s.own)
	for _, c := range s.theirs {
		add(c)
	}
	return out
}

// folded: both sides come to the same state in every matter, and no rule was broken.
func (w *World) folded(a, b *side) {
	terms := w.base.channel.rules.Agreement().Digest()
	end := w.now()
	mine, yours := a.threads(), b.threads()
	for t, list := range mine {
		if !slices.ContainsFunc(list, func(s *statement.Statement) bool { return s.Act.Type == statement.Dispatch }) {
			continue
		}
		other := slices.Clone(yours[t])
		slices.Reverse(other)
		ra, bad := release.Fold(statement.Rules{Terms: terms, Version: release.RulesVersion}, list, end)
		rb, _ := release.Fold(statement.Rules{Terms: terms, Version: release.RulesVersion}, other, end)
		ca, worse := custody.Fold(statement.Rules{Terms: terms, Version: custody.RulesVersion}, list, end)
		cb, _ := custody.Fold(statement.Rules{Terms: terms, Version: custody.RulesVersion}, other, end)
		if ra.Digest() != rb.Digest() || ca.Digest() != cb.Digest() {
			w.problem("thread %s: %s folds it to %s/%s, %s to %s/%s", t, a.host.site.party(), ra.Status, ca.Status, b.host.site.party(), rb.Status, cb.Status)
		}
		if ra.Status != release.StatusRegistered || ca.Status != custody.StatusRegistered {
			w.problem("thread %s ends %s/%s", t, ra.Status, ca.Status)
		}
		for _, v := range append(bad, worse...) {
			w.problem("thread %s: %s: %s", t, v.Code, v.Reason)
		}
	}
}

// recorded: every act that a person got an answer to is in the journals, and what happened by itself is what may happen.
func (w *World) recorded(s *side) {
	all := append(s.national.entries(), s.admin.entries()...)
	w.mu.Lock()
	promised := slices.Clone(w.promised)
	w.mu.Unlock()
	said := map[string]*statement.Statement{}
	for _, st := range s.own.statements {
		if st.Act.Type == statement.Dispatch {
			said[st.Act.Thread.String()] = st
		}
	}
	for _, p := range promised {
		if p.host != s.host {
			continue
		}
		if len(find(all, p.event, p.subject, p.outcome)) == 0 {
			w.problem("%s: %s %s of %s was answered and is not recorded", s.host.site.party(), p.event, p.outcome, p.subject)
		}
		if p.dispatch && said[p.subject] == nil {
			w.problem("%s: the dispatch of %s was answered and is not in the journal", s.host.site.party(), p.subject)
		}
		if p.stopped && said[p.subject] != nil {
			w.problem("%s: %s was stopped and left", s.host.site.party(), p.subject)
		}
		if p.control != "" && !slices.ContainsFunc(s.own.statements, func(st *statement.Statement) bool {
			t, err := custody.DecodeReceipt(st.Act.Terms)
			return st.Act.Type == statement.RegistryReceipt && err == nil && t.Control == p.control && st.Act.Thread.String() == p.subject
		}) {
			w.problem("%s: %s was registered as %s and no receipt is in the journal", s.host.site.party(), p.subject, p.control)
		}
	}
	for _, e := range all {
		switch e.terms.Event {
		case "equivocation", "rollback", "quarantine", "unknown":
			w.problem("%s recorded %s %s", s.host.site.party(), e.terms.Event, e.terms.Code)
		case "violation":
			if e.terms.Code != "exchange.body.mismatch" || !w.lied() {
				w.problem("%s recorded a violation: %s", s.host.site.party(), e.terms.Code)
			}
		}
	}
}

func (w *World) lied() bool {
	return slices.ContainsFunc(w.script.Events, func(e Event) bool { return e.Do == "forge" })
}

// anchored: the national journals are those that the anchors in the channel journal commit to.
func (w *World) anchored(s *side) {
	anchors := 0
	for _, st := range s.own.statements {
		var t statement.AnchorTerms
		if st.Act.Type != statement.Anchor {
			continue
		}
		if err := statement.DecodeTerms(st.Act.Terms, &t); err != nil {
			w.problem("%s: an anchor cannot be read: %v", s.host.site.party(), err)
		}
		anchors++
		for _, h := range t.Heads {
			for _, c := range []chapter{s.national, s.admin} {
				if c.origin != h.Origin {
					continue
				}
				if root, err := c.tree.RootAt(int64(h.Size)); err != nil || [32]byte(root) != h.Root {
					w.problem("%s: the anchor at %d of %s is not of the journal as it is (%v)", s.host.site.party(), h.Size, h.Origin, err)
				}
			}
		}
	}
	if anchors == 0 {
		w.problem("%s: no anchor", s.host.site.party())
	}
}

// released: every dispatch has a rule (the decision, asked again now of agreement and guard), a person (an approval under a
// delegation that was told and in force, by somebody else than the drafter), a guard (the verdict in the act is what the
// guard comes to on the very bytes) and a record (draft, approval, dispatch, in this order, of these bytes).
func (w *World) released(s *side) {
	all := s.national.entries()
	seen := map[statement.Thread]bool{}
	for _, st := range s.own.statements {
		if st.Act.Type != statement.Dispatch {
			continue
		}
		if err := w.justified(s, all, st); err != nil {
			w.problem("%s: release %s left and %v", s.host.site.party(), st.Act.Thread, err)
		}
		if seen[st.Act.Thread] {
			w.problem("%s: release %s left twice", s.host.site.party(), st.Act.Thread)
		}
		seen[st.Act.Thread] = true
	}
}

func (w *World) justified(s *side, all []entry, st *statement.Statement) error {
	id := st.Act.Thread.String()
	t, err := release.DecodeDispatchTerms(st.Act.Terms)
	if err != nil {
		return err
	}
	place := func(event, outcome string) int {
		return slices.IndexFunc(all, func(e entry) bool {
			return e.terms.Event == event && e.terms.Subject == id && e.terms.Outcome == outcome
		})
	}
	draft, approval, dispatch := place("draft", statement.OutcomeDone), place("approval", statement.OutcomeAllow), place("dispatch", statement.OutcomeDone)
	switch {
	case draft < 0 || approval < draft || dispatch < approval:
		return fmt.Errorf("draft, approval and dispatch stand at %d, %d, %d of the national journal", draft, approval, dispatch)
	case len(find(all, "approval", id, statement.OutcomeAllow)) != 1 || len(find(all, "dispatch", id, statement.OutcomeDone)) != 1:
		return fmt.Errorf("it was approved or dispatched twice")
	case !bytes.Equal(all[approval].terms.Digest, t.Decision[:]):
		return fmt.Errorf("the approval is of another decision")
	case !bytes.Equal(all[dispatch].terms.Digest, t.Digest[:]) || release.Digest(st.Content.Narrative) != t.Digest:
		return fmt.Errorf("other bytes left than were recorded")
	case all[draft].by.Handle == st.Act.By.Handle || st.Act.By.Handle == (party.Handle{}) || all[approval].by.Handle != st.Act.By.Handle:
		return fmt.Errorf("not the approver speaks, or the drafter approved")
	case len(find(all, "stop", id, statement.OutcomeDone)) > 0:
		return fmt.Errorf("it had been stopped")
	}
	// A person with a delegation that the partner was told of.
	var told *party.Delegation
	for _, x := range s.own.statements[:st.Index] {
		var d statement.DelegationTerms
		if x.Act.Type == statement.Delegated && statement.DecodeTerms(x.Act.Terms, &d) == nil && d.Delegation.ID == st.Act.By.Delegation {
			told = &d.Delegation
		}
	}
	v, err := release.DecodeVersion(st.Content.Narrative)
	if err != nil {
		return err
	}
	if err := w.base.channel.rules.Delegated(told, agreement.Use{Author: s.host.site.author, Role: party.RoleReleaseOfficer, Holder: st.Act.By.Handle, Label: t.Banner,
		To: v.To, Means: party.MeansNetwork, At: time.UnixMilli(st.Act.Time)}); err != nil {
		return err
	}
	// The guard, on the bytes that left: Check refuses an act that carries another verdict than it comes to.
	_, err = w.base.channel.tables.Check(st.Act.Terms, st.Content.Narrative, guard.Terms{From: string(s.host.site.party()), To: string(v.To), Purpose: t.Purpose,
		Means: string(party.MeansNetwork), At: time.UnixMilli(st.Act.Time), Realm: string(realm), Release: t.Release, Copies: t.Copies})
	return err
}

// registered: control numbers are a series without gaps in each year, and each receipt was recorded by the officer who made it.
func (w *World) registered(s *side) {
	all, last, year := s.national.entries(), 0, ""
	for _, st := range s.own.statements {
		if st.Act.Type != statement.RegistryReceipt {
			continue
		}
		t, err := custody.DecodeReceipt(st.Act.Terms)
		if err != nil {
			w.problem("%s: a receipt cannot be read: %v", s.host.site.party(), err)
			continue
		}
		parts := strings.Split(t.Control, "-")
		n, _ := strconv.Atoi(parts[len(parts)-1])
		if y := parts[len(parts)-2]; y != year {
			year, last = y, 0
		}
		if n != last+1 {
			w.problem("%s: control number %s follows %d", s.host.site.party(), t.Control, last)
		}
		last = n
		e := find(all, "accept", hex.EncodeToString(t.Release[:]), statement.OutcomeDone)
		if len(e) != 1 || e[0].by.Handle != st.Act.By.Handle || e[0].by.Handle == (party.Handle{}) {
			w.problem("%s: %s has %d entries in the national journal", s.host.site.party(), t.Control, len(e))
		}
	}
}

// proofs: while the nodes run, an auditor of each side takes evidence of one release of its own and one it registered, and
// anybody can verify it; and no node holds its signatures back.
func (w *World) proofs() {
	for _, h := range w.hosts {
		var requests []*office.ProofReq
		for _, r := range h.releases("registered") {
			requests = append(requests[:0], &office.ProofReq{Release: r.ID, Open: false})
		}
		err := h.ask(func(ctx context.Context, o *office.Office) error {
			st, err := o.Status(ctx, "", &office.Empty{})
			if err == nil && st.Signing != "ready" {
				err = fmt.Errorf("it signs nothing: %s", st.Signing)
			}
			if err != nil {
				return err
			}
			l, err := o.ListRegister(ctx, "registry-officer", &office.ListReq{})
			if err == nil && len(l.Entries) > 0 {
				requests = append(requests, &office.ProofReq{Control: l.Entries[len(l.Entries)-1].Control, Open: false})
			}
			return err
		})
		if err != nil {
			w.problem("%s at the end: %v", h.site.party(), err)
		}
		for _, q := range requests {
			var blob *office.Blob
			err := h.ask(func(ctx context.Context, o *office.Office) (err error) {
				blob, err = o.Proof(ctx, "auditor", q)
				return err
			})
			if err != nil {
				w.problem("%s cannot prove %+v: %v", h.site.party(), *q, err)
				continue
			}
			if v, err := office.VerifyEvidence(blob.Bytes); err != nil || !v.OK {
				w.problem("%s: evidence of %+v does not verify: %+v %v", h.site.party(), *q, v, err)
			}
		}
	}
}
