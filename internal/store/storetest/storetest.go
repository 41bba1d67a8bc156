// Package storetest is what every store must do, whatever engine is under it. A back-end's own tests call [Run] with a
// function that opens a fresh, empty store in [Realm]; what depends on one engine (crashes, full disks, failing syncs)
// is tested beside that engine.
package storetest

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"entente/errs"
	"entente/internal/store"
	"entente/journal"
	"entente/party"
	"entente/statement"
)

// Realm is the realm of every store under test.
const Realm party.Realm = "exercise:storetest"

// Run runs the suite; open opens a new store for each test and closes it with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *store.Store)
	}{
		{"a refused act leaves nothing and the others of its group stand", refusedAct},
		{"nobody is answered before the commit", answeredTogether},
		{"an act that panics is undone and panics at its caller", panickingAct},
		{"an act that ends its goroutine fails alone", exitingAct},
		{"a failed statement dooms the act even if the closure looks away", doomedAct},
		{"a dead unit of work does nothing", deadTx},
		{"cancelled contexts by the hundred leave the store usable", cancelledContexts},
		{"a view is a snapshot", snapshot},
		{"counters grow by one and refused acts take no number", counters},
		{"journals are made once, for one realm, kind and owner", journals},
		{"appends keep leaves, tiles, size and root together", appends},
		{"an undone append leaves no trace in the tree", undoneAppend},
		{"time never decreases and a freeze stays", timeAndFreeze},
		{"bodies come back as they were put", bodies},
		{"what was destroyed does not come back", destroyedBodies},
		{"what is recalled follows what is written", recall},
		{"completeness and quotas follow from the bodies", completeness},
		{"statements are found by id and by thread", index},
		{"the lowest index keeps an id that an author used twice", repeatedID},
		{"checkpoints and cosignatures are kept and never contradict", checkpoints},
		{"held ranges merge", held},
		{"docs are paged by sort and id", docs},
		{"public documents are plain", public},
		{"a bundle is seen once", bundles},
		{"objects arrive whole or in parts, in any order", objects},
		{"a destroyed object is gone", destroyedObject},
		{"a rebuild of a sound store changes nothing", rebuild},
		{"a sound store has no problems", integrity},
		{"one state, one digest, whatever the order of arrival", digest},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

var ctx = context.Background()

// Origin returns the origin of journal n, a different author and channel for each.
func Origin(n uint64) journal.Origin {
	o := journal.Origin{Realm: Realm, Author: party.Author("NZL/nzdf/node-" + string(rune('a'+n%26))), Epoch: 1}
	binary.BigEndian.PutUint64(o.Channel[:], n+1)
	return o
}

// Do runs fn and fails the test when it is refused.
func Do(t *testing.T, s *store.Store, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.Do(ctx, fn); err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, s *store.Store, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.View(ctx, fn); err != nil {
		t.Fatal(err)
	}
}

// Want fails the test unless err has the code; "" stands for no error.
func Want(t *testing.T, err error, code errs.Code) {
	t.Helper()
	if errs.CodeOf(err) != code || code == "" && err != nil {
		t.Errorf("got %v, want code %q", err, code)
	}
}

// Made returns a journal with n leaves, made in one act.
func Made(t *testing.T, s *store.Store, o journal.Origin, own bool, n int) *store.Journal {
	t.Helper()
	var j *store.Journal
	Do(t, s, func(tx *store.Tx) (err error) {
		if j, err = tx.EnsureJournal(o, store.KindChannel, own); err != nil {
			return err
		}
		leaves := make([][]byte, n)
		for i := range leaves {
			leaves[i] = []byte{byte(i), byte(i >> 8), 'l'}
		}
		return tx.AppendLeaves(j, leaves)
	})
	return j
}

// Said is a statement ready to be stored.
type Said struct {
	Leaf         []byte
	Act, Content statement.Body
	ID           statement.ID
	Thread       statement.Thread
	Type         statement.TypeName
}

// Say makes statement n of an author in a thread.
func Say(t testing.TB, o journal.Origin, n, thread uint64) Said {
	t.Helper()
	var id statement.ID
	var th statement.Thread
	binary.BigEndian.PutUint64(id[:], n+1)
	binary.BigEndian.PutUint64(th[:], thread+1)
	a := &statement.Act{Version: statement.Version, ID: id, Channel: o.Channel, Author: o.Author, Epoch: o.Epoch, Type: statement.Incident,
		Thread: th, Time: 1_700_000_000_000 + int64(n), By: statement.By{Authority: o.Author.Authority(), Role: party.RoleNode,
			Proof: statement.Proof{Kind: statement.ProofNode}}, Rules: statement.Rules{Terms: [48]byte{1}, Version: "custody/1"}}
	c := &statement.Content{Version: statement.Version, Narrative: []byte("flood relief at the river, " + string(rune('a'+n%26)))}
	salt := func(b byte) [32]byte { return sha256.Sum256([]byte{byte(n), byte(n >> 8), byte(n >> 16), b}) }
	leaf, act, content, err := statement.Make(a, c, salt(1), salt(2))
	if err != nil {
		t.Fatal(err)
	}
	return Said{Leaf: leaf, Act: act, Content: content, ID: id, Thread: th, Type: a.Type}
}

// Put stores a statement as a node does: leaf, act, content, index.
func (s Said) Put(tx *store.Tx, j *store.Journal) error {
	if err := tx.AppendLeaves(j, [][]byte{s.Leaf}); err != nil {
		return err
	}
	i := j.Size - 1
	if err := tx.PutBody(j, i, store.Act, store.Present, s.Act.Salt, s.Act.Bytes); err != nil {
		return err
	}
	if err := tx.PutBody(j, i, store.Content, store.Present, s.Content.Salt, s.Content.Bytes); err != nil {
		return err
	}
	return tx.IndexStatement(j.Origin.Channel, j, i, s.ID, s.Thread, string(s.Type))
}
