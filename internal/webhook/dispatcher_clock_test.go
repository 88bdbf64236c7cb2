package webhook_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pombal/internal/webhook"
)

// shifted is a wall clock that can be set.
type shifted struct{ by atomic.Int64 }

func (s *shifted) now() time.Time { return time.Now().Add(time.Duration(s.by.Load())).Round(0) }

func TestClockJumps(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{
		-365 * 24 * time.Hour, -24 * time.Hour, -time.Hour, time.Hour, 24 * time.Hour, 365 * 24 * time.Hour,
	} {
		t.Run(jump.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.hook("w1", "")
				m.add("w1", 1)
				var clock shifted
				s := &script{answer: always(500)}
				d := start(t, m, s, func(d *webhook.DispatcherDeps) { d.Now = clock.now })
				time.Sleep(36 * time.Second) // three attempts were made; the fourth is due in 2 min
				clock.by.Store(int64(jump))
				for range 30 { // wakes must not make it forget the time it had
					time.Sleep(10 * time.Second)
					d.Wake("w1")
				}
				synctest.Wait()
				if n := len(s.all()); n != 4 {
					t.Errorf("%d attempts after 5.6 minutes, want 4: none lost, none twice", n)
				}
				stop(t, d)
			})
		})
	}
}

func TestStoredTimeOfAWrongClockIsIgnored(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 1)
		m.rows[0].NextAt = time.Now().Add(400 * 24 * time.Hour)
		m.rows[0].Attempts = 1
		s := &script{answer: always(200)}
		d := start(t, m, s)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(m.final()) != 1 {
			t.Error("a delivery that a wrong clock put a year ahead was not made")
		}
		stop(t, d)
	})
}
