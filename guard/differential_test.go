package guard_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/examples/exercise"
	"entente/guard"
	"entente/label"
	"entente/party"
	"entente/release"

	"pgregory.net/rapid"
)

// The first checker (label, agreement, release) and the second (guard) read the same agreement and policies and share no
// code. Here they are held against each other: what the first builds from the exercise reports the second clears; what
// is changed on the way is refused by the second whatever the first says; and on labels they agree.

var (
	at    = time.Date(2026, 11, 24, 15, 3, 0, 0, time.UTC)
	nodes = map[party.Party]party.Author{"NZL": "NZL/nzdf/node-1", "JPN": "JPN/jmod/node-1"}
)

type both struct {
	set    *label.Set
	terms  *agreement.Compiled
	tables *guard.Tables
}

func newBoth(t testing.TB) *both {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	set, err := label.ExercisePolicies()
	must(err)
	draft, err := agreement.Parse(exercise.Agreement())
	must(err)
	text, err := draft.WithRoots(map[party.Party]party.Fingerprint{"NZL": {1}, "JPN": {2}})
	must(err)
	a, err := agreement.Parse(text)
	must(err)
	c, err := a.Compile(set)
	must(err)
	tables, err := guard.Load(text, policyFiles(t)...)
	must(err)
	return &both{set, c.AsIfSigned(), tables}
}

// built is one exercise report as the first checker builds it, with the terms of its dispatch.
type built struct {
	name     string
	from, to party.Party
	v        *release.Version
	terms    *release.DispatchTerms
}

func (b *both) build(t testing.TB) (out []built) {
	t.Helper()
	for i, e := range exercise.Reports() {
		from, to := party.Party(e.From), party.Party("JPN")
		if from == "JPN" {
			to = "NZL"
		}
		policy, _ := b.set.Owned(from)
		r, findings := release.ParseReport(e.Report, release.Reading{Set: b.set, Policy: policy.OID(), Originator: from, Realm: "exercise:whio"})
		sh, err := release.ParseSheet(e.Sheet)
		if err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		plan := release.Prepare(release.Preparation{Terms: b.terms, Report: r, Sheet: sh, Findings: findings, Question: agreement.Question{From: from, To: to,
			Author: nodes[from], Reader: nodes[to], Means: party.MeansNetwork, At: at, Draft: true, Drafter: party.Handle{1}}})
		v, _, err := release.Build(plan, release.Meta{Terms: b.terms, Authority: nodes[from].Authority(), Reference: release.Reference(from, to, 2026, i+1), Time: at},
			rand.NewChaCha8([32]byte{byte(i)}))
		if err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		out = append(out, built{e.Name, from, to, v, b.dispatch(t, v)})
	}
	return out
}

func (b *both) dispatch(t testing.TB, v *release.Version) *release.DispatchTerms {
	t.Helper()
	terms, err := v.Terms(1)
	if err != nil {
		t.Fatal(err)
	}
	terms.Decision = [48]byte{1}
	return terms
}

func (b *both) second(t testing.TB, x built) (*guard.Cleared, error) {
	t.Helper()
	act, err := x.terms.Encode()
	if err != nil {
		t.Fatal(err)
	}
	version, err := x.v.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b.tables.Check(act, version, guard.Terms{From: string(x.from), To: string(x.to), Purpose: x.v.Purpose, Means: "network", At: at,
		Realm: "exercise:whio", Release: x.v.Release, Copies: 1})
}

func (b *both) first(x built) error {
	return release.CheckReceived(x.v, x.terms, release.Receiving{Terms: b.terms, Author: nodes[x.from], Reader: nodes[x.to], Means: party.MeansNetwork, At: at})
}

func TestBothClearEveryExerciseReport(t *testing.T) {
	b := newBoth(t)
	for _, x := range b.build(t) {
		if err := b.first(x); err != nil {
			t.Errorf("%s: the first checker: %v", x.name, err)
		}
		c, err := b.second(t, x)
		if err != nil {
			t.Errorf("%s: the guard: %v", x.name, err)
			continue
		}
		x.terms.Guard = c.VerdictDigest()
		act, _ := x.terms.Encode()
		version, _ := x.v.Encode()
		if err := c.Covers(act, version); err != nil {
			t.Errorf("%s: %v", x.name, err)
		}
	}
}

// Whatever is changed in a version that was sound, both refuse, even where the change is made by somebody who computes every
// digest anew.
func TestBothRefuseWhatWasChanged(t *testing.T) {
	b := newBoth(t)
	changes := map[string]func(x *built) bool{
		"a portion released to nobody else": func(x *built) bool { x.v.Portions[0].Label.Release = []party.Party{x.from}; return true },
		"a lower banner": func(x *built) bool {
			low := map[label.LevelID]label.LevelID{"nzl.s": "nzl.c", "jpn.gokuhi": "jpn.hi"}
			x.v.Banner.Level = low[x.v.Banner.Level]
			return x.v.Banner.Level != ""
		},
		"a level without a row":     func(x *built) bool { x.v.Portions[0].Label.Level = "nzl.r"; return x.from == "NZL" },
		"a level of the other side": func(x *built) bool { x.v.Portions[0].Label.Level = "jpn.hi"; return x.from == "NZL" },
		"a national designation":    func(x *built) bool { x.v.Portions[0].Label.Designations = []string{"nzl.nzeo"}; return x.from == "NZL" },
		"a designation not carried": func(x *built) bool {
			x.v.Portions[0].Label.Designations = []string{"jpn.tokutei"}
			return x.from == "JPN"
		},
		"another text":         func(x *built) bool { x.v.Portions[0].Text += "。"; return true },
		"another number":       func(x *built) bool { x.v.Portions[0].Number = 2; return true },
		"no exercise":          func(x *built) bool { x.v.Exercise = false; return true },
		"another purpose":      func(x *built) bool { x.v.Purpose = "trade"; return true },
		"a handling line less": func(x *built) bool { x.v.Handling[0].EN = "x"; return true },
		"a salt of zeros":      func(x *built) bool { x.v.Title.Salt = [32]byte{}; return true },
		"a shorter manifest":   func(x *built) bool { x.v.Manifest = x.v.Manifest[1:]; return true },
	}
	for name, change := range changes {
		for _, x := range b.build(t) {
			if !change(&x) {
				continue
			}
			// Encode would refuse most of these, so the bytes are made without it.
			version, terms := seal(x.v)
			terms.Decision, terms.Copies = [48]byte{1}, 1
			act := encode(terms)
			c, err := b.tables.Check(act, version, guard.Terms{From: string(x.from), To: string(x.to), Purpose: x.v.Purpose, Means: "network", At: at,
				Realm: "exercise:whio", Release: x.v.Release, Copies: 1})
			if c != nil || !strings.HasPrefix(string(errs.CodeOf(err)), "guard.") || errs.KindOf(err) == errs.Internal {
				t.Errorf("%s, %s: the guard let it pass: %v", x.name, name, err)
			}
			x.terms = terms
			if b.first(x) == nil {
				t.Errorf("%s, %s: the first checker let it pass", x.name, name)
			}
		}
	}
}

// On any label: the guard clears an attachment under it exactly where the agreement permits it.
func TestBothDecideAlikeOnLabels(t *testing.T) {
	b := newBoth(t)
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.SampledFrom([]party.Party{"NZL", "JPN"}).Draw(t, "from")
		to := rapid.SampledFrom([]party.Party{"NZL", "JPN"}).Draw(t, "to")
		owner := from
		if rapid.IntRange(0, 9).Draw(t, "foreign") == 0 {
			owner = to
		}
		p, _ := b.set.Owned(owner)
		var levels []label.LevelID
		for _, l := range p.Levels() {
			levels = append(levels, l.ID)
		}
		var ids []string
		for _, d := range p.Designations() {
			ids = append(ids, d.ID)
		}
		l := label.Label{Policy: p.OID(), Level: rapid.SampledFrom(levels).Draw(t, "level"), Originator: rapid.SampledFrom([]party.Party{from, from, from, to}).Draw(t, "originator"),
			Release: rapid.SliceOfNDistinct(rapid.SampledFrom([]party.Party{"AUS", "JPN", "NZL", "USA"}), 1, 4, rapid.ID).Draw(t, "release")}
		if rapid.Bool().Draw(t, "designated") {
			l.Designations = rapid.SliceOfNDistinct(rapid.SampledFrom(ids), 1, 2, rapid.ID).Draw(t, "designations")
		}
		if rapid.IntRange(0, 9).Draw(t, "unsorted") > 0 {
			slices.Sort(l.Release)
			slices.Sort(l.Designations)
		}
		q := &agreement.Question{From: from, To: to, Author: nodes[from], Reader: nodes[to], Label: l, Purpose: "missile-launches", Means: party.MeansCourier,
			At: at.AddDate(0, 0, rapid.SampledFrom([]int{0, 0, 0, -400, 2000}).Draw(t, "days")), Draft: true}
		permits := b.terms.Decide(q) != agreement.Deny
		_, err := b.tables.Opaque(encode(l), strings.NewReader(""), 0, emptyDigest, guard.Terms{From: string(from), To: string(to), Purpose: q.Purpose,
			Means: "courier", At: q.At, Realm: "exercise:whio"})
		switch {
		case permits && err != nil && l.Originator == from: // what another originated needs a consent that the guard does not see
			t.Fatalf("the agreement permits and the guard refuses %+v: %v", l, err)
		case !permits && err == nil:
			t.Fatalf("the guard clears what the agreement denies: %+v", l)
		}
	})
}
