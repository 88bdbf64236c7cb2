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
	ReasonExpired      = "delivery.expired"       // it waited too long for a webhook that was stopped
)

// Reasons returns all reasons, so that catalogues can be checked for
// completeness.
func Reasons() []string {
	return []string{ReasonToggleOff, ReasonDisabled, ReasonEventGone, ReasonGaveUp, ReasonReceiverGone, ReasonExpired}
}

// work is one turn of a lane: one delivery after the other until nothing is
// due, somebody has to be waited for or the turn is over. floor is the time
// that the outbox is asked for at least, the first time.
func (d *Dispatcher) work(id string, floor time.Time) turn {
	start := time.Now()
	care := d.careOf(id)
	if rest := care.breaker.wait(start); rest > 0 {
		return turn{id: id, wait: rest}
	}
	if err := d.trim(id, care, start); err != nil {
		d.deps.Log.Error("trim the outbox", "webhook", id, "error", err)
		return turn{id: id, wait: storeWait}
	}
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
		if !job.Webhook.Stopped.IsZero() && unwanted(job) == "" {
			if d.deps.Now().Sub(job.Delivery.QueuedAt) < StoppedKeep {
				return turn{id: id, wait: stoppedLook}
			}
			if !d.dropOne(job.Delivery, ReasonExpired) {
				return turn{id: id, more: true}
			}
			continue
		}
		pause, settled := d.handle(job, care)
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
	d.forget(id)
	d.deps.Changed(id)
	return turn{id: id}
}

func (d *Dispatcher) dropOne(out Delivery, reason string) (settled bool) {
	out.Status, out.Reason, out.NextAt, out.Parked = StatusDropped, reason, time.Time{}, false
	return d.settle(out)
}

// handle brings one delivery a step further and stores the outcome. settled is
// false when a shutdown came between; pause is how long the receiver is to be
// left alone: because it asked, or because it fails.
func (d *Dispatcher) handle(job Job, care *care) (pause time.Duration, settled bool) {
	if reason := unwanted(job); reason != "" {
		return 0, d.dropOne(job.Delivery, reason)
	}
	reply := d.deps.Sender.Send(d.sendCtx, job)
	if d.sendCtx.Err() != nil && reply.Attempt.StatusCode == 0 {
		return 0, false // cut off by us, so it says nothing about the receiver
	}
	if !d.settle(d.outcome(job, reply)) {
		return 0, false
	}
	now := time.Now()
	care.breaker.record(now, reply.Attempt.Good())
	if !reply.Attempt.Good() {
		d.judge(job.Webhook, reply.Attempt)
	}
	return max(reply.RetryAfter, care.breaker.wait(now)), true
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
func (d *Dispatcher) outcome(job Job, reply Reply) Delivery {
	out := job.Delivery
	out.add(reply.Attempt)
	out.NextAt = time.Time{}
	wait, again := d.deps.Schedule.delay(out.Attempts, d.deps.Roll())
	switch {
	case reply.Attempt.Good():
		out.Status, out.Parked = StatusDelivered, false
	case reply.Attempt.StatusCode == http.StatusGone:
		out.Status, out.Reason, out.Parked = StatusDead, ReasonReceiverGone, false
	case !again:
		out.Status, out.Reason, out.Parked = StatusDead, ReasonGaveUp, false
	default:
		out.Status = StatusPending
		out.NextAt = d.deps.Now().Add(max(wait, reply.RetryAfter)).UTC().Round(0)
		park := d.deps.Schedule.ParkAfter
		strict := park <= 0 || job.Webhook.Ordering == OrderingStrict
		out.Parked = out.Parked || (!strict && out.Attempts >= park)
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
