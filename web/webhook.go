package web

import (
	"errors"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"pombal/internal/auth"
	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/webhook"
	"pombal/views"
)

// loadWebhook finds the webhook of the address and its instance.
func (s *Server) loadWebhook(r *request) (instance.Instance, webhook.Webhook, error) {
	in, err := s.Instances.Get(r.UserContext(), r.Params("id"))
	if err != nil {
		return in, webhook.Webhook{}, err
	}
	h, err := s.Webhooks.Get(r.UserContext(), in.ID, r.Params("wid"))
	return in, h, err
}

// showWebhook edits one webhook and shows its deliveries.
func (s *Server) showWebhook(r *request) error {
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return err
	}
	return s.sendWebhook(r, fiber.StatusOK, webhookPage(in, h))
}

// webhookPage is the page of a webhook with the stored values in its form.
func webhookPage(in instance.Instance, h webhook.Webhook) views.WebhookPage {
	return views.WebhookPage{Instance: in, Webhook: h, Name: h.Name, URL: h.URL, Enabled: h.Enabled, Settings: views.SettingsOf(h)}
}

// sendWebhook draws the page, or for htmx's posts the form alone. The form is
// put in place as a whole, whichever part of it asked: it carries the number of
// the edit that the next save builds on.
func (s *Server) sendWebhook(r *request, status int, page views.WebhookPage) error {
	var err error
	if page.Care.Seen, err = s.seen(r, page.Instance.ID); err != nil {
		return err
	}
	if !r.isHX() || r.Method() != fiber.MethodPost {
		return s.sendWholeWebhook(r, status, page)
	}
	if page.Page, err = s.fragment(r); err != nil {
		return err
	}
	r.Set("HX-Retarget", "#webhook-form")
	r.Set("HX-Reselect", "#webhook-form")
	r.Set("HX-Reswap", "outerMorph")
	return s.render(r, status, views.WebhookForm(page))
}

// sendWholeWebhook draws the page with its deliveries.
func (s *Server) sendWholeWebhook(r *request, status int, page views.WebhookPage) (err error) {
	if page.Care.Seen, err = s.seen(r, page.Instance.ID); err != nil {
		return err
	}
	page.Care.Lookup.Few = true
	if err := s.addDeliveries(r, &page); err != nil {
		return err
	}
	if page.Page, err = s.page(r); err != nil {
		return err
	}
	return s.render(r, status, views.Webhook(page))
}

// saveWebhook stores the form. A button beside the toggles changes the toggles
// alone. Operators may choose toggles; where events go is for admins.
func (s *Server) saveWebhook(r *request) error {
	f, err := parseForm(r)
	if err != nil {
		return err
	}
	in, h, err := s.loadWebhook(r)
	if err != nil {
		return err
	}
	toggles, pressed := f.toggles()
	page := webhookPage(in, h)
	page.Name, page.URL, page.Enabled = f.text("name"), f.text("url"), f.ticked("enabled")
	rev, err := revision(f)
	if err != nil {
		return err
	}
	if f.has("check") {
		r.again = true
		return s.checkStoredURL(r, f, page, toggles)
	}
	if pressed {
		if f.has("only") { // the form of a preset's preview has no other fields
			page = webhookPage(in, h)
		}
		return s.pressToggles(r, page, toggles, rev)
	}
	if (page.Name != h.Name || page.URL != h.URL || f.has("settings")) && !r.may(auth.RoleAdmin) {
		return auth.ErrForbidden
	}
	settings, err := readSettings(f, &page, h)
	if err != nil {
		return s.saveAgain(r, page, toggles, err)
	}
	saved, err := s.Webhooks.Update(r.UserContext(), in.ID, h.ID, webhook.UpdateParams{
		Name: &page.Name, URL: &page.URL, Enabled: &page.Enabled, Toggles: changes(h.Events.Toggles, toggles),
		Settings: settings, Rev: rev,
	})
	if err != nil {
		return s.saveAgain(r, page, toggles, err)
	}
	s.record(r, "webhook.update", "webhook:"+h.ID, changeDetail(h, saved))
	if !r.isHX() {
		return s.redirectWith(r, webhookPath(in, saved), ok("done.saved"))
	}
	return s.showSaved(r, webhookPage(in, saved))
}

// readSettings reads how calls are to be made; nil when the form does not say.
// What was typed stays on the page.
func readSettings(f form, page *views.WebhookPage, stored webhook.Webhook) (*webhook.Settings, error) {
	if !f.has("settings") {
		return nil, nil
	}
	page.Settings = views.HookSettings{
		Ordering: f.text("ordering"), Headers: f.raw("headers"), Timeout: f.text("timeout"), Skip: f.ticked("skip_verify"),
		Token: f.ticked("include_token"),
	}
	headers, err := webhook.ParseHeaders(page.Settings.Headers, stored.Headers)
	if err != nil {
		return nil, err
	}
	seconds := 0
	if text := page.Settings.Timeout; text != "" {
		if seconds, err = strconv.Atoi(text); err != nil || seconds <= 0 || seconds > 1000 {
			seconds = -1 // no number is none that is allowed
		}
	}
	return &webhook.Settings{
		Ordering: webhook.Ordering(page.Settings.Ordering), Headers: headers, SkipVerify: page.Settings.Skip,
		Timeout: time.Duration(seconds) * time.Second, IncludeToken: page.Settings.Token,
	}, nil
}

// pressToggles stores what a button beside the toggles asks for, and what was
// ticked before it was pressed. What was typed elsewhere in the form is neither
// stored nor lost.
func (s *Server) pressToggles(r *request, page views.WebhookPage, toggles webhook.Toggles, rev uint64) error {
	before := page.Webhook
	if rev != 0 && rev != before.Rev {
		return s.saveAgain(r, page, toggles, webhook.ErrChanged)
	}
	saved, err := s.Webhooks.SetToggles(r.UserContext(), page.Instance.ID, before.ID,
		changes(before.Events.Toggles, toggles))
	if err != nil {
		return err
	}
	s.record(r, "webhook.toggles", "webhook:"+saved.ID, changeDetail(before, saved))
	page.Webhook = saved
	if r.isHX() {
		return s.showSaved(r, page)
	}
	if page.Name == saved.Name && page.URL == saved.URL && page.Enabled == saved.Enabled {
		return s.redirectWith(r, webhookPath(page.Instance, saved), ok("done.saved"))
	}
	return s.sendWebhook(r, fiber.StatusOK, page)
}

// showSaved draws the form as it is stored now and says so.
func (s *Server) showSaved(r *request, page views.WebhookPage) error {
	t, err := s.printerFor(r)
	if err != nil {
		return err
	}
	if err := toast(r, "ok", t.T("done.saved")); err != nil {
		return err
	}
	return s.sendWebhook(r, fiber.StatusOK, page)
}

// saveAgain shows the form with what is wrong, or with what somebody else
// saved meanwhile. The ticks stay as they were sent.
func (s *Server) saveAgain(r *request, page views.WebhookPage, toggles webhook.Toggles, cause error) error {
	t, err := s.printerFor(r)
	if err != nil {
		return err
	}
	status := fiber.StatusUnprocessableEntity
	if errors.Is(cause, webhook.ErrChanged) {
		theirs, err := s.Webhooks.Get(r.UserContext(), page.Instance.ID, page.Webhook.ID)
		if err != nil {
			return err
		}
		// The form now builds on their edit: saving again is on purpose.
		page.Webhook, page.Theirs = theirs, &theirs
		status = fiber.StatusConflict
	} else {
		messages, isForm := fieldErrors(t, cause)
		if !isForm {
			return cause
		}
		page.Errors = messages
	}
	page.Webhook.Events.Toggles = toggles
	return s.sendWebhook(r, status, page)
}

// changes names the types whose toggle differs, so that a form never turns
// what it does not mean to.
func changes(from, to webhook.Toggles) webhook.ToggleChanges {
	c := make(webhook.ToggleChanges)
	for _, info := range event.All() {
		if on := to.Has(info.Type); on != from.Has(info.Type) {
			c[info.Type] = on
		}
	}
	return c
}

// changeDetail says for the audit what a save changed.
func changeDetail(before, after webhook.Webhook) map[string]string {
	d := make(map[string]string)
	if before.Name != after.Name {
		d["name"] = before.Name + " → " + after.Name
	}
	if before.URL != after.URL {
		d["url"] = "changed" // an address may hold a secret of its receiver
	}
	if before.Headers != after.Headers {
		d["headers"] = "changed" // the same is true of these
	}
	if before.Timeout != after.Timeout {
		d["timeout"] = after.Timeout.String()
	}
	if before.Ordering != after.Ordering {
		d["ordering"] = string(after.Ordering)
	}
	onOff := map[bool]string{true: "on", false: "off"}
	if before.Enabled != after.Enabled {
		d["enabled"] = onOff[after.Enabled]
	}
	if before.SkipVerify != after.SkipVerify {
		d["skipVerify"] = onOff[after.SkipVerify]
	}
	if before.IncludeToken != after.IncludeToken {
		d["includeToken"] = onOff[after.IncludeToken]
	}
	for typ, on := range changes(before.Events.Toggles, after.Events.Toggles) {
		d[string(typ)] = onOff[on]
	}
	return d
}
