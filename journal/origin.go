package journal

import (
	"encoding/hex"
	"strconv"
	"strings"

	"entente/errs"
	"entente/party"
	"entente/wire"
)

// Origin names one journal: one author, in one channel of one realm, in one epoch. Two heads of the same origin must
// never contradict; nothing is compared across origins.
type Origin struct {
	Realm   party.Realm
	Channel [48]byte // channel digest, SHA-384
	Author  party.Author
	Epoch   uint64 // rises by a restore or a recovery, and never falls
}

// MaxOrigin is the longest origin line, in bytes, that ParseOrigin reads; no valid origin is longer.
const MaxOrigin = 255

// String returns the origin line of the checkpoint, which is also the key name of the author's signatures:
// entente/<realm>/<channel digest, 96 hexadecimal digits>/<author>/<epoch>.
func (o Origin) String() string {
	return "entente/" + string(o.Realm) + "/" + hex.EncodeToString(o.Channel[:]) + "/" + string(o.Author) + "/" +
		strconv.FormatUint(o.Epoch, 10)
}

// Check reports an origin that has no spelling: an invalid realm or author. Code journal.origin.
func (o Origin) Check() error {
	if !o.Realm.Valid() || !o.Author.Valid() {
		return invalid("journal.origin", "journal.origin", "an origin needs a realm and an author")
	}
	return nil
}

// ParseOrigin reads the one spelling that String writes. Code journal.origin.
func ParseOrigin(s string) (Origin, error) {
	var o Origin
	part := strings.Split(s, "/")
	if len(s) <= MaxOrigin && len(part) == 7 && part[0] == "entente" {
		channel, err1 := hex.DecodeString(part[2])
		epoch, err2 := strconv.ParseUint(part[6], 10, 64)
		if err1 == nil && err2 == nil && len(channel) == len(o.Channel) {
			o = Origin{Realm: party.Realm(part[1]), Channel: [48]byte(channel), Author: party.Author(strings.Join(part[3:6], "/")), Epoch: epoch}
			if o.Check() == nil && o.String() == s {
				return o, nil
			}
		}
	}
	return Origin{}, invalid("journal.origin", "journal.parse-origin",
		"an origin is entente/<realm>/<channel digest>/<author>/<epoch>, in its one spelling")
}

// WitnessName returns the name under which an author cosigns the journals of others. It is no origin, and the key is
// not the one that signs checkpoints: an Ed25519 cosignature does not name its cosigner (C2SP tlog-cosignature).
func WitnessName(a party.Author) string { return "entente-witness/" + string(a) }

// EpochLink is what the genesis of a new epoch says of the journal that it replaces: the highest head known of it,
// so that no reader takes the new one for a journal without a past. It is signed as part of that entry, and under
// the rules that lift a freeze.
type EpochLink struct {
	Previous Origin
	Size     int64
	Root     Hash
}

type wireEpochLink struct {
	Version  uint64 `cbor:"1,keyasint"` // 1
	Previous string `cbor:"2,keyasint"`
	Size     uint64 `cbor:"3,keyasint"`
	Root     Hash   `cbor:"4,keyasint"`
}

// Head returns the linked head as a checkpoint, to be compared with what a reader cosigned or holds.
func (l EpochLink) Head() Checkpoint {
	return Checkpoint{Origin: l.Previous, Size: l.Size, Root: l.Root}
}

// Check reports whether l can stand in the genesis of next: same realm, channel and author, and a higher epoch. Codes
// journal.epoch.malformed, journal.epoch.origin.
func (l EpochLink) Check(next Origin) error {
	if err := l.Head().Check(); err != nil {
		return &errs.Error{Kind: errs.Invalid, Code: "journal.epoch.malformed", Op: "journal.check-epoch", Err: err}
	}
	p := l.Previous
	if p.Realm != next.Realm || p.Channel != next.Channel || p.Author != next.Author || p.Epoch >= next.Epoch {
		return &errs.Error{Kind: errs.Refused, Code: "journal.epoch.origin", Op: "journal.check-epoch", Subject: next.String(),
			Reason: "a new epoch follows a lower epoch of the same author in the same channel"}
	}
	return nil
}

// Encode returns the deterministic CBOR of l, at most 512 bytes.
func (l EpochLink) Encode() ([]byte, error) {
	if err := l.Head().Check(); err != nil {
		return nil, &errs.Error{Kind: errs.Invalid, Code: "journal.epoch.malformed", Op: "journal.encode-epoch", Err: err}
	}
	return wire.Marshal(wireEpochLink{Version: 1, Previous: l.Previous.String(), Size: uint64(l.Size), Root: l.Root})
}

// DecodeEpochLink reads what Encode writes. Code journal.epoch.malformed.
func DecodeEpochLink(b []byte) (EpochLink, error) {
	malformed := func(err error) (EpochLink, error) {
		return EpochLink{}, &errs.Error{Kind: errs.Invalid, Code: "journal.epoch.malformed", Op: "journal.decode-epoch", Err: err}
	}
	var w wireEpochLink
	if err := wire.Unmarshal(b, 512, &w); err != nil {
		return malformed(err)
	}
	o, err := ParseOrigin(w.Previous)
	if err != nil {
		return malformed(err)
	}
	l := EpochLink{Previous: o, Size: int64(w.Size), Root: w.Root}
	if err := l.Head().Check(); err != nil || w.Version != 1 {
		return malformed(err)
	}
	return l, nil
}
