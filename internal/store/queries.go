package store

import (
	"context"
	"database/sql"
	"errors"

	"entente/internal/store/sqlite"
)

// query names a statement. Each connection prepares a statement when it first needs it and keeps it.
type query int

const (
	qBeginWrite query = iota
	qBeginRead
	qCommit
	qRollback
	qSavepoint
	qRelease
	qRollbackTo

	qMeta
	qPutMeta
	qCount
	qLastKey
	qPutKey
	qReplaceKey
	qEraseKey

	qChannel
	qPutChannel
	qJournalByOrigin
	qJournalByID
	qJournals
	qJournalsOfKind
	qPutJournal
	qSetJournal
	qPutLeaf
	qLeaf
	qLeaves
	qCountLeaves
	qPutTile
	qTile
	qTiles
	qEraseTiles

	qPutBody
	qSetBody
	qMarkBody
	qBody
	qBodies
	qBodyStates
	qBodyState
	qComplete
	qUnheld
	qSizes
	qOrphans

	qPutStatement
	qStatementByID
	qStatements
	qThread
	qCountThread
	qEraseStatement
	qCopyStatement
	qPresentActs

	qPutCheckpoint
	qLatestCheckpoint
	qCheckpointAt
	qOwnCheckpoints
	qCheckpoints
	qPutCosignature
	qLatestCosignature
	qCosignedSize
	qCosignatures
	qPutReceipt
	qReceipts
	qLatestReceipt
	qRanges
	qTouchingRanges
	qEraseRange
	qPutRange

	qPutDoc
	qDoc
	qDocs
	qDocsInState
	qDocsBefore
	qDocsBeforeInState
	qDocIDs
	qCountDocs
	qDocKey
	qEraseDoc
	qPutPublic
	qPublic
	qPublics

	qBundle
	qPutBundle
	qPutObject
	qObject
	qSetObject
	qObjectsInState

	queryCount
)

const (
	journalColumns   = "id, origin, channel, kind, own, size, root, last_time, frozen"
	statementColumns = "s.journal, s.idx, c.digest, s.id, s.thread, s.type"
)

// queries is the one text of every statement, for any engine: $n placeholders; text, integer and byte columns; no
// function, type or clause that SQLite and PostgreSQL do not share. Only the two begins are the engine's own.
var queries = [queryCount]string{
	qBeginWrite: sqlite.BeginWrite,
	qBeginRead:  sqlite.BeginRead,
	qCommit:     "commit",
	qRollback:   "rollback",
	qSavepoint:  "savepoint act",
	qRelease:    "release savepoint act",
	qRollbackTo: "rollback to savepoint act",

	qMeta:       "select value from meta where name = $1",
	qPutMeta:    "insert into meta (name, value) values ($1, $2)",
	qCount:      "insert into counter (name, n) values ($1, 1) on conflict (name) do update set n = counter.n + 1 returning n",
	qLastKey:    "select coalesce(max(id), 0) from item_key",
	qPutKey:     "insert into item_key (id, wrapped) values ($1, $2)",
	qReplaceKey: "update item_key set wrapped = $2 where id = $1",
	qEraseKey:   "delete from item_key where id = $1",

	qChannel:         "select id from channel where digest = $1",
	qPutChannel:      "insert into channel (id, digest) values ((select coalesce(max(id), 0) + 1 from channel), $1) returning id",
	qJournalByOrigin: "select " + journalColumns + " from journal where origin = $1",
	qJournalByID:     "select " + journalColumns + " from journal where id = $1",
	qJournals:        "select " + journalColumns + " from journal order by id",
	qJournalsOfKind:  "select " + journalColumns + " from journal where kind = $1 order by id",
	qPutJournal: "insert into journal (id, origin, channel, kind, own, size, root, last_time, frozen) " +
		"values ((select coalesce(max(id), 0) + 1 from journal), $1, $2, $3, $4, 0, $5, 0, 0) returning id",
	qSetJournal:  "update journal set size = $2, root = $3, last_time = $4, frozen = $5 where id = $1",
	qPutLeaf:     "insert into leaf (journal, idx, bytes) values ($1, $2, $3)",
	qLeaf:        "select bytes from leaf where journal = $1 and idx = $2",
	qLeaves:      "select idx, bytes from leaf where journal = $1 and idx >= $2 and idx < $3 order by idx",
	qCountLeaves: "select count(*), coalesce(max(idx), -1) from leaf where journal = $1",
	qPutTile: "insert into tile (journal, level, n, hashes) values ($1, $2, $3, $4) " +
		"on conflict (journal, level, n) do update set hashes = excluded.hashes",
	qTile:       "select hashes from tile where journal = $1 and level = $2 and n = $3",
	qTiles:      "select level, n, hashes from tile where journal = $1 order by level, n",
	qEraseTiles: "delete from tile where journal = $1",

	qPutBody: "insert into body (journal, idx, kind, state, size, item_key, box) values ($1, $2, $3, $4, $5, $6, $7) " +
		"on conflict (journal, idx, kind) do nothing",
	qSetBody:  "update body set state = $4, size = $5, item_key = $6, box = $7 where journal = $1 and idx = $2 and kind = $3",
	qMarkBody: "update body set state = $4 where journal = $1 and idx = $2 and kind = $3",
	// A join would make SQLite prepare the statement anew each time, to see whether the partial index of bodies serves it.
	qBody: "select b.state, b.size, b.item_key, b.box, (select k.wrapped from item_key k where k.id = b.item_key) from body b " +
		"where b.journal = $1 and b.idx = $2 and b.kind = $3",
	qBodies: "select b.idx, b.state, b.size, b.item_key, b.box, (select k.wrapped from item_key k where k.id = b.item_key) from body b " +
		"where b.journal = $1 and b.idx >= $2 and b.idx < $3 and b.kind = $4 order by b.idx",
	qBodyStates: "select idx, state, size from body where journal = $1 and idx >= $2 and idx < $3 and kind = $4 order by idx",
	qBodyState:  "select state, size, item_key from body where journal = $1 and idx = $2 and kind = $3",
	qComplete: "select idx from body where journal = $1 and idx >= $2 and idx < $3 and state in (1, 3, 4) " +
		"group by idx having count(*) = 2 order by idx",
	qUnheld: "with u as (select distinct idx from body where journal = $1 and state in (2, 5)) select (select count(*) from u), " +
		"(select coalesce(sum(length(bytes)), 0) from leaf where journal = $1 and idx in (select idx from u)) + " +
		"(select coalesce(sum(size), 0) from body where journal = $1 and idx in (select idx from u))",
	qSizes: "select coalesce(sum(size), 0) from body where journal = $1 and idx >= $2 and idx < $3",
	qOrphans: "select (select count(*) from body b left join item_key k on k.id = b.item_key where b.item_key <> 0 and k.id is null) + " +
		"(select count(*) from doc d left join item_key k on k.id = d.item_key where k.id is null)",

	qPutStatement: "insert into statement (journal, idx, channel, thread, id, copy, type) values ($1, $2, $3, $4, $5, $6, $7) " +
		"on conflict (journal, id, copy) do nothing",
	qStatementByID: "select " + statementColumns + " from statement s join channel c on c.id = s.channel " +
		"where s.journal = $1 and s.id = $2 and s.copy = 0",
	qStatements: "select " + statementColumns + " from statement s join channel c on c.id = s.channel " +
		"where s.journal = $1 and s.idx >= $2 and s.idx < $3 order by s.idx",
	qThread: "select " + statementColumns + " from statement s join channel c on c.id = s.channel " +
		"where s.channel = $1 and s.thread = $2 order by s.journal, s.idx",
	qCountThread:    "select count(*) from statement where channel = $1 and thread = $2",
	qEraseStatement: "delete from statement where journal = $1 and idx = $2",
	qCopyStatement:  "update statement set copy = $3 where journal = $1 and idx = $2",
	qPresentActs: "select b.idx, b.box, k.wrapped from body b join item_key k on k.id = b.item_key " +
		"where b.journal = $1 and b.kind = 1 and b.idx >= $2 order by b.idx limit $3",

	qPutCheckpoint:    "insert into checkpoint (journal, size, note) values ($1, $2, $3) on conflict (journal, size) do nothing",
	qLatestCheckpoint: "select size, note from checkpoint where journal = $1 order by size desc limit 1",
	qCheckpointAt:     "select size, note from checkpoint where journal = $1 and size = $2",
	qOwnCheckpoints:   "select count(*) from checkpoint c join journal j on j.id = c.journal where j.own = 1",
	qCheckpoints:      "select size, note from checkpoint where journal = $1 and size > $2 order by size limit $3",
	qPutCosignature: "insert into cosignature (journal, cosigner, size, root, lines, at) values ($1, $2, $3, $4, $5, $6) " +
		"on conflict (journal, cosigner, size) do update set lines = excluded.lines, at = excluded.at where cosignature.root = excluded.root",
	qLatestCosignature: "select cosigner, size, root, lines, at from cosignature where journal = $1 and cosigner = $2 order by size desc limit 1",
	qCosignedSize:      "select coalesce(max(size), 0) from cosignature where journal = $1 and cosigner = $2",
	qCosignatures:      "select cosigner, size, root, lines, at from cosignature where journal = $1 order by cosigner, size",
	qPutReceipt: "insert into held_receipt (id, journal, holder, at, signed) " +
		"values ((select coalesce(max(id), 0) + 1 from held_receipt), $1, $2, $3, $4)",
	qLatestReceipt:  "select holder, at, signed from held_receipt where journal = $1 and holder = $2 order by id desc limit 1",
	qReceipts:       "select holder, at, signed from held_receipt where journal = $1 order by id",
	qRanges:         "select lo, hi from held_range where journal = $1 and holder = $2 order by lo",
	qTouchingRanges: "select lo, hi from held_range where journal = $1 and holder = $2 and lo <= $4 and hi >= $3 order by lo",
	qEraseRange:     "delete from held_range where journal = $1 and holder = $2 and lo = $3",
	qPutRange:       "insert into held_range (journal, holder, lo, hi) values ($1, $2, $3, $4)",

	qPutDoc: "insert into doc (kind, id, state, sort, item_key, box) values ($1, $2, $3, $4, $5, $6) " +
		"on conflict (kind, id) do update set state = excluded.state, sort = excluded.sort, box = excluded.box returning item_key",
	qDoc: "select d.kind, d.id, d.state, d.sort, d.box, k.wrapped from doc d join item_key k on k.id = d.item_key where d.kind = $1 and d.id = $2",
	qDocs: "select d.kind, d.id, d.state, d.sort, d.box, k.wrapped from doc d join item_key k on k.id = d.item_key " +
		"where d.kind = $1 and (d.sort, d.id) > ($2, $3) order by d.sort, d.id limit $4",
	qDocsInState: "select d.kind, d.id, d.state, d.sort, d.box, k.wrapped from doc d join item_key k on k.id = d.item_key " +
		"where d.kind = $1 and d.state = $5 and (d.sort, d.id) > ($2, $3) order by d.sort, d.id limit $4",
	qDocsBefore: "select d.kind, d.id, d.state, d.sort, d.box, k.wrapped from doc d join item_key k on k.id = d.item_key " +
		"where d.kind = $1 and (d.sort, d.id) < ($2, $3) order by d.sort desc, d.id desc limit $4",
	qDocsBeforeInState: "select d.kind, d.id, d.state, d.sort, d.box, k.wrapped from doc d join item_key k on k.id = d.item_key " +
		"where d.kind = $1 and d.state = $5 and (d.sort, d.id) < ($2, $3) order by d.sort desc, d.id desc limit $4",
	qDocIDs:    "select id from doc where kind = $1 and id >= $2 and id < $3 order by id limit $4",
	qCountDocs: "select count(*) from doc where kind = $1 and state = $2",
	qDocKey:    "select item_key from doc where kind = $1 and id = $2",
	qEraseDoc:  "delete from doc where kind = $1 and id = $2",
	qPutPublic: "insert into public (kind, id, bytes) values ($1, $2, $3) on conflict (kind, id) do update set bytes = excluded.bytes",
	qPublic:    "select bytes from public where kind = $1 and id = $2",
	qPublics:   "select id, bytes from public where kind = $1 order by id",

	qBundle:         "select slot from bundle where id = $1",
	qPutBundle:      "insert into bundle (slot, id) values ($1, $2) on conflict (slot) do update set id = excluded.id",
	qPutObject:      "insert into object (root, size, state, parts, bitmap) values ($1, $2, $3, $4, $5) on conflict (root) do nothing",
	qObject:         "select size, state, parts, bitmap from object where root = $1",
	qSetObject:      "update object set state = $2, parts = $3, bitmap = $4 where root = $1",
	qObjectsInState: "select root, size from object where state = $1 order by root",
}

// conn is a connection with its prepared statements. One goroutine at a time uses it.
type conn struct {
	sql   *sql.Conn
	stmts [queryCount]*sql.Stmt
}

// Statements always run to their end: a cancelled context would interrupt the engine in the middle of other acts. A
// view checks its context between statements instead.
func (c *conn) stmt(q query) (*sql.Stmt, error) {
	if c.stmts[q] == nil {
		s, err := c.sql.PrepareContext(context.Background(), queries[q])
		if err != nil {
			return nil, err
		}
		c.stmts[q] = s
	}
	return c.stmts[q], nil
}

// close closes the connection and its statements. A statement that stays open keeps the engine's connection, and its files, open
// behind the back of database/sql.
func (c *conn) close() (err error) {
	for i, s := range c.stmts {
		if s != nil {
			err = errors.Join(err, s.Close())
			c.stmts[i] = nil
		}
	}
	return errors.Join(err, c.sql.Close())
}

// exec runs q and returns how many rows changed.
func (c *conn) exec(q query, args ...any) (int64, error) {
	s, err := c.stmt(q)
	if err != nil {
		return 0, err
	}
	r, err := s.Exec(args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// row scans the first row of q into dest and reports whether there was one.
func (c *conn) row(q query, args []any, dest ...any) (bool, error) {
	s, err := c.stmt(q)
	if err != nil {
		return false, err
	}
	err = s.QueryRow(args...).Scan(dest...)
	if err == sql.ErrNoRows {
		return false, nil
	}
	return err == nil, err
}

// rows calls each for every row of q, until it returns an error. dest holds a new row each time.
func (c *conn) rows(q query, args []any, each func() error, dest ...any) error {
	s, err := c.stmt(q)
	if err != nil {
		return err
	}
	rows, err := s.Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if err := each(); err != nil {
			return err
		}
	}
	return rows.Err()
}
