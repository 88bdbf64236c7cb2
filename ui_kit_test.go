package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// What the browser tests need beyond browser_test.go: a picture, an
// accessibility check, keys.

// size sets how large the window is, in CSS pixels.
func (b *browser) size(width, height int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}

// media sets what the page is told of the screen and the person: name, value.
func (b *browser) media(medium string, features ...string) {
	b.t.Helper()
	p := emulation.SetEmulatedMediaParams{Media: medium}
	for i := 0; i+1 < len(features); i += 2 {
		p.Features = append(p.Features, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, p)
		return err
	}))
}

// theme changes the colours of the page that is open.
func (b *browser) theme(name string) {
	b.t.Helper()
	eval[bool](b, `document.documentElement.dataset.theme = "`+name+`", true`)
}

// whileDown is what a browser's console says of a gateway that is not there.
func whileDown() []string {
	return []string{"net::ERR_", "status of 503", "htmx:sse:error", "htmx:error", "htmx:response:error"}
}

// eval runs an expression in the page and waits for its promise.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, func(p *runtime.EvaluateParams) { p.AwaitPromise = new(true) }))
	if err != nil {
		b.fail(fmt.Errorf("evaluate %.80s: %w", expression, err))
	}
	return v
}

// glance is eval for a page that is on its way to another: it gives the zero
// value where there is nothing to ask.
func glance[T any](b *browser, expression string) T {
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	v, _ := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	return v
}

// press sends keys to whatever has the focus.
func (b *browser) press(keys string) { b.t.Helper(); b.do(chromedp.KeyEvent(keys)) }

// focused is the id of what has the focus, or its element's name.
func (b *browser) focused() string {
	b.t.Helper()
	return eval[string](b, `document.activeElement ? document.activeElement.id || document.activeElement.localName : ""`)
}

// until waits until an expression is true in the page, also when another page
// takes its place meanwhile.
func (b *browser) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	for {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(0))) // ctx is the limit
		if err == nil {
			return
		}
		left := strings.Contains(err.Error(), "navigated") || strings.Contains(err.Error(), "Cannot find context")
		if ctx.Err() != nil || !left {
			b.fail(fmt.Errorf("wait for %s: %w", expression, err))
		}
	}
}

// shot keeps a picture of the whole page where BROWSER_SHOTS says.
func (b *browser) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("BROWSER_SHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	raw, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.fail(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), raw, 0o600); err != nil {
		b.t.Error(err)
	}
}

// axe is the accessibility checker, read once.
var axe = sync.OnceValues(func() (string, error) {
	raw, err := os.ReadFile(filepath.Join("testdata", "axe.min.js"))
	return string(raw), err
})

// checkAccess runs axe-core on the page as it stands.
func (b *browser) checkAccess(where string) {
	b.t.Helper()
	script, err := axe()
	if err != nil {
		b.t.Fatal(err)
	}
	if !eval[bool](b, `!!window.axe`) {
		b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, runtime.Evaluate, runtime.EvaluateParams{Expression: script})
			return err
		}))
	}
	raw := eval[string](b, `axe.run(document, {resultTypes: ['violations'],
		runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})
		.then(r => JSON.stringify(r.violations.map(v => ({id: v.id, nodes: v.nodes.map(n => n.html + ' | ' + n.failureSummary)}))))`)
	var found []struct {
		ID    string
		Nodes []string
	}
	if err := json.Unmarshal([]byte(raw), &found); err != nil {
		b.t.Fatal(err)
	}
	for _, v := range found {
		b.t.Errorf("%s: %s: %d nodes, such as %.600s", where, v.ID, len(v.Nodes), v.Nodes[0])
	}
}

// checkWidth fails when the page can be scrolled sideways.
func (b *browser) checkWidth(where string) {
	b.t.Helper()
	raw := eval[string](b, `(() => {
		const width = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= width) return "";
		const wide = [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > width + 1 && !e.closest("pre"));
		return document.documentElement.scrollWidth + " > " + width + ": " + wide.slice(-3).map(e => e.outerHTML.slice(0, 160)).join(" | ");
	})()`)
	if raw != "" {
		b.t.Errorf("%s: scrolls sideways: %s", where, raw)
	}
}

// logIn signs the owner in through the page.
func (b *browser) logIn() {
	b.t.Helper()
	b.open("/login")
	b.fill("#login [name=email]", ownerEmail)
	b.fill("#login [name=password]", ownerPassword)
	b.follow("#login button[type=submit]")
}

// create makes an instance through the page and gives its id.
func (b *browser) create(name string) string {
	b.t.Helper()
	b.open("/instances/new")
	b.fill("#instance-new [name=name]", name)
	b.follow("#instance-new button[type=submit]")
	return strings.TrimPrefix(b.path(), "/instances/")
}

// startDemo runs the demo and gives the addresses that it prints.
func startDemo(t *testing.T) (enter, phones, hook string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	log := &lockedBuffer{}
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, []string{"demo", "--addr", "127.0.0.1:0"}, nil, in, log)
		_ = in.Close()
	}()
	t.Cleanup(func() {
		cancel()
		if c := <-code; c != exitOK {
			t.Errorf("exit code %d; log:\n%s", c, log)
		}
	})
	return readInvitation(t, out)
}
