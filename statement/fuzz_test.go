package statement

import (
	"bytes"
	"testing"

	"entente/errs"
	"entente/wire"
)

func fuzz[T any](f *testing.F, sample []byte, decode func([]byte) (T, error), encode func(T) ([]byte, error)) {
	f.Add(sample)
	f.Add(sample[:len(sample)-1])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := decode(b)
		if err != nil {
			if errs.CodeOf(err) == "" {
				t.Fatal("an error without a code")
			}
			return
		}
		again, err := encode(v)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("two encodings of one value: %v", err)
		}
	})
}

func FuzzDecodeAct(f *testing.F) {
	fuzz(f, wire.MustMarshal(sampleAct()), DecodeAct, (*Act).Encode)
}

func FuzzDecodeContent(f *testing.F) {
	fuzz(f, wire.MustMarshal(sampleContent()), DecodeContent, (*Content).Encode)
}

func FuzzDecodeLeaf(f *testing.F) {
	leaf, _, _, err := Make(sampleAct(), sampleContent(), filled[[32]byte](1), filled[[32]byte](2))
	if err != nil {
		f.Fatal(err)
	}
	fuzz(f, leaf, DecodeLeaf, func(l Leaf) ([]byte, error) { return l.Encode() })
}

func FuzzDecodeTerms(f *testing.F) {
	all := []func() Terms{func() Terms { return new(GenesisTerms) }, func() Terms { return new(KeyTerms) }, func() Terms { return new(DelegationTerms) },
		func() Terms { return new(AnchorTerms) }, func() Terms { return new(NationalTerms) }}
	f.Add(uint8(1), wire.MustMarshal(&KeyTerms{Statement: []byte{1}}))
	f.Add(uint8(4), wire.MustMarshal(&NationalTerms{Event: "view", Outcome: OutcomeDone}))
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		v := all[int(which)%len(all)]()
		if DecodeTerms(b, v) == nil {
			if again, err := EncodeTerms(v); err != nil || !bytes.Equal(again, b) {
				t.Fatalf("two encodings of one value: %v", err)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("release.dispatch/1")
	f.Add("0123456789abcdef0123456789abcdef")
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := ParseType(s); err == nil && string(n) != s {
			t.Fatal("two spellings")
		}
		if id, err := ParseID(s); err == nil && id.String() != s {
			t.Fatal("two spellings")
		}
	})
}
