package web

import (
	"github.com/gofiber/fiber/v2"

	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/views"
)

// showTest is the form that sends a test message: to the number itself, where
// it is known.
func (s *Server) showTest(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	t, err := s.printerFor(r)
	if err != nil {
		return err
	}
	page := views.TestPage{Instance: in, Text: t.T("test.sample")}
	if in.Linked() {
		page.To = views.OwnNumber(in)
	}
	return s.sendTest(r, fiber.StatusOK, page)
}

func (s *Server) sendTest(r *request, status int, page views.TestPage) error {
	var err error
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, status, views.TestMessage(page))
}

// sendTestMessage sends it. The answer comes once WhatsApp has taken it.
func (s *Server) sendTestMessage(r *request) error {
	f, in, err := s.instanceForm(r)
	if err != nil {
		return err
	}
	page := views.TestPage{Instance: in, To: f.text("recipient"), Text: f.text("text")}
	sent, err := s.Instances.SendText(r.UserContext(), in.ID, instance.SendTextParams{To: page.To, Text: page.Text})
	if err != nil {
		return s.testAgain(r, page, err)
	}
	s.record(r, "message.test", "instance:"+in.ID, nil)
	r.setCookie(cookieTested, "1", yearLong)
	page.Sent = &sent
	return s.sendTest(r, fiber.StatusOK, page)
}

// testAgain shows the form with what was typed and why it was not sent.
func (s *Server) testAgain(r *request, page views.TestPage, cause error) error {
	t, err := s.printerFor(r)
	if err != nil {
		return err
	}
	messages, isForm := fieldErrors(t, cause)
	status := fiber.StatusUnprocessableEntity
	if p := problem.As(cause); !isForm {
		if p == nil || p.Kind == problem.Internal || p.Kind == problem.NotFound {
			return cause
		}
		status = statusOf(p.Kind)
		messages = views.FieldErrors{"recipient": t.Text(p.Text)}
		if p.RetryAfter > 0 {
			r.Set(fiber.HeaderRetryAfter, retrySeconds(seconds(p.RetryAfter)))
		}
	}
	page.Errors = messages
	return s.sendTest(r, status, page)
}
