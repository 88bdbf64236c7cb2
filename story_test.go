package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"pombal/internal/event"
)

// The whole story in a browser: set up, create, scan the live QR code, see the
// number connect, choose events, receive a webhook, log out, restart, and find
// everything still there.
func TestStoryInTheBrowser(t *testing.T) {
	network, hooks, dir := startNetwork(t), startReceiver(t), t.TempDir()
	phone := network.NewPhone("5511987650001", "Shop Front")
	nina := network.NewPhone("5521998880002", "Nina")
	args := settings(t, dir, network, "--webhook-allow", hooks.host())
	g := startGateway(t, args, nil)
	b := startBrowser(t, g.Home)

	b.open("/")
	b.fill("#setup [name=code]", g.Code)
	b.fill("#setup [name=name]", "Ana")
	b.fill("#setup [name=email]", ownerEmail)
	b.fill("#setup [name=password]", ownerPassword)
	b.follow("#setup button[type=submit]")

	b.open("/instances/new")
	b.fill("#instance-new [name=name]", "Loja Centro")
	b.follow("#instance-new button[type=submit]")
	id := strings.TrimPrefix(b.path(), "/instances/")

	b.see("#pair-" + id + "[data-phase=qr]")
	if _, err := phone.Scan(context.Background(), b.scanScreen()); err != nil {
		t.Fatal(err)
	}
	b.see("#status-" + id + " .badge.connected")
	b.seeText("#status-"+id, "+55 11 98765-0001")
	b.seeText("#status-"+id, "Shop Front") // comes with the account's settings, a moment later

	hook := b.addWebhook(id, hooks.URL)
	b.chooseEvents(id, hook)
	if _, err := nina.SendText(context.Background(), phone, "do you open today?"); err != nil {
		t.Fatal(err)
	}
	hooks.until(t, "the message", func(calls []received) bool {
		return slices.ContainsFunc(calls, func(c received) bool {
			return c.Event == "messages.upsert" && strings.Contains(string(c.Body), "do you open today?")
		})
	})
	b.see("#deliveries tbody tr")

	b.open("/instances/" + id)
	b.click("#logout-" + id)
	b.see("dialog[open] #logout-go")
	b.click("#logout-go")
	b.see("#pair-" + id + "[data-phase=logged_out]")
	if n := len(phone.Devices()); n != 0 {
		t.Errorf("the phone still lists %d devices", n)
	}

	b.expect(whileDown()...)
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	g = startGateway(t, args, nil)
	b.home = g.Home
	b.open("/instances") // still signed in
	if text := b.text("#rows"); !strings.Contains(text, "Loja Centro") {
		t.Errorf("after a restart the list says %q", text)
	}
	b.open("/instances/" + id + "/webhooks/" + hook)
	b.checkEvents()
}

func (b *browser) addWebhook(id, target string) (hook string) {
	b.t.Helper()
	b.open("/instances/" + id + "/webhooks/new")
	b.fill("#webhook-new [name=name]", "crm")
	b.fill("#webhook-new [name=url]", target)
	b.click("#webhook-new [name=enabled]")
	b.follow("#webhook-new .primary")
	return strings.TrimPrefix(b.path(), "/instances/"+id+"/webhooks/")
}

// chooseEvents switches presence off by its box and all groups' events by the
// group's button.
func (b *browser) chooseEvents(id, hook string) {
	b.t.Helper()
	if n := len(b.ticked("events")); n != len(event.All()) {
		b.t.Errorf("%d events are on at first, want %d", n, len(event.All()))
	}
	b.open("/instances/" + id + "/webhooks/" + hook)
	b.click("#ev-presenceUpdate")
	b.click("#webhook-form .primary")
	b.see(".toast")
	b.open("/instances/" + id + "/webhooks/" + hook)
	b.click("[name=group][value='groups:none']")
	b.gone("#group-groups :checked")
	b.open("/instances/" + id + "/webhooks/" + hook)
	b.checkEvents()
}

func (b *browser) checkEvents() {
	b.t.Helper()
	on := b.ticked("events")
	for _, info := range event.All() {
		want := info.Type != event.PresenceUpdate && info.Group != event.GroupGroups
		if slices.Contains(on, string(info.Type)) != want {
			b.t.Errorf("%s is on: %v, want %v", info.Type, !want, want)
		}
	}
}

// Create, QR, toggles, logout with scripts switched off.
func TestStoryWithoutScripts(t *testing.T) {
	network, dir := startNetwork(t), t.TempDir()
	phone := network.NewPhone("5511987650001", "Shop Front")
	g := startGateway(t, settings(t, dir, network), ownerEnv())
	b := startBrowser(t, g.Home)
	b.noScripts()

	b.open("/login")
	b.fill("#login [name=email]", ownerEmail)
	b.fill("#login [name=password]", ownerPassword)
	b.follow("#login button[type=submit]")
	b.open("/instances/new")
	b.fill("#instance-new [name=name]", "Support")
	b.follow("#instance-new button[type=submit]")
	id := strings.TrimPrefix(b.path(), "/instances/")

	o := newOperator(t, g.Home)
	o.logIn()
	o.until("the code", func() bool {
		b.open("/instances/" + id)
		return o.get("/instances/"+id).Find("#pair-"+id+"[data-phase=qr] img").Length() > 0
	})
	b.open("/instances/" + id)
	if _, err := phone.Scan(context.Background(), b.scanScreen()); err != nil {
		t.Fatal(err)
	}
	o.untilPhase(id, "connected")

	b.open("/instances/" + id + "/webhooks/new")
	b.fill("#webhook-new [name=name]", "crm")
	b.fill("#webhook-new [name=url]", "https://crm.example/hook")
	b.follow("#webhook-new .primary")
	hook := strings.TrimPrefix(b.path(), "/instances/"+id+"/webhooks/")
	b.click("#ev-presenceUpdate")
	b.follow("#webhook-form .primary")
	b.open("/instances/" + id + "/webhooks/" + hook)
	b.follow("[name=group][value='groups:none']")
	b.open("/instances/" + id + "/webhooks/" + hook)
	b.checkEvents()

	b.open("/instances/" + id)
	b.follow("#logout-" + id)
	b.follow("#logout-go")
	o.untilPhase(id, "logged_out")
	if n := len(phone.Devices()); n != 0 {
		t.Errorf("the phone still lists %d devices", n)
	}
}
