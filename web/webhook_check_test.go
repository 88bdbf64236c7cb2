package web_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"

	"pombal/internal/auth"
	"pombal/web/webtest"
)

// A look at the address in a form says in words what it found, keeps what was
// typed and stores nothing.
func TestCheckTheAddressOfAWebhook(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	typed := func(address string) url.Values {
		return url.Values{"name": {"typed"}, "url": {address}, "check": {"url"}, "events": {"newJwt"}, "settings": {"1"}, "rev": {"1"}, "include_token": {"on"}}
	}
	for _, at := range []string{"/instances/i1/webhooks/new", "/instances/i1/webhooks/w1"} {
		c.Post(at, typed("https://crm.example/hook")).
			Want(200, "#url-check .badge.ok", `input[name="name"][value="typed"]`, `input[value="newJwt"][checked]`,
				`input[value="sendMessage"]:not([checked])`, `#include-token[checked]`)
		c.Post(at, typed("https://nowhere.example/")).Want(200, "#url-check .badge.bad")
		c.Post(at, typed("ftp://x")).Want(200, `input[name="url"][value="ftp://x"][aria-invalid]`, "#url-check:empty")
		a := c.Post(at, typed("https://crm.example/hook"), "HX-Request: true", "HX-Request-Type: partial")
		a.Want(200, "#url-check .badge.ok")
		if a.Header.Get("HX-Retarget") != "" {
			t.Errorf("%s: the answer goes to %q", at, a.Header.Get("HX-Retarget"))
		}
		c.Post(at, typed("ftp://x"), "HX-Request: true", "HX-Request-Type: partial").Want(200, "#url-check .note.bad")
	}
	h, err := k.Webhooks.Get(t.Context(), "i1", "w1")
	if err != nil || h.Name == "typed" || h.IncludeToken || h.Rev != 1 {
		t.Errorf("the check stored %+v, %v", h, err)
	}
	if list, err := k.Webhooks.List(t.Context(), "i1"); err != nil || len(list) != 1 {
		t.Errorf("%d webhooks, %v", len(list), err)
	}
	k.Auth.SetRole(auth.RoleOperator)
	c.Post("/instances/i1/webhooks/w1", typed("https://crm.example/hook")).Want(403)
}

// Whether a new token is sent along is a setting like the others.
func TestIncludeTokenIsSaved(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	form := url.Values{"name": {"crm"}, "url": {"https://crm.example/hook"}, "settings": {"1"}, "include_token": {"on"}}
	c.Post("/instances/i1/webhooks/w1", form).Want(303)
	if h, err := k.Webhooks.Get(t.Context(), "i1", "w1"); err != nil || !h.IncludeToken {
		t.Errorf("%+v, %v", h, err)
	}
	c.Get("/instances/i1/webhooks/w1").Want(200, "#include-token[checked]")
	form.Del("include_token")
	form.Del("_csrf")
	c.Post("/instances/i1/webhooks/w1", form).Want(303)
	if h, err := k.Webhooks.Get(t.Context(), "i1", "w1"); err != nil || h.IncludeToken {
		t.Errorf("%+v, %v", h, err)
	}
}

// A new webhook is made once however often its form is sent, and the buttons
// beside the toggles do not count as sending it.
func TestNewWebhookIsMadeOnce(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	const at = "/instances/i1/webhooks/new"
	op := c.Get(at).Value("#webhook-new input[name=_op]", "value")
	if op == "" {
		t.Fatal("the form does not name itself")
	}
	form := url.Values{"_csrf": {c.Token()}, "_op": {op}, "name": {"n"}, "url": {"https://x.example"}}
	for button, value := range map[string]string{"group": "chats:all", "preset": "none", "check": "url"} {
		form.Set(button, value)
		c.Post(at, form, "HX-Request: true", "HX-Request-Type: full").Want(200)
		form.Del(button)
	}
	var wg sync.WaitGroup
	places := make([]string, 5)
	for i := range places {
		wg.Go(func() {
			a := c.Do(http.MethodPost, at, form.Encode(), "Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin")
			places[i] = a.Header.Get("Location")
		})
	}
	wg.Wait()
	for _, place := range places {
		if place != "/instances/i1/webhooks/hook-1" {
			t.Errorf("they led to %q", places)
			break
		}
	}
	if list, err := k.Webhooks.List(t.Context(), "i1"); err != nil || len(list) != 2 {
		t.Errorf("%d webhooks, %v", len(list), err)
	}
}

// Times are typed in the zone that the form names, else the user's, else UTC.
func TestTypedTimesAreInTheirZone(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	const at = "/instances/i1/webhooks/w1/replay"
	c.Get(at).Want(200, `input[name="zone"][value=""]`, `#from[type="datetime-local"]`)
	c.Get(at+"?from=2026-03-02T11:00:00&to=2026-03-02T12:00:00&zone=America/Sao_Paulo").
		Want(200, `input[name="zone"][value="America/Sao_Paulo"]`, `#from[value="2026-03-02T11:00:00"]`)
	c.Get(at+"?from=x&to=2026-03-02T12:00:00&zone=Nowhere/Land").Want(422, `input[name="zone"][value=""]`)
	c.Get("/instances/i1/webhooks/w1/deliveries?from=2026-03-02T11:00&to=bad&zone=Asia/Kolkata").
		Want(200, `#from[value="2026-03-02T11:00"]`, `#to[value=""]`, `input[name="zone"][value="Asia/Kolkata"]`)
}
