package wasim_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/socket"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"pombal/internal/wasim"
)

func TestStartOutsideLoopback(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:0"} {
		if s, err := wasim.Start(wasim.Config{Addr: addr}); !errors.Is(err, wasim.ErrNotLoopback) {
			t.Errorf("Start(%q) = %v, want %v", addr, err, wasim.ErrNotLoopback)
			if s != nil {
				_ = s.Close()
			}
		}
	}
}

func TestRefuseDial(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	s.SetFaults(wasim.Faults{RefuseDial: http.StatusServiceUnavailable})
	c := newClient(t, s, nil)
	err := c.Connect()
	var status socket.ErrWithStatusCode
	if !errors.As(err, &status) || status.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("Connect = %v, want status 503", err)
	}
	s.SetFaults(wasim.Faults{Down: true})
	if err := c.Connect(); err == nil {
		t.Error("Connect to a server that hangs up: no error")
	}
	if got := s.Connections(); got != 0 {
		t.Errorf("connections = %d, want 0", got)
	}
	if got := s.Dials(); got < 2 {
		t.Errorf("dials = %d, want at least 2", got)
	}
	s.SetFaults(wasim.Faults{RefuseDial: http.StatusTooManyRequests, RefuseTimes: 2})
	for i, want := range []bool{false, false, true} {
		if err := c.Connect(); (err == nil) != want {
			t.Errorf("Connect %d = %v, want success %v", i, err, want)
		}
	}
}

// What hits a client that is not linked yet.
func TestUnlinkedClientsAreReached(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	c := connect(t, s, nil)
	wait[*events.QR](c, 1, nil)
	if !s.StreamError(types.EmptyJID, "777") {
		t.Error("StreamError found nobody")
	}
	wait(c, 1, func(e *events.StreamError) bool { return e.Code == "777" })
}

func TestSlowness(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	s.SetFaults(wasim.Faults{SlowHandshake: 80 * time.Millisecond})
	c := newClient(t, s, nil)
	began := time.Now()
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 80*time.Millisecond {
		t.Errorf("handshake took %v, want 80 ms or more", took)
	}
	s.SetFaults(wasim.Faults{})
	ana := s.NewPhone("5511900000001", "Ana")
	p, _ := pair(t, s, ana)
	s.SetFaults(wasim.Faults{SlowIQ: 80 * time.Millisecond})
	began = time.Now()
	if _, err := p.GetBlocklist(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took < 80*time.Millisecond {
		t.Errorf("query took %v, want 80 ms or more", took)
	}
}

// Failures at login and what the engine makes of them.
func TestLoginFailures(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		failure wasim.Failure
		check   func(c *client)
	}{
		{"401", wasim.Failure{Reason: 401}, func(c *client) {
			wait(c, 1, func(e *events.LoggedOut) bool { return e.OnConnect && e.Reason == events.ConnectFailureLoggedOut })
		}},
		{"402", wasim.Failure{Reason: 402, Code: 104, Expire: time.Hour}, func(c *client) {
			wait(c, 1, func(e *events.TemporaryBan) bool { return int(e.Code) == 104 && e.Expire == time.Hour })
		}},
		{"403", wasim.Failure{Reason: 403}, func(c *client) {
			wait(c, 1, func(e *events.LoggedOut) bool { return e.Reason == events.ConnectFailureMainDeviceGone })
		}},
		{"405", wasim.Failure{Reason: 405}, func(c *client) { wait[*events.ClientOutdated](c, 1, nil) }},
		{"409", wasim.Failure{Reason: 409, Message: "no"}, func(c *client) {
			wait(c, 1, func(e *events.ConnectFailure) bool { return int(e.Reason) == 409 && e.Message == "no" })
		}},
		{"503 once", wasim.Failure{Reason: 503, Times: 1}, func(c *client) {
			wait[*events.Disconnected](c, 1, nil)
			wait[*events.Connected](c, 2, nil)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			switch tc.failure.Reason {
			case 401, 403:
				skipRace(t, raceDelete)
			case 503:
				skipRace(t, raceReconnect)
			}
			s := start(t, wasim.Config{})
			ana := s.NewPhone("5511900000001", "Ana")
			c, jid := pair(t, s, ana)
			c.Disconnect()
			if err := s.WaitOffline(ctxFor(t), jid); err != nil {
				t.Fatal(err)
			}
			s.SetFaults(wasim.Faults{LoginFailure: &tc.failure})
			if err := c.Connect(); err != nil {
				t.Fatalf("Connect: %v", err)
			}
			c.t = t
			tc.check(c)
			gone := tc.failure.Reason == 401 || tc.failure.Reason == 403
			if got := len(ana.Devices()) == 0; got != gone {
				t.Errorf("unlinked = %v, want %v", got, gone)
			}
		})
	}
}

func TestOutdatedBeforePairing(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	s.SetFaults(wasim.Faults{MinRevision: 1 << 31})
	c := connect(t, s, nil)
	wait[*events.ClientOutdated](c, 1, nil)
	if got := count[*events.QR](c); got != 0 {
		t.Errorf("QR events = %d, want 0", got)
	}
}

func TestBan(t *testing.T) {
	t.Parallel()
	skipRace(t, raceReconnect)
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	c, jid := pair(t, s, ana)
	if !s.Ban(jid, 101, 90*time.Second) {
		t.Fatal("Ban found no device")
	}
	ban := wait[*events.TemporaryBan](c, 1, nil)
	if ban.Expire <= 80*time.Second || ban.Expire > 90*time.Second {
		t.Errorf("expire = %v, want the 90 s that are left", ban.Expire)
	}
	s.Unban(jid)
	if err := s.WaitOffline(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
	c.Disconnect()
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	wait[*events.Connected](c, 2, nil)
}

func TestDropThenReconnect(t *testing.T) {
	t.Parallel()
	skipRace(t, raceReconnect)
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	if !s.Drop(jid) {
		t.Fatal("Drop found no connection")
	}
	wait[*events.Disconnected](c, 1, nil)
	wait[*events.Connected](c, 2, nil)
	acked(t, s, bob, ana, "still there")
	c.text("still there")
}

func TestConflict(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	c, jid := pair(t, s, ana)
	if !s.Conflict(jid) {
		t.Fatal("Conflict found no connection")
	}
	wait[*events.StreamReplaced](c, 1, nil)
	if err := s.WaitOffline(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
	if got := s.Connections(); got != 2 {
		t.Errorf("connections = %d, want 2: the client must not come back", got)
	}
}

// Two clients with the same keys: the older connection is told that it was replaced.
func TestSecondConnectionReplacesTheFirst(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	first, jid := pair(t, s, ana)
	twin := *first.dev
	second := connect(t, s, &twin)
	wait[*events.Connected](second, 1, nil)
	wait[*events.StreamReplaced](first, 1, nil)
	if !s.Online(jid) {
		t.Error("the device is offline, want the second connection to serve it")
	}
	acked(t, s, bob, ana, "to the second")
	second.text("to the second")
}

func TestSecondQRConnectionReplacesTheFirst(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	first := connect(t, s, nil)
	wait[*events.QR](first, 1, nil)
	twin := *first.dev
	second := connect(t, s, &twin)
	wait[*events.QR](second, 1, nil)
	wait[*events.StreamReplaced](first, 1, nil)
}

func TestStreamError(t *testing.T) {
	t.Parallel()
	skipRace(t, raceReconnect)
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	c, jid := pair(t, s, ana)
	s.StreamError(jid, "777")
	wait(c, 1, func(e *events.StreamError) bool { return e.Code == "777" })
	wait[*events.Connected](c, 2, nil)
}

func TestStallMessages(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
	s.SetFaults(wasim.Faults{StallMessages: true})
	id, err := bob.SendText(ctxFor(t), ana, "stuck")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.GetBlocklist(ctxFor(t)); err != nil { // queries still work
		t.Fatal(err)
	}
	if got := s.Pending(jid); got != 1 {
		t.Errorf("pending = %d, want 1", got)
	}
	s.SetFaults(wasim.Faults{})
	c.text("stuck")
	if err := s.WaitAcked(ctxFor(t), id); err != nil {
		t.Fatal(err)
	}
}

func TestSendFaults(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, _ := pair(t, s, ana)
	msg := &waE2E.Message{Conversation: proto.String("hello")}
	s.SetFaults(wasim.Faults{SendError: 463})
	if _, err := c.SendMessage(ctxFor(t), bob.JID(), msg); !errors.Is(err, whatsmeow.ErrServerReturnedError) || !strings.Contains(err.Error(), "463") {
		t.Errorf("SendMessage = %v, want server error 463", err)
	}
	s.SetFaults(wasim.Faults{SilentSend: true})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.SendMessage(ctx, bob.JID(), msg); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("SendMessage = %v, want %v", err, context.DeadlineExceeded)
	}
	if got := len(bob.Inbox()); got != 0 {
		t.Errorf("bob got %d messages, want 0", got)
	}
}

// The network goes away and comes back on the same address; nothing is lost.
func TestStopAndResume(t *testing.T) {
	t.Parallel()
	skipRace(t, raceReconnect)
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	url := s.URL()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	wait[*events.Disconnected](c, 1, nil)
	if conn, err := net.Dial("tcp", strings.TrimPrefix(url, "https://")); err == nil {
		_ = conn.Close()
		t.Error("the address still answers")
	}
	if _, err := bob.SendText(ctxFor(t), ana, "meanwhile"); err != nil {
		t.Fatal(err)
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	if got := s.URL(); got != url {
		t.Errorf("URL = %q, want %q", got, url)
	}
	c.text("meanwhile")
	if err := s.WaitOnline(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
}

func TestInjectAndNotify(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	c, jid := pair(t, s, ana)
	if !s.Inject(jid, waBinary.Node{Tag: "presence", Attrs: waBinary.Attrs{"from": bob.JID()}}) {
		t.Fatal("Inject found no connection")
	}
	wait(c, 1, func(e *events.Presence) bool { return e.From == bob.JID() && !e.Unavailable })
	err := s.Notify(jid, "picture", bob.JID(), waBinary.Node{Tag: "set", Attrs: waBinary.Attrs{"jid": bob.JID(), "id": "42"}})
	if err != nil {
		t.Fatal(err)
	}
	wait(c, 1, func(e *events.Picture) bool { return e.PictureID == "42" })
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
	stranger := types.NewJID("1", types.DefaultUserServer)
	if err := s.Notify(stranger, "picture", bob.JID()); !errors.Is(err, wasim.ErrUnknownDevice) {
		t.Errorf("Notify = %v, want %v", err, wasim.ErrUnknownDevice)
	}
}
