package exchange

import (
	"bytes"
	"slices"

	"entente/errs"
	"entente/journal"
	"entente/party"
	"entente/seal"
	"entente/statement"
	"entente/wire"
)

// SlotState says what travels in the place of an act or content.
type SlotState uint8

// States of a slot.
const (
	Present   SlotState = 1 // salt and bytes are here
	Later     SlotState = 2 // they follow in another bundle
	Withdrawn SlotState = 3 // the author no longer sends them
	Destroyed SlotState = 4 // the sender no longer has them
	Bad       SlotState = 5 // they came and were not what the leaf commits to; never on the wire
)

// Slot is the place of an act or content in a bundle.
type Slot struct {
	State SlotState `cbor:"1,keyasint"`
	Salt  []byte    `cbor:"2,keyasint,omitempty"` // 32 bytes if present
	Bytes []byte    `cbor:"3,keyasint,omitempty"` // at least one byte if present
}

// PresentSlot returns the slot that carries b.
func PresentSlot(b statement.Body) Slot {
	return Slot{State: Present, Salt: slices.Clone(b.Salt[:]), Bytes: b.Bytes}
}

func (s *Slot) valid() bool {
	if s.State == Present {
		return len(s.Salt) == 32 && len(s.Bytes) > 0 && len(s.Bytes) <= statement.MaxBody
	}
	return (s.State == Later || s.State == Withdrawn || s.State == Destroyed) && s.Salt == nil && s.Bytes == nil
}

// body returns the salt and bytes of a present slot.
func (s *Slot) body() statement.Body { return statement.Body{Salt: [32]byte(s.Salt), Bytes: s.Bytes} }

// LateBody brings what an earlier bundle announced as later, or brought damaged.
type LateBody struct {
	Index   uint64 `cbor:"1,keyasint"`
	Act     *Slot  `cbor:"2,keyasint,omitempty"`
	Content *Slot  `cbor:"3,keyasint,omitempty"`
}

// JournalPart continues one journal: its leaves From to From+len(Leaves)-1, what belongs to each, and the checkpoint of
// exactly that size. Leaves that the receiver has are passed over.
type JournalPart struct {
	Author     party.Author `cbor:"1,keyasint"`
	Epoch      uint64       `cbor:"2,keyasint"`
	From       uint64       `cbor:"3,keyasint"`
	Leaves     [][]byte     `cbor:"4,keyasint,omitempty"`
	Acts       []Slot       `cbor:"5,keyasint,omitempty"` // one for each leaf
	Contents   []Slot       `cbor:"6,keyasint,omitempty"` // one for each leaf
	Checkpoint []byte       `cbor:"7,keyasint"`           // signed note at From+len(Leaves)
	Bodies     []LateBody   `cbor:"8,keyasint,omitempty"` // of leaves below From, by index
}

// ObjectPart is one leaf of an object's tree: 64 KiB of ciphertext, the last one shorter, with its proof.
type ObjectPart struct {
	Root  [48]byte   `cbor:"1,keyasint"`
	Size  uint64     `cbor:"2,keyasint"` // bytes of ciphertext of the whole object
	Index uint64     `cbor:"3,keyasint"`
	Data  []byte     `cbor:"4,keyasint"`
	Proof [][48]byte `cbor:"5,keyasint,omitempty"` // lowest first
}

// Cosignature is the sender's countersignature of a head of the recipient's journal: its leaves are durable with the
// sender and consistent with what it cosigned before.
type Cosignature struct {
	Author party.Author `cbor:"1,keyasint"` // whose journal
	Epoch  uint64       `cbor:"2,keyasint"`
	Size   uint64       `cbor:"3,keyasint"`
	Root   journal.Hash `cbor:"4,keyasint"`
	Lines  []byte       `cbor:"5,keyasint"` // both lines, as journal.Cosign makes them
}

// StateDigest is the digest of a thread's settled state, as the sender computes it.
type StateDigest struct {
	Thread statement.Thread `cbor:"1,keyasint"`
	Digest [48]byte         `cbor:"2,keyasint"`
}

// Want says which leaves of an object the sender lacks, though it has the content that names the object.
type Want struct {
	Root    [48]byte `cbor:"1,keyasint"`
	Missing Ranges   `cbor:"2,keyasint"`
}

// Bundle is what one node tells another at one time.
type Bundle struct {
	Version      uint64        `cbor:"1,keyasint"` // 1
	ID           [16]byte      `cbor:"2,keyasint"` // random; for logs and couriers, nothing depends on it
	Channel      [48]byte      `cbor:"3,keyasint"`
	From         party.Author  `cbor:"4,keyasint"`
	To           party.Author  `cbor:"5,keyasint"`
	Time         int64         `cbor:"6,keyasint"` // the sender's claim, Unix milliseconds UTC
	Journals     []JournalPart `cbor:"7,keyasint,omitempty"`
	Objects      []ObjectPart  `cbor:"8,keyasint,omitempty"`
	Cosignatures []Cosignature `cbor:"9,keyasint,omitempty"`
	Held         []seal.Signed `cbor:"10,keyasint,omitempty"` // payloads are HeldReceipt
	Heads        [][]byte      `cbor:"11,keyasint,omitempty"` // the latest signed note the sender knows of other authors
	Digests      []StateDigest `cbor:"12,keyasint,omitempty"` // sorted by thread
	Wants        []Want        `cbor:"13,keyasint,omitempty"` // sorted by root
}

// Version is the version of bundle and header that this package writes.
const Version = 1

// ReceiptsOnly reports whether b brings nothing that calls for a receipt. Such a bundle is never answered.
func (b *Bundle) ReceiptsOnly() bool { return len(b.Journals) == 0 && len(b.Objects) == 0 }

// Empty reports whether b brings nothing at all and need not be sent.
func (b *Bundle) Empty() bool {
	return b.ReceiptsOnly() && len(b.Cosignatures)+len(b.Held)+len(b.Heads)+len(b.Digests)+len(b.Wants) == 0
}

func invalid(code errs.Code, reason string) error {
	return &errs.Error{Kind: errs.Invalid, Code: code, Op: "exchange.check", Reason: reason}
}

// Check says whether b is well formed. It verifies no signature and no place. Codes: exchange.bundle.{version,id,
// channel,sender,recipient,time,count}, exchange.part, exchange.slot, exchange.late, exchange.object, exchange.cosignature,
// exchange.held, exchange.head, exchange.digest, exchange.want.
func (b *Bundle) Check() error {
	switch {
	case b.Version != Version:
		return invalid("exchange.bundle.version", "unknown version of the bundle format")
	case b.ID == [16]byte{}:
		return invalid("exchange.bundle.id", "the bundle has no id")
	case b.Channel == [48]byte{}:
		return invalid("exchange.bundle.channel", "the channel is not set")
	case !b.From.Valid():
		return invalid("exchange.bundle.sender", "the sender is not an author")
	case !b.To.Valid() || b.To == b.From:
		return invalid("exchange.bundle.recipient", "the recipient is not another author")
	case b.Time <= 0 || b.Time > statement.MaxTime:
		return invalid("exchange.bundle.time", "the time is not between 1970 and 9999")
	case max(len(b.Journals), len(b.Cosignatures), len(b.Held), len(b.Heads)) > MaxJournals || len(b.Objects) > MaxParts ||
		len(b.Digests) > MaxDigests || len(b.Wants) > MaxWants:
		return invalid("exchange.bundle.count", "more of something than a bundle may bring")
	}
	entries := 0
	for i := range b.Journals {
		p := &b.Journals[i]
		if entries += len(p.Leaves) + len(p.Bodies); entries > MaxEntries {
			return invalid("exchange.bundle.count", "more entries than a bundle may bring")
		}
		if i > 0 && (b.Journals[i-1].Author > p.Author || b.Journals[i-1].Author == p.Author && b.Journals[i-1].Epoch >= p.Epoch) {
			return invalid("exchange.part", "journals are not sorted by author and epoch, each once")
		}
		if err := p.check(); err != nil {
			return err
		}
	}
	return b.checkRest()
}

func (p *JournalPart) check() error {
	switch {
	case !p.Author.Valid() || p.From > MaxSize:
		return invalid("exchange.part", "the journal is not named, or its size is impossible")
	case len(p.Acts) != len(p.Leaves) || len(p.Contents) != len(p.Leaves):
		return invalid("exchange.part", "there is not one act and one content slot for each leaf")
	case len(p.Checkpoint) == 0 || len(p.Checkpoint) > journal.MaxNote:
		return invalid("exchange.part", "the checkpoint is missing or too large")
	}
	for i, leaf := range p.Leaves {
		if len(leaf) == 0 || len(leaf) > statement.MaxLeaf {
			return invalid("exchange.part", "a leaf is empty or too large")
		}
		if !p.Acts[i].valid() || !p.Contents[i].valid() {
			return invalid("exchange.slot", "a slot is in no known state, or does not hold what its state says")
		}
	}
	for i := range p.Bodies {
		late := &p.Bodies[i]
		if late.Index >= p.From || i > 0 && p.Bodies[i-1].Index >= late.Index || late.Act == nil && late.Content == nil {
			return invalid("exchange.late", "late bodies are not sorted by index, below the first leaf, each bringing something")
		}
		if late.Act != nil && !late.Act.valid() || late.Content != nil && !late.Content.valid() {
			return invalid("exchange.slot", "a slot is in no known state, or does not hold what its state says")
		}
	}
	return nil
}

func (b *Bundle) checkRest() error {
	for i := range b.Objects {
		o := &b.Objects[i]
		if o.Root == [48]byte{} || o.Size == 0 || o.Size > statement.MaxObject || o.Index >= leavesOf(o.Size) ||
			len(o.Data) == 0 || len(o.Data) > seal.LeafSize || len(o.Proof) > maxPath {
			return invalid("exchange.object", "an object part is of impossible size or place")
		}
	}
	for i := range b.Cosignatures {
		c := &b.Cosignatures[i]
		if !c.Author.Valid() || c.Size == 0 || c.Size > MaxSize || len(c.Lines) == 0 || len(c.Lines) > journal.MaxCosignature {
			return invalid("exchange.cosignature", "a cosignature does not name a journal, or is of impossible size")
		}
	}
	for i := range b.Held {
		if n := len(b.Held[i].Payload); n == 0 || n > seal.MaxPayload {
			return invalid("exchange.held", "a held receipt is empty or too large")
		}
	}
	for _, h := range b.Heads {
		if len(h) == 0 || len(h) > journal.MaxNote {
			return invalid("exchange.head", "a head is empty or too large")
		}
	}
	for i := range b.Digests {
		d := &b.Digests[i]
		if d.Thread == (statement.Thread{}) || d.Digest == [48]byte{} ||
			i > 0 && bytes.Compare(b.Digests[i-1].Thread[:], d.Thread[:]) >= 0 {
			return invalid("exchange.digest", "state digests are not sorted by thread, each once")
		}
	}
	for i := range b.Wants {
		w := &b.Wants[i]
		if w.Root == [48]byte{} || len(w.Missing) == 0 || len(w.Missing) > MaxWantRanges || !w.Missing.Valid() ||
			i > 0 && bytes.Compare(b.Wants[i-1].Root[:], w.Root[:]) >= 0 {
			return invalid("exchange.want", "wants are not sorted by root, each once with valid ranges")
		}
	}
	return nil
}

// Encode checks b and returns its one encoding, before sealing. Code exchange.bundle.oversized if it cannot be sent.
func (b *Bundle) Encode() ([]byte, error) {
	if err := b.Check(); err != nil {
		return nil, err
	}
	raw, err := wire.Marshal(b)
	if err != nil {
		return nil, err
	}
	if len(raw) > MaxBudget {
		return nil, invalid("exchange.bundle.oversized", "larger than a bundle may be")
	}
	return raw, nil
}

// DecodeBundle decodes and checks what was sealed in a bundle. Codes as Check, and exchange.bundle.{oversized,malformed}.
// The bundle shares the memory of nothing.
func DecodeBundle(raw []byte) (*Bundle, error) {
	if len(raw) > MaxBudget {
		return nil, invalid("exchange.bundle.oversized", "larger than a bundle may be")
	}
	if !bounded(raw) {
		return nil, invalid("exchange.bundle.malformed", "more items than a bundle can need, or no items at all")
	}
	b := new(Bundle)
	if err := wire.Unmarshal(raw, MaxBudget, b); err != nil {
		return nil, &errs.Error{Kind: errs.Invalid, Code: "exchange.bundle.malformed", Op: "exchange.decode", Err: err}
	}
	if err := b.Check(); err != nil {
		return nil, err
	}
	return b, nil
}

// bounded reports whether raw is a run of at most maxItems CBOR items of definite length. A byte of CBOR can become
// some 200 bytes of Go; this keeps what a decoder allocates below a few times MaxBundle. It does not check nesting: the
// decoder does.
func bounded(raw []byte) bool {
	for items := 0; len(raw) > 0; items++ {
		major, info := raw[0]>>5, raw[0]&31
		raw = raw[1:]
		n := uint64(info)
		if info >= 24 {
			width := 1 << (info - 24)
			if info > 27 || len(raw) < width {
				return false
			}
			n = 0
			for _, b := range raw[:width] {
				n = n<<8 | uint64(b)
			}
			raw = raw[width:]
		}
		if items >= maxItems {
			return false
		}
		if major == 2 || major == 3 {
			if n > uint64(len(raw)) {
				return false
			}
			raw = raw[n:]
		}
	}
	return true
}
