package label

import (
	"bytes"
	"crypto/sha512"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"entente/errs"
	"entente/party"
)

// Limits of a policy file.
const (
	MaxPolicy = 256 << 10 // bytes
	maxBits   = 64        // levels, designations: they are bits of a word
	maxWord   = 64        // bytes of a marking word
	maxDepth  = 8
)

// value is one datum of a policy file with where it comes from.
type value struct {
	Value  string `json:"value"`
	Source string `json:"source"`
	Grade  Grade  `json:"grade"`
}

type bilingual struct {
	EN value `json:"en"`
	JA value `json:"ja"`
}

type policyFile struct {
	Format       string            `json:"format"`
	OID          string            `json:"oid"`
	Version      uint64            `json:"version"`
	Owner        party.Party       `json:"owner"`
	Exercise     *bool             `json:"exercise"`
	Name         bilingual         `json:"name"`
	Families     []familyFile      `json:"families"`
	Levels       []levelFile       `json:"levels"`
	Order        []orderFile       `json:"order"`
	Designations []designationFile `json:"designations"`
	Release      releaseFile       `json:"release"`
	Foreign      foreignFile       `json:"foreign"`
}

type familyFile struct {
	ID     string `json:"id"`
	Text   string `json:"text"`
	Source string `json:"source"`
	Grade  Grade  `json:"grade"`
}

type levelFile struct {
	ID        LevelID   `json:"id"`
	Family    string    `json:"family"`
	Names     bilingual `json:"names"`
	Marking   bilingual `json:"marking"`
	Portion   bilingual `json:"portion"`
	Also      []value   `json:"also"`
	Clearance struct {
		Value  *bool  `json:"value"`
		Source string `json:"source"`
		Grade  Grade  `json:"grade"`
	} `json:"clearance_required"`
	Implies  []string `json:"implies"`
	Obsolete *bool    `json:"obsolete"`
	Source   string   `json:"source"`
	Grade    Grade    `json:"grade"`
	Note     string   `json:"note"`
}

type orderFile struct {
	LessThan     [][2]LevelID `json:"less_than"`
	Incomparable [][2]LevelID `json:"incomparable"`
	Source       string       `json:"source"`
	Grade        Grade        `json:"grade"`
	Note         string       `json:"note"`
}

type designationFile struct {
	ID       string    `json:"id"`
	Kind     Kind      `json:"kind"`
	Names    bilingual `json:"names"`
	Marking  bilingual `json:"marking"`
	Excludes []string  `json:"excludes"`
	Requires struct {
		Levels       []LevelID `json:"levels"`
		Designations []string  `json:"designations"`
	} `json:"requires"`
	Implies      []string `json:"implies"`
	NationalOnly *bool    `json:"national_only"`
	Source       string   `json:"source"`
	Grade        Grade    `json:"grade"`
	Note         string   `json:"note"`
}

type releaseFile struct {
	Designation string `json:"designation"`
	Prefix      string `json:"prefix"`
	Separator   string `json:"separator"`
	OwnerListed *bool  `json:"owner_listed"`
	Source      string `json:"source"`
	Grade       Grade  `json:"grade"`
}

type foreignFile struct {
	Names []struct {
		Party party.Party `json:"party"`
		EN    value       `json:"en"`
		JA    value       `json:"ja"`
	} `json:"names"`
	Source string `json:"source"`
	Grade  Grade  `json:"grade"`
	Note   string `json:"note"`
}

func malformed(code errs.Code, subject, reason string) error {
	return &errs.Error{Kind: errs.Invalid, Code: code, Op: "label.policy.parse", Subject: subject, Reason: reason}
}

// ParsePolicy reads a policy file, strictly. Codes: label.policy.size, label.policy.json, label.policy.field,
// label.policy.value, label.policy.order, label.policy.designation, label.policy.word, label.policy.release.
func ParsePolicy(file []byte) (*Policy, error) {
	if len(file) > MaxPolicy {
		return nil, malformed("label.policy.size", "policy", "larger than 256 KiB")
	}
	if err := walk(file); err != nil {
		return nil, err
	}
	var f policyFile
	dec := json.NewDecoder(bytes.NewReader(file))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return nil, malformed("label.policy.json", "policy", "not of the shape entente-policy/1")
	}
	c := compiler{file: &f, p: &Policy{oid: f.OID, owner: f.Owner, version: f.Version, digest: sha512.Sum384(file)}}
	for _, step := range []func() error{c.head, c.levels, c.order, c.designations, c.releases, c.words} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return c.p, nil
}

// walk reads the tokens before anything is decoded, because encoding/json takes the last of two equal keys, matches keys
// without regard to case, repairs bad UTF-8 and reads null as zero. None of that is accepted here.
func walk(file []byte) error {
	if !utf8.Valid(file) {
		return malformed("label.policy.json", "policy", "not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(file))
	dec.UseNumber()
	type frame struct {
		keys map[string]bool // nil in an array
		key  string          // waiting for its value
	}
	var stack []frame
	for first := true; ; first = false {
		tok, err := dec.Token()
		if err == io.EOF && !first && len(stack) == 0 {
			return nil
		}
		if err != nil || !first && len(stack) == 0 {
			return malformed("label.policy.json", "policy", "not JSON, or something follows it")
		}
		top := len(stack) - 1
		if text, ok := tok.(string); ok {
			if strings.ContainsFunc(text, func(r rune) bool { return r == utf8.RuneError || unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) }) {
				return malformed("label.policy.value", "policy", "a control or format character in a text")
			}
			if top >= 0 && stack[top].keys != nil && stack[top].key == "" {
				if text == "" || strings.Trim(text, "abcdefghijklmnopqrstuvwxyz_") != "" {
					return malformed("label.policy.field", "policy", "a key is not lower-case ASCII")
				}
				if stack[top].keys[text] {
					return malformed("label.policy.field", text, "a key is repeated")
				}
				stack[top].keys[text], stack[top].key = true, text
				continue
			}
		}
		if tok == nil && (top < 0 || stack[top].key != "value" && stack[top].key != "source") {
			return malformed("label.policy.field", "policy", "null stands where a value is required")
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			if len(stack) == maxDepth {
				return malformed("label.policy.json", "policy", "nested too deeply")
			}
			fr := frame{}
			if tok == json.Delim('{') {
				fr.keys = map[string]bool{}
			}
			stack = append(stack, fr)
			continue
		case json.Delim('}'), json.Delim(']'):
			stack, top = stack[:top], top-1
		}
		if top >= 0 {
			stack[top].key = ""
		}
	}
}

// compiler turns a file into the tables of a Policy, one part after the other; later parts rest on earlier ones.
type compiler struct {
	file *policyFile
	p    *Policy
}

// text takes a value that is set, or notes at where it is not. A value that is set names its source.
func (c *compiler) text(at string, v value) (string, error) {
	if err := c.graded(at, v.Source, v.Grade); err != nil {
		return "", err
	}
	if !v.Grade.Set() {
		c.p.unset = append(c.p.unset, at+" ("+string(v.Grade)+")")
		return "", nil
	}
	if v.Value == "" || len(v.Value) > 256 || v.Value != strings.TrimSpace(v.Value) || strings.ContainsFunc(v.Value, func(r rune) bool { return !plain(r) }) {
		return "", malformed("label.policy.value", at, "empty, too long, edged with spaces or with characters beyond plain text")
	}
	return v.Value, nil
}

func (c *compiler) both(at string, v bilingual) (t Text, err error) {
	if t.EN, err = c.text(at+".en", v.EN); err == nil {
		t.JA, err = c.text(at+".ja", v.JA)
	}
	return t, err
}

func (c *compiler) graded(at, source string, g Grade) error {
	switch {
	case !g.Set() && g != Unverified && g != NotFound:
		return malformed("label.policy.value", at, "unknown grade")
	case g.Set() && source == "":
		return malformed("label.policy.value", at, "a value without a source")
	case g == Exercise && !c.p.exercise:
		return malformed("label.policy.value", at, "an exercise value in a policy that is not for exercises")
	}
	return nil
}

func (c *compiler) head() (err error) {
	f := c.file
	arc, digits := strings.CutPrefix(f.OID, "2.25.") // UUID arc (ITU-T X.667); national arcs may follow
	switch {
	case f.Format != "entente-policy/1":
		return malformed("label.policy.field", "format", "not entente-policy/1")
	case !digits || len(arc) < 1 || len(arc) > 39 || strings.Trim(arc, "0123456789") != "" || arc[0] == '0':
		return malformed("label.policy.field", "oid", "not an OID under 2.25")
	case f.Version == 0 || f.Exercise == nil || !f.Owner.Valid():
		return malformed("label.policy.field", "policy", "version, exercise or owner is missing")
	case len(f.Levels) == 0 || len(f.Levels) > maxBits || len(f.Designations) > maxBits || len(f.Families) == 0:
		return malformed("label.policy.field", "policy", "no levels or families, or more than 64 levels or designations")
	}
	c.p.exercise = *f.Exercise
	if c.p.name, err = c.both("name", f.Name); err != nil {
		return err
	}
	if c.p.exercise && (!strings.Contains(c.p.name.EN, "EXERCISE") || !strings.Contains(c.p.name.JA, "演習")) {
		return malformed("label.policy.value", "name", "the name of an exercise policy must say EXERCISE and 演習")
	}
	return nil
}

// id checks an id: the owner in lower case, a dot, a slug. So no two owners share an id.
func (c *compiler) id(at, id string) error {
	slug, ok := strings.CutPrefix(id, strings.ToLower(string(c.p.owner))+".")
	if !ok || slug == "" || len(id) > 40 || strings.Trim(slug, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return malformed("label.policy.field", at, "an id is the owner in lower case, a dot and a slug")
	}
	return nil
}

func (c *compiler) levels() error {
	families := map[string]bool{}
	for i, f := range c.file.Families {
		at := "families[" + strconv.Itoa(i) + "]"
		if f.ID == "" || families[f.ID] {
			return malformed("label.policy.field", at, "empty or repeated")
		}
		if err := c.graded(at, f.Source, f.Grade); err != nil {
			return err
		}
		families[f.ID] = true
	}
	p := c.p
	p.levelIndex = make(map[LevelID]int, len(c.file.Levels))
	for i, f := range c.file.Levels {
		at := "levels[" + strconv.Itoa(i) + "]"
		if err := c.id(at, string(f.ID)); err != nil {
			return err
		}
		if _, dup := p.levelIndex[f.ID]; dup || !families[f.Family] || f.Obsolete == nil {
			return malformed("label.policy.field", at, "repeated, of no known family, or obsolete is missing")
		}
		l := Level{ID: f.ID, Family: f.Family, Obsolete: *f.Obsolete, Implies: f.Implies, Grade: f.Grade, Source: f.Source}
		err := c.graded(at, f.Source, f.Grade)
		for _, part := range []struct {
			name string
			from bilingual
			to   *Text
		}{{".names", f.Names, &l.Names}, {".marking", f.Marking, &l.Marking}, {".portion", f.Portion, &l.Portion}} {
			if err == nil {
				*part.to, err = c.both(at+part.name, part.from)
			}
		}
		if err == nil {
			err = c.graded(at+".clearance_required", f.Clearance.Source, f.Clearance.Grade)
		}
		if err != nil {
			return err
		}
		l.Clearance = !f.Clearance.Grade.Set() || f.Clearance.Value == nil || *f.Clearance.Value
		if !f.Clearance.Grade.Set() {
			p.unset = append(p.unset, at+".clearance_required ("+string(f.Clearance.Grade)+")")
		}
		if l.Portions, err = c.portions(at, f, l.Portion); err != nil {
			return err
		}
		if !f.Grade.Set() || l.Marking == (Text{}) || len(l.Portions) == 0 {
			p.unset = append(p.unset, at+" ("+string(f.Grade)+")")
			p.unsetLevels |= 1 << i
		}
		p.levelIndex[f.ID] = i
		p.levels = append(p.levels, l)
	}
	return nil
}

func (c *compiler) portions(at string, f levelFile, canonical Text) (words []string, err error) {
	add := func(w string) {
		if w != "" && !slices.Contains(words, w) {
			words = append(words, w)
		}
	}
	add(canonical.EN)
	add(canonical.JA)
	for i, v := range f.Also {
		w, err := c.text(at+".also["+strconv.Itoa(i)+"]", v)
		if err != nil {
			return nil, err
		}
		add(w)
	}
	return words, nil
}
