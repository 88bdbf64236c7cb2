package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pombal/internal/backup"
	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/store"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// open opens a data file for the time of a test. The folder's name is short: a
// socket must fit beside the file.
func open(t *testing.T, path string) *store.DB {
	t.Helper()
	db, err := store.Open(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "b")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// made makes a closed data file with so many instances.
func made(t *testing.T, path string, instances int) {
	t.Helper()
	db := open(t, path)
	for i := range instances {
		create(t, db, fmt.Sprint("i", i))
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, db *store.DB, id string) {
	t.Helper()
	if _, err := db.CreateInstance(t.Context(), instance.Instance{ID: id, Name: id, State: instance.Active}); err != nil {
		t.Fatal(err)
	}
}

// instances counts what is in a file, which must be free.
func instances(t *testing.T, path string) int {
	t.Helper()
	db := open(t, path)
	list, err := db.Instances(t.Context())
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		list = append(list, entry.Name())
	}
	return list
}

func TestBackupsWhileServing(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	data := filepath.Join(dir, "p.db")
	db := open(t, data)
	const devices = 20
	for i := range devices {
		create(t, db, fmt.Sprint("i", i))
	}
	server, err := backup.Serve(db, data, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(backup.SocketPath(data)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v", info, err)
	}
	var mu sync.Mutex
	recorded := 0 // by all, each on disk
	stopping, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range devices {
		wg.Go(func() {
			for n := 0; stopping.Err() == nil; n++ {
				_, err := db.AppendEvents(context.Background(), event.Draft{
					InstanceID: fmt.Sprint("i", i), Type: event.MessagesUpsert, Key: fmt.Sprint(n), Data: strings.Repeat("x", 300),
				})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				recorded++
				mu.Unlock()
			}
		})
	}
	for n := range 5 {
		to := filepath.Join(dir, fmt.Sprint("copy", n, ".db"))
		mu.Lock()
		before := recorded
		mu.Unlock()
		if err := backup.Save(t.Context(), data, to); err != nil {
			t.Fatal(err)
		}
		if err := backup.Check(t.Context(), data); err != nil {
			t.Error(err)
		}
		if have := events(t, to, devices); have < before {
			t.Errorf("backup %d holds %d events, %d were on disk before", n, have, before)
		}
	}
	stop()
	wg.Wait()
	if err := errors.Join(server.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, name := range names(t, dir) {
		if strings.Contains(name, "part") || strings.Contains(name, ".s") {
			t.Errorf("left behind: %s", name)
		}
	}
}

func events(t *testing.T, path string, devices int) (sum int) {
	t.Helper()
	db := open(t, path)
	for i := range devices {
		list, err := db.Events(t.Context(), fmt.Sprint("i", i), 0, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		sum += len(list)
	}
	if err := errors.Join(db.Check(t.Context()), db.Close()); err != nil {
		t.Fatal(err)
	}
	return sum
}

// slowSource is a data file that is being copied until its reader leaves, and
// a little longer.
type slowSource struct{ asked, ended chan struct{} }

func (s slowSource) Backup(ctx context.Context, _ io.Writer) error {
	close(s.asked)
	<-ctx.Done()
	time.Sleep(50 * time.Millisecond) // the rest of its work: a close that did not wait would be over before
	close(s.ended)
	return ctx.Err()
}

// A server that is closed in the middle of a backup leaves nothing: the copy
// could log in as every number.
func TestCloseDuringABackup(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	data := filepath.Join(dir, "p.db")
	made(t, data, 1)
	source := slowSource{make(chan struct{}), make(chan struct{})}
	server, err := backup.Serve(source, data, quiet())
	if err != nil {
		t.Fatal(err)
	}
	saved := make(chan error, 1)
	go func() { saved <- backup.Save(t.Context(), data, filepath.Join(dir, "copy.db")) }()
	<-source.asked
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	select {
	case <-source.ended:
	default:
		t.Error("the file is still read")
	}
	if err := <-saved; err == nil {
		t.Error("a backup that was cut off is said to be good")
	}
	if list := names(t, dir); len(list) != 1 {
		t.Errorf("left behind: %v", list)
	}
}

// A server that was killed leaves its socket, where nobody listens.
func TestSocketOfAKilledServer(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	data := filepath.Join(dir, "p.db")
	made(t, data, 2)
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: backup.SocketPath(data), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	socket.SetUnlinkOnClose(false)
	if err := socket.Close(); err != nil {
		t.Fatal(err)
	}
	if err := backup.Save(t.Context(), data, filepath.Join(dir, "copy.db")); err != nil {
		t.Error(err)
	}
	left := data + ".part-123" // of a backup that was being sent
	if err := os.WriteFile(left, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	db := open(t, data)
	server, err := backup.Serve(db, data, quiet())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
	if err := errors.Join(backup.Check(t.Context(), data), server.Close(), db.Close()); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(backup.SocketPath(data)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("socket after closing: %v", err)
	}
}

func TestBackupWithoutServer(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	data, to := filepath.Join(dir, "p.db"), filepath.Join(dir, "copy.db")
	if err := backup.Save(t.Context(), data, to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no data file: got %v", err)
	}
	made(t, data, 3)
	if err := errors.Join(backup.Check(t.Context(), data), backup.Save(t.Context(), data, to)); err != nil {
		t.Fatal(err)
	}
	if got := instances(t, to); got != 3 {
		t.Errorf("instances in the backup: %d", got)
	}
	if err := backup.Save(t.Context(), data, to); !errors.Is(err, backup.ErrExists) {
		t.Errorf("to an existing file: got %v", err)
	}
	db := open(t, data) // a process that has the file and no socket
	if err := backup.Save(t.Context(), data, to+"2"); !errors.Is(err, store.ErrLocked) {
		t.Errorf("of a locked file: got %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
	if list := names(t, dir); len(list) != 2 {
		t.Errorf("files: %v", list)
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	data, good, bad := filepath.Join(dir, "p.db"), filepath.Join(dir, "good.db"), filepath.Join(dir, "bad.db")
	made(t, data, 1)
	made(t, good, 4)
	raw, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bad, raw[:9000], 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	before, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Restore(t.Context(), bad, data, at); !errors.Is(err, store.ErrForeign) {
		t.Errorf("a bad backup: got %v", err)
	}
	if after, err := os.ReadFile(data); err != nil || !bytes.Equal(after, before) {
		t.Error("a bad backup changed the data file")
	}
	db := open(t, data)
	if _, err := backup.Restore(t.Context(), good, data, at); !errors.Is(err, store.ErrLocked) {
		t.Errorf("of an open file: got %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	kept, err := backup.Restore(t.Context(), good, data, at)
	if err != nil || kept != data+".before-restore-20260301-120000" {
		t.Fatalf("kept as %q, %v", kept, err)
	}
	for path, want := range map[string]int{data: 4, kept: 1, good: 4} {
		if got := instances(t, path); got != want {
			t.Errorf("%s: %d instances, want %d", path, got, want)
		}
	}
	// A damaged file is a reason to restore, and is kept as well.
	if err := os.WriteFile(data, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	kept, err = backup.Restore(t.Context(), good, data, at.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(kept); err != nil || string(text) != "damaged" {
		t.Errorf("kept: %q, %v", text, err)
	}
	elsewhere := filepath.Join(dir, "new.db")
	if kept, err := backup.Restore(t.Context(), good, elsewhere, at); err != nil || kept != "" {
		t.Errorf("to nothing: %q, %v", kept, err)
	}
}

func TestNewestGoodBackup(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	data := filepath.Join(dir, "p.db")
	if got := backup.Newest(t.Context(), data); got != "" {
		t.Errorf("in an empty folder: %q", got)
	}
	now := time.Now()
	for i, name := range []string{"older.db", "newer.db", "damaged.db", "p.db"} {
		path := filepath.Join(dir, name)
		made(t, path, 1)
		if name == "damaged.db" {
			if err := os.Truncate(path, 9000); err != nil {
				t.Fatal(err)
			}
		}
		at := now.Add(time.Duration(i) * time.Hour)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := backup.Newest(t.Context(), data), filepath.Join(dir, "newer.db"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
