package exchange

import (
	"bytes"
	"slices"

	"entente/errs"
	"entente/journal"
)

// A node as an Outbox for its peer.

func (n *node) Unheld(limit int) ([]Entry, error) {
	var out []Entry
	for i := range n.peerHas {
		if k := &n.own().entries[i]; !n.peerHolds.Contains(i) && k.contState == Present {
			out = append(out, n.entry(i))
		}
	}
	slices.SortStableFunc(out, func(a, b Entry) int { return int(b.Precedence) - int(a.Precedence) })
	return out[:min(limit, len(out))], nil
}

func (n *node) Outgoing() (Outgoing, error) {
	return Outgoing{Size: n.own().pos.Size, PeerSize: n.peerHas, Wants: n.wants}, nil
}

func (n *node) entry(i uint64) Entry {
	k := &n.own().entries[i]
	e := Entry{Index: i, Leaf: k.leaf, Act: Slot{State: k.actState}, Content: k.contState, ContentSize: len(k.cont.Bytes), Precedence: k.precedence, Objects: k.objects}
	if k.actState == Present {
		e.Act = PresentSlot(k.act)
	}
	return e
}

func (n *node) Entries(from, to uint64) (out []Entry, err error) {
	for i := from; i < to; i++ {
		out = append(out, n.entry(i))
	}
	return out, nil
}

func (n *node) Content(i uint64) (Slot, error) { return PresentSlot(n.own().entries[i].cont), nil }

func (n *node) Checkpoint(size uint64) ([]byte, error) {
	j := n.own()
	if note := j.notes[size]; note != nil {
		return note, nil
	}
	root, err := j.tree.RootAt(int64(size))
	n.must(err)
	note, err := journal.Sign(n.keys.signing, n.l.Suite, journal.Checkpoint{Origin: n.l.origin(n.l.Self, n.l.SelfEpoch), Size: int64(size), Root: root})
	n.must(err)
	j.notes[size] = note
	if largest := slices.Max(slices.Collect(mapKeys(j.notes))); largest == size {
		j.pos.Note = note
	}
	return note, nil
}

func (n *node) ObjectPart(root [48]byte, leaf uint64) (ObjectPart, error) {
	if p, ok := n.objects[root].parts[leaf]; ok {
		return p, nil
	}
	return ObjectPart{}, &errs.Error{Kind: errs.NotFound}
}

func (n *node) Receipts() (Receipts, error) {
	r := Receipts{Cosignatures: n.cosigned, Held: n.heldSig}
	if note := n.peers().pos.Note; note != nil {
		r.Heads = [][]byte{note}
	}
	j := n.peers()
	for i := range j.entries {
		for _, o := range j.entries[i].objects {
			var have Ranges
			if k := n.objects[o.Root]; k != nil {
				for i := range k.parts {
					have = have.Add(i, i+1)
				}
			}
			if w := Wanted(o.Root, o.Size, have); w != nil && !slices.ContainsFunc(r.Wants, func(x Want) bool { return x.Root == o.Root }) {
				r.Wants = append(r.Wants, *w)
			}
		}
	}
	slices.SortFunc(r.Wants, func(a, b Want) int { return bytes.Compare(a.Root[:], b.Root[:]) })
	for t, d := range n.digests {
		r.Digests = append(r.Digests, StateDigest{t, d})
	}
	slices.SortFunc(r.Digests, func(a, b StateDigest) int { return bytes.Compare(a.Thread[:], b.Thread[:]) })
	return r, nil
}

func mapKeys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
