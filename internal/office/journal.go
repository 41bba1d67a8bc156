package office

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"entente/custody"
	"entente/errs"
	"entente/evidence"
	"entente/exchange"
	"entente/internal/channel"
	"entente/internal/link"
	"entente/internal/store"
	"entente/journal"
	"entente/label"
	"entente/party"
	"entente/release"
	"entente/seal"
	"entente/statement"
)

// receipts reads how much of an own journal the partner cosigned and says it holds.
func (o *Office) receipts(tx *store.Tx, c *channel.Channel, own *store.Journal) (witnessed uint64, held exchange.Ranges, err error) {
	if witnessed, err = tx.CosignedSize(own, journal.WitnessName(c.Peer)); err != nil {
		return 0, nil, err
	}
	ranges, err := tx.HeldRanges(own, string(c.Peer))
	return witnessed, ranges, err
}

func (o *Office) viewJournal(tx *store.Tx, j *store.Journal, reader party.Author) (JournalStatus, error) {
	v := JournalStatus{Kind: j.Kind, Origin: j.Origin.String(), Author: string(j.Origin.Author), Epoch: j.Origin.Epoch, Size: j.Size, Root: hex.EncodeToString(j.Root[:]), Frozen: j.Frozen}
	if reader == "" {
		return v, nil
	}
	var err error
	if v.Witnessed, err = tx.CosignedSize(j, journal.WitnessName(reader)); err != nil {
		return v, err
	}
	held, err := tx.HeldRanges(j, string(reader))
	v.Held = exchange.Ranges(held).Count()
	return v, err
}

// readerOf is who reads a journal: the partner reads the own one, this node the partner's; nobody reads a national one.
func (o *Office) readerOf(j *store.Journal) party.Author {
	for _, c := range o.cfg.Book.All() {
		switch j.Origin {
		case c.Own:
			return c.Peer
		case c.Theirs:
			return c.Self
		}
	}
	return ""
}

// findJournal returns the journal of an origin, or the one whose origin, written short, a person typed: the first digits of the channel
// digest before the author and epoch, as journals are listed. Code store.journal.unknown.
func findJournal(tx *store.Tx, typed string) (*store.Journal, error) {
	j, err := tx.Journal(typed)
	digits, rest, ok := strings.Cut(typed, "/")
	if err == nil || errs.KindOf(err) != errs.NotFound || !ok || len(digits) < 4 {
		return j, err
	}
	var found *store.Journal
	for _, kind := range []string{channel.KindChannel, channel.KindNational, channel.KindAdmin} {
		all, err := tx.Journals(kind)
		if err != nil {
			return nil, err
		}
		for _, j := range all {
			digest, tail, _ := strings.Cut(strings.TrimPrefix(j.Origin.String(), "entente/"+string(j.Origin.Realm)+"/"), "/")
			if strings.HasPrefix(digest, digits) && tail == rest {
				if found != nil {
					return nil, &errs.Error{Kind: errs.NotFound, Code: "store.journal.unknown", Op: "office.journal", Reason: "several journals begin like this", Next: "type more digits"}
				}
				found = j
			}
		}
	}
	if found == nil {
		return nil, err
	}
	return found, nil
}

// ShowJournal lists the journals, or a page of one, to an auditor.
func (o *Office) ShowJournal(ctx context.Context, as string, req *JournalReq) (*JournalView, error) {
	out := &JournalView{}
	err := o.act(ctx, func(tx *store.Tx) (error, error) {
		return o.asRole(tx, nil, as, party.RoleAuditor, "audit", func(_ *party.Person, by statement.By) (error, error) {
			if req.Origin == "" {
				for _, kind := range []string{channel.KindChannel, channel.KindNational, channel.KindAdmin} {
					all, err := tx.Journals(kind)
					if err != nil {
						return nil, err
					}
					for _, j := range all {
						v, err := o.viewJournal(tx, j, o.readerOf(j))
						if err != nil {
							return nil, err
						}
						out.Journals = append(out.Journals, v)
					}
				}
				return nil, o.note(tx, nil, by, "audit", "journals", statement.OutcomeAllow, nil, nil)
			}
			j, err := findJournal(tx, req.Origin)
			if err != nil {
				return o.unknown(tx, as, "audit", req.Origin, err)
			}
			limit := min(max(req.Limit, 1), 100)
			to := min(j.Size, req.From+limit)
			for i := req.From; i < to; i++ {
				v, err := viewLeaf(tx, j, i)
				if err != nil {
					return nil, err
				}
				out.Entries = append(out.Entries, *v)
			}
			if to < j.Size {
				out.Next = to
			}
			return nil, o.note(tx, nil, by, "audit", req.Origin, statement.OutcomeAllow, nil, nil)
		})
	})
	return out, err
}

func slotWord(s store.BodyState) string {
	switch s {
	case store.Present:
		return "present"
	case store.Later:
		return "later"
	case store.Withdrawn:
		return "withdrawn"
	case store.Destroyed:
		return "destroyed"
	case store.Bad:
		return "bad"
	}
	return "absent"
}

func viewLeaf(tx *store.Tx, j *store.Journal, i uint64) (*LeafView, error) {
	st, err := channel.Read(tx, j, i)
	if err != nil {
		return nil, err
	}
	v := &LeafView{Index: i, Leaf: hex.EncodeToString(st.LeafHash[:])}
	for kind, dst := range map[store.BodyKind]*string{store.Act: &v.Act, store.Content: &v.Content} {
		s, err := tx.BodyState(j, i, kind)
		if err != nil {
			return nil, err
		}
		*dst = slotWord(s)
	}
	if st.Act == nil {
		return v, nil
	}
	v.Type, v.Thread, v.Time = string(st.Act.Type), hex.EncodeToString(st.Act.Thread[:8]), moment(st.Act.Time).DTG
	v.By = fmt.Sprintf("%s %s", st.Act.By.Authority, st.Act.By.Role)
	if strings.HasPrefix(v.Type, "national.") {
		var n statement.NationalTerms
		if err := statement.DecodeTerms(st.Act.Terms, &n); err == nil {
			v.Event, v.Outcome, v.Code = n.Event, n.Outcome, n.Code
		}
	}
	return v, nil
}

// spot is one statement to be proved.
type spot struct {
	journal *store.Journal
	index   uint64
}

// spots finds what a request asks to prove: one statement, or the dispatch and everything that answers it.
func (o *Office) spots(tx *store.Tx, req *ProofReq) (*channel.Channel, []spot, error) {
	if req.Origin != "" {
		j, err := findJournal(tx, req.Origin)
		if err != nil {
			return nil, nil, err
		}
		for _, c := range o.cfg.Book.All() {
			if j.Origin == c.Own || j.Origin == c.Theirs {
				return c, []spot{{j, req.Index}}, nil
			}
		}
		return nil, nil, refused("evidence.national", "office.proof", req.Origin, "national journals never leave", "", "only a channel's journals are shown to others",
			"a national journal is verified where it is: entente verify DIR")
	}
	var c *channel.Channel
	var thread statement.Thread
	if req.Control != "" {
		r, err := o.byControl(tx, req.Control)
		if err != nil {
			return nil, nil, err
		}
		c, thread = o.cfg.Book.Get(r.Channel), statement.Thread(r.Sent.Release)
	} else {
		r, _, err := findRelease(tx, req.Release)
		if err != nil {
			return nil, nil, err
		}
		c, thread = o.cfg.Book.Get(r.Channel), statement.Thread(r.ID)
	}
	entries, err := tx.Thread(c.Digest, thread)
	if err != nil {
		return nil, nil, err
	}
	var out []spot
	for _, origin := range []journal.Origin{c.Own, c.Theirs} {
		j, err := tx.Journal(origin.String())
		if err != nil {
			return nil, nil, err
		}
		for _, e := range entries {
			if e.Journal == j.ID {
				out = append(out, spot{j, e.Index})
			}
		}
	}
	if len(out) == 0 {
		return nil, nil, &errs.Error{Kind: errs.NotFound, Code: "evidence.nothing", Op: "office.proof", Reason: "nothing was said in this matter yet", Next: "dispatch the release first"}
	}
	return c, out, nil
}

// Proof writes evidence that anybody can verify without this node. Whether contents are in it is the auditor's choice, and noted.
func (o *Office) Proof(ctx context.Context, as string, req *ProofReq) (*Blob, error) {
	var out *Blob
	err := o.act(ctx, func(tx *store.Tx) (error, error) {
		return o.asRole(tx, nil, as, party.RoleAuditor, "evidence", func(p *party.Person, by statement.By) (error, error) {
			c, spots, err := o.spots(tx, req)
			if err != nil {
				if errs.KindOf(err) == errs.Refused {
					return o.deny(tx, nil, by, "evidence", "", err)
				}
				return o.unknown(tx, as, "evidence", "", err)
			}
			f := &evidence.File{Version: 1, Realm: o.cfg.Realm, Channel: c.Digest}
			if f.Agreement, err = c.Package.Encode(); err != nil {
				return nil, err
			}
			keys, err := link.KeysIn(tx)
			if err != nil {
				return nil, err
			}
			for _, a := range c.Readers {
				k := keys[a]
				f.Keys = append(f.Keys, evidence.Keys{Root: k.Root, Statement: k.Statement})
			}
			for _, s := range spots {
				if req.Open {
					why, err := o.mayShow(tx, c, p, s)
					if err != nil {
						return nil, err
					}
					if why != nil {
						return o.deny(tx, c, by, "evidence", "contents", why)
					}
				}
				item, err := o.proveSpot(tx, c, s, req.Open)
				if err != nil {
					if k := errs.KindOf(err); k == errs.Unavailable || k == errs.NotFound {
						return o.deny(tx, c, by, "evidence", "", err)
					}
					return nil, err
				}
				f.Items = append(f.Items, *item)
			}
			raw, err := f.Encode()
			if err != nil {
				return nil, err
			}
			out = &Blob{Bytes: raw}
			subject := "acts"
			if req.Open {
				subject = "acts and contents"
			}
			return nil, o.note(tx, c, by, "evidence", subject, statement.OutcomeDone, nil, nil)
		})
	})
	return out, err
}

// mayShow says why a person may not take a content out as evidence: an auditor's role opens journals, and only a clearance opens what
// was released. What came from a partner is judged by the own marking, and opened by nobody before it is registered.
func (o *Office) mayShow(tx *store.Tx, c *channel.Channel, p *party.Person, s spot) (why, failure error) {
	st, err := channel.Read(tx, s.journal, s.index)
	if err != nil || st.Act == nil || st.Content == nil || st.Act.Type != statement.Dispatch {
		return nil, err
	}
	subject := hex.EncodeToString(st.Act.Thread[:])
	mark := label.Label{}
	if s.journal.Own {
		v, err := release.DecodeVersion(st.Content.Narrative)
		if err != nil {
			return nil, err
		}
		mark = v.Banner
	} else {
		d, err := tx.Doc(docInbound, subject)
		if err != nil && errs.KindOf(err) != errs.NotFound {
			return nil, err
		}
		if err != nil || d.State != string(custody.Registered) {
			return refused("evidence.unregistered", "office.proof", subject, "agreements 13", "", "what no registry officer accepted is opened by nobody", "leave its content out: it is proved all the same"), nil
		}
		r, err := decodeInbound(d)
		if err != nil {
			return nil, err
		}
		mark = r.Receipt.Own
	}
	return o.cleared(p, mark, "office.proof", "evidence.clearance", subject, tx.Now(), "leave contents out: what was said is proved all the same; or let a cleared auditor export it"), nil
}

// cleared refuses a person whose clearance does not cover a marking.
func (o *Office) cleared(p *party.Person, mark label.Label, op string, code errs.Code, subject string, at time.Time, next string) error {
	ok, found := o.cfg.Set.Admit(p, mark, at)
	if ok {
		return nil
	}
	e := refused(code, op, subject, "agreements 19", "", "the clearance does not cover it", next)
	for _, f := range found {
		if !f.OK {
			e.Rule, e.Reason = f.Rule, f.Text.EN
			break
		}
	}
	return e
}

// proveSpot proves one statement under the largest head that the reader cosigned.
func (o *Office) proveSpot(tx *store.Tx, c *channel.Channel, s spot, open bool) (*evidence.Item, error) {
	reader := c.Peer
	if s.journal.Origin == c.Theirs {
		reader = c.Self
	}
	if s.index >= s.journal.Size {
		return nil, &errs.Error{Kind: errs.NotFound, Code: "evidence.index", Op: "office.proof", Reason: "the journal has no such statement",
			Next: "see entente journal show ORIGIN"}
	}
	cos, err := tx.LatestCosignature(s.journal, journal.WitnessName(reader))
	if err != nil || cos.Size <= s.index {
		return nil, &errs.Error{Kind: errs.Unavailable, Code: "evidence.unwitnessed", Op: "office.proof", Rule: "no receipt, no claim",
			Reason: "the reader has not cosigned this statement yet", Next: "exchange with the partner first: entente sync"}
	}
	cp, err := tx.CheckpointAt(s.journal, cos.Size)
	if err != nil {
		return nil, err
	}
	leaf, err := tx.Leaf(s.journal, s.index)
	if err != nil {
		return nil, err
	}
	tree, err := tx.Tree(s.journal)
	if err != nil {
		return nil, err
	}
	path, err := tree.ProveInclusion(int64(s.index), int64(cos.Size))
	if err != nil {
		return nil, err
	}
	item := &evidence.Item{Origin: s.journal.Origin.String(), Leaf: leaf}
	if item.Proof, err = (&journal.Proof{Index: int64(s.index), Path: path, Checkpoint: cp.Note, Cosignatures: cos.Lines}).Encode(); err != nil {
		return nil, err
	}
	receipts, err := tx.Receipts(s.journal)
	if err != nil {
		return nil, err
	}
	for i := len(receipts) - 1; i >= 0; i-- { // cumulative: the latest one that covers it is enough
		signed, err := seal.DecodeSigned(receipts[i].Signed)
		if err != nil {
			return nil, err
		}
		if h, err := exchange.DecodeHeld(signed.Payload); err == nil && h.Ranges.Contains(s.index) {
			item.Held = []seal.Signed{signed}
			break
		}
	}
	if item.Act, err = opened(tx, s, store.Act); err != nil {
		return nil, err
	}
	if open {
		item.Content, err = opened(tx, s, store.Content)
	}
	return item, err
}

func opened(tx *store.Tx, s spot, kind store.BodyKind) (*evidence.Opened, error) {
	b, err := tx.Body(s.journal, s.index, kind)
	if err != nil || b.State != store.Present {
		return nil, err
	}
	return &evidence.Opened{Salt: b.Salt, Bytes: b.Bytes}, nil
}

// ExportView is a journal as files for third-party tools.
type ExportView struct {
	Files map[string][]byte `json:"files"` // by path: checkpoint, tile/…
}

// Export writes a channel journal as C2SP checkpoint, tiles and entry bundles.
func (o *Office) Export(ctx context.Context, as string, req *JournalReq) (*ExportView, error) {
	out := &ExportView{Files: map[string][]byte{}}
	err := o.act(ctx, func(tx *store.Tx) (error, error) {
		return o.asRole(tx, nil, as, party.RoleAuditor, "export", func(_ *party.Person, by statement.By) (error, error) {
			j, err := findJournal(tx, req.Origin)
			if err != nil {
				return o.unknown(tx, as, "export", req.Origin, err)
			}
			cp, err := tx.LatestCheckpoint(j)
			if err != nil {
				return o.deny(tx, nil, by, "export", "", &errs.Error{Kind: errs.NotFound, Code: "journal.export", Op: "office.export",
					Reason: "no checkpoint of this journal was signed yet", Next: "exchange with the partner first: entente sync"})
			}
			leaves, err := tx.Leaves(j, 0, cp.Size)
			if err != nil {
				return nil, err
			}
			tree, err := journal.OpenTree(0, nil)
			if err != nil {
				return nil, err
			}
			for _, l := range leaves {
				tree.Append(journal.LeafHash(l))
			}
			out.Files["checkpoint"] = cp.Note
			for _, t := range tree.Dirty() {
				out.Files[journal.TilePath(t.Level, t.N, t.Width())] = slices.Clone(t.Hashes)
			}
			for n := 0; n*journal.TileWidth < len(leaves); n++ {
				part := leaves[n*journal.TileWidth : min(len(leaves), (n+1)*journal.TileWidth)]
				if out.Files[journal.EntryPath(int64(n), len(part))], err = journal.EncodeEntries(part); err != nil {
					return nil, err
				}
			}
			return nil, o.note(tx, nil, by, "export", req.Origin, statement.OutcomeDone, nil, nil)
		})
	})
	return out, err
}

// Status says how the node stands.
func (o *Office) Status(ctx context.Context, _ string, _ *Empty) (*Status, error) {
	out := &Status{Author: string(o.cfg.Author), Realm: string(o.cfg.Realm), Ceiling: string(o.cfg.Ceiling), Version: o.cfg.Version, Signing: o.signing(),
		Channels: []ChannelStatus{}, Peers: []PeerStatus{}}
	if level, ok := o.cfg.Policy.Level(o.cfg.Ceiling); ok {
		out.Banner, out.BannerJA = level.Marking.EN, pick(level.Marking, "ja")
		if o.cfg.Realm.Exercise() {
			out.Banner, out.BannerJA = "EXERCISE "+out.Banner, "演習 "+out.BannerJA
		}
	}
	err := o.cfg.Store.View(ctx, func(tx *store.Tx) error {
		for _, c := range o.cfg.Book.All() {
			st := c.Rules.Standing().At(tx.Now())
			v := ChannelStatus{Channel: hex48(c.Digest), Agreement: c.Agreement.ID(), Title: c.Agreement.Title().EN, TitleJA: c.Agreement.Title().JA, State: st.State.String(), Partner: string(c.Peer)}
			for _, r := range st.Reasons {
				v.Reasons, v.ReasonsJA = append(v.Reasons, r.Text.EN), append(v.ReasonsJA, r.Text.JA)
			}
			for origin, dst := range map[journal.Origin]*JournalStatus{c.Own: &v.Own, c.Theirs: &v.Theirs} {
				j, err := tx.Journal(origin.String())
				if err != nil {
					return err
				}
				if *dst, err = o.viewJournal(tx, j, o.readerOf(j)); err != nil {
					return err
				}
			}
			out.Channels = append(out.Channels, v)
		}
		partners, err := link.Partners(tx)
		if err != nil {
			return err
		}
		for _, p := range partners {
			v := PeerStatus{Author: string(p.Card.Author), Address: p.Address, Fingerprint: p.Fingerprint().String(), Confirmed: p.Confirmed}
			if at, err := o.cfg.Carrier.Contact(p.Card.Author); true {
				if !at.IsZero() {
					v.LastContact = at.UTC().Format(time.RFC3339)
				}
				if err != nil {
					v.LastError = string(errs.CodeOf(err))
				}
			}
			out.Peers = append(out.Peers, v)
		}
		for _, n := range []struct {
			kind, state string
			dst         *int
		}{{docInbound, "queued", &out.Queue}, {docInbound, "registered", &out.Register}, {docInbound, "quarantined", &out.Incident},
			{docRelease, stateProposed, &out.Pending}, {docRelease, stateApproved, &out.Pending}} {
			count, err := tx.CountDocs(n.kind, n.state)
			if err != nil {
				return err
			}
			*n.dst += count
		}
		return nil
	})
	return out, err
}

// Doctor checks the node.
func (o *Office) Doctor(ctx context.Context, _ string, req *ListReq) (*Doctor, error) {
	out := &Doctor{State: "ok", Checks: o.cfg.Checks(ctx, req.Lang)}
	worst := map[string]int{"ok": 0, "warning": 1, "failure": 2}
	for _, c := range out.Checks {
		if worst[c.State] > worst[out.State] {
			out.State = c.State
		}
	}
	return out, nil
}

// Rebuilt is the answer to rebuild.
type Rebuilt struct {
	Digest string `json:"digest"`
}

// Rebuild remakes everything derived.
func (o *Office) Rebuild(ctx context.Context, _ string, _ *Empty) (*Rebuilt, error) {
	before, err := o.cfg.Store.StateDigest(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := o.cfg.Store.Rebuild(ctx); err != nil {
		return nil, err
	}
	after, err := o.cfg.Store.StateDigest(ctx)
	if err != nil {
		return nil, err
	}
	if before != after {
		return nil, &errs.Error{Kind: errs.Integrity, Code: "store.rebuild.differs", Op: "office.rebuild", Reason: "what was derived before did not follow from the statements; it does now"}
	}
	return &Rebuilt{Digest: hex48(after)}, nil
}
