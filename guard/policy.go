package guard

import (
	"crypto/sha512"
	"regexp"
	"slices"

	"entente/errs"
)

// policy is what the guard needs of one national policy: which levels and designations exist and are in use, how the
// levels are ordered, and which words say that something stays at home.
type policy struct {
	oid, owner   string
	exercise     bool
	digest       [48]byte
	levels       map[string]level
	up           map[string]map[string]bool // up[a][b]: b is at or above a
	designations map[string]designation
	words        []string // national-only words, as written
}

type level struct {
	known    bool // rests on a set grade and has a marking word
	obsolete bool
	implies  []string
}

type designation struct {
	known    bool
	release  bool // stands for the release list itself, never in a label's designations
	national bool
	informs  bool // narrows nothing, and travels as a word
	excludes []string
	levels   []string // stands only at or above one of these; empty: anywhere
	requires []string
	implies  []string
}

// The keys a policy file may have, by place. A key that is not here may mean a restriction, so the file is refused.
var (
	policyKeys      = []string{"format", "oid", "version", "owner", "exercise", "name", "families", "levels", "order", "designations", "release", "foreign"}
	levelKeys       = []string{"id", "family", "names", "marking", "portion", "also", "clearance_required", "implies", "obsolete", "source", "grade", "note"}
	orderKeys       = []string{"less_than", "incomparable", "source", "grade", "note"}
	designationKeys = []string{"id", "kind", "names", "marking", "excludes", "requires", "implies", "national_only", "source", "grade", "note"}
	requireKeys     = []string{"levels", "designations"}
)

var (
	oidShape   = regexp.MustCompile(`^[0-2](\.(0|[1-9][0-9]*))+$`)
	partyShape = regexp.MustCompile(`^([A-Z]{3}|NATO)$`)
	idShape    = regexp.MustCompile(`^[a-z]{3,4}\.[a-z0-9-]{1,32}$`)
)

// fields reads JSON objects by key; the first thing that is not as expected sticks.
type fields struct{ bad string }

func (f *fields) fail(why string) {
	if f.bad == "" {
		f.bad = why
	}
}

func get[T any](f *fields, m map[string]any, key string) (v T) {
	v, ok := m[key].(T)
	if !ok {
		f.fail(key + " is missing or of another type")
	}
	return v
}

func (f *fields) strs(m map[string]any, key string) (out []string) {
	for _, x := range get[[]any](f, m, key) {
		s, ok := x.(string)
		if !ok {
			f.fail(key + " holds something that is no text")
		}
		out = append(out, s)
	}
	return out
}

// objects returns the objects of a list, each with known keys only.
func (f *fields) objects(m map[string]any, key string, known []string) (out []map[string]any) {
	for _, x := range get[[]any](f, m, key) {
		o, _ := x.(map[string]any)
		f.closed(o, key, known)
		out = append(out, o)
	}
	return out
}

func (f *fields) closed(m map[string]any, where string, known []string) {
	for k := range m {
		if !slices.Contains(known, k) {
			f.fail("an unknown key in " + where)
		}
	}
}

// set says whether a grade may be acted on. Exercise values count only in an exercise policy.
func (f *fields) set(m map[string]any, exercise bool) bool {
	switch g, _ := m["grade"].(string); g {
	case "treaty text", "official", "news":
		return true
	case "exercise":
		if !exercise {
			f.fail("an exercise value in a policy that is not for exercises")
		}
		return exercise
	case "unverified", "not found":
		return false
	}
	f.fail("an unknown grade")
	return false
}

// readPolicy reads one policy file. Codes guard.policy.malformed, guard.policy.exercise.
func readPolicy(text []byte, realm string) (*policy, error) {
	m, bad := readJSON(text)
	f := &fields{bad: bad}
	f.closed(m, "policy", policyKeys)
	p := &policy{oid: get[string](f, m, "oid"), owner: get[string](f, m, "owner"), exercise: get[bool](f, m, "exercise"),
		digest: sha512.Sum384(text), levels: map[string]level{}, up: map[string]map[string]bool{}, designations: map[string]designation{}}
	if get[string](f, m, "format") != "entente-policy/1" || !oidShape.MatchString(p.oid) || !partyShape.MatchString(p.owner) {
		f.fail("not entente-policy/1, or its object identifier or owner is malformed")
	}
	p.readLevels(f, m)
	p.readDesignations(f, m)
	if f.bad != "" {
		return nil, invalid("guard.policy.malformed", "policy", f.bad)
	}
	if p.exercise && realm == "live" {
		return nil, refuse("guard.policy.exercise", p.owner, "", "an exercise policy in the live realm", "load the policy its owner issued")
	}
	return p, nil
}

// texts returns the set texts of a {"en": {...}, "ja": {...}} object.
func (p *policy) texts(f *fields, o map[string]any, key string) (out []string) {
	for _, lang := range []string{"en", "ja"} {
		v := get[map[string]any](f, get[map[string]any](f, o, key), lang)
		if s, ok := v["value"].(string); ok && f.set(v, p.exercise) && s != "" {
			out = append(out, s)
		}
	}
	return out
}

func (p *policy) readLevels(f *fields, m map[string]any) {
	for _, o := range f.objects(m, "levels", levelKeys) {
		id := get[string](f, o, "id")
		l := level{known: f.set(o, p.exercise) && len(p.texts(f, o, "marking")) > 0, obsolete: get[bool](f, o, "obsolete"), implies: f.strs(o, "implies")}
		if _, twice := p.levels[id]; twice || !idShape.MatchString(id) {
			f.fail("a level id is malformed or stands twice")
		}
		p.levels[id], p.up[id] = l, map[string]bool{id: true}
	}
	for _, o := range f.objects(m, "order", orderKeys) {
		set := f.set(o, p.exercise)
		for _, x := range get[[]any](f, o, "less_than") {
			pair, _ := x.([]any)
			if len(pair) != 2 {
				f.fail("less_than holds something that is no pair")
				continue
			}
			low, _ := pair[0].(string)
			high, _ := pair[1].(string)
			if p.up[low] == nil || p.up[high] == nil || low == high {
				f.fail("less_than names a level that does not exist, or one level twice")
				continue
			}
			if set {
				p.up[low][high] = true
			}
		}
	}
	for k := range p.up { // transitive closure; a policy has a dozen levels
		for i := range p.up {
			for j := range p.up {
				if p.up[i][k] && p.up[k][j] {
					p.up[i][j] = true
				}
			}
		}
	}
	for i := range p.up {
		for j := range p.up {
			if i != j && p.up[i][j] && p.up[j][i] {
				f.fail("the order of levels has a circle")
			}
		}
	}
}

func (p *policy) readDesignations(f *fields, m map[string]any) {
	for _, o := range f.objects(m, "designations", designationKeys) {
		id := get[string](f, o, "id")
		kind := get[string](f, o, "kind")
		req := get[map[string]any](f, o, "requires")
		f.closed(req, "requires", requireKeys)
		marking := p.texts(f, o, "marking")
		d := designation{known: f.set(o, p.exercise) && len(marking) > 0, release: kind == "permissive", informs: kind == "informative", national: get[bool](f, o, "national_only"),
			excludes: f.strs(o, "excludes"), levels: f.strs(req, "levels"), requires: f.strs(req, "designations"), implies: f.strs(o, "implies")}
		if _, twice := p.designations[id]; twice || !idShape.MatchString(id) {
			f.fail("a designation id is malformed or stands twice")
		}
		if kind != "restrictive" && kind != "permissive" && kind != "informative" {
			f.fail("an unknown kind of designation")
		}
		if d.national {
			p.words = append(p.words, marking...)
			p.words = append(p.words, p.texts(f, o, "names")...)
		}
		p.designations[id] = d
	}
}

// lub returns the least level at or above all of levels, or false where there is none.
func (p *policy) lub(levels []string) (string, bool) {
	var above []string
	for c := range p.up {
		if !slices.ContainsFunc(levels, func(l string) bool { return !p.up[l][c] }) {
			above = append(above, c)
		}
	}
	for _, c := range above {
		if !slices.ContainsFunc(above, func(o string) bool { return !p.up[c][o] }) {
			return c, true
		}
	}
	return "", false
}

// implied returns what must stand beside level and designations, itself included, sorted.
func (p *policy) implied(lev string, designations []string) []string {
	all := slices.Clone(designations)
	for low := range p.up {
		if p.up[low][lev] {
			all = append(all, p.levels[low].implies...)
		}
	}
	for i := 0; i < len(all); i++ {
		for _, d := range p.designations[all[i]].implies {
			if !slices.Contains(all, d) {
				all = append(all, d)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// check refuses a label of this policy from which nothing may leave to receiver. It says the code's last part and why.
func (p *policy) check(m *mark, receiver string) (code errs.Code, why string) {
	l, ok := p.levels[m.level]
	switch {
	case m.policy != p.oid:
		return "guard.label.policy", "the label is not of the sender's policy"
	case !ok || !l.known:
		return "guard.label.level", "the level is unknown or rests on unverified data"
	case l.obsolete:
		return "guard.label.obsolete", "the level is no longer written"
	case m.originator != p.owner:
		return "guard.label.originator", "the information is another party's, whose consent the guard does not see"
	case !rising(m.designations) || !rising(m.release):
		return "guard.label.order", "a list in the label is not sorted, or repeats"
	}
	for _, id := range m.designations {
		d, ok := p.designations[id]
		switch {
		case !ok || !d.known || d.release:
			return "guard.label.designation", "a designation is unknown, unset, or stands for the release list"
		case d.national:
			return "guard.label.national-only", "a national-only designation"
		case slices.ContainsFunc(d.requires, func(r string) bool { return !slices.Contains(m.designations, r) }),
			len(d.levels) > 0 && !slices.ContainsFunc(d.levels, func(low string) bool { return p.up[low][m.level] }):
			return "guard.label.contradiction", "a designation stands at a level, or without another designation, where it may not"
		}
		for _, other := range m.designations {
			if slices.Contains(d.excludes, other) {
				return "guard.label.contradiction", "two designations exclude each other"
			}
		}
	}
	if !slices.Equal(p.implied(m.level, m.designations), m.designations) {
		return "guard.label.implied", "a designation that the level or another one implies is missing"
	}
	for _, r := range m.release {
		if !partyShape.MatchString(r) {
			return "guard.label.release", "the release set names something that is no party"
		}
	}
	if !slices.Contains(m.release, p.owner) || !slices.Contains(m.release, receiver) {
		return "guard.label.release", "the release set lacks the sender or the receiver"
	}
	return "", ""
}

// join computes the banner of marks by the guard's own rule: least upper bound, union, intersection (labels R4, R5, R7).
func (p *policy) join(marks []*mark) (j mark, ok bool) {
	j = mark{policy: p.oid, originator: p.owner}
	var levels []string
	for i, m := range marks {
		levels = append(levels, m.level)
		j.designations = append(j.designations, m.designations...)
		if i == 0 {
			j.release = slices.Clone(m.release)
			continue
		}
		j.release = slices.DeleteFunc(j.release, func(r string) bool { return !slices.Contains(m.release, r) })
	}
	j.level, ok = p.lub(levels)
	j.designations = p.implied(j.level, j.designations)
	return j, ok
}

func (m *mark) equal(o *mark) bool {
	return m.policy == o.policy && m.level == o.level && m.originator == o.originator &&
		slices.Equal(m.designations, o.designations) && slices.Equal(m.release, o.release)
}

// rising reports whether s is sorted and repeats nothing.
func rising(s []string) bool {
	for i := 1; i < len(s); i++ {
		if s[i-1] >= s[i] {
			return false
		}
	}
	return true
}
