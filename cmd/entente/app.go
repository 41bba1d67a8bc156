package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"entente/errs"
	"entente/internal/api"
	"entente/internal/clock"
	"entente/internal/node"

	"golang.org/x/term"
)

// globals are the flags every command takes.
type globals struct {
	Dir            string `help:"Node directory." env:"ENTENTE_DIR" default:"." type:"path" placeholder:"DIR"`
	Post           string `help:"Alias of the post that acts." env:"ENTENTE_POST" placeholder:"POST"`
	JSON           bool   `help:"Print one JSON value instead of text." name:"json"`
	Lang           string `help:"Language of text: en or ja." env:"ENTENTE_LANG" enum:"en,ja" default:"en"`
	PassphraseFile string `help:"File that holds the passphrase of the node's keys." env:"ENTENTE_PASSPHRASE_FILE" placeholder:"FILE"`
	NoInput        bool   `help:"Never ask; fail instead."`
}

// app is what a command works with: the streams, the flags, the node.
type app struct {
	ctx    context.Context
	in     io.Reader
	out    io.Writer
	err    io.Writer
	clock  clock.Clock
	flags  *globals
	later  *bytes.Buffer // notes that wait for the answer to be written; nil while none is
	status int
}

// note talks to the person; it is never data. What is said while an answer is being written comes after it.
func (a *app) note(format string, args ...any) {
	if a.later != nil {
		fmt.Fprintf(a.later, format+"\n", args...)
		return
	}
	fmt.Fprintf(a.err, format+"\n", args...)
}

// print writes the answer: v as JSON, or the text that the function makes.
func (a *app) print(v any, text func(w io.Writer)) error {
	if a.flags.JSON {
		e := json.NewEncoder(a.out)
		e.SetEscapeHTML(false) // markings hold neither tags nor entities, and & and > are to be read
		return e.Encode(v)
	}
	w := bufio.NewWriter(a.out)
	a.later = new(bytes.Buffer)
	text(w)
	err := w.Flush()
	a.err.Write(a.later.Bytes())
	a.later = nil
	return err
}

// table is a grid that wraps its last column where standard output is a terminal.
func (a *app) table(w io.Writer) *grid {
	g := table(w)
	if f, ok := a.out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		g.columns, _, _ = term.GetSize(int(f.Fd()))
	}
	return g
}

// passphrase reads the passphrase named by flag and environment, or asks for it on the terminal.
func (a *app) passphrase(file, what string) ([]byte, error) {
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, &errs.Error{Kind: errs.Usage, Code: "cli.passphrase", Op: "read passphrase", Reason: "the passphrase file cannot be read", Err: err,
				Next: "name a readable file with --passphrase-file"}
		}
		p := []byte(strings.TrimRight(string(b), "\r\n"))
		if len(p) == 0 {
			return nil, &errs.Error{Kind: errs.Usage, Code: "cli.passphrase", Op: "read passphrase", Subject: file, Reason: "the passphrase file is empty",
				Next: "write the passphrase into it, on one line"}
		}
		return p, nil
	}
	f, ok := a.in.(*os.File)
	if a.flags.NoInput || !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, &errs.Error{Kind: errs.Usage, Code: "cli.passphrase", Op: "read passphrase",
			Reason: "no passphrase given and no terminal to ask on", Next: "set ENTENTE_PASSPHRASE_FILE or pass --passphrase-file"}
	}
	fmt.Fprintf(a.err, "passphrase for %s: ", what)
	p, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(a.err)
	if err != nil {
		return nil, &errs.Error{Kind: errs.Usage, Code: "cli.passphrase", Op: "read passphrase", Err: err}
	}
	return p, nil
}

// withNode calls do with a client of the node: the running process if there is one, else the node opened here for the
// length of the call. Both take the same lock, so the two never overlap.
func (a *app) withNode(do func(*api.Client) error) error {
	socket := filepath.Join(a.flags.Dir, node.SocketName)
	if _, err := os.Stat(socket); err == nil {
		c := api.Dial(socket, a.flags.Post)
		err := do(c)
		if errs.CodeOf(err) != "api.unreachable" {
			return err
		}
		// A socket without a listener is what a killed node leaves behind; the lock decides who may go on.
	}
	pass, err := a.passphrase(a.flags.PassphraseFile, "the node's keys")
	if err != nil {
		return err
	}
	// What is refused is explained to the person who asks; only what they would not learn otherwise is logged.
	logger := slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelError}))
	n, err := node.Open(a.ctx, node.Config{Dir: a.flags.Dir, Passphrase: pass, Version: version, Clock: a.clock, Logger: logger})
	if err != nil {
		return err
	}
	defer n.Close()
	return do(api.InProcess(n.Handler(), a.flags.Post))
}

// call runs one operation of the node.
func (a *app) call(op string, req, resp any) error {
	return a.withNode(func(c *api.Client) error { return c.Call(a.ctx, op, req, resp) })
}

// readFile reads a file a person named, at most max bytes.
func readFile(path string, max int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, &errs.Error{Kind: errs.Usage, Code: "cli.file", Op: "read file", Subject: path, Reason: "it cannot be read", Err: err, Next: "check the path"}
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, max+1))
	if err != nil {
		return nil, &errs.Error{Kind: errs.Usage, Code: "cli.file", Op: "read file", Subject: path, Reason: "it cannot be read", Err: err}
	}
	if int64(len(b)) > max {
		return nil, &errs.Error{Kind: errs.Invalid, Code: "cli.file.size", Op: "read file", Subject: path,
			Reason: fmt.Sprintf("it is larger than %d bytes", max),
			Next:   "check that this is the right file"}
	}
	return b, nil
}

// writeFile writes data that is handed to somebody else. It never overwrites: a file that exists may be the only copy.
func writeFile(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return &errs.Error{Kind: errs.Usage, Code: "cli.file", Op: "write file", Subject: path, Reason: "it cannot be made", Err: err, Next: "name a file that does not exist yet"}
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return &errs.Error{Kind: errs.Unavailable, Code: "cli.file", Op: "write file", Subject: path, Err: err}
	}
	return nil
}
