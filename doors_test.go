package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pombal/internal/event"
	"pombal/internal/wasim"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

// linked starts a gateway with one linked instance and one webhook.
func linked(t *testing.T) (g *gateway, o *operator, id string, network *wasim.Server, phone *wasim.Phone, hooks *receiver) {
	t.Helper()
	network, hooks = startNetwork(t), startReceiver(t)
	phone = network.NewPhone("5511987650001", "Shop Front")
	g = startGateway(t, settings(t, t.TempDir(), network, "--webhook-allow", hooks.host()),
		append(ownerEnv(), "POMBAL_API_KEY=global-key-for-tests-0123456789"))
	o = newOperator(t, g.Home)
	o.logIn()
	id = o.create("shop-front")
	o.addWebhook(id, "crm", hooks.URL)
	o.pair(id, phone)
	return g, o, id, network, phone, hooks
}

func (o *operator) pair(id string, phone *wasim.Phone) {
	o.t.Helper()
	if _, err := phone.Scan(context.Background(), o.code(id)); err != nil {
		o.t.Fatal(err)
	}
	o.untilPhase(id, "connected")
	o.until("the name of the account", func() bool { // it comes a moment later
		return strings.Contains(o.get("/instances/"+id).Find("#status-"+id).Text(), phone.Name())
	})
}

// call makes an API call and reads the JSON answer.
func call(t *testing.T, method, address string, header map[string]string, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var answer map[string]any
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatalf("%s %s: answer %q: %v", method, address, raw, err)
	}
	return resp.StatusCode, answer
}

var wireDate = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

// The CodeChat request of the seed gets the whole InstanceFindResponse, field
// by field, with the instance token as with the global key.
func TestCodeChatLogout(t *testing.T) {
	g, o, id, _, phone, _ := linked(t)
	address := g.Home + "/api/v2/instance/" + id + "/logout"
	token := o.token(id)

	status, answer := call(t, http.MethodDelete, address, nil, "")
	checkRefusal(t, "no token", status, answer, http.StatusUnauthorized)
	status, answer = call(t, http.MethodDelete, address, map[string]string{"Authorization": "Bearer " + token + "x"}, "")
	checkRefusal(t, "a bad token", status, answer, http.StatusUnauthorized)

	status, answer = call(t, http.MethodDelete, address, map[string]string{
		"Authorization": "Bearer " + token, "Content-Type": "application/json",
	}, "")
	if status != http.StatusOK {
		t.Fatalf("status %d: %v", status, answer)
	}
	checkInstance(t, answer, id, phone, token)
	if n := len(phone.Devices()); n != 0 {
		t.Errorf("the phone still lists %d devices", n)
	}

	status, answer = call(t, http.MethodDelete, address, map[string]string{"Authorization": "Bearer " + token}, "")
	checkRefusal(t, "not connected", status, answer, http.StatusBadRequest)
	if got := answer["message"]; !reflect.DeepEqual(got, []any{"The instance is not connected"}) {
		t.Errorf("message = %v", got)
	}
	o.pair(id, phone)
	status, _ = call(t, http.MethodDelete, address, map[string]string{"apikey": "global-key-for-tests-0123456789"}, "")
	if status != http.StatusOK {
		t.Errorf("with the global key: status %d", status)
	}
	status, answer = call(t, http.MethodDelete, g.Home+"/api/v2/instance/nobody/logout",
		map[string]string{"apikey": "global-key-for-tests-0123456789"}, "")
	checkRefusal(t, "unknown id", status, answer, http.StatusNotFound)
}

func checkRefusal(t *testing.T, what string, status int, answer map[string]any, want int) {
	t.Helper()
	list, ok := answer["message"].([]any)
	if status != want || answer["statusCode"] != float64(want) || !ok || len(list) == 0 || answer["error"] != http.StatusText(want) {
		t.Errorf("%s: status %d, answer %v; want %d in CodeChat's shape", what, status, answer, want)
	}
}

func checkInstance(t *testing.T, answer map[string]any, id string, phone *wasim.Phone, token string) {
	t.Helper()
	want := map[string]any{"instanceId": id, "name": "shop-front", "state": "active", "connection": "close", "deletedAt": nil}
	for k, v := range want {
		if got, there := answer[k]; !there || got != v {
			t.Errorf("%s = %v, want %v", k, got, v)
		}
	}
	authority := answer["Auth"].(map[string]any)
	if authority["jwt"] != token || authority["authId"] == "" {
		t.Errorf("Auth = %v", authority)
	}
	account := answer["WhatsApp"].(map[string]any)
	if account["remoteJid"] != phone.JID().String() || account["whatsappId"] == "" || account["pushName"] != "Shop Front" {
		t.Errorf("WhatsApp = %v", account)
	}
	if _, there := account["pictureUrl"]; !there {
		t.Error("WhatsApp.pictureUrl is missing")
	}
	business := answer["Business"].(map[string]any)
	if business["businessId"] == "" || business["name"] == "" {
		t.Errorf("Business = %v", business)
	}
	hooks := answer["Webhook"].([]any)
	if len(hooks) != 1 {
		t.Fatalf("Webhook = %v", hooks)
	}
	hook := hooks[0].(map[string]any)
	if hook["name"] != "crm" || hook["enabled"] != true || hook["instanceInstanceId"] != id {
		t.Errorf("Webhook = %v", hook)
	}
	toggles := hook["WebhookEvents"].(map[string]any)
	for _, info := range event.All() {
		if toggles[string(info.Type)] != true {
			t.Errorf("toggle %s = %v", info.Type, toggles[string(info.Type)])
		}
	}
	for name, date := range map[string]any{
		"createdAt": answer["createdAt"], "Auth.createdAt": authority["createdAt"], "Auth.updatedAt": authority["updatedAt"],
		"WhatsApp.createdAt": account["createdAt"], "Webhook.createdAt": hook["createdAt"], "Webhook.updatedAt": hook["updatedAt"],
		"WebhookEvents.createdAt": toggles["createdAt"], "WebhookEvents.updatedAt": toggles["updatedAt"],
	} {
		if text, _ := date.(string); !wireDate.MatchString(text) {
			t.Errorf("%s = %v is no JavaScript date", name, date)
		}
	}
}

// token reads the instance token off the settings page.
func (o *operator) token(id string) string {
	o.t.Helper()
	at := "/instances/" + id
	p := o.submit(o.get(at+"/settings"), at+"/token", nil)
	token := strings.TrimSpace(p.Find("#api-token").Text())
	if strings.Count(token, ".") != 2 {
		o.t.Fatalf("no token on the page:\n%s", p.says())
	}
	return token
}

// inSPRLKey makes a client key and reads it off the page.
func (o *operator) inSPRLKey(id string) (key, client string) {
	o.t.Helper()
	at := "/instances/" + id
	p := o.submit(o.get(at+"/settings"), at+"/keys", url.Values{"name": {"php"}})
	key = strings.TrimSpace(p.Find("#key-secret").Text())
	client = strings.TrimSpace(p.Find("#key-client").Text())
	if key == "" || client == "" {
		o.t.Fatalf("no client key on the page:\n%s", p.says())
	}
	return key, client
}

// The bytes that PHP's curl sends get the answers of the InSPRL page.
func TestInSPRLLogout(t *testing.T) {
	g, o, id, _, phone, _ := linked(t)
	key, client := o.inSPRLKey(id)
	host := strings.TrimPrefix(g.Home, "http://")
	send := func(auth, body string) string {
		t.Helper()
		conn, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST /api/whatsapp/instance/logout HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n%s"+
			"Content-Length: %d\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\n%s", host, auth, len(body), body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("status %d, %v", resp.StatusCode, err)
		}
		return strings.TrimSpace(string(raw))
	}
	bare := "Authorization: " + key + "\r\n"
	both := "client_id=" + url.QueryEscape(client) + "&instance_id=" + url.QueryEscape(id)
	cases := []struct{ name, auth, body, want string }{
		{"missing instance", bare, "client_id=" + url.QueryEscape(client),
			`{"code":"102","message":"failed","result":["The instance_id field is required."]}`},
		{"empty instance", bare, "client_id=" + url.QueryEscape(client) + "&instance_id=",
			`{"code":"102","message":"failed","result":["The instance_id field is required."]}`},
		{"no header", "", both, `{"code":"101","message":"failed","result":"Authorization failed"}`},
		{"wrong key", "Authorization: k-123\r\n", both, `{"code":"101","message":"failed","result":"Authorization failed"}`},
		{"wrong client", bare, "client_id=C-1+%C3%A9%26x&instance_id=" + url.QueryEscape(id),
			`{"code":"101","message":"failed","result":"Authorization failed"}`},
		{"the seed", bare, both, `{"code":"100","message":"success","result":"Logout request sent to WhatsApp"}`},
		{"again", "Authorization: Bearer " + key + "\r\n", both,
			`{"code":"100","message":"success","result":"Logout request sent to WhatsApp"}`},
	}
	for _, tc := range cases {
		if got := send(tc.auth, tc.body); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
		if tc.name == "the seed" && len(phone.Devices()) != 0 {
			t.Error("the phone still lists the device")
		}
	}
}

// Webhook calls carry CodeChat's envelope and headers, signed, and never a
// credential.
func TestWebhookOnTheWire(t *testing.T) {
	_, o, id, network, phone, hooks := linked(t)
	token := o.token(id)
	nina := network.NewPhone("5521998880002", "Nina")
	if _, err := nina.SendText(context.Background(), phone, "hello"); err != nil {
		t.Fatal(err)
	}
	calls := hooks.until(t, "the message", func(calls []received) bool {
		for _, c := range calls {
			if c.Event == "messages.upsert" {
				return true
			}
		}
		return false
	})
	for _, c := range calls {
		for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature", "x-businessId", "x-instanceId"} {
			if c.Header.Get(name) == "" {
				t.Errorf("%s: no header %s", c.Event, name)
			}
		}
		if c.Header.Get("webhook-id") != c.ID || c.Header.Get("x-instanceId") != id {
			t.Errorf("%s: headers %v", c.Event, c.Header)
		}
		if strings.Contains(string(c.Body), token) || strings.Contains(string(c.Body), `"Auth"`) {
			t.Errorf("%s carries a credential", c.Event)
		}
	}
	var body struct {
		Event    string
		Seq      int
		Instance struct{ InstanceID, Connection string }
		Data     struct {
			KeyRemoteJID string `json:"keyRemoteJid"`
			KeyRemoteLID string `json:"keyRemoteLid"`
			PushName     string
			ContentType  string
			Content      struct{ Text string }
			KeyFromMe    bool
		}
	}
	// Other events of the message may have come after it.
	last := calls[slices.IndexFunc(calls, func(c received) bool { return c.Event == "messages.upsert" })]
	if err := json.Unmarshal(last.Body, &body); err != nil {
		t.Fatal(err)
	}
	d := body.Data
	if d.KeyRemoteJID != nina.JID().String() || d.KeyRemoteLID != nina.LID().String() || d.ContentType != "conversation" ||
		d.Content.Text != "hello" || d.KeyFromMe || d.PushName != "Nina" || body.Instance.Connection != "open" {
		t.Errorf("messages.upsert: %s", last.Body)
	}
}

// networkHandshake is what the stand-in network's own process prints.
type networkHandshake struct {
	URL, CA, RootKey, Control string
}

// networkChild runs the stand-in network alone until its standard input ends.
func networkChild(stdout io.Writer, stdin io.Reader) int {
	network, err := wasim.Start(wasim.Config{})
	if err != nil {
		return 1
	}
	defer network.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1
	}
	control := &http.Server{Handler: network.Control()}
	go func() { _ = control.Serve(listener) }()
	defer control.Close()
	key := network.RootKey()
	err = json.NewEncoder(stdout).Encode(networkHandshake{
		URL: network.URL(), CA: string(network.CAPEM()), RootKey: fmt.Sprintf("%x", key), Control: "http://" + listener.Addr().String(),
	})
	if err != nil {
		return 1
	}
	_, _ = io.Copy(io.Discard, stdin)
	return 0
}

// Gateway and stand-in network as two processes, joined by the three settings
// alone, link a number.
func TestStandInInAnotherProcess(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVar+"=network")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	var hs networkHandshake
	if err := json.NewDecoder(stdout).Decode(&hs); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, []byte(hs.CA), 0o600); err != nil {
		t.Fatal(err)
	}
	g := startChild(t, []string{"serve", "--addr", "127.0.0.1:0", "--data", filepath.Join(dir, "p.db")}, append(ownerEnv(),
		"POMBAL_WHATSAPP_URL="+hs.URL, "POMBAL_WHATSAPP_CA="+ca, "POMBAL_WHATSAPP_ROOT_KEY="+hs.RootKey))
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("shop")
	post := func(path, body string) {
		t.Helper()
		if status, answer := call(t, http.MethodPost, hs.Control+path, map[string]string{"Content-Type": "application/json"}, body); status >= 300 {
			t.Fatalf("%s: %d %v", path, status, answer)
		}
	}
	post("/phones", `{"number":"5511987650001","name":"Shop Front"}`)
	code, err := json.Marshal(map[string]string{"qr": o.code(id)})
	if err != nil {
		t.Fatal(err)
	}
	post("/phones/5511987650001/scan", string(code))
	o.untilPhase(id, "connected")
}
