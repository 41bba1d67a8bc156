package office_test

import (
	"testing"

	"entente/internal/office"
)

func TestAReportTravelsThereAndItsReceiptComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := w.release(t, w.nzl, "R04")
	if e := w.sync(t, w.nzl); e != "" {
		t.Fatal(e)
	}
	queued, quarantined := w.jpn.queue(t)
	if len(queued) != 1 || len(quarantined) != 0 {
		t.Fatalf("%d queued, quarantined %+v", len(queued), quarantined)
	}
	call[office.EntryView](t, w.jpn, "registry-officer", "registry.accept", office.AcceptReq{ID: queued[0].ID, Marking: "jpn.gokuhi", Holder: "reader"})
	if e := w.sync(t, w.jpn); e != "" {
		t.Fatal(e)
	}
	got := call[office.ReleaseView](t, w.nzl, "release-officer", "release.show", office.ReleaseReq{ID: v.ID})
	if got.State != "registered" {
		t.Errorf("the release is %s", got.State)
	}
	t.Log(w.nzl.entries(t))
}
