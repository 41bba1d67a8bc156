package statement

import (
	"bytes"
	"crypto/sha256"
	"reflect"
	"strings"
	"testing"

	"entente/errs"
	"entente/party"
	"entente/wire"
)

const (
	nz = party.Author("NZL/nzdf/node-1")
	jp = party.Author("JPN/jmod/node-1")
	au = party.Author("AUS/adf/node-1")
)

func filled[T ~[48]byte | ~[32]byte | ~[16]byte](b byte) (v T) {
	for i := range len(v) {
		v[i] = b
	}
	return v
}

// sampleAct is a complete act: every optional field is set.
func sampleAct() *Act {
	return &Act{
		Version: 1, ID: filled[ID](1), Channel: filled[[48]byte](2), Author: nz, Epoch: 1, Type: Dispatch, Thread: filled[Thread](3),
		Answers: []Ref{{Author: jp, ID: filled[ID](4), Leaf: filled[[32]byte](5)}},
		Seen:    []Seen{{Author: au, Epoch: 1, Size: 2}, {Author: jp, Epoch: 1, Size: 7}},
		Time:    1795500000000,
		By: By{Authority: "NZL/nzdf", Role: party.RoleReleaseOfficer, Handle: filled[party.Handle](6), Delegation: "nzdf-2026-4",
			Proof: Proof{Kind: ProofDevice, Data: []byte{9, 9, 9}}},
		Rules: Rules{Terms: filled[[48]byte](7), Version: "release/1"},
		Terms: []byte{0xa0},
	}
}

func sampleContent() *Content {
	return &Content{Version: 1, Narrative: []byte("EXERCISE text"), Objects: []ObjectKey{
		{Root: filled[[48]byte](8), Size: 1 << 20, Key: filled[[32]byte](9), MediaType: "application/pdf"}}}
}

// fields lists the paths of all encoded fields below v, looking into slices of structs.
func fields(t reflect.Type, prefix string) (paths []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" {
			continue
		}
		ft := f.Type
		if ft.Kind() == reflect.Slice && ft.Elem().Kind() == reflect.Struct {
			ft = ft.Elem()
		}
		if ft.Kind() == reflect.Struct {
			paths = append(paths, fields(ft, prefix+f.Name+".")...)
		} else {
			paths = append(paths, prefix+f.Name)
		}
	}
	return paths
}

// damage is one mutation of a field: decoding the result must fail with code, or, where any value is well formed,
// succeed ("").
type damage[T any] struct {
	code errs.Code
	do   func(*T)
}

// testDamage runs table over fresh values and fails for a field that the table forgets.
func testDamage[T any](t *testing.T, fresh func() *T, decode func([]byte) error, table map[string][]damage[T]) {
	for _, path := range fields(reflect.TypeFor[T](), "") {
		if len(table[path]) == 0 {
			t.Errorf("field %s is not in the table", path)
		}
	}
	if err := decode(wire.MustMarshal(fresh())); err != nil {
		t.Fatalf("the sample itself: %v", err)
	}
	for path, damages := range table {
		for i, d := range damages {
			v := fresh()
			d.do(v)
			if got := errs.CodeOf(decode(wire.MustMarshal(v))); got != d.code {
				t.Errorf("%s, damage %d: code %q, want %q", path, i, got, d.code)
			}
		}
	}
}

func TestEveryFieldOfAnActIsChecked(t *testing.T) {
	type d = damage[Act]
	ref := func(a *Act) *Ref { return &a.Answers[0] }
	testDamage(t, sampleAct, func(b []byte) error { _, err := DecodeAct(b); return err }, map[string][]d{
		"Version":        {{"statement.act.version", func(a *Act) { a.Version = 2 }}, {"statement.act.version", func(a *Act) { a.Version = 0 }}},
		"ID":             {{"statement.act.id", func(a *Act) { a.ID = ID{} }}},
		"Channel":        {{"statement.act.channel", func(a *Act) { a.Channel = [48]byte{} }}},
		"Author":         {{"statement.act.author", func(a *Act) { a.Author = "NZL/nzdf" }}},
		"Epoch":          {{"", func(a *Act) { a.Epoch = 1 << 63 }}},
		"Type":           {{"statement.act.type", func(a *Act) { a.Type = "release.dispatch/01" }}, {"", func(a *Act) { a.Type = "un.known/77" }}},
		"Thread":         {{"statement.act.thread", func(a *Act) { a.Thread = Thread{} }}},
		"Answers.Author": {{"statement.act.answers", func(a *Act) { ref(a).Author = "" }}},
		"Answers.ID":     {{"statement.act.answers", func(a *Act) { ref(a).ID = ID{} }}},
		"Answers.Leaf": {
			{"statement.act.answers", func(a *Act) {
				a.Answers = append(a.Answers, Ref{Author: au, ID: filled[ID](99), Leaf: ref(a).Leaf})
			}},
			{"statement.act.answers", func(a *Act) {
				a.Answers = append(a.Answers, Ref{Author: jp, ID: ref(a).ID, Leaf: filled[[32]byte](99)})
			}},
			{"statement.act.answers", func(a *Act) {
				a.Answers = nil
				for i := range byte(MaxAnswers + 1) {
					a.Answers = append(a.Answers, Ref{Author: jp, ID: filled[ID](i + 1), Leaf: filled[[32]byte](i + 1)})
				}
			}}},
		"Seen.Author": {{"statement.act.seen", func(a *Act) { a.Seen[0].Author = "x" }},
			{"statement.act.seen", func(a *Act) { a.Seen[1].Author = nz }},
			{"statement.act.seen", func(a *Act) { a.Seen[0], a.Seen[1] = a.Seen[1], a.Seen[0] }},
			{"statement.act.seen", func(a *Act) { a.Seen[1].Author = au }}},
		"Seen.Epoch": {{"", func(a *Act) { a.Seen[0].Epoch = 0 }}},
		"Seen.Size":  {{"statement.act.seen", func(a *Act) { a.Seen[0].Size = 0 }}},
		"Time":       {{"statement.act.time", func(a *Act) { a.Time = 0 }}, {"statement.act.time", func(a *Act) { a.Time = MaxTime + 1 }}},
		"By.Authority": {{"statement.act.by", func(a *Act) { a.By.Authority = "JPN/jmod" }},
			{"statement.act.by", func(a *Act) { a.By.Authority = "NZL" }}},
		"By.Role":   {{"statement.act.by", func(a *Act) { a.By.Role = "admin" }}, {"statement.act.by", func(a *Act) { a.By.Role = party.RoleNode }}},
		"By.Handle": {{"statement.act.by", func(a *Act) { a.By.Handle = party.Handle{} }}},
		"By.Delegation": {{"statement.act.by", func(a *Act) { a.By.Delegation = "Über" }},
			{"statement.act.by", func(a *Act) { a.By.Delegation = strings.Repeat("x", MaxName+1) }}},
		"By.Proof.Kind": {{"statement.act.proof", func(a *Act) { a.By.Proof.Kind = "word of honour" }},
			{"statement.act.proof", func(a *Act) { a.By.Proof.Kind = ProofNode }}},
		"By.Proof.Data": {{"statement.act.proof", func(a *Act) { a.By.Proof.Data = nil }},
			{"statement.act.proof", func(a *Act) { a.By.Proof.Data = make([]byte, MaxProof+1) }}},
		"Rules.Terms":   {{"", func(a *Act) { a.Rules.Terms[0]++ }}},
		"Rules.Version": {{"statement.act.rules", func(a *Act) { a.Rules.Version = "release" }}},
		"Terms":         {{"statement.act.size", func(a *Act) { a.Terms = make([]byte, MaxBody) }}},
	})
}

func TestEveryFieldOfAContentIsChecked(t *testing.T) {
	type d = damage[Content]
	testDamage(t, sampleContent, func(b []byte) error { _, err := DecodeContent(b); return err }, map[string][]d{
		"Version":      {{"statement.content.version", func(c *Content) { c.Version = 200 }}},
		"Narrative":    {{"statement.content.size", func(c *Content) { c.Narrative = make([]byte, MaxBody) }}},
		"Objects.Root": {{"statement.content.objects", func(c *Content) { c.Objects[0].Root = [48]byte{} }}},
		"Objects.Size": {{"statement.content.objects", func(c *Content) { c.Objects[0].Size = 0 }},
			{"statement.content.objects", func(c *Content) { c.Objects[0].Size = MaxObject + 1 }}},
		"Objects.Key": {{"statement.content.objects", func(c *Content) { c.Objects[0].Key = [32]byte{} }},
			{"statement.content.objects", func(c *Content) {
				c.Objects = append(c.Objects, c.Objects[0])
				c.Objects[1].Root[0]++
			}}},
		"Objects.MediaType": {{"statement.content.objects", func(c *Content) { c.Objects[0].MediaType = "pdf" }},
			{"statement.content.objects", func(c *Content) { c.Objects[0].MediaType = "Application/PDF" }},
			{"statement.content.objects", func(c *Content) { c.Objects[0].MediaType = "a/b/c" }}},
	})
}

func TestEveryFieldOfALeafIsChecked(t *testing.T) {
	type d = damage[Leaf]
	fresh := func() *Leaf {
		return &Leaf{Version: 1, Act: filled[[48]byte](1), Content: filled[[48]byte](2), Objects: [][48]byte{filled[[48]byte](3)}}
	}
	testDamage(t, fresh, func(b []byte) error { _, err := DecodeLeaf(b); return err }, map[string][]d{
		"Version": {{"statement.leaf.version", func(l *Leaf) { l.Version = 24 }}},
		"Act":     {{"statement.leaf.commitment", func(l *Leaf) { l.Act = [48]byte{} }}},
		"Content": {{"statement.leaf.commitment", func(l *Leaf) { l.Content = l.Act }}},
		"Objects": {{"statement.leaf.objects", func(l *Leaf) { l.Objects[0] = [48]byte{} }},
			{"statement.leaf.objects", func(l *Leaf) { l.Objects = append(l.Objects, l.Objects[0]) }},
			{"statement.leaf.objects", func(l *Leaf) {
				l.Objects = nil
				for i := range byte(MaxObjects + 1) {
					l.Objects = append(l.Objects, filled[[48]byte](i+1))
				}
			}},
			{"statement.leaf.size", func(l *Leaf) { l.Objects = make([][48]byte, 20) }}},
	})
}

// What another version adds must not make it look malformed: it is unknown, and unknown is no violation.
func TestAnotherVersionIsUnknownWhateverItHolds(t *testing.T) {
	later := []byte{0xa2, 1, 2, 0x18, 40, 0xf5}
	_, act := DecodeAct(later)
	_, content := DecodeContent(later)
	_, leaf := DecodeLeaf(append([]byte{0xa2, 1, 0x18, 200}, later[3:]...))
	for want, err := range map[errs.Code]error{"statement.act.version": act, "statement.content.version": content, "statement.leaf.version": leaf} {
		if got := errs.CodeOf(err); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if _, err := DecodeAct(append(later, make([]byte, MaxBody)...)); errs.CodeOf(err) != "statement.act.size" {
		t.Errorf("the size comes first: %v", err)
	}
}

func TestALeafHoldsAsManyObjectsAsAllowed(t *testing.T) {
	c := &Content{Version: 1}
	for i := range byte(MaxObjects) {
		c.Objects = append(c.Objects, ObjectKey{Root: filled[[48]byte](i + 1), Size: 1, Key: filled[[32]byte](i + 1), MediaType: "a/b"})
	}
	leaf, _, _, err := Make(sampleAct(), c, filled[[32]byte](1), filled[[32]byte](2))
	if err != nil || len(leaf) > MaxLeaf {
		t.Fatalf("%d bytes, %v", len(leaf), err)
	}
}

func TestABodyOpensOnlyAgainstItsOwnLeaf(t *testing.T) {
	raw, act, content, err := Make(sampleAct(), sampleContent(), filled[[32]byte](10), filled[[32]byte](11))
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := DecodeLeaf(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := Match(leaf, act, content); err != nil {
		t.Fatal(err)
	}
	a, err := OpenAct(&leaf, act)
	if err != nil || !reflect.DeepEqual(a, sampleAct()) {
		t.Errorf("another act came out: %v", err)
	}
	if bytes.Contains(raw, []byte("EXERCISE")) || bytes.Contains(raw, []byte("NZL")) {
		t.Error("the leaf is readable")
	}
	other := *sampleContent()
	other.Objects[0].Root[0]++
	otherBytes, _ := other.Encode()
	for name, tc := range map[string]struct {
		code    errs.Code
		leaf    Leaf
		act     Body
		content Body
	}{
		"act salt":      {"statement.commitment.act", leaf, Body{filled[[32]byte](12), act.Bytes}, content},
		"act bytes":     {"statement.commitment.act", leaf, Body{act.Salt, append(bytes.Clone(act.Bytes), 0)}, content},
		"content salt":  {"statement.commitment.content", leaf, act, Body{filled[[32]byte](12), content.Bytes}},
		"content bytes": {"statement.commitment.content", leaf, act, Body{content.Salt, nil}},
		"act as content": {"statement.commitment.content", Leaf{Version: 1, Act: leaf.Act, Content: leaf.Act, Objects: leaf.Objects},
			act, act},
		"objects not those of the leaf": {"statement.commitment.objects", Leaf{Version: 1, Act: leaf.Act,
			Content: Commit(ContentCommit, filled[[32]byte](13), otherBytes), Objects: leaf.Objects}, act, Body{filled[[32]byte](13), otherBytes}},
		"committed but not an act": {"statement.act.malformed", Leaf{Version: 1, Act: Commit(ActCommit, act.Salt, []byte{0xf6}),
			Content: leaf.Content, Objects: leaf.Objects}, Body{act.Salt, []byte{0xf6}}, content},
	} {
		if got := errs.CodeOf(Match(tc.leaf, tc.act, tc.content)); got != tc.code {
			t.Errorf("%s: %q, want %q", name, got, tc.code)
		}
	}
}

func TestSaltsAreNeverMissingOrReused(t *testing.T) {
	one := filled[[32]byte](1)
	for _, salts := range [][2][32]byte{{{}, one}, {one, {}}, {one, one}} {
		if _, _, _, err := Make(sampleAct(), sampleContent(), salts[0], salts[1]); errs.CodeOf(err) != "statement.salt" {
			t.Errorf("took salts %x", salts)
		}
	}
}

func TestAProofCoversActAndContentButNotItself(t *testing.T) {
	digest := func(change func(*Act), content byte) [48]byte {
		a := sampleAct()
		change(a)
		d, err := a.ProofDigest(filled[[48]byte](content))
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	want := digest(func(*Act) {}, 1)
	if digest(func(a *Act) { a.By.Proof.Data = []byte("other") }, 1) != want {
		t.Error("a signature would have to sign itself")
	}
	for name, got := range map[string][48]byte{
		"content": digest(func(*Act) {}, 2), "terms": digest(func(a *Act) { a.Terms = nil }, 1), "kind": digest(func(a *Act) { a.By.Proof.Kind = ProofCard }, 1),
	} {
		if got == want {
			t.Errorf("the proof does not cover the %s", name)
		}
	}
}

func TestTypeNamesHaveOneSpelling(t *testing.T) {
	for s, ok := range map[string]bool{"release.dispatch/1": true, "a.b/9999": true, "key-ring.new-key/12": true,
		"release.dispatch": false, "release.dispatch/": false, "release.dispatch/0": false, "release.dispatch/01": false,
		"release.dispatch/10000": false, "release/1": false, "Release.dispatch/1": false, "release.dis patch/1": false,
		"a.b.c/1": false, "a.b/1/2": false, "-a.b/1": false, "a-.b/1": false, "a--b.c/1": false, ".b/1": false, "a./1": false, "": false,
		strings.Repeat("a", MaxName) + ".b/1": false} {
		if _, err := ParseType(s); (err == nil) != ok {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, name := range []TypeName{Genesis, Keys, Delegated, Anchor, Dispatch, RegistryReceipt, Incident, National("view")} {
		if !name.Valid() || !Known(name) {
			t.Errorf("%s is not a known type", name)
		}
	}
	for _, name := range []TypeName{"release.dispatch/2", "national.view/2", "national.View/1", "un.known/1"} {
		if Known(name) {
			t.Errorf("%s is known", name)
		}
	}
}

func TestIdsReadWhatTheyWrite(t *testing.T) {
	if id, err := ParseID(filled[ID](0xab).String()); err != nil || id != filled[ID](0xab) {
		t.Error(err)
	}
	for _, s := range []string{"", "AB" + strings.Repeat("ab", 15), strings.Repeat("ab", 15), strings.Repeat("ab", 17), strings.Repeat("zz", 16)} {
		if _, err := ParseThread(s); errs.CodeOf(err) != "statement.id" {
			t.Errorf("%q was taken", s)
		}
	}
}

func TestAChannelIsItsAgreementAndItsReaders(t *testing.T) {
	want := ChannelDigest(filled[[48]byte](1), []party.Author{nz, jp})
	if ChannelDigest(filled[[48]byte](1), []party.Author{jp, nz}) != want {
		t.Error("the order of readers matters")
	}
	for _, other := range [][48]byte{ChannelDigest(filled[[48]byte](2), []party.Author{nz, jp}), ChannelDigest(filled[[48]byte](1), []party.Author{nz}),
		ChannelDigest(filled[[48]byte](1), []party.Author{nz, jp, au})} {
		if other == want {
			t.Error("two channels have one digest")
		}
	}
}

func TestTermsAreCompleteOrRefused(t *testing.T) {
	delegation := func() *DelegationTerms {
		return &DelegationTerms{party.Delegation{ID: "nzdf-2026-4", Authority: "NZL/nzdf", Office: "Release Officer", Holder: filled[party.Handle](1),
			Role: party.RoleReleaseOfficer, Ceiling: "nzl.s", Recipients: []party.Party{"JPN"}, Means: []party.Means{party.MeansNetwork},
			From: 1, Until: 2, Instrument: "EXERCISE letter 4"}}
	}
	genesis := func() *GenesisTerms {
		return &GenesisTerms{Agreement: filled[[48]byte](1), Realm: "exercise:whio", Readers: []party.Author{jp, nz}, Epoch: 1, KeyStatement: []byte{1}}
	}
	anchor := func() *AnchorTerms {
		return &AnchorTerms{Heads: []AnchorHead{{Origin: "entente/a", Size: 1}, {Origin: "entente/b"}}}
	}
	national := func() *NationalTerms {
		return &NationalTerms{Event: "view", Subject: "R01", Outcome: OutcomeDeny, Code: "custody.clearance", Digest: make([]byte, 48)}
	}
	for name, tc := range map[string]struct {
		in, out Terms
		ok      bool
	}{
		"genesis":              {genesis(), new(GenesisTerms), true},
		"readers not sorted":   {func() Terms { g := genesis(); g.Readers[0] = nz; return g }(), nil, false},
		"no realm":             {func() Terms { g := genesis(); g.Realm = ""; return g }(), nil, false},
		"keys":                 {&KeyTerms{Statement: []byte{1}}, new(KeyTerms), true},
		"no keys":              {&KeyTerms{}, nil, false},
		"delegation":           {delegation(), new(DelegationTerms), true},
		"delegation to a node": {func() Terms { d := delegation(); d.Delegation.Role = party.RoleNode; return d }(), nil, false},
		"means named twice": {func() Terms {
			d := delegation()
			d.Delegation.Means = []party.Means{party.MeansNetwork, party.MeansCourier, party.MeansNetwork}
			return d
		}(), nil, false},
		"delegation without end": {func() Terms {
			d := delegation()
			d.Delegation.Until = d.Delegation.From
			return d
		}(), nil, false},
		"anchor":             {anchor(), new(AnchorTerms), true},
		"anchor of nothing":  {&AnchorTerms{}, nil, false},
		"anchor not sorted":  {func() Terms { a := anchor(); a.Heads[0].Origin = "entente/c"; return a }(), nil, false},
		"national":           {national(), new(NationalTerms), true},
		"denial without why": {func() Terms { n := national(); n.Code = ""; return n }(), nil, false},
		"control character":  {func() Terms { n := national(); n.Subject = "a\x1b[2J"; return n }(), nil, false},
		"short digest":       {func() Terms { n := national(); n.Digest = n.Digest[:5]; return n }(), nil, false},
	} {
		b, err := EncodeTerms(tc.in)
		if (err == nil) != tc.ok || !tc.ok && !strings.HasPrefix(string(errs.CodeOf(err)), "statement.terms.") {
			t.Errorf("%s: %v", name, err)
		}
		if tc.ok {
			if err := DecodeTerms(b, tc.out); err != nil || !reflect.DeepEqual(tc.in, tc.out) {
				t.Errorf("%s does not come back: %v", name, err)
			}
			if DecodeTerms(append(b, 0), tc.out) == nil || DecodeTerms(nil, tc.out) == nil {
				t.Errorf("%s: other bytes were taken", name)
			}
		}
	}
}

func TestTimeAndSeenNeverFallBehind(t *testing.T) {
	act := func(time int64, seen ...Seen) *Act { return &Act{Author: nz, Time: time, Seen: seen} }
	s := func(a party.Author, epoch, size uint64) Seen { return Seen{Author: a, Epoch: epoch, Size: size} }
	var tail Tail
	for i, step := range []struct {
		act  *Act
		want []errs.Code
	}{
		{act(10, s(jp, 1, 5)), nil},
		{act(10, s(jp, 1, 5)), nil},
		{act(9, s(jp, 1, 5)), []errs.Code{"statement.time.decreasing"}},
		{act(9, s(jp, 1, 6)), []errs.Code{"statement.time.decreasing"}}, // the tail stays at 10
		{act(11, s(jp, 1, 5), s(au, 1, 1)), []errs.Code{"statement.seen.decreasing"}},
		{act(11, s(jp, 1, 6)), []errs.Code{"statement.seen.decreasing"}}, // au was claimed
		{act(11, s(au, 1, 1), s(jp, 2, 1)), nil},                         // a higher epoch covers the lower
		{act(11, s(au, 1, 1), s(jp, 1, 9)), []errs.Code{"statement.seen.decreasing"}},
		{act(12), []errs.Code{"statement.seen.decreasing"}},
		{act(12, s(au, 1, 1), s(jp, 2, 1)), nil},
	} {
		next, got := tail.Follow(step.act)
		if !reflect.DeepEqual(got, step.want) {
			t.Errorf("step %d: %v, want %v", i, got, step.want)
		}
		if err := checkSeen(nz, next.Seen); err != nil {
			t.Errorf("step %d leaves a malformed tail: %v", i, err)
		}
		tail = next
	}
}

func TestAThreadIsSettledWhenEveryReaderSawIt(t *testing.T) {
	thread := []*Statement{{Index: 4, Act: &Act{Author: nz, Epoch: 1}}, {Index: 2, Act: &Act{Author: jp, Epoch: 1}}}
	sees := func(a party.Author, size uint64) []Seen { return []Seen{{Author: a, Epoch: 1, Size: size}} }
	for name, tc := range map[string]struct {
		seen map[party.Author][]Seen
		want bool
	}{
		"both have seen": {map[party.Author][]Seen{nz: sees(jp, 3), jp: sees(nz, 5)}, true},
		"one short":      {map[party.Author][]Seen{nz: sees(jp, 3), jp: sees(nz, 4)}, false},
		"one silent":     {map[party.Author][]Seen{nz: sees(jp, 3)}, false},
	} {
		if got := Settled(thread, []party.Author{nz, jp}, tc.seen); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if Settled(nil, []party.Author{nz}, nil) || Settled([]*Statement{{}}, nil, nil) {
		t.Error("nothing is settled of nothing")
	}
	if Settled(thread, []party.Author{nz, jp, au}, map[party.Author][]Seen{nz: sees(jp, 3), jp: sees(nz, 5)}) {
		t.Error("a third reader was not asked")
	}
}

func leafHash(leaf []byte) [32]byte { return sha256.Sum256(append([]byte{0}, leaf...)) }
