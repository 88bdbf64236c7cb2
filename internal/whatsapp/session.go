package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync/atomic"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/socket"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/instance"
)

// session is one client of the library.
type session struct {
	engine *Engine
	params instance.OpenParams
	client *whatsmeow.Client
	closed atomic.Bool
	// own is the linked number, from the device or the pairing event. The
	// library rewrites its own copy without a lock, so it is not read again.
	own atomic.Pointer[types.JID]
}

var _ instance.Session = (*session)(nil)

// errCAT answers the library's wish for a Messenger token. Without a callback
// login failures 413 and 414 would end the process.
var errCAT = errors.New("no Messenger account")

// newSession sets every switch that ties "acknowledged to WhatsApp" to "on our
// disk": acknowledgements wait for the handler, the handler's word counts, and
// the decrypted text survives until the handler has said yes.
func newSession(e *Engine, p instance.OpenParams, device *wmstore.Device) *session {
	log := e.cfg.Log.With("instance", p.InstanceID)
	s := &session{engine: e, params: p, client: whatsmeow.NewClient(device, libraryLog{log: log})}
	if jid := device.GetJID(); !jid.IsEmpty() {
		s.own.Store(&jid)
	}
	c := s.client
	c.SynchronousAck = true
	c.EnableDecryptedEventBuffer = true
	c.UseRetryMessageStore = true
	c.EnableAutoReconnect = false // reconnecting is the instance's business
	c.DisableLoginAutoReconnect = true
	c.AutomaticMessageRerequestFromPhone = true
	c.ManualHistorySyncDownload = true
	c.RefreshCAT = func(context.Context) error { return errCAT }
	c.SetPreLoginHTTPClient(e.http)
	c.SetWebsocketHTTPClient(e.http)
	c.SetMediaHTTPClient(e.http)
	c.PrePairCallback = s.beforePair
	c.AddEventHandlerWithSuccessStatus(s.handle)
	return s
}

// Connect dials and shakes hands; see instance.Session.
func (s *session) Connect(ctx context.Context) error {
	err := s.client.ConnectContext(ctx)
	if err == nil || errors.Is(err, whatsmeow.ErrAlreadyConnected) {
		return nil
	}
	dial := &instance.DialError{Err: err}
	var status socket.ErrWithStatusCode
	if errors.As(err, &status) {
		dial.HTTPStatus = status.StatusCode
	}
	return dial
}

// Disconnect closes the socket; see instance.Session.
func (s *session) Disconnect() { s.client.Disconnect() }

// Logout unlinks the device; see instance.Session.
func (s *session) Logout(ctx context.Context) error {
	err := s.client.Logout(ctx)
	switch {
	case err == nil, errors.Is(err, wmstore.ErrDeviceDeleted):
		// Our store answers a finished deletion with that error, so that the
		// library leaves the Device as it is: it would rewrite it without a
		// lock while its own goroutines still read it.
		return nil
	case strings.HasPrefix(err.Error(), "error deleting data from store"):
		return fmt.Errorf("%w: %w", instance.ErrKeysKept, err)
	default:
		return err
	}
}

// Close ends the session; see instance.Session.
func (s *session) Close() {
	s.closed.Store(true)
	s.client.Disconnect()
}

// beforePair runs before the keys are stored. Keys of an earlier link under the
// same address would win over the new ones, so they go first.
func (s *session) beforePair(jid types.JID, _, _ string) bool {
	if err := s.engine.cfg.Devices.Erase(context.Background(), jid); err != nil {
		s.engine.cfg.Log.Error("erase the keys of an earlier link", "instance", s.params.InstanceID, "error", err)
		return false
	}
	if err := s.params.Sink.BeforePair(jid.String()); err != nil {
		s.engine.cfg.Log.Error("store the device that is being linked", "instance", s.params.InstanceID, "error", err)
		return false
	}
	return true
}

// handle takes everything the library tells. It recovers its own panics,
// because the library would count one as success, acknowledge the message and
// lose it. False keeps the message unacknowledged.
func (s *session) handle(evt any) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			ok = false
			s.engine.cfg.Log.Error("handle an event of the WhatsApp library", "instance", s.params.InstanceID,
				"event", fmt.Sprintf("%T", evt), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	if s.closed.Load() {
		return false
	}
	if sig := s.signal(evt); sig != nil {
		s.params.Sink.Signal(sig)
		return true
	}
	return s.record(evt)
}

// record stores what an event means for webhooks; true once it is on disk.
func (s *session) record(evt any) bool {
	drafts, err := s.translate(evt)
	if err != nil {
		// It would fail again for ever: say so and let WhatsApp forget it.
		s.engine.cfg.Log.Error("translate an event", "instance", s.params.InstanceID,
			"event", fmt.Sprintf("%T", evt), "error", err)
		return true
	}
	if len(drafts) == 0 {
		return true
	}
	if err := s.params.Sink.Record(context.Background(), drafts...); err != nil {
		s.engine.cfg.Log.Error("record an event", "instance", s.params.InstanceID, "error", err)
		return false
	}
	return true
}

// signal turns what the library tells of the connection into a signal, one
// line for each; nil for everything else.
func (s *session) signal(evt any) instance.Signal {
	switch e := evt.(type) {
	case *events.QR:
		return instance.SignalQR{Codes: e.Codes}
	case *events.QRScannedWithoutMultidevice:
		return instance.SignalScannedOld{}
	case *events.PairSuccess:
		return s.paired(e)
	case *events.PairError:
		return instance.SignalPairFailed{Detail: pairDetail(e.Error)}
	case *events.PairPasskeyRequest, *events.PairPasskeyError:
		return instance.SignalPasskey{}
	case *events.ManualLoginReconnect:
		return instance.SignalRestart{}
	case *events.Connected:
		return instance.SignalConnected{}
	case *events.OfflineSyncCompleted:
		return instance.SignalSynced{}
	case *events.Disconnected:
		return instance.SignalDisconnected{}
	case *events.LoggedOut:
		return instance.SignalLoggedOut{Code: int(e.Reason)}
	case *events.StreamReplaced:
		return instance.SignalReplaced{}
	case *events.TemporaryBan:
		return instance.SignalBanned{Code: int(e.Code), Expires: e.Expire}
	case *events.ClientOutdated:
		return instance.SignalOutdated{}
	case *events.ConnectFailure:
		return instance.SignalRefused{Code: int(e.Reason), Detail: e.Message}
	case *events.CATRefreshError:
		return instance.SignalRefused{Code: int(events.ConnectFailureCATInvalid)}
	case *events.KeepAliveTimeout:
		return instance.SignalNoAnswer{Misses: e.ErrorCount}
	case *events.KeepAliveRestored:
		return instance.SignalAnswer{}
	case *events.AppStateSyncComplete:
		// A full sync sets the push name without an event of its own. This
		// handler runs on the goroutine that has just written the field.
		return instance.SignalProfile{PushName: s.client.Store.PushName}
	case *events.PushNameSetting:
		return instance.SignalProfile{PushName: e.Action.GetName()}
	default:
		return nil
	}
}

func (s *session) paired(e *events.PairSuccess) instance.Signal {
	jid := e.ID
	s.own.Store(&jid)
	return instance.SignalPaired{
		Device: e.ID.String(), LID: e.LID.ToNonAD().String(), Platform: e.Platform, BusinessName: e.BusinessName,
	}
}

// pairDetail says why linking failed, without the library's wrapping.
func pairDetail(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, whatsmeow.ErrPairInvalidDeviceIdentityHMAC), errors.Is(err, whatsmeow.ErrPairInvalidDeviceSignature):
		return "signature mismatch"
	case errors.Is(err, whatsmeow.ErrPairRejectedLocally):
		return "rejected here"
	default:
		return "the link could not be stored"
	}
}
