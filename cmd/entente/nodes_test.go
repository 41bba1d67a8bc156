package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"entente/examples/exercise"
	"entente/internal/office"
)

// stages are pairs of nodes made once, by the command line itself, and copied for every script.
type stages struct {
	dir  string
	mu   sync.Mutex
	made map[string]error
}

var sides = []string{"nzl", "jpn"}

// get returns the two directories of a stage.
func (s *stages) get(t testing.TB, stage, prefix string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made == nil {
		s.made = map[string]error{}
	}
	dir := filepath.Join(s.dir, prefix+stage)
	if _, ok := s.made[dir]; !ok {
		s.made[dir] = makePair(dir, stage)
	}
	if err := s.made[dir]; err != nil {
		t.Fatalf("making two nodes: %v", err)
	}
	out := map[string]string{}
	for _, side := range sides {
		out[side] = filepath.Join(dir, side)
	}
	return out
}

// command runs the command line in this process.
type command struct {
	dir   string // where the passphrases are
	shift time.Duration
}

func (c command) run(side, post string, args ...string) (stdout string, err error) {
	all := []string{"--passphrase-file", filepath.Join(c.dir, ".pass"), "--dir", filepath.Join(c.dir, side), "--post", post}
	var out, told bytes.Buffer
	defer alone()()
	if code := run(append(all, args...), strings.NewReader(""), &out, &told, shifted(c.shift)); code != 0 {
		return "", fmt.Errorf("%s %s: status %d: %s", side, args, code, told.String())
	}
	return out.String(), nil
}

// makePair makes two nodes below dir, up to a stage, a day before the scripts begin.
func makePair(dir, stage string) error {
	shift, err := shiftTo(exerciseTime)
	if err != nil {
		return err
	}
	return makePairAt(dir, stage, shift-24*time.Hour)
}

func makePairAt(dir, stage string, shift time.Duration) error {
	c := command{dir, shift}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, b := range map[string][]byte{".pass": []byte("the node's own"), ".root": []byte("the root's own"), "agreement.toml": exercise.Agreement(),
		"nzl.staff": exercise.Staff("NZL"), "jpn.staff": exercise.Staff("JPN")} {
		if err := os.WriteFile(at(name), b, 0o600); err != nil {
			return err
		}
	}
	other := map[string]string{"nzl": "jpn", "jpn": "nzl"}
	author := map[string]string{"nzl": "NZL/nzdf/node-1", "jpn": "JPN/jmod/node-1"}
	ceiling := map[string]string{"nzl": "nzl.s", "jpn": "jpn.gokuhi"}
	words := map[string]string{}
	type step func(side string) error
	do := func(post string, args ...string) step {
		return func(side string) error {
			full := make([]string, len(args))
			for i, a := range args {
				full[i] = strings.NewReplacer("{side}", side, "{other}", other[side], "{author}", author[side], "{partner}", author[other[side]],
					"{ceiling}", ceiling[side], "{words}", words[side], "{at}", dir).Replace(a)
			}
			out, err := c.run(side, post, full...)
			if strings.Contains(strings.Join(args, " "), "pair add") {
				var v office.PairView
				err = errors.Join(err, json.Unmarshal([]byte(out), &v))
				words[side] = strings.Join(v.Words, " ")
			}
			return err
		}
	}
	steps := map[string][]step{
		"made": {do("", "init", "--realm", "exercise:whio", "--author", "{author}", "--ceiling", "{ceiling}", "--kdf-iterations", "1000", "--root-passphrase-file", "{at}/.root"),
			do("", "staff", "load", "{at}/{side}.staff")},
		"paired": {do("", "pair", "card", "-o", "{at}/{side}.card"), do("key-custodian", "--json", "pair", "add", "{at}/{other}.card"),
			do("key-custodian", "pair", "confirm", "{partner}", "--words", "{words}")},
		"agreed": {do("key-custodian", "agreement", "load", "{at}/both")},
	}
	for _, name := range []string{"made", "paired", "agreed"} {
		if name == "agreed" {
			for _, x := range [][]string{{"nzl", "prepare", "agreement.toml", "text"}, {"nzl", "sign", "text", "one"}, {"jpn", "sign", "one", "both"}} {
				args := []string{"agreement", x[1], at(x[2]), "-o", at(x[3])}
				if x[1] == "sign" {
					args = append(args, "--root-passphrase-file", at(".root"))
				}
				if _, err := c.run(x[0], "key-custodian", args...); err != nil {
					return err
				}
			}
		}
		for _, s := range steps[name] {
			for _, side := range sides {
				if err := s(side); err != nil {
					return err
				}
			}
		}
		if name == stage {
			return nil
		}
	}
	return fmt.Errorf("no such stage: %s", stage)
}

// copyTree copies a node directory with its permissions.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		dst := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(dst, info.Mode().Perm())
		case info.Mode().IsRegular():
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			return os.WriteFile(dst, b, info.Mode().Perm())
		}
		return nil // a socket
	})
}
