package guard

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

const (
	maxPolicy    = 256 << 10 // bytes of one policy file
	maxJSONDepth = 16
)

// readJSON reads one policy file into map[string]any, []any, string, json.Number, bool and nil. It is stricter than
// encoding/json: keys are compared exactly, a key that stands twice is refused, and so are U+FFFD (what a lone surrogate or invalid
// UTF-8 becomes), anything after the value and nesting deeper than 16.
func readJSON(text []byte) (v map[string]any, bad string) {
	switch {
	case len(text) > maxPolicy:
		return nil, "larger than 256 KiB"
	case !json.Valid(text): // exactly one value, and the grammar holds: the tokens below cannot surprise
		return nil, "not JSON"
	}
	p := &jsonReader{d: json.NewDecoder(bytes.NewReader(text))}
	p.d.UseNumber()
	v, ok := p.value(0).(map[string]any)
	if p.bad == "" && !ok {
		p.bad = "not an object"
	}
	if p.bad != "" {
		return nil, p.bad
	}
	return v, ""
}

type jsonReader struct {
	d   *json.Decoder
	bad string
}

func (p *jsonReader) fail(why string) any {
	if p.bad == "" {
		p.bad = why
	}
	return nil
}

func (p *jsonReader) token() json.Token {
	t, err := p.d.Token()
	if err != nil {
		return p.fail("not JSON")
	}
	if s, ok := t.(string); ok && strings.ContainsRune(s, utf8.RuneError) {
		return p.fail("a text has U+FFFD, half a surrogate pair, or is not UTF-8")
	}
	return t
}

func (p *jsonReader) value(depth int) any {
	if depth > maxJSONDepth {
		return p.fail("nested too deeply")
	}
	switch t := p.token(); t {
	case json.Delim('{'):
		m := map[string]any{}
		for p.bad == "" && p.d.More() {
			key, _ := p.token().(string)
			if _, twice := m[key]; twice {
				return p.fail("a key stands twice")
			}
			m[key] = p.value(depth + 1)
		}
		p.token() // }
		return m
	case json.Delim('['):
		list := []any{}
		for p.bad == "" && p.d.More() {
			list = append(list, p.value(depth+1))
		}
		p.token() // ]
		return list
	default:
		return t
	}
}
