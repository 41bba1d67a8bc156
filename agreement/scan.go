package agreement

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"entente/errs"

	"golang.org/x/text/unicode/norm"
)

// An agreement is read by more than one program: this package and the second checker, which shares no code with it. Both
// must find the same terms in the same bytes, so the text keeps to a part of TOML in which there is only one way to say a
// thing: one term on a line, bare lower-case keys, strings without escapes, decimal whole numbers, booleans, lists of
// strings. scan holds the text to it and notes where each term stands.

// mark is where a term stands: line and column of its key or header, both from 1, and the bytes of its value.
type mark struct{ line, col, from, to int }

const (
	onlyString = `"[^"\\]*"`
	onlyList   = `\[ *(?:` + onlyString + `(?: *, *` + onlyString + `)*)? *\]`
)

var (
	headerLine = regexp.MustCompile(`^ *(?:\[([a-z_]+)\]|\[\[([a-z_]+)\]\]) *(?:#.*)?$`)
	termLine   = regexp.MustCompile(`^ *([a-z_]+) *= *(` + onlyString + `|` + onlyList + `|0|[1-9][0-9]{0,17}|true|false) *(?:#.*)?$`)
	emptyLine  = regexp.MustCompile(`^ *(?:#.*)?$`)
)

func parseError(code errs.Code, line, col int, reason string) error {
	return &errs.Error{Kind: errs.Invalid, Code: code, Op: "agreement.parse", Subject: fmt.Sprintf("line %d:%d", line, col), Reason: reason}
}

// scan returns where every table and term stands, under paths such as "entry.until" and "row[2].targets". Errors have code
// agreement.text or agreement.syntax.
func scan(text string) (map[string]mark, error) {
	marks := make(map[string]mark)
	counts := make(map[string]int)
	table, offset := "", 0
	for n, line := range strings.Split(text, "\n") {
		if col, reason := badRune(line); reason != "" {
			return nil, parseError("agreement.text", n+1, col, reason)
		}
		if m := termLine.FindStringSubmatchIndex(line); m != nil {
			marks[table+line[m[2]:m[3]]] = mark{n + 1, m[2] + 1, offset + m[4], offset + m[5]}
		} else if m := headerLine.FindStringSubmatch(line); m != nil {
			path := m[1]
			if m[2] != "" {
				path = m[2] + "[" + strconv.Itoa(counts[m[2]]) + "]"
				counts[m[2]]++
			}
			marks[path] = mark{line: n + 1, col: strings.IndexByte(line, '[') + 1}
			table = path + "."
		} else if !emptyLine.MatchString(line) {
			return nil, parseError("agreement.syntax", n+1, 1, `one term on a line: key = "text", a whole number, true, false or ["texts"]; or [table]; or [[table]]`)
		}
		offset += len(line) + 1
	}
	return marks, nil
}

// badRune returns the column of the first character that must not stand in an agreement, because a reader could not see
// it or two readers could see different things.
func badRune(line string) (col int, reason string) {
	for i, r := range line {
		switch {
		case r == utf8.RuneError:
			return i + 1, "not UTF-8"
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), r == '\u2028', r == '\u2029', r == '\ufeff':
			return i + 1, "a control, invisible or private character"
		}
	}
	if i, err := norm.NFC.SpanString(line, true); err != nil || i < len(line) {
		return i + 1, "not in Unicode normalisation form C"
	}
	return 0, ""
}
