package office_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"testing"

	"entente/errs"
	"entente/examples/exercise"
	"entente/exchange"
	"entente/internal/office"
	"entente/journal"
	"entente/seal"
)

// What happens to a bundle between two honest nodes: whatever it is, the receiver names it, has it in its record, lives, and gets
// everything when the bundle comes unharmed.
func TestTamperingOnTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release(t, w.nzl, "R04")
	for name, tc := range map[string]struct {
		tamper func(raw []byte) []byte
		code   errs.Code // of the refusal, with which the sender's exchange fails too
	}{
		"bytes of nobody":                     {func([]byte) []byte { return []byte("GET / HTTP/1.1\r\n\r\n") }, "exchange.bundle.truncated"},
		"no bytes":                            {func([]byte) []byte { return []byte{} }, "exchange.bundle.truncated"},
		"not a bundle":                        {func(b []byte) []byte { b[0] ^= 1; return b }, "exchange.bundle.magic"},
		"cut short":                           {func(b []byte) []byte { return b[:len(b)-1] }, "exchange.bundle.truncated"},
		"cut in the header":                   {func(b []byte) []byte { return b[:exchange.HeaderSize-1] }, "exchange.bundle.truncated"},
		"bytes added":                         {func(b []byte) []byte { return append(b, 0) }, "exchange.bundle.truncated"},
		"another length":                      {func(b []byte) []byte { binary.BigEndian.PutUint64(b[38:], 1); return b }, "exchange.bundle.truncated"},
		"larger than a bundle":                {func(b []byte) []byte { return append(b, make([]byte, exchange.MaxBundle)...) }, "exchange.bundle.oversized"},
		"another version":                     {func(b []byte) []byte { b[4]++; return b }, "exchange.bundle.mac"},
		"another suite":                       {func(b []byte) []byte { b[5]++; return b }, "exchange.bundle.mac"},
		"another link, or an unpaired sender": {func(b []byte) []byte { b[6] ^= 1; return b }, "link.unknown"},
		"another key":                         {func(b []byte) []byte { b[22] ^= 1; return b }, "exchange.bundle.mac"},
		"another authentication":              {func(b []byte) []byte { b[46] ^= 1; return b }, "exchange.bundle.mac"},
		"a bit of the encapsulation":          {func(b []byte) []byte { b[exchange.HeaderSize] ^= 1; return b }, "exchange.bundle.mac"},
		"a bit in the middle":                 {func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, "exchange.bundle.mac"},
		"the last bit":                        {func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, "exchange.bundle.mac"},
	} {
		before := w.jpn.count(t, string(tc.code))
		w.road.set(func(to string, raw []byte) []byte {
			if to == jpn.addr {
				return tc.tamper(raw)
			}
			return raw
		})
		if e := w.sync(t, w.nzl); e == "" {
			t.Errorf("%s: the sender noticed nothing", name)
		}
		if n := w.jpn.count(t, string(tc.code)); n != before+1 {
			t.Errorf("%s: %s is in the record of the receiver %d times more", name, tc.code, n-before)
		}
		if s := status(t, w.jpn); s.Theirs.Size != 0 {
			t.Errorf("%s: %d statements were stored of it", name, s.Theirs.Size)
		}
	}
	w.road.set(nil)
	if e := w.sync(t, w.nzl); e != "" {
		t.Fatal(e)
	}
	arrived(t, w)
}

// arrived fails unless the one report is in Japan's queue, once, witnessed and held.
func arrived(t *testing.T, w *world) {
	t.Helper()
	if queued, quarantined := w.jpn.queue(t); len(queued) != 1 || len(quarantined) != 0 {
		t.Errorf("queued %d, quarantined %+v", len(queued), quarantined)
	}
	if own := status(t, w.nzl).Own; own.Witnessed != own.Size || own.Held != own.Size {
		t.Errorf("of %d statements %d are witnessed, %d held", own.Size, own.Witnessed, own.Held)
	}
}

// A bundle that comes again, late, or to the wrong place changes nothing.
func TestReplayedReorderedAndMisdirectedBundles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release(t, w.nzl, "R04")
	var first []byte
	w.road.set(func(to string, raw []byte) []byte { // the first bundle is held back on the way
		if to == jpn.addr && first == nil {
			first = bytes.Clone(raw)
			return nil
		}
		return raw
	})
	w.sync(t, w.nzl)
	if e := w.sync(t, w.nzl); e != "" {
		t.Fatal(e)
	}
	arrived(t, w)
	before := status(t, w.jpn)
	for range 3 { // late, and again
		if _, err := w.jpn.Carrier().Receive(t.Context(), first); err != nil {
			t.Errorf("an old bundle: %v", err)
		}
	}
	if after := status(t, w.jpn); after.Theirs != before.Theirs || after.Own != before.Own {
		t.Errorf("replayed it changed %+v to %+v", before, after)
	}
	arrived(t, w)
	// Back to its sender: that link is another direction.
	if _, err := w.nzl.Carrier().Receive(t.Context(), first); errs.CodeOf(err) != "link.unknown" {
		t.Errorf("reflected: %v", err)
	}
	if w.nzl.count(t, "link.unknown") != 1 {
		t.Error("link.unknown is in no national journal")
	}
	// To another pair of the same parties: other keys, another channel. Nobody there can do anything with it.
	other := t.TempDir()
	raise(t, other, exercise.Agreement())
	o := open(t, jpn, other+"/JPN", w.clock, &road{nodes: w.road.nodes})
	defer o.Close()
	if _, err := o.Carrier().Receive(t.Context(), first); errs.CodeOf(err) != "link.unknown" {
		t.Errorf("another channel: %v", err)
	}
	if o.count(t, "link.unknown") != 1 {
		t.Error("link.unknown is in no national journal")
	}
	// With the sender's own receipts being replayed, nothing is sent anew for ever.
	w.road.set(nil)
	for range 3 {
		v := call[office.SyncView](t, w.nzl, "", "sync", office.Empty{})
		if v.Sent > 6 {
			t.Errorf("%d statements sent again", v.Sent)
		}
	}
	arrived(t, w)
}

// What a partner with good keys can seal and send, each refused by name. The node takes the honest rest afterwards.
func TestWhatOnlyAPartnerCanTamperWith(t *testing.T) {
	t.Parallel()
	stray, _ := seal.GenerateSigningKey()
	strayKEM, _ := seal.GenerateKEM(seal.Hybrid)
	strip := func(note []byte, i int) []byte { // one of the two signature lines
		head, lines, _ := bytes.Cut(note, []byte("\n\n"))
		all := bytes.SplitAfter(lines, []byte("\n"))
		return slices.Concat(head, []byte("\n\n"), all[i])
	}
	for name, tc := range map[string]struct {
		link func(*exchange.Link)
		edit func(h *hostile, b *exchange.Bundle)
		raw  func(h *hostile, raw []byte) []byte
		code errs.Code
		kept bool // leaves are stored all the same
	}{
		"sealed to another key":    {link: func(l *exchange.Link) { l.PeerKEM = strayKEM.Public() }, code: "exchange.bundle.key"},
		"sealed for another realm": {link: func(l *exchange.Link) { l.Realm = "exercise:other" }, code: "exchange.bundle.sealed"},
		"sealed for live":          {link: func(l *exchange.Link) { l.Realm = "live" }, code: "exchange.bundle.sealed"},
		"sealed in an older epoch": {link: func(l *exchange.Link) { l.SelfEpoch = 0 }, code: "exchange.bundle.epoch"},
		"sealed in a later epoch":  {link: func(l *exchange.Link) { l.SelfEpoch = 2 }, code: "exchange.bundle.epoch"},
		"for another channel": {link: func(l *exchange.Link) { l.Channel[0] ^= 1 }, edit: func(h *hostile, b *exchange.Bundle) { b.Channel[0] ^= 1 },
			code: "exchange.bundle.sealed"},
		"one signature line stripped": {edit: func(h *hostile, b *exchange.Bundle) { b.Journals[0].Checkpoint = strip(b.Journals[0].Checkpoint, 1) },
			code: "exchange.part.checkpoint"},
		"the other line stripped": {edit: func(h *hostile, b *exchange.Bundle) { b.Journals[0].Checkpoint = strip(b.Journals[0].Checkpoint, 0) },
			code: "exchange.part.checkpoint"},
		"signed by another key": {edit: func(h *hostile, b *exchange.Bundle) {
			note, err := journal.Sign(stray, seal.Hybrid, journal.Checkpoint{Origin: journal.Origin{Realm: realm, Channel: b.Channel, Author: h.author, Epoch: 1}, Size: h.tree.Size(), Root: h.tree.Root()})
			if err != nil {
				t.Error(err)
			}
			b.Journals[0].Checkpoint = note
		}, code: "exchange.part.checkpoint"},
		"the victim's journal": {edit: func(h *hostile, b *exchange.Bundle) { b.Journals[0].Author = h.link.Peer }, code: "exchange.part.author"},
		"an older epoch":       {edit: func(h *hostile, b *exchange.Bundle) { b.Journals[0].Epoch = 0 }, code: "exchange.epoch.old"},
		"an epoch of its own":  {edit: func(h *hostile, b *exchange.Bundle) { b.Journals[0].Epoch = 7 }, code: "exchange.epoch.unknown"},
		"a leaf left out": {edit: func(h *hostile, b *exchange.Bundle) {
			p := &b.Journals[0]
			p.From, p.Leaves, p.Acts, p.Contents = 1, p.Leaves[1:], p.Acts[1:], p.Contents[1:]
		}, code: "exchange.gap"},
		"a leaf altered": {edit: func(h *hostile, b *exchange.Bundle) {
			l := bytes.Clone(b.Journals[0].Leaves[1])
			l[9] ^= 1
			b.Journals[0].Leaves = slices.Clone(b.Journals[0].Leaves)
			b.Journals[0].Leaves[1] = l
		}, code: "exchange.journal.root"},
		"two leaves exchanged": {edit: func(h *hostile, b *exchange.Bundle) {
			p := &b.Journals[0]
			p.Leaves = slices.Clone(p.Leaves)
			p.Leaves[0], p.Leaves[1] = p.Leaves[1], p.Leaves[0]
		}, code: "exchange.journal.root"},
		"an act that is not committed to": {edit: func(h *hostile, b *exchange.Bundle) {
			s := &b.Journals[0].Acts[3]
			s.Bytes = bytes.Clone(s.Bytes)
			s.Bytes[len(s.Bytes)-1] ^= 1
		}, code: "exchange.body.mismatch", kept: true},
		"a content that is not committed to": {edit: func(h *hostile, b *exchange.Bundle) {
			s := &b.Journals[0].Contents[3]
			s.Salt = bytes.Clone(s.Salt)
			s.Salt[0] ^= 1
		}, code: "exchange.body.mismatch", kept: true},
		"a cosignature of another key": {edit: func(h *hostile, b *exchange.Bundle) { b.Cosignatures = []exchange.Cosignature{h.cosign(stray)} }, code: "exchange.cosignature.signature"},
		"a cosignature of what is not there": {edit: func(h *hostile, b *exchange.Bundle) {
			c := h.cosign(h.keys.Cosigning)
			c.Size += 100
			b.Cosignatures = []exchange.Cosignature{c}
		}, code: "exchange.cosignature.size", kept: true},
		"a held receipt of another key": {edit: func(h *hostile, b *exchange.Bundle) { b.Held = []seal.Signed{h.heldBy(stray, h.link)} }, code: "exchange.held.signature"},
		"a held receipt for its own journal": {edit: func(h *hostile, b *exchange.Bundle) {
			l := *h.link
			l.Self, l.Peer = l.Peer, l.Self
			b.Held = []seal.Signed{h.heldBy(h.keys.Cosigning, &l)}
		}, code: "exchange.held.holder"},
		"a head of a stranger": {edit: func(h *hostile, b *exchange.Bundle) {
			note, err := journal.Sign(stray, seal.Hybrid, journal.Checkpoint{Origin: journal.Origin{Realm: realm, Channel: b.Channel, Author: "AUS/adf/node-1", Epoch: 1}, Size: 1, Root: journal.Hash{1}})
			if err != nil {
				t.Error(err)
			}
			b.Heads = [][]byte{note}
		}, code: "exchange.head.author"},
		"what is no bundle, sealed": {raw: func(h *hostile, _ []byte) []byte { return h.sealed([]byte{0xff}) }, code: "exchange.bundle.malformed"},
		"a decompression bomb": {raw: func(h *hostile, _ []byte) []byte {
			return h.sealed(append([]byte{0x9a, 0xff, 0xff, 0xff, 0xff}, make([]byte, 1<<20)...))
		}, code: "exchange.bundle.malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := alone(t)
			h := takeOver(t, w)
			h.dispatch(nil, nil, nil)
			b := h.bundle(0)
			if tc.edit != nil {
				tc.edit(h, b)
			}
			l := *h.link
			if tc.link != nil {
				tc.link(&l)
			}
			raw, err := exchange.Pack(&l, b)
			if err != nil {
				t.Fatal(err)
			}
			if tc.raw != nil {
				raw = tc.raw(h, raw)
			}
			_, err = h.victim.Carrier().Receive(t.Context(), raw)
			if !tc.kept && !errs.HasCode(err, tc.code) {
				t.Errorf("%v, want %s", err, tc.code)
			}
			h.noted(tc.code)
			if n := status(t, w.nzl).Theirs.Size; tc.kept != (n > 0) {
				t.Errorf("%d statements are stored", n)
			}
			h.send()
			h.send()
			if tc.kept { // what came damaged is sent again as a late body
				b := h.bundle(len(h.leaves))
				b.Journals = []exchange.JournalPart{{Author: h.author, Epoch: 1, From: uint64(len(h.leaves)), Checkpoint: h.head(h.tree.Size()),
					Bodies: []exchange.LateBody{{Index: uint64(len(h.leaves) - 1), Act: &h.acts[len(h.acts)-1], Content: &h.contents[len(h.contents)-1]}}}}
				if _, err := h.post(b); err != nil {
					t.Fatal(err)
				}
			}
			if queued, quarantined := w.nzl.queue(t); len(queued)+len(quarantined) != 1 {
				t.Errorf("afterwards queued %d, quarantined %+v", len(queued), quarantined)
			}
		})
	}
}

// cosign cosigns the victim's journal, of which only the genesis size is known here.
func (h *hostile) cosign(k *seal.SigningKey) exchange.Cosignature {
	h.t.Helper()
	s := status(h.t, h.victim).Own
	cp := journal.Checkpoint{Origin: h.w.nzl.Carrier().Routes()[0].Own, Size: int64(s.Size), Root: rootOf(h.t, s.Root)}
	own, _, _ := readNode(h.t, h.w.nzl.dir)
	note, err := journal.Sign(own.Signing, seal.Hybrid, cp)
	if err != nil {
		h.t.Fatal(err)
	}
	lines, err := journal.Cosign(k, journal.WitnessName(h.author), seal.Hybrid, cp, note, h.w.clock.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	return exchange.Cosignature{Author: h.link.Peer, Epoch: 1, Size: s.Size, Root: cp.Root, Lines: lines}
}

func (h *hostile) heldBy(k *seal.SigningKey, l *exchange.Link) seal.Signed {
	h.t.Helper()
	s, err := exchange.SignHeld(k, l, l.Peer, 1, exchange.Ranges{{0, 1}}, h.w.clock.Now())
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// sealed is a bundle as exchange.Pack makes it (doc/formats/exchange.md), around any bytes.
func (h *hostile) sealed(plain []byte) []byte {
	h.t.Helper()
	l, key := h.link, h.link.PeerKEM.ID()
	raw := append([]byte("ENTB"), exchange.Version, l.Suite.Number())
	raw = append(append(raw, l.OutID[:]...), key[:]...)
	raw = binary.BigEndian.AppendUint64(raw, uint64(l.Suite.Overhead()+len(plain)))
	body, err := seal.SealTo(l.PeerKEM, seal.Info("entente/bundle/1", l.Suite, l.Realm, l.Channel, l.Self, l.Peer, l.SelfEpoch, key, raw), plain)
	if err != nil {
		h.t.Fatal(err)
	}
	m := hmac.New(sha512.New384, l.OutKey[:])
	m.Write(raw)
	m.Write(body)
	return append(m.Sum(raw), body...)
}

func rootOf(t *testing.T, s string) (h journal.Hash) {
	t.Helper()
	if n, err := hex.Decode(h[:], []byte(s)); err != nil || n != len(h) {
		t.Fatalf("%q is no root", s)
	}
	return h
}
