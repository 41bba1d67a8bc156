package seal

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// hexBytes reads hexadecimal from JSON.
type hexBytes []byte

func (h *hexBytes) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	var err error
	*h, err = hex.DecodeString(s)
	return err
}

func (h hexBytes) MarshalJSON() ([]byte, error) { return json.Marshal(hex.EncodeToString(h)) }

func (p floeParams) encryptAll(key, aad, plain []byte) []byte {
	f, out := p.start(key, aad)
	for pos := uint64(0); ; pos++ {
		if len(plain) <= p.plain() {
			return f.seal(out, plain, pos, true)
		}
		out = f.seal(out, plain[:p.plain()], pos, false)
		plain = plain[p.plain():]
	}
}

func (p floeParams) decryptAll(key, aad, b []byte) ([]byte, error) {
	f, err := p.resume(key, aad, b[:floeHeaderSize])
	if err != nil {
		return nil, err
	}
	b = b[floeHeaderSize:]
	out := []byte{}
	for pos := uint64(0); ; pos++ {
		n := min(len(b), int(p.segment))
		if out, err = f.open(out, b[:n], pos, n == len(b)); err != nil || n == len(b) {
			return out, err
		}
		b = b[n:]
	}
}

func TestFLOEKnownAnswers(t *testing.T) {
	var file struct {
		Cases []struct {
			Name                            string
			Segment                         uint32
			Rotation                        uint
			Key, AAD, Plaintext, Ciphertext hexBytes
		}
	}
	readJSON(t, "testdata/floe.json", &file)
	if len(file.Cases) != 5 {
		t.Fatal("known answers are missing")
	}
	for _, tc := range file.Cases {
		t.Run(tc.Name, func(t *testing.T) {
			p := floeParams{tc.Segment, tc.Rotation}
			got, err := p.decryptAll(tc.Key, tc.AAD, tc.Ciphertext)
			if err != nil || !bytes.Equal(got, tc.Plaintext) {
				t.Fatalf("decrypts to %x, %v", got, err)
			}
			if again := p.encryptAll(tc.Key, tc.AAD, tc.Plaintext); len(again) != len(tc.Ciphertext) {
				t.Errorf("own container has %d bytes, the published one %d", len(again), len(tc.Ciphertext))
			}
			p.rotation++
			if _, err := p.decryptAll(tc.Key, tc.AAD, tc.Ciphertext); tc.Rotation == 2 && err == nil {
				t.Error("the rotation of keys has no effect")
			}
		})
	}
}

func TestFLOERoundTripAtEveryLength(t *testing.T) {
	p := floeParams{segment: 48, rotation: 1}
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "plain")
		key := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key")
		b := p.encryptAll(key, []byte("aad"), plain)
		got, err := p.decryptAll(key, []byte("aad"), b)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%x, %v", got, err)
		}
		i := rapid.IntRange(0, len(b)-1).Draw(t, "altered")
		if _, err := p.decryptAll(key, []byte("aad"), flip(b, i)); err == nil {
			t.Fatalf("byte %d may be altered", i)
		}
	})
}
