package store

import (
	"context"

	"go.etcd.io/bbolt"
)

// DeleteWebhookRow removes the row of a webhook and leaves its lane, as a crash
// in the middle of DeleteWebhook does.
func DeleteWebhookRow(db *DB, instanceID, id string) error {
	return db.Update(context.Background(), func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketWebhook).Delete(pairKey(instanceID, id))
	})
}

// CheckID is checkID.
func CheckID(id string) error { return checkID("test", id) }

// PairKey is pairKey.
func PairKey(first, second string) []byte { return pairKey(first, second) }

// SetSchema writes a schema version.
func SetSchema(db *DB, raw []byte) error {
	return db.Update(context.Background(), func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketMeta).Put(keySchema, raw)
	})
}

// LockWait is lockWait.
const LockWait = lockWait
