package views

import (
	"time"

	"github.com/a-h/templ"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/upkeep"
)

// accountStories are the settings pages, the password question, the key sheet
// and the pairing link.
func accountStories() []Story {
	return append(linkStories(), []Story{
		{"account-general", true, func(p Page) templ.Component {
			p = at(p, "/settings/general")
			p.T = p.T.In(time.FixedZone("IST", 19800))
			return draw(General, GeneralPage{Page: p, Zone: "Asia/Kolkata"})
		}},
		{"account-general-error", true, func(p Page) templ.Component {
			return draw(General, GeneralPage{Page: at(p, "/settings/general"), Errors: FieldErrors{"zone": p.T.T("error.zone")}})
		}},
		{"account-security", true, func(p Page) templ.Component {
			return draw(Security, SecurityPage{Page: at(p, "/settings/security"), Sessions: storySessions(), Current: "0123456789abcdef"})
		}},
		{"account-security-error", true, func(p Page) templ.Component {
			return draw(Security, SecurityPage{Page: at(p, "/settings/security"), Sessions: storySessions()[:1], Current: "0123456789abcdef",
				Errors: FieldErrors{"current": p.T.T("error.password_wrong"), "new": p.T.T("error.password_short", "min", 12)}})
		}},
		{"account-retention", true, func(p Page) templ.Component {
			return draw(Retention, RetentionPage{Page: at(p, "/settings/retention"), Usage: storyUsage(), Days: map[upkeep.Kind]string{
				upkeep.Events: "30", upkeep.Deliveries: "30", upkeep.Audit: "0"}})
		}},
		{"account-retention-agree", true, func(p Page) templ.Component {
			return draw(Retention, RetentionPage{Page: at(p, "/settings/retention"), Usage: storyUsage(), Agreed: "events=1", NoMessages: true, Days: map[upkeep.Kind]string{
				upkeep.Events: "1", upkeep.Deliveries: "30", upkeep.Audit: "365"}, Doomed: map[upkeep.Kind]int{upkeep.Events: 12300, upkeep.Audit: 1, upkeep.Messages: 4000}})
		}},
		{"account-retention-error", true, func(p Page) templ.Component {
			return draw(Retention, RetentionPage{Page: at(p, "/settings/retention"), Usage: storyUsage(), Days: map[upkeep.Kind]string{upkeep.Events: hostile},
				Errors: FieldErrors{"events": p.T.T("error.days", "max", 3650), "audit": p.T.T("error.days", "max", 3650)}})
		}},
		{"account-backup", true, func(p Page) templ.Component {
			now := storyTime()
			return draw(Backup, BackupPage{Page: at(p, "/settings/backup"), File: upkeep.File{Name: "/var/lib/my pombal/pombal.db", Size: 412 << 20, Free: 9 << 20},
				Backups: []upkeep.Backup{
					{Name: "pombal.db.backup-20261122-121000", Size: 411 << 20, MadeAt: now.Add(-5 * time.Minute), Checked: now.Add(-4 * time.Minute)},
					{Name: "pombal.db.backup-20261121-020000", Size: 398 << 20, MadeAt: now.Add(-34 * time.Hour)},
					{Name: "pombal.db.backup-20261101-020000", Size: 7 << 10, MadeAt: now.Add(-500 * time.Hour), Checked: now,
						Damage: "this is not a Pombal data file, or it is damaged; nothing was changed"},
				}})
		}},
		{"account-backup-none", true, func(p Page) templ.Component {
			return draw(Backup, BackupPage{Page: at(p, "/settings/backup"), File: upkeep.File{Name: "pombal.db", Size: 1 << 20}})
		}},
		{"backup-delete", true, func(p Page) templ.Component {
			return draw(BackupDelete, BackupPage{Page: p, Backups: []upkeep.Backup{{Name: "pombal.db.backup-20261122-121000"}}})
		}},
		{"backup-delete-dialog", false, func(p Page) templ.Component {
			return draw(BackupDeleteDialog, BackupPage{Page: p, Backups: []upkeep.Backup{{Name: "pombal.db.backup-20261122-121000"}}})
		}},
		{"account-appearance", true, func(p Page) templ.Component {
			return draw(Appearance, AppearancePage{at(p, "/settings/appearance")})
		}},
		{"account-about", true, func(p Page) templ.Component {
			return draw(About, AboutPage{Page: at(p, "/settings/about"), Engine: "whatsmeow v0.0.0-20260821141805-33cfac511629", Go: "go1.26",
				Modules: []Module{{"go.mau.fi/whatsmeow", "v0.0.0-20260821141805-33cfac511629", "MPL-2.0"}, {"github.com/a-h/templ", "v0.3.977", "MIT"}}})
		}},
		{"reauth", true, func(p Page) templ.Component {
			return draw(Reauth, ReauthPage{Page: at(p, "/reauth"), Next: "/instances/x/settings"})
		}},
		{"reauth-error", true, func(p Page) templ.Component {
			return draw(Reauth, ReauthPage{Page: at(p, "/reauth"), Next: "/", Error: p.T.T("error.password_wrong")})
		}},
		{"shortcuts", true, func(p Page) templ.Component { return draw(Shortcuts, ShortcutsPage{at(p, "/shortcuts")}) }},
		{"shortcuts-dialog", false, func(p Page) templ.Component { return draw(ShortcutsDialog, ShortcutsPage{p}) }},
		{"attention", false, func(p Page) templ.Component { p.Attention = 1204; return draw(Attention, p) }},
	}...)
}

func storyUsage() []upkeep.Usage {
	return []upkeep.Usage{
		{Kind: upkeep.Events, Rows: 1240031, Bytes: 822 << 20, Oldest: storyTime().Add(-700 * time.Hour)},
		{Kind: upkeep.Deliveries, Rows: 31, Bytes: 31 << 10, Oldest: storyTime().Add(-30 * time.Hour)},
		{Kind: upkeep.Audit},
	}
}

func storySessions() []auth.Session {
	now := storyTime()
	return []auth.Session{
		{ID: "0123456789abcdef", Address: "192.0.2.7", UserAgent: "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0", SeenAt: now,
			CreatedAt: now.Add(-time.Hour)},
		{ID: "fedcba9876543210", Address: "2001:db8::1", UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Safari/605.1",
			SeenAt: now.Add(-26 * time.Hour), CreatedAt: now.Add(-50 * time.Hour), Keep: true},
		{ID: "aaaaaaaaaaaaaaaa", Address: hostile, UserAgent: hostile, SeenAt: now.Add(-27 * time.Hour), CreatedAt: now.Add(-52 * time.Hour)},
	}
}

func linkStories() []Story {
	fresh := storyInstance(instance.PhaseNew, instance.ReasonNone)
	guest := func(p Page, in instance.Instance) GuestPage {
		p = at(p, "/link/AAAA")
		p.User = nil
		v := panel(p, in)
		v.Guest, v.LinkEnds = "AAAA", storyTime().Add(auth.LinkLimit)
		return GuestPage{Page: p, Panel: v}
	}
	return []Story{
		{"link", true, func(p Page) templ.Component { return draw(Link, LinkPage{Page: p, Instance: fresh}) }},
		{"link-made", true, func(p Page) templ.Component {
			return draw(Link, LinkPage{Page: p, Instance: fresh, URL: "https://wa.example/link/AAAAAGj4cTAAAAAAAAAAADAxOWFhYjNjLTVkMWUtN2MxMS05ZjAw",
				Ends: storyTime().Add(auth.LinkLimit)})
		}},
		{"guest-new", true, func(p Page) templ.Component { return draw(Guest, guest(p, fresh)) }},
		{"guest-qr", true, func(p Page) templ.Component {
			return draw(Guest, guest(p, storyInstance(instance.PhaseQR, instance.ReasonNone)))
		}},
		{"guest-done", true, func(p Page) templ.Component {
			return draw(Guest, guest(p, storyInstance(instance.PhaseConnected, instance.ReasonNone)))
		}},
	}
}
