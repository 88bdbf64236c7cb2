package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"pombal/internal/auth"
	"pombal/internal/crash"
	"pombal/internal/instance"
	"pombal/internal/webhook"
	"pombal/web/webtest"
)

// house fills a server with instances in several states, so that most of what
// can be done is offered somewhere.
func house(k *webtest.Kit) {
	world(k)
	k.Instances.Put(instance.Instance{ID: "i3", Name: "resting", State: instance.Inactive})
	k.Crashes.Known = crash.Report{Unseen: true, Crashes: 1, LastText: "panic: x"}
	k.Webhooks.Put(webhook.Webhook{
		ID: "w2", InstanceID: "i1", Name: "stopped", URL: "https://crm.example/other",
		Stopped: webhook.Stopped{At: k.Clock.Now(), Reason: "hooks.stopped.gone"},
	})
	if _, err := k.Upkeep.MakeBackup(k.T.Context()); err != nil {
		k.T.Fatal(err)
	}
	if _, _, err := k.Auth.CreateInSPRLKey(k.T.Context(), "i1", "shop"); err != nil {
		k.T.Fatal(err)
	}
	for i, id := range []string{"w1", "w2"} {
		k.Webhooks.Deliver(webhook.Delivery{
			ID: uint64(i + 1), InstanceID: "i1", WebhookID: id, EventID: "e1", Status: []webhook.DeliveryStatus{
				webhook.StatusDead, webhook.StatusPending,
			}[i], QueuedAt: k.Clock.Now(),
		})
	}
}

// offered walks from link to link and gives what the pages offer to send, by
// the address that it is sent to, and the page that offers it.
func offered(t *testing.T, c *webtest.Client) map[string]string {
	t.Helper()
	forms, seen := make(map[string]string), map[string]bool{"/instances": true}
	for queue := []string{"/instances"}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		a := c.Get(at)
		if a.Status >= 400 {
			t.Errorf("a link leads to %s, which answers %d", at, a.Status)
			continue
		}
		doc := a.Doc()
		doc.Find(`form[method="post"], [hx-post], [formaction]`).Each(func(_ int, el *goquery.Selection) {
			forms[el.AttrOr("formaction", el.AttrOr("hx-post", el.AttrOr("action", "")))] = at
		})
		doc.Find(`a[href], [hx-get], form[method="get"]`).Each(func(_ int, el *goquery.Selection) {
			for _, name := range []string{"href", "hx-get", "action"} {
				to, _, _ := strings.Cut(el.AttrOr(name, ""), "#")
				if strings.HasPrefix(to, "/") && !seen[to] && len(seen) < 500 {
					seen[to] = true
					queue = append(queue, to)
				}
			}
		})
	}
	if len(seen) == 500 {
		t.Error("there is no end to the links")
	}
	return forms
}

// declared finds the route that takes a method and an address.
func declared(k *webtest.Kit, method, at string) (path, right string, ok bool) {
	at, _, _ = strings.Cut(at, "?")
	parts := strings.Split(at, "/")
	best := -1
	for _, d := range k.Server.Declared() {
		pattern := strings.Split(d[1], "/")
		if d[0] != method || len(pattern) != len(parts) {
			continue
		}
		exact := 0
		for i, p := range pattern {
			if p == parts[i] {
				exact++
			} else if !strings.HasPrefix(p, ":") {
				exact = -1
				break
			}
		}
		if exact > best {
			best, path, right, ok = exact, d[1], d[2], true
		}
	}
	return path, right, ok
}

// notOnTheseStates is what is offered only while something goes on that the
// house of this test does not hold, or on a page that nothing links to.
var notOnTheseStates = []string{
	"/reauth", "/settings/crashes/dismiss", "/settings/sessions/:sid/end", "/settings/sessions/end-others",
	"/instances/:id/cancel", "/instances/:id/pair-code", "/instances/:id/passkey", "/instances/:id/passkey-confirm",
	"/instances/:id/webhooks/:wid/replay", "/instances/:id/webhooks/:wid/replay/dead", "/instances/bulk",
}

// What a role may not do is not on its pages, and what it may do is: every link
// that a page of any role holds can be followed, every form can be sent, and
// every route that the role may use is in one of them. TestEveryRouteAsksForItsRole
// shows that the server refuses the rest.
func TestPagesOfferWhatTheRoleMayDo(t *testing.T) {
	t.Parallel()
	ranks := map[string]int{"viewer": 1, "operator": 2, "admin": 3, "owner": 4}
	for _, role := range []auth.Role{auth.RoleViewer, auth.RoleOperator, auth.RoleAdmin, auth.RoleOwner} {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			k := webtest.NewServer(t)
			house(k)
			c := k.SignedIn()
			k.Auth.SetRole(role)
			found := make(map[string]bool)
			for action, page := range offered(t, c) {
				path, right, ok := declared(k, http.MethodPost, action)
				if !ok {
					t.Errorf("%s offers %s, which does not exist", page, action)
				}
				if ranks[right] > ranks[string(role)] {
					t.Errorf("%s offers %s, which is for %s", page, action, right)
				}
				found[path] = true
			}
			for _, d := range k.Server.Declared() {
				rank, asks := ranks[d[2]]
				if d[0] == http.MethodPost && asks && rank <= ranks[string(role)] && !found[d[1]] &&
					!slices.Contains(notOnTheseStates, d[1]) {
					t.Errorf("nothing offers %s, which is for %s", d[1], d[2])
				}
			}
		})
	}
}

// A second click on any button does no harm: whatever form is sent twice at the
// same moment acts once, and neither sender is refused.
func TestDoubleClickOnEveryForm(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	house(k)
	for action, page := range offered(t, k.SignedIn()) {
		if action == "/logout" {
			continue // leads away
		}
		t.Run(strings.ReplaceAll(action, "/", " "), func(t *testing.T) {
			t.Parallel()
			k := webtest.NewServer(t)
			house(k)
			c := k.SignedIn()
			before := things(t, k)
			values := fillIn(c.Get(page).Doc().Find(fmt.Sprintf(`form[action=%q]`, action)).First())
			var wg sync.WaitGroup
			answers := make([]*webtest.Answer, 2)
			for i := range answers {
				tab := *c // the token of a page is its own
				wg.Go(func() {
					answers[i] = tab.Do(http.MethodPost, action, values.Encode(),
						"Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin")
				})
			}
			wg.Wait()
			for _, a := range answers {
				if a.Status >= 400 && !(a.Status == answers[0].Status && answers[0].Status == answers[1].Status) {
					t.Errorf("the answers are %d and %d: %.300s", answers[0].Status, answers[1].Status, a.Text("main"))
					return
				}
			}
			if n := things(t, k) - before; n > 1 || n < -1 {
				t.Errorf("it acted twice: %d more", n)
			}
		})
	}
}

// things counts what buttons can make and delete.
func things(t *testing.T, k *webtest.Kit) int {
	t.Helper()
	instances, err := k.Instances.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hooks, err := k.Webhooks.List(t.Context(), "i1")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := k.Auth.APIKeys(t.Context(), "i1")
	if err != nil {
		t.Fatal(err)
	}
	return len(instances) + len(hooks) + len(keys)
}

// fillIn fills in a form as somebody would who gets it right.
func fillIn(form *goquery.Selection) url.Values {
	values := url.Values{}
	form.Find("input[name], select[name], textarea[name]").Each(func(_ int, el *goquery.Selection) {
		name, kind := el.AttrOr("name", ""), el.AttrOr("type", "")
		if _, on := el.Attr("checked"); (kind == "checkbox" || kind == "radio") && !on {
			return
		}
		value := el.AttrOr("value", "")
		if goquery.NodeName(el) == "select" {
			value = el.Find("option[selected]").AttrOr("value", el.Find("option").First().AttrOr("value", ""))
		}
		values.Add(name, value)
	})
	for name, value := range map[string]string{
		"name": "fresh name", "url": "https://crm.example/third", "typed": "shop-front", "recipient": "5511987650002",
		"to": "5511987650002", "text": "hello",
	} {
		if values.Has(name) && values.Get(name) == "" {
			values.Set(name, value)
		}
	}
	return values
}
