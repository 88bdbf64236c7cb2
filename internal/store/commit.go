package store

import (
	"context"
	"errors"
	"sync"

	"go.etcd.io/bbolt"
)

var (
	// errUnchanged ends a write transaction that found nothing to write. It
	// never leaves the package.
	errUnchanged = errors.New("nothing to write")
	// errInterrupted is the outcome of a write whose commit was cut short by a
	// panic.
	errInterrupted = errors.New("the commit was interrupted")
)

// maxGroup bounds how many waiting writes share a commit, and so how long the
// last of them waits for the others.
const maxGroup = 256

// read runs fn in a read transaction unless ctx is over.
func (db *DB) read(ctx context.Context, fn func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return db.View(fn)
}

// write runs fn in a commit of its own. fn returns errUnchanged to write
// nothing, which costs no disk access.
func (db *DB) write(ctx context.Context, fn func(*bbolt.Tx) error) error {
	if err := db.Update(ctx, fn); !errors.Is(err, errUnchanged) {
		return err
	}
	return nil
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

// groupOp is one write that waits for the next shared commit.
type groupOp struct {
	ctx  context.Context
	fn   func(*bbolt.Tx) error
	err  error
	turn chan struct{} // gets one value when this caller is to commit
	done chan struct{} // closed once err is final
}

// group collects the writes of many callers into few commits: whoever finds
// nobody committing commits what waits, its own write included, and then hands
// over to the oldest of those that came meanwhile. A lone writer waits for
// nobody, and no goroutine of our own is needed.
type group struct {
	mu      sync.Mutex
	waiting []*groupOp
	busy    bool
}

// writeShared runs fn in a commit that it may share with other callers, and
// returns once it is on disk. fn may run more than once: it must set all its
// results anew each time and touch nothing else but tx.
func (db *DB) writeShared(ctx context.Context, fn func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	op := &groupOp{ctx: ctx, fn: fn, err: errInterrupted, turn: make(chan struct{}, 1), done: make(chan struct{})}
	db.group.mu.Lock()
	db.group.waiting = append(db.group.waiting, op)
	if !db.group.busy {
		db.group.busy = true
		op.turn <- struct{}{}
	}
	db.group.mu.Unlock()
	// A caller whose ctx ends meanwhile still waits: its write may already be
	// part of the commit under way.
	select {
	case <-op.turn:
		db.commitGroup()
		// The oldest waiter leads, so its own write is always in the batch.
	case <-op.done:
	}
	if errors.Is(op.err, errUnchanged) {
		return nil
	}
	return op.err
}

func (db *DB) commitGroup() {
	batch := db.group.take()
	defer db.group.finish(batch)
	err := db.bolt.Update(func(tx *bbolt.Tx) error { return runGroup(tx, batch) })
	if err == nil || errors.Is(err, errUnchanged) || len(batch) == 1 && batch[0].err != nil {
		return
	}
	// Somebody's write failed, and bbolt cannot take back a part of a
	// transaction. Each gets one of its own, so that only the culprit fails.
	for _, op := range batch {
		op.err = db.Update(op.ctx, op.fn)
	}
}

// runGroup runs the writes of a batch in tx. Its error rolls back all of them.
func runGroup(tx *bbolt.Tx, batch []*groupOp) error {
	written := false
	for _, op := range batch {
		op.err = op.ctx.Err()
		if op.err == nil {
			op.err = op.fn(tx)
			written = written || op.err == nil
			if op.err != nil && !errors.Is(op.err, errUnchanged) {
				return op.err
			}
		}
	}
	if !written {
		return errUnchanged
	}
	return nil
}

func (g *group) take() []*groupOp {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), maxGroup)
	batch := g.waiting[:n:n]
	g.waiting = append([]*groupOp(nil), g.waiting[n:]...)
	return batch
}

// finish tells the callers of a batch that it is over and names the next
// leader.
func (g *group) finish(batch []*groupOp) {
	g.mu.Lock()
	if len(g.waiting) > 0 {
		g.waiting[0].turn <- struct{}{}
	} else {
		g.busy = false
	}
	g.mu.Unlock()
	for _, op := range batch {
		close(op.done)
	}
}
