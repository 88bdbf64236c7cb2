package web

import (
	"strconv"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/upkeep"
	"pombal/views"
)

// showRetention says how long what is kept, and how much that is now.
func (s *Server) showRetention(r *request) error {
	policy, err := s.Upkeep.Policy(r.UserContext())
	if err != nil {
		return err
	}
	return s.sendRetention(r, fiber.StatusOK, views.RetentionPage{Days: daysText(policy), NoMessages: !policy.KeepsMessages()})
}

func (s *Server) sendRetention(r *request, status int, page views.RetentionPage) error {
	var err error
	if page.Usage, err = s.Upkeep.Usage(r.UserContext()); err != nil {
		return err
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, status, views.Retention(page))
}

// setRetention changes how long what is kept. What would be deleted is told
// first; then the form has to be sent once more.
func (s *Server) setRetention(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	policy, page := readRetention(f)
	doomed, err := s.Upkeep.Doomed(r.UserContext(), policy)
	if err != nil {
		return s.retentionAgain(r, page, err)
	}
	seal := views.RetentionSeal(policy)
	if f.text("agreed") != seal && anyDoomed(doomed) {
		page.Doomed, page.Agreed = doomed, seal
		return s.sendRetention(r, fiber.StatusOK, page)
	}
	before, err := s.Upkeep.Policy(r.UserContext())
	if err != nil {
		return err
	}
	if err := s.Upkeep.SetPolicy(r.UserContext(), policy); err != nil {
		return err
	}
	s.record(r, "settings.retention", "settings", map[string]string{
		"before": views.RetentionSeal(before), "after": seal,
	})
	return s.redirectWith(r, "/settings/retention", ok("done.saved"))
}

// readRetention reads the policy, and the page as it was typed. A kind whose
// days are no number is missing from the policy.
func readRetention(f form) (upkeep.Policy, views.RetentionPage) {
	page := views.RetentionPage{Days: make(map[upkeep.Kind]string)}
	policy := make(upkeep.Policy)
	for _, kind := range upkeep.Choices() {
		text := f.text(string(kind))
		page.Days[kind] = text
		switch n, err := strconv.Atoi(text); {
		case f.ticked(string(kind) + "_forever"):
			policy[kind], page.Days[kind] = 0, "0"
		case err == nil && n > 0:
			policy[kind] = n
		}
	}
	if page.NoMessages = f.ticked("messages_off"); page.NoMessages {
		policy[upkeep.Messages] = upkeep.Off
	}
	return policy, page
}

// retentionAgain shows what is wrong with what was typed.
func (s *Server) retentionAgain(r *request, page views.RetentionPage, cause error) error {
	messages, err := s.formErrors(r, cause)
	if err != nil {
		return err
	}
	page.Errors = messages
	return s.sendRetention(r, fiber.StatusUnprocessableEntity, page)
}

// anyDoomed says whether anything would be deleted.
func anyDoomed(doomed map[upkeep.Kind]int) bool {
	for _, n := range doomed {
		if n > 0 {
			return true
		}
	}
	return false
}

// daysText is a policy as the fields of the form hold it.
func daysText(p upkeep.Policy) map[upkeep.Kind]string {
	days := make(map[upkeep.Kind]string)
	for kind, n := range p {
		days[kind] = strconv.Itoa(n)
	}
	return days
}
