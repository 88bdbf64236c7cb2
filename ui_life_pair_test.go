package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"pombal/internal/wasim"
)

// Somebody without a camera types the number, gets a code, types it on the
// phone, and the number is linked. A number that is none is refused beside its
// field, a second code within a minute with the seconds to wait.
func TestPairByCodeInTheBrowser(t *testing.T) {
	w := startLife(t, wasim.Config{})
	w.expect("status of 422", "status of 429")
	w.see("#code-go")
	w.put("#country", "55")
	w.put("#phone", "12")
	w.click("#code-go")
	w.seeText("#phone-error", "7 to 15 digits")
	w.put("#phone", "(11) 98765-0001")
	w.click("#code-go")
	w.seePhase("pairing_code")
	code := w.text("#pair-code")
	if len(code) != 9 || code[4] != '-' {
		t.Errorf("the code is shown as %q", code)
	}
	card := w.text("#pair-" + w.id)
	for _, form := range []string{"+55 11 98765-0001", "+55 11 8765-0001"} { // with and without the ninth digit
		if !strings.Contains(card, form) {
			t.Errorf("the card does not show %s:\n%s", form, card)
		}
	}
	if n := eval[int](w.browser, `Number(document.querySelector(".pair [data-left]").dataset.left)`); n <= 0 || n > 160_000 {
		t.Errorf("%d ms left, want at most 160 s", n)
	}
	o := newOperator(t, w.g.Home)
	o.logIn()
	again := o.post("/instances/"+w.id+"/pair-code", url.Values{"country": {"55"}, "phone": {"11987650001"}})
	if again.Status != http.StatusTooManyRequests {
		t.Errorf("a second code at once is answered %d: %s", again.Status, again.says())
	}
	if w.text("#pair-code") != code {
		t.Error("the code on the screen changed")
	}
	if _, err := w.phone.EnterCode(context.Background(), code); err != nil {
		t.Fatal(err)
	}
	w.see("#status-" + w.id + " .badge.connected")
	w.seeText("#seen", "Last sign of life")
}

// An account that asks for its passkey is linked in three steps: the request is
// copied, the answer pasted, the code compared. A wrong answer says what it
// lacks and changes nothing; nobody has more than ten minutes.
func TestPasskeyInTheBrowser(t *testing.T) {
	w := startLife(t, wasim.Config{})
	w.expect("status of 422")
	// The first good answer leads nowhere: the phone of some people stays
	// silent, and what follows then is the step with the codes.
	if err := w.phone.RequirePasskey(wasim.PasskeyOptions{Swallow: 1}); err != nil {
		t.Fatal(err)
	}
	w.see("#pair-" + w.id + "[data-phase=qr]")
	scanned := make(chan error, 1)
	go func() { _, err := w.phone.Scan(w.ctx, w.scanScreen()); scanned <- err }()
	w.seePhase("passkey")
	w.gone(".pair img") // every code of the round is dead
	if n := eval[int](w.browser, `document.querySelectorAll(".pair ol.steps > li").length`); n != 3 {
		t.Errorf("%d steps", n)
	}
	if n := eval[int](w.browser, `Number(document.querySelector(".pair [data-left]").dataset.left)`); n <= 0 || n > 600_000 {
		t.Errorf("%d ms left, want at most 10 minutes", n)
	}
	request := w.copyRequest()
	for _, wrong := range []struct{ answer, says string }{
		{"hello", "begins with a curly bracket"},
		{`{"id":"x","type":"public-key"}`, "rawId, response.clientDataJSON"},
	} {
		w.put("#answer", wrong.answer)
		w.click("#passkey-go")
		w.seeText("#answer-error", wrong.says)
		w.refresh("#pair-" + w.id)
		w.seeText("#answer-error", wrong.says)
		if typed := eval[string](w.browser, `document.querySelector("#answer").value`); typed != wrong.answer {
			t.Errorf("after the card was fetched again the field says %q", typed)
		}
	}
	o := newOperator(t, w.g.Home)
	o.logIn()
	if p := o.post("/instances/"+w.id+"/passkey", url.Values{"answer": {"{}"}}); p.Status != http.StatusUnprocessableEntity ||
		!strings.Contains(p.Find("#answer-error").Text(), "response.signature") {
		t.Errorf("without scripts: %d, %s", p.Status, p.says())
	}
	w.paste(request)
	w.see("#passkey-again")
	w.click("#passkey-again")
	w.paste(request)

	w.see("#passkey-same")
	if shown := w.text("#passkey-code"); shown != w.phone.PasskeyCode() || shown == "" {
		t.Errorf("the page shows %q, the phone %q", shown, w.phone.PasskeyCode())
	}
	if px := eval[float64](w.browser, `parseFloat(getComputedStyle(document.querySelector("#passkey-code")).fontSize)`); px < 32 {
		t.Errorf("the code is %.0f px high", px)
	}
	w.click("#passkey-same")
	w.see("#status-" + w.id + " .badge.connected")
	if err := <-scanned; err != nil {
		t.Fatal(err)
	}
}

// copyRequest copies the request by its button and gives the part of it that
// the passkey has to answer.
func (w *lifeWorld) copyRequest() []byte {
	w.t.Helper()
	w.click("#passkey-request-copy")
	w.see(".toast.ok")
	w.do(chromedp.Focus(chromedp.CSS("#answer")), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, input.DispatchKeyEvent, input.DispatchKeyEventParams{
			Type: "keyDown", Key: "v", Modifiers: 2, Commands: []string{"paste"},
		})
		return err
	}))
	w.until(`document.querySelector("#answer").value !== ""`)
	copied := eval[string](w.browser, `document.querySelector("#answer").value`)
	shown := eval[string](w.browser, `document.querySelector("#passkey-request").textContent`)
	if copied != shown {
		w.t.Errorf("copied %.60q, shown %.60q", copied, shown)
	}
	first, last := strings.Index(shown, "(\n"), strings.LastIndex(shown, "\n)")
	request := []byte(shown[first+1 : last+1])
	if !json.Valid(request) {
		w.t.Fatalf("no request in %q", shown)
	}
	return request
}

// paste answers the request as the account's own browser would.
func (w *lifeWorld) paste(request []byte) {
	w.t.Helper()
	answer, err := w.phone.PasskeyAnswer(request)
	if err != nil {
		w.t.Fatal(err)
	}
	w.see("#answer")
	w.put("#answer", string(answer))
	w.click("#passkey-go")
}

// post sends a form that the page may not show now: the token is the page's.
func (o *operator) post(action string, values url.Values) *page {
	o.t.Helper()
	token := o.get("/instances").Find("input[name=_csrf]").AttrOr("value", "")
	values.Set("_csrf", token)
	req, err := http.NewRequest(http.MethodPost, o.absolute(action), strings.NewReader(values.Encode()))
	if err != nil {
		o.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", o.home)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	return o.do(req)
}
