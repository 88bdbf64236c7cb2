package instance_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/wasim"
)

// From every state a logout ends where pairing works again, on the same id,
// five times over.
func TestLogoutFromEveryStateThenPairAgain(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	in := h.Create("shop")
	cases := []struct {
		name     string
		reach    func(t *testing.T)
		unlinked bool
		linked   bool
	}{
		{"connected", func(*testing.T) { h.Pair(in.ID, phone) }, true, true},
		{"qr shown", func(*testing.T) { h.Code(in.ID) }, false, false},
		{"connecting", func(t *testing.T) {
			h.Network.SetFaults(wasim.Faults{SlowHandshake: 200 * time.Millisecond})
			t.Cleanup(func() { h.Network.SetFaults(wasim.Faults{}) })
			if _, err := h.Manager.Connect(context.Background(), in.ID); err != nil {
				t.Fatal(err)
			}
		}, false, false},
		{"network gone", func(t *testing.T) {
			h.Pair(in.ID, phone)
			if err := h.Network.Stop(); err != nil {
				t.Fatal(err)
			}
			h.Phase(in.ID, instance.PhaseReconnecting)
		}, false, true},
		{"logged out by the phone", func(t *testing.T) {
			device := h.Pair(in.ID, phone)
			if err := phone.RemoveDevice(context.Background(), device); err != nil {
				t.Fatal(err)
			}
			h.Phase(in.ID, instance.PhaseLoggedOut)
		}, false, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			tc.reach(t)
			res := h.Logout(in.ID)
			if res.WasLinked != tc.linked || res.Unlinked != tc.unlinked || res.Erased != tc.linked {
				t.Errorf("logout = %+v, want linked %v, unlinked %v", res, tc.linked, tc.unlinked)
			}
			if tc.name == "network gone" {
				if err := h.Network.Resume(); err != nil {
					t.Fatal(err)
				}
			}
			for _, d := range phone.Devices() { // what a person would tidy up on the phone
				if err := phone.RemoveDevice(context.Background(), d); err != nil {
					t.Fatal(err)
				}
			}
			h.Pair(in.ID, phone)
			if again := h.Logout(in.ID); !again.Unlinked {
				t.Errorf("logout after pairing again = %+v", again)
			}
		})
	}
}

func TestLogoutTwiceAndRequireConnected(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	in := h.Create("shop")
	_, err := h.Manager.Logout(context.Background(), in.ID, instance.LogoutParams{RequireConnected: true})
	if !errors.Is(err, instance.ErrNotConnected) {
		t.Fatalf("logout of an unlinked instance = %v, want ErrNotConnected", err)
	}
	h.Pair(in.ID, phone)
	h.Logout(in.ID)
	before := len(h.Events(in.ID))
	for range 3 {
		if res := h.Logout(in.ID); res.WasLinked || res.Unlinked {
			t.Errorf("repeated logout = %+v, want nothing to do", res)
		}
	}
	if after := len(h.Events(in.ID)); after != before {
		t.Errorf("repeated logouts recorded %d events", after-before)
	}
}

// A silent server costs a logout its limit, not more; the keys are erased here
// and the answer says so.
func TestLogoutWithSilentServer(t *testing.T) {
	t.Parallel()
	timing := instancetest.QuickTiming()
	timing.Logout = 300 * time.Millisecond
	h := instancetest.New(t, instancetest.Options{Timing: &timing})
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	in := h.Create("shop")
	h.Pair(in.ID, phone)
	h.Network.SetFaults(wasim.Faults{SilentIQ: []string{"md"}})
	res := h.Logout(in.ID)
	if res.Unlinked || !res.Erased || res.Instance.Status.Reason != instance.ReasonLocalOnly {
		t.Fatalf("logout = %+v, want erased here only", res)
	}
}

func TestLogoutKeptUntilWhatsAppHearsOfIt(t *testing.T) {
	t.Parallel()
	w := newLinkedWire(t)
	ctx := context.Background()
	if err := w.Network.Stop(); err != nil {
		t.Fatal(err)
	}
	w.Phase(w.id, instance.PhaseReconnecting)
	res, err := w.Manager.Logout(ctx, w.id, instance.LogoutParams{Wait: true})
	if err != nil || !res.Pending || res.Unlinked || res.Erased {
		t.Fatalf("logout = %+v, %v", res, err)
	}
	w.Phase(w.id, instance.PhaseLogoutPending)
	for name, call := range map[string]func() error{
		"connect":    func() error { _, err := w.Manager.Connect(ctx, w.id); return err },
		"switch off": func() error { _, err := w.Manager.SwitchOff(ctx, w.id); return err },
		"code":       func() error { _, err := w.Manager.RequestCode(ctx, w.id, "5511987650001"); return err },
	} {
		if err := call(); !errors.Is(err, instance.ErrLogoutPending) {
			t.Errorf("%s while a logout is pending: %v", name, err)
		}
	}
	w.hour()
	w.Phase(w.id, instance.PhaseLogoutPending)
	w.Stop()
	if err := w.Network.Resume(); err != nil {
		t.Fatal(err)
	}
	w.Start()
	w.step()
	got := w.Phase(w.id, instance.PhaseLoggedOut)
	if got.Status.Reason != instance.ReasonOperator || got.Linked() || len(w.phone.Devices()) != 0 {
		t.Errorf("%+v, phone lists %v", got.Status, w.phone.Devices())
	}
	moments, err := w.Manager.Timeline(ctx, w.id, 20)
	if err != nil {
		t.Fatal(err)
	}
	receipt := false
	for _, m := range moments {
		receipt = receipt || m.Kind == instance.MomentLogout && m.Unlinked && m.Erased
	}
	if !receipt {
		t.Errorf("no receipt in %+v", moments)
	}
}

func TestLogoutGivenUpAfterADay(t *testing.T) {
	t.Parallel()
	w := newLinkedWire(t)
	if err := w.Network.Stop(); err != nil {
		t.Fatal(err)
	}
	w.Phase(w.id, instance.PhaseReconnecting)
	if _, err := w.Manager.Logout(context.Background(), w.id, instance.LogoutParams{Wait: true}); err != nil {
		t.Fatal(err)
	}
	for range 26 {
		w.hour()
	}
	if got := w.Get(w.id); got.Status.Phase != instance.PhaseLoggedOut || got.Status.Reason != instance.ReasonLocalOnly || got.Linked() {
		t.Errorf("after 26 hours: %+v", got.Status)
	}
}

func TestForcedLogoutAsksNobody(t *testing.T) {
	t.Parallel()
	w := newLinkedWire(t)
	if err := w.Network.Stop(); err != nil {
		t.Fatal(err)
	}
	w.Phase(w.id, instance.PhaseReconnecting)
	ctx := context.Background()
	if _, err := w.Manager.Logout(ctx, w.id, instance.LogoutParams{Wait: true}); err != nil {
		t.Fatal(err)
	}
	res, err := w.Manager.Logout(ctx, w.id, instance.LogoutParams{Force: true})
	if err != nil || res.Unlinked || !res.Erased || res.Pending {
		t.Fatalf("logout = %+v, %v", res, err)
	}
	if got := w.Get(w.id); got.Status.Reason != instance.ReasonLocalOnly || got.Logout != nil {
		t.Errorf("%+v", got)
	}
}

// Killed between WhatsApp's side and ours, a logout is finished at the next
// start.
func TestLogoutCutInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newLinkedWire(t)
	w.Stop()
	if err := w.phone.RemoveDevice(context.Background(), w.device); err != nil {
		t.Fatal(err)
	}
	w.Start()
	w.step()
	if got := w.Phase(w.id, instance.PhaseLoggedOut); got.Linked() || got.Status.Code != 401 {
		t.Errorf("%+v", got)
	}
	if left, err := w.Keys.Devices(context.Background()); err != nil || len(left) != 0 {
		t.Errorf("keys left: %v, %v", left, err)
	}
}
