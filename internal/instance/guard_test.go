package instance_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pombal/internal/instance"
)

// A connection that breaks again and again: five free attempts in a quarter of
// an hour, then long waits.
func TestFlappingIsHeldBack(t *testing.T) {
	t.Parallel()
	s := newStage(t, longTiming())
	id := s.create("shop")
	s.link(id)
	up := func() {
		if s.get(id).Status.Phase != instance.PhaseConnected {
			s.tell(id, instance.SignalConnected{}, instance.SignalSynced{})
		}
		if s.get(id).Status.Phase == instance.PhaseConnected {
			s.tell(id, instance.SignalDisconnected{})
		}
	}
	n := s.dialsIn(func() { s.passWith(15*time.Minute, up, id) })
	if n < 5 || n > 7 {
		t.Errorf("%d connections in the first quarter of an hour, want 5 or 6 and one after a long wait", n)
	}
	got := s.want(id, instance.PhaseReconnecting, instance.ReasonFlapping)
	if left := got.NextAt.Sub(s.clock.Now()); left < time.Minute {
		t.Errorf("next attempt in %s", left)
	}
	n = s.dialsIn(func() { s.passWith(2*time.Hour, up, id) })
	if n < 2 || n > 7 {
		t.Errorf("%d connections in the next two hours", n)
	}
	// Left alone it comes back and forgets.
	s.passWith(time.Hour, func() {
		if s.get(id).Status.Phase != instance.PhaseConnected {
			s.tell(id, instance.SignalConnected{}, instance.SignalSynced{})
		}
	}, id)
	s.want(id, instance.PhaseConnected, instance.ReasonNone)
	s.pass(20*time.Minute, id)
	s.tell(id, instance.SignalDisconnected{})
	s.want(id, instance.PhaseReconnecting, instance.ReasonConnLost)
}

// The network goes away under 100 instances and comes back after 5 minutes.
func TestNetworkCutUnderAHundred(t *testing.T) {
	t.Parallel()
	s := newStage(t, longTiming())
	ids := make([]string, 100)
	for i := range ids {
		ids[i] = s.create(fmt.Sprint("shop ", i))
		s.link(ids[i])
	}
	s.pass(time.Minute, ids...)
	s.script.set(func(c *script) { c.dialErr = errNetwork; c.dials = nil })
	for _, id := range ids {
		s.tell(id, instance.SignalDisconnected{})
	}
	s.pass(20*time.Second, ids...)
	if most := peak(s.script.dials); most > 20 {
		t.Errorf("%d handshakes in one second when all dropped", most)
	}
	for range 280 { // coarse steps: what is attempted meanwhile fails anyhow
		s.clock.Advance(time.Second)
	}
	for _, id := range ids {
		s.manager.SettleQuickly(id)
	}
	s.script.set(func(c *script) { c.dialErr, c.dials = nil, nil })
	back := s.clock.Now()
	up := func() {
		for _, id := range ids {
			if s.script.tell(id, instance.SignalConnected{}) {
				s.script.tell(id, instance.SignalSynced{})
			}
			s.manager.SettleQuickly(id)
		}
	}
	s.passWith(75*time.Second, up, ids...)
	for _, id := range ids {
		if got := s.get(id).Status; got.Phase != instance.PhaseConnected {
			t.Fatalf("75 s after the network came back: %+v", got)
		}
	}
	t.Logf("all back %s after the network; %d attempts in all", s.clock.Now().Sub(back), len(s.script.dials))
	if most := peak(s.script.dials); most > 20 {
		t.Errorf("%d handshakes in one second", most)
	}
}

// peak is the most times within one second.
func peak(times []time.Time) int {
	most := 0
	for i := range times {
		n := 0
		for _, later := range times[i:] {
			if later.Sub(times[i]) < time.Second {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestStartsAreSpread(t *testing.T) {
	t.Parallel()
	s := newStage(t, longTiming())
	ids := make([]string, 40)
	for i := range ids {
		ids[i] = s.create(fmt.Sprint("shop ", i))
		s.link(ids[i])
	}
	s.script.set(func(c *script) { c.dials = nil })
	s.restart()
	s.pass(20*time.Second, ids...)
	if n := len(s.script.dials); n != len(ids) {
		t.Errorf("%d of %d connected 20 s after the start", n, len(ids))
	}
	if most := peak(s.script.dials); most > 12 {
		t.Errorf("%d starts in one second", most)
	}
}

// Whatever takes the timers of an instance away, the watchdog brings it back.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	s := newStage(t, longTiming())
	id := s.create("shop")
	s.link(id)
	s.tell(id, instance.SignalDisconnected{})
	s.manager.Abandon(id)
	if n := s.dialsIn(func() { s.pass(2*time.Minute, id) }); n == 0 {
		t.Error("nobody noticed")
	}
	if s.manager.Rescues() == 0 {
		t.Error("the rescue was not counted")
	}
}

func TestSilentConnectionIsRenewed(t *testing.T) {
	t.Parallel()
	s := newStage(t, instance.DefaultTiming())
	id := s.create("shop")
	s.link(id)
	if n := s.dialsIn(func() { s.pass(4*time.Minute, id) }); n == 0 {
		t.Error("a connection without any stanza was believed")
	}
	s.want(id, instance.PhaseReconnecting, instance.ReasonNoAnswer)
}

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	s := newStage(t, longTiming())
	id := s.create("shop")
	s.link(id)
	s.tell(id, instance.SignalNoAnswer{Misses: 1})
	s.want(id, instance.PhaseDegraded, instance.ReasonNoAnswer)
	s.tell(id, instance.SignalAnswer{})
	s.want(id, instance.PhaseConnected, instance.ReasonNone)
	s.tell(id, instance.SignalNoAnswer{Misses: 1}, instance.SignalNoAnswer{Misses: 2}, instance.SignalNoAnswer{Misses: 3})
	s.want(id, instance.PhaseReconnecting, instance.ReasonNoAnswer)
}

// Programs that poll "connect" must not turn each poll into a handshake.
func TestPollingConnectDoesNotHammer(t *testing.T) {
	t.Parallel()
	s := newStage(t, longTiming())
	id := s.create("shop")
	s.link(id)
	s.script.set(func(c *script) { c.dialErr = errNetwork })
	s.tell(id, instance.SignalDisconnected{})
	n := s.dialsIn(func() {
		for range 60 {
			if _, err := s.manager.Connect(context.Background(), id); err != nil {
				t.Error(err)
			}
			s.pass(time.Second, id)
		}
	})
	if n > 20 {
		t.Errorf("%d handshakes in a minute of polling", n)
	}
}

func TestPhoneSeenAndReachout(t *testing.T) {
	t.Parallel()
	s := newStage(t, longTiming())
	id := s.create("shop")
	s.link(id)
	s.pass(13*24*time.Hour, id)
	if !s.get(id).PhoneAway(s.clock.Now()) {
		t.Error("13 days without the phone are no reason to warn")
	}
	s.tell(id, instance.SignalPhone{})
	if s.get(id).PhoneAway(s.clock.Now()) {
		t.Error("the phone was seen just now")
	}
	until := s.clock.Now().Add(3 * time.Hour)
	s.tell(id, instance.SignalReachout{Active: true, Kind: "BULK_MESSAGING", Until: until})
	if lock := s.get(id).Reachout; lock == nil || !lock.Until.Equal(until) || lock.Kind != "BULK_MESSAGING" {
		t.Errorf("lock = %+v", lock)
	}
	s.pass(4*time.Hour, id)
	if lock := s.get(id).Reachout; lock != nil {
		t.Errorf("after its end: %+v", lock)
	}
	s.tell(id, instance.SignalReachout{Active: true, Kind: "X"})
	if lock := s.get(id).Reachout; lock == nil || lock.Until.Sub(s.clock.Now()) != 24*time.Hour {
		t.Errorf("lock without an end = %+v", lock)
	}
	s.tell(id, instance.SignalReachout{})
	if lock := s.get(id).Reachout; lock != nil {
		t.Errorf("after the notice of its end: %+v", lock)
	}
}

func TestCodeRequests(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"+55 (11) 98765-0001": "5511987650001", "5511987650001": "5511987650001", "1234567": "1234567",
		"0551187650001": "", "123456": "", "1234567890123456": "", "55a11987650001": "", "": "", "+": "",
	} {
		if got, err := instance.CleanPhone(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q = %q, %v; want %q", text, got, err, want)
		}
	}
	for phone, want := range map[string]string{
		"5511987650001": "551187650001", "551187650001": "5511987650001", "551134567890": "", "351912345678": "",
	} {
		if got := instance.OtherForm(phone); got != want {
			t.Errorf("other form of %s = %q, want %q", phone, got, want)
		}
	}
}

func TestAvailability(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	at := func(hours int) time.Time { return now.Add(time.Duration(-hours) * time.Hour) }
	moments := []instance.Moment{
		{At: at(30), Online: true, Wanted: true}, // before the window
		{At: at(12), Wanted: true},
		{At: at(6), Online: true, Wanted: true},
		{At: at(2)}, // switched off
	}
	a := instance.AvailabilityOf(moments, now, 24*time.Hour, 24)
	if a.Wanted != 22*time.Hour || a.Online != 16*time.Hour {
		t.Errorf("wanted %s, online %s", a.Wanted, a.Online)
	}
	if share, known := a.Bar[15].Share(); !known || share != 0 {
		t.Errorf("slot of the outage: %v, %v", share, known)
	}
	if _, known := a.Bar[23].Share(); known {
		t.Error("a slot that nothing was wanted in has a share")
	}
}

func TestPairingCodeOnAClock(t *testing.T) {
	t.Parallel()
	s := newStage(t, longTiming())
	id := s.create("shop")
	ctx := context.Background()
	answer := make(chan instance.TypedCode, 1)
	go func() {
		code, err := s.manager.RequestCode(ctx, id, "+55 11 98765-0001")
		if err != nil {
			t.Error(err)
		}
		answer <- code
	}()
	for !s.script.tell(id, instance.SignalQR{Codes: codes()}) {
		time.Sleep(time.Millisecond)
	}
	code := <-answer
	if code.Code != "ABCD-EFGH" || code.Phone != "5511987650001" || code.Other != "551187650001" {
		t.Errorf("code = %+v", code)
	}
	if left := code.ExpiresAt.Sub(s.clock.Now()); left > 160*time.Second || left < 150*time.Second {
		t.Errorf("the code lives %s", left)
	}
	s.want(id, instance.PhaseCode, instance.ReasonNone)
	if _, shown := s.manager.Peek(id); shown {
		t.Error("the QR code is still on the screen")
	}
	_, err := s.manager.RequestCode(ctx, id, "5511987650001")
	if p := asProblem(err); p == nil || p.RetryAfter <= 0 {
		t.Errorf("a second request at once: %v", err)
	}
	s.pass(3*time.Minute, id)
	s.want(id, instance.PhaseLinkExpired, instance.ReasonCodeExpired)
	if _, shown := s.manager.TypedCode(id); shown {
		t.Error("an expired code is on the screen")
	}
	s.script.set(func(c *script) { c.codeErr = &instance.ServerError{Code: 429, Err: errNetwork} })
	go func() { _, err = s.manager.RequestCode(ctx, id, "5511987650001"); answer <- instance.TypedCode{} }()
	for !s.script.tell(id, instance.SignalQR{Codes: codes()}) {
		time.Sleep(time.Millisecond)
	}
	<-answer
	if p := asProblem(err); p == nil || p.RetryAfter < time.Minute {
		t.Errorf("refused by WhatsApp: %v", err)
	}
	s.want(id, instance.PhaseQR, instance.ReasonNone)
	if _, err := s.manager.RequestCode(ctx, "nobody", "5511987650001"); !errors.Is(err, instance.ErrNotFound) {
		t.Errorf("unknown instance: %v", err)
	}
}

// A connection that ends while a code is shown leaves WhatsApp's number for it,
// which the sentence on the page needs.
func TestPairingLostKeepsTheNumber(t *testing.T) {
	t.Parallel()
	s := newStage(t, longTiming())
	id := s.create("shop")
	_, err := s.manager.Connect(context.Background(), id)
	s.must(err)
	s.tell(id, instance.SignalQR{Codes: codes()}, instance.SignalDisconnected{Code: 503})
	if got := s.want(id, instance.PhaseConnecting, instance.ReasonBusy); got.Code != 503 || got.NextAt.IsZero() {
		t.Errorf("status = %+v", got)
	}
}
