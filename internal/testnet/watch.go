package testnet

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"entente/errs"
	"entente/exchange"
	"entente/internal/store"
	"entente/journal"
	"entente/party"
	"entente/statement"
)

// patience is the longest that taking a bundle in may last, in virtual time, beside what the node's own steps take. A node that
// answers no bundle while one of its own is under way takes as long as its network fails.
const patience = postTimeout / 2

// promises is what a host has told others, each with what its disk must hold from then on.
type promises struct {
	mu     sync.Mutex
	heads  map[string]map[uint64][32]byte // roots by origin and size: published, cosigned, or committed when something was acknowledged
	held   map[string]exchange.Ranges     // receipted, by origin
	signed map[string]uint64              // the largest size published of own journals
}

func newPromises() promises {
	return promises{heads: map[string]map[uint64][32]byte{}, held: map[string]exchange.Ranges{}, signed: map[string]uint64{}}
}

func (p *promises) head(origin string, size uint64, root [32]byte) {
	if p.heads[origin] == nil {
		p.heads[origin] = map[uint64][32]byte{}
	}
	p.heads[origin][size] = root
}

// onDisk reads what is plain in a node's directory.
func onDisk(dir string, fn func(tx *store.Tx) error) error {
	s, err := store.OpenReadOnly(dir)
	if err != nil {
		return err
	}
	defer s.Close()
	return s.View(context.Background(), fn)
}

// watchSent looks at every bundle at the moment it leaves a node: who may have said what is in it, and whether the
// node's disk holds now what the bundle says. It returns what the bundle is, in short.
func (w *World) watchSent(l *life, to *host, raw []byte) string {
	from := l.h
	w.net.carried(parcel{from, to, raw})
	b, err := exchange.Unpack(w.linkOf(to, from), exchange.KEMKeys(to.site.keys.KEM), raw)
	if err != nil {
		w.problem("%s sent what its partner cannot open: %v", from.site.party(), err)
		return "unreadable"
	}
	from.promised.mu.Lock()
	defer from.promised.mu.Unlock()
	w.count("bundles")
	for _, p := range b.Journals {
		if len(p.Bodies) > 0 {
			w.count("bundles with late bodies")
		}
	}
	if err := onDisk(l.dir, func(tx *store.Tx) error { return w.covered(tx, l, to, b) }); err != nil {
		w.problem("%s: a bundle left and its disk does not hold what it says: %v", from.site.party(), err)
	}
	return summary(b)
}

func (w *World) origin(a party.Author) journal.Origin {
	return journal.Origin{Realm: realm, Channel: w.base.channel.digest, Author: a, Epoch: 1}
}

func rootAt(tx *store.Tx, origin string, size uint64) (root [32]byte, err error) {
	j, err := tx.Journal(origin)
	if err != nil {
		return root, err
	}
	if j.Size < size {
		return root, fmt.Errorf("%s: %d leaves on disk, %d were told", origin, j.Size, size)
	}
	t, err := tx.Tree(j)
	if err != nil {
		return root, err
	}
	return t.RootAt(int64(size))
}

// covered holds a bundle against the sender's disk and notes what it promises.
func (w *World) covered(tx *store.Tx, l *life, to *host, b *exchange.Bundle) error {
	from, me := l.h, &l.h.promised
	compare := func(origin string, size uint64, root [32]byte) error {
		have, err := rootAt(tx, origin, size)
		if err != nil {
			return err
		}
		if have != root {
			return fmt.Errorf("%s: another root at %d than was told", origin, size)
		}
		me.head(origin, size, root)
		return nil
	}
	for _, p := range b.Journals {
		if p.Author != from.site.author || p.Epoch != 1 {
			return fmt.Errorf("a journal of %s, epoch %d, was sent", p.Author, p.Epoch)
		}
		o := w.origin(p.Author)
		cp, err := journal.Open(p.Checkpoint, o, from.site.statement.Signing, w.base.channel.suite)
		if err != nil {
			return err
		}
		w.note(o.String(), uint64(cp.Size), cp.Root)
		if err := compare(o.String(), uint64(cp.Size), cp.Root); err != nil {
			return err
		}
		j, err := tx.Journal(o.String())
		if err != nil {
			return err
		}
		if _, err := tx.CheckpointAt(j, uint64(cp.Size)); err != nil {
			return fmt.Errorf("a checkpoint left before it was stored: %w", err)
		}
		if marked, err := markerSize(l.dir, o.String()); err != nil || marked < uint64(cp.Size) {
			return fmt.Errorf("a checkpoint of %d left and the marker is at %d (%v)", cp.Size, marked, err)
		}
		me.signed[o.String()] = max(me.signed[o.String()], uint64(cp.Size))
		for _, a := range p.Acts {
			if a.State != exchange.Present {
				continue
			}
			if act, err := statement.DecodeAct(a.Bytes); err != nil || act.Type.National() || act.Author != from.site.author {
				return fmt.Errorf("an act left that is not this node's to say (%v)", err)
			}
		}
	}
	theirs := w.origin(to.site.author).String()
	for _, c := range b.Cosignatures {
		if c.Author != to.site.author {
			return fmt.Errorf("a cosignature of the journal of %s", c.Author)
		}
		w.note(theirs, c.Size, c.Root)
		if err := compare(theirs, c.Size, c.Root); err != nil {
			return err
		}
		j, err := tx.Journal(theirs)
		if err != nil {
			return err
		}
		if stored, err := tx.CosignedSize(j, journal.WitnessName(from.site.author)); err != nil || stored < c.Size {
			return fmt.Errorf("a cosignature of %d left, stored is %d (%v)", c.Size, stored, err)
		}
	}
	for _, s := range b.Held {
		r, err := exchange.DecodeHeld(s.Payload)
		if err != nil {
			return err
		}
		j, err := tx.Journal(theirs)
		if err != nil {
			return err
		}
		if err := complete(tx, j, r.Ranges); err != nil {
			return err
		}
		me.held[theirs] = me.held[theirs].Union(r.Ranges)
	}
	for _, h := range b.Heads {
		cp, err := parseNote(h)
		if err != nil {
			return err
		}
		w.note(cp.Origin.String(), uint64(cp.Size), cp.Root)
	}
	return nil
}

// complete says whether act and content of every entry in ranges are on the disk.
func complete(tx *store.Tx, j *store.Journal, ranges exchange.Ranges) error {
	for _, r := range ranges {
		have, err := tx.Complete(j, r[0], r[1])
		if err != nil {
			return err
		}
		if !exchange.Ranges(have).Covers(exchange.Ranges{r}) {
			return fmt.Errorf("%s: a receipt for holding %v, on disk are %v", j.Origin, r, have)
		}
	}
	return nil
}

func parseNote(note []byte) (journal.Checkpoint, error) {
	text, _, ok := bytes.Cut(note, []byte("\n\n"))
	if !ok {
		return journal.Checkpoint{}, fmt.Errorf("a head is no note")
	}
	return journal.ParseCheckpoint(append(bytes.Clone(text), '\n'))
}

// note remembers a head that somebody signed or cosigned: two of one size with different roots are a contradiction,
// whoever shows them.
func (w *World) note(origin string, size uint64, root [32]byte) {
	w.mu.Lock()
	have, ok := w.notes[origin][size]
	if w.notes[origin] == nil {
		w.notes[origin] = map[uint64][32]byte{}
	}
	w.notes[origin][size] = root
	w.mu.Unlock()
	if ok && have != root {
		w.problem("two heads of %s at %d contradict each other on the wire", origin, size)
	}
}

// markerSize reads how far the marker outside the database says that an origin was signed.
func markerSize(dir, origin string) (uint64, error) {
	raw, err := os.ReadFile(filepath.Join(dir, markerFile))
	if err != nil {
		return 0, err
	}
	for d := json.NewDecoder(bytes.NewReader(raw)); d.More(); {
		var m struct {
			Origin string `json:"origin"`
			Size   uint64 `json:"size"`
			Root   string `json:"root"`
		}
		if err := d.Decode(&m); err != nil {
			return 0, err
		}
		if m.Origin == origin {
			return m.Size, nil
		}
	}
	return 0, nil
}

// watchAnswer notes, when a person got an answer, what was committed by then: none of it may be lost.
func (w *World) watchAnswer(l *life) {
	l.h.promised.mu.Lock()
	defer l.h.promised.mu.Unlock()
	err := onDisk(l.dir, func(tx *store.Tx) error {
		all, err := tx.Journals("")
		for _, j := range all {
			l.h.promised.head(j.Origin.String(), j.Size, j.Root)
		}
		return err
	})
	if err != nil {
		w.problem("%s: %v", l.h.site.party(), err)
	}
}

// watchRestart holds the disk on which a node is about to start against everything the node ever told anybody.
func (w *World) watchRestart(h *host, im image) {
	dir, err := os.MkdirTemp(w.dir, "look")
	if err != nil {
		w.problem("%v", err)
		return
	}
	defer os.RemoveAll(dir)
	if err := im.write(dir); err != nil {
		w.problem("%v", err)
		return
	}
	w.keeps(h, dir)
}

// keeps reports every promise that a directory does not keep.
func (w *World) keeps(h *host, dir string) {
	h.promised.mu.Lock()
	defer h.promised.mu.Unlock()
	err := onDisk(dir, func(tx *store.Tx) error {
		for origin, sizes := range h.promised.heads {
			for size, root := range sizes {
				if size == 0 {
					continue
				}
				have, err := rootAt(tx, origin, size)
				if err != nil {
					return err
				}
				if have != root {
					return fmt.Errorf("%s: another root at %d than was told", origin, size)
				}
			}
		}
		for origin, ranges := range h.promised.held {
			j, err := tx.Journal(origin)
			if err != nil {
				return err
			}
			if err := complete(tx, j, ranges); err != nil {
				return err
			}
		}
		for origin, size := range h.promised.signed {
			if marked, err := markerSize(dir, origin); err != nil || marked < size {
				return fmt.Errorf("a checkpoint of %d was published and the marker is at %d (%v)", size, marked, err)
			}
		}
		return nil
	})
	if err != nil {
		w.problem("%s lost what it had told: %v", h.site.party(), err)
	}
}

func (w *World) watchPatience(h *host, took time.Duration) {
	if took > patience+40*w.script.Slow {
		w.problem("%s took %v to take a bundle in: it waits for something that is under way", h.site.party(), took)
	}
}

// summary says what a bundle brings.
func summary(b *exchange.Bundle) string {
	s := hex.EncodeToString(b.ID[:2])
	for _, p := range b.Journals {
		s += fmt.Sprintf(" leaves %d-%d", p.From, p.From+uint64(len(p.Leaves)))
		later := 0
		for _, c := range p.Contents {
			if c.State == exchange.Later {
				later++
			}
		}
		if later > 0 {
			s += fmt.Sprintf(" (%d contents later)", later)
		}
		if len(p.Bodies) > 0 {
			s += fmt.Sprintf(" late bodies %d", len(p.Bodies))
		}
	}
	for _, c := range b.Cosignatures {
		s += fmt.Sprintf(" cosigned %d", c.Size)
	}
	for _, x := range b.Held {
		if r, err := exchange.DecodeHeld(x.Payload); err == nil {
			s += fmt.Sprintf(" held %v", r.Ranges)
		}
	}
	var heads []int64
	for _, h := range b.Heads {
		if cp, err := parseNote(h); err == nil {
			heads = append(heads, cp.Size)
		}
	}
	if slices.Sort(heads); len(heads) > 0 {
		s += fmt.Sprintf(" heads %v", heads)
	}
	return s
}

// linkOf is the link from self to peer, with self's keys: watchers read with it what is sent to self, and a lying self
// seals with it.
func (w *World) linkOf(self, peer *host) *exchange.Link {
	return w.links[[2]*host{self, peer}]
}

// refusal is an answer that a person of the node would get for trying what they may not.
func refusal(err error) bool {
	switch errs.KindOf(err) {
	case errs.Refused, errs.NotFound, errs.Conflict, errs.Invalid:
		return err != nil
	}
	return false
}
