package insprl_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/problem"
	"pombal/web/insprl"
	"pombal/web/webtest"
)

const (
	at      = "/api/whatsapp/instance/logout"
	done    = `{"code":"100","message":"success","result":"Logout request sent to WhatsApp"}`
	refused = `{"code":"101","message":"failed","result":"Authorization failed"}`
	noID    = `{"code":"102","message":"failed","result":["The client_id field is required."]}`
	noInst  = `{"code":"102","message":"failed","result":["The instance_id field is required."]}`
	neither = `{"code":"102","message":"failed","result":["The client_id field is required.","The instance_id field is required."]}`
	wrong   = `{"code":"102","message":"failed","result":["The selected instance_id is invalid."]}`
	asForm  = "Content-Type: application/x-www-form-urlencoded"
)

// fixture is a server with a connected instance and a key for it.
func fixture(t *testing.T) (k *webtest.Kit, key, clientID string) {
	t.Helper()
	k = webtest.NewServer(t)
	k.Instances.Put(instance.Instance{
		ID: "I/9+1", Name: "shop", Status: webtest.Connected(), WhatsApp: webtest.Linked("919876543210"),
	})
	k.Instances.Put(instance.Instance{ID: "foreign", Name: "foreign", Status: webtest.Connected()})
	key, a, err := k.Auth.CreateInSPRLKey(t.Context(), "I/9+1", "till")
	if err != nil {
		t.Fatal(err)
	}
	return k, key, a.ClientID
}

// call is one way to ask, with KEY and CLIENT to be filled in.
type call struct {
	name, key, body, want string
	header                string
	logout                bool
}

func calls() []call {
	form := func(client, inst string) string { return "client_id=" + client + "&instance_id=" + inst }
	const inst = "I%2F9%2B1"
	multipart := "--x\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\nCLIENT\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"instance_id\"\r\n\r\nI/9+1\r\n--x--\r\n"
	return []call{
		{"bare key", "KEY", form("CLIENT", inst), done, asForm, true},
		{"bearer", "Bearer KEY", form("CLIENT", inst), done, asForm, true},
		{"bearer in capitals", "BEARER KEY", form("CLIENT", inst), done, asForm, true},
		{"charset", "KEY", form("CLIENT", inst), done, asForm + "; charset=utf-8", true},
		{"multipart", "KEY", multipart, done, "Content-Type: multipart/form-data; boundary=x", true},
		{"json", "KEY", `{"client_id":"CLIENT","instance_id":"I/9+1"}`, done, "Content-Type: application/json", true},
		{"json with more in it", "KEY", `{"client_id":"CLIENT","instance_id":"I/9+1","x":[1]}`, done,
			"Content-Type: application/json; charset=utf-8", true},
		{"both absent", "KEY", "", neither, asForm, false},
		{"both empty", "KEY", "client_id=&instance_id=", neither, asForm, false},
		{"spaces", "KEY", "client_id=+&instance_id=+", neither, asForm, false},
		{"client absent", "KEY", "instance_id=" + inst, noID, asForm, false},
		{"instance dropped because null", "KEY", "client_id=CLIENT", noInst, asForm, false},
		{"json null", "KEY", `{"client_id":null,"instance_id":"I/9+1"}`, noID, "Content-Type: application/json", false},
		{"broken json", "KEY", `{"client_id"`, neither, "Content-Type: application/json", false},
		{"no content type", "KEY", form("CLIENT", inst), neither, "Content-Type: text/plain", false},
		{"no header", "", form("CLIENT", inst), refused, asForm, false},
		{"no header and no fields", "", "", refused, asForm, false},
		{"bearer without key", "Bearer", form("CLIENT", inst), refused, asForm, false},
		{"wrong key", "nonsense", form("CLIENT", inst), refused, asForm, false},
		{"wrong client", "KEY", form("nobody", inst), refused, asForm, false},
		{"wrong key and unknown instance", "nonsense", form("CLIENT", "none"), refused, asForm, false},
		{"unknown instance", "KEY", form("CLIENT", "none"), wrong, asForm, false},
		{"instance of somebody else", "KEY", form("CLIENT", "foreign"), wrong, asForm, false},
		{"global key", webtest.GlobalKey, form("CLIENT", inst), refused, asForm, false},
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	for _, tc := range calls() {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			k, key, client := fixture(t)
			fill := strings.NewReplacer("KEY", key, "CLIENT", client)
			headers := []string{fill.Replace(tc.header)}
			if tc.key != "" {
				headers = append(headers, "Authorization: "+fill.Replace(tc.key))
			}
			a := k.NewClient().Do("POST", at, fill.Replace(tc.body), headers...)
			if a.Status != 200 || a.Body != tc.want || a.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%d %q\n got %s\nwant %s", a.Status, a.Header.Get("Content-Type"), a.Body, tc.want)
			}
			if got := len(k.Instances.Calls()) == 1; got != tc.logout {
				t.Errorf("calls = %v, logout wanted: %v", k.Instances.Calls(), tc.logout)
			}
			if tc.logout != (len(k.Audit.Entries()) == 1) {
				t.Errorf("audit = %+v", k.Audit.Entries())
			}
			if strings.Contains(k.Log.String(), key) {
				t.Error("the key was logged")
			}
		})
	}
}

// The bytes that PHP's curl sends for the page's own sample, on a real
// connection.
func TestPHPSample(t *testing.T) {
	t.Parallel()
	k := webtest.NewServer(t)
	k.Instances.Put(instance.Instance{ID: "I/9+1", Name: "shop", Status: webtest.Connected()})
	key, a, err := k.Auth.CreateInSPRLKey(t.Context(), "I/9+1", "till")
	if err != nil {
		t.Fatal(err)
	}
	body := "client_id=" + a.ClientID + "&instance_id=I%2F9%2B1"
	raw := "POST " + at + " HTTP/1.1\r\n" +
		"Host: " + k.Addr + "\r\n" +
		"Accept: */*\r\n" +
		"Authorization: " + key + "\r\n" +
		"Content-Length: " + strconv.Itoa(len(body)) + "\r\n" +
		"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + body
	status, got := send(t, k, raw)
	if status != 200 || got != done {
		t.Errorf("%d %s, want 200 %s", status, got, done)
	}
	// The sample's client id with a space, an accent and an ampersand arrives
	// whole: it is refused as a client, not as a missing field.
	raw = "POST " + at + " HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nAuthorization: k-123\r\nContent-Length: 46\r\n" +
		"Content-Type: application/x-www-form-urlencoded\r\n\r\nclient_id=C-1+%C3%A9%26x&instance_id=I%2F9%2B1"
	if status, got = send(t, k, raw); status != 200 || got != refused {
		t.Errorf("%d %s, want 200 %s", status, got, refused)
	}
}

func send(t *testing.T, k *webtest.Kit, raw string) (status int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", k.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(conn, raw); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// A second logout is no error: the request was taken.
func TestLogoutTwice(t *testing.T) {
	t.Parallel()
	k, key, client := fixture(t)
	for range 2 {
		a := k.NewClient().Do("POST", at, "client_id="+client+"&instance_id=I%2F9%2B1", asForm, "Authorization: "+key)
		if a.Body != done {
			t.Errorf("body = %s", a.Body)
		}
	}
}

func TestGetIsNoLogout(t *testing.T) {
	t.Parallel()
	k, key, client := fixture(t)
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE"} {
		a := k.NewClient().Do(method, at+"?client_id="+client+"&instance_id=I%2F9%2B1", "", "Authorization: "+key)
		if a.Status != 405 {
			t.Errorf("%s = %d, want 405", method, a.Status)
		}
	}
	a := k.NewClient().Do("POST", at+"?client_id="+client+"&instance_id=I%2F9%2B1", "", "Authorization: "+key)
	if a.Body != neither {
		t.Errorf("fields in the address: %s", a.Body)
	}
	if calls := k.Instances.Calls(); len(calls) > 0 {
		t.Errorf("calls = %v", calls)
	}
}

func TestOtherErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err    error
		status int
		leak   string
	}{
		{errors.New("bbolt canary"), 500, "canary"},
		{problem.New(problem.Unavailable, "error.shutting_down"), 503, "error."},
		{problem.New(problem.Storage, "error.storage"), 507, "error."},
		{instance.ErrNotFound, 200, "error."},
	} {
		k, key, client := fixture(t)
		k.Instances.LogoutFunc = func(string, instance.LogoutParams) (instance.LogoutResult, error) {
			return instance.LogoutResult{}, tc.err
		}
		a := k.NewClient().Do("POST", at, "client_id="+client+"&instance_id=I%2F9%2B1", asForm, "Authorization: "+key)
		if a.Status != tc.status || !strings.HasPrefix(a.Body, `{"code":"102","message":"failed","result":["`) ||
			strings.Contains(a.Body, tc.leak) {
			t.Errorf("%v: %d %s", tc.err, a.Status, a.Body)
		}
	}
}

// A key with scopes opens the calls that its scopes allow and no others; one
// for all instances opens each of them; a client key opens everything here.
func TestScopes(t *testing.T) {
	t.Parallel()
	k, own, client := fixture(t)
	c := k.NewClient()
	ask := func(rt insprl.Route, key, client, id string) string {
		return c.Do("POST", rt.Path, url.Values{
			"client_id": {client}, "instance_id": {id}, "number": {"5521998880002"}, "message": {"x"},
			"webhook_url": {"https://x.example/hook"},
		}.Encode(), asForm, "Authorization: "+key).Body
	}
	for _, rt := range insprl.New(insprl.Deps{}).Routes() {
		if rt.Global {
			continue
		}
		if got := ask(rt, own, client, "I/9+1"); strings.Contains(got, `"101"`) {
			t.Errorf("%s with a client key: %s", rt.Path, got)
		}
		missing := `{"code":"101","message":"failed","result":"This key needs the scope ` + string(rt.Scope) + `"}`
		for _, scope := range auth.Scopes() {
			for _, bound := range []string{"I/9+1", ""} {
				id := strings.TrimPrefix(rt.Path, insprl.Prefix) + string(scope) + bound
				key := k.Auth.PutKey(auth.APIKey{ID: id, InstanceID: bound, ClientID: id, Scopes: []auth.Scope{scope}})
				before := len(k.Instances.Calls())
				got := ask(rt, key, id, "I/9+1")
				if scope != rt.Scope {
					if got != missing || len(k.Instances.Calls()) != before {
						t.Errorf("%s with a key for %q that may %s: %s, %v", rt.Path, bound, scope, got, k.Instances.Calls()[before:])
					}
					continue
				}
				if strings.Contains(got, `"101"`) {
					t.Errorf("%s with a key for %q that may %s: %s", rt.Path, bound, scope, got)
				}
				if got := ask(rt, key, id, "nobody"); got != wrong {
					t.Errorf("%s at an unknown instance: %s", rt.Path, got)
				}
			}
		}
	}
}

// The timeline names the key, by what is public of it.
func TestTimelineNamesTheKey(t *testing.T) {
	t.Parallel()
	k, key, client := fixture(t)
	c := k.NewClient()
	c.Do("POST", at, "client_id="+client+"&instance_id=I%2F9%2B1", "Authorization: "+key, asForm).Want(200)
	got := k.Instances.Actors()
	if len(got) != 1 || !strings.HasPrefix(got[0], "logout by key:") {
		t.Fatalf("the timeline would name %q", got)
	}
	if prefix := strings.TrimPrefix(got[0], "logout by key:"); len(prefix) < 4 || len(prefix) > len(key)/2 || !strings.HasPrefix(key, prefix) {
		t.Errorf("the key %q is named %q", key, prefix)
	}
}
