package views

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/a-h/templ"

	"pombal/internal/auth"
	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/locale"
	"pombal/internal/webhook"
)

// Story is one component in one state: what tests look at, and, in the demo,
// people.
type Story struct {
	Name string
	Full bool // a whole page
	Make func(p Page) templ.Component
}

// drawn is a component with the value that it draws, for those who look whether
// the value can be.
type drawn struct {
	templ.Component
	model any
}

// draw draws a value by a component.
func draw[T any](component func(T) templ.Component, model T) templ.Component {
	return drawn{component(model), model}
}

// Page is the story as a whole page that does nothing by itself.
func (s Story) Page(p Page) templ.Component {
	p.Still = true
	if s.Full {
		return s.Make(p)
	}
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return StoryFrame(p, s.Name).Render(templ.WithChildren(ctx, s.Make(p)), w)
	})
}

func storyTime() time.Time { return time.Date(2026, 11, 22, 12, 15, 30, 0, time.UTC) }

// hostile is a push name that tries to be markup and script.
const hostile = `<img src=x onerror=alert(1)>"'{{hx-get}} </script>`

const (
	longHindi = "राधाकृष्णन-साड़ी-और-वस्त्र-भंडार-मुख्य-शाखा-जयपुर-राजस्थान-भारत"
	storyID   = "019aab3c-5d1e-7c11-9f00-2b6a4c9d0e11"
	hookID    = "019aab3c-6e2f-7d22-8a11-3c7b5d0e1f22"
)

// StoryPage is the page around a story.
func StoryPage(t *locale.Printer, theme string) Page {
	return Page{
		T: t, Theme: theme, CSRF: "tok<en\"'", Path: "/instances", Now: storyTime(), Version: "1.0.0", RequestID: "req-7Q2",
		Op: "op", Shortcuts: true, Country: map[string]string{"pt-BR": "55", "hi": "91"}[t.Lang()],
		User: &auth.User{ID: "u1", Email: "ana@loja.example", Name: "Ana Souza", Role: auth.RoleOwner},
	}
}

func number1() *instance.WhatsApp {
	return &instance.WhatsApp{
		ID: "w1", Device: "5511987650001:12@s.whatsapp.net", JID: "5511987650001@s.whatsapp.net", LID: "100000012345678@lid", PushName: "Loja SP",
		Platform: "android", BusinessName: "Loja SP Ltda", LinkedAt: storyTime().Add(-50 * time.Hour),
		PhoneSeen: storyTime().Add(-3 * time.Hour),
	}
}

func storyPairing() *instance.Pairing {
	now := storyTime()
	return &instance.Pairing{
		Code: "2@abc", ShownAt: now.Add(-7 * time.Second), ExpiresAt: now.Add(13 * time.Second), Number: 2, Of: 6, Round: 1, Seq: 42,
	}
}

// panel is the two cards of an instance, with what is on the screen in its
// phase.
func panel(p Page, in instance.Instance) InstancePanel {
	v := InstancePanel{Page: p, Instance: in, BaseURL: "https://wa.example"}
	switch in.Status.Phase {
	case instance.PhaseQR:
		v.Pairing = storyPairing()
	case instance.PhaseCode:
		v.Typed = storyCode()
	case instance.PhasePasskey:
		v.Passkey = storyPasskey()
	}
	return v
}

func storyCode() *instance.TypedCode {
	now := storyTime()
	return &instance.TypedCode{
		Code: "K7QD2MXA", Phone: "5511987650001", Other: "551187650001", ShownAt: now.Add(-40 * time.Second),
		ExpiresAt: now.Add(2 * time.Minute), Seq: 43,
	}
}

func storyPasskey() *instance.Passkey {
	return &instance.Passkey{
		Request: []byte(`{"challenge":"q1w2e3","rpId":"whatsapp.com"}`), ExpiresAt: storyTime().Add(time.Minute), Seq: 44,
	}
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
		phase := instance.PhaseConnected // as most are, after one of each
		if i < len(phases) {
			phase = phases[(i+7)%len(phases)]
		}
		in := storyInstance(phase, instance.ReasonNone)
		in.ID = fmt.Sprintf("019aab3c-5d1e-7c11-9f00-%012d", i)
		in.Name = fmt.Sprintf("Shop %d", i+1)
		in.Status.Since = storyTime().Add(-time.Duration(i*i) * time.Minute)
		if i%4 == 0 {
			in.Tags = []string{"br", "vendas"}[:1+i%8/4]
		}
		hooks := i % 3
		enabled := min(i%4, hooks)
		out = append(out, InstanceRow{Instance: in, Webhooks: hooks, WebhooksEnabled: enabled, WebhooksFailing: min(i%5/4, enabled),
			Events: i * i % 100})
	}
	return out
}

func listPage(p Page, n int) InstancesPage {
	per := PageSizes()[0]
	if n > per {
		per = PageSizes()[2]
	}
	v := InstancesPage{Rows: rows(n), Found: n, Tags: []string{"br", "vendas"}, ListChoice: ListChoice{Filter: "all", Sort: "name", Per: per, Page: 1}}
	for _, row := range v.Rows {
		v.Counts.All++
		switch s := row.Instance.Status; {
		case row.Instance.State == instance.Inactive:
			v.Counts.Off++
		case s.Phase.Online():
			v.Counts.Connected++
		case s.NeedsAttention():
			v.Counts.Attention++
		}
	}
	p.Attention = v.Counts.Attention
	v.Page = p
	return v
}

func bulkPage(p Page, act string, n int) BulkPage {
	v := BulkPage{Page: at(p, "/instances/bulk"), Act: act, IDs: "a,b", Back: "/instances?q=\"", Known: []string{"br"}}
	for _, row := range rows(n) {
		v.Instances = append(v.Instances, row.Instance)
	}
	return v
}

func at(p Page, path string) Page {
	p.Path = path
	return p
}

// Stories are every component in every state that looks different.
func Stories() []Story {
	all := append(doorStories(), listStories()...)
	all = append(all, instanceStories()...)
	all = append(all, settingsStories()...)
	all = append(all, lifeStories()...)
	all = append(all, tourStories()...)
	all = append(all, accountStories()...)
	all = append(all, keyStories()...)
	return append(all, hookStories()...)
}

func doorStories() []Story {
	bad := FieldErrors{"code": "This is not the code from the log.", "password": "Use at least 12 characters.", "other": "<b>x</b>"}
	return []Story{
		{"setup", true, func(p Page) templ.Component { p.User = nil; return draw(Setup, SetupPage{Page: at(p, "/setup")}) }},
		{"setup-errors", true, func(p Page) templ.Component {
			p.User = nil
			return draw(Setup, SetupPage{Page: at(p, "/setup"), Code: "x", Name: hostile, Email: "a@b", Language: "pt-BR", Errors: bad,
				General: p.T.T("error.setup_wait", "seconds", 60)})
		}},
		{"login", true, func(p Page) templ.Component {
			p.User, p.Insecure = nil, true
			return draw(Login, LoginPage{Page: at(p, "/login")})
		}},
		{"login-error", true, func(p Page) templ.Component {
			p.User = nil
			return draw(Login, LoginPage{Page: at(p, "/login"), Email: hostile, Next: "/instances?q=\"", Keep: true, Error: p.T.T("error.credentials")})
		}},
		{"failure", true, func(p Page) templ.Component {
			return draw(Failure, ErrorPage{Page: p, Status: 404, Title: p.T.T("error.title.not_found"), Text: p.T.T("error.instance_not_found")})
		}},
		{"failure-wait", true, func(p Page) templ.Component {
			p.User = nil
			return draw(Failure, ErrorPage{Page: p, Status: 429, Title: p.T.T("error.title.too_many"), Text: hostile, Retry: 7})
		}},
	}
}

func listStories() []Story {
	return []Story{
		{"list", true, func(p Page) templ.Component {
			p.Flash = &Flash{Kind: "ok", Text: p.T.T("done.saved")}
			return draw(Instances, listPage(p, 13))
		}},
		{"list-100", true, func(p Page) templ.Component { return draw(Instances, listPage(p, 100)) }},
		{"list-page", true, func(p Page) templ.Component {
			v := listPage(p, 25)
			v.Found, v.ListChoice = 412, ListChoice{Filter: "all", Sort: "last", Back: true, Per: 25, Page: 8}
			v.Counts.All, v.Counts.Connected = 412, 412-25+v.Counts.Connected
			return draw(Instances, v)
		}},
		{"list-empty", true, func(p Page) templ.Component {
			p.Demo = &Demo{PhoneURL: "http://127.0.0.1:1/", ReceiverURL: "http://127.0.0.1:2/"}
			return draw(Instances, InstancesPage{Page: p})
		}},
		{"list-nothing-found", true, func(p Page) templ.Component {
			v := listPage(p, 13)
			v.Rows, v.Query, v.Filter = nil, hostile, "off"
			return draw(Instances, v)
		}},
		{"list-no-attention", true, func(p Page) templ.Component {
			v := listPage(p, 13)
			v.Rows, v.Filter = nil, "attention"
			return draw(Instances, v)
		}},
		{"list-viewer", true, func(p Page) templ.Component {
			p.User = &auth.User{Name: hostile, Email: hostile, Role: auth.RoleViewer}
			p.StandIn, p.Insecure = true, true
			v := listPage(p, 1)
			v.Rows[0].Instance.Name, v.Rows[0].Instance.Tags = longHindi, []string{"राजस्थान-भारत-मुख्य-शाखा", "عربي"}
			v.Rows[0].Instance.WhatsApp = number1()
			v.Rows[0].Instance.WhatsApp.PushName = hostile
			return draw(Instances, v)
		}},
		{"bulk", true, func(p Page) templ.Component { return draw(Bulk, bulkPage(p, "logout", 3)) }},
		{"bulk-one", true, func(p Page) templ.Component { return draw(Bulk, bulkPage(p, "hooks_off", 1)) }},
		{"bulk-tag", true, func(p Page) templ.Component {
			v := bulkPage(p, "tag", 2)
			v.Tag, v.Gone, v.Errors = hostile, 1, FieldErrors{"tags": p.T.T("error.tag_invalid", "max", 24)}
			return draw(Bulk, v)
		}},
		{"bulk-dialog", false, func(p Page) templ.Component { return draw(BulkDialog, bulkPage(p, "reconnect", 40)) }},
		{"bulk-done", true, func(p Page) templ.Component {
			v := bulkPage(p, "logout", 3)
			v.Instances[2].Name = longHindi
			for i, kind := range []string{"ok", "warn", "bad"} {
				v.Results = append(v.Results, BulkResult{v.Instances[i], kind, []string{
					p.T.T("done.logout", "name", "Shop 1"), p.T.T("done.logout_pending", "name", hostile), p.T.T("error.ran_out_of_time")}[i]})
			}
			return draw(BulkDone, v)
		}},
		{"rows", false, func(p Page) templ.Component { return draw(InstanceRows, listPage(p, 3)) }},
		{"create", true, func(p Page) templ.Component { return draw(InstanceNew, InstanceNewPage{Page: at(p, "/instances/new")}) }},
		{"create-taken", true, func(p Page) templ.Component {
			return draw(InstanceNew, InstanceNewPage{Page: at(p, "/instances/new"), Name: hostile,
				Errors: FieldErrors{"name": p.T.T("error.name_taken")}})
		}},
	}
}
