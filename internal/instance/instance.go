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
)

// Reasons returns all reasons but ReasonNone, so that catalogues can be
// checked for completeness.
func Reasons() []Reason {
	return []Reason{
		ReasonPhoneRemoved, ReasonPrimaryGone, ReasonAccountBanned, ReasonOperator, ReasonLocalOnly, ReasonConnLost,
		ReasonUnreachable, ReasonFrontDoor, ReasonNoAnswer, ReasonReplaced, ReasonTempBan, ReasonOutdated, ReasonRefused,
		ReasonPairRejected, ReasonPairTimeout, ReasonCodesSpent, ReasonNobodyWatches, ReasonPasskey, ReasonStorage,
		ReasonRestart,
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
}

// Token is what is stored of the instance token: its claims. The text is
// recomputed from them, so no token lies in the file.
type Token struct {
	ID        string    `json:"id"` // CodeChat's authId and the JWT's jti
	IssuedAt  time.Time `json:"issuedAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// Business is CodeChat's tenant. One is made at set-up.
type Business struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"createdAt"`
}

// Instance is one WhatsApp number that Pombal looks after.
type Instance struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"` // unique among living instances, compared without case
	BusinessID string    `json:"businessId"`
	State      State     `json:"state"`
	Status     Status    `json:"status"`
	WhatsApp   *WhatsApp `json:"whatsapp,omitempty"` // nil until linked; kept after a logout without Device
	// Candidate is the device that is being linked, stored before its keys
	// are, so that a crash between the two leaves nothing nobody knows of.
	Candidate string `json:"candidate,omitempty"`
	// Forget is a logged-out device whose keys could not be erased yet. It is
	// never connected again; erasing is tried until it succeeds.
	Forget    string    `json:"forget,omitempty"`
	Loaded    bool      `json:"loaded,omitempty"` // the last state.instance said "on"
	Token     Token     `json:"token"`
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
	return in
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
	// ErrShuttingDown: Pombal is stopping.
	ErrShuttingDown = problem.New(problem.Unavailable, "error.shutting_down")
)
