package statement

import (
	"bytes"
	"cmp"
	"slices"

	"entente/party"
)

// Before reports whether s happened before t by what the authors say: earlier in the same journal, or covered by t's
// seen.
func Before(s, t *Statement) bool {
	if s.Act.Author == t.Act.Author {
		return cmp.Or(cmp.Compare(s.Act.Epoch, t.Act.Epoch), cmp.Compare(s.Index, t.Index)) < 0
	}
	return t.Act.Sees(s.Act.Author, s.Act.Epoch, s.Index)
}

// Concurrent reports whether neither of two different statements happened before the other. Two that each claim to
// have seen the other contradict; the claims cancel and they count as concurrent, so that a false seen gains nothing.
func Concurrent(s, t *Statement) bool { return s != t && Before(s, t) == Before(t, s) }

// Order sorts statements of one channel, or of one thread, for folding.
//
// ordered respects happens-before; among statements that could come next, the smallest leaf hash does. That choice is
// arbitrary, and an author can influence it: a fold must treat concurrent statements (see [Concurrent]) alike in either
// order, or let the more restrictive win. pending are statements whose answers, or the answers of those, are not in the
// set; they join when the missing ones arrive. Both, and the violations, depend on nothing but the set given: not on
// its order, nor on duplicates. Statements whose act is not held are passed over.
//
// Violations. A statement flagged with any of these but the last is left out of ordered:
//   - statement.order.fork: two different statements at one place of one journal
//   - statement.id.reused: an id its author had used before
//   - statement.answer.mismatch: an answer names a leaf with the wrong author or id
//   - statement.answer.unseen: an answer to what the author says it has not seen
//   - statement.order.cycle: seen that cannot be true, because the statement seen has itself seen this one. It is not
//     known who lies; all members are flagged, stay in ordered and count as concurrent
func Order(stmts []*Statement) (ordered, pending []*Statement, bad []Violation) {
	all := arrange(stmts)
	flagged := make(map[*Statement]bool)
	flag := func(s *Statement, v Violation) { flagged[s] = true; bad = append(bad, v) }

	type name struct {
		author party.Author
		id     ID
	}
	names := make(map[name]bool, len(all))
	byLeaf := make(map[[32]byte]*Statement, len(all))
	for i, s := range all {
		byLeaf[s.LeafHash] = s
		if i > 0 && place(all[i-1], s) == 0 || i+1 < len(all) && place(s, all[i+1]) == 0 {
			flag(s, violation(s, "statement.order.fork", "two different statements at one place of one journal"))
			continue
		}
		n := name{s.Act.Author, s.Act.ID}
		if names[n] {
			flag(s, violation(s, "statement.id.reused", "the author had used this id before"))
		}
		names[n] = true
	}

	waiting := make(map[*Statement]bool)
	answeredBy := make(map[*Statement][]*Statement)
	for _, s := range all {
		for _, r := range s.Act.Answers {
			t := byLeaf[r.Leaf]
			switch {
			case t == nil:
				waiting[s] = true
			case t.Act.Author != r.Author || t.Act.ID != r.ID:
				flag(s, violation(s, "statement.answer.mismatch", "an answer names a leaf with the wrong author or id"))
			case !Before(t, s):
				flag(s, violation(s, "statement.answer.unseen", "an answer to what the author says it has not seen"))
			default:
				answeredBy[t] = append(answeredBy[t], s)
			}
		}
	}
	for _, s := range all {
		if waiting[s] {
			spread(s, answeredBy, waiting)
		}
	}
	var take []*Statement
	for _, s := range all {
		switch {
		case flagged[s]:
		case waiting[s]:
			pending = append(pending, s)
		default:
			take = append(take, s)
		}
	}
	ordered, cycles := merge(take)
	return ordered, pending, append(bad, cycles...)
}

// Pending returns the statements whose answers are not all in the set, as Order does.
func Pending(stmts []*Statement) []*Statement {
	_, pending, _ := Order(stmts)
	return pending
}

// spread marks everything that answers s as waiting too. Iterative: a hostile chain of answers is as long as a thread.
func spread(s *Statement, answeredBy map[*Statement][]*Statement, waiting map[*Statement]bool) {
	for todo := []*Statement{s}; len(todo) > 0; {
		last := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, t := range answeredBy[last] {
			if !waiting[t] {
				waiting[t] = true
				todo = append(todo, t)
			}
		}
	}
}

// place compares the places of two statements: author, epoch, index.
func place(a, b *Statement) int {
	return cmp.Or(cmp.Compare(a.Act.Author, b.Act.Author), cmp.Compare(a.Act.Epoch, b.Act.Epoch), cmp.Compare(a.Index, b.Index))
}

// arrange returns the statements whose act is held, by place and leaf hash, each once.
func arrange(stmts []*Statement) []*Statement {
	all := make([]*Statement, 0, len(stmts))
	for _, s := range stmts {
		if s != nil && s.Act != nil {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *Statement) int {
		return cmp.Or(place(a, b), bytes.Compare(a.LeafHash[:], b.LeafHash[:]))
	})
	return slices.CompactFunc(all, func(a, b *Statement) bool { return place(a, b) == 0 && a.LeafHash == b.LeafHash })
}

// merge takes statements arranged by place and interleaves the authors' journals. At each step a journal's next
// statement is free if no other journal still holds back one that it has seen; the free one with the smallest leaf hash
// goes. If none is free the claims form a cycle: its members are flagged and the smallest of them goes, whatever it
// claims.
func merge(all []*Statement) (ordered []*Statement, bad []Violation) {
	var chains [][]*Statement
	chainOf := make(map[party.Author]int)
	for i, s := range all {
		if i == 0 || all[i-1].Act.Author != s.Act.Author {
			chainOf[s.Act.Author] = len(chains)
			chains = append(chains, nil)
		}
		c := len(chains) - 1
		chains[c] = append(chains[c], s)
	}
	// heldBack calls yield with each chain whose next statement s claims to have seen.
	heldBack := func(s *Statement, yield func(chain int) bool) {
		for _, seen := range s.Act.Seen {
			c, ok := chainOf[seen.Author]
			if ok && len(chains[c]) > 0 && seen.covers(chains[c][0].Act.Epoch, chains[c][0].Index) && !yield(c) {
				return
			}
		}
	}
	flagged := make(map[*Statement]bool)
	ordered = make([]*Statement, 0, len(all))
	for range all {
		best := -1
		better := func(c int) {
			if best < 0 || bytes.Compare(chains[c][0].LeafHash[:], chains[best][0].LeafHash[:]) < 0 {
				best = c
			}
		}
		for c := range chains {
			free := len(chains[c]) > 0
			if free {
				heldBack(chains[c][0], func(int) bool { free = false; return false })
			}
			if free {
				better(c)
			}
		}
		if best < 0 {
			for c := range chains {
				if len(chains[c]) == 0 || !returns(c, func(c int, yield func(int) bool) { heldBack(chains[c][0], yield) }) {
					continue
				}
				better(c)
				if s := chains[c][0]; !flagged[s] {
					flagged[s] = true
					bad = append(bad, violation(s, "statement.order.cycle", "it claims to have seen what has itself seen it"))
				}
			}
		}
		ordered = append(ordered, chains[best][0])
		chains[best] = chains[best][1:]
	}
	return ordered, bad
}

// returns reports whether a walk along edges from start can come back to it.
func returns(start int, edges func(from int, yield func(int) bool)) bool {
	visited, found := make(map[int]bool), false
	for todo := []int{start}; len(todo) > 0 && !found; {
		from := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		edges(from, func(to int) bool {
			if found = to == start; !found && !visited[to] {
				visited[to] = true
				todo = append(todo, to)
			}
			return !found
		})
	}
	return found
}
