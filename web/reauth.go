package web

import (
	"errors"
	"net/url"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/problem"
	"pombal/views"
)

// proved lets a request for a secret through when the password was given
// lately, and otherwise asks for it first. In the demo there is nothing worth
// it, and nobody knows the password.
func (s *Server) proved(r *request) (passed bool, err error) {
	if !r.route.is(secret) || s.Config.Demo != nil || s.Auth.Proved(r.session) {
		return true, nil
	}
	next := cameFrom(r)
	if r.Method() == fiber.MethodGet { // a page that can be opened again
		next = orHome(safeNext(r.OriginalURL()))
	}
	return false, redirect(r, "/reauth?next="+url.QueryEscape(next))
}

// cameFrom is the page that a request was made on.
func cameFrom(r *request) string {
	from := r.Get("HX-Current-URL")
	if from == "" {
		from = r.Get(fiber.HeaderReferer)
	}
	return orHome(safeNext(pathOf(from)))
}

// showReauth asks for the password again.
func (s *Server) showReauth(r *request) error {
	return s.sendReauth(r, fiber.StatusOK, views.ReauthPage{Next: safeNext(r.Query("next"))})
}

func (s *Server) sendReauth(r *request, status int, page views.ReauthPage) error {
	var err error
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, status, views.Reauth(page))
}

// reauth checks the password and goes back to where it was needed.
func (s *Server) reauth(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	next := safeNext(f.text("next"))
	_, err = s.Auth.Prove(r.UserContext(), r.token, f.raw("password"), s.address(r.Ctx))
	if _, wait := tooMany(err); errors.Is(err, auth.ErrCredentials) || wait {
		s.record(r, "reauth.failed", "user:"+r.user.ID, nil)
		p := problem.As(err)
		t, terr := s.printerFor(r)
		if terr != nil {
			return terr
		}
		status, text := fiber.StatusUnprocessableEntity, t.T("error.password_wrong")
		if wait {
			text = t.Text(p.Text)
			status = fiber.StatusTooManyRequests
			r.Set(fiber.HeaderRetryAfter, retrySeconds(seconds(p.RetryAfter)))
		}
		return s.sendReauth(r, status, views.ReauthPage{Next: next, Error: text})
	}
	if err != nil {
		return err
	}
	s.record(r, "reauth", "user:"+r.user.ID, nil)
	return s.redirectWith(r, orHome(next), ok("done.proved"))
}
