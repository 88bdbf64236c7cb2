package web

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"pombal/internal/webhook"
)

// around is the one middleware: it numbers the request, sets the headers,
// checks the host, catches panics, turns errors into answers and writes the
// access log.
func (s *Server) around(c *fiber.Ctx) error {
	r := s.begin(c)
	err := s.safely(func() error {
		if !s.hostAllowed(r) {
			return errForeignHost
		}
		return c.Next()
	})
	if err != nil {
		err = s.safely(func() error { return s.fail(r, err) })
	}
	if err != nil {
		// Not even the failure page could be drawn.
		s.Log.Error("answer a failure", "request", r.id, "error", err.Error())
		c.Response().ResetBody()
		c.Status(fiber.StatusInternalServerError)
	}
	s.logAccess(r)
	return nil
}

// panicError is a panic of a handler.
type panicError struct {
	value any
	stack []byte
}

// Error describes the panic without its stack.
func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// safely runs f and gives its panic as an error.
func (s *Server) safely(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p, stack: debug.Stack()}
		}
	}()
	return f()
}

// logAccess writes one line. It holds neither the query nor any header, both
// of which may carry what must not be logged.
func (s *Server) logAccess(r *request) {
	level := slog.LevelInfo
	path := r.Path()
	if r.route != nil && r.route.right == rightPath {
		path = r.route.path // the address itself is the credential
	}
	if strings.HasPrefix(path, "/static/") || path == "/healthz" || path == "/readyz" {
		level = slog.LevelDebug
	}
	attrs := []any{
		"request", r.id, "method", r.Method(), "path", path, "status", r.Response().StatusCode(),
		"took", s.Now().Sub(r.started), "from", s.address(r.Ctx),
	}
	if r.user != nil {
		attrs = append(attrs, "user", r.user.ID)
	}
	s.Log.Log(r.UserContext(), level, "request", attrs...)
}

// setHeaders sets what every answer carries. Pages, fragments and errors are
// not to be kept by anybody; assets replace that.
func (s *Server) setHeaders(r *request) {
	h := &r.Response().Header
	bareHeaders(h)
	h.Set("X-Request-Id", r.id)
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self' 'nonce-"+r.nonce+"'; style-src 'self'; "+
		"img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "+
		"object-src 'none'; require-trusted-types-for 'script'; trusted-types htmx")
	if r.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// bareHeaders sets what does not depend on the request.
func bareHeaders(h *fasthttp.ResponseHeader) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()")
	h.Set("Cache-Control", "no-store")
}

// hostAllowed stops DNS rebinding: a foreign name that an attacker points at
// this machine must not reach the pages of somebody who is signed in. A name
// is answered when the operator named it; addresses and localhost cannot be
// pointed elsewhere. Doors for programs and probes need a credential or give
// nothing away, and containers call them by names of their own.
func (s *Server) hostAllowed(r *request) bool {
	path := r.Path()
	if isAPI(path) || path == "/healthz" || path == "/readyz" || strings.HasPrefix(path, webhook.CatchPrefix) {
		return true
	}
	name := hostName(r.Hostname())
	if name == "localhost" {
		return true
	}
	if s.public != nil && name == hostName(s.public.Host) {
		return true
	}
	_, err := netip.ParseAddr(name)
	return err == nil
}

// hostName is a host without its port, brackets and trailing dot, in lower
// case.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// isLoopback says whether the browser runs on this machine, as far as the
// address it uses tells.
func isLoopback(host string) bool {
	name := hostName(host)
	a, err := netip.ParseAddr(name)
	return name == "localhost" || err == nil && a.IsLoopback()
}
