package store

import (
	"context"
	"encoding/json"

	"entente/internal/store/sqlite"
)

// Exec runs a statement of the test on the writer's connection, in the transaction of tx.
func (tx *Tx) Exec(query string, args ...any) error {
	_, err := tx.c.sql.ExecContext(context.Background(), query, args...)
	if err != nil {
		return tx.doom(err)
	}
	return nil
}

// Fetch returns the first wrapped key and box of a body.
func (tx *Tx) Fetch(key, box *[]byte) error {
	return tx.c.sql.QueryRowContext(context.Background(),
		"select k.wrapped, b.box from body b join item_key k on k.id = b.item_key").Scan(key, box)
}

// between runs f on the writer goroutine after a commit.
func (s *Store) between(f func()) error {
	return s.Do(context.Background(), func(tx *Tx) error {
		tx.w.after = append(tx.w.after, f)
		return nil
	})
}

// Checkpoint empties the write-ahead log as far as readers let it.
func (s *Store) Checkpoint() (complete bool, err error) {
	e := s.between(func() { complete, err = sqlite.Checkpoint(context.Background(), s.w.conn.sql, sqlite.Truncate) })
	if e != nil {
		return false, e
	}
	return complete, err
}

// Damage runs statements behind the store's back.
func (s *Store) Damage(query string) (err error) {
	e := s.between(func() {
		_, err = s.w.conn.sql.ExecContext(context.Background(), query)
		clear(s.w.heads)
		clear(s.w.origins)
	})
	if e != nil {
		return e
	}
	return err
}

// ParseMarker reads a marker and writes it again.
func ParseMarker(b []byte) (again []byte, err error) {
	marks, err := parseMarker(b)
	for _, m := range marks {
		line, err := json.Marshal(m)
		if err != nil {
			return nil, err
		}
		again = append(append(again, line...), '\n')
	}
	return again, err
}
