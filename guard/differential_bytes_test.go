package guard_test

import (
	"crypto/sha512"
	"os"
	"path/filepath"
	"testing"

	"entente/release"
	"entente/wire"
)

var emptyDigest = sha512.Sum384(nil)

func encode(v any) []byte { return wire.MustMarshal(v) }

// seal writes a version and fitting terms without any of the checks that release makes.
func seal(v *release.Version) ([]byte, *release.DispatchTerms) {
	b := encode(v)
	return b, &release.DispatchTerms{Release: v.Release, Digest: sha512.Sum384(b), Banner: v.Banner, Purpose: v.Purpose, Precedence: v.Precedence,
		Manifest: release.ManifestDigest(v.Manifest), Size: uint64(len(b)), Portions: uint64(len(v.Portions))}
}

// policyFiles are the policies that package label ships, as files.
func policyFiles(t testing.TB) (out [][]byte) {
	t.Helper()
	names, err := filepath.Glob("../label/policies/*.json")
	if err != nil || len(names) != 2 {
		t.Fatalf("%v: %v", names, err)
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}
