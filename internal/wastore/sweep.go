package wastore

import (
	"bytes"
	"context"
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"
)

const (
	// bufferDays is how long the server keeps a message for redelivery.
	bufferDays = 14
	// outgoingDays is how long a receiver may ask for a message again.
	outgoingDays = 7
	// defaultSecretMonths is how long votes, edits and reactions to a message
	// can be read.
	defaultSecretMonths = 12
)

// KeepSecrets chooses for how many months beside the current one the secrets of
// messages are kept, from the next Sweep on; 12 unless positive.
func (c *Container) KeepSecrets(months int) {
	if months <= 0 {
		months = defaultSecretMonths
	}
	c.secretMonths.Store(int64(months))
}

// Sweep clears the rows of deleted devices and the days and months that are too
// old, at most maxKeys rows in one commit, and tells whether some are left. With
// nothing to clear it writes nothing.
func (c *Container) Sweep(ctx context.Context, maxKeys int) (left bool, err error) {
	defer guard("Sweep", &err)
	if maxKeys < 1 {
		return false, invalid("sweep of %d keys", maxKeys)
	}
	oldest := oldestParts(c.now(), int(c.secretMonths.Load()))
	if err := c.ready(ctx); err != nil {
		return false, err
	}
	// What is queued is not looked at below.
	if err := c.db.Flush(ctx); err != nil {
		return false, err
	}
	work := false
	err = c.read(nil, func(snap *snapshot) error {
		work = hasWaste(snap.tx, oldest)
		return nil
	})
	if err != nil || !work {
		return false, err
	}
	err = c.write(ctx, func(tx *bbolt.Tx) error {
		s := sweeper{tx: tx, budget: maxKeys}
		if err := s.expired(oldest); err != nil {
			return err
		}
		if err := s.tombstones(); err != nil {
			return err
		}
		left = hasWaste(tx, oldest)
		return nil
	})
	if err != nil {
		return false, err
	}
	return left, nil
}

// oldestParts names, per bucket, the oldest day or month that is kept. All rows
// of an earlier one are past their time.
func oldestParts(now time.Time, months int) map[string]string {
	now = now.UTC()
	firstOfMonth := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	return map[string]string{
		bucketBuffer:   dayOf(now.AddDate(0, 0, -bufferDays)),
		bucketOutgoing: dayOf(now.AddDate(0, 0, -outgoingDays)),
		bucketSecret:   monthOf(firstOfMonth.AddDate(0, -months, 0)),
	}
}

func hasWaste(tx *bbolt.Tx, oldest map[string]string) bool {
	if number, _ := tx.Bucket([]byte(bucketGone)).Cursor().First(); number != nil {
		return true
	}
	for bucket, keep := range oldest {
		if part, _ := tx.Bucket([]byte(bucket)).Cursor().First(); part != nil && string(part) < keep {
			return true
		}
	}
	return false
}

// sweeper deletes rows until its budget is used up.
type sweeper struct {
	tx     *bbolt.Tx
	budget int
}

// clear deletes the rows of b with that prefix and tells whether all are gone.
func (s *sweeper) clear(b *bbolt.Bucket, prefix []byte) (bool, error) {
	// Collected first: deleting under a cursor makes it skip rows.
	var keys [][]byte
	c := b.Cursor()
	key, _ := c.Seek(prefix)
	for ; key != nil && bytes.HasPrefix(key, prefix) && len(keys) < s.budget; key, _ = c.Next() {
		keys = append(keys, bytes.Clone(key))
	}
	all := key == nil || !bytes.HasPrefix(key, prefix)
	for _, key := range keys {
		if err := b.Delete(key); err != nil {
			return false, err
		}
	}
	s.budget -= len(keys)
	return all, nil
}

func (s *sweeper) expired(oldest map[string]string) error {
	for bucket, keep := range oldest {
		b := s.tx.Bucket([]byte(bucket))
		for _, part := range partNames(b) {
			if part >= keep {
				break
			}
			all, err := s.clear(b.Bucket([]byte(part)), nil)
			if err != nil || !all {
				return err
			}
			if err := b.DeleteBucket([]byte(part)); err != nil {
				return err
			}
		}
	}
	return nil
}

func partNames(b *bbolt.Bucket) []string {
	var names []string
	c := b.Cursor()
	for name, _ := c.First(); name != nil; name, _ = c.Next() {
		names = append(names, string(name))
	}
	return names
}

func (s *sweeper) tombstones() error {
	gone := s.tx.Bucket([]byte(bucketGone))
	var numbers [][]byte
	c := gone.Cursor()
	for number, _ := c.First(); number != nil; number, _ = c.Next() {
		numbers = append(numbers, bytes.Clone(number))
	}
	for _, number := range numbers {
		all, err := s.device(binary.BigEndian.Uint32(number))
		if err != nil || !all {
			return err
		}
		if err := gone.Delete(number); err != nil {
			return err
		}
	}
	return nil
}

func (s *sweeper) device(number uint32) (bool, error) {
	prefix := numberKey(number)
	for _, bucket := range flatBuckets() {
		if all, err := s.clear(s.tx.Bucket([]byte(bucket)), prefix); err != nil || !all {
			return false, err
		}
	}
	for _, bucket := range partedBuckets() {
		b := s.tx.Bucket([]byte(bucket))
		for _, part := range partNames(b) {
			if all, err := s.clear(b.Bucket([]byte(part)), prefix); err != nil || !all {
				return false, err
			}
		}
	}
	return true, nil
}
