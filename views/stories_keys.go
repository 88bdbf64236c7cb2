package views

import (
	"time"

	"github.com/a-h/templ"

	"pombal/internal/auth"
	"pombal/internal/instance"
)

// keyStories are the pages about API keys.
func keyStories() []Story {
	shown := func(p Page, k auth.APIKey) KeyShownPage {
		return KeyShownPage{
			Page: at(p, "/keys/new"), Key: k, Secret: "pck_Vx8kQ2f7ZrT0mNcYb1LhWd4uEs9JpA6gXoRiKy3tMnU", Instance: "Loja SP",
			BaseURL: "https://wa.example",
		}
	}
	return []Story{
		{"keys-empty", true, func(p Page) templ.Component { return draw(Keys, KeysPage{Page: at(p, "/keys")}) }},
		{"keys", true, func(p Page) templ.Component {
			return draw(Keys, KeysPage{Page: at(p, "/keys"), Keys: storyKeys(), Callers: storyCallers()})
		}},
		{"key-new", true, func(p Page) templ.Component {
			return draw(KeyNew, KeyNewPage{Page: at(p, "/keys/new"), Scopes: []auth.Scope{auth.ScopeRead}, InstanceID: storyID,
				Instances: []instance.Instance{storyInstance(instance.PhaseConnected, instance.ReasonNone)}})
		}},
		{"key-new-errors", true, func(p Page) templ.Component {
			return draw(KeyNew, KeyNewPage{Page: at(p, "/keys/new"), Name: hostile, Days: "90", Errors: FieldErrors{
				"name": p.T.T("error.key_name", "max", auth.MaxKeyName), "scopes": p.T.T("error.key_scopes"),
				"expiresAt": p.T.T("error.key_expiry"),
			}})
		}},
		{"key-shown", true, func(p Page) templ.Component { return draw(KeyShown, shown(p, storyKeys()[0].Key)) }},
		{"key-shown-rotated", true, func(p Page) templ.Component {
			v := shown(p, storyKeys()[1].Key)
			v.Instance, v.OldUntil = "", storyTime().Add(24*time.Hour)
			return draw(KeyShown, v)
		}},
		{"key-rotate", true, func(p Page) templ.Component {
			return draw(KeyRotate, KeyAskPage{Page: at(p, "/keys"), KeyRow: storyKeys()[0]})
		}},
		{"key-revoke", true, func(p Page) templ.Component {
			return draw(KeyRevoke, KeyAskPage{Page: at(p, "/keys"), KeyRow: storyKeys()[0]})
		}},
		{"key-revoke-dialog", false, func(p Page) templ.Component {
			return draw(KeyRevokeDialog, KeyAskPage{Page: p, KeyRow: storyKeys()[1]})
		}},
	}
}

func storyKeys() []KeyRow {
	now := storyTime()
	return []KeyRow{
		{Key: auth.APIKey{ID: "k1", Kind: auth.KeyScoped, Name: "n8n", InstanceID: storyID, Prefix: "pck_Vx8kQ2", ClientID: "cl_q1w2e3",
			Scopes: []auth.Scope{auth.ScopeRead, auth.ScopeSend}, CreatedAt: now.Add(-40 * time.Hour), CreatedBy: "ana@loja.example",
			UsedAt: now.Add(-3 * time.Minute), UsedFrom: "192.0.2.7"}, Instance: "Loja SP", Calls: 1204},
		{Key: auth.APIKey{ID: "k2", Kind: auth.KeyScoped, Name: hostile, Prefix: "pck_r4t5y6", ClientID: "cl_r4t5y6",
			Scopes: auth.Scopes(), CreatedAt: now.Add(-90 * 24 * time.Hour), ExpiresAt: now.Add(30 * 24 * time.Hour)}},
		{Key: auth.APIKey{ID: "k3", Kind: auth.KeyInSPRL, Name: longHindi, InstanceID: storyID, Prefix: "pik_a1b2c3", ClientID: "cl_a1b2c3",
			CreatedAt: now.Add(-50 * 24 * time.Hour), ExpiresAt: now.Add(7 * time.Hour), ReplacedBy: "k1",
			UsedAt: now.Add(-20 * time.Hour), UsedFrom: "2001:db8::17"}, Instance: longHindi, Calls: 12},
		{Key: auth.APIKey{ID: "k4", Kind: auth.KeyScoped, Name: "old", InstanceID: storyID, Prefix: "pck_z9x8c7", ClientID: "cl_z9x8c7",
			Scopes: []auth.Scope{auth.ScopeControl}, CreatedAt: now.Add(-50 * 24 * time.Hour), ExpiresAt: now.Add(-time.Hour)}, Instance: "Loja SP"},
	}
}

func storyCallers() []Caller {
	now := storyTime()
	use := func(at time.Duration, calls uint32) auth.Use {
		u := auth.Use{At: now.Add(at), From: "192.0.2.7", Hour: now.Add(at).Unix() / 3600}
		u.Calls[u.Hour%24] = calls
		return u
	}
	return []Caller{
		{Kind: auth.HolderKey, Name: "n8n", Last: use(-3*time.Minute, 0),
			Uses: map[auth.Door]auth.Use{auth.DoorCodeChat: use(-3*time.Minute, 1180), auth.DoorInSPRL: use(-26*time.Hour, 24)}},
		{Kind: auth.HolderOldToken, Name: longHindi, Last: use(-2*time.Hour, 0),
			Uses: map[auth.Door]auth.Use{auth.DoorCodeChat13: use(-2*time.Hour, 3)}},
		{Kind: auth.HolderGlobal, Last: use(-9*24*time.Hour, 0), Uses: map[auth.Door]auth.Use{auth.DoorCodeChat: use(-9*24*time.Hour, 1)}},
	}
}
