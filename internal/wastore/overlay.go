package wastore

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

// write is one change of a write-set; a nil value deletes the row.
type write struct {
	value []byte
	// replace leaves the row alone when it is gone by now, so that a late
	// change does not bring a swept day back.
	replace bool
}

// rowOverhead is about what a row of a write-set takes beside its bytes.
const rowOverhead = 80

// writeSet is what a transaction wants changed. It lies over the file until it
// is applied in one commit, or dropped.
type writeSet struct {
	tables map[table]map[string]write
	// owners are the devices written for; all must exist at the commit.
	owners map[*deviceStore]struct{}
	size   int // about how many bytes it holds
}

func newWriteSet() *writeSet {
	return &writeSet{tables: map[table]map[string]write{}, owners: map[*deviceStore]struct{}{}}
}

func (w *writeSet) empty() bool { return len(w.tables) == 0 }

func (w *writeSet) set(t table, key []byte, change write) {
	rows := w.tables[t]
	if rows == nil {
		rows = map[string]write{}
		w.tables[t] = rows
	}
	rows[string(key)] = change
	w.size += len(key) + len(change.value) + rowOverhead
}

// merge adds the changes of a call that went well.
func (w *writeSet) merge(from *writeSet) {
	maps.Copy(w.owners, from.owners)
	w.size += from.size
	for t, rows := range from.tables {
		if have := w.tables[t]; have != nil {
			maps.Copy(have, rows)
		} else {
			w.tables[t] = rows
		}
	}
}

// apply writes the set into tx, keys in order: neighbours share pages.
func (w *writeSet) apply(tx *bbolt.Tx) error {
	for t, rows := range w.tables {
		b, err := openTable(tx, t)
		if err != nil {
			return err
		}
		for _, key := range slices.Sorted(maps.Keys(rows)) {
			if err := applyRow(b, []byte(key), rows[key]); err != nil {
				return fmt.Errorf("write %s: %w", t.bucket, err)
			}
		}
	}
	return nil
}

func applyRow(b *bbolt.Bucket, key []byte, change write) error {
	switch {
	case change.value == nil:
		return b.Delete(key)
	case change.replace && b.Get(key) == nil:
		return nil
	default:
		return b.Put(key, change.value)
	}
}

func openTable(tx *bbolt.Tx, t table) (*bbolt.Bucket, error) {
	b := tx.Bucket([]byte(t.bucket))
	if b == nil {
		return nil, fmt.Errorf("bucket %s is missing", t.bucket)
	}
	if t.part == "" {
		return b, nil
	}
	return b.CreateBucketIfNotExists([]byte(t.part))
}

// snapshot is a read transaction with write-sets over it, newest first. What
// it returns is valid only while the read transaction is open.
type snapshot struct {
	tx      *bbolt.Tx
	txn     *txn // whose changes are shown, nil outside one
	layers  []*writeSet
	queued  []*writeSet // those of the layers that were accepted already
	buckets map[table]*bbolt.Bucket
}

func newSnapshot(tx *bbolt.Tx, layers, queued []*writeSet) *snapshot {
	return &snapshot{tx: tx, layers: slices.Concat(layers, queued), queued: queued, buckets: map[table]*bbolt.Bucket{}}
}

// bucket returns nil when the part does not exist.
func (s *snapshot) bucket(t table) *bbolt.Bucket {
	b, known := s.buckets[t]
	if known {
		return b
	}
	b = s.tx.Bucket([]byte(t.bucket))
	if b != nil && t.part != "" {
		b = b.Bucket([]byte(t.part))
	}
	s.buckets[t] = b
	return b
}

func (s *snapshot) get(t table, key []byte) []byte {
	for _, layer := range s.layers {
		if change, ok := layer.tables[t][string(key)]; ok {
			return change.value
		}
	}
	if b := s.bucket(t); b != nil {
		return b.Get(key)
	}
	return nil
}

// accepted tells whether a row is there for everybody, not only within the
// running transaction.
func (s *snapshot) accepted(t table, key []byte) bool {
	below := snapshot{tx: s.tx, layers: s.queued, buckets: s.buckets}
	return below.get(t, key) != nil
}

// scan calls fn for every row with that prefix, in key order. fn may change
// the write-sets: the scan shows the rows as they were when it began.
func (s *snapshot) scan(t table, prefix []byte, fn func(key, value []byte) error) error {
	changed := s.changed(t, prefix)
	order := slices.Sorted(maps.Keys(changed))
	emit := func(key string) error {
		if value := changed[key].value; value != nil {
			return fn([]byte(key), value)
		}
		return nil
	}
	if b := s.bucket(t); b != nil {
		c := b.Cursor()
		for key, value := c.Seek(prefix); key != nil && bytes.HasPrefix(key, prefix); key, value = c.Next() {
			for len(order) > 0 && order[0] < string(key) {
				if err := emit(order[0]); err != nil {
					return err
				}
				order = order[1:]
			}
			if _, over := changed[string(key)]; over {
				continue
			}
			if err := fn(key, value); err != nil {
				return err
			}
		}
	}
	for _, key := range order {
		if err := emit(key); err != nil {
			return err
		}
	}
	return nil
}

func (s *snapshot) changed(t table, prefix []byte) map[string]write {
	changed := map[string]write{}
	for _, layer := range slices.Backward(s.layers) {
		for key, change := range layer.tables[t] {
			if strings.HasPrefix(key, string(prefix)) {
				changed[key] = change
			}
		}
	}
	return changed
}

// parts lists the days or months of a bucket, newest first, and current, which
// may not exist yet.
func (s *snapshot) parts(bucket, current string) []string {
	names := map[string]struct{}{current: {}}
	for _, layer := range s.layers {
		for t := range layer.tables {
			if t.bucket == bucket {
				names[t.part] = struct{}{}
			}
		}
	}
	if b := s.bucket(flat(bucket)); b != nil {
		c := b.Cursor()
		for name, _ := c.First(); name != nil; name, _ = c.Next() {
			names[string(name)] = struct{}{}
		}
	}
	sorted := slices.Sorted(maps.Keys(names))
	slices.Reverse(sorted)
	return sorted
}
