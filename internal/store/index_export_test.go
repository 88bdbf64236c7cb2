package store

import (
	"context"

	"go.etcd.io/bbolt"
)

// CountIndexRows counts what is kept of an instance's chats, contacts and
// messages, addresses included.
func CountIndexRows(ctx context.Context, db *DB, instanceID string) (n int) {
	_ = db.read(ctx, func(tx *bbolt.Tx) error { // a read of an open file does not fail
		for _, name := range indexBuckets() {
			n += countPrefix(tx.Bucket(name), prefixOf(instanceID))
		}
		return nil
	})
	return n
}
