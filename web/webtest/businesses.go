package webtest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/problem"
)

// PutBusiness stores a tenant as it is.
func (f *Instances) PutBusiness(b instance.Business) instance.Business {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.putBusiness(b)
}

func (f *Instances) putBusiness(b instance.Business) instance.Business {
	if b.CreatedAt.IsZero() {
		b.CreatedAt, b.UpdatedAt = f.clock.Now(), f.clock.Now()
	}
	if b.Token.ID == "" {
		b.Token = instance.Token{ID: "bt-" + b.ID, IssuedAt: f.clock.Now(), UpdatedAt: f.clock.Now()}
	}
	if f.businesses == nil {
		f.businesses = make(map[string]instance.Business)
	}
	f.businesses[b.ID] = b
	return b
}

// findBusiness is called with the lock held. A tenant that only instances
// speak of is called Example Ltda.
func (f *Instances) findBusiness(id string) (instance.Business, error) {
	if f.Err != nil {
		return instance.Business{}, f.Err
	}
	if b, found := f.businesses[id]; found {
		return b, nil
	}
	for _, in := range f.items {
		if in.BusinessID == id {
			return f.putBusiness(instance.Business{ID: id, Name: "Example Ltda"}), nil
		}
	}
	return instance.Business{}, instance.ErrNoBusiness
}

// Business finds a tenant.
func (f *Instances) Business(_ context.Context, id string) (instance.Business, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.findBusiness(id)
}

// Businesses lists the tenants.
func (f *Instances) Businesses(context.Context) ([]instance.Business, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, in := range f.items {
		if _, err := f.findBusiness(in.BusinessID); err != nil {
			return nil, err
		}
	}
	var list []instance.Business
	for _, b := range f.businesses {
		list = append(list, b)
	}
	slices.SortFunc(list, func(a, b instance.Business) int { return strings.Compare(a.ID, b.ID) })
	return list, nil
}

// CreateBusiness makes a tenant.
func (f *Instances) CreateBusiness(_ context.Context, p instance.BusinessParams) (instance.Business, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	id := fmt.Sprintf("business-%d", f.next)
	f.calls = append(f.calls, "create business "+*p.Name)
	return f.putBusiness(instance.Business{ID: id, Name: *p.Name, Attributes: p.Attributes}), nil
}

// changeBusiness applies fn to a tenant and notes the call.
func (f *Instances) changeBusiness(call, id string, fn func(*instance.Business) error) (instance.Business, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	b, err := f.findBusiness(id)
	if err != nil {
		return b, err
	}
	f.calls = append(f.calls, call+" "+id)
	if err := fn(&b); err != nil {
		return b, err
	}
	f.businesses[id] = b
	return b, nil
}

// UpdateBusiness changes a tenant.
func (f *Instances) UpdateBusiness(_ context.Context, id string, p instance.BusinessParams) (instance.Business, error) {
	return f.changeBusiness("update business", id, func(b *instance.Business) error {
		if p.Name != nil {
			b.Name = *p.Name
		}
		if p.Attributes != nil {
			b.Attributes = p.Attributes
		}
		return nil
	})
}

// DeleteBusiness removes a tenant.
func (f *Instances) DeleteBusiness(_ context.Context, id string, force bool) (instance.Business, error) {
	b, err := f.changeBusiness("delete business", id, func(*instance.Business) error {
		for key, in := range f.items {
			if in.BusinessID != id {
				continue
			}
			if !force {
				return instance.ErrBusinessInUse
			}
			delete(f.items, key)
		}
		return nil
	})
	if err == nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.businesses, id)
	}
	return b, err
}

// rotated replaces a token.
func (f *Instances) rotated(t instance.Token, p instance.RotateParams) (instance.Token, error) {
	if t.ID != p.OldID {
		return t, instance.ErrTokenReplaced
	}
	next := instance.Token{ID: t.ID + "x", IssuedAt: f.clock.Now(), UpdatedAt: f.clock.Now()}
	if p.Overlap > 0 {
		next.Former = []instance.FormerToken{{ID: t.ID, Until: f.clock.Now().Add(p.Overlap)}}
	}
	return next, nil
}

// RotateBusinessToken replaces the token of a tenant.
func (f *Instances) RotateBusinessToken(_ context.Context, id string, p instance.RotateParams) (instance.Business, error) {
	return f.changeBusiness("rotate business", id, func(b *instance.Business) (err error) {
		b.Token, err = f.rotated(b.Token, p)
		return err
	})
}

// RotateToken replaces the token of an instance.
func (f *Instances) RotateToken(_ context.Context, id string, p instance.RotateParams) (instance.Instance, error) {
	return f.change("rotate", id, func(in *instance.Instance) (err error) {
		in.Token, err = f.rotated(in.Token, p)
		return err
	})
}

// SetBusinessWebhook makes or changes the webhook of a tenant.
func (f *Instances) SetBusinessWebhook(_ context.Context, id string, p instance.BusinessWebhookParams) (instance.Business, error) {
	return f.changeBusiness("business webhook", id, func(b *instance.Business) error {
		hook := instance.BusinessWebhook{ID: "bw-" + id, CreatedAt: f.clock.Now(), UpdatedAt: f.clock.Now()}
		if b.Webhook != nil {
			hook = *b.Webhook
		}
		if p.URL != nil {
			hook.URL = *p.URL
		}
		if p.Name != nil {
			hook.Name = *p.Name
		}
		if p.Enabled != nil {
			hook.Enabled = *p.Enabled
		}
		b.Webhook = &hook
		return nil
	})
}

// MoveInstance gives an instance to another tenant.
func (f *Instances) MoveInstance(ctx context.Context, id, businessID string) (instance.Instance, error) {
	if _, err := f.Business(ctx, businessID); err != nil {
		return instance.Instance{}, err
	}
	return f.change("move", id, func(in *instance.Instance) error { in.BusinessID = businessID; return nil })
}

// MoveWhatsApp gives an account to another instance.
func (f *Instances) MoveWhatsApp(_ context.Context, p instance.MoveParams) (instance.Instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, from := range f.items {
		if from.BusinessID != p.BusinessID || !from.Linked() || from.WhatsApp.ID != p.WhatsAppID {
			continue
		}
		to, err := f.find(p.TargetID)
		if err != nil {
			return to, err
		}
		if to.Linked() {
			return to, instance.ErrTargetLinked
		}
		f.calls = append(f.calls, "move whatsapp "+p.TargetID)
		to.WhatsApp, from.WhatsApp = from.WhatsApp, nil
		to.Status, from.Status = from.Status, instance.Status{Phase: instance.PhaseNew}
		f.items[id], f.items[p.TargetID] = from, to
		return to, nil
	}
	return instance.Instance{}, instance.ErrNoAccount
}

// Reload renews the connection.
func (f *Instances) Reload(_ context.Context, id string) (instance.Instance, error) {
	return f.change("reload", id, func(in *instance.Instance) error {
		if in.State == instance.Inactive {
			return instance.ErrSwitchedOff
		}
		return nil
	})
}

// TestProxy finds no proxy but those whose port is 1080.
func (f *Instances) TestProxy(_ context.Context, p *instance.Proxy) error {
	if !strings.HasSuffix(p.String(), ":1080") {
		return problem.InvalidField("url", "error.proxy_down")
	}
	return nil
}

// SetProxy sets the proxy.
func (f *Instances) SetProxy(_ context.Context, id string, p *instance.Proxy) (instance.Instance, error) {
	return f.change("proxy", id, func(in *instance.Instance) error { in.Proxy = p; return nil })
}

// BusinessToken is a text that names the claims.
func (f *Auth) BusinessToken(_ context.Context, c auth.BusinessClaims) (string, error) {
	return "biz." + c.BusinessID + "." + c.TokenID, nil
}

// ParseBusinessToken reads what BusinessToken wrote.
func (f *Auth) ParseBusinessToken(_ context.Context, text string) (auth.BusinessClaims, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || parts[0] != "biz" {
		return auth.BusinessClaims{}, auth.ErrUnauthorized
	}
	return auth.BusinessClaims{BusinessID: parts[1], TokenID: parts[2]}, nil
}

// PutKey adds a key with scopes; the text is "pck_", its id and "-secret".
func (f *Auth) PutKey(k auth.APIKey) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	k.Kind, k.Prefix = auth.KeyScoped, "pck_"+k.ID
	f.keys = append(f.keys, k)
	f.texts[k.ID] = "pck_" + k.ID + "-secret"
	return f.texts[k.ID]
}

// Key finds a key with scopes.
func (f *Auth) Key(_ context.Context, text string) (auth.APIKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, k := range f.keys {
		if k.Kind == auth.KeyScoped && f.texts[k.ID] == text {
			return k, nil
		}
	}
	return auth.APIKey{}, auth.ErrUnauthorized
}
