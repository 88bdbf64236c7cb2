package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waWa6"
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
	// name is the account's own push name, kept apart for the same reason.
	name     atomic.Pointer[string]
	reachout atomic.Pointer[time.Time] // until when messages to new people are refused
	bg       *background
	outgoing outgoing
	watch    watcher
	http     *http.Client
	revision atomic.Uint32 // the version number of the newest connection
	ending   atomic.Int64  // WhatsApp's number for the end of it; 0: none
	past     past
	linking  linking
	telling  sync.Mutex // held while a signal is passed on
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
	s := &session{engine: e, params: p, bg: newBackground(), http: e.httpFor(p.Proxy)}
	s.client = whatsmeow.NewClient(device, libraryLog{log: log, hooks: &hooks{
		stanza: func(node any) {
			p.Sink.Seen()
			if n, ok := node.(*waBinary.Node); ok {
				defuse(n)
			}
		},
		notice: s.notice, busy: s.busy,
	}})
	s.setName(device.PushName)
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
	socket := guarded(s.http)
	c.SetPreLoginHTTPClient(socket)
	c.SetWebsocketHTTPClient(socket)
	c.SetMediaHTTPClient(limitBodies(s.http, maxMedia))
	c.GetClientPayload = func() *waWa6.ClientPayload { return s.payload(device) }
	c.PrePairCallback = s.beforePair
	c.AddEventHandlerWithSuccessStatus(s.handle)
	return s
}

// payload is what the client says about itself, with the version in use and the
// name that phones are to show.
func (s *session) payload(device *wmstore.Device) *waWa6.ClientPayload {
	var p *waWa6.ClientPayload
	if s.params.History == instance.HistoryFull {
		p = fullHistoryPayload(device)
	} else {
		p = device.GetClientPayload()
	}
	s.engine.versions.sign(p)
	s.revision.Store(s.engine.versions.stamp(p))
	return p
}

// busy hears by which number WhatsApp ends the connection, where the library's
// event does not say.
func (s *session) busy(code any) {
	if n, ok := code.(int); ok {
		s.ending.Store(int64(n))
	}
}

// Connect dials and shakes hands; see instance.Session.
func (s *session) Connect(ctx context.Context) error {
	s.ending.Store(0)
	err := s.client.ConnectContext(ctx)
	if err == nil || errors.Is(err, whatsmeow.ErrAlreadyConnected) {
		return nil
	}
	return dialError(err, s.params.Proxy != nil)
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
	s.bg.stop()
	s.linking.wait(linkLimit)
	if s.http != s.engine.http {
		s.http.CloseIdleConnections()
	}
}

// beforePair runs before the keys are stored. What follows ends with
// events.PairSuccess or events.PairError, whatever it answers.
func (s *session) beforePair(jid types.JID, _, _ string) bool {
	s.linking.begin()
	return s.allowPair(jid)
}

// allowPair says whether the device may be linked, and makes room for it. Keys
// of an earlier link under the same address would win over the new ones, so they
// go first.
func (s *session) allowPair(jid types.JID) bool {
	if err := s.params.Sink.AllowPair(jid.String()); err != nil {
		s.engine.cfg.Log.Warn("a device was not linked", "instance", s.params.InstanceID, "error", err)
		return false
	}
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
	switch evt.(type) {
	case *events.PairSuccess, *events.PairError:
		defer s.linking.end()
	}
	if s.closed.Load() {
		return false
	}
	s.tellBesides(evt)
	if sig := s.signal(evt); sig != nil {
		if !s.tell(sig) {
			return true
		}
	} else if !s.record(evt) {
		return false
	}
	s.observe(evt)
	return true
}

// tell passes a signal on, but for a login whose connection has ended: the
// library says "connected" even when its last questions failed for that reason.
// One at a time, so that such a login does not overtake the end either.
func (s *session) tell(sig instance.Signal) bool {
	s.telling.Lock()
	defer s.telling.Unlock()
	if _, login := sig.(instance.SignalConnected); login && !s.client.IsConnected() {
		return false
	}
	s.params.Sink.Signal(sig)
	return true
}

// tellBesides tells the instance what an event means for its life when webhooks
// hear of the event too.
func (s *session) tellBesides(evt any) {
	switch e := evt.(type) {
	case *events.NotifyAccountReachoutTimelock:
		s.params.Sink.Signal(instance.SignalReachout{
			Active: e.IsActive, Kind: e.EnforcementType, Until: e.TimeEnforcementEnds.Time,
		})
	case *events.Message:
		if e.Info.IsFromMe && e.Info.Sender.Device == 0 {
			s.params.Sink.Signal(instance.SignalPhone{})
		}
	case *events.Receipt:
		if e.IsFromMe && e.Sender.Device == 0 {
			s.params.Sink.Signal(instance.SignalPhone{})
		}
	case *events.AppState: // only the phone changes the state of chats
		s.params.Sink.Signal(instance.SignalPhone{})
	}
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
	case *events.PairPasskeyRequest:
		return s.passkey(e)
	case *events.PairPasskeyConfirmation:
		return instance.SignalPasskeyConfirm{Code: e.Code, Skip: e.SkipHandoffUX}
	case *events.PairPasskeyError:
		return instance.SignalPasskeyFailed{Detail: passkeyDetail(e)}
	case *events.ManualLoginReconnect:
		return instance.SignalRestart{}
	case *events.Connected:
		s.engine.versions.accepted(s.revision.Load())
		return instance.SignalConnected{}
	case *events.OfflineSyncPreview:
		return instance.SignalSyncing{Missed: e.Total}
	case *events.OfflineSyncCompleted:
		return instance.SignalSynced{}
	case *events.Disconnected:
		return instance.SignalDisconnected{Code: int(s.ending.Swap(0))}
	case *events.StreamError:
		return streamError(e)
	case *events.LoggedOut:
		return instance.SignalLoggedOut{Code: int(e.Reason)}
	case *events.StreamReplaced:
		return instance.SignalReplaced{}
	case *events.TemporaryBan:
		return instance.SignalBanned{Code: int(e.Code), Expires: e.Expire}
	case *events.ClientOutdated:
		return s.outdated()
	case *events.ConnectFailure:
		return instance.SignalRefused{Code: int(e.Reason), Detail: e.Message}
	case *events.CATRefreshError:
		return s.noToken()
	case *events.KeepAliveTimeout:
		return instance.SignalNoAnswer{Misses: e.ErrorCount}
	case *events.KeepAliveRestored:
		return instance.SignalAnswer{}
	case *events.AppStateSyncComplete:
		// A full sync sets the push name without an event of its own. This
		// handler runs on the goroutine that has just written the field.
		s.setName(s.client.Store.PushName)
		return instance.SignalProfile{PushName: s.client.Store.PushName}
	case *events.PushNameSetting:
		s.setName(e.Action.GetName())
		return instance.SignalProfile{PushName: e.Action.GetName()}
	case *events.IdentityChange:
		return instance.SignalIdentity{JID: e.JID.String()}
	default:
		return nil
	}
}

// noToken follows a refusal that is meant for Messenger accounts.
func (s *session) noToken() instance.Signal {
	code := int(s.ending.Swap(0))
	if code == 0 {
		code = int(events.ConnectFailureCATExpired)
	}
	return instance.SignalRefused{Code: code}
}

// outdated notes that the version of this connection is refused.
func (s *session) outdated() instance.Signal {
	revision := s.revision.Load()
	s.engine.versions.refused(revision)
	return instance.SignalOutdated{Version: s.engine.versions.full(revision).String()}
}

// streamError keeps WhatsApp's number and the names of what came with it; the
// content may be anything.
func streamError(e *events.StreamError) instance.Signal {
	sig := instance.SignalStreamError{}
	sig.Code, _ = strconv.Atoi(e.Code)
	for _, child := range e.Raw.GetChildren() {
		sig.Detail = strings.TrimSpace(sig.Detail + " " + child.Tag)
	}
	return sig
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
