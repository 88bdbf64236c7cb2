package instance

import (
	"context"
)

// What the operator does to an instance besides connecting and logging out.

func (r *runner) switchOn(ctx context.Context) error {
	switch {
	case r.in.State == Active:
		return nil
	case r.in.Logout != nil:
		return ErrLogoutPending
	}
	err := r.apply(ctx, func(in *Instance) error {
		in.State = Active
		in.Status = Status{Phase: PhaseNew, Since: r.deps.Now()}
		if in.Linked() {
			in.Status.Phase = PhaseConnecting
		}
		return nil
	})
	if err == nil && r.in.Linked() {
		r.urgent = true
		r.open()
	}
	return err
}

func (r *runner) switchOff(ctx context.Context) error {
	switch {
	case r.in.State == Inactive:
		return nil
	case r.in.Logout != nil:
		return ErrLogoutPending
	}
	err := r.apply(ctx, func(in *Instance) error {
		in.State = Inactive
		in.Status = Status{Phase: PhaseStopped, Since: r.deps.Now(), Reason: ReasonOperator}
		return nil
	})
	if err == nil {
		r.blank()
		r.dropWish(ErrSwitchedOff)
		r.retire()
	}
	return err
}

// adopt puts an instance in order that an earlier process left: what was under
// way is not, a device that was being linked is linked if its keys are there,
// and keys that could not be erased are erased now.
func (r *runner) adopt() {
	if r.in.Candidate != "" {
		r.adoptCandidate()
	}
	if r.in.Logout != nil && r.in.Linked() {
		r.enter(Status{Phase: PhaseLogoutPending, Reason: ReasonLogout, Until: r.in.Logout.Until})
	}
	p := r.in.Status.Phase
	underWay := p == PhaseConnecting || p == PhasePaired || p == PhaseReconnecting || p.Pairing() || p.Online()
	switch {
	case !underWay:
	case r.in.Linked() && r.in.State == Active:
		r.enter(Status{Phase: PhaseReconnecting, Reason: ReasonRestart})
	case r.in.State == Active:
		r.enter(Status{Phase: PhaseNew, Reason: ReasonRestart})
	default:
		r.enter(Status{Phase: PhaseStopped, Reason: ReasonOperator})
	}
	r.watchReachout()
	r.forget()
}

// adoptCandidate settles a linking that the last process did not live to see
// the end of. The keys are written after the candidate and before the phone
// hears of it, so keys that are there may well be linked; WhatsApp will say.
func (r *runner) adoptCandidate() {
	device := r.in.Candidate
	if !r.hasKeys(device) {
		r.note(func(in *Instance) { in.Candidate = "" })
		return
	}
	r.paired(SignalPaired{Device: device})
}

// settle follows a pairing round that was ended here in the moment in which a
// phone accepted. The phone lists the device then, so the instance has it: what
// was wished for came too late, and a logout can take it back.
func (r *runner) settle(device string) {
	if r.in.Linked() || !r.in.DeletedAt.IsZero() {
		return
	}
	if !r.hasKeys(device) {
		r.note(func(in *Instance) {
			if in.Candidate == device {
				in.Candidate = ""
			}
		})
		return
	}
	r.log.Warn("a phone accepted while its pairing round was being ended", "device", device)
	r.blank()
	r.retire()
	r.paired(SignalPaired{Device: device})
	if r.in.State == Active && !r.removing {
		r.urgent = true
		r.open()
	}
}

// hasKeys says whether the keys of a device are there.
func (r *runner) hasKeys(device string) bool {
	sess, err := r.deps.Engine.Open(context.Background(), OpenParams{
		InstanceID: r.id, Device: device, Sink: &sink{runner: r, gen: -1},
	})
	if err != nil {
		return false
	}
	sess.Close()
	return true
}
