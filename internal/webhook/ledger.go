package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pombal/internal/event"
	"pombal/internal/problem"
)

// MaxReplay is how many events one replay may send again.
const MaxReplay = 100_000

// replayStep is how many events of a replay are queued in one commit, so that
// others need not wait long.
const replayStep = 1000

// LedgerQuery chooses deliveries of one webhook.
type LedgerQuery struct {
	WebhookID string
	// Result is "", "delivered", "failing" (tried and to be tried again),
	// "waiting" (not tried yet), "dead" or "dropped".
	Result   string
	Type     event.Type // "" for all
	From, To time.Time  // of queueing; zero leaves that side open
	Text     string     // in ids, statuses, addresses and answers; "" for all
	Before   uint64     // only older ones than this id; 0 begins with the newest
	UpTo     uint64     // only this id and older ones; 0 for all
	Limit    int        // at most MaxDeliveries
}

// Window chooses the events that a replay sends again.
type Window struct{ From, To time.Time }

// Ledger is what is kept of deliveries, for people to look at.
type Ledger interface {
	// Ledger lists deliveries, newest first.
	Ledger(ctx context.Context, q LedgerQuery) ([]Delivery, error)
	// CountAfter counts the deliveries that are newer than an id.
	CountAfter(ctx context.Context, webhookID string, id uint64) (int, error)
	// Delivery finds one, with its event where that is still stored;
	// ErrNoDelivery.
	Delivery(ctx context.Context, webhookID string, id uint64) (Delivery, event.Event, error)
	// Hasten makes a pending delivery due at once; ErrNoDelivery when it is not
	// pending any more.
	Hasten(ctx context.Context, webhookID string, id uint64) error
	// WindowEvents lists the events of a window that the webhook wants and that
	// do not wait for it already, by Seq, at most limit, and counts all of them.
	WindowEvents(ctx context.Context, w Webhook, in Window, limit int) (seqs []uint64, n int, err error)
	// ReplayEvents queues events again in one commit and says how many of them
	// are still stored.
	ReplayEvents(ctx context.Context, w Webhook, seqs []uint64) (int, error)
	// ReplayDelivery queues the event of a settled delivery again;
	// ErrNoDelivery, ErrEventGone.
	ReplayDelivery(ctx context.Context, w Webhook, id uint64) error
	// ReplayDead queues the events of at most limit dead deliveries again and
	// says how many; 0 when there are none left.
	ReplayDead(ctx context.Context, w Webhook, limit int) (int, error)
	// CountDead counts the dead deliveries that were not sent again.
	CountDead(ctx context.Context, webhookID string) (int, error)
}

// Errors of the ledger that people see.
var (
	// ErrNoDelivery: there is no such delivery, or no longer.
	ErrNoDelivery = problem.New(problem.NotFound, "error.no_delivery")
	// ErrEventGone: the event is no longer stored.
	ErrEventGone = problem.New(problem.Conflict, "error.event_gone")
)

// Ledger lists deliveries of a webhook, newest first; ErrNotFound.
func (s *Service) Ledger(ctx context.Context, instanceID string, q LedgerQuery) ([]Delivery, error) {
	if _, err := s.Get(ctx, instanceID, q.WebhookID); err != nil {
		return nil, err
	}
	q.Limit = min(max(q.Limit, 1), MaxDeliveries)
	return s.deps.Ledger.Ledger(ctx, q)
}

// CountAfter counts the deliveries that are newer than an id; ErrNotFound.
func (s *Service) CountAfter(ctx context.Context, instanceID, id string, after uint64) (int, error) {
	if _, err := s.Get(ctx, instanceID, id); err != nil {
		return 0, err
	}
	return s.deps.Ledger.CountAfter(ctx, id, after)
}

// Delivery finds a delivery with its event; ErrNotFound, ErrNoDelivery.
func (s *Service) Delivery(ctx context.Context, instanceID, id string, delivery uint64) (Delivery, event.Event, error) {
	if _, err := s.Get(ctx, instanceID, id); err != nil {
		return Delivery{}, event.Event{}, err
	}
	return s.deps.Ledger.Delivery(ctx, id, delivery)
}

// Health gives how the calls of a webhook went; ErrNotFound.
func (s *Service) Health(ctx context.Context, instanceID, id string) (Health, error) {
	if _, err := s.Get(ctx, instanceID, id); err != nil {
		return Health{}, err
	}
	return s.deps.Outbox.WebhookHealth(ctx, id)
}

// CountDead counts the dead letters of a webhook; ErrNotFound.
func (s *Service) CountDead(ctx context.Context, instanceID, id string) (int, error) {
	if _, err := s.Get(ctx, instanceID, id); err != nil {
		return 0, err
	}
	return s.deps.Ledger.CountDead(ctx, id)
}

// RetryNow makes a pending delivery due at once; ErrNotFound, ErrNoDelivery.
func (s *Service) RetryNow(ctx context.Context, instanceID, id string, delivery uint64) error {
	if _, err := s.Get(ctx, instanceID, id); err != nil {
		return err
	}
	if err := s.deps.Ledger.Hasten(ctx, id, delivery); err != nil {
		return err
	}
	s.deps.Retry(id)
	return nil
}

// Replay sends the event of a settled delivery again, with the same id and
// marked as replayed; ErrNotFound, ErrNoDelivery, ErrEventGone.
func (s *Service) Replay(ctx context.Context, instanceID, id string, delivery uint64) error {
	w, err := s.replayable(ctx, instanceID, id)
	if err != nil {
		return err
	}
	if err := s.deps.Ledger.ReplayDelivery(ctx, w, delivery); err != nil {
		return err
	}
	s.deps.Retry(id)
	return nil
}

// ReplayDead sends all dead letters of a webhook again and says how many.
func (s *Service) ReplayDead(ctx context.Context, instanceID, id string) (int, error) {
	w, err := s.replayable(ctx, instanceID, id)
	if err != nil {
		return 0, err
	}
	all := 0
	for {
		n, err := s.deps.Ledger.ReplayDead(ctx, w, replayStep)
		all += n
		if err != nil || n == 0 {
			s.deps.Retry(id)
			return all, err
		}
	}
}

// CountWindow counts what ReplayWindow would send again; ErrNotFound.
func (s *Service) CountWindow(ctx context.Context, instanceID, id string, in Window) (int, error) {
	w, err := s.Get(ctx, instanceID, id)
	if err != nil {
		return 0, err
	}
	_, n, err := s.deps.Ledger.WindowEvents(ctx, w, in, 0)
	return n, err
}

// ReplayWindow sends the events of a span of time again that the webhook wants
// and that do not wait for it already, and says how many. A window with more
// than MaxReplay is refused with their number.
func (s *Service) ReplayWindow(ctx context.Context, instanceID, id string, in Window) (int, error) {
	w, err := s.replayable(ctx, instanceID, id)
	if err != nil {
		return 0, err
	}
	if !in.From.Before(in.To) {
		return 0, problem.WithFields(problem.Invalid, field("from", "error.window")...)
	}
	seqs, n, err := s.deps.Ledger.WindowEvents(ctx, w, in, MaxReplay)
	if err != nil {
		return 0, err
	}
	if n > MaxReplay {
		return 0, problem.WithFields(problem.Invalid, field("from", "error.window_large", "n", n, "max", MaxReplay)...)
	}
	all := 0
	for step := range slices.Chunk(seqs, replayStep) {
		n, err := s.deps.Ledger.ReplayEvents(ctx, w, step)
		all += n
		if err != nil {
			return all, err
		}
		s.deps.Retry(id)
	}
	return all, nil
}

// replayable finds a webhook that sends: what is queued for one that is off
// would be dropped again.
func (s *Service) replayable(ctx context.Context, instanceID, id string) (Webhook, error) {
	w, err := s.Get(ctx, instanceID, id)
	if err != nil {
		return w, err
	}
	if !w.Enabled {
		return w, problem.New(problem.Conflict, "error.webhook_off")
	}
	return w, nil
}

// Resume lets the calls of a stopped webhook begin again; ErrNotFound.
func (s *Service) Resume(ctx context.Context, instanceID, id string) (Webhook, error) {
	w, err := s.edit(ctx, instanceID, id, func(w *Webhook) error {
		if !w.Stopped.IsZero() {
			w.Stopped, w.ResumedAt = Stopped{}, s.now()
		}
		return nil
	})
	if err == nil {
		s.deps.Retry(id)
	}
	return w, err
}

// Stop notes that a webhook's receiver is gone; events keep waiting for
// StoppedKeep.
func (s *Service) Stop(ctx context.Context, w Webhook, reason string) error {
	_, err := s.edit(ctx, w.InstanceID, w.ID, func(w *Webhook) error {
		if w.Stopped.IsZero() {
			w.Stopped = Stopped{At: s.now(), Reason: reason}
		}
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return nil // deleted meanwhile, or a tenant's, which has no such record
	}
	return err
}

// rotateFor is how long calls are signed with the old secret, too.
const rotateFor = 24 * time.Hour

// Rotate gives a webhook a new secret. For a day calls carry a signature by
// each of the two; ErrNotFound.
func (s *Service) Rotate(ctx context.Context, instanceID, id string) (Webhook, error) {
	secret, err := newSecret()
	if err != nil {
		return Webhook{}, fmt.Errorf("make a secret: %w", err)
	}
	return s.edit(ctx, instanceID, id, func(w *Webhook) error {
		w.Previous, w.PreviousUntil = w.Secret, s.now().Add(rotateFor)
		w.Secret = secret
		return nil
	})
}
