package web_test

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/web/webtest"
)

func TestChangePasswordPage(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c, other := k.SignedIn(), k.SignedIn()
	c.Get("/settings/security").Want(200, `#sessions li:nth-child(2)`, `#password-form`)
	a := c.Post("/settings/password", url.Values{"current": {"canary-wrong"}, "new": {"quite another phrase"}})
	a.Want(422, `#current[aria-invalid]`, `a[href="#current"]`)
	if strings.Contains(a.Body, "canary-wrong") || strings.Contains(a.Body, "quite another phrase") {
		t.Error("a password came back")
	}
	c.Post("/settings/password", url.Values{"current": {webtest.Password}, "new": {"x"}}).Want(422, `#new[aria-invalid]`)
	a = c.Post("/settings/password", url.Values{"current": {webtest.Password}, "new": {"quite another phrase"}})
	if a.Status != 303 || cookieNamed(a.Header, "pombal") == "" {
		t.Errorf("change = %d, cookies %v", a.Status, a.Header["Set-Cookie"])
	}
	c.Get("/settings/security").Want(200, "#flash.ok", "#sessions li")
	if a := other.Get("/instances"); a.Status != 303 {
		t.Errorf("the other browser still gets %d", a.Status)
	}
}

func TestEndSessions(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c, other := k.SignedIn(), k.SignedIn()
	action := c.Get("/settings/security").Value(`#sessions form`, "action")
	c.Post(action, nil).Want(303)
	if a := other.Get("/instances"); a.Status != 303 {
		t.Errorf("an ended session gets %d", a.Status)
	}
	third := k.SignedIn()
	c.Post("/settings/sessions/end-others", nil).Want(303)
	if a := third.Get("/instances"); a.Status != 303 || k.Auth.Open() != 1 {
		t.Errorf("ended with the others: %d, %d open", a.Status, k.Auth.Open())
	}
}

// A secret is shown only soon after the password was given.
func TestSecretsAskForThePassword(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	k.Auth.ForgetProof()
	from := "Referer: " + k.URL + "/instances/i1/settings"
	for _, at := range []string{"/instances/i1/token", "/instances/i1/keys", "/instances/i1/webhooks/w1/secret"} {
		a := c.Post(at, url.Values{"name": {"x"}}, from)
		if a.Status != 303 || a.Header.Get("Location") != "/reauth?next=%2Finstances%2Fi1%2Fsettings" || strings.Contains(a.Body, "jwt.") {
			t.Errorf("%s = %d to %s", at, a.Status, a.Header.Get("Location"))
		}
	}
	c.Get("/reauth?next=/instances/i1/settings").Want(200, `input[name=next][value="/instances/i1/settings"]`)
	c.Post("/reauth", url.Values{"password": {"wrong"}, "next": {"/instances/i1/settings"}}).Want(422, "#reauth-error")
	if a := c.Post("/reauth", url.Values{"password": {webtest.Password}, "next": {"//evil.example"}}); a.Header.Get("Location") != "/instances" {
		t.Errorf("led to %s", a.Header.Get("Location"))
	}
	c.Post("/instances/i1/token", nil, from).Want(200, "#api-token")
}

func TestTimeZone(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	c.Post("/settings/zone", url.Values{"zone": {"Asia/Kolkata"}}).Want(303)
	a := c.Get("/settings/general").Want(200, `option[value="Asia/Kolkata"][selected]`, `body[data-zone="Asia/Kolkata"]`)
	if text := a.Text("time[data-exact]"); text != "2 Mar, 14:45 IST" {
		t.Errorf("now is %q", text)
	}
	for _, bad := range []string{"Local", "../../etc/passwd", "Nowhere/City", strings.Repeat("x", 100)} {
		c.Post("/settings/zone", url.Values{"zone": {bad}}).Want(422, "#zone[aria-invalid][autofocus]", "#zone-error", "a[href='#zone']")
	}
	c.Post("/settings/zone", url.Values{"zone": {""}}).Want(303)
	if a := c.Get("/settings/general"); a.Has("body[data-zone]") {
		t.Error("the zone stays")
	}
}

func TestShortcutsCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c := k.SignedIn()
	c.Get("/instances").Want(200, "body[data-keys]")
	c.Post("/settings/shortcuts", url.Values{"shortcuts": {"off"}}).Want(303)
	if c.Get("/instances").Has("body[data-keys]") {
		t.Error("they are still on")
	}
	c.Post("/settings/shortcuts", url.Values{"shortcuts": {"maybe"}}).Want(422)
	c.Get("/shortcuts", "HX-Request: true", "HX-Request-Type: partial").Want(200, "#dialog-title")
}

// A form that is sent twice at once acts once, and both lead to the same page.
func TestDoubleSubmitActsOnce(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c := k.SignedIn()
	op := c.Get("/instances/new").Value("#instance-new input[name=_op]", "value")
	form := url.Values{"_csrf": {c.Token()}, "_op": {op}, "name": {"twice"}}
	var wg sync.WaitGroup
	places := make([]string, 5)
	for i := range places {
		wg.Go(func() {
			a := c.Do("POST", "/instances/new", form.Encode(), "Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin")
			places[i] = a.Header.Get("Location")
		})
	}
	wg.Wait()
	for _, p := range places {
		if p == "" || p != places[0] {
			t.Errorf("they led to %q", places)
			break
		}
	}
	form.Set("name", "twice")
	form.Set("_op", "another")
	c.Post("/instances/new", form).Want(422)
	form.Set("name", "good name")
	c.Post("/instances/new", form).Want(303)
}

func TestPairingLinkPages(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Instances.Put(instance.Instance{ID: "i1", Name: "shop", State: instance.Active, Status: instance.Status{Phase: instance.PhaseNew}})
	c, guest := k.SignedIn(), k.NewClient()
	c.Get("/instances/i1/link").Want(200, "#link-make")
	link := c.Post("/instances/i1/link", nil).Want(200, "#link-url").Text("#link-url")
	at := strings.TrimPrefix(link, k.URL)
	if !strings.HasPrefix(at, "/link/") || countAction(k, "instance.link") != 1 {
		t.Fatalf("the link is %q", link)
	}
	guest.Get(at).Want(200, "#pair-i1", `form[action="`+at+`/connect"]`, "#link-ends time")
	guest.Post(at+"/connect", nil).Want(303)
	for _, elsewhere := range []string{"/instances", "/instances/i1", "/instances/i1/qr.png", "/settings/security", "/attention"} {
		if a := guest.Get(elsewhere); a.Status != 303 && a.Status != 401 {
			t.Errorf("the holder of the link gets %d at %s", a.Status, elsewhere)
		}
	}
	k.Instances.Show("i1", instance.Pairing{Code: "2@x", Number: 1, Of: 6, Seq: 3, ShownAt: k.Clock.Now(), ExpiresAt: k.Clock.Now().Add(time.Minute)})
	guest.Get(at + "/qr.png?n=3").Want(200)
	guest.Post(at+"/pair-code", url.Values{"country": {"55"}, "phone": {"x"}}).Want(422, "#phone[aria-invalid]", "#link-ends time:not([datetime^='0001'])")
	guest.Post(at+"/pair-code", url.Values{"country": {"55"}, "phone": {"11 98765-0001"}}).Want(303)
	if got := k.Instances.Actors(); !slices.Equal(got, []string{"connect by link", "code by link", "code by link"}) {
		t.Errorf("the timeline would name %q", got)
	}
	k.Instances.Put(instance.Instance{ID: "i1", Name: "shop", Status: webtest.Connected(), WhatsApp: webtest.Linked("5511987650001")})
	a := guest.Get(at).Want(200)
	if strings.Contains(a.Body, "98765") || a.Has("#qr") {
		t.Error("a spent link shows the number or a code")
	}
	if a.Has("#link-ends") {
		t.Error("a spent link says how long it is good")
	}
	k.Clock.Add(auth.LinkLimit)
	guest.Get(at).Want(404)
	guest.Get("/link/" + strings.Repeat("A", 80)).Want(404)
}

// Somebody who tries many links has to wait.
func TestPairingLinksAreRationed(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	guest := k.NewClient()
	for range 200 {
		if a := guest.Get("/link/" + strings.Repeat("B", 90)); a.Status == 429 {
			if a.Header.Get("Retry-After") == "" {
				t.Error("nobody says how long")
			}
			return
		}
	}
	t.Error("200 links could be tried")
}

func TestPairingCodePage(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Instances.Put(instance.Instance{ID: "i1", Name: "shop", State: instance.Active, Status: instance.Status{Phase: instance.PhaseNew}})
	c := k.SignedIn()
	a := c.Post("/instances/i1/pair-code", url.Values{"country": {"91"}, "phone": {"1"}})
	a.Want(422, `#phone[value="1"][aria-invalid]`, `option[value="91"][selected]`)
	c.Post("/instances/i1/pair-code", url.Values{"country": {"91"}, "phone": {"098765 43210"}}, "HX-Request: true").Want(200, "#pair-code")
	if text := c.Get("/instances/i1").Text("#pair-code"); text != "K7QD-2MXA" {
		t.Errorf("the code is shown as %q", text)
	}
	k.Instances.AskPasskey("i1", instance.Passkey{Request: []byte(`{"challenge":"x"}`), ExpiresAt: k.Clock.Now().Add(time.Minute)})
	k.Instances.Put(instance.Instance{ID: "i1", Name: "shop", State: instance.Active, Status: instance.Status{Phase: instance.PhasePasskey}})
	c.Get("/instances/i1").Want(200, "#passkey-form", "#passkey-request")
	c.Post("/instances/i1/passkey", url.Values{"answer": {"nonsense"}}).Want(422, "#answer[aria-invalid]")
	c.Post("/instances/i1/passkey", url.Values{"answer": {`{"id":"x"}`}}).Want(303)
	c.Post("/instances/i1/passkey-confirm", nil).Want(303)
}

func TestSendTestPage(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	c.Get("/instances/i1/test").Want(200, `#recipient[value="+55 11 98765-0001"]`)
	c.Post("/instances/i1/test", url.Values{"recipient": {"5511987650001"}, "text": {""}}).Want(422, "#text[aria-invalid]")
	c.Post("/instances/i1/test", url.Values{"recipient": {"5511987650001"}, "text": {"hi"}}).Want(200, "#sent-title")
	c.Post("/instances/i2/test", url.Values{"recipient": {"5511987650001"}, "text": {"hi"}}).Want(409, "#recipient[aria-invalid]")
}

func TestAttentionCount(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Instances.Put(instance.Instance{ID: "i1", Name: "a", State: instance.Active, Status: instance.Status{Phase: instance.PhaseLoggedOut}})
	c := k.SignedIn()
	c.Get("/settings/general").Want(200, `#attention[data-n="1"]`)
	c.Get("/attention", "HX-Request: true").Want(200, `#attention[data-n="1"]`)
}
