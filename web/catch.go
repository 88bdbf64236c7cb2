package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
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

// caughtShown is how many caught requests a page lists.
const caughtShown = 25

// showCatch lists what an instance's catch address received, and for htmx the
// list alone.
func (s *Server) showCatch(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	page := views.CatchPage{Instance: in, URL: s.catchURL(r, in.ID)}
	page.Before, _ = strconv.ParseUint(r.Query("before"), 10, 64) // none is none
	if page.Caught, err = s.Catch.List(r.UserContext(), in.ID, page.Before, caughtShown+1); err != nil {
		return err
	}
	if page.More = len(page.Caught) > caughtShown; page.More {
		page.Caught = page.Caught[:caughtShown]
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

// showCaught is one request that was caught. Its head and body are for those who
// may read what events say.
func (s *Server) showCaught(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	id, err := strconv.ParseUint(r.Params("cid"), 10, 64)
	if err != nil {
		return webhook.ErrNoCaught
	}
	page := views.CaughtPage{Instance: in}
	if page.Caught, err = s.Catch.Get(r.UserContext(), in.ID, id); err != nil {
		return err
	}
	if r.may(auth.RoleOperator) {
		r.private = true
	} else {
		page.Caught.Head, page.Caught.Body = "", ""
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.CaughtRequest(page))
}

// catchURL is an instance's catch address as the caller can reach it.
func (s *Server) catchURL(r *request, instanceID string) string {
	return strings.TrimSuffix(s.baseURL(r), "/") + s.Catch.Path(instanceID)
}

// catchName is what the webhook to the built-in receiver is called at first: a
// name that is the same in every language, for it is stored.
const catchName = "Pombal"

// addCatch makes a webhook that sends everything to the catch address.
func (s *Server) addCatch(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	h, err := s.Webhooks.Create(r.UserContext(), webhook.CreateParams{
		InstanceID: in.ID, Name: catchName, URL: s.catchURL(r, in.ID), Enabled: true,
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
