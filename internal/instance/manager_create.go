package instance

import (
	"context"
	"errors"

	"pombal/internal/event"
	"pombal/internal/live"
	"pombal/internal/problem"
)

// Create makes an instance; nothing connects yet. problem.Invalid names the
// fields "name" and "externalId"; ErrNameTaken, ErrIDTaken.
func (m *Manager) Create(ctx context.Context, p CreateParams) (Instance, error) {
	in, err := m.draft(ctx, p)
	if err != nil {
		return Instance{}, err
	}
	events, err := m.deps.Store.CreateInstance(ctx, in)
	if err != nil {
		return Instance{}, err
	}
	m.add(in)
	m.deps.Recorder.Recorded(events)
	m.deps.Notify(live.SignalInstances)
	return in, nil
}

func (m *Manager) draft(ctx context.Context, p CreateParams) (Instance, error) {
	id, idErr := event.NewID()
	token, tokenErr := event.NewID()
	if err := errors.Join(idErr, tokenErr); err != nil {
		return Instance{}, err
	}
	name, err := CleanName(p.Name)
	if p.Name == "" && p.AutoName {
		name, err = "instance-"+id[len(id)-8:], nil
	}
	if err != nil {
		return Instance{}, err
	}
	if p.ID != "" {
		if id, err = cleanID(p.ID); err != nil {
			return Instance{}, err
		}
	}
	if p.BusinessID == "" {
		all, err := m.deps.Store.Businesses(ctx)
		if err != nil {
			return Instance{}, err
		}
		if len(all) == 0 {
			return Instance{}, problem.New(problem.Unavailable, "error.unavailable")
		}
		p.BusinessID = all[0].ID
	} else if _, err := m.deps.Store.Business(ctx, p.BusinessID); err != nil {
		return Instance{}, err
	}
	now := m.deps.Now()
	return Instance{
		ID: id, Name: name, BusinessID: p.BusinessID, State: Active,
		Status: Status{Phase: PhaseNew, Since: now}, Token: Token{ID: token, IssuedAt: now, UpdatedAt: now},
		CreatedAt: now, UpdatedAt: now, Rev: 1,
	}, nil
}
