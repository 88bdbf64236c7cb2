package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/store"
	"pombal/internal/webhook"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newInstance stores an instance that is named after its id.
func newInstance(t testing.TB, db *store.DB, id string) instance.Instance {
	t.Helper()
	in := instance.Instance{
		ID: id, Name: "Name of " + id, BusinessID: "biz", State: instance.Active,
		Status: instance.Status{Phase: instance.PhaseNew, Since: start}, CreatedAt: start, UpdatedAt: start,
	}
	if _, err := db.CreateInstance(context.Background(), in); err != nil {
		t.Fatalf("create instance %s: %v", id, err)
	}
	return in
}

// newWebhook stores a webhook that wants the types; none means all.
func newWebhook(t testing.TB, db *store.DB, instanceID, id string, types ...event.Type) webhook.Webhook {
	t.Helper()
	w := webhook.Webhook{
		ID: id, InstanceID: instanceID, Name: id, URL: "https://example.org/" + id, Enabled: true,
		Events: webhook.Events{Toggles: webhook.AllToggles()}, Secret: "whsec_x", CreatedAt: start, UpdatedAt: start,
	}
	if len(types) > 0 {
		w.Events.Toggles = 0
		for _, typ := range types {
			w.Events.Toggles = w.Events.Toggles.With(typ, true)
		}
	}
	if err := db.CreateWebhook(context.Background(), w); err != nil {
		t.Fatalf("create webhook %s: %v", id, err)
	}
	return w
}

func message(instanceID, key string) event.Draft {
	return event.Draft{
		InstanceID: instanceID, Type: event.MessagesUpsert, At: start, Key: key,
		Data: event.MessageData{MessageID: key, PushName: "Ana <&>", Content: []byte(`{"text":"olá"}`)},
	}
}

// record appends drafts and fails the test when that fails.
func record(t testing.TB, db *store.DB, drafts ...event.Draft) []event.Event {
	t.Helper()
	recorded, err := db.AppendEvents(context.Background(), drafts...)
	if err != nil {
		t.Fatalf("append events: %v", err)
	}
	return recorded
}

// remove deletes an instance the way the manager does.
func remove(t testing.TB, db *store.DB, id string, drafts ...event.Draft) {
	t.Helper()
	_, _, err := db.UpdateInstance(context.Background(), id, func(in *instance.Instance) ([]event.Draft, error) {
		in.DeletedAt = start.Add(time.Hour)
		return drafts, nil
	})
	if err != nil {
		t.Fatalf("delete instance %s: %v", id, err)
	}
}

// next asks a lane for what is due long after start.
func next(t testing.TB, db *store.DB, lane string) webhook.Job {
	t.Helper()
	job, due, ok, err := db.Next(context.Background(), lane, start.AddDate(100, 0, 0))
	if err != nil || !ok {
		t.Fatalf("next of lane %s: ok=%t due=%v err=%v", lane, ok, due, err)
	}
	return job
}

func ids(list []webhook.Delivery) []uint64 {
	out := []uint64{}
	for _, d := range list {
		out = append(out, d.ID)
	}
	return out
}

func wantEqual[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func wantList[T comparable](t testing.TB, what string, got []T, want ...T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, fmt.Sprint(got), fmt.Sprint(want))
	}
}
