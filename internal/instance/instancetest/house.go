// Package instancetest builds a whole house for tests: the real WhatsApp
// library on a real data file, against the stand-in network, with an instance
// manager on top. Nothing is mocked.
package instancetest

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/instance/statetest"
	"pombal/internal/store"
	"pombal/internal/store/storetest"
	"pombal/internal/wasim"
	"pombal/internal/wastore"
	"pombal/internal/whatsapp"
)

// limit is how long a test waits for something that must happen. A first login
// alone may take a third of it on a machine that is busy with much else.
const limit = time.Minute

// root is shared by all servers of a test binary: the library keeps one Noise
// root key for the process.
var root = sync.OnceValue(wasim.NewRoot)

// House is everything below the pages.
type House struct {
	T       testing.TB
	Network *wasim.Server
	Path    string // of the data file
	Store   *store.DB
	Keys    *wastore.Container
	Engine  *whatsapp.Engine
	Manager *instance.Manager
	Timing  instance.Timing
	Pace    instance.Pace
	Log     *slog.Logger
	// Astray, when set, spoils the way to the network at the next Start.
	Astray func(*whatsapp.Endpoint)

	mu      sync.Mutex
	changed chan struct{}
	after   func([]event.Event)
	storing func()
	asked   func(event.Type, bool)
	clock   instance.Clock
}

// QuickTiming is DefaultTiming without the politeness, so that tests need not
// wait, and patient with a machine that is slow to log in or out.
func QuickTiming() instance.Timing {
	t := instance.DefaultTiming()
	t.BackoffStep = 20 * time.Millisecond
	t.BackoffMax = 200 * time.Millisecond
	t.Steady = time.Nanosecond
	t.Logout, t.PairedLogin = limit, limit
	t.StartEvery, t.DialEvery, t.UrgentEvery, t.Push = 0, 0, 0, 0
	t.FlapFree = 1 << 20
	t.Announce = 0
	t.RetryStore = 10 * time.Millisecond
	return t
}

// QuickPace is DefaultPace without the politeness, and as patient as QuickTiming.
func QuickPace() instance.Pace {
	p := instance.DefaultPace()
	p.Every, p.NewEvery, p.Limit = time.Microsecond, time.Microsecond, limit
	return p
}

// Options change a House from its defaults.
type Options struct {
	Timing *instance.Timing
	Clock  instance.Clock      // nil: the system's
	Pace   instance.Pace       // zero: so fast that no test waits
	Log    *slog.Logger        // nil: silence
	After  func([]event.Event) // hears of recorded events
	// Storing is called before the keys of a device that is being linked are
	// stored, by the library, which waits for it.
	Storing func()
	// Asked hears of each question whether a webhook wants a type, once it is
	// answered.
	Asked func(t event.Type, wanted bool)

	Network *wasim.Server // nil: one of its own
	Path    string        // of the data file; empty: in a temporary folder
}

// New builds a house and starts it. It is closed at the end of the test.
func New(t testing.TB, opts Options) *House {
	t.Helper()
	if opts.Network == nil {
		network, err := wasim.Start(wasim.Config{Root: root()})
		if err != nil {
			t.Fatalf("start the stand-in network: %v", err)
		}
		t.Cleanup(func() { _ = network.Close() })
		opts.Network = network
	}
	if opts.Path == "" {
		opts.Path = filepath.Join(t.TempDir(), "pombal.db")
	}
	h := &House{
		T: t, Network: opts.Network, Path: opts.Path, Timing: QuickTiming(),
		changed: make(chan struct{}), after: opts.After, storing: opts.Storing, asked: opts.Asked, clock: opts.Clock,
	}
	if opts.Timing != nil {
		h.Timing = *opts.Timing
	}
	if h.Pace = opts.Pace; h.Pace == (instance.Pace{}) {
		h.Pace = QuickPace()
	}
	if h.Log = opts.Log; h.Log == nil {
		h.Log = slog.New(slog.DiscardHandler)
	}
	h.Start()
	t.Cleanup(h.Stop)
	return h
}

// Start opens the data file and starts the manager; Stop is its opposite. A
// test that calls both in turn restarts the product.
func (h *House) Start() {
	h.T.Helper()
	db, err := store.Open(h.Path, store.Options{NoSync: true, Space: storetest.LargeDisk})
	h.must(err)
	keys, err := wastore.New(db, wastore.Options{})
	h.must(err)
	engine, err := whatsapp.NewEngine(whatsapp.Config{
		Devices: slowKeys{Container: keys, storing: h.storing}, Unknown: wastore.ErrNoDevice, Log: h.Log, Now: time.Now,
		Endpoint: h.endpoint(), Versions: db,
	})
	h.must(err)
	h.Store, h.Keys, h.Engine = db, keys, engine
	h.Manager = instance.NewManager(instance.Deps{
		Store: statetest.Store{Store: db, T: h.T}, Engine: engine, Recorder: event.NewRecorder(askedStore{DB: db, asked: h.asked}, h.recorded), Notify: h.notify,
		Picture: func(code string) (string, error) { return "data:,", nil },
		Log:     h.Log, Now: time.Now, Clock: h.clock, Timing: h.Timing, Pace: h.Pace, Storage: db.Ready,
	})
	db.OnHealed(h.Manager.Renew)
	h.must(h.Manager.EnsureBusiness(context.Background(), "Test"))
	h.must(h.Manager.Start(context.Background()))
}

// Stop ends the manager and closes the data file; it may be called twice.
func (h *House) Stop() {
	if h.Store == nil {
		return
	}
	h.Manager.Close()
	if err := errors.Join(h.Keys.Close(), h.Store.Check(context.Background()), h.Store.Close()); err != nil {
		h.T.Errorf("close the house: %v", err)
	}
	h.Store = nil
}

func (h *House) endpoint() *whatsapp.Endpoint {
	u, err := url.Parse(h.Network.URL())
	h.must(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(h.Network.CAPEM())
	to := &whatsapp.Endpoint{URL: u, CA: pool, RootKey: h.Network.RootKey()}
	if h.Astray != nil {
		h.Astray(to)
	}
	return to
}

func (h *House) must(err error) {
	h.T.Helper()
	if err != nil {
		h.T.Fatal(err)
	}
}

func (h *House) recorded(events []event.Event) {
	if h.after != nil {
		h.after(events)
	}
	h.notify()
}

func (h *House) notify(...string) {
	h.mu.Lock()
	close(h.changed)
	h.changed = make(chan struct{})
	h.mu.Unlock()
}

// Until waits until cond is true, looking again after each change.
func (h *House) Until(what string, cond func() bool) {
	h.T.Helper()
	deadline := time.After(limit)
	for {
		h.mu.Lock()
		changed := h.changed
		h.mu.Unlock()
		if cond() {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			h.T.Fatalf("waited %s for %s; instances: %+v", limit, what, h.statuses())
		}
	}
}

func (h *House) statuses() map[string]instance.Status {
	all := make(map[string]instance.Status)
	list, _ := h.Manager.List(context.Background())
	for _, in := range list {
		all[in.Name] = in.Status
	}
	return all
}

// Create makes an instance.
func (h *House) Create(name string) instance.Instance {
	h.T.Helper()
	in, err := h.Manager.Create(context.Background(), instance.CreateParams{Name: name})
	h.must(err)
	return in
}

// Get reads an instance.
func (h *House) Get(id string) instance.Instance {
	h.T.Helper()
	in, err := h.Manager.Get(context.Background(), id)
	h.must(err)
	return in
}

// Phase waits until the instance is in one of the phases.
func (h *House) Phase(id string, phases ...instance.Phase) instance.Instance {
	h.T.Helper()
	var in instance.Instance
	h.Until("phase of "+id, func() bool {
		in = h.Get(id)
		return slices.Contains(phases, in.Status.Phase)
	})
	return in
}

// Code starts pairing if need be and waits for the code on the screen.
func (h *House) Code(id string) instance.Pairing {
	h.T.Helper()
	_, err := h.Manager.Connect(context.Background(), id)
	h.must(err)
	var p instance.Pairing
	h.Until("a QR code of "+id, func() (ok bool) {
		p, ok = h.Manager.Pairing(id)
		return ok
	})
	return p
}

// Pair links an instance to the phone by its QR code and waits until it is
// connected.
func (h *House) Pair(id string, phone *wasim.Phone) types.JID {
	h.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	device, err := phone.Scan(ctx, h.Code(id).Code)
	h.must(err)
	h.Phase(id, instance.PhaseConnected)
	return device
}

// Logout logs out and fails the test on an error.
func (h *House) Logout(id string) instance.LogoutResult {
	h.T.Helper()
	res, err := h.Manager.Logout(context.Background(), id, instance.LogoutParams{})
	h.must(err)
	return res
}

// Events lists all recorded events of an instance, oldest first.
func (h *House) Events(id string) []event.Event {
	h.T.Helper()
	all, err := h.Store.Events(context.Background(), id, 0, 100_000)
	h.must(err)
	return all
}
