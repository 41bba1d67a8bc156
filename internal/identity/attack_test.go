package identity

import (
	"fmt"
	"strings"
	"testing"

	"entente/errs"
	"entente/examples/exercise"
	"entente/party"
	"entente/statement"
)

func TestAStaffFileBeyondItsCapsIsRefusedFirst(t *testing.T) {
	var many strings.Builder
	many.WriteString("format = \"entente-staff/1\"\n")
	for i := range MaxPosts + 1 {
		fmt.Fprintf(&many, "[[post]]\nalias = \"p%d\"\nagency = \"NZL/nzdf\"\nnationality = \"NZL\"\n", i)
	}
	for name, raw := range map[string]string{"bytes": strings.Repeat("#", MaxStaffFile+1), "posts": many.String()} {
		if _, err := ParseStaff([]byte(raw), "NZL/nzdf", "2.25.1", ids()); errs.CodeOf(err) != "identity.staff" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A delegation that could not be told to a partner must not be loaded: loading an agreement tells all of them, and would fail.
func TestWhatIsLoadedCanBeTold(t *testing.T) {
	good := string(exercise.Staff("NZL"))
	for name, edit := range map[string][2]string{
		"an id in capitals":          {`id = "nzl-release-1"`, `id = "NZL Release 1"`},
		"a ceiling with spaces":      {`ceiling = "nzl.s"`, `ceiling = "n s"`},
		"control characters":         {`office = "EXERCISE registry"`, `office = "EXERCISE\u001bregistry"`},
		"an end before the start":    {`until = "2029-01-01T00:00:00Z"` + "\ninstrument", `until = "2020-01-01T00:00:00Z"` + "\ninstrument"},
		"before there was time":      {`from = "2025-01-01T00:00:00Z"`, `from = "1960-01-01T00:00:00Z"`},
		"an alias that moves things": {`alias = "liaison"`, `alias = "lia\u0007ison"`},
	} {
		if !strings.Contains(good, edit[0]) {
			t.Fatalf("%s: the exercise file no longer has %q", name, edit[0])
		}
		if _, err := ParseStaff([]byte(strings.Replace(good, edit[0], edit[1], 1)), "NZL/nzdf", "2.25.1", ids()); errs.CodeOf(err) != "identity.staff" {
			t.Errorf("%s: %v", name, err)
		}
	}
	unsorted := strings.Replace(good, `recipients = ["JPN"]`, `recipients = ["JPN", "AUS", "JPN"]`, 1)
	unsorted = strings.Replace(unsorted, `means = ["network", "courier"]`, `means = ["network", "courier", "network"]`, 1)
	s, err := ParseStaff([]byte(unsorted), "NZL/nzdf", "2.25.1", ids())
	if err != nil {
		t.Fatal(err)
	}
	tellable(t, s)
}

func tellable(t *testing.T, s *Staff) {
	t.Helper()
	for _, d := range s.Delegations {
		d.Body.Holder = party.Handle{1}
		if _, err := statement.EncodeTerms(&statement.DelegationTerms{Delegation: d.Body}); err != nil {
			t.Errorf("%s cannot be told: %v", d.Body.ID, err)
		}
	}
}

func FuzzParseStaff(f *testing.F) {
	for _, p := range []string{"NZL", "JPN"} {
		f.Add(exercise.Staff(p))
	}
	f.Add([]byte("format = \"entente-staff/1\"\n[[post]]\nalias = \"a\"\n"))
	f.Add([]byte("format = \"entente-staff/1\"\n[[delegation]]\nid = \"a\"\npost = \"b\"\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := ParseStaff(raw, "NZL/nzdf", "2.25.1", ids())
		if err != nil {
			return
		}
		for i := range s.Persons {
			if err := s.Persons[i].CheckDuties(); err != nil {
				t.Error(err)
			}
		}
		tellable(t, s)
	})
}
