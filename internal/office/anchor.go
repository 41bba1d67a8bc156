package office

import (
	"context"
	"slices"
	"strings"
	"time"

	"entente/errs"
	"entente/internal/channel"
	"entente/internal/store"
	"entente/journal"
	"entente/statement"
)

// anchorEvery is how often a node commits to its national journals in each channel: often enough that a rewrite of a day shows.
const anchorEvery = 24 * time.Hour

const docAnchor = "anchor"

// Anchor says journal.anchor/1 on every channel whose last anchor is a day old: the heads of this side's national journals, so that
// their owner cannot rewrite them either. It reveals sizes and roots, nothing else.
func (o *Office) Anchor(ctx context.Context) error {
	return o.cfg.Store.Do(ctx, func(tx *store.Tx) error {
		for _, c := range o.cfg.Book.All() {
			id := hex48(c.Digest)
			if d, err := tx.Doc(docAnchor, id); err == nil && tx.Now().Sub(time.UnixMilli(d.Sort)) < anchorEvery {
				continue
			}
			if o.cfg.Hold() != nil || o.mayOnChannel(c, tx.Now()) != nil {
				continue
			}
			if err := o.publishDelegations(tx, c); errs.KindOf(err) == errs.Quota && err != nil {
				continue // nothing more may be said today; what is there is exchanged all the same
			} else if err != nil { // what could not be said when it was new
				return err
			}
			t := &statement.AnchorTerms{}
			for _, origin := range []journal.Origin{c.National, o.cfg.Book.Admin()} {
				j, err := tx.Journal(origin.String())
				if err != nil {
					return err
				}
				t.Heads = append(t.Heads, statement.AnchorHead{Origin: origin.String(), Size: j.Size, Root: j.Root})
			}
			slices.SortFunc(t.Heads, func(a, b statement.AnchorHead) int { return strings.Compare(a.Origin, b.Origin) })
			if _, err := o.cfg.Book.Say(tx, c, channel.Saying{Type: statement.Anchor, By: o.cfg.Book.NodeBy(), Terms: t}); errs.KindOf(err) == errs.Quota && err != nil {
				continue
			} else if err != nil {
				return err
			}
			if err := tx.PutDoc(docAnchor, id, "", tx.Now().UnixMilli(), []byte{0}); err != nil {
				return err
			}
		}
		return nil
	})
}
