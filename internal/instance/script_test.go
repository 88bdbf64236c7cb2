package instance_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/instance/instancetest"
	"pombal/internal/instance/statetest"
	"pombal/internal/problem"
	"pombal/internal/store"
)

// script is an engine whose network does what the test says. The tests on the
// wire use the real one; this one is for what takes hours or chance there.
type script struct {
	mu      sync.Mutex
	clock   *instancetest.Clock
	live    map[string]*scriptSession // the newest session of each instance
	open    []*scriptSession          // not closed yet
	double  string                    // which two lived at once
	closing chan struct{}             // Close waits for its end; nil: not
	dials   []time.Time
	dialErr error
	logout  error
	erase   error
	erased  []string // devices
	code    string
	codeErr error
	onNew   func()
}

type scriptSession struct {
	s      *script
	params instance.OpenParams
	up     bool
	ctx    context.Context // of the connection that is up
	device string          // what it is, or is about to be, linked as
}

func (s *script) Open(_ context.Context, p instance.OpenParams) (instance.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sess := &scriptSession{s: s, params: p, device: p.Device}
	for _, other := range s.open {
		if p.Device != "" && other.device == p.Device {
			s.double = "two clients of " + p.Device
		}
	}
	s.open = append(s.open, sess)
	s.live[p.InstanceID] = sess
	return sess, nil
}

// connected says whether the session has a socket: its own end and that of its
// context both close it.
func (c *scriptSession) connected() bool { return c.up && c.ctx.Err() == nil }

func (s *script) Erase(_ context.Context, device string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.erase == nil {
		s.erased = append(s.erased, device)
	}
	return s.erase
}

func (s *script) Devices(context.Context) ([]string, error) { return nil, nil }

func (s *script) OnVersion(fn func()) { s.onNew = fn }

func (s *script) TestProxy(context.Context, *instance.Proxy) error { return nil }

// set changes what the network does.
func (s *script) set(change func(*script)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// tell lets the open session of an instance say something; false when there is
// none or it is not connected.
func (s *script) tell(id string, sig instance.Signal) bool {
	s.mu.Lock()
	sess := s.live[id]
	up := sess != nil && sess.connected()
	if p, ok := sig.(instance.SignalPaired); ok && up {
		sess.device = p.Device
	}
	s.mu.Unlock()
	if up {
		sess.params.Sink.Signal(sig)
	}
	return up
}

// sink is what the newest session of an instance talks to.
func (s *script) sink(id string) instance.Sink {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live[id].params.Sink
}

func (c *scriptSession) Connect(ctx context.Context) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.dials = append(c.s.dials, c.s.clock.Now())
	if c.s.dialErr != nil {
		return &instance.DialError{Err: c.s.dialErr}
	}
	c.up, c.ctx = true, ctx
	for _, other := range c.s.open {
		if other != c && other.params.InstanceID == c.params.InstanceID && other.connected() && c.connected() {
			c.s.double = "two sockets of " + c.params.InstanceID
		}
	}
	return nil
}

func (c *scriptSession) Disconnect() {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.up = false
}

func (c *scriptSession) Close() {
	c.s.mu.Lock()
	gate := c.s.closing
	c.s.mu.Unlock()
	if gate != nil {
		<-gate
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.up = false
	c.s.open = slices.DeleteFunc(c.s.open, func(s *scriptSession) bool { return s == c })
	if c.s.live[c.params.InstanceID] == c {
		delete(c.s.live, c.params.InstanceID)
	}
}

func (c *scriptSession) Logout(context.Context) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.logout
}

func (c *scriptSession) RequestCode(context.Context, string) (string, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.code, c.s.codeErr
}

func (c *scriptSession) AnswerPasskey(context.Context, []byte) error { return nil }
func (c *scriptSession) ConfirmPasskey(context.Context) error        { return nil }

func (c *scriptSession) Send(context.Context, instance.SendParams) (instance.SendResult, error) {
	return instance.SendResult{}, instance.ErrNotConnected
}

func (c *scriptSession) Upload(context.Context, instance.Media) (instance.Upload, error) {
	return instance.Upload{}, instance.ErrNotConnected
}

func (c *scriptSession) Numbers(context.Context, []string) ([]instance.Number, error) {
	return nil, instance.ErrNotConnected
}

func (c *scriptSession) MarkRead(context.Context, instance.Read) error {
	return instance.ErrNotConnected
}

// stage is a manager on a script and a clock moved by hand.
type stage struct {
	t       testing.TB
	script  *script
	clock   *instancetest.Clock
	db      *store.DB
	manager *instance.Manager
	timing  instance.Timing
}

// longTiming is production's, but for the silence that the script cannot break.
func longTiming() instance.Timing {
	t := instance.DefaultTiming()
	t.Silence = 0
	return t
}

func newStage(t testing.TB, timing instance.Timing) *stage {
	t.Helper()
	db, err := store.Open(filepath.Join(t.TempDir(), "pombal.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	clock := instancetest.NewClock()
	s := &stage{
		t: t, clock: clock, db: db, timing: timing,
		script: &script{clock: clock, live: make(map[string]*scriptSession), code: "ABCD-EFGH"},
	}
	s.start()
	t.Cleanup(func() {
		s.manager.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *stage) start() {
	s.t.Helper()
	s.manager = instance.NewManager(instance.Deps{
		Store: statetest.Store{Store: s.db, T: s.t}, Engine: s.script, Recorder: event.NewRecorder(s.db, func([]event.Event) {}),
		Notify: func(...string) {}, Picture: func(string) (string, error) { return "data:,", nil },
		Log: slog.New(slog.DiscardHandler), Clock: s.clock, Timing: s.timing,
	})
	s.must(s.manager.EnsureBusiness(context.Background(), "Test"))
	s.must(s.manager.Start(context.Background()))
}

// restart ends the manager and starts another on the same file.
func (s *stage) restart() {
	s.manager.Close()
	s.start()
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) create(name string) string {
	s.t.Helper()
	in, err := s.manager.Create(context.Background(), instance.CreateParams{Name: name})
	s.must(err)
	return in.ID
}

// tell lets the network say something and waits until it has been taken in.
func (s *stage) tell(id string, sigs ...instance.Signal) {
	s.t.Helper()
	for _, sig := range sigs {
		s.manager.SettleQuickly(id)
		s.script.tell(id, sig)
	}
	s.manager.SettleQuickly(id)
}

// link brings an instance to connected.
func (s *stage) link(id string) {
	s.t.Helper()
	_, err := s.manager.Connect(context.Background(), id)
	s.must(err)
	s.tell(id, instance.SignalQR{Codes: codes()}, s.paired(), instance.SignalRestart{})
	s.pass(time.Second, id)
	s.tell(id, instance.SignalConnected{}, instance.SignalSynced{})
	s.want(id, instance.PhaseConnected, instance.ReasonNone)
}

func (s *stage) paired() instance.Signal {
	return instance.SignalPaired{Device: "5511987650001:7@s.whatsapp.net", LID: "1@lid"}
}

func codes() []string {
	list := make([]string, 6)
	for i := range list {
		list[i] = fmt.Sprintf("https://wa.me/settings/linked_devices#ref%d,noise,identity,secret,9", i)
	}
	return list
}

func (s *stage) get(id string) instance.Instance {
	s.t.Helper()
	in, err := s.manager.Get(context.Background(), id)
	s.must(err)
	return in
}

func (s *stage) want(id string, phase instance.Phase, reason instance.Reason) instance.Status {
	s.t.Helper()
	s.manager.SettleQuickly(id)
	got := s.get(id).Status
	if got.Phase != phase || got.Reason != reason {
		s.t.Fatalf("status = %+v, want %s because %q", got, phase, reason)
	}
	return got
}

// pass moves the clock in the steps of its timers, letting ids settle at each.
func (s *stage) pass(d time.Duration, ids ...string) {
	s.passWith(d, func() {}, ids...)
}

// passWith is pass; each is called after each step.
func (s *stage) passWith(d time.Duration, each func(), ids ...string) {
	end := s.clock.Now().Add(d)
	for _, id := range ids {
		s.manager.SettleQuickly(id)
	}
	for {
		next, ok := s.clock.Next()
		if !ok || next.After(end) {
			break
		}
		s.clock.AdvanceTo(next)
		for _, id := range ids {
			s.manager.SettleQuickly(id)
		}
		each()
	}
	s.clock.AdvanceTo(end)
}

// dialsIn counts connection attempts while fn runs.
func (s *stage) dialsIn(fn func()) int {
	s.script.mu.Lock()
	before := len(s.script.dials)
	s.script.mu.Unlock()
	fn()
	s.script.mu.Lock()
	defer s.script.mu.Unlock()
	return len(s.script.dials) - before
}

var errNetwork = errors.New("no route to host")

func asProblem(err error) *problem.Error { return problem.As(err) }
