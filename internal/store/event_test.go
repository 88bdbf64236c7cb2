package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/store/storetest"
	"pombal/internal/webhook"
)

func TestAppendEventsQueuesForWebhooksThatWantIt(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newInstance(t, db, "b")
	newWebhook(t, db, "a", "all")
	newWebhook(t, db, "a", "messages", event.MessagesUpsert)
	newWebhook(t, db, "b", "other")
	off := newWebhook(t, db, "a", "off")
	if _, err := db.UpdateWebhook(t.Context(), "a", off.ID, func(w *webhook.Webhook) error {
		w.Enabled = false
		return nil
	}); err != nil {
		t.Fatalf("switch webhook off: %v", err)
	}
	recorded := record(t, db, message("a", "m1"), event.Draft{InstanceID: "a", Type: event.PresenceUpdate})
	wantEqual(t, "events", len(recorded), 2)
	lanes, err := db.Lanes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantList(t, "lanes", lanes, "all", "messages")
	for lane, want := range map[string]int{"all": 2, "messages": 1, "other": 0, "off": 0} {
		n, err := db.Waiting(t.Context(), lane)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "waiting in "+lane, n, want)
	}
	job := next(t, db, "messages")
	wantEqual(t, "event of the job", job.Event.ID, recorded[0].ID)
	wantEqual(t, "event id of the delivery", job.Delivery.EventID, recorded[0].ID)
	wantEqual(t, "webhook of the job", job.Webhook.URL, "https://example.org/messages")
	wantEqual(t, "body of the job", string(job.Event.Body), string(recorded[0].Body))
}

func TestBodyIsTheEnvelope(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	if err := db.CreateBusiness(t.Context(), instance.Business{ID: "biz", Name: "Padaria", CreatedAt: start}); err != nil {
		t.Fatal(err)
	}
	newInstance(t, db, "a")
	ev := record(t, db, message("a", "m1"))[0]
	var body struct {
		Event, ID, Timestamp string
		Seq                  uint64
		Instance             event.WireInstance
		Data                 event.MessageData
	}
	if err := json.Unmarshal(ev.Body, &body); err != nil {
		t.Fatalf("body %s: %v", ev.Body, err)
	}
	wantEqual(t, "event", body.Event, "messages.upsert")
	wantEqual(t, "id", body.ID, ev.ID)
	wantEqual(t, "seq", body.Seq, ev.Seq)
	wantEqual(t, "timestamp", body.Timestamp, "2026-03-01T12:00:00.000Z")
	wantEqual(t, "instance", body.Instance.InstanceID, "a")
	wantEqual(t, "business", body.Instance.Business.Name, "Padaria")
	wantEqual(t, "push name", body.Data.PushName, "Ana <&>")
	stored, err := db.Events(t.Context(), "a", 0, 10)
	if err != nil || len(stored) != 1 {
		t.Fatalf("events: %v %v", stored, err)
	}
	wantEqual(t, "stored body", string(stored[0].Body), string(ev.Body))
}

func TestEventsAreRangesOfTheirInstance(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	for _, id := range []string{"a", "a-1", "b"} {
		newInstance(t, db, id)
		for range 300 {
			record(t, db, event.Draft{InstanceID: id, Type: event.PresenceUpdate})
		}
	}
	seqs := func(list []event.Event, err error) []uint64 {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var out []uint64
		for _, ev := range list {
			wantEqual(t, "instance", ev.InstanceID, "a")
			out = append(out, ev.Seq)
		}
		return out
	}
	wantList(t, "after 254", seqs(db.Events(t.Context(), "a", 254, 3)), 255, 256, 257)
	wantList(t, "after 298", seqs(db.Events(t.Context(), "a", 298, 10)), 299, 300)
	wantList(t, "after the last", seqs(db.Events(t.Context(), "a", 300, 10)))
	wantList(t, "after the greatest", seqs(db.Events(t.Context(), "a", ^uint64(0), 10)))
	wantList(t, "newest", seqs(db.NewestEvents(t.Context(), "a", 2)), 300, 299)
	wantList(t, "no limit", seqs(db.NewestEvents(t.Context(), "a", 0)))
	wantList(t, "nobody's", seqs(db.NewestEvents(t.Context(), "a-", 5)))
}

func TestAppendEventsRefuses(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newInstance(t, db, "b")
	newInstance(t, db, "gone")
	remove(t, db, "gone")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name   string
		ctx    context.Context
		drafts []event.Draft
		want   error // nil: any
	}{
		{"unknown instance", t.Context(), []event.Draft{message("nobody", "m")}, instance.ErrNotFound},
		{"deleted instance", t.Context(), []event.Draft{message("gone", "m")}, instance.ErrNotFound},
		{"two instances", t.Context(), []event.Draft{message("a", "m"), message("b", "m")}, nil},
		{"unknown type", t.Context(), []event.Draft{{InstanceID: "a", Type: "nonsense"}}, nil},
		{"data that is no JSON", t.Context(), []event.Draft{message("a", "m"), {InstanceID: "a", Type: event.NewJWT, Data: make(chan int)}}, nil},
		{"cancelled", cancelled, []event.Draft{message("a", "m")}, context.Canceled},
	}
	for _, tt := range tests {
		recorded, err := db.AppendEvents(tt.ctx, tt.drafts...)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
		wantEqual(t, tt.name+": events", len(recorded), 0)
	}
	list, err := db.NewestEvents(t.Context(), "a", 10)
	if err != nil || len(list) != 0 {
		t.Errorf("after refusals: got %d events, %v", len(list), err)
	}
}

func TestAppendEventsIsIdempotentByKeyUnderConcurrency(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newInstance(t, db, "b")
	newWebhook(t, db, "a", "hook")
	const writers, messages = 8, 40
	var wg sync.WaitGroup
	recorded := make([]int, writers)
	for w := range writers {
		wg.Go(func() {
			for m := range messages {
				key := fmt.Sprintf("m%d", m)
				// A draft of another instance and one that is refused share the
				// commits of the others and must not disturb them.
				list, err := db.AppendEvents(context.Background(), message("a", key), message("a", key))
				if err != nil {
					t.Errorf("append: %v", err)
				}
				recorded[w] += len(list)
				if _, err := db.AppendEvents(context.Background(), message("b", key)); err != nil {
					t.Errorf("append for b: %v", err)
				}
				if _, err := db.AppendEvents(context.Background(), message("nobody", key)); !errors.Is(err, instance.ErrNotFound) {
					t.Errorf("append for nobody: %v", err)
				}
			}
		})
	}
	wg.Wait()
	sum := 0
	for _, n := range recorded {
		sum += n
	}
	wantEqual(t, "recorded", sum, messages)
	for _, id := range []string{"a", "b"} {
		list, err := db.Events(t.Context(), id, 0, 10*messages)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "events of "+id, len(list), messages)
		for i, ev := range list {
			wantEqual(t, "seq", ev.Seq, uint64(i+1))
		}
	}
	n, err := db.Waiting(t.Context(), "hook")
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "waiting", n, messages)
}

func TestSameKeyOfAnotherTypeIsAnotherEvent(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	update := message("a", "m1")
	update.Type = event.MessagesUpdate
	wantEqual(t, "first", len(record(t, db, message("a", "m1"), update)), 2)
	wantEqual(t, "again", len(record(t, db, update, message("a", "m1"))), 0)
	unkeyed := message("a", "")
	wantEqual(t, "without key", len(record(t, db, unkeyed, unkeyed)), 2)
}

func TestTimesOfEventsDefaultToTheClock(t *testing.T) {
	t.Parallel()
	db := storetest.OpenWith(t, start.Local)
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "hook")
	ev := record(t, db, event.Draft{InstanceID: "a", Type: event.NewJWT})[0]
	if !ev.At.Equal(start) {
		t.Errorf("at: got %v, want %v", ev.At, start)
	}
	if at := next(t, db, "hook").Delivery.QueuedAt; !at.Equal(start) {
		t.Errorf("queued at: got %v, want %v", at, start)
	}
}
