package webhook

import (
	"context"
	"slices"
	"time"

	"pombal/internal/event"
	"pombal/internal/safehttp"
)

// DeliveryStatus is how far a delivery is.
type DeliveryStatus string

// The statuses of a delivery.
const (
	StatusPending   DeliveryStatus = "pending"   // waits in the outbox
	StatusDelivered DeliveryStatus = "delivered" // a receiver said 2xx
	StatusDead      DeliveryStatus = "dead"      // given up after the last attempt
	StatusDropped   DeliveryStatus = "dropped"   // no longer wanted; Reason says why
)

// Delivery is one event on its way to one webhook.
type Delivery struct {
	ID         uint64         `json:"id"` // counts up in the order of recording, over all webhooks
	WebhookID  string         `json:"webhookId"`
	InstanceID string         `json:"instanceId"`
	EventID    string         `json:"eventId"`
	EventType  event.Type     `json:"eventType"`
	EventSeq   uint64         `json:"eventSeq"`
	Size       int            `json:"size,omitempty"` // of the event's body, in bytes; 0 where it was not noted
	QueuedAt   time.Time      `json:"queuedAt"`
	Status     DeliveryStatus `json:"status"`
	Reason     string         `json:"reason,omitempty"` // with dropped and dead: a catalogue key
	Attempts   int            `json:"attempts"`         // made so far
	NextAt     time.Time      `json:"nextAt,omitzero"`  // not before; with pending
	Parked     bool           `json:"parked,omitempty"` // with pending: the lane no longer waits for it
	Last       *Attempt       `json:"last,omitempty"`   // the newest attempt
	// Earlier are the attempts before it, oldest first; of the older ones
	// bodies and heads are not kept.
	Earlier []Attempt `json:"earlier,omitempty"`
	// Replay says that a person had it sent again; Replayed is when a person had
	// this one sent again.
	Replay   bool      `json:"replay,omitempty"`
	Replayed time.Time `json:"replayed,omitzero"`
}

// fullAttempts is how many attempts of a delivery are kept with heads and
// bodies.
const fullAttempts = 3

// add notes a further attempt.
func (d *Delivery) add(a Attempt) {
	d.Attempts++
	if d.Last != nil {
		d.Earlier = append(slices.Clip(d.Earlier), *d.Last)
	}
	d.Last = &a
	for i := range len(d.Earlier) - fullAttempts + 1 {
		d.Earlier[i] = d.Earlier[i].brief()
	}
}

// All gives the attempts, oldest first.
func (d Delivery) All() []Attempt {
	if d.Last == nil {
		return nil
	}
	return append(slices.Clip(d.Earlier), *d.Last)
}

// Attempt is one call of a receiver.
type Attempt struct {
	At         time.Time      `json:"at"`
	Took       time.Duration  `json:"took"`
	StatusCode int            `json:"statusCode,omitempty"` // 0 when no answer came
	Error      string         `json:"error,omitempty"`      // why no answer came; short, never a secret
	Response   string         `json:"response,omitempty"`   // first bytes of the answer's body
	Split      safehttp.Split `json:"split,omitzero"`       // where the time went
	Address    string         `json:"address,omitempty"`    // where it was sent, "ip:port"
	TLS        string         `json:"tls,omitempty"`        // version, such as TLS 1.3
	Request    string         `json:"request,omitempty"`    // head of the call, secrets masked
	Answer     string         `json:"answer,omitempty"`     // head of the answer, secrets masked
}

// Good says whether the receiver said 2xx.
func (a Attempt) Good() bool { return a.StatusCode >= 200 && a.StatusCode <= 299 }

// brief is the attempt without what takes room.
func (a Attempt) brief() Attempt {
	a.Request, a.Answer, a.Response = "", "", ""
	return a
}

// Due is the time that a delivery's place among the due ones is counted from:
// NextAt once an attempt has failed, else QueuedAt.
func (d Delivery) Due() time.Time {
	if d.NextAt.IsZero() {
		return d.QueuedAt
	}
	return d.NextAt
}

// Job is what the dispatcher needs for the next attempt of a lane.
type Job struct {
	Delivery Delivery
	Webhook  Webhook
	Event    event.Event // the zero Event when it is no longer stored, which is no error: the dispatcher drops the delivery
	// Gone says that the webhook was deleted; the lane can only be dropped. A
	// webhook whose instance was deleted is not gone while it has pending
	// deliveries: the event that tells of the deletion is one of them.
	Gone bool
	Test bool // a person tries the receiver out; the event is made up
}

// Outbox is the durable queue: one lane per webhook, in the order of
// recording.
type Outbox interface {
	// Lanes lists the webhooks that have pending deliveries.
	Lanes(ctx context.Context) ([]string, error)
	// Next gives what a lane is to attempt at the time now. There are two sorts
	// of candidates: the oldest delivery that is not parked, and every parked
	// one. A candidate is due when its NextAt is not after now; a zero NextAt
	// always is, whatever QueuedAt says, because clocks jump. Of the due ones
	// Next gives the one with the earliest Due, with ok. When none is due, ok
	// is false and due is the earliest NextAt among the candidates; the zero
	// time when the lane is empty. Of a webhook that is gone Next gives any
	// delivery, due or not, with Gone.
	Next(ctx context.Context, webhookID string, now time.Time) (job Job, due time.Time, ok bool, err error)
	// Settle stores the outcome of a delivery: pending again with a later
	// NextAt (and Parked, once the lane no longer waits for it), or one of the
	// final statuses, which moves it from the outbox to the log. Durable when
	// it returns. A delivery that is no longer pending is left as it is.
	Settle(ctx context.Context, d Delivery) error
	// DropLane removes all pending deliveries of a webhook that is gone.
	DropLane(ctx context.Context, webhookID string) error
	// Deliveries lists the newest deliveries of a webhook, pending ones
	// included, newest first, at most limit.
	Deliveries(ctx context.Context, webhookID string, limit int) ([]Delivery, error)
	// Waiting counts the pending deliveries of a webhook.
	Waiting(ctx context.Context, webhookID string) (int, error)
	// WebhookHealth gives how a webhook's attempts went; Settle notes them.
	WebhookHealth(ctx context.Context, webhookID string) (Health, error)
	// TrimLane drops the oldest pending deliveries until no more wait than may,
	// counts them in the webhook's health and says how many those were.
	TrimLane(ctx context.Context, webhookID string, most QueueLimit) (int, error)
}

// Store keeps webhooks. Each change is one commit and durable on return.
type Store interface {
	// Webhook finds a webhook of a living instance; ErrNotFound.
	Webhook(ctx context.Context, instanceID, id string) (Webhook, error)
	// Webhooks lists the webhooks of an instance, oldest first.
	Webhooks(ctx context.Context, instanceID string) ([]Webhook, error)
	// AllWebhooks lists the webhooks of all instances by instance, oldest first.
	AllWebhooks(ctx context.Context) (map[string][]Webhook, error)
	// CountWebhooks counts the webhooks of each instance that has some.
	CountWebhooks(ctx context.Context) (map[string]Count, error)
	// CreateWebhook stores a new webhook; the instance's not-found error when
	// there is no living instance.
	CreateWebhook(ctx context.Context, w Webhook) error
	// UpdateWebhook loads, lets change alter it, stores. ErrNotFound.
	UpdateWebhook(ctx context.Context, instanceID, id string, change func(*Webhook) error) (Webhook, error)
	// DeleteWebhook removes it and what waits for it. ErrNotFound.
	DeleteWebhook(ctx context.Context, instanceID, id string) error
}
