package store

import (
	"context"
	"errors"

	"go.etcd.io/bbolt"
)

// errUnchanged ends a write transaction that found nothing to write. It never
// leaves the package.
var errUnchanged = errors.New("nothing to write")

// typicalJob stands for the memory of a job whose size nobody knows.
const typicalJob = 1 << 10

// View runs fn in a read transaction that shows all that was accepted before,
// queued changes included, for which it waits. Bytes read inside are valid
// until fn returns; copy what is kept. fn must be short: while it runs, bbolt
// cannot reuse pages.
func (db *DB) View(fn func(*bbolt.Tx) error) error {
	if err := db.Flush(context.Background()); err != nil {
		return err
	}
	return db.bolt.View(fn)
}

// Begin opens a read transaction on what is on disk. Queued changes are not in
// it: whoever queues some lays them over it. The caller must roll it back soon.
func (db *DB) Begin() (*bbolt.Tx, error) {
	return db.bolt.Begin(false)
}

// Update runs fn, once, in a write transaction and returns when it is on disk,
// with everything that was queued before. fn may touch nothing but tx; it must
// not call the DB, which would wait for itself for ever. A cancelled ctx is
// noticed before the transaction and before its commit, never after.
func (db *DB) Update(ctx context.Context, fn func(*bbolt.Tx) error) error {
	return db.committer.do(&job{fn: fn, ctx: ctx, size: typicalJob, solo: true})
}

// UpdateShared is Update for an fn that may run more than once: it must set all
// its results anew each time. Many of them share a commit.
func (db *DB) UpdateShared(ctx context.Context, fn func(*bbolt.Tx) error) error {
	return db.committer.do(&job{fn: fn, ctx: ctx, size: typicalJob})
}

// Change is an atomic change that need not be on disk at once.
type Change struct {
	// Apply makes the change. It may run more than once and touches nothing but
	// its transaction. It must not fail but for damage: the change was accepted
	// already, so giving it up fails all who wait for later ones.
	Apply func(*bbolt.Tx) error
	// Settled, when set, is called once when the change is on disk or given up.
	// It must not call the DB.
	Settled func(error)
	// Size is about how many bytes the change holds in memory.
	Size int
	// Urgent asks for a commit without the usual wait for company.
	Urgent bool
}

// Queue accepts a change for the next commit and returns without waiting for
// it. Changes reach the disk in the order of acceptance, Updates included, so
// that a later Update that is on disk vouches for all changes before it. A full
// queue makes the caller wait; while the file cannot be written to, changes are
// refused with ErrUnwritable.
func (db *DB) Queue(ctx context.Context, change Change) error {
	return db.committer.add(ctx, &job{
		fn: change.Apply, settled: change.Settled, size: change.Size + typicalJob, urgent: change.Urgent,
	})
}

// Flush returns when everything that was accepted before is on disk.
func (db *DB) Flush(ctx context.Context) error {
	if db.committer.idle() {
		return ctx.Err()
	}
	return db.write(ctx, func(*bbolt.Tx) error { return errUnchanged })
}

// read runs fn in a read transaction unless ctx is over. It does not wait for
// queued changes: there are none in the buckets of this package.
func (db *DB) read(ctx context.Context, fn func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return db.bolt.View(fn)
}

// write is Update for an fn that returns errUnchanged to write nothing, which
// costs no disk access.
func (db *DB) write(ctx context.Context, fn func(*bbolt.Tx) error) error {
	return db.Update(ctx, fn)
}

// writeShared is write for an fn that may run more than once; see UpdateShared.
func (db *DB) writeShared(ctx context.Context, fn func(*bbolt.Tx) error) error {
	return db.UpdateShared(ctx, fn)
}

// grow is write for what makes the file grow and can wait: it is refused while
// the disk is nearly full.
func (db *DB) grow(ctx context.Context, fn func(*bbolt.Tx) error) error {
	if err := db.roomToGrow(); err != nil {
		return err
	}
	return db.write(ctx, fn)
}

// growShared is grow for an fn that may run more than once.
func (db *DB) growShared(ctx context.Context, fn func(*bbolt.Tx) error) error {
	if err := db.roomToGrow(); err != nil {
		return err
	}
	return db.writeShared(ctx, fn)
}

// change loads the value at key, lets change alter it and stores it.
// It returns missing when there is none.
func change[T any](b *bbolt.Bucket, key []byte, missing error, change func(*T) error) (T, error) {
	v, ok, err := load[T](b, key)
	if err != nil {
		return v, err
	}
	if !ok {
		return v, missing
	}
	if err := change(&v); err != nil {
		return v, err
	}
	return v, save(b, key, v)
}
