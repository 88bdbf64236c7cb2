package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"pombal/internal/event"
	"pombal/internal/store"
	"pombal/internal/store/storetest"
	"pombal/internal/webhook"
)

// count says how many events of an instance are stored, and waits.
func count(t *testing.T, db *store.DB, id, lane string) (events, waits int) {
	t.Helper()
	list, err := db.Events(t.Context(), id, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	waits, err = db.Waiting(t.Context(), lane)
	if err != nil {
		t.Fatal(err)
	}
	return len(list), waits
}

func TestWaitingWritesShareACommit(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "h")
	// A write transaction holds up the first writer; the others gather behind
	// it and must all come through, whichever of them leaves meanwhile.
	held, release := make(chan struct{}), make(chan struct{})
	blocked := make(chan error, 1)
	go func() {
		blocked <- db.Update(context.Background(), func(*bbolt.Tx) error {
			close(held)
			<-release
			return nil
		})
	}()
	<-held
	const writers = 50
	var wg sync.WaitGroup
	leaving, leave := context.WithCancel(t.Context())
	for i := range writers {
		ctx := context.Background()
		if i%10 == 9 {
			ctx = leaving
		}
		wg.Go(func() {
			recorded, err := db.AppendEvents(ctx, message("a", fmt.Sprintf("m%d", i)))
			if (err == nil) != (len(recorded) == 1) || err != nil && (ctx != leaving || !errors.Is(err, context.Canceled)) {
				t.Errorf("writer %d: got %d events, %v", i, len(recorded), err)
			}
		})
	}
	leave()
	close(release)
	wg.Wait()
	if err := <-blocked; err != nil {
		t.Error(err)
	}
	events, waits := count(t, db, "a", "h")
	wantEqual(t, "rows of the outbox", waits, events)
	if events < writers-writers/10 {
		t.Errorf("events: got %d, want at least %d", events, writers-writers/10)
	}
}

func TestWritesAfterCloseFail(t *testing.T) {
	t.Parallel()
	db, err := store.Open(filepath.Join(t.TempDir(), "pombal.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	newInstance(t, db, "a")
	if err := db.Ready(); err != nil {
		t.Errorf("ready: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := db.Ready(); err == nil {
		t.Error("a closed file is ready")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := db.AppendEvents(context.Background(), message("a", "m")); err == nil {
				t.Error("append after close: no error")
			}
			if err := db.Settle(context.Background(), webhook.Delivery{WebhookID: "h", ID: 1}); err == nil {
				t.Error("settle after close: no error")
			}
		})
	}
	wg.Wait()
	if _, err := db.Instances(t.Context()); err == nil {
		t.Error("read after close: no error")
	}
}

func TestCheckOfASoundFile(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	if err := db.Check(t.Context()); err != nil {
		t.Errorf("sound file: %v", err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.Check(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

func BenchmarkAppendEvents(b *testing.B) {
	for _, hooks := range []int{0, 1, 5} {
		for _, devices := range []int{1, 32} {
			b.Run(fmt.Sprintf("webhooks=%d/devices=%d", hooks, devices), func(b *testing.B) {
				benchmarkAppend(b, hooks, devices)
			})
		}
	}
}

func benchmarkAppend(b *testing.B, hooks, devices int) {
	db, err := store.Open(filepath.Join(b.TempDir(), "pombal.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	}()
	for i := range devices {
		id := fmt.Sprintf("i%d", i)
		newInstance(b, db, id)
		for h := range hooks {
			newWebhook(b, db, id, fmt.Sprintf("%s-h%d", id, h))
		}
	}
	b.ResetTimer()
	var wg sync.WaitGroup
	for i := range devices {
		wg.Go(func() {
			id := fmt.Sprintf("i%d", i)
			for n := i; n < b.N; n += devices {
				if _, err := db.AppendEvents(context.Background(), message(id, fmt.Sprintf("m%d", n))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkSettle(b *testing.B) {
	db := storetest.Open(b)
	newInstance(b, db, "a")
	newWebhook(b, db, "a", "h")
	for b.Loop() {
		record(b, db, event.Draft{InstanceID: "a", Type: event.PresenceUpdate})
		d := next(b, db, "h").Delivery
		d.Status = webhook.StatusDelivered
		if err := db.Settle(context.Background(), d); err != nil {
			b.Fatal(err)
		}
	}
}
