package store

import (
	"testing"

	"go.etcd.io/bbolt"
)

// Rows counts the rows of each bucket.
func Rows(t testing.TB, db *DB) map[string]int {
	t.Helper()
	counts := map[string]int{}
	err := db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			counts[string(name)] = countPrefix(b, nil)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

// Commits counts the commits that the file has seen.
func Commits(t testing.TB, db *DB) (id int) {
	t.Helper()
	err := db.View(func(tx *bbolt.Tx) error {
		id = tx.ID()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// SizeOf is sizeOf.
func SizeOf(path string) (int64, error) { return sizeOf(path) }
