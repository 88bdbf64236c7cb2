package store

import (
	"context"
	"encoding/binary"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/instance"
)

// Buckets of this file: the timelines, instance id ‖ 0 ‖ number, and what the
// WhatsApp engine remembers of itself, one row.
var (
	bucketTimeline = []byte("inst.line")
	bucketEngine   = []byte("engine")
	keyEngineState = []byte("state")
)

// A timeline is cut to keepMoments whenever it has grown by cutEvery.
const (
	keepMoments = 2000
	cutEvery    = 100
)

func createTimeline(tx *bbolt.Tx) error {
	for _, name := range [][]byte{bucketTimeline, bucketEngine} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return nil
}

// AppendTimeline adds moments in one commit; see instance.Store.
func (db *DB) AppendTimeline(ctx context.Context, moments []instance.Moment) error {
	return db.writeShared(ctx, func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketTimeline)
		for _, m := range moments {
			if err := appendMoment(b, m); err != nil {
				return err
			}
		}
		return nil
	})
}

// appendMoment numbers the moments of each instance from 1, so that every
// number that cutEvery divides is met.
func appendMoment(b *bbolt.Bucket, m instance.Moment) error {
	if err := checkID("instance", m.InstanceID); err != nil {
		return err
	}
	prefix := prefixOf(m.InstanceID)
	var n uint64 = 1
	if k, _ := seekLast(b.Cursor(), prefix); len(k) == len(prefix)+8 && string(k[:len(prefix)]) == string(prefix) {
		n = binary.BigEndian.Uint64(k[len(prefix):]) + 1
	}
	if err := save(b, countKey(m.InstanceID, n), m); err != nil {
		return err
	}
	if n%cutEvery != 0 {
		return nil
	}
	surplus := countPrefix(b, prefix) - keepMoments
	if surplus <= 0 {
		return nil
	}
	_, err := removePrefix(b, prefix, surplus)
	return err
}

// Timeline lists the newest moments of an instance first; see instance.Store.
func (db *DB) Timeline(ctx context.Context, id string, since time.Time, limit int) ([]instance.Moment, error) {
	var list []instance.Moment
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		list = nil
		prefix := prefixOf(id)
		c := tx.Bucket(bucketTimeline).Cursor()
		for k, raw := seekLast(c, prefix); len(k) == len(prefix)+8 && string(k[:len(prefix)]) == string(prefix); k, raw = c.Prev() {
			m, err := decode[instance.Moment](raw)
			if err != nil {
				return err
			}
			list = append(list, m)
			if m.At.Before(since) || len(list) == limit {
				return nil
			}
		}
		return nil
	})
	return list, err
}

// DeleteTimeline removes the moments of an instance.
func (db *DB) DeleteTimeline(ctx context.Context, id string) error {
	return db.write(ctx, func(tx *bbolt.Tx) error {
		n, err := removePrefix(tx.Bucket(bucketTimeline), prefixOf(id), keepMoments+cutEvery)
		if err == nil && n == 0 {
			return errUnchanged
		}
		return err
	})
}

// EngineState is what the WhatsApp engine stored last; nil when it never did.
func (db *DB) EngineState(ctx context.Context) ([]byte, error) {
	var state []byte
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		state = append([]byte(nil), tx.Bucket(bucketEngine).Get(keyEngineState)...)
		return nil
	})
	return state, err
}

// SaveEngineState stores what the WhatsApp engine remembers of itself.
func (db *DB) SaveEngineState(ctx context.Context, state []byte) error {
	return db.write(ctx, func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketEngine).Put(keyEngineState, state)
	})
}
