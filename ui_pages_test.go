package main

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tab moves the focus with the Tab key until it is on an element.
func (b *browser) tab(id string) {
	b.t.Helper()
	for range 80 {
		if b.focused() == id {
			return
		}
		b.press(kb.Tab)
	}
	b.fail(errNotReached(id))
}

type errNotReached string

func (e errNotReached) Error() string { return "the Tab key does not lead to #" + string(e) }

// Create, pair, look at the shortcuts, log out: by keyboard alone, from the
// sign-in on. Nothing leaves this host meanwhile.
func TestUIKeyboardAlone(t *testing.T) {
	network, dir := startNetwork(t), t.TempDir()
	phone := network.NewPhone("5511987650001", "Shop Front")
	g := startGateway(t, settings(t, dir, network), ownerEnv())
	b := startBrowser(t, g.Home)
	foreign := b.watch()

	b.open("/login")
	b.press(ownerEmail + kb.Tab + ownerPassword + kb.Enter)
	b.see(".first")
	b.press("Support" + kb.Enter)
	b.see(".pair[data-phase=qr]")
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
	b.see("#zone-form")
	b.press("gi")
	b.see("#list")
	b.press("/")
	b.until(`document.activeElement.id === "q"`)
	b.press("Supp" + kb.Escape + kb.Tab)
	b.press("j" + kb.Enter)
	b.see("#status-" + id)

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
	if urls := foreign(); len(urls) > 0 {
		t.Errorf("other hosts were asked: %v", urls)
	}
	b.quiet()
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
	id := b.create("Support")
	for _, path := range []string{"/instances", "/instances/" + id, "/instances/" + id + "/test", "/instances/" + id + "/settings",
		"/settings/security", "/settings/about"} {
		b.open(path)
		for _, theme := range []string{"light", "dark"} {
			eval[bool](b, `document.documentElement.dataset.theme = "`+theme+`", true`)
			b.checkAccess(path + ", " + theme)
		}
	}
	b.open("/instances/" + id + "/settings")
	b.click("#delete")
	b.see("dialog[open] #typed")
	b.checkAccess("delete dialog")
	// Pages that follow each other this fast open more streams than a session
	// may have; the last ones ask by the clock instead.
	b.quiet("429")
}
