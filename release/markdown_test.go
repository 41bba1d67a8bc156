package release

import (
	"fmt"
	"strings"

	"entente/party"
)

// paper writes a report of the exercise shape for tests.
type paper struct {
	from    party.Party
	header  map[string]string // replaces a header value; "-" leaves the field out
	events  []string
	overall string
	paras   []para
	raw     []string // lines put before the second rule
}

type para struct{ mark, text string }

func (p paper) bytes() []byte {
	h := map[string]string{"type": "INTREP", "serial": "ENT-EX-" + string(p.from) + "-0099", "from": "A cell (notional)", "to": "Another (notional)",
		"dtg": "010000Z JAN 26", "precedence": "ROUTINE", "overall": p.overall, "subject": "A subject of no importance", "grading": "A1",
		"language": "en", "events": ""}
	for k, v := range p.header {
		h[k] = v
	}
	const strip = "EXERCISE EXERCISE EXERCISE — markings are fictitious; content is public"
	var b strings.Builder
	b.WriteString("# " + strip + "\n\n")
	for _, k := range headerKeys {
		v := h[k.id]
		if v == "-" {
			continue
		}
		fmt.Fprintf(&b, "%s\n", strings.TrimRight("- **"+k.en+":** "+v, " "))
	}
	for _, e := range append([]string{"ev-1"}, p.events...) {
		fmt.Fprintf(&b, "  - `%s`\n", e)
	}
	b.WriteString("\n---\n\n")
	for i, q := range p.paras {
		fmt.Fprintf(&b, "**%d. (%s)** %s\n\n", i+1, q.mark, q.text)
	}
	for _, l := range p.raw {
		b.WriteString(l + "\n\n")
	}
	b.WriteString("---\n\n**" + strip + "**\n")
	return []byte(b.String())
}
