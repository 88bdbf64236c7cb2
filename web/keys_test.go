package web_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/web/webtest"
)

func keyForm(token string, more ...string) url.Values {
	form := url.Values{"_csrf": {token}, "name": {"n8n"}, "instance": {"i1"}, "scope_read": {"on"}, "days": {"30"}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// A key is shown once, with calls for both doors, and never again.
func TestKeyIsShownOnce(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	c.Get("/keys").Want(200, "#keys-none", "#callers-none")
	c.Get("/keys/new?instance=i1").Want(200, "#instance option[value=i1][selected]", "#scope-read[checked]")
	a := c.Post("/keys/new", keyForm(c.Token(), "_op", "once"))
	a.Want(200, "#key-secret", "#key-stored[href='/keys']")
	secret := a.Text("#key-secret")
	for _, curl := range []string{"#curl-codechat", "#curl-insprl"} {
		if !strings.Contains(a.Text(curl), secret) || !strings.Contains(a.Text(curl), "i1") {
			t.Errorf("%s = %q", curl, a.Text(curl))
		}
	}
	if a.Header.Get("Content-Encoding") != "" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers of a page with a secret: %v", a.Header)
	}
	if again := c.Post("/keys/new", keyForm(c.Token(), "_op", "once")); again.Status != 303 {
		t.Errorf("the same form again: %d", again.Status)
	}
	list := c.Get("/keys")
	list.Want(200, "#keys tbody tr")
	if n := list.Doc().Find("#keys tbody tr").Length(); n != 1 || strings.Contains(list.Body, secret) {
		t.Errorf("%d keys are listed, or the key is: %s", n, list.Body)
	}
	keys, err := k.Auth.AllAPIKeys(t.Context())
	if err != nil || len(keys) != 1 || keys[0].CreatedBy != webtest.Email || !keys[0].ExpiresAt.Equal(k.Clock.Now().AddDate(0, 0, 30)) ||
		len(keys[0].Scopes) != 1 {
		t.Errorf("stored %+v, %v", keys, err)
	}
	if strings.Contains(k.Log.String(), secret) {
		t.Error("the key was logged")
	}
	for _, e := range k.Audit.Entries() {
		if e.Action != "key.create" {
			continue
		}
		if e.Detail["instance"] != "i1" || strings.Contains(strings.Join([]string{e.Object, e.Detail["prefix"]}, " "), secret+" ") {
			t.Errorf("audit = %+v", e)
		}
		return
	}
	t.Error("making a key was not recorded")
}

// What is wrong is said at its field, and nothing is made.
func TestKeyForm(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	c.Get("/keys/new")
	for name, tc := range map[string]struct {
		change []string
		want   string
	}{
		"no name":          {[]string{"name", ""}, "#name[aria-invalid]"},
		"no scope":         {[]string{"scope_read", ""}, "fieldset .error"},
		"unknown instance": {[]string{"instance", "none"}, "#instance[aria-invalid][autofocus]"},
		"odd days":         {[]string{"days", "12"}, "#days[aria-invalid][autofocus]"},
		"days in words":    {[]string{"days", "x"}, "#days[aria-invalid] ~ #days-error"},
	} {
		a := c.Post("/keys/new", keyForm(c.Token(), tc.change...))
		if a.Status != 422 || !a.Has(tc.want) {
			t.Errorf("%s: %d\n%s", name, a.Status, a.Text("main"))
		}
	}
	if keys, _ := k.Auth.AllAPIKeys(t.Context()); len(keys) > 0 {
		t.Errorf("made %+v", keys)
	}
	c.Post("/keys/new", url.Values{"_csrf": {c.Token()}, "name": {"a", "b"}}).Want(400)
	c.Get("/keys/none/rotate").Want(404)
	c.Get("/keys/none/revoke").Want(404)
	c.Post("/keys/none/revoke", url.Values{"_csrf": {c.Token()}}).Want(404)
}

// A key is rotated and revoked; the list tells who still uses the old one.
func TestRotateAndRevokePages(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	c.Get("/keys/new")
	old := c.Post("/keys/new", keyForm(c.Token())).Text("#key-secret")
	keys, err := k.Auth.AllAPIKeys(t.Context())
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	at := "/keys/" + keys[0].ID
	k.NewClient().Get("/api/v2/instance/i1", "apikey: "+old).Want(200)
	c.Get(at+"/rotate").Want(200, "#overlap option[value='24'][selected]")
	c.Post(at+"/rotate", url.Values{"_csrf": {c.Token()}, "overlap": {"5"}}).Want(422, "#overlap[aria-invalid][autofocus]", "a[href='#overlap']", "#rotate-go")
	a := c.Post(at+"/rotate", url.Values{"_csrf": {c.Token()}, "overlap": {"24"}})
	a.Want(200, "#old-until time", "#key-secret")
	if a.Text("#key-secret") == old {
		t.Error("the key is the old one")
	}
	list := c.Get("/keys")
	if got := list.Text("#key-" + keys[0].ID); !strings.Contains(got, "Still in use: 1 call in 24\u00a0h") || !strings.Contains(got, "127.0.0.1") {
		t.Errorf("the old key's row = %q", got)
	}
	if list.Has("#rotate-" + keys[0].ID) {
		t.Error("a key that was replaced can be rotated")
	}
	c.Get(at+"/revoke").Want(200, "#key-revoke", ".note.warn")
	c.Get(at+"/revoke", "HX-Request: true", "HX-Request-Type: partial").Want(200, "#key-revoke", "#dialog-title")
	if a := c.Post(at+"/revoke", url.Values{"_csrf": {c.Token()}}); a.Status != 303 || a.Header.Get("Location") != "/keys" {
		t.Errorf("revoke: %d to %s", a.Status, a.Header.Get("Location"))
	}
	k.NewClient().Get("/api/v2/instance/i1", "apikey: "+old).Want(401)
	if got := c.Get("/keys"); got.Has("#key-"+keys[0].ID) || !strings.Contains(got.Text("#flash"), "no longer works") {
		t.Errorf("after revoking: %s", got.Text("main"))
	}
}

// Each credential is counted at the door that it used, the replaced tokens
// apart from the new ones.
func TestCallersPage(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	fillCallers(k)
	client := k.NewClient()
	jwt := func(id string) string { return "Authorization: Bearer jwt.ia." + id + ".1" }
	for range 3 {
		client.Get("/api/v2/instance/ia", jwt("t-ia")).Want(200)
	}
	client.Get("/api/v2/instance/ia", jwt("old-ia")).Want(200)
	client.Get("/api/v1/instance/fetchInstances", "apikey: "+webtest.GlobalKey).Want(200)
	client.Get("/api/v2/business/ba", "Authorization: Bearer biz.ba.bt-ba").Want(200)
	key := k.Auth.PutKey(auth.APIKey{ID: "kk", Name: "php", InstanceID: "ia", ClientID: "cl", Scopes: []auth.Scope{auth.ScopeRead}})
	client.Post("/api/whatsapp/instance/status", url.Values{"client_id": {"cl"}, "instance_id": {"ia"}}, "Authorization: "+key).Want(200)
	client.Get("/api/v2/instance/ia", "apikey: nobody").Want(401)
	k.Auth.NoteUse(auth.Holder{Kind: auth.HolderKey, ID: "gone"}, auth.DoorInSPRL, "")

	list := k.SignedIn().Get("/keys")
	list.Want(200, "#callers")
	got := make(map[string]string)
	rows := list.Doc().Find("#callers tbody tr")
	for i := range rows.Length() {
		row := rows.Eq(i)
		cells := ""
		for _, door := range auth.Doors() {
			cells += strings.Fields(row.Find("[data-door='" + string(door) + "']").Text())[0] + " "
		}
		got[strings.Join(strings.Fields(row.Find("th").Text()), " ")] = strings.TrimSpace(cells)
	}
	want := map[string]string{
		"shop Instance token": "3 – –", "shop Old instance token, replaced": "1 – –", "Global key (POMBAL_API_KEY)": "– 1 –",
		"Example Business token": "1 – –", "php API key": "– – 1",
	}
	for who, cells := range want {
		if got[who] != cells {
			t.Errorf("%s: %q, want %q", who, got[who], cells)
		}
	}
	if len(got) != len(want) {
		t.Errorf("callers = %v", got)
	}
	k.Clock.Add(25 * time.Hour)
	if text := k.SignedIn().Get("/keys").Text("#callers [data-door='insprl']"); strings.Contains(text, "1 ") {
		t.Errorf("after a day: %q", text)
	}
}

// Making and rotating a key needs the password given lately; the question
// leads back to the form.
func TestKeysAskForThePassword(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	world(k)
	c := k.SignedIn()
	k.Auth.PutKey(auth.APIKey{ID: "k1", InstanceID: "i1", Name: "x"})
	k.Auth.ForgetProof()
	c.Get("/keys").Want(200)
	for _, at := range []string{"/keys/new?instance=i1", "/keys/k1/rotate"} {
		a := c.Get(at)
		if want := "/reauth?next=" + url.QueryEscape(at); a.Status != 303 || a.Header.Get("Location") != want {
			t.Errorf("%s: %d to %s, want %s", at, a.Status, a.Header.Get("Location"), want)
		}
	}
	for _, at := range []string{"/keys/new", "/keys/k1/rotate"} {
		a := c.Post(at, keyForm(c.Token(), "overlap", "0"))
		if a.Status != 303 || !strings.HasPrefix(a.Header.Get("Location"), "/reauth") {
			t.Errorf("POST %s: %d to %s", at, a.Status, a.Header.Get("Location"))
		}
	}
	if keys, _ := k.Auth.AllAPIKeys(t.Context()); len(keys) != 1 || keys[0].ReplacedBy != "" {
		t.Errorf("keys = %+v", keys)
	}
}

// fillCallers puts one instance of one tenant, whose token was replaced a
// moment ago.
func fillCallers(k *webtest.Kit) {
	now := k.Clock.Now()
	k.Instances.PutBusiness(instance.Business{ID: "ba", Name: "Example"})
	k.Instances.Put(instance.Instance{
		ID: "ia", Name: "shop", BusinessID: "ba", Status: webtest.Connected(), WhatsApp: webtest.Linked("5511987650001"),
		Token: instance.Token{ID: "t-ia", IssuedAt: now, UpdatedAt: now, Former: []instance.FormerToken{{ID: "old-ia", Until: now.Add(time.Hour)}}},
	})
}
