package webhook

import (
	"math/rand/v2"
	"testing"
	"time"
)

// model says the same as breaker in the words of the rule: it keeps every
// attempt and counts anew.
type model struct {
	open  bool
	since time.Time
	rest  time.Duration
	past  []outcomeAt
}

type outcomeAt struct {
	at   time.Time
	good bool
}

func (m *model) wait(now time.Time) time.Duration {
	if !m.open || now.Sub(m.since) >= m.rest {
		return 0
	}
	return m.rest - now.Sub(m.since)
}

func (m *model) record(now time.Time, good bool) {
	if m.open && good {
		m.open, m.past = false, nil
		return
	}
	if m.open {
		m.since, m.rest = now, min(m.rest*2, 10*time.Minute)
		return
	}
	m.past = append(m.past, outcomeAt{now, good})
	row, all, bad := 0, 0, 0
	for _, o := range m.past {
		row++
		if o.good {
			row = 0
		}
		if o.at.Unix()/10 > now.Unix()/10-30 {
			all++
			if !o.good {
				bad++
			}
		}
	}
	if row >= 10 || all >= 10 && float64(bad) >= 0.7*float64(all) {
		m.open, m.since, m.rest = true, now, 30*time.Second
	}
	m.past = m.past[max(0, len(m.past)-400):]
}

// The breaker does what its rule says, over 100 000 random steps.
func TestBreakerAgainstTheModel(t *testing.T) {
	t.Parallel()
	const seed = 7
	r := rand.New(rand.NewPCG(seed, seed))
	var b breaker
	var m model
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	opened, longest := 0, time.Duration(0)
	share := 0.5
	for step := range 100_000 {
		if step%200 == 0 {
			share = r.Float64() // a receiver has good and bad days
		}
		switch r.IntN(20) {
		case 0:
			now = now.Add(time.Duration(r.Int64N(int64(12 * time.Minute))))
		case 1: // nothing passes
		default:
			now = now.Add(time.Second + time.Duration(r.Int64N(int64(8*time.Second))))
		}
		got, want := b.wait(now), m.wait(now)
		if got != want {
			t.Fatalf("seed %d, step %d: wait %v, want %v", seed, step, got, want)
		}
		if got > 0 {
			continue // a lane makes no attempt then
		}
		good := r.Float64() < share
		was := m.open
		b.record(now, good)
		m.record(now, good)
		if m.open && !was {
			opened++
		}
		longest = max(longest, b.wait(now))
	}
	if opened < 100 || longest != 10*time.Minute {
		t.Errorf("it opened %d times, longest rest %v: the walk shows too little", opened, longest)
	}
}
