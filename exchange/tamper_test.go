package exchange

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"entente/errs"
	"entente/journal"
	"entente/party"
	"entente/seal"
	"entente/statement"
	"entente/wire"
)

// sealRaw seals plain as Pack does, without looking at it: what a peer does that keeps no rule but has its keys.
func sealRaw(l *Link, plain []byte) []byte {
	key := l.PeerKEM.ID()
	raw := make([]byte, HeaderSize)
	copy(raw, magic)
	raw[4], raw[5] = Version, l.Suite.Number()
	copy(raw[6:], l.OutID[:])
	copy(raw[22:], key[:])
	binary.BigEndian.PutUint64(raw[38:], uint64(l.Suite.Overhead()+len(plain)))
	sealed, err := seal.SealTo(l.PeerKEM, info(l, true, l.SelfEpoch, key, raw), plain)
	if err != nil {
		panic(err)
	}
	raw = append(raw, sealed...)
	copy(raw[macAt:], mac(l.OutKey, raw))
	return raw
}

// lie returns b with a change, sealed as the sender would. b itself stays as it is.
func lie(l *Link, b *Bundle, change func(*Bundle)) []byte {
	twin := new(Bundle)
	if err := wire.Unmarshal(wire.MustMarshal(b), MaxBudget, twin); err != nil {
		panic(err)
	}
	change(twin)
	return sealRaw(l, wire.MustMarshal(twin))
}

// outcome names what an examination came to: the code of its error, or every code in the step.
func outcome(s *Step, err error) string {
	if err != nil {
		return string(errs.CodeOf(err))
	}
	var out []string
	for _, r := range s.Refused {
		out = append(out, "refused "+string(r.Err.Code))
	}
	for _, v := range s.Violations {
		out = append(out, "violation "+string(v.Code))
	}
	for _, u := range s.Unknown {
		out = append(out, "unknown "+string(u.Code))
	}
	if s.Equivocation != nil {
		out = append(out, "equivocation")
	}
	if h := s.OwnHeadAhead; h != nil {
		out = append(out, fmt.Sprintf("own head %d contradicts %v", h.Size, h.Contradicts))
	}
	for range s.Differences {
		out = append(out, "difference")
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ", ")
}

// laden returns two nodes and a bundle from b to a that has something in every field.
func laden(t *testing.T) (a, b *node, bundle *Bundle) {
	a, b = two(t)
	b.say("first", Routine, 64<<10+100)
	first, _ := b.build(MaxBudget)
	a.receive(lie(b.l, first, func(x *Bundle) { // content and object stay away for now
		x.Journals[0].Contents[0] = Slot{State: Later}
		x.Objects = nil
	}))
	a.say("from a", Routine, 200<<10)
	a.say("more from a", Routine)
	out, _ := a.build(MaxBudget)
	b.receive(lie(a.l, out, func(x *Bundle) { x.Objects = x.Objects[:1] })) // two parts are missing
	b.say("second", Flash)
	b.digests[statement.Thread{7}] = [48]byte{7}
	a.digests[statement.Thread{7}] = [48]byte{7}
	bundle, _ = b.build(MaxBudget)
	return a, b, bundle
}

// paths lists the encoded fields below a wire struct, looking into slices, arrays and pointers of structs.
func paths(t reflect.Type, prefix string) (out []string) {
	for t.Kind() == reflect.Slice && t != reflect.TypeFor[Ranges]() || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return []string{strings.TrimSuffix(prefix, ".")}
	}
	for i := range t.NumField() {
		if f := t.Field(i); f.Name != "_" {
			out = append(out, paths(f.Type, prefix+f.Name+".")...)
		}
	}
	return out
}

// complete fails for a field of T that no line of the table begins with, and for a line that begins with no field.
func complete[T any, L any](t *testing.T, table map[string]L) {
	t.Helper()
	known := map[string]bool{}
	for _, p := range paths(reflect.TypeFor[T](), "") {
		known[p] = true
		if !slices.ContainsFunc(slices.Collect(mapKeys(table)), func(line string) bool { return strings.Fields(line)[0] == p }) {
			t.Errorf("field %s is not in the table", p)
		}
	}
	for line := range table {
		if !known[strings.Fields(line)[0]] {
			t.Errorf("line %q names no field", line)
		}
	}
}

type tampering struct {
	want   string
	change func(*Bundle)
}

func TestEveryFieldOfABundleIsGuarded(t *testing.T) {
	a, b, bundle := laden(t)
	if got := outcome(a.examine(sealRaw(b.l, wire.MustMarshal(bundle)))); got != "" {
		t.Fatalf("the sample itself: %s", got)
	}
	part := func(x *Bundle) *JournalPart { return &x.Journals[0] }
	resign := func(x *Bundle, change func(*HeldReceipt)) {
		r, err := DecodeHeld(x.Held[0].Payload)
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		x.Held[0], _ = seal.SignPayload(b.keys.cosigning, heldContext(b.l.Suite, b.l.Realm, r, b.keys.cosigning.Public().ID()), wire.MustMarshal(r))
	}
	// Where the content does not open, the object it names is not wanted and its parts are refused too.
	const mismatch = "violation exchange.body.mismatch"
	table := map[string]tampering{
		"Version":                            {"exchange.bundle.version", func(x *Bundle) { x.Version = 2 }},
		"ID":                                 {"exchange.bundle.id", func(x *Bundle) { x.ID = [16]byte{} }},
		"Channel none":                       {"exchange.bundle.channel", func(x *Bundle) { x.Channel = [48]byte{} }},
		"Channel":                            {"exchange.bundle.channel", func(x *Bundle) { x.Channel[0]++ }},
		"From none":                          {"exchange.bundle.sender", func(x *Bundle) { x.From = "" }},
		"From":                               {"exchange.bundle.sender", func(x *Bundle) { x.From = au }},
		"To self":                            {"exchange.bundle.recipient", func(x *Bundle) { x.To = x.From }},
		"To":                                 {"exchange.bundle.recipient", func(x *Bundle) { x.To = au }},
		"Time":                               {"exchange.bundle.time", func(x *Bundle) { x.Time = 0 }},
		"Journals.Author own":                {"exchange.part.author", func(x *Bundle) { part(x).Author = nz }},
		"Journals.Author other":              {"exchange.part.author", func(x *Bundle) { part(x).Author = au }},
		"Journals.Author bad":                {"exchange.part", func(x *Bundle) { part(x).Author = "?" }},
		"Journals.Author twice":              {"exchange.part", func(x *Bundle) { x.Journals = append(x.Journals, x.Journals[0]) }},
		"Journals.Epoch old":                 {"refused exchange.epoch.old, refused exchange.object.unknown", func(x *Bundle) { part(x).Epoch-- }},
		"Journals.Epoch new":                 {"refused exchange.epoch.unknown, refused exchange.object.unknown", func(x *Bundle) { part(x).Epoch++ }},
		"Journals.From":                      {"exchange.part.size", func(x *Bundle) { part(x).From++ }},
		"Journals.From impossible":           {"exchange.part", func(x *Bundle) { part(x).From = MaxSize + 1 }},
		"Journals.Leaves":                    {"refused exchange.journal.root, refused exchange.object.unknown", func(x *Bundle) { part(x).Leaves[0][9]++ }},
		"Journals.Leaves none":               {"exchange.part", func(x *Bundle) { part(x).Leaves = nil }},
		"Journals.Leaves empty":              {"exchange.part", func(x *Bundle) { part(x).Leaves[0] = []byte{} }},
		"Journals.Leaves large":              {"exchange.part", func(x *Bundle) { part(x).Leaves[0] = make([]byte, statement.MaxLeaf+1) }},
		"Journals.Acts.State":                {"exchange.slot", func(x *Bundle) { part(x).Acts[0].State = 9 }},
		"Journals.Acts.State bad":            {"exchange.slot", func(x *Bundle) { part(x).Acts[0] = Slot{State: Bad} }},
		"Journals.Acts.State later":          {"exchange.slot", func(x *Bundle) { part(x).Acts[0].State = Later }},
		"Journals.Acts.Salt":                 {mismatch, func(x *Bundle) { part(x).Acts[0].Salt[0]++ }},
		"Journals.Acts.Salt short":           {"exchange.slot", func(x *Bundle) { part(x).Acts[0].Salt = make([]byte, 31) }},
		"Journals.Acts.Bytes":                {mismatch, func(x *Bundle) { part(x).Acts[0].Bytes[0]++ }},
		"Journals.Acts.Bytes large":          {"exchange.slot", func(x *Bundle) { part(x).Acts[0].Bytes = make([]byte, statement.MaxBody+1) }},
		"Journals.Contents.State":            {"exchange.slot", func(x *Bundle) { part(x).Contents[0].State = 0 }},
		"Journals.Contents.Salt":             {mismatch, func(x *Bundle) { part(x).Contents[0].Salt[31]++ }},
		"Journals.Contents.Bytes":            {mismatch, func(x *Bundle) { part(x).Contents[0].Bytes[4]++ }},
		"Journals.Contents.Bytes none":       {"exchange.slot", func(x *Bundle) { part(x).Contents[0].Bytes = nil }},
		"Journals.Checkpoint":                {"exchange.part.checkpoint", func(x *Bundle) { part(x).Checkpoint[len(part(x).Checkpoint)-9] ^= 1 }},
		"Journals.Checkpoint root":           {"exchange.part.checkpoint", func(x *Bundle) { tamperRoot(part(x).Checkpoint) }},
		"Journals.Checkpoint none":           {"exchange.part", func(x *Bundle) { part(x).Checkpoint = []byte{} }},
		"Journals.Bodies.Index":              {"exchange.late", func(x *Bundle) { part(x).Bodies[0].Index = 99 }},
		"Journals.Bodies.Index twice":        {"exchange.late", func(x *Bundle) { part(x).Bodies = append(part(x).Bodies, part(x).Bodies[0]) }},
		"Journals.Bodies.Act.State":          {"exchange.slot", func(x *Bundle) { part(x).Bodies[0].Act.State = 7 }},
		"Journals.Bodies.Act.Salt":           {"", func(x *Bundle) { part(x).Bodies[0].Act.Salt[0]++ }}, // the act is here: nothing replaces it
		"Journals.Bodies.Act.Bytes":          {"", func(x *Bundle) { part(x).Bodies[0].Act.Bytes[0]++ }},
		"Journals.Bodies.Content.State":      {"exchange.slot", func(x *Bundle) { part(x).Bodies[0].Content.State = Destroyed }},
		"Journals.Bodies.Content.Salt":       {"refused exchange.object.unknown, " + mismatch, func(x *Bundle) { part(x).Bodies[0].Content.Salt[0]++ }},
		"Journals.Bodies.Content.Bytes":      {"refused exchange.object.unknown, " + mismatch, func(x *Bundle) { part(x).Bodies[0].Content.Bytes[0]++ }},
		"Objects.Root":                       {"refused exchange.object.unknown", func(x *Bundle) { x.Objects[0].Root[0]++ }},
		"Objects.Root none":                  {"exchange.object", func(x *Bundle) { x.Objects[0].Root = [48]byte{} }},
		"Objects.Size":                       {"refused exchange.object.size", func(x *Bundle) { x.Objects[0].Size++ }},
		"Objects.Index":                      {"exchange.object.proof", func(x *Bundle) { x.Objects[0].Index = 1 }},
		"Objects.Index beyond":               {"exchange.object", func(x *Bundle) { x.Objects[0].Index = 2 }},
		"Objects.Data":                       {"exchange.object.proof", func(x *Bundle) { x.Objects[0].Data[5]++ }},
		"Objects.Data short":                 {"exchange.object.proof", func(x *Bundle) { x.Objects[0].Data = x.Objects[0].Data[1:] }},
		"Objects.Proof":                      {"exchange.object.proof", func(x *Bundle) { x.Objects[0].Proof[0][0]++ }},
		"Objects.Proof none":                 {"exchange.object.proof", func(x *Bundle) { x.Objects[0].Proof = nil }},
		"Cosignatures.Author":                {"exchange.cosignature.author", func(x *Bundle) { x.Cosignatures[0].Author = jp }},
		"Cosignatures.Epoch":                 {"refused exchange.cosignature.epoch", func(x *Bundle) { x.Cosignatures[0].Epoch = 2 }},
		"Cosignatures.Size more":             {"refused exchange.cosignature.size", func(x *Bundle) { x.Cosignatures[0].Size++ }},
		"Cosignatures.Size less":             {"refused exchange.cosignature.root", func(x *Bundle) { x.Cosignatures[0].Size-- }},
		"Cosignatures.Root":                  {"refused exchange.cosignature.root", func(x *Bundle) { x.Cosignatures[0].Root[0]++ }},
		"Cosignatures.Lines":                 {"exchange.cosignature.signature", func(x *Bundle) { x.Cosignatures[0].Lines[60] ^= 1 }},
		"Cosignatures.Lines one":             {"exchange.cosignature.signature", func(x *Bundle) { x.Cosignatures[0].Lines, _, _ = bytes.Cut(x.Cosignatures[0].Lines, []byte("\n")) }},
		"Held.Payload":                       {"exchange.held.signature", func(x *Bundle) { p := x.Held[0].Payload; p[len(p)-1] ^= 1 }},
		"Held.Payload not CBOR":              {"exchange.held", func(x *Bundle) { x.Held[0].Payload = []byte{0xff} }},
		"Held.Payload of another version":    {"exchange.held", func(x *Bundle) { resign(x, func(r *HeldReceipt) { r.Version = 2 }) }},
		"Held.Payload of another channel":    {"exchange.held.channel", func(x *Bundle) { resign(x, func(r *HeldReceipt) { r.Channel[0]++ }) }},
		"Held.Payload of another holder":     {"exchange.held.holder", func(x *Bundle) { resign(x, func(r *HeldReceipt) { r.Holder = au }) }},
		"Held.Payload of another author":     {"exchange.held.author", func(x *Bundle) { resign(x, func(r *HeldReceipt) { r.Author = au }) }},
		"Held.Payload of another epoch":      {"refused exchange.held.epoch", func(x *Bundle) { resign(x, func(r *HeldReceipt) { r.Epoch = 2 }) }},
		"Held.Payload of more than there is": {"refused exchange.held.range", func(x *Bundle) { resign(x, func(r *HeldReceipt) { r.Ranges = Ranges{{1, 9}} }) }},
		"Held.Payload of nothing":            {"exchange.held", func(x *Bundle) { resign(x, func(r *HeldReceipt) { r.Ranges = nil }) }},
		"Held.Payload without time":          {"exchange.held", func(x *Bundle) { resign(x, func(r *HeldReceipt) { r.Time = 0 }) }},
		"Held.Key":                           {"exchange.held.signature", func(x *Bundle) { x.Held[0].Key[0]++ }},
		"Held.Sig.Ed25519":                   {"exchange.held.signature", func(x *Bundle) { x.Held[0].Sig.Ed25519[0]++ }},
		"Held.Sig.MLDSA87":                   {"exchange.held.signature", func(x *Bundle) { x.Held[0].Sig.MLDSA87[0]++ }},
		"Held.Sig.MLDSA87 none":              {"exchange.held.signature", func(x *Bundle) { x.Held[0].Sig.MLDSA87 = []byte{} }},
		"Heads":                              {"exchange.head.signature", func(x *Bundle) { tamperRoot(x.Heads[0]) }},
		"Heads not a note":                   {"exchange.head.malformed", func(x *Bundle) { x.Heads[0] = []byte("x") }},
		"Heads of a stranger":                {"exchange.head.author", func(x *Bundle) { x.Heads[0] = bytes.Replace(x.Heads[0], []byte(nz), []byte(au), 1) }},
		"Heads of another realm":             {"exchange.head.origin", func(x *Bundle) { x.Heads[0] = bytes.Replace(x.Heads[0], []byte("exercise:whio"), []byte("live"), 1) }},
		"Heads of an unknown epoch":          {"exchange.head.signature", func(x *Bundle) { x.Heads[0] = bytes.Replace(x.Heads[0], []byte("/1\n"), []byte("/7\n"), 1) }},
		"Heads empty":                        {"exchange.head", func(x *Bundle) { x.Heads[0] = []byte{} }},
		"Digests.Thread":                     {"exchange.digest", func(x *Bundle) { x.Digests[0].Thread = statement.Thread{} }},
		"Digests.Thread twice":               {"exchange.digest", func(x *Bundle) { x.Digests = append(x.Digests, x.Digests[0]) }},
		"Digests.Digest":                     {"difference", func(x *Bundle) { x.Digests[0].Digest[0]++ }},
		"Wants.Root":                         {"exchange.want", func(x *Bundle) { x.Wants[0].Root = [48]byte{} }},
		"Wants.Missing":                      {"exchange.want", func(x *Bundle) { x.Wants[0].Missing[0] = [2]uint64{3, 3} }},
		"Wants.Missing none":                 {"exchange.want", func(x *Bundle) { x.Wants[0].Missing = Ranges{} }},
	}
	complete[Bundle](t, table)
	for name, line := range table {
		s, err := a.examine(lie(b.l, bundle, line.change))
		if got := outcome(s, err); got != line.want {
			t.Errorf("%s: %q, want %q", name, got, line.want)
		}
		if err != nil && s != nil {
			t.Errorf("%s: refused, and yet a step", name)
		}
	}
}

// tamperRoot changes the root in a signed note.
func tamperRoot(note []byte) {
	lines := bytes.SplitN(note, []byte("\n"), 4)
	if lines[2][0] == 'A' {
		lines[2][0] = 'B'
	} else {
		lines[2][0] = 'A'
	}
}

func TestEveryFieldOfActContentAndLeafIsCommittedTo(t *testing.T) {
	a, b, bundle := laden(t)
	entry := b.own().entries[1]
	acts := map[string]func(*statement.Act){
		"Version": func(x *statement.Act) { x.Version++ }, "ID": func(x *statement.Act) { x.ID[0]++ }, "Channel": func(x *statement.Act) { x.Channel[0]++ },
		"Author": func(x *statement.Act) { x.Author = au }, "Epoch": func(x *statement.Act) { x.Epoch++ }, "Type": func(x *statement.Act) { x.Type = statement.Incident },
		"Thread": func(x *statement.Act) { x.Thread[0]++ }, "Answers.Author": func(x *statement.Act) { x.Answers[0].Author = au },
		"Answers.ID": func(x *statement.Act) { x.Answers[0].ID[0]++ }, "Answers.Leaf": func(x *statement.Act) { x.Answers[0].Leaf[0]++ },
		"Seen.Author": func(x *statement.Act) { x.Seen[0].Author = au }, "Seen.Epoch": func(x *statement.Act) { x.Seen[0].Epoch++ },
		"Seen.Size": func(x *statement.Act) { x.Seen[0].Size++ }, "Time": func(x *statement.Act) { x.Time++ },
		"By.Authority": func(x *statement.Act) { x.By.Authority = "JPN/other" }, "By.Role": func(x *statement.Act) { x.By.Role = party.RoleAuditor },
		"By.Handle": func(x *statement.Act) { x.By.Handle[0]++ }, "By.Delegation": func(x *statement.Act) { x.By.Delegation = "x" },
		"By.Proof.Kind": func(x *statement.Act) { x.By.Proof.Kind = statement.ProofCard }, "By.Proof.Data": func(x *statement.Act) { x.By.Proof.Data = []byte{1} },
		"Rules.Terms": func(x *statement.Act) { x.Rules.Terms[0]++ }, "Rules.Version": func(x *statement.Act) { x.Rules.Version = "other/1" },
		"Terms": func(x *statement.Act) { x.Terms = []byte{1} },
	}
	complete[statement.Act](t, acts)
	for name, change := range acts {
		act := *entry.stmt.Act
		act.Seen = slices.Clone(act.Seen)
		act.Answers = []statement.Ref{{Author: nz, ID: statement.ID{1}}}
		change(&act)
		got := outcome(a.examine(lie(b.l, bundle, func(x *Bundle) { x.Journals[0].Acts[0].Bytes = wire.MustMarshal(&act) })))
		if got != "violation exchange.body.mismatch" {
			t.Errorf("act, %s: %q", name, got)
		}
	}
	contents := map[string]func(*statement.Content){
		"Version": func(x *statement.Content) { x.Version++ }, "Narrative": func(x *statement.Content) { x.Narrative = []byte("other") },
		"Objects.Root": func(x *statement.Content) { x.Objects[0].Root[0]++ }, "Objects.Size": func(x *statement.Content) { x.Objects[0].Size++ },
		"Objects.Key": func(x *statement.Content) { x.Objects[0].Key[0]++ }, "Objects.MediaType": func(x *statement.Content) { x.Objects[0].MediaType = "a/b" },
	}
	complete[statement.Content](t, contents)
	for name, change := range contents {
		content := statement.Content{Version: 1, Narrative: entry.stmt.Content.Narrative, Objects: []statement.ObjectKey{{Root: [48]byte{1}, Size: 1, Key: [32]byte{1}, MediaType: "x/y"}}}
		change(&content)
		got := outcome(a.examine(lie(b.l, bundle, func(x *Bundle) { x.Journals[0].Contents[0].Bytes = wire.MustMarshal(&content) })))
		if got != "violation exchange.body.mismatch" {
			t.Errorf("content, %s: %q", name, got)
		}
	}
	leaves := map[string]func(*statement.Leaf){
		"Version": func(x *statement.Leaf) { x.Version++ }, "Act": func(x *statement.Leaf) { x.Act[0]++ },
		"Content": func(x *statement.Leaf) { x.Content[0]++ }, "Objects": func(x *statement.Leaf) { x.Objects = append(x.Objects, [48]byte{1}) },
	}
	complete[statement.Leaf](t, leaves)
	for name, change := range leaves {
		leaf, err := statement.DecodeLeaf(entry.leaf)
		if err != nil {
			t.Fatal(err)
		}
		change(&leaf)
		got := outcome(a.examine(lie(b.l, bundle, func(x *Bundle) { x.Journals[0].Leaves[0] = wire.MustMarshal(&leaf) })))
		if got != "refused exchange.journal.root, refused exchange.object.unknown" {
			t.Errorf("leaf, %s: %q", name, got)
		}
	}
}

func TestEveryFieldOfAHeldReceiptIsSigned(t *testing.T) {
	_, b, bundle := laden(t)
	changes := map[string]func(*HeldReceipt){
		"Version": func(r *HeldReceipt) { r.Version++ }, "Channel": func(r *HeldReceipt) { r.Channel[0]++ }, "Holder": func(r *HeldReceipt) { r.Holder = au },
		"Author": func(r *HeldReceipt) { r.Author = au }, "Epoch": func(r *HeldReceipt) { r.Epoch++ }, "Ranges": func(r *HeldReceipt) { r.Ranges[0][1]++ },
		"Time": func(r *HeldReceipt) { r.Time++ },
	}
	complete[HeldReceipt](t, changes)
	open := func(s seal.Signed, l *Link, key seal.PublicKey) errs.Code {
		_, err := OpenHeld(s, l.Suite, l.Realm, key)
		return errs.CodeOf(err)
	}
	pub := b.keys.cosigning.Public()
	if got := open(bundle.Held[0], b.l, pub); got != "" {
		t.Fatal(got)
	}
	for name, change := range changes {
		r, err := DecodeHeld(bundle.Held[0].Payload)
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		s := bundle.Held[0]
		s.Payload = wire.MustMarshal(r)
		if got := open(s, b.l, pub); got != "exchange.held.signature" && !(name == "Version" && got == "exchange.held") {
			t.Errorf("%s: %q", name, got)
		}
	}
	realm, suite := *b.l, *b.l
	realm.Realm, suite.Suite = "live", seal.Hybrid
	if open(bundle.Held[0], &realm, pub) == "" || open(bundle.Held[0], &suite, pub) == "" || open(bundle.Held[0], b.l, b.keys.signing.Public()) == "" {
		t.Error("a receipt counts in another realm or suite, or under another key")
	}
}

func TestAnotherRealmsCheckpointIsRefused(t *testing.T) {
	a, b, bundle := laden(t)
	size := b.own().pos.Size
	for name, o := range map[string]journal.Origin{
		"realm":   {Realm: "live", Channel: b.l.Channel, Author: jp, Epoch: 1},
		"channel": {Realm: b.l.Realm, Channel: [48]byte{9}, Author: jp, Epoch: 1},
		"author":  {Realm: b.l.Realm, Channel: b.l.Channel, Author: au, Epoch: 1},
		"epoch":   {Realm: b.l.Realm, Channel: b.l.Channel, Author: jp, Epoch: 2},
	} {
		note, err := journal.Sign(b.keys.signing, b.l.Suite, journal.Checkpoint{Origin: o, Size: int64(size), Root: b.own().pos.Root})
		if err != nil {
			t.Fatal(err)
		}
		if got := outcome(a.examine(lie(b.l, bundle, func(x *Bundle) { x.Journals[0].Checkpoint = note }))); got != "exchange.part.checkpoint" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
