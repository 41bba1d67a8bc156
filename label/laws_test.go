package label

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"entente/party"

	"pgregory.net/rapid"
)

var parties = []party.Party{"AUS", "GBR", "JPN", "NZL", "USA"}

// world is a set of policies and a generator of labels under them. Besides the two that ship there are random policies:
// orders with several families and diamonds, designations that exclude, require and imply.
func world(t *rapid.T) (*Set, *rapid.Generator[Label]) {
	files := ExercisePolicyFiles()
	files = append(files, randomPolicy(t))
	var ps []*Policy
	for _, f := range files {
		p, err := ParsePolicy(f)
		if err != nil {
			t.Skip("not a policy: " + err.Error())
		}
		ps = append(ps, p)
	}
	s, err := NewSet(ps...)
	if err != nil {
		t.Fatal(err)
	}
	p := rapid.SampledFrom(ps).Draw(t, "policy") // labels of one policy, so that most joins exist
	return s, rapid.Custom(func(t *rapid.T) Label {
		origin := p.owner
		if rapid.IntRange(0, 4).Draw(t, "foreign") == 0 {
			origin = rapid.SampledFrom(parties).Draw(t, "originator")
		}
		for range 20 {
			level := rapid.IntRange(0, len(p.levels)-1).Draw(t, "level")
			mask := rapid.Uint64().Draw(t, "mask") & rapid.Uint64().Draw(t, "mask2") & (1<<len(p.desigs) - 1) &^ p.unsetDesigs
			release := rapid.SliceOfDistinct(rapid.SampledFrom(parties), rapid.ID[party.Party]).Draw(t, "release")
			if l, err := p.compose(level, mask, release, origin); err == nil {
				return l
			}
		}
		t.Skip("this policy has hardly a consistent label")
		return Label{}
	})
}

// policyText writes a policy of AUS: n levels aus.l0… (words L0…), designations aus.d0… as JSON fields beside the usual ones.
func policyText(n int, implies map[int]string, lessThan []string, ownerListed bool, desigs ...string) []byte {
	const v = `{"value": %q, "source": "exercise", "grade": "exercise"}`
	both := func(w string) string { return fmt.Sprintf(`{"en": `+v+`, "ja": `+v+`}`, w, w) }
	var levels, ds []string
	for i := range n {
		levels = append(levels, fmt.Sprintf(`{"id": "aus.l%d", "family": "f", "names": %s, "marking": %s, "portion": %s, "also": [], "clearance_required": {"value": null, "source": null, "grade": "not found"},
			"implies": [%s], "obsolete": false, "source": "x", "grade": "exercise", "note": ""}`, i, both("Name"), both(fmt.Sprintf("LEVEL %d", i)), both(fmt.Sprintf("L%d", i)), implies[i]))
	}
	for d, fields := range append(desigs, `"kind": "permissive", "excludes": [], "requires": {"levels": [], "designations": []}, "implies": [], "national_only": false`) {
		id := fmt.Sprintf("aus.d%d", d)
		if d == len(desigs) {
			id = "aus.rel"
		}
		ds = append(ds, fmt.Sprintf(`{"id": %q, "names": %s, "marking": %s, %s, "source": "x", "grade": "exercise", "note": ""}`, id, both("Name"), both(fmt.Sprintf("D%d", d)), fields))
	}
	return []byte(fmt.Sprintf(`{"format": "entente-policy/1", "oid": "2.25.1", "version": 1, "owner": "AUS", "exercise": true, "name": {"en": `+v+`, "ja": `+v+`},
		"families": [{"id": "f", "text": "x", "source": "x", "grade": "exercise"}], "levels": [%s], "order": [{"less_than": [%s], "incomparable": [], "source": "x", "grade": "exercise", "note": ""}],
		"designations": [%s], "release": {"designation": "aus.rel", "prefix": "REL TO ", "separator": ", ", "owner_listed": %v, "source": "x", "grade": "exercise"},
		"foreign": {"names": [], "source": "x", "grade": "exercise", "note": ""}}`, "EXERCISE", "演習", strings.Join(levels, ","), strings.Join(lessThan, ","), strings.Join(ds, ","), ownerListed))
}

func desigText(excludes, levels, requires, implies string, national bool) string {
	return fmt.Sprintf(`"kind": "restrictive", "excludes": [%s], "requires": {"levels": [%s], "designations": [%s]}, "implies": [%s], "national_only": %v`, excludes, levels, requires, implies, national)
}

func randomPolicy(t *rapid.T) []byte {
	n := rapid.IntRange(1, 7).Draw(t, "levels")
	implies := map[int]string{}
	var order, desigs []string
	for i := range n {
		if rapid.IntRange(0, 3).Draw(t, "implying") == 0 {
			implies[i] = `"aus.d0"`
		}
		for j := range i {
			if rapid.Bool().Draw(t, "below") {
				order = append(order, fmt.Sprintf(`["aus.l%d", "aus.l%d"]`, j, i))
			}
		}
	}
	for d := range 4 {
		var ex, at, req, imp string
		switch k := rapid.IntRange(0, 5).Draw(t, "relation"); {
		case k == 1 && d > 0:
			imp = fmt.Sprintf(`"aus.d%d"`, d-1)
		case k == 2 && d > 1:
			ex = fmt.Sprintf(`"aus.d%d"`, d-2)
		case k == 3 && d > 0:
			req = fmt.Sprintf(`"aus.d%d"`, d-1)
		case k == 4:
			at = fmt.Sprintf(`"aus.l%d"`, n-1)
		}
		desigs = append(desigs, desigText(ex, at, req, imp, rapid.IntRange(0, 3).Draw(t, "national") == 0))
	}
	return policyText(n, implies, order, rapid.Bool().Draw(t, "listed"), desigs...)
}

// A join that does not exist behaves as the top: once reached it stays.
func TestJoinIsALattice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, labels := world(t)
		a, b, c := labels.Draw(t, "a"), labels.Draw(t, "b"), labels.Draw(t, "c")
		join := func(x Label, xerr error, y Label, yerr error) (Label, error) {
			if xerr != nil {
				return x, xerr
			}
			if yerr != nil {
				return y, yerr
			}
			return s.Join(x, y)
		}
		same := func(what string, x Label, xerr error, y Label, yerr error) {
			t.Helper()
			if (xerr == nil) != (yerr == nil) || xerr == nil && !x.Equal(&y) {
				t.Fatalf("not %s: %+v %v against %+v %v", what, x, xerr, y, yerr)
			}
		}
		ab, aberr := s.Join(a, b)
		ba, baerr := s.Join(b, a)
		same("commutative", ab, aberr, ba, baerr)
		bc, bcerr := s.Join(b, c)
		left, lerr := join(ab, aberr, c, nil)
		right, rerr := join(a, nil, bc, bcerr)
		same("associative", left, lerr, right, rerr)
		aa, aaerr := s.Join(a, a)
		same("idempotent", aa, aaerr, a, nil)
		if aberr != nil {
			return
		}
		if err := s.Check(ab); err != nil {
			t.Fatalf("a join that does not pass Check: %+v %v", ab, err)
		}
		if !s.Leq(a, ab) || !s.Leq(b, ab) {
			t.Fatalf("not an upper bound of %+v and %+v: %+v", a, b, ab)
		}
		if s.Leq(a, c) && s.Leq(b, c) && !s.Leq(ab, c) {
			t.Fatal("not the least upper bound")
		}
		if lerr == nil && bcerr == nil && !s.Leq(bc, left) { // b ≤ a∨b gives b∨c ≤ (a∨b)∨c
			t.Fatal("not monotone")
		}
		for _, r := range ab.Release {
			if !a.ReleasedTo(r) || !b.ReleasedTo(r) {
				t.Fatalf("widened to %s", r)
			}
		}
		for _, d := range append(slices.Clone(a.Designations), b.Designations...) {
			if !slices.Contains(ab.Designations, d) {
				t.Fatalf("lost %s", d)
			}
		}
	})
}

func TestLeqIsAPartialOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, labels := world(t)
		a, b, c := labels.Draw(t, "a"), labels.Draw(t, "b"), labels.Draw(t, "c")
		if !s.Leq(a, a) || s.Leq(a, b) && s.Leq(b, c) && !s.Leq(a, c) || s.Leq(a, b) && s.Leq(b, a) && !a.Equal(&b) {
			t.Fatalf("not a partial order: %+v %+v %+v", a, b, c)
		}
		if ab, err := s.Join(a, b); s.Leq(a, b) && (err != nil || !ab.Equal(&b)) {
			t.Fatalf("a ≤ b, and the join is not b but %+v %v", ab, err)
		}
	})
}

// Who may see the whole may see each part of it.
func TestAdmissionToAJoinIsAdmissionToItsParts(t *testing.T) {
	now := time.UnixMilli(1000)
	admitted := 0
	rapid.Check(t, func(t *rapid.T) {
		s, labels := world(t)
		a, b := labels.Draw(t, "a"), labels.Draw(t, "b")
		ab, err := s.Join(a, b)
		if err != nil {
			return
		}
		p, _ := s.Policy(a.Policy)
		c := party.Clearance{Policy: a.Policy, Issuer: "JPN/jmod", From: 0, Until: 2000}
		for _, l := range p.Levels() {
			if rapid.IntRange(0, 5).Draw(t, "lists") > 0 {
				c.Levels = append(c.Levels, string(l.ID))
			}
		}
		for _, d := range p.Designations() {
			if rapid.IntRange(0, 3).Draw(t, "holds") > 0 {
				c.Designations = append(c.Designations, d.ID)
			}
		}
		who := &party.Person{Nationality: rapid.SampledFrom(parties).Draw(t, "nationality"), Clearances: []party.Clearance{c},
			Agency: party.Authority(rapid.SampledFrom(parties).Draw(t, "party") + "/jmod")}
		who.Clearances[0].Issuer = who.Agency
		if ok, _ := s.Admit(who, ab, now); ok {
			admitted++
			for _, part := range []Label{a, b} {
				if ok, f := s.Admit(who, part, now); !ok {
					t.Fatalf("may see %+v and not its part %+v: %+v", ab, part, f)
				}
			}
		}
	})
	if admitted == 0 {
		t.Error("nobody was ever admitted: the law was not tested")
	}
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, labels := world(t)
		l := labels.Draw(t, "label")
		for _, lang := range []string{"en", "ja"} {
			if got, err := s.ParsePortion(l.Policy, s.Portion(l, lang)); err != nil || !got.Equal(&l) {
				t.Fatalf("%+v\nwritten %s\nread %+v %v", l, s.Portion(l, lang), got, err)
			}
			if got, comment, err := s.ParseBanner(l.Policy, s.Banner(l, lang)); err != nil || comment != "" || !got.Equal(&l) {
				t.Fatalf("%+v\nwritten %s\nread %+v %v", l, s.Banner(l, lang), got, err)
			}
		}
	})
}

// JoinAll does not depend on the order of portions, and every reason names a portion that has what it claims.
func TestJoinAllDoesNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, labels := world(t)
		ls := rapid.SliceOfN(labels, 1, 6).Draw(t, "portions")
		whole, reasons, err := s.JoinAll(ls)
		again, _, err2 := s.JoinAll(rapid.Permutation(ls).Draw(t, "permuted"))
		if (err == nil) != (err2 == nil) || err == nil && !whole.Equal(&again) {
			t.Fatalf("%+v %v against %+v %v", whole, err, again, err2)
		}
		for _, r := range reasons {
			if r.Portion < 0 {
				continue
			}
			l := ls[r.Portion]
			if r.Forced == ForcedLevel && string(l.Level) != r.Value || r.Forced == ForcedDesignation && !slices.Contains(l.Designations, r.Value) ||
				r.Forced == ForcedWithheld && l.ReleasedTo(party.Party(r.Value)) {
				t.Fatalf("%+v does not explain %+v", r, l)
			}
		}
	})
}
