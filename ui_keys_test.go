package main

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"pombal/internal/auth"
)

// keyStatus is what the CodeChat door answers to a key.
func keyStatus(t *testing.T, home, id, key string) int {
	t.Helper()
	status, _ := call(t, http.MethodGet, home+"/api/v2/instance/"+id, map[string]string{"apikey": key}, "")
	return status
}

// callsShown reads how many calls the page counts for a key at a door.
func (b *browser) callsShown(name string, door auth.Door) string {
	b.t.Helper()
	return eval[string](b, `(() => {
		for (const row of document.querySelectorAll("#callers tbody tr")) {
			if (row.querySelector("th").innerText.startsWith("`+name+`"))
				return row.querySelector("[data-door='`+string(door)+`']").innerText.trim().split(/\s/)[0];
		}
		return "";
	})()`)
}

// A key is made, used at both doors, counted, rotated and revoked; the old one
// works until then.
func TestKeyLifeInTheBrowser(t *testing.T) {
	network := startNetwork(t)
	g := startGateway(t, settings(t, t.TempDir(), network), ownerEnv())
	b := startBrowser(t, g.Home)
	b.logIn()
	id := b.create("shop-front")
	b.open("/keys")
	b.see("#keys-none")
	b.follow("#key-new")
	b.fill("#name", "n8n")
	b.click("#scope-send")
	b.checkAccess("new key")
	b.follow("#key-create")
	key, client := b.text("#key-secret"), b.text("#key-client")
	if curl := b.text("#curl-codechat"); !strings.Contains(curl, key) || !strings.Contains(curl, id) {
		t.Errorf("curl = %q", curl)
	}
	b.checkAccess("the key on the screen")
	b.narrow("the key on the screen")

	if got := keyStatus(t, g.Home, id, key); got != http.StatusOK {
		t.Fatalf("with the new key: %d", got)
	}
	form := map[string]string{"client_id": client, "instance_id": id}
	if code, res := sprl(t, g.Home, "/instance/status", key, "form", form); code != "100" {
		t.Errorf("at InSPRL's door: %s %v", code, res)
	}
	if code, res := sprl(t, g.Home, "/instance/logout", key, "form", form); code != "101" || res != "This key needs the scope control" {
		t.Errorf("without the scope: %s %v", code, res)
	}
	b.follow("#key-stored")
	if v2, sprl := b.callsShown("n8n", auth.DoorCodeChat), b.callsShown("n8n", auth.DoorInSPRL); v2 != "1" || sprl != "2" {
		t.Errorf("calls shown: %q and %q", v2, sprl)
	}
	b.checkAccess("keys")
	b.narrow("keys")

	row := eval[string](b, `document.querySelector("#keys tbody tr").id`)
	old := strings.TrimPrefix(row, "key-")
	b.follow("#rotate-" + old)
	b.follow("#rotate-go")
	b.see("#old-until time")
	fresh := b.text("#key-secret")
	for name, text := range map[string]string{"old": key, "new": fresh} {
		if got := keyStatus(t, g.Home, id, text); got != http.StatusOK {
			t.Errorf("the %s key during the overlap: %d", name, got)
		}
	}
	b.follow("#key-stored")
	b.seeText("#"+row, "Still in use: 4 calls in 24\u00a0h")
	b.click("#revoke-" + old)
	b.see("#dialog #revoke-go")
	b.checkAccess("revoke")
	b.follow("#dialog #revoke-go")
	b.seeText("#flash", "no longer works")
	b.gone("#" + row)
	if got := keyStatus(t, g.Home, id, key); got != http.StatusUnauthorized {
		t.Errorf("the revoked key: %d", got)
	}
	if got := keyStatus(t, g.Home, id, fresh); got != http.StatusOK {
		t.Errorf("the key that follows it: %d", got)
	}
	b.quiet()
}

// narrow looks at the page as a phone shows it.
func (b *browser) narrow(where string) {
	b.t.Helper()
	for _, width := range []int64{390, 320} {
		b.size(width, 844)
		b.checkWidth(where)
	}
	b.size(1280, 900)
	b.checkWidth(where)
}

// Without scripts it works alike, and what was counted is there after a
// restart.
func TestKeyLifeWithoutScripts(t *testing.T) {
	args := []string{"serve", "--addr", "127.0.0.1:0", "--data", filepath.Join(t.TempDir(), "p.db")}
	g := startChild(t, args, ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("shop-front")
	p := o.submit(o.get("/keys/new"), "/keys/new", url.Values{"name": {"everything"}, "instance": {""}, "scope_control": {"on"}})
	key := strings.TrimSpace(p.Find("#key-secret").Text())
	if got := keyStatus(t, g.Home, id, key); got != http.StatusOK {
		t.Fatalf("a key for all instances: %d\n%s", got, p.says())
	}
	if got := keyStatus(t, g.Home, "nobody", key); got != http.StatusNotFound {
		t.Errorf("a key for all instances at one that is not there: %d", got)
	}
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	g = startChild(t, args, ownerEnv())
	o.home = g.Home // the session is still good
	list := o.get("/keys")
	row := list.Find("#keys tbody tr").First()
	if text := row.Text(); !strings.Contains(text, "2 calls in 24\u00a0h") || !strings.Contains(text, "127.0.0.1") {
		t.Errorf("after a restart: %q", text)
	}
	old := strings.TrimPrefix(row.AttrOr("id", ""), "key-")
	p = o.submit(o.get("/keys/"+old+"/rotate"), "/keys/"+old+"/rotate", url.Values{"overlap": {"0"}})
	fresh := strings.TrimSpace(p.Find("#key-secret").Text())
	if got, want := keyStatus(t, g.Home, id, key), http.StatusUnauthorized; got != want {
		t.Errorf("the old key without an overlap: %d", got)
	}
	if got := keyStatus(t, g.Home, id, fresh); got != http.StatusOK {
		t.Errorf("the new key: %d", got)
	}
	p = o.submit(o.get("/keys/"+old+"/revoke"), "/keys/"+old+"/revoke", nil)
	if p.URL.Path != "/keys" || p.Find("#key-"+old).Length() > 0 {
		t.Errorf("after revoking: %s", p.says())
	}
}
