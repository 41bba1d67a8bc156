package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"entente/errs"

	"github.com/alecthomas/kong"
)

type completeCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints a script made from the grammar itself, so that it is never out of date.
func (c *completeCmd) Run(a *app, k *kong.Kong) error {
	words := map[string][]string{}
	var walk func(n *kong.Node, path string)
	walk = func(n *kong.Node, path string) {
		for _, child := range n.Children {
			if child.Hidden {
				continue
			}
			words[path] = append(words[path], child.Name)
			walk(child, strings.TrimSpace(path+" "+child.Name))
		}
		for _, f := range n.Flags {
			words[path] = append(words[path], "--"+f.Name)
		}
	}
	walk(k.Model.Node, "")
	paths := make([]string, 0, len(words))
	for p := range words {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	w := a.out
	switch c.Shell {
	case "fish":
		for _, p := range paths {
			for _, x := range words[p] {
				cond := "__fish_use_subcommand"
				if p != "" {
					cond = "__fish_seen_subcommand_from " + p[strings.LastIndexByte(p, ' ')+1:]
				}
				if name, ok := strings.CutPrefix(x, "--"); ok {
					fmt.Fprintf(w, "complete -c entente -n '%s' -l %s\n", cond, name)
				} else {
					fmt.Fprintf(w, "complete -c entente -f -n '%s' -a %s\n", cond, x)
				}
			}
		}
	default:
		if c.Shell == "zsh" {
			fmt.Fprintln(w, "autoload -U +X bashcompinit && bashcompinit")
		}
		fmt.Fprint(w, "_entente() {\n  local path=\"\" w\n  for w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do case \"$w\" in -*) ;; *) path=\"$path $w\" ;; esac; done\n  case \"${path# }\" in\n")
		for i := len(paths) - 1; i >= 0; i-- { // longest first, so that "release approve x" finds its flags
			fmt.Fprintf(w, "    %q*) COMPREPLY=( $(compgen -W %q -- \"${COMP_WORDS[COMP_CWORD]}\") ) ;;\n", paths[i], strings.Join(words[paths[i]], " "))
		}
		fmt.Fprint(w, "  esac\n}\ncomplete -o default -F _entente entente\n")
	}
	return nil
}

// writeTree writes files below a directory that must not exist.
func writeTree(dir string, files map[string][]byte) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return &errs.Error{Kind: errs.Usage, Code: "cli.file", Op: "write directory", Subject: dir, Err: err, Next: "name a directory that does not exist yet"}
	}
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		path := filepath.Join(dir, filepath.FromSlash(n))
		if !strings.HasPrefix(path, dir+string(filepath.Separator)) {
			return &errs.Error{Kind: errs.Internal, Code: "cli.file", Op: "write directory", Subject: n}
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return &errs.Error{Kind: errs.Unavailable, Code: "cli.file", Op: "write directory", Err: err}
		}
		if err := writeFile(path, files[n]); err != nil {
			return err
		}
	}
	return nil
}
