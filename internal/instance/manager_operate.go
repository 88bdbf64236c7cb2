package instance

import "context"

// The operations of a linked or idle instance. Each is carried out by the
// instance's own goroutine.

// Rename changes the name if rev is still the stored one.
func (m *Manager) Rename(ctx context.Context, id, name string, rev uint64) (Instance, error) {
	name, err := CleanName(name)
	if err != nil {
		return Instance{}, err
	}
	return m.change(ctx, id, func(r *runner) error {
		return r.apply(ctx, func(in *Instance) error {
			if rev != 0 && in.Rev != rev {
				return ErrChanged
			}
			in.Name = name
			in.Rev++
			return nil
		})
	})
}

// Connect starts pairing or reconnects. Under way already is fine; connected
// is ErrConnected, switched off ErrSwitchedOff.
func (m *Manager) Connect(ctx context.Context, id string) (Instance, error) {
	return m.ConnectWith(ctx, id, ConnectParams{})
}

// ConnectWith is Connect with choices. A logout that WhatsApp has still to hear
// of is ErrLogoutPending. Asked for faster than Timing.Push, a retry that is
// being waited for is left alone.
func (m *Manager) ConnectWith(ctx context.Context, id string, p ConnectParams) (Instance, error) {
	return m.change(ctx, id, func(r *runner) error { return r.connect(ctx, p) })
}

// SwitchOn lets an instance connect; a linked one does so at once.
func (m *Manager) SwitchOn(ctx context.Context, id string) (Instance, error) {
	return m.change(ctx, id, func(r *runner) error { return r.switchOn(ctx) })
}

// SwitchOff disconnects an instance and keeps it so. The link is kept.
func (m *Manager) SwitchOff(ctx context.Context, id string) (Instance, error) {
	return m.change(ctx, id, func(r *runner) error { return r.switchOff(ctx) })
}

// Logout unlinks the device; legal from every state. The answer comes within
// Timing.Logout and says both halves of the truth.
func (m *Manager) Logout(ctx context.Context, id string, p LogoutParams) (LogoutResult, error) {
	r, err := m.runner(id)
	if err != nil {
		return LogoutResult{}, err
	}
	var res LogoutResult
	err = r.ask(ctx, func(answer func(error)) {
		r.startLogout(ctx, p, func(got LogoutResult, err error) {
			res = got
			answer(err)
		})
	})
	if err != nil {
		return LogoutResult{}, err
	}
	return res, nil
}
