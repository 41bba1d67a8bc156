package seal

import (
	"bytes"
	"io"
	"testing"
)

func BenchmarkSign(b *testing.B) {
	k, msg := named("signer"), make([]byte, 300)
	b.ReportAllocs()
	for b.Loop() {
		must(k.Sign("entente/bench/1", msg))
	}
}

func BenchmarkVerify(b *testing.B) {
	k, msg := named("signer"), make([]byte, 300)
	sig := must(k.Sign("entente/bench/1", msg))
	b.ReportAllocs()
	for b.Loop() {
		if err := k.Public().Verify("entente/bench/1", msg, sig); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHPKE(b *testing.B) {
	for _, suite := range suites {
		k, plain := must(GenerateKEM(suite)), make([]byte, 4<<10)
		box := must(SealTo(k.Public(), []byte("info"), plain))
		b.Run(string(suite)+"/seal", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				must(SealTo(k.Public(), []byte("info"), plain))
			}
		})
		b.Run(string(suite)+"/open", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				must(k.Open([]byte("info"), box))
			}
		})
	}
}

func BenchmarkItem(b *testing.B) {
	c, plain, aad := NewItemCipher(NewDataKey()), make([]byte, 4<<10), []byte("row")
	box, out := make([]byte, 0, 5<<10), make([]byte, 0, 5<<10)
	b.ReportAllocs()
	b.Run("seal", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		b.ReportAllocs()
		for b.Loop() {
			box = c.Seal(box[:0], aad, plain)
		}
	})
	b.Run("open", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		b.ReportAllocs()
		for b.Loop() {
			out = must(c.Open(out[:0], aad, box))
		}
	})
}

func BenchmarkObject(b *testing.B) {
	for name, n := range map[string]int{"64KiB": 64 << 10, "32MiB": 32 << 20} {
		plain := pattern(n)
		box, o := container(n)
		b.Run("encrypt/"+name, func(b *testing.B) {
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				must(EncryptObject(io.Discard, bytes.NewReader(plain), objectKey, binding))
			}
		})
		b.Run("decrypt/"+name, func(b *testing.B) {
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				if err := DecryptObject(io.Discard, bytes.NewReader(box), objectKey, binding, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerifyLeaf(b *testing.B) {
	tree, bytes := NewTree(), pattern(16<<20)
	tree.Write(bytes)
	root, proof := tree.Root(), must(tree.Proof(100))
	leaf := bytes[100*LeafSize : 101*LeafSize]
	b.SetBytes(LeafSize)
	b.ReportAllocs()
	for b.Loop() {
		if err := VerifyLeaf(root, tree.Leaves(), tree.Size(), 100, leaf, proof); err != nil {
			b.Fatal(err)
		}
	}
}
