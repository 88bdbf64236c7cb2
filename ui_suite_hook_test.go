package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"pombal/internal/event"
)

// A webhook by clicks alone: each of the 19 events off and on again by its own
// box and by its group's buttons, a head of one's own added and taken away, and
// a receiver that is gone for good, with the button that has it tried again.
func TestUIWebhookByClicks(t *testing.T) {
	if raceEnabled {
		t.Skip("the same handlers run under it in other tests")
	}
	var mu sync.Mutex
	heads, gone := []string{}, false
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		heads = append(heads, r.Header.Get("X-Tenant"))
		if gone {
			w.WriteHeader(http.StatusGone)
		}
	}))
	t.Cleanup(srv.Close)
	host := strings.TrimPrefix(srv.URL, "http://")
	g := startGateway(t, settings(t, t.TempDir(), startNetwork(t), "--webhook-allow", host), ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("Sales")
	at := "/instances/" + id + "/webhooks/" + o.addWebhook(id, "crm", srv.URL)
	b := startBrowser(t, g.Home)
	b.logIn()
	b.open(at)
	save := func(want int) {
		t.Helper()
		b.click("#webhook-save")
		b.see(".toast.ok")
		b.open(at)
		if on := b.ticked("events"); len(on) != want {
			t.Errorf("%d events are on, want %d: %v", len(on), want, on)
		}
	}
	for _, info := range event.All() {
		b.click("#ev-" + string(info.Type))
	}
	save(0)
	for _, info := range event.All() {
		b.click("#ev-" + string(info.Type))
	}
	save(len(event.All()))
	for _, to := range []string{"none", "all"} {
		for _, group := range event.Groups() {
			b.click("[name=group][value='" + string(group) + ":" + to + "']")
			b.until(`[...document.querySelectorAll("#group-` + string(group) + ` [name=events]")].every(e => e.checked === ` + map[string]string{"all": "true", "none": "false"}[to] + `)`)
		}
	}
	b.open(at)
	if on := b.ticked("events"); len(on) != len(event.All()) {
		t.Errorf("after None and All %d events are on", len(on))
	}

	last := func() string {
		t.Helper()
		b.click("#try-go")
		b.see("#try-result .badge.ok")
		mu.Lock()
		defer mu.Unlock()
		return heads[len(heads)-1]
	}
	b.click("#hook-settings summary")
	b.see("#headers")
	b.click("#headers")
	b.press("X-Tenant: acme")
	save(len(event.All()))
	if got := last(); got != "acme" {
		t.Errorf("with the head of one's own came %q", got)
	}
	b.open(at)
	b.click("#hook-settings summary")
	b.see("#headers")
	eval[bool](b, `document.querySelector("#headers").value = "", true`)
	save(len(event.All()))
	if got := last(); got != "" {
		t.Errorf("after it was taken away came %q", got)
	}

	mu.Lock()
	gone = true
	mu.Unlock()
	o.turn(id, "off") // an event
	o.until("the receiver given up", func() bool { return o.get(at).Find("#hook-stopped").Length() > 0 })
	b.open(at)
	b.seeText("#hook-stopped[role=alert]", "410")
	b.checkAccess("webhook, stopped")
	mu.Lock()
	gone = false
	mu.Unlock()
	b.click("#hook-resume")
	b.gone("#hook-stopped")
}
