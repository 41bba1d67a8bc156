package journal

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"entente/errs"
	"entente/seal"
)

const (
	// MaxProof is the largest proof file, in bytes, that ParseProof reads.
	MaxProof = 256 << 10
	// MaxCosigners is how many cosigners a proof file may carry.
	MaxCosigners = 16

	proofHeader = "c2sp.org/tlog-proof@v1\n"
)

// Proof is a C2SP tlog-proof: everything needed to show, offline and to anybody, that an entry is in a journal. It is
// stored with the extension .tlog-proof.
type Proof struct {
	Extra        []byte // NOT authenticated; at most MaxEntry bytes, such as the entry itself, whose hash Verify takes
	Index        int64
	Path         []Hash // from the leaf upwards
	Checkpoint   []byte // the signed note, as Sign returns it
	Cosignatures []byte // cosignature lines, pairs as Cosign returns them, one pair behind the other; may be empty
}

// Encode returns the proof file. It verifies nothing but its form. Code journal.prooffile.malformed.
func (p *Proof) Encode() ([]byte, error) {
	b := []byte(proofHeader)
	if len(p.Extra) > 0 {
		b = append(b, "extra "+encode64(p.Extra)+"\n"...)
	}
	b = append(b, "index "+strconv.FormatInt(p.Index, 10)+"\n"...)
	for _, h := range p.Path {
		b = append(b, encode64(h[:])+"\n"...)
	}
	b = append(append(append(b, '\n'), p.Checkpoint...), p.Cosignatures...)
	q, err := ParseProof(b)
	if err == nil && (!bytes.Equal(q.Checkpoint, p.Checkpoint) || !bytes.Equal(q.Cosignatures, p.Cosignatures)) {
		err = invalid("journal.prooffile.malformed", "journal.encode-proof", "cosignatures in the checkpoint, or the reverse")
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// ParseProof reads a proof file in the one spelling that Encode writes. Its checkpoint must have the two lines of
// [Sign] first; what follows are cosignature lines, of whomever. It verifies nothing but the form. Code
// journal.prooffile.malformed.
func ParseProof(b []byte) (*Proof, error) {
	malformed := func(reason string) (*Proof, error) {
		return nil, invalid("journal.prooffile.malformed", "journal.parse-proof", reason)
	}
	if len(b) > MaxProof {
		return malformed("larger than a proof file can be")
	}
	rest, ok := bytes.CutPrefix(b, []byte(proofHeader))
	if !ok {
		return malformed("not a tlog-proof of version 1")
	}
	next := func() string { // the next line; "" at the end, where no checkpoint will be found
		head, tail, _ := bytes.Cut(rest, []byte("\n"))
		rest = tail
		return string(head)
	}
	p := &Proof{}
	l := next()
	if text, is := strings.CutPrefix(l, "extra "); is {
		if p.Extra, is = decode64(text); !is || len(p.Extra) == 0 || len(p.Extra) > MaxEntry {
			return malformed("the extra line is not base64, empty or too long")
		}
		l = next()
	}
	text, is := strings.CutPrefix(l, "index ")
	if p.Index, ok = parseDecimal(text); !ok || !is {
		return malformed("the index line is missing or not a decimal number")
	}
	for l = next(); l != ""; l = next() {
		h, is := decodeHash(l)
		if !is || len(p.Path) == MaxPath {
			return malformed("a proof line is not 32 bytes in base64, or there are too many")
		}
		p.Path = append(p.Path, h)
	}
	_, lines, is := splitNote(rest, 2+2*MaxCosigners)
	if !is || len(lines) < 2 {
		return malformed("no signed checkpoint behind the proof")
	}
	end := len(rest)
	for _, l := range lines[2:] {
		end -= len(l.raw)
	}
	p.Checkpoint, p.Cosignatures = rest[:end:end], rest[end:]
	return p, nil
}

// Witness is a cosigner whose cosignature the verifier of a proof demands.
type Witness struct {
	Name string
	Key  seal.PublicKey
}

// Proven is what a verified proof file says.
type Proven struct {
	Checkpoint Checkpoint
	Cosigned   []time.Time // when each demanded witness cosigned, by its own clock, in the order asked
}

// Verify checks, offline, that the entry of hash leaf has p.Index in the journal want: the checkpoint carries both
// lines of pub, the path leads to its root, and every witness given cosigned it, with both lines. Lines of other
// cosigners are ignored, as C2SP signed-note asks. p.Extra is never looked at. Codes journal.checkpoint.*,
// journal.cosignature.*, journal.proof.inclusion, journal.prooffile.malformed.
func (p *Proof) Verify(leaf Hash, want Origin, pub seal.PublicKey, suite seal.Suite, witnesses ...Witness) (Proven, error) {
	c, err := Open(p.Checkpoint, want, pub, suite)
	if err != nil {
		return Proven{}, err
	}
	if err := VerifyInclusion(leaf, p.Index, c.Size, c.Root, p.Path); err != nil {
		return Proven{}, err
	}
	var lines []line
	if len(p.Cosignatures) > 0 {
		var ok bool
		if lines, ok = parseLines(p.Cosignatures, 2*MaxCosigners); !ok {
			return Proven{}, invalid("journal.prooffile.malformed", "journal.verify-proof", "bad cosignature lines")
		}
	}
	proven := Proven{Checkpoint: c}
	for _, w := range witnesses {
		var pair []byte
		for _, l := range lines {
			if l.name == w.Name {
				pair = append(pair, l.raw...)
			}
		}
		if pair == nil {
			return Proven{}, &errs.Error{Kind: errs.Refused, Code: "journal.cosignature.missing", Op: "journal.verify-proof", Subject: w.Name,
				Reason: "a cosigner that must have cosigned has not"}
		}
		at, err := OpenCosignature(pair, w.Name, w.Key, suite, c)
		if err != nil {
			return Proven{}, err
		}
		proven.Cosigned = append(proven.Cosigned, at)
	}
	return proven, nil
}
