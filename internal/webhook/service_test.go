package webhook_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/problem"
	"pombal/internal/safehttp"
	"pombal/internal/webhook"
)

// shelf is a webhook.Store in memory.
type shelf struct {
	mu    sync.Mutex
	hooks map[string]webhook.Webhook
	order []string
}

func (s *shelf) Webhook(_ context.Context, instanceID, id string) (webhook.Webhook, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.hooks[id]
	if !ok || w.InstanceID != instanceID {
		return webhook.Webhook{}, webhook.ErrNotFound
	}
	return w, nil
}

func (s *shelf) AllWebhooks(context.Context) (map[string][]webhook.Webhook, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string][]webhook.Webhook)
	for _, id := range s.order {
		all[s.hooks[id].InstanceID] = append(all[s.hooks[id].InstanceID], s.hooks[id])
	}
	return all, nil
}

func (s *shelf) CountWebhooks(context.Context) (map[string]webhook.Count, error) {
	return nil, errors.New("not used here")
}

func (s *shelf) Webhooks(_ context.Context, instanceID string) ([]webhook.Webhook, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []webhook.Webhook
	for _, id := range s.order {
		if w, ok := s.hooks[id]; ok && w.InstanceID == instanceID {
			list = append(list, w)
		}
	}
	return list, nil
}

func (s *shelf) CreateWebhook(_ context.Context, w webhook.Webhook) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks[w.ID] = w
	s.order = append(s.order, w.ID)
	return nil
}

func (s *shelf) UpdateWebhook(ctx context.Context, instanceID, id string, change func(*webhook.Webhook) error) (webhook.Webhook, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.hooks[id]
	if !ok || w.InstanceID != instanceID {
		return webhook.Webhook{}, webhook.ErrNotFound
	}
	if err := change(&w); err != nil {
		return webhook.Webhook{}, err
	}
	s.hooks[id] = w
	return w, nil
}

func (s *shelf) DeleteWebhook(ctx context.Context, instanceID, id string) error {
	if _, err := s.Webhook(ctx, instanceID, id); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.hooks, id)
	return nil
}

// desk is a Service with everything around it.
type desk struct {
	*webhook.Service
	shelf   *shelf
	outbox  *memory
	now     time.Time
	changed []string
	urlErr  error
}

func newDesk() *desk {
	d := &desk{
		shelf:  &shelf{hooks: make(map[string]webhook.Webhook)},
		outbox: newMemory(),
		now:    time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC),
	}
	d.Service = webhook.NewService(webhook.ServiceDeps{
		Store: d.shelf, Outbox: d.outbox, Now: func() time.Time { return d.now },
		CheckURL: func(_ context.Context, raw string) error {
			if _, err := safehttp.CheckURL(raw); err != nil {
				return err
			}
			return d.urlErr
		},
		Changed: func(instanceID, id string) { d.changed = append(d.changed, instanceID+"/"+id) },
	})
	return d
}

func (d *desk) create(t *testing.T) webhook.Webhook {
	t.Helper()
	w, err := d.Create(t.Context(), webhook.CreateParams{InstanceID: "i1", Name: "orders", URL: "https://example.com/hook"})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// faults gives the fields of an Invalid error as name: key.
func faults(t *testing.T, err error) map[string]string {
	t.Helper()
	e := problem.As(err)
	if e == nil || e.Kind != problem.Invalid {
		t.Fatalf("got %v, want an Invalid error", err)
	}
	got := make(map[string]string)
	for _, f := range e.Fields {
		got[f.Name] = f.Text.Key
	}
	return got
}

func ptr[T any](v T) *T { return &v }

func TestCreate(t *testing.T) {
	t.Parallel()
	d := newDesk()
	w, err := d.Create(t.Context(), webhook.CreateParams{InstanceID: "i1", Name: "  Pedidos é ", URL: " https://example.com/hook ", Enabled: true})
	if err != nil {
		t.Fatal(err)
	}
	if w.Name != "Pedidos é" || w.URL != "https://example.com/hook" || !w.Enabled || w.Rev != 1 || w.InstanceID != "i1" {
		t.Errorf("got %+v", w)
	}
	if w.Events.Toggles != webhook.AllToggles() || w.Events.ID == "" || w.Events.ID == w.ID || !w.Events.CreatedAt.Equal(d.now) {
		t.Errorf("events: got %+v, want all 19 and an id of its own", w.Events)
	}
	if got, err := d.Get(t.Context(), "i1", w.ID); err != nil || got != w {
		t.Errorf("stored %+v, %v; want %+v", got, err, w)
	}
	if len(d.changed) != 1 || d.changed[0] != "i1/"+w.ID {
		t.Errorf("changed: got %v", d.changed)
	}
	none, err := d.Create(t.Context(), webhook.CreateParams{InstanceID: "i1", Name: "x", URL: "http://example.com", Toggles: ptr(webhook.Toggles(0))})
	if err != nil || none.Events.Toggles != 0 || none.Enabled {
		t.Errorf("got %+v, %v; want no toggles and disabled", none, err)
	}
}

func TestSecretsAreRandomAndSign(t *testing.T) {
	t.Parallel()
	d := newDesk()
	seen := make(map[string]bool)
	for range 100 {
		w := d.create(t)
		encoded, ok := strings.CutPrefix(w.Secret, "whsec_")
		key, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(key) != 32 || seen[w.Secret] || seen[w.ID] {
			t.Fatalf("secret %q: %d bytes, %v, seen before %v", w.Secret, len(key), err, seen[w.Secret])
		}
		seen[w.Secret], seen[w.ID] = true, true
		if _, err := webhook.Sign(w.Secret, "e1", d.now, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInvalidFields(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, url string
		urlErr    error
		want      map[string]string
	}{
		{"", "https://example.com", nil, map[string]string{"name": "error.webhook_name"}},
		{"  \t ", "https://example.com", nil, map[string]string{"name": "error.webhook_name"}},
		{strings.Repeat("é", 65), "https://example.com", nil, map[string]string{"name": "error.webhook_name"}},
		{strings.Repeat("é", 64), "https://example.com", nil, nil},
		{"नमस्ते 👩‍👩‍👧", "https://example.com", nil, nil},
		{"a\nb", "https://example.com", nil, map[string]string{"name": "error.webhook_name"}},
		{"a\x00b", "https://example.com", nil, map[string]string{"name": "error.webhook_name"}},
		{"a\xffb", "https://example.com", nil, map[string]string{"name": "error.webhook_name"}},
		{"a\u202eb", "https://example.com", nil, map[string]string{"name": "error.webhook_name"}},
		{"ok", "", nil, map[string]string{"url": "error.url_scheme"}},
		{"ok", "ftp://example.com", nil, map[string]string{"url": "error.url_scheme"}},
		{"ok", "http://u:p@example.com", nil, map[string]string{"url": "error.url_credentials"}},
		{"ok", "http://example.com/" + strings.Repeat("a", 2048), nil, map[string]string{"url": "error.url_too_long"}},
		{"ok", "http://exa mple.com/", nil, map[string]string{"url": "error.url_invalid"}},
		{"ok", "http://example.com/#x", nil, map[string]string{"url": "error.url_fragment"}},
		{"ok", "http://example.com:0/", nil, map[string]string{"url": "error.url_port"}},
		{"ok", "http://127.1/", nil, map[string]string{"url": "error.url_host"}},
		{"ok", "http://169.254.169.254/", nil, map[string]string{"url": "error.url_refused_link_local"}},
		{"ok", "http://example.com/", &safehttp.URLError{Fault: safehttp.FaultHTTPS}, map[string]string{"url": "error.url_https"}},
		{"ok", "http://localhost/", &safehttp.Refused{Class: safehttp.ClassLoopback, Addr: netip.IPv6Loopback()}, map[string]string{"url": "error.url_refused_loopback"}},
		{"", "ftp://example.com", nil, map[string]string{"name": "error.webhook_name", "url": "error.url_scheme"}},
	}
	for i, c := range cases {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			d := newDesk()
			d.urlErr = c.urlErr
			_, created := d.Create(t.Context(), webhook.CreateParams{InstanceID: "i1", Name: c.name, URL: c.url})
			d.urlErr = nil
			w := d.create(t)
			d.urlErr = c.urlErr
			_, updated := d.Update(t.Context(), "i1", w.ID, webhook.UpdateParams{Name: &c.name, URL: &c.url})
			for door, err := range map[string]error{"create": created, "update": updated} {
				if c.want == nil {
					if err != nil {
						t.Errorf("%s: got %v, want none", door, err)
					}
				} else if got := faults(t, err); !maps.Equal(got, c.want) {
					t.Errorf("%s: got %v, want %v", door, got, c.want)
				}
			}
		})
	}
}

func TestFailureOfTheURLCheckIsNoComplaint(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.urlErr = errors.New("no resolver")
	_, err := d.Create(t.Context(), webhook.CreateParams{InstanceID: "i1", Name: "a", URL: "http://example.com"})
	if problem.KindOf(err) != problem.Internal {
		t.Errorf("got %v, want an internal error", err)
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	d := newDesk()
	w := d.create(t)
	d.now = d.now.Add(time.Hour)
	got, err := d.Update(t.Context(), "i1", w.ID, webhook.UpdateParams{Enabled: ptr(true), Rev: 1})
	if err != nil || !got.Enabled || got.Name != "orders" || got.Rev != 2 || !got.UpdatedAt.Equal(d.now) || !got.CreatedAt.Equal(w.CreatedAt) {
		t.Errorf("got %+v, %v", got, err)
	}
	if got.Secret != w.Secret || got.Events != w.Events {
		t.Error("an edit changed the secret or the toggles")
	}
	if _, err := d.Update(t.Context(), "i1", w.ID, webhook.UpdateParams{Name: ptr("late"), Rev: 1}); !errors.Is(err, webhook.ErrChanged) {
		t.Errorf("an edit of an old state: got %v, want ErrChanged", err)
	}
	if got, err := d.Update(t.Context(), "i1", w.ID, webhook.UpdateParams{Name: ptr(" new "), URL: ptr("http://example.org")}); err != nil || got.Rev != 3 || got.Name != "new" || got.URL != "http://example.org" {
		t.Errorf("without a number: got %+v, %v", got, err)
	}
	before := len(d.changed)
	if got, err := d.Update(t.Context(), "i1", w.ID, webhook.UpdateParams{Name: ptr("new")}); err != nil || got.Rev != 3 || len(d.changed) != before {
		t.Errorf("an update without a change: got %+v, %v", got, err)
	}
	if _, err := d.Update(t.Context(), "i2", w.ID, webhook.UpdateParams{Name: ptr("x")}); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("through another instance: got %v, want ErrNotFound", err)
	}
}

func TestSetTogglesChangesExactlyTheNamed(t *testing.T) {
	t.Parallel()
	for _, start := range []webhook.Toggles{0, webhook.AllToggles()} {
		for _, info := range event.All() {
			d := newDesk()
			w, err := d.Create(t.Context(), webhook.CreateParams{InstanceID: "i1", Name: "a", URL: "http://example.com", Toggles: &start})
			if err != nil {
				t.Fatal(err)
			}
			d.now = d.now.Add(time.Hour)
			on := start == 0
			got, err := d.SetToggles(t.Context(), "i1", w.ID, webhook.ToggleChanges{info.Type: on})
			if err != nil || got.Rev != 2 || got.Events.ID != w.Events.ID || !got.Events.UpdatedAt.Equal(d.now) || !got.Events.CreatedAt.Equal(w.CreatedAt) {
				t.Errorf("%s: got %+v, %v", info.Type, got, err)
			}
			for _, other := range event.All() {
				if want := (other.Type == info.Type) == on; got.Events.Toggles.Has(other.Type) != want {
					t.Errorf("after %s=%v: %s is %v", info.Type, on, other.Type, !want)
				}
			}
		}
	}
}

func TestSetTogglesEdges(t *testing.T) {
	t.Parallel()
	d := newDesk()
	w := d.create(t)
	if got, err := d.SetToggles(t.Context(), "i1", w.ID, webhook.ToggleChanges{event.ChatsSet: true}); err != nil || got != w {
		t.Errorf("a toggle that was on already: got %+v, %v", got, err)
	}
	_, err := d.SetToggles(t.Context(), "i1", w.ID, webhook.ToggleChanges{event.ChatsSet: false, "statusinstance": true})
	if got := faults(t, err); got["statusinstance"] != "error.toggle_unknown" {
		t.Errorf("an unknown type: got %v", got)
	}
	if got, _ := d.Get(t.Context(), "i1", w.ID); got != w {
		t.Error("a refused change was stored in part")
	}
}

func TestDeliveriesBelongToTheirInstance(t *testing.T) {
	t.Parallel()
	d := newDesk()
	w := d.create(t)
	d.outbox.add(w.ID, 3)
	if list, err := d.Deliveries(t.Context(), "i1", w.ID, 2); err != nil || len(list) != 2 || list[0].EventID != "e3" {
		t.Errorf("got %v, %v", list, err)
	}
	if list, err := d.Deliveries(t.Context(), "i1", w.ID, -1); err != nil || len(list) != 1 {
		t.Errorf("a limit below one: got %v, %v", list, err)
	}
	if n, err := d.Waiting(t.Context(), "i1", w.ID); err != nil || n != 3 {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := d.Deliveries(t.Context(), "i2", w.ID, 2); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("another instance's: got %v, want ErrNotFound", err)
	}
	if _, err := d.Waiting(t.Context(), "i2", w.ID); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("another instance's: got %v, want ErrNotFound", err)
	}
	if err := d.Delete(t.Context(), "i2", w.ID); !errors.Is(err, webhook.ErrNotFound) {
		t.Errorf("another instance's: got %v, want ErrNotFound", err)
	}
	if err := d.Delete(t.Context(), "i1", w.ID); err != nil {
		t.Error(err)
	}
	if list, err := d.List(t.Context(), "i1"); err != nil || len(list) != 0 {
		t.Errorf("after the deletion: got %v, %v", list, err)
	}
}
