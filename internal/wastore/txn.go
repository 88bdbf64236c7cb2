package wastore

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	"go.mau.fi/whatsmeow/types"
)

const (
	// lockWait bounds the wait for another call on the same device. The longest
	// honest one, a first pre-key upload on a slow disk, takes a few seconds.
	lockWait = 30 * time.Second
	// slowCommit is where a commit is worth a line in the log: it blocks the
	// writers of all devices.
	slowCommit = time.Second
)

// txnKey finds the running transaction of one container in a context.
type txnKey struct{ c *Container }

// txn collects the changes of one or several calls. No bbolt transaction is
// open between the calls: each reads from a snapshot of its own under the
// write-set, and the locks of the devices keep other writers away.
type txn struct {
	c *Container

	mu      sync.Mutex
	done    bool
	durable bool // the caller must not go on before the changes are on disk
	set     *writeSet
	held    []*deviceStore
	lids    lidChange
	after   []func() // run once the changes count
}

func (c *Container) newTxn() *txn {
	return &txn{c: c, set: newWriteSet()}
}

// joined returns the transaction that ctx carries for this container, or nil.
func (c *Container) joined(ctx context.Context) *txn {
	t, _ := ctx.Value(txnKey{c}).(*txn)
	return t
}

func (c *Container) ready(ctx context.Context) error {
	if c.closed.Load() {
		return ErrClosed
	}
	return ctx.Err()
}

// read runs fn on a snapshot: what is on disk, over it what is queued for the
// device s (which may be nil), and over that further write-sets, newest first.
// It, write and enqueue are this package's only ways to bbolt.
func (c *Container) read(s *deviceStore, fn func(*snapshot) error, layers ...*writeSet) error {
	tx, queued, err := c.begin(s)
	if err != nil {
		return err
	}
	// Nothing was written that a failing rollback could lose.
	defer func() { _ = tx.Rollback() }()
	return fn(newSnapshot(tx, layers, queued))
}

// begin opens a read transaction and tells what is queued for s at that moment.
func (c *Container) begin(s *deviceStore) (*bbolt.Tx, []*writeSet, error) {
	if s == nil {
		tx, err := c.db.Begin()
		return tx, nil, err
	}
	return s.queue.begin(c.db)
}

// write runs fn in a write transaction and returns once it is on disk.
func (c *Container) write(ctx context.Context, fn func(*bbolt.Tx) error) error {
	if err := c.ready(ctx); err != nil {
		return err
	}
	start := c.now()
	err := c.db.Update(ctx, fn)
	if took := c.now().Sub(start); took > slowCommit {
		c.log.Warn("slow commit of engine data", "took", took)
	}
	return err
}

// view runs fn on what counts for s, which may be nil, and what ctx's
// transaction wants there.
func (c *Container) view(ctx context.Context, s *deviceStore, fn func(*snapshot) error) (err error) {
	defer c.failFast(ctx, &err)
	if err := c.ready(ctx); err != nil {
		return err
	}
	if t := c.joined(ctx); t != nil {
		if err := t.view(s, fn); !errors.Is(err, errFinished) {
			return err
		}
	}
	return c.read(s, fn)
}

// pace says when a call that writes may return.
type pace bool

const (
	// rides: once its changes are queued. They reach the disk before anything
	// that comes later, so whoever must not lose them waits for that.
	rides pace = false
	// waits: once its changes are on disk.
	waits pace = true
)

// atomic runs fn with a context whose store calls form one transaction, joined
// to that of ctx if there is one. fn's error, or its panic, drops all changes
// and comes out as it is. A joined transaction keeps its own pace.
func (c *Container) atomic(ctx context.Context, s *deviceStore, p pace, fn func(context.Context) error) (err error) {
	defer c.failFast(ctx, &err)
	if err := c.ready(ctx); err != nil {
		return err
	}
	if t := c.joined(ctx); t != nil {
		// A finished transaction survives in contexts derived from it.
		if err := t.join(ctx, s); err == nil {
			return fn(ctx)
		} else if !errors.Is(err, errFinished) {
			return err
		}
	}
	t := c.newTxn()
	t.durable = p == waits
	defer t.end()
	if err := t.join(ctx, s); err != nil {
		return err
	}
	if err := fn(context.WithValue(ctx, txnKey{c}, t)); err != nil {
		return err
	}
	return t.commit(ctx)
}

// join takes the lock of s for the rest of the transaction. s may be nil.
func (t *txn) join(ctx context.Context, s *deviceStore) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.joinLocked(ctx, s)
}

func (t *txn) joinLocked(ctx context.Context, s *deviceStore) error {
	if t.done {
		return errFinished
	}
	if s == nil {
		return nil
	}
	for _, have := range t.held {
		if have == s {
			return nil
		}
	}
	if err := s.lock.acquire(ctx, t.c.lockWait); err != nil {
		return err
	}
	t.held = append(t.held, s)
	return nil
}

func (t *txn) view(s *deviceStore, fn func(*snapshot) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done {
		return errFinished
	}
	return t.c.read(s, func(snap *snapshot) error {
		snap.txn = t
		return fn(snap)
	}, t.set)
}

// call runs one method: its changes count all or, on error, not at all.
func (t *txn) call(ctx context.Context, s *deviceStore, fn func(*deviceTx) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.joinLocked(ctx, s); err != nil {
		return err
	}
	own := newWriteSet()
	err := t.c.read(s, func(snap *snapshot) error {
		snap.txn = t
		d := newDeviceTx(snap, s)
		d.set = own
		return fn(d)
	}, own, t.set)
	if err == nil {
		t.set.merge(own)
	}
	return err
}

// commit makes all changes count, in one bbolt transaction sooner or later.
// Without changes it writes nothing: a bbolt commit syncs twice even then.
func (t *txn) commit(ctx context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done {
		return errFinished
	}
	t.done = true
	if err := t.c.ready(ctx); err != nil {
		return err
	}
	if len(t.lids.pairs) > 0 {
		release, err := t.planLIDs(ctx)
		if err != nil {
			return err
		}
		defer release()
	}
	if err := t.hand(ctx); err != nil {
		return err
	}
	for _, fn := range t.after {
		fn()
	}
	return nil
}

// hand gives the changes to the committer at the transaction's pace. The locks
// of its devices are still held, so changes of a device are queued in their
// order, and none builds on one that is refused in the end.
func (t *txn) hand(ctx context.Context) error {
	switch {
	case t.set.empty() && !t.durable:
		return nil
	case t.set.empty():
		// All is there already, but perhaps not on disk.
		for _, s := range t.held {
			if s.queue.pending() {
				return t.c.db.Flush(ctx)
			}
		}
		return nil
	case t.durable:
		return t.c.db.UpdateShared(ctx, t.apply)
	default:
		return t.enqueue(ctx)
	}
}

func (t *txn) apply(tx *bbolt.Tx) error {
	for s := range t.set.owners {
		if !s.exists(tx.Bucket([]byte(bucketDevice)).Get([]byte(s.jid))) {
			return ErrDeviceGone
		}
	}
	return t.set.apply(tx)
}

// afterCommit notes what is to be done once the changes count. It is
// called within a call, so the transaction is locked.
func (t *txn) afterCommit(fn func()) { t.after = append(t.after, fn) }

// end lets go of the locks; whatever was not committed is dropped.
func (t *txn) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done = true
	for _, s := range t.held {
		s.lock.release()
	}
	t.held = nil
}

// deviceTx is what one call of a device's store works with: rows of that
// device only. For a device that is gone it shows nothing and refuses writes.
type deviceTx struct {
	snap  *snapshot
	set   *writeSet // nil in a read
	store *deviceStore
	alive bool
	num   uint32
}

func newDeviceTx(snap *snapshot, s *deviceStore) *deviceTx {
	d := &deviceTx{snap: snap, store: s}
	if s != nil {
		d.num = s.number.Load()
		d.alive = s.exists(snap.get(flat(bucketDevice), []byte(s.jid)))
	}
	return d
}

func (d *deviceTx) key(rest []byte) []byte {
	return append(numberKey(d.num), rest...)
}

// get returns the row in place; it must be decoded or copied before the call
// ends. It is nil when there is none.
func (d *deviceTx) get(t table, key []byte) []byte {
	if !d.alive {
		return nil
	}
	return d.snap.get(t, d.key(key))
}

// scan is snapshot.scan with the device's number taken off the keys.
func (d *deviceTx) scan(t table, prefix []byte, fn func(key, value []byte) error) error {
	if !d.alive {
		return nil
	}
	return d.snap.scan(t, d.key(prefix), func(key, value []byte) error {
		return fn(key[numberSize:], value)
	})
}

// keys returns copies of all keys with that prefix.
func (d *deviceTx) keys(t table, prefix []byte) ([][]byte, error) {
	var keys [][]byte
	err := d.scan(t, prefix, func(key, _ []byte) error {
		keys = append(keys, bytes.Clone(key))
		return nil
	})
	return keys, err
}

// put writes a row unless it is there with the same bytes: most identities and
// names come unchanged, and bbolt would commit them again.
func (d *deviceTx) put(t table, key, value []byte) error {
	if !d.alive {
		return ErrDeviceGone
	}
	full := d.key(key)
	if len(full) > bbolt.MaxKeySize {
		return invalid("key of %d bytes", len(full))
	}
	if bytes.Equal(d.snap.get(t, full), value) {
		return nil
	}
	d.set.set(t, full, write{value: value})
	d.set.owners[d.store] = struct{}{}
	return nil
}

// replace is put for a row that was just read and may be swept meanwhile.
func (d *deviceTx) replace(t table, key, value []byte) error {
	if err := d.put(t, key, value); err != nil {
		return err
	}
	full := d.key(key)
	change, changed := d.set.tables[t][string(full)]
	if changed && d.snap.accepted(t, full) {
		change.replace = true
		d.set.set(t, full, change)
	}
	return nil
}

// delete removes a row; a missing one is no error and no write.
func (d *deviceTx) delete(t table, key []byte) {
	if d.get(t, key) == nil {
		return
	}
	d.set.set(t, d.key(key), write{})
	d.set.owners[d.store] = struct{}{}
}

// twin returns the same user's JID on the other side of the LID map, or an
// empty one.
func (d *deviceTx) twin(jid types.JID) types.JID {
	return d.store.c.lids.twin(d.snap.txn, jid)
}

// view runs a method that only reads.
func (s *deviceStore) view(ctx context.Context, fn func(*deviceTx) error) error {
	return s.c.view(ctx, s, func(snap *snapshot) error { return fn(newDeviceTx(snap, s)) })
}

// update runs a method that writes, within ctx's transaction if it has one.
func (s *deviceStore) update(ctx context.Context, p pace, fn func(*deviceTx) error) error {
	return s.c.atomic(ctx, s, p, func(ctx context.Context) error {
		return s.c.joined(ctx).call(ctx, s, fn)
	})
}
