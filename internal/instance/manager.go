package instance

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"pombal/internal/event"
	"pombal/internal/live"
	"pombal/internal/problem"
)

// Deps are what a Manager needs; all but Timing must not be nil.
type Deps struct {
	Store    Store
	Engine   Engine
	Recorder *event.Recorder
	Notify   func(signals ...string)                       // tells open pages; must not block
	Picture  func(code string) (dataURL string, err error) // draws a QR code
	Log      *slog.Logger
	Now      func() time.Time
	Timing   Timing // zero: DefaultTiming
}

// Manager is the one door to the instances: pages and API doors alike come
// through here. Everything that touches an instance's life is carried out by
// that instance's own goroutine.
type Manager struct {
	deps Deps

	mu      sync.RWMutex
	runners map[string]*runner
	closed  bool

	starting sync.WaitGroup
	halt     chan struct{}
}

// NewManager makes a Manager without instances; Start loads them.
func NewManager(deps Deps) *Manager {
	if deps.Timing == (Timing{}) {
		deps.Timing = DefaultTiming()
	}
	return &Manager{deps: deps, runners: make(map[string]*runner), halt: make(chan struct{})}
}

// Start loads the instances and begins to bring the linked ones back, the most
// recently active first and at a polite pace. It returns once they are loaded.
func (m *Manager) Start(ctx context.Context) error {
	stored, err := m.deps.Store.Instances(ctx)
	if err != nil {
		return err
	}
	var back []*runner
	for _, in := range stored {
		r := m.add(in)
		r.box.post(r.adopt)
		if in.State == Active && (in.Linked() || in.Candidate != "") {
			back = append(back, r)
		}
	}
	slices.SortStableFunc(back, func(a, b *runner) int {
		return b.snap.Load().UpdatedAt.Compare(a.snap.Load().UpdatedAt)
	})
	m.starting.Go(func() { m.bringBack(back) })
	return nil
}

func (m *Manager) bringBack(runners []*runner) {
	pace := time.NewTicker(m.deps.Timing.StartEvery)
	defer pace.Stop()
	for i, r := range runners {
		if i >= m.deps.Timing.StartBurst {
			select {
			case <-pace.C:
			case <-m.halt:
				return
			}
		}
		r.box.post(r.resume)
	}
}

// Close ends all sessions and waits for every goroutine. What is stored stays,
// so that a restart brings the linked instances back.
func (m *Manager) Close() {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return
	}
	m.closed = true
	close(m.halt)
	runners := make([]*runner, 0, len(m.runners))
	for _, r := range m.runners {
		runners = append(runners, r)
	}
	m.mu.Unlock()
	m.starting.Wait()
	var all sync.WaitGroup
	for _, r := range runners {
		all.Go(r.stop)
	}
	all.Wait()
}

func (m *Manager) add(in Instance) *runner {
	r := newRunner(&m.deps, in)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		r.box.close()
		close(r.done)
		return r
	}
	m.runners[in.ID] = r
	go r.run()
	return r
}

func (m *Manager) runner(id string) (*runner, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.closed {
		return nil, ErrShuttingDown
	}
	r := m.runners[id]
	if r == nil {
		return nil, ErrNotFound
	}
	return r, nil
}

// List gives the living instances by name.
func (m *Manager) List(context.Context) ([]Instance, error) {
	m.mu.RLock()
	list := make([]Instance, 0, len(m.runners))
	for _, r := range m.runners {
		list = append(list, *r.snap.Load())
	}
	m.mu.RUnlock()
	slices.SortFunc(list, func(a, b Instance) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(a.ID, b.ID))
	})
	return list, nil
}

// Get finds a living instance; ErrNotFound.
func (m *Manager) Get(_ context.Context, id string) (Instance, error) {
	r, err := m.runner(id)
	if err != nil {
		return Instance{}, err
	}
	return *r.snap.Load(), nil
}

// Business gives a tenant.
func (m *Manager) Business(ctx context.Context, id string) (Business, error) {
	return m.deps.Store.Business(ctx, id)
}

// EnsureBusiness makes the first tenant when there is none.
func (m *Manager) EnsureBusiness(ctx context.Context, name string) error {
	all, err := m.deps.Store.Businesses(ctx)
	if err != nil || len(all) > 0 {
		return err
	}
	id, err := event.NewID()
	if err != nil {
		return err
	}
	return m.deps.Store.CreateBusiness(ctx, Business{ID: id, Name: name, CreatedAt: m.deps.Now()})
}

// Create makes an instance; nothing connects yet. problem.Invalid names the
// fields "name" and "externalId"; ErrNameTaken, ErrIDTaken.
func (m *Manager) Create(ctx context.Context, p CreateParams) (Instance, error) {
	in, err := m.draft(ctx, p)
	if err != nil {
		return Instance{}, err
	}
	events, err := m.deps.Store.CreateInstance(ctx, in)
	if err != nil {
		return Instance{}, err
	}
	m.add(in)
	m.deps.Recorder.Recorded(events)
	m.deps.Notify(live.SignalInstances)
	return in, nil
}

func (m *Manager) draft(ctx context.Context, p CreateParams) (Instance, error) {
	id, idErr := event.NewID()
	token, tokenErr := event.NewID()
	if err := errors.Join(idErr, tokenErr); err != nil {
		return Instance{}, err
	}
	name, err := cleanName(p.Name)
	if p.Name == "" && p.AutoName {
		name, err = "instance-"+id[len(id)-8:], nil
	}
	if err != nil {
		return Instance{}, err
	}
	if p.ID != "" {
		if id, err = cleanID(p.ID); err != nil {
			return Instance{}, err
		}
	}
	if p.BusinessID == "" {
		all, err := m.deps.Store.Businesses(ctx)
		if err != nil {
			return Instance{}, err
		}
		if len(all) == 0 {
			return Instance{}, problem.New(problem.Unavailable, "error.unavailable")
		}
		p.BusinessID = all[0].ID
	}
	now := m.deps.Now()
	return Instance{
		ID: id, Name: name, BusinessID: p.BusinessID, State: Active,
		Status: Status{Phase: PhaseNew, Since: now}, Token: Token{ID: token, IssuedAt: now, UpdatedAt: now},
		CreatedAt: now, UpdatedAt: now, Rev: 1,
	}, nil
}

// Rename changes the name if rev is still the stored one.
func (m *Manager) Rename(ctx context.Context, id, name string, rev uint64) (Instance, error) {
	name, err := cleanName(name)
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
	return m.change(ctx, id, func(r *runner) error { return r.connect(ctx) })
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

// SwitchOn lets an instance connect; a linked one does so at once.
func (m *Manager) SwitchOn(ctx context.Context, id string) (Instance, error) {
	return m.change(ctx, id, func(r *runner) error { return r.switchOn(ctx) })
}

// SwitchOff disconnects an instance and keeps it so. The link is kept.
func (m *Manager) SwitchOff(ctx context.Context, id string) (Instance, error) {
	return m.change(ctx, id, func(r *runner) error { return r.switchOff(ctx) })
}

// Logout unlinks the device; legal from every state. The answer comes within
// twice the limit of Timing.Logout and says both halves of the truth.
func (m *Manager) Logout(ctx context.Context, id string, p LogoutParams) (LogoutResult, error) {
	r, err := m.runner(id)
	if err != nil {
		return LogoutResult{}, err
	}
	var res LogoutResult
	answer := make(chan error, 1)
	posted := r.box.post(func() {
		r.startLogout(p, func(got LogoutResult, err error) {
			res = got
			answer <- err
		})
	})
	if !posted {
		return LogoutResult{}, ErrShuttingDown
	}
	if err := r.wait(ctx, answer); err != nil {
		return LogoutResult{}, err
	}
	return res, nil
}

// Delete removes an instance and the keys of its device for good.
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
	if err := r.do(ctx, func() error { return r.remove(ctx) }); err != nil {
		return err
	}
	m.mu.Lock()
	delete(m.runners, id)
	m.mu.Unlock()
	r.stop()
	m.deps.Notify(live.SignalInstances, live.SignalInstance(id))
	return nil
}

func (m *Manager) change(ctx context.Context, id string, fn func(*runner) error) (Instance, error) {
	r, err := m.runner(id)
	if err != nil {
		return Instance{}, err
	}
	if err := r.do(ctx, func() error { return fn(r) }); err != nil {
		return Instance{}, err
	}
	return *r.snap.Load(), nil
}
