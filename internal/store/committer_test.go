package store_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"pombal/internal/store"
	"pombal/internal/store/storetest"
)

// watchdog ends the process with all goroutines when fn does not end.
func watchdog(t *testing.T, limit time.Duration, fn func()) {
	t.Helper()
	timer := time.AfterFunc(limit, func() {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		fmt.Fprintf(os.Stderr, "%s: no end after %v\n%s\n", t.Name(), limit, stacks)
		os.Exit(3)
	})
	defer timer.Stop()
	fn()
}

// put gives a change of one row in a bucket that nothing else uses.
func put(key, value string) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte("wa.test"))
		if err != nil {
			return err
		}
		return b.Put([]byte(key), []byte(value))
	}
}

func get(t testing.TB, db *store.DB, key string) (value string) {
	t.Helper()
	err := db.View(func(tx *bbolt.Tx) error {
		if b := tx.Bucket([]byte("wa.test")); b != nil {
			value = string(b.Get([]byte(key)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestQueuedChangesGoBeforeLaterUpdates(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	for i := range 20 {
		if err := db.Queue(t.Context(), store.Change{Apply: put("k", fmt.Sprint("queued ", i))}); err != nil {
			t.Fatal(err)
		}
		seen := ""
		err := db.Update(t.Context(), func(tx *bbolt.Tx) error {
			seen = string(tx.Bucket([]byte("wa.test")).Get([]byte("k")))
			return put("k", fmt.Sprint("updated ", i))(tx)
		})
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "seen by the update", seen, fmt.Sprint("queued ", i))
	}
	wantEqual(t, "value", get(t, db, "k"), "updated 19")
}

func TestQueuedChangesReachTheDiskByThemselves(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	settled := make(chan error, 1)
	err := db.Queue(t.Context(), store.Change{Apply: put("k", "v"), Settled: func(err error) { settled <- err }})
	if err != nil {
		t.Fatal(err)
	}
	watchdog(t, time.Minute, func() { err = <-settled })
	if err != nil {
		t.Error(err)
	}
	wantEqual(t, "value", get(t, db, "k"), "v")
}

func TestCloseKeepsWhatIsQueued(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pombal.db")
	db, err := store.Open(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Queue(t.Context(), store.Change{Apply: put("k", "v")}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Queue(t.Context(), store.Change{Apply: put("k", "w")}); err == nil {
		t.Error("a closed file accepts a change")
	}
	if db, err = store.Open(path, store.Options{NoSync: true}); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "value", get(t, db, "k"), "v")
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

func TestFailingFunctionsFailAlone(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	broken := errors.New("broken")
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = db.Update(context.Background(), func(*bbolt.Tx) error { close(held); <-release; return nil })
	})
	<-held
	for i := range 30 {
		wg.Go(func() {
			err := db.UpdateShared(context.Background(), func(tx *bbolt.Tx) error {
				if err := put(fmt.Sprint("k", i), "v")(tx); err != nil {
					return err
				}
				switch i % 3 {
				case 0:
					return nil
				case 1:
					return broken
				default:
					panic("boom")
				}
			})
			if (err == nil) != (i%3 == 0) || i%3 == 1 && !errors.Is(err, broken) {
				t.Errorf("write %d: %v", i, err)
			}
		})
	}
	close(release)
	watchdog(t, time.Minute, wg.Wait)
	for i := range 30 {
		wantEqual(t, fmt.Sprint("row ", i), get(t, db, fmt.Sprint("k", i)) == "v", i%3 == 0)
	}
}

func TestFullQueueMakesCallersWait(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = db.Update(context.Background(), func(*bbolt.Tx) error { close(held); <-release; return nil })
	})
	<-held
	// Sixteen of these are more than the queue takes.
	const room = 15
	big := func(i int) store.Change { return store.Change{Apply: put("k", fmt.Sprint(i)), Size: 2 << 20} }
	watchdog(t, time.Minute, func() {
		for i := range room {
			if err := db.Queue(t.Context(), big(i)); err != nil {
				t.Error(err)
			}
		}
	})
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := db.Queue(short, big(room)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a change that is too much for the queue: %v", err)
	}
	wg.Go(func() {
		if err := db.Queue(context.Background(), store.Change{Apply: put("last", "v"), Size: 2 << 20}); err != nil {
			t.Error(err)
		}
	})
	close(release)
	watchdog(t, time.Minute, wg.Wait)
	wantEqual(t, "value", get(t, db, "k"), fmt.Sprint(room-1))
	wantEqual(t, "value of who waited", get(t, db, "last"), "v")
}

// Everything at once, so that the detectors of races and of deadlocks have
// something to look at. Counting shows that nothing ran twice or was lost.
func TestManyCallersAtOnce(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	const callers, rounds = 24, 25
	increment := func(key string) func(*bbolt.Tx) error {
		return func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("wa.test"))
			if err != nil {
				return err
			}
			var n uint64
			if raw := b.Get([]byte(key)); raw != nil {
				n = binary.BigEndian.Uint64(raw)
			}
			return b.Put([]byte(key), binary.BigEndian.AppendUint64(nil, n+1))
		}
	}
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for r := range rounds {
				key := fmt.Sprint("count ", i)
				leaving, leave := context.WithCancel(context.Background())
				time.AfterFunc(time.Duration(r)*100*time.Microsecond, leave)
				err := errors.Join(
					db.Queue(context.Background(), store.Change{Apply: increment(key), Urgent: r%7 == 0}),
					db.Update(context.Background(), increment(key)),
					db.UpdateShared(context.Background(), increment(key)),
				)
				_ = db.UpdateShared(leaving, put("left", "x"))
				leave()
				_, appended := db.AppendEvents(context.Background(), message("a", fmt.Sprint(i, r)))
				if err := errors.Join(err, appended, db.View(func(*bbolt.Tx) error { return nil }), db.Ready()); err != nil {
					t.Errorf("caller %d round %d: %v", i, r, err)
				}
			}
		})
	}
	watchdog(t, 5*time.Minute, wg.Wait)
	for i := range callers {
		n := binary.BigEndian.Uint64([]byte(get(t, db, fmt.Sprint("count ", i))))
		wantEqual(t, fmt.Sprint("count ", i), n, 3*rounds)
	}
}

// A test that fails inside a transaction ends the committer's goroutine. Its
// caller and all others must get an answer.
func TestFunctionThatEndsTheGoroutine(t *testing.T) {
	t.Parallel()
	db, err := store.Open(filepath.Join(t.TempDir(), "pombal.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	watchdog(t, time.Minute, func() {
		if err := db.Update(t.Context(), func(*bbolt.Tx) error { runtime.Goexit(); return nil }); err == nil {
			t.Error("the update that ended it: no error")
		}
		if err := db.Update(t.Context(), put("k", "v")); err == nil {
			t.Error("a later update: no error")
		}
		if db.Ready() == nil {
			t.Error("it is ready")
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
}
