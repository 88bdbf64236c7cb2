package webhook

import "time"

// When a receiver that never succeeds is given up: after so long, and not
// before so many attempts over so long a time, so that one bad night does not
// count.
const (
	giveUpAfter    = 5 * 24 * time.Hour
	giveUpAttempts = 20
	giveUpSpread   = 12 * time.Hour
)

// Health is how the calls of one webhook went.
type Health struct {
	LastSuccess  time.Time `json:"lastSuccess,omitzero"`
	LastFailure  time.Time `json:"lastFailure,omitzero"`
	FailingSince time.Time `json:"failingSince,omitzero"` // the first failure after the last success
	Failures     int       `json:"failures,omitempty"`    // attempts since the last success
	Hours        []Hour    `json:"hours,omitempty"`       // the last day, oldest first
	// Overflow counts the deliveries that were dropped because the queue was
	// full.
	Overflow   uint64    `json:"overflow,omitempty"`
	OverflowAt time.Time `json:"overflowAt,omitzero"`
}

// Hour counts the attempts of one hour.
type Hour struct {
	Start int64 `json:"start"` // hours since 1970
	Good  int   `json:"good,omitempty"`
	Bad   int   `json:"bad,omitempty"`
}

// hoursKept is a day and the hour under way.
const hoursKept = 25

// Note adds an attempt.
func (h *Health) Note(at time.Time, good bool) {
	if good {
		h.LastSuccess, h.FailingSince, h.Failures = at, time.Time{}, 0
	} else {
		h.LastFailure = at
		h.Failures++
		if h.FailingSince.IsZero() {
			h.FailingSince = at
		}
	}
	start := at.Unix() / 3600
	if n := len(h.Hours); n == 0 || h.Hours[n-1].Start < start {
		h.Hours = append(h.Hours, Hour{Start: start})
	}
	last := &h.Hours[len(h.Hours)-1]
	if good {
		last.Good++
	} else {
		last.Bad++
	}
	h.Hours = h.Hours[max(0, len(h.Hours)-hoursKept):]
}

// Day counts the attempts of the last 24 hours.
func (h Health) Day(now time.Time) (good, bad int) {
	oldest := now.Unix()/3600 - hoursKept + 1
	for _, hour := range h.Hours {
		if hour.Start >= oldest {
			good, bad = good+hour.Good, bad+hour.Bad
		}
	}
	return good, bad
}

// failsAfter is after how many failed calls in a row a webhook is failing.
const failsAfter = 3

// Failing says whether somebody should look after a webhook with this health.
func (h Health) Failing(w Webhook) bool { return !w.Stopped.IsZero() || h.Failures >= failsAfter }

// hopeless says whether the receiver is to be given up. since is when a person
// switched the webhook on again, if one did.
func (h Health) hopeless(since time.Time) bool {
	if h.FailingSince.IsZero() || h.Failures < giveUpAttempts {
		return false
	}
	begin := h.FailingSince
	if since.After(begin) {
		begin = since
	}
	lasted := h.LastFailure.Sub(begin)
	return lasted >= giveUpAfter && lasted >= giveUpSpread
}
