package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"entente/errs"
	"entente/internal/api"
	"entente/internal/node"
	"entente/internal/office"
)

type pairCmd struct {
	Card    pairCardCmd    `cmd:"" help:"Write this node's card, to be handed to the partner."`
	Add     pairAddCmd     `cmd:"" help:"Read a partner's card and show the words to read aloud."`
	Confirm pairConfirmCmd `cmd:"" help:"Confirm a partner with the words it read to you."`
}

func (pairCmd) Help() string {
	return "Both custodians, each at their own node:\n" +
		"  entente pair card -o nzl.card                              hand it over\n" +
		"  entente --post key-custodian pair add jpn.card             read the words aloud together\n" +
		"  entente --post key-custodian pair confirm JPN/jmod/node-1 --words \"...\""
}

type pairCardCmd struct {
	Out string `short:"o" required:"" type:"path" help:"File to write."`
}

func (c *pairCardCmd) Run(a *app) error {
	var b office.Blob
	if err := a.call("pair.card", office.Empty{}, &b); err != nil {
		return err
	}
	if err := writeFile(c.Out, b.Bytes); err != nil {
		return err
	}
	return a.print(map[string]any{"file": c.Out, "bytes": len(b.Bytes)}, func(w io.Writer) {
		fmt.Fprintf(w, a.say("card written to %s (%d bytes); hand it to the partner\n", "カードを %s に書き出しました(%d バイト)。相手に渡してください\n"), c.Out, len(b.Bytes))
	})
}

type pairAddCmd struct {
	File    string `arg:"" type:"path" help:"The partner's card."`
	Address string `help:"host:port to call, instead of the one on the card."`
}

func (c *pairAddCmd) Run(a *app) error {
	raw, err := readFile(c.File, 1<<20)
	if err != nil {
		return err
	}
	var v office.PairView
	if err := a.call("pair.add", office.PairReq{Card: raw, Address: c.Address}, &v); err != nil {
		return err
	}
	return a.print(&v, func(w io.Writer) {
		fmt.Fprintf(w, "%s  %s\n\n", v.Author, v.Fingerprint)
		for i := 0; i < len(v.Words); i += 6 {
			fmt.Fprintln(w, "   ", strings.Join(v.Words[i:min(i+6, len(v.Words))], " "))
		}
		a.note("\n%s", a.say("read these words aloud with the partner; then: entente pair confirm "+v.Author+" --words \"...\"",
			"この語を相手と読み合わせ、entente pair confirm "+v.Author+" --words \"...\""))
	})
}

type pairConfirmCmd struct {
	Author string `arg:"" help:"The partner, e.g. JPN/jmod/node-1."`
	Words  string `required:"" help:"The words the partner read aloud."`
}

func (c *pairConfirmCmd) Run(a *app) error {
	var v office.PairView
	if err := a.call("pair.confirm", office.PairConfirmReq{Author: c.Author, Words: c.Words}, &v); err != nil {
		return err
	}
	return a.print(&v, func(w io.Writer) {
		fmt.Fprintf(w, a.say("paired with %s\n", "%s と接続を確認しました\n"), v.Author)
	})
}

type agreementCmd struct {
	Show    agreementShowCmd    `cmd:"" help:"Show an agreement file, or the agreements of this node."`
	Check   agreementCheckCmd   `cmd:"" help:"Name every unset, contradictory or unsourced term of a file, with its line."`
	Prepare agreementPrepareCmd `cmd:"" help:"Fill the parties' root fingerprints, known from pairing, into a text to be signed."`
	Sign    agreementSignCmd    `cmd:"" help:"Sign a text or a package with this party's root key (key custodian)."`
	Load    agreementLoadCmd    `cmd:"" help:"Load a package into the node; once both signed and it is in force, its channel opens."`
}

func (agreementCmd) Help() string {
	return "From a text to an open channel:\n" +
		"  entente agreement check agreement.toml\n" +
		"  entente --post key-custodian agreement prepare agreement.toml -o text     one side, once\n" +
		"  entente --post key-custodian agreement sign text -o signed.once           one side\n" +
		"  entente --post key-custodian agreement sign signed.once -o signed.twice   the other\n" +
		"  entente --post key-custodian agreement load signed.twice                  both"
}

type agreementShowCmd struct {
	File string `arg:"" optional:"" type:"path" help:"Text (.toml) or package; without it, what the node holds."`
	Text bool   `help:"Print the articles as well."`
}

func (c *agreementShowCmd) Run(a *app) error {
	var views []office.AgreementView
	if c.File == "" {
		var l office.AgreementList
		if err := a.call("agreement.list", office.Empty{}, &l); err != nil {
			return err
		}
		views = l.Agreements
	} else {
		raw, err := readFile(c.File, 1<<20)
		if err != nil {
			return err
		}
		v, err := office.InspectAgreement(raw, a.clock.Now())
		if err != nil {
			return err
		}
		views = []office.AgreementView{*v}
	}
	return a.print(&office.AgreementList{Agreements: views}, func(w io.Writer) {
		if len(views) == 0 {
			fmt.Fprintln(w, a.say("no agreement loaded. Next: entente agreement load FILE", "協定は未登録です。次: entente agreement load FILE"))
		}
		for _, v := range views {
			strip(w, v.Realm)
			fmt.Fprintf(w, "%s\n%s\n  id %s   suite %s   digest %.32s\n  %s: %s   %s: %s\n", v.Title, v.TitleJA, v.ID, v.Suite, v.Digest,
				a.say("state", "状態"), a.word(v.State), a.say("signed by", "署名"), strings.Join(v.SignedBy, " "))
			for _, r := range a.lines(v.Reasons, v.ReasonsJA) {
				fmt.Fprintf(w, "  - %s\n", r)
			}
			for _, p := range v.Problems {
				fmt.Fprintf(w, "  %s %d: %s: %s\n", a.say("line", "行"), p.Line, p.Code, a.say(p.Detail, p.DetailJA))
			}
			if c.Text {
				fmt.Fprintf(w, "\n%s\n", v.Text)
			}
		}
	})
}

type agreementCheckCmd struct {
	File string `arg:"" type:"path" help:"Agreement text (.toml) or package."`
}

func (c *agreementCheckCmd) Run(a *app) error {
	raw, err := readFile(c.File, 1<<20)
	if err != nil {
		return err
	}
	v, err := office.InspectAgreement(raw, a.clock.Now())
	if err != nil {
		return err
	}
	if len(v.Problems) > 0 {
		a.status = 3
		defer func() {
			a.explain(api.Failure{Kind: "refused", Code: v.Problems[0].Code, Subject: v.ID, Rule: "agreements 4", Reason: "a term that is unset, contradictory or unsourced refuses whatever depends on it",
				Next: "set or correct the terms above, then check again"}.In(a.flags.Lang))
		}()
	}
	return a.print(v, func(w io.Writer) {
		for _, p := range v.Problems {
			fmt.Fprintf(w, "%s:%d: %s: %s\n", c.File, p.Line, p.Code, a.say(p.Detail, p.DetailJA))
		}
		fmt.Fprintf(w, a.say("%d terms unset, contradictory or unsourced; state: %s\n", "未設定・矛盾・出典なし %d 件、状態: %s\n"), len(v.Problems), a.word(v.State))
	})
}

type agreementPrepareCmd struct {
	File string `arg:"" type:"path" help:"Agreement text with empty roots."`
	Out  string `short:"o" required:"" type:"path" help:"File to write."`
}

func (c *agreementPrepareCmd) Run(a *app) error {
	raw, err := readFile(c.File, 1<<20)
	if err != nil {
		return err
	}
	var b office.Blob
	if err := a.call("agreement.prepare", office.Blob{Bytes: raw}, &b); err != nil {
		return err
	}
	if err := writeFile(c.Out, b.Bytes); err != nil {
		return err
	}
	return a.print(map[string]any{"file": c.Out}, func(w io.Writer) {
		fmt.Fprintf(w, a.say("text written to %s; both parties sign these very bytes: entente agreement sign\n", "文書を %s に書き出しました。双方がこのバイト列に署名します: entente agreement sign\n"), c.Out)
	})
}

type agreementSignCmd struct {
	File           string `arg:"" type:"path" help:"Agreement text (.toml), or a package the partner already signed."`
	Out            string `short:"o" required:"" type:"path" help:"Package to write."`
	RootKey        string `type:"path" help:"Root key file (default: DIR/keys/root.key)."`
	RootPassphrase string `name:"root-passphrase-file" env:"ENTENTE_ROOT_PASSPHRASE_FILE" placeholder:"FILE" help:"File with the root key's passphrase."`
}

func (c *agreementSignCmd) Run(a *app) error {
	raw, err := readFile(c.File, 1<<20)
	if err != nil {
		return err
	}
	key := c.RootKey
	if key == "" {
		key = filepath.Join(a.flags.Dir, node.RootKeyPath)
	}
	keyFile, err := readFile(key, 64<<10)
	if err != nil {
		return err
	}
	pass, err := a.passphrase(c.RootPassphrase, "the root key")
	if err != nil {
		return err
	}
	// The root key is used in this process and never enters the node; the node only records that its custodian signed.
	signed, err := office.SignAgreement(raw, keyFile, pass)
	if err != nil {
		return err
	}
	var v office.AgreementView
	if err := a.call("agreement.signed", office.Blob{Bytes: signed}, &v); err != nil {
		return err
	}
	if err := writeFile(c.Out, signed); err != nil {
		return err
	}
	return a.print(&v, func(w io.Writer) {
		fmt.Fprintf(w, a.say("signed %s; package written to %s; signed by: %s\n", "%s に署名し、%s に書き出しました。署名済み: %s\n"), v.ID, c.Out, strings.Join(v.SignedBy, " "))
	})
}

type agreementLoadCmd struct {
	File string `arg:"" type:"path" help:"Package signed by both parties."`
}

func (c *agreementLoadCmd) Run(a *app) error {
	raw, err := readFile(c.File, 1<<20)
	if err != nil {
		return err
	}
	var v office.AgreementView
	if err := a.call("agreement.load", office.Blob{Bytes: raw}, &v); err != nil {
		return err
	}
	return a.print(&v, func(w io.Writer) {
		fmt.Fprintf(w, "%s  %s: %s\n", a.say(v.Title, v.TitleJA), a.say("state", "状態"), a.word(v.State))
		for _, r := range a.lines(v.Reasons, v.ReasonsJA) {
			fmt.Fprintf(w, "  - %s\n", r)
		}
		if v.Channel != "" {
			fmt.Fprintf(w, "%s %.16s\n", a.say("channel open:", "チャネル開設:"), v.Channel)
		}
	})
}

type bundleCmd struct {
	Pack bundlePackCmd `cmd:"" help:"Write what the partner has not confirmed yet into a file."`
	Open bundleOpenCmd `cmd:"" help:"Take in a bundle file carried here."`
}

func (bundleCmd) Help() string {
	return "There and back, on media carried by hand:\n" +
		"  entente bundle pack -o there.entb\n" +
		"  entente bundle open there.entb --dry-run     at the partner's: check, change nothing\n" +
		"  entente bundle open there.entb -o back.entb\n" +
		"  entente bundle open back.entb                at home: the acknowledgement"
}

type bundlePackCmd struct {
	Out     string `short:"o" required:"" type:"path" help:"File to write."`
	Channel string `help:"Channel, if the node has several (first digits suffice)."`
}

func (c *bundlePackCmd) Run(a *app) error {
	var v office.BundleView
	if err := a.call("bundle.pack", office.BundleReq{Channel: c.Channel}, &v); err != nil {
		return err
	}
	if err := writeFile(c.Out, v.Answer); err != nil {
		return err
	}
	size := len(v.Answer)
	v.Answer = nil
	return a.print(&v, func(w io.Writer) {
		fmt.Fprintf(w, a.say("%s: %d bytes, %d statements, %d receipts\n", "%s: %d バイト、通知 %d 件、受領 %d 件\n"), c.Out, size, v.Statements, v.Receipts)
	})
}

type bundleOpenCmd struct {
	File   string `arg:"" type:"path" help:"Bundle file."`
	DryRun bool   `help:"Check everything, change nothing."`
	Out    string `short:"o" type:"path" help:"Write the answer (receipts) here, to be carried back."`
}

func (c *bundleOpenCmd) Run(a *app) error {
	raw, err := readFile(c.File, 17<<20)
	if err != nil {
		return err
	}
	var v office.BundleView
	if err := a.call("bundle.open", office.BundleReq{Bytes: raw, DryRun: c.DryRun}, &v); err != nil {
		return err
	}
	if c.Out != "" && len(v.Answer) > 0 {
		if err := writeFile(c.Out, v.Answer); err != nil {
			return err
		}
	}
	defer a.partly(v.Problem)()
	answer := len(v.Answer)
	v.Answer = nil
	return a.print(&v, func(w io.Writer) {
		fmt.Fprintf(w, a.say("from %s: %d statements, %d new, %d receipts\n", "%s から: 通知 %d 件、新規 %d 件、受領 %d 件\n"), v.From, v.Statements, v.New, v.Receipts)
		for _, f := range v.Findings {
			fmt.Fprintf(w, "  - %s: %s\n", f, api.Failure{Kind: "integrity", Code: f}.In(a.flags.Lang).Next)
		}
		switch {
		case c.DryRun:
			fmt.Fprintln(w, a.say("dry run: nothing was changed", "試行のみ: 何も変更していません"))
		case answer > 0 && c.Out == "":
			a.note("%s", a.say("an answer is due: run bundle pack, or use -o next time", "返信が必要です: bundle pack を実行してください"))
		}
	})
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

type verifyCmd struct {
	Path string `arg:"" type:"path" help:"Node directory, or evidence file made by journal proof."`
}

func (c *verifyCmd) Run(a *app) error {
	info, err := os.Stat(c.Path)
	if err != nil {
		return &errs.Error{Kind: errs.Usage, Code: "cli.file", Op: "verify", Subject: c.Path, Reason: "it cannot be read", Err: err,
			Next: "check the path"}
	}
	var v *office.Verification
	if info.IsDir() {
		v, err = office.VerifyDirectory(a.ctx, c.Path)
	} else {
		var raw []byte
		if raw, err = readFile(c.Path, 64<<20); err == nil {
			v, err = office.VerifyEvidence(raw)
		}
	}
	if err != nil {
		return err
	}
	if !v.OK {
		a.status = 5
		f := api.Failure{Kind: "integrity", Code: "verify.failed", Subject: c.Path}
		for _, l := range v.Lines {
			if !l.OK {
				f.Code, f.Reason = first(l.Code, f.Code), l.Text
				break
			}
		}
		defer func() { a.explain(f.In(a.flags.Lang)) }()
	}
	return a.print(v, func(w io.Writer) {
		for _, l := range v.Lines {
			mark := "ok  "
			if !l.OK {
				mark = a.say("FAIL", "不良")
			}
			fmt.Fprintf(w, "%s %s\n", mark, l.Text)
		}
		for _, l := range v.NotShown {
			fmt.Fprintf(w, "%s %s\n", a.say("not shown:", "証明対象外:"), l)
		}
		if v.OK {
			fmt.Fprintln(w, a.say("verified", "検証できました"))
		} else {
			fmt.Fprintln(w, a.say("NOT VERIFIED", "検証できません"))
		}
	})
}
