package wasim

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// Faults are the ways in which a [Server] can misbehave. The zero value is a
// healthy server. All of them act from the moment of [Server.SetFaults] on.
type Faults struct {
	// RefuseDial, when not 0, is the HTTP status that answers every websocket upgrade.
	RefuseDial int `json:"refuseDial,omitempty"`
	// Down closes every new TCP connection at once. Connections that stand stay.
	Down bool `json:"down,omitempty"`
	// RefuseTimes is how often RefuseDial and Down act, together, before they end by
	// themselves; 0 means until they are taken away.
	RefuseTimes int `json:"refuseTimes,omitempty"`
	// SlowHandshake is waited between the client's hello and the answer.
	SlowHandshake time.Duration `json:"slowHandshake,omitempty"`
	// BadCertificate sends a Noise certificate chain signed by a stranger.
	BadCertificate bool `json:"badCertificate,omitempty"`
	// CloseAfterHandshake closes every new connection right after the handshake,
	// without a word.
	CloseAfterHandshake bool `json:"closeAfterHandshake,omitempty"`
	// SlowIQ is waited before every iq answer; other stanzas are not held up.
	SlowIQ time.Duration `json:"slowIQ,omitempty"`
	// SilentIQ lists iq namespaces (xmlns) that are never answered: "w:p" is the
	// keep-alive, "md" the logout, "encrypt" the prekeys. "*" stands for all.
	SilentIQ []string `json:"silentIQ,omitempty"`
	// FailIQ gives iq namespaces an error code as their only answer.
	FailIQ map[string]int `json:"failIQ,omitempty"`
	// LoginFailure, when set, is the answer to logins.
	LoginFailure *Failure `json:"loginFailure,omitempty"`
	// MinRevision refuses clients whose version number ends in a smaller number
	// with failure 405, paired or not.
	MinRevision uint32 `json:"minRevision,omitempty"`
	// StallMessages holds back every queued stanza (messages, receipts,
	// notifications) although the device is online; it goes out when cleared.
	StallMessages bool `json:"stallMessages,omitempty"`
	// SendError, when not 0, refuses every message of a client with that error
	// (463 is "not to this new contact"); the message is not delivered.
	SendError int `json:"sendError,omitempty"`
	// FailCode, when not 0, is the error code that answers requests for a linking
	// code to type: 429 too many, 400 a display name that is not liked.
	FailCode int `json:"failCode,omitempty"`
	// MediaStatus, when not 0, is the HTTP status that answers every request to the
	// media host: 403, 404 and 410 for dead links, 429 and 5xx for one in trouble.
	MediaStatus int `json:"mediaStatus,omitempty"`
	// SilentSend swallows every message of a client: no delivery, no answer.
	SilentSend bool `json:"silentSend,omitempty"`
}

// Failure is a refused login.
type Failure struct {
	// Reason is the code: 401, 403, 406 end the link, on this side too; 402 is a temporary ban;
	// 405 an outdated client; 500 and 503 make the client try again; 400, 409,
	// 415, 418, 501 leave it waiting for its operator.
	Reason int `json:"reason"`
	// Code is the reason of a temporary ban (101 to 106).
	Code int `json:"code,omitempty"`
	// Expire is how long a temporary ban still lasts; sent in whole seconds.
	Expire time.Duration `json:"expire,omitempty"`
	// Message is sent as the text of the failure.
	Message string `json:"message,omitempty"`
	// Device limits the failure to one device; the zero JID means all.
	Device types.JID `json:"device,omitzero"`
	// Unpaired makes the failure hit connections that are not linked yet as well.
	Unpaired bool `json:"unpaired,omitempty"`
	// Times is how often the failure is sent before it ends by itself; 0 means
	// until it is taken away.
	Times int `json:"times,omitempty"`
}

func (f Failure) node() waBinary.Node {
	attrs := waBinary.Attrs{"reason": strconv.Itoa(f.Reason), "location": "sim"}
	if f.Code != 0 {
		attrs["code"] = strconv.Itoa(f.Code)
	}
	if f.Expire > 0 {
		attrs["expire"] = strconv.Itoa(int(f.Expire.Seconds()))
	}
	if f.Message != "" {
		attrs["message"] = f.Message
	}
	return waBinary.Node{Tag: "failure", Attrs: attrs}
}

// SetFaults replaces the faults of the server.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.SilentIQ, f.FailIQ = slices.Clone(f.SilentIQ), maps.Clone(f.FailIQ)
	if f.LoginFailure != nil {
		once := *f.LoginFailure
		f.LoginFailure = &once
	}
	s.faults = f
	for _, p := range s.phones {
		for _, d := range p.devices {
			s.flush(d)
		}
	}
	s.announce()
}

// WaitSwallowed waits until n messages in all have been swallowed by SilentSend.
func (s *Server) WaitSwallowed(ctx context.Context, n int) error {
	return s.until(ctx, func() (bool, error) { return s.swallowed >= n, nil })
}

// Faults returns the faults now in force. Its slices and maps must not be changed.
func (s *Server) Faults() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.faults
	if f.LoginFailure != nil {
		once := *f.LoginFailure
		f.LoginFailure = &once
	}
	return f
}

// loginFailure returns the failure that a connection has to be refused with.
// d is nil for a connection that is not linked. s.mu must be held.
func (s *Server) loginFailure(d *device, revision uint32) *Failure {
	if s.faults.MinRevision > revision {
		return &Failure{Reason: 405}
	}
	if d != nil && d.ban != nil {
		if left := time.Until(d.banUntil); left > 0 {
			ban := *d.ban
			// Whole seconds, rounded up, so that a retry at "expire" succeeds.
			ban.Expire = left.Truncate(time.Second) + time.Second
			return &ban
		}
		d.ban = nil
	}
	f := s.faults.LoginFailure
	if f == nil || (d == nil && !f.Unpaired) {
		return nil
	}
	if d != nil && !f.Device.IsEmpty() && !d.is(f.Device) {
		return nil
	}
	hit := *f
	if f.Times > 0 {
		if f.Times--; f.Times == 0 {
			s.faults.LoginFailure = nil
		}
	}
	return &hit
}

// Drop closes the TCP connection of a device, without a word. It reports
// whether there was one.
func (s *Server) Drop(device types.JID) bool {
	c := s.connOf(device)
	if c == nil {
		return false
	}
	c.close()
	return true
}

// DropAll closes every connection and returns their number.
func (s *Server) DropAll() int {
	s.mu.Lock()
	all := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		c.close()
	}
	return len(all)
}

// Conflict tells a device that another connection has taken its place, then
// closes. It reports whether the device was connected.
func (s *Server) Conflict(device types.JID) bool {
	return s.sendLast(device, streamConflict("replaced", ""))
}

// StreamError sends a stream error with the given code, for instance "503" or
// "515", then closes; the zero JID means every client that is not linked. It
// reports whether anybody was connected.
func (s *Server) StreamError(device types.JID, code string) bool {
	return s.sendLast(device, waBinary.Node{Tag: "stream:error", Attrs: waBinary.Attrs{"code": code}})
}

// Inject sends any stanza to a device as it is, outside the queue; the zero JID
// means every client that is not linked. Addresses must be given as types.JID
// values. It reports whether anybody was connected.
func (s *Server) Inject(device types.JID, node waBinary.Node) bool {
	to := s.connsOf(device)
	for _, c := range to {
		c.send(node)
	}
	return len(to) > 0
}

// Ban pauses a device: its connection is dropped and logins are refused with
// failure 402, the given code and the time that is left, until expire has
// passed or [Server.Unban] is called. It reports whether the device exists.
func (s *Server) Ban(device types.JID, code int, expire time.Duration) bool {
	s.mu.Lock()
	d := s.device(device)
	if d == nil {
		s.mu.Unlock()
		return false
	}
	d.ban, d.banUntil = &Failure{Reason: 402, Code: code}, time.Now().Add(expire)
	s.mu.Unlock()
	s.Drop(device)
	return true
}

// Unban ends a ban.
func (s *Server) Unban(device types.JID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.device(device); d != nil {
		d.ban = nil
	}
}

func (s *Server) connOf(jid types.JID) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.device(jid); d != nil {
		return d.conn
	}
	return nil
}

// connsOf returns the connection of a device or, for the zero JID, those of all
// clients that are not linked.
func (s *Server) connsOf(jid types.JID) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !jid.IsEmpty() {
		if d := s.device(jid); d != nil && d.conn != nil {
			return []*conn{d.conn}
		}
		return nil
	}
	var out []*conn
	for _, c := range s.unpaired {
		out = append(out, c)
	}
	return out
}

func (s *Server) sendLast(jid types.JID, node waBinary.Node) bool {
	to := s.connsOf(jid)
	for _, c := range to {
		c.sendLast(node)
	}
	return len(to) > 0
}

// refusedOnce counts a refused connection. s.mu must be held.
func (s *Server) refusedOnce() {
	if s.faults.RefuseTimes == 0 {
		return
	}
	if s.faults.RefuseTimes--; s.faults.RefuseTimes == 0 {
		s.faults.RefuseDial, s.faults.Down = 0, false
	}
}

func streamConflict(kind, code string) waBinary.Node {
	return waBinary.Node{
		Tag: "stream:error", Attrs: waBinary.Attrs{"code": code},
		Content: []waBinary.Node{{Tag: "conflict", Attrs: waBinary.Attrs{"type": kind}}},
	}
}

// until waits for cond, which is called with s.mu held after every change.
func (s *Server) until(ctx context.Context, cond func() (bool, error)) error {
	for {
		s.mu.Lock()
		ok, err := cond()
		changed := s.changed
		s.mu.Unlock()
		if err != nil || ok {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ctx.Done():
			return ErrClosed
		}
	}
}

// Changed returns a channel that is closed at the next change of anything: a
// connection, a device, a message, a receipt, the faults.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// announce wakes whoever waits in until. s.mu must be held.
func (s *Server) announce() {
	close(s.changed)
	s.changed = make(chan struct{})
}
