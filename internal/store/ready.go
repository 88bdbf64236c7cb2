package store

import "go.etcd.io/bbolt"

// Ready says why the data file cannot serve; nil when it can.
func (db *DB) Ready() error {
	return db.View(func(*bbolt.Tx) error { return nil })
}
