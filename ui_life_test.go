package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/chromedp"

	"pombal/internal/wasim"
)

// lifeWorld is a gateway with one instance on its page in a browser, against a
// network with one phone.
type lifeWorld struct {
	*browser
	network *wasim.Server
	phone   *wasim.Phone
	g       *gateway
	id      string
}

// startLife opens the page of a new instance. It has a code on its screen when
// the function returns.
func startLife(t *testing.T, cfg wasim.Config, more ...string) *lifeWorld {
	t.Helper()
	cfg.Root = root()
	stand, err := wasim.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stand.Close() })
	w := &lifeWorld{network: stand, phone: stand.NewPhone("5511987650001", "Shop Front")}
	w.g = startGateway(t, settings(t, t.TempDir(), stand, more...), ownerEnv())
	w.browser = startBrowser(t, w.g.Home)
	w.logIn()
	w.id = w.create("Loja Centro")
	return w
}

// seePhase waits until the connect card is in a phase.
func (w *lifeWorld) seePhase(phase string) {
	w.t.Helper()
	w.until(`document.querySelector("#pair-` + w.id + `")?.dataset.phase === "` + phase + `"`)
}

// link scans the code on the screen and waits until the page says connected.
func (w *lifeWorld) link() {
	w.t.Helper()
	w.see("#pair-" + w.id + "[data-phase=qr]")
	if _, err := w.phone.Scan(context.Background(), w.scanScreen()); err != nil {
		w.t.Fatal(err)
	}
	w.see("#status-" + w.id + " .badge.connected")
}

// put sets what stands in a field, whatever stood there.
func (w *lifeWorld) put(css, text string) {
	w.t.Helper()
	w.see(css)
	w.do(chromedp.SetValue(chromedp.CSS(css), text))
}

// look takes a picture of the place of the code: nil when nothing is there.
func (w *lifeWorld) look() []byte {
	w.t.Helper()
	if !eval[bool](w.browser, `(() => { const i = document.querySelector("img[src*='qr.png']");
		return !!i && i.complete && i.naturalWidth > 0 && getComputedStyle(i).visibility !== "hidden" })()`) {
		return nil
	}
	ctx, cancel := context.WithTimeout(w.ctx, limit)
	defer cancel()
	box, err := chromedp.Run(ctx, chromedp.Screenshot(chromedp.CSS("img[src*='qr.png']")))
	if err != nil {
		return nil // it went away meanwhile
	}
	return box
}

// emittedCodes are the codes that webhooks were told of so far.
func emittedCodes(r *receiver) (codes []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		var body struct{ Data struct{ Code string } }
		if c.Event == "qrcode.updated" && json.Unmarshal(c.Body, &body) == nil {
			codes = append(codes, body.Data.Code)
		}
	}
	return codes
}

// The code on the screen is renewed over three rounds, and what a camera reads
// is always a code that was emitted last: a dead one is never looked at twice.
func TestCodeOnScreenIsNeverDead(t *testing.T) {
	const refs, rounds = 2, 3
	hooks := startReceiver(t)
	w := startLife(t, wasim.Config{Refs: refs}, "--whatsapp-code-time", "900ms", "--webhook-allow", hooks.host())
	w.see("#pair-" + w.id + "[data-phase=qr]")
	w.click("#go-" + w.id) // cancel: the webhook comes first
	w.seePhase("new")
	w.addWebhook(w.id, hooks.URL)
	w.open("/instances/" + w.id)
	w.click("#go-" + w.id)

	seen, stale := make(map[string]bool), 0
	deadline := time.Now().Add(limit)
	for len(seenRounds(seen, emittedCodes(hooks), refs)) < rounds {
		if time.Now().After(deadline) {
			t.Fatalf("saw %d codes of %d", len(seen), len(emittedCodes(hooks)))
		}
		before := emittedCodes(hooks)
		shot := w.look()
		if shot == nil {
			continue
		}
		text, err := decodeQR(shot)
		if err != nil {
			continue // caught in the middle of a change: a camera would look again
		}
		seen[text] = true
		// One that was just replaced may still be there for as long as the page
		// takes to hear of it; not for the whole life of the next one.
		if i := slices.Index(before, text); i >= 0 && i < len(before)-2 {
			stale++
		} else {
			stale = 0
		}
		if stale > 1 {
			t.Fatalf("a dead code stays on the screen: number %d of %d", slices.Index(before, text)+1, len(before))
		}
	}
	w.pairWhatIsShown()
	hooks.until(t, "each code that was seen", func([]received) bool {
		all := emittedCodes(hooks)
		for text := range seen {
			if !slices.Contains(all, text) {
				return false
			}
		}
		return true
	})
}

// seenRounds says which rounds the codes belong to that were seen.
func seenRounds(seen map[string]bool, emitted []string, refs int) map[int]bool {
	rounds := make(map[int]bool)
	for i, code := range emitted {
		if seen[code] {
			rounds[i/refs] = true
		}
	}
	return rounds
}

// pairWhatIsShown scans until the phone takes the code: one whose round ends
// between the look and the scan, or during it, is refused, as the real network
// does.
func (w *lifeWorld) pairWhatIsShown() {
	w.t.Helper()
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		if eval[bool](w.browser, `document.querySelector(".pair").dataset.phase === "link_expired"`) {
			w.click("#go-" + w.id)
		}
		text, err := decodeQR(w.look())
		if err != nil {
			continue
		}
		_, err = w.phone.Scan(context.Background(), text)
		switch {
		case err == nil:
			w.see("#status-" + w.id + " .badge.connected")
			return
		case !errors.Is(err, wasim.ErrExpiredCode) && !errors.Is(err, wasim.ErrUnknownCode) && !errors.Is(err, wasim.ErrRejected):
			w.t.Fatal(err)
		}
	}
	w.t.Fatal("no code on the screen was taken")
}

// While the picture of the next code is on its way, the old one is not shown.
func TestCodeBlanksUntilTheNextPicture(t *testing.T) {
	w := startLife(t, wasim.Config{}, "--whatsapp-code-time", "2s")
	w.scanScreen()
	w.do(protocol(fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: w.home + "/*/qr.png*"}}}))
	w.until(`document.querySelector("#qr")?.complete === false`)
	if got := eval[string](w.browser, `getComputedStyle(document.querySelector("#qr")).visibility`); got != "hidden" {
		t.Errorf("the old code is %s", got)
	}
	w.do(protocol(fetch.Disable, cdp.Empty{}))
	w.scanScreen()
}

// A page that hears nothing any more still takes the code away when it dies.
func TestCodeBlanksWithoutTheServer(t *testing.T) {
	w := startLife(t, wasim.Config{}, "--whatsapp-code-time", "4s")
	w.see("#pair-" + w.id + "[data-phase=qr] img")
	w.scanScreen()
	w.expect(append(whileDown(), "Failed to fetch", "network error")...)
	if err := w.g.stop(); err != nil {
		t.Fatal(err)
	}
	w.see(".scan.dead .blank")
	if eval[string](w.browser, `getComputedStyle(document.querySelector("#qr")).visibility`) != "hidden" {
		t.Error("a dead code can still be scanned")
	}
}
