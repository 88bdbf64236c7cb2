package codechat_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pombal/internal/event"
	"pombal/internal/instance"
	"pombal/internal/webhook"
	"pombal/web/webtest"
)

// exchange is one file of testdata: what a program sends and what it gets.
type exchange struct {
	Request struct {
		Method, Path string
		Header       map[string]string
		Body         string `json:",omitempty"`
	}
	Status int
	Answer json.RawMessage
}

// fixture is a server with the instances that the files of testdata speak of.
func fixture(t *testing.T) *webtest.Kit {
	t.Helper()
	k := webtest.NewServer(t)
	made := k.Clock.Now()
	k.Instances.Put(instance.Instance{
		ID: "01J9ZQ7M3V5T", Name: "shop-front", BusinessID: "01J9ZQ0001", Status: webtest.Connected(),
		Token: instance.Token{ID: "01J9ZQ7M41", IssuedAt: made, UpdatedAt: made},
		WhatsApp: &instance.WhatsApp{
			ID: "01J9ZR0B2C", Device: "5511987650001:12@s.whatsapp.net", JID: "5511987650001@s.whatsapp.net",
			PushName: "Shop Front", LinkedAt: time.Date(2026, 3, 2, 6, 20, 11, 482_900_000, time.FixedZone("", -3*3600)),
		},
	})
	k.Instances.Put(instance.Instance{ID: "01J9IDLE", Name: "idle"})
	k.Instances.Put(instance.Instance{ID: "01J9SPARE", Name: "spare", BusinessID: "01J9ZQ0001"})
	fillHistory(k)
	toggles := webhook.AllToggles()
	for _, off := range []event.Type{event.MessagesSet, event.ContactsSet, event.PresenceUpdate, event.ChatsSet} {
		toggles = toggles.With(off, false)
	}
	at := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	k.Webhooks.Put(webhook.Webhook{
		ID: "01J9ZR1", InstanceID: "01J9ZQ7M3V5T", Name: "crm", URL: "https://crm.example/hook", Enabled: true,
		CreatedAt: at, UpdatedAt: at, Secret: "whsec_canary",
		Events: webhook.Events{ID: "01J9ZR2", Toggles: toggles, CreatedAt: at, UpdatedAt: at},
	})
	return k
}

// fillHistory keeps one chat and two messages of it.
func fillHistory(k *webtest.Kit) {
	at := event.WireTime(time.Date(2026, 3, 2, 9, 20, 30, 0, time.UTC))
	const jid = "5521998880002@s.whatsapp.net"
	k.History.PutChat(event.ChatData{ChatID: "01JF", RemoteJID: jid, CreatedAt: at},
		event.ContactData{ContactID: "01JD", PushName: "Nina", RemoteJID: jid, CreatedAt: at})
	for i, mine := range []bool{false, true} {
		k.History.PutMessage(event.MessageData{
			MessageID: "01JA" + strconv.Itoa(i), KeyID: "A1B2C3D4" + strconv.Itoa(i), KeyFromMe: mine, KeyRemoteJID: jid, PushName: "Nina",
			ContentType: "conversation", Content: json.RawMessage(`{"text":"hello"}`), Source: "android",
			MessageTimestamp: 1772450111, CreatedAt: at,
		})
	}
}

// update writes what is answered into the files of testdata, to be read and
// judged by a person.
var update = flag.Bool("update", false, "write testdata")

// Each answer is the file's, byte for byte but for white space: the order of
// the fields counts.
func TestExchanges(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("testdata: %d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var x exchange
			if err := json.Unmarshal(raw, &x); err != nil {
				t.Fatal(err)
			}
			var want bytes.Buffer
			if err := json.Compact(&want, x.Answer); err != nil {
				t.Fatal(err)
			}
			k := fixture(t)
			var headers []string
			for name, value := range x.Request.Header {
				headers = append(headers, name+": "+value)
			}
			a := k.NewClient().Do(x.Request.Method, x.Request.Path, x.Request.Body, headers...)
			if *update {
				x.Status, x.Answer = a.Status, json.RawMessage(a.Body)
				raw, err := json.MarshalIndent(x, "", "  ")
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, append(raw, '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if a.Status != x.Status {
				t.Errorf("status = %d, want %d", a.Status, x.Status)
			}
			if a.Body != want.String() {
				t.Errorf("answer\n got %s\nwant %s", a.Body, want.String())
			}
			if ct := a.Header.Get("Content-Type"); ct != "application/json" {
				t.Errorf("Content-Type = %q", ct)
			}
			if len(a.Header.Values("Set-Cookie")) > 0 {
				t.Error("a cookie was set")
			}
			if strings.Contains(k.Log.String(), "canary") || strings.Contains(k.Log.String(), "jwt.") {
				t.Errorf("a credential was logged: %s", k.Log)
			}
		})
	}
}

// The second logout raises the exception that the document warns of.
func TestLogoutTwice(t *testing.T) {
	t.Parallel()
	k := fixture(t)
	c := k.NewClient()
	const at = "/api/v2/instance/01J9ZQ7M3V5T/logout"
	c.Do("DELETE", at, "", "apikey: "+webtest.GlobalKey).Want(200)
	a := c.Do("DELETE", at, "", "apikey: "+webtest.GlobalKey)
	if want := `{"message":["The instance is not connected"],"error":"Bad Request","statusCode":400}`; a.Body != want {
		t.Errorf("body = %s, want %s", a.Body, want)
	}
	entries := k.Audit.Entries()
	if len(entries) != 1 || entries[0].Action != "instance.logout" || entries[0].Actor != "global-key" ||
		entries[0].Object != "instance:01J9ZQ7M3V5T" || entries[0].From == "" || entries[0].RequestID == "" {
		t.Errorf("audit = %+v", entries)
	}
}

// The timeline names who logs out: the global key, or the instance's own token
// by the instance, never by the secret.
func TestTimelineNamesTheCaller(t *testing.T) {
	t.Parallel()
	const id = "01J9ZQ7M3V5T"
	k := fixture(t)
	c := k.NewClient()
	in, err := k.Instances.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	c.Do("DELETE", "/api/v2/instance/"+id+"/logout", "", "apikey: "+webtest.GlobalKey).Want(200)
	k.Instances.Put(in)
	c.Do("DELETE", "/api/v2/instance/"+id+"/logout", "", fmt.Sprintf("Authorization: Bearer jwt.%s.%s.%d", id, in.Token.ID, k.Clock.Now().Unix())).Want(200)
	if got := k.Instances.Actors(); !slices.Equal(got, []string{"logout by global-key", "logout by token:" + id}) {
		t.Errorf("the timeline would name %q", got)
	}
}

// A session cookie opens nothing here.
func TestCookiesAreIgnored(t *testing.T) {
	t.Parallel()
	k := fixture(t)
	c := k.SignedIn()
	c.Do("DELETE", "/api/v2/instance/01J9ZQ7M3V5T/logout", "", "X-CSRF-Token: "+c.Token()).Want(401)
	c.Get("/api/v2/instance/01J9ZQ7M3V5T").Want(401)
}

// What is not meant for people stays inside, and the id of the request leads
// to it.
func TestInternalErrors(t *testing.T) {
	t.Parallel()
	k := fixture(t)
	k.Webhooks.Err = errors.New("bbolt canary")
	a := k.NewClient().Get("/api/v2/instance/01J9ZQ7M3V5T", "apikey: "+webtest.GlobalKey)
	a.Want(500)
	if strings.Contains(a.Body, "canary") || !strings.Contains(a.Body, a.Header.Get("X-Request-Id")) {
		t.Errorf("body = %s", a.Body)
	}
}
