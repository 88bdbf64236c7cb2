package store

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"
)

// Names of the buckets this package owns; the keys are described in DESIGN.md.
// Buckets that start with "wa." belong to wastore.
var (
	bucketMeta         = []byte("meta")
	bucketBusiness     = []byte("biz")
	bucketInstance     = []byte("inst")
	bucketInstanceName = []byte("inst.name")
	bucketWebhook      = []byte("hook")
	bucketEvent        = []byte("ev")
	bucketEventKey     = []byte("ev.key")
	bucketOutbox       = []byte("out")
	bucketDelivery     = []byte("log")
	bucketUser         = []byte("user")
	bucketSession      = []byte("ses")
	bucketAPIKey       = []byte("key")
	bucketThrottle     = []byte("throttle")
	bucketAudit        = []byte("audit")
)

var keySchema = []byte("schema")

// migrations holds one function per schema version, in order; each runs in the
// transaction that also raises the version. Entries are never changed once
// released, only appended.
var migrations = []func(*bbolt.Tx) error{
	createBuckets,
}

func createBuckets(tx *bbolt.Tx) error {
	names := [][]byte{
		bucketMeta, bucketBusiness, bucketInstance, bucketInstanceName, bucketWebhook, bucketEvent, bucketEventKey,
		bucketOutbox, bucketDelivery, bucketUser, bucketSession, bucketAPIKey, bucketThrottle, bucketAudit,
	}
	for _, name := range names {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("create bucket %s: %w", name, err)
		}
	}
	return nil
}

// migrate raises the file to the newest schema, one commit for all steps. A
// file with content but without our meta bucket is somebody else's.
func (db *DB) migrate() error {
	return db.bolt.Update(func(tx *bbolt.Tx) error {
		have, err := schemaVersion(tx)
		if err != nil {
			return err
		}
		if have > len(migrations) {
			return ErrNewer
		}
		for _, step := range migrations[have:] {
			if err := step(tx); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Put(keySchema, binary.BigEndian.AppendUint32(nil, uint32(len(migrations))))
	})
}

func schemaVersion(tx *bbolt.Tx) (int, error) {
	meta := tx.Bucket(bucketMeta)
	if meta == nil {
		if name, _ := tx.Cursor().First(); name != nil {
			return 0, ErrForeign
		}
		return 0, nil
	}
	raw := meta.Get(keySchema)
	if len(raw) != 4 {
		return 0, ErrForeign
	}
	return int(binary.BigEndian.Uint32(raw)), nil
}
