package auth

import (
	"context"
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

// KeyCodeChat is a key for the CodeChat door, with scopes.
const KeyCodeChat KeyKind = "codechat"

const codechatPrefix = "pck_"

// MaxKeyOverlap is how long a rotated key may stay good at most.
const MaxKeyOverlap = 30 * 24 * time.Hour

// KeyParams are the inputs of Service.CreateKey.
type KeyParams struct {
	InstanceID string
	Name       string    // 1–64 characters
	Scopes     []Scope   // at least one
	ExpiresAt  time.Time // zero: never
}

// CreateKey makes a key for the CodeChat door. key is shown once; its hash is
// stored. problem.Invalid names "name", "scopes" or "expiresAt".
func (s *Service) CreateKey(ctx context.Context, p KeyParams) (key string, k APIKey, err error) {
	name := strings.TrimSpace(p.Name)
	n := utf8.RuneCountInString(name)
	if n < 1 || n > MaxKeyName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return "", APIKey{}, problem.InvalidField("name", "error.key_name", "max", MaxKeyName)
	}
	scopes := slices.Clone(p.Scopes)
	slices.Sort(scopes)
	scopes = slices.Compact(scopes)
	unknown := func(sc Scope) bool { return !slices.Contains(Scopes(), sc) }
	if len(scopes) == 0 || slices.ContainsFunc(scopes, unknown) {
		return "", APIKey{}, problem.InvalidField("scopes", "error.invalid")
	}
	if !p.ExpiresAt.IsZero() && !p.ExpiresAt.After(s.wall()) {
		return "", APIKey{}, problem.InvalidField("expiresAt", "error.invalid")
	}
	return s.storeKey(ctx, APIKey{
		Kind: KeyCodeChat, Name: name, InstanceID: p.InstanceID, Scopes: scopes, ExpiresAt: p.ExpiresAt,
	})
}

// storeKey fills in what nobody chooses and stores a key of the CodeChat door.
func (s *Service) storeKey(ctx context.Context, k APIKey) (key string, stored APIKey, err error) {
	id, err := uuid.NewV7FromReader(s.rand)
	if err != nil {
		return "", APIKey{}, fmt.Errorf("make key: %w", err)
	}
	text, err := s.randomText()
	if err != nil {
		return "", APIKey{}, fmt.Errorf("make key: %w", err)
	}
	key = codechatPrefix + text
	k.ID, k.Hash, k.Prefix, k.CreatedAt = id.String(), hashText(key), key[:shownPrefix], s.wall()
	k.UsedAt, k.UsedFrom = time.Time{}, ""
	if err := s.store.CreateAPIKey(ctx, k); err != nil {
		return "", APIKey{}, fmt.Errorf("make key: %w", err)
	}
	return key, k, nil
}

// RotateKey makes another key with the rights of an old one, which stays good
// for as long as overlap says. ErrNoSuch when the instance has no such key.
func (s *Service) RotateKey(ctx context.Context, instanceID, id string, overlap time.Duration) (key string, k APIKey, err error) {
	if overlap < 0 || overlap > MaxKeyOverlap {
		return "", APIKey{}, problem.InvalidField("overlap", "error.invalid")
	}
	keys, err := s.store.APIKeys(ctx, instanceID)
	if err != nil {
		return "", APIKey{}, fmt.Errorf("rotate key: %w", err)
	}
	i := slices.IndexFunc(keys, func(k APIKey) bool { return k.ID == id && k.Kind == KeyCodeChat })
	if i < 0 || keys[i].expired(s.wall()) {
		return "", APIKey{}, ErrNoSuch
	}
	old := keys[i]
	// The new one first: should the second step fail there are two good keys,
	// never none.
	key, k, err = s.storeKey(ctx, old)
	if err != nil {
		return "", APIKey{}, err
	}
	until := s.wall().Add(overlap)
	err = s.store.UpdateAPIKey(ctx, id, func(stored *APIKey) error {
		if stored.ExpiresAt.IsZero() || until.Before(stored.ExpiresAt) {
			stored.ExpiresAt = until
		}
		stored.ReplacedBy = k.ID
		return nil
	})
	if err != nil {
		return "", APIKey{}, fmt.Errorf("end the old key: %w", err)
	}
	return key, k, nil
}

// Key finds a key of the CodeChat door and notes its use; ErrUnauthorized
// unless it is good now.
func (s *Service) Key(ctx context.Context, text, from string) (APIKey, error) {
	if !strings.HasPrefix(text, codechatPrefix) || len(text) > maxToken {
		return APIKey{}, ErrUnauthorized
	}
	k, err := s.store.APIKeyByHash(ctx, hashText(text))
	if errors.Is(err, ErrNoSuch) {
		return APIKey{}, ErrUnauthorized
	}
	if err != nil {
		return APIKey{}, fmt.Errorf("check key: %w", err)
	}
	if k.Kind != KeyCodeChat || k.expired(s.wall()) {
		return APIKey{}, ErrUnauthorized
	}
	if now := s.wall().Truncate(usedEvery); now.After(k.UsedAt) {
		k.UsedAt, k.UsedFrom = now, from
		err := s.store.UpdateAPIKey(ctx, k.ID, func(stored *APIKey) error {
			stored.UsedAt, stored.UsedFrom = now, from
			return nil
		})
		if errors.Is(err, ErrNoSuch) {
			return APIKey{}, ErrUnauthorized // revoked meanwhile
		}
		if err != nil {
			s.log.WarnContext(ctx, "note use of key", "key", k.Prefix, "error", err)
		}
	}
	return k, nil
}

func (k APIKey) expired(now time.Time) bool {
	return !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt)
}
