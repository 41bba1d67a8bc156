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

// checks is what the node can say of itself, each with what to do.
func (n *Node) checks(ctx context.Context) []office.Check {
	var out []office.Check
	say := func(name, state, detail, next string) {
		out = append(out, office.Check{Name: name, State: state, Detail: detail, Next: next})
	}
	if found, err := n.store.Integrity(ctx); err != nil {
		say("database", "failure", err.Error(), "stop the node and restore it from its newest copy")
	} else if len(found) > 0 {
		say("database", "failure", fmt.Sprintf("%d problems, the first: %s", len(found), found[0].Reason), "run entente rebuild; if it stops, restore from the newest copy")
	} else {
		say("database", "ok", "rows, leaves, tiles and keys agree", "")
	}
	if e := n.hold.Load(); e != nil {
		say("signing", "failure", string(e.Code)+": "+e.Reason, e.Next)
	} else {
		say("signing", "ok", "database and marker agree", "")
	}
	if info, err := os.Stat(filepath.Join(n.cfg.Dir, RootKeyPath)); err == nil {
		state := "warning"
		if n.set.realm.Exercise() {
			state = "ok"
		}
		say("root key", state, fmt.Sprintf("%s is on this machine (mode %o)", RootKeyPath, info.Mode().Perm()), "move it to a safe; the node never needs it")
	} else {
		say("root key", "ok", "not on this machine", "")
	}
	for _, p := range []string{nodeKeyPath, "entente.db"} {
		if info, err := os.Stat(filepath.Join(n.cfg.Dir, p)); err == nil && info.Mode().Perm()&0o077 != 0 {
			say("permissions", "failure", fmt.Sprintf("%s can be read by others (mode %o)", p, info.Mode().Perm()), "chmod 600 "+p)
		}
	}
	if info, err := os.Stat(n.cfg.Dir); err == nil && info.Mode().Perm()&0o077 != 0 {
		say("permissions", "warning", fmt.Sprintf("others can look into the node directory (mode %o)", info.Mode().Perm()), "chmod 700 "+n.cfg.Dir)
	}
	if free, ok := freeBytes(n.cfg.Dir); ok {
		if free < limits.DiskHeadroom {
			say("disk", "failure", fmt.Sprintf("%d MiB free", free>>20), "free space: under this headroom nothing more is taken in from partners")
		} else {
			say("disk", "ok", fmt.Sprintf("%d MiB free", free>>20), "")
		}
	}
	now := n.cfg.Clock.Now()
	if err := n.watch.Observe(now); err != nil {
		f := api.FailureOf(err)
		say("clock", "failure", fmt.Sprintf("%s: %s by %s; decisions go by %s", f.Code, f.Reason, f.Subject, n.time.Now().Format(time.RFC3339)), f.Next)
	} else if year := now.Year(); year < 2026 || year > 2100 {
		say("clock", "failure", fmt.Sprintf("the year is %d", year), "set the machine's clock")
	} else {
		say("clock", "ok", now.UTC().Format(time.RFC3339), "")
	}
	for _, c := range n.book.All() {
		at, err := n.carrier.Contact(c.Peer)
		switch {
		case err != nil:
			say("partner "+string(c.Peer), "warning", "last attempt failed: "+string(errs.CodeOf(err)), "check the link; a bundle can be carried as a file: entente bundle pack")
		case at.IsZero():
			say("partner "+string(c.Peer), "warning", "not reached since this process started", "run entente sync, or wait")
		default:
			say("partner "+string(c.Peer), "ok", "last reached "+at.UTC().Format(time.RFC3339), "")
		}
	}
	if !n.set.realm.Exercise() {
		say("volume", "warning", "live mode needs an encrypted volume; this cannot be seen from here", "confirm it with the machine's administrator")
	}
	return out
}
