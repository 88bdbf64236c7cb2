package instance_test

import (
	"context"
	"testing"
	"time"

	"pombal/internal/instance"
)

// A device never has two clients, and an instance never two sockets, not even
// while an old session takes its time to close.
func TestOldSessionClosesFirst(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for name, renew := range map[string]func(t *testing.T, s *stage, id string){
		"reload": func(t *testing.T, s *stage, id string) {
			_, err := s.manager.Reload(ctx, id)
			s.must(err)
		},
		"off and on": func(t *testing.T, s *stage, id string) {
			_, err := s.manager.SwitchOff(ctx, id)
			s.must(err)
			_, err = s.manager.SwitchOn(ctx, id)
			s.must(err)
		},
		"refused, then asked": func(t *testing.T, s *stage, id string) {
			s.script.tell(id, instance.SignalReplaced{})
			for s.get(id).Status.Phase != instance.PhaseReplaced {
				time.Sleep(time.Millisecond)
			}
			_, err := s.manager.Connect(ctx, id)
			s.must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, longTiming())
			id := s.create("shop")
			s.link(id)
			gate := make(chan struct{})
			s.script.set(func(c *script) { c.closing = gate })
			renew(t, s, id)
			s.clock.Advance(time.Minute)
			s.settled(t, id)
			if n := s.opened(); n != 1 {
				t.Errorf("%d sessions are open while the old one closes", n)
			}
			close(gate)
			s.pass(10*time.Second, id)
			s.tell(id, instance.SignalConnected{}, instance.SignalSynced{})
			s.want(id, instance.PhaseConnected, instance.ReasonNone)
			s.alone(t)
		})
	}
}

// An account that moves to another instance is opened there once it is closed
// here.
func TestMovedAccountClosesFirst(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s := newStage(t, longTiming())
	from, to := s.create("from"), s.create("to")
	s.link(from)
	gate := make(chan struct{})
	s.script.set(func(c *script) { c.closing = gate })
	in := s.get(from)
	done := make(chan error, 1)
	go func() {
		_, err := s.manager.MoveWhatsApp(ctx, instance.MoveParams{
			BusinessID: in.BusinessID, WhatsAppID: in.WhatsApp.ID, TargetID: to,
		})
		done <- err
	}()
	for s.get(from).Linked() {
		time.Sleep(time.Millisecond)
	}
	s.settled(t, to)
	if n := s.opened(); n != 1 {
		t.Errorf("%d sessions are open while the old one closes", n)
	}
	close(gate)
	s.must(<-done)
	s.pass(10*time.Second, to)
	s.tell(to, instance.SignalConnected{}, instance.SignalSynced{})
	s.want(to, instance.PhaseConnected, instance.ReasonNone)
	s.alone(t)
}

// A phone that scans while the round is being ended here: refused before
// anything is stored, or, once the keys are about to be, taken for what it is.
func TestPhoneAcceptsWhileTheRoundEnds(t *testing.T) {
	t.Parallel()
	const device = "5511987650001:9@s.whatsapp.net"
	ctx := context.Background()
	for _, on := range []bool{true, false} {
		s := newStage(t, longTiming())
		id := s.create("shop")
		_, err := s.manager.Connect(ctx, id)
		s.must(err)
		s.tell(id, instance.SignalQR{Codes: codes()})
		sink := s.script.sink(id)
		s.must(sink.AllowPair(device))
		s.must(sink.BeforePair(device)) // the library stores the keys now
		if on {
			s.must(s.manager.CancelPairing(ctx, id))
		} else {
			_, err := s.manager.SwitchOff(ctx, id)
			s.must(err)
		}
		s.pass(10*time.Second, id)
		switch got := s.get(id); {
		case !got.Linked() || got.WhatsApp.Device != device || got.Candidate != "":
			t.Errorf("on %v: the phone lists a device that the instance does not have: %+v", on, got)
		case on && got.Status.Phase != instance.PhasePaired, !on && got.Status.Phase != instance.PhaseStopped:
			t.Errorf("on %v: %+v", on, got.Status)
		}
		s.alone(t)
		if err := sink.AllowPair(device); err == nil {
			t.Error("a round that is over still links")
		}
		if err := sink.BeforePair(device); err == nil {
			t.Error("a round that is over still stores")
		}
	}
}

// settled waits until an instance has taken in everything but what waits for an
// old session.
func (s *stage) settled(t *testing.T, id string) {
	t.Helper()
	for range 3 {
		if _, err := s.manager.Rename(context.Background(), id, s.get(id).Name, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// opened counts the sessions that are not closed.
func (s *stage) opened() int {
	s.script.mu.Lock()
	defer s.script.mu.Unlock()
	return len(s.script.open)
}

// alone sees that nothing was ever there twice.
func (s *stage) alone(t *testing.T) {
	t.Helper()
	s.script.mu.Lock()
	defer s.script.mu.Unlock()
	if s.script.double != "" {
		t.Error(s.script.double)
	}
}
