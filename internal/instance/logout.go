package instance

import (
	"context"
	"errors"
)

// logoutWait is a logout that waits for the connection to come up, because
// only a connected device can be taken off the phone's list.
type logoutWait struct {
	done   func(LogoutResult)
	result LogoutResult
}

// startLogout begins a logout; done hears of its end, once. From every state
// it ends with nothing linked: unlinked on the phone where WhatsApp can be
// reached within the limit, else erased here only.
func (r *runner) startLogout(p LogoutParams, done func(LogoutResult, error)) {
	phase := r.in.Status.Phase
	if p.RequireConnected && !phase.Online() {
		done(LogoutResult{}, ErrNotConnected)
		return
	}
	if r.logout != nil { // two at once: the second gets the answer of the first
		first := r.logout.done
		r.logout.done = func(res LogoutResult) { first(res); done(res, nil) }
		return
	}
	if !r.in.Linked() {
		res := r.endWithoutLink()
		res.Instance = r.in
		done(res, nil)
		return
	}
	r.logout = &logoutWait{
		done:   func(res LogoutResult) { done(res, nil) },
		result: LogoutResult{WasLinked: true},
	}
	if phase.Online() {
		r.finishLogout()
		return
	}
	r.after(timerLogout, r.deps.Timing.Logout, func() { r.failLogout() })
	if !r.dialing && r.timers[timerLogin] == nil {
		r.clear(timerDial)
		r.open()
	}
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

// finishLogout asks WhatsApp to unlink, on a connection that is up.
func (r *runner) finishLogout() {
	if r.logout == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.deps.Timing.Logout)
	defer cancel()
	err := r.sess.Logout(ctx)
	if err != nil && !errors.Is(err, ErrKeysKept) {
		r.log.Warn("log out on WhatsApp's side", "error", err)
		r.failLogout()
		return
	}
	r.unlinked(ReasonOperator)
	r.endLogout(true)
}

// failLogout ends a waiting logout here only. It reports whether there was
// one.
func (r *runner) failLogout() bool {
	if r.logout == nil {
		return false
	}
	r.unlinked(ReasonLocalOnly)
	r.endLogout(false)
	return true
}

// unlinked stores that the device is no longer ours and erases its keys.
func (r *runner) unlinked(reason Reason) {
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

// endLogout answers a waiting logout, if there is one.
func (r *runner) endLogout(unlinked bool) {
	if r.logout == nil {
		return
	}
	wait := r.logout
	r.logout = nil
	r.clear(timerLogout)
	wait.result.Unlinked = unlinked
	wait.result.Erased = r.in.Forget == ""
	wait.result.Instance = r.in
	wait.done(wait.result)
}
