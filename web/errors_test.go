package web_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pombal/internal/instance"
	"pombal/web"
	"pombal/web/webtest"
)

// Nothing internal leaks, and everything has a request id to look for.
func TestInternalErrorsSayNothing(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	k.Instances.Err = errors.New("bbolt: secret-canary in /var/lib/pombal.db")
	k.Webhooks.Err = k.Instances.Err
	for _, d := range k.Server.Declared() {
		method, path, right := d[0], d[1], d[2]
		switch {
		case right == "anyone", path == "/live", path == "/logout", isDoor(right):
			continue
		}
		a := c.Do(method, address(path), url.Values{
			"_csrf": {c.Token()}, "name": {"x"}, "email": {"x"}, "lang": {"en"}, "theme": {"dark"},
		}.Encode(),
			"Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin")
		for _, leak := range []string{"canary", "bbolt", "/var/lib", "goroutine", ".go:"} {
			if strings.Contains(a.Body, leak) {
				t.Errorf("%s %s (%d) leaks %q", method, path, a.Status, leak)
			}
		}
	}
	a := c.Get("/instances")
	a.Want(500)
	id := a.Header.Get("X-Request-Id")
	if id == "" || !strings.Contains(a.Body, id) || !strings.Contains(k.Log.String(), id) {
		t.Errorf("request id %q is missing in the page or in the log", id)
	}
	if !strings.Contains(k.Log.String(), "secret-canary") {
		t.Error("the log does not tell why")
	}
}

func TestPanicInAHandler(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	k.Instances.SetPanic("handler canary")
	for range 3 {
		if a := c.Get("/instances"); a.Status != 500 || strings.Contains(a.Body, "canary") {
			t.Errorf("status %d: %s", a.Status, a.Body)
		}
	}
	k.Instances.SetPanic(nil)
	c.Get("/instances").Want(200)
}

// The request id is ours: one from outside could forge the log.
func TestRequestIDIsOurs(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	a := k.NewClient().Get("/login", "X-Request-Id: chosen")
	if id := a.Header.Get("X-Request-Id"); id == "" || id == "chosen" {
		t.Errorf("request id = %q", id)
	}
	if strings.Contains(k.Log.String(), "chosen") {
		t.Error("the log holds the id from outside")
	}
}

// One line of log for each request, whatever is in its path.
func TestLogCannotBeForged(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c := k.NewClient()
	for _, p := range []string{"/a%0d%0alevel=ERROR", "/a%1b%5b31m", "/a%e2%80%aex", "/a%22%2c%22x%22%3a1"} {
		c.Get(p)
	}
	lines := 0
	sc := bufio.NewScanner(strings.NewReader(k.Log.String()))
	for sc.Scan() {
		var entry map[string]any
		if err := json.Unmarshal(sc.Bytes(), &entry); err != nil {
			t.Errorf("line %q: %v", sc.Text(), err)
		}
		if entry["msg"] == "request" {
			lines++
		}
		if strings.ContainsAny(sc.Text(), "\x1b\r") {
			t.Errorf("line %q", sc.Text())
		}
	}
	if lines != 4 {
		t.Errorf("%d lines, want 4", lines)
	}
}

// A body that is too large is refused in the asker's shape, and the answer is
// there to be read while the body is still being sent.
func TestTooLargeBodies(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	for _, tc := range []struct {
		path string
		size int
		want string
	}{
		{"/instances/new", 65<<10 + 1, "text/html"},
		{"/instances/new", 8 << 20, "text/html"},
		{"/api/v2/instance/i1/logout", 8 << 20, "application/json"},
		{"/api/whatsapp/instance/logout", 8 << 20, "application/json"},
	} {
		for range 3 {
			a := c.Do("POST", tc.path, strings.Repeat("a", tc.size), "Sec-Fetch-Site: same-origin",
				"Content-Type: application/x-www-form-urlencoded")
			if a.Status != 413 || !strings.HasPrefix(a.Header.Get("Content-Type"), tc.want) {
				t.Errorf("%s with %d bytes: %d %q", tc.path, tc.size, a.Status, a.Header.Get("Content-Type"))
			}
		}
	}
	a := c.Do("POST", "/api/v2/instance/i1/logout", strings.Repeat("a", 1<<20+1))
	if want := `{"message":["The request is too large"],"error":"Request Entity Too Large","statusCode":413}`; a.Body != want {
		t.Errorf("body = %s, want %s", a.Body, want)
	}
	a = c.Do("POST", "/api/whatsapp/instance/logout", strings.Repeat("a", 1<<20+1))
	if want := `{"code":"102","message":"failed","result":["The request is too large."]}`; a.Body != want {
		t.Errorf("body = %s, want %s", a.Body, want)
	}
	// Just below the limit of a form is no problem.
	form := url.Values{"name": {strings.Repeat("a", 60<<10)}}
	c.Post("/instances/new", form).Want(422)
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	for _, tc := range []struct {
		name, method, path, body string
		headers                  []string
		want                     int
	}{
		{"unknown page", "GET", "/nothing", "", nil, 404},
		{"unknown instance", "GET", "/instances/none", "", nil, 404},
		{"unknown webhook", "GET", "/instances/i1/webhooks/none", "", nil, 404},
		{"case matters", "GET", "/Instances", "", nil, 404},
		{"trailing slash", "GET", "/instances/", "", nil, 200},
		{"wrong method", "PUT", "/instances", "", nil, 405},
		{"invented method", "BREW", "/instances", "", nil, 405},
		{"path tricks", "GET", "/static/../instances", "", nil, 404},
		{"asset of another hash", "GET", "/static/000000000000/css/app.css", "", nil, 404},
		{"duplicate field", "POST", "/instances/new", "name=a&name=b&_csrf=" + url.QueryEscape(c.Token()),
			[]string{"Content-Type: application/x-www-form-urlencoded"}, 400},
		{"broken multipart", "POST", "/instances/new", "--x\r\nnope",
			[]string{"Content-Type: multipart/form-data; boundary=x"}, 400},
		{"json in a form", "POST", "/instances/new", `{"name":"x"}`,
			[]string{"Content-Type: application/json", "X-CSRF-Token: " + c.Token()}, 422},
		{"conflict", "POST", "/instances/i1/connect", "", []string{"X-CSRF-Token: " + c.Token()}, 409},
	} {
		a := c.Do(tc.method, tc.path, tc.body, append(tc.headers, "Sec-Fetch-Site: same-origin")...)
		if a.Status != tc.want {
			t.Errorf("%s: %d, want %d: %.300s", tc.name, a.Status, tc.want, a.Body)
		}
		if tc.want >= 400 && a.Body != "" && tc.want != 422 && !a.Has("h1") {
			t.Errorf("%s: no page: %s", tc.name, a.Body)
		}
	}
}

func TestBrokenRequests(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	for name, raw := range map[string]string{
		"header of 20 KiB":        "GET /login HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("a", 20<<10) + "\r\n\r\n",
		"two lengths":             "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"no host":                 "GET /login HTTP/1.1\r\n\r\n",
		"two hosts":               "GET /login HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
		"nonsense":                "hello\r\n\r\n",
		"chunk without end":       "POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n\r\n",
		"absolute foreign target": "GET http://evil.example/login HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", k.Addr)
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, raw)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if res.StatusCode < 400 || res.StatusCode > 499 {
			t.Errorf("%s: %d, want 4xx", name, res.StatusCode)
		}
		res.Body.Close()
		conn.Close()
	}
	k.NewClient().Get("/login").Want(200)
}

func TestProbes(t *testing.T) {
	t.Parallel()
	var broken error
	k := webtest.NewServer(t, func(d *web.Deps) { d.Ready = func() error { return broken } })
	c := k.NewClient()
	c.Get("/healthz").Want(200)
	c.Get("/readyz").Want(200)
	if a := c.Do("HEAD", "/healthz", ""); a.Status != 200 {
		t.Errorf("HEAD /healthz = %d", a.Status)
	}
	broken = errors.New("disk-canary")
	if a := c.Get("/readyz"); a.Status != 503 || strings.Contains(a.Body, "canary") {
		t.Errorf("readyz = %d %q", a.Status, a.Body)
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c := k.NewClient()
	at := address("/static/:hash/*")
	plain, small := c.Get(at), c.Get(at, "Accept-Encoding: gzip")
	plain.Want(200)
	if plain.Header.Get("ETag") == "" || plain.Header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("headers %v", plain.Header)
	}
	if small.Header.Get("Content-Encoding") == "gzip" && small.Header.Get("ETag") == plain.Header.Get("ETag") {
		t.Error("both encodings have one strong ETag")
	}
	a := c.Get(at, "If-None-Match: "+plain.Header.Get("ETag"))
	if a.Status != 304 || a.Body != "" {
		t.Errorf("If-None-Match: %d %q", a.Status, a.Body)
	}
	if len(plain.Header.Values("Set-Cookie")) > 0 {
		t.Error("an asset sets a cookie")
	}
}

func TestPagesAreCompressed(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	for i := range 40 {
		k.Instances.Put(instance.Instance{ID: fmt.Sprintf("i%d", i), Name: fmt.Sprintf("n%d", i)})
	}
	c := k.SignedIn()
	plain, small := c.Get("/instances"), c.Get("/instances", "Accept-Encoding: gzip, br")
	if small.Header.Get("Content-Encoding") != "gzip" || len(small.Body) > len(plain.Body)/2 {
		t.Errorf("%d bytes instead of %d, encoding %q", len(small.Body), len(plain.Body), small.Header.Get("Content-Encoding"))
	}
	for _, name := range []string{"HX-Request", "Cookie", "Accept-Encoding"} {
		if !strings.Contains(plain.Header.Get("Vary"), name) {
			t.Errorf("Vary = %q lacks %s", plain.Header.Get("Vary"), name)
		}
	}
}

func TestMissingDependencyIsNamed(t *testing.T) {
	t.Parallel()
	if _, err := web.NewServer(web.Deps{}); err == nil || !strings.Contains(err.Error(), "is not set") {
		t.Errorf("NewServer = %v", err)
	}
}

// The doors do not look at cookies, and answer every path in their own shape.
func TestDoorsAnswerInTheirShape(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	for _, tc := range []struct{ method, path, want string }{
		{"DELETE", "/api/nope", `{"message":["Cannot DELETE /api/nope"],"error":"Not Found","statusCode":404}`},
		{"GET", "/api/v2/instance/i1/logout",
			`{"message":["Cannot GET /api/v2/instance/i1/logout"],"error":"Method Not Allowed","statusCode":405}`},
		{"GET", "/api", `{"message":["Cannot GET /api"],"error":"Not Found","statusCode":404}`},
		{"DELETE", "/api/v2/instance/i1/logout", `{"message":["Unauthorized"],"error":"Unauthorized","statusCode":401}`},
		{"GET", "/api/whatsapp/instance/logout",
			`{"code":"102","message":"failed","result":["The GET method is not supported here. Use POST."]}`},
		{"POST", "/api/whatsapp/instance/logout", `{"code":"101","message":"failed","result":"Authorization failed"}`},
	} {
		a := c.Do(tc.method, tc.path, "", "Host: pombal")
		if a.Body != tc.want || !strings.HasPrefix(a.Header.Get("Content-Type"), "application/json") {
			t.Errorf("%s %s = %d %q %s, want %s", tc.method, tc.path, a.Status, a.Header.Get("Content-Type"), a.Body, tc.want)
		}
	}
	if calls := k.Instances.Calls(); len(calls) > 0 {
		t.Errorf("calls = %v", calls)
	}
}
