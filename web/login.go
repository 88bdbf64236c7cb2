package web

import (
	"math"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/audit"
	"pombal/internal/auth"
	"pombal/internal/problem"
	"pombal/views"
)

// showLogin is the sign-in page.
func (s *Server) showLogin(r *request) error {
	next := safeNext(r.Query("next"))
	if r.user != nil {
		return r.Redirect(orHome(next), fiber.StatusSeeOther)
	}
	needed, err := s.Auth.NeedsSetup(r.UserContext())
	if err != nil {
		return err
	}
	if needed {
		return r.Redirect("/setup", fiber.StatusSeeOther)
	}
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Login(views.LoginPage{Page: frame, Next: next}))
}

// login checks a password and opens a session. A session that the browser
// already had is never taken over: the new one has another token.
func (s *Server) login(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	email, keep, next := f.text("email"), f.ticked("keep"), safeNext(f.text("next"))
	token, session, err := s.Auth.Login(r.UserContext(), auth.LoginParams{
		Email: email, Password: f.raw("password"), Session: s.sessionParams(r, keep),
	})
	if err != nil {
		return s.loginAgain(r, views.LoginPage{Email: email, Keep: keep, Next: next}, err)
	}
	s.signIn(r, token, keep)
	s.auditCall(r.Ctx, audit.Entry{
		Actor: "user:" + strings.ToLower(email), Action: "login", Object: "user:" + session.UserID,
	})
	return redirect(r, orHome(next))
}

// loginAgain shows the form again. Unknown user and wrong password look alike.
func (s *Server) loginAgain(r *request, page views.LoginPage, cause error) error {
	p := problem.As(cause)
	if p == nil || (p.Kind != problem.Unauthorized && p.Kind != problem.TooMany && p.Kind != problem.Unavailable &&
		p.Kind != problem.Invalid) {
		return cause
	}
	if p.Kind == problem.Unauthorized {
		// What was typed is not kept: some type their password there. What the
		// throttle turns away is not either, or guessing would fill the disk.
		s.record(r, "login.failed", "", nil)
	}
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	status := fiber.StatusUnprocessableEntity
	if p.Kind == problem.TooMany || p.Kind == problem.Unavailable {
		status = statusOf(p.Kind)
		r.Set(fiber.HeaderRetryAfter, retrySeconds(seconds(p.RetryAfter)))
	}
	page.Page, page.Error = frame, frame.T.Text(p.Text)
	return s.render(r, status, views.Login(page))
}

// signOut ends the session here and in the browser.
func (s *Server) signOut(r *request) error {
	if err := s.Auth.Logout(r.UserContext(), r.token); err != nil {
		return err
	}
	s.record(r, "logout", "user:"+r.user.ID, nil)
	r.setCookie(r.cookieName(cookieSession), "", -1)
	r.setCookie(r.cookieName(cookieFlash), "", -1)
	// Cookies are removed above, one by one: the choice of language stays.
	r.Set("Clear-Site-Data", `"cache", "storage"`)
	return redirect(r, "/login")
}

// orHome is next, or the first page.
func orHome(next string) string {
	if next == "" {
		return "/instances"
	}
	return next
}

// seconds rounds a waiting time up.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
