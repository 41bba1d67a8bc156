package office_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"entente/evidence"
	"entente/exchange"
	"entente/internal/office"
	"entente/journal"
	"entente/seal"

	_ "modernc.org/sqlite"
)

// forger is whoever holds a node's directory and its keys: the author, who would rather have said something else.
type forger struct {
	t           *testing.T
	db          *sql.DB
	dir         string
	own, theirs journal.Origin
	keys        *seal.NodeKeys
}

func (f *forger) exec(query string, args ...any) {
	f.t.Helper()
	if _, err := f.db.Exec(query, args...); err != nil {
		f.t.Fatal(err)
	}
}

func (f *forger) id(o journal.Origin) (id int64) {
	f.t.Helper()
	if err := f.db.QueryRow("select id from journal where origin = ?", o.String()).Scan(&id); err != nil {
		f.t.Fatal(err)
	}
	return id
}

// root puts the root that a journal's leaves now lead to into its row, and returns size and root.
func (f *forger) root(o journal.Origin) journal.Checkpoint {
	f.t.Helper()
	tree, err := journal.OpenTree(0, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	rows, err := f.db.Query("select bytes from leaf where journal = ? order by idx", f.id(o))
	if err != nil {
		f.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var leaf []byte
		if err := rows.Scan(&leaf); err != nil {
			f.t.Fatal(err)
		}
		tree.Append(journal.LeafHash(leaf))
	}
	root := tree.Root()
	rows.Close()
	f.exec("update journal set size = ?, root = ? where origin = ?", tree.Size(), root[:], o.String())
	return journal.Checkpoint{Origin: o, Size: tree.Size(), Root: root}
}

func (f *forger) sign(c journal.Checkpoint) []byte {
	f.t.Helper()
	note, err := journal.Sign(f.keys.Signing, seal.Hybrid, c)
	if err != nil {
		f.t.Fatal(err)
	}
	return note
}

func TestADirectoryInTheHandsOfItsAuthorProvesNothingFalse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.release(t, w.nzl, "R04")
	w.sync(t, w.nzl)
	w.release(t, w.jpn, "R01")
	w.sync(t, w.jpn)
	w.sync(t, w.nzl)
	c := w.nzl.Carrier().Routes()[0]
	if err := w.nzl.Close(); err != nil {
		t.Fatal(err)
	}
	check := func(dir string) *office.Verification {
		t.Helper()
		r, err := office.VerifyDirectory(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	good := check(w.nzl.dir)
	if !good.OK {
		t.Fatalf("%+v", good.Lines)
	}
	text := fmt.Sprintf("%+v", good.Lines)
	for _, s := range c.Agreement.Parties() { // whoever makes up everything makes up the roots: a person compares them
		if !strings.Contains(text, s.Root.String()) {
			t.Errorf("the root of %s is not shown", s.ID)
		}
	}
	for name, tc := range map[string]struct {
		forge func(f *forger)
		code  string
	}{
		"no agreement":      {func(f *forger) { f.exec("delete from public where kind = 'agreement'") }, "verify.nothing"},
		"an agreement less": {func(f *forger) { f.exec("delete from public where kind = 'agreement'") }, "verify.stray"},
		"no keys of the partner": {func(f *forger) {
			f.exec("delete from public where kind = 'keys' and id <> ?", fmt.Sprintf("%x", nzl.author))
		}, "seal.signed.size"},
		"the partner's keys are its own": {func(f *forger) {
			f.exec("update public set bytes = (select bytes from public where kind = 'keys' and id = ?) where kind = 'keys'", fmt.Sprintf("%x", nzl.author))
		},
			"verify.keys"},
		"the partner's journal is gone": {func(f *forger) { f.exec("delete from journal where origin = ?", f.theirs.String()) }, "verify.journal"},
		"both journals are gone": {func(f *forger) {
			f.exec("delete from journal where channel = (select channel from journal where origin = ?)", f.own.String())
		}, "verify.channel"},
		"a leaf of its own rewritten": {func(f *forger) {
			f.exec("update leaf set bytes = ? where journal = ? and idx = 1", []byte("other"), f.id(f.own))
		}, "verify.root"},
		"a leaf of its own rewritten, and signed again": {func(f *forger) {
			f.exec("update leaf set bytes = ? where journal = ? and idx = 1", []byte("other"), f.id(f.own))
			cp := f.root(f.own)
			f.exec("delete from checkpoint where journal = ?", f.id(f.own))
			f.exec("insert into checkpoint (journal, size, note) values (?, ?, ?)", f.id(f.own), cp.Size, f.sign(cp))
		}, "verify.root"},
		"the partner's leaf rewritten": {func(f *forger) {
			f.exec("update leaf set bytes = ? where journal = ? and idx = 1", []byte("other"), f.id(f.theirs))
			f.root(f.theirs)
		}, "verify.root"},
		"a statement put into the partner's mouth": {func(f *forger) {
			f.exec("insert into leaf (journal, idx, bytes) select ?, max(idx) + 1, ? from leaf where journal = ?", f.id(f.theirs), []byte("more"), f.id(f.theirs))
			f.root(f.theirs)
		}, "verify.unsigned"},
		"a leaf left out": {func(f *forger) { f.exec("delete from leaf where journal = ? and idx = 2", f.id(f.own)) }, "verify.root"},
		"the last leaf cut off": {func(f *forger) {
			f.exec("delete from leaf where journal = ? and idx = (select max(idx) from leaf where journal = ?)", f.id(f.own), f.id(f.own))
			f.root(f.own)
		}, "verify.root"},
		"a checkpoint of another size": {func(f *forger) {
			f.exec("update checkpoint set size = 2 where journal = ? and size = (select max(size) from checkpoint where journal = ?)", f.id(f.own), f.id(f.own))
		},
			"verify.checkpoint"},
		"a checkpoint in the partner's name": {func(f *forger) {
			cp := f.root(f.theirs)
			f.exec("update checkpoint set note = ? where journal = ? and size = ?", f.sign(cp), f.id(f.theirs), cp.Size)
		}, "journal.checkpoint.ed25519"},
		"it cosigned for itself": {func(f *forger) {
			cp, name := f.root(f.own), journal.WitnessName(f.own.Author)
			lines, err := journal.Cosign(f.keys.Cosigning, name, seal.Hybrid, cp, f.sign(cp), begin)
			if err != nil {
				t.Error(err)
			}
			f.exec("insert into cosignature (journal, cosigner, size, root, lines, at) values (?, ?, ?, ?, ?, 1)", f.id(f.own), name, cp.Size, cp.Root[:], lines)
		}, "verify.cosigner"},
		"a cosignature in the partner's name": {func(f *forger) {
			cp, name := f.root(f.own), journal.WitnessName(f.theirs.Author)
			lines, err := journal.Cosign(f.keys.Cosigning, name, seal.Hybrid, cp, f.sign(cp), begin)
			if err != nil {
				t.Error(err)
			}
			f.exec("update cosignature set lines = ? where journal = ? and size = (select max(size) from cosignature where journal = ?)", lines, f.id(f.own), f.id(f.own))
		}, "journal.cosignature.ed25519"},
		"a cosignature of an impossible size": {func(f *forger) { f.exec("update cosignature set size = -1 where journal = ?", f.id(f.own)) }, "journal.checkpoint.malformed"},
		// The row says who signed, the bytes say who holds: a receipt in the partner's name, signed and filed under the author's own.
		"a held receipt in the partner's name": {func(f *forger) {
			s, err := exchange.SignHeld(f.keys.Cosigning, &exchange.Link{Realm: realm, Channel: f.own.Channel, Suite: seal.Hybrid, Self: f.theirs.Author}, f.own.Author, 1, exchange.Ranges{{0, 3}}, begin)
			if err != nil {
				t.Error(err)
			}
			f.exec("insert into held_receipt (id, journal, holder, at, signed) values (1000, ?, ?, 1, ?)", f.id(f.own), string(f.own.Author), s.Encode())
		}, "exchange.held.signature"},
		"the partner's receipt for its own journal": {func(f *forger) {
			f.exec("update held_receipt set signed = (select signed from held_receipt where journal = ? limit 1) where journal = ?", f.id(f.theirs), f.id(f.own))
		}, "exchange.held.signature"},
		"a receipt for more than there is": {func(f *forger) {
			f.exec("delete from checkpoint where journal = ? and size > 2", f.id(f.own))
			f.exec("delete from cosignature where journal = ?", f.id(f.own))
			f.exec("delete from leaf where journal = ? and idx >= 2", f.id(f.own))
			f.root(f.own)
		}, "verify.held"},
		"a national leaf rewritten": {func(f *forger) {
			f.exec("update leaf set bytes = ? where journal = (select id from journal where kind = 'national') and idx = 0", []byte("other"))
		}, "verify.root"},
		"it contradicted itself": {func(f *forger) { f.exec("update journal set frozen = 1 where origin = ?", f.theirs.String()) }, "verify.frozen"},
	} {
		dir := t.TempDir()
		copyTree(t, w.nzl.dir, dir)
		db, err := sql.Open("sqlite", dir+"/entente.db")
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(1)
		keys, _, _ := readNode(t, dir)
		f := &forger{t: t, db: db, dir: dir, own: c.Own, theirs: c.Theirs, keys: keys}
		f.exec("pragma synchronous = off")
		tc.forge(f)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		r := check(dir)
		if r.OK || !slices.ContainsFunc(r.Lines, func(l evidence.Finding) bool { return !l.OK && l.Code == tc.code }) {
			t.Errorf("%s: ok %v, want %s", name, r.OK, tc.code)
			for _, l := range r.Lines {
				if !l.OK {
					t.Logf("   %s %s", l.Code, l.Text)
				}
			}
		}
	}
}
