package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"

	"pombal/internal/store"
)

// fill writes bytes that nothing needs and removes them again, which leaves a
// file that is mostly free.
func fill(t *testing.T, db *store.DB, mebibytes int) {
	t.Helper()
	chunk := bytes.Repeat([]byte("x"), 1<<20)
	for i := range mebibytes {
		if err := db.Update(t.Context(), put(fmt.Sprint("fill ", i), string(chunk))); err != nil {
			t.Fatal(err)
		}
	}
	err := db.Update(t.Context(), func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("wa.test")) })
	if err != nil {
		t.Fatal(err)
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestCompaction(t *testing.T) {
	t.Parallel()
	for _, atStart := range []bool{true, false} {
		path := filepath.Join(t.TempDir(), "pombal.db")
		r, err := openRig(path, store.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		d := newDriver(t, r, "compact", 1)
		for range 100 {
			if _, err := d.next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		fill(t, r.db, 80)
		want := d.dump(t)
		if err := r.close(); err != nil {
			t.Fatal(err)
		}
		before := size(t, path)
		if !atStart {
			told, after, err := store.Compact(path)
			if err != nil || told != before || after != size(t, path) {
				t.Errorf("compact: %d to %d, %v", told, after, err)
			}
		}
		if r, err = openRig(path, store.Options{NoSync: true}); err != nil {
			t.Fatal(err)
		}
		if after := size(t, path); after*10 > before {
			t.Errorf("at start %t: %d bytes became %d", atStart, before, after)
		}
		wantEqual(t, "content", dumpOf(t, r, "compact", numberOf(t, r, "compact")), want)
		// Numbers of deliveries go on where they were.
		record(t, r.db, message("compact", "after"))
		if _, _, err := store.Compact(path); !errors.Is(err, store.ErrLocked) {
			t.Errorf("compacting an open file: %v", err)
		}
		if err := errors.Join(r.db.Check(t.Context()), r.close()); err != nil {
			t.Error(err)
		}
	}
}

func TestVerifyAndCopy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "good.db")
	if err := os.WriteFile(path, filled(t), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := store.Verify(t.Context(), path); err != nil {
		t.Errorf("good file: %v", err)
	}
	var copied bytes.Buffer
	if err := store.CopyFile(path, &copied); err != nil {
		t.Fatal(err)
	}
	twin := filepath.Join(dir, "twin.db")
	if err := os.WriteFile(twin, copied.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := store.Verify(t.Context(), twin); err != nil {
		t.Errorf("copy: %v", err)
	}
	for name, raw := range map[string][]byte{
		"cut": inUse(filled(t))[:9000], "foreign": foreign(t, "cats"), "newer": withSchema(t, []byte{0, 0, 1, 0}),
	} {
		bad := filepath.Join(dir, name)
		if err := os.WriteFile(bad, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := store.Verify(t.Context(), bad); !errors.Is(err, store.ErrForeign) && !errors.Is(err, store.ErrNewer) {
			t.Errorf("%s: got %v", name, err)
		}
		if err := store.CopyFile(bad, &bytes.Buffer{}); err == nil {
			t.Errorf("%s was copied", name)
		}
		if after, err := os.ReadFile(bad); err != nil || !bytes.Equal(after, raw) {
			t.Errorf("%s was touched", name)
		}
	}
	if err := store.Verify(t.Context(), filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	db, err := store.Open(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Verify(context.Background(), path); !errors.Is(err, store.ErrLocked) {
		t.Errorf("open file: got %v", err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
