package party

import (
	"bytes"
	"crypto/sha512"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the published vectors anew; a change of existing ones is a change of the format")

// The words are computed on both sides and compared by two people who may run different programs.
func TestPairingWordVectors(t *testing.T) {
	type vector struct {
		Realm Realm  `json:"realm"`
		A     string `json:"root_a"`
		B     string `json:"root_b"`
		Words string `json:"words"`
	}
	type published struct {
		Cases []vector `json:"cases"`
	}
	var v published
	for _, realm := range []Realm{"exercise:whio", Live} {
		a, b := Fingerprint(sha512.Sum384([]byte("root a"))), Fingerprint(sha512.Sum384([]byte("root b")))
		v.Cases = append(v.Cases, vector{realm, a.String(), b.String(), strings.Join(PairingWords(realm, a, b), " ")},
			vector{realm, b.String(), a.String(), strings.Join(PairingWords(realm, b, a), " ")})
	}
	got, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "vectors", "party", "words.json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(append(got, '\n'), want) {
		t.Error("the words are not those published: two programs would read different words")
	}
}
