package office

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/exchange"
	"entente/internal/api"
	"entente/internal/channel"
	"entente/internal/identity"
	"entente/internal/link"
	"entente/internal/store"
	"entente/label"
	"entente/party"
	"entente/seal"
	"entente/statement"
	"entente/wire"
)

// AgreementList lists agreements.
type AgreementList struct {
	Agreements []AgreementView `json:"agreements"`
}

// asCustodian runs fn for a key custodian outside a transaction of ours: package link has its own units of work.
func (o *Office) asCustodian(ctx context.Context, alias, event string) (by statement.By, err error) {
	err = o.act(ctx, func(tx *store.Tx) (error, error) {
		return o.asRole(tx, nil, alias, party.RoleKeyCustodian, event, func(_ *party.Person, b statement.By) (error, error) {
			by = b
			return nil, nil
		})
	})
	return by, err
}

// noteRefusal records, in administration, an act of by that was refused outside a transaction of ours, and returns why. Only what
// the input or a rule caused is noted; a failure of this node is not a refusal.
func (o *Office) noteRefusal(ctx context.Context, by statement.By, event, subject string, why error) error {
	if k := errs.KindOf(why); refusing(k) || k == errs.Integrity {
		return o.act(ctx, func(tx *store.Tx) (error, error) { return o.deny(tx, nil, by, event, subject, why) })
	}
	return why
}

// PairCard returns this node's card. Nothing on it is secret.
func (o *Office) PairCard(context.Context, string, *Empty) (*Blob, error) {
	return &Blob{Bytes: o.cfg.Carrier.Card(o.cfg.Address()).Encode()}, nil
}

// PairAdd reads a partner's card and returns the words both sides read aloud.
func (o *Office) PairAdd(ctx context.Context, as string, req *PairReq) (*PairView, error) {
	by, err := o.asCustodian(ctx, as, "pair")
	if err != nil {
		return nil, err
	}
	p, words, err := o.cfg.Carrier.Add(ctx, by, req.Card, req.Address)
	if err != nil {
		return nil, o.noteRefusal(ctx, by, "pair", "card", err)
	}
	return &PairView{Author: string(p.Card.Author), Fingerprint: p.Fingerprint().String(), Words: words, Confirmed: p.Confirmed}, nil
}

// PairConfirm confirms a partner.
func (o *Office) PairConfirm(ctx context.Context, as string, req *PairConfirmReq) (*PairView, error) {
	by, err := o.asCustodian(ctx, as, "pair")
	if err != nil {
		return nil, err
	}
	author, err := party.ParseAuthor(req.Author)
	if err != nil {
		return nil, o.noteRefusal(ctx, by, "pair", "confirm", err)
	}
	p, err := o.cfg.Carrier.Confirm(ctx, by, author, req.Words)
	if errs.HasCode(err, "link.words") {
		return nil, err // noted where it was found, with the partner's state
	} else if err != nil {
		return nil, o.noteRefusal(ctx, by, "pair", "confirm", err)
	}
	return &PairView{Author: req.Author, Fingerprint: p.Fingerprint().String(), Confirmed: true}, nil
}

// ListAgreements lists what the node holds.
func (o *Office) ListAgreements(context.Context, string, *Empty) (*AgreementList, error) {
	out := &AgreementList{Agreements: []AgreementView{}}
	for _, c := range o.cfg.Book.All() {
		v := viewAgreement(c.Package, c.Agreement, o.cfg.Set, o.cfg.Clock(), o.cfg.Verify)
		v.Channel = hex48(c.Digest)
		out.Agreements = append(out.Agreements, *v)
	}
	return out, nil
}

func viewAgreement(p *agreement.Package, a *agreement.Agreement, set *label.Set, at time.Time, verify agreement.Verifier) *AgreementView {
	st := p.Status(at, verify)
	v := &AgreementView{ID: a.ID(), Title: a.Title().EN, TitleJA: a.Title().JA, Digest: hex48(a.Digest()), Realm: string(a.Realm()), Suite: a.Suite(),
		State: st.State.String(), SignedBy: []string{}, Text: string(a.Text())}
	for _, r := range st.Reasons {
		v.Reasons, v.ReasonsJA = append(v.Reasons, r.Text.EN), append(v.ReasonsJA, r.Text.JA)
	}
	for _, s := range st.Signed {
		v.SignedBy = append(v.SignedBy, string(s))
	}
	for _, pr := range a.Check(set) {
		v.Problems = append(v.Problems, Problem{Line: pr.Line, Code: string(pr.Code), Detail: about(pr.Term, pr.Text.EN), DetailJA: about(pr.Term, pr.Text.JA)})
	}
	return v
}

// about puts the term before what is said of it, once.
func about(term, text string) string {
	if strings.HasPrefix(text, term) {
		return text
	}
	return term + ": " + text
}

// VerifyRoot checks an agreement's signature: the key must be the root the text names, and must have signed the text.
func VerifyRoot(fingerprint party.Fingerprint, rootKey []byte, context string, msg, sig []byte) error {
	root, err := seal.DecodePublicKey(rootKey)
	if err != nil {
		return err
	}
	if root.Fingerprint() != fingerprint {
		return &errs.Error{Kind: errs.Integrity, Code: "agreement.root", Op: "agreement.verify", Reason: "signed by another root than the text names"}
	}
	var s seal.Signature
	if err := wire.Unmarshal(sig, maxRootSignature, &s); err != nil {
		return err
	}
	return root.Verify(context, msg, s)
}

// readPackage takes a bare text for a package nobody signed.
func readPackage(raw []byte) (*agreement.Package, *agreement.Agreement, error) {
	if a, err := agreement.Parse(raw); err == nil {
		return &agreement.Package{Text: raw}, a, nil
	} else if len(raw) > 0 && (raw[0] >= 0xa0 && raw[0] <= 0xbf) { // a CBOR map: no text begins like this
		p, perr := agreement.DecodePackage(raw)
		if perr != nil {
			return nil, nil, perr
		}
		a, err := p.Agreement()
		return p, a, err
	} else {
		return nil, nil, err
	}
}

// InspectAgreement reads a text or package without a node: what it says, what is unset, who signed, and where it stands at a time.
func InspectAgreement(raw []byte, at time.Time) (*AgreementView, error) {
	p, a, err := readPackage(raw)
	if err != nil {
		return nil, err
	}
	set, err := label.ExercisePolicies()
	if err != nil {
		return nil, err
	}
	return viewAgreement(p, a, set, at, VerifyRoot), nil
}

// SignAgreement adds the signature of the root in keyFile to a text or package. It runs where the root key is: at the custodian's
// machine, not in the node.
func SignAgreement(raw, keyFile, passphrase []byte) ([]byte, error) {
	p, a, err := readPackage(raw)
	if err != nil {
		return nil, err
	}
	root, err := UnlockRoot(keyFile, passphrase, a.Realm())
	if err != nil {
		return nil, err
	}
	for _, side := range a.Parties() {
		if !side.RootSet || side.Root != root.Public().Fingerprint() {
			continue
		}
		sig, err := root.Sign(a.SigningContext(), p.Text)
		if err != nil {
			return nil, err
		}
		p.Add(agreement.PartySignature{Party: side.ID, Root: root.Public().Encode(), Sig: wire.MustMarshal(&sig)})
		return p.Encode()
	}
	return nil, refused("agreement.root", "agreement.sign", a.ID(), "agreements 4", "", "the text names no root like this key's",
		"pair first, then let entente agreement prepare write both fingerprints into the text")
}

// maxRootSignature caps an encoded dual signature, in bytes.
const maxRootSignature = 8 << 10

// RootKind is the kind of a root key file.
const RootKind = "root"

// UnlockRoot opens a root key file.
func UnlockRoot(keyFile, passphrase []byte, realm party.Realm) (*seal.SigningKey, error) {
	secret, err := seal.UnlockKeyFile(passphrase, keyFile, realm, RootKind)
	if err != nil {
		return nil, err
	}
	if len(secret) != 64 {
		return nil, &errs.Error{Kind: errs.Integrity, Code: "agreement.rootkey", Op: "agreement.sign", Reason: "the key file holds no root"}
	}
	return seal.NewSigningKey([64]byte(secret)), nil
}

// PrepareAgreement fills the roots of both parties, known from pairing, into a text.
func (o *Office) PrepareAgreement(ctx context.Context, as string, req *Blob) (*Blob, error) {
	by, err := o.asCustodian(ctx, as, "agreement")
	if err != nil {
		return nil, err
	}
	a, err := agreement.Parse(req.Bytes)
	if err != nil {
		return nil, o.noteRefusal(ctx, by, "agreement", "prepare", err)
	}
	roots := map[party.Party]party.Fingerprint{}
	known := map[party.Party]party.Fingerprint{o.cfg.Author.Party(): o.cfg.Carrier.Card("").Root.Fingerprint()}
	err = o.cfg.Store.View(ctx, func(tx *store.Tx) error {
		partners, err := link.Partners(tx)
		for _, p := range partners {
			if p.Confirmed {
				known[p.Card.Author.Party()] = p.Fingerprint()
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, side := range a.Parties() {
		if f, ok := known[side.ID]; ok && !side.RootSet {
			roots[side.ID] = f
		}
	}
	text, err := a.WithRoots(roots)
	if err != nil {
		return nil, o.noteRefusal(ctx, by, "agreement", "prepare", err)
	}
	return &Blob{Bytes: text}, nil
}

// NoteSigned records that this party's root signed a package.
func (o *Office) NoteSigned(ctx context.Context, as string, req *Blob) (*AgreementView, error) {
	var out *AgreementView
	err := o.act(ctx, func(tx *store.Tx) (error, error) {
		return o.asRole(tx, nil, as, party.RoleKeyCustodian, "agreement", func(_ *party.Person, by statement.By) (error, error) {
			p, a, err := readPackage(req.Bytes)
			if err != nil {
				return o.deny(tx, nil, by, "agreement", "sign", err)
			}
			out = viewAgreement(p, a, o.cfg.Set, tx.Now(), o.cfg.Verify)
			signed := false
			for _, s := range out.SignedBy {
				signed = signed || s == string(o.cfg.Author.Party())
			}
			if !signed {
				return o.deny(tx, nil, by, "agreement", "sign", refused("agreement.unsigned", "office.signed", a.ID(), "agreements 4", "", "the package does not carry this party's signature", "sign it with this party's root key"))
			}
			digest := sha512.Sum384(req.Bytes)
			return nil, o.note(tx, nil, by, "agreement", "sign", statement.OutcomeDone, nil, digest[:])
		})
	})
	return out, err
}

// LoadAgreement takes a package that every party signed and opens its channel, once the partner it names is paired and the
// agreement is in force.
func (o *Office) LoadAgreement(ctx context.Context, as string, req *Blob) (*AgreementView, error) {
	var opened *channel.Channel
	err := o.act(ctx, func(tx *store.Tx) (error, error) {
		return o.asRole(tx, nil, as, party.RoleKeyCustodian, "agreement", func(_ *party.Person, by statement.By) (error, error) {
			if a, err := agreement.Parse(req.Bytes); err == nil {
				return o.deny(tx, nil, by, "agreement", "load", refused("agreement.unsigned", "office.load", a.ID(), "agreements 4", "", "this is a text that nobody has signed",
					"let both parties sign it: entente agreement sign"))
			}
			c, err := o.cfg.Book.Check(req.Bytes, tx.Now())
			if err == nil {
				err = c.Package.Status(tx.Now(), o.cfg.Verify).Err()
			}
			if err == nil {
				err = o.paired(tx, c)
			}
			if err != nil {
				return o.deny(tx, nil, by, "agreement", "load", err)
			}
			if opened, err = o.cfg.Book.Add(tx, req.Bytes); err != nil {
				return nil, err
			}
			if err := o.publishDelegations(tx, opened); err != nil {
				return nil, err
			}
			digest := opened.Agreement.Digest()
			return nil, o.note(tx, nil, by, "agreement", "load", statement.OutcomeDone, nil, digest[:])
		})
	})
	if err != nil {
		return nil, err
	}
	// Dying here is harmless: the channel is in the store and Open finds it.
	o.cfg.Book.Publish(opened)
	if err := o.cfg.Carrier.Reload(ctx); err != nil {
		return nil, err
	}
	o.cfg.Carrier.Wake()
	v := viewAgreement(opened.Package, opened.Agreement, o.cfg.Set, o.cfg.Clock(), o.cfg.Verify)
	v.Channel = hex48(opened.Digest)
	return v, nil
}

// paired refuses an agreement whose partner is not a confirmed pairing under the root it names.
func (o *Office) paired(tx *store.Tx, c *channel.Channel) error {
	partners, err := link.Partners(tx)
	if err != nil {
		return err
	}
	for _, p := range partners {
		if !p.Confirmed || p.Card.Author != c.Peer {
			continue
		}
		for _, side := range c.Agreement.Parties() {
			if side.ID != c.Partner() || side.Root != p.Fingerprint() {
				continue
			}
			own := o.cfg.Carrier.Card("")
			for _, card := range []*link.Card{&p.Card, own} {
				ks, err := seal.OpenKeyStatement(card.Root, card.Keys)
				if err != nil {
					return err
				}
				if ks.Suite != c.Suite {
					return refused("link.suite", "office.load", string(card.Author), "agreements 27", o.cite(c, "agreements 27"), "its node has keys of suite "+string(ks.Suite)+", the agreement names "+string(c.Suite),
						"make a node with keys of that suite: entente init --suite")
				}
			}
			return nil
		}
	}
	return refused("link.unpaired", "office.load", string(c.Peer), "agreements 3", "", "the partner that the agreement names is not paired under that root",
		"pair first: entente pair add, entente pair confirm")
}

// PackBundle seals what the partner has not confirmed into bytes to be carried. Carrying is a means of transmission of its own: the
// agreement must list it, and so must the delegation behind every release in the bundle. The bundle is noted before it is handed out.
func (o *Office) PackBundle(ctx context.Context, as string, req *BundleReq) (*BundleView, error) {
	if err := o.Anchor(ctx); err != nil {
		return nil, err
	}
	if _, _, err := o.DispatchDue(ctx); err != nil {
		return nil, err
	}
	c, err := o.cfg.Carrier.Channel(req.Channel)
	if err != nil {
		return nil, err
	}
	var released []*statement.Act
	raw, n, receipts, err := o.cfg.Carrier.PackShown(ctx, hex48(c.Digest), func(b *exchange.Bundle) { released = dispatchesIn(b) })
	if err != nil {
		return nil, err
	}
	digest := sha512.Sum384(raw)
	err = o.act(ctx, func(tx *store.Tx) (error, error) {
		by := o.cfg.Book.NodeBy()
		if as != "" {
			p, err := o.named(tx, as)
			if err != nil {
				return o.deny(tx, c, by, "pack", "", err)
			}
			if len(p.Roles) > 0 {
				by = o.by(c, p, p.Roles[0], "")
			}
		}
		why, failure := o.mayCarry(tx, c, released)
		if failure != nil {
			return nil, failure
		}
		if why != nil {
			return o.deny(tx, c, by, "pack", "", why)
		}
		return nil, o.note(tx, c, by, "pack", fmt.Sprintf("%d statements", n), statement.OutcomeDone, nil, digest[:])
	})
	if err != nil {
		return nil, err
	}
	return &BundleView{From: string(o.cfg.Author), Statements: n, Receipts: receipts, Answer: raw}, nil
}

// dispatchesIn returns the acts of the dispatches whose content a bundle brings.
func dispatchesIn(b *exchange.Bundle) (out []*statement.Act) {
	add := func(act, content *exchange.Slot) {
		if act == nil || content == nil || content.State != exchange.Present {
			return
		}
		if a, err := statement.DecodeAct(act.Bytes); err == nil && a.Type == statement.Dispatch {
			out = append(out, a)
		}
	}
	for i := range b.Journals {
		p := &b.Journals[i]
		for k := range p.Leaves {
			add(&p.Acts[k], &p.Contents[k])
		}
		for k := range p.Bodies {
			add(p.Bodies[k].Act, p.Bodies[k].Content)
		}
	}
	return out
}

// mayCarry says why releases may not be carried as a file, or nil.
func (o *Office) mayCarry(tx *store.Tx, c *channel.Channel, released []*statement.Act) (why, failure error) {
	if !slices.Contains(c.Agreement.Means(), party.MeansCourier) {
		return refused("agreement.means", "office.pack", string(party.MeansCourier), "agreements 26", o.cite(c, "agreements 26"), "the agreement does not list carrying as a means of transmission",
			"exchange over the network: entente sync"), nil
	}
	all, err := o.delegations(tx)
	if err != nil {
		return nil, err
	}
	for _, a := range released {
		if !slices.ContainsFunc(all, func(d identity.Delegation) bool {
			return d.Body.ID == a.By.Delegation && d.Body.AllowsMeans(party.MeansCourier)
		}) {
			return refused("agreement.delegation.means", "office.pack", hex.EncodeToString(a.ID[:]), "delegation means", "", "the delegation under which it was released does not allow it to be carried",
				"exchange over the network: entente sync"), nil
		}
	}
	return nil, nil
}

// OpenBundle takes in a bundle that was carried.
func (o *Office) OpenBundle(ctx context.Context, _ string, req *BundleReq) (*BundleView, error) {
	t, answer, err := o.cfg.Carrier.Open(ctx, req.Bytes, req.DryRun)
	if err != nil {
		return nil, err
	}
	out := &BundleView{From: t.From, Statements: t.Statements, New: t.New, Receipts: t.Receipts, ReceiptOnly: !t.AnswerDue, Duplicate: t.Duplicate,
		Applied: !req.DryRun, Findings: t.Findings, Answer: answer}
	if err := t.Refusal(); err != nil && t.New == 0 {
		f := api.FailureOf(err)
		out.Problem = &f
	}
	return out, nil
}

// Sync dispatches what is due and exchanges with partners until nothing is left to say.
func (o *Office) Sync(ctx context.Context, _ string, _ *Empty) (*SyncView, error) {
	if err := o.Anchor(ctx); err != nil {
		return nil, err
	}
	if _, _, err := o.DispatchDue(ctx); err != nil {
		return nil, err
	}
	s, err := o.cfg.Carrier.Sync(ctx)
	out := &SyncView{Rounds: s.Rounds, Sent: s.Sent, Received: s.Received}
	if err != nil {
		f := api.FailureOf(err)
		out.Error, out.Problem = err.Error(), &f
	}
	return out, nil
}
