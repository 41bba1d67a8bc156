package label

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"entente/errs"
	"entente/party"
	"entente/wire"
)

// markVector is a mark of one of the two exercise policies, what it means, how that is written back, and its bytes.
type markVector struct {
	Owner    party.Party `json:"owner"` // of the policy
	Mark     string      `json:"mark"`
	Label    *Label      `json:"label,omitempty"`
	CBOR     string      `json:"cbor,omitempty"`
	Portions *Text       `json:"portion,omitempty"`
	Banners  *Text       `json:"banner,omitempty"`
	Error    errs.Code   `json:"error,omitempty"`
}

type joinVector struct {
	Owner party.Party `json:"owner"`
	A     string      `json:"a"`
	B     string      `json:"b"`
	Join  string      `json:"join,omitempty"` // portion mark in English
	Error errs.Code   `json:"error,omitempty"`
}

func TestMarkVectors(t *testing.T) {
	set, err := ExercisePolicies()
	if err != nil {
		t.Fatal(err)
	}
	oid := func(owner party.Party) string {
		p, ok := set.Owned(owner)
		if !ok {
			t.Fatal(owner)
		}
		return p.OID()
	}
	var v struct {
		Marks []markVector `json:"marks"`
		Joins []joinVector `json:"joins"`
	}
	for _, m := range []markVector{
		{Owner: "NZL", Mark: "U"}, {Owner: "NZL", Mark: "S"}, {Owner: "NZL", Mark: "S//REL TO NZL, JPN"}, {Owner: "NZL", Mark: "C//REL TO NZL, AUS, JPN"},
		{Owner: "NZL", Mark: "S//NZEO"}, {Owner: "NZL", Mark: "TS//ACCOUNTABLE MATERIAL"}, {Owner: "NZL", Mark: "//JPN S"},
		{Owner: "JPN", Mark: "U"}, {Owner: "JPN", Mark: "極秘//REL TO NZL"}, {Owner: "JPN", Mark: "S//REL TO NZL"}, {Owner: "JPN", Mark: "秘//JPN ONLY"},
		{Owner: "JPN", Mark: "極秘//特定秘密//REL TO NZL"}, {Owner: "JPN", Mark: "//NZL 極秘//REL TO NZL"},
		{Owner: "NZL", Mark: "s//REL TO NZL, JPN"}, {Owner: "NZL", Mark: "S//REL TO JPN"}, {Owner: "NZL", Mark: "S//REL TO NZL"}, {Owner: "NZL", Mark: "S//REL TO NZL, JPN//NZEO"},
		{Owner: "NZL", Mark: "S//NZEO//REL TO NZL, JPN"}, {Owner: "NZL", Mark: "S // REL TO NZL, JPN"}, {Owner: "NZL", Mark: "Ｓ"}, {Owner: "NZL", Mark: "X"}, {Owner: "NZL", Mark: ""},
		{Owner: "JPN", Mark: "極秘//REL TO JPN, NZL"}, {Owner: "JPN", Mark: "//NZL 極秘//REL TO AUS"},
	} {
		l, err := set.ParsePortion(oid(m.Owner), m.Mark)
		if m.Error = errs.CodeOf(err); err == nil {
			m.Label, m.CBOR = &l, hex.EncodeToString(wire.MustMarshal(&l))
			m.Portions, m.Banners = &Text{set.Portion(l, "en"), set.Portion(l, "ja")}, &Text{set.Banner(l, "en"), set.Banner(l, "ja")}
		}
		v.Marks = append(v.Marks, m)
	}
	for _, j := range []joinVector{
		{Owner: "NZL", A: "C//REL TO NZL, JPN", B: "S//REL TO NZL, AUS, JPN"}, {Owner: "NZL", A: "S//REL TO NZL, JPN", B: "U"}, {Owner: "NZL", A: "R//REL TO NZL, JPN", B: "S//NZEO"},
		{Owner: "NZL", A: "S", B: "//JPN S"}, {Owner: "JPN", A: "秘//REL TO NZL", B: "極秘//特定秘密//REL TO NZL"}, {Owner: "JPN", A: "極秘", B: "秘//特別防衛秘密"},
	} {
		a, errA := set.ParsePortion(oid(j.Owner), j.A)
		b, errB := set.ParsePortion(oid(j.Owner), j.B)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		l, err := set.Join(a, b)
		if j.Error = errs.CodeOf(err); err == nil {
			j.Join = set.Portion(l, "en")
		}
		v.Joins = append(v.Joins, j)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "vectors", "label", "marks.json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	published, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(published, out.Bytes()) {
		t.Error("marks mean or look something else than published")
	}
}
