package store

import (
	"encoding/binary"
	"errors"
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
	bucketEventSeq     = []byte("ev.seq")
	bucketOutbox       = []byte("out")
	bucketParked       = []byte("out.parked")
	bucketDue          = []byte("out.due")
	bucketDelivery     = []byte("log")
	bucketUser         = []byte("user")
	bucketUserEmail    = []byte("user.email")
	bucketSession      = []byte("ses")
	bucketAPIKey       = []byte("key")
	bucketAPIKeyHash   = []byte("key.hash")
	bucketThrottle     = []byte("throttle")
	bucketSecret       = []byte("secret")
	bucketAudit        = []byte("audit")
)

var keySchema = []byte("schema")

// migrations holds one function per schema version, in order; each runs in the
// transaction that also raises the version. Entries are never changed once
// released, only appended.
var migrations = []func(*bbolt.Tx) error{
	createBuckets,
	createIndexBuckets,
	createLedgerBuckets,
	createTimeline,
	createLaneSizes,
	createUses,
}

func createBuckets(tx *bbolt.Tx) error {
	names := [][]byte{
		bucketMeta, bucketBusiness, bucketInstance, bucketInstanceName, bucketWebhook, bucketEvent, bucketEventKey,
		bucketEventSeq, bucketOutbox, bucketParked, bucketDue, bucketDelivery, bucketUser, bucketUserEmail, bucketSession, bucketAPIKey,
		bucketAPIKeyHash, bucketThrottle, bucketSecret, bucketAudit,
	}
	for _, name := range names {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return fmt.Errorf("create bucket %s: %w", name, err)
		}
	}
	return nil
}

// migrate raises the file to the newest schema, one commit for all steps. A
// file with content but without our meta bucket is somebody else's. A file
// that needs nothing is not written to.
func (db *DB) migrate() error {
	err := db.bolt.Update(func(tx *bbolt.Tx) error {
		have, err := schemaVersion(tx)
		if err != nil {
			return err
		}
		if have > len(migrations) {
			return ErrNewer
		}
		if have == len(migrations) {
			return errUnchanged
		}
		for _, step := range migrations[have:] {
			if err := step(tx); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Put(keySchema, binary.BigEndian.AppendUint32(nil, uint32(len(migrations))))
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
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
