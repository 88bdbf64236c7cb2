package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"pombal/views"
)

// maxShift is how far things may move on a page while nobody touches it, as
// cumulative layout shift.
const maxShift = 0.02

// shifts is the cumulative layout shift of the page so far.
const shifts = `new Promise(done => {
	let sum = 0;
	const add = list => { for (const e of list) if (!e.hadRecentInput) sum += e.value; };
	const o = new PerformanceObserver(l => add(l.getEntries()));
	o.observe({type: "layout-shift", buffered: true});
	requestAnimationFrame(() => requestAnimationFrame(() => { add(o.takeRecords()); setTimeout(() => done(sum), 0); }));
})`

// Nothing moves under the pointer: not while a page loads, not while the state
// of an instance changes, not when a code comes.
func TestUINothingShifts(t *testing.T) {
	h := startHouse(t)
	h.quietly(h.sales, h.desk)
	hook := h.o.addWebhook(h.sales, "crm", "https://crm.example/hook")
	at := "/instances/" + h.sales
	check := func(where string) {
		t.Helper()
		if sum := eval[float64](h.browser, shifts); sum > maxShift {
			t.Errorf("%s: things moved by %.3f, more than %.2f", where, sum, maxShift)
		}
	}
	for _, width := range []int64{1280, 390} {
		h.size(width, 800)
		for _, path := range []string{"/instances", at, at + "/webhooks", at + "/webhooks/" + hook, at + "/test", at + "/settings",
			"/events", "/settings/security", "/settings/about"} {
			h.open(path)
			check(fmt.Sprintf("%s at %d", path, width))
		}
	}
	h.open("/instances")
	h.turn(h.desk, "on")
	h.until(`!document.querySelector("#row-` + h.desk + ` .badge.stopped")`)
	check("list, live")
	h.open("/instances/" + h.desk)
	if eval[bool](h.browser, `!!document.querySelector("#go-`+h.desk+`")`) {
		h.click("#go-" + h.desk)
	}
	h.see("#pair-" + h.desk + "[data-phase=qr] img")
	check("a code came")
}

// What somebody has set on their system reaches the pages: colours of their own,
// no movement, paper.
func TestUISystemSettings(t *testing.T) {
	h := startHouse(t)
	h.quietly(h.sales, h.desk)
	h.open("/instances")

	h.media("", "forced-colors", "active")
	borders := eval[[]string](h.browser, `[...document.querySelectorAll(".badge, .chip")].filter(e => e.offsetWidth > 0)
		.filter(e => getComputedStyle(e).borderTopWidth === "0px" || !e.textContent.trim()).map(e => e.outerHTML)`)
	if len(borders) > 0 {
		t.Errorf("without colours these say nothing: %q", borders)
	}
	h.checkAccess("forced colours")

	h.media("", "prefers-reduced-motion", "reduce")
	h.open("/instances/" + h.sales)
	moving := eval[[]string](h.browser, `[...document.querySelectorAll("*")].filter(e => {
		const s = getComputedStyle(e), long = t => t.split(",").some(d => parseFloat(d) > .01);
		return (s.animationName !== "none" && long(s.animationDuration)) || (s.transitionProperty !== "none" && long(s.transitionDuration));
	}).map(e => e.outerHTML.slice(0, 120))`)
	if len(moving) > 0 {
		t.Errorf("these move all the same: %q", moving)
	}

	h.media("print")
	for _, path := range []string{"/instances", "/instances/" + h.sales, "/settings/security"} {
		h.open(path)
		shown := eval[[]string](h.browser, `[...document.querySelectorAll("header nav, .foot, button, .button, #toasts, #alerts")]
			.filter(e => e.getClientRects().length > 0).map(e => e.outerHTML.slice(0, 120))`)
		if len(shown) > 0 {
			t.Errorf("on paper %s has %d controls, such as %s", path, len(shown), shown[0])
		}
		if text := h.text("main"); len(text) < 40 {
			t.Errorf("on paper %s says no more than %q", path, text)
		}
	}
}

// A chosen theme is there with the first paint: the server writes it into the
// page, and the page needs no script for it.
func TestUIThemeFromTheFirstPaint(t *testing.T) {
	h := startHouse(t)
	h.quietly(h.sales, h.desk)
	background := `getComputedStyle(document.body).backgroundColor`
	h.open("/settings/appearance")
	light := eval[string](h.browser, background)
	h.follow("main form[action='/theme'] button[value=dark]")
	h.until(`document.documentElement.dataset.theme === "dark"`)
	dark := eval[string](h.browser, background)
	if light == dark {
		t.Fatalf("both themes are %s", light)
	}
	h.noScripts()
	for _, theme := range []string{"light", "dark"} {
		h.open("/settings/appearance")
		h.follow("main form[action='/theme'] button[value=" + theme + "]")
		h.open("/instances")
		if got := h.attribute("html", "data-theme"); got != theme {
			t.Errorf("the page came as %q, want %q", got, theme)
		}
	}
	b := startBrowser(t, h.g.Home)
	b.media("", "prefers-color-scheme", "dark")
	b.open("/login")
	if got := eval[string](b, background); got != dark {
		t.Errorf("the theme of a dark system is %s, want %s", got, dark)
	}
}

// attribute reads an attribute also where scripts are off.
func (b *browser) attribute(css, name string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.AttributeValue(chromedp.CSS(css), name))
	if err != nil {
		b.fail(err)
	}
	return value.Value
}

// Somebody who reads with wider spacing, or at four times the size, still reads
// everything without moving the page sideways. Four times of 1280 is as narrow
// as a phone of 320.
func TestUITextSpacing(t *testing.T) {
	b := openStories(t)
	b.size(320, 256)
	const spacing = `(() => { for (const e of document.querySelectorAll("body *")) {
		e.style.setProperty("line-height", "1.5", "important"); e.style.setProperty("letter-spacing", ".12em", "important");
		e.style.setProperty("word-spacing", ".16em", "important"); } return true })()`
	seen := make(map[string]bool)
	for _, s := range views.Stories() {
		kind, _, _ := strings.Cut(s.Name, "-why-")
		if !s.Full || seen[kind] {
			continue
		}
		seen[kind] = true
		b.show(s, "pt-BR")
		eval[bool](b, spacing)
		b.checkWidth(s.Name + ", wide spacing")
	}
}

// What did not come with the page's nonce is inert, whatever it says; and what
// the policy forbids does not run.
func TestUIInjectedMarkupIsInert(t *testing.T) {
	h := startHouse(t)
	h.quietly(h.sales, h.desk)
	h.open("/instances")
	asked := h.count("/attention?injected")
	// As a debugger would: scripts of the page may not even set it.
	h.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		res, err := cdp.Call(ctx, t, runtime.Evaluate, runtime.EvaluateParams{Expression: `{
			const box = document.createElement("div");
			box.setAttribute("hx-get", "/attention?injected"); box.setAttribute("hx-trigger", "load");
			document.querySelector("main").append(box); htmx.process(box); window.box = box; }`})
		if err == nil && res.ExceptionDetails != nil {
			err = fmt.Errorf("%s %s", res.ExceptionDetails.Text, res.ExceptionDetails.Exception.Description)
		}
		return err
	}))
	h.until(`window.box && !window.box.hasAttribute("hx-get")`)
	if n := asked(); n > 0 {
		t.Errorf("it asked %d times", n)
	}
	h.expect("nonce")
	if refused := eval[string](h.browser, `(() => { try { document.querySelector("main").innerHTML = "<b>x</b>"; return "" } catch (e) { return e.name } })()`); refused != "TypeError" {
		t.Errorf("markup from a script was taken: %q", refused)
	}
	h.expect("TrustedHTML", "Trusted Type")
}

// Names that people choose are text: long ones wrap, those that run the other
// way stay in their place, and none becomes markup.
func TestUIHostileNames(t *testing.T) {
	network, dir := startNetwork(t), t.TempDir()
	const push = "<img src=x onerror=alert(1)>\u202e مرحبا 👩‍👩‍👧‍👦 राधाकृष्णनसाड़ीऔरवस्त्रभंडारमुख्यशाखा"
	phone := network.NewPhone("5511987650001", push)
	g := startGateway(t, settings(t, dir, network), ownerEnv())
	o := newOperator(t, g.Home)
	o.logIn()
	id := o.create("राधाकृष्णन-साड़ी-और-वस्त्र-भंडार-मुख्य-शाखा-जयपुर-राजस्थान")
	if _, err := phone.Scan(context.Background(), o.code(id)); err != nil {
		t.Fatal(err)
	}
	o.untilPhase(id, "connected")
	b := startBrowser(t, g.Home)
	b.logIn()
	b.size(320, 700)
	b.open("/instances/" + id)
	b.seeText("#status-"+id, "<img src=x onerror=alert(1)>") // comes a moment after the number is linked
	for _, path := range []string{"/instances/" + id, "/instances", "/instances/" + id + "/settings", "/instances/" + id + "/logout"} {
		b.open(path)
		b.until(`document.querySelector("main").innerText.length > 20`)
		b.checkWidth(path)
		if eval[bool](b, `!!document.querySelector("main img[onerror], main img[src=x]")`) {
			t.Errorf("%s: a name became markup", path)
		}
	}
	b.open("/instances/" + id)
	// The mark that turns the direction of text ends with the name.
	if got := eval[string](b, `getComputedStyle(document.querySelector("#status-`+id+` dd")).unicodeBidi`); got != "isolate" && got != "plaintext" {
		t.Errorf("a name may turn the text around it: unicode-bidi is %s", got)
	}
}
