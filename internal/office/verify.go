package office

import (
	"context"
	"encoding/hex"
	"maps"
	"slices"

	"entente/errs"
	"entente/evidence"
	"entente/exchange"
	"entente/internal/channel"
	"entente/internal/link"
	"entente/internal/store"
	"entente/journal"
	"entente/party"
	"entente/seal"
	"entente/statement"
)

// Verification is what an offline check says.
type Verification = evidence.Report

// VerifyEvidence checks an evidence file.
func VerifyEvidence(raw []byte) (*Verification, error) {
	f, err := evidence.Decode(raw)
	if err != nil {
		return nil, err
	}
	return f.Verify(VerifyRoot), nil
}

// VerifyDirectory checks what a node directory shows without keys: that every journal's leaves lead to the roots its author signed
// and its reader cosigned, and that the reader's receipts are genuine, down from the roots in the agreements. Everything in the
// directory is taken for a claim of whoever holds it; of what is derived, such as tiles, nothing is used. A running node is not
// disturbed.
func VerifyDirectory(ctx context.Context, dir string) (*Verification, error) {
	s, err := store.OpenReadOnly(dir)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	r := &Verification{OK: true, NotShown: []string{
		"that the roots named above are the parties' own: compare their fingerprints with those that were exchanged at pairing",
		"that nothing newer was taken away: compare the sizes with those the partner holds",
		"what was said: acts and contents are encrypted at rest, and this check has no keys",
		"that national journals are those the channel's anchors commit to: anchors are acts, encrypted at rest",
		"that the authors' clocks were right",
	}}
	err = s.View(ctx, func(tx *store.Tx) error {
		keys, err := link.KeysIn(tx)
		if err != nil {
			return err
		}
		packages, err := channel.Packages(tx)
		if err != nil {
			return err
		}
		all, err := tx.Journals(channel.KindChannel)
		if err != nil {
			return err
		}
		if len(packages) == 0 {
			r.Say(unverified("verify.nothing", "without one there is nothing to verify against"), "there is an agreement in this directory")
		}
		claimed := map[journal.Origin]bool{}
		for _, id := range slices.Sorted(maps.Keys(packages)) {
			if t := r.ReadTerms(packages[id], VerifyRoot); t != nil {
				if err := verifyChannel(tx, r, t, keys, all, claimed); err != nil {
					return err
				}
			}
		}
		for _, j := range all {
			if !claimed[j.Origin] {
				r.Say(unverified("verify.stray", "no agreement, authors and keys here make its channel"), "the journal %s belongs to an agreement in this directory", j.Origin)
			}
		}
		for _, kind := range []string{channel.KindNational, channel.KindAdmin} {
			all, err := tx.Journals(kind)
			if err != nil {
				return err
			}
			for _, j := range all {
				wrong, err := walk(tx, j, nil)
				if err != nil {
					return err
				}
				r.Say(wrong[j.Size], "%s journal: its %d leaves lead to its stored root", kind, j.Size)
			}
		}
		return nil
	})
	return r, err
}

func unverified(code errs.Code, reason string) error {
	return &errs.Error{Kind: errs.Integrity, Code: code, Op: "verify", Reason: reason}
}

// walk makes a journal's tree from its leaves and compares it, at each size asked for and at the journal's own, with the root claimed
// there. It returns what is wrong, by size.
func walk(tx *store.Tx, j *store.Journal, claims map[uint64]map[journal.Hash]bool) (map[uint64]error, error) {
	t, err := journal.OpenTree(0, nil)
	if err != nil {
		return nil, err
	}
	wrong := map[uint64]error{}
	check := func(size uint64, roots map[journal.Hash]bool) {
		if len(roots) > 1 || len(roots) == 1 && !roots[t.Root()] {
			wrong[size] = unverified("verify.root", "the leaves do not lead to the root that is claimed")
		}
	}
	for from := uint64(0); from < j.Size; from += 4096 {
		leaves, err := tx.Leaves(j, from, min(j.Size, from+4096))
		if errs.HasCode(err, "store.leaf.unknown") {
			break // found below: the tree is too short
		} else if err != nil {
			return nil, err
		}
		for _, l := range leaves {
			t.Append(journal.LeafHash(l))
			check(uint64(t.Size()), claims[uint64(t.Size())])
		}
	}
	for size := range claims {
		if size == 0 || size > uint64(t.Size()) {
			wrong[size] = unverified("verify.root", "it is claimed of more leaves than there are")
		}
	}
	if uint64(t.Size()) != j.Size || j.Size > 0 && t.Root() != journal.Hash(j.Root) {
		wrong[j.Size] = unverified("verify.root", "the leaves do not lead to the stored root")
	}
	return wrong, nil
}

// verifyChannel verifies the journals of the channel that an agreement and two of the authors it names make.
func verifyChannel(tx *store.Tx, r *Verification, t *evidence.Terms, keys map[party.Author]link.PublicKeys, all []*store.Journal, claimed map[journal.Origin]bool) error {
	named := t.Agreement.Named()
	var readers []party.Author
	for i, a := range named {
		for _, b := range named[i+1:] {
			digest := statement.ChannelDigest(t.Agreement.Digest(), []party.Author{a, b})
			if a.Party() != b.Party() && slices.ContainsFunc(all, func(j *store.Journal) bool { return j.Origin.Channel == digest }) {
				readers = []party.Author{a, b}
			}
		}
	}
	if readers == nil {
		r.Say(unverified("verify.channel", "no journal is of a channel that it and two of its authors make"), "the agreement %s has a channel", t.Agreement.ID())
		return nil
	}
	statements := map[party.Author]*seal.KeyStatement{}
	for _, a := range readers {
		ks := r.ReadKeys(t, evidence.Keys{Root: keys[a].Root, Statement: keys[a].Statement})
		if ks == nil {
			return nil
		}
		if ks.Author != a {
			r.Say(unverified("verify.keys", "they are another author's"), "the keys kept for %s are its own", a)
			return nil
		}
		statements[a] = ks
	}
	digest := statement.ChannelDigest(t.Agreement.Digest(), readers)
	for i, a := range readers {
		found := false
		for _, j := range all {
			if j.Origin.Channel != digest || j.Origin.Realm != t.Agreement.Realm() || j.Origin.Author != a {
				continue
			}
			claimed[j.Origin], found = true, true
			if err := verifyJournal(tx, r, t, j, statements[a], statements[readers[1-i]]); err != nil {
				return err
			}
		}
		if !found {
			r.Say(unverified("verify.journal", "it is missing"), "there is a journal of %s", a)
		}
	}
	return nil
}

// verifyJournal verifies everything signed about one journal: by its author, and by its reader.
func verifyJournal(tx *store.Tx, r *Verification, t *evidence.Terms, j *store.Journal, author, reader *seal.KeyStatement) error {
	claims := map[uint64]map[journal.Hash]bool{}
	claim := func(size uint64, root journal.Hash) {
		if claims[size] == nil {
			claims[size] = map[journal.Hash]bool{}
		}
		claims[size][root] = true
	}
	var signed []uint64
	for after := uint64(0); ; {
		page, err := tx.Checkpoints(j, after, 256)
		if err != nil {
			return err
		}
		for _, c := range page {
			after = c.Size
			cp, err := journal.Open(c.Note, j.Origin, author.Signing, t.Suite)
			if err == nil && uint64(cp.Size) != c.Size {
				err = unverified("verify.checkpoint", "it is kept for another size than it is of")
			}
			if err != nil {
				r.Say(err, "%s signed the checkpoint at %d", author.Author, c.Size)
				continue
			}
			claim(c.Size, cp.Root)
			signed = append(signed, c.Size)
		}
		if len(page) < 256 {
			break
		}
	}
	all, err := tx.Cosignatures(j)
	if err != nil {
		return err
	}
	var cosigned []uint64
	for _, cos := range all {
		if cos.Cosigner != journal.WitnessName(reader.Author) {
			r.Say(unverified("verify.cosigner", "it is not the reader of this journal"), "%s: the cosigner %s is its reader", author.Author, cos.Cosigner)
			continue
		}
		cp := journal.Checkpoint{Origin: j.Origin, Size: int64(cos.Size), Root: cos.Root}
		if _, err := journal.OpenCosignature(cos.Lines, cos.Cosigner, reader.Cosigning, t.Suite, cp); err != nil {
			r.Say(err, "%s: the cosignature of %s at %d is genuine", author.Author, reader.Author, cos.Size)
			continue
		}
		claim(cos.Size, cos.Root)
		cosigned = append(cosigned, cos.Size)
	}
	wrong, err := walk(tx, j, claims)
	if err != nil {
		return err
	}
	r.Say(wrong[j.Size], "%s: its %d leaves lead to its stored root %.16s", author.Author, j.Size, hex.EncodeToString(j.Root[:]))
	last := sayHeads(r, wrong, signed, "%s signed every stored checkpoint, the largest at %d statements; each fits the leaves", author.Author)
	switch {
	case last < j.Size && j.Own:
		r.Say(nil, "%s: %d statements behind its last checkpoint are signed by nobody yet", author.Author, j.Size-last)
	case last < j.Size:
		r.Say(unverified("verify.unsigned", "statements behind its last checkpoint are signed by nobody"), "%s signed all of its %d statements", author.Author, j.Size)
	}
	sayHeads(r, wrong, cosigned, "%[2]s cosigned %[1]s up to %[3]d statements", author.Author, reader.Author)
	if j.Frozen {
		r.Say(unverified("verify.frozen", "it signed two heads that contradict; the evidence is in the node"), "%s never contradicted itself", author.Author)
	}
	return verifyReceipts(tx, r, t, j, author, reader)
}

// sayHeads says that heads fit the leaves, or which do not, and returns the largest that does.
func sayHeads(r *Verification, wrong map[uint64]error, sizes []uint64, format string, args ...any) (largest uint64) {
	ok := true
	for _, size := range sizes {
		if wrong[size] != nil {
			ok = r.Say(wrong[size], "%s: what is signed at %d fits the leaves", args[0], size)
		} else {
			largest = max(largest, size)
		}
	}
	if ok && largest > 0 {
		r.Say(nil, format, append(args, largest)...)
	}
	return largest
}

// verifyReceipts verifies the held receipts of a journal's reader. What a row says beside the signed bytes counts for nothing.
func verifyReceipts(tx *store.Tx, r *Verification, t *evidence.Terms, j *store.Journal, author, reader *seal.KeyStatement) error {
	receipts, err := tx.Receipts(j)
	if err != nil {
		return err
	}
	var held exchange.Ranges
	for _, x := range receipts {
		s, err := seal.DecodeSigned(x.Signed)
		var h *exchange.HeldReceipt
		if err == nil {
			h, err = exchange.OpenHeld(s, t.Suite, j.Origin.Realm, reader.Cosigning)
		}
		if err == nil && (h.Holder != reader.Author || h.Author != j.Origin.Author || h.Channel != j.Origin.Channel || h.Epoch != j.Origin.Epoch ||
			h.Ranges[len(h.Ranges)-1][1] > j.Size) {
			err = unverified("verify.held", "it is of another holder, another journal or more than there is")
		}
		if err != nil {
			r.Say(err, "%s: the held receipt of %s is genuine", author.Author, reader.Author)
			continue
		}
		held = held.Union(h.Ranges)
	}
	if len(held) > 0 {
		r.Say(nil, "%s signed for holding %d statements of %s", reader.Author, held.Count(), author.Author)
	}
	return nil
}
