package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"pombal/web/codechat"
	"pombal/web/insprl"
)

// badWorld is what the bad requests are thrown at.
type badWorld struct {
	t        *testing.T
	home     string
	id       string
	business string
	hook     string
	bearers  []string // good ones
	key      string   // InSPRL's
	client   string
	random   *rand.Rand
	routes   []codechat.Route
	sprl     []insprl.Route
}

// Ten thousand generated bad requests over both doors: none is a fault of
// ours, none takes long, and nothing has changed afterwards: neither what the
// doors show nor the file.
func TestTenThousandBadRequests(t *testing.T) {
	const requests = 10_000
	dir, err := os.MkdirTemp("", "b") // short, for the socket of backups
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	hooks := startReceiver(t)
	g := startGateway(t, settings(t, dir, startNetwork(t), "--webhook-allow", hooks.host()), append(ownerEnv(), "POMBAL_API_KEY="+globalKey))
	admin := compat{t: t, base: g.Home, token: globalKey}
	o := newOperator(t, g.Home)
	o.logIn()
	w := badWorld{
		t: t, home: g.Home, random: rand.New(rand.NewPCG(6, 24)),
		routes: codechat.New(codechat.Deps{}).Routes(), sprl: insprl.New(insprl.Deps{}).Routes(),
	}
	var tenants []struct {
		BusinessID    string `json:"businessId"`
		BusinessToken string `json:"businessToken"`
	}
	admin.call(http.MethodGet, "/admin/business", nil, &tenants)
	w.business = tenants[0].BusinessID
	var made compatInstance // made here, it does not connect by itself: what that leads to would go on for a while
	admin.call(http.MethodPost, "/business/"+w.business+"/instance", map[string]any{"instanceName": "shop-front"}, &made)
	w.id = made.InstanceID
	w.hook = o.addWebhook(w.id, "crm", hooks.URL)
	w.key, w.client = o.inSPRLKey(w.id)
	w.bearers = []string{globalKey, tenants[0].BusinessToken, o.token(w.id)}

	file := settledDump(t, dir)
	before := w.state(admin)
	slowest, began := time.Duration(0), time.Now()
	for n := range requests {
		req, what := w.bad()
		took := w.send(n, req, what)
		for again := 0; took > time.Second && again < 4; again++ { // the machine may have been busy, which it is not each time
			took = min(took, w.send(n, anew(t, req), what))
		}
		slowest = max(slowest, took)
		if t.Failed() && n > 0 && n%50 == 0 {
			t.Fatal("enough")
		}
	}
	if slowest > time.Second {
		t.Errorf("the slowest took %s", slowest)
	}
	if after := w.state(admin); after != before {
		t.Errorf("the state changed\n from %s\n   to %s", before, after)
	}
	compareDumps(t, file, dumpFile(t, dir))
	if log := g.log.String(); strings.Contains(log, `"panic`) || strings.Contains(log, `"request failed"`) {
		t.Error("a request failed by our own fault; see the log")
	}
	t.Logf("%d requests in %s, the slowest %s", requests, time.Since(began).Round(time.Millisecond), slowest.Round(time.Microsecond))
}

// anew is a request once more.
func anew(t *testing.T, req *http.Request) *http.Request {
	t.Helper()
	again := req.Clone(t.Context())
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		again.Body = body
	}
	return again
}

// unsteady are the buckets that calls may change although they are refused:
// what good credentials were used for.
var unsteady = map[string]bool{"use": true}

// dumpFile is everything that the file of a running gateway holds, bucket and
// key to value. It is read from a backup: the gateway has the file locked.
func dumpFile(t *testing.T, dir string) map[string]string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy.db")
	if code, _, problems := runCommand(t, "backup", copied, "--data", filepath.Join(dir, "pombal.db")); code != exitOK {
		t.Fatalf("backup: %d %s", code, problems)
	}
	db, err := bbolt.Open(copied, 0o600, &bbolt.Options{ReadOnly: true, Timeout: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	dump := make(map[string]string)
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			if unsteady[string(name)] {
				return nil
			}
			dump[string(name)] = fmt.Sprint("next ", b.Sequence())
			return b.ForEach(func(k, v []byte) error {
				dump[fmt.Sprintf("%s %q", name, k)] = string(v)
				return nil
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return dump
}

// settledDump waits until what was done before is all written, and delivered:
// two looks at the file that are a moment apart see the same.
func settledDump(t *testing.T, dir string) map[string]string {
	t.Helper()
	deadline := time.After(limit)
	for last := dumpFile(t, dir); ; {
		select {
		case <-time.After(100 * time.Millisecond): // what is written later comes within it
		case <-deadline:
			t.Fatal("the file goes on changing")
		}
		next := dumpFile(t, dir)
		if maps.Equal(last, next) && !waiting(next) {
			return next
		}
		last = next
	}
}

// waiting says whether a delivery is in the outbox.
func waiting(dump map[string]string) bool {
	for key := range dump {
		if strings.HasPrefix(key, `out "`) {
			return true
		}
	}
	return false
}

// compareDumps tells what was changed, added or removed.
func compareDumps(t *testing.T, before, after map[string]string) {
	t.Helper()
	if len(before) < 20 {
		t.Errorf("the dump has only %d rows", len(before))
	}
	for key, value := range after {
		if old, there := before[key]; !there || old != value {
			t.Errorf("the file changed: %s\n was %.300q\n  is %.300q", key, old, value)
		}
	}
	for key := range before {
		if _, there := after[key]; !there {
			t.Errorf("the file lost %s", key)
		}
	}
}

// state is everything that the doors can show.
func (w badWorld) state(admin compat) string {
	w.t.Helper()
	var all []json.RawMessage
	for _, path := range []string{
		"/admin/business", "/instance/" + w.id, "/instance/" + w.id + "/webhook", "/instance/" + w.id + "/chat/search/chats",
		"/business/" + w.business + "/webhook", "/instance/" + w.id + "/connection-state",
	} {
		var raw json.RawMessage
		admin.call(http.MethodGet, path, nil, &raw)
		all = append(all, raw)
	}
	var found json.RawMessage
	admin.call(http.MethodPost, "/business/"+w.business+"/instance/search", nil, &found)
	return fmt.Sprintf("%s %s", all, found)
}

// send makes a request and judges the answer.
func (w badWorld) send(n int, req *http.Request, what string) time.Duration {
	w.t.Helper()
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatalf("%d %s: %s %s: %v", n, what, req.Method, req.URL, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	took := time.Since(began)
	if err != nil {
		w.t.Fatalf("%d %s: %v", n, what, err)
	}
	var answer struct {
		Code, Status any
		StatusCode   int
		Message      any
		Result       any
	}
	if req.Method != http.MethodHead && json.Unmarshal(raw, &answer) != nil {
		w.t.Errorf("%d %s: %s %s: %d %.200q is no JSON", n, what, req.Method, req.URL, resp.StatusCode, raw)
	}
	sprl := strings.HasPrefix(req.URL.Path, insprl.Prefix+"/")
	switch list, isList := answer.Message.([]any); {
	case resp.StatusCode >= 500:
		w.t.Errorf("%d %s: %s %s: %d %s", n, what, req.Method, req.URL, resp.StatusCode, raw)
	case req.Method == http.MethodHead:
	case sprl:
		if answer.Code != "101" && answer.Code != "102" || answer.Message != "failed" {
			w.t.Errorf("%d %s: %s: %d %s", n, what, req.URL, resp.StatusCode, raw)
		}
	case resp.StatusCode < 400:
		w.t.Errorf("%d %s: %s %s was taken: %d %.200s", n, what, req.Method, req.URL, resp.StatusCode, raw)
	case !isList || len(list) == 0 || answer.StatusCode != resp.StatusCode && answer.Status != float64(resp.StatusCode):
		w.t.Errorf("%d %s: %s %s: %d %s", n, what, req.Method, req.URL, resp.StatusCode, raw)
	}
	return took
}

// bad makes a request that must be refused.
func (w badWorld) bad() (*http.Request, string) {
	switch w.random.IntN(7) {
	case 0:
		return w.badCredential(), "credential"
	case 1:
		return w.badID(), "unknown id"
	case 2:
		return w.badPath(), "path or method"
	case 3:
		return w.badSPRL(), "insprl"
	default:
		return w.badBody(), "body"
	}
}

func (w badWorld) request(method, path, body string, header ...string) *http.Request {
	req, err := http.NewRequest(method, w.home+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

func (w badWorld) fill(path, id, business, hook string) string {
	return strings.NewReplacer(":instanceId", url.PathEscape(id), ":instanceName", "shop-front", ":businessId", url.PathEscape(business),
		":webhookId", url.PathEscape(hook), ":phoneNumber", "5511987650001", ":messageId", "nothing").Replace(path)
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

// junk is text of the worst sort.
func (w badWorld) junk() string {
	b := make([]byte, w.random.IntN(40))
	for i := range b {
		b[i] = byte(0x21 + w.random.IntN(0x5d))
	}
	return pick(w.random, string(b), strings.Repeat("A", 1+w.random.IntN(3000)), "../../etc/passwd", "' OR 1=1 --", "😀\u202e", "null", "%00")
}

// header is text that may stand in a header.
func (w badWorld) header() string {
	clean := func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}
	return strings.Map(clean, w.junk())
}

func (w badWorld) badCredential() *http.Request {
	rt := pick(w.random, w.routes...)
	token := w.bearers[2]
	name, value := pick(w.random, "Authorization", "apikey", "X-Api-Key"), pick(w.random,
		"Bearer "+w.header(), w.header(), "Bearer", "", "Bearer "+token[:len(token)-4]+"AAAA", token+token,
		"Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "Basic "+globalKey, "Bearer "+w.key)
	return w.request(rt.Method, w.fill(rt.Path, w.id, w.business, w.hook), pick(w.random, "", "{}", "{"), name, value,
		"Content-Type", "application/json")
}

func (w badWorld) badID() *http.Request {
	for {
		rt := pick(w.random, w.routes...)
		if !strings.Contains(rt.Path, ":instanceId") && !strings.Contains(rt.Path, ":businessId") {
			continue
		}
		id := "x" + w.junk()
		if len(id) > 500 {
			id = id[:500]
		}
		return w.request(rt.Method, w.fill(rt.Path, id, id, id), pick(w.random, "", "{}"), "apikey", globalKey)
	}
}

func (w badWorld) badPath() *http.Request {
	path := pick(w.random, "/api", "/api/", "/api/v2", "/api/v2/instance", "/api/v1/x", "/api/v2/instance/"+w.id+"/nope", "/api/v9/"+url.PathEscape(w.junk()))
	if w.random.IntN(2) == 0 {
		return w.request(pick(w.random, "GET", "POST", "PUT", "PATCH", "DELETE"), path, "", "apikey", globalKey)
	}
	return w.request(pick(w.random, "OPTIONS", "PROPFIND", "LINK"), w.fill(pick(w.random, w.routes...).Path, w.id, w.business, w.hook), "",
		"apikey", globalKey)
}

// bodied are the calls that look at their body.
func (w badWorld) bodied() codechat.Route {
	for {
		rt := pick(w.random, w.routes...)
		ignores := strings.HasSuffix(rt.Path, "/reload") || strings.HasSuffix(rt.Path, "/restart") || strings.Contains(rt.Path, "/instance/reload/")
		if rt.Method != http.MethodGet && rt.Method != http.MethodDelete && !ignores {
			return rt
		}
	}
}

func (w badWorld) badBody() *http.Request {
	rt := w.bodied()
	value := pick(w.random, "1", "-1", "true", `"x"`, "[]", "{}", "null", "1e400", `"`+strings.Repeat("y", 70_000)+`"`, `"\u0000"`, `"\ud800"`)
	name := pick(w.random, "name", "url", "enabled", "instanceName", "oldToken", "recipient", "search", "options", "attributes", "action")
	body := pick(w.random,
		"{", "[]", "[1,2", "null", `"text"`, "0", "{\"a\":1}{}", "{\"a\":}", "\xff\xfe{}", strings.Repeat("[", 5000), strings.Repeat(`{"a":`, 5000),
		`{"name":"a","name":"b"}`, `{"oldToken":"a","oldToken":"b"}`, `{"`+name+`":1,"`+name+`":2}`,
		fmt.Sprintf(`{"nobody asked for":%s}`, "1"), fmt.Sprintf(`{"%s":%s,"textMessage":[],"unknown":1}`, name, value),
		`{"url":"javascript:alert(1)","name":"x","unknown":{}}`)
	if w.random.IntN(200) == 0 {
		body = `{"name":"` + string(bytes.Repeat([]byte("z"), 1<<20)) + `"}`
	}
	return w.request(rt.Method, w.fill(rt.Path, w.id, w.business, w.hook), body, "apikey", globalKey,
		"Content-Type", pick(w.random, "application/json", "text/plain", "application/x-www-form-urlencoded", ""))
}

func (w badWorld) badSPRL() *http.Request {
	rt := pick(w.random, w.sprl...)
	key := pick(w.random, w.key, "", w.header(), "Bearer "+w.header(), globalKey+"x")
	form := url.Values{"client_id": {pick(w.random, w.client, "", w.junk())}, "instance_id": {pick(w.random, w.id, "", w.junk())}}
	if key == w.key && form.Get("client_id") == w.client {
		form.Set("instance_id", "x"+w.junk())
	}
	body, kind := form.Encode(), "application/x-www-form-urlencoded"
	switch w.random.IntN(4) {
	case 0:
		body, kind = pick(w.random, "{", `{"client_id":1}`, `{"client_id":"a","client_id":"b","instance_id":"c"}`, "[]"), "application/json"
	case 1:
		body, kind = pick(w.random, "--x\r\n", "", "--x--"), "multipart/form-data; boundary=x"
	}
	return w.request(http.MethodPost, rt.Path, body, "Authorization", key, "Content-Type", kind)
}
