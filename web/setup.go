package web

import (
	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/locale"
	"pombal/internal/problem"
	"pombal/views"
)

// home sends people where they have to go first.
func (s *Server) home(r *request) error {
	if r.user != nil {
		return r.Redirect("/instances", fiber.StatusSeeOther)
	}
	needed, err := s.Auth.NeedsSetup(r.UserContext())
	if err != nil {
		return err
	}
	if needed {
		return r.Redirect("/setup", fiber.StatusSeeOther)
	}
	return r.Redirect("/login", fiber.StatusSeeOther)
}

// showSetup is the first page of a new installation. Later it does not exist.
func (s *Server) showSetup(r *request) error {
	needed, err := s.Auth.NeedsSetup(r.UserContext())
	if err != nil {
		return err
	}
	if !needed {
		return auth.ErrSetupDone
	}
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	// A code in the address comes from the link that the log shows.
	return s.render(r, fiber.StatusOK, views.Setup(views.SetupPage{
		Page: frame, Code: r.Query("code"), Language: frame.T.Lang(),
	}))
}

// setup makes the owner and signs them in.
func (s *Server) setup(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	p := auth.SetupParams{
		Code: f.text("code"), Name: f.text("name"), Email: f.text("email"), Password: f.raw("password"),
		Language: f.text("language"),
	}
	if !locale.Supported(p.Language) {
		p.Language = ""
	}
	user, err := s.Auth.Setup(r.UserContext(), p)
	if err != nil {
		return s.setupAgain(r, p, err)
	}
	token, session, err := s.Auth.OpenSession(r.UserContext(), user.ID, s.sessionParams(r, false))
	if err != nil {
		return err
	}
	r.user = &user
	s.record(r, "setup", "user:"+user.ID, nil)
	s.signIn(r, token, false)
	r.session, r.token = session, token
	return s.redirectWith(r, "/instances", ok("done.setup"))
}

// setupAgain shows the form with what is wrong with it, never with the
// password.
func (s *Server) setupAgain(r *request, p auth.SetupParams, cause error) error {
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	page := views.SetupPage{Page: frame, Code: p.Code, Name: p.Name, Email: p.Email, Language: p.Language}
	status := fiber.StatusUnprocessableEntity
	if messages, isForm := fieldErrors(frame.T, cause); isForm {
		page.Errors = messages
	} else if wait, isWait := tooMany(cause); isWait {
		status = fiber.StatusTooManyRequests
		r.Set(fiber.HeaderRetryAfter, retrySeconds(seconds(wait)))
		page.General = frame.T.Text(problem.As(cause).Text)
	} else {
		return cause
	}
	return s.render(r, status, views.Setup(page))
}
