package storetest

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"go.etcd.io/bbolt"

	"pombal/internal/store"
)

// WriteAt writes bytes at an offset of a file.
type WriteAt = func(b []byte, off int64) (int, error)

// FaultyFile stands between an open data file and the disk.
type FaultyFile struct {
	bolt *bbolt.DB
	real *os.File
	none *os.File // takes the place of the file while syncing is to fail
}

// NewFaultyFile lets write see every page that goes to the file from now on;
// next does the real write.
func NewFaultyFile(db *store.DB, write func(b []byte, off int64, next WriteAt) (int, error)) (*FaultyFile, error) {
	f := &FaultyFile{}
	// Within a write transaction nobody else writes.
	err := db.Update(context.Background(), func(tx *bbolt.Tx) (err error) {
		f.bolt = tx.DB()
		fd, err := syscall.Dup(int(f.file().Fd()))
		if err != nil {
			return err
		}
		f.real = os.NewFile(uintptr(fd), "data file")
		if f.none, err = os.Open(os.DevNull); err != nil {
			return err
		}
		// bbolt's own seam for writes, which its options do not reach.
		ops := reflect.ValueOf(f.bolt).Elem().FieldByName("ops").FieldByName("writeAt")
		seam := (*WriteAt)(unsafe.Pointer(ops.UnsafeAddr()))
		*seam = func(b []byte, off int64) (int, error) { return write(b, off, f.real.WriteAt) }
		return nil
	})
	return f, err
}

func (f *FaultyFile) file() *os.File {
	file := reflect.ValueOf(f.bolt).Elem().FieldByName("file")
	return *(**os.File)(unsafe.Pointer(file.UnsafeAddr()))
}

// FailSync makes the next syncs fail, or work again.
func (f *FaultyFile) FailSync(fail bool) error {
	from := f.real
	if fail {
		from = f.none
	}
	if err := syscall.Dup3(int(from.Fd()), int(f.file().Fd()), syscall.O_CLOEXEC); err != nil {
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

// Outage is a disk that can be made to refuse every write.
type Outage struct {
	down    atomic.Pointer[error]
	refused atomic.Int64
}

// NewOutage puts a disk under an open data file that works until it is broken.
func NewOutage(t testing.TB, db *store.DB) *Outage {
	t.Helper()
	o := &Outage{}
	// Whoever opened the file may close it after this test's own end, so the
	// faulty one is left to the garbage collector.
	_, err := NewFaultyFile(db, func(b []byte, off int64, next WriteAt) (int, error) {
		if fault := o.down.Load(); fault != nil {
			o.refused.Add(1)
			return 0, *fault
		}
		return next(b, off)
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// Break makes every write fail with fault.
func (o *Outage) Break(fault error) { o.down.Store(&fault) }

// Heal makes writes work again.
func (o *Outage) Heal() { o.down.Store(nil) }

// Refused says how many writes have failed.
func (o *Outage) Refused() int64 { return o.refused.Load() }
