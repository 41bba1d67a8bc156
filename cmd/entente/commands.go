package main

import (
	"fmt"
	"io"
	"strings"

	"entente/internal/node"
	"entente/internal/office"
)

// description stands above the list of commands.
const description = "A sovereign node for sharing what must be protected, under an agreement both sides signed.\n\n" +
	"Data goes to standard output, talk to standard error; with --json the data is one JSON value, also for a failure. " +
	"Exit status: 0 done, 1 a defect, 2 wrong usage or malformed input, 3 refused by a rule, 4 not found, " +
	"5 contradicts what was recorded or signed, 6 not possible now, 7 durable storage failed and the node stopped."

// commands is the grammar of the command line. Help texts are the manual; examples stand in the README.
type commands struct {
	globals

	Init      initCmd      `cmd:"" help:"Make a node directory: keys, database, journal of administration."`
	Serve     serveCmd     `cmd:"" help:"Run the node until it is stopped."`
	Status    statusCmd    `cmd:"" help:"Show how the node, its channels and its partners stand."`
	Doctor    doctorCmd    `cmd:"" help:"Check the node and say how to mend what is wrong."`
	Staff     staffCmd     `cmd:"" help:"Posts and delegations: who may do what here."`
	Pair      pairCmd      `cmd:"" help:"Pair with a partner's node by card and spoken words."`
	Agreement agreementCmd `cmd:"" help:"Show, check, sign and load agreements."`
	Report    reportCmd    `cmd:"" help:"Check a report and preview what a partner may receive, and why."`
	Release   releaseCmd   `cmd:"" help:"Propose, approve, stop and list releases."`
	Registry  registryCmd  `cmd:"" help:"The registry queue and the register."`
	Open      openCmd      `cmd:"" help:"Open a registered item (cleared person, need-to-know, purpose)."`
	Journal   journalCmd   `cmd:"" help:"Show journals, export proofs."`
	Verify    verifyCmd    `cmd:"" help:"Verify a node directory or an evidence file offline. Needs no keys and no node."`
	Bundle    bundleCmd    `cmd:"" help:"Carry an exchange as a file."`
	Sync      syncCmd      `cmd:"" help:"Exchange with partners over the network now."`
	Rebuild   rebuildCmd   `cmd:"" help:"Remake everything derived and compare it with what was there."`
	Bench     benchCmd     `cmd:"" help:"Measure this machine: exchange, seal, decide."`
	Demo      demoCmd      `cmd:"" help:"Two nodes, one exercise agreement, twelve reports: the whole way once."`
	Complete  completeCmd  `cmd:"" name:"completion" help:"Print a shell completion script."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

type versionCmd struct{}

func (versionCmd) Run(a *app) error {
	return a.print(map[string]string{"version": version}, func(w io.Writer) { fmt.Fprintln(w, "entente", version) })
}

type statusCmd struct{}

func (statusCmd) Run(a *app) error {
	var s office.Status
	if err := a.call("status", office.Empty{}, &s); err != nil {
		return err
	}
	return a.print(&s, func(w io.Writer) {
		strip(w, s.Realm)
		fmt.Fprintf(w, "%s  %s  %s\n", a.say(s.Banner, s.BannerJA), s.Author, s.Version)
		fmt.Fprintf(w, "%s: %s   %s: %d   %s: %d   %s: %d   %s: %d\n", a.say("signing", "署名"), a.word(s.Signing), a.say("registry queue", "受付待ち"), s.Queue,
			a.say("registered", "登録済み"), s.Register, a.say("to dispatch", "送達待ち"), s.Pending, a.say("quarantined", "隔離"), s.Incident)
		if len(s.Channels) == 0 {
			fmt.Fprintln(w, a.say("no agreement loaded yet. Next: entente pair card, then entente agreement load", "協定は未登録です。次: entente pair card、entente agreement load"))
		}
		for _, c := range s.Channels {
			fmt.Fprintf(w, "\n%s\n  %s   %s: %s\n", a.say(c.Title, c.TitleJA), c.Agreement, a.say("state", "状態"), a.word(c.State))
			for _, r := range a.lines(c.Reasons, c.ReasonsJA) {
				fmt.Fprintf(w, "  - %s\n", r)
			}
			t := a.table(w)
			fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\n", a.say("journal", "日誌"), a.say("statements", "件数"), a.say("cosigned", "副署"), a.say("held", "保持"), a.say("root", "根"))
			for _, j := range []office.JournalStatus{c.Own, c.Theirs} {
				frozen := ""
				if j.Frozen {
					frozen = a.say("  FROZEN", "  凍結")
				}
				fmt.Fprintf(t, "  %s\t%d\t%d\t%d\t%.16s%s\n", j.Author, j.Size, j.Witnessed, j.Held, j.Root, frozen)
			}
			t.Flush()
		}
		for _, p := range s.Peers {
			state := a.say("confirmed", "確認済み")
			if !p.Confirmed {
				state = a.say("NOT CONFIRMED", "未確認")
			}
			address := p.Address
			if address == "" {
				address = a.say("no address: carried by hand", "アドレスなし: ファイルで運ぶ")
			}
			fmt.Fprintf(w, "\n%s %s  %s  %s\n", a.say("partner", "相手"), p.Author, plain(address), state)
			if p.LastContact != "" {
				fmt.Fprintf(w, "  %s: %s\n", a.say("last reached", "直近の接続"), p.LastContact)
			}
			if p.LastError != "" {
				fmt.Fprintf(w, "  %s: %s\n", a.say("last failure", "直近の失敗"), p.LastError)
			}
		}
	})
}

type doctorCmd struct{}

func (doctorCmd) Run(a *app) error {
	var d office.Doctor
	if err := a.call("doctor", office.ListReq{Lang: a.flags.Lang}, &d); err != nil {
		return err
	}
	if d.State == "failure" {
		a.status = 1
	}
	return a.print(&d, func(w io.Writer) {
		t := a.table(w)
		for _, c := range d.Checks {
			fmt.Fprintf(t, "%s\t%s\t%s\n", a.word(c.State), c.Name, c.Detail)
			if c.Next != "" {
				fmt.Fprintf(t, "\t\t%s: %s\n", a.say("next", "次に"), c.Next)
			}
		}
		t.Flush()
		fmt.Fprintf(w, "%s: %s\n", a.say("overall", "総合"), a.word(d.State))
	})
}

type staffCmd struct {
	Load staffLoadCmd `cmd:"" help:"Load posts and delegations from a staff file (TOML). Acts as a key custodian; the first load acts as the node."`
	List staffListCmd `cmd:"" help:"List posts and delegations."`
}

type staffLoadCmd struct {
	File string `arg:"" type:"path" help:"Staff file."`
}

func (c *staffLoadCmd) Run(a *app) error {
	raw, err := readFile(c.File, 1<<20)
	if err != nil {
		return err
	}
	var s office.Staff
	if err := a.call("staff.load", office.StaffReq{File: raw}, &s); err != nil {
		return err
	}
	return a.printStaff(&s)
}

type staffListCmd struct{}

func (staffListCmd) Run(a *app) error {
	var s office.Staff
	if err := a.call("staff.list", office.Empty{}, &s); err != nil {
		return err
	}
	return a.printStaff(&s)
}

func (a *app) printStaff(s *office.Staff) error {
	return a.print(s, func(w io.Writer) {
		t := a.table(w)
		fmt.Fprintln(t, a.say("POST\tAGENCY\tNATIONALITY\tROLES\tLEVELS", "職\t機関\t国籍\t役割\t区分"))
		for _, p := range s.Posts {
			var roles []string
			for _, r := range p.Roles {
				roles = append(roles, a.word(r))
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", p.Alias, p.Agency, p.Nationality, strings.Join(roles, a.say(" ", "、")), strings.Join(p.Levels, " "))
		}
		t.Flush()
		fmt.Fprintln(w)
		t = a.table(w)
		fmt.Fprintln(t, a.say("DELEGATION\tPOST\tROLE\tCEILING\tTO\tUNTIL\tIN FORCE", "委任\t職\t役割\t上限\t相手\t期限\t効力"))
		for _, d := range s.Delegations {
			force := a.say("no", "失効")
			if d.InForce {
				force = a.say("yes", "有効")
			}
			until, _, _ := strings.Cut(d.Until, "T")
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, d.Post, a.word(d.Role), d.Ceiling, strings.Join(d.Recipients, " "), until, force)
		}
		t.Flush()
	})
}

type rebuildCmd struct{}

func (rebuildCmd) Run(a *app) error {
	var r office.Rebuilt
	if err := a.call("rebuild", office.Empty{}, &r); err != nil {
		return err
	}
	return a.print(&r, func(w io.Writer) {
		fmt.Fprintf(w, "%s %s\n", a.say("rebuilt; digests equal:", "再構築完了。ダイジェスト一致:"), r.Digest)
	})
}

type syncCmd struct{}

func (syncCmd) Run(a *app) error {
	var s office.SyncView
	if err := a.call("sync", office.Empty{}, &s); err != nil {
		return err
	}
	defer a.partly(s.Problem)() // what got through got through; the rest goes with the next exchange
	return a.print(&s, func(w io.Writer) {
		fmt.Fprintf(w, a.say("%d rounds, %d statements sent, %d received\n", "%d 往復、送信 %d 件、受信 %d 件\n"), s.Rounds, s.Sent, s.Received)
	})
}

// strip prints the exercise strip that stands above what is shown in an exercise realm.
func strip(w io.Writer, realm string) {
	if realm != "" && realm != "live" {
		fmt.Fprintln(w, "EXERCISE EXERCISE EXERCISE — 演習 演習 演習")
	}
}

func (initCmd) Help() string {
	return "Example:\n  entente --dir nzl init --realm exercise:whio --author NZL/nzdf/node-1 --ceiling nzl.s"
}

type initCmd struct {
	Realm          string `required:"" help:"live, or exercise:<name>. One directory, one realm, for ever."`
	Author         string `required:"" help:"Who this node writes as: PARTY/authority/node, e.g. NZL/nzdf/node-1."`
	Ceiling        string `required:"" help:"Highest level id of the own policy that this node may hold, e.g. nzl.s."`
	Listen         string `default:"127.0.0.1:0" help:"Address to accept partners on."`
	Advertise      string `help:"Address that partners should call (default: the listening address)."`
	Suite          string `default:"hybrid" enum:"hybrid,cnsa" help:"Cryptographic suite of the node's keys."`
	Marker         string `help:"File outside the database that remembers the highest head signed; best on another disk. Default: DIR/marker." type:"path"`
	RootPassphrase string `name:"root-passphrase-file" env:"ENTENTE_ROOT_PASSPHRASE_FILE" help:"File with the passphrase of the root key (another one than the node's)." placeholder:"FILE"`
	KDF            int    `name:"kdf-iterations" hidden:"" env:"ENTENTE_KDF_ITERATIONS" help:"Iterations that protect the key files; fewer than usual in an exercise realm only."`
}

func (c *initCmd) Run(a *app) error {
	pass, err := a.passphrase(a.flags.PassphraseFile, "the node's keys")
	if err != nil {
		return err
	}
	rootPass, err := a.passphrase(c.RootPassphrase, "the root key")
	if err != nil {
		return err
	}
	made, err := node.Init(node.InitConfig{Dir: a.flags.Dir, Realm: c.Realm, Author: c.Author, Ceiling: c.Ceiling, Listen: c.Listen,
		Advertise: c.Advertise, Suite: c.Suite, Marker: c.Marker, Passphrase: pass, RootPassphrase: rootPass, Version: version, KDF: c.KDF, Clock: a.clock})
	if err != nil {
		return err
	}
	return a.print(made, func(w io.Writer) {
		strip(w, made.Realm)
		fmt.Fprintf(w, "%s %s\n", a.say("made node", "ノードを作成:"), made.Author)
		fmt.Fprintf(w, "%s %s\n", a.say("root fingerprint", "ルート指紋"), made.Fingerprint)
		a.note("%s", a.say("next: move keys/root.key to a safe; then: entente staff load FILE, entente pair card", "次に: keys/root.key を金庫へ移し、entente staff load FILE、entente pair card"))
	})
}

type serveCmd struct{}

func (serveCmd) Run(a *app) error {
	pass, err := a.passphrase(a.flags.PassphraseFile, "the node's keys")
	if err != nil {
		return err
	}
	n, err := node.Open(a.ctx, node.Config{Dir: a.flags.Dir, Passphrase: pass, Version: version, Clock: a.clock})
	if err != nil {
		return err
	}
	defer n.Close()
	return n.Serve(a.ctx, func(addr string) {
		a.note("%s", a.say("ready: "+n.Author()+" accepts partners on "+addr+", its own people on "+node.SocketName,
			"準備完了: "+n.Author()+" 受付 "+addr))
	})
}
