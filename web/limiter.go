package web

import (
	"math"
	"sync"
	"time"

	"pombal/internal/problem"
)

// limiter lets each caller do something some times in a row and then at a
// steady pace. Its zero value lets nobody do anything.
type limiter struct {
	burst float64 // how often in a row
	every time.Duration

	mu    sync.Mutex
	known map[string]allowance
}

// allowance is what a caller may still do, and when that was reckoned.
type allowance struct {
	left float64
	at   time.Time
}

// limiterMax is how many callers are remembered.
const limiterMax = 10_000

// allow counts one more time; problem.TooMany with the time to wait.
func (l *limiter) allow(caller string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, found := l.known[caller]
	if !found {
		if l.known == nil || len(l.known) >= limiterMax {
			l.known = make(map[string]allowance)
		}
		a = allowance{left: l.burst, at: now}
	}
	a.left = math.Min(l.burst, a.left+float64(now.Sub(a.at))/float64(l.every))
	a.at = now
	if a.left < 1 {
		l.known[caller] = a
		wait := time.Duration((1 - a.left) * float64(l.every))
		refusal := problem.New(problem.TooMany, "error.too_many", "seconds", seconds(wait))
		refusal.RetryAfter = wait
		return refusal
	}
	a.left--
	l.known[caller] = a
	return nil
}
