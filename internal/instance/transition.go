package instance

import (
	"time"

	"pombal/internal/event"
)

// Codes of connection.update that have no number of their own. They are those
// CodeChat's v1.3 sends for the same things.
const (
	codeOK        = 200
	codeLoggedOut = 401
	codeLost      = 428
	codeReplaced  = 440
)

// wireState is the "state" of connection.update for a phase.
func wireState(p Phase) string {
	switch {
	case p.Online():
		return "open"
	case p == PhaseConnecting, p == PhasePaired, p.Pairing():
		return "connecting"
	default:
		return "close"
	}
}

// wireCode is the "statusReason" of connection.update for a status.
func wireCode(s Status) int {
	switch {
	case wireState(s.Phase) != "close", s.Phase == PhaseNew:
		return codeOK
	case s.Code != 0:
		return s.Code
	case s.Phase == PhaseReplaced:
		return codeReplaced
	case s.Phase == PhaseLoggedOut:
		return codeLoggedOut
	default:
		return codeLost
	}
}

// transitionDrafts are the events that a change of an instance causes: one
// connection.update when the wire state changed, one state.instance when the
// instance began or ceased to run. The engine emits neither for what we do
// ourselves.
func transitionDrafts(before, after Instance, at time.Time) []event.Draft {
	var drafts []event.Draft
	was, is := wireState(before.Status.Phase), wireState(after.Status.Phase)
	if was != is || (is == "close" && wireCode(before.Status) != wireCode(after.Status)) {
		drafts = append(drafts, event.Draft{
			InstanceID: after.ID, Type: event.ConnectionUpdate, At: at,
			Data: event.ConnectionData{State: is, StatusReason: wireCode(after.Status)},
		})
	}
	state := ""
	switch {
	case !after.DeletedAt.IsZero():
		state = "deleted"
	case after.Loaded && !before.Loaded:
		state = "on"
	case !after.Loaded && before.Loaded:
		state = "off"
	}
	if state != "" {
		drafts = append(drafts, event.Draft{
			InstanceID: after.ID, Type: event.StateInstance, At: at, Data: event.StateData{State: state},
		})
	}
	return drafts
}

// runs says whether an instance counts as running for state.instance: it is
// switched on, and linked or being linked.
func runs(in Instance) bool {
	p := in.Status.Phase
	return in.State == Active && (in.Linked() || p == PhaseConnecting || p == PhasePaired || p.Pairing())
}
