package store

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"entente/errs"
	"entente/internal/store/sqlite"
	"entente/journal"
)

// maxMarker bounds a marker file, in bytes: some hundred thousand journals.
const maxMarker = 64 << 20

// mark is one line of the marker: this journal had this root at this size.
type mark struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	Root   string `json:"root"` // lower-case hexadecimal
}

// writeMarker replaces the marker by the committed heads. It runs on the writer goroutine, after a commit. If the
// process dies before the rename the old marker stands, which is behind and therefore true.
func (s *Store) writeMarker() error {
	if s.cfg.MarkerPath == "" {
		return nil
	}
	var b bytes.Buffer
	var r journalRow
	lines := json.NewEncoder(&b)
	err := s.w.conn.rows(qJournals, nil, func() error {
		return lines.Encode(mark{Origin: r.origin, Size: uint64(r.size), Root: hex.EncodeToString(r.root)})
	}, r.dest()...)
	if err == nil && b.Len() == 0 {
		return nil // no journal yet; an empty marker would look like a damaged one
	}
	if err == nil {
		err = replaceFile(s.cfg.MarkerPath, b.Bytes())
	}
	if err != nil {
		return &errs.Error{Kind: errs.Unavailable, Code: "store.marker.write", Op: "store.marker",
			Reason: "what was signed is stored, but the marker outside the database does not know it", Next: "do not publish it; mend the medium of the marker, then check the marker", Err: err}
	}
	return nil
}

func replaceFile(path string, b []byte) error {
	temp := path + ".tmp"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return sqlite.SyncDir(filepath.Dir(path))
}

// AdvanceMarker brings the marker to the committed heads. Storing an own checkpoint does it unasked.
func (s *Store) AdvanceMarker(ctx context.Context) error {
	return s.Do(ctx, func(tx *Tx) error {
		tx.w.signed = true
		return nil
	})
}

// CheckMarker compares the marker with the journals and, when they agree, brings it up to date. On an error the node
// reads, imports and queues, but signs nothing until its peers return its highest head or two people confirm one.
// Codes: store.marker.older (the database is: a backup was restored), store.marker.contradicts (the database has
// another past), store.marker.missing (checkpoints were signed and the marker is gone), store.marker.malformed.
func (s *Store) CheckMarker(ctx context.Context) error {
	if s.cfg.MarkerPath == "" {
		return nil
	}
	marks, err := readMarker(s.cfg.MarkerPath)
	if errors.Is(err, fs.ErrNotExist) {
		err = s.View(ctx, func(tx *Tx) error {
			var signed int
			if _, err := tx.row(qOwnCheckpoints, nil, &signed); err != nil {
				return err
			}
			if signed > 0 {
				return &errs.Error{Kind: errs.Conflict, Code: "store.marker.missing", Op: "store.marker", Reason: "checkpoints were signed, and the marker outside the database is gone",
					Next: "find the marker, or let two people confirm the head"}
			}
			return nil
		})
	} else if err == nil {
		err = s.View(ctx, func(tx *Tx) error { return tx.compare(marks) })
	}
	if err != nil {
		return err
	}
	return s.AdvanceMarker(ctx)
}

func readMarker(path string) ([]mark, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if st.Size() > maxMarker {
		return parseMarker(nil)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseMarker(b)
}

// parseMarker reads exactly what writeMarker writes. A marker names at least one journal, or nothing was ever written.
func parseMarker(b []byte) (marks []mark, err error) {
	malformed := func(err error) ([]mark, error) {
		return nil, &errs.Error{Kind: errs.Integrity, Code: "store.marker.malformed", Op: "store.marker", Reason: "the marker is not what was written", Err: err}
	}
	var again bytes.Buffer
	d, lines := json.NewDecoder(bytes.NewReader(b)), json.NewEncoder(&again)
	d.DisallowUnknownFields()
	for d.More() {
		var m mark
		if err := d.Decode(&m); err != nil {
			return malformed(err)
		}
		raw, err := hex.DecodeString(m.Root)
		if err != nil || len(raw) != 32 {
			return malformed(err)
		}
		if _, err := journal.ParseOrigin(m.Origin); err != nil {
			return malformed(err)
		}
		m.Root = hex.EncodeToString(raw)
		if err := lines.Encode(m); err != nil {
			return malformed(err)
		}
		marks = append(marks, m)
	}
	if len(marks) == 0 || !bytes.Equal(again.Bytes(), b) { // one spelling, nothing left over
		return malformed(nil)
	}
	return marks, nil
}

// compare holds the marks against the journals. A contradiction weighs more than a database that is older.
func (tx *Tx) compare(marks []mark) error {
	conflict := func(code errs.Code, m mark, reason string) error {
		return &errs.Error{Kind: errs.Conflict, Code: code, Op: "store.marker", Subject: m.Origin, Reason: reason,
			Next: "sign nothing until peers return the highest head, or two people confirm it"}
	}
	var older error
	for _, m := range marks {
		j, err := tx.Journal(m.Origin)
		if errs.HasCode(err, "store.journal.unknown") || err == nil && j.Size < m.Size {
			older = conflict("store.marker.older", m, "the database is older than the marker")
			continue
		} else if err != nil {
			return err
		}
		t, err := tx.Tree(j)
		if err != nil {
			return err
		}
		root, err := t.RootAt(int64(m.Size))
		if err != nil {
			return err
		}
		if hex.EncodeToString(root[:]) != m.Root {
			return conflict("store.marker.contradicts", m, "the database has another past than the marker")
		}
	}
	return older
}
