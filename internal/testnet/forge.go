package testnet

import (
	"bytes"
	"math/rand/v2"

	"entente/errs"
	"entente/exchange"
)

// What a partner that has its own keys, and lies, makes of a bundle that it sent. The leaves and the checkpoint are true, so that
// an honest partner with those keys would send the same: in the end nothing must be different.
var forgeries = []string{"content swapped", "content later", "content noise", "act noise", "leaf changed", "checkpoint changed", "cosignature changed",
	"receipt changed", "receipts dropped", "heads dropped", "cut short"}

// forge has from lie to its partner: the next of its bundles that has something to change is opened, changed, and sealed
// again with from's keys.
func (n *network) forge(from, to *host, how string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lies[[2]*host{from, to}] = append(n.lies[[2]*host{from, to}], how)
}

// lie returns what from makes of a bundle on its way to to, or nil if it does not lie about this one.
func (n *network) lie(from, to *host, raw []byte) []byte {
	way := [2]*host{from, to}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.lies[way]) == 0 || len(raw) == 0 {
		return nil
	}
	w, how := n.w, n.lies[way][0]
	b, err := exchange.Unpack(w.linkOf(to, from), exchange.KEMKeys(to.site.keys.KEM), raw)
	if err != nil || !falsify(b, how, w.stream("lie", how, summary(b)[5:])) {
		return nil
	}
	n.lies[way] = n.lies[way][1:]
	raw, err = exchange.Pack(w.linkOf(from, to), b)
	if err != nil {
		w.tell("a lie (%s) of %s cannot be sealed: %v", how, from.site.party(), errs.CodeOf(err))
		return nil
	}
	w.count("lies told")
	w.tell("%s lies to %s (%s): %s", from.site.party(), to.site.party(), how, summary(b))
	return raw
}

// falsify changes a bundle and reports whether there was anything to change.
func falsify(b *exchange.Bundle, how string, r *rand.Rand) bool {
	var p *exchange.JournalPart
	if len(b.Journals) > 0 {
		p = &b.Journals[0]
	}
	noise := func(s *exchange.Slot) bool {
		if s.State != exchange.Present {
			return false
		}
		s.Bytes = bytes.Clone(s.Bytes)
		s.Bytes[r.IntN(len(s.Bytes))] ^= 1
		return true
	}
	switch how {
	case "content swapped":
		if p == nil || len(p.Contents) < 2 {
			return false
		}
		i := r.IntN(len(p.Contents) - 1)
		p.Contents[i], p.Contents[i+1] = p.Contents[i+1], p.Contents[i]
	case "content later":
		if p == nil || len(p.Contents) == 0 {
			return false
		}
		for i := range p.Contents {
			p.Contents[i] = exchange.Slot{State: exchange.Later}
		}
	case "content noise":
		return p != nil && len(p.Contents) > 0 && noise(&p.Contents[r.IntN(len(p.Contents))])
	case "act noise":
		return p != nil && len(p.Acts) > 0 && noise(&p.Acts[len(p.Acts)-1])
	case "leaf changed":
		if p == nil || len(p.Leaves) == 0 {
			return false
		}
		i := r.IntN(len(p.Leaves))
		p.Leaves[i] = bytes.Clone(p.Leaves[i])
		p.Leaves[i][r.IntN(len(p.Leaves[i]))] ^= 1
	case "checkpoint changed":
		if p == nil {
			return false
		}
		p.Checkpoint = bytes.Clone(p.Checkpoint)
		p.Checkpoint[r.IntN(len(p.Checkpoint))] ^= 1
	case "cosignature changed":
		if len(b.Cosignatures) == 0 {
			return false
		}
		l := bytes.Clone(b.Cosignatures[0].Lines)
		l[len(l)/2] ^= 1
		b.Cosignatures[0].Lines = l
	case "receipt changed":
		if len(b.Held) == 0 {
			return false
		}
		s := bytes.Clone(b.Held[0].Sig.MLDSA87)
		s[r.IntN(len(s))] ^= 1
		b.Held[0].Sig.MLDSA87 = s
	case "receipts dropped":
		b.Cosignatures, b.Held = nil, nil
	case "heads dropped":
		b.Heads = nil
	case "cut short":
		if p == nil || len(p.Leaves) < 2 {
			return false
		}
		n := len(p.Leaves) - 1
		p.Leaves, p.Acts, p.Contents = p.Leaves[:n], p.Acts[:n], p.Contents[:n]
	}
	return !b.Empty()
}
