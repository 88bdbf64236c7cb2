package event

import "context"

// Store writes events. AppendEvents records the drafts that are new, each
// with one outbox row for every webhook that wants it, in one commit, and
// returns the recorded ones; when it returns they are on disk.
type Store interface {
	AppendEvents(ctx context.Context, drafts ...Draft) ([]Event, error)
	// EventWanted says whether an enabled webhook of the instance wants t.
	EventWanted(ctx context.Context, instanceID string, t Type) (bool, error)
	// Message finds a message that was sent from the instance's account; ok is
	// false when there is none.
	Message(ctx context.Context, instanceID, keyID string) (ref MessageRef, ok bool, err error)
	// ChatKnown says whether the instance has a chat with the party.
	ChatKnown(ctx context.Context, instanceID string, p Party) (bool, error)
	// Notices lists the notices that are kept, oldest first.
	Notices(ctx context.Context, instanceID string) ([]Notice, error)
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

// Wanted says whether an enabled webhook of the instance wants t. What cannot
// be read counts as not wanted: it decides on work, not on what is recorded.
func (r *Recorder) Wanted(ctx context.Context, instanceID string, t Type) bool {
	wanted, err := r.store.EventWanted(ctx, instanceID, t)
	return err == nil && wanted
}

// Message finds a message that was sent from the instance's account.
func (r *Recorder) Message(ctx context.Context, instanceID, keyID string) (MessageRef, bool, error) {
	return r.store.Message(ctx, instanceID, keyID)
}

// ChatKnown says whether the instance has a chat with the party.
func (r *Recorder) ChatKnown(ctx context.Context, instanceID string, p Party) (bool, error) {
	return r.store.ChatKnown(ctx, instanceID, p)
}

// Notices lists the notices that are kept, oldest first.
func (r *Recorder) Notices(ctx context.Context, instanceID string) ([]Notice, error) {
	return r.store.Notices(ctx, instanceID)
}
