package release

import (
	"bytes"
	"crypto/sha512"
	"slices"
	"testing"

	"entente/errs"
	"entente/party"
)

// rehash makes a version that was tampered with consistent again, as a hostile sender would: commitments, manifest, terms.
func rehash(v *Version) *DispatchTerms {
	own := [][sha512.Size384]byte{v.Title.Commitment()}
	for i := range v.Portions {
		own = append(own, v.Portions[i].Commitment())
	}
	if slices.ContainsFunc(own, func(c [sha512.Size384]byte) bool { return !slices.Contains(v.Manifest, c) }) {
		n := len(v.Manifest)
		for _, c := range v.Manifest {
			if len(own) < n && !slices.Contains(own, c) {
				own = append(own, c)
			}
		}
		slices.SortFunc(own, func(a, b [sha512.Size384]byte) int { return bytes.Compare(a[:], b[:]) })
		v.Manifest = own
	}
	t, err := v.Terms(1)
	if err != nil { // so malformed that it has no encoding: CheckReceived must say so itself
		return &DispatchTerms{}
	}
	t.Decision[0] = 1
	return t
}

func clone(t *testing.T, v *Version) *Version {
	t.Helper()
	b, err := v.Encode()
	if err != nil {
		t.Fatal(err)
	}
	c, err := DecodeVersion(b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (b *bench) receiving(d *draft) Receiving {
	return Receiving{Terms: b.terms, Author: nodes[d.from], Reader: nodes[d.to], Means: party.MeansCourier, At: decided}
}

func TestWhatWasBuiltIsReceived(t *testing.T) {
	b := newBench(t)
	for _, d := range b.drafts(t) {
		_, v, _ := b.build(t, d, d.Name)
		if err := CheckReceived(clone(t, v), rehash(v), b.receiving(d)); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
}

// Each line is a lie that a hostile or broken sender tells with everything else made to fit.
func TestATamperedVersionIsNotReceived(t *testing.T) {
	b := newBench(t)
	d := b.draft(t, "R04")
	_, built, _ := b.build(t, d, "R04")
	for name, tc := range map[string]struct {
		change func(*Version)
		code   errs.Code
	}{
		"format version":            {func(v *Version) { v.Version = 2 }, "release.version.field"},
		"no release id":             {func(v *Version) { v.Release = [16]byte{} }, "release.version.field"},
		"reference of another year": {func(v *Version) { v.Reference = "NZL-JPN/2025/0007" }, "release.version.field"},
		"reference backwards":       {func(v *Version) { v.Reference = "JPN-NZL/2026/0007" }, "release.version.field"},
		"serial as reference":       {func(v *Version) { v.Reference = "ENT-EX-NZL-0004" }, "release.version.field"},
		"realm malformed":           {func(v *Version) { v.Realm = "exercise" }, "release.version.field"},
		"live, says exercise":       {func(v *Version) { v.Realm = party.Live }, "release.version.field"},
		"live realm":                {func(v *Version) { v.Realm, v.Exercise = party.Live, false }, "release.received.realm"},
		"another exercise":          {func(v *Version) { v.Realm = "exercise:kea" }, "release.received.realm"},
		"exercise not said":         {func(v *Version) { v.Exercise = false }, "release.version.field"},
		"from the recipient":        {func(v *Version) { v.From = "JPN" }, "release.version.field"},
		"to a third party":          {func(v *Version) { v.To, v.Reference = "AUS", "NZL-AUS/2026/0007" }, "release.version.label"},
		"authority of the other":    {func(v *Version) { v.Authority = "JPN/jmod" }, "release.version.field"},
		"no time":                   {func(v *Version) { v.Time = 0 }, "release.version.field"},
		"precedence":                {func(v *Version) { v.Precedence = "SOON" }, "release.version.field"},
		"purpose malformed":         {func(v *Version) { v.Purpose = "Any" }, "release.version.field"},
		"purpose not agreed":        {func(v *Version) { v.Purpose = "trade" }, "agreement.purpose"},
		"language":                  {func(v *Version) { v.Language = "fr" }, "release.version.field"},
		"kind":                      {func(v *Version) { v.Kind = "MEMO" }, "release.version.field"},
		"banner lowered":            {func(v *Version) { v.Banner.Level = "nzl.c" }, "release.received.banner"},
		"banner raised":             {func(v *Version) { v.Banner.Level = "nzl.ts" }, "release.received.banner"},
		"banner widened":            {func(v *Version) { v.Banner.Release = []party.Party{"AUS", "JPN", "NZL"} }, "release.received.banner"},
		"title gone":                {func(v *Version) { v.Title = Disclosed{} }, "release.version.kind"},
		"title a paragraph":         {func(v *Version) { v.Title.Kind = KindParagraph }, "release.version.kind"},
		"title that travels with":   {func(v *Version) { v.Title.With = []uint64{1} }, "release.version.with"},
		"nothing shown":             {func(v *Version) { v.Portions = nil }, "release.version.portions"},
		"only gists":                {func(v *Version) { v.Portions = []Disclosed{v.Portions[3]}; v.Portions[0].Number = 1 }, "release.version.portions"},
		"number left out":           {func(v *Version) { v.Portions[1].Number = 5 }, "release.version.number"},
		"header field shown":        {func(v *Version) { v.Portions[0].Kind = KindHeader }, "release.version.kind"},
		"second title":              {func(v *Version) { v.Portions[0].Kind = KindTitle }, "release.version.kind"},
		"portion below a row":       {func(v *Version) { v.Portions[0].Label.Level = "nzl.r" }, "agreement.row"},
		"portion unknown level":     {func(v *Version) { v.Portions[0].Label.Level = "nzl.x" }, "label.level"},
		"portion national only":     {func(v *Version) { v.Portions[0].Label.Designations = []string{"nzl.nzeo"} }, "label.contradiction"},
		"portion of other policy":   {func(v *Version) { v.Portions[0].Label.Policy = "2.25.1" }, "release.version.label"},
		"portion not releasable":    {func(v *Version) { v.Portions[0].Label.Release = []party.Party{"NZL"} }, "release.version.label"},
		"portion of other origin":   {func(v *Version) { v.Portions[0].Label.Originator = "JPN" }, "release.version.label"},
		"text empty":                {func(v *Version) { v.Portions[0].Text = "" }, "release.version.text"},
		"text with bidi control":    {func(v *Version) { v.Portions[0].Text = "a\u202eb" }, "release.version.text"},
		"text not NFC":              {func(v *Version) { v.Portions[0].Text = "e\u0301" }, "release.version.text"},
		"text naming a paragraph":   {func(v *Version) { v.Portions[0].Text = "As paragraph 2 says" }, "release.version.text"},
		"salt zero":                 {func(v *Version) { v.Portions[0].Salt = [32]byte{} }, "release.version.salt"},
		"salt twice":                {func(v *Version) { v.Portions[0].Salt = v.Portions[1].Salt }, "release.version.salt"},
		"with itself":               {func(v *Version) { v.Portions[0].With = []uint64{1} }, "release.version.with"},
		"with one not shown":        {func(v *Version) { v.Portions[0].With = []uint64{9} }, "release.version.with"},
		"with the title":            {func(v *Version) { v.Portions[0].With = []uint64{0} }, "release.version.with"},
		"with out of order":         {func(v *Version) { v.Portions[0].With = []uint64{5, 4} }, "release.version.with"},
		"manifest cut":              {func(v *Version) { v.Manifest = v.Manifest[1:] }, "release.version.manifest"},
		"manifest unsorted":         {func(v *Version) { v.Manifest[0], v.Manifest[1] = v.Manifest[1], v.Manifest[0] }, "release.version.manifest"},
		"manifest entry twice":      {func(v *Version) { v.Manifest[0] = v.Manifest[1] }, "release.version.manifest"},
		"handling gone":             {func(v *Version) { v.Handling = nil }, "release.received.handling"},
		"handling invented":         {func(v *Version) { v.Handling[0].EN = "Share freely." }, "release.received.handling"},
		"handling article invented": {func(v *Version) { v.Handling[0].Article = "Art. 99" }, "release.received.handling"},
		"handling malformed":        {func(v *Version) { v.Handling[0].JA = "\u200b" }, "release.version.handling"},
		"another policy throughout": {func(v *Version) {
			v.Banner.Policy, v.Title.Label.Policy = "2.25.1", "2.25.1"
			for i := range v.Portions {
				v.Portions[i].Label.Policy = "2.25.1"
			}
		}, "label.policy"},
	} {
		t.Run(name, func(t *testing.T) {
			v := clone(t, built)
			tc.change(v)
			wantCode(t, CheckReceived(v, rehash(v), b.receiving(d)), tc.code)
		})
	}
}

func TestTermsAndVersionMustSayTheSame(t *testing.T) {
	b := newBench(t)
	d := b.draft(t, "R04")
	_, v, _ := b.build(t, d, "R04")
	for name, tc := range map[string]struct {
		change func(*DispatchTerms, *Receiving)
		code   errs.Code
	}{
		"digest":              {func(t *DispatchTerms, _ *Receiving) { t.Digest[0]++ }, "release.received.digest"},
		"size":                {func(t *DispatchTerms, _ *Receiving) { t.Size++ }, "release.received.digest"},
		"release":             {func(t *DispatchTerms, _ *Receiving) { t.Release[0]++ }, "release.received.release"},
		"manifest":            {func(t *DispatchTerms, _ *Receiving) { t.Manifest[0]++ }, "release.received.manifest"},
		"banner":              {func(t *DispatchTerms, _ *Receiving) { t.Banner.Level = "nzl.c" }, "release.received.banner"},
		"purpose":             {func(t *DispatchTerms, _ *Receiving) { t.Purpose = "missile-launches" }, "release.received.terms"},
		"precedence":          {func(t *DispatchTerms, _ *Receiving) { t.Precedence = "FLASH" }, "release.received.terms"},
		"portions":            {func(t *DispatchTerms, _ *Receiving) { t.Portions-- }, "release.received.terms"},
		"no copies":           {func(t *DispatchTerms, _ *Receiving) { t.Copies = 0 }, "release.dispatch.terms"},
		"no decision":         {func(t *DispatchTerms, _ *Receiving) { t.Decision = [48]byte{} }, "release.dispatch.terms"},
		"another sender":      {func(_ *DispatchTerms, r *Receiving) { r.Author = "JPN/jmod/node-1" }, "release.received.party"},
		"another reader":      {func(_ *DispatchTerms, r *Receiving) { r.Reader = "NZL/nzdf/node-1" }, "release.received.party"},
		"node not registered": {func(_ *DispatchTerms, r *Receiving) { r.Author = "NZL/nzdf/node-9" }, "agreement.author"},
		"after the end":       {func(_ *DispatchTerms, r *Receiving) { r.At = decided.AddDate(10, 0, 0) }, "agreement.ended"},
		"means not agreed":    {func(_ *DispatchTerms, r *Receiving) { r.Means = "radio" }, "agreement.means"},
	} {
		t.Run(name, func(t *testing.T) {
			terms, in := rehash(v), b.receiving(d)
			tc.change(terms, &in)
			wantCode(t, CheckReceived(v, terms, in), tc.code)
		})
	}
}

// A bare agreement that nobody signed lets nothing in either.
func TestNothingIsReceivedUnderAnUnsignedAgreement(t *testing.T) {
	b := newBench(t)
	d := b.draft(t, "R04")
	_, v, _ := b.build(t, d, "R04")
	in := b.receiving(d)
	c, err := b.terms.Agreement().Compile(b.set)
	if err != nil {
		t.Fatal(err)
	}
	in.Terms = c
	wantCode(t, CheckReceived(v, rehash(v), in), "agreement.unsigned")
	if p := Prepare(Preparation{Terms: c, Report: d.r, Sheet: d.sh, Question: b.preparation(d).Question}); p.Refusal() == nil {
		t.Error("something is shown under an agreement that nobody signed")
	}
}

func TestVersionsAndTermsHaveOneEncoding(t *testing.T) {
	b := newBench(t)
	d := b.draft(t, "R08")
	_, v, o := b.build(t, d, "R08")
	terms, err := rehash(v).Encode()
	if err != nil {
		t.Fatal(err)
	}
	enc, _ := v.Encode()
	rec, err := o.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for i := range enc {
		if _, err := DecodeVersion(enc[:i]); err == nil {
			t.Fatalf("a version cut at %d was read", i)
		}
	}
	for name, f := range map[string]func() error{
		"version and a byte":  func() error { _, err := DecodeVersion(append(bytes.Clone(enc), 0)); return err },
		"terms and a byte":    func() error { _, err := DecodeDispatchTerms(append(bytes.Clone(terms), 0)); return err },
		"record and a byte":   func() error { _, err := DecodeOriginal(append(bytes.Clone(rec), 0)); return err },
		"version too large":   func() error { _, err := DecodeVersion(make([]byte, MaxVersion+1)); return err },
		"terms as a version":  func() error { _, err := DecodeVersion(terms); return err },
		"nothing as terms":    func() error { _, err := DecodeDispatchTerms(nil); return err },
		"record as a version": func() error { _, err := DecodeVersion(rec); return err },
	} {
		if f() == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func FuzzDecodeVersion(f *testing.F) {
	b := newBench(f)
	for _, name := range []string{"R01", "R08"} {
		_, v, _ := b.build(f, b.draft(f, name), name)
		enc, _ := v.Encode()
		f.Add(enc)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := DecodeVersion(raw)
		if err != nil {
			return
		}
		again, err := v.Encode()
		if err != nil || !bytes.Equal(again, raw) {
			t.Fatal("two encodings of one version")
		}
		Text(v, Rendering{Terms: b.terms, Lang: "ja"})
	})
}

func FuzzDecodeDispatchTerms(f *testing.F) {
	b := newBench(f)
	_, v, _ := b.build(f, b.draft(f, "R08"), "R08")
	enc, _ := rehash(v).Encode()
	f.Add(enc)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if terms, err := DecodeDispatchTerms(raw); err == nil {
			if again, err := terms.Encode(); err != nil || !bytes.Equal(again, raw) {
				t.Fatal("two encodings of one value")
			}
		}
	})
}

func FuzzDecodeOriginal(f *testing.F) {
	b := newBench(f)
	_, _, o := b.build(f, b.draft(f, "R08"), "R08")
	enc, _ := o.Encode()
	f.Add(enc)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if o, err := DecodeOriginal(raw); err == nil {
			if again, err := o.Encode(); err != nil || !bytes.Equal(again, raw) {
				t.Fatal("two encodings of one value")
			}
		}
	})
}

// Without a new manifest, which the terms of the dispatch and the originator's register pin, nothing shown can change.
func TestWhatIsShownIsBoundByTheManifest(t *testing.T) {
	b := newBench(t)
	_, built, _ := b.build(t, b.draft(t, "R04"), "R04")
	for name, change := range map[string]func(*Disclosed){
		"text":  func(d *Disclosed) { d.Text += "." },
		"level": func(d *Disclosed) { d.Label.Level = "nzl.c" },
		"list":  func(d *Disclosed) { d.Label.Release = []party.Party{"AUS", "JPN", "NZL"} },
		"salt":  func(d *Disclosed) { d.Salt[0]++ },
	} {
		for i := -1; i < 2; i++ {
			v := clone(t, built)
			if d := &v.Title; i < 0 {
				change(d)
			} else {
				change(&v.Portions[i])
			}
			if _, err := v.Encode(); errs.KindOf(err) != errs.Integrity {
				t.Errorf("%s of portion %d changed: %v", name, i+1, err)
			}
		}
	}
	v := clone(t, built)
	v.Portions[0].Kind = KindGist
	if _, err := v.Encode(); errs.KindOf(err) != errs.Integrity {
		t.Errorf("a paragraph passed off as a gist: %v", err)
	}
}
