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
}

// OpenParams are the inputs of Engine.Open.
type OpenParams struct {
	InstanceID string
	Device     string // AD JID, or empty
	Sink       Sink   // must not be nil
}

// Sink takes what a session has to tell.
type Sink interface {
	// Signal takes a change of the connection. It must not block.
	Signal(Signal)
	// BeforePair stores the device that is about to be linked. Linking stops
	// when it fails.
	BeforePair(device string) error
	// Record stores events durably. Only after nil may the message be
	// acknowledged to WhatsApp.
	Record(ctx context.Context, drafts ...event.Draft) error
}

// Session is one client of WhatsApp. Its owner calls it from one goroutine.
type Session interface {
	// Connect dials and shakes hands; what follows arrives as signals. It ends
	// within a minute. Errors are *DialError. ctx must live as long as the
	// connection shall.
	Connect(ctx context.Context) error
	// Disconnect closes the socket; no signal follows from it.
	Disconnect()
	// Logout unlinks the device on WhatsApp's side and erases its keys. An
	// error that is ErrKeysKept means unlinked, but not erased; any other
	// error means that WhatsApp did not confirm.
	Logout(ctx context.Context) error
	// Close disconnects and lets go of everything. The session is of no use
	// afterwards and sends no more signals.
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
	Err        error // the cause
}

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
	// SignalPaired says that the phone accepted; WhatsApp restarts the stream.
	SignalPaired struct{ Device, LID, Platform, BusinessName string }
	// SignalPairFailed says that the phone's answer was not accepted.
	SignalPairFailed struct{ Detail string }
	// SignalPasskey says that the account asks for its passkey.
	SignalPasskey struct{}
	// SignalScannedOld says that a phone without multi-device scanned.
	SignalScannedOld struct{}
	// SignalRestart asks for Disconnect and Connect (stream code 515).
	SignalRestart struct{}
	// SignalConnected says that the login is complete.
	SignalConnected struct{ PushName string }
	// SignalSynced says that all missed messages have arrived.
	SignalSynced struct{}
	// SignalDisconnected says that the socket closed.
	SignalDisconnected struct{}
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
	SignalOutdated struct{}
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
)

func (SignalQR) signal()           {}
func (SignalPaired) signal()       {}
func (SignalPairFailed) signal()   {}
func (SignalPasskey) signal()      {}
func (SignalScannedOld) signal()   {}
func (SignalRestart) signal()      {}
func (SignalConnected) signal()    {}
func (SignalSynced) signal()       {}
func (SignalDisconnected) signal() {}
func (SignalLoggedOut) signal()    {}
func (SignalReplaced) signal()     {}
func (SignalBanned) signal()       {}
func (SignalOutdated) signal()     {}
func (SignalRefused) signal()      {}
func (SignalNoAnswer) signal()     {}
func (SignalAnswer) signal()       {}
func (SignalProfile) signal()      {}
