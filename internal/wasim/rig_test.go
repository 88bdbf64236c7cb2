package wasim_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	waLog "go.mau.fi/whatsmeow/util/log"
	"go.uber.org/goleak"

	"pombal/internal/leaktest"
	"pombal/internal/wasim"
)

// root is shared by all servers of this binary, because the engine keeps the
// Noise root key in a process-wide variable.
var root = wasim.NewRoot()

func TestMain(m *testing.M) {
	whatsmeow.WACertPubKey = root.Key()
	if kind := os.Getenv(crashVariable); kind != "" {
		os.Exit(crashChild(kind))
	}
	leaktest.Main(m, leaktest.Reader(),
		// It ends a minute after the last history, whatever happens to the client.
		goleak.IgnoreTopFunction("go.mau.fi/whatsmeow.(*Client).handleHistorySyncNotificationLoop"))
}

// waitTime bounds every wait of these tests.
const waitTime = 60 * time.Second

func ctxFor(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitTime)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, cfg wasim.Config) *wasim.Server {
	t.Helper()
	cfg.Root = root
	if os.Getenv("WASIM_TRACE") != "" {
		cfg.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	s, err := wasim.Start(cfg)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if unknown := s.UnknownIQs(); len(unknown) > 0 {
			t.Errorf("queries without an answer: %q", unknown)
		}
	})
	return s
}

// client is a real engine with a record of its events.
type client struct {
	*whatsmeow.Client
	t       *testing.T
	dev     *store.Device
	mu      sync.Mutex
	seen    []any
	changed chan struct{}
	// accept decides about messages; nil accepts. Guarded by mu.
	accept func(*events.Message) bool
}

func connect(t *testing.T, s *wasim.Server, dev *store.Device) *client {
	t.Helper()
	c := newClient(t, s, dev)
	if err := c.Connect(); err != nil {
		t.Fatalf("Connect: %v", err)
	}
	return c
}

func newClient(t *testing.T, s *wasim.Server, dev *store.Device) *client {
	t.Helper()
	log := waLog.Noop
	if os.Getenv("WASIM_TRACE") != "" {
		log = waLog.Stdout("client", "DEBUG", false)
	}
	if dev == nil {
		dev = newDevice()
	}
	c := &client{Client: whatsmeow.NewClient(dev, log), t: t, dev: dev, changed: make(chan struct{})}
	c.SynchronousAck = true
	c.EnableDecryptedEventBuffer = true
	h := s.HTTPClient()
	c.SetPreLoginHTTPClient(h)
	c.SetWebsocketHTTPClient(h)
	c.SetMediaHTTPClient(h)
	c.AddEventHandlerWithSuccessStatus(c.handle)
	t.Cleanup(c.Disconnect)
	return c
}

func (c *client) handle(evt any) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m, ok := evt.(*events.Message); ok && c.accept != nil && !c.accept(m) {
		return false
	}
	c.seen = append(c.seen, evt)
	close(c.changed)
	c.changed = make(chan struct{})
	return true
}

// wait returns the n-th event (from 1) of type T that keep accepts.
func wait[T any](c *client, n int, keep func(T) bool) T {
	c.t.Helper()
	limit := time.NewTimer(waitTime)
	defer limit.Stop()
	for {
		c.mu.Lock()
		found := 0
		for _, e := range c.seen {
			if v, ok := e.(T); ok && (keep == nil || keep(v)) {
				if found++; found == n {
					c.mu.Unlock()
					return v
				}
			}
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-limit.C:
			var none T
			c.t.Fatalf("event %T number %d did not come; seen: %s", none, n, c.history())
		}
	}
}

// count returns how many events of type T have come.
func count[T any](c *client) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, e := range c.seen {
		if _, ok := e.(T); ok {
			n++
		}
	}
	return n
}

func (c *client) history() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, e := range c.seen {
		out = append(out, strings.TrimPrefix(typeName(e), "*events."))
	}
	return strings.Join(out, " ")
}

// text waits for a message with that text.
func (c *client) text(text string) *events.Message {
	c.t.Helper()
	return wait(c, 1, func(m *events.Message) bool { return m.Message.GetConversation() == text })
}

// pair links a new client with a phone and waits until it is connected, has
// fetched the application state and has answered all that came with it.
func pair(t *testing.T, s *wasim.Server, p *wasim.Phone) (*client, types.JID) {
	t.Helper()
	c := connect(t, s, nil)
	qr := wait[*events.QR](c, 1, nil)
	jid, err := p.Scan(ctxFor(t), qr.Codes[0])
	if err != nil {
		t.Fatalf("Scan: %v", err)
	}
	wait[*events.Connected](c, 1, nil)
	wait[*events.AppStateSyncComplete](c, 5, nil)
	if err := s.WaitOnline(ctxFor(t), jid); err != nil {
		t.Fatalf("WaitOnline: %v", err)
	}
	if err := s.WaitSettled(ctxFor(t), jid); err != nil {
		t.Fatalf("WaitSettled: %v", err)
	}
	return c, jid
}
