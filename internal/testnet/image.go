package testnet

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// image is what a node's disk holds at one moment: its files by name. An absent file is not in it.
type image map[string][]byte

const (
	databaseFile = "entente.db"
	logFile      = "entente.db-wal"
	markerFile   = "marker"
)

// Files of a node directory that a restart needs. The shared-memory file is not among them: it does not survive a crash.
var diskFiles = []string{"node.toml", "keys/node.key", "keys/card", markerFile, databaseFile, logFile}

// take reads the files of dir as they are, while the node may be running. The marker is read first, since it is written
// last; the database is read again until nothing was copied into it from the log meanwhile, since the two belong together.
func take(dir string) (image, error) {
	for {
		before, err := digestOf(filepath.Join(dir, databaseFile))
		if err != nil {
			return nil, err
		}
		im := image{}
		for _, name := range diskFiles {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			} else if err != nil {
				return nil, err
			}
			im[name] = b
		}
		after, err := digestOf(filepath.Join(dir, databaseFile))
		if err != nil {
			return nil, err
		}
		head, err := os.ReadFile(filepath.Join(dir, logFile))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if before == after && sha256.Sum256(im[databaseFile]) == before && sameHeader(im[logFile], head) {
			return im, nil
		}
	}
}

func digestOf(path string) (d [32]byte, err error) {
	b, err := os.ReadFile(path)
	return sha256.Sum256(b), err
}

// sameHeader reports whether two logs begin alike: the header changes when the log is begun anew.
func sameHeader(a, b []byte) bool {
	const header = 32
	return bytes.Equal(a[:min(len(a), header)], b[:min(len(b), header)])
}

// write makes a node directory of im.
func (im image) write(dir string) error {
	for name, b := range im {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// tear returns a disk between two moments of a node of which nobody outside heard anything in between: everything up to a is
// there, and of what was written to the log after it any part, as when the power fails before the next sync.
func tear(a, b image, r *rand.Rand) (image, string) {
	was, is := a[logFile], b[logFile]
	if !bytes.Equal(a[databaseFile], b[databaseFile]) || !bytes.HasPrefix(is, was) || len(is) == len(was) {
		return a, "as it was"
	}
	out := image{}
	for name, c := range a {
		out[name] = c
	}
	switch n := len(is) - len(was); r.IntN(3) {
	case 0: // all of it was written, and nobody was told
		out[logFile] = is
		if r.IntN(2) == 0 && b[markerFile] != nil {
			out[markerFile] = b[markerFile]
		}
		return out, "with a commit unheard of"
	case 1: // the last pages are missing
		out[logFile] = is[:len(was)+r.IntN(n)]
		return out, "with a torn log"
	default: // the length is there, the bytes are not
		c := bytes.Clone(is)
		for i := len(was) + r.IntN(n); i < len(c); i++ {
			c[i] = 0
		}
		out[logFile] = c
		return out, "with a zeroed log"
	}
}
