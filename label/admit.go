package label

import (
	"strings"
	"time"

	"entente/errs"
	"entente/party"
)

// Finding is one rule of access and what it said. Code is empty where the rule was met.
type Finding struct {
	Rule string    // "labels §11 (5)", "agreements 21"
	OK   bool      //
	Code errs.Code // label.admit.…
	Text Text      // what was found, for a person
}

// Admit decides whether policy and release set let a person see what bears this label at the given time. Every rule is
// evaluated, in this order, and all must be met:
//
//  1. the label passes Check;
//  2. a clearance under the label's policy is valid at that time and was issued by the agency the person serves in now;
//  3. that clearance lists the level and every level below it (a list is not a maximum: ADatP-4774.1 §3.11.4; a gap in it
//     is read as an error and denies, so that who may see a whole may see each of its parts);
//  4. the same clearance holds every restrictive designation;
//  5. the person's nationality is in the release set;
//  6. so is the party of the person's agency.
//
// Need-to-know, purpose, briefing and the state of the agreement are the register's rules (package custody), on top.
func (s *Set) Admit(person *party.Person, l Label, at time.Time) (bool, []Finding) {
	f := make([]Finding, 0, 6)
	rule := func(name string, ok bool, code errs.Code, met, unmet Text) {
		if ok {
			f = append(f, Finding{Rule: name, OK: true, Text: met})
			return
		}
		f = append(f, Finding{Rule: name, Code: code, Text: unmet})
	}
	p, level, mask, err := s.open(&l)
	rule("labels §11 (1)", err == nil, "label.admit.label", Text{"the label is known", "標示は既知"}, Text{"the label is not known or not consistent", "標示が不明又は矛盾"})
	if err != nil || person == nil {
		rule("labels §11 (1)", person != nil, "label.admit.person", Text{"a person is named", "対象者あり"}, Text{"no person is named", "対象者なし"})
		return false, f
	}
	valid, listed, held := false, false, false
	var gap, lack []string
	for i := range person.Clearances {
		c := &person.Clearances[i]
		if ms := at.UnixMilli(); c.Policy != p.oid || ms < c.From || ms >= c.Until || c.Issuer != person.Agency || !person.Agency.Party().Valid() {
			continue
		}
		g, k := p.gaps(c, level), p.lacking(c, mask)
		if !valid || len(g)+len(k) < len(gap)+len(lack) { // report the clearance that comes nearest
			valid, listed, held, gap, lack = true, len(g) == 0, len(k) == 0, g, k
		}
	}
	rule("labels §11, agreements 21", valid, "label.admit.clearance",
		Text{"a clearance of the present agency is valid", "現所属機関の適格性確認が有効"},
		Text{"no valid clearance under this policy, issued by the person's present agency", "現所属機関が発行した有効な適格性確認がない"})
	rule("labels §11 (2)", listed, "label.admit.level",
		Text{"the clearance lists the level", "適格性確認に当該区分を含む"},
		Text{"the clearance does not list " + orAny(gap, string(l.Level)), "適格性確認に含まれない区分: " + orAny(gap, string(l.Level))})
	rule("labels §11 (3)", held, "label.admit.designation",
		Text{"every restrictive designation is held", "制限的指定をすべて保持"},
		Text{"the clearance does not hold " + orAny(lack, "any designation"), "保持していない指定: " + orAny(lack, "全指定")})
	rule("labels §11 (5)", l.ReleasedTo(person.Nationality), "label.admit.nationality",
		Text{"the nationality is in the release set", "国籍は提供先に含まれる"}, Text{"the nationality is not in the release set", "国籍が提供先に含まれない"})
	rule("labels §11 (5)", l.ReleasedTo(person.Agency.Party()), "label.admit.party",
		Text{"the agency's party is in the release set", "所属国は提供先に含まれる"}, Text{"the agency's party is not in the release set", "所属国が提供先に含まれない"})
	for i := range f {
		if !f[i].OK {
			return false, f
		}
	}
	return true, f
}

func orAny(ids []string, otherwise string) string {
	if len(ids) == 0 {
		return otherwise
	}
	return strings.Join(ids, ", ")
}

// gaps returns the levels at or below level that the clearance does not list.
func (p *Policy) gaps(c *party.Clearance, level int) (missing []string) {
	var listed uint64
	for _, id := range c.Levels {
		if i, ok := p.levelIndex[LevelID(id)]; ok {
			listed |= 1 << i
		}
	}
	for i := range p.levels {
		if p.LeqIndex(i, level) && listed>>i&1 == 0 {
			missing = append(missing, string(p.levels[i].ID))
		}
	}
	return missing
}

func (p *Policy) lacking(c *party.Clearance, mask uint64) (missing []string) {
	for _, id := range c.Designations {
		if d, ok := p.desigIndex[id]; ok {
			mask &^= 1 << d
		}
	}
	return p.ids(mask & p.restrictive)
}
