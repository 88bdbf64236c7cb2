package webhook_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pombal/internal/webhook"
)

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
