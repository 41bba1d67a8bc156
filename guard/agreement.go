package guard

import (
	"crypto/sha512"
	"encoding/hex"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"entente/errs"
)

// Tables is what the guard knows: one agreement and the policies of its parties, read from the same bytes the parties
// signed. It is immutable and safe for concurrent use.
type Tables struct {
	digest     [48]byte // over the digests of the agreement and the policies
	agreement  [48]byte
	realm      string
	parties    map[string]side
	authors    []author
	competent  string    // article that names authors
	from       time.Time // in force from
	until      time.Time // ends at
	evidence   bool      // entry into force is evidenced
	entry      string    // article of entry into force
	purposes   []string
	scope      string
	means      []string
	transit    string
	ceilings   map[way]term
	rows       map[way]bool // a level with a counterpart
	table      string       // article of the table of levels
	released   string       // article on what is released
	caveats    map[string]caveat
	statements []string
	closed     string              // article of the closed list of statements
	articles   map[string]handling // by number: what a version may quote
	words      *wordList           // national-only words, folded
	joined     *wordList           // of these, the ones that spaces may part
}

type side struct {
	policy *policy
	root   bool // the root is set
}

type author struct {
	id          string
	from, until time.Time
}

// way is a direction, and in rows and ceilings the level it is about.
type way struct{ from, to, level string }

type term struct{ level, article string }

type caveat struct {
	carry bool
	text  handling
}

// What an agreement file may hold, by place. A table or key that is not here may be a restriction the guard cannot judge,
// so the file is refused: extending agreements means extending the guard.
var (
	topKeys   = []string{"format", "id", "realm", "version", "suite"}
	tableKeys = map[string][]string{
		"title": {"en", "ja"}, "entry": {"in_force_from", "until", "evidence", "article"}, "scope": {"purposes", "article"},
		"release": {"article"}, "delegation": {"article"}, "duties": {"article"}, "third_party": {"rule", "article"}, "marking": {"article"}, "access": {"article"},
		"transmission": {"means", "article"}, "receipt": {"ack_hours", "registry_hours", "article"}, "destruction": {"rule", "article"},
		"limits": {"leaf", "body", "answers", "thread", "per_day", "unheld_bytes", "article"},
	}
	listKeys = map[string][]string{
		"party": {"id", "name_en", "name_ja", "policy", "root"}, "author": {"id", "from", "until", "note", "article"},
		"article": {"n", "title_en", "title_ja", "summary_en", "summary_ja", "source", "grade"},
		"ceiling": {"from", "to", "level", "article"}, "row": {"from", "to", "level", "targets", "default", "decider", "article"},
		"caveat": {"designation", "action", "article", "text_en", "text_ja"}, "statement": {"type", "proof", "article"},
	}
	authorShape = regexp.MustCompile(`^([A-Z]{3}|NATO)(/[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?){2}$`)
)

// Load reads an agreement (the exact text that is signed) and the policies of its parties, strictly: anything unknown is
// refused. Codes guard.agreement.malformed, guard.agreement.incomplete, guard.policy.malformed, guard.policy.exercise. What is
// well formed but unset (a root, evidence of entry into force) loads, and then every [Tables.Check] refuses.
func Load(agreementText []byte, policyJSON ...[]byte) (*Tables, error) {
	doc, line, bad := readTOML(agreementText)
	if bad == "" {
		line, bad = 0, unknownPlaces(doc)
	}
	if bad != "" {
		subject := "agreement"
		if line > 0 {
			subject += " line " + strconv.Itoa(line)
		}
		return nil, invalid("guard.agreement.malformed", subject, bad)
	}
	t := &Tables{agreement: sha512.Sum384(agreementText), realm: doc.top.str("realm"), parties: map[string]side{},
		ceilings: map[way]term{}, rows: map[way]bool{}, caveats: map[string]caveat{}, articles: map[string]handling{}}
	if doc.top.str("format") != "entente-agreement/1" || !realmShape.MatchString(t.realm) {
		return nil, incomplete("format", "not entente-agreement/1, or its realm is malformed")
	}
	var policies []*policy
	for _, text := range policyJSON {
		p, err := readPolicy(text, t.realm)
		if err != nil {
			return nil, err
		}
		policies = append(policies, p)
	}
	for _, read := range []func(document, []*policy) error{t.readParties, t.readTerms, t.readRows, t.readCaveats} {
		if err := read(doc, policies); err != nil {
			return nil, err
		}
	}
	t.words, t.joined = lists(homeList(policies))
	t.digest = t.sum(policies)
	return t, nil
}

var realmShape = regexp.MustCompile(`^(live|exercise:[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?)$`)

func incomplete(subject, why string) error {
	return invalid("guard.agreement.incomplete", subject, why)
}

// sum identifies the tables: SHA-384 over the agreement's digest and the policies' digests in ascending order.
func (t *Tables) sum(policies []*policy) [48]byte {
	digests := []string{}
	for _, p := range policies {
		digests = append(digests, string(p.digest[:]))
	}
	sort.Strings(digests)
	return sha512.Sum384([]byte("entente/guard-tables/1\x00" + string(t.agreement[:]) + strings.Join(digests, "")))
}

func unknownPlaces(doc document) string {
	for k := range doc.top {
		if !slices.Contains(topKeys, k) {
			return "an unknown key: " + k
		}
	}
	for name, tab := range doc.tables {
		if bad := unknownKeys(name, tab, tableKeys[name]); bad != "" {
			return bad
		}
	}
	for name, list := range doc.lists {
		for _, tab := range list {
			if bad := unknownKeys(name, tab, listKeys[name]); bad != "" {
				return bad
			}
		}
	}
	return ""
}

func unknownKeys(name string, tab table, known []string) string {
	if known == nil {
		return "an unknown table: " + name
	}
	for k := range tab {
		if !slices.Contains(known, k) {
			return "an unknown key: " + name + "." + k
		}
	}
	return ""
}

// cite writes an article as it is shown: an invented article never looks like one of a real agreement.
func (t *Tables) cite(tab table) string {
	n, ok := tab["article"].(uint64)
	if !ok || n == 0 {
		return ""
	}
	return t.citation(n)
}

func (t *Tables) citation(n uint64) string {
	s := "Art. " + strconv.FormatUint(n, 10)
	if t.realm != "live" {
		s = "EXERCISE " + s
	}
	return s
}

func (t *Tables) readParties(doc document, policies []*policy) error {
	for _, tab := range doc.lists["party"] {
		id, oid := tab.str("id"), tab.str("policy")
		i := slices.IndexFunc(policies, func(p *policy) bool { return p.oid == oid })
		if _, twice := t.parties[id]; twice || i < 0 || policies[i].owner != id {
			return incomplete("party", "a party is malformed, stands twice, or its policy is not loaded or not its own")
		}
		root, err := hex.DecodeString(tab.str("root"))
		if err != nil || len(root) != 0 && len(root) != 48 || tab.str("root") != hex.EncodeToString(root) {
			return incomplete("party", "a root fingerprint is not 96 lower-case hexadecimal digits")
		}
		t.parties[id] = side{policies[i], len(root) == 48 && strings.Trim(tab.str("root"), "0") != ""}
	}
	if len(t.parties) < 2 || len(policies) != len(t.parties) {
		return incomplete("party", "there are not at least two parties, each with one policy")
	}
	for _, tab := range doc.lists["author"] {
		if tab.unset("id", "from", "until") {
			continue
		}
		from, err1 := time.Parse(time.RFC3339, tab.str("from"))
		until, err2 := time.Parse(time.RFC3339, tab.str("until"))
		if err1 != nil || err2 != nil || !authorShape.MatchString(tab.str("id")) {
			return incomplete("author", "an author or its dates are malformed")
		}
		t.authors, t.competent = append(t.authors, author{tab.str("id"), from, until}), t.cite(tab)
	}
	return nil
}

func (t *Tables) readTerms(doc document, _ []*policy) error {
	entry := doc.tables["entry"]
	t.evidence, t.entry = strings.TrimSpace(entry.str("evidence")) != "", t.cite(entry)
	for key, into := range map[string]*time.Time{"in_force_from": &t.from, "until": &t.until} {
		s := entry.str(key)
		if s == "" {
			continue // unset: never in force
		}
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return incomplete("entry", "a date is not RFC 3339")
		}
		*into = v
	}
	t.purposes, t.scope = doc.tables["scope"].strs("purposes"), t.cite(doc.tables["scope"])
	t.released = t.cite(doc.tables["release"])
	t.means, t.transit = doc.tables["transmission"].strs("means"), t.cite(doc.tables["transmission"])
	for _, tab := range doc.lists["statement"] {
		if t.closed = t.cite(tab); !tab.unset("type", "proof") {
			t.statements = append(t.statements, tab.str("type"))
		}
	}
	for _, tab := range doc.lists["article"] {
		n, _ := tab["n"].(uint64)
		c := t.citation(n)
		if _, twice := t.articles[c]; twice || n == 0 {
			return incomplete("article", "an article has no number, or a number stands twice")
		}
		t.articles[c] = handling{c, tab.str("summary_en"), tab.str("summary_ja")}
	}
	return nil
}

func (t *Tables) readRows(doc document, _ []*policy) error {
	for _, tab := range doc.lists["ceiling"] {
		w := way{from: tab.str("from"), to: tab.str("to")}
		if tab.unset("from", "to", "level") {
			continue
		}
		if _, twice := t.ceilings[w]; twice || !t.known(w, tab.str("level")) {
			return incomplete("ceiling", "a ceiling stands twice, or names a party or level that is not known")
		}
		t.ceilings[w] = term{tab.str("level"), t.cite(tab)}
	}
	for _, tab := range doc.lists["row"] {
		w := way{tab.str("from"), tab.str("to"), tab.str("level")}
		targets := tab.strs("targets")
		if t.table = t.cite(tab); tab.unset("from", "to", "level") || len(targets) == 0 {
			continue
		}
		if t.rows[w] || !t.known(w, w.level) {
			return incomplete("row", "a row stands twice, or names a party or level that is not known")
		}
		to := t.parties[w.to].policy
		for _, target := range targets {
			parts := strings.Split(target, "+")
			if !to.levels[parts[0]].known || slices.ContainsFunc(parts[1:], func(d string) bool { return !to.designations[d].known }) {
				return incomplete("row", "a target is not known in the receiver's policy")
			}
		}
		t.rows[w] = true
	}
	return nil
}

// unset reports whether any of the keys has no value: then the table they stand in says nothing, and what would need it
// is refused.
func (t table) unset(keys ...string) bool {
	return slices.ContainsFunc(keys, func(k string) bool { return t.str(k) == "" })
}

// known reports whether w is a direction between two parties and lev a usable level of the one that sends.
func (t *Tables) known(w way, lev string) bool {
	from, to := t.parties[w.from], t.parties[w.to]
	return from.policy != nil && to.policy != nil && w.from != w.to && from.policy.levels[lev].known
}

func (t *Tables) readCaveats(doc document, policies []*policy) error {
	for _, tab := range doc.lists["caveat"] {
		id, action := tab.str("designation"), tab.str("action")
		if tab.unset("designation", "action", "text_en", "text_ja") {
			continue
		}
		_, twice := t.caveats[id]
		exists := slices.ContainsFunc(policies, func(p *policy) bool { _, ok := p.designations[id]; return ok })
		if twice || !exists || action != "refuse" && action != "carry" {
			return incomplete("caveat", "a caveat stands twice, is about no known designation, or has an unknown action")
		}
		t.caveats[id] = caveat{action == "carry", handling{t.cite(tab), tab.str("text_en"), tab.str("text_ja")}}
	}
	return nil
}

// inForce refuses where the agreement does not stand between from and to at a time (agreements rules 1 and 2).
func (t *Tables) inForce(from, to string, at time.Time) *failure {
	switch {
	case !t.evidence || t.from.IsZero() || t.until.IsZero():
		return &failure{"guard.in-force", "agreement", t.entry, "entry into force has no evidence or no dates"}
	case at.Before(t.from) || !at.Before(t.until):
		return &failure{"guard.in-force", "agreement", t.entry, "not in force at this time"}
	case !t.parties[from].root || !t.parties[to].root:
		return &failure{"guard.root", "agreement", "", "the root of a party is unset"}
	case !slices.Contains(t.statements, dispatchType):
		return &failure{"guard.statement", "agreement", t.closed, "a dispatch is not in the closed list of what may leave"}
	}
	return nil
}

// speaks refuses an authority for which no author may write at a time.
func (t *Tables) speaks(authority string, at time.Time) *failure {
	for _, a := range t.authors {
		if strings.HasPrefix(a.id, authority+"/") && !at.Before(a.from) && at.Before(a.until) {
			return nil
		}
	}
	return &failure{"guard.author", "authority", t.competent, "no author of this authority is named for this time"}
}

const dispatchType = "release.dispatch/1"

// failure is why one check refused.
type failure struct {
	code    errs.Code
	subject string // never content
	article string
	reason  string
}
