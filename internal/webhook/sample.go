package webhook

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"

	"pombal/internal/event"
	"pombal/internal/problem"
)

//go:embed samples.json
var samplesFile []byte

// samples are read once, at the first use; afterwards they never change.
var samples = sync.OnceValues(func() (map[event.Type]json.RawMessage, error) {
	var all map[event.Type]json.RawMessage
	err := json.Unmarshal(samplesFile, &all)
	return all, err
})

// Sample gives the data of a made-up event of a type, nil for a type that is
// none of the 19.
func Sample(t event.Type) json.RawMessage {
	all, err := samples()
	if err != nil {
		return nil
	}
	return all[t]
}

// Trial is what came of a test event.
type Trial struct {
	Event   event.Event
	Attempt Attempt
}

// errNoSender ends a trial where nothing can be sent.
var errNoSender = problem.New(problem.Unavailable, "error.unavailable")

// Try sends a made-up event to a webhook at once, whether it is on or off and
// whatever its toggles say. Nothing is recorded. from is the instance as the
// bodies of its events show it; ErrNotFound.
func (s *Service) Try(ctx context.Context, instanceID, id string, t event.Type, from event.WireInstance) (Trial, error) {
	w, err := s.Get(ctx, instanceID, id)
	if err != nil {
		return Trial{}, err
	}
	info, ok := event.Lookup(string(t))
	if !ok {
		return Trial{}, problem.InvalidField("type", "error.toggle_unknown")
	}
	if s.deps.Sender == nil {
		return Trial{}, errNoSender
	}
	ev, err := s.madeUp(info, instanceID, from)
	if err != nil {
		return Trial{}, fmt.Errorf("make a test event: %w", err)
	}
	reply := s.deps.Sender.Send(ctx, Job{
		Delivery: Delivery{WebhookID: id, InstanceID: instanceID, EventID: ev.ID, EventType: info.Type},
		Webhook:  w, Event: ev, Test: true,
	})
	return Trial{Event: ev, Attempt: reply.Attempt}, nil
}

func (s *Service) madeUp(info event.Info, instanceID string, from event.WireInstance) (event.Event, error) {
	id, err := event.NewID()
	if err != nil {
		return event.Event{}, err
	}
	now := s.now()
	body, err := json.Marshal(event.Envelope{
		Event: info.Wire, ID: id, Timestamp: event.WireTime(now), Instance: from, Data: Sample(info.Type),
	})
	if err != nil {
		return event.Event{}, err
	}
	return event.Event{ID: id, InstanceID: instanceID, Type: info.Type, At: now, Body: body}, nil
}
