package web

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/problem"
	"pombal/views"
)

// showAccount leads to the first settings page.
func (s *Server) showAccount(r *request) error {
	return r.Redirect("/settings/general", fiber.StatusSeeOther)
}

// showGeneral chooses language and time zone.
func (s *Server) showGeneral(r *request) error {
	return s.sendGeneral(r, fiber.StatusOK, views.GeneralPage{Zone: zoneOf(r)})
}

func (s *Server) sendGeneral(r *request, status int, page views.GeneralPage) error {
	var err error
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, status, views.General(page))
}

// setZone keeps the zone in a cookie: it belongs to where the screen is.
func (s *Server) setZone(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	name := f.text("zone")
	if name != "" && location(name) == nil {
		t, err := s.printerFor(r)
		if err != nil {
			return err
		}
		return s.sendGeneral(r, fiber.StatusUnprocessableEntity,
			views.GeneralPage{Errors: views.FieldErrors{"zone": t.T("error.zone")}})
	}
	maxAge := time.Duration(yearLong)
	if name == "" {
		maxAge = -1
	}
	r.setCookie(cookieZone, strings.ReplaceAll(name, "/", "."), maxAge)
	return s.redirectWith(r, "/settings/general", ok("done.saved"))
}

// zoneOf reads the cookie of the time zone; "" where nobody chose one.
func zoneOf(r *request) string {
	name := strings.ReplaceAll(r.Cookies(cookieZone), ".", "/")
	if location(name) == nil {
		return ""
	}
	return name
}

// location finds a zone by its name. "Local" would tell where the server is.
func location(name string) *time.Location {
	if name == "" || name == "Local" || len(name) > 64 {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil
	}
	return zone
}

// showSecurity lists where the user is signed in.
func (s *Server) showSecurity(r *request) error {
	return s.sendSecurity(r, fiber.StatusOK, nil)
}

func (s *Server) sendSecurity(r *request, status int, messages views.FieldErrors) error {
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	sessions, err := s.Auth.Sessions(r.UserContext(), r.user.ID)
	if err != nil {
		return err
	}
	return s.render(r, status, views.Security(views.SecurityPage{
		Page: frame, Sessions: sessions, Current: r.session.ID, Errors: messages,
	}))
}

// changePassword changes the password and ends all sessions but a new one.
func (s *Server) changePassword(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	keep := r.session.Keep
	token, session, err := s.Auth.ChangePassword(r.UserContext(), r.user.ID, auth.PasswordParams{
		Current: f.raw("current"), New: f.raw("new"), Session: s.sessionParams(r, keep),
	})
	if err != nil {
		t, terr := s.printerFor(r)
		if terr != nil {
			return terr
		}
		if messages, isForm := fieldErrors(t, err); isForm {
			s.record(r, "user.password.refused", "user:"+r.user.ID, nil)
			return s.sendSecurity(r, fiber.StatusUnprocessableEntity, messages)
		}
		return err
	}
	s.record(r, "user.password", "user:"+r.user.ID, nil)
	s.signIn(r, token, keep)
	r.session, r.token = session, token
	return s.redirectWith(r, "/settings/security", ok("done.password"))
}

// endSession ends one session of the user.
func (s *Server) endSession(r *request) error {
	id := r.Params("sid")
	if err := s.Auth.EndSession(r.UserContext(), r.user.ID, id); err != nil {
		return err
	}
	s.record(r, "session.end", "user:"+r.user.ID, nil)
	return s.redirectWith(r, "/settings/security", ok("done.session_ended"))
}

// endOtherSessions ends all sessions of the user but this one.
func (s *Server) endOtherSessions(r *request) error {
	if _, err := s.Auth.EndOtherSessions(r.UserContext(), r.user.ID, r.session.ID); err != nil {
		return err
	}
	s.record(r, "session.end_others", "user:"+r.user.ID, nil)
	return s.redirectWith(r, "/settings/security", ok("done.sessions_ended"))
}

// showAppearance chooses the theme and the keys.
func (s *Server) showAppearance(r *request) error {
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Appearance(views.AppearancePage{Page: frame}))
}

// setShortcuts switches single keys on or off, in this browser.
func (s *Server) setShortcuts(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	switch f.text("shortcuts") {
	case "on":
		r.setCookie(cookieShortcuts, "", -1)
	case "off":
		r.setCookie(cookieShortcuts, "off", yearLong)
	default:
		return problem.InvalidField("shortcuts", "error.shortcuts")
	}
	return s.redirectWith(r, "/settings/appearance", ok("done.saved"))
}

// showShortcuts lists the keys, as a page or in the dialog.
func (s *Server) showShortcuts(r *request) error {
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	page := views.ShortcutsPage{Page: frame}
	if r.wantsFragment() {
		return s.render(r, fiber.StatusOK, views.ShortcutsDialog(page))
	}
	return s.render(r, fiber.StatusOK, views.Shortcuts(page))
}

// attention is the number beside the first link of the navigation.
func (s *Server) attention(r *request) error {
	if !r.isHX() {
		return r.Redirect("/instances", fiber.StatusSeeOther)
	}
	frame, err := s.fragment(r)
	if err != nil {
		return err
	}
	all, err := s.Instances.List(r.UserContext())
	if err != nil {
		return err
	}
	frame.Attention = countAttention(all)
	return s.render(r, fiber.StatusOK, views.Attention(frame))
}
