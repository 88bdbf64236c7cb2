package views

import (
	"strings"

	"pombal/internal/instance"
)

// step is the one thing that an operator can do next about an instance.
type step struct {
	Label string // catalogue key of the button
	Path  string // what is posted, below the instance's address
	Quiet bool   // not the thing to do first
}

// nextStep says what to do next; nil when there is nothing to do but wait.
func nextStep(in instance.Instance) *step {
	switch in.Status.Phase {
	case instance.PhaseNew:
		return &step{Label: "do.show_code", Path: "connect"}
	case instance.PhaseQR, instance.PhaseCode, instance.PhasePasskey:
		return &step{Label: "do.cancel", Path: "cancel", Quiet: true}
	case instance.PhaseConnecting:
		if in.Linked() {
			return nil
		}
		return &step{Label: "do.cancel", Path: "cancel", Quiet: true}
	case instance.PhaseLoggedOut:
		return &step{Label: "do.link_again", Path: "connect", Quiet: in.Status.Reason == instance.ReasonAccountBanned}
	case instance.PhaseLinkExpired:
		// Whose typed code ran out wants another of those, not a QR code.
		return &step{Label: "do.show_new_code", Path: "connect", Quiet: in.Status.Reason == instance.ReasonCodeExpired}
	case instance.PhasePairFailed:
		return &step{Label: "do.try_again", Path: "connect"}
	case instance.PhaseReplaced:
		return &step{Label: "do.use_here", Path: "connect"}
	case instance.PhaseReconnecting, instance.PhaseOutdated, instance.PhaseBanned, instance.PhaseBlocked:
		return &step{
			Label: "do.try_now", Path: "connect",
			Quiet: in.Status.Phase == instance.PhaseBanned || in.Status.Reason == instance.ReasonProxyRefused,
		}
	case instance.PhaseStopped:
		return &step{Label: "do.switch_on", Path: "on"}
	case instance.PhaseLogoutPending:
		return &step{Label: "do.log_out_again", Path: "logout"}
	default:
		return nil
	}
}

// canLogOut says whether the log-out button has something to do.
func canLogOut(in instance.Instance) bool {
	return in.Linked() && in.Status.Phase != instance.PhaseLogoutPending
}

// canSwitchOff says whether switching off changes anything that can be seen.
func canSwitchOff(in instance.Instance) bool {
	return in.State == instance.Active && in.Linked() && in.Logout == nil
}

// needsPanel says whether the connect card has something to show: not while the
// number is connected, nor while a linked one comes back by itself.
func needsPanel(in instance.Instance) bool {
	return !in.Status.Phase.Online() && !comesBack(in)
}

// comesBack says whether a linked number is on its way back without anybody's
// help.
func comesBack(in instance.Instance) bool {
	p := in.Status.Phase
	return in.Linked() && (p == instance.PhaseConnecting || p == instance.PhaseReconnecting)
}

// technical is what a developer may want to know of a status; "" when there is
// nothing, or the page tells it in words.
func technical(s instance.Status) string {
	switch {
	case s.Phase.Online(), s.Reason == instance.ReasonOtherNumber, banKind(s) != "":
		return ""
	case s.Phase == instance.PhaseOutdated && s.Detail != "":
		return "WhatsApp Web " + s.Detail
	default:
		return s.Detail
	}
}

// refreshes says whether a page without scripts should load itself again.
func refreshes(in instance.Instance) bool {
	p := in.Status.Phase
	return p.Pairing() || p == instance.PhaseConnecting || p == instance.PhasePaired
}

// banKind is the catalogue key of what WhatsApp pauses an account for; "" when
// it gave no reason that is known.
func banKind(s instance.Status) string {
	number, _, _ := strings.Cut(s.Detail, ":")
	switch {
	case s.Reason != instance.ReasonTempBan:
		return ""
	case number == "101", number == "102", number == "103", number == "104", number == "106":
		return "ban." + number
	default:
		return ""
	}
}

// because is the catalogue key of the sentence that explains a status: the
// reason where there is one, otherwise the phase.
func because(s instance.Status) string {
	switch {
	case s.Reason == instance.ReasonTempBan && s.Until.IsZero():
		return "reason.temp_ban_open"
	case s.Reason == instance.ReasonOperator && s.Phase == instance.PhaseReconnecting:
		return "reason.renewed"
	}
	if s.Reason != instance.ReasonNone && !s.Phase.Online() && s.Phase != instance.PhasePasskey && s.Phase != instance.PhasePaired {
		return "reason." + string(s.Reason)
	}
	return "phase." + string(s.Phase) + ".text"
}
