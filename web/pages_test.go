package web_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/webhook"
	"pombal/web"
	"pombal/web/webtest"
)

func publicURL(u string) func(*web.Deps) { return func(d *web.Deps) { d.Config.PublicURL = u } }

func trust(proxies ...string) func(*web.Deps) {
	return func(d *web.Deps) { d.Config.TrustedProxies = proxies }
}

func TestInstanceList(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	k.Instances.Put(instance.Instance{ID: "i3", Name: "Delhi", Status: instance.Status{Phase: instance.PhaseLoggedOut}})
	k.Instances.Put(instance.Instance{ID: "i4", Name: "resting", State: instance.Inactive})
	c := k.SignedIn()
	c.Get("/instances").Want(200, "#rows", "#row-i1", "#row-i2", "#row-i3", "#row-i4", "main", "#live")
	for query, rows := range map[string][]string{
		"?q=SHOP": {"i1"}, "?q=%2B55+11+98765": {"i1"}, "?status=connected": {"i1"}, "?status=attention": {"i3"},
		"?status=off": {"i4"}, "?q=nothing": {}, "?status=nonsense": {"i1", "i2", "i3", "i4"},
	} {
		a := c.Get("/instances"+query, "HX-Request: true", "HX-Request-Type: partial")
		a.Want(200)
		if a.Has("html main") {
			t.Errorf("%s: a whole page for a fragment", query)
		}
		for _, id := range []string{"i1", "i2", "i3", "i4"} {
			if want := strings.Contains(strings.Join(rows, " "), id); a.Has("#row-"+id) != want {
				t.Errorf("%s: row %s shown = %v, want %v", query, id, !want, want)
			}
		}
	}
	c.Get("/instances/i1/row", "HX-Request: true").Want(200, "#row-i1")
	if a := c.Get("/instances/i1/row"); a.Header.Get("Location") != "/instances" {
		t.Errorf("row in a browser: %d to %q", a.Status, a.Header.Get("Location"))
	}
}

func TestCreateShowsTheCode(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	c.Get("/instances/new").Want(200, `form[action="/instances/new"] input[name="name"]`)
	c.Post("/instances/new", url.Values{"name": {""}}).Want(422, `input[name="name"][aria-invalid]`)
	c.Post("/instances/new", url.Values{"name": {"Shop-Front"}}).
		Want(422, `input[name="name"][aria-invalid][value="Shop-Front"]`)
	a := c.Post("/instances/new", url.Values{"name": {"  new one "}})
	if a.Status != 303 || a.Header.Get("Location") != "/instances/new-3" {
		t.Fatalf("create = %d to %q", a.Status, a.Header.Get("Location"))
	}
	a = c.Get("/instances/new-3").Want(200, "#pair-new-3", `img[src*="/instances/new-3/qr.png?n=1"]`, "#flash")
	if c.Get("/instances/new-3").Has("#flash") {
		t.Error("the notice was shown twice")
	}
	png := c.Get(a.Value(`img[src*="qr.png"]`, "src"))
	if png.Status != 200 || png.Header.Get("Content-Type") != "image/png" || !strings.Contains(png.Body, "#code-1") {
		t.Errorf("picture = %d %q %q", png.Status, png.Header.Get("Content-Type"), png.Body)
	}
	if n := countAction(k, "instance.create"); n != 1 {
		t.Errorf("%d audit entries, want 1", n)
	}
}

func TestPictureOfADeadCodeIsNotShown(t *testing.T) {
	t.Parallel()
	drawn := 0
	k := webtest.NewServer(t, func(d *web.Deps) {
		d.QRPNG = func(text string) ([]byte, error) { drawn++; return []byte(text), nil }
	})
	world(k)
	c := k.SignedIn()
	show := func(code string, seq uint64) {
		k.Instances.Show("i2", instance.Pairing{Code: code, Seq: seq, ExpiresAt: k.Clock.Now().Add(20 * time.Second)})
	}
	c.Get("/instances/i2/qr.png").Want(404)
	show("one", 7)
	for range 3 {
		if a := c.Get("/instances/i2/qr.png?n=7"); a.Status != 200 || a.Body != "one" {
			t.Errorf("picture = %d %q", a.Status, a.Body)
		}
	}
	if drawn != 1 {
		t.Errorf("drawn %d times, want once", drawn)
	}
	show("two", 8)
	c.Get("/instances/i2/qr.png?n=7").Want(410)
	if a := c.Get("/instances/i2/qr.png?n=8"); a.Body != "two" {
		t.Errorf("picture = %d %q", a.Status, a.Body)
	}
	k.Clock.Add(21 * time.Second)
	c.Get("/instances/i2/qr.png?n=8").Want(404)
	k.Instances.Hide("i2")
	c.Get("/instances/i2/qr.png?n=8").Want(404)
	c.Get("/instances/none/qr.png?n=8").Want(404)
}

// Everything about an instance works without scripts.
func TestWithoutScripts(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	for _, step := range []struct {
		path, to, call string
		form           url.Values
	}{
		{"/instances/i2/connect", "/instances/i2", "connect i2", nil},
		{"/instances/i2/cancel", "/instances/i2", "cancel i2", nil},
		{"/instances/i2/off", "/instances/i2", "off i2", nil},
		{"/instances/i2/on", "/instances/i2", "on i2", nil},
		{"/instances/i1/settings", "/instances/i1/settings", "rename i1", url.Values{"name": {"front"}, "rev": {"1"}}},
		{"/instances/i1/logout", "/instances/i1", "logout i1", nil},
		{"/instances/i2/delete", "/instances", "delete i2", url.Values{"typed": {"other"}, "logout": {"on"}}},
	} {
		a := c.Post(step.path, step.form)
		if a.Status != 303 || a.Header.Get("Location") != step.to {
			t.Errorf("POST %s = %d to %q, want 303 to %s: %.300s", step.path, a.Status, a.Header.Get("Location"), step.to, a.Body)
		}
		calls := k.Instances.Calls()
		if len(calls) == 0 || calls[len(calls)-1] != step.call {
			t.Errorf("POST %s did %v, want %q last", step.path, calls, step.call)
		}
		c.Get(step.to).Want(200, "#flash")
	}
	if got, want := len(k.Audit.Entries()), 1+7; got != want {
		t.Errorf("%d audit entries, want %d", got, want)
	}
}

func TestCommandsForHTMX(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	hx := []string{"HX-Request: true", "HX-Request-Type: full"}
	a := c.Post("/instances/i2/connect", nil, append(hx, "HX-Target: section#pair-i2")...)
	a.Want(200, "#pair-i2")
	var trigger map[string]map[string]string
	if err := json.Unmarshal([]byte(a.Header.Get("HX-Trigger")), &trigger); err != nil || trigger["toast"]["kind"] != "ok" {
		t.Errorf("HX-Trigger = %q (%v)", a.Header.Get("HX-Trigger"), err)
	}
	c.Post("/instances/i2/off", nil, append(hx, "HX-Target: section#status-i2")...).Want(200, "#status-i2")
	a = c.Post("/instances/i1/connect", nil, hx...)
	if a.Status != 409 || a.Header.Get("HX-Reswap") != "none" || a.Body != "" {
		t.Errorf("conflict for htmx = %d, reswap %q, body %q", a.Status, a.Header.Get("HX-Reswap"), a.Body)
	}
	c.Get("/instances/i1/logout", "HX-Request: true", "HX-Request-Type: partial").Want(200, `form[action="/instances/i1/logout"]`)
	if a := c.Post("/instances/i1/logout", nil, hx...); a.Header.Get("HX-Redirect") != "/instances/i1" {
		t.Errorf("logout for htmx = %d, redirect %q", a.Status, a.Header.Get("HX-Redirect"))
	}
}

// What an answer to htmx says to a person is in ASCII, whatever the language.
func TestToastIsASCII(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Instances.Put(instance.Instance{ID: "i9", Name: "Ação 🕊"})
	c := k.SignedIn()
	a := c.Post("/instances/i9/off", nil, "HX-Request: true", "Accept-Language: pt-BR")
	for _, r := range a.Header.Get("HX-Trigger") {
		if r > 126 {
			t.Fatalf("HX-Trigger = %q", a.Header.Get("HX-Trigger"))
		}
	}
	var trigger map[string]map[string]string
	if err := json.Unmarshal([]byte(a.Header.Get("HX-Trigger")), &trigger); err != nil {
		t.Errorf("HX-Trigger: %v", err)
	}
}

func TestDeleteAsksForTheName(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	c.Get("/instances/i1/delete").Want(200, `form[action="/instances/i1/delete"] input[name="typed"]`,
		`input[name="logout"][checked]`)
	c.Post("/instances/i1/delete", url.Values{"typed": {"wrong"}}).
		Want(422, `input[name="typed"][value="wrong"][aria-invalid]`, `input[name="logout"]:not([checked])`)
	if calls := k.Instances.Calls(); len(calls) > 0 {
		t.Errorf("calls = %v", calls)
	}
}

func TestRenameConflict(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	c.Get("/instances/i1/settings").Want(200, `input[name="rev"][value="1"]`)
	c.Post("/instances/i1/settings", url.Values{"name": {"mine"}, "rev": {"9"}}).Want(409, `input[name="name"][value="mine"]`)
	c.Post("/instances/i1/settings", url.Values{"name": {"other"}, "rev": {"1"}}).Want(422, `input[name="name"][value="other"]`)
	c.Post("/instances/i1/settings", url.Values{"name": {"x"}, "rev": {"what"}}).Want(400)
	c.Post("/instances/none/settings", url.Values{"name": {"x"}}).Want(404)
}

// Secrets are in one answer, never in an address, a log or a second page.
func TestSecretsAreShownOnce(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	for _, tc := range []struct {
		path, action, secret string
		form                 url.Values
	}{
		{"/instances/i1/token", "instance.token.reveal", "jwt.i1.t-i1.", nil},
		{"/instances/i1/keys", "key.create", "canary-client-key-", url.Values{"name": {"till"}}},
		{"/instances/i1/webhooks/w1/secret", "webhook.secret.reveal", "whsec_canary-w1", nil},
	} {
		a := c.Post(tc.path, tc.form, "Accept-Encoding: gzip")
		if a.Status != 200 || !strings.Contains(a.Body, tc.secret) {
			t.Errorf("POST %s = %d, secret shown = %v", tc.path, a.Status, strings.Contains(a.Body, tc.secret))
		}
		if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Content-Encoding") != "" {
			t.Errorf("POST %s: headers %v", tc.path, a.Header)
		}
		if n := countAction(k, tc.action); n != 1 {
			t.Errorf("%d entries for %s, want 1", n, tc.action)
		}
		for _, page := range []string{"/instances/i1/settings", "/instances/i1/webhooks/w1"} {
			if strings.Contains(c.Get(page).Body, tc.secret) {
				t.Errorf("%s shows %s", page, tc.secret)
			}
		}
	}
	k.Audit.Err = errors.New("disk full")
	for _, path := range []string{"/instances/i1/token", "/instances/i1/webhooks/w1/secret"} {
		if a := c.Post(path, nil); a.Status != 500 || strings.Contains(a.Body, "canary") || strings.Contains(a.Body, "disk") {
			t.Errorf("POST %s without audit = %d %s", path, a.Status, a.Body)
		}
	}
	c.Post("/instances/i1/keys", url.Values{"name": {""}}).Want(422, `#key-new input[aria-invalid]`)
	log := k.Log.String()
	for _, canary := range []string{"canary", "jwt.i1", webtest.Password, c.Token()} {
		if strings.Contains(log, canary) {
			t.Errorf("the log holds %q", canary)
		}
	}
}

func TestKeysAreRevoked(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	c.Post("/instances/i1/keys", url.Values{"name": {"till"}}).Want(200)
	keys, err := k.Auth.APIKeys(t.Context(), "i1")
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys = %v, %v", keys, err)
	}
	c.Post("/instances/i2/keys/"+keys[0].ID+"/revoke", nil).Want(404)
	c.Post("/instances/i1/keys/"+keys[0].ID+"/revoke", nil).Want(303)
	if keys, _ := k.Auth.APIKeys(t.Context(), "i1"); len(keys) != 0 {
		t.Errorf("keys = %v", keys)
	}
}

func TestWebhookForms(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	c.Get("/instances/i1/webhooks").Want(200, "#enabled-w1")
	c.Get("/instances/i1/webhooks/new").Want(200, `input[name="events"]`, `input[name="enabled"]:not([checked])`)
	c.Post("/instances/i1/webhooks/new", url.Values{"name": {""}, "url": {"ftp://x"}, "events": {"newJwt"}}).
		Want(422, `input[name="name"][aria-invalid]`, `input[name="url"][value="ftp://x"][aria-invalid]`,
			`input[value="newJwt"][checked]`, `input[value="sendMessage"]:not([checked])`)
	c.Post("/instances/i1/webhooks/new", url.Values{"name": {"n"}, "url": {"https://x"}, "preset": {"none"}}).
		Want(200, `input[name="name"][value="n"]`, `input[value="newJwt"]:not([checked])`)
	c.Post("/instances/i1/webhooks/new", url.Values{"name": {"n"}, "group": {"chats:all"}}, "HX-Request: true", "HX-Request-Type: full").
		Want(200, `#toggles input[value="chatsSet"][checked]`, `#toggles input[value="newJwt"]:not([checked])`)
	a := c.Post("/instances/i1/webhooks/new", url.Values{"name": {"n"}, "url": {"https://x"}, "events": {"newJwt", "statusInstance"}})
	if a.Header.Get("Location") != "/instances/i1/webhooks/hook-1" {
		t.Fatalf("create = %d to %q", a.Status, a.Header.Get("Location"))
	}
	h, err := k.Webhooks.Get(t.Context(), "i1", "hook-1")
	if err != nil || h.Enabled || h.Events.Toggles.Count() != 2 || !h.Events.Toggles.Has(event.StateInstance) {
		t.Errorf("webhook = %+v, %v", h, err)
	}
	c.Get("/instances/i1/webhooks/hook-1").Want(200, "#webhook-form", "#toggles", "#deliveries", "#flash")
	c.Get("/instances/i2/webhooks/hook-1").Want(404)
	c.Post("/instances/i1/webhooks/hook-1/enabled", url.Values{"enabled": {"on"}}).Want(303)
	c.Post("/instances/i1/webhooks/hook-1/enabled", nil, "HX-Request: true", "HX-Request-Type: full").Want(200, "#enabled-hook-1")
	c.Get("/instances/i1/webhooks/hook-1/deliveries", "HX-Request: true").Want(200, "#deliveries")
	c.Get("/instances/i1/webhooks/hook-1/delete").Want(200, `form[action="/instances/i1/webhooks/hook-1/delete"]`)
	c.Post("/instances/i1/webhooks/hook-1/delete", nil).Want(303)
	c.Get("/instances/i1/webhooks/hook-1").Want(404)
}

func TestAllTogglesPersist(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	stored := func() webhook.Webhook {
		h, err := k.Webhooks.Get(t.Context(), "i1", "w1")
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	for _, only := range event.All() {
		form := url.Values{"name": {"crm"}, "url": {"https://crm.example/hook"}, "enabled": {"on"}, "events": {string(only.Type)}}
		c.Post("/instances/i1/webhooks/w1", form).Want(303)
		if g := stored().Events.Toggles; g.Count() != 1 || !g.Has(only.Type) {
			t.Errorf("toggles = %d, want %s alone", g, only.Type)
		}
		c.Get("/instances/i1/webhooks/w1").Want(200, `input[value="`+string(only.Type)+`"][checked]`)
	}
	form := url.Values{"name": {"crm"}, "url": {"https://crm.example/hook"}, "enabled": {"on"}, "events": {"newJwt"}}
	for _, tc := range []struct {
		button, value string
		want          int
	}{{"preset", "all", 19}, {"preset", "none", 0}, {"preset", "recommended", 6}, {"group", "chats:all", 5}, {"group", "connection:none", 0}} {
		f := url.Values{tc.button: {tc.value}}
		for name, v := range form {
			f[name] = v
		}
		c.Post("/instances/i1/webhooks/w1", f).Want(303)
		if n := stored().Events.Toggles.Count(); n != tc.want {
			t.Errorf("%s=%s: %d toggles, want %d", tc.button, tc.value, n, tc.want)
		}
	}
}

// A button beside the toggles keeps what is typed, and the next save is no
// conflict with it.
func TestPresetThenSave(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	form := url.Values{"name": {"typed"}, "url": {"https://crm.example/hook"}, "enabled": {"on"}, "rev": {"1"}, "preset": {"recommended"}}
	for _, headers := range [][]string{{"HX-Request: true", "HX-Request-Type: full"}, nil} {
		h, _ := k.Webhooks.Get(t.Context(), "i1", "w1")
		form.Set("rev", itoa(h.Rev))
		form.Del("_csrf")
		a := c.Post("/instances/i1/webhooks/w1", form, headers...)
		a.Want(200, `#webhook-form input[name="name"][value="typed"]`)
		if headers != nil && a.Header.Get("HX-Retarget") != "#webhook-form" {
			t.Errorf("HX-Retarget = %q", a.Header.Get("HX-Retarget"))
		}
		save := url.Values{"name": {"saved"}, "url": {"https://crm.example/hook"}, "rev": {a.Value(`input[name="rev"]`, "value")}}
		c.Post("/instances/i1/webhooks/w1", save).Want(303)
	}
}

func TestWebhookConflictShowsBoth(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	c.Post("/instances/i1/webhooks/w1", url.Values{"name": {"mine"}, "url": {"https://mine.example"}, "rev": {"9"}, "events": {"newJwt"}}).
		Want(409, `input[name="name"][value="mine"]`, `input[name="rev"][value="1"]`, `input[value="newJwt"][checked]`,
			`input[value="sendMessage"]:not([checked])`, `[role="alert"]`)
	c.Post("/instances/i1/webhooks/w1", url.Values{"name": {""}, "url": {"nope"}, "rev": {"1"}}).
		Want(422, `input[name="name"][aria-invalid]`, `input[name="url"][aria-invalid]`)
}

// Asking by machine does not count as somebody being there.
func TestPollsDoNotExtendTheSession(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	before := k.Auth.Seen()
	for _, path := range []string{"/instances/i1/row", "/instances/i1/status", "/instances/i1/pair", "/instances/i1/qr.png?n=1",
		"/instances/i1/webhooks/w1/deliveries"} {
		c.Get(path, "HX-Request: true")
	}
	if k.Auth.Seen() != before {
		t.Errorf("%d requests counted", k.Auth.Seen()-before)
	}
	c.Get("/instances/i1")
	if k.Auth.Seen() != before+1 {
		t.Error("a page did not count")
	}
}

func itoa(n uint64) string {
	raw, _ := json.Marshal(n)
	return string(raw)
}
