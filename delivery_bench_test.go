package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/safehttp"
	"pombal/internal/store"
	"pombal/internal/webhook"
)

// post is the part of the house that events go out through: a real file with
// its fsyncs, the dispatcher, signed calls over loopback.
type post struct {
	db         *store.DB
	dispatcher *webhook.Dispatcher
	client     *safehttp.Client
	receiver   *httptest.Server
	came       atomic.Int64
	hang       chan struct{} // calls to /hang wait for it

	mu    sync.Mutex
	stamp map[string]time.Time // when an event was recorded, by its id
	waits []time.Duration      // from there to the call, but for /hang
}

func startPost(b *testing.B, hooks int, hang bool) *post {
	b.Helper()
	p := &post{stamp: make(map[string]time.Time), hang: make(chan struct{})}
	p.receiver = httptest.NewServer(http.HandlerFunc(p.take))
	var err error
	if p.db, err = store.Open(filepath.Join(b.TempDir(), "bench.db"), store.Options{}); err != nil {
		b.Fatal(err)
	}
	ctx := context.Background()
	if err := p.db.CreateBusiness(ctx, instance.Business{ID: "biz", Name: "biz"}); err != nil {
		b.Fatal(err)
	}
	if _, err := p.db.CreateInstance(ctx, instance.Instance{ID: "a", Name: "a", BusinessID: "biz", State: instance.Active}); err != nil {
		b.Fatal(err)
	}
	p.client = safehttp.New(safehttp.Policy{AllowHostPorts: []string{p.receiver.Listener.Addr().String()}})
	desk := webhook.NewService(webhook.ServiceDeps{Store: p.db, Outbox: p.db, Ledger: p.db, CheckURL: p.client.Check})
	for i := range hooks {
		target := fmt.Sprintf("%s/%d", p.receiver.URL, i)
		if hang && i == 0 {
			target = p.receiver.URL + "/hang"
		}
		if _, err := desk.Create(ctx, webhook.CreateParams{InstanceID: "a", Name: fmt.Sprint(i), URL: target, Enabled: true}); err != nil {
			b.Fatal(err)
		}
	}
	p.dispatcher = webhook.NewDispatcher(webhook.DispatcherDeps{Outbox: p.db, Sender: webhook.NewSender(p.client, "bench", nil)})
	b.Cleanup(func() {
		close(p.hang)
		_ = p.dispatcher.Close(context.Background())
		p.client.Close()
		p.receiver.Close()
		_ = p.db.Close()
	})
	return p
}

func (p *post) take(_ http.ResponseWriter, r *http.Request) {
	now := time.Now()
	_, _ = io.Copy(io.Discard, r.Body)
	if r.URL.Path == "/hang" {
		<-p.hang
		return
	}
	p.came.Add(1)
	p.mu.Lock()
	if at, ok := p.stamp[r.Header.Get("webhook-id")]; ok {
		p.waits = append(p.waits, now.Sub(at))
	}
	p.mu.Unlock()
}

// record records n events with bodies of about 1 KiB.
func (p *post) record(b *testing.B, n int) {
	b.Helper()
	pad := strings.Repeat("x", 600)
	drafts := make([]event.Draft, n)
	for i := range drafts {
		drafts[i] = event.Draft{InstanceID: "a", Type: event.MessagesUpsert, Data: map[string]string{"text": pad}}
	}
	at := time.Now()
	recorded, err := p.db.AppendEvents(context.Background(), drafts...)
	if err != nil {
		b.Fatal(err)
	}
	p.mu.Lock()
	for _, ev := range recorded {
		p.stamp[ev.ID] = at
	}
	p.mu.Unlock()
}

func (p *post) until(b *testing.B, n int64) {
	b.Helper()
	for deadline := time.Now().Add(5 * time.Minute); p.came.Load() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("%d of %d came", p.came.Load(), n)
		}
	}
}

// p99 is the wait that one in a hundred exceeds.
func (p *post) p99() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.waits)
	return p.waits[len(p.waits)*99/100]
}

// What the outbox costs: deliveries a second with everything kept, beside a
// fan-out in memory that keeps nothing and signs just the same.
func BenchmarkDeliveries(b *testing.B) {
	for _, hooks := range []int{1, 10, 50} {
		b.Run(fmt.Sprintf("%d-webhooks", hooks), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				p := startPost(b, hooks, false)
				events := max(10_000/hooks, 200)
				p.record(b, events)
				b.StartTimer()
				began := time.Now()
				if err := p.dispatcher.Start(context.Background()); err != nil {
					b.Fatal(err)
				}
				p.until(b, int64(events*hooks))
				durable := float64(events*hooks) / time.Since(began).Seconds()
				memory := fanOut(b, p, events, hooks)
				b.ReportMetric(durable, "deliveries/s")
				b.ReportMetric(memory, "fan-out/s")
				b.ReportMetric(durable/memory, "ratio")
			}
		})
	}
}

// fanOut is what others do: a goroutine for each webhook, nothing kept.
func fanOut(b *testing.B, p *post, events, hooks int) float64 {
	b.Helper()
	secret := "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	body := bytes.Repeat([]byte("x"), 1024)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: hooks}}
	defer client.CloseIdleConnections()
	began := time.Now()
	var wg sync.WaitGroup
	for range hooks {
		wg.Go(func() {
			for i := range events {
				at := time.Now()
				signature, err := webhook.Sign(secret, fmt.Sprint(i), at, body)
				if err != nil {
					b.Error(err)
					return
				}
				req, err := http.NewRequest(http.MethodPost, p.receiver.URL+"/m", bytes.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				req.Header.Set("webhook-signature", signature)
				resp, err := client.Do(req)
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
			}
		})
	}
	wg.Wait()
	return float64(events*hooks) / time.Since(began).Seconds()
}

// How long an event takes to its call at 100 events a second.
func BenchmarkEventToPost(b *testing.B) {
	for b.Loop() {
		p := startPost(b, 1, false)
		p.steady(b, 1000, 10*time.Millisecond, 1)
		b.ReportMetric(float64(p.p99().Microseconds())/1000, "p99-ms")
	}
}

// One of 50 receivers hangs; how long the others wait.
func BenchmarkOneOf50Hangs(b *testing.B) {
	for b.Loop() {
		p := startPost(b, 50, true)
		p.steady(b, 300, 50*time.Millisecond, 49) // 1000 deliveries a second
		b.ReportMetric(float64(p.p99().Microseconds())/1000, "p99-ms")
	}
}

// steady records events at a pace and waits for the deliveries.
func (p *post) steady(b *testing.B, n int, pace time.Duration, each int64) {
	b.Helper()
	if err := p.dispatcher.Start(context.Background()); err != nil {
		b.Fatal(err)
	}
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for range n {
		<-tick.C
		p.record(b, 1)
		p.dispatcher.Wake()
	}
	p.until(b, int64(n)*each)
}

// A receiver is dead while 200 000 events queue: what the process then weighs,
// in all and without the pages of the data file, which the kernel keeps as long
// as nobody else needs the room.
func BenchmarkQueuedEventsMemory(b *testing.B) {
	network := startNetwork(b)
	product := buildProduct(b)
	for b.Loop() {
		dir := b.TempDir()
		args := settings(b, dir, network, "--webhook-allow", "127.0.0.1:9")
		cmd, home, _ := launch(b, product, args, ownerEnv())
		o := newOperator(b, home)
		o.logIn()
		id := o.create("shop")
		o.addWebhook(id, "dead", "http://127.0.0.1:9")
		before, anonBefore := memory(b, cmd.Process.Pid)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		data := filepath.Join(dir, "pombal.db")
		fillOutbox(b, data, id, 200_000)
		info, err := os.Stat(data)
		if err != nil {
			b.Fatal(err)
		}
		cmd, _, _ = launch(b, product, args, ownerEnv())
		var most float64
		for range 50 { // while attempts fail
			time.Sleep(100 * time.Millisecond)
			now, _ := memory(b, cmd.Process.Pid)
			most = max(most, now)
		}
		after, anon := memory(b, cmd.Process.Pid)
		b.ReportMetric(before, "MiB/before")
		b.ReportMetric(after-before, "MiB/more")
		b.ReportMetric(most-before, "MiB/more-at-most")
		b.ReportMetric(anon-anonBefore, "MiB/more-anon")
		b.ReportMetric(float64(info.Size())/(1<<20), "MiB/file")
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
}
