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

// Login failures of WhatsApp that are spoken of by number.
const (
	codeBanned     = 402
	codeOutdated   = 405
	codeCATExpired = 413
	codeCATInvalid = 414
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
// connection.update when webhooks heard of another connection last, one
// state.instance when the instance began or ceased to run. The engine emits
// neither for what we do ourselves. told is what webhooks have heard then.
func transitionDrafts(before, after Instance, at time.Time, announce time.Duration) (drafts []event.Draft, told Told) {
	told = toldOf(before)
	is := Told{State: wireState(after.Status.Phase), Code: wireCode(after.Status)}
	_, held := holdsBack(after, at, announce)
	if !held && (told.State != is.State || is.State == "close" && told.Code != is.Code) {
		drafts = append(drafts, event.Draft{
			InstanceID: after.ID, Type: event.ConnectionUpdate, At: at,
			Data: event.ConnectionData{State: is.State, StatusReason: is.Code},
		})
		told = is
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
	if after.Token.ID != before.Token.ID && before.Token.ID != "" {
		drafts = append(drafts, event.NewJWTDraft(after.ID, after.Token.ID, after.Token.IssuedAt, after.Token.UpdatedAt))
	}
	return drafts, told
}

// toldOf is what webhooks heard last. An instance that nothing was told of
// stands where it is.
func toldOf(in Instance) Told {
	if in.Told != (Told{}) {
		return in.Told
	}
	return Told{State: wireState(in.Status.Phase), Code: wireCode(in.Status)}
}

// holdsBack says whether webhooks are not to hear of a lost connection yet, and
// for how long: most come back within seconds, and a close that is followed by
// an open at once is noise.
func holdsBack(in Instance, now time.Time, announce time.Duration) (wait time.Duration, held bool) {
	if in.Status.Phase != PhaseReconnecting || in.Told.State != "open" {
		return 0, false
	}
	wait = announce - now.Sub(in.Status.Since)
	return wait, wait > 0
}

// runs says whether an instance counts as running for state.instance: it is
// switched on, and linked or being linked.
func runs(in Instance) bool {
	p := in.Status.Phase
	return in.State == Active && (in.Linked() || p == PhaseConnecting || p == PhasePaired || p.Pairing())
}
