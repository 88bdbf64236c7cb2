// Package web is the HTTP layer: the dashboard, its live stream, its assets
// and, mounted from packages below it, the doors for other programs. It decides
// who may do what and in which shape an answer comes; what is done is decided
// behind the interfaces of deps.go. It must know neither the database nor the
// WhatsApp library.
package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/klauspost/compress/gzip"

	"pombal/internal/live"
	"pombal/views"
	"pombal/web/codechat"
	"pombal/web/insprl"
)

// Limits of the server. The body limits are far above every form and call that
// exists; the header limit has room for a few cookies of other programs on the
// same host.
const (
	formLimit   = 64 << 10
	apiLimit    = 1 << 20
	headerLimit = 16384

	readTimeout  = 15 * time.Second
	writeTimeout = 30 * time.Second
	idleTimeout  = 75 * time.Second

	maxConnections = 4096
)

// Config is what the operator chose about the HTTP layer.
type Config struct {
	// PublicURL is the address people use, such as https://wa.example; empty
	// when only addresses and localhost are to be answered.
	PublicURL string
	// TrustedProxies are the addresses and CIDR ranges whose X-Forwarded
	// headers are believed; none by default.
	TrustedProxies []string
	// Version is shown on pages.
	Version string
	// Demo is set in the demo alone.
	Demo *views.Demo
	// StandIn says that another WhatsApp endpoint than the real one is used.
	StandIn bool
}

// Deps are what a Server works with. Instances, Webhooks, Ledger, Events,
// Catch, Auth, Audit, Versions, Crashes, Upkeep, History, Files, Hub, QRPNG and Log
// must not be nil.
type Deps struct {
	Config    Config
	Instances Instances
	Webhooks  Webhooks
	Ledger    Ledger
	Events    EventLog
	Catch     Catcher
	Auth      Auth
	Audit     Audit
	Versions  Versions
	Crashes   Crashes
	Upkeep    Upkeep
	// History is what is kept of chats, for the doors.
	History codechat.History
	// Files takes in the files of messages, for the doors.
	Files codechat.Files
	Hub   *live.Hub
	// QRPNG draws a text as a PNG picture.
	QRPNG func(text string) ([]byte, error)
	Log   *slog.Logger
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Ready says why the process cannot serve yet; nil means always ready.
	Ready func() error
}

// check names the first dependency that is missing.
func (d Deps) check() error {
	for name, missing := range map[string]bool{
		"Instances": d.Instances == nil, "Webhooks": d.Webhooks == nil, "Auth": d.Auth == nil, "Audit": d.Audit == nil,
		"Ledger": d.Ledger == nil, "Events": d.Events == nil, "Catch": d.Catch == nil,
		"Versions": d.Versions == nil, "Crashes": d.Crashes == nil, "Upkeep": d.Upkeep == nil,
		"History": d.History == nil, "Files": d.Files == nil,
		"Hub": d.Hub == nil, "QRPNG": d.QRPNG == nil, "Log": d.Log == nil,
	} {
		if missing {
			return fmt.Errorf("web: Deps.%s is not set", name)
		}
	}
	return nil
}

// Server answers the dashboard's and the doors' requests.
type Server struct {
	Deps
	app     *fiber.App
	public  *url.URL // nil without a public URL
	proxies []netip.Prefix
	gzips   sync.Pool // *gzip.Writer; each holds most of a megabyte
	pngs    pngCache
	streams streamCounter
	pace    streamPace
	ops     ops
	counts  eventCounts
	guests  limiter
	checks  limiter // of the look at WhatsApp's page
	uploads uploads
	codes   *codechat.Door
	sprl    *insprl.Door

	mu      sync.Mutex
	ln      *lingerListener // nil until Serve
	stopped bool
}

// NewServer makes a Server. It fails when a dependency is missing or a setting
// cannot be understood.
func NewServer(d Deps) (*Server, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	s := &Server{Deps: d, pace: defaultPace(), guests: limiter{burst: guestBurst, every: guestEvery},
		checks: limiter{burst: checkBurst, every: checkEvery}}
	s.gzips.New = func() any {
		w, _ := gzip.NewWriterLevel(nil, compressLevel) // fails for unknown levels alone
		return w
	}
	if err := s.readConfig(); err != nil {
		return nil, err
	}
	if err := s.openDoors(); err != nil {
		return nil, err
	}
	s.app = fiber.New(s.fiberConfig())
	s.harden()
	s.app.Use(s.around)
	for _, rt := range s.routes() {
		s.app.Add(rt.method, rt.path, s.guard(rt))
		if rt.method == fiber.MethodGet && !rt.is(stream) {
			s.app.Add(fiber.MethodHead, rt.path, s.guard(rt))
		}
	}
	return s, nil
}

func (s *Server) readConfig() error {
	if text := s.Config.PublicURL; text != "" {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("public URL %q is not an http or https address", text)
		}
		s.public = u
	}
	for _, text := range s.Config.TrustedProxies {
		p, err := parsePrefix(text)
		if err != nil {
			return fmt.Errorf("trusted proxy %q: %w", text, err)
		}
		s.proxies = append(s.proxies, p)
	}
	return nil
}

// parsePrefix reads an address or a range of addresses.
func parsePrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return a.Prefix(a.BitLen())
}

func (s *Server) fiberConfig() fiber.Config {
	return fiber.Config{
		// Without Immutable, strings of a request are rewritten by the next one.
		Immutable:     true,
		CaseSensitive: true,
		// Clients of the CodeChat API send trailing slashes.
		StrictRouting: false,
		// Group ids arrive percent-encoded.
		UnescapePath:            true,
		EnableTrustedProxyCheck: true,
		TrustedProxies:          s.Config.TrustedProxies,
		ReadBufferSize:          headerLimit,
		BodyLimit:               apiLimit,
		ReadTimeout:             readTimeout,
		WriteTimeout:            writeTimeout,
		IdleTimeout:             idleTimeout,
		Concurrency:             maxConnections,
		DisableStartupMessage:   true,
		ErrorHandler:            s.failEarly,
	}
}

// Serve answers on ln until Shutdown. It closes ln.
func (s *Server) Serve(ln net.Listener) error {
	own := newLingerListener(ln)
	if !s.listening(own) {
		return ln.Close()
	}
	if err := s.app.Listener(own); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// listening keeps the listener for Shutdown; false after Shutdown.
func (s *Server) listening(ln *lingerListener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return false
	}
	s.ln = ln
	return true
}

// Shutdown ends the streams, waits for running requests and stops. Streams go
// first, and connections that never asked: they do not end by themselves, so
// waiting for them would use up ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.stopped = true
	ln := s.ln
	s.mu.Unlock()
	s.Hub.Close()
	if ln != nil {
		ln.closeSilent()
	}
	err := s.app.ShutdownWithContext(ctx)
	if ln != nil {
		// Fiber knows the listener only once it accepts, which may not have
		// begun; otherwise it is closed already, and that is no error.
		if cerr := ln.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) && err == nil {
			err = cerr
		}
	}
	if err != nil {
		return fmt.Errorf("stop serving: %w", err)
	}
	return nil
}
