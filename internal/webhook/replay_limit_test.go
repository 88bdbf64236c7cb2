package webhook_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"pombal/internal/problem"
	"pombal/internal/webhook"
)

// unasked is a ledger that fails when it is asked; its name keeps the embedded
// one from hiding its method.
type unasked interface{ webhook.Ledger }

// longWindow is a ledger whose every window holds n events. Nothing else of it
// may be asked.
type longWindow struct {
	unasked
	n int
}

func (l longWindow) WindowEvents(context.Context, webhook.Webhook, webhook.Window, int) ([]uint64, int, error) {
	return make([]uint64, min(l.n, webhook.MaxReplay)), l.n, nil
}

// A window with too many events is refused with their number, and nothing is
// queued.
func TestReplayOfALongWindow(t *testing.T) {
	t.Parallel()
	d := newDesk()
	w, err := d.Create(t.Context(), webhook.CreateParams{InstanceID: "i1", Name: "orders", URL: "https://example.com/hook", Enabled: true})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)
	hooks := webhook.NewService(webhook.ServiceDeps{
		Store: d.shelf, Outbox: d.outbox, Ledger: longWindow{n: webhook.MaxReplay + 1}, Now: func() time.Time { return now },
	})
	_, err = hooks.ReplayWindow(t.Context(), "i1", w.ID, webhook.Window{From: now.Add(-time.Hour), To: now})
	if got := faults(t, err)["from"]; got != "error.window_large" {
		t.Errorf("refused with %q, %v", got, err)
	}
	if e := problem.As(err); len(e.Fields) != 1 || !slices.Contains(e.Fields[0].Text.Args, any(webhook.MaxReplay+1)) {
		t.Errorf("the number is not told: %+v", e.Fields)
	}
}
