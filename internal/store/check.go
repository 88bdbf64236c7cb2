package store

import (
	"context"

	"go.etcd.io/bbolt"
)

// Check walks the whole file and returns the first inconsistency of its
// structure. It takes about 0.4 s for each GiB, and writers wait meanwhile:
// bbolt compares the pages with its list of free ones, which changes under a
// writer. Where that is too long, take a backup and verify it.
func (db *DB) Check(ctx context.Context) error {
	return db.write(ctx, func(tx *bbolt.Tx) error {
		if err := checkTx(tx); err != nil {
			return err
		}
		return errUnchanged
	})
}
