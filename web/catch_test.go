package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"pombal/internal/auth"
	"pombal/internal/locale"
	"pombal/internal/webhook"
	"pombal/web/webtest"
)

// The name that a webhook gets by itself is stored, so it is the same whatever
// language it was made in.
func TestCatchNameIsOfNoLanguage(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	c.Get("/instances/i1/catch").Want(200, "#catch-add")
	names := make(map[string]bool)
	for _, l := range locale.Languages() {
		c.Post("/language", map[string][]string{"lang": {l.Tag}}).Want(303)
		c.Post("/instances/i1/catch/webhook", nil).Want(303)
	}
	hooks, err := k.Webhooks.List(t.Context(), "i1")
	if err != nil {
		t.Fatal(err)
	}
	made := 0
	for _, h := range hooks {
		if h.URL == k.URL+"/catch/i1/secret" {
			made++
			names[h.Name] = true
		}
	}
	if made != len(locale.Languages()) || len(names) != 1 {
		t.Errorf("%d webhooks called %v, among %v", made, names, hooks)
	}
}

// The list of caught requests holds a line for each and no body, 25 at a time;
// every one can be reached by its links.
func TestCaughtListIsLight(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k) // has put 30 there
	c := k.SignedIn()
	var seen []string
	sizes := make(map[string]int)
	for at := "/instances/i1/catch"; at != ""; {
		for _, how := range [][]string{nil, {"HX-Request: true"}} {
			a := c.Get(at, how...).Want(200, "#caught tbody tr")
			if strings.Contains(a.Body, "Webhook-Id: e1") || strings.Contains(a.Body, "{&#34;event") {
				t.Errorf("%s %v holds what requests hold", at, how)
			}
			if again := a.Doc().Find("#caught").AttrOr("hx-get", ""); again != at {
				t.Errorf("%s fetches itself again from %q", at, again)
			}
		}
		doc := c.Get(at).Doc()
		sizes[at] = doc.Find("#caught tbody tr").Length()
		doc.Find("#caught tbody th a").Each(func(_ int, a *goquery.Selection) { seen = append(seen, a.AttrOr("href", "")) })
		at = doc.Find("#caught-older").AttrOr("href", "")
	}
	if len(sizes) != 2 || sizes["/instances/i1/catch"] != 25 {
		t.Errorf("pages of %v", sizes)
	}
	if len(slices.Compact(slices.Clone(seen))) != 30 || seen[0] != "/instances/i1/catch/30" || seen[29] != "/instances/i1/catch/1" {
		t.Errorf("listed: %v", seen)
	}
	if at := c.Get("/instances/i1/catch?before=1").Want(200).Doc().Find("#caught-newest").AttrOr("href", ""); at != "/instances/i1/catch" {
		t.Errorf("from past the end a link leads to %q", at)
	}
}

// One caught request is a page of its own. What came in it is for those who may
// read what events say, and is not compressed.
func TestCaughtRequestIsAPage(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	at := "/instances/i1/catch/7"
	for _, role := range []auth.Role{auth.RoleViewer, auth.RoleOperator, auth.RoleAdmin, auth.RoleOwner} {
		k.Auth.SetRole(role)
		a := c.Get(at, "Accept-Encoding: gzip").Want(200)
		if role == auth.RoleViewer {
			a = c.Get(at).Want(200)
		} else if a.Header.Get("Content-Encoding") != "" {
			t.Errorf("for %s it is compressed", role)
		}
		head, body := a.Text("#caught-head"), a.Text("#caught-body")
		if may := role != auth.RoleViewer; (head == "Webhook-Id: e1") != may || (body == `{"event":"messages.upsert"}`) != may {
			t.Errorf("%s reads %q and %q", role, head, body)
		}
		if text := a.Text("main"); !strings.Contains(text, "Signature verified") || !strings.Contains(text, "27 bytes") {
			t.Errorf("%s reads %q", role, text)
		}
	}
	for _, gone := range []string{"31", "0", "-1", "x", "99999999999999999999"} {
		c.Get("/instances/i1/catch/" + gone).Want(404)
	}
	c.Get("/instances/i2/catch/7").Want(404)
	c.Get("/instances/nobody/catch/7").Want(404)
	c.Post("/instances/i1/catch/clear", nil).Want(303)
	if text := c.Get(at).Want(404).Text("main"); !strings.Contains(text, fmt.Sprint(webhook.CatchKept)) {
		t.Errorf("of one that is gone it says %q", text)
	}
}
