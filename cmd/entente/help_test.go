package main

import (
	"bytes"
	"strings"
	"testing"

	"entente/internal/clock"

	"github.com/alecthomas/kong"
)

// Every command, flag and argument says what it is; help is for people, and ends its sentences.
func TestEveryCommandExplainsItself(t *testing.T) {
	var cli commands
	k, err := kong.New(&cli, kong.Vars{"version": "test"})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	var walk func(n *kong.Node)
	walk = func(n *kong.Node) {
		if n.Type == kong.CommandNode {
			seen++
			if n.Help == "" || !strings.HasSuffix(n.Help, ".") {
				t.Errorf("%s: help %q", n.Path(), n.Help)
			}
			var out, told bytes.Buffer
			if code := run(append(strings.Fields(strings.TrimPrefix(n.FullPath(), k.Model.Name)), "--help"), strings.NewReader(""), &out, &told, clock.Real{}); code != 0 || !strings.Contains(out.String(), "Usage: entente") || told.Len() > 0 {
				t.Errorf("%s --help: status %d: %s%s", n.FullPath(), code, out.String(), told.String())
			}
			for _, line := range strings.Split(out.String(), "\n") {
				if displayWidth(line) > 100 {
					t.Errorf("%s --help: a line of %d columns: %s", n.FullPath(), displayWidth(line), line)
				}
			}
		}
		for _, f := range n.Flags {
			if f.Help == "" || !strings.HasSuffix(f.Help, ".") {
				t.Errorf("%s --%s: help %q", n.Path(), f.Name, f.Help)
			}
		}
		for _, p := range n.Positional {
			if p.Help == "" || !strings.HasSuffix(p.Help, ".") {
				t.Errorf("%s <%s>: help %q", n.Path(), p.Name, p.Help)
			}
		}
		for _, c := range n.Children {
			walk(c)
		}
	}
	walk(k.Model.Node)
	if seen < 35 {
		t.Errorf("only %d commands", seen)
	}
}
