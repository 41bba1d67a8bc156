package guard

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// m is a CBOR map with unsigned keys; its values are m, []any, []byte, string, bool, int or spelled bytes.
type m map[uint64]any

type spelled []byte // bytes put in as they are

// enc writes deterministic CBOR: the tests' own writer, as the guard has none.
func enc(v any) []byte {
	switch v := v.(type) {
	case int:
		return appendHead(nil, majorUint, uint64(v))
	case string:
		return append(appendHead(nil, majorText, uint64(len(v))), v...)
	case []byte:
		return append(appendHead(nil, majorBytes, uint64(len(v))), v...)
	case bool:
		if v {
			return []byte{0xf5}
		}
		return []byte{0xf4}
	case spelled:
		return v
	case nil:
		return []byte{0xf6} // null
	case []any:
		b := appendHead(nil, majorArray, uint64(len(v)))
		for _, x := range v {
			b = append(b, enc(x)...)
		}
		return b
	case m:
		keys := []uint64{}
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		b := appendHead(nil, majorMap, uint64(len(v)))
		for _, k := range keys {
			b = append(append(b, enc(int(k))...), enc(v[k])...)
		}
		return b
	}
	panic(fmt.Sprintf("cannot encode %T", v))
}

const (
	nzlOID = "2.25.1001"
	jpnOID = "2.25.1002"
)

var (
	now     = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	release = bytes.Repeat([]byte{7}, 16)
)

// nzLabel is a label of the sender: level, designations, release set.
func nzLabel(level string, rest ...any) m {
	l := m{1: nzlOID, 2: level, 4: []any{"JPN", "NZL"}, 5: "NZL"}
	if len(rest) > 0 {
		l[3] = rest
	}
	return l
}

func salt(n byte) []byte { return bytes.Repeat([]byte{n}, 32) }

// dispatch is what a test judges: built sound, then spoiled.
type dispatch struct {
	v, a      m
	want      Terms
	agreement string
	policies  []map[string]any
	decoys    int
	title     m
	portions  []m
}

func sound() *dispatch {
	d := &dispatch{decoys: 61, agreement: agreementText, policies: []map[string]any{nzlPolicy(), jpnPolicy()},
		want: Terms{From: "NZL", To: "JPN", Purpose: "regional-activity", Means: "network", At: now, Realm: "exercise:whio", Release: [16]byte(release), Copies: 1}}
	d.title = m{1: 0, 2: nzLabel("nzl.c"), 3: "Tanker calls, March to June 2024", 4: salt(1), 5: "title"}
	d.portions = []m{
		{1: 1, 2: nzLabel("nzl.s"), 3: "Summary. Four tankers called at the port. 国連安保理決議に違反する疑いがある。", 4: salt(2), 5: "paragraph", 6: []any{2}},
		{1: 2, 2: nzLabel("nzl.c", "nzl.accountable"), 3: "Source grading: B2, from official statements.", 4: salt(3), 5: "gist"},
	}
	d.v = m{1: 1, 2: release, 3: "NZL-JPN/2026/0007", 4: "exercise:whio", 5: "NZL", 6: "NZL/nzdf", 7: "JPN", 8: int(now.Add(-time.Hour).UnixMilli()),
		9: "PRIORITY", 10: "regional-activity", 11: "en", 12: "INTSUM", 13: nzLabel("nzl.s", "nzl.accountable"),
		17: []any{m{1: "EXERCISE Art. 10", 2: "EXERCISE count every copy", 3: "【演習】員数を点検する"}, m{1: "EXERCISE Art. 6", 2: "Only for the purpose.", 3: "目的の範囲内に限る。"}},
		18: true}
	d.a = m{1: release, 3: nzLabel("nzl.s", "nzl.accountable"), 4: "regional-activity", 5: "PRIORITY", 6: 1, 8: make([]byte, 48), 9: salt48(9)}
	return d
}

func salt48(n byte) []byte { return bytes.Repeat([]byte{n}, 48) }

// commit is the commitment by the text of the format, written a second time.
func commit(p m) []byte {
	body := enc(m{1: p[2], 2: p[3], 3: p[5]})
	s, _ := p[4].([]byte)
	b := append([]byte("entente/portion/1\x00"), s...)
	b = append(binary.BigEndian.AppendUint64(b, uint64(len(body))), body...)
	sum := sha512.Sum384(b)
	return sum[:]
}

// bytes closes the dispatch: commitments, manifest, and the digests in the terms, each unless a test has set it.
func (d *dispatch) bytes() (act, version []byte) {
	entries := [][]byte{commit(d.title)}
	list := []any{}
	for _, p := range d.portions {
		entries = append(entries, commit(p))
		list = append(list, p)
	}
	for i := range d.decoys {
		sum := sha512.Sum384([]byte{byte(i)})
		entries = append(entries, sum[:])
	}
	slices.SortFunc(entries, bytes.Compare)
	manifest := []any{}
	for _, e := range entries {
		manifest = append(manifest, e)
	}
	unless(d.v, 14, d.title)
	unless(d.v, 15, list)
	unless(d.v, 16, manifest)
	version = enc(d.v)
	joined := binary.BigEndian.AppendUint64([]byte("entente/manifest/1\x00"), uint64(len(d.v[16].([]any))))
	for _, e := range d.v[16].([]any) {
		joined = append(joined, e.([]byte)...)
	}
	digest, roll := sha512.Sum384(version), sha512.Sum384(joined)
	unless(d.a, 2, digest[:])
	unless(d.a, 7, roll[:])
	unless(d.a, 10, len(version))
	unless(d.a, 11, len(d.portions))
	return enc(d.a), version
}

func unless(in m, key uint64, v any) {
	if _, set := in[key]; !set {
		in[key] = v
	}
}

func (d *dispatch) tables(t testing.TB) *Tables {
	t.Helper()
	tab, err := d.load()
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

func (d *dispatch) load() (*Tables, error) {
	var files [][]byte
	for _, p := range d.policies {
		files = append(files, mustJSON(p))
	}
	return Load([]byte(d.agreement), files...)
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

type obj = map[string]any

func val(s any) obj {
	if s == nil {
		return obj{"value": nil, "source": nil, "grade": "not found"}
	}
	return obj{"value": s, "source": "test", "grade": "exercise"}
}

func both(en, ja any) obj { return obj{"en": val(en), "ja": val(ja)} }

func lev(id, word string, obsolete bool, implies ...any) any {
	return obj{"id": id, "family": "f", "names": both(word, nil), "marking": both(word, nil), "portion": both(word, nil), "also": []any{},
		"clearance_required": val(true), "implies": append([]any{}, implies...), "obsolete": obsolete, "source": "test", "grade": "exercise", "note": ""}
}

func desig(id, kind string, en, ja any, national bool) obj {
	return obj{"id": id, "kind": kind, "names": both(en, ja), "marking": both(en, ja), "excludes": []any{}, "requires": obj{"levels": []any{}, "designations": []any{}},
		"implies": []any{}, "national_only": national, "source": "test", "grade": "exercise", "note": ""}
}

func policyOf(oid, owner string, levels, order, designations []any) obj {
	return obj{"format": "entente-policy/1", "oid": oid, "version": 1, "owner": owner, "exercise": true, "name": both("EXERCISE", "演習"), "families": []any{},
		"levels": levels, "order": []any{obj{"less_than": order, "incomparable": []any{}, "source": "test", "grade": "exercise", "note": ""}},
		"designations": designations, "release": obj{}, "foreign": obj{}}
}

func nzlPolicy() obj {
	needs := desig("nzl.needs", "restrictive", "NEEDS", nil, false)
	needs["requires"] = obj{"levels": []any{"nzl.s"}, "designations": []any{"nzl.accountable"}}
	needs["excludes"] = []any{"nzl.embargo"}
	brings := desig("nzl.brings", "restrictive", "BRINGS", nil, false)
	brings["implies"] = []any{"nzl.accountable"}
	return policyOf(nzlOID, "NZL", []any{lev("nzl.u", "UNCLASSIFIED", false), lev("nzl.sen", "SENSITIVE", false), lev("nzl.r", "RESTRICTED", false),
		lev("nzl.c", "CONFIDENTIAL", false), lev("nzl.s", "SECRET", false), lev("nzl.ts", "TOP SECRET", false, "nzl.accountable"), lev("nzl.old", "OLD", true)},
		[]any{[]any{"nzl.u", "nzl.r"}, []any{"nzl.u", "nzl.sen"}, []any{"nzl.r", "nzl.c"}, []any{"nzl.c", "nzl.s"}, []any{"nzl.s", "nzl.ts"}},
		[]any{desig("nzl.nzeo", "restrictive", "NZEO", nil, true), desig("nzl.relto", "permissive", "REL TO", nil, false), desig("nzl.kauri", "restrictive", "KAURI PARTY", "カウリ限定", true),
			desig("nzl.accountable", "restrictive", "ACCOUNTABLE MATERIAL", nil, false), desig("nzl.compartment", "restrictive", nil, nil, false),
			desig("nzl.narrow", "restrictive", "NARROW", nil, false), desig("nzl.embargo", "informative", "EMBARGOED", nil, false), needs, brings})
}

func jpnPolicy() obj {
	return policyOf(jpnOID, "JPN", []any{lev("jpn.hi", "秘", false), lev("jpn.gokuhi", "極秘", false)}, []any{[]any{"jpn.hi", "jpn.gokuhi"}},
		[]any{desig("jpn.tokutei", "restrictive", nil, "特定秘密", false)})
}

var agreementText = strings.NewReplacer("ROOT1", strings.Repeat("ab", 48), "ROOT2", strings.Repeat("cd", 48)).Replace(`# a test
format = "entente-agreement/1"
id = "exercise-test"
realm = "exercise:whio"
version = 1
suite = "hybrid"

[title]
en = "EXERCISE"
ja = "演習"

[entry]
in_force_from = "2026-01-01T00:00:00Z"
until = "2027-01-01T00:00:00Z"
evidence = "EXERCISE notes"
article = 19

[[party]]
id = "JPN"
policy = "2.25.1002"
root = "ROOT1"

[[party]]
id = "NZL"
policy = "2.25.1001"
root = "ROOT2"

[[author]]
id = "NZL/nzdf/node-1"
from = "2026-01-01T00:00:00Z"
until = "2026-06-01T00:00:00Z"
article = 3

[[author]]
id = "JPN/jmod/node-1"
from = "2026-01-01T00:00:00Z"
until = "2027-01-01T00:00:00Z"
article = 3

[[article]]
n = 6
summary_en = "Only for the purpose."
summary_ja = "目的の範囲内に限る。"

[scope]
purposes = ["dprk-sanctions", "regional-activity"]
article = 6

[[ceiling]]
from = "NZL"
to = "JPN"
level = "nzl.s"
article = 5

[[row]]
from = "NZL"
to = "JPN"
level = "nzl.c"
targets = ["jpn.hi"]
default = "jpn.hi"
decider = ""
article = 4

[[row]]
from = "NZL"
to = "JPN"
level = "nzl.s"
targets = ["jpn.gokuhi", "jpn.gokuhi+jpn.tokutei"] # two
article = 4

[[caveat]]
designation = "nzl.nzeo"
action = "refuse"
article = 10
text_en = "EXERCISE not given"
text_ja = "【演習】提供しない"

[[caveat]]
designation = "nzl.accountable"
action = "carry"
article = 10
text_en = "EXERCISE count every copy"
text_ja = "【演習】員数を点検する"

[transmission]
means = ["network", "courier"]
article = 13

[[statement]]
type = "release.dispatch/1"
proof = "node-attested"
article = 7
`)
