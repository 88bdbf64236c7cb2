package statetest

import (
	"context"
	"testing"

	"pombal/internal/event"
	"pombal/internal/instance"
)

// Store holds everything that goes into a store against the states that an
// instance can be in.
type Store struct {
	instance.Store
	T testing.TB
}

// UpdateInstance is the store's own, and fails the test when what it stored
// cannot be.
func (s Store) UpdateInstance(
	ctx context.Context, id string, change func(*instance.Instance) ([]event.Draft, error),
) (instance.Instance, []event.Event, error) {
	in, events, err := s.Store.UpdateInstance(ctx, id, change)
	if err == nil {
		s.check(Check(in), in.Status)
	}
	return in, events, err
}

// AppendTimeline is the store's own, and fails the test when a moment cannot be.
func (s Store) AppendTimeline(ctx context.Context, moments []instance.Moment) error {
	for _, m := range moments {
		s.check(CheckMoment(m), m)
	}
	return s.Store.AppendTimeline(ctx, moments)
}

func (s Store) check(err error, what any) {
	if err != nil {
		s.T.Errorf("what cannot be was stored: %v; %+v", err, what)
	}
}
