package webhook_test

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

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
