package main

import (
	"fmt"
	"io"
	"strings"

	"entente/internal/office"
)

type registryCmd struct {
	Queue  registryQueueCmd  `cmd:"" help:"What has arrived and waits, unread, for a registry officer."`
	Accept registryAcceptCmd `cmd:"" help:"Check an item against its list, number it, mark it, receipt it (registry officer)."`
	List   registryListCmd   `cmd:"" help:"The register, as it prints."`
}

func (registryCmd) Help() string {
	return "From arrival to a reader:\n" +
		"  entente --post registry-officer registry queue\n" +
		"  entente --post registry-officer registry accept ID --marking jpn.gokuhi --holder reader\n" +
		"  entente --post reader open JPN-EX-2026-0001 --purpose dprk-sanctions"
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
		strip(w, r.Realm)
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

func (journalCmd) Help() string {
	return "Examples:\n" +
		"  entente --post auditor journal show                          the journals\n" +
		"  entente --post auditor journal show 3e6156609f98/NZL/nzdf/node-1/1\n" +
		"  entente --post auditor journal proof --release ID -o file.evidence\n" +
		"  entente verify file.evidence                                 anybody, anywhere"
}

type journalShowCmd struct {
	Origin string `arg:"" optional:"" help:"The journal: its origin, or the short form that the list shows."`
	From   uint64 `help:"First index."`
	Limit  uint64 `default:"50" help:"At most 100."`
}

func (c *journalShowCmd) Run(a *app) error {
	var v office.JournalView
	if err := a.call("journal.show", office.JournalReq{Origin: c.Origin, From: c.From, Limit: c.Limit}, &v); err != nil {
		return err
	}
	return a.print(&v, func(w io.Writer) {
		t := a.table(w)
		if c.Origin == "" {
			fmt.Fprintln(t, a.say("KIND\tJOURNAL\tSTATEMENTS\tCOSIGNED\tHELD\tROOT", "種別\t日誌\t件数\t副署\t保持\t根"))
			for _, j := range v.Journals {
				cosigned, held := fmt.Sprint(j.Witnessed), fmt.Sprint(j.Held)
				if j.Kind != "channel" {
					cosigned, held = "-", "-" // it never leaves
				}
				fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%.16s\n", a.word(j.Kind), shortOrigin(j.Origin), j.Size, cosigned, held, j.Root)
			}
			a.note("%s", a.say("a page of one: entente journal show JOURNAL", "一つの日誌の内容: entente journal show 日誌"))
		} else {
			fmt.Fprintln(t, a.say("NO\tTIME\tSTATEMENT\tBY\tOUTCOME\tCODE", "番号\t時刻\t通知\t行為者\t結果\t符号"))
			for _, e := range v.Entries {
				statement, by := e.Type, e.By
				if statement == "" {
					statement, by = a.say("(unreadable)", "(読取不能)"), e.Act
				}
				fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", e.Index, e.Time, statement, by, a.word(e.Outcome), e.Code)
			}
		}
		t.Flush()
		if v.Next > 0 {
			a.note("more: --from %d", v.Next)
		}
	})
}

// shortOrigin writes an origin with the first digits of its channel digest: what a person types.
func shortOrigin(origin string) string {
	parts := strings.SplitN(origin, "/", 4) // entente, realm, digest, author and epoch
	if len(parts) < 4 || len(parts[2]) < 12 {
		return origin
	}
	return parts[2][:12] + "/" + parts[3]
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
	Origin string `arg:"" help:"The journal: its origin, or the short form that journal show lists."`
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
