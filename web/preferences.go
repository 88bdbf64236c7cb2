package web

import (
	"github.com/gofiber/fiber/v2"

	"pombal/internal/locale"
	"pombal/internal/problem"
)

// setLanguage keeps the choice of a language: with the user, and in a cookie
// for the pages before the sign-in.
func (s *Server) setLanguage(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	lang := f.text("lang")
	if !locale.Supported(lang) {
		return problem.InvalidField("lang", "error.language")
	}
	if r.user != nil {
		if err := s.Auth.SetLanguage(r.UserContext(), r.user.ID, lang); err != nil {
			return err
		}
		s.record(r, "user.language", "user:"+r.user.ID, map[string]string{"language": lang})
	}
	r.setCookie(cookieLang, lang, yearLong)
	return s.backTo(r, f)
}

// setTheme keeps the choice of light or dark in a cookie: it belongs to the
// screen, not to the user.
func (s *Server) setTheme(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	theme := f.text("theme")
	if !isTheme(theme) {
		return problem.InvalidField("theme", "error.theme")
	}
	r.setCookie(cookieTheme, theme, yearLong)
	return s.backTo(r, f)
}

// backTo returns to the page whose menu was used.
func (s *Server) backTo(r *request, f form) error {
	next := safeNext(f.text("next"))
	if next == "" {
		next = "/"
	}
	if r.isHX() {
		r.Set("HX-Redirect", next)
		r.Status(fiber.StatusOK)
		return nil
	}
	return r.Redirect(next, fiber.StatusSeeOther)
}
