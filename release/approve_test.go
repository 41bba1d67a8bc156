package release

import (
	"testing"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/party"
)

// request is the release officer's decision on a draft, in order.
func (b *bench) request(t testing.TB, name string) ApproveRequest {
	d := b.draft(t, name)
	_, v, o := b.build(t, d, name)
	policy, _ := b.set.Owned(d.from)
	levels, ceiling := []string{"nzl.u", "nzl.r", "nzl.c", "nzl.s"}, "nzl.s"
	if d.from == "JPN" {
		levels, ceiling = []string{"jpn.u", "jpn.hi", "jpn.gokuhi"}, "jpn.gokuhi"
	}
	office := nodes[d.from].Authority()
	in := b.preparation(d)
	in.Question.Draft, in.Question.Releaser, in.Question.Custodian = false, officer, custodian
	in.Question.Delegation = &party.Delegation{ID: "rel-1", Authority: office, Office: "post", Holder: officer, Role: party.RoleReleaseOfficer,
		Ceiling: ceiling, Recipients: []party.Party{d.to}, Means: []party.Means{party.MeansNetwork}, Instrument: "letter 1",
		From: decided.AddDate(-1, 0, 0).UnixMilli(), Until: decided.AddDate(1, 0, 0).UnixMilli()}
	return ApproveRequest{Preparation: in, Version: v, Original: o, Copies: 1, Officer: &party.Person{ID: officer, Alias: "release-officer",
		Agency: office, Nationality: d.from, Roles: []party.Role{party.RoleReleaseOfficer}, Briefed: true, Clearances: []party.Clearance{{Policy: policy.OID(),
			Levels: levels, Issuer: office, From: 1, Until: decided.AddDate(3, 0, 0).UnixMilli()}}}}
}

func TestAReleaseOfficerApprovesEachOfTheTwelve(t *testing.T) {
	b := newBench(t)
	for _, d := range b.drafts(t) {
		a, err := Approve(b.request(t, d.Name))
		if err != nil {
			t.Errorf("%s: %v", d.Name, err)
			continue
		}
		if a.Releaser != officer || a.Delegation != "rel-1" || a.Terms.Decision == [48]byte{} || a.Terms.Guard != [48]byte{} || len(a.Findings) == 0 {
			t.Errorf("%s: %+v", d.Name, a)
		}
	}
}

func TestNobodyApprovesWhatRulePersonAndBytesDoNotAllow(t *testing.T) {
	b := newBench(t)
	for name, tc := range map[string]struct {
		change func(*ApproveRequest)
		code   errs.Code
	}{
		"nothing to release":            {func(r *ApproveRequest) { r.Version = nil }, "release.approve.incomplete"},
		"no record":                     {func(r *ApproveRequest) { r.Original = nil }, "release.approve.incomplete"},
		"nobody":                        {func(r *ApproveRequest) { r.Officer = nil }, "release.approve.role"},
		"an author":                     {func(r *ApproveRequest) { r.Officer.Roles = []party.Role{party.RoleAuthor} }, "release.approve.role"},
		"author and releaser in one":    {func(r *ApproveRequest) { r.Officer.Roles = append(r.Officer.Roles, party.RoleAuthor) }, "party.duties"},
		"who drafted it":                {func(r *ApproveRequest) { r.Question.Drafter = officer }, "agreement.duties"},
		"who holds the keys":            {func(r *ApproveRequest) { r.Question.Custodian = officer }, "agreement.duties"},
		"nobody knows who drafted it":   {func(r *ApproveRequest) { r.Question.Drafter = party.Handle{} }, "agreement.duties"},
		"asked as a draft":              {func(r *ApproveRequest) { r.Question.Draft = true }, "release.approve.draft"},
		"not briefed":                   {func(r *ApproveRequest) { r.Officer.Briefed = false }, "release.approve.briefing"},
		"of another agency":             {func(r *ApproveRequest) { r.Officer.Agency = "NZL/mfat" }, "release.approve.agency"},
		"clearance lapsed":              {func(r *ApproveRequest) { r.Officer.Clearances[0].Until = decided.UnixMilli() }, "release.approve.clearance"},
		"clearance of former agency":    {func(r *ApproveRequest) { r.Officer.Clearances[0].Issuer = "NZL/mfat" }, "release.approve.clearance"},
		"no copies":                     {func(r *ApproveRequest) { r.Copies = 0 }, "release.approve.copies"},
		"decided before it was written": {func(r *ApproveRequest) { r.Question.At = decided.Add(-time.Minute) }, "release.approve.time"},
		"no delegation":                 {func(r *ApproveRequest) { r.Question.Delegation = nil }, "agreement.delegation.missing"},
		"delegation of another":         {func(r *ApproveRequest) { r.Question.Delegation.Holder = drafter }, "agreement.delegation.holder"},
		"delegation for a registry":     {func(r *ApproveRequest) { r.Question.Delegation.Role = party.RoleRegistryOfficer }, "agreement.delegation.role"},
		"delegation lapsed":             {func(r *ApproveRequest) { r.Question.Delegation.Until = decided.UnixMilli() }, "agreement.delegation.lapsed"},
		"delegation too low":            {func(r *ApproveRequest) { r.Question.Delegation.Ceiling = "nzl.c" }, "agreement.delegation.narrow"},
		"delegation to others":          {func(r *ApproveRequest) { r.Question.Delegation.Recipients = []party.Party{"AUS"} }, "agreement.delegation.recipient"},
		"delegation by courier only":    {func(r *ApproveRequest) { r.Question.Delegation.Means = []party.Means{party.MeansCourier} }, "agreement.delegation.means"},
		"report edited since":           {func(r *ApproveRequest) { r.Report.Digest[0]++ }, "release.sheet.other"},
		"sheet edited since":            {func(r *ApproveRequest) { r.Sheet.Title.Text = "Another title" }, "release.approve.changed"},
		"precedence changed":            {func(r *ApproveRequest) { r.Sheet.Precedence = "FLASH" }, "release.approve.changed"},
		"a portion left out": {func(r *ApproveRequest) {
			r.Version.Portions = r.Version.Portions[:len(r.Version.Portions)-1]
			for i := range r.Version.Portions {
				r.Version.Portions[i].With = nil
			}
		}, "release.approve.changed"},
		"a word changed":        {func(r *ApproveRequest) { r.Version.Portions[0].Text += " Surely."; rehash(r.Version) }, "release.approve.changed"},
		"a mark changed":        {func(r *ApproveRequest) { r.Version.Portions[3].Label = r.Version.Portions[0].Label; rehash(r.Version) }, "release.approve.changed"},
		"a companion forgotten": {func(r *ApproveRequest) { r.Version.Portions[0].With = nil }, "release.approve.changed"},
		"handling forgotten":    {func(r *ApproveRequest) { r.Version.Handling = nil }, "release.approve.changed"},
		"record of another":     {func(r *ApproveRequest) { r.Original.Release[0]++ }, "release.proof"},
		"agreement ended": {func(r *ApproveRequest) {
			r.Question.At = decided.AddDate(10, 0, 0)
			r.Question.Delegation.Until = decided.AddDate(11, 0, 0).UnixMilli()
			r.Officer.Clearances[0].Until = decided.AddDate(11, 0, 0).UnixMilli()
		}, "agreement.ended"},
	} {
		t.Run(name, func(t *testing.T) {
			rq := b.request(t, "R04")
			tc.change(&rq)
			a, err := Approve(rq)
			if err == nil {
				t.Fatalf("approved: %+v", a)
			}
			wantCode(t, err, tc.code)
		})
	}
}

func TestTheDecisionBindsOfficerDelegationTimeAndBytes(t *testing.T) {
	b := newBench(t)
	base, err := Approve(b.request(t, "R04"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*ApproveRequest){
		"officer": func(r *ApproveRequest) {
			r.Question.Releaser, r.Question.Delegation.Holder = party.Handle{9}, party.Handle{9}
		},
		"delegation": func(r *ApproveRequest) { r.Question.Delegation.ID = "rel-2" },
		"time":       func(r *ApproveRequest) { r.Question.At = decided.Add(time.Minute) },
	} {
		rq := b.request(t, "R04")
		change(&rq)
		a, err := Approve(rq)
		if err != nil || a.Terms.Decision == base.Terms.Decision {
			t.Errorf("%s is not bound (%v)", name, err)
		}
	}
	again, _ := Approve(b.request(t, "R04"))
	if again.Terms.Decision != base.Terms.Decision {
		t.Error("one decision has two digests")
	}
	if base.Findings[0].Outcome != agreement.Allow {
		t.Error("the findings are not those of the decision")
	}
}
