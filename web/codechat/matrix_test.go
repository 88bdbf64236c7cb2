package codechat_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"pombal/internal/auth"
	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/webhook"
	"pombal/web/codechat"
	"pombal/web/webtest"
)

// declared is the list of calls as testdata/routes.txt has it: a call that is
// not there, or is opened by somebody else, fails.
func TestRoutesAreDeclared(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/routes.txt")
	if err != nil && !*update {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, rt := range codechat.New(codechat.Deps{}).Routes() {
		fmt.Fprintln(&b, strings.TrimSpace(fmt.Sprintf("%-6s %s %s %s", rt.Method, rt.Path, rt.Who, rt.Scope)))
	}
	if *update {
		if err := os.WriteFile("testdata/routes.txt", []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if b.String() != string(raw) {
		t.Errorf("routes\n got %s\nwant %s", b.String(), raw)
	}
}

// The world of the matrix: two tenants, an instance each, a spare one.
func fillMatrix(k *webtest.Kit) {
	now := k.Clock.Now()
	for _, b := range []string{"ba", "bb"} {
		k.Instances.PutBusiness(instance.Business{ID: b, Name: b})
	}
	for _, in := range []struct{ id, business string }{{"ia", "ba"}, {"ia2", "ba"}, {"ib", "bb"}} {
		k.Instances.Put(instance.Instance{
			ID: in.id, Name: in.id, BusinessID: in.business, Status: webtest.Connected(), WhatsApp: webtest.Linked("5511" + in.id),
			Token: instance.Token{ID: "t-" + in.id, IssuedAt: now, UpdatedAt: now, Former: []instance.FormerToken{
				{ID: "old-" + in.id, Until: now.Add(time.Hour)}, {ID: "over-" + in.id, Until: now},
			}},
		})
	}
}

// credential is one way to prove who one is, and what it is to open.
type credential struct {
	name, header       string
	global             bool
	business, instance string
	scopes             []auth.Scope
	key                bool
	everywhere         bool // a key for all instances
}

func credentials(k *webtest.Kit) []credential {
	jwt := func(in, id string) string {
		return fmt.Sprintf("Authorization: Bearer jwt.%s.%s.%d", in, id, k.Clock.Now().Unix())
	}
	list := []credential{
		{name: "none", header: "X-Nothing: 1"},
		{name: "nonsense", header: "Authorization: Bearer nonsense"},
		{name: "bare token", header: strings.Replace(jwt("ia", "t-ia"), "Bearer ", "", 1)},
		{name: "basic", header: "Authorization: Basic Og=="},
		{name: "empty bearer", header: "Authorization: Bearer "},
		{name: "wrong apikey", header: "apikey: nonsense"},
		{name: "token as apikey", header: "apikey: jwt.ia.t-ia.1"},
		{name: "global bearer", header: "Authorization: Bearer " + webtest.GlobalKey, global: true},
		{name: "global apikey", header: "apikey: " + webtest.GlobalKey, global: true},
		{name: "business", header: "Authorization: Bearer biz.ba.bt-ba", business: "ba"},
		{name: "other business", header: "Authorization: Bearer biz.bb.bt-bb", business: "bb"},
		{name: "business, replaced", header: "Authorization: Bearer biz.ba.bt-old"},
		{name: "instance", header: jwt("ia", "t-ia"), instance: "ia"},
		{name: "other instance", header: jwt("ib", "t-ib"), instance: "ib"},
		{name: "instance, replaced and still good", header: jwt("ia", "old-ia"), instance: "ia"},
		{name: "instance, replaced and over", header: jwt("ia", "over-ia")},
		{name: "instance, unknown token", header: jwt("ia", "t-none")},
		{name: "instance that is gone", header: jwt("none", "t-none")},
	}
	for _, scope := range auth.Scopes() {
		everywhere := k.Auth.PutKey(auth.APIKey{ID: "all-" + string(scope), Scopes: []auth.Scope{scope}})
		list = append(list, credential{
			name: "key for all, " + string(scope), header: "Authorization: Bearer " + everywhere, everywhere: true, key: true,
			scopes: []auth.Scope{scope},
		})
		text := k.Auth.PutKey(auth.APIKey{ID: string(scope), InstanceID: "ia", Scopes: []auth.Scope{scope}})
		list = append(list,
			credential{name: "key " + string(scope), header: "apikey: " + text, instance: "ia", key: true, scopes: []auth.Scope{scope}})
	}
	return list
}

// want is the status of a refusal; 0 when the caller is to get in.
func (cr credential) want(rt codechat.Route, business, in string) int {
	of := map[string]string{"ia": "ba", "ia2": "ba", "ib": "bb"}
	nobody := !cr.global && cr.business == "" && cr.instance == "" && !cr.everywhere
	switch {
	case nobody:
		return 401
	case rt.Who == codechat.WhoAdmin:
		if !cr.global {
			return 401
		}
	case rt.Who == codechat.WhoBusiness:
		if !cr.global && cr.business != business {
			return 401
		}
	case cr.global:
	case cr.business != "":
		if of[in] != cr.business {
			return 404
		}
	case !cr.everywhere && cr.instance != in:
		return 401
	case cr.key && cr.scopes[0] != rt.Scope:
		return 403
	case cr.everywhere && of[in] == "":
		return 404
	}
	return 0
}

// Every cell of route × credential × instance is as declared, for instances
// that exist and that do not alike.
func TestMatrix(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	fillMatrix(k)
	c := k.NewClient()
	who := credentials(k)
	cells := 0
	for _, rt := range codechat.New(codechat.Deps{}).Routes() {
		for _, cr := range who {
			for _, target := range []struct{ business, instance string }{{"ba", "ia"}, {"bb", "ib"}, {"ba", "ia2"}, {"none", "none"}} {
				fillMatrix(k)
				before := len(k.Instances.Calls())
				path := strings.NewReplacer(":instanceId", target.instance, ":instanceName", target.instance,
					":businessId", target.business, ":webhookId", "none", ":phoneNumber", "5511987650001").Replace(rt.Path)
				a := c.Do(rt.Method, path, "", cr.header, "Content-Type: application/json")
				want := cr.want(rt, target.business, target.instance)
				if want == 401 && strings.HasPrefix(path, "/api/v1/instance/") && rt.Who == codechat.WhoAdmin {
					want = 403 // version 1.3 says that the global key is missing
				}
				if want == 404 && strings.HasPrefix(rt.Path, "/api/v1/instance/connectionState/") {
					want = 200 // version 1.3 says of what is not there that it is closed
				}
				cells++
				got := a.Status
				if want == 0 && (got == 401 || got == 403) || want != 0 && got != want {
					t.Errorf("%s %s with %s: %d, want %d (0: let in)\n%s", rt.Method, path, cr.name, got, want, a.Body)
				}
				if want != 0 && len(k.Instances.Calls()) != before {
					t.Errorf("%s %s with %s was refused and did something", rt.Method, path, cr.name)
				}
			}
		}
	}
	t.Logf("%d cells", cells)
}

// A key without the scope admin does not get the token, which could do
// everything.
func TestKeysDoNotSeeTheToken(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	fillMatrix(k)
	reader := k.Auth.PutKey(auth.APIKey{ID: "r", InstanceID: "ia", Scopes: []auth.Scope{auth.ScopeRead}})
	a := k.NewClient().Get("/api/v2/instance/ia", "apikey: "+reader)
	a.Want(200)
	if strings.Contains(a.Body, "jwt.ia") || !strings.Contains(a.Body, `"jwt":""`) {
		t.Errorf("body = %s", a.Body)
	}
}

// 51 instances are two pages, the first with 50 records.
func TestSearchPages(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	for i := range 51 {
		k.Instances.Put(instance.Instance{ID: fmt.Sprintf("i%02d", i), Name: fmt.Sprintf("n%02d", i), BusinessID: "ba"})
		k.Webhooks.Put(webhook.Webhook{ID: fmt.Sprintf("w%02d", i), InstanceID: fmt.Sprintf("i%02d", i), Name: "x", URL: "https://x.example"})
	}
	c := k.NewClient()
	for page, want := range map[int]int{1: 50, 2: 1, 3: 0} {
		a := c.Do(http.MethodPost, fmt.Sprintf("/api/v2/business/ba/instance/search?page=%d", page), "", "apikey: "+webtest.GlobalKey)
		a.Want(200)
		if got := strings.Count(a.Body, `"instanceId":`); got != want || !strings.Contains(a.Body, `"totalRecords":51,"totalPages":2`) ||
			strings.Count(a.Body, `"webhookId":`) != want {
			t.Errorf("page %d: %d records\n%.300s", page, got, a.Body)
		}
	}
}

// Without page and sort it is the first page, newest first.
func TestPageDefaults(t *testing.T) {
	t.Parallel()
	k := fixture(t)
	for i := range 51 {
		jid := fmt.Sprintf("55219988800%02d@s.whatsapp.net", i)
		k.History.PutChat(event.ChatData{ChatID: fmt.Sprintf("chat%02d", i), RemoteJID: jid},
			event.ContactData{ContactID: fmt.Sprintf("contact%02d", i), RemoteJID: jid})
		k.History.PutMessage(event.MessageData{MessageID: fmt.Sprintf("message%02d", i), KeyRemoteJID: jid})
	}
	c := k.NewClient()
	for _, list := range []struct{ method, name, record string }{
		{http.MethodGet, "chats", `"chatId":"chat`}, {http.MethodGet, "contacts", `"contactId":"contact`},
		{http.MethodPost, "messages", `"messageId":"message`},
	} {
		ask := func(query string) string {
			a := c.Do(list.method, "/api/v2/instance/01J9ZQ7M3V5T/chat/search/"+list.name+query, "", "apikey: "+webtest.GlobalKey)
			a.Want(200)
			return a.Body
		}
		plain := ask("")
		newest, next := strings.Index(plain, list.record+`50"`), strings.Index(plain, list.record+`49"`)
		if newest < 0 || next < newest || strings.Count(plain, list.record) != 50 || !strings.Contains(plain, `"currentPage":1`) {
			t.Errorf("%s: %.500s", list.name, plain)
		}
		for _, same := range []string{"?page=1&sort=desc", "?page=1", "?sort=desc"} {
			if ask(same) != plain {
				t.Errorf("%s%s is not the default", list.name, same)
			}
		}
		up := ask("?sort=asc")
		first, second := strings.Index(up, list.record+`00"`), strings.Index(up, list.record+`01"`)
		if first < 0 || second < first || strings.Contains(up, list.record+`50"`) {
			t.Errorf("%s upwards: %.500s", list.name, up)
		}
	}
}

// Group ids arrive percent-encoded or not; ids of instances as well.
func TestPercentEncodedPaths(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Instances.Put(instance.Instance{ID: "12@g.us", Name: "odd"})
	c := k.NewClient()
	for _, id := range []string{"12@g.us", "12%40g.us"} {
		c.Get("/api/v2/instance/"+id, "apikey: "+webtest.GlobalKey).Want(200)
	}
}

// Every DELETE answers with JSON, whatever becomes of it.
func TestEveryDeleteAnswersJSON(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	c := k.NewClient()
	n := 0
	for _, rt := range codechat.New(codechat.Deps{}).Routes() {
		if rt.Method != http.MethodDelete {
			continue
		}
		n++
		for _, header := range []string{"apikey: " + webtest.GlobalKey, "X-Nothing: 1"} {
			fillMatrix(k)
			path := strings.NewReplacer(":instanceId", "ia", ":instanceName", "ia", ":businessId", "ba", ":webhookId", "none").Replace(rt.Path)
			a := c.Do(rt.Method, path+"?force=true", "", header)
			if a.Header.Get("Content-Type") != "application/json" || len(a.Body) < 2 {
				t.Errorf("DELETE %s: %d %q %q", path, a.Status, a.Header.Get("Content-Type"), a.Body)
			}
		}
	}
	if n < 6 {
		t.Errorf("only %d deletes", n)
	}
}
