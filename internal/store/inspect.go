package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"go.etcd.io/bbolt"
)

// inspect refuses a file that bbolt could not open in peace. bbolt finds the
// free pages of a file by following all its pages in a goroutine of its own,
// and damaged ones end the process there; so they are followed here first,
// with every step checked. No file at path is fine.
//
// The file is held by a shared lock meanwhile, because pages change under a
// writer. wait is how long to wait for the lock.
func inspect(path string, wait time.Duration) (err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%w (it is a directory)", ErrForeign)
	case info.Size() == 0:
		return ErrEmpty
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := measure(f); err != nil {
		return fmt.Errorf("%w (%w)", ErrForeign, err)
	}
	// Reading only, bbolt looks at nothing but the meta pages.
	holder, err := openBolt(path, &bbolt.Options{ReadOnly: true, Timeout: wait})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, holder.Close()) }()
	if err := walkFile(f); err != nil {
		return fmt.Errorf("%w (%w)", ErrForeign, err)
	}
	return nil
}

// measure reads the newest meta page and compares it with the size of the
// file. It needs no lock: a writer changes one meta page at a time, and lets
// the file grow before.
func measure(f *os.File) (fileMeta, error) {
	meta, err := newestMeta(f)
	if err != nil {
		return meta, err
	}
	info, err := f.Stat()
	if err != nil {
		return meta, err
	}
	if meta.pages > uint64(info.Size())/uint64(meta.pageSize) {
		return meta, errCutOff
	}
	return meta, nil
}
