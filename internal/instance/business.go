package instance

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"pombal/internal/event"
	"pombal/internal/live"
	"pombal/internal/problem"
)

// Business is CodeChat's tenant. One is made at set-up.
type Business struct {
	ID         string           `json:"id"`
	Name       string           `json:"name"`
	Attributes json.RawMessage  `json:"attributes,omitempty"` // an object of the creator's, kept as it came
	Token      Token            `json:"token,omitzero"`       // opens all of its instances
	Webhook    *BusinessWebhook `json:"webhook,omitempty"`    // nil when there is none
	CreatedAt  time.Time        `json:"createdAt"`
	UpdatedAt  time.Time        `json:"updatedAt,omitzero"`
}

// BusinessWebhook receives every event of every instance of a tenant. The
// contract gives it no toggles.
type BusinessWebhook struct {
	ID        string    `json:"id"`
	Name      string    `json:"name,omitempty"`
	URL       string    `json:"url"`
	Enabled   bool      `json:"enabled"`
	Secret    string    `json:"secret"` // signs the calls, as a webhook's does
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// BusinessParams are the inputs of Manager.CreateBusiness and
// Manager.UpdateBusiness; nil leaves a field as it is.
type BusinessParams struct {
	Name       *string
	Attributes json.RawMessage // an object
}

// BusinessWebhookParams are the inputs of Manager.SetBusinessWebhook; nil
// leaves a field as it is. The URL must have been checked.
type BusinessWebhookParams struct {
	Name    *string
	URL     *string
	Enabled *bool
}

// maxAttributes is how many bytes the attributes of a tenant may have.
const maxAttributes = 8 << 10

var (
	// ErrNoBusiness: there is no such tenant.
	ErrNoBusiness = problem.New(problem.NotFound, "error.not_found")
	// ErrBusinessInUse: the tenant still has instances, or is the last one.
	ErrBusinessInUse = problem.New(problem.Conflict, "error.conflict")
)

// Businesses lists the tenants, oldest first.
func (m *Manager) Businesses(ctx context.Context) ([]Business, error) {
	return m.deps.Store.Businesses(ctx)
}

// Business gives a tenant; ErrNoBusiness.
func (m *Manager) Business(ctx context.Context, id string) (Business, error) {
	return m.deps.Store.Business(ctx, id)
}

// EnsureBusiness makes the first tenant when there is none, and a token for
// tenants of files that are older than such tokens.
func (m *Manager) EnsureBusiness(ctx context.Context, name string) error {
	list, err := m.deps.Store.Businesses(ctx)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		_, err = m.CreateBusiness(ctx, BusinessParams{Name: &name})
		return err
	}
	for _, b := range list {
		if b.Token.ID != "" {
			continue
		}
		_, err := m.deps.Store.UpdateBusiness(ctx, b.ID, func(b *Business) (err error) {
			b.Token, err = newToken(m.deps.Now())
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// CreateBusiness makes a tenant; problem.Invalid names "name" or "attributes".
func (m *Manager) CreateBusiness(ctx context.Context, p BusinessParams) (Business, error) {
	if p.Name == nil {
		p.Name = new(string)
	}
	if err := p.check(); err != nil {
		return Business{}, err
	}
	id, err := event.NewID()
	if err != nil {
		return Business{}, err
	}
	now := m.deps.Now()
	token, err := newToken(now)
	if err != nil {
		return Business{}, err
	}
	b := Business{ID: id, Name: *p.Name, Attributes: p.Attributes, Token: token, CreatedAt: now, UpdatedAt: now}
	if err := m.deps.Store.CreateBusiness(ctx, b); err != nil {
		return Business{}, err
	}
	return b, nil
}

// UpdateBusiness changes name and attributes where given; ErrNoBusiness.
func (m *Manager) UpdateBusiness(ctx context.Context, id string, p BusinessParams) (Business, error) {
	if err := p.check(); err != nil {
		return Business{}, err
	}
	return m.deps.Store.UpdateBusiness(ctx, id, func(b *Business) error {
		if p.Name != nil {
			b.Name = *p.Name
		}
		if p.Attributes != nil {
			b.Attributes = p.Attributes
		}
		b.UpdatedAt = m.deps.Now()
		return nil
	})
}

// check trims the name and says what is wrong.
func (p *BusinessParams) check() error {
	if p.Name != nil {
		name, err := CleanName(*p.Name)
		if err != nil {
			return err
		}
		p.Name = &name
	}
	var object map[string]json.RawMessage
	if p.Attributes != nil && (len(p.Attributes) > maxAttributes || json.Unmarshal(p.Attributes, &object) != nil || object == nil) {
		return problem.InvalidField("attributes", "error.invalid")
	}
	return nil
}

// DeleteBusiness removes a tenant. Its instances go with it where force says
// so; otherwise a tenant that has some stays: ErrBusinessInUse. The last one
// always stays, because every instance needs one.
func (m *Manager) DeleteBusiness(ctx context.Context, id string, force bool) (Business, error) {
	b, err := m.deps.Store.Business(ctx, id)
	if err != nil {
		return Business{}, err
	}
	all, err := m.deps.Store.Businesses(ctx)
	if err != nil {
		return Business{}, err
	}
	own, err := m.of(ctx, id)
	if err != nil {
		return Business{}, err
	}
	if len(all) < 2 || (len(own) > 0 && !force) {
		return Business{}, ErrBusinessInUse
	}
	for _, in := range own {
		if err := m.Delete(ctx, in.ID, DeleteParams{Logout: true}); err != nil && problem.KindOf(err) != problem.NotFound {
			return Business{}, err
		}
	}
	return b, m.deps.Store.DeleteBusiness(ctx, id)
}

// of lists the instances of a tenant by name.
func (m *Manager) of(ctx context.Context, businessID string) ([]Instance, error) {
	list, err := m.List(ctx)
	return slices.DeleteFunc(list, func(in Instance) bool { return in.BusinessID != businessID }), err
}

// SetBusinessWebhook makes or changes the webhook of a tenant; ErrNoBusiness.
func (m *Manager) SetBusinessWebhook(ctx context.Context, id string, p BusinessWebhookParams) (Business, error) {
	hookID, err := event.NewID()
	if err != nil {
		return Business{}, err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return Business{}, err
	}
	return m.deps.Store.UpdateBusiness(ctx, id, func(b *Business) error {
		now := m.deps.Now()
		hook := BusinessWebhook{
			ID: hookID, Secret: "whsec_" + base64.StdEncoding.EncodeToString(key), CreatedAt: now,
		}
		if b.Webhook != nil {
			hook = *b.Webhook
		}
		if p.Name != nil {
			hook.Name = strings.TrimSpace(*p.Name)
		}
		if p.URL != nil {
			hook.URL = *p.URL
		}
		if p.Enabled != nil {
			hook.Enabled = *p.Enabled
		}
		if hook.URL == "" {
			return problem.InvalidField("url", "error.invalid")
		}
		hook.UpdatedAt = now
		b.Webhook = &hook
		return nil
	})
}

// MoveInstance gives an instance to another tenant; ErrNotFound, ErrNoBusiness.
func (m *Manager) MoveInstance(ctx context.Context, id, businessID string) (Instance, error) {
	if _, err := m.deps.Store.Business(ctx, businessID); err != nil {
		return Instance{}, err
	}
	in, err := m.change(ctx, id, func(r *runner) error {
		return r.apply(ctx, func(in *Instance) error {
			in.BusinessID = businessID
			return nil
		})
	})
	if err == nil {
		m.deps.Notify(live.SignalInstances)
	}
	return in, err
}
