package main

import (
	"bytes"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// grid lays text out in columns for a terminal: cells are ended by tabs, rows by newlines, and columns stand two spaces apart.
// It counts what a terminal shows, so that Japanese and English columns align alike.
type grid struct {
	w       io.Writer
	buf     bytes.Buffer
	columns int // of the terminal: the last cell of a row is wrapped to it; 0 wraps nothing
}

func table(w io.Writer) *grid { return &grid{w: w} }

func (g *grid) Write(b []byte) (int, error) { return g.buf.Write(b) }

// Flush prints what was written. Nothing in a cell can steer the terminal: see plain.
func (g *grid) Flush() error {
	var rows [][]string
	var wide []int
	for line := range strings.Lines(g.buf.String()) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		for i, c := range cells {
			cells[i] = plain(c)
			if i == len(wide) {
				wide = append(wide, 0)
			}
			if i+1 < len(cells) { // what stands last pushes nothing away
				wide[i] = max(wide[i], displayWidth(cells[i]))
			}
		}
		rows = append(rows, cells)
	}
	g.buf.Reset()
	for _, cells := range rows {
		var line strings.Builder
		last, indent := len(cells)-1, 0
		for i, c := range cells[:last] {
			line.WriteString(pad(c, wide[i]+2))
			indent += wide[i] + 2
		}
		for i, part := range wrap(cells[last], g.columns-indent) {
			if i > 0 {
				line.WriteString("\n" + strings.Repeat(" ", indent))
			}
			line.WriteString(part)
		}
		if _, err := io.WriteString(g.w, strings.TrimRight(line.String(), " ")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// narrowest is the least room, in columns, for which text is wrapped; with less it is left to the terminal.
const narrowest = 20

// wrap breaks s into lines of at most some columns: between words, and in Japanese, which has no spaces, between characters.
func wrap(s string, columns int) (lines []string) {
	for columns >= narrowest && displayWidth(s) > columns {
		cut, wide, space := 0, 0, -1
		for i, r := range s {
			if wide += displayWidth(string(r)); wide > columns {
				break
			}
			if r == ' ' {
				space = i
			} else if displayWidth(string(r)) == 2 {
				space = -1 // any place behind it will do
			}
			cut = i + len(string(r))
		}
		if space > 0 && cut < len(s) && s[cut] != ' ' {
			cut = space
		}
		lines = append(lines, strings.TrimRight(s[:cut], " "))
		s = strings.TrimLeft(s[cut:], " ")
	}
	return append(lines, s)
}

// displayWidth is how many columns s takes on a terminal: two for wide East Asian characters, none for marks that stand on
// the character before (Unicode Standard Annex 11; an ambiguous one takes one, as in most terminals).
func displayWidth(s string) (n int) {
	for _, r := range s {
		switch k := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case k == width.EastAsianWide || k == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// pad fills s with spaces up to a number of columns.
func pad(s string, columns int) string {
	return s + strings.Repeat(" ", max(0, columns-displayWidth(s)))
}

// plain keeps text that came from elsewhere from steering the terminal: what does not print becomes a question mark.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
