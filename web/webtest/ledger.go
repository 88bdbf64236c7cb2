package webtest

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"pombal/internal/event"
	"pombal/internal/webhook"
)

// Ledger is a web.Ledger over the webhooks in memory: it lists what was added
// with Deliver, and what people ask for it takes for done.
type Ledger struct{ *Webhooks }

// Ledger lists what was added with Deliver.
func (l Ledger) Ledger(ctx context.Context, instanceID string, q webhook.LedgerQuery) ([]webhook.Delivery, error) {
	all, err := l.Deliveries(ctx, instanceID, q.WebhookID, 1000)
	var list []webhook.Delivery
	for _, d := range all {
		if (q.UpTo == 0 || d.ID <= q.UpTo) && (q.Result == "" || string(d.Status) == q.Result) && len(list) < q.Limit {
			list = append(list, d)
		}
	}
	return list, err
}

// CountAfter counts newer ones.
func (l Ledger) CountAfter(ctx context.Context, instanceID, id string, after uint64) (int, error) {
	all, err := l.Deliveries(ctx, instanceID, id, 1000)
	n := 0
	for _, d := range all {
		if d.ID > after {
			n++
		}
	}
	return n, err
}

// Delivery finds one.
func (l Ledger) Delivery(ctx context.Context, instanceID, id string, delivery uint64) (webhook.Delivery, event.Event, error) {
	all, err := l.Deliveries(ctx, instanceID, id, 1000)
	if err != nil {
		return webhook.Delivery{}, event.Event{}, err
	}
	for _, d := range all {
		if d.ID == delivery {
			return d, event.Event{ID: d.EventID, Type: d.EventType, Body: []byte(`{"secret":"body"}`)}, nil
		}
	}
	return webhook.Delivery{}, event.Event{}, webhook.ErrNoDelivery
}

// Health is that of a webhook that was never called.
func (l Ledger) Health(ctx context.Context, instanceID, id string) (webhook.Health, error) {
	_, err := l.Get(ctx, instanceID, id)
	return webhook.Health{}, err
}

// CountDead finds none.
func (l Ledger) CountDead(ctx context.Context, instanceID, id string) (int, error) {
	_, err := l.Get(ctx, instanceID, id)
	return 0, err
}

// RetryNow finds the delivery and does nothing.
func (l Ledger) RetryNow(ctx context.Context, instanceID, id string, delivery uint64) error {
	_, _, err := l.Delivery(ctx, instanceID, id, delivery)
	return err
}

// Replay finds the delivery and does nothing.
func (l Ledger) Replay(ctx context.Context, instanceID, id string, delivery uint64) error {
	return l.RetryNow(ctx, instanceID, id, delivery)
}

// ReplayDead finds none.
func (l Ledger) ReplayDead(ctx context.Context, instanceID, id string) (int, error) {
	return l.CountDead(ctx, instanceID, id)
}

// CountWindow finds none.
func (l Ledger) CountWindow(ctx context.Context, instanceID, id string, _ webhook.Window) (int, error) {
	return l.CountDead(ctx, instanceID, id)
}

// ReplayWindow finds none.
func (l Ledger) ReplayWindow(ctx context.Context, instanceID, id string, _ webhook.Window) (int, error) {
	return l.CountDead(ctx, instanceID, id)
}

// Resume finds the webhook.
func (l Ledger) Resume(ctx context.Context, instanceID, id string) (webhook.Webhook, error) {
	return l.Get(ctx, instanceID, id)
}

// Rotate finds the webhook.
func (l Ledger) Rotate(ctx context.Context, instanceID, id string) (webhook.Webhook, error) {
	return l.Get(ctx, instanceID, id)
}

// Probe reaches what may be saved, but for the host "nowhere".
func (l Ledger) Probe(ctx context.Context, raw string, _ bool) (webhook.Found, error) {
	if err := l.CheckURL(ctx, raw); err != nil {
		return webhook.Found{}, err
	}
	if strings.Contains(raw, "//nowhere") {
		return webhook.Found{Failure: webhook.FailureDNS}, nil
	}
	return webhook.Found{Address: "203.0.113.7:443", TLS: "TLS 1.3"}, nil
}

// Try answers 200.
func (l Ledger) Try(ctx context.Context, instanceID, id string, t event.Type, _ event.WireInstance) (webhook.Trial, error) {
	_, err := l.Get(ctx, instanceID, id)
	return webhook.Trial{Event: event.Event{Type: t}, Attempt: webhook.Attempt{StatusCode: 200}}, err
}

// Events is a web.EventLog with nothing in it.
type Events struct{}

// EventLog finds none.
func (Events) EventLog(context.Context, event.LogQuery) ([]event.Event, error) { return nil, nil }

// Events finds none.
func (Events) Events(context.Context, string, uint64, int) ([]event.Event, error) { return nil, nil }

// EventOutcomes knows of none.
func (Events) EventOutcomes(context.Context, []event.Event) (map[string]webhook.Outcome, error) {
	return nil, nil
}

// EventsSeen counts none.
func (Events) EventsSeen(context.Context, string, time.Time) (map[event.Type]int, error) {
	return map[event.Type]int{}, nil
}

// Catch is a web.Catcher in memory that shows what is put into it.
type Catch struct {
	mu   sync.Mutex
	last uint64
	of   map[string][]webhook.Caught // by instance, oldest first
}

// Put adds a caught request and gives it its id, which counts up from 1.
func (c *Catch) Put(instanceID string, got webhook.Caught) webhook.Caught {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = make(map[string][]webhook.Caught)
	}
	c.last++
	got.ID = c.last
	c.of[instanceID] = append(c.of[instanceID], got)
	return got
}

// Path is a path.
func (*Catch) Path(instanceID string) string { return webhook.CatchPrefix + instanceID + "/secret" }

// List gives a page of them.
func (c *Catch) List(_ context.Context, instanceID string, before uint64, limit int) ([]webhook.Caught, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []webhook.Caught
	for _, got := range slices.Backward(c.of[instanceID]) {
		if len(list) < limit && (before == 0 || got.ID < before) {
			list = append(list, got)
		}
	}
	return list, nil
}

// Get finds one.
func (c *Catch) Get(_ context.Context, instanceID string, id uint64) (webhook.Caught, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, got := range c.of[instanceID] {
		if got.ID == id {
			return got, nil
		}
	}
	return webhook.Caught{}, webhook.ErrNoCaught
}

// Clear forgets those of an instance.
func (c *Catch) Clear(_ context.Context, instanceID string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.of, instanceID)
	return nil
}

// Take knows no address.
func (*Catch) Take(context.Context, string, http.Header, []byte) (int, string) {
	return http.StatusNotFound, "no such address"
}
