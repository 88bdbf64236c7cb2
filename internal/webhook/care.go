package webhook

import (
	"net/http"
	"time"
)

// care is what the dispatcher keeps in mind of a webhook beside the outbox: it
// may be forgotten at any time. All but the map belongs to the lane's turn.
type care struct {
	breaker breaker
	trimmed time.Time // by the steady clock
}

func (d *Dispatcher) careOf(id string) *care {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := d.cares[id]
	if c == nil {
		c = &care{}
		d.cares[id] = c
	}
	return c
}

func (d *Dispatcher) forget(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.cares, id)
}

// Retry is Wake for a person: it ends the rest of a receiver that fails or that
// asked to be left alone.
func (d *Dispatcher) Retry(webhookID string) {
	d.mu.Lock()
	if !d.closed {
		// A turn under way keeps its own; the next one begins anew.
		delete(d.cares, webhookID)
		d.forced[webhookID] = true
	}
	d.mu.Unlock()
	d.Wake(webhookID)
}

// judge stops a webhook whose receiver is gone: it said so, or nothing
// succeeded for days.
func (d *Dispatcher) judge(w Webhook, last Attempt) {
	if d.deps.Stop == nil {
		return
	}
	reason := ""
	if last.StatusCode == http.StatusGone {
		reason = StoppedGone
	} else {
		h, err := d.deps.Outbox.WebhookHealth(d.storeCtx, w.ID)
		if err != nil {
			d.deps.Log.Error("read the health of a webhook", "webhook", w.ID, "error", err)
			return
		}
		if h.hopeless(w.ResumedAt) {
			reason = StoppedHopeless
		}
	}
	if reason == "" {
		return
	}
	// A failure to store this is made up for by the next failed attempt.
	if err := d.deps.Stop(d.storeCtx, w, reason); err != nil {
		d.deps.Log.Error("stop a webhook", "webhook", w.ID, "error", err)
	}
}

// trim drops the oldest deliveries of a queue that is too long. It is measured
// now and then only, so the queue may be somewhat longer.
func (d *Dispatcher) trim(id string, c *care, now time.Time) error {
	if !c.trimmed.IsZero() && now.Sub(c.trimmed) < trimEvery {
		return nil
	}
	dropped, err := d.deps.Outbox.TrimLane(d.storeCtx, id, d.deps.MaxQueue)
	if err != nil {
		return err
	}
	c.trimmed = now
	if dropped > 0 {
		d.deps.Log.Warn("a webhook's queue was full", "webhook", id, "dropped", dropped)
		d.deps.Changed(id)
	}
	return nil
}
