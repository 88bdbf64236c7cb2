package store_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
	"pombal/internal/store"
)

// filled makes a closed data file with content and returns its bytes.
func filled(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pombal.db")
	db, err := store.Open(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "h")
	for range 50 {
		record(t, db, message("a", ""), event.Draft{InstanceID: "a", Type: event.ContactsSet, Data: strings.Repeat("x", 9000)})
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// inUse leaves out what bbolt reserved at the end of a file.
func inUse(raw []byte) []byte {
	page := os.Getpagesize()
	pages := max(binary.NativeEndian.Uint64(raw[56:]), binary.NativeEndian.Uint64(raw[page+56:]))
	return raw[:pages*uint64(page)]
}

func withSchema(t testing.TB, schema []byte) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pombal.db")
	db, err := store.Open(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.SetSchema(db, schema); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// foreign makes another program's bbolt file.
func foreign(t testing.TB, bucket string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "foreign.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte(bucket))
		if err != nil {
			return err
		}
		return b.Put([]byte("k"), []byte("v"))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestOpenRefusesAndTouchesNothing(t *testing.T) {
	t.Parallel()
	page := os.Getpagesize()
	good := filled(t)
	zeroed := func(from, to int) []byte {
		raw := bytes.Clone(good)
		clear(raw[from:to])
		return raw
	}
	tests := []struct {
		name string
		raw  []byte
		want error
	}{
		{"empty", nil, store.ErrEmpty},
		{"one byte", []byte("x"), store.ErrForeign},
		{"text", []byte(strings.Repeat("To be, or not to be. ", 2000)), store.ErrForeign},
		{"zeros", make([]byte, 64<<10), store.ErrForeign},
		{"bbolt file of another program", foreign(t, "cats"), store.ErrForeign},
		{"bbolt file of another program with a bucket of our name", foreign(t, "meta"), store.ErrForeign},
		{"cut to one page", good[:page], store.ErrForeign},
		{"cut to three pages", good[:3*page], store.ErrForeign},
		{"cut by half of what is in use", good[:len(inUse(good))/2], store.ErrForeign},
		{"cut by the last page in use", good[:len(inUse(good))-1], store.ErrForeign},
		{"both meta pages zeroed", zeroed(0, 2*page), store.ErrForeign},
		{"first meta page zeroed", zeroed(0, page), store.ErrForeign},
		{"second meta page zeroed", zeroed(page, 2*page), store.ErrForeign},
		{"all but the meta pages zeroed", zeroed(2*page, len(good)), store.ErrForeign},
		{"schema of a newer program", withSchema(t, []byte{0, 0, 1, 0}), store.ErrNewer},
		{"schema that is no number", withSchema(t, []byte("x")), store.ErrForeign},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "pombal.db")
			if err := os.WriteFile(path, tt.raw, 0o600); err != nil {
				t.Fatal(err)
			}
			db, err := store.Open(path, store.Options{NoSync: true})
			if err == nil {
				t.Fatalf("opened: %v", db.Close())
			}
			if !errors.Is(err, tt.want) {
				t.Errorf("error: got %v, want %v", err, tt.want)
			}
			if msg := err.Error(); strings.Contains(msg, "\n") || !strings.Contains(msg, path) {
				t.Errorf("error is not one sentence about the file: %q", msg)
			}
			after, err := os.ReadFile(path)
			if err != nil || !bytes.Equal(after, tt.raw) {
				t.Errorf("the file was touched (%v)", err)
			}
		})
	}
}

func TestTornCommitOpensAtTheStateBefore(t *testing.T) {
	t.Parallel()
	// A commit that stops while its meta page is written leaves the fixed part
	// of the page and a checksum that does not fit.
	const checksum = 16 + 56
	for _, first := range []int{0, os.Getpagesize()} {
		raw := filled(t)
		raw[first+checksum] ^= 0xff
		path := filepath.Join(t.TempDir(), "pombal.db")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := store.Open(path, store.Options{NoSync: true})
		if err != nil {
			t.Fatalf("meta page at %d: %v", first, err)
		}
		list, err := db.NewestEvents(t.Context(), "a", 1000)
		if err != nil || len(list) < 98 {
			t.Errorf("meta page at %d: %d events, %v", first, len(list), err)
		}
		if err := errors.Join(db.Check(t.Context()), db.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestFlippedBitsNeverEndTheProcess(t *testing.T) {
	t.Parallel()
	good := inUse(filled(t))
	rounds := 300
	if testing.Short() {
		rounds = 30
	}
	random := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	refused := 0
	for round := range rounds {
		raw := bytes.Clone(good)
		for range 1 + random.IntN(20) {
			raw[random.IntN(len(raw))] ^= 1 << random.IntN(8)
		}
		path := filepath.Join(dir, fmt.Sprintf("%d.db", round))
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := store.Open(path, store.Options{NoSync: true})
		switch {
		case errors.Is(err, store.ErrForeign), errors.Is(err, store.ErrNewer):
			refused++
		case err != nil:
			t.Errorf("round %d: %v", round, err)
		default:
			if err := db.Close(); err != nil {
				t.Errorf("round %d: close: %v", round, err)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if refused == 0 {
		t.Error("no damaged file was refused")
	}
}

func TestSecondOpenAnswersWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pombal.db")
	db, err := store.Open(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	newInstance(t, db, "a")
	// How long it waits at most; what comes on top is the speed of the machine.
	if store.LockWait > 1750*time.Millisecond {
		t.Errorf("an open waits %v for the lock", store.LockWait)
	}
	began := time.Now()
	if _, err := store.Open(path, store.Options{}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("second open: got %v, want %v", err, store.ErrLocked)
	}
	if took := time.Since(began); took > time.Minute {
		t.Errorf("second open took %v", took)
	}
	record(t, db, message("a", "m")) // the first one goes on
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db, err = store.Open(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatalf("open after close: %v", err)
	}
	list, err := db.NewestEvents(t.Context(), "a", 5)
	if err != nil || len(list) != 1 {
		t.Errorf("events after reopening: %v, %v", list, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFileAndDirectoryAreTheOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "here")
	path := filepath.Join(dir, "pombal.db")
	db, err := store.Open(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	for name, want := range map[string]os.FileMode{path: 0o600, dir: 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "mode of "+name, info.Mode().Perm(), want)
	}
}

func TestOpenNeedsAUsablePath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(file, "pombal.db")} {
		db, err := store.Open(path, store.Options{})
		if err == nil {
			t.Errorf("opened %s: %v", path, db.Close())
			continue
		}
		if !strings.Contains(err.Error(), path) {
			t.Errorf("error does not name %s: %v", path, err)
		}
	}
}

// In a folder where nothing may be written there is no data file, and none is
// promised. (Whoever may write everywhere, as root does, cannot see this.)
func TestOpenInAReadOnlyFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	if probe, err := os.Create(filepath.Join(dir, "probe")); err == nil {
		_ = probe.Close()
		t.Skip("this user may write everywhere")
	}
	path := filepath.Join(dir, "pombal.db")
	db, err := store.Open(path, store.Options{})
	if err == nil {
		t.Fatalf("opened: %v", db.Close())
	}
	if !strings.Contains(err.Error(), path) {
		t.Errorf("error does not name %s: %v", path, err)
	}
}

func TestReopeningWritesNothing(t *testing.T) {
	t.Parallel()
	raw := filled(t)
	path := filepath.Join(t.TempDir(), "pombal.db")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	// Neither do writes that change nothing.
	for _, err := range []error{
		db.DeleteThrottle(t.Context(), "nobody"), db.DeleteSessionsBefore(t.Context(), start), db.DropLane(t.Context(), "none"),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(after, raw) {
		t.Errorf("the file was written to (%v)", err)
	}
}

func TestKeysOfDifferentIDsDiffer(t *testing.T) {
	t.Parallel()
	list := []string{"a", "a-", "aa", "-", "0", "z9", strings.Repeat("a", 64)}
	seen := map[string]string{}
	for _, first := range list {
		for _, second := range list {
			key, pair := string(store.PairKey(first, second)), fmt.Sprint(first, " ", second)
			if other, ok := seen[key]; ok {
				t.Errorf("%s and %s have the same key", pair, other)
			}
			seen[key] = pair
		}
	}
	for _, id := range append(list, "550e8400-e29b-41d4-a716-446655440000") {
		if err := store.CheckID(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{"", "A", "a b", "a\x00b", "ã", "a/b", "a_b", strings.Repeat("a", 65)} {
		if store.CheckID(id) == nil {
			t.Errorf("%q was accepted", id)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	path := filepath.Join(b.TempDir(), "pombal.db")
	if err := os.WriteFile(path, filled(b), 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		db, err := store.Open(path, store.Options{})
		if err == nil {
			err = db.Close()
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
