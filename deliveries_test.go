package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// picture saves a picture of the page where the environment names a folder.
func (b *browser) picture(name string) {
	b.t.Helper()
	dir := os.Getenv("BROWSER_SHOTS")
	if dir == "" {
		return
	}
	raw, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.fail(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), raw, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// signIn signs the owner in by the browser.
func (b *browser) signIn() {
	b.t.Helper()
	b.open("/login")
	b.fill("#login [name=email]", ownerEmail)
	b.fill("#login [name=password]", ownerPassword)
	b.follow("#login button[type=submit]")
}

// A first webhook without any second program: to the catcher, a test event,
// verified; presets show what they change; the secret is renewed.
func TestCatchHereInTheBrowser(t *testing.T) {
	g := startGateway(t, settings(t, t.TempDir(), startNetwork(t)), ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("shop")
	b := startBrowser(t, g.Home)
	b.signIn()
	began := time.Now()
	b.open("/instances/" + id + "/webhooks")
	b.follow("#catch-open")
	b.follow("#catch-add")
	hook := strings.TrimPrefix(b.path(), "/instances/"+id+"/webhooks/")
	b.click("#try-go")
	b.see("#try-result .badge.ok")
	b.picture("hook")
	b.open("/instances/" + id + "/catch")
	b.see("#caught .badge.ok")
	t.Logf("from the list of webhooks to a verified call: %s", time.Since(began).Round(time.Millisecond))
	if text := b.text("#caught summary"); !strings.Contains(text, "Signature verified") || !strings.Contains(text, "messages.upsert") {
		t.Errorf("the catcher says %q", text)
	}
	b.picture("catch")

	b.open("/instances/" + id + "/webhooks/" + hook)
	b.click("#preset-messages")
	b.see("dialog[open] #preset-go")
	b.see("#preset-off")
	b.picture("preset")
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
	if text := b.text("#caught summary"); !strings.Contains(text, "Signature verified") {
		t.Errorf("after the rotation the catcher says %q", text)
	}
	b.quiet("429 (Too Many") // a person opens pages slower than this, and streams end with a delay
}

// The receiver is down for a while; afterwards the window is sent again, with
// the same ids.
func TestOutageThenReplayInTheBrowser(t *testing.T) {
	network, dir := startNetwork(t), t.TempDir()
	phone, nina := network.NewPhone("5511987650001", "Shop Front"), network.NewPhone("5521998880002", "Nina")
	hooks := startReceiver(t)
	g := startGateway(t, settings(t, dir, network, "--webhook-allow", hooks.host()), ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("shop")
	hook := o.addWebhook(id, "crm", hooks.URL)
	if _, err := phone.Scan(context.Background(), o.code(id)); err != nil {
		t.Fatal(err)
	}
	o.untilPhase(id, "connected")
	for i := range 20 {
		if _, err := nina.SendText(context.Background(), phone, fmt.Sprintf("message %02d", i)); err != nil {
			t.Fatal(err)
		}
	}
	messages := func(calls []received) (ids []string, replayed int) {
		for _, c := range calls {
			if c.Event == "messages.upsert" {
				ids = append(ids, c.ID)
				if c.Header.Get("replayed") == "true" {
					replayed++
				}
			}
		}
		return ids, replayed
	}
	hooks.until(t, "the messages", func(calls []received) bool { ids, _ := messages(calls); return len(ids) == 20 })

	b := startBrowser(t, g.Home)
	b.signIn()
	b.open("/instances/" + id + "/webhooks/" + hook + "/replay")
	b.picture("replay")
	from, to := time.Now().UTC().Add(-time.Hour), time.Now().UTC().Add(time.Hour)
	const form = "2006-01-02T15:04:05"
	b.open("/instances/" + id + "/webhooks/" + hook + "/replay?" +
		url.Values{"from": {from.Format(form)}, "to": {to.Format(form)}}.Encode())
	b.see("#replay-go")
	b.follow("#replay-go")
	b.see("#deliveries tbody tr")
	calls := hooks.until(t, "the replay", func(calls []received) bool { _, n := messages(calls); return n == 20 })
	ids, _ := messages(calls)
	distinct := make(map[string]int)
	for _, id := range ids {
		distinct[id]++
	}
	if len(distinct) != 20 {
		t.Errorf("%d distinct ids came, want 20", len(distinct))
	}
	b.picture("deliveries")
	b.follow("#deliveries tbody th a")
	b.see("#attempt-1-card")
	b.follow("#body-show")
	b.see("#delivery-curl")
	b.picture("delivery")
	b.quiet()
}

// A viewer sees no body, no head and no button.
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
	o.code(id) // an event
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

// The log follows 50 events a second for 20 seconds: the page keeps its size,
// the browser its memory, and a pause holds the rows still while it counts.
func TestLiveTailInTheBrowser(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 20 seconds")
	}
	network := startNetwork(t)
	phone, nina := network.NewPhone("5511987650001", "Shop Front"), network.NewPhone("5521998880002", "Nina")
	g := startGateway(t, settings(t, t.TempDir(), network), ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("shop")
	if _, err := phone.Scan(context.Background(), o.code(id)); err != nil {
		t.Fatal(err)
	}
	o.untilPhase(id, "connected")
	b := startBrowser(t, g.Home)
	b.signIn()
	b.open("/events")
	b.see("#events-live")
	ended := make(chan int)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		n := 0
		for stop := time.After(20 * time.Second); ; n++ {
			select {
			case <-tick.C:
				if _, err := nina.SendText(context.Background(), phone, fmt.Sprintf("message %d", n)); err != nil {
					ended <- n
					return
				}
			case <-stop:
				ended <- n
				return
			}
		}
	}()
	time.Sleep(4 * time.Second) // the page warms up
	first := b.weight()
	time.Sleep(12 * time.Second)
	last := b.weight()
	top := b.text("#events tbody tr:first-child th")
	b.click("#events-pause")
	b.see("#events-resume")
	held := b.text("#events tbody tr:first-child th")
	b.until(`/\d+ new/.test(document.querySelector('#events-paused')?.textContent || '')`)
	if now := b.text("#events tbody tr:first-child th"); now != held {
		t.Errorf("the first row went from %q to %q during the pause", held, now)
	}
	n := <-ended
	b.click("#events-resume")
	b.see("#events-live")
	if now := b.text("#events tbody tr:first-child th"); now == top {
		t.Errorf("the first row is still %q", now)
	}
	b.picture("events")
	t.Logf("%d messages; heap %.1f MiB, then %.1f MiB; %d elements, then %d", n, first.heap, last.heap, first.nodes, last.nodes)
	if last.nodes > first.nodes*3/2 || last.heap > first.heap*2+8 {
		t.Error("the page grows")
	}
	b.quiet()
}

// weight is what a page holds in memory.
type weight struct {
	heap  float64 // MiB
	nodes int
}

func (b *browser) weight() weight {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](
		`(performance.memory ? performance.memory.usedJSHeapSize : 0) + ' ' + document.querySelectorAll('*').length`))
	if err != nil {
		b.fail(err)
	}
	var bytes, nodes int
	if _, err := fmt.Sscan(text, &bytes, &nodes); err != nil {
		b.fail(err)
	}
	return weight{heap: float64(bytes) / (1 << 20), nodes: nodes}
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
	o.code(id) // an event
	o.until("a delivery", func() bool {
		return o.get(at+"/webhooks/"+hook+"/deliveries?result=delivered").Find("#deliveries tbody tr").Length() > 0
	})
	delivery := o.get(at+"/webhooks/"+hook+"/deliveries").Find("#deliveries tbody th a").First().AttrOr("href", "")
	b := startBrowser(t, g.Home)
	b.signIn()
	b.size(390, 844)
	for _, theme := range []string{"light", "dark"} {
		b.media("screen", "prefers-color-scheme", theme)
		for name, path := range map[string]string{
			"hooks": at + "/webhooks", "hook": at + "/webhooks/" + hook, "deliveries": at + "/webhooks/" + hook + "/deliveries",
			"delivery": delivery + "?body=1", "replay": at + "/webhooks/" + hook + "/replay", "catch": at + "/catch",
			"events": "/events", "event": at + "/events/1?body=1", "preset": at + "/webhooks/" + hook + "/preset/crm",
			"rotate": at + "/webhooks/" + hook + "/rotate",
		} {
			b.open(path)
			b.see("main")
			b.checkWidth(name)
			b.checkAccess(name)
			b.picture("phone-" + theme + "-" + name)
		}
	}
	b.quiet("429 (Too Many")
}
