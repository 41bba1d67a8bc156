package exchange

import (
	"bytes"
	"testing"

	"entente/errs"
	"entente/seal"
	"entente/wire"
)

func TestEveryByteOfTheHeaderIsGuarded(t *testing.T) {
	a, b, bundle := laden(t)
	raw := sealRaw(b.l, wire.MustMarshal(bundle))
	open := func(raw []byte) errs.Code { _, err := Unpack(a.l, KEMKeys{a.keys.kem}, raw); return errs.CodeOf(err) }
	for at := range HeaderSize + 40 { // changed on the way, by somebody without the link key
		changed := bytes.Clone(raw)
		changed[at] ^= 0x40
		want := errs.Code("exchange.bundle.mac")
		switch {
		case at < 4:
			want = "exchange.bundle.magic"
		case at >= 38 && at < macAt:
			want = "exchange.bundle.truncated"
		}
		if got := open(changed); got != want {
			t.Errorf("byte %d: %q, want %q", at, got, want)
		}
	}
	withKey := func(change func(raw []byte) []byte) errs.Code { // changed by somebody who has the link key
		changed := change(bytes.Clone(raw))
		copy(changed[macAt:], mac(b.l.OutKey, changed))
		return open(changed)
	}
	set := func(at int, v byte) func([]byte) []byte { return func(raw []byte) []byte { raw[at] = v; return raw } }
	for name, tc := range map[string]struct {
		got, want errs.Code
	}{
		"version":    {withKey(set(4, 2)), "exchange.bundle.version"},
		"suite":      {withKey(set(5, seal.Hybrid.Number())), "exchange.bundle.suite"},
		"link":       {withKey(set(6, 99)), "exchange.bundle.mac"},
		"key":        {withKey(set(22, raw[22]^1)), "exchange.bundle.key"},
		"sealed":     {withKey(set(HeaderSize+9, raw[HeaderSize+9]^1)), "exchange.bundle.sealed"},
		"cut":        {open(raw[:len(raw)-1]), "exchange.bundle.truncated"},
		"longer":     {open(append(bytes.Clone(raw), 0)), "exchange.bundle.truncated"},
		"only half":  {open(raw[:HeaderSize-1]), "exchange.bundle.truncated"},
		"nothing":    {open(nil), "exchange.bundle.truncated"},
		"too large":  {open(make([]byte, MaxBundle+1)), "exchange.bundle.oversized"},
		"not CBOR":   {open(sealRaw(b.l, []byte{0xff})), "exchange.bundle.malformed"},
		"empty":      {open(sealRaw(b.l, nil)), "exchange.bundle.malformed"},
		"reflected":  {func() errs.Code { _, err := Unpack(b.l, KEMKeys{b.keys.kem}, raw); return errs.CodeOf(err) }(), "exchange.bundle.mac"},
		"no key yet": {func() errs.Code { _, err := Unpack(a.l, KEMKeys{}, raw); return errs.CodeOf(err) }(), "exchange.bundle.key"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %q, want %q", name, tc.got, tc.want)
		}
	}
	for name, change := range map[string]func(*Link){
		"realm": func(l *Link) { l.Realm = "live" }, "channel": func(l *Link) { l.Channel[0]++ }, "sender": func(l *Link) { l.Peer = au },
		"recipient": func(l *Link) { l.Self = au }, "epoch": func(l *Link) { l.PeerEpoch += 5 },
	} {
		l := *a.l
		change(&l)
		if _, err := Unpack(&l, KEMKeys{a.keys.kem}, raw); errs.CodeOf(err) != "exchange.bundle.sealed" {
			t.Errorf("the sealing does not bind the %s: %v", name, err)
		}
	}
	for _, epoch := range []uint64{0, 2} {
		l := *a.l
		l.PeerEpoch = epoch
		if _, err := Unpack(&l, KEMKeys{a.keys.kem}, raw); errs.CodeOf(err) != "exchange.bundle.epoch" {
			t.Errorf("epoch %d: %v", epoch, err)
		}
	}
}

// A stranger's bytes must not reach decryption: HMAC first.
func TestNothingIsTouchedBeforeTheHMAC(t *testing.T) {
	a, b, bundle := laden(t)
	raw := sealRaw(b.l, wire.MustMarshal(bundle))
	raw[len(raw)-1] ^= 1
	if _, err := Unpack(a.l, touched{t}, raw); errs.CodeOf(err) != "exchange.bundle.mac" {
		t.Error(err)
	}
}

type touched struct{ t *testing.T }

func (x touched) Decapsulate(seal.KeyID, []byte, []byte) ([]byte, error) {
	x.t.Error("a key was used on bytes of a stranger")
	return nil, &errs.Error{Kind: errs.Integrity}
}
