package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	cdpage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// house is a gateway with two instances that are not linked, its operator, and
// a browser that is signed in.
type house struct {
	*browser
	g           *gateway
	o           *operator
	args        []string
	sales, desk string // ids
}

func startHouse(t *testing.T) *house {
	t.Helper()
	h := &house{args: settings(t, t.TempDir(), startNetwork(t))}
	h.g = startGateway(t, h.args, ownerEnv())
	h.o = newOperator(t, h.g.Home)
	h.o.logIn()
	h.sales, h.desk = h.o.create("Sales"), h.o.create("Desk")
	h.browser = startBrowser(t, h.g.Home)
	h.logIn()
	return h
}

// quietly switches an instance off, so that nothing but the test changes it.
func (h *house) quietly(ids ...string) {
	h.t.Helper()
	for _, id := range ids {
		h.turn(id, "off")
	}
}

// turn switches an instance on or off, as somebody else at another screen.
func (h *house) turn(id, to string) { h.t.Helper(); h.o.turn(id, to) }

// rename gives an instance another name, as somebody else at another screen.
func (h *house) rename(id, name string) {
	h.t.Helper()
	at := "/instances/" + id + "/settings"
	h.o.submit(h.o.get(at), at, url.Values{"name": {name}})
}

// at is the address of the gateway without its scheme.
func (g *gateway) at() string { return strings.TrimPrefix(g.Home, "http://") }

// count counts the requests whose path begins with a prefix.
func (b *browser) count(prefix string) (requests func() int) {
	b.t.Helper()
	var mu sync.Mutex
	n := 0
	b.listen(func(ev any) {
		if e, ok := ev.(*network.EventRequestWillBeSent); ok && strings.HasPrefix(e.Request.URL, b.home+prefix) {
			mu.Lock()
			n++
			mu.Unlock()
		}
	})
	return func() int { mu.Lock(); defer mu.Unlock(); return n }
}

// streams tells how many live streams the page that the tab shows has open. Of
// those of a page that was left Chromium does not always tell the end.
func (b *browser) streams() (open func() int) {
	b.t.Helper()
	var mu sync.Mutex
	var page cdp.LoaderID
	ids := make(map[network.RequestID]cdp.LoaderID)
	b.listen(func(ev any) {
		mu.Lock()
		defer mu.Unlock()
		switch e := ev.(type) {
		case *network.EventRequestWillBeSent:
			if e.Type == network.ResourceTypeDocument {
				page = e.LoaderID
			}
			if strings.HasPrefix(e.Request.URL, b.home+"/live") {
				ids[e.RequestID] = e.LoaderID
			}
		case *network.EventLoadingFinished:
			delete(ids, e.RequestID)
		case *network.EventLoadingFailed:
			delete(ids, e.RequestID)
		}
	})
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		n := 0
		for _, of := range ids {
			if of == page {
				n++
			}
		}
		return n
	}
}

// stay marks the page, and stayed says whether it is still the same one: a
// reload takes the mark away.
func (b *browser) stay()        { b.t.Helper(); eval[bool](b, `window.marked = true`) }
func (b *browser) stayed() bool { b.t.Helper(); return eval[bool](b, `window.marked === true`) }

// block refuses the requests to a path before they leave the browser; "" lets
// all go.
func (b *browser) block(path string) {
	b.t.Helper()
	var p network.SetBlockedURLsParams
	if path != "" {
		p.URLPatterns = []*network.BlockPattern{{URLPattern: b.home + path, Block: true}}
	}
	b.do(protocol(network.SetBlockedURLs, p))
}

// offline takes the network away from the browser, or gives it back.
func (b *browser) offline(is bool) {
	b.t.Helper()
	b.do(protocol(network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Offline: is, DownloadThroughput: -1, UploadThroughput: -1}},
	}), protocol(network.OverrideNetworkState, network.OverrideNetworkStateParams{
		Offline: is, DownloadThroughput: -1, UploadThroughput: -1,
	}))
}

// protocol makes a command of the protocol a step.
func protocol[P, R any](command cdp.Command[P, R], p P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, p)
		return err
	})
}

// twice clicks, and clicks again before the first click can have led anywhere:
// what the gateway answers is held back until then, or the second click could
// fall on the next page.
func (b *browser) twice(css string) {
	b.t.Helper()
	b.see(css)
	b.do(chromedp.ScrollIntoView(chromedp.CSS(css)))
	at := eval[struct{ X, Y float64 }](b, fmt.Sprintf(
		`(() => { const r = document.querySelector(%q).getBoundingClientRect(); return {X: r.x + r.width / 2, Y: r.y + r.height / 2} })()`, css))
	held := fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: b.home + "/*", RequestStage: fetch.RequestStageResponse}}}
	b.do(protocol(fetch.Enable, held), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for i := range 2 {
			for _, kind := range []input.DispatchMouseEventType{chromedp.MousePressed, chromedp.MouseReleased} {
				if _, err := cdp.Call(ctx, t, input.DispatchMouseEvent, input.DispatchMouseEventParams{
					Type: kind, X: at.X, Y: at.Y, Button: input.MouseButtonLeft, ClickCount: int64(i + 1),
				}); err != nil {
					return err
				}
			}
		}
		return nil
	}), protocol(fetch.Disable, cdp.Empty{}))
}

// refresh has a region fetch itself, as a signal does, and waits for the answer.
func (b *browser) refresh(region string) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`(() => {
		const region = document.querySelector(%q);
		window.refreshed = false;
		region.addEventListener("htmx:finally:request", () => { window.refreshed = true });
		return htmx.trigger(region, "refresh", {}, false), true;
	})()`, region))
	b.until("window.refreshed")
}

// toFront makes the tab the one that is looked at.
func (b *browser) toFront() { b.t.Helper(); b.do(protocol(cdpage.BringToFront, cdp.Empty{})) }
