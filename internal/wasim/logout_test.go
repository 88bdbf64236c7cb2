package wasim_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/wasim"
)

func TestLogoutByClient(t *testing.T) {
	t.Parallel()
	skipRace(t, raceDelete)
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	c, _ := pair(t, s, ana)
	if err := c.Logout(ctxFor(t)); err != nil {
		t.Fatalf("Logout: %v", err)
	}
	if err := ana.WaitDevices(ctxFor(t), 0); err != nil {
		t.Errorf("WaitDevices: %v, devices %v", err, ana.Devices())
	}
	if !c.dev.Deleted {
		t.Error("the client has kept its device")
	}
	if got := count[*events.LoggedOut](c); got != 0 {
		t.Errorf("LoggedOut events = %d, want 0: the client asked for it", got)
	}
}

func TestLogoutRefusedOrUnanswered(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	c, jid := pair(t, s, ana)
	s.SetFaults(wasim.Faults{FailIQ: map[string]int{"md": 500}})
	if err := c.Logout(ctxFor(t)); !errors.Is(err, whatsmeow.ErrIQInternalServerError) {
		t.Errorf("Logout = %v, want %v", err, whatsmeow.ErrIQInternalServerError)
	}
	s.SetFaults(wasim.Faults{SilentIQ: []string{"md"}})
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := c.Logout(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Logout = %v, want %v", err, context.DeadlineExceeded)
	}
	if got := ana.Devices(); len(got) != 1 || !s.Online(jid) {
		t.Errorf("devices = %v, online %v; want still linked and online", got, s.Online(jid))
	}
}

func TestRemovedByPhoneOnline(t *testing.T) {
	t.Parallel()
	skipRace(t, raceDelete)
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	c, jid := pair(t, s, ana)
	if err := ana.RemoveDevice(ctxFor(t), jid); err != nil {
		t.Fatalf("RemoveDevice: %v", err)
	}
	wait(c, 1, func(e *events.LoggedOut) bool { return !e.OnConnect })
	if err := ana.RemoveDevice(ctxFor(t), jid); !errors.Is(err, wasim.ErrUnknownDevice) {
		t.Errorf("second RemoveDevice = %v, want %v", err, wasim.ErrUnknownDevice)
	}
	if got := s.Connections(); got != 2 {
		t.Errorf("connections = %d, want 2: the client must not come back", got)
	}
}

func TestRemovedByPhoneOffline(t *testing.T) {
	t.Parallel()
	skipRace(t, raceDelete)
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	c, jid := pair(t, s, ana)
	c.Disconnect()
	if err := s.WaitOffline(ctxFor(t), jid); err != nil {
		t.Fatal(err)
	}
	if err := ana.RemoveDevice(ctxFor(t), jid); err != nil {
		t.Fatalf("RemoveDevice: %v", err)
	}
	if err := c.Connect(); err != nil {
		t.Fatalf("Connect: %v", err)
	}
	wait(c, 1, func(e *events.LoggedOut) bool { return e.OnConnect && e.Reason == events.ConnectFailureLoggedOut })
}

func TestLinkAgainAfterLogout(t *testing.T) {
	t.Parallel()
	skipRace(t, raceDelete)
	s := start(t, wasim.Config{})
	ana, bob := s.NewPhone("5511900000001", "Ana"), s.NewPhone("5511900000002", "Bob")
	first, before := pair(t, s, ana)
	if err := first.Logout(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	second, after := pair(t, s, ana)
	if before == after {
		t.Errorf("both links got %v", before)
	}
	acked(t, s, bob, ana, "welcome back")
	second.text("welcome back")
}
