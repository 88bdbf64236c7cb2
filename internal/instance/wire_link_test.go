package instance_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/wasim"
)

// linkRow is a row of the table of what can happen while an instance is being
// linked.
type linkRow struct {
	name     string
	provoke  func(t *testing.T, w *wire)
	phase    instance.Phase
	reason   instance.Reason
	code     int // of the status, and of the webhook where it has one
	min, max int // connections in the next hour
}

// scanSpoiled lets the phone answer with a proof that is wrong.
func scanSpoiled(what wasim.Spoil) func(*testing.T, *wire) {
	return func(t *testing.T, w *wire) {
		w.phone.SpoilProof(what)
		if _, err := w.phone.Scan(shortly(t), w.Code(w.id).Code); !errors.Is(err, wasim.ErrRejected) {
			t.Errorf("scan: %v", err)
		}
		w.phone.SpoilProof(wasim.NotSpoiled)
	}
}

// connectWith asks for a code while WhatsApp has a fault.
func connectWith(f wasim.Faults) func(*testing.T, *wire) {
	return func(t *testing.T, w *wire) {
		w.Network.SetFaults(f)
		if _, err := w.Manager.Connect(context.Background(), w.id); err != nil {
			t.Fatal(err)
		}
	}
}

func unpairedFailure(reason int) wasim.Faults {
	return wasim.Faults{LoginFailure: &wasim.Failure{Reason: reason, Unpaired: true}}
}

func linkRows() []linkRow {
	const expired, failed = instance.PhaseLinkExpired, instance.PhasePairFailed
	return []linkRow{
		{"codes run out and nobody looks", func(_ *testing.T, w *wire) {
			w.Code(w.id)
			w.hour()
		}, expired, instance.ReasonNobodyWatches, 0, 0, 0},
		{"wrong HMAC", scanSpoiled(wasim.SpoiledHMAC), failed, instance.ReasonPairRejected, 0, 0, 0},
		{"wrong signature", scanSpoiled(wasim.SpoiledSignature), failed, instance.ReasonPairRejected, 0, 0, 0},
		{"passkey not answered", func(t *testing.T, w *wire) {
			askPasskey(t, w.House, w.id, w.phone, wasim.PasskeyOptions{Silent: true})
			w.advance(11 * time.Minute)
			w.phone.DropPasskey()
		}, expired, instance.ReasonPasskeyTimeout, 0, 0, 0},
		{"passkey refused at the end", func(t *testing.T, w *wire) {
			p, _ := askPasskey(t, w.House, w.id, w.phone, wasim.PasskeyOptions{BadContinuation: true})
			answer, err := w.phone.PasskeyAnswer(p.Request)
			if err != nil {
				t.Fatal(err)
			}
			_ = w.Manager.AnswerPasskey(shortly(t), w.id, answer) // the end may come first
			w.Phase(w.id, failed)
			w.phone.DropPasskey()
		}, failed, instance.ReasonPasskeyFailed, 0, 0, 0},
		{"405", connectWith(unpairedFailure(405)), instance.PhaseOutdated, instance.ReasonOutdated, 405, 0, 0},
		{"409", connectWith(unpairedFailure(409)), instance.PhaseBlocked, instance.ReasonRefused, 409, 0, 0},
		{"front door 503 and nobody looks any more", func(t *testing.T, w *wire) {
			connectWith(wasim.Faults{RefuseDial: 503})(t, w)
			w.hour()
		}, expired, instance.ReasonFrontDoor, 503, 0, 0},
		{"the network goes while a code is shown", func(t *testing.T, w *wire) {
			w.Code(w.id)
			if err := w.Network.Stop(); err != nil {
				t.Fatal(err)
			}
			w.Until("the loss", func() bool { return w.Get(w.id).Status.Phase != instance.PhaseQR })
			w.hour()
			if err := w.Network.Resume(); err != nil {
				t.Fatal(err)
			}
		}, expired, instance.ReasonUnreachable, 0, 0, 0},
	}
}

// Each row: what is stored, why, that nothing goes on by itself while nobody
// looks, what webhooks hear, and that the next try links.
func TestWhatCanHappenWhileLinking(t *testing.T) {
	t.Parallel()
	for _, r := range linkRows() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			w := newWire(t)
			r.provoke(t, w)
			w.Until("reason "+string(r.reason), func() bool {
				s := w.Get(w.id).Status
				return s.Phase == r.phase && s.Reason == r.reason && s.Code == r.code
			})
			stored, err := w.Store.Instance(context.Background(), w.id)
			if s := stored.Status; err != nil || s.Phase != r.phase || s.Reason != r.reason || stored.Linked() || !s.NextAt.IsZero() {
				t.Errorf("stored %+v, %v", stored.Status, err)
			}
			wantWords(t, r.reason)
			if _, shown := w.Manager.Peek(w.id); shown {
				t.Error("a code is on the screen")
			}
			if n := w.hour(); n < r.min || n > r.max {
				t.Errorf("%d connections in the next hour, want %d to %d", n, r.min, r.max)
			}
			code := r.code
			if code == 0 {
				code = 428
			}
			want := []event.ConnectionData{{State: "connecting", StatusReason: 200}, {State: "close", StatusReason: code}}
			if got := w.updates(); !slices.Equal(got, want) {
				t.Errorf("webhooks heard %v, want %v", got, want)
			}
			wantKeys(t, w.House)
			w.Network.SetFaults(wasim.Faults{})
			w.Pair(w.id, w.phone)
		})
	}
}

// The phone accepted and the login does not follow: said after half a minute, and
// done with the next login, which works.
func TestPairedWithoutLogin(t *testing.T) {
	t.Parallel()
	w := newWire(t)
	code := w.Code(w.id)
	w.Network.SetFaults(wasim.Faults{SilentIQ: []string{"*"}})
	if _, err := w.phone.Scan(shortly(t), code.Code); err != nil {
		t.Fatal(err)
	}
	w.Phase(w.id, instance.PhasePaired)
	w.loginWait = unanswered
	w.advance(31 * time.Second)
	w.Until("the reason", func() bool { return w.Get(w.id).Status.Reason == instance.ReasonPairTimeout })
	stored, err := w.Store.Instance(context.Background(), w.id)
	if s := stored.Status; err != nil || s.Phase != instance.PhaseReconnecting || !stored.Linked() || s.NextAt.IsZero() {
		t.Errorf("stored %+v, %v", s, err)
	}
	wantWords(t, instance.ReasonPairTimeout)
	w.Network.SetFaults(wasim.Faults{})
	w.step()
	w.Phase(w.id, instance.PhaseConnected)
	if n := w.hour(); n != 0 || w.Manager.Rescues() != 0 {
		t.Errorf("%d further connections, %d rescues", n, w.Manager.Rescues())
	}
}
