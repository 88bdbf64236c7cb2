package instance

import (
	"context"
	"errors"
	"time"

	"pombal/internal/event"
)

// Engine opens sessions with WhatsApp. The one real implementation is in
// package whatsapp; instancetest has one for tests of pages.
type Engine interface {
	// Open makes a session for a linked device, or for a fresh unlinked one
	// when p.Device is empty. It does not connect. ErrUnknownDevice when the
	// keys of p.Device are not there.
	Open(ctx context.Context, p OpenParams) (Session, error)
	// Erase deletes the keys of a device durably; nil when there are none.
	Erase(ctx context.Context, device string) error
	// Devices lists the devices whose keys are kept, as AD JIDs.
	Devices(ctx context.Context) ([]string, error)
	// OnVersion registers what to call when WhatsApp may accept us again
	// because another version number is in use. It is called from any
	// goroutine and must not block.
	OnVersion(fn func())
	// TestProxy asks WhatsApp's front page through a proxy. The error is a
	// *DialError.
	TestProxy(ctx context.Context, p *Proxy) error
}

// OpenParams are the inputs of Engine.Open.
type OpenParams struct {
	InstanceID string
	Device     string // AD JID, or empty
	Proxy      *Proxy // nil: straight to WhatsApp
	History    History
	Sink       Sink // must not be nil
}

// Sink takes what a session has to tell.
type Sink interface {
	// Signal takes a change of the connection. It must not block.
	Signal(Signal)
	// Seen notes a proof of life: something came from WhatsApp. It is called
	// for every stanza and must cost next to nothing.
	Seen()
	// AllowPair says whether this device may be linked here. It is asked
	// before anything is stored or erased.
	AllowPair(device string) error
	// BeforePair stores the device that is about to be linked. Linking stops
	// when it fails.
	BeforePair(device string) error
	// Record stores events durably. Only after nil may the message be
	// acknowledged to WhatsApp.
	Record(ctx context.Context, drafts ...event.Draft) error
	// Wants says whether an enabled webhook of the instance wants t: for work
	// that is done only then.
	Wants(t event.Type) bool
	// Notices lists the histories that were announced and not taken in yet.
	Notices(ctx context.Context) ([]event.Notice, error)
}

// Session is one client of WhatsApp. Its owner calls it from one goroutine;
// Send, Upload, Numbers and MarkRead may be called from any.
type Session interface {
	// Connect dials and shakes hands; what follows arrives as signals. It ends
	// within a minute. Errors are *DialError. ctx must live as long as the
	// connection shall.
	Connect(ctx context.Context) error
	// Disconnect closes the socket; no signal follows from it.
	Disconnect()
	// RequestCode asks WhatsApp for a code to type on the phone with that
	// number (digits), once SignalQR has come. The code dies with the
	// connection. Errors that WhatsApp gives are *ServerError.
	RequestCode(ctx context.Context, phone string) (string, error)
	// AnswerPasskey sends the answer to a passkey request (WebAuthn, JSON,
	// binary parts in unpadded base64url). It may be tried again after an
	// error; one that WhatsApp gives is a *ServerError.
	AnswerPasskey(ctx context.Context, answer []byte) error
	// ConfirmPasskey goes on after SignalPasskeyConfirm.
	ConfirmPasskey(ctx context.Context) error
	// Logout unlinks the device on WhatsApp's side and erases its keys. An
	// error that is ErrKeysKept means unlinked, but not erased; any other
	// error means that WhatsApp did not confirm.
	Logout(ctx context.Context) error
	// Send sends p.Content to the address p.To, waits until WhatsApp has taken
	// it and records its events. Errors are ErrNotConnected, ErrNotOnWhatsApp,
	// ErrSendUnknown, *SendRefusedError or what went wrong before anything was
	// sent.
	Send(ctx context.Context, p SendParams) (SendResult, error)
	// Upload puts m.File on WhatsApp's media host, encrypted, and writes over
	// it. ErrNotConnected.
	Upload(ctx context.Context, m Media) (Upload, error)
	// Numbers looks up addresses of phone numbers, answering in their order.
	// ErrNotConnected.
	Numbers(ctx context.Context, jids []string) ([]Number, error)
	// MarkRead sends read receipts. ErrNotConnected.
	MarkRead(ctx context.Context, r Read) error
	// Close disconnects and lets go of everything. The session is of no use
	// afterwards and sends no more signals. A linking that Sink.BeforePair has
	// let through is over when it returns: the device's keys are there and the
	// phone has been told, or neither.
	Close()
}

// Errors of engines.
var (
	ErrUnknownDevice = errors.New("no keys for this device")
	ErrKeysKept      = errors.New("unlinked, but the keys could not be erased")
)

// DialError says why a connection could not be opened.
type DialError struct {
	HTTPStatus int   // what WhatsApp's front door answered; 0 when nothing answered
	Cause      Cause // what kind of failure it was, where that can be told
	Err        error // the cause
}

// Cause is a kind of dial failure that a person can do something about.
type Cause string

// The causes that can be told apart.
const (
	CauseOther        Cause = ""
	CauseDNS          Cause = "dns"           // the name could not be looked up
	CauseTLS          Cause = "tls"           // somebody else answered, or the clock is wrong
	CauseProxyRefused Cause = "proxy_refused" // the proxy refused name or password
	CauseProxyDown    Cause = "proxy_down"    // the proxy cannot be reached or does not do its work
)

// ServerError is what WhatsApp answered to a question instead of an answer.
type ServerError struct {
	Code int // 400, 429, 463, …
	Err  error
}

// Error describes the refusal for the log.
func (e *ServerError) Error() string { return "WhatsApp answered: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *ServerError) Unwrap() error { return e.Err }

// Error describes the failure for the log.
func (e *DialError) Error() string { return "connect to WhatsApp: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *DialError) Unwrap() error { return e.Err }

// Signal is what a session tells about its connection. The types below are all
// there are.
type Signal interface{ signal() }

// The signals.
type (
	// SignalQR brings the codes of a pairing round, to be shown one after the
	// other: the first for a minute, the others for 20 s each.
	SignalQR struct{ Codes []string }
	// SignalSecret says that the codes of the round must carry another secret
	// from now on (base64, the fourth field of each).
	SignalSecret struct{ Secret string }
	// SignalPaired says that the phone accepted; WhatsApp restarts the stream.
	SignalPaired struct{ Device, LID, Platform, BusinessName string }
	// SignalPairFailed says that the phone's answer was not accepted.
	SignalPairFailed struct{ Detail string }
	// SignalPasskey says that the account asks for its passkey. Request is
	// WebAuthn's publicKey object in JSON. All codes shown so far are dead.
	SignalPasskey struct{ Request []byte }
	// SignalPasskeyConfirm says that the passkey was accepted. Unless Skip is
	// set, a person must compare Code with what the phone shows first.
	SignalPasskeyConfirm struct {
		Code string
		Skip bool
	}
	// SignalPasskeyFailed says that the passkey step cannot go on.
	SignalPasskeyFailed struct{ Detail string }
	// SignalScannedOld says that a phone without multi-device scanned.
	SignalScannedOld struct{}
	// SignalRestart asks for Disconnect and Connect (stream code 515).
	SignalRestart struct{}
	// SignalConnected says that the login is complete.
	SignalConnected struct{ PushName string }
	// SignalSyncing says how many missed events are about to arrive.
	SignalSyncing struct{ Missed int }
	// SignalSynced says that all missed messages have arrived.
	SignalSynced struct{}
	// SignalDisconnected says that the socket closed. Code is WhatsApp's
	// number for it (500 and 503: busy), 0 when it gave none.
	SignalDisconnected struct{ Code int }
	// SignalStreamError says that WhatsApp ended the stream with a code that
	// the library does not know. SignalDisconnected comes before or after it.
	SignalStreamError struct {
		Code   int
		Detail string
	}
	// SignalLoggedOut says that the device is unlinked (401, 403, 406); its
	// keys are erased or about to be.
	SignalLoggedOut struct{ Code int }
	// SignalReplaced says that the same link connected elsewhere.
	SignalReplaced struct{}
	// SignalBanned says that the account is paused.
	SignalBanned struct {
		Code    int
		Expires time.Duration // 0 when unknown
	}
	// SignalOutdated says that WhatsApp refuses the engine's version.
	SignalOutdated struct{ Version string }
	// SignalRefused says that the login failed with another code.
	SignalRefused struct {
		Code   int
		Detail string
	}
	// SignalNoAnswer says that a keep-alive went unanswered; SignalAnswer that
	// one was answered again.
	SignalNoAnswer struct{ Misses int }
	SignalAnswer   struct{}
	// SignalProfile brings a changed push name of the linked account.
	SignalProfile struct{ PushName string }
	// SignalReachout says that WhatsApp does not let the account open new
	// chats (Active) or lets it again. Until is zero when no end was told.
	SignalReachout struct {
		Active bool
		Kind   string
		Until  time.Time
	}
	// SignalPhone says that the account's phone itself was active.
	SignalPhone struct{}
	// SignalIdentity says that the security code of a contact changed.
	SignalIdentity struct{ JID string }
)

func (SignalQR) signal()             {}
func (SignalSecret) signal()         {}
func (SignalPaired) signal()         {}
func (SignalPairFailed) signal()     {}
func (SignalPasskey) signal()        {}
func (SignalPasskeyConfirm) signal() {}
func (SignalPasskeyFailed) signal()  {}
func (SignalScannedOld) signal()     {}
func (SignalRestart) signal()        {}
func (SignalConnected) signal()      {}
func (SignalSyncing) signal()        {}
func (SignalSynced) signal()         {}
func (SignalDisconnected) signal()   {}
func (SignalStreamError) signal()    {}
func (SignalLoggedOut) signal()      {}
func (SignalReplaced) signal()       {}
func (SignalBanned) signal()         {}
func (SignalOutdated) signal()       {}
func (SignalRefused) signal()        {}
func (SignalNoAnswer) signal()       {}
func (SignalAnswer) signal()         {}
func (SignalProfile) signal()        {}
func (SignalReachout) signal()       {}
func (SignalPhone) signal()          {}
func (SignalIdentity) signal()       {}
