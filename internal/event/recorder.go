package event

import "context"

// Store writes events. AppendEvents records the drafts that are new, each
// with one outbox row for every webhook that wants it, in one commit, and
// returns the recorded ones; when it returns they are on disk.
type Store interface {
	AppendEvents(ctx context.Context, drafts ...Draft) ([]Event, error)
}

// Recorder records events and tells the rest of the house afterwards.
type Recorder struct {
	store Store
	after func([]Event)
}

// NewRecorder makes a Recorder. after is called with what was recorded, once
// it is on disk; it must not block. Neither may be nil.
func NewRecorder(store Store, after func([]Event)) *Recorder {
	return &Recorder{store: store, after: after}
}

// Record writes the drafts durably. A nil error means that they are on disk
// and that every webhook that wants them has its delivery queued.
func (r *Recorder) Record(ctx context.Context, drafts ...Draft) error {
	recorded, err := r.store.AppendEvents(ctx, drafts...)
	if err != nil {
		return err
	}
	r.Recorded(recorded)
	return nil
}

// Recorded tells of events that a store wrote together with something else.
func (r *Recorder) Recorded(events []Event) {
	if len(events) > 0 {
		r.after(events)
	}
}
