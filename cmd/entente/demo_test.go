package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"entente/examples/exercise"
)

// TestDemonstrationIsOneObject holds `demo --headless --json` to what it promises: exactly one object, with these keys, all of it true.
func TestDemonstrationIsOneObject(t *testing.T) {
	t.Parallel()
	inExercise(t)
	cmd := exec.Command(realBinary(t), "demo", "--headless", "--json")
	var out, told bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &told
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s%s", err, out.String(), told.String())
	}
	d := json.NewDecoder(&out)
	var whole map[string]json.RawMessage
	if err := d.Decode(&whole); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Error("standard output holds more than one value")
	}
	raw, _ := json.Marshal(whole)
	for _, key := range []string{"ok", "reports", "portions", "receipts", "refusals", "journals"} {
		if whole[key] == nil {
			t.Errorf("no key %q", key)
		}
	}
	var r demoResult
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	n := len(exercise.Reports())
	if n != 12 || !r.OK || r.Reports != (demoReports{n, n, n}) || r.Opened != n || r.Receipts.Registry != n || len(r.Missing) > 0 {
		t.Errorf("not everything happened: %+v", r)
	}
	// Golden: what the twelve reports show and keep back was checked by eye, line by line, in package release.
	if r.Portions != (demoPortions{Disclosed: 78, Withheld: 174}) {
		t.Errorf("portions: %+v", r.Portions)
	}
	total, parties := uint64(0), ""
	for _, j := range r.Journals {
		total += j.Size
		parties += j.Party
		if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(j.Root) || len(j.CosignedBy) != 1 || j.CosignedBy[0] == j.Party {
			t.Errorf("journal: %+v", j)
		}
	}
	if parties != "NZLJPN" || r.Receipts.Cosigned != int(total) || r.Receipts.Held != int(total) || total < 24 {
		t.Errorf("journals of %s hold %d statements; receipts %+v", parties, total, r.Receipts)
	}
	if len(r.Refusals) < 8 {
		t.Errorf("%d refusals", len(r.Refusals))
	}
	cited := 0
	for _, x := range r.Refusals {
		if x.What == "" || x.Code == "" || x.Rule == "" || x.Reason == "" || x.Next == "" {
			t.Errorf("a refusal without what, code, rule, reason or next step: %+v", x)
		}
		if x.Article != "" && !regexp.MustCompile(`^EXERCISE Art\. \d+$`).MatchString(x.Article) {
			t.Errorf("article %q", x.Article)
		} else if x.Article != "" {
			cited++
		}
	}
	if cited < 6 {
		t.Errorf("%d refusals cite an article", cited)
	}
	if len(r.Verified) != 2 || slices.ContainsFunc(r.Verified, func(v demoVerified) bool { return !v.OK || v.Lines == 0 }) {
		t.Errorf("verified: %+v", r.Verified)
	}
	if story := told.String(); !strings.Contains(story, "EXERCISE") || !strings.Contains(story, "R12") {
		t.Errorf("the story went nowhere: %s", story)
	}
}
