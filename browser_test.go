package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// browser is a Chromium with one tab. Every console message above "info" and
// every violation of the content security policy fails the test at its end.
type browser struct {
	t    *testing.T
	ctx  context.Context
	home string

	mu      sync.Mutex
	console []string
}

// startBrowser opens Chromium, or skips the test where there is none.
func startBrowser(t *testing.T, home string) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
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
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(alloc)
	t.Cleanup(closeTab)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, home: home}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.console = append(b.console, m.String())
			b.mu.Unlock()
		}
	}()
	return b
}

// noScripts switches JavaScript off for the tab.
func (b *browser) noScripts() {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	}))
}

// quiet fails the test when the console holds anything but what allowed
// patterns explain.
func (b *browser) quiet(allowed ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.console {
		ok := false
		for _, a := range allowed {
			ok = ok || strings.Contains(line, a)
		}
		if !ok {
			b.t.Errorf("console: %s", line)
		}
	}
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

// gone waits until nothing that matches is on the page.
func (b *browser) gone(css string) { b.t.Helper(); b.do(chromedp.WaitNotPresent(chromedp.CSS(css))) }

// click clicks without waiting for anything.
func (b *browser) click(css string) { b.t.Helper(); b.do(chromedp.Click(chromedp.CSS(css))) }

// follow clicks and waits for the page that comes of it.
func (b *browser) follow(css string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(css))); err != nil {
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
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](fmt.Sprintf(
		`document.querySelector(%q)?.innerText.includes(%q) ?? false`, css, text), chromedp.WithPollingTimeout(limit)))
	if err != nil {
		b.fail(fmt.Errorf("%s does not say %q: %w", css, text, err))
	}
}

// path is the path of the page.
func (b *browser) path() string {
	b.t.Helper()
	where, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		b.fail(err)
	}
	return strings.TrimPrefix(where, b.home)
}

// ticked lists the values of the ticked boxes of a name.
func (b *browser) ticked(name string) []string {
	b.t.Helper()
	raw, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(
		`JSON.stringify([...document.querySelectorAll("input[name=%s]:checked")].map(i => i.value))`, name)))
	if err != nil {
		b.fail(err)
	}
	var values []string
	if err := json.Unmarshal([]byte(raw), &values); err != nil {
		b.fail(err)
	}
	return values
}

// scanScreen takes a picture of the QR code as it stands on the page and reads
// it with a decoder that is not ours, as a phone's camera would.
func (b *browser) scanScreen() string {
	b.t.Helper()
	const img = "img[src*='qr.png']"
	b.see(img)
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Poll[bool](fmt.Sprintf(`(() => { const i = document.querySelector(%q); return i && i.complete && i.naturalWidth > 0 })()`, img)))
	if err != nil {
		b.fail(err)
	}
	raw, err := chromedp.Run(ctx, chromedp.Screenshot(chromedp.CSS(img)))
	if err != nil {
		b.fail(err)
	}
	text, err := decodeQR(raw)
	if err != nil {
		b.fail(fmt.Errorf("read the QR code on the screen: %w", err))
	}
	return text
}
