package seal

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func TestItemTampering(t *testing.T) {
	key := [32]byte(bytes.Repeat([]byte{7}, 32))
	box := SealItem(key, []byte("row 1"), []byte("content"))
	if b, err := OpenItem(key, []byte("row 1"), box); err != nil || string(b) != "content" {
		t.Fatalf("%q, %v", b, err)
	}
	if bytes.Equal(box, SealItem(key, []byte("row 1"), []byte("content"))) {
		t.Error("two boxes of one item are equal")
	}
	other := key
	other[31] ^= 1
	for name, tc := range map[string]struct {
		key [32]byte
		aad string
		box []byte
	}{
		"nonce altered":   {key, "row 1", flip(box, 0)},
		"content altered": {key, "row 1", flip(box, 12)},
		"tag altered":     {key, "row 1", flip(box, len(box)-1)},
		"truncated":       {key, "row 1", box[:len(box)-1]},
		"extended":        {key, "row 1", append(bytes.Clone(box), 0)},
		"too short":       {key, "row 1", box[:27]},
		"empty":           {key, "row 1", nil},
		"another row":     {key, "row 2", box},
		"another key":     {other, "row 1", box},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := OpenItem(tc.key, []byte(tc.aad), tc.box)
			want(t, err, "seal.item")
		})
	}
}

func TestItemCipherAppendsWithoutAllocating(t *testing.T) {
	c := NewItemCipher(NewDataKey())
	plain, aad := make([]byte, 1000), []byte("row")
	box, out := make([]byte, 0, 1100), make([]byte, 0, 1100)
	if n := testing.AllocsPerRun(100, func() {
		box = c.Seal(box[:0], aad, plain)
		out, _ = c.Open(out[:0], aad, box)
	}); n > 0 {
		t.Errorf("%v allocations per round trip", n)
	}
	if got := c.Seal([]byte("head"), aad, plain); string(got[:4]) != "head" || len(got) != 4+1000+ItemOverhead {
		t.Error("does not append")
	}
}

func TestItemRoundTrip(t *testing.T) {
	c := NewItemCipher(NewDataKey())
	rapid.Check(t, func(t *rapid.T) {
		aad, plain := rapid.SliceOf(rapid.Byte()).Draw(t, "aad"), rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		got, err := c.Open(nil, aad, c.Seal(nil, aad, plain))
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%x, %v", got, err)
		}
	})
}

func FuzzOpenItem(f *testing.F) {
	key := [32]byte{1}
	f.Add(SealItem(key, nil, []byte("content")))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if b, err := OpenItem(key, nil, raw); err == nil && len(b)+ItemOverhead != len(raw) {
			t.Fatal("opened something else")
		}
	})
}
