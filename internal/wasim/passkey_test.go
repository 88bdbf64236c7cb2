package wasim_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/wasim"
)

// linking is a scan that goes on beside the test.
type linking struct {
	jid types.JID
	err error
}

// gated connects a client, lets a phone with a passkey scan its code and waits
// for the request.
func gated(t *testing.T, opts wasim.PasskeyOptions) (*wasim.Server, *wasim.Phone, *client, <-chan linking) {
	t.Helper()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	if err := ana.RequirePasskey(opts); err != nil {
		t.Fatal(err)
	}
	c := connect(t, s, nil)
	qr := wait[*events.QR](c, 1, nil)
	ctx, cancel := context.WithTimeout(context.Background(), waitTime)
	done := make(chan linking, 1)
	go func() {
		defer cancel()
		jid, err := ana.Scan(ctx, qr.Codes[0])
		done <- linking{jid, err}
	}()
	t.Cleanup(cancel)
	return s, ana, c, done
}

// answerTo makes the answer to a request.
func answerTo(t *testing.T, p *wasim.Phone, key *types.WebAuthnPublicKey) *types.WebAuthnResponse {
	t.Helper()
	request, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := p.PasskeyAnswer(request)
	if err != nil {
		t.Fatalf("PasskeyAnswer: %v", err)
	}
	var out types.WebAuthnResponse
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

// linked waits for the end of a scan that has to succeed.
func linked(t *testing.T, c *client, done <-chan linking) types.JID {
	t.Helper()
	end := <-done
	if end.err != nil {
		t.Fatalf("link: %v", end.err)
	}
	wait[*events.AppStateSyncComplete](c, 5, nil)
	return end.jid
}

func TestPasskey(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]wasim.PasskeyOptions{
		"plain": {}, "options asked for": {NoOptions: true}, "refused once": {Refuse: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, ana, c, done := gated(t, opts)
			request := wait[*events.PairPasskeyRequest](c, 1, nil)
			answer := answerTo(t, ana, request.PublicKey)
			for range opts.Refuse {
				if err := c.SendPasskeyResponse(ctxFor(t), answer); !errors.Is(err, whatsmeow.ErrIQBadRequest) {
					t.Fatalf("SendPasskeyResponse = %v, want %v", err, whatsmeow.ErrIQBadRequest)
				}
			}
			if err := c.SendPasskeyResponse(ctxFor(t), answer); err != nil {
				t.Fatalf("SendPasskeyResponse: %v", err)
			}
			confirm := wait[*events.PairPasskeyConfirmation](c, 1, nil)
			if confirm.Code != ana.PasskeyCode() || len(confirm.Code) != 9 || !confirm.SkipHandoffUX {
				t.Errorf("confirmation = %+v, want the phone's code %q and SkipHandoffUX", confirm, ana.PasskeyCode())
			}
			if err := c.SendPasskeyConfirmation(ctxFor(t)); err != nil {
				t.Fatalf("SendPasskeyConfirmation: %v", err)
			}
			linked(t, c, done)
		})
	}
}

// The phone looks at everything in the answer.
func TestPasskeyAnswersRefused(t *testing.T) {
	t.Parallel()
	_, ana, c, done := gated(t, wasim.PasskeyOptions{})
	request := wait[*events.PairPasskeyRequest](c, 1, nil)
	for name, spoil := range map[string]func(*types.WebAuthnResponse){
		"empty":             func(r *types.WebAuthnResponse) { *r = types.WebAuthnResponse{} },
		"other credential":  func(r *types.WebAuthnResponse) { r.RawID = []byte("other") },
		"other id":          func(r *types.WebAuthnResponse) { r.ID = "other" },
		"no client data":    func(r *types.WebAuthnResponse) { r.Response.ClientDataJSON = nil },
		"short auth data":   func(r *types.WebAuthnResponse) { r.Response.AuthenticatorData = nil },
		"spoiled signature": func(r *types.WebAuthnResponse) { r.Response.Signature[10] ^= 1 },
		"another request": func(r *types.WebAuthnResponse) {
			other := *request.PublicKey
			other.Challenge = []byte("another challenge")
			*r = *answerTo(t, ana, &other)
		},
	} {
		answer := answerTo(t, ana, request.PublicKey)
		spoil(answer)
		if err := c.SendPasskeyResponse(ctxFor(t), answer); !errors.Is(err, whatsmeow.ErrIQBadRequest) {
			t.Errorf("%s: SendPasskeyResponse = %v, want %v", name, err, whatsmeow.ErrIQBadRequest)
		}
	}
	stranger := *request.PublicKey
	stranger.AllowCredentials = nil
	raw, err := json.Marshal(stranger)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ana.PasskeyAnswer(raw); !errors.Is(err, wasim.ErrNotForPasskey) {
		t.Errorf("PasskeyAnswer = %v, want %v", err, wasim.ErrNotForPasskey)
	}
	if err := c.SendPasskeyResponse(ctxFor(t), answerTo(t, ana, request.PublicKey)); err != nil {
		t.Fatalf("SendPasskeyResponse after the refusals: %v", err)
	}
	wait[*events.PairPasskeyConfirmation](c, 1, nil)
	if err := c.SendPasskeyConfirmation(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	linked(t, c, done)
}

// When the first answer leads nowhere, the second one carries no proof and
// somebody has to compare the codes.
func TestPasskeyFirstAnswerSwallowed(t *testing.T) {
	t.Parallel()
	_, ana, c, done := gated(t, wasim.PasskeyOptions{Swallow: 1})
	request := wait[*events.PairPasskeyRequest](c, 1, nil)
	for range 2 {
		if err := c.SendPasskeyResponse(ctxFor(t), answerTo(t, ana, request.PublicKey)); err != nil {
			t.Fatalf("SendPasskeyResponse: %v", err)
		}
	}
	confirm := wait[*events.PairPasskeyConfirmation](c, 1, nil)
	if confirm.SkipHandoffUX || confirm.Code != ana.PasskeyCode() {
		t.Errorf("confirmation = %+v, want code %q to be compared", confirm, ana.PasskeyCode())
	}
	if err := c.SendPasskeyConfirmation(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	linked(t, c, done)
}

func TestPasskeyErrors(t *testing.T) {
	t.Parallel()
	t.Run("unreadable options", func(t *testing.T) {
		t.Parallel()
		s, _, c, done := gated(t, wasim.PasskeyOptions{Unreadable: true})
		wait(c, 1, func(e *events.PairPasskeyError) bool { return !e.Continuation })
		s.DropAll()
		if end := <-done; !errors.Is(end.err, wasim.ErrRejected) {
			t.Errorf("Scan = %v, want %v", end.err, wasim.ErrRejected)
		}
	})
	t.Run("bad continuation", func(t *testing.T) {
		t.Parallel()
		s, ana, c, done := gated(t, wasim.PasskeyOptions{BadContinuation: true})
		request := wait[*events.PairPasskeyRequest](c, 1, nil)
		if err := c.SendPasskeyResponse(ctxFor(t), answerTo(t, ana, request.PublicKey)); err != nil {
			t.Fatal(err)
		}
		wait(c, 1, func(e *events.PairPasskeyError) bool { return e.Continuation })
		s.DropAll()
		<-done
	})
}

// A phone that falls silent, is given up, and pairs without its passkey.
func TestPasskeySilence(t *testing.T) {
	t.Parallel()
	_, ana, c, _ := gated(t, wasim.PasskeyOptions{Silent: true})
	request := wait[*events.PairPasskeyRequest](c, 1, nil)
	if err := c.SendPasskeyResponse(ctxFor(t), answerTo(t, ana, request.PublicKey)); err != nil {
		t.Fatal(err)
	}
	c.Disconnect()
	ana.DropPasskey()
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}
	qr := wait[*events.QR](c, 2, nil)
	if _, err := ana.Scan(ctxFor(t), qr.Codes[0]); err != nil {
		t.Fatalf("Scan: %v", err)
	}
	wait[*events.AppStateSyncComplete](c, 5, nil)
	if got := count[*events.PairPasskeyConfirmation](c); got != 0 {
		t.Errorf("confirmations = %d, want 0", got)
	}
}

// The step follows a typed code as well.
func TestPasskeyAfterTypedCode(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	if code := call(t, s.Control(), "POST", "/phones/5511900000001/passkey", object{}, nil); code != 200 {
		t.Fatalf("passkey = %d", code)
	}
	c, code := showCode(t, s, ana)
	done := make(chan linking, 1)
	ctx := ctxFor(t)
	go func() {
		jid, err := ana.EnterCode(ctx, code)
		done <- linking{jid, err}
	}()
	request := wait[*events.PairPasskeyRequest](c, 1, nil)
	var answer types.WebAuthnResponse
	if status := call(t, s.Control(), "POST", "/phones/5511900000001/passkeyanswer", object{"publicKey": request.PublicKey}, &answer); status != 200 {
		t.Fatalf("passkeyanswer = %d", status)
	}
	if err := c.SendPasskeyResponse(ctxFor(t), &answer); err != nil {
		t.Fatal(err)
	}
	if confirm := wait[*events.PairPasskeyConfirmation](c, 1, nil); !confirm.SkipHandoffUX {
		t.Error("the proof of the typed code was not sent")
	}
	if err := c.SendPasskeyConfirmation(ctxFor(t)); err != nil {
		t.Fatal(err)
	}
	linked(t, c, done)
}

// The other form of the refresh notification.
func TestDemandRefreshByRotation(t *testing.T) {
	t.Parallel()
	s := start(t, wasim.Config{})
	ana := s.NewPhone("5511900000001", "Ana")
	ana.DemandRefreshAs(wasim.RefreshQR)
	c := connect(t, s, nil)
	code := wait[*events.QR](c, 1, nil).Codes[0]
	for range 2 {
		if _, err := ana.Scan(ctxFor(t), code); !errors.Is(err, wasim.ErrRefreshDemanded) {
			t.Fatalf("Scan = %v, want %v", err, wasim.ErrRefreshDemanded)
		}
	}
	ana.DemandRefresh(false)
	if _, err := ana.Scan(ctxFor(t), code); err != nil {
		t.Fatalf("Scan: %v", err)
	}
	wait[*events.AppStateSyncComplete](c, 5, nil)
}
