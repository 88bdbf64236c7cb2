package webhook

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Schedule says when a failed delivery is attempted again.
type Schedule struct {
	// Delays holds the wait after each failed attempt; after one more failure
	// the delivery is dead.
	Delays []time.Duration
	// Spread is how far a wait may differ, as a part of it, so that the
	// receivers of one machine are not all called in the same second again.
	Spread float64
	// ParkAfter is after how many failed attempts the lane goes on without the
	// delivery; 0 means never: strict order.
	ParkAfter int
}

// DefaultSchedule makes ten attempts in 41.7 hours and parks a delivery after
// its third, about 35 seconds after the first.
func DefaultSchedule() Schedule {
	return Schedule{
		Delays: []time.Duration{
			5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
			2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 24 * time.Hour,
		},
		Spread:    0.2,
		ParkAfter: 3,
	}
}

// delay gives the wait after the given number of failed attempts; ok is false
// when there is none because all are used up. roll is from 0 to 1.
func (s Schedule) delay(attempts int, roll float64) (wait time.Duration, ok bool) {
	if attempts < 1 || attempts > len(s.Delays) {
		return 0, false
	}
	factor := 1 + s.Spread*(2*roll-1)
	return time.Duration(float64(s.Delays[attempts-1]) * factor), true
}

// longest is more than any wait that the schedule or a receiver can ask for. A
// delivery that is due later than that was given its time by a wrong clock.
func (s Schedule) longest() time.Duration {
	longest := maxRetryAfter
	for _, d := range s.Delays {
		longest = max(longest, time.Duration(float64(d)*(1+s.Spread)))
	}
	return longest + time.Hour
}

// maxRetryAfter is the longest wait that a receiver may ask for.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads a Retry-After header: seconds, also with a fraction, or a
// date. Anything else, and a time that is over, asks for nothing.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if strings.Trim(value, "0123456789.") == "" { // else ParseFloat takes 0x10, 1e3 and Inf as well
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil && !math.IsInf(seconds, 1) { // beyond all range is a number, too
			return 0
		}
		return time.Duration(min(math.Ceil(seconds), maxRetryAfter.Seconds())) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter)
	}
	return 0
}
