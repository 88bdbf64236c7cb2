package web

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/problem"
	"pombal/internal/webhook"
	"pombal/views"
)

// askReplay is the page that chooses what is sent again and counts it.
func (s *Server) askReplay(r *request) error {
	page, err := s.replayPage(r)
	if err != nil {
		return err
	}
	page.From, page.To, page.Since = r.Query("from"), r.Query("to"), r.Query("since") != ""
	var zone *time.Location
	page.Zone, zone = clockZone(r, r.Query("zone"))
	if !page.Since && page.From == "" && page.To == "" {
		page.From, page.To = formatClock(s.Now().Add(-time.Hour), zone), formatClock(s.Now(), zone)
		return s.sendReplay(r, fiber.StatusOK, page)
	}
	in, err := s.window(&page)
	if err == nil {
		page.Count, err = s.Ledger.CountWindow(r.UserContext(), page.Instance.ID, page.Webhook.ID, in)
		page.Counted = err == nil
	}
	if err != nil {
		return s.replayAgain(r, page, err)
	}
	return s.sendReplay(r, fiber.StatusOK, page)
}

func (s *Server) replayPage(r *request) (views.ReplayPage, error) {
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return views.ReplayPage{}, err
	}
	page := views.ReplayPage{Instance: in, Webhook: h}
	if page.Health, err = s.Ledger.Health(r.UserContext(), in.ID, h.ID); err != nil {
		return page, err
	}
	page.Dead, err = s.Ledger.CountDead(r.UserContext(), in.ID, h.ID)
	return page, err
}

// window is the span of time that a form names.
func (s *Server) window(page *views.ReplayPage) (webhook.Window, error) {
	if page.Since {
		return webhook.Window{From: page.Health.LastSuccess, To: s.Now()}, nil
	}
	zone := location(page.Zone)
	from, okFrom := parseClock(page.From, zone)
	to, okTo := parseClockEnd(page.To, zone)
	if !okFrom || !okTo || !from.Before(to) {
		return webhook.Window{}, problem.InvalidField("from", "error.window")
	}
	return webhook.Window{From: from, To: to}, nil
}

func (s *Server) sendReplay(r *request, status int, page views.ReplayPage) (err error) {
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, status, views.Replay(page))
}

// replayAgain shows the form with what is wrong.
func (s *Server) replayAgain(r *request, page views.ReplayPage, cause error) error {
	messages, err := s.formErrors(r, cause)
	if err != nil {
		return err
	}
	page.Errors, page.Counted = messages, false
	return s.sendReplay(r, fiber.StatusUnprocessableEntity, page)
}

// replayWindow sends a span of time again.
func (s *Server) replayWindow(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	page, err := s.replayPage(r)
	if err != nil {
		return err
	}
	page.From, page.To, page.Since = f.text("from"), f.text("to"), f.ticked("since")
	page.Zone, _ = clockZone(r, f.text("zone"))
	in, err := s.window(&page)
	if err != nil {
		return s.replayAgain(r, page, err)
	}
	n, err := s.Ledger.ReplayWindow(r.UserContext(), page.Instance.ID, page.Webhook.ID, in)
	if err != nil {
		return s.replayAgain(r, page, err)
	}
	return s.replayed(r, page, n)
}

// replayDead sends all dead letters again.
func (s *Server) replayDead(r *request) error {
	page, err := s.replayPage(r)
	if err != nil {
		return err
	}
	n, err := s.Ledger.ReplayDead(r.UserContext(), page.Instance.ID, page.Webhook.ID)
	if err != nil {
		return err
	}
	return s.replayed(r, page, n)
}

func (s *Server) replayed(r *request, page views.ReplayPage, n int) error {
	count := strconv.Itoa(n)
	s.record(r, "webhook.replay", "webhook:"+page.Webhook.ID, map[string]string{"events": count})
	return s.redirectWith(r, path("instances", page.Instance.ID, "webhooks", page.Webhook.ID, "deliveries"),
		ok("done.replayed", "n", count))
}
