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

	"pombal/internal/upkeep"
)

// madeMark is in the names of backups that were made from the dashboard. They
// lie beside the data file, where Newest finds them.
const madeMark = ".backup-"

// stampForm is how the name of a backup tells when it was made, in UTC.
const stampForm = "20060102-150405"

// SaveBeside writes a backup of a running server's data file beside it and
// gives its name. It has been verified when SaveBeside returns.
func SaveBeside(ctx context.Context, source Source, data string, now time.Time) (string, error) {
	name := filepath.Base(data) + madeMark + now.UTC().Format(stampForm)
	path := filepath.Join(filepath.Dir(data), name)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("backup %s: %w", path, cmp.Or(err, ErrExists))
	}
	return name, put(ctx, path, func(w io.Writer) error { return source.Backup(ctx, w) })
}

// Made lists the backups beside the data file that SaveBeside made, newest
// first.
func Made(data string) ([]upkeep.Backup, error) {
	entries, err := os.ReadDir(filepath.Dir(data))
	if err != nil {
		return nil, err
	}
	var list []upkeep.Backup
	for _, entry := range entries {
		at, ok := madeAt(data, entry.Name())
		if !ok {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() {
			list = append(list, upkeep.Backup{Name: entry.Name(), Size: info.Size(), MadeAt: at})
		}
	}
	slices.SortFunc(list, func(a, b upkeep.Backup) int { return strings.Compare(b.Name, a.Name) })
	return list, nil
}

// PathOf is the path of a backup by its name; upkeep.ErrNoBackup when the name
// is not that of a backup, whatever else lies there.
func PathOf(data, name string) (string, error) {
	path := filepath.Join(filepath.Dir(data), name)
	if _, ok := madeAt(data, name); !ok {
		return "", upkeep.ErrNoBackup
	}
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return "", upkeep.ErrNoBackup
	}
	return path, nil
}

// madeAt reads from the name of a file when SaveBeside made it.
func madeAt(data, name string) (time.Time, bool) {
	stamp, ok := strings.CutPrefix(name, filepath.Base(data)+madeMark)
	if !ok {
		return time.Time{}, false
	}
	at, err := time.Parse(stampForm, stamp)
	return at, err == nil
}
