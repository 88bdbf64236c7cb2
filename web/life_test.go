package web_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"pombal/internal/auth"
	"pombal/internal/crash"
	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/web/webtest"
)

// A proxy is set, tested and taken away; its password is never shown, and kept
// when none is typed.
func TestProxyForm(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	form := func(do, address, user, password string) *webtest.Answer {
		return c.Post("/instances/i1/proxy", url.Values{"do": {do}, "url": {address}, "user": {user}, "password": {password}})
	}
	stored := func() string {
		in, err := k.Instances.Get(t.Context(), "i1")
		if err != nil {
			t.Fatal(err)
		}
		if in.Proxy == nil {
			return ""
		}
		return in.Proxy.URL
	}
	for _, bad := range []string{"proxy.example:1080", "ftp://proxy.example", "http://", "http://p.example/path", "http://p.example?x=1"} {
		form("save", bad, "", "").Want(422, "#proxy-url[aria-invalid]")
		form("test", bad, "", "").Want(422, "#proxy-url[aria-invalid]")
	}
	form("save", "http://p.example:1080", "", "canary").Want(422, "#proxy-user[aria-invalid]")
	form("test", "", "", "").Want(422, "#proxy-url[aria-invalid]")
	if stored() != "" {
		t.Errorf("a refused form stored %q", stored())
	}
	once := form("test", "http://p.example:9", "ana", "canary").Want(422, "#proxy-url[aria-invalid]", "#proxy-url-error")
	if once.Has("#proxy-result .bad") {
		t.Error("a page says below the form again what stands at the field")
	}
	for _, test := range []url.Values{
		{"do": {"test"}, "url": {"http://p.example:9"}, "user": {"ana"}}, {"do": {"test"}, "url": {"http://p.example:1080"}, "password": {"canary"}},
	} {
		c.Post("/instances/i1/proxy", test, "HX-Request: true", "HX-Request-Type: partial").Want(422, "#proxy-result .bad")
	}
	a := form("test", "http://p.example:1080", "ana", "canary").Want(200, "#proxy-result .ok")
	if stored() != "" || strings.Contains(a.Body, "canary") {
		t.Error("a test stored the proxy or shows the password")
	}
	form("save", "http://p.example:1080", "ana", "canary").Want(303)
	form("save", "http://p.example:1080", "ana", "").Want(303) // the stored password
	if got := stored(); got != "http://ana:canary@p.example:1080" {
		t.Errorf("stored %q", got)
	}
	a = c.Get("/instances/i1/settings").Want(200, `#proxy-url[value="http://p.example:1080"]`, `#proxy-user[value="ana"]`)
	if strings.Contains(a.Body, "canary") {
		t.Error("the page shows the password")
	}
	form("save", "http://other.example:1080", "ana", "").Want(303)
	if got := stored(); strings.Contains(got, "canary") {
		t.Errorf("the password went to another proxy: %q", got)
	}
	form("remove", "http://other.example:1080", "", "").Want(303)
	if stored() != "" {
		t.Errorf("still %q", stored())
	}
	for _, e := range k.Audit.Entries() {
		if strings.Contains(e.Detail["proxy"], "canary") {
			t.Errorf("the audit log has the password: %v", e)
		}
	}
	if strings.Contains(k.Log.String(), "canary") {
		t.Error("the log has the password")
	}
}

// A proxy that webhooks must not reach is refused, tests included: a test
// would look around in the network for whoever asks.
func TestProxyMustNotLookAround(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	k.Webhooks.Closed = "10.0.0.1"
	c := k.SignedIn()
	for _, do := range []string{"save", "test"} {
		a := c.Post("/instances/i1/proxy", url.Values{"do": {do}, "url": {"http://10.0.0.1:1080"}}).Want(422, ".bad, [aria-invalid]")
		if !strings.Contains(a.Body, "10.0.0.1 is on a local network") {
			t.Errorf("%s says nothing of the address", do)
		}
	}
}

// The page of a crash: a banner for those who can do something about it, the
// counters, the report, and a button that puts it away.
func TestCrashPage(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	if c.Get("/instances").Has("#crashed") {
		t.Error("a banner without a crash")
	}
	k.Crashes.Known = crash.Report{
		Starts: 5, Crashes: 3, Kills: 1, Unseen: true, StartedAt: k.Clock.Now(), LastCrash: k.Clock.Now(),
		LastText: "panic: <b>boom</b>",
	}
	a := c.Get("/instances").Want(200, `#crashed a[href="/settings/crashes"]`)
	if text := a.Doc().Find("#crashed").Text(); !strings.Contains(text, "so far:\u00a04") {
		t.Errorf("the banner says %q", text)
	}
	a = c.Get("/settings/crashes").Want(200, "#crash-count", "#crash-dismiss")
	if got := a.Doc().Find("#crash-report").Text(); got != "panic: <b>boom</b>" {
		t.Errorf("report = %q", got)
	}
	k.Auth.SetRole(auth.RoleOperator)
	if c.Get("/instances").Has("#crashed") {
		t.Error("an operator sees the banner")
	}
	c.Get("/settings/crashes").Want(403)
	c.Post("/settings/crashes/dismiss", nil).Want(403)
	k.Auth.SetRole(auth.RoleAdmin)
	c.Post("/settings/crashes/dismiss", nil).Want(303)
	if c.Get("/instances").Has("#crashed") || c.Get("/settings/crashes").Has("#crash-dismiss") {
		t.Error("the banner is still there")
	}
	c.Get("/settings/crashes").Want(200, "#crash-report") // the report stays
}

// The page about WhatsApp's version: what is in use, a check, a number set by
// hand and taken back.
func TestWhatsAppPage(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	k.Versions.Info = instance.VersionInfo{
		Engine: "v0.0.0-1", EngineDate: k.Clock.Now().Add(-100 * 24 * time.Hour), Active: "2.3000.7", Compiled: "2.3000.5",
		CheckedAt: k.Clock.Now().Add(-time.Hour), DeviceName: "Pombal",
		RefusedBefore: []instance.RefusedVersion{{Number: "2.3000.4", At: k.Clock.Now()}},
	}
	a := c.Get("/settings/whatsapp").Want(200, "#version-active", ".badge.warn", "#refused li")
	if text := a.Doc().Find("main").Text(); !strings.Contains(text, "2.3000.4") || !strings.Contains(text, "100 days") {
		t.Errorf("the page says %s", text)
	}
	c.Post("/settings/whatsapp/check", nil).Want(303)
	c.Get("/settings/whatsapp").Want(200, "#flash.ok")
	k.Versions.Err = problem.New(problem.Unavailable, "error.unavailable")
	c.Post("/settings/whatsapp/check", nil).Want(303)
	c.Get("/settings/whatsapp").Want(200, "#flash.warn")
	c.Post("/settings/whatsapp/check", nil).Want(303)
	if a := c.Post("/settings/whatsapp/check", nil).Want(429); a.Header.Get("Retry-After") != "60" {
		t.Errorf("to be tried again in %q s", a.Header.Get("Retry-After"))
	}
	k.Clock.Add(time.Minute)
	c.Post("/settings/whatsapp/check", nil).Want(303)
	c.Post("/settings/whatsapp/version", url.Values{"do": {"save"}, "version": {"newest"}}).
		Want(422, `#version[aria-invalid][value="newest"]`)
	c.Post("/settings/whatsapp/version", url.Values{"do": {"save"}, "version": {"2.3000.9"}}).Want(303)
	c.Get("/settings/whatsapp").Want(200, `#version[value="2.3000.9"]`, "#version-auto")
	c.Post("/settings/whatsapp/version", url.Values{"do": {"auto"}, "version": {"2.3000.9"}}).Want(303)
	if c.Get("/settings/whatsapp").Has("#version-auto") {
		t.Error("still set by hand")
	}
	if countAction(k, "whatsapp.version") != 2 {
		t.Errorf("%d audit entries", countAction(k, "whatsapp.version"))
	}
	c.Post("/settings/whatsapp/name", url.Values{"name": {"<b>"}}).
		Want(422, `#device-name[aria-invalid][value="<b>"]`, `#version:not([aria-invalid])`)
	c.Post("/settings/whatsapp/name", url.Values{"name": {"Front desk"}}).Want(303)
	c.Get("/settings/whatsapp").Want(200, `#device-name[value="Front desk"]`)
	if countAction(k, "whatsapp.name") != 1 {
		t.Errorf("%d audit entries of the name", countAction(k, "whatsapp.name"))
	}
	k.Versions.Info.Refused = true
	c.Get("/instances").Want(200, `#outdated a[href="/settings/whatsapp"]`)
	k.Auth.SetRole(auth.RoleOperator)
	if c.Get("/settings/whatsapp").Want(200).Has("#version-form, #version-check, #device-form") {
		t.Error("an operator may change the version")
	}
	c.Post("/settings/whatsapp/version", url.Values{"version": {"2.3000.9"}}).Want(403)
	c.Post("/settings/whatsapp/name", url.Values{"name": {"Front desk"}}).Want(403)
}

// A refused action names the state and what would work instead: asking for the
// code of a connected number is 409, in words for a person.
func TestCodeOfConnected(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	in, err := k.Instances.Get(t.Context(), "i1")
	if err != nil {
		t.Fatal(err)
	}
	in.Status.Phase = instance.PhaseConnected
	k.Instances.Put(in)
	a := c.Get("/instances/i1/qr.png", "Accept: text/html").Want(409)
	if text := a.Doc().Find("main").Text(); !strings.Contains(text, "already connected") || !strings.Contains(text, "log out first") {
		t.Errorf("it says %q", text)
	}
	if a := c.Get("/instances/i1/qr.png", "Accept: image/avif,image/webp,*/*;q=0.8"); a.Status != 409 || a.Body != "" {
		t.Errorf("a picture = %d %.80q", a.Status, a.Body)
	}
	a = c.Post("/instances/i1/connect", nil).Want(409)
	if text := a.Doc().Find("main").Text(); !strings.Contains(text, "log out first") {
		t.Errorf("it says %q", text)
	}
}
