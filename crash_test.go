package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/store"
)

// Kill -9 at 20 random moments while 500 messages arrive: afterwards every
// message is in the event log once, and the receiver has each event.
func TestKillLosesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("kills 20 processes")
	}
	const kills, messages = 20, 500
	network, receiver, dir := startNetwork(t), startReceiver(t), t.TempDir()
	phone := network.NewPhone("5511987650001", "Shop Front")
	nina := network.NewPhone("5521998880002", "Nina")
	args := settings(t, dir, network, "--webhook-allow", receiver.host())

	g := startChild(t, args, ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("shop")
	o.addWebhook(id, "crm", receiver.URL)
	device, err := phone.Scan(context.Background(), o.code(id))
	if err != nil {
		t.Fatal(err)
	}
	o.untilPhase(id, "connected")

	sent := make(chan error, 1)
	go func() {
		for i := range messages {
			if _, err := nina.SendText(context.Background(), phone, fmt.Sprintf("message %03d", i)); err != nil {
				sent <- err
				return
			}
			time.Sleep(5 * time.Millisecond) // the pace of the sender, not a wait for anything
		}
		sent <- nil
	}()
	for range kills {
		time.Sleep(time.Duration(20+rand.IntN(180)) * time.Millisecond) // the random moment
		g.kill()
		g = startChild(t, args, ownerEnv())
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	o = newOperator(t, g.Home)
	o.until("all messages answered", func() bool { return network.Pending(device) == 0 })
	if err := g.stop(); err != nil {
		t.Fatalf("stop: %v\n%s", err, g.log)
	}

	logged := loggedMessages(t, filepath.Join(dir, "pombal.db"), id)
	for i := range messages {
		if text := fmt.Sprintf("message %03d", i); len(logged[text]) != 1 {
			t.Errorf("%q is in the event log %d times", text, len(logged[text]))
		}
	}
	startChild(t, args, ownerEnv()) // delivers what is still in the outbox
	receiver.until(t, "each event", func(calls []received) bool {
		got := make(map[string]bool)
		for _, c := range calls {
			got[c.ID] = true
		}
		for _, ids := range logged {
			for _, id := range ids {
				if !got[id] {
					return false
				}
			}
		}
		return true
	})
}

// loggedMessages reads the event log: text to event ids.
func loggedMessages(t *testing.T, path, instanceID string) map[string][]string {
	t.Helper()
	db, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Check(context.Background()); err != nil {
		t.Error(err)
	}
	return messagesIn(t, db, instanceID)
}

// messagesIn is loggedMessages for a file that is open.
func messagesIn(t *testing.T, db *store.DB, instanceID string) map[string][]string {
	t.Helper()
	events, err := db.Events(context.Background(), instanceID, 0, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	logged := make(map[string][]string)
	for _, ev := range events {
		if ev.Type != event.MessagesUpsert {
			continue
		}
		var body struct {
			Data struct {
				Content struct{ Text string } `json:"content"`
			} `json:"data"`
		}
		if err := json.Unmarshal(ev.Body, &body); err != nil {
			t.Fatal(err)
		}
		logged[body.Data.Content.Text] = append(logged[body.Data.Content.Text], ev.ID)
	}
	return logged
}

// A second process on the same file ends at once with a sentence.
func TestSecondProcessIsRefused(t *testing.T) {
	network, dir := startNetwork(t), t.TempDir()
	args := settings(t, dir, network)
	startChild(t, args, ownerEnv())
	log := &lockedBuffer{}
	ctx, cancel := context.WithTimeout(t.Context(), limit) // one that does not end by itself ends well
	defer cancel()
	started := time.Now()
	code := run(ctx, args, nil, log, log)
	t.Logf("it ended after %s", time.Since(started).Round(time.Millisecond))
	if code != exitUsage {
		t.Errorf("exit code %d, want %d", code, exitUsage)
	}
	if want := "another process is using the data file"; !contains(log.String(), want) {
		t.Errorf("it said %q, want %q in it", log, want)
	}
}
