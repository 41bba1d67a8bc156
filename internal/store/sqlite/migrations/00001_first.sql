-- +goose Up
-- Times are Unix milliseconds UTC, flags are 0 or 1, digests and ids are raw bytes. Tables marked PRIMARY hold what
-- nothing else can tell; tables marked DERIVED are remade from them by a rebuild. Boxes are ciphertext under a key of
-- their own in item_key, so that erasing one short row destroys one item and no other.

-- PRIMARY. What this database is: realm, salt of its keys, proof that the storage key is the right one.
create table meta (
    name  text primary key,
    value blob not null
) without rowid;

-- PRIMARY. Numbers that only grow.
create table counter (
    name text    primary key,
    n    integer not null
) without rowid;

-- PRIMARY. Channel digests, interned, because every indexed statement names one.
create table channel (
    id     integer primary key,
    digest blob    not null unique
);

-- PRIMARY, but size and root are DERIVED from the leaves.
create table journal (
    id        integer primary key,
    origin    text    not null unique, -- origin line of its checkpoints
    channel   integer not null references channel (id),
    kind      text    not null,        -- channel, national or admin
    own       integer not null,        -- 1: this node is the author
    size      integer not null,
    root      blob    not null,
    last_time integer not null,        -- greatest time of its acts; never decreases
    frozen    integer not null         -- 1: its author contradicted himself; lifted only by a new epoch
);

-- PRIMARY. Public by design: salted commitments only.
create table leaf (
    journal integer not null references journal (id),
    idx     integer not null,
    bytes   blob    not null,
    primary key (journal, idx)
) without rowid;

-- DERIVED. Tiles of the Merkle tree, C2SP tlog-tiles shape, full or partial.
create table tile (
    journal integer not null references journal (id),
    level   integer not null,
    n       integer not null,
    hashes  blob    not null,
    primary key (journal, level, n)
);

-- PRIMARY. One wrapped key per encrypted item. The only table from which rows are erased to destroy something.
create table item_key (
    id      integer primary key,
    wrapped blob    not null
);

-- PRIMARY. Act (kind 1) and content (kind 2) of a statement: salt and bytes, encrypted.
create table body (
    journal  integer not null,
    idx      integer not null,
    kind     integer not null,
    state    integer not null, -- 1 present, 2 later, 3 withdrawn, 4 destroyed, 5 bad
    size     integer not null, -- bytes of the plaintext, or what the author announced; 0 when unknown
    item_key integer not null, -- 0: none
    box      blob,
    primary key (journal, idx, kind),
    foreign key (journal, idx) references leaf (journal, idx)
);
create index body_unheld on body (journal, idx) where state in (2, 5);

-- DERIVED from the acts, except for acts that were destroyed.
create table statement (
    journal integer not null references journal (id),
    idx     integer not null,
    channel integer not null references channel (id),
    thread  blob    not null,
    id      blob    not null,
    copy    integer not null, -- 0, or idx + 1 where the author used an id again
    type    text    not null,
    primary key (journal, idx)
) without rowid;
create unique index statement_id on statement (journal, id, copy);
create index statement_thread on statement (channel, thread, journal, idx);

-- PRIMARY. Signed notes; kept before they are shown to anyone.
create table checkpoint (
    journal integer not null references journal (id),
    size    integer not null,
    note    blob    not null,
    primary key (journal, size)
);

-- PRIMARY. What another node signed about a checkpoint.
create table cosignature (
    journal  integer not null references journal (id),
    cosigner text    not null,
    size     integer not null,
    root     blob    not null,
    lines    blob    not null,
    at       integer not null,
    primary key (journal, cosigner, size)
);

-- PRIMARY. Signed statements that a holder has acts and contents durably.
create table held_receipt (
    id      integer primary key,
    journal integer not null references journal (id),
    holder  text    not null,
    at      integer not null,
    signed  blob    not null
);
create index held_receipt_journal on held_receipt (journal, holder, id);

-- DERIVED by the caller from held_receipt: disjoint, never touching, half open.
create table held_range (
    journal integer not null references journal (id),
    holder  text    not null,
    lo      integer not null,
    hi      integer not null,
    primary key (journal, holder, lo)
) without rowid;

-- PRIMARY. Everything else the node keeps, encrypted. kind, id, state and sort carry no content.
create table doc (
    kind     text    not null,
    id       text    not null,
    state    text    not null,
    sort     integer not null,
    item_key integer not null,
    box      blob    not null,
    primary key (kind, id)
);
create index doc_sort on doc (kind, sort, id);
create index doc_state on doc (kind, state, sort, id);

-- PRIMARY. What an auditor needs without any key: agreement packages and key statements.
create table public (
    kind  text not null,
    id    text not null,
    bytes blob not null,
    primary key (kind, id)
);

-- PRIMARY. The last bundles seen, a ring of 65,536.
create table bundle (
    slot integer primary key,
    id   blob    not null unique
);

-- PRIMARY. Objects in the directory beside the database: sealed containers, named by the root over their ciphertext.
create table object (
    root   blob    primary key,
    size   integer not null,
    state  integer not null, -- 1 partial, 2 complete, 3 to be erased, 4 erased
    parts  integer not null, -- parts held
    bitmap blob    not null  -- which parts are held, least significant bit first; empty once complete
) without rowid;

-- +goose Down
drop table object;
drop table bundle;
drop table public;
drop table doc;
drop table held_range;
drop table held_receipt;
drop table cosignature;
drop table checkpoint;
drop table statement;
drop table body;
drop table item_key;
drop table tile;
drop table leaf;
drop table journal;
drop table channel;
drop table counter;
drop table meta;
