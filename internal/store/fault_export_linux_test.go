package store

// Queued says how many writes wait.
func Queued(db *DB) int {
	db.committer.mu.Lock()
	defer db.committer.mu.Unlock()
	return len(db.committer.queue) + db.committer.inFlight
}
