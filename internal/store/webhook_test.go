package store_test

import (
	"errors"
	"testing"

	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/internal/store/storetest"
	"pombal/internal/webhook"
)

func TestWebhooksBelongToTheirInstance(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newInstance(t, db, "a-1")
	made := newWebhook(t, db, "a", "h1")
	newWebhook(t, db, "a-1", "h2")
	list, err := db.Webhooks(t.Context(), "a")
	if err != nil || len(list) != 1 {
		t.Fatalf("webhooks: got %v, %v", list, err)
	}
	wantEqual(t, "webhook", list[0], made)
	refuse := func(*webhook.Webhook) error { t.Error("change was called"); return nil }
	for name, tt := range map[string]struct{ got, want error }{
		"other instance's":   {second(db.Webhook(t.Context(), "a", "h2")), webhook.ErrNotFound},
		"unknown":            {second(db.Webhook(t.Context(), "a", "h3")), webhook.ErrNotFound},
		"unknown instance":   {second(db.Webhook(t.Context(), "x", "h1")), webhook.ErrNotFound},
		"list":               {second(db.Webhooks(t.Context(), "x")), instance.ErrNotFound},
		"update":             {second(db.UpdateWebhook(t.Context(), "a", "h2", refuse)), webhook.ErrNotFound},
		"delete":             {db.DeleteWebhook(t.Context(), "a", "h2"), webhook.ErrNotFound},
		"for no instance":    {db.CreateWebhook(t.Context(), webhook.Webhook{ID: "h9", InstanceID: "x"}), instance.ErrNotFound},
		"separator in an id": {second(db.Webhook(t.Context(), "a-1\x00h2", "")), webhook.ErrNotFound},
	} {
		if !errors.Is(tt.got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, tt.got, tt.want)
		}
	}
	// A lane is named by the webhook alone, so its id must differ everywhere.
	if err := db.CreateWebhook(t.Context(), webhook.Webhook{ID: "h2", InstanceID: "a"}); problem.KindOf(err) != problem.Conflict {
		t.Errorf("same id in another instance: got %v", err)
	}
}

func TestUpdateWebhookStoresAllOrNothing(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	made := newWebhook(t, db, "a", "h1")
	refusal := errors.New("refusal")
	for name, change := range map[string]func(*webhook.Webhook) error{
		"refused":          func(w *webhook.Webhook) error { w.URL = "x"; return refusal },
		"another id":       func(w *webhook.Webhook) error { w.ID = "h2"; return nil },
		"another instance": func(w *webhook.Webhook) error { w.InstanceID = "b"; return nil },
	} {
		if _, err := db.UpdateWebhook(t.Context(), "a", "h1", change); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	got, err := db.Webhook(t.Context(), "a", "h1")
	if err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "webhook", got, made)
	got, err = db.UpdateWebhook(t.Context(), "a", "h1", func(w *webhook.Webhook) error { w.Rev++; return nil })
	if err != nil || got.Rev != 1 {
		t.Errorf("change: got %+v, %v", got, err)
	}
	if _, err := db.UpdateWebhook(t.Context(), "a", "h1", func(*webhook.Webhook) error { return nil }); err != nil {
		t.Errorf("change of nothing: %v", err)
	}
}

func TestDeleteWebhookTakesItsQueueAndLog(t *testing.T) {
	t.Parallel()
	db := storetest.Open(t)
	newInstance(t, db, "a")
	newWebhook(t, db, "a", "h1")
	newWebhook(t, db, "a", "h2")
	record(t, db, message("a", ""), message("a", ""), message("a", ""))
	d := next(t, db, "h1").Delivery
	d.Status = webhook.StatusDelivered
	if err := db.Settle(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if err := db.DeleteWebhook(t.Context(), "a", "h1"); err != nil {
		t.Fatal(err)
	}
	left, err := db.Deliveries(t.Context(), "h1", 10)
	if err != nil || len(left) != 0 {
		t.Errorf("deliveries: got %v, %v", left, err)
	}
	lanes, err := db.Lanes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wantList(t, "lanes", lanes, "h2")
	record(t, db, message("a", ""))
	if n, err := db.Waiting(t.Context(), "h1"); err != nil || n != 0 {
		t.Errorf("waiting for a deleted webhook: got %d, %v", n, err)
	}
}
