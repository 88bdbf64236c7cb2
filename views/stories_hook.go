package views

import (
	"github.com/a-h/templ"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/webhook"
)

func hookStories() []Story {
	in := storyInstance(instance.PhaseConnected, instance.ReasonNone)
	edit := func(p Page) WebhookPage {
		w := storyHook()
		return WebhookPage{Page: at(p, "/instances/x/webhooks/y"), Instance: in, Webhook: w, Name: w.Name, URL: w.URL, Enabled: true,
			Deliveries: storyDeliveries(), Waiting: 2}
	}
	return []Story{
		{"hooks", true, func(p Page) templ.Component {
			d := storyDeliveries()
			return Webhooks(WebhooksPage{Page: p, Instance: in, Rows: []WebhookRow{{Webhook: storyHook(), Last: &d[2]},
				{Webhook: webhook.Webhook{ID: "h2", Name: hostile, URL: "http://192.168.0.9:5678/" + longHindi}, Last: &d[1], Waiting: 1204},
				{Webhook: webhook.Webhook{ID: "h3", Name: "new", URL: "https://a.example"}}}})
		}},
		{"hooks-empty", true, func(p Page) templ.Component { return Webhooks(WebhooksPage{Page: p, Instance: in}) }},
		{"hook-new", true, func(p Page) templ.Component {
			return WebhookNew(WebhookNewPage{Page: p, Instance: in, Toggles: webhook.AllToggles()})
		}},
		{"hook-new-errors", true, func(p Page) templ.Component {
			return WebhookNew(WebhookNewPage{Page: p, Instance: in, Name: hostile, URL: "ftp://x",
				Errors: FieldErrors{"url": p.T.T("error.url_scheme"), "name": p.T.T("error.webhook_name", "max", 64)}})
		}},
		{"hook", true, func(p Page) templ.Component { return Webhook(edit(p)) }},
		{"hook-operator", true, func(p Page) templ.Component {
			p.User = &auth.User{Name: "O", Role: auth.RoleOperator}
			return Webhook(edit(p))
		}},
		{"hook-looker", true, func(p Page) templ.Component {
			p.User = &auth.User{Name: "V", Role: auth.RoleViewer}
			return Webhook(edit(p))
		}},
		{"hooks-viewer", true, func(p Page) templ.Component {
			p.User = &auth.User{Name: "V", Role: auth.RoleViewer}
			return Webhooks(WebhooksPage{Page: p, Instance: in, Rows: []WebhookRow{{Webhook: storyHook()}}})
		}},
		{"instance-viewer", true, func(p Page) templ.Component {
			p.User = &auth.User{Name: "V", Role: auth.RoleViewer}
			in := storyInstance(instance.PhaseQR, instance.ReasonNone)
			return Instance(InstancePage{Page: p, Panel: panel(p, in), History: HistoryPart{Page: p, Instance: in}})
		}},
		{"hook-secret", true, func(p Page) templ.Component {
			v := edit(p)
			v.Secret, v.Deliveries, v.Waiting = v.Webhook.Secret, nil, 0
			return Webhook(v)
		}},
		{"hook-conflict", true, func(p Page) templ.Component {
			v := edit(p)
			theirs := storyHook()
			theirs.Name, theirs.Enabled = hostile, false
			v.Theirs, v.Webhook.Enabled, v.Deliveries = &theirs, false, nil
			return Webhook(v)
		}},
		{"hook-form", false, func(p Page) templ.Component { return WebhookForm(edit(p)) }},
		{"hook-toggles", false, func(p Page) templ.Component { return ToggleGroups(edit(p)) }},
		{"hook-deliveries", false, func(p Page) templ.Component { return DeliveryTable(edit(p)) }},
		{"hook-enabled", false, func(p Page) templ.Component { return WebhookEnabled(p, storyID, storyHook()) }},
		{"hook-delete", true, func(p Page) templ.Component {
			return WebhookDelete(WebhookDeletePage{Page: p, Instance: in, Webhook: storyHook(), Waiting: 3})
		}},
	}
}
