package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"entente/errs"
	"entente/examples/exercise"
	"entente/internal/measure"
	"entente/internal/office"
	"entente/seal"
)

type benchExchangeCmd struct {
	benchFlags
	Reports int `help:"Reports to release in batches, in all." default:"6000"`
	Batch   int `help:"Reports that are due at one moment. Each batch is one measurement; figures are medians over them." default:"2000"`
	Size    int `help:"Size of a report as drafted, in bytes." default:"4096"`
	Singles int `help:"Reports to release one at a time." default:"200"`
}

// benchExchangeResult: the top figures are those of the batches, p50 and p99 of the reports sent one at a time.
type benchExchangeResult struct {
	benchResult
	RatePerS      float64      `json:"rate_per_s"`      // reports from due to receipted, median batch
	P50Ms         float64      `json:"p50_ms"`          // one at a time, from the officer's approval to the held receipt stored
	P99Ms         float64      `json:"p99_ms"`          //
	CPUPerItem    float64      `json:"cpu_us_per_item"` // both processes
	BytesPerItem  float64      `json:"bytes_per_item"`  // on the wire, both ways, TLS included
	PeakMiB       float64      `json:"peak_mib"`        // of the larger process
	ReportBytes   int          `json:"report_bytes"`    // of one report as drafted
	VersionBytes  int          `json:"version_bytes"`   // of the release version it becomes: what is carried
	Reports       int          `json:"reports"`
	Batches       []benchBatch `json:"batches"`
	Single        benchSingle  `json:"single"`
	Approve       benchApprove `json:"approve"`
	Node          benchNode    `json:"node"`
	OverSQLite    float64      `json:"ratio_sqlite_single"` // rate_per_s over a plain SQLite commit of the same bytes
	SyncsPerLater float64      `json:"p50_in_fsyncs"`       // p50_ms over the p50 of a synced append
}

type benchBatch struct {
	Reports      int     `json:"reports"`
	Seconds      float64 `json:"seconds"`
	RatePerS     float64 `json:"rate_per_s"`
	CPUPerItem   float64 `json:"cpu_us_per_item"`
	SenderCPU    float64 `json:"sender_cpu_us_per_item"`
	ReceiverCPU  float64 `json:"receiver_cpu_us_per_item"`
	BytesPerItem float64 `json:"bytes_per_item"`
	SenderMiB    float64 `json:"sender_peak_mib"`
	ReceiverMiB  float64 `json:"receiver_peak_mib"`
}

type benchSingle struct {
	Reports      int     `json:"reports"`
	RatePerS     float64 `json:"rate_per_s"`
	CPUPerItem   float64 `json:"cpu_us_per_item"`
	BytesPerItem float64 `json:"bytes_per_item"`
}

// benchApprove is what people do before: each report proposed by an analyst and approved by an officer, over the operators' socket.
type benchApprove struct {
	ProposedPerS float64 `json:"proposed_per_s"`
	ApprovedPerS float64 `json:"approved_per_s"`
}

type benchNode struct {
	ReadyMs      float64 `json:"ready_ms"`        // process started to serving, the key file's own work factor left out
	UnlockMs     float64 `json:"unlock_ms"`       // that work factor: unlocking a key file as init makes it
	IdleMiB      float64 `json:"idle_mib"`        // a paired node with an agreement, before any report
	IdleAfterMiB float64 `json:"idle_after_mib"`  // the receiver some seconds after the last batch
	BinaryMiB    float64 `json:"binary_mib"`      //
	Restarted    float64 `json:"ready_full_ms"`   // as ready_ms, with every report of this run in the database
	Database     float64 `json:"bytes_at_rest_s"` // sender's database and log, per report
}

// benchExchange is one run.
type benchExchange struct {
	*demo
	cmd    *benchExchangeCmd
	res    *benchExchangeResult
	meters [2]*measure.Meter
	made   atomic.Int64

	approving time.Duration // how long it took to approve the last batch
}

// statementsPerDay lets the bench agreement pass what the exercise agreement limits to a busy day.
const statementsPerDay = "per_day = 1048576"

func (c *benchExchangeCmd) Run(a *app) error {
	if c.Batch < 1 || c.Reports < c.Batch || c.Singles < 1 || c.Size < minReport || c.Size > 32<<10 {
		return &errs.Error{Kind: errs.Usage, Code: "bench.flags", Op: "bench.exchange", Reason: "needs at least one batch, one single report, and 1200 to 32768 bytes a report"}
	}
	base, err := os.MkdirTemp(c.At, "entente-bench-")
	if err != nil {
		return &errs.Error{Kind: errs.Unavailable, Code: "bench.directory", Op: "bench.exchange", Err: err, Next: "name a directory that can be written with --at"}
	}
	defer os.RemoveAll(base)
	text := bytes.Replace(exercise.Agreement(), []byte("per_day = 2000"), []byte(statementsPerDay), 1)
	if !bytes.Contains(text, []byte(statementsPerDay)) {
		return &errs.Error{Kind: errs.Internal, Code: "bench.agreement", Op: "bench.exchange", Reason: "the exercise agreement has another limit a day"}
	}
	quiet := *a
	quiet.out, quiet.err = io.Discard, io.Discard
	b := &benchExchange{cmd: c, res: &benchExchangeResult{benchResult: newBenchResult("exchange")}, demo: &demo{app: &quiet, base: base, agreement: text,
		nzl: &demoSide{party: "NZL", author: "NZL/nzdf/node-1", ceiling: "nzl.s", kdf: seal.MinIterations},
		jpn: &demoSide{party: "JPN", author: "JPN/jmod/node-1", ceiling: "jpn.gokuhi", kdf: seal.MinIterations}}}
	defer b.stop()
	if err := b.raise(a); err != nil {
		return err
	}
	if err := b.play(a); err != nil {
		return err
	}
	b.stop()
	if err := b.res.calibrate(a, &c.benchFlags); err != nil {
		return err
	}
	b.summarise()
	return a.print(b.res, func(w io.Writer) { b.print(a, w) })
}

// raise makes and pairs two node processes that reach each other through meters.
func (b *benchExchange) raise(a *app) (err error) {
	a.note("%s", a.say("raising two node processes, pairing them, signing the exercise agreement", "二つのノードを起動し、接続し、演習協定に署名"))
	for i, s := range b.sides() {
		if b.meters[i], err = measure.NewMeter(); err != nil {
			return err
		}
		s.through = b.meters[i].Address()
		if err := b.demo.raise(a.ctx, s); err != nil {
			return err
		}
		b.meters[i].Relay(s.address)
	}
	if err := b.pair(a.ctx); err != nil {
		return err
	}
	if err := b.agree(a.ctx); err != nil {
		return err
	}
	for range 2 {
		if err := b.nzl.client.Call(a.ctx, "sync", office.Empty{}, nil); err != nil {
			return err
		}
	}
	b.res.ReportBytes = len(benchReport(1, b.cmd.Size).Report)
	b.res.VersionBytes, err = benchVersion(b.cmd.Size)
	return err
}

func (b *benchExchange) stop() {
	b.demo.stop()
	for _, m := range b.meters {
		if m != nil {
			m.Close()
		}
	}
}

// restart stops a node and starts it again, and returns how long the start took.
func (b *benchExchange) restart(a *app, i int, s *demoSide) (time.Duration, error) {
	b.end(s)
	start := time.Now()
	if err := b.start(a.ctx, s); err != nil {
		return 0, err
	}
	took := time.Since(start)
	b.meters[i].Relay(s.address)
	return took, nil
}

const mib = 1 << 20

func (b *benchExchange) play(a *app) error {
	node := &b.res.Node
	ready, err := b.starts(a)
	if err != nil {
		return err
	}
	node.ReadyMs = ready
	time.Sleep(time.Second) // a node that has come to rest
	u, err := measure.Process(b.jpn.process.Process.Pid)
	if err != nil {
		return err
	}
	node.IdleMiB = float64(u.RSS) / mib
	if err := b.unlock(); err != nil {
		return err
	}
	if self, err := os.Executable(); err == nil {
		if st, err := os.Stat(self); err == nil {
			node.BinaryMiB = float64(st.Size()) / mib
		}
	}
	for from := 0; from+b.cmd.Batch <= b.cmd.Reports; from += b.cmd.Batch {
		if err := b.batch(a); err != nil {
			return err
		}
	}
	if err := b.singles(a); err != nil {
		return err
	}
	time.Sleep(5 * time.Second)
	if u, err = measure.Process(b.jpn.process.Process.Pid); err != nil {
		return err
	}
	node.IdleAfterMiB = float64(u.RSS) / mib
	b.res.Reports = len(b.res.Batches)*b.cmd.Batch + b.cmd.Singles
	size := int64(0)
	for _, name := range []string{"entente.db", "entente.db-wal"} {
		if st, err := os.Stat(b.nzl.dir + "/" + name); err == nil {
			size += st.Size()
		}
	}
	node.Database = float64(size) / float64(b.res.Reports)
	node.Restarted, err = b.starts(a)
	return err
}

// starts restarts the receiver five times and returns the median, in ms.
func (b *benchExchange) starts(a *app) (float64, error) {
	var all []time.Duration
	for range 5 {
		took, err := b.restart(a, 1, b.jpn)
		if err != nil {
			return 0, err
		}
		all = append(all, took)
	}
	return measure.Ms(measure.Quantile(all, 0.5)), nil
}

// unlock measures a key file as init makes it. The nodes of a bench have the least work factor, so that their start shows
// what comes after it.
func (b *benchExchange) unlock() error {
	file, err := seal.LockKeyFile([]byte("bench"), seal.DefaultIterations, "exercise:whio", "bench", make([]byte, 256))
	if err != nil {
		return err
	}
	start := time.Now()
	_, err = seal.UnlockKeyFile([]byte("bench"), file, "exercise:whio", "bench")
	b.res.Node.UnlockMs = measure.Ms(time.Since(start))
	return err
}

// propose has n reports proposed by analysts, several at a time as an office would, and returns their ids.
func (b *benchExchange) propose(ctx context.Context, n int) ([]string, error) {
	ids := make([]string, n)
	err := b.many(n, func(i int) error {
		var v office.ReleaseView
		err := b.nzl.as("analyst").Call(ctx, "release.propose", benchReport(int(b.made.Add(1)), b.cmd.Size), &v)
		ids[i] = v.ID
		return err
	})
	return ids, err
}

// many runs fn for 0 to n-1, eight at a time, and stops at the first error.
func (b *benchExchange) many(n int, fn func(i int) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	var once sync.Once
	var failed error
	for range 8 {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := fn(i); err != nil {
					once.Do(func() { failed = err })
					next.Store(int64(n))
				}
			}
		})
	}
	wg.Wait()
	return failed
}

func (b *benchExchange) approve(ctx context.Context, id string, hold int) error {
	return b.nzl.as("release-officer").Call(ctx, "release.approve", office.ReleaseReq{ID: id, Hold: hold}, nil)
}

// batch has a batch proposed and approved, all to be dispatched at one full second, and measures from that moment until the
// sender has stored the receipt for the last of them.
func (b *benchExchange) batch(a *app) error {
	n, ctx := b.cmd.Batch, a.ctx
	a.note(a.say("batch %d: %d reports proposed, approved, dispatched, receipted", "第%d組: 報告%d件を起案、承認、送達、受領確認"), len(b.res.Batches)+1, n)
	start := time.Now()
	ids, err := b.propose(ctx, n)
	if err != nil {
		return err
	}
	took := time.Since(start)
	if len(b.res.Batches) == 0 {
		b.res.Approve.ProposedPerS = float64(n) / took.Seconds()
	}
	held, err := b.held(ctx)
	if err != nil {
		return err
	}
	due := time.Now().Add(max(4*took, 2*b.approving) + 3*time.Second).Truncate(time.Second)
	late := &errs.Error{Kind: errs.Unavailable, Code: "bench.late", Op: "bench.exchange", Reason: "approving took longer than expected: some reports would leave before all are approved",
		Next: "run it again, or with a smaller --batch"}
	start = time.Now()
	err = b.many(n, func(i int) error {
		hold := int(time.Until(due) / time.Second)
		if hold < 1 {
			return late
		}
		return b.approve(ctx, ids[i], hold)
	})
	if err != nil {
		return err
	}
	if b.approving = time.Since(start); len(b.res.Batches) == 0 {
		b.res.Approve.ApprovedPerS = float64(n) / b.approving.Seconds()
	}
	time.Sleep(time.Until(due.Add(-200 * time.Millisecond)))
	r, err := b.measured(func() error {
		time.Sleep(time.Until(due))
		start = due
		return b.await(ctx, held+uint64(n), 20*time.Millisecond)
	}, n, &start)
	if err != nil {
		return err
	}
	b.res.Batches = append(b.res.Batches, r)
	a.note("   %.0f/s", r.RatePerS)
	return nil
}

// measured runs fn and reads what both processes used and what passed between them.
func (b *benchExchange) measured(fn func() error, n int, start *time.Time) (r benchBatch, err error) {
	var used [2][2]measure.Usage
	var bytes [2]int64
	read := func(k int) error {
		bytes[k] = 0
		for i, s := range b.sides() {
			if used[k][i], err = measure.Process(s.process.Process.Pid); err != nil {
				return err
			}
			bytes[k] += b.meters[i].Bytes()
		}
		return nil
	}
	for _, s := range b.sides() {
		if err := measure.ResetPeak(s.process.Process.Pid); err != nil {
			return r, err
		}
	}
	if err := read(0); err != nil {
		return r, err
	}
	*start = time.Now()
	if err := fn(); err != nil {
		return r, err
	}
	took := time.Since(*start)
	if err := read(1); err != nil {
		return r, err
	}
	per := func(i int) float64 { return float64((used[1][i].CPU - used[0][i].CPU).Microseconds()) / float64(n) }
	return benchBatch{Reports: n, Seconds: took.Seconds(), RatePerS: float64(n) / took.Seconds(), CPUPerItem: per(0) + per(1), SenderCPU: per(0), ReceiverCPU: per(1),
		BytesPerItem: float64(bytes[1]-bytes[0]) / float64(n), SenderMiB: float64(used[1][0].PeakRSS) / mib, ReceiverMiB: float64(used[1][1].PeakRSS) / mib}, nil
}

// held is how many of the sender's statements the receiver has given its receipt for, as the sender has stored it.
func (b *benchExchange) held(ctx context.Context) (uint64, error) {
	var s office.Status
	if err := b.nzl.client.Call(ctx, "status", office.Empty{}, &s); err != nil {
		return 0, err
	}
	if len(s.Channels) != 1 {
		return 0, &errs.Error{Kind: errs.Internal, Code: "bench.channel", Op: "bench.exchange"}
	}
	return s.Channels[0].Own.Held, nil
}

// await asks the sender every so often until its receipts cover n statements.
func (b *benchExchange) await(ctx context.Context, n uint64, every time.Duration) error {
	for start := time.Now(); ; time.Sleep(every) {
		held, err := b.held(ctx)
		if err != nil || held >= n {
			return err
		}
		if time.Since(start) > time.Minute {
			return &errs.Error{Kind: errs.Unavailable, Code: "bench.receipt", Op: "bench.exchange", Reason: fmt.Sprintf("%d of %d statements receipted after a minute", held, n)}
		}
	}
}

// singles releases one report after the other and waits for each receipt.
func (b *benchExchange) singles(a *app) error {
	n, ctx := b.cmd.Singles, a.ctx
	a.note(a.say("one at a time: %d reports from approval to receipt", "1件ずつ: 報告%d件、承認から受領確認まで"), n)
	ids, err := b.propose(ctx, n)
	if err != nil {
		return err
	}
	held, err := b.held(ctx)
	if err != nil {
		return err
	}
	var row measure.Row
	var start time.Time
	r, err := b.measured(func() error {
		row, err = measure.Each("one at a time", n, func(i int) error {
			if err := b.approve(ctx, ids[i], 0); err != nil {
				return err
			}
			return b.await(ctx, held+uint64(i)+1, time.Millisecond)
		})
		return err
	}, n, &start)
	b.res.P50Ms, b.res.P99Ms = row.P50Ms, row.P99Ms
	b.res.Single = benchSingle{n, r.RatePerS, r.CPUPerItem, r.BytesPerItem}
	return err
}

// summarise takes the median over the batches.
func (b *benchExchange) summarise() {
	r := b.res
	median := func(of func(*benchBatch) float64) float64 {
		list := make([]float64, len(r.Batches))
		for i := range r.Batches {
			list[i] = of(&r.Batches[i])
		}
		return measure.Quantile(list, 0.5)
	}
	r.RatePerS = median(func(x *benchBatch) float64 { return x.RatePerS })
	r.CPUPerItem = median(func(x *benchBatch) float64 { return x.CPUPerItem })
	r.BytesPerItem = median(func(x *benchBatch) float64 { return x.BytesPerItem })
	r.PeakMiB = median(func(x *benchBatch) float64 { return max(x.SenderMiB, x.ReceiverMiB) })
	find := func(name string) measure.Row {
		i := slices.IndexFunc(r.Calibration, func(x measure.Row) bool { return x.Name == name })
		return r.Calibration[max(i, 0)]
	}
	r.OverSQLite = r.RatePerS / find(measure.PlainSingle).RatePerS
	r.SyncsPerLater = r.P50Ms / find(measure.Fsync).P50Ms
}

func (b *benchExchange) print(a *app, w io.Writer) {
	r := b.res
	r.head(w)
	fmt.Fprintf(w, a.say("\nin batches, from due to receipted: %.0f reports/s  %.0f µs of processor, %.0f bytes on the wire each  peak %.0f MiB\n",
		"\n一括、送達期限から受領確認まで: %.0f 件/秒  1件につき CPU %.0f µs、通信 %.0f バイト  最大 %.0f MiB\n"), r.RatePerS, r.CPUPerItem, r.BytesPerItem, r.PeakMiB)
	fmt.Fprintf(w, a.say("one at a time, from approval to receipt: p50 %.1f ms  p99 %.1f ms  (%.0f/s, %.0f µs of processor)\n",
		"1件ずつ、承認から受領確認まで: p50 %.1f ms  p99 %.1f ms  (%.0f/秒、CPU %.0f µs)\n"), r.P50Ms, r.P99Ms, r.Single.RatePerS, r.Single.CPUPerItem)
	fmt.Fprintf(w, a.say("people's part: %.0f proposed/s, %.0f approved/s over the operators' socket\n", "人の操作: 起案 %.0f/秒、承認 %.0f/秒\n"), r.Approve.ProposedPerS, r.Approve.ApprovedPerS)
	fmt.Fprintf(w, a.say("node: ready in %.0f ms (with %d reports %.0f ms), unlocking %.0f ms, idle %.0f MiB (after the run %.0f MiB), binary %.1f MiB\n",
		"ノード: 起動 %.0f ms(報告%d件で %.0f ms)、鍵の解錠 %.0f ms、待機時 %.0f MiB(実行後 %.0f MiB)、実行ファイル %.1f MiB\n"),
		r.Node.ReadyMs, r.Reports, r.Node.Restarted, r.Node.UnlockMs, r.Node.IdleMiB, r.Node.IdleAfterMiB, r.Node.BinaryMiB)
	fmt.Fprintf(w, a.say("ratios: %.2f × a SQLite commit per report; p50 is %.0f synced appends\n", "比: SQLiteの1件1コミットの %.2f 倍。p50は同期書き込み %.0f 回分\n"), r.OverSQLite, r.SyncsPerLater)
	t := table(w)
	fmt.Fprintln(t, "\n"+a.say("BATCH\tREPORTS/S\tCPU µs\tSENDER\tRECEIVER\tBYTES\tSENDER MiB\tRECEIVER MiB", "組\t件/秒\tCPU µs\t送信側\t受信側\tバイト\t送信側 MiB\t受信側 MiB"))
	for i, x := range r.Batches {
		fmt.Fprintf(t, "%d\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\n", i+1, x.RatePerS, x.CPUPerItem, x.SenderCPU, x.ReceiverCPU, x.BytesPerItem, x.SenderMiB, x.ReceiverMiB)
	}
	t.Flush()
	r.tail(a, w)
}
