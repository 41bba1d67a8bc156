package custody

import (
	"strings"
	"testing"

	"entente/errs"
)

// register is one of each kind: registered, in the queue, in quarantine.
func register(t *testing.T) ([]Entry, Printing) {
	c := terms(t)
	a := Queue(c, arrival(t, c, "S//REL TO NZL, JPN"))
	if err := a.Register(accepted(t, c), "reader"); err != nil {
		t.Fatal(err)
	}
	b := Queue(c, arrival(t, c, "C//REL TO NZL, JPN"))
	b.Reference = "NZL-JPN/2026/0008\x1b[2J"
	q := Queue(c, arrival(t, c, "R//REL TO NZL, JPN"))
	p, _ := c.Policies().Owned("JPN")
	return []Entry{a, b, q}, Printing{Set: c.Policies(), Policy: p.OID(), Realm: c.Agreement().Realm(), At: noon, By: "registry-officer"}
}

func TestPrintedRegisterGolden(t *testing.T) {
	entries, p := register(t)
	for _, lang := range []string{"en", "ja"} {
		p.Lang = lang
		text, err := Print(entries, p)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, "register."+lang+".golden", text)
	}
}

func TestARegisterIsMarkedTopAndBottomByWhatIsInIt(t *testing.T) {
	entries, p := register(t)
	p.Lang = "ja"
	for name, tc := range map[string]struct {
		entries []Entry
		marking string
	}{
		"empty":           {nil, "秘区分なし"},
		"秘 only":          {entries[1:2], "秘"},
		"極秘 and 秘":        {entries[:2], "極秘"},
		"quarantine only": {entries[2:], "秘区分なし"},
	} {
		text, err := Print(tc.entries, p)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		n := len(lines)
		if lines[0] != strip || lines[n-1] != strip || lines[1] != tc.marking || lines[n-2] != tc.marking {
			t.Errorf("%s: opens %q, closes %q; want %s inside the strip", name, lines[:2], lines[n-2:], tc.marking)
		}
	}
	p.Realm = "live"
	if text, _ := Print(nil, p); strings.Contains(text, "EXERCISE") {
		t.Error("a live register bears the exercise strip")
	}
	queued := entries[1]
	queued.Own.Level = "jpn.x"
	if _, err := Print([]Entry{queued}, p); errs.CodeOf(err) != "label.level" {
		t.Errorf("an entry with an unknown marking was printed: %v", err)
	}
}
