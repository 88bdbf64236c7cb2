package instance_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/wasim"
)

// wire is a house with production's timing, whose clock the test moves.
type wire struct {
	*instancetest.House
	clock  *instancetest.Clock
	phone  *wasim.Phone
	id     string
	device types.JID
	// loginWait is how long settle waits for a login that is under way.
	loginWait time.Duration
}

func newWire(t *testing.T) *wire {
	t.Helper()
	timing := longTiming()
	clock := instancetest.NewClock()
	h := instancetest.New(t, instancetest.Options{Timing: &timing, Clock: clock})
	w := &wire{House: h, clock: clock, phone: h.Network.NewPhone("5511987650001", "Shop Front"), loginWait: patience}
	w.id = h.Create("shop").ID
	return w
}

func newLinkedWire(t *testing.T) *wire {
	t.Helper()
	w := newWire(t)
	w.device = w.Pair(w.id, w.phone)
	if err := w.Network.WaitSettled(shortly(t), w.device); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Minute) // the lanes are free again
	return w
}

// unanswered is how long a login is waited for where some have no answer.
const unanswered = 300 * time.Millisecond

// settle waits until the instance has nothing more to do.
func (w *wire) settle() { w.Manager.Settle(w.id, w.loginWait) }

// advance moves the clock. Not before the instance has settled: what it does is
// to be seen before it sets the timer that ends it.
func (w *wire) advance(d time.Duration) { w.advanceTo(w.clock.Now().Add(d)) }

func (w *wire) advanceTo(end time.Time) {
	w.settle()
	w.clock.AdvanceTo(end)
}

// hour lets an hour pass and counts the connections that were tried.
func (w *wire) hour() int {
	before := w.Network.Dials()
	end := w.clock.Now().Add(time.Hour)
	for {
		w.settle()
		next, ok := w.clock.Next()
		if !ok || next.After(end) {
			break
		}
		w.clock.AdvanceTo(next)
	}
	w.clock.AdvanceTo(end)
	w.settle()
	return w.Network.Dials() - before
}

// updates are the connection.update events so far.
func (w *wire) updates() []event.ConnectionData {
	var all []event.ConnectionData
	for _, ev := range w.Events(w.id) {
		if ev.Type != event.ConnectionUpdate {
			continue
		}
		var body struct {
			Data event.ConnectionData `json:"data"`
		}
		if err := json.Unmarshal(ev.Body, &body); err != nil {
			w.T.Fatal(err)
		}
		all = append(all, body.Data)
	}
	return all
}

// row is a row of the table of what can happen to a linked instance.
type row struct {
	name     string
	provoke  func(w *wire)
	phase    instance.Phase
	reason   instance.Reason
	code     int
	min, max int // connections in the next hour
	heals    bool
	webhook  []event.ConnectionData // after the hour; nil: nothing was told
}

func failure(reason int, expire time.Duration) func(*wire) {
	return func(w *wire) {
		w.Network.SetFaults(wasim.Faults{LoginFailure: &wasim.Failure{Reason: reason, Code: 104, Expire: expire, Times: 1 << 20}})
		w.Network.Drop(w.device)
		w.Phase(w.id, instance.PhaseReconnecting)
		w.step()
	}
}

// step lets the next timer fire and what follows settle.
func (w *wire) step() {
	w.settle()
	if next, ok := w.clock.Next(); ok {
		w.clock.AdvanceTo(next)
	}
	w.settle()
}

func refuse(status int) func(*wire) {
	return func(w *wire) {
		w.Network.SetFaults(wasim.Faults{RefuseDial: status})
		w.Network.Drop(w.device)
		w.Phase(w.id, instance.PhaseReconnecting)
		w.step()
	}
}

func stream(code string) func(*wire) {
	return func(w *wire) { w.Network.StreamError(w.device, code) }
}

func closed(code int) []event.ConnectionData {
	return []event.ConnectionData{{State: "close", StatusReason: code}}
}

func rows() []row {
	const (
		out, off, ban = instance.PhaseLoggedOut, instance.PhaseReconnecting, instance.PhaseBanned
		blocked       = instance.PhaseBlocked
	)
	return []row{
		{"401 at login", failure(401, 0), out, instance.ReasonPhoneRemoved, 401, 0, 0, false, closed(401)},
		{"403 at login", failure(403, 0), out, instance.ReasonPrimaryGone, 403, 0, 0, false, closed(403)},
		{"406 at login", failure(406, 0), out, instance.ReasonAccountBanned, 406, 0, 0, false, closed(406)},
		{"removed on the phone", func(w *wire) {
			if err := w.phone.RemoveDevice(context.Background(), w.device); err != nil {
				w.T.Error(err)
			}
		}, out, instance.ReasonPhoneRemoved, 401, 0, 0, false, closed(401)},
		{"ban for a day", failure(402, 24*time.Hour), ban, instance.ReasonTempBan, 402, 0, 0, false, closed(402)},
		{"ban for half an hour", failure(402, 30*time.Minute), ban, instance.ReasonTempBan, 402, 1, 1, false, closed(402)},
		{"outdated", failure(405, 0), instance.PhaseOutdated, instance.ReasonOutdated, 405, 0, 0, false, closed(405)},
		{"400", failure(400, 0), blocked, instance.ReasonRefused, 400, 3, 3, false, closed(400)},
		{"409", failure(409, 0), blocked, instance.ReasonRefused, 409, 3, 3, false, closed(409)},
		{"413", failure(413, 0), blocked, instance.ReasonRefused, 413, 0, 1, false, closed(413)},
		{"414", failure(414, 0), blocked, instance.ReasonRefused, 414, 0, 1, false, closed(414)},
		{"415", failure(415, 0), blocked, instance.ReasonRefused, 415, 3, 3, false, closed(415)},
		{"418", failure(418, 0), blocked, instance.ReasonRefused, 418, 3, 3, false, closed(418)},
		{"501", failure(501, 0), blocked, instance.ReasonRefused, 501, 3, 3, false, closed(501)},
		{"a number nobody knows", failure(599, 0), blocked, instance.ReasonRefused, 599, 3, 3, false, closed(599)},
		{"busy 500", failure(500, 0), off, instance.ReasonBusy, 500, 40, 100, false, closed(500)},
		{"busy 503", failure(503, 0), off, instance.ReasonBusy, 503, 40, 100, false, closed(503)},
		{"replaced", func(w *wire) { w.Network.Conflict(w.device) },
			instance.PhaseReplaced, instance.ReasonReplaced, 440, 0, 0, false, closed(440)},
		{"stream 503", stream("503"), off, instance.ReasonBusy, 503, 1, 1, true, nil},
		{"stream 777", stream("777"), off, instance.ReasonStream, 777, 1, 1, true, nil},
		{"drop", func(w *wire) { w.Network.Drop(w.device) }, off, instance.ReasonConnLost, 0, 1, 1, true, nil},
		{"front door 403", refuse(403), off, instance.ReasonFrontDoor, 403, 3, 6, false, closed(403)},
		{"front door 429", refuse(429), off, instance.ReasonFrontDoor, 429, 3, 6, false, closed(429)},
		{"front door 502", refuse(502), off, instance.ReasonFrontDoor, 502, 40, 100, false, closed(502)},
		{"no network", func(w *wire) {
			if err := w.Network.Stop(); err != nil {
				w.T.Error(err)
			}
			w.Phase(w.id, instance.PhaseReconnecting)
			w.step()
		}, off, instance.ReasonUnreachable, 0, 0, 0, false, closed(428)},
		{"a stranger's certificate", func(w *wire) {
			w.Network.SetFaults(wasim.Faults{BadCertificate: true})
			w.Network.Drop(w.device)
			w.Phase(w.id, instance.PhaseReconnecting)
			w.step()
		}, off, instance.ReasonUnreachable, 0, 40, 100, false, closed(428)},
	}
}

// Each row: what is stored, why, that it has its words, how often WhatsApp is
// bothered in the next hour, and what webhooks hear.
func TestWhatCanHappen(t *testing.T) {
	t.Parallel()
	for _, r := range rows() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			w := newLinkedWire(t)
			told := len(w.updates())
			r.provoke(w)
			w.Until("reason "+string(r.reason), func() bool {
				s := w.Get(w.id).Status
				return s.Phase == r.phase && s.Reason == r.reason && s.Code == r.code
			})
			stored, err := w.Store.Instance(context.Background(), w.id)
			if err != nil || stored.Status.Phase != r.phase || stored.Status.Reason != r.reason {
				t.Errorf("stored %+v, %v", stored.Status, err)
			}
			wantWords(t, r.reason)
			if n := w.hour(); n < r.min || n > r.max {
				t.Errorf("%d connections in the next hour, want %d to %d", n, r.min, r.max)
			}
			if got := w.Get(w.id).Status; r.heals != (got.Phase == instance.PhaseConnected) {
				t.Errorf("after an hour: %+v", got)
			}
			if got := w.updates()[told:]; !slices.Equal(got, r.webhook) {
				t.Errorf("webhooks heard %v, want %v", got, r.webhook)
			}
			if n := w.Manager.Rescues(); n != 0 {
				t.Errorf("the watchdog had to act %d times", n)
			}
		})
	}
}

// After a paired stream asks for a restart (515), one new connection.
func TestStreamRestart(t *testing.T) {
	t.Parallel()
	w := newLinkedWire(t)
	before := w.Network.Connections()
	w.Network.StreamError(w.device, "515")
	w.Until("another connection", func() bool { return w.Network.Connections() == before+1 })
	if n := w.hour(); n != 0 || w.Get(w.id).Status.Phase != instance.PhaseConnected {
		t.Errorf("%d further connections; %+v", n, w.Get(w.id).Status)
	}
}

// A ban ends by itself: one try a while after its end.
func TestBanEnds(t *testing.T) {
	t.Parallel()
	w := newLinkedWire(t)
	w.Network.SetFaults(wasim.Faults{LoginFailure: &wasim.Failure{Reason: 402, Code: 104, Expire: 20 * time.Minute, Times: 1}})
	w.Network.Drop(w.device)
	w.Phase(w.id, instance.PhaseReconnecting)
	w.step()
	got := w.Phase(w.id, instance.PhaseBanned).Status
	now := w.clock.Now()
	if until := got.Until.Sub(now); until < 19*time.Minute || until > 20*time.Minute {
		t.Errorf("the ban ends in %s", until)
	}
	if next := got.NextAt.Sub(now); next < 20*time.Minute || next > 31*time.Minute {
		t.Errorf("next attempt in %s", next)
	}
	if n := w.hour(); n != 1 || w.Get(w.id).Status.Phase != instance.PhaseConnected {
		t.Errorf("%d connections; %+v", n, w.Get(w.id).Status)
	}
}

// Waits and stops survive a restart of Pombal.
func TestRestartKeepsWaits(t *testing.T) {
	t.Parallel()
	for _, r := range []row{
		{name: "ban", provoke: failure(402, 2*time.Hour), phase: instance.PhaseBanned},
		{name: "replaced", provoke: func(w *wire) { w.Network.Conflict(w.device) }, phase: instance.PhaseReplaced},
		{name: "409", provoke: failure(409, 0), phase: instance.PhaseBlocked},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			w := newLinkedWire(t)
			r.provoke(w)
			w.Phase(w.id, r.phase)
			w.Stop()
			dials := w.Network.Dials()
			w.Start()
			w.settle()
			if got := w.Get(w.id).Status; got.Phase != r.phase || w.Network.Dials() != dials {
				t.Errorf("after the restart: %+v, %d dials", got, w.Network.Dials()-dials)
			}
		})
	}
}

func TestTimeLockOnTheWire(t *testing.T) {
	t.Parallel()
	w := newLinkedWire(t)
	until := w.clock.Now().Add(2 * time.Hour).Truncate(time.Second)
	if err := w.phone.TimeLock(until, wasim.LockBulkMessaging, true); err != nil {
		t.Fatal(err)
	}
	w.Until("the lock", func() bool { return w.Get(w.id).Reachout != nil })
	if lock := w.Get(w.id).Reachout; !lock.Until.Equal(until) || lock.Kind != wasim.LockBulkMessaging {
		t.Errorf("lock = %+v", lock)
	}
	w.hour()
	if !w.Get(w.id).ReachoutLocked(w.clock.Now()) {
		t.Error("the lock was lifted early")
	}
	w.hour()
	w.hour()
	if w.Get(w.id).Reachout != nil {
		t.Error("the lock outlived its end")
	}
}

func TestTimelineTellsTheStory(t *testing.T) {
	t.Parallel()
	w := newLinkedWire(t)
	ctx := instance.WithActor(context.Background(), "user:ana@example.org")
	if _, err := w.Manager.SwitchOff(ctx, w.id); err != nil {
		t.Fatal(err)
	}
	moments, err := w.Manager.Timeline(context.Background(), w.id, 100)
	if err != nil || len(moments) < 4 {
		t.Fatalf("timeline = %+v, %v", moments, err)
	}
	if m := moments[0]; m.Phase != instance.PhaseStopped || m.Actor != "user:ana@example.org" || m.Wanted || m.Online {
		t.Errorf("newest moment = %+v", m)
	}
	a, err := w.Manager.Availability(context.Background(), w.id, 24*time.Hour, 24)
	if err != nil || a.Online < 50*time.Second || a.Online > 2*time.Minute {
		t.Errorf("availability = %+v, %v", a, err)
	}
}
