package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/store"
)

// What was read of a large file does not stay in the memory of the process, and
// can be read again.
func TestReadPagesAreGivenBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "large.db")
	db, err := store.Open(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	newInstance(t, db, "a")
	draft := event.Draft{InstanceID: "a", Type: event.ContactsSet, Data: strings.Repeat("x", 256<<10)}
	const all = 280
	for range all / 10 {
		record(t, db, draft, draft, draft, draft, draft, draft, draft, draft, draft, draft)
	}
	read := func() (n uint64) {
		t.Helper()
		for {
			events, err := db.Events(context.Background(), "a", n, 10)
			if err != nil {
				t.Fatal(err)
			}
			if len(events) == 0 {
				return n
			}
			n = events[len(events)-1].Seq
		}
	}
	if n := read(); n != all {
		t.Fatalf("%d events, want %d", n, all)
	}
	const mib = 1 << 10 // of KiB
	for deadline := time.Now().Add(time.Minute); resident(t, path) > 48*mib; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d KiB of the file are still in memory", resident(t, path))
		}
	}
	if n := read(); n != all {
		t.Errorf("%d events afterwards, want %d", n, all)
	}
}

// resident is how many KiB of a file are in the memory of this process.
func resident(t *testing.T, path string) int {
	t.Helper()
	raw, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip("no /proc here")
	}
	sum, of := 0, false
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) >= 5 && !strings.HasSuffix(fields[0], ":"): // the head of a map
			of = fields[len(fields)-1] == path
		case of && fields[0] == "Rss:":
			n := 0
			if _, err := fmt.Sscan(fields[1], &n); err != nil {
				t.Fatal(err)
			}
			sum += n
		}
	}
	return sum
}
