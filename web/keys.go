package web

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/problem"
	"pombal/views"
)

// listKeys shows all keys, and who calls through which door.
func (s *Server) listKeys(r *request) error {
	uses, err := s.Auth.Uses(r.UserContext())
	if err != nil {
		return err
	}
	keys, err := s.Auth.AllAPIKeys(r.UserContext())
	if err != nil {
		return err
	}
	names, err := s.instanceNames(r)
	if err != nil {
		return err
	}
	page := views.KeysPage{}
	calls := keyCalls(uses, s.Now())
	for _, k := range keys {
		page.Keys = append(page.Keys, views.KeyRow{Key: k, Instance: names[k.InstanceID], Calls: calls[k.ID]})
	}
	if page.Callers, err = s.callers(r, uses, keys, names); err != nil {
		return err
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Keys(page))
}

// instanceNames maps ids of instances to names.
func (s *Server) instanceNames(r *request) (map[string]string, error) {
	list, err := s.Instances.List(r.UserContext())
	names := make(map[string]string, len(list))
	for _, in := range list {
		names[in.ID] = in.Name
	}
	return names, err
}

// keyCalls is how often each key was used in 24 hours, through all doors.
func keyCalls(uses []auth.Use, now time.Time) map[string]int {
	calls := make(map[string]int)
	for _, u := range uses {
		if u.Kind == auth.HolderKey {
			calls[u.ID] += u.Calls24h(now)
		}
	}
	return calls
}

// callers gathers who uses which door, the latest first. Credentials of what is
// gone are left out.
func (s *Server) callers(r *request, uses []auth.Use, keys []auth.APIKey, instances map[string]string) ([]views.Caller, error) {
	businesses, err := s.Instances.Businesses(r.UserContext())
	if err != nil {
		return nil, err
	}
	names := map[auth.Holder]string{{Kind: auth.HolderGlobal}: ""}
	for _, k := range keys {
		names[auth.Holder{Kind: auth.HolderKey, ID: k.ID}] = k.Name
	}
	for id, name := range instances {
		names[auth.Holder{Kind: auth.HolderToken, ID: id}] = name
		names[auth.Holder{Kind: auth.HolderOldToken, ID: id}] = name
	}
	for _, b := range businesses {
		names[auth.Holder{Kind: auth.HolderBusiness, ID: b.ID}] = b.Name
		names[auth.Holder{Kind: auth.HolderOldBusiness, ID: b.ID}] = b.Name
	}
	found := make(map[auth.Holder]views.Caller)
	for _, u := range uses {
		name, there := names[u.Holder]
		if !there {
			continue
		}
		c, known := found[u.Holder]
		if !known {
			c = views.Caller{Kind: u.Kind, Name: name, Uses: make(map[auth.Door]auth.Use)}
		}
		c.Uses[u.Door] = u
		if u.At.After(c.Last.At) {
			c.Last = u
		}
		found[u.Holder] = c
	}
	list := make([]views.Caller, 0, len(found))
	for _, c := range found {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b views.Caller) int {
		return cmp.Or(b.Last.At.Compare(a.Last.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Last.ID, b.Last.ID))
	})
	return list, nil
}

// newKey is the form that makes a key. A link from an instance chooses it;
// otherwise the first one is chosen, because all of them is a choice to make on
// purpose.
func (s *Server) newKey(r *request) error {
	list, err := s.Instances.List(r.UserContext())
	if err != nil {
		return err
	}
	page := views.KeyNewPage{Instances: list, InstanceID: r.Query("instance"), Scopes: []auth.Scope{auth.ScopeRead}}
	if page.InstanceID == "" && len(list) > 0 {
		page.InstanceID = list[0].ID
	}
	return s.sendKeyForm(r, fiber.StatusOK, page)
}

func (s *Server) sendKeyForm(r *request, status int, page views.KeyNewPage) (err error) {
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, status, views.KeyNew(page))
}

// makeKey makes a key and shows it, once.
func (s *Server) makeKey(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	page := views.KeyNewPage{Name: f.text("name"), InstanceID: f.text("instance"), Days: f.text("days")}
	for _, scope := range auth.Scopes() {
		if f.ticked("scope_" + string(scope)) {
			page.Scopes = append(page.Scopes, scope)
		}
	}
	secret, key, err := s.createScopedKey(r, page)
	if err != nil {
		return s.makeKeyAgain(r, page, err)
	}
	s.record(r, "key.create", "key:"+key.ID, map[string]string{"instance": key.InstanceID, "prefix": key.Prefix})
	return s.showKey(r, views.KeyShownPage{Key: key, Secret: secret})
}

func (s *Server) createScopedKey(r *request, page views.KeyNewPage) (string, auth.APIKey, error) {
	expires, err := s.expiry(page.Days)
	if err != nil {
		return "", auth.APIKey{}, err
	}
	if page.InstanceID != "" {
		if _, err := s.Instances.Get(r.UserContext(), page.InstanceID); problem.KindOf(err) == problem.NotFound {
			return "", auth.APIKey{}, problem.InvalidField("instance", "error.instance_not_found")
		} else if err != nil {
			return "", auth.APIKey{}, err
		}
	}
	return s.Auth.CreateKey(r.UserContext(), auth.KeyParams{
		InstanceID: page.InstanceID, Name: page.Name, Scopes: page.Scopes, ExpiresAt: expires, CreatedBy: r.user.Email,
	})
}

// expiry is when a key ends that is good for some days; never for "".
func (s *Server) expiry(days string) (time.Time, error) {
	if days == "" {
		return time.Time{}, nil
	}
	n, err := strconv.Atoi(days)
	if err != nil || !slices.Contains(views.KeyDays(), days) {
		return time.Time{}, problem.InvalidField("expiresAt", "error.key_expiry")
	}
	return s.Now().AddDate(0, 0, n), nil
}

func (s *Server) makeKeyAgain(r *request, page views.KeyNewPage, cause error) error {
	messages, err := s.formErrors(r, cause)
	if err != nil {
		return err
	}
	page.Errors = messages
	if page.Instances, err = s.Instances.List(r.UserContext()); err != nil {
		return err
	}
	return s.sendKeyForm(r, fiber.StatusUnprocessableEntity, page)
}

// showKey is the page with the text of a key on it.
func (s *Server) showKey(r *request, page views.KeyShownPage) error {
	names, err := s.instanceNames(r)
	if err != nil {
		return err
	}
	page.Instance, page.BaseURL = names[page.Key.InstanceID], s.baseURL(r)
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	r.private = true
	return s.render(r, fiber.StatusOK, views.KeyShown(page))
}

// askKey finds the key of the address and what a question about it shows.
func (s *Server) askKey(r *request) (views.KeyAskPage, error) {
	var page views.KeyAskPage
	key, err := s.Auth.APIKey(r.UserContext(), r.Params("kid"))
	if err != nil {
		return page, err
	}
	uses, err := s.Auth.Uses(r.UserContext())
	if err != nil {
		return page, err
	}
	page.Key, page.Calls = key, keyCalls(uses, s.Now())[key.ID]
	return page, nil
}

// askRotateKey asks how long the old key is to work beside the new one.
func (s *Server) askRotateKey(r *request) error {
	page, err := s.askKey(r)
	if err != nil {
		return err
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.KeyRotate(page))
}

// rotateKey makes the key that follows another one and shows it, once.
func (s *Server) rotateKey(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	hours, err := strconv.Atoi(f.text("overlap"))
	if err != nil || !slices.Contains(views.KeyOverlaps(), f.text("overlap")) {
		return s.rotateAgain(r)
	}
	id := r.Params("kid")
	secret, key, err := s.Auth.RotateKey(r.UserContext(), id, time.Duration(hours)*time.Hour)
	if err != nil {
		return err
	}
	s.record(r, "key.rotate", "key:"+id, map[string]string{"by": key.ID, "prefix": key.Prefix, "overlap": f.text("overlap") + "h"})
	old, err := s.Auth.APIKey(r.UserContext(), id)
	if err != nil {
		return err
	}
	return s.showKey(r, views.KeyShownPage{Key: key, Secret: secret, OldUntil: old.ExpiresAt})
}

// rotateAgain shows the question again: the time is none of those to choose from.
func (s *Server) rotateAgain(r *request) error {
	page, err := s.askKey(r)
	if err != nil {
		return err
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	page.Errors = views.FieldErrors{"overlap": page.T.T("error.key_expiry")}
	return s.render(r, fiber.StatusUnprocessableEntity, views.KeyRotate(page))
}

// askRevokeKey asks before a key stops working.
func (s *Server) askRevokeKey(r *request) error {
	page, err := s.askKey(r)
	if err != nil {
		return err
	}
	if r.wantsFragment() {
		if page.Page, err = s.fragment(r); err != nil {
			return err
		}
		return s.render(r, fiber.StatusOK, views.KeyRevokeDialog(page))
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.KeyRevoke(page))
}

// dropKey takes a key away; it stops working at once.
func (s *Server) dropKey(r *request) error {
	id := r.Params("kid")
	if err := s.Auth.RevokeKey(r.UserContext(), id); err != nil {
		return err
	}
	s.record(r, "key.revoke", "key:"+id, nil)
	return s.redirectWith(r, "/keys", ok("done.key_revoked"))
}
