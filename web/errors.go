package web

import (
	"errors"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/locale"
	"pombal/internal/problem"
	"pombal/views"
)

// Kinds of refusals that only this layer knows, beside those of package
// problem.
const (
	kindHost       problem.Kind = "host"
	kindMethod     problem.Kind = "method"
	kindBadRequest problem.Kind = "bad_request"
)

// statusOf maps a kind to its HTTP status on the dashboard.
func statusOf(k problem.Kind) int {
	switch k {
	case problem.Invalid:
		return fiber.StatusUnprocessableEntity
	case problem.Unauthorized:
		return fiber.StatusUnauthorized
	case problem.Forbidden:
		return fiber.StatusForbidden
	case problem.NotFound:
		return fiber.StatusNotFound
	case problem.Conflict, problem.NotConnected:
		return fiber.StatusConflict
	case problem.TooLarge:
		return fiber.StatusRequestEntityTooLarge
	case problem.TooMany:
		return fiber.StatusTooManyRequests
	case problem.Unavailable:
		return fiber.StatusServiceUnavailable
	case problem.Storage:
		return fiber.StatusInsufficientStorage
	case kindHost:
		return fiber.StatusMisdirectedRequest
	case kindMethod:
		return fiber.StatusMethodNotAllowed
	case kindBadRequest:
		return fiber.StatusBadRequest
	default:
		return fiber.StatusInternalServerError
	}
}

// refusal gives the error that people and programs get to see for err: err's
// own when it is meant for them, one of the transport, or a bare "internal".
func refusal(err error) *problem.Error {
	if p := problem.As(err); p != nil {
		return p
	}
	kind := problem.Internal
	var fe *fiber.Error
	if errors.As(err, &fe) {
		switch {
		case fe.Code == fiber.StatusNotFound:
			kind = problem.NotFound
		case fe.Code == fiber.StatusMethodNotAllowed:
			kind = kindMethod
		case fe.Code == fiber.StatusRequestEntityTooLarge, fe.Code == fiber.StatusRequestHeaderFieldsTooLarge:
			kind = problem.TooLarge
		case fe.Code >= 400 && fe.Code < 500:
			kind = kindBadRequest
		}
	}
	return problem.Wrap(err, kind, "error."+string(kind))
}

// fail turns an error into the answer that fits the asker: a door's own shape,
// nothing, a message for htmx, or a page.
func (s *Server) fail(r *request, err error) error {
	p := refusal(err)
	s.logFailure(r, p, err)
	r.Response().ResetBody()
	r.Response().Header.Del(fiber.HeaderContentEncoding)
	if p.Kind == problem.TooLarge {
		lingerOn(r.Ctx)
	}
	retry := int(math.Ceil(p.RetryAfter.Seconds()))
	if p.Kind == problem.TooMany || p.Kind == problem.Unavailable {
		r.Set(fiber.HeaderRetryAfter, retrySeconds(retry))
	}
	switch at := r.Path(); {
	case strings.HasPrefix(at, "/api/whatsapp/"):
		return s.sprl.Fail(r.Ctx, p, r.id)
	case isAPI(at):
		return s.codes.Fail(r.Ctx, p, r.id)
	case p.Kind == problem.Unauthorized && !r.route.is(bare):
		return s.sendToLogin(r)
	case r.route.is(bare):
		r.Status(statusOf(p.Kind))
		return nil
	}
	return s.failPage(r, p, retry)
}

// failEarly answers what never reached our middleware, such as a body that is
// too large: the server reads it before it looks for a route.
func (s *Server) failEarly(c *fiber.Ctx, err error) error {
	r := s.begin(c)
	err = s.refusedUpload(c, err)
	err = s.safely(func() error { return s.fail(r, err) })
	s.logAccess(r)
	return err
}

// logFailure keeps what people do not get to see.
func (s *Server) logFailure(r *request, p *problem.Error, err error) {
	if p.Kind != problem.Internal && p.Kind != problem.Storage {
		if p.Err != nil {
			s.Log.Debug("refused", "request", r.id, "path", r.Path(), "error", p.Error())
		}
		return
	}
	attrs := []any{"request", r.id, "method", r.Method(), "path", r.Path(), "error", err.Error()}
	var pe *panicError
	if errors.As(err, &pe) {
		attrs = append(attrs, "stack", string(pe.stack))
	}
	s.Log.Error("request failed", attrs...)
}

// failPage answers a person.
func (s *Server) failPage(r *request, p *problem.Error, retry int) error {
	frame, err := s.fragment(r)
	if err != nil {
		return err
	}
	status := statusOf(p.Kind)
	text := frame.T.Text(p.Text)
	if r.isHX() {
		return failHX(r, status, text)
	}
	return s.render(r, status, views.Failure(views.ErrorPage{
		Page: frame, Status: status, Title: frame.T.T("error.title." + string(p.Kind)), Text: text, Retry: retry,
		Typed: typed(r), Back: backFrom(r),
	}))
}

// failHX answers htmx, which puts whatever comes back into the page: nothing is
// to be swapped, and a person is told only when a person asked.
func failHX(r *request, status int, text string) error {
	r.Set("HX-Reswap", "none")
	r.Status(status)
	if r.byMachine() {
		return nil
	}
	return toast(r, "bad", text)
}

// sendToLogin lets somebody sign in and come back.
func (s *Server) sendToLogin(r *request) error {
	back := ""
	switch {
	case r.isHX():
		back = pathOf(r.Get("HX-Current-URL"))
	case r.Method() == fiber.MethodGet:
		back = r.OriginalURL()
	}
	to := "/login"
	if back = safeNext(back); back != "" && back != "/" && back != "/instances" {
		to += "?next=" + url.QueryEscape(back)
	}
	if r.isHX() {
		r.Set("HX-Redirect", to)
		r.Status(fiber.StatusUnauthorized)
		return nil
	}
	return r.Redirect(to, fiber.StatusSeeOther)
}

// pathOf gives the path and query of an address.
func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.RequestURI()
}

// formErrors gives the messages of a refused form, by field, in the caller's
// language. A cause that is not about the form's fields is returned as it is.
func (s *Server) formErrors(r *request, cause error) (views.FieldErrors, error) {
	t, err := s.printerFor(r)
	if err != nil {
		return nil, err
	}
	messages, isForm := fieldErrors(t, cause)
	if !isForm {
		return nil, cause
	}
	return messages, nil
}

// fieldErrors gives the messages of a refused form, by field. ok is false when
// err is not about the form's fields.
func fieldErrors(t *locale.Printer, err error) (messages views.FieldErrors, ok bool) {
	p := problem.As(err)
	if p == nil || len(p.Fields) == 0 || (p.Kind != problem.Invalid && p.Kind != problem.Conflict) {
		return nil, false
	}
	messages = make(views.FieldErrors, len(p.Fields))
	for _, f := range p.Fields {
		if _, twice := messages[f.Name]; !twice {
			messages[f.Name] = t.Text(f.Text)
		}
	}
	return messages, true
}

// tooMany says whether err asks to wait, and how long.
func tooMany(err error) (wait time.Duration, ok bool) {
	p := problem.As(err)
	if p == nil || p.Kind != problem.TooMany {
		return 0, false
	}
	return p.RetryAfter, true
}
