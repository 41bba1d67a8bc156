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
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"entente/errs"
	"entente/internal/api"

	"github.com/alecthomas/kong"
)

// version is set by the build.
var version = "0.1.0-dev"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

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

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	app := &app{ctx: ctx, in: stdin, out: stdout, err: stderr}
	var cli commands
	exited := -1
	parser, err := kong.New(&cli, kong.Name("entente"),
		kong.Description("A sovereign node for sharing what must be protected, under an agreement both sides signed."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { exited = code; panic(exitNow{}) }), kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.Vars{"version": version}, kong.Bind(app))
	if err != nil {
		fmt.Fprintln(stderr, "entente:", err)
		return 1
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	defer func() {}()
	kctx, err := parseGuarded(parser, args, &exited)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		var perr *kong.ParseError
		if errors.As(err, &perr) && perr.Context != nil {
			fmt.Fprintf(stderr, "entente: %v\ntry: entente %s --help\n", err, strings.TrimSpace(commandPath(perr.Context)))
		} else {
			fmt.Fprintf(stderr, "entente: %v\n", err)
		}
		return 2
	}
	app.flags = &cli.globals
	if err := kctx.Run(app); err != nil {
		app.fail(err)
		return exitStatus(err)
	}
	return app.status
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
	f := api.FailureOf(err)
	if a.flags.JSON {
		json.NewEncoder(a.out).Encode(map[string]any{"error": f})
	}
	head := f.Kind
	if f.Kind == "refused" || f.Kind == "quota" {
		head = a.say("refused", "拒否")
	}
	fmt.Fprintf(a.err, "entente: %s: %s", head, f.Code)
	if f.Subject != "" {
		fmt.Fprintf(a.err, " (%s)", f.Subject)
	}
	fmt.Fprintln(a.err)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(a.err, "  %-9s %s\n", name, text)
		}
	}
	line(a.say("why", "理由"), f.Reason)
	rule := f.Rule
	if f.Article != "" {
		rule = strings.Trim(rule+", "+f.Article, ", ")
	}
	line(a.say("rule", "根拠"), rule)
	line(a.say("cause", "原因"), f.Cause)
	line(a.say("next", "次に"), f.Next)
}

// say picks the words of the person's language.
func (a *app) say(en, ja string) string {
	if a.flags != nil && a.flags.Lang == "ja" {
		return ja
	}
	return en
}
