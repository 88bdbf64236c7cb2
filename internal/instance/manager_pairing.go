package instance

import "context"

// The operations of linking: codes to scan or to type, and the passkey step.

// RequestCode asks WhatsApp for a code that is typed on the phone with that
// number, connecting first where need be, and waits for it. The code dies with
// its connection and is not renewed. problem.Invalid names the field "phone";
// problem.TooMany says when to ask again; ErrConnected, ErrLinked,
// ErrSwitchedOff, ErrPasskeyOpen, ErrLogoutPending, ErrPairingEnded,
// ErrWhatsAppSilent.
func (m *Manager) RequestCode(ctx context.Context, id, phone string) (TypedCode, error) {
	phone, err := cleanPhone(phone)
	if err != nil {
		return TypedCode{}, err
	}
	r, err := m.runner(id)
	if err != nil {
		return TypedCode{}, err
	}
	var code TypedCode
	err = r.ask(ctx, func(answer func(error)) {
		r.requestCode(ctx, phone, func(got TypedCode, err error) {
			code = got
			answer(err)
		})
	})
	if err != nil {
		return TypedCode{}, err
	}
	return code, nil
}

// TypedCode gives the pairing code that is on the screen now.
func (m *Manager) TypedCode(id string) (TypedCode, bool) {
	r, err := m.runner(id)
	if err != nil {
		return TypedCode{}, false
	}
	c := r.typed.Load()
	if c == nil || r.snap.Load().Status.Phase != PhaseCode || !m.deps.Now().Before(c.ExpiresAt) {
		return TypedCode{}, false
	}
	return *c, true
}

// Passkey gives the passkey step that is under way.
func (m *Manager) Passkey(id string) (Passkey, bool) {
	r, err := m.runner(id)
	if err != nil {
		return Passkey{}, false
	}
	p := r.passkey.Load()
	if p == nil || !m.deps.Now().Before(p.ExpiresAt) {
		return Passkey{}, false
	}
	return *p, true
}

// AnswerPasskey sends the answer to the passkey step, JSON as WebAuthn writes
// it. It is checked first: problem.Invalid names the field "answer" and what is
// wrong with it. It may be tried again. ErrNoPasskey, ErrWhatsAppSilent.
func (m *Manager) AnswerPasskey(ctx context.Context, id string, answer []byte) error {
	r, err := m.runner(id)
	if err != nil {
		return err
	}
	return r.ask(ctx, func(done func(error)) { r.answerPasskey(answer, done) })
}

// ConfirmPasskey says that the phone shows the same code as Passkey.Code. Only
// needed while Passkey.Confirm is set; ErrNoPasskey.
func (m *Manager) ConfirmPasskey(ctx context.Context, id string) error {
	r, err := m.runner(id)
	if err != nil {
		return err
	}
	return r.ask(ctx, func(done func(error)) { r.confirmPasskey(done) })
}

// CancelPairing takes the code off the screen; fine when there is none.
func (m *Manager) CancelPairing(ctx context.Context, id string) error {
	_, err := m.change(ctx, id, func(r *runner) error {
		r.cancelPairing()
		return nil
	})
	return err
}

// Pairing gives the code that is on the screen now. Asking counts as looking,
// which keeps codes being renewed.
func (m *Manager) Pairing(id string) (Pairing, bool) {
	if r, err := m.runner(id); err == nil {
		r.look()
	}
	return m.Peek(id)
}

// Peek is Pairing without counting as a look.
func (m *Manager) Peek(id string) (Pairing, bool) {
	r, err := m.runner(id)
	if err != nil {
		return Pairing{}, false
	}
	p := r.pairing.Load()
	if p == nil || !m.deps.Now().Before(p.ExpiresAt) {
		return Pairing{}, false
	}
	return *p, true
}
