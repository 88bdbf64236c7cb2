package store_test

import (
	"cmp"
	"context"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pombal/internal/event"
	"pombal/internal/store"
	"pombal/internal/store/storetest"
	"pombal/internal/webhook"
)

func TestLaneComesInTheOrderOfRecording(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "h")
	newWebhook(t, db, "a", "h-2")
	const events = 300 // more than one byte can count
	for range events {
		record(t, db, event.Draft{InstanceID: "a", Type: event.PresenceUpdate})
	}
	var last uint64
	for seq := range uint64(events) {
		d := next(t, db, "h").Delivery
		if d.ID <= last || d.EventSeq != seq+1 || d.WebhookID != "h" {
			t.Fatalf("delivery %d after %d: %+v", d.ID, last, d)
		}
		last = d.ID
		d.Status, d.Attempts = webhook.StatusDelivered, 1
		if err := db.Settle(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if _, due, ok, err := db.Next(t.Context(), "h", start); ok || err != nil || !due.IsZero() {
		t.Errorf("empty lane: ok=%t due=%v err=%v", ok, due, err)
	}
	if n, err := db.Waiting(t.Context(), "h-2"); err != nil || n != events {
		t.Errorf("other lane: got %d, %v", n, err)
	}
}

func TestLogKeepsTheNewestThousand(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "h")
	newWebhook(t, db, "a", "h-2")
	drafts := make([]event.Draft, 1093)
	for i := range drafts {
		drafts[i] = event.Draft{InstanceID: "a", Type: event.PresenceUpdate}
	}
	record(t, db, drafts...)
	for range 1088 {
		d := next(t, db, "h").Delivery
		d.Status = webhook.StatusDelivered
		if err := db.Settle(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	list, err := db.Deliveries(t.Context(), "h", 5000)
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "kept", len(list), 1005)
	pending := 0
	for i, d := range list {
		if i > 0 && d.ID >= list[i-1].ID {
			t.Fatalf("order: %d after %d", d.ID, list[i-1].ID)
		}
		if d.Status == webhook.StatusPending {
			pending++
		}
	}
	wantEqual(t, "pending", pending, 5)
	wantEqual(t, "oldest kept", list[len(list)-1].EventSeq, 89)
	few, err := db.Deliveries(t.Context(), "h", 7)
	if err != nil {
		t.Fatal(err)
	}
	wantList(t, "newest seven", ids(few), ids(list[:7])...)
	if none, err := db.Deliveries(t.Context(), "h", -1); err != nil || len(none) != 0 {
		t.Errorf("limit -1: got %v, %v", none, err)
	}
}

func TestSettleLeavesWhatIsNoLongerPending(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "h")
	record(t, db, message("a", "m"))
	d := next(t, db, "h").Delivery
	d.Status = webhook.StatusDelivered
	if err := db.Settle(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	d.Status = webhook.StatusPending
	if err := db.Settle(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if n, err := db.Waiting(t.Context(), "h"); err != nil || n != 0 {
		t.Errorf("a settled delivery came back: %d, %v", n, err)
	}
	list, err := db.Deliveries(t.Context(), "h", 5)
	if err != nil || len(list) != 1 || list[0].Status != webhook.StatusDelivered {
		t.Errorf("log: got %+v, %v", list, err)
	}
}

func TestLaneOfADeletedWebhookIsGone(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "h")
	// More than a deletion removes at once: another 500 stay as after a crash.
	for range 5 {
		drafts := make([]event.Draft, 500)
		for i := range drafts {
			drafts[i] = event.Draft{InstanceID: "a", Type: event.PresenceUpdate}
		}
		record(t, db, drafts...)
	}
	head := next(t, db, "h").Delivery
	head.Parked, head.NextAt = true, start.AddDate(200, 0, 0)
	if err := db.Settle(t.Context(), head); err != nil {
		t.Fatal(err)
	}
	if err := store.DeleteWebhookRow(db, "a", "h"); err != nil {
		t.Fatal(err)
	}
	if job := next(t, db, "h"); !job.Gone {
		t.Errorf("job: got %+v, want gone", job)
	}
	if err := db.DropLane(t.Context(), "h"); err != nil {
		t.Fatal(err)
	}
	lanes, err := db.Lanes(t.Context())
	if err != nil || len(lanes) != 0 {
		t.Errorf("lanes: got %v, %v", lanes, err)
	}
}

func TestGoneLaneIsFoundThoughNothingIsDue(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "h")
	record(t, db, message("a", "m"))
	d := next(t, db, "h").Delivery
	d.NextAt = start.AddDate(200, 0, 0)
	if err := db.Settle(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if err := store.DeleteWebhookRow(db, "a", "h"); err != nil {
		t.Fatal(err)
	}
	if job, _, ok, err := db.Next(t.Context(), "h", start); err != nil || !ok || !job.Gone {
		t.Errorf("next: got %+v, %t, %v", job, ok, err)
	}
}

// model is a lane as its contract describes it, without indexes.
type model []webhook.Delivery

func (m model) next(now time.Time) (id uint64, due time.Time, ok bool) {
	var candidates []webhook.Delivery
	oldest := slices.IndexFunc(m, func(d webhook.Delivery) bool { return !d.Parked })
	for i, d := range m {
		if d.Parked || i == oldest {
			candidates = append(candidates, d)
		}
	}
	var best webhook.Delivery
	for _, d := range candidates {
		switch {
		case !d.NextAt.After(now):
			if !ok || d.Due().Before(best.Due()) {
				best, ok = d, true
			}
		case due.IsZero() || d.NextAt.Before(due):
			due = d.NextAt
		}
	}
	if ok {
		due = time.Time{}
	}
	return best.ID, due, ok
}

func TestNextAgreesWithItsContract(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		queuedAt := start
		dir := t.TempDir()
		db, err := store.Open(dir+"/lane.db", store.Options{NoSync: true, Now: func() time.Time { return queuedAt }})
		if err != nil {
			rt.Fatal(err)
		}
		defer func() {
			if err := db.Close(); err != nil {
				rt.Error(err)
			}
		}()
		newInstance(t, db, "a")
		newWebhook(t, db, "a", "h")
		var lane model
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			// Whole numbers of seconds that repeat, so that times are often
			// equal, and a clock that jumps back.
			at := start.Add(time.Duration(rapid.IntRange(-5, 5).Draw(rt, "at")) * time.Second)
			if len(lane) == 0 || rapid.Bool().Draw(rt, "append") {
				queuedAt = at
				record(t, db, event.Draft{InstanceID: "a", Type: event.PresenceUpdate})
				list, err := db.Deliveries(context.Background(), "h", 1)
				if err != nil {
					rt.Fatal(err)
				}
				lane = append(lane, list[0])
			} else {
				lane = settleOne(rt, db, lane, at)
			}
			agree(rt, db, lane, at)
		}
	})
}

// settleOne gives a delivery of the lane another outcome.
func settleOne(rt *rapid.T, db *store.DB, lane model, at time.Time) model {
	i := rapid.IntRange(0, len(lane)-1).Draw(rt, "which")
	d := lane[i]
	switch rapid.IntRange(0, 3).Draw(rt, "outcome") {
	case 0:
		d.Status = webhook.StatusDelivered
		lane = slices.Delete(slices.Clone(lane), i, i+1)
	case 1:
		d.NextAt, d.Parked = at, true
	case 2:
		d.NextAt, d.Parked = time.Time{}, rapid.Bool().Draw(rt, "parked")
	default:
		d.NextAt, d.Parked = at, false
	}
	if d.Status == webhook.StatusPending {
		lane = slices.Clone(lane)
		lane[i] = d
	}
	if err := db.Settle(context.Background(), d); err != nil {
		rt.Fatal(err)
	}
	return lane
}

func agree(rt *rapid.T, db *store.DB, lane model, now time.Time) {
	id, wantDue, wantOK := lane.next(now)
	job, due, ok, err := db.Next(context.Background(), "h", now)
	if err != nil || ok != wantOK || !due.Equal(wantDue) {
		rt.Fatalf("next: got %t, due %v, %v; want %t, due %v", ok, due, err, wantOK, wantDue)
	}
	if ok && job.Delivery.ID != id {
		// Of several with the same time any will do.
		want := lane[slices.IndexFunc(lane, func(d webhook.Delivery) bool { return d.ID == id })]
		if !job.Delivery.Due().Equal(want.Due()) {
			rt.Fatalf("next: got %+v, want %+v", job.Delivery, want)
		}
	}
	list, err := db.Deliveries(context.Background(), "h", 100)
	if err != nil {
		rt.Fatal(err)
	}
	list = slices.DeleteFunc(list, func(d webhook.Delivery) bool { return d.Status != webhook.StatusPending })
	slices.SortFunc(list, func(a, b webhook.Delivery) int { return cmp.Compare(a.ID, b.ID) })
	if !slices.Equal(ids(list), ids(lane)) {
		rt.Fatalf("pending: got %v, want %v", ids(list), ids(lane))
	}
	n, err := db.Waiting(context.Background(), "h")
	if err != nil || n != len(lane) {
		rt.Fatalf("waiting: got %d, %v; want %d", n, err, len(lane))
	}
}
