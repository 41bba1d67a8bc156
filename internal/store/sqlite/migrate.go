package sqlite

import (
	"context"
	"embed"
	"errors"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var embedded embed.FS

// Version is the schema version this program writes. A database of a later one is not touched.
const Version = 1

// ErrNewer is returned by Migrate for a database written by a later program.
var ErrNewer = errors.New("the database was written by a later version of this program")

// Migrate brings the schema to Version. A database that is there already costs one query.
func (d *DB) Migrate(ctx context.Context) error {
	v, err := d.version(ctx)
	switch {
	case err != nil:
		return err
	case v == Version:
		return nil
	case v > Version:
		return ErrNewer
	}
	dir, err := fs.Sub(embedded, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, d.db, dir, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	// Each migration and its version row are one transaction: a crash leaves the schema of one version or the next.
	_, err = p.Up(ctx)
	return err
}

// Current reports whether the schema is the one this program knows.
func (d *DB) Current(ctx context.Context) (bool, error) {
	v, err := d.version(ctx)
	return v == Version, err
}

func (d *DB) version(ctx context.Context) (v int64, err error) {
	var n int
	err = d.db.QueryRowContext(ctx, "select count(*) from sqlite_schema where name = 'goose_db_version'").Scan(&n)
	if err != nil || n == 0 {
		return 0, err
	}
	err = d.db.QueryRowContext(ctx, "select coalesce(max(version_id), 0) from goose_db_version where is_applied = 1").Scan(&v)
	return v, err
}
