package webhook

import (
	"net/http"
	"time"
)

// The reasons of deliveries that are dropped or dead: catalogue keys.
const (
	ReasonToggleOff    = "delivery.toggle_off"    // the type was switched off meanwhile
	ReasonDisabled     = "delivery.disabled"      // the webhook was switched off meanwhile
	ReasonEventGone    = "delivery.event_gone"    // the event is no longer stored
	ReasonGaveUp       = "delivery.gave_up"       // the last attempt failed
	ReasonReceiverGone = "delivery.receiver_gone" // the receiver said 410 Gone
)

// Reasons returns all reasons, so that catalogues can be checked for
// completeness.
func Reasons() []string {
	return []string{ReasonToggleOff, ReasonDisabled, ReasonEventGone, ReasonGaveUp, ReasonReceiverGone}
}

// work is one turn of a lane: one delivery after the other until nothing is
// due, somebody has to be waited for or the turn is over. floor is the time
// that the outbox is asked for at least, the first time.
func (d *Dispatcher) work(id string, floor time.Time) turn {
	start := time.Now()
	for {
		if d.isClosing() {
			return turn{id: id, more: true}
		}
		now := d.deps.Now()
		if floor.After(now) {
			now = floor
		}
		floor = time.Time{}
		job, due, ok, err := d.deps.Outbox.Next(d.storeCtx, id, now)
		if err != nil {
			d.deps.Log.Error("read the outbox", "webhook", id, "error", err)
			return turn{id: id, wait: storeWait}
		}
		if !ok {
			return turn{id: id, due: due}
		}
		if job.Gone {
			return d.drop(id)
		}
		pause, settled := d.handle(job)
		if !settled {
			return turn{id: id, more: true}
		}
		if pause > 0 {
			return turn{id: id, wait: pause}
		}
		if time.Since(start) > turnTime {
			return turn{id: id, more: true}
		}
	}
}

func (d *Dispatcher) drop(id string) turn {
	if err := d.deps.Outbox.DropLane(d.storeCtx, id); err != nil {
		d.deps.Log.Error("drop the lane of a deleted webhook", "webhook", id, "error", err)
		return turn{id: id, wait: storeWait}
	}
	d.deps.Changed(id)
	return turn{id: id}
}

// handle brings one delivery a step further and stores the outcome. settled is
// false when a shutdown came between; pause is how long the receiver asked to
// be left alone.
func (d *Dispatcher) handle(job Job) (pause time.Duration, settled bool) {
	out := job.Delivery
	if reason := unwanted(job); reason != "" {
		out.Status, out.Reason, out.NextAt, out.Parked = StatusDropped, reason, time.Time{}, false
		return 0, d.settle(out)
	}
	reply := d.deps.Sender.Send(d.sendCtx, job)
	if d.sendCtx.Err() != nil && reply.Attempt.StatusCode == 0 {
		return 0, false // cut off by us, so it says nothing about the receiver
	}
	return reply.RetryAfter, d.settle(d.outcome(out, reply))
}

// unwanted gives the reason why a queued delivery is no longer to be sent, ""
// when it is. It looks at the webhook as it is now: switching something off
// counts for what already waits.
func unwanted(job Job) string {
	switch {
	case !job.Webhook.Enabled:
		return ReasonDisabled
	case !job.Webhook.Events.Toggles.Has(job.Delivery.EventType):
		return ReasonToggleOff
	case len(job.Event.Body) == 0:
		return ReasonEventGone
	default:
		return ""
	}
}

// outcome is the delivery after an attempt.
func (d *Dispatcher) outcome(out Delivery, reply Reply) Delivery {
	out.Attempts++
	out.Last = &reply.Attempt
	out.NextAt = time.Time{}
	code := reply.Attempt.StatusCode
	wait, again := d.deps.Schedule.delay(out.Attempts, d.deps.Roll())
	switch {
	case code >= 200 && code <= 299:
		out.Status, out.Parked = StatusDelivered, false
	case code == http.StatusGone:
		out.Status, out.Reason, out.Parked = StatusDead, ReasonReceiverGone, false
	case !again:
		out.Status, out.Reason, out.Parked = StatusDead, ReasonGaveUp, false
	default:
		out.Status = StatusPending
		out.NextAt = d.deps.Now().Add(max(wait, reply.RetryAfter)).UTC().Round(0)
		park := d.deps.Schedule.ParkAfter
		out.Parked = out.Parked || (park > 0 && out.Attempts >= park)
	}
	return out
}

// settle stores an outcome, again and again until it is stored: an attempt
// that was made and then forgotten would be made twice. false means that a
// shutdown came first.
func (d *Dispatcher) settle(out Delivery) bool {
	for {
		err := d.deps.Outbox.Settle(d.storeCtx, out)
		if err == nil {
			d.deps.Changed(out.WebhookID)
			return true
		}
		d.deps.Log.Error("store the outcome of a delivery", "webhook", out.WebhookID, "delivery", out.ID, "error", err)
		timer := time.NewTimer(storeWait)
		select {
		case <-timer.C:
		case <-d.closing:
			timer.Stop()
			return false
		}
	}
}
