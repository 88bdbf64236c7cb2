package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/store"
	"pombal/internal/store/storetest"
	"pombal/internal/webhook"
)

// settled settles the next delivery of a lane with a status code.
func settled(t *testing.T, db *store.DB, hook string, status webhook.DeliveryStatus, code int) webhook.Delivery {
	t.Helper()
	d := next(t, db, hook).Delivery
	d.Status, d.Attempts = status, d.Attempts+1
	d.Last = &webhook.Attempt{At: time.Now(), StatusCode: code, Response: fmt.Sprintf("answer %d", code)}
	if err := db.Settle(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return d
}

// lane makes an instance with a webhook and n recorded events.
func lane(t *testing.T, n int) (*store.DB, webhook.Webhook) {
	t.Helper()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "h")
	drafts := make([]event.Draft, n)
	for i := range drafts {
		drafts[i] = event.Draft{InstanceID: "a", Type: event.MessagesUpsert, Data: map[string]int{"n": i}}
	}
	record(t, db, drafts...)
	w, err := db.Webhook(t.Context(), "a", "h")
	if err != nil {
		t.Fatal(err)
	}
	return db, w
}

func TestLedgerFilters(t *testing.T) {
	t.Parallel()
	db, _ := lane(t, 10)
	for range 4 {
		settled(t, db, "h", webhook.StatusDelivered, 200)
	}
	for range 2 {
		settled(t, db, "h", webhook.StatusDead, 503)
	}
	settled(t, db, "h", webhook.StatusDropped, 0)
	last, err := db.Ledger(t.Context(), webhook.LedgerQuery{WebhookID: "h", Limit: 1})
	if err != nil || len(last) != 1 {
		t.Fatal(last, err)
	}
	for name, c := range map[string]struct {
		q    webhook.LedgerQuery
		want int
	}{
		"all":       {webhook.LedgerQuery{}, 10},
		"delivered": {webhook.LedgerQuery{Result: "delivered"}, 4},
		"dead":      {webhook.LedgerQuery{Result: "dead"}, 2},
		"dropped":   {webhook.LedgerQuery{Result: "dropped"}, 1},
		"waiting":   {webhook.LedgerQuery{Result: "waiting"}, 3},
		"failing":   {webhook.LedgerQuery{Result: "failing"}, 0},
		"type":      {webhook.LedgerQuery{Type: event.ChatsSet}, 0},
		"text":      {webhook.LedgerQuery{Text: "ANSWER 503"}, 2},
		"code":      {webhook.LedgerQuery{Text: "200"}, 4},
		"before":    {webhook.LedgerQuery{Before: last[0].ID}, 9},
		"up to":     {webhook.LedgerQuery{UpTo: last[0].ID - 2}, 8},
		"limit":     {webhook.LedgerQuery{Limit: 3}, 3},
		"from":      {webhook.LedgerQuery{From: time.Now().Add(time.Hour)}, 0},
	} {
		c.q.WebhookID = "h"
		if c.q.Limit == 0 {
			c.q.Limit = 100
		}
		got, err := db.Ledger(t.Context(), c.q)
		if err != nil || len(got) != c.want {
			t.Errorf("%s: %d rows, %v; want %d", name, len(got), err, c.want)
		}
		for i := 1; i < len(got); i++ {
			if got[i].ID >= got[i-1].ID {
				t.Errorf("%s: not newest first", name)
			}
		}
	}
	if n, err := db.CountAfter(t.Context(), "h", last[0].ID-4); err != nil || n != 4 {
		t.Errorf("newer: %d, %v", n, err)
	}
	h, err := db.WebhookHealth(t.Context(), "h")
	good, bad := h.Day(time.Now())
	if err != nil || good != 4 || bad != 3 || h.Failures != 3 || h.LastSuccess.IsZero() {
		t.Errorf("health %+v, %v", h, err)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	db, w := lane(t, 20)
	begin := time.Now().Add(-time.Hour)
	for range 12 {
		settled(t, db, "h", webhook.StatusDelivered, 200)
	}
	dead := settled(t, db, "h", webhook.StatusDead, 500)
	all := webhook.Window{From: begin, To: time.Now().Add(time.Hour)}
	seqs, n, err := db.WindowEvents(t.Context(), w, all, 5)
	if err != nil || n != 13 || len(seqs) != 5 || seqs[0] != 1 {
		t.Fatalf("window: %v of %d, %v; want what does not wait", seqs, n, err)
	}
	if _, n, err := db.WindowEvents(t.Context(), w, webhook.Window{From: begin, To: begin.Add(time.Minute)}, 5); err != nil || n != 0 {
		t.Errorf("a window before all: %d, %v", n, err)
	}
	off := w
	off.Events.Toggles = off.Events.Toggles.With(event.MessagesUpsert, false)
	if _, n, err := db.WindowEvents(t.Context(), off, all, 5); err != nil || n != 0 {
		t.Errorf("events that are not wanted: %d, %v", n, err)
	}
	if n, err := db.ReplayEvents(t.Context(), w, append(seqs, 999)); err != nil || n != 5 {
		t.Errorf("replayed %d, %v", n, err)
	}
	if _, n, err := db.WindowEvents(t.Context(), w, all, 5); err != nil || n != 8 {
		t.Errorf("what waits again is counted again: %d, %v", n, err)
	}
	if err := db.ReplayDelivery(t.Context(), w, dead.ID); err != nil {
		t.Fatal(err)
	}
	if n, err := db.CountDead(t.Context(), "h"); err != nil || n != 0 {
		t.Errorf("dead after its replay: %d, %v", n, err)
	}
	list, err := db.Ledger(t.Context(), webhook.LedgerQuery{WebhookID: "h", Limit: 6})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		if !d.Replay || d.Status != webhook.StatusPending {
			t.Errorf("got %+v, want a replay", d)
		}
	}
	if list[0].EventID != dead.EventID {
		t.Errorf("event %s, want the same id %s", list[0].EventID, dead.EventID)
	}
	if err := db.ReplayDelivery(t.Context(), w, list[0].ID); err != webhook.ErrNoDelivery {
		t.Errorf("replay of one that waits: %v", err)
	}
	if n, err := db.ReplayDead(t.Context(), w, 100); err != nil || n != 0 {
		t.Errorf("dead ones: %d, %v", n, err)
	}
}

func TestReplayDead(t *testing.T) {
	t.Parallel()
	db, w := lane(t, 5)
	for range 5 {
		settled(t, db, "h", webhook.StatusDead, 500)
	}
	for _, want := range []int{3, 2, 0} {
		if n, err := db.ReplayDead(t.Context(), w, 3); err != nil || n != want {
			t.Errorf("replayed %d, %v; want %d", n, err, want)
		}
	}
	if n, err := db.Waiting(t.Context(), "h"); err != nil || n != 5 {
		t.Errorf("%d wait, %v", n, err)
	}
}

func TestHasten(t *testing.T) {
	t.Parallel()
	db, _ := lane(t, 1)
	d := next(t, db, "h").Delivery
	d.Attempts, d.Parked, d.NextAt = 4, true, time.Now().Add(time.Hour)
	d.Last = &webhook.Attempt{At: time.Now(), StatusCode: 500}
	if err := db.Settle(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if err := db.Hasten(t.Context(), "h", d.ID); err != nil {
		t.Fatal(err)
	}
	if got := next(t, db, "h").Delivery; got.ID != d.ID || !got.Parked || got.Attempts != 4 {
		t.Errorf("got %+v, want it due", got)
	}
	if err := db.Hasten(t.Context(), "h", d.ID+1); err != webhook.ErrNoDelivery {
		t.Errorf("unknown delivery: %v", err)
	}
}

func TestTrimLane(t *testing.T) {
	t.Parallel()
	db, _ := lane(t, 30)
	if n, err := db.TrimLane(t.Context(), "h", webhook.QueueLimit{Rows: 10, Bytes: 1 << 30}); err != nil || n != 20 {
		t.Errorf("dropped %d, %v", n, err)
	}
	if n, err := db.TrimLane(t.Context(), "h", webhook.QueueLimit{Rows: 10, Bytes: 1 << 30}); err != nil || n != 0 {
		t.Errorf("dropped %d again, %v", n, err)
	}
	h, err := db.WebhookHealth(t.Context(), "h")
	if err != nil || h.Overflow != 20 || h.OverflowAt.IsZero() {
		t.Errorf("health %+v, %v", h, err)
	}
	if d := next(t, db, "h").Delivery; d.EventSeq != 21 {
		t.Errorf("next is %d, want the oldest that is left", d.EventSeq)
	}
}

func TestEventLogOverInstances(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	for _, id := range []string{"a", "b", "c"} {
		newInstance(t, db, id)
	}
	for i := range 30 {
		typ := event.MessagesUpsert
		if i%5 == 0 {
			typ = event.PresenceUpdate
		}
		record(t, db, event.Draft{InstanceID: string("abc"[i%3]), Type: typ, Data: map[string]string{"text": fmt.Sprintf("word%02d", i)}})
	}
	list := func(q event.LogQuery) []event.Event {
		t.Helper()
		if q.Limit == 0 {
			q.Limit = 100
		}
		got, err := db.EventLog(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(got); i++ {
			if got[i].ID >= got[i-1].ID {
				t.Fatal("not newest first")
			}
		}
		return got
	}
	all := list(event.LogQuery{})
	for name, c := range map[string]struct {
		q    event.LogQuery
		want int
	}{
		"all":       {event.LogQuery{}, 30},
		"instance":  {event.LogQuery{InstanceID: "b"}, 10},
		"type":      {event.LogQuery{Type: event.PresenceUpdate}, 6},
		"body":      {event.LogQuery{Text: "WORD07", Bodies: true}, 1},
		"no body":   {event.LogQuery{Text: "word07"}, 0},
		"before":    {event.LogQuery{Before: all[9].ID}, 20},
		"up to":     {event.LogQuery{UpTo: all[9].ID}, 21},
		"after":     {event.LogQuery{After: all[9].ID}, 9},
		"limit":     {event.LogQuery{Limit: 4}, 4},
		"both ends": {event.LogQuery{UpTo: all[5].ID, After: all[9].ID}, 4},
	} {
		if got := list(c.q); len(got) != c.want {
			t.Errorf("%s: %d events, want %d", name, len(got), c.want)
		}
	}
	seen, err := db.EventsSeen(t.Context(), "a", time.Now().Add(-24*time.Hour))
	if err != nil || seen[event.MessagesUpsert]+seen[event.PresenceUpdate] != 10 {
		t.Errorf("seen %v, %v", seen, err)
	}
}

func TestCaught(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newInstance(t, db, "b")
	for i := range 105 {
		if err := db.AppendCaught(t.Context(), "a", webhook.Caught{Body: fmt.Sprint(i), At: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.AppendCaught(t.Context(), "b", webhook.Caught{Body: "of another"}); err != nil {
		t.Fatal(err)
	}
	list, err := db.CaughtRequests(t.Context(), "a", 0, 1000)
	if err != nil || len(list) != 100 || list[0].Body != "104" || list[99].Body != "5" {
		t.Errorf("%d, %v", len(list), err)
	}
	older, err := db.CaughtRequests(t.Context(), "a", list[9].ID, 25)
	if err != nil || len(older) != 25 || older[0].Body != "94" || older[24].Body != "70" {
		t.Errorf("a page of %d, %v", len(older), err)
	}
	if none, err := db.CaughtRequests(t.Context(), "a", list[99].ID, 25); err != nil || len(none) != 0 {
		t.Errorf("%d are older than the oldest, %v", len(none), err)
	}
	if c, err := db.CaughtRequest(t.Context(), "a", list[9].ID); err != nil || c != list[9] {
		t.Errorf("one is %+v, %v", c, err)
	}
	for id, instance := range map[uint64]string{list[99].ID - 1: "a", list[9].ID: "b"} {
		if c, err := db.CaughtRequest(t.Context(), instance, id); err != webhook.ErrNoCaught {
			t.Errorf("%d of %s is %+v, %v", id, instance, c, err)
		}
	}
	if err := db.ClearCaught(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if list, err := db.CaughtRequests(t.Context(), "a", 0, 1000); err != nil || len(list) != 0 {
		t.Errorf("after clearing: %d, %v", len(list), err)
	}
	if list, err := db.CaughtRequests(t.Context(), "b", 0, 1000); err != nil || len(list) != 1 {
		t.Errorf("of the other, after clearing: %d, %v", len(list), err)
	}
	if err := db.AppendCaught(t.Context(), "nobody", webhook.Caught{}); err == nil {
		t.Error("caught for an instance that is not there")
	}
}
