package webhook_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pombal/internal/event"
	"pombal/internal/webhook"
)

// The tests of this file run in a bubble with a clock of its own (synctest), so
// hours pass at once and "everything has come to rest" can be waited for.

func events(from, to int) []string {
	var ids []string
	for i := from; i <= to; i++ {
		ids = append(ids, fmt.Sprintf("e%d", i))
	}
	return ids
}

func TestDeliversInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 5)
		var busy atomic.Int32
		s := &script{answer: func(context.Context, webhook.Job) webhook.Reply {
			if busy.Add(1) > 1 {
				t.Error("two attempts of one lane at the same time")
			}
			time.Sleep(10 * time.Millisecond)
			busy.Add(-1)
			return status(204)
		}}
		d := start(t, m, s)
		time.Sleep(25 * time.Millisecond)
		m.add("w1", 5)
		d.Wake("w1")
		time.Sleep(time.Second)
		synctest.Wait()
		if got := s.of("w1"); !slices.Equal(got, events(1, 10)) {
			t.Errorf("attempts %v, want e1 to e10 in order", got)
		}
		for _, f := range m.final() {
			if f.Status != webhook.StatusDelivered || f.Attempts != 1 || f.Last == nil || f.Last.StatusCode != 204 {
				t.Errorf("delivery %d: got %+v, want delivered at the first attempt", f.ID, f)
			}
		}
		stop(t, d)
	})
}

func TestRetriesBySchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 1)
		s := &script{answer: always(500)}
		begin := time.Now()
		d := start(t, m, s)
		time.Sleep(100 * time.Hour)
		synctest.Wait()
		want := []time.Duration{
			0, 5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour,
			5 * time.Hour, 10 * time.Hour, 24 * time.Hour,
		}
		calls := s.all()
		if len(calls) != len(want) {
			t.Fatalf("%d attempts, want %d", len(calls), len(want))
		}
		before := begin
		for i, c := range calls {
			if wait := c.at.Sub(before); wait != want[i] {
				t.Errorf("attempt %d came after %v, want %v", i+1, wait, want[i])
			}
			before = c.at
		}
		final := m.final()
		if len(final) != 1 || final[0].Status != webhook.StatusDead || final[0].Reason != webhook.ReasonGaveUp ||
			final[0].Attempts != 10 || final[0].Parked {
			t.Errorf("got %+v, want dead after ten attempts", final)
		}
		stop(t, d)
	})
}

func TestSpreadOfTheWaits(t *testing.T) {
	t.Parallel()
	for roll, want := range map[float64]time.Duration{0: 4 * time.Second, 0.5: 5 * time.Second, 1: 6 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			m := newMemory()
			m.hook("w1", "")
			m.add("w1", 1)
			begin := time.Now()
			d := start(t, m, &script{answer: always(500)}, func(d *webhook.DispatcherDeps) {
				d.Roll = func() float64 { return roll }
			})
			synctest.Wait()
			if got := m.pending()[0].NextAt.Sub(begin); got != want {
				t.Errorf("roll %v: next attempt after %v, want %v", roll, got, want)
			}
			stop(t, d)
		})
	}
}

func TestParksAfterTheThirdFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 4)
		healed := time.Now().Add(time.Hour)
		s := &script{answer: func(_ context.Context, job webhook.Job) webhook.Reply {
			if job.Event.ID == "e2" && time.Now().Before(healed) {
				return status(400)
			}
			return status(200)
		}}
		begin := time.Now()
		d := start(t, m, s)
		time.Sleep(36 * time.Second)
		synctest.Wait()
		if got := s.of("w1"); !slices.Equal(got, []string{"e1", "e2", "e2", "e2", "e3", "e4"}) {
			t.Errorf("attempts %v, want e3 right after the third failure of e2", got)
		}
		if moved := s.all()[4].at.Sub(begin); moved != 35*time.Second {
			t.Errorf("the lane moved on after %v, want 35 s", moved)
		}
		if rows := m.pending(); len(rows) != 1 || !rows[0].Parked || rows[0].Attempts != 3 {
			t.Errorf("got %+v, want e2 parked with three attempts", rows)
		}
		m.add("w1", 1)
		d.Wake("w1")
		synctest.Wait()
		if got := s.of("w1"); got[len(got)-1] != "e5" {
			t.Errorf("attempts %v, want e5 without a wait for the parked one", got)
		}
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		final := m.final()
		if last := final[len(final)-1]; last.EventID != "e2" || last.Status != webhook.StatusDelivered || last.Parked {
			t.Errorf("got %+v, want e2 delivered in the end", last)
		}
		stop(t, d)
	})
}

func TestStrictScheduleNeverMovesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 2)
		s := &script{answer: func(_ context.Context, job webhook.Job) webhook.Reply {
			if job.Event.ID == "e1" {
				return status(500)
			}
			return status(200)
		}}
		d := start(t, m, s, func(d *webhook.DispatcherDeps) {
			d.Schedule = webhook.Schedule{Delays: slices.Repeat([]time.Duration{time.Second}, 5)}
		})
		time.Sleep(time.Minute)
		synctest.Wait()
		want := append(slices.Repeat([]string{"e1"}, 6), "e2")
		if got := s.of("w1"); !slices.Equal(got, want) {
			t.Errorf("attempts %v, want %v", got, want)
		}
		stop(t, d)
	})
}

func TestRestartInTheMiddle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 3)
		failing := &script{answer: always(503)}
		begin := time.Now()
		d := start(t, m, failing)
		time.Sleep(6 * time.Second) // two attempts were made, the third is due at 35 s
		stop(t, d)
		time.Sleep(10 * time.Second)
		good := &script{answer: always(200)}
		d = start(t, m, good)
		time.Sleep(time.Minute)
		synctest.Wait()
		calls := good.all()
		if len(failing.all()) != 2 || len(calls) != 3 {
			t.Fatalf("%d attempts before and %d after the restart, want 2 and 3", len(failing.all()), len(calls))
		}
		if at := calls[0].at.Sub(begin); at != 35*time.Second {
			t.Errorf("the third attempt came %v after the first, want 35 s", at)
		}
		if final := m.final(); final[0].Attempts != 3 || !slices.Equal(good.of("w1"), events(1, 3)) {
			t.Errorf("got %+v in the order %v", final[0], good.of("w1"))
		}
		stop(t, d)
	})
}

func TestSlowReceiverHoldsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		for i := range 50 {
			id := fmt.Sprintf("w%d", i)
			m.hook(id, "")
			m.add(id, 20)
		}
		var mu sync.Mutex
		done := make(map[string]time.Duration)
		begin := time.Now()
		s := &script{answer: func(_ context.Context, job webhook.Job) webhook.Reply {
			if job.Webhook.ID == "w7" {
				time.Sleep(15 * time.Second)
				return webhook.Reply{Attempt: webhook.Attempt{Error: "timeout"}}
			}
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			done[job.Webhook.ID] = time.Since(begin)
			return status(200)
		}}
		d := start(t, m, s)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		mu.Lock()
		for id, took := range done {
			if took > time.Second {
				t.Errorf("%s was done after %v, want at most 1 s", id, took)
			}
		}
		if len(done) != 49 || len(m.final()) != 49*20 {
			t.Errorf("%d lanes and %d deliveries are done, want 49 and 980", len(done), len(m.final()))
		}
		mu.Unlock()
		time.Sleep(6 * time.Second) // let the slow attempt end by itself
		stop(t, d)
	})
}

func TestAtMost256AtOnceAndEveryLaneGetsItsTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		for i := range 600 {
			id := fmt.Sprintf("w%d", i)
			m.hook(id, "")
			m.add(id, 3)
		}
		var busy, most atomic.Int32
		s := &script{answer: func(context.Context, webhook.Job) webhook.Reply {
			if n := busy.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(2 * time.Second)
			busy.Add(-1)
			return status(200)
		}}
		d := start(t, m, s)
		time.Sleep(6*time.Second + time.Millisecond) // three rounds of 256 places
		seen := make(map[string]bool)
		for _, c := range s.all() {
			seen[c.webhook] = true
		}
		if len(seen) != 600 {
			t.Errorf("%d lanes had a turn after three rounds, want all 600", len(seen))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if most.Load() != 256 || len(m.final()) != 1800 {
			t.Errorf("at most %d at once and %d delivered, want 256 and 1800", most.Load(), len(m.final()))
		}
		stop(t, d)
	})
}

func TestSwitchedOffBeforeSending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("toggle", "")
		m.hook("disabled", "")
		m.hook("missing", "")
		m.add("toggle", 2)
		m.add("disabled", 2)
		m.add("missing", 1)
		m.change("toggle", func(w *webhook.Webhook) {
			w.Events.Toggles = w.Events.Toggles.With(event.MessagesUpsert, false)
		})
		m.change("disabled", func(w *webhook.Webhook) { w.Enabled = false })
		delete(m.bodies, "e5")
		s := &script{answer: always(200)}
		d := start(t, m, s)
		synctest.Wait()
		want := map[string]string{
			"toggle": webhook.ReasonToggleOff, "disabled": webhook.ReasonDisabled, "missing": webhook.ReasonEventGone,
		}
		final := m.final()
		for _, f := range final {
			if f.Status != webhook.StatusDropped || f.Reason != want[f.WebhookID] || f.Attempts != 0 {
				t.Errorf("%s: got %+v, want dropped with %s", f.WebhookID, f, want[f.WebhookID])
			}
		}
		if len(final) != 5 || len(s.all()) != 0 {
			t.Errorf("%d settled and %d attempts, want 5 and 0", len(final), len(s.all()))
		}
		stop(t, d)
	})
}

func TestEachToggleOffStopsItsType(t *testing.T) {
	t.Parallel()
	for _, info := range event.All() {
		synctest.Test(t, func(t *testing.T) {
			m := newMemory()
			m.hook("w1", "")
			m.add("w1", 2)
			m.rows[0].EventType = info.Type
			m.rows[1].EventType = info.Type
			s := &script{answer: func(context.Context, webhook.Job) webhook.Reply {
				m.change("w1", func(w *webhook.Webhook) { w.Events.Toggles = w.Events.Toggles.With(info.Type, false) })
				return status(200)
			}}
			d := start(t, m, s)
			synctest.Wait()
			if got := s.of("w1"); !slices.Equal(got, []string{"e1"}) {
				t.Errorf("%s: attempts %v, want none after the toggle went off", info.Type, got)
			}
			stop(t, d)
		})
	}
}

func TestLaneOfADeletedWebhookIsDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 2)
		m.add("gone", 3)
		s := &script{answer: always(200)}
		d := start(t, m, s)
		synctest.Wait()
		if !slices.Equal(m.dropped, []string{"gone"}) || len(m.pending()) != 0 || len(s.of("gone")) != 0 {
			t.Errorf("dropped %v, %d wait, attempts %v", m.dropped, len(m.pending()), s.of("gone"))
		}
		stop(t, d)
	})
}

func TestOutcomeByStatus(t *testing.T) {
	t.Parallel()
	cases := []struct {
		code   int
		want   webhook.DeliveryStatus
		reason string
	}{
		{200, webhook.StatusDelivered, ""}, {201, webhook.StatusDelivered, ""}, {204, webhook.StatusDelivered, ""},
		{299, webhook.StatusDelivered, ""}, {410, webhook.StatusDead, webhook.ReasonReceiverGone},
		{0, webhook.StatusPending, ""}, {199, webhook.StatusPending, ""}, {300, webhook.StatusPending, ""},
		{302, webhook.StatusPending, ""}, {304, webhook.StatusPending, ""}, {400, webhook.StatusPending, ""},
		{404, webhook.StatusPending, ""}, {429, webhook.StatusPending, ""}, {500, webhook.StatusPending, ""},
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c.code), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.hook("w1", "")
				m.add("w1", 1)
				d := start(t, m, &script{answer: always(c.code)})
				synctest.Wait()
				got := append(m.final(), m.pending()...)[0]
				if got.Status != c.want || got.Reason != c.reason || got.Attempts != 1 {
					t.Errorf("got %s %q after %d attempts, want %s %q", got.Status, got.Reason, got.Attempts, c.want, c.reason)
				}
				stop(t, d)
			})
		})
	}
}

func TestReceiverIsLeftAloneAsItAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 3)
		open := time.Now().Add(10 * time.Minute)
		s := &script{answer: func(context.Context, webhook.Job) webhook.Reply {
			if time.Now().Before(open) {
				r := status(429)
				r.RetryAfter = 10 * time.Minute
				return r
			}
			return status(200)
		}}
		begin := time.Now()
		d := start(t, m, s)
		synctest.Wait()
		if at := m.pending()[0].NextAt.Sub(begin); at != 10*time.Minute {
			t.Errorf("stored for %v later, want 10 min, so that a restart knows", at)
		}
		for range 60 {
			time.Sleep(5 * time.Second)
			m.add("w1", 1)
			d.Wake("w1")
			d.Wake()
		}
		if n := len(s.all()); n != 1 {
			t.Errorf("%d attempts in the first five minutes, want 1", n)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if calls := s.all(); len(calls) != 64 || calls[1].at.Sub(begin) != 10*time.Minute {
			t.Errorf("%d attempts, the second after %v; want 64 and 10 min", len(calls), calls[1].at.Sub(begin))
		}
		if final := m.final(); len(final) != 63 {
			t.Errorf("%d delivered, want 63", len(final))
		}
		stop(t, d)
	})
}

func TestPauseHoldsForTheWholeLane(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 5)
		s := &script{answer: func(_ context.Context, job webhook.Job) webhook.Reply {
			r := status(503)
			if job.Delivery.Attempts == 2 {
				r.RetryAfter = time.Hour
			}
			return r
		}}
		d := start(t, m, s)
		time.Sleep(50 * time.Minute) // the third attempt was made after 35 s
		if got := s.of("w1"); !slices.Equal(got, []string{"e1", "e1", "e1"}) {
			t.Errorf("attempts %v, want none of e2 while the receiver wants to be left alone", got)
		}
		stop(t, d)
	})
}

func TestWakeStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		for i := range 10 {
			m.hook(fmt.Sprintf("w%d", i), "")
		}
		s := &script{answer: always(200)}
		d := start(t, m, s)
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				id := fmt.Sprintf("w%d", i)
				for n := range 1000 {
					if n%10 == 0 {
						m.add(id, 1)
					}
					d.Wake(id)
					if n%100 == 0 {
						d.Wake()
					}
				}
			})
		}
		wg.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(m.final()); n != 1000 || len(s.all()) != 1000 {
			t.Errorf("%d delivered in %d attempts, want 1000 in 1000", n, len(s.all()))
		}
		stop(t, d)
		d.Wake("w1") // allowed at any time
	})
}

func TestForgottenWakeIsMadeUpFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		s := &script{answer: always(200)}
		d := start(t, m, s)
		synctest.Wait()
		m.add("w1", 1)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if len(m.final()) != 1 {
			t.Error("an event nobody woke for was still not delivered after two minutes")
		}
		stop(t, d)
	})
}

func TestStoreFailuresAreWaitedFor(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"Lanes", "Next", "Settle", "DropLane"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.hook("w1", "")
				m.add("w1", 2)
				m.add("gone", 1)
				failures := 0
				m.setFail(func(called string) error {
					if called != method {
						return nil
					}
					failures++
					return errDisk
				})
				s := &script{answer: always(200)}
				d := start(t, m, s)
				for range 100 { // a storm must not turn into a busy loop
					time.Sleep(100 * time.Millisecond)
					d.Wake("w1", "gone")
				}
				synctest.Wait()
				m.mu.Lock()
				if n := failures; n < 5 || n > 25 {
					t.Errorf("%d failures in 10 s, want about one a second and lane", n)
				}
				m.mu.Unlock()
				m.setFail(nil)
				time.Sleep(3 * time.Second)
				synctest.Wait()
				if len(m.final()) != 2 || len(m.pending()) != 0 || len(s.all()) != 2 {
					t.Errorf("%d delivered, %d wait, %d attempts; want 2, 0, 2", len(m.final()), len(m.pending()), len(s.all()))
				}
				stop(t, d)
			})
		})
	}
}

func TestIdleLanesAreNotPolled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 1)
		d := start(t, m, &script{answer: always(500)})
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		// One look a minute by the sweep, and two for each of the attempts.
		if n := m.looks(); n > 3*60+20 {
			t.Errorf("the outbox was asked %d times in three hours, want about 190", n)
		}
		stop(t, d)
	})
}

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

func TestCloseLetsRunningAttemptsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 2)
		s := &script{answer: func(context.Context, webhook.Job) webhook.Reply {
			time.Sleep(3 * time.Second)
			return status(200)
		}}
		d := start(t, m, s)
		time.Sleep(time.Second)
		begin := time.Now()
		stop(t, d)
		if took := time.Since(begin); took != 2*time.Second {
			t.Errorf("close took %v, want the 2 s that the attempt needed", took)
		}
		if len(m.final()) != 1 || len(m.pending()) != 1 || len(s.all()) != 1 {
			t.Errorf("%d delivered, %d wait, %d attempts; want one each", len(m.final()), len(m.pending()), len(s.all()))
		}
	})
}

func TestCloseCutsOffWhatHangs(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]time.Duration{"grace": time.Hour, "context": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.hook("w1", "")
				m.add("w1", 1)
				d := start(t, m, &script{answer: func(ctx context.Context, _ webhook.Job) webhook.Reply {
					<-ctx.Done()
					return webhook.Reply{Attempt: webhook.Attempt{Error: "cut off"}}
				}})
				synctest.Wait()
				begin := time.Now()
				ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
				defer cancel()
				err := d.Close(ctx)
				if took := time.Since(begin); took != min(limit, 5*time.Second) {
					t.Errorf("close took %v, want %v", took, min(limit, 5*time.Second))
				}
				if (err != nil) != (limit < 5*time.Second) {
					t.Errorf("close: %v", err)
				}
				if rows := m.pending(); len(rows) != 1 || rows[0].Attempts != 0 {
					t.Errorf("got %+v, want the delivery as if it had not been tried", rows)
				}
			})
		})
	}
}

func TestCloseWhileTheStoreFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 1)
		m.setFail(func(method string) error {
			if method == "Settle" {
				return errDisk
			}
			return nil
		})
		d := start(t, m, &script{answer: always(200)})
		time.Sleep(10 * time.Second)
		begin := time.Now()
		stop(t, d)
		if took := time.Since(begin); took > time.Second {
			t.Errorf("close took %v", took)
		}
		if len(m.pending()) != 1 {
			t.Error("a delivery whose outcome was not stored must stay")
		}
	})
}

func TestStartAndCloseInAnyOrder(t *testing.T) {
	t.Parallel()
	m := newMemory()
	deps := webhook.DispatcherDeps{Outbox: m, Sender: &script{answer: always(200)}}
	never := webhook.NewDispatcher(deps)
	stop(t, never)
	if err := never.Start(t.Context()); err == nil {
		t.Error("a closed dispatcher was started")
	}
	d := webhook.NewDispatcher(deps)
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.Start(t.Context()); err == nil {
		t.Error("a dispatcher was started twice")
	}
	stop(t, d)
	stop(t, d)
}

func TestEndOfTheStartContextEndsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		ctx, cancel := context.WithCancel(t.Context())
		d := webhook.NewDispatcher(webhook.DispatcherDeps{Outbox: m, Sender: &script{answer: func(ctx context.Context, _ webhook.Job) webhook.Reply {
			if ctx.Err() != nil {
				t.Error("an attempt was made with an ended context")
			}
			return status(200)
		}}})
		if err := d.Start(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		m.add("w1", 1)
		d.Wake("w1")
		synctest.Wait()
		if len(m.final()) != 1 {
			t.Error("the dispatcher stopped with the context of Start")
		}
		stop(t, d)
	})
}

func TestChangedIsToldOfEachOutcome(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.hook("w1", "")
		m.add("w1", 3)
		m.add("gone", 1)
		var mu sync.Mutex
		told := make(map[string]int)
		d := start(t, m, &script{answer: always(200)}, func(d *webhook.DispatcherDeps) {
			d.Changed = func(id string) {
				mu.Lock()
				defer mu.Unlock()
				told[id]++
			}
		})
		synctest.Wait()
		mu.Lock()
		if told["w1"] != 3 || told["gone"] != 1 {
			t.Errorf("told %v, want w1 three times and gone once", told)
		}
		mu.Unlock()
		stop(t, d)
	})
}
