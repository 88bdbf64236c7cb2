package views

import (
	"time"

	"github.com/a-h/templ"

	"pombal/internal/auth"
	"pombal/internal/instance"
)

func settingsStories() []Story {
	settings := func(p Page, in instance.Instance) InstanceSettingsPage {
		return InstanceSettingsPage{Page: at(p, "/instances/x/settings"), Instance: in, Name: in.Name, BaseURL: "https://wa.example"}
	}
	in := storyInstance(instance.PhaseConnected, instance.ReasonNone)
	odd := in
	odd.Name = hostile
	return []Story{
		{"settings", true, func(p Page) templ.Component { return draw(InstanceSettings, settings(p, in)) }},
		{"settings-token", true, func(p Page) templ.Component {
			v := settings(p, storyInstance(instance.PhaseStopped, instance.ReasonOperator))
			v.Revealed = &Revealed{Kind: "token", Secret: "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJqdGkiOiIwMTlhYWIzYyJ9.Zm9vYmFyYmF6cXV4"}
			v.Errors = FieldErrors{"name": p.T.T("error.changed_elsewhere")}
			return draw(InstanceSettings, v)
		}},
		{"settings-keys", true, func(p Page) templ.Component {
			v := settings(p, odd)
			v.Keys = []auth.APIKey{{ID: "k1", Name: "PHP shop", Prefix: "pk_ab12", ClientID: "c-1", UsedAt: storyTime().Add(-time.Hour)},
				{ID: "k2", Name: hostile, Prefix: "pk_cd34", ClientID: "c-2"}}
			v.Revealed = &Revealed{Kind: "insprl", Secret: "pk_cd34EFGH", ClientID: "c-2"}
			v.Errors = FieldErrors{"key_name": p.T.T("error.key_name", "max", 64)}
			return draw(InstanceSettings, v)
		}},
		{"settings-viewer", true, func(p Page) templ.Component {
			p.User = &auth.User{Name: "V", Role: auth.RoleViewer}
			return draw(InstanceSettings, settings(p, in))
		}},
		{"logout", true, func(p Page) templ.Component { return draw(Logout, LogoutPage{Page: p, Instance: in}) }},
		{"logout-offline", true, func(p Page) templ.Component {
			return draw(Logout, LogoutPage{Page: p, Instance: storyInstance(instance.PhaseReconnecting, instance.ReasonUnreachable)})
		}},
		{"logout-dialog", false, func(p Page) templ.Component { return draw(LogoutDialog, LogoutPage{Page: p, Instance: odd}) }},
		{"delete", true, func(p Page) templ.Component {
			return draw(Delete, DeletePage{Page: p, Instance: odd, Typed: "x", Logout: true, Webhooks: 2, Errors: FieldErrors{"typed": hostile}})
		}},
		{"delete-dialog", false, func(p Page) templ.Component {
			return draw(DeleteDialog, DeletePage{Page: p, Instance: in, Logout: true, Webhooks: 1})
		}},
	}
}
