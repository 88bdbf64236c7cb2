package instance

import "context"

// loggedOut follows an unlinking that did not start here, or one that did and
// that WhatsApp tells us of at the next login.
func (r *runner) loggedOut(code int, reason Reason) {
	device := ""
	if r.in.Linked() {
		device = r.in.WhatsApp.Device
	}
	if r.in.Logout != nil {
		reason = ReasonOperator
	}
	r.blank()
	r.retire()
	r.note(func(in *Instance) {
		in.Status = Status{Phase: PhaseLoggedOut, Since: r.deps.Now(), Reason: reason, Code: code}
		if in.State == Inactive {
			in.Status.Phase = PhaseStopped
		}
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
	in.Candidate, in.Logout, in.Reachout = "", nil, nil
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
	r.note(func(in *Instance) {
		if in.Forget == device {
			in.Forget = ""
		}
	})
	return true
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
