package web

import (
	"crypto/rand"
	"net/netip"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/locale"
)

// request is one request on its way through the server: fiber's context and
// what we found out about the caller.
type request struct {
	*fiber.Ctx
	id      string // for logs and error pages; never taken from outside
	nonce   string // of this answer's content security policy
	started time.Time
	since   uint64 // the newest signal when the request came
	secure  bool   // the browser speaks https

	session auth.Session
	user    *auth.User // nil when nobody is signed in
	token   string     // the session cookie's value
	formKey []byte     // what a form without a session is protected with

	printer *locale.Printer
	route   *route // nil when no route matched
	private bool   // the answer shows a secret and is not compressed
	again   bool   // the form was not sent for good: the same one may come again
}

// requestKey is where the request is kept beside fiber's context.
type requestKey struct{}

// begin gives the request's own record, making it at the first call. It is
// also called for requests that never reached the middleware, such as those
// with a too large header.
func (s *Server) begin(c *fiber.Ctx) *request {
	if r, ok := c.Locals(requestKey{}).(*request); ok {
		return r
	}
	r := &request{Ctx: c, id: strings.ToLower(rand.Text()[:20]), nonce: rand.Text(), started: s.Now(), since: s.Hub.Last()}
	r.secure = s.isSecure(c)
	c.Locals(requestKey{}, r)
	s.setHeaders(r)
	return r
}

// isSecure says whether the browser speaks https: to us, to a proxy that we
// trust, or, by the operator's word, to the public address.
func (s *Server) isSecure(c *fiber.Ctx) bool {
	if c.Protocol() == "https" {
		return true
	}
	return s.public != nil && s.public.Scheme == "https" && hostName(c.Hostname()) == hostName(s.public.Host)
}

// isHX says whether htmx asked. It decides shapes, never rights.
func (r *request) isHX() bool { return r.Get("HX-Request") == "true" }

// wantsFragment says whether htmx asked for a part of a page.
func (r *request) wantsFragment() bool {
	return r.isHX() && r.Get("HX-Request-Type", "partial") != "full"
}

// target is the id of the element that htmx will put the answer into.
func (r *request) target() string {
	_, id, _ := strings.Cut(r.Get("HX-Target"), "#")
	return id
}

// may says whether the caller has at least this role.
func (r *request) may(least auth.Role) bool {
	return r.user != nil && r.user.Role.AtLeast(least)
}

// address is where the caller is. Behind trusted proxies it is the right-most
// hop that is none of them: everything to its left is the caller's own claim.
func (s *Server) address(c *fiber.Ctx) string {
	remote, ok := netip.AddrFromSlice(c.Context().RemoteIP())
	if !ok {
		return ""
	}
	remote = remote.Unmap()
	if !s.isProxy(remote) {
		return remote.String()
	}
	hops := strings.Split(c.Get(fiber.HeaderXForwardedFor), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		remote = hop.Unmap()
		if !s.isProxy(remote) {
			break
		}
	}
	return remote.String()
}

func (s *Server) isProxy(a netip.Addr) bool {
	for _, p := range s.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
