package instance

import (
	"context"
	"fmt"

	"pombal/internal/live"
)

// Deleting an instance must leave no keys behind: a device that no instance
// knows of could read the account's messages, and nobody could take it off.

// Delete removes an instance and the keys of its device for good. It waits for
// a phone that is just being linked, a few seconds at most, and deletes that
// link with the rest.
func (m *Manager) Delete(ctx context.Context, id string, p DeleteParams) error {
	if p.Logout {
		if _, err := m.Logout(ctx, id, LogoutParams{}); err != nil {
			return err
		}
	}
	r, err := m.runner(id)
	if err != nil {
		return err
	}
	// From here on the caller's leaving must not stop it half way.
	ctx = context.WithoutCancel(ctx)
	if err := r.ask(ctx, func(answer func(error)) { r.remove(ctx, p, answer) }); err != nil {
		return err
	}
	m.mu.Lock()
	delete(m.runners, id)
	m.mu.Unlock()
	r.stop()
	m.deps.story.flush()
	if err := m.deps.Store.DeleteTimeline(ctx, id); err != nil {
		m.deps.Log.Error("delete the timeline of a deleted instance", "instance", id, "error", err)
	}
	m.deps.Notify(live.SignalInstances, live.SignalInstance(id))
	return nil
}

// remove deletes the instance once no phone can accept any more; the runner is
// stopped by its Manager then. A phone that accepted in the last moment is
// logged out if the rest was.
func (r *runner) remove(ctx context.Context, p DeleteParams, done func(error)) {
	r.removing = true
	r.blank()
	r.dropWish(ErrNotFound)
	r.retire()
	r.whenSettled(func() {
		switch {
		case !r.in.DeletedAt.IsZero(): // by another caller
			done(ErrNotFound)
		case p.Logout && r.in.Linked():
			r.startLogout(ctx, LogoutParams{}, func(LogoutResult, error) { r.remove(ctx, DeleteParams{}, done) })
		case r.sess != nil: // somebody asked for a connection meanwhile
			r.remove(ctx, p, done)
		default:
			r.removing = false
			r.retire() // nor is anything to be opened
			done(r.erase(ctx))
		}
	})
}

// whenSettled runs fn once no phone can accept on an earlier session.
func (r *runner) whenSettled(fn func()) {
	if r.unsettled == 0 {
		fn()
		return
	}
	r.onceSettled = append(r.onceSettled, fn)
}

// erase erases all keys of the instance and stores that it is deleted.
func (r *runner) erase(ctx context.Context) error {
	for _, device := range r.in.devices() {
		if err := r.deps.Engine.Erase(ctx, device); err != nil {
			return fmt.Errorf("erase the keys of a deleted instance: %w", err)
		}
	}
	return r.apply(ctx, func(in *Instance) error {
		in.DeletedAt = r.deps.Now()
		in.Status = Status{Phase: PhaseStopped, Since: in.DeletedAt, Reason: ReasonOperator}
		unlink(in, "")
		in.Forget = ""
		return nil
	})
}

// devices are those whose keys the instance answers for. An account on its way
// to another instance is that one's, or about to be.
func (in Instance) devices() []string {
	var list []string
	if in.Linked() {
		list = append(list, in.WhatsApp.Device)
	}
	for _, device := range []string{in.Candidate, in.Forget} {
		if device != "" {
			list = append(list, device)
		}
	}
	return list
}

// eraseOrphans erases keys that none of the instances knows of, such as those
// of a link that was made while its instance was being deleted by a process
// that ended at that moment.
func (m *Manager) eraseOrphans(ctx context.Context, all []Instance) {
	kept, err := m.deps.Engine.Devices(ctx)
	if err != nil {
		m.deps.Log.Error("list the linked devices", "error", err)
		return
	}
	known := make(map[string]bool, len(kept))
	for _, in := range all {
		for _, device := range in.devices() {
			known[device] = true
		}
		if in.Leaving != nil {
			known[in.Leaving.Account.Device] = true
		}
	}
	for _, device := range kept {
		if known[device] {
			continue
		}
		if err := m.deps.Engine.Erase(ctx, device); err != nil {
			m.deps.Log.Error("erase keys that no instance knows of", "device", device, "error", err)
			continue
		}
		m.deps.Log.Warn("erased keys that no instance knows of; the phone may still list the device", "device", device)
	}
}
