package instance

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pombal/internal/event"
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
	Clock    Clock // nil: the system's, with Now
	// Storage says why nothing can be stored now; nil when it can, or nil for
	// never asking.
	Storage func() error
	Timing  Timing // zero: DefaultTiming
	Pace    Pace   // zero: DefaultPace
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
	m.eraseOrphans(ctx, stored)
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
	// An instance is large and sorting moves it often, so names are sorted.
	type named struct {
		name string // in lower case
		r    *runner
	}
	m.mu.RLock()
	order := make([]named, 0, len(m.runners))
	for _, r := range m.runners {
		order = append(order, named{strings.ToLower(r.snap.Load().Name), r})
	}
	m.mu.RUnlock()
	slices.SortFunc(order, func(a, b named) int {
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.r.id, b.r.id))
	})
	list := make([]Instance, len(order))
	for i, n := range order {
		list[i] = n.r.instance()
	}
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

func (m *Manager) change(ctx context.Context, id string, fn func(*runner) error) (Instance, error) {
	r, err := m.runner(id)
	if err != nil {
		return Instance{}, err
	}
	err = r.do(ctx, func() error {
		defer r.by(ActorOf(ctx))()
		return fn(r)
	})
	if err != nil {
		return Instance{}, err
	}
	return r.instance(), nil
}
