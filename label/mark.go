package label

import (
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"

	"entente/errs"
	"entente/party"
)

// Limits of marks.
const (
	MaxMark   = 512 // bytes of a portion mark, or of a banner without its comment
	MaxBanner = 1024
)

func badMark(code errs.Code, subject, reason, next string) error {
	return &errs.Error{Kind: errs.Invalid, Code: code, Op: "label.mark", Subject: subject, Reason: reason, Next: next}
}

// ParsePortion reads the mark of a portion without its brackets: "S//REL TO NZL, JPN", "極秘//REL TO NZL", "S//JPN ONLY", "U";
// and for another party's information "//JPN S//REL TO NZL, JPN". A mark without a release list releases to the
// originator only, and for another party's information to that party and the owner of the policy (labels R3).
//
// Codes, beside those of Check: label.mark.size, label.mark.character, label.mark.word, label.mark.order,
// label.mark.release, label.mark.ambiguous, label.mark.origin.
func (s *Set) ParsePortion(policyOID, mark string) (Label, error) {
	p, ok := s.policies[policyOID]
	if !ok {
		return Label{}, refuse("label.policy", "labels §11 (1)", "no policy with this OID is loaded")
	}
	if err := p.readable(mark); err != nil {
		return Label{}, err
	}
	origin := p.owner
	if foreign, ok := strings.CutPrefix(mark, "//"); ok {
		code, rest, _ := strings.Cut(foreign, " ")
		origin, mark = party.Party(code), rest
		if !origin.Valid() || origin == p.owner {
			return Label{}, badMark("label.mark.origin", "origin", "names no other party", "write //JPN, a space and the mark")
		}
	}
	return p.parse(p.portionWords, mark, origin)
}

// ParseBanner reads the marking of a whole text: "SECRET//NZEO (contains portions REL TO NZL, JPN)", "極秘(一部 REL TO NZL)",
// "Government of Japan / SECRET//REL TO NZL, JPN". A parenthesis at the end, ASCII or full-width, is a comment for the
// reader: it is returned and never read as a release. Codes as ParsePortion, and label.banner.comment.
func (s *Set) ParseBanner(policyOID, line string) (l Label, comment string, err error) {
	p, ok := s.policies[policyOID]
	if !ok {
		return Label{}, "", refuse("label.policy", "labels §11 (1)", "no policy with this OID is loaded")
	}
	if len(line) > MaxBanner {
		return Label{}, "", badMark("label.mark.size", "banner", "longer than 1024 bytes", "")
	}
	mark := line
	for _, pair := range [2][2]string{{"(", ")"}, {"（", "）"}} {
		before, inner, ok := strings.Cut(line, pair[0])
		if !ok {
			continue
		}
		comment, ok = strings.CutSuffix(inner, pair[1])
		if !ok || strings.TrimSpace(comment) == "" || strings.ContainsAny(comment, "()") || strings.ContainsFunc(comment, func(r rune) bool { return !plain(r) }) {
			return Label{}, "", badMark("label.banner.comment", "banner", "the parenthesis is not one plain comment at the end of the line", "")
		}
		mark = strings.TrimSuffix(before, " ")
		break
	}
	if err := p.readable(mark); err != nil {
		return Label{}, "", err
	}
	origin := p.owner
	if name, rest, ok := strings.Cut(mark, " / "); ok {
		if origin, ok = p.foreignName[name]; !ok {
			origin = party.Party(name)
		}
		if !origin.Valid() || origin == p.owner {
			return Label{}, "", badMark("label.mark.origin", "origin", "names no other party the policy knows", "")
		}
		mark = rest
	}
	l, err = p.parse(p.bannerWords, mark, origin)
	return l, comment, err
}

// readable refuses everything but the characters of the policy's own words.
func (p *Policy) readable(mark string) error {
	if mark == "" || len(mark) > MaxMark {
		return badMark("label.mark.size", "mark", "empty or longer than 512 bytes", "")
	}
	n := 0
	for _, r := range mark {
		if n++; r == utf8.RuneError || !p.alphabet[r] {
			return badMark("label.mark.character", "character "+strconv.Itoa(n), classOf(r), "type the mark with the plain characters of the policy")
		}
	}
	return nil
}

// parse reads level, designations in the order of the policy and, last, a release list, separated by "//".
func (p *Policy) parse(words map[string]uint64, mark string, origin party.Party) (Label, error) {
	word, rest, more := strings.Cut(mark, "//")
	candidates := words[word]
	if candidates == 0 {
		return Label{}, badMark("label.mark.word", "part 1", "not a level of the policy", "")
	}
	var mask uint64
	var release []party.Party
	for n, last := 2, -1; more; n++ {
		var part string
		part, rest, more = strings.Cut(rest, "//")
		subject := "part " + strconv.Itoa(n)
		if list, ok := strings.CutPrefix(part, p.release.prefix); ok {
			if more {
				return Label{}, badMark("label.mark.order", subject, "the release list does not stand last", "")
			}
			var err error
			if release, err = p.parseRelease(subject, list, origin); err != nil {
				return Label{}, err
			}
			continue
		}
		d, ok := p.desigWords[part]
		if !ok {
			return Label{}, badMark("label.mark.word", subject, "not a designation of the policy", "")
		}
		rank := p.rank(d)
		if rank <= last {
			return Label{}, badMark("label.mark.order", subject, "designations are repeated or not in the order of the policy", "")
		}
		mask, last = mask|1<<d, rank
	}
	level, err := p.resolve(candidates, p.withImplied(mask))
	if err != nil {
		return Label{}, err
	}
	return p.compose(level, mask, release, origin)
}

// resolve picks the level that a word means. A word shared by levels is told apart by the designations written beside it.
func (p *Policy) resolve(candidates, mask uint64) (int, error) {
	if candidates&(candidates-1) == 0 {
		return bits.TrailingZeros64(candidates), nil
	}
	found := -1
	for ; candidates != 0; candidates &= candidates - 1 {
		i := bits.TrailingZeros64(candidates)
		if p.closed(i, 0)&^mask != 0 || !p.consistent(i, mask) {
			continue
		}
		if found >= 0 {
			return 0, badMark("label.mark.ambiguous", "part 1", "the word names more than one level", "")
		}
		found = i
	}
	if found < 0 {
		return 0, refuse("label.contradiction", "labels R12", "no level of this word can bear these designations")
	}
	return found, nil
}

func (p *Policy) parseRelease(subject, list string, origin party.Party) ([]party.Party, error) {
	bad := func(reason string) error {
		next := "list recipients in alphabetical order, without " + string(p.owner)
		if p.release.ownerListed {
			next = "write " + string(p.owner) + " first, then the others in alphabetical order"
		}
		return badMark("label.mark.release", subject, reason, next)
	}
	codes := strings.Split(list, p.release.separator)
	if len(codes) > maxRelease {
		return nil, bad("more than 64 parties")
	}
	release := make([]party.Party, len(codes))
	for i, c := range codes {
		release[i] = party.Party(c)
		if !release[i].Valid() {
			return nil, bad("an entry is not a party")
		}
	}
	others := release
	if p.release.ownerListed {
		if release[0] != p.owner {
			return nil, bad("the owner of the policy does not stand first")
		}
		others = release[1:]
	}
	for i, r := range others {
		if r == p.owner || i > 0 && others[i-1] >= r {
			return nil, bad("the list is not in its one order, or a party is repeated")
		}
	}
	if len(others) == 0 {
		return nil, bad("a list of the owner alone is written by leaving it out")
	}
	if origin != p.owner && !(&Label{Release: others}).ReleasedTo(origin) {
		return nil, bad("the originator is not listed")
	}
	return release, nil
}

// rank is the place of a designation in the order in which a policy writes them.
func (p *Policy) rank(d int) int {
	for i, e := range p.written {
		if e == d {
			return i
		}
	}
	return -1
}
