package views

import (
	"strings"
	"time"

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
			return draw(Webhooks, WebhooksPage{Page: p, Instance: in, Rows: []WebhookRow{{Webhook: storyHook(), Last: &d[2]},
				{Webhook: webhook.Webhook{ID: "h2", Name: hostile, URL: "http://192.168.0.9:5678/" + longHindi}, Last: &d[1], Waiting: 1204},
				{Webhook: webhook.Webhook{ID: "h3", Name: "new", URL: "https://a.example"}}}})
		}},
		{"hooks-empty", true, func(p Page) templ.Component { return draw(Webhooks, WebhooksPage{Page: p, Instance: in}) }},
		{"hook-new", true, func(p Page) templ.Component {
			return draw(WebhookNew, WebhookNewPage{Page: p, Instance: in, Toggles: webhook.AllToggles()})
		}},
		{"hook-new-errors", true, func(p Page) templ.Component {
			return draw(WebhookNew, WebhookNewPage{Page: p, Instance: in, Name: hostile, URL: "ftp://x",
				Errors: FieldErrors{"url": p.T.T("error.url_scheme"), "name": p.T.T("error.webhook_name", "max", 64)}})
		}},
		{"hook", true, func(p Page) templ.Component { return draw(Webhook, edit(p)) }},
		{"hook-operator", true, func(p Page) templ.Component {
			p.User = &auth.User{Name: "O", Role: auth.RoleOperator}
			return draw(Webhook, edit(p))
		}},
		{"hook-looker", true, func(p Page) templ.Component {
			p.User = &auth.User{Name: "V", Role: auth.RoleViewer}
			return draw(Webhook, edit(p))
		}},
		{"hooks-viewer", true, func(p Page) templ.Component {
			p.User = &auth.User{Name: "V", Role: auth.RoleViewer}
			return draw(Webhooks, WebhooksPage{Page: p, Instance: in, Rows: []WebhookRow{{Webhook: storyHook()}}})
		}},
		{"instance-viewer", true, func(p Page) templ.Component {
			p.User = &auth.User{Name: "V", Role: auth.RoleViewer}
			return draw(Instance, instancePage(p, storyInstance(instance.PhaseQR, instance.ReasonNone)))
		}},
		{"hook-secret", true, func(p Page) templ.Component {
			v := edit(p)
			v.Secret, v.Deliveries, v.Waiting = v.Webhook.Secret, nil, 0
			return draw(Webhook, v)
		}},
		{"hook-conflict", true, func(p Page) templ.Component {
			v := edit(p)
			theirs := storyHook()
			theirs.Name, theirs.Enabled = hostile, false
			v.Theirs, v.Webhook.Enabled, v.Deliveries = &theirs, false, nil
			return draw(Webhook, v)
		}},
		{"hook-form", false, func(p Page) templ.Component { return draw(WebhookForm, edit(p)) }},
		{"hook-toggles", false, func(p Page) templ.Component { return draw(ToggleGroups, edit(p)) }},
		{"hook-deliveries", false, func(p Page) templ.Component { return draw(DeliveryTable, edit(p)) }},
		{"hook-enabled", false, func(p Page) templ.Component { return WebhookEnabled(p, storyID, storyHook()) }},
		{"hook-verify", true, func(p Page) templ.Component { return draw(Verify, edit(p)) }},
		{"catch", true, func(p Page) templ.Component { return draw(Catch, storyCatch(p)) }},
		{"catch-empty", true, func(p Page) templ.Component {
			v := storyCatch(p)
			v.Caught, v.More = nil, false
			return draw(Catch, v)
		}},
		{"catch-viewer", true, func(p Page) templ.Component {
			p.User = &auth.User{Name: "V", Role: auth.RoleViewer}
			v := storyCatch(p)
			v.Before = 30
			return draw(Catch, v)
		}},
		{"caught", true, func(p Page) templ.Component {
			return draw(CaughtRequest, CaughtPage{Page: p, Instance: in, Caught: storyCaught()[0]})
		}},
		{"caught-cut", true, func(p Page) templ.Component {
			return draw(CaughtRequest, CaughtPage{Page: p, Instance: in, Caught: storyCaught()[5]})
		}},
		{"caught-viewer", true, func(p Page) templ.Component {
			p.User = &auth.User{Name: "V", Role: auth.RoleViewer}
			c := storyCaught()[0]
			c.Head, c.Body = "", ""
			return draw(CaughtRequest, CaughtPage{Page: p, Instance: in, Caught: c})
		}},
		{"hook-delete", true, func(p Page) templ.Component {
			return draw(WebhookDelete, WebhookDeletePage{Page: p, Instance: in, Webhook: storyHook(), Waiting: 3})
		}},
	}
}

// storyCatch is a list of caught requests with older ones behind it.
func storyCatch(p Page) CatchPage {
	return CatchPage{
		Page: p, Instance: storyInstance(instance.PhaseConnected, instance.ReasonNone), Caught: storyCaught(), More: true,
		URL: "https://wa.example" + webhook.CatchPrefix + storyID + "/5f0c2b7de1a84c3f9a6be0d1427c93aa",
	}
}

// storyCaught is a request of each verdict, newest first; the last is too large
// to be kept whole and says nothing that can be understood.
func storyCaught() []webhook.Caught {
	var list []webhook.Caught
	add := func(v webhook.Verdict, ev, hook, body string, size int) {
		list = append(list, webhook.Caught{
			ID: uint64(30 - len(list)), At: storyTime().Add(-time.Duration(len(list)*len(list)) * time.Minute), Event: ev,
			EventID: "019aab3c-5d1e-7c11-9f00-0123456789ab", Verdict: v, Webhook: hook, Body: body, Size: size,
			Head: "Content-Type: application/json\nUser-Agent: Pombal/1.0.0\nwebhook-id: 019aab3c-5d1e-7c11-9f00-0123456789ab\n" +
				"webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=\nwebhook-timestamp: 1763843400",
		})
	}
	body := `{"event":"messages.upsert","data":{"keyRemoteJid":"5521998880002@s.whatsapp.net","content":{"text":"` + hostile + `"}}}`
	add(webhook.VerdictGood, "messages.upsert", storyHook().Name, body, len(body))
	add(webhook.VerdictTooOld, "group.participants:update", hostile, body, len(body))
	add(webhook.VerdictNone, "connection.update", "", body, len(body))
	add(webhook.VerdictDamaged, "messages.upsert", "", body, len(body))
	add(webhook.VerdictWrong, "messages.upsert", "", body, len(body))
	add(webhook.VerdictNone, "", "", strings.Repeat(longHindi+" ", 40), 1<<20)
	return list
}
