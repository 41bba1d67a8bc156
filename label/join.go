package label

import (
	"slices"
	"strconv"

	"entente/errs"
	"entente/party"
)

// Leq reports whether b is at least as restrictive as a: same policy and originator, level not lower, all designations
// of a, nobody in the release set whom a does not name. Anything that does not pass Check is not comparable.
func (s *Set) Leq(a, b Label) bool {
	p, la, ma, err := s.open(&a)
	if err != nil || a.Policy != b.Policy || a.Originator != b.Originator {
		return false
	}
	lb, mb, err := p.check(&b)
	if err != nil || !p.LeqIndex(la, lb) || ma&^mb != 0 {
		return false
	}
	i := 0
	for _, r := range b.Release { // both sorted
		for i < len(a.Release) && a.Release[i] < r {
			i++
		}
		if i == len(a.Release) || a.Release[i] != r {
			return false
		}
	}
	return true
}

// Join returns the label of a text that holds both: least upper bound of the levels, union of the designations with
// what the new level implies, intersection of the release sets. Codes, beside those of Check: label.join.policy,
// label.join.originator, label.join.level, label.contradiction; each of them stops for a person (labels R2, R7).
func (s *Set) Join(a, b Label) (Label, error) {
	p, la, ma, err := s.open(&a)
	if err != nil {
		return Label{}, err
	}
	if a.Policy != b.Policy {
		return Label{}, &errs.Error{Kind: errs.Refused, Code: "label.join.policy", Op: "label.join", Rule: "labels R1, R2",
			Reason: "the two are marked under different policies", Next: "bring both to one policy through the agreement first"}
	}
	lb, mb, err := p.check(&b)
	if err != nil {
		return Label{}, err
	}
	if a.Originator != b.Originator {
		return Label{}, &errs.Error{Kind: errs.Refused, Code: "label.join.originator", Op: "label.join", Rule: "labels R7, R10",
			Reason: "the two are information of different originators", Next: "split the text, or obtain consent and mark it by hand"}
	}
	k := int(p.lub[la*len(p.levels)+lb])
	if k < 0 {
		return Label{}, p.noLub(la, lb)
	}
	mask := p.closed(k, ma|mb)
	if !p.consistent(k, mask) {
		return Label{}, refuse("label.contradiction", "labels R5, R12", "a designation of one excludes a designation of the other")
	}
	release := make([]party.Party, 0, min(len(a.Release), len(b.Release)))
	for _, r := range a.Release {
		if b.ReleasedTo(r) {
			release = append(release, r)
		}
	}
	if mask&p.national != 0 { // a higher level may have brought a national-only designation that neither part had
		if a.Originator != p.owner {
			return Label{}, refuse("label.contradiction", "labels R3", "a national-only designation on another party's information")
		}
		release = append(release[:0], p.owner)
	}
	return Label{Policy: p.oid, Level: p.levels[k].ID, Designations: p.ids(mask), Release: release, Originator: a.Originator}, nil
}

// Forced is in what respect a portion made the whole more restrictive.
type Forced string

const (
	ForcedLevel       Forced = "level"       // Value is the level
	ForcedDesignation Forced = "designation" // Value is the designation
	ForcedWithheld    Forced = "withheld"    // Value is a party that others name and this portion does not
)

// Reason says which portion made the whole what it is.
type Reason struct {
	Portion int // index into the labels joined, the first that forces it; -1 if only their combination does
	Forced  Forced
	Value   string
}

// Text renders the reason with portions counted from 1.
func (r Reason) Text() Text {
	by := Text{EN: "portion " + strconv.Itoa(r.Portion+1), JA: "第" + strconv.Itoa(r.Portion+1) + "項"}
	if r.Portion < 0 {
		by = Text{EN: "the portions together", JA: "各項の組合せ"}
	}
	switch r.Forced {
	case ForcedLevel:
		return Text{EN: "level " + r.Value + " because of " + by.EN, JA: by.JA + "により区分は " + r.Value}
	case ForcedDesignation:
		return Text{EN: r.Value + " because of " + by.EN, JA: by.JA + "により " + r.Value}
	}
	return Text{EN: "not releasable to " + r.Value + " because of " + by.EN, JA: by.JA + "により " + r.Value + " に提供不可"}
}

// JoinAll joins the labels of portions into that of the whole, with the reasons: level first, then designations in order
// of id, then parties to whom some portions are released and the whole is not. Code label.join.empty for no labels; the
// subject of any other error is the portion, counted from 1.
func (s *Set) JoinAll(labels []Label) (Label, []Reason, error) {
	if len(labels) == 0 {
		return Label{}, nil, refuse("label.join.empty", "labels R2", "nothing to join: an unmarked whole has no marking to derive")
	}
	whole := labels[0]
	if err := s.Check(whole); err != nil {
		return Label{}, nil, at(0, err)
	}
	for i, l := range labels[1:] {
		var err error
		if whole, err = s.Join(whole, l); err != nil {
			return Label{}, nil, at(i+1, err)
		}
	}
	whole.Designations, whole.Release = slices.Clone(whole.Designations), slices.Clone(whole.Release) // a single portion shares nothing
	return whole, reasons(labels, &whole), nil
}

func at(portion int, err error) error {
	return &errs.Error{Kind: errs.KindOf(err), Op: "label.join", Subject: "portion " + strconv.Itoa(portion+1), Err: err}
}

func reasons(labels []Label, whole *Label) []Reason {
	first := func(holds func(*Label) bool) int {
		for i := range labels {
			if holds(&labels[i]) {
				return i
			}
		}
		return -1
	}
	out := []Reason{{Portion: first(func(l *Label) bool { return l.Level == whole.Level }), Forced: ForcedLevel, Value: string(whole.Level)}}
	for _, d := range whole.Designations {
		out = append(out, Reason{Portion: first(func(l *Label) bool { return slices.Contains(l.Designations, d) }), Forced: ForcedDesignation, Value: d})
	}
	var lost []party.Party
	for i := range labels {
		for _, r := range labels[i].Release {
			if !whole.ReleasedTo(r) {
				lost = append(lost, r)
			}
		}
	}
	slices.Sort(lost)
	for _, r := range slices.Compact(lost) {
		out = append(out, Reason{Portion: first(func(l *Label) bool { return !l.ReleasedTo(r) }), Forced: ForcedWithheld, Value: string(r)})
	}
	return out
}
