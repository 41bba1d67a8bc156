package agreement

import (
	"cmp"
	"slices"
	"time"

	"entente/errs"
	"entente/label"
	"entente/party"
	"entente/wire"
)

// MaxPackage is the largest encoded package, in bytes.
const MaxPackage = MaxText + maxParties*(2*maxSigned+64) + 64

// maxSigned bounds an encoded root key and an encoded signature, each.
const maxSigned = 8 << 10

// Package is a text and what its parties signed under it. It is what `agreement sign` and `agreement load` pass around.
type Package struct {
	Text       []byte           `cbor:"1,keyasint"`           // the exact bytes of the agreement
	Signatures []PartySignature `cbor:"2,keyasint,omitempty"` // sorted by party, one each
}

// PartySignature is one party's signature over the text, by the root that the text names.
type PartySignature struct {
	Party party.Party `cbor:"1,keyasint"`
	Root  []byte      `cbor:"2,keyasint"` // encoded public root key; it must hash to the fingerprint in the text
	Sig   []byte      `cbor:"3,keyasint"` // encoded signature
}

// Verifier checks that rootKey has the fingerprint, and that sig is its signature over msg under context. It returns nil
// for yes and an error for everything else. The agreement holds no cryptography of its own.
type Verifier func(fingerprint party.Fingerprint, rootKey []byte, context string, msg []byte, sig []byte) error

// SigningContext is the context under which the parties sign; the message is the text itself. It names the realm, so that
// a signature made for an exercise is never one for anything else.
func (a *Agreement) SigningContext() string { return "entente/agreement/1/" + string(a.f.Realm) }

// Encode returns the one encoding of p.
func (p *Package) Encode() ([]byte, error) {
	if _, err := p.Agreement(); err != nil {
		return nil, err
	}
	return wire.Marshal(p)
}

// DecodePackage reads a package: the bytes, the text in it and the shape of the signature list. No signature is verified
// here. Codes wire.*, agreement.package, and those of [Parse].
func DecodePackage(b []byte) (*Package, error) {
	p := new(Package)
	if err := wire.Unmarshal(b, MaxPackage, p); err != nil {
		return nil, err
	}
	if _, err := p.Agreement(); err != nil {
		return nil, err
	}
	return p, nil
}

// Agreement parses the text and checks that every signature belongs to one of its parties, once and in order.
func (p *Package) Agreement() (*Agreement, error) {
	a, err := Parse(p.Text)
	if err != nil {
		return nil, err
	}
	for i, s := range p.Signatures {
		named := slices.ContainsFunc(a.f.Party, func(t partyTerm) bool { return t.ID == s.Party })
		if !named || i > 0 && p.Signatures[i-1].Party >= s.Party || len(s.Root) == 0 || len(s.Root) > maxSigned || len(s.Sig) == 0 || len(s.Sig) > maxSigned {
			return nil, &errs.Error{Kind: errs.Invalid, Code: "agreement.package", Op: "agreement.package", Subject: string(s.Party),
				Reason: "signatures are one for each party of the text, sorted by party, with a root key and a signature of at most 8 KiB"}
		}
	}
	return a, nil
}

// Add puts a signature in its place; an earlier one of the same party is replaced. Whether it verifies is for Status.
func (p *Package) Add(s PartySignature) {
	i, found := slices.BinarySearchFunc(p.Signatures, s.Party, func(x PartySignature, id party.Party) int { return cmp.Compare(x.Party, id) })
	if found {
		p.Signatures[i] = s
	} else {
		p.Signatures = slices.Insert(p.Signatures, i, s)
	}
}

// State is where an agreement stands. Only InForce lets anything new leave.
type State uint8

const (
	Unsigned    State = iota // a draft: nobody's signature verifies
	SignedByOne              // some, not all; between two parties: one
	Signed                   // by all, not in force: a term is unset, or the day has not come
	InForce                  //
	Ended                    // nothing new; every duty on what is held continues
)

var stateNames = [...]string{"unsigned", "signed-by-one", "signed", "in-force", "ended"}

// String returns the stable name of s.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return stateNames[Unsigned]
}

// Reason is one thing that keeps an agreement from being in force, or, when it is, what puts it in force.
type Reason struct {
	Code    errs.Code // agreement.unsigned, .signed-by-one, .signature, .unset, .not-in-force, .in-force, .ended
	Article string
	Text    label.Text
}

// Status is the state of an agreement at a time, with every reason for it.
type Status struct {
	State   State
	Signed  []party.Party // whose signature verifies, in the order of the text
	Missing []party.Party // whose does not
	Reasons []Reason
}

// Err returns nil for an agreement in force, and otherwise a refusal with the code of the state: agreement.unsigned,
// agreement.signed-by-one, agreement.not-in-force or agreement.ended. (agreement.unset stands among the reasons.)
func (s Status) Err() error {
	code := map[State]errs.Code{SignedByOne: "agreement.signed-by-one", Signed: "agreement.not-in-force", InForce: "", Ended: "agreement.ended"}
	c, ok := code[s.State]
	if !ok {
		c = "agreement.unsigned"
	}
	if c == "" {
		return nil
	}
	e := &errs.Error{Kind: errs.Refused, Code: c, Op: "agreement.status", Rule: "agreements 4", Next: "complete, sign or renew the agreement; until then nothing new leaves"}
	for _, r := range s.Reasons {
		if r.Code == c || e.Reason == "" {
			e.Reason, e.Article, e.Err = r.Text.EN, r.Article, &Said{Text: r.Text}
		}
	}
	return e
}

// Status says where the agreement stands at a time. Every signature is verified each time; nothing is remembered. A
// package whose text does not parse is unsigned.
func (p *Package) Status(now time.Time, v Verifier) Status { return p.Standing(v).At(now) }

// Standing is what was found of one package's bytes: who signed them, and which of their terms keep them out of force. It
// holds as long as those bytes do; where the agreement stands at a time is worked out from it and the time alone.
type Standing struct {
	a       *Agreement // nil: the text is not an agreement
	found   Status     // what no time changes; State is not set
	blocked bool       // a term is unset, or the text is not in order
}

// Standing parses the text and verifies every signature. Whoever asks often keeps what it returns beside the package,
// which must not change afterwards.
func (p *Package) Standing(v Verifier) *Standing {
	a, err := p.Agreement()
	if err != nil {
		return &Standing{found: Status{Reasons: []Reason{{Code: errs.CodeOf(err), Text: label.Text{EN: "The text is not an agreement.", JA: "協定として読み取れない文書である。"}}}}}
	}
	return p.standing(a, v)
}

func (p *Package) standing(a *Agreement, v Verifier) *Standing {
	st := &Standing{a: a}
	s := &st.found
	article := a.Cite(a.f.Entry.Article)
	because := func(code errs.Code, en, ja string) {
		s.Reasons = append(s.Reasons, Reason{code, article, label.Text{EN: en, JA: ja}})
	}
	for _, t := range a.f.Party {
		switch signed, err := p.verify(a, &t, v); {
		case err != nil:
			s.Missing = append(s.Missing, t.ID)
			because("agreement.signature", "The signature of "+t.NameEN+" does not verify: "+err.Error(), t.NameJA+"の署名を検証できない。")
		case !signed:
			s.Missing = append(s.Missing, t.ID)
			because("agreement.unsigned", t.NameEN+" has not signed.", t.NameJA+"の署名がない。")
		default:
			s.Signed = append(s.Signed, t.ID)
		}
	}
	for _, problem := range a.Check(nil) {
		if !problem.local {
			st.blocked = true
			s.Reasons = append(s.Reasons, Reason{problem.Code, problem.Article, problem.Text})
		}
	}
	return st
}

// state is where the agreement stands at a time, in milliseconds.
func (st *Standing) state(now int64) State {
	s := &st.found
	switch {
	case st.a == nil || len(s.Signed) == 0:
		return Unsigned
	case len(s.Missing) > 0:
		return SignedByOne
	case st.a.f.Entry.Until != 0 && int64(st.a.f.Entry.Until) <= now:
		return Ended
	case st.blocked || now < int64(st.a.f.Entry.From): // an unset day, end or evidence blocks
		return Signed
	}
	return InForce
}

// Err is that of [Standing.At], without the words where there is nothing to say.
func (st *Standing) Err(now time.Time) error {
	if st.state(now.UnixMilli()) == InForce {
		return nil
	}
	return st.At(now).Err()
}

// At says where the agreement stands at a time.
func (st *Standing) At(now time.Time) Status {
	s := st.found
	s.Reasons = slices.Clip(s.Reasons)
	if st.a == nil {
		return s
	}
	entry := &st.a.f.Entry
	article, from, until := st.a.Cite(entry.Article), int64(entry.From), int64(entry.Until)
	because := func(code errs.Code, en, ja string) {
		s.Reasons = append(s.Reasons, Reason{code, article, label.Text{EN: en, JA: ja}})
	}
	switch s.State = st.state(now.UnixMilli()); s.State {
	case SignedByOne:
		because("agreement.signed-by-one", "Not every party has signed; it binds nobody yet.", "全ての当事者が署名していないため、拘束力を生じない。")
	case Ended:
		because("agreement.ended", "It ended on "+stamp(until)+". Nothing new leaves; duties on what is held continue.",
			stamp(until)+"に終了した。新たな提供は行わない。保有する情報に関する義務は存続する。")
	case Signed:
		en, ja := "A term is unset or the text is not in order; see the other reasons.", "未設定の定め又は不備がある。他の理由を参照。"
		if !st.blocked {
			en, ja = "It enters into force on "+stamp(from)+".", stamp(from)+"に効力を生ずる。"
		}
		because("agreement.not-in-force", en, ja)
	case InForce:
		because("agreement.in-force", "In force until "+stamp(until)+" ("+entry.Evidence+").", stamp(until)+"まで有効("+entry.Evidence+")。")
	}
	return s
}

// verify reports whether a party signed; an error is a signature that is there and does not count.
func (p *Package) verify(a *Agreement, t *partyTerm, v Verifier) (bool, error) {
	i := slices.IndexFunc(p.Signatures, func(s PartySignature) bool { return s.Party == t.ID })
	if i < 0 {
		return false, nil
	}
	if !t.Root.set || v == nil {
		return false, &errs.Error{Kind: errs.Refused, Code: unset, Reason: "the text names no root for the party, so that nothing can be verified"}
	}
	s := &p.Signatures[i]
	err := v(t.Root.fp, s.Root, a.SigningContext(), p.Text, s.Sig)
	return err == nil, err
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04Z") }
