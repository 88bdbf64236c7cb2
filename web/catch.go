package web

import (
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/webhook"
	"pombal/views"
)

// takeCaught is the receiver inside this program. The path itself is the
// credential; calls of our own dispatcher do not come this way.
func (s *Server) takeCaught(r *request) error {
	header := make(http.Header)
	for name, value := range r.Request().Header.All() {
		header.Add(string(name), string(value))
	}
	status, text := s.Catch.Take(r.UserContext(), r.Path(), header, append([]byte(nil), r.Body()...))
	r.Set(fiber.HeaderContentType, fiber.MIMETextPlainCharsetUTF8)
	return r.Status(status).SendString(text)
}

// showCatch is what an instance's catch address received.
func (s *Server) showCatch(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	page := views.CatchPage{Instance: in, URL: s.catchURL(r, in.ID)}
	if page.Caught, err = s.Catch.List(r.UserContext(), in.ID); err != nil {
		return err
	}
	if r.isHX() {
		if page.Page, err = s.fragment(r); err != nil {
			return err
		}
		return s.render(r, fiber.StatusOK, views.Caught(page))
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Catch(page))
}

// catchURL is an instance's catch address as the caller can reach it.
func (s *Server) catchURL(r *request, instanceID string) string {
	return strings.TrimSuffix(s.baseURL(r), "/") + s.Catch.Path(instanceID)
}

// addCatch makes a webhook that sends everything to the catch address.
func (s *Server) addCatch(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	t, err := s.printerFor(r)
	if err != nil {
		return err
	}
	h, err := s.Webhooks.Create(r.UserContext(), webhook.CreateParams{
		InstanceID: in.ID, Name: t.T("catch.name"), URL: s.catchURL(r, in.ID), Enabled: true,
	})
	if err != nil {
		return err
	}
	s.record(r, "webhook.create", "webhook:"+h.ID, map[string]string{"instance": in.ID, "name": h.Name})
	return s.redirectWith(r, webhookPath(in, h), ok("done.webhook_created", "name", h.Name))
}

// clearCatch forgets what was caught.
func (s *Server) clearCatch(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	if err := s.Catch.Clear(r.UserContext(), in.ID); err != nil {
		return err
	}
	return s.redirectWith(r, path("instances", in.ID, "catch"), ok("done.saved"))
}
