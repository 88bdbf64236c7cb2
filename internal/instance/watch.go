package instance

import "time"

// The watchdog: whatever is wanted and neither up nor under way for two rounds
// is made anew. Nothing should need it; the library can die in four ways
// without a word, and a fifth may be found.

// watch posts a check to every runner, again and again.
func (m *Manager) watch() {
	every := m.deps.Timing.Watch
	if every <= 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return
	}
	m.watching = m.deps.clock.AfterFunc(every, func() {
		m.each(func(r *runner) { r.box.post(r.check) })
		m.watch()
	})
}

// Rescues says how often the watchdog had to act since the start.
func (m *Manager) Rescues() int64 { return m.deps.rescues.Load() }

func (r *runner) check() {
	p := r.in.Status.Phase
	switch {
	case p.Online() && r.in.Logout == nil:
		r.silent = 0
		r.checkSilence()
		return
	case r.hasFuture():
		r.silent = 0
		return
	}
	if r.silent++; r.silent < 2 {
		return
	}
	r.silent = 0
	r.deps.rescues.Add(1)
	r.log.Error("an instance was left alone; it goes on", "phase", p)
	switch {
	case r.in.Logout != nil:
		r.failLogout()
	case r.in.Linked():
		r.hangUp()
		r.retryDial(Status{Reason: ReasonNoAnswer})
	default:
		r.pairEnded(Status{Phase: PhaseLinkExpired, Reason: ReasonNoAnswer})
	}
}

// hasFuture says whether something will happen by itself, or nothing is to.
func (r *runner) hasFuture() bool {
	if r.dialing || r.queued || r.closing > 0 || r.asking != 0 {
		return true
	}
	for _, name := range []timerName{timerDial, timerLogin, timerCode, timerPasskey, timerLogout} {
		if r.timers[name] != nil {
			return true
		}
	}
	return !r.mustMove()
}

// mustMove says whether the instance is in a phase that cannot last, or should
// be connected.
func (r *runner) mustMove() bool {
	s := r.in.Status
	switch {
	case r.in.Logout != nil:
		return true
	case r.in.State == Inactive, s.Phase == PhaseReplaced, s.Phase == PhaseBlocked && s.NextAt.IsZero():
		return false
	case r.in.Linked():
		return true
	default:
		return s.Phase == PhaseConnecting || s.Phase == PhasePaired || s.Phase.Pairing()
	}
}

// checkSilence renews a connection that has brought nothing for long. Pings are
// answered twice a minute on one that lives.
func (r *runner) checkSilence() {
	limit := r.deps.Timing.Silence
	now := r.deps.Now()
	if limit <= 0 || now.Sub(r.upSince) < limit || now.Sub(r.seenAt()) < limit || r.sess == nil {
		return
	}
	r.deps.rescues.Add(1)
	r.log.Warn("a connection has gone silent; it is renewed", "since", r.seenAt().Format(time.RFC3339))
	r.hangUp()
	r.clear(timerSync)
	r.retryDial(Status{Reason: ReasonNoAnswer})
}
