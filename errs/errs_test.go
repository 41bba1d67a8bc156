package errs

import (
	"errors"
	"fmt"
	"testing"
)

func TestTextNamesEverythingOnce(t *testing.T) {
	err := &Error{Kind: Refused, Code: "release.row.missing", Op: "release.approve", Subject: "paragraph 3",
		Rule: "agreements rule 9", Article: "EXERCISE Art. 5", Reason: "no equivalence row for nzl.r", Err: errors.New("cause")}
	const want = "release.approve: paragraph 3: release.row.missing: no equivalence row for nzl.r (agreements rule 9, EXERCISE Art. 5): cause"
	if got := err.Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := (&Error{Kind: Quota}).Error(); got != "quota" {
		t.Errorf("empty error prints %q", got)
	}
}

func TestKindAndCodeAreFoundThroughWrapping(t *testing.T) {
	inner := &Error{Kind: Integrity, Code: "journal.root"}
	outer := fmt.Errorf("while opening: %w", &Error{Kind: Invalid, Err: inner})
	if KindOf(outer) != Invalid {
		t.Errorf("KindOf = %v, want the outermost", KindOf(outer))
	}
	if CodeOf(outer) != "journal.root" {
		t.Errorf("CodeOf = %q", CodeOf(outer))
	}
	if !HasCode(outer, "journal.root") || HasCode(outer, "journal.other") || HasCode(nil, "x") {
		t.Error("HasCode is wrong")
	}
	if KindOf(errors.New("plain")) != Internal {
		t.Error("a plain error must count as a defect")
	}
}

func TestKindNamesAreFrozen(t *testing.T) {
	for k, want := range map[Kind]string{0: "internal", 1: "invalid", 2: "refused", 3: "not-found", 4: "conflict",
		5: "withheld", 6: "unavailable", 7: "quota", 8: "integrity", 9: "fatal", 10: "usage", 200: "internal"} {
		if k.String() != want {
			t.Errorf("kind %d prints %q, want %q", k, k, want)
		}
	}
}
