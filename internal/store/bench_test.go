package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"pombal/internal/store"
	"pombal/internal/webhook"
)

// BenchmarkOutbox records and delivers 1000 events a second, with everything
// kept for 15 seconds. It shows how large the file gets and how long recording
// takes.
func BenchmarkOutbox(b *testing.B) {
	const devices, perSecond = 50, 1000
	kept, runs := 15*time.Second, 40*time.Second
	if testing.Short() {
		kept, runs = time.Second, 4*time.Second
	}
	path := filepath.Join(b.TempDir(), "pombal.db")
	db, err := store.Open(path, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for i := range devices {
		newInstance(b, db, fmt.Sprint("i", i))
		newWebhook(b, db, fmt.Sprint("i", i), fmt.Sprint("h", i))
	}
	commits := store.Commits(b, db)
	ctx, cancel := context.WithTimeout(context.Background(), runs)
	defer cancel()
	var mu sync.Mutex
	var waits []time.Duration
	var wg sync.WaitGroup
	for i := range devices {
		wg.Go(func() {
			own := outboxDevice(b, ctx, db, i, time.Second*devices/perSecond)
			mu.Lock()
			defer mu.Unlock()
			waits = append(waits, own...)
		})
	}
	wg.Go(func() { sweepEvery(b, ctx, db, kept) })
	wg.Wait()
	bytes, err := store.SizeOf(path)
	commits = store.Commits(b, db) - commits
	if err := errors.Join(err, db.Close()); err != nil {
		b.Fatal(err)
	}
	slices.Sort(waits)
	b.ReportMetric(float64(len(waits))/runs.Seconds(), "events/s")
	b.ReportMetric(waits[len(waits)/2].Seconds()*1000, "p50-ms")
	b.ReportMetric(waits[len(waits)*99/100].Seconds()*1000, "p99-ms")
	b.ReportMetric(float64(bytes)/(1<<20), "MiB")
	b.ReportMetric(float64(commits)/runs.Seconds(), "commits/s")
}

// outboxDevice records an event each pause, delivers it at once and says how
// long each recording took.
func outboxDevice(b *testing.B, ctx context.Context, db *store.DB, i int, pause time.Duration) (waits []time.Duration) {
	id, lane := fmt.Sprint("i", i), fmt.Sprint("h", i)
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return waits
		}
		began := time.Now()
		if _, err := db.AppendEvents(context.Background(), message(id, fmt.Sprint(n))); err != nil {
			b.Error(err)
			return waits
		}
		waits = append(waits, time.Since(began))
		job, _, ok, err := db.Next(context.Background(), lane, time.Now())
		if err == nil && ok {
			job.Delivery.Status = webhook.StatusDelivered
			err = db.Settle(context.Background(), job.Delivery)
		}
		if err != nil {
			b.Error(err)
			return waits
		}
	}
}

func sweepEvery(b *testing.B, ctx context.Context, db *store.DB, kept time.Duration) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		err := db.Sweep(context.Background(), store.Retention{Events: kept, EventKeys: kept, Deliveries: kept})
		if err != nil {
			b.Error(err)
			return
		}
	}
}
