package exchange

import (
	"bytes"
	"cmp"
	"slices"

	"entente/errs"
	"entente/seal"
	"entente/statement"
)

// object is an object as this examination sees it.
type object struct {
	Object
	known bool
	now   bool // its content came in this bundle
}

func (o *object) complete() bool {
	return o.known && o.Have.Covers(Ranges{{0, leavesOf(o.Size)}})
}

// object returns what is known of an object, from the database or from a content of this bundle.
func (x *exam) object(root [48]byte) (*object, error) {
	if o := x.objects[root]; o != nil {
		return o, nil
	}
	stored, err := x.r.Object(root)
	if err != nil && errs.KindOf(err) != errs.NotFound {
		return nil, err
	}
	o := &object{Object: stored, known: err == nil}
	if size, ok := x.wanted[root]; ok && !o.known {
		o.known, o.now, o.Size = true, true, size
	}
	x.objects[root] = o
	return o, nil
}

// parts verifies object parts, each alone, and keeps those that were not here. Objects whose content is not here are
// refused: without it nobody knows that they are wanted. The sender sends them again when it learns that the content
// arrived.
func (x *exam) parts() error {
	for i := range x.b.Objects {
		p := &x.b.Objects[i]
		o, err := x.object(p.Root)
		if err != nil {
			return err
		}
		if !o.known {
			x.refuseObject(p.Root, errs.NotFound, "exchange.object.unknown", "no content held here names this object")
			continue
		}
		if o.Size != p.Size {
			x.refuseObject(p.Root, errs.Integrity, "exchange.object.size", "not of the size that its content says")
			continue
		}
		if o.Have.Contains(p.Index) {
			continue
		}
		if err := seal.VerifyLeaf(p.Root, leavesOf(p.Size), int64(p.Size), p.Index, p.Data, p.Proof); err != nil {
			return &errs.Error{Kind: errs.Integrity, Code: "exchange.object.proof", Op: "exchange.object",
				Reason: "a part is not what its root commits to", Err: err}
		}
		if ok, err := x.room(uint64(len(p.Data))); err != nil {
			return err
		} else if !ok {
			x.refuseObject(p.Root, errs.Quota, "exchange.quota", "over a limit of the agreement; the part was not stored")
			continue
		}
		o.Have = o.Have.Add(p.Index, p.Index+1)
		x.step.Objects = append(x.step.Objects, *p)
		if o.complete() {
			x.step.Complete = append(x.step.Complete, p.Root)
		}
	}
	slices.SortFunc(x.step.Objects, func(a, b ObjectPart) int {
		return cmp.Or(bytes.Compare(a.Root[:], b.Root[:]), cmp.Compare(a.Index, b.Index))
	})
	return nil
}

// refuseObject records the first refusal of each object.
func (x *exam) refuseObject(root [48]byte, kind errs.Kind, code errs.Code, reason string) {
	for _, r := range x.step.Refused {
		if r.Author == "" && r.Root == root {
			return
		}
	}
	x.step.Refused = append(x.step.Refused, Refusal{Root: root,
		Err: &errs.Error{Kind: kind, Code: code, Op: "exchange.object", Reason: reason}})
}

// candidate notes an entry that may be held by the end of this step.
func (x *exam) candidate(v *view, e *entry) {
	for _, o := range e.naming {
		if _, ok := x.wanted[o.Root]; !ok {
			x.wanted[o.Root] = o.Size
		}
	}
	if e.ActState == Present && e.ContentState == Present {
		x.ready = append(x.ready, ready{Place{v.author, v.epoch, e.Index}, e.leaf.Objects})
	}
}

// ready is an entry whose act and content are here, and the objects it waits for.
type ready struct {
	place   Place
	objects [][48]byte
}

// hold finds what is held now: entries of which act, content and every object are here or in this step.
func (x *exam) hold() error {
	for _, root := range x.step.Complete {
		for _, p := range x.objects[root].Waiting {
			stored, err := x.r.Entry(p.Author, p.Epoch, p.Index)
			if err != nil {
				return err
			}
			leaf, err := statement.DecodeLeaf(stored.Leaf)
			if err == nil && stored.Act == Present && stored.Content == Present {
				x.ready = append(x.ready, ready{p, leaf.Objects})
			}
		}
	}
	for _, r := range x.ready {
		held := true
		for _, root := range r.objects {
			o, err := x.object(root)
			if err != nil {
				return err
			}
			held = held && o.complete()
		}
		if !held {
			continue
		}
		v, err := x.view(r.place.Author, r.place.Epoch)
		if err != nil {
			return err
		}
		if a := x.advance(v); !v.pos.Held.Contains(r.place.Index) {
			a.NewlyHeld.push(r.place.Index)
		}
	}
	for i := range x.step.Journals {
		a := &x.step.Journals[i]
		a.Held = a.Held.Union(a.NewlyHeld)
	}
	return nil
}
