package web

import (
	"github.com/a-h/templ"
	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/views"
)

// showInstance is the overview of one instance.
func (s *Server) showInstance(r *request) error {
	panel, err := s.panel(r)
	if err != nil {
		return err
	}
	return s.sendInstance(r, fiber.StatusOK, panel)
}

// sendInstance draws the page around a panel.
func (s *Server) sendInstance(r *request, status int, panel views.InstancePanel) error {
	hooks, err := s.Webhooks.List(r.UserContext(), panel.Instance.ID)
	if err != nil {
		return err
	}
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	panel.Page = frame
	page := views.InstancePage{Page: frame, Panel: panel, Webhooks: hooks}
	if page.Steps, err = s.steps(r, frame, panel.Instance, len(hooks)); err != nil {
		return err
	}
	if page.History, err = s.history(r, frame, panel.Instance); err != nil {
		return err
	}
	return s.render(r, status, views.Instance(page))
}

// momentsShown is how much of the timeline the page shows.
const momentsShown = 20

// history loads what happened to an instance.
func (s *Server) history(r *request, frame views.Page, in instance.Instance) (views.HistoryPart, error) {
	part := views.HistoryPart{Page: frame, Instance: in}
	var err error
	if part.Moments, err = s.Instances.Timeline(r.UserContext(), in.ID, momentsShown); err != nil {
		return part, err
	}
	for _, window := range instance.Windows() {
		a, err := s.Instances.Availability(r.UserContext(), in.ID, window, barSlots)
		if err != nil {
			return part, err
		}
		part.Spans = append(part.Spans, a)
	}
	return part, nil
}

// barSlots is how many parts a bar of availability has.
const barSlots = 48

// steps says what is left to do in the first minutes. A house with more than
// one instance is past them.
func (s *Server) steps(r *request, frame views.Page, in instance.Instance, hooks int) (views.StepsPart, error) {
	all, err := s.Instances.List(r.UserContext())
	if err != nil {
		return views.StepsPart{}, err
	}
	part := views.StepsPart{
		Page: frame, Instance: in, Linked: in.Linked(), Webhooks: hooks, Tested: r.Cookies(cookieTested) != "",
	}
	part.Wanted = len(all) == 1 && r.may(auth.RoleAdmin) && (!part.Linked || hooks == 0 || !part.Tested)
	return part, nil
}

// instanceHistory is the card with the history.
func (s *Server) instanceHistory(r *request) error {
	return s.sendPart(r, func(frame views.Page, in instance.Instance) (templ.Component, error) {
		part, err := s.history(r, frame, in)
		return views.HistoryCard(part), err
	})
}

// instanceSteps is the list of first steps.
func (s *Server) instanceSteps(r *request) error {
	return s.sendPart(r, func(frame views.Page, in instance.Instance) (templ.Component, error) {
		hooks, err := s.Webhooks.List(r.UserContext(), in.ID)
		if err != nil {
			return nil, err
		}
		part, err := s.steps(r, frame, in, len(hooks))
		return views.Steps(part), err
	})
}

// sendPart answers with a part of the overview that is not a panel.
func (s *Server) sendPart(r *request, part func(views.Page, instance.Instance) (templ.Component, error)) error {
	if !r.isHX() {
		return r.Redirect(path("instances", r.Params("id")), fiber.StatusSeeOther)
	}
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	frame, err := s.fragment(r)
	if err != nil {
		return err
	}
	c, err := part(frame, in)
	if err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, c)
}

// panel loads what live signals refresh. Looking at a code keeps it alive.
func (s *Server) panel(r *request) (views.InstancePanel, error) {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return views.InstancePanel{}, err
	}
	panel := views.InstancePanel{Instance: in, BaseURL: s.baseURL(r)}
	if r.may(auth.RoleOperator) {
		s.onScreen(&panel)
	}
	panel.Page, err = s.fragment(r)
	return panel, err
}

// onScreen adds what is on the screen of an instance that is being linked.
func (s *Server) onScreen(panel *views.InstancePanel) {
	id := panel.Instance.ID
	if p, live := s.Instances.Pairing(id); live {
		panel.Pairing = &p
	}
	if c, live := s.Instances.TypedCode(id); live {
		panel.Typed = &c
	}
	if k, live := s.Instances.Passkey(id); live && panel.Guest == "" {
		panel.Passkey = &k
	}
}

// instanceRow is one line of the list.
func (s *Server) instanceRow(r *request) error {
	if !r.isHX() {
		return r.Redirect("/instances", fiber.StatusSeeOther)
	}
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if problem.KindOf(err) == problem.NotFound {
		return r.SendStatus(fiber.StatusNoContent) // deleted; the list is about to hear of it
	}
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
