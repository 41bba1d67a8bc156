package label

import (
	"slices"
	"strings"
	"testing"
)

func FuzzParsePortion(f *testing.F) {
	s := exercise(f)
	for _, m := range reportMarks {
		f.Add(strings.TrimPrefix(m, "jp:"))
	}
	f.Add("//NZL 極秘//特定秘密//REL TO NZL")
	f.Add("S//REL TO JPN, NZL")
	f.Add("Ｓ//NZEO")
	f.Fuzz(func(t *testing.T, m string) {
		for _, oid := range []string{nzl, jpn} {
			l, err := s.ParsePortion(oid, m)
			if err != nil {
				continue
			}
			sound(t, s, l, m)
			if back, err := s.ParsePortion(oid, s.Portion(l, "ja")); err != nil || !back.Equal(&l) {
				t.Fatalf("%s renders as %s: %v", m, s.Portion(l, "ja"), err)
			}
		}
	})
}

func FuzzParseBanner(f *testing.F) {
	s := exercise(f)
	for _, line := range []string{"SECRET//NZEO (contains portions REL TO NZL, JPN)", "極秘(一部 REL TO NZL)", "極秘（切取り線以下は REL TO NZL）",
		"SECRET//JPN ONLY (contains portions REL TO NZL)", "ニュージーランド政府 / 極秘//REL TO NZL", "AUS / SECRET//REL TO NZL, AUS"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, oid := range []string{nzl, jpn} {
			l, comment, err := s.ParseBanner(oid, line)
			if err != nil {
				continue
			}
			mark := line
			if comment != "" {
				mark = strings.TrimSuffix(line[:strings.LastIndexAny(line, "(（")], " ")
			}
			sound(t, s, l, mark)
			if bare, c, err := s.ParseBanner(oid, mark); err != nil || c != "" || !bare.Equal(&l) {
				t.Fatalf("the comment of %s changed what it says: %+v %v", line, bare, err)
			}
			if back, _, err := s.ParseBanner(oid, s.Banner(l, "en")); err != nil || !back.Equal(&l) {
				t.Fatalf("%s renders as %s: %v", line, s.Banner(l, "en"), err)
			}
		}
	})
}

// sound: a label that was read passes Check and is released to nobody whom the mark does not name.
func sound(t *testing.T, s *Set, l Label, mark string) {
	t.Helper()
	if err := s.Check(l); err != nil {
		t.Fatalf("%s reads as a label that does not pass Check: %v", mark, err)
	}
	p, _ := s.Policy(l.Policy)
	_, list, _ := strings.Cut(mark, "REL TO ")
	for _, r := range l.Release {
		if r != p.owner && r != l.Originator && !slices.Contains(strings.Split(list, ", "), string(r)) {
			t.Fatalf("%s releases to %s", mark, r)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	for _, file := range ExercisePolicyFiles() {
		f.Add(file)
	}
	f.Add([]byte(`{"format": "entente-policy/1", "oid": "2.25.1", "owner": "AUS"}`))
	f.Add([]byte(`[[[[[[[[[[`))
	f.Fuzz(func(t *testing.T, file []byte) {
		p, err := ParsePolicy(file)
		if err != nil {
			return
		}
		s, err := NewSet(p)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range p.Levels() { // whatever was accepted can be written and read back, and the order is an order
			lab, err := p.compose(i, 0, nil, p.Owner())
			if err != nil {
				continue
			}
			if back, err := s.ParsePortion(p.OID(), s.Portion(lab, "en")); err != nil || !back.Equal(&lab) {
				t.Fatalf("%s written as %s: %v", l.ID, s.Portion(lab, "en"), err)
			}
			for _, m := range p.Levels() {
				if l.ID != m.ID && p.Leq(l.ID, m.ID) && p.Leq(m.ID, l.ID) {
					t.Fatal("a cycle was accepted")
				}
			}
		}
	})
}
