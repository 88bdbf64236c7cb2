package store_test

import (
	"testing"

	"pombal/internal/webhook"
)

// A page of events says of each what became of it at every webhook.
func TestEventOutcomes(t *testing.T) {
	t.Parallel()
	db, _ := lane(t, 0)
	newWebhook(t, db, "a", "h2")
	events := record(t, db, message("a", "1"), message("a", "2"), message("a", "3"), message("a", "4"), message("a", "5"))
	settle := func(lane string, status webhook.DeliveryStatus, parked bool) {
		t.Helper()
		d := next(t, db, lane).Delivery
		d.Status, d.Parked, d.Attempts, d.Last = status, parked, 1, &webhook.Attempt{At: start}
		if parked {
			d.NextAt = start.AddDate(200, 0, 0)
		}
		if err := db.Settle(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	settle("h", webhook.StatusDelivered, false)
	settle("h", webhook.StatusDead, false)
	settle("h", webhook.StatusDropped, false)
	settle("h", webhook.StatusPending, true)
	settle("h2", webhook.StatusDelivered, false)
	settle("h2", webhook.StatusDead, false)
	hook, err := db.Webhook(t.Context(), "a", "h2")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := db.ReplayDead(t.Context(), hook, 10); err != nil || n != 1 {
		t.Fatalf("%d replayed, %v", n, err)
	}
	got, err := db.EventOutcomes(t.Context(), events)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []webhook.Outcome{
		{Delivered: 2}, {Dead: 1, Waiting: 1}, {Dropped: 1, Waiting: 1}, {Failing: 1, Waiting: 1}, {Waiting: 2},
	} {
		wantEqual(t, "event "+events[i].ID, got[events[i].ID], want)
	}
	if some, err := db.EventOutcomes(t.Context(), events[4:]); err != nil || len(some) != 1 {
		t.Errorf("of the last alone: %v, %v", some, err)
	}
}
