package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"entente/internal/office"
)

type reportCmd struct {
	Check   reportCheckCmd   `cmd:"" help:"Say where a report or its sheet breaks a rule, and what each portion's mark allows."`
	Preview reportPreviewCmd `cmd:"" help:"Show the release version as a partner would see it, and what is withheld, and why."`
}

type reportArgs struct {
	Report string `arg:"" type:"path" help:"Portion-marked report (Markdown)."`
	Sheet  string `type:"path" help:"Release sheet (TOML) by the originator. Default: the sheet beside the report, if there is one."`
}

// read returns the report and its sheet. Without --sheet it looks for NAME.release.toml beside the report and in
// ../sheets, where the exercise keeps them, under the part of the name before the first dash.
func (r *reportArgs) read() (report, sheet []byte, err error) {
	if report, err = readFile(r.Report, 1<<20); err != nil {
		return nil, nil, err
	}
	path := r.Sheet
	if path == "" {
		base := strings.TrimSuffix(filepath.Base(r.Report), filepath.Ext(r.Report))
		short, _, _ := strings.Cut(base, "-")
		dir := filepath.Dir(r.Report)
		for _, try := range []string{filepath.Join(dir, base+".release.toml"), filepath.Join(dir, "..", "sheets", short+".release.toml")} {
			if m, _ := filepath.Glob(try); len(m) == 1 {
				path = try
				break
			}
		}
	}
	if path != "" {
		sheet, err = readFile(path, 1<<18)
	}
	return report, sheet, err
}

func (a *app) printReport(v *office.ReportView, preview bool) error {
	defer a.partly(v.Problem)()
	return a.print(v, func(w io.Writer) {
		strip(w, v.Realm)
		fmt.Fprintf(w, "%s  %s: %s\n\n", v.Serial, a.say("roll-up of the original", "原本の総合標記"), v.Banner)
		t := a.table(w)
		for _, f := range v.Findings {
			where := f.Portion
			if f.Line > 0 {
				where = strings.TrimSpace(where + " " + fmt.Sprintf(a.say("line %d", "%d行目"), f.Line))
			}
			if where == "" {
				where = a.say("report", "報告全体")
			}
			fmt.Fprintf(t, "%s\t%s\t%s: %s\n", a.word(f.Outcome), where, f.Code, f.Text)
		}
		if len(v.Findings) > 0 {
			fmt.Fprintln(t)
		}
		t.Flush()
		a.printPortions(w, v.Portions)
		fmt.Fprintf(w, a.say("\n%d portions shown, %d withheld\n", "\n提供 %d 件、提供せず %d 件\n"), v.Disclosed, v.Withheld)
		if !v.OK {
			fmt.Fprintln(w, a.say("as it stands, nothing of this report may leave", "このままでは、この報告から何も提供できません"))
		}
		if preview && v.Preview != "" {
			fmt.Fprintf(w, "\n%s\n", v.Preview)
		}
	})
}

// printPortions shows what happens to each portion. Header fields without a mark never travel: they share one line.
func (a *app) printPortions(w io.Writer, portions []office.PortionView) {
	t := a.table(w)
	fmt.Fprintln(t, a.say("PORTION\tMARK\tDECISION\tWHY", "部分\t標記\t判定\t理由"))
	header := 0
	for _, p := range portions {
		if p.Code == codeHeader {
			header++
		}
	}
	for _, p := range portions {
		switch {
		case p.Code == codeHeader && header == 0: // counted in the line of the first
		case p.Code == codeHeader:
			fmt.Fprintf(t, a.say("header (%d fields)", "標題部(%d欄)")+"\t\t%s\t%s\n", header, a.say("withheld", "提供せず"), p.Reason)
			header = 0
		case p.Shown && p.Number == 0:
			fmt.Fprintf(t, "%s\t%s\t%s\n", p.ID, p.Mark, a.say("shown as title", "標題として提供"))
		case p.Shown:
			fmt.Fprintf(t, "%s\t%s\t%s %d\n", p.ID, p.Mark, a.say("shown as", "提供"), p.Number)
		default:
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", p.ID, p.Mark, a.say("withheld", "提供せず"), p.Reason+bracketed(strings.Trim(p.Rule+", "+p.Article, ", ")))
		}
	}
	t.Flush()
}

// codeHeader is the code of a header field without a mark.
const codeHeader = "release.header.withheld"

type reportCheckCmd struct {
	reportArgs
	To string `name:"as" aliases:"to" placeholder:"PARTY" help:"Party that would receive (default: the only partner)."`
}

func (c *reportCheckCmd) Run(a *app) error {
	report, sheet, err := c.read()
	if err != nil {
		return err
	}
	var v office.ReportView
	if err := a.call("report.check", office.ReportReq{Report: report, Sheet: sheet, To: c.To, Lang: a.flags.Lang}, &v); err != nil {
		return err
	}
	return a.printReport(&v, false)
}

type reportPreviewCmd struct {
	reportArgs
	To string `name:"as" aliases:"to" placeholder:"PARTY" help:"Party as which to look (default: the only partner)."`
}

func (c *reportPreviewCmd) Run(a *app) error {
	report, sheet, err := c.read()
	if err != nil {
		return err
	}
	var v office.ReportView
	if err := a.call("report.check", office.ReportReq{Report: report, Sheet: sheet, To: c.To, Lang: a.flags.Lang}, &v); err != nil {
		return err
	}
	return a.printReport(&v, true)
}

type releaseCmd struct {
	Propose releaseProposeCmd `cmd:"" help:"Register a report as original and propose its release version (author)."`
	Show    releaseShowCmd    `cmd:"" help:"Show a release: final version, decision, every rule."`
	Approve releaseApproveCmd `cmd:"" help:"Approve a release (release officer with a delegation)."`
	Stop    releaseStopCmd    `cmd:"" help:"Stop a release before it is dispatched."`
	List    releaseListCmd    `cmd:"" help:"List releases and how far each has come."`
}

func (releaseCmd) Help() string {
	return "From a report to its dispatch:\n" +
		"  entente --post analyst report preview report.md\n" +
		"  entente --post analyst release propose report.md --to JPN\n" +
		"  entente --post release-officer release show ID\n" +
		"  entente --post release-officer release approve ID --hold 300\n" +
		"  entente --post release-officer release stop ID --reason \"...\"     until then"
}

type releaseProposeCmd struct {
	reportArgs
	To string `required:"" help:"Party to release to."`
}

func (c *releaseProposeCmd) Run(a *app) error {
	report, sheet, err := c.read()
	if err != nil {
		return err
	}
	var v office.ReleaseView
	if err := a.call("release.propose", office.ReportReq{Report: report, Sheet: sheet, To: c.To, Lang: a.flags.Lang}, &v); err != nil {
		return err
	}
	return a.print(&v, func(w io.Writer) {
		fmt.Fprintf(w, "%s  %s  %s\n", v.ID, v.Banner, v.Title)
		fmt.Fprintf(w, a.say("proposed: %d portions shown, %d withheld; nothing has left\n", "提案済み: 提供 %d 件、提供せず %d 件。まだ何も送達していません\n"), v.Disclosed, v.Withheld)
		a.note("%s", a.say("next: a release officer runs entente release show "+v.ID+", then release approve "+v.ID,
			"次に: 提供決定者が release show、release approve "+v.ID))
	})
}

type releaseID struct {
	ID string `arg:"" help:"Release id, or its first digits."`
}

type releaseShowCmd struct{ releaseID }

func (c *releaseShowCmd) Run(a *app) error {
	var v office.ReleaseView
	if err := a.call("release.show", office.ReleaseReq{ID: c.ID, Lang: a.flags.Lang}, &v); err != nil {
		return err
	}
	return a.print(&v, func(w io.Writer) {
		strip(w, v.Realm)
		fmt.Fprintf(w, "%s  %s  %s\n%s -> %s  %s\n\n", v.ID, a.word(v.State), v.Reference, v.Serial, v.To, v.Banner)
		a.printPortions(w, v.Portions)
		fmt.Fprintln(w)
		t := a.table(w)
		fmt.Fprintln(t, a.say("DECISION\tRULE\tARTICLE\tWHY", "判定\t規則\t根拠\t理由"))
		for _, f := range v.Findings {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", a.word(f.Outcome), f.Rule, f.Article, f.Text)
			if f.Change != "" && f.Outcome != "allow" {
				fmt.Fprintf(t, "\t\t\t%s: %s\n", a.say("would change", "変わる条件"), f.Change)
			}
		}
		t.Flush()
		fmt.Fprintf(w, "\n%s\n", v.Preview)
	})
}

// bracketed puts what is there into brackets behind a space.
func bracketed(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

type releaseApproveCmd struct {
	releaseID
	Hold int `default:"30" help:"Seconds between approval and dispatch, in which the release can be stopped."`
}

func (c *releaseApproveCmd) Run(a *app) error {
	var v office.ReleaseView
	if err := a.call("release.approve", office.ReleaseReq{ID: c.ID, Hold: c.Hold, Lang: a.flags.Lang}, &v); err != nil {
		return err
	}
	return a.print(&v, func(w io.Writer) {
		fmt.Fprintf(w, "%s  %s  %s\n", v.ID, a.word(v.State), v.Banner)
		if v.Dispatch != nil {
			fmt.Fprintf(w, a.say("leaves after %s unless stopped: entente release stop %s\n", "%s 以後に送達します。中止: entente release stop %s\n"), v.Dispatch.DTG, v.ID)
		}
	})
}

type releaseStopCmd struct {
	releaseID
	Reason string `required:"" help:"Why; kept in the national journal."`
}

func (c *releaseStopCmd) Run(a *app) error {
	var v office.ReleaseView
	if err := a.call("release.stop", office.ReleaseReq{ID: c.ID, Reason: c.Reason}, &v); err != nil {
		return err
	}
	return a.print(&v, func(w io.Writer) { fmt.Fprintf(w, "%s  %s\n", v.ID, a.word(v.State)) })
}

type releaseListCmd struct {
	State string `help:"Only this state: proposed, approved, stopped, dispatched, witnessed, held, registered, quarantined."`
}

func (c *releaseListCmd) Run(a *app) error {
	var l office.ReleaseList
	if err := a.call("release.list", office.ListReq{State: c.State, Lang: a.flags.Lang}, &l); err != nil {
		return err
	}
	return a.print(&l, func(w io.Writer) {
		if len(l.Releases) == 0 {
			fmt.Fprintln(w, a.say("no releases. An author makes one with: entente release propose REPORT --to PARTY", "提供案件はありません。起案: entente release propose REPORT --to PARTY"))
			return
		}
		strip(w, l.Realm)
		t := a.table(w)
		fmt.Fprintln(t, a.say("ID\tSTATE\tTO\tMARKING\tREFERENCE\tPROPOSED\tPARTNER'S NUMBER", "番号\t状態\t宛先\t標記\t文書番号\t提案\t相手の登録番号"))
		for _, r := range l.Releases {
			fmt.Fprintf(t, "%.12s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, a.word(r.State), r.To, r.Banner, r.Reference, r.Proposed.DTG, r.Control)
		}
		t.Flush()
	})
}
