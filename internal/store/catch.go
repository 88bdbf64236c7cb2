package store

import (
	"context"
	"math"

	"go.etcd.io/bbolt"

	"pombal/internal/webhook"
)

var _ webhook.CatchStore = (*DB)(nil)

// AppendCaught stores a request that a catch address received;
// instance.ErrNotFound when the instance is not living.
func (db *DB) AppendCaught(ctx context.Context, instanceID string, c webhook.Caught) error {
	return db.growShared(ctx, func(tx *bbolt.Tx) error {
		if _, err := living(tx, instanceID); err != nil {
			return err
		}
		b := tx.Bucket(bucketCaught)
		var err error
		if c.ID, err = b.NextSequence(); err != nil {
			return err
		}
		if err := saved(save(b, countKey(instanceID, c.ID), c)); err != nil {
			return err
		}
		prefix := prefixOf(instanceID)
		_, err = removePrefix(b, prefix, countPrefix(b, prefix)-webhook.CatchKept)
		return err
	})
}

// CaughtRequests lists what was caught for an instance, newest first.
func (db *DB) CaughtRequests(ctx context.Context, instanceID string) ([]webhook.Caught, error) {
	var list []webhook.Caught
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		list, err = newest[webhook.Caught](tx.Bucket(bucketCaught), prefixOf(instanceID), webhook.CatchKept)
		return err
	})
	return list, err
}

// ClearCaught forgets what was caught for an instance.
func (db *DB) ClearCaught(ctx context.Context, instanceID string) error {
	return db.write(ctx, func(tx *bbolt.Tx) error {
		n, err := removePrefix(tx.Bucket(bucketCaught), prefixOf(instanceID), math.MaxInt)
		if err == nil && n == 0 {
			return errUnchanged
		}
		return err
	})
}
