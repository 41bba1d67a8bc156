package guard

import (
	"bytes"
	"crypto/sha512"
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"entente/errs"
)

func cleared(t *testing.T) (*dispatch, *Tables, *Cleared) {
	t.Helper()
	d := sound()
	tab := d.tables(t)
	act, version := d.bytes()
	c, err := tab.Check(act, version, d.want)
	if err != nil {
		t.Fatal(err)
	}
	return d, tab, c
}

// A word that informs and narrows nothing travels without a row of its own (labels T7).
func TestInformativeDesignationTravels(t *testing.T) {
	d := sound()
	d.portions[0][2] = nzLabel("nzl.s", "nzl.embargo")
	for _, in := range []struct {
		m   m
		key uint64
	}{{d.v, 13}, {d.a, 3}} {
		in.m[in.key] = nzLabel("nzl.s", "nzl.accountable", "nzl.embargo")
	}
	act, version := d.bytes()
	if _, err := d.tables(t).Check(act, version, d.want); err != nil {
		t.Error(err)
	}
}

func TestClearanceHoldsOnlyWhileItsTermsDo(t *testing.T) {
	d, tab, c := cleared(t)
	for _, tc := range []struct {
		name string
		at   time.Time
		code errs.Code
	}{
		{"at once", now, ""},
		{"a day later", now.Add(MaxAge), ""},
		{"over a day later", now.Add(MaxAge + 1), "guard.stale"},
		{"before it was given", now.Add(-1), "guard.clock"},
	} {
		if code := errs.CodeOf(tab.Still(c, tc.at)); code != tc.code {
			t.Errorf("%s: code %q, want %q", tc.name, code, tc.code)
		}
	}
	late := *c
	for at, code := range map[time.Time]errs.Code{
		time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC): "guard.author",
		time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC): "guard.in-force",
	} {
		if late.at = at.Add(-time.Hour); errs.CodeOf(tab.Still(&late, at)) != code {
			t.Errorf("at %v: want %s, got %v", at, code, tab.Still(&late, at))
		}
	}
	d.agreement += "# one byte more\n"
	if code := errs.CodeOf(d.tables(t).Still(c, now)); code != "guard.tables" {
		t.Errorf("another text of the agreement: code %q", code)
	}
}

func TestNobodyElseMakesAClearance(t *testing.T) {
	d, tab, _ := cleared(t)
	act, version := d.bytes()
	for _, c := range []*Cleared{nil, {}} {
		if code := errs.CodeOf(tab.Still(c, now)); code != "guard.not-cleared" {
			t.Errorf("Still: code %q", code)
		}
		if code := errs.CodeOf(c.Covers(act, version)); code != "guard.not-cleared" {
			t.Errorf("Covers: code %q", code)
		}
	}
	_, _, c := cleared(t)
	if code := errs.CodeOf(c.Covers([]byte{0xa0}, version)); code != "guard.terms.malformed" {
		t.Errorf("an act that is none: code %q", code)
	}
}

func TestOpaqueSaysItSawNoContent(t *testing.T) {
	d := sound()
	tab := d.tables(t)
	object := []byte("a picture")
	digest, size := sha512.Sum384(object), uint64(len(object))
	mark := func(change m) []byte { l := nzLabel("nzl.s"); maps.Copy(l, change); return enc(l) }
	c, err := tab.Opaque(mark(nil), bytes.NewReader(object), size, digest, d.want)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Opaque() || !strings.HasSuffix(c.Verdict(), "\ncontent not seen\n") || c.Digest() != digest {
		t.Errorf("verdict:\n%s", c.Verdict())
	}
	if err := tab.Still(c, now); err != nil {
		t.Error(err)
	}
	act, version := d.bytes()
	if code := errs.CodeOf(c.Covers(act, version)); code != "guard.opaque" {
		t.Errorf("an attachment's clearance used for a version: code %q", code)
	}
	for _, tc := range []struct {
		name  string
		label []byte
		size  uint64
		sum   [48]byte
		want  func(*Terms)
		code  errs.Code
	}{
		{"no label", nil, size, digest, nil, "guard.label.malformed"},
		{"trailing bytes", append(mark(nil), 0), size, digest, nil, "guard.label.malformed"},
		{"not released to the receiver", mark(m{4: []any{"NZL"}}), size, digest, nil, "guard.label.release"},
		{"no row", mark(m{2: "nzl.r"}), size, digest, nil, "guard.row"},
		{"larger than stated", mark(nil), size - 1, digest, nil, "guard.size"},
		{"smaller than stated", mark(nil), size + 1, digest, nil, "guard.size"},
		{"absurd size", mark(nil), 1<<64 - 1, digest, nil, "guard.size"},
		{"other bytes", mark(nil), size, [48]byte{1}, nil, "guard.digest"},
		{"means not agreed", mark(nil), size, digest, func(w *Terms) { w.Means = "fax" }, "guard.means"},
		{"not in force", mark(nil), size, digest, func(w *Terms) { w.At = now.AddDate(5, 0, 0) }, "guard.in-force"},
	} {
		want := d.want
		if tc.want != nil {
			tc.want(&want)
		}
		if _, err := tab.Opaque(tc.label, bytes.NewReader(object), tc.size, tc.sum, want); errs.CodeOf(err) != tc.code {
			t.Errorf("%s: %v, want %s", tc.name, err, tc.code)
		}
	}
	if _, err := tab.Opaque(mark(nil), iotest.ErrReader(errors.New("disk")), size, digest, d.want); errs.CodeOf(err) != "guard.unreadable" {
		t.Error(err)
	}
}

func TestOrdinaryTextsPass(t *testing.T) {
	tab := sound().tables(t)
	for _, s := range []string{
		"Source grading: B2; the portion headed Oil B3.",
		"情報評価:A2(当事者機関による直接視認)。積荷の内容は確認していない。",
		"Use only the IMO number where one is given.",
		"ロシア船「LADY R」(IMO番号9161003)が10月1日、約2か月ぶりに羅先(羅津)港でコンテナを陸揚げした。①と②は同一。",
		"BRP Cape Engaño; Ngā Motu; 23 nautical miles (C3).",
		"The ships came from: Rajin. Subject to review. To: nobody.",
		"Ship «Ангара» was renamed ANGARA.",
	} {
		if code, why := tab.scan(s); code != "" {
			t.Errorf("%q: %s %s", s, code, why)
		}
	}
}

// What the join does, by the examples E7 to E9 of the rules.
func TestJoinIsLeastUpperBoundUnionAndIntersection(t *testing.T) {
	p := sound().tables(t).parties["NZL"].policy
	mk := func(level string, release ...string) *mark {
		return &mark{policy: nzlOID, level: level, release: release, originator: "NZL"}
	}
	j, ok := p.join([]*mark{mk("nzl.s", "JPN", "NZL"), mk("nzl.r", "AUS", "JPN", "NZL"), mk("nzl.s", "JPN", "NZL", "USA")})
	if !ok || !j.equal(mk("nzl.s", "JPN", "NZL")) {
		t.Errorf("joined to %+v", j)
	}
	if j, _ := p.join([]*mark{mk("nzl.s", "JPN", "NZL"), mk("nzl.s", "AUS", "NZL")}); !j.equal(mk("nzl.s", "NZL")) {
		t.Errorf("joined to %+v", j)
	}
	if _, ok := p.join([]*mark{mk("nzl.sen", "NZL"), mk("nzl.r", "NZL")}); ok {
		t.Error("levels without a common upper bound were joined: no tie rule may be invented")
	}
	if j, _ := p.join([]*mark{mk("nzl.c", "NZL"), mk("nzl.ts", "NZL")}); len(j.designations) != 1 {
		t.Errorf("what TOP SECRET implies is missing: %+v", j)
	}
}

func BenchmarkCheck(b *testing.B) {
	d := sound()
	tab := d.tables(b)
	act, version := d.bytes()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tab.Check(act, version, d.want); err != nil {
			b.Fatal(err)
		}
	}
}
