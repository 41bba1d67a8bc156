// Command entente is a node that carries out information-security agreements between sovereign parties, and the
// command line of the people who work at it.
//
// Data goes to standard output, talk to standard error. With --json the data is one JSON value, also for a failure.
// Exit status: 0 done; 1 a defect or an unexpected failure; 2 wrong usage or malformed input; 3 refused by a rule of
// agreement, policy or delegation; 4 not found; 5 bytes contradict what was recorded or signed; 6 not possible now, try
// again; 7 durable storage failed, the node has stopped.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"entente/errs"
	"entente/internal/api"
	"entente/internal/clock"

	"github.com/alecthomas/kong"
)

// version is set by the build.
var version = "0.1.0-dev"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, clock.Real{})) }

// exitStatus maps a kind to the exit status. This is the one mapping of this edge.
func exitStatus(err error) int {
	if err == nil {
		return 0
	}
	switch errs.KindOf(err) {
	case errs.Usage, errs.Invalid:
		return 2
	case errs.Refused, errs.Withheld, errs.Quota:
		return 3
	case errs.NotFound:
		return 4
	case errs.Conflict, errs.Integrity:
		return 5
	case errs.Unavailable:
		return 6
	case errs.Fatal:
		return 7
	}
	return 1
}

// run is the command line: what main does, with streams and clock given.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, now clock.Clock) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var cli commands
	app := &app{ctx: ctx, in: stdin, out: stdout, err: stderr, clock: now, flags: &cli.globals}
	exited := -1
	parser, err := kong.New(&cli, kong.Name("entente"),
		kong.Description(description),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code; panic(exitNow{}) }), kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Vars{"version": version}, kong.Bind(app))
	if err != nil {
		fmt.Fprintln(stderr, "entente:", err) // the grammar itself is wrong
		return 1
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	kctx, err := parseGuarded(parser, args, &exited)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		app.misused(args, err)
		return 2
	}
	if err := kctx.Run(app); err != nil {
		app.fail(err)
		return exitStatus(err)
	}
	return app.status
}

// misused says what was wrong with the command line. Flags may not have been read, so --json and --lang are looked for as typed.
func (a *app) misused(args []string, err error) {
	path := ""
	var perr *kong.ParseError
	if errors.As(err, &perr) && perr.Context != nil {
		path = commandPath(perr.Context)
	}
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	a.flags.JSON = a.flags.JSON || slices.Contains(args, "--json")
	if slices.Contains(args, "--lang=ja") || strings.Contains(strings.Join(args, " ")+" ", "--lang ja ") || os.Getenv("ENTENTE_LANG") == "ja" {
		a.flags.Lang = "ja"
	}
	a.fail(&errs.Error{Kind: errs.Usage, Code: "cli.usage", Op: "cli.parse", Reason: err.Error(), Next: strings.Join(strings.Fields("entente "+path+" --help"), " ")})
}

type exitNow struct{}

func parseGuarded(p *kong.Kong, args []string, exited *int) (c *kong.Context, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ok := r.(exitNow); !ok {
				panic(r)
			}
		}
	}()
	return p.Parse(args)
}

func commandPath(c *kong.Context) string {
	if n := c.Selected(); n != nil {
		return n.Path()
	}
	return ""
}

// fail says what, why and next on standard error, and with --json the same as data on standard output.
func (a *app) fail(err error) {
	f := api.FailureOf(err).In(a.flags.Lang)
	if a.flags.JSON {
		a.print(map[string]any{"error": f}, nil)
	}
	a.explain(f)
}

// partly is for an answer that holds a problem beside its data, or none: the problem decides the exit status, is put into the
// person's words, and is explained by the function returned, after the data.
func (a *app) partly(f *api.Failure) func() {
	if f == nil {
		return func() {}
	}
	a.status = exitStatus(f.Err())
	*f = f.In(a.flags.Lang)
	return func() { a.explain(*f) }
}

// explain writes a failure for the person: its head, then why, on what ground, and what to do.
func (a *app) explain(f api.Failure) {
	head := "entente: " + a.word(f.Kind) + ": " + f.Code
	if f.Subject != "" {
		head += " (" + f.Subject + ")"
	}
	fmt.Fprintln(a.err, plain(head))
	for _, l := range [][2]string{
		{a.say("why", "理由"), f.Reason},
		{a.say("rule", "根拠"), strings.Trim(f.Rule+", "+f.Article, ", ")},
		{a.say("cause", "詳細"), f.Cause},
		{a.say("next", "次に"), f.Next},
	} {
		if l[1] != "" {
			fmt.Fprintf(a.err, "  %s %s\n", pad(l[0], 6), plain(l[1]))
		}
	}
}

// say picks the words of the person's language.
func (a *app) say(en, ja string) string {
	if a.flags.Lang == "ja" {
		return ja
	}
	return en
}
