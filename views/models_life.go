package views

import (
	"net/url"
	"time"

	"pombal/internal/crash"
	"pombal/internal/instance"
)

// ProxyForm is the way to WhatsApp of an instance, as typed, and what a test of
// it found.
type ProxyForm struct {
	URL, User string // as typed; empty: what is stored
	Typed     bool
	Errors    FieldErrors   // "url", "password"
	Tested    bool          // a test has just been made
	Took      time.Duration // until WhatsApp answered through it; 0 when it did not
}

// ProxyResult is what a test of a proxy found.
type ProxyResult struct {
	Page
	Took    time.Duration
	Problem string // why nothing came back; empty: something did
}

// proxyURL is what the field for the address holds: never a password.
func (p InstanceSettingsPage) proxyURL() string {
	if p.Proxy.Typed || p.Instance.Proxy == nil {
		return p.Proxy.URL
	}
	return p.Instance.Proxy.String()
}

// proxyUser is what the field for the user name holds.
func (p InstanceSettingsPage) proxyUser() string {
	if p.Proxy.Typed || p.Instance.Proxy == nil {
		return p.Proxy.User
	}
	u, err := url.Parse(p.Instance.Proxy.URL)
	if err != nil || u.User == nil {
		return ""
	}
	return u.User.Username()
}

// proxyResult is the line below the buttons.
func (p InstanceSettingsPage) proxyResult() ProxyResult {
	r := ProxyResult{Page: p.Page, Took: p.Proxy.Took}
	if p.Proxy.Tested && r.Took == 0 {
		r.Problem = p.Proxy.Errors["url"]
	}
	return r
}

// proxyStops says whether the proxy is why nothing connects.
func proxyStops(in instance.Instance) bool {
	return in.Status.Reason == instance.ReasonProxyRefused || in.Status.Reason == instance.ReasonProxyDown
}

// CrashNote is the banner after a crash.
type CrashNote struct {
	At     time.Time // when Pombal was back
	Count  int       // crashes and kills so far
	Killed bool      // it ended without a word
}

// WhatsAppPage says which versions are in use.
type WhatsAppPage struct {
	Page
	Versions instance.VersionInfo
	Number   string // as typed
	Errors   FieldErrors
}

// CrashesPage says how earlier runs ended.
type CrashesPage struct {
	Page
	Report crash.Report
}

// Ages of the engine that are told in another colour: WhatsApp stops taking
// numbers after some months.
const (
	engineOld     = 60 * 24 * time.Hour
	engineAncient = 120 * 24 * time.Hour
)

// engineTone is the tone of the engine's date.
func (p WhatsAppPage) engineTone() string {
	age := p.Now.Sub(p.Versions.EngineDate)
	switch {
	case p.Versions.Refused, !p.Versions.EngineDate.IsZero() && age > engineAncient:
		return "bad"
	case !p.Versions.EngineDate.IsZero() && age > engineOld:
		return "warn"
	default:
		return "ok"
	}
}

// engineAge is the engine's age in days.
func (p WhatsAppPage) engineAge() int {
	return int(max(p.Now.Sub(p.Versions.EngineDate), 0).Hours() / 24)
}
