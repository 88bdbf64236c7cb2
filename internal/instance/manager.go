package instance

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	Clock    Clock  // nil: the system's, with Now
	Timing   Timing // zero: DefaultTiming
	Pace     Pace   // zero: DefaultPace
}

// shared is what all runners have in common.
type shared struct {
	Deps
	clock   Clock
	starts  lane // of connections at start
	dials   lane // of connections that nobody waits for
	urgents lane // of those that somebody waits for
	story   *chronicle
	rescues atomic.Int64 // times the watchdog had to act
}

// Manager is the one door to the instances: pages and API doors alike come
// through here. Everything that touches an instance's life is carried out by
// that instance's own goroutine.
type Manager struct {
	deps *shared

	mu       sync.RWMutex
	runners  map[string]*runner
	closed   bool
	watching Timer
	starting sync.WaitGroup // moves that an earlier process did not end
}

// NewManager makes a Manager without instances; Start loads them.
func NewManager(deps Deps) *Manager {
	if deps.Timing == (Timing{}) {
		deps.Timing = DefaultTiming()
	}
	t := deps.Timing
	s := &shared{
		Deps: deps, clock: deps.Clock,
		starts:  lane{every: t.StartEvery, burst: t.StartBurst},
		dials:   lane{every: t.DialEvery, burst: t.DialBurst},
		urgents: lane{every: t.UrgentEvery, burst: t.UrgentBurst},
	}
	if s.clock == nil {
		s.clock = systemClock{now: deps.Now}
	}
	s.Now = s.clock.Now
	s.story = newChronicle(func(moments []Moment) {
		if err := s.Store.AppendTimeline(context.Background(), moments); err != nil {
			s.Log.Error("store the timeline", "error", err)
		}
	})
	return &Manager{deps: s, runners: make(map[string]*runner)}
}

// Start loads the instances and begins to bring the linked ones back, the most
// recently active first and at a polite pace. It returns once they are loaded.
func (m *Manager) Start(ctx context.Context) error {
	stored, err := m.deps.Store.Instances(ctx)
	if err != nil {
		return err
	}
	var back, moving []*runner
	for _, in := range stored {
		r := m.add(in)
		r.box.post(r.adopt)
		if in.Leaving != nil {
			moving = append(moving, r)
		}
		if in.Linked() || in.Candidate != "" {
			back = append(back, r)
		}
	}
	slices.SortStableFunc(back, func(a, b *runner) int {
		return b.snap.Load().UpdatedAt.Compare(a.snap.Load().UpdatedAt)
	})
	m.deps.Engine.OnVersion(func() { m.each(func(r *runner) { r.box.post(r.retryOutdated) }) })
	m.watch()
	if len(moving) == 0 {
		m.bringBack(back)
		return nil
	}
	m.starting.Go(func() {
		m.finishMoves(moving)
		m.bringBack(back)
	})
	return nil
}

// bringBack gives each runner its place in the lane.
func (m *Manager) bringBack(runners []*runner) {
	now := m.deps.Now()
	for _, r := range runners {
		if in := r.snap.Load(); in.State != Active && in.Logout == nil {
			continue
		}
		wait := m.deps.starts.reserve(now)
		r.box.post(func() { r.resume(wait) })
	}
}

// each calls fn for every living instance.
func (m *Manager) each(fn func(*runner)) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, r := range m.runners {
		fn(r)
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
	if m.watching != nil {
		m.watching.Stop()
	}
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
	m.deps.story.flush()
}

func (m *Manager) add(in Instance) *runner {
	r := newRunner(m.deps, in)
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
		list = append(list, r.instance())
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
	return r.instance(), nil
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
	} else if _, err := m.deps.Store.Business(ctx, p.BusinessID); err != nil {
		return Instance{}, err
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
	return m.ConnectWith(ctx, id, ConnectParams{})
}

// ConnectWith is Connect with choices. A logout that WhatsApp has still to hear
// of is ErrLogoutPending. Asked for faster than Timing.Push, a retry that is
// being waited for is left alone.
func (m *Manager) ConnectWith(ctx context.Context, id string, p ConnectParams) (Instance, error) {
	return m.change(ctx, id, func(r *runner) error { return r.connect(ctx, p) })
}

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
	m.deps.story.flush()
	if err := m.deps.Store.DeleteTimeline(ctx, id); err != nil {
		m.deps.Log.Error("delete the timeline of a deleted instance", "instance", id, "error", err)
	}
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
	return r.instance(), nil
}
