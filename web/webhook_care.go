package web

import (
	"encoding/json"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/internal/webhook"
	"pombal/views"
)

// tryWebhook sends a made-up event and shows what came of it.
func (s *Server) tryWebhook(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return err
	}
	from, err := s.wire(r, in)
	if err != nil {
		return err
	}
	trial, err := s.Ledger.Try(r.UserContext(), in.ID, h.ID, event.Type(f.text("type")), from)
	if err != nil {
		return err
	}
	s.record(r, "webhook.try", "webhook:"+h.ID, map[string]string{"type": string(trial.Event.Type)})
	page := webhookPage(in, h)
	page.Care.Trial = &trial
	return s.sendWholeWebhook(r, fiber.StatusOK, page)
}

// wire is an instance as the bodies of its events show it.
func (s *Server) wire(r *request, in instance.Instance) (event.WireInstance, error) {
	b, err := s.Instances.Business(r.UserContext(), in.BusinessID)
	if err != nil && problem.KindOf(err) != problem.NotFound {
		return event.WireInstance{}, err
	}
	return in.Wire(b), nil
}

// resumeWebhook lets calls begin again after the receiver was given up.
func (s *Server) resumeWebhook(r *request) error {
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return err
	}
	if _, err := s.Ledger.Resume(r.UserContext(), in.ID, h.ID); err != nil {
		return err
	}
	s.record(r, "webhook.resume", "webhook:"+h.ID, nil)
	return s.redirectWith(r, webhookPath(in, h), ok("done.resumed", "name", h.Name))
}

// revealSecret shows the signing secret, once it was recorded who asked.
func (s *Server) revealSecret(r *request) error {
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return err
	}
	if err := s.mustRecord(r, "webhook.secret.reveal", "webhook:"+h.ID, nil); err != nil {
		return err
	}
	return s.sendSecret(r, in, h)
}

func (s *Server) sendSecret(r *request, in instance.Instance, h webhook.Webhook) error {
	page := webhookPage(in, h)
	page.Secret = h.Secret
	r.private = true
	return s.sendWholeWebhook(r, fiber.StatusOK, page)
}

// askRotate asks before a webhook gets a new secret.
func (s *Server) askRotate(r *request) error {
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return err
	}
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Rotate(views.RotatePage{Page: frame, Instance: in, Webhook: h}))
}

// rotateSecret gives a webhook a new secret and shows it.
func (s *Server) rotateSecret(r *request) error {
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return err
	}
	if err := s.mustRecord(r, "webhook.secret.rotate", "webhook:"+h.ID, nil); err != nil {
		return err
	}
	if h, err = s.Ledger.Rotate(r.UserContext(), in.ID, h.ID); err != nil {
		return err
	}
	return s.sendSecret(r, in, h)
}

// seen counts the events of the last day; without an answer nothing is shown.
func (s *Server) seen(r *request, instanceID string) (map[event.Type]int, error) {
	return s.Events.EventsSeen(r.UserContext(), instanceID, s.Now().Add(-24*time.Hour))
}

// askPreset shows what a preset would change, before it does.
func (s *Server) askPreset(r *request) error {
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return err
	}
	name := r.Params("preset")
	after, known := preset(name)
	if !known {
		return fiber.ErrNotFound
	}
	page := views.PresetPage{Instance: in, Webhook: h, Preset: name, After: after}
	for _, info := range event.All() {
		switch on := after.Has(info.Type); {
		case on == h.Events.Toggles.Has(info.Type):
		case on:
			page.On = append(page.On, info.Type)
		default:
			page.Off = append(page.Off, info.Type)
		}
	}
	if page.Seen, err = s.seen(r, in.ID); err != nil {
		return err
	}
	if r.wantsFragment() {
		if page.Page, err = s.fragment(r); err != nil {
			return err
		}
		return s.render(r, fiber.StatusOK, views.PresetDialog(page))
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Preset(page))
}

// showSample shows what an event of a type looks like.
func (s *Server) showSample(r *request) error {
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return err
	}
	info, known := event.Lookup(r.Params("type"))
	if !known {
		return fiber.ErrNotFound
	}
	from, err := s.wire(r, in)
	if err != nil {
		return err
	}
	body, err := sampleBody(info, from, s.Now())
	if err != nil {
		return err
	}
	page := views.SamplePage{Instance: in, Webhook: h, Type: string(info.Type), Body: body}
	if r.wantsFragment() {
		if page.Page, err = s.fragment(r); err != nil {
			return err
		}
		return s.render(r, fiber.StatusOK, views.SampleDialog(page))
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Sample(page))
}

// showVerify shows how a receiver checks that a call is genuine.
func (s *Server) showVerify(r *request) error {
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return err
	}
	page := webhookPage(in, h)
	if r.wantsFragment() {
		if page.Page, err = s.fragment(r); err != nil {
			return err
		}
		return s.render(r, fiber.StatusOK, views.VerifyDialog(page))
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Verify(page))
}

func sampleBody(info event.Info, from event.WireInstance, now time.Time) (string, error) {
	id, err := event.NewID()
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(event.Envelope{
		Event: info.Wire, ID: id, Seq: 1, Timestamp: event.WireTime(now), Instance: from, Data: webhook.Sample(info.Type),
	})
	return indented(raw), err
}
