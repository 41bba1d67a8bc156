package main

import (
	"bytes"
	"crypto/rand"
	"io"

	"entente/seal"
)

type benchSealCmd struct {
	benchFlags
}

// benchSealResult's own figures are those of sealing an object.
type benchSealResult struct {
	benchResult
	GBPerS   float64 `json:"gb_per_s"`   // object sealed and committed to, one core
	RatePerS float64 `json:"rate_per_s"` // segments of 1 MiB
}

// objectSize is the object that is sealed: segments enough that head and tree do not show.
const objectSize = 16 << 20

func (c *benchSealCmd) Run(a *app) error {
	r := &benchSealResult{benchResult: newBenchResult("seal")}
	plain, key, binding := make([]byte, objectSize), seal.NewDataKey(), []byte("entente bench")
	if _, err := rand.Read(plain); err != nil {
		return err
	}
	var box bytes.Buffer
	object, err := seal.EncryptObject(&box, bytes.NewReader(plain), key, binding)
	if err != nil {
		return err
	}
	list := []benchItem{
		{"object: seal and commit, 16 MiB in segments of 1 MiB", objectSize, func() error {
			_, err := seal.EncryptObject(io.Discard, bytes.NewReader(plain), key, binding)
			return err
		}},
		{"object: verify and open, 16 MiB", objectSize, func() error {
			return seal.DecryptObject(io.Discard, bytes.NewReader(box.Bytes()), key, binding, object)
		}},
	}
	item, out := seal.NewItemCipher(seal.NewDataKey()), make([]byte, 0, 8<<10)
	report, row := plain[:4<<10], []byte("row")
	sealed := item.Seal(nil, row, report)
	list = append(list,
		benchItem{"item at rest: seal, 4 KiB", 4 << 10, func() error { out = item.Seal(out[:0], row, report); return nil }},
		benchItem{"item at rest: open, 4 KiB", 4 << 10, func() (err error) { out, err = item.Open(out[:0], row, sealed); return err }})
	for _, suite := range []seal.Suite{seal.Hybrid, seal.CNSA} {
		k, err := seal.GenerateKEM(suite)
		if err != nil {
			return err
		}
		pub, info := k.Public(), []byte("bench")
		box, err := seal.SealTo(pub, info, report)
		if err != nil {
			return err
		}
		list = append(list,
			benchItem{"HPKE " + string(suite) + ": seal, 4 KiB", 0, func() error { _, err := seal.SealTo(pub, info, report); return err }},
			benchItem{"HPKE " + string(suite) + ": open, 4 KiB", 0, func() error { _, err := k.Open(info, box); return err }})
	}
	signer, err := seal.GenerateSigningKey()
	if err != nil {
		return err
	}
	pub, message := signer.Public(), plain[:300]
	sig, err := signer.Sign("entente/bench/1", message)
	if err != nil {
		return err
	}
	list = append(list,
		benchItem{"sign, Ed25519 + ML-DSA-87", 0, func() error { _, err := signer.Sign("entente/bench/1", message); return err }},
		benchItem{"verify, both", 0, func() error { return pub.Verify("entente/bench/1", message, sig) }})

	a.note("%s", a.say("measuring sealing and signatures", "暗号化と署名を測定中"))
	if err := r.measure(&c.benchFlags, list); err != nil {
		return err
	}
	if err := r.calibrate(a, &c.benchFlags); err != nil {
		return err
	}
	r.GBPerS, r.RatePerS = r.Rows[0].GBPerS, r.Rows[0].RatePerS*objectSize/(1<<20)
	return a.print(r, func(w io.Writer) {
		r.head(w)
		printRows(w, a.say("sealing and signing, one core", "暗号化と署名(1コア)"), r.Rows)
		r.tail(a, w)
	})
}
