package webtest

import (
	"context"
	"time"

	"pombal/internal/instance"
	"pombal/internal/problem"
)

// TypeCode puts a pairing code on the screen.
func (f *Instances) TypeCode(id string, c instance.TypedCode) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.typed == nil {
		f.typed = make(map[string]instance.TypedCode)
	}
	f.typed[id] = c
}

// AskPasskey puts a passkey step on the screen.
func (f *Instances) AskPasskey(id string, p instance.Passkey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.passkeys == nil {
		f.passkeys = make(map[string]instance.Passkey)
	}
	f.passkeys[id] = p
}

// ConnectWith starts pairing.
func (f *Instances) ConnectWith(ctx context.Context, id string, p instance.ConnectParams) (instance.Instance, error) {
	if p.ReplaceNumber {
		return f.change("replace", id, func(*instance.Instance) error { return nil })
	}
	return f.Connect(ctx, id)
}

// RequestCode gives a code for numbers of digits.
func (f *Instances) RequestCode(ctx context.Context, id, phone string) (instance.TypedCode, error) {
	f.acts(ctx, "code")
	if len(phone) < 7 {
		return instance.TypedCode{}, problem.InvalidField("phone", "error.phone_invalid")
	}
	_, err := f.change("code", id, func(in *instance.Instance) error { in.Status.Phase = instance.PhaseCode; return nil })
	if err != nil {
		return instance.TypedCode{}, err
	}
	now := f.clock.Now()
	c := instance.TypedCode{Code: "K7QD2MXA", Phone: phone, ShownAt: now, ExpiresAt: now.Add(160 * time.Second), Seq: 7}
	f.TypeCode(id, c)
	return c, nil
}

// TypedCode gives the code on the screen.
func (f *Instances) TypedCode(id string) (instance.TypedCode, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, found := f.typed[id]
	return c, found
}

// Passkey gives the passkey step on the screen.
func (f *Instances) Passkey(id string) (instance.Passkey, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, found := f.passkeys[id]
	return p, found
}

// AnswerPasskey takes every answer that is an object.
func (f *Instances) AnswerPasskey(_ context.Context, id string, answer []byte) error {
	if len(answer) == 0 || answer[0] != '{' {
		return problem.InvalidField("answer", "error.passkey_json")
	}
	_, err := f.change("passkey", id, func(*instance.Instance) error { return nil })
	return err
}

// ConfirmPasskey is noted as a call.
func (f *Instances) ConfirmPasskey(_ context.Context, id string) error {
	_, err := f.change("passkey-confirm", id, func(*instance.Instance) error { return nil })
	return err
}

// Timeline is one moment: the instance is as it is.
func (f *Instances) Timeline(_ context.Context, id string, _ int) ([]instance.Moment, error) {
	in, err := f.find(id)
	if err != nil {
		return nil, err
	}
	return []instance.Moment{{
		InstanceID: id, At: f.clock.Now(), Kind: instance.MomentPhase, Phase: in.Status.Phase, Actor: instance.ActorPhone,
	}}, nil
}

// Availability is half of the span.
func (f *Instances) Availability(_ context.Context, _ string, window time.Duration, slots int) (instance.Availability, error) {
	return instance.Availability{Window: window, Online: window / 2, Wanted: window, Bar: make([]instance.Slot, slots)}, nil
}
