package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/webhook"
)

// memory is an outbox as the store keeps it, without the disk.
type memory struct {
	mu      sync.Mutex
	hooks   map[string]webhook.Webhook // absent: gone
	bodies  map[string][]byte          // by event id
	rows    []webhook.Delivery         // pending, in the order of recording
	settled []webhook.Delivery         // every final outcome, in order
	next    uint64
	nexts   int // calls of Next
	dropped []string
	health  map[string]*webhook.Health
	fail    func(method string) error // nil: nothing fails
	outcome chan struct{}             // holds one: there was an outcome
}

func newMemory() *memory {
	return &memory{hooks: make(map[string]webhook.Webhook), bodies: make(map[string][]byte), health: make(map[string]*webhook.Health), outcome: make(chan struct{}, 1)}
}

// hook adds a webhook that wants everything.
func (m *memory) hook(id, url string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hooks[id] = webhook.Webhook{
		ID: id, InstanceID: "i1", URL: url, Enabled: true, Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		Events: webhook.Events{Toggles: webhook.AllToggles()},
	}
}

func (m *memory) change(id string, change func(*webhook.Webhook)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := m.hooks[id]
	change(&w)
	m.hooks[id] = w
}

// add queues n events for a webhook. Their ids are e1, e2, … over all webhooks.
func (m *memory) add(id string, n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range n {
		m.next++
		eventID := fmt.Sprintf("e%d", m.next)
		m.bodies[eventID] = fmt.Appendf(nil,
			`{"event":"messages.upsert","id":%q,"instance":{"instanceId":"i1","WhatsApp":null,"Business":{"businessId":"b1"}},"data":{}}`, eventID)
		m.rows = append(m.rows, webhook.Delivery{
			ID: m.next, WebhookID: id, InstanceID: "i1", EventID: eventID, EventType: event.MessagesUpsert,
			EventSeq: m.next, Size: len(m.bodies[eventID]), QueuedAt: time.Now(), Status: webhook.StatusPending,
		})
	}
}

func (m *memory) err(method string) error {
	if m.fail == nil {
		return nil
	}
	return m.fail(method)
}

func (m *memory) setFail(fail func(method string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = fail
}

func (m *memory) Lanes(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var lanes []string
	for _, d := range m.rows {
		if !slices.Contains(lanes, d.WebhookID) {
			lanes = append(lanes, d.WebhookID)
		}
	}
	return lanes, m.err("Lanes")
}

func (m *memory) Next(_ context.Context, id string, now time.Time) (job webhook.Job, due time.Time, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nexts++
	if err := m.err("Next"); err != nil {
		return webhook.Job{}, time.Time{}, false, err
	}
	w, living := m.hooks[id]
	var best *webhook.Delivery
	head := false
	for i, d := range m.rows {
		if d.WebhookID != id || (!d.Parked && head) {
			continue
		}
		head = head || !d.Parked
		switch {
		case !living:
			return webhook.Job{Delivery: d, Gone: true}, time.Time{}, true, nil
		case d.NextAt.After(now):
			if due.IsZero() || d.NextAt.Before(due) {
				due = d.NextAt
			}
		case best == nil || d.Due().Before(best.Due()):
			best = &m.rows[i]
		}
	}
	if best == nil {
		return webhook.Job{}, due, false, nil
	}
	job = webhook.Job{Delivery: *best, Webhook: w}
	if body := m.bodies[best.EventID]; body != nil {
		job.Event = event.Event{ID: best.EventID, InstanceID: "i1", Type: best.EventType, Body: body}
	}
	return job, time.Time{}, true, nil
}

func (m *memory) Settle(_ context.Context, d webhook.Delivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.err("Settle"); err != nil {
		return err
	}
	i := slices.IndexFunc(m.rows, func(r webhook.Delivery) bool { return r.ID == d.ID })
	if i >= 0 && d.Attempts > m.rows[i].Attempts {
		if m.health[d.WebhookID] == nil {
			m.health[d.WebhookID] = &webhook.Health{}
		}
		m.health[d.WebhookID].Note(time.Now(), d.Last.Good())
	}
	switch {
	case i < 0:
	case d.Status == webhook.StatusPending:
		m.rows[i] = d
	default:
		m.rows = slices.Delete(m.rows, i, i+1)
		m.settled = append(m.settled, d)
	}
	select {
	case m.outcome <- struct{}{}:
	default:
	}
	return nil
}

func (m *memory) DropLane(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.err("DropLane"); err != nil {
		return err
	}
	m.dropped = append(m.dropped, id)
	m.rows = slices.DeleteFunc(m.rows, func(r webhook.Delivery) bool { return r.WebhookID == id })
	return nil
}

func (m *memory) Deliveries(_ context.Context, id string, limit int) ([]webhook.Delivery, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []webhook.Delivery
	for _, d := range slices.Backward(m.rows) {
		if d.WebhookID == id && len(list) < limit {
			list = append(list, d)
		}
	}
	return list, nil
}

func (m *memory) Waiting(_ context.Context, id string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, d := range m.rows {
		if d.WebhookID == id {
			n++
		}
	}
	return n, nil
}

func (m *memory) WebhookHealth(_ context.Context, id string) (webhook.Health, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.health[id] == nil {
		return webhook.Health{}, nil
	}
	return *m.health[id], nil
}

func (m *memory) TrimLane(_ context.Context, id string, most webhook.QueueLimit) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, size := 0, int64(0)
	for _, d := range m.rows {
		if d.WebhookID == id {
			n++
			size += int64(d.Size)
		}
	}
	dropped := 0
	m.rows = slices.DeleteFunc(m.rows, func(r webhook.Delivery) bool {
		if r.WebhookID != id || (n-dropped <= most.Rows && size <= most.Bytes) {
			return false
		}
		dropped++
		size -= int64(r.Size)
		return true
	})
	return dropped, nil
}

// final gives the settled deliveries.
func (m *memory) final() []webhook.Delivery {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.settled)
}

// pending gives the waiting deliveries.
func (m *memory) pending() []webhook.Delivery {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.rows)
}

func (m *memory) looks() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.nexts
}

var (
	_       webhook.Outbox = (*memory)(nil)
	errDisk                = errors.New("disk is full")
)

// script is a Sender that answers by a function and notes each attempt.
type script struct {
	answer func(ctx context.Context, job webhook.Job) webhook.Reply

	mu    sync.Mutex
	calls []attempt
}

type attempt struct {
	webhook, event string
	at             time.Time
}

func (s *script) Send(ctx context.Context, job webhook.Job) webhook.Reply {
	s.mu.Lock()
	s.calls = append(s.calls, attempt{job.Webhook.ID, job.Event.ID, time.Now()})
	s.mu.Unlock()
	return s.answer(ctx, job)
}

func (s *script) all() []attempt {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// of gives the events attempted for a webhook, in order.
func (s *script) of(id string) []string {
	var events []string
	for _, c := range s.all() {
		if c.webhook == id {
			events = append(events, c.event)
		}
	}
	return events
}

func status(code int) webhook.Reply {
	return webhook.Reply{Attempt: webhook.Attempt{StatusCode: code}}
}

func always(code int) func(context.Context, webhook.Job) webhook.Reply {
	return func(context.Context, webhook.Job) webhook.Reply { return status(code) }
}

// start starts a dispatcher with waits that are exactly those of the schedule.
func start(t *testing.T, m *memory, s webhook.Sender, change ...func(*webhook.DispatcherDeps)) *webhook.Dispatcher {
	t.Helper()
	deps := webhook.DispatcherDeps{Outbox: m, Sender: s, Roll: func() float64 { return 0.5 }}
	for _, c := range change {
		c(&deps)
	}
	d := webhook.NewDispatcher(deps)
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func stop(t *testing.T, d *webhook.Dispatcher) {
	t.Helper()
	if err := d.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Errorf("close: %v", err)
	}
}
