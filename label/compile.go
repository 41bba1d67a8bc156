package label

import (
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"entente/party"
)

// order computes the closure of the stated order and the table of least upper bounds.
//
// Two levels with common upper bounds must have a least one: otherwise joining three levels would depend on the order in
// which they are taken. Levels without any common upper bound are fine; joining them stops for a person.
func (c *compiler) order() error {
	p := c.p
	n := len(p.levels)
	p.up = make([]uint64, n)
	for i := range p.up {
		p.up[i] = 1 << i
	}
	for g, o := range c.file.Order {
		at := "order[" + strconv.Itoa(g) + "]"
		if err := c.graded(at, o.Source, o.Grade); err != nil {
			return err
		}
		for _, pair := range append(slices.Clone(o.LessThan), o.Incomparable...) {
			if _, ok := p.levelIndex[pair[0]]; !ok {
				return malformed("label.policy.order", at, "names an unknown level")
			}
			if _, ok := p.levelIndex[pair[1]]; !ok || pair[0] == pair[1] {
				return malformed("label.policy.order", at, "names an unknown level, or one level twice")
			}
		}
		if !o.Grade.Set() {
			p.unset = append(p.unset, at+" ("+string(o.Grade)+")")
			continue // an unverified order orders nothing
		}
		for _, pair := range o.LessThan {
			p.up[p.levelIndex[pair[0]]] |= 1 << p.levelIndex[pair[1]]
		}
	}
	for k := range n { // transitive closure (Warshall)
		for i := range n {
			if p.up[i]>>k&1 != 0 {
				p.up[i] |= p.up[k]
			}
		}
	}
	for i := range n {
		for j := range i {
			if p.LeqIndex(i, j) && p.LeqIndex(j, i) {
				return malformed("label.policy.order", string(p.levels[i].ID), "the order has a cycle")
			}
		}
	}
	for i := range n { // an unset level takes no part in the order of the others
		if p.unsetLevels>>i&1 != 0 {
			p.up[i] = 1 << i
		} else {
			p.up[i] &^= p.unsetLevels
		}
	}
	p.lub = make([]int8, n*n)
	for i := range n {
		for j := range n {
			common := p.up[i] & p.up[j]
			p.lub[i*n+j] = -1
			for rest := common; rest != 0; rest &= rest - 1 {
				if k := bits.TrailingZeros64(rest); p.up[k] == common {
					p.lub[i*n+j] = int8(k)
				}
			}
			if common != 0 && p.lub[i*n+j] < 0 {
				return malformed("label.policy.order", string(p.levels[i].ID), "two levels have upper bounds but no least one")
			}
		}
	}
	for g, o := range c.file.Order {
		for _, pair := range o.Incomparable {
			if p.Leq(pair[0], pair[1]) || p.Leq(pair[1], pair[0]) {
				return malformed("label.policy.order", "order["+strconv.Itoa(g)+"]", "a pair said to be incomparable is ordered by a chain")
			}
		}
	}
	return nil
}

func (c *compiler) designations() error {
	p := c.p
	files := slices.Clone(c.file.Designations)
	slices.SortFunc(files, func(a, b designationFile) int { return strings.Compare(a.ID, b.ID) })
	p.desigIndex = make(map[string]int, len(files))
	for d, f := range files {
		if err := c.id("designations", f.ID); err != nil {
			return err
		}
		if _, dup := p.desigIndex[f.ID]; dup || f.NationalOnly == nil {
			return malformed("label.policy.designation", f.ID, "repeated, or national_only is missing")
		}
		if f.Kind != Restrictive && f.Kind != Permissive && f.Kind != Informative {
			return malformed("label.policy.designation", f.ID, "unknown kind")
		}
		if *f.NationalOnly && f.Kind != Restrictive {
			return malformed("label.policy.designation", f.ID, "national-only and not restrictive")
		}
		names, err := c.both(f.ID+".names", f.Names)
		if err == nil {
			err = c.graded(f.ID, f.Source, f.Grade)
		}
		if err != nil {
			return err
		}
		marking, err := c.both(f.ID+".marking", f.Marking)
		if err != nil {
			return err
		}
		if !f.Grade.Set() || marking == (Text{}) {
			p.unset = append(p.unset, f.ID+" ("+string(f.Grade)+")")
			p.unsetDesigs |= 1 << d
		}
		if *f.NationalOnly {
			p.national |= 1 << d
		}
		if f.Kind == Restrictive {
			p.restrictive |= 1 << d
		}
		p.desigIndex[f.ID] = d
		p.desigs = append(p.desigs, Designation{ID: f.ID, Names: names, Marking: marking, Kind: f.Kind, Excludes: f.Excludes, Levels: f.Requires.Levels,
			Requires: f.Requires.Designations, Implies: f.Implies, NationalOnly: *f.NationalOnly, Grade: f.Grade, Source: f.Source})
	}
	for _, f := range c.file.Designations {
		p.written = append(p.written, p.desigIndex[f.ID])
	}
	return c.relations()
}

// relations compiles what excludes, requires, implies and stands where.
func (c *compiler) relations() (err error) {
	p := c.p
	n := len(p.desigs)
	p.closure, p.excludes, p.requires, p.standsAt = make([]uint64, n), make([]uint64, n), make([]uint64, n), make([]uint64, n)
	for d := range p.desigs {
		g := &p.desigs[d]
		if p.closure[d], err = c.mask(g.ID, g.Implies); err != nil {
			return err
		}
		p.closure[d] |= 1 << d
		if p.requires[d], err = c.mask(g.ID, g.Requires); err != nil {
			return err
		}
		if p.excludes[d], err = c.mask(g.ID, g.Excludes); err != nil { // one side may say it alone
			return err
		}
		for _, id := range g.Levels {
			i, ok := p.levelIndex[id]
			if !ok {
				return malformed("label.policy.designation", g.ID, "requires an unknown level")
			}
			p.standsAt[d] |= 1 << i
		}
		for i := range p.levels { // a level a designation may stand at stays one when the level rises: else joins would depend on order
			if p.standsAt[d]>>i&1 != 0 && p.up[i]&^p.standsAt[d] != 0 {
				return malformed("label.policy.designation", g.ID, "may stand at a level but not at one above it")
			}
		}
		if len(g.Levels) == 0 {
			p.standsAt[d] = ^uint64(0)
		}
	}
	for k := range n {
		for d := range n {
			if p.closure[d]>>k&1 != 0 {
				p.closure[d] |= p.closure[k]
			}
		}
	}
	own := make([]uint64, len(p.levels))
	for i := range p.levels {
		if own[i], err = c.mask(string(p.levels[i].ID), p.levels[i].Implies); err != nil {
			return err
		}
	}
	p.implied = make([]uint64, len(p.levels))
	for i := range p.levels { // what comes with a level comes with every level above it
		for j := range p.levels {
			if p.LeqIndex(j, i) {
				p.implied[i] |= own[j]
			}
		}
	}
	for i := range p.levels {
		if m := p.closed(i, 0); !p.consistent(i, m) || m&p.unsetDesigs != 0 {
			return malformed("label.policy.designation", string(p.levels[i].ID), "what the level implies contradicts itself or is unset")
		}
	}
	return nil
}

// mask turns ids into bits. A permissive value is a release list and can neither be implied nor required, only excluded.
func (c *compiler) mask(at string, ids []string) (m uint64, err error) {
	for _, id := range ids {
		d, ok := c.p.desigIndex[id]
		if !ok || m>>d&1 != 0 {
			return 0, malformed("label.policy.designation", at, "names an unknown designation, or one twice")
		}
		m |= 1 << d
	}
	return m, nil
}

func (c *compiler) releases() error {
	p, f := c.p, c.file.Release
	if err := c.graded("release", f.Source, f.Grade); err != nil {
		return err
	}
	d, ok := p.desigIndex[f.Designation]
	words := strings.TrimSuffix(f.Prefix, " ")
	if !ok || p.desigs[d].Kind != Permissive || !f.Grade.Set() || f.OwnerListed == nil || f.Separator != ", " ||
		words == f.Prefix || strings.Trim(words, "ABCDEFGHIJKLMNOPQRSTUVWXYZ ") != "" || words == "" {
		return malformed("label.policy.release", "release", "how a release list is written is missing or not readable")
	}
	for e := range p.desigs {
		if p.desigs[e].Kind == Permissive && e != d {
			return malformed("label.policy.release", p.desigs[e].ID, "a permissive designation other than the release list")
		}
		if bad := p.closure[e] | p.requires[e]; e != d && bad>>d&1 != 0 {
			return malformed("label.policy.release", p.desigs[e].ID, "implies or requires a release")
		}
		if (p.excludes[e]>>d|p.excludes[d]>>e)&1 != 0 && !p.desigs[e].NationalOnly {
			return malformed("label.policy.release", p.desigs[e].ID, "excludes a release and is not national-only")
		}
	}
	for i := range p.levels {
		if p.implied[i]>>d&1 != 0 {
			return malformed("label.policy.release", string(p.levels[i].ID), "implies a release")
		}
	}
	p.release = releaseList{prefix: f.Prefix, separator: f.Separator, ownerListed: *f.OwnerListed}
	return nil
}

// words compiles the tables that marks are read with, and refuses words that could be read in two ways.
func (c *compiler) words() error {
	p := c.p
	p.portionWords, p.bannerWords, p.desigWords = map[string]uint64{}, map[string]uint64{}, map[string]int{}
	p.alphabet = map[rune]bool{}
	for _, r := range p.release.prefix + p.release.separator + "/ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		p.alphabet[r] = true
	}
	level := func(words map[string]uint64, i int, list ...string) error {
		for _, w := range list {
			if w == "" || p.unsetLevels>>i&1 != 0 {
				continue
			}
			if err := c.word(w); err != nil {
				return err
			}
			for rest := words[w] &^ (1 << i); rest != 0; rest &= rest - 1 {
				if j := bits.TrailingZeros64(rest); !p.toldApart(i, j) && !p.toldApart(j, i) {
					return malformed("label.policy.word", string(p.levels[i].ID), "a word shared by levels that no designation tells apart")
				}
			}
			words[w] |= 1 << i
		}
		return nil
	}
	for i := range p.levels {
		l := &p.levels[i]
		if err := level(p.portionWords, i, l.Portions...); err != nil {
			return err
		}
		if err := level(p.bannerWords, i, l.Marking.EN, l.Marking.JA); err != nil {
			return err
		}
	}
	for d := range p.desigs {
		for _, w := range []string{p.desigs[d].Marking.EN, p.desigs[d].Marking.JA} {
			if w == "" || p.unsetDesigs>>d&1 != 0 || p.desigs[d].Kind == Permissive {
				continue
			}
			if err := c.word(w); err != nil {
				return err
			}
			if e, dup := p.desigWords[w]; dup && e != d {
				return malformed("label.policy.word", p.desigs[d].ID, "two designations share a word")
			}
			p.desigWords[w] = d
		}
	}
	return c.foreign()
}

// toldApart reports whether level i is always written with a designation that cannot stand at level j.
func (p *Policy) toldApart(i, j int) bool {
	for rest := p.closed(i, 0); rest != 0; rest &= rest - 1 {
		if p.standsAt[bits.TrailingZeros64(rest)]>>j&1 == 0 {
			return true
		}
	}
	return false
}

func (c *compiler) word(w string) error {
	if len(w) > maxWord || strings.ContainsAny(w, "/(),") || strings.Contains(w, "  ") || strings.HasPrefix(w+" ", c.p.release.prefix) {
		return malformed("label.policy.word", "policy", "a word is too long, or holds a character that separates words")
	}
	for _, r := range w {
		c.p.alphabet[r] = true
	}
	return nil
}

func (c *compiler) foreign() error {
	p, f := c.p, c.file.Foreign
	if err := c.graded("foreign", f.Source, f.Grade); err != nil {
		return err
	}
	p.foreign, p.foreignName = map[party.Party]Text{}, map[string]party.Party{}
	for i, n := range f.Names {
		at := "foreign.names[" + strconv.Itoa(i) + "]"
		t, err := c.both(at, bilingual{n.EN, n.JA})
		if err != nil {
			return err
		}
		if _, dup := p.foreign[n.Party]; dup || !n.Party.Valid() || n.Party == p.owner {
			return malformed("label.policy.word", at, "repeated, no party, or the owner itself")
		}
		for _, w := range []string{t.EN, t.JA} {
			if w == "" {
				continue
			}
			if err := c.word(w); err != nil {
				return err
			}
			if q, dup := p.foreignName[w]; dup && q != n.Party || party.Party(w).Valid() {
				return malformed("label.policy.word", at, "a name shared by two parties, or shaped like a party's code")
			}
			p.foreignName[w] = n.Party
		}
		p.foreign[n.Party] = t
	}
	return nil
}
