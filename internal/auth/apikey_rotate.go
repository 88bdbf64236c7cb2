package auth

import (
	"context"
	"fmt"
	"time"

	"pombal/internal/problem"
)

// MaxKeyOverlap is how long a rotated key may stay good at most.
const MaxKeyOverlap = 30 * 24 * time.Hour

// ErrReplaced says that a key was rotated already: the key that follows it is
// the one to rotate.
var ErrReplaced = problem.New(problem.Conflict, "error.key_replaced")

// RotateKey makes another key with the rights and the client id of an old one,
// which stays good for as long as overlap says. ErrNoSuch when there is no
// such key or it has expired, ErrReplaced when it was rotated before;
// problem.Invalid names "overlap".
func (s *Service) RotateKey(ctx context.Context, id string, overlap time.Duration) (key string, k APIKey, err error) {
	if overlap < 0 || overlap > MaxKeyOverlap {
		return "", APIKey{}, problem.InvalidField("overlap", "error.invalid")
	}
	old, err := s.store.APIKey(ctx, id)
	if err == nil && old.Expired(s.wall()) {
		err = ErrNoSuch
	}
	if err == nil && old.ReplacedBy != "" {
		err = ErrReplaced
	}
	if err != nil {
		return "", APIKey{}, fmt.Errorf("rotate key: %w", err)
	}
	if key, k, err = s.fillKey(old); err != nil {
		return "", APIKey{}, err
	}
	until := k.CreatedAt.Add(overlap)
	err = s.store.ReplaceAPIKey(ctx, id, k, func(stored *APIKey) error {
		if stored.ReplacedBy != "" { // somebody was faster
			return ErrReplaced
		}
		if stored.ExpiresAt.IsZero() || until.Before(stored.ExpiresAt) {
			stored.ExpiresAt = until
		}
		stored.ReplacedBy = k.ID
		return nil
	})
	if err != nil {
		return "", APIKey{}, fmt.Errorf("rotate key: %w", err)
	}
	return key, k, nil
}
