package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// browser is one tab, with cookies that it shares with the tabs opened from it
// alone. What its console says, what the content security policy refuses and
// what is asked of another host fails the test at its end, except for what the
// test expects.
type browser struct {
	t    testing.TB
	ctx  context.Context
	home string

	mu       sync.Mutex
	console  []string
	foreign  []string
	expected []string
}

// chromium is the process that the tests of this binary share: it takes a
// second to start.
var chromium struct {
	sync.Mutex
	ctx  context.Context
	stop func()
}

// chromiumPath is where the program is; "" when it is not installed.
func chromiumPath() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	return ""
}

// runChromium gives the shared process, and starts one when there is none or
// when it has died.
func runChromium(t testing.TB) context.Context {
	t.Helper()
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.ctx != nil && chromium.ctx.Err() == nil {
		return chromium.ctx
	}
	path := chromiumPath()
	if path == "" {
		t.Skip("Chromium is not installed")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 900),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("lang", "en"),
	)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, closeAll := chromedp.NewContext(alloc)
	if err := chromedp.Do(ctx); err != nil {
		closeAll()
		stop()
		t.Fatalf("start Chromium: %v", err)
	}
	chromium.ctx, chromium.stop = ctx, func() { closeAll(); stop() }
	return ctx
}

// stopChromium ends the shared process.
func stopChromium() {
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.stop != nil {
		chromium.stop()
	}
}

// startBrowser opens a window with no cookies, or skips the test where there is
// no Chromium.
func startBrowser(t testing.TB, home string) *browser {
	t.Helper()
	return openTab(t, runChromium(t), home, chromedp.WithNewBrowserContext())
}

// newTab opens a tab beside this one: what is shown in this one goes on in the
// background.
func (b *browser) newTab() *browser {
	b.t.Helper()
	return openTab(b.t, b.ctx, b.home, chromedp.WithNewWindow(false))
}

func openTab(t testing.TB, parent context.Context, home string, opts ...chromedp.ContextOption) *browser {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(parent, opts...)
	t.Cleanup(closeTab)
	b := &browser{t: t, ctx: ctx, home: home}
	// What Chromium says of an answer that comes while its page is being left, of
	// the picture of a code that was replaced before the browser asked for it, and
	// of somebody who types before the page has chosen a field.
	b.expect("callback is no longer runnable", "/qr.png?n=", "Autofocus processing was blocked")
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.console = append(b.console, m.String()+" "+m.URL)
			b.mu.Unlock()
		}
	}()
	b.listen(func(ev any) {
		if e, ok := ev.(*network.EventRequestWillBeSent); ok && isForeign(e.Request.URL) {
			b.mu.Lock()
			b.foreign = append(b.foreign, e.Request.URL)
			b.mu.Unlock()
		}
	})
	t.Cleanup(func() { b.quiet() })
	return b
}

// listen calls fn for each event of the tab. It must return at once.
func (b *browser) listen(fn func(ev any)) {
	b.t.Helper()
	if err := chromedp.Listen(b.ctx, fn); err != nil {
		b.t.Fatal(err)
	}
}

// isForeign says whether an address leads off this machine.
func isForeign(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return true
	}
	switch u.Scheme {
	case "data", "about", "blob":
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip == nil || !ip.IsLoopback()
}

// expect names parts of what the console may say in this test.
func (b *browser) expect(patterns ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, patterns...)
}

// noScripts switches JavaScript off for the tab.
func (b *browser) noScripts() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

// quiet fails the test when the console said so far what nobody expects, or
// another host was asked. It is called at the end of every test.
func (b *browser) quiet(expected ...string) {
	b.t.Helper()
	b.expect(expected...)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.console {
		if !slices.ContainsFunc(b.expected, func(e string) bool { return strings.Contains(line, e) }) {
			b.t.Errorf("console: %s", line)
		}
	}
	for _, address := range b.foreign {
		b.t.Errorf("another host was asked: %s", address)
	}
	b.console, b.foreign = nil, nil
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.fail(err)
	}
}

func (b *browser) fail(err error) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	where, _ := chromedp.Run(ctx, chromedp.Location())
	text, _ := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("main")))
	if dir := os.Getenv("BROWSER_SHOTS"); dir != "" {
		if shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil {
			_ = os.WriteFile(filepath.Join(dir, b.t.Name()+".png"), shot, 0o600)
		}
	}
	b.t.Fatalf("%v\nat %s\n%s", err, where, text)
}

// open goes to a path.
func (b *browser) open(path string) { b.t.Helper(); b.do(chromedp.Navigate(b.home + path)) }

// see waits until something that matches is on the page and visible.
func (b *browser) see(css string) { b.t.Helper(); b.do(chromedp.WaitVisible(chromedp.CSS(css))) }

// arrive waits for a page that a key or a click leads to: until something that
// matches is visible and the scripts have run, without which keys and dialogs do
// nothing yet.
func (b *browser) arrive(css string) {
	b.t.Helper()
	b.see(css)
	b.until(`document.readyState === "complete"`)
}

// gone waits until nothing that matches is on the page.
func (b *browser) gone(css string) { b.t.Helper(); b.do(chromedp.WaitNotPresent(chromedp.CSS(css))) }

// click clicks without waiting for anything.
func (b *browser) click(css string) { b.t.Helper(); b.do(press(css)) }

// guard keeps the next click from doing anything, and notes it, where it lands
// beside what matches; unguard says whether it did.
const (
	guard = `(css => {
		window.guarded = {missed: false, hear(e) {
			if (e.target.closest(css) || e.target.closest("label")?.control?.matches(css)) return
			e.preventDefault()
			e.stopImmediatePropagation()
			guarded.missed = true
		}}
		addEventListener("click", guarded.hear, {capture: true, once: true})
	})(%q)`
	unguard = `(() => {
		const g = window.guarded
		if (g) removeEventListener("click", g.hear, true)
		return g?.missed ?? false
	})()`
)

// press clicks what matches, again when the page moved in the moment between the
// look and the click.
func press(css string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for {
			if _, err := chromedp.WaitVisible(chromedp.CSS(css))(ctx, t); err != nil {
				return err
			}
			if _, err := chromedp.Evaluate[chromedp.Void](fmt.Sprintf(guard, css))(ctx, t); err != nil {
				return err
			}
			if _, err := chromedp.Click(chromedp.CSS(css))(ctx, t); err != nil {
				return err
			}
			// A page on its way to another, to which the click led, has no answer.
			if missed, err := chromedp.Evaluate[bool](unguard)(ctx, t); err != nil || !missed {
				return ctx.Err()
			}
		}
	})
}

// follow clicks and waits for the page that comes of it.
func (b *browser) follow(css string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, press(css)); err != nil {
		b.fail(fmt.Errorf("click %s: %w", css, err))
	}
}

// fill replaces what stands in a field by typing.
func (b *browser) fill(css, text string) {
	b.t.Helper()
	b.do(chromedp.Clear(chromedp.CSS(css)), chromedp.SendKeys(chromedp.CSS(css), text))
}

// text reads what a person reads.
func (b *browser) text(css string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(css)))
	if err != nil {
		b.fail(fmt.Errorf("read %s: %w", css, err))
	}
	return strings.TrimSpace(text)
}

// seeText waits until what matches says a text.
func (b *browser) seeText(css, text string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.querySelector(%q)?.innerText.includes(%q) ?? false`, css, text))
}

// path is the path of the page.
func (b *browser) path() string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	where, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		b.fail(err)
	}
	return strings.TrimPrefix(where, b.home)
}

// ticked lists the values of the ticked boxes of a name.
func (b *browser) ticked(name string) []string {
	b.t.Helper()
	raw := eval[string](b, fmt.Sprintf(
		`JSON.stringify([...document.querySelectorAll("input[name=%s]:checked")].map(i => i.value))`, name))
	var values []string
	if err := json.Unmarshal([]byte(raw), &values); err != nil {
		b.fail(err)
	}
	return values
}

// signIn signs the owner in by the browser.
func (b *browser) signIn() {
	b.t.Helper()
	b.open("/login")
	b.fill("#login [name=email]", ownerEmail)
	b.fill("#login [name=password]", ownerPassword)
	b.follow("#login button[type=submit]")
}

// scanScreen takes a picture of the QR code as it stands on the page and reads
// it with a decoder that is not ours, as a phone's camera would.
func (b *browser) scanScreen() string {
	b.t.Helper()
	const img = "img[src*='qr.png']"
	b.see(img)
	b.until(fmt.Sprintf(`(() => { const i = document.querySelector(%q); return i && i.complete && i.naturalWidth > 0 })()`, img))
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	for unread := error(nil); ; {
		raw, err := chromedp.Run(ctx, chromedp.Screenshot(chromedp.CSS(img)))
		if ctx.Err() != nil {
			b.fail(errors.Join(err, unread))
		}
		// A camera looks again too, when the page has moved meanwhile or another
		// one has taken its place.
		if unread = err; err != nil {
			continue
		}
		var text string
		if text, unread = decodeQR(raw); unread == nil {
			return text
		}
	}
}

// A page that moves under the mouse makes a click land beside what was meant: it
// does nothing there and is tried again.
func TestBrowserClicksWhatIsMeant(t *testing.T) {
	g := startGateway(t, settings(t, t.TempDir(), startNetwork(t)), ownerEnv())
	b := startBrowser(t, g.Home)
	b.open("/login")
	eval[bool](b, `(() => {
		window.heard = []
		const [space, wrong, right] = ["div", "button", "button"].map(name => document.createElement(name))
		wrong.id = "wrong"
		right.id = "right"
		space.style.height = "100px"
		for (const button of [wrong, right]) button.addEventListener("click", () => heard.push(button.id))
		document.body.replaceChildren(space, wrong, document.createElement("br"), right)
		addEventListener("mousedown", () => { space.style.height = "0"; wrong.style.height = "400px" }, {once: true})
		return true
	})()`)
	b.click("#right")
	b.click("#wrong")
	if heard := eval[string](b, `heard.join()`); heard != "right,wrong" {
		t.Errorf("the buttons heard %q", heard)
	}
}
