package guard

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"entente/errs"
)

func TestAgreementIsReadStrictly(t *testing.T) {
	for _, tc := range []struct {
		name string
		code errs.Code
		edit func(*dispatch)
	}{
		{"unknown table", "guard.agreement.malformed", edit("[scope]", "[extra]\narticle = 1\n[scope]")},
		{"unknown list", "guard.agreement.malformed", edit("[scope]", "[[exception]]\narticle = 1\n[scope]")},
		{"unknown key in a table", "guard.agreement.malformed", edit("[scope]", "[scope]\nexcept = \"x\"")},
		{"unknown key in a list", "guard.agreement.malformed", edit("[[row]]", "[[row]]\nunless = \"x\"")},
		{"unknown key at the top", "guard.agreement.malformed", edit("version = 1", "version = 1\nsecret = true")},
		{"unknown table without a key", "guard.agreement.malformed", edit("[scope]", "[extra]\n[scope]")},
		{"table for a list", "guard.agreement.malformed", edit("[[row]]", "[row]")},
		{"another format", "guard.agreement.incomplete", edit("entente-agreement/1", "entente-agreement/2")},
		{"realm malformed", "guard.agreement.incomplete", edit("exercise:whio", "exercise:")},
		{"one party", "guard.agreement.incomplete", edit("[[party]]\nid = \"JPN\"\npolicy = \"2.25.1002\"\nroot = \""+strings.Repeat("ab", 48)+"\"", "")},
		{"party twice", "guard.agreement.incomplete", edit(`id = "JPN"`, `id = "NZL"`)},
		{"policy not loaded", "guard.agreement.incomplete", edit("2.25.1002", "2.25.9")},
		{"policies changed round", "guard.agreement.incomplete", func(d *dispatch) {
			d.agreement, _, _ = strings.Cut(strings.NewReplacer("2.25.1001", "2.25.1002", "2.25.1002", "2.25.1001").Replace(d.agreement), "[[ceiling]]")
		}},
		{"one party, one policy", "guard.agreement.incomplete", func(d *dispatch) {
			d.policies = d.policies[:1]
			d.agreement = "format = \"entente-agreement/1\"\nrealm = \"exercise:whio\"\n[[party]]\nid = \"NZL\"\npolicy = \"2.25.1001\""
		}},
		{"root in capitals", "guard.agreement.incomplete", edit("abab", "ABAB")},
		{"root too short", "guard.agreement.incomplete", edit("abab", "")},
		{"author malformed", "guard.agreement.incomplete", edit("NZL/nzdf/node-1", "NZL/nzdf")},
		{"date malformed", "guard.agreement.incomplete", edit("2026-01-01T00:00:00Z", "2026-01-01")},
		{"article without a number", "guard.agreement.incomplete", edit("n = 6", "n = 0")},
		{"ceiling at a level that is not", "guard.agreement.incomplete", edit("level = \"nzl.s\"\narticle = 5", "level = \"nzl.x\"\narticle = 5")},
		{"row at a level that is not", "guard.agreement.incomplete", edit("level = \"nzl.c\"", "level = \"jpn.hi\"")},
		{"row twice", "guard.agreement.incomplete", edit("level = \"nzl.c\"", "level = \"nzl.s\"")},
		{"target that is not", "guard.agreement.incomplete", edit(`"jpn.gokuhi+jpn.tokutei"`, `"jpn.gokuhi+jpn.x"`)},
		{"caveat about nothing", "guard.agreement.incomplete", edit(`"nzl.nzeo"`, `"nzl.x"`)},
		{"caveat twice", "guard.agreement.incomplete", edit(`"nzl.nzeo"`, `"nzl.accountable"`)},
		{"caveat with another action", "guard.agreement.incomplete", edit(`"refuse"`, `"ignore"`)},
		{"an exercise policy in the live realm", "guard.policy.exercise", edit("exercise:whio", "live")},
		{"one policy", "guard.agreement.incomplete", func(d *dispatch) { d.policies = d.policies[:1] }},
		{"a policy too many", "guard.agreement.incomplete", func(d *dispatch) {
			extra := jpnPolicy()
			extra["oid"] = "2.25.3"
			d.policies = append(d.policies, extra)
		}},
	} {
		d := sound()
		if tc.edit(d); true {
			if _, err := d.load(); errs.CodeOf(err) != tc.code {
				t.Errorf("%s: %v, want %s", tc.name, err, tc.code)
			}
		}
	}
}

func TestTOMLSubset(t *testing.T) {
	doc, line, bad := readTOML([]byte("a = \"x # y\" # c\n[t]\nn = 12\nb = true\n l = [ \"p\" , \"q\" ]\n[[r]]\nf = false\n[[r]]\ne = []\n"))
	if bad != "" || doc.top.str("a") != "x # y" || doc.tables["t"]["n"] != uint64(12) || len(doc.tables["t"].strs("l")) != 2 || len(doc.lists["r"]) != 2 {
		t.Fatalf("line %d: %s; %v", line, bad, doc)
	}
	for _, s := range []string{
		"a = 1\na = 2", "[t]\n[t]", "[t]\n[[t]]", "[[t]]\n[t]", "a.b = 1", "[a.b]", "\"a\" = 1", "A = 1", "a = 'x'", `a = "\u0041"`, `a = """x"""`, "a = {b = 1}",
		"a = 1.5", "a = 01", "a = +1", "a = -1", "a = 1_000", "a = 0x1", "a = 999999999999999999999", "a = 2026-01-01", "a = [1]", "a = [\"x\",]", "a = [\"x\" \"y\"]", "a = [\"x\"",
		"a = [\n\"x\"]", "a = \"x", "a = ", "a", "= 1", "[t", "[]", "[[t]", "a = true x", "a = truely", "a = \"x\" y", "\ta = 1", "a = 1\r\n", "a = \"\u202e\"", "# \u200b", "# \xff", "a = 1\x00", "\xff",
		"a = [" + strings.Repeat(`"x",`, maxListed+1) + `"x"]`, strings.Repeat("[[t]]\n", maxTables+1), strings.Repeat(" ", maxAgreement+1),
	} {
		if _, _, bad := readTOML([]byte(s)); bad == "" {
			t.Errorf("read: %.40q", s)
		}
	}
	if _, line, _ := readTOML([]byte("a = 1\n\nb = x\n")); line != 3 {
		t.Errorf("the failure is said to be on line %d", line)
	}
}

func TestPolicyIsReadStrictly(t *testing.T) {
	list := func(p obj, key string) []any { return p[key].([]any) }
	for name, spoil := range map[string]func(obj){
		"another format":          func(p obj) { p["format"] = "entente-policy/2" },
		"unknown key":             func(p obj) { p["restrictions"] = obj{} },
		"unknown key in a level":  func(p obj) { list(p, "levels")[0].(obj)["until"] = "x" },
		"unknown key in requires": func(p obj) { list(p, "designations")[0].(obj)["requires"].(obj)["parties"] = []any{} },
		"key missing":             func(p obj) { delete(list(p, "designations")[0].(obj), "national_only") },
		"another type":            func(p obj) { list(p, "levels")[0].(obj)["obsolete"] = "false" },
		"owner malformed":         func(p obj) { p["owner"] = "nzl" },
		"identifier malformed":    func(p obj) { p["oid"] = "2.025" },
		"level twice":             func(p obj) { p["levels"] = append(list(p, "levels"), list(p, "levels")[0]) },
		"level malformed":         func(p obj) { p["levels"] = append(list(p, "levels"), lev("U", "U", false)) },
		"designation malformed": func(p obj) {
			p["designations"] = append(list(p, "designations"), desig("X", "restrictive", "X", nil, false))
		},
		"list of something else":     func(p obj) { list(p, "designations")[0].(obj)["implies"] = []any{1} },
		"order of one level":         func(p obj) { list(p, "order")[0].(obj)["less_than"] = []any{[]any{"nzl.u", "nzl.u"}} },
		"order to an unknown level":  func(p obj) { list(p, "order")[0].(obj)["less_than"] = []any{[]any{"nzl.u", "nzl.x"}} },
		"designation twice":          func(p obj) { p["designations"] = append(list(p, "designations"), list(p, "designations")[0]) },
		"kind unknown":               func(p obj) { list(p, "designations")[0].(obj)["kind"] = "advisory" },
		"grade unknown":              func(p obj) { list(p, "levels")[0].(obj)["grade"] = "rumour" },
		"exercise value, not marked": func(p obj) { p["exercise"] = false },
		"order of unknown levels":    func(p obj) { list(p, "order")[0].(obj)["less_than"] = []any{[]any{"nzl.x", "nzl.u"}} },
		"order that is no pair":      func(p obj) { list(p, "order")[0].(obj)["less_than"] = []any{"nzl.u"} },
		"order in a circle": func(p obj) {
			list(p, "order")[0].(obj)["less_than"] = []any{[]any{"nzl.u", "nzl.r"}, []any{"nzl.r", "nzl.c"}, []any{"nzl.c", "nzl.u"}}
		},
		"levels that are no objects": func(p obj) { p["levels"] = []any{"nzl.u"} },
	} {
		p := nzlPolicy()
		spoil(p)
		if _, err := readPolicy(mustJSON(p), "exercise:whio"); errs.CodeOf(err) != "guard.policy.malformed" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What rests on unverified data is there to be shown, not to be acted on.
func TestUnverifiedDataRefuses(t *testing.T) {
	p := nzlPolicy()
	maps.Copy(p["levels"].([]any)[4].(obj), obj{"grade": "unverified"})
	d := sound()
	d.policies[0] = p
	act, version := d.bytes()
	if _, err := d.load(); errs.CodeOf(err) != "guard.agreement.incomplete" {
		t.Errorf("a row at an unverified level: %v", err)
	}
	maps.Copy(p["levels"].([]any)[4].(obj), obj{"grade": "exercise"})
	p["order"].([]any)[0].(obj)["grade"] = "unverified"
	if _, err := d.tables(t).Check(act, version, d.want); errs.CodeOf(err) != "guard.ceiling" {
		t.Errorf("a ceiling reached only by an unverified order: %v", err)
	}
}

func TestLabelAtAnUnverifiedLevelRefuses(t *testing.T) {
	d := sound()
	d.policies[0]["levels"].([]any)[2].(obj)["grade"] = "unverified"
	d.portions[1][2].(m)[2] = "nzl.r"
	act, version := d.bytes()
	if _, err := d.tables(t).Check(act, version, d.want); errs.CodeOf(err) != "guard.label.level" {
		t.Error(err)
	}
}

// A term without a value says nothing: the text loads, and what needs the term is refused.
func TestUnsetTermsLoadAndRefuse(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*dispatch)
		code errs.Code
	}{
		"author":          {edit("from = \"2026-01-01T00:00:00Z\"\nuntil = \"2026-06", "from = \"\"\nuntil = \"2026-06"), "guard.author"},
		"ceiling":         {edit("level = \"nzl.s\"\narticle = 5", "level = \"\"\narticle = 5"), "guard.ceiling"},
		"row":             {edit("level = \"nzl.c\"", "level = \"\""), "guard.row"},
		"caveat":          {edit("\"carry\"", "\"\""), "guard.label.caveat"},
		"caveat's text":   {edit("\"EXERCISE count every copy\"", "\"\""), "guard.label.caveat"},
		"statement proof": {edit("\"node-attested\"", "\"\""), "guard.statement"},
	} {
		d := sound()
		tc.edit(d)
		act, version := d.bytes()
		if _, err := d.tables(t).Check(act, version, d.want); errs.CodeOf(err) != tc.code {
			t.Errorf("%s unset: %v, want %s", name, err, tc.code)
		}
	}
}

// A citation never invents law: the article is the text's own, marked as an exercise's, or there is none.
func TestRefusalCitesTheArticleOfTheText(t *testing.T) {
	for from, want := range map[string]string{"article = 4\n": "EXERCISE Art. 4", "article = 0\n": "", "\n": ""} {
		d := sound()
		d.agreement = strings.ReplaceAll(d.agreement, "article = 4\n", from)
		d.portions[1][2].(m)[2] = "nzl.r"
		act, version := d.bytes()
		_, err := d.tables(t).Check(act, version, d.want)
		var e *errs.Error
		if !errors.As(err, &e) || e.Code != "guard.row" || e.Article != want {
			t.Errorf("%q: %v cites %q, want %q", from, err, e.Article, want)
		}
	}
}

func TestJSONIsReadStrictly(t *testing.T) {
	if v, bad := readJSON([]byte(` {"a": [1, {"A": null}], "b": "é"} `)); bad != "" || len(v) != 2 {
		t.Fatal(bad, v)
	}
	for _, s := range []string{"", "[]", "1", `{"a":1,"a":2}`, `{"a":1} x`, `{"a":1}{}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", "{\"a\":\"\ufffd\"}", `{'a':1}`, `{"a":01}`, `{"a":1,}`,
		`{"\ud800":1}`, `{"a":` + strings.Repeat("[", 20) + strings.Repeat("]", 20) + "}", strings.Repeat(" ", maxPolicy) + "{}"} {
		if _, bad := readJSON([]byte(s)); bad == "" {
			t.Errorf("read: %.40q", s)
		}
	}
}

func TestCBORHasOneSpelling(t *testing.T) {
	label := enc(nzLabel("nzl.s", "nzl.accountable"))
	read := func(b []byte) string { c := &cbor{b: b}; c.mark(); c.end(); return c.bad }
	if bad := read(label); bad != "" {
		t.Fatal(bad)
	}
	long := func(key uint64, v spelled) []byte { l := nzLabel("nzl.s"); l[key] = v; return enc(l) }
	for name, b := range map[string][]byte{
		"empty": nil, "trailing byte": append(label[:len(label):len(label)], 0), "cut": bytes.Clone(label[:len(label)-1]), "cut in a head": {0xb9, 1}, "cut in a key": {0xa1},
		"indefinite map":                      append(append([]byte{0xbf}, label[1:]...), 0xff),
		"length in a longer form":             long(2, append([]byte{0x78, 5}, "nzl.s"...)),
		"indefinite text":                     long(2, append([]byte{0x7f, 0x65}, "nzl.s\xff"...)),
		"bytes for text":                      long(2, append([]byte{0x45}, "nzl.s"...)),
		"tagged text":                         long(2, append([]byte{0xc0, 0x65}, "nzl.s"...)),
		"not UTF-8":                           long(2, []byte{0x61, 0xff}),
		"null":                                long(4, []byte{0xf6}),
		"huge length":                         long(2, []byte{0x7b, 255, 255, 255, 255, 255, 255, 255, 255}),
		"huge list":                           long(4, []byte{0x9a, 255, 255, 255, 255}),
		"list of lists":                       long(4, []byte{0x81, 0x80}),
		"float key":                           append([]byte{0xa1, 0xf9, 0x3c, 0x00}, 0x01),
		"negative key":                        {0xa1, 0x20, 0x01},
		"text key":                            {0xa1, 0x61, 'a', 0x01},
		"key in a longer form":                append([]byte{0xa4, 0x18, 1}, label[2:]...),
		"keys out of order":                   append(append([]byte{0xa2, 2}, enc("nzl.s")...), append([]byte{1}, enc("2.1")...)...),
		"all keys, two of them changed round": slices.Concat([]byte{0xa4, 2}, enc("nzl.s"), []byte{1}, enc(nzlOID), []byte{4}, enc([]any{"NZL"}), []byte{5}, enc("NZL")),
		"all keys, one twice":                 slices.Concat([]byte{0xa5, 1}, enc(nzlOID), []byte{2}, enc("nzl.s"), []byte{4}, enc([]any{"NZL"}), []byte{5}, enc("NZL"), []byte{5}, enc("NZL")),
		"key twice":                           append(append([]byte{0xa2, 1}, enc("2.1")...), append([]byte{1}, enc("2.1")...)...),
		"reserved length":                     append([]byte{0xbc}, make([]byte, 64)...),
		"indefinite, and long":                append([]byte{0xbf}, make([]byte, 256)...),
		"long text":                           long(2, spelled(enc(strings.Repeat("x", 65)))),
		"empty list":                          long(3, []byte{0x80}),
		"no release list":                     long(4, []byte{0x80}),
		"many designations":                   long(3, spelled(enc(slices.Repeat([]any{"a"}, 65)))),
	} {
		if read(b) == "" {
			t.Errorf("read: %s", name)
		}
	}
	for name, read := range map[string]func(c *cbor){
		"null as a boolean":   func(c *cbor) { c.b = []byte{0xf6}; c.boolean() },
		"nothing":             func(c *cbor) { c.boolean() },
		"number over its cap": func(c *cbor) { c.b = []byte{0x0b}; c.number(10) },
		"short byte string":   func(c *cbor) { c.b = []byte{0x41, 1}; c.fixed(make([]byte, 2)) },
		"long byte string":    func(c *cbor) { c.b = []byte{0x42, 1, 2}; c.fixed(make([]byte, 1)) },
		"boolean that is cut": func(c *cbor) { c.b = []byte{0xa1, 1}; c.fields(nil, func(uint64) bool { c.boolean(); return true }) },
	} {
		c := new(cbor)
		if read(c); c.bad == "" {
			t.Errorf("read: %s", name)
		}
	}
	if _, bad := readAct(make([]byte, maxActTerms+1)); bad != "larger than 4 KiB" {
		t.Error(bad)
	}
	if _, bad := readVersion(make([]byte, maxVersion+1)); bad != "larger than 60 KiB" {
		t.Error(bad)
	}
}

func TestHeadsAreReadAsTheyAreWritten(t *testing.T) {
	for _, n := range []uint64{0, 23, 24, 1<<8 - 1, 1 << 8, 1<<16 - 1, 1 << 16, 1<<32 - 1, 1 << 32, 1<<64 - 1} {
		b := appendHead(nil, majorUint, n)
		c := &cbor{b: b}
		if got := c.number(1<<64 - 1); got != n || c.bad != "" || c.off != len(b) {
			t.Errorf("%d is read as %d (%s)", n, got, c.bad)
		}
	}
}
