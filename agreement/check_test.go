package agreement

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"entente/errs"
	"entente/label"
	"entente/party"
)

func TestExerciseAgreementLacksOnlyTheRoots(t *testing.T) {
	a := parsed(t, exerciseText(t))
	var got []string
	for _, p := range a.Check(policies(t)) {
		got = append(got, fmt.Sprint(p.Code, " ", p.Term))
	}
	if want := "agreement.unset party[0].root, agreement.unset party[1].root"; strings.Join(got, ", ") != want {
		t.Errorf("problems: %v", got)
	}
	if problems := parsed(t, rooted(t)).Check(policies(t)); len(problems) != 0 {
		t.Errorf("with roots: %v", problems)
	}
	for _, art := range a.Articles() {
		if !strings.HasPrefix(art.Title.EN, "EXERCISE ") || !strings.HasPrefix(art.Title.JA, "【演習】") || !strings.HasPrefix(a.Cite(art.N), "EXERCISE Art. ") {
			t.Errorf("article %d does not say that it is an exercise", art.N)
		}
	}
	if a.Cite(20) != "" || a.Cite(0) != "" || a.Cite(4) != "EXERCISE Art. 4" {
		t.Error("a citation names what the text does not have")
	}
}

func TestAccessorsReadTheText(t *testing.T) {
	a := parsed(t, rooted(t))
	if a.ID() != "exercise-whio-jpn-nzl" || a.Realm() != "exercise:whio" || a.Suite() != "hybrid" || a.Version() != 1 || a.Destruction() != "notify" || a.ThirdParty() != "originator-consent" {
		t.Error("a head term reads wrong")
	}
	if got := fmt.Sprint(a.Authors(noon), a.Authors(noon.AddDate(10, 0, 0)), a.Purposes(), a.Means()); got != "[JPN/jmod/node-1 NZL/nzdf/node-1] [] [dprk-russia-transfers dprk-sanctions missile-launches regional-activity] [network courier]" {
		t.Error(got)
	}
	if l := a.Limits(); l != (Limits{1024, 65536, 16, 4096, 2000, 256 << 20}) {
		t.Error(l)
	}
	if ack, reg := a.Receipts(); ack.Hours() != 24 || reg.Hours() != 72 {
		t.Error(ack, reg)
	}
	p := a.Parties()
	if len(p) != 2 || p[0].ID != "JPN" || p[0].Root != jpnRoot || !p[1].RootSet || p[1].Name.JA != "ニュージーランド政府" {
		t.Error(p)
	}
	access, marking, receipt, destruction, limits := a.Citations()
	if got := fmt.Sprint(access, marking, receipt, destruction, limits); got != "EXERCISE Art. 12EXERCISE Art. 11EXERCISE Art. 14EXERCISE Art. 16EXERCISE Art. 18" {
		t.Error(got)
	}
}

func TestStatementsAreAClosedListWithTheProofEachNeeds(t *testing.T) {
	a := parsed(t, edit(t, exerciseText(t), "type = \"release.dispatch/1\"\nproof = \"node-attested\"", "type = \"release.dispatch/1\"\nproof = \"passkey\""))
	for _, tc := range []struct {
		typ, proof, article string
		ok                  bool
	}{
		{"custody.receipt/1", "node-attested", "EXERCISE Art. 14", true},
		{"custody.receipt/1", "passkey", "EXERCISE Art. 14", true}, // stronger than asked
		{"custody.receipt/1", "word of mouth", "EXERCISE Art. 14", false},
		{"custody.receipt/1", "", "EXERCISE Art. 14", false},
		{"custody.receipt/2", "node-attested", "", false},
		{"release.dispatch/1", "passkey", "EXERCISE Art. 7", true},
		{"release.dispatch/1", "node-attested", "EXERCISE Art. 7", false},
		{"release.dispatch/1", "device", "EXERCISE Art. 7", false}, // neither stands in for the other
		{"", "node-attested", "", false},
	} {
		if article, ok := a.StatementAllowed(tc.typ, tc.proof); ok != tc.ok || article != tc.article {
			t.Errorf("%s by %q: %q %v", tc.typ, tc.proof, article, ok)
		}
	}
}

// lineOf returns the number of the line that starts with s, the nth of them.
func lineOf(text, s string, nth int) int {
	for i, l := range strings.Split(text, "\n") {
		if strings.HasPrefix(l, s) {
			if nth--; nth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

func TestTextsThatAreNotRead(t *testing.T) {
	text := rooted(t)
	add := func(s string) string { return text + s + "\n" }
	last := strings.Count(text, "\n") + 1
	for name, tc := range map[string]struct {
		text string
		code errs.Code
		pos  string
	}{
		"nothing":               {"", "agreement.value", "line 1:1"},
		"too large":             {text + strings.Repeat("# more\n", MaxText/7), "agreement.size", "line 1:1"},
		"unknown table":         {add("[annex]"), "agreement.key", fmt.Sprintf("line %d:2", last)},
		"unknown term":          {edit(t, text, "version = 1\n", "version = 1\nedition = 2\n"), "agreement.key", "line 14:1"},
		"term of upper case":    {edit(t, text, "version = 1\n", "Version = 1\n"), "agreement.syntax", "line 13:1"},
		"term twice":            {edit(t, text, "version = 1\n", "version = 1\nversion = 1\n"), "agreement.syntax", "line 14:1"},
		"table twice":           {add("[entry]"), "agreement.syntax", fmt.Sprintf("line %d:2", last)},
		"carriage return":       {edit(t, text, "version = 1\n", "version = 1\r\n"), "agreement.text", "line 13:12"},
		"tab":                   {edit(t, text, "version = 1\n", "\tversion = 1\n"), "agreement.text", "line 13:1"},
		"bidirectional control": {edit(t, text, "# --- Terms", "# \u202e--- Terms"), "agreement.text", fmt.Sprintf("line %d:3", lineOf(text, "# --- Terms", 1))},
		"not UTF-8":             {edit(t, text, "# --- Terms", "# \xff--- Terms"), "agreement.text", fmt.Sprintf("line %d:3", lineOf(text, "# --- Terms", 1))},
		"not composed":          {edit(t, text, "# --- Terms", "# e\u0301 Terms"), "agreement.text", fmt.Sprintf("line %d:3", lineOf(text, "# --- Terms", 1))},
		"inline table":          {edit(t, text, "[entry]\n", "entry = { article = 19 }\n[entry]\n"), "agreement.syntax", fmt.Sprintf("line %d:1", lineOf(text, "[entry]", 1))},
		"dotted key":            {edit(t, text, "version = 1\n", "title.en = \"x\"\n"), "agreement.syntax", "line 13:1"},
		"escape":                {edit(t, text, "suite = \"hybrid\"", `suite = "hyb\u0072id"`), "agreement.syntax", "line 14:1"},
		"multi-line text":       {edit(t, text, "suite = \"hybrid\"", `suite = """hybrid"""`), "agreement.syntax", "line 14:1"},
		"other number":          {edit(t, text, "version = 1\n", "version = 0x1\n"), "agreement.syntax", "line 13:1"},
		"number of old":         {edit(t, text, "version = 1\n", "version = 01\n"), "agreement.syntax", "line 13:1"},
		"text for a number":     {edit(t, text, "version = 1\n", "version = \"1\"\n"), "agreement.syntax", "line 13:11"},
		"another format":        {edit(t, text, "agreement/1\"", "agreement/2\""), "agreement.value", "line 10:1"},
		"no id":                 {edit(t, text, "id = \"exercise-whio-jpn-nzl\"", "id = \"\""), "agreement.value", "line 11:1"},
		"realm":                 {edit(t, text, "realm = \"exercise:whio\"", "realm = \"exercise\""), "agreement.value", "line 12:1"},
		"suite":                 {edit(t, text, "suite = \"hybrid\"", "suite = \"rot13\""), "agreement.value", "line 14:1"},
		"date":                  {edit(t, text, "in_force_from = \"2026-01-01T00:00:00Z\"", "in_force_from = \"2026-01-01\""), "agreement.syntax", fmt.Sprintf("line %d:17", lineOf(text, "in_force_from", 1))},
		"date with zone":        {edit(t, text, "in_force_from = \"2026-01-01T00:00:00Z\"", "in_force_from = \"2026-01-01T00:00:00+09:00\""), "agreement.syntax", fmt.Sprintf("line %d:17", lineOf(text, "in_force_from", 1))},
		"date with fractions":   {edit(t, text, "in_force_from = \"2026-01-01T00:00:00Z\"", "in_force_from = \"2026-01-01T00:00:00.5Z\""), "agreement.syntax", fmt.Sprintf("line %d:17", lineOf(text, "in_force_from", 1))},
		"root of zeros":         {edit(t, text, nzlRoot.String(), strings.Repeat("0", 96)), "agreement.syntax", fmt.Sprintf("line %d:8", lineOf(text, "root", 2))},
		"root in capitals":      {edit(t, text, nzlRoot.String(), strings.ToUpper(nzlRoot.String())), "agreement.syntax", fmt.Sprintf("line %d:8", lineOf(text, "root", 2))},
		"party":                 {edit(t, text, "id = \"JPN\"", "id = \"Jpn\""), "agreement.value", fmt.Sprintf("line %d:1", lineOf(text, "id = \"JPN\"", 1))},
		"author":                {edit(t, text, "id = \"JPN/jmod/node-1\"", "id = \"JPN/jmod\""), "agreement.value", fmt.Sprintf("line %d:1", lineOf(text, "id = \"JPN/jmod", 1))},
		"means":                 {edit(t, text, "\"courier\"", "\"telegram\""), "agreement.value", fmt.Sprintf("line %d:1", lineOf(text, "means", 1))},
		"purpose":               {edit(t, text, "\"missile-launches\"", "\"Missile launches\""), "agreement.value", fmt.Sprintf("line %d:1", lineOf(text, "purposes", 1))},
		"proof":                 {edit(t, text, "type = \"journal.anchor/1\"\nproof = \"node-attested\"", "type = \"journal.anchor/1\"\nproof = \"sealing wax\""), "agreement.value", fmt.Sprintf("line %d:1", lineOf(text, "type = \"journal.anchor", 1)+1)},
		"decider":               {edit(t, text, "\"registry-officer\"", "\"minister\""), "agreement.value", fmt.Sprintf("line %d:1", lineOf(text, "decider", 1))},
		"target":                {edit(t, text, "[\"jpn.hi\"]", "[\"jpn.hi \"]"), "agreement.value", fmt.Sprintf("line %d:1", lineOf(text, "targets", 1))},
		"too many rows":         {text + strings.Repeat("[[row]]\n", 510), "agreement.size", fmt.Sprintf("line %d:1", last+508)},
	} {
		_, err := Parse([]byte(tc.text))
		var e *errs.Error
		if errs.CodeOf(err) != tc.code || errs.KindOf(err) != errs.Invalid {
			t.Errorf("%s: %v, want %s", name, err, tc.code)
		} else if e, _ = err.(*errs.Error); e.Subject != tc.pos {
			t.Errorf("%s: at %s, want %s", name, e.Subject, tc.pos)
		}
	}
}

func TestBadAgreementsAreNamedByCodeAndLine(t *testing.T) {
	text := rooted(t)
	for name, tc := range map[string]struct {
		old, new string
		code     errs.Code
		term     string
	}{
		"no version":           {"version = 1\n", "version = 0\n", "agreement.unset", "version"},
		"no suite":             {"suite = \"hybrid\"", "suite = \"\"", "agreement.unset", "suite"},
		"no entry":             {"in_force_from = \"2026-01-01T00:00:00Z\"", "in_force_from = \"\"", "agreement.unset", "entry.in_force_from"},
		"no evidence":          {"evidence = \"EXERCISE exchange of notes WHIO/1, invented\"", "evidence = \"\"", "agreement.unset", "entry.evidence"},
		"no policy":            {"policy = \"2.25.65688455307285079038690699300000021592\"", "policy = \"\"", "agreement.unset", "party[1].policy"},
		"no purposes":          {"purposes = [\"dprk-russia-transfers\", \"dprk-sanctions\", \"missile-launches\", \"regional-activity\"]", "purposes = []", "agreement.unset", "scope.purposes"},
		"no means":             {"means = [\"network\", \"courier\"]", "means = []", "agreement.unset", "transmission.means"},
		"no consent rule":      {"rule = \"originator-consent\"", "rule = \"\"", "agreement.unset", "third_party.rule"},
		"no destruction":       {"rule = \"notify\"", "rule = \"\"", "agreement.unset", "destruction.rule"},
		"no receipt":           {"ack_hours = 24\n", "", "agreement.unset", "receipt.ack_hours"},
		"no limit":             {"per_day = 2000", "per_day = 0", "agreement.unset", "limits.per_day"},
		"no targets":           {"targets = [\"jpn.hi\"]\ndefault = \"jpn.hi\"", "targets = []", "agreement.unset", "row[0].targets"},
		"no decider":           {"decider = \"registry-officer\"\n", "", "agreement.unset", "row[1].decider"},
		"no default":           {"default = \"jpn.gokuhi\"\n", "", "agreement.unset", "row[1].default"},
		"no title":             {"title_en = \"EXERCISE Access\"\n", "", "agreement.unset", "article[11].title_en"},
		"ends before it began": {"until = \"2031-01-01T00:00:00Z\"\nevidence", "until = \"2025-01-01T00:00:00Z\"\nevidence", "agreement.contradiction", "entry.until"},
		"author ends first":    {"until = \"2031-01-01T00:00:00Z\"\nnote = \"EXERCISE node of the J", "until = \"2026-01-01T00:00:00Z\"\nnote = \"EXERCISE node of the J", "agreement.contradiction", "author[0].until"},
		"author of nobody":     {"id = \"NZL/nzdf/node-1\"", "id = \"AUS/adf/node-1\"", "agreement.unknown", "author[1].id"},
		"author twice":         {"id = \"NZL/nzdf/node-1\"", "id = \"JPN/jmod/node-1\"", "agreement.duplicate", "author[1].id"},
		"party twice":          {"id = \"NZL\"", "id = \"JPN\"", "agreement.duplicate", "party[1].id"},
		"one root":             {nzlRoot.String(), jpnRoot.String(), "agreement.contradiction", "party[1].root"},
		"unknown policy":       {"2.25.65688455307285079038690699300000021592", "2.25.1", "agreement.unknown", "party[1].policy"},
		"policy of the other":  {"2.25.65688455307285079038690699300000021592", "2.25.66923484754610954462154075913504596964", "agreement.contradiction", "party[1].policy"},
		"title is silent":      {"en = \"EXERCISE Agreement between", "en = \"Agreement between", "agreement.exercise", "title.en"},
		"article is silent":    {"title_ja = \"【演習】定義\"", "title_ja = \"定義\"", "agreement.exercise", "article[1].title_ja"},
		"evidence is silent":   {"evidence = \"EXERCISE exchange of notes WHIO/1, invented\"", "evidence = \"Exchange of notes\"", "agreement.exercise", "entry.evidence"},
		"article twice":        {"n = 2\n", "n = 1\n", "agreement.duplicate", "article[1].n"},
		"article gone":         {"n = 12\n", "n = 40\n", "agreement.unsourced", "access.article"},
		"no article":           {"[duties]\narticle = 8", "[duties]", "agreement.unsourced", "duties.article"},
		"whole table gone":     {"[duties]\narticle = 8\n", "", "agreement.unsourced", "duties.article"},
		"purpose twice":        {"\"dprk-sanctions\", \"missile", "\"dprk-sanctions\", \"dprk-sanctions\", \"missile", "agreement.duplicate", "scope.purposes"},
		"register first":       {"registry_hours = 72", "registry_hours = 12", "agreement.contradiction", "receipt.registry_hours"},
		"above the format":     {"leaf = 1024", "leaf = 4096", "agreement.contradiction", "limits.leaf"},
		"type twice":           {"type = \"journal.anchor/1\"", "type = \"key.statement/1\"", "agreement.duplicate", "statement[6].type"},
		"ceiling unknown":      {"to = \"JPN\"\nlevel = \"nzl.s\"\narticle = 5", "to = \"JPN\"\nlevel = \"nzl.x\"\narticle = 5", "agreement.unknown", "ceiling[1].level"},
		"ceiling to nobody":    {"to = \"JPN\"\nlevel = \"nzl.s\"\narticle = 5", "to = \"AUS\"\nlevel = \"nzl.s\"\narticle = 5", "agreement.unknown", "ceiling[1].to"},
		"ceiling missing":      {"[[ceiling]]\nfrom = \"NZL\"\nto = \"JPN\"\nlevel = \"nzl.s\"\narticle = 5\n", "", "agreement.unset", "ceiling"},
		"ceiling twice":        {"from = \"NZL\"\nto = \"JPN\"\nlevel = \"nzl.s\"\narticle = 5", "from = \"JPN\"\nto = \"NZL\"\nlevel = \"jpn.hi\"\narticle = 5", "agreement.duplicate", "ceiling[1].to"},
		"row above ceiling":    {"to = \"JPN\"\nlevel = \"nzl.s\"\narticle = 5", "to = \"JPN\"\nlevel = \"nzl.c\"\narticle = 5", "agreement.contradiction", "row[1].level"},
		"row twice":            {"level = \"nzl.c\"\n", "level = \"nzl.s\"\n", "agreement.duplicate", "row[1].level"},
		"row to itself":        {"to = \"JPN\"\nlevel = \"nzl.c\"", "to = \"NZL\"\nlevel = \"nzl.c\"", "agreement.contradiction", "row[0].to"},
		"row unknown":          {"level = \"nzl.c\"\n", "level = \"nzl.d\"\n", "agreement.unknown", "row[0].level"},
		"target unknown":       {"targets = [\"jpn.hi\"]", "targets = [\"jpn.hi\", \"jpn.hi+jpn.nothing\"]", "agreement.unknown", "row[0].targets"},
		"target obsolete":      {"targets = [\"jpn.hi\"]\ndefault = \"jpn.hi\"", "targets = [\"jpn.kimitsu\"]\ndefault = \"jpn.kimitsu\"", "agreement.unknown", "row[0].targets"},
		"default elsewhere":    {"default = \"jpn.gokuhi\"", "default = \"jpn.hi\"", "agreement.contradiction", "row[1].default"},
		"not monotone":         {"targets = [\"jpn.hi\"]\ndefault = \"jpn.hi\"", "targets = [\"jpn.gokuhi\"]\ndefault = \"jpn.gokuhi\"", "", ""},
		"table upside down":    {"targets = [\"jpn.gokuhi\", \"jpn.gokuhi+jpn.tokutei\"]\ndefault = \"jpn.gokuhi\"", "targets = [\"jpn.u\"]\ndefault = \"jpn.u\"", "agreement.contradiction", "row[1].targets"},
		"round trip lowers":    {"targets = [\"nzl.s\"]\ndefault = \"nzl.s\"", "targets = [\"nzl.c\"]\ndefault = \"nzl.c\"", "agreement.contradiction", "row[1].targets"},
		"nothing to hold at":   {"targets = [\"jpn.gokuhi\", \"jpn.gokuhi+jpn.tokutei\"]", "targets = [\"jpn.gokuhi\", \"jpn.sd-gokuhi+jpn.tokubetsu-boei\"]", "agreement.contradiction", "row[1].targets"},
		"caveat twice":         {"designation = \"jpn.only\"", "designation = \"nzl.nzeo\"", "agreement.duplicate", "caveat[2].designation"},
		"caveat of nobody":     {"designation = \"jpn.only\"", "designation = \"jpn.lonely\"", "agreement.unknown", "caveat[2].designation"},
		"national carried":     {"designation = \"jpn.only\"\naction = \"refuse\"", "designation = \"jpn.only\"\naction = \"carry\"", "agreement.contradiction", "caveat[2].action"},
		"release list":         {"designation = \"jpn.only\"", "designation = \"jpn.release\"", "agreement.contradiction", "caveat[2].designation"},
	} {
		bad := edit(t, text, tc.old, tc.new)
		a := parsed(t, bad)
		problems := a.Check(policies(t))
		found := tc.code == ""
		for _, p := range problems {
			if p.Code == tc.code && p.Term == tc.term {
				found = true
				wantLine(t, name, a, p)
			}
			if p.Text.EN == "" || p.Text.JA == "" {
				t.Errorf("%s: a problem without words: %v", name, p)
			}
		}
		if !found || tc.code == "" && len(problems) != 0 && name != "not monotone" {
			t.Errorf("%s: want %s %s, have %v", name, tc.code, tc.term, problems)
		}
		c, err := a.Compile(policies(t))
		switch {
		case tc.code == "agreement.unset" && err != nil:
			t.Errorf("%s: a text with an unset term does not compile: %v", name, err)
		case tc.code == "agreement.unset":
			if q := released(t, policies(t)); tc.term != "row[1].decider" && tc.term != "row[1].default" && c.AsIfSigned().Decide(q) != Deny {
				t.Errorf("%s: allowed all the same", name)
			}
		case tc.code != "" && err == nil:
			t.Errorf("%s: compiles", name)
		}
	}
}

// wantLine checks that a problem stands on the line of its term, or of the table that lacks it.
func wantLine(t *testing.T, name string, a *Agreement, p Problem) {
	t.Helper()
	key := p.Term
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		key = key[i+1:]
	}
	lines := strings.Split(string(a.Text()), "\n")
	switch {
	case p.Line == 0:
		if table, _, _ := strings.Cut(p.Term, "."); bytes.Contains(a.Text(), []byte("["+table+"]\n")) && table != "ceiling" {
			t.Errorf("%s: no line, although the table is there", name)
		}
	case !strings.HasPrefix(lines[p.Line-1], key+" =") && !strings.HasPrefix(lines[p.Line-1], "["):
		t.Errorf("%s: %s is said to stand on line %d: %s", name, p.Term, p.Line, lines[p.Line-1])
	}
}

func TestAnExerciseGradeIsNotLaw(t *testing.T) {
	live := strings.NewReplacer("exercise:whio", "live", "EXERCISE ", "", "【演習】", "", "演習用", "", "(演習「WHIO」)", "").Replace(rooted(t))
	codes := map[errs.Code]int{}
	for _, p := range parsed(t, live).Check(policies(t)) {
		codes[p.Code]++
	}
	if codes[exercise] < 19 || codes[unsourced] < 19 {
		t.Errorf("a live text on exercise articles and policies: %v", codes)
	}
	for grade, want := range map[string]int{"treaty text": 0, "official": 0, "news": 1, "unverified": 1, "not found": 1} {
		text := strings.ReplaceAll(live, "grade = \"exercise\"", "grade = \""+grade+"\"")
		n := 0
		for _, p := range parsed(t, text).Check(policies(t)) {
			if p.Code == unsourced {
				n = 1
			}
		}
		if n != want {
			t.Errorf("grade %s: unsourced %d, want %d", grade, n, want)
		}
	}
}

func TestWithRootsChangesOnlyTheRootLines(t *testing.T) {
	before := exerciseText(t)
	a := parsed(t, before)
	after := rooted(t)
	was, is := strings.Split(before, "\n"), strings.Split(after, "\n")
	changed := 0
	for i := range was {
		if was[i] != is[i] {
			changed++
			if was[i] != `root = ""` || !strings.HasPrefix(is[i], `root = "`) {
				t.Errorf("line %d became %q", i+1, is[i])
			}
		}
	}
	if changed != 2 || len(was) != len(is) {
		t.Errorf("%d lines changed", changed)
	}
	one, err := a.WithRoots(map[party.Party]party.Fingerprint{"JPN": jpnRoot})
	if err != nil || strings.Count(string(one), `root = ""`) != 1 {
		t.Errorf("one root: %v", err)
	}
	for name, roots := range map[string]map[party.Party]party.Fingerprint{"stranger": {"AUS": jpnRoot}, "zeros": {"JPN": {}}} {
		if _, err := a.WithRoots(roots); err == nil {
			t.Errorf("%s: filled in", name)
		}
	}
	if _, err := parsed(t, after).WithRoots(map[party.Party]party.Fingerprint{"JPN": nzlRoot}); errs.CodeOf(err) != "agreement.root" {
		t.Errorf("a root was overwritten: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("../examples/exercise/agreement.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("format = \"entente-agreement/1\"\nid = \"a\"\nrealm = \"live\"\n"))
	f.Add([]byte("format = \"entente-agreement/1\"\nid = \"a\"\nrealm = \"exercise:x\"\n[[party]]\nid = \"JPN\"\n[[row]]\n[[row]]\ntargets = [\"jpn.hi\"]\n[[author]]\n"))
	set, err := label.ExercisePolicies()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Parse(b)
		if err != nil {
			if errs.KindOf(err) != errs.Invalid || errs.CodeOf(err) == "" {
				t.Fatalf("an error without kind or code: %v", err)
			}
			return
		}
		a.Check(nil)
		problems := a.Check(set)
		c, err := a.Compile(set)
		if err != nil {
			return
		}
		q := &Question{From: "NZL", To: "JPN", Author: "NZL/nzdf/node-1", Reader: "JPN/jmod/node-1", At: noon}
		if d := c.AsIfSigned().Explain(q); d.Outcome != Deny || len(problems) > 0 && len(d.Findings) != int(ruleCount) {
			t.Fatal("a question without label, purpose and officer was allowed")
		}
	})
}
