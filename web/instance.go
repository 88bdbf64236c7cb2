package web

import (
	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/views"
)

// showInstance is the overview of one instance.
func (s *Server) showInstance(r *request) error {
	panel, err := s.panel(r)
	if err != nil {
		return err
	}
	hooks, err := s.Webhooks.List(r.UserContext(), panel.Instance.ID)
	if err != nil {
		return err
	}
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	panel.Page = frame
	return s.render(r, fiber.StatusOK, views.Instance(views.InstancePage{Page: frame, Panel: panel, Webhooks: hooks}))
}

// panel loads what live signals refresh. Looking at a code keeps it alive.
func (s *Server) panel(r *request) (views.InstancePanel, error) {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return views.InstancePanel{}, err
	}
	panel := views.InstancePanel{Instance: in}
	if p, live := s.Instances.Pairing(in.ID); live && r.may(auth.RoleOperator) {
		panel.Pairing = &p
	}
	panel.Page, err = s.fragment(r)
	return panel, err
}

// instanceRow is one line of the list.
func (s *Server) instanceRow(r *request) error {
	if !r.isHX() {
		return r.Redirect("/instances", fiber.StatusSeeOther)
	}
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	return s.sendRow(r, in)
}

func (s *Server) sendRow(r *request, in instance.Instance) error {
	row, err := s.row(r, in)
	if err != nil {
		return err
	}
	frame, err := s.fragment(r)
	if err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.InstanceRowItem(frame, row))
}

// instanceStatus is the status card.
func (s *Server) instanceStatus(r *request) error {
	return s.sendPanel(r, views.StatusCard)
}

// pairingPanel is the card with the code.
func (s *Server) pairingPanel(r *request) error {
	return s.sendPanel(r, views.QRPanel)
}

// sendPanel answers with a part of the overview. Somebody who opens a part's
// address in the browser gets the page it belongs to.
func (s *Server) sendPanel(r *request, part func(views.InstancePanel) templ.Component) error {
	if !r.isHX() {
		return r.Redirect(path("instances", r.Params("id")), fiber.StatusSeeOther)
	}
	panel, err := s.panel(r)
	if err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, part(panel))
}
