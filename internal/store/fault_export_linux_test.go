package store

import (
	"fmt"
	"os"
	"reflect"
	"syscall"
	"unsafe"
)

// FaultyFile stands between bbolt and its file.
type FaultyFile struct {
	db   *DB
	real *os.File
	none *os.File // takes the place of the file while syncing is to fail
}

// writeAt is the signature of bbolt's own seam for writes, which its options
// do not reach.
type writeAt = func(b []byte, off int64) (int, error)

// NewFaultyFile lets write see every page that goes to the file; next does the
// real write. Call it while nobody writes.
func NewFaultyFile(db *DB, write func(b []byte, off int64, next writeAt) (int, error)) (*FaultyFile, error) {
	fd, err := syscall.Dup(int(boltFile(db).Fd()))
	if err != nil {
		return nil, err
	}
	none, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	f := &FaultyFile{db: db, real: os.NewFile(uintptr(fd), "data file"), none: none}
	ops := reflect.ValueOf(db.bolt).Elem().FieldByName("ops").FieldByName("writeAt")
	seam := (*writeAt)(unsafe.Pointer(ops.UnsafeAddr()))
	*seam = func(b []byte, off int64) (int, error) { return write(b, off, f.real.WriteAt) }
	return f, nil
}

func boltFile(db *DB) *os.File {
	file := reflect.ValueOf(db.bolt).Elem().FieldByName("file")
	return *(**os.File)(unsafe.Pointer(file.UnsafeAddr()))
}

// FailSync makes the next syncs fail, or work again.
func (f *FaultyFile) FailSync(fail bool) error {
	from := f.real
	if fail {
		from = f.none
	}
	if err := syscall.Dup3(int(from.Fd()), int(boltFile(f.db).Fd()), syscall.O_CLOEXEC); err != nil {
		return fmt.Errorf("exchange the file: %w", err)
	}
	return nil
}

// Close lets go of the file, once the DB is closed.
func (f *FaultyFile) Close() error {
	if err := f.none.Close(); err != nil {
		return err
	}
	return f.real.Close()
}

// Queued says how many writes wait.
func Queued(db *DB) int {
	db.committer.mu.Lock()
	defer db.committer.mu.Unlock()
	return len(db.committer.queue) + db.committer.inFlight
}
