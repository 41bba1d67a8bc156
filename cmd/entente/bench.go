package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"entente/errs"
	"entente/internal/measure"
)

// benchCmd measures. Every run prints, beside its own figures, what the machine and a named peer did in the same run: on a
// machine that is shared or throttled, only the ratios can be compared.
type benchCmd struct {
	Exchange benchExchangeCmd `cmd:"" help:"Two node processes on this machine: reports from their dispatch to the receipt, in batches and one at a time."`
	Seal     benchSealCmd     `cmd:"" help:"Sealing, encapsulation, signatures, items at rest."`
	Decide   benchDecideCmd   `cmd:"" help:"The agreement's decision, with and without explanation."`
}

func (benchCmd) Help() string {
	return "Examples:\n" +
		"  entente bench exchange --json\n" +
		"  entente bench exchange --reports 9000 --batch 3000 --at /srv/entente\n" +
		"  entente bench seal --for 2s\n" +
		"  entente bench decide\n\n" +
		"What an item includes, and how to read the figures: doc/performance.md."
}

// benchFlags are common to all.
type benchFlags struct {
	At  string        `help:"Directory on the disk to measure; what is made in it is removed again. Default: the system's for temporary files." type:"existingdir" placeholder:"DIR"`
	For time.Duration `help:"How long each figure of a primitive is measured." default:"500ms"`
}

// benchResult is what --json prints; each bench adds its own figures. Names are a public interface and only grow.
type benchResult struct {
	Bench       string        `json:"bench"`
	Version     string        `json:"version"`
	Date        string        `json:"date"` // RFC 3339 UTC
	Machine     benchMachine  `json:"machine"`
	Rows        []measure.Row `json:"rows,omitempty"`
	Calibration []measure.Row `json:"calibration"`
}

type benchMachine struct {
	OS    string `json:"os"`
	Arch  string `json:"arch"`
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	Go    string `json:"go"`
	Load  string `json:"load"` // averages of 1, 5 and 15 minutes before the run
}

func newBenchResult(name string) benchResult {
	m := benchMachine{OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version()}
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	if b, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.Join(strings.Fields(string(b))[:3], " ")
	}
	return benchResult{Bench: name, Version: version, Date: time.Now().UTC().Format(time.RFC3339), Machine: m}
}

// calibrate adds the machine's own figures.
func (r *benchResult) calibrate(a *app, f *benchFlags) (err error) {
	a.note("%s", a.say("measuring the machine: disk, digest, encapsulation, peers", "機械自体を測定中: ディスク、ダイジェスト、鍵カプセル化、比較対象"))
	if r.Calibration, err = measure.Calibrate(f.At, f.For); err != nil {
		return &errs.Error{Kind: errs.Unavailable, Code: "bench.calibrate", Op: "bench", Subject: f.At, Err: err, Next: "name a directory that can be written with --at"}
	}
	return nil
}

// measure measures the functions of one list.
func (r *benchResult) measure(f *benchFlags, list []benchItem) error {
	for _, x := range list {
		row, err := measure.Time(x.name, x.size, f.For, x.fn)
		if err != nil {
			return err
		}
		r.Rows = append(r.Rows, row)
	}
	return nil
}

// benchItem is a function to measure; size is what one call works on, in bytes, or 0.
type benchItem struct {
	name string
	size int64
	fn   func() error
}

func (r *benchResult) head(w io.Writer) {
	fmt.Fprintf(w, "entente %s  %s  %s %d × %s  %s  load %s\n", r.Version, r.Date, r.Machine.Arch, r.Machine.Cores, r.Machine.CPU, r.Machine.Go, r.Machine.Load)
}

func printRows(w io.Writer, title string, rows []measure.Row) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	t := table(w)
	for _, r := range rows {
		fmt.Fprintf(t, "  %s\t", r.Name)
		if r.NsPerOp > 0 {
			fmt.Fprintf(t, "%s", time.Duration(r.NsPerOp).Round(time.Duration(max(1, r.NsPerOp/1000))))
		}
		fmt.Fprintf(t, "\t%.0f/s", r.RatePerS)
		if r.GBPerS > 0 {
			fmt.Fprintf(t, "  %.2f GB/s", r.GBPerS)
		}
		if r.P50Ms > 0 {
			fmt.Fprintf(t, "  p50 %.2f ms  p99 %.2f ms", r.P50Ms, r.P99Ms)
		}
		if r.AllocsPerOp != nil {
			fmt.Fprintf(t, "\t%.0f allocs", *r.AllocsPerOp)
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}

func (r *benchResult) tail(a *app, w io.Writer) {
	printRows(w, a.say("the machine and the peers, same run", "機械と比較対象(同一実行)"), r.Calibration)
}
