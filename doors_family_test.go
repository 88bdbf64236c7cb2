package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// sprl calls InSPRL's door in one of the three shapes of a body.
func sprl(t testing.TB, home, path, key, shape string, fields map[string]string) (code string, result any) {
	t.Helper()
	var body bytes.Buffer
	kind := "application/x-www-form-urlencoded"
	switch shape {
	case "json":
		kind = "application/json"
		if err := json.NewEncoder(&body).Encode(fields); err != nil {
			t.Fatal(err)
		}
	case "multipart":
		w := multipart.NewWriter(&body)
		kind = w.FormDataContentType()
		for name, value := range fields {
			if err := w.WriteField(name, value); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	default:
		form := url.Values{}
		for name, value := range fields {
			form.Set(name, value)
		}
		body.WriteString(form.Encode())
	}
	req, err := http.NewRequest(http.MethodPost, home+"/api/whatsapp"+path, &body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", key)
	req.Header.Set("Content-Type", kind)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Code, Message string
		Result        any
	}
	raw, err := io.ReadAll(resp.Body)
	if err != nil || json.Unmarshal(raw, &answer) != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s %v", path, resp.StatusCode, raw, err)
	}
	if !bytes.HasPrefix(raw, []byte(`{"code":"`+answer.Code+`","message":"`+answer.Message+`","result":`)) {
		t.Errorf("%s: the order of the fields: %s", path, raw)
	}
	return answer.Code, answer.Result
}

// The whole life of an instance through InSPRL's door, in all three shapes and
// both spellings of the header.
func TestInSPRLLife(t *testing.T) {
	_, g, network, hooks := startDoors(t)
	phone, nina := network.NewPhone("5511987650001", "Shop Front"), network.NewPhone("5521998880002", "Nina")
	code, made := sprl(t, g.Home, "/instance/create", globalKey, "form", map[string]string{"instance_name": "till"})
	first, _ := made.(map[string]any)
	if code != "100" || first["instance_id"] == nil || first["client_key"] == nil {
		t.Fatalf("create: %s %v", code, made)
	}
	key := first["client_key"].(string)
	with := func(more ...string) map[string]string {
		fields := map[string]string{"client_id": first["client_id"].(string), "instance_id": first["instance_id"].(string)}
		for i := 0; i+1 < len(more); i += 2 {
			fields[more[i]] = more[i+1]
		}
		return fields
	}
	if code, res := sprl(t, g.Home, "/webhook/set", key, "json", with("webhook_url", hooks.URL)); code != "100" {
		t.Errorf("set webhook: %s %v", code, res)
	}
	if code, res := sprl(t, g.Home, "/message/send", key, "form", with("number", "5521998880002", "message", "x")); code != "102" {
		t.Errorf("send while not connected: %s %v", code, res)
	}
	scanned := false
	deadline := time.Now().Add(limit)
	for {
		_, res := sprl(t, g.Home, "/instance/status", "Bearer "+key, "multipart", with())
		if res.(map[string]any)["status"] == "connected" {
			break
		}
		_, res = sprl(t, g.Home, "/instance/qr", key, "form", with())
		if qr := res.(map[string]any); qr["code"] != "" && !scanned {
			if shown := readPicture(t, qr["qr_code"].(string)); shown != qr["code"] {
				t.Fatalf("the picture shows %q", shown)
			}
			if _, err := phone.Scan(context.Background(), qr["code"].(string)); err != nil {
				t.Fatal(err)
			}
			scanned = true
		}
		if time.Now().After(deadline) {
			t.Fatal("it does not connect")
		}
		time.Sleep(20 * time.Millisecond)
	}
	code, res := sprl(t, g.Home, "/message/send", key, "json", with("number", "5521998880002", "message", "order ready"))
	if code != "100" || res.(map[string]any)["message_id"] == "" {
		t.Errorf("send: %s %v", code, res)
	}
	if code, res := sprl(t, g.Home, "/message/send", key, "form", with()); code != "102" || fmt.Sprint(res) !=
		"[The number field is required. The message field is required.]" {
		t.Errorf("send without fields: %s %v", code, res)
	}
	hooks.until(t, "send.message", func(calls []received) bool { return hasEvent(calls, "send.message") })
	if code, res := sprl(t, g.Home, "/instance/reconnect", key, "form", with()); code != "100" {
		t.Errorf("reconnect: %s %v", code, res)
	}
	connected := func() bool {
		_, res := sprl(t, g.Home, "/instance/status", key, "json", with())
		return res.(map[string]any)["status"] == "connected"
	}
	await(t, "the connection after reconnect", connected) // a logout waits for it too, but not as long
	if code, res := sprl(t, g.Home, "/instance/logout", key, "multipart", with()); code != "100" ||
		res != "Logout request sent to WhatsApp" || len(phone.Devices()) != 0 {
		t.Errorf("logout: %s %v", code, res)
	}
	if code, _ := sprl(t, g.Home, "/instance/create", key, "form", map[string]string{"instance_name": "x"}); code != "101" {
		t.Errorf("create with a client key: %s", code)
	}
	_ = nina
}

// The webhook of a tenant gets the events of all its instances, signed and
// with the three headers.
func TestBusinessWebhook(t *testing.T) {
	admin, _, network, hooks := startDoors(t)
	var tenants []struct {
		BusinessID    string `json:"businessId"`
		BusinessToken string `json:"businessToken"`
	}
	admin.call(http.MethodGet, "/admin/business", nil, &tenants)
	at, business := "/business/"+tenants[0].BusinessID, admin.as(tenants[0].BusinessToken)
	if status := business.call(http.MethodPost, at+"/webhook", map[string]any{"url": hooks.URL, "enabled": true}, nil); status != 201 {
		t.Errorf("POST webhook: %d", status)
	}
	var made compatInstance
	business.call(http.MethodPost, at+"/instance", map[string]any{}, &made)
	business.link(made.InstanceID, network.NewPhone("5511987650001", "Shop Front"))
	calls := hooks.until(t, "connection.update", func(calls []received) bool { return hasEvent(calls, "connection.update") })
	for _, c := range calls {
		if c.Header.Get("x-businessId") != tenants[0].BusinessID || c.Header.Get("webhook-signature") == "" {
			t.Errorf("%s: %v", c.Event, c.Header)
		}
	}
	business.call(http.MethodPut, at+"/webhook", map[string]any{"enabled": false}, nil)
	for _, bad := range []string{"http://169.254.169.254/latest", "ftp://x.example", "http://127.0.0.1:1/"} {
		if status, _ := business.try(http.MethodPut, at+"/webhook", map[string]any{"url": bad}, nil); status != 400 {
			t.Errorf("%s: %d, want 400", bad, status)
		}
	}
}

// An account moves to another instance, keys and all: the phone still lists
// the same device, and messages arrive at the new one.
func TestMoveWhatsApp(t *testing.T) {
	admin, _, network, hooks := startDoors(t)
	phone, nina := network.NewPhone("5511987650001", "Shop Front"), network.NewPhone("5521998880002", "Nina")
	var tenants []struct {
		BusinessID string `json:"businessId"`
	}
	admin.call(http.MethodGet, "/admin/business", nil, &tenants)
	at := "/business/" + tenants[0].BusinessID
	var from, to compatInstance
	admin.call(http.MethodPost, at+"/instance", map[string]any{"instanceName": "from"}, &from)
	admin.call(http.MethodPost, at+"/instance", map[string]any{"instanceName": "to"}, &to)
	admin.call(http.MethodPost, "/instance/"+to.InstanceID+"/webhook", map[string]any{"name": "x", "url": hooks.URL, "enabled": true}, nil)
	admin.link(from.InstanceID, phone)
	admin.call(http.MethodGet, "/instance/"+from.InstanceID, nil, &from)
	admin.call(http.MethodPatch, at+"/instance/move-whatsapp",
		map[string]any{"sourceWhatsAppId": from.WhatsApp.WhatsAppID, "instanceIdTarget": to.InstanceID}, nil)
	deadline := time.Now().Add(limit)
	for to.Connection != "open" {
		admin.call(http.MethodGet, "/instance/"+to.InstanceID, nil, &to)
		if time.Now().After(deadline) {
			t.Fatalf("the target does not open: %+v", to)
		}
		time.Sleep(20 * time.Millisecond)
	}
	var left compatInstance
	admin.call(http.MethodGet, "/instance/"+from.InstanceID, nil, &left)
	if left.WhatsApp != nil || left.Connection != "close" || len(phone.Devices()) != 1 || to.WhatsApp.RemoteJID != phone.JID().String() {
		t.Errorf("from %+v, to %+v, %d devices", left, to, len(phone.Devices()))
	}
	if _, err := nina.SendText(context.Background(), phone, "hello"); err != nil {
		t.Fatal(err)
	}
	hooks.until(t, "the message at the new instance", func(calls []received) bool { return hasEvent(calls, "messages.upsert") })
	if status, _ := admin.try(http.MethodPatch, at+"/instance/move-whatsapp",
		map[string]any{"sourceWhatsAppId": to.WhatsApp.WhatsAppID, "instanceIdTarget": "none"}, nil); status != 404 {
		t.Errorf("unknown target: %d", status)
	}
}

// What goes to WhatsApp goes through the proxy of the instance, and nowhere
// else.
func TestProxy(t *testing.T) {
	network := startNetwork(t)
	var tunnels atomic.Int32
	target := strings.TrimPrefix(strings.TrimPrefix(network.URL(), "https://"), "wss://")
	proxy := startProxy(t, target, &tunnels)
	g := startGateway(t, settings(t, t.TempDir(), network, "--webhook-allow", proxy),
		append(ownerEnv(), "POMBAL_API_KEY="+globalKey))
	admin := compat{t: t, base: g.Home, token: globalKey}
	var tenants []struct {
		BusinessID string `json:"businessId"`
	}
	admin.call(http.MethodGet, "/admin/business", nil, &tenants)
	var made compatInstance
	admin.call(http.MethodPost, "/business/"+tenants[0].BusinessID+"/instance", map[string]any{}, &made)
	admin.call(http.MethodPatch, "/instance/"+made.InstanceID+"/proxy", map[string]any{"url": "http://user:secret@" + proxy}, nil)
	admin.link(made.InstanceID, network.NewPhone("5511987650001", "Shop Front"))
	if tunnels.Load() == 0 {
		t.Error("nothing went through the proxy")
	}
	if strings.Contains(g.log.String(), "secret") {
		t.Error("the credentials of the proxy were logged")
	}
}

// startProxy is an HTTP proxy that leads every tunnel to one place.
func startProxy(t *testing.T, target string, tunnels *atomic.Int32) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") == "" {
			http.Error(w, "no", http.StatusMethodNotAllowed)
			return
		}
		far, err := net.Dial("tcp", target)
		if err != nil {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		tunnels.Add(1)
		near, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			_ = far.Close()
			return
		}
		_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(far, buffered); _ = far.Close() }()
		_, _ = io.Copy(near, far)
		_ = near.Close()
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return l.Addr().String()
}

// A gateway that is killed in the middle of a move comes back with the account
// in exactly one place, connected, wherever the kill fell.
func TestKillInTheMiddleOfAMove(t *testing.T) {
	network := startNetwork(t)
	phone := network.NewPhone("5511987650001", "Shop Front")
	args, environ := settings(t, t.TempDir(), network), append(ownerEnv(), "POMBAL_API_KEY="+globalKey)
	g := startChild(t, args, environ)
	admin := compat{t: t, base: g.Home, token: globalKey}
	var tenants []struct {
		BusinessID string `json:"businessId"`
	}
	admin.call(http.MethodGet, "/admin/business", nil, &tenants)
	at := "/business/" + tenants[0].BusinessID
	var both [2]compatInstance
	for i := range both {
		admin.call(http.MethodPost, at+"/instance", map[string]any{}, &both[i])
	}
	admin.link(both[0].InstanceID, phone)
	admin.call(http.MethodGet, "/instance/"+both[0].InstanceID, nil, &both[0])
	account, has := both[0].WhatsApp.WhatsAppID, 0
	for n, wait := range []time.Duration{0, 2, 5, 10, 20} {
		asked := make(chan struct{})
		body := strings.NewReader(fmt.Sprintf(`{"sourceWhatsAppId":%q,"instanceIdTarget":%q}`, account, both[1-has].InstanceID))
		req, err := http.NewRequest(http.MethodPatch, g.Home+"/api/v2"+at+"/instance/move-whatsapp", body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("apikey", globalKey)
		go func() {
			defer close(asked)
			if resp, err := http.DefaultClient.Do(req); err == nil {
				_ = resp.Body.Close()
			}
		}()
		time.Sleep(wait * time.Millisecond) // where the kill falls
		g.kill()
		<-asked
		g = startChild(t, args, environ)
		admin.base = g.Home
		has = admin.whoHas(both[0].InstanceID, both[1].InstanceID)
		if devices := len(phone.Devices()); devices != 1 {
			t.Fatalf("after kill %d the phone lists %d devices", n, devices)
		}
		t.Logf("kill %d: instance %d has it", n, has)
	}
}

// whoHas waits until one of two instances is open, and fails when both have an
// account or the other one does not let go.
func (c compat) whoHas(first, second string) int {
	c.t.Helper()
	deadline := time.Now().Add(limit)
	for {
		var open, linked []int
		for i, id := range []string{first, second} {
			var in compatInstance
			c.call(http.MethodGet, "/instance/"+id, nil, &in)
			if in.WhatsApp != nil {
				linked = append(linked, i)
			}
			if in.Connection == "open" {
				open = append(open, i)
			}
		}
		if len(linked) > 1 {
			c.t.Fatal("both instances have the account")
		}
		if len(open) == 1 && len(linked) == 1 && open[0] == linked[0] {
			return open[0]
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("open: %v, linked: %v", open, linked)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
