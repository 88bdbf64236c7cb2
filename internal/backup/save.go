package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"pombal/internal/store"
)

// ErrExists says that there is a file where a backup was to be written.
var ErrExists = errors.New("there is a file of that name already; nothing was changed")

// partMark is in the names of copies that are not finished.
const partMark = ".part-"

// Save writes a backup of the data file at data to the new file to. A running
// server makes the copy; without one the file itself is copied. The backup has
// been verified when Save returns.
func Save(ctx context.Context, data, to string) error {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = ErrExists
		}
		return fmt.Errorf("backup %s: %w", to, err)
	}
	return put(ctx, to, func(w io.Writer) error {
		err := fetch(ctx, data, w)
		if errors.Is(err, errNoServer) {
			return store.CopyFile(data, w)
		}
		return err
	})
}

// put makes a new data file with what fill writes, which appears under its name
// whole, verified and on disk, or not at all.
func put(ctx context.Context, path string, fill func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+partMark+"*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := store.Verify(ctx, f.Name()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a new name survive a power cut.
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
