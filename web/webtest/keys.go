package webtest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pombal/internal/auth"
	"pombal/internal/problem"
)

// AllAPIKeys lists all keys.
func (f *Auth) AllAPIKeys(context.Context) ([]auth.APIKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	keys := slices.Clone(f.keys)
	for i, k := range keys {
		for _, u := range f.uses {
			if u.ID == k.ID && u.At.After(keys[i].UsedAt) {
				keys[i].UsedAt, keys[i].UsedFrom = u.At, u.From
			}
		}
	}
	return keys, nil
}

// APIKey finds a key by its id.
func (f *Auth) APIKey(_ context.Context, id string) (auth.APIKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := f.keyIndex(id); i >= 0 {
		return f.keys[i], nil
	}
	return auth.APIKey{}, auth.ErrNoSuch
}

func (f *Auth) keyIndex(id string) int {
	return slices.IndexFunc(f.keys, func(k auth.APIKey) bool { return k.ID == id })
}

// CreateKey makes a key with scopes.
func (f *Auth) CreateKey(_ context.Context, p auth.KeyParams) (string, auth.APIKey, error) {
	var faults []problem.Field
	if p.Name == "" {
		faults = append(faults, problem.Field{Name: "name", Text: problem.Text{Key: "error.key_name"}})
	}
	if len(p.Scopes) == 0 {
		faults = append(faults, problem.Field{Name: "scopes", Text: problem.Text{Key: "error.key_scopes"}})
	}
	if len(faults) > 0 {
		return "", auth.APIKey{}, problem.WithFields(problem.Invalid, faults...)
	}
	f.mu.Lock()
	f.next++
	k := auth.APIKey{
		ID: fmt.Sprintf("k%d", f.next), Name: p.Name, InstanceID: p.InstanceID, Scopes: p.Scopes, ExpiresAt: p.ExpiresAt,
		CreatedBy: p.CreatedBy, CreatedAt: f.clock.Now(), ClientID: fmt.Sprintf("client-k%d", f.next),
	}
	f.mu.Unlock()
	text := f.PutKey(k)
	k, err := f.APIKey(context.Background(), k.ID)
	return text, k, err
}

// RotateKey makes the key that follows another one.
func (f *Auth) RotateKey(ctx context.Context, id string, overlap time.Duration) (string, auth.APIKey, error) {
	old, err := f.APIKey(ctx, id)
	if err != nil {
		return "", auth.APIKey{}, err
	}
	text, k, err := f.CreateKey(ctx, auth.KeyParams{InstanceID: old.InstanceID, Name: old.Name, Scopes: old.Scopes})
	if err != nil {
		return "", auth.APIKey{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	i := f.keyIndex(id)
	f.keys[i].ReplacedBy, f.keys[i].ExpiresAt = k.ID, f.clock.Now().Add(overlap)
	return text, k, nil
}

// RevokeKey removes a key.
func (f *Auth) RevokeKey(_ context.Context, id string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := f.keyIndex(id)
	if i < 0 {
		return auth.ErrNoSuch
	}
	f.keys = slices.Delete(f.keys, i, i+1)
	return nil
}

// NoteUse keeps a use; each counts as one call in the hour of the clock.
func (f *Auth) NoteUse(h auth.Holder, door auth.Door, from string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	u := auth.Use{Holder: h, Door: door, At: now, From: from, Hour: now.Unix() / 3600}
	i := slices.IndexFunc(f.uses, func(u auth.Use) bool { return u.Holder == h && u.Door == door })
	if i >= 0 {
		u.Calls = f.uses[i].Calls
		f.uses = slices.Delete(f.uses, i, i+1)
	}
	u.Calls[u.Hour%24]++
	f.uses = append(f.uses, u)
}

// Uses lists the uses.
func (f *Auth) Uses(context.Context) ([]auth.Use, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.uses), nil
}
