package web

import (
	"github.com/gofiber/fiber/v2"

	"pombal/internal/instance"
	"pombal/views"
)

// askLogout explains a logout before it happens: as a dialog, or as a page for
// browsers without scripts.
func (s *Server) askLogout(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	if r.wantsFragment() {
		frame, err := s.fragment(r)
		if err != nil {
			return err
		}
		return s.render(r, fiber.StatusOK, views.LogoutDialog(views.LogoutPage{Page: frame, Instance: in}))
	}
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Logout(views.LogoutPage{Page: frame, Instance: in}))
}

// logoutInstance unlinks the device. It is legal from every state; what became
// of it is said in two parts: on the phone, and here.
func (s *Server) logoutInstance(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	how := f.text("how")
	res, err := s.Instances.Logout(r.UserContext(), r.Params("id"), instance.LogoutParams{Wait: how == "wait", Force: how == "here"})
	if err != nil {
		return err
	}
	s.record(r, "instance.logout", "instance:"+res.Instance.ID, logoutDetail(res))
	return s.redirectWith(r, path("instances", res.Instance.ID), logoutNotice(res))
}

// logoutNotice says what became of a logout.
func logoutNotice(res instance.LogoutResult) notice {
	name := res.Instance.Name
	switch {
	case res.Unlinked && res.Erased:
		return ok("done.logout", "name", name)
	case res.WasLinked && res.Erased:
		return warn("done.logout_here_only", "name", name)
	case res.WasLinked:
		return warn("done.logout_pending", "name", name)
	case res.EndedPairing:
		return ok("done.logout_pairing", "name", name)
	default:
		return info("done.logout_nothing", "name", name)
	}
}

// logoutDetail is the same for the audit.
func logoutDetail(res instance.LogoutResult) map[string]string {
	yesNo := map[bool]string{true: "yes", false: "no"}
	return map[string]string{
		"wasLinked": yesNo[res.WasLinked], "unlinked": yesNo[res.Unlinked], "erased": yesNo[res.Erased],
	}
}
