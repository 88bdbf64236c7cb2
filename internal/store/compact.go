package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"go.etcd.io/bbolt"
)

const (
	// worthFree is how many bytes must be free in the file before it is written
	// anew at the start: below, that gains nothing that anybody would notice.
	worthFree = 64 << 20
	// copyChunk is how much a compaction writes in one transaction.
	copyChunk = 1 << 20
)

// Compact writes the data file at path anew, without what is free in it, and
// tells its size before and after. Nobody else may have it open: ErrLocked.
func Compact(path string) (before, after int64, err error) {
	if _, err := os.Stat(path); err != nil {
		return 0, 0, err
	}
	bolt, err := openFile(path, Options{})
	if err != nil {
		return 0, 0, fmt.Errorf("data file %s: %w", path, err)
	}
	err = recovered(func() error { return bolt.View(checkSchema) })
	if err == nil {
		before, err = sizeOf(path)
	}
	if err == nil {
		err = rewrite(path, bolt)
	}
	if err = errors.Join(err, bolt.Close()); err != nil {
		return 0, 0, fmt.Errorf("compact %s: %w", path, err)
	}
	after, err = sizeOf(path)
	return before, after, err
}

func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// compactAtStart writes the file anew when more than half of it is free, and
// gives the file to go on with. That it could not is no reason not to start.
func compactAtStart(path string, bolt *bbolt.DB, opts Options) (*bbolt.DB, error) {
	free, err := freeBytes(bolt)
	if err != nil {
		return nil, errors.Join(err, bolt.Close())
	}
	size, err := sizeOf(path)
	if err != nil {
		return nil, errors.Join(err, bolt.Close())
	}
	// Somebody else's file is for the caller to refuse.
	if free < worthFree || free*2 < size || recovered(func() error { return bolt.View(checkSchema) }) != nil {
		return bolt, nil
	}
	began := time.Now()
	if err := rewrite(path, bolt); err != nil {
		opts.Log.Warn("the data file could not be compacted", "error", err)
		return bolt, nil
	}
	if err := bolt.Close(); err != nil {
		return nil, err
	}
	after, err := sizeOf(path)
	if err != nil {
		return nil, err
	}
	opts.Log.Info("the data file was compacted", "before", size, "after", after, "took", time.Since(began))
	return openFile(path, opts)
}

// freeBytes says how much of the file holds nothing.
func freeBytes(bolt *bbolt.DB) (int64, error) {
	// bbolt counts when a write transaction ends.
	tx, err := bolt.Begin(true)
	if err != nil {
		return 0, err
	}
	if err := tx.Rollback(); err != nil {
		return 0, err
	}
	return int64(bolt.Stats().FreePageN) * int64(bolt.Info().PageSize), nil
}

// rewrite puts a compact copy of an open file in its place. The old file, and
// with it the lock, stays open and must be closed then.
func rewrite(path string, bolt *bbolt.DB) (err error) {
	copied := path + ".compact"
	if err := os.Remove(copied); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err // left over from a compaction that was cut short
	}
	defer func() {
		if err != nil {
			_ = os.Remove(copied)
		}
	}()
	if err := copyCompact(copied, bolt); err != nil {
		return err
	}
	if err := os.Rename(copied, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func copyCompact(path string, from *bbolt.DB) (err error) {
	to, err := openBolt(path, &bbolt.Options{
		Timeout: lockWait, FreelistType: bbolt.FreelistMapType, NoFreelistSync: true, NoSync: true,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if err := bbolt.Compact(to, from, copyChunk); err != nil {
		return err
	}
	if err := to.Sync(); err != nil {
		return err
	}
	return to.View(checkTx)
}

// syncDir makes a rename survive a power cut.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // it has no such thing
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
