package web

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/instance"
	"pombal/views"
)

// askDelete explains what goes with an instance and asks for its name.
func (s *Server) askDelete(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	return s.sendDelete(r, fiber.StatusOK, views.DeletePage{Instance: in, Logout: true})
}

// sendDelete draws the question as a dialog or as a page.
func (s *Server) sendDelete(r *request, status int, page views.DeletePage) error {
	hooks, err := s.Webhooks.List(r.UserContext(), page.Instance.ID)
	if err != nil {
		return err
	}
	page.Webhooks = len(hooks)
	if r.wantsFragment() {
		if page.Page, err = s.fragment(r); err != nil {
			return err
		}
		return s.render(r, status, views.DeleteDialog(page))
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, status, views.Delete(page))
}

// deleteInstance removes an instance for good, once its name was typed.
func (s *Server) deleteInstance(r *request) error {
	f, in, err := s.instanceForm(r)
	if err != nil {
		return err
	}
	typed, logout := f.text("typed"), f.ticked("logout")
	if !strings.EqualFold(typed, in.Name) {
		t, err := s.printerFor(r)
		if err != nil {
			return err
		}
		return s.sendDelete(r, fiber.StatusUnprocessableEntity, views.DeletePage{
			Instance: in, Typed: typed, Logout: logout,
			Errors: views.FieldErrors{"typed": t.T("error.typed_name", "name", in.Name)},
		})
	}
	if err := s.Instances.Delete(r.UserContext(), in.ID, instance.DeleteParams{Logout: logout}); err != nil {
		return err
	}
	s.pngs.forget(in.ID)
	s.record(r, "instance.delete", "instance:"+in.ID, map[string]string{"name": in.Name})
	return s.redirectWith(r, "/instances", ok("done.instance_deleted", "name", in.Name))
}
