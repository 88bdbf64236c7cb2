package web

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/audit"
	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/views"
)

// How often somebody with a pairing link may ask: a page asks every three
// seconds, and few people sit behind one address.
const (
	guestBurst = 120
	guestEvery = 500 * time.Millisecond
)

var errLinkOver = problem.New(problem.NotFound, "error.link_over")

// askLink explains the pairing link.
func (s *Server) askLink(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	return s.sendLink(r, views.LinkPage{Instance: in})
}

func (s *Server) sendLink(r *request, page views.LinkPage) error {
	var err error
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Link(page))
}

// makeLink makes a pairing link. Nothing is made that was not recorded first.
func (s *Server) makeLink(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	if in.Linked() {
		return instance.ErrConnected
	}
	if err := s.mustRecord(r, "instance.link", "instance:"+in.ID, nil); err != nil {
		return err
	}
	ends := s.Now().Add(auth.LinkLimit)
	text, err := s.Auth.PairingLink(r.UserContext(), auth.LinkClaims{
		InstanceID: in.ID, LinkedAt: linkedAt(in), ExpiresAt: ends,
	})
	if err != nil {
		return err
	}
	r.private = true
	return s.sendLink(r, views.LinkPage{Instance: in, URL: s.baseURL(r) + "/link/" + text, Ends: ends})
}

// linkedAt is when the account of an instance was linked last.
func linkedAt(in instance.Instance) time.Time {
	if in.WhatsApp == nil {
		return time.Time{}
	}
	return in.WhatsApp.LinkedAt
}

// guest finds the instance of a pairing link. The link is over when its time
// is, or once a phone was linked; who held it then still sees that it worked.
func (s *Server) guest(r *request) (instance.Instance, auth.LinkClaims, error) {
	if err := s.guests.allow(s.address(r.Ctx), s.Now()); err != nil {
		return instance.Instance{}, auth.LinkClaims{}, err
	}
	claims, err := s.Auth.ParsePairingLink(r.UserContext(), r.Params("token"))
	if problem.KindOf(err) == problem.NotFound {
		return instance.Instance{}, claims, errLinkOver
	}
	if err != nil {
		return instance.Instance{}, claims, err
	}
	in, err := s.Instances.Get(r.UserContext(), claims.InstanceID)
	if problem.KindOf(err) == problem.NotFound {
		return instance.Instance{}, claims, errLinkOver
	}
	if err == nil && !claims.SameLink(linkedAt(in)) && !in.Linked() {
		return instance.Instance{}, claims, errLinkOver
	}
	// The timeline says who did what.
	r.SetUserContext(instance.WithActor(r.UserContext(), "link"))
	return in, claims, err
}

// guestPanel is the card with the code, for the holder of a link. What it says
// of a linked instance is that it is linked.
func (s *Server) guestPanel(r *request) (views.InstancePanel, error) {
	in, claims, err := s.guest(r)
	if err != nil {
		return views.InstancePanel{}, err
	}
	panel := views.InstancePanel{Instance: in, Guest: r.Params("token"), LinkEnds: claims.ExpiresAt}
	if !in.Linked() {
		s.onScreen(&panel)
	}
	panel.Page, err = s.fragment(r)
	panel.User = nil
	return panel, err
}

// showGuest is the page of a pairing link.
func (s *Server) showGuest(r *request) error {
	panel, err := s.guestPanel(r)
	if err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Guest(views.GuestPage{Page: panel.Page, Panel: panel}))
}

// guestPair is the card anew.
func (s *Server) guestPair(r *request) error {
	if !r.isHX() {
		return r.Redirect(path("link", r.Params("token")), fiber.StatusSeeOther)
	}
	panel, err := s.guestPanel(r)
	if err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.QRPanel(panel))
}

// guestPicture is the code as a picture.
func (s *Server) guestPicture(r *request) error {
	in, _, err := s.guest(r)
	if err != nil {
		return err
	}
	if in.Linked() {
		r.Status(fiber.StatusNotFound)
		return nil
	}
	return s.sendPicture(r, in.ID)
}

// guestConnect asks for a code.
func (s *Server) guestConnect(r *request) error {
	in, _, err := s.guest(r)
	if err != nil {
		return err
	}
	if in.Linked() {
		return errLinkOver
	}
	if _, err := s.Instances.Connect(r.UserContext(), in.ID); err != nil {
		return err
	}
	s.auditCall(r.Ctx, audit.Entry{Actor: "link", Action: "instance.connect", Object: "instance:" + in.ID})
	if !r.isHX() {
		return r.Redirect(path("link", r.Params("token")), fiber.StatusSeeOther)
	}
	return s.guestPair(r)
}

// guestCode asks for a code to type.
func (s *Server) guestCode(r *request) error {
	panel, err := s.guestPanel(r)
	if err != nil {
		return err
	}
	if panel.Instance.Linked() {
		return errLinkOver
	}
	return s.askCode(r, panel, audit.Entry{Actor: "link"})
}
