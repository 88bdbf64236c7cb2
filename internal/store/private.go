package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// private refuses a data file that others on this machine have rights to, and
// a folder in which everybody may put another file in its place. No file at
// path is fine.
func private(path string) error {
	if runtime.GOOS == "windows" {
		return nil // its rights are not these
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return err
	}
	const others, everybodyWrites = 0o077, 0o002
	if dir.Mode().Perm()&everybodyWrites != 0 && dir.Mode()&fs.ModeSticky == 0 {
		return ErrExposed
	}
	file, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case file.Mode().IsRegular() && file.Mode().Perm()&others != 0:
		return ErrExposed
	default:
		return nil
	}
}
