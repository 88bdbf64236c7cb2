package store

import "go.etcd.io/bbolt"

// Ready says why the data file cannot serve; nil when it can. While writing
// fails, it is what the last attempt failed with.
func (db *DB) Ready() error {
	if err := db.committer.health(); err != nil {
		return err
	}
	return db.bolt.View(func(*bbolt.Tx) error { return nil })
}
