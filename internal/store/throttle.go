package store

import (
	"context"

	"go.etcd.io/bbolt"

	"pombal/internal/auth"
)

// Rows are named by the digest of their key: people type passwords into the
// field of the address, and neither shall lie in the file in clear.

// Throttle gives the memory of failed logins for a key, the zero value when
// there is none.
func (db *DB) Throttle(ctx context.Context, key string) (auth.Throttle, error) {
	var t auth.Throttle
	err := db.read(ctx, func(tx *bbolt.Tx) (err error) {
		t, _, err = load[auth.Throttle](tx.Bucket(bucketThrottle), digestKey(key))
		return err
	})
	return t, err
}

// PutThrottle stores the memory of failed logins for a key.
func (db *DB) PutThrottle(ctx context.Context, key string, t auth.Throttle) error {
	return db.write(ctx, func(tx *bbolt.Tx) error {
		return save(tx.Bucket(bucketThrottle), digestKey(key), t)
	})
}

// DeleteThrottle forgets the failed logins of a key; nil when there are none.
func (db *DB) DeleteThrottle(ctx context.Context, key string) error {
	return db.write(ctx, func(tx *bbolt.Tx) error {
		throttles := tx.Bucket(bucketThrottle)
		if throttles.Get(digestKey(key)) == nil {
			return errUnchanged
		}
		return throttles.Delete(digestKey(key))
	})
}
