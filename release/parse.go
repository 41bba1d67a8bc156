package release

import (
	"crypto/sha512"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"entente/errs"
	"entente/label"
	"entente/party"

	"golang.org/x/text/unicode/norm"
)

// reader walks the lines of one report.
type reader struct {
	Reading
	r        *Report
	f        []Finding
	tear     *TearLine
	strips   []int // lines of the exercise line
	rules    []int // lines of the two horizontal rules
	last     int   // last line that is not blank
	inEvents bool
	joined   bool // Rollup holds at least one paragraph
}

func (p *reader) say(code errs.Code, sev Severity, portion string, line int) {
	p.f = append(p.f, finding(code, sev, portion, line))
}

// ParseReport reads a report into portions and says everything in it that breaks a rule. It accepts one shape only:
// an exercise line, the eleven header fields in any order, a horizontal rule, paragraphs on one line each as
// "**1. (MARK) Lead.** text", optional tear lines, a horizontal rule, an exercise line. The report is nil if the bytes
// cannot be read as text at all; otherwise it holds what could be read, and must not be released from if
// [Refusing] says so.
func ParseReport(raw []byte, rd Reading) (*Report, []Finding) {
	p := &reader{Reading: rd}
	switch {
	case len(raw) == 0 || len(raw) > MaxReport:
		p.say("release.report.size", Refuse, "", 0)
	case !utf8.Valid(raw):
		p.say("release.text.encoding", Refuse, "", 0)
	case !norm.NFC.IsNormal(raw):
		p.say("release.text.normalisation", Refuse, "", 0)
	}
	if p.f != nil {
		return nil, p.f
	}
	p.r = &Report{Digest: sha512.Sum384(raw), Policy: rd.Policy, Originator: rd.Originator}
	for i, line := range strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n") {
		p.line(i+1, line)
	}
	p.finish()
	p.r.read, p.r.findings = true, slices.Clone(p.f)
	return p.r, p.f
}

func isStrip(s string) bool {
	for _, w := range [...]string{"EXERCISE EXERCISE EXERCISE", "演習 演習 演習"} {
		if strings.HasPrefix(s, "# "+w) || strings.HasPrefix(s, "**"+w) && strings.HasSuffix(s, "**") {
			return true
		}
	}
	return false
}

func (p *reader) line(n int, s string) {
	if s == "" {
		return
	}
	p.last = n
	for _, c := range s {
		if !plainRune(c) {
			p.say("release.text.character", Refuse, "", n)
			return
		}
	}
	inEvents := p.inEvents
	p.inEvents = false
	switch {
	case isStrip(s):
		p.strips = append(p.strips, n)
	case s == "---":
		p.rules = append(p.rules, n)
	case len(p.rules) == 0 && strings.HasPrefix(s, "- **"):
		p.header(n, s)
	case len(p.rules) == 0 && inEvents && strings.HasPrefix(s, "  - `") && strings.HasSuffix(s[5:], "`"):
		p.inEvents = true
		p.event(n, s[5:len(s)-1])
	case len(p.rules) == 1 && strings.HasPrefix(s, "---- ") && strings.HasSuffix(s, " ----"):
		p.tearLine(n, strings.TrimSuffix(s[5:], " ----"))
	case len(p.rules) == 1 && strings.HasPrefix(s, "**"):
		p.paragraph(n, s)
	case len(p.rules) == 1:
		p.say("release.portion.unmarked", Refuse, "", n)
	default:
		p.say("release.report.structure", Refuse, "", n)
	}
}

func (p *reader) header(n int, s string) {
	key, value, _ := strings.Cut(s[4:], ":**")
	value = strings.TrimPrefix(value, " ")
	id := headerID(key)
	switch {
	case id == "":
		p.say("release.header.unknown", Refuse, "", n)
		return
	case p.r.Find(id) != nil:
		p.say("release.header.duplicate", Refuse, id, n)
		return
	}
	p.r.Portions = append(p.r.Portions, Portion{ID: id, Kind: KindHeader, Text: value, Line: n})
	if id == "events" {
		p.inEvents = value == ""
		if value != "" {
			p.say("release.event.form", Refuse, id, n)
		}
		return
	}
	if code := checkText(value, maxHeader); code != "" {
		p.say(code, Refuse, id, n)
		return
	}
	switch id {
	case "type":
		word, rest, _ := strings.Cut(value, " ")
		no, isUpdate := strings.CutPrefix(strings.TrimSuffix(rest, ")"), "(UPDATE ")
		if v, err := strconv.Atoi(no); !slices.Contains(Types, word) ||
			rest != "" && (!isUpdate || err != nil || v < 1 || v > 99 || rest != "(UPDATE "+strconv.Itoa(v)+")") {
			p.say("release.type", Refuse, id, n)
			return
		}
		p.r.Type = word
	case "serial":
		if no, ok := strings.CutPrefix(value, "ENT-EX-"+string(p.Originator)+"-"); !ok || len(no) != 4 || strings.Trim(no, "0123456789") != "" {
			p.say("release.serial", Refuse, id, n)
			return
		}
		p.r.Serial = value
	case "dtg":
		t, err := ParseDTG(value)
		if err != nil || len(value) != 14 {
			p.say("release.dtg", Refuse, id, n)
			return
		}
		p.r.DTG = t
	case "precedence":
		if !slices.Contains(Precedences, value) {
			p.say("release.precedence", Refuse, id, n)
			return
		}
		p.r.Precedence = value
	case "language":
		if value != "en" && value != "ja" {
			p.say("release.language", Refuse, id, n)
			return
		}
		p.r.Language = value
	case "overall":
		l, comment, err := p.Set.ParseBanner(p.Policy, value)
		if err != nil {
			p.say("release.banner.unreadable", Refuse, id, n)
			return
		}
		p.r.Overall, p.r.Comment = l, comment
	}
}

func (p *reader) event(n int, id string) {
	if len(id) == 0 || len(id) > 64 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" ||
		slices.Contains(p.r.Events, id) || len(p.r.Events) >= maxEvents {
		p.say("release.event.form", Refuse, "events", n)
		return
	}
	if p.Event != nil && !p.Event(id) {
		p.say("release.event.unknown", Note, "events", n)
	}
	p.r.Events = append(p.r.Events, id)
	e := p.r.Find("events")
	e.Text = strings.TrimPrefix(e.Text+" "+id, " ")
}

// paragraph reads "**7. (MARK)** text" and "**7. (MARK) Lead.** text".
func (p *reader) paragraph(n int, s string) {
	head, text, closed := strings.Cut(s[2:], "**")
	no, head, dotted := strings.Cut(head, ". ")
	v, err := strconv.Atoi(no)
	if !closed || !dotted || err != nil || strconv.Itoa(v) != no {
		p.say("release.portion.unmarked", Refuse, "", n)
		return
	}
	count := 0
	for i := range p.r.Portions {
		if p.r.Portions[i].Kind == KindParagraph {
			count++
		}
	}
	if count >= maxParagraphs {
		p.say("release.report.long", Refuse, "", n)
		return
	}
	if v != count+1 {
		p.say("release.portion.order", Refuse, no, n)
		if p.r.Find(no) != nil {
			return
		}
	}
	q := Portion{ID: no, Kind: KindParagraph, Line: n}
	mark, lead, marked := "", head, false
	if strings.HasPrefix(head, "(") {
		mark, lead, marked = strings.Cut(head[1:], ")")
	}
	q.Text = strings.TrimPrefix(strings.TrimSpace(lead)+text, " ")
	if code := checkText(q.Text, maxText); code != "" {
		p.say(code, Refuse, no, n)
	}
	if !marked {
		p.say("release.portion.unmarked", Refuse, no, n)
	} else {
		q.Mark = mark
		if l, err := p.Set.ParsePortion(p.Policy, mark); err != nil {
			p.say(markCode(err), Refuse, no, n)
		} else {
			q.Label = &l
			p.join(l, no, n)
		}
	}
	if p.tear != nil {
		p.tear.Portions = append(p.tear.Portions, no)
		if q.Label == nil || slices.ContainsFunc(p.tear.Release, func(x party.Party) bool { return !slices.Contains(q.Label.Release, x) }) {
			p.say("release.tearline.unmet", Refuse, no, n)
		}
	}
	p.r.Portions = append(p.r.Portions, q)
}

// markCode keeps the label room's own code where it names what is wrong with a mark.
func markCode(err error) errs.Code {
	if c := errs.CodeOf(err); findingTexts[c] != (label.Text{}) {
		return c
	}
	return "release.portion.mark"
}

func (p *reader) join(l label.Label, id string, n int) {
	if !p.joined {
		p.r.Rollup, p.joined = l, true
		return
	}
	j, err := p.Set.Join(p.r.Rollup, l)
	if err != nil {
		p.say(markCode(err), Refuse, id, n)
		return
	}
	p.r.Rollup = j
}

// tearLine reads "TEAR LINE: text below is REL TO NZL, JPN" and "切取り線(TEAR LINE)以下は REL TO NZL", and their ends.
func (p *reader) tearLine(n int, s string) {
	if s == "END OF TEAR LINE TEXT" || s == "切取り線ここまで" {
		if p.tear == nil {
			p.say("release.tearline.nested", Refuse, "", n)
			return
		}
		p.tear.End = n
		p.r.TearLines = append(p.r.TearLines, *p.tear)
		p.tear = nil
		return
	}
	list, en := strings.CutPrefix(s, "TEAR LINE: text below is REL TO ")
	list, ja := strings.CutPrefix(list, "切取り線(TEAR LINE)以下は REL TO ")
	if en == ja {
		p.say("release.tearline.claim", Refuse, "", n)
		return
	}
	if p.tear != nil {
		p.say("release.tearline.nested", Refuse, "", n)
	}
	t := &TearLine{Line: n}
	for _, w := range strings.Split(list, ", ") {
		who, err := party.ParseParty(w)
		if err != nil || slices.Contains(t.Release, who) {
			p.say("release.tearline.claim", Refuse, "", n)
			return
		}
		t.Release = append(t.Release, who)
	}
	slices.Sort(t.Release)
	p.tear = t
}

// finish checks what can be judged only at the end: completeness, order, roll-up.
func (p *reader) finish() {
	for _, h := range headerKeys {
		if p.r.Find(h.id) == nil {
			p.say("release.header.missing", Refuse, h.id, 0)
		}
	}
	if len(p.r.Events) == 0 && p.r.Find("events") != nil {
		p.say("release.event.form", Refuse, "events", p.r.Find("events").Line)
	}
	if len(p.rules) != 2 {
		p.say("release.report.structure", Refuse, "", 0)
	}
	if want := 2; p.Realm.Exercise() && (len(p.strips) != want || p.strips[0] != 1 || p.strips[1] != p.last) || !p.Realm.Exercise() && len(p.strips) != 0 {
		p.say("release.report.exercise", Refuse, "", 0)
	}
	if p.tear != nil {
		p.say("release.tearline.unclosed", Refuse, "", p.tear.Line)
	}
	if !slices.ContainsFunc(p.r.Portions, func(q Portion) bool { return q.Kind == KindParagraph }) {
		p.say("release.report.empty", Refuse, "", 0)
	}
	if slices.ContainsFunc(p.r.Portions, func(q Portion) bool { return q.Kind == KindHeader }) {
		p.say("release.header.unmarked", Note, "", 0)
	}
	if o := p.r.Find("overall"); o != nil && p.joined && p.r.Overall.Policy != "" {
		switch {
		case !p.Set.Leq(p.r.Rollup, p.r.Overall): // R13: below never
			p.say("release.banner.low", Refuse, "overall", o.Line)
		case !p.Set.Leq(p.r.Overall, p.r.Rollup): // above only with a reason, which this shape has no field for
			p.say("release.banner.high", Note, "overall", o.Line)
		}
	}
	slices.SortStableFunc(p.r.Portions, func(a, b Portion) int { return boolInt(a.Kind != KindHeader) - boolInt(b.Kind != KindHeader) })
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
