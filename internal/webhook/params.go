package webhook

import (
	"time"

	"pombal/internal/event"
)

// CreateParams are the inputs of Service.Create.
type CreateParams struct {
	InstanceID string
	Name       string   // 1–64 characters after trimming, no control characters
	URL        string   // http or https, at most 2048 characters, no credentials, no fragment
	Enabled    bool     // CodeChat's default is off
	Toggles    *Toggles // nil: all 19, CodeChat's default
	Settings   *Settings
}

// Settings are how calls are made. All of them are saved together.
type Settings struct {
	Ordering   Ordering
	Headers    Headers
	SkipVerify bool
	Timeout    time.Duration // from MinTimeout to MaxTimeout; 0 means DefaultTimeout
	// IncludeToken sends a new instance token along; see Webhook.
	IncludeToken bool
}

func (s Settings) apply(w *Webhook) {
	w.Ordering, w.Headers, w.SkipVerify, w.Timeout = s.Ordering, s.Headers, s.SkipVerify, s.Timeout
	w.IncludeToken = s.IncludeToken
}

// UpdateParams are the inputs of Service.Update; nil leaves a field as it is.
type UpdateParams struct {
	Name    *string
	URL     *string
	Enabled *bool
	// Toggles are those named and no others.
	Toggles  ToggleChanges
	Settings *Settings
	Rev      uint64 // the edit this one builds on; 0 does not check
}

// ToggleChanges says for some types whether they are wanted from now on.
type ToggleChanges map[event.Type]bool
