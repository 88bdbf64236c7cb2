package web

import (
	"context"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/audit"
	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/problem"
)

// Refusals of this package.
var (
	errForeignHost = problem.New(kindHost, "error.host")
	errCrossSite   = problem.New(problem.Forbidden, "error.cross_site")
	errFormToken   = problem.New(problem.Forbidden, "error.form_token")
	errDuplicate   = problem.New(kindBadRequest, "error.duplicate_field")
)

// guard wraps a handler so that nobody reaches it without the right that its
// route declares.
func (s *Server) guard(rt route) fiber.Handler {
	return func(c *fiber.Ctx) error {
		r := s.begin(c)
		r.route = &rt
		if err := s.admit(r); err != nil {
			return err
		}
		if passed, err := s.proved(r); err != nil || !passed {
			return err
		}
		return s.actOnce(r, rt.handle)
	}
}

// door makes a door's handler one of ours.
func door(h fiber.Handler) func(*request) error {
	return func(r *request) error { return h(r.Ctx) }
}

// admit checks the caller against the route's right. Whether a request comes
// from another site is asked before who sends it, so that a foreign page learns
// nothing about the session.
func (s *Server) admit(r *request) error {
	switch r.route.right {
	case rightAnyone, rightToken, rightKey, rightPath:
		return nil // cookies are not looked at
	}
	unsafe := r.Method() != fiber.MethodGet && r.Method() != fiber.MethodHead
	if unsafe && s.crossSite(r) {
		return errCrossSite
	}
	if err := s.resume(r); err != nil {
		return err
	}
	if role := r.route.right.role(); role != "" {
		if r.user == nil {
			return auth.ErrUnauthorized
		}
		if !r.may(role) {
			return auth.ErrForbidden
		}
	}
	if r.user == nil {
		s.readFormKey(r)
	}
	if unsafe && !s.tokenRight(r) {
		return errFormToken
	}
	if r.user != nil {
		// The timeline says who did what.
		r.SetUserContext(instance.WithActor(r.UserContext(), "user:"+r.user.Email))
	}
	return nil
}

// crossSite says whether a browser sends this request for another site's page.
// Browsers that do not send Sec-Fetch-Site send Origin with every unsafe
// request; a client that sends neither is no browser, and has no cookie of ours
// that it was not given on purpose.
func (s *Server) crossSite(r *request) bool {
	switch r.Get("Sec-Fetch-Site") {
	case "same-origin", "none":
		return false
	case "":
	default:
		return true
	}
	origin := r.Get(fiber.HeaderOrigin)
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || (r.secure && u.Scheme != "https") {
		return true
	}
	if strings.EqualFold(u.Host, r.Hostname()) {
		return false
	}
	return s.public == nil || !strings.EqualFold(u.Host, s.public.Host)
}

// tokenRight checks the second layer: the token of the session, or of the form
// where there is no session.
func (s *Server) tokenRight(r *request) bool {
	token := r.Get("X-CSRF-Token")
	if token == "" {
		token = readForm(r).text("_csrf")
	}
	return token != "" && auth.CheckCSRF(r.tokenHolder(), token)
}

// tokenHolder is what form tokens of this caller are bound to.
func (r *request) tokenHolder() auth.Session {
	if r.user != nil {
		return r.session
	}
	// Only the key matters for the token.
	return auth.Session{ID: "form", CSRFKey: r.formKey}
}

// record writes who did what. The deed is done when it is called, so a failure
// to write is logged and the answer stays true; what must not happen unrecorded
// uses mustRecord first.
func (s *Server) record(r *request, action, object string, detail map[string]string) {
	s.auditCall(r.Ctx, r.entry(action, object, detail))
}

// mustRecord writes who is about to see a secret.
func (s *Server) mustRecord(r *request, action, object string, detail map[string]string) error {
	return s.appendAudit(r.Ctx, r.entry(action, object, detail))
}

func (r *request) entry(action, object string, detail map[string]string) audit.Entry {
	actor := "visitor"
	if r.user != nil {
		actor = "user:" + r.user.Email
	}
	return audit.Entry{Actor: actor, Action: action, Object: object, Detail: detail}
}

// auditCall stores an entry about what was done, for the doors too.
func (s *Server) auditCall(c *fiber.Ctx, e audit.Entry) {
	if err := s.appendAudit(c, e); err != nil {
		s.Log.Error("audit", "request", s.begin(c).id, "action", e.Action, "error", err.Error())
	}
}

// appendAudit adds where a call came from. A caller who hangs up does not take
// the entry away.
func (s *Server) appendAudit(c *fiber.Ctx, e audit.Entry) error {
	e.From = s.address(c)
	e.RequestID = s.begin(c).id
	return s.Audit.Append(context.WithoutCancel(c.UserContext()), e)
}
