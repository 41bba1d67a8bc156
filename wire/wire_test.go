package wire

import (
	"encoding/hex"
	"testing"

	"entente/errs"
)

type pair struct {
	A uint64 `cbor:"1,keyasint"`
	B string `cbor:"2,keyasint,omitempty"`
}

func TestEveryOtherSpellingIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		hex  string
		code errs.Code
	}{
		"the one encoding":        {"a2010a026161", ""},
		"optional field left out": {"a1010a", ""},
		"long integer":            {"a20118 0a026161", "wire.not-deterministic"},
		"keys out of order":       {"a2026161010a", "wire.not-deterministic"},
		"duplicate key":           {"a2010a010a", "wire.malformed"},
		"unknown field":           {"a2010a030a", "wire.malformed"},
		"indefinite map":          {"bf010aff", "wire.malformed"},
		"trailing byte":           {"a1010a00", "wire.malformed"},
		"truncated":               {"a2010a02", "wire.malformed"},
		"tagged":                  {"a101c10a", "wire.malformed"},
		"text not UTF-8":          {"a2010a0261ff", "wire.malformed"},
		"empty optional spelled":  {"a2010a0260", "wire.not-deterministic"},
		"float":                   {"a101f93c00", "wire.malformed"},
		"nothing":                 {"", "wire.malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			var clean []byte
			for _, c := range tc.hex {
				if c != ' ' {
					clean = append(clean, byte(c))
				}
			}
			raw, err := hex.DecodeString(string(clean))
			if err != nil {
				t.Fatal(err)
			}
			var p pair
			if got := errs.CodeOf(Unmarshal(raw, 64, &p)); got != tc.code {
				t.Errorf("code %q, want %q", got, tc.code)
			}
		})
	}
}

func TestTheCapComesFirst(t *testing.T) {
	var p pair
	if errs.CodeOf(Unmarshal(make([]byte, 65), 64, &p)) != "wire.size" {
		t.Error("a value over the cap was looked at")
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte{0xa2, 1, 10, 2, 0x61, 0x61})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var p pair
		if Unmarshal(raw, 1<<16, &p) == nil && string(MustMarshal(&p)) != string(raw) {
			t.Fatal("two encodings of one value")
		}
	})
}
