// Package webtest is a kit for tests of the HTTP layer: a server on a loopback
// port with everything behind it held in memory, and a browser without scripts.
// It must be imported by tests alone.
package webtest

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"pombal/internal/audit"
	"pombal/internal/live"
	"pombal/web"
)

// Kit is a running server with its fakes.
type Kit struct {
	T         testing.TB
	Server    *web.Server
	URL       string // http://127.0.0.1:port
	Addr      string
	Instances *Instances
	Webhooks  *Webhooks
	Auth      *Auth
	Audit     *Audit
	Versions  *Versions
	Crashes   *Crashes
	Upkeep    *Upkeep
	History   *History
	Catch     *Catch
	Hub       *live.Hub
	Clock     *Clock
	Log       *Log

	served chan error
	once   sync.Once
}

// NewServer starts a server that is stopped when the test ends. Each change
// may alter what it is made of.
func NewServer(t testing.TB, change ...func(*web.Deps)) *Kit {
	t.Helper()
	clock := &Clock{now: time.Date(2026, 3, 2, 9, 15, 0, 0, time.UTC)}
	k := &Kit{
		T: t, Instances: NewInstances(clock), Webhooks: NewWebhooks(clock), Auth: NewAuth(clock), Audit: &Audit{},
		History: &History{}, Catch: &Catch{}, Versions: &Versions{}, Crashes: &Crashes{}, Upkeep: NewUpkeep(clock),
		Hub: live.NewHub(live.Options{}), Clock: clock, Log: &Log{}, served: make(chan error, 1),
	}
	deps := web.Deps{
		Instances: k.Instances, Webhooks: k.Webhooks, Ledger: Ledger{k.Webhooks}, Events: Events{}, Catch: k.Catch, Auth: k.Auth, Audit: k.Audit, Versions: k.Versions, Crashes: k.Crashes, Upkeep: k.Upkeep, History: k.History, Files: NewFiles(t), Hub: k.Hub, Now: clock.Now,
		QRPNG: func(text string) ([]byte, error) { return []byte("\x89PNG " + text), nil },
		Log:   slog.New(slog.NewJSONHandler(k.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&deps)
	}
	k.Hub = deps.Hub
	srv, err := web.NewServer(deps)
	if err != nil {
		t.Fatalf("NewServer: %v", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen: %v", err)
	}
	k.Server, k.Addr, k.URL = srv, ln.Addr().String(), "http://"+ln.Addr().String()
	go func() { k.served <- srv.Serve(ln) }()
	t.Cleanup(k.Stop)
	return k
}

// stopLimit is how long ending a server may take on a busy machine.
const stopLimit = time.Minute

// Stop ends the server, at most once.
func (k *Kit) Stop() {
	k.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
		defer cancel()
		if err := k.Server.Shutdown(ctx); err != nil {
			k.T.Errorf("Shutdown: %v", err)
		}
		if err := <-k.served; err != nil {
			k.T.Errorf("Serve: %v", err)
		}
	})
}

// Clock is a clock that stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now gives the time of the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Add moves the clock.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Log keeps what was logged.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write adds a line.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is all that was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Audit keeps entries in memory.
type Audit struct {
	mu      sync.Mutex
	entries []audit.Entry
	// Err is what Append answers with.
	Err error
}

// Append keeps an entry.
func (a *Audit) Append(_ context.Context, e audit.Entry) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.Err != nil {
		return a.Err
	}
	a.entries = append(a.entries, e)
	return nil
}

// Entries are the entries so far.
func (a *Audit) Entries() []audit.Entry {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]audit.Entry(nil), a.entries...)
}
