package exchange

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"entente/statement"
)

// converged fails unless both nodes hold everything the other said, know that the other does, and take it in one order.
func converged(t *testing.T, a, b *node) {
	t.Helper()
	for _, n := range []*node{a, b} {
		own, peer := n.own(), n.peers()
		size := own.pos.Size
		all := Ranges(nil).Add(0, size)
		if !own.pos.PeerHeld.Covers(all) || own.pos.PeerSize != size {
			t.Errorf("%s: of %d the peer witnessed %d and holds %v", n.l.Self, size, own.pos.PeerSize, own.pos.PeerHeld)
		}
		if peer.tree.Root() != peer.pos.Root || uint64(peer.tree.Size()) != peer.pos.Size || !peer.pos.Held.Covers(Ranges(nil).Add(0, peer.pos.Size)) {
			t.Errorf("%s: of %d holds %v", n.l.Self, peer.pos.Size, peer.pos.Held)
		}
	}
	if a.own().pos.Root != b.peers().pos.Root || b.own().pos.Root != a.peers().pos.Root {
		t.Error("the copies differ from the journals")
	}
	for i, k := range a.own().entries {
		c := b.peers().entries[i]
		if !bytes.Equal(k.cont.Bytes, c.cont.Bytes) || !bytes.Equal(k.act.Bytes, c.act.Bytes) || k.cont.Salt != c.cont.Salt {
			t.Fatalf("entry %d came out different", i)
		}
		for _, o := range k.objects {
			if len(b.objects[o.Root].parts) != len(a.objects[o.Root].parts) {
				t.Fatalf("entry %d lacks parts of an object", i)
			}
		}
	}
	print := func(n *node) string {
		ordered, pending, bad := statement.Order(n.statements())
		var s strings.Builder
		for _, x := range ordered {
			fmt.Fprintf(&s, "%x ", x.LeafHash[:4])
		}
		return s.String() + fmt.Sprint(len(pending), bad)
	}
	if print(a) != print(b) {
		t.Error("the two sides order the statements differently")
	}
}

func TestTwoNodesExchange(t *testing.T) {
	a, b := two(t)
	if err := a.l.Check(); err != nil {
		t.Fatal(err)
	}
	question := a.say("question", Routine)
	talk(a, b, MaxBudget)
	act, content := b.draft("answer")
	act.Thread, act.Answers = question.Act.Thread, []statement.Ref{{Author: nz, ID: question.Act.ID, Leaf: question.LeafHash}}
	b.write(act, content, Flash, 3*64<<10+5, 1)
	for i := range 300 {
		a.say(fmt.Sprint("more ", i), Routine)
	}
	if n := talk(b, a, MaxBudget); n > 6 {
		t.Errorf("%d bundles where six are enough", n)
	}
	converged(t, a, b)
	if _, pending, bad := statement.Order(a.statements()); len(pending)+len(bad) != 0 {
		t.Errorf("pending %d, violations %v", len(pending), bad)
	}
}

// Loss, doubling, reordering and crashes between examination and commit, then quiet: both sides end equal.
func TestWhateverTheLinkDoesBothSidesEndEqual(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, seed))
			a, b := two(t)
			nodes := [2]*node{a, b}
			var wire [2][][]byte // bundles under way to each node
			for range 60 {
				who := r.IntN(2)
				n := nodes[who]
				n.now = n.now.Add(time.Duration(r.IntN(5000)) * time.Millisecond)
				switch r.IntN(4) {
				case 0:
					for range r.IntN(8) {
						var objects []int
						for range r.IntN(8) / 5 {
							objects = append(objects, 1+r.IntN(5*64<<10))
						}
						n.say(strings.Repeat("x", r.IntN(30<<10)), Precedence(r.IntN(5)), objects...)
					}
				case 1:
					b, raw := n.build([]int{MinBudget, 4 * MinBudget, MaxBudget}[r.IntN(3)])
					if !b.Empty() {
						wire[1-who] = append(wire[1-who], raw)
					}
				default:
					if len(wire[who]) == 0 {
						continue
					}
					i := r.IntN(len(wire[who]))
					raw := wire[who][i]
					if r.IntN(4) > 0 { // else it comes again
						wire[who] = append(wire[who][:i:i], wire[who][i+1:]...)
					}
					if r.IntN(4) == 0 {
						continue // lost
					}
					s, err := n.examine(raw)
					if err != nil {
						t.Fatal(err)
					}
					if r.IntN(5) > 0 { // else the process dies before the commit
						n.commit(s)
					}
					if s.OwnHeadAhead != nil || s.Equivocation != nil || len(s.Violations) > 0 {
						t.Fatalf("an honest peer was accused: %+v", s)
					}
				}
			}
			talk(a, b, 2*MinBudget)
			converged(t, a, b)
		})
	}
}
