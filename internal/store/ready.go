package store

import "go.etcd.io/bbolt"

// Ready says why the data file cannot serve; nil when it can. While writing
// fails, it is what the last attempt failed with; while the disk is nearly
// full, that: both are problems of kind Storage.
func (db *DB) Ready() error {
	if err := db.committer.health(); err != nil {
		return err
	}
	if err := db.roomToGrow(); err != nil {
		return err
	}
	return db.bolt.View(func(*bbolt.Tx) error { return nil })
}

// OnHealed has fn called whenever what was refused for want of disk would be
// taken again: WhatsApp repeats what was not acknowledged on a new connection
// only. fn must not block and must not call the DB.
func (db *DB) OnHealed(fn func()) {
	db.committer.mu.Lock()
	defer db.committer.mu.Unlock()
	db.committer.healed = fn
}

// tellHealed calls what OnHealed was given.
func (db *DB) tellHealed() {
	db.committer.mu.Lock()
	fn := db.committer.healed
	db.committer.mu.Unlock()
	if fn != nil {
		fn()
	}
}
