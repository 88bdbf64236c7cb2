package instance

import (
	"context"
	"time"
)

// signal is the switch of an instance's life: one line for each thing that a
// session can tell.
func (r *runner) signal(sig Signal) {
	switch s := sig.(type) {
	case SignalQR:
		r.showCodes(s.Codes)
	case SignalPaired:
		r.paired(s)
	case SignalPairFailed:
		r.pairEnded(Status{Phase: PhasePairFailed, Reason: ReasonPairRejected, Detail: s.Detail})
	case SignalPasskey:
		r.pairEnded(Status{Phase: PhasePairFailed, Reason: ReasonPasskey})
	case SignalScannedOld:
		r.scannedOld()
	case SignalRestart:
		r.restart()
	case SignalConnected:
		r.connected()
	case SignalSynced:
		r.syncDone()
	case SignalDisconnected:
		r.disconnected()
	case SignalLoggedOut:
		r.loggedOut(s.Code, logoutReason(s.Code))
	case SignalReplaced:
		r.halt(Status{Phase: PhaseReplaced, Reason: ReasonReplaced, Code: codeReplaced})
	case SignalBanned:
		r.banned(s)
	case SignalOutdated:
		r.haltUntil(Status{Phase: PhaseOutdated, Reason: ReasonOutdated, Code: 405}, spread(r.deps.Timing.OutdatedRetry))
	case SignalRefused:
		r.refused(s)
	case SignalNoAnswer:
		r.noAnswer(s.Misses)
	case SignalAnswer:
		r.answered()
	case SignalProfile:
		r.profile(s.PushName)
	}
}

// connect is the operator's or the start-up's wish to be connected.
func (r *runner) connect(ctx context.Context) error {
	if r.in.State == Inactive {
		return ErrSwitchedOff
	}
	if r.in.Status.Phase.Online() {
		return ErrConnected
	}
	r.look()
	if r.sess != nil && (r.dialing || r.in.Status.Phase.Pairing() || r.timers[timerLogin] != nil) {
		return nil // under way
	}
	r.round = 0
	r.clear(timerDial)
	err := r.apply(ctx, func(in *Instance) error {
		in.Status = Status{Phase: PhaseConnecting, Since: r.deps.Now()}
		return nil
	})
	if err != nil {
		return err
	}
	r.open()
	return nil
}

// resume brings a linked instance back at start.
func (r *runner) resume() {
	if r.in.State == Active && r.in.Linked() && r.sess == nil {
		r.enter(Status{Phase: PhaseReconnecting, Reason: ReasonRestart})
		r.open()
	}
}

// restart follows WhatsApp's wish, right after pairing, for a new connection.
// Without our own Disconnect first the library refuses to connect and stays
// dead.
func (r *runner) restart() {
	r.sess.Disconnect()
	r.dial()
}

func (r *runner) connected() {
	r.clear(timerLogin)
	r.upSince = r.deps.Now()
	if r.synced {
		r.enter(Status{Phase: PhaseConnected})
	} else {
		r.enter(Status{Phase: PhaseSyncing})
		r.after(timerSync, r.deps.Timing.Sync, r.syncDone)
	}
	r.finishLogout()
}

func (r *runner) syncDone() {
	r.synced = true
	r.clear(timerSync)
	if r.in.Status.Phase == PhaseSyncing {
		r.enter(Status{Phase: PhaseConnected})
	}
}

func (r *runner) disconnected() {
	r.clear(timerLogin)
	r.clear(timerSync)
	r.sess.Disconnect() // the socket is gone; this makes the library agree
	r.countFlap()
	if r.in.Status.Phase.Pairing() {
		r.nextRound(ReasonConnLost)
		return
	}
	r.retryDial(Status{Reason: ReasonConnLost})
}

// countFlap makes connections that break at once wait longer each time.
func (r *runner) countFlap() {
	if !r.in.Status.Phase.Online() {
		return
	}
	if r.deps.Now().Sub(r.upSince) < r.deps.Timing.Steady {
		r.flaps++
		return
	}
	r.flaps = 0
}

// retryDial waits and connects again: a linked instance for ever, one that is
// being linked only while somebody looks.
func (r *runner) retryDial(s Status) {
	if r.failLogout() {
		return
	}
	n := r.flaps
	if old := r.in.Status; !old.Phase.Online() {
		n = old.Attempt + 1
	}
	wait := r.deps.Timing.backoff(n)
	if s.Code == 403 || s.Code == 429 {
		wait = spread(r.deps.Timing.FrontDoor)
	}
	s.Attempt, s.NextAt, s.Phase = n, r.deps.Now().Add(wait), PhaseReconnecting
	if !r.in.Linked() {
		if !r.isWatched() {
			s.Phase, s.NextAt = PhaseLinkExpired, time.Time{}
			r.blank()
			r.enter(s)
			r.retire()
			return
		}
		s.Phase = PhaseConnecting
	}
	r.enter(s)
	r.after(timerDial, wait, r.open)
}

// halt ends the session until somebody acts.
func (r *runner) halt(s Status) {
	r.blank()
	r.retire()
	r.enter(s)
	r.failLogout()
}

// haltUntil ends the session and tries once more after a while.
func (r *runner) haltUntil(s Status, wait time.Duration) {
	s.NextAt = r.deps.Now().Add(wait)
	r.halt(s)
	if r.in.Status.Phase == s.Phase && r.in.Linked() {
		r.after(timerDial, wait, r.open)
	}
}

func (r *runner) banned(s SignalBanned) {
	wait := s.Expires + time.Minute
	if r.deps.Timing.BanSlack > time.Minute {
		wait += spread(r.deps.Timing.BanSlack / 2)
	}
	r.haltUntil(Status{Phase: PhaseBanned, Reason: ReasonTempBan, Code: 402, Detail: banDetail(s.Code)}, wait)
}

func (r *runner) refused(s SignalRefused) {
	n := 1
	if r.in.Status.Phase == PhaseBlocked {
		n = r.in.Status.Attempt + 1
	}
	r.haltUntil(Status{
		Phase: PhaseBlocked, Reason: ReasonRefused, Code: s.Code, Detail: s.Detail, Attempt: n,
	}, refusedWait(n))
}

// loggedOut follows an unlinking that did not start here.
func (r *runner) loggedOut(code int, reason Reason) {
	device := ""
	if r.in.Linked() {
		device = r.in.WhatsApp.Device
	}
	r.blank()
	r.retire()
	r.note(func(in *Instance) {
		in.Status = Status{Phase: PhaseLoggedOut, Since: r.deps.Now(), Reason: reason, Code: code}
		unlink(in, device)
	})
	r.forget()
	r.endLogout(true)
}

// unlink takes the device off the instance; its keys stay on the list of what
// is to be erased until they are.
func unlink(in *Instance, device string) {
	if in.WhatsApp != nil {
		in.WhatsApp.Device = ""
	}
	in.Candidate = ""
	if device != "" {
		in.Forget = device
	}
}

// forget erases the keys of a logged-out device, now or as soon as the disk
// allows.
func (r *runner) forget() bool {
	device := r.in.Forget
	if device == "" {
		return true
	}
	if err := r.deps.Engine.Erase(context.Background(), device); err != nil {
		r.log.Error("erase the keys of a logged-out device", "error", err)
		r.after(timerForget, r.deps.Timing.RetryStore, func() { r.forget() })
		return false
	}
	r.note(func(in *Instance) { in.Forget = "" })
	return true
}

func (r *runner) noAnswer(misses int) {
	if !r.in.Linked() {
		r.sess.Disconnect()
		r.nextRound(ReasonNoAnswer)
		return
	}
	if misses >= r.deps.Timing.NoAnswers {
		r.sess.Disconnect()
		r.retryDial(Status{Reason: ReasonNoAnswer})
		return
	}
	if r.in.Status.Phase.Online() {
		r.enter(Status{Phase: PhaseDegraded, Reason: ReasonNoAnswer})
	}
}

func (r *runner) answered() {
	if r.in.Status.Phase == PhaseDegraded {
		r.enter(Status{Phase: PhaseConnected})
	}
}

func (r *runner) profile(pushName string) {
	if r.in.WhatsApp != nil && r.in.WhatsApp.PushName != pushName && pushName != "" {
		r.note(func(in *Instance) {
			if in.WhatsApp != nil {
				in.WhatsApp.PushName = pushName
			}
		})
	}
}

// recordFailed renews the connection after an event could not be stored:
// WhatsApp sends unacknowledged messages again only on a new connection.
func (r *runner) recordFailed(gen int) {
	if gen != r.gen || r.sess == nil || r.timers[timerDial] != nil {
		return
	}
	r.sess.Disconnect()
	r.clear(timerSync)
	r.retryDial(Status{Reason: ReasonStorage})
}

func logoutReason(code int) Reason {
	switch code {
	case 403:
		return ReasonPrimaryGone
	case 406:
		return ReasonAccountBanned
	default:
		return ReasonPhoneRemoved
	}
}

// banDetail names WhatsApp's reason numbers for a pause (library's
// TempBanReason table).
func banDetail(code int) string {
	switch code {
	case 101:
		return "101: messages to people who do not have your number"
	case 102:
		return "102: blocked by many people"
	case 103:
		return "103: too many new groups with people who do not have your number"
	case 104:
		return "104: the same message to too many people"
	case 106:
		return "106: too many messages to a broadcast list"
	default:
		return ""
	}
}
