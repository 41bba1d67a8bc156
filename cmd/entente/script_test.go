package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"entente/internal/api"
	"entente/internal/clock"
	"entente/internal/node"
	"entente/internal/office"
)

// The exercise has dates of its own, so that scripts run at its time and not at the machine's.
const exerciseTime = "2026-06-01T08:00:00Z"

const (
	envCommand = "ENTENTE_TEST_COMMAND" // set: this process is the command line and no test
	envShift   = "ENTENTE_TEST_SHIFT"   // how far its clock stands from the machine's, as a Go duration
)

// shifted is the machine's clock at another date.
type shifted time.Duration

func (s shifted) Now() time.Time {
	return time.Now().UTC().Add(time.Duration(s)).Truncate(time.Millisecond)
}

func shiftTo(moment string) (time.Duration, error) {
	t, err := time.Parse(time.RFC3339, moment)
	return time.Until(t), err
}

func TestMain(m *testing.M) {
	if os.Getenv(envCommand) != "" {
		shift, _ := time.ParseDuration(os.Getenv(envShift))
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, shifted(shift)))
	}
	code := m.Run()
	os.RemoveAll(built.dir)
	os.Exit(code)
}

// The scripts in testdata/script are the command line's specification by example, one subject a file: commands, then the files they
// start from (txtar: "-- name --"). Each runs in a directory of its own, which holds a copy of examples/exercise. A word is ended by
// a space, 'quoted' to hold one; $NAME is replaced. The commands:
//
//	entente ARGS...                runs the command line; it must succeed (with !, fail)
//	nodes STAGE [PREFIX]           makes ./nzl and ./jpn: made, paired or agreed; with a prefix, another pair
//	as SIDE/POST ARGS...           runs entente at a node as a post; it must succeed. With --json it prints one JSON value
//	refused EXIT CODE SIDE/POST ARGS...
//	                               it must fail with this status and code, say why and what next, in text and in JSON, and leave an
//	                               entry with the code in that node's national journals
//	fails EXIT CODE SIDE/POST ARGS...
//	                               the same without an entry: what a node never hears of
//	exits EXIT ARGS...             runs entente; it must end with this status
//	stdout RE, stderr RE           what the last run printed matches (with !, does not)
//	set NAME PATH                  takes a value out of the JSON just printed: releases.0.id
//	noted SIDE CODE                the side's national journals have an entry with this code (with !, have none)
//	carry FROM TO                  packs a bundle, opens it, carries the answer back
//	clock MOMENT                   sets the clock of what follows
//	env NAME VALUE, copy FROM TO, remove NAME, exists NAME (with !, not), grep RE FILE
//	golden FILE                    the last standard output is FILE (below testdata/golden; UPDATE_GOLDEN=1 writes it)
//	edit FILE OLD NEW              replaces the one occurrence of OLD; \n is a new line
//	damage FILE truncate|flip|grow N
//	sql SIDE STATEMENT             changes a node's database behind its back
func TestScripts(t *testing.T) {
	made := &stages{dir: t.TempDir()}
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			newScript(t, made).play(file)
		})
	}
}

// script is one script that runs.
type script struct {
	*testing.T
	made           *stages
	dir            string
	env            map[string]string
	seen           map[string]*national // what the sides' national journals said when last read
	stdout, stderr string
	at             string // file and line, for what fails
}

func newScript(t *testing.T, made *stages) *script {
	ts := &script{T: t, made: made, dir: t.TempDir(), seen: map[string]*national{}, env: map[string]string{envCommand: "1", "HOME": "/no-home", "TZ": "Asia/Tokyo"}}
	for name, text := range map[string]string{".pass": "the node's own", ".root": "the root's own"} {
		ts.check(os.WriteFile(ts.abs(name), []byte(text), 0o600))
	}
	ts.env["ENTENTE_PASSPHRASE_FILE"], ts.env["ENTENTE_ROOT_PASSPHRASE_FILE"] = ts.abs(".pass"), ts.abs(".root")
	ts.clock(exerciseTime)
	ts.check(os.CopyFS(ts.abs("exercise"), os.DirFS("../../examples/exercise")))
	return ts
}

// now is the script's clock.
func (ts *script) now() clock.Clock {
	shift, err := time.ParseDuration(ts.env[envShift])
	ts.check(err)
	return shifted(shift)
}

func (ts *script) fail(format string, args ...any) {
	ts.Helper()
	short := func(s string) string { return s[:min(len(s), 3000)] }
	ts.Fatalf("%s: %s\n--- stdout\n%s\n--- stderr\n%s", ts.at, short(fmt.Sprintf(format, args...)), short(ts.stdout), short(ts.stderr))
}

func (ts *script) check(err error) {
	ts.Helper()
	if err != nil {
		ts.fail("%v", err)
	}
}

func (ts *script) abs(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(ts.dir, name)
}

func (ts *script) read(name string) string {
	b, err := os.ReadFile(ts.abs(name))
	ts.check(err)
	return string(b)
}

func (ts *script) clock(moment string) {
	shift, err := shiftTo(moment)
	ts.check(err)
	ts.env[envShift] = shift.String()
}

// play reads a script, writes its files and runs its lines.
func (ts *script) play(file string) {
	raw, err := os.ReadFile(file)
	ts.check(err)
	header := regexp.MustCompile(`(?m)^-- (\S+) --\n`)
	text := string(raw)
	marks := header.FindAllStringSubmatchIndex(text, -1)
	for i, m := range marks {
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		name := ts.abs(text[m[2]:m[3]])
		ts.check(os.MkdirAll(filepath.Dir(name), 0o700))
		ts.check(os.WriteFile(name, []byte(text[m[1]:end]), 0o600))
	}
	if len(marks) > 0 {
		text = text[:marks[0][0]]
	}
	for i, line := range strings.Split(text, "\n") {
		ts.at = fmt.Sprintf("%s:%d: %s", filepath.Base(file), i+1, line)
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			words := ts.words(line)
			neg := words[0] == "!"
			if neg {
				words = words[1:]
			}
			ts.step(neg, words[0], words[1:])
		}
	}
}

// words splits a line and replaces $NAME, outside quotes and inside.
func (ts *script) words(line string) (out []string) {
	var word strings.Builder
	quoted, any := false, false
	for _, r := range line + " " {
		switch {
		case r == '\'':
			quoted, any = !quoted, true
		case r == ' ' && !quoted:
			if any {
				out = append(out, os.Expand(word.String(), func(name string) string {
					if v, ok := ts.env[name]; ok {
						return v
					}
					return "$" + name // the end of a regular expression
				}))
			}
			any = false
			word.Reset()
		default:
			any = true
			word.WriteRune(r)
		}
	}
	return out
}

// step runs one line.
func (ts *script) step(neg bool, name string, args []string) {
	ts.Helper()
	need := func(n int) {
		ts.Helper()
		if len(args) < n {
			ts.fail("%s needs %d words", name, n)
		}
	}
	may := neg
	switch name {
	case "entente":
		if err := ts.exec(args...); (err != nil) != neg {
			ts.fail("%v", err)
		}
		may = false
	case "nodes":
		need(1)
		prefix := strings.Join(args[1:], "")
		for side, dir := range ts.made.get(ts, args[0], prefix) {
			ts.check(os.RemoveAll(ts.abs(prefix + side)))
			delete(ts.seen, prefix+side)
			ts.check(copyTree(dir, ts.abs(prefix+side)))
		}
	case "as":
		need(2)
		if err := ts.act(args[0], args[1:]...); err != nil {
			ts.fail("%v", err)
		}
		if slices.Contains(args, "--json") {
			ts.value()
		}
	case "refused":
		need(4)
		side, _, _ := strings.Cut(args[2], "/")
		before := ts.known(side).codes[args[1]]
		ts.refusal(args[0], args[1], args[2], args[3:])
		if ts.noted(side, args[1]) <= before {
			ts.fail("the refusal left no entry with %s in the national journals of %s", args[1], side)
		}
	case "fails":
		need(4)
		clear(ts.seen)
		ts.refusal(args[0], args[1], args[2], args[3:])
	case "exits":
		need(1)
		clear(ts.seen) // what failed may have been noted
		if got := status(ts.exec(args[1:]...)); got != args[0] {
			ts.fail("exit status %s", got)
		}
	case "stdout", "stderr", "grep":
		need(1)
		text := ts.stdout
		if name == "stderr" {
			text = ts.stderr
		} else if name == "grep" {
			need(2)
			text = ts.read(args[1])
		}
		if re := regexp.MustCompile("(?m)" + args[0]); re.MatchString(text) == neg {
			ts.fail("%s: match %v", args[0], !neg)
		}
		may = false
	case "exists":
		need(1)
		if _, err := os.Stat(ts.abs(args[0])); (err != nil) != neg {
			ts.fail("exists: %v", err)
		}
		may = false
	case "noted":
		need(2)
		if got := ts.noted(args[0], args[1]) > 0; got == neg {
			ts.fail("an entry with %s at %s: %v", args[1], args[0], got)
		}
		may = false
	case "set":
		need(2)
		ts.env[args[0]] = fmt.Sprint(ts.find(ts.value(), args[1]))
	case "carry":
		need(2)
		ts.carry(args[0], args[1])
	case "clock":
		need(1)
		ts.clock(args[0])
	case "env":
		need(2)
		ts.env[args[0]] = args[1]
	case "copy":
		need(2)
		clear(ts.seen)
		ts.check(copyTree(ts.abs(args[0]), ts.abs(args[1])))
	case "remove":
		need(1)
		ts.check(os.RemoveAll(ts.abs(args[0])))
	case "golden":
		need(1)
		golden(ts.T, args[0], ts.stdout)
	case "edit":
		need(3)
		text := ts.read(args[0])
		args[1], args[2] = strings.ReplaceAll(args[1], `\n`, "\n"), strings.ReplaceAll(args[2], `\n`, "\n")
		if n := strings.Count(text, args[1]); n != 1 {
			ts.fail("%q stands %d times", args[1], n)
		}
		ts.check(os.WriteFile(ts.abs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
	case "damage":
		need(3)
		ts.damage(args[0], args[1], args[2])
	case "sql":
		need(2)
		db, err := sql.Open("sqlite", "file:"+filepath.Join(ts.abs(args[0]), "entente.db"))
		ts.check(err)
		_, err = db.Exec(args[1])
		ts.check(errors.Join(err, db.Close()))
	default:
		ts.fail("no such command")
	}
	if may {
		ts.fail("%s takes no !", name)
	}
}

// exec runs this test binary as the command line.
func (ts *script) exec(args ...string) error {
	self, err := os.Executable()
	ts.check(err)
	cmd := exec.Command(self, args...)
	cmd.Dir = ts.dir
	for k, v := range ts.env {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	var out, told bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &told
	err = cmd.Run()
	ts.stdout, ts.stderr = out.String(), told.String()
	return err
}

// status is an exit status as text; "0" for nil, "-1" for what did not run or was killed.
func status(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "0"
	case errors.As(err, &exit):
		return strconv.Itoa(exit.ExitCode())
	}
	return "-1"
}

// golden compares with a file below testdata/golden.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "golden", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (UPDATE_GOLDEN=1 writes it anew):\n%s", name, got)
	}
}

// act runs entente at a node as a post.
func (ts *script) act(who string, args ...string) error {
	side, post, _ := strings.Cut(who, "/")
	all := []string{"--dir", ts.abs(side)}
	if post != "" {
		all = append(all, "--post", post)
	}
	return ts.exec(append(all, args...)...)
}

// value reads standard output as exactly one JSON value.
func (ts *script) value() (v any) {
	d := json.NewDecoder(strings.NewReader(ts.stdout))
	d.UseNumber()
	ts.check(d.Decode(&v))
	if _, err := d.Token(); err != io.EOF {
		ts.fail("standard output holds more than one JSON value")
	}
	return v
}

// find follows a dotted path into a JSON value.
func (ts *script) find(v any, path string) any {
	for _, step := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			found, ok := x[step]
			if !ok {
				ts.fail("%s: no %q in %v", path, step, x)
			}
			v = found
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(x) {
				ts.fail("%s: no %q in a list of %d", path, step, len(x))
			}
			v = x[i]
		default:
			ts.fail("%s: nothing below %v", path, v)
		}
	}
	return v
}

// refusal runs what must fail and reads what it says.
func (ts *script) refusal(want, code, who string, args []string) {
	err := ts.act(who, append(args, "--json")...)
	if got := status(err); got != want {
		ts.fail("exit status %s, want %s", got, want)
	}
	v, _ := ts.value().(map[string]any)
	f, ok := v["error"].(map[string]any)
	if !ok {
		f, ok = v["problem"].(map[string]any) // a report that was read and must not leave
	}
	if !ok || f["code"] != code || f["next"] == "" || f["next"] == nil || f["kind"] == "" {
		ts.fail("want code %s and a next step, got %v", code, v)
	}
	told := ts.stderr
	if !strings.Contains(told, code) || !strings.Contains(told, "\n  next   ") {
		ts.fail("standard error does not say code and next step")
	}
	if kind := f["kind"]; kind != "internal" && !strings.Contains(told, "\n  why    ") && !strings.Contains(told, "\n  cause  ") {
		ts.fail("standard error does not say why")
	}
	if f["kind"] == "refused" && f["rule"] == nil && f["article"] == nil && f["reason"] == nil {
		ts.fail("a refusal without rule, article or reason: %v", f)
	}
}

// alone keeps every process from being started until what it returns is called. A directory's lock belongs to an open file, and a
// process that is just being started holds what its parent had open until it becomes another program: it would keep a
// directory locked that this process has closed.
func alone() func() {
	syscall.ForkLock.RLock()
	return syscall.ForkLock.RUnlock
}

// asNode opens a node in this process, or dials the one that runs, and hands a client to do.
func asNode(dir string, clock clock.Clock, do func(c *api.Client) error) error {
	socket := filepath.Join(dir, node.SocketName)
	if _, err := os.Stat(socket); err == nil {
		return do(api.Dial(socket, ""))
	}
	defer alone()()
	n, err := node.Open(context.Background(), node.Config{Dir: dir, Passphrase: []byte("the node's own"), Version: "test", Clock: clock, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer n.Close()
	return do(api.InProcess(n.Handler(), ""))
}

// national is what a side's national journals have said so far.
type national struct {
	next  map[string]uint64 // by origin: the first index not read yet
	codes map[string]int    // entries by code
}

// known is what a side's national journals said when they were last read; they are read now if they never were.
func (ts *script) known(side string) *national {
	if ts.seen[side] == nil {
		ts.seen[side] = &national{map[string]uint64{}, map[string]int{}}
		ts.noted(side, "")
	}
	return ts.seen[side]
}

// noted reads on in a side's national journals, as its auditor does, and counts the entries with a code.
func (ts *script) noted(side, code string) int {
	n := ts.known(side)
	if _, err := os.Stat(filepath.Join(ts.abs(side), "node.toml")); err == nil {
		ts.check(asNode(ts.abs(side), ts.now(), func(c *api.Client) error { return n.read(c.As("auditor")) }))
	}
	return n.codes[code]
}

func (n *national) read(c *api.Client) error {
	var list office.JournalView
	if err := c.Call(context.Background(), "journal.show", office.JournalReq{}, &list); err != nil {
		return err
	}
	for _, j := range list.Journals {
		for n.next[j.Origin] < j.Size {
			var page office.JournalView
			if err := c.Call(context.Background(), "journal.show", office.JournalReq{Origin: j.Origin, From: n.next[j.Origin], Limit: 100}, &page); err != nil {
				return err
			}
			for _, e := range page.Entries {
				n.next[j.Origin] = e.Index + 1
				if strings.HasPrefix(e.Type, "national.") {
					n.codes[e.Code]++
				}
			}
		}
	}
	return nil
}

// carry takes a bundle from one side to the other, and the answer back until nothing is due.
func (ts *script) carry(from, to string) {
	file, answer := ts.abs(from+".bundle"), ts.abs(to+".answer")
	os.Remove(file)
	os.Remove(answer)
	for _, step := range [][]string{{from, "bundle", "pack", "-o", file}, {to, "bundle", "open", file, "-o", answer}} {
		if err := ts.act(step[0], step[1:]...); err != nil {
			ts.fail("%v", err)
		}
	}
	if _, err := os.Stat(answer); err == nil {
		if err := ts.act(from, "bundle", "open", answer); err != nil {
			ts.fail("%v", err)
		}
	}
}

func (ts *script) damage(file, how, number string) {
	n, err := strconv.Atoi(number)
	ts.check(err)
	b := []byte(ts.read(file))
	switch how {
	case "truncate":
		b = b[:n]
	case "flip":
		b[n] ^= 1
	case "grow":
		b = append(b, make([]byte, n-len(b))...)
	default:
		ts.fail("damage FILE truncate|flip|grow N")
	}
	ts.check(os.WriteFile(ts.abs(file), b, 0o600))
}
