// Package exercise holds the data of the exercise that the demonstration and the tests use: an agreement, twelve
// reports with their release sheets, the events they refer to, and the staff of both nodes.
//
// Everything in it is EXERCISE material: originators are notional, every marking is invented, and the content is
// publicly reported. README.md in this folder says where the facts come from.
package exercise

import (
	"embed"
	"io/fs"
	"path"
	"sort"
	"strings"
)

//go:embed agreement.toml events.json staff-nzl.toml staff-jpn.toml reports/*.md sheets/*.toml
var files embed.FS

// Agreement is the text of the exercise agreement, with the parties' roots still unset.
func Agreement() []byte { return read("agreement.toml") }

// Staff is the staff file of a party's node: "NZL" or "JPN".
func Staff(party string) []byte { return read("staff-" + strings.ToLower(party) + ".toml") }

// Report is one exercise report and the release sheet its originator wrote.
type Report struct {
	Name   string // "R04"
	From   string // originating party
	Report []byte // Markdown, as drafted
	Sheet  []byte // TOML
}

// Reports returns the twelve reports in order of name.
func Reports() []Report {
	names, err := fs.Glob(files, "reports/*.md")
	if err != nil {
		panic(err) // the pattern is constant
	}
	sort.Strings(names)
	var out []Report
	for _, n := range names {
		short, _, _ := strings.Cut(path.Base(n), "-")
		raw := read(n)
		from := "NZL"
		if strings.Contains(string(raw), "ENT-EX-JPN-") {
			from = "JPN"
		}
		out = append(out, Report{Name: short, From: from, Report: raw, Sheet: read("sheets/" + short + ".release.toml")})
	}
	return out
}

func read(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // embedded at build time
	}
	return b
}
