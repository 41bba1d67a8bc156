package guard

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// document is an agreement file as the guard reads it: the keys before the first table, the tables that stand alone and
// the tables that form lists.
type document struct {
	top    table
	tables map[string]table   // [name]
	lists  map[string][]table // [[name]]
}

// table maps a key to a string, uint64, bool or []string.
type table map[string]any

// str returns the string under key, or "" where there is none or it is of another type.
func (t table) str(key string) string { s, _ := t[key].(string); return s }

// strs returns the list under key.
func (t table) strs(key string) []string { s, _ := t[key].([]string); return s }

const (
	maxAgreement = 256 << 10 // bytes; the exercise agreement is a tenth of it
	maxTables    = 2048      // tables in a file
	maxListed    = 1024      // strings in one list
)

// readTOML reads the part of TOML that agreement files are written in, one thing on a line: a comment, [table],
// [[table]], or key = value with a string in double quotes and without escapes, a decimal whole number, true, false, or
// a list of such strings. Everything else in TOML is refused, so that what is left has one meaning for every reader. It
// returns the document, or the line and the reason of the first failure.
func readTOML(text []byte) (doc document, line int, bad string) {
	if len(text) > maxAgreement {
		return doc, 0, "larger than 256 KiB"
	}
	if !utf8.Valid(text) {
		return doc, 0, "not UTF-8"
	}
	doc = document{top: table{}, tables: map[string]table{}, lists: map[string][]table{}}
	current, count := doc.top, 0
	for _, s := range strings.Split(string(text), "\n") {
		line++
		if strings.ContainsFunc(s, func(r rune) bool {
			return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
		}) {
			return doc, line, "a control, invisible or private character"
		}
		p := &lineReader{s: strings.TrimLeft(s, " ")}
		switch {
		case p.s == "" || p.s[0] == '#':
			continue
		case p.s[0] != '[':
			key, value := p.pair()
			if _, twice := current[key]; twice {
				p.fail("a key stands twice")
			}
			current[key] = value
		default:
			list := strings.HasPrefix(p.s, "[[")
			name := p.header(list)
			if count++; count > maxTables {
				p.fail("too many tables")
			}
			if _, single := doc.tables[name]; single || !list && doc.lists[name] != nil {
				p.fail("a table stands twice")
			}
			if current = (table{}); list {
				doc.lists[name] = append(doc.lists[name], current)
			} else {
				doc.tables[name] = current
			}
		}
		if p.bad != "" {
			return doc, line, p.bad
		}
	}
	return doc, 0, ""
}

// lineReader reads one line from the left; the first failure sticks.
type lineReader struct{ s, bad string }

func (p *lineReader) fail(why string) {
	if p.bad == "" {
		p.bad, p.s = why, ""
	}
}

// eat passes lit and the spaces behind it.
func (p *lineReader) eat(lit string) bool {
	rest, ok := strings.CutPrefix(p.s, lit)
	if ok {
		p.s = strings.TrimLeft(rest, " ")
	}
	return ok
}

// end passes a comment; nothing else may be left.
func (p *lineReader) end() {
	if p.s != "" && p.s[0] != '#' {
		p.fail("something follows a value or a table name on its line")
	}
}

// word reads a bare lower-case key.
func (p *lineReader) word() string {
	rest := strings.TrimLeft(p.s, "abcdefghijklmnopqrstuvwxyz_")
	w := p.s[:len(p.s)-len(rest)]
	if p.s = rest; w == "" {
		p.fail("a bare lower-case key was expected")
	}
	return w
}

func (p *lineReader) header(list bool) string {
	open, shut := "[", "]"
	if list {
		open, shut = "[[", "]]"
	}
	p.s = strings.TrimPrefix(p.s, open)
	name := p.word()
	if !p.eat(shut) {
		p.fail("a table name is one bare key in brackets")
	}
	p.end()
	return name
}

func (p *lineReader) pair() (key string, value any) {
	key = p.word()
	p.eat("") // spaces
	if !p.eat("=") {
		p.fail("a key is followed by = and its value")
	}
	value = p.value()
	p.end()
	return key, value
}

func (p *lineReader) value() any {
	switch digits := p.s[:len(p.s)-len(strings.TrimLeft(p.s, "0123456789"))]; {
	case strings.HasPrefix(p.s, `"`):
		return p.str()
	case digits != "":
		n, err := strconv.ParseUint(digits, 10, 59)
		if err != nil || len(digits) > 1 && digits[0] == '0' {
			p.fail("a whole decimal number was expected")
		}
		p.eat(digits)
		return n
	case p.eat("true"):
		return true
	case p.eat("false"):
		return false
	case p.eat("["):
		return p.list()
	}
	p.fail("a value is a string, a whole number, true, false or a list of strings")
	return nil
}

func (p *lineReader) list() []string {
	out := []string{}
	for !p.eat("]") && p.bad == "" {
		if len(out) > 0 && !p.eat(",") || len(out) >= maxListed {
			p.fail("a list ends in ], its strings are separated by commas, and there are at most 1024")
		}
		out = append(out, p.str())
	}
	return out
}

func (p *lineReader) str() string {
	s, ok := strings.CutPrefix(p.s, `"`)
	v, rest, closed := strings.Cut(s, `"`)
	if !ok || !closed || strings.Contains(v, `\`) {
		p.fail("a string in double quotes, without escapes, was expected")
		return ""
	}
	p.s = strings.TrimLeft(rest, " ")
	return v
}
