package web

import (
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/instance"
	"pombal/views"
)

// listInstances is the first page: all instances, or those that match.
func (s *Server) listInstances(r *request) error {
	all, err := s.Instances.List(r.UserContext())
	if err != nil {
		return err
	}
	hooks, err := s.Webhooks.Counts(r.UserContext())
	if err != nil {
		return err
	}
	page := views.InstancesPage{ListChoice: listChoice(r)}
	for _, in := range choose(&page, all) {
		row := views.InstanceRow{
			Instance: in, Webhooks: hooks[in.ID].All, WebhooksEnabled: hooks[in.ID].Enabled, WebhooksFailing: hooks[in.ID].Failing,
		}
		if row.Events, err = s.eventsOf(r.UserContext(), in.ID); err != nil {
			return err
		}
		page.Rows = append(page.Rows, row)
	}
	if r.wantsFragment() {
		if page.Page, err = s.fragment(r); err != nil {
			return err
		}
		if r.Get("HX-Source") == "form#search" { // its address names what is as usual too
			r.Set("HX-Replace-Url", page.ListChoice.URL())
		}
		return s.render(r, fiber.StatusOK, views.InstanceRows(page))
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Instances(page))
}

// row adds what the list shows beside the instance.
func (s *Server) row(r *request, in instance.Instance) (views.InstanceRow, error) {
	hooks, err := s.Webhooks.List(r.UserContext(), in.ID)
	if err != nil {
		return views.InstanceRow{}, err
	}
	row := views.InstanceRow{Instance: in, Webhooks: len(hooks)}
	for _, h := range hooks {
		if !h.Enabled {
			continue
		}
		row.WebhooksEnabled++
		health, err := s.Ledger.Health(r.UserContext(), in.ID, h.ID)
		if err != nil {
			return row, err
		}
		if health.Failing(h) {
			row.WebhooksFailing++
		}
	}
	row.Events, err = s.eventsOf(r.UserContext(), in.ID)
	return row, err
}

// filterName accepts the filters that exist.
func filterName(name string) string {
	switch name {
	case "connected", "attention", "off":
		return name
	default:
		return "all"
	}
}

// count adds an instance to the numbers on the chips.
func count(c *views.FilterCounts, in instance.Instance) {
	c.All++
	switch {
	case in.State == instance.Inactive:
		c.Off++
	case in.Status.Phase.Online():
		c.Connected++
	case needsAttention(in):
		c.Attention++
	}
}

// matches says whether an instance is to be shown for a search and a filter.
func matches(in instance.Instance, query, filter string) bool {
	var c views.FilterCounts
	count(&c, in)
	switch filter {
	case "connected":
		if c.Connected == 0 {
			return false
		}
	case "attention":
		if c.Attention == 0 {
			return false
		}
	case "off":
		if c.Off == 0 {
			return false
		}
	}
	query = strings.ToLower(query)
	if strings.Contains(strings.ToLower(in.Name), query) || strings.Contains(in.ID, query) {
		return true
	}
	if query != "" && slices.ContainsFunc(in.Tags, func(t string) bool { return strings.Contains(strings.ToLower(t), query) }) {
		return true
	}
	wa := in.WhatsApp
	if wa == nil {
		return false
	}
	digits := strings.NewReplacer("+", "", " ", "", "-", "", "(", "", ")", "").Replace(query)
	return digits != "" && strings.Contains(wa.JID, digits) || strings.Contains(strings.ToLower(wa.PushName), query)
}

// newInstance is the form that creates an instance.
func (s *Server) newInstance(r *request) error {
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.InstanceNew(views.InstanceNewPage{Page: frame}))
}

// createInstance makes an instance and starts to link it: its page opens with
// the code on it.
func (s *Server) createInstance(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	name := f.text("name")
	in, err := s.Instances.Create(r.UserContext(), instance.CreateParams{Name: name})
	if err != nil {
		return s.createAgain(r, name, err)
	}
	s.record(r, "instance.create", "instance:"+in.ID, map[string]string{"name": in.Name})
	// The instance exists either way, and its page says why no code comes.
	if _, err := s.Instances.Connect(r.UserContext(), in.ID); err != nil {
		s.Log.Warn("connect a new instance", "request", r.id, "instance", in.ID, "error", err.Error())
	}
	return s.redirectWith(r, path("instances", in.ID), ok("done.instance_created", "name", in.Name))
}

func (s *Server) createAgain(r *request, name string, cause error) error {
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	messages, isForm := fieldErrors(frame.T, cause)
	if !isForm {
		return cause
	}
	return s.render(r, fiber.StatusUnprocessableEntity,
		views.InstanceNew(views.InstanceNewPage{Page: frame, Name: name, Errors: messages}))
}
