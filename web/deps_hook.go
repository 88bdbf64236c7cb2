package web

import (
	"context"
	"net/http"
	"time"

	"pombal/internal/event"
	"pombal/internal/webhook"
)

// Ledger is what the pages need of deliveries; webhook.Service is the real one.
// Each method answers webhook.ErrNotFound when there is no such webhook.
type Ledger interface {
	// Ledger lists deliveries, newest first.
	Ledger(ctx context.Context, instanceID string, q webhook.LedgerQuery) ([]webhook.Delivery, error)
	// CountAfter counts the deliveries that are newer than an id.
	CountAfter(ctx context.Context, instanceID, id string, after uint64) (int, error)
	// Delivery finds one, with its event where that is still stored.
	Delivery(ctx context.Context, instanceID, id string, delivery uint64) (webhook.Delivery, event.Event, error)
	// Health says how the calls of a webhook went.
	Health(ctx context.Context, instanceID, id string) (webhook.Health, error)
	// CountDead counts the dead letters.
	CountDead(ctx context.Context, instanceID, id string) (int, error)
	// RetryNow makes a pending delivery due at once.
	RetryNow(ctx context.Context, instanceID, id string, delivery uint64) error
	// Replay sends the event of a settled delivery again.
	Replay(ctx context.Context, instanceID, id string, delivery uint64) error
	// ReplayDead sends all dead letters again.
	ReplayDead(ctx context.Context, instanceID, id string) (int, error)
	// CountWindow and ReplayWindow count and send the events of a span of time.
	CountWindow(ctx context.Context, instanceID, id string, in webhook.Window) (int, error)
	ReplayWindow(ctx context.Context, instanceID, id string, in webhook.Window) (int, error)
	// Resume lets the calls of a stopped webhook begin again.
	Resume(ctx context.Context, instanceID, id string) (webhook.Webhook, error)
	// Rotate gives a webhook a new secret.
	Rotate(ctx context.Context, instanceID, id string) (webhook.Webhook, error)
	// Probe looks whether an address leads to a receiver that can be reached.
	Probe(ctx context.Context, raw string, skipVerify bool) (webhook.Found, error)
	// Try sends a made-up event at once.
	Try(ctx context.Context, instanceID, id string, t event.Type, from event.WireInstance) (webhook.Trial, error)
}

// EventLog is what the pages need of recorded events; store.DB is the real one.
type EventLog interface {
	// EventLog lists events, newest first.
	EventLog(ctx context.Context, q event.LogQuery) ([]event.Event, error)
	// Events reads the events of an instance after a Seq, oldest first.
	Events(ctx context.Context, instanceID string, afterSeq uint64, limit int) ([]event.Event, error)
	// EventOutcomes says what became of events at webhooks, by event id.
	EventOutcomes(ctx context.Context, events []event.Event) (map[string]webhook.Outcome, error)
	// EventsSeen counts the events of an instance by type, wanted or not.
	EventsSeen(ctx context.Context, instanceID string, since time.Time) (map[event.Type]int, error)
}

// Catcher is the receiver inside this program; webhook.Catcher is the real one.
type Catcher interface {
	Path(instanceID string) string
	// List gives what was caught, newest first: at most limit, and with before
	// other than 0 what is older than that one.
	List(ctx context.Context, instanceID string, before uint64, limit int) ([]webhook.Caught, error)
	// Get finds one; webhook.ErrNoCaught.
	Get(ctx context.Context, instanceID string, id uint64) (webhook.Caught, error)
	Clear(ctx context.Context, instanceID string) error
	Take(ctx context.Context, path string, header http.Header, body []byte) (status int, text string)
}
