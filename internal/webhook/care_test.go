package webhook_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pombal/internal/webhook"
)

// stops notes what the dispatcher asks for, and does it.
type stops struct {
	mu      sync.Mutex
	reasons []string
}

func (s *stops) into(m *memory) func(context.Context, webhook.Webhook, string) error {
	return func(_ context.Context, w webhook.Webhook, reason string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.reasons = append(s.reasons, reason)
		m.change(w.ID, func(w *webhook.Webhook) { w.Stopped = webhook.Stopped{At: time.Now(), Reason: reason} })
		return nil
	}
}

func (s *stops) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.reasons)
}

// While a receiver rests, deliveries spend no attempts, and the rests grow.
func TestBreakerSpendsNoAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 200)
		s := &script{answer: always(500)}
		d := start(t, m, s)
		time.Sleep(time.Hour)
		synctest.Wait()
		// Ten attempts open it; then the rests double from 30 s to ten minutes.
		if n := len(s.all()); n < 15 || n > 22 {
			t.Errorf("%d attempts in an hour, want about 19", n)
		}
		spent := 0
		for _, r := range m.pending() {
			spent += r.Attempts
		}
		if spent != len(s.all()) {
			t.Errorf("%d attempts are noted, %d were made", spent, len(s.all()))
		}
		stop(t, d)
	})
}

// A person ends the rest at once.
func TestRetryEndsTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 50)
		broken := true
		s := &script{answer: func(context.Context, webhook.Job) webhook.Reply {
			if broken {
				return status(500)
			}
			return status(200)
		}}
		d := start(t, m, s)
		time.Sleep(time.Hour)
		synctest.Wait()
		broken = false
		d.Retry("w1")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if n := len(m.final()); n < 40 {
			t.Errorf("%d deliveries went out at once, want nearly all", n)
		}
		stop(t, d)
	})
}

func TestGoneStopsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, asked := newMemory(), &stops{}
		m.hook("w1", "")
		m.add("w1", 3)
		s := &script{answer: always(410)}
		d := start(t, m, s, func(deps *webhook.DispatcherDeps) { deps.Stop = asked.into(m) })
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := asked.all(); !slices.Equal(got, []string{webhook.StoppedGone}) || len(s.all()) != 1 {
			t.Errorf("stopped %v after %d attempts, want once after one", got, len(s.all()))
		}
		if n := len(m.pending()); n != 2 {
			t.Errorf("%d wait, want the other two", n)
		}
		stop(t, d)
	})
}

// Days without success stop a webhook; what waits is dropped after seven more.
func TestHopelessReceiverIsStopped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, asked := newMemory(), &stops{}
		m.hook("w1", "")
		m.add("w1", 300)
		s := &script{answer: always(500)}
		d := start(t, m, s, func(deps *webhook.DispatcherDeps) { deps.Stop = asked.into(m) })
		time.Sleep(5*24*time.Hour - time.Hour)
		synctest.Wait()
		if got := asked.all(); len(got) != 0 {
			t.Errorf("stopped %v before five days", got)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if got := asked.all(); !slices.Equal(got, []string{webhook.StoppedHopeless}) {
			t.Errorf("stopped %v, want once after five days", got)
		}
		made := len(s.all())
		m.add("w1", 1) // queued later, so it waits longer
		time.Sleep(3 * 24 * time.Hour)
		synctest.Wait()
		if len(s.all()) != made {
			t.Error("attempts went on")
		}
		for _, f := range m.final() {
			if f.Status == webhook.StatusDropped && f.Reason != webhook.ReasonExpired {
				t.Errorf("dropped with %q", f.Reason)
			}
		}
		// What was tried and is due later waits behind the newest.
		if n := len(m.pending()); n < 1 || n > 100 {
			t.Errorf("%d wait after seven days, want the newest and few others", n)
		}
		time.Sleep(5 * 24 * time.Hour)
		synctest.Wait()
		if n := len(m.pending()); n != 0 {
			t.Errorf("%d wait after twelve days", n)
		}
		stop(t, d)
	})
}

// One success now and then keeps a webhook alive.
func TestSporadicSuccessKeepsItGoing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, asked := newMemory(), &stops{}
		m.hook("w1", "")
		m.add("w1", 2000)
		var last time.Time
		s := &script{answer: func(context.Context, webhook.Job) webhook.Reply {
			if time.Since(last) > 48*time.Hour {
				last = time.Now()
				return status(200)
			}
			return status(500)
		}}
		d := start(t, m, s, func(deps *webhook.DispatcherDeps) { deps.Stop = asked.into(m) })
		time.Sleep(20 * 24 * time.Hour)
		synctest.Wait()
		if got := asked.all(); len(got) != 0 {
			t.Errorf("stopped %v", got)
		}
		stop(t, d)
	})
}

func TestStrictOrderingWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.change("w1", func(w *webhook.Webhook) { w.Ordering = webhook.OrderingStrict })
		m.add("w1", 3)
		healed := time.Now().Add(20 * time.Minute)
		s := &script{answer: func(_ context.Context, job webhook.Job) webhook.Reply {
			if job.Event.ID == "e1" && time.Now().Before(healed) {
				return status(500)
			}
			return status(200)
		}}
		d := start(t, m, s)
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		got := slices.Compact(s.of("w1"))
		if !slices.Equal(got, events(1, 3)) {
			t.Errorf("order %v, want e1 to its end first", got)
		}
		stop(t, d)
	})
}

func TestQueueIsCapped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 120)
		told := 0
		d := start(t, m, &script{answer: always(500)}, func(deps *webhook.DispatcherDeps) {
			deps.MaxQueue = webhook.QueueLimit{Rows: 100, Bytes: 1 << 30}
			deps.Changed = func(string) { told++ }
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		rows := m.pending()
		if len(rows) != 100 || rows[0].EventID != "e21" {
			t.Errorf("%d wait from %s, want the newest 100", len(rows), rows[0].EventID)
		}
		if told == 0 {
			t.Error("nobody was told")
		}
		stop(t, d)
	})
}

// A queue of few but large events makes room as well.
func TestQueueIsCappedInBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 10)
		each := int64(m.pending()[0].Size)
		d := start(t, m, &script{answer: always(500)}, func(deps *webhook.DispatcherDeps) {
			deps.MaxQueue = webhook.QueueLimit{Rows: 100, Bytes: 4*each + 2}
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		if rows := m.pending(); len(rows) != 4 || rows[3].EventID != "e10" {
			t.Errorf("%d wait, want the newest 4", len(rows))
		}
		stop(t, d)
	})
}
