package whatsapp

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"pombal/internal/instance"
)

// displayName is how a client that links by a typed code calls itself. The
// server answers 400 to anything but a common browser and system.
const displayName = "Chrome (Linux)"

// noticeRefresh is the notification by which WhatsApp retires the secret of the
// codes on the screen, in the field since July 2026. The library does not know
// it yet: it writes a debug line and no more.
const noticeRefresh = "companion_reg_refresh"

// RequestCode asks for a pairing code; see instance.Session.
func (s *session) RequestCode(ctx context.Context, phone string) (string, error) {
	code, err := s.client.PairPhone(ctx, phone, true, whatsmeow.PairClientChrome, displayName)
	return code, answered(err)
}

// AnswerPasskey sends the answer to a passkey request; see instance.Session.
func (s *session) AnswerPasskey(ctx context.Context, answer []byte) error {
	var resp types.WebAuthnResponse
	if err := json.Unmarshal(answer, &resp); err != nil {
		return fmt.Errorf("read the passkey's answer: %w", err)
	}
	return answered(s.client.SendPasskeyResponse(ctx, &resp))
}

// ConfirmPasskey goes on after the passkey was accepted; see instance.Session.
func (s *session) ConfirmPasskey(ctx context.Context) error {
	return answered(s.client.SendPasskeyConfirmation(ctx))
}

// answered tells WhatsApp's refusals from silence.
func answered(err error) error {
	var iq *whatsmeow.IQError
	if errors.As(err, &iq) {
		return &instance.ServerError{Code: iq.Code, Err: err}
	}
	return err
}

// notice hears of notifications that the library does not know.
func (s *session) notice(kind any) {
	if kind != noticeRefresh || s.own.Load() != nil {
		return
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never returns an error
	// This runs on the goroutine that also draws codes and checks proofs, so
	// nothing can come between.
	s.client.Store.AdvSecretKey = secret
	s.params.Sink.Signal(instance.SignalSecret{Secret: base64.StdEncoding.EncodeToString(secret)})
}

// passkey turns the request for a passkey into a signal.
func (s *session) passkey(e *events.PairPasskeyRequest) instance.Signal {
	request, err := json.Marshal(e.PublicKey)
	if err != nil {
		return instance.SignalPasskeyFailed{Detail: "unreadable request"}
	}
	return instance.SignalPasskey{Request: request}
}

// passkeyDetail says in a word where the passkey step failed.
func passkeyDetail(e *events.PairPasskeyError) string {
	if e.Continuation {
		return "continuation"
	}
	return "request"
}
