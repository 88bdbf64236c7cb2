package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/safehttp"
	"pombal/internal/webhook"
)

// receiver is a real receiver on this machine, with a client that may call it.
func receiver(t testing.TB, h http.HandlerFunc) (*httptest.Server, *safehttp.Client) {
	t.Helper()
	srv := httptest.NewServer(h)
	client := safehttp.New(safehttp.Policy{AllowHostPorts: []string{srv.Listener.Addr().String()}})
	t.Cleanup(func() { client.Close(); srv.Close() })
	return srv, client
}

func job(url, body string) webhook.Job {
	return webhook.Job{
		Delivery: webhook.Delivery{ID: 1, WebhookID: "w1"},
		Webhook:  webhook.Webhook{ID: "w1", URL: url, Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
		Event:    event.Event{ID: "msg_p5jXN8AQM9LWM0D4loKWxJek", Body: []byte(body)},
	}
}

const linkedBody = `{"event":"messages.upsert","instance":{"instanceId":"i-1","name":"shop","WhatsApp":{"whatsappId":"wa-1"},"Business":{"businessId":"b-1"}},"data":{"a":"é"}}`

func TestSenderCall(t *testing.T) {
	t.Parallel()
	// A raw server, because net/http would change the case of the names.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buf := make([]byte, 64<<10)
		n := 0
		for !strings.HasSuffix(string(buf[:n]), linkedBody) {
			more, err := conn.Read(buf[n:])
			if err != nil {
				break
			}
			n += more
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
		got <- string(buf[:n])
	}()
	t.Cleanup(func() { ln.Close() })
	client := safehttp.New(safehttp.Policy{AllowHostPorts: []string{ln.Addr().String()}})
	t.Cleanup(client.Close)
	at := time.Unix(1614265330, 500)
	sender := webhook.NewSender(client, "1.2.3", func() time.Time { return at })
	reply := sender.Send(t.Context(), job("http://"+ln.Addr().String()+"/hook?x=1", linkedBody))
	if a := reply.Attempt; a.StatusCode != 200 || a.Response != "ok" || a.Error != "" || !a.At.Equal(at) || a.Took <= 0 {
		t.Errorf("attempt: got %+v", a)
	}
	text := <-got
	head, body, _ := strings.Cut(text, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	signature, err := webhook.Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", at, []byte(linkedBody))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"POST /hook?x=1 HTTP/1.1", "Content-Type: application/json", "User-Agent: Pombal/1.2.3",
		"Content-Length: " + strconv.Itoa(len(linkedBody)), "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek",
		"webhook-timestamp: 1614265330", "webhook-signature: " + signature,
		"x-businessId: b-1", "x-instanceId: i-1", "x-whatsappId: wa-1",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("no line %q in:\n%s", want, head)
		}
	}
	if len(lines) != 11 { // those above and Host
		t.Errorf("%d lines, want 11:\n%s", len(lines), head)
	}
	if body != linkedBody {
		t.Errorf("body: got %q", body)
	}
	if strings.Contains(text, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") {
		t.Error("the secret left with the call")
	}
}

func TestSenderBeforeTheFirstPairing(t *testing.T) {
	t.Parallel()
	var header http.Header
	srv, client := receiver(t, func(_ http.ResponseWriter, r *http.Request) { header = r.Header })
	sender := webhook.NewSender(client, "test", nil)
	sender.Send(t.Context(), job(srv.URL, `{"instance":{"instanceId":"i-1","WhatsApp":null,"Business":{"businessId":"b-1"}}}`))
	if v, ok := header["X-Whatsappid"]; !ok || len(v) != 1 || v[0] != "" {
		t.Errorf("x-whatsappId: got %q, want present and empty", v)
	}
}

func TestSenderReplies(t *testing.T) {
	t.Parallel()
	sent := job("", linkedBody)
	cases := []struct {
		name   string
		change func(*webhook.Job)
		result safehttp.Result
		err    error
		want   webhook.Reply
	}{
		{name: "answer with bytes that are no text",
			result: safehttp.Result{StatusCode: 500, Head: []byte("a\xff\xfeb")},
			want:   webhook.Reply{Attempt: webhook.Attempt{StatusCode: 500, Response: "a\uFFFDb"}}},
		{name: "429", result: safehttp.Result{StatusCode: 429, Header: http.Header{"Retry-After": {"90"}}},
			want: webhook.Reply{Attempt: webhook.Attempt{StatusCode: 429}, RetryAfter: 90 * time.Second}},
		{name: "503", result: safehttp.Result{StatusCode: 503, Header: http.Header{"Retry-After": {"90"}}},
			want: webhook.Reply{Attempt: webhook.Attempt{StatusCode: 503}, RetryAfter: 90 * time.Second}},
		{name: "Retry-After elsewhere", result: safehttp.Result{StatusCode: 500, Header: http.Header{"Retry-After": {"90"}}},
			want: webhook.Reply{Attempt: webhook.Attempt{StatusCode: 500}}},
		{name: "error", err: errors.New("x"), want: webhook.Reply{Attempt: webhook.Attempt{Error: "other"}}},
		{name: "no secret", change: func(j *webhook.Job) { j.Webhook.Secret = "" },
			want: webhook.Reply{Attempt: webhook.Attempt{Error: "request"}}},
		{name: "no URL", change: func(j *webhook.Job) { j.Webhook.URL = "::" },
			want: webhook.Reply{Attempt: webhook.Attempt{Error: "request"}}},
		{name: "no JSON", change: func(j *webhook.Job) { j.Event.Body = []byte("x") },
			want: webhook.Reply{Attempt: webhook.Attempt{Error: "request"}}},
	}
	at := time.Unix(1614265330, 0).UTC()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j := sent
			if c.change != nil {
				c.change(&j)
			}
			c.want.Attempt.At = at
			sender := webhook.NewSender(caller{c.result, c.err}, "test", func() time.Time { return at })
			got := sender.Send(t.Context(), j)
			got.Attempt.Request, got.Attempt.Answer = "", "" // see TestLedgerHeads
			if got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

type caller struct {
	result safehttp.Result
	err    error
}

func (c caller) Call(context.Context, *http.Request, safehttp.Options) (safehttp.Result, error) {
	return c.result, c.err
}

// quick is a schedule for tests over the real network.
func quick(d *webhook.DispatcherDeps) {
	d.Schedule = webhook.Schedule{Delays: slices.Repeat([]time.Duration{time.Millisecond}, 9), ParkAfter: 3}
}

// settle waits until n deliveries have their final outcome.
func settle(t *testing.T, m *memory, n int) {
	t.Helper()
	limit := time.After(2 * time.Minute)
	for len(m.final()) < n {
		select {
		case <-m.outcome:
		case <-limit:
			t.Fatalf("%d of %d deliveries have an outcome; %d wait", len(m.final()), n, len(m.pending()))
		}
	}
}

func TestEverySeventhCallFails(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var first []string
	seen := make(map[string]string) // event id: body
	calls := 0
	srv, client := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		id := r.Header.Get("webhook-id")
		at, _ := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
		want, _ := webhook.Sign("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", id, time.Unix(at, 0), body)
		if r.Header.Get("webhook-signature") != want {
			t.Errorf("%s: the signature does not verify", id)
		}
		if before, again := seen[id]; again && before != string(body) {
			t.Errorf("%s: another body at the second attempt", id)
		} else if !again {
			first = append(first, id)
		}
		seen[id] = string(body)
		if calls++; calls%7 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	m := newMemory()
	m.hook("w1", srv.URL)
	m.add("w1", 100)
	d := start(t, m, webhook.NewSender(client, "test", nil), quick)
	settle(t, m, 100)
	stop(t, d)
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(first, events(1, 100)) {
		t.Errorf("first attempts in the order %v", first)
	}
	for _, f := range m.final() {
		if f.Status != webhook.StatusDelivered {
			t.Errorf("%s: got %s", f.EventID, f.Status)
		}
	}
}

func TestHostileReceiversOverTheNetwork(t *testing.T) {
	t.Parallel()
	var followed atomic.Int32
	var base string
	srv, client := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, base+"/target", http.StatusTemporaryRedirect)
		case "/target":
			followed.Add(1)
		case "/close":
			panic(http.ErrAbortHandler)
		case "/header":
			w.Header().Set("X-Large", strings.Repeat("x", 100<<10))
		case "/body":
			_, _ = w.Write(make([]byte, 1<<20))
		case "/gone":
			w.WriteHeader(http.StatusGone)
		}
	})
	base = srv.URL
	m := newMemory()
	want := map[string]webhook.DeliveryStatus{
		"redirect": webhook.StatusDead, "close": webhook.StatusDead, "header": webhook.StatusDead,
		"body": webhook.StatusDelivered, "gone": webhook.StatusDead, "good": webhook.StatusDelivered,
	}
	for id := range want {
		m.hook(id, srv.URL+"/"+id)
		m.add(id, 1)
	}
	m.hook("refused", "http://127.0.0.1:1/")
	m.add("refused", 1)
	want["refused"] = webhook.StatusDead
	d := start(t, m, webhook.NewSender(client, "test", nil), quick)
	settle(t, m, len(want))
	stop(t, d)
	errs := map[string]string{"close": "closed", "header": "answer", "refused": "refused_loopback"}
	for _, f := range m.final() {
		if f.Status != want[f.WebhookID] || f.Last.Error != errs[f.WebhookID] {
			t.Errorf("%s: got %s %q, want %s %q", f.WebhookID, f.Status, f.Last.Error, want[f.WebhookID], errs[f.WebhookID])
		}
		if len(f.Last.Response) > 3*safehttp.KeptBody {
			t.Errorf("%s: kept %d bytes of the answer", f.WebhookID, len(f.Last.Response))
		}
	}
	if followed.Load() != 0 {
		t.Errorf("a redirect was followed %d times", followed.Load())
	}
}

// BenchmarkDelivery measures signed deliveries of 1 KiB to a receiver on this
// machine, over one lane and over many.
func BenchmarkDelivery(b *testing.B) {
	for _, lanes := range []int{1, 50} {
		b.Run(fmt.Sprintf("lanes=%d", lanes), func(b *testing.B) {
			arrived := make(chan struct{}, 1024)
			srv, client := receiver(b, func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				arrived <- struct{}{}
			})
			m := &endless{url: srv.URL, lanes: lanes}
			m.left.Store(int64(b.N))
			m.body = fmt.Appendf(nil, `{"instance":{"instanceId":"i","WhatsApp":{"whatsappId":"w"},"Business":{"businessId":"b"}},"data":%q}`, strings.Repeat("x", 900))
			d := webhook.NewDispatcher(webhook.DispatcherDeps{Outbox: m, Sender: webhook.NewSender(client, "bench", nil)})
			b.ReportAllocs()
			b.ResetTimer()
			if err := d.Start(b.Context()); err != nil {
				b.Fatal(err)
			}
			for range b.N {
				<-arrived
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
			if err := d.Close(context.Background()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// endless is an outbox that costs nothing, for the benchmark.
type endless struct {
	webhook.Outbox
	url   string
	body  []byte
	lanes int
	left  atomic.Int64
}

func (m *endless) Lanes(context.Context) (ids []string, err error) {
	for i := range m.lanes {
		ids = append(ids, fmt.Sprintf("w%d", i))
	}
	return ids, nil
}

func (m *endless) Next(_ context.Context, id string, _ time.Time) (webhook.Job, time.Time, bool, error) {
	if m.left.Add(-1) < 0 {
		return webhook.Job{}, time.Time{}, false, nil
	}
	j := job(m.url, "")
	j.Delivery.WebhookID, j.Delivery.EventType = id, event.MessagesUpsert
	j.Webhook.Enabled, j.Webhook.Events.Toggles = true, webhook.AllToggles()
	j.Event.Body = m.body
	return j, time.Time{}, true, nil
}

func (m *endless) Settle(context.Context, webhook.Delivery) error { return nil }
