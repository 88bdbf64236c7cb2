package webtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"pombal/internal/problem"
	"pombal/internal/webhook"
)

// Webhooks is a web.Webhooks in memory.
type Webhooks struct {
	mu         sync.Mutex
	clock      *Clock
	items      []webhook.Webhook
	deliveries map[string][]webhook.Delivery
	next       int

	// Err is what every method answers with.
	Err error
	// Closed is a host that CheckURL refuses.
	Closed string
}

// NewWebhooks makes an empty store of webhooks.
func NewWebhooks(clock *Clock) *Webhooks {
	return &Webhooks{clock: clock, deliveries: make(map[string][]webhook.Delivery)}
}

// Put stores a webhook as it is, with sensible values where it has none.
func (f *Webhooks) Put(h webhook.Webhook) webhook.Webhook {
	f.mu.Lock()
	defer f.mu.Unlock()
	if h.CreatedAt.IsZero() {
		h.CreatedAt, h.UpdatedAt = f.clock.Now(), f.clock.Now()
	}
	if h.Events.ID == "" {
		h.Events = webhook.Events{
			ID: "e-" + h.ID, Toggles: h.Events.Toggles, CreatedAt: f.clock.Now(), UpdatedAt: f.clock.Now(),
		}
	}
	if h.Secret == "" {
		h.Secret = "whsec_canary-" + h.ID
	}
	if h.Rev == 0 {
		h.Rev = 1
	}
	f.items = append(f.items, h)
	return h
}

// Deliver adds a delivery, the newest first.
func (f *Webhooks) Deliver(d webhook.Delivery) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deliveries[d.WebhookID] = append([]webhook.Delivery{d}, f.deliveries[d.WebhookID]...)
}

// List gives the webhooks of an instance.
func (f *Webhooks) List(_ context.Context, instanceID string) ([]webhook.Webhook, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Err != nil {
		return nil, f.Err
	}
	var own []webhook.Webhook
	for _, h := range f.items {
		if h.InstanceID == instanceID {
			own = append(own, h)
		}
	}
	return own, nil
}

// Counts is web.Webhooks.
func (f *Webhooks) Counts(context.Context) (map[string]webhook.Count, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := make(map[string]webhook.Count)
	for _, h := range f.items {
		c := counts[h.InstanceID]
		c.All++
		if h.Enabled {
			c.Enabled++
		}
		counts[h.InstanceID] = c
	}
	return counts, nil
}

// Get finds a webhook.
func (f *Webhooks) Get(_ context.Context, instanceID, id string) (webhook.Webhook, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, err := f.index(instanceID, id)
	if err != nil {
		return webhook.Webhook{}, err
	}
	return f.items[i], nil
}

// index is called with the lock held.
func (f *Webhooks) index(instanceID, id string) (int, error) {
	if f.Err != nil {
		return 0, f.Err
	}
	i := slices.IndexFunc(f.items, func(h webhook.Webhook) bool { return h.InstanceID == instanceID && h.ID == id })
	if i < 0 {
		return 0, webhook.ErrNotFound
	}
	return i, nil
}

func checkWebhook(name, url string) error {
	var fields []problem.Field
	if name == "" {
		fields = append(fields, problem.Field{Name: "name", Text: problem.Text{Key: "error.webhook_name"}})
	}
	if !strings.HasPrefix(url, "http://") && !strings.HasPrefix(url, "https://") {
		fields = append(fields, problem.Field{Name: "url", Text: problem.Text{Key: "error.webhook_url"}})
	}
	if len(fields) > 0 {
		return problem.WithFields(problem.Invalid, fields...)
	}
	return nil
}

// Create adds a webhook.
func (f *Webhooks) Create(_ context.Context, p webhook.CreateParams) (webhook.Webhook, error) {
	if f.Err != nil {
		return webhook.Webhook{}, f.Err
	}
	if err := checkWebhook(p.Name, p.URL); err != nil {
		return webhook.Webhook{}, err
	}
	toggles := webhook.AllToggles()
	if p.Toggles != nil {
		toggles = *p.Toggles
	}
	f.mu.Lock()
	f.next++
	id := fmt.Sprintf("hook-%d", f.next)
	f.mu.Unlock()
	return f.Put(webhook.Webhook{
		ID: id, InstanceID: p.InstanceID, Name: p.Name, URL: p.URL, Enabled: p.Enabled,
		Events: webhook.Events{Toggles: toggles},
	}), nil
}

// Update changes a webhook.
func (f *Webhooks) Update(_ context.Context, instanceID, id string, p webhook.UpdateParams) (webhook.Webhook, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, err := f.index(instanceID, id)
	if err != nil {
		return webhook.Webhook{}, err
	}
	h := f.items[i]
	if p.Rev != 0 && p.Rev != h.Rev {
		return webhook.Webhook{}, webhook.ErrChanged
	}
	if p.Name != nil {
		h.Name = *p.Name
	}
	if p.URL != nil {
		h.URL = *p.URL
	}
	if p.Enabled != nil {
		h.Enabled = *p.Enabled
	}
	for typ, on := range p.Toggles {
		h.Events.Toggles = h.Events.Toggles.With(typ, on)
	}
	if c := p.Settings; c != nil {
		h.Ordering, h.Headers, h.SkipVerify, h.Timeout = c.Ordering, c.Headers, c.SkipVerify, c.Timeout
		h.IncludeToken = c.IncludeToken
	}
	if err := checkWebhook(h.Name, h.URL); err != nil {
		return webhook.Webhook{}, err
	}
	h.Rev++
	f.items[i] = h
	return h, nil
}

// SetToggles changes toggles.
func (f *Webhooks) SetToggles(_ context.Context, instanceID, id string, changes webhook.ToggleChanges) (webhook.Webhook, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, err := f.index(instanceID, id)
	if err != nil {
		return webhook.Webhook{}, err
	}
	for typ, on := range changes {
		f.items[i].Events.Toggles = f.items[i].Events.Toggles.With(typ, on)
	}
	f.items[i].Rev++
	return f.items[i], nil
}

// Delete removes a webhook.
func (f *Webhooks) Delete(_ context.Context, instanceID, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, err := f.index(instanceID, id)
	if err != nil {
		return err
	}
	f.items = slices.Delete(f.items, i, i+1)
	return nil
}

// Deliveries lists what was added with Deliver.
func (f *Webhooks) Deliveries(_ context.Context, instanceID, id string, limit int) ([]webhook.Delivery, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.index(instanceID, id); err != nil {
		return nil, err
	}
	all := f.deliveries[id]
	return slices.Clone(all[:min(limit, len(all))]), nil
}

// Waiting counts the pending ones.
func (f *Webhooks) Waiting(_ context.Context, instanceID, id string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.index(instanceID, id); err != nil {
		return 0, err
	}
	n := 0
	for _, d := range f.deliveries[id] {
		if d.Status == webhook.StatusPending {
			n++
		}
	}
	return n, nil
}
