package webtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"pombal/internal/instance"
	"pombal/internal/problem"
)

// Instances is a web.Instances in memory.
type Instances struct {
	typed    map[string]instance.TypedCode
	passkeys map[string]instance.Passkey

	mu      sync.Mutex
	clock   *Clock
	items   map[string]instance.Instance
	pairing map[string]instance.Pairing
	calls   []string
	next    int
	reads   []instance.Read
	actors  []string

	businesses map[string]instance.Business

	panics any

	// Err is what every method with an error answers with.
	Err error
	// LogoutFunc replaces Logout.
	LogoutFunc func(id string, p instance.LogoutParams) (instance.LogoutResult, error)
}

// NewInstances makes an empty store of instances.
func NewInstances(clock *Clock) *Instances {
	return &Instances{
		clock: clock, items: make(map[string]instance.Instance), pairing: make(map[string]instance.Pairing),
	}
}

// Put stores an instance as it is, with sensible values where it has none.
func (f *Instances) Put(in instance.Instance) instance.Instance {
	f.mu.Lock()
	defer f.mu.Unlock()
	if in.State == "" {
		in.State = instance.Active
	}
	if in.Status.Phase == "" {
		in.Status = instance.Status{Phase: instance.PhaseNew, Since: f.clock.Now()}
	}
	if in.BusinessID == "" {
		in.BusinessID = "b1"
	}
	if in.CreatedAt.IsZero() {
		in.CreatedAt, in.UpdatedAt = f.clock.Now(), f.clock.Now()
	}
	if in.Token.ID == "" {
		in.Token = instance.Token{ID: "t-" + in.ID, IssuedAt: f.clock.Now(), UpdatedAt: f.clock.Now()}
	}
	if in.Rev == 0 {
		in.Rev = 1
	}
	f.items[in.ID] = in
	return in
}

// Show puts a code on the screen of an instance.
func (f *Instances) Show(id string, p instance.Pairing) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pairing[id] = p
}

// Hide takes the code away.
func (f *Instances) Hide(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pairing, id)
}

// Calls are the changes that were asked for, such as "logout i1".
func (f *Instances) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Actors lists who did what the timeline would tell of, such as "connect by
// link".
func (f *Instances) Actors() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.actors)
}

// acts notes who does something.
func (f *Instances) acts(ctx context.Context, what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.actors = append(f.actors, what+" by "+instance.ActorOf(ctx))
}

// SetPanic makes List panic with value; nil makes it work again.
func (f *Instances) SetPanic(value any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.panics = value
}

// find is called with the lock held.
func (f *Instances) find(id string) (instance.Instance, error) {
	if f.Err != nil {
		return instance.Instance{}, f.Err
	}
	in, found := f.items[id]
	if !found {
		return in, instance.ErrNotFound
	}
	return in, nil
}

// List gives the instances by name.
func (f *Instances) List(context.Context) ([]instance.Instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panics != nil {
		panic(f.panics)
	}
	if f.Err != nil {
		return nil, f.Err
	}
	var all []instance.Instance
	for _, in := range f.items {
		all = append(all, in)
	}
	slices.SortFunc(all, func(a, b instance.Instance) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Get finds an instance.
func (f *Instances) Get(_ context.Context, id string) (instance.Instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.find(id)
}

// checkName is called with the lock held.
func (f *Instances) checkName(id, name string) error {
	if name == "" || len(name) > 64 {
		return problem.InvalidField("name", "error.name")
	}
	for _, in := range f.items {
		if in.ID != id && strings.EqualFold(in.Name, name) {
			return instance.ErrNameTaken
		}
	}
	return nil
}

// Create makes an instance.
func (f *Instances) Create(_ context.Context, p instance.CreateParams) (instance.Instance, error) {
	f.mu.Lock()
	if f.Err != nil {
		f.mu.Unlock()
		return instance.Instance{}, f.Err
	}
	err := f.checkName("", p.Name)
	if p.Name == "" && p.AutoName {
		err = nil
	}
	f.next++
	id := fmt.Sprintf("new-%d", f.next)
	f.calls = append(f.calls, "create "+p.Name)
	f.mu.Unlock()
	if err != nil {
		return instance.Instance{}, err
	}
	if p.Name == "" {
		p.Name = "instance-" + id
	}
	if p.ID != "" {
		id = p.ID
	}
	return f.Put(instance.Instance{ID: id, Name: p.Name, BusinessID: p.BusinessID}), nil
}

// change applies fn to an instance and notes the call.
func (f *Instances) change(call, id string, fn func(*instance.Instance) error) (instance.Instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	in, err := f.find(id)
	if err != nil {
		return in, err
	}
	f.calls = append(f.calls, call+" "+id)
	if err := fn(&in); err != nil {
		return in, err
	}
	f.items[id] = in
	return in, nil
}

// Rename changes the name.
func (f *Instances) Rename(_ context.Context, id, name string, rev uint64) (instance.Instance, error) {
	return f.change("rename", id, func(in *instance.Instance) error {
		if rev != 0 && rev != in.Rev {
			return instance.ErrChanged
		}
		if err := f.checkName(id, name); err != nil {
			return err
		}
		in.Name = name
		in.Rev++
		return nil
	})
}

// Connect shows a code at once.
func (f *Instances) Connect(ctx context.Context, id string) (instance.Instance, error) {
	f.acts(ctx, "connect")
	return f.change("connect", id, func(in *instance.Instance) error {
		if in.Status.Phase == instance.PhaseConnected {
			return instance.ErrConnected
		}
		in.Status.Phase = instance.PhaseQR
		f.pairing[id] = instance.Pairing{
			Code: "https://wa.me/settings/linked_devices#code-1", ShownAt: f.clock.Now(),
			ExpiresAt: f.clock.Now().Add(time.Minute), Number: 1, Of: 6, Round: 1, Seq: 1,
		}
		return nil
	})
}

// CancelPairing takes the code away.
func (f *Instances) CancelPairing(_ context.Context, id string) error {
	_, err := f.change("cancel", id, func(in *instance.Instance) error {
		in.Status.Phase = instance.PhaseNew
		delete(f.pairing, id)
		return nil
	})
	return err
}

// Pairing gives the code on the screen.
func (f *Instances) Pairing(id string) (instance.Pairing, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, found := f.pairing[id]
	return p, found
}

// SwitchOn makes an instance active.
func (f *Instances) SwitchOn(_ context.Context, id string) (instance.Instance, error) {
	return f.change("on", id, func(in *instance.Instance) error { in.State = instance.Active; return nil })
}

// SwitchOff makes an instance inactive.
func (f *Instances) SwitchOff(_ context.Context, id string) (instance.Instance, error) {
	return f.change("off", id, func(in *instance.Instance) error { in.State = instance.Inactive; return nil })
}

// Logout unlinks an instance.
func (f *Instances) Logout(ctx context.Context, id string, p instance.LogoutParams) (instance.LogoutResult, error) {
	f.acts(ctx, "logout")
	if f.LogoutFunc != nil {
		return f.LogoutFunc(id, p)
	}
	res := instance.LogoutResult{}
	in, err := f.change("logout", id, func(in *instance.Instance) error {
		if p.RequireConnected && !in.Status.Phase.Online() {
			return instance.ErrNotConnected
		}
		res.WasLinked, res.EndedPairing = in.Linked(), in.Status.Phase.Pairing()
		res.Unlinked, res.Erased = in.Linked(), in.Linked()
		if in.WhatsApp != nil {
			wa := *in.WhatsApp
			wa.Device = ""
			in.WhatsApp = &wa
		}
		in.Status.Phase = instance.PhaseLoggedOut
		delete(f.pairing, id)
		return nil
	})
	res.Instance = in
	return res, err
}

// Delete removes an instance.
func (f *Instances) Delete(_ context.Context, id string, _ instance.DeleteParams) error {
	_, err := f.change("delete", id, func(*instance.Instance) error { return nil })
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.items, id)
	return nil
}

// Linked is a linked, connected account.
func Linked(phone string) *instance.WhatsApp {
	return &instance.WhatsApp{
		ID: "w-" + phone, Device: phone + ":1@s.whatsapp.net", JID: phone + "@s.whatsapp.net", PushName: "Shop Front",
		LinkedAt: time.Date(2026, 3, 2, 9, 20, 11, 482e6, time.UTC),
	}
}

// Connected is the status of a connected instance.
func Connected() instance.Status {
	return instance.Status{Phase: instance.PhaseConnected, Since: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
}
