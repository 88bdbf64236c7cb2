package store

import (
	"context"
	"encoding/binary"

	"go.etcd.io/bbolt"
)

// ReadLane counts what waits in a lane by reading all of it.
func ReadLane(db *DB, webhookID string) (rows, bytes int, err error) {
	err = db.read(context.Background(), func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketOutbox, bucketParked} {
			list, err := all[struct{ Size int }](tx.Bucket(name), prefixOf(webhookID))
			if err != nil {
				return err
			}
			for _, d := range list {
				rows, bytes = rows+1, bytes+d.Size
			}
		}
		return nil
	})
	return rows, bytes, err
}

// CountedLane is what is noted of a lane's size.
func CountedLane(db *DB, webhookID string) (rows, bytes int, err error) {
	size, err := db.laneSize(context.Background(), webhookID)
	return int(size.rows), int(size.bytes), err
}

// ForgetLaneSizes brings a file to what it was before lanes were counted.
func ForgetLaneSizes(db *DB) error {
	return db.Update(context.Background(), func(tx *bbolt.Tx) error {
		if err := tx.DeleteBucket(bucketLane); err != nil {
			return err
		}
		return tx.Bucket(bucketMeta).Put(keySchema, binary.BigEndian.AppendUint32(nil, 4))
	})
}
