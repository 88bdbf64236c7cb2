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
	Errors    FieldErrors   // "url", "user"
	Tested    bool          // a test has just been made
	Took      time.Duration // until WhatsApp answered through it; 0 when it did not
}

// ProxyResult is what a test of a proxy found.
type ProxyResult struct {
	Page
	Took   time.Duration
	Errors FieldErrors // of the form: why nothing came back; empty: something did
}

// problem is why nothing came back, in words that need no field beside them.
func (p ProxyResult) problem() string {
	if text := p.Errors["url"]; text != "" {
		return text
	}
	return p.Errors["user"]
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

// proxyResult is the line below the buttons. What is wrong stands at its field.
func (p InstanceSettingsPage) proxyResult() ProxyResult {
	return ProxyResult{Page: p.Page, Took: p.Proxy.Took}
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
	// DeviceName is what phones are to call new links, as typed.
	DeviceName string
	Errors     FieldErrors
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
	switch p.engineWarning() {
	case "version.ancient":
		return "bad"
	case "version.old":
		return "warn"
	default:
		return "ok"
	}
}

// engineWarning is the catalogue key of what an old engine means; "" for one
// that is young, or whose age is not known.
func (p WhatsAppPage) engineWarning() string {
	age := p.Now.Sub(p.Versions.EngineDate)
	switch {
	case p.Versions.EngineDate.IsZero():
		return ""
	case age > engineAncient:
		return "version.ancient"
	case age > engineOld:
		return "version.old"
	default:
		return ""
	}
}

// engineAge is the engine's age in days.
func (p WhatsAppPage) engineAge() int {
	return int(max(p.Now.Sub(p.Versions.EngineDate), 0).Hours() / 24)
}
