package codechat

import (
	"maps"
	"slices"
	"strings"

	"pombal/internal/event"
	"pombal/internal/problem"
	"pombal/internal/webhook"
)

// Limits of the input. The services behind have the same or narrower ones and
// say so in their own words.
const (
	maxText = 256
	maxURL  = 2048
	maxID   = 128
)

// createWebhook is POST /instance/:instanceId/webhook. It answers 201; without
// "enabled" the webhook is off, with all 19 events wanted (documented).
func (c *call) createWebhook() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	name, url, enabled := b.need("name", maxText), b.need("url", 2*maxURL), b.flag("enabled")
	b.only()
	if err := b.err(); err != nil {
		return err
	}
	hook, err := c.door.Webhooks.Create(c.ctx(), webhook.CreateParams{
		InstanceID: c.in.ID, Name: name, URL: url, Enabled: enabled != nil && *enabled,
	})
	if err != nil {
		return err
	}
	c.recordInstance("webhook.create", map[string]string{"webhook": hook.ID})
	return c.created(newWebhook(hook))
}

// listWebhooks is GET /instance/:instanceId/webhook.
func (c *call) listWebhooks() error {
	hooks, err := c.door.Webhooks.List(c.ctx(), c.in.ID)
	if err != nil {
		return err
	}
	return c.JSON(newWebhooks(hooks))
}

// findWebhook is GET /instance/:instanceId/webhook/:webhookId.
func (c *call) findWebhook() error {
	hook, err := c.door.Webhooks.Get(c.ctx(), c.in.ID, c.Params("webhookId"))
	if err != nil {
		return err
	}
	return c.JSON(newWebhook(hook))
}

// updateWebhook is PUT /instance/:instanceId/webhook/:webhookId. It answers 201
// (documented) and leaves the events alone. An absent "enabled" is left as it
// is: the known client sends it, and switching a webhook off by leaving out a
// word would lose events.
func (c *call) updateWebhook() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	name, url, enabled := b.need("name", maxText), b.text("url", 2*maxURL), b.flag("enabled")
	b.only()
	if err := b.err(); err != nil {
		return err
	}
	hook, err := c.door.Webhooks.Update(c.ctx(), c.in.ID, c.Params("webhookId"), webhook.UpdateParams{
		Name: &name, URL: url, Enabled: enabled,
	})
	if err != nil {
		return err
	}
	c.recordInstance("webhook.update", map[string]string{"webhook": hook.ID})
	return c.created(newWebhook(hook))
}

// setEvents is PATCH /instance/:instanceId/webhook/:webhookId/events with any
// subset of the 19 booleans; what is absent stays as it is.
func (c *call) setEvents() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	changes := readToggles(b, func(name string) (event.Type, bool) {
		info, ok := event.Lookup(name)
		return info.Type, ok
	})
	if err := b.err(); err != nil {
		return err
	}
	hook, err := c.door.Webhooks.SetToggles(c.ctx(), c.in.ID, c.Params("webhookId"), changes)
	if err != nil {
		return err
	}
	c.recordInstance("webhook.events", map[string]string{"webhook": hook.ID, "changed": names(changes)})
	return c.JSON(eventsJSON(hook.Events))
}

// readToggles takes booleans by the names that look knows. Two names of one
// event that disagree are refused.
func readToggles(b *body, look func(string) (event.Type, bool)) webhook.ToggleChanges {
	changes := make(webhook.ToggleChanges)
	for _, name := range slices.Sorted(maps.Keys(b.props)) {
		t, ok := look(name)
		if !ok {
			continue
		}
		if string(b.props[name]) == "null" {
			b.taken[name] = true
			b.fault(name, "must be a boolean value")
			continue
		}
		on := b.flag(name)
		if on == nil {
			continue
		}
		if was, twice := changes[t]; twice && was != *on {
			b.fault(name, "must not contradict another name of the same event")
		}
		changes[t] = *on
	}
	b.only()
	return changes
}

func names(changes webhook.ToggleChanges) string {
	var list []string
	for t := range changes {
		list = append(list, string(t))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// deleteWebhook is DELETE /instance/:instanceId/webhook/:webhookId. It answers
// with what was deleted: a body is parsed after every call.
func (c *call) deleteWebhook() error {
	id := c.Params("webhookId")
	hook, err := c.door.Webhooks.Get(c.ctx(), c.in.ID, id)
	if err != nil {
		return err
	}
	if err := c.door.Webhooks.Delete(c.ctx(), c.in.ID, id); err != nil {
		return err
	}
	c.recordInstance("webhook.delete", map[string]string{"webhook": id})
	return c.JSON(newWebhook(hook))
}

// renamed gives a refusal with a property called as this contract calls it.
func renamed(err error, from, to string) error {
	p := problem.As(err)
	if p == nil || !slices.ContainsFunc(p.Fields, func(f problem.Field) bool { return f.Name == from }) {
		return err
	}
	other := *p
	other.Fields = slices.Clone(p.Fields)
	for i := range other.Fields {
		if other.Fields[i].Name == from {
			other.Fields[i].Name = to
		}
	}
	return &other
}

// renamedAll is renamed for several properties.
func renamedAll(err error, names map[string]string) error {
	for from, to := range names {
		err = renamed(err, from, to)
	}
	return err
}
