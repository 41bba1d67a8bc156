package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"entente/errs"
	"entente/internal/api"
	"entente/internal/limits"
	"entente/internal/office"

	"golang.org/x/sys/unix"
)

// freeBytes is how much this account may still write where dir is.
func freeBytes(dir string) (uint64, bool) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, false
	}
	return uint64(fs.Bavail) * uint64(fs.Bsize), true
}

// checks is what the node can say of itself in a person's language, each with what to do.
func (n *Node) checks(ctx context.Context, lang string) []office.Check {
	var out []office.Check
	t := func(en, ja string) string {
		if lang == "ja" {
			return ja
		}
		return en
	}
	say := func(name, state, detail, next string) {
		out = append(out, office.Check{Name: name, State: state, Detail: detail, Next: next})
	}
	database := t("database", "データベース")
	if found, err := n.store.Integrity(ctx); err != nil {
		say(database, "failure", err.Error(), t("stop the node and restore it from its newest copy", "ノードを停止し、最新の写しから戻すこと"))
	} else if len(found) > 0 {
		say(database, "failure", fmt.Sprintf(t("%d problems, the first: %s", "%d 件の不備。最初のもの: %s"), len(found), found[0].Reason),
			t("run entente rebuild; if it stops, restore from the newest copy", "entente rebuild を実行し、止まる場合は最新の写しから戻すこと"))
	} else {
		say(database, "ok", t("rows, leaves, tiles and keys agree", "行、葉、タイル及び鍵が一致"), "")
	}
	signing := t("signing", "署名")
	if e := n.hold.Load(); e != nil {
		f := api.FailureOf(e).In(lang)
		say(signing, "failure", f.Code+": "+f.Reason, f.Next)
	} else {
		say(signing, "ok", t("database and marker agree", "データベースと標識が一致"), "")
	}
	root := t("root key", "ルート鍵")
	if info, err := os.Stat(filepath.Join(n.cfg.Dir, RootKeyPath)); err == nil {
		state := "warning"
		if n.set.realm.Exercise() {
			state = "ok"
		}
		say(root, state, fmt.Sprintf(t("%s is on this machine (mode %o)", "%s がこの機械にある(モード %o)"), RootKeyPath, info.Mode().Perm()),
			t("move it to a safe; the node never needs it", "金庫へ移すこと。ノードは使用しない"))
	} else {
		say(root, "ok", t("not on this machine", "この機械にはない"), "")
	}
	permissions := t("permissions", "権限")
	for _, p := range []string{nodeKeyPath, "entente.db"} {
		if info, err := os.Stat(filepath.Join(n.cfg.Dir, p)); err == nil && info.Mode().Perm()&0o077 != 0 {
			say(permissions, "failure", fmt.Sprintf(t("%s can be read by others (mode %o)", "%s を他者が読み取れる(モード %o)"), p, info.Mode().Perm()), "chmod 600 "+p)
		}
	}
	if info, err := os.Stat(n.cfg.Dir); err == nil && info.Mode().Perm()&0o077 != 0 {
		say(permissions, "warning", fmt.Sprintf(t("others can look into the node directory (mode %o)", "ノードのディレクトリを他者が見られる(モード %o)"), info.Mode().Perm()), "chmod 700 "+n.cfg.Dir)
	}
	if free, ok := freeBytes(n.cfg.Dir); ok {
		detail := fmt.Sprintf(t("%d MiB free", "空き %d MiB"), free>>20)
		if free < limits.DiskHeadroom {
			say(t("disk", "ディスク"), "failure", detail, t("free space: under this headroom nothing more is taken in from partners", "空きを作ること。余裕がない間は、相手から何も受け入れない"))
		} else {
			say(t("disk", "ディスク"), "ok", detail, "")
		}
	}
	watch, now := t("clock", "時計"), n.cfg.Clock.Now()
	if err := n.watch.Observe(now); err != nil {
		f := api.FailureOf(err).In(lang)
		say(watch, "failure", fmt.Sprintf(t("%s: %s (by %s); decisions go by %s", "%s: %s(差 %s)判定の基準時刻: %s"), f.Code, f.Reason, f.Subject, n.time.Now().Format(time.RFC3339)), f.Next)
	} else if year := now.Year(); year < 2026 || year > 2100 {
		say(watch, "failure", fmt.Sprintf(t("the year is %d", "%d 年を指している"), year), t("set the machine's clock", "機械の時計を合わせること"))
	} else {
		say(watch, "ok", now.UTC().Format(time.RFC3339), "")
	}
	for _, c := range n.book.All() {
		at, err := n.carrier.Contact(c.Peer)
		name := t("partner ", "相手 ") + string(c.Peer)
		switch {
		case err != nil:
			say(name, "warning", t("last attempt failed: ", "直近の失敗: ")+string(errs.CodeOf(err)),
				t("check the link; a bundle can be carried as a file: entente bundle pack", "回線を確認すること。ファイルで運ぶこともできる: entente bundle pack"))
		case at.IsZero():
			say(name, "warning", t("not reached since this process started", "このプロセスの起動後、未接続"), t("run entente sync, or wait", "entente sync を実行するか、待つこと"))
		default:
			say(name, "ok", t("last reached ", "直近の接続 ")+at.UTC().Format(time.RFC3339), "")
		}
	}
	if !n.set.realm.Exercise() {
		say(t("volume", "ボリューム"), "warning", t("live mode needs an encrypted volume; this cannot be seen from here", "実運用には暗号化ボリュームを要するが、ここからは確認できない"),
			t("confirm it with the machine's administrator", "機械の管理者に確認すること"))
	}
	return out
}
