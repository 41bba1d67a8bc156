package channel

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"strconv"

	"entente/errs"
	"entente/exchange"
	"entente/internal/store"
	"entente/journal"
	"entente/statement"
)

// Saying is a statement to be made. ID and Thread are drawn at random when zero; an ID that was made at draft makes
// saying the same twice a no-op.
type Saying struct {
	ID        statement.ID
	Type      statement.TypeName
	Version   string // rules version, "channel/1" when empty
	Thread    statement.Thread
	Answers   []statement.Ref
	By        statement.By
	Terms     statement.Terms
	Narrative []byte
}

// rulesVersion names the rules of statements that belong to no business room.
const rulesVersion = "channel/1"

func publicID(digest [48]byte) string { return hex.EncodeToString(digest[:]) }

func (b *Book) random16() (x [16]byte, err error) {
	_, err = io.ReadFull(b.cfg.Random, x[:])
	return x, randomFailed(err)
}

func randomFailed(err error) error {
	if err == nil {
		return nil
	}
	return &errs.Error{Kind: errs.Fatal, Code: "channel.random", Op: "channel.say", Err: err}
}

// frozenStops says whether a freeze stops a type: releases do, incidents, delegations and the way back never.
func frozenStops(t statement.TypeName) bool {
	return t == statement.Dispatch || t == statement.RegistryReceipt
}

// Say makes a statement in the own journal of c. It refuses when the node may not sign (Config.Hold), when the agreement's
// closed list does not allow the type with its proof, and, for a release, when a journal of the channel is frozen. It returns
// the statement as readers will hold it.
func (b *Book) Say(tx *store.Tx, c *Channel, s Saying) (*statement.Statement, error) {
	if err := b.cfg.Hold(); err != nil {
		return nil, err
	}
	article, ok := c.Agreement.StatementAllowed(string(s.Type), s.By.Proof.Kind)
	if !ok {
		return nil, &errs.Error{Kind: errs.Refused, Code: "channel.statement.closed", Op: "channel.say", Subject: string(s.Type), Rule: "agreements 31", Article: article,
			Reason: "the agreement's closed list does not allow this statement with this proof", Next: "what may leave is listed in the agreement; changing it needs both parties"}
	}
	own, err := tx.Journal(c.Own.String())
	if err != nil {
		return nil, err
	}
	theirs, err := tx.Journal(c.Theirs.String())
	if err != nil {
		return nil, err
	}
	if (own.Frozen || theirs.Frozen) && frozenStops(s.Type) {
		return nil, &errs.Error{Kind: errs.Refused, Code: "channel.frozen", Op: "channel.say", Subject: c.Agreement.ID(), Rule: "equivocation",
			Reason: "a journal of this channel contradicted itself; releases are frozen", Next: "show the evidence to the partner; a new epoch signed by both roots lifts the freeze"}
	}
	if err := b.room(tx, c, own, s); err != nil {
		return nil, err
	}
	if s.Version == "" {
		s.Version = rulesVersion
	}
	act := &statement.Act{Version: statement.Version, ID: s.ID, Channel: c.Digest, Author: c.Self, Epoch: c.Own.Epoch, Type: s.Type, Thread: s.Thread,
		Answers: s.Answers, By: s.By, Rules: statement.Rules{Terms: c.Agreement.Digest(), Version: s.Version}}
	if theirs.Size > 0 {
		act.Seen = []statement.Seen{{Author: c.Peer, Epoch: c.Theirs.Epoch, Size: theirs.Size}}
	}
	limits := c.Limits()
	st, err := b.write(tx, own, c.Digest, act, s, &limits)
	if err != nil {
		return nil, err
	}
	return st, b.cfg.Absorb(tx, c, []*statement.Statement{st})
}

const (
	docDay    = "day" // where the present day of an own journal began: Sort is the day since 1970, the text its first index
	dayMillis = 24 * 60 * 60 * 1000
)

// room refuses what the partner would refuse as over quota: a receiver stores and cosigns nothing of a journal from the first
// statement on that is over a limit, and a journal cannot leave one out, so that saying it would close the channel for good. What
// a freeze stops also leaves an eighth of the day to what it never stops: a busy day must not silence an incident.
func (b *Book) room(tx *store.Tx, c *Channel, own *store.Journal, s Saying) error {
	limits := c.Limits()
	_, _, _, _, article := c.Agreement.Citations()
	full := func(subject, reason string) error {
		return &errs.Error{Kind: errs.Quota, Code: "channel.quota", Op: "channel.say", Subject: subject, Rule: "limits of the agreement", Article: article,
			Reason: reason, Next: "wait for the next day (UTC), or agree on a higher limit"}
	}
	if s.Thread != (statement.Thread{}) {
		n, err := tx.ThreadCount(c.Digest, s.Thread)
		if err != nil {
			return err
		}
		if uint64(n) >= limits.Thread {
			return full("thread", "the thread has as many statements as the agreement allows")
		}
	}
	day, first := max(tx.Now().UnixMilli(), own.LastTime)/dayMillis, own.Size
	id := publicID(c.Digest)
	d, err := tx.Doc(docDay, id)
	switch {
	case err == nil && d.Sort == day && len(d.Plain) == 8:
		first = binary.BigEndian.Uint64(d.Plain)
	case err == nil || errs.KindOf(err) == errs.NotFound:
		if err := tx.PutDoc(docDay, id, "", day, binary.BigEndian.AppendUint64(nil, own.Size)); err != nil {
			return err
		}
	default:
		return err
	}
	most := limits.PerDay
	if frozenStops(s.Type) {
		most -= most / 8
	}
	if own.Size-first >= most {
		return full("per-day", "this node has said as much today as the agreement allows")
	}
	return nil
}

// write completes act, commits to it and appends it to j. A crash before the caller's commit leaves nothing.
func (b *Book) write(tx *store.Tx, j *store.Journal, digest [48]byte, act *statement.Act, s Saying, limits *exchange.Limits) (*statement.Statement, error) {
	var err error
	if act.ID == (statement.ID{}) {
		id, err := b.random16()
		if err != nil {
			return nil, err
		}
		act.ID = id
	}
	if act.Thread == (statement.Thread{}) {
		act.Thread = statement.Thread(act.ID) // a statement that opens a matter names it
	}
	if s.Terms != nil {
		if act.Terms, err = statement.EncodeTerms(s.Terms); err != nil {
			return nil, err
		}
	}
	act.Time = max(tx.Now().UnixMilli(), j.LastTime) // a journal's time never decreases, whatever the clock does
	var salts [2][32]byte
	for i := range salts {
		if _, err := io.ReadFull(b.cfg.Random, salts[i][:]); err != nil {
			return nil, randomFailed(err)
		}
	}
	content := &statement.Content{Version: statement.Version, Narrative: s.Narrative}
	leaf, actBody, contentBody, err := statement.Make(act, content, salts[0], salts[1])
	if err != nil {
		return nil, err
	}
	if limits != nil && (len(leaf) > limits.Leaf || max(len(actBody.Bytes), len(contentBody.Bytes)) > limits.Body || len(act.Answers) > limits.Answers) {
		// The partner would store nothing from here on, for good: see room.
		return nil, &errs.Error{Kind: errs.Refused, Code: "channel.limit", Op: "channel.say", Subject: string(act.Type), Rule: "limits of the agreement",
			Reason: "it is larger than the agreement allows a statement to be", Next: "make it shorter, or agree on a higher limit"}
	}
	index := j.Size
	if err := tx.AppendLeaves(j, [][]byte{leaf}); err != nil {
		return nil, err
	}
	if err := tx.PutBody(j, index, store.Act, store.Present, actBody.Salt, actBody.Bytes); err != nil {
		return nil, err
	}
	if err := tx.PutBody(j, index, store.Content, store.Present, contentBody.Salt, contentBody.Bytes); err != nil {
		return nil, err
	}
	if err := tx.IndexStatement(digest, j, index, act.ID, act.Thread, string(act.Type)); err != nil {
		return nil, err
	}
	if err := tx.SetLastTime(j, act.Time); err != nil {
		return nil, err
	}
	return &statement.Statement{Index: index, LeafHash: journal.LeafHash(leaf), Act: act, Content: content}, nil
}

// Note makes an entry of a national journal: of c, or of administration when c is nil. The entry commits with the
// caller's transaction, or there is no act. Detail goes into the content and may be nil.
func (b *Book) Note(tx *store.Tx, c *Channel, by statement.By, terms statement.NationalTerms, detail []byte) error {
	origin := b.admin
	if c != nil {
		origin = c.National
	}
	j, err := tx.Journal(origin.String())
	if err != nil {
		return err
	}
	terms.Subject = Clip(terms.Subject)
	act := &statement.Act{Version: statement.Version, Channel: origin.Channel, Author: origin.Author, Epoch: origin.Epoch,
		Type: statement.TypeName("national." + terms.Event + "/1"), By: by, Rules: statement.Rules{Terms: origin.Channel, Version: "national/1"}}
	_, err = b.write(tx, j, origin.Channel, act, Saying{Terms: &terms, Narrative: detail}, nil)
	return err
}

// Clip makes what somebody typed or sent fit for an entry: no longer than a field, and nothing in it but printable ASCII, so that
// no input can keep its own refusal out of the record.
func Clip(s string) string {
	b := []byte(s[:min(len(s), statement.MaxField)])
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}

// Ref names a statement so that another can answer it.
func Ref(st *statement.Statement) statement.Ref {
	return statement.Ref{Author: st.Act.Author, ID: st.Act.ID, Leaf: st.LeafHash}
}

// Take absorbs what a partner said, as far as package exchange opened it and did not flag it, within the transaction that stores
// it. A statement that [NeedsContent] is taken again when its content comes after its act.
func (b *Book) Take(tx *store.Tx, c *Channel, said []*statement.Statement) error {
	if len(said) == 0 {
		return nil
	}
	return b.cfg.Absorb(tx, c, said)
}

// NeedsContent says whether a statement of a type is obeyed only once its content is here.
func NeedsContent(t statement.TypeName) bool { return t == statement.Dispatch }

// docFlagged marks statements of partners that break a rule of their journal: kept, shown, and kept out of every fold.
const docFlagged = "flagged"

func flaggedID(j *store.Journal, index uint64) string {
	d := Fingerprint("entente/flagged/1", []byte(j.Origin.String()))
	return hex.EncodeToString(d[:16]) + "/" + strconv.FormatUint(index, 10)
}

// Flag marks the statement at index of a partner's journal: no fold shall see it.
func Flag(tx *store.Tx, j *store.Journal, index uint64) error {
	return tx.PutDoc(docFlagged, flaggedID(j, index), "", int64(index), []byte{0})
}

// Flagged reports whether Flag marked the statement.
func Flagged(tx *store.Tx, j *store.Journal, index uint64) (bool, error) {
	_, err := tx.Doc(docFlagged, flaggedID(j, index))
	if err != nil && errs.KindOf(err) == errs.NotFound {
		return false, nil
	}
	return err == nil, err
}

// Thread reads the statements of a thread back, of both journals, as far as their acts are held and are not flagged. Their order is
// that of the store; a fold orders them by what they have seen.
func (b *Book) Thread(tx *store.Tx, c *Channel, t statement.Thread) ([]*statement.Statement, error) {
	entries, err := tx.Thread(c.Digest, t)
	if err != nil {
		return nil, err
	}
	journals := map[int64]*store.Journal{}
	for _, o := range []journal.Origin{c.Own, c.Theirs} {
		j, err := tx.Journal(o.String())
		if err != nil {
			return nil, err
		}
		journals[j.ID] = j
	}
	var out []*statement.Statement
	for _, e := range entries {
		j := journals[e.Journal]
		if j == nil {
			continue // an older epoch: its threads are folded with that epoch's rules
		}
		st, err := Read(tx, j, e.Index)
		if err != nil {
			return nil, err
		}
		if st.Act == nil {
			continue
		}
		if !j.Own {
			flagged, err := Flagged(tx, j, e.Index)
			if err != nil {
				return nil, err
			}
			// What names another author, epoch or channel than the journal it stands in must not be folded as theirs, marked or not.
			if flagged || st.Act.Author != j.Origin.Author || st.Act.Epoch != j.Origin.Epoch || st.Act.Channel != c.Digest {
				continue
			}
		}
		out = append(out, st)
	}
	return out, nil
}

// Read returns the statement at index of j as far as it is held and can be read: Act and Content are nil where not. A partner may
// have committed to anything; what is malformed, or of a later version, is kept and read by nobody.
func Read(tx *store.Tx, j *store.Journal, index uint64) (*statement.Statement, error) {
	raw, err := tx.Leaf(j, index)
	if err != nil {
		return nil, err
	}
	st := &statement.Statement{Index: index, LeafHash: journal.LeafHash(raw)}
	leaf, err := statement.DecodeLeaf(raw)
	if err != nil {
		return st, nil // kept and witnessed; nothing more can be said of it
	}
	act, err := tx.Body(j, index, store.Act)
	if err != nil {
		return nil, err
	}
	if act.State == store.Present {
		if st.Act, err = statement.OpenAct(&leaf, statement.Body{Salt: act.Salt, Bytes: act.Bytes}); err != nil && !unreadable(err) {
			return nil, err
		}
	}
	content, err := tx.Body(j, index, store.Content)
	if err != nil {
		return nil, err
	}
	if content.State == store.Present {
		if st.Content, err = statement.OpenContent(&leaf, statement.Body{Salt: content.Salt, Bytes: content.Bytes}); err != nil && !unreadable(err) {
			return nil, err
		}
	}
	return st, nil
}

// unreadable tells what a partner committed to and nobody can read from what was altered since it was stored.
func unreadable(err error) bool {
	return errs.KindOf(err) == errs.Invalid || errs.HasCode(err, "statement.commitment.objects")
}
