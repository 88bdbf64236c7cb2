// Package webhook owns where events go: the webhooks with their 19 toggles,
// and the dispatcher that delivers the outbox in order, again and again, until
// a receiver has said 2xx.
package webhook

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"pombal/internal/event"
	"pombal/internal/problem"
	"pombal/internal/safehttp"
)

// Webhook is one receiver of one instance's events.
type Webhook struct {
	ID         string `json:"id"`
	InstanceID string `json:"instanceId"`
	Name       string `json:"name"`
	URL        string `json:"url"`
	Enabled    bool   `json:"enabled"`
	Events     Events `json:"events"`
	// Secret signs the calls by Standard Webhooks: "whsec_" and 32 random
	// bytes in base64. It never leaves in a body or a log.
	Secret string `json:"secret"`
	// Previous is the secret before the last rotation. Until PreviousUntil calls
	// are signed with both, so that a receiver can change at its leisure.
	Previous      string    `json:"previous,omitempty"`
	PreviousUntil time.Time `json:"previousUntil,omitzero"`
	Ordering      Ordering  `json:"ordering,omitempty"`
	Headers       Headers   `json:"headers,omitempty"` // sent with every call
	// SkipVerify accepts any certificate. It is for receivers in the own
	// network whose certificate nobody signed.
	SkipVerify bool          `json:"skipVerify,omitempty"`
	Timeout    time.Duration `json:"timeout,omitempty"` // of a call; 0 means DefaultTimeout
	// IncludeToken puts the text of a new instance token into the data of
	// newJwt. It is a credential: whoever reads the receiver's logs can act for
	// the instance. CodeChat sends it always; here a person has to ask for it.
	IncludeToken bool `json:"includeToken,omitempty"`
	// Stopped says that calls have ceased because the receiver is gone. Events
	// keep waiting for StoppedKeep. ResumedAt is when a person lifted that.
	Stopped   Stopped   `json:"stopped,omitzero"`
	ResumedAt time.Time `json:"resumedAt,omitzero"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	Rev       uint64    `json:"rev"` // counts edits
}

// Ordering says what happens to the deliveries behind one that fails.
type Ordering string

// The orderings. The zero Ordering lets the lane go on after the third failure
// of a delivery.
const (
	OrderingParked Ordering = ""
	OrderingStrict Ordering = "strict" // the lane waits for it
)

// The limits of a call's time.
const (
	DefaultTimeout = safehttp.CallTimeout
	MinTimeout     = 3 * time.Second
	MaxTimeout     = 60 * time.Second
)

// StoppedKeep is how long events wait for a webhook that was stopped.
const StoppedKeep = 7 * 24 * time.Hour

// Stopped is when and why a webhook's calls ceased; the zero value means that
// they did not.
type Stopped struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"` // a catalogue key
}

// The reasons of Stopped: catalogue keys.
const (
	StoppedGone     = "hooks.stopped.gone"     // the receiver said 410 Gone
	StoppedHopeless = "hooks.stopped.hopeless" // days without one success
)

// IsZero says whether calls go on.
func (s Stopped) IsZero() bool { return s.At.IsZero() }

// secrets are those that calls are signed with at a time, the newest first.
func (w Webhook) secrets(now time.Time) []string {
	if w.Previous != "" && now.Before(w.PreviousUntil) {
		return []string{w.Secret, w.Previous}
	}
	return []string{w.Secret}
}

// timeout is how long a call may take.
func (w Webhook) timeout() time.Duration {
	if w.Timeout == 0 {
		return DefaultTimeout
	}
	return w.Timeout
}

// Count is how many webhooks an instance has.
type Count struct {
	All, Enabled int
	Failing      int // of the enabled ones: stopped, or its last calls failed
}

// Wants says whether an event of type t is to be queued for this webhook.
func (w Webhook) Wants(t event.Type) bool {
	return w.Enabled && w.Events.Toggles.Has(t)
}

// Events is the WebhookEvents record of CodeChat: the toggles with an id and
// times of their own.
type Events struct {
	ID        string    `json:"id"`
	Toggles   Toggles   `json:"toggles"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// Toggles says of each of the 19 types whether it is wanted. The zero value
// wants none. It is a value: changing a copy changes nothing else.
type Toggles uint32

// bits number the types. They are made once and never change: toggles are read
// for every delivery.
var bits = sync.OnceValue(func() map[event.Type]Toggles {
	all := make(map[event.Type]Toggles)
	for i, info := range event.All() {
		all[info.Type] = 1 << i
	}
	return all
})

func bit(t event.Type) Toggles { return bits()[t] }

// AllToggles wants every type: CodeChat's documented default.
func AllToggles() Toggles { return 1<<len(event.All()) - 1 }

// Has says whether t is wanted.
func (g Toggles) Has(t event.Type) bool { return g&bit(t) != 0 }

// With returns the toggles with t switched on or off.
func (g Toggles) With(t event.Type, on bool) Toggles {
	if on {
		return g | bit(t)
	}
	return g &^ bit(t)
}

// WithGroup returns the toggles with a whole group switched on or off.
func (g Toggles) WithGroup(group event.Group, on bool) Toggles {
	for _, info := range event.All() {
		if info.Group == group {
			g = g.With(info.Type, on)
		}
	}
	return g
}

// Count is how many types are wanted.
func (g Toggles) Count() int {
	n := 0
	for _, info := range event.All() {
		if g.Has(info.Type) {
			n++
		}
	}
	return n
}

// MarshalJSON writes an object of 19 booleans, so that the file can be read
// and the order of types may change.
func (g Toggles) MarshalJSON() ([]byte, error) {
	m := make(map[event.Type]bool, len(event.All()))
	for _, info := range event.All() {
		m[info.Type] = g.Has(info.Type)
	}
	return json.Marshal(m)
}

// UnmarshalJSON reads what MarshalJSON wrote. A type that is absent is off.
func (g *Toggles) UnmarshalJSON(raw []byte) error {
	var m map[string]bool
	if err := json.Unmarshal(raw, &m); err != nil {
		return fmt.Errorf("toggles: %w", err)
	}
	*g = 0
	for name, on := range m {
		if b := bit(event.Type(name)); b != 0 {
			if on {
				*g |= b
			}
			continue
		}
		if info, ok := event.Lookup(name); ok {
			*g = g.With(info.Type, on)
		}
	}
	return nil
}

// Errors that people see.
var (
	// ErrNotFound: the instance has no webhook with this id.
	ErrNotFound = problem.New(problem.NotFound, "error.webhook_not_found")
	// ErrChanged: somebody else saved first.
	ErrChanged = problem.New(problem.Conflict, "error.changed_elsewhere")
)
