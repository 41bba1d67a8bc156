package agreement

import (
	"slices"
	"strings"

	"entente/label"
	"entente/party"
)

func (c *checker) direction(table string, i, article int, from, to party.Party) {
	c.unsetHere(at(table, i, "from"), article, from == "")
	c.unsetHere(at(table, i, "to"), article, to == "")
	c.known(at(table, i, "from"), from)
	c.known(at(table, i, "to"), to)
	c.sourced(at(table, i, "article"), article)
	if from == to && from != "" {
		c.add(contradiction, at(table, i, "to"), article, "A party does not give to itself.", "提供元と提供先が同一である。")
	}
}

// level checks a level that a party may have in force, and returns its policy, or nil.
func (c *checker) level(path string, article int, owner party.Party, id label.LevelID) *label.Policy {
	p := c.policy(owner)
	if p == nil || id == "" {
		return nil
	}
	l, ok := p.Level(id)
	if !ok {
		c.add(unknown, path, article, "The policy of "+string(owner)+" has no level "+string(id)+".", string(owner)+"の規程に秘区分"+string(id)+"はない。")
		return nil
	}
	if l.Obsolete {
		c.add(contradiction, path, article, "The level is obsolete: read, never written.", "廃止された秘区分である。")
	}
	return p
}

func (c *checker) ceilings() {
	have := make(map[[2]party.Party]bool)
	for i, t := range c.f.Ceiling {
		c.direction("ceiling", i, t.Article, t.From, t.To)
		c.unsetHere(at("ceiling", i, "level"), t.Article, t.Level == "")
		c.level(at("ceiling", i, "level"), t.Article, t.From, t.Level)
		key := [2]party.Party{t.From, t.To}
		if have[key] {
			c.add(duplicate, at("ceiling", i, "to"), t.Article, "The direction has two ceilings.", "同一の方向に二の上限がある。")
		}
		have[key] = true
	}
	for _, from := range c.f.Party {
		for _, to := range c.f.Party {
			if from.ID != to.ID && !have[[2]party.Party{from.ID, to.ID}] {
				c.add(unset, "ceiling", 0, "No ceiling from "+string(from.ID)+" to "+string(to.ID)+"; nothing is given in that direction.",
					string(from.ID)+"から"+string(to.ID)+"への上限の定めがない。この方向の提供は拒否する。").local = true
			}
		}
	}
}

func (c *checker) caveats() {
	for i, t := range c.f.Caveat {
		c.unsetHere(at("caveat", i, "designation"), t.Article, t.Designation == "")
		c.unsetHere(at("caveat", i, "action"), t.Article, t.Action == "")
		c.unsetHere(at("caveat", i, "text_en"), t.Article, t.TextEN == "")
		c.unsetHere(at("caveat", i, "text_ja"), t.Article, t.TextJA == "")
		c.exercise(at("caveat", i, "text_en"), t.TextEN)
		c.exercise(at("caveat", i, "text_ja"), t.TextJA)
		c.sourced(at("caveat", i, "article"), t.Article)
		for _, o := range c.f.Caveat[:i] {
			if o.Designation == t.Designation && t.Designation != "" {
				c.add(duplicate, at("caveat", i, "designation"), t.Article, "The designation stands twice.", "同一の指定が二度記載されている。")
			}
		}
		if t.Designation == "" || slices.ContainsFunc(c.f.Party, func(p partyTerm) bool { return c.policy(p.ID) == nil }) {
			continue // whose policy is not known may have it
		}
		switch d := c.designation(t.Designation); {
		case d == nil:
			c.add(unknown, at("caveat", i, "designation"), t.Article, "No party's policy has the designation.", "いずれの当事者の規程にもない指定である。")
		case d.Kind == label.Permissive:
			c.add(contradiction, at("caveat", i, "designation"), t.Article, "A release list is no caveat; it is the release set.", "提供先の表示は、指定として定めることができない。")
		case d.NationalOnly && t.Action == actionCarry:
			c.add(contradiction, at("caveat", i, "action"), t.Article, "What is for one nation only cannot be carried to another.", "国内限りの指定は、引き継ぐことができない。")
		}
	}
}

func (c *checker) designation(id string) *label.Designation {
	for _, p := range c.f.Party {
		if policy := c.policy(p.ID); policy != nil {
			if d, ok := policy.DesignationIndex(id); ok {
				return &policy.Designations()[d]
			}
		}
	}
	return nil
}

// splitTarget splits "level+designation+…".
func splitTarget(t string) (level label.LevelID, designations []string) {
	parts := strings.Split(t, "+")
	return label.LevelID(parts[0]), parts[1:]
}

// compose builds the receiver's label for a target; release and originator are those of the original.
func compose(s *label.Set, policy, target string, release []party.Party, originator party.Party) (label.Label, error) {
	level, designations := splitTarget(target)
	return s.Compose(policy, level, designations, release, originator)
}

// strictest returns the index of the label that is at least as restrictive as all the others, or -1.
func strictest(s *label.Set, labels []label.Label) int {
	return slices.IndexFunc(labels, func(l label.Label) bool {
		return !slices.ContainsFunc(labels, func(o label.Label) bool { return !s.Leq(o, l) })
	})
}

// rows checks each row alone and then the table as a whole (labels T11): monotone, and no round trip lowers. It is not
// held to cover every level below the ceiling, because leaving a level out is how an agreement refuses it.
func (c *checker) rows() {
	type checked struct {
		*rowTerm
		i      int
		from   *label.Policy
		levels []label.LevelID // of the targets
		to     *label.Policy
	}
	var good []checked
	for i := range c.f.Row {
		t := &c.f.Row[i]
		c.direction("row", i, t.Article, t.From, t.To)
		c.unsetHere(at("row", i, "level"), t.Article, t.Level == "")
		c.unsetHere(at("row", i, "targets"), t.Article, len(t.Targets) == 0)
		c.repeated(at("row", i, "targets"), t.Article, t.Targets)
		if len(t.Targets) > 1 {
			c.unsetHere(at("row", i, "default"), t.Article, t.Default == "")
			c.unsetHere(at("row", i, "decider"), t.Article, t.Decider == "")
		}
		if t.Default != "" && !slices.Contains(t.Targets, t.Default) {
			c.add(contradiction, at("row", i, "default"), t.Article, "The default is not among the targets.", "既定の区分が対応する区分の中にない。")
		}
		for _, o := range c.f.Row[:i] {
			if o.From == t.From && o.To == t.To && o.Level == t.Level && t.Level != "" {
				c.add(duplicate, at("row", i, "level"), t.Article, "The level has two rows in this direction.", "同一の方向に同一の秘区分の行が二つある。")
			}
		}
		from, to := c.level(at("row", i, "level"), t.Article, t.From, t.Level), c.policy(t.To)
		if from == nil || to == nil || t.From == t.To {
			continue
		}
		c.underCeiling(i, t, from)
		if levels, ok := c.targets(i, t, to); ok {
			good = append(good, checked{t, i, from, levels, to})
		}
	}
	for _, r := range good {
		for _, o := range good {
			switch {
			case r.From == o.From && r.To == o.To && r.Level != o.Level && r.from.Leq(o.Level, r.Level):
				if !allLeq(r.to, o.levels, r.levels) {
					c.add(contradiction, at("row", r.i, "targets"), r.Article, "A lower level answers to a higher one than this row's: the table is not monotone.",
						"下位の秘区分がこの行より上位の区分に対応しており、表が単調でない。")
				}
			case r.From == o.To && r.To == o.From && slices.Contains(r.levels, o.Level):
				if !allLeq(r.from, []label.LevelID{r.Level}, o.levels) {
					c.add(contradiction, at("row", r.i, "targets"), r.Article, "The way there and back lowers the level.", "往復の対応により秘区分が引き下げられる。")
				}
			}
		}
	}
}

func allLeq(p *label.Policy, low, high []label.LevelID) bool {
	for _, l := range low {
		for _, h := range high {
			if !p.Leq(l, h) {
				return false
			}
		}
	}
	return true
}

func (c *checker) underCeiling(i int, t *rowTerm, p *label.Policy) {
	for _, k := range c.f.Ceiling {
		if k.From == t.From && k.To == t.To && k.Level != "" && !p.Leq(t.Level, k.Level) {
			c.add(contradiction, at("row", i, "level"), t.Article, "The row stands above the ceiling of its direction.", "行の秘区分がその方向の上限を超えている。")
		}
	}
}

// targets checks that every target of a row can be written as a marking of the receiver, and that one of them is
// strict enough to hold until somebody has chosen.
func (c *checker) targets(i int, t *rowTerm, to *label.Policy) (levels []label.LevelID, ok bool) {
	release := []party.Party{t.From, t.To}
	labels := make([]label.Label, 0, len(t.Targets))
	for _, target := range t.Targets {
		l, err := compose(c.set, to.OID(), target, release, t.From)
		if err != nil {
			c.add(unknown, at("row", i, "targets"), t.Article, "The policy of "+string(t.To)+" has no such marking: "+target+".", string(t.To)+"の規程にない区分である: "+target)
			return nil, false
		}
		labels, levels = append(labels, l), append(levels, l.Level)
	}
	if len(labels) > 1 && strictest(c.set, labels) < 0 {
		c.add(contradiction, at("row", i, "targets"), t.Article, "No target is strict enough to hold until one is chosen.", "選択までの間に適用すべき最も厳格な区分がない。")
		return nil, false
	}
	return levels, len(levels) > 0
}
