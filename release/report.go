package release

import (
	"crypto/sha512"
	"time"

	"entente/label"
	"entente/party"
)

// Limits of one report.
const (
	MaxReport     = 256 << 10 // bytes
	maxParagraphs = 120
	maxHeader     = 1 << 10 // bytes of one header value
	maxEvents     = 128
)

// Kind says what a portion is. The texts are wire values.
type Kind string

// The closed list of kinds. Only title, paragraph and gist ever leave.
const (
	KindTitle     Kind = "title"     // new title of a release version
	KindParagraph Kind = "paragraph" // numbered paragraph of the report, word for word
	KindGist      Kind = "gist"      // text the originator wrote anew for release, with a mark of its own
	KindHeader    Kind = "header"    // header field of the report: never travels
)

// Report is a report of the exercise shape, read into portions. Every field is a portion: header fields are portions
// of kind header, without a mark. Nothing is changed: texts are the report's own characters without the emphasis signs.
type Report struct {
	Digest     [sha512.Size384]byte // of the bytes read: the report as registered
	Policy     string               // OID of the policy its marks are of
	Originator party.Party
	Type       string // "SPOTREP", "INTREP" or "INTSUM", without an update number
	Serial     string
	Language   string // "en" or "ja"
	Precedence string
	DTG        time.Time
	Events     []string // event references, in order
	Overall    label.Label
	Comment    string      // the parenthesis behind the overall marking
	Rollup     label.Label // join of the marked paragraphs
	Portions   []Portion   // header fields first, then paragraphs, each in the report's order
	TearLines  []TearLine

	read     bool      // by ParseReport; a report that came otherwise is not planned
	findings []Finding // of ParseReport: kept with the report, so that no caller can lose a refusal
}

// Portion is the smallest part of a report that a mark covers.
type Portion struct {
	ID    string // "1", "2" … for paragraphs; "subject", "grading" … for header fields; "G1" … for gists; "title"
	Kind  Kind
	Mark  string       // as written, without parentheses
	Label *label.Label // nil: unmarked, never shown
	Text  string
	Line  int // 1-based; 0 if it does not stand in the report
}

// TearLine is text between a tear line and its end, with the release list the tear line claims for all of it.
type TearLine struct {
	Line, End int
	Release   []party.Party // recipients claimed, sorted
	Portions  []string      // ids of the paragraphs inside
}

// Find returns the portion called id, or nil.
func (r *Report) Find(id string) *Portion {
	for i := range r.Portions {
		if r.Portions[i].ID == id {
			return &r.Portions[i]
		}
	}
	return nil
}

// Reading is what ParseReport has to know about whose report it reads.
type Reading struct {
	Set        *label.Set
	Policy     string               // OID of the originator's policy
	Originator party.Party          // whose report it is
	Realm      party.Realm          // an exercise report is refused in a live realm, and the other way round
	Event      func(id string) bool // whether an event reference is known; nil: not asked
}

// header fields, with both spellings of their keys.
var headerKeys = [...]struct{ id, en, ja string }{
	{"type", "REPORT", "種別"}, {"serial", "SERIAL", "番号"}, {"from", "FROM", "発信"}, {"to", "TO", "宛先"},
	{"dtg", "DTG", "日時群"}, {"precedence", "PRECEDENCE", "優先度"}, {"overall", "OVERALL MARKING", "全体区分"},
	{"subject", "SUBJECT", "件名"}, {"grading", "SOURCE GRADING", "情報評価"}, {"language", "LANGUAGE", "言語"},
	{"events", "EVENT REFS", "参照事象"},
}

func headerID(key string) string {
	for _, h := range headerKeys {
		if key == h.en || key == h.ja+" / "+h.en {
			return h.id
		}
	}
	return ""
}

// Precedences in falling order.
var Precedences = []string{"FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE"}

// Types of report that a release version can be.
var Types = []string{"SPOTREP", "INTREP", "INTSUM"}
