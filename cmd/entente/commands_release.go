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
		fmt.Fprintf(w, "%s  %s: %s\n\n", v.Serial, a.say("roll-up of the original", "原本の総合標記"), v.Banner)
		t := table(w)
		for _, f := range v.Findings {
			where := f.Portion
			if f.Line > 0 {
				where = strings.TrimSpace(fmt.Sprintf("%s %s %d", where, a.say("line", "行"), f.Line))
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
	t := table(w)
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
		fmt.Fprintf(w, "%s  %s  %s\n%s -> %s  %s\n\n", v.ID, a.word(v.State), v.Reference, v.Serial, v.To, v.Banner)
		a.printPortions(w, v.Portions)
		fmt.Fprintln(w)
		t := table(w)
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
		t := table(w)
		fmt.Fprintln(t, a.say("ID\tSTATE\tTO\tMARKING\tREFERENCE\tPROPOSED\tPARTNER'S NUMBER", "番号\t状態\t宛先\t標記\t文書番号\t提案\t相手の登録番号"))
		for _, r := range l.Releases {
			fmt.Fprintf(t, "%.12s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, a.word(r.State), r.To, r.Banner, r.Reference, r.Proposed.DTG, r.Control)
		}
		t.Flush()
	})
}

type registryCmd struct {
	Queue  registryQueueCmd  `cmd:"" help:"What has arrived and waits, unread, for a registry officer."`
	Accept registryAcceptCmd `cmd:"" help:"Check an item against its list, number it, mark it, receipt it (registry officer)."`
	List   registryListCmd   `cmd:"" help:"The register, as it prints."`
}

type registryQueueCmd struct{}

func (registryQueueCmd) Run(a *app) error {
	var r office.Register
	if err := a.call("registry.queue", office.ListReq{Lang: a.flags.Lang}, &r); err != nil {
		return err
	}
	return a.print(&r, func(w io.Writer) {
		if len(r.Entries) == 0 {
			fmt.Fprintln(w, a.say("the queue is empty. What a partner sends appears here, unread, until it is accepted.", "受付待ちはありません。相手からの到着分は、接受するまで未開封のままここに並びます。"))
			return
		}
		for _, e := range r.Entries {
			fmt.Fprintf(w, "%s  %s  %s  %s  %s\n", e.ID, e.From, e.Precedence, e.Reference, e.Received.DTG)
			intact := a.say("intact", "異状なし")
			if !e.Intact {
				intact = a.say("NOT INTACT ", "異状あり ") + e.Code
			}
			fmt.Fprintf(w, "  %s: %s   %s   %s %d/%d   %d %s\n", a.say("original marking", "原標記"), e.Original, intact, a.say("copy", "部"), e.Copy, e.Of, e.Portions, a.say("portions", "項目"))
			for _, c := range e.Choices {
				def := ""
				if c.Default {
					def = a.say("  (default)", "  (既定)")
				}
				fmt.Fprintf(w, "  --marking %-28s %s  (%s)%s\n", c.Targets, c.Marking, c.Article, def)
			}
		}
	})
}

type registryAcceptCmd struct {
	ID      string `arg:"" help:"Queue id, or its first digits."`
	Marking string `help:"Own equivalent marking, where the agreement allows several."`
	Holder  string `required:"" help:"Alias of the person who gets it: the need-to-know grant."`
}

func (c *registryAcceptCmd) Run(a *app) error {
	var e office.EntryView
	if err := a.call("registry.accept", office.AcceptReq{ID: c.ID, Marking: c.Marking, Holder: c.Holder, Lang: a.flags.Lang}, &e); err != nil {
		return err
	}
	return a.print(&e, func(w io.Writer) {
		fmt.Fprintf(w, "%s  %s  (%s: %s)  %s %d/%d  %s\n", e.Control, e.Own, a.say("original", "原標記"), e.Original, a.say("copy", "部"), e.Copy, e.Of, e.Holder)
	})
}

type registryListCmd struct{}

func (registryListCmd) Run(a *app) error {
	var r office.Register
	if err := a.call("registry.list", office.ListReq{Lang: a.flags.Lang}, &r); err != nil {
		return err
	}
	return a.print(&r, func(w io.Writer) { fmt.Fprint(w, r.Text) })
}

type openCmd struct {
	Control string `arg:"" help:"Control number, e.g. JPN-EX-2026-0001."`
	Purpose string `required:"" help:"Purpose of reading; must be one the release allows."`
}

func (c *openCmd) Run(a *app) error {
	var v office.OpenView
	if err := a.call("open", office.OpenReq{Control: c.Control, Purpose: c.Purpose, Lang: a.flags.Lang}, &v); err != nil {
		return err
	}
	return a.print(&v, func(w io.Writer) { fmt.Fprint(w, v.Text) })
}

type journalCmd struct {
	Show   journalShowCmd   `cmd:"" help:"List the journals, or show a page of one (auditor)."`
	Proof  journalProofCmd  `cmd:"" help:"Write evidence that anybody can verify offline (auditor)."`
	Export journalExportCmd `cmd:"" help:"Write a journal as checkpoint and tiles for third-party tools (auditor)."`
}

type journalShowCmd struct {
	Origin string `arg:"" optional:"" help:"Origin of the journal."`
	From   uint64 `help:"First index."`
	Limit  uint64 `default:"50" help:"At most 100."`
}

func (c *journalShowCmd) Run(a *app) error {
	var v office.JournalView
	if err := a.call("journal.show", office.JournalReq{Origin: c.Origin, From: c.From, Limit: c.Limit}, &v); err != nil {
		return err
	}
	return a.print(&v, func(w io.Writer) {
		t := table(w)
		if c.Origin == "" {
			fmt.Fprintln(t, a.say("JOURNAL\tSTATEMENTS\tWITNESSED\tHELD\tROOT", "日誌\t件数\t副署\t保持\t根"))
			for _, j := range v.Journals {
				fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%.16s\n", j.Origin, j.Size, j.Witnessed, j.Held, j.Root)
			}
		} else {
			for _, e := range v.Entries {
				fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s %s %s\n", e.Index, e.Time, e.Type, e.By, e.Event, e.Outcome, e.Code)
			}
		}
		t.Flush()
		if v.Next > 0 {
			a.note("more: --from %d", v.Next)
		}
	})
}

type journalProofCmd struct {
	Release string `xor:"what" required:"" placeholder:"ID" help:"Prove the dispatch and receipt of this release."`
	Control string `xor:"what" required:"" placeholder:"NUMBER" help:"Prove the dispatch and receipt of the item with this control number."`
	Origin  string `xor:"what" required:"" help:"Prove one statement of the journal with this origin; see --index."`
	Index   uint64 `placeholder:"N" help:"Index of the statement in the journal of --origin."`
	Content bool   `help:"Include content, not only what state depends on."`
	Out     string `short:"o" required:"" type:"path" help:"Evidence file to write."`
}

func (c *journalProofCmd) Run(a *app) error {
	var b office.Blob
	if err := a.call("journal.proof", office.ProofReq{Origin: c.Origin, Index: c.Index, Control: c.Control, Release: c.Release, Open: c.Content}, &b); err != nil {
		return err
	}
	if err := writeFile(c.Out, b.Bytes); err != nil {
		return err
	}
	return a.print(map[string]any{"file": c.Out, "bytes": len(b.Bytes)}, func(w io.Writer) {
		fmt.Fprintf(w, a.say("evidence written to %s; anybody can check it: entente verify %s\n", "証拠を %s に書き出しました。検証: entente verify %s\n"), c.Out, c.Out)
	})
}

type journalExportCmd struct {
	Origin string `arg:"" help:"Origin of the journal."`
	Out    string `short:"o" required:"" type:"path" help:"Directory to make."`
}

func (c *journalExportCmd) Run(a *app) error {
	var v office.ExportView
	if err := a.call("journal.export", office.JournalReq{Origin: c.Origin}, &v); err != nil {
		return err
	}
	if err := writeTree(c.Out, v.Files); err != nil {
		return err
	}
	return a.print(map[string]any{"directory": c.Out, "files": len(v.Files)}, func(w io.Writer) { fmt.Fprintf(w, "%s: %d\n", c.Out, len(v.Files)) })
}
