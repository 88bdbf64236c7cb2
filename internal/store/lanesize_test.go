package store_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"pombal/internal/store"
	"pombal/internal/webhook"
)

// Whatever happens to the deliveries of a lane, what is noted of its size is
// what a look at all of it finds.
func TestLaneSizeIsWhatIsThere(t *testing.T) {
	t.Parallel()
	db, err := store.Open(filepath.Join(t.TempDir(), "p.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	ctx := context.Background()
	newInstance(t, db, "a")
	hooks := []webhook.Webhook{newWebhook(t, db, "a", "h1"), newWebhook(t, db, "a", "h2")}
	r := rand.New(rand.NewPCG(1, 2))
	settle := func(lane string, change func(*webhook.Delivery)) error {
		job, _, ok, err := db.Next(ctx, lane, time.Now().AddDate(1, 0, 0))
		if err != nil || !ok {
			return err
		}
		change(&job.Delivery)
		return db.Settle(ctx, job.Delivery)
	}
	steps := []func(lane webhook.Webhook) error{
		func(webhook.Webhook) error { record(t, db, message("a", ""), message("a", "")); return nil },
		func(w webhook.Webhook) error {
			return settle(w.ID, func(d *webhook.Delivery) { d.Status = webhook.StatusDelivered })
		},
		func(w webhook.Webhook) error {
			return settle(w.ID, func(d *webhook.Delivery) { d.Parked, d.NextAt = true, time.Now().Add(time.Hour) })
		},
		func(w webhook.Webhook) error {
			return settle(w.ID, func(d *webhook.Delivery) { d.NextAt = time.Now().Add(time.Duration(r.IntN(1000))) })
		},
		func(w webhook.Webhook) error {
			return settle(w.ID, func(d *webhook.Delivery) { d.Status = webhook.StatusDead })
		},
		func(w webhook.Webhook) error { _, err := db.ReplayDead(ctx, w, 3); return err },
		func(w webhook.Webhook) error { _, err := db.ReplayEvents(ctx, w, []uint64{1, 1 << 40}); return err },
		func(w webhook.Webhook) error {
			_, err := db.TrimLane(ctx, w.ID, webhook.QueueLimit{Rows: 5 + r.IntN(20), Bytes: 1000 + r.Int64N(20_000)})
			return err
		},
		func(w webhook.Webhook) error {
			list, err := db.Deliveries(ctx, w.ID, 1)
			if err == nil && len(list) > 0 {
				err = db.Hasten(ctx, w.ID, list[0].ID)
			}
			if err == webhook.ErrNoDelivery {
				err = nil
			}
			return err
		},
	}
	same := func(after int) {
		t.Helper()
		for _, w := range hooks {
			rows, bytes, err := store.ReadLane(db, w.ID)
			if err != nil {
				t.Fatal(err)
			}
			countedRows, countedBytes, err := store.CountedLane(db, w.ID)
			if err != nil || rows != countedRows || bytes != countedBytes {
				t.Fatalf("after step %d %s has %d rows and %d bytes, noted are %d and %d; %v", after, w.ID, rows, bytes, countedRows, countedBytes, err)
			}
			if n, err := db.Waiting(ctx, w.ID); err != nil || n != rows {
				t.Fatalf("Waiting says %d, %v; there are %d", n, err, rows)
			}
		}
	}
	for i := range 600 {
		if err := steps[r.IntN(len(steps))](hooks[r.IntN(len(hooks))]); err != nil {
			t.Fatal(err)
		}
		same(i)
	}
	record(t, db, message("a", ""))
	if err := db.DeleteWebhook(ctx, "a", "h1"); err != nil {
		t.Fatal(err)
	}
	same(-1)
	if n, err := db.Waiting(ctx, "h1"); err != nil || n != 0 {
		t.Errorf("of a deleted webhook %d wait, %v", n, err)
	}
}

// Too many bytes make the oldest go, as too many deliveries do.
func TestTrimLaneByBytes(t *testing.T) {
	t.Parallel()
	db, _ := lane(t, 30)
	_, bytes, err := store.CountedLane(db, "h")
	if err != nil || bytes < 30*100 {
		t.Fatalf("%d bytes, %v", bytes, err)
	}
	most := webhook.QueueLimit{Rows: 1000, Bytes: int64(bytes / 3)}
	n, err := db.TrimLane(t.Context(), "h", most)
	_, left, errLeft := store.CountedLane(db, "h")
	if err != nil || errLeft != nil || n < 20 || n > 21 || int64(left) > most.Bytes {
		t.Errorf("dropped %d, %d bytes are left of %d, %v, %v", n, left, bytes, err, errLeft)
	}
	if h, err := db.WebhookHealth(t.Context(), "h"); err != nil || h.Overflow != uint64(n) {
		t.Errorf("the health says %d, %v", h.Overflow, err)
	}
}

// A file from before lanes were counted is counted once.
func TestLaneSizesOfAnOlderFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "p.db")
	open := func() *store.DB {
		t.Helper()
		db, err := store.Open(path, store.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	db := open()
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "h")
	record(t, db, message("a", "1"), message("a", "2"), message("a", "3"))
	if err := store.ForgetLaneSizes(db); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open()
	t.Cleanup(func() { _ = db.Close() })
	if n, err := db.Waiting(t.Context(), "h"); err != nil || n != 3 {
		t.Errorf("%d wait, %v", n, err)
	}
}
