package views

import (
	"fmt"
	"time"

	"github.com/a-h/templ"

	"pombal/internal/auth"
	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/locale"
	"pombal/internal/webhook"
)

// story is one component in one state.
type story struct {
	Name string
	Full bool // a whole page
	Make func(p Page) templ.Component
}

func storyTime() time.Time { return time.Date(2026, 11, 22, 12, 15, 30, 0, time.UTC) }

// hostile is a push name that tries to be markup and script.
const hostile = `<img src=x onerror=alert(1)>"'{{hx-get}} </script>`

const (
	longHindi = "राधाकृष्णन-साड़ी-और-वस्त्र-भंडार-मुख्य-शाखा-जयपुर-राजस्थान-भारत"
	storyID   = "019aab3c-5d1e-7c11-9f00-2b6a4c9d0e11"
	hookID    = "019aab3c-6e2f-7d22-8a11-3c7b5d0e1f22"
)

func storyPage(lang, theme string) (Page, error) {
	t, err := locale.New(lang)
	if err != nil {
		return Page{}, err
	}
	return Page{
		T: t, Theme: theme, CSRF: "tok<en\"'", Path: "/instances", Now: storyTime(), Version: "1.0.0", RequestID: "req-7Q2",
		User: &auth.User{ID: "u1", Email: "ana@loja.example", Name: "Ana Souza", Role: auth.RoleOwner},
	}, nil
}

func number1() *instance.WhatsApp {
	return &instance.WhatsApp{
		ID: "w1", Device: "5511987650001:12@s.whatsapp.net", JID: "5511987650001@s.whatsapp.net", PushName: "Loja SP",
		Platform: "android", BusinessName: "Loja SP Ltda", LinkedAt: storyTime().Add(-50 * time.Hour),
	}
}

func storyInstance(phase instance.Phase, reason instance.Reason) instance.Instance {
	now := storyTime()
	in := instance.Instance{
		ID: storyID, Name: "Loja SP", State: instance.Active, Rev: 3, CreatedAt: now.Add(-72 * time.Hour),
		Status: instance.Status{Phase: phase, Reason: reason, Since: now.Add(-4 * time.Minute)},
	}
	switch phase {
	case instance.PhaseNew, instance.PhaseConnecting, instance.PhaseQR, instance.PhaseCode, instance.PhasePasskey,
		instance.PhasePairFailed, instance.PhaseLinkExpired:
		return in
	case instance.PhaseLoggedOut:
		in.WhatsApp = number1()
		in.WhatsApp.Device = ""
		return in
	case instance.PhaseStopped:
		in.State = instance.Inactive
	}
	in.WhatsApp = number1()
	return in
}

func storyPairing() *instance.Pairing {
	now := storyTime()
	return &instance.Pairing{
		Code: "2@abc", ShownAt: now.Add(-7 * time.Second), ExpiresAt: now.Add(13 * time.Second), Number: 2, Of: 6, Round: 1, Seq: 42,
	}
}

func panel(p Page, in instance.Instance) InstancePanel {
	v := InstancePanel{Page: p, Instance: in}
	if in.Status.Phase == instance.PhaseQR {
		v.Pairing = storyPairing()
	}
	return v
}

func storyHook() webhook.Webhook {
	return webhook.Webhook{
		ID: hookID, InstanceID: storyID, Name: "crm-prod", URL: "https://crm.example/hooks/whatsapp?shop=sp", Enabled: true, Rev: 2,
		Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Events: webhook.Events{Toggles: webhook.AllToggles().With(event.MessagesSet, false)},
	}
}

func storyDeliveries() []webhook.Delivery {
	now := storyTime()
	answered := func(code int, took time.Duration, text string) *webhook.Attempt {
		return &webhook.Attempt{At: now.Add(-time.Minute), Took: took, StatusCode: code, Response: text}
	}
	return []webhook.Delivery{
		{ID: 7, EventType: event.MessagesUpsert, EventSeq: 1207, QueuedAt: now.Add(-2 * time.Second), Status: webhook.StatusPending},
		{ID: 6, EventType: event.PresenceUpdate, EventSeq: 1206, QueuedAt: now.Add(-time.Minute), Status: webhook.StatusPending,
			Attempts: 4, NextAt: now.Add(44 * time.Second), Last: answered(503, 1200*time.Millisecond, "<h1>busy</h1>")},
		{ID: 5, EventType: event.MessagesUpsert, EventSeq: 1205, QueuedAt: now.Add(-2 * time.Minute), Status: webhook.StatusDelivered,
			Attempts: 1, Last: answered(200, 91*time.Millisecond, "ok")},
		{ID: 4, EventType: event.SendMessage, EventSeq: 1204, QueuedAt: now.Add(-3 * time.Hour), Status: webhook.StatusDead,
			Reason: "delivery.gave_up", Attempts: 9, Last: &webhook.Attempt{At: now.Add(-time.Hour), Error: "timeout"}},
		{ID: 3, EventType: event.ChatsSet, EventSeq: 1203, QueuedAt: now.Add(-26 * time.Hour), Status: webhook.StatusDropped,
			Reason: "delivery.toggle_off"},
	}
}

func rows(n int) []InstanceRow {
	phases := instance.Phases()
	out := make([]InstanceRow, 0, n)
	for i := range n {
		in := storyInstance(phases[(i+7)%len(phases)], instance.ReasonNone)
		in.ID = fmt.Sprintf("019aab3c-5d1e-7c11-9f00-%012d", i)
		in.Name = fmt.Sprintf("Shop %d", i+1)
		in.Status.Since = storyTime().Add(-time.Duration(i*i) * time.Minute)
		out = append(out, InstanceRow{Instance: in, Webhooks: i % 3, WebhooksEnabled: i % 2})
	}
	return out
}

func listPage(p Page, n int) InstancesPage {
	p.Attention = 2
	return InstancesPage{Page: p, Rows: rows(n), Filter: "all", Counts: FilterCounts{All: n, Connected: 9, Attention: 2, Off: 1}}
}

func at(p Page, path string) Page {
	p.Path = path
	return p
}

// stories are every component in every state that looks different.
func stories() []story {
	all := append(doorStories(), listStories()...)
	all = append(all, instanceStories()...)
	all = append(all, settingsStories()...)
	return append(all, hookStories()...)
}

func doorStories() []story {
	bad := FieldErrors{"code": "This is not the code from the log.", "password": "Use at least 12 characters.", "other": "<b>x</b>"}
	return []story{
		{"setup", true, func(p Page) templ.Component { p.User = nil; return Setup(SetupPage{Page: at(p, "/setup")}) }},
		{"setup-errors", true, func(p Page) templ.Component {
			p.User = nil
			return Setup(SetupPage{Page: at(p, "/setup"), Code: "x", Name: hostile, Email: "a@b", Language: "pt-BR", Errors: bad,
				General: "Wait"})
		}},
		{"login", true, func(p Page) templ.Component {
			p.User, p.Insecure = nil, true
			return Login(LoginPage{Page: at(p, "/login")})
		}},
		{"login-error", true, func(p Page) templ.Component {
			p.User = nil
			return Login(LoginPage{Page: at(p, "/login"), Email: hostile, Next: "/instances?q=\"", Keep: true, Error: p.T.T("error.credentials")})
		}},
		{"failure", true, func(p Page) templ.Component {
			return Failure(ErrorPage{Page: p, Status: 404, Title: p.T.T("error.title.not_found"), Text: p.T.T("error.instance_not_found")})
		}},
		{"failure-wait", true, func(p Page) templ.Component {
			p.User = nil
			return Failure(ErrorPage{Page: p, Status: 429, Title: p.T.T("error.title.too_many"), Text: hostile, Retry: 7})
		}},
	}
}

func listStories() []story {
	return []story{
		{"list", true, func(p Page) templ.Component {
			p.Flash = &Flash{Kind: "ok", Text: p.T.T("done.saved")}
			return Instances(listPage(p, 13))
		}},
		{"list-200", true, func(p Page) templ.Component { return Instances(listPage(p, 200)) }},
		{"list-empty", true, func(p Page) templ.Component {
			p.Demo = &Demo{PhoneURL: "http://127.0.0.1:1/", ReceiverURL: "http://127.0.0.1:2/"}
			return Instances(InstancesPage{Page: p})
		}},
		{"list-nothing-found", true, func(p Page) templ.Component {
			v := listPage(p, 13)
			v.Rows, v.Query, v.Filter = nil, hostile, "off"
			return Instances(v)
		}},
		{"list-no-attention", true, func(p Page) templ.Component {
			v := listPage(p, 13)
			v.Rows, v.Filter = nil, "attention"
			return Instances(v)
		}},
		{"list-viewer", true, func(p Page) templ.Component {
			p.User = &auth.User{Name: hostile, Email: hostile, Role: auth.RoleViewer}
			p.StandIn, p.Insecure = true, true
			v := listPage(p, 1)
			v.Rows[0].Instance.Name = longHindi
			v.Rows[0].Instance.WhatsApp = number1()
			v.Rows[0].Instance.WhatsApp.PushName = hostile
			return Instances(v)
		}},
		{"rows", false, func(p Page) templ.Component { return InstanceRows(listPage(p, 3)) }},
		{"instance-new", true, func(p Page) templ.Component { return InstanceNew(InstanceNewPage{Page: at(p, "/instances/new")}) }},
		{"instance-new-taken", true, func(p Page) templ.Component {
			return InstanceNew(InstanceNewPage{Page: at(p, "/instances/new"), Name: hostile,
				Errors: FieldErrors{"name": p.T.T("error.name_taken")}})
		}},
	}
}

func instanceStories() []story {
	var all []story
	add := func(name string, in instance.Instance) {
		all = append(all, story{"instance-" + name, true, func(p Page) templ.Component {
			p = at(p, "/instances/"+in.ID)
			v := InstancePage{Page: p, Panel: panel(p, in)}
			if in.Status.Phase.Online() {
				v.Webhooks = []webhook.Webhook{storyHook(), {ID: "h2", Name: hostile, URL: "http://192.168.0.9:5678/x"}}
			}
			return Instance(v)
		}})
	}
	for _, phase := range instance.Phases() {
		add(string(phase), storyInstance(phase, instance.ReasonNone))
	}
	for _, reason := range instance.Reasons() {
		phase := instance.PhaseReconnecting
		switch reason {
		case instance.ReasonPhoneRemoved, instance.ReasonPrimaryGone, instance.ReasonAccountBanned, instance.ReasonLocalOnly:
			phase = instance.PhaseLoggedOut
		case instance.ReasonCodesSpent, instance.ReasonNobodyWatches:
			phase = instance.PhaseLinkExpired
		case instance.ReasonTempBan:
			phase = instance.PhaseBanned
		case instance.ReasonPairRejected, instance.ReasonPairTimeout, instance.ReasonPasskey:
			phase = instance.PhasePairFailed
		case instance.ReasonRefused:
			phase = instance.PhaseBlocked
		}
		in := storyInstance(phase, reason)
		in.Status.Code, in.Status.NextAt, in.Status.Attempt = 402, storyTime().Add(8*time.Second), 4
		in.Status.Detail = "dial tcp: lookup web.whatsapp.com: no such host"
		add("why-"+string(reason), in)
	}
	odd := storyInstance(instance.PhaseConnected, instance.ReasonNone)
	odd.ID, odd.Name, odd.WhatsApp.PushName, odd.WhatsApp.BusinessName = "shop.1:a", longHindi, hostile, hostile
	add("odd", odd)
	waits := storyInstance(instance.PhaseQR, instance.ReasonNone)
	return append(all, story{"instance-no-code-yet", true, func(p Page) templ.Component {
		return Instance(InstancePage{Page: p, Panel: InstancePanel{Page: p, Instance: waits}})
	}})
}

func settingsStories() []story {
	settings := func(p Page, in instance.Instance) InstanceSettingsPage {
		return InstanceSettingsPage{Page: at(p, "/instances/x/settings"), Instance: in, Name: in.Name, BaseURL: "https://wa.example"}
	}
	in := storyInstance(instance.PhaseConnected, instance.ReasonNone)
	odd := in
	odd.Name = hostile
	return []story{
		{"settings", true, func(p Page) templ.Component { return InstanceSettings(settings(p, in)) }},
		{"settings-token", true, func(p Page) templ.Component {
			v := settings(p, storyInstance(instance.PhaseStopped, instance.ReasonOperator))
			v.Revealed = &Revealed{Kind: "token", Secret: "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJqdGkiOiIwMTlhYWIzYyJ9.Zm9vYmFyYmF6cXV4"}
			v.Errors = FieldErrors{"name": p.T.T("error.changed_elsewhere")}
			return InstanceSettings(v)
		}},
		{"settings-keys", true, func(p Page) templ.Component {
			v := settings(p, odd)
			v.Keys = []auth.APIKey{{ID: "k1", Name: "PHP shop", Prefix: "pk_ab12", ClientID: "c-1", UsedAt: storyTime().Add(-time.Hour)},
				{ID: "k2", Name: hostile, Prefix: "pk_cd34", ClientID: "c-2"}}
			v.Revealed = &Revealed{Kind: "insprl", Secret: "pk_cd34EFGH", ClientID: "c-2"}
			v.Errors = FieldErrors{"key_name": p.T.T("error.key_name", "max", 64)}
			return InstanceSettings(v)
		}},
		{"settings-viewer", true, func(p Page) templ.Component {
			p.User = &auth.User{Name: "V", Role: auth.RoleViewer}
			return InstanceSettings(settings(p, in))
		}},
		{"logout", true, func(p Page) templ.Component { return Logout(LogoutPage{Page: p, Instance: in}) }},
		{"logout-offline", true, func(p Page) templ.Component {
			return Logout(LogoutPage{Page: p, Instance: storyInstance(instance.PhaseReconnecting, instance.ReasonUnreachable)})
		}},
		{"logout-dialog", false, func(p Page) templ.Component { return LogoutDialog(LogoutPage{Page: p, Instance: odd}) }},
		{"delete", true, func(p Page) templ.Component {
			return Delete(DeletePage{Page: p, Instance: odd, Typed: "x", Logout: true, Webhooks: 2, Errors: FieldErrors{"typed": hostile}})
		}},
		{"delete-dialog", false, func(p Page) templ.Component {
			return DeleteDialog(DeletePage{Page: p, Instance: in, Logout: true, Webhooks: 1})
		}},
	}
}

func hookStories() []story {
	in := storyInstance(instance.PhaseConnected, instance.ReasonNone)
	edit := func(p Page) WebhookPage {
		w := storyHook()
		return WebhookPage{Page: at(p, "/instances/x/webhooks/y"), Instance: in, Webhook: w, Name: w.Name, URL: w.URL, Enabled: true,
			Deliveries: storyDeliveries(), Waiting: 2}
	}
	return []story{
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
			return Instance(InstancePage{Page: p, Panel: panel(p, storyInstance(instance.PhaseQR, instance.ReasonNone))})
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
