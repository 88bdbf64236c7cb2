package instance_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/webhook"
)

// walk is what the model of a random walk knows: what the operator wants, and
// whether there is a link. Everything else the system may choose, within what
// check allows.
type walk struct {
	*stage
	id     string
	on     bool
	linked bool
	hooks  string
}

func (w *walk) ctx() context.Context { return context.Background() }

// actions are what operators, programs, phones, WhatsApp, networks and time can
// do, each at any moment.
func (w *walk) actions() map[string]func(*rapid.T) {
	say := func(sig instance.Signal) func(*rapid.T) {
		return func(*rapid.T) { w.tell(w.id, sig) }
	}
	pass := func(d time.Duration) func(*rapid.T) { return func(*rapid.T) { w.pass(d, w.id) } }
	return map[string]func(*rapid.T){
		"connect": func(*rapid.T) { _, _ = w.manager.Connect(w.ctx(), w.id) },
		"connect anew": func(*rapid.T) {
			_, _ = w.manager.ConnectWith(w.ctx(), w.id, instance.ConnectParams{ReplaceNumber: true})
		},
		"cancel pairing": func(*rapid.T) { _ = w.manager.CancelPairing(w.ctx(), w.id) },
		"look":           func(*rapid.T) { w.manager.Pairing(w.id) },
		"reload":         func(*rapid.T) { _, _ = w.manager.Reload(w.ctx(), w.id) },
		"rename": func(t *rapid.T) {
			_, _ = w.manager.Rename(w.ctx(), w.id, rapid.StringMatching(`[a-z]{3,9}`).Draw(t, "name"), 0)
		},
		"on":             w.switchOn,
		"off":            w.switchOff,
		"logout":         func(*rapid.T) { w.logoutWith(instance.LogoutParams{}) },
		"logout force":   func(*rapid.T) { w.logoutWith(instance.LogoutParams{Force: true}) },
		"logout wait":    func(*rapid.T) { w.logoutWith(instance.LogoutParams{Wait: true}) },
		"passkey answer": func(*rapid.T) { _ = w.manager.AnswerPasskey(w.ctx(), w.id, []byte("{}")) },
		"restart":        func(*rapid.T) { w.restart() },

		"qr": say(instance.SignalQR{Codes: codes()}), "no qr": say(instance.SignalQR{}),
		"secret": say(instance.SignalSecret{Secret: "other"}), "old phone": say(instance.SignalScannedOld{}),
		"scan":         w.scan,
		"pair failed":  say(instance.SignalPairFailed{}),
		"passkey":      say(instance.SignalPasskey{Request: []byte(`{"challenge":"AAAA"}`)}),
		"confirmation": say(instance.SignalPasskeyConfirm{Code: "AAAA-BBBB"}), "skipped": say(instance.SignalPasskeyConfirm{Skip: true}),
		"passkey failed": say(instance.SignalPasskeyFailed{}),
		"515":            say(instance.SignalRestart{}), "connected": say(instance.SignalConnected{}),
		"connected too": say(instance.SignalConnected{}), "missed": say(instance.SignalSyncing{Missed: 7}),
		"synced": say(instance.SignalSynced{}), "drop": say(instance.SignalDisconnected{}),
		"busy": say(instance.SignalDisconnected{Code: 503}), "777": say(instance.SignalStreamError{Code: 777}),
		"unlinked": w.removed, "replaced": say(instance.SignalReplaced{}),
		"ban": say(instance.SignalBanned{Code: 104, Expires: time.Hour}), "outdated": say(instance.SignalOutdated{}),
		"409": say(instance.SignalRefused{Code: 409}), "no answer": say(instance.SignalNoAnswer{Misses: 1}),
		"dead": say(instance.SignalNoAnswer{Misses: 3}), "answer": say(instance.SignalAnswer{}),
		"lock": say(instance.SignalReachout{Active: true}), "unlock": say(instance.SignalReachout{}),
		"new version": func(*rapid.T) { w.script.onNew() },

		"second": pass(time.Second), "minute": pass(time.Minute), "hour": pass(time.Hour),
		"network down": func(*rapid.T) { w.script.set(func(c *script) { c.dialErr = errNetwork }) },
		"network up":   func(*rapid.T) { w.script.set(func(c *script) { c.dialErr = nil }) },
		"mute":         func(*rapid.T) { w.script.set(func(c *script) { c.logout = errNetwork }) },
		"speak":        func(*rapid.T) { w.script.set(func(c *script) { c.logout = nil }) },
		"disk full":    func(*rapid.T) { w.script.set(func(c *script) { c.erase = errNetwork }) },
		"disk free":    func(*rapid.T) { w.script.set(func(c *script) { c.erase = nil }) },
		"":             w.check,
	}
}

func (w *walk) switchOn(*rapid.T) {
	if _, err := w.manager.SwitchOn(w.ctx(), w.id); err == nil {
		w.on = true
	}
}

func (w *walk) switchOff(*rapid.T) {
	if _, err := w.manager.SwitchOff(w.ctx(), w.id); err == nil {
		w.on = false
	}
}

// scan is a phone's answer to what is on the screen.
func (w *walk) scan(*rapid.T) {
	w.manager.SettleQuickly(w.id)
	if w.get(w.id).Status.Phase.Pairing() && w.script.tell(w.id, w.paired()) {
		w.linked = true
	}
}

func (w *walk) removed(*rapid.T) {
	w.manager.SettleQuickly(w.id)
	if w.script.tell(w.id, instance.SignalLoggedOut{Code: 401}) {
		w.linked = false
	}
}

// logoutWith logs out, letting time pass where the answer needs that.
func (w *walk) logoutWith(p instance.LogoutParams) {
	type answer struct {
		res instance.LogoutResult
		err error
	}
	done := make(chan answer, 1)
	go func() {
		res, err := w.manager.Logout(w.ctx(), w.id, p)
		done <- answer{res, err}
	}()
	for {
		select {
		case a := <-done:
			w.must(a.err)
			if a.res.Unlinked && a.res.Pending || a.res.Pending && !p.Wait {
				w.t.Fatalf("logout = %+v", a.res)
			}
			w.linked = w.linked && a.res.Pending
			return
		case <-time.After(time.Millisecond):
			w.pass(5*time.Second, w.id)
		}
	}
}

// check compares model and system, and sees that nothing is stuck.
func (w *walk) check(t *rapid.T) {
	w.manager.SettleQuickly(w.id)
	in := w.get(w.id)
	stored, err := w.db.Instance(w.ctx(), w.id)
	if err != nil || stored.Status.Phase != in.Status.Phase || stored.State != in.State || stored.Linked() != in.Linked() {
		t.Fatalf("stored %+v, shown %+v, %v", stored, in, err)
	}
	if in.Logout != nil && !in.Linked() || in.Status.Phase == instance.PhaseLogoutPending && in.Logout == nil {
		t.Fatalf("a pending logout of nothing: %+v", in)
	}
	if in.Linked() != w.linked && (in.Linked() || w.linked && in.Status.Phase != instance.PhaseLoggedOut && in.Status.Phase != instance.PhaseStopped) {
		t.Fatalf("linked = %v, the model says %v: %+v", in.Linked(), w.linked, in)
	}
	w.linked = in.Linked() // a pending logout ends by itself
	if (in.State == instance.Active) != w.on {
		t.Fatalf("state = %s, the model says %v", in.State, w.on)
	}
	if !slices.Contains(allowed(in), in.Status.Phase) {
		t.Fatalf("phase %s of %+v", in.Status.Phase, in)
	}
	w.script.mu.Lock()
	double := w.script.double
	w.script.mu.Unlock()
	if double != "" {
		t.Fatal(double)
	}
	if n := w.manager.Rescues(); n != 0 {
		t.Fatalf("the watchdog had to act; %+v", in)
	}
	if hooks := webhooksOf(w.stage, w.id); hooks != w.hooks {
		t.Fatalf("webhooks became %s", hooks)
	}
}

// allowed are the phases that fit what is wanted and whether there is a link.
func allowed(in instance.Instance) []instance.Phase {
	switch {
	case in.State == instance.Inactive:
		return []instance.Phase{instance.PhaseStopped, instance.PhaseLogoutPending}
	case in.Linked():
		return []instance.Phase{
			instance.PhaseConnecting, instance.PhasePaired, instance.PhaseSyncing, instance.PhaseConnected, instance.PhaseDegraded,
			instance.PhaseReconnecting, instance.PhaseReplaced, instance.PhaseOutdated, instance.PhaseBanned, instance.PhaseBlocked,
			instance.PhaseLogoutPending,
		}
	default:
		return []instance.Phase{
			instance.PhaseNew, instance.PhaseConnecting, instance.PhaseQR, instance.PhaseCode, instance.PhasePasskey,
			instance.PhaseLoggedOut, instance.PhaseReplaced, instance.PhaseOutdated, instance.PhaseBanned, instance.PhaseBlocked,
			instance.PhasePairFailed, instance.PhaseLinkExpired,
		}
	}
}

// wayOut: from wherever the walk ended, a forced logout and "connect" lead to a
// QR code.
func (w *walk) wayOut(t *rapid.T) {
	w.script.set(func(c *script) { c.dialErr, c.logout, c.erase = nil, nil, nil })
	w.logoutWith(instance.LogoutParams{Force: true})
	w.switchOn(t)
	_, err := w.manager.Connect(w.ctx(), w.id)
	if err != nil && !errors.Is(err, instance.ErrConnected) {
		t.Fatalf("connect at the end: %v; %+v", err, w.get(w.id).Status)
	}
	for range 100 {
		w.pass(time.Second, w.id)
		w.tell(w.id, instance.SignalQR{Codes: codes()})
		if w.get(w.id).Status.Phase == instance.PhaseQR {
			return
		}
		if _, err := w.manager.Connect(w.ctx(), w.id); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("no QR code any more: %+v", w.get(w.id))
}

func webhooksOf(s *stage, id string) string {
	list, err := s.db.Webhooks(context.Background(), id)
	s.must(err)
	raw, err := json.Marshal(list)
	s.must(err)
	return string(raw)
}

// Walks and the least number of steps that they take together: rapid takes 100
// ways of about 30 steps for each.
const (
	walks    = 9
	minSteps = 20_000
)

// Nothing that operators, programs, phones, WhatsApp, networks and time do, in
// whatever order, brings the system away from the model: see check. More steps
// with -rapid.checks and -rapid.steps.
func TestRandomWalk(t *testing.T) {
	t.Parallel()
	n, steps := walks, new(atomic.Int64)
	if testing.Short() || !raceEnabled {
		n = 2
	}
	t.Run("walks", func(t *testing.T) {
		for i := range n {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				s := newStage(t, longTiming())
				rapid.Check(t, func(t *rapid.T) { s.walk(t, steps) })
			})
		}
	})
	if got := steps.Load(); got < minSteps && n == walks {
		t.Errorf("only %d steps were taken, want %d", got, minSteps)
	} else {
		t.Logf("%d steps", got)
	}
}

// walk takes one way, from an instance that is new to one that is deleted.
func (s *stage) walk(t *rapid.T, steps *atomic.Int64) {
	w := &walk{stage: s, on: true}
	s.script.set(func(c *script) { c.dialErr, c.logout, c.erase, c.double = nil, nil, nil, "" })
	id, err := event.NewID()
	s.must(err)
	w.id = s.create("walk-" + id[len(id)-12:])
	err = s.db.CreateWebhook(context.Background(), webhook.Webhook{
		ID: "hook-" + id, InstanceID: w.id, Name: "crm", URL: "https://crm.example/hook", Enabled: true,
		Events: webhook.Events{ID: "ev-" + id, Toggles: webhook.AllToggles().With(event.PresenceUpdate, false)}, Secret: "whsec_x",
	})
	s.must(err)
	w.hooks = webhooksOf(s, w.id)
	actions := w.actions()
	for name, act := range actions {
		if name != "" { // the one without a name is the check
			actions[name] = func(t *rapid.T) { steps.Add(1); act(t) }
		}
	}
	t.Repeat(actions)
	w.wayOut(t)
	s.must(s.manager.Delete(context.Background(), w.id, instance.DeleteParams{}))
}
