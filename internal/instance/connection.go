package instance

import (
	"context"
	"time"
)

// signal is the switch of an instance's life: one line for each thing that a
// session can tell.
func (r *runner) signal(sig Signal) {
	if r.down && ofConnection(sig) {
		return
	}
	switch s := sig.(type) {
	case SignalQR:
		r.showCodes(s.Codes)
	case SignalSecret:
		r.redraw(s.Secret)
	case SignalPaired:
		r.paired(s)
	case SignalPairFailed:
		r.pairFailed(s)
	case SignalPasskey:
		r.passkeyAsked(s)
	case SignalPasskeyConfirm:
		r.passkeyAccepted(s)
	case SignalPasskeyFailed:
		r.pairEnded(Status{Phase: PhasePairFailed, Reason: ReasonPasskeyFailed, Detail: s.Detail})
	case SignalScannedOld:
		r.scannedOld()
	case SignalRestart:
		r.restart()
	case SignalConnected:
		r.connected()
	case SignalSyncing:
		r.syncing(s.Missed)
	case SignalSynced:
		r.syncDone()
	case SignalDisconnected:
		r.disconnected(s.Code)
	case SignalStreamError:
		r.streamError(s)
	case SignalLoggedOut:
		r.loggedOut(s.Code, logoutReason(s.Code))
	case SignalReplaced:
		r.halt(Status{Phase: PhaseReplaced, Reason: ReasonReplaced, Code: codeReplaced})
	case SignalBanned:
		r.banned(s)
	case SignalOutdated:
		r.outdated(s)
	case SignalRefused:
		r.refused(s)
	case SignalNoAnswer:
		r.noAnswer(s.Misses)
	case SignalAnswer:
		r.answered()
	case SignalProfile:
		r.profile(s.PushName)
	case SignalReachout:
		r.reachout(s)
	case SignalPhone:
		r.phoneSeen()
	case SignalIdentity:
		r.tell(Moment{Kind: MomentIdentity, Detail: s.JID, Actor: ActorWhatsApp})
	}
}

// ofConnection says whether a signal tells of the connection it came on alone,
// and of nothing that outlasts it.
func ofConnection(sig Signal) bool {
	switch sig.(type) {
	case SignalQR, SignalRestart, SignalConnected, SignalSyncing, SignalSynced, SignalDisconnected, SignalNoAnswer, SignalAnswer:
		return true
	default:
		return false
	}
}

// connect is the wish of an operator or a program to be connected.
func (r *runner) connect(ctx context.Context, p ConnectParams) error {
	phase := r.in.Status.Phase
	switch {
	case r.in.Logout != nil:
		return ErrLogoutPending
	case r.in.State == Inactive:
		return ErrSwitchedOff
	case phase.Online():
		return ErrConnected
	}
	r.look()
	if p.ReplaceNumber {
		r.replace.Store(true)
	}
	if r.underWay() || r.pushedLately() {
		return nil
	}
	r.replace.Store(p.ReplaceNumber)
	r.pushed = r.deps.Now()
	r.round = 0
	err := r.apply(ctx, func(in *Instance) error {
		in.Status = Status{Phase: PhaseConnecting, Since: r.deps.Now()}
		return nil
	})
	if err != nil {
		return err
	}
	r.clear(timerDial)
	r.queued, r.urgent = false, true
	r.open()
	return nil
}

// underWay says whether a connection is being made or a code is shown.
func (r *runner) underWay() bool {
	p := r.in.Status.Phase
	return r.dialing || r.opening != nil || r.timers[timerLogin] != nil ||
		r.sess != nil && (p.Pairing() || p == PhasePaired) || r.queued && p == PhaseConnecting
}

// pushedLately says whether a caller asks for attempts faster than a person
// would. Programs poll; each poll must not become a handshake. While WhatsApp
// has said no, the waits are WhatsApp's.
func (r *runner) pushedLately() bool {
	gap := r.deps.Timing.Push
	switch r.in.Status.Phase {
	case PhaseBanned, PhaseBlocked, PhaseOutdated:
		gap *= 6
	}
	return r.timers[timerDial] != nil && r.deps.Now().Sub(r.pushed) < gap
}

// resume brings a linked instance back at start, after a wait that spreads the
// starts.
func (r *runner) resume(wait time.Duration) {
	if !r.in.Linked() || r.sess != nil || r.in.State != Active && r.in.Logout == nil {
		return
	}
	now := r.deps.Now()
	s := r.in.Status
	switch s.Phase {
	case PhaseReplaced:
		return // two copies would fight; the operator decides
	case PhaseBanned, PhaseBlocked:
		if s.NextAt.IsZero() {
			return // the operator has something to put right first
		}
		wait = max(wait, s.NextAt.Sub(now))
	case PhaseOutdated, PhaseLogoutPending: // at once: this may be a newer version
	default:
		r.enter(Status{Phase: PhaseReconnecting, Reason: ReasonRestart, NextAt: now.Add(wait)})
	}
	r.dialAfter(wait)
}

// dialAfter sets the time of the next attempt.
func (r *runner) dialAfter(wait time.Duration) {
	r.queued = false
	r.after(timerDial, wait, r.open)
}

// restart follows WhatsApp's wish, right after pairing, for a new connection.
// Without our own Disconnect first the library refuses to connect and stays
// dead.
func (r *runner) restart() {
	r.hangUp()
	r.urgent = true
	r.open()
}

func (r *runner) connected() {
	if !r.in.Linked() {
		r.early = true // the news of the link travels another way; paired goes on
		return
	}
	r.clear(timerLogin)
	if r.in.Logout != nil {
		r.askLogout()
		return
	}
	r.upSince = r.deps.Now()
	if r.synced {
		r.enter(Status{Phase: PhaseConnected})
		return
	}
	r.enter(Status{Phase: PhaseSyncing, Missed: r.missed})
	r.after(timerSync, r.deps.Timing.Sync, r.syncDone)
}

func (r *runner) syncing(missed int) {
	r.missed = missed
	if s := r.in.Status; s.Phase == PhaseSyncing {
		s.Missed = missed
		r.enter(s)
	}
}

func (r *runner) syncDone() {
	r.synced = true
	r.clear(timerSync)
	if r.in.Status.Phase == PhaseSyncing {
		r.enter(Status{Phase: PhaseConnected})
	}
}

func (r *runner) disconnected(code int) {
	r.clear(timerLogin)
	r.clear(timerSync)
	r.hangUp() // the socket is gone; this makes the library agree
	if r.logout != nil && r.asking != 0 {
		// It may have unlinked us just now; a new connection tells.
		r.asking = 0
		r.urgent = true
		r.open()
		return
	}
	s := Status{Reason: ReasonConnLost, Code: code}
	switch {
	case code != 0:
		s.Reason = ReasonBusy
	case r.stream.Code != 0:
		s.Reason, s.Code, s.Detail = ReasonStream, r.stream.Code, r.stream.Detail
	}
	if r.in.Status.Phase.Pairing() {
		r.pairingLost(s)
		return
	}
	r.retryDial(s)
}

// streamError keeps WhatsApp's number for the end of a connection. The end
// itself comes before or after it.
func (r *runner) streamError(e SignalStreamError) {
	r.stream = e
	if s := r.in.Status; s.Phase == PhaseReconnecting && s.Reason == ReasonConnLost {
		s.Reason, s.Code, s.Detail = ReasonStream, e.Code, e.Detail
		r.enter(s)
	}
}

// broke counts a connection that was up and broke. It returns how many failed
// attempts it counts as, and the long wait when it breaks too often.
func (r *runner) broke() (attempts int, long time.Duration) {
	t, now := r.deps.Timing, r.deps.Now()
	r.flaps++
	if now.Sub(r.upSince) >= t.Steady {
		r.flaps = 0
	}
	if now.Sub(r.upSince) >= t.FlapWindow {
		r.breaks, r.longs = nil, 0
	}
	kept := r.breaks[:0]
	for _, at := range r.breaks {
		if now.Sub(at) < t.FlapWindow {
			kept = append(kept, at)
		}
	}
	r.breaks = append(kept, now)
	if r.longs > 0 || len(r.breaks) > t.FlapFree {
		long = flapWait(r.longs)
		r.longs++
	}
	return r.flaps, long
}

// retryDial waits and connects again: a linked instance for ever, one that is
// being linked only while somebody looks.
func (r *runner) retryDial(s Status) {
	if r.failLogout() {
		return
	}
	n, long := r.in.Status.Attempt+1, time.Duration(0)
	if r.in.Status.Phase.Online() {
		n, long = r.broke()
	}
	wait := r.deps.Timing.backoff(n)
	switch {
	case s.Code == 403 || s.Code == 429:
		wait = spread(r.deps.Timing.FrontDoor)
	case long > 0:
		s.Reason, wait = ReasonFlapping, long
	}
	s.Attempt, s.NextAt, s.Phase = n, r.deps.Now().Add(wait), PhaseReconnecting
	if !r.in.Linked() {
		if !r.isWatched() {
			s.Phase, s.NextAt = PhaseLinkExpired, time.Time{}
			r.halt(s)
			return
		}
		s.Phase = PhaseConnecting
	}
	r.enter(s)
	r.dialAfter(wait)
}

// halt ends the session until somebody acts.
func (r *runner) halt(s Status) {
	r.blank()
	r.dropWish(problemEnded(s))
	r.retire()
	r.replace.Store(false)
	r.enter(s)
	r.failLogout()
}

// haltUntil ends the session and tries once more after a while.
func (r *runner) haltUntil(s Status, wait time.Duration) {
	if r.in.Linked() {
		s.NextAt = r.deps.Now().Add(wait)
	}
	r.halt(s)
	if r.in.Status.Phase == s.Phase && r.in.Linked() {
		r.dialAfter(wait)
	}
}

func (r *runner) banned(s SignalBanned) {
	status := Status{Phase: PhaseBanned, Reason: ReasonTempBan, Code: codeBanned, Detail: banDetail(s.Code)}
	if s.Expires > 0 {
		status.Until = r.deps.Now().Add(s.Expires)
	}
	r.haltUntil(status, r.deps.Timing.banWait(s.Expires))
}

func (r *runner) outdated(s SignalOutdated) {
	r.haltUntil(Status{Phase: PhaseOutdated, Reason: ReasonOutdated, Code: codeOutdated, Detail: s.Version},
		spread(r.deps.Timing.OutdatedRetry))
}

// retryOutdated tries again because another version number is in use.
func (r *runner) retryOutdated() {
	if r.in.Status.Phase == PhaseOutdated && r.in.State == Active && r.in.Linked() {
		r.open()
	}
}

func (r *runner) refused(s SignalRefused) {
	n := 1
	if r.in.Status.Phase == PhaseBlocked {
		n = r.in.Status.Attempt + 1
	}
	r.haltUntil(Status{
		Phase: PhaseBlocked, Reason: ReasonRefused, Code: s.Code, Detail: s.Detail, Attempt: n,
	}, refusedWait(n, s.Code))
}

func (r *runner) noAnswer(misses int) {
	switch {
	case !r.in.Linked():
		r.hangUp()
		r.pairingLost(Status{Reason: ReasonNoAnswer})
	case misses >= r.deps.Timing.NoAnswers:
		r.hangUp()
		r.clear(timerSync)
		r.retryDial(Status{Reason: ReasonNoAnswer})
	case r.in.Status.Phase.Online():
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

// phoneSeen notes that the phone itself is in use, once a day at most: the
// warning is about a fortnight.
func (r *runner) phoneSeen() {
	now := r.deps.Now()
	if !r.in.Linked() || now.Sub(r.in.WhatsApp.PhoneSeen) < 24*time.Hour {
		return
	}
	r.note(func(in *Instance) {
		if in.WhatsApp != nil {
			in.WhatsApp.PhoneSeen = now
		}
	})
}

// recordFailed renews the connection after an event could not be stored:
// WhatsApp sends unacknowledged messages again only on a new connection. While
// nothing at all can be stored that would be of no use: Renew follows.
func (r *runner) recordFailed(gen int) {
	if r.deps.storage() != nil {
		return
	}
	if gen != r.gen || r.sess == nil || r.timers[timerDial] != nil {
		return
	}
	r.hangUp()
	r.clear(timerSync)
	r.retryDial(Status{Reason: ReasonStorage})
}
