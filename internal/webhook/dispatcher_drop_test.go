package webhook_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"pombal/internal/event"
	"pombal/internal/webhook"
)

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
