package release

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"entente/errs"
	"entente/party"

	"github.com/pelletier/go-toml/v2"
)

// MaxSheet is the largest release sheet, in bytes.
const MaxSheet = 64 << 10

const (
	sheetFormat = "entente-release-sheet/1"
	maxGists    = 16
	maxPurpose  = 64
)

// Sheet is what the originator writes beside a report so that it can be released to one recipient: what replaces the
// header, which portions depend on which, and the gists. It is TOML, stays with the originator and is registered with
// the report; only the texts of the title and of shown gists leave.
//
//	format = "entente-release-sheet/1"
//	report = "ENT-EX-NZL-0004"     # serial of the report, and its exact bytes:
//	digest = "…"                   # SHA-384, lower-case hexadecimal
//	to = "JPN"
//	kind = "INTREP"                # SPOTREP, INTREP or INTSUM
//	precedence = "PRIORITY"
//	purpose = "…"                  # one the agreement names
//	language = "en"                # language of the texts below
//	remarks = ["…"]                # for the release officer; never leave
//	[title]                        # a new title, marked like any portion
//	mark = "S//REL TO NZL, JPN"
//	text = "…"
//	[[gist]]                       # text written anew; says what a withheld portion would have told the reader
//	id = "G1"
//	mark = "C//REL TO NZL, JPN"
//	place = "last"                 # or "first": before the paragraphs
//	gist_of = ["7"]                # provenance: paragraphs or header fields; never leaves
//	reason = "…"                   # why; never leaves
//	text = "…"
//	[[travels_with]]               # portion may be shown only together with all of these
//	portion = "4"
//	with = ["G1", "5"]
type Sheet struct {
	Format      string               `toml:"format"`
	Report      string               `toml:"report"`
	Digest      string               `toml:"digest"`
	To          party.Party          `toml:"to"`
	Kind        string               `toml:"kind"`
	Precedence  string               `toml:"precedence"`
	Purpose     string               `toml:"purpose"`
	Language    string               `toml:"language"`
	Remarks     []string             `toml:"remarks"`
	Title       SheetTitle           `toml:"title"`
	Gists       []Gist               `toml:"gist"`
	TravelsWith []Companions         `toml:"travels_with"`
	Bytes       [sha512.Size384]byte `toml:"-"` // digest of the sheet's own bytes
}

// SheetTitle is the new title.
type SheetTitle struct {
	Mark string `toml:"mark"`
	Text string `toml:"text"`
}

// Gist is a portion written anew.
type Gist struct {
	ID     string   `toml:"id"`
	Mark   string   `toml:"mark"`
	Place  string   `toml:"place"`
	GistOf []string `toml:"gist_of"`
	Reason string   `toml:"reason"`
	Text   string   `toml:"text"`
}

// Companions says with what a portion travels.
type Companions struct {
	Portion string   `toml:"portion"`
	With    []string `toml:"with"`
}

// reference finds text that names another paragraph by number.
var reference = regexp.MustCompile(`(?i)第\s*[0-9\x{ff10}-\x{ff19}一二三四五六七八九十]+\s*項|\b(?:paragraphs?|paras?\.?|portions?)\s+[0-9]|[¶§]\s*[0-9]`)

// refers reports whether s names a paragraph by its number. The expression is slow and nearly every text has none of the
// words it begins with, so they are looked for first.
func refers(s string) bool {
	for i := 0; i < len(s); i++ {
		switch rest := s[i:]; s[i] {
		case 'p', 'P':
			if !begins(rest, "para") && !begins(rest, "portion") {
				continue
			}
		case "第"[0]:
			if !strings.HasPrefix(rest, "第") {
				continue
			}
		case "§"[0]:
			if !strings.HasPrefix(rest, "§") && !strings.HasPrefix(rest, "¶") {
				continue
			}
		default:
			continue
		}
		return reference.MatchString(s)
	}
	return false
}

// begins reports whether s begins with an English word, in capitals or not.
func begins(s, word string) bool {
	return len(s) >= len(word) && strings.EqualFold(s[:len(word)], word)
}

func sheetError(code errs.Code, subject, reason string) error {
	return &errs.Error{Kind: errs.Invalid, Code: code, Op: "release.sheet", Subject: subject, Reason: reason}
}

// ParseSheet reads a release sheet strictly: unknown and duplicate keys, unknown words, unprintable characters and
// declarations that contradict each other are refused. Whether the portions exist is checked by Prepare, against the
// report. Errors have code release.sheet.size, .malformed, .format, .field, .text or .companions.
func ParseSheet(raw []byte) (*Sheet, error) {
	if len(raw) == 0 || len(raw) > MaxSheet {
		return nil, sheetError("release.sheet.size", "sheet", "a sheet is 1 byte to 64 KiB")
	}
	if !utf8.Valid(raw) {
		return nil, sheetError("release.sheet.malformed", "sheet", "not UTF-8")
	}
	s := &Sheet{Bytes: sha512.Sum384(raw)}
	d := toml.NewDecoder(bytes.NewReader(raw))
	if err := d.DisallowUnknownFields().Decode(s); err != nil {
		return nil, sheetError("release.sheet.malformed", "sheet", "not TOML of the sheet's shape") // the cause would quote the sheet
	}
	return s, s.check()
}

func (s *Sheet) check() error {
	if s.Format != sheetFormat {
		return sheetError("release.sheet.format", "format", "not "+sheetFormat)
	}
	digest, err := hex.DecodeString(s.Digest)
	for _, f := range []struct {
		name string
		ok   bool
	}{
		{"report", s.Report != "" && len(s.Report) <= 32 && checkText(s.Report, 32) == ""},
		{"digest", err == nil && len(digest) == sha512.Size384 && hex.EncodeToString(digest) == s.Digest},
		{"to", s.To.Valid()},
		{"kind", slices.Contains(Types, s.Kind)},
		{"precedence", slices.Contains(Precedences, s.Precedence)},
		{"purpose", validPurpose(s.Purpose)},
		{"language", s.Language == "en" || s.Language == "ja"},
		{"gist", len(s.Gists) <= maxGists},
		{"remarks", len(s.Remarks) <= 16},
		{"title.mark", checkText(s.Title.Mark, 128) == ""},
	} {
		if !f.ok {
			return sheetError("release.sheet.field", f.name, "missing, or not a value this field can have")
		}
	}
	if code := sheetText(s.Title.Text, maxTitle); code != "" {
		return sheetError(code, "title", findingTexts[code].EN)
	}
	for _, r := range s.Remarks {
		if code := checkText(r, maxText); code != "" {
			return sheetError(code, "remarks", "")
		}
	}
	seen := map[string]bool{}
	for i := range s.Gists {
		g := &s.Gists[i]
		if len(g.ID) < 2 || len(g.ID) > 3 || g.ID[0] != 'G' || strings.Trim(g.ID[1:], "0123456789") != "" || seen[g.ID] ||
			g.Place != "first" && g.Place != "last" || len(g.GistOf) == 0 || len(g.GistOf) > 16 || checkText(g.Mark, 128) != "" ||
			checkText(g.Reason, 1024) != "" {
			return sheetError("release.sheet.field", "gist "+shortID(g.ID), "needs id G1 to G99 used once, place first or last, gist_of, mark and reason")
		}
		seen[g.ID] = true
		if code := sheetText(g.Text, maxText); code != "" {
			return sheetError(code, "gist "+g.ID, findingTexts[code].EN)
		}
	}
	declared := map[string]bool{}
	for _, c := range s.TravelsWith {
		if c.Portion == "" || declared[c.Portion] || len(c.With) == 0 || len(c.With) > 32 || slices.Contains(c.With, c.Portion) {
			return sheetError("release.sheet.companions", "travels_with", "each portion is declared once, with others than itself")
		}
		declared[c.Portion] = true
		for i, w := range c.With {
			if slices.Contains(c.With[:i], w) {
				return sheetError("release.sheet.companions", "travels_with", "a companion is named twice")
			}
		}
	}
	return nil
}

// shortID keeps a hostile id out of error texts.
func shortID(id string) string {
	if len(id) <= 3 && checkText(id, 3) == "" {
		return id
	}
	return "?"
}

func sheetText(s string, max int) errs.Code {
	if code := checkText(s, max); code != "" {
		return code
	}
	if refers(s) {
		return "release.text.reference"
	}
	return ""
}

// validPurpose reports whether s has the form of a purpose: lower-case words joined by hyphens.
func validPurpose(s string) bool {
	return s != "" && len(s) <= maxPurpose && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && s[0] != '-' && s[len(s)-1] != '-'
}

// companions returns the declared companions of a portion.
func (s *Sheet) companions(id string) []string {
	for _, c := range s.TravelsWith {
		if c.Portion == id {
			return c.With
		}
	}
	return nil
}
