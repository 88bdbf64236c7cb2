package store

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"pombal/internal/webhook"
)

// bucketLane counts what waits in each lane, so that nobody has to read a long
// one to know how long it is.
var bucketLane = []byte("out.size")

// laneSize is how much waits for a webhook.
type laneSize struct {
	rows  uint64
	bytes uint64 // of the events' bodies; rows from before they were counted have none
}

// exceeds says whether more waits than may.
func (s laneSize) exceeds(most webhook.QueueLimit) bool {
	return s.rows > uint64(most.Rows) || s.bytes > uint64(most.Bytes)
}

func sizeOfLane(tx *bbolt.Tx, webhookID string) (laneSize, error) {
	raw := tx.Bucket(bucketLane).Get([]byte(webhookID))
	if raw == nil {
		return laneSize{}, nil
	}
	if len(raw) != 16 {
		return laneSize{}, fmt.Errorf("size of lane %s: %w", webhookID, errUnknownVersion)
	}
	return laneSize{rows: binary.BigEndian.Uint64(raw), bytes: binary.BigEndian.Uint64(raw[8:])}, nil
}

// grew notes a delivery that is pending from now on, shrank one that is no
// more.
func grew(tx *bbolt.Tx, d webhook.Delivery) error {
	s, err := sizeOfLane(tx, d.WebhookID)
	if err != nil {
		return err
	}
	return putLaneSize(tx, d.WebhookID, laneSize{rows: s.rows + 1, bytes: s.bytes + uint64(d.Size)})
}

func shrank(tx *bbolt.Tx, d webhook.Delivery) error {
	s, err := sizeOfLane(tx, d.WebhookID)
	if err != nil {
		return err
	}
	return putLaneSize(tx, d.WebhookID, laneSize{
		rows: s.rows - min(s.rows, 1), bytes: s.bytes - min(s.bytes, uint64(d.Size)),
	})
}

func putLaneSize(tx *bbolt.Tx, webhookID string, s laneSize) error {
	if s.rows == 0 {
		return tx.Bucket(bucketLane).Delete([]byte(webhookID))
	}
	raw := binary.BigEndian.AppendUint64(nil, s.rows)
	return tx.Bucket(bucketLane).Put([]byte(webhookID), binary.BigEndian.AppendUint64(raw, s.bytes))
}

// createLaneSizes counts what waits in a file from before it was counted.
func createLaneSizes(tx *bbolt.Tx) error {
	if _, err := tx.CreateBucketIfNotExists(bucketLane); err != nil {
		return fmt.Errorf("create bucket %s: %w", bucketLane, err)
	}
	rows := make(map[string]uint64)
	for _, name := range [][]byte{bucketOutbox, bucketParked} {
		err := tx.Bucket(name).ForEach(func(k, _ []byte) error {
			rows[laneOf(k)]++
			return nil
		})
		if err != nil {
			return err
		}
	}
	for id, n := range rows {
		if err := putLaneSize(tx, id, laneSize{rows: n}); err != nil {
			return err
		}
	}
	return nil
}
