// Package instance owns the life of the WhatsApp numbers: what the operator
// wants of each, what is, how a number is linked, brought back and logged out.
// One goroutine (the runner) owns each instance, so nothing about it can race.
// The package knows no WhatsApp library and no database; both come in behind
// the interfaces Engine and Store.
package instance

import (
	"time"

	"pombal/internal/event"
	"pombal/internal/problem"
)

// State is what the operator wants of an instance. It changes by the
// operator's word alone, never by what happens on the network.
type State string

// The wanted states, spelled as CodeChat's "state".
const (
	Active   State = "active"   // linked numbers are kept connected
	Inactive State = "inactive" // switched off; nothing connects
)

// Phase is what is.
type Phase string

// The phases. Those up to PhaseReconnecting change by themselves; the others
// stay until the operator, the phone or a timer acts.
const (
	PhaseNew           Phase = "new"          // not linked, nothing under way
	PhaseConnecting    Phase = "connecting"   // opening a connection
	PhaseQR            Phase = "qr"           // a QR code waits to be scanned
	PhaseCode          Phase = "pairing_code" // a pairing code waits to be typed
	PhasePasskey       Phase = "passkey"      // the account asks for its passkey
	PhasePaired        Phase = "paired"       // the phone accepted, login under way
	PhaseSyncing       Phase = "syncing"      // connected, missed messages arrive
	PhaseConnected     Phase = "connected"
	PhaseDegraded      Phase = "degraded" // connected, but WhatsApp does not answer
	PhaseReconnecting  Phase = "reconnecting"
	PhaseLoggedOut     Phase = "logged_out"
	PhaseReplaced      Phase = "replaced"
	PhaseOutdated      Phase = "outdated"
	PhaseBanned        Phase = "banned"
	PhaseBlocked       Phase = "blocked"
	PhasePairFailed    Phase = "pair_failed"
	PhaseLinkExpired   Phase = "link_expired"
	PhaseStopped       Phase = "stopped" // switched off by the operator
	PhaseLogoutPending Phase = "logout_pending"
)

// Phases returns all phases, so that catalogues and pages can be checked for
// completeness.
func Phases() []Phase {
	return []Phase{
		PhaseNew, PhaseConnecting, PhaseQR, PhaseCode, PhasePasskey, PhasePaired, PhaseSyncing, PhaseConnected,
		PhaseDegraded, PhaseReconnecting, PhaseLoggedOut, PhaseReplaced, PhaseOutdated, PhaseBanned, PhaseBlocked,
		PhasePairFailed, PhaseLinkExpired, PhaseStopped, PhaseLogoutPending,
	}
}

// Online says whether messages flow in this phase.
func (p Phase) Online() bool {
	return p == PhaseSyncing || p == PhaseConnected || p == PhaseDegraded
}

// Pairing says whether the instance is being linked in this phase.
func (p Phase) Pairing() bool {
	return p == PhaseQR || p == PhaseCode || p == PhasePasskey
}

// NeedsAttention says whether an operator has to act before messages flow
// again. Off by choice and never linked do not count.
func (p Phase) NeedsAttention() bool {
	switch p {
	case PhaseLoggedOut, PhaseReplaced, PhaseOutdated, PhaseBanned, PhaseBlocked, PhasePairFailed, PhaseLogoutPending:
		return true
	default:
		return false
	}
}

// Reason says why an instance is in its phase; each has a sentence in the
// catalogues under "reason.<reason>".
type Reason string

// The reasons.
const (
	ReasonNone          Reason = ""
	ReasonPhoneRemoved  Reason = "phone_removed"   // unlinked on the phone (401)
	ReasonPrimaryGone   Reason = "primary_gone"    // the phone was signed out or locked (403)
	ReasonAccountBanned Reason = "account_banned"  // WhatsApp ended the account's session (406)
	ReasonOperator      Reason = "operator"        // logged out or switched off here
	ReasonLocalOnly     Reason = "local_only"      // logged out here, the phone could not be told
	ReasonConnLost      Reason = "connection_lost" // the socket closed
	ReasonUnreachable   Reason = "unreachable"     // WhatsApp cannot be reached
	ReasonFrontDoor     Reason = "front_door"      // WhatsApp's front door refused the dial (HTTP status in Code)
	ReasonNoAnswer      Reason = "no_answer"       // keep-alive unanswered
	ReasonReplaced      Reason = "replaced"        // the same link runs elsewhere (440)
	ReasonTempBan       Reason = "temp_ban"        // 402
	ReasonOutdated      Reason = "outdated"        // 405
	ReasonRefused       Reason = "refused"         // any other login failure (its number in Code)
	ReasonPairRejected  Reason = "pair_rejected"   // the phone's answer did not verify
	ReasonPairTimeout   Reason = "pair_timeout"    // the phone accepted but login did not follow
	ReasonCodesSpent    Reason = "codes_spent"     // all six codes ran out
	ReasonNobodyWatches Reason = "nobody_watches"  // codes ran out and no page was open
	ReasonPasskey       Reason = "passkey"         // the account asks for its passkey
	ReasonStorage       Reason = "storage"         // our own disk failed
	ReasonRestart       Reason = "restart"         // Pombal was restarted meanwhile

	ReasonBusy           Reason = "busy"            // WhatsApp is overloaded or restarting (500, 503)
	ReasonStream         Reason = "stream_error"    // WhatsApp ended the stream with a code nobody knows
	ReasonDNS            Reason = "dns"             // WhatsApp's name cannot be looked up
	ReasonTLS            Reason = "tls"             // what answers is not WhatsApp, or our clock is wrong
	ReasonProxyRefused   Reason = "proxy_refused"   // the instance's proxy refused name or password
	ReasonProxyDown      Reason = "proxy_down"      // the instance's proxy cannot be reached
	ReasonFlapping       Reason = "flapping"        // the connection broke again and again
	ReasonScannedOld     Reason = "scanned_old"     // a WhatsApp too old to link devices scanned the code
	ReasonOtherNumber    Reason = "other_number"    // another number than the instance's scanned the code
	ReasonCodeExpired    Reason = "code_expired"    // the pairing code was not typed in time
	ReasonPasskeyTimeout Reason = "passkey_timeout" // the passkey was not answered in time
	ReasonPasskeyFailed  Reason = "passkey_failed"  // the passkey step could not be finished
	ReasonLogout         Reason = "logout"          // logged out here; WhatsApp still has to hear of it
)

// Reasons returns all reasons but ReasonNone, so that catalogues can be
// checked for completeness.
func Reasons() []Reason {
	return []Reason{
		ReasonPhoneRemoved, ReasonPrimaryGone, ReasonAccountBanned, ReasonOperator, ReasonLocalOnly, ReasonConnLost,
		ReasonUnreachable, ReasonFrontDoor, ReasonNoAnswer, ReasonReplaced, ReasonTempBan, ReasonOutdated, ReasonRefused,
		ReasonPairRejected, ReasonPairTimeout, ReasonCodesSpent, ReasonNobodyWatches, ReasonPasskey, ReasonStorage,
		ReasonRestart, ReasonBusy, ReasonStream, ReasonDNS, ReasonTLS, ReasonProxyRefused, ReasonProxyDown, ReasonFlapping,
		ReasonScannedOld, ReasonOtherNumber, ReasonCodeExpired, ReasonPasskeyTimeout, ReasonPasskeyFailed, ReasonLogout,
	}
}

// Status is the actual state of an instance: the phase, since when and why.
type Status struct {
	Phase   Phase     `json:"phase"`
	Since   time.Time `json:"since"`
	Reason  Reason    `json:"reason,omitempty"`
	Code    int       `json:"code,omitempty"`    // WhatsApp's number for it, or the HTTP status; 0 when there is none
	Detail  string    `json:"detail,omitempty"`  // technical text for the curious; never a secret
	NextAt  time.Time `json:"nextAt,omitzero"`   // when something happens by itself: next attempt, end of a ban
	Attempt int       `json:"attempt,omitempty"` // how many connection attempts failed in a row
	Until   time.Time `json:"until,omitzero"`    // end of a ban, as WhatsApp told it; zero when it did not
	Missed  int       `json:"missed,omitempty"`  // events that arrived while we were away, being caught up on (PhaseSyncing)
}

// NeedsAttention says whether an operator has to act before messages flow
// again. What the operator did here does not count.
func (s Status) NeedsAttention() bool {
	return s.Phase.NeedsAttention() && s.Reason != ReasonOperator
}

// WhatsApp is the linked account.
type WhatsApp struct {
	ID           string    `json:"id"`     // ours; CodeChat's whatsappId
	Device       string    `json:"device"` // AD JID of the linked device, such as 5511987650001:12@s.whatsapp.net
	JID          string    `json:"jid"`    // phone number JID without device
	LID          string    `json:"lid,omitempty"`
	PushName     string    `json:"pushName,omitempty"`
	Platform     string    `json:"platform,omitempty"`
	BusinessName string    `json:"businessName,omitempty"`
	LinkedAt     time.Time `json:"linkedAt"`
	// Typed is the number that was typed for the pairing code, when the link
	// was made by one. WhatsApp may answer with another form of it: Brazilian
	// numbers come with and without their ninth digit.
	Typed string `json:"typed,omitempty"`
	// PhoneSeen is when the phone itself was last active. WhatsApp unlinks
	// devices whose phone stays away for about 14 days.
	PhoneSeen time.Time `json:"phoneSeen,omitzero"`
}

// Told is the connection.update that webhooks heard last, so that they hear of
// changes alone and of each once, also over a restart.
type Told struct {
	State string `json:"state"`
	Code  int    `json:"code"`
}

// PendingLogout is a logout that WhatsApp has not heard of yet.
type PendingLogout struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`          // WhatsApp is asked until then, then the keys are erased here only
	Keep  bool      `json:"keep,omitempty"` // the caller wished it to be tried until then; otherwise once
}

// Reachout is a time lock: WhatsApp does not let the account open new chats.
// Chats that exist go on.
type Reachout struct {
	Kind  string    `json:"kind"` // WhatsApp's word for it; "unknown" when a refused message alone told us
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// Instance is one WhatsApp number that Pombal looks after.
type Instance struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`           // unique among living instances, compared without case
	Tags       []string  `json:"tags,omitempty"` // the operator's own words to find it by; replaced, never changed
	BusinessID string    `json:"businessId"`
	State      State     `json:"state"`
	Status     Status    `json:"status"`
	WhatsApp   *WhatsApp `json:"whatsapp,omitempty"` // nil until linked; kept after a logout without Device
	// Candidate is the device that is being linked, stored before its keys
	// are, so that a crash between the two leaves nothing nobody knows of.
	Candidate string `json:"candidate,omitempty"`
	// Forget is a logged-out device whose keys could not be erased yet. It is
	// never connected again; erasing is tried until it succeeds.
	Forget string `json:"forget,omitempty"`
	// Logout is set from the wish to log out until it is done, so that a crash
	// between the two sides is not forgotten.
	Logout   *PendingLogout `json:"logout,omitempty"`
	Reachout *Reachout      `json:"reachout,omitempty"` // nil: new chats may be opened
	// SeenAt is the last proof of life: when anything came from WhatsApp.
	SeenAt time.Time `json:"seenAt,omitzero"`
	Told   Told      `json:"told,omitzero"`
	Loaded bool      `json:"loaded,omitempty"` // the last state.instance said "on"
	Token  Token     `json:"token"`
	// History is how much of the past linking brings.
	History History `json:"history,omitempty"`
	Proxy   *Proxy  `json:"proxy,omitempty"` // nil: straight to WhatsApp
	// Leaving is set while the account goes over to another instance.
	Leaving   *Leaving  `json:"leaving,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	DeletedAt time.Time `json:"deletedAt,omitzero"`
	Rev       uint64    `json:"rev"` // counts the operator's edits
}

// clone copies the instance so that changing one leaves the other alone.
func (in Instance) clone() Instance {
	if in.WhatsApp != nil {
		wa := *in.WhatsApp
		in.WhatsApp = &wa
	}
	if in.Logout != nil {
		pending := *in.Logout
		in.Logout = &pending
	}
	if in.Reachout != nil {
		lock := *in.Reachout
		in.Reachout = &lock
	}
	return in
}

// ReachoutLocked says whether the account may not open new chats now.
func (in Instance) ReachoutLocked(now time.Time) bool {
	return in.Reachout != nil && now.Before(in.Reachout.Until)
}

// phoneAway is after how long without the phone an operator is warned.
const phoneAway = 12 * 24 * time.Hour

// PhoneAway says whether the phone has not been seen for so long that WhatsApp
// is about to unlink us.
func (in Instance) PhoneAway(now time.Time) bool {
	return in.Linked() && !in.WhatsApp.PhoneSeen.IsZero() && now.Sub(in.WhatsApp.PhoneSeen) > phoneAway
}

// Linked says whether keys of a linked device are kept.
func (in Instance) Linked() bool {
	return in.WhatsApp != nil && in.WhatsApp.Device != ""
}

// Connection is CodeChat's "connection": open, close or refused. It never says
// connecting, which that contract does not know here.
func (in Instance) Connection() string {
	switch p := in.Status.Phase; {
	case p.Online():
		return "open"
	case p == PhaseLinkExpired, p == PhaseBanned, p == PhaseBlocked, p == PhaseOutdated:
		return "refused"
	default:
		return "close"
	}
}

// Wire is the instance as webhook bodies show it.
func (in Instance) Wire(b Business) event.WireInstance {
	w := event.WireInstance{
		InstanceID: in.ID,
		Name:       in.Name,
		State:      string(in.State),
		Connection: in.Connection(),
		CreatedAt:  event.WireTime(in.CreatedAt),
		Business:   event.WireBusiness{BusinessID: b.ID, Name: b.Name},
	}
	if wa := in.WhatsApp; wa != nil {
		w.WhatsApp = &event.WireWhatsApp{
			WhatsAppID: wa.ID, RemoteJID: wa.JID, PushName: wa.PushName, CreatedAt: event.WireTime(wa.LinkedAt),
		}
	}
	return w
}

// Errors that people see; doors map them by kind.
var (
	// ErrNotFound: no living instance has this id.
	ErrNotFound = problem.New(problem.NotFound, "error.instance_not_found")
	// ErrNameTaken: another living instance has this name.
	ErrNameTaken = &problem.Error{Kind: problem.Conflict, Text: problem.Text{Key: "error.name_taken"},
		Fields: []problem.Field{{Name: "name", Text: problem.Text{Key: "error.name_taken"}}}}
	// ErrIDTaken: the id asked for by the creator exists already.
	ErrIDTaken = &problem.Error{Kind: problem.Conflict, Text: problem.Text{Key: "error.id_taken"},
		Fields: []problem.Field{{Name: "externalId", Text: problem.Text{Key: "error.id_taken"}}}}
	// ErrNotConnected: the action needs a connected instance.
	ErrNotConnected = problem.New(problem.NotConnected, "error.not_connected")
	// ErrConnected: the action needs an instance that is not connected.
	ErrConnected = problem.New(problem.Conflict, "error.already_connected")
	// ErrSwitchedOff: the action needs an instance that is switched on.
	ErrSwitchedOff = problem.New(problem.Conflict, "error.switched_off")
	// ErrChanged: somebody else saved first.
	ErrChanged = problem.New(problem.Conflict, "error.changed_elsewhere")
	// ErrLinked: the action needs an instance that is not linked.
	ErrLinked = problem.New(problem.Conflict, "error.already_linked")
	// ErrLogoutPending: WhatsApp has still to hear of a logout; force it to
	// end it here only.
	ErrLogoutPending = problem.New(problem.Conflict, "error.logout_pending")
	// ErrNoPasskey: no passkey request is open.
	ErrNoPasskey = problem.New(problem.Conflict, "error.no_passkey")
	// ErrShuttingDown: Pombal is stopping.
	ErrShuttingDown = problem.New(problem.Unavailable, "error.shutting_down")
)
