//go:build !race

// The race detector would spend most of a minute on filling the log; what runs
// at once here runs at once in other tests too.

package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"pombal/internal/event"
	"pombal/internal/store"
	"pombal/internal/store/storetest"
	"pombal/internal/webhook"
)

// A search through the whole of a long event log, while other things are
// written: the search finds the oldest event, and the file does not grow by
// what bbolt could not use again meanwhile.
func TestLongReadDoesNotGrowTheFile(t *testing.T) {
	const events = 100_000
	path := filepath.Join(t.TempDir(), "pombal.db")
	db, err := store.Open(path, store.Options{NoSync: true, Space: storetest.LargeDisk})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	newInstance(t, db, "a")
	w := newWebhook(t, db, "a", "h", event.PresenceUpdate)
	drafts := make([]event.Draft, 0, 1000)
	for n := range events {
		if drafts = append(drafts, message("a", fmt.Sprintf("m%06d", n))); len(drafts) == cap(drafts) {
			record(t, db, drafts...)
			drafts = drafts[:0]
		}
	}
	before := size(t, path)

	ctx, stop := context.WithCancel(t.Context())
	wrote := make(chan int, 1)
	go func() { wrote <- keepWriting(ctx, t, db, w) }()
	for range 3 {
		list, err := db.EventLog(t.Context(), event.LogQuery{InstanceID: "a", Text: "m000000", Bodies: true, Limit: 1, Deep: true})
		if err != nil || len(list) != 1 || list[0].Seq != 1 {
			t.Fatalf("found %d events, %v; want the oldest", len(list), err)
		}
	}
	stop()
	commits := <-wrote
	after := size(t, path)
	t.Logf("%d commits during the searches; file %d MiB before, %d MiB after", commits, before>>20, after>>20)
	// One transaction for all of it takes a fifth and more.
	if after > before+before/7 {
		t.Errorf("the file grew from %d to %d bytes", before, after)
	}
}

// keepWriting changes a webhook until ctx ends and counts how often.
func keepWriting(ctx context.Context, t *testing.T, db *store.DB, w webhook.Webhook) (commits int) {
	for ; ctx.Err() == nil; commits++ {
		_, err := db.UpdateWebhook(context.Background(), w.InstanceID, w.ID, func(w *webhook.Webhook) error {
			w.Name = fmt.Sprint("name ", commits)
			return nil
		})
		if err != nil {
			t.Error(err)
			return commits
		}
	}
	return commits
}
