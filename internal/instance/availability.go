package instance

import (
	"context"
	"slices"
	"time"
)

// Availability is how much of a time span an instance was online.
type Availability struct {
	Window time.Duration // the span, back from now
	Online time.Duration // messages flowed
	Wanted time.Duration // they should have: linked and switched on
	Bar    []Slot        // the span in equal parts, oldest first
}

// Slot is one part of an Availability.
type Slot struct {
	From   time.Time
	Online time.Duration
	Wanted time.Duration
}

// Share is the part of the wanted time that was online, 0 to 1. known is false
// when nothing was wanted.
func (a Availability) Share() (share float64, known bool) { return share2(a.Online, a.Wanted) }

// Share is the same of a slot.
func (s Slot) Share() (share float64, known bool) { return share2(s.Online, s.Wanted) }

func share2(online, wanted time.Duration) (float64, bool) {
	if wanted <= 0 {
		return 0, false
	}
	return min(float64(online)/float64(wanted), 1), true
}

// Windows are the spans that pages show.
func Windows() []time.Duration {
	const day = 24 * time.Hour
	return []time.Duration{day, 7 * day, 30 * day}
}

// Availability computes from the timeline how much of the last window the
// instance was online, in so many slots. What is older than the timeline counts
// as not wanted.
func (m *Manager) Availability(ctx context.Context, id string, window time.Duration, slots int) (Availability, error) {
	if _, err := m.runner(id); err != nil {
		return Availability{}, err
	}
	m.deps.story.flush()
	now := m.deps.Now()
	moments, err := m.deps.Store.Timeline(ctx, id, now.Add(-window), 0)
	if err != nil {
		return Availability{}, err
	}
	slices.Reverse(moments)
	return AvailabilityOf(moments, now, window, max(slots, 1)), nil
}

// AvailabilityOf adds up moments, oldest first. The first may lie before the
// window: it says how things stood at its beginning.
func AvailabilityOf(moments []Moment, now time.Time, window time.Duration, slots int) Availability {
	start := now.Add(-window)
	a := Availability{Window: window, Bar: make([]Slot, slots)}
	size := window / time.Duration(slots)
	for i := range a.Bar {
		a.Bar[i].From = start.Add(time.Duration(i) * size)
	}
	for i, m := range moments {
		end := now
		if i+1 < len(moments) {
			end = moments[i+1].At
		}
		a.add(m, later(m.At, start), end, size)
	}
	for _, s := range a.Bar {
		a.Online += s.Online
		a.Wanted += s.Wanted
	}
	return a
}

// add counts one stretch of time into the slots that it touches.
func (a *Availability) add(m Moment, from, to time.Time, size time.Duration) {
	if !m.Wanted {
		return
	}
	for i := range a.Bar {
		begin := later(a.Bar[i].From, from)
		end := a.Bar[i].From.Add(size)
		if to.Before(end) {
			end = to
		}
		if part := end.Sub(begin); part > 0 {
			a.Bar[i].Wanted += part
			if m.Online {
				a.Bar[i].Online += part
			}
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
