package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"pombal/internal/wasim"
)

// tab moves the focus with the Tab key until it is on an element.
func (b *browser) tab(id string) { b.t.Helper(); b.tabTo("#" + id) }

// tabTo moves the focus with the Tab key until it is on something that matches,
// and that somebody can see there.
func (b *browser) tabTo(css string) {
	b.t.Helper()
	for range 150 {
		if eval[bool](b, fmt.Sprintf(`document.activeElement?.matches(%q) ?? false`, css)) {
			if !eval[bool](b, `(() => { const r = document.activeElement.getBoundingClientRect(); return r.width > 0 && r.bottom > 0 && r.top < innerHeight })()`) {
				b.t.Errorf("the focus is on %s, which is not on the screen", css)
			}
			return
		}
		b.press(kb.Tab)
	}
	b.fail(errNotReached(css))
}

type errNotReached string

func (e errNotReached) Error() string { return "the Tab key does not lead to " + string(e) }

// Create, pair, look at the shortcuts, add a webhook, choose its events, log
// out, pair by a typed code, delete: by keyboard alone, from the sign-in on.
func TestUIKeyboardAlone(t *testing.T) {
	network, hooks, dir := startNetwork(t), startReceiver(t), t.TempDir()
	phone := network.NewPhone("5511987650001", "Shop Front")
	g := startGateway(t, settings(t, dir, network, "--webhook-allow", hooks.host()), ownerEnv())
	b := startBrowser(t, g.Home)

	b.open("/login")
	b.until(`document.activeElement.name === "email"`)
	b.press(ownerEmail + kb.Tab + ownerPassword + kb.Enter)
	b.arrive(".first")
	b.until(`document.activeElement.name === "name"`)
	b.press("Support" + kb.Enter)
	b.arrive(".pair[data-phase=qr]")
	id := strings.TrimPrefix(b.path(), "/instances/")
	b.see("#steps-" + id + " li:nth-child(3)")
	if _, err := phone.Scan(context.Background(), b.scanScreen()); err != nil {
		t.Fatal(err)
	}
	b.see("#status-" + id + " .badge.connected")
	b.until(`document.activeElement.id === "status-title" || document.activeElement === document.body`)
	b.see("#steps-" + id + " li.done")

	b.press("?")
	b.see("dialog[open] kbd")
	b.checkAccess("key sheet")
	b.press(kb.Escape)
	b.gone("dialog[open]")
	b.press("gs")
	b.arrive("#zone-form")
	b.press("gi")
	b.arrive("#list")
	b.press("/")
	b.until(`document.activeElement.id === "q"`)
	b.press("Supp" + kb.Escape + kb.Tab)
	b.press("j" + kb.Enter)
	b.arrive("#status-" + id)

	hook := b.typeWebhook(id, hooks.URL)
	hooks.until(t, "a call", func(calls []received) bool { return len(calls) > 0 })
	b.open("/instances/" + id + "/webhooks/" + hook)
	b.checkEvents()
	b.open("/instances/" + id)

	b.tab("logout-" + id)
	b.press(kb.Enter)
	b.see("dialog[open] #logout-go")
	b.checkAccess("logout dialog")
	b.press(kb.Escape)
	b.gone("dialog[open]")
	if at := b.focused(); at != "logout-"+id {
		t.Errorf("after the dialog the focus is on %q", at)
	}
	b.press(kb.Enter)
	b.tab("logout-go")
	b.press(kb.Enter)
	b.see("#pair-" + id + "[data-phase=logged_out]")
	if n := len(phone.Devices()); n != 0 {
		t.Errorf("the phone still lists %d devices", n)
	}
	b.typePairingCode(phone, id)
	b.typeDeletion(id, "Support")
}

// typePairingCode links a phone by its number and a code, by keyboard alone.
func (b *browser) typePairingCode(phone *wasim.Phone, id string) {
	b.t.Helper()
	b.tab("go-" + id)
	b.press(kb.Enter)
	b.see("#pair-" + id + "[data-phase=qr] #country")
	b.tab("country")
	b.press("Brasil")
	b.tab("phone")
	b.press("(11) 98765-0001" + kb.Enter)
	b.see("#pair-" + id + "[data-phase=pairing_code] #pair-code")
	if _, err := phone.EnterCode(context.Background(), b.text("#pair-code")); err != nil {
		b.t.Fatal(err)
	}
	b.see("#status-" + id + " .badge.connected")
}

// typeDeletion deletes an instance, after a name that is wrong, by keyboard
// alone.
func (b *browser) typeDeletion(id, name string) {
	b.t.Helper()
	b.expect("status of 422")
	b.tabTo(".tabs a[href='/instances/" + id + "/settings']")
	b.press(kb.Enter)
	b.arrive("#delete")
	b.tab("delete")
	b.press(kb.Enter)
	b.see("dialog[open] #typed")
	b.tab("typed")
	b.press(name[1:] + kb.Enter)
	b.until(`document.activeElement.matches("dialog[open] #typed[aria-invalid]")`)
	eval[bool](b, `document.activeElement.select(), true`)
	b.press(name + kb.Enter)
	b.until(`location.pathname === "/instances"`)
	b.gone("#row-" + id)
}

// typeWebhook adds a webhook from the page of an instance, chooses its events
// and has it tried, by keyboard alone.
func (b *browser) typeWebhook(id, target string) (hook string) {
	b.t.Helper()
	at := "/instances/" + id + "/webhooks"
	b.tabTo(".tabs a[href='" + at + "']")
	b.press(kb.Enter)
	b.see("main a[href='" + at + "/new']")
	b.tabTo("a[href='" + at + "/new']")
	b.press(kb.Enter)
	b.see("#webhook-new")
	b.tab("name")
	b.press("crm" + kb.Tab + target)
	b.tab("enabled")
	b.press(" " + kb.Enter)
	b.arrive("#webhook-form")
	hook = strings.TrimPrefix(b.path(), at+"/")
	b.tab("ev-presenceUpdate")
	b.press(" ")
	b.tab("webhook-save")
	b.press(kb.Enter)
	b.see(".toast")
	b.tabTo("[name=group][value='groups:none']")
	b.press(kb.Enter)
	b.gone("#group-groups :checked")
	b.tab("try-go")
	b.press(kb.Enter)
	b.see("#try-result .badge")
	return hook
}

// The holder of a pairing link, in a browser that knows nothing else, links the
// phone; the page says so by itself.
func TestUIPairingLink(t *testing.T) {
	network, dir := startNetwork(t), t.TempDir()
	phone := network.NewPhone("5511987650001", "Shop Front")
	g := startGateway(t, settings(t, dir, network), ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("Support")
	p := o.submit(o.get("/instances/"+id+"/link"), "/instances/"+id+"/link", nil)
	link := strings.TrimSpace(p.Find("#link-url").Text())

	b := startBrowser(t, g.Home)
	b.do(chromedp.Navigate(link))
	b.see("#pair-" + id)
	if eval[bool](b, `!!document.querySelector("#go-`+id+`")`) {
		b.click("#go-" + id)
	}
	if _, err := phone.Scan(context.Background(), b.scanScreen()); err != nil {
		t.Fatal(err)
	}
	b.until(`document.querySelector("#pair-title")?.textContent === "Linked"`)
	b.checkAccess("pairing link, done")
	b.open("/instances")
	b.see("#login")
	b.quiet("404", "410")
}

// Real pages in both themes and with the dialog open keep nobody out.
func TestUIPagesAreAccessible(t *testing.T) {
	g := startGateway(t, settings(t, t.TempDir(), startNetwork(t)), ownerEnv())
	b := startBrowser(t, g.Home)
	b.media("", "prefers-reduced-motion", "reduce") // colours on their way to others are no colours to measure
	b.logIn()
	b.open("/instances")
	b.checkAccess("/instances, empty")
	id := b.create("Support")
	o := newOperator(t, g.Home)
	o.logIn()
	at := "/instances/" + id
	hook := at + "/webhooks/" + o.addWebhook(id, "crm", "https://crm.example/hook")
	b.expect("404")
	for _, path := range []string{"/instances", at, at + "/test", at + "/settings", at + "/webhooks", at + "/webhooks/new", hook,
		hook + "/deliveries", hook + "/rotate", at + "/events", at + "/catch", at + "/link", at + "/logout", at + "/delete",
		"/events", "/keys", "/settings/general", "/settings/security", "/settings/appearance", "/settings/about", "/shortcuts",
		"/nothing/here"} {
		b.open(path)
		for _, theme := range []string{"light", "dark"} {
			b.theme(theme)
			b.checkAccess(path + ", " + theme)
		}
	}
	b.open("/instances/" + id + "/settings")
	b.click("#delete")
	b.see("dialog[open] #typed")
	b.checkAccess("delete dialog")
	b.quiet()
}
