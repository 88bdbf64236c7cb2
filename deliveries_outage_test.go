package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// shaky is a receiver that can be gone, or there and forgetful: it then says 200
// and keeps nothing, as a proxy before a dead program does.
type shaky struct {
	mu        sync.Mutex
	forgetful bool
	kept      []received
}

func (s *shaky) forgets(all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetful = all
}

func (s *shaky) take(_ http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	var body struct{ Event, ID string }
	if err != nil || json.Unmarshal(raw, &body) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.forgetful && body.Event == "messages.upsert" {
		s.kept = append(s.kept, received{Header: r.Header.Clone(), Body: raw, Event: body.Event, ID: body.ID})
	}
}

// messages waits until so many messages were kept.
func (s *shaky) messages(t *testing.T, n int) []received {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		s.mu.Lock()
		kept := append([]received(nil), s.kept...)
		s.mu.Unlock()
		if len(kept) >= n {
			return kept
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d messages came, want %d", len(kept), n)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// The receiver is down, then there but forgetful. A person sees what waits, has
// it tried at once, and sends the window of the outage again: everything comes,
// in order, with the ids that it had.
func TestOutageThenReplayInTheBrowser(t *testing.T) {
	network, dir := startNetwork(t), t.TempDir()
	phone, nina := network.NewPhone("5511987650001", "Shop Front"), network.NewPhone("5521998880002", "Nina")
	hooks := &shaky{}
	ln := startOutage(t, hooks.take)
	addr := ln.Addr().String()
	g := startGateway(t, settings(t, dir, network, "--webhook-allow", addr), ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("shop")
	hook := o.addWebhook(id, "crm", "http://"+addr)
	at := "/instances/" + id + "/webhooks/" + hook
	device, err := phone.Scan(context.Background(), o.code(id))
	if err != nil {
		t.Fatal(err)
	}
	o.untilPhase(id, "connected")
	sent := 0
	send := func(n int) {
		t.Helper()
		for range n {
			if _, err := nina.SendText(context.Background(), phone, fmt.Sprintf("message %02d", sent)); err != nil {
				t.Fatal(err)
			}
			sent++
		}
		if err := network.WaitSettled(t.Context(), device); err != nil { // then all are on disk
			t.Fatal(err)
		}
	}
	send(5)
	before := hooks.messages(t, 5)
	o.until("nothing waits", func() bool { return o.get(at+"/deliveries?result=waiting").Find("#deliveries tbody tr").Length() == 0 })

	// The third attempt, half a minute after the first, would set a delivery
	// aside; so the person is there before.
	b := startBrowser(t, g.Home)
	b.signIn()
	ln.set(true)
	send(10)
	o.until("a failed attempt", func() bool {
		return o.get(at+"/deliveries?result=failing").Find("#deliveries tbody tr").Length() > 0
	})
	b.open(at + "/deliveries?result=failing")
	b.see("#deliveries tbody tr .badge")
	b.shot("outage")
	hooks.forgets(true)
	ln.set(false)
	b.follow("#deliveries tbody th a")
	b.follow("#delivery-retry")
	o.until("the lost calls", func() bool {
		return o.get(at+"/deliveries?result=waiting").Find("#deliveries tbody tr").Length() == 0 &&
			o.get(at+"/deliveries?result=failing").Find("#deliveries tbody tr").Length() == 0
	})
	hooks.forgets(false)

	b.open(at + "/replay")
	b.until(`document.querySelector('[data-when-zone]').value !== ''`)
	b.shot("replay")
	b.follow("#replay-ask")
	b.see("#replay-go")
	b.follow("#replay-go")
	b.see("#deliveries tbody tr")
	again := hooks.messages(t, 5+sent)[5:]
	for i, c := range again {
		var body struct {
			Data struct{ Content struct{ Text string } }
		}
		if err := json.Unmarshal(c.Body, &body); err != nil || body.Data.Content.Text != fmt.Sprintf("message %02d", i) {
			t.Errorf("call %d of the replay has %q, %v", i, body.Data.Content.Text, err)
		}
		if c.Header.Get("replayed") != "true" {
			t.Errorf("call %d is not marked as replayed", i)
		}
		if i < 5 && (c.ID != before[i].ID || string(c.Body) != string(before[i].Body)) {
			t.Errorf("message %d came with another id or body", i)
		}
	}
	b.shot("deliveries")
	b.follow("#deliveries tbody th a")
	b.see("#attempt-1-card")
	b.follow("#body-show")
	b.see("#delivery-curl")
	b.shot("delivery")
	b.quiet()
}
