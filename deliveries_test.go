package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/chromedp"

	"pombal/internal/wasim"
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

// shaky is a receiver that can be gone, or there and forgetful: it then says 200
// and keeps nothing, as a proxy before a dead program does.
type shaky struct {
	addr string

	mu        sync.Mutex
	srv       *http.Server
	forgetful bool
	kept      []received
}

func (s *shaky) start(t *testing.T, forgetful bool) {
	t.Helper()
	ln, err := net.Listen("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(s.take), ReadHeaderTimeout: time.Minute}
	s.mu.Lock()
	s.addr, s.srv, s.forgetful = ln.Addr().String(), srv, forgetful
	s.mu.Unlock()
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
}

func (s *shaky) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.srv.Close()
}

func (s *shaky) remembers() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forgetful = false
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
	hooks := &shaky{addr: "127.0.0.1:0"}
	hooks.start(t, false)
	g := startGateway(t, settings(t, dir, network, "--webhook-allow", hooks.addr), ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("shop")
	hook := o.addWebhook(id, "crm", "http://"+hooks.addr)
	at := "/instances/" + id + "/webhooks/" + hook
	if _, err := phone.Scan(context.Background(), o.code(id)); err != nil {
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
	}
	send(5)
	before := hooks.messages(t, 5)
	o.until("nothing waits", func() bool { return o.get(at+"/deliveries?result=waiting").Find("#deliveries tbody tr").Length() == 0 })

	hooks.stop()
	send(10)
	b := startBrowser(t, g.Home)
	b.signIn()
	b.open(at + "/deliveries?result=failing")
	b.see("#deliveries tbody tr .badge")
	b.picture("outage")
	hooks.start(t, true)
	b.follow("#deliveries tbody th a")
	b.follow("#delivery-retry")
	o.until("the lost calls", func() bool {
		return o.get(at+"/deliveries?result=waiting").Find("#deliveries tbody tr").Length() == 0 &&
			o.get(at+"/deliveries?result=failing").Find("#deliveries tbody tr").Length() == 0
	})
	hooks.remembers()

	b.open(at + "/replay")
	b.until(`document.querySelector('[data-when-zone]').value !== ''`)
	b.picture("replay")
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

// The log follows 50 events a second for a minute: the page keeps its size, the
// browser its memory, and a pause holds the rows still while it counts. The
// race detector watches the same for a shorter time.
func TestLiveTailInTheBrowser(t *testing.T) {
	warm, whole := 10*time.Second, 60*time.Second
	switch {
	case testing.Short():
		t.Skip("takes a minute")
	case raceEnabled:
		warm, whole = 4*time.Second, 14*time.Second
	}
	t.Parallel() // it mostly waits
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
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan int)
	go func() { ended <- chatter(ctx, nina, phone) }()
	began := time.Now()
	var weights []weight
	for time.Since(began) < whole {
		time.Sleep(2 * time.Second)
		if time.Since(began) >= warm {
			weights = append(weights, b.weight())
		}
	}
	// The rows change while they are looked at, so each step is one with the page.
	firstRow := func() string {
		return eval[string](b, `document.querySelector('#events tbody tr:first-child th').textContent`)
	}
	top := firstRow()
	eval[bool](b, `document.querySelector('#events-pause').click(), true`)
	b.see("#events-resume")
	held := firstRow()
	b.until(`/\d+ new/.test(document.querySelector('#events-paused')?.textContent || '')`)
	if now := firstRow(); now != held {
		t.Errorf("the first row went from %q to %q during the pause", held, now)
	}
	stop()
	n := <-ended
	b.click("#events-resume")
	b.see("#events-live")
	if now := firstRow(); now == top {
		t.Errorf("the first row is still %q", now)
	}
	b.picture("events")
	eval[bool](b, `scrollTo(0, 500), true`) // whoever reads further down wants the rows to stay
	b.see("#events-resume")
	first, last := least(weights[:len(weights)/2]), least(weights[len(weights)/2:])
	t.Logf("%d messages in %s; after garbage collection the heap had %.1f MiB in the first half, %.1f MiB in the second; %d elements, then %d",
		n, whole, first.heap, last.heap, first.nodes, last.nodes)
	if last.nodes > first.nodes*3/2 || last.heap > first.heap*3/2+4 {
		t.Error("the page grows")
	}
	b.quiet("429 (Too Many")
}

// chatter sends 50 messages a second, or as many as the machine can, until ctx
// ends, and says how many.
func chatter(ctx context.Context, from, to *wasim.Phone) (n int) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ; ; n++ {
		select {
		case <-tick.C:
			if _, err := from.SendText(ctx, to, fmt.Sprintf("message %d", n)); err != nil {
				return n
			}
		case <-ctx.Done():
			return n
		}
	}
}

// least gives the smallest heap and the smallest number of elements: what stays
// after everything that comes and goes.
func least(all []weight) weight {
	low := all[0]
	for _, w := range all[1:] {
		low.heap, low.nodes = min(low.heap, w.heap), min(low.nodes, w.nodes)
	}
	return low
}

// weight is what a page holds in memory.
type weight struct {
	heap  float64 // MiB
	nodes int
}

func (b *browser) weight() weight {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, heapprofiler.CollectGarbage, cdp.Empty{})
		return err
	}))
	text := eval[string](b,
		`(performance.memory ? performance.memory.usedJSHeapSize : 0) + ' ' + document.querySelectorAll('*').length`)
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
