package web

import (
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// How long and how much of a refused body is read and thrown away.
const (
	lingerTime  = 3 * time.Second
	lingerBytes = 64 << 20
)

// lingerListener hands out connections that can linger.
type lingerListener struct{ net.Listener }

// Accept waits for the next connection.
func (l lingerListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		return &lingerConn{TCPConn: tcp}, nil
	}
	return c, nil
}

// lingerConn is a connection that can be closed so that the peer gets to read
// our answer. Closing with unread bytes makes the kernel send a reset, which
// throws away an answer that the peer has not read yet: a client that is still
// sending a too large body would see a network error instead of the 413.
type lingerConn struct {
	*net.TCPConn
	linger atomic.Bool
}

// Close closes the connection, after reading what the peer still sends when
// that was asked for.
func (c *lingerConn) Close() error {
	if c.linger.Swap(false) {
		// Errors mean that there is nobody left to wait for.
		if c.CloseWrite() == nil && c.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
			_, _ = io.Copy(io.Discard, io.LimitReader(c.TCPConn, lingerBytes))
		}
	}
	return c.TCPConn.Close()
}

// lingerOn asks for a lingering close of the request's connection.
func lingerOn(c *fiber.Ctx) {
	if conn, ok := c.Context().Conn().(*lingerConn); ok {
		conn.linger.Store(true)
	}
}

// harden sets what fiber has no setting for: body limits by path, and an answer
// for what would not reach our own middleware.
func (s *Server) harden() {
	srv := s.app.Server()
	srv.HeaderReceived = func(h *fasthttp.RequestHeader) fasthttp.RequestConfig {
		if s.mayUpload(h) {
			return fasthttp.RequestConfig{MaxRequestBodySize: uploadLimit, ReadTimeout: uploadTimeout}
		}
		if isAPI(string(h.RequestURI())) {
			return fasthttp.RequestConfig{MaxRequestBodySize: apiLimit}
		}
		return fasthttp.RequestConfig{MaxRequestBodySize: formLimit}
	}
	srv.CloseOnShutdown = true
	inner := srv.Handler
	srv.Handler = func(ctx *fasthttp.RequestCtx) {
		// The last net: a panic here would end the process, and nothing of
		// what failed can be trusted to draw a page.
		defer func() {
			if p := recover(); p != nil {
				s.Log.Error("panic while answering a failure", "panic", p)
				ctx.Response.Reset()
				bareHeaders(&ctx.Response.Header)
				ctx.SetStatusCode(fasthttp.StatusInternalServerError)
			}
		}()
		defer s.uploads.end(&ctx.Request.Header)
		if !knownMethod(string(ctx.Method())) {
			s.refuseMethod(ctx)
			return
		}
		inner(ctx)
	}
}

// knownMethod keeps TRACE, CONNECT and invented methods out.
func knownMethod(m string) bool {
	switch m {
	case fiber.MethodGet, fiber.MethodHead, fiber.MethodPost, fiber.MethodPut, fiber.MethodPatch, fiber.MethodDelete,
		fiber.MethodOptions:
		return true
	default:
		return false
	}
}

// isAPI says whether a path belongs to a door for programs.
func isAPI(path string) bool {
	return path == "/api" || strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/api?")
}
