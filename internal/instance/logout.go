package instance

import (
	"context"
	"errors"
	"time"
)

// logoutWait is a logout that somebody waits for: only a connected device can
// be taken off the phone's list, so the connection may have to come up first.
type logoutWait struct {
	done   func(LogoutResult)
	result LogoutResult
	actor  string
}

// startLogout begins a logout; done hears of its end, once. From every state
// it ends with nothing linked: unlinked on the phone where WhatsApp can be
// reached within the limit, else erased here only, or kept to be tried again
// where the caller wishes that.
func (r *runner) startLogout(ctx context.Context, p LogoutParams, done func(LogoutResult, error)) {
	defer r.by(ActorOf(ctx))()
	phase := r.in.Status.Phase
	if p.RequireConnected && !phase.Online() {
		done(LogoutResult{}, ErrNotConnected)
		return
	}
	if !r.in.Linked() {
		res := r.endWithoutLink()
		res.Instance = r.in
		done(res, nil)
		return
	}
	if first := r.logout; first != nil { // two at once get the same answer
		earlier := first.done
		first.done = func(res LogoutResult) { earlier(res); done(res, nil) }
	} else {
		r.logout = &logoutWait{
			done:   func(res LogoutResult) { done(res, nil) },
			result: LogoutResult{WasLinked: true}, actor: ActorOf(ctx),
		}
	}
	r.noteLogout(p)
	switch {
	case phase.Online():
		r.askLogout()
	case p.Force:
		r.failLogout()
	case r.asking == 0:
		r.after(timerLogout, r.deps.Timing.Logout, func() { r.failLogout() })
		r.connectForLogout()
	}
}

// noteLogout stores the wish before anything is done about it, so that a crash
// between WhatsApp's side and ours is not forgotten.
func (r *runner) noteLogout(p LogoutParams) {
	now := r.deps.Now()
	pending := PendingLogout{Since: now, Until: now.Add(r.deps.Timing.LogoutKeep), Keep: p.Wait && !p.Force}
	if r.in.Logout != nil {
		pending.Since, pending.Until = r.in.Logout.Since, r.in.Logout.Until
	}
	r.note(func(in *Instance) { in.Logout = &pending })
}

// connectForLogout brings the connection up unless that is under way.
func (r *runner) connectForLogout() {
	if r.dialing || r.timers[timerLogin] != nil {
		return
	}
	r.clear(timerDial)
	r.queued, r.urgent = false, true
	r.open()
}

// endWithoutLink ends pairing when it is under way; there is nothing else to
// log out.
func (r *runner) endWithoutLink() LogoutResult {
	phase := r.in.Status.Phase
	if r.sess == nil && phase != PhaseConnecting {
		return LogoutResult{}
	}
	r.halt(Status{Phase: PhaseNew, Reason: ReasonOperator})
	return LogoutResult{EndedPairing: true}
}

// askLogout asks WhatsApp to unlink, on a connection that is up.
func (r *runner) askLogout() {
	if r.asking != 0 || r.sess == nil {
		return
	}
	r.asked++
	r.asking = r.asked
	if r.timers[timerLogout] == nil {
		r.after(timerLogout, r.deps.Timing.Logout, func() { r.failLogout() })
	}
	sess, gen, ask := r.sess, r.gen, r.asking
	r.work(func() {
		ctx, cancel := context.WithTimeout(context.Background(), r.deps.Timing.Logout)
		defer cancel()
		err := sess.Logout(ctx)
		r.box.post(func() { r.logoutAnswered(gen, ask, err) })
	})
}

func (r *runner) logoutAnswered(gen, ask int, err error) {
	if gen != r.gen || ask != r.asking {
		return
	}
	r.asking = 0
	if err != nil && !errors.Is(err, ErrKeysKept) {
		r.log.Warn("log out on WhatsApp's side", "error", err)
		r.failLogout()
		return
	}
	r.unlinked(ReasonOperator)
	r.endLogout(true)
}

// failLogout ends an attempt to tell WhatsApp of a logout: by putting it off
// where it is to be kept, else by erasing the keys here only. It reports
// whether there was such a logout.
func (r *runner) failLogout() bool {
	if r.in.Logout == nil {
		return false
	}
	if left := r.in.Logout.Until.Sub(r.deps.Now()); r.in.Logout.Keep && left > 0 {
		r.putOffLogout(left)
		return true
	}
	r.unlinked(ReasonLocalOnly)
	r.endLogout(false)
	return true
}

// putOffLogout keeps the link as a tombstone: nothing but the logout is done
// with it.
func (r *runner) putOffLogout(left time.Duration) {
	wait := min(spread(r.deps.Timing.LogoutRetry), left)
	r.blank()
	r.retire()
	r.enter(Status{
		Phase: PhaseLogoutPending, Reason: ReasonLogout, NextAt: r.deps.Now().Add(wait), Until: r.in.Logout.Until,
		Attempt: r.in.Status.Attempt + 1,
	})
	r.dialAfter(wait)
	if r.logout != nil {
		r.logout.result.Pending = true
	}
	r.answerLogout()
}

// unlinked stores that the device is no longer ours and erases its keys.
func (r *runner) unlinked(reason Reason) {
	if r.logout != nil {
		defer r.by(r.logout.actor)()
	}
	device := r.in.WhatsApp.Device
	r.blank()
	r.retire()
	r.note(func(in *Instance) {
		in.Status = Status{Phase: PhaseLoggedOut, Since: r.deps.Now(), Reason: reason, Code: codeLoggedOut}
		if in.State == Inactive {
			in.Status.Phase = PhaseStopped
		}
		unlink(in, device)
	})
	r.forget()
}

// endLogout writes the receipt of a logout that began here and answers whoever
// waits for it.
func (r *runner) endLogout(unlinked bool) {
	actor := ""
	if r.logout != nil {
		r.logout.result.Unlinked = unlinked
		r.logout.result.Erased = r.in.Forget == ""
		actor = r.logout.actor
	}
	r.tell(Moment{Kind: MomentLogout, Unlinked: unlinked, Erased: r.in.Forget == "", Actor: actor})
	r.answerLogout()
}

func (r *runner) answerLogout() {
	if wait := r.logout; wait != nil {
		r.logout = nil
		wait.result.Instance = r.in
		wait.done(wait.result)
	}
}
