package wasim

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/coder/websocket"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/util/keys"
)

// Errors of this package.
var (
	// ErrClosed is returned by everything that waits when the server is closed.
	ErrClosed = errors.New("stand-in server is closed")
	// ErrNotLoopback refuses an address that other machines could reach.
	ErrNotLoopback = errors.New("the stand-in server listens on loopback addresses only")
	// ErrUnknownDevice says that no phone has linked that device.
	ErrUnknownDevice = errors.New("no such linked device")
	// ErrUnknownMessage says that no message with that id was ever sent.
	ErrUnknownMessage = errors.New("no such message")
)

const (
	defaultRefs = 6
	// handshakeTime bounds a handshake; the client's own limit is 20 s.
	handshakeTime = 30 * time.Second
	// resumeTime is how long Resume waits for its port to be free again.
	resumeTime = 5 * time.Second
)

// Config configures a [Server]. The zero value is a working configuration.
type Config struct {
	// Log receives what happens on the wire; nil discards it.
	Log *slog.Logger
	// Addr is the address to listen on, 127.0.0.1:0 when empty. The host must be
	// a loopback address or "localhost".
	Addr string
	// Refs is the number of QR codes in a round, 6 when 0.
	Refs int
	// Root fixes the keys a client has to trust; zero means new ones.
	Root Root
	// History makes a phone send an empty initial history and the push names
	// after linking. Off by default: the client then keeps a goroutine for a
	// minute, which leak checks report.
	History bool
	// AddressByLID sends messages with from= the LID and sender_pn= the number
	// instead of from= the number and sender_lid=. Both occur in the field.
	AddressByLID bool
	// Revision is the client revision that the front page announces; 0 means the
	// one compiled into the engine.
	Revision uint32
}

// Server is a stand-in WhatsApp network: the websocket server and the phones.
// All methods are safe for concurrent use.
type Server struct {
	cfg    Config
	log    *slog.Logger
	static *keys.KeyPair // Noise key of this server
	chain  []byte        // certificate chain for static
	caPEM  []byte
	tls    *tls.Config
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup // every goroutine of the server
	lifeMu sync.Mutex     // serialises Stop, Resume and Close
	web    *http.Server   // nil while stopped; guarded by lifeMu
	addr   string

	mu           sync.Mutex // guards everything below and all phones' server-side state
	changed      chan struct{}
	closed       bool
	stopped      bool
	faults       Faults
	swallowed    int               // messages that SilentSend has taken away
	phones       map[string]*Phone // by number
	byLID        map[string]*Phone // by LID user
	conns        map[*conn]struct{}
	unpaired     map[[32]byte]*conn // by Noise key
	refs         map[string]*ref
	tracks       map[string]*track     // by message id
	groups       map[string]*Group     // by user part of the address
	media        map[string]*mediaFile // by path
	deletedMedia int
	front        FrontPage
	frontAsked   int
	pictures     int // made so far
	unknown      []string
	dials        int
	sockets      int
	transports   []*http.Transport
}

// Start listens and serves until Close. It fails when the address is not a
// loopback address or cannot be bound.
func Start(cfg Config) (*Server, error) {
	quietSignal()
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Refs <= 0 {
		cfg.Refs = defaultRefs
	}
	if cfg.Root.isZero() {
		cfg.Root = NewRoot()
	}
	if cfg.Revision == 0 {
		cfg.Revision = store.GetWAVersion()[2]
	}
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	if err := loopback(cfg.Addr); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, log: cfg.Log, static: keys.NewKeyPair(), addr: cfg.Addr,
		changed: make(chan struct{}), phones: map[string]*Phone{}, byLID: map[string]*Phone{},
		conns: map[*conn]struct{}{}, unpaired: map[[32]byte]*conn{}, refs: map[string]*ref{}, tracks: map[string]*track{},
		groups: map[string]*Group{}, media: map[string]*mediaFile{},
	}
	var err error
	if s.chain, err = certChain(cfg.Root.noise(), s.static.Pub, time.Now()); err != nil {
		return nil, err
	}
	if s.tls, s.caPEM, err = cfg.Root.tlsConfig(time.Now()); err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.listen(); err != nil {
		s.cancel()
		return nil, err
	}
	return s, nil
}

func loopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("address of the stand-in server: %w", err)
	}
	if ip := net.ParseIP(host); host == "localhost" || (ip != nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("%w, not on %q", ErrNotLoopback, host)
}

// listen opens the listener at s.addr and serves it. lifeMu must be held (or
// the server not be shared yet).
func (s *Server) listen() error {
	ln, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if addr := ln.Addr().String(); addr != s.addr {
		s.addr = addr // only at the start: later the port is known
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ws/chat", s.serveSocket)
	mux.HandleFunc("/{$}", s.serveFront)
	mux.HandleFunc("GET /v/", s.serveMedia)
	mux.HandleFunc("POST /mms/", s.serveMedia)
	mux.HandleFunc("DELETE /mms/", s.serveMedia)
	web := &http.Server{
		Handler: mux, ReadHeaderTimeout: handshakeTime,
		// Without a map the server would offer HTTP/2, which has no upgrade.
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ErrorLog:     slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	// One request for each TCP connection: an idle one in a client's pool would
	// slip past Faults.Down and would not be counted.
	web.SetKeepAlivesEnabled(false)
	s.web = web
	s.wg.Go(func() {
		err := web.Serve(tls.NewListener(&gate{Listener: ln, s: s}, s.tls))
		if !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("stand-in server ended", "error", err)
		}
	})
	return nil
}

// gate is the listener that counts connections and can shut the door.
type gate struct {
	net.Listener
	s *Server
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g.s.mu.Lock()
		g.s.dials++
		down := g.s.faults.Down
		if down {
			g.s.refusedOnce()
		}
		g.s.announce()
		g.s.mu.Unlock()
		if !down {
			return c, nil
		}
		if t, ok := c.(*net.TCPConn); ok {
			// A reset instead of an orderly end: nothing is there.
			_ = t.SetLinger(0) // best effort, the connection is closed anyway
		}
		_ = c.Close() // nobody is left to tell
	}
}

// Stop takes the network away: the listener and all connections close, later
// dials are refused by the operating system. All state is kept. Stopping a
// stopped server does nothing.
func (s *Server) Stop() error {
	s.lifeMu.Lock()
	defer s.lifeMu.Unlock()
	return s.stop()
}

func (s *Server) stop() error {
	if s.web == nil {
		return nil
	}
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	err := s.web.Close()
	s.web = nil
	s.DropAll()
	// Come back only when every connection has seen its end.
	if waitErr := s.until(context.Background(), func() (bool, error) { return len(s.conns) == 0, nil }); waitErr != nil && !errors.Is(waitErr, ErrClosed) {
		return waitErr
	}
	if err != nil {
		return fmt.Errorf("stop listening: %w", err)
	}
	return nil
}

// Resume listens again on the same address. It fails when another program has
// taken the port meanwhile, or when the server is closed. Resuming a running
// server does nothing.
func (s *Server) Resume() error {
	s.lifeMu.Lock()
	defer s.lifeMu.Unlock()
	if s.ctx.Err() != nil {
		return ErrClosed
	}
	if s.web != nil {
		return nil
	}
	s.mu.Lock()
	s.stopped = false
	s.mu.Unlock()
	// A client's own outgoing socket can hold an ephemeral port for a moment;
	// the system gives no signal when it lets go.
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	limit := time.NewTimer(resumeTime)
	defer limit.Stop()
	for {
		err := s.listen()
		if !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
		select {
		case <-retry.C:
		case <-limit.C:
			return err
		}
	}
}

// Close stops everything and returns when all goroutines of the server have
// ended. Closing twice is harmless.
func (s *Server) Close() error {
	s.lifeMu.Lock()
	defer s.lifeMu.Unlock()
	s.mu.Lock()
	s.closed = true
	transports := s.transports
	s.transports = nil
	s.mu.Unlock()
	s.cancel()
	err := s.stop()
	s.wg.Wait()
	for _, t := range transports {
		t.CloseIdleConnections()
	}
	return err
}

// URL returns the base address, for instance https://127.0.0.1:40001. Clients
// connect to /ws/chat below it.
func (s *Server) URL() string { return "https://" + s.addr }

// CAPEM returns the TLS authority of the server in PEM.
func (s *Server) CAPEM() []byte { return append([]byte(nil), s.caPEM...) }

// RootKey returns the Noise root public key, to be put into whatsmeow.WACertPubKey.
func (s *Server) RootKey() [32]byte { return s.cfg.Root.Key() }

// HTTPClient returns a client that trusts the server's authority and sends every
// request to the server, whatever host it names. A whatsmeow client needs it
// three times: SetPreLoginHTTPClient, SetWebsocketHTTPClient and
// SetMediaHTTPClient. Its idle connections are closed by Close.
func (s *Server) HTTPClient() *http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.caPEM)
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	t := &http.Transport{
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", s.addr)
		},
	}
	s.mu.Lock()
	s.transports = append(s.transports, t)
	s.mu.Unlock()
	return &http.Client{Transport: t}
}

// Connections returns how many websockets have been accepted so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sockets
}

// Dials returns how many TCP connections have arrived so far, refused ones included.
func (s *Server) Dials() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dials
}

// WaitDials waits until n TCP connections have arrived since the start.
func (s *Server) WaitDials(ctx context.Context, n int) error {
	return s.until(ctx, func() (bool, error) { return s.dials >= n, nil })
}

// UnknownIQs returns the queries that the server could not answer, as
// "type xmlns child". They were answered with error 501.
func (s *Server) UnknownIQs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.unknown...)
}

func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	refuse := s.faults.RefuseDial
	if refuse != 0 {
		s.refusedOnce()
	}
	if s.closed || s.stopped {
		refuse = http.StatusServiceUnavailable
	}
	if refuse == 0 {
		// Under the lock, so that Close cannot have passed its wait already.
		s.wg.Add(1)
		s.sockets++
	}
	s.mu.Unlock()
	if refuse != 0 {
		http.Error(w, http.StatusText(refuse), refuse)
		return
	}
	defer s.wg.Done()
	// The browser's Origin is part of the disguise, not of any protection here.
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		s.log.Debug("upgrade", "error", err)
		return
	}
	ws.SetReadLimit(frameLimit)
	s.serveConn(ws)
}
