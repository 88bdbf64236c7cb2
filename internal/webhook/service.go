package webhook

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"pombal/internal/event"
	"pombal/internal/problem"
	"pombal/internal/safehttp"
)

// MaxName is how many characters a webhook's name may have.
const MaxName = 64

// MaxDeliveries is how many deliveries Service.Deliveries lists at most.
const MaxDeliveries = 500

// ServiceDeps are what a Service needs. All but Changed and Now must be set.
type ServiceDeps struct {
	Store  Store
	Outbox Outbox
	// CheckURL says whether a URL may be called: nil, or an error with a
	// *safehttp.URLError or *safehttp.Refused in its chain.
	CheckURL func(ctx context.Context, raw string) error
	// Changed is told of each change once it is stored; nil tells nobody. It
	// must not block.
	Changed func(instanceID, webhookID string)
	// Ledger, Sender and Retry are for what people do with deliveries. Retry is
	// told of a webhook whose rest a person ends; nil tells nobody.
	Ledger Ledger
	Sender Sender
	Retry  func(webhookID string)
	// Probe looks at a receiver that somebody typed; nil where nobody can.
	Probe ProbeFunc
	Now   func() time.Time // nil means time.Now
}

// Service makes, changes and lists webhooks. It is safe for concurrent use.
type Service struct {
	deps ServiceDeps
}

// NewService makes a Service.
func NewService(d ServiceDeps) *Service {
	if d.Changed == nil {
		d.Changed = func(string, string) {}
	}
	if d.Retry == nil {
		d.Retry = func(string) {}
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{deps: d}
}

// List gives the webhooks of an instance, oldest first.
func (s *Service) List(ctx context.Context, instanceID string) ([]Webhook, error) {
	return s.deps.Store.Webhooks(ctx, instanceID)
}

// Counts gives how many webhooks each instance has; instances without any are
// not in it.
func (s *Service) Counts(ctx context.Context) (map[string]Count, error) {
	return s.deps.Store.CountWebhooks(ctx)
}

// Get finds a webhook; ErrNotFound.
func (s *Service) Get(ctx context.Context, instanceID, id string) (Webhook, error) {
	return s.deps.Store.Webhook(ctx, instanceID, id)
}

// Create checks name and URL, makes a secret and stores the webhook. What is
// wrong with "name" and "url" comes in one problem.Invalid.
func (s *Service) Create(ctx context.Context, p CreateParams) (Webhook, error) {
	name, faults := checkName(p.Name)
	raw := strings.TrimSpace(p.URL)
	urlFaults, err := s.checkURL(ctx, raw)
	if err != nil {
		return Webhook{}, err
	}
	faults = append(append(faults, urlFaults...), checkSettings(p.Settings)...)
	if len(faults) > 0 {
		return Webhook{}, problem.WithFields(problem.Invalid, faults...)
	}
	w, err := newWebhook(s.now())
	if err != nil {
		return Webhook{}, fmt.Errorf("create webhook: %w", err)
	}
	w.InstanceID, w.Name, w.URL, w.Enabled = p.InstanceID, name, raw, p.Enabled
	w.Events.Toggles = AllToggles()
	if p.Toggles != nil {
		w.Events.Toggles = *p.Toggles
	}
	if p.Settings != nil {
		p.Settings.apply(&w)
	}
	if err := s.deps.Store.CreateWebhook(ctx, w); err != nil {
		return Webhook{}, fmt.Errorf("create webhook: %w", err)
	}
	s.deps.Changed(w.InstanceID, w.ID)
	return w, nil
}

// Update changes what is given, in one commit. ErrChanged when p.Rev is not the
// stored one. An update that changes nothing is no edit. Another address, or
// switching on, lets the calls of a stopped webhook begin again.
func (s *Service) Update(ctx context.Context, instanceID, id string, p UpdateParams) (Webhook, error) {
	var faults []problem.Field
	if p.Name != nil {
		var name string
		name, faults = checkName(*p.Name)
		p.Name = &name
	}
	if p.URL != nil {
		raw := strings.TrimSpace(*p.URL)
		urlFaults, err := s.checkURL(ctx, raw)
		if err != nil {
			return Webhook{}, err
		}
		faults = append(faults, urlFaults...)
		p.URL = &raw
	}
	faults = append(append(faults, checkSettings(p.Settings)...), checkToggles(p.Toggles)...)
	if len(faults) > 0 {
		return Webhook{}, problem.WithFields(problem.Invalid, faults...)
	}
	resumed := false
	w, err := s.edit(ctx, instanceID, id, func(w *Webhook) error {
		if p.Rev != 0 && p.Rev != w.Rev {
			return ErrChanged
		}
		anew := p.URL != nil && *p.URL != w.URL || p.Enabled != nil && *p.Enabled && !w.Enabled
		set(&w.Name, p.Name)
		set(&w.URL, p.URL)
		set(&w.Enabled, p.Enabled)
		if p.Settings != nil {
			p.Settings.apply(w)
		}
		if resumed = anew && !w.Stopped.IsZero(); resumed {
			w.Stopped, w.ResumedAt = Stopped{}, s.now()
		}
		s.turn(w, p.Toggles)
		return nil
	})
	if err == nil && resumed {
		s.deps.Retry(id)
	}
	return w, err
}

// SetToggles changes the toggles named and leaves the others. A type that is
// none of the 19 is refused and nothing is changed.
func (s *Service) SetToggles(ctx context.Context, instanceID, id string, changes ToggleChanges) (Webhook, error) {
	if faults := checkToggles(changes); len(faults) > 0 {
		return Webhook{}, problem.WithFields(problem.Invalid, faults...)
	}
	return s.edit(ctx, instanceID, id, func(w *Webhook) error {
		s.turn(w, changes)
		return nil
	})
}

// turn switches the toggles named and leaves the others.
func (s *Service) turn(w *Webhook, changes ToggleChanges) {
	toggles := w.Events.Toggles
	for t, on := range changes {
		toggles = toggles.With(t, on)
	}
	if toggles != w.Events.Toggles {
		w.Events.Toggles = toggles
		w.Events.UpdatedAt = s.now()
	}
}

// checkToggles gives the types that are none of the 19.
func checkToggles(changes ToggleChanges) (faults []problem.Field) {
	for t := range changes {
		if bit(t) == 0 {
			faults = append(faults, field(string(t), "error.toggle_unknown")...)
		}
	}
	return faults
}

func checkSettings(c *Settings) []problem.Field {
	switch {
	case c == nil:
		return nil
	case c.Timeout != 0 && (c.Timeout < MinTimeout || c.Timeout > MaxTimeout):
		return field("timeout", "error.timeout", "min", int(MinTimeout.Seconds()), "max", int(MaxTimeout.Seconds()))
	case c.Ordering != OrderingParked && c.Ordering != OrderingStrict:
		return field("ordering", "error.ordering")
	default:
		return nil
	}
}

// Delete removes a webhook and what waits for it; ErrNotFound.
func (s *Service) Delete(ctx context.Context, instanceID, id string) error {
	if err := s.deps.Store.DeleteWebhook(ctx, instanceID, id); err != nil {
		return fmt.Errorf("delete webhook: %w", err)
	}
	s.deps.Changed(instanceID, id)
	return nil
}

// Deliveries lists the newest deliveries of a webhook, pending ones included,
// newest first, at most limit and MaxDeliveries; ErrNotFound.
func (s *Service) Deliveries(ctx context.Context, instanceID, id string, limit int) ([]Delivery, error) {
	if _, err := s.Get(ctx, instanceID, id); err != nil {
		return nil, err
	}
	return s.deps.Outbox.Deliveries(ctx, id, min(max(limit, 1), MaxDeliveries))
}

// Waiting counts the pending deliveries of a webhook; ErrNotFound.
func (s *Service) Waiting(ctx context.Context, instanceID, id string) (int, error) {
	if _, err := s.Get(ctx, instanceID, id); err != nil {
		return 0, err
	}
	return s.deps.Outbox.Waiting(ctx, id)
}

// edit stores a change with its time and number, if change altered anything.
func (s *Service) edit(ctx context.Context, instanceID, id string, change func(*Webhook) error) (Webhook, error) {
	changed := false
	w, err := s.deps.Store.UpdateWebhook(ctx, instanceID, id, func(w *Webhook) error {
		before := *w
		if w.Previous != "" && !s.now().Before(w.PreviousUntil) {
			w.Previous, w.PreviousUntil = "", time.Time{} // of no more use to anybody
		}
		if err := change(w); err != nil {
			return err
		}
		changed = *w != before
		if changed {
			w.Rev++
			w.UpdatedAt = s.now()
		}
		return nil
	})
	if err != nil {
		return Webhook{}, fmt.Errorf("edit webhook: %w", err)
	}
	if changed {
		s.deps.Changed(instanceID, id)
	}
	return w, nil
}

// checkURL gives what is wrong with a URL, nothing when it may be called. The
// error is a failure of the check itself.
func (s *Service) checkURL(ctx context.Context, raw string) ([]problem.Field, error) {
	err := s.deps.CheckURL(ctx, raw)
	if err == nil {
		return nil, nil
	}
	if bad, ok := errors.AsType[*safehttp.URLError](err); ok {
		return field("url", "error.url_"+string(bad.Fault), "max", safehttp.MaxURL), nil
	}
	if refused, ok := errors.AsType[*safehttp.Refused](err); ok {
		if refused.Class == safehttp.ClassPrivate && safehttp.IsFromOutside(ctx) {
			return field("url", "error.url_local"), nil // to whom a name leads is not for them to know
		}
		// One sentence per class, since what to do next differs.
		class := strings.ReplaceAll(string(refused.Class), "-", "_")
		return field("url", "error.url_refused_"+class, "address", refused.Addr.String()), nil
	}
	return nil, fmt.Errorf("check url: %w", err)
}

func (s *Service) now() time.Time { return s.deps.Now().UTC().Round(0) }

// checkName trims a name and gives what is wrong with it, nothing when it may
// be used.
func checkName(raw string) (name string, faults []problem.Field) {
	name = strings.TrimSpace(raw)
	n := utf8.RuneCountInString(name)
	if n < 1 || n > MaxName || !utf8.ValidString(name) || strings.ContainsFunc(name, invisible) {
		return "", field("name", "error.webhook_name", "max", MaxName)
	}
	return name, nil
}

func field(name, key string, args ...any) []problem.Field {
	return []problem.Field{{Name: name, Text: problem.Text{Key: key, Args: args}}}
}

// invisible says of control characters, and of those that turn the direction
// of the text around them, that they have no place in a name.
func invisible(r rune) bool {
	return unicode.IsControl(r) || (r >= 0x202a && r <= 0x202e) || (r >= 0x2066 && r <= 0x2069)
}

func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}

// newWebhook makes the parts of a webhook that nobody chooses. The events
// record is a record of its own in CodeChat's API, so it has its own id.
func newWebhook(now time.Time) (Webhook, error) {
	id, err := event.NewID()
	if err != nil {
		return Webhook{}, err
	}
	eventsID, err := event.NewID()
	if err != nil {
		return Webhook{}, err
	}
	secret, err := newSecret()
	if err != nil {
		return Webhook{}, err
	}
	return Webhook{
		ID:        id,
		Secret:    secret,
		Events:    Events{ID: eventsID, CreatedAt: now, UpdatedAt: now},
		CreatedAt: now,
		UpdatedAt: now,
		Rev:       1,
	}, nil
}

func newSecret() (string, error) {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return "", err
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(key), nil
}
