package webhook

import "pombal/internal/event"

// CreateParams are the inputs of Service.Create.
type CreateParams struct {
	InstanceID string
	Name       string   // 1–64 characters after trimming, no control characters
	URL        string   // http or https, at most 2048 characters, no credentials, no fragment
	Enabled    bool     // CodeChat's default is off
	Toggles    *Toggles // nil: all 19, CodeChat's default
}

// UpdateParams are the inputs of Service.Update; nil leaves a field as it is.
type UpdateParams struct {
	Name    *string
	URL     *string
	Enabled *bool
	Rev     uint64 // the edit this one builds on; 0 does not check
}

// ToggleChanges says for some types whether they are wanted from now on.
type ToggleChanges map[event.Type]bool
