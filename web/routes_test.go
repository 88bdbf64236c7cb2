package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/webhook"
	"pombal/static"
	"pombal/web/webtest"
)

// Every route of the app is declared, and every declared one exists.
func TestEveryRouteIsDeclared(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	declared := make(map[string]bool)
	for _, d := range k.Server.Declared() {
		declared[d[0]+" "+d[1]] = true
		if d[2] == "" {
			t.Errorf("%s %s has no right", d[0], d[1])
		}
	}
	seen := make(map[string]bool)
	for _, rt := range k.Server.App().GetRoutes(true) {
		method := rt.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		seen[method+" "+rt.Path] = true
		if !declared[method+" "+rt.Path] {
			t.Errorf("%s %s is not declared", rt.Method, rt.Path)
		}
	}
	for name := range declared {
		if !seen[name] {
			t.Errorf("%s is declared and does not exist", name)
		}
	}
}

// world fills a server with one of each thing.
func world(k *webtest.Kit) {
	k.Instances.Put(instance.Instance{
		ID: "i1", Name: "shop-front", Status: webtest.Connected(), WhatsApp: webtest.Linked("5511987650001"),
	})
	k.Instances.Put(instance.Instance{ID: "i2", Name: "other"})
	k.Webhooks.Put(webhook.Webhook{
		ID: "w1", InstanceID: "i1", Name: "crm", URL: "https://crm.example/hook", Enabled: true,
		Events: webhook.Events{Toggles: webhook.AllToggles()},
	})
	for range 30 { // more than a page of them
		k.Catch.Put("i1", webhook.Caught{
			At: k.Clock.Now(), Event: "messages.upsert", EventID: "e1", Verdict: webhook.VerdictGood, Webhook: "crm",
			Head: "Webhook-Id: e1", Body: `{"event":"messages.upsert"}`, Size: 27,
		})
	}
}

// address fills in the parameters of a route.
func address(path string) string {
	css := strings.Split(strings.TrimPrefix(static.URL("css/app.css"), "/static/"), "/")
	return strings.NewReplacer(":hash", css[0], "*", "css/app.css", ":id", "i1", ":wid", "w1", ":did", "1", ":cid", "1", ":seq", "1", ":preset", "crm", ":type", "newJwt", ":kid", "k1",
		":sid", "s1", ":token", "t1", ":instanceId", "i1").Replace(strings.Replace(path, ":instanceId", "i1", 1))
}

func isUnsafe(method string) bool { return method != http.MethodGet && method != http.MethodHead }

func isDoor(right string) bool { return right == "token" || right == "key" || right == "path" }

// Every unsafe route that works by cookie refuses a foreign site, a missing
// token and the token of another session, and then changes nothing.
func TestEveryUnsafeRouteRefusesForgery(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c, other := k.SignedIn(), k.SignedIn()
	foreign := other.Token()
	cases := []struct {
		name    string
		token   string
		headers []string
	}{
		{"cross-site", c.Token(), []string{"Sec-Fetch-Site: cross-site"}},
		{"same-site", c.Token(), []string{"Sec-Fetch-Site: same-site"}},
		{"foreign origin", c.Token(), []string{"Sec-Fetch-Site: ", "Origin: https://evil.example"}},
		{"null origin", c.Token(), []string{"Sec-Fetch-Site: ", "Origin: null"}},
		{"no token", "", nil},
		{"foreign token", foreign, nil},
		{"made-up token", strings.Repeat("A", 86), nil},
		{"token in the query", "", []string{"query"}},
	}
	n := 0
	for _, d := range k.Server.Declared() {
		method, path, right := d[0], d[1], d[2]
		if !isUnsafe(method) || isDoor(right) {
			continue
		}
		n++
		for _, tc := range cases {
			form := url.Values{"_csrf": {tc.token}, "name": {"x"}, "typed": {"shop-front"}}
			at := address(path)
			headers := tc.headers
			if tc.name == "token in the query" {
				at, headers = at+"?_csrf="+url.QueryEscape(c.Token()), nil
			}
			if a := c.Post(at, form, headers...); a.Status != 403 {
				t.Errorf("%s %s with %s: %d, want 403", method, path, tc.name, a.Status)
			}
		}
	}
	if n < 15 {
		t.Errorf("only %d unsafe routes were found", n)
	}
	if calls := k.Instances.Calls(); len(calls) > 0 {
		t.Errorf("something was done all the same: %v", calls)
	}
}

// A token in the header is as good as one in the form.
func TestTokenInTheHeader(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	a := c.Do("POST", "/instances/i1/off", "", "X-CSRF-Token: "+c.Token(), "Origin: "+k.URL, "HX-Request: true",
		"HX-Request-Type: partial")
	a.Want(200)
}

// Every cell of route × role is as declared.
func TestEveryRouteAsksForItsRole(t *testing.T) {
	t.Parallel()
	ranks := map[string]int{"viewer": 1, "operator": 2, "admin": 3, "owner": 4}
	for _, role := range []auth.Role{auth.RoleViewer, auth.RoleOperator, auth.RoleAdmin, auth.RoleOwner, "unknown"} {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			k := webtest.NewServer(t)
			world(k)
			c := k.NewClient()
			c.SignIn(webtest.Email, webtest.Password).Want(303)
			k.Auth.SetRole(auth.RoleOwner)
			c.Get("/instances/new")
			k.Auth.SetRole(role)
			for _, d := range k.Server.Declared() {
				method, path, right := d[0], d[1], d[2]
				need, asks := ranks[right]
				if !asks || path == "/live" || path == "/logout" {
					continue
				}
				a := c.Do(method, address(path), url.Values{
					"_csrf": {c.Token()}, "name": {"crm"}, "url": {"https://crm.example/hook"},
				}.Encode(),
					"Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin")
				if refused := a.Status == 403; refused != (ranks[string(role)] < need) {
					t.Errorf("%s %s for %s: %d, declared %s", method, path, role, a.Status, right)
				}
			}
		})
	}
}

// Nobody gets anywhere without a session.
func TestEveryRouteAsksForASession(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.NewClient()
	for _, d := range k.Server.Declared() {
		method, path, right := d[0], d[1], d[2]
		if right == "anyone" || right == "visitor" || right == "link" || isDoor(right) {
			continue
		}
		headers := []string{"Sec-Fetch-Site: same-origin", "Authorization: Bearer " + webtest.GlobalKey, "apikey: " + webtest.GlobalKey}
		a := c.Do(method, address(path), "", headers...)
		switch {
		case path == "/live" || strings.HasSuffix(path, ".png"):
			if a.Status != 401 || a.Body != "" {
				t.Errorf("%s %s: %d %q, want an empty 401", method, path, a.Status, a.Body)
			}
		case a.Status != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/login"):
			t.Errorf("%s %s: %d to %q, want 303 to /login", method, path, a.Status, a.Header.Get("Location"))
		}
		a = c.Do(method, address(path), "", append(headers, "HX-Request: true")...)
		if a.Status != 401 || a.Body != "" {
			t.Errorf("%s %s for htmx: %d %q, want an empty 401", method, path, a.Status, a.Body)
		}
	}
}

// Every answer carries the headers, failures and assets too.
func TestEveryAnswerCarriesTheHeaders(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	type ask struct{ method, path string }
	asks := []ask{{"GET", "/nothing"}, {"GET", "/instances/none"}, {"POST", "/instances"}, {"GET", "/static/x/y"},
		{"PUT", "/api/v2/instance/i1"}, {"GET", "/api/none"}, {"OPTIONS", "/instances"}, {"TRACE", "/instances"}}
	for _, d := range k.Server.Declared() {
		if d[1] != "/live" && d[1] != "/logout" {
			asks = append(asks, ask{d[0], address(d[1])})
		}
	}
	nonces := make(map[string]bool)
	for _, a := range asks {
		for _, hx := range []string{"", "true"} {
			res := c.Do(a.method, a.path, "", "HX-Request: "+hx)
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY",
				"Cross-Origin-Opener-Policy": "same-origin",
			} {
				if got := res.Header.Get(name); got != want {
					t.Errorf("%s %s (%d): %s = %q, want %q", a.method, a.path, res.Status, name, got, want)
				}
			}
			if res.Header.Get("Permissions-Policy") == "" || res.Header.Get("Server") != "" {
				t.Errorf("%s %s: Permissions-Policy %q, Server %q", a.method, a.path,
					res.Header.Get("Permissions-Policy"), res.Header.Get("Server"))
			}
			wantCache := "no-store"
			if strings.HasPrefix(a.path, "/static/") && res.Status == 200 {
				wantCache = "public, max-age=31536000, immutable"
			}
			if got := res.Header.Get("Cache-Control"); got != wantCache {
				t.Errorf("%s %s (%d): Cache-Control = %q, want %q", a.method, a.path, res.Status, got, wantCache)
			}
			if a.method == "TRACE" {
				if res.Status != 405 {
					t.Errorf("TRACE = %d, want 405", res.Status)
				}
				continue
			}
			csp := res.Header.Get("Content-Security-Policy")
			_, nonce, _ := strings.Cut(csp, "'nonce-")
			nonce, _, _ = strings.Cut(nonce, "'")
			if nonce == "" || nonces[nonce] {
				t.Errorf("%s %s: nonce %q is missing or was used before", a.method, a.path, nonce)
			}
			nonces[nonce] = true
			if strings.Contains(csp, "unsafe") || !strings.HasPrefix(csp, "default-src 'none'") {
				t.Errorf("CSP = %s", csp)
			}
			if strings.Contains(res.Body, "nonce=\"") && !strings.Contains(res.Body, nonce) {
				t.Errorf("%s %s: the body does not carry the nonce of its header", a.method, a.path)
			}
		}
	}
}

func TestForeignHosts(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t, publicURL("https://wa.example:8443"))
	c := k.NewClient()
	for host, want := range map[string]int{
		"127.0.0.1": 200, "127.0.0.1:9999": 200, "[::1]:8080": 200, "192.168.1.7:8080": 200, "localhost": 200,
		"localhost:8080": 200, "LOCALHOST": 200, "wa.example": 200, "wa.example:8443": 200, "WA.example.": 200,
		"evil.example": 421, "wa.example.evil.example": 421, "localhost.evil.example": 421, "127.0.0.1.nip.io": 421,
		"xwa.example": 421, "pombal": 421, "evil.example:8443": 421,
	} {
		if a := c.Get("/login", "Host: "+host); a.Status != want {
			t.Errorf("Host %s: %d, want %d", host, a.Status, want)
		}
	}
	c.Get("/login", "Host: 127.0.0.1", "X-Forwarded-Host: evil.example").Want(200)
	if a := c.Get("/healthz", "Host: pombal"); a.Status != 200 {
		t.Errorf("probe by name: %d", a.Status)
	}
}

// A parameter that was kept is still right after other requests.
func TestParametersAreCopied(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c := k.SignedIn()
	for i := range 5 {
		k.Instances.Put(instance.Instance{ID: fmt.Sprintf("id-%d-aaaaaaaa", i), Name: fmt.Sprintf("n%d", i)})
		c.Post(fmt.Sprintf("/instances/id-%d-aaaaaaaa/off", i), nil).Want(303)
	}
	for i, call := range k.Instances.Calls() {
		if want := fmt.Sprintf("off id-%d-aaaaaaaa", i); call != want {
			t.Errorf("call %d = %q, want %q", i, call, want)
		}
	}
	for i, e := range k.Audit.Entries()[1:] {
		if want := fmt.Sprintf("instance:id-%d-aaaaaaaa", i); e.Object != want || e.From != "127.0.0.1" || e.RequestID == "" {
			t.Errorf("entry %d = %+v, want object %q", i, e, want)
		}
	}
}

func TestAddressBehindProxies(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		proxies []string
		header  string
		want    string
	}{
		{"no proxy is trusted", nil, "203.0.113.9", "127.0.0.1"},
		{"one hop", []string{"127.0.0.1"}, "203.0.113.9", "203.0.113.9"},
		{"the left part is a claim", []string{"127.0.0.1", "10.0.0.0/8"}, "1.2.3.4, 203.0.113.9, 10.1.1.1", "203.0.113.9"},
		{"nonsense", []string{"127.0.0.1"}, "what", "127.0.0.1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			k := webtest.NewServer(t, trust(tc.proxies...))
			c := k.NewClient()
			c.Header.Set("X-Forwarded-For", tc.header)
			c.SignIn(webtest.Email, webtest.Password).Want(303)
			if e := k.Audit.Entries(); len(e) != 1 || e[0].From != tc.want {
				t.Errorf("entries = %+v, want one from %s", e, tc.want)
			}
		})
	}
}
