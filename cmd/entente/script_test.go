package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"entente/examples/exercise"
	"entente/internal/api"
	"entente/internal/node"
	"entente/internal/office"

	"github.com/rogpeppe/go-internal/testscript"
)

// The exercise has dates of its own, so that scripts run at its time and not at the machine's.
const exerciseTime = "2026-06-01T08:00:00Z"

// envShift is how far a script's clock stands from the machine's, as a Go duration.
const envShift = "ENTENTE_TEST_SHIFT"

// shifted is the machine's clock at another date.
type shifted time.Duration

func (s shifted) Now() time.Time { return time.Now().UTC().Add(time.Duration(s)).Truncate(time.Millisecond) }

func shiftTo(moment string) (time.Duration, error) {
	t, err := time.Parse(time.RFC3339, moment)
	return time.Until(t), err
}

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"entente": func() {
		shift, _ := time.ParseDuration(os.Getenv(envShift))
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, shifted(shift)))
	}})
}

// The scripts in testdata/script are the command line's specification by example, one subject a file. Beside testscript's own they
// have these commands:
//
//	nodes STAGE                    makes ./nzl and ./jpn: made, paired or agreed
//	as SIDE/POST ARGS...           runs entente at a node as a post; it must succeed. With --json it prints one JSON value
//	refused EXIT CODE SIDE/POST ARGS...
//	                               it must fail with this status and code, say why and what next, in text and in JSON, and leave an
//	                               entry with the code in that node's national journals
//	fails EXIT CODE SIDE/POST ARGS...
//	                               the same without an entry: what a node never hears of
//	set NAME PATH                  takes a value out of the JSON just printed: releases.0.id
//	noted SIDE CODE                the side's national journals have an entry with this code
//	carry FROM TO                  packs a bundle, opens it, carries the answer back
//	clock MOMENT                   sets the clock of what follows
//	edit FILE OLD NEW              replaces the one occurrence of OLD
//	damage FILE truncate|flip|grow N
func TestScripts(t *testing.T) {
	made := &stages{dir: t.TempDir()}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true, UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			for name, text := range map[string]string{".pass": "the node's own", ".root": "the root's own"} {
				if err := os.WriteFile(filepath.Join(e.WorkDir, name), []byte(text), 0o600); err != nil {
					return err
				}
			}
			shift, err := shiftTo(exerciseTime)
			e.Setenv("ENTENTE_PASSPHRASE_FILE", filepath.Join(e.WorkDir, ".pass"))
			e.Setenv("ENTENTE_ROOT_PASSPHRASE_FILE", filepath.Join(e.WorkDir, ".root"))
			e.Setenv(envShift, shift.String())
			return errors.Join(err, os.CopyFS(filepath.Join(e.WorkDir, "exercise"), os.DirFS("../../examples/exercise")))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"nodes": func(ts *testscript.TestScript, neg bool, args []string) {
				need(ts, neg, len(args) == 1, "nodes made|paired|agreed")
				for side, dir := range made.get(ts, args[0]) {
					ts.Check(copyTree(dir, ts.MkAbs(side)))
				}
			},
			"as": func(ts *testscript.TestScript, neg bool, args []string) {
				need(ts, neg, len(args) > 1, "as SIDE/POST ARGS...")
				if err := act(ts, args[0], args[1:]...); err != nil {
					ts.Fatalf("%v", err)
				}
				if slices.Contains(args, "--json") {
					oneValue(ts)
				}
			},
			"refused": func(ts *testscript.TestScript, neg bool, args []string) {
				need(ts, neg, len(args) > 3, "refused EXIT CODE SIDE/POST ARGS...")
				side, _, _ := strings.Cut(args[2], "/")
				before := countNoted(ts, side, args[1])
				refusal(ts, args[0], args[1], args[2], args[3:])
				if after := countNoted(ts, side, args[1]); after <= before {
					ts.Fatalf("the refusal left no entry with %s in the national journals of %s", args[1], side)
				}
			},
			"fails": func(ts *testscript.TestScript, neg bool, args []string) {
				need(ts, neg, len(args) > 3, "fails EXIT CODE SIDE/POST ARGS...")
				refusal(ts, args[0], args[1], args[2], args[3:])
			},
			"set": func(ts *testscript.TestScript, neg bool, args []string) {
				need(ts, neg, len(args) == 2, "set NAME PATH")
				ts.Setenv(args[0], fmt.Sprint(at(ts, oneValue(ts), args[1])))
			},
			"noted": func(ts *testscript.TestScript, neg bool, args []string) {
				need(ts, false, len(args) == 2, "noted SIDE CODE")
				if got := countNoted(ts, args[0], args[1]) > 0; got == neg {
					ts.Fatalf("an entry with %s at %s: %v", args[1], args[0], got)
				}
			},
			"carry": func(ts *testscript.TestScript, neg bool, args []string) {
				need(ts, neg, len(args) == 2, "carry FROM TO")
				carry(ts, args[0], args[1])
			},
			"clock": func(ts *testscript.TestScript, neg bool, args []string) {
				need(ts, neg, len(args) == 1, "clock MOMENT")
				shift, err := shiftTo(args[0])
				ts.Check(err)
				ts.Setenv(envShift, shift.String())
			},
			"edit": func(ts *testscript.TestScript, neg bool, args []string) {
				need(ts, neg, len(args) == 3, "edit FILE OLD NEW")
				text := ts.ReadFile(args[0])
				if strings.Count(text, args[1]) != 1 {
					ts.Fatalf("%s has %q %d times", args[0], args[1], strings.Count(text, args[1]))
				}
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
			},
			"damage": func(ts *testscript.TestScript, neg bool, args []string) {
				need(ts, neg, len(args) == 3, "damage FILE truncate|flip|grow N")
				damage(ts, args[0], args[1], args[2])
			},
		},
	})
}

func need(ts *testscript.TestScript, neg, ok bool, usage string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", usage)
	}
}

// act runs entente at a node as a post.
func act(ts *testscript.TestScript, who string, args ...string) error {
	side, post, _ := strings.Cut(who, "/")
	all := []string{"--dir", ts.MkAbs(side)}
	if post != "" {
		all = append(all, "--as", post)
	}
	return ts.Exec("entente", append(all, args...)...)
}

// oneValue reads standard output as exactly one JSON value.
func oneValue(ts *testscript.TestScript) (v any) {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	d.UseNumber()
	ts.Check(d.Decode(&v))
	if _, err := d.Token(); err != io.EOF {
		ts.Fatalf("standard output holds more than one JSON value")
	}
	return v
}

// at follows a dotted path into a JSON value.
func at(ts *testscript.TestScript, v any, path string) any {
	for _, step := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			found, ok := x[step]
			if !ok {
				ts.Fatalf("%s: no %q in %v", path, step, x)
			}
			v = found
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(x) {
				ts.Fatalf("%s: no %q in a list of %d", path, step, len(x))
			}
			v = x[i]
		default:
			ts.Fatalf("%s: nothing below %v", path, v)
		}
	}
	return v
}

// refusal runs what must fail and reads what it says.
func refusal(ts *testscript.TestScript, status, code, who string, args []string) {
	err := act(ts, who, append(args, "--json")...)
	var exit *exec.ExitError
	if got := "0"; !errors.As(err, &exit) || strconv.Itoa(exit.ExitCode()) != status {
		if exit != nil {
			got = strconv.Itoa(exit.ExitCode())
		}
		ts.Fatalf("exit status %s, want %s", got, status)
	}
	v, _ := oneValue(ts).(map[string]any)
	f, ok := v["error"].(map[string]any)
	if !ok {
		f, ok = v["problem"].(map[string]any) // a report that was read and must not leave
	}
	if !ok || f["code"] != code || f["next"] == "" || f["next"] == nil || f["kind"] == "" {
		ts.Fatalf("want code %s and a next step, got %v", code, v)
	}
	told := ts.ReadFile("stderr")
	if !strings.Contains(told, code) || !strings.Contains(told, "\n  next   ") {
		ts.Fatalf("standard error does not say code and next step")
	}
	if kind := f["kind"]; kind != "internal" && !strings.Contains(told, "\n  why    ") && !strings.Contains(told, "\n  cause  ") {
		ts.Fatalf("standard error does not say why")
	}
	if f["kind"] == "refused" && f["rule"] == nil && f["article"] == nil && f["reason"] == nil {
		ts.Fatalf("a refusal without rule, article or reason: %v", f)
	}
}

// call asks a node as somebody, in this process or over its socket.
func call(dir, as, op string, req, resp any) error {
	ctx := context.Background()
	if err := api.Dial(filepath.Join(dir, node.SocketName), as).Call(ctx, op, req, resp); err == nil {
		return nil
	}
	n, err := node.Open(ctx, node.Config{Dir: dir, Passphrase: []byte("the node's own"), Version: "test", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer n.Close()
	return api.InProcess(n.Handler(), as).Call(ctx, op, req, resp)
}

// countNoted counts the entries with a code in the national journals of a side, as its auditor reads them.
func countNoted(ts *testscript.TestScript, side, code string) (n int) {
	dir := ts.MkAbs(side)
	if _, err := os.Stat(filepath.Join(dir, "node.toml")); err != nil {
		return 0
	}
	all, err := nationalEntries(dir)
	ts.Check(err)
	for _, e := range all {
		if e.Code == code {
			n++
		}
	}
	return n
}

func nationalEntries(dir string) (all []office.LeafView, err error) {
	var list office.JournalView
	if err := call(dir, "auditor", "journal.show", office.JournalReq{}, &list); err != nil {
		return nil, err
	}
	for _, j := range list.Journals {
		for from := uint64(0); ; {
			var page office.JournalView
			if err := call(dir, "auditor", "journal.show", office.JournalReq{Origin: j.Origin, From: from, Limit: 100}, &page); err != nil {
				return nil, err
			}
			for _, e := range page.Entries {
				if strings.HasPrefix(e.Type, "national.") {
					all = append(all, e)
				}
			}
			if from = page.Next; from == 0 {
				break
			}
		}
	}
	return all, nil
}

// carry takes a bundle from one side to the other, and the answer back until nothing is due.
func carry(ts *testscript.TestScript, from, to string) {
	file, answer := ts.MkAbs(from+".bundle"), ts.MkAbs(to+".answer")
	os.Remove(file)
	os.Remove(answer)
	for _, step := range [][]string{{from, "bundle", "pack", "-o", file}, {to, "bundle", "open", file, "-o", answer}} {
		if err := act(ts, step[0], step[1:]...); err != nil {
			ts.Fatalf("%v", err)
		}
	}
	if _, err := os.Stat(answer); err == nil {
		if err := act(ts, from, "bundle", "open", answer); err != nil {
			ts.Fatalf("%v", err)
		}
	}
}

func damage(ts *testscript.TestScript, file, how, number string) {
	n, err := strconv.Atoi(number)
	ts.Check(err)
	b := []byte(ts.ReadFile(file))
	switch how {
	case "truncate":
		b = b[:n]
	case "flip":
		b[n] ^= 1
	case "grow":
		b = append(b, make([]byte, n-len(b))...)
	default:
		ts.Fatalf("damage FILE truncate|flip|grow N")
	}
	ts.Check(os.WriteFile(ts.MkAbs(file), b, 0o600))
}

// stages are pairs of nodes made once, by the command line itself, and copied for every script.
type stages struct {
	dir  string
	mu   sync.Mutex
	made map[string]error
}

var sides = []string{"nzl", "jpn"}

// get returns the two directories of a stage.
func (s *stages) get(t interface{ Fatalf(string, ...any) }, stage string) map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made == nil {
		s.made = map[string]error{}
	}
	if _, ok := s.made[stage]; !ok {
		s.made[stage] = makePair(filepath.Join(s.dir, stage), stage)
	}
	if err := s.made[stage]; err != nil {
		t.Fatalf("making two nodes: %v", err)
	}
	out := map[string]string{}
	for _, side := range sides {
		out[side] = filepath.Join(s.dir, stage, side)
	}
	return out
}

// command runs the command line in this process.
type command struct {
	dir   string // where the passphrases are
	shift time.Duration
}

func (c command) run(side, post string, args ...string) (stdout string, err error) {
	all := []string{"--passphrase-file", filepath.Join(c.dir, ".pass"), "--dir", filepath.Join(c.dir, side), "--as", post}
	var out, told bytes.Buffer
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
