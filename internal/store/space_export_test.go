package store

// LookAtDisk looks at once how much is free.
func LookAtDisk(db *DB) { db.space.check() }

// DiskSpace is diskSpace.
var DiskSpace = diskSpace
