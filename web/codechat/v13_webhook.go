package codechat

import (
	"pombal/internal/event"
	"pombal/internal/webhook"
)

// name13 is what the one webhook is called that version 1.3 makes: it has no
// names there.
const name13 = "v1.3"

// toggle13 is an event's name in version 1.3.
type toggle13 struct {
	name string
	t    event.Type // "" for those that version 2.1 has no event for
}

// toggles13 are the 22 names in the order of the contract.
func toggles13() []toggle13 {
	return []toggle13{
		{"qrcodeUpdated", event.QRCodeUpdate}, {"messagesSet", event.MessagesSet}, {"messagesUpsert", event.MessagesUpsert},
		{"messagesUpdated", event.MessagesUpdate}, {"sendMessage", event.SendMessage}, {"contactsSet", event.ContactsSet},
		{"contactsUpsert", event.ContactsUpsert}, {"contactsUpdated", event.ContactsUpdate},
		{"presenceUpdated", event.PresenceUpdate}, {"chatsSet", event.ChatsSet}, {"chatsUpsert", event.ChatsUpsert},
		{"chatsUpdated", event.ChatsUpdate}, {"chatsDeleted", event.ChatsDelete}, {"groupsUpsert", event.GroupsUpsert},
		{"groupsUpdated", event.GroupUpdate}, {"groupsParticipantsUpdated", event.GroupParticipantsUpdate},
		{"connectionUpdated", event.ConnectionUpdate}, {"statusInstance", event.StateInstance}, {"refreshToken", event.NewJWT},
		{"callUpsert", ""}, {"labelsAssociation", ""}, {"labelsEdit", ""},
	}
}

type webhook13JSON struct {
	ID         string         `json:"id"`
	URL        string         `json:"url"`
	Enabled    bool           `json:"enabled"`
	CreatedAt  event.WireTime `json:"createdAt"`
	UpdatedAt  event.WireTime `json:"updatedAt"`
	Events     events13JSON   `json:"events"`
	InstanceID string         `json:"instanceId"`
}

// events13JSON writes the names of version 1.3. Those without an event are
// always false.
type events13JSON webhook.Toggles

// MarshalJSON writes the names in the order of the contract.
func (e events13JSON) MarshalJSON() ([]byte, error) { return jsonText(nil).events13(e), nil }

func newWebhook13(h webhook.Webhook) webhook13JSON {
	return webhook13JSON{
		ID: h.ID, URL: h.URL, Enabled: h.Enabled, CreatedAt: event.WireTime(h.CreatedAt),
		UpdatedAt: event.WireTime(h.UpdatedAt), Events: events13JSON(h.Events.Toggles), InstanceID: h.InstanceID,
	}
}

// findWebhook13 is GET /webhook/find/:instanceName: the oldest webhook, since
// version 1.3 knows one for each instance; null when there is none.
func (c *call) findWebhook13() error {
	hooks, err := c.door.Webhooks.List(c.ctx(), c.in.ID)
	if err != nil {
		return err
	}
	if len(hooks) == 0 {
		return c.JSON(nil)
	}
	return c.JSON(newWebhook13(hooks[0]))
}

// setWebhook13 is PUT /webhook/set/:instanceName: it makes the webhook or
// changes the oldest. It answers 201.
func (c *call) setWebhook13() error {
	b, err := readBody(c.Ctx)
	if err != nil {
		return err
	}
	url, enabled := b.need("url", 2*maxURL), b.flag("enabled")
	if enabled == nil {
		b.fault("enabled", "must be a boolean value")
	}
	named := b.has("events")
	events := b.object("events")
	for _, toggle := range toggles13() {
		if toggle.t == "" {
			events.flag(toggle.name) // accepted, so that clients need not change, and never sent
		}
	}
	changes := readToggles(events, func(name string) (event.Type, bool) {
		for _, toggle := range toggles13() {
			if toggle.name == name && toggle.t != "" {
				return toggle.t, true
			}
		}
		return "", false
	})
	b.only()
	if err := b.err(); err != nil {
		return err
	}
	hook, err := c.doSetWebhook13(url, *enabled, named, changes)
	if err != nil {
		return err
	}
	return c.created(newWebhook13(hook))
}

func (c *call) doSetWebhook13(url string, enabled, named bool, changes webhook.ToggleChanges) (webhook.Webhook, error) {
	hooks, err := c.door.Webhooks.List(c.ctx(), c.in.ID)
	if err != nil {
		return webhook.Webhook{}, err
	}
	if len(hooks) == 0 {
		p := webhook.CreateParams{InstanceID: c.in.ID, Name: name13, URL: url, Enabled: enabled}
		if named { // what is not named is off; without any events at all everything is on
			var wanted webhook.Toggles
			for t, on := range changes {
				wanted = wanted.With(t, on)
			}
			p.Toggles = &wanted
		}
		hook, err := c.door.Webhooks.Create(c.ctx(), p)
		if err == nil {
			c.recordInstance("webhook.create", map[string]string{"webhook": hook.ID})
		}
		return hook, err
	}
	hook, err := c.door.Webhooks.Update(c.ctx(), c.in.ID, hooks[0].ID, webhook.UpdateParams{URL: &url, Enabled: &enabled})
	if err == nil && len(changes) > 0 {
		hook, err = c.door.Webhooks.SetToggles(c.ctx(), c.in.ID, hook.ID, changes)
	}
	if err == nil {
		c.recordInstance("webhook.update", map[string]string{"webhook": hook.ID})
	}
	return hook, err
}
