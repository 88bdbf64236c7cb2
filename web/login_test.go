package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pombal/internal/problem"
	"pombal/web"
	"pombal/web/webtest"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c := k.NewClient()
	if a := c.Get("/"); a.Status != 303 || a.Header.Get("Location") != "/login" {
		t.Errorf("GET / = %d to %q, want 303 to /login", a.Status, a.Header.Get("Location"))
	}
	if a := c.Get("/instances/x/webhooks?a=b"); a.Header.Get("Location") != "/login?next=%2Finstances%2Fx%2Fwebhooks%3Fa%3Db" {
		t.Errorf("Location = %q", a.Header.Get("Location"))
	}
	c.Get("/login?next=/instances/x").Want(200, `form[action="/login"]`, `input[name="email"]`,
		`input[name="next"][value="/instances/x"]`)
	a := c.Post("/login", url.Values{"email": {webtest.Email}, "password": {"canary-of-a-password"}, "next": {"/instances/x"}})
	a.Want(422, `input[name="email"][value="`+webtest.Email+`"]`, `input[name="next"][value="/instances/x"]`)
	if strings.Contains(a.Body, "canary-of-a-password") {
		t.Error("the password came back")
	}
	a = c.Post("/login", url.Values{
		"email": {webtest.Email}, "password": {webtest.Password}, "next": {"/instances/x"}, "keep": {"on"},
	})
	if a.Status != 303 || a.Header.Get("Location") != "/instances/x" {
		t.Errorf("sign in = %d to %q", a.Status, a.Header.Get("Location"))
	}
	cookie := cookieNamed(a.Header, "pombal")
	for _, flag := range []string{"HttpOnly", "SameSite=Lax", "path=/", "max-age=2592000"} {
		if !strings.Contains(strings.ToLower(cookie), strings.ToLower(flag)) {
			t.Errorf("cookie %q lacks %s", cookie, flag)
		}
	}
	if strings.Contains(strings.ToLower(cookie), "secure") {
		t.Errorf("cookie %q is Secure over http", cookie)
	}
	c.Get("/instances").Want(200)
	if a := c.Get("/login?next=//evil.example"); a.Header.Get("Location") != "/instances" {
		t.Errorf("Location = %q", a.Header.Get("Location"))
	}
	if n := countAction(k, "login"); n != 1 {
		t.Errorf("%d audit entries for login, want 1", n)
	}
	if n := countAction(k, "login.failed"); n != 1 {
		t.Errorf("%d audit entries for login.failed, want 1", n)
	}
}

func TestSignOutEndsTheSessionOnTheServer(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c := k.SignedIn()
	u, _ := url.Parse(k.URL)
	old := c.HTTP.Jar.Cookies(u)
	a := c.Post("/logout", nil)
	a.Want(303)
	if a.Header.Get("Clear-Site-Data") == "" {
		t.Error("no Clear-Site-Data")
	}
	c.HTTP.Jar.SetCookies(u, old)
	if a := c.Get("/instances"); a.Status != 303 {
		t.Errorf("replayed cookie: %d, want 303", a.Status)
	}
}

func TestSignInGivesANewSession(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c := k.NewClient()
	u, _ := url.Parse(k.URL)
	c.HTTP.Jar.SetCookies(u, []*http.Cookie{{Name: "pombal", Value: "chosen-by-somebody-else"}})
	c.SignIn(webtest.Email, webtest.Password).Want(303)
	for _, cookie := range c.HTTP.Jar.Cookies(u) {
		if cookie.Name == "pombal" && cookie.Value == "chosen-by-somebody-else" {
			t.Error("the session id of the client was adopted")
		}
	}
}

func TestTooManySignIns(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Auth.Err = &problem.Error{
		Kind: problem.TooMany, Text: problem.Text{Key: "error.too_many_logins", Args: []any{"seconds", 7}},
		RetryAfter: 6500 * time.Millisecond,
	}
	a := k.NewClient().SignIn(webtest.Email, webtest.Password)
	a.Want(429, `form[action="/login"]`)
	if got := a.Header.Get("Retry-After"); got != "7" {
		t.Errorf("Retry-After = %q, want 7", got)
	}
}

func TestSecureCookieOverHTTPS(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		change func(*web.Deps)
		header []string
		prefix bool
	}{
		{"proxy that is trusted", func(d *web.Deps) { d.Config.TrustedProxies = []string{"127.0.0.0/8"} },
			[]string{"X-Forwarded-Proto: https"}, true},
		{"proxy that is not trusted", func(*web.Deps) {}, []string{"X-Forwarded-Proto: https"}, false},
		{"public https address", func(d *web.Deps) { d.Config.PublicURL = "https://wa.example" },
			[]string{"Host: wa.example"}, true},
		{"other address than the public one", func(d *web.Deps) { d.Config.PublicURL = "https://wa.example" }, nil, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := webtest.NewServer(t, tc.change).NewClient().Get("/login", tc.header...)
			a.Want(200)
			cookie := cookieNamed(a.Header, "__Host-pombal-form")
			if (cookie != "") != tc.prefix {
				t.Errorf("cookies = %q", a.Header.Values("Set-Cookie"))
			}
			if tc.prefix && !strings.Contains(strings.ToLower(cookie), "secure") {
				t.Errorf("cookie %q is not Secure", cookie)
			}
			if (a.Header.Get("Strict-Transport-Security") != "") != tc.prefix {
				t.Errorf("HSTS = %q", a.Header.Get("Strict-Transport-Security"))
			}
		})
	}
}

func TestSetup(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Auth.Empty()
	c := k.NewClient()
	if a := c.Get("/"); a.Header.Get("Location") != "/setup" {
		t.Errorf("Location = %q, want /setup", a.Header.Get("Location"))
	}
	c.Get("/setup").Want(200, `form[action="/setup"]`, `input[name="code"]`)
	form := url.Values{"code": {"nope"}, "name": {"Ana"}, "email": {"ana@example.com"}, "password": {"short-canary"}}
	a := c.Post("/setup", form)
	a.Want(422, `input[name="email"][value="ana@example.com"]`, `input[name="code"][aria-invalid]`)
	if strings.Contains(a.Body, "short-canary") {
		t.Error("the password came back")
	}
	form.Set("code", webtest.SetupCode)
	form.Set("password", "long enough for this")
	form.Del("_csrf")
	if a := c.Post("/setup", form); a.Status != 303 || a.Header.Get("Location") != "/instances" {
		t.Fatalf("setup = %d to %q: %s", a.Status, a.Header.Get("Location"), a.Body)
	}
	c.Get("/instances").Want(200)
	if a := c.Get("/setup"); a.Status != 404 {
		t.Errorf("second set-up page = %d, want 404", a.Status)
	}
	if a := c.Post("/setup", form); a.Status != 404 && a.Status != 403 {
		t.Errorf("second set-up = %d, want 404", a.Status)
	}
}

func TestLanguageAndTheme(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c := k.NewClient()
	c.Get("/login", "Accept-Language: pt-BR,pt;q=0.9").Want(200, `html[lang="pt-BR"][data-theme="auto"]`)
	c.Get("/login").Want(200, `html[lang="en"]`)
	if a := c.Post("/language", url.Values{"lang": {"pt-BR"}, "next": {"/login"}}); a.Header.Get("Location") != "/login" {
		t.Errorf("language: %d to %q", a.Status, a.Header.Get("Location"))
	}
	c.Post("/theme", url.Values{"theme": {"dark"}, "next": {"/login"}}).Want(303)
	c.Get("/login").Want(200, `html[lang="pt-BR"][data-theme="dark"]`)
	c.Post("/theme", url.Values{"theme": {"pink"}}).Want(422)
	c.Post("/language", url.Values{"lang": {"xx"}}).Want(422)
	if a := c.Post("/theme", url.Values{"theme": {"dark"}, "next": {"//evil.example"}}); a.Header.Get("Location") != "/" {
		t.Errorf("Location = %q, want /", a.Header.Get("Location"))
	}
}

func TestNextStaysOnThisSite(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"/", "/instances", "/instances/x?q=a%20b", "/a//b", "/%2e"} {
		if got := web.SafeNext(good); got != good {
			t.Errorf("SafeNext(%q) = %q", good, got)
		}
	}
	for _, bad := range []string{
		"", "x", "//evil.example", "///evil.example", `/\evil.example`, `\\evil.example`, "/\t/evil.example", "/\n/evil",
		"http://evil.example", "https:evil.example", "javascript:alert(1)", "/ /evil", "/a\x00b", "/%5cevil.example",
		"/%2fevil.example", " /x", "data:text/html,x", "/" + strings.Repeat("a", 3000),
	} {
		if got := web.SafeNext(bad); got != "" {
			t.Errorf("SafeNext(%q) = %q, want nothing", bad, got)
		}
	}
}

func cookieNamed(h http.Header, name string) string {
	for _, c := range h.Values("Set-Cookie") {
		if strings.HasPrefix(c, name+"=") {
			return c
		}
	}
	return ""
}

func countAction(k *webtest.Kit, action string) int {
	n := 0
	for _, e := range k.Audit.Entries() {
		if e.Action == action {
			n++
		}
	}
	return n
}
