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
	w   io.Writer
	buf bytes.Buffer
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
		for i, c := range cells {
			line.WriteString(pad(c, wide[i]+2))
		}
		if _, err := io.WriteString(g.w, strings.TrimRight(line.String(), " ")+"\n"); err != nil {
			return err
		}
	}
	return nil
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
