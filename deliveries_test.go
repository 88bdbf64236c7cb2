package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A first webhook without any second program: to the catcher, a test event,
// verified; presets show what they change; the secret is renewed.
func TestCatchHereInTheBrowser(t *testing.T) {
	g := startGateway(t, settings(t, t.TempDir(), startNetwork(t)), ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("shop")
	o.turn(id, "off") // its own events would come between those of this test
	b := startBrowser(t, g.Home)
	b.signIn()
	began := time.Now()
	b.open("/instances/" + id + "/webhooks")
	b.follow("#catch-open")
	b.follow("#catch-add")
	hook := strings.TrimPrefix(b.path(), "/instances/"+id+"/webhooks/")
	b.click("#try-go")
	b.see("#try-result .badge.ok")
	b.shot("hook")
	b.open("/instances/" + id + "/catch")
	b.see("#caught .badge.ok")
	t.Logf("from the list of webhooks to a verified call: %s", time.Since(began).Round(time.Millisecond))
	if text := b.text("#caught tbody tr"); !strings.Contains(text, "Signature verified") || !strings.Contains(text, "messages.upsert") {
		t.Errorf("the catcher says %q", text)
	}
	b.shot("catch")
	b.follow("#caught tbody th a")
	if head, body := b.text("#caught-head"), b.text("#caught-body"); !strings.Contains(strings.ToLower(head), "webhook-signature: v1,") ||
		!strings.Contains(body, `"event":"messages.upsert"`) {
		t.Errorf("the request is shown as %q and %q", head, body)
	}
	b.shot("caught")

	b.open("/instances/" + id + "/webhooks/" + hook)
	b.click("#preset-messages")
	b.see("dialog[open] #preset-go")
	b.see("#preset-off")
	b.shot("preset")
	b.follow("#preset-go")
	b.open("/instances/" + id + "/webhooks/" + hook)
	if on := b.ticked("events"); len(on) != 1 || on[0] != "messagesUpsert" {
		t.Errorf("after the preset %v are on", on)
	}
	b.click("#sample-messagesUpsert")
	b.see("dialog[open] #sample-body")

	b.open("/instances/" + id + "/webhooks/" + hook + "/rotate")
	b.follow("#rotate-go")
	b.see("#secret-both")
	b.click("#try-go")
	b.see("#try-result .badge.ok")
	b.open("/instances/" + id + "/catch")
	if text := b.text("#caught tbody tr"); !strings.Contains(text, "Signature verified") {
		t.Errorf("after the rotation the catcher says %q", text)
	}
	b.quiet("429 (Too Many") // a person opens pages slower than this, and streams end with a delay
}

// Without scripts a person resumes a receiver that was given up and has its dead
// letters sent again.
func TestDeliveryWithoutScripts(t *testing.T) {
	fails := &atomic.Bool{}
	fails.Store(true)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if fails.Load() {
			w.WriteHeader(http.StatusGone)
		}
	}))
	t.Cleanup(srv.Close)
	network := startNetwork(t)
	g := startGateway(t, settings(t, t.TempDir(), network, "--webhook-allow", strings.TrimPrefix(srv.URL, "http://")), ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("shop")
	hook := o.addWebhook(id, "crm", srv.URL)
	o.turn(id, "off") // an event
	at := "/instances/" + id + "/webhooks/" + hook
	o.until("the receiver given up", func() bool { return o.get(at).Find("#hook-stopped").Length() > 0 })
	list := o.get(at + "/deliveries?result=dead")
	if n := list.Find("#deliveries tbody tr").Length(); n == 0 {
		t.Fatalf("no dead letter:\n%s", list.says())
	}
	fails.Store(false)
	o.submit(o.get(at), at+"/resume", nil)
	if o.get(at).Find("#hook-stopped").Length() != 0 {
		t.Error("the banner is still there")
	}
	p := o.get(at + "/replay")
	o.submit(p, at+"/replay/dead", nil)
	o.until("the dead letter delivered", func() bool {
		return o.get(at+"/deliveries?result=dead").Find("#deliveries tbody tr").Length() == 0 &&
			o.get(at+"/deliveries?result=waiting").Find("#deliveries tbody tr").Length() == 0
	})
}

// The pages of webhooks and events fit a phone, in both themes.
func TestDeliveryPagesOnAPhone(t *testing.T) {
	g := startGateway(t, settings(t, t.TempDir(), startNetwork(t)), ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("shop")
	at := "/instances/" + id
	o.submit(o.get(at+"/catch"), at+"/catch/webhook", nil)
	hook := strings.TrimPrefix(o.get(at+"/webhooks").Find("tbody th a").First().AttrOr("href", ""), at+"/webhooks/")
	o.turn(id, "off") // an event
	o.until("a delivery", func() bool {
		return o.get(at+"/webhooks/"+hook+"/deliveries?result=delivered").Find("#deliveries tbody tr").Length() > 0
	})
	caught := o.get(at+"/catch").Find("#caught tbody th a").First().AttrOr("href", "")
	delivery := o.get(at+"/webhooks/"+hook+"/deliveries").Find("#deliveries tbody th a").First().AttrOr("href", "")
	b := startBrowser(t, g.Home)
	b.signIn()
	b.size(390, 844)
	for _, theme := range []string{"light", "dark"} {
		b.media("screen", "prefers-color-scheme", theme)
		for name, path := range map[string]string{
			"hooks": at + "/webhooks", "hook": at + "/webhooks/" + hook, "deliveries": at + "/webhooks/" + hook + "/deliveries",
			"delivery": delivery + "?body=1", "replay": at + "/webhooks/" + hook + "/replay", "catch": at + "/catch",
			"caught": caught,
			"events": "/events", "event": at + "/events/1?body=1", "preset": at + "/webhooks/" + hook + "/preset/crm",
			"rotate": at + "/webhooks/" + hook + "/rotate",
		} {
			b.open(path)
			b.see("main")
			b.checkWidth(name)
			b.checkAccess(name)
			b.shot("phone-" + theme + "-" + name)
		}
	}
	b.quiet("429 (Too Many")
}
