package instance_test

import (
	"context"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/wasim"
)

// Codes rotate, rounds are renewed while somebody looks, and nothing is shown
// after the last one.
func TestCodesRotateWhileWatched(t *testing.T) {
	t.Parallel()
	timing := longTiming()
	timing.Rounds = 2
	clock := instancetest.NewClock()
	h := instancetest.New(t, instancetest.Options{Timing: &timing, Clock: clock})
	in := h.Create("shop")
	seen := make(map[string]bool)
	h.Code(in.ID)
	for {
		var p instance.Pairing
		shown := false
		h.Until("another code, or the end of two rounds", func() bool {
			p, shown = h.Manager.Pairing(in.ID)
			return shown || h.Get(in.ID).Status.Phase == instance.PhaseLinkExpired
		})
		if !shown {
			break
		}
		seen[p.Code] = true
		h.Manager.Settle(in.ID, patience) // the timer of the code is set after it is shown
		clock.AdvanceTo(p.ExpiresAt)
	}
	if got := h.Get(in.ID).Status.Reason; got != instance.ReasonCodesSpent {
		t.Errorf("reason = %s, want codes spent", got)
	}
	if n := countType(h.Events(in.ID), event.QRCodeUpdate); n != 12 || len(seen) != n {
		t.Errorf("%d codes in two rounds of six, %d of them seen", n, len(seen))
	}
	if _, ok := h.Manager.Pairing(in.ID); ok {
		t.Error("a code is on the screen after the end")
	}
	h.Code(in.ID) // and it can be asked for again
}

func TestNoRoundWithoutViewer(t *testing.T) {
	t.Parallel()
	timing := instancetest.QuickTiming()
	timing.QRFirst, timing.QRNext, timing.Watched = 30*time.Millisecond, 10*time.Millisecond, time.Millisecond
	h := instancetest.New(t, instancetest.Options{Timing: &timing})
	in := h.Create("shop")
	if _, err := h.Manager.Connect(context.Background(), in.ID); err != nil {
		t.Fatal(err)
	}
	got := h.Phase(in.ID, instance.PhaseLinkExpired)
	if got.Status.Reason != instance.ReasonNobodyWatches {
		t.Errorf("reason = %s", got.Status.Reason)
	}
	if n := h.Network.Connections(); n != 1 {
		t.Errorf("%d connections for one round", n)
	}
}

func TestFiftyConnectsMakeOneSocket(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	in := h.Create("shop")
	done := make(chan error, 50)
	for range 50 {
		go func() {
			_, err := h.Manager.Connect(context.Background(), in.ID)
			done <- err
		}()
	}
	for range 50 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	h.Code(in.ID)
	if n := h.Network.Connections(); n != 1 {
		t.Errorf("%d sockets, want 1", n)
	}
}

// A pairing that was given up in the middle of its handshake does not hold up
// the next one: the library waits 20 s for the answer it no longer needs.
func TestCancelDuringHandshakeDoesNotDelayTheNextCode(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	in := h.Create("shop")
	h.Network.SetFaults(wasim.Faults{SlowHandshake: time.Minute})
	if _, err := h.Manager.Connect(context.Background(), in.ID); err != nil {
		t.Fatal(err)
	}
	if err := h.Network.WaitDials(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	if err := h.Manager.CancelPairing(context.Background(), in.ID); err != nil {
		t.Fatal(err)
	}
	h.Network.SetFaults(wasim.Faults{})
	began := time.Now()
	h.Code(in.ID)
	if took := time.Since(began); took > 18*time.Second {
		t.Errorf("the next code took %s", took)
	}
}
