package evidence

import (
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/exchange"
	"entente/journal"
	"entente/party"
	"entente/seal"
	"entente/statement"
)

// Finding is one thing that was checked, in words a person can repeat.
type Finding struct {
	OK   bool   `json:"ok"`
	Text string `json:"text"`
	Code string `json:"code,omitempty"` // why not
}

// Report is what a verification says.
type Report struct {
	OK       bool      `json:"ok"`
	Lines    []Finding `json:"lines"`
	NotShown []string  `json:"not_shown"` // what this evidence does not prove
}

// Say adds a finding; err decides.
func (r *Report) Say(err error, format string, args ...any) bool {
	f := Finding{OK: err == nil, Text: fmt.Sprintf(format, args...)}
	if err != nil {
		f.Code = string(errs.CodeOf(err))
		f.Text += ": " + err.Error()
		r.OK = false
	}
	r.Lines = append(r.Lines, f)
	return err == nil
}

func bad(code errs.Code, reason string) error {
	return &errs.Error{Kind: errs.Integrity, Code: code, Op: "evidence.verify", Reason: reason}
}

// Terms are an agreement as far as verification needs it: who signed, which roots, which suite.
type Terms struct {
	Agreement *agreement.Agreement
	Suite     seal.Suite
	Roots     map[party.Party]party.Fingerprint
}

// ReadTerms decodes a package and checks that every party signed its text. verify checks one signature.
func (r *Report) ReadTerms(raw []byte, verify agreement.Verifier) *Terms {
	pkg, err := agreement.DecodePackage(raw)
	if !r.Say(err, "the agreement package is well formed") {
		return nil
	}
	a, err := pkg.Agreement()
	if !r.Say(err, "its text is an agreement") {
		return nil
	}
	t := &Terms{Agreement: a, Roots: map[party.Party]party.Fingerprint{}}
	if t.Suite, err = seal.ParseSuite(a.Suite()); !r.Say(err, "it names a cryptographic suite") {
		return nil
	}
	// The day of the check is no matter here: only whether all signed.
	st := pkg.Status(time.UnixMilli(0), verify)
	for _, p := range st.Signed {
		r.Say(nil, "%s signed %q (digest %.16s)", p, a.Title().EN, hexOf(a.Digest()))
	}
	for _, p := range st.Missing {
		r.Say(bad("evidence.unsigned", "no valid signature"), "%s signed %q", p, a.Title().EN)
	}
	if len(st.Missing) > 0 {
		return nil
	}
	for _, s := range a.Parties() {
		if s.RootSet {
			t.Roots[s.ID] = s.Root
			r.Say(nil, "the root that it names for %s is %s", s.ID, s.Root)
		}
	}
	return t
}

// ReadKeys checks that the root an agreement names introduced an author's keys.
func (r *Report) ReadKeys(t *Terms, k Keys) *seal.KeyStatement {
	ks, err := seal.OpenKeyStatement(k.Root, k.Statement)
	if err == nil && k.Root.Fingerprint() != t.Roots[ks.Author.Party()] {
		err = bad("evidence.root", "the agreement names another root for this party")
	}
	if err == nil && ks.Realm != t.Agreement.Realm() {
		err = bad("evidence.realm", "the keys are of another realm")
	}
	author := party.Author("an author")
	if ks != nil {
		author = ks.Author
	}
	if !r.Say(err, "the root that the agreement names introduced the keys of %s", author) {
		return nil
	}
	return ks
}

func hexOf[T ~[48]byte | ~[32]byte](d T) string {
	switch x := any(d).(type) {
	case [48]byte:
		return hex.EncodeToString(x[:])
	case [32]byte:
		return hex.EncodeToString(x[:])
	}
	return ""
}

// Verify checks the file. It reads no clock and fetches nothing; verify checks an agreement's signature.
func (f *File) Verify(verify agreement.Verifier) *Report {
	r := &Report{OK: true, NotShown: []string{
		"that the authors' clocks were right: times are their claims, bounded above by the cosignature",
		"that what a report says is true",
		"that an officer rather than the node acted, where the proof kind is node-attested",
		"any legal effect of the agreement",
		"that the roots named here are the parties' own: compare their fingerprints with those you know",
	}}
	t := r.ReadTerms(f.Agreement, verify)
	if t == nil {
		return r
	}
	if f.Realm != t.Agreement.Realm() {
		r.Say(bad("evidence.realm", "another realm than the agreement's"), "the evidence is of the agreement's realm")
	}
	keys := map[party.Author]*seal.KeyStatement{}
	var readers []party.Author
	for _, k := range f.Keys {
		ks := r.ReadKeys(t, k)
		if ks == nil {
			return r
		}
		readers = append(readers, ks.Author)
		keys[ks.Author] = ks
	}
	// Whoever exports chooses the keys, and every reader is a witness that is demanded: readers of one party, or one that the parties
	// did not name, would make a channel in which nobody but the exporter ever saw anything.
	err := checkReaders(t, readers)
	if !r.Say(err, "its %d readers are authors that the agreement names, of different parties", len(readers)) {
		return r
	}
	if statement.ChannelDigest(t.Agreement.Digest(), readers) != f.Channel {
		err = bad("evidence.channel", "another channel than agreement and readers make")
	}
	if !r.Say(err, "agreement and authors make the channel %.16s", hexOf(f.Channel)) {
		return r
	}
	for i := range f.Items {
		f.Items[i].verify(r, f, t, keys, readers)
	}
	return r
}

func checkReaders(t *Terms, readers []party.Author) error {
	for i, a := range readers {
		switch {
		case i > 0 && readers[i-1] >= a:
			return bad("evidence.keys", "keys are not one for each reader, in order of author")
		case !slices.Contains(t.Agreement.Named(), a):
			return bad("evidence.author", "the agreement does not name "+string(a)+" as an author")
		}
	}
	if len(readers) < 2 || readers[0].Party() == readers[len(readers)-1].Party() { // sorted: all of one party
		return bad("evidence.readers", "the readers are not of two parties")
	}
	return nil
}

func (it *Item) verify(r *Report, f *File, t *Terms, keys map[party.Author]*seal.KeyStatement, readers []party.Author) {
	origin, err := journal.ParseOrigin(it.Origin)
	if err == nil && (origin.Channel != f.Channel || origin.Realm != f.Realm || keys[origin.Author] == nil) {
		err = bad("evidence.origin", "a journal of another channel, realm or author")
	}
	if err != nil {
		r.Say(err, "a statement's journal belongs to the channel")
		return
	}
	author := keys[origin.Author]
	p, err := journal.ParseProof(it.Proof)
	if err != nil {
		r.Say(err, "the proof of a statement of %s is well formed", origin.Author)
		return
	}
	var witnesses []journal.Witness
	var readerList []party.Author
	for _, a := range readers {
		if a != origin.Author {
			witnesses = append(witnesses, journal.Witness{Name: journal.WitnessName(a), Key: keys[a].Cosigning})
			readerList = append(readerList, a)
		}
	}
	proven, err := p.Verify(journal.LeafHash(it.Leaf), origin, author.Signing, t.Suite, witnesses...)
	if !r.Say(err, "statement %d is in the journal of %s (epoch %d)", p.Index, origin.Author, origin.Epoch) {
		return
	}
	for i, a := range readerList {
		r.Say(nil, "%s cosigned that journal at %d statements, root %.16s, at %s by its own clock", a, proven.Checkpoint.Size, hexOf([32]byte(proven.Checkpoint.Root)),
			proven.Cosigned[i].UTC().Format("2006-01-02T15:04:05Z"))
	}
	if len(it.Held) == 0 {
		r.Say(nil, "nobody has signed for holding statement %d of %s yet", p.Index, origin.Author)
	}
	for _, s := range it.Held {
		r.Say(heldCovers(s, t, f, keys, origin, uint64(p.Index)), "its reader signed that it holds statement %d of %s, opened and matching", p.Index, origin.Author)
	}
	leaf, err := statement.DecodeLeaf(it.Leaf)
	if err != nil {
		r.Say(err, "the leaf of statement %d of %s is well formed", p.Index, origin.Author)
		return
	}
	if it.Act != nil {
		act, err := statement.OpenAct(&leaf, statement.Body{Salt: it.Act.Salt, Bytes: it.Act.Bytes})
		if err == nil && (act.Author != origin.Author || act.Channel != f.Channel || act.Epoch != origin.Epoch) {
			err = bad("evidence.act", "the act names another journal")
		}
		if err == nil && act.Rules.Terms != t.Agreement.Digest() {
			err = bad("evidence.terms", "the act is made under other terms than this agreement")
		}
		what := "an act"
		if act != nil {
			what = fmt.Sprintf("%s by %s as %s", act.Type, act.By.Authority, act.By.Role)
		}
		r.Say(err, "what was said is %s: it opens the commitment", what)
	}
	if it.Content != nil {
		_, err := statement.OpenContent(&leaf, statement.Body{Salt: it.Content.Salt, Bytes: it.Content.Bytes})
		r.Say(err, "the content shown opens the commitment")
	}
}

func heldCovers(s seal.Signed, t *Terms, f *File, keys map[party.Author]*seal.KeyStatement, origin journal.Origin, index uint64) error {
	h, err := exchange.DecodeHeld(s.Payload)
	if err != nil {
		return err
	}
	holder := keys[h.Holder]
	if holder == nil {
		return bad("evidence.held", "signed by nobody of this channel")
	}
	if _, err := exchange.OpenHeld(s, t.Suite, f.Realm, holder.Cosigning); err != nil {
		return err
	}
	if h.Channel != f.Channel || h.Author != origin.Author || h.Epoch != origin.Epoch || !h.Ranges.Contains(index) {
		return bad("evidence.held", "the receipt is of something else")
	}
	return nil
}
