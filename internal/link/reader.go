package link

import (
	"entente/errs"
	"entente/exchange"
	"entente/internal/channel"
	"entente/internal/store"
	"entente/journal"
	"entente/party"
	"entente/statement"
	"entente/wire"
)

// standing is where the checks along a partner's journal stand, and what of it is held: kept with the journal, in the
// transaction that moves it.
type standing struct {
	Run  exchange.Run    `cbor:"1,keyasint"`
	Held exchange.Ranges `cbor:"2,keyasint,omitempty"`
}

const (
	docStanding = "standing"
	docAhead    = "ahead"  // larger heads of others that somebody showed
	docShown    = "shown"  // what a partner last said of its copy of the own journal: where to send from
	maxStanding = 16 << 20 // what a doc holds: a partner that leaves out every other content must not make its own standing unreadable
)

func standingID(o journal.Origin) string {
	return hexDigest(channel.Fingerprint("entente/standing/1", []byte(o.String())))
}

func getStanding(tx *store.Tx, o journal.Origin) (st standing, err error) {
	d, err := tx.Doc(docStanding, standingID(o))
	if err != nil {
		if errs.KindOf(err) == errs.NotFound {
			return st, nil
		}
		return st, err
	}
	return st, wire.Unmarshal(d.Plain, maxStanding, &st)
}

func putStanding(tx *store.Tx, o journal.Origin, st standing) error {
	return tx.PutDoc(docStanding, standingID(o), "", 0, wire.MustMarshal(&st))
}

// reader shows package exchange what this node holds of one channel, in one transaction.
type reader struct {
	tx *store.Tx
	ch *channel.Channel
}

func (r reader) journal(a party.Author, epoch uint64) (*store.Journal, error) {
	origin := r.ch.Theirs
	if a == r.ch.Self {
		origin = r.ch.Own
	}
	if a != origin.Author || epoch != origin.Epoch {
		return nil, &errs.Error{Kind: errs.NotFound, Code: "link.journal", Op: "link.read", Subject: string(a), Reason: "this epoch is not known here"}
	}
	return r.tx.Journal(origin.String())
}

// Journal implements exchange.Reader.
func (r reader) Journal(a party.Author, epoch uint64) (exchange.Position, error) {
	j, err := r.journal(a, epoch)
	if err != nil {
		return exchange.Position{}, err
	}
	st, err := getStanding(r.tx, j.Origin)
	if err != nil {
		return exchange.Position{}, err
	}
	p := exchange.Position{Size: j.Size, Root: j.Root, Held: st.Held, Run: st.Run}
	if cp, err := r.tx.LatestCheckpoint(j); err == nil {
		p.Note = cp.Note
	} else if errs.KindOf(err) != errs.NotFound {
		return p, err
	}
	if d, err := r.tx.Doc(docAhead, standingID(j.Origin)); err == nil {
		p.Ahead = [][]byte{d.Plain}
	} else if errs.KindOf(err) != errs.NotFound {
		return p, err
	}
	if a == r.ch.Self {
		if p.PeerSize, err = r.tx.CosignedSize(j, journal.WitnessName(r.ch.Peer)); err != nil {
			return p, err
		}
		ranges, err := r.tx.HeldRanges(j, string(r.ch.Peer))
		if err != nil {
			return p, err
		}
		p.PeerHeld = ranges
		shown, ok, err := getShown(r.tx, j.Origin)
		if err != nil {
			return p, err
		}
		if ok {
			p.Shown = &shown
		}
	}
	return p, nil
}

func getShown(tx *store.Tx, own journal.Origin) (s exchange.Shown, ok bool, err error) {
	d, err := tx.Doc(docShown, standingID(own))
	if err != nil {
		if errs.KindOf(err) == errs.NotFound {
			return s, false, nil
		}
		return s, false, err
	}
	return s, true, wire.Unmarshal(d.Plain, maxStanding, &s)
}

// Tree implements exchange.Reader. A prefix is asked for only to convict a partner that rewrote its past: it is made from
// the leaves.
func (r reader) Tree(a party.Author, epoch, size uint64) (*journal.Tree, error) {
	j, err := r.journal(a, epoch)
	if err != nil {
		return nil, err
	}
	if size == j.Size {
		return r.tx.Tree(j)
	}
	t, err := journal.OpenTree(0, nil)
	if err != nil {
		return nil, err
	}
	for from := uint64(0); from < size; from += 4096 { // page by page: a journal may be larger than memory
		leaves, err := r.tx.Leaves(j, from, min(size, from+4096))
		if err != nil {
			return nil, err
		}
		for _, leaf := range leaves {
			t.Append(journal.LeafHash(leaf))
		}
	}
	return t, nil
}

// Entry implements exchange.Reader.
func (r reader) Entry(a party.Author, epoch, index uint64) (s exchange.Stored, err error) {
	j, err := r.journal(a, epoch)
	if err != nil {
		return s, err
	}
	if s.Leaf, err = r.tx.Leaf(j, index); err != nil {
		return s, err
	}
	act, err := r.tx.BodyState(j, index, store.Act)
	if err != nil {
		return s, err
	}
	content, err := r.tx.BodyState(j, index, store.Content)
	s.Act, s.Content = exchange.SlotState(act), exchange.SlotState(content)
	return s, err
}

// Object implements exchange.Reader. No command attaches objects yet, so that no content held here names one.
func (r reader) Object(root [48]byte) (exchange.Object, error) {
	return exchange.Object{}, &errs.Error{Kind: errs.NotFound, Code: "link.object", Op: "link.read"}
}

// Threads implements exchange.Reader.
func (r reader) Threads(threads []statement.Thread) ([]exchange.ThreadView, error) {
	out := make([]exchange.ThreadView, len(threads))
	for i, t := range threads {
		n, err := r.tx.ThreadCount(r.ch.Digest, t)
		if err != nil {
			return nil, err
		}
		out[i].Statements = uint64(n)
	}
	return out, nil
}

// Unheld implements exchange.Reader.
func (r reader) Unheld() (uint64, error) {
	j, err := r.tx.Journal(r.ch.Theirs.String())
	if err != nil {
		return 0, err
	}
	_, n, err := r.tx.Unheld(j)
	return n, err
}
