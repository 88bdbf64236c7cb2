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
