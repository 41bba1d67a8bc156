package main

import (
	"io"
	"time"

	"entente/agreement"
	"entente/errs"
	"entente/examples/exercise"
	"entente/internal/office"
	"entente/label"
	"entente/party"
	"entente/seal"
	"entente/wire"
)

type benchDecideCmd struct {
	benchFlags
}

// benchDecideResult's own figures are those of the decision without explanation.
type benchDecideResult struct {
	benchResult
	RatePerS         float64 `json:"rate_per_s"`
	NsPerOp          float64 `json:"ns_per_op"`
	AllocsPerOp      float64 `json:"allocs_per_op"`
	ExplainNsPerOp   float64 `json:"explain_ns_per_op"`
	ExplainAllocs    float64 `json:"explain_allocs_per_op"`
	RulesEvaluated   int     `json:"rules_evaluated"` // by one explanation
	AgreementArticle int     `json:"agreement_articles"`
}

// benchTerms is the exercise agreement, signed by two roots made for this run and in force.
func benchTerms() (*agreement.Compiled, *label.Set, error) {
	set, err := label.ExercisePolicies()
	if err != nil {
		return nil, nil, err
	}
	a, err := agreement.Parse(exercise.Agreement())
	if err != nil {
		return nil, nil, err
	}
	roots, prints := map[party.Party]*seal.SigningKey{}, map[party.Party]party.Fingerprint{}
	for _, p := range a.Parties() {
		if roots[p.ID], err = seal.GenerateSigningKey(); err != nil {
			return nil, nil, err
		}
		prints[p.ID] = roots[p.ID].Public().Fingerprint()
	}
	text, err := a.WithRoots(prints)
	if err != nil {
		return nil, nil, err
	}
	pkg := &agreement.Package{Text: text}
	for id, root := range roots {
		sig, err := root.Sign(a.SigningContext(), text)
		if err != nil {
			return nil, nil, err
		}
		pkg.Add(agreement.PartySignature{Party: id, Root: root.Public().Encode(), Sig: wire.MustMarshal(&sig)})
	}
	c, err := pkg.Compile(set, time.Now(), office.VerifyRoot)
	return c, set, err
}

// benchQuestion asks whether a portion marked SECRET//REL TO NZL, JPN may go to Japan, everything in order.
func benchQuestion(set *label.Set, now time.Time) (*agreement.Question, error) {
	policy, ok := set.Owned("NZL")
	if !ok {
		return nil, &errs.Error{Kind: errs.Internal, Code: "bench.policy", Op: "bench"}
	}
	l, err := set.ParsePortion(policy.OID(), "S//REL TO NZL, JPN")
	if err != nil {
		return nil, err
	}
	officer := party.Handle{2}
	return &agreement.Question{From: "NZL", To: "JPN", Author: "NZL/nzdf/node-1", Reader: "JPN/jmod/node-1", Label: l, Purpose: "dprk-sanctions",
		Means: party.MeansNetwork, At: now, Drafter: party.Handle{1}, Releaser: officer, Custodian: party.Handle{3},
		Delegation: &party.Delegation{ID: "nzl-release-1", Authority: "NZL/nzdf", Office: "EXERCISE foreign disclosure officer", Holder: officer,
			Role: party.RoleReleaseOfficer, Ceiling: "nzl.s", Recipients: []party.Party{"JPN"}, Means: []party.Means{party.MeansNetwork, party.MeansCourier},
			From: now.AddDate(-1, 0, 0).UnixMilli(), Until: now.AddDate(1, 0, 0).UnixMilli(), Instrument: "EXERCISE delegation letter 1"}}, nil
}

func (c *benchDecideCmd) Run(a *app) error {
	r := &benchDecideResult{benchResult: newBenchResult("decide")}
	terms, set, err := benchTerms()
	if err != nil {
		return err
	}
	q, err := benchQuestion(set, time.Now())
	if err != nil {
		return err
	}
	denied := *q
	denied.Label.Release = []party.Party{"NZL"}
	want := agreement.NeedsPerson // SECRET has two Japanese equivalents: a person chooses
	first := terms.Explain(q)
	if first.Outcome != want || terms.Decide(q) != want || terms.Decide(&denied) != agreement.Deny {
		return &errs.Error{Kind: errs.Internal, Code: "bench.decision", Op: "bench.decide", Reason: "the exercise agreement decided " + first.Outcome.String()}
	}
	r.RulesEvaluated, r.AgreementArticle = len(first.Findings), len(terms.Agreement().Articles())
	a.note("%s", a.say("measuring decisions on the exercise agreement", "演習協定による判断を測定中"))
	wrong := &errs.Error{Kind: errs.Internal, Code: "bench.decision", Op: "bench.decide", Reason: "the decision changed"}
	expect := func(ok bool) error {
		if !ok {
			return wrong
		}
		return nil
	}
	err = r.measure(&c.benchFlags, []benchItem{
		{"decide, needs a person", 0, func() error { return expect(terms.Decide(q) == want) }},
		{"decide, deny", 0, func() error { return expect(terms.Decide(&denied) == agreement.Deny) }},
		{"explain, needs a person", 0, func() error { return expect(terms.Explain(q).Outcome == want) }},
		{"explain, deny", 0, func() error { return expect(terms.Explain(&denied).Outcome == agreement.Deny) }},
	})
	if err != nil {
		return err
	}
	if err := r.calibrate(a, &c.benchFlags); err != nil {
		return err
	}
	decide, explain := r.Rows[0], r.Rows[2]
	r.NsPerOp, r.RatePerS, r.AllocsPerOp = decide.NsPerOp, decide.RatePerS, *decide.AllocsPerOp
	r.ExplainNsPerOp, r.ExplainAllocs = explain.NsPerOp, *explain.AllocsPerOp
	return a.print(r, func(w io.Writer) {
		r.head(w)
		printRows(w, a.say("decisions", "判断"), r.Rows)
		r.tail(a, w)
	})
}
