package sqlite

import (
	"errors"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// Class is what a failure of the engine means to its owner.
type Class uint8

const (
	None       Class = iota // no failure
	Other                   // a defect of a statement or an argument
	Constraint              // a row contradicts another; the statement alone was undone
	Busy                    // a foreign process holds a lock; try again
	Full                    // the disk, or what the database may use of it, is full
	IO                      // reading, writing or syncing failed
	Corrupt                 // the file is not what was written
	ReadOnly                // the medium or the file may not be written
)

// Classify returns the class of err. A failure that does not come from the engine is Other.
func Classify(err error) Class {
	if err == nil {
		return None
	}
	var e *driver.Error
	if !errors.As(err, &e) {
		return Other
	}
	return classOf(e.Code())
}

// classOf maps a result code; the low byte is the primary code (https://www.sqlite.org/rescode.html).
func classOf(code int) Class {
	switch code & 0xff {
	case lib.SQLITE_OK:
		return None
	case lib.SQLITE_CONSTRAINT:
		return Constraint
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_PROTOCOL, lib.SQLITE_INTERRUPT:
		return Busy
	case lib.SQLITE_FULL:
		return Full
	case lib.SQLITE_IOERR:
		if code == lib.SQLITE_IOERR_NOMEM {
			return Other
		}
		return IO
	case lib.SQLITE_CANTOPEN:
		return IO
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return Corrupt
	case lib.SQLITE_READONLY, lib.SQLITE_PERM:
		return ReadOnly
	}
	return Other
}
