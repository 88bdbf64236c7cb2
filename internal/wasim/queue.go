package wasim

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
)

// device is a linked companion. Everything is guarded by Server.mu.
type device struct {
	phone       *Phone
	id          uint16
	noise       [32]byte
	keys        keyStock
	platform    string
	version     string
	linked      time.Time
	logins      int
	conn        *conn // nil while offline
	queue       []*stanza
	provisioned bool // the phone has shared its keys with it
	gone        bool // unlinked
	ban         *Failure
	banUntil    time.Time
	lowKeys     bool // it has been told that its prekeys run out
}

// stanza is something a device has to answer. It stays in the queue until the
// answer has come, over any number of connections.
type stanza struct {
	class   string // message, receipt or notification: the class of its ack
	id      string
	node    waBinary.Node
	written bool // on the present connection
	offline bool // waited while the device was away
	// skipAcks is how many plain acks do not count: a client in synchronous mode
	// sends both a retry request and an ack for a message it cannot decrypt, and
	// that ack belongs to the copy before this one.
	skipAcks int
}

// track follows one message over all devices it was sent to.
type track struct {
	waiting int
	acks    int
}

func (d *device) pn() types.JID {
	j := d.phone.pn
	j.Device = d.id
	return j
}

func (d *device) lid() types.JID {
	j := d.phone.lid
	j.Device = d.id
	return j
}

func (d *device) is(jid types.JID) bool { return jid == d.pn() || jid == d.lid() }

// online says whether stanzas can go out at once.
func (d *device) online() bool { return d.conn != nil && d.conn.active }

// account returns the phone of a number or LID, nil when there is none. s.mu
// must be held.
func (s *Server) account(jid types.JID) *Phone {
	switch jid.Server {
	case types.DefaultUserServer, types.LegacyUserServer:
		return s.phones[strings.TrimPrefix(jid.User, "+")]
	case types.HiddenUserServer:
		return s.byLID[jid.User]
	}
	return nil
}

// device returns a linked device by number or LID, or nil. s.mu must be held.
func (s *Server) device(jid types.JID) *device {
	if p := s.account(jid); p != nil {
		return p.devices[jid.Device]
	}
	return nil
}

// enqueue gives a device something to answer. s.mu must be held.
func (s *Server) enqueue(d *device, st *stanza) {
	if d.gone {
		return
	}
	d.queue = append(d.queue, st)
	if st.class == "message" {
		s.track(st.id).waiting++
	}
	s.flush(d)
	s.announce()
}

func (s *Server) track(id string) *track {
	t := s.tracks[id]
	if t == nil {
		t = &track{}
		s.tracks[id] = t
	}
	return t
}

// flush writes what has not been written on the present connection. s.mu must
// be held, which keeps the order of the queue.
func (s *Server) flush(d *device) {
	if !d.online() || s.faults.StallMessages {
		return
	}
	for _, st := range d.queue {
		if st.written {
			continue
		}
		st.written = true
		node := st.node
		if st.offline {
			node.Attrs = maps.Clone(node.Attrs)
			node.Attrs["offline"] = "1"
		}
		d.conn.send(node)
	}
}

// answered takes a stanza out of the queue. plainAck tells an ack from a receipt.
// s.mu must be held.
func (s *Server) answered(d *device, class, id string, plainAck bool) {
	i := slices.IndexFunc(d.queue, func(st *stanza) bool { return st.class == class && st.id == id })
	if i < 0 {
		return
	}
	st := d.queue[i]
	if plainAck && st.skipAcks > 0 {
		st.skipAcks--
		return
	}
	d.queue = slices.Delete(d.queue, i, i+1)
	if class == "message" {
		t := s.track(id)
		t.waiting--
		t.acks++
	}
	s.announce()
}

// withdraw takes a message out of the queue without counting it as answered.
// s.mu must be held.
func (s *Server) withdraw(d *device, id string) {
	i := slices.IndexFunc(d.queue, func(st *stanza) bool { return st.class == "message" && st.id == id })
	if i >= 0 {
		d.queue = slices.Delete(d.queue, i, i+1)
		s.track(id).waiting--
		s.announce()
	}
}

// unlink removes a device for good. s.mu must be held.
func (s *Server) unlink(d *device) {
	if d.gone {
		return
	}
	d.gone = true
	delete(d.phone.devices, d.id)
	for _, st := range d.queue {
		if st.class == "message" {
			s.track(st.id).waiting--
		}
	}
	d.queue = nil
	d.phone.tellDevices()
	s.announce()
}

// Online reports whether a device is logged in and has asked for its stanzas.
func (s *Server) Online(device types.JID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.device(device)
	return d != nil && d.online()
}

// WaitOnline waits until a linked device is online. It fails at once with
// [ErrUnknownDevice] when no such device is linked.
func (s *Server) WaitOnline(ctx context.Context, device types.JID) error {
	return s.until(ctx, func() (bool, error) {
		d := s.device(device)
		if d == nil {
			return false, ErrUnknownDevice
		}
		return d.online(), nil
	})
}

// WaitOffline waits until a device has no connection (or is no longer linked).
func (s *Server) WaitOffline(ctx context.Context, device types.JID) error {
	return s.until(ctx, func() (bool, error) {
		d := s.device(device)
		return d == nil || d.conn == nil, nil
	})
}

// Pending returns how many messages are queued for a device, or written to it
// and not yet answered.
func (s *Server) Pending(device types.JID) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.device(device)
	if d == nil {
		return 0
	}
	return d.pending()
}

func (d *device) pending() int {
	n := 0
	for _, st := range d.queue {
		if st.class == "message" {
			n++
		}
	}
	return n
}

// Acks returns how many devices have answered a message so far (a receipt or an
// ack, once each).
func (s *Server) Acks(messageID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tracks[messageID]; t != nil {
		return t.acks
	}
	return 0
}

// WaitAcked waits until every linked device that a message was sent to has
// answered it. It fails at once with [ErrUnknownMessage] for an unknown id.
func (s *Server) WaitAcked(ctx context.Context, messageID string) error {
	return s.until(ctx, func() (bool, error) {
		t := s.tracks[messageID]
		if t == nil {
			return false, ErrUnknownMessage
		}
		return t.waiting == 0, nil
	})
}

// DeviceInfo describes a linked device.
type DeviceInfo struct {
	JID      types.JID // number and device
	LID      types.JID // hidden id and device
	Version  string    // client version of its last login, "2.3000.…"
	Platform string    // what it called itself when linking
	Linked   time.Time // when it was linked
	Logins   int       // successful logins
	Online   bool
	Pending  int // messages it has not answered
	PreKeys  int // one-time keys left on the server
}

// Device describes a linked device; ok is false when there is none.
func (s *Server) Device(jid types.JID) (info DeviceInfo, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.device(jid)
	if d == nil {
		return DeviceInfo{}, false
	}
	return d.info(), true
}

func (d *device) info() DeviceInfo {
	return DeviceInfo{
		JID: d.pn(), LID: d.lid(), Version: d.version, Platform: d.platform, Linked: d.linked,
		Logins: d.logins, Online: d.online(), Pending: d.pending(), PreKeys: len(d.keys.oneTime),
	}
}
