package web

import (
	"github.com/gofiber/fiber/v2"

	"pombal/internal/instance"
	"pombal/internal/webhook"
	"pombal/views"
)

// listWebhooks shows the webhooks of an instance with how they fare.
func (s *Server) listWebhooks(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	hooks, err := s.Webhooks.List(r.UserContext(), in.ID)
	if err != nil {
		return err
	}
	page := views.WebhooksPage{Instance: in}
	for _, h := range hooks {
		row, err := s.webhookRow(r, h)
		if err != nil {
			return err
		}
		page.Rows = append(page.Rows, row)
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.Webhooks(page))
}

// webhookRow adds the newest delivery that was tried and what waits.
func (s *Server) webhookRow(r *request, h webhook.Webhook) (views.WebhookRow, error) {
	row := views.WebhookRow{Webhook: h}
	newest, err := s.Webhooks.Deliveries(r.UserContext(), h.InstanceID, h.ID, 20)
	if err != nil {
		return row, err
	}
	for i := range newest {
		if newest[i].Last != nil {
			row.Last = &newest[i]
			break
		}
	}
	if row.Health, err = s.Ledger.Health(r.UserContext(), h.InstanceID, h.ID); err != nil {
		return row, err
	}
	row.Waiting, err = s.Webhooks.Waiting(r.UserContext(), h.InstanceID, h.ID)
	return row, err
}

// newWebhook is the form that adds a webhook: off and with all types, as
// CodeChat's API makes them.
func (s *Server) newWebhook(r *request) error {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return err
	}
	return s.sendNewWebhook(r, fiber.StatusOK, views.WebhookNewPage{Instance: in, Toggles: webhook.AllToggles()})
}

func (s *Server) sendNewWebhook(r *request, status int, page views.WebhookNewPage) error {
	var err error
	if page.Seen, err = s.seen(r, page.Instance.ID); err != nil {
		return err
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, status, views.WebhookNew(page))
}

// createWebhook adds a webhook. The buttons beside the toggles change nothing
// but the form.
func (s *Server) createWebhook(r *request) error {
	f, in, err := s.instanceForm(r)
	if err != nil {
		return err
	}
	toggles, pressed := f.toggles()
	page := views.WebhookNewPage{
		Instance: in, Name: f.text("name"), URL: f.text("url"), Enabled: f.ticked("enabled"), Toggles: toggles,
	}
	typed := views.WebhookPage{}
	settings, err := readSettings(f, &typed, webhook.Webhook{})
	page.Settings = typed.Settings
	if f.has("check") {
		r.again = true
		return s.checkNewURL(r, page)
	}
	if pressed {
		r.again = true
		return s.sendNewWebhook(r, fiber.StatusOK, page)
	}
	var h webhook.Webhook
	if err == nil {
		h, err = s.Webhooks.Create(r.UserContext(), webhook.CreateParams{
			InstanceID: in.ID, Name: page.Name, URL: page.URL, Enabled: page.Enabled, Toggles: &toggles, Settings: settings,
		})
	}
	if err != nil {
		t, errT := s.printerFor(r)
		if errT != nil {
			return errT
		}
		messages, isForm := fieldErrors(t, err)
		if !isForm {
			return err
		}
		page.Errors = messages
		return s.sendNewWebhook(r, fiber.StatusUnprocessableEntity, page)
	}
	s.record(r, "webhook.create", "webhook:"+h.ID, map[string]string{"instance": in.ID, "name": h.Name})
	return s.redirectWith(r, webhookPath(in, h), ok("done.webhook_created", "name", h.Name))
}

// webhookPath is the page of a webhook.
func webhookPath(in instance.Instance, h webhook.Webhook) string {
	return path("instances", in.ID, "webhooks", h.ID)
}

// enableWebhook switches a webhook on or off from the list.
func (s *Server) enableWebhook(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	id, on := r.Params("id"), f.ticked("enabled")
	h, err := s.Webhooks.Update(r.UserContext(), id, r.Params("wid"), webhook.UpdateParams{Enabled: &on})
	if err != nil {
		return err
	}
	done, state := "done.webhook_disabled", "off"
	if on {
		done, state = "done.webhook_enabled", "on"
	}
	s.record(r, "webhook.enabled", "webhook:"+h.ID, map[string]string{"enabled": state})
	if !r.isHX() {
		return s.redirectWith(r, path("instances", id, "webhooks"), ok(done, "name", h.Name))
	}
	frame, err := s.fragment(r)
	if err != nil {
		return err
	}
	if err := toast(r, "ok", ok(done, "name", h.Name).text(frame.T)); err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK, views.WebhookEnabled(frame, id, h))
}

// askDeleteWebhook asks before a webhook goes, and says what goes with it.
func (s *Server) askDeleteWebhook(r *request) error {
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return err
	}
	waiting, err := s.Webhooks.Waiting(r.UserContext(), in.ID, h.ID)
	if err != nil {
		return err
	}
	frame, err := s.page(r)
	if err != nil {
		return err
	}
	return s.render(r, fiber.StatusOK,
		views.WebhookDelete(views.WebhookDeletePage{Page: frame, Instance: in, Webhook: h, Waiting: waiting}))
}

// deleteWebhook removes a webhook and what waits for it.
func (s *Server) deleteWebhook(r *request) error {
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return err
	}
	if err := s.Webhooks.Delete(r.UserContext(), in.ID, h.ID); err != nil {
		return err
	}
	s.record(r, "webhook.delete", "webhook:"+h.ID, map[string]string{"instance": in.ID, "name": h.Name})
	return s.redirectWith(r, path("instances", in.ID, "webhooks"), ok("done.webhook_deleted", "name", h.Name))
}
