package instance_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/wasim"
)

func TestPairReceiveLogout(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	nina := h.Network.NewPhone("5521998880002", "Nina")
	in := h.Create("shop")
	device := h.Pair(in.ID, phone)

	got := h.Get(in.ID)
	if !got.Linked() || got.WhatsApp.Device != device.String() || got.WhatsApp.JID != phone.JID().String() {
		t.Fatalf("linked account = %+v, want device %s of %s", got.WhatsApp, device, phone.JID())
	}
	if _, err := nina.SendText(context.Background(), phone, "hello"); err != nil {
		t.Fatal(err)
	}
	h.Until("the message", func() bool { return countType(h.Events(in.ID), event.MessagesUpsert) == 1 })

	res := h.Logout(in.ID)
	if !res.WasLinked || !res.Unlinked || !res.Erased {
		t.Fatalf("logout = %+v, want linked, unlinked and erased", res)
	}
	if n := len(phone.Devices()); n != 0 {
		t.Errorf("the phone still lists %d devices", n)
	}
	if left, err := h.Keys.Devices(context.Background()); err != nil || len(left) != 0 {
		t.Errorf("keys left: %v, %v", left, err)
	}
	wantConnection(t, h.Events(in.ID), "connecting 200", "open 200", "close 401")
	wantStates(t, h.Events(in.ID), "on", "off")
}

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

func TestRestartBringsLinkedInstancesBack(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	in, idle := h.Create("shop"), h.Create("idle")
	h.Pair(in.ID, phone)
	h.Code(idle.ID)
	h.Stop()
	h.Start()
	h.Phase(in.ID, instance.PhaseConnected)
	if got := h.Phase(idle.ID, instance.PhaseNew); got.Status.Reason != instance.ReasonRestart {
		t.Errorf("unlinked instance after a restart: %+v", got.Status)
	}
	if _, ok := h.Manager.Pairing(idle.ID); ok {
		t.Error("a code is on the screen although nobody asked")
	}
}

func TestSwitchOffKeepsTheLink(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	in := h.Create("shop")
	h.Pair(in.ID, phone)
	ctx := context.Background()
	if _, err := h.Manager.SwitchOff(ctx, in.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Manager.Connect(ctx, in.ID); !errors.Is(err, instance.ErrSwitchedOff) {
		t.Errorf("connect while switched off = %v", err)
	}
	h.Stop()
	sockets := h.Network.Connections()
	h.Start()
	if got := h.Get(in.ID); got.Status.Phase != instance.PhaseStopped || h.Network.Connections() != sockets {
		t.Errorf("after a restart: %+v, %d new sockets", got.Status, h.Network.Connections()-sockets)
	}
	if _, err := h.Manager.SwitchOn(ctx, in.ID); err != nil {
		t.Fatal(err)
	}
	h.Phase(in.ID, instance.PhaseConnected)
}

func TestDropComesBackByItself(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	in := h.Create("shop")
	device := h.Pair(in.ID, phone)
	for range 3 {
		n := countType(h.Events(in.ID), event.ConnectionUpdate)
		h.Network.Drop(device)
		h.Until("close and open again", func() bool { return countType(h.Events(in.ID), event.ConnectionUpdate) >= n+2 })
		h.Phase(in.ID, instance.PhaseConnected)
	}
}

func TestLoginFailures(t *testing.T) {
	t.Parallel()
	cases := []struct {
		reason int
		phase  instance.Phase
		why    instance.Reason
		linked bool
	}{
		{401, instance.PhaseLoggedOut, instance.ReasonPhoneRemoved, false},
		{403, instance.PhaseLoggedOut, instance.ReasonPrimaryGone, false},
		{406, instance.PhaseLoggedOut, instance.ReasonAccountBanned, false},
		{402, instance.PhaseBanned, instance.ReasonTempBan, true},
		{405, instance.PhaseOutdated, instance.ReasonOutdated, true},
		{409, instance.PhaseBlocked, instance.ReasonRefused, true},
		{413, instance.PhaseBlocked, instance.ReasonRefused, true},
	}
	for _, tc := range cases {
		t.Run(string(tc.why), func(t *testing.T) {
			t.Parallel()
			h := instancetest.New(t, instancetest.Options{})
			phone := h.Network.NewPhone("5511987650001", "Shop Front")
			in := h.Create("shop")
			device := h.Pair(in.ID, phone)
			h.Network.SetFaults(wasim.Faults{LoginFailure: &wasim.Failure{Reason: tc.reason, Code: 104, Expire: time.Hour}})
			h.Network.Drop(device)
			got := h.Phase(in.ID, tc.phase)
			if got.Status.Reason != tc.why || got.Linked() != tc.linked {
				t.Errorf("after failure %d: %+v, linked %v", tc.reason, got.Status, got.Linked())
			}
			if res := h.Logout(in.ID); res.WasLinked != tc.linked || res.Erased != tc.linked {
				t.Errorf("logout afterwards = %+v", res)
			}
		})
	}
}

func TestReplacedStaysUntilTheOperatorActs(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	in := h.Create("shop")
	device := h.Pair(in.ID, phone)
	h.Network.Conflict(device)
	h.Phase(in.ID, instance.PhaseReplaced)
	if _, err := h.Manager.Connect(context.Background(), in.ID); err != nil {
		t.Fatal(err)
	}
	h.Phase(in.ID, instance.PhaseConnected)
}

// Codes rotate, rounds are renewed while somebody looks, and nothing is shown
// after the last one.
func TestCodesRotateWhileWatched(t *testing.T) {
	t.Parallel()
	timing := instancetest.QuickTiming()
	timing.QRFirst, timing.QRNext, timing.Rounds = 40*time.Millisecond, 20*time.Millisecond, 2
	h := instancetest.New(t, instancetest.Options{Timing: &timing})
	in := h.Create("shop")
	seen := make(map[string]bool)
	h.Code(in.ID)
	h.Until("the end of two rounds", func() bool {
		if p, ok := h.Manager.Pairing(in.ID); ok {
			seen[p.Code] = true
		}
		return h.Get(in.ID).Status.Phase == instance.PhaseLinkExpired
	})
	if got := h.Get(in.ID).Status.Reason; got != instance.ReasonCodesSpent {
		t.Errorf("reason = %s, want codes spent", got)
	}
	if n := countType(h.Events(in.ID), event.QRCodeUpdate); n != 12 {
		t.Errorf("%d codes in two rounds of six", n)
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

func TestUnreachableSaysSoAndRetries(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	in := h.Create("shop")
	h.Network.SetFaults(wasim.Faults{RefuseDial: 503})
	if _, err := h.Manager.Connect(context.Background(), in.ID); err != nil {
		t.Fatal(err)
	}
	h.Until("three failed attempts", func() bool {
		s := h.Get(in.ID).Status
		return s.Attempt >= 3 && s.Reason == instance.ReasonFrontDoor && s.Code == 503
	})
	h.Network.SetFaults(wasim.Faults{})
	h.Code(in.ID)
}

func TestDeleteErasesAndFreesTheName(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	in := h.Create("shop")
	h.Pair(in.ID, phone)
	ctx := context.Background()
	if err := h.Manager.Delete(ctx, in.ID, instance.DeleteParams{Logout: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Manager.Get(ctx, in.ID); !errors.Is(err, instance.ErrNotFound) {
		t.Errorf("deleted instance: %v", err)
	}
	if left, err := h.Keys.Devices(ctx); err != nil || len(left) != 0 || len(phone.Devices()) != 0 {
		t.Errorf("keys left: %v, on the phone: %v, %v", left, phone.Devices(), err)
	}
	h.Create("shop")
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

func TestNames(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	ctx := context.Background()
	for _, name := range []string{"", " ", "a/b", "<b>", "x\ny", string(make([]byte, 65)), "😀"} {
		if _, err := h.Manager.Create(ctx, instance.CreateParams{Name: name}); err == nil {
			t.Errorf("name %q was taken", name)
		}
	}
	for _, name := range []string{"Loja SP", "दुकान", "a-b_c.9", "Ação"} {
		h.Create(name)
	}
	if _, err := h.Manager.Create(ctx, instance.CreateParams{Name: "loja sp"}); !errors.Is(err, instance.ErrNameTaken) {
		t.Errorf("the same name in another case: %v", err)
	}
}

func countType(events []event.Event, t event.Type) int {
	n := 0
	for _, ev := range events {
		if ev.Type == t {
			n++
		}
	}
	return n
}

func wantConnection(t *testing.T, events []event.Event, want ...string) {
	t.Helper()
	var got []string
	for _, ev := range events {
		if ev.Type != event.ConnectionUpdate {
			continue
		}
		var body struct {
			Data event.ConnectionData `json:"data"`
		}
		if err := json.Unmarshal(ev.Body, &body); err != nil {
			t.Fatal(err)
		}
		code, _ := json.Marshal(body.Data.StatusReason)
		got = append(got, body.Data.State+" "+string(code))
	}
	same(t, "connection.update", got, want)
}

func wantStates(t *testing.T, events []event.Event, want ...string) {
	t.Helper()
	var got []string
	for _, ev := range events {
		if ev.Type != event.StateInstance {
			continue
		}
		var body struct {
			Data event.StateData `json:"data"`
		}
		if err := json.Unmarshal(ev.Body, &body); err != nil {
			t.Fatal(err)
		}
		got = append(got, body.Data.State)
	}
	same(t, "state.instance", got, want)
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: got %q, want %q", what, got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("%s: got %q, want %q", what, got, want)
		}
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
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the next code took %s", took)
	}
}
