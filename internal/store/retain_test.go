package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"pombal/internal/audit"
	"pombal/internal/auth"
	"pombal/internal/store"
	"pombal/internal/store/storetest"
	"pombal/internal/webhook"
)

// handClock is a clock that is moved by hand; ids of events are made by the
// real one, so it begins there.
type handClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *handClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *handClock) advance(days int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.AddDate(0, 0, days)
}

func settleNext(t *testing.T, db *store.DB, lane string) {
	t.Helper()
	d := next(t, db, lane).Delivery
	d.Status = webhook.StatusDelivered
	if err := db.Settle(t.Context(), d); err != nil {
		t.Fatal(err)
	}
}

func sweep(t *testing.T, db *store.DB) {
	t.Helper()
	if err := db.Sweep(t.Context(), store.Retention{}); err != nil {
		t.Fatal(err)
	}
}

func TestSweepDropsWhatIsPastItsTime(t *testing.T) {
	t.Parallel()
	clock := &handClock{at: time.Now()}
	db := storetest.OpenWith(t, clock.now)
	newInstance(t, db, "a")
	newInstance(t, db, "b")
	newWebhook(t, db, "a", "h")
	// More than one step of a sweep takes.
	for i := range 600 {
		record(t, db, message("a", fmt.Sprint(i)))
	}
	record(t, db, message("b", "0"))
	for range 599 {
		settleNext(t, db, "h")
	}
	if err := db.PutThrottle(t.Context(), "ana", auth.Throttle{Failures: 1, LastAt: clock.now()}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := db.AppendAudit(t.Context(), audit.Entry{Action: "x", At: clock.now()}); err != nil {
			t.Fatal(err)
		}
	}

	clock.advance(29)
	sweep(t, db)
	events, _ := count(t, db, "a", "h")
	wantEqual(t, "events after 29 days", events, 600)

	clock.advance(2)
	sweep(t, db)
	events, waits := count(t, db, "a", "h")
	wantEqual(t, "events after 31 days: the one that waits", events, 1)
	wantEqual(t, "waiting", waits, 1)
	wantEqual(t, "job's event is there", next(t, db, "h").Event.Seq, 600)
	list, err := db.Deliveries(t.Context(), "h", 1000)
	if err != nil || len(list) != 1 {
		t.Errorf("deliveries: %d, %v", len(list), err)
	}
	events, _ = count(t, db, "b", "h")
	wantEqual(t, "events of the other instance", events, 0)
	wantEqual(t, "a key can be used again", len(record(t, db, message("a", "0"))), 1)
	if th, err := db.Throttle(t.Context(), "ana"); err != nil || th.Failures != 0 {
		t.Errorf("throttle: %+v, %v", th, err)
	}
	entries, err := db.AuditEntries(t.Context(), 10)
	if err != nil || len(entries) != 3 {
		t.Errorf("audit entries after a month: %d, %v", len(entries), err)
	}

	clock.advance(400)
	sweep(t, db)
	if entries, err = db.AuditEntries(t.Context(), 10); err != nil || len(entries) != 1 {
		t.Errorf("audit entries after a year: %d, %v", len(entries), err)
	}
	if err := db.AppendAudit(t.Context(), audit.Entry{Action: "y", At: clock.now()}); err != nil {
		t.Fatal(err)
	}
	if broken, err := db.VerifyAudit(t.Context()); err != nil || broken != 0 {
		t.Errorf("audit chain breaks at %d, %v", broken, err)
	}
}

func TestSweepPurgesDeletedInstances(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	for _, id := range []string{"gone", "waits", "lives"} {
		newInstance(t, db, id)
		newWebhook(t, db, id, id+"-h")
		for i := range 700 {
			record(t, db, message(id, fmt.Sprint(i)))
		}
	}
	for range 700 {
		settleNext(t, db, "gone-h")
	}
	remove(t, db, "gone")
	remove(t, db, "waits")
	before := store.Rows(t, db)
	sweep(t, db)
	after := store.Rows(t, db)
	wantEqual(t, "instances", after["inst"], before["inst"]-1)
	wantEqual(t, "events", after["ev"], 1400)
	wantEqual(t, "keys", after["ev.key"], 1400)
	wantEqual(t, "webhooks", after["hook"], 2)
	wantEqual(t, "log", after["log"], 0)
	wantEqual(t, "outbox", after["out"], 1400)
	newInstance(t, db, "gone") // the id is free
	sweep(t, db)
	wantEqual(t, "instances", store.Rows(t, db)["inst"], 3)
}

func TestSweepOfNothingWritesNothing(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	record(t, db, message("a", "m"))
	before := store.Commits(t, db)
	sweep(t, db)
	wantEqual(t, "commits", store.Commits(t, db)-before, 0)
}
