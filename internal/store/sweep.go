package store

import (
	"bytes"
	"context"

	"go.etcd.io/bbolt"

	"pombal/internal/instance"
)

const (
	// sweepScan and sweepDrop bound what one step of a sweep reads and removes.
	sweepScan = 4000
	sweepDrop = 500
)

// verdict is what a sweep does with a row.
type verdict int

const (
	keepRow verdict = iota
	dropRow
	// keepRest also keeps all later rows whose keys begin with the same id.
	keepRest
)

// judge decides on a row. It may be asked twice about the same one.
type judge func(key, value []byte) (verdict, error)

// sweepRows goes through a bucket in steps and removes the rows that judge
// says.
func (db *DB) sweepRows(ctx context.Context, bucket []byte, judge judge) error {
	return db.sweepWith(ctx, bucket, judge, func(tx *bbolt.Tx, keys [][]byte) error {
		return dropRows(tx.Bucket(bucket), keys, judge)
	})
}

// sweepWith is sweepRows with another way to remove rows, which may have been
// written to since they were judged.
func (db *DB) sweepWith(ctx context.Context, bucket []byte, judge judge, drop func(*bbolt.Tx, [][]byte) error) error {
	var at []byte
	for {
		doomed, next, err := db.sweepStep(ctx, bucket, at, judge)
		if err != nil {
			return err
		}
		if len(doomed) > 0 {
			err := db.writeShared(ctx, func(tx *bbolt.Tx) error { return drop(tx, doomed) })
			if err != nil {
				return err
			}
		}
		if next == nil {
			return nil
		}
		at = next
	}
}

// sweepStep reads on from a key and names the rows to remove and the key to go
// on from, nil at the end.
func (db *DB) sweepStep(ctx context.Context, bucket, at []byte, judge judge) (doomed [][]byte, next []byte, err error) {
	err = db.read(ctx, func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucket).Cursor()
		k, raw := c.Seek(at)
		for n := 0; k != nil; n++ {
			if n == sweepScan || len(doomed) == sweepDrop {
				next = bytes.Clone(k)
				return nil
			}
			what, err := judge(k, raw)
			if err != nil {
				return err
			}
			if what == dropRow {
				doomed = append(doomed, bytes.Clone(k))
			}
			if id, _, ok := bytes.Cut(k, []byte{0}); ok && what == keepRest {
				k, raw = c.Seek(successor(prefixOf(string(id))))
				continue
			}
			k, raw = c.Next()
		}
		return nil
	})
	return doomed, next, err
}

// dropRows removes the rows that are still to go: one may have been written to
// since it was judged.
func dropRows(b *bbolt.Bucket, keys [][]byte, judge judge) error {
	for _, key := range keys {
		raw := b.Get(key)
		if raw == nil {
			continue
		}
		what, err := judge(key, raw)
		if err != nil {
			return err
		}
		if what == dropRow {
			if err := b.Delete(key); err != nil {
				return err
			}
		}
	}
	return nil
}

// purgeDeleted removes what is left of deleted instances for which nothing
// waits.
func (db *DB) purgeDeleted(ctx context.Context, floors map[string]uint64) error {
	var ids []string
	err := db.read(ctx, func(tx *bbolt.Tx) error {
		list, err := all[instance.Instance](tx.Bucket(bucketInstance), nil)
		for _, in := range list {
			if _, waits := floors[in.ID]; !in.DeletedAt.IsZero() && !waits {
				ids = append(ids, in.ID)
			}
		}
		return err
	})
	for _, id := range ids {
		for left := err == nil; left && err == nil; {
			err = db.writeShared(ctx, func(tx *bbolt.Tx) (err error) {
				left, err = purgeStep(tx, id)
				return err
			})
		}
	}
	return err
}

// purgeStep removes some of what is left of a deleted instance, and the last of
// it when that is little.
func purgeStep(tx *bbolt.Tx, id string) (left bool, err error) {
	in, ok, err := load[instance.Instance](tx.Bucket(bucketInstance), []byte(id))
	hooks := webhookIDs(tx, id)
	// The id may be in use again by now.
	if err != nil {
		return false, err
	}
	if !ok || in.DeletedAt.IsZero() || anyPending(tx, hooks) {
		return false, errUnchanged
	}
	budget := sweepDrop
	drop := func(bucket, prefix []byte) error {
		n, err := removePrefix(tx.Bucket(bucket), prefix, budget)
		budget -= n
		return err
	}
	for _, hook := range hooks {
		for _, bucket := range [][]byte{bucketDelivery, bucketDead} {
			if err := drop(bucket, prefixOf(hook)); err != nil {
				return false, err
			}
		}
	}
	for _, bucket := range append(indexBuckets(), bucketEvent, bucketEventKey, bucketSeen, bucketCaught) {
		if err := drop(bucket, prefixOf(id)); err != nil {
			return false, err
		}
	}
	if budget <= 0 {
		return true, nil
	}
	return false, purge(tx, id, hooks)
}
