package instance

import (
	"sync"
	"time"
)

// Clock is time as the instances see it. Production has the system's; tests
// have one that they move by hand, so that hours pass in milliseconds.
type Clock interface {
	Now() time.Time
	// AfterFunc calls fn on another goroutine once d has passed.
	AfterFunc(d time.Duration, fn func()) Timer
}

// Timer is a call that is still to come.
type Timer interface {
	// Stop takes it back; false when it came or was taken back before.
	Stop() bool
}

// systemClock runs on the system's time.
type systemClock struct{ now func() time.Time }

var _ Clock = systemClock{}

func (c systemClock) Now() time.Time { return c.now() }

func (c systemClock) AfterFunc(d time.Duration, fn func()) Timer { return time.AfterFunc(d, fn) }

// lane spaces connection attempts out: one each interval, and a few at once
// after a quiet while. The zero value lets everybody pass at once.
type lane struct {
	every time.Duration
	burst int

	mu   sync.Mutex
	next time.Time // when the next attempt would be due if there were no burst
}

// reserve takes a place and says how long to wait for it.
func (l *lane) reserve(now time.Time) time.Duration {
	if l.every <= 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next.Before(now) {
		l.next = now
	}
	wait := l.next.Sub(now) - time.Duration(l.burst-1)*l.every
	l.next = l.next.Add(l.every)
	return max(wait, 0)
}
