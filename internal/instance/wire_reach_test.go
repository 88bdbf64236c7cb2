package instance_test

import (
	"context"
	"crypto/x509"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/locale"
	"pombal/internal/wasim"
	"pombal/internal/whatsapp"
)

// WhatsApp cannot be reached, each time for another reason: which one is stored
// and has its words, an attempt is made at least once a minute, for ever, and the
// first that can succeed does.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		reason instance.Reason
		astray func(*whatsapp.Endpoint)
	}{
		{instance.ReasonDNS, func(to *whatsapp.Endpoint) { to.URL.Host = "nowhere.invalid:443" }},
		{instance.ReasonTLS, func(to *whatsapp.Endpoint) { to.CA = x509.NewCertPool() }},
		{instance.ReasonUnreachable, func(to *whatsapp.Endpoint) { to.URL.Host = "127.0.0.1:1" }}, // refused
	} {
		t.Run(string(tc.reason), func(t *testing.T) {
			t.Parallel()
			w := newLinkedWire(t)
			w.Stop()
			w.Astray = tc.astray
			w.Start()
			w.step()
			w.Until("the reason", func() bool { return w.Get(w.id).Status.Reason == tc.reason })
			w.settle()
			stored, err := w.Store.Instance(context.Background(), w.id)
			if s := stored.Status; err != nil || s.Phase != instance.PhaseReconnecting || s.Reason != tc.reason || s.Attempt != 1 || s.Detail == "" {
				t.Errorf("stored %+v, %v", s, err)
			}
			wantWords(t, tc.reason)
			if next := stored.Status.NextAt.Sub(w.clock.Now()); next <= 0 || next > 75*time.Second {
				t.Errorf("next attempt in %s", next)
			}
			w.hour()
			if n := w.Get(w.id).Status.Attempt; n < 40 || n > 100 {
				t.Errorf("%d attempts in an hour", n)
			}
			if w.Manager.Rescues() != 0 {
				t.Error("the watchdog had to act")
			}
			w.Stop()
			w.Astray = nil
			w.Start()
			w.step()
			w.Phase(w.id, instance.PhaseConnected)
		})
	}
}

// wantWords sees that a reason has a sentence in every language.
func wantWords(t *testing.T, reason instance.Reason) {
	t.Helper()
	wantText(t, "reason."+string(reason))
}

// wantText sees that a key has a text in every language.
func wantText(t *testing.T, key string) {
	t.Helper()
	for _, lang := range locale.Languages() {
		p, err := locale.New(lang.Tag)
		if err != nil {
			t.Fatal(err)
		}
		if text := p.T(key); text == "" || strings.Contains(text, key) {
			t.Errorf("%s: no words for %s", lang.Tag, key)
		}
	}
}

// A server that closes every connection right after the handshake brings the
// library to a stop without a word, sometimes. We go on.
func TestClosedAfterTheHandshake(t *testing.T) {
	if raceEnabled {
		t.Skip("whatsmeow sets its callback for a lost connection after the reader has begun")
	}
	t.Parallel()
	w := newLinkedWire(t)
	w.loginWait = unanswered
	w.Network.SetFaults(wasim.Faults{CloseAfterHandshake: true})
	w.Network.Drop(w.device)
	w.Phase(w.id, instance.PhaseReconnecting)
	if n := w.hour(); n < 25 || n > 100 {
		t.Errorf("%d connections in an hour", n)
	}
	if s := w.Get(w.id).Status; s.Phase != instance.PhaseReconnecting ||
		!slices.Contains([]instance.Reason{instance.ReasonNoAnswer, instance.ReasonConnLost, instance.ReasonUnreachable}, s.Reason) {
		t.Errorf("status = %+v", s)
	}
	w.Network.SetFaults(wasim.Faults{})
	w.hour()
	if s := w.Get(w.id).Status; s.Phase != instance.PhaseConnected || w.Manager.Rescues() != 0 {
		t.Errorf("afterwards: %+v, %d rescues", s, w.Manager.Rescues())
	}
}

// An app that is too old to link leaves the code where it is; a newer one scans
// the same picture.
func TestOldPhone(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	code := w.Code(w.id)
	if err := w.phone.ScanWithOldApp(context.Background(), code.Code); err != nil {
		t.Fatal(err)
	}
	w.Until("the reason", func() bool { return w.Get(w.id).Status.Reason == instance.ReasonScannedOld })
	stored, err := w.Store.Instance(context.Background(), w.id)
	if err != nil || stored.Status.Phase != instance.PhaseQR || stored.Status.Reason != instance.ReasonScannedOld {
		t.Errorf("stored %+v, %v", stored.Status, err)
	}
	wantWords(t, instance.ReasonScannedOld)
	if now, ok := w.Manager.Peek(w.id); !ok || now.Code != code.Code {
		t.Errorf("the code became %q", now.Code)
	}
	dials := w.Network.Dials()
	if _, err := w.phone.Scan(context.Background(), code.Code); err != nil {
		t.Fatal(err)
	}
	if w.Phase(w.id, instance.PhaseConnected); w.Network.Dials() != dials+1 {
		t.Errorf("%d connections, want the one after linking", w.Network.Dials()-dials)
	}
}

// A contact with another security code is a line of the timeline, and nothing
// else changes.
func TestIdentityChange(t *testing.T) {
	t.Parallel()
	w := newLinkedWire(t)
	nina := w.Network.NewPhone("5521998880002", "Nina")
	if _, err := nina.SendText(context.Background(), w.phone, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := w.Network.WaitSettled(context.Background(), w.device); err != nil {
		t.Fatal(err)
	}
	nina.TellIdentityChange()
	w.eventually("the moment", func() bool {
		moments, err := w.Manager.Timeline(context.Background(), w.id, 10)
		return err == nil && len(moments) > 0 && moments[0].Kind == instance.MomentIdentity && moments[0].Actor == instance.ActorWhatsApp
	})
	if s := w.Get(w.id).Status; s.Phase != instance.PhaseConnected {
		t.Errorf("status = %+v", s)
	}
}

// A phone that stays away for 12 days is a warning with words of its own, kept
// over a restart, and nothing else; a sign of it takes the warning back.
func TestPhoneUnseen(t *testing.T) {
	t.Parallel()
	w := newLinkedWire(t)
	told := len(w.updates())
	away := func() bool { return w.Get(w.id).PhoneAway(w.clock.Now()) }
	dials := w.Network.Dials()
	since := func(d time.Duration) { w.advanceTo(w.Get(w.id).WhatsApp.PhoneSeen.Add(d)) }
	since(12*24*time.Hour - time.Hour)
	if away() {
		t.Error("warned too early")
	}
	if since(12*24*time.Hour + time.Hour); !away() {
		t.Error("not warned")
	}
	w.hour()
	if n := w.Network.Dials() - dials; n != 0 || len(w.updates()) != told || w.Get(w.id).Status.Phase != instance.PhaseConnected {
		t.Errorf("%d connections, %v for webhooks, %+v", n, w.updates()[told:], w.Get(w.id).Status)
	}
	wantText(t, "status.phone_away")
	w.Stop()
	w.Start()
	w.step()
	w.Phase(w.id, instance.PhaseConnected)
	if !away() {
		t.Error("forgotten over a restart")
	}
	nina := w.Network.NewPhone("5521998880002", "Nina")
	if _, err := w.phone.SendText(context.Background(), nina, "back again"); err != nil {
		t.Fatal(err)
	}
	w.Until("the end of the warning", func() bool { return !away() })
}

// eventually waits for what no signal tells of.
func (w *wire) eventually(what string, cond func() bool) {
	w.T.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.T.Fatalf("waited for %s", what)
		}
	}
}

// The server answers no keep-alive while the socket stays open: noticed, said,
// forgotten when an answer comes, and the connection renewed when none does. In a
// process of its own, whose library asks more often.
func TestKeepAliveSilence(t *testing.T) {
	if os.Getenv(hastyVar) == "" {
		t.Parallel()
		ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
		defer cancel()
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestKeepAliveSilence$")
		cmd.Env = append(os.Environ(), hastyVar+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	timing := instancetest.QuickTiming()
	timing.BackoffStep, timing.BackoffMax = 4*time.Second, 4*time.Second // to be seen
	h := instancetest.New(t, instancetest.Options{Timing: &timing})
	in := h.Create("shop")
	h.Pair(in.ID, h.Network.NewPhone("5511987650001", "Shop Front"))
	w := &wire{House: h, id: in.ID}
	told, connections := len(w.updates()), h.Network.Connections()

	h.Network.SetFaults(wasim.Faults{SilentIQ: []string{"w:p"}})
	got := h.Phase(in.ID, instance.PhaseDegraded)
	if got.Status.Reason != instance.ReasonNoAnswer || got.Connection() != "open" {
		t.Errorf("after one unanswered question: %+v", got.Status)
	}
	h.Network.SetFaults(wasim.Faults{})
	h.Phase(in.ID, instance.PhaseConnected)
	if n := h.Network.Connections() - connections; n != 0 || len(w.updates()) != told {
		t.Errorf("%d new connections, %v for webhooks, when an answer came in time", n, w.updates()[told:])
	}

	h.Network.SetFaults(wasim.Faults{SilentIQ: []string{"w:p"}})
	got = h.Phase(in.ID, instance.PhaseReconnecting)
	stored, err := h.Store.Instance(context.Background(), in.ID)
	if s := stored.Status; err != nil || got.Status.Reason != instance.ReasonNoAnswer || s.Reason != instance.ReasonNoAnswer || s.NextAt.IsZero() {
		t.Errorf("after three: stored %+v, %v", s, err)
	}
	wantWords(t, instance.ReasonNoAnswer)
	h.Network.SetFaults(wasim.Faults{})
	h.Phase(in.ID, instance.PhaseConnected)
	if n := h.Network.Connections() - connections; n != 1 {
		t.Errorf("%d new connections, want one", n)
	}
	if got := w.updates()[told:]; len(got) != 2 || got[0].State != "close" || got[1].State != "open" {
		t.Errorf("webhooks heard %v", got)
	}
}
