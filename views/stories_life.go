package views

import (
	"time"

	"github.com/a-h/templ"

	"pombal/internal/auth"
	"pombal/internal/crash"
	"pombal/internal/instance"
)

// storyVersions is what is known of versions on a good day.
func storyVersions() instance.VersionInfo {
	now := storyTime()
	return instance.VersionInfo{
		Engine: "v0.0.0-20260821120000-0123456789ab", EngineDate: now.Add(-93 * 24 * time.Hour), Compiled: "2.3000.1045649367",
		Active: "2.3000.1048221904", Fetched: "2.3000.1048221904", CheckedAt: now.Add(-3 * time.Hour), DeviceName: "Pombal",
	}
}

// lifeStories are what the pages say of versions, crashes and proxies, and of
// states with an end.
func lifeStories() []Story {
	whatsApp := func(p Page, change func(*WhatsAppPage)) templ.Component {
		v := WhatsAppPage{Page: at(p, "/settings/whatsapp"), Versions: storyVersions()}
		change(&v)
		return draw(WhatsApp, v)
	}
	proxy := func(p Page, change func(*InstanceSettingsPage)) templ.Component {
		in := storyInstance(instance.PhaseBlocked, instance.ReasonProxyRefused)
		v := InstanceSettingsPage{Page: at(p, "/instances/x/settings"), Instance: in, Name: in.Name, BaseURL: "https://wa.example"}
		change(&v)
		return draw(InstanceSettings, v)
	}
	show := func(name string, in instance.Instance) Story {
		return Story{name, true, func(p Page) templ.Component {
			return draw(Instance, instancePage(p, in))
		}}
	}
	return []Story{
		{"whatsapp", true, func(p Page) templ.Component { return whatsApp(p, func(*WhatsAppPage) {}) }},
		{"whatsapp-refused", true, func(p Page) templ.Component {
			p.Outdated = storyVersions().Active
			return whatsApp(p, func(v *WhatsAppPage) {
				v.Versions.Refused, v.Versions.Override, v.Number = true, v.Versions.Active, hostile
				v.Versions.CheckError = hostile
				v.Versions.RefusedBefore = []instance.RefusedVersion{{Number: v.Versions.Active, At: storyTime().Add(-time.Hour)}}
				v.Errors = FieldErrors{"version": v.T.T("error.version", "example", v.Versions.Compiled)}
			})
		}},
		{"whatsapp-never", true, func(p Page) templ.Component {
			p.User = &auth.User{Name: "V", Role: auth.RoleViewer}
			return whatsApp(p, func(v *WhatsAppPage) {
				v.Versions = instance.VersionInfo{Compiled: "2.3000.1", Active: "2.3000.1", DeviceName: "Pombal"}
			})
		}},
		{"crashes", true, func(p Page) templ.Component {
			p.Crash = &CrashNote{At: storyTime().Add(-time.Minute), Count: 4}
			return draw(Crashes, CrashesPage{Page: at(p, "/settings/crashes"), Report: crash.Report{
				Starts: 12, Crashes: 3, Kills: 1, LastCrash: storyTime().Add(-2 * time.Minute), StartedAt: storyTime().Add(-time.Minute),
				LastText: "panic: " + hostile + "\n\ngoroutine 4711 [running]:\n", Unseen: true,
			}})
		}},
		{"crashes-killed", true, func(p Page) templ.Component {
			p.Crash = &CrashNote{At: storyTime(), Count: 1, Killed: true}
			return draw(Crashes, CrashesPage{Page: at(p, "/settings/crashes"), Report: crash.Report{
				Starts: 2, Kills: 1, StartedAt: storyTime(), Unseen: true, Killed: true,
			}})
		}},
		{"crashes-none", true, func(p Page) templ.Component {
			return draw(Crashes, CrashesPage{Page: at(p, "/settings/crashes"), Report: crash.Report{Starts: 1, StartedAt: storyTime()}})
		}},
		{"proxy-stopped", true, func(p Page) templ.Component { return proxy(p, func(*InstanceSettingsPage) {}) }},
		{"proxy-refused", true, func(p Page) templ.Component {
			return proxy(p, func(v *InstanceSettingsPage) {
				v.Proxy = ProxyForm{URL: hostile, User: hostile, Typed: true, Tested: true, Errors: FieldErrors{"url": v.T.T("error.proxy_url")}}
			})
		}},
		{"proxy-works", true, func(p Page) templ.Component {
			return proxy(p, func(v *InstanceSettingsPage) {
				v.Instance = storyInstance(instance.PhaseConnected, instance.ReasonNone)
				v.Proxy = ProxyForm{URL: "http://10.0.0.5:3128", Typed: true, Tested: true, Took: 84 * time.Millisecond}
			})
		}},
		show("life-banned", banned(119*time.Minute)),
		show("life-waiting", refusedAgain(47*time.Minute)),
		show("life-catching-up", catchingUp()),
	}
}

// banned is paused for what WhatsApp calls 104, for so long.
func banned(left time.Duration) instance.Instance {
	in := storyInstance(instance.PhaseBanned, instance.ReasonTempBan)
	in.Status.Detail = "104: the same message to too many people"
	in.Status.Until = storyTime().Add(left)
	in.Status.NextAt = in.Status.Until.Add(4 * time.Minute)
	return in
}

// refusedAgain has been refused three times and waits for so long.
func refusedAgain(wait time.Duration) instance.Instance {
	in := storyInstance(instance.PhaseBlocked, instance.ReasonRefused)
	in.Status.Attempt, in.Status.NextAt = 3, storyTime().Add(wait)
	return in
}

// catchingUp is back after an absence, linked by the other form of its number.
func catchingUp() instance.Instance {
	in := storyInstance(instance.PhaseSyncing, instance.ReasonNone)
	in.Status.Missed = 412
	in.WhatsApp.JID, in.WhatsApp.Typed = "551187650001@s.whatsapp.net", "5511987650001"
	return in
}
