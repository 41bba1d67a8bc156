package label

import (
	"math/bits"

	"entente/errs"
	"entente/party"
)

// LevelID is the stable name of a level, "nzl.s" or "jpn.gokuhi": the owner in lower case, a dot, a slug.
type LevelID string

// Kind is how a designation restricts (ADatP-4774 Table 7).
type Kind string

const (
	Restrictive Kind = "restrictive" // narrows; all must be held
	Permissive  Kind = "permissive"  // the release list; stands in Label.Release
	Informative Kind = "informative" // never used to decide access
)

// Grade says how a value is known.
type Grade string

const (
	Treaty     Grade = "treaty text"
	Official   Grade = "official"
	News       Grade = "news"
	Exercise   Grade = "exercise"   // a gap filled for an exercise; says so wherever it is shown
	Unverified Grade = "unverified" // unset
	NotFound   Grade = "not found"  // unset
)

// Set reports whether a value of this grade may be used at all.
func (g Grade) Set() bool { return g == Treaty || g == Official || g == News || g == Exercise }

// Level is one rung of a policy.
type Level struct {
	ID        LevelID
	Names     Text     // how people call it
	Marking   Text     // the banner word
	Portion   Text     // the portion word of each language; written first
	Portions  []string // every portion word that is read
	Family    string   // levels of different families are never ordered by name
	Clearance bool     // needs a clearance; true also where the policy does not say
	Obsolete  bool     // read, never written
	Implies   []string // designations that come with it
	Grade     Grade
	Source    string
}

// Designation is a category that is not a rung.
type Designation struct {
	ID           string
	Names        Text
	Marking      Text // as written in banner and portion
	Kind         Kind
	Excludes     []string  // designations it never stands beside
	Levels       []LevelID // where it may stand; empty: anywhere
	Requires     []string  // designations it needs beside it
	Implies      []string
	NationalOnly bool // the release set is the owner alone
	Grade        Grade
	Source       string
}

// Policy is one marking scheme of one owner, read from a file and immutable.
type Policy struct {
	oid      string
	owner    party.Party
	version  uint64
	exercise bool
	name     Text
	digest   [48]byte
	unset    []string

	levels      []Level
	levelIndex  map[LevelID]int
	unsetLevels uint64
	up          []uint64 // up[i]: the levels at or above i
	lub         []int8   // lub[i*n+j]: least upper bound, -1 for none
	implied     []uint64 // implied[i]: designations that come with level i or any level below it

	desigs      []Designation // in order of id, so that bits in ascending order are ids in ascending order
	desigIndex  map[string]int
	unsetDesigs uint64
	national    uint64
	restrictive uint64
	closure     []uint64 // closure[d]: d and everything it implies
	excludes    []uint64 // symmetric
	requires    []uint64
	standsAt    []uint64 // levels, closed upwards
	written     []int    // order in which designations are written

	portionWords map[string]uint64 // word to candidate levels
	bannerWords  map[string]uint64
	desigWords   map[string]int
	alphabet     map[rune]bool // every character a mark may hold
	release      releaseList
	foreign      map[party.Party]Text // names of governments, for foreign information
	foreignName  map[string]party.Party
}

// releaseList is how a policy writes a release set.
type releaseList struct {
	prefix      string
	separator   string
	ownerListed bool // the owner stands first in the list; otherwise it is implied and never listed
}

// OID returns the policy's object identifier, dotted.
func (p *Policy) OID() string { return p.oid }

// Owner returns whose scheme it is.
func (p *Policy) Owner() party.Party { return p.owner }

// Version returns the file's version number.
func (p *Policy) Version() uint64 { return p.version }

// Exercise reports whether gaps in the policy are filled for an exercise; it must not be used in a live realm.
func (p *Policy) Exercise() bool { return p.exercise }

// Name returns what the policy is called.
func (p *Policy) Name() Text { return p.name }

// Digest returns the SHA-384 of the file's bytes.
func (p *Policy) Digest() [48]byte { return p.digest }

// Levels returns all levels in the order of the file. The caller must not change them.
func (p *Policy) Levels() []Level { return p.levels }

// Designations returns all designations in order of id. The caller must not change them.
func (p *Policy) Designations() []Designation { return p.desigs }

// Unset returns where the file holds unverified or missing values, as paths; each of them refuses.
func (p *Policy) Unset() []string { return p.unset }

// LevelIndex returns the place of a level in [Policy.Levels], for tables compiled from agreements.
func (p *Policy) LevelIndex(id LevelID) (int, bool) { i, ok := p.levelIndex[id]; return i, ok }

// DesignationIndex returns the place of a designation in [Policy.Designations], below 64.
func (p *Policy) DesignationIndex(id string) (int, bool) { d, ok := p.desigIndex[id]; return d, ok }

// Level returns one level.
func (p *Policy) Level(id LevelID) (Level, bool) {
	i, ok := p.levelIndex[id]
	if !ok {
		return Level{}, false
	}
	return p.levels[i], true
}

// Leq reports whether b is at least as high as a; false if either is unknown or the two are not ordered.
func (p *Policy) Leq(a, b LevelID) bool {
	i, ok := p.levelIndex[a]
	j, ok2 := p.levelIndex[b]
	return ok && ok2 && p.LeqIndex(i, j)
}

// LeqIndex is Leq by index; the indices must come from LevelIndex.
func (p *Policy) LeqIndex(i, j int) bool { return p.up[i]>>j&1 != 0 }

// Lub returns the least level at or above both. Codes: label.level, label.join.level.
func (p *Policy) Lub(a, b LevelID) (LevelID, error) {
	i, ok := p.levelIndex[a]
	j, ok2 := p.levelIndex[b]
	if !ok || !ok2 {
		return "", refuse("label.level", "labels R4", "the policy has no such level")
	}
	if k := p.lub[i*len(p.levels)+j]; k >= 0 {
		return p.levels[k].ID, nil
	}
	return "", p.noLub(i, j)
}

func (p *Policy) noLub(i, j int) error {
	return &errs.Error{Kind: errs.Refused, Code: "label.join.level", Op: "label.join", Rule: "labels R2, R4",
		Subject: string(p.levels[i].ID) + ", " + string(p.levels[j].ID), Reason: "no level of the policy covers both",
		Next: "split the text, or let a person with authority mark it"}
}

// withImplied adds to mask what the designations in it imply.
func (p *Policy) withImplied(mask uint64) uint64 {
	for rest := mask; rest != 0; rest &= rest - 1 {
		mask |= p.closure[bits.TrailingZeros64(rest)]
	}
	return mask
}

// closed adds to mask what the level and the designations imply.
func (p *Policy) closed(level int, mask uint64) uint64 { return p.withImplied(mask | p.implied[level]) }

// consistent reports whether the designations can stand together and at the level.
func (p *Policy) consistent(level int, mask uint64) bool {
	for rest := mask; rest != 0; rest &= rest - 1 {
		d := bits.TrailingZeros64(rest)
		if p.excludes[d]&mask != 0 || p.requires[d]&^mask != 0 || p.standsAt[d]>>level&1 == 0 {
			return false
		}
	}
	return true
}

// ids returns the designations of mask, nil for none.
func (p *Policy) ids(mask uint64) []string {
	if mask == 0 {
		return nil
	}
	out := make([]string, 0, bits.OnesCount64(mask))
	for ; mask != 0; mask &= mask - 1 {
		out = append(out, p.desigs[bits.TrailingZeros64(mask)].ID)
	}
	return out
}
