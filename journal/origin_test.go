package journal

import (
	"strings"
	"testing"

	"entente/errs"
	"entente/party"
	"entente/wire"

	"pgregory.net/rapid"
)

func testOrigin() Origin {
	o := Origin{Realm: "exercise:kiwi-sakura", Author: "NZL/nzdf/node-1", Epoch: 1}
	for i := range o.Channel {
		o.Channel[i] = byte(i)
	}
	return o
}

func drawOrigin(rt *rapid.T) Origin {
	return Origin{
		Realm:   rapid.SampledFrom([]party.Realm{"live", "exercise:a", "exercise:kiwi-sakura"}).Draw(rt, "realm"),
		Channel: [48]byte(rapid.SliceOfN(rapid.Byte(), 48, 48).Draw(rt, "channel")),
		Author:  rapid.SampledFrom([]party.Author{"NZL/nzdf/node-1", "JPN/mod/a", "NATO/x/y"}).Draw(rt, "author"),
		Epoch:   rapid.Uint64().Draw(rt, "epoch"),
	}
}

func TestOriginHasOneSpelling(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := drawOrigin(rt)
		s := o.String()
		if got, err := ParseOrigin(s); err != nil || got != o {
			rt.Fatalf("%q: %v %v", s, got, err)
		}
		if len(s) > MaxOrigin || !validName(s) {
			rt.Fatalf("%q cannot name a key", s)
		}
	})
	good := testOrigin().String()
	for name, bad := range map[string]string{
		"empty":         "",
		"another log":   "example.com/log",
		"no realm":      strings.Replace(good, "exercise:kiwi-sakura", "", 1),
		"realm":         strings.Replace(good, "exercise:kiwi-sakura", "test", 1),
		"upper-case":    strings.Replace(good, "0a0b", "0A0B", 1),
		"short channel": strings.Replace(good, "0a0b", "0a", 1),
		"long channel":  strings.Replace(good, "0a0b", "0a0b0c", 1),
		"not hex":       strings.Replace(good, "0a0b", "0g0b", 1),
		"author":        strings.Replace(good, "NZL/", "NZ/", 1),
		"no node":       strings.Replace(good, "/node-1", "", 1),
		"no epoch":      strings.TrimSuffix(good, "/1"),
		"empty epoch":   strings.TrimSuffix(good, "1"),
		"leading zero":  strings.TrimSuffix(good, "1") + "01",
		"sign":          strings.TrimSuffix(good, "1") + "+1",
		"negative":      strings.TrimSuffix(good, "1") + "-1",
		"too large":     strings.TrimSuffix(good, "1") + "18446744073709551616",
		"trailing":      good + "/",
		"space":         good + " ",
		"newline":       good + "\n",
		"leading slash": "/" + good,
		"scheme":        "https://" + good,
	} {
		if o, err := ParseOrigin(bad); !errs.HasCode(err, "journal.origin") || o != (Origin{}) {
			t.Errorf("%s: %q was read: %v", name, bad, err)
		}
	}
}

func TestAWitnessNameIsNoOrigin(t *testing.T) {
	name := WitnessName("NZL/nzdf/node-1")
	if _, err := ParseOrigin(name); err == nil || checkName(name, "") != nil {
		t.Errorf("%q", name)
	}
	for _, bad := range []string{"", testOrigin().String(), "a b", "a+b", "ä", "a\n", "a\u00a0b", strings.Repeat("a", 256)} {
		if err := checkName(bad, ""); !errs.HasCode(err, "journal.cosignature.name") {
			t.Errorf("%q may name a cosigner", bad)
		}
	}
}

func TestAnEpochFollowsALowerOneOfTheSameJournal(t *testing.T) {
	next := testOrigin()
	next.Epoch = 7
	prev := next
	prev.Epoch = 6
	good := EpochLink{Previous: prev, Size: 300, Root: LeafHash(nil)}
	if err := good.Check(next); err != nil {
		t.Fatal(err)
	}
	b, err := good.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeEpochLink(b); err != nil || got != good {
		t.Fatalf("round trip: %v %v", got, err)
	}
	for name, c := range map[string]struct {
		code  errs.Code
		alter func(*EpochLink)
	}{
		"same epoch":   {"journal.epoch.origin", func(l *EpochLink) { l.Previous.Epoch = 7 }},
		"higher epoch": {"journal.epoch.origin", func(l *EpochLink) { l.Previous.Epoch = 8 }},
		"realm":        {"journal.epoch.origin", func(l *EpochLink) { l.Previous.Realm = "live" }},
		"channel":      {"journal.epoch.origin", func(l *EpochLink) { l.Previous.Channel[3]++ }},
		"author":       {"journal.epoch.origin", func(l *EpochLink) { l.Previous.Author = "NZL/nzdf/node-2" }},
		"no author":    {"journal.epoch.malformed", func(l *EpochLink) { l.Previous.Author = "" }},
		"size":         {"journal.epoch.malformed", func(l *EpochLink) { l.Size = -1 }},
		"empty root":   {"journal.epoch.malformed", func(l *EpochLink) { l.Size = 0 }},
	} {
		l := good
		c.alter(&l)
		if err := l.Check(next); !errs.HasCode(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := l.Encode(); (err == nil) != (c.code == "journal.epoch.origin") {
			t.Errorf("%s: encoded: %v", name, err)
		}
	}
	newer := wire.MustMarshal(wireEpochLink{Version: 2, Previous: prev.String(), Size: 300, Root: good.Root})
	if _, err := DecodeEpochLink(newer); !errs.HasCode(err, "journal.epoch.malformed") {
		t.Errorf("another version: %v", err)
	}
	for i := range b {
		x := append([]byte(nil), b...)
		x[i] ^= 0x40
		if l, err := DecodeEpochLink(x); err == nil && l == good {
			t.Errorf("byte %d altered, and read as the same link", i)
		}
	}
}
