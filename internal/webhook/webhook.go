// Package webhook owns where events go: the webhooks with their 19 toggles,
// and the dispatcher that delivers the outbox in order, again and again, until
// a receiver has said 2xx.
package webhook

import (
	"encoding/json"
	"fmt"
	"time"

	"pombal/internal/event"
	"pombal/internal/problem"
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
	Secret    string    `json:"secret"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	Rev       uint64    `json:"rev"` // counts edits
}

// Count is how many webhooks an instance has.
type Count struct{ All, Enabled int }

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

func bit(t event.Type) Toggles {
	for i, info := range event.All() {
		if info.Type == t {
			return 1 << i
		}
	}
	return 0
}

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
