package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"pombal/internal/wasim"
)

// globalKey is the operator's key of the tests of the doors.
const globalKey = "global-key-for-tests-0123456789"

// compat is a client written from what is known of CodeChat's own client, and
// from nothing else: JSON declared with every call, a Bearer token, every
// success parsed as JSON, the message shown after a failure.
type compat struct {
	t     testing.TB
	base  string
	token string
}

// refusal is an answer that is no success.
type refusal struct {
	Status     int
	StatusCode int      `json:"statusCode"`
	Message    []string `json:"message"`
	Error      string   `json:"error"`
}

// try makes a call; refused is nil after a success.
func (c compat) try(method, path string, in, out any) (status int, refused *refusal) {
	c.t.Helper()
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			c.t.Fatal(err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, c.base+"/api/v2"+path, body)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if resp.StatusCode >= 300 {
		refused = &refusal{Status: resp.StatusCode}
		if err := json.Unmarshal(raw, refused); err != nil {
			c.t.Fatalf("%s %s: status %d, %q is no JSON", method, path, resp.StatusCode, raw)
		}
		return resp.StatusCode, refused
	}
	if out == nil {
		out = new(any)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		c.t.Fatalf("%s %s: status %d, cannot parse %q: %v", method, path, resp.StatusCode, raw, err)
	}
	return resp.StatusCode, nil
}

// call makes a call that must succeed.
func (c compat) call(method, path string, in, out any) int {
	c.t.Helper()
	status, refused := c.try(method, path, in, out)
	if refused != nil {
		c.t.Fatalf("%s %s: %+v", method, path, refused)
	}
	return status
}

// as is the same client with another token.
func (c compat) as(token string) compat { c.token = token; return c }

type compatInstance struct {
	InstanceID string `json:"instanceId"`
	Name       string
	State      string
	Connection string
	DeletedAt  *string `json:"deletedAt"`
	Auth       struct {
		AuthID string `json:"authId"`
		JWT    string `json:"jwt"`
	}
	WhatsApp *struct {
		WhatsAppID string `json:"whatsappId"`
		RemoteJID  string `json:"remoteJid"`
	}
	Webhook []compatWebhook
}

type compatWebhook struct {
	WebhookID     string `json:"webhookId"`
	Enabled       bool
	WebhookEvents map[string]any
}

// link polls connect for codes, lets the phone scan and polls until open.
func (c compat) link(id string, phone *wasim.Phone) {
	c.t.Helper()
	deadline := time.Now().Add(limit)
	scanned := ""
	for {
		var code struct{ Code, Base64 string }
		c.call(http.MethodGet, "/instance/"+id+"/connect", nil, &code)
		if code.Code != "" && scanned == "" {
			if shown := readPicture(c.t, code.Base64); shown != code.Code {
				c.t.Fatalf("the picture shows %q, the code is %q", shown, code.Code)
			}
			if _, err := phone.Scan(context.Background(), code.Code); err != nil {
				c.t.Fatal(err)
			}
			scanned = code.Code
		}
		if c.opened(id) {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("instance %s does not open", id)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// opened says whether an instance is connected.
func (c compat) opened(id string) bool {
	c.t.Helper()
	var in compatInstance
	c.call(http.MethodGet, "/instance/"+id, nil, &in)
	return in.Connection == "open"
}

// readPicture decodes the QR code of a data URL.
func readPicture(t testing.TB, dataURL string) string {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(dataURL, "data:image/png;base64,"))
	if err != nil {
		t.Fatalf("picture %.40q: %v", dataURL, err)
	}
	text, err := decodeQR(raw)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// startDoors starts a gateway with the operator's key, an owner and a
// receiver.
func startDoors(t testing.TB) (c compat, g *gateway, network *wasim.Server, hooks *receiver) {
	t.Helper()
	network, hooks = startNetwork(t), startReceiver(t)
	g = startGateway(t, settings(t, t.TempDir(), network, "--webhook-allow", hooks.host()),
		append(ownerEnv(), "POMBAL_API_KEY="+globalKey))
	return compat{t: t, base: g.Home, token: globalKey}, g, network, hooks
}

// The whole life of an instance as the known client leads it.
func TestCodeChatLife(t *testing.T) {
	admin, _, network, hooks := startDoors(t)
	phone := network.NewPhone("5511987650001", "Shop Front")
	nina := network.NewPhone("5521998880002", "Nina")

	var tenant struct {
		BusinessID    string `json:"businessId"`
		BusinessToken string `json:"businessToken"`
	}
	if status := admin.call(http.MethodPost, "/admin/business", map[string]any{"name": "Example Ltda"}, &tenant); status != 201 {
		t.Errorf("create business: %d", status)
	}
	business := admin.as(tenant.BusinessToken)
	at := "/business/" + tenant.BusinessID
	var made compatInstance
	if status := business.call(http.MethodPost, at+"/instance", map[string]any{"instanceName": "shop-front"}, &made); status != 201 {
		t.Errorf("create instance: %d", status)
	}
	id := made.InstanceID
	own := admin.as(made.Auth.JWT)

	var hook compatWebhook
	status := own.call(http.MethodPost, "/instance/"+id+"/webhook",
		map[string]any{"name": "crm", "url": hooks.URL, "enabled": true}, &hook)
	if status != 201 || !hook.Enabled || hook.WebhookEvents["newJwt"] != true {
		t.Errorf("create webhook: %d %+v", status, hook)
	}
	own.link(id, phone)
	var state struct {
		State        string
		StatusReason int
	}
	own.call(http.MethodGet, "/instance/"+id+"/connection-state", nil, &state)
	if state.State != "open" || state.StatusReason != 200 {
		t.Errorf("connection-state = %+v", state)
	}

	if _, err := nina.SendText(context.Background(), phone, "hello"); err != nil {
		t.Fatal(err)
	}
	hooks.until(t, "the message", func(calls []received) bool { return hasEvent(calls, "messages.upsert") })

	var sent struct {
		KeyID        string `json:"keyId"`
		KeyFromMe    bool   `json:"keyFromMe"`
		KeyRemoteJID string `json:"keyRemoteJid"`
		Content      struct{ Text string }
		InstanceID   string `json:"instanceInstanceId"`
	}
	status = own.call(http.MethodPost, "/instance/"+id+"/send/text", map[string]any{
		"recipient": "5521998880002", "textMessage": map[string]any{"text": "order ready"},
		"options": map[string]any{"delay": 1200, "presence": "composing", "externalAttributes": "order-551"},
	}, &sent)
	if status != 201 || sent.KeyID == "" || !sent.KeyFromMe || sent.Content.Text != "order ready" ||
		sent.InstanceID != id || sent.KeyRemoteJID != nina.JID().String() {
		t.Errorf("send: %d %+v", status, sent)
	}
	// One API send brings both events, with the same key.
	hooks.until(t, "send.message and messages.upsert of the sent message", func(calls []received) bool {
		return hasKey(calls, "send.message", sent.KeyID) && hasKey(calls, "messages.upsert", sent.KeyID)
	})

	lookThrough(t, own, id, nina.JID().String())
	editEvents(t, own, id, hook)
	fresh := rotate(t, business, at, id, made.Auth.JWT, hooks)
	own = own.as(fresh)

	var found struct {
		BusinessPage struct {
			TotalRecords, TotalPages, CurrentPage int
			Records                               []compatInstance
		}
	}
	if status := business.call(http.MethodPost, at+"/instance/search?page=1",
		map[string]any{"search": map[string]any{"name": "SHOP", "connection": "open"}}, &found); status != 200 {
		t.Errorf("search: %d", status)
	}
	if p := found.BusinessPage; p.TotalRecords != 1 || p.TotalPages != 1 || len(p.Records) != 1 || p.Records[0].Auth.JWT != fresh {
		t.Errorf("search = %+v", p)
	}
	var connected []compatInstance
	business.call(http.MethodGet, at+"/instance/connected", nil, &connected)
	if len(connected) != 1 || connected[0].InstanceID != id {
		t.Errorf("connected = %+v", connected)
	}

	var out compatInstance
	own.call(http.MethodDelete, "/instance/"+id+"/logout", nil, &out)
	if out.Connection != "close" || len(phone.Devices()) != 0 {
		t.Errorf("logout: %+v, %d devices left", out, len(phone.Devices()))
	}
	hooks.until(t, "connection.update close", func(calls []received) bool { return hasClose(calls) })
	own.call(http.MethodDelete, "/instance/"+id, nil, &out)
	if out.DeletedAt == nil {
		t.Errorf("delete: %+v", out)
	}
	if status, refused := own.try(http.MethodGet, "/instance/"+id, nil, nil); refused == nil || status != 401 {
		t.Errorf("the token of a deleted instance: %d %+v", status, refused)
	}
	var gone struct {
		DeletedAt *string `json:"deletedAt"`
	}
	admin.call(http.MethodDelete, "/admin/business/"+tenant.BusinessID+"?force=true", nil, &gone)
	if gone.DeletedAt == nil {
		t.Error("the deleted business has no deletedAt")
	}
}

func hasEvent(calls []received, name string) bool {
	for _, c := range calls {
		if c.Event == name {
			return true
		}
	}
	return false
}

func hasKey(calls []received, name, key string) bool {
	for _, c := range calls {
		if c.Event == name && bytes.Contains(c.Body, []byte(`"keyId":"`+key+`"`)) {
			return true
		}
	}
	return false
}

func hasClose(calls []received) bool {
	for _, c := range calls {
		if c.Event == "connection.update" && bytes.Contains(c.Body, []byte(`"state":"close"`)) {
			return true
		}
	}
	return false
}

// lookThrough pages through chats, contacts and messages as the client does:
// until totalPages.
func lookThrough(t *testing.T, own compat, id, jid string) {
	t.Helper()
	type page struct {
		TotalPages int
		Records    []map[string]any
	}
	for _, list := range []struct{ method, path, field, key string }{
		{http.MethodGet, "/chat/search/chats", "ChatsPage", "remoteJid"},
		{http.MethodGet, "/chat/search/contacts", "ContactsPage", "remoteJid"},
		{http.MethodPost, "/chat/search/messages", "MessagesPage", "keyRemoteJid"},
	} {
		seen := 0
		for n, pages := 1, 1; n <= pages; n++ {
			var answer map[string]json.RawMessage
			own.call(list.method, fmt.Sprintf("/instance/%s%s?page=%d&sort=desc", id, list.path, n), nil, &answer)
			var p page
			if err := json.Unmarshal(answer[list.field], &p); err != nil {
				t.Fatalf("%s: %s: %v", list.path, answer[list.field], err)
			}
			pages = p.TotalPages
			for _, r := range p.Records {
				if r[list.key] == jid {
					seen++
				}
			}
		}
		if seen == 0 {
			t.Errorf("%s does not name %s", list.path, jid)
		}
	}
	var mine struct {
		MessagesPage struct{ Records []struct{ KeyFromMe bool } }
	}
	own.call(http.MethodPost, "/instance/"+id+"/chat/search/messages", map[string]any{"keyFromMe": true, "keyRemoteJid": jid}, &mine)
	if r := mine.MessagesPage.Records; len(r) != 1 || !r[0].KeyFromMe {
		t.Errorf("own messages = %+v", r)
	}
}

// editEvents switches one event off: exactly one value changes, and PUT leaves
// them all alone.
func editEvents(t *testing.T, own compat, id string, hook compatWebhook) {
	t.Helper()
	at := "/instance/" + id + "/webhook/" + hook.WebhookID
	var events map[string]any
	own.call(http.MethodPatch, at+"/events", map[string]any{"groupUpdate": false}, &events)
	for name, was := range hook.WebhookEvents {
		if name == "updatedAt" {
			continue
		}
		if want := was; name == "groupUpdate" {
			if events[name] != false {
				t.Errorf("%s = %v", name, events[name])
			}
		} else if events[name] != want {
			t.Errorf("%s = %v, want %v", name, events[name], want)
		}
	}
	own.call(http.MethodPatch, at+"/events", map[string]any{"statusInstance": false}, &events)
	if events["stateInstance"] != false {
		t.Error("statusInstance is no alias of stateInstance")
	}
	for _, bad := range []map[string]any{{"nonsense": true}, {"groupUpdate": "no"}, {"groupUpdate": nil}} {
		if status, refused := own.try(http.MethodPatch, at+"/events", bad, nil); refused == nil || status != 400 {
			t.Errorf("%v: %d", bad, status)
		}
	}
	var changed compatWebhook
	if status := own.call(http.MethodPut, at, map[string]any{"name": "crm-2"}, &changed); status != 201 {
		t.Errorf("PUT webhook: %d", status)
	}
	if changed.WebhookEvents["groupUpdate"] != false || changed.WebhookEvents["messagesUpsert"] != true || !changed.Enabled {
		t.Errorf("after PUT: %+v", changed)
	}
	own.call(http.MethodPatch, at+"/events", map[string]any{"stateInstance": true, "groupUpdate": true}, nil)
}

// rotate replaces the token: the old one is good for the overlap, newJwt
// arrives and carries no credential.
func rotate(t *testing.T, business compat, at, id, old string, hooks *receiver) string {
	t.Helper()
	path := at + "/instance/" + id + "/refresh-token"
	var answer struct {
		NewToken          string  `json:"newToken"`
		OldTokenExpiresAt *string `json:"oldTokenExpiresAt"`
	}
	business.call(http.MethodPatch, path, map[string]any{"oldToken": old}, &answer)
	if answer.NewToken == "" || answer.NewToken == old || answer.OldTokenExpiresAt == nil {
		t.Errorf("refresh-token = %+v", answer)
	}
	for _, token := range []string{old, answer.NewToken} {
		business.as(token).call(http.MethodGet, "/instance/"+id, nil, nil)
	}
	if status, refused := business.try(http.MethodPatch, path, map[string]any{"oldToken": old}, nil); status != 400 || refused == nil {
		t.Errorf("the replaced token was taken once more: %d", status)
	}
	calls := hooks.until(t, "new.jwt", func(calls []received) bool { return hasEvent(calls, "new.jwt") })
	for _, c := range calls {
		if bytes.Contains(c.Body, []byte(answer.NewToken)) || bytes.Contains(c.Body, []byte(old)) {
			t.Errorf("%s carries a token", c.Event)
		}
	}
	var last struct {
		NewToken string `json:"newToken"`
	}
	business.call(http.MethodPatch, path, map[string]any{"oldToken": answer.NewToken, "overlapSeconds": 0}, &last)
	for _, token := range []string{old, answer.NewToken} {
		if status, _ := business.as(token).try(http.MethodGet, "/instance/"+id, nil, nil); status != 401 {
			t.Errorf("a token that was ended: %d, want 401", status)
		}
	}
	return last.NewToken
}
