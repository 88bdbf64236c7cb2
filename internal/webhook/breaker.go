package webhook

import "time"

// When a receiver counts as failing, and how long it is then left alone.
const (
	breakRow     = 10 // failures in a row
	breakLeast   = 10 // attempts in the window before their share counts
	breakPercent = 70 // of the attempts in the window
	breakSlot    = 10 * time.Second
	breakSlots   = 30 // of breakSlot: a window of five minutes
	restFirst    = 30 * time.Second
	restLongest  = 10 * time.Minute
)

// breaker leaves a failing receiver alone for a while. What waits meanwhile
// spends none of its attempts. It is of one lane, which makes one attempt at a
// time, so the first attempt after the rest is the probe. Times are those of
// the steady clock.
type breaker struct {
	row   int // failures since the last success
	slots [breakSlots]breakCount
	rest  time.Duration // 0: the receiver is not being left alone
	until time.Time
}

// breakCount counts the attempts of one slot of the window.
type breakCount struct {
	slot       int64 // number of the slot since 1970
	all, wrong int
}

// wait is how long no attempt is to be made; 0 when one may be.
func (b *breaker) wait(now time.Time) time.Duration {
	if b.rest == 0 {
		return 0
	}
	return max(0, b.until.Sub(now))
}

// record notes how an attempt ended.
func (b *breaker) record(now time.Time, good bool) {
	switch {
	case b.rest > 0 && good:
		*b = breaker{}
	case b.rest > 0:
		b.rest = min(2*b.rest, restLongest)
		b.until = now.Add(b.rest)
	default:
		b.count(now, good)
		if b.failing(now) {
			b.rest, b.until = restFirst, now.Add(restFirst)
		}
	}
}

func (b *breaker) count(now time.Time, good bool) {
	slot := slotOf(now)
	c := &b.slots[slot%breakSlots]
	if c.slot != slot {
		*c = breakCount{slot: slot}
	}
	c.all++
	b.row++
	if good {
		b.row = 0
	} else {
		c.wrong++
	}
}

func (b *breaker) failing(now time.Time) bool {
	if b.row >= breakRow {
		return true
	}
	all, wrong, oldest := 0, 0, slotOf(now)-breakSlots
	for _, c := range b.slots {
		if c.slot > oldest {
			all, wrong = all+c.all, wrong+c.wrong
		}
	}
	return all >= breakLeast && wrong*100 >= all*breakPercent
}

func slotOf(t time.Time) int64 { return t.UnixNano() / int64(breakSlot) }
