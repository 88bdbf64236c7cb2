package web

import (
	"io"
	"net"
	"strings"
	"sync"
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

// lingerListener hands out connections that can linger. It knows those on which
// nothing has come yet: fasthttp takes them for requests under way, so that a
// stop would wait for connections that a browser opened ahead of any wish.
type lingerListener struct {
	net.Listener
	mu     sync.Mutex
	silent map[*lingerConn]struct{} // nil once they are to be closed
}

func newLingerListener(ln net.Listener) *lingerListener {
	return &lingerListener{Listener: ln, silent: make(map[*lingerConn]struct{})}
}

// Accept waits for the next connection.
func (l *lingerListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c, nil
	}
	conn := &lingerConn{TCPConn: tcp, listener: l}
	l.mu.Lock()
	over := l.silent == nil
	if !over {
		l.silent[conn] = struct{}{}
	}
	l.mu.Unlock()
	if over {
		_ = tcp.Close() // who serves it finds out
	}
	return conn, nil
}

// closeSilent closes the connections on which nothing has come, now and from now
// on.
func (l *lingerListener) closeSilent() {
	l.mu.Lock()
	silent := l.silent
	l.silent = nil
	l.mu.Unlock()
	for conn := range silent {
		_ = conn.TCPConn.Close() // nobody asked anything
	}
}

// heard takes a connection off the list of silent ones.
func (l *lingerListener) heard(conn *lingerConn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.silent, conn)
}

// lingerConn is a connection that can be closed so that the peer gets to read
// our answer. Closing with unread bytes makes the kernel send a reset, which
// throws away an answer that the peer has not read yet: a client that is still
// sending a too large body would see a network error instead of the 413.
type lingerConn struct {
	*net.TCPConn
	listener *lingerListener
	spoke    atomic.Bool // something has come, or the end
	linger   atomic.Bool
}

// Read reads what the peer sends.
func (c *lingerConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if n > 0 {
		c.hear()
	}
	return n, err
}

func (c *lingerConn) hear() {
	if !c.spoke.Swap(true) {
		c.listener.heard(c)
	}
}

// Close closes the connection, after reading what the peer still sends when
// that was asked for.
func (c *lingerConn) Close() error {
	c.hear()
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
