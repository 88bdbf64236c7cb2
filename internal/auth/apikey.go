package auth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
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
	clientIDPrefix = "cl_"
	shownPrefix    = 10 // characters of a key that stay visible
	usedEvery      = time.Minute
)

// CreateInSPRLKey makes a client key for an instance. key is shown once; its
// hash is stored.
func (s *Service) CreateInSPRLKey(ctx context.Context, instanceID, name string) (key string, k APIKey, err error) {
	name = strings.TrimSpace(name)
	n := utf8.RuneCountInString(name)
	if n < 1 || n > MaxKeyName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return "", APIKey{}, problem.InvalidField("name", "error.key_name", "max", MaxKeyName)
	}
	id, err := uuid.NewV7FromReader(s.rand)
	if err != nil {
		return "", APIKey{}, fmt.Errorf("make key: %w", err)
	}
	text, err := s.randomText()
	if err != nil {
		return "", APIKey{}, fmt.Errorf("make key: %w", err)
	}
	client, err := s.random(12)
	if err != nil {
		return "", APIKey{}, fmt.Errorf("make key: %w", err)
	}
	key = insprlPrefix + text
	k = APIKey{
		ID:         id.String(),
		Kind:       KeyInSPRL,
		Name:       name,
		InstanceID: instanceID,
		ClientID:   clientIDPrefix + base64.RawURLEncoding.EncodeToString(client),
		Hash:       hashText(key),
		Prefix:     key[:shownPrefix],
		CreatedAt:  s.wall(),
	}
	if err := s.store.CreateAPIKey(ctx, k); err != nil {
		return "", APIKey{}, fmt.Errorf("make key: %w", err)
	}
	return key, k, nil
}

// InSPRLKey finds the key of a program by the key and its client id;
// ErrUnauthorized unless both match.
func (s *Service) InSPRLKey(ctx context.Context, key, clientID string) (APIKey, error) {
	k, err := s.store.APIKeyByHash(ctx, hashText(key))
	if errors.Is(err, ErrNoSuch) {
		return APIKey{}, ErrUnauthorized
	}
	if err != nil {
		return APIKey{}, fmt.Errorf("check key: %w", err)
	}
	if k.Kind != KeyInSPRL || k.ClientID == "" || subtle.ConstantTimeCompare([]byte(k.ClientID), []byte(clientID)) != 1 {
		return APIKey{}, ErrUnauthorized
	}
	if now := s.wall().Truncate(usedEvery); now.After(k.UsedAt) {
		k.UsedAt = now
		err := s.store.UpdateAPIKey(ctx, k.ID, func(stored *APIKey) error {
			stored.UsedAt = now
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

// APIKeys lists the keys bound to an instance.
func (s *Service) APIKeys(ctx context.Context, instanceID string) ([]APIKey, error) {
	return s.store.APIKeys(ctx, instanceID)
}

// RevokeAPIKey removes a key of an instance; ErrNoSuch when the instance has
// no such key.
func (s *Service) RevokeAPIKey(ctx context.Context, instanceID, id string) error {
	keys, err := s.store.APIKeys(ctx, instanceID)
	if err != nil {
		return fmt.Errorf("revoke key: %w", err)
	}
	for _, k := range keys {
		if k.ID == id {
			return s.store.DeleteAPIKey(ctx, id)
		}
	}
	return ErrNoSuch
}
