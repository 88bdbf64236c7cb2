package webtest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// Client is a browser without scripts: it keeps cookies, follows no redirect
// and tells where its requests come from.
type Client struct {
	T    testing.TB
	Kit  *Kit
	HTTP *http.Client
	// Header is sent with every request.
	Header http.Header
	token  string
}

// NewClient makes a browser that is not signed in.
func (k *Kit) NewClient() *Client {
	k.T.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		k.T.Fatalf("cookie jar: %v", err)
	}
	tr := &http.Transport{DisableCompression: true}
	k.T.Cleanup(tr.CloseIdleConnections)
	return &Client{T: k.T, Kit: k, Header: http.Header{}, HTTP: &http.Client{
		Jar: jar, Transport: tr,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// SignedIn makes a browser that is signed in.
func (k *Kit) SignedIn() *Client {
	k.T.Helper()
	c := k.NewClient()
	a := c.SignIn(Email, Password)
	if a.Status != http.StatusSeeOther {
		k.T.Fatalf("sign in: status %d\n%s", a.Status, a.Body)
	}
	c.Get("/instances/new")
	return c
}

// SignIn fills in the sign-in form.
func (c *Client) SignIn(email, password string) *Answer {
	c.T.Helper()
	c.Get("/login")
	return c.Post("/login", url.Values{"email": {email}, "password": {password}})
}

// Answer is what came back.
type Answer struct {
	T      testing.TB
	Status int
	Header http.Header
	Body   string
	doc    *goquery.Document
}

// Get asks for a page. Each header is "Name: value".
func (c *Client) Get(path string, headers ...string) *Answer {
	c.T.Helper()
	return c.Do(http.MethodGet, path, "", headers...)
}

// Post sends a form as a browser does, with the token of the page that was
// seen last unless the form has one.
func (c *Client) Post(path string, form url.Values, headers ...string) *Answer {
	c.T.Helper()
	if form == nil {
		form = url.Values{}
	}
	if _, given := form["_csrf"]; !given && c.token != "" {
		form.Set("_csrf", c.token)
	}
	return c.Do(http.MethodPost, path, form.Encode(),
		append([]string{"Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin"}, headers...)...)
}

// Token is the form token of the page that was seen last.
func (c *Client) Token() string { return c.token }

// Do sends a request.
func (c *Client) Do(method, path, body string, headers ...string) *Answer {
	c.T.Helper()
	req, err := http.NewRequest(method, c.Kit.URL+path, strings.NewReader(body))
	if err != nil {
		c.T.Fatalf("request %s %s: %v", method, path, err)
	}
	for name, values := range c.Header {
		req.Header[name] = values
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if strings.EqualFold(name, "Host") {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		c.T.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		c.T.Fatalf("%s %s: read body: %v", method, path, err)
	}
	a := &Answer{T: c.T, Status: res.StatusCode, Header: res.Header, Body: string(raw)}
	if strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") {
		if token, found := a.Doc().Find(`input[name="_csrf"]`).First().Attr("value"); found && token != "" {
			c.token = token
		}
	}
	return a
}

// Doc is the body as HTML.
func (a *Answer) Doc() *goquery.Document {
	a.T.Helper()
	if a.doc == nil {
		body := a.Body
		// A row alone is only understood inside a table; a browser's script
		// puts it there.
		if strings.HasPrefix(strings.TrimSpace(body), "<tr") {
			body = "<table>" + body + "</table>"
		}
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(body))
		if err != nil {
			a.T.Fatalf("parse HTML: %v", err)
		}
		a.doc = doc
	}
	return a.doc
}

// Has says whether something matches a CSS selector.
func (a *Answer) Has(selector string) bool { return a.Doc().Find(selector).Length() > 0 }

// Text is the text of the first match.
func (a *Answer) Text(selector string) string {
	return strings.TrimSpace(a.Doc().Find(selector).First().Text())
}

// Value is an attribute of the first match.
func (a *Answer) Value(selector, attribute string) string {
	return a.Doc().Find(selector).First().AttrOr(attribute, "")
}

// Want checks the status and that each selector matches.
func (a *Answer) Want(status int, selectors ...string) *Answer {
	a.T.Helper()
	if a.Status != status {
		a.T.Errorf("status = %d, want %d; location %q, body: %.600s", a.Status, status, a.Header.Get("Location"), a.Body)
	}
	for _, s := range selectors {
		if !a.Has(s) {
			a.T.Errorf("nothing matches %q in: %.2000s", s, a.Body)
		}
	}
	return a
}
