package custody

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"entente/errs"
	"entente/label"
	"entente/party"
)

// Printing says how a register is printed.
type Printing struct {
	Set    *label.Set
	Policy string      // OID of the own policy, in whose words the page is marked
	Realm  party.Realm //
	Lang   string      // "en" or "ja"
	At     time.Time   // when it is printed
	By     string      // alias or handle of who prints it; never a name
}

const strip = "EXERCISE EXERCISE EXERCISE / 演習 演習 演習"

var words = map[string]label.Text{
	"register":    {EN: "REGISTER OF INFORMATION RECEIVED", JA: "受領情報登録簿"},
	"printed":     {EN: "Printed", JA: "印刷日時"},
	"by":          {EN: "by", JA: "印刷者"},
	"entries":     {EN: "Entries", JA: "件数"},
	"copy":        {EN: "copy %d of %d", JA: "写し %[2]d部のうち第%[1]d号"},
	"from":        {EN: "From", JA: "発出元"},
	"reference":   {EN: "Reference", JA: "参照番号"},
	"original":    {EN: "Original marking", JA: "原表示"},
	"own":         {EN: "Own marking", JA: "自国の表示"},
	"meanwhile":   {EN: "Own marking (until accepted)", JA: "自国の表示(受領登録まで)"},
	"received":    {EN: "Received", JA: "受領"},
	"registered":  {EN: "Registered", JA: "登録"},
	"holder":      {EN: "Holder", JA: "保管者"},
	"none":        {EN: "(no entries)", JA: "(登録なし)"},
	"thread":      {EN: "Item", JA: "案件"},
	"state":       {EN: "State", JA: "状態"},
	"queued":      {EN: "waits for a registry officer", JA: "登録待ち"},
	"quarantined": {EN: "in quarantine, unread", JA: "隔離中・未読"},
	"no-number":   {EN: "(no control number)", JA: "(管理番号なし)"},
}

// Print writes the register as plain text, marked top and bottom with the own marking of everything in it and, in an
// exercise, with the exercise strip outermost. An item in quarantine shows neither reference nor markings: nobody has read
// whether they are true. The page is released to nobody but its owner. It fails with label.join.level if no level covers
// all entries: print them in parts. Codes: label.*.
func Print(entries []Entry, p Printing) (string, error) {
	page, err := p.marking(entries)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	top, bottom := page+"\n", page+"\n"
	if p.Realm != party.Live { // an unset realm is no live one
		top, bottom = strip+"\n"+top, bottom+strip+"\n"
	}
	say := func(indent, word, s string) {
		if s != "" {
			fmt.Fprintf(&b, "%s%s: %s\n", indent, words[word].In(p.Lang), printable(s))
		}
	}
	fmt.Fprintf(&b, "%s\n%s\n", top, words["register"].In(p.Lang))
	say("", "printed", dtg(p.At.UnixMilli()))
	say("", "by", p.By)
	say("", "entries", fmt.Sprint(len(entries)))
	if len(entries) == 0 {
		fmt.Fprintf(&b, "\n%s\n", words["none"].In(p.Lang))
	}
	for i := range entries {
		p.entry(&entries[i], &b, say)
	}
	return b.String() + "\n" + bottom, nil
}

func (p Printing) entry(e *Entry, b *strings.Builder, say func(indent, word, s string)) {
	number := e.Control
	if number == "" {
		number = words["no-number"].In(p.Lang)
	}
	fmt.Fprintf(b, "\n%s  %s\n", number, fmt.Sprintf(words["copy"].In(p.Lang), e.Copy, e.Of))
	say("  ", "from", string(e.From))
	own := "own"
	switch e.State {
	case Quarantined:
		say("  ", "thread", e.Thread.String())
		say("  ", "state", words["quarantined"].In(p.Lang)+" ("+string(e.Code)+")")
		say("  ", "received", dtg(e.Received))
		return
	case Queued:
		own = "meanwhile"
	}
	say("  ", "reference", e.Reference)
	say("  ", "original", p.Set.Banner(e.Original, p.Lang))
	say("  ", own, p.Set.Banner(e.Own, p.Lang))
	say("  ", "received", dtg(e.Received))
	if e.State == Registered {
		say("  ", "registered", dtg(e.Registered))
		say("  ", "holder", e.Holder)
	} else {
		say("  ", "state", words["queued"].In(p.Lang))
	}
}

// marking joins the own markings into that of the page. The register is the owner's own document and goes to nobody else,
// whatever the release sets of its entries are.
func (p Printing) marking(entries []Entry) (string, error) {
	policy, ok := p.Set.Policy(p.Policy)
	if !ok {
		return "", &errs.Error{Kind: errs.Refused, Code: "label.policy", Op: "custody.print", Reason: "the own policy is not loaded"}
	}
	var labels []label.Label
	if lowest, ok := bottom(policy); ok {
		l, err := p.Set.Compose(p.Policy, lowest, nil, nil, policy.Owner())
		if err != nil {
			return "", err
		}
		labels = append(labels, l)
	}
	for i := range entries {
		if entries[i].State == Quarantined {
			continue
		}
		own := entries[i].Own
		if err := p.Set.Check(own); err != nil {
			return "", err
		}
		if own.Policy != p.Policy {
			return "", &errs.Error{Kind: errs.Refused, Code: "label.join.policy", Op: "custody.print", Subject: entries[i].Control, Reason: "an entry is not marked in the own policy"}
		}
		l, err := p.Set.Compose(p.Policy, own.Level, own.Designations, nil, policy.Owner())
		if err != nil {
			return "", err
		}
		labels = append(labels, l)
	}
	page, _, err := p.Set.JoinAll(labels)
	if err != nil {
		return "", err
	}
	return p.Set.Banner(page, p.Lang), nil
}

// bottom is the level below all others, which marks an empty register.
func bottom(p *label.Policy) (label.LevelID, bool) {
	levels := p.Levels()
	i := slices.IndexFunc(levels, func(l label.Level) bool {
		return !slices.ContainsFunc(levels, func(m label.Level) bool { return !p.Leq(l.ID, m.ID) })
	})
	if i < 0 {
		return "", false
	}
	return levels[i].ID, true
}

// printable keeps a partner's text from steering a terminal or a printer.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}

// dtg writes a time as a date-time group in UTC, "24 0312Z NOV 26"; "" for none.
func dtg(ms int64) string {
	if ms == 0 {
		return ""
	}
	return strings.ToUpper(time.UnixMilli(ms).UTC().Format("02 1504Z Jan 06"))
}
