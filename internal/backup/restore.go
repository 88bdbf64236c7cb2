package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pombal/internal/store"
)

// Restore puts the backup at from in the place of the data file, once it is
// verified. What was there is kept, whatever its state, and its new name
// returned; it is empty when there was nothing.
func Restore(ctx context.Context, from, data string, now time.Time) (kept string, err error) {
	if err := store.Verify(ctx, from); err != nil {
		return "", fmt.Errorf("the backup cannot be used: %w", err)
	}
	err = store.Verify(ctx, data)
	present := !errors.Is(err, fs.ErrNotExist)
	if errors.Is(err, store.ErrLocked) {
		return "", err // any other state of the old file is a reason to restore
	}
	fresh := data + ".restored"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err // left over from a restoration that was cut short
	}
	if err := put(ctx, fresh, func(w io.Writer) error { return store.CopyFile(from, w) }); err != nil {
		return "", err
	}
	if present {
		kept = data + ".before-restore-" + now.UTC().Format("20060102-150405")
		if _, err := os.Lstat(kept); err == nil {
			return "", fmt.Errorf("keep the old file as %s: %w", kept, ErrExists)
		}
		if err := os.Rename(data, kept); err != nil {
			return "", err
		}
	}
	if err := os.Rename(fresh, data); err != nil {
		if present {
			err = errors.Join(err, os.Rename(kept, data))
		}
		return "", err
	}
	return kept, syncDir(filepath.Dir(data))
}

// searched bounds how many files are looked at when a good backup is wanted.
const searched = 50

// Newest finds the newest good backup in the folder of the data file; empty
// when there is none.
func Newest(ctx context.Context, data string) string {
	entries, err := os.ReadDir(filepath.Dir(data))
	if err != nil {
		return ""
	}
	var files []fs.FileInfo
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() == 0 || entry.Name() == filepath.Base(data) ||
			strings.Contains(entry.Name(), partMark) {
			continue
		}
		files = append(files, info)
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), cmp.Compare(a.Name(), b.Name()))
	})
	for _, info := range files[:min(len(files), searched)] {
		path := filepath.Join(filepath.Dir(data), info.Name())
		if store.Verify(ctx, path) == nil {
			return path
		}
	}
	return ""
}
