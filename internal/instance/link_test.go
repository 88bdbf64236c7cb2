package instance_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/problem"
	"pombal/internal/wasim"
)

func shortly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func TestPairByTypedCode(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	phone := h.Network.NewPhone("551187650001", "Shop Front")
	in := h.Create("shop")
	ctx := shortly(t)
	code, err := h.Manager.RequestCode(ctx, in.ID, "+55 (11) 8765-0001")
	if err != nil {
		t.Fatal(err)
	}
	if got, shown := h.Manager.TypedCode(in.ID); !shown || got.Code != code.Code || code.Other != "5511987650001" {
		t.Errorf("shown %+v, got %+v", got, code)
	}
	if _, err := phone.EnterCode(ctx, "AAAA-AAAA"); !errors.Is(err, wasim.ErrWrongCode) {
		t.Errorf("a wrong code: %v", err)
	}
	if _, err := phone.EnterCode(ctx, code.Code); err != nil {
		t.Fatal(err)
	}
	got := h.Phase(in.ID, instance.PhaseConnected)
	if got.WhatsApp.Typed != "551187650001" || got.WhatsApp.JID != phone.JID().String() {
		t.Errorf("linked %+v", got.WhatsApp)
	}
	if _, err := h.Manager.RequestCode(ctx, in.ID, "551187650001"); !errors.Is(err, instance.ErrConnected) {
		t.Errorf("a code for a connected instance: %v", err)
	}
}

func TestTypedCodeRefused(t *testing.T) {
	t.Parallel()
	for code, kind := range map[int]problem.Kind{400: problem.Invalid, 429: problem.TooMany, 500: problem.Unavailable} {
		h := instancetest.New(t, instancetest.Options{})
		in := h.Create("shop")
		h.Network.SetFaults(wasim.Faults{FailCode: code})
		_, err := h.Manager.RequestCode(shortly(t), in.ID, "551187650001")
		if got := problem.KindOf(err); got != kind {
			t.Errorf("refused with %d: %v", code, err)
		}
		if got := h.Phase(in.ID, instance.PhaseQR); got.Linked() {
			t.Error("linked")
		}
	}
}

// askPasskey scans and waits until the passkey is asked for; done brings the
// outcome of the scan.
func askPasskey(t *testing.T, h *instancetest.House, id string, phone *wasim.Phone, opts wasim.PasskeyOptions) (instance.Passkey, <-chan error) {
	t.Helper()
	if err := phone.RequirePasskey(opts); err != nil {
		t.Fatal(err)
	}
	code, done, ctx := h.Code(id).Code, make(chan error, 1), shortly(t)
	go func() {
		_, err := phone.Scan(ctx, code)
		done <- err
	}()
	h.Phase(id, instance.PhasePasskey)
	p, ok := h.Manager.Passkey(id)
	if !ok {
		t.Fatal("no passkey request")
	}
	if _, shown := h.Manager.Peek(id); shown {
		t.Error("a dead QR code is on the screen")
	}
	return p, done
}

func TestPairWithPasskey(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	in := h.Create("shop")
	p, done := askPasskey(t, h, in.ID, phone, wasim.PasskeyOptions{})
	answer, err := phone.PasskeyAnswer(p.Request)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Manager.AnswerPasskey(shortly(t), in.ID, answer); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	h.Phase(in.ID, instance.PhaseConnected)
	if _, open := h.Manager.Passkey(in.ID); open {
		t.Error("the passkey step is still shown")
	}
}

// An answer that leads nowhere can be followed by another; then a person
// compares the codes.
func TestPasskeyWithCodeToCompare(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	phone := h.Network.NewPhone("5511987650001", "Shop Front")
	in := h.Create("shop")
	p, done := askPasskey(t, h, in.ID, phone, wasim.PasskeyOptions{Swallow: 1, Refuse: 1})
	answer, err := phone.PasskeyAnswer(p.Request)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Manager.AnswerPasskey(shortly(t), in.ID, answer); problem.KindOf(err) != problem.Invalid {
		t.Fatalf("an answer that WhatsApp refused: %v", err)
	}
	for range 2 {
		if err := h.Manager.AnswerPasskey(shortly(t), in.ID, answer); err != nil {
			t.Fatal(err)
		}
	}
	h.Until("the codes to compare", func() bool {
		p, ok := h.Manager.Passkey(in.ID)
		return ok && p.Confirm && p.Code != "" && p.Code == phone.PasskeyCode()
	})
	if err := h.Manager.ConfirmPasskey(shortly(t), in.ID); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	h.Phase(in.ID, instance.PhaseConnected)
}

func TestPasskeyEnds(t *testing.T) {
	t.Parallel()
	t.Run("broken continuation", func(t *testing.T) {
		t.Parallel()
		h := instancetest.New(t, instancetest.Options{})
		phone := h.Network.NewPhone("5511987650001", "Shop Front")
		in := h.Create("shop")
		p, _ := askPasskey(t, h, in.ID, phone, wasim.PasskeyOptions{BadContinuation: true})
		answer, err := phone.PasskeyAnswer(p.Request)
		if err != nil {
			t.Fatal(err)
		}
		_ = h.Manager.AnswerPasskey(shortly(t), in.ID, answer) // the end may come first
		got := h.Phase(in.ID, instance.PhasePairFailed)
		if got.Status.Reason != instance.ReasonPasskeyFailed {
			t.Errorf("status = %+v", got.Status)
		}
		phone.DropPasskey()
		h.Pair(in.ID, phone)
	})
	t.Run("time is up", func(t *testing.T) {
		t.Parallel()
		w := newWire(t)
		askPasskey(t, w.House, w.id, w.phone, wasim.PasskeyOptions{Silent: true})
		w.advance(11 * time.Minute)
		got := w.Phase(w.id, instance.PhaseLinkExpired)
		if got.Status.Reason != instance.ReasonPasskeyTimeout {
			t.Errorf("status = %+v", got.Status)
		}
		if err := w.Manager.AnswerPasskey(shortly(t), w.id, []byte("{}")); !errors.Is(err, instance.ErrNoPasskey) {
			t.Errorf("an answer that comes late: %v", err)
		}
	})
}

func TestPasskeyAnswersAreChecked(t *testing.T) {
	t.Parallel()
	b64 := base64.StdEncoding.EncodeToString // padded, the other alphabet: accepted too
	request := []byte(`{"challenge":"AAECAwQFBgc"}`)
	good := func() map[string]any {
		data := `{"type":"webauthn.get","challenge":"AAECAwQFBgc","origin":"https://web.whatsapp.com"}`
		return map[string]any{
			"id": "x", "rawId": b64([]byte{1}), "type": "public-key",
			"response": map[string]any{
				"clientDataJSON": b64([]byte(data)), "authenticatorData": b64([]byte("auth")), "signature": b64([]byte("sig")),
			},
		}
	}
	check := func(answer any) error {
		raw, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		_, err = instance.CheckAnswer(request, raw)
		return err
	}
	if err := check(good()); err != nil {
		t.Fatalf("a good answer: %v", err)
	}
	for _, field := range []string{"id", "rawId", "type", "clientDataJSON", "authenticatorData", "signature"} {
		answer := good()
		delete(answer, field)
		delete(answer["response"].(map[string]any), field)
		p := problem.As(check(answer))
		if p == nil || len(p.Fields) != 1 || !strings.Contains(p.Fields[0].Text.Args[1].(string), field) {
			t.Errorf("without %s: %v", field, p)
		}
	}
	other := good()
	other["response"].(map[string]any)["clientDataJSON"] = b64([]byte(`{"challenge":"AAAA"}`))
	if p := problem.As(check(other)); p == nil || p.Fields[0].Text.Key != "error.passkey_challenge" {
		t.Errorf("another challenge: %v", p)
	}
	for _, text := range []string{"", "null", "[]", "hello", `"x"`, strings.Repeat("x", 70_000)} {
		if _, err := instance.CheckAnswer(request, []byte(text)); problem.KindOf(err) != problem.Invalid {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// Some phones refuse the secret of the code on the screen; the same code is
// drawn anew with another one and links.
func TestCodesFollowTheSecret(t *testing.T) {
	t.Parallel()
	for _, child := range []wasim.RefreshChild{wasim.RefreshReg, wasim.RefreshQR} {
		h := instancetest.New(t, instancetest.Options{})
		phone := h.Network.NewPhone("5511987650001", "Shop Front")
		in := h.Create("shop")
		phone.DemandRefreshAs(child)
		first := h.Code(in.ID)
		if _, err := phone.Scan(shortly(t), first.Code); !errors.Is(err, wasim.ErrRefreshDemanded) {
			t.Fatalf("the first scan: %v", err)
		}
		var second instance.Pairing
		h.Until("another picture", func() (ok bool) {
			second, ok = h.Manager.Peek(in.ID)
			return ok && second.Seq != first.Seq
		})
		a, b := strings.Split(first.Code, ","), strings.Split(second.Code, ",")
		if a[0] != b[0] || a[3] == b[3] || !second.ExpiresAt.Equal(first.ExpiresAt) {
			t.Errorf("first %+v, then %+v", first, second)
		}
		if _, err := phone.Scan(shortly(t), second.Code); err != nil {
			t.Fatal(err)
		}
		h.Phase(in.ID, instance.PhaseConnected)
	}
}

func TestAnotherNumberOnlyWhenTicked(t *testing.T) {
	t.Parallel()
	h := instancetest.New(t, instancetest.Options{})
	phone, other := h.Network.NewPhone("5511987650001", "Shop Front"), h.Network.NewPhone("5521998880002", "Nina")
	in := h.Create("shop")
	h.Pair(in.ID, phone)
	h.Logout(in.ID)
	if _, err := other.Scan(shortly(t), h.Code(in.ID).Code); err == nil {
		t.Fatal("another number was linked unasked")
	}
	got := h.Phase(in.ID, instance.PhasePairFailed)
	if got.Status.Reason != instance.ReasonOtherNumber || got.Status.Detail != "5521998880002" || got.WhatsApp.JID != phone.JID().String() {
		t.Errorf("%+v, %+v", got.Status, got.WhatsApp)
	}
	if left, err := h.Keys.Devices(context.Background()); err != nil || len(left) != 0 {
		t.Errorf("keys stored: %v, %v", left, err)
	}
	if _, err := h.Manager.ConnectWith(context.Background(), in.ID, instance.ConnectParams{ReplaceNumber: true}); err != nil {
		t.Fatal(err)
	}
	h.Pair(in.ID, other)
	if got := h.Get(in.ID); got.WhatsApp.JID != other.JID().String() {
		t.Errorf("linked %+v", got.WhatsApp)
	}
}
