package label

import (
	"unicode"
	"unicode/utf8"
)

// plainRanges is the text that a comment beside a banner, or a word of a policy, may hold. Every character in it is its
// own NFC and NFKC form and none combines with another, so text made of them needs no folding to be compared byte by
// byte. Everything outside is refused.
var plainRanges = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x0020, Hi: 0x007E, Stride: 1}, // ASCII
		{Lo: 0x00C0, Hi: 0x00D6, Stride: 1}, // Latin with diacritics, composed
		{Lo: 0x00D8, Hi: 0x00F6, Stride: 1},
		{Lo: 0x00F8, Hi: 0x0131, Stride: 1},
		{Lo: 0x0134, Hi: 0x013E, Stride: 1},
		{Lo: 0x0141, Hi: 0x0148, Stride: 1},
		{Lo: 0x014A, Hi: 0x017E, Stride: 1},
		{Lo: 0x2013, Hi: 0x2014, Stride: 1}, // dashes
		{Lo: 0x3001, Hi: 0x3003, Stride: 1}, // 、。〃
		{Lo: 0x3005, Hi: 0x3007, Stride: 1}, // 々〆〇
		{Lo: 0x300C, Hi: 0x3011, Stride: 1}, // brackets
		{Lo: 0x301C, Hi: 0x301C, Stride: 1}, // wave dash
		{Lo: 0x3041, Hi: 0x3096, Stride: 1}, // hiragana
		{Lo: 0x309D, Hi: 0x309E, Stride: 1},
		{Lo: 0x30A1, Hi: 0x30FE, Stride: 1}, // katakana, middle dot, length mark
		{Lo: 0x3400, Hi: 0x4DBF, Stride: 1}, // ideographs
		{Lo: 0x4E00, Hi: 0x9FFF, Stride: 1},
	},
	LatinOffset: 3,
}

func plain(r rune) bool { return unicode.Is(plainRanges, r) }

// classes name what a refused character is, most telling first.
var classes = []struct {
	name  string
	table *unicode.RangeTable
}{
	{"a bidirectional control", unicode.Bidi_Control},
	{"a control character", unicode.Cc},
	{"an invisible format character", unicode.Cf},
	{"a combining mark", unicode.M},
	{"a space other than U+0020", unicode.Z},
	{"a full-width or half-width form", &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0xFF00, Hi: 0xFFEF, Stride: 1}}}},
	{"an enclosed or compatibility form", &unicode.RangeTable{R16: []unicode.Range16{
		{Lo: 0x00AA, Hi: 0x00AA, Stride: 1}, {Lo: 0x00B2, Hi: 0x00BE, Stride: 1}, {Lo: 0x2070, Hi: 0x24FF, Stride: 1},
		{Lo: 0x2E80, Hi: 0x2FDF, Stride: 1}, {Lo: 0x3200, Hi: 0x33FF, Stride: 1}, {Lo: 0xF900, Hi: 0xFB4F, Stride: 1},
		{Lo: 0xFE30, Hi: 0xFE6F, Stride: 1}},
		R32: []unicode.Range32{{Lo: 0x1D400, Hi: 0x1D7FF, Stride: 1}, {Lo: 0x1F100, Hi: 0x1F2FF, Stride: 1}, {Lo: 0x2F800, Hi: 0x2FA1F, Stride: 1}}}},
	{"a Greek or Cyrillic letter", &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x0370, Hi: 0x052F, Stride: 1}}}},
}

// classOf says in words why a character is refused.
func classOf(r rune) string {
	if r == utf8.RuneError {
		return "not UTF-8"
	}
	for _, c := range classes {
		if unicode.Is(c.table, r) {
			return c.name
		}
	}
	return "a character that no word of the policy has"
}
