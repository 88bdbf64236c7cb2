package wastore

import (
	"context"
	"slices"
	"sync"

	"go.etcd.io/bbolt"

	"pombal/internal/store"
)

// crowd is how many queued write-sets of one device ask for a commit at once:
// each read looks through all of them.
const crowd = 64

// queue lists the write-sets of a device that were accepted and may not be on
// disk yet. Readers lay them over the file.
type queue struct {
	// mu is a leaf, held while a read transaction begins: a set that leaves the
	// list is then in the transaction, and one that is not on disk is on the
	// list.
	mu   sync.Mutex
	sets []*writeSet // newest first; replaced, never altered
}

// begin opens a read transaction and gives what lies over it, newest first.
func (q *queue) begin(db *store.DB) (*bbolt.Tx, []*writeSet, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	tx, err := db.Begin()
	return tx, q.sets, err
}

// add puts a set on the list, which must not change any more, and says how long
// the list is now.
func (q *queue) add(set *writeSet) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sets = slices.Concat([]*writeSet{set}, q.sets)
	return len(q.sets)
}

// drop takes a set off the list.
func (q *queue) drop(set *writeSet) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sets = slices.DeleteFunc(slices.Clone(q.sets), func(have *writeSet) bool { return have == set })
}

func (q *queue) pending() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.sets) > 0
}

// enqueue queues the transaction's changes; they count from now on.
func (t *txn) enqueue(ctx context.Context) error {
	if err := t.checkOwners(); err != nil {
		return err
	}
	longest := 0
	for s := range t.set.owners {
		longest = max(longest, s.queue.add(t.set))
	}
	err := t.c.db.Queue(ctx, store.Change{
		Apply: t.applyQueued, Settled: t.settled, Size: t.set.size, Urgent: longest >= crowd,
	})
	if err != nil {
		t.leaveQueues()
	}
	return err
}

// checkOwners refuses changes of a device that is gone already.
func (t *txn) checkOwners() error {
	if len(t.set.owners) == 0 {
		return nil
	}
	return t.c.read(nil, func(snap *snapshot) error {
		for s := range t.set.owners {
			if !s.exists(snap.get(flat(bucketDevice), []byte(s.jid))) {
				return ErrDeviceGone
			}
		}
		return nil
	})
}

// applyQueued writes the changes, unless one of the devices was deleted while
// they waited: with it they have lost their meaning, and that is no failure.
func (t *txn) applyQueued(tx *bbolt.Tx) error {
	devices := tx.Bucket([]byte(bucketDevice))
	for s := range t.set.owners {
		if !s.exists(devices.Get([]byte(s.jid))) {
			return nil
		}
	}
	return t.set.apply(tx)
}

// settled is told what became of queued changes.
func (t *txn) settled(err error) {
	t.leaveQueues()
	if err != nil {
		t.c.log.Error("queued engine data had to be given up", "error", err)
	}
}

func (t *txn) leaveQueues() {
	for s := range t.set.owners {
		s.queue.drop(t.set)
	}
}
