package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
)

// hourOf numbers the hours since 1970.
func hourOf(t time.Time) uint64 { return uint64(max(t.Unix(), 0) / 3600) }

// keepHours is how long the counters of events are kept.
const keepHours = 48

// countSeen counts events by instance, type and hour, wanted or not: somebody
// who chooses toggles has to know what there is.
func (db *DB) countSeen(tx *bbolt.Tx, instanceID string, drafts []readyDraft) error {
	b, hour := tx.Bucket(bucketSeen), hourOf(db.now())
	key := countKey(instanceID, hour)
	counts, found, err := load[map[event.Type]int](b, key)
	if err != nil {
		return err
	}
	if !found {
		counts = make(map[event.Type]int)
		if err := dropHours(b, instanceID, hour); err != nil {
			return err
		}
	}
	for _, d := range drafts {
		counts[d.info.Type]++
	}
	return saved(save(b, key, counts))
}

// dropHours forgets the counters that nobody asks for any more.
func dropHours(b *bbolt.Bucket, instanceID string, hour uint64) error {
	last := countKey(instanceID, max(hour, keepHours)-keepHours)
	prefix, c := prefixOf(instanceID), b.Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix) && bytes.Compare(k, last) <= 0; k, _ = c.Seek(prefix) {
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return nil
}

// EventsSeen counts the events of an instance by type from the hour of since
// on.
func (db *DB) EventsSeen(ctx context.Context, instanceID string, since time.Time) (map[event.Type]int, error) {
	sum := make(map[event.Type]int)
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		prefix, c := prefixOf(instanceID), tx.Bucket(bucketSeen).Cursor()
		for k, raw := c.Seek(countKey(instanceID, hourOf(since))); bytes.HasPrefix(k, prefix); k, raw = c.Next() {
			if len(k) != len(prefix)+8 || binary.BigEndian.Uint64(k[len(prefix):]) < hourOf(since) {
				continue
			}
			counts, err := decode[map[event.Type]int](raw)
			if err != nil {
				return err
			}
			for t, n := range counts {
				sum[t] += n
			}
		}
		return nil
	})
	return sum, err
}
