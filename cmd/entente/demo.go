package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"entente/errs"
	"entente/examples/exercise"
	"entente/internal/api"
	"entente/internal/node"
	"entente/internal/office"
)

type demoCmd struct {
	Headless bool   `help:"End by itself instead of staying up."`
	Keep     string `help:"Make the two nodes in this directory and leave them there." type:"path" placeholder:"DIR"`
}

// demoResult is what --json prints. Counts are read from the two nodes' own answers, never kept by the demonstration.
type demoResult struct {
	OK       bool           `json:"ok"`
	Reports  demoReports    `json:"reports"`
	Portions demoPortions   `json:"portions"`
	Receipts demoReceipts   `json:"receipts"`
	Refusals []demoRefusal  `json:"refusals"`
	Journals []demoJournal  `json:"journals"`
	Verified []demoVerified `json:"verified"`
	Opened   int            `json:"opened"`
	Seconds  float64        `json:"seconds"`
	Missing  []string       `json:"missing,omitempty"` // what was expected and did not happen
}

type demoReports struct {
	Released   int `json:"released"`
	Delivered  int `json:"delivered"`
	Registered int `json:"registered"`
}

type demoPortions struct {
	Disclosed int `json:"disclosed"`
	Withheld  int `json:"withheld"`
}

type demoReceipts struct {
	Cosigned int `json:"cosigned"`
	Held     int `json:"held"`
	Registry int `json:"registry"`
}

type demoRefusal struct {
	What    string `json:"what"`
	Code    string `json:"code"`
	Rule    string `json:"rule"`
	Article string `json:"article"`
	Reason  string `json:"reason"`
	Next    string `json:"next"`
}

type demoJournal struct {
	Party      string   `json:"party"`
	Author     string   `json:"author"`
	Size       uint64   `json:"size"`
	Root       string   `json:"root"`
	CosignedBy []string `json:"cosigned_by"`
}

type demoVerified struct {
	Party string `json:"party"`
	OK    bool   `json:"ok"`
	Lines int    `json:"checks"`
}

// demoSide is one of the two nodes: its own process, directory, keys, database and port.
type demoSide struct {
	party, author, ceiling, dir string
	passFile, rootPassFile      string
	kdf                         int    // iterations of the key files; 0 is the default
	through                     string // address at which the other side calls it, if not its own
	address                     string // where it accepts partners, once it runs
	client                      *api.Client
	process                     *exec.Cmd
}

func (s *demoSide) as(post string) *api.Client { return s.client.As(post) }

type demo struct {
	*app
	base      string
	agreement []byte // text, roots unset
	nzl, jpn  *demoSide
	result    demoResult
}

func (c *demoCmd) Run(a *app) error {
	start := time.Now()
	base := c.Keep
	if base == "" {
		var err error
		if base, err = os.MkdirTemp("", "entente-demo-"); err != nil {
			return &errs.Error{Kind: errs.Unavailable, Code: "demo.directory", Op: "demo", Err: err}
		}
		defer os.RemoveAll(base)
	} else if err := os.MkdirAll(base, 0o700); err != nil {
		return &errs.Error{Kind: errs.Usage, Code: "demo.directory", Op: "demo", Err: err}
	}
	d := &demo{app: a, base: base, agreement: exercise.Agreement(),
		nzl: &demoSide{party: "NZL", author: "NZL/nzdf/node-1", ceiling: "nzl.s"},
		jpn: &demoSide{party: "JPN", author: "JPN/jmod/node-1", ceiling: "jpn.gokuhi"}}
	defer d.stop()
	if err := d.play(a.ctx); err != nil {
		return err
	}
	d.result.OK = len(d.result.Missing) == 0
	d.result.Seconds = time.Since(start).Seconds()
	if !d.result.OK {
		a.status = 1
	}
	if a.flags.JSON {
		if err := a.print(&d.result, nil); err != nil {
			return err
		}
	} else {
		d.ending(c)
	}
	if !c.Headless {
		<-a.ctx.Done()
	}
	return nil
}

// tell writes the story. With --json the story goes to standard error, so that standard output is one object.
func (d *demo) tell(en, ja string, args ...any) {
	w := d.out
	if d.flags.JSON {
		w = d.err
	}
	fmt.Fprintf(w, d.say(en, ja)+"\n", args...)
}

func (d *demo) expect(ok bool, what string, args ...any) {
	if !ok {
		d.result.Missing = append(d.result.Missing, fmt.Sprintf(what, args...))
	}
}

func (d *demo) sides() []*demoSide { return []*demoSide{d.nzl, d.jpn} }

func (d *demo) other(s *demoSide) *demoSide {
	if s == d.nzl {
		return d.jpn
	}
	return d.nzl
}

// play is the whole way once. An error is a defect; what merely did not happen as expected is collected in Missing.
func (d *demo) play(ctx context.Context) error {
	d.tell("EXERCISE EXERCISE EXERCISE — markings are fictitious; content is public\n\n1. Two nodes, each with its own directory, keys, database and port",
		"演習 演習 演習 — 標記は架空、内容は公開情報のみ\n\n1. 二つのノード(ディレクトリ、鍵、データベース、ポートは別々)")
	for _, s := range d.sides() {
		if err := d.raise(ctx, s); err != nil {
			return err
		}
		d.tell("   %s is up in %s", "   %s 起動 %s", s.author, s.dir)
	}
	for _, step := range []func(context.Context) error{d.pair, d.agree, d.release, d.refuse, d.register, d.openAll, d.prove} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// raise makes one node and starts it as a process of its own.
func (d *demo) raise(ctx context.Context, s *demoSide) error {
	s.dir = filepath.Join(d.base, strings.ToLower(s.party))
	s.passFile, s.rootPassFile = filepath.Join(d.base, s.party+".pass"), filepath.Join(d.base, s.party+".root.pass")
	for _, f := range []string{s.passFile, s.rootPassFile} {
		if err := writeFile(f, []byte(rand.Text())); err != nil {
			return err
		}
	}
	pass, err := d.passphrase(s.passFile, "")
	if err != nil {
		return err
	}
	rootPass, err := d.passphrase(s.rootPassFile, "")
	if err != nil {
		return err
	}
	if _, err := node.Init(node.InitConfig{Dir: s.dir, Realm: "exercise:whio", Author: s.author, Ceiling: s.ceiling, Listen: "127.0.0.1:0",
		Suite: "hybrid", Passphrase: pass, RootPassphrase: rootPass, Version: version, KDF: s.kdf}); err != nil {
		return err
	}
	if err := d.start(ctx, s); err != nil {
		return err
	}
	return s.client.Call(ctx, "staff.load", office.StaffReq{File: exercise.Staff(s.party)}, nil)
}

// start runs the node as a process of its own and returns when it is ready.
func (d *demo) start(ctx context.Context, s *demoSide) error {
	self, err := os.Executable()
	if err != nil {
		return &errs.Error{Kind: errs.Internal, Code: "demo.executable", Op: "demo", Err: err}
	}
	// The process is told nothing on its command line but what to do: paths are in the environment.
	s.process = exec.Command(self, "serve")
	s.process.Env = append(os.Environ(), "ENTENTE_DIR="+s.dir, "ENTENTE_PASSPHRASE_FILE="+s.passFile, "ENTENTE_LANG=en")
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	talk, err := s.process.StderrPipe()
	if err != nil {
		return &errs.Error{Kind: errs.Internal, Code: "demo.process", Op: "demo", Err: err}
	}
	if err := s.process.Start(); err != nil {
		return &errs.Error{Kind: errs.Unavailable, Code: "demo.process", Op: "demo", Err: err}
	}
	ready := make(chan string, 1)
	go func() {
		var said []string
		sc := bufio.NewScanner(talk)
		for sc.Scan() {
			if line, ok := strings.CutPrefix(sc.Text(), "ready: "); ok {
				_, line, _ = strings.Cut(line, " accepts partners on ")
				s.address, _, _ = strings.Cut(line, ",")
				ready <- ""
				io.Copy(io.Discard, talk)
				return
			}
			said = append(said, sc.Text())
		}
		ready <- strings.Join(said, "; ")
	}()
	select {
	case said := <-ready:
		if said != "" {
			return &errs.Error{Kind: errs.Unavailable, Code: "demo.process", Op: "demo", Subject: s.author, Reason: said}
		}
	case <-ctx.Done():
		return &errs.Error{Kind: errs.Unavailable, Code: "demo.stopped", Op: "demo", Err: ctx.Err()}
	}
	s.client = api.Dial(filepath.Join(s.dir, node.SocketName), "key-custodian")
	return nil
}

func (d *demo) stop() {
	for _, s := range d.sides() {
		d.end(s)
	}
}

// end stops a node's process and waits for it.
func (d *demo) end(s *demoSide) {
	if s.process != nil && s.process.Process != nil {
		s.process.Process.Signal(syscall.SIGTERM)
		s.process.Wait()
		s.process = nil
	}
}

func (d *demo) pair(ctx context.Context) error {
	words := map[*demoSide]string{}
	for _, s := range d.sides() {
		var card office.Blob
		if err := s.client.Call(ctx, "pair.card", office.Empty{}, &card); err != nil {
			return err
		}
		var v office.PairView
		o := d.other(s)
		if err := o.client.Call(ctx, "pair.add", office.PairReq{Card: card.Bytes, Address: s.through}, &v); err != nil {
			return err
		}
		words[o] = strings.Join(v.Words, " ")
	}
	for _, s := range d.sides() {
		o := d.other(s)
		if err := s.client.Call(ctx, "pair.confirm", office.PairConfirmReq{Author: o.author, Words: words[o]}, nil); err != nil {
			return err
		}
	}
	d.tell("\n2. Paired: both sides read the same words aloud\n   %s ...", "\n2. 接続確認: 双方が同じ語を読み合わせた\n   %s ...", strings.Join(strings.Fields(words[d.nzl])[:8], " "))
	return nil
}

func (d *demo) agree(ctx context.Context) error {
	var text office.Blob
	if err := d.nzl.client.Call(ctx, "agreement.prepare", office.Blob{Bytes: d.agreement}, &text); err != nil {
		return err
	}
	pkg := text.Bytes
	for _, s := range d.sides() {
		keyFile, err := readFile(filepath.Join(s.dir, node.RootKeyPath), 64<<10)
		if err != nil {
			return err
		}
		pass, err := d.passphrase(s.rootPassFile, "")
		if err != nil {
			return err
		}
		if pkg, err = office.SignAgreement(pkg, keyFile, pass); err != nil {
			return err
		}
		if err := s.client.Call(ctx, "agreement.signed", office.Blob{Bytes: pkg}, nil); err != nil {
			return err
		}
		if s == d.nzl { // signed by one side only: nothing may open yet
			err := d.nzl.client.Call(ctx, "agreement.load", office.Blob{Bytes: pkg}, nil)
			d.refused("load an agreement that only one side signed", err, "agreement.signed-by-one")
		}
	}
	for _, s := range d.sides() {
		var v office.AgreementView
		if err := s.client.Call(ctx, "agreement.load", office.Blob{Bytes: pkg}, &v); err != nil {
			return err
		}
		if s == d.jpn {
			d.tell("\n3. Agreement signed by both, in force\n   %s\n   digest %.24s", "\n3. 双方が署名し発効した協定\n   %[1]s\n   ダイジェスト %.24[2]s", d.say(v.Title, v.TitleJA), v.Digest)
		}
	}
	return nil
}

// release brings every exercise report from draft to dispatch, on the side it comes from.
func (d *demo) release(ctx context.Context) error {
	d.tell("\n4. Twelve reports, portion by portion: drafted by an analyst, approved by a release officer, checked again on final bytes",
		"\n4. 報告12件: 分析担当が起案、提供決定者が承認、最終バイト列を再検査")
	for _, r := range exercise.Reports() {
		s := d.nzl
		if r.From == "JPN" {
			s = d.jpn
		}
		to := d.other(s).party
		var v office.ReleaseView
		if err := s.as("analyst").Call(ctx, "release.propose", office.ReportReq{Report: r.Report, Sheet: r.Sheet, To: to, Lang: d.flags.Lang}, &v); err != nil {
			return err
		}
		id := v.ID
		if err := s.as("release-officer").Call(ctx, "release.approve", office.ReleaseReq{ID: id, Lang: d.flags.Lang}, &v); err != nil {
			return err
		}
		d.result.Portions.Disclosed += v.Disclosed
		d.result.Portions.Withheld += v.Withheld
		d.tell("   %s %s -> %s  %s %2d shown %2d withheld  %s", "   %s %s -> %s  %s 提供%2d 非提供%2d  %s", r.Name, s.party, to, pad(v.Banner, 30), v.Disclosed, v.Withheld, v.Title)
	}
	for _, s := range append(d.sides(), d.sides()...) {
		if err := s.client.Call(ctx, "sync", office.Empty{}, nil); err != nil {
			return err
		}
	}
	return nil
}

// refusedJA is what was tried, in Japanese.
var refusedJA = map[string]string{
	"load an agreement that only one side signed":               "一方のみが署名した協定を登録する",
	"approve as the author of the report":                       "報告の起案者が提供を承認する",
	"approve under a lapsed delegation":                         "失効した委任により承認する",
	"approve a release that was stopped":                        "中止した提供案件を承認する",
	"release to a party outside the agreement":                  "協定の当事者でない相手に提供する",
	"accept without choosing among several equivalent markings": "対応する表示が複数あるのに選択せずに接受する",
	"accept under a marking that is not equivalent":             "対応しない表示により接受する",
	"NZL: open without clearance and need-to-know":              "NZL: 適格性も必要性の認定もなく開封する",
	"JPN: open without clearance and need-to-know":              "JPN: 適格性も必要性の認定もなく開封する",
}

// refused notes a refusal that the exercise provokes on purpose.
func (d *demo) refused(what string, err error, want errs.Code) {
	f := api.FailureOf(err).In(d.flags.Lang)
	d.expect(err != nil && errs.HasCode(err, want), "%s: expected a refusal %s, got %q", what, want, f.Code)
	if err == nil {
		return
	}
	d.result.Refusals = append(d.result.Refusals, demoRefusal{What: d.say(what, refusedJA[what]), Code: f.Code, Rule: f.Rule, Article: f.Article, Reason: f.Reason, Next: f.Next})
}

func (d *demo) refuse(ctx context.Context) error {
	reports := exercise.Reports()
	r := reports[1]
	var v office.ReleaseView
	propose := func() error {
		return d.nzl.as("analyst").Call(ctx, "release.propose", office.ReportReq{Report: r.Report, Sheet: r.Sheet, To: "JPN"}, &v)
	}
	if err := propose(); err != nil {
		return err
	}
	d.refused("approve as the author of the report", d.nzl.as("analyst").Call(ctx, "release.approve", office.ReleaseReq{ID: v.ID}, nil), "agreement.delegation.missing")
	d.refused("approve under a lapsed delegation", d.nzl.as("watch-officer").Call(ctx, "release.approve", office.ReleaseReq{ID: v.ID}, nil), "agreement.delegation.lapsed")
	if err := d.nzl.as("release-officer").Call(ctx, "release.stop", office.ReleaseReq{ID: v.ID, Reason: "EXERCISE: shown and stopped"}, nil); err != nil {
		return err
	}
	d.refused("approve a release that was stopped", d.nzl.as("release-officer").Call(ctx, "release.approve", office.ReleaseReq{ID: v.ID}, nil), "release.state")
	d.refused("release to a party outside the agreement", d.nzl.as("analyst").Call(ctx, "release.propose", office.ReportReq{Report: r.Report, Sheet: r.Sheet, To: "AUS"}, nil), "agreement.none")
	return nil
}

// register plays both registry officers: each item is accepted under the own marking beside the original one.
func (d *demo) register(ctx context.Context) error {
	d.tell("\n5. Delivered, held unread, then accepted by registry officers under their own marking", "\n5. 到着後は未開封で保留、登録担当が自国の標記を付して接受")
	for _, s := range d.sides() {
		var q office.Register
		if err := s.as("registry-officer").Call(ctx, "registry.queue", office.ListReq{}, &q); err != nil {
			return err
		}
		d.result.Reports.Delivered += len(q.Entries)
		for i, e := range q.Entries {
			marking := ""
			if len(e.Choices) > 1 {
				if i == 0 {
					d.refused("accept without choosing among several equivalent markings",
						s.as("registry-officer").Call(ctx, "registry.accept", office.AcceptReq{ID: e.ID, Holder: "reader"}, nil), "custody.choice.required")
					d.refused("accept under a marking that is not equivalent",
						s.as("registry-officer").Call(ctx, "registry.accept", office.AcceptReq{ID: e.ID, Holder: "reader", Marking: "jpn.hi"}, nil), "custody.marking")
				}
				for _, c := range e.Choices {
					if c.Default {
						marking = c.Targets
					}
				}
			}
			var entry office.EntryView
			if err := s.as("registry-officer").Call(ctx, "registry.accept", office.AcceptReq{ID: e.ID, Marking: marking, Holder: "reader", Lang: d.flags.Lang}, &entry); err != nil {
				return err
			}
			d.result.Reports.Registered++
			if i == 0 {
				d.tell("   %s  %s: %s, original %s, copy %d of %d", "   %s  %s: %s、原標記 %s、%d/%d 部", entry.Control, s.party, entry.Own, entry.Original, entry.Copy, entry.Of)
			}
		}
	}
	for _, s := range append(d.sides(), d.sides()...) { // registry receipts travel back
		if err := s.client.Call(ctx, "sync", office.Empty{}, nil); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) openAll(ctx context.Context) error {
	for _, s := range d.sides() {
		var l office.Register
		if err := s.as("registry-officer").Call(ctx, "registry.list", office.ListReq{}, &l); err != nil {
			return err
		}
		if len(l.Entries) == 0 {
			d.expect(false, "%s: nothing registered", s.party)
			continue
		}
		sort.Slice(l.Entries, func(i, j int) bool { return l.Entries[i].Reference < l.Entries[j].Reference }) // the first one sent is shown
		for i, e := range l.Entries {
			req := office.OpenReq{Control: e.Control, Purpose: e.Purpose, Lang: d.flags.Lang}
			var v office.OpenView
			if err := s.as("reader").Call(ctx, "open", req, &v); err != nil {
				return err
			}
			d.result.Opened++
			if i == 0 {
				d.refused(s.party+": open without clearance and need-to-know", s.as("liaison").Call(ctx, "open", req, nil), "custody.access")
				if s == d.jpn {
					d.tell("\n6. Opened by a cleared reader in %s:\n\n%s", "\n6. %s の閲覧資格者が開封:\n\n%s", s.party, indent(v.Text))
				}
			}
		}
	}
	return nil
}

// prove counts what both nodes can show, and has both directories verified offline.
func (d *demo) prove(ctx context.Context) error {
	for _, s := range d.sides() {
		var list office.ReleaseList
		if err := s.as("release-officer").Call(ctx, "release.list", office.ListReq{}, &list); err != nil {
			return err
		}
		for _, r := range list.Releases {
			if r.Dispatched != nil {
				d.result.Reports.Released++
			}
			if r.State == "registered" {
				d.result.Receipts.Registry++
			}
		}
		var st office.Status
		if err := s.client.Call(ctx, "status", office.Empty{}, &st); err != nil {
			return err
		}
		for _, c := range st.Channels {
			j := demoJournal{Party: s.party, Author: c.Own.Author, Size: c.Own.Size, Root: c.Own.Root, CosignedBy: []string{}}
			if c.Own.Witnessed == c.Own.Size {
				j.CosignedBy = append(j.CosignedBy, d.other(s).party)
			}
			d.result.Journals = append(d.result.Journals, j)
			d.result.Receipts.Cosigned += int(c.Own.Witnessed)
			d.result.Receipts.Held += int(c.Own.Held)
			d.expect(c.Own.Witnessed == c.Own.Size, "%s: partner cosigned %d of %d statements", s.party, c.Own.Witnessed, c.Own.Size)
			d.expect(c.Own.Held == c.Own.Size, "%s: partner holds %d of %d statements", s.party, c.Own.Held, c.Own.Size)
		}
		v, err := office.VerifyDirectory(ctx, s.dir)
		if err != nil {
			return err
		}
		d.expect(v.OK, "%s: the directory does not verify offline", s.party)
		d.result.Verified = append(d.result.Verified, demoVerified{s.party, v.OK, len(v.Lines)})
	}
	n := len(exercise.Reports())
	d.expect(d.result.Reports.Released == n, "%d of %d reports released", d.result.Reports.Released, n)
	d.expect(d.result.Reports.Delivered == n, "%d of %d reports delivered", d.result.Reports.Delivered, n)
	d.expect(d.result.Reports.Registered == n, "%d of %d reports registered", d.result.Reports.Registered, n)
	d.expect(d.result.Receipts.Registry == n, "%d of %d registry receipts came back", d.result.Receipts.Registry, n)
	d.expect(d.result.Opened == n, "%d of %d reports opened", d.result.Opened, n)
	d.expect(d.result.Portions.Disclosed > 0 && d.result.Portions.Withheld > 0, "nothing disclosed or nothing withheld")
	return nil
}

func (d *demo) ending(c *demoCmd) {
	r := &d.result
	d.tell("\n7. Refused, each with its rule, article and next step", "\n7. 拒否されたもの(根拠と次の手順つき)")
	for _, x := range r.Refusals {
		d.tell("   - %s\n     %s  [%s]\n     why:  %s\n     next: %s", "   - %s\n     %s  [%s]\n     理由: %s\n     次に: %s", x.What, x.Code, strings.Trim(x.Rule+"; "+x.Article, "; "), x.Reason, x.Next)
	}
	d.tell("\n8. Proved offline from either side's disk, without keys", "\n8. 双方のディスクだけで、鍵なしに検証")
	for _, j := range r.Journals {
		d.tell("   %s  %d statements  root %.16s  cosigned by %s", "   %s  %d 件  根 %.16s  副署 %s", j.Author, j.Size, j.Root, strings.Join(j.CosignedBy, " "))
	}
	d.tell("\n   %d reports released, %d delivered, %d registered; %d portions disclosed, %d withheld\n   %d statements cosigned, %d held, %d registry receipts; %.1f s",
		"\n   提供 %d 件、到着 %d 件、登録 %d 件。部分の提供 %d、提供せず %d\n   副署 %d 件、保持 %d 件、受領書 %d 件。%.1f 秒",
		r.Reports.Released, r.Reports.Delivered, r.Reports.Registered, r.Portions.Disclosed, r.Portions.Withheld,
		r.Receipts.Cosigned, r.Receipts.Held, r.Receipts.Registry, r.Seconds)
	for _, m := range r.Missing {
		d.tell("   MISSING: %s", "   不足: %s", m)
	}
	if c.Headless {
		return
	}
	d.tell("\nTry next, in another terminal (both nodes stay up until you stop this with Ctrl-C):", "\n次に試すこと(別の端末で。Ctrl-C で終了するまで両ノードは動き続けます):")
	self := os.Args[0]
	for _, line := range []string{
		self + " --dir " + d.jpn.dir + " status",
		self + " --dir " + d.jpn.dir + " --post registry-officer --lang ja registry list",
		self + " --dir " + d.nzl.dir + " --post release-officer release list",
		self + " --dir " + d.nzl.dir + " --post auditor journal show",
		self + " verify " + d.nzl.dir,
	} {
		d.tell("   %s", "   %s", line)
	}
}

func indent(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight("      "+l, " ")
	}
	return strings.Join(lines, "\n")
}
