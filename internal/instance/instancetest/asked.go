package instancetest

import (
	"context"

	"pombal/internal/event"
	"pombal/internal/store"
)

// askedStore tells a test when somebody has asked whether a type is wanted.
type askedStore struct {
	*store.DB
	asked func(t event.Type, wanted bool) // may be nil
}

// EventWanted is the store's own.
func (s askedStore) EventWanted(ctx context.Context, instanceID string, t event.Type) (bool, error) {
	wanted, err := s.DB.EventWanted(ctx, instanceID, t)
	if s.asked != nil && err == nil {
		s.asked(t, wanted)
	}
	return wanted, err
}
