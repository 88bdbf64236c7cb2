package web

import (
	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/webhook"
	"pombal/views"
)

// checkNewURL looks whether the address in the form of a new webhook can be
// reached. What was typed stays.
func (s *Server) checkNewURL(r *request, page views.WebhookNewPage) error {
	found, messages, err := s.probe(r, page.URL, page.Settings.Skip)
	if err != nil {
		return err
	}
	if r.isHX() {
		return s.sendProbe(r, found, messages)
	}
	page.Found, page.Errors = found, messages
	return s.sendNewWebhook(r, fiber.StatusOK, page)
}

// checkStoredURL is checkNewURL for the form of a webhook that exists. Like
// saving an address, it is for admins.
func (s *Server) checkStoredURL(r *request, f form, page views.WebhookPage, toggles webhook.Toggles) error {
	if !r.may(auth.RoleAdmin) {
		return auth.ErrForbidden
	}
	if _, err := readSettings(f, &page, page.Webhook); err != nil {
		return s.saveAgain(r, page, toggles, err)
	}
	found, messages, err := s.probe(r, page.URL, page.Settings.Skip)
	if err != nil {
		return err
	}
	if r.isHX() {
		return s.sendProbe(r, found, messages)
	}
	page.Found, page.Errors, page.Webhook.Events.Toggles = found, messages, toggles
	return s.sendWebhook(r, fiber.StatusOK, page)
}

// probe looks at an address; what is wrong with its text comes as messages.
func (s *Server) probe(r *request, url string, skipVerify bool) (*webhook.Found, views.FieldErrors, error) {
	found, err := s.Ledger.Probe(r.UserContext(), url, skipVerify)
	if err == nil {
		return &found, nil, nil
	}
	t, errT := s.printerFor(r)
	if errT != nil {
		return nil, nil, errT
	}
	messages, isForm := fieldErrors(t, err)
	if !isForm {
		return nil, nil, err
	}
	return nil, messages, nil
}

// sendProbe draws what was found alone.
func (s *Server) sendProbe(r *request, found *webhook.Found, messages views.FieldErrors) error {
	frame, err := s.fragment(r)
	if err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.URLCheck(frame, found, messages["url"]))
}
