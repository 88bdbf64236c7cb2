package instance

import "time"

// The reach-out time lock: for hours or days WhatsApp does not let an account
// open new chats from linked devices, and answers 463 to messages that would.

// reachoutUnknown is the kind of a lock that a refused message told us of.
const reachoutUnknown = "unknown"

// reachoutRefused follows a message that WhatsApp refused because of a lock. It
// may be called from any goroutine.
func (r *runner) reachoutRefused(until time.Time) {
	r.box.post(func() {
		if !r.in.ReachoutLocked(r.deps.Now()) {
			r.reachout(SignalReachout{Active: true, Kind: reachoutUnknown, Until: until})
		}
	})
}

func (r *runner) reachout(s SignalReachout) {
	now := r.deps.Now()
	if !s.Active {
		r.endReachout()
		return
	}
	if !r.in.Linked() {
		return
	}
	lock := Reachout{Kind: s.Kind, Since: now, Until: s.Until}
	if lock.Until.IsZero() {
		lock.Until = now.Add(r.deps.Timing.Reachout)
	}
	_ = r.sends.lockReachOut(now, lock.Until) // its error is for senders
	if old := r.in.Reachout; old != nil {
		lock.Since = old.Since
	}
	r.note(func(in *Instance) { in.Reachout = &lock })
	r.tell(Moment{Kind: MomentReachout, Detail: s.Kind, Until: lock.Until, Actor: ActorWhatsApp})
	r.watchReachout()
}

// watchReachout ends a lock at its time: that WhatsApp tells of the end is not
// certain.
func (r *runner) watchReachout() {
	if lock := r.in.Reachout; lock != nil {
		r.after(timerReachout, max(lock.Until.Sub(r.deps.Now()), 0), r.endReachout)
	}
}

func (r *runner) endReachout() {
	r.clear(timerReachout)
	r.sends.openReachOut()
	if r.in.Reachout != nil {
		r.note(func(in *Instance) { in.Reachout = nil })
		r.tell(Moment{Kind: MomentReachout, Actor: ActorWhatsApp})
	}
}

// openReachOut lets messages to new people pass again.
func (s *sender) openReachOut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locked = time.Time{}
}
