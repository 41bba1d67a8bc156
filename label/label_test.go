package label

import (
	"slices"
	"strings"
	"testing"
	"time"

	"entente/errs"
	"entente/party"
)

const (
	nzl = "2.25.65688455307285079038690699300000021592"
	jpn = "2.25.66923484754610954462154075913504596964"
)

func exercise(t testing.TB) *Set {
	t.Helper()
	s, err := ExercisePolicies()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// mark reads a portion mark, of the Japanese policy if it starts with "jp:", else of New Zealand's.
func mark(t testing.TB, s *Set, m string) Label {
	t.Helper()
	oid := nzl
	if j, ok := strings.CutPrefix(m, "jp:"); ok {
		oid, m = jpn, j
	}
	l, err := s.ParsePortion(oid, m)
	if err != nil {
		t.Fatalf("%s: %v", m, err)
	}
	return l
}

func TestAMarkWithoutAReleaseListReleasesToTheOriginatorAlone(t *testing.T) {
	s := exercise(t)
	for m, want := range map[string][]party.Party{
		"S": {"NZL"}, "U": {"NZL"}, "R//NZEO": {"NZL"}, "S//REL TO NZL, JPN": {"JPN", "NZL"},
		"R//REL TO NZL, AUS, JPN": {"AUS", "JPN", "NZL"}, "//JPN S//REL TO NZL, JPN": {"JPN", "NZL"}, "//JPN S": {"JPN", "NZL"},
		"jp:極秘": {"JPN"}, "jp:秘//REL TO NZL": {"JPN", "NZL"}, "jp:S//JPN ONLY": {"JPN"}, "jp:極秘//国内限り": {"JPN"},
		"jp:C//REL TO NZL": {"JPN", "NZL"}, "jp:U": {"JPN"}, "jp://NZL 極秘//特定秘密//REL TO NZL": {"JPN", "NZL"},
	} {
		if got := mark(t, s, m).Release; !slices.Equal(got, want) {
			t.Errorf("%s releases to %v, want %v", m, got, want)
		}
	}
}

func TestCheckRefusesWhateverItDoesNotKnow(t *testing.T) {
	s := exercise(t)
	good := mark(t, s, "S//REL TO NZL, JPN")
	if err := s.Check(good); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		change func(*Label)
		code   errs.Code
	}{
		"unknown policy":                {func(l *Label) { l.Policy = "2.25.1" }, "label.policy"},
		"unknown level":                 {func(l *Label) { l.Level = "nzl.x" }, "label.level"},
		"level of another policy":       {func(l *Label) { l.Level = "jpn.gokuhi" }, "label.level"},
		"unknown designation":           {func(l *Label) { l.Designations = []string{"nzl.noforn"} }, "label.designation"},
		"a release list as designation": {func(l *Label) { l.Designations = []string{"nzl.relto"} }, "label.designation"},
		"designation without words":     {func(l *Label) { l.Designations = []string{"nzl.deptuse"} }, "label.designation.unset"},
		"designations unsorted":         {func(l *Label) { l.Designations = []string{"nzl.embargo", "nzl.accountable"} }, "label.order"},
		"designation repeated":          {func(l *Label) { l.Designations = []string{"nzl.embargo", "nzl.embargo"} }, "label.order"},
		"implied designation missing":   {func(l *Label) { l.Level = "nzl.ts" }, "label.implied"},
		"NZEO beside a release":         {func(l *Label) { l.Designations = []string{"nzl.nzeo"} }, "label.contradiction"},
		"no release set":                {func(l *Label) { l.Release = nil }, "label.release"},
		"release lacks the originator":  {func(l *Label) { l.Release = []party.Party{"JPN"} }, "label.release"},
		"release lacks the owner":       {func(l *Label) { l.Originator, l.Release = "JPN", []party.Party{"JPN"} }, "label.release"},
		"release names no party":        {func(l *Label) { l.Release = []party.Party{"FVEY", "NZL"} }, "label.release"},
		"release unsorted":              {func(l *Label) { l.Release = []party.Party{"NZL", "JPN"} }, "label.order"},
		"release repeated":              {func(l *Label) { l.Release = []party.Party{"NZL", "NZL"} }, "label.order"},
		"no originator":                 {func(l *Label) { l.Originator = "" }, "label.originator"},
	} {
		l := good
		tc.change(&l)
		if got := errs.CodeOf(s.Check(l)); got != tc.code {
			t.Errorf("%s: code %q, want %q", name, got, tc.code)
		}
	}
	for name, l := range map[string]Label{
		"特定秘密 at 秘":                    {Policy: jpn, Level: "jpn.hi", Designations: []string{"jpn.tokutei"}, Release: []party.Party{"JPN"}, Originator: "JPN"},
		"特別防衛秘密 at 極秘":                 {Policy: jpn, Level: "jpn.gokuhi", Designations: []string{"jpn.tokubetsu-boei"}, Release: []party.Party{"JPN"}, Originator: "JPN"},
		"特定 beside 特別防衛":               {Policy: jpn, Level: "jpn.sd-gokuhi", Designations: []string{"jpn.tokubetsu-boei", "jpn.tokutei"}, Release: []party.Party{"JPN"}, Originator: "JPN"},
		"NZEO on Japanese information": {Policy: nzl, Level: "nzl.s", Designations: []string{"nzl.nzeo"}, Release: []party.Party{"JPN", "NZL"}, Originator: "JPN"},
	} {
		if got := errs.CodeOf(s.Check(l)); got != "label.contradiction" {
			t.Errorf("%s: code %q", name, got)
		}
	}
}

func TestComposeBringsALabelIntoItsOneForm(t *testing.T) {
	s := exercise(t)
	l, err := s.Compose(nzl, "nzl.ts", nil, []party.Party{"JPN", "AUS", "JPN"}, "NZL")
	want := Label{nzl, "nzl.ts", []string{"nzl.accountable"}, []party.Party{"AUS", "JPN", "NZL"}, "NZL"}
	if err != nil || !l.Equal(&want) {
		t.Errorf("%+v %v", l, err)
	}
	if _, err := s.Compose(jpn, "jpn.kimitsu", nil, nil, "JPN"); errs.CodeOf(err) != "label.level.obsolete" {
		t.Errorf("an obsolete level was written: %v", err)
	}
	if l := mark(t, s, "jp:機密"); l.Level != "jpn.kimitsu" {
		t.Error("an obsolete level must stay readable")
	}
}

func TestOrderIsPartial(t *testing.T) {
	s := exercise(t)
	nz, _ := s.Policy(nzl)
	jp, _ := s.Policy(jpn)
	for _, tc := range []struct {
		p    *Policy
		a, b LevelID
		leq  bool
		lub  LevelID
	}{
		{nz, "nzl.r", "nzl.s", true, "nzl.s"}, {nz, "nzl.s", "nzl.r", false, "nzl.s"}, {nz, "nzl.u", "nzl.ts", true, "nzl.ts"},
		{nz, "nzl.sen", "nzl.r", false, ""}, {nz, "nzl.r", "nzl.sen", false, ""}, {nz, "nzl.ic", "nzl.ts", false, ""},
		{nz, "nzl.u", "nzl.sen", true, "nzl.sen"}, {nz, "nzl.s", "nzl.s", true, "nzl.s"}, {nz, "nzl.s", "nzl.x", false, ""},
		{jp, "jpn.hi", "jpn.gokuhi", true, "jpn.gokuhi"}, {jp, "jpn.gokuhi", "jpn.kimitsu", false, ""}, // unverified, so unset
		{jp, "jpn.hi", "jpn.sd-hi", false, ""}, {jp, "jpn.u", "jpn.sd-kimitsu", true, "jpn.sd-kimitsu"},
	} {
		if got := tc.p.Leq(tc.a, tc.b); got != tc.leq {
			t.Errorf("%s ≤ %s: %v", tc.a, tc.b, got)
		}
		if got, err := tc.p.Lub(tc.a, tc.b); got != tc.lub || (err == nil) != (tc.lub != "") {
			t.Errorf("lub(%s, %s) = %q, %v; want %q", tc.a, tc.b, got, err, tc.lub)
		}
	}
}

// The worked examples E7–E10 of labels §12.3, and what our reports hold.
func TestJoinOfPortionsAndItsReasons(t *testing.T) {
	s := exercise(t)
	for name, tc := range map[string]struct {
		marks, banner, why string
	}{
		"E7, lists intersect": {"S//REL TO NZL, JPN|R//REL TO NZL, AUS, JPN|S//REL TO NZL, JPN, USA", "SECRET//REL TO NZL, JPN",
			"1 level nzl.s|1 withheld AUS|1 withheld USA"},
		"E8, a portion without a list takes it away": {"S//REL TO NZL, JPN|S", "SECRET", "1 level nzl.s|2 withheld JPN"},
		"E9, nobody in common but the originator":    {"S//REL TO NZL, JPN|S//REL TO NZL, AUS", "SECRET", "1 level nzl.s|1 withheld AUS|2 withheld JPN"},
		"national-only is kept, its release set too": {"R//REL TO NZL, JPN|S//REL TO NZL, JPN|R//NZEO|U", "SECRET//NZEO",
			"2 level nzl.s|3 designation nzl.nzeo|3 withheld JPN"},
		"implied by the level":           {"U//REL TO NZL, JPN|TS//REL TO NZL, JPN", "TOP SECRET//REL TO NZL, JPN", "2 level nzl.ts|2 designation nzl.accountable"},
		"Japanese, unmarked stays home":  {"jp:秘//REL TO NZL|jp:極秘", "極秘", "2 level jpn.gokuhi|2 withheld NZL"},
		"Japanese writing in English":    {"jp:S//REL TO NZL|jp:C//REL TO NZL|jp:S//JPN ONLY|jp:U", "SECRET//JPN ONLY", "1 level jpn.gokuhi|3 designation jpn.only|3 withheld NZL"},
		"Japanese information inside NZ": {"//JPN S//REL TO NZL, JPN|//JPN C", "Government of Japan / SECRET//REL TO NZL, JPN", "1 level nzl.s"},
	} {
		t.Run(name, func(t *testing.T) {
			var ls []Label
			for _, m := range strings.Split(tc.marks, "|") {
				ls = append(ls, mark(t, s, m))
			}
			whole, reasons, err := s.JoinAll(ls)
			if err != nil {
				t.Fatal(err)
			}
			lang := "en"
			if tc.banner[0] > 0x7F {
				lang = "ja"
			}
			if got := s.Banner(whole, lang); got != tc.banner {
				t.Errorf("banner %q, want %q", got, tc.banner)
			}
			var why []string
			for _, r := range reasons {
				why = append(why, string(rune('1'+r.Portion))+" "+string(r.Forced)+" "+r.Value)
				if txt := r.Text(); txt.EN == "" || txt.JA == "" {
					t.Error("a reason without words")
				}
			}
			if got := strings.Join(why, "|"); got != tc.why {
				t.Errorf("reasons %s\nwant    %s", got, tc.why)
			}
		})
	}
	for name, tc := range map[string]struct {
		marks string
		code  errs.Code
	}{
		"two policies":                  {"S|jp:極秘", "label.join.policy"},
		"two originators":               {"S//REL TO NZL, JPN|//JPN S", "label.join.originator"},
		"no level above both":           {"R|Sen", "label.join.level"},
		"designations that exclude":     {"jp:極秘//特定秘密|jp:極秘//特別防衛秘密", "label.join.level"},
		"nothing":                       {"", "label.join.empty"},
		"families of special defence":   {"jp:秘|jp:秘//特別防衛秘密", "label.join.level"},
		"unverified order of 極秘 and 機密": {"jp:極秘|jp:機密", "label.join.level"},
	} {
		var ls []Label
		for _, m := range strings.Split(tc.marks, "|") {
			if m != "" {
				ls = append(ls, mark(t, s, m))
			}
		}
		if _, _, err := s.JoinAll(ls); errs.CodeOf(err) != tc.code {
			t.Errorf("%s: %v, want %s", name, err, tc.code)
		}
	}
}

// A diamond of levels: l0 below l1 and l2, both below l3. l1 implies d0; l3 implies d1, which is national-only; d2 and d3
// exclude each other, though only d3 says so; d4 needs d2.
func TestJoinBringsWhatTheHigherLevelImplies(t *testing.T) {
	p, err := ParsePolicy(policyText(4, map[int]string{1: `"aus.d0"`, 3: `"aus.d1"`}, []string{`["aus.l0", "aus.l1"]`, `["aus.l0", "aus.l2"]`, `["aus.l1", "aus.l3"]`, `["aus.l2", "aus.l3"]`}, true,
		desigText("", "", "", "", false), desigText("", "", "", "", true), desigText("", "", "", "", false), desigText(`"aus.d2"`, "", "", "", false), desigText("", "", `"aus.d2"`, "", false)))
	if err != nil {
		t.Fatal(err)
	}
	s, _ := NewSet(p)
	read := func(m string) Label {
		l, err := s.ParsePortion("2.25.1", m)
		if err != nil {
			t.Fatalf("%s: %v", m, err)
		}
		return l
	}
	for marks, want := range map[string]string{
		"L1//REL TO AUS, NZL|L2//REL TO AUS, NZL":             "LEVEL 3 aus.d0,aus.d1 AUS", // the lower level's designation and a release set that closes
		"L0//D2//REL TO AUS, NZL|L2//D2//D4//REL TO AUS, NZL": "LEVEL 2 aus.d2,aus.d4 AUS,NZL",
		"L0//D2|L2//D3":     "label.contradiction",
		"//NZL L1|//NZL L2": "label.contradiction", // national-only cannot cover another party's information
		"L0//D0|L0":         "LEVEL 0 aus.d0 AUS",
	} {
		a, b, _ := strings.Cut(marks, "|")
		l, err := s.Join(read(a), read(b))
		got := string(errs.CodeOf(err))
		if err == nil {
			lev, _ := p.Level(l.Level)
			var rel []string
			for _, r := range l.Release {
				rel = append(rel, string(r))
			}
			got = lev.Marking.EN + " " + strings.Join(l.Designations, ",") + " " + strings.Join(rel, ",")
			if err := s.Check(l); err != nil {
				t.Errorf("%s: %v", marks, err)
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", marks, got, want)
		}
	}
	if _, err := s.ParsePortion("2.25.1", "L0//D4"); errs.CodeOf(err) != "label.contradiction" {
		t.Errorf("a designation without the one it needs: %v", err)
	}
	if l := read("L3"); len(l.Designations) != 2 {
		t.Errorf("L3 comes with what L1 implies too: %v", l.Designations)
	}
}

func TestAdmitFindsEveryReason(t *testing.T) {
	s := exercise(t)
	now := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	reader := func() *party.Person {
		return &party.Person{Alias: "reader", Agency: "JPN/jmod", Nationality: "JPN", Clearances: []party.Clearance{{Policy: jpn,
			Levels: []string{"jpn.u", "jpn.hi", "jpn.gokuhi"}, Issuer: "JPN/jmod", From: now.UnixMilli(), Until: now.UnixMilli() + 1}}}
	}
	for name, tc := range map[string]struct {
		mark   string
		change func(*party.Person)
		codes  string
	}{
		"cleared":                     {"jp://NZL 極秘//REL TO NZL", func(*party.Person) {}, ""},
		"a designation not held":      {"jp://NZL 極秘//特定秘密", func(*party.Person) {}, "label.admit.designation"},
		"a designation held":          {"jp://NZL 極秘//特定秘密", func(p *party.Person) { p.Clearances[0].Designations = []string{"jpn.tokutei"} }, ""},
		"a level not listed":          {"jp:極秘", func(p *party.Person) { p.Clearances[0].Levels = []string{"jpn.u", "jpn.hi"} }, "label.admit.level"},
		"a list with a gap":           {"jp:極秘", func(p *party.Person) { p.Clearances[0].Levels = []string{"jpn.u", "jpn.gokuhi"} }, "label.admit.level"},
		"moved to another agency":     {"jp:秘", func(p *party.Person) { p.Agency = "JPN/mofa" }, "label.admit.clearance label.admit.level label.admit.designation"},
		"lapsed":                      {"jp:秘", func(p *party.Person) { p.Clearances[0].Until-- }, "label.admit.clearance label.admit.level label.admit.designation"},
		"not yet valid":               {"jp:秘", func(p *party.Person) { p.Clearances[0].From++ }, "label.admit.clearance label.admit.level label.admit.designation"},
		"another policy":              {"S//REL TO NZL, JPN", func(*party.Person) {}, "label.admit.clearance label.admit.level label.admit.designation"},
		"foreign national":            {"jp:極秘//REL TO NZL", func(p *party.Person) { p.Nationality = "AUS" }, "label.admit.nationality"},
		"released national":           {"jp:極秘//REL TO NZL", func(p *party.Person) { p.Nationality = "NZL" }, ""},
		"released national, JPN ONLY": {"jp:極秘//国内限り", func(p *party.Person) { p.Nationality, p.Clearances[0].Designations = "NZL", []string{"jpn.only"} }, "label.admit.nationality"},
		"two clearances do not add up": {"jp:極秘//特定秘密", func(p *party.Person) {
			c := p.Clearances[0]
			c.Levels, c.Designations = nil, []string{"jpn.tokutei"}
			p.Clearances = append(p.Clearances, c)
		}, "label.admit.designation"},
	} {
		t.Run(name, func(t *testing.T) {
			p := reader()
			tc.change(p)
			ok, findings := s.Admit(p, mark(t, s, tc.mark), now)
			var codes []string
			for _, f := range findings {
				if f.OK != (f.Code == "") || f.Text.EN == "" || f.Text.JA == "" || f.Rule == "" {
					t.Errorf("finding without code, rule or words: %+v", f)
				}
				if !f.OK {
					codes = append(codes, string(f.Code))
				}
			}
			if got := strings.Join(codes, " "); got != tc.codes || ok != (tc.codes == "") || len(findings) != 6 {
				t.Errorf("admitted %v, %d findings, refused by %q; want %q", ok, len(findings), got, tc.codes)
			}
		})
	}
	if ok, _ := s.Admit(reader(), Label{}, now); ok {
		t.Error("an empty label admitted somebody")
	}
	if ok, _ := s.Admit(nil, mark(t, s, "U"), now); ok {
		t.Error("nobody was admitted")
	}
}

func TestDecidingDoesNotAllocate(t *testing.T) {
	s := exercise(t)
	p, _ := s.Policy(nzl)
	a, b := mark(t, s, "R//REL TO NZL, AUS, JPN"), mark(t, s, "TS//REL TO NZL, JPN")
	for name, f := range map[string]func(){
		"Check": func() { _ = s.Check(b) },
		"Leq":   func() { _ = s.Leq(a, b) },
		"levels": func() {
			_ = p.Leq(a.Level, b.Level)
			_, _ = p.Lub(a.Level, b.Level)
		},
		"ReleasedTo": func() { _ = a.ReleasedTo("JPN") },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	s := exercise(b)
	l := mark(b, s, "S//REL TO NZL, JPN")
	for b.Loop() {
		_ = s.Check(l)
	}
}

func BenchmarkJoin(b *testing.B) {
	s := exercise(b)
	x, y := mark(b, s, "S//REL TO NZL, JPN"), mark(b, s, "R//NZEO")
	for b.Loop() {
		_, _ = s.Join(x, y)
	}
}
