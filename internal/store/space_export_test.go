package store

// LookAtDisk looks at once how much is free. From then on nobody else looks: two
// looks at a time are not meant to be.
func LookAtDisk(db *DB) {
	db.space.close()
	db.space.check()
}

// DiskSpace is diskSpace.
var DiskSpace = diskSpace
