package instance_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/wasim"
	"pombal/internal/webhook"
)

// wireWalk is a random walk on the wire: the real client, the stand-in network,
// a clock that the walk moves. Its model is smaller than walk's, since the
// network decides more: what is wanted, which links the phone lists, and what was
// done to the connection from outside.
type wireWalk struct {
	*wire
	on       bool
	conflict bool // somebody else connected with our keys
	hooks    string
	trail    []string
}

func (w *wireWalk) ctx() context.Context { return context.Background() }

func (w *wireWalk) fail(format string, args ...any) {
	w.T.Helper()
	w.T.Fatalf("%s\nafter %q\nstate %+v", fmt.Sprintf(format, args...), w.trail, w.Get(w.id))
}

// pass moves the clock in the steps of its timers.
func (w *wireWalk) pass(d time.Duration) {
	end := w.clock.Now().Add(d)
	for {
		w.settle()
		next, ok := w.clock.Next()
		if !ok || next.After(end) {
			break
		}
		w.clock.AdvanceTo(next)
	}
	w.clock.AdvanceTo(end)
}

// soon moves the clock until cond is true.
func (w *wireWalk) soon(what string, cond func() bool) {
	w.T.Helper()
	for began := time.Now(); !cond(); w.pass(time.Second) {
		if time.Since(began) > patience {
			w.fail("no %s", what)
		}
	}
}

// patience is how long the tests wait for something that must happen, in time
// that really passes.
const patience = time.Minute

// act is something that can happen at any moment.
type act struct {
	name string
	do   func()
}

func (w *wireWalk) acts() []act {
	logout := func(p instance.LogoutParams) func() { return func() { w.logoutWith(p) } }
	faults := func(f wasim.Faults) func() { return func() { w.Network.SetFaults(f) } }
	stream := func(code string) func() { return func() { w.Network.StreamError(w.device, code) } }
	refuse := func(f wasim.Failure) func() {
		return func() {
			f.Times = 1
			w.Network.SetFaults(wasim.Faults{LoginFailure: &f})
			w.Network.Drop(w.device)
		}
	}
	pass := func(d time.Duration) func() { return func() { w.pass(d) } }
	return []act{
		{"connect", func() { _, _ = w.Manager.Connect(w.ctx(), w.id) }},
		{"cancel pairing", func() { _ = w.Manager.CancelPairing(w.ctx(), w.id) }},
		{"reload", func() { _, _ = w.Manager.Reload(w.ctx(), w.id) }},
		{"on", w.switchOn}, {"off", w.switchOff},
		{"logout", logout(instance.LogoutParams{})},
		{"logout force", logout(instance.LogoutParams{Force: true})},
		{"logout wait", logout(instance.LogoutParams{Wait: true})},
		{"scan", w.scan}, {"scan again", w.scan}, {"scan once more", w.scan},
		{"removed on the phone", w.removed},
		{"drop", func() { w.Network.Drop(w.device) }}, {"drop all", func() { w.Network.DropAll() }},
		{"515", stream("515")}, {"503", stream("503")}, {"777", stream("777")},
		{"replaced", func() { w.conflict = w.Network.Conflict(w.device) || w.conflict }},
		{"banned", refuse(wasim.Failure{Reason: 402, Code: 104, Expire: 20 * time.Minute})},
		{"outdated", refuse(wasim.Failure{Reason: 405})}, {"409", refuse(wasim.Failure{Reason: 409})},
		{"busy", refuse(wasim.Failure{Reason: 503})}, {"401", refuse(wasim.Failure{Reason: 401})},
		{"front door 429", faults(wasim.Faults{RefuseDial: 429, RefuseTimes: 2})},
		{"network down", faults(wasim.Faults{Down: true})}, {"silent at logout", faults(wasim.Faults{FailIQ: map[string]int{"md": 500}})},
		{"healthy", faults(wasim.Faults{})}, {"healthy again", faults(wasim.Faults{})},
		{"second", pass(time.Second)}, {"ten seconds", pass(10 * time.Second)}, {"minute", pass(time.Minute)},
		{"half an hour", pass(30 * time.Minute)},
	}
}

func (w *wireWalk) switchOn() {
	if _, err := w.Manager.SwitchOn(w.ctx(), w.id); err == nil {
		w.on = true
	}
}

func (w *wireWalk) switchOff() {
	if _, err := w.Manager.SwitchOff(w.ctx(), w.id); err == nil {
		w.on = false
	}
}

// scan shows the phone what is on the screen.
func (w *wireWalk) scan() {
	w.settle()
	p, ok := w.Manager.Pairing(w.id)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(w.ctx(), patience)
	defer cancel()
	device, err := w.phone.Scan(ctx, p.Code)
	if err != nil {
		return // the socket of that code is gone, and its picture about to be
	}
	w.device = device
	w.soon("link", func() bool { in := w.Get(w.id); return in.WhatsApp != nil && in.WhatsApp.LinkedAt != time.Time{} })
}

// removed takes the device off the phone's list.
func (w *wireWalk) removed() {
	if !w.device.IsEmpty() {
		_ = w.phone.RemoveDevice(w.ctx(), w.device)
	}
}

func (w *wireWalk) logoutWith(p instance.LogoutParams) {
	type answer struct {
		res instance.LogoutResult
		err error
	}
	done := make(chan answer, 1)
	go func() {
		res, err := w.Manager.Logout(w.ctx(), w.id, p)
		done <- answer{res, err}
	}()
	for began := time.Now(); ; {
		select {
		case a := <-done:
			switch {
			case a.err != nil:
				w.fail("logout: %v", a.err)
			case a.res.Pending && (a.res.Unlinked || !p.Wait):
				w.fail("logout = %+v", a.res)
			case a.res.Unlinked && slices.Contains(w.phone.Devices(), w.device):
				w.fail("the phone still lists the device that is said to be unlinked")
			}
			return
		case <-time.After(time.Millisecond):
			if w.pass(time.Second); time.Since(began) > patience {
				w.fail("the logout has no answer")
			}
		}
	}
}

// check compares model and system, which may still be taking in what came last.
func (w *wireWalk) check() {
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		w.settle()
		wrong := w.wrong()
		if wrong == "" {
			return
		}
		if time.Since(began) > patience/4 {
			w.fail("%s", wrong)
		}
	}
}

func (w *wireWalk) wrong() string {
	in := w.Get(w.id)
	stored, err := w.Store.Instance(w.ctx(), w.id)
	switch {
	case err != nil || stored.Status.Phase != in.Status.Phase || stored.Linked() != in.Linked():
		return fmt.Sprintf("stored %+v, %v", stored, err)
	case (in.State == instance.Active) != w.on:
		return fmt.Sprintf("the model says on = %v", w.on)
	case !slices.Contains(allowed(in), in.Status.Phase):
		return "a phase that does not fit"
	case in.Status.Phase == instance.PhaseReplaced && !w.conflict:
		return "two clients of ours at once: one replaced the other"
	case in.Status.Phase == instance.PhaseConnected && !slices.Contains(w.phone.Devices(), w.device):
		return "connected with a device that the phone does not list"
	case w.Manager.Rescues() != 0:
		return "the watchdog had to act"
	}
	if hooks := w.webhooks(); hooks != w.hooks {
		return "webhooks became " + hooks
	}
	return ""
}

func (w *wireWalk) webhooks() string {
	list, err := w.Store.Webhooks(w.ctx(), w.id)
	if err != nil {
		w.T.Fatal(err)
	}
	return fmt.Sprintf("%+v", list)
}

// wayOut: from wherever the walk ended, a forced logout, "connect" and a scan
// lead to an instance that is connected.
func (w *wireWalk) wayOut() {
	w.Network.SetFaults(wasim.Faults{})
	w.logoutWith(instance.LogoutParams{Force: true})
	w.switchOn()
	for _, device := range w.phone.Devices() { // what a person would tidy up
		_ = w.phone.RemoveDevice(w.ctx(), device)
	}
	w.soon("code", func() bool {
		_, _ = w.Manager.Connect(w.ctx(), w.id)
		_, ok := w.Manager.Pairing(w.id)
		return ok
	})
	w.scan()
	w.soon("connection", func() bool { return w.Get(w.id).Status.Phase == instance.PhaseConnected })
}

// The same walk as TestRandomWalk's, shorter, with the real client on the wire.
func TestRandomWalkOnTheWire(t *testing.T) {
	t.Parallel()
	const ways, steps = 6, 40
	for i := range ways {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			random := rand.New(rand.NewPCG(seed, 0))
			w := &wireWalk{wire: newWire(t), on: true}
			w.loginWait = unanswered
			err := w.Store.CreateWebhook(w.ctx(), webhook.Webhook{
				ID: "hook", InstanceID: w.id, Name: "crm", URL: "https://crm.example/hook", Enabled: true,
				Events: webhook.Events{ID: "ev", Toggles: webhook.AllToggles().With(event.PresenceUpdate, false)}, Secret: "whsec_x",
			})
			if err != nil {
				t.Fatal(err)
			}
			w.hooks = w.webhooks()
			w.wayOut() // begins connected: most of what can happen needs that
			acts := w.acts()
			for range steps {
				a := acts[random.IntN(len(acts))]
				w.trail = append(w.trail, a.name)
				a.do()
				w.check()
			}
			w.trail = append(w.trail, "the way out")
			w.wayOut()
			w.check()
		})
	}
}
