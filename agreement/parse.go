package agreement

import (
	"crypto/sha512"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"entente/label"
	"entente/party"

	"github.com/pelletier/go-toml/v2"
)

// file is the text as TOML. A zero value is a term that is absent or unset; the two mean the same: refuse.
type file struct {
	Format  string      `toml:"format"`
	ID      string      `toml:"id"`
	Realm   party.Realm `toml:"realm"`
	Version uint64      `toml:"version"`
	Suite   string      `toml:"suite"`
	Title   label.Text  `toml:"title"`
	Entry   struct {
		From     moment `toml:"in_force_from"`
		Until    moment `toml:"until"`
		Evidence string `toml:"evidence"`
		Article  int    `toml:"article"`
	} `toml:"entry"`
	Party   []partyTerm   `toml:"party"`
	Author  []authorTerm  `toml:"author"`
	Article []articleTerm `toml:"article"`
	Scope   struct {
		Purposes []string `toml:"purposes"`
		Article  int      `toml:"article"`
	} `toml:"scope"`
	Ceiling    []ceilingTerm `toml:"ceiling"`
	Row        []rowTerm     `toml:"row"`
	Caveat     []caveatTerm  `toml:"caveat"`
	Release    bare          `toml:"release"`
	Delegation bare          `toml:"delegation"`
	Duties     bare          `toml:"duties"`
	ThirdParty ruled         `toml:"third_party"`
	Marking    bare          `toml:"marking"`
	Access     bare          `toml:"access"`

	Transmission struct {
		Means   []party.Means `toml:"means"`
		Article int           `toml:"article"`
	} `toml:"transmission"`
	Receipt struct {
		AckHours      uint64 `toml:"ack_hours"`
		RegistryHours uint64 `toml:"registry_hours"`
		Article       int    `toml:"article"`
	} `toml:"receipt"`
	Destruction ruled           `toml:"destruction"`
	Statement   []statementTerm `toml:"statement"`
	Limits      struct {
		Leaf        uint64 `toml:"leaf"`
		Body        uint64 `toml:"body"`
		Answers     uint64 `toml:"answers"`
		Thread      uint64 `toml:"thread"`
		PerDay      uint64 `toml:"per_day"`
		UnheldBytes uint64 `toml:"unheld_bytes"`
		Article     int    `toml:"article"`
	} `toml:"limits"`
}

type (
	bare struct {
		Article int `toml:"article"`
	}
	ruled struct {
		Rule    string `toml:"rule"`
		Article int    `toml:"article"`
	}
	partyTerm struct {
		ID     party.Party `toml:"id"`
		NameEN string      `toml:"name_en"`
		NameJA string      `toml:"name_ja"`
		Policy string      `toml:"policy"`
		Root   root        `toml:"root"`
	}
	authorTerm struct {
		ID      party.Author `toml:"id"`
		From    moment       `toml:"from"`
		Until   moment       `toml:"until"`
		Note    string       `toml:"note"`
		Article int          `toml:"article"`
	}
	articleTerm struct {
		N         int         `toml:"n"`
		TitleEN   string      `toml:"title_en"`
		TitleJA   string      `toml:"title_ja"`
		SummaryEN string      `toml:"summary_en"`
		SummaryJA string      `toml:"summary_ja"`
		Source    string      `toml:"source"`
		Grade     label.Grade `toml:"grade"`
	}
	ceilingTerm struct {
		From    party.Party   `toml:"from"`
		To      party.Party   `toml:"to"`
		Level   label.LevelID `toml:"level"`
		Article int           `toml:"article"`
	}
	rowTerm struct {
		From    party.Party   `toml:"from"`
		To      party.Party   `toml:"to"`
		Level   label.LevelID `toml:"level"`
		Targets []string      `toml:"targets"`
		Default string        `toml:"default"`
		Decider party.Role    `toml:"decider"`
		Article int           `toml:"article"`
	}
	caveatTerm struct {
		Designation string `toml:"designation"`
		Action      string `toml:"action"`
		Article     int    `toml:"article"`
		TextEN      string `toml:"text_en"`
		TextJA      string `toml:"text_ja"`
	}
	statementTerm struct {
		Type    string `toml:"type"`
		Proof   string `toml:"proof"`
		Article int    `toml:"article"`
	}
)

func (t *articleTerm) article() Article {
	return Article{t.N, label.Text{EN: t.TitleEN, JA: t.TitleJA}, label.Text{EN: t.SummaryEN, JA: t.SummaryJA}, t.Source, t.Grade}
}

func (w *authorTerm) covers(ms int64) bool {
	return w.From != 0 && int64(w.From) <= ms && ms < int64(w.Until)
}

// moment is a time in Unix milliseconds UTC, written as RFC 3339 in UTC with whole seconds; 0 is unset.
type moment int64

// UnmarshalText reads the one spelling of a moment.
func (m *moment) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	t, err := time.Parse("2006-01-02T15:04:05Z", string(b))
	if err != nil || t.UnixMilli() <= 0 || t.Format("2006-01-02T15:04:05Z") != string(b) {
		return errors.New("a time is written 2026-01-01T00:00:00Z")
	}
	*m = moment(t.UnixMilli())
	return nil
}

// root is a root fingerprint, or unset.
type root struct {
	fp  party.Fingerprint
	set bool
}

// UnmarshalText reads 96 hexadecimal digits, or nothing.
func (r *root) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		return nil
	}
	r.fp, err = party.ParseFingerprint(string(b))
	if err == nil && r.fp == (party.Fingerprint{}) {
		return errors.New("a fingerprint of zeros is no root")
	}
	r.set = true
	return err
}

// Parse reads a text. Errors are Invalid, name line and column, and have one of the codes agreement.size, agreement.text
// (a character that must not stand there), agreement.syntax, agreement.key (unknown term), agreement.value. What Parse
// accepts is well formed; whether it is complete and consistent is for [Agreement.Check] to say.
func Parse(text []byte) (*Agreement, error) {
	if len(text) > MaxText {
		return nil, parseError("agreement.size", 1, 1, "larger than 256 KiB")
	}
	a := &Agreement{text: slices.Clone(text), digest: sha512.Sum384(text)}
	var err error
	if a.marks, err = scan(string(text)); err != nil {
		return nil, err
	}
	dec := toml.NewDecoder(strings.NewReader(string(text))).DisallowUnknownFields()
	if err := dec.Decode(&a.f); err != nil {
		return nil, decodeError(err)
	}
	if err := a.values(); err != nil {
		return nil, err
	}
	return a, nil
}

func decodeError(err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) && len(unknown.Errors) > 0 {
		line, col := unknown.Errors[0].Position()
		return parseError("agreement.key", line, col, "no such term: "+strings.Join(unknown.Errors[0].Key(), "."))
	}
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		line, col := bad.Position()
		return parseError("agreement.syntax", line, col, strings.TrimPrefix(bad.Error(), "toml: "))
	}
	return parseError("agreement.syntax", 1, 1, err.Error())
}

var (
	wordForm      = regexp.MustCompile(`^[a-z0-9]+(?:-[a-z0-9]+)*$`)
	oidForm       = regexp.MustCompile(`^[0-2](?:\.(?:0|[1-9][0-9]*))+$`)
	levelForm     = regexp.MustCompile(`^[a-z]{3,4}\.[a-z0-9-]{1,32}$`)
	targetForm    = regexp.MustCompile(`^[a-z]{3,4}\.[a-z0-9-]{1,32}(?:\+[a-z]{3,4}\.[a-z0-9-]{1,32})*$`)
	statementForm = regexp.MustCompile(`^[a-z]+(?:[.-][a-z]+)+/[1-9][0-9]{0,3}$`)
)

func matches(re *regexp.Regexp) func(string) bool {
	return func(s string) bool { return s == "" || len(s) <= 256 && re.MatchString(s) }
}

func oneOf(list ...string) func(string) bool {
	return func(s string) bool { return s == "" || slices.Contains(list, s) }
}

// values holds every term with a closed form to that form, and lists to their caps. An empty value is unset, not wrong;
// only format, id and realm must be there, because without them a text says nothing about what it is.
func (a *Agreement) values() error {
	f, v := &a.f, &validator{a: a}
	v.must("format", f.Format == Format, `format = "`+Format+`"`)
	v.must("id", len(f.ID) <= 64 && wordForm.MatchString(f.ID), "an id is lower-case words joined by hyphens")
	v.must("realm", f.Realm.Valid(), `a realm is "live" or "exercise:<name>"`)
	v.is("suite", f.Suite, oneOf("hybrid", "cnsa"))
	isParty := func(s string) bool { return s == "" || party.Party(s).Valid() }
	word, level := matches(wordForm), matches(levelForm)
	for i, p := range f.Party {
		v.is(at("party", i, "id"), string(p.ID), isParty)
		v.is(at("party", i, "policy"), p.Policy, matches(oidForm))
	}
	for i, w := range f.Author {
		v.is(at("author", i, "id"), string(w.ID), func(s string) bool { return s == "" || party.Author(s).Valid() })
	}
	for i, t := range f.Article {
		v.is(at("article", i, "grade"), string(t.Grade), oneOf(string(label.Treaty), string(label.Official), string(label.News),
			string(label.Exercise), string(label.Unverified), string(label.NotFound)))
	}
	for _, p := range f.Scope.Purposes {
		v.must("scope.purposes", p != "" && word(p), "a purpose is lower-case words joined by hyphens")
	}
	for i, c := range f.Ceiling {
		v.is(at("ceiling", i, "from"), string(c.From), isParty)
		v.is(at("ceiling", i, "to"), string(c.To), isParty)
		v.is(at("ceiling", i, "level"), string(c.Level), level)
	}
	for i, r := range f.Row {
		v.is(at("row", i, "from"), string(r.From), isParty)
		v.is(at("row", i, "to"), string(r.To), isParty)
		v.is(at("row", i, "level"), string(r.Level), level)
		for _, t := range append(slices.Clone(r.Targets), r.Default) {
			v.is(at("row", i, "targets"), t, matches(targetForm))
		}
		v.must(at("row", i, "targets"), !slices.Contains(r.Targets, "") && len(r.Targets) <= maxTargets, "a target is a level, or a level+designation; at most 8")
		v.must(at("row", i, "decider"), r.Decider == "" || r.Decider.Valid(), "a decider is a role")
	}
	for i, c := range f.Caveat {
		v.is(at("caveat", i, "designation"), c.Designation, level)
		v.is(at("caveat", i, "action"), c.Action, oneOf(actionRefuse, actionCarry))
	}
	v.is("third_party.rule", f.ThirdParty.Rule, oneOf("never", "originator-consent"))
	for _, m := range f.Transmission.Means {
		v.must("transmission.means", m == party.MeansNetwork || m == party.MeansCourier, "a means is network or courier")
	}
	v.is("destruction.rule", f.Destruction.Rule, oneOf("national", "notify", "consent"))
	for i, s := range f.Statement {
		v.is(at("statement", i, "type"), s.Type, matches(statementForm))
		v.is(at("statement", i, "proof"), s.Proof, oneOf(proofNode, proofPasskey, proofDevice))
	}
	for _, t := range []struct {
		table  string
		n, cap int
	}{{"party", len(f.Party), maxParties}, {"author", len(f.Author), 256}, {"article", len(f.Article), 256}, {"ceiling", len(f.Ceiling), 256},
		{"row", len(f.Row), 512}, {"caveat", len(f.Caveat), 256}, {"statement", len(f.Statement), 128}} {
		if t.n > t.cap {
			return parseError("agreement.size", a.marks[fmt.Sprintf("%s[%d]", t.table, t.cap)].line, 1, "more "+t.table+" tables than an agreement may have")
		}
	}
	return v.err
}

const (
	maxParties = 16
	maxTargets = 8

	actionRefuse = "refuse"
	actionCarry  = "carry"
)

func at(table string, i int, key string) string { return fmt.Sprintf("%s[%d].%s", table, i, key) }

// validator keeps the first failure.
type validator struct {
	a   *Agreement
	err error
}

func (v *validator) is(path, value string, valid func(string) bool) {
	v.must(path, valid(value), "not a value that "+path[strings.LastIndexByte(path, '.')+1:]+" may have")
}

func (v *validator) must(path string, ok bool, reason string) {
	if !ok && v.err == nil {
		m := v.a.marks[path]
		v.err = parseError("agreement.value", max(m.line, 1), max(m.col, 1), reason)
	}
}
