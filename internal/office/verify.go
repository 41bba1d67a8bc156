package office

import (
	"context"
	"errors"

	"entente/errs"
	"entente/evidence"
	"entente/exchange"
	"entente/internal/channel"
	"entente/internal/link"
	"entente/internal/store"
	"entente/journal"
	"entente/party"
	"entente/seal"
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

// VerifyDirectory checks what a node directory shows without keys: that every journal's leaves lead to the root its author signed,
// that the reader's cosignatures and receipts are genuine and cover what they say, down from the roots in the agreements. A running
// node is not disturbed.
func VerifyDirectory(ctx context.Context, dir string) (*Verification, error) {
	s, err := store.OpenReadOnly(dir)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	r := &Verification{OK: true, NotShown: []string{
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
		for _, raw := range packages {
			t := r.ReadTerms(raw, VerifyRoot)
			if t == nil {
				continue
			}
			if err := verifyChannel(tx, r, t, keys); err != nil {
				return err
			}
		}
		for _, kind := range []string{channel.KindNational, channel.KindAdmin} {
			all, err := tx.Journals(kind)
			if err != nil {
				return err
			}
			for _, j := range all {
				r.Say(sameRoot(tx, j), "%s journal: its %d leaves lead to its stored root", kind, j.Size)
			}
		}
		return nil
	})
	return r, err
}

// sameRoot recomputes a journal's root from its leaves, page by page.
func sameRoot(tx *store.Tx, j *store.Journal) error {
	t, err := journal.OpenTree(0, nil)
	if err != nil {
		return err
	}
	for from := uint64(0); from < j.Size; from += 4096 {
		leaves, err := tx.Leaves(j, from, min(j.Size, from+4096))
		if err != nil {
			return err
		}
		for _, l := range leaves {
			t.Append(journal.LeafHash(l))
		}
	}
	if t.Size() != int64(j.Size) || j.Size > 0 && t.Root() != journal.Hash(j.Root) {
		return &errs.Error{Kind: errs.Integrity, Code: "verify.root", Op: "verify", Reason: "the leaves do not lead to the stored root"}
	}
	return nil
}

func verifyChannel(tx *store.Tx, r *Verification, t *evidence.Terms, keys map[party.Author]link.PublicKeys) error {
	statements := map[party.Author]*seal.KeyStatement{}
	for a, k := range keys {
		if _, ok := t.Roots[a.Party()]; ok {
			if ks := r.ReadKeys(t, evidence.Keys{Root: k.Root, Statement: k.Statement}); ks != nil {
				statements[a] = ks
			}
		}
	}
	all, err := tx.Journals(channel.KindChannel)
	if err != nil {
		return err
	}
	for _, j := range all {
		author := statements[j.Origin.Author]
		if author == nil || j.Origin.Realm != t.Agreement.Realm() || !channel.Belongs(j.Origin.Channel, t.Agreement, statements) {
			continue
		}
		r.Say(sameRoot(tx, j), "%s: its %d leaves lead to its stored root %.16s", j.Origin.Author, j.Size, hex48([48]byte(append(j.Root[:], make([]byte, 16)...))))
		if err := verifySignatures(tx, r, t, j, statements); err != nil {
			return err
		}
	}
	return nil
}

func verifySignatures(tx *store.Tx, r *Verification, t *evidence.Terms, j *store.Journal, keys map[party.Author]*seal.KeyStatement) error {
	author := keys[j.Origin.Author]
	rootAt := func(size uint64) (journal.Hash, error) {
		tree, err := tx.Tree(j)
		if err != nil {
			return journal.Hash{}, err
		}
		return tree.RootAt(int64(size))
	}
	agrees := func(cp journal.Checkpoint) error {
		root, err := rootAt(uint64(cp.Size))
		if err == nil && root != cp.Root {
			err = &errs.Error{Kind: errs.Integrity, Code: "verify.checkpoint", Op: "verify", Reason: "the signed root is not that of the leaves"}
		}
		return err
	}
	signed := uint64(0)
	for after := uint64(0); ; {
		page, err := tx.Checkpoints(j, after, 256)
		if err != nil {
			return err
		}
		for _, c := range page {
			cp, err := journal.Open(c.Note, j.Origin, author.Signing, t.Suite)
			if err == nil {
				err = agrees(cp)
			}
			if err != nil {
				r.Say(err, "%s: the checkpoint at %d is signed and fits the leaves", j.Origin.Author, c.Size)
				return nil
			}
			signed, after = c.Size, c.Size
		}
		if len(page) < 256 {
			break
		}
	}
	if signed > 0 {
		r.Say(nil, "%s signed every stored checkpoint, the largest at %d statements; each fits the leaves", j.Origin.Author, signed)
	}
	cosignatures, err := tx.Cosignatures(j)
	if err != nil {
		return err
	}
	largest := map[party.Author]uint64{}
	for _, cos := range cosignatures {
		for a, ks := range keys {
			if journal.WitnessName(a) != cos.Cosigner {
				continue
			}
			cp := journal.Checkpoint{Origin: j.Origin, Size: int64(cos.Size), Root: cos.Root}
			_, err := journal.OpenCosignature(cos.Lines, cos.Cosigner, ks.Cosigning, t.Suite, cp)
			if err == nil {
				err = agrees(cp)
			}
			if err != nil {
				r.Say(err, "%s: the cosignature of %s at %d is genuine", j.Origin.Author, a, cos.Size)
			}
			largest[a] = max(largest[a], cos.Size)
		}
	}
	for a, size := range largest {
		r.Say(nil, "%s cosigned %s up to %d statements", a, j.Origin.Author, size)
	}
	receipts, err := tx.Receipts(j)
	if err != nil {
		return err
	}
	held := map[party.Author]exchange.Ranges{}
	for _, x := range receipts {
		s, err := seal.DecodeSigned(x.Signed)
		var h *exchange.HeldReceipt
		if ks := keys[party.Author(x.Holder)]; err == nil && ks != nil {
			h, err = exchange.OpenHeld(s, t.Suite, j.Origin.Realm, ks.Cosigning)
		} else if err == nil {
			err = errors.New("unknown holder")
		}
		if err == nil && (h.Author != j.Origin.Author || h.Channel != j.Origin.Channel) {
			err = &errs.Error{Kind: errs.Integrity, Code: "verify.held", Op: "verify", Reason: "a receipt of another journal"}
		}
		if err != nil {
			r.Say(err, "%s: the held receipt of %s is genuine", j.Origin.Author, x.Holder)
			continue
		}
		held[h.Holder] = held[h.Holder].Union(h.Ranges)
	}
	for a, ranges := range held {
		r.Say(nil, "%s signed for holding %d statements of %s", a, ranges.Count(), j.Origin.Author)
	}
	return nil
}
