package instancetest

import (
	"sync"
	"time"

	"pombal/internal/instance"
)

// Clock is a clock that a test moves by hand. It starts at the system's time,
// so that what the stand-in network stamps fits.
type Clock struct {
	mu     sync.Mutex
	now    time.Time
	timers map[*timer]struct{}
	count  int
}

type timer struct {
	clock *Clock
	at    time.Time
	order int
	fn    func()
}

var _ instance.Clock = (*Clock)(nil)

// NewClock makes a Clock.
func NewClock() *Clock { return &Clock{now: time.Now(), timers: make(map[*timer]struct{})} }

// Now is the time the test has moved to.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// AfterFunc calls fn when the test moves past d.
func (c *Clock) AfterFunc(d time.Duration, fn func()) instance.Timer {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	t := &timer{clock: c, at: c.now.Add(max(d, 0)), order: c.count, fn: fn}
	c.timers[t] = struct{}{}
	return t
}

// Stop takes a timer back.
func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	_, pending := t.clock.timers[t]
	delete(t.clock.timers, t)
	return pending
}

// Next is when the next timer fires; false when there is none.
func (c *Clock) Next() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.first(); t != nil {
		return t.at, true
	}
	return time.Time{}, false
}

func (c *Clock) first() *timer {
	var first *timer
	for t := range c.timers {
		if first == nil || t.at.Before(first.at) || t.at.Equal(first.at) && t.order < first.order {
			first = t
		}
	}
	return first
}

// AdvanceTo moves the clock and fires what is due on the way, in order. What
// those timers set going is under way when it returns, not done.
func (c *Clock) AdvanceTo(end time.Time) {
	for {
		c.mu.Lock()
		t := c.first()
		if t == nil || t.at.After(end) {
			if end.After(c.now) {
				c.now = end
			}
			c.mu.Unlock()
			return
		}
		delete(c.timers, t)
		if t.at.After(c.now) {
			c.now = t.at
		}
		c.mu.Unlock()
		t.fn()
	}
}

// Advance moves the clock by d.
func (c *Clock) Advance(d time.Duration) { c.AdvanceTo(c.Now().Add(d)) }
