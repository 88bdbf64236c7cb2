package store

import (
	"bytes"
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

// CaughtRequests lists what was caught for an instance, newest first: at most
// limit, and with before other than 0 those with a lower id.
func (db *DB) CaughtRequests(ctx context.Context, instanceID string, before uint64, limit int) ([]webhook.Caught, error) {
	var list []webhook.Caught
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		c, prefix := tx.Bucket(bucketCaught).Cursor(), prefixOf(instanceID)
		for k, raw := seekBefore(c, instanceID, before); len(list) < limit && bytes.HasPrefix(k, prefix); k, raw = c.Prev() {
			got, err := decode[webhook.Caught](raw)
			if err != nil {
				return err
			}
			list = append(list, got)
		}
		return nil
	})
	return list, err
}

// CaughtRequest finds what was caught; webhook.ErrNoCaught.
func (db *DB) CaughtRequest(ctx context.Context, instanceID string, id uint64) (c webhook.Caught, err error) {
	err = db.read(ctx, func(tx *bbolt.Tx) error {
		var ok bool
		if c, ok, err = load[webhook.Caught](tx.Bucket(bucketCaught), countKey(instanceID, id)); err == nil && !ok {
			err = webhook.ErrNoCaught
		}
		return err
	})
	return c, err
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
