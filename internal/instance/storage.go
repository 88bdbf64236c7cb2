package instance

// storage says why nothing can be stored now; nil when it can.
func (s *shared) storage() error {
	if s.Storage == nil {
		return nil
	}
	return s.Storage()
}

// Renew makes all connections anew, each in its turn. It is for the end of a
// time in which nothing could be stored: messages that came then were not
// acknowledged, and WhatsApp sends them again on a new connection only. It
// neither blocks nor uses the store.
func (m *Manager) Renew() {
	m.each(func(r *runner) { r.box.post(r.renew) })
}

// renew makes the connection anew if there is one, or if one is being made
// whose first messages may have come too early.
func (r *runner) renew() {
	phase := r.in.Status.Phase
	logging := phase == PhaseReconnecting && (r.dialing || r.timers[timerLogin] != nil)
	if r.sess == nil || !r.in.Linked() || r.in.Logout != nil || !phase.Online() && !logging {
		return
	}
	r.log.Info("what could not be stored may have been sent; the connection is renewed")
	r.hangUp()
	r.clear(timerLogin)
	r.clear(timerSync)
	r.enter(Status{Phase: PhaseReconnecting, Reason: ReasonStorage, NextAt: r.deps.Now()})
	r.open()
}
