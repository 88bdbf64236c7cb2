package webhook_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"pombal/internal/webhook"
)

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
