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

	"pombal/internal/webhook"
)

// The tests of the dispatcher run in a bubble with a clock of its own
// (synctest), so hours pass at once and "everything has come to rest" can be
// waited for.

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
		var mu sync.Mutex
		busy, most := 0, 0
		count := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			busy += by
			most = max(most, busy)
		}
		s := &script{answer: func(context.Context, webhook.Job) webhook.Reply {
			count(1)
			time.Sleep(2 * time.Second)
			count(-1)
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
		mu.Lock()
		if most != 256 || len(m.final()) != 1800 {
			t.Errorf("at most %d at once and %d delivered, want 256 and 1800", most, len(m.final()))
		}
		mu.Unlock()
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
