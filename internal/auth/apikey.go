package auth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"pombal/internal/problem"
)

// MaxKeyName is how many characters the name of an API key may have.
const MaxKeyName = 64

const (
	insprlPrefix   = "pik_"
	scopedPrefix   = "pck_"
	clientIDPrefix = "cl_"
	shownPrefix    = 10 // characters of a key that stay visible
)

// KeyParams are the inputs of Service.CreateKey.
type KeyParams struct {
	InstanceID string // "" opens every instance
	Name       string // 1–64 characters
	Scopes     []Scope
	ExpiresAt  time.Time // zero: never
	CreatedBy  string
}

// CreateKey makes a key that is good at every door for what its scopes allow,
// at least one. key is shown once; its hash is stored. problem.Invalid names
// "name", "scopes" or "expiresAt", whichever of them are wrong.
func (s *Service) CreateKey(ctx context.Context, p KeyParams) (key string, k APIKey, err error) {
	name, faults := checkKeyName(p.Name)
	scopes := slices.Clone(p.Scopes)
	slices.Sort(scopes)
	scopes = slices.Compact(scopes)
	unknown := func(sc Scope) bool { return !slices.Contains(Scopes(), sc) }
	if len(scopes) == 0 || slices.ContainsFunc(scopes, unknown) {
		faults = append(faults, problem.Field{Name: "scopes", Text: problem.Text{Key: "error.key_scopes"}})
	}
	if !p.ExpiresAt.IsZero() && !p.ExpiresAt.After(s.wall()) {
		faults = append(faults, problem.Field{Name: "expiresAt", Text: problem.Text{Key: "error.key_expiry"}})
	}
	if len(faults) > 0 {
		return "", APIKey{}, problem.WithFields(problem.Invalid, faults...)
	}
	return s.storeKey(ctx, APIKey{
		Kind: KeyScoped, Name: name, InstanceID: p.InstanceID, Scopes: scopes, ExpiresAt: p.ExpiresAt.UTC(),
		CreatedBy: p.CreatedBy,
	})
}

// CreateInSPRLKey makes a client key for an instance. key is shown once; its
// hash is stored.
func (s *Service) CreateInSPRLKey(ctx context.Context, instanceID, name string) (key string, k APIKey, err error) {
	name, faults := checkKeyName(name)
	if len(faults) > 0 {
		return "", APIKey{}, problem.WithFields(problem.Invalid, faults...)
	}
	return s.storeKey(ctx, APIKey{Kind: KeyInSPRL, Name: name, InstanceID: instanceID})
}

func checkKeyName(text string) (name string, faults []problem.Field) {
	name = strings.TrimSpace(text)
	n := utf8.RuneCountInString(name)
	if n < 1 || n > MaxKeyName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		faults = []problem.Field{{
			Name: "name", Text: problem.Text{Key: "error.key_name", Args: []any{"max", MaxKeyName}},
		}}
	}
	return name, faults
}

// storeKey makes a key and stores it.
func (s *Service) storeKey(ctx context.Context, k APIKey) (key string, stored APIKey, err error) {
	if key, k, err = s.fillKey(k); err != nil {
		return "", APIKey{}, err
	}
	if err := s.store.CreateAPIKey(ctx, k); err != nil {
		return "", APIKey{}, fmt.Errorf("make key: %w", err)
	}
	return key, k, nil
}

// fillKey fills in what nobody chooses. A key that has a client id already,
// because it takes the place of another, keeps it.
func (s *Service) fillKey(k APIKey) (key string, filled APIKey, err error) {
	id, err := uuid.NewV7FromReader(s.rand)
	if err != nil {
		return "", APIKey{}, fmt.Errorf("make key: %w", err)
	}
	text, err := s.randomText()
	if err != nil {
		return "", APIKey{}, fmt.Errorf("make key: %w", err)
	}
	if k.ClientID == "" {
		client, err := s.random(12)
		if err != nil {
			return "", APIKey{}, fmt.Errorf("make key: %w", err)
		}
		k.ClientID = clientIDPrefix + base64.RawURLEncoding.EncodeToString(client)
	}
	key = scopedPrefix + text
	if k.Kind == KeyInSPRL {
		key = insprlPrefix + text
	}
	k.ID, k.Hash, k.Prefix, k.CreatedAt = id.String(), hashText(key), key[:shownPrefix], s.wall()
	k.UsedAt, k.UsedFrom, k.ReplacedBy = time.Time{}, "", ""
	return key, k, nil
}

// Key finds a key with scopes by its text; ErrUnauthorized unless it is good
// now.
func (s *Service) Key(ctx context.Context, text string) (APIKey, error) {
	if !strings.HasPrefix(text, scopedPrefix) || len(text) > maxToken {
		return APIKey{}, ErrUnauthorized
	}
	return s.goodKey(ctx, text)
}

// InSPRLKey finds the key of a program by the key and its client id;
// ErrUnauthorized unless both match.
func (s *Service) InSPRLKey(ctx context.Context, key, clientID string) (APIKey, error) {
	k, err := s.goodKey(ctx, key)
	if err != nil {
		return APIKey{}, err
	}
	if k.ClientID == "" || subtle.ConstantTimeCompare([]byte(k.ClientID), []byte(clientID)) != 1 {
		return APIKey{}, ErrUnauthorized
	}
	return k, nil
}

func (s *Service) goodKey(ctx context.Context, text string) (APIKey, error) {
	k, err := s.store.APIKeyByHash(ctx, hashText(text))
	if errors.Is(err, ErrNoSuch) {
		return APIKey{}, ErrUnauthorized
	}
	if err != nil {
		return APIKey{}, fmt.Errorf("check key: %w", err)
	}
	if k.Expired(s.wall()) {
		return APIKey{}, ErrUnauthorized
	}
	return k, nil
}

// Expired says whether a key is no longer good.
func (k APIKey) Expired(now time.Time) bool {
	return !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt)
}

// APIKey finds a key by its id; ErrNoSuch.
func (s *Service) APIKey(ctx context.Context, id string) (APIKey, error) {
	k, err := s.store.APIKey(ctx, id)
	if err != nil {
		return k, err
	}
	return s.lastUse([]APIKey{k})[0], nil
}

// APIKeys lists the keys bound to an instance, oldest first.
func (s *Service) APIKeys(ctx context.Context, instanceID string) ([]APIKey, error) {
	keys, err := s.store.APIKeys(ctx, instanceID)
	return s.lastUse(keys), err
}

// AllAPIKeys lists the keys of all instances and those that open every one,
// oldest first.
func (s *Service) AllAPIKeys(ctx context.Context) ([]APIKey, error) {
	keys, err := s.store.AllAPIKeys(ctx)
	return s.lastUse(keys), err
}

// RevokeAPIKey removes a key of an instance; ErrNoSuch when the instance has
// no such key.
func (s *Service) RevokeAPIKey(ctx context.Context, instanceID, id string) error {
	k, err := s.store.APIKey(ctx, id)
	if err == nil && k.InstanceID != instanceID {
		err = ErrNoSuch
	}
	if err != nil {
		return fmt.Errorf("revoke key: %w", err)
	}
	return s.RevokeKey(ctx, id)
}

// RevokeKey removes a key, which stops working at once; ErrNoSuch.
func (s *Service) RevokeKey(ctx context.Context, id string) error {
	if err := s.store.DeleteAPIKey(ctx, id); err != nil {
		return fmt.Errorf("revoke key: %w", err)
	}
	s.uses.forget(Holder{Kind: HolderKey, ID: id})
	return nil
}
