package web

import (
	"crypto/rand"
	"encoding/base64"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/problem"
)

// Names of our cookies. The __Host- prefix makes browsers refuse them from
// sub-domains and over plain http; it needs Secure, so it is used where the
// browser speaks https.
const (
	cookieSession = "pombal"
	cookieForm    = "pombal-form"
	cookieFlash   = "pombal-flash"
	cookieLang    = "lang"
	cookieTheme   = "theme"
	cookieZone    = "zone"
	// cookieShortcuts is there where somebody switched single keys off.
	cookieShortcuts = "shortcuts"
	// cookieTested is there once a test message was sent.
	cookieTested = "tested"
	// cookieCountry is the calling code of the last number that was typed.
	cookieCountry = "country"
	// cookieTour is there where somebody left the demo's tour.
	cookieTour = "tour"
)

const (
	keepFor  = 30 * 24 * time.Hour // "stay signed in"
	yearLong = 365 * 24 * time.Hour
)

// cookieName gives the name of a cookie for this connection.
func (r *request) cookieName(base string) string {
	if r.secure {
		return "__Host-" + base
	}
	return base
}

// setCookie sets one of our cookies. maxAge 0 lasts until the browser closes,
// below 0 removes it.
func (r *request) setCookie(name, value string, maxAge time.Duration) {
	c := &fiber.Cookie{
		Name: name, Value: value, Path: "/", Secure: r.secure, HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode,
		SessionOnly: maxAge == 0, MaxAge: int(maxAge / time.Second),
	}
	if maxAge < 0 {
		c.Expires = time.Unix(1, 0)
	}
	r.Cookie(c)
}

// resume finds out who is signed in. Nobody is no error here.
func (s *Server) resume(r *request) error {
	token := r.Cookies(r.cookieName(cookieSession))
	if token == "" {
		return nil
	}
	session, user, err := s.Auth.Resume(r.UserContext(), token, !r.byMachine())
	if problem.KindOf(err) == problem.Unauthorized {
		return nil
	}
	if err != nil {
		return err
	}
	r.token, r.session, r.user = token, session, &user
	return nil
}

// signIn hands a new session to the browser and ends the one it had.
func (s *Server) signIn(r *request, token string, keep bool) {
	if r.token != "" {
		// The old session ends by itself if this fails.
		if err := s.Auth.Logout(r.UserContext(), r.token); err != nil {
			s.Log.Warn("end the old session", "request", r.id, "error", err.Error())
		}
	}
	maxAge := time.Duration(0)
	if keep {
		maxAge = keepFor
	}
	r.setCookie(r.cookieName(cookieSession), token, maxAge)
	r.setCookie(r.cookieName(cookieForm), "", -1)
}

// sessionParams describes the browser of a new session.
func (s *Server) sessionParams(r *request, keep bool) auth.SessionParams {
	agent := r.Get(fiber.HeaderUserAgent)
	if len(agent) > 256 {
		agent = agent[:256]
	}
	return auth.SessionParams{Address: s.address(r.Ctx), UserAgent: agent, Keep: keep}
}

// readFormKey reads the key that forms without a session are protected with,
// and gives the browser one with its first page.
func (s *Server) readFormKey(r *request) {
	name := r.cookieName(cookieForm)
	if key, err := base64.RawURLEncoding.DecodeString(r.Cookies(name)); err == nil && len(key) == 32 {
		r.formKey = key
		return
	}
	if r.Method() != fiber.MethodGet {
		return // no key, so no token is right
	}
	r.formKey = make([]byte, 32)
	// crypto/rand never fails since Go 1.24.
	_, _ = rand.Read(r.formKey)
	r.setCookie(name, base64.RawURLEncoding.EncodeToString(r.formKey), 0)
}
