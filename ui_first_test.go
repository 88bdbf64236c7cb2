package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pombal/internal/auth"
	"pombal/internal/instance"
	"pombal/internal/store"
	"pombal/internal/webhook"
	"pombal/web"
	"pombal/web/webtest"
)

// stepsToCode is how many steps a person may need from the download to a code
// on the screen. A step is a command, an address that is opened, a form that is
// filled in, or a click.
const stepsToCode = 7

// The start as README tells it: the command, the address that it prints, and
// from there on only what a person types and clicks, to a code that a camera
// can read.
func TestUIStepsToTheFirstCode(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, start, _ := strings.Cut(string(readme), "\n## Start\n")
	start, _, _ = strings.Cut(start, "\n## ")
	if !strings.Contains(start, "\n    go run .\n") || !strings.Contains(start, "one-time code") {
		t.Errorf("the start is told as %q", start)
	}
	steps, fields := 0, 0
	var b *browser
	fill := func(form string, values ...string) {
		t.Helper()
		steps++
		for i := 0; i < len(values); i += 2 {
			b.fill(form+" [name="+values[i]+"]", values[i+1])
			fields++
		}
	}
	click := func(css string) { t.Helper(); steps++; b.follow(css) }

	g := startGateway(t, settings(t, t.TempDir(), startNetwork(t)), nil)
	steps++ // the command
	b = startBrowser(t, g.Home)
	b.expect("status of 422")
	b.open("/")
	steps++ // the address
	fill("#setup", "code", "WRNG-WRNG", "name", "Ana", "email", ownerEmail, "password", ownerPassword)
	click("#setup button[type=submit]")
	b.see("#code[aria-invalid]")
	b.until(`document.activeElement.id === "code"`)
	b.seeText("#code-error", "not the code from the log")
	if got := eval[string](b, `["name", "email", "password"].map(n => document.querySelector("#setup [name=" + n + "]").value).join()`); got != "Ana,"+ownerEmail+"," {
		t.Errorf("of what was typed %q is left", got)
	}
	b.checkAccess("set-up, wrong code")

	steps, fields = 2, 0 // again, and right
	b.open("/")
	fill("#setup", "code", g.Code, "name", "Ana", "email", ownerEmail, "password", ownerPassword)
	click("#setup button[type=submit]")
	b.until(`document.activeElement.name === "name"`)
	fill("#instance-new", "name", "Loja Centro")
	click("#instance-new button[type=submit]")
	b.see(".pair[data-phase=qr] img")
	if text := b.scanScreen(); len(text) < 100 {
		t.Errorf("the code says %q", text)
	}
	t.Logf("%d steps with %d fields from the download to a code on the screen", steps, fields)
	if steps > stepsToCode {
		t.Errorf("%d steps, more than %d", steps, stepsToCode)
	}
}

// A code for the set-up that is too old says so, and what to do; the next one
// opens. Later a secret asks for the password again when that was long ago. The
// clock is moved, the accounts are the real ones.
func TestUICodesAndProofsExpire(t *testing.T) {
	if raceEnabled {
		t.Skip("the same handlers run under it in other tests")
	}
	db, err := store.Open(filepath.Join(t.TempDir(), "accounts.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	var users *auth.Service
	k := webtest.NewServer(t, func(d *web.Deps) {
		users = auth.NewService(auth.Deps{Store: db, Now: d.Now})
		d.Auth = users
	})
	code := func() string {
		t.Helper()
		code, _, err := users.SetupCode(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	b := startBrowser(t, k.URL)
	b.expect("status of 422")
	old := code()
	k.Clock.Add(2 * time.Hour)
	for _, tc := range []struct{ code, says string }{{old, "expired"}, {"WRNG-WRNG", "not the code"}, {"", ""}} {
		if tc.code == "" {
			tc.code = code()
		}
		b.open("/")
		b.fill("#setup [name=code]", tc.code)
		b.fill("#setup [name=name]", "Ana")
		b.fill("#setup [name=email]", ownerEmail)
		b.fill("#setup [name=password]", ownerPassword)
		b.follow("#setup button[type=submit]")
		if tc.says != "" {
			b.seeText("#code-error", tc.says)
		}
	}
	b.until(`location.pathname === "/instances"`)

	in := k.Instances.Put(instance.Instance{ID: "i1", Name: "Sales"})
	hook := k.Webhooks.Put(webhook.Webhook{ID: "w1", InstanceID: in.ID, Name: "crm", URL: "https://crm.example/hook", Secret: "whsec-of-the-test"})
	b.open("/instances/" + in.ID + "/webhooks/" + hook.ID)
	b.follow("#secret-show")
	b.see("#secret-value") // the password was given just now
	k.Clock.Add(16 * time.Minute)
	b.open("/instances/" + in.ID + "/webhooks/" + hook.ID)
	b.follow("#secret-show")
	b.until(`location.pathname === "/reauth"`)
	b.checkAccess("password again")
	b.fill("#reauth [name=password]", "not the password")
	b.follow("#reauth button[type=submit]")
	b.see("#reauth-error")
	b.fill("#reauth [name=password]", ownerPassword)
	b.follow("#reauth button[type=submit]")
	b.see("#secret-show")
	b.follow("#secret-show")
	b.seeText("#secret-value", "whsec-of-the-test")
}
