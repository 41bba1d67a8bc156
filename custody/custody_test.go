package custody

import (
	"errors"
	"strings"
	"testing"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/party"
)

func TestWhatArrivesWaitsUnderTheStrictestMarkingItMayGet(t *testing.T) {
	c := terms(t)
	e := Queue(c, arrival(t, c, "S//REL TO NZL, JPN"))
	if e.State != Queued || e.Control != "" || c.Policies().Portion(e.Own, "ja") != "//NZL 極秘//特定秘密//REL TO NZL" {
		t.Errorf("%+v, marked %s", e, c.Policies().Portion(e.Own, "ja"))
	}
	if c.Policies().Portion(e.Original, "ja") != "S//REL TO NZL, JPN" {
		t.Error("the original label was changed")
	}
	for name, tc := range map[string]struct {
		mark   string
		change func(*Arrival)
		code   errs.Code
	}{
		"a level without a row":      {"R//REL TO NZL, JPN", func(*Arrival) {}, "agreement.row"},
		"above the agreed ceiling":   {"TS//REL TO NZL, JPN", func(*Arrival) {}, "agreement.ceiling"},
		"not released to Japan":      {"S", func(*Arrival) {}, "agreement.release-set"},
		"for New Zealand eyes":       {"S//NZEO", func(*Arrival) {}, "agreement.release-set"},
		"above the domain's ceiling": {"S//REL TO NZL, JPN", func(a *Arrival) { a.Ceiling = "jpn.hi" }, "custody.ceiling"},
		"of another originator":      {"S//REL TO NZL, JPN", func(a *Arrival) { a.Sender = "AUS" }, "custody.originator"},
		"malformed":                  {"S//REL TO NZL, JPN", func(a *Arrival) { a.Problem = &errs.Error{Code: "release.version.size"} }, "release.version.size"},
		"infected":                   {"S//REL TO NZL, JPN", func(a *Arrival) { a.Problem = errors.New("scanner") }, "custody.problem"},
	} {
		a := arrival(t, c, tc.mark)
		tc.change(&a)
		e := Queue(c, a)
		if e.State != Quarantined || e.Code != tc.code || e.Reference != "" || e.Own.Level != "" {
			t.Errorf("%s: %s %s, want quarantine with %s", name, e.State, e.Code, tc.code)
		}
		if n := e.Incident(noon); n.Code != string(tc.code) || n.Release != a.Sent.Release || n.Check() != nil {
			t.Errorf("%s: the notice says %+v", name, n)
		}
		if err := e.Register(accepted(t, c), "reader"); errs.CodeOf(err) != "custody.state" {
			t.Errorf("%s: left quarantine: %v", name, err)
		}
	}
}

func TestAcceptanceIsAPersonsChoiceAmongWhatTheAgreementGives(t *testing.T) {
	c := terms(t)
	r := accepted(t, c)
	if r.Control != "JPN-EX-2026-0001" || r.Originator != "NZL" || !r.Intact || c.Policies().Banner(r.Own, "ja") != "ニュージーランド政府 / 極秘//REL TO NZL" {
		t.Errorf("%+v, marked %s", r, c.Policies().Banner(r.Own, "ja"))
	}
	s := sent(t, c, "S//REL TO NZL, JPN")
	if err := CheckReceipt(c, &s, r, "JPN"); err != nil {
		t.Errorf("the originator does not take its own receipt: %v", err)
	}
	if r, err := Accept(request(t, c, "C//REL TO NZL, JPN", ""), c); err != nil || r.Own.Level != "jpn.hi" {
		t.Errorf("a single marking needs no choice: %+v %v", r, err)
	}
	stricter := func(q *AcceptRequest) {
		q.Choice = "jpn.gokuhi+jpn.tokutei"
		q.Delegation.Designated = []string{"jpn.tokutei"}
	}
	for name, tc := range map[string]struct {
		change  func(*AcceptRequest)
		code    errs.Code
		subject string
	}{
		"the stricter of two":            {stricter, "", ""},
		"no choice":                      {func(q *AcceptRequest) { q.Choice = "" }, "custody.choice.required", ""},
		"lower than given":               {func(q *AcceptRequest) { q.Choice = "jpn.hi" }, "custody.marking", ""},
		"higher than given":              {func(q *AcceptRequest) { q.Choice = "jpn.kimitsu" }, "custody.marking", ""},
		"other case":                     {func(q *AcceptRequest) { q.Choice = "JPN.GOKUHI" }, "custody.marking", ""},
		"one portion too few":            {func(q *AcceptRequest) { q.Found.Portions-- }, "custody.contents", "portions"},
		"other bytes":                    {func(q *AcceptRequest) { q.Found.Digest[0]++ }, "custody.contents", "digest"},
		"other size":                     {func(q *AcceptRequest) { q.Found.Size++ }, "custody.contents", "size"},
		"another release":                {func(q *AcceptRequest) { q.Found.Release[0]++ }, "custody.contents", "release"},
		"another banner":                 {func(q *AcceptRequest) { q.Found.Original = marked(t, c, "NZL", "C//REL TO NZL, JPN") }, "custody.contents", "banner"},
		"an incomplete list":             {func(q *AcceptRequest) { q.Sent.Portions = 0 }, "custody.terms.dispatch", ""},
		"no delegation":                  {func(q *AcceptRequest) { q.Delegation = nil }, "custody.delegation", ""},
		"a lapsed delegation":            {func(q *AcceptRequest) { q.Delegation.Until = q.Now.UnixMilli() }, "custody.delegation", ""},
		"a release officer's":            {func(q *AcceptRequest) { q.Delegation.Role = party.RoleReleaseOfficer }, "custody.delegation", ""},
		"somebody else's":                {func(q *AcceptRequest) { q.Officer = reader }, "custody.delegation", ""},
		"of another authority":           {func(q *AcceptRequest) { q.Delegation.Authority = "JPN/mofa" }, "custody.delegation", ""},
		"below the own level":            {func(q *AcceptRequest) { q.Delegation.Ceiling = "jpn.hi" }, "custody.delegation", ""},
		"without the chosen designation": {func(q *AcceptRequest) { q.Choice = "jpn.gokuhi+jpn.tokutei" }, "custody.delegation", ""},
		"number of another party":        {func(q *AcceptRequest) { q.Control = "NZL-EX-2026-0001" }, "custody.control", ""},
		"number outside the exercise":    {func(q *AcceptRequest) { q.Control = "JPN-2026-0001" }, "custody.control", ""},
		"number of another year":         {func(q *AcceptRequest) { q.Control = "JPN-EX-2025-0001" }, "custody.control", ""},
		"a copy that was not sent":       {func(q *AcceptRequest) { q.Copy = 2 }, "custody.copy", ""},
		"before it came":                 {func(q *AcceptRequest) { q.Received = q.Now.Add(time.Millisecond) }, "custody.time", ""},
		"from somebody else":             {func(q *AcceptRequest) { q.Sender = "AUS" }, "custody.originator", ""},
	} {
		q := request(t, c, "S//REL TO NZL, JPN", "jpn.gokuhi")
		tc.change(&q)
		r, err := Accept(q, c)
		if errs.CodeOf(err) != tc.code || (err == nil) != (r != nil) {
			t.Errorf("%s: %v, want %q", name, err, tc.code)
			continue
		}
		var e *errs.Error
		if errors.As(err, &e) && tc.subject != "" && e.Subject != tc.subject {
			t.Errorf("%s: subject %q, want %q", name, e.Subject, tc.subject)
		}
		if (tc.code == "custody.choice.required" || tc.code == "custody.marking") && (e.Article != "EXERCISE Art. 4" || !strings.Contains(e.Next, "jpn.gokuhi, jpn.gokuhi+jpn.tokutei")) {
			t.Errorf("%s: the refusal does not list the markings with their article: %+v", name, e)
		}
	}
	q := request(t, c, "R//REL TO NZL, JPN", "")
	if _, err := Accept(q, c); errs.CodeOf(err) != "agreement.row" {
		t.Errorf("a level without a row was accepted: %v", err)
	}
}

func TestRegisteringAQueuedEntry(t *testing.T) {
	c := terms(t)
	e := Queue(c, arrival(t, c, "S//REL TO NZL, JPN"))
	r := accepted(t, c)
	other := *r
	other.Dispatch[0]++
	if err := e.Register(&other, "reader"); errs.CodeOf(err) != "custody.contents" {
		t.Errorf("the receipt of another item was taken: %v", err)
	}
	if err := e.Register(r, "reader"); err != nil || e.State != Registered || e.Control != r.Control || !e.Own.Equal(&r.Own) || e.Holder != "reader" {
		t.Errorf("%+v %v", e, err)
	}
	if err := e.Register(r, "other"); errs.CodeOf(err) != "custody.state" || e.Holder != "reader" {
		t.Errorf("registered twice: %v", err)
	}
}

func TestTheOriginatorChecksTheMarkingItsInformationGot(t *testing.T) {
	c := terms(t)
	s := sent(t, c, "S//REL TO NZL, JPN")
	for name, tc := range map[string]struct {
		change func(*ReceiptTerms)
		code   errs.Code
	}{
		"marked lower":                 {func(r *ReceiptTerms) { r.Own.Level = "jpn.hi" }, "custody.marking"},
		"released further":             {func(r *ReceiptTerms) { r.Own.Release = append([]party.Party{"AUS"}, r.Own.Release...) }, "custody.marking"},
		"of another release":           {func(r *ReceiptTerms) { r.Release[0]++ }, "custody.receipt.release"},
		"of other bytes":               {func(r *ReceiptTerms) { r.Dispatch[0]++ }, "custody.receipt.digest"},
		"of more copies":               {func(r *ReceiptTerms) { r.Of = 2 }, "custody.receipt.copy"},
		"names another originator":     {func(r *ReceiptTerms) { r.Originator, r.Own.Originator = "AUS", "AUS" }, "custody.receipt.originator"},
		"number of another's register": {func(r *ReceiptTerms) { r.Control = "AUS-EX-2026-0001" }, "custody.receipt.control"},
		"malformed":                    {func(r *ReceiptTerms) { r.Control = "JPN-EX-2026-1" }, "custody.terms.receipt"},
	} {
		r := *accepted(t, c)
		tc.change(&r)
		if err := CheckReceipt(c, &s, &r, "JPN"); errs.CodeOf(err) != tc.code {
			t.Errorf("%s: %v, want %s", name, err, tc.code)
		}
	}
}

func TestControlNumbersNeverGoBack(t *testing.T) {
	for _, tc := range []struct {
		realm party.Realm
		year  int
		last  string
		want  string
		code  errs.Code
	}{
		{"exercise:whio", 2026, "", "JPN-EX-2026-0001", ""},
		{"live", 2026, "", "JPN-2026-0001", ""},
		{"exercise:whio", 2026, "JPN-EX-2026-0041", "JPN-EX-2026-0042", ""},
		{"exercise:whio", 2026, "JPN-EX-2026-9999", "JPN-EX-2026-10000", ""},
		{"exercise:whio", 2027, "JPN-EX-2026-0041", "JPN-EX-2027-0001", ""},
		{"exercise:whio", 2026, "JPN-EX-2027-0001", "", "custody.control"},
		{"exercise:whio", 2026, "JPN-2026-0001", "", "custody.control"},
		{"exercise:whio", 2026, "NZL-EX-2026-0001", "", "custody.control"},
		{"exercise:whio", 2026, "JPN-EX-2026-00041", "", "custody.control"},
		{"exercise:whio", 2026, "JPN-EX-2026-+041", "", "custody.control"},
		{"exercise:whio", 2026, "JPN-EX-2026-0041 ", "", "custody.control"},
		{"exercise:whio", 2026, "JPN-EX-2026-999999", "", "custody.control.full"},
		{"", 2026, "", "", "custody.control"},
	} {
		got, err := NextControl("JPN", tc.realm, tc.year, tc.last)
		if got != tc.want || errs.CodeOf(err) != tc.code {
			t.Errorf("after %q in %d: %q %v", tc.last, tc.year, got, err)
		}
	}
}

func TestNobodyOpensAnEntryByRankClearanceOrRoleAlone(t *testing.T) {
	c := terms(t)
	p, _ := c.Policies().Owned("JPN")
	base := func() AccessRequest {
		e := Queue(c, arrival(t, c, "S//REL TO NZL, JPN"))
		if err := e.Register(accepted(t, c), "reader"); err != nil {
			t.Fatal(err)
		}
		return AccessRequest{Entry: &e, Purpose: "dprk-sanctions", State: agreement.InForce, At: noon,
			Person: &party.Person{ID: reader, Alias: "reader", Agency: "JPN/jmod", Nationality: "JPN", Roles: []party.Role{party.RoleReader}, Briefed: true,
				Clearances: []party.Clearance{{Policy: p.OID(), Levels: []string{"jpn.u", "jpn.hi", "jpn.gokuhi"}, Issuer: "JPN/jmod", From: 1, Until: noon.UnixMilli() + 1}}},
			Grants: []Grant{{Control: e.Control, Person: reader, By: officer, Purpose: "dprk-sanctions", From: 1, Until: noon.UnixMilli() + 1}}}
	}
	for name, tc := range map[string]struct {
		change func(*AccessRequest)
		codes  string
	}{
		"everything in order":           {func(*AccessRequest) {}, ""},
		"after the agreement's end":     {func(q *AccessRequest) { q.State = agreement.Ended }, ""},
		"agreement not in force":        {func(q *AccessRequest) { q.State = agreement.Signed }, "custody.access.agreement"},
		"came under another agreement":  {func(q *AccessRequest) { q.Entry.Agreement[0]++ }, "custody.access.agreement"},
		"still in the queue":            {func(q *AccessRequest) { q.Entry.State = Queued }, "custody.access.entry"},
		"without the originator's name": {func(q *AccessRequest) { q.Entry.Own.Originator = "JPN" }, "custody.access.entry"},
		"in quarantine": {func(q *AccessRequest) { *q.Entry = Queue(c, arrival(t, c, "R//REL TO NZL, JPN")) },
			"custody.access.entry label.admit.label custody.access.need custody.access.purpose"},
		"clearance lapsed":          {func(q *AccessRequest) { q.At = q.At.Add(time.Millisecond) }, "label.admit.clearance label.admit.level label.admit.designation custody.access.need custody.access.purpose"},
		"moved to another agency":   {func(q *AccessRequest) { q.Person.Agency = "JPN/mofa" }, "label.admit.clearance label.admit.level label.admit.designation"},
		"a third nation's citizen":  {func(q *AccessRequest) { q.Person.Nationality = "AUS" }, "label.admit.nationality"},
		"a registry officer":        {func(q *AccessRequest) { q.Person.Roles = []party.Role{party.RoleRegistryOfficer} }, "custody.access.role"},
		"not briefed":               {func(q *AccessRequest) { q.Person.Briefed = false }, "custody.access.briefing"},
		"no need-to-know":           {func(q *AccessRequest) { q.Grants = nil }, "custody.access.need custody.access.purpose"},
		"granted by oneself":        {func(q *AccessRequest) { q.Grants[0].By = reader }, "custody.access.need custody.access.purpose"},
		"granted by nobody":         {func(q *AccessRequest) { q.Grants[0].By = party.Handle{} }, "custody.access.need custody.access.purpose"},
		"granted for another item":  {func(q *AccessRequest) { q.Grants[0].Control = "JPN-EX-2026-0002" }, "custody.access.need custody.access.purpose"},
		"granted to somebody else":  {func(q *AccessRequest) { q.Grants[0].Person = officer }, "custody.access.need custody.access.purpose"},
		"for another purpose":       {func(q *AccessRequest) { q.Purpose = "missile-launches" }, "custody.access.purpose"},
		"granted for another":       {func(q *AccessRequest) { q.Purpose, q.Grants[0].Purpose = "missile-launches", "missile-launches" }, "custody.access.purpose"},
		"given for another purpose": {func(q *AccessRequest) { q.Entry.Purpose = "missile-launches" }, "custody.access.purpose"},
		"nobody":                    {func(q *AccessRequest) { q.Person = nil }, "custody.access.request"},
	} {
		q := base()
		tc.change(&q)
		outcome, findings := Admit(q, c)
		var codes []string
		for _, f := range findings {
			if f.Text.EN == "" || f.Text.JA == "" || f.Rule == "" || (f.Outcome == agreement.Allow) != (f.Code == "") || f.Code != "" && (f.Change.EN == "" || f.Change.JA == "") {
				t.Errorf("%s: a finding without words, rule or change: %+v", name, f)
			}
			if strings.HasPrefix(f.Rule, "agreements 19") && (f.Article != "EXERCISE Art. 12" || f.Source == "" || f.Grade != "exercise") {
				t.Errorf("%s: access does not cite its article: %+v", name, f)
			}
			if f.Code != "" {
				codes = append(codes, string(f.Code))
			}
		}
		if got := strings.Join(codes, " "); got != tc.codes || (outcome == agreement.Allow) != (tc.codes == "") {
			t.Errorf("%s: %v, refused by %q; want %q", name, outcome, got, tc.codes)
		}
	}
}
