package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"go.etcd.io/bbolt"
)

// Verify says whether the file at path is a whole data file that this program
// can open; its errors are those of Open. Nobody may have it open for writing:
// ErrLocked. Nothing is written.
func Verify(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	return withFile(path, func(bolt *bbolt.DB) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return bolt.View(checkTx)
	})
}

// CopyFile writes a copy of the data file at path, which nobody may have open
// for writing, to w: ErrLocked.
func CopyFile(path string, w io.Writer) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	return withFile(path, func(bolt *bbolt.DB) error { return copyTo(bolt, w) })
}

// Backup writes a copy of the data file, as it is now, to w while others go on
// writing, at half the pace that the disk would allow. Until it is done bbolt
// cannot reuse the pages it needs, so w must take it without delay.
func (db *DB) Backup(ctx context.Context, w io.Writer) error {
	if err := db.Flush(ctx); err != nil {
		return err
	}
	return copyTo(db.bolt, newPacedWriter(ctx, w))
}

func copyTo(bolt *bbolt.DB, w io.Writer) error {
	return bolt.View(func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(w)
		return err
	})
}

// withFile runs fn with a file opened for reading, whose pages have been
// followed and whose schema is ours.
func withFile(path string, fn func(*bbolt.DB) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("data file %s: %w", path, err)
		}
	}()
	if err := inspect(path, lockWait); err != nil {
		return err
	}
	bolt, err := openBolt(path, &bbolt.Options{ReadOnly: true, Timeout: lockWait})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bolt.Close()) }()
	return recovered(func() error {
		if err := bolt.View(checkSchema); err != nil {
			return err
		}
		return fn(bolt)
	})
}

func checkSchema(tx *bbolt.Tx) error {
	have, err := schemaVersion(tx)
	switch {
	case err != nil:
		return err
	case have == 0:
		return ErrForeign
	case have > len(migrations):
		return ErrNewer
	default:
		return nil
	}
}

// checkTx returns the first inconsistency of the file's structure.
func checkTx(tx *bbolt.Tx) error {
	var first error
	// bbolt's checker ends only when all its findings have been taken.
	for err := range tx.Check() {
		if first == nil {
			first = fmt.Errorf("check data file: %w", err)
		}
	}
	return first
}
