// Package storetest opens data files for tests.
package storetest

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"pombal/internal/store"
)

// Open opens an empty data file in a temporary directory. At the end of the
// test it is checked for consistency and closed.
func Open(t testing.TB) *store.DB {
	t.Helper()
	return OpenWith(t, time.Now)
}

// LargeDisk is a disk with room, whatever the one of this machine has.
func LargeDisk(string) (free, total uint64, err error) { return 1 << 40, 1 << 41, nil }

// OpenWith is Open with a clock.
func OpenWith(t testing.TB, now func() time.Time) *store.DB {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "pombal.db"), store.Options{Now: now, NoSync: true, Space: LargeDisk})
	if err != nil {
		t.Fatalf("open data file: %v", err)
	}
	t.Cleanup(func() {
		// The test's own context is over by now.
		if err := db.Check(context.Background()); err != nil {
			t.Errorf("%v", err)
		}
		if err := db.Close(); err != nil {
			t.Errorf("close data file: %v", err)
		}
	})
	return db
}
