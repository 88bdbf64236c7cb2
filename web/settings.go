package web

import (
	"errors"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/views"
)

// showSettings is the page that renames an instance, shows its credentials and
// leads to its deletion.
func (s *Server) showSettings(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	return s.sendSettings(r, fiber.StatusOK, views.InstanceSettingsPage{Instance: in, Name: in.Name})
}

// sendSettings draws the page.
func (s *Server) sendSettings(r *request, status int, page views.InstanceSettingsPage) error {
	var err error
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	if page.Keys, err = s.Auth.APIKeys(r.UserContext(), page.Instance.ID); err != nil {
		return err
	}
	page.BaseURL = s.baseURL(r)
	return s.render(r, status, views.InstanceSettings(page))
}

// baseURL is the address that other programs are to use. The caller's Host
// header is shown back to that caller alone, and only when the operator named
// no public address.
func (s *Server) baseURL(r *request) string {
	if s.public != nil {
		return s.public.Scheme + "://" + s.public.Host
	}
	scheme := "http"
	if r.secure {
		scheme = "https"
	}
	return scheme + "://" + r.Hostname()
}

// renameInstance changes the name. Whoever saved first wins; the other sees
// both names.
func (s *Server) renameInstance(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	id, name := r.Params("id"), f.text("name")
	rev, err := revision(f)
	if err != nil {
		return err
	}
	in, err := s.Instances.Rename(r.UserContext(), id, name, rev)
	if err != nil {
		return s.renameAgain(r, name, err)
	}
	s.record(r, "instance.rename", "instance:"+in.ID, map[string]string{"name": in.Name})
	return s.redirectWith(r, path("instances", in.ID, "settings"), ok("done.saved"))
}

// renameAgain shows what is wrong with the name that was typed.
func (s *Server) renameAgain(r *request, name string, cause error) error {
	page, status, err := s.refusedEdit(r, "name", cause)
	if err != nil {
		return err
	}
	page.Name = name
	if status == fiber.StatusConflict {
		page.Changed = "name"
	}
	return s.sendSettings(r, status, page)
}

// refusedEdit is the page after an edit of a field was refused: what was typed
// there is not valid, or somebody else saved first. Any other cause is returned.
func (s *Server) refusedEdit(r *request, field string, cause error) (page views.InstanceSettingsPage, status int, err error) {
	t, err := s.printerFor(r)
	if err != nil {
		return page, 0, err
	}
	status = fiber.StatusUnprocessableEntity
	messages, isForm := fieldErrors(t, cause)
	if errors.Is(cause, instance.ErrChanged) {
		status, isForm = fiber.StatusConflict, true
		messages = views.FieldErrors{field: t.Text(instance.ErrChanged.Text)}
	}
	if !isForm {
		return page, 0, cause
	}
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	return views.InstanceSettingsPage{Instance: in, Name: in.Name, Errors: messages}, status, err
}

// revision reads the edit that a form builds on; 0 when it does not say.
func revision(f form) (uint64, error) {
	if !f.has("rev") {
		return 0, nil
	}
	rev, err := strconv.ParseUint(f.text("rev"), 10, 64)
	if err != nil {
		return 0, problem.Wrap(err, kindBadRequest, "error.bad_request")
	}
	return rev, nil
}

// revealToken shows the instance token. Nothing is shown that was not recorded
// first.
func (s *Server) revealToken(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	if err := s.mustRecord(r, "instance.token.reveal", "instance:"+in.ID, nil); err != nil {
		return err
	}
	token, err := s.Auth.InstanceToken(r.UserContext(), auth.InstanceClaims{
		InstanceID: in.ID, TokenID: in.Token.ID, IssuedAt: in.Token.IssuedAt,
	})
	if err != nil {
		return err
	}
	r.private = true
	return s.sendSettings(r, fiber.StatusOK, views.InstanceSettingsPage{
		Instance: in, Name: in.Name, Revealed: &views.Revealed{Kind: "token", Secret: token},
	})
}

// createKey makes a client key for an instance and shows it, once.
func (s *Server) createKey(r *request) error {
	f, in, err := s.instanceForm(r)
	if err != nil {
		return err
	}
	secret, key, err := s.Auth.CreateInSPRLKey(r.UserContext(), in.ID, f.text("name"))
	if err != nil {
		return s.createKeyAgain(r, in, err)
	}
	s.record(r, "key.create", "key:"+key.ID, map[string]string{"instance": in.ID, "prefix": key.Prefix})
	r.private = true
	return s.sendSettings(r, fiber.StatusOK, views.InstanceSettingsPage{
		Instance: in, Name: in.Name,
		Revealed: &views.Revealed{Kind: "insprl", Secret: secret, ClientID: key.ClientID},
	})
}

// createKeyAgain shows what is wrong with the name of a key. The page has two
// fields that go by "name", so this one's messages are "key_name".
func (s *Server) createKeyAgain(r *request, in instance.Instance, cause error) error {
	messages, err := s.formErrors(r, cause)
	if err != nil {
		return err
	}
	if text, named := messages["name"]; named {
		messages["key_name"] = text
		delete(messages, "name")
	}
	return s.sendSettings(r, fiber.StatusUnprocessableEntity,
		views.InstanceSettingsPage{Instance: in, Name: in.Name, Errors: messages})
}

// revokeKey takes a client key away; it stops working at once.
func (s *Server) revokeKey(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	if err := s.Auth.RevokeAPIKey(r.UserContext(), in.ID, r.Params("kid")); err != nil {
		return err
	}
	s.record(r, "key.revoke", "key:"+r.Params("kid"), map[string]string{"instance": in.ID})
	return s.redirectWith(r, path("instances", in.ID, "settings"), ok("done.key_revoked"))
}
